"""NumPy's partial and lexicographic sorting for tracers, and its sets of values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..ops import sort as ops
from ..ops.linear import reshape, shape_of
from .arguments import along, axis_of, cast, operand, operands
from .dispatch import implements, refuse
from .getitem import getitem
from .index import flat
from .searching import known_value, unique

__all__ = [
    "argpartition",
    "intersect1d",
    "isin",
    "lexsort",
    "partition",
    "setdiff1d",
    "setxor1d",
    "sort_complex",
    "union1d",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]

Array = Any


def _lane(name: str, a: Any, kth: Any, axis: Any, order: Any) -> tuple[Any, int]:
    refuse(name, order=order)
    x = operand(a)
    if name == "argpartition":
        x, axis = along(x, axis)
    else:
        x, axis = (flat(x), 0) if axis is None else (x, axis_of(axis, len(shape_of(x))))
    positions = np.asarray(kth)
    if positions.dtype.kind not in "iu":
        raise TypeError(f"numpy.{name}: kth must be integers, got dtype {positions.dtype}")
    n = shape_of(x)[axis]
    for k in positions.ravel().tolist():
        if n and not -n <= k < n:
            raise ValueError(f"kth(={k}) out of bounds ({n})")
    return x, axis


@implements(np.partition)
def partition(a: Array, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Array:
    """``a``, sorted: the k-th element is in its place, the smaller before it, the larger after.

    NumPy leaves open in which order those stand; here it is the sorted one.
    """
    x, axis = _lane("partition", a, kth, axis, order)
    return ops.sort(x, axis)


@implements(np.argpartition)
def argpartition(a: Array, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None) -> Array:
    """The order that `partition` brings ``a`` into, the stable one; no derivative passes."""
    x, axis = _lane("argpartition", a, kth, axis, order)
    return ops.argsort(x, axis)


@implements(np.lexsort)
def lexsort(keys: Any, axis: Any = -1) -> Array:
    """The order that sorts by several keys, the last first; no derivative passes."""
    columns = list(keys) if isinstance(keys, list | tuple) else list(operand(keys))
    if not columns:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    columns = [operand(key) for key in columns]
    shape = shape_of(columns[0])
    if any(shape_of(key) != shape for key in columns):
        raise ValueError("all keys need to be the same shape")
    if not shape:
        return np.intp(0)
    axis = axis_of(axis, len(shape))
    order = ops.argsort(columns[0], axis)
    for key in columns[1:]:
        again = ops.argsort(np.take_along_axis(key, order, axis), axis)
        order = np.take_along_axis(order, again, axis)
    return order


@implements(np.sort_complex)
def sort_complex(a: Array) -> Array:
    """``a``, sorted along its last axis, as complex numbers."""
    x = operand(a)
    x = ops.sort(x, axis_of(-1, len(shape_of(x))))
    dtype = aval_of(x).dtype
    if dtype.kind == "c":
        return x
    return cast(x, np.complex64 if dtype.char in "bhBH" else np.complex128)


@implements(np.isin)
def isin(
    element: Array,
    test_elements: Array,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Any = None,
) -> Array:
    """Which elements are among ``test_elements``; no derivative passes."""
    if kind not in (None, "sort", "table"):
        raise ValueError(f"Invalid kind: '{kind}'. Please use None, 'sort' or 'table'.")
    x, among = operands([element, test_elements])
    same = np.equal(reshape(x, (*shape_of(x), 1)), flat(among))
    found = np.any(same, axis=-1)
    return np.logical_not(found) if invert else found


def _where_from(name: str, ar1: Any, ar2: Any) -> tuple[Any, Any, Any]:
    """Both flat and joined, and the values of each."""
    first, second = [flat(x) for x in operands([ar1, ar2])]
    joined = np.concatenate([first, second])
    return joined, known_value(name, first), known_value(name, second)


def _first_of(joined: Any, found: Any) -> Any:
    """The values ``found`` as elements of ``joined``, through which gradients pass."""
    if not isinstance(joined, Tracer):
        return found
    values = known_value("unique", joined)
    distinct, positions = np.unique(values, return_index=True)
    return getitem(joined, positions[np.searchsorted(distinct, found)])


@implements(np.intersect1d)
def intersect1d(
    ar1: Array, ar2: Array, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """The values in both, from their values; a gradient goes to the occurrence in the first."""
    joined, a, b = _where_from("intersect1d", ar1, ar2)
    found = np.intersect1d(a, b, assume_unique, return_indices)
    if return_indices:
        return (_first_of(joined, found[0]), *found[1:])
    return _first_of(joined, found)


@implements(np.union1d)
def union1d(ar1: Array, ar2: Array) -> Array:
    """The values in either, from their values; a gradient goes to the first occurrence."""
    joined, *_ = _where_from("union1d", ar1, ar2)
    return unique(joined)


@implements(np.setdiff1d)
def setdiff1d(ar1: Array, ar2: Array, assume_unique: bool = False) -> Array:
    """The values in the first alone, from their values; a gradient goes to them."""
    a, b = operand(ar1), operand(ar2)
    values, others = known_value("setdiff1d", a), known_value("setdiff1d", b)
    if not assume_unique:
        return _first_of(flat(a), np.setdiff1d(values, others))
    return flat(a)[np.flatnonzero(~np.isin(np.ravel(values), others))]


@implements(np.setxor1d)
def setxor1d(ar1: Array, ar2: Array, assume_unique: bool = False) -> Array:
    """The values in one of the two alone, from their values; a gradient goes to them."""
    joined, a, b = _where_from("setxor1d", ar1, ar2)
    return _first_of(joined, np.setxor1d(a, b, assume_unique))


@implements(np.unique_values)
def unique_values(x: Array) -> Array:
    """The distinct elements; a gradient goes to the first occurrence of each."""
    return unique(x, equal_nan=False)


@implements(np.unique_counts)
def unique_counts(x: Array) -> Any:
    """The distinct elements, and how often each occurs."""
    values, counts = unique(x, return_counts=True, equal_nan=False)
    return type(np.unique_counts(np.zeros(1)))(values, counts)


@implements(np.unique_inverse)
def unique_inverse(x: Array) -> Any:
    """The distinct elements, and which of them each element is."""
    values, inverse = unique(x, return_inverse=True, equal_nan=False)
    return type(np.unique_inverse(np.zeros(1)))(values, inverse)


@implements(np.unique_all)
def unique_all(x: Array) -> Any:
    """The distinct elements, where they are first, which each element is, and their counts."""
    found = unique(x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False)
    return type(np.unique_all(np.zeros(1)))(*found)
