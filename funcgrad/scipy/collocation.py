"""The adjoint along a given solution by collocation, for stiff equations.

Along a solution ``y(t)`` the equation of a tangent is linear, ``s' = J(t) s + g(t)``. It is
solved by Radau's method with ``n`` stages (order 2n - 1, L-stable; Hairer & Wanner, "Solving
Ordinary Differential Equations II", section IV.5), whose stages solve one linear system

    ``K_i - h J_i sum_j a_ij K_j = J_i s + g_i``;

the steps are those that the tangent in one arbitrary direction takes. The backward pass is the
transpose of each step, with weights of dense output, as in `explicit`. A cotangent that dies out
fast on the way back does not shorten the steps: the tangents that it stands for are smooth. Complex
numbers are pairs of real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .plan import Plan, too_many_steps
from .rates import Rates, Reads, Step, StepTooSmallError, Tolerance, not_finite

__all__ = ["collocated_steps", "pulled_collocation"]

Path = Callable[[Any], Any]
"""The state at several times, shape ``(d, n)``."""


class Radau:
    """Radau IIA with an odd number of stages.

    Attributes:
        c: The nodes.
        a: The weights of the stages; those of the step are the last row.
        start: What the stages say that the rate is at the start of the step.
        gamma: The inverse of the real eigenvalue of the inverse of ``a``.
    """

    def __init__(self, count: int) -> None:
        legendre = np.polynomial.legendre
        high, low = np.zeros(count + 1), np.zeros(count + 1)
        high[count], low[count - 1] = 1.0, 1.0
        self.c = np.sort(0.5 * (1.0 + np.real(legendre.legroots(high - low))))
        self.c[-1] = 1.0
        self._inverse = np.linalg.inv(self.c[:, None] ** np.arange(count))
        self.a = self.weights(self.c)
        self.start = self._inverse[0]
        values = np.linalg.eigvals(np.linalg.inv(self.a))
        self.gamma = 1.0 / values[np.argmin(np.abs(values.imag))].real

    def weights(self, x: Any) -> Any:
        """``w_i(x)``, the integral to ``x`` of the polynomial that is 1 at node ``i`` alone."""
        powers = np.arange(1, len(self.c) + 1)
        return (np.asarray(x)[:, None] ** powers / powers) @ self._inverse

    def matrix(self, h: float, slopes: Any) -> Any:
        """The matrix of the stages."""
        count, d = slopes.shape[:2]
        blocks = np.einsum("ij,ikl->ikjl", -h * self.a, slopes)
        matrix = blocks.reshape(count * d, count * d)
        matrix.flat[:: count * d + 1] += 1.0
        return matrix


@lru_cache(maxsize=2)
def _radau(count: int) -> Radau:
    return Radau(count)


def method_for(d: int) -> Radau:
    """Five stages where their system is small; three where it is costly, as SciPy's Radau."""
    return _radau(5 if d <= 20 else 3)


def numbers(x: Any) -> Any:
    """States as real numbers, along the last axis."""
    return np.ascontiguousarray(x).view(np.float64)


