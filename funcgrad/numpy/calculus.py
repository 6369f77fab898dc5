"""NumPy's differences, integrals and interpolation of samples, for tracers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import DtypeError, ShapeError
from ..ops.bessel import bessel_i0
from ..ops.linear import reshape, shape_of
from ..ops.search import search_sorted
from ..ops.select import stop_gradient
from .arguments import axes_of, axis_of, cast, operand, promote
from .dispatch import implements
from .getitem import getitem
from .index import flat

__all__ = ["ediff1d", "gradient", "i0", "interp", "trapezoid", "unwrap"]

Array = Any


@implements(np.trapezoid)
def trapezoid(y: Array, x: Array = None, dx: Array = 1.0, axis: int = -1) -> Array:
    """The integral of ``y`` over ``x`` by the trapezoidal rule, differentiable in both."""
    y = operand(y)
    shape = shape_of(y)
    position = axis_of(axis, len(shape))
    if x is None:
        step = dx
    else:
        x = operand(x)
        if len(shape_of(x)) == 1:
            step = np.diff(x)
            step = reshape(step, (shape_of(step)[0], *(1,) * (len(shape) - position - 1)))
        else:
            step = np.diff(x, axis=axis)
    lead = (slice(None),) * position
    area = step * (y[(*lead, slice(1, None))] + y[(*lead, slice(None, -1))]) / 2.0
    return np.sum(area, axis=axis)


@implements(np.ediff1d)
def ediff1d(ary: Array, to_end: Array = None, to_begin: Array = None) -> Array:
    """Differences of neighbours in the flat array, between ``to_begin`` and ``to_end``.

    Raises:
        TypeError: One of these does not cast to the dtype of ``ary``.
    """
    x = flat(operand(ary))
    dtype = aval_of(x).dtype
    parts = [x[1:] - x[:-1]]
    for name, edge in (("to_begin", to_begin), ("to_end", to_end)):
        if edge is None:
            continue
        edge = operand(edge)
        if not np.can_cast(aval_of(edge).dtype, dtype, casting="same_kind"):
            raise TypeError(
                f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule."
            )
        edge = cast(flat(edge), dtype)
        parts = [edge, *parts] if name == "to_begin" else [*parts, edge]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


@implements(np.gradient)
def gradient(f: Array, *varargs: Array, axis: Any = None, edge_order: int = 1) -> Any:
    """The derivative of samples by differences of second order, differentiable in the samples.

    With distances ``h`` before and ``k`` after a point it is ``-k/(h(h+k)) f[i-1] +
    (k-h)/(hk) f[i] + h/(k(h+k)) f[i+1]``; the distances may be traced too.

    Raises:
        ShapeError: Too few samples along an axis, or coordinates that do not fit it.
    """
    f = operand(f)
    shape = shape_of(f)
    positions = axes_of(axis, len(shape)) if axis is None else _in_order(axis, len(shape))
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    steps = _distances(varargs, shape, positions)
    dtype = aval_of(f).dtype
    if dtype.kind in "iu":
        f = cast(f, np.float64)
    kept = dtype if dtype.kind in "fc" else np.dtype(np.float64)
    found = []
    for position, step in zip(positions, steps, strict=True):
        if shape[position] < edge_order + 1:
            raise ShapeError(
                f"numpy.gradient: axis {position} has length {shape[position]}",
                f"Give at least {edge_order + 1} samples: Shape of array too small to calculate a "
                "numerical gradient otherwise.",
            )
        found.append(cast(_slopes(f, position, step, edge_order), kept))
    return found[0] if len(found) == 1 else tuple(found)


def _in_order(axis: Any, rank: int) -> tuple[int, ...]:
    axes = axis if isinstance(axis, tuple) else (axis,)
    return tuple(np.lib.array_utils.normalize_axis_tuple(axes, rank))


def _distances(given_: Any, shape: tuple[int, ...], positions: tuple[int, ...]) -> list[Any]:
    """For each axis the distance of neighbours: a number, or an array of them."""
    if not given_:
        return [1.0] * len(positions)
    if len(given_) == 1 and not np.ndim(given_[0]):
        return [given_[0]] * len(positions)
    if len(given_) != len(positions):
        raise TypeError("invalid number of arguments")
    steps: list[Any] = []
    for position, points in zip(positions, given_, strict=True):
        if not np.ndim(points):
            steps.append(points)
            continue
        points = operand(points)
        if len(shape_of(points)) != 1 or shape_of(points)[0] != shape[position]:
            raise ShapeError(
                f"numpy.gradient: coordinates have shape {shape_of(points)}, and axis {position} "
                f"length {shape[position]}",
                "Give a distance, or one coordinate for each sample.",
            )
        if aval_of(points).dtype.kind in "iu":
            points = cast(points, np.float64)
        step: Any = np.diff(points)
        even = not isinstance(step, Tracer) and bool((step == step[:1]).all())
        steps.append(getitem(step, 0) if even else step)
    return steps


def _slopes(f: Any, axis: int, step: Any, edge_order: int) -> Any:
    lead = (slice(None),) * axis
    rank = len(shape_of(f))

    def at(*bounds: Any) -> Any:
        return f[(*lead, slice(*bounds))]

    if np.ndim(step):
        step = reshape(operand(step), (shape_of(step)[0], *(1,) * (rank - axis - 1)))
        h, k = step[:-1], step[1:]
        inner = (
            -k / (h * (h + k)) * at(None, -2)
            + (k - h) / (h * k) * at(1, -1)
            + h / (k * (h + k)) * at(2, None)
        )
        first, last = step[:1], step[-1:]
    else:
        inner = (at(2, None) - at(None, -2)) / (2.0 * step)
        first = last = step
    if edge_order == 1:
        start = (at(1, 2) - at(0, 1)) / first
        end = (at(-1, None) - at(-2, -1)) / last
    elif np.ndim(step):
        h, k = step[:1], step[1:2]
        start = (
            -(2.0 * h + k) / (h * (h + k)) * at(0, 1)
            + (h + k) / (h * k) * at(1, 2)
            - h / (k * (h + k)) * at(2, 3)
        )
        h, k = step[-2:-1], step[-1:]
        end = (
            k / (h * (h + k)) * at(-3, -2)
            - (k + h) / (h * k) * at(-2, -1)
            + (2.0 * k + h) / (k * (h + k)) * at(-1, None)
        )
    else:
        start = (-1.5 * at(0, 1) + 2.0 * at(1, 2) - 0.5 * at(2, 3)) / step
        end = (0.5 * at(-3, -2) - 2.0 * at(-2, -1) + 1.5 * at(-1, None)) / step
    return np.concatenate([start, inner, end], axis)


@implements(np.unwrap)
def unwrap(
    p: Array, discont: Any = None, axis: int = -1, *, period: Any = 6.283185307179586
) -> Array:
    """Multiples of ``period`` added so that neighbours differ by less than ``discont``.

    What is added is constant between the jumps, so the derivative is the identity.
    """
    p = operand(p)
    position = axis_of(axis, len(shape_of(p)))
    step = np.diff(p, axis=position)
    dtype = np.result_type(aval_of(step).dtype, period)
    if discont is None:
        discont = period / 2
    if dtype.kind in "iu":
        high, rest = divmod(period, 2)
        ambiguous = rest == 0
    else:
        high, ambiguous = period / 2, True
    step = stop_gradient(step)
    near = np.mod(step + high, period) - high
    if ambiguous:
        near = np.where(np.logical_and(near == -high, step > 0), cast_like(high, near), near)
    change = near - step
    change = np.where(np.abs(step) < discont, cast_like(0, change), change)
    lead = (slice(None),) * position
    p = cast(p, dtype)
    rest_ = p[(*lead, slice(1, None))] + np.cumsum(change, axis=position)
    return cast(np.concatenate([p[(*lead, slice(None, 1))], rest_], position), dtype)


def cast_like(number: Any, x: Any) -> Any:
    """A plain number as a scalar of the dtype of ``x``."""
    return aval_of(x).dtype.type(number)


@implements(np.i0)
def i0(x: Array) -> Array:
    """The modified Bessel function of the first kind and order 0; its derivative is of order 1.

    Raises:
        DtypeError: ``x`` is complex.
    """
    x = operand(x)
    if aval_of(x).dtype.kind == "c":
        raise DtypeError(f"numpy.i0 is not supported for complex values, got {aval_of(x)}", "")
    return bessel_i0(cast(x, np.float64) if aval_of(x).dtype.kind in "biu" else x)


@implements(np.interp)
def interp(
    x: Array, xp: Array, fp: Array, left: Any = None, right: Any = None, period: Any = None
) -> Array:
    """The line between neighbouring points ``(xp, fp)`` at ``x``, differentiable in all three.

    At a point the derivative by ``x`` is the slope to its right, beyond the ends it is 0.

    Raises:
        ShapeError: ``xp`` and ``fp`` are not vectors of one length, or are empty.
    """
    x, xp, fp = operand(x), operand(xp), operand(fp)
    if "c" in (aval_of(x).dtype.kind, aval_of(xp).dtype.kind):
        raise DtypeError(
            f"numpy.interp: points must be real, got {aval_of(x)} and {aval_of(xp)}",
            "Take the real part; only fp may be complex.",
        )
    x, xp = cast(x, np.float64), cast(xp, np.float64)
    fp = cast(fp, np.complex128 if aval_of(fp).dtype.kind == "c" else np.float64)
    if period is not None:
        if not isinstance(period, Tracer) and period == 0:
            raise ValueError("period must be a non-zero value")
        x, xp, fp = _periodic(x, xp, fp, np.abs(period))
        left = right = None
    if len(shape_of(xp)) != 1 or shape_of(xp) != shape_of(fp) or not shape_of(xp)[0]:
        raise ShapeError(
            f"numpy.interp: xp has shape {shape_of(xp)} and fp {shape_of(fp)}",
            "Give two vectors of one length: array of sample points is empty or they differ.",
        )
    left = fp[0] if left is None else left
    right = fp[-1] if right is None else right
    last = shape_of(xp)[0] - 1
    if last:
        position = search_sorted(stop_gradient(xp), stop_gradient(x), "right") - 1
        i = np.clip(position, 0, last - 1)
        x0, x1, y0, y1 = [getitem(p, j) for p in (xp, fp) for j in (i, i + 1)]
        value = (y1 - y0) / (x1 - x0) * (x - x0) + y0
    else:
        value = fp[0] + (x - x)
    value = np.where(x >= xp[-1], np.where(x > xp[-1], right, fp[-1]), value)
    return np.where(x < xp[0], *promote([operand(left), value]))


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    x, xp = np.mod(x, period), np.mod(xp, period)
    order = np.argsort(stop_gradient(xp))
    xp, fp = getitem(xp, order), getitem(fp, order)
    return (
        x,
        np.concatenate([xp[-1:] - period, xp, xp[:1] + period]),
        np.concatenate([fp[-1:], fp, fp[:1]]),
    )
