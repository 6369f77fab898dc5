"""Floor 3: choices. where, and what is built on it: cotangents that leave these are masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from .kinds import Elementwise, broadcast_shapes
from .linear import broadcast_to, shape_of, sum_to

__all__ = ["select"]


@primitive
class Select(Elementwise):
    """``x`` where ``condition``, else ``y``; linear in ``x`` and ``y``."""

    numpy, untyped, masks = np.where, 1, True

    def source(self, *operands: str) -> str:
        return f"np.where({', '.join(operands)})"

    def aval(self, condition: Aval, x: Aval, y: Aval) -> Aval:
        shape = broadcast_shapes("where", condition.shape, x.shape, y.shape)
        return make_aval(shape, super().aval(condition, x, y).dtype)

    def run(self, condition: Any, x: Any, y: Any) -> Any:
        return np.where(condition, x, y)[()]

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        c, x, y = operands
        _, tx, ty = tangents
        if tx is None and ty is None:
            return None
        total = select(c, 0.0 if tx is None else tx, 0.0 if ty is None else ty)
        return broadcast_to(total, shape_of(out))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        c, x, y = operands
        cx = sum_to(select(c, ct, 0.0), shape_of(x)) if wanted[1] else None
        cy = sum_to(select(c, 0.0, ct), shape_of(y)) if wanted[2] else None
        return None, cx, cy


@primitive
class StopGradient(Primitive):
    """``x``, through which no derivative passes."""

    numpy = "{0}"
    discrete = True
    saves = False

    def aval(self, x: Aval) -> Aval:
        return x

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return None

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return (None,)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


select = Select()
