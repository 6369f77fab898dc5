"""Shapes and parts of arrays, as `jax.lax` calls them."""

from __future__ import annotations

import operator as python
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import numpy as fnp
from ..core.trace import aval_of
from ..errors import ArgumentError, OutOfBoundsError, ShapeError
from ..numpy import at
from ..numpy.arguments import axis_of, cast
from ..numpy.arguments import operand as as_operand
from ..ops.linear import shape_of

__all__ = [
    "broadcast",
    "broadcast_in_dim",
    "broadcasted_iota",
    "collapse",
    "concatenate",
    "expand_dims",
    "full",
    "full_like",
    "index_in_dim",
    "index_take",
    "iota",
    "pad",
    "reshape",
    "rev",
    "slice_",
    "slice_in_dim",
    "split",
    "squeeze",
    "tile",
    "transpose",
]

Array = Any


def _ints(called: str, name: str, given: Any, count: int | None = None) -> tuple[int, ...]:
    """``given`` as a tuple of Python integers, ``count`` of them."""
    try:
        found = tuple([python.index(n) for n in given])
    except TypeError:
        raise ArgumentError(
            f"{called}: {name} must be a sequence of integers, got {type(given).__name__}",
            f"Write {name}=(2, 3); traced values cannot say a shape.",
        ) from None
    if count is not None and len(found) != count:
        raise ShapeError(
            f"{called}: {name} has {len(found)} entries, where the operand has {count} axes",
            "Give one for each axis.",
        )
    return found


def broadcast(operand: Array, sizes: Sequence[int]) -> Array:
    """The array with new axes in front, along which it is repeated.

    >>> broadcast(np.array([1.0, 2.0]), (3,)).shape
    (3, 2)
    """
    x = as_operand(operand)
    return np.broadcast_to(x, (*_ints("broadcast", "sizes", sizes), *shape_of(x)))


def broadcast_in_dim(
    operand: Array, shape: Sequence[int], broadcast_dimensions: Sequence[int]
) -> Array:
    """The array as one of another shape, with its axes where they are told to stand.

    Args:
        operand: An array.
        shape: That of the result.
        broadcast_dimensions: For each axis of the operand that of the result; in growing order.

    Raises:
        ShapeError: They do not fit.

    >>> broadcast_in_dim(np.array([1.0, 2.0]), (2, 3), (0,))
    array([[1., 1., 1.],
           [2., 2., 2.]])
    """
    x = as_operand(operand)
    new = _ints("broadcast_in_dim", "shape", shape)
    axes = _ints("broadcast_in_dim", "broadcast_dimensions", broadcast_dimensions, len(shape_of(x)))
    if list(axes) != sorted(set(axes)) or any(not 0 <= i < len(new) for i in axes):
        raise ShapeError(
            f"broadcast_in_dim: broadcast_dimensions={axes} for a result with {len(new)} axes",
            "Give different axes of the result, in growing order.",
        )
    lengths = dict(zip(axes, shape_of(x), strict=True))
    return np.broadcast_to(np.reshape(x, [lengths.get(i, 1) for i in range(len(new))]), new)


def iota(dtype: Any, size: int) -> Array:
    """``0, 1, ..., size - 1``: `numpy.arange` with the dtype first.

    >>> iota(np.int32, 3)
    array([0, 1, 2], dtype=int32)
    """
    (size,) = _ints("iota", "size", (size,))
    return np.arange(size, dtype=dtype)


def broadcasted_iota(dtype: Any, shape: Sequence[int], dimension: int) -> Array:
    """An array of the indices along one of its axes.

    >>> broadcasted_iota(np.int64, (2, 3), 1)
    array([[0, 1, 2],
           [0, 1, 2]])
    """
    sizes = _ints("broadcasted_iota", "shape", shape)
    axis = axis_of(dimension, len(sizes))
    found = iota(dtype, sizes[axis])
    return broadcast_in_dim(found, sizes, (axis,)).copy()


def collapse(operand: Array, start_dimension: int, stop_dimension: int | None = None) -> Array:
    """Neighbouring axes joined to one.

    >>> collapse(np.ones((2, 3, 4)), 1).shape
    (2, 12)
    """
    x = as_operand(operand)
    shape = shape_of(x)
    start, stop, _ = slice(start_dimension, stop_dimension).indices(len(shape))
    if start >= stop:
        raise ShapeError(
            f"collapse: no axes from {start_dimension} to {stop_dimension} in {aval_of(x)}",
            "Give the first axis and the one behind the last.",
        )
    length = int(np.prod(shape[start:stop], dtype=int))
    return np.reshape(x, (*shape[:start], length, *shape[stop:]))


