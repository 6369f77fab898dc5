"""`associative_scan`, all prefixes of a sequence in a logarithmic number of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import tree
from ...core.source_info import place_of
from ...core.trace import Tracer, aval_of
from ...errors import ArgumentError, ShapeError, StructureError, entry
from ...tree.treedef import a
from ..program.trace_body import is_python_number

__all__ = ["associative_scan"]


@entry
def associative_scan(
    fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """All prefix combinations of ``elems`` under an associative operation.

    Element ``k`` of the result is ``elems[0] . elems[1] . ... . elems[k]``. Neighbours are combined
    in pairs, the pairs in pairs, and so on, and the way back fills in what lies between: about
    ``2 n`` combinations in ``2 log2(n)`` calls of ``fn`` (Blelloch, Prefix sums and their
    applications, 1990). It is made of NumPy's functions, so every transform takes it.

    Args:
        fn: An associative operation on pytrees like ``elems``, that works on whole stretches of
            elements at once: it is called with slices of equal length along ``axis``.
        elems: A pytree of arrays with one length along ``axis``.
        reverse: Whether to combine from the last element to the first: element ``k`` is then
            ``elems[n - 1] . ... . elems[k]``, the operands of ``fn`` in that order.
        axis: The axis to scan along.

    Returns:
        A pytree like ``elems``.

    Raises:
        ArgumentError: Where ``fn`` is no function, or a leaf is no array.
        ShapeError: Where a leaf lacks the axis, lengths differ, or ``fn`` changes a shape.
        StructureError: Where ``fn`` changes the structure.

    >>> import numpy as np
    >>> associative_scan(np.add, np.array([1.0, 2.0, 3.0, 4.0]))
    array([ 1.,  3.,  6., 10.])
    """
    if not callable(fn):
        raise ArgumentError(
            f"associative_scan: expected a function, got {type(fn).__name__}",
            "Write associative_scan(fn, elems).",
        )
    leaves, treedef = tree.flatten(elems)
    if not leaves:
        return elems
    axes = _axes(leaves, treedef, axis)
    length = aval_of(leaves[0]).shape[axes[0]]
    if reverse:
        leaves = [np.flip(x, a) for x, a in zip(leaves, axes, strict=True)]

    def combine(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
        found = fn(tree.unflatten(treedef, first), tree.unflatten(treedef, second))
        out, out_treedef = tree.flatten(found)
        if out_treedef != treedef:
            raise StructureError(
                f"associative_scan: elems is {treedef} and {place_of(fn)} returns {out_treedef}",
                "Return the structure of an operand.",
            )
        for i, (x, y) in enumerate(zip(first, out, strict=True)):
            if not is_python_number(y) or aval_of(y).shape != aval_of(x).shape:
                path = tree.path_string(treedef.paths()[i])
                given = aval_of(y) if is_python_number(y) else type(y).__name__
                raise ShapeError(
                    f"associative_scan: the operands{path} are {aval_of(x)} and {place_of(fn)} "
                    f"returns {given}",
                    f"Work on whole stretches along axis {axis}; funcgrad.vmap turns a function of "
                    "two elements into one of stretches.",
                )
        return out

    # Down: each level combines the pairs of the one above.
    levels: list[list[Any]] = []
    while length > 1:
        levels.append(leaves)
        first = [_part(x, a, 0, length - 1, 2) for x, a in zip(leaves, axes, strict=True)]
        second = [_part(x, a, 1, length, 2) for x, a in zip(leaves, axes, strict=True)]
        leaves = combine(first, second)
        length //= 2
    # Up: the prefixes of pairs are those at odd places; one more combination gives the even ones.
    for above in reversed(levels):
        count = aval_of(above[0]).shape[axes[0]]
        odd = leaves
        even = [_part(x, a, 0, 1, 1) for x, a in zip(above, axes, strict=True)]
        if count > 2:
            before = [_part(x, a, 0, (count - 1) // 2, 1) for x, a in zip(odd, axes, strict=True)]
            after = [_part(x, a, 2, count, 2) for x, a in zip(above, axes, strict=True)]
            more = combine(before, after)
            even = [np.concatenate(p, axis=a) for *p, a in zip(even, more, axes, strict=True)]
        leaves = [_interleave(e, o, a) for e, o, a in zip(even, odd, axes, strict=True)]
    if reverse:
        leaves = [np.flip(x, a) for x, a in zip(leaves, axes, strict=True)]
    return tree.unflatten(treedef, [x if isinstance(x, Tracer) else np.array(x) for x in leaves])


def _axes(leaves: Sequence[Any], treedef: tree.TreeDef, axis: int) -> list[int]:
    """The axis of each leaf, counted from the front, after checking that their lengths agree."""
    sizes: dict[int, str] = {}
    axes: list[int] = []
    for leaf, path in zip(leaves, treedef.paths(), strict=True):
        name = f"elems{tree.path_string(path)}"
        if not isinstance(leaf, (Tracer, np.ndarray, np.generic, int, float, complex)):
            raise ArgumentError(
                f"associative_scan: {name} is {a(type(leaf).__name__)}, which is no array",
                "Convert it with numpy.asarray, or close over it.",
            )
        shape = aval_of(leaf).shape
        if not -len(shape) <= axis < len(shape):
            raise ShapeError(
                f"associative_scan: {name} has shape {shape}, and no axis {axis}",
                "Scan along an axis that every leaf has.",
            )
        axes.append(axis % len(shape))
        sizes.setdefault(shape[axis], name)
    if len(sizes) > 1:
        found = ", ".join([f"{n} for {name}" for n, name in sizes.items()])
        raise ShapeError(
            f"associative_scan: the lengths along axis {axis} differ: {found}",
            "Scan over leaves of one length.",
        )
    return axes


def _part(x: Any, axis: int, start: int, stop: int, step: int) -> Any:
    return x[(*(slice(None),) * axis, slice(start, stop, step))]


def _interleave(even: Any, odd: Any, axis: int) -> Any:
    """``even[0], odd[0], even[1], ...``; ``even`` may have one element more."""
    count = aval_of(odd).shape[axis]
    shape = aval_of(even).shape
    paired = np.stack([_part(even, axis, 0, count, 1), odd], axis=axis + 1)
    paired = np.reshape(paired, (*shape[:axis], 2 * count, *shape[axis + 1 :]))
    if shape[axis] == count:
        return paired
    return np.concatenate([paired, _part(even, axis, count, count + 1, 1)], axis=axis)
