"""Convolution, in the one layout that every other is brought to, and its transposes.

With images ``x[n, gc, s]``, kernels ``w[go, c, k]`` and results ``y[n, go, p]``, where ``gc``
counts the channels of all groups, ``go`` their kernels, and ``s``, ``k`` and ``p`` stand for any
number of axes, a convolution is the trilinear form

    T(x, w, y) = sum of x[n, gc, strides p + dilation k] w[go, c, k] y[n, go, p]

of which each of three primitives is the gradient by one argument. So each is bilinear in two of
them, and its transposes are the two others. A batch of one operand joins the axis that this operand
and the result alone have (``n``, ``c`` or ``o``), a batch of both the groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from ..core.ir import Aval, Shape, make_aval
from ..core.primitive import Primitive, primitive
from ..errors import DtypeError
from .kernels import window as window_kernels
from .kinds import add
from .linear import move_axis, reshape, shape_of

__all__ = [
    "Convolution",
    "ConvolutionInput",
    "ConvolutionKernel",
    "TrilinearForm",
    "convolution",
    "convolution_input",
    "convolution_kernel",
    "places_of",
]

_AXES = {"x": ("n", "gc"), "w": ("go", "c"), "y": ("n", "go")}


def places_of(shape: Shape, window: Shape, strides: Shape, dilation: Shape) -> Shape:
    """At how many places along each axis a window fits."""
    return tuple(
        [
            max(0, (n - (k - 1) * d - 1) // s + 1)
            for n, k, s, d in zip(shape, window, strides, dilation, strict=True)
        ]
    )


class TrilinearForm(Primitive):
    """What the three have in common.

    Attributes:
        slots: Which arguments of the form its operands and its result are.
        groups: How many groups there are; the last field of each.
    """

    groups: int
    slots: ClassVar[str] = ""

    def same_dtype(self, x: Aval, y: Aval) -> None:
        """Raise where the operands have two dtypes."""
        if x.dtype != y.dtype:
            raise DtypeError(
                f"{self.name}: the operands' dtypes differ: {x} and {y}",
                "Call funcgrad.lax.conv_general_dilated, which promotes as NumPy does.",
            )

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x, y), (s, t) = operands, tangents
        if s is None:
            return None if t is None else self(x, t)
        return self(s, y) if t is None else add(self(s, y), self(x, t))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        *slots, result = self.slots
        if all(batched):
            axis, groups = "g", size * self.groups
        else:
            slot = slots[batched.index(True)]
            (axis,) = set("".join(_AXES[slot])) & set("".join(_AXES[result])) - {"g"}
            groups = self.groups
        joined = [
            _fold(x, _AXES[slot], axis, self.groups) if is_batched else x
            for x, slot, is_batched in zip(operands, slots, batched, strict=True)
        ]
        fields = (*self.parameters()[:-1], groups)
        return _unfold(_made(type(self), *fields)(*joined), _AXES[result], axis, self.groups, size)


def _fold(x: Any, axes: tuple[str, str], axis: str, groups: int) -> Any:
    """The leading axis of a batch joined with ``axis`` of its elements."""
    size, *shape = shape_of(x)
    at = _at(axes, axis)
    if axes[at] == axis or axis == "g":
        moved = move_axis(x, 0, at)
        return reshape(moved, (*shape[:at], size * shape[at], *shape[at + 1 :]))
    # Inside of the groups, which are the slower part of the axis.
    split = (size, *shape[:at], groups, shape[at] // groups, *shape[at + 1 :])
    moved = move_axis(reshape(x, split), 0, at + 1)
    return reshape(moved, (*shape[:at], size * shape[at], *shape[at + 1 :]))


def _unfold(x: Any, axes: tuple[str, str], axis: str, groups: int, size: int) -> Any:
    shape = shape_of(x)
    at = _at(axes, axis)
    n = shape[at] // size
    if axes[at] == axis or axis == "g":
        split = reshape(x, (*shape[:at], size, n, *shape[at + 1 :]))
        return move_axis(split, at, 0)
    split = reshape(x, (*shape[:at], groups, size, n // groups, *shape[at + 1 :]))
    return reshape(move_axis(split, at + 1, 0), (size, *shape[:at], n, *shape[at + 1 :]))


def _at(axes: tuple[str, str], axis: str) -> int:
    return next(i for i, name in enumerate(axes) if axis in name)


@primitive
class Convolution(TrilinearForm):
    """``y``, of ``x`` and ``w``: kernels moved over images (a cross-correlation)."""

    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    numpy = window_kernels.convolution
    slots = "xwy"

    def aval(self, x: Aval, w: Aval) -> Aval:
        self.same_dtype(x, w)
        positions = places_of(x.shape[2:], w.shape[2:], self.strides, self.dilation)
        return make_aval((x.shape[0], w.shape[0], *positions), x.dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, w = operands
        along = self.strides, self.dilation, self.groups
        return (
            convolution_input(ct, w, shape_of(x)[2:], *along) if wanted[0] else None,
            convolution_kernel(x, ct, shape_of(w)[2:], *along) if wanted[1] else None,
        )


@primitive
class ConvolutionInput(TrilinearForm):
    """``x``, of ``y`` and ``w``: kernels put down where they stood, weighted (a transposed one)."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    numpy = window_kernels.convolution_input
    slots = "ywx"

    def aval(self, y: Aval, w: Aval) -> Aval:
        self.same_dtype(y, w)
        return make_aval((y.shape[0], w.shape[1] * self.groups, *self.shape), y.dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        y, w = operands
        along = self.strides, self.dilation, self.groups
        return (
            convolution(ct, w, *along) if wanted[0] else None,
            convolution_kernel(ct, y, shape_of(w)[2:], *along) if wanted[1] else None,
        )


@primitive
class ConvolutionKernel(TrilinearForm):
    """``w``, of ``x`` and ``y``: what stands under each place of a window, weighted and summed."""

    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    numpy = window_kernels.convolution_kernel
    slots = "xyw"

    def aval(self, x: Aval, y: Aval) -> Aval:
        self.same_dtype(x, y)
        return make_aval((y.shape[1], x.shape[1] // self.groups, *self.window), x.dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, y = operands
        along = self.strides, self.dilation, self.groups
        return (
            convolution_input(y, ct, shape_of(x)[2:], *along) if wanted[0] else None,
            convolution(x, ct, *along) if wanted[1] else None,
        )


_made = lru_cache(1024)(lambda cls, *fields: cls(*fields))


def convolution(x: Any, w: Any, strides: Shape, dilation: Shape, groups: int) -> Any:
    """`Convolution`."""
    return _made(Convolution, strides, dilation, groups)(x, w)


def convolution_input(
    y: Any, w: Any, shape: Shape, strides: Shape, dilation: Shape, groups: int
) -> Any:
    """`ConvolutionInput`, for images of ``shape``."""
    return _made(ConvolutionInput, shape, strides, dilation, groups)(y, w)


def convolution_kernel(
    x: Any, y: Any, window: Shape, strides: Shape, dilation: Shape, groups: int
) -> Any:
    """`ConvolutionKernel`, for kernels of the lengths of ``window``."""
    return _made(ConvolutionKernel, window, strides, dilation, groups)(x, y)
