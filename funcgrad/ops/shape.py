"""The shape family beyond `linear`: joining, padding, reversing, diagonals.

All are linear. What they join or pad, an index takes apart (`GetItem`), and the other way round.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.ir import Aval, Shape, make_aval
from ..core.primitive import primitive
from ..errors import ShapeError
from .index import GetItem
from .kernels import array as array_kernels
from .layout import text_of
from .linear import Linear, everywhere, make, shape_of

__all__ = [
    "Concatenate",
    "Diagonal",
    "DiagonalOf",
    "Flip",
    "Pad",
    "crop",
    "flip",
    "keep_axes",
    "pad",
    "shift",
    "without_axes",
]

Widths = tuple[tuple[int, int], ...]


@primitive
class Pad(Linear):
    """``value`` put ``(before, after)`` times around each axis; affine where it is not 0."""

    widths: tuple[tuple[int, int], ...]
    value: Any
    numpy = array_kernels.pad_constant

    def aval(self, x: Aval) -> Aval:
        shape = tuple([n + b + a for n, (b, a) in zip(x.shape, self.widths, strict=True)])
        return make_aval(shape, x.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        return None if t is None else pad(t, self.widths)

    def transpose(self, ct: Any, x: Any) -> Any:
        shape = shape_of(x)
        inner = [slice(b, b + n) for n, (b, _) in zip(shape, self.widths, strict=True)]
        return GetItem(tuple(inner))(ct)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return pad(operands[0], ((0, 0), *self.widths), self.value)


_pad = lru_cache(1024, typed=True)(Pad)  # 2 == 2.0 == 2+0j, and each is of its dtype


def pad(x: Any, widths: Widths, value: Any = 0) -> Any:
    """`Pad`, or ``x`` itself where there is nothing to put."""
    if not any(before or after for before, after in widths):
        return x
    return _pad(widths, value)(x)


def crop(x: Any, axis: int, start: int, stop: int) -> Any:
    """``x[start:stop]`` along ``axis``, for ``0 <= start <= stop <= length``."""
    return GetItem((*(slice(None),) * axis, slice(start, stop)))(x)


def shift(x: Any, axis: int, by: int, value: Any) -> Any:
    """``x`` moved ``by`` places along ``axis``; ``value`` comes in, what moves out is dropped."""
    length = shape_of(x)[axis]
    if not length:
        return x
    kept = crop(x, axis, 0, length - by) if by > 0 else crop(x, axis, -by, length)
    widths = [(0, 0)] * len(shape_of(x))
    widths[axis] = (max(by, 0), max(-by, 0))
    return pad(kept, tuple(widths), value)


@primitive
class Flip(Linear):
    """The order of the elements reversed along ``axes``; its own transpose."""

    axes: tuple[int, ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        last = max(self.axes, default=-1)
        self.slices = tuple(
            [slice(None, None, -1 if i in self.axes else None) for i in range(last + 1)]
        )
        self.run = operator.itemgetter(self.slices)

    def source(self, *operands: str) -> str:
        return f"{operands[0]}[{text_of(self.slices)}]"

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def transpose(self, ct: Any, x: Any) -> Any:
        return self(ct)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return flip(operands[0], tuple([axis + 1 for axis in self.axes]))


def flip(x: Any, axes: tuple[int, ...]) -> Any:
    """`Flip`, or ``x`` itself where ``axes`` is empty."""
    return make(Flip, axes)(x) if axes else x


@primitive
class Concatenate(Linear):
    """Any number of operands, joined along ``axis``."""

    axis: int

    def run(self, *operands: Any) -> Any:
        return np.concatenate(operands, self.axis)

    def source(self, *operands: str) -> str:
        return f"np.concatenate(({', '.join(operands)},), axis={self.axis})"

    def aval(self, *avals: Aval) -> Aval:
        axis = self.axis
        shapes = [a.shape for a in avals]
        others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if len(others) > 1 or len({len(shape) for shape in shapes}) > 1:
            raise ShapeError(
                f"concatenate: shapes {', '.join(map(str, shapes))} do not join along axis {axis}",
                "All axes but that one must have the same lengths.",
            )
        length = sum([shape[axis] for shape in shapes])
        joined = (*shapes[0][:axis], length, *shapes[0][axis + 1 :])
        return make_aval(joined, avals[0].dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        cts: list[Any] = []
        start = 0
        for x, want in zip(operands, wanted, strict=True):
            stop = start + shape_of(x)[self.axis]
            cts.append(crop(ct, self.axis, start, stop) if want else None)
            start = stop
        return cts

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return make(Concatenate, self.axis + 1)(*everywhere(size, batched, operands))


@primitive
class Diagonal(Linear):
    """``x[..., i, i + offset]`` of the last two axes: the diagonals, as a new last axis."""

    offset: int
    numpy = "np.diagonal({0}, {offset}, -2, -1)"

    def aval(self, x: Aval) -> Aval:
        rows, columns = x.shape[-2:]
        length = min(rows + min(self.offset, 0), columns - max(self.offset, 0))
        return make_aval((*x.shape[:-2], max(length, 0)), x.dtype)

    def transpose(self, ct: Any, x: Any) -> Any:
        rows, columns = shape_of(x)[-2:]
        return DiagonalOf(self.offset, rows, columns)(ct)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


@primitive
class DiagonalOf(Linear):
    """The last axis put on the diagonals ``offset`` of zeros: the transpose of `Diagonal`."""

    offset: int
    rows: int
    columns: int
    numpy = array_kernels.diagonal_of

    def aval(self, x: Aval) -> Aval:
        return make_aval((*x.shape[:-1], self.rows, self.columns), x.dtype)

    def transpose(self, ct: Any, x: Any) -> Any:
        return Diagonal(self.offset)(ct)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


def without_axes(shape: Shape, axes: Sequence[int]) -> Shape:
    """``shape`` without ``axes``, which are not negative."""
    return tuple([n for i, n in enumerate(shape) if i not in axes])


def keep_axes(shape: Shape, axes: Sequence[int]) -> Shape:
    """``shape`` with length 1 for ``axes``."""
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])
