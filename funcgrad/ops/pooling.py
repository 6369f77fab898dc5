"""Windows over the last axes: taken out, added back, summed, their extrema.

A window has ``window`` elements along each of those axes, ``dilation`` apart, and stands at every
place ``strides`` apart where it fits whole. Axes before them are a stack, a batch one more of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.ir import Aval, Shape, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from .convert import convert
from .convolution import places_of
from .kernels import window as window_kernels
from .kinds import DiscreteRule, div
from .linear import Linear, broadcast_to, everywhere, reshape, shape_of
from .reduce import sum_over
from .select import select

__all__ = [
    "OverlapAdd",
    "WindowAttained",
    "WindowExtremum",
    "WindowMax",
    "WindowMin",
    "WindowSum",
    "Windows",
    "overlap_add",
    "window_max",
    "window_min",
    "window_sum",
    "windows",
]

_BOOL = np.dtype(np.bool_)


class _Stacked(Primitive):
    """Of windows over the last axes."""

    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    fields = ("window", "strides", "dilation")

    def positions(self, x: Aval) -> Shape:
        """At how many places the window stands."""
        return places_of(
            x.shape[x.ndim - len(self.window) :], self.window, self.strides, self.dilation
        )

    def aval(self, x: Aval) -> Aval:
        return make_aval((*x.shape[: x.ndim - len(self.window)], *self.positions(x)), x.dtype)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


@primitive
class Windows(_Stacked, Linear):
    """``y[..., k, p] = x[..., strides p + dilation k]``: each window, at every place."""

    numpy = window_kernels.windows_of

    def aval(self, x: Aval) -> Aval:
        lead = x.shape[: x.ndim - len(self.window)]
        return make_aval((*lead, *self.window, *self.positions(x)), x.dtype)

    def transpose(self, ct: Any, x: Any) -> Any:
        shape = shape_of(x)[aval_of(x).ndim - len(self.window) :]
        return overlap_add(ct, shape, self.window, self.strides, self.dilation)


@primitive
class OverlapAdd(Linear):
    """Windows added to zeros of ``shape`` where they stand: the transpose of `Windows`."""

    shape: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    numpy = window_kernels.overlap_add

    def aval(self, y: Aval) -> Aval:
        return make_aval((*y.shape[: y.ndim - 2 * len(self.window)], *self.shape), y.dtype)

    def transpose(self, ct: Any, y: Any) -> Any:
        return windows(ct, self.window, self.strides, self.dilation)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


@primitive
class WindowSum(_Stacked, Linear):
    """The sum of each window."""

    numpy = window_kernels.window_sum

    def transpose(self, ct: Any, x: Any) -> Any:
        return _return_windows(ct, x, self)


class WindowExtremum(_Stacked):
    """The extremum of each window; those that attain it share the cotangent equally.

    A nan is the extremum, as in NumPy, and those that are nan share. Select-like: what does not
    attain it gets exactly 0.
    """

    masks = True

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        if t is None:
            return None
        attained, count, axes = self._shares(x, out)
        kept = select(attained, windows(t, *self.parameters()), 0.0)
        return div(sum_over(kept, axes), count)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (x,) = operands
        attained, count, _ = self._shares(x, out)
        shared = _spread_windows(div(ct, count), self.window)
        return (_add_windows(select(attained, shared, 0.0), x, self),)

    def _shares(self, x: Any, out: Any) -> tuple[Any, Any, tuple[int, ...]]:
        attained = _made(WindowAttained, *self.parameters())(x, out)
        rank = len(self.window)
        first = len(shape_of(attained)) - 2 * rank
        axes = tuple(range(first, first + rank))
        return attained, sum_over(convert(attained, aval_of(x).dtype), axes), axes


@primitive
class WindowMax(WindowExtremum):
    """The largest element of each window."""

    numpy = window_kernels.window_max


@primitive
class WindowMin(WindowExtremum):
    """The smallest element of each window."""

    numpy = window_kernels.window_min


@primitive
class WindowAttained(_Stacked, DiscreteRule):
    """Where the windows of ``x`` equal ``extremum``, which has one element for each."""

    numpy = window_kernels.window_attained

    def aval(self, x: Aval, extremum: Aval) -> Aval:
        lead = x.shape[: x.ndim - len(self.window)]
        return make_aval((*lead, *self.window, *self.positions(x)), _BOOL)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*everywhere(size, batched, operands))


def _spread_windows(y: Any, window: Shape) -> Any:
    """One element for each place, repeated for all of its window."""
    shape = shape_of(y)
    lead, positions = shape[: len(shape) - len(window)], shape[len(shape) - len(window) :]
    single = reshape(y, (*lead, *(1,) * len(window), *positions))
    return broadcast_to(single, (*lead, *window, *positions))


def _add_windows(y: Any, x: Any, over: _Stacked) -> Any:
    """Windows of ``x``, as cotangents, added where they stand in ``x``."""
    shape = shape_of(x)
    return overlap_add(y, shape[len(shape) - len(over.window) :], *over.parameters())


def _return_windows(ct: Any, x: Any, over: _Stacked) -> Any:
    return _add_windows(_spread_windows(ct, over.window), x, over)


_made = lru_cache(1024)(lambda cls, *fields: cls(*fields))


def windows(x: Any, window: Shape, strides: Shape, dilation: Shape) -> Any:
    """`Windows`."""
    return _made(Windows, window, strides, dilation)(x)


def overlap_add(y: Any, shape: Shape, window: Shape, strides: Shape, dilation: Shape) -> Any:
    """`OverlapAdd`, to arrays whose last axes have ``shape``."""
    return _made(OverlapAdd, shape, window, strides, dilation)(y)


def window_sum(x: Any, window: Shape, strides: Shape, dilation: Shape) -> Any:
    """`WindowSum`."""
    return _made(WindowSum, window, strides, dilation)(x)


def window_max(x: Any, window: Shape, strides: Shape, dilation: Shape) -> Any:
    """`WindowMax`."""
    return _made(WindowMax, window, strides, dilation)(x)


def window_min(x: Any, window: Shape, strides: Shape, dilation: Shape) -> Any:
    """`WindowMin`."""
    return _made(WindowMin, window, strides, dilation)(x)
