"""Binary search, which has no derivative, and convolution along one axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from .index import GetItem
from .kernels import array as array_kernels
from .kinds import DiscreteRule, mask_mul
from .layout import OPERAND
from .linear import broadcast_to, everywhere, make, reshape, shape_of
from .reduce import sum_over
from .shape import crop, flip

__all__ = ["Convolve", "SearchSorted", "convolve", "search_sorted"]


@primitive
class SearchSorted(DiscreteRule):
    """Where each number of ``v`` would stand in ``a``, sorted along its last axis.

    ``a`` has shape (..., n) and ``v`` shape (..., *s) with the same leading axes: each part of
    ``v`` is looked up in its own row.
    """

    name = "searchsorted"
    side: str
    numpy = array_kernels.search_sorted

    def aval(self, a: Aval, v: Aval) -> Aval:
        return make_aval(v.shape, np.dtype(np.intp))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        a, v = operands
        if not batched[0] and len(shape_of(a)) == 1:
            return search_sorted(a, v, self.side)
        a, v = everywhere(size, batched, operands)
        return search_sorted(a, v, self.side)


def search_sorted(a: Any, v: Any, side: str) -> Any:
    """`SearchSorted`."""
    return make(SearchSorted, side)(a, v)


@primitive
class Convolve(Primitive):
    """``z[k] = sum_i x[i] y[k - i]`` along the last axis, full; both have the same other axes.

    Bilinear. The cotangent of ``x`` is the part of ``ct`` convolved with the reversed ``y`` in
    which all of ``y`` overlaps: ``sum_k ct[k] y[k - i]``.
    """

    numpy = array_kernels.convolved

    def aval(self, x: Aval, y: Aval) -> Aval:
        return make_aval((*x.shape[:-1], x.shape[-1] + y.shape[-1] - 1), x.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        from .elementwise import add

        (x, y), (s, t) = operands, tangents
        if s is None:
            return None if t is None else convolve(x, t)
        return convolve(s, y) if t is None else add(convolve(s, y), convolve(x, t))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, y = operands
        return [
            _overlap(ct, other, shape_of(own)[-1], masked) if want else None
            for want, own, other in ((wanted[0], x, y), (wanted[1], y, x))
        ]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return convolve(*everywhere(size, batched, operands))


def _overlap(ct: Any, other: Any, length: int, masked: bool) -> Any:
    """``sum_j ct[i + j] other[j]`` for the ``length`` places ``i``."""
    axis = len(shape_of(ct)) - 1
    count = shape_of(other)[-1]
    if masked:  # A product with a zero in ct is left out, which a convolution cannot do.
        positions = np.arange(length)[:, None] + np.arange(count)
        windows = GetItem((*(slice(None),) * axis, OPERAND))(ct, positions)
        lead = shape_of(ct)[:-1]
        rows = broadcast_to(reshape(other, (*lead, 1, count)), (*lead, length, count))
        return sum_over(mask_mul(windows, rows), (axis + 1,))
    start = count - 1
    return crop(convolve(ct, flip(other, (axis,))), axis, start, start + length)


def convolve(x: Any, y: Any) -> Any:
    """`Convolve`."""
    return _CONVOLVE(x, y)


_CONVOLVE = Convolve()
