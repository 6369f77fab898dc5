"""Floor 3: taking an array apart along its first axis, all parts at once.

``a, b, c = x`` and loops over ``x`` are one equation, whose transpose is one stack: the cost of a
gradient grows with the number of elements, not with its square as with an index for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from .linear import move_axis, zeros
from .shape import Stack

__all__ = ["unstack"]


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
