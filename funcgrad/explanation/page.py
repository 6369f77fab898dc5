"""The page of an evaluation: the picture, gone through step by step. It needs no network."""

from __future__ import annotations

import functools
import json
from html import escape
from importlib.resources import files
from typing import Any

from .drawing import Box, draw
from .folding import fold
from .graph import Graph, Node
from .scene import Scene, arrange
from .summary import summary
from .svg import COLOURS, LOOK, forward_order, svg_body
from .variables import code_line

__all__ = ["page"]

_NODES_MOST = 3000
"""How many nodes a page has in all its pictures; boxes beyond that cannot be opened."""


def page(graph: Graph) -> str:
    """The page of a graph, an HTML document.

    It goes through the evaluation wire by wire, forward and then backward. Boxes open; a click on a
    node shows its line, its value and its derivatives; pointing at a wire shows the ways through
    it. Keys: arrows, space, Home and End, Enter, Escape, d for light and dark.
    """
    views = _Views()
    views.add(graph, -1, "")
    title = escape(graph.title)
    figures = "".join(views.figures)
    data = json.dumps(views.data, ensure_ascii=False).replace("<", "\\u003c")
    light, dark = _variables("light"), _variables("dark")
    colours = (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{:root:not([data-theme=light])"
        f"{{{dark}}}}}:root[data-theme=dark]{{{dark}}}"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<title>{title}</title><meta name="viewport" content="width=device-width">'
        f"<style>{colours}{LOOK}{_asset('page.css')}</style></head><body><main>"
        f'<h1>{title}</h1><nav id="way" aria-label="boxes that are open"></nav>'
        f"{figures}{_CONTROLS}"
        f'<script type="application/json" id="data">{data}</script>'
        f"<script>{_asset('page.js')}</script></main></body></html>"
    )


@functools.cache
def _asset(name: str) -> str:
    """A file that stands beside this one."""
    return files(__package__).joinpath(name).read_text("utf-8")


def _variables(theme: str) -> str:
    return "".join([f"--{name}:{colour};" for name, colour in COLOURS[theme].items()])


_CONTROLS = """\
<div class="bar" role="toolbar" aria-label="go through the evaluation">
<button id="reset" aria-keyshortcuts="Home">\u27f2 reset</button>
<button id="back" aria-keyshortcuts="ArrowLeft">\u2190 back</button>
<button id="step" aria-keyshortcuts="ArrowRight">step \u2192</button>
<button id="play" aria-keyshortcuts="Space" aria-pressed="false">\u25b6 play</button>
<button id="theme" aria-keyshortcuts="d" aria-label="light or dark">\u25d0</button>
<input id="at" type="range" min="0" value="0" aria-label="step">
</div>
<p id="say" role="status" aria-live="polite"></p>
<p class="key"><span class="k-fw">value above</span>
<span class="k-pos">gradient below, positive</span>
<span class="k-neg">negative</span> <span class="k-loc">local derivative at the gate</span>
<span>width of a band: size of the gradient</span></p>
<section id="about" aria-label="the node" aria-live="polite" hidden></section>"""


class _Views:
    """The pictures of a page: that of the function, and one for each box that opens.

    Attributes:
        figures: The pictures, as HTML.
        data: What the script knows of each.
    """

    def __init__(self) -> None:
        self.figures: list[str] = []
        self.data: list[dict[str, Any]] = []
        self._left = _NODES_MOST

    def add(self, graph: Graph, parent: int, name: str) -> int:
        """Add the picture of a graph, and of the boxes in it; its number."""
        folded, note = fold(graph)
        drawing = draw(folded, note)
        drawing.title = ""  # it stands above the picture
        scene = arrange(drawing)
        number = len(self.figures)
        self._left -= len(scene.drawing.boxes)
        self.figures.append(_figure(scene, number, name or graph.title))
        entry: dict[str, Any] = {"parent": parent, "name": name or graph.title}
        self.data.append(entry)
        nodes: list[dict[str, Any]] = []
        for box in scene.drawing.boxes:
            about = _about(box)
            inside = box.node.inside if box.node is not None else None
            if inside is not None and self._left > len(inside.nodes):
                about["opens"] = self.add(inside, number, box.text)
            nodes.append(about)
        entry["nodes"] = nodes
        entry["order"] = forward_order(scene)
        return number


def _figure(scene: Scene, number: int, title: str) -> str:
    width, height = scene.width, scene.height
    hidden = " hidden" if number else ""
    return (
        f'<figure data-view="{number}"{hidden} tabindex="0" role="group" '
        f'aria-label="{escape(title, quote=True)}"><svg class="fg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="min-width:{0.85 * width:.0f}px;max-width:{1.4 * width:.0f}px">'
        f"{svg_body(scene)}</svg></figure>"
    )


def _about(box: Box) -> dict[str, Any]:
    """What the page says of a node."""
    node = box.node
    if node is None:
        return {"name": box.text}
    about: dict[str, Any] = {"name": _name(node, box), "operation": node.operation or node.kind}
    if node.line:
        about["line"] = node.line
    code = code_line(node.source_info)
    if code:
        about["code"] = code
    values = [summary(x) for x in node.values]
    cts = [summary(x) for x in node.cotangents if x is not None]
    about["value"] = "; ".join([v for v in values if v])
    if cts:
        about["gradient"] = "; ".join(cts)
    slopes = [_slope(edge.formula, edge.local) for edge in node.operands]
    if any(slopes):
        about["slopes"] = slopes
    if node.error is not None:
        about["error"] = f"{type(node.error).__name__}: {node.error}"
    return about


def _name(node: Node, box: Box) -> str:
    names = [name for name in node.names if name]
    return ", ".join(names) if names else box.text


def _slope(formula: str, local: Any) -> str:
    if local is None:
        return ""
    value = summary(local)
    return f"{formula} = {value}" if formula and formula != value else value
