"""The graph of one evaluation: what was computed from what, and what flowed back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ..core.ir import Aval
from ..core.source_info import SourceInfo, line_of

__all__ = ["Edge", "Graph", "Kind", "Node"]

Kind = Literal["input", "constant", "operation", "fold", "output"]


@dataclass(eq=False, slots=True)
class Edge:
    """One use of a value by a node.

    Attributes:
        source: The index of the node whose value is used.
        port: Which of that node's values.
        target: The index of the node that uses it.
        position: Which operand of that node it is.
        local: The local derivative of the target's value by this operand: an array of the operand's
            or the value's shape where the operation is elementwise or its value is one number, else
            None.
        formula: The local derivative as mathematics, such as ``"eᵘ"``; empty where none is stated.
        cotangent: What this use contributes to the cotangent of the source; None where nothing
            flows back.
    """

    source: int
    port: int
    target: int
    position: int
    local: Any = None
    formula: str = ""
    cotangent: Any = None


@dataclass(eq=False, slots=True)
class Node:
    """An input, a constant, an operation, a box of operations, or an output.

    Attributes:
        index: Its place in `Graph.nodes`, which are in the order of evaluation.
        kind: What it is.
        operation: The primitive's name, or what a box is called, such as ``"scan"``.
        symbol: What stands in its box in a picture, such as ``"exp"``.
        names: The user's names of its values; "" where there is none.
        source_info: Where the user wrote it.
        avals: The types of its values.
        values: Its values; None for one that was not reached.
        cotangents: The accumulated cotangent of each value; None where no gradient flows.
        operands: The edges that come in, by position.
        inside: What a box folds; None for other kinds. For a loop one step, whose values carry a
            leading axis for the steps.
        error: What the operation raised; the nodes after it were not reached.
        primitive: The operation itself; None for other kinds.
    """

    index: int
    kind: Kind
    operation: str
    symbol: str
    names: tuple[str, ...]
    source_info: SourceInfo | None
    avals: tuple[Aval, ...]
    values: tuple[Any, ...]
    cotangents: tuple[Any, ...] = ()
    operands: tuple[Edge, ...] = ()
    inside: Graph | None = None
    error: BaseException | None = None
    primitive: Any = None

    @property
    def line(self) -> str:
        """``"train.py:12 in loss"``, or "" where that is not known."""
        return line_of(self.source_info)


@dataclass(eq=False, slots=True)
class Graph:
    """The nodes of one evaluation, in the order in which they were computed.

    Attributes:
        title: What was explained, as the picture's heading.
        nodes: Inputs first, outputs last.
    """

    title: str
    nodes: list[Node] = field(default_factory=list[Node])

    def edges(self) -> Iterator[Edge]:
        """Every use of a value, in the order of the nodes that use them."""
        for node in self.nodes:
            yield from node.operands

    def users(self) -> list[list[Edge]]:
        """For each node the edges that go out of it."""
        found: list[list[Edge]] = [[] for _ in self.nodes]
        for edge in self.edges():
            found[edge.source].append(edge)
        return found
