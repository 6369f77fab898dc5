"""The programs of a rate's derivatives, and how the adjoint calls them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..control.program.derive import derive
from ..core.backend import compile_once
from ..core.ir import Aval, Jaxpr, make_aval
from ..core.record import run, trace
from ..core.trace import aval_of
from ..errors import MissingRuleError
from ..ops.convert import Convert, convert
from ..ops.index import GetItem
from ..ops.matrices import real_of
from ..ops.shape import Concatenate, crop
from ..ops.unstack import Stack
from ..transforms.jvp import jvp
from ..transforms.vjp import vjp
from ..transforms.vmap import vmap
from .rates import Few, Rates
from .search import FLOAT
from .unrolled import FEW

__all__ = ["augmented", "filled", "pushed_program", "rates_of"]


def pushed_program(program: Jaxpr, active: Sequence[bool]) -> Jaxpr:
    """``(*theta, *tangents, t, y, s)`` to the rates of ``y`` and of its tangent ``s``."""
    return derive(program, ("push", *active), lambda: _pushed(program, active))


def _pushed(program: Jaxpr, active: Sequence[bool]) -> Jaxpr:
    *kinds, time, state = program.in_avals
    count = len(kinds)

    def push(*args: Any) -> list[Any]:
        rest, (t, y, s) = iter(args[count:-3]), args[-3:]
        ts = [next(rest) if a else None for a in active]
        results, pushed = jvp(lambda *xs: run(program, xs), [*args[:count], t, y], [*ts, None, s])
        return [results[0], _nothing(s) if pushed[0] is None else pushed[0]]

    moving = [k.strong() for k, a in zip(kinds, active, strict=True) if a]
    return _traced(push, [*kinds, *moving, time, state, state], f"sensitivity of {program.name}")


def pulled_program(program: Jaxpr, ask: Sequence[bool]) -> Jaxpr:
    """``(*theta, t, y, a)`` to the cotangents of ``y`` and of what is asked for of ``theta``."""
    return derive(program, ("adjoint", *ask), lambda: _pulled(program, ask))


def _pulled(program: Jaxpr, ask: Sequence[bool]) -> Jaxpr:
    chosen = [*ask, False, True]

    def pull(*args: Any) -> list[Any]:
        *operands, a = args
        given = [x for c, x in zip(chosen, operands, strict=True) if c]
        _, tape = vjp(lambda *xs: run(program, filled(operands, chosen, xs)), given)
        pulled = [
            _nothing(x) if g is None else g for g, x in zip(tape.pullback([a]), given, strict=True)
        ]
        return [pulled[-1], *pulled[:-1]]

    avals = program.in_avals
    return _traced(pull, [*avals, avals[-1]], f"adjoint of {program.name}")


def _pushed_by_pulls(program: Jaxpr, active: Sequence[bool]) -> Jaxpr:
    """`_pushed` for rates that have a rule for reverse mode alone: the transpose of a transpose."""
    *kinds, time, state = program.in_avals
    count, pull = len(kinds), pulled_program(program, active)

    def push(*args: Any) -> list[Any]:
        theta, moved, (t, y, s) = args[:count], args[count:-3], args[-3:]
        _, tape = vjp(lambda a: run(pull, [*theta, t, y, a]), [_nothing(s)])
        (pushed,) = tape.pullback([s, *moved])
        return [*run(program, [*theta, t, y]), _nothing(s) if pushed is None else pushed]

    moving = [k.strong() for k, a in zip(kinds, active, strict=True) if a]
    return _traced(push, [*kinds, *moving, time, state, state], f"sensitivity of {program.name}")


def augmented(push: Jaxpr) -> Jaxpr:
    """The rate of state and tangent as one vector, ``(*theta, *tangents, t, (y, s))``."""
    return derive(push, "as one vector", lambda: _augmented(push))


def _augmented(push: Jaxpr) -> Jaxpr:
    *avals, state, _ = push.in_avals
    d = state.shape[0]

    def both(*args: Any) -> list[Any]:
        *rest, z = args
        return [Concatenate(0)(*run(push, [*rest, crop(z, 0, 0, d), crop(z, 0, d, 2 * d)]))]

    return _traced(both, [*avals, make_aval((2 * d,), state.dtype)], push.name)


def by_numbers(program: Jaxpr, vectors: int, results: int) -> Jaxpr:
    """``program`` with its time, its last ``vectors`` inputs and first results as floats."""
    return derive(program, "by numbers", lambda: _by_numbers(program, vectors, results))


def _by_numbers(program: Jaxpr, vectors: int, results: int) -> Jaxpr:
    avals = program.in_avals
    first = len(avals) - vectors - 1
    d = avals[-1].shape[0]

    def numbers(*args: Any) -> list[Any]:
        t, *given = [convert(x, FLOAT) for x in args[first:]]
        states = [Stack(0)(*given[i * d : i * d + d]) for i in range(vectors)]
        found = run(program, [*args[:first], t, *states])
        parts = [GetItem((i,))(x) for x in found[:results] for i in range(d)]
        return [*[Convert(FLOAT, True)(x) for x in parts], *found[results:]]

    floats = [make_aval((), FLOAT, True)] * (1 + vectors * d)
    return _traced(numbers, [*avals[:first], *floats], program.name)


def _traced(f: Callable[..., Any], avals: Sequence[Aval], name: str) -> Jaxpr:
    """A program that captures nothing."""
    program, captured = trace(f, avals, name=name)
    assert not captured
    return program


def _nothing(x: Any) -> Any:
    """Zeros of the type of ``x``, computed from it: a program has no arrays of its own."""
    part = real_of(x)
    return convert(np.less(part, part), aval_of(x).dtype)


def _slopes(program: Jaxpr, count: int) -> Jaxpr:
    """``(*theta, ts, ys, units)`` to the cotangents of the states for units, at each time."""
    *kinds, _, state = program.in_avals
    d = state.shape[0]
    rows = 2 * d if state.dtype.kind == "c" else d
    pull = pulled_program(program, [False] * len(kinds))

    def pulled(*args: Any) -> list[Any]:
        *theta, ts, ys, units = args

        def at(t: Any, y: Any, units: Any) -> list[Any]:
            return vmap(lambda a: run(pull, [*theta, t, y, a]), rows, [units], [True])

        return vmap(at, count, [ts, ys, units], [True, True, True])

    shapes = [(count, d), (count, rows, d)]
    avals = [*kinds, make_aval((count,), FLOAT), *[make_aval(s, state.dtype) for s in shapes]]
    return _traced(pulled, avals, f"slopes of {program.name}")


def _later(make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """A function that is made when it is first called."""
    made: list[Callable[..., Any]] = []

    def call(*args: Any) -> Any:
        if not made:
            made.append(make())
        return made[0](*args)

    return call


def _moved(x: Any, draw: Any) -> Any:
    """A tangent of ``x`` in an arbitrary direction, of the size of ``x``."""
    x = np.asarray(x)
    largest = float(np.max(np.abs(x), initial=0.0))
    drawn = draw(x.shape) + (1j * draw(x.shape) if x.dtype.kind == "c" else 0.0)
    return (drawn * (largest or 1.0)).astype(x.dtype)[()]


def rates_of(program: Jaxpr, asked: Sequence[bool], theta: Sequence[Any], y0: Any) -> Rates:
    """The rate ``(*theta, t, y) -> y'`` and its derivatives, compiled.

    Args:
        program: The rate.
        asked: For which of ``(*theta, y0)`` a cotangent is asked.
        theta: The parameters.
        y0: The state at the start.
    """
    *ask, start = asked
    pulling = pulled_program(program, ask)
    try:
        pushing = pushed_program(program, ask)
    except MissingRuleError:
        pushing = derive(program, ("by pulls", *ask), lambda: _pushed_by_pulls(program, ask))
    rate = compile_once(program)
    push = _later(lambda: compile_once(augmented(pushing)))
    pull = _later(lambda: compile_once(pulling))
    draw, number = np.random.default_rng(0).standard_normal, np.float64
    moved = [_moved(x, draw) for x, a in zip(theta, ask, strict=True) if a]
    # What reads the real numbers of a state one by one: real and imaginary part in turn.
    numbers = y0.size * (2 if y0.dtype.kind == "c" else 1)
    units = np.conj(np.eye(numbers).view(y0.dtype))

    def slopes(ts: Any, ys: Any) -> Any:
        count = len(ts)
        made = derive(program, ("slopes", count), lambda: _slopes(program, count))
        rows = compile_once(made)(*theta, ts, ys, np.tile(units, (count, 1, 1)))[0]
        return np.ascontiguousarray(np.conj(rows)).view(number)

    few: Few | None = None
    if 0 < y0.size <= FEW and y0.dtype == FLOAT:
        few_push, few_pull = by_numbers(pushing, 2, 2), by_numbers(pulling, 2, 1)
        value = _later(lambda: compile_once(by_numbers(program, 1, 1)))
        few = Few(
            compile_once(few_push), (*theta, *moved), value, compile_once(few_pull), tuple(theta)
        )
    return Rates(
        lambda t, y: rate(*theta, number(t), y)[0],
        lambda t, z: push(*theta, *moved, number(t), z)[0],
        lambda t, y, a: pull(*theta, number(t), y, a),
        slopes,
        _moved(np.ones_like(y0), draw) if start else np.zeros_like(y0),
        few,
    )


def filled(x: Sequence[Any], slots: Sequence[bool], chosen: Sequence[Any]) -> list[Any]:
    """``x`` with ``chosen`` in its slots."""
    each = iter(chosen)
    return [next(each) if s else value for value, s in zip(x, slots, strict=True)]
