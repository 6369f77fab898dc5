"""`numpy.i0`, the modified Bessel function that NumPy has itself.

I_0 is the mean of ``exp(x cos(theta))`` over the circle, and its derivatives the means of
``cos(theta)**n exp(x cos(theta))`` (NIST DLMF 10.32.3). The integrand is periodic and analytic, so
the trapezoidal rule of N points converges faster than any power: its error is I_N(x), which with
256 points is below ``exp(-44) I_0(x)`` for every x whose I_0 a float64 holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.primitive import primitive
from ..core.trace import aval_of
from .kinds import Elementwise, mul
from .linear import broadcast_to, reshape, shape_of
from .reduce import sum_over
from .trigonometric import sinh

__all__ = ["BesselI0", "bessel_i0"]

_POINTS = 128
# Points that face each other go together, so that the result is odd and exact near 0.
_COS = np.cos(np.arange(_POINTS // 2) * (np.pi / _POINTS))
_WEIGHTS = np.full(_POINTS // 2, 2.0 / _POINTS)
_WEIGHTS[0] /= 2


def _slope(x: Any) -> Any:
    """I_1(x), by the trapezoidal rule over a quarter of the circle."""
    shape, dtype = shape_of(x), aval_of(x).dtype
    wide = (*shape, len(_COS))
    nodes = np.broadcast_to(_COS.astype(dtype), wide)
    weights = np.broadcast_to((_COS * _WEIGHTS).astype(dtype), wide)
    spread = broadcast_to(reshape(x, (*shape, 1)), wide)
    return sum_over(mul(weights, sinh(mul(spread, nodes))), (len(shape),))


@primitive
class BesselI0(Elementwise):
    """I of order 0; its derivative is I of order 1."""

    name = "bessel_i0"
    numpy = "np.i0({0})[()]"
    partials = (lambda out, x: _slope(x),)


bessel_i0 = BesselI0()
