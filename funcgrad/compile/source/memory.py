"""Which arrays of a program share memory, when they die, and which can be written over.

An array that an equation made, that nobody reads any more and of which no view is alive is a free
buffer: a later result of the same shape and dtype is computed into it. Arguments and constants are
never written to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import cast

import numpy as np

from ...core.ir import Atom, Aval, Equation, Var
from ...core.residuals import StepsAval
from ...ops.convert import Convert
from ...ops.convolution import TrilinearForm
from ...ops.index import GetItem, Scatter, ScatterAdd, ScatterSum, Update
from ...ops.kinds import Elementwise
from ...ops.linalg import DotGeneral
from ...ops.linear import Sum
from ...ops.pooling import OverlapAdd, WindowExtremum, WindowSum
from ...ops.reduce import Reduction
from ...ops.scan import CumProd, CumSum
from ...ops.shape import Concatenate, Pad
from ...ops.sort import Sort
from ...ops.unstack import Stack

__all__ = ["Memory", "nbytes"]

_SUMS = (DotGeneral, Sum, Reduction, CumSum, CumProd)
_WINDOWS = (TrilinearForm, OverlapAdd, WindowSum, WindowExtremum)
_COPIES = (
    Convert,
    Sort,
    Concatenate,
    Stack,
    Pad,
    Scatter,
    ScatterAdd,
    ScatterSum,
    Update,
)


def nbytes(aval: Aval) -> int:
    """The size of a value in bytes."""
    return aval.size * aval.dtype.itemsize


def _holds_memory(var: Var) -> bool:
    """Whether a value is an array, or a tape of arrays that may be others' too."""
    return bool(var.aval.shape) or isinstance(var.aval, StepsAval)


def makes(eqn: Equation) -> bool:
    """Whether the results of an equation share no memory with its operands."""
    primitive = eqn.primitive
    if isinstance(primitive, GetItem):
        return any(a.aval.shape for a in eqn.inputs[1:])  # NumPy's advanced indexing copies
    return isinstance(primitive, (Elementwise, *_SUMS, *_WINDOWS, *_COPIES)) or isinstance(
        primitive.numpy, np.ufunc
    )


class Memory:
    """The arrays that are alive while a program runs.

    Args:
        foreign: Inputs and constants, whose memory belongs to others.
    """

    __slots__ = ("_holders", "_made", "_roots")

    def __init__(self, foreign: Iterable[Var]) -> None:
        # A root is a piece of memory, named by the variable that first stood for it.
        self._roots: dict[Var, frozenset[Var]] = {v: frozenset([v]) for v in foreign}
        self._holders: dict[Var, int] = dict.fromkeys(self._roots, 1)
        self._made: set[Var] = set()

    def define(self, eqn: Equation) -> None:
        """Note the results of an equation."""
        for out in eqn.outputs:
            if not _holds_memory(out):
                continue
            if makes(eqn):
                self.make(out)
                continue
            roots: frozenset[Var] = frozenset()
            for a in eqn.inputs:
                if isinstance(a, Var) and _holds_memory(a):
                    roots |= self._roots[a]
            self._hold(out, roots or frozenset([out]))

    def make(self, out: Var) -> None:
        """Note a result in memory of its own."""
        self._made.add(out)
        self._hold(out, frozenset([out]))

    def _hold(self, var: Var, roots: frozenset[Var]) -> None:
        self._roots[var] = roots
        for root in roots:
            self._holders[root] = self._holders.get(root, 0) + 1

    def kill(self, var: Var) -> None:
        """Note that nobody reads ``var`` any more."""
        for root in self._roots.get(var, ()):
            self._holders[root] -= 1

    def sole(self, var: Var) -> bool:
        """Whether ``var`` was made by an equation and its memory has no other name."""
        return var in self._made and self._holders[var] == 1

    def shares(self, var: Var, others: AbstractSet[Var]) -> bool:
        """Whether ``var`` may share memory with one of ``others``, which are inputs."""
        return not others.isdisjoint(self._roots[var])

    def apart(self, outputs: Sequence[Atom], k: int) -> bool:
        """Whether no other of the values shares memory with the one at ``k``."""
        roots = self._roots[cast(Var, outputs[k])]
        others = [a for i, a in enumerate(outputs) if i != k and isinstance(a, Var)]
        return all(roots.isdisjoint(self._roots.get(a, ())) for a in others)

    def owned(self, outputs: Sequence[Atom]) -> list[bool]:
        """For each array that is returned, whether its memory is its own."""
        seen: set[Var] = set()
        found: list[bool] = []
        for a in outputs:
            own = isinstance(a, Var) and a in self._made and a not in seen
            if isinstance(a, Var):
                own = own and not any(r in seen for r in self._roots.get(a, ()))
                seen |= self._roots.get(a, frozenset())
            found.append(own)
        return found
