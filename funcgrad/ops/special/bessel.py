"""SciPy's Bessel functions, differentiated by recurrences (DLMF 10.6 and 10.29).

A derivative in the order has no closed form and raises.
"""

from __future__ import annotations

from typing import Any

from scipy import special

from ...core.primitive import primitive
from ..arithmetic import sub
from ..complex import absolute
from ..discrete import less, sign
from ..kernels import tail as tail_kernels
from ..kinds import Elementwise, add, mul, neg
from ..select import select
from .base import Special, no_derivative

__all__ = [
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "ive",
    "j0",
    "j1",
    "jv",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kv",
    "kve",
    "y0",
    "y1",
    "yn",
    "yv",
]


def _mean(function: Any, v: Any, x: Any) -> Any:
    """Half the sum of the functions of the orders below and above ``v``."""
    return mul(0.5, add(function(sub(v, 1.0), x), function(add(v, 1.0), x)))


def _half_difference(function: Any, v: Any, x: Any) -> Any:
    """Half the difference of the functions of the orders below and above ``v``."""
    return mul(0.5, sub(function(sub(v, 1.0), x), function(add(v, 1.0), x)))


@primitive
class J0(Special):
    """J of order 0; derivative ``-j1(x)`` (DLMF 10.6.3)."""

    numpy = special.j0
    partials = (lambda out, x: neg(j1(x)),)


@primitive
class J1(Special):
    """J of order 1; derivative ``(j0(x) - jv(2, x)) / 2`` (DLMF 10.6.1)."""

    numpy = special.j1
    partials = (lambda out, x: mul(0.5, sub(j0(x), jv(2.0, x))),)


@primitive
class Jv(Special):
    """J of real order; derivative ``(jv(v-1, x) - jv(v+1, x)) / 2`` (DLMF 10.6.1)."""

    numpy, singular, masks = special.jv, True, True
    partials = (no_derivative("jv", "v"), lambda out, v, x: _half_difference(jv, v, x))


@primitive
class Y0(Special):
    """Y of order 0; derivative ``-y1(x)`` (DLMF 10.6.3), infinite at 0."""

    numpy, singular, masks = special.y0, True, True
    partials = (lambda out, x: neg(y1(x)),)


@primitive
class Y1(Special):
    """Y of order 1; derivative ``(y0(x) - yv(2, x)) / 2`` (DLMF 10.6.1), infinite at 0."""

    numpy, singular, masks = special.y1, True, True
    partials = (lambda out, x: mul(0.5, sub(y0(x), yv(2.0, x))),)


@primitive
class Yv(Special):
    """Y of real order; derivative ``(yv(v-1, x) - yv(v+1, x)) / 2`` (DLMF 10.6.1)."""

    numpy, singular, masks = special.yv, True, True
    partials = (no_derivative("yv", "v"), lambda out, v, x: _half_difference(yv, v, x))


@primitive
class Yn(Special):
    """Y of integer order; derivative ``(yn(n-1, x) - yn(n+1, x)) / 2`` (DLMF 10.6.1)."""

    # The order is an integer, or a float beside float32.
    numpy, singular, masks, untyped = special.yn, True, True, 1
    partials = (
        no_derivative("yn", "n"),
        lambda out, n, x: mul(0.5, sub(yn(sub(n, 1), x), yn(add(n, 1), x))),
    )


@primitive
class I0(Special):
    """I of order 0; derivative ``i1(x)`` (DLMF 10.29.3)."""

    numpy = special.i0
    partials = (lambda out, x: i1(x),)


@primitive
class I1(Special):
    """I of order 1; derivative ``(i0(x) + iv(2, x)) / 2`` (DLMF 10.29.1)."""

    numpy = special.i1
    # SciPy's iv of the least numbers is nan.
    partials = (
        lambda out, x: mul(0.5, add(i0(x), iv(2.0, select(less(absolute(x), 1e-30), 0.0, x)))),
    )


