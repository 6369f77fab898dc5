"""Putting arrays together along a new axis, and taking one apart, all parts at once.

``a, b, c = x`` and loops over ``x`` are one equation, whose transpose is one stack: the cost of a
gradient grows with the number of elements, not with its square as with an index for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from ..errors import ShapeError
from .index import GetItem
from .linear import Linear, everywhere, make, move_axis, zeros

__all__ = ["Stack", "Unstack", "unstack"]


@primitive
class Stack(Linear):
    """Any number of operands of one shape, along a new axis ``axis``."""

    axis: int

    def run(self, *operands: Any) -> Any:
        if isinstance(operands[0], np.ndarray):
            return np.stack(operands, self.axis)
        return np.array(operands)

    def source(self, *operands: str) -> str:
        return f"np.stack(({', '.join(operands)},), axis={self.axis})"

    def aval(self, *avals: Aval) -> Aval:
        shape = avals[0].shape
        if any(a.shape != shape for a in avals):
            raise ShapeError(
                f"stack: the shapes differ: {', '.join([str(a.shape) for a in avals])}",
                "Stack arrays of one shape, or concatenate them.",
            )
        return make_aval((*shape[: self.axis], len(avals), *shape[self.axis :]), avals[0].dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        if len(wanted) > 1 and all(wanted):
            return unstack(move_axis(ct, self.axis, 0))
        lead = (slice(None),) * self.axis
        return [GetItem((*lead, i))(ct) if want else None for i, want in enumerate(wanted)]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return make(Stack, self.axis + 1)(*everywhere(size, batched, operands))


@primitive
class Unstack(Primitive):
    """The parts of ``x`` along its first axis, a tuple."""

    numpy = "tuple({0})"
    multiple = True
    saves = False
    passes_mask = True

    def aval(self, x: Aval) -> tuple[Aval, ...]:
        return (make_aval(x.shape[1:], x.dtype),) * x.shape[0]

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return self(tangents[0])

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        parts = [zeros(aval_of(y)) if c is None else c for c, y in zip(ct, out, strict=True)]
        return (Stack(0)(*parts),)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(move_axis(operands[0], 1, 0))


unstack = Unstack()
