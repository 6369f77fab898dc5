"""Floor 6: loops and branches without what nobody reads.

The forward pass of a loop keeps what any backward pass might read, and a branch is handed what any
of them might. Once the program is whole it is known what is read: other results are not kept, equal
ones once, and what no body reads is not handed to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..control.branches import Cond, CondLanes
from ..control.scan_lanes import ScanLanes
from ..control.scan_primitive import Scan
from ..control.while_primitive import While, WhileLanes
from ..core.ir import Equation, Jaxpr, Literal, Var
from ..core.tape import StepsAval

__all__ = ["trim"]

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


def _where(keep: Sequence[bool], batched: Sequence[bool]) -> tuple[bool, ...]:
    """The flags of the constants that are kept; ``keep`` goes on for the carry and more."""
    return tuple([b for b, k in zip(batched, keep, strict=False) if k])


def _scan(
    eqn: Equation, live: set[Var], same: dict[Var, Var], simplified: Simplified
) -> Equation | None:
    lanes = eqn.primitive if isinstance(eqn.primitive, ScanLanes) else None
    scan: Scan = _of_one_lane(eqn.primitive)
    body = simplified(scan.body)
    if body is None:
        return None
    carried = scan.carried
    body, results = _kept_results(body, eqn.outputs, carried, live, same)
    body = simplified(body) or body
    first_x = scan.constants + carried
    keep = [r or scan.constants <= i < first_x for i, r in enumerate(_reads(body))]
    if scan.length is None and not any(keep[first_x:]):
        # A tape says how many steps there are.
        tapes = [isinstance(a.aval, StepsAval) for a in eqn.inputs[first_x:]]
        keep[first_x + tapes.index(True)] = True
    operands = [a for a, k in zip(eqn.inputs, keep, strict=True) if k]
    constants = sum(keep[: scan.constants])
    body = _with_inputs(body, keep, constants)
    trimmed = Scan(body, constants, carried, scan.length, scan.reverse)
    if not lanes:
        return Equation(trimmed, operands, results, eqn.place)
    batched = _where(keep, lanes.batched)
    return Equation(ScanLanes(trimmed, lanes.size, batched), operands, results, eqn.place)


def _while(
    eqn: Equation, live: set[Var], same: dict[Var, Var], simplified: Simplified
) -> Equation | None:
    lanes = eqn.primitive if isinstance(eqn.primitive, WhileLanes) else None
    loop: While = _of_one_lane(eqn.primitive)
    body, condition = simplified(loop.body), simplified(loop.condition)
    if body is None or condition is None:
        return None
    body, results = _kept_results(body, eqn.outputs, loop.carried, live, same)
    body = simplified(body) or body
    asked, held = loop.condition_constants, loop.body_constants
    in_condition, in_body = _reads(condition)[:asked], _reads(body)[:held]
    carry = [True] * loop.carried
    condition = _with_inputs(condition, [*in_condition, *carry], sum(in_condition))
    body = _with_inputs(body, [*in_body, *carry], sum(in_body))
    keep = [*in_condition, *in_body, *carry]
    operands = [a for a, k in zip(eqn.inputs, keep, strict=True) if k]
    trimmed = While(condition, body, sum(in_condition), sum(in_body))
    if not lanes:
        return Equation(trimmed, operands, results, eqn.place)
    batched = _where(keep, lanes.batched)
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
        batched = _where(keep, cond.batched)
        primitive: Cond | CondLanes = CondLanes(trimmed, cond.size, batched)
    else:
        primitive = Cond(trimmed)
    results = [v for v, w in zip(eqn.outputs, wanted, strict=True) if w]
    return Equation(primitive, operands, results, eqn.place)


_TRIMMED = {
    Cond: _branches,
    CondLanes: _branches,
    Scan: _scan,
    ScanLanes: _scan,
    While: _while,
    WhileLanes: _while,
}
