"""Pooling, channels last, and `reduce_window` for any axes and any operation."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import numpy as fnp
from ..core.trace import aval_of
from ..errors import ShapeError
from ..numpy import at
from ..numpy.arguments import cast
from ..ops.convolution import places_of
from ..ops.index import GetItem
from ..ops.linear import shape_of, transpose
from ..ops.pooling import window_max, window_min, window_sum
from .checks import Array, as_array, as_float, is_traced, lengths
from .padding import Padding, numbers, pad_with, spatial_pads

__all__ = ["avg_pool", "max_pool", "min_pool", "reduce_window"]

_QUICK = (
    ((np.add, fnp.add, operator.add), window_sum, 0.0),
    ((np.maximum, fnp.maximum), window_max, -math.inf),
    ((np.minimum, fnp.minimum), window_min, math.inf),
)
"""Operations with a primitive of their own, and their neutral elements."""


def reduce_window(
    operand: Array,
    init_value: Array,
    computation: Callable[[Array, Array], Array],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Array:
    """Each window of an array reduced to one element.

    Args:
        operand: Any shape.
        init_value: The neutral element of ``computation``, in the operand's dtype: what a reduction
            starts with, and what stands outside of the operand.
        computation: An associative function of two arrays; `numpy.add`, `numpy.maximum` and
            `numpy.minimum` from their neutral elements have a quick way.
        window_dimensions: The lengths of a window, one for each axis of the operand.
        window_strides: How far apart windows stand along each axis; 1 where None.
        padding: ``"VALID"``, ``"SAME"``, ``"SAME_LOWER"`` or a pair for each axis.
        base_dilation: ``d`` puts ``d - 1`` times ``init_value`` between neighbours of the operand.
        window_dilation: The distance of neighbours in a window.

    Returns:
        One element for each place, in the operand's dtype.

    Raises:
        ShapeError: There is not one number for each axis.

    >>> reduce_window(np.arange(6.0), 0.0, np.add, (2,), (2,))
    array([1., 5., 9.])
    """
    called = "reduce_window"
    x, init = as_array(called, operand), as_array(called, init_value)
    rank, dtype = len(shape_of(x)), aval_of(x).dtype
    if not rank or shape_of(init):
        raise ShapeError(
            f"{called}: got {aval_of(x)} to reduce and {aval_of(init)} as init_value",
            "Reduce an array with axes, from a scalar.",
        )
    init = cast(init, dtype)
    window = numbers(called, "window_dimensions", window_dimensions, rank)
    strides = numbers(called, "window_strides", window_strides, rank)
    spread = numbers(called, "base_dilation", base_dilation, rank)
    dilation = numbers(called, "window_dilation", window_dilation, rank)
    apart = tuple([(n - 1) * d + 1 if n else 0 for n, d in zip(shape_of(x), spread, strict=True)])
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    pads = spatial_pads(called, padding, apart, reach, strides)
    x = _surround(x, apart, spread, pads, init)
    for functions, quick, neutral in _QUICK:
        if computation in functions and not is_traced(init) and init == _number(neutral, dtype):
            return quick(x, window, strides, dilation)
    return _fold_windows(x, init, computation, window, strides, dilation)


def _number(value: float, dtype: np.dtype[Any]) -> Any:
    """``value`` in ``dtype``, or its last number where it has no infinity."""
    if dtype.kind in "iu" and math.isinf(value):
        limits = np.iinfo(dtype)
        return dtype.type(limits.max if value > 0 else limits.min)
    return dtype.type(value)


def _surround(x: Any, apart: Any, spread: Any, pads: Any, init: Any) -> Any:
    """``x`` with ``init`` between its elements and around them."""
    if not is_traced(init) and shape_of(x) == apart:
        return pad_with(x, pads, init[()])
    added = [(max(low, 0), max(high, 0)) for low, high in pads]
    spans = [slice(low, low + n, d) for (low, _), n, d in zip(added, apart, spread)]
    shape = [low + n + high for (low, high), n in zip(added, apart)]
    field = at(np.broadcast_to(init, shape))[tuple(spans)].set(x)
    return pad_with(field, tuple([(min(low, 0), min(high, 0)) for low, high in pads]))


def _fold_windows(
    x: Any, init: Any, computation: Any, window: Any, strides: Any, dilation: Any
) -> Any:
    """The elements of the windows combined one after the other, whatever the computation is."""
    dtype = aval_of(x).dtype
    positions = places_of(shape_of(x), window, strides, dilation)
    out = np.broadcast_to(init, positions)
    if 0 in positions:
        return cast(out, dtype)
    for k in np.ndindex(*window):
        spans = [
            slice(d * i, d * i + s * (n - 1) + 1, s)
            for i, n, s, d in zip(k, positions, strides, dilation)
        ]
        out = cast(computation(out, GetItem(tuple(spans))(x)), dtype)
    return out


def _pool(
    called: str,
    x: Any,
    pool: Any,
    window_shape: Sequence[int],
    strides: Sequence[int] | None,
    padding: Padding,
    value: float,
) -> Any:
    """Windows over the axes before the last, those before them being a stack."""
    window_shape = lengths(called, "window_shape", window_shape)
    rank = len(window_shape)
    if len(shape_of(x)) <= rank:
        raise ShapeError(
            f"{called}: got {aval_of(x)} for windows of shape {tuple(window_shape)}",
            "x is (batch, *spatial, channels), with a spatial axis for each length of the window; "
            "write (2, 2) for squares of images.",
        )
    first = len(shape_of(x)) - rank - 1
    window = numbers(called, "window_shape", window_shape, rank)
    steps = numbers(called, "strides", strides, rank)
    pads = spatial_pads(called, padding, shape_of(x)[first:-1], window, steps)
    inner = tuple(range(first, first + rank))
    last = first + rank
    moved = transpose(x, (*range(first), last, *inner))
    around = pad_with(moved, (*((0, 0),) * (first + 1), *pads), _number(value, aval_of(x).dtype))
    pooled = pool(around, window, steps, (1,) * rank)
    return transpose(pooled, (*range(first), *range(first + 1, last + 1), first))


def max_pool(
    x: Array,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
) -> Array:
    """The largest element of each window.

    Elements that are equally large share the gradient equally, as those of `numpy.max`.

    Args:
        x: Images, ``(batch, *spatial, channels)``; there may be any number of axes for batches.
        window_shape: The lengths of a window along the spatial axes.
        strides: How far apart windows stand; 1 along each axis where None.
        padding: ``"VALID"``, ``"SAME"``, ``"SAME_LOWER"`` or a pair for each spatial axis; what is
            outside is smaller than everything.

    Returns:
        One element for each channel and place, in x's dtype.

    Raises:
        ShapeError: There is not one number for each spatial axis.

    >>> max_pool(np.array([1.0, 3.0, 2.0, 5.0]).reshape(1, 4, 1), (2,), (2,)).ravel()
    array([3., 5.])
    """
    return _pool(
        "max_pool", as_array("max_pool", x), window_max, window_shape, strides, padding, -math.inf
    )


def min_pool(
    x: Array,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
) -> Array:
    """The smallest element of each window; arguments and gradients as those of `max_pool`.

    >>> min_pool(np.array([1.0, 3.0, 2.0, 5.0]).reshape(1, 4, 1), (2,), (2,)).ravel()
    array([1., 2.])
    """
    return _pool(
        "min_pool", as_array("min_pool", x), window_min, window_shape, strides, padding, math.inf
    )


def avg_pool(
    x: Array,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Padding = "VALID",
    count_include_pad: bool = True,
) -> Array:
    """The mean of each window.

    Args:
        x: As for `max_pool`; integers become float64, and float16 is summed in float32.
        window_shape: As there.
        strides: As there.
        padding: As there; what is outside is 0.
        count_include_pad: Whether what is outside counts, so that every sum is divided by the
            number of elements of a window; else by the number of those inside.

    Returns:
        One element for each channel and place, in the floating dtype of ``x``.

    Raises:
        ShapeError: As `max_pool`.

    >>> avg_pool(np.array([1.0, 3.0, 2.0, 5.0]).reshape(1, 4, 1), (2,), (2,)).ravel()
    array([2. , 3.5])
    """
    x = as_float("avg_pool", x)
    window_shape = lengths("avg_pool", "window_shape", window_shape)
    dtype = x.dtype
    wide = x.astype(np.float32) if dtype == np.float16 else x
    total = _pool("avg_pool", wide, window_sum, window_shape, strides, padding, 0.0)
    if count_include_pad:
        count: Any = math.prod(window_shape)
    else:
        first = len(x.shape) - len(window_shape) - 1
        inside = np.ones((*x.shape[first:-1], 1), wide.dtype)
        count = _pool("avg_pool", inside, window_sum, window_shape, strides, padding, 0.0)
    return (total / count).astype(dtype)
