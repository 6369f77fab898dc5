"""NumPy's means, variances and medians for tracers.

Of integers they are computed in float64; the mean of float16 is computed in float32 and rounded.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import DtypeError, ShapeError
from ..ops import sort
from ..ops.elementwise import div, mul
from ..ops.linear import reshape, shape_of, transpose
from ..ops.reduce import expand, sum_over
from ..ops.shape import without_axes
from . import reduce
from .arguments import axes_of, axes_to_reduce, axis_of, cast, flag, is_given, operand
from .dispatch import implements, refuse
from .reduce import apply_where, restore_dims

__all__ = [
    "average",
    "mean",
    "median",
    "std",
    "var",
]


def _everywhere(where: Any) -> bool:
    return where is True or where is np._NoValue


def _axes(axis: Any, rank: int, where: Any) -> tuple[int, ...]:
    """The axes of a mean; with a mask NumPy counts by a sum, which lets axis 0 of a scalar pass."""
    return axes_of(axis, rank) if _everywhere(where) else axes_to_reduce(axis, rank)


def _count(shape: tuple[int, ...], axes: tuple[int, ...], where: Any) -> Any:
    """How many elements a mean is over: an int, or an array with ``where``."""
    if _everywhere(where):
        items = 1
        for axis in axes:
            items *= shape[axis]
        return items
    return reduce.sum(np.broadcast_to(operand(where), shape), axes, np.intp)


def _mean(x: Any, axes: tuple[int, ...], kind: np.dtype[Any], where: Any) -> Any:
    """The mean of ``x`` over ``axes``, which are dropped, added up and rounded in ``kind``."""
    return per_item(_total(x, axes, kind, where), _count(shape_of(x), axes, where))


def _total(x: Any, axes: tuple[int, ...], kind: np.dtype[Any], where: Any) -> Any:
    if kind.kind in "biu":
        return reduce.sum(x, axes, kind, where=where)
    return sum_over(apply_where("mean", where, cast(x, kind), 0), axes)


def per_item(total: Any, items: Any) -> Any:
    """``total / items`` in the dtype of ``total``; of an integer what is before the point."""
    dtype = aval_of(total).dtype
    if dtype.kind in "biu":
        return cast(np.true_divide(total, items), dtype)
    return div(total, dtype.type(items) if type(items) is int else cast(items, dtype))


def _compute_dtype(dtype: np.dtype[Any], asked: Any) -> np.dtype[Any]:
    if is_given(asked):
        return np.dtype(asked)
    return np.dtype(np.float64) if dtype.kind in "biu" else dtype


def require_imaginary(name: str, x: Any, asked: Any) -> None:
    """Refuse a dtype in which the imaginary part of ``x`` would be left out.

    Raises:
        DtypeError: Saying so; NumPy warns.
    """
    if is_given(asked) and aval_of(x).dtype.kind == "c" and np.dtype(asked).kind != "c":
        raise DtypeError(
            f"numpy.{name}: got {aval_of(x)} and dtype={np.dtype(asked)}, which would leave out "
            "the imaginary part",
            "Leave dtype= away: the variance of complex numbers is real.",
        )


def rooted(name: str, variance: Any) -> Any:
    """The standard deviation of a variance, in its dtype.

    Raises:
        DtypeError: An array of integers, as NumPy.
    """
    aval = aval_of(variance)
    if aval.inexact:
        return np.sqrt(variance)
    if aval.shape:
        raise DtypeError(
            f"numpy.{name}: a square root does not fit into an array of {aval.dtype}",
            "Give a floating dtype=, and convert the result.",
        )
    return cast(np.sqrt(variance), aval.dtype)


@implements(np.mean)
def mean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Any:
    """``numpy.mean``; the mean of float16 is computed in float32 and rounded, as NumPy's."""
    if out is not None:
        refuse("mean", out=out)
    x = operand(a)
    aval = aval_of(x)
    shape = aval.shape
    axes = _axes(axis, len(shape), where)
    half = aval.dtype == np.float16 and not is_given(dtype)
    kind = np.dtype(np.float32) if half else _compute_dtype(aval.dtype, dtype)
    if _everywhere(where) and not _count(shape, axes, True):
        warnings.warn("Mean of empty slice", RuntimeWarning, stacklevel=2)
    result = restore_dims(_mean(x, axes, kind, where), shape, axes, keepdims)
    return cast(result, np.float16) if half else result


