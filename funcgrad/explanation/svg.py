"""The picture of an evaluation as SVG: it needs nothing but a browser."""

from __future__ import annotations

from html import escape
from typing import Literal

from .drawing import Box, Wire, draw
from .folding import fold
from .graph import Graph
from .layout import Point
from .scene import LINE, SMALL, TEXT, Scene, arrange

__all__ = ["LOOK", "path_text", "scene_of", "svg", "svg_body"]

Theme = Literal["auto", "light", "dark"]

COLOURS = {
    "light": {
        "bg": "#fbfaf7",
        "panel": "#ffffff",
        "ink": "#1f2733",
        "mut": "#667085",
        "wire": "#aab2c0",
        "fw": "#1b66c9",
        "pos": "#b4540a",
        "neg": "#a3216f",
        "mix": "#5b6472",
        "op": "#eef2fb",
        "op-line": "#9db1d8",
        "in": "#e6f4ea",
        "in-line": "#8fc2a0",
        "out": "#fdeede",
        "out-line": "#e3ae74",
        "fold": "#f3ecfb",
        "fold-line": "#b79bdc",
        "chip": "#f1f2f4",
        "chip-line": "#c3c8d0",
        "bad": "#fde8e8",
        "bad-line": "#d65c5c",
        "back": "#e58a3a",
    },
    "dark": {
        "bg": "#12161d",
        "panel": "#181e27",
        "ink": "#e8ecf3",
        "mut": "#9aa6b8",
        "wire": "#4d596c",
        "fw": "#7fb5ff",
        "pos": "#ffb067",
        "neg": "#ff8fcb",
        "mix": "#b3bccb",
        "op": "#202a3b",
        "op-line": "#4c628f",
        "in": "#1b2e25",
        "in-line": "#447a5a",
        "out": "#362a1c",
        "out-line": "#98703f",
        "fold": "#2b2338",
        "fold-line": "#7a5fa3",
        "chip": "#232a35",
        "chip-line": "#4a5464",
        "bad": "#3a1f22",
        "bad-line": "#b35656",
        "back": "#d6833b",
    },
}
FONT = 'system-ui, "DejaVu Sans", Verdana, sans-serif'


def _variables(theme: str) -> str:
    return "".join([f"--{name}:{colour};" for name, colour in COLOURS[theme].items()])


LOOK = f"""\
.fg text{{text-anchor:middle;fill:var(--ink);font:{TEXT:g}px {FONT}}}
.fg .head{{text-anchor:start;font-size:18px;font-weight:600}}
.fg .note{{text-anchor:start;font-size:{SMALL:g}px;fill:var(--mut)}}
.fg .name{{font-size:16px;font-weight:600}}
.fg .chip .name{{font-size:{SMALL:g}px;font-weight:400}}
.fg rect{{stroke-width:1.5;fill:var(--op);stroke:var(--op-line)}}
.fg .input rect{{fill:var(--in);stroke:var(--in-line)}}
.fg .output rect{{fill:var(--out);stroke:var(--out-line)}}
.fg .fold rect{{fill:var(--fold);stroke:var(--fold-line)}}
.fg .chip rect{{fill:var(--chip);stroke:var(--chip-line);stroke-width:1}}
.fg .error rect{{fill:var(--bad);stroke:var(--bad-line);stroke-width:2.5}}
.fg .wire{{fill:none;stroke:var(--wire);stroke-width:1.6}}
.fg .tip{{fill:var(--wire)}}
.fg .back{{fill:none;stroke:var(--back);opacity:.38;stroke-linecap:round}}
.fg .fw,.fg .bw{{font-weight:600;font-variant-numeric:tabular-nums}}
.fg .fw{{fill:var(--fw)}}.fg .bw{{fill:var(--mix)}}
.fg .pos{{fill:var(--pos)}}.fg .neg{{fill:var(--neg)}}
.fg .loc{{fill:var(--mut);font-size:{SMALL:g}px;font-style:italic}}
"""


def svg(graph: Graph, theme: Theme = "auto") -> str:
    """The picture of a graph.

    Args:
        graph: The graph; from 60 nodes on it is folded.
        theme: ``"light"``, ``"dark"``, or ``"auto"`` for what the reader has chosen.

    Returns:
        An SVG document.
    """
    scene = scene_of(graph)
    light, dark = _variables("light"), _variables("dark")
    if theme == "auto":
        look = f".fg{{{light}}}@media (prefers-color-scheme:dark){{.fg{{{dark}}}}}"
    else:
        look = f".fg{{{_variables(theme)}}}"
    size = f'width="{scene.width:.0f}" height="{scene.height:.0f}"'
    box = f'viewBox="0 0 {scene.width:.0f} {scene.height:.0f}"'
    title = escape(scene.drawing.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="fg" {size} {box} role="img" '
        f'aria-label="{title}"><title>{title}</title><style>{look}{LOOK}</style>'
        f'<rect x="0" y="0" width="100%" height="100%" style="fill:var(--panel);stroke:none"/>'
        f"{svg_body(scene)}</svg>"
    )


