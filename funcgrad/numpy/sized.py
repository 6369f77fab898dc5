"""Places and distinct elements of arrays without value: as many as a ``size`` says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import ArgumentError, ShapeError
from ..ops.linear import reshape, shape_of
from ..ops.select import stop_gradient
from .arguments import axis_of, cast, operand
from .getitem import getitem
from .index import flat, take

__all__ = ["nonzero_sized", "require_size", "unique_sized", "within"]


def require_size(called: str, name: str, size: Any) -> int:
    """``size``, which must be known.

    Raises:
        ArgumentError: It is no integer of Python's, or negative.
    """
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
        raise ArgumentError(
            f"numpy.{called}: {name} must be a Python integer >= 0, got {size!r}",
            f"Write {name}=n; it decides the shape, and cannot be traced.",
        )
    return int(size)


def within(called: str, places: Any, length: int) -> Any:
    """Places, each of which is checked to be one from 0 to ``length - 1``.

    Raises:
        OutOfBoundsError: One is not; where it is traced, as the program runs.
    """
    places = cast(stop_gradient(operand(places)), np.dtype(np.int64))
    # A negative place would count from the end: from further below it is out of bounds too.
    return getitem(np.arange(length), np.where(places < 0, places - length, places))


def _chosen(mask: Any, size: int) -> tuple[Any, Any]:
    """The first ``size`` places of a flat mask, any place for missing ones, and which are there."""
    counted = np.cumsum(mask.astype(np.int64))
    turn = np.arange(size)
    n = shape_of(mask)[0]
    if not n:
        return np.zeros(size, np.int64), np.zeros(size, bool)
    place = np.searchsorted(counted, turn + 1)
    return np.minimum(place, n - 1), turn < counted[-1]


def nonzero_sized(called: str, x: Any, size: Any, fill_value: Any) -> tuple[Any, ...]:
    """`numpy.nonzero` with results of length ``size``.

    Args:
        called: The function, for errors.
        x: An array with axes.
        size: How many places.
        fill_value: What stands for missing ones: an integer, or one for each axis; 0 by default.
    """
    size = require_size(called, "size", size)
    shape = shape_of(x)
    fills = fill_value if isinstance(fill_value, tuple | list) else (fill_value,) * len(shape)
    if not shape or len(fills) != len(shape):
        raise ShapeError(
            f"numpy.{called}: got {aval_of(x)} and fill_value={fill_value!r}",
            "Give an array with axes, and one fill value or one for each axis.",
        )
    place, there = _chosen(flat(np.not_equal(stop_gradient(x), 0)), size)
    found: list[Any] = []
    for n, fill in zip(shape[::-1], fills[::-1], strict=True):
        other = np.int64(0) if fill is None else fill
        found.append(np.where(there, np.remainder(place, max(n, 1)), other))
        place = np.floor_divide(place, max(n, 1))
    return tuple(found[::-1])


def unique_sized(
    ar: Any,
    asked: tuple[bool, bool, bool],
    axis: int | None,
    equal_nan: bool,
    size: Any,
    fill_value: Any,
) -> Any:
    """`numpy.unique` with results of length ``size``.

    Args:
        ar: An array.
        asked: Whether indices, the inverse and counts are asked for.
        axis: As there.
        equal_nan: As there.
        size: How many distinct elements.
        fill_value: What stands for missing ones; by default the smallest element.
    """
    size = require_size("unique", "size", size)
    shape = shape_of(ar)
    position = 0
    if axis is None:
        rows = reshape(ar, (math.prod(shape), 1))
    else:
        position = axis_of(axis, len(shape))
        rows = np.moveaxis(ar, position, 0)
        rows = reshape(rows, (shape[position], math.prod(shape) // max(shape[position], 1)))
    n, width = shape_of(rows)
    if not n or not width:
        raise ShapeError(
            f"numpy.unique: size= of an empty array, {aval_of(ar)}", "Give an array with elements."
        )
    keys = stop_gradient(rows)
    columns = [keys[:, j] for j in range(width)]
    order = (
        np.argsort(columns[0], kind="stable") if width == 1 else np.lexsort(tuple(columns[::-1]))
    )
    ordered = take(keys, order, 0)
    one, other = ordered[1:], ordered[:-1]
    same = np.equal(one, other)
    if equal_nan and aval_of(keys).inexact:
        same = np.logical_or(same, np.logical_and(np.isnan(one), np.isnan(other)))
    new = np.concatenate([np.ones(1, bool), np.logical_not(np.all(same, axis=1))])
    place, there = _chosen(new, size)
    # What is missing takes the place of the first, the smallest.
    first = take(order, np.where(there, place, 0))
    values = take(rows, first, 0)
    if fill_value is not None:
        fill = cast(operand(fill_value), aval_of(rows).dtype)
        values = np.where(there[:, None], values, fill)
    if axis is None:
        values = values[:, 0]
    else:
        rest = [m for i, m in enumerate(shape) if i != position]
        values = np.moveaxis(reshape(values, (size, *rest)), 0, position)
    results: list[Any] = [values]
    with_index, with_inverse, with_counts = asked
    if with_index:
        results.append(first)
    if with_inverse:
        number = np.cumsum(new.astype(np.int64)) - 1
        inverse = take(number, np.argsort(order, kind="stable"))
        results.append(reshape(inverse, shape) if axis is None else inverse)
    if with_counts:
        follows = np.where(np.arange(1, size + 1) < size, np.roll(place, -1), n)
        after = np.roll(there, -1)
        last = np.arange(size) == size - 1
        # What comes after the last that is asked for begins where the next distinct one does.
        more, any_more = _chosen(new, size + 1)
        end = np.where(any_more[-1], more[-1], n)
        stop = np.where(last, end, np.where(after, follows, n))
        results.append(np.where(there, stop - place, 0))
    return results[0] if len(results) == 1 else tuple(results)
