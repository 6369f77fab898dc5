"""NumPy's functions that find places, for tracers: nonzero, unique, searchsorted, ...

Those whose result depends on the numbers need a value: they work under `grad` and `jvp`, and raise
under `jit` and `vmap`.
"""

from __future__ import annotations

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
from .index import flat, integers, take

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


@implements(np.nonzero)
def nonzero(a: Array) -> tuple[np.ndarray[Any, Any], ...]:
    """Where ``a`` is not zero, from its value."""
    return np.nonzero(known_value("nonzero", operand(a)))


@implements(np.flatnonzero)
def flatnonzero(a: Array) -> np.ndarray[Any, Any]:
    """Where the flat ``a`` is not zero, from its value."""
    return np.flatnonzero(known_value("flatnonzero", operand(a)))


@implements(np.argwhere)
def argwhere(a: Array) -> np.ndarray[Any, Any]:
    """Where ``a`` is not zero, one row a place, from its value."""
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


@implements(np.unique)
def unique(
    ar: Array,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The distinct elements; a gradient goes to the first occurrence of each."""
    ar = operand(ar)
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
    """Places of the flat array as one index an axis, from their values."""
    return np.unravel_index(known_value("unravel_index", indices), shape, order)  # type: ignore[arg-type]


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: Any = "C") -> Any:
    """One index an axis as places of the flat array, from their values."""
    values = tuple([known_value("ravel_multi_index", operand(i)) for i in multi_index])
    return np.ravel_multi_index(values, dims, mode, order)


@implements(np.delete)
def delete(arr: Array, obj: Any, axis: Any = None) -> Array:
    """``arr`` without the places ``obj`` along ``axis``; the places must have values."""
    arr = operand(arr)
    if axis is None:
        arr, axis = flat(arr), 0
    axis = axis_of(axis, len(shape_of(arr)))
    obj = obj if isinstance(obj, slice) else known_value("delete", operand(obj))
    return take(arr, np.delete(np.arange(shape_of(arr)[axis]), obj), axis)


@implements(np.bincount)
def bincount(x: Array, /, weights: Any = None, minlength: Any = 0) -> Array:
    """How often each integer occurs, or the sum of its ``weights``, which may be traced."""
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
