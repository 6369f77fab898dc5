"""NumPy's histograms for tracers, differentiable in weights and edges."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, ShapeError
from ..ops.index import ScatterAdd
from ..ops.layout import OPERAND
from ..ops.linear import reshape, shape_of
from ..ops.search import search_sorted
from ..ops.select import stop_gradient
from .arguments import cast, operand, operands
from .dispatch import has_tracer, implements
from .index import flat
from .searching import known_value

__all__ = ["histogram", "histogram2d", "histogram_bin_edges", "histogramdd"]

Array = Any


def _flatten(name: str, a: Any, weights: Any) -> tuple[Any, Any]:
    a = operand(a)
    if aval_of(a).dtype.kind == "b":
        a = cast(a, np.uint8)
    if weights is not None:
        weights = operand(weights)
        if shape_of(weights) != shape_of(a):
            raise ShapeError(
                f"numpy.{name}: weights should have the same shape as a, got {shape_of(weights)} "
                f"and {shape_of(a)}",
                "Give one weight for each number.",
            )
        weights = flat(weights)
    return flat(a), weights


def _edges(name: str, a: Any, bins: Any, range_: Any, weights: Any) -> Any:
    if isinstance(bins, str):
        return np.histogram_bin_edges(
            known_value(name, a), bins, range_, known_value(name, weights)
        )
    edges = operand(bins)
    if len(shape_of(edges)) > 1:
        raise ShapeError("numpy.histogram: `bins` must be 1d, when an array", "Pass bins.ravel().")
    if shape_of(edges):
        ordered = np.all(edges[:-1] <= edges[1:])
        if not isinstance(ordered, Tracer) and not ordered:
            raise ValueError("`bins` must increase monotonically, when an array")
        return edges
    try:
        count = operator.index(bins)
    except TypeError:
        raise TypeError("`bins` must be an integer, a string, or an array") from None
    if count < 1:
        raise ValueError("`bins` must be positive, when an integer")
    first, last = _outer(a, range_)
    dtype = np.result_type(
        *[x if not isinstance(x, Tracer) else aval_of(x).dtype for x in (first, last)],
        aval_of(a).dtype,
    )
    dtype = np.result_type(dtype, 0.0) if dtype.kind in "iu" else dtype
    return np.linspace(first, last, count + 1, dtype=dtype)


def _outer(a: Any, range_: Any) -> tuple[Any, Any]:
    """The outermost edges: the range, or the extrema, apart where they are equal."""
    if range_ is not None:
        first, last = range_
        if not has_tracer([first, last]):
            if first > last:
                raise ValueError("max must be larger than min in range parameter.")
            if not (np.isfinite(first) and np.isfinite(last)):
                raise ValueError(f"supplied range of [{first}, {last}] is not finite")
            return (first - 0.5, last + 0.5) if first == last else (first, last)
    elif not aval_of(a).size:
        return 0.0, 1.0
    else:
        first, last = np.min(a), np.max(a)
        finite = np.logical_and(np.isfinite(first), np.isfinite(last))
        if not isinstance(finite, Tracer) and not finite:
            raise ValueError("autodetected range is not finite")
    equal = np.equal(first, last)
    return np.where(equal, first - 0.5, first), np.where(equal, last + 0.5, last)


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Array, bins: Any = 10, range: Any = None, weights: Any = None) -> Array:
    """The edges that `histogram` uses; those at the extrema of ``a`` are differentiable in it."""
    a, weights = _flatten("histogram_bin_edges", a, weights)
    return _edges("histogram_bin_edges", a, bins, range, weights)


@implements(np.histogram)
def histogram(
    a: Array, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, Array]:
    """Counts, or sums of ``weights``, of the numbers in each bin, and the edges of the bins.

    No derivative passes from ``a`` to the counts, which are constant between the edges; it passes
    from the weights, and with ``density`` from the edges.

    Raises:
        ShapeError: The weights have another shape than ``a``.
        ValueError: Bins that do not increase, where they are known.
    """
    a, weights = _flatten("histogram", a, weights)
    edges = _edges("histogram", a, bins, range, weights)
    count = shape_of(edges)[0] - 1
    position = _bins_of(a, edges)
    if weights is None:
        weights = np.ones(shape_of(a), np.intp)
    totals = ScatterAdd((OPERAND,), (count + 1,))(weights, position)[:-1]
    if density:
        width = cast(np.diff(edges), np.float64)
        totals = totals / width / np.sum(totals)
    return reshape(totals, (count,)), edges


def _bins_of(a: Any, edges: Any) -> Any:
    """The number of the bin of each element; that beyond the last for what lies outside."""
    count = shape_of(edges)[0] - 1
    where, numbers = [stop_gradient(x) for x in operands([edges, a])]
    position = search_sorted(where, numbers, "right") - 1
    # The last bin holds its right edge.
    position = np.where(np.equal(numbers, where[-1]), count - 1, position)
    return np.where(np.logical_or(position < 0, position >= count), count, position)


@implements(np.histogramdd)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, list[Array]]:
    """`histogram` of points with several coordinates; derivatives pass as there.

    Args:
        sample: The points, ``(n, d)``; or a sequence of ``d`` vectors.
        bins: A number of bins, or one number or vector of edges for each coordinate.
        range: A pair for each coordinate, None for its extrema.
        density: Whether to divide by the volumes of the bins, and by the sum.
        weights: One for each point.

    Raises:
        ShapeError: There are not as many bins, ranges or weights as coordinates or points.
    """
    points = operand(sample)
    if isinstance(sample, tuple | list) or len(shape_of(points)) < 2:
        points = np.atleast_2d(points).T
    n, d = shape_of(points)
    each = list(bins) if isinstance(bins, tuple | list) or np.ndim(bins) else [bins] * d
    ranges = [None] * d if range is None else list(range)
    if len(each) != d or len(ranges) != d:
        raise ShapeError(
            f"numpy.histogramdd: {len(each)} bins and {len(ranges)} ranges for {d} coordinates",
            "Give one for each coordinate.",
        )
    ones = np.ones(n) if weights is None else operand(weights)
    if shape_of(ones) != (n,):
        raise ShapeError(
            f"numpy.histogramdd: weights have shape {shape_of(ones)}, and there are {n} points",
            "Give one weight for each point.",
        )
    edges: list[Any] = []
    place: Any = np.zeros(n, np.int64)
    lengths: list[int] = []
    for i, (b, r) in enumerate(zip(each, ranges, strict=True)):
        column = points[:, i]
        edges.append(_edges("histogramdd", column, b, r, None))
        lengths.append(shape_of(edges[i])[0])
        place = place * lengths[i] + _bins_of(column, edges[i])
    # Each axis has one place more, beyond the last bin.
    totals = ScatterAdd((OPERAND,), (math.prod(lengths),))(cast(ones, np.float64), place)
    totals = reshape(totals, tuple(lengths))[tuple([slice(m - 1) for m in lengths])]
    if density:
        share = np.sum(totals)
        for i, edge in enumerate(edges):
            width = np.diff(edge)
            totals = totals / reshape(width, (lengths[i] - 1, *(1,) * (d - 1 - i)))
        totals = totals / share
    return totals, edges


@implements(np.histogram2d)
def histogram2d(
    x: Array, y: Array, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, Array, Array]:
    """`histogramdd` of two coordinates: the counts and the edges of both.

    Raises:
        ShapeError: The coordinates differ in length.
    """
    x, y = operands([x, y])
    if not (shape_of(x) and shape_of(y)):
        raise ArgumentError(
            f"numpy.histogram2d: got {aval_of(x)} and {aval_of(y)}", "Give two vectors."
        )
    if shape_of(x) != shape_of(y):
        raise ShapeError(
            f"numpy.histogram2d: x and y must have the same length, got {shape_of(x)} and "
            f"{shape_of(y)}",
            "Give two vectors.",
        )
    if not isinstance(bins, tuple | list) and np.ndim(bins):
        bins = [bins, bins]
    elif isinstance(bins, tuple | list) and len(bins) not in (1, 2):
        bins = [np.asarray(bins), np.asarray(bins)]
    elif isinstance(bins, tuple | list) and len(bins) == 1:
        bins = [bins[0], bins[0]]
    totals, (first, second) = histogramdd([x, y], bins, range, density, weights)
    return totals, first, second
