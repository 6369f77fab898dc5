"""Long elementwise runs, found and written as loops over blocks that fit the cache.

Between two reads of main memory a core can do dozens of operations, so a run of elementwise
equations over a long array is computed block by block: each block goes through all equations while
it is in the cache. Sums of all elements end a run; they are added up block by block.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

from ...core.ir import Aval, Equation, Jaxpr, Var
from ...ops.kinds import Elementwise
from ...ops.linear import Sum

__all__ = ["Block", "Step", "schedule"]

_ELEMENTS_LEAST = 1 << 15
"""Arrays from this length on are computed in blocks."""
_EQUATIONS_LEAST = 3
_EQUATIONS_MOST = 64
_OPEN_MOST = 4
"""How many runs over one shape are tried for an equation, the latest first."""


class Block:
    """A run of equations over arrays of one shape.

    Attributes:
        shape: The shape.
        equations: In order.
        after: The runs that this one reads results of, directly or through other equations.
    """

    __slots__ = ("after", "equations", "shape")

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.equations: list[Equation] = []
        self.after: set[Block] = set()

    def reaches(self, other: Block) -> bool:
        """Whether this run must wait for ``other``."""
        pending: list[Block] = [self]
        seen: set[Block] = {self}
        while pending:
            for block in pending.pop().after:
                if block is other:
                    return True
                if block not in seen:
                    seen.add(block)
                    pending.append(block)
        return False


Step = Equation | Block


def schedule(jaxpr: Jaxpr) -> list[Step]:
    """The equations in an order of execution, runs of long elementwise ones taken together."""
    long = any(eqn.outputs and long_enough(eqn.outputs[0].aval) for eqn in jaxpr.equations)
    if not long or jaxpr.effect:  # effects keep their order
        return list(jaxpr.equations)
    owner = _Clustering(jaxpr).owner
    kept = {id(block) for block in owner.values() if len(block.equations) >= _EQUATIONS_LEAST}
    steps: list[Step] = []
    placed: dict[int, int] = {}  # the position among the steps of each run
    position: dict[Var, int] = {}
    for eqn in jaxpr.equations:
        block = owner.get(id(eqn))
        if block is None or id(block) not in kept:
            at = len(steps)
            steps.append(eqn)
        elif id(block) in placed:
            at = placed[id(block)]
        else:
            at = placed[id(block)] = len(steps)
            steps.append(block)
        for v in eqn.outputs:
            position[v] = at
    return _in_order(steps, position)


def _in_order(steps: Sequence[Step], position: dict[Var, int]) -> list[Step]:
    """Steps sorted so that each comes after those it reads, and else as they were written."""
    waits: list[int] = []
    readers: list[list[int]] = [[] for _ in steps]
    for i, step in enumerate(steps):
        needed = {position[v] for v in _read_atoms(step) if v in position} - {i}
        waits.append(len(needed))
        for j in needed:
            readers[j].append(i)
    ready = [i for i, count in enumerate(waits) if not count]
    order: list[Step] = []
    while ready:
        i = heapq.heappop(ready)
        order.append(steps[i])
        for j in readers[i]:
            waits[j] -= 1
            if not waits[j]:
                heapq.heappush(ready, j)
    return order


def _read_atoms(step: Step) -> Iterator[Var]:
    for eqn in step.equations if isinstance(step, Block) else (step,):
        for a in eqn.inputs:
            if isinstance(a, Var):
                yield a


def long_enough(aval: Aval) -> bool:
    """Whether arrays of this type are computed in blocks."""
    return aval.size >= _ELEMENTS_LEAST


class _Clustering:
    """Assigns equations to runs, so that no run waits for itself.

    Attributes:
        owner: The run of an equation, by its id.
    """

    def __init__(self, jaxpr: Jaxpr) -> None:
        self.owner: dict[int, Block] = {}
        # For each variable the runs that it waits for, its own among them.
        self._after: dict[Var, frozenset[Block]] = {}
        self._runs: dict[tuple[int, ...], list[Block]] = {}
        self._source: dict[Var, Block | None] = {}
        for eqn in jaxpr.equations:
            shape = _run_shape(eqn)
            block = None if shape is None else self._join(eqn, shape)
            after = self._waits(eqn, block)
            if block is not None:
                block.after |= after
                block.equations.append(eqn)
                self.owner[id(eqn)] = block
                after = frozenset([block])
            # A sum is there when its run has ended, so who reads it comes after the run.
            inside = None if type(eqn.primitive) is Sum else block
            for v in eqn.outputs:
                self._after[v] = after
                self._source[v] = inside

    def _waits(self, eqn: Equation, block: Block | None) -> frozenset[Block]:
        """The runs outside ``block`` that an equation waits for."""
        found: frozenset[Block] = frozenset()
        for a in eqn.inputs:
            if isinstance(a, Var) and (block is None or self._source.get(a) is not block):
                after = self._after.get(a)
                if after:
                    found = found | after if found else after
        return found

    def _join(self, eqn: Equation, shape: tuple[int, ...]) -> Block:
        runs = self._runs.setdefault(shape, [])
        for block in reversed(runs[-_OPEN_MOST:]):
            if len(block.equations) >= _EQUATIONS_MOST:
                continue
            if type(eqn.primitive) is Sum and self._source.get(_first(eqn)) is not block:
                continue
            waits = self._waits(eqn, block)
            if block not in waits and not any(other.reaches(block) for other in waits):
                return block
        block = Block(shape)
        runs.append(block)
        return block


def _first(eqn: Equation) -> Any:
    return eqn.inputs[0]


def _run_shape(eqn: Equation) -> tuple[int, ...] | None:
    """The shape of the run that an equation may belong to."""
    primitive = eqn.primitive
    if type(primitive) is Sum:
        aval = eqn.inputs[0].aval
        whole = len(primitive.axes) == len(aval.shape) and long_enough(aval)
        # Blocks are added up in double precision, which others do not have, or overflow before.
        return aval.shape if whole and aval.dtype.char in "fd" else None
    if not isinstance(primitive, Elementwise) or not long_enough(eqn.outputs[0].aval):
        return None
    shape = eqn.outputs[0].aval.shape
    for a in eqn.inputs:
        if a.aval.shape not in (shape, ()) or a.aval.dtype.kind == "c":
            return None
    return shape