def collocated_steps(
    plan: Plan, rates: Rates, path: Path, t: float, end: float, y0: Any, length: float
) -> list[Step]:
    """The steps that a tangent takes along ``path``.

    Args:
        plan: How to solve.
        rates: The rate and its derivatives.
        path: The solution.
        t: Where it starts.
        end: Where it ends.
        y0: The state at the start.
        length: The first step.

    Raises:
        StepTooSmallError: The tangent cannot be followed.
        ConvergenceError: It takes too many steps, or has a derivative that is not finite.
    """
    w = Tolerance(plan, y0)
    # Moduli serve as sizes of real and imaginary part alike.
    pairs = 2 if y0.dtype.kind == "c" else 1
    wide = Tolerance(plan, y0)
    wide.sizes = np.repeat(w.sizes, pairs)
    s = numbers(rates.direction * w.sizes)
    wide.accept(np.repeat(np.abs(y0), pairs), s)
    method = method_for(s.size)
    nodes = np.concatenate([[0.0], method.c])
    exponent = -1.0 / (len(method.c) + 1)
    longest = float(plan.options.get("max_step", np.inf))
    sign = 1.0 if end > t else -1.0
    steps: list[Step] = []
    while t != end:
        if len(steps) >= plan.most:
            raise too_many_steps(plan, t, end)
        smallest = 10 * abs(float(np.nextafter(t, sign * np.inf)) - t)
        length, growth = max(min(length, longest), smallest), 10.0
        while True:
            ahead = t + sign * length
            ahead = end if sign * (ahead - end) > 0 else ahead
            h = ahead - t
            times = t + nodes * h
            states = np.ascontiguousarray(path(times).T)
            slopes, forces = rates.slopes(times, states), _forces(rates, times, states)
            if not (np.isfinite(slopes).all() and np.isfinite(forces).all()):
                raise not_finite(plan, t)
            flow = slopes @ s + forces
            stages = np.linalg.solve(method.matrix(h, slopes[1:]), flow[1:].ravel())
            stages = stages.reshape(-1, s.size)
            s_new = s + h * method.a[-1].dot(stages)
            residual = h * method.gamma * (flow[0] - method.start.dot(stages))
            error = np.linalg.solve(np.eye(s.size) - h * method.gamma * slopes[0], residual)
            scaled = error / wide.of_tangent(s_new)
            size = float(np.sqrt(np.mean(scaled**2)))
            if size < 1:
                break
            if length <= smallest:
                raise StepTooSmallError
            factor = 0.2 if np.isnan(size) else max(0.2, 0.9 * size**exponent)
            length, growth = max(abs(h) * factor, smallest), 1.0
        steps.append(Step(t, h))
        factor = 10.0 if size == 0 else min(10.0, max(0.2, 0.9 * size**exponent))
        length = abs(h) * min(factor, growth)
        t, s = ahead, s_new
        wide.accept(np.repeat(np.abs(states).max(axis=0), pairs), s)
    return steps


def _forces(rates: Rates, times: Any, states: Any) -> Any:
    """How the rate moves with the parameters, at each time."""
    still = np.zeros_like(states[0])
    found = [
        rates.push(t, np.concatenate([y, still]))[y.size :]
        for t, y in zip(times, states, strict=True)
    ]
    return numbers(np.stack(found))


def pulled_collocation(
    rates: Rates, path: Path, steps: list[Step], reads: Reads, totals: list[Any], dtype: Any
) -> Any:
    """Pull the cotangents of what is read back through the steps; see `explicit.pulled_steps`.

    The pairing of complex numbers is ``Re(a b)``, so a cotangent's real numbers are those of its
    conjugate.
    """
    bounds, xs, vs = reads.among(steps)
    reals = numbers(np.conj(vs))
    a, method = np.zeros(reals.shape[1]), method_for(reals.shape[1])
    for i in range(len(steps) - 1, -1, -1):
        t, h, *_ = steps[i]
        part = slice(*bounds[i : i + 2])
        x, v = xs[part], reals[part]
        times = t + method.c * h
        states = np.ascontiguousarray(path(times).T)
        slopes = rates.slopes(times, states)
        k = np.multiply.outer(h * method.a[-1], a) + (h * method.weights(x)).T.dot(v)
        k = np.linalg.solve(method.matrix(h, slopes).T, k.ravel()).reshape(k.shape)
        a = a + v.sum(axis=0) + np.einsum("ikl,ik->l", slopes, k)
        if totals:
            for time, y, ki in zip(times, states, k, strict=True):
                _, *found = rates.pull(time, y, np.conj(ki.view(dtype)))
                for j, ct in enumerate(found):
                    totals[j] += ct
    return np.conj(a.view(dtype)) + vs[: bounds[0]].sum(axis=0)
