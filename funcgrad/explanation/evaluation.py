"""One evaluation, kept as a graph: the frame that records it.

Every operation is a node of the scope in which it runs: the function itself, or a box for a program
inside it (a jitted function, a branch, one step of a loop). The records beside the nodes are flat,
one an operation.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

from ..control.program.structured import Interpreter
from ..core.ir import Aval, Equation, Jaxpr, Literal, Var
from ..core.primitive import Primitive
from ..core.source_info import SourceInfo
from ..core.trace import Tracer, apply, aval_of
from ..ops.convert import Convert
from .recording import Record, RecordingFrame, flattens, has_rule
from .variables import targets_of, users_frames

__all__ = ["Draft", "GraphFrame", "Named", "Scope"]

_Slot = tuple["Draft", int]
"""One value of a node."""


class Draft:
    """A node that is still being written.

    Attributes:
        kind: As `Node.kind`.
        primitive: What it does; None for inputs and constants.
        records: What was done, once for each time that it ran.
        operands: For each operand the value that it is, or what stands for a number.
        outs: For each time that it ran its results.
        inside: The scope of a box.
        opened: For each time that a box ran, which records were made, and its operands.
        runs: For each time that an input was read, the run of the program; see `Scope.spans`.
        label: What an input or a box is called.
    """

    def __init__(
        self,
        kind: Any,
        primitive: Primitive | None = None,
        source_info: SourceInfo | None = None,
        label: str = "",
    ) -> None:
        self.kind, self.primitive, self.source_info, self.label = (
            kind,
            primitive,
            source_info,
            label,
        )
        self.records: list[Record] = []
        self.operands: list[_Slot | Any] = []
        self.outs: list[Sequence[Any]] = []
        self.names: dict[int, str] = {}
        self.given: dict[int, str] = {}
        self.inside: Scope | None = None
        self.opened: list[tuple[int, int, Sequence[Any]]] = []
        self.runs: list[int] = []
        self.error: BaseException | None = None

    def name(self, port: int) -> str:
        """What the user calls a value; an argument keeps its name."""
        own, given = self.names.get(port, ""), self.given.get(port, "")
        return own or given if self.kind == "input" else given or own


class Named(NamedTuple):
    """A value with a name of the user's.

    Attributes:
        label: The name.
        loops: Whether it is there once a step.
        tracers: The values.
    """

    label: str
    loops: bool
    tracers: list[Tracer]


class Scope:
    """The nodes of one function, program or step.

    Attributes:
        drafts: The nodes, in order.
        loops: Whether its nodes run once a step.
        results: The values that it gives.
        spans: For each time that one of its programs ran, which records were made.
    """

    def __init__(self, loops: bool = False) -> None:
        self.drafts: list[Draft] = []
        self.loops = loops
        self.results: list[_Slot | Any] = []
        self.spans: list[tuple[int, int]] = []
        self.named: dict[tuple[str, Draft, int], Named] = {}
        self.of_tracer: dict[int, _Slot] = {}
        self.of_equation: dict[Equation, Draft] = {}
        self.of_input: dict[Var, Draft] = {}

    def add(self, draft: Draft) -> Draft:
        self.drafts.append(draft)
        return draft


class GraphFrame(RecordingFrame):
    """Records operations as a `RecordingFrame` does, and as the nodes of a graph.

    Args:
        until: The code of the function below which the user's own stack begins.
    """

    __slots__ = ("_calls", "_equation", "_operands", "_until", "named", "root", "scope")

    def __init__(self, what: str, until: CodeType) -> None:
        super().__init__(what)
        self.root = self.scope = Scope()
        self.named: list[Named] = []
        self._until = until
        self._calls: dict[int, tuple[FrameType, str, Draft]] = {}
        self._equation: Equation | None = None
        self._operands: list[_Slot | Any] = []

    def input(self, value: Any, label: str) -> Tracer:
        """The tracer for an argument."""
        draft = self.scope.add(Draft("input", label=label))
        draft.names[0] = label
        tracer = self.lift(value)
        draft.outs.append((tracer,))
        self.scope.of_tracer[id(tracer)] = draft, 0
        return tracer

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        source_info = self.here(source_info)
        equation, self._equation = self._equation, None
        operands = self._operands if equation is not None else [self._slot(a) for a in args]
        label = getattr(primitive, "label", None)
        if primitive.name == "name" and label is not None:
            return self._name(primitive, args, operands[0], label, source_info)
        if isinstance(operands[0], tuple) and _changes_nothing(primitive, args):
            tracer = super().process(primitive, args, source_info)
            self.scope.of_tracer[id(tracer)] = operands[0]
            return tracer
        draft = self._draft(primitive, operands, equation, source_info)
        values = [self.value(a) for a in args]
        try:
            if flattens(primitive, values):
                outs: Sequence[Any] = self._open(draft, args)
            else:
                found = super().process(primitive, args, source_info)
                outs = found if primitive.multiple else (found,)
                draft.records.append(self.records[-1])
                if has_rule(primitive) and draft.inside is None:
                    self._look_inside(draft, values)
        except Exception as error:
            draft.error = draft.error or error
            raise
        draft.outs.append(outs)
        for port, out in enumerate(outs):
            if isinstance(out, Tracer):
                self.scope.of_tracer.setdefault(id(out), (draft, port))
        if equation is None:
            self._name_variables(draft, len(outs))
        return tuple(outs) if primitive.multiple else outs[0]

    def _slot(self, x: Any) -> _Slot | Any:
        if not isinstance(x, Tracer):
            return x
        return self.scope.of_tracer.get(id(x), x)

    def _draft(
        self,
        primitive: Primitive,
        operands: list[_Slot | Any],
        equation: Equation | None,
        source_info: SourceInfo | None,
    ) -> Draft:
        scope = self.scope
        known = scope.of_equation.get(equation) if equation is not None else None
        if known is not None:
            return known
        kind = "operation" if primitive.interpret is None else "fold"
        draft = scope.add(Draft(kind, primitive, source_info, str(primitive)))
        draft.operands = operands
        for port, name in enumerate(targets_of(source_info)):
            draft.names[port] = name
        if equation is not None:
            scope.of_equation[equation] = draft
        return draft

    def _name(
        self,
        primitive: Primitive,
        args: Sequence[Any],
        operand: _Slot | Any,
        label: str,
        source_info: SourceInfo | None,
    ) -> Any:
        """A value that the user names: not a node, but a name of one."""
        tracer = super().process(primitive, args, source_info)
        if isinstance(operand, tuple) and isinstance(operand[0], Draft):
            draft, port = operand
            draft.given[port] = label
            self.scope.of_tracer[id(tracer)] = operand
            scope = self.scope
            known = scope.named.get((label, draft, port))
            if known is None:
                known = scope.named[label, draft, port] = Named(label, scope.loops, [])
                self.named.append(known)
            known.tracers.append(tracer)
        return tracer

    def _name_variables(self, draft: Draft, count: int) -> None:
        """Remember which variables of the functions around may come to hold the results.

        ``h = helper(x)`` names the last value that the call of ``helper`` computes.
        """
        inner: FrameType | None = None
        for frame in users_frames(sys._getframe(2), self._until):
            if inner is not None:
                targets = targets_of((frame.f_code, frame.f_lasti))
                if len(targets) == 1:
                    self._calls[id(inner)] = inner, targets[0], draft
            inner = frame

    def finish(self, results: Sequence[Any]) -> None:
        """Take note of the results, and of the names that values have outside of helpers."""
        self.root.results = [self._slot(x) for x in results]
        for _, name, draft in self._calls.values():
            draft.names.setdefault(0, name)
        self._calls = {}

    def _open(self, draft: Draft, args: Sequence[Any]) -> list[Any]:
        """Run the programs of a box, in a scope of its own."""
        outer, scope = self.scope, draft.inside
        if scope is None:
            primitive = draft.primitive
            assert primitive is not None
            scope = draft.inside = Scope(outer.loops or primitive.loops)
        self.scope, start = scope, len(self.records)
        try:
            found = draft.primitive.interpret(args, _Inside(self))  # type: ignore[union-attr]
            return [x if isinstance(x, Tracer) else self.lift(x) for x in found]
        finally:
            self.scope = outer
            draft.opened.append((start, len(self.records), args))

    def _look_inside(self, draft: Draft, values: Sequence[Any]) -> None:
        """Run a function that has a rule once more, for its box alone: nothing flows through it.

        Its results and its derivatives are the rule's.
        """
        primitive = draft.primitive
        assert primitive is not None
        outer, named, calls = self.scope, list(self.named), dict(self._calls)
        self.scope, start = Scope(), len(self.records)
        try:
            given = [
                self.input(x, f"in{k}") if aval_of(x).inexact else x for k, x in enumerate(values)
            ]
            found = primitive.interpret(given, _Inside(self))
            self.scope.results = [self._slot(x) for x in found]
            for inner, name, of in self._calls.values():
                if id(inner) not in calls:
                    of.names.setdefault(0, name)
            draft.inside = self.scope
        finally:
            self.scope, self.named, self._calls = outer, named, calls
            del self.records[start:]

    def run(self, jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
        """The results of a program in the scope that is open; its inputs are nodes there."""
        scope = self.scope
        env: dict[Var, Any] = {}
        slots: dict[Var, _Slot] = {}
        start = len(self.records)
        for k, (var, value) in enumerate(zip(jaxpr.inputs, args, strict=True)):
            draft = scope.of_input.get(var)
            if draft is None:
                draft = scope.of_input[var] = scope.add(Draft("input", label=f"in{k}"))
            draft.outs.append((value,))
            draft.runs.append(len(scope.spans))
            env[var], slots[var] = value, (draft, 0)
            if isinstance(value, Tracer):
                scope.of_tracer[id(value)] = draft, 0
        try:
            self._run_equations(jaxpr, env, slots)
        finally:
            scope.spans.append((start, len(self.records)))
        results = [a.value if isinstance(a, Literal) else env[a] for a in jaxpr.outputs]
        scope.results = [
            a.value if isinstance(a, Literal) else slots.get(a, env[a]) for a in jaxpr.outputs
        ]
        return results

    def _run_equations(self, jaxpr: Jaxpr, env: dict[Var, Any], slots: dict[Var, _Slot]) -> None:
        scope = self.scope
        for eqn in jaxpr.equations:
            values = [a.value if isinstance(a, Literal) else env[a] for a in eqn.inputs]
            ours = any(isinstance(v, Tracer) and v.frame is self for v in values)
            self._equation = eqn if ours else None
            self._operands = [
                a.value if isinstance(a, Literal) else slots.get(a, env[a]) for a in eqn.inputs
            ]
            found = apply(eqn.primitive, values, eqn.source_info)
            outs = found if eqn.primitive.multiple else (found,)
            env.update(zip(eqn.outputs, outs, strict=True))
            for var, out in zip(eqn.outputs, outs, strict=True):
                if isinstance(out, Tracer) and id(out) in scope.of_tracer:
                    slots[var] = scope.of_tracer[id(out)]


def _changes_nothing(primitive: Primitive, args: Sequence[Any]) -> bool:
    """Whether an operation is a conversion that makes a Python number's type NumPy's."""
    return isinstance(primitive, Convert) and aval_of(args[0]).dtype == primitive.dtype


class _Inside(Interpreter):
    """Runs the programs of a box, and keeps what the steps of a loop read and give."""

    def __init__(self, frame: GraphFrame) -> None:
        self._frame = frame

    def value(self, x: Any) -> Any:
        return self._frame.value(x)

    def run(self, jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
        return self._frame.run(jaxpr, args)

    def entry(self, x: Any, step: int) -> Any:
        value = self.value(x)[step]
        if not isinstance(x, Tracer):
            return value
        out = self._frame.lift(value)
        self._frame.records.append(Record(None, [x], [step], (out,), None, None, "entry"))
        return out

    def collect(self, entries: Sequence[Any], aval: Aval) -> Any:
        frame = self._frame
        out = frame.lift(super().collect(entries, aval))
        record = Record(None, list(entries), [], (out,), None, None, "collect")
        frame.records.append(record)
        return out
