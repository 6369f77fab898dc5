"""Floor 8: SciPy's solvers of differential equations as NumPy code: forward, and the adjoint back.

The adjoint (Pontryagin; Chen, Rubanova, Bettencourt and Duvenaud, "Neural ordinary differential
equations", 2018): where ``y' = f(t, y, theta)`` and the cotangents of ``y(t_i)`` are ``v_i``,

    ``a' = -(df/dy)^T a``,  backwards in time, with ``a`` greater by ``v_i`` before each ``t_i``;
    ``ct_y0 = a(t0)``,      ``ct_theta = integral of (df/dtheta)^T a``,
    ``ct_ti = v_i . f(t_i)``,    ``ct_t0 = -a(t0) . f(t0)``.

``y`` is read off the forward solution (its dense output) and not integrated backwards along with
``a``: backwards a dissipative equation is unstable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import integrate

from ..errors import ConvergenceError
from .result import code_of

__all__ = ["Plan", "pulled_back", "solved"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
_FORWARD_ONLY = ("jac", "jac_sparsity", "lband", "uband", "first_step")


class Plan:
    """How SciPy is asked to solve.

    Attributes:
        solver: ``"solve_ivp"`` or ``"odeint"``.
        method: The method of `solve_ivp`.
        rtol: Relative tolerance.
        atol: Absolute tolerance, a number or one for each component.
        options: SciPy's other keyword arguments, as they are.
        steps: Whether the times are those of the solver's own steps.
        derived: Whether derivatives are solved for: rates that are not finite then raise, for with
            them SciPy's solvers may never end.
    """

    derived = False

    def __init__(
        self,
        solver: str,
        method: Any,
        rtol: Any,
        atol: Any,
        options: dict[str, Any],
        steps: bool = False,
    ) -> None:
        self.solver, self.method = solver, method
        self.rtol, self.atol, self.options, self.steps = rtol, atol, options, steps

    def at_times(self) -> Plan:
        """The plan of what is solved beside it: by `solve_ivp`, at given times."""
        kept = {k: v for k, v in self.options.items() if k not in _FORWARD_ONLY}
        if self.solver == "odeint":
            kept = {"max_step": self.options["hmax"]} if self.options.get("hmax") else {}
        return Plan("solve_ivp", self.method, self.rtol, self.atol, kept)

    def doubled(self) -> Plan:
        """`at_times` for states of twice the length."""
        plan = self.at_times()
        if np.ndim(plan.rtol):
            plan.rtol = np.concatenate([plan.rtol, plan.rtol])
        if np.ndim(plan.atol):
            plan.atol = np.concatenate([plan.atol, plan.atol])
        plan.derived = True
        return plan


Rate = Callable[[Any, Any], Any]
"""``f(t, y)``."""


def _finite(f: Callable[..., Any], what: str) -> Callable[..., Any]:
    """``f``, whose results must be finite."""

    def checked(t: Any, y: Any) -> Any:
        found = f(t, y)
        if not np.all(np.isfinite(found)):
            raise ConvergenceError(
                f"solve_ivp: the {what} equation has a rate that is not finite, at t={t}",
                "Look for a derivative of the function that is infinite or not a number there.",
            )
        return found

    return checked


def solved(
    plan: Plan, f: Rate, jac: Rate | None, span: Any, times: Any, y0: Any
) -> tuple[Any, ...]:
    """The forward solution.

    Returns:
        The states at ``times``, shape ``(d, n)``; the status; how many evaluations of ``f``, of its
        Jacobian, and factorings; the code of the message; with ``plan.steps`` the times.
    """
    if plan.solver == "odeint":
        return _by_odeint(plan, f, jac, times, y0)
    found = integrate.solve_ivp(
        _finite(f, "sensitivity") if plan.derived else f,
        (float(span[0]), float(span[1])),
        y0,
        plan.method,
        None if plan.steps else times,
        rtol=plan.rtol,
        atol=plan.atol,
        **({} if jac is None else {"jac": jac}),
        **plan.options,
    )
    counts = [np.int64(n) for n in (found.status, found.nfev, found.njev, found.nlu)]
    code = np.int64(code_of(found.message))
    y = np.reshape(np.asarray(found.y), (y0.size, -1)) if y0.size else np.zeros((0, len(found.t)))
    if plan.steps:
        return y, *counts, code, np.array(found.t, np.float64)
    if y.shape[1] < times.size:
        missing = np.full((y0.size, times.size - y.shape[1]), np.nan, y0.dtype)
        y = np.concatenate([y, missing], axis=1)
    return np.array(y, y0.dtype), *counts, code


def _by_odeint(plan: Plan, f: Rate, jac: Rate | None, times: Any, y0: Any) -> tuple[Any, ...]:
    found = integrate.odeint(
        f, y0, times, tfirst=True, Dfun=jac, rtol=plan.rtol, atol=plan.atol, **plan.options
    )
    zero = np.int64(0)
    return np.ascontiguousarray(found.T), zero, zero, zero, zero, zero


def _path(plan: Plan, f: Rate, span: Any, y0: Any) -> Any:
    """The forward solution as a function of time, or None where it fails."""
    found = integrate.solve_ivp(
        _finite(f, "sensitivity") if plan.derived else f,
        (float(span[0]), float(span[1])),
        y0,
        plan.method,
        dense_output=True,
        rtol=plan.rtol,
        atol=plan.atol,
        **plan.options,
    )
    return found if found.success else None


def pulled_back(
    plan: Plan,
    f: Rate,
    pull: Callable[[Any, Any, Any], Any],
    pull_theta: Callable[[Any, Any, Any], Sequence[Any]] | None,
    span: Any,
    times: Any,
    y0: Any,
    v: Any,
) -> tuple[list[Any], Any, Any, Any] | None:
    """The cotangents of parameters, of ``span``, of ``times`` and of ``y0``.

    The state of the adjoint is measured in units of one over the size of ``y``, component by
    component, and of the largest cotangent: so its tolerances, ``rtol`` and ``1e-3 rtol``, mean the
    same whatever the units of ``y`` and the loss.

    Args:
        plan: How to solve; not ``steps``.
        f: The rate.
        pull: ``(t, y, a)`` gives ``(df/dy)^T a``.
        pull_theta: ``(t, y, a)`` gives ``(df/dtheta)^T a`` for each parameter, or None.
        span: Where the solution starts and ends.
        times: Where it is read.
        y0: The state at the start.
        v: The cotangents of what is read, shape ``(d, n)``.

    Returns:
        None where the forward solution fails, and for cotangents that are not finite.

    Raises:
        ConvergenceError: The solver fails on the way back.
    """
    end = float(times[np.argmax(np.abs(times - span[0]))]) if times.size else float(span[0])
    start = float(span[0])
    ct_times, ct_span = np.zeros(times.size), np.zeros(2)
    path: Any = None
    if end != start:
        path = _path(plan, f, (start, end), y0)
        if path is None:
            return None
    y_of: Callable[[Any], Any] = (lambda t: y0) if path is None else path.sol
    for i in np.flatnonzero(np.any(v != 0, axis=0)):
        ct_times[i] = np.sum(v[:, i] * f(times[i], y_of(times[i]))).real
    rtol = float(np.min(plan.rtol))
    sizes = np.broadcast_to(np.asarray(plan.atol, float) / max(rtol, 1e-300), y0.shape)
    sizes = sizes + (np.abs(y0) if path is None else np.max(np.abs(path.y), axis=1))
    sizes = np.where(sizes > 0, sizes, 1.0)
    unit = float(np.max(np.abs(v) * sizes[:, None], initial=0.0))
    if not np.isfinite(unit):
        return None
    unit = unit or 1.0
    scale = unit / sizes
    totals: list[Any] | None = None
    a = np.zeros_like(y0)
    jumps = [float(t) for t in np.unique(times[np.any(v != 0, axis=0)])]
    if end < start:
        jumps.reverse()
    while jumps:
        here = jumps.pop()
        a = a + np.sum(v[:, times == here], axis=1)
        there = jumps[-1] if jumps else start
        if here == there:
            continue
        segment = _backwards(plan, pull, y_of, here, there, a / scale, scale, rtol)
        a = _state(segment.y[:, -1], y0) * scale
        if pull_theta is not None and path is not None:
            integral = _integral(pull_theta, y_of, path.t, segment, scale, y0)
            if totals is None:
                totals = integral
            else:
                totals = [x + y for x, y in zip(totals, integral, strict=True)]
    if np.any(a != 0):
        ct_span[0] = -np.sum(a * f(start, y0)).real
    return totals or [], ct_span, ct_times, a


def _numbers(a: Any) -> Any:
    """A state as real numbers; LSODA takes no others."""
    return np.ascontiguousarray(a).view(np.float64)


def _state(numbers: Any, like: Any) -> Any:
    return np.ascontiguousarray(numbers).view(like.dtype)


def _backwards(
    plan: Plan, pull: Any, y_of: Any, here: float, there: float, b: Any, scale: Any, rtol: float
) -> Any:
    """The adjoint from ``here`` back to ``there``."""

    def rate(t: Any, numbers: Any) -> Any:
        a = _state(numbers, b) * scale
        return _numbers(-pull(t, y_of(t), a) / scale)

    found = integrate.solve_ivp(
        _finite(rate, "adjoint"),
        (here, there),
        _numbers(b),
        plan.method,
        dense_output=True,
        rtol=rtol,
        atol=1e-3 * rtol,
        **plan.options,
    )
    if not found.success:
        raise ConvergenceError(
            f"solve_ivp: the adjoint equation was not solved beyond t={found.t[-1]}, from "
            f"t={here} back to t={there}: {found.message}",
            "Try a method for stiff equations, method='Radau' or 'BDF', or other tolerances.",
        )
    return found


def _integral(
    pull_theta: Any, y_of: Any, steps: Any, segment: Any, scale: Any, y0: Any
) -> list[Any]:
    """The integral of ``(df/dtheta)^T a`` over a segment, by Gauss's rule on each part.

    The parts lie between the steps of both solutions, so that the integrand is smooth in each.
    """
    low, high = sorted((segment.t[0], segment.t[-1]))
    ends = np.unique(np.concatenate([segment.t, steps[(steps > low) & (steps < high)]]))
    totals: list[Any] | None = None
    for left, right in pairwise(ends):
        half = 0.5 * (right - left)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            t = left + half * (1 + node)
            a = _state(segment.sol(t), y0) * scale
            # Forward in time from there to here: the sign of the direction is that of the span.
            factor = weight * half * (1.0 if segment.t[0] > segment.t[-1] else -1.0)
            parts = [factor * part for part in pull_theta(t, y_of(t), a)]
            totals = parts if totals is None else [x + y for x, y in zip(totals, parts)]
    assert totals is not None
    return totals
