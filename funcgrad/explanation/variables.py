"""The user's own names of values: which variable an operation's result is assigned to."""

from __future__ import annotations

import ast
import functools
import itertools
import linecache
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import TypeAlias

from .._stack import COMPILED, LIBRARIES
from ..core.source_info import SourceInfo

__all__ = ["code_line", "targets_of", "users_frames"]

_Span: TypeAlias = tuple[int, int, int, int]
"""Where an expression stands: first line, last line, first column, last column (in bytes)."""


def targets_of(source_info: SourceInfo | None) -> tuple[str, ...]:
    """The variables that an instruction's result is assigned to, as ``q, r = qr(a)`` has two.

    Python knows for each instruction where its expression stands (`codeobject.co_positions`); it is
    compared with the right sides of the assignments in the file. Empty where there is none, or no
    source.
    """
    if source_info is None:
        return ()
    code, instruction = source_info
    found = next(itertools.islice(code.co_positions(), instruction // 2, None), None)
    if found is None or None in found:
        return ()
    first, last, left, right = found
    return _assignments(code.co_filename).get((first, last, left, right), ())  # type: ignore[arg-type]


def code_line(source_info: SourceInfo | None) -> str:
    """The text of the statement's first line, without indentation; empty where it is not known."""
    if source_info is None:
        return ""
    code, instruction = source_info
    found = next(itertools.islice(code.co_positions(), instruction // 2, None), (None,))[0]
    return linecache.getline(code.co_filename, found).strip() if found else ""


@functools.lru_cache(256)
def _assignments(filename: str) -> dict[_Span, tuple[str, ...]]:
    lines = linecache.getlines(filename)
    try:
        module = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # no Python, or none for us
        return {}
    found: dict[_Span, tuple[str, ...]] = {}
    for node in ast.walk(module):
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                found.update(_pairs(target, node.value))
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found[_span(node)] = (node.target.id,)
    return found


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[_Span, tuple[str, ...]]]:
    if isinstance(target, ast.Name):
        yield _span(value), (target.id,)
    elif isinstance(target, (ast.Tuple, ast.List)):
        parts = target.elts
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(parts):
            for part, each in zip(parts, value.elts, strict=True):
                yield from _pairs(part, each)
        elif all(isinstance(part, ast.Name) for part in parts):
            yield _span(value), tuple([part.id for part in parts if isinstance(part, ast.Name)])


def _span(node: ast.expr | ast.stmt) -> _Span:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def users_frames(frame: FrameType | None, until: CodeType) -> Iterator[FrameType]:
    """The user's frames on the stack, innermost first, as far as a call of ``until``."""
    while frame is not None and frame.f_code is not until:
        file = frame.f_code.co_filename
        if not file.startswith(LIBRARIES) and COMPILED not in file:
            yield frame
        frame = frame.f_back
