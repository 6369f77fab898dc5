"""Which results of a program depend on which of its inputs, through loops and branches.

One equation may compute values and their tangents, as a loop that carries both does: the values do
not depend on the tangents, though they are results of one equation.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.ir import Equation, Jaxpr, Var

__all__ = ["carry_flags", "depends", "mark"]


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
        reached = eqn.primitive.depends(flags, len(eqn.outputs))
        found.update([v for v, marked in zip(eqn.outputs, reached, strict=True) if marked])
    return flags


def carry_flags(
    body: Jaxpr, constants: Sequence[bool], carry: Sequence[bool], xs: Sequence[bool]
) -> list[bool]:
    """Which of a loop's carry depend after any number of steps."""
    carry = list(carry)
    while True:
        found = depends(body, [*constants, *carry, *xs])
        now = [a or b for a, b in zip(carry, found, strict=False)]
        if now == carry:
            return carry
        carry = now
