"""Places for boxes and wires: a layered drawing from left to right.

After Sugiyama, Tagawa & Toda, IEEE Trans. SMC 11 (1981): layers by the longest path, few crossings
by weighted medians and exchanges of neighbours (Gansner, Koutsofios, North & Vo, IEEE TSE 19
(1993), sections 2 and 3), and places within a layer by isotonic least squares (pool adjacent
violators). Texts on wires are boxes too, with a layer of their own between those of the nodes, so
that nothing overlaps by construction.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Layout", "Size", "lay_out"]

Size = tuple[float, float]
"""Width and height."""
Point = tuple[float, float]

_GAP_X, _GAP_Y, _GAP_WIRE = 26.0, 18.0, 12.0
_STEEP = 16.0
_STARTS, _SWEEPS, _PASSES, _WORK = 10, 24, 28, 30_000


@dataclass(slots=True)
class Layout:
    """Where everything is.

    Attributes:
        width: Of the whole.
        height: Of the whole.
        boxes: The centre of each box.
        labels: For each wire the centre of its text.
        paths: For each wire the points that it goes through: straight from an even one to the next,
            curved from an odd one to the next.
        crossings: How often wires cross.
    """

    width: float
    height: float
    boxes: list[Point]
    labels: list[Point]
    paths: list[list[Point]]
    crossings: int


def lay_out(
    boxes: Sequence[Size],
    wires: Sequence[tuple[int, int]],
    labels: Sequence[Size],
    pinned: Sequence[int] = (),
    ends: Sequence[float] = (),
) -> Layout:
    """Places for everything.

    Args:
        boxes: The size of each box.
        wires: For each wire the boxes where it begins and ends; there are no circles.
        labels: For each wire the size of its text, with nothing for none.
        pinned: Boxes that stay in the first layer; others stand as near to their users as they can.
        ends: How wide each box is for the wires that end at it, where that is less than its size.
    """
    widths = list(ends) or [width for width, _ in boxes]
    return _Layouter(boxes, wires, labels, set(pinned)).layout(widths)


class _Layouter:
    """Vertices are boxes, then what wires pass in each layer between: texts, or nothing."""

    def __init__(
        self,
        boxes: Sequence[Size],
        wires: Sequence[tuple[int, int]],
        labels: Sequence[Size],
        pinned: set[int],
    ) -> None:
        self.wires = list(wires)
        self.count = len(boxes)
        self.size: list[Size] = list(boxes)
        self.rank = [2 * r for r in ranks(self.count, self.wires, pinned)]
        self.up: list[list[int]] = [[] for _ in boxes]
        self.down: list[list[int]] = [[] for _ in boxes]
        self.chains: list[list[int]] = []
        self.label_of: list[int] = []
        for (a, b), size in zip(self.wires, labels, strict=True):
            self._chain(a, b, size)
        layers = max(self.rank, default=0) + 1
        self.layers: list[list[int]] = [[] for _ in range(layers)]
        for v, r in enumerate(self.rank):
            self.layers[r].append(v)
        self.pos = [0] * len(self.rank)
        for layer in self.layers:
            self._number(layer)

    def _chain(self, a: int, b: int, size: Size) -> None:
        between = range(self.rank[a] + 1, self.rank[b])
        middle = between[len(between) // 2 // 2 * 2] if len(between) else self.rank[a]
        chain = [a]
        label = -1
        for r in between:
            v = len(self.rank)
            self.rank.append(r)
            self.size.append(size if r == middle else (0.0, 0.0))
            self.up.append([])
            self.down.append([])
            if r == middle:
                label = v
            chain.append(v)
        chain.append(b)
        for u, v in itertools.pairwise(chain):
            self.down[u].append(v)
            self.up[v].append(u)
        self.chains.append(chain)
        self.label_of.append(label)

    def _number(self, layer: list[int]) -> None:
        for i, v in enumerate(layer):
            self.pos[v] = i

    def layout(self, ends: Sequence[float]) -> Layout:
        crossings = self._order()
        y = self._heights()
        left, right = self._columns()
        rank, size = self.rank, self.size
        x = [(left[r] + right[r]) / 2 for r in rank]
        paths: list[list[Point]] = []
        for chain in self.chains:
            a, b = chain[0], chain[-1]
            points = [(x[a] + ends[a] / 2, y[a]), (right[rank[a]], y[a])]
            for u, v, w in zip(chain, chain[1:], chain[2:]):
                # Straight past a text, and past a column's boxes where it is steep beside them.
                before = size[v][1] or abs(y[u] - y[v]) > _STEEP
                after = size[v][1] or abs(y[w] - y[v]) > _STEEP
                points.append((left[rank[v]] if before else x[v], y[v]))
                points.append((right[rank[v]] if after else x[v], y[v]))
            points += [(left[rank[b]], y[b]), (x[b] - ends[b] / 2, y[b])]
            paths.append(points)
        top = min((y[v] - size[v][1] / 2 for v in range(len(y))), default=0.0)
        bottom = max((y[v] + size[v][1] / 2 for v in range(len(y))), default=0.0)
        shift = -top
        centres = [(x[v], y[v] + shift) for v in range(len(y))]
        return Layout(
            right[-1] if right else 0.0,
            bottom - top,
            centres[: self.count],
            [centres[v] for v in self.label_of],
            [[(px, py + shift) for px, py in path] for path in paths],
            crossings,
        )

    def _columns(self) -> tuple[list[float], list[float]]:
        """The left and right side of each layer."""
        left: list[float] = []
        right: list[float] = []
        at = 0.0
        for layer in self.layers:
            width = max((self.size[v][0] for v in layer), default=0.0)
            left.append(at)
            right.append(at + width)
            at += width + _GAP_X
        return left, right

    def _order(self) -> int:
        """Order the vertices of each layer so that few wires cross: the best of several starts."""
        work = max(1, len(self.rank))
        starts = max(1, min(_STARTS, _WORK // work))
        best, kept = self._crossings(), [list(layer) for layer in self.layers]
        mixed = random.Random(0)
        for start in range(starts):
            if best == 0:
                break
            if start:
                for layer in self.layers:
                    mixed.shuffle(layer)
                    self._number(layer)
            found, layers = self._sweep(max(2, min(_SWEEPS, _WORK // work)))
            if found < best:
                best, kept = found, layers
        self.layers = kept
        for layer in kept:
            self._number(layer)
        return best

    def _sweep(self, sweeps: int) -> tuple[int, list[list[int]]]:
        """Sweeps from one order of the layers: the fewest crossings, and the order of them."""
        best, kept, stale = self._crossings(), [list(layer) for layer in self.layers], 0
        for sweep in range(sweeps):
            if best == 0 or stale > 5:
                break
            downward = sweep % 2 == 0
            neighbours = self.up if downward else self.down
            for layer in self.layers if downward else self.layers[::-1]:
                keys = [self._median(neighbours[v], self.pos[v]) for v in layer]
                # Ties the other way round in every other pair of sweeps, to get out of hollows.
                places = range(len(layer)) if sweep % 4 < 2 else range(len(layer) - 1, -1, -1)
                order = sorted(places, key=keys.__getitem__)
                layer[:] = [layer[i] for i in order]
                self._number(layer)
            self._exchange(1 if sweep % 4 < 2 else 0)
            found = self._crossings()
            stale += 1
            if found < best:
                best, stale = found, 0
                kept = [list(layer) for layer in self.layers]
        return best, kept

    def _median(self, neighbours: list[int], own: int) -> float:
        """The weighted median of where the neighbours are."""
        places = sorted([self.pos[u] for u in neighbours])
        count = len(places)
        if not count:
            return float(own)
        half = count // 2
        if count % 2:
            return float(places[half])
        if count == 2:
            return (places[0] + places[1]) / 2
        left, right = places[half - 1] - places[0], places[-1] - places[half]
        if left + right == 0:
            return (places[half - 1] + places[half]) / 2
        return (places[half - 1] * right + places[half] * left) / (left + right)

    def _exchange(self, gain: int) -> None:
        """Exchange neighbours in a layer where that many wires fewer cross then."""
        pos, up, down = self.pos, self.up, self.down
        for _ in range(6):
            moved = False
            for layer in self.layers:
                for i in range(len(layer) - 1):
                    u, v = layer[i], layer[i + 1]
                    now = _pairs(pos, up[u], up[v]) + _pairs(pos, down[u], down[v])
                    if not now:
                        continue
                    then = _pairs(pos, up[v], up[u]) + _pairs(pos, down[v], down[u])
                    if now - then >= gain:
                        layer[i], layer[i + 1] = v, u
                        pos[u], pos[v] = i + 1, i
                        moved = moved or then < now
            if not moved:
                break

    def _crossings(self) -> int:
        """How many pairs of wires cross (Barth, Juenger & Mutzel, JGAA 8 (2004), section 4)."""
        total = 0
        for upper, lower in itertools.pairwise(self.layers):
            ends = [p for v in upper for p in sorted([self.pos[w] for w in self.down[v]])]
            total += _inversions(ends, len(lower))
        return total

    def _heights(self) -> list[float]:
        """The height at which each vertex stands: near those that it is joined to."""
        y = [0.0] * len(self.rank)
        for layer in self.layers:
            at = 0.0
            for i, v in enumerate(layer):
                at += self._distance(layer[i - 1], v) if i else 0.0
                y[v] = at
        passes = max(4, min(_PASSES, _WORK // max(1, len(self.rank))))
        for k in range(passes):
            both = k >= passes - 3
            downward = k % 2 == 0
            for layer in self.layers if downward else self.layers[::-1]:
                wanted: list[float] = []
                weights: list[float] = []
                for v in layer:
                    near = self.up[v] if downward else self.down[v]
                    if both or not near:
                        near = [*self.up[v], *self.down[v]]
                    wanted.append(_middle([y[u] for u in near], y[v]))
                    weights.append(self._weight(v) if near else 0.05)
                self._settle(layer, wanted, weights, y)
        return y

    def _weight(self, v: int) -> float:
        """How much a vertex insists on its place: wires on being straight."""
        if v < self.count:
            return 1.0 + 0.5 * len(self.up[v])
        (u,), (w,) = self.up[v], self.down[v]
        return 8.0 if u >= self.count and w >= self.count else 4.0

    def _distance(self, u: int, v: int) -> float:
        """How far apart two neighbours in a layer stand."""
        wire = not self.size[u][1] or not self.size[v][1]
        return (self.size[u][1] + self.size[v][1]) / 2 + (_GAP_WIRE if wire else _GAP_Y)

    def _settle(
        self, layer: list[int], wanted: list[float], weights: list[float], y: list[float]
    ) -> None:
        """Places as near to the wanted ones as the distances allow, in the sense of squares."""
        offsets: list[float] = []
        blocks: list[list[float]] = []  # sum of weighted places, sum of weights, first, last
        offset = 0.0
        for i, v in enumerate(layer):
            offset += self._distance(layer[i - 1], v) if i else 0.0
            offsets.append(offset)
            blocks.append([(wanted[i] - offset) * weights[i], weights[i], i, i])
            while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
                last = blocks.pop()
                blocks[-1][0] += last[0]
                blocks[-1][1] += last[1]
                blocks[-1][3] = last[3]
        for total, weight, first, last in blocks:
            for i in range(int(first), int(last) + 1):
                y[layer[i]] = total / weight + offsets[i]


def ranks(count: int, wires: Sequence[tuple[int, int]], pinned: set[int]) -> list[int]:
    """The layer of each box: behind all that it uses, and as near to its users as may be."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for a, b in wires:
        before[b].append(a)
        after[a].append(b)
    rank = [0] * count
    for v in _topological(count, before, after):
        rank[v] = max((rank[u] + 1 for u in before[v]), default=0)
    for _ in range(_SHIFTS):
        moved = False
        for v, step in itertools.product(range(count), (1, -1)):
            moved = _shift(v, rank, before, after, pinned, step) or moved
        if not moved:
            break
    return rank


