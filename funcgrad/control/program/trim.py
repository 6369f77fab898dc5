"""Loops and branches without what is unread.

The forward pass of a loop keeps what any backward pass might read, a branch is handed what any of
them might, and a backward pass adds up cotangents that nobody wants. Once the program is whole it
is known what is read: other results are not kept, equal ones once, what is carried along for them
is not carried, and what no body reads is not handed to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from ...core.ir import Atom, Equation, Jaxpr, Literal, Var, live_equations

__all__ = [
    "Liveness",
    "keep_outputs",
    "keep_read_results",
    "read_carry",
    "reads",
    "trim",
    "where_kept",
    "with_inputs",
    "without_carry",
]

T = TypeVar("T")
Simplified: TypeAlias = Callable[[Jaxpr], Jaxpr | None]


class Liveness:
    """What is known of a program while it is trimmed, from its end to its beginning.

    Attributes:
        live: What is read behind the equation at hand.
        same: The results of loops that equal another, which takes their place.
        counted: Results of loops, whose step residuals have as many entries as steps; of another
            step residual it is not known whether it is one of zeros, which has none. simplified:
            See `trim`.
    """

    def __init__(self, jaxpr: Jaxpr, simplified: Simplified) -> None:
        self.live = {a for a in jaxpr.outputs if isinstance(a, Var)}
        self.same: dict[Var, Var] = {}
        self.counted = {v for e in jaxpr.equations if e.primitive.loops for v in e.outputs}
        self.simplify = simplified

    def counts(self, step_residual: Atom) -> bool:
        """Whether a step residual has as many entries as steps for sure."""
        return step_residual in self.counted or not step_residual.aval.inexact


def trim(jaxpr: Jaxpr, simplified: Simplified) -> Jaxpr:
    """Trim the loops and branches of a program.

    Args:
        jaxpr: The program.
        simplified: Gives the simplified body of a loop; None to leave the loop alone.
    """
    if all(eqn.primitive.trim is None for eqn in jaxpr.equations):
        return jaxpr
    program = Liveness(jaxpr, simplified)
    live, same = program.live, program.same
    kept: list[Equation] = []
    for eqn in reversed(jaxpr.equations):
        if eqn.primitive.trim is not None:
            eqn = eqn.primitive.trim(eqn, program) or eqn
        live.update([a for a in eqn.inputs if isinstance(a, Var)])
        kept.append(eqn)
    kept.reverse()
    if same:
        kept = [
            Equation(
                eqn.primitive,
                [same.get(a, a) if isinstance(a, Var) else a for a in eqn.inputs],
                eqn.outputs,
                eqn.source_info,
            )
            for eqn in kept
        ]
    outputs = [same.get(a, a) if isinstance(a, Var) else a for a in jaxpr.outputs]
    return Jaxpr(jaxpr.inputs, kept, outputs, jaxpr.captured, jaxpr.name)


def read_carry(
    body: Jaxpr, results: Sequence[Var], first: int, fixed: Sequence[bool], program: Liveness
) -> list[bool]:
    """Which of the carry is read: behind the loop, by the condition, or for others that are.

    What is added up for a cotangent that nobody wants is read by itself alone.

    Args:
        body: The loop's body, whose carry begins at input ``first``.
        results: The loop's results, carry first.
        first: See ``body``.
        fixed: For each of the carry, whether it stays anyway.
        program: The program around the loop.
    """
    keep = [f or v in program.live for f, v in zip(fixed, results, strict=False)]
    carry, others = body.inputs[first : first + len(keep)], body.outputs[len(keep) :]
    while not all(keep):
        wanted = [*where_kept(keep, body.outputs), *others]
        read = {a for e in live_equations(body, wanted) for a in e.inputs} | set(wanted)
        now = [k or v in read for k, v in zip(keep, carry, strict=True)]
        if now == keep:
            break
        keep = now
    return keep


def without_carry(body: Jaxpr, first: int, keep: Sequence[bool]) -> Jaxpr:
    """A loop's body without some of its carry, which begins at input ``first``."""
    last = first + len(keep)
    inputs = [*body.inputs[:first], *where_kept(keep, body.inputs[first:last]), *body.inputs[last:]]
    outputs = [*where_kept(keep, body.outputs), *body.outputs[len(keep) :]]
    equations = live_equations(body, outputs)
    return Jaxpr(inputs, equations, outputs, body.captured, body.name)


def keep_outputs(jaxpr: Jaxpr, outputs: Sequence[Atom]) -> Jaxpr:
    """What computes ``outputs`` of a program, and nothing else, also within loops and branches."""
    equations = live_equations(jaxpr, outputs)
    program = Jaxpr(jaxpr.inputs, equations, list(outputs), jaxpr.captured, jaxpr.name)
    return trim(program, lambda body: keep_outputs(body, body.outputs))


def keep_read_results(
    body: Jaxpr, results: Sequence[Var], carried: int, program: Liveness
) -> tuple[Jaxpr, list[Var]]:
    """A loop's body without the unread results behind the carry, and its results."""
    outputs, kept = list(body.outputs[:carried]), list(results[:carried])
    stacked: dict[Var, Var] = {}
    for atom, v in zip(body.outputs[carried:], results[carried:], strict=True):
        if v not in program.live:
            continue
        first = None if isinstance(atom, Literal) else stacked.setdefault(atom, v)
        if first is None or first is v:
            outputs.append(atom)
            kept.append(v)
        else:
            program.same[v] = first
    return Jaxpr(body.inputs, body.equations, outputs, body.captured, body.name), kept


def reads(body: Jaxpr) -> list[bool]:
    """Which of its inputs a program reads."""
    read = {a for e in body.equations for a in e.inputs} | set(body.outputs)
    return [v in read for v in body.inputs]


def with_inputs(body: Jaxpr, keep: Sequence[bool], captured: int) -> Jaxpr:
    """A program with the inputs that are kept, ``captured`` at most of which are captured."""
    inputs = [v for v, k in zip(body.inputs, keep, strict=True) if k]
    return Jaxpr(inputs, body.equations, body.outputs, min(body.captured, captured), body.name)


def where_kept(keep: Sequence[bool], given: Sequence[T]) -> list[T]:
    """Those of ``given`` that are kept; one of the two may go on for the carry and more."""
    return [x for x, k in zip(given, keep, strict=False) if k]
