"""Floor 1: growable tapes, what a loop of unknown length leaves for its backward pass.

A `Steps` holds one array a step. Its type, `StepsAval`, says what one entry is, and not how many
there are. Cotangents and tangents of a tape are tapes of the same length; `+` adds entry by entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .ir import Aval, Shape

__all__ = ["Steps", "StepsAval"]


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
        self.entry, self.lanes = entry, lanes
        self._hash = hash((StepsAval, entry, lanes))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, StepsAval)
            and self.entry == other.entry
            and self.lanes == other.lanes
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
    """A tape: one array or scalar a step, in order.

    Attributes:
        entries: The entries.
        aval: Its type.
        masks: For each step which lanes took it, where ``aval.lanes``.
    """

    __slots__ = ("aval", "entries", "masks")

    def __init__(self, entries: Sequence[Any], aval: StepsAval, masks: Sequence[Any] = ()) -> None:
        self.entries = list(entries)
        self.aval = aval
        self.masks = list(masks)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, step: int) -> Any:
        return self.entries[step]

    def __add__(self, other: Steps) -> Steps:
        added = [a + b for a, b in zip(self.entries, other.entries, strict=True)]
        return Steps(added, self.aval, self.masks)