_SHIFTS = 24


def _shift(
    v: int,
    rank: list[int],
    before: list[list[int]],
    after: list[list[int]],
    pinned: set[int],
    step: int,
) -> bool:
    """Move a box by a layer, and those that it pushes, where the wires become shorter by that."""
    ahead, behind = (after, before) if step > 0 else (before, after)
    group, pending = {v}, [v]
    while pending:
        u = pending.pop()
        for w in ahead[u]:
            if (rank[w] - rank[u]) * step == 1 and w not in group:
                group.add(w)
                pending.append(w)
    if group & pinned or min([rank[u] for u in group]) + step < 0:
        return False
    shorter = sum(1 for u in group for w in ahead[u] if w not in group)
    longer = sum(1 for u in group for w in behind[u] if w not in group)
    if shorter <= longer:
        return False
    for u in group:
        rank[u] += step
    return True


def _topological(count: int, before: list[list[int]], after: list[list[int]]) -> list[int]:
    left = [len(b) for b in before]
    order = [v for v in range(count) if not left[v]]
    for v in order:
        for w in after[v]:
            left[w] -= 1
            if not left[w]:
                order.append(w)
    return order


def _pairs(pos: list[int], first: list[int], second: list[int]) -> int:
    """How many wires of two neighbours cross on one side."""
    total = 0
    for u in first:
        p = pos[u]
        for v in second:
            if p > pos[v]:
                total += 1
    return total


def _inversions(places: list[int], count: int) -> int:
    """How many pairs are in the wrong order, by a Fenwick tree."""
    tree = [0] * (count + 1)
    total = 0
    for seen, place in enumerate(places):
        k, below = place + 1, 0
        while k:
            below += tree[k]
            k -= k & -k
        total += seen - below
        k = place + 1
        while k <= count:
            tree[k] += 1
            k += k & -k
    return total


def _middle(places: list[float], own: float) -> float:
    if not places:
        return own
    places.sort()
    return (places[(len(places) - 1) // 2] + places[len(places) // 2]) / 2
