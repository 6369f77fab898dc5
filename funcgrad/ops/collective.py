"""Collectives, operations across the elements of a mapped axis.

The first operand is the value, the second the index of the axis (`core.axes`). The frame of that
axis computes a collective by `collect`, on the batch as a whole; every other frame passes it on.
Derivatives are those of the map from all elements' values to all elements' results: where each
element of a batch takes the gradient of its own result, the gradients of all of them add up, and
the transpose of `PSum` is `PSum`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from ..errors import ArgumentError
from .convert import convert
from .discrete import equal, isnan, logical_and, logical_or
from .kinds import div, mul
from .linear import Sum, broadcast_to, move_axis, shape_of
from .reduce import max_over, min_over
from .select import select

__all__ = ["AllGather", "Collective", "PMax", "PMean", "PMin", "PSum", "PSumScatter"]


class Collective(Primitive):
    """An operation across a mapped axis; operands ``(x, index of the axis)``.

    Attributes:
        differs: Whether the elements of the axis get different results.
    """

    collective = True
    saves = False
    differs: ClassVar[bool] = False

    def aval(self, x: Aval, index: Aval) -> Aval:
        return x.strong()

    def run(self, x: Any, index: Any) -> NoReturn:
        raise ArgumentError(
            f"{self.name}: a collective runs only under the vmap whose axis it names",
            "Run it inside of vmap(f, axis_name=...).",
        )

    def collect(self, size: int, batched: bool, x: Any) -> Any:
        """The result for the batch ``x``, or for an ``x`` that all elements share.

        Returns:
            What all elements share; where ``differs``, with the batch as first axis.
        """
        raise self._missing("collect")

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        # Of another axis: the result has it where it was.
        return self(*operands)


class _Linear(Collective):
    """Linear in ``x``."""

    passes_mask = True

    def transpose_collective(self) -> Collective:
        """The collective that takes a cotangent back."""
        return self

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        t, _ = tangents
        return None if t is None else self(t, operands[1])

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return self.transpose_collective()(ct, operands[1]), None


def _times(x: Any, size: int) -> Any:
    return mul(x, aval_of(x).dtype.type(size))


@primitive
class PSum(_Linear):
    """The sum over the axis."""

    name = "psum"

    def collect(self, size: int, batched: bool, x: Any) -> Any:
        return Sum((0,))(x) if batched else _times(x, size)


@primitive
class PMean(_Linear):
    """The mean over the axis, of floats."""

    name = "pmean"

    def collect(self, size: int, batched: bool, x: Any) -> Any:
        return div(Sum((0,))(x), aval_of(x).dtype.type(size)) if batched else x


@primitive
class AllGather(_Linear):
    """The values of all elements, stacked along a new first axis of length ``size``."""

    name = "all_gather"
    size: int

    def aval(self, x: Aval, index: Aval) -> Aval:
        return make_aval((self.size, *x.shape), x.dtype)

    def collect(self, size: int, batched: bool, x: Any) -> Any:
        return x if batched else broadcast_to(x, (size, *shape_of(x)))

    def transpose_collective(self) -> Collective:
        return PSumScatter(self.size)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return move_axis(self(*operands), 1, 0)


@primitive
class PSumScatter(_Linear):
    """Element ``k`` gets the sum over all elements of their ``x[k]``."""

    name = "psum_scatter"
    size: int
    differs = True

    def aval(self, x: Aval, index: Aval) -> Aval:
        return make_aval(x.shape[1:], x.dtype)

    def collect(self, size: int, batched: bool, x: Any) -> Any:
        return Sum((0,))(x) if batched else _times(x, size)

    def transpose_collective(self) -> Collective:
        return AllGather(self.size)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        x, index = operands
        return self(move_axis(x, 0, 1), index)


class _Extremum(Collective):
    """The largest or smallest value; those that attain it share the cotangent equally."""

    masks = True
    saves = True

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x, index), (t, _) = operands, tangents
        if t is None:
            return None
        attained, count = self._shares(out, x, index)
        return div(PSum()(select(attained, t, 0.0), index), count)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, index = operands
        attained, count = self._shares(out, x, index)
        return select(attained, div(PSum()(ct, index), count), 0.0), None

    def _shares(self, out: Any, x: Any, index: Any) -> tuple[Any, Any]:
        # A nan is the extremum, as in NumPy, and those that are nan share.
        attained = logical_or(equal(x, out), logical_and(isnan(x), isnan(out)))
        return attained, PSum()(convert(attained, aval_of(x).dtype), index)


@primitive
class PMax(_Extremum):
    """The largest value along the axis."""

    name = "pmax"

    def collect(self, size: int, batched: bool, x: Any) -> Any:
        return max_over(x, (0,)) if batched else x


@primitive
class PMin(_Extremum):
    """The smallest value along the axis."""

    name = "pmin"

    def collect(self, size: int, batched: bool, x: Any) -> Any:
        return min_over(x, (0,)) if batched else x
