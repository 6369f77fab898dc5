"""Where in the user's code something was written: code objects, instructions, lines."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeAlias

from .._stack import LIBRARIES, Line
from .plain import one_line

__all__ = [
    "BackwardPlace",
    "Mention",
    "SourceInfo",
    "line_in_file",
    "line_number",
    "line_of",
    "located",
    "name_of",
    "place_of",
]


SourceInfo: TypeAlias = tuple[CodeType, int]
"""Where the user wrote an operation: a code object and an instruction in it."""


class BackwardPlace(tuple[CodeType, int]):
    """The place of what a backward pass does: that of ``operation``, which it differentiates."""

    operation = ""


@functools.lru_cache(4096)
def line_at(filename: str, name: str, line: int) -> SourceInfo:
    code = _NOTHING.replace(co_filename=filename, co_name=name, co_firstlineno=line)
    return code, 0


_NOTHING = (lambda: None).__code__


def line_of(source_info: SourceInfo | None) -> str:
    """``"train.py:12 in loss"``, or ``""`` where the place is not known."""
    if source_info is None:
        return ""
    code, _ = source_info
    name = os.path.basename(one_line(code.co_filename))
    return f"{name}:{line_number(source_info)} in {one_line(code.co_name)}"


def located(local: str) -> Callable[[FrameType], Line | None]:
    """For `LINE_FINDERS`: from a frame to the line of its ``local``, source info or an equation."""

    def line(frame: FrameType) -> Line | None:
        found: Any = frame.f_locals.get(local)
        source_info: SourceInfo | None = getattr(found, "source_info", found)
        return line_in_file(source_info)

    return line


def line_in_file(source_info: SourceInfo | None) -> Line | None:
    """The file and the line of a place."""
    return None if source_info is None else (source_info[0].co_filename, line_number(source_info))


def name_of(f: Any) -> str:
    """The name of a function as programs and errors print it, or of the class of a callable."""
    name = getattr(f, "__name__", None)
    return str.__str__(name) if isinstance(name, str) else type(f).__name__


def place_of(f: Any) -> str:
    """``"loss() at train.py:12"``: a function as errors name it."""
    code = getattr(getattr(f, "__wrapped__", f), "__code__", None)
    if not isinstance(code, CodeType) or code.co_filename.startswith(LIBRARIES):
        return f"{name_of(f)}()"
    return f"{name_of(f)}() at {os.path.basename(code.co_filename)}:{code.co_firstlineno}"


class Mention:
    """What stands for a function of which only name and place are told, where it is pickled."""

    __slots__ = ("__code__", "__name__")

    def __init__(self, name: str, source_info: tuple[str, str, int] | None) -> None:
        self.__name__ = name
        self.__code__ = None if source_info is None else line_at(*source_info)[0]

    @classmethod
    def of(cls, f: Any) -> Mention:
        """What stands for a function."""
        code = getattr(getattr(f, "__wrapped__", f), "__code__", None)
        known = isinstance(code, CodeType)
        source_info = (code.co_filename, code.co_name, code.co_firstlineno) if known else None
        return cls(name_of(f), source_info)

    def __reduce__(self) -> tuple[Any, ...]:
        code = self.__code__
        source_info = (
            None if code is None else (code.co_filename, code.co_name, code.co_firstlineno)
        )
        return Mention, (self.__name__, source_info)


def line_number(source_info: SourceInfo) -> int:
    """The line of an instruction; resolved only when somebody asks."""
    code, instruction = source_info
    positions = itertools.islice(code.co_positions(), instruction // 2, None)
    found = next(positions, (None,))[0]
    return found if found is not None else code.co_firstlineno
