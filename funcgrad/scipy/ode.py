"""`Trajectory`, the solution of a differential equation, and `Adjoint`, its transpose.

Forward mode is the sensitivity equation, a `Trajectory` of the state and its tangent together;
reverse mode is an `Adjoint`. The derivatives of an adjoint are adjoints and trajectories again:
``Adjoint(x, v) = T'(x)^T v``, so its derivative in the direction ``(x', v')`` is the pullback of
``x -> (T(x), T'(x) x')`` applied to ``(v', v)``. So every order is solved forwards in time and then
backwards along the solution, and is stable where the equation is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..api.program import stop_gradient
from ..core.backend import compile_once
from ..core.ir import Aval, Jaxpr, make_aval
from ..core.primitive import Primitive, primitive
from ..core.record import run
from ..core.trace import aval_of
from ..errors import ConcretizationError
from ..ops.arithmetic import sub
from ..ops.convert import convert
from ..ops.kinds import add, div, mul
from ..ops.linear import Sum, reshape, transpose, zeros
from ..ops.matrices import real_of
from ..ops.shape import Concatenate, crop
from ..transforms.jvp import jvp
from ..transforms.vjp import vjp
from ..transforms.vmap import vmap
from .adjoint import pulled_back
from .plan import solved
from .search import FLOAT, INTEGER, one_after_another
from .variations import augmented, filled, pushed_program, rates_of

__all__ = ["Adjoint", "Trajectory"]


@primitive
class Trajectory(Primitive):
    """The states of ``y' = program(*theta, t, y)``; operands ``(*theta, span, times, y0)``.

    Results are the states ``(d, n)``, the status, three counts and the code of the message; with
    ``plan.steps``, where ``times`` is not read, the times of the steps. Those between the ends have
    no derivative.

    Attributes:
        program: The rate, ``(*theta, t, y) -> y'``.
        jacobian: ``(*theta, t, y) -> dy'/dy``, or None.
        plan: How SciPy solves it.
    """

    name = "ode_trajectory"
    program: Jaxpr
    jacobian: Any
    plan: Any
    multiple = True
    foreign = True

    def __str__(self) -> str:
        return f"{self.name}[{self.program.name}]"

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        if self.plan.steps:
            raise self._unknown()
        _, times, y0 = avals[-3:]
        number = make_aval((), INTEGER)
        return make_aval((*y0.shape, *times.shape), y0.dtype), *[number] * 5

    def _unknown(self) -> ConcretizationError:
        return ConcretizationError(
            "solve_ivp: without t_eval the solver chooses how many times there are, which a traced "
            "or mapped function cannot know before it runs",
            "Give the times: t_eval=np.linspace(t0, t1, n), or t_eval=[t1] for the end alone.",
        )

    def run(self, *operands: Any) -> tuple[Any, ...]:
        *theta, span, times, y0 = operands
        rate = compile_once(self.program)
        jacobian = None
        if self.jacobian is not None:
            slope = compile_once(self.jacobian)
            jacobian = lambda t, y: slope(*theta, np.float64(t), y)[0]  # noqa: E731
        f = lambda t, y: rate(*theta, np.float64(t), y)[0]  # noqa: E731
        return solved(self.plan, f, jacobian, span, times, y0)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        if self.plan.steps:
            raise self._unknown()
        return one_after_another(self, size, batched, operands)

    def _times(self, out: Sequence[Any], operands: Sequence[Any]) -> Any:
        """The times, of which with ``plan.steps`` first and last are those of the span."""
        if not self.plan.steps:
            return operands[-2]
        span, held = operands[-3], stop_gradient(out[-1])
        inner = crop(held, 0, 1, aval_of(held).shape[0] - 1)
        return Concatenate(0)(crop(span, 0, 0, 1), inner, crop(span, 0, 1, 2))

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        times, moved = self._times(out, operands), tangents[-2]
        if self.plan.steps and tangents[-3] is not None:
            between = zeros(make_aval((aval_of(times).shape[0] - 2,), FLOAT))
            t = tangents[-3]
            moved = Concatenate(0)(crop(t, 0, 0, 1), between, crop(t, 0, 1, 2))
        total = self._sensitivity([*operands[:-2], times, operands[-1]], tangents)
        if moved is not None and aval_of(times).size:
            drift = mul(self._rates(operands[:-3], times, out[0]), convert(moved, out[0].dtype))
            total = drift if total is None else add(total, drift)
        return [total, *[None] * 5, *([moved] if self.plan.steps else [])]

    def _rates(self, theta: Sequence[Any], times: Any, states: Any) -> Any:
        """The rates at the times, shape ``(d, n)``."""
        rows = transpose(states, (1, 0))
        size = aval_of(times).shape[0]
        rates = vmap(
            lambda t, y: run(self.program, [*theta, t, y]), size, [times, rows], [True, True]
        )[0]
        return transpose(rates, (1, 0))

    def _rate(self, theta: Sequence[Any], span: Any, y0: Any) -> Any:
        start = reshape(crop(span, 0, 0, 1), ())
        return run(self.program, [*theta, start, y0])[0]

    def _sensitivity(self, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The tangent of the states at times that stay."""
        *theta, span, times, y0 = operands
        *moved, t_span, _, t_y0 = tangents
        active = [t is not None for t in moved]
        if t_span is None and t_y0 is None and not any(active):
            return None
        aval = aval_of(y0)
        s0 = zeros(aval) if t_y0 is None else t_y0
        if t_span is not None:
            shift = convert(reshape(crop(t_span, 0, 0, 1), ()), aval.dtype)
            s0 = sub(s0, mul(self._rate(theta, span, y0), shift))
        pairs = [(x, t) for x, t in zip(theta, moved, strict=True) if t is not None]
        size = _size([*pairs, (y0, s0)])
        unit = div(np.float64(1.0), size)
        small = [mul(t, convert(unit, aval_of(t).dtype)) for _, t in pairs]
        both = Concatenate(0)(y0, mul(s0, convert(unit, aval.dtype)))
        program = augmented(pushed_program(self.program, active))
        doubled = Trajectory(program, None, self.plan.doubled())
        found = doubled(*theta, *small, span, times, both)[0]
        d = aval.shape[0]
        return mul(crop(found, 0, d, 2 * d), convert(size, aval.dtype))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        *theta, span, _, y0 = operands
        times, steps = self._times(out, operands), self.plan.steps
        ct_t = ct[-1] if steps else None
        if ct[0] is None and ct_t is None:
            return [None] * len(operands)
        want_span, want_times, want_y0 = wanted[-3:]
        want_y0 = want_y0 or want_span
        wants = zip([*wanted[:-3], want_y0], [*theta, y0], strict=True)
        ask = tuple([w and aval_of(x).inexact for w, x in wants])
        v = zeros(aval_of(out[0])) if ct[0] is None else ct[0]
        each: Any = iter(())
        if any(ask):
            adjoint = Adjoint(self.program, self.plan.at_times(), ask)
            each = iter(adjoint(*theta, span, times, y0, v))
        *pulled, ct_y0 = [next(each) if a else None for a in ask]
        ct_span: Any = None
        if want_span:
            rate = mul(self._rate(theta, span, y0), ct_y0)
            ct_start = reshape(mul(-1.0, Sum((0,))(real_of(rate))), (1,))
            ct_span = Concatenate(0)(ct_start, np.zeros(1))
        if want_span if steps else want_times:
            ct_times = Sum((0,))(real_of(mul(self._rates(theta, times, out[0]), v)))
            ct_times = ct_times if ct_t is None else add(ct_times, ct_t)
            if not steps:
                return [*pulled, ct_span, ct_times, ct_y0]
            n = aval_of(times).shape[0]
            ends = Concatenate(0)(crop(ct_times, 0, 0, 1), crop(ct_times, 0, n - 1, n))
            ct_span = add(ct_span, ends)
        return [*pulled, ct_span, None, ct_y0]


