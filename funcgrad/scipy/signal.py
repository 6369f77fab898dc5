"""`scipy.signal`'s convolution and correlation on tracers.

One dimension is summed directly, as `numpy.convolve` does; more go through the Fourier transform,
as SciPy's do where that is cheaper.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._publish import publish_all
from ..errors import ArgumentError, MissingExtraError, ShapeError
from ..numpy.arguments import cast, operand
from ..numpy.dispatch import has_tracer
from ..numpy.promote import promote_types

try:
    from scipy import signal
except ImportError as error:
    raise MissingExtraError(
        "funcgrad.scipy.signal needs SciPy, which is not installed",
        "Install it: pip install 'funcgrad[scipy]'.",
    ) from error

__all__ = ["convolve", "correlate"]

_MODES = ("full", "valid", "same")
_METHODS = ("auto", "direct", "fft")


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """``out[n] = sum over k of in1[k] in2[n - k]``, over all axes.

    Args:
        in1: Any shape.
        in2: Of the same number of dimensions.
        mode: ``"full"``; ``"same"``, the middle part, of in1's shape; ``"valid"``, the part that
            needs no zeros beyond the ends, for which one operand is at least as long as the other
            along every axis.
        method: ``"auto"``, ``"direct"`` or ``"fft"``: SciPy's choice. It does not matter for traced
            values.

    Returns:
        Of the shape that ``mode`` says and the dtype of the operands together.

    Raises:
        ShapeError: The numbers of dimensions differ, or neither operand contains the other though
            ``mode`` is ``"valid"``.
        ArgumentError: ``mode`` or ``method`` is none of these.

    >>> convolve([1.0, 2.0, 3.0], [0.5, 0.5], mode="same")
    array([0.5, 1.5, 2.5])
    """
    if not (has_tracer(in1) or has_tracer(in2)):
        return signal.convolve(in1, in2, mode, method)
    return _convolve("convolve", operand(in1), operand(in2), mode, method)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """``out[n] = sum over k of in1[k + n - N + 1] conj(in2[k])``, for in2 of length N.

    The arguments, the result and the errors are those of `convolve`.

    >>> correlate([1.0, 2.0, 3.0], [0.0, 1.0], mode="valid")
    array([2., 3.])
    """
    if not (has_tracer(in1) or has_tracer(in2)):
        return signal.correlate(in1, in2, mode, method)
    reversed_ = np.conj(np.flip(operand(in2)))
    return _convolve("correlate", operand(in1), reversed_, mode, method)


def _convolve(name: str, x: Any, y: Any, mode: str, method: str) -> Any:
    if mode not in _MODES or method not in _METHODS:
        raise ArgumentError(
            f"scipy.signal.{name}: got mode={mode!r} and method={method!r}",
            f"Modes are {', '.join(_MODES)}; methods are {', '.join(_METHODS)}.",
        )
    if x.ndim != y.ndim:
        raise ShapeError(
            f"scipy.signal.{name}: got shapes {x.shape} and {y.shape}",
            "Give operands of the same number of dimensions.",
        )
    dtype = promote_types(x, y)
    x, y = cast(x, dtype), cast(y, dtype)
    if x.ndim == 0:
        return x * y
    if 0 in x.shape or 0 in y.shape:
        return np.zeros(0, dtype)
    full = np.convolve(x, y) if x.ndim == 1 else _by_fourier(x, y, dtype)
    if mode == "full":
        return full
    shape = x.shape if mode == "same" else _valid_shape(name, x.shape, y.shape)
    starts = [(whole - part) // 2 for whole, part in zip(full.shape, shape, strict=True)]
    return full[tuple([slice(s, s + n) for s, n in zip(starts, shape, strict=True)])]


def _valid_shape(name: str, x: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, ...]:
    pairs = list(zip(x, y, strict=True))
    if not (all(a >= b for a, b in pairs) or all(a <= b for a, b in pairs)):
        raise ShapeError(
            f"scipy.signal.{name}: got shapes {x} and {y} and mode='valid'",
            "One operand must be at least as long as the other along every axis.",
        )
    return tuple([abs(a - b) + 1 for a, b in pairs])


def _by_fourier(x: Any, y: Any, dtype: np.dtype[Any]) -> Any:
    """The full convolution as a product of Fourier transforms."""
    shape = [a + b - 1 for a, b in zip(x.shape, y.shape, strict=True)]
    axes = list(range(len(shape)))
    if dtype.kind == "c":
        product = np.fft.fftn(x, shape, axes) * np.fft.fftn(y, shape, axes)
        return cast(np.fft.ifftn(product, shape, axes), dtype)
    # Integers are exact while float64 holds every partial sum.
    floating = dtype if dtype.kind == "f" else np.dtype(np.float64)
    x, y = cast(x, floating), cast(y, floating)
    product = np.fft.rfftn(x, shape, axes) * np.fft.rfftn(y, shape, axes)
    full = np.fft.irfftn(product, shape, axes)
    return cast(full if dtype.kind == "f" else np.rint(full), dtype)


publish_all(globals())
