"""From a graph to what is drawn of it: boxes and wires with their texts, before they have places.

Conversions and products with 1 are left out, numbers stand in the box of their operation (``1 +``),
and what has many users is repeated beside each of them as a chip.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..core.residuals import StepResiduals
from .graph import Edge, Graph, Node
from .summary import number_text, short_text, summary

__all__ = ["Box", "Drawing", "Wire", "draw"]

_USES_MOST, _USES_MOST_OF_MANY, _MANY = 3, 1, 30
"""From more uses than these on an input is repeated as chips: in few nodes, and in many."""

BoxKind = Literal["input", "operation", "fold", "output", "chip", "error"]
Sign = Literal["pos", "neg", "mix"]


@dataclass(slots=True)
class Box:
    """What a node is drawn as.

    Attributes:
        kind: Decides its look.
        text: What stands in it.
        above: The local derivative by the first operand.
        below: That by the second.
        label: For those who do not see the picture.
        node: The node.
        gradient: For an input that is drawn as chips, its value and gradient.
    """

    kind: BoxKind
    text: str
    above: str = ""
    below: str = ""
    label: str = ""
    node: Node | None = None
    gradient: tuple[str, str, Sign] | None = None


@dataclass(slots=True)
class Wire:
    """An edge as it is drawn.

    Attributes:
        source: The index of the box where it begins.
        target: That of the box where it ends.
        value: The text above it.
        cotangent: The text below it; empty where nothing flows back.
        sign: The sign of what flows back: ``"mix"`` where it has both.
        size: How much flows back: the norm of it.
    """

    source: int
    target: int
    value: str = ""
    cotangent: str = ""
    sign: Sign = "mix"
    size: float = 0.0


@dataclass(slots=True)
class Drawing:
    """Boxes and wires, in the order of evaluation."""

    title: str
    note: str = ""
    boxes: list[Box] = field(default_factory=list[Box])
    wires: list[Wire] = field(default_factory=list[Wire])


def draw(graph: Graph, note: str = "") -> Drawing:
    """What is drawn of a graph.

    Args:
        graph: The graph.
        note: A remark for the reader, such as that it was folded.
    """
    return _Drawer(graph, note).drawing


class _Drawer:
    def __init__(self, graph: Graph, note: str) -> None:
        self.drawing = Drawing(graph.title, note)
        self._graph = graph
        self._box_of: dict[int, int] = {}
        self._behind: dict[int, tuple[int, int]] = {}  # of what is left out, what it hands on
        self._hide()
        uses = [0] * len(graph.nodes)
        for node in graph.nodes:
            if node.index not in self._behind:
                for edge in node.operands:
                    uses[self._source(edge)[0]] += 1
        shown = sum(1 for node in graph.nodes if node.kind in ("operation", "fold"))
        most = _USES_MOST_OF_MANY if shown > _MANY else _USES_MOST
        self._repeated = {
            n.index for n in graph.nodes if n.kind == "input" and uses[n.index] > most
        }
        for node in graph.nodes:
            if node.index not in self._behind and (node.kind != "constant" or node.error):
                self._add(node)

    def _hide(self) -> None:
        for node in self._graph.nodes:
            kept = _handed_on(node, self._graph)
            if kept is not None:
                edge = node.operands[kept]
                self._behind[node.index] = self._source(edge)

    def _source(self, edge: Edge) -> tuple[int, int]:
        return self._behind.get(edge.source, (edge.source, edge.port))

    def _add(self, node: Node) -> None:
        boxes, wires = self.drawing.boxes, self.drawing.wires
        operands = [(edge, *self._source(edge)) for edge in node.operands]
        chips: list[int] = []
        for edge, source, port in operands:
            of = self._graph.nodes[source]
            number = of.kind == "constant" and not np.ndim(of.values[0])
            if number and node.kind != "output" and of.values[0] is not None:
                continue
            if of.kind == "constant" or source in self._repeated:
                chips.append(len(boxes))
                text = of.names[port] or short_text(of.values[port])
                boxes.append(Box("chip", text, label=_label(of, port), node=of))
            else:
                chips.append(self._box_of[source])
            wires.append(_wire(of, port, edge, chips[-1], -1, boxes[chips[-1]].kind == "chip"))
        index = self._box_of[node.index] = len(boxes)
        for wire in wires[len(wires) - len(chips) :]:
            wire.target = index
        boxes.append(self._box(node, operands))

    def _box(self, node: Node, operands: list[tuple[Edge, int, int]]) -> Box:
        nodes = self._graph.nodes
        kind: BoxKind = "error" if node.error is not None else node.kind  # type: ignore[assignment]
        box = Box(kind, _text(node, [(nodes[s], p) for _, s, p in operands]), node=node)
        box.label = _label(node, 0)
        if node.kind == "input" and node.index in self._repeated and node.cotangents[0] is not None:
            ct = node.cotangents[0]
            box.gradient = short_text(node.values[0]), short_text(ct), sign_of(ct)
        if node.kind in ("operation", "fold") and node.error is None:
            slopes = [
                _slope(edge, nodes[s], p, operands, nodes)
                for edge, s, p in operands
                if nodes[s].kind != "constant"
            ]
            slopes = [s for s in slopes if s][:2]
            box.above = slopes[0] if slopes else ""
            box.below = slopes[1] if len(slopes) > 1 else ""
        return box


def _handed_on(node: Node, graph: Graph) -> int | None:
    """The operand that an operation hands on as it is: a conversion, a product with 1."""
    if node.kind != "operation" or node.error is not None:
        return None
    if node.operation == "convert":
        return None if graph.nodes[node.operands[0].source].kind == "constant" else 0
    if node.operation in ("mul", "mask_mul"):
        for k, edge in enumerate(node.operands):
            of = graph.nodes[edge.source]
            other = graph.nodes[node.operands[1 - k].source]
            one = of.kind == "constant" and np.ndim(of.values[0]) == 0 and of.values[0] == 1
            if one and other.kind != "constant":
                return 1 - k
    return None


def _wire(of: Node, port: int, edge: Edge, source: int, target: int, chip: bool) -> Wire:
    ct = edge.cotangent
    value = "" if chip else short_text(of.values[port])
    wire = Wire(source, target, value)
    if ct is not None and not isinstance(ct, StepResiduals):
        wire.cotangent, wire.sign = short_text(ct), sign_of(ct)
        with np.errstate(all="ignore"):
            size = float(np.linalg.norm(np.ravel(ct)))
        wire.size = size if np.isfinite(size) else 0.0
    return wire


def sign_of(ct: Any) -> Sign:
    """The sign of what flows back; ``"mix"`` where it has both, or none."""
    array = np.asarray(ct)
    if array.dtype.kind == "c" or not array.size:
        return "mix"
    low, high = bool((array < 0).any()), bool((array > 0).any())
    return "neg" if low and not high else "pos" if not low else "mix"


def _text(node: Node, operands: list[tuple[Node, int]]) -> str:
    """What stands in a box; numbers among the operands stand there too: ``1 +``."""
    symbol = node.symbol
    if node.kind != "operation" or not operands:
        return symbol
    numbers = [
        number_text(of.values[p], 3)
        if of.kind == "constant" and of.values[p] is not None and not np.ndim(of.values[p])
        else ""
        for of, p in operands
    ]
    if len(operands) == 2 and numbers[0] and not numbers[1]:
        return (
            f"{numbers[0]} {symbol}"
            if symbol in _INFIX
            else f"{symbol}({numbers[0]}, \N{MIDDLE DOT})"
        )
    if len(operands) == 2 and numbers[1] and not numbers[0]:
        return (
            f"{symbol} {numbers[1]}"
            if symbol in _INFIX
            else f"{symbol}(\N{MIDDLE DOT}, {numbers[1]})"
        )
    return symbol


_OPERAND = "\N{MIDDLE DOT}"
_INFIX = {
    *"+=<>@",
    *("\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}", "\N{DIVISION SLASH}", "mod", "max", "min"),
    *("\N{GREATER-THAN OR EQUAL TO}", "\N{LESS-THAN OR EQUAL TO}", "\N{NOT EQUAL TO}"),
}


def _slope(
    edge: Edge, of: Node, port: int, operands: list[tuple[Edge, int, int]], nodes: list[Node]
) -> str:
    """The local derivative at a gate: ``∂/∂w0 = x0 = -1``."""
    local = edge.local
    if local is None:
        return ""
    by = f"/\N{PARTIAL DIFFERENTIAL}{of.names[port]}" if of.names[port] else ""
    alone = sum(1 for _, s, _ in operands if nodes[s].kind != "constant") == 1
    parts = [f"\N{PARTIAL DIFFERENTIAL}{'' if alone else by}"]
    formula = edge.formula
    if formula in ("u", "v") and len(operands) == 2:
        _, s, p = operands[0 if formula == "u" else 1]
        formula = nodes[s].names[p] if nodes[s].kind != "constant" else ""
    elif alone and len(operands) == 2:
        formula = _with_number(formula, operands, nodes)
    value = number_text(local) if not np.ndim(local) else ""
    if formula and formula != value:
        parts.append(formula)
    if value:
        parts.append(value)
    return " = ".join(parts) if len(parts) > 1 else ""


def _with_number(formula: str, operands: list[tuple[Edge, int, int]], nodes: list[Node]) -> str:
    """A formula of two operands, one of which is a number: the other is ``u``."""
    for letter, (_, s, p) in zip("uv", operands, strict=True):
        value = nodes[s].values[p]
        if nodes[s].kind == "constant" and value is not None and not np.ndim(value):
            formula = formula.replace(letter, number_text(value, 3))
    return formula.replace("v", "u")


def _label(node: Node, port: int) -> str:
    name = node.names[port] or node.symbol or "constant"
    parts = [name if name == node.symbol else f"{name}, {node.symbol}" if node.symbol else name]
    if node.error is not None:
        parts.append(f"raised {type(node.error).__name__}: {node.error}")
    value = summary(node.values[port]) if port < len(node.values) else ""
    if value:
        parts.append(f"value {value}")
    ct = node.cotangents[port] if port < len(node.cotangents) else None
    if ct is not None:
        parts.append(f"gradient {summary(ct)}")
    return ", ".join(parts)