def concatenate(operands: Sequence[Array], dimension: int) -> Array:
    """`numpy.concatenate`, which names its axis otherwise.

    >>> concatenate([np.zeros(1), np.ones(2)], 0)
    array([0., 1., 1.])
    """
    return np.concatenate(operands, axis=dimension)


def expand_dims(array: Array, dimensions: Sequence[int]) -> Array:
    """New axes of length 1 where the result has them.

    >>> expand_dims(np.ones(3), (0, 2)).shape
    (1, 3, 1)
    """
    return np.expand_dims(array, _ints("expand_dims", "dimensions", dimensions))


def full(shape: Sequence[int], fill_value: Array, dtype: Any = None) -> Array:
    """`numpy.full`; a traced ``fill_value`` too.

    >>> full((2,), 1.5)
    array([1.5, 1.5])
    """
    value = as_operand(fill_value)
    value = value if dtype is None else cast(value, np.dtype(dtype))
    return np.broadcast_to(value, _ints("full", "shape", shape)).copy()


def full_like(
    x: Array, fill_value: Array, dtype: Any = None, shape: Sequence[int] | None = None
) -> Array:
    """`full`, of the shape and dtype of an array unless others are given.

    >>> full_like(np.zeros(2), 3)
    array([3., 3.])
    """
    x = as_operand(x)
    return full(
        shape_of(x) if shape is None else shape,
        fill_value,
        aval_of(x).dtype if dtype is None else dtype,
    )


def slice_(
    operand: Array,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None = None,
) -> Array:
    """``operand[i0:j0:s0, i1:j1:s1, ...]``. It is `funcgrad.lax.slice`.

    Args:
        operand: An array.
        start_indices: Where each axis' slice starts; not traced, see `dynamic_slice`.
        limit_indices: Where it ends.
        strides: Its step, 1 by default.

    Raises:
        ShapeError: There is not one for each axis.
        OutOfBoundsError: A slice does not lie in the array.

    >>> slice_(np.arange(6.0), (1,), (6,), (2,))
    array([1., 3., 5.])
    """
    x = as_operand(operand)
    rank = len(shape_of(x))
    starts = _ints("slice", "start_indices", start_indices, rank)
    stops = _ints("slice", "limit_indices", limit_indices, rank)
    steps = (1,) * rank if strides is None else _ints("slice", "strides", strides, rank)
    for i, j, s, n in zip(starts, stops, steps, shape_of(x), strict=True):
        if not 0 <= i <= j <= n or s < 1:
            raise OutOfBoundsError(
                f"slice: [{i}:{j}:{s}] of an axis of length {n}",
                "Give starts and limits in the array, and steps of at least 1.",
            )
    return x[tuple(slice(i, j, s) for i, j, s in zip(starts, stops, steps, strict=True))]


def slice_in_dim(
    operand: Array, start_index: int | None, limit_index: int | None, stride: int = 1, axis: int = 0
) -> Array:
    """A slice along one axis, as Python writes it.

    >>> slice_in_dim(np.arange(6.0), 1, None, 2)
    array([1., 3., 5.])
    """
    x = as_operand(operand)
    key = [slice(None)] * len(shape_of(x))
    key[axis_of(axis, len(key))] = slice(start_index, limit_index, stride)
    return x[tuple(key)]


def index_in_dim(operand: Array, index: int, axis: int = 0, keepdims: bool = True) -> Array:
    """One slice along an axis.

    Raises:
        OutOfBoundsError: It is not there.

    >>> index_in_dim(np.arange(6.0).reshape(2, 3), 1, 1, keepdims=False)
    array([1., 4.])
    """
    found = fnp.take(as_operand(operand), index, axis)
    return np.expand_dims(found, axis) if keepdims else found


def index_take(src: Array, idxs: Any, axes: Sequence[int]) -> Array:
    """The parts at several places at once, ``idxs[k]`` along ``axes[k]``.

    >>> index_take(np.arange(6.0).reshape(2, 3), (np.array([0, 1]), np.array([2, 0])), (0, 1))
    array([2., 3.])
    """
    x = as_operand(src)
    chosen = _ints("index_take", "axes", axes, len(idxs))
    return at(np.moveaxis(x, chosen, range(len(chosen))))[tuple(idxs)].get()


