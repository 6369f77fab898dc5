"""Floor 6: loops and branches without what nobody reads.

The forward pass of a loop keeps what any backward pass might read, and a branch is handed what any
of them might. Once the program is whole it is known what is read: other results are not kept, equal
ones once, and what no body reads is not handed to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from ..control.branches import Cond, CondLanes
from ..control.checkpoint import Checkpoint
from ..control.scan_lanes import ScanLanes
from ..control.scan_primitive import Scan
from ..control.while_primitive import While, WhileLanes
from ..core.ir import Equation, Jaxpr, Literal, Var, live_equations
from ..core.tape import StepsAval

__all__ = ["trim"]

T = TypeVar("T")
Simplified: TypeAlias = Callable[[Jaxpr], Jaxpr | None]


def trim(jaxpr: Jaxpr, simplified: Simplified) -> Jaxpr:
    """Trim the loops and branches of a program.

    Args:
        jaxpr: The program.
        simplified: Gives the simplified body of a loop; None to leave the loop alone.
    """
    if not any(type(eqn.primitive) in _TRIMMED for eqn in jaxpr.equations):
        return jaxpr
    live = {a for a in jaxpr.outputs if isinstance(a, Var)}
    same: dict[Var, Var] = {}
    kept: list[Equation] = []
    for eqn in reversed(jaxpr.equations):
        trimmed = _TRIMMED.get(type(eqn.primitive))
        if trimmed:
            eqn = trimmed(eqn, live, same, simplified) or eqn
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
    body: Jaxpr, results: Sequence[Var], first: int, fixed: Sequence[bool], live: set[Var]
) -> list[bool]:
    """Which of the carry is read: behind the loop, by the condition, or for others that are.

    What is added up for a cotangent that nobody wants is read by itself alone.

    Args:
        body: The loop's body, whose carry begins at input ``first``.
        results: The loop's results, carry first.
        first: See ``body``.
        fixed: For each of the carry, whether it stays anyway.
        live: What is read behind the loop.
    """
    keep = [f or v in live for f, v in zip(fixed, results, strict=False)]
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


def _kept_results(
    body: Jaxpr, results: Sequence[Var], carried: int, live: set[Var], same: dict[Var, Var]
) -> tuple[Jaxpr, list[Var]]:
    """A loop's body without the results behind the carry that nobody reads, and its results."""
    outputs, kept = list(body.outputs[:carried]), list(results[:carried])
    stacked: dict[Var, Var] = {}
    for atom, v in zip(body.outputs[carried:], results[carried:], strict=True):
        if v not in live:
            continue
        first = None if isinstance(atom, Literal) else stacked.setdefault(atom, v)
        if first is None or first is v:
            outputs.append(atom)
            kept.append(v)
        else:
            same[v] = first
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


def _scan(
    eqn: Equation, live: set[Var], same: dict[Var, Var], simplified: Simplified
) -> Equation | None:
    lanes = eqn.primitive if isinstance(eqn.primitive, ScanLanes) else None
    scan: Scan = _of_one_lane(eqn.primitive)
    body = simplified(scan.body)
    if body is None:
        return None
    body, results = _kept_results(body, eqn.outputs, scan.carried, live, same)
    read = _read_carry(body, results, scan.constants, [False] * scan.carried, live)
    body = _without_carry(body, scan.constants, read)
    body = simplified(body) or body
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
    if scan.length is None and not any(keep[first_x:]):
        # A tape says how many steps there are.
        tapes = [isinstance(a.aval, StepsAval) for a in inputs[first_x:]]
        keep[first_x + tapes.index(True)] = True
    operands = _where(keep, inputs)
    constants = sum(keep[: scan.constants])
    body = _with_inputs(body, keep, constants)
    trimmed = Scan(body, constants, carried, scan.length, scan.reverse)
    if not lanes:
        return Equation(trimmed, operands, results, eqn.place)
    batched = tuple(_where(keep, lanes.batched))
    return Equation(ScanLanes(trimmed, lanes.size, batched), operands, results, eqn.place)


def _while(
    eqn: Equation, live: set[Var], same: dict[Var, Var], simplified: Simplified
) -> Equation | None:
    lanes = eqn.primitive if isinstance(eqn.primitive, WhileLanes) else None
    loop: While = _of_one_lane(eqn.primitive)
    body, condition = simplified(loop.body), simplified(loop.condition)
    if body is None or condition is None:
        return None
    asked, held = loop.condition_constants, loop.body_constants
    body, results = _kept_results(body, eqn.outputs, loop.carried, live, same)
    carry = _read_carry(body, results, held, _reads(condition)[asked:], live)
    body = _without_carry(body, held, carry)
    body = simplified(body) or body
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


def _branches(
    eqn: Equation, live: set[Var], same: dict[Var, Var], simplified: Simplified
) -> Equation | None:
    cond: Cond | CondLanes = eqn.primitive
    wanted = [v in live for v in eqn.outputs]
    branches: list[Jaxpr] = []
    for branch in cond.branches:
        outputs = [a for a, w in zip(branch.outputs, wanted, strict=True) if w]
        made = simplified(
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


def _checkpoint(
    eqn: Equation, live: set[Var], same: dict[Var, Var], simplified: Simplified
) -> Equation | None:
    wanted = [v in live for v in eqn.outputs]
    jaxpr, policy = eqn.primitive.jaxpr, eqn.primitive.policy
    outputs = _where(wanted, jaxpr.outputs)
    body = simplified(Jaxpr(jaxpr.inputs, jaxpr.equations, outputs, jaxpr.captured, jaxpr.name))
    if body is None:
        return None
    keep = _reads(body)
    body = _with_inputs(body, keep, sum(keep[: body.captured]))
    operands, results = _where(keep, eqn.inputs), _where(wanted, eqn.outputs)
    return Equation(Checkpoint(body, policy), operands, results, eqn.place)


_TRIMMED = {
    Checkpoint: _checkpoint,
    Cond: _branches,
    CondLanes: _branches,
    Scan: _scan,
    ScanLanes: _scan,
    While: _while,
    WhileLanes: _while,
}
