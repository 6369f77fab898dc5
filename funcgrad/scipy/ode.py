"""Floor 8: `Trajectory`, the solution of a differential equation, and `Adjoint`, its transpose.

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
from ..control.derive import derived
from ..core.backend import compiled
from ..core.ir import Aval, Jaxpr, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of, run, trace
from ..errors import ConcretizationError
from ..ops.arithmetic import sub
from ..ops.convert import convert
from ..ops.kinds import add, div, mul
from ..ops.linear import reshape, transpose, zeros
from ..ops.shape import Concatenate, crop
from ..transforms.jvp import jvp
from ..transforms.vjp import vjp
from ..transforms.vmap import vmap
from .adjoint import pulled_back, solved
from .search import FLOAT, INTEGER, one_after_another

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
        rate = compiled(self.program)
        jacobian = None
        if self.jacobian is not None:
            slope = compiled(self.jacobian)
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
        program = derived(self.program, ("sensitivity", *active), lambda: self._augmented(active))
        doubled = Trajectory(program, None, self.plan.doubled())
        found = doubled(*theta, *small, span, times, both)[0]
        d = aval.shape[0]
        return mul(crop(found, 0, d, 2 * d), convert(size, aval.dtype))

    def _augmented(self, active: Sequence[bool]) -> Jaxpr:
        """The rate of state and tangent, ``(*theta, *tangents, t, (y, s))``."""
        *kinds, time, state = self.program.in_avals
        count, d = len(kinds), state.shape[0]

        def push(*args: Any) -> list[Any]:
            rest, (t, z) = iter(args[count:-2]), args[-2:]
            ts = [next(rest) if a else None for a in active]
            y, s = crop(z, 0, 0, d), crop(z, 0, d, 2 * d)
            results, pushed = jvp(
                lambda *xs: run(self.program, xs), [*args[:count], t, y], [*ts, None, s]
            )
            return [Concatenate(0)(results[0], zeros(state) if pushed[0] is None else pushed[0])]

        moving = [k.strong() for k, a in zip(kinds, active, strict=True) if a]
        avals = [*kinds, *moving, time, make_aval((2 * d,), state.dtype)]
        program, captured = trace(push, avals, name=f"sensitivity of {self.program.name}")
        assert not captured
        return program

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        *theta, span, _, y0 = operands
        times = self._times(out, operands)
        none: list[Any] = [None] * len(operands)
        ct_t = ct[-1] if self.plan.steps else None
        if ct[0] is None and ct_t is None:
            return none
        ask = tuple([w and aval_of(x).inexact for w, x in zip(wanted, theta, strict=False)])
        v = zeros(aval_of(out[0])) if ct[0] is None else ct[0]
        found = Adjoint(self.program, self.plan.at_times(), ask)(*theta, span, times, y0, v)
        each = iter(found)
        pulled = [next(each) if a else None for a in ask]
        ct_span, ct_times, ct_y0 = each
        if not self.plan.steps:
            return [*pulled, ct_span, ct_times, ct_y0]
        if ct_t is not None:
            ct_times = add(ct_times, ct_t)
        n = aval_of(times).shape[0]
        ends = Concatenate(0)(crop(ct_times, 0, 0, 1), crop(ct_times, 0, n - 1, n))
        return [*pulled, add(ct_span, ends), None, ct_y0]


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


@primitive
class Adjoint(Primitive):
    """The pullback of a `Trajectory` at given times.

    Operands are ``(*theta, span, times, y0, v)`` with the cotangent ``v`` of the states; results
    the cotangents of the parameters that are asked for, of ``span``, of ``times`` and of ``y0``.

    Attributes:
        program: The rate, ``(*theta, t, y) -> y'``.
        plan: How SciPy solves.
        ask: For which of ``theta`` a cotangent is asked.
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
        *theta, span, times, y0, _ = avals
        asked = [x.strong() for x, a in zip(theta, self.ask, strict=True) if a]
        return (*asked, span, times, y0)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        *theta, span, times, y0, v = operands
        rate, pull = compiled(self.program), derived(self.program, "adjoint", self._pull)
        f = lambda t, y: rate(*theta, np.float64(t), y)[0]  # noqa: E731
        by_state = lambda t, y, a: pull(*theta, np.float64(t), y, a)[0]  # noqa: E731
        by_theta: Any = None
        if any(self.ask):
            other = derived(self.program, ("adjoint", *self.ask), self._pull_theta)
            by_theta = lambda t, y, a: other(*theta, np.float64(t), y, a)  # noqa: E731
        asked = [aval_of(x) for x, a in zip(theta, self.ask, strict=True) if a]
        v, y0 = np.asarray(v), np.asarray(y0)
        found = pulled_back(self.plan, f, by_state, by_theta, span, times, y0, v)
        if found is None:
            avals = [*asked, *map(aval_of, (span, times, y0))]
            return tuple([np.full(a.shape, np.nan, a.dtype)[()] for a in avals])
        totals, ct_span, ct_times, ct_y0 = found
        totals = totals or [np.zeros(a.shape) for a in asked]
        kept = [
            np.array(x).astype(a.dtype).reshape(a.shape)[()]
            for x, a in zip(totals, asked, strict=True)
        ]
        return (*kept, ct_span, ct_times, ct_y0)

    def _pull(self) -> Any:
        return compiled(self._pullback([False] * len(self.ask), True))

    def _pull_theta(self) -> Any:
        return compiled(self._pullback(self.ask, False))

    def _pullback(self, ask: Sequence[bool], state: bool) -> Jaxpr:
        """``(*theta, t, y, a)`` to cotangents of what is asked for."""
        chosen = [*ask, False, state]

        def pull(*args: Any) -> list[Any]:
            *operands, a = args

            def at(*asked: Any) -> list[Any]:
                each = iter(asked)
                filled = [next(each) if c else x for c, x in zip(chosen, operands, strict=True)]
                return run(self.program, filled)

            given = [x for c, x in zip(chosen, operands, strict=True) if c]
            _, tape = vjp(at, given)
            pulled = tape.pullback([a])
            return [
                zeros(aval_of(x).strong()) if g is None else g
                for g, x in zip(pulled, given, strict=True)
            ]

        avals = self.program.in_avals
        program, captured = trace(pull, [*avals, avals[-1]], name=f"adjoint of {self.program.name}")
        assert not captured
        return program

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return one_after_another(self, size, batched, operands)

    def _slots(self) -> list[bool]:
        """Which of ``(*theta, span, times, y0)`` have cotangents among the results."""
        return [*self.ask, True, True, True]

    def _states(self, operands: Sequence[Any]) -> Any:
        return Trajectory(self.program, None, self.plan)(*operands)[0]

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        *x, v = operands
        *moved, moved_v = tangents
        slots = self._slots()
        if all(t is None for t in moved):
            return self(*x, moved_v)

        def both(*asked: Any) -> list[Any]:
            filled = _filled(x, slots, asked)
            results, pushed = jvp(lambda *xs: [self._states(xs)], filled, moved)
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
            filled = _filled(x, asked, chosen)
            return [jvp(lambda *xs: [self._states(xs)], filled, directions)[1][0]]

        results, tape = vjp(pushed, [value for value, a in zip(x, asked, strict=True) if a])
        if results[0] is None:
            return none
        pulled = iter(tape.pullback([v]))
        return [*[next(pulled) if a else None for a in asked], results[0]]


def _filled(x: Sequence[Any], slots: Sequence[bool], chosen: Sequence[Any]) -> list[Any]:
    """``x`` with ``chosen`` in its slots."""
    each = iter(chosen)
    return [next(each) if s else value for value, s in zip(x, slots, strict=True)]
