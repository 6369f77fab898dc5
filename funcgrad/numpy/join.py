"""NumPy's functions that join, split, repeat, roll and pad tracers."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import ConcretizationError, IndexDtypeError, ShapeError
from ..ops import shape as ops
from ..ops.index import GetItem
from ..ops.linear import make, shape_of
from ..ops.linear import reshape as reshape_to
from ..ops.unstack import Stack
from .arguments import along, axis_of, broadcast_operand, cast, is_given, of_rank, operand, operands
from .dispatch import has_tracer, implements, refuse
from .getitem import getitem
from .index import take
from .inplace import views
from .shapes import atleast_1d, atleast_2d, atleast_3d
from .sized import require_size

__all__ = [
    "append",
    "array_split",
    "column_stack",
    "concatenate",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "repeat",
    "roll",
    "split",
    "stack",
    "tile",
    "vsplit",
    "vstack",
]


def _promote_parts(name: str, xs: Any, dtype: Any, casting: str, weak: bool = False) -> list[Any]:
    """The arrays to join, in one dtype; Python scalars give way to the others where ``weak``."""
    if not isinstance(xs, list | tuple):
        xs = of_rank(name, xs, 1)
        xs = [xs[i] for i in range(shape_of(xs)[0])]
    arrays = list(xs)
    if not arrays:
        raise ShapeError(f"numpy.{name}: got no arrays", "Give at least one.")
    if not is_given(dtype):
        return operands(arrays, weak=weak)
    kind = np.dtype(dtype)
    found = [operand(x) for x in arrays]
    for x in found:
        if not np.can_cast(aval_of(x).dtype, kind, casting):  # type: ignore[arg-type]
            raise TypeError(
                f"Cannot cast array data from {aval_of(x).dtype!r} to {kind!r} according to the "
                f"rule {casting!r}"
            )
    return [cast(x, kind) for x in found]


@implements(np.concatenate, *([np.concat] if hasattr(np, "concat") else []))
def concatenate(
    arrays: Any,
    /,
    axis: Any = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Any:
    """``numpy.concatenate``."""
    if out is not None:
        refuse("concatenate", out=out)
    xs = _promote_parts("concatenate", arrays, dtype, casting, weak=axis is None)
    if axis is None:
        xs, axis = [reshape_to(x, (aval_of(x).size,)) for x in xs], 0
    return _concatenate("concatenate", xs, axis)


def _concatenate(name: str, xs: Sequence[Any], axis: Any) -> Any:
    shapes = [shape_of(x) for x in xs]
    rank = len(shapes[0])
    same = shapes.count(shapes[0]) == len(shapes)
    if not rank:
        raise ShapeError(
            f"numpy.{name}: zero-dimensional arrays cannot be concatenated",
            "Write numpy.stack, which puts scalars along a new axis.",
        )
    position = axis_of(axis, rank)
    rest = () if same else ops.without_axes(shapes[0], (position,))
    if not same and any(len(s) != rank or ops.without_axes(s, (position,)) != rest for s in shapes):
        raise ShapeError(
            f"numpy.{name}: shapes {', '.join(map(str, shapes))} do not join along axis {position}",
            "All axes but that one must have the same lengths.",
        )
    return make(ops.Concatenate, position)(*xs)


@implements(np.stack)
def stack(
    arrays: Any,
    axis: Any = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Any:
    """``numpy.stack``."""
    if out is not None:
        refuse("stack", out=out)
    xs = _promote_parts("stack", arrays, dtype, casting)
    shapes = [shape_of(x) for x in xs]
    if any(s != shapes[0] for s in shapes):
        raise ShapeError(
            f"numpy.stack: the shapes differ: {', '.join(map(str, shapes))}",
            "Stack arrays of one shape, or concatenate them.",
        )
    return make(Stack, axis_of(axis, len(shapes[0]) + 1))(*xs)


def _several(arrays: Any) -> Any:
    """A sequence for functions that give one array back where they get one."""
    return arrays if isinstance(arrays, tuple) else (arrays,)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """``numpy.vstack``."""
    xs = _promote_parts("vstack", tup, dtype, casting)
    return _concatenate("vstack", _several(atleast_2d(*xs)), 0)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """``numpy.hstack``."""
    xs = _several(atleast_1d(*_promote_parts("hstack", tup, dtype, casting)))
    return _concatenate("hstack", xs, 0 if len(shape_of(xs[0])) == 1 else 1)


@implements(np.dstack)
def dstack(tup: Any) -> Any:
    """``numpy.dstack``."""
    xs = _promote_parts("dstack", tup, None, "same_kind")
    return _concatenate("dstack", _several(atleast_3d(*xs)), 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    """``numpy.column_stack``."""
    columns = []
    for x in _promote_parts("column_stack", tup, None, "same_kind"):
        shape = shape_of(x)
        columns.append(x if len(shape) > 1 else reshape_to(x, (aval_of(x).size, 1)))
    return _concatenate("column_stack", columns, 1)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """``numpy.append``, which gives a new array."""
    return concatenate([operand(arr), operand(values)], axis=axis)


@implements(np.array_split)
@views
def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    """``numpy.array_split``."""
    x = operand(ary)
    shape = shape_of(x)
    position = axis_of(axis, len(shape))
    n = shape[position]
    if np.ndim(indices_or_sections):
        cuts = [operator.index(i) for i in indices_or_sections]
        bounds = list(zip([0, *cuts], [*cuts, n], strict=True))
    else:
        sections = operator.index(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extra = divmod(n, sections)
        ends = [each * (i + 1) + min(i + 1, extra) for i in range(sections)]
        bounds = list(zip([0, *ends[:-1]], ends, strict=True))
    lead = (slice(None),) * position
    return [GetItem((*lead, slice(start, stop)))(x) for start, stop in bounds]


@implements(np.split)
@views
def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    """``numpy.split``."""
    x = operand(ary)
    if not np.ndim(indices_or_sections):
        n = shape_of(x)[axis_of(axis, len(shape_of(x)))]
        if n % operator.index(indices_or_sections):
            raise ShapeError(
                f"numpy.split: an axis of length {n} has no {indices_or_sections} equal parts",
                "Use numpy.array_split for parts that differ by one.",
            )
    return array_split(x, indices_or_sections, axis)


@implements(np.vsplit)
@views
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """``numpy.vsplit``."""
    return split(of_rank("vsplit", ary, 2), indices_or_sections, 0)


@implements(np.hsplit)
@views
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """``numpy.hsplit``."""
    x = of_rank("hsplit", ary, 1)
    return split(x, indices_or_sections, 0 if len(shape_of(x)) == 1 else 1)


@implements(np.dsplit)
@views
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """``numpy.dsplit``."""
    return split(of_rank("dsplit", ary, 3), indices_or_sections, 2)


if hasattr(np, "unstack"):

    @implements(np.unstack)
    @views
    def unstack(x: Any, /, *, axis: Any = 0) -> tuple[Any, ...]:
        """``numpy.unstack``."""
        x = of_rank("unstack", x, 1)
        position = axis_of(axis, len(shape_of(x)))
        lead = (slice(None),) * position
        return tuple([GetItem((*lead, i))(x) for i in range(shape_of(x)[position])])


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """``numpy.roll``; ``shift`` may be traced.

    Raises:
        IndexDtypeError: A traced ``shift`` is no integer.
    """
    x = operand(a)
    lengths = shape_of(x)
    if axis is None:
        flat = reshape_to(x, (aval_of(x).size,))
        if has_tracer(shift):
            shift = np.sum(operand(shift))  # one after the other
        return reshape_to(roll(flat, shift, 0), lengths)
    if has_tracer(shift):
        return _rolled(x, operand(shift), axis)
    shifts, axes = np.broadcast_arrays(np.asarray(shift), np.asarray(axis))
    for by, at in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        position = axis_of(at, len(lengths))
        n = lengths[position]
        by = by % n if n else 0
        if by:
            end, start = ops.crop(x, position, n - by, n), ops.crop(x, position, 0, n - by)
            x = make(ops.Concatenate, position)(end, start)
    return x


def _rolled(x: Any, shift: Any, axis: Any) -> Any:
    """``x`` rolled by what has no value: gathered along each axis."""
    if aval_of(shift).dtype.kind not in "iu":
        raise IndexDtypeError(
            f"numpy.roll: a shift must be an integer, got {aval_of(shift)}",
            "Convert it first, as in shift.astype(int); an integer carries no gradient.",
        )
    axes = np.asarray(axis)
    shifts = np.broadcast_to(shift, np.broadcast_shapes(shape_of(shift), axes.shape))
    axes = np.broadcast_to(axes, shape_of(shifts))
    for position in np.ndindex(axes.shape):
        along_axis = axis_of(axes[position], len(shape_of(x)))
        n = shape_of(x)[along_axis]
        if n:
            index = (np.arange(n) - cast(shifts[position], np.int64) % n) % n
            x = getitem(x, (*(slice(None),) * along_axis, index))
    return x


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """``numpy.tile``."""
    x = operand(A)
    times = [operator.index(n) for n in (reps if isinstance(reps, tuple | list) else (reps,))]
    lengths = shape_of(x)
    rank = max(len(times), len(lengths))
    times = [1] * (rank - len(times)) + times
    lengths = (1,) * (rank - len(lengths)) + lengths
    pairs = list(zip(times, lengths, strict=True))
    x = reshape_to(x, tuple([k for _, n in pairs for k in (1, n)]))
    x = broadcast_operand("tile", x, tuple([k for pair in pairs for k in pair]))
    return reshape_to(x, tuple([t * n for t, n in pairs]))


@implements(np.repeat, more=("total_repeat_length",))
def repeat(
    a: Any, repeats: Any, axis: Any = None, *, total_repeat_length: int | None = None
) -> Any:
    """``numpy.repeat``; ``repeats`` must be known while tracing, as the shape depends on it.

    With a ``total_repeat_length``, which NumPy's function does not take, it may be traced: what is
    too long is cut off, and what is missing is the last element.
    """
    x, position = along(operand(a), axis)
    lengths = shape_of(x)
    if total_repeat_length is not None:
        n = require_size("repeat", "total_repeat_length", total_repeat_length)
        counts = np.broadcast_to(operand(repeats), (lengths[position],))
        place = np.searchsorted(np.cumsum(counts), np.arange(n), "right")
        return take(x, np.minimum(place, lengths[position] - 1), position)
    if has_tracer(repeats):
        raise ConcretizationError(
            f"numpy.repeat: repeats= decides the shape, and {aval_of(operand(repeats))} has no "
            "value while the function is traced",
            "Make the argument static (static_argnames); or, for a length n that is known, take "
            "x[numpy.searchsorted(numpy.cumsum(repeats), numpy.arange(n), 'right')].",
        )
    counts = np.asarray(repeats)
    if counts.size == 1:
        times = operator.index(counts.reshape(())[()])
        spaced = (*lengths[: position + 1], 1, *lengths[position + 1 :])
        wide = (*lengths[: position + 1], times, *lengths[position + 1 :])
        out = (*lengths[:position], lengths[position] * times, *lengths[position + 1 :])
        return reshape_to(broadcast_operand("repeat", reshape_to(x, spaced), wide), out)
    taken = np.repeat(np.arange(lengths[position]), counts)
    return x[(*(slice(None),) * position, taken)]
