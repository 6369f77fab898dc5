"""Floor 5: which results of a program depend on which of its inputs, through loops and branches.

One equation may compute values and their tangents, as a loop that carries both does: the values do
not depend on the tangents, though they are results of one equation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.ir import Jaxpr, Var
from .branches import Cond, CondLanes
from .call import Call
from .checkpoint import Checkpoint
from .scan_lanes import ScanLanes
from .scan_primitive import Scan
from .while_primitive import While, WhileLanes

__all__ = ["depends"]


def depends(jaxpr: Jaxpr, on: Sequence[bool]) -> list[bool]:
    """For each result, whether it depends on one of the inputs that ``on`` marks."""
    found = {v for v, marked in zip(jaxpr.inputs, on, strict=True) if marked}
    for eqn in jaxpr.equations:
        flags = [isinstance(a, Var) and a in found for a in eqn.inputs]
        if any(flags):
            reached = _through(eqn.primitive, flags, len(eqn.outputs))
            found.update([v for v, marked in zip(eqn.outputs, reached, strict=True) if marked])
    return [isinstance(a, Var) and a in found for a in jaxpr.outputs]


def _through(primitive: Any, flags: list[bool], count: int) -> list[bool]:
    """The same for the ``count`` results of one equation."""
    if isinstance(primitive, Call | Checkpoint):
        return depends(primitive.jaxpr, flags)
    if isinstance(primitive, Cond | CondLanes):
        if flags[0]:
            return [True] * count
        each = [depends(branch, flags[1:]) for branch in primitive.branches]
        return [any(of_result) for of_result in zip(*each, strict=True)]
    if isinstance(primitive, Scan | ScanLanes):
        scan = primitive if isinstance(primitive, Scan) else primitive.scan
        first, last = scan.constants, scan.constants + scan.carried
        return _around(scan.body, flags[:first], flags[first:last], flags[last:])
    if isinstance(primitive, While | WhileLanes):
        loop = primitive if isinstance(primitive, While) else primitive.loop
        asked, held, carry = loop.parts(flags)
        found = _around(loop.body, held, carry, [])
        going = depends(loop.condition, [*asked, *found[: loop.carried]])
        return [True] * count if any(going) else found
    return [True] * count


def _around(body: Jaxpr, constants: list[bool], carry: list[bool], xs: list[bool]) -> list[bool]:
    """The same for a loop: what the carry depends on after any number of steps, and the rest."""
    while True:
        found = depends(body, [*constants, *carry, *xs])
        now = [a or b for a, b in zip(carry, found, strict=False)]
        if now == carry:
            return [*carry, *found[len(carry) :]]
        carry = now