@implements(np.var)
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """``numpy.var``, the mean of ``|x - mean(x)|**2``, which for complex numbers is real."""
    refuse("var", out=out)
    if is_given(correction):
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    x = operand(a)
    aval = aval_of(x)
    shape = aval.shape
    axes = _axes(axis, len(shape), where)
    require_imaginary("var", x, dtype)
    kind = _compute_dtype(aval.dtype, dtype)
    if is_given(mean):
        center = operand(mean)
    else:
        center = _mean(x, axes, kind, where)
        # A number broadcasts as it is.
        center = expand(center, shape, axes) if shape_of(center) else center
    square = squared(np.subtract(x, center), aval.dtype.kind in "bc")
    items = _count(shape, axes, where)
    if _everywhere(where):
        if ddof >= items:
            warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
        items = items - ddof if items > ddof else 0
    else:
        items = np.maximum(items - ddof, 0)
    real = aval_of(square).dtype if aval.dtype.kind == "c" and not is_given(dtype) else kind
    total = _total(square, axes, real, where)
    return restore_dims(per_item(total, items), shape, axes, keepdims)


def squared(d: Any, absolute: bool) -> Any:
    """``d * d``, or of complex ``d`` its absolute value squared where ``absolute``."""
    if absolute and aval_of(d).dtype.kind == "c":
        return np.real(d) ** 2 + np.imag(d) ** 2
    return np.multiply(d, d)


@implements(np.std)
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Any:
    """``numpy.std``, whose gradient is 0 where all elements are equal."""
    refuse("std", out=out)
    variance = var(
        operand(a), axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction
    )
    return rooted("std", variance)


@implements(np.average)
def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    """``numpy.average``, ``sum(weights * a) / sum(weights)``."""
    x = operand(a)
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    if weights is None:
        result = mean(x, axis, keepdims=keepdims)
        if not aval_of(result).size:
            raise ZeroDivisionError("division by zero")
        total: Any = np.array(_count(shape, axes, True), aval_of(result).dtype)[()]
    else:
        w = operand(weights)
        if shape_of(w) != shape:
            w = _weights_along(w, shape, axis, axes)
        dtype = np.result_type(aval_of(x).dtype, aval_of(w).dtype)
        if aval_of(x).dtype.kind in "biu":
            dtype = np.result_type(dtype, np.float64)
        x, w = cast(x, dtype), cast(w, dtype)
        total = reduce.sum(w, axes, keepdims=keepdims)
        zero = np.any(np.equal(total, 0)) if all(shape[i] for i in axes) else True
        if not isinstance(zero, Tracer) and zero and aval_of(total).size:
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        result = reduce.sum(mul(x, w), axes, keepdims=keepdims) / total
    return (result, np.broadcast_to(total, shape_of(result))[()]) if returned else result


def _weights_along(w: Any, shape: tuple[int, ...], axis: Any, axes: tuple[int, ...]) -> Any:
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    given_axes = [axis_of(i, len(shape)) for i in (axis if isinstance(axis, tuple) else (axis,))]
    if shape_of(w) != tuple([shape[i] for i in given_axes]):
        raise ShapeError(
            f"numpy.average: weights of shape {shape_of(w)} do not fit axis {axis} of {shape}",
            "Give weights with the shape of a, or of a along axis.",
        )
    w = np.transpose(w, np.argsort(given_axes).tolist())
    return np.broadcast_to(
        reshape(w, tuple([n if i in axes else 1 for i, n in enumerate(shape)])), shape
    )


@implements(np.median)
def median(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False
) -> Any:
    """``numpy.median``; a nan among the elements makes it nan."""
    refuse("median", out=out)
    x = operand(a)
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    rest = [i for i in range(len(shape)) if i not in axes]
    size = 1
    for i in axes:
        size *= shape[i]
    x = reshape(transpose(x, (*rest, *axes)), (*without_axes(shape, axes), size))
    if not size:
        return restore_dims(mean(x, -1), shape, axes, keepdims)
    x = sort.sort(x, len(rest))
    middle = mean(x[..., (size - 1) // 2 : size // 2 + 1], axis=-1)
    last = x[..., -1]
    result = np.where(np.isnan(last), last, middle) if aval_of(x).inexact else middle
    return restore_dims(result, shape, axes, keepdims) if flag(keepdims) else result
