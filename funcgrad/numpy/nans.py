"""NumPy's reductions that leave nan out. An element that is nan has gradient 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..ops.linear import shape_of
from . import reduce, scan, statistics
from .arguments import axes_to_reduce, cast, is_given, operand
from .dispatch import implements, refuse

__all__ = [
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
]


def _replace_nans(a: Any, value: float) -> tuple[Any, Any]:
    """``a`` with ``value`` for its nans, and where it is none; that is None where none can be."""
    x = operand(a)
    if not aval_of(x).inexact:
        return x, None
    valid = np.logical_not(np.isnan(x))
    return np.where(valid, x, aval_of(x).dtype.type(value)), valid


@implements(np.nansum)
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """``numpy.nansum``."""
    refuse("nansum", out=out)
    return reduce.sum(_replace_nans(a, 0)[0], axis, dtype, None, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """``numpy.nanprod``."""
    refuse("nanprod", out=out)
    return reduce.prod(_replace_nans(a, 1)[0], axis, dtype, None, keepdims, initial, where)


def _require_inexact(x: Any, dtype: Any) -> None:
    if aval_of(x).inexact and is_given(dtype) and np.dtype(dtype).kind not in "fc":
        raise TypeError("If a is inexact, then dtype must be inexact")


def _axes(a: Any, axis: Any) -> Any:
    """The axes of a mean, which NumPy takes of the sums where there may be nans."""
    x = operand(a)
    return axes_to_reduce(axis, len(shape_of(x))) if aval_of(x).inexact else axis


@implements(np.nanmean)
def nanmean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Any:
    """``numpy.nanmean``; nan where there is nothing else."""
    refuse("nanmean", out=out)
    _require_inexact(operand(a), dtype)
    axis = _axes(a, axis)
    x, valid = _replace_nans(a, 0)
    mask = where if valid is None else valid if where is True else np.logical_and(valid, where)
    return statistics.mean(x, axis, dtype, keepdims=keepdims, where=mask)


@implements(np.nanvar)
def nanvar(
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
    """``numpy.nanvar``."""
    refuse("nanvar", out=out)
    x, valid = _replace_nans(a, 0)
    if valid is None:
        return statistics.var(
            x, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction
        )
    if is_given(correction):
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    _require_inexact(x, dtype)
    axis = _axes(a, axis)
    statistics.require_imaginary("nanvar", x, dtype)
    mask = valid if where is True else np.logical_and(valid, where)
    if not is_given(mean):
        total = reduce.sum(x, axis, dtype, keepdims=True, where=mask)
        mean = statistics.per_item(total, reduce.sum(mask, axis, np.intp, keepdims=True))
    # The deviations have the dtype of the array, whatever the means are computed in.
    d, kind = np.subtract(x, mean), aval_of(x).dtype
    d = cast(np.real(d) if kind.kind != "c" else d, kind)
    square = np.where(mask, statistics.squared(d, True), aval_of(d).dtype.type(0).real)
    freedom = reduce.sum(mask, axis, np.intp, keepdims=keepdims) - ddof
    spread = reduce.sum(square, axis, dtype, keepdims=keepdims)
    result = statistics.per_item(spread, np.maximum(freedom, 0))
    return np.where(freedom > 0, result, aval_of(result).dtype.type(np.nan))


@implements(np.nanstd)
def nanstd(
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
    """``numpy.nanstd``."""
    refuse("nanstd", out=out)
    variance = nanvar(
        a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction
    )
    return statistics.rooted("nanstd", variance)


def _extremum(
    over: Any, worst: float, a: Any, axis: Any, keepdims: Any, initial: Any, where: Any
) -> Any:
    x, valid = _replace_nans(a, worst)
    found = over(x, axis, None, keepdims, initial, where)
    if valid is None or is_given(initial):
        return found
    mask = valid if where is True else np.logical_and(valid, where)
    some = reduce.any(mask, axis, keepdims=keepdims)
    return np.where(some, found, aval_of(found).dtype.type(np.nan))


@implements(np.nanmax)
def nanmax(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """``numpy.nanmax``; nan where there is nothing else."""
    refuse("nanmax", out=out)
    return _extremum(reduce.max, -np.inf, a, axis, keepdims, initial, where)


@implements(np.nanmin)
def nanmin(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """``numpy.nanmin``; nan where there is nothing else."""
    refuse("nanmin", out=out)
    return _extremum(reduce.min, np.inf, a, axis, keepdims, initial, where)


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``numpy.nancumsum``."""
    refuse("nancumsum", out=out)
    return scan.cumsum(_replace_nans(a, 0)[0], axis, dtype)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``numpy.nancumprod``."""
    refuse("nancumprod", out=out)
    return scan.cumprod(_replace_nans(a, 1)[0], axis, dtype)


def _place(find: Any, worst: float, a: Any, axis: Any, keepdims: Any) -> Any:
    x, valid = _replace_nans(a, worst)
    if valid is not None:
        some = reduce.all(reduce.any(valid, axis))
        if not isinstance(some, Tracer) and not some:
            raise ValueError("All-NaN slice encountered")
    return find(x, axis, keepdims=keepdims)


@implements(np.nanargmax)
def nanargmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = np._NoValue) -> Any:
    """``numpy.nanargmax``; no derivative passes. What only nans are is 0 where none is known."""
    refuse("nanargmax", out=out)
    return _place(reduce.argmax, -np.inf, a, axis, keepdims)


@implements(np.nanargmin)
def nanargmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = np._NoValue) -> Any:
    """``numpy.nanargmin``; no derivative passes. What only nans are is 0 where none is known."""
    refuse("nanargmin", out=out)
    return _place(reduce.argmin, np.inf, a, axis, keepdims)