@primitive
class Iv(Special):
    """I of real order; derivative ``(iv(v-1, x) + iv(v+1, x)) / 2`` (DLMF 10.29.1)."""

    numpy, singular, masks = special.iv, True, True
    partials = (no_derivative("iv", "v"), lambda out, v, x: _mean(iv, v, x))


@primitive
class I0e(Special):
    """``exp(-|x|) i0(x)``; at the kink in 0 the derivative is 0, midway between the two sides."""

    name, numpy = "i0e", special.i0e
    partials = (lambda out, x: scaled_slope_i(0.0, x),)


@primitive
class I1e(Special):
    """``exp(-|x|) i1(x)``."""

    name, numpy = "i1e", special.i1e
    partials = (lambda out, x: scaled_slope_i(1.0, x),)


@primitive
class Ive(Special):
    """``exp(-|x|) iv(v, x)``."""

    numpy, singular, masks = special.ive, True, True
    partials = (
        no_derivative("ive", "v"),
        lambda out, v, x: scaled_slope_i(v, x),
    )


@primitive
class K0(Special):
    """K of order 0; derivative ``-k1(x)`` (DLMF 10.29.3), infinite at 0."""

    numpy, singular, masks = special.k0, True, True
    partials = (lambda out, x: neg(k1(x)),)


@primitive
class K1(Special):
    """K of order 1; derivative ``-(k0(x) + kv(2, x)) / 2`` (DLMF 10.29.1), infinite at 0."""

    numpy, singular, masks = special.k1, True, True
    partials = (lambda out, x: mul(-0.5, add(k0(x), kv(2.0, x))),)


@primitive
class Kv(Special):
    """K of real order; derivative ``-(kv(v-1, x) + kv(v+1, x)) / 2`` (DLMF 10.29.1)."""

    numpy, singular, masks = special.kv, True, True
    partials = (no_derivative("kv", "v"), lambda out, v, x: neg(_mean(kv, v, x)))


@primitive
class K0e(Special):
    """``exp(x) k0(x)``, infinite at 0."""

    name, numpy, singular, masks = "k0e", special.k0e, True, True
    partials = (lambda out, x: scaled_slope_k(0.0, x),)


@primitive
class K1e(Special):
    """``exp(x) k1(x)``, infinite at 0."""

    name, numpy, singular, masks = "k1e", special.k1e, True, True
    partials = (lambda out, x: scaled_slope_k(1.0, x),)


@primitive
class Kve(Special):
    """``exp(x) kv(v, x)``, infinite at 0."""

    numpy, singular, masks = special.kve, True, True
    partials = (no_derivative("kve", "v"), lambda out, v, x: scaled_slope_k(v, x))


def _next_slope_i(v: Any, x: Any) -> Any:
    lower, upper = scaled_slope_i(sub(v, 1.0), x), scaled_slope_i(add(v, 1.0), x)
    return sub(mul(0.5, add(lower, upper)), mul(sign(x), scaled_slope_i(v, x)))


def _next_slope_k(v: Any, x: Any) -> Any:
    lower, upper = scaled_slope_k(sub(v, 1.0), x), scaled_slope_k(add(v, 1.0), x)
    return sub(scaled_slope_k(v, x), mul(0.5, add(lower, upper)))


@primitive
class ScaledBesselSlope(Elementwise):
    """The derivative of ive or kve by ``x``, without cancelling far out; its own may."""

    kind: str
    numpy, singular, masks = tail_kernels.scaled_bessel_slope, True, True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        following = _next_slope_i if self.kind == "i" else _next_slope_k
        self.partials = (
            no_derivative(f"{self.kind}ve", "v"),
            lambda out, v, x: following(v, x),
        )


scaled_slope_i, scaled_slope_k = ScaledBesselSlope("i"), ScaledBesselSlope("k")


j0, j1, jv = J0(), J1(), Jv()
y0, y1, yv, yn = Y0(), Y1(), Yv(), Yn()
i0, i1, iv, i0e, i1e, ive = I0(), I1(), Iv(), I0e(), I1e(), Ive()
k0, k1, kv, k0e, k1e, kve = K0(), K1(), Kv(), K0e(), K1e(), Kve()
