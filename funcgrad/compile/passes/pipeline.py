"""The passes that a program goes through before a backend sees it.

Each is a function from jaxpr to jaxpr. None changes a result, the signs of zeros, inf and nan
included. None recurses; each is near-linear in the number of equations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from ...control.program.derive import derive, known_derivation
from ...control.program.trim import trim
from ...core.backend import Profile
from ...core.ir import Atom, Equation, Jaxpr, Var, live_equations
from .simplify import simplify

__all__ = ["body_with_constants", "dead_code", "inline_calls", "optimise", "optimise_body"]

_OpenCall: TypeAlias = tuple[Iterator[Equation], dict[Var, Atom], list[Atom], Sequence[Var]]


def optimise(
    jaxpr: Jaxpr, constants: Sequence[Any] = (), weak: bool = True, profile: Profile | None = None
) -> tuple[Jaxpr, list[Any]]:
    """All the passes, in order.

    Args:
        jaxpr: The program.
        constants: The values of its leading inputs, as far as they are known.
        weak: Whether results that are Python floats must stay so.
        profile: What pays on the backend; by default `Profile`'s defaults.

    Returns:
        The program, whose leading inputs are the constants that it reads, and those.
    """
    profile = profile or Profile()

    def body(jaxpr: Jaxpr) -> Jaxpr | None:
        found, constants = optimise_body(jaxpr, profile)
        return None if constants else found  # it has no inputs for them

    jaxpr = trim(dead_code(inline_calls(jaxpr)), body)
    jaxpr, constants = simplify(jaxpr, constants, weak, profile)
    return without_unread(dead_code(jaxpr), constants)


def optimise_body(jaxpr: Jaxpr, profile: Profile) -> tuple[Jaxpr, list[Any]]:
    """`optimise` for the body of a loop or branch, made once."""
    make = lambda: optimise(jaxpr, weak=False, profile=profile)  # noqa: E731
    return derive(jaxpr, ("optimised", profile), make)


def body_with_constants(jaxpr: Jaxpr, profile: Profile) -> tuple[Jaxpr, list[Any]]:
    """A body of an optimised program, and the constants that it reads.

    Where it needs constants the pipeline left the loop alone, and what it found is what to compile;
    every other body is optimised as it stands.
    """
    return known_derivation(jaxpr, ("optimised", profile)) or (jaxpr, [])


def without_unread(jaxpr: Jaxpr, constants: Sequence[Any]) -> tuple[Jaxpr, list[Any]]:
    """Drop the unread constants."""
    read = {a for eqn in jaxpr.equations for a in eqn.inputs} | set(jaxpr.outputs)
    count = len(constants)
    kept = [(v, x) for v, x in zip(jaxpr.inputs[:count], constants, strict=True) if v in read]
    inputs = [*[v for v, _ in kept], *jaxpr.inputs[count:]]
    captured = jaxpr.captured - count + len(kept)
    jaxpr = Jaxpr(inputs, jaxpr.equations, jaxpr.outputs, captured, jaxpr.name)
    return jaxpr, [x for _, x in kept]


def with_equations(jaxpr: Jaxpr, equations: list[Equation], outputs: list[Atom]) -> Jaxpr:
    """``jaxpr`` with another body."""
    return Jaxpr(jaxpr.inputs, equations, outputs, jaxpr.captured, jaxpr.name)


def inline_calls(jaxpr: Jaxpr) -> Jaxpr:
    """Put the equations of called programs in the place of the calls."""
    if not any(eqn.primitive.inlined for eqn in jaxpr.equations):
        return jaxpr
    equations: list[Equation] = []
    # One entry for each call that is open: its equations to come, what its variables stand for
    # outside, its results, and the variables that the caller has for them.
    top: dict[Var, Atom] = {}
    open_calls: list[_OpenCall] = [(iter(jaxpr.equations), top, jaxpr.outputs, ())]
    while open_calls:
        pending, env, results, receivers = open_calls[-1]
        for eqn in pending:
            inputs = [env.get(a, a) if isinstance(a, Var) else a for a in eqn.inputs]
            if eqn.primitive.inlined:
                ((_, callee),) = eqn.primitive.bodies()
                inner: dict[Var, Atom] = dict(zip(callee.inputs, inputs, strict=True))
                open_calls.append((iter(callee.equations), inner, callee.outputs, eqn.outputs))
                break
            outputs = eqn.outputs
            if env is not top:
                outputs = tuple([Var(v.aval) for v in eqn.outputs])
                env.update(zip(eqn.outputs, outputs, strict=True))
            equations.append(Equation(eqn.primitive, inputs, outputs, eqn.source_info))
        else:
            open_calls.pop()
            if open_calls:
                found = [env[a] if isinstance(a, Var) else a for a in results]
                open_calls[-1][1].update(zip(receivers, found, strict=True))
    outputs = [top.get(a, a) if isinstance(a, Var) else a for a in jaxpr.outputs]
    return with_equations(jaxpr, equations, outputs)


def dead_code(jaxpr: Jaxpr) -> Jaxpr:
    """Drop the equations whose results are unread, but for those that have an effect."""
    return with_equations(jaxpr, live_equations(jaxpr, jaxpr.outputs), list(jaxpr.outputs))
