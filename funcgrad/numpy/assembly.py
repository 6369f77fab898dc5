"""NumPy's functions that assemble arrays of traced parts: block, insert, resize, ..."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import DtypeError, OutOfBoundsError, ShapeError
from ..ops.linear import broadcast_to, reshape, shape_of
from ..ops.select import stop_gradient
from ..ops.shape import Concatenate
from .arguments import axis_of, broadcast_operand, cast, operand, operands
from .create import logspace, numeric
from .dispatch import implements
from .getitem import getitem
from .index import flat, take
from .inplace import copy_tracer
from .searching import known_value
from .sized import within

__all__ = ["block", "geomspace", "insert", "resize", "trim_zeros", "vander"]

Array = Any


@implements(np.block)
def block(arrays: Any) -> Array:
    """An array of nested lists of blocks; the innermost lists join along the last axis.

    Raises:
        ShapeError: Lists of different depth, an empty list, or blocks that do not fit.
        TypeError: A tuple among the lists.
    """
    depth = _depth(arrays)
    if not depth:
        return copy_tracer(operand(arrays))
    rank = max(depth, _rank(arrays))
    return _block(arrays, depth, rank)


def _depth(arrays: Any) -> int:
    if isinstance(arrays, tuple):
        raise TypeError("numpy.block: only lists can be used to arrange blocks, got a tuple")
    if not isinstance(arrays, list):
        return 0
    if not arrays:
        raise ShapeError("numpy.block: a list cannot be empty", "Leave it out.")
    depths = [_depth(part) for part in arrays]
    if min(depths) != max(depths):
        raise ShapeError(
            f"numpy.block: list depths are mismatched: {min(depths)} and {max(depths)}",
            "Nest every block in as many lists.",
        )
    return depths[0] + 1


def _rank(arrays: Any) -> int:
    if isinstance(arrays, list):
        return max([_rank(part) for part in arrays])
    return len(shape_of(operand(arrays)))


def _block(arrays: Any, depth: int, rank: int) -> Any:
    if not depth:
        x = operand(arrays)
        shape = shape_of(x)
        return reshape(x, ((1,) * (rank - len(shape)) + shape))
    return np.concatenate([_block(part, depth - 1, rank) for part in arrays], axis=-depth)


@implements(np.insert)
def insert(arr: Array, obj: Any, values: Array, axis: Any = None) -> Array:
    """``arr`` with ``values`` before the places ``obj``, integers that may be traced.

    Raises:
        IndexError: A place is outside the axis.
        ShapeError: The values do not fit.
    """
    arr = operand(arr)
    if axis is None:
        arr, axis = flat(arr), 0
    axis = axis_of(axis, len(shape_of(arr)))
    shape = shape_of(arr)
    n = shape[axis]
    before, after = shape[:axis], shape[axis + 1 :]
    values = cast(operand(values), aval_of(arr).dtype)
    if isinstance(obj, Tracer) and isinstance(stop_gradient(obj), Tracer):
        return _insert_traced(arr, stop_gradient(obj), values, axis)
    positions = np.arange(n)[obj] if isinstance(obj, slice) else known_value("insert", operand(obj))
    if np.ndim(positions) > 1:
        raise ShapeError("numpy.insert: places must be one-dimensional", "Pass obj.ravel().")
    if np.asarray(positions).dtype.kind == "b":
        positions = np.flatnonzero(positions)
    elif not np.size(positions):
        positions = np.zeros(0, np.intp)
    # NumPy says what the result holds where, and which places there are.
    if np.size(positions) == 1:
        own = shape_of(values)
        values = reshape(values, ((1,) * (len(shape) - len(own)) + own))
        if not np.ndim(positions):
            values = np.moveaxis(values, 0, axis)
        count = shape_of(values)[axis]
        start = int(np.reshape(positions, ()))
        if not -n <= start <= n:
            raise OutOfBoundsError(
                f"numpy.insert: index {start} is out of bounds for axis {axis} with size {n}",
                "Give a place from 0 to the length.",
            )
    else:
        count, start = len(positions), 0
    positions = np.where(np.less(positions, 0), np.add(positions, n), positions)
    order = np.insert(
        np.arange(n), positions if count == np.size(positions) else [start] * count, -1
    )
    order[order < 0] = n + _ranks(positions, count)
    own = shape_of(values)
    extra = len(own) - len(shape)
    if extra > 0 and own[:extra] == (1,) * extra:  # as an assignment drops them
        values = reshape(values, own[extra:])
    values = broadcast_operand("insert", values, (*before, count, *after))
    return Concatenate(axis)(arr, values)[(*(slice(None),) * axis, order)]


def _insert_traced(arr: Any, obj: Any, values: Any, axis: int) -> Any:
    """`insert` at places without value: how many there are is known, and so is the shape."""
    shape = shape_of(arr)
    n, own = shape[axis], shape_of(values)
    kind = aval_of(obj)
    if kind.dtype.kind not in "iu" or kind.ndim > 1:
        raise DtypeError(
            f"numpy.insert: a traced place must be an integer or a vector of them, got {kind}",
            "Convert it: astype(int). A mask must have values.",
        )
    values = reshape(values, (*(1,) * (len(shape) - len(own)), *own))
    if not kind.ndim:
        values = np.moveaxis(values, 0, axis)
    count = kind.shape[0] if kind.ndim and kind.shape != (1,) else shape_of(values)[axis]
    values = broadcast_operand("insert", values, (*shape[:axis], count, *shape[axis + 1 :]))
    # From -n on places count from the end, and n is one: a table checks and converts.
    table = np.concatenate([np.arange(n), np.arange(n + 1)])
    places = within("insert", broadcast_operand("insert", obj, (count,)) + n, 2 * n + 1)
    places = getitem(table, places)
    rank = np.argsort(places, kind="stable")
    new = take(places, rank) + np.arange(count)
    here = np.arange(n + count)
    before = np.searchsorted(new, here, "right")
    latest = np.maximum(before - 1, 0)
    is_new = np.logical_and(before > 0, np.equal(take(new, latest), here)) if count else here < 0
    source = np.where(is_new, n + take(rank, latest), here - before) if count else here
    return take(Concatenate(axis)(arr, values), source, axis)


def _ranks(positions: Any, count: int) -> Any:
    """For the inserted places of the result from left to right, which value each holds."""
    if np.size(positions) != count or count < 2:
        return np.arange(count)
    return np.argsort(positions, kind="stable")


@implements(np.resize)
def resize(a: Array, new_shape: Any) -> Array:
    """The flat ``a``, repeated as often as needed, in a new shape; zeros where it is empty.

    Raises:
        ShapeError: A negative length.
    """
    a = flat(operand(a))
    lengths = new_shape if isinstance(new_shape, list | tuple) else (new_shape,)
    shape = tuple(map(operator.index, lengths))
    if any(n < 0 for n in shape):
        raise ShapeError(
            f"numpy.resize: got shape {shape}", "All elements of `new_shape` must be non-negative."
        )
    size = aval_of(a).size
    if not size:
        return np.zeros(shape, aval_of(a).dtype)
    positions = np.arange(int(np.prod(shape, dtype=np.intp))) % size
    return reshape(a[positions], shape)


@implements(np.trim_zeros)
def trim_zeros(filt: Array, trim: str = "fb", axis: Any = None) -> Array:
    """``filt`` without zeros at the edges, from its value; a gradient passes to what is left."""
    x = operand(filt)
    trim = trim.lower()
    if trim not in ("fb", "bf", "b", "f"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    shape = shape_of(x)
    rank = len(shape)
    positions = np.argwhere(known_value("trim_zeros", x))
    axes = range(rank) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, rank)
    key = [slice(None)] * rank
    for i in axes:
        start = int(positions[:, i].min()) if len(positions) and "f" in trim else 0
        stop = int(positions[:, i].max()) + 1 if len(positions) and "b" in trim else shape[i]
        key[i] = slice(start, stop) if len(positions) else slice(0, 0)
    return x[tuple(key)]


@implements(np.vander)
def vander(x: Array, N: Any = None, increasing: bool = False) -> Array:
    """The powers of ``x`` in rows, by repeated multiplication; 0 has the derivative of each.

    Raises:
        ShapeError: ``x`` is no vector, or ``N`` is negative.
    """
    x = operand(x)
    if len(shape_of(x)) != 1:
        raise ShapeError(
            f"numpy.vander: got {aval_of(x)}", "x must be a one-dimensional array or sequence."
        )
    n = shape_of(x)[0]
    count = n if N is None else operator.index(N)
    if count < 0:
        raise ShapeError(f"numpy.vander: got N={count}", "Negative dimensions are not allowed.")
    x = cast(x, np.promote_types(aval_of(x).dtype, np.int_))
    if not count:
        return np.zeros((n, 0), aval_of(x).dtype)
    ones = np.ones((n, 1), aval_of(x).dtype)
    factors = Concatenate(1)(ones, broadcast_to(reshape(x, (n, 1)), (n, count - 1)))
    powers = np.cumprod(factors, axis=1)
    return powers if increasing else np.flip(powers, 1)


@implements(np.geomspace)
def geomspace(
    start: Array,
    stop: Array,
    num: Any = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: Any = 0,
) -> Array:
    """Numbers in a geometric progression from ``start`` to ``stop``, differentiable in both.

    Raises:
        ValueError: One of them is 0, where its value is known.
    """
    start, stop = operands([start, stop], weak=True)
    for end in (start, stop):
        zero = np.any(np.equal(end, 0))
        if not isinstance(zero, Tracer) and zero:
            raise ValueError("Geometric sequence cannot include zero")
    num = operator.index(num)
    kind = np.float64 if dtype is None else numeric(dtype)
    inexact = np.result_type(aval_of(start).dtype, aval_of(stop).dtype, float(num), kind)
    start, stop = [
        broadcast_operand(
            "geomspace", cast(x, inexact), np.broadcast_shapes(shape_of(start), shape_of(stop))
        )
        for x in (start, stop)
    ]
    sign = np.sign(start)
    y = logspace(np.log10(start / sign), np.log10(stop / sign), num, endpoint, 10.0)
    if num:
        y = np.concatenate([np.expand_dims(start / sign, 0), y[1:]])
        if num > 1 and endpoint:
            y = np.concatenate([y[:-1], np.expand_dims(stop / sign, 0)])
    y = y * sign
    if axis != 0:
        y = np.moveaxis(y, 0, axis)
    return cast(y, inexact if dtype is None else numeric(dtype))
