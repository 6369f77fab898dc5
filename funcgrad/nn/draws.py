"""The distributions that initialisers draw from, on the real line and in the complex plane."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import random

__all__ = ["normal", "orthonormal", "scale", "truncated", "uniform_around"]

_CUT_AT_2 = 0.8796256610342398
"""The deviation of a standard normal variate cut off at -2 and 2."""


def scale(x: Any, factor: float) -> Any:
    """``x`` times a factor, in its dtype."""
    return (x * factor).astype(x.dtype)


def _parts(dtype: Any) -> np.dtype[Any] | None:
    """The dtype of the parts of complex numbers, None for real ones."""
    found = np.dtype(dtype)
    return np.finfo(found).dtype if found.kind == "c" else None


def normal(key: Any, shape: Sequence[int], dtype: Any, deviation: float) -> Any:
    """Normal numbers of mean 0, in the complex plane circular ones."""
    part = _parts(dtype)
    if part is None:
        return scale(random.normal(key, shape, dtype), deviation)
    real, imaginary = [random.normal(k, shape, part) for k in random.split(key)]
    return ((real + 1j * imaginary) * (deviation * math.sqrt(0.5))).astype(dtype)


def _disc(key: Any, shape: Sequence[int], dtype: Any, square: Callable[[Any], Any]) -> Any:
    """Complex numbers of any direction, whose squared modulus is a function of uniform numbers."""
    first, second = random.split(key)
    part = _parts(dtype)
    radius = np.sqrt(square(random.uniform(first, shape, part)))
    angle = random.uniform(second, shape, part, 0.0, 2.0 * math.pi)
    return (radius * (np.cos(angle) + 1j * np.sin(angle))).astype(dtype)


def uniform_around(key: Any, shape: Sequence[int], dtype: Any, deviation: float) -> Any:
    """Uniform numbers around 0, in the complex plane on a disc.

    On that of radius ``sqrt(2)`` ``|z|**2`` is uniform on ``(0, 2)``, of mean 1.
    """
    if _parts(dtype) is None:
        return scale(random.uniform(key, shape, dtype, -1.0, 1.0), math.sqrt(3.0) * deviation)
    return scale(_disc(key, shape, dtype, lambda u: 2.0 * u), deviation)


def truncated(key: Any, shape: Sequence[int], dtype: Any, deviation: float) -> Any:
    """Normal numbers cut off at two deviations of the uncut ones, of that deviation after the cut.

    ``|z|**2`` of a circular normal number is exponential; cut off at 4 it is
    ``-log(1 - (1 - exp(-4)) u)``, of mean ``1 - 4 exp(-4) / (1 - exp(-4))``.
    """
    if _parts(dtype) is None:
        return scale(random.truncated_normal(key, -2.0, 2.0, shape, dtype), deviation / _CUT_AT_2)
    within = -math.expm1(-4.0)
    mean = 1.0 - 4.0 * math.exp(-4.0) / within
    return scale(_disc(key, shape, dtype, lambda u: -np.log1p(-within * u) / mean), deviation)


def orthonormal(key: Any, rows: int, columns: int, dtype: np.dtype[Any]) -> Any:
    """A matrix with orthonormal rows or columns, whichever are fewer, uniformly distributed.

    float16 comes as float32, in which it is computed.
    """
    long, short = max(rows, columns), min(rows, columns)
    if not short:
        return np.zeros((rows, columns), dtype)
    wide = np.dtype(np.float32) if dtype == np.float16 else dtype
    q, r = np.linalg.qr(normal(key, (long, short), wide, 1.0))
    diagonal = np.diagonal(r)
    # What makes the diagonal of R positive; of complex numbers the direction.
    q = q * (np.sign(diagonal) if dtype.kind == "f" else diagonal / np.abs(diagonal))
    return q if rows >= columns else q.T
