"""Sorting along an axis, and the permutations that it is differentiated as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from .kinds import DiscreteRule
from .linear import Linear, everywhere, make

__all__ = ["ArgSort", "Permute", "Sort", "argsort", "permute", "sort"]


@primitive
class ArgSort(DiscreteRule):
    """The order that sorts along ``axis``; equal elements stay in theirs if ``kind`` is stable."""

    name = "argsort"
    axis: int
    kind: str
    numpy = "np.argsort({0}, axis={axis}, kind={kind})"

    def aval(self, x: Aval) -> Aval:
        return make_aval(x.shape, np.dtype(np.intp))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return argsort(operands[0], self.axis + 1, self.kind)


@primitive
class Permute(Linear):
    """``x`` with its elements along ``axis`` in the order of ``order``, a permutation each."""

    axis: int
    numpy = "np.take_along_axis({0}, {1}, {axis})"

    def aval(self, x: Aval, order: Aval) -> Aval:
        return x.strong()

    def transpose(self, ct: Any, x: Any, order: Any) -> Any:
        return permute(ct, argsort(order, self.axis), self.axis), None

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        x, order = everywhere(size, batched, operands)
        return permute(x, order, self.axis + 1)


@primitive
class Sort(Primitive):
    """Sorted along ``axis``; differentiated as the permutation that sorts, stable at ties."""

    axis: int
    numpy = "np.sort({0}, axis={axis})"

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        return None if t is None else permute(t, argsort(x, self.axis), self.axis)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        order = argsort(operands[0], self.axis)
        return (permute(ct, argsort(order, self.axis), self.axis),)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return sort(operands[0], self.axis + 1)


def sort(x: Any, axis: int) -> Any:
    """`Sort`."""
    return make(Sort, axis)(x)


def argsort(x: Any, axis: int, kind: str = "stable") -> Any:
    """`ArgSort`."""
    return ArgSort(axis, kind)(x)


def permute(x: Any, order: Any, axis: int) -> Any:
    """`Permute`."""
    return make(Permute, axis)(x, order)
