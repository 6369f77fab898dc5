"""Where the nans and infs of an explained evaluation come from, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..debug.trail import Bad, Step, Trail, bad_in, operands_text, steps_text
from .graph import Graph, Node

__all__ = ["NonFinite", "nonfinite"]


@dataclass(frozen=True, slots=True)
class NonFinite:
    """Where a graph has nans and infs.

    Attributes:
        value: How one came into the result; None where the result has none.
        masked: The first operation that made one that does not reach the result; None where there
            is none, or where the result has one.
        backward: The first operation, from the result back, whose derivative made one of a finite
            cotangent; None where there is none.
        gradients: The inputs whose gradient has one.
    """

    value: Trail | None
    masked: Step | None
    backward: Step | None
    gradients: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.value is not None or bool(self.gradients)

    def __str__(self) -> str:
        lines: list[str] = []
        if self.value is None:
            lines.append("The result is finite.")
        else:
            first, last, turned = self.value.first, self.value.last, self.value.turned
            made = "from" if first.given else "made by"
            if turned is None:
                lines.append(f"The result is {last.made}, {made} {first}.")
            else:
                lines.append(
                    f"The result is nan, made by {turned}; it began with inf, {made} {first}."
                )
            if self.value.count > 1:
                lines += ["Its way to the result:", *steps_text(self.value)]
        if self.masked is not None:
            lines.append(f"On the way {self.masked.made} was made, and masked: by {self.masked}.")
        if self.gradients:
            names = ", ".join(self.gradients)
            lines.append(f"Not finite are the gradients by {names}.")
        if self.backward is not None:
            lines.append(
                f"The first {self.backward.made} of the backward pass is made by {self.backward}."
            )
        return "\n".join(lines)

    __repr__ = __str__


def nonfinite(graph: Graph) -> NonFinite:
    """Where the nans and infs of a graph come from."""
    trails: dict[tuple[int, int], Trail] = {}
    order = 0
    for node in graph.nodes:
        for port, value in enumerate(node.values):
            made = None if value is None or not _is_inexact(value) else bad_in(value)
            if made is None:
                continue
            found = [trails.get((e.source, e.port)) for e in node.operands]
            trail = Trail.of(made, found)
            if node.kind == "output" and trail is not None:
                trails[node.index, port] = trail
                continue
            order += 1
            if node.kind in ("input", "constant"):
                given = Step(made, _name(node, port), given=True)
                trails[node.index, port] = Trail.start(given, order)
                continue
            step = Step(made, node.operation, "", node.source_info)
            if trail is None:
                origin = _origin(graph, node, step, "inf")
                trail = Trail.start(origin, order)
                if made == "nan" and origin.made == "inf":
                    trail = trail.then(_origin(graph, node, step, "nan"))
                trails[node.index, port] = trail
            elif made == "nan" and trail.last.made == "inf":
                trails[node.index, port] = trail.then(_told(graph, node, step))
            else:
                trails[node.index, port] = trail.then(step)
    value = next((trails[k] for k in trails if graph.nodes[k[0]].kind == "output"), None)
    made_here = [t.first for t in trails.values() if not t.first.given]
    names = [
        _name(node, port)
        for node in graph.nodes
        if node.kind == "input"
        for port, ct in enumerate(node.cotangents)
        if ct is not None and bad_in(ct)
    ]
    return NonFinite(
        value,
        made_here[0] if value is None and made_here else None,
        next(_backward(graph, ()), None),
        tuple(names),
    )


def _name(node: Node, port: int) -> str:
    name = node.names[port] if port < len(node.names) else ""
    return name or node.operation


def _is_inexact(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "fc"


def _told(graph: Graph, node: Node, step: Step) -> Step:
    """The step with its operands in words."""
    values = [graph.nodes[e.source].values[e.port] for e in node.operands]
    known = operands_text([v for v in values if v is not None])
    return Step(step.made, step.operation, known, step.source_info, 1, step.loops)


def _origin(graph: Graph, node: Node, step: Step, least: Bad) -> Step:
    """The operation that made it: inside of a box the one that it holds.

    Where ``least`` is ``"nan"``, infs do not count.
    """
    box = node.inside
    inner = None if box is None else _first_inside(box, least)
    if box is None or inner is None:
        return _told(graph, node, step)
    number, inside = inner
    at = box.nodes[inside]
    kinds = [_bad_at(v, number) for v in at.values]
    made: Bad = "nan" if "nan" in kinds else "inf"
    loops = step.loops if number is None else (*step.loops, number)
    found = Step(made, at.operation, "", at.source_info, 1, loops)
    return found if at.inside is None else _origin(box, at, found, least)


def _first_inside(graph: Graph, least: Bad) -> tuple[int | None, int] | None:
    """The step of a loop, None elsewhere, and the index of the first operation that makes one."""
    best: tuple[int, int, bool] | None = None
    for node in graph.nodes:
        if node.kind in ("input", "constant", "output"):
            continue
        for value, aval in zip(node.values, node.avals, strict=True):
            if value is None or not _is_inexact(value):
                continue
            steps = np.ndim(value) == aval.ndim + 1
            bad = np.isnan(value) if least == "nan" else ~np.isfinite(value)
            if not bad.any():
                continue
            number = int(np.argmax(bad.reshape(len(bad), -1).any(axis=1))) if steps else 0
            if best is None or (number, node.index) < best[:2]:
                best = number, node.index, steps
    return None if best is None else (best[0] if best[2] else None, best[1])


def _bad_at(value: Any, number: int | None) -> Bad | None:
    """What a value holds, or what it held in one step of a loop."""
    if value is None or not _is_inexact(value):
        return None
    return bad_in(value if number is None else np.asarray(value)[number])


def _backward(graph: Graph, loops: tuple[int, ...]) -> Iterator[Step]:
    """The operations whose derivative makes one of a finite cotangent, from the result back."""
    for number in _numbers(graph):
        inside = loops if number is None else (*loops, number)
        for node in reversed(graph.nodes):
            incoming = [ct for ct in node.cotangents if ct is not None]
            if any(_bad_at(ct, number) for ct in incoming):
                continue
            for edge in node.operands:
                made = _bad_at(edge.cotangent, number)
                if made is None:
                    continue
                if node.inside is not None:
                    yield from _backward(node.inside, inside)
                known = _told(graph, node, Step(made, "", "")).operands if number is None else ""
                cts = f" with the cotangent {operands_text(incoming)}" if number is None else ""
                text = f"the derivative of {node.operation}{' of ' * bool(known)}{known}{cts}"
                yield Step(made, text, "", node.source_info, 1, inside)


def _numbers(graph: Graph) -> Sequence[int | None]:
    """The steps of a loop from the last, for a graph that stands for all of them; else one None."""
    for node in graph.nodes:
        for value, aval in zip(node.values, node.avals, strict=True):
            if value is not None and np.ndim(value) == aval.ndim + 1:
                return range(len(value) - 1, -1, -1)
    return [None]
