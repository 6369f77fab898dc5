"""Floor 6: scans without what nobody reads.

The forward pass of a scan stacks what any backward pass might read. Once the program is whole it is
known what is read: other results are not stacked, equal ones once, and what the body does not read
is not handed to it.
"""

from __future__ import annotations

from collections.abc import Callable

from ..control.scan_primitive import Scan
from ..core.ir import Equation, Jaxpr, Literal, Var
from ..core.tape import StepsAval

__all__ = ["trim_scans"]


def trim_scans(jaxpr: Jaxpr, simplified: Callable[[Jaxpr], Jaxpr | None]) -> Jaxpr:
    """Trim the scans of a program.

    Args:
        jaxpr: The program.
        simplified: Gives the simplified body of a scan; None to leave the scan alone.
    """
    if not any(type(eqn.primitive) is Scan for eqn in jaxpr.equations):
        return jaxpr
    live = {a for a in jaxpr.outputs if isinstance(a, Var)}
    same: dict[Var, Var] = {}
    kept: list[Equation] = []
    for eqn in reversed(jaxpr.equations):
        if type(eqn.primitive) is Scan:
            eqn = _trimmed(eqn, live, same, simplified)
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


def _trimmed(
    eqn: Equation,
    live: set[Var],
    same: dict[Var, Var],
    simplified: Callable[[Jaxpr], Jaxpr | None],
) -> Equation:
    scan: Scan = eqn.primitive
    if any(isinstance(v.aval, StepsAval) for v in (*eqn.inputs, *eqn.outputs)):
        return eqn
    body = simplified(scan.body)
    if body is None:
        return eqn
    carried = scan.carried
    outputs, results = list(body.outputs[:carried]), list(eqn.outputs[:carried])
    stacked: dict[Var, Var] = {}
    for atom, v in zip(body.outputs[carried:], eqn.outputs[carried:], strict=True):
        if v not in live:
            continue
        first = None if isinstance(atom, Literal) else stacked.setdefault(atom, v)
        if first is None or first is v:
            outputs.append(atom)
            results.append(v)
        else:
            same[v] = first
    body = Jaxpr(body.inputs, body.equations, outputs, body.captured, body.name)
    body = simplified(body) or body
    read = {a for e in body.equations for a in e.inputs} | set(body.outputs)
    first_x = scan.constants + carried
    reads = [v in read or scan.constants <= i < first_x for i, v in enumerate(body.inputs)]
    inputs = [v for v, r in zip(body.inputs, reads, strict=True) if r]
    operands = [a for a, r in zip(eqn.inputs, reads, strict=True) if r]
    constants = sum(reads[: scan.constants])
    body = Jaxpr(inputs, body.equations, body.outputs, min(body.captured, constants), body.name)
    primitive = Scan(body, constants, carried, scan.length, scan.reverse)
    return Equation(primitive, operands, results, eqn.place)
