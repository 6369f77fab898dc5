"""Numpy.fft for tracers, all of it, by transforms along one axis as NumPy does it."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._publish import publish_all
from ..core.trace import aval_of
from ..errors import DtypeError, ShapeError
from ..ops import fft as ops
from ..ops.complex import conjugate
from ..ops.linear import shape_of
from .arguments import axis_of, cast, operand
from .dispatch import implements, refuse

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

Array = Any


# Neither takes an array: a traced sample spacing passes through their arithmetic.
def fftfreq(n: int, d: Any = 1.0, device: Any = None, *, dtype: Any = None) -> Any:
    """``numpy.fft.fftfreq``, and ``dtype`` of the array API standard.

    >>> fftfreq(4, 0.5, dtype="float32")
    array([ 0. ,  0.5, -1. , -0.5], dtype=float32)
    """
    return _of_dtype(np.fft.fftfreq(n, d, device), dtype)


def rfftfreq(n: int, d: Any = 1.0, device: Any = None, *, dtype: Any = None) -> Any:
    """``numpy.fft.rfftfreq``, and ``dtype`` of the array API standard.

    >>> rfftfreq(4, 0.5, dtype="float32")
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return _of_dtype(np.fft.rfftfreq(n, d, device), dtype)


def _of_dtype(frequencies: Any, dtype: Any) -> Any:
    return frequencies if dtype is None else frequencies.astype(dtype)


def _signal(a: Any) -> Any:
    """An array-like of inexact numbers."""
    x = operand(a)
    return x if aval_of(x).inexact else cast(x, np.float64)


def _length(name: str, x: Any, axis: Any) -> int:
    """How long ``x`` is along ``axis``.

    Raises:
        numpy.exceptions.AxisError: It has no such axis.
    """
    return shape_of(x)[axis_of(axis, len(shape_of(x)))]


def _transform(name: str, x: Any, n: Any, axis: Any, norm: Any) -> Any:
    """One of the four primitives, with NumPy's arguments checked.

    Raises:
        ValueError: ``n`` is less than 1, or ``norm`` is none of NumPy's.
        numpy.exceptions.AxisError: ``x`` has no such axis.
        DtypeError: ``rfft`` of complex numbers.
    """
    n = operator.index(n)
    if n < 1:
        raise ShapeError(
            f"numpy.fft.{name}: a transform has at least 1 point, got {n} for {aval_of(x)}",
            "Give n= a positive number, or an array that is not empty along the axis.",
        )
    norm = "backward" if norm is None else norm
    if norm not in ops.SWAPPED:
        raise ValueError(f"Invalid norm value {norm}; should be 'backward', 'ortho' or 'forward'.")
    if name == "rfft" and aval_of(x).dtype.kind == "c":
        raise DtypeError(
            f"numpy.fft.rfft: a real signal is needed, got {aval_of(x)}",
            "Use numpy.fft.fft, or take x.real.",
        )
    return getattr(ops, name)(x, n, axis_of(axis, len(shape_of(x))), norm)


def _swap_scale(norm: Any) -> Any:
    """The scale of the other direction; what is no scale is refused later."""
    return ops.SWAPPED.get("backward" if norm is None else norm, norm)


