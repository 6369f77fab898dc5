"""Branches that cannot be traced because of a value, and raise where they are taken.

A branch may index an array that it closes over, or divide plain numbers, in a way that is right
only where it is taken: ``cond(i < len(a), lambda: a[i], lambda: 0.0)`` with plain ``i``. NumPy and
Python raise while the branch is traced, though a plain ``if`` would never have come there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import tree
from ...errors import DtypeError, OutOfBoundsError
from ...ops.linear import zeros
from ..callbacks.debug import perform
from ..callbacks.host import Host
from ..program.trace_body import Body, Operands, trace_body

__all__ = ["traced_branches"]

_OF_VALUES = (IndexError, ArithmeticError, np.linalg.LinAlgError)


def traced_branches(
    branches: Sequence[Callable[..., Any]], given: Operands, what: str, chosen: int | None
) -> list[Body]:
    """The branches, traced; one that raised because of a value raises in the program instead.

    Args:
        branches: The user's functions.
        given: Their operands.
        what: The control flow's name, for errors.
        chosen: The one that is taken, where that is known.

    Raises:
        IndexError, ArithmeticError, numpy.linalg.LinAlgError: Of the branch that is taken, or where
            every branch raises.
    """
    bodies: list[Body | None] = []
    raised: dict[int, Exception] = {}
    for k, f in enumerate(branches):
        try:
            bodies.append(trace_body(f, given.avals, given.rebuild, what))
        except _OF_VALUES as error:
            if isinstance(error, DtypeError) or k == chosen:
                raise
            if isinstance(error, OutOfBoundsError):
                error.located = True  # at the line of the branch
            raised[k] = error
            bodies.append(None)
    like = next((body for body in bodies if body is not None), None)
    if like is None:
        raise raised[0]
    return [
        body or _raising(raised[k], branches[k], like, given, what) for k, body in enumerate(bodies)
    ]


def _raising(
    error: Exception, f: Callable[..., Any], like: Body, given: Operands, what: str
) -> Body:
    """A branch that raises, of the type of another."""

    def fail() -> None:
        raise error.with_traceback(None)

    def branch(*_: Any) -> Any:
        perform(Host(fail, (), {}))
        leaves = list(like.leaves)
        for i, aval in zip(like.numbers, like.jaxpr.out_avals, strict=True):
            leaves[i] = zeros(aval.strong())
        return tree.unflatten(like.treedef, leaves)

    branch.__name__ = getattr(f, "__name__", branch.__name__)
    return trace_body(branch, given.avals, given.rebuild, what)
