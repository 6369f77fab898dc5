"""Growable step residuals, what a loop of unknown length leaves for its backward pass.

A `StepResiduals` holds one array a step. Its type, `StepResidualsAval`, says what one entry is, and
not how many there are. Cotangents and tangents of a step residual are step residuals of the same
length; `+` adds entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .ir import Aval, Shape

__all__ = ["StepResiduals", "StepResidualsAval", "length_of", "zeros_of"]


class StepResidualsAval(Aval):
    """The type of a step residual.

    Attributes:
        entry: The type of one entry.
        ragged: The leading axes of an entry along which not every element took every step; ``()``
            where all steps are everybody's.
    """

    __slots__ = ("entry", "ragged")

    def __init__(self, entry: Aval, ragged: Shape = ()) -> None:
        super().__init__((), entry.dtype)
        self.entry: Any = entry
        self.ragged = ragged
        self._hash = hash((StepResidualsAval, entry, ragged))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, StepResidualsAval)
            and self.entry == other.entry
            and self.ragged == other.ragged
        )

    __hash__ = Aval.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return StepResidualsAval, (self.entry, self.ragged)

    def element(self) -> Aval:
        return StepResidualsAval(self.entry.element(), self.ragged[1:])

    def batch(self, size: int) -> Aval:
        return StepResidualsAval(
            self.entry.batch(size), (size, *self.ragged) if self.ragged else ()
        )

    def strong(self) -> Aval:
        return StepResidualsAval(self.entry.strong(), self.ragged)

    def short(self) -> str:
        return f"steps of {self.entry.short()}"

    def __str__(self) -> str:
        return f"steps of {self.entry}"


class StepResiduals:
    """A step residual: one array, scalar or step residual a step, in order.

    Attributes:
        entries: The entries; None for a step residual of zeros of whatever length is asked.
        aval: Its type.
        masks: For each step which elements took it, where ``aval.ragged``.
    """

    __slots__ = ("aval", "entries", "masks")

    def __init__(
        self, entries: Sequence[Any] | None, aval: StepResidualsAval, masks: Sequence[Any] = ()
    ) -> None:
        self.entries = None if entries is None else list(entries)
        self.aval = aval
        self.masks = list(masks)

    def __len__(self) -> int:
        return 0 if self.entries is None else len(self.entries)

    def __getitem__(self, step: int) -> Any:
        return zeros_of(self.aval.entry) if self.entries is None else self.entries[step]

    def __add__(self, other: StepResiduals) -> StepResiduals:
        if self.entries is None or other.entries is None:
            return other if self.entries is None else self
        added = [a + b for a, b in zip(self.entries, other.entries, strict=True)]
        return StepResiduals(added, self.aval, self.masks)

    def mapped(
        self, f: Callable[[Any], Any], aval: StepResidualsAval, mask: Any = None
    ) -> StepResiduals:
        """The step residual with ``f`` of every array in it, and ``mask`` or ``f`` of masks."""
        if self.entries is None:
            return StepResiduals(None, aval)
        entries = [
            e.mapped(f, aval.entry, mask) if isinstance(e, StepResiduals) else f(e)
            for e in self.entries
        ]
        return StepResiduals(
            entries, aval, [(mask or f)(m) for m in self.masks] if aval.ragged else ()
        )


def zeros_of(aval: Aval) -> Any:
    """Zeros of a type: a NumPy scalar, a read-only array without memory, or a step residual."""
    if isinstance(aval, StepResidualsAval):
        return StepResiduals(None, aval)
    zero = aval.dtype.type(0)
    return np.broadcast_to(zero, aval.shape) if aval.shape else zero


def length_of(step_residuals: Sequence[StepResiduals]) -> int:
    """How many steps step residuals of one loop have."""
    return next(
        len(step_residual) for step_residual in step_residuals if step_residual.entries is not None
    )
