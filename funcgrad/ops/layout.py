"""What an index means. Its parts, the shape it gives, and where its dimensions go.

An index is a tuple of slices, integers, None, Ellipsis and `OPERAND`, which stands for an array of
integers (or one traced integer) that is an operand of the primitive. The rule for where broadcast
dimensions go is NumPy's: arrays and integers side by side put them where they stand, apart from
each other they put them first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from ..core.ir import Shape
from ..errors import OutOfBoundsError, ShapeError
from .linear import shape_of

__all__ = [
    "OPERAND",
    "Index",
    "apart",
    "distinct",
    "fill",
    "hash_of",
    "layout",
    "out_of_bounds",
    "takes_all",
    "takes_element",
    "text_of",
]

Index: TypeAlias = tuple[Any, ...]


class _Operand:
    """Stands in an index for an array that is an operand."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "_"

    def __reduce__(self) -> str:
        return "OPERAND"


OPERAND: Final = _Operand()
_WHOLE = slice(None)

_ADVICE = (
    "An axis of length n takes indices from -n to n - 1. Bring others into range with numpy.clip, "
    "or choose with numpy.where."
)


def out_of_bounds(error: IndexError | str) -> OutOfBoundsError:
    """The error for NumPy's, with its text."""
    return OutOfBoundsError(f"indexing: {str(error).rstrip('.')}", _ADVICE)


def fill(index: Index, arrays: Sequence[Any]) -> Index:
    """``index`` with arrays, or their names, in the places of `OPERAND`."""
    rest = iter(arrays)
    return tuple([next(rest) if part is OPERAND else part for part in index])


def takes_all(index: Index) -> bool:
    """Whether ``index`` is of new axes and whole ones: its result has another shape, no more."""
    return all(part is None or part is Ellipsis or part == _WHOLE for part in index)


def takes_element(index: Index) -> bool:
    """Whether ``index`` is one integer."""
    return len(index) == 1 and type(index[0]) is int


def apart(first: Index, second: Index, shape: Shape) -> bool:
    """Whether it is certain that two indices without arrays have no place in common."""
    axes = zip(_places(first, shape), _places(second, shape), strict=True)
    return not all(_may_meet(a, b) for a, b in axes)


def _may_meet(a: range, b: range) -> bool:
    if not a or not b:
        return False
    (low, high), (least, most) = sorted([a[0], a[-1]]), sorted([b[0], b[-1]])
    return low <= most and least <= high and (a[0] - b[0]) % math.gcd(a.step, b.step) == 0


def _places(index: Index, shape: Shape) -> list[range]:
    """What an index without arrays takes along each axis."""
    found: list[range] = []
    spared = len(shape) - sum([part is not None and part is not Ellipsis for part in index])
    parts: Index = index if Ellipsis in index else (*index, Ellipsis)
    for part in parts:
        if part is Ellipsis:
            found += [range(n) for n in shape[len(found) : len(found) + spared]]
        elif part is not None:
            n = shape[len(found)]
            whole = part if type(part) is slice else slice(part % n, part % n + 1)
            found.append(range(*whole.indices(n)))
    return found


def text_of(index: Index, operands: Sequence[str] = ()) -> str:
    """``index`` as it is written between brackets: ``1:, ::2``."""
    if not index:
        return "()"
    rest = iter(operands)
    return ", ".join([_part(part, rest) for part in index])


def _part(part: Any, rest: Any) -> str:
    if part is OPERAND:
        return next(rest, "_")
    if part is Ellipsis:
        return "..."
    if not isinstance(part, slice):
        return repr(part)
    start = "" if part.start is None else part.start
    stop = "" if part.stop is None else part.stop
    return f"{start}:{stop}" if part.step is None else f"{start}:{stop}:{part.step}"


def hash_of(index: Index) -> int:
    """A hash; slices have none of their own before Python 3.12."""
    return hash(tuple([(p.start, p.stop, p.step) if type(p) is slice else p for p in index]))


def layout(index: Index, shape: Shape, shapes: Sequence[Shape]) -> tuple[Shape, int, int]:
    """The shape that ``index`` gives.

    Args:
        index: As in the file's first lines.
        shape: The shape of what is indexed.
        shapes: The shapes of the operands in the index.

    Returns:
        The shape of the result; where in it the dimensions of the operands stand; how many they
        are.

    Raises:
        OutOfBoundsError: An integer is outside its axis, or there are more indices than axes.
        ShapeError: The operands do not broadcast.
    """
    taken = len(index) - index.count(None) - index.count(Ellipsis)
    if taken > len(shape):
        raise out_of_bounds(
            f"too many indices for array: array is {len(shape)}-dimensional, but {taken} were "
            "indexed"
        )
    advanced = any(shapes)
    at, run_over, found = 0, False, False
    axis = 0
    dims: list[int] = []
    for part in index:
        if part is OPERAND or isinstance(part, int):
            if part is not OPERAND and not -shape[axis] <= part < shape[axis]:
                raise out_of_bounds(
                    f"index {part} is out of bounds for axis {axis} with size {shape[axis]}"
                )
            axis += 1
            if not advanced:
                continue
            if not found:
                at, found = len(dims), True
            elif run_over:
                at = 0
            continue
        run_over = found
        if part is None:
            dims.append(1)
        elif part is Ellipsis:
            following = axis + len(shape) - taken
            dims.extend(shape[axis:following])
            axis = following
        else:
            dims.append(len(range(*part.indices(shape[axis]))))
            axis += 1
    dims.extend(shape[axis:])
    if not advanced:
        return tuple(dims), 0, 0
    try:
        broadcast = shapes[0] if len(shapes) == 1 else np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(
            f"indexing: index arrays of shapes {', '.join(map(str, shapes))} do not broadcast",
            "Reshape them, as numpy.ix_ does, or index one axis after the other.",
        ) from None
    return (*dims[:at], *broadcast, *dims[at:]), at, len(broadcast)


def distinct(arrays: Sequence[Any]) -> bool:
    """Whether it is certain that ``arrays``, indices side by side, never mean one place twice.

    Arrays whose values only grow tell the places apart along the axes they vary on; where every
    axis has one, all places differ. Tracers prove nothing.
    """
    shapes = [shape_of(a) for a in arrays]
    rank = max(map(len, shapes), default=0)
    told: set[int] = set()
    wide: set[int] = set()
    for a, shape in zip(arrays, shapes, strict=True):
        axes = {i + rank - len(shape) for i, n in enumerate(shape) if n != 1}
        wide |= axes
        if type(a) is np.ndarray and not axes <= told and _grows(a):
            told |= axes
    return wide <= told


def _grows(a: np.ndarray[Any, Any]) -> bool:
    flat = a.reshape(-1)
    if flat.size < 2:
        return True
    # Negative and other values could mean one place.
    one_sign = flat[0] >= 0 or flat[-1] < 0
    return bool(one_sign) and bool((flat[1:] > flat[:-1]).all())
