"""The traced values that functions with rules close over.

A call belongs to the newest frame among its operands. What it closes over may be newer than that:
the value of a `vmap`, a program or a gradient that stands inside of the one which differentiates.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...core.trace import Frame, Tracer
from ...errors import TracerAssignmentError
from ...transforms.vjp import TapeFrame
from ...tree.treedef import lock

__all__ = ["Reopened", "newest_of", "tracers_within", "values_below"]

_LOOKED_AT = 1000
"""How many objects are looked at, at most: closures may lead to anything."""
_PLAIN = (
    *(np.ndarray, np.generic, np.dtype, int, float, complex, str, bytes, type(None)),
    *(type, types.ModuleType, types.BuiltinFunctionType, types.CodeType, inspect.Signature, Frame),
)


def tracers_within(*roots: Any) -> list[Tracer]:
    """The tracers of open frames that functions and other objects lead to.

    Cells, defaults and attributes of functions, what is bound to methods and partials, items of
    containers, attributes of objects; not what is global.
    """
    found: list[Tracer] = []
    pending = list(roots)
    seen: set[int] = set()
    for x in pending:  # which grows
        if isinstance(x, _PLAIN) or id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, Tracer):
            if _is_open(x):
                found.append(x)
        elif len(seen) < _LOOKED_AT:
            pending += _parts(x)
    return found


def _is_open(x: Tracer) -> bool:
    try:
        return not x.frame.closed
    except TracerAssignmentError:  # updated in place under another name
        return False


def _parts(x: Any) -> Iterator[Any]:
    """What an object leads to directly."""
    if isinstance(x, types.FunctionType):
        for cell in x.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # a variable that has no value yet
                continue
        yield from x.__defaults__ or ()
        yield from (x.__kwdefaults__ or {}).values()
    elif isinstance(x, types.MethodType):
        yield from (x.__func__, x.__self__)
    elif isinstance(x, functools.partial):
        yield from (x.func, *x.args, *x.keywords.values())
    elif isinstance(x, dict):
        yield from list(x.values())[:_LOOKED_AT]
    elif isinstance(x, list | tuple | set | frozenset):
        yield from list(x)[:_LOOKED_AT]
    elif dataclasses.is_dataclass(x):
        yield from [getattr(x, field.name, None) for field in dataclasses.fields(x)]
    own = getattr(x, "__dict__", None)
    if isinstance(own, dict):
        yield from own.values()


def newest_of(values: Sequence[Any]) -> Frame | None:
    """The newest frame among values."""
    newest: Frame | None = None
    for x in values:
        if isinstance(x, Tracer) and (newest is None or x.frame.level > newest.level):
            newest = x.frame
    return newest


def values_below(frame: Frame, values: Sequence[Any]) -> list[Any]:
    """Values, with what tracers of ``frame`` stand for in their place."""
    return [x.value if isinstance(x, Tracer) and x.frame is frame else x for x in values]


class Reopened:
    """A frame that is open also after its transform has returned: for a backward pass."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self._users, self._was_closed = 0, False

    @contextmanager
    def again(self) -> Generator[Any, None, None]:
        """The frame, open."""
        frame = self.frame
        with lock():
            if not self._users:
                self._was_closed = frame.closed
            self._users += 1
            frame.closed = False
        try:
            yield frame
        finally:
            with lock():
                self._users -= 1
                if not self._users:
                    frame.closed = self._was_closed
                    if frame.closed and isinstance(frame, TapeFrame):
                        frame.tape = []  # of what is computed for others
