"""Integrals of samples: trapezoidal rule and Simpson's, on tracers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import integrate as genuine

from ..core.trace import aval_of
from ..errors import ShapeError
from ..numpy.arguments import axis_of, cast, operand
from ..ops.linear import shape_of
from .watched import holds_tracer

__all__ = ["cumulative_simpson", "cumulative_trapezoid", "simpson", "trapezoid"]


def _floating(x: Any) -> Any:
    x = operand(x)
    return x if aval_of(x).dtype.kind in "fc" else cast(x, np.float64)


def _samples(name: str, y: Any, x: Any, dx: Any, axis: int) -> tuple[Any, Any]:
    """The samples along the last axis, and the widths between them, which broadcast."""
    y = _floating(y)
    if not shape_of(y):
        raise ShapeError(f"scipy.integrate.{name}: y is a number", "Give an array of samples.")
    axis = axis_of(axis, len(shape_of(y)))
    y = np.moveaxis(y, axis, -1)
    n = shape_of(y)[-1]
    if x is None:
        widths = operand(dx)
        return y, np.broadcast_to(widths, (max(n - 1, 0),)) if not shape_of(widths) else widths
    x = _floating(x)
    if len(shape_of(x)) > 1:
        x = np.moveaxis(x, axis, -1)
    if shape_of(x)[-1:] != (n,):
        raise ShapeError(
            f"scipy.integrate.{name}: got {aval_of(y)} samples and {aval_of(x)} points",
            "Give one point for each sample along the axis.",
        )
    return y, np.diff(x, axis=-1)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of samples by the trapezoidal rule: `scipy.integrate.trapezoid`.

    Args:
        y: Samples, any shape.
        x: Where they were taken, a vector or of the shape of ``y``; by default ``dx`` apart.
        dx: Their distance.
        axis: The axis to integrate along.

    >>> trapezoid([1.0, 4.0, 9.0])
    np.float64(9.0)
    """
    if not holds_tracer(y, x, dx):
        return genuine.trapezoid(y, x, dx, axis)
    samples, widths = _samples("trapezoid", y, x, dx, axis)
    return np.sum(widths * (samples[..., 1:] + samples[..., :-1]) / 2.0, axis=-1)


def cumulative_trapezoid(
    y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Any:
    """The integrals up to each sample but the first: `scipy.integrate.cumulative_trapezoid`.

    Args:
        y: Samples, any shape.
        x: As in `trapezoid`.
        dx: As in `trapezoid`.
        axis: The axis to integrate along.
        initial: 0 for a zero in front of the result, or None.

    Raises:
        ValueError: ``initial`` is something else.
    """
    if not holds_tracer(y, x, dx, initial):
        return genuine.cumulative_trapezoid(y, x, dx, axis, initial)
    samples, widths = _samples("cumulative_trapezoid", y, x, dx, axis)
    total = np.cumsum(widths * (samples[..., 1:] + samples[..., :-1]) / 2.0, axis=-1)
    if initial is not None:
        if holds_tracer(initial) or initial != 0:
            raise ValueError("`initial` must be `None` or `0`.")
        total = np.concatenate([np.zeros_like(total[..., :1]), total], axis=-1)
    return np.moveaxis(total, -1, axis_of(axis, len(shape_of(total))))


def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral of samples by Simpson's rule: `scipy.integrate.simpson`.

    Parabolas through three samples each; where their number is even, the last interval has that of
    the last three (Cartwright, "Simpson's rule cumulative integration with MS Excel and irregularly
    spaced data", 2017).

    Args:
        y: Samples, any shape.
        x: As in `trapezoid`.
        dx: As in `trapezoid`.
        axis: The axis to integrate along.

    >>> simpson([1.0, 4.0, 9.0], x=[1.0, 2.0, 3.0])
    np.float64(8.666666666666666)
    """
    if not holds_tracer(y, x, dx):
        return genuine.simpson(y, x, dx=dx, axis=axis)
    samples, widths = _samples("simpson", y, x, dx, axis)
    n = shape_of(samples)[-1]
    if n == 2:
        return np.sum(widths * (samples[..., 1:] + samples[..., :-1]) / 2.0, axis=-1)
    pairs = (n - 1) // 2
    h, k = widths[..., 0 : 2 * pairs : 2], widths[..., 1 : 2 * pairs : 2]
    first, middle = samples[..., 0 : 2 * pairs : 2], samples[..., 1 : 2 * pairs : 2]
    last = samples[..., 2 : 2 * pairs + 1 : 2]
    parts = (first * (2.0 - k / h) + middle * ((h + k) ** 2 / (h * k)) + last * (2.0 - h / k)) * (
        (h + k) / 6.0
    )
    total = np.sum(parts, axis=-1)
    if n % 2 == 0:
        total = total + _second(widths[..., -2], widths[..., -1], samples[..., -3:])
    return total


def _second(h: Any, k: Any, three: Any) -> Any:
    """The integral over the second interval of the parabola through three samples."""
    return (
        three[..., 2] * ((2.0 * k * k + 3.0 * h * k) / (6.0 * (h + k)))
        + three[..., 1] * ((k * k + 3.0 * h * k) / (6.0 * h))
        - three[..., 0] * (k * k * k / (6.0 * h * (h + k)))
    )


def cumulative_simpson(
    y: Any, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Any:
    """The integrals up to each sample but the first: `scipy.integrate.cumulative_simpson`.

    Args:
        y: Samples, any shape.
        x: As in `trapezoid`.
        dx: As in `trapezoid`.
        axis: The axis to integrate along.
        initial: What to put in front of the result and to add to it, or None.
    """
    if not holds_tracer(y, x, dx, initial):
        return genuine.cumulative_simpson(y, x=x, dx=dx, axis=axis, initial=initial)
    if shape_of(operand(y))[axis] < 3:
        return _with_initial(cumulative_trapezoid(y, x, dx, axis), initial, axis)
    samples, widths = _samples("cumulative_simpson", y, x, dx, axis)
    n = shape_of(samples)[-1]
    h, k = widths[..., :-1], widths[..., 1:]
    three = np.stack([samples[..., :-2], samples[..., 1:-1], samples[..., 2:]], axis=-1)
    # The first interval is the second of the same parabola run through backwards.
    rising, falling = _second(k, h, three[..., ::-1]), _second(h, k, three)
    chosen = [
        rising[..., i] if i % 2 == 0 and i < n - 2 else falling[..., i - 1] for i in range(n - 1)
    ]
    total = np.moveaxis(np.cumsum(np.stack(chosen, axis=-1), axis=-1), -1, axis)
    return _with_initial(total, initial, axis)


def _with_initial(total: Any, initial: Any, axis: int) -> Any:
    if initial is None:
        return total
    moved = np.moveaxis(total, axis, -1)
    start = np.broadcast_to(operand(initial), (*shape_of(moved)[:-1], 1))
    return np.moveaxis(np.concatenate([start, moved + start], axis=-1), -1, axis)
