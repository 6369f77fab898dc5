"""Which sum NumPy's einsum does first.

``einsum('i,j->', x, y)`` adds up the products ``x[i] * y[j]``. In its innermost loop one operand of
two may stand still; NumPy adds up the other one alone there and multiplies once. That decides what
comes of ``inf * 0``, and here stands which loop it is, for operands in C order: the axes are
ordered by their strides, as `numpy.nditer` orders them, and joined where one continues the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

__all__ = ["summed_first"]

Strides = Sequence[dict[str, int]]


@lru_cache(1024)
def summed_first(
    labels: tuple[str, str], out: str, lengths: tuple[tuple[str, int], ...]
) -> tuple[int, str] | None:
    """The operand that is summed alone in the innermost loop, and over which of its axes.

    Args:
        labels: A letter for each axis of both operands.
        out: The letters of the result.
        lengths: The length of each axis.

    Returns:
        0 or 1, and the letters; None where both operands move there, or the result does.
    """
    sizes = dict(lengths)
    if 0 in sizes.values():
        return None
    strides = [_c_strides(names, sizes) for names in (*labels, out)]
    others = sorted({*labels[0], *labels[1]} - {*out})
    axes = [c for c in (*out, *others) if sizes[c] > 1]
    loop = _innermost(_fastest_first(axes[::-1], strides), strides, sizes)
    moving = [i for i, s in enumerate(strides) if any(c in s for c in loop)]
    if len(moving) != 1 or moving[0] == 2 or strides[moving[0]][loop[0]] != 1:
        return None
    return moving[0], loop


def _c_strides(names: str, sizes: dict[str, int]) -> dict[str, int]:
    """The strides of the axes longer than 1, in elements."""
    found: dict[str, int] = {}
    step = 1
    for c in reversed(names):
        if sizes[c] > 1:
            found[c] = step
        step *= sizes[c]
    return found


def _fastest_first(axes: list[str], strides: Strides) -> list[str]:
    """Sorted by insertion; where the operands disagree, or say nothing, C order stays."""
    for i in range(1, len(axes)):
        position = i
        for j in range(i - 1, -1, -1):
            both = [(s[axes[j]], s[axes[i]]) for s in strides if axes[i] in s and axes[j] in s]
            if not both:
                continue
            if any(faster <= own for faster, own in both):
                break
            position = j
        axes.insert(position, axes.pop(i))
    return axes


def _innermost(axes: list[str], strides: Strides, sizes: dict[str, int]) -> str:
    """The letters of the innermost loop: the fastest axis, and those that continue it."""
    loop = axes[:1]
    for c in axes[1:]:
        last = loop[-1]
        if any(s.get(last, 0) * sizes[last] != s.get(c, 0) for s in strides):
            break
        loop.append(c)
    return "".join(loop)
