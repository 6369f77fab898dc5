"""A frame that keeps every operation of one evaluation, those without a derivative too.

It computes as plain NumPy does. Programs, branches and loops are run equation by equation, so that
what is kept is flat; functions with rules of their own stay whole, since their derivatives do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..control.program.structured import Interpreter
from ..core.ir import Aval, Jaxpr, Var
from ..core.refusal import raise_leaked, user_source_info
from ..core.residuals import StepResidualsAval
from ..core.source_info import SourceInfo
from ..core.trace import Frame, Tracer, apply, aval_of
from ..ops.index import GetItem
from ..ops.unstack import Stack

__all__ = ["Record", "RecordingFrame", "flattens", "has_rule", "pull"]


@dataclass(eq=False, slots=True)
class Record:
    """One operation.

    Attributes:
        primitive: What was done; None where a value was read by Python itself, as in ``if x > 0``,
            or by a branch that was not taken.
        args: The operands; tracers of the frame where they depend on what is looked at.
        values: What the operands stand for.
        outs: The results, as tracers.
        residuals: What the primitive's ``backward`` takes; None for those with a ``vjp``.
        source_info: The user's place.
        use: Where there is no primitive, what read the value: ``"bool"``, ``"branch"``.
    """

    primitive: Any
    args: Sequence[Any]
    values: Sequence[Any]
    outs: tuple[Tracer, ...]
    residuals: Any
    source_info: SourceInfo | None
    use: str = ""


class RecordingFrame(Frame):
    """Computes, and keeps one `Record` an operation on what it was given."""

    __slots__ = ("records",)

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.records: list[Record] = []

    def lift(self, value: Any) -> Tracer:
        """The tracer for a value; arrays are kept as they are now."""
        kept = np.array(value) if isinstance(value, np.ndarray) else value
        return self.tracer(kept, aval_of(value))

    def concrete(self, tracer: Tracer, use: str) -> Any:
        if self.closed:
            raise_leaked(self, tracer)
        read = Record(None, [tracer], [tracer.value], (), None, user_source_info(), use)
        self.records.append(read)
        return tracer.value

    def value(self, x: Any) -> Any:
        """What ``x`` stands for."""
        return x.value if isinstance(x, Tracer) and x.frame is self else x

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        source_info = self.here(source_info)
        values = [self.value(a) for a in args]
        if flattens(primitive, values):
            outs = tuple(primitive.interpret(args, _Inside(self)))
            self.records += self._untaken(primitive, args, outs, source_info)
            return outs
        residuals = None
        if primitive.forward is not None:
            out, residuals = primitive.forward(values, source_info)
        else:
            out = apply(primitive, values, source_info)
        outs = tuple(map(self.lift, out if primitive.multiple else (out,)))
        kept = [np.array(v) if isinstance(v, np.ndarray) else v for v in values]
        self.records.append(Record(primitive, args, kept, outs, residuals, source_info))
        return outs if primitive.multiple else outs[0]

    def _untaken(
        self, primitive: Any, args: Sequence[Any], outs: Sequence[Any], place: SourceInfo | None
    ) -> Iterator[Record]:
        """What branches read that were not taken: those that hold several programs and no loop."""
        programs = [jaxpr for role, jaxpr in primitive.bodies() if role.startswith("branches[")]
        if not programs:
            return
        index, operands = int(self.value(args[0])), args[1:]
        taken = _reads(programs[index])
        results = tuple([x for x in outs if isinstance(x, Tracer) and x.frame is self])
        unread = [
            operands[i]
            for k, jaxpr in enumerate(programs)
            for i in sorted(_reads(jaxpr) - taken)
            if k != index and isinstance(operands[i], Tracer)
        ]
        if isinstance(args[0], Tracer):
            yield Record(None, [args[0]], [self.value(args[0])], results, None, place, "index")
        if unread:
            values = [self.value(x) for x in unread]
            yield Record(None, unread, values, results, None, place, "branch")


def _reads(jaxpr: Jaxpr) -> set[int]:
    used = {a for eqn in jaxpr.equations for a in eqn.inputs if isinstance(a, Var)}
    used |= {a for a in jaxpr.outputs if isinstance(a, Var)}
    return {i for i, var in enumerate(jaxpr.inputs) if var in used}


def has_rule(primitive: Any) -> bool:
    """Whether a primitive is a call of a function with a rule of the user's, which can be run."""
    return primitive.interpret is not None and "rule" in primitive.fields


def flattens(primitive: Any, values: Sequence[Any]) -> bool:
    """Whether a primitive is run equation by equation: it has programs, and no rules of its own."""
    if primitive.interpret is None or "rule" in primitive.fields:
        return False
    given = [aval_of(v) for v in values]
    types = [*given, *primitive.aval(*given)]
    types += [a for _, jaxpr in primitive.bodies() for a in (*jaxpr.in_avals, *jaxpr.out_avals)]
    return not any(isinstance(a, StepResidualsAval) for a in types)


def pull(
    record: Record,
    cts: Sequence[Any],
    wanted: Sequence[bool],
    masked: bool,
    results: Sequence[Any] | None = None,
) -> Sequence[Any]:
    """The cotangents of the operands by the primitive's own rule; None for zeros.

    Args:
        record: What was done.
        cts: One a result, None for zero.
        wanted: For which operands a cotangent is asked.
        masked: Whether products with ``cts`` are masked (DESIGN, law 5).
        results: The results' values; by default those recorded.
    """
    primitive, values = record.primitive, record.values
    if not any(wanted) or all(c is None for c in cts):
        return [None] * len(values)
    if results is None:
        results = [out.value for out in record.outs]
    ct, out = (tuple(cts), tuple(results)) if primitive.multiple else (cts[0], results[0])
    if record.residuals is not None:
        return primitive.backward(ct, out, values, wanted, masked, record.residuals)
    return primitive.vjp(ct, out, values, wanted, masked)


class _Inside(Interpreter):
    """Runs the programs of a primitive in a `RecordingFrame`."""

    def __init__(self, frame: RecordingFrame) -> None:
        self._frame = frame

    def value(self, x: Any) -> Any:
        return self._frame.value(x)

    def entry(self, x: Any, step: int) -> Any:
        return GetItem((step,))(x) if isinstance(x, Tracer) else x[step]

    def collect(self, entries: Sequence[Any], aval: Aval) -> Any:
        if entries and any(isinstance(x, Tracer) for x in entries):
            return Stack(0)(*entries)
        return super().collect(entries, aval)
