"""Rules for parts of arrays: cotangents of parts that meet, elements of short vectors.

Like those of `rules` they change no bit of any result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.ir import Atom, Aval, Equation, Literal, Var, make_aval
from ...ops.arithmetic import Sub
from ...ops.index import GetItem, Scatter, ScatterOnto, ScatterSum
from ...ops.kinds import Add, Div, Mul, Neg, add
from ...ops.layout import apart, takes_all, takes_element
from ...ops.linear import Reshape
from ...ops.unstack import Stack
from .match import definition, sole_definition, value_of

__all__ = ["elements", "get_item", "scatters", "split_stack"]

Found = Atom | tuple[Any, Sequence[Atom]] | None

_PARTS_MOST = 64
"""So many scattered parts meet in one array; the next ones are added to it."""

_DEPTH_MOST = 8
"""Elements of short vectors are numbers of their own, through so many operations."""

_FLOAT = make_aval((), np.dtype(np.float64))
_ZERO = Literal(np.float64(0.0), _FLOAT)


def scatters(walk: Any, x: Atom, y: Atom, aval: Aval) -> Found:
    """``x + y`` where y is scattered: done to x, or with others that are scattered to zeros.

    Both have the type of the sum: y would be scattered elsewhere in an array with more axes.
    """
    last = sole_definition(walk, y, Scatter)
    if last is None or not aval.inexact or not aval.shape or not (x.aval == y.aval == aval):
        return None
    onto = ScatterOnto(last.primitive.index), [x, *last.inputs]
    return onto if len(last.inputs) > 1 else _gather(walk, x, last, aval) or onto


def _gather(walk: Any, x: Atom, last: Equation, aval: Aval) -> Found:
    """``x`` and one more part that is scattered, where x is such a sum itself.

    Both have the type ``aval``. Parts have the type of what their index takes and do not broadcast:
    `ScatterSum` checks it.
    """
    index = last.primitive.index
    first = sole_definition(walk, x, ScatterSum)
    if first is not None and len(first.primitive.indices) < _PARTS_MOST:
        known = first.primitive
        whole = ScatterSum((*known.indices, index), aval.shape, aval.dtype, known.based)
        return whole, [*first.inputs, *last.inputs]
    base: list[Atom] = []
    first = sole_definition(walk, x, Scatter)
    if first is not None:
        parts = list(first.inputs)
    else:
        first = sole_definition(walk, x, ScatterOnto)
        base, parts = (list(first.inputs[:1]), list(first.inputs[1:])) if first else ([], [])
    if first is None or len(parts) > 1:
        return None
    before = first.primitive.index
    if not apart(before, index, aval.shape):
        return None  # where all are -0.0 their sum is, and zeros plus all is not
    indices, parts = (before, index), [*parts, *last.inputs]
    start = sole_definition(walk, base[0], Scatter) if base else None
    if start is not None and len(start.inputs) == 1:
        indices, parts, base = (start.primitive.index, *indices), [*start.inputs, *parts], []
    return ScatterSum(indices, aval.shape, aval.dtype, bool(base)), [*base, *parts]


def get_item(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """A part that is all of an array, of any type, or an element of a short vector of floats."""
    (x, *arrays), index = inputs, primitive.index
    if arrays:
        return None
    if takes_all(index):
        return Reshape(aval.shape), inputs
    if takes_element(index) and _is_taken_apart(walk, x):
        return _element(walk, x, index[0] % x.aval.shape[0], 0)
    return None


def elements(walk: Any, x: Atom) -> list[Atom] | None:
    """Every element of a short vector, where they are known better than by taking it apart."""
    if not _is_taken_apart(walk, x):
        return None
    return [_element(walk, x, i, 0) for i in range(x.aval.shape[0])]


def split_stack(
    walk: Any, primitive: Any, inputs: Sequence[Atom], shape: tuple[int, ...]
) -> list[Atom] | None:
    """The elements of a short vector that is computed from others put together of numbers.

    All are strong float64: vectors of the result's shape, or numbers (see `_is_arithmetic`).
    """
    if (
        len(shape) != 1
        or shape[0] > walk.profile.stack_length
        or not _is_arithmetic(primitive, inputs, shape)
    ):
        return None
    if not any(definition(walk, a, Stack) for a in inputs):
        return None
    several = [
        [_element(walk, a, i, 0) if a.aval.shape else a for a in inputs] for i in range(shape[0])
    ]
    return [walk.emit(primitive, operands) for operands in several]


def _is_arithmetic(primitive: Any, inputs: Sequence[Atom], shape: tuple[int, ...]) -> bool:
    """Whether Python's floats do the same to each element; its division by zero raises."""
    return (
        type(primitive) in (Add, Sub, Mul, Neg, Div)
        and all(a.aval.dtype == np.float64 and a.aval.shape in ((), shape) for a in inputs)
        and (type(primitive) is not Div or bool(value_of(inputs[1])))
    )


def _is_taken_apart(walk: Any, x: Atom) -> bool:
    """Whether a vector's elements, of float64, are computed without the vector."""
    shape = x.aval.shape
    if len(shape) != 1 or shape[0] > walk.profile.element_length or x.aval.dtype != np.float64:
        return False
    eqn = walk.made.get(x)
    if eqn is None:
        return False
    kind, inputs = type(eqn.primitive), eqn.inputs
    if kind is Scatter or kind is ScatterOnto:
        return takes_element(eqn.primitive.index)
    if kind is ScatterSum:
        return all(map(takes_element, eqn.primitive.indices))
    return kind is Stack or _is_arithmetic(eqn.primitive, inputs, shape)


def _element(walk: Any, x: Any, i: int, depth: int) -> Atom:
    """``x[i]``, by the operations that made the vector, done to its elements."""
    known = walk.elements.get((x, i))
    if known is not None:
        return known
    found: Atom
    if depth == _DEPTH_MOST or not _is_taken_apart(walk, x):
        found = walk.bind(GetItem((i,)), [x], (Var(_FLOAT),), walk.source_info)[0]
    else:
        found = _compute_element(walk, walk.made[x], i, depth)
    walk.elements[x, i] = found
    return found


def _compute_element(walk: Any, eqn: Equation, i: int, depth: int) -> Atom:
    primitive, inputs = eqn.primitive, eqn.inputs
    if type(primitive) is Stack:
        return inputs[i]
    n = eqn.outputs[0].aval.shape[0]
    if type(primitive) is Scatter:
        return inputs[0] if primitive.index[0] % n == i else _ZERO
    if type(primitive) is ScatterOnto:
        there = primitive.index[0] % n == i
        y = inputs[1] if there else _ZERO
        return walk.emit(add, (_element(walk, inputs[0], i, depth + 1), y))
    if type(primitive) is ScatterSum:
        found: Atom = _ZERO
        if primitive.based:
            base, *inputs = inputs
            found = walk.emit(add, (_element(walk, base, i, depth + 1), _ZERO))
        for (source_info,), y in zip(primitive.indices, inputs, strict=True):
            if source_info % n == i:
                found = walk.emit(add, (found, y))
        return found
    return walk.emit(
        primitive, [_element(walk, a, i, depth + 1) if a.aval.shape else a for a in inputs]
    )
