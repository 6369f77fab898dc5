"""What stands between brackets. ``x[key]`` as NumPy means it, for a tracer ``x``.

Integers, slices, None and Ellipsis become parts of the primitive; integer arrays and traced
integers become its operands; a boolean mask becomes the integer array of its true places, so it
must have a value. An index outside the array raises `OutOfBoundsError`, also where it is traced.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..core.ir import Shape
from ..core.overwritten import share
from ..core.trace import ScalarTracer, Tracer, apply, aval_of
from ..errors import ConcretizationError, IndexDtypeError, trim
from ..ops.index import GetItem, GetMasked
from ..ops.layout import OPERAND, Index, out_of_bounds
from ..ops.linear import reshape, shape_of
from .arguments import operand
from .dispatch import has_tracer
from .promote import strong

__all__ = ["Key", "getitem", "resolve", "take_resolved"]

_TRACERS = frozenset({Tracer, ScalarTracer})


class Key(NamedTuple):
    """A resolved key.

    Attributes:
        parts: The index, the field of the primitive.
        arrays: Its operands.
        shape: The shape to give the array before it is indexed: axes that a mask of several
            dimensions covers are one axis.
        mask: Whether a mask was among the parts.
    """

    parts: Index
    arrays: list[Any]
    shape: Shape
    mask: bool


def getitem(x: Any, key: Any) -> Any:
    """``x[key]``.

    Args:
        x: A tracer, or an array where the key holds a tracer.
        key: What stands between the brackets.

    Raises:
        OutOfBoundsError: An integer outside its axis, a mask of another shape, too many indices.
        IndexDtypeError: Something that is no index.
        ConcretizationError: A mask without value.
    """
    try:
        kind = type(key)
        if kind is int or (kind is slice and _plain(key)):
            if x.aval.shape:
                out = apply(GetItem((key,)), (x,), None)
                if type(out) is Tracer:
                    share(x, out)
                return out
        else:
            direct = _direct(key if kind is tuple else (key,))
            if direct is not None:
                index, arrays = direct
                if Ellipsis in index and not arrays:
                    left = len(x.aval.shape) - sum([_axes_of(part) for part in index])
                    index = _without_zero_ellipsis(index, left)
                out = apply(GetItem(index), (strong(x), *arrays), None) if index else strong(x)
                if not arrays:
                    share(x, out)
                return out
        resolved = resolve(shape_of(x), key)
        out = take_resolved(strong(x), resolved)
        if not resolved.arrays:
            share(x, out)
        return out
    except Exception as error:
        trim(error)
        raise


def take_resolved(x: Any, key: Key) -> Any:
    """``x[key]`` for a resolved key."""
    whole = reshape(x, key.shape)
    if not key.parts:
        return whole
    kind = GetMasked if key.mask else GetItem
    return apply(kind(key.parts), (whole, *key.arrays), None)


def _plain(part: slice) -> bool:
    return (
        (part.start is None or type(part.start) is int)
        and (part.stop is None or type(part.stop) is int)
        and (part.step is None or type(part.step) is int)
    )


def _direct(key: tuple[Any, ...]) -> tuple[Index, list[Any]] | None:
    """The index and its operands where every part says at once what it is; else None."""
    index: list[Any] = []
    arrays: list[Any] = []
    for part in key:
        kind = type(part)
        if kind is np.ndarray and part.ndim and part.dtype.kind == "i":
            index.append(OPERAND)
            arrays.append(part)
        elif kind is int or part is None or (kind is slice and _plain(part)):
            index.append(part)
        elif kind in _TRACERS and part.aval.dtype.kind == "i":
            index.append(OPERAND)
            arrays.append(part)
        elif part is Ellipsis and Ellipsis not in index:
            index.append(part)
        else:
            return None
    return (tuple(index) if arrays else _without_ellipsis(tuple(index))), arrays


def _without_ellipsis(key: Index) -> Index:
    # At the end an Ellipsis says nothing, and NumPy would make a 0-d array of a scalar for it.
    return key[:-1] if key and key[-1] is Ellipsis else key


def resolve(shape: Shape, key: Any) -> Key:
    """What ``key`` means for an array of ``shape``; raises as `getitem` does."""
    parts = [_part(part) for part in (key if type(key) is tuple else (key,))]
    if sum(part is Ellipsis for part in parts) > 1:
        raise out_of_bounds("an index can only have a single ellipsis ('...')")
    taken = sum([_axes_of(part) for part in parts])
    if taken > len(shape):
        raise out_of_bounds(
            f"too many indices for array: array is {len(shape)}-dimensional, but {taken} were "
            "indexed"
        )
    index: list[Any] = []
    arrays: list[Any] = []
    lengths: list[int] = []
    axis, mask = 0, False
    for part in parts:
        following = axis + (len(shape) - taken if part is Ellipsis else _axes_of(part))
        lengths_here: tuple[int, ...] = shape[axis:following]
        if isinstance(part, np.ndarray) and part.dtype.kind == "b":
            _check_mask(part, lengths_here, axis)
            # Axes that are masked together are one axis; a mask without any stands on a new one.
            lengths_here = (part.size,)
            part = np.flatnonzero(part)
            mask = True
        if part is None or part is Ellipsis or isinstance(part, (int, slice)):
            index.append(part)
        else:
            index.append(OPERAND)
            arrays.append(part)
        lengths.extend(lengths_here)
        axis = following
    final = tuple(index) if arrays else _without_zero_ellipsis(tuple(index), len(shape) - taken)
    return Key(final, arrays, (*lengths, *shape[axis:]), mask)


def _without_zero_ellipsis(index: Index, length: int) -> Index:
    if length == 0 and Ellipsis in index:
        return tuple([part for part in index if part is not Ellipsis])
    return _without_ellipsis(index)


def _axes_of(part: Any) -> int:
    """How many axes of the array a part takes."""
    if part is None or part is Ellipsis:
        return 0
    if isinstance(part, np.ndarray) and part.dtype.kind == "b":
        return part.ndim
    return 1


def _check_mask(mask: np.ndarray[Any, Any], lengths: Shape, axis: int) -> None:
    for i, (n, m) in enumerate(zip(lengths, mask.shape, strict=True)):
        if n != m:
            raise out_of_bounds(
                f"boolean index did not match indexed array along axis {axis + i}; size of axis "
                f"is {n} but size of corresponding boolean axis is {m}"
            )


def _part(part: Any) -> Any:
    """A part as `resolve` knows it: an int, slice, None, Ellipsis, array or tracer."""
    kind = type(part)
    if kind is int or part is None or part is Ellipsis:
        return part
    if kind is slice:
        return slice(_bind(part.start), _bind(part.stop), _bind(part.step))
    if kind in _TRACERS:
        return _any_traced(part)
    if kind is bool or kind is np.bool_:
        return np.array(part)
    if isinstance(part, np.integer) and part.dtype.kind in "iu":
        return int(part)
    if isinstance(part, (list, tuple)):
        if has_tracer(part):
            return _any_traced(operand(part))
        empty = not len(part)
        part = np.asarray(part)
        if empty:
            part = part.astype(np.intp)
    elif not isinstance(part, np.ndarray):
        if hasattr(part, "__index__"):
            return operator.index(part)
        part = np.asarray(part)
    if part.dtype.kind not in "biu":
        _refuse(part, str(aval_of(part)) if part.dtype.kind in "fc" else f"dtype {part.dtype}")
    if part.ndim == 0 and part.dtype.kind != "b":
        return int(part)
    return np.asarray(part)


def _bind(bound: Any) -> int | None:
    return None if bound is None else operator.index(bound)


def _any_traced(part: Tracer) -> Tracer:
    kind = part.aval.dtype.kind
    if kind == "b":
        raise ConcretizationError(
            f"indexing: a mask must have a value, for it decides the shape of the result, and "
            f"{part.aval.short()} has none while the function is traced",
            "Write numpy.where(mask, x, 0) for x[mask] before a reduction, numpy.where(mask, "
            "value, x) for an assignment, or make the mask before the transform.",
        )
    if kind not in "iu":
        _refuse(part, str(part.aval))
    return part


def _refuse(part: Any, what: str) -> NoReturn:
    raise IndexDtypeError(
        f"indexing: an index must be an integer, a boolean mask or a slice, got {what}",
        "Convert it first, as in i.astype(int); an integer carries no gradient.",
    )
