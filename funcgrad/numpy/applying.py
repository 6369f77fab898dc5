"""NumPy's functions that call a function on parts of an array, for tracers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ShapeError
from ..ops.linear import broadcast_to, reshape, shape_of
from .arguments import axis_of, cast, operand
from .dispatch import implements
from .index import flat
from .update import at

__all__ = ["apply_along_axis", "apply_over_axes", "piecewise"]

Array = Any


@implements(np.apply_along_axis)
def apply_along_axis(
    func1d: Callable[..., Any], axis: Any, arr: Array, *args: Any, **kwargs: Any
) -> Array:
    """``func1d`` of each vector along ``axis``, called once for each as NumPy does.

    What it returns replaces the vector. `vmap` calls the function once, for all.

    Raises:
        ShapeError: There is no vector to call it on.
    """
    x = operand(arr)
    shape = shape_of(x)
    position = axis_of(axis, len(shape))
    x = np.moveaxis(x, position, -1)
    outer = shape_of(x)[:-1]
    count = int(np.prod(outer, dtype=np.intp))
    if not count:
        raise ShapeError(
            "numpy.apply_along_axis: Cannot apply_along_axis when any iteration dimensions are 0",
            "Leave the call out for an empty array.",
        )
    rows = reshape(x, (count, shape[position]))
    found = [operand(func1d(rows[i], *args, **kwargs)) for i in range(count)]
    dtype = aval_of(found[0]).dtype
    inner = shape_of(found[0])
    parts = [broadcast_to(cast(part, dtype), inner) for part in found]
    result = reshape(np.stack(parts), (*outer, *inner))
    for i in range(len(inner)):
        result = np.moveaxis(result, len(outer) + i, position + i)
    return result


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Array, axes: Any) -> Array:
    """``func(a, axis)`` for one axis after the other; a dropped axis comes back with length 1.

    Raises:
        ShapeError: The function returns another number of dimensions.
    """
    value = operand(a)
    rank = len(shape_of(value))
    for axis in np.atleast_1d(axes).tolist():
        position = axis + rank if axis < 0 else axis
        found = func(value, position)
        if np.ndim(found) != rank:
            found = np.expand_dims(found, position)
            if np.ndim(found) != rank:
                raise ShapeError(
                    "numpy.apply_over_axes: function is not returning an array of the correct "
                    "shape",
                    "Return an array with or without the axis.",
                )
        value = found
    return value


@implements(np.piecewise)
def piecewise(x: Array, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Array:
    """The function, or the number, of the last condition that is true, element by element.

    Where the conditions have values, as under `grad`, each function gets the elements of its own;
    else each gets all of them, in one dimension as from NumPy, and what is not chosen is dropped.

    Raises:
        ValueError: There are neither as many functions as conditions nor one more.
    """
    x = operand(x)
    dtype = aval_of(x).dtype
    sequence = isinstance(condlist, list | tuple) or np.ndim(condlist)
    first: Any = condlist[0] if sequence else None
    several = isinstance(first, list) or np.ndim(first) or not shape_of(x)
    if not sequence or not several:
        condlist = [condlist]
    conditions = [_condition(c) for c in condlist]
    pieces = list(funclist)
    if len(pieces) == len(conditions) + 1:
        least = conditions[0]
        for c in conditions[1:]:
            least = np.logical_or(least, c)
        conditions.append(np.logical_not(least))
    elif len(pieces) != len(conditions):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    shape = shape_of(x)
    y: Any = np.zeros(shape, dtype)[()]
    for condition, piece in zip(conditions, pieces, strict=True):
        condition = broadcast_to(operand(condition), shape)
        if not callable(piece):
            y = np.where(condition, cast(operand(piece), dtype), y)
        elif isinstance(condition, Tracer):
            values = operand(piece(flat(x), *args, **kw))
            values = cast(values, dtype)
            whole = reshape(values, shape) if aval_of(values).size == aval_of(x).size else values
            y = np.where(condition, whole, y)
        elif np.any(condition):
            if not shape:
                y = cast(reshape(operand(piece(flat(x), *args, **kw)), ()), dtype)
                continue
            positions = np.nonzero(condition)
            y = at(y)[positions].set(cast(operand(piece(x[positions], *args, **kw)), dtype))
    return y


def _condition(c: Any) -> Any:
    c = operand(c)
    return c if aval_of(c).dtype.kind == "b" else np.not_equal(c, 0)
