"""What indices out of bounds do where a program says so: ``mode=`` and ``fill_value=``.

Without a mode they raise. The modes are JAX's: ``"clip"`` takes the nearest place, ``"fill"`` gives
a value for what is read there, ``"drop"`` leaves out what is written there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, NotTraceableError, ShapeError
from ..ops.linear import reshape, shape_of
from .arguments import operand

__all__ = ["Bounded", "bounded", "filler", "mode_name"]

Shape = tuple[int, ...]


def mode_name(called: str, mode: Any) -> str | None:
    """``"clip"``, ``"fill"`` or None, for indices that are checked.

    Args:
        called: What got it, for errors.
        mode: A name, or a member of `funcgrad.lax.GatherScatterMode`.

    Raises:
        ArgumentError: There is no such mode.
    """
    name = getattr(mode, "value", mode)
    if name is None or name == "promise_in_bounds":
        return None
    if name not in ("clip", "fill", "drop"):
        raise ArgumentError(
            f"{called}: got mode={mode!r}",
            'Write mode="clip", mode="fill" or "drop", or leave it out for indices that raise out '
            "of bounds.",
        )
    return "clip" if name == "clip" else "fill"


def filler(dtype: np.dtype[Any], fill_value: Any = None) -> Any:
    """What is read out of bounds: nan, of integers the smallest, of unsigned ones the largest.

    >>> filler(np.dtype(np.int8)), filler(np.dtype(np.uint8))
    (np.int8(-128), np.uint8(255))
    """
    if fill_value is not None:
        return operand(fill_value).astype(dtype)
    if dtype.kind == "b":
        return np.True_
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return dtype.type(limits.min if dtype.kind == "i" else limits.max)
    return dtype.type(np.nan)


class Bounded(NamedTuple):
    """A key whose indices are all in bounds.

    Attributes:
        key: The key, a tuple.
        inside: Which elements of what it chooses were in bounds; broadcasts to it. None for all.
        axes: The axes along which there are indices.
    """

    key: tuple[Any, ...]
    inside: Any
    axes: tuple[int, ...]


def bounded(called: str, shape: Shape, key: Any, mode: str, beyond: bool = False) -> Bounded:
    """Indices out of bounds brought inside; negative ones count from the end.

    Args:
        called: What got the key, for errors.
        shape: The array's.
        key: Any NumPy key.
        mode: ``"clip"`` or ``"fill"``.
        beyond: Whether indices out of bounds come to stand right behind the end of their axis, for
            an array that has one more element there.

    Raises:
        NotTraceableError: There is a boolean mask without value in the key.
        ShapeError: There are too many indices.
    """
    parts = [_part(called, part) for part in (key if isinstance(key, tuple) else (key,))]
    taken = sum(part is not None and part is not Ellipsis for part in parts)
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    if taken > len(shape) or len(dots) > 1:
        raise ShapeError(
            f"{called}: {taken} indices for an array with {len(shape)} axes",
            "Give one at most for each axis, and one ... at most.",
        )
    at = dots[0] if dots else len(parts)
    parts[at : at + 1] = [slice(None)] * (len(shape) - taken)
    axis = 0
    axes: list[int] = []
    new: list[Any] = []
    inside: Any = None
    for part in parts:
        if part is None or isinstance(part, slice):
            new.append(part)
        else:
            n = shape[axis]
            place = np.where(part < 0, part + n, part)
            there = (place >= 0) & (place < n)
            if mode == "clip" and n:
                place = np.clip(place, 0, n - 1)
            else:
                place = np.where(there, place, n if beyond else 0)
                inside = there if inside is None else np.logical_and(inside, there)
            new.append(place)
            axes.append(axis)
        axis += part is not None
    return Bounded(tuple(new), _laid_out(inside, new), tuple(axes))


def _part(called: str, part: Any) -> Any:
    """A part of a key: None, Ellipsis, a slice, or integers; a mask as the places it chooses."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    x = operand(part)
    kind = aval_of(x).dtype.kind
    if kind == "b":
        if isinstance(x, Tracer) or len(shape_of(x)) != 1:
            raise NotTraceableError(
                f"{called}: a mode together with a mask, {aval_of(x)}",
                "Leave mode= out: a mask is never out of bounds.",
            )
        return np.flatnonzero(x)
    if kind not in "iu":
        raise DtypeError(
            f"{called}: an index must be an integer, got {aval_of(x)}", "Convert it: astype(int)."
        )
    return x.astype(np.int64)


def _laid_out(inside: Any, parts: list[Any]) -> Any:
    """``inside``, which has the axes of the index arrays, with axes of length 1 behind them."""
    if inside is None or not shape_of(inside):
        return inside
    plain = [part is None or isinstance(part, slice) for part in parts]
    first, last = plain.index(False), len(plain) - 1 - plain[::-1].index(False)
    # Where slices stand between index arrays NumPy puts the axes of these first.
    behind = sum(plain) if any(plain[first:last]) else sum(plain[last:])
    return reshape(inside, (*shape_of(inside), *(1,) * behind))
