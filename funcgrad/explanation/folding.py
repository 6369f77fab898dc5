"""Large graphs made small: runs of operations become boxes, which can be opened again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..core.residuals import StepResiduals
from ..core.source_info import line_number
from ..core.trace import aval_of
from ..ops.steps import plus
from .graph import Edge, Graph, Node

__all__ = ["NODES_MOST", "fold", "open_single"]

NODES_MOST = 60
"""From more operations than these on a graph is folded."""
_BOXES = 24
"""Into about how many boxes."""


def fold(graph: Graph) -> tuple[Graph, str]:
    """A graph that can be read, and a remark where it was folded for that."""
    graph = open_single(graph)
    count = sum(1 for node in graph.nodes if node.kind in ("operation", "fold"))
    if count <= NODES_MOST:
        return graph, ""
    groups = _groups(graph)
    note = f"{count:,} operations, folded into {len(groups)} boxes; open one to see what is in it"
    return _Folder(graph, groups).folded(), note


def open_single(graph: Graph) -> Graph:
    """Where a function does nothing but call one program, that program."""
    while True:
        work = [node for node in graph.nodes if node.kind in ("operation", "fold")]
        inside = work[0].inside if len(work) == 1 else None
        if inside is None or work[0].operation not in ("call", "checkpoint"):
            return graph
        named = _with_outer_names(inside, work[0], graph)
        named.title = graph.title
        graph = named


def _with_outer_names(inside: Graph, box: Node, outer: Graph) -> Graph:
    """The program in a box, its inputs called what they are called outside."""
    inputs = [node for node in inside.nodes if node.kind == "input"]
    if len(inputs) == len(box.operands):
        for node, edge in zip(inputs, box.operands, strict=True):
            name = outer.nodes[edge.source].names[edge.port]
            if name:
                node.names, node.symbol = (name,), name
    return inside


def _groups(graph: Graph) -> list[list[Node]]:
    """Runs of operations, one after the other; they end where the user's line does if they can."""
    work = [node for node in graph.nodes if node.kind in ("operation", "fold")]
    length = -(-len(work) // _BOXES)
    groups: list[list[Node]] = [[]]
    for node, following in zip(work, [*work[1:], None], strict=True):
        groups[-1].append(node)
        size = len(groups[-1])
        ends = following is None or _line(node) != _line(following)
        if following is not None and ((size >= length and ends) or size >= 2 * length):
            groups.append([])
    return groups


def _line(node: Node) -> Any:
    place = node.source_info
    return None if place is None else (place[0], line_number(place))


class _Folder:
    """Builds the folded graph: inputs, boxes, outputs."""

    def __init__(self, graph: Graph, groups: list[list[Node]]) -> None:
        self._graph = graph
        self._groups = groups
        self._group_of = {node.index: g for g, group in enumerate(groups) for node in group}
        self._made = Graph(graph.title)
        self._at: dict[tuple[int, int], tuple[int, int]] = {}

    def folded(self) -> Graph:
        graph, made = self._graph, self._made
        used = self._used_outside()
        for node in graph.nodes:
            if node.kind == "input":
                self._copy(node)
        for g, group in enumerate(self._groups):
            self._box(g, group, used)
        for node in graph.nodes:
            if node.kind == "output":
                self._copy(node)
        return made

    def _used_outside(self) -> list[list[tuple[int, int]]]:
        """For each group the values that others use."""
        found: list[dict[tuple[int, int], None]] = [{} for _ in self._groups]
        for edge in self._graph.edges():
            home = self._group_of.get(edge.source)
            if home is not None and self._group_of.get(edge.target) != home:
                found[home][edge.source, edge.port] = None
        return [list(values) for values in found]

    def _copy(self, node: Node) -> Node:
        index = len(self._made.nodes)
        edges = tuple([self._edge(e, index, k) for k, e in enumerate(node.operands)])
        made = replace(node, index=index, operands=edges)
        self._made.nodes.append(made)
        for port in range(len(node.values)):
            self._at[node.index, port] = index, port
        return made

    def _edge(self, edge: Edge, target: int, position: int) -> Edge:
        source, port = self._place(edge)
        return Edge(source, port, target, position, edge.local, edge.formula, edge.cotangent)

    def _place(self, edge: Edge) -> tuple[int, int]:
        found = self._at.get((edge.source, edge.port))
        if found is None:  # a constant, or what a box does not give
            found = self._copy(self._graph.nodes[edge.source]).index, edge.port
        return found

    def _box(self, g: int, group: list[Node], used: list[list[tuple[int, int]]]) -> None:
        nodes = self._graph.nodes
        inside = _part(self._graph, group, used[g])
        arriving: dict[tuple[int, int], Edge] = {}
        for node in group:
            for edge in node.operands:
                if self._group_of.get(edge.source) == g or nodes[edge.source].kind == "constant":
                    continue
                place = self._place(edge)
                known = arriving.get(place)
                if known is None:
                    arriving[place] = Edge(*place, -1, 0, None, "", edge.cotangent)
                else:
                    known.cotangent = _sum(known.cotangent, edge.cotangent)
        index = len(self._made.nodes)
        edges = list(arriving.values())
        for k, edge in enumerate(edges):
            edge.target, edge.position = index, k
        given = [(nodes[i], port) for i, port in used[g]]
        names = [of.names[port] for of, port in given]
        text = f"{len(group)} operations"
        self._made.nodes.append(
            Node(
                index,
                "fold",
                "group",
                text,
                tuple(names) or ("",),
                group[0].source_info,
                tuple([of.avals[port] for of, port in given]),
                tuple([of.values[port] for of, port in given]),
                tuple([of.cotangents[port] for of, port in given]),
                tuple(edges),
                inside,
                next((node.error for node in group if node.error is not None), None),
            )
        )
        for port, place in enumerate(used[g]):
            self._at[place] = index, port


def _sum(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, StepResiduals) or isinstance(other, StepResiduals):
        return None
    return plus(one, other)


def _part(graph: Graph, group: list[Node], given: list[tuple[int, int]]) -> Graph:
    """A run of operations as a graph of its own, with inputs and outputs."""
    made = Graph(f"{len(group)} operations")
    at: dict[tuple[int, int], tuple[int, int]] = {}
    own = {node.index for node in group}
    for node in group:
        for edge in node.operands:
            key = edge.source, edge.port
            if edge.source in own or key in at:
                continue
            of = graph.nodes[edge.source]
            kind = "constant" if of.kind == "constant" else "input"
            index = len(made.nodes)
            name = of.names[edge.port] or (f"%{of.index}" if kind == "input" else "")
            value, ct = of.values[edge.port], of.cotangents[edge.port]
            aval = of.avals[edge.port] if edge.port < len(of.avals) else aval_of(0.0)
            made.nodes.append(
                Node(index, kind, "", name, (name,), of.source_info, (aval,), (value,), (ct,))
            )
            at[key] = index, 0
    for node in group:
        index = len(made.nodes)
        edges = tuple(
            [
                Edge(*at[e.source, e.port], index, k, e.local, e.formula, e.cotangent)
                for k, e in enumerate(node.operands)
            ]
        )
        made.nodes.append(replace(node, index=index, operands=edges))
        for port in range(len(node.values)):
            at[node.index, port] = index, port
    for source, port in given:
        of = graph.nodes[source]
        label = of.names[port] or f"%{of.index}"
        index = len(made.nodes)
        edge = Edge(*at[source, port], index, 0, None, "", of.cotangents[port])
        aval, value, ct = of.avals[port], of.values[port], of.cotangents[port]
        made.nodes.append(
            Node(index, "output", "", label, (label,), None, (aval,), (value,), (ct,), (edge,))
        )
    return made
