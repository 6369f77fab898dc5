"""NumPy's functions that find places, for tracers: nonzero, unique, searchsorted, ...

Those whose shape depends on the numbers need a value: they work under `grad` and `jvp`, and under
`jit` and `vmap` where ``size`` says how long the result is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ConcretizationError, DtypeError, ShapeError
from ..ops.index import ScatterAdd
from ..ops.layout import OPERAND
from ..ops.linear import reshape, shape_of
from ..ops.search import search_sorted
from ..ops.select import stop_gradient
from .arguments import axis_of, cast, operand, operands
from .dispatch import implements, refuse
from .getitem import getitem
from .index import flat, integers, take, wrap_indices
from .sized import nonzero_sized, require_size, unique_sized, within

__all__ = [
    "argwhere",
    "bincount",
    "compress",
    "delete",
    "diag_indices_from",
    "digitize",
    "extract",
    "flatnonzero",
    "ix_",
    "nonzero",
    "ravel_multi_index",
    "searchsorted",
    "tril_indices_from",
    "triu_indices_from",
    "unique",
    "unravel_index",
]

Array = Any


def known_value(name: str, x: Any) -> Any:
    """The value of ``x`` without its gradient.

    Raises:
        ConcretizationError: It has none while the function is traced.
    """
    value = stop_gradient(x) if isinstance(x, Tracer) else x
    if isinstance(value, Tracer):
        raise ConcretizationError(
            f"numpy.{name}: its result depends on values, and {value.aval.short()} has none while "
            "the function is traced",
            "Use numpy.where with a mask, or call it before the transform.",
        )
    return value


_SIZED = "size", "fill_value"


@implements(np.nonzero, more=_SIZED)
def nonzero(a: Array, *, size: int | None = None, fill_value: Any = None) -> tuple[Any, ...]:
    """Where ``a`` is not zero: from its value, or as many places as ``size`` says.

    With a ``size``, which NumPy's function does not take, it needs no value: places that are too
    many are left out, and for those that are missing stands ``fill_value``, 0 by default; a tuple
    has one for each axis.
    """
    if size is not None:
        return nonzero_sized("nonzero", operand(a), size, fill_value)
    return np.nonzero(known_value("nonzero", operand(a)))


@implements(np.flatnonzero, more=_SIZED)
def flatnonzero(a: Array, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Where the flat ``a`` is not zero; ``size`` and ``fill_value`` as for `nonzero`."""
    if size is not None:
        return nonzero_sized("flatnonzero", flat(operand(a)), size, fill_value)[0]
    return np.flatnonzero(known_value("flatnonzero", operand(a)))


@implements(np.argwhere, more=_SIZED)
def argwhere(a: Array, *, size: int | None = None, fill_value: Any = None) -> Any:
    """Where ``a`` is not zero, one row a place; ``size`` and ``fill_value`` as for `nonzero`."""
    if size is not None:
        return np.stack(nonzero_sized("argwhere", operand(a), size, fill_value), axis=-1)
    return np.argwhere(known_value("argwhere", operand(a)))


@implements(np.searchsorted)
def searchsorted(a: Array, v: Array, side: Any = "left", sorter: Any = None) -> Any:
    """Where ``v`` would be inserted in ``a``; no derivative passes.

    Raises:
        ShapeError: ``a`` is no vector.
    """
    if side not in ("left", "right", "l", "r", "L", "R"):
        raise ValueError(f"search side must be 'left' or 'right' (got {side!r})")
    a, v = operands([a, v])
    if len(shape_of(a)) != 1:
        raise ShapeError(
            f"numpy.searchsorted: got {aval_of(a)} to search in",
            "Give a vector; use vmap for one in each row.",
        )
    if sorter is not None:
        sorter = integers("searchsorted", sorter)
        if shape_of(sorter) != shape_of(a):
            raise ShapeError(
                "numpy.searchsorted: sorter.size must equal len(a)", "Give numpy.argsort(a)."
            )
        a = getitem(a, sorter)
    side = "left" if side[0] in "lL" else "right"
    return search_sorted(stop_gradient(a), stop_gradient(v), side)


