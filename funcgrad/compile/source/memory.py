"""Which arrays of a program share memory, when they die, and which can be written over.

An array that an equation made, unread from here on, of which no view is alive is a free
buffer: a later result of the same shape and dtype is computed into it. Arguments and constants are
never written to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from ...core.ir import Atom, Aval, Equation, Var
from ...core.residuals import StepResidualsAval
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
_MAKING = (Elementwise, *_SUMS, *_WINDOWS, *_COPIES)


def nbytes(aval: Aval) -> int:
    """The size of a value in bytes."""
    return aval.size * aval.dtype.itemsize


def _holds_memory(var: Var) -> bool:
    """Whether a value is an array, or a step residual of arrays that may be others' too."""
    return bool(var.aval.shape) or isinstance(var.aval, StepResidualsAval)


def makes(eqn: Equation) -> bool:
    """Whether the results of an equation share no memory with its operands."""
    primitive = eqn.primitive
    if isinstance(primitive, GetItem):
        return any(a.aval.shape for a in eqn.inputs[1:])  # NumPy's advanced indexing copies
    return isinstance(primitive, _MAKING) or isinstance(primitive.numpy, np.ufunc)


class Memory:
    """The arrays that are alive while a program runs.

    A root is a piece of memory, named by the variable that first stood for it. What a value may
    share memory with is a set of roots, and the results of one equation have one set together: who
    counts, counts sets, for loops may carry thousands of arrays.

    Args:
        foreign: Inputs and constants, whose memory belongs to others.
    """

    __slots__ = ("_alive", "_holders", "_made", "_roots")

    def __init__(self, foreign: Iterable[Var]) -> None:
        self._roots: dict[Var, frozenset[Var]] = {}
        self._alive: dict[frozenset[Var], int] = {}  # how many values that are alive have a set
        self._holders: dict[Var, int] = {}  # how many of the sets that are alive hold a root
        self._made: set[Var] = set()
        for v in foreign:
            self._hold(v, frozenset([v]))

    def define(self, eqn: Equation) -> None:
        """Note the results of an equation."""
        outputs = [out for out in eqn.outputs if _holds_memory(out)]
        if not outputs:
            return
        if makes(eqn):
            for out in outputs:
                self.make(out)
            return
        inputs = [a for a in eqn.inputs if isinstance(a, Var) and _holds_memory(a)]
        sets = {self._roots[a] for a in inputs}
        shared = next(iter(sets)) if len(sets) == 1 else frozenset().union(*sets)
        for out in outputs:
            self._hold(out, shared or frozenset([out]))

    def make(self, out: Var) -> None:
        """Note a result in memory of its own."""
        self._made.add(out)
        self._hold(out, frozenset([out]))

    def _hold(self, var: Var, roots: frozenset[Var]) -> None:
        self._roots[var] = roots
        alive = self._alive.get(roots, 0)
        self._alive[roots] = alive + 1
        if not alive:
            for root in roots:
                self._holders[root] = self._holders.get(root, 0) + 1

    def kill(self, var: Var) -> None:
        """Note that ``var`` is unread from here on."""
        roots = self._roots.get(var)
        if roots is None:
            return
        self._alive[roots] -= 1
        if not self._alive[roots]:
            for root in roots:
                self._holders[root] -= 1

    def sole(self, var: Var) -> bool:
        """Whether ``var`` was made by an equation and its memory has no other name."""
        alone = var in self._made and self._holders[var] == 1
        return alone and self._alive[self._roots[var]] == 1

    def shares(self, var: Var, others: AbstractSet[Var]) -> bool:
        """Whether ``var`` may share memory with one of ``others``, which are inputs."""
        return bool(others) and not others.isdisjoint(self._roots[var])

    def apart(self, outputs: Sequence[Atom]) -> list[bool]:
        """For each value that is returned, whether no other one shares memory with it."""
        roots = [self._roots.get(a) if isinstance(a, Var) else None for a in outputs]
        among: dict[Var, int] = {}
        for held, count in Counter(filter(None, roots)).items():
            for root in held:
                among[root] = among.get(root, 0) + count
        return [all(among[root] == 1 for root in held or ()) for held in roots]

    def find_owned(self, outputs: Sequence[Atom]) -> list[bool]:
        """For each array that is returned, whether its memory is its own."""
        seen: set[Var] = set()
        sets: set[frozenset[Var]] = set()
        found: list[bool] = []
        for a in outputs:
            roots = self._roots.get(a) if isinstance(a, Var) else None
            own = a in self._made and roots not in sets and seen.isdisjoint(roots or ())
            if roots is not None and roots not in sets:
                sets.add(roots)
                seen |= roots
            found.append(own)
        return found
