"""Parts of an array of a fixed size, from a start that may be traced.

A slice ``x[i : i + n]`` with a traced ``i`` has no length that a program could be compiled for;
here the length is an argument of its own. Where nothing is traced these are NumPy's slices.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, ShapeError
from ..ops.layout import out_of_bounds
from ..ops.linear import shape_of
from ..tree.treedef import a
from .arguments import axis_of, operand
from .dispatch import has_tracer
from .getitem import getitem
from .update import at

__all__ = [
    "dynamic_index_in_dim",
    "dynamic_slice",
    "dynamic_slice_in_dim",
    "dynamic_update_index_in_dim",
    "dynamic_update_slice",
    "dynamic_update_slice_in_dim",
]

Array = Any


def dynamic_slice(operand: Array, start_indices: Any, slice_sizes: Sequence[int]) -> Array:
    """``operand[i0 : i0 + n0, i1 : i1 + n1, ...]`` with starts that may be traced.

    Args:
        operand: An array.
        start_indices: An integer for each axis, or one array of them; negative ones count from the
            end of the axis.
        slice_sizes: A length for each axis, not traced.

    Returns:
        An array of shape ``slice_sizes``.

    Raises:
        ShapeError: There is not one start and one size for each axis, or a size does not fit.
        DtypeError: A start is no integer.
        OutOfBoundsError: A slice does not lie inside the array; traced starts raise where the
            program runs. (JAX moves such a slice inside.)

    >>> import numpy as np
    >>> dynamic_slice(np.arange(12.0).reshape(3, 4), (1, 2), (2, 2))
    array([[ 6.,  7.],
           [10., 11.]])
    """
    x, index = _index("dynamic_slice", operand, start_indices, slice_sizes)
    return getitem(x, index) if has_tracer((x, index)) else x[index]


def dynamic_slice_in_dim(operand: Array, start_index: Any, slice_size: int, axis: int = 0) -> Array:
    """`dynamic_slice` along one axis, whole along the others.

    >>> import numpy as np
    >>> from funcgrad import fori_loop
    >>> data = np.arange(6.0)
    >>> fori_loop(0, 3, lambda i, s: s + dynamic_slice_in_dim(data, 2 * i, 2), np.zeros(2))
    array([6., 9.])
    """
    starts, sizes = _along(operand, start_index, axis, slice_size)
    return dynamic_slice(operand, starts, sizes)


def dynamic_index_in_dim(operand: Array, index: Any, axis: int = 0, keepdims: bool = True) -> Array:
    """`dynamic_slice_in_dim` of length 1; without ``keepdims`` the axis goes.

    >>> import numpy as np
    >>> dynamic_index_in_dim(np.array([[1.0, 2.0], [3.0, 4.0]]), -1, axis=1, keepdims=False)
    array([2., 4.])
    """
    found = dynamic_slice_in_dim(operand, index, 1, axis)
    return found if keepdims else np.squeeze(found, axis)


def dynamic_update_slice(operand: Array, update: Array, start_indices: Any) -> Array:
    """A copy of ``operand`` with ``update`` from ``start_indices`` on.

    Args:
        operand: An array.
        update: An array of as many axes, none of them longer.
        start_indices: As for `dynamic_slice`.

    Returns:
        An array of the shape and dtype of ``operand``.

    Raises:
        ShapeError, DtypeError, OutOfBoundsError: As for `dynamic_slice`.

    >>> import numpy as np
    >>> dynamic_update_slice(np.zeros(4), np.ones(2), (1,))
    array([0., 1., 1., 0.])
    """
    x, index = _index("dynamic_update_slice", operand, start_indices, np.shape(update))
    return at(x)[index].set(update)


def dynamic_update_slice_in_dim(
    operand: Array, update: Array, start_index: Any, axis: int
) -> Array:
    """`dynamic_update_slice` along one axis, whole along the others."""
    return dynamic_update_slice(operand, update, _along(operand, start_index, axis, 0)[0])


def dynamic_update_index_in_dim(operand: Array, update: Array, index: Any, axis: int) -> Array:
    """`dynamic_update_slice_in_dim` of length 1; ``update`` may lack the axis."""
    if len(np.shape(update)) < len(np.shape(operand)):
        update = np.expand_dims(update, axis)
    return dynamic_update_slice_in_dim(operand, update, index, axis)


def _along(x: Array, start: Any, axis: int, size: int) -> tuple[list[Any], list[int]]:
    """Starts and sizes of a slice along one axis, whole along the others."""
    sizes = list(np.shape(x))
    starts: list[Any] = [0] * len(sizes)
    position = axis_of(axis, len(sizes))
    starts[position], sizes[position] = start, size
    return starts, sizes


def _index(
    name: str, array: Array, starts: Any, sizes: Sequence[int]
) -> tuple[Array, tuple[Any, ...]]:
    """The array and the index of a slice; one index array for each axis between traced starts."""
    x = operand(array)
    shape = shape_of(x)
    one = "Give one for each axis; dynamic_slice_in_dim takes one axis."
    try:
        lengths, starts = [operator.index(n) for n in sizes], list(starts)
    except TypeError:
        got = [type(given).__name__ for given in (starts, sizes)]
        raise ArgumentError(
            f"lax.{name}: expected a start and a length for each axis of {aval_of(x)}, got "
            f"{a(got[0])} and {a(got[1])}",
            one,
        ) from None
    if not len(shape) == len(starts) == len(lengths):
        raise ShapeError(
            f"lax.{name}: got {len(starts)} starts and {len(lengths)} sizes for {aval_of(x)}",
            one,
        )
    if any(not 0 <= n <= whole for n, whole in zip(lengths, shape, strict=True)):
        raise ShapeError(
            f"lax.{name}: a part of shape {tuple(lengths)} does not fit into {aval_of(x)}",
            "No axis of the part can be longer than the array's.",
        )
    positions = [_start(name, s, n, w) for s, n, w in zip(starts, lengths, shape, strict=True)]
    traced = [k for k, start in enumerate(positions) if isinstance(start, Tracer)]
    first, last = (traced[0], traced[-1]) if traced else (len(shape), -1)
    index: list[Any] = []
    for k, (start, n) in enumerate(zip(positions, lengths, strict=True)):
        if first <= k <= last:
            # Side by side, so that NumPy leaves their dimensions where they stand.
            index.append(start + np.arange(n).reshape((n, *(1,) * (last - k))))
        else:
            index.append(slice(start, start + n))
    return x, tuple(index)


def _start(name: str, start: Any, length: int, whole: int) -> Any:
    """A start from 0 on; a traced one outside the axis becomes one that raises as it is used."""
    _require_integer(name, start)
    if has_tracer(start):
        start = start.astype(np.int64)
        from_end = np.where(start < -whole, whole + 1, start + whole)
        return np.where(start < 0, from_end, start)
    position = int(start) + whole if start < 0 else int(start)
    if not 0 <= position <= whole - length:
        raise out_of_bounds(
            f"lax.{name}: the slice {start}:{int(start) + length} is not inside an axis of length "
            f"{whole}"
        )
    return position


def _require_integer(name: str, start: Any) -> None:
    known = isinstance(start, (Tracer, np.ndarray, np.generic, int))
    aval = aval_of(start) if known else None
    if aval is None or aval.shape or aval.dtype.kind not in "iu":
        raise DtypeError(
            f"lax.{name}: a start must be an integer, got "
            f"{aval if aval is not None else type(start).__name__}",
            "Write x.astype(int), or int(x).",
        )
