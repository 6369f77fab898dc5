"""The picture of an evaluation in the languages of others: Graphviz's DOT, and Mermaid."""

from __future__ import annotations

from .drawing import Box, Drawing, Wire, draw
from .folding import fold
from .graph import Graph

__all__ = ["dot", "mermaid"]

_FILL = {
    "input": "#e6f4ea",
    "output": "#fdeede",
    "fold": "#f3ecfb",
    "chip": "#f1f2f4",
    "error": "#fde8e8",
    "operation": "#eef2fb",
}


def dot(graph: Graph) -> str:
    """The picture as a DOT file, for Graphviz's ``dot``."""
    drawing = _drawing(graph)
    lines = [
        f"digraph {_quoted(drawing.title)} {{",
        "  rankdir=LR;",
        f"  label={_quoted(_heading(drawing))}; labelloc=t;",
        '  node [shape=box, style="rounded,filled", fontname="sans-serif"];',
        '  edge [fontname="sans-serif", fontsize=11];',
    ]
    for k, box in enumerate(drawing.boxes):
        slopes = [text for text in (box.above, box.below) if text]
        text = "\\n".join([_escaped(t) for t in [box.text, *slopes]])
        lines.append(f'  n{k} [label="{text}", fillcolor="{_FILL[box.kind]}"];')
    for wire in drawing.wires:
        texts = "\\n".join([_escaped(t) for t in (wire.value, wire.cotangent) if t])
        lines.append(f'  n{wire.source} -> n{wire.target} [label="{texts}"];')
    return "\n".join([*lines, "}", ""])


def mermaid(graph: Graph) -> str:
    """The picture as a Mermaid flowchart, which GitHub and notebooks show."""
    drawing = _drawing(graph)
    lines = ["flowchart LR"]
    if drawing.note:
        lines.append(f"  %% {drawing.note}")
    for k, box in enumerate(drawing.boxes):
        left, right = _SHAPES.get(box.kind, ("[", "]"))
        lines.append(f"  n{k}{left}{_label(box)}{right}")
    for wire in drawing.wires:
        text = _wire_text(wire)
        arrow = f'-- "{text}" -->' if text else "-->"
        lines.append(f"  n{wire.source} {arrow} n{wire.target}")
    for k, box in enumerate(drawing.boxes):
        lines.append(f"  style n{k} fill:{_FILL[box.kind]},color:#1f2733,stroke:#9aa6b8")
    return "\n".join([*lines, ""])


_SHAPES = {
    "input": ("([", "])"),
    "output": ("([", "])"),
    "chip": ("([", "])"),
    "fold": ("[[", "]]"),
}


def _drawing(graph: Graph) -> Drawing:
    folded, note = fold(graph)
    return draw(folded, note)


def _heading(drawing: Drawing) -> str:
    return f"{drawing.title}\n{drawing.note}" if drawing.note else drawing.title


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _label(box: Box) -> str:
    texts = [box.text, *[t for t in (box.above, box.below) if t]]
    return '"' + "<br/>".join([_entities(t) for t in texts]) + '"'


def _wire_text(wire: Wire) -> str:
    return "<br/>".join([_entities(t) for t in (wire.value, wire.cotangent) if t])


def _entities(text: str) -> str:
    """Text in which nothing means something to Mermaid: its entities are decimal."""
    return "".join([c if c.isalnum() or c in " .,/=" else f"#{ord(c)};" for c in text])
