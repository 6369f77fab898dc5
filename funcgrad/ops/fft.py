"""The discrete Fourier transform along one axis, of complex and of real signals.

With ``w = exp(-2 pi i / n)`` a transform of length ``n`` multiplies by the matrix ``w[j k]``, which
is symmetric: in the pairing ``Re(sum(ct * t))``, which has no conjugate, a transform is its own
transpose. Those between real signals and the first half of their spectrum are each other's, with
weights, since each frequency of the half but 0 and ``n / 2`` stands for two.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import primitive
from ..core.trace import aval_of
from .complex import conjugate, real
from .convert import convert
from .kinds import mul
from .linear import Linear, shape_of
from .shape import crop, pad

__all__ = ["Fft", "Ifft", "Irfft", "Rfft", "fft", "ifft", "irfft", "rfft"]

SWAPPED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The scale of a transform, as the other direction names it."""


class FourierTransform(Linear):
    """A transform of length ``n`` along ``axis``, which is cropped or padded to it first.

    Attributes:
        n: The length of the transform.
        axis: The axis, from 0.
        norm: Where NumPy divides by ``n``: "backward", "ortho" or "forward".
    """

    n: int
    axis: int
    norm: str
    fields = ("n", "axis", "norm")
    passes_mask = False

    def length(self) -> int:
        """The length of the axis of the result."""
        return self.n

    def aval(self, x: Aval) -> Aval:
        shape = (*x.shape[: self.axis], self.length(), *x.shape[self.axis + 1 :])
        return make_aval(shape, np.result_type(x.dtype, 1j))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return _made(type(self), self.n, self.axis + 1, self.norm)(*operands)


_made = lru_cache(1024)(lambda cls, n, axis, norm: cls(n, axis, norm))


@primitive
class Fft(FourierTransform):
    """``y[k] = sum_j x[j] w**(j k)``, for real or complex ``x``; its own transpose."""

    numpy = "np.fft.fft({0}, n={n}, axis={axis}, norm={norm})"

    def transpose(self, ct: Any, x: Any) -> Any:
        return _fit(_made(Fft, self.n, self.axis, self.norm)(ct), self.axis, x)


@primitive
class Ifft(FourierTransform):
    """``y[j] = sum_k x[k] w**(-j k) / n``, for real or complex ``x``; its own transpose."""

    numpy = "np.fft.ifft({0}, n={n}, axis={axis}, norm={norm})"

    def transpose(self, ct: Any, x: Any) -> Any:
        return _fit(_made(Ifft, self.n, self.axis, self.norm)(ct), self.axis, x)


@primitive
class Rfft(FourierTransform):
    """The frequencies 0 to ``n // 2`` of a real signal.

    Its transpose is ``x[j] = Re(sum_k ct[k] w**(j k))``: an `Irfft` of the conjugate, in which the
    frequencies that it counts twice are halved.
    """

    numpy = "np.fft.rfft({0}, n={n}, axis={axis}, norm={norm})"

    def length(self) -> int:
        return self.n // 2 + 1

    def transpose(self, ct: Any, x: Any) -> Any:
        halved = mul(conjugate(ct), _weights(self, ct, 0.5))
        back = irfft(halved, self.n, self.axis, SWAPPED[self.norm])
        return _fit(back, self.axis, x)


@primitive
class Irfft(FourierTransform):
    """The real signal of length ``n`` that has the frequencies ``x``.

    It reads ``n // 2 + 1`` of them, and the first and at even ``n`` the last as real numbers. Its
    transpose is the conjugate of an `Rfft`, in which the frequencies that it counts twice are
    doubled.
    """

    numpy = "np.fft.irfft({0}, n={n}, axis={axis}, norm={norm})"

    def aval(self, x: Aval) -> Aval:
        shape = (*x.shape[: self.axis], self.n, *x.shape[self.axis + 1 :])
        return make_aval(shape, np.result_type(x.dtype.type(0).real.dtype, 1.0))

    def transpose(self, ct: Any, x: Any) -> Any:
        half = conjugate(rfft(ct, self.n, self.axis, SWAPPED[self.norm]))
        return _fit(mul(half, _weights(self, half, 2.0)), self.axis, x)


def _weights(transform: FourierTransform, half: Any, inner: float) -> Any:
    """Over the frequencies 0 to ``n // 2``: ``inner``, and 1 at 0 and ``n / 2``."""
    aval = aval_of(half)
    weights = np.full(transform.n // 2 + 1, inner, aval.dtype)
    weights[0] = 1.0
    if transform.n % 2 == 0:
        weights[-1] = 1.0
    return weights.reshape((-1, *(1,) * (aval.ndim - transform.axis - 1)))


def _fit(ct: Any, axis: int, x: Any) -> Any:
    """The cotangent of ``x`` from that of ``x`` cropped or padded along ``axis``."""
    aval = aval_of(x)
    length, given = aval.shape[axis], shape_of(ct)[axis]
    if given > length:
        ct = crop(ct, axis, 0, length)
    elif given < length:
        rest = ((0, 0),) * (aval.ndim - axis - 1)
        ct = pad(ct, (*((0, 0),) * axis, (0, length - given), *rest))
    if aval.dtype.kind != "c" and aval_of(ct).dtype.kind == "c":
        ct = real(ct)
    return convert(ct, aval.dtype)


def fft(x: Any, n: int, axis: int, norm: str) -> Any:
    """`Fft`."""
    return _made(Fft, n, axis, norm)(x)


def ifft(x: Any, n: int, axis: int, norm: str) -> Any:
    """`Ifft`."""
    return _made(Ifft, n, axis, norm)(x)


def rfft(x: Any, n: int, axis: int, norm: str) -> Any:
    """`Rfft`, of a real ``x``."""
    return _made(Rfft, n, axis, norm)(x)


def irfft(x: Any, n: int, axis: int, norm: str) -> Any:
    """`Irfft`."""
    return _made(Irfft, n, axis, norm)(x)
