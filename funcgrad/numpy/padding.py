"""NumPy's padding for tracers, by every mode but functions of the user's.

One axis after the other is padded, as NumPy does it: corners come of what the axes before made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import NotTraceableError, ShapeError
from ..ops import shape as ops
from ..ops.linear import shape_of
from .arguments import axis_of, broadcast_operand, cast, operand
from .dispatch import has_tracer, implements

__all__ = ["pad"]

_TAKES = {
    "constant": "constant_values",
    "linear_ramp": "end_values",
    "reflect": "reflect_type",
    "symmetric": "reflect_type",
    **dict.fromkeys(("maximum", "mean", "median", "minimum"), "stat_length"),
    **dict.fromkeys(("edge", "empty", "wrap"), ""),
}
"""The modes, and the keyword that each takes."""

Widths = tuple[tuple[int, int], ...]


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """``numpy.pad``; of its modes all but functions.

    Raises:
        NotTraceableError: ``mode`` is a function, which would write into the array.
        ShapeError: An empty axis would be padded by what it has.
    """
    x = operand(array)
    rank = len(shape_of(x))
    widths: Widths = _pairs(pad_width, rank, int)
    if callable(mode):
        raise NotTraceableError(
            "numpy.pad: a function as mode writes into the array, and no traced value lets it",
            "Concatenate the parts, or use one of the modes that have a name.",
        )
    if mode not in _TAKES:
        raise ValueError(f"mode '{mode}' is not supported")
    unknown = kwargs.keys() - {_TAKES[mode]}
    if unknown:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {unknown}")
    if mode == "constant":
        return _constant(x, widths, kwargs.get("constant_values", 0))
    if mode == "empty":
        return ops.pad(x, widths)
    for axis, (before, after) in enumerate(widths):
        if (before or after) and not shape_of(x)[axis]:
            raise ShapeError(
                f"numpy.pad: can't extend empty axis {axis} using modes other than 'constant' or "
                f"'empty', got {aval_of(x)}",
                "Give mode='constant'.",
            )
    if mode == "linear_ramp":
        return _ramps(x, widths, _table(kwargs.get("end_values", 0), rank))
    if _TAKES[mode] == "stat_length":
        return _statistic(x, widths, mode, kwargs.get("stat_length"))
    odd = kwargs.get("reflect_type", "even") == "odd"
    for axis, counts in enumerate(widths):
        if any(counts):
            extend = _reflect_odd if odd else _take
            x = extend(x, axis, counts, mode)
    return x


def _take(x: Any, axis: int, counts: tuple[int, int], mode: Any) -> Any:
    positions = np.pad(np.arange(shape_of(x)[axis]), counts, mode=mode)
    return x[(*(slice(None),) * axis, positions)]


def _reflect_odd(x: Any, axis: int, counts: tuple[int, int], mode: Any) -> Any:
    """Reflected in the points at the ends: ``2 * end - x``, again and again for wide borders."""
    n = shape_of(x)[axis]
    lead = (slice(None),) * axis
    reach = n if mode == "symmetric" else n - 1
    if n > 1 and max(counts) <= reach:
        first, last = [x[(*lead, slice(i, i + 1 or None))] for i in (0, -1)]
        positions = np.pad(np.arange(n), counts, mode=mode)
        before, after = positions[: counts[0]], positions[n + counts[0] :]
        parts = [2 * first - x[(*lead, before)], x, 2 * last - x[(*lead, after)]]
        return ops.Concatenate(axis)(*parts)
    # It is linear in x: NumPy says by the unit vectors how.
    weights = np.pad(np.eye(n, dtype=np.int64), (counts, (0, 0)), mode=mode, reflect_type="odd")
    product = np.tensordot(weights.astype(aval_of(x).dtype), x, axes=([1], [axis]))
    return np.moveaxis(product, 0, axis)


def _ramps(x: Any, widths: Widths, ends: list[Any]) -> Any:
    """Straight lines from the ends of ``x`` to given values."""
    kind = aval_of(x).dtype
    for axis, (counts, pair) in enumerate(zip(widths, ends, strict=True)):
        if not any(counts):
            continue
        lead = (slice(None),) * axis
        parts = [x]
        for count, end, left in zip(counts, pair, (True, False), strict=True):
            edge = x[(*lead, 0 if left else -1)]
            ramp = np.linspace(end, edge, count, endpoint=False, axis=axis)
            if kind.kind in "iu":
                ramp = np.floor(ramp)
            ramp = cast(ramp, kind)
            parts = [ramp, *parts] if left else [*parts, np.flip(ramp, axis)]
        x = ops.Concatenate(axis)(*parts)
    return x


def _pairs(value: Any, rank: int, kind: Any) -> tuple[tuple[Any, Any], ...]:
    """``(before, after)`` for each axis from the forms that numpy.pad takes."""
    if isinstance(value, dict):
        found = [(0, 0)] * rank
        for axis, width in value.items():
            found[axis_of(axis, rank)] = width if isinstance(width, tuple) else (width, width)
        value = found
    table = np.broadcast_to(np.asarray(value), (rank, 2))
    if kind is int:
        if table.dtype.kind not in "iu":
            raise TypeError("`pad_width` must be of integral type.")
        if (table < 0).any():
            raise ValueError("index can't contain negative values")
    return tuple([(before, after) for before, after in table.tolist()])


def _table(values: Any, rank: int) -> list[Any]:
    """A pair of values for each axis, which may be traced."""
    if not isinstance(values, list | tuple):
        return [(values[0], values[-1]) if np.ndim(values) else (values, values)] * rank
    if isinstance(values[0], list | tuple):
        rows = list(values) * (rank if len(values) == 1 else 1)
    else:
        rows = [values] * rank
    return [(row[0], row[-1]) for row in rows]


def _constant(x: Any, widths: Widths, values: Any) -> Any:
    if not isinstance(values, Tracer) and not has_tracer(values) and np.ndim(values) == 0:
        kind = aval_of(x).dtype
        if kind.kind in "iu" and not np.isfinite(values):
            int(values)  # NumPy's error
        value = np.asarray(values).astype(kind).item()
        if value or not np.signbit(np.real(value)):
            return ops.pad(x, widths, value)
    if isinstance(values, np.ndarray):
        values = np.broadcast_to(values, (len(widths), 2)).tolist()
    for axis, (counts, pair) in enumerate(zip(widths, _table(values, len(widths)), strict=True)):
        x = _around(x, axis, counts, pair)
    return x


def _around(x: Any, axis: int, counts: tuple[int, int], values: tuple[Any, Any]) -> Any:
    """``x`` between so many copies of two values, each of which broadcasts to a slice of it."""
    shape = shape_of(x)
    parts = [
        broadcast_operand(
            "pad",
            cast(operand(value), aval_of(x).dtype),
            (*shape[:axis], count, *shape[axis + 1 :]),
        )
        for count, value in zip(counts, values, strict=True)
    ]
    return ops.Concatenate(axis)(parts[0], x, parts[1]) if any(counts) else x


def _statistic(x: Any, widths: Widths, mode: str, length: Any) -> Any:
    """Borders of one number each: of the ends of given lengths, or of all."""
    over = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}[mode]
    lengths: Any = (
        [(None, None)] * len(widths) if length is None else _pairs(length, len(widths), int)
    )
    for axis, (counts, ends) in enumerate(zip(widths, lengths, strict=True)):
        if not any(counts):
            continue
        n, lead = shape_of(x)[axis], (slice(None),) * axis
        first, last = [n if k is None or k > n else k for k in ends]
        if (first == 0 or last == 0) and mode in ("maximum", "minimum"):
            raise ValueError("stat_length of 0 yields no value for padding")
        values = [
            over(x[(*lead, part)], axis=axis, keepdims=True)
            for part in (slice(first), slice(n - last, None))
        ]
        if mode in ("mean", "median") and aval_of(x).dtype.kind in "iu":
            values = [np.rint(value) for value in values]
        x = _around(x, axis, counts, (values[0], values[1]))
    return x
