"""The picture of an evaluation as PNG, drawn by matplotlib (the extra ``examples``)."""

from __future__ import annotations

import io
from typing import Any

from .drawing import Box
from .graph import Graph
from .layout import Point
from .scene import LINE, SMALL, TEXT, Scene
from .svg import COLOURS, scene_of

__all__ = ["png"]

_DPI = 144
_PER_INCH = 72.0
_FACES = {
    "input": "in",
    "output": "out",
    "fold": "fold",
    "chip": "chip",
    "error": "bad",
    "operation": "op",
}


def png(graph: Graph, theme: str = "light") -> bytes:
    """The picture of a graph.

    Args:
        graph: The graph; from 60 nodes on it is folded.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The content of a PNG file.

    Raises:
        ImportError: Where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "explain: PNG is drawn by matplotlib, which is not installed\n"
            '  Fix: pip install "funcgrad[examples]", or save as .svg or .html.'
        ) from None
    scene = scene_of(graph)
    colours = COLOURS[theme]
    figure = Figure((scene.width / _PER_INCH, scene.height / _PER_INCH), facecolor=colours["panel"])
    FigureCanvasAgg(figure)
    axes: Any = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, scene.width)
    axes.set_ylim(scene.height, 0)
    axes.axis("off")
    _draw(axes, scene, colours)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=_DPI, facecolor=colours["panel"])
    return out.getvalue()


def _draw(axes: Any, scene: Scene, colours: dict[str, str]) -> None:
    drawing, layout = scene.drawing, scene.layout
    ink = colours["ink"]
    if drawing.title:
        axes.text(26, 38, drawing.title, size=18, weight="bold", color=ink, parse_math=False)
    if drawing.note:
        axes.text(26, 60, drawing.note, size=SMALL, color=colours["mut"], parse_math=False)
    for k, wire in enumerate(drawing.wires):
        _path(axes, layout.paths[k], colours["wire"], 1.6)
        if wire.cotangent:
            _path(axes, layout.paths[k], colours["back"], scene.band(wire), 0.38)
        x, y = layout.paths[k][-1]
        axes.fill([x - 7, x, x - 7], [y - 4, y, y + 4], color=colours["wire"], lw=0)
        x, y = layout.labels[k]
        _text(axes, x, y - 7, wire.value, TEXT, colours["fw"], weight="bold")
        _text(axes, x, y + LINE, wire.cotangent, TEXT, colours[wire.sign], weight="bold")
    for k, box in enumerate(drawing.boxes):
        _box(axes, scene, box, k, colours)


def _box(axes: Any, scene: Scene, box: Box, k: int, colours: dict[str, str]) -> None:
    from matplotlib.patches import FancyBboxPatch

    left, top, width, height = scene.rectangle(k)
    x, y = scene.layout.boxes[k]
    face = _FACES[box.kind]
    round_ = height / 2 - 0.1 if box.kind in ("input", "output", "chip") else 11
    style = f"round,pad=0,rounding_size={round_}"
    patch = FancyBboxPatch(
        (left, top),
        width,
        height,
        boxstyle=style,
        facecolor=colours[face],
        edgecolor=colours[f"{face}-line"],
        linewidth=1.5,
        zorder=3,
    )
    axes.add_patch(patch)
    size, weight = (SMALL, "normal") if box.kind == "chip" else (15.0, "bold")
    _text(axes, x, y + 5.5, box.text, size, colours["ink"], weight=weight)
    small = {"color": colours["mut"], "style": "italic"}
    _text(axes, x, top - 6, box.above, SMALL, **small)
    _text(axes, x, top + height + LINE - 3, box.below, SMALL, **small)
    if box.gradient is not None:
        value, gradient, sign = box.gradient
        _text(axes, x, top - 7, value, TEXT, colours["fw"])
        _text(axes, x, top + height + LINE, gradient, TEXT, colours[sign])


def _text(axes: Any, x: float, y: float, text: str, size: float, color: str, **look: Any) -> None:
    if text:
        # matplotlib's fonts are as wide as a browser's at nine tenths of the size.
        place = {"ha": "center", "zorder": 4, "parse_math": False}
        axes.text(x, y, text, size=0.9 * size, color=color, **place, **look)


def _path(
    axes: Any, points: list[Point], color: str, width: float, alpha: float | None = None
) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    vertices, codes = [points[0]], [Path.MOVETO]
    straight = True
    x, y = points[0]
    for nx, ny in points[1:]:
        if straight:
            vertices.append((nx, ny))
            codes.append(Path.LINETO)
        else:
            half = (x + nx) / 2
            vertices += [(half, y), (half, ny), (nx, ny)]
            codes += [Path.CURVE4] * 3
        straight = not straight
        x, y = nx, ny
    patch = PathPatch(
        Path(vertices, codes),
        facecolor="none",
        edgecolor=color,
        linewidth=width,
        alpha=alpha,
        zorder=2 if alpha is None else 2.5,
        capstyle="round",
    )
    axes.add_patch(patch)
