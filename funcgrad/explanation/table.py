"""The table of an evaluation: every value, its derivative, and the operation's own derivatives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .graph import Graph, Node
from .summary import short_text, summary

__all__ = ["Row", "Table", "table"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of an evaluation: one value of one node.

    Attributes:
        name: What the user calls it, or ``"%7"`` for the node with index 7.
        operation: What made it.
        value: The value.
        gradient: The derivative of the result by it; None where none flows.
        slopes: The local derivative of the operation by each operand; None where there is none.
        line: The user's line.
    """

    name: str
    operation: str
    value: Any
    gradient: Any
    slopes: tuple[Any, ...]
    line: str


class Table(tuple[Row, ...]):
    """The rows of a table; printed, the table."""

    __slots__ = ()

    def __str__(self) -> str:
        head = ("name", "operation", "slopes", "value", "gradient", "line")
        lines = [
            (
                row.name,
                row.operation,
                _slopes_text(row.slopes),
                summary(row.value),
                summary(row.gradient),
                row.line,
            )
            for row in self
        ]
        widths = [max(len(line[k]) for line in [head, *lines]) for k in range(len(head))]
        return "\n".join(
            ["  ".join(map(str.ljust, line, widths)).rstrip() for line in [head, *lines]]
        )

    __repr__ = __str__


def table(graph: Graph) -> Table:
    """The rows of a graph and of the boxes in it, in the order of evaluation."""
    return Table(_rows(graph, ""))


def _slopes_text(slopes: Sequence[Any]) -> str:
    """The local derivatives by each operand, a dot for those that are constant."""
    if all(x is None for x in slopes):
        return ""
    return "; ".join(["." if x is None else short_text(x) for x in slopes])


def _rows(graph: Graph, within: str) -> Iterator[Row]:
    for node in graph.nodes:
        if node.kind in ("constant", "output"):
            continue
        slopes = tuple([edge.local for edge in node.operands])
        for port, value in enumerate(node.values):
            name = node.names[port] or f"%{node.index}" + (f".{port}" if port else "")
            ct = node.cotangents[port] if node.cotangents else None
            what = "input" if node.kind == "input" else _operation(node)
            yield Row(within + name, what, value, ct, slopes, node.line)
        if node.inside is not None:
            yield from _rows(node.inside, f"{within}{node.symbol}/")


def _operation(node: Node) -> str:
    return f"{node.operation} (raised)" if node.error is not None else node.operation
