"""The adjoint of an explicit Runge-Kutta solution: steps recorded, then pulled back.

What is solved forwards is the state and a tangent of it in one arbitrary direction (of all that a
cotangent is asked for: parameters, the state at the start). The steps are short enough for both:
those that suit the state alone may be far too long for its derivatives, as at an equilibrium, where
it does not move.

A step is linear in the tangents, and its transpose is the backward pass, exactly: with the
cotangent ``a`` of the state at its end, and ``v_r`` of what dense output reads at ``t + x_r h``,

    ``k_i = h (b_i a + sum_r w_i(x_r) v_r + sum_{j>i} a_ji m_j)``,   ``m_i = (df/dy)_i^T k_i``,

and the cotangent of the state at its start is ``a + sum_r v_r + sum_i m_i``, of the parameters
``sum_i (df/dtheta)_i^T k_i``. Times that are read do not shorten steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .plan import Plan, too_many_steps
from .rates import Rates, Reads, Step, StepTooSmallError, Tolerance, first_length, not_finite
from .tableau import Tableau
from .unrolled import backward_stages, forward_stages, further_stages

__all__ = ["StiffError", "pulled_steps", "recorded_steps"]

_KEPT = 1 << 28
"""How many bytes of stages are kept; those of the other steps are computed again."""

_STABLE = 6.1
"""Where DOP853 stops being stable, ``h`` times the largest eigenvalue (Hairer's code)."""

_LEAST, _MOST, _SAFETY = 0.2, 10.0, 0.9
"""By how much a step may differ from the one before, and the factor of caution: SciPy's."""


class StiffError(Exception):
    """Stability and not precision limits the steps."""


class _Trial:
    """A step that is tried: the stages and the error, in buffers of its own.

    Attributes:
        stages: The rates of state and tangent, one row a stage.
        end: State and tangent at the end of the step.
    """

    def __init__(self, table: Tableau, rates: Rates, z: Any) -> None:
        count = len(table.c)
        self._table, self._push, self._few = table, rates.push, rates.few
        self.stages = np.zeros((count, z.size), z.dtype)
        self._scaled = np.zeros_like(table.a)
        # Views, made once: the weights of each stage, and the stages that they weigh.
        rows = [(i, float(table.c[i]), self._scaled[i, :i]) for i in range(1, count)]
        self._rows = [(i, c, row, self.stages[:i]) for i, c, row in rows]
        self.end = z

    def step(self, w: Tolerance, t: float, h: float, z: Any, k: Any) -> float:
        """Compute the stages; returns the error, of which 1 is tolerated."""
        self._compute(t, h, z, k)
        stages, end = self.stages, self.end
        d = z.size // 2
        self.scale = np.concatenate([w.of_state(z[:d], end[:d]), w.of_tangent(end[d:])])
        estimates = (h * self._table.errors).dot(stages) / self.scale
        return self._table.norm(estimates.reshape(-1, 2, d))

    def _compute(self, t: float, h: float, z: Any, k: Any) -> None:
        few, stages, push = self._few, self.stages, self._push
        if few is not None:
            run = forward_stages(self._table, z.size)
            end, found = run(few.push, few.moving, t, h, z.tolist(), k.tolist())
            self.end, stages[:] = np.array(end), np.reshape(found, stages.shape)
            return
        np.multiply(self._table.a, h, out=self._scaled)
        stages[0] = k
        for i, c, row, before in self._rows:
            self.end = z + row.dot(before)
            stages[i] = push(t + c * h, self.end)

    def stiffness(self, h: float, z: Any) -> float:
        """``h`` times an estimate of the largest eigenvalue.

        The last two stages are at one time; their states differ by an error that consists in the
        main of the eigenvector of the largest eigenvalue, by which their rates differ.
        """
        weights = h * self._table.a[-2]
        moved = (self.end - z - weights.dot(self.stages)) / self.scale
        drift = (self.stages[-1] - self.stages[-2]) / self.scale
        size = float(np.linalg.norm(moved))
        return abs(h) * float(np.linalg.norm(drift)) / size if size > 0 else 0.0


def recorded_steps(
    plan: Plan, table: Tableau, rates: Rates, t: float, end: float, y0: Any, stops_stiff: bool
) -> list[Step]:
    """Solve for the state and a tangent, and keep the steps.

    Raises:
        StiffError: Where ``stops_stiff`` and the equation is.
        StepTooSmallError: The solution does not go on.
        ConvergenceError: It takes too many steps, or has a derivative that is not finite.
    """
    d = y0.size
    w = Tolerance(plan, y0)
    z = np.concatenate([y0, rates.direction * w.sizes])
    w.accept(z[:d], z[d:])
    trial = _Trial(table, rates, z)
    k = rates.push(t, z)
    if not np.isfinite(k).all():
        raise not_finite(plan, t) if np.isfinite(k[:d]).all() else StepTooSmallError
    # A tangent that starts as zero tells nothing yet.
    of_tangent = w.of_tangent(z[d:]) if z[d:].any() else np.full(d, np.inf)
    scale = np.concatenate([w.of_state(y0, y0), of_tangent])
    length = first_length(rates.push, t, end - t, z, k, scale, table.order)
    longest = float(plan.options.get("max_step", np.inf))
    sign = 1.0 if end > t else -1.0
    steps: list[Step] = []
    kept = stiff = mild = 0
    while t != end:
        if len(steps) >= plan.most:
            raise too_many_steps(plan, t, end)
        smallest = 10 * abs(float(np.nextafter(t, sign * np.inf)) - t)
        length, growth = max(min(length, longest), smallest), _MOST
        while True:
            ahead = t + sign * length
            ahead = end if sign * (ahead - end) > 0 else ahead
            error = trial.step(w, t, ahead - t, z, k)
            if error < 1:
                break
            if length <= smallest:
                bad = ~np.isfinite(trial.stages)
                raise (
                    not_finite(plan, t) if bad.any() and not bad[:, :d].any() else StepTooSmallError
                )
            factor = _LEAST if np.isnan(error) else _factor(error, table)
            length, growth = max(abs(ahead - t) * factor, smallest), 1.0
        h = ahead - t
        if stops_stiff:
            is_stiff = trial.stiffness(h, z) > _STABLE
            stiff, mild = (stiff + 1, 0) if is_stiff else (stiff if mild < 5 else 0, mild + 1)
            if stiff == 15:
                raise StiffError
        states = trial.stages[:, :d].copy() if kept < _KEPT else None
        kept += 0 if states is None else states.nbytes
        steps.append(Step(t, h, z[:d].copy(), states))
        length = abs(h) * min(_factor(error, table), growth)
        t, z, k = ahead, trial.end, trial.stages[-1].copy()
        w.accept(z[:d], z[d:])
    return steps


def _factor(error: float, table: Tableau) -> float:
    """How much longer the next step may be."""
    if error == 0:
        return _MOST
    return min(_MOST, max(_LEAST, _SAFETY * error ** (-1.0 / table.order)))


def pulled_steps(
    table: Tableau, rates: Rates, steps: list[Step], reads: Reads, totals: list[Any]
) -> Any:
    """Pull the cotangents of what is read back through the steps.

    Args:
        table: The method.
        rates: The rate and its derivatives.
        steps: The steps, from `recorded_steps`.
        reads: What is read.
        totals: The cotangents of the parameters, which are added to.

    Returns:
        The cotangent of the state at the start.
    """
    full, count = table.full(), len(table.c)
    times = np.concatenate([table.c, table.more_c])
    bounds, xs, vs = reads.among(steps)
    dense, a = table.weights(xs), np.zeros_like(vs[0])
    for i in range(len(steps) - 1, -1, -1):
        t, h, y, states = steps[i]
        states = _stages(table, rates, t, h, y) if states is None else states
        low, high = bounds[i : i + 2]
        while high > low and xs[high - 1] == 1.0:
            high -= 1
            a = a + vs[high]
        # Without reads inside, the rate at the end and what dense output adds have no weight.
        used = len(full) if high > low else count - 1
        if used > len(states):
            states = _further(table, rates, t, h, y, states)
        weights = h * full[:used, :used]
        args = y + (h * full[:used, : len(states)]).dot(states)
        k = np.multiply.outer(h * table.b, a)[:used]
        if high > low:
            read, v = (h * dense[low:high]).T.dot(vs[low:high]), vs[low:high]
            read[:count] += k
            k, a = read, a + v.sum(axis=0)
        if rates.few is not None:
            run, theta = backward_stages(table, a.size, used), rates.few.theta
            moved, found = run(
                rates.few.pull, theta, t, h, args.ravel().tolist(), k.ravel().tolist()
            )
            a = a + np.array(moved)
            for j, cts in enumerate(zip(*found, strict=True)):
                totals[j] += sum(cts)
            continue
        moved = np.zeros((used, a.size), k.dtype)
        for m in range(used - 1, -1, -1):
            km = k[m] + weights[m + 1 :, m].dot(moved[m + 1 :])
            moved[m], *found = rates.pull(t + times[m] * h, args[m], km)
            for j, ct in enumerate(found):
                totals[j] += ct
        a = a + moved.sum(axis=0)
    return a + vs[: bounds[0]].sum(axis=0)


def _stages(table: Tableau, rates: Rates, t: float, h: float, y: Any) -> Any:
    """The stages of a step, computed again."""
    stages = np.zeros((len(table.c), y.size), y.dtype)
    for i, (c, row) in enumerate(zip(table.c, h * table.a, strict=True)):
        stages[i] = rates.value(t + c * h, y + row[:i].dot(stages[:i]))
    return stages


def _further(table: Tableau, rates: Rates, t: float, h: float, y: Any, states: Any) -> Any:
    """``states`` with the stages of dense output."""
    if rates.few is not None:
        run, (_, _, value, _, theta) = further_stages(table, y.size), rates.few
        found = run(value, theta, t, h, y.tolist(), states.ravel().tolist())
        return np.concatenate([states, np.reshape(found, (-1, y.size))])
    for c, row in zip(table.more_c, h * table.more_a, strict=True):
        rate = rates.value(t + c * h, y + row[: len(states)].dot(states))
        states = np.concatenate([states, rate[None]])
    return states
