"""Floor 2: the names of mapped axes that are open.

A batch of values has no name; the call of `vmap` that makes it may have one, and the collectives
(`psum`, ...) inside find it here. What they find is the axis's *index*, a tracer of the batch's own
frame: taken as an operand, it ties a collective to its batch through any program that captures it.
So no transform carries names, and no cache depends on them.

The stack is context-local, as the names are those of calls that have not returned.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..errors import ArgumentError

__all__ = ["Axis", "any_open", "is_open", "named", "opened", "watched"]


class Axis:
    """A named axis of one call of `vmap`.

    Attributes:
        name: The name.
        size: The length.
        index: A tracer of the batch's frame: each element's own place along the axis.
    """

    __slots__ = ("index", "name", "size")

    def __init__(self, name: Hashable, size: int, index: Any) -> None:
        self.name, self.size, self.index = name, size, index


_OPEN: ContextVar[tuple[Axis, ...]] = ContextVar("open axes", default=())
_WATCHING: ContextVar[tuple[list[Axis], ...]] = ContextVar("watching", default=())


def named(name: Hashable, what: str) -> Axis:
    """The innermost open axis of that name.

    Args:
        name: The name.
        what: Who asks, for errors.

    Raises:
        ArgumentError: Where there is none.
    """
    for axis in reversed(_OPEN.get()):
        if axis.name == name:
            for seen in _WATCHING.get():
                seen.append(axis)
            return axis
    known = ", ".join(dict.fromkeys([repr(axis.name) for axis in _OPEN.get()]))
    raise ArgumentError(
        f"{what}: no mapped axis is named {name!r} here; open are: {known or 'none'}",
        f"Name it where it is mapped: vmap(f, axis_name={name!r}).",
    )


def any_open() -> bool:
    """Whether any named axis is open, so that a collective may occur."""
    return bool(_OPEN.get())


def is_open(axis: Axis) -> bool:
    """Whether a collective that asks for its name would find this axis."""
    found = next((a for a in reversed(_OPEN.get()) if a.name == axis.name), None)
    return found is axis


@contextmanager
def opened(axis: Axis) -> Generator[None]:
    """Let collectives find ``axis``."""
    token = _OPEN.set((*_OPEN.get(), axis))
    try:
        yield
    finally:
        _OPEN.reset(token)


@contextmanager
def watched() -> Generator[list[Axis]]:
    """Collect the axes that are asked for meanwhile: what is traced then belongs to them."""
    seen: list[Axis] = []
    token = _WATCHING.set((*_WATCHING.get(), seen))
    try:
        yield seen
    finally:
        _WATCHING.reset(token)
