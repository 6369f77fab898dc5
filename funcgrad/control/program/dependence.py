"""Which results of a program depend on which of its inputs, through loops and branches.

One equation may compute values and their tangents, as a loop that carries both does: the values do
not depend on the tangents, though they are results of one equation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.ir import Equation, Jaxpr, Var
from ..checkpoint import Checkpoint
from ..flow.batched_scan import ScanLanes
from ..flow.cond import Cond, CondLanes
from ..flow.scan import Scan
from ..flow.while_loop import While, WhileLanes
from .call import Call

__all__ = ["depends", "held", "mark"]


def depends(jaxpr: Jaxpr, on: Sequence[bool]) -> list[bool]:
    """For each result, whether it depends on one of the inputs that ``on`` marks."""
    found = {v for v, marked in zip(jaxpr.inputs, on, strict=True) if marked}
    for eqn in jaxpr.equations:
        mark(eqn, found)
    return [isinstance(a, Var) and a in found for a in jaxpr.outputs]


def mark(eqn: Equation, found: set[Var]) -> list[bool]:
    """Add those results of an equation that depend on ``found`` to it; which operands do."""
    flags = [isinstance(a, Var) and a in found for a in eqn.inputs]
    if any(flags):
        reached = _through(eqn.primitive, flags, len(eqn.outputs))
        found.update([v for v, marked in zip(eqn.outputs, reached, strict=True) if marked])
    return flags


def held(primitive: Any, flags: list[bool]) -> list[tuple[Jaxpr, list[bool]]]:
    """The programs that a primitive runs, each with which of its inputs depend.

    Args:
        primitive: The primitive.
        flags: Which of its operands depend.
    """
    if isinstance(primitive, Call | Checkpoint):
        return [(primitive.jaxpr, flags)]
    if isinstance(primitive, Cond | CondLanes):
        return [(branch, flags[1:]) for branch in primitive.branches]
    if isinstance(primitive, Scan | ScanLanes):
        scan = _of_one_lane(primitive)
        constants, carry, xs = scan.parts(flags)
        return [(scan.body, [*constants, *_around(scan.body, constants, carry, xs), *xs])]
    if isinstance(primitive, While | WhileLanes):
        loop = _of_one_lane(primitive)
        asked, constants, carry = loop.parts(flags)
        carry = _around(loop.body, constants, carry, [])
        return [(loop.body, [*constants, *carry]), (loop.condition, [*asked, *carry])]
    return []


def _through(primitive: Any, flags: list[bool], count: int) -> list[bool]:
    """For each of the ``count`` results of one equation, whether it depends."""
    programs = held(primitive, flags)
    if not programs:
        return [True] * count
    each = [depends(program, inputs) for program, inputs in programs]
    if isinstance(primitive, Cond | CondLanes):
        return [flags[0] or any(of_result) for of_result in zip(*each, strict=True)]
    if len(each) == 2 and each[1][0]:  # the condition of a loop
        return [True] * count
    if isinstance(primitive, Call | Checkpoint):
        return each[0]
    # What the carry depends on after any number of steps, and the rest.
    (_, inputs), *_ = programs
    loop = _of_one_lane(primitive)
    first = loop.constants if isinstance(loop, Scan) else loop.body_constants
    return [*inputs[first : first + loop.carried], *each[0][loop.carried :]]


def _of_one_lane(primitive: Any) -> Any:
    if isinstance(primitive, ScanLanes):
        return primitive.scan
    return primitive.loop if isinstance(primitive, WhileLanes) else primitive


def _around(body: Jaxpr, constants: list[bool], carry: list[bool], xs: list[bool]) -> list[bool]:
    """Which of a loop's carry depend after any number of steps."""
    while True:
        found = depends(body, [*constants, *carry, *xs])
        now = [a or b for a, b in zip(carry, found, strict=False)]
        if now == carry:
            return carry
        carry = now