def _size(pairs: Sequence[tuple[Any, Any]]) -> Any:
    """How large tangents are beside their values: the unit in which they are solved for.

    The sensitivity equation is linear in them, so the unit does not matter but for the absolute
    tolerance, which is meant for numbers of the size of ``y``.
    """
    size: Any = np.float64(0.0)
    for x, t in pairs:
        if aval_of(x).size:
            most = np.max(np.abs(stop_gradient(x))).astype(np.float64)
            largest = np.max(np.abs(stop_gradient(t))).astype(np.float64)
            size = np.maximum(size, largest / np.where(most > 0, most, 1.0))
    return np.where((size > 0) & np.isfinite(size), size, 1.0)[()]


def _wide_zeros(aval: Aval) -> Any:
    """Where cotangents are added up, in double precision."""
    return np.zeros(aval.shape, np.result_type(aval.dtype, FLOAT))[()]


@primitive
class Adjoint(Primitive):
    """The pullback of a `Trajectory` at given times.

    Operands are ``(*theta, span, times, y0, v)`` with the cotangent ``v`` of the states; results
    the cotangents of those parameters and of ``y0`` that are asked for.

    Attributes:
        program: The rate, ``(*theta, t, y) -> y'``.
        plan: How SciPy solves.
        ask: For which of ``(*theta, y0)`` a cotangent is asked.
    """

    name = "ode_adjoint"
    program: Jaxpr
    plan: Any
    ask: tuple[bool, ...]
    multiple = True
    foreign = True

    def __str__(self) -> str:
        return f"{self.name}[{self.program.name}]"

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        *theta, _, _, y0, _ = avals
        return tuple([x.strong() for x, a in zip((*theta, y0), self.ask, strict=True) if a])

    def run(self, *operands: Any) -> tuple[Any, ...]:
        *theta, span, times, y0, v = operands
        y0, v = np.asarray(y0), np.asarray(v)
        asked = [x for x, a in zip(theta, self.ask, strict=False) if a]
        avals = [aval_of(x).strong() for x in asked]
        totals = [_wide_zeros(a) for a in avals]
        rates = rates_of(self.program, self.ask, theta, y0)
        ct_y0 = pulled_back(self.plan, rates, float(span[0]), times, y0, v, totals)
        found, kinds = [*totals, ct_y0], [*avals, aval_of(y0)]
        if ct_y0 is None:
            found = [np.full(a.shape, np.nan) for a in kinds]
        kept = zip(found, kinds, [*avals, self.ask[-1]], strict=True)
        return tuple([np.array(x).astype(a.dtype)[()] for x, a, keep in kept if keep])

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return one_after_another(self, size, batched, operands)

    def _slots(self) -> list[bool]:
        """Which of ``(*theta, span, times, y0)`` have cotangents among the results."""
        *ask, start = self.ask
        return [*ask, False, False, start]

    def _states(self, operands: Sequence[Any]) -> Any:
        return Trajectory(self.program, None, self.plan)(*operands)[0]

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        *x, v = operands
        *moved, moved_v = tangents
        slots = self._slots()
        if all(t is None for t in moved):
            return self(*x, moved_v)

        def both(*asked: Any) -> list[Any]:
            inner = filled(x, slots, asked)
            results, pushed = jvp(lambda *xs: [self._states(xs)], inner, moved)
            return [results[0], pushed[0]]

        _, tape = vjp(both, [value for value, s in zip(x, slots, strict=True) if s])
        return tape.pullback([moved_v, v])

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        *x, v = operands
        each = iter(ct)
        directions = [next(each) if s else None for s in self._slots()]
        none: list[Any] = [None] * len(operands)
        if all(d is None for d in directions):
            return none
        asked = [w and aval_of(value).inexact for w, value in zip(wanted, x, strict=False)]

        def pushed(*chosen: Any) -> list[Any]:
            inner = filled(x, asked, chosen)
            return [jvp(lambda *xs: [self._states(xs)], inner, directions)[1][0]]

        results, tape = vjp(pushed, [value for value, a in zip(x, asked, strict=True) if a])
        if results[0] is None:
            return none
        pulled = iter(tape.pullback([v]))
        return [*[next(pulled) if a else None for a in asked], results[0]]
