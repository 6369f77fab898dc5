"""SciPy's Bessel functions, differentiated by recurrences (DLMF 10.6 and 10.29).

A derivative in the order has no closed form and raises.
"""

from __future__ import annotations

from typing import Any

from scipy import special

from ...core.primitive import primitive
from ..arithmetic import sub
from ..discrete import sign
from ..kinds import add, mul, neg
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
class I0(Special):
    """I of order 0; derivative ``i1(x)`` (DLMF 10.29.3)."""

    numpy = special.i0
    partials = (lambda out, x: i1(x),)


@primitive
class I1(Special):
    """I of order 1; derivative ``(i0(x) + iv(2, x)) / 2`` (DLMF 10.29.1)."""

    numpy = special.i1
    partials = (lambda out, x: mul(0.5, add(i0(x), iv(2.0, x))),)


@primitive
class Iv(Special):
    """I of real order; derivative ``(iv(v-1, x) + iv(v+1, x)) / 2`` (DLMF 10.29.1)."""

    numpy, singular, masks = special.iv, True, True
    partials = (no_derivative("iv", "v"), lambda out, v, x: _mean(iv, v, x))


@primitive
class I0e(Special):
    """``exp(-|x|) i0(x)``; at the kink in 0 the derivative is 0, midway between the two sides."""

    name, numpy = "i0e", special.i0e
    partials = (lambda out, x: sub(i1e(x), mul(sign(x), out)),)


@primitive
class I1e(Special):
    """``exp(-|x|) i1(x)``."""

    name, numpy = "i1e", special.i1e
    partials = (lambda out, x: sub(mul(0.5, add(i0e(x), ive(2.0, x))), mul(sign(x), out)),)


@primitive
class Ive(Special):
    """``exp(-|x|) iv(v, x)``."""

    numpy, singular, masks = special.ive, True, True
    partials = (
        no_derivative("ive", "v"),
        lambda out, v, x: sub(_mean(ive, v, x), mul(sign(x), out)),
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
    partials = (lambda out, x: sub(out, k1e(x)),)


@primitive
class K1e(Special):
    """``exp(x) k1(x)``, infinite at 0."""

    name, numpy, singular, masks = "k1e", special.k1e, True, True
    partials = (lambda out, x: sub(out, mul(0.5, add(k0e(x), kve(2.0, x)))),)


@primitive
class Kve(Special):
    """``exp(x) kv(v, x)``, infinite at 0."""

    numpy, singular, masks = special.kve, True, True
    partials = (no_derivative("kve", "v"), lambda out, v, x: sub(out, _mean(kve, v, x)))


j0, j1, jv = J0(), J1(), Jv()
y0, y1, yv = Y0(), Y1(), Yv()
i0, i1, iv, i0e, i1e, ive = I0(), I1(), Iv(), I0e(), I1e(), Ive()
k0, k1, kv, k0e, k1e, kve = K0(), K1(), Kv(), K0e(), K1e(), Kve()
