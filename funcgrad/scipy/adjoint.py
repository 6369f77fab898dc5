"""Cotangents pulled back along the solution of a differential equation.

Where ``y' = f(t, y, theta)`` and the cotangents of ``y(t_i)`` are ``v_i``, the adjoint equation is
(Pontryagin; Chen et al., "Neural ordinary differential equations", 2018)

    ``a' = -(df/dy)^T a``,  backwards in time, with ``a`` greater by ``v_i`` before each ``t_i``;
    ``ct_y0 = a(t0)``,      ``ct_theta = integral of (df/dtheta)^T a``.

It is discretised so that it is the transpose of what a solver does with tangents, step by step
(Sandu, "On the properties of Runge-Kutta discrete adjoints", 2006): one solution forwards, which
chooses the steps, and one pass back over them. ``y`` is never integrated backwards: a dissipative
equation is unstable that way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ConvergenceError
from .collocation import collocated_steps, pulled_collocation
from .explicit import StiffError, pulled_steps, recorded_steps
from .plan import Plan, path_of
from .rates import Rates, Reads, StepTooSmallError
from .tableau import explicit_method

__all__ = ["pulled_back"]


def pulled_back(
    plan: Plan, rates: Rates, start: float, times: Any, y0: Any, v: Any, totals: list[Any]
) -> Any:
    """The cotangent of the state at the start.

    Args:
        plan: How to solve; not ``steps``.
        rates: The rate and its derivatives.
        start: Where the solution starts.
        times: Where it is read.
        y0: The state at the start.
        v: The cotangents of what is read, shape ``(d, n)``.
        totals: The cotangents of the parameters, which are added to.

    Returns:
        None where the forward solution fails, and for cotangents that are not finite.

    Raises:
        ConvergenceError: The solution with its derivative takes too many steps, cannot be
            followed, or is not finite.
    """
    if not np.isfinite(v).all():
        return None
    reads = Reads(start, times, v)
    if reads.end == start or not y0.size:
        return reads.total()
    # Steps that are too long are tried and taken back; what is wrong in the end is an error.
    with np.errstate(all="ignore"):
        try:
            a = _pulled(plan, rates, start, y0, reads, totals)
        except StepTooSmallError as error:
            if path_of(plan, rates.value, (start, reads.end), y0) is None:
                return None
            raise ConvergenceError(
                f"{plan.what}: the solution has a derivative that cannot be followed from "
                f"t={start:.6g} to t={reads.end:.6g}, for {plan.source}: "
                "the steps become too small",
                "Look for a derivative of the function that becomes infinite on the way, or try "
                "other tolerances.",
            ) from error
    if a is not None and not all(np.isfinite(x).all() for x in (a, *totals)):
        raise ConvergenceError(
            f"{plan.what}: the derivative of the solution is not finite, on the way back from "
            f"t={reads.end:.6g} to t={start:.6g}, for {plan.source}",
            "Look for a derivative of the function that is infinite or not a number there.",
        )
    return a


def _pulled(
    plan: Plan, rates: Rates, start: float, y0: Any, reads: Reads, totals: list[Any]
) -> Any:
    method = plan.solver_class()
    table = explicit_method(method)
    if table is not None:
        # LSODA changes to implicit methods where an equation is stiff; so do we.
        stops = method.__name__ == "LSODA"
        try:
            steps = recorded_steps(plan, table, rates, start, reads.end, y0, stops)
        except StiffError:
            pass
        else:
            return pulled_steps(table, rates, steps, reads, totals)
    path = path_of(plan, rates.value, (start, reads.end), y0)
    if path is None:
        return None
    length = abs(float(path.ts[1] - path.ts[0]))
    steps = collocated_steps(plan, rates, path, start, reads.end, y0, length)
    return pulled_collocation(rates, path, steps, reads, totals, y0.dtype)
