"""NumPy's histograms for tracers, differentiable in weights and edges."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ShapeError
from ..ops.index import ScatterAdd
from ..ops.layout import OPERAND
from ..ops.linear import reshape, shape_of
from ..ops.search import search_sorted
from ..ops.select import stop_gradient
from .arguments import cast, operand, operands
from .dispatch import has_tracer, implements
from .index import flat
from .searching import known_value

__all__ = ["histogram", "histogram_bin_edges"]

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
    where, numbers = [stop_gradient(x) for x in operands([edges, a])]
    position = search_sorted(where, numbers, "right") - 1
    # The last bin holds its right edge; what lies outside goes to a place beyond the last.
    position = np.where(np.equal(numbers, where[-1]), count - 1, position)
    position = np.where(np.logical_or(position < 0, position >= count), count, position)
    if weights is None:
        weights = np.ones(shape_of(a), np.intp)
    totals = ScatterAdd((OPERAND,), (count + 1,))(weights, position)[:-1]
    if density:
        width = cast(np.diff(edges), np.float64)
        totals = totals / width / np.sum(totals)
    return reshape(totals, (count,)), edges
