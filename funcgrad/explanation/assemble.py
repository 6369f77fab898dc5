"""From what was recorded to the finished graph: values, cotangents and local derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.residuals import StepResiduals
from ..core.trace import Tracer, aval_of
from ..ops.kinds import Elementwise, Over
from ..ops.steps import plus
from .evaluation import Draft, GraphFrame, Scope
from .graph import Edge, Graph, Node
from .recording import Record, pull
from .sweep import Contributions
from .symbols import formula_of, symbol_of

__all__ = ["assemble", "stack_steps"]


def assemble(
    frame: GraphFrame, flow: Contributions, title: str, labels: Sequence[str]
) -> tuple[Graph, dict[int, int]]:
    """The graph of an evaluation.

    Args:
        frame: What was recorded.
        flow: What flows back.
        title: The graph's heading.
        labels: What the results are called.

    Returns:
        The graph, and for the id of each draft of the function itself the index of its node.
    """
    made = _Assembler(frame, flow)
    graph = made.graph(frame.root, title, labels)
    return graph, made.indices


class _Assembler:
    def __init__(self, frame: GraphFrame, flow: Contributions) -> None:
        self._records, self._flow = frame.records, flow
        self.indices: dict[int, int] = {}
        self._names: dict[int, str] = {}

    def graph(self, scope: Scope, title: str, labels: Sequence[str]) -> Graph:
        """The nodes of a scope, with those for plain operands and for the results."""
        found = Graph(title)
        flows = [self._flow_in(start, end) for start, end in scope.spans]
        for draft in scope.drafts:
            self._add(found, draft, scope, flows)
        for label, result in zip(labels, scope.results, strict=False):
            self._add_output(found, label, result)
        return found

    def _flow_in(self, start: int, end: int) -> dict[int, Any]:
        """What some records contribute to each value."""
        found: dict[int, Any] = {}
        parts = self._flow.parts
        for record in self._records[start:end]:
            for k, a in enumerate(record.args):
                part = parts.get((id(record), k))
                if part is None:
                    continue
                if record.use == "entry":
                    part = _at_step(a.value, record.values[0], part)
                known = found.get(id(a))
                found[id(a)] = part if known is None else plus(known, part)
        return found

    def _add(
        self, graph: Graph, draft: Draft, scope: Scope, flows: Sequence[dict[int, Any]]
    ) -> None:
        edges = self._edges(graph, draft, scope)
        index = len(graph.nodes)
        self.indices[id(draft)] = index
        runs = draft.outs
        ports = range(len(runs[0]) if runs else 1)
        total = self._flow.total
        values, cotangents, avals = [], [], []
        for port in ports:
            outs = [outs[port] for outs in runs]
            plain = [x.value if isinstance(x, Tracer) else x for x in outs]
            if draft.kind == "input" and draft.runs:
                cts = [flows[r].get(id(x)) for r, x in zip(draft.runs, outs, strict=True)]
            else:
                cts = [total.get(id(x)) for x in outs]
            values.append(stack_steps(plain, scope.loops))
            cotangents.append(stack_steps(cts, scope.loops, plain))
            avals.append(aval_of(plain[-1]) if plain else _NO_AVAL)
        for k, edge in enumerate(edges):
            edge.target, edge.position = index, k
        inside = None
        if draft.inside is not None:
            names = [f"out{k}" for k in range(len(draft.inside.results))]
            inside = self.graph(draft.inside, draft.label, names)
        primitive = draft.primitive
        names = [draft.name(p) or self._outer_name(draft, p) for p in ports]
        for outs in runs:
            self._names.update((id(x), name) for x, name in zip(outs, names, strict=False) if name)
        node = Node(
            index,
            "fold" if inside is not None else "operation" if primitive else draft.kind,
            primitive.name if primitive else "",
            symbol_of(primitive) if primitive else draft.label,
            tuple(names),
            draft.source_info,
            tuple(avals),
            tuple(values),
            tuple(cotangents),
            tuple(edges),
            inside,
            draft.error,
        )
        node.primitive = primitive
        graph.nodes.append(node)

    def _outer_name(self, draft: Draft, port: int) -> str:
        """The name that an input of a box has outside, where it is the same each time."""
        if draft.kind != "input":
            return ""
        ids = {id(outs[port]) for outs in draft.outs}
        return self._names.get(ids.pop(), "") if len(ids) == 1 else ""

    def _edges(self, graph: Graph, draft: Draft, scope: Scope) -> list[Edge]:
        edges: list[Edge] = []
        parts = self._flow.parts
        for k, operand in enumerate(draft.operands):
            if draft.records and isinstance(operand, np.ndarray):
                operand = draft.records[-1].values[k]  # as it was then
            source, port = self._source(graph, operand)
            edge = Edge(source, port, -1, k)
            if draft.records:
                given = [parts.get((id(r), k)) for r in draft.records]
                values = [r.values[k] for r in draft.records]
                edge.cotangent = stack_steps(given, scope.loops, values)
                if isinstance(draft.records[0].args[k], Tracer):
                    pairs = zip(draft.records, given, strict=True)
                    slopes = [local_derivative(r, k, ct is not None) for r, ct in pairs]
                    edge.local = stack_steps(slopes, scope.loops)
                    edge.formula = formula_of(draft.records[0].primitive, k)
            elif draft.opened:
                given = [
                    self._flow_in(start, end).get(id(args[k])) for start, end, args in draft.opened
                ]
                edge.cotangent = stack_steps(given, scope.loops)
            edges.append(edge)
        return edges

    def _source(self, graph: Graph, operand: Any) -> tuple[int, int]:
        """The node and port of an operand; of a plain value a node of its own."""
        if isinstance(operand, tuple) and isinstance(operand[0], Draft):
            found = self.indices.get(id(operand[0]))
            if found is not None:
                return found, operand[1]
        value = operand.value if isinstance(operand, Tracer) else operand
        if isinstance(value, tuple):
            value = None
        aval = aval_of(value) if value is not None else _NO_AVAL
        index = len(graph.nodes)
        graph.nodes.append(Node(index, "constant", "", "", ("",), None, (aval,), (value,), (None,)))
        return index, 0

    def _add_output(self, graph: Graph, label: str, result: Any) -> None:
        source, port = self._source(graph, result)
        of = graph.nodes[source]
        index = len(graph.nodes)
        value, aval = of.values[port], of.avals[port]
        ct = of.cotangents[port] if port < len(of.cotangents) else None
        edge = Edge(source, port, index, 0, 1.0 if ct is not None else None, "", ct)
        graph.nodes.append(
            Node(index, "output", "", label, (label,), None, (aval,), (value,), (ct,), (edge,))
        )


_NO_AVAL = aval_of(0.0)


def _at_step(x: Any, step: int, part: Any) -> Any:
    """A contribution of one step to what a loop reads step by step."""
    if isinstance(x, StepResiduals):
        return None
    whole = np.zeros(np.shape(x), aval_of(x).dtype)
    whole[step] = part
    return whole


def local_derivative(record: Record, k: int, flows: bool) -> Any:
    """The derivative of an operation's result by one operand; None where it is no array.

    Elementwise ``dout/dx_k`` at each element, by the partials that the primitive states, else by
    its forward rule; of a result that is one number its gradient, by the backward rule.

    Args:
        record: The operation.
        k: Which operand.
        flows: Whether a cotangent goes through it, so that its rules are known to work.
    """
    primitive = record.primitive
    if primitive is None or primitive.discrete or len(record.outs) != 1:
        return None
    out, x = record.outs[0], record.args[k]
    if not out.aval.inexact or not x.aval.inexact:
        return None
    values = record.values
    with np.errstate(all="ignore"):
        if isinstance(primitive, Elementwise) and k < len(primitive.partials):
            partial = primitive.partials[k]
            if isinstance(partial, Over):
                return 1.0 / np.asarray(partial.divisor(out.value, *values))[()]
            if partial is None or isinstance(partial, (int, float)):
                return float(partial or 0.0)
            return partial(out.value, *values)
        if not flows or out.aval.dtype.kind != "f" or x.aval.dtype.kind != "f":
            return None
        if isinstance(primitive, Elementwise):
            tangents = [np.ones(np.shape(v))[()] if i == k else None for i, v in enumerate(values)]
            pushed = primitive.jvp(out.value, values, tangents)
            return 0.0 if pushed is None else pushed
        if out.aval.shape:
            return None
        wanted = [i == k for i in range(len(values))]
        pulled = pull(record, [out.aval.dtype.type(1)], wanted, False)[k]
        return 0.0 if pulled is None else pulled


def stack_steps(values: Sequence[Any], loops: bool, like: Sequence[Any] = ()) -> Any:
    """One value for all the times that a node ran.

    Args:
        values: One a run; None where there is none.
        loops: Whether the node runs once a step.
        like: Values of the same types, for zeros where some are None and others not.
    """
    if not loops:
        return values[-1] if values else None
    if not values or all(x is None for x in values):
        return None
    if any(isinstance(x, StepResiduals) or x is None for x in values):
        if not like or any(isinstance(x, StepResiduals) for x in (*values, *like)):
            return None
        values = [np.zeros_like(y) if x is None else x for x, y in zip(values, like, strict=True)]
    arrays = [np.asarray(x) for x in values]
    if any(x.shape != arrays[0].shape for x in arrays):
        return None
    return np.stack(arrays)
