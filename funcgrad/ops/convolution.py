"""Floor 3: convolution, in the one layout that every other is brought to, and its transposes.

With images ``x[n, g, c, s]``, kernels ``w[g, o, c, k]`` and results ``y[n, g, o, p]``, where ``s``,
``k`` and ``p`` stand for any number of axes, a convolution is the trilinear form

    T(x, w, y) = sum of x[n, g, c, strides p + dilation k] w[g, o, c, k] y[n, g, o, p]

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
from . import window_kernels
from .kinds import add
from .linear import move_axis, reshape, shape_of

__all__ = [
    "Convolution",
    "ConvolutionInput",
    "ConvolutionKernel",
    "convolution",
    "convolution_input",
    "convolution_kernel",
    "places_of",
]

_AXES = {"x": "ngc", "w": "goc", "y": "ngo"}


def places_of(shape: Shape, window: Shape, strides: Shape, dilation: Shape) -> Shape:
    """At how many places along each axis a window fits."""
    return tuple(
        [
            max(0, (n - (k - 1) * d - 1) // s + 1)
            for n, k, s, d in zip(shape, window, strides, dilation, strict=True)
        ]
    )


class _Form(Primitive):
    """What the three have in common.

    Attributes:
        slots: Which arguments of the form its operands and its result are.
    """

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
        *given, result = self.slots
        slots = [slot for slot, is_batched in zip(given, batched, strict=True) if is_batched]
        joined = set(_AXES[result]).intersection(*[_AXES[slot] for slot in slots])
        # Of the two axes that one operand shares with the result, the groups are the other's too.
        axis = "g" if len(slots) == 2 else (joined - {"g"}).pop()
        folded = [
            _fold(x, _AXES[slot].index(axis)) if is_batched else x
            for x, slot, is_batched in zip(operands, given, batched, strict=True)
        ]
        return _unfold(self(*folded), _AXES[result].index(axis), size)


def _fold(x: Any, axis: int) -> Any:
    """The leading axis of a batch joined with ``axis`` of its elements, as the slower one."""
    moved = move_axis(x, 0, axis)
    shape = shape_of(moved)
    return reshape(moved, (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :]))


def _unfold(x: Any, axis: int, size: int) -> Any:
    shape = shape_of(x)
    split = reshape(x, (*shape[:axis], size, shape[axis] // size, *shape[axis + 1 :]))
    return move_axis(split, axis, 0)


@primitive
class Convolution(_Form):
    """``y``, of ``x`` and ``w``: kernels moved over images (a cross-correlation)."""

    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    numpy = window_kernels.convolution
    slots = "xwy"

    def aval(self, x: Aval, w: Aval) -> Aval:
        self.same_dtype(x, w)
        places = places_of(x.shape[3:], w.shape[3:], self.strides, self.dilation)
        return make_aval((x.shape[0], *w.shape[:2], *places), x.dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, w = operands
        along = self.strides, self.dilation
        return (
            convolution_input(ct, w, shape_of(x)[3:], *along) if wanted[0] else None,
            convolution_kernel(x, ct, shape_of(w)[3:], *along) if wanted[1] else None,
        )


@primitive
class ConvolutionInput(_Form):
    """``x``, of ``y`` and ``w``: kernels put down where they stood, weighted (a transposed one)."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    numpy = window_kernels.convolution_input
    slots = "ywx"

    def aval(self, y: Aval, w: Aval) -> Aval:
        self.same_dtype(y, w)
        return make_aval((*y.shape[:2], w.shape[2], *self.shape), y.dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        y, w = operands
        along = self.strides, self.dilation
        return (
            convolution(ct, w, *along) if wanted[0] else None,
            convolution_kernel(ct, y, shape_of(w)[3:], *along) if wanted[1] else None,
        )


@primitive
class ConvolutionKernel(_Form):
    """``w``, of ``x`` and ``y``: what stands under each place of a window, weighted and summed."""

    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    numpy = window_kernels.convolution_kernel
    slots = "xyw"

    def aval(self, x: Aval, y: Aval) -> Aval:
        self.same_dtype(x, y)
        return make_aval((x.shape[1], y.shape[2], x.shape[2], *self.window), x.dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, y = operands
        along = self.strides, self.dilation
        return (
            convolution_input(y, ct, shape_of(x)[3:], *along) if wanted[0] else None,
            convolution(x, ct, *along) if wanted[1] else None,
        )


_made = lru_cache(1024)(lambda cls, *fields: cls(*fields))


def convolution(x: Any, w: Any, strides: Shape, dilation: Shape) -> Any:
    """`Convolution`."""
    return _made(Convolution, strides, dilation)(x, w)


def convolution_input(y: Any, w: Any, shape: Shape, strides: Shape, dilation: Shape) -> Any:
    """`ConvolutionInput`, for images of ``shape``."""
    return _made(ConvolutionInput, shape, strides, dilation)(y, w)


def convolution_kernel(x: Any, y: Any, window: Shape, strides: Shape, dilation: Shape) -> Any:
    """`ConvolutionKernel`, for kernels of the lengths of ``window``."""
    return _made(ConvolutionKernel, window, strides, dilation)(x, y)
