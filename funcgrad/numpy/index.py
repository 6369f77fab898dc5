"""NumPy's functions that take from arrays, choose and put, for tracers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import (
    ArgumentError,
    DtypeError,
    IndexDtypeError,
    ShapeError,
    TracerAssignmentError,
)
from ..ops.layout import out_of_bounds
from ..ops.linear import broadcast_to, reshape, shape_of
from ..ops.unstack import Stack
from .arguments import along, axis_of, broadcast_shapes, cast, operand, operands
from .dispatch import has_tracer, implements, refuse, register
from .getitem import getitem
from .modes import bounded, filler, mode_name
from .update import at

__all__ = [
    "choose",
    "fill_diagonal",
    "put",
    "put_along_axis",
    "select",
    "take",
    "take_along_axis",
]

Array = Any


def integers(name: str, indices: Any) -> Any:
    """``indices`` as integers.

    Raises:
        IndexDtypeError: They are none.
    """
    indices = operand(indices)
    if aval_of(indices).dtype.kind not in "biu":
        raise IndexDtypeError(
            f"numpy.{name}: indices must be integers, got {aval_of(indices)}",
            "Convert them first, as in i.astype(int); an integer carries no gradient.",
        )
    return indices


def _to_integers(name: str, indices: Any) -> Any:
    """`integers`; booleans count as 0 and 1."""
    indices = integers(name, indices)
    return cast(indices, np.intp) if aval_of(indices).dtype.kind == "b" else indices


@implements(np.take, more=("fill_value", "unique_indices", "indices_are_sorted"))
def take(
    a: Array,
    indices: Array,
    axis: Any = None,
    out: Any = None,
    mode: str | None = "raise",
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    fill_value: Any = None,
) -> Array:
    """``a[..., indices, ...]`` along one axis; either may be traced.

    ``mode="fill"`` and ``fill_value``, which NumPy's function does not take, give that value,
    nan by default, for indices outside of the axis.

    Raises:
        OutOfBoundsError: An index is outside the axis, and ``mode`` is "raise".
    """
    refuse("take", out=out)
    a, indices = operand(a), _to_integers("take", indices)
    a, axis = along(a, axis)
    lengths = shape_of(a)
    if not lengths[axis] and 0 in (*lengths[:axis], *lengths[axis + 1 :]):
        # Of an empty axis nothing can be taken; but there is nothing to take it for.
        return np.zeros(
            (*lengths[:axis], *shape_of(indices), *lengths[axis + 1 :]), aval_of(a).dtype
        )
    if mode == "fill":
        key = (*[slice(None)] * axis, indices)
        return _taken("take", a, key, mode, fill_value)
    if mode not in (None, "raise"):
        indices = wrap_indices("take", indices, shape_of(a)[axis], mode)
    return getitem(a, (*[slice(None)] * axis, indices))


def wrap_indices(name: str, indices: Any, length: int, mode: str) -> Any:
    if mode == "clip":
        return np.clip(indices, 0, length - 1)
    if mode == "wrap":
        return np.remainder(indices, length)
    raise ArgumentError(
        f"numpy.{name}: mode {mode!r} is not known",
        "Use 'raise', 'wrap', 'clip' or, in funcgrad.numpy.take, 'fill'.",
    )


def flat(x: Any) -> Any:
    """``x`` in one dimension."""
    return reshape(x, (_size(shape_of(x)),))


def _size(shape: Sequence[int]) -> int:
    size = 1
    for n in shape:
        size *= n
    return size


@implements(np.take_along_axis, more=("mode", "fill_value"))
def take_along_axis(
    arr: Array, indices: Array, axis: Any = -1, mode: Any = None, fill_value: Any = None
) -> Array:
    """``arr`` at ``indices`` along ``axis``, one lane at a time; either may be traced.

    ``mode`` and ``fill_value``, which NumPy's function does not take, say what an index outside of
    the axis does: ``"clip"`` takes the nearest, ``"fill"`` gives ``fill_value``, nan by default.

    Raises:
        OutOfBoundsError: An index is outside the axis, and no mode is given.
    """
    mode = mode_name("numpy.take_along_axis", mode)
    arr = operand(arr)
    indices = integers("take_along_axis", operand(indices))
    arr, key = _lanes("take_along_axis", arr, indices, axis)
    if mode is None:
        return getitem(arr, key)
    return _taken("take_along_axis", arr, key, mode, fill_value)


def _taken(name: str, x: Any, key: tuple[Any, ...], mode: str, fill_value: Any) -> Any:
    within = bounded(f"numpy.{name}", shape_of(x), key, mode)
    found = getitem(x, within.key)
    if within.inside is None:
        return found
    return np.where(within.inside, found, filler(aval_of(x).dtype, fill_value))


def _lanes(name: str, x: Any, indices: Any, axis: Any) -> tuple[Any, tuple[Any, ...]]:
    """The array, flat where ``axis`` is None, and the key that takes ``indices`` along ``axis``."""
    if axis is None:
        if len(shape_of(indices)) != 1:
            raise ShapeError(
                f"numpy.{name}: with axis=None the indices must have one dimension, got "
                f"{aval_of(indices)}",
                "Pass an axis, or indices.ravel().",
            )
        return flat(x), (indices,)
    shape = shape_of(x)
    axis = axis_of(axis, len(shape))
    if len(shape_of(indices)) != len(shape):
        raise ShapeError(
            f"numpy.{name}: the array has {len(shape)} dimensions and the indices "
            f"{len(shape_of(indices))}",
            "Give them the same number; indices[:, None] adds one.",
        )
    key = [
        indices if i == axis else np.arange(n).reshape((n, *(1,) * (len(shape) - i - 1)))
        for i, n in enumerate(shape)
    ]
    return x, tuple(key)


def _in_place(name: str, inplace: bool, *args: Any) -> bool:
    """Whether NumPy's own function is to write into an array; raises where it cannot."""
    if inplace and has_tracer(args):
        raise TracerAssignmentError(
            f"numpy.{name}: a traced value cannot be written into",
            f"Write x = funcgrad.numpy.{name}(x, ..., inplace=False), which returns the new array, "
            "or x = funcgrad.numpy.at(x)[i].set(value).",
        )
    return inplace


