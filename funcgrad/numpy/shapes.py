"""NumPy's functions that give a tracer another shape or order of axes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import ShapeError
from ..ops import shape as ops
from ..ops.linear import move_axis, shape_of
from ..ops.linear import reshape as reshape_to
from ..ops.linear import transpose as permute
from .arguments import (
    axes_of,
    axes_to_reduce,
    axis_of,
    broadcast_operand,
    broadcast_shapes,
    of_rank,
    operand,
)
from .dispatch import implements
from .inplace import views
from .orders import known_order, reading_order

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_arrays",
    "broadcast_to",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "matrix_transpose",
    "moveaxis",
    "ndim",
    "ravel",
    "reshape",
    "rollaxis",
    "rot90",
    "shape",
    "size",
    "squeeze",
    "swapaxes",
    "transpose",
]


_NONE = np.empty(0)


@implements(np.shape)
def shape(a: Any) -> tuple[int, ...]:
    """``numpy.shape``."""
    return shape_of(operand(a))


@implements(np.ndim)
def ndim(a: Any) -> int:
    """``numpy.ndim``."""
    return len(shape_of(operand(a)))


@implements(np.size)
def size(a: Any, axis: Any = None) -> int:
    """``numpy.size``."""
    a = operand(a)
    lengths = shape_of(a)
    return int(np.prod([lengths[i] for i in axes_of(axis, len(lengths))], dtype=int))


def _reverse(x: Any) -> Any:
    return permute(x, tuple(range(len(shape_of(x))))[::-1])


@implements(np.reshape)
@views
def reshape(a: Any, /, shape: Any, order: Any = "C", *, copy: Any = None) -> Any:
    """``numpy.reshape``."""
    x = operand(a)
    count = aval_of(x).size
    asked = [operator.index(n) for n in (shape if isinstance(shape, tuple | list) else (shape,))]
    known = 1
    for n in asked:
        known *= n if n != -1 else 1
    free = asked.count(-1)
    if free == 1 and known and count % known == 0:
        asked[asked.index(-1)] = count // known
        known = count
    if free > 1 or known != count or -1 in asked:
        raise ShapeError(
            f"reshape: cannot reshape {aval_of(x)} into shape {tuple(asked)}",
            "Give a shape with the same number of elements, at most one of them -1.",
        )
    if order == "C":
        return reshape_to(x, tuple(asked))
    _NONE.reshape(0, order=order)  # NumPy's own error for what is no order of reshape
    if known_order("reshape", x, order) == "C":
        return reshape_to(x, tuple(asked))
    return _reverse(reshape_to(_reverse(x), tuple(asked[::-1])))


@implements(np.ravel)
@views
def ravel(a: Any, order: Any = "C") -> Any:
    """``numpy.ravel``."""
    x = operand(a)
    if order != "C":
        x = permute(x, reading_order("ravel", x, order))
    return reshape_to(x, (aval_of(x).size,))


@implements(np.transpose)
@views
def transpose(a: Any, axes: Any = None) -> Any:
    """``numpy.transpose``."""
    x = operand(a)
    rank = len(shape_of(x))
    if axes is None:
        return _reverse(x) if rank > 1 else x
    axes = axes if isinstance(axes, tuple | list | np.ndarray) else (axes,)
    order = tuple([axis_of(axis, rank) for axis in axes]) if len(axes) == rank else None
    if order is None or len({*order}) < rank:
        raise ShapeError(
            f"transpose: axes {tuple(axes)} do not fit an array of {rank} dimensions",
            "Name every axis once.",
        )
    return permute(x, order)


@implements(np.matrix_transpose)
@views
def matrix_transpose(x: Any, /) -> Any:
    """``numpy.matrix_transpose``."""
    x = operand(x)
    if len(shape_of(x)) < 2:
        raise ShapeError(
            f"matrix_transpose: got {aval_of(x)}, which is no matrix",
            "Give an array of two or more dimensions.",
        )
    return swapaxes(x, -1, -2)


@implements(np.moveaxis)
@views
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """``numpy.moveaxis``."""
    x = operand(a)
    rank = len(shape_of(x))
    normal = np.lib.array_utils.normalize_axis_tuple
    moved = normal(source, rank, "source")
    positions = normal(destination, rank, "destination")
    if len(moved) != len(positions):
        raise ShapeError(
            f"moveaxis: {len(moved)} axes are moved to {len(positions)} places",
            "Give as many destinations as sources.",
        )
    order = [axis for axis in range(rank) if axis not in moved]
    for position, axis in sorted(zip(positions, moved, strict=True)):
        order.insert(position, axis)
    return transpose(x, order)


@implements(np.swapaxes)
@views
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    """``numpy.swapaxes``."""
    x = operand(a)
    order = list(range(len(shape_of(x))))
    i, j = axis_of(axis1, len(order)), axis_of(axis2, len(order))
    order[i], order[j] = j, i
    return transpose(x, order)


@implements(np.rollaxis)
@views
def rollaxis(a: Any, axis: Any, start: Any = 0) -> Any:
    """``numpy.rollaxis``; moveaxis is the clearer one."""
    x = operand(a)
    rank = len(shape_of(x))
    source = axis_of(axis, rank)
    # Places are counted between axes, from 0 to the rank; below 0 they are NumPy's, by the rank.
    asked = operator.index(start)
    position = asked + rank if asked < 0 else asked
    if not 0 <= position <= rank:
        raise np.exceptions.AxisError(
            f"'start' arg requires {-rank} <= start < {rank + 1}, but {asked} was passed in"
        )
    return move_axis(x, source, position - 1 if source < position else position)


@implements(np.squeeze)
@views
def squeeze(a: Any, axis: Any = None) -> Any:
    """``numpy.squeeze``."""
    x = operand(a)
    lengths = shape_of(x)
    if axis is None:
        return reshape_to(x, tuple([n for n in lengths if n != 1]))
    axes = axes_to_reduce(axis, len(lengths))
    if [i for i in axes if lengths[i] != 1]:
        raise ShapeError(
            f"squeeze: got {aval_of(x)}, and not all of axes {axes} have length 1",
            "Name axes of length 1, or leave axis away.",
        )
    return reshape_to(x, ops.without_axes(lengths, axes))


@implements(np.expand_dims)
@views
def expand_dims(a: Any, axis: Any) -> Any:
    """``numpy.expand_dims``."""
    x = operand(a)
    lengths = shape_of(x)
    new = axis if isinstance(axis, tuple | list) else (axis,)
    positions = axes_of(tuple(new), len(new) + len(lengths))
    old = iter(lengths)
    total = range(len(new) + len(lengths))
    return reshape_to(x, tuple([1 if i in positions else next(old) for i in total]))


@implements(np.broadcast_to)
@views
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """``numpy.broadcast_to``; the gradient is summed over what was repeated."""
    asked = tuple(shape) if isinstance(shape, tuple | list) else (operator.index(shape),)
    return broadcast_operand("broadcast_to", operand(array), asked)


@implements(np.broadcast_arrays)
@views
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """``numpy.broadcast_arrays``."""
    arrays = [operand(a) for a in args]
    together = broadcast_shapes("broadcast_arrays", *[shape_of(a) for a in arrays])
    return tuple([broadcast_operand("broadcast_arrays", a, together) for a in arrays])


def _at_least(rank: int, arrays: Sequence[Any]) -> Any:
    found = []
    for a in arrays:
        x = operand(a)
        lengths = shape_of(x)
        if rank == 3 and 0 < len(lengths) < 3:
            lengths = (1, *lengths, 1) if len(lengths) == 1 else (*lengths, 1)
        found.append(reshape_to(x, (1,) * (rank - len(lengths)) + lengths))
    return found[0] if len(found) == 1 else tuple(found)


@implements(np.atleast_1d)
@views
def atleast_1d(*arys: Any) -> Any:
    """``numpy.atleast_1d``."""
    return _at_least(1, arys)


@implements(np.atleast_2d)
@views
def atleast_2d(*arys: Any) -> Any:
    """``numpy.atleast_2d``."""
    return _at_least(2, arys)


@implements(np.atleast_3d)
@views
def atleast_3d(*arys: Any) -> Any:
    """``numpy.atleast_3d``."""
    return _at_least(3, arys)


@implements(np.flip)
@views
def flip(m: Any, axis: Any = None) -> Any:
    """``numpy.flip``."""
    x = operand(m)
    return ops.flip(x, axes_of(axis, len(shape_of(x))))


@implements(np.flipud)
@views
def flipud(m: Any) -> Any:
    """``numpy.flipud``."""
    return ops.flip(of_rank("flipud", m, 1), (0,))


@implements(np.fliplr)
@views
def fliplr(m: Any) -> Any:
    """``numpy.fliplr``."""
    return ops.flip(of_rank("fliplr", m, 2), (1,))


@implements(np.rot90)
@views
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """``numpy.rot90``."""
    x = operand(m)
    rank = len(shape_of(x))
    if len(axes) != 2 or rank < 2 or axis_of(axes[0], rank) == axis_of(axes[1], rank):
        raise ShapeError(
            f"rot90: axes {tuple(axes)} span no plane of an array of {rank} dimensions",
            "Give two different axes.",
        )
    first, second = [axis_of(axis, rank) for axis in axes]
    k %= 4
    if k == 2:
        return ops.flip(x, (min(first, second), max(first, second)))
    if k == 1:
        return swapaxes(ops.flip(x, (second,)), first, second)
    return ops.flip(swapaxes(x, first, second), (second,)) if k == 3 else x
