"""Linear systems with a banded matrix, by SciPy.

The matrix is given by its diagonals, ``ab[u + i - j, j] = a[i, j]``, as LAPACK has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.ir import Aval
from ..core.primitive import Primitive, primitive
from .index import GetItem
from .kernels import scipy as scipy_kernels
from .kinds import add, mul, neg
from .linear import reshape, shape_of
from .matrices import right_sides
from .reduce import sum_over
from .shape import shift
from .unstack import Stack

__all__ = ["SolveBanded"]


def _diagonal(ab: Any, row: int) -> Any:
    return GetItem((Ellipsis, row, slice(None)))(ab)


@primitive
class SolveBanded(Primitive):
    """``x`` with ``a x = b``, for stacks of one length: ``dx = solve(a, db - da x)``.

    Attributes:
        below: The number of diagonals below the main one.
        above: The number above it.
        check: Whether numbers that are not finite raise a ValueError, as SciPy has it.
    """

    below: int
    above: int
    check: bool
    numpy = scipy_kernels.banded_solution

    def aval(self, ab: Aval, b: Aval) -> Aval:
        return b.strong()

    def _offsets(self) -> range:
        """What the column is more than the row, for each row of ``ab``."""
        return range(self.above, -self.below - 1, -1)

    def _transposed(self, ab: Any) -> Any:
        """The diagonals of the transpose."""
        last = len(shape_of(ab)) - 1
        moved = [shift(_diagonal(ab, r), last - 1, -d, 0) for r, d in enumerate(self._offsets())]
        return Stack(last - 1)(*reversed(moved))

    def _product(self, ab: Any, x: Any) -> Any:
        """The product of the matrix with the columns ``x``."""
        axis, total = len(shape_of(x)) - 2, None
        for r, d in enumerate(self._offsets()):
            diagonal = _diagonal(ab, r)
            part = mul(reshape(diagonal, (*shape_of(diagonal), 1)), x)
            part = shift(part, axis, -d, 0)
            total = part if total is None else add(total, part)
        return total

    def _outer(self, y: Any, x: Any) -> Any:
        """The diagonals of ``y x^T``."""
        axis = len(shape_of(x)) - 2
        found = [sum_over(mul(shift(y, axis, d, 0), x), (axis + 1,)) for d in self._offsets()]
        return Stack(axis)(*found)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (ab, _), (t_ab, t) = operands, tangents
        if t_ab is not None:
            moved = neg(self._product(t_ab, out))
            t = moved if t is None else add(t, moved)
        return None if t is None else SolveBanded(self.below, self.above, False)(ab, t)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        turned = SolveBanded(self.above, self.below, False)
        ct_b = turned(self._transposed(operands[0]), ct)
        return (neg(self._outer(ct_b, out)) if wanted[0] else None), ct_b

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return right_sides(self, size, batched, operands)