@implements(np.fft.fft)
def fft(a: Array, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.fft``, of real or complex values."""
    refuse("fft.fft", out=out)
    x = _signal(a)
    return _transform("fft", x, _length("fft", x, axis) if n is None else n, axis, norm)


@implements(np.fft.ifft)
def ifft(a: Array, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.ifft``."""
    refuse("fft.ifft", out=out)
    x = _signal(a)
    return _transform("ifft", x, _length("ifft", x, axis) if n is None else n, axis, norm)


@implements(np.fft.rfft)
def rfft(a: Array, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.rfft``, of real values."""
    refuse("fft.rfft", out=out)
    x = _signal(a)
    return _transform("rfft", x, _length("rfft", x, axis) if n is None else n, axis, norm)


@implements(np.fft.irfft)
def irfft(a: Array, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.irfft``.

    It reads the first number, and at even ``n`` the last, as real: their gradients are real too.
    """
    refuse("fft.irfft", out=out)
    x = _signal(a)
    n = (_length("irfft", x, axis) - 1) * 2 if n is None else n
    return _transform("irfft", x, n, axis, norm)


@implements(np.fft.hfft)
def hfft(a: Array, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.hfft``: `irfft` of the conjugate, scaled as a forward transform."""
    refuse("fft.hfft", out=out)
    x = _signal(a)
    n = (_length("hfft", x, axis) - 1) * 2 if n is None else n
    if aval_of(x).dtype.kind == "c":
        x = conjugate(x)
    return _transform("irfft", x, n, axis, _swap_scale(norm))


@implements(np.fft.ihfft)
def ihfft(a: Array, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.ihfft``: the conjugate of `rfft`, scaled as an inverse transform."""
    refuse("fft.ihfft", out=out)
    x = _signal(a)
    n = _length("ihfft", x, axis) if n is None else n
    return conjugate(_transform("rfft", x, n, axis, _swap_scale(norm)))


def _lengths(x: Any, s: Any, axes: Any, real_result: bool = False) -> tuple[list[Any], list[Any]]:
    """``s`` and ``axes`` of a transform along several axes, with NumPy's defaults and warnings.

    Raises:
        ValueError: They differ in length.
        IndexError: An axis does not exist.
    """
    shape = shape_of(x)
    if s is None:
        taken = list(range(-len(shape), 0)) if axes is None else list(axes)
        lengths: list[Any] = [shape[axis_of(axis, len(shape))] for axis in taken]
        if real_result:
            lengths[-1] = (lengths[-1] - 1) * 2
        return lengths, taken
    lengths = list(s)
    if axes is None:
        _deprecated("`axes` should not be `None` if `s` is not `None` (Deprecated in NumPy 2.0).")
        axes = range(-len(lengths), 0)
    taken = list(axes)
    if len(lengths) != len(taken):
        raise ShapeError(
            f"numpy.fft: s={s} has {len(lengths)} lengths and axes={axes} {len(taken)} axes",
            "Give one length for each axis.",
        )
    if None in lengths:
        _deprecated("Passing an array containing `None` values to `s` is deprecated in NumPy 2.0.")
    return [
        _length("fft", x, axis) if n == -1 else n for n, axis in zip(lengths, taken, strict=True)
    ], taken


def _deprecated(message: str) -> None:
    warnings.warn(message, DeprecationWarning, stacklevel=5)


def _along(transform: Any, x: Any, s: Sequence[Any], axes: Sequence[Any], norm: Any) -> Any:
    """The transform along each axis, the last one first."""
    for n, axis in zip(reversed(s), reversed(axes), strict=True):
        x = transform(x, n, axis, norm)
    return x


@implements(np.fft.fftn)
def fftn(a: Array, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.fftn``."""
    refuse("fft.fftn", out=out)
    x = operand(a)
    return _along(fft, x, *_lengths(x, s, axes), norm)


@implements(np.fft.ifftn)
def ifftn(a: Array, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.ifftn``."""
    refuse("fft.ifftn", out=out)
    x = operand(a)
    return _along(ifft, x, *_lengths(x, s, axes), norm)


@implements(np.fft.rfftn)
def rfftn(a: Array, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.rfftn``: `rfft` along the last axis, then `fft` along the others."""
    refuse("fft.rfftn", out=out)
    x = operand(a)
    lengths, taken = _lengths(x, s, axes)
    x = rfft(x, lengths[-1], taken[-1], norm)
    return _along(fft, x, lengths[:-1], taken[:-1], norm)


@implements(np.fft.irfftn)
def irfftn(a: Array, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.irfftn``: `ifft` along all axes but the last, then `irfft` along that."""
    refuse("fft.irfftn", out=out)
    x = operand(a)
    lengths, taken = _lengths(x, s, axes, real_result=True)
    for n, axis in zip(lengths[:-1], taken[:-1], strict=True):
        x = ifft(x, n, axis, norm)
    return irfft(x, lengths[-1], taken[-1], norm)


@implements(np.fft.fft2)
def fft2(a: Array, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Array:
    """``numpy.fft.fft2``: `fftn` along two axes."""
    return fftn(a, s, axes, norm, out)


@implements(np.fft.ifft2)
def ifft2(
    a: Array, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None
) -> Array:
    """``numpy.fft.ifft2``: `ifftn` along two axes."""
    return ifftn(a, s, axes, norm, out)


@implements(np.fft.rfft2)
def rfft2(
    a: Array, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None
) -> Array:
    """``numpy.fft.rfft2``: `rfftn` along two axes."""
    return rfftn(a, s, axes, norm, out)


@implements(np.fft.irfft2)
def irfft2(
    a: Array, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None
) -> Array:
    """``numpy.fft.irfft2``: `irfftn` along two axes."""
    return irfftn(a, s, axes, norm, out)


def _halves(x: Any, axes: Any, sign: int) -> Any:
    """``x`` rolled by half of its length along ``axes``."""
    shape = shape_of(x)
    if axes is None:
        axes = tuple(range(len(shape)))
    elif isinstance(axes, int | np.integer):
        axes = (axes,)
    shifts = [sign * (shape[axis_of(axis, len(shape))] // 2) for axis in axes]
    return np.roll(x, shifts, axes)


@implements(np.fft.fftshift)
def fftshift(x: Array, axes: Any = None) -> Array:
    """``numpy.fft.fftshift``: the frequency 0 moves to the middle."""
    return _halves(operand(x), axes, 1)


@implements(np.fft.ifftshift)
def ifftshift(x: Array, axes: Any = None) -> Array:
    """``numpy.fft.ifftshift``, the inverse of `fftshift`."""
    return _halves(operand(x), axes, -1)


def __getattr__(name: str) -> Any:
    return getattr(np.fft, name)


publish_all(globals())