@register(np.put_along_axis)
def put_along_axis(
    arr: Array, indices: Array, values: Array, axis: Any, *, inplace: bool = True
) -> Array:
    """NumPy's ``put_along_axis``; with ``inplace=False`` it returns a new array.

    Args:
        arr: Any shape; traced values only with ``inplace=False``.
        indices: Integers, of as many dimensions as ``arr``.
        values: Broadcasts to the shape of ``indices``.
        axis: The axis that ``indices`` counts along, or None for the flat array.
        inplace: Whether to write into ``arr``, as NumPy does.

    Returns:
        The new array, or None where ``inplace``.

    Raises:
        TracerAssignmentError: ``inplace`` with a traced value.
        OutOfBoundsError: An index is outside the axis.
    """
    if _in_place("put_along_axis", inplace, arr, indices, values):
        return np.put_along_axis(arr, indices, values, axis)
    arr = operand(arr)
    flat, key = _lanes("put_along_axis", arr, integers("put_along_axis", indices), axis)
    return reshape(at(flat)[key].set(operand(values)), shape_of(arr))


@register(np.put)
def put(a: Array, ind: Array, v: Array, mode: str = "raise", *, inplace: bool = True) -> Array:
    """NumPy's ``put``: ``v``, repeated as needed, at places of the flat array.

    With ``inplace=False`` the new array is returned, and arguments may be traced.
    """
    if _in_place("put", inplace, a, ind, v):
        return np.put(a, ind, v, mode)  # type: ignore[arg-type]
    a, ind = operand(a), integers("put", ind)
    whole = flat(a)
    if mode != "raise":
        ind = wrap_indices("put", ind, shape_of(whole)[0], mode)
    v = operand(v)
    if shape_of(v):
        positions = _size(shape_of(ind))
        v = getitem(flat(v), np.arange(positions) % _size(shape_of(v)))
        v = reshape(v, shape_of(ind))
    return reshape(at(whole)[ind].set(v), shape_of(a))


@register(np.fill_diagonal)
def fill_diagonal(a: Array, val: Array, wrap: bool = False, *, inplace: bool = True) -> Array:
    """NumPy's ``fill_diagonal``: ``val``, repeated as needed, on the main diagonal.

    With ``inplace=False`` the new array is returned, and arguments may be traced.
    """
    if _in_place("fill_diagonal", inplace, a, val):
        return np.fill_diagonal(a, val, wrap)
    a = operand(a)
    positions = np.zeros(shape_of(a), dtype=bool)
    np.fill_diagonal(positions, True, wrap)
    return put(a, np.flatnonzero(positions), val, inplace=False)


@implements(np.choose)
def choose(a: Array, choices: Any, out: Any = None, mode: str = "raise") -> Array:
    """For each element of ``a`` the element of that one of ``choices``.

    Raises:
        OutOfBoundsError: A choice does not exist, and ``mode`` is "raise".
    """
    refuse("choose", out=out)
    a = _to_integers("choose", a)
    given = choices if isinstance(choices, (list, tuple)) else list(operand(choices))
    options = operands(given, weak=True)
    shape = broadcast_shapes("choose", shape_of(a), *[shape_of(c) for c in options])
    table = Stack(0)(*[broadcast_to(c, shape) for c in options])
    if mode != "raise":
        a = wrap_indices("choose", a, len(options), mode)
    elif isinstance(a, Tracer):
        # NumPy refuses negative choices: these go to a place that does not exist.
        a = np.where(np.less(a, 0), len(options), a)
    elif np.any(a < 0):
        raise out_of_bounds("invalid entry in choice array")
    return getitem(take_along_axis(table, broadcast_to(a, shape)[None], axis=0), 0)


@implements(np.select)
def select(condlist: Sequence[Array], choicelist: Sequence[Array], default: Array = 0) -> Array:
    """The choice of the first condition that is true, element by element.

    Raises:
        ShapeError: The lists differ in length or are empty.
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ShapeError(
            f"numpy.select: got {len(condlist)} conditions and {len(choicelist)} choices",
            "Give one choice for each condition.",
        )
    *choices, result = operands([*choicelist, default], weak=True)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        if aval_of(condition).dtype.kind != "b":
            raise DtypeError(
                f"numpy.select: a condition must be boolean, got {aval_of(condition)}",
                "Write condition != 0.",
            )
        result = np.where(condition, choice, result)
    return result
