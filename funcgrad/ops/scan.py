"""Scans along an axis: cumulative sums, cumulative products, linear recurrences.

The derivative of a cumulative product never divides. It is a linear recurrence,
``s[i] = a[i] s[i-1] + b[i]``, whose derivative is one again: exact at zeros, in every order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.ir import Aval
from ..core.primitive import Primitive, primitive
from ..errors import ShapeError
from .kernels import array as array_kernels
from .kinds import add, mask_mul, mul
from .linear import Linear, everywhere
from .shape import shift

__all__ = ["CumProd", "CumSum", "LinearRecurrence", "cumprod", "cumsum", "recurrence"]


def cumulative(accumulate: Any, x: Any, axis: Any, reverse: Any) -> Any:
    """``accumulate``, a ufunc's, along ``axis``, from its end where ``reverse``."""
    if not reverse:
        return accumulate(x, axis)
    return np.flip(accumulate(np.flip(x, axis), axis), axis)


def _scan_source(self: Any, *operands: str) -> str:
    (x,) = operands
    if not self.reverse:
        return f"np.{self.ufunc}.accumulate({x}, {self.axis})"
    turned = f"np.flip({x}, {self.axis})"
    return f"np.flip(np.{self.ufunc}.accumulate({turned}, {self.axis}), {self.axis})"


@primitive
class CumSum(Linear):
    """Sums along ``axis`` of what stands up to each place, from the end where ``reverse``."""

    axis: int
    reverse: bool
    passes_mask = False
    ufunc = "add"
    source = _scan_source

    def run(self, x: Any) -> Any:
        return cumulative(np.add.accumulate, x, self.axis, self.reverse)

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def transpose(self, ct: Any, x: Any) -> Any:
        return cumsum(ct, self.axis, not self.reverse)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return cumsum(operands[0], self.axis + 1, self.reverse)


@primitive
class CumProd(Primitive):
    """Products along ``axis`` of what stands up to each place, from the end where ``reverse``.

    With ``y`` the result and ``p`` the products of what stands *before* each place, the tangent is
    the recurrence ``s[i] = x[i] s[i-1] + t[i] p[i]``, and the cotangent is ``p[i] s[i]`` with
    ``s[i] = ct[i] + x[i+1] s[i+1]``.
    """

    axis: int
    reverse: bool
    ufunc = "multiply"
    source = _scan_source

    def run(self, x: Any) -> Any:
        return cumulative(np.multiply.accumulate, x, self.axis, self.reverse)

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        if t is None:
            return None
        return recurrence(x, mul(t, self._before(out)), self.axis, self.reverse)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (x,) = operands
        following = shift(x, self.axis, 1 if self.reverse else -1, 0)
        s = recurrence(following, ct, self.axis, not self.reverse)
        return ((mask_mul if masked else mul)(s, self._before(out)),)

    def _before(self, out: Any) -> Any:
        return shift(out, self.axis, -1 if self.reverse else 1, 1)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return cumprod(operands[0], self.axis + 1, self.reverse)


@primitive
class LinearRecurrence(Primitive):
    """``s[i] = a[i] s[i-1] + b[i]`` along ``axis`` from ``s = 0``, from its end where ``reverse``.

    Linear in ``b`` and, step by step, in ``a``: its tangent is the recurrence with the terms
    ``ta[i] s[i-1] + tb[i]``; the cotangent of ``b`` is the recurrence of ``ct`` the other way
    round, ``r[i] = ct[i] + a[i+1] r[i+1]``, and that of ``a`` is ``r[i] s[i-1]``.
    """

    axis: int
    reverse: bool
    numpy = array_kernels.linear_recurrence

    def aval(self, a: Aval, b: Aval) -> Aval:
        if a.shape != b.shape or a.dtype != b.dtype:
            raise ShapeError(f"linear_recurrence: the operands' types differ: {a} and {b}")
        return b.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        a, _ = operands
        ta, tb = tangents
        if ta is not None:
            from_a = mul(ta, self._before(out))
            tb = from_a if tb is None else add(tb, from_a)
        return None if tb is None else self(a, tb)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        a, _ = operands
        following = shift(a, self.axis, 1 if self.reverse else -1, 0)
        r = recurrence(following, ct, self.axis, not self.reverse)
        product = mask_mul if masked else mul
        return (product(r, self._before(out)) if wanted[0] else None), r

    def _before(self, out: Any) -> Any:
        return shift(out, self.axis, -1 if self.reverse else 1, 0)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        a, b = everywhere(size, batched, operands)
        return recurrence(a, b, self.axis + 1, self.reverse)


_cumsum, _cumprod = lru_cache(256)(CumSum), lru_cache(256)(CumProd)
_recurrence = lru_cache(256)(LinearRecurrence)


def cumsum(x: Any, axis: int, reverse: bool = False) -> Any:
    """`CumSum`."""
    return _cumsum(axis, reverse)(x)


def cumprod(x: Any, axis: int, reverse: bool = False) -> Any:
    """`CumProd`."""
    return _cumprod(axis, reverse)(x)


def recurrence(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    """`LinearRecurrence`."""
    return _recurrence(axis, reverse)(a, b)
