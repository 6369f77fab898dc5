"""Loops and branches without what nobody reads.

The forward pass of a loop keeps what any backward pass might read, a branch is handed what any of
them might, and a backward pass adds up cotangents that nobody wants. Once the program is whole it
is known what is read: other results are not kept, equal ones once, what is carried along for them
is not carried, and what no body reads is not handed to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from ...core.ir import Atom, Equation, Jaxpr, Literal, Var, live_equations
from ..checkpoint import Checkpoint
from ..flow.batched_scan import ScanLanes
from ..flow.cond import Cond, CondLanes
from ..flow.scan import Scan
from ..flow.while_loop import While, WhileLanes
from .call import Call

__all__ = ["trim", "trimmed"]

T = TypeVar("T")
Simplified: TypeAlias = Callable[[Jaxpr], Jaxpr | None]


class _Program:
    """What is known of a program while it is trimmed, from its end to its beginning.

    Attributes:
        live: What is read behind the equation at hand.
        same: The results of loops that equal another, which takes their place.
        counted: Results of loops, whose tapes have as many entries as steps; of another tape it is
            not known whether it is one of zeros, which has none.
        simplified: See `trim`.
    """

    def __init__(self, jaxpr: Jaxpr, simplified: Simplified) -> None:
        self.live = {a for a in jaxpr.outputs if isinstance(a, Var)}
        self.same: dict[Var, Var] = {}
        loops = Scan, ScanLanes, While, WhileLanes
        self.counted = {
            v for e in jaxpr.equations if isinstance(e.primitive, loops) for v in e.outputs
        }
        self.simplified = simplified

    def counts(self, tape: Atom) -> bool:
        """Whether a tape has as many entries as steps for sure."""
        return tape in self.counted or not tape.aval.inexact


def trim(jaxpr: Jaxpr, simplified: Simplified) -> Jaxpr:
    """Trim the loops and branches of a program.

    Args:
        jaxpr: The program.
        simplified: Gives the simplified body of a loop; None to leave the loop alone.
    """
    if not any(type(eqn.primitive) in _TRIMMED for eqn in jaxpr.equations):
        return jaxpr
    program = _Program(jaxpr, simplified)
    live, same = program.live, program.same
    kept: list[Equation] = []
    for eqn in reversed(jaxpr.equations):
        rule = _TRIMMED.get(type(eqn.primitive))
        if rule:
            eqn = rule(eqn, program) or eqn
        live.update([a for a in eqn.inputs if isinstance(a, Var)])
        kept.append(eqn)
    kept.reverse()
    if same:
        kept = [
            Equation(
                eqn.primitive,
                [same.get(a, a) if isinstance(a, Var) else a for a in eqn.inputs],
                eqn.outputs,
                eqn.place,
            )
            for eqn in kept
        ]
    outputs = [same.get(a, a) if isinstance(a, Var) else a for a in jaxpr.outputs]
    return Jaxpr(jaxpr.inputs, kept, outputs, jaxpr.captured, jaxpr.name)


def _read_carry(
    body: Jaxpr, results: Sequence[Var], first: int, fixed: Sequence[bool], program: _Program
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
        wanted = [*_where(keep, body.outputs), *others]
        read = {a for e in live_equations(body, wanted) for a in e.inputs} | set(wanted)
        now = [k or v in read for k, v in zip(keep, carry, strict=True)]
        if now == keep:
            break
        keep = now
    return keep


def _without_carry(body: Jaxpr, first: int, keep: Sequence[bool]) -> Jaxpr:
    """A loop's body without some of its carry, which begins at input ``first``."""
    last = first + len(keep)
    inputs = [*body.inputs[:first], *_where(keep, body.inputs[first:last]), *body.inputs[last:]]
    outputs = [*_where(keep, body.outputs), *body.outputs[len(keep) :]]
    equations = live_equations(body, outputs)
    return Jaxpr(inputs, equations, outputs, body.captured, body.name)


def trimmed(jaxpr: Jaxpr, outputs: Sequence[Atom]) -> Jaxpr:
    """What computes ``outputs`` of a program, and nothing else, also within loops and branches."""
    equations = live_equations(jaxpr, outputs)
    program = Jaxpr(jaxpr.inputs, equations, list(outputs), jaxpr.captured, jaxpr.name)
    return trim(program, lambda body: trimmed(body, body.outputs))


def _kept_results(
    body: Jaxpr, results: Sequence[Var], carried: int, program: _Program
) -> tuple[Jaxpr, list[Var]]:
    """A loop's body without the results behind the carry that nobody reads, and its results."""
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


def _reads(body: Jaxpr) -> list[bool]:
    """Which of its inputs a program reads."""
    read = {a for e in body.equations for a in e.inputs} | set(body.outputs)
    return [v in read for v in body.inputs]


def _with_inputs(body: Jaxpr, keep: Sequence[bool], captured: int) -> Jaxpr:
    inputs = [v for v, k in zip(body.inputs, keep, strict=True) if k]
    return Jaxpr(inputs, body.equations, body.outputs, min(body.captured, captured), body.name)


def _of_one_lane(primitive: Any) -> Any:
    if isinstance(primitive, ScanLanes):
        return primitive.scan
    return primitive.loop if isinstance(primitive, WhileLanes) else primitive


def _where(keep: Sequence[bool], given: Sequence[T]) -> list[T]:
    """Those of ``given`` that are kept; one of the two may go on for the carry and more."""
    return [x for x, k in zip(given, keep, strict=False) if k]


