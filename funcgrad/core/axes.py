"""The names of mapped axes that are open.

A batch of values has no name; the call of `vmap` that makes it may have one, and the collectives
(`psum`, ...) inside find it here. What they find is the axis's *index*, a tracer of the batch's own
frame: taken as an operand, it ties a collective to its batch through any program that captures it.
So no transform carries names, and no cache depends on them.

The stack is context-local, as the names are those of calls that have not returned.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextvars import ContextVar
from typing import Any

from ..errors import ArgumentError

__all__ = ["OPEN", "WATCHING", "Axis", "any_open", "axis_named", "is_open"]


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


OPEN: ContextVar[tuple[Axis, ...]] = ContextVar("open axes", default=())
"""The axes that collectives find, innermost last."""
WATCHING: ContextVar[tuple[list[Axis], ...]] = ContextVar("watching", default=())
"""Lists that collect the axes that are asked for: what is traced meanwhile belongs to these axes.

Who sets either does so within the ``try`` whose ``finally`` sets what it was, for an interrupt may
come as soon as it is set; a context manager written in Python may be interrupted as it is left.
"""


def axis_named(name: Hashable, what: str) -> Axis:
    """The innermost open axis of that name.

    Args:
        name: The name.
        what: Who asks, for errors.

    Raises:
        ArgumentError: Where there is none.
    """
    for axis in reversed(OPEN.get()):
        if axis.name == name:
            for seen in WATCHING.get():
                seen.append(axis)
            return axis
    known = ", ".join(dict.fromkeys([repr(axis.name) for axis in OPEN.get()]))
    raise ArgumentError(
        f"{what}: no mapped axis is named {name!r} here; open are: {known or 'none'}",
        f"Name it where it is mapped: vmap(f, axis_name={name!r}).",
    )


def any_open() -> bool:
    """Whether any named axis is open, so that a collective may occur."""
    return bool(OPEN.get())


def is_open(axis: Axis) -> bool:
    """Whether a collective that asks for its name would find this axis."""
    found = next((a for a in reversed(OPEN.get()) if a.name == axis.name), None)
    return found is axis
