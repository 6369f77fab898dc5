"""The rate of a differential equation with its derivatives, as the adjoint calls them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ConvergenceError
from .plan import Plan

__all__ = [
    "Few",
    "Rates",
    "Reads",
    "Step",
    "StepTooSmallError",
    "Tolerance",
    "first_length",
    "not_finite",
]


class StepTooSmallError(Exception):
    """No step is small enough."""


class Few(NamedTuple):
    """``push`` and ``pull`` of `Rates` for states of few numbers, which are Python's floats.

    Attributes:
        push: ``(*moving, t, *z)`` gives the numbers of the rates.
        moving: The parameters and their tangents.
        value: ``(*theta, t, *y)`` gives the numbers of the rate.
        pull: ``(*theta, t, *y, *a)`` gives the numbers of ``(df/dy)^T a``, then the rest.
        theta: The parameters.
    """

    push: Callable[..., Any]
    moving: tuple[Any, ...]
    value: Callable[..., Any]
    pull: Callable[..., Any]
    theta: tuple[Any, ...]


class Rates(NamedTuple):
    """The rate and its derivatives.

    Attributes:
        value: ``(t, y)`` gives the rate.
        push: ``(t, z)``, of a state and a tangent as one vector, gives the rates of both: the state
            and all parameters move, the parameters in a direction that is fixed.
        pull: ``(t, y, a)`` gives ``(df/dy)^T a`` and then ``(df/dtheta)^T a`` for each parameter.
        slopes: ``(ts, ys)`` gives ``df/dy`` at each of several times, as matrices of real numbers.
        direction: The tangent of the state to start with, in units of the state.
        few: The same for states of few numbers, or None.
    """

    value: Callable[[Any, Any], Any]
    push: Callable[[Any, Any], Any]
    pull: Callable[[Any, Any, Any], Sequence[Any]]
    slopes: Callable[[Any, Any], Any]
    direction: Any
    few: Few | None = None


class Step(NamedTuple):
    """A step that was taken.

    Attributes:
        t: Where it starts.
        h: Its length, negative backwards in time.
        y: The state at its start, or None.
        stages: The rates of the state at its stages, or None.
    """

    t: float
    h: float
    y: Any = None
    stages: Any = None


class Reads:
    """What is read of a solution: times, and cotangents of the states there.

    Args:
        start: Where the solution starts.
        times: The times, in any order.
        v: The cotangents, shape ``(d, n)``; times where they are zero are not read.
    """

    def __init__(self, start: float, times: Any, v: Any) -> None:
        used = np.flatnonzero(np.any(v != 0, axis=0))
        order = used[np.argsort(np.abs(times[used] - start), kind="stable")]
        self._times, self._v = times[order], np.ascontiguousarray(v.T[order])
        self._start = start
        self.end = float(self._times[-1]) if len(order) else start

    def among(self, steps: Sequence[Step]) -> tuple[list[int], Any, Any]:
        """Which times lie in which step, its end included and its start not.

        Returns:
            Bounds, one more than there are steps: times ``bounds[i]`` to ``bounds[i + 1]`` are in
            step ``i``, those before ``bounds[0]`` at the start; the times as fractions of their
            steps, shape (m,), nan at the start; and the cotangents, shape (m, d).
        """
        t, h = np.array([(step.t, step.h) for step in steps]).reshape(-1, 2).T
        past = np.abs(self._times - self._start)
        bounds = np.searchsorted(past, np.abs(t - self._start), "right").tolist()
        bounds.append(len(past))
        x = np.full(len(past), np.nan)
        inside = slice(bounds[0], None)
        index = np.repeat(np.arange(len(steps)), np.diff(bounds))
        x[inside] = (self._times[inside] - t[index]) / h[index]
        return bounds, x, self._v

    def total(self) -> Any:
        """The sum of all cotangents."""
        return np.sum(self._v, axis=0)


class Tolerance:
    """What error of the state and of its tangent is tolerated.

    The state's is SciPy's. The tangent's is ``rtol`` times its size, measured component by
    component in units of the state, with a floor of ``1e-3`` of the largest size that it had.

    Attributes:
        tight: The relative tolerance of the tangent.
        sizes: How large the state was, component by component.
    """

    def __init__(self, plan: Plan, y0: Any) -> None:
        self._rtol = np.maximum(plan.rtol, 100 * np.finfo(float).eps)
        self._atol = np.asarray(plan.atol, float)
        self.tight = float(np.min(self._rtol))
        sizes = np.abs(y0) + self._atol / self.tight
        self.sizes = np.where(sizes > 0, sizes, 1.0)
        self._last = self._top = 0.0

    def accept(self, y: Any, tangent: Any) -> None:
        """Take note of the sizes of a state and its tangent."""
        self.sizes = np.maximum(self.sizes, np.abs(y))
        self._last = self.size(tangent)
        self._top = max(self._top, self._last)

    def size(self, tangent: Any) -> float:
        """How large a tangent is, in units of the state."""
        scaled = np.abs(tangent) / self.sizes
        return math.sqrt(scaled.dot(scaled) / scaled.size)

    def of_state(self, y: Any, ahead: Any) -> Any:
        """The error of the state that is tolerated in a step."""
        return self._atol + self._rtol * np.maximum(np.abs(y), np.abs(ahead))

    def of_tangent(self, ahead: Any) -> Any:
        """The error of the tangent that is tolerated in a step from where it was accepted last."""
        size = max(self._last, self.size(ahead), 1e-3 * self._top, 1e-300)
        return self.tight * size * self.sizes


def not_finite(plan: Plan, t: float) -> ConvergenceError:
    """The error where the rate is finite and its derivative is not."""
    return ConvergenceError(
        f"{plan.what}: the adjoint equation has a rate that is not finite, at t={t:.6g}, "
        f"for {plan.source}",
        "Look for a derivative of the function that is infinite or not a number there.",
    )


def first_length(
    push: Callable[[Any, Any], Any], t: float, span: float, z: Any, k: Any, scale: Any, order: int
) -> float:
    """How long the first step may be (Hairer, Norsett & Wanner, section II.4).

    Args:
        push: The rate.
        t: The time.
        span: How far it is to go, signed.
        z: What is solved for.
        k: Its rate.
        scale: What error of ``z`` is tolerated.
        order: The order of the local error.
    """
    scale = np.where(scale > 0, scale, 1e-300)

    def size(x: Any) -> float:
        return float(np.sqrt(np.mean(np.abs(x / scale) ** 2)))

    d0, d1 = size(z), size(k)
    h0 = min(1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1, abs(span))
    ahead = h0 if span > 0 else -h0
    steepest = max(d1, size(push(t + ahead, z + ahead * k) - k) / h0)
    h1 = max(1e-6, 1e-3 * h0) if steepest <= 1e-15 else (0.01 / steepest) ** (1 / order)
    return float(np.fmin(min(100 * h0, abs(span)), h1))