@implements(np.unique, more=_SIZED)
def unique(
    ar: Array,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The distinct elements; a gradient goes to the first occurrence of each.

    With a ``size``, which NumPy's function does not take, they need no value: those that are too
    many, the largest, are left out, and for those that are missing stands ``fill_value``, by
    default the smallest.
    """
    ar = operand(ar)
    if size is not None:
        asked = return_index, return_inverse, return_counts
        return unique_sized(ar, asked, axis, equal_nan, size, fill_value)
    found, first, *others = np.unique(
        known_value("unique", ar),
        return_index=True,
        return_inverse=return_inverse,
        return_counts=return_counts,
        axis=axis,
        equal_nan=equal_nan,
    )
    if axis is None:
        values = getitem(flat(ar), first)
    else:
        values = take(ar, first, axis_of(axis, len(shape_of(ar))))
    if isinstance(values, Tracer):
        found = values
    results = (found, *([first] if return_index else []), *others)
    return results if len(results) > 1 else found


@implements(np.extract)
def extract(condition: Array, arr: Array) -> Array:
    """The elements of the flat ``arr`` where ``condition``, which must have a value."""
    arr = operand(arr)
    chosen = np.flatnonzero(known_value("extract", operand(condition)))
    return getitem(flat(arr), chosen)


@implements(np.compress)
def compress(condition: Array, a: Array, axis: Any = None, out: Any = None) -> Array:
    """The slices of ``a`` along ``axis`` where ``condition``, which must have a value."""
    refuse("compress", out=out)
    return take(a, np.flatnonzero(known_value("compress", operand(condition))), axis)


@implements(np.ix_)
def ix_(*args: Array) -> tuple[Array, ...]:
    """Index arrays that form an open mesh."""
    rank = len(args)
    mesh: list[Any] = []
    for i, a in enumerate(args):
        a = integers("ix_", a)
        if len(shape_of(a)) != 1:
            raise ShapeError("numpy.ix_: cross index must be one dimensional", "Pass a.ravel().")
        if aval_of(a).dtype.kind == "b":
            a = np.flatnonzero(known_value("ix_", a))
        mesh.append(reshape(a, (*(1,) * i, shape_of(a)[0], *(1,) * (rank - i - 1))))
    return tuple(mesh)


@implements(np.unravel_index)
def unravel_index(indices: Array, shape: Any, order: str = "C") -> tuple[Any, ...]:
    """Places of the flat array as one index an axis.

    Raises:
        OutOfBoundsError: A place is not in the array.
    """
    places = integers("unravel_index", indices)
    lengths = tuple(map(int, shape)) if isinstance(shape, tuple | list) else (int(shape),)
    places = within("unravel_index", places, math.prod(lengths))
    found: list[Any] = []
    for n in lengths[::-1] if order == "C" else lengths:
        found.append(np.remainder(places, max(n, 1)))
        places = np.floor_divide(places, max(n, 1))
    return tuple(found[::-1] if order == "C" else found)


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: Any = "C") -> Any:
    """One index an axis as places of the flat array.

    Raises:
        ShapeError: There is not one index for each length.
        OutOfBoundsError: One is not in the array, and ``mode`` is "raise".
    """
    lengths = tuple(map(int, dims)) if isinstance(dims, tuple | list) else (int(dims),)
    given = [integers("ravel_multi_index", operand(i)) for i in multi_index]
    modes = tuple(mode) if isinstance(mode, tuple) else (mode,) * len(lengths)
    if not len(given) == len(lengths) == len(modes):
        raise ShapeError(
            f"numpy.ravel_multi_index: {len(given)} indices and {len(modes)} modes for dims "
            f"{lengths}",
            "Give one for each length.",
        )
    total: Any = np.int64(0)
    axes = list(zip(given, lengths, modes, strict=True))
    for i, n, each in axes if order == "C" else axes[::-1]:
        i = (
            within("ravel_multi_index", i, n)
            if each == "raise"
            else wrap_indices("ravel_multi_index", i, n, each)
        )
        total = total * n + i
    return total


@implements(np.delete)
def delete(arr: Array, obj: Any, axis: Any = None) -> Array:
    """``arr`` without the places ``obj`` along ``axis``; the places must have values."""
    arr = operand(arr)
    if axis is None:
        arr, axis = flat(arr), 0
    axis = axis_of(axis, len(shape_of(arr)))
    obj = obj if isinstance(obj, slice) else known_value("delete", operand(obj))
    return take(arr, np.delete(np.arange(shape_of(arr)[axis]), obj), axis)


@implements(np.bincount, more=("length",))
def bincount(
    x: Array, /, weights: Any = None, minlength: Any = 0, *, length: int | None = None
) -> Array:
    """How often each integer occurs, or the sum of its ``weights``, which may be traced.

    Raises:
        ShapeError: There is not one weight for each integer.
        OutOfBoundsError: An integer is none from 0 to ``length - 1``, where that is given, so that
            ``x`` needs no value. (JAX leaves it out.)
    """
    if length is not None:
        return _counts(integers("bincount", operand(x)), weights, length)
    x = known_value("bincount", integers("bincount", x))
    if weights is None:
        return np.bincount(x, minlength=minlength)
    (weights,) = operands([weights])
    counted = len(np.bincount(x, minlength=minlength))
    if shape_of(weights) != np.shape(x):
        raise ShapeError(
            f"numpy.bincount: weights have shape {shape_of(weights)} and x {np.shape(x)}",
            "Give one weight for each integer.",
        )
    return ScatterAdd((OPERAND,), (counted,))(cast(weights, np.float64), x)


def _counts(x: Any, weights: Any, length: int) -> Any:
    places = within("bincount", x, require_size("bincount", "length", length))
    ones = np.ones(shape_of(x), np.int64) if weights is None else operand(weights)
    if shape_of(ones) != shape_of(x):
        raise ShapeError(
            f"numpy.bincount: weights have shape {shape_of(ones)} and x {shape_of(x)}",
            "Give one weight for each integer.",
        )
    dtype = np.dtype(np.int64 if weights is None else np.float64)
    return ScatterAdd((OPERAND,), (length,))(cast(ones, dtype), places)


@implements(np.digitize)
def digitize(x: Array, bins: Any, right: bool = False) -> Any:
    """Which bin each number of ``x`` falls into; no derivative passes.

    Raises:
        DtypeError: ``x`` is complex.
        ValueError: ``bins`` rise and fall, where they are known.
    """
    x = operand(x)
    bins = stop_gradient(operand(bins))
    if aval_of(x).dtype.kind == "c":
        raise DtypeError(f"numpy.digitize: x may not be complex, got {aval_of(x)}", "Use x.real.")
    if len(shape_of(bins)) != 1:
        raise ShapeError(f"numpy.digitize: bins are {aval_of(bins)}", "Give a vector.")
    side = "left" if right else "right"
    falling: Any = bins[:1] > bins[-1:]
    n = shape_of(bins)[0]
    if not isinstance(bins, Tracer):
        if n and not (np.all(bins[1:] >= bins[:-1]) or np.all(bins[1:] <= bins[:-1])):
            raise ValueError("bins must be monotonically increasing or decreasing")
        if falling.any():
            return n - searchsorted(bins[::-1], x, side)
        return searchsorted(bins, x, side)
    if not n:
        return searchsorted(bins, x, side)
    down = n - searchsorted(np.flip(bins), x, side)
    return np.where(getitem(falling, 0), down, searchsorted(bins, x, side))


@implements(np.diag_indices_from)
def diag_indices_from(arr: Array) -> tuple[np.ndarray[Any, Any], ...]:
    """The places of the main diagonal of an array of this shape."""
    return np.diag_indices_from(np.empty(shape_of(operand(arr))))


@implements(np.tril_indices_from)
def tril_indices_from(arr: Array, k: int = 0) -> tuple[np.ndarray[Any, Any], ...]:
    """The places on and below a diagonal of an array of this shape."""
    return np.tril_indices_from(np.empty(shape_of(operand(arr))), k)


@implements(np.triu_indices_from)
def triu_indices_from(arr: Array, k: int = 0) -> tuple[np.ndarray[Any, Any], ...]:
    """The places on and above a diagonal of an array of this shape."""
    return np.triu_indices_from(np.empty(shape_of(operand(arr))), k)