def pad(operand: Array, padding_value: Array, padding_config: Sequence[Sequence[int]]) -> Array:
    """An array with a value around it and between its elements.

    Args:
        operand: An array.
        padding_value: A scalar of its dtype.
        padding_config: For each axis ``(low, high, interior)``: how many before, behind, and
            between neighbours; negative ones take elements away.

    Raises:
        ShapeError: There are not three numbers for each axis, or interior is negative.

    >>> pad(np.array([1.0, 2.0]), 0.0, [(1, 0, 1)])
    array([0., 1., 0., 2.])
    """
    x = as_operand(operand)
    shape = shape_of(x)
    config = [_ints("pad", "padding_config", each) for each in padding_config]
    if len(config) != len(shape) or any(len(c) != 3 or c[2] < 0 for c in config):
        raise ShapeError(
            f"pad: got padding_config={padding_config!r} for {aval_of(x)}",
            "Give (low, high, interior) for each axis, with interior >= 0.",
        )
    value = cast(as_operand(padding_value), aval_of(x).dtype)
    apart = [n + max(n - 1, 0) * c[2] for n, c in zip(shape, config, strict=True)]
    size = [n + max(c[0], 0) + max(c[1], 0) for n, c in zip(apart, config, strict=True)]
    places = [
        slice(max(low, 0), max(low, 0) + n, interior + 1)
        for n, (low, _, interior) in zip(apart, config, strict=True)
    ]
    field = at(np.broadcast_to(value, size))[tuple(places)].set(x)
    kept = [
        slice(max(-low, 0), max(n - max(-high, 0), max(-low, 0)))
        for n, (low, high, _) in zip(size, config, strict=True)
    ]
    return field[tuple(kept)]


def reshape(
    operand: Array, new_sizes: Sequence[int], dimensions: Sequence[int] | None = None
) -> Array:
    """`numpy.reshape`, of the array with its axes in another order where ``dimensions`` is given.

    >>> reshape(np.arange(6.0), (2, 3)).shape
    (2, 3)
    """
    x = as_operand(operand)
    if dimensions is not None:
        x = transpose(x, dimensions)
    return np.reshape(x, _ints("reshape", "new_sizes", new_sizes))


def rev(operand: Array, dimensions: Sequence[int]) -> Array:
    """`numpy.flip` along several axes.

    >>> rev(np.array([1.0, 2.0]), (0,))
    array([2., 1.])
    """
    return np.flip(as_operand(operand), _ints("rev", "dimensions", dimensions))


def split(operand: Array, sizes: Sequence[int], axis: int = 0) -> list[Array]:
    """Parts of given lengths; `numpy.split` takes the places between them.

    Raises:
        ShapeError: The lengths do not add up to that of the axis.

    >>> split(np.arange(5.0), (2, 3))
    [array([0., 1.]), array([2., 3., 4.])]
    """
    x, lengths = as_operand(operand), _ints("split", "sizes", sizes)
    length = shape_of(x)[axis_of(axis, len(shape_of(x)))]
    if sum(lengths) != length or min(lengths, default=0) < 0:
        raise ShapeError(
            f"split: sizes={lengths} of an axis of length {length}", "Give sizes that add up to it."
        )
    return list(np.split(x, np.cumsum(lengths)[:-1], axis))


def squeeze(array: Array, dimensions: Sequence[int]) -> Array:
    """`numpy.squeeze` of several axes.

    >>> squeeze(np.ones((1, 3, 1)), (0, 2)).shape
    (3,)
    """
    return np.squeeze(array, _ints("squeeze", "dimensions", dimensions))


def tile(operand: Array, reps: Sequence[int]) -> Array:
    """`numpy.tile`.

    >>> tile(np.array([1.0, 2.0]), (2,))
    array([1., 2., 1., 2.])
    """
    return np.tile(as_operand(operand), _ints("tile", "reps", reps))


def transpose(operand: Array, permutation: Sequence[int]) -> Array:
    """`numpy.transpose`.

    >>> transpose(np.ones((2, 3)), (1, 0)).shape
    (3, 2)
    """
    x = as_operand(operand)
    return np.transpose(x, _ints("transpose", "permutation", permutation, len(shape_of(x))))
