"""Growable tapes, what a loop of unknown length leaves for its backward pass.

A `Steps` holds one array a step. Its type, `StepsAval`, says what one entry is, and not how many
there are. Cotangents and tangents of a tape are tapes of the same length; `+` adds entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .ir import Aval, Shape

__all__ = ["Steps", "StepsAval", "length_of", "zeros_of"]


class StepsAval(Aval):
    """The type of a tape.

    Attributes:
        entry: The type of one entry.
        lanes: The leading axes of an entry along which not every lane took every step; ``()`` where
            all steps are everybody's.
    """

    __slots__ = ("entry", "lanes")

    def __init__(self, entry: Aval, lanes: Shape = ()) -> None:
        super().__init__((), entry.dtype)
        self.entry: Any = entry
        self.lanes = lanes
        self._hash = hash((StepsAval, entry, lanes))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, StepsAval) and self.entry == other.entry and self.lanes == other.lanes
        )

    __hash__ = Aval.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return StepsAval, (self.entry, self.lanes)

    def element(self) -> Aval:
        return StepsAval(self.entry.element(), self.lanes[1:])

    def batch(self, size: int) -> Aval:
        return StepsAval(self.entry.batch(size), (size, *self.lanes) if self.lanes else ())

    def strong(self) -> Aval:
        return StepsAval(self.entry.strong(), self.lanes)

    def short(self) -> str:
        return f"steps of {self.entry.short()}"

    def __str__(self) -> str:
        return f"steps of {self.entry}"


class Steps:
    """A tape: one array, scalar or tape a step, in order.

    Attributes:
        entries: The entries; None for a tape of zeros of whatever length is asked.
        aval: Its type.
        masks: For each step which lanes took it, where ``aval.lanes``.
    """

    __slots__ = ("aval", "entries", "masks")

    def __init__(
        self, entries: Sequence[Any] | None, aval: StepsAval, masks: Sequence[Any] = ()
    ) -> None:
        self.entries = None if entries is None else list(entries)
        self.aval = aval
        self.masks = list(masks)

    def __len__(self) -> int:
        return 0 if self.entries is None else len(self.entries)

    def __getitem__(self, step: int) -> Any:
        return zeros_of(self.aval.entry) if self.entries is None else self.entries[step]

    def __add__(self, other: Steps) -> Steps:
        if self.entries is None or other.entries is None:
            return other if self.entries is None else self
        added = [a + b for a, b in zip(self.entries, other.entries, strict=True)]
        return Steps(added, self.aval, self.masks)

    def mapped(self, f: Callable[[Any], Any], aval: StepsAval, mask: Any = None) -> Steps:
        """The tape with ``f`` of every array in it, and ``mask`` (or ``f``) of every mask."""
        if self.entries is None:
            return Steps(None, aval)
        entries = [
            e.mapped(f, aval.entry, mask) if isinstance(e, Steps) else f(e) for e in self.entries
        ]
        return Steps(entries, aval, [(mask or f)(m) for m in self.masks] if aval.lanes else ())


def zeros_of(aval: Aval) -> Any:
    """Zeros of a type: a NumPy scalar, a read-only array that takes no memory, a tape of zeros."""
    if isinstance(aval, StepsAval):
        return Steps(None, aval)
    zero = aval.dtype.type(0)
    return np.broadcast_to(zero, aval.shape) if aval.shape else zero


def length_of(tapes: Sequence[Steps]) -> int:
    """How many steps tapes of one loop have."""
    return next(len(tape) for tape in tapes if tape.entries is not None)
