"""The linear functions that vjp and linearize return.

They trim funcgrad's frames from errors, and pickle: a linear function as its program, a pullback,
which holds a tape, as the program of walking that. They are pytrees, whose leaves are the values
that the program captured, so that a compiled function may return them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.ir import Aval, Jaxpr
from ..core.record import run, trace
from ..core.trace import aval_of
from ..errors import ArgumentError, entry
from ..ops.linear import zeros
from ..tree import TreeDef
from .flat import distribute
from .leaves import SplitArgument, matching, own_result, primal, require_inexact, tangents_for

__all__ = ["Linear", "Pullback"]


class Linear:
    """What `linearize` returns: of tangents of the primals, to the tangent of the output.

    Args:
        parts: The primals.
        program: Of captured values and one tangent a differentiated leaf.
        captured: These values.
        treedef: The structure of the output.
        exact: For each of its leaves whether it has no tangent.
    """

    __slots__ = ("_captured", "_exact", "_parts", "_program", "_static", "_treedef")

    _static: _Static

    def __init__(
        self,
        parts: Sequence[SplitArgument],
        program: Jaxpr,
        captured: Sequence[Any],
        treedef: TreeDef,
        exact: Sequence[bool],
    ) -> None:
        self._parts, self._program, self._captured = parts, program, captured
        self._treedef, self._exact = treedef, exact

    @entry
    def __call__(self, *tangents: Any) -> Any:
        parts = self._parts
        if len(tangents) != len(parts):
            raise ArgumentError(
                f"linearize: the linear function takes {len(parts)} "
                f"{'tangent' if len(parts) == 1 else 'tangents'}, got {len(tangents)}",
                "Give one tangent a primal.",
            )
        given: list[Any] = []
        for i, (part, t) in enumerate(zip(parts, tangents, strict=True)):
            pieces: list[Any] = [None] * len(part.chosen)
            if t is not None:
                require_inexact(part, "linearize", primal(i))
                pieces = tangents_for(part, t, "linearize", f"tangent {i}")
            for value, piece in zip(part.values, pieces, strict=True):
                given.append(zeros(aval_of(value).strong()) if piece is None else piece)
        held = {id(v) for v in (*given, *self._captured)}
        pushed = iter(run(self._program, [*self._captured, *given]))
        leaves = [None if exact else own_result(next(pushed), held) for exact in self._exact]
        return tree.unflatten(self._treedef, leaves)


class Pullback:
    """What `vjp` returns: of a cotangent of the output, to cotangents of the primals.

    Args:
        parts: The primals.
        values: Their differentiated leaves.
        treedef: The structure of the output.
        avals: The types of its leaves.
        pull: Of one cotangent an output leaf, to one a value; None is a zero.
    """

    __slots__ = ("_avals", "_parts", "_pull", "_static", "_treedef", "_values")

    _static: _Static

    def __init__(
        self,
        parts: Sequence[SplitArgument],
        values: Sequence[Any],
        treedef: TreeDef,
        avals: Sequence[Aval],
        pull: Callable[[Sequence[Any]], Sequence[Any]],
    ) -> None:
        self._parts, self._values, self._treedef = parts, values, treedef
        self._avals, self._pull = avals, pull

    @entry
    def __call__(self, ct: Any) -> tuple[Any, ...]:
        treedef = self._treedef
        given = tree.flatten_up_to(treedef, ct, "vjp: the cotangent", "the output")
        cts = [
            matching(c, aval, "vjp: the cotangent", treedef, i) if aval.inexact else None
            for i, (c, aval) in enumerate(zip(given, self._avals, strict=True))
        ]
        held = {id(c) for c in cts} | {id(v) for v in self._values}
        return tuple(distribute(self._parts, self._values, self._pull(cts), held))

    def __reduce__(self) -> tuple[Any, ...]:
        pull = self._pull
        if not isinstance(pull, _Recorded):
            pull = _recorded(pull, self._avals)
        return Pullback, (self._parts, self._values, self._treedef, self._avals, pull)


class _Static:
    """What belongs to the structure of such a function as a pytree; compared by identity.

    Attributes:
        rest: The arguments of its class beside what was captured.
    """

    __slots__ = ("rest",)

    def __init__(self, *rest: Any) -> None:
        self.rest = rest


def _types_of(parts: Sequence[SplitArgument]) -> list[SplitArgument]:
    """The primals without their values: arrays of their types that take no memory."""
    return [
        SplitArgument(
            [_of_type(x) if i in part.chosen else None for i, x in enumerate(part.leaves)],
            part.treedef,
            part.chosen,
        )
        for part in parts
    ]


def _of_type(x: Any) -> Any:
    aval = aval_of(x)
    return np.broadcast_to(aval.dtype.type(0), aval.shape)[()]


def _split_pullback(x: Pullback) -> tuple[list[list[Any]], _Static]:
    if not isinstance(x._pull, _Recorded):
        x._pull = _recorded(x._pull, x._avals)
    if not hasattr(x, "_static"):
        parts = _types_of(x._parts)
        values = [v for part in parts for v in part.values]
        pull = x._pull
        x._static = _Static(parts, values, x._treedef, x._avals, pull._program, pull._given)
    return [list(x._pull._captured)], x._static


def _join_pullback(static: _Static, children: Sequence[Any]) -> Pullback:
    parts, values, treedef, avals, program, given = static.rest
    pull = _Recorded(program, children[0], avals, given)
    new = Pullback(parts, values, treedef, avals, pull)
    new._static = static
    return new


def _split_linear(x: Linear) -> tuple[list[list[Any]], _Static]:
    if not hasattr(x, "_static"):
        x._static = _Static(_types_of(x._parts), x._program, x._treedef, x._exact)
    return [list(x._captured)], x._static


def _join_linear(static: _Static, children: Sequence[Any]) -> Linear:
    parts, program, treedef, exact = static.rest
    new = Linear(parts, program, children[0], treedef, exact)
    new._static = static
    return new


class _Recorded:
    """A pullback as a program.

    Args:
        program: Of captured values and the cotangents of inexact outputs.
        captured: These values.
        avals: The types of the outputs.
        given: For each value whether the program gives its cotangent.
    """

    __slots__ = ("_avals", "_captured", "_given", "_program")

    def __init__(
        self,
        program: Jaxpr,
        captured: Sequence[Any],
        avals: Sequence[Aval],
        given: Sequence[bool],
    ) -> None:
        self._program, self._captured = program, captured
        self._avals, self._given = avals, given

    def __call__(self, cts: Sequence[Any]) -> list[Any]:
        operands = [
            zeros(aval.strong()) if c is None else c
            for c, aval in zip(cts, self._avals, strict=True)
            if aval.inexact
        ]
        found = iter(run(self._program, [*self._captured, *operands]))
        return [next(found) if some else None for some in self._given]


def _recorded(pull: Callable[[Sequence[Any]], Sequence[Any]], avals: Sequence[Aval]) -> _Recorded:
    given: list[bool] = []

    def flat(*tracers: Any) -> list[Any]:
        each = iter(tracers)
        found = pull([next(each) if aval.inexact else None for aval in avals])
        given.extend([c is not None for c in found])
        return [c for c in found if c is not None]

    inexact = [aval.strong() for aval in avals if aval.inexact]
    program, captured = trace(flat, inexact, name="pullback", what="vjp", effects=False)
    return _Recorded(program, captured, avals, given)


tree.register(Pullback, _split_pullback, _join_pullback)
tree.register(Linear, _split_linear, _join_linear)
