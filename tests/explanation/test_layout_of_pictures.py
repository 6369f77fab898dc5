"""Layouts: nothing overlaps, wires go from left to right, few cross."""

import itertools
import json
import random
import re
import shutil
import subprocess
import time

import numpy as np
import pytest
from samples.graphs import random_function

from funcgrad import explain, nn, scan
from funcgrad.explanation.drawing import draw
from funcgrad.explanation.layout import lay_out, ranks
from funcgrad.explanation.scene import LINE, arrange, box_size, text_width
from funcgrad.explanation.svg import scene_of, svg


def rectangles(scene):
    """Every box and every text of a picture, with what it is."""
    drawing, layout = scene.drawing, scene.layout
    for k, box in enumerate(drawing.boxes):
        (x, y), (w, h) = layout.boxes[k], box_size(box)
        yield f"box {box.text}", (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        texts = [(box.above, y - h / 2 - 6), (box.below, y + h / 2 + LINE - 3)]
        if box.gradient is not None:
            value, gradient, _ = box.gradient
            texts = [(value, y - h / 2 - 7), (gradient, y + h / 2 + LINE)]
        for text, base in texts:
            if text:
                yield f"slope {text}", of_text(x, base, text, 12)
    for k, wire in enumerate(drawing.wires):
        x, y = layout.labels[k]
        for text, base in ((wire.value, y - 7), (wire.cotangent, y + LINE)):
            if text:
                yield f"text {text}", of_text(x, base, text, 14)


def of_text(x, base, text, size):
    width = text_width(text, size)
    return x - width / 2, base - 0.75 * size, x + width / 2, base + 0.2 * size


def overlapping(scene):
    found = []
    placed = sorted(rectangles(scene), key=lambda r: r[1][0])
    for k, (what, a) in enumerate(placed):
        for other, b in placed[k + 1 :]:
            if b[0] >= a[2]:
                break
            if a[1] < b[3] and b[1] < a[3]:
                found.append((what, other))
    return found


def points_of(path):
    """Points along a wire."""
    found, straight = [path[0]], True
    for (x, y), (nx, ny) in itertools.pairwise(path):
        for t in np.linspace(0.0, 1.0, 9)[1:]:
            s = t if straight else 3 * t**2 - 2 * t**3  # the Bezier curve with level ends
            u = t if straight else 1.5 * t * (1 - t) ** 2 + 1.5 * t**2 * (1 - t) + t**3
            found.append((x + (nx - x) * u, y + (ny - y) * s))
        straight = not straight
    return found


def through_boxes(scene):
    """Wires that go through a box at which they do not end."""
    drawing, layout = scene.drawing, scene.layout
    found = []
    for k, wire in enumerate(drawing.wires):
        points = points_of(layout.paths[k])
        for n in range(len(drawing.boxes)):
            if n in (wire.source, wire.target):
                continue
            left, top, width, height = scene.rectangle(n)
            inside = [left < x < left + width and top < y < top + height for x, y in points]
            if any(inside):
                found.append((k, drawing.boxes[n].text))
    return found


@pytest.mark.parametrize("part", range(8))
def test_nothing_overlaps_in_random_programs(part):
    for seed in range(25 * part, 25 * part + 25):
        f, args = random_function(seed, operations=random.Random(seed).randint(2, 58))
        scene = scene_of(explain(f, *args).graph)
        assert overlapping(scene) == [], seed
        assert through_boxes(scene) == [], seed


def arrays(p, x):
    h = np.tanh(x @ p["w"] + p["b"])
    c, _ = scan(lambda c, t: (np.sin(c) * t, None), h[0], h)
    return nn.softplus(c) + np.sum(h)


def test_nothing_overlaps_with_arrays_boxes_and_long_names():
    p = {"w": np.ones((3, 2)), "b": np.array([0.1, 0.2])}
    scene = scene_of(explain(arrays, p, np.arange(3.0)).graph)
    assert overlapping(scene) == []
    for box in [b for b in scene.drawing.boxes if b.node.inside is not None]:
        assert overlapping(scene_of(box.node.inside)) == []


def test_wires_go_from_left_to_right():
    f, args = random_function(3, operations=40)
    scene = scene_of(explain(f, *args).graph)
    for path in scene.layout.paths:
        xs = [x for x, _ in path]
        assert xs == sorted(xs)
    assert all(0 <= x <= scene.width for path in scene.layout.paths for x, _ in path)
    assert all(0 <= y <= scene.height for path in scene.layout.paths for _, y in path)


def test_boxes_stand_behind_what_they_use_and_near_their_users():
    wires = [(0, 2), (1, 2), (2, 4), (3, 4)]
    assert ranks(5, wires, set()) == [0, 0, 1, 1, 2]
    assert ranks(5, wires, {3}) == [0, 0, 1, 0, 2]


def test_a_tree_has_no_crossings():
    wires = [(k, 7 + k // 2) for k in range(6)] + [(7, 10), (8, 10), (9, 11), (10, 11)]
    random.Random(0).shuffle(wires)
    found = lay_out([(40.0, 30.0)] * 12, wires, [(30.0, 30.0)] * len(wires))
    assert found.crossings == 0


def test_what_has_many_users_is_repeated_beside_them():
    def f(x):
        return np.sin(x) + np.cos(x) * np.exp(x) - np.tanh(x) / (2.0 + x)

    drawing = draw(explain(f, 0.5).graph)
    chips = [box for box in drawing.boxes if box.kind == "chip"]
    assert [chip.text for chip in chips] == ["x"] * 5
    (given,) = [box for box in drawing.boxes if box.kind == "input"]
    assert given.gradient is not None

    def few(x):
        return np.sin(x) * x

    assert all(box.kind != "chip" for box in draw(explain(few, 0.5).graph).boxes)


def test_numbers_stand_in_their_operation_and_ones_are_left_out():
    drawing = draw(explain(lambda x: 1.0 / (1 + np.exp(x * 1.0)), 0.5).graph)
    texts = [box.text for box in drawing.boxes]
    assert texts == ["x", "exp", "1 +", "1 \N{DIVISION SLASH}", "output"]
    assert drawing.boxes[3].above == (
        "\N{PARTIAL DIFFERENTIAL} = \N{MINUS SIGN}1/u\N{SUPERSCRIPT TWO} = \N{MINUS SIGN}0.1425"
    )


def crossings_of_dot(wires, count):
    """How many wires cross where Graphviz's dot draws the same graph, by its curves."""
    lines = ["digraph {", 'rankdir=LR; node [shape=box, label="", width=0.6, height=0.4];']
    lines += [f"n{k};" for k in range(count)]
    lines += [f"n{a} -> n{b};" for a, b in wires]
    made = subprocess.run(
        ["dot", "-Tjson"],
        input="\n".join([*lines, "}"]),
        capture_output=True,
        text=True,
        check=True,
    )
    drawn = json.loads(made.stdout)
    curves = []
    for edge in drawn["edges"]:
        numbers = re.sub(r"[se],[-\d.e+,]+ ", "", edge["pos"]).split()
        knots = np.array([[float(v) for v in p.split(",")] for p in numbers])
        curves.append((edge["tail"], edge["head"], along(knots)))
    return crossings(curves)


def along(knots):
    """Points on a piecewise cubic Bezier curve."""
    t = np.linspace(0.0, 1.0, 12)[:, None]
    found = [knots[:1]]
    for k in range(0, len(knots) - 3, 3):
        a, b, c, d = knots[k : k + 4]
        curve = a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t**2 * (1 - t) + d * t**3
        found.append(curve[1:])
    return np.concatenate(found)


def crossings(curves):
    """How often curves cross; ends that they share do not count."""
    total = 0
    for (a, b, one), (c, d, other) in itertools.combinations(curves, 2):
        if {a, b} & {c, d}:
            continue
        p, q = one[:-1, None], other[None, :-1]
        r, s = np.diff(one, axis=0)[:, None], np.diff(other, axis=0)[None]
        cross = r[..., 0] * s[..., 1] - r[..., 1] * s[..., 0]
        with np.errstate(all="ignore"):
            d_ = q - p
            t = (d_[..., 0] * s[..., 1] - d_[..., 1] * s[..., 0]) / cross
            u = (d_[..., 0] * r[..., 1] - d_[..., 1] * r[..., 0]) / cross
        total += int(np.count_nonzero((t > 0) & (t < 1) & (u > 0) & (u < 1)))
    return total


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
def test_as_few_wires_cross_as_in_graphviz():
    ours = theirs = 0
    for seed in range(20):
        f, args = random_function(seed, operations=36)
        drawing = draw(explain(f, *args).graph)
        wires = [(w.source, w.target) for w in drawing.wires]
        layout = arrange(drawing).layout
        curves = [
            (a, b, np.array(points_of(path)))
            for (a, b), path in zip(wires, layout.paths, strict=True)
        ]
        ours += crossings(curves)
        theirs += crossings_of_dot(wires, len(drawing.boxes))
    assert ours <= 1.2 * theirs, (ours, theirs)


def test_sixty_nodes_are_drawn_in_a_moment():
    f, args = random_function(11, operations=55)
    graph = explain(f, *args).graph
    svg(graph)
    start = time.process_time()
    svg(graph)
    assert time.process_time() - start < 2.0  # ten times the bar, for busy machines


def test_large_graphs_fold_and_say_so():
    f, args = random_function(5, operations=300)
    found = explain(f, *args)
    scene = scene_of(found.graph)
    assert "operations, folded into" in scene.drawing.note
    assert len([b for b in scene.drawing.boxes if b.kind == "fold"]) <= 30
    assert overlapping(scene) == []
    inside = [b.node.inside for b in scene.drawing.boxes if b.kind == "fold"]
    assert sum(1 for g in inside for n in g.nodes if n.kind == "operation") >= 300