def scene_of(graph: Graph) -> Scene:
    """What is drawn of a graph, folded where it is large, with places."""
    folded, note = fold(graph)
    return arrange(draw(folded, note))


def svg_body(scene: Scene) -> str:
    """The elements of a picture: wires first, boxes on top of them."""
    drawing, layout = scene.drawing, scene.layout
    parts: list[str] = []
    if drawing.title:
        parts.append(f'<text class="head" x="26" y="38">{escape(drawing.title)}</text>')
    if drawing.note:
        parts.append(
            f'<text class="note" x="26" y="{60 if drawing.title else 30}">{escape(drawing.note)}</text>'
        )
    order = {k: i for i, k in enumerate(forward_order(scene))}
    for k, wire in enumerate(drawing.wires):
        points, place = layout.paths[k], layout.labels[k]
        parts.append(_wire(scene, wire, points, place, k, order[k]))
    for k, box in enumerate(drawing.boxes):
        parts.append(_box(scene, box, k))
    return "".join(parts)


def forward_order(scene: Scene) -> list[int]:
    """The wires in the order in which values flow through them."""
    wires = scene.drawing.wires
    return sorted(range(len(wires)), key=lambda k: (wires[k].target, k))


def _wire(scene: Scene, wire: Wire, points: list[Point], place: Point, k: int, order: int) -> str:
    path = path_text(points)
    x, y = points[-1]
    parts = [f'<path class="wire" d="{path}"/>']
    parts.append(
        f'<path class="tip" d="M{x - 7:.1f},{y - 4:.1f}L{x:.1f},{y:.1f}L{x - 7:.1f},{y + 4:.1f}z"/>'
    )
    if wire.cotangent:
        width = scene.band(wire)
        parts.append(f'<path class="back" d="{path}" style="stroke-width:{width:.1f}"/>')
    x, y = place
    if wire.value:
        parts.append(f'<text class="fw" x="{x:.1f}" y="{y - 7:.1f}">{escape(wire.value)}</text>')
    if wire.cotangent:
        parts.append(
            f'<text class="bw {wire.sign}" x="{x:.1f}" y="{y + LINE:.1f}">'
            f"{escape(wire.cotangent)}</text>"
        )
    data = f'data-k="{k}" data-order="{order}" data-from="{wire.source}" data-to="{wire.target}"'
    return f'<g class="edge" {data}>{"".join(parts)}</g>'


def path_text(points: list[Point]) -> str:
    """A path: straight through boxes and columns, curved between columns."""
    (x, y), *rest = points
    parts = [f"M{x:.1f},{y:.1f}"]
    straight = True
    for nx, ny in rest:
        if straight or abs(ny - y) < 0.05:
            parts.append(f"L{nx:.1f},{ny:.1f}")
        else:
            half = (x + nx) / 2
            parts.append(f"C{half:.1f},{y:.1f} {half:.1f},{ny:.1f} {nx:.1f},{ny:.1f}")
        straight = not straight
        x, y = nx, ny
    return "".join(parts)


def _box(scene: Scene, box: Box, k: int) -> str:
    left, top, width, height = scene.rectangle(k)
    x, y = scene.layout.boxes[k]
    round_ = height / 2 if box.kind in ("input", "output", "chip") else 11
    label = escape(box.label, quote=True)
    parts = [
        f'<g class="node {box.kind}" data-n="{k}" role="img" tabindex="0" aria-label="{label}">',
        f"<title>{label}</title>",
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="{round_:g}"/>',
        f'<text class="name" x="{x:.1f}" y="{y + 5.5:.1f}">{escape(box.text)}</text>',
    ]
    if box.above:
        parts.append(_small("loc", x, top - 6, box.above))
    if box.below:
        parts.append(_small("loc", x, top + height + LINE - 3, box.below))
    if box.gradient is not None:
        value, gradient, sign = box.gradient
        parts.append(_small("fw", x, top - 7, value))
        parts.append(_small(f"bw {sign}", x, top + height + LINE, gradient))
    return "".join([*parts, "</g>"])


def _small(look: str, x: float, y: float, text: str) -> str:
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
