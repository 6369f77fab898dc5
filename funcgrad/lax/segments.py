"""Sums and the like over the elements that have one number: `jax.ops` by its names.

The name ``funcgrad.ops`` is that of the floor of primitives, so these stand in `funcgrad.lax`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import numpy as fnp
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, ConcretizationError, DtypeError, ShapeError
from ..numpy import at
from ..numpy.arguments import operand
from ..numpy.modes import mode_name
from ..ops.linear import shape_of

__all__ = ["segment_max", "segment_min", "segment_prod", "segment_sum"]

Array = Any


def _segments(
    name: str,
    data: Any,
    segment_ids: Any,
    num_segments: int | None,
    mode: Any,
) -> tuple[Any, Any, int, Any]:
    """The operands as arrays, the number of segments, and which rows have one (None for all)."""
    x, ids = operand(data), operand(segment_ids)
    kind, shape = aval_of(ids).dtype.kind, shape_of(ids)
    if kind not in "iu":
        raise DtypeError(
            f"{name}: segment_ids must be integers, got {aval_of(ids)}", "Convert with astype(int)."
        )
    if not shape or shape_of(x)[: len(shape)] != shape:
        raise ShapeError(
            f"{name}: got {aval_of(x)} with segment_ids {aval_of(ids)}",
            "Give one number for each of the data's first elements.",
        )
    if num_segments is None:
        if isinstance(ids, Tracer):
            raise ConcretizationError(
                f"{name}: how many segments there are depends on the values of segment_ids, which "
                "are traced",
                "Pass num_segments=n, a Python integer.",
            )
        num_segments = int(ids.max()) + 1 if ids.size else 0
    if isinstance(num_segments, np.integer):
        num_segments = int(num_segments)
    if type(num_segments) is not int or num_segments < 0:
        raise ArgumentError(
            f"{name}: num_segments must be a Python integer >= 0, got {num_segments!r}",
            "Pass num_segments=n.",
        )
    mode = mode_name(name, mode)
    count = int(np.prod(shape))
    ids = np.reshape(ids, count).astype(np.int64)
    x = np.reshape(x, (count, *shape_of(x)[len(shape) :]))
    inside: Any = None
    if mode is not None and not num_segments:
        x, ids = x[:0], ids[:0]
    elif mode == "clip":
        ids = np.clip(ids, 0, num_segments - 1)
    elif mode == "fill":
        inside = (ids >= 0) & (ids < num_segments)
        ids = np.where(inside, ids, 0)
    else:
        # A negative number would count from the end: from further below it is out of bounds too.
        ids = np.where(ids < 0, ids - num_segments, ids)
    return x, ids, num_segments, inside


def _by_row(chosen: Any, x: Any) -> Any:
    """One boolean a row, in a shape that broadcasts along the other axes of ``x``."""
    return np.reshape(chosen, (-1, *(1,) * (len(shape_of(x)) - 1)))


def _kept(inside: Any, x: Any, otherwise: Any) -> Any:
    if inside is None:
        return x
    return np.where(_by_row(inside, x), x, np.full((), otherwise, aval_of(x).dtype))


def segment_sum(
    data: Array,
    segment_ids: Array,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
) -> Array:
    """The sums of the rows that have one number.

    Args:
        data: An array.
        segment_ids: Integers, in the shape of the data's first axes; in any order.
        num_segments: How many numbers there are: the largest and one more by default, which traced
            ones do not tell.
        indices_are_sorted: Without meaning; the order makes no difference.
        unique_indices: Without meaning here.
        bucket_size: Without meaning; sums are exact to the rounding of NumPy's.
        mode: ``"drop"`` leaves out rows whose number is none from 0 to ``num_segments - 1``,
            ``"clip"`` takes the nearest; by default they raise. (JAX drops them.)

    Returns:
        An array of shape ``(num_segments, ...)``; 0 where no row has the number.

    Raises:
        DtypeError: The numbers are no integers.
        ShapeError: They do not have the shape of the data's first axes.
        ConcretizationError: They are traced, and ``num_segments`` is not given.
        OutOfBoundsError: A number is out of range.

    >>> segment_sum(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 0]))
    array([5., 2.])
    """
    x, ids, n, inside = _segments("segment_sum", data, segment_ids, num_segments, mode)
    x = _kept(inside, x, 0)
    return at(np.zeros((n, *shape_of(x)[1:]), aval_of(x).dtype))[ids].add(x)


def segment_prod(
    data: Array,
    segment_ids: Array,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
) -> Array:
    """The products of the rows that have one number; 1 where none has it. See `segment_sum`.

    >>> segment_prod(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 0]))
    array([4., 2.])
    """
    return _folded("segment_prod", np.multiply, 1, data, segment_ids, num_segments, mode)


def segment_max(
    data: Array,
    segment_ids: Array,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
) -> Array:
    """The largest of the rows that have one number, element by element. See `segment_sum`.

    Where no row has the number: ``-inf``, of integers the smallest of the dtype.

    >>> segment_max(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 0]), 3)
    array([  4.,   2., -inf])
    """
    least = _extreme("segment_max", data, -1)
    return _folded("segment_max", np.maximum, least, data, segment_ids, num_segments, mode)


def segment_min(
    data: Array,
    segment_ids: Array,
    num_segments: int | None = None,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    bucket_size: int | None = None,
    mode: Any = None,
) -> Array:
    """The smallest of the rows that have one number, element by element. See `segment_max`.

    >>> segment_min(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 0]))
    array([1., 2.])
    """
    most = _extreme("segment_min", data, 1)
    return _folded("segment_min", np.minimum, most, data, segment_ids, num_segments, mode)


def _extreme(name: str, data: Any, sign: int) -> Any:
    dtype = aval_of(operand(data)).dtype
    if dtype.kind == "b":
        return sign > 0
    if dtype.kind in "iu":
        return np.iinfo(dtype).max if sign > 0 else np.iinfo(dtype).min
    if dtype.kind == "c":
        raise DtypeError(f"{name}: expected real numbers, got {dtype}", "Take abs(x) or x.real.")
    return sign * np.inf


def _folded(
    name: str, op: Any, neutral: Any, data: Any, segment_ids: Any, num_segments: Any, mode: Any
) -> Any:
    """Each segment's rows combined: those with one number next to one another, then a scan.

    In sorted order the elements of a segment are neighbours; a running combination by halves, which
    begins anew where the number changes, ends in each segment's last row with its result
    (Blelloch, Prefix sums and their applications, 1990, section 1.5).
    """
    x, ids, n, inside = _segments(name, data, segment_ids, num_segments, mode)
    x = _kept(inside, x, neutral)
    count = shape_of(ids)[0]
    whole = np.full((n, *shape_of(x)[1:]), neutral, aval_of(x).dtype)
    if not count or not n:
        return whole
    order = np.argsort(ids, kind="stable")
    x, ids = fnp.take(x, order, 0), fnp.take(ids, order)
    if inside is None:
        # An assignment checks the range, which reading at clipped places would not.
        whole = at(whole)[ids].set(np.broadcast_to(whole[:1], shape_of(x)))
    step = 1
    while step < count:
        same = _by_row(ids[step:] == ids[:-step], x)
        x = np.concatenate([x[:step], np.where(same, op(x[:-step], x[step:]), x[step:])])
        step *= 2
    last = np.searchsorted(ids, np.arange(n), side="right") - 1
    place = np.maximum(last, 0)
    found = fnp.take(x, place, 0)
    there = (last >= 0) & (fnp.take(ids, place) == np.arange(n))
    return np.where(_by_row(there, x), found, whole)
