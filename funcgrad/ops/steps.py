"""The shape operations on step residuals (`StepResiduals`), for loops in nested batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, Shape, make_aval
from ..core.primitive import primitive
from ..core.residuals import StepResiduals, StepResidualsAval
from ..core.trace import Tracer, aval_of
from .kinds import add
from .linear import Linear

__all__ = ["AddSteps", "FoldSteps", "RepeatSteps", "SumSteps", "plus"]


def _change_shapes(aval: StepResidualsAval, change: Callable[[Shape], Shape]) -> StepResidualsAval:
    """The type with ``change`` of the shapes of entries and elements."""
    entry = aval.entry
    if isinstance(entry, StepResidualsAval):
        inner: Aval = _change_shapes(entry, change)
    else:
        inner = make_aval(change(entry.shape), entry.dtype)
    return StepResidualsAval(inner, change(aval.ragged) if aval.ragged else ())


@primitive
class FoldSteps(Linear):
    """A step residual with leading axes ``old`` reshaped to ``new``, in entries and masks."""

    old: tuple[int, ...]
    new: tuple[int, ...]

    def run(self, step_residual: StepResiduals) -> StepResiduals:
        count = len(self.old)

        def fold(x: Any) -> Any:
            return np.reshape(x, (*self.new, *np.shape(x)[count:]))

        return step_residual.mapped(fold, self.aval(step_residual.aval))

    def aval(self, step_residual: Any) -> StepResidualsAval:
        return _change_shapes(step_residual, lambda s: (*self.new, *s[len(self.old) :]))

    def transpose(self, ct: Any, step_residual: Any) -> Any:
        return FoldSteps(self.new, self.old)(ct)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return FoldSteps((size, *self.old), (size, *self.new))(*operands)


@primitive
class RepeatSteps(Linear):
    """A step residual with every entry repeated along a new axis of a length."""

    size: int
    axis: int

    def run(self, step_residual: StepResiduals) -> StepResiduals:
        def repeated(x: Any) -> Any:
            shape = np.shape(x)
            full = (*shape[: self.axis], self.size, *shape[self.axis :])
            return np.broadcast_to(np.expand_dims(x, self.axis), full)

        return step_residual.mapped(repeated, self.aval(step_residual.aval))

    def aval(self, step_residual: Any) -> StepResidualsAval:
        return _change_shapes(
            step_residual, lambda s: (*s[: self.axis], self.size, *s[self.axis :])
        )

    def transpose(self, ct: Any, step_residual: Any) -> Any:
        return SumSteps(self.axis)(ct)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return RepeatSteps(self.size, self.axis + 1)(*operands)


@primitive
class SumSteps(Linear):
    """A step residual with every entry summed over an axis."""

    axis: int

    def run(self, step_residual: StepResiduals) -> StepResiduals:
        def total(x: Any) -> Any:
            return np.add.reduce(x, axis=self.axis)

        def same(mask: Any) -> Any:
            return np.take(mask, 0, axis=self.axis)

        return step_residual.mapped(total, self.aval(step_residual.aval), same)

    def aval(self, step_residual: Any) -> StepResidualsAval:
        return _change_shapes(step_residual, lambda s: (*s[: self.axis], *s[self.axis + 1 :]))

    def transpose(self, ct: Any, step_residual: Any) -> Any:
        aval: Any = aval_of(step_residual)
        entry = aval.entry
        while isinstance(entry, StepResidualsAval):
            entry = entry.entry
        return RepeatSteps(entry.shape[self.axis], self.axis)(ct)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return SumSteps(self.axis + 1)(*operands)


@primitive
class AddSteps(Linear):
    """Two step residuals of one loop, added entry by entry."""

    def run(self, a: StepResiduals, b: StepResiduals) -> StepResiduals:
        return a + b

    def aval(self, a: Any, b: Any) -> StepResidualsAval:
        return a

    def transpose(self, ct: Any, a: Any, b: Any) -> Any:
        return ct, ct

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(
            *[x if b else RepeatSteps(size, 0)(x) for x, b in zip(operands, batched, strict=True)]
        )


def plus(a: Any, b: Any) -> Any:
    """``a + b`` of two cotangents or tangents of one value, which may be a step residual."""
    if isinstance(a.aval if isinstance(a, Tracer | StepResiduals) else None, StepResidualsAval):
        return AddSteps()(a, b)
    return add(a, b)
