"""NumPy's quantiles for tracers, by all its methods, with and without nan.

The quantile ``q`` of ``n`` sorted numbers stands at a virtual index, which a method computes of
``n`` and ``q``, and is a mean of the numbers to both sides of it (R. J. Hyndman and Y. Fan, "Sample
quantiles in statistical packages", The American Statistician 50, 1996). A gradient goes to these
two, and to ``q`` where the method is continuous in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import DtypeError
from ..ops import sort as ops
from ..ops.linear import reshape, shape_of, transpose
from ..ops.select import stop_gradient
from ..ops.shape import keep_axes, without_axes
from .arguments import axes_of, cast, flag, is_weak, operand
from .dispatch import implements, refuse
from .getitem import getitem

__all__ = ["nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]

Array = Any

_PLACES = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""The parameters alpha and beta of the continuous methods: ``n q + alpha + q (1 - alpha - beta)``
counts from 1."""

_METHODS = (
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "linear", "lower", "higher"),
    *("midpoint", "nearest", *_PLACES),
)


@implements(np.quantile)
def quantile(
    a: Array,
    q: Array,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Array:
    """``numpy.quantile``, by every method; a nan among the elements makes it nan.

    Raises:
        ValueError: ``q``, where it is known, is outside 0 to 1, or the method does not exist.
        DtypeError: ``a`` is complex.
    """
    refuse("quantile", out=out)
    x = _numbers("quantile", a)
    return _quantile(x, *_fraction(q), axis, method, keepdims, False, weights)


@implements(np.percentile)
def percentile(
    a: Array,
    q: Array,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Array:
    """``numpy.percentile``: `quantile` of ``q / 100``."""
    refuse("percentile", out=out)
    x = _numbers("percentile", a)
    return _quantile(x, *_fraction(q, 100), axis, method, keepdims, False, weights)


@implements(np.nanquantile)
def nanquantile(
    a: Array,
    q: Array,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = np._NoValue,
    *,
    weights: Any = None,
) -> Array:
    """``numpy.nanquantile``: `quantile` of the elements that are no nan; nan where none is."""
    refuse("nanquantile", out=out)
    x = _numbers("nanquantile", a)
    return _quantile(x, *_fraction(q), axis, method, keepdims, True, weights)


@implements(np.nanpercentile)
def nanpercentile(
    a: Array,
    q: Array,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = np._NoValue,
    *,
    weights: Any = None,
) -> Array:
    """``numpy.nanpercentile``: `nanquantile` of ``q / 100``."""
    refuse("nanpercentile", out=out)
    x = _numbers("nanpercentile", a)
    return _quantile(x, *_fraction(q, 100), axis, method, keepdims, True, weights)


@implements(np.nanmedian)
def nanmedian(
    a: Array,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = np._NoValue,
) -> Array:
    """``numpy.nanmedian``: the median of the elements that are no nan; nan where none is."""
    refuse("nanmedian", out=out)
    x = operand(a)
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    if not aval_of(x).inexact:
        return np.median(x, axis, keepdims=flag(keepdims))
    x = _lanes(x, axes)
    if not shape_of(x)[-1]:
        middle = np.mean(x, axis=-1)
        return reshape(middle, keep_axes(shape, axes)) if flag(keepdims) else middle
    count = _valid(x)
    low = np.maximum((count - 1) // 2, 0)[..., None]
    high = np.minimum(count // 2, shape_of(x)[-1] - 1)[..., None]
    pair = [np.take_along_axis(x, i, axis=-1)[..., 0] for i in (low, high)]
    middle = np.mean(np.stack(pair), axis=0)
    return reshape(middle, keep_axes(shape, axes)) if flag(keepdims) else middle


def _numbers(name: str, a: Any) -> Any:
    x = operand(a)
    if aval_of(x).dtype.kind == "c":
        raise DtypeError(
            f"numpy.{name}: a must be an array of real numbers, got {aval_of(x)}",
            "Take the real part, or the absolute value.",
        )
    return x


def _fraction(q: Any, unit: int = 1) -> tuple[Any, bool]:
    """``q / unit``, and whether it is a Python number, which does not decide the dtype."""
    weak = is_weak(q) and aval_of(q).dtype.kind in "if"
    q = operand(q)
    if unit != 1:
        q = np.true_divide(q, unit)
    inside = np.all(np.logical_and(q >= 0, q <= 1))
    if not isinstance(inside, Tracer) and not inside:
        text = "Percentiles must be in the range [0, 100]"
        raise ValueError(text if unit != 1 else "Quantiles must be in the range [0, 1]")
    return q, weak


def _lanes(x: Any, axes: tuple[int, ...]) -> Any:
    """``x`` with ``axes`` joined into the last one, sorted along it; nans stand at the end."""
    shape = shape_of(x)
    rest = [i for i in range(len(shape)) if i not in axes]
    size = 1
    for i in axes:
        size *= shape[i]
    x = reshape(transpose(x, (*rest, *axes)), (*without_axes(shape, axes), size))
    return ops.sort(x, len(rest))


def _valid(x: Any) -> Any:
    return np.sum(np.logical_not(np.isnan(stop_gradient(x))), axis=-1)


def _quantile(
    x: Any,
    q: Any,
    weak: bool,
    axis: Any,
    method: str,
    keepdims: Any,
    without_nan: bool,
    weights: Any = None,
) -> Any:
    if method not in _METHODS:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {', '.join(_METHODS)}")
    shape, of_q = shape_of(x), shape_of(q)
    axes = axes_of(axis, len(shape))
    if weights is not None:
        w = _weights(x, weights, axis, axes, method)
        if without_nan and not aval_of(x).size:
            return np.nanmean(x, axes, keepdims=flag(keepdims))
        if not all(shape[i] for i in axes):
            raise IndexError("index -1 is out of bounds for axis 0 with size 0")
        found = _weighted_quantile(x, w, q, axes, without_nan)
        lead = without_axes(shape, axes)
        return reshape(found, (*of_q, *(keep_axes(shape, axes) if flag(keepdims) else lead)))
    x = _lanes(x, axes)
    lead = shape_of(x)[:-1]
    size = shape_of(x)[-1]
    if without_nan and not aval_of(x).size:
        # As NumPy's, whatever the shape of q.
        return np.full(
            keep_axes(shape, axes) if flag(keepdims) else lead,
            (aval_of(x).dtype if aval_of(x).inexact else np.dtype(float)).type(np.nan),
        )
    if not size:
        raise IndexError(f"index -1 is out of bounds for axis {axes[0]} with size 0")
    q = reshape(q, (aval_of(q).size,))
    count: Any = size
    if without_nan and aval_of(x).inexact:
        count = np.maximum(_valid(x), 1)[..., None]
        # The numbers of q lie along the last axis, those of the lanes before it.
        q = reshape(q, ((1,) * len(lead) + shape_of(q)))
    result = _take_quantiles(x, q, weak, count, method)
    if not without_nan and aval_of(x).inexact:
        last = x[..., -1:]
        result = np.where(np.isnan(last), cast(last, aval_of(result).dtype), result)
    result = np.moveaxis(result, -1, 0)
    kept = keep_axes(shape, axes) if flag(keepdims) else lead
    return reshape(result, (*of_q, *kept))


def _weights(x: Any, weights: Any, axis: Any, axes: tuple[int, ...], method: str) -> Any:
    """The weights, in the shape of ``x``."""
    if method != "inverted_cdf":
        raise ValueError("Only method 'inverted_cdf' supports weights. Got: " + f"{method}.")
    w, shape = operand(weights), shape_of(x)
    if shape_of(w) != shape:
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        if shape_of(w) != tuple([shape[i] for i in axes]):
            raise ValueError(
                "Shape of weights must be consistent with shape of a along specified axis."
            )
        w = reshape(w, tuple([n if i in axes else 1 for i, n in enumerate(shape)]))
        w = np.broadcast_to(w, shape)
    negative = np.any(w < 0)
    if not isinstance(negative, Tracer) and negative:
        raise ValueError("Weights must be non-negative.")
    return stop_gradient(w)


def _weighted_quantile(x: Any, w: Any, q: Any, axes: tuple[int, ...], without_nan: bool) -> Any:
    """The first element up to which the weights add up to ``q`` of their sum; its gradient is 1."""
    inexact = aval_of(x).inexact
    order = [i for i in range(len(shape_of(x))) if i not in axes]
    flat = [transpose(v, (*order, *axes)) for v in (x, w)]
    lead = tuple([shape_of(x)[i] for i in order])
    x, w = [reshape(v, (*lead, aval_of(v).size // max(1, int(np.prod(lead))))) for v in flat]
    if without_nan and inexact:
        w = np.where(np.isnan(stop_gradient(x)), 0, w)
    positions = ops.argsort(stop_gradient(x), len(lead))
    x, w = [np.take_along_axis(v, positions, -1) for v in (x, w)]
    cdf = cast(np.cumsum(w, axis=-1), np.float64)
    total = cdf[..., -1:]
    useless = np.logical_not((total > 0) & (total < np.inf))
    known = np.any(useless)
    if not isinstance(known, Tracer) and known:
        raise ValueError("Weights included NaN, inf or were all zero.")
    cdf = cdf / np.where(useless, 1.0, total)
    # Elements without weight are not there, not even for q = 0.
    cdf = np.where(cdf == 0, -1.0, cdf)
    q = reshape(cast(q, np.float64), (aval_of(q).size,))
    index = np.sum(cdf[..., None, :] < stop_gradient(q)[:, None], axis=-1)
    index = np.minimum(index, shape_of(x)[-1] - 1)
    # Where only the compiled program sees such weights, this index raises.
    index = np.where(useless, shape_of(x)[-1], index)
    found = np.take_along_axis(x, index, -1)
    if inexact and not without_nan:
        found = np.where(np.isnan(x[..., -1:]), x[..., -1:], found)
    return np.moveaxis(found, -1, 0)


def _take_quantiles(x: Any, q: Any, weak: bool, count: Any, method: str) -> Any:
    """The quantiles ``q``, along the last axis, of lanes of ``count`` numbers each."""
    most = count - 1
    if aval_of(q).dtype.kind == "f":
        count = cast(count, aval_of(q).dtype)  # to NumPy, which counts lane by lane, a Python int
    if method in ("inverted_cdf", "closest_observation"):
        return _at(x, _observation(count, q, method, most))
    if method in ("lower", "higher", "nearest"):
        position = (count - 1) * q
        whole = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}[method](position)
        return _at(x, _whole(whole, most))
    if method == "averaged_inverted_cdf":
        virtual = count * q - 1
    elif method == "linear":
        virtual = (count - 1) * q
        if aval_of(virtual).dtype.kind in "iu":
            return _at(x, _whole(virtual, most))
    elif method == "midpoint":
        position = (count - 1) * q
        virtual = 0.5 * (np.floor(position) + np.ceil(position))
    else:
        alpha, beta = _PLACES[method]
        virtual = count * q + (alpha + q * (1 - alpha - beta)) - 1
    below = np.floor(stop_gradient(virtual))
    low, high = _at(x, _whole(below, most)), _at(x, _whole(below + 1, most))
    weight = virtual - below
    if method == "averaged_inverted_cdf":
        weight = np.where(weight == 0, 0.5, 1.0)
    elif method == "midpoint":
        weight = np.where(np.mod(virtual, 1) == 0, 0.0, 0.5)
    kind = aval_of(x).dtype
    weight = cast(weight, kind if weak and kind.kind == "f" else aval_of(virtual).dtype)
    step = high - low
    return np.where(weight >= 0.5, high - step * (1 - weight), low + step * weight)


def _observation(count: Any, q: Any, method: str, most: Any) -> Any:
    virtual = count * q - (1 if method == "inverted_cdf" else 1.5)
    below = np.floor(virtual)
    stays = virtual == below
    if method == "closest_observation":
        stays = np.logical_and(stays, np.mod(below, 2) == 1)
    return _whole(np.where(stays, below, below + 1), most)


def _whole(index: Any, most: Any) -> Any:
    """A virtual index as one that is in range, from 0 to ``most``."""
    return np.clip(cast(stop_gradient(index), np.intp), 0, most)


def _at(x: Any, index: Any) -> Any:
    """The elements of the last axis at ``index``, one index for all lanes or one for each."""
    if len(shape_of(index)) == 1:
        return getitem(x, (..., index))
    return np.take_along_axis(x, index, axis=-1)
