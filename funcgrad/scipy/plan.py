"""How SciPy is asked to solve a differential equation, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate

from ..errors import ArgumentError, ConvergenceError
from .result import code_of

__all__ = ["MOST_STEPS", "Plan", "Rate", "limited", "path_of", "solved", "too_many_steps"]

MOST_STEPS = 100_000
"""How many steps there may be where something is traced and ``max_steps`` is not given: a search
tries parameters for which a solver would never end."""

_FORWARD_ONLY = ("jac", "jac_sparsity", "lband", "uband", "first_step")

Rate = Callable[[Any, Any], Any]
"""``f(t, y)``."""


class Plan:
    """How SciPy is asked to solve.

    Attributes:
        solver: ``"solve_ivp"`` or ``"odeint"``.
        method: The method of `solve_ivp`.
        rtol: Relative tolerance.
        atol: Absolute tolerance, a number or one for each component.
        options: SciPy's other keyword arguments, as they are.
        steps: Whether the times are those of the solver's own steps.
        most: How many steps there may be.
        what: The public function, for errors.
        source: The user's function and its place, for errors.
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
        most: int = MOST_STEPS,
        what: str = "solve_ivp",
        source: str = "",
    ) -> None:
        self.solver, self.method = solver, method
        self.rtol, self.atol, self.options, self.steps = rtol, atol, options, steps
        self.most, self.what, self.source = most, what, source

    def at_times(self) -> Plan:
        """The plan of what is solved beside it: by `solve_ivp`, at given times."""
        kept = {k: v for k, v in self.options.items() if k not in _FORWARD_ONLY}
        if self.solver == "odeint":
            kept = {"max_step": self.options["hmax"]} if self.options.get("hmax") else {}
        plan = Plan("solve_ivp", self.method, self.rtol, self.atol, kept, most=self.most)
        plan.what, plan.source, plan.derived = self.what, self.source, self.derived
        return plan

    def doubled(self) -> Plan:
        """`at_times` for states of twice the length."""
        plan = self.at_times()
        if np.ndim(plan.rtol):
            plan.rtol = np.concatenate([plan.rtol, plan.rtol])
        if np.ndim(plan.atol):
            plan.atol = np.concatenate([plan.atol, plan.atol])
        plan.derived = True
        return plan

    def solver_class(self) -> Any:
        """SciPy's class of the method."""
        if not isinstance(self.method, str):
            return self.method
        found = getattr(integrate, self.method, None)
        if not (isinstance(found, type) and issubclass(found, integrate.OdeSolver)):
            raise ArgumentError(
                f"{self.what}: there is no method {self.method!r}",
                "Use 'RK45', 'RK23', 'DOP853', 'Radau', 'BDF' or 'LSODA'.",
            )
        return found


def too_many_steps(plan: Plan, reached: float, end: float) -> ConvergenceError:
    """The error of a solver that is stopped."""
    return ConvergenceError(
        f"{plan.what}: after max_steps={plan.most} steps the solver is at t={reached:.6g}, on its "
        f"way to t={end:.6g}, for {plan.source}",
        "The equation may be stiff: try method='Radau' or 'LSODA'. Else look at the parameters "
        "that it is solved with, loosen rtol and atol, or pass a larger max_steps.",
    )


def limited(plan: Plan) -> Any:
    """The class of the method's solvers, which take at most ``plan.most`` steps."""
    method, most = plan.solver_class(), plan.most

    class Limited(method):
        taken = 0

        def step(self) -> Any:
            if self.taken >= most:
                raise too_many_steps(plan, self.t, self.t_bound)
            self.taken += 1
            return super().step()

    Limited.__name__ = method.__name__
    return Limited


def _finite(f: Callable[..., Any], plan: Plan) -> Callable[..., Any]:
    """``f``, whose results must be finite."""

    def checked(t: Any, y: Any) -> Any:
        found = f(t, y)
        if not np.all(np.isfinite(found)):
            raise ConvergenceError(
                f"{plan.what}: the sensitivity equation has a rate that is not finite, at "
                f"t={t:.6g}, for {plan.source}",
                "Look for a derivative of the function that is infinite or not a number there.",
            )
        return found

    return checked


def _by_scipy(plan: Plan, f: Rate, span: Any, y0: Any, **more: Any) -> Any:
    return integrate.solve_ivp(
        _finite(f, plan) if plan.derived else f,
        (float(span[0]), float(span[1])),
        y0,
        limited(plan),
        rtol=plan.rtol,
        atol=plan.atol,
        **more,
        **plan.options,
    )


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
    more = {} if jac is None else {"jac": jac}
    found = _by_scipy(plan, f, span, y0, t_eval=None if plan.steps else times, **more)
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


def path_of(plan: Plan, f: Rate, span: Any, y0: Any) -> Any:
    """The forward solution as a function of time, or None where SciPy does not reach the end."""
    found = _by_scipy(plan, f, span, y0, dense_output=True)
    return found.sol if found.success else None
