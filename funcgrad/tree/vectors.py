"""`ravel`: the numbers of a pytree as one vector, and the way back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Generic

import numpy as np

from funcgrad._publish import entries
from funcgrad.errors import (
    DtypeError,
    ShapeError,
    entry,
)
from funcgrad.tree.flattening import T, flatten, unflatten
from funcgrad.tree.mismatch import at
from funcgrad.tree.treedef import TreeDef

__all__ = ["ravel"]


@entries
class _Unravel(Generic[T]):
    """The inverse of `ravel`, for the structure, shapes and dtypes of one tree."""

    def __init__(
        self, treedef: TreeDef, specs: list[tuple[tuple[int, ...], np.dtype[Any]]]
    ) -> None:
        self.treedef, self.specs = treedef, specs
        self.size = sum(math.prod(shape) for shape, _ in specs)

    def __call__(self, flat: Any) -> T:
        if not _is_foreign(flat):
            flat = np.asarray(flat)
        shape = tuple(flat.shape)
        if shape != (self.size,):
            raise ShapeError(
                f"tree.unravel: the vector must have shape ({self.size},), got {shape}",
                "Pass a vector as ravel returns it.",
            )
        found: list[Any] = []
        start = 0
        for shape, dtype in self.specs:
            stop = start + math.prod(shape)
            part = np.reshape(flat[start:stop], shape) if shape else flat[start]
            found.append(_cast(part, dtype, "tree.unravel", self.treedef, len(found)))
            start = stop
        return unflatten(self.treedef, found)


@entry
def ravel(tree: T) -> tuple[Any, Callable[[Any], T]]:
    """Join all leaves into one vector.

    Args:
        tree: A pytree whose leaves are numbers or arrays of any shape, tracers among them.

    Returns:
        The 1-D array of all entries, leaf after leaf, each in row-major order, with the dtype of
        NumPy's promotion (a Python number counts as NumPy's array of it); and the function
        ``unravel`` that makes the pytree from such a vector, with the shapes and dtypes of
        ``tree`` and scalars as NumPy scalars. ``unravel`` raises ShapeError for a vector of another
        size. Neither result shares memory with an argument.

    Raises:
        DtypeError: A leaf is not a number or an array of numbers. Both functions raise it also
            where a concrete leaf would change by more than rounding between floating-point types:
            an integer from 2.5, a real number from a complex one.

    Example:
        >>> flat, unravel = ravel({"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": 0.5})
        >>> flat
        array([0.5, 1. , 2. , 3. , 4. ])
        >>> unravel(2 * flat)["w"]
        array([[2., 4.],
               [6., 8.]])
    """
    found, treedef = flatten(tree)
    arrays = [x if _is_foreign(x) else np.asarray(x) for x in found]
    for i, x in enumerate(arrays):
        if x.dtype.kind not in "biufc":
            raise DtypeError(
                f"tree.ravel: the leaf {at(treedef.paths()[i])} has type"
                f" {type(found[i]).__name__} and dtype {x.dtype}",
                "Keep what is not a number out of the tree, or in a static field of a dataclass.",
            )
    dtype = np.result_type(*(x.dtype for x in arrays)) if arrays else np.dtype(np.float64)
    parts = [np.ravel(_cast(x, dtype, "tree.ravel", treedef, i)) for i, x in enumerate(arrays)]
    flat = np.concatenate(parts) if parts else np.zeros(0)
    unravel: _Unravel[T] = _Unravel(treedef, [(tuple(x.shape), x.dtype) for x in arrays])
    return flat, unravel


def _is_foreign(x: Any) -> bool:
    """Whether ``x`` is a tracer, or another array that NumPy's functions know how to handle."""
    return hasattr(x, "dtype") and not isinstance(x, (np.ndarray, np.generic))


def _cast(x: Any, dtype: np.dtype[Any], name: str, treedef: TreeDef, leaf: int) -> Any:
    """A copy of ``x`` in ``dtype``; nothing but rounding between floats may change its value."""
    part: Any = np.real(x) if x.dtype.kind == "c" and dtype.kind != "c" else x
    if _is_foreign(x):
        return part.astype(dtype)
    kept = part is x or not np.any(np.imag(x))
    with np.errstate(invalid="ignore"):  # nan or inf to an integer: reported below
        result = part.astype(dtype)
        if part.dtype != dtype and not {part.dtype.kind, dtype.kind} <= {"f", "c"}:
            kept = kept and np.array_equal(np.real(result).astype(part.dtype), part)
    if not kept:
        raise DtypeError(
            f"{name}: the leaf {at(treedef.paths()[leaf])} would not keep its value when"
            f" converted from {x.dtype} to {dtype}",
            "Keep what must not become another kind of number out of the tree.",
        )
    return result