def _scan(eqn: Equation, program: _Program) -> Equation | None:
    lanes = eqn.primitive if isinstance(eqn.primitive, ScanLanes) else None
    scan: Scan = _of_one_lane(eqn.primitive)
    body = program.simplified(scan.body)
    if body is None:
        return None
    body, results = _kept_results(body, eqn.outputs, scan.carried, program)
    read = _read_carry(body, results, scan.constants, [False] * scan.carried, program)
    body = _without_carry(body, scan.constants, read)
    body = program.simplified(body) or body
    results = [*_where(read, results), *results[scan.carried :]]
    first_x = scan.constants + scan.carried
    inputs = [
        *eqn.inputs[: scan.constants],
        *_where(read, eqn.inputs[scan.constants :]),
        *eqn.inputs[first_x:],
    ]
    carried = sum(read)
    first_x = scan.constants + carried
    keep = [r or scan.constants <= i < first_x for i, r in enumerate(_reads(body))]
    if scan.length is None:
        # A tape says how many steps there are. Where none does for sure, it is one of them all.
        tapes = range(first_x, len(keep))
        sure = [i for i in tapes if program.counts(inputs[i])]
        if not any(keep[i] for i in sure):
            for i in sure[-1:] or tapes:
                keep[i] = True
    operands = _where(keep, inputs)
    constants = sum(keep[: scan.constants])
    body = _with_inputs(body, keep, constants)
    trimmed = Scan(body, constants, carried, scan.length, scan.reverse)
    if not lanes:
        return Equation(trimmed, operands, results, eqn.place)
    batched = tuple(_where(keep, lanes.batched))
    return Equation(ScanLanes(trimmed, lanes.size, batched), operands, results, eqn.place)


def _while(eqn: Equation, program: _Program) -> Equation | None:
    lanes = eqn.primitive if isinstance(eqn.primitive, WhileLanes) else None
    loop: While = _of_one_lane(eqn.primitive)
    body, condition = program.simplified(loop.body), program.simplified(loop.condition)
    if body is None or condition is None:
        return None
    asked, held = loop.condition_constants, loop.body_constants
    body, results = _kept_results(body, eqn.outputs, loop.carried, program)
    carry = _read_carry(body, results, held, _reads(condition)[asked:], program)
    body = _without_carry(body, held, carry)
    body = program.simplified(body) or body
    results = [*_where(carry, results), *results[loop.carried :]]
    in_condition, in_body = _reads(condition)[:asked], _reads(body)[:held]
    condition = _with_inputs(condition, [*in_condition, *carry], sum(in_condition))
    body = _with_inputs(body, [*in_body, *[True] * sum(carry)], sum(in_body))
    operands = _where([*in_condition, *in_body, *carry], eqn.inputs)
    trimmed = While(condition, body, sum(in_condition), sum(in_body))
    if not lanes:
        return Equation(trimmed, operands, results, eqn.place)
    batched = tuple(_where([*in_condition, *in_body], lanes.batched))
    return Equation(WhileLanes(trimmed, lanes.size, batched), operands, results, eqn.place)


def _branches(eqn: Equation, program: _Program) -> Equation | None:
    cond: Cond | CondLanes = eqn.primitive
    wanted = [v in program.live for v in eqn.outputs]
    branches: list[Jaxpr] = []
    for branch in cond.branches:
        outputs = [a for a, w in zip(branch.outputs, wanted, strict=True) if w]
        made = program.simplified(
            Jaxpr(branch.inputs, branch.equations, outputs, branch.captured, branch.name)
        )
        if made is None:
            return None
        branches.append(made)
    keep = [any(flags) for flags in zip(*map(_reads, branches), strict=True)]
    captured = [sum(keep[: b.captured]) for b in branches]
    trimmed = tuple([_with_inputs(b, keep, c) for b, c in zip(branches, captured, strict=True)])
    operands = [a for a, k in zip(eqn.inputs, [True, *keep], strict=True) if k]
    if isinstance(cond, CondLanes):
        batched = tuple(_where(keep, cond.batched))
        primitive: Cond | CondLanes = CondLanes(trimmed, cond.size, batched)
    else:
        primitive = Cond(trimmed)
    results = [v for v, w in zip(eqn.outputs, wanted, strict=True) if w]
    return Equation(primitive, operands, results, eqn.place)


def _call(eqn: Equation, program: _Program) -> Equation | None:
    wanted = [v in program.live for v in eqn.outputs]
    jaxpr: Jaxpr = eqn.primitive.jaxpr
    outputs = _where(wanted, jaxpr.outputs)
    body = program.simplified(
        Jaxpr(jaxpr.inputs, jaxpr.equations, outputs, jaxpr.captured, jaxpr.name)
    )
    if body is None:
        return None
    keep = _reads(body)
    body = _with_inputs(body, keep, sum(keep[: body.captured]))
    operands, results = _where(keep, eqn.inputs), _where(wanted, eqn.outputs)
    held = isinstance(eqn.primitive, Checkpoint)
    call = Checkpoint(body, eqn.primitive.policy) if held else Call(body)
    return Equation(call, operands, results, eqn.place)


_TRIMMED = {
    Call: _call,
    Checkpoint: _call,
    Cond: _branches,
    CondLanes: _branches,
    Scan: _scan,
    ScanLanes: _scan,
    While: _while,
    WhileLanes: _while,
}
