"""Reductions over axes: products, extrema, logic. The sum itself stands in `linear`.

The derivative of a product never divides: it is the product of the *other* factors, made of
cumulative products from both ends (`scan`), and so exact at zeros in every order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.ir import Aval, Shape, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from ..errors import ShapeError
from .convert import convert
from .kernels import array as array_kernels
from .kinds import DiscreteRule, div, mask_mul, mul
from .linear import Sum, broadcast_to, make, reshape, shape_of, transpose
from .scan import cumprod
from .select import select
from .shape import keep_axes, shift, without_axes

__all__ = [
    "DiscreteRule",
    "all_over",
    "any_over",
    "argmax",
    "argmin",
    "max_over",
    "min_over",
    "prod_over",
    "sum_over",
]

Axes = tuple[int, ...]

_BOOL = np.dtype(np.bool_)
_INTP = np.dtype(np.intp)


def expand(x: Any, shape: Shape, axes: Axes) -> Any:
    """``x``, reduced from ``shape`` over ``axes``, with those axes back at length 1."""
    return reshape(x, keep_axes(shape, axes))


class Reduction(Primitive):
    """Reduces over its field ``axes``, which are dropped."""

    axes: tuple[int, ...]

    def aval(self, x: Aval) -> Aval:
        return make_aval(without_axes(x.shape, self.axes), x.dtype)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return make(type(self), tuple([axis + 1 for axis in self.axes]))(operands[0])


@primitive
class Prod(Reduction):
    """Product over ``axes``; the derivative by a factor is the product of the others."""

    axes: tuple[int, ...]
    numpy = "np.multiply.reduce({0}, axis={axes})"

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        return None if t is None else sum_over(mul(t, _others(x, self.axes)), self.axes)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (x,) = operands
        product = mask_mul if masked else mul
        return (product(expand(ct, shape_of(x), self.axes), _others(x, self.axes)),)


def _others(x: Any, axes: Axes) -> Any:
    """For each element the product over ``axes`` of all the others."""
    if len(axes) == 1:
        (axis,) = axes
        before = cumprod(shift(x, axis, 1, 1), axis)
        after = cumprod(shift(x, axis, -1, 1), axis, True)
        return mul(before, after)
    shape = shape_of(x)
    kept = [i for i in range(len(shape)) if i not in axes]
    order = (*kept, *axes)
    moved = transpose(x, order)
    together = math.prod([shape[i] for i in axes])
    flat = reshape(moved, (*[shape[i] for i in kept], together))
    found = reshape(_others(flat, (len(kept),)), shape_of(moved))
    return transpose(found, tuple(sorted(range(len(order)), key=order.__getitem__)))


class Extremum(Reduction):
    """The largest or smallest element; those that attain it share the cotangent equally.

    A nan is the extremum, as in NumPy, and those that are nan share. Select-like: what does not
    attain it gets exactly 0.
    """

    axes: tuple[int, ...]
    masks = True
    ufunc: ClassVar[str] = ""

    def aval(self, x: Aval) -> Aval:
        shape = without_axes(x.shape, self.axes)
        if any(x.shape[axis] == 0 for axis in self.axes):
            raise ShapeError(
                f"zero-size array to reduction operation {self.ufunc} which has no identity: {x}",
                "Give initial=, or leave the call out for an empty array.",
            )
        return make_aval(shape, x.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        if t is None:
            return None
        attained, count = self._shares(out, x)
        return div(sum_over(select(attained, t, 0.0), self.axes), count)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (x,) = operands
        attained, count = self._shares(out, x)
        return (select(attained, expand(div(ct, count), shape_of(x), self.axes), 0.0),)

    def _shares(self, out: Any, x: Any) -> tuple[Any, Any]:
        attained = make(Attained, self.axes)(x, out)
        return attained, sum_over(convert(attained, aval_of(x).dtype), self.axes)


@primitive
class Max(Extremum):
    """The largest element over ``axes``."""

    axes: tuple[int, ...]
    numpy = "np.maximum.reduce({0}, axis={axes})"
    ufunc = "maximum"


@primitive
class Min(Extremum):
    """The smallest element over ``axes``."""

    axes: tuple[int, ...]
    numpy = "np.minimum.reduce({0}, axis={axes})"
    ufunc = "minimum"


@primitive
class Attained(DiscreteRule):
    """Where ``x`` equals ``extremum``, which was reduced from it over ``axes``."""

    axes: tuple[int, ...]
    numpy = array_kernels.attained

    def aval(self, x: Aval, extremum: Aval) -> Aval:
        return make_aval(x.shape, _BOOL)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        axes = tuple([axis + 1 for axis in self.axes])
        x, extremum = operands
        if not batched[0]:
            x = broadcast_to(x, (size, *shape_of(x)))
        elif not batched[1]:
            extremum = broadcast_to(extremum, (size, *shape_of(extremum)))
        return make(Attained, axes)(x, extremum)


class Logic(DiscreteRule, Reduction):
    """Whether any or all elements over ``axes`` are true; not 0, for numbers."""

    axes: tuple[int, ...]

    def aval(self, x: Aval) -> Aval:
        return make_aval(without_axes(x.shape, self.axes), _BOOL)


@primitive
class AnyOf(Logic):
    """Whether any element over ``axes`` is true."""

    name = "any"
    axes: tuple[int, ...]
    numpy = "np.logical_or.reduce({0}, axis={axes})"


@primitive
class AllOf(Logic):
    """Whether all elements over ``axes`` are true."""

    name = "all"
    axes: tuple[int, ...]
    numpy = "np.logical_and.reduce({0}, axis={axes})"


class ArgExtremum(DiscreteRule):
    """The place along ``axis``, which is dropped, of an extremum; the first of several."""

    axis: int

    def aval(self, x: Aval) -> Aval:
        if x.shape[self.axis] == 0:
            raise ShapeError(
                f"attempt to get {self.name} of an empty sequence: {x}",
                "Leave the call out for an empty array.",
            )
        return make_aval(without_axes(x.shape, (self.axis,)), _INTP)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return make(type(self), self.axis + 1)(*operands)


@primitive
class ArgMax(ArgExtremum):
    """Where along ``axis`` the largest element stands."""

    name = "argmax"
    axis: int
    numpy = "np.argmax({0}, axis={axis})"


@primitive
class ArgMin(ArgExtremum):
    """Where along ``axis`` the smallest element stands."""

    name = "argmin"
    axis: int
    numpy = "np.argmin({0}, axis={axis})"


def sum_over(x: Any, axes: Axes) -> Any:
    """`Sum`, or ``x`` itself where there are no axes."""
    return make(Sum, axes)(x) if axes else x


def prod_over(x: Any, axes: Axes) -> Any:
    """`Prod`, or ``x`` itself where there are no axes."""
    return make(Prod, axes)(x) if axes else x


def max_over(x: Any, axes: Axes) -> Any:
    """`Max`, or ``x`` itself where there are no axes."""
    return make(Max, axes)(x) if axes else x


def min_over(x: Any, axes: Axes) -> Any:
    """`Min`, or ``x`` itself where there are no axes."""
    return make(Min, axes)(x) if axes else x


def any_over(x: Any, axes: Axes) -> Any:
    """`AnyOf`."""
    return make(AnyOf, axes)(x)


def all_over(x: Any, axes: Axes) -> Any:
    """`AllOf`."""
    return make(AllOf, axes)(x)


def argmax(x: Any, axis: int) -> Any:
    """`ArgMax`."""
    return make(ArgMax, axis)(x)


def argmin(x: Any, axis: int) -> Any:
    """`ArgMin`."""
    return make(ArgMin, axis)(x)
