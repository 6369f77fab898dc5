"""Where collectives cannot stand: in what some elements of a batch run and others do not.

Elements that do not take a branch or a step are fed the operands of one that does, and a sum over
all of them would count those. So a program with a collective is refused there.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...core.ir import Jaxpr
from ...core.source_info import SourceInfo, line_of
from ...errors import ArgumentError
from .derive import derive

__all__ = ["refuse_collectives"]


def refuse_collectives(programs: Iterable[Jaxpr], what: str, fix: str) -> None:
    """Raise where one of ``programs`` holds a collective.

    Args:
        programs: What only some elements of a batch run.
        what: Where they stand, for the error.
        fix: What to write instead.

    Raises:
        ArgumentError: Naming the collective and its line.
    """
    for program in programs:
        found = derive(program, "collective", lambda p=program: _first(p))
        if found is not None:
            name, source_info = found
            line = line_of(source_info)
            raise ArgumentError(
                f"{name}: a collective{f', at {line},' if line else ''} in {what}", fix
            )


def _first(program: Jaxpr) -> tuple[str, SourceInfo | None] | None:
    pending = [program]
    while pending:
        for eqn in pending.pop().equations:
            if eqn.primitive.collective:
                return eqn.primitive.name, eqn.source_info
            pending.extend([jaxpr for _, jaxpr in eqn.primitive.bodies()])
    return None
