"""A line search for the strong Wolfe conditions, as one loop of a program.

Nocedal & Wright, Numerical Optimization, 2006, algorithms 3.5 (bracketing) and 3.6 (zoom), with the
minimiser of the cubic through both ends (their equation 3.59) as the next trial.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..control.flow.loops import while_loop

__all__ = ["Found", "strong_wolfe"]

_BRACKETING, _ZOOM, _DONE, _FAILED = 0, 1, 2, 3
DECREASE, CURVATURE = 1e-4, 0.9
"""c1 and c2 of the conditions, as for quasi-Newton directions (Nocedal & Wright, page 62)."""


class Found(NamedTuple):
    """What a line search found.

    Attributes:
        step: How far along the direction; 0.0 where nothing lower was found.
        value: The function there.
        gradient: Its gradient there.
        evaluations: How many points were tried.
        success: Whether the function is lower there.
    """

    step: Any
    value: Any
    gradient: Any
    evaluations: Any
    success: Any


class _Search(NamedTuple):
    stage: Any
    trial: Any
    low: Any  # the end that is lower: step, value, slope
    low_value: Any
    low_slope: Any
    low_gradient: Any
    high: Any
    high_value: Any
    high_slope: Any
    evaluations: Any


def strong_wolfe(
    value_and_gradient: Callable[[Any], tuple[Any, Any]],
    x: Any,
    direction: Any,
    value: Any,
    gradient: Any,
    first: Any,
    most: int = 30,
) -> Found:
    """A step along ``direction`` that fulfils the strong Wolfe conditions.

    ``f(x + a d) <= f(x) + c1 a g.d`` and ``abs(g(x + a d).d) <= c2 abs(g.d)``.

    Args:
        value_and_gradient: The function of a vector and its gradient.
        x: Where the line begins, a vector.
        direction: A direction of descent.
        value: The function at ``x``.
        gradient: Its gradient at ``x``.
        first: The first trial.
        most: How many points are tried at most; then the lowest of them that has sufficient
            decrease is taken.
    """
    slope = np.dot(gradient, direction)
    zero = np.float64(0.0)

    def going_on(s: _Search) -> Any:
        return (s.stage < _DONE) & (s.evaluations < most)

    def step(s: _Search) -> _Search:
        a = s.trial
        f, g = value_and_gradient(x + a * direction)
        d = np.dot(g, direction)
        finite = np.isfinite(f) & np.all(np.isfinite(g))
        f = np.where(finite, f, np.inf)
        d = np.where(finite, d, 1.0)
        # While bracketing the first point has no lower end before it.
        compared = (s.stage == _ZOOM) | (s.low > 0)
        too_high = (f > value + DECREASE * a * slope) | ((f >= s.low_value) & compared)
        good = ~too_high & (np.abs(d) <= -CURVATURE * slope)
        bracketing = s.stage == _BRACKETING
        # The new end takes the place of the low one unless it is too high; where the slope says
        # that the minimum lies on the other side the old low end becomes the high one.
        turned = np.where(bracketing, d >= 0, d * np.sign(s.high - s.low) >= 0)
        high = np.where(too_high, a, np.where(turned, s.low, s.high))
        high_value = np.where(too_high, f, np.where(turned, s.low_value, s.high_value))
        high_slope = np.where(too_high, d, np.where(turned, s.low_slope, s.high_slope))
        low = np.where(too_high, s.low, a)
        low_value = np.where(too_high, s.low_value, f)
        low_slope = np.where(too_high, s.low_slope, d)
        low_gradient = np.where(too_high, s.low_gradient, g)
        zooming = ~bracketing | too_high | turned
        width = np.abs(np.where(zooming, high - low, 1.0))
        narrow = width <= 1e-14 * np.maximum(1.0, np.abs(low))
        stage = np.where(zooming, _ZOOM, _BRACKETING)
        stage = np.where(good, _DONE, np.where(narrow, _FAILED, stage))
        end = np.where(zooming, high, low + 1.0)
        cubic = _cubic(low, low_value, low_slope, end, high_value, high_slope)
        trial = np.where(zooming, _inside(low, end, *cubic), 2.0 * a)
        made = (stage, trial, low, low_value, low_slope, low_gradient, high, high_value, high_slope)
        scalars = [v[()] if not np.ndim(v) else v for v in (*made, s.evaluations + 1)]
        return _Search._make(scalars)

    start = _Search(
        np.int64(_BRACKETING),
        first + zero,
        zero,
        value + zero,
        slope + zero,
        gradient + zero,
        np.float64(np.inf),
        np.float64(np.inf),
        zero,
        np.int64(0),
    )
    s = while_loop(going_on, step, start)
    lower = (s.low > 0) & (s.low_value < value)
    return Found(s.low, s.low_value, s.low_gradient, s.evaluations, lower)


def _cubic(a: Any, fa: Any, da: Any, b: Any, fb: Any, db: Any) -> tuple[Any, Any]:
    """Whether there is a cubic with these values and slopes that has a minimum, and where."""
    known = np.isfinite(b) & np.isfinite(fb) & (a != b)
    b, fb = np.where(known, b, a + 1.0), np.where(known, fb, fa)
    width = b - a
    d1 = da + db - 3.0 * (fa - fb) / (a - b)
    square = d1 * d1 - da * db
    d2 = np.sign(width) * np.sqrt(np.maximum(square, 0.0))
    below = db - da + 2.0 * d2
    usable = known & (square >= 0) & (below != 0)
    found = b - width * (db + d2 - d1) / np.where(below != 0, below, 1.0)
    return usable, found


def _inside(a: Any, b: Any, usable: Any, found: Any) -> Any:
    """A trial well between two ends: the one that was found, or the middle."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    margin = 0.1 * (high - low)
    return np.clip(np.where(usable, found, 0.5 * (a + b)), low + margin, high - margin)
