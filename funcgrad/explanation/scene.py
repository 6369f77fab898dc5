"""A drawing with places: what the SVG, the page and the PNG are all made from."""

from __future__ import annotations

from dataclasses import dataclass

from .drawing import Box, Drawing, Wire
from .layout import Layout, Size, lay_out

__all__ = ["Scene", "arrange", "text_width"]

MARGIN, HEAD = 26.0, 34.0
TEXT, SMALL, LINE = 14.0, 12.0, 17.0
BOX_HEIGHT, CHIP_HEIGHT = 36.0, 26.0
BAND = 2.0, 7.0
"""The width of a backward band, from the least to the greatest gradient."""

_WIDTHS = {
    **dict.fromkeys("ijlI.,:;'|!\N{MIDDLE DOT} ", 0.4),
    **dict.fromkeys("tfr()[]{}/\N{DIVISION SLASH}", 0.5),
    **dict.fromkeys("+=<>~-\N{MINUS SIGN}\N{MULTIPLICATION SIGN}wQODGHNU", 0.93),
    **dict.fromkeys("mMW@%\N{RIGHTWARDS ARROW}\N{INFINITY}", 1.12),
}
"""In units of the size: letters of DejaVu Sans Bold, among the widest that browsers use."""


def text_width(text: str, size: float = TEXT) -> float:
    """How wide a text is at most, in the sans-serif fonts that browsers have."""
    return sum([_WIDTHS.get(c, 0.73) for c in text]) * size


@dataclass(slots=True)
class Scene:
    """Everything with its place; coordinates are of the whole picture.

    Attributes:
        drawing: What is drawn.
        layout: Where.
        sizes: The size of each box with its local derivatives.
        width: Of the picture.
        height: Of the picture.
    """

    drawing: Drawing
    layout: Layout
    sizes: list[Size]
    width: float
    height: float

    def rectangle(self, k: int) -> tuple[float, float, float, float]:
        """Left, top, width and height of a box itself."""
        box = self.drawing.boxes[k]
        x, y = self.layout.boxes[k]
        w, h = box_size(box)
        return x - w / 2, y - h / 2, w, h

    def band(self, wire: Wire) -> float:
        """How wide the band of a wire's gradient is."""
        most = max((w.size for w in self.drawing.wires), default=0.0)
        part = (wire.size / most) ** 0.5 if most else 0.0
        return BAND[0] + (BAND[1] - BAND[0]) * part


def arrange(drawing: Drawing) -> Scene:
    """Find the places of everything in a drawing."""
    sizes = [_size(box) for box in drawing.boxes]
    labels = [_label_size(wire) for wire in drawing.wires]
    wires = [(wire.source, wire.target) for wire in drawing.wires]
    inputs = [k for k, box in enumerate(drawing.boxes) if box.kind == "input"]
    few = len(drawing.boxes) <= 16
    ends = [box_size(box)[0] for box in drawing.boxes]
    layout = lay_out(sizes, wires, labels, inputs if few else (), ends)
    head = HEAD if drawing.title else 0.0
    head += LINE if drawing.note else 0.0
    dx, dy = MARGIN, MARGIN + head
    layout.boxes = [(x + dx, y + dy) for x, y in layout.boxes]
    layout.labels = [(x + dx, y + dy) for x, y in layout.labels]
    layout.paths = [[(x + dx, y + dy) for x, y in path] for path in layout.paths]
    title = max(text_width(drawing.title, 18), text_width(drawing.note, SMALL))
    width = max(layout.width, title) + 2 * MARGIN
    return Scene(drawing, layout, sizes, width, layout.height + 2 * MARGIN + head)


def box_size(box: Box) -> Size:
    """The size of a box itself."""
    if box.kind == "chip":
        return max(30.0, text_width(box.text, SMALL) + 14), CHIP_HEIGHT
    return max(48.0, text_width(box.text, 16) + 20), BOX_HEIGHT


def _size(box: Box) -> Size:
    """The size of a box with what stands above and below it, and a little room."""
    width, height = box_size(box)
    texts = [box.above, box.below]
    width = max(width, *[text_width(t, SMALL) for t in texts])
    if box.gradient is not None:
        width = max(width, *[text_width(t) for t in box.gradient[:2]])
    # The box stays in the middle: room above is room below.
    beside = LINE if any(texts) else 0.0
    if box.gradient is not None:
        beside = 2 * LINE
    return width + 6, height + 2 * beside + 4


def _label_size(wire: Wire) -> Size:
    if not wire.value and not wire.cotangent:
        return 0.0, 0.0
    width = max(text_width(wire.value), text_width(wire.cotangent))
    return width + 8, 2 * LINE + 6
