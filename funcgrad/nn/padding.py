"""Strides, dilations and paddings of convolutions and pools."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

from ..errors import ArgumentError, ShapeError
from ..ops.index import GetItem
from ..ops.linear import shape_of
from ..ops.shape import pad

__all__ = ["Padding", "numbers", "pad_with", "padtype_to_pads", "spatial_pads"]

Padding: TypeAlias = str | Sequence[tuple[int, int]]
Pads: TypeAlias = tuple[tuple[int, int], ...]


def numbers(called: str, name: str, given: Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """One positive number for each of ``rank`` axes; ones for None.

    Raises:
        ShapeError: They are not as many, or not positive.
    """
    if given is None:
        return (1,) * rank
    if not isinstance(given, Sequence) and not hasattr(given, "__len__"):
        raise ShapeError(
            f"{called}: {name} has a number for each of {rank} axes, got {given!r}",
            f"Write {name}={(given,) * rank!r}.",
        )
    found = tuple([operator.index(n) for n in given])
    if len(found) != rank or any(n < 1 for n in found):
        raise ShapeError(
            f"{called}: {name} has a positive number for each of {rank} axes, got {found}",
            f"Write {name}={(1,) * rank!r}, for example.",
        )
    return found


def padtype_to_pads(
    in_shape: Sequence[int],
    window_shape: Sequence[int],
    window_strides: Sequence[int],
    padding: str,
) -> list[tuple[int, int]]:
    """The pairs ``(low, high)`` that a word stands for.

    With ``p = ceil(n / stride)`` places, ``"SAME"`` puts ``(p - 1) * stride + window - n`` zeros
    around an axis of length ``n``, at least none, the larger half behind; ``"SAME_LOWER"`` puts it
    before.

    Raises:
        ArgumentError: The word is none of the three.

    >>> padtype_to_pads((10, 10), (3, 2), (1, 1), "SAME")
    [(1, 1), (0, 1)]
    """
    word = padding.upper() if isinstance(padding, str) else ""
    if word == "VALID":
        return [(0, 0)] * len(in_shape)
    if word not in ("SAME", "SAME_LOWER"):
        raise ArgumentError(
            f"padding: got {padding!r}",
            "Give 'SAME', 'SAME_LOWER', 'VALID', or a pair of numbers for each spatial axis.",
        )
    found: list[tuple[int, int]] = []
    for n, k, s in zip(in_shape, window_shape, window_strides, strict=True):
        whole = max((-(-n // s) - 1) * s + k - n, 0)
        less = whole // 2
        found.append((less, whole - less) if word == "SAME" else (whole - less, less))
    return found


def spatial_pads(
    called: str,
    padding: Padding,
    shape: Sequence[int],
    reach: Sequence[int],
    strides: Sequence[int],
) -> Pads:
    """``padding`` as pairs, for axes of the lengths ``shape``.

    Raises:
        ShapeError: There is not one pair of numbers for each axis, or one cuts off more than there
            is.
    """
    if isinstance(padding, str):
        return tuple(padtype_to_pads(shape, reach, strides, padding))
    rank = len(reach)
    given: list[tuple[int, ...]] = [
        tuple([operator.index(n) for n in pair]) if hasattr(pair, "__len__") else ()
        for pair in (padding if hasattr(padding, "__len__") else ())
    ]
    if isinstance(padding, int):
        raise ShapeError(
            f"{called}: padding has a pair of numbers for each of {rank} axes, got {padding!r}",
            f"Write padding={((padding, padding),) * rank!r}, or 'SAME' or 'VALID'.",
        )
    if len(given) != rank or any(len(pair) != 2 for pair in given):
        raise ShapeError(
            f"{called}: padding has a pair of numbers for each of {rank} axes, got {padding!r}",
            f"Write padding={((0, 0),) * rank!r}, for example, or 'SAME' or 'VALID'.",
        )
    found = tuple([(pair[0], pair[1]) for pair in given])
    for axis, (n, (low, high)) in enumerate(zip(shape, found, strict=True)):
        if n + low + high < 0:
            raise ShapeError(
                f"{called}: padding={found!r} cuts off more than the {n} elements of spatial axis "
                f"{axis}",
                "Negative numbers cut off elements; cut off fewer.",
            )
    return found


def pad_with(x: Any, widths: Pads, value: Any = 0) -> Any:
    """``x`` with ``value`` around each axis; negative widths cut off."""
    spans: list[slice] = []
    around: list[tuple[int, int]] = []
    for n, (low, high) in zip(shape_of(x), widths, strict=True):
        whole = max(n + low + high, 0)
        start = min(max(-low, 0), n)
        stop = min(max(n + high, start), n) if whole else start
        before = min(max(start + low, 0), whole)
        spans.append(slice(start, stop))
        around.append((before, whole - before - (stop - start)))
    cut = any(s.stop - s.start < n for s, n in zip(spans, shape_of(x), strict=True))
    return pad(GetItem(tuple(spans))(x) if cut else x, tuple(around), value)
