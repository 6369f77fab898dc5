"""SciPy's elliptic and hypergeometric functions, integrals and transforms.

Derivatives are closed forms (DLMF: https://dlmf.nist.gov). Where the usual one is a quotient of
zeros, a hypergeometric function stands for it. A parameter whose derivative has no closed form
raises.
"""

from __future__ import annotations

import math
from typing import Any

from scipy import special

from ...core.primitive import primitive
from ..arithmetic import quiet_power, square, sub
from ..discrete import sign
from ..exponential import exp, log, log1p
from ..kernels import tail as tail_kernels
from ..kinds import Elementwise, Over, add, div, mask_mul, mul, neg, quiet_div
from ..select import maximum, minimum
from ..trigonometric import cosine, hypot, sin
from .base import Special, erf, no_derivative, xlog1py, xlogy
from .gamma import digamma, zeta

__all__ = [
    "boxcox",
    "boxcox1p",
    "cbrt",
    "cosm1",
    "dawsn",
    "ellipe",
    "ellipk",
    "ellipkm1",
    "exp2",
    "exp10",
    "expm1",
    "exprel",
    "huber",
    "hyp0f1",
    "hyp1f1",
    "hyp2f1",
    "inv_boxcox",
    "inv_boxcox1p",
    "log1p_of",
    "modstruve",
    "owens_t",
    "powm1",
    "pseudo_huber",
    "rgamma",
    "spence",
    "struve",
    "wofz",
    "wrightomega",
]


@primitive
class Hyp0f1(Special):
    """The confluent limit ``0F1(v; x)``; derivative ``0F1(v + 1; x) / v`` (DLMF 16.3.1)."""

    name, numpy = "hyp0f1", special.hyp0f1
    partials = (
        no_derivative("hyp0f1", "v"),
        lambda out, v, x: div(hyp0f1(add(v, 1.0), x), v),
    )


@primitive
class Hyp1f1(Special):
    """Kummer's function; derivative ``a/b 1F1(a + 1; b + 1; x)`` (DLMF 13.3.15)."""

    name, numpy = "hyp1f1", special.hyp1f1
    partials = (
        no_derivative("hyp1f1", "a"),
        no_derivative("hyp1f1", "b"),
        lambda out, a, b, x: mul(div(a, b), hyp1f1(add(a, 1.0), add(b, 1.0), x)),
    )


@primitive
class Hyp2f1(Special):
    """Gauss's function; derivative ``a b/c 2F1(a + 1, b + 1; c + 1; x)`` (DLMF 15.5.1)."""

    name, numpy = "hyp2f1", special.hyp2f1
    partials = (
        no_derivative("hyp2f1", "a"),
        no_derivative("hyp2f1", "b"),
        no_derivative("hyp2f1", "c"),
        lambda out, a, b, c, x: mul(
            div(mul(a, b), c), hyp2f1(add(a, 1.0), add(b, 1.0), add(c, 1.0), x)
        ),
    )


@primitive
class Ellipk(Special):
    """K, of the parameter ``m``: ``pi/2 2F1(1/2, 1/2; 1; m)`` (DLMF 19.5.1), infinite at 1."""

    numpy, singular, masks = special.ellipk, True, True
    partials = (lambda out, m: ellipk_slope(m, sub(1.0, m)),)


@primitive
class Ellipkm1(Special):
    """``ellipk(1 - p)``, precise near 0."""

    numpy, singular, masks = special.ellipkm1, True, True
    partials = (lambda out, p: neg(ellipk_slope(sub(1.0, p), p)),)


@primitive
class EllipkSlope(Elementwise):
    """The derivative of K by ``m``; the second operand is ``1 - m``, and derivatives are by it.

    ``(E - p K) / (2 m p)`` (DLMF 19.4.1), near 0 ``pi/8 2F1(3/2, 3/2; 2; m)``, whose derivative is
    its own.
    """

    numpy, singular, masks = tail_kernels.ellipk_slope, True, True
    partials = (
        None,
        lambda out, m, p: mul(-9 * math.pi / 64, hyp2f1(2.5, 2.5, 3.0, m)),
    )


@primitive
class Ellipe(Special):
    """E, of the parameter ``m``: ``pi/2 2F1(-1/2, 1/2; 1; m)`` (DLMF 19.5.2)."""

    numpy, singular, masks = special.ellipe, True, True
    partials = (lambda out, m: mul(-math.pi / 8, hyp2f1(0.5, 1.5, 2.0, m)),)


@primitive
class Spence(Special):
    """The dilogarithm ``Li2(1 - z)``; derivative ``-log(z) / (z - 1)`` (DLMF 25.12.2)."""

    numpy, singular, masks = special.spence, True, True
    partials = (lambda out, z: spence_slope(z),)


@primitive
class SpenceSlope(Elementwise):
    """``-log(z) / (z - 1)``, -1 at 1; derivative ``2F1(2, 2; 3; 1 - z) / 2`` (DLMF 15.5.1)."""

    numpy, singular, masks = tail_kernels.spence_slope, True, True
    partials = (lambda out, z: mul(0.5, hyp2f1(2.0, 2.0, 3.0, sub(1.0, z))),)


@primitive
class Exprel(Special):
    """``(exp(x) - 1) / x``, which is ``1F1(1; 2; x)``."""

    numpy = special.exprel
    partials = (lambda out, x: mul(0.5, hyp1f1(2.0, 3.0, x)),)


def _boxcox_slope(log_x: Any, power: Any) -> Any:
    """The derivative of ``log(x) exprel(power log(x))`` by ``power``."""
    return mul(mul(0.5, square(log_x)), hyp1f1(2.0, 3.0, mul(power, log_x)))


@primitive
class Boxcox(Special):
    """``(x**power - 1) / power``, ``log(x)`` for the power 0."""

    numpy, singular, masks = special.boxcox, True, True
    partials = (
        lambda out, x, power: exp(xlogy(sub(power, 1.0), x)),
        lambda out, x, power: _boxcox_slope(log(x), power),
    )


@primitive
class Boxcox1p(Special):
    """``((1 + x)**power - 1) / power``, ``log(1 + x)`` for the power 0."""

    name, numpy, singular, masks = "boxcox1p", special.boxcox1p, True, True
    partials = (
        lambda out, x, power: exp(xlog1py(sub(power, 1.0), x)),
        lambda out, x, power: _boxcox_slope(log1p(x), power),
    )


@primitive
class InvBoxcox(Special):
    """The inverse of boxcox."""

    numpy, singular, masks = special.inv_boxcox, True, True
    partials = (
        lambda out, y, power: exp(xlogy(sub(1.0, power), out)),
        lambda out, y, power: neg(
            mul(exp(xlogy(sub(1.0, power), out)), _boxcox_slope(log(out), power))
        ),
    )


@primitive
class InvBoxcox1p(Special):
    """The inverse of boxcox1p."""

    name, numpy, singular, masks = "inv_boxcox1p", special.inv_boxcox1p, True, True
    partials = (
        lambda out, y, power: exp(xlog1py(sub(1.0, power), out)),
        lambda out, y, power: neg(
            mul(exp(xlog1py(sub(1.0, power), out)), _boxcox_slope(log1p(out), power))
        ),
    )


@primitive
class Dawsn(Special):
    """Dawson's integral; derivative ``1 - 2 x dawsn(x)`` (DLMF 7.10.4)."""

    numpy = special.dawsn
    partials = (lambda out, x: dawsn_slope(x),)


@primitive
class DawsnSlope(Elementwise):
    """The derivative of dawsn; its own is ``-2 dawsn(x) - 2 x dawsn'(x)``."""

    numpy = tail_kernels.dawsn_slope
    partials = (lambda out, x: mul(-2.0, add(dawsn(x), mul(x, out))),)


@primitive
class Wofz(Special):
    """Faddeeva's ``exp(-z**2) erfc(-i z)``; derivative ``2i/sqrt(pi) - 2 z w`` (DLMF 7.10.2)."""

    numpy = special.wofz
    partials = (lambda out, z: sub(2j / math.sqrt(math.pi), mul(2.0, mul(z, out))),)


@primitive
class Wrightomega(Special):
    """The solution of ``w + log(w) = z``; derivative ``w / (1 + w)``."""

    numpy = special.wrightomega
    partials = (lambda out, z: div(out, add(1.0, out)),)


@primitive
class OwensT(Special):
    """Owen's T function; derivatives are those of the normal density (Owen, 1956)."""

    numpy = special.owens_t
    partials = (
        lambda out, h, a: mul(
            mul(-0.5 / math.sqrt(2 * math.pi), exp(mul(-0.5, square(h)))),
            erf(mul(math.sqrt(0.5), mul(a, h))),
        ),
        lambda out, h, a: div(
            mul(0.5 / math.pi, exp(mul(-0.5, mul(square(h), add(1.0, square(a)))))),
            add(1.0, square(a)),
        ),
    )


@primitive
class Rgamma(Special):
    """``1 / gamma(x)``; derivative ``-rgamma(x) digamma(x)``, finite at the poles of gamma."""

    numpy = special.rgamma
    partials = (lambda out, x: rgamma_slope(x),)


@primitive
class RgammaSlope(Elementwise):
    """The derivative of rgamma; its own, ``rgamma (digamma**2 - digamma')``, not at the poles."""

    numpy, singular, masks = tail_kernels.rgamma_slope, True, True
    partials = (lambda out, x: mul(rgamma(x), sub(square(digamma(x)), zeta(2.0, x))),)


def _struve_part(v: Any, x: Any) -> Any:
    """``(x/2)**v / (sqrt(pi) gamma(v + 3/2))`` (DLMF 11.4.23)."""
    power = exp(xlogy(v, mul(0.5, x)))
    return mul(mul(1.0 / math.sqrt(math.pi), power), rgamma(add(v, 1.5)))


@primitive
class Struve(Special):
    """Struve's H for ``x >= 0``; derivative by the orders beside it (DLMF 11.4.27)."""

    numpy, singular, masks = special.struve, True, True
    partials = (
        no_derivative("struve", "v"),
        lambda out, v, x: mul(
            0.5,
            add(sub(struve(sub(v, 1.0), x), struve(add(v, 1.0), x)), _struve_part(v, x)),
        ),
    )


@primitive
class Modstruve(Special):
    """Struve's L for ``x >= 0``; derivative by the orders beside it (DLMF 11.4.28)."""

    numpy, singular, masks = special.modstruve, True, True
    partials = (
        no_derivative("modstruve", "v"),
        lambda out, v, x: mul(
            0.5,
            add(add(modstruve(sub(v, 1.0), x), modstruve(add(v, 1.0), x)), _struve_part(v, x)),
        ),
    )


@primitive
class SpecialLog1p(Special):
    """``log(1 + x)``, of `scipy.special`."""

    name, numpy, singular, masks = "special_log1p", special.log1p, True, True
    partials = (Over(lambda out, x: add(x, 1.0)),)


@primitive
class SpecialExpm1(Special):
    """``exp(x) - 1``, of `scipy.special`."""

    name, numpy = "special_expm1", special.expm1
    partials = (lambda out, x: exp(x),)


@primitive
class SpecialExp2(Special):
    """``2**x``, of `scipy.special`."""

    name, numpy = "special_exp2", special.exp2
    partials = (lambda out, x: mul(math.log(2.0), out),)


@primitive
class Exp10(Special):
    """``10**x``."""

    name, numpy = "exp10", special.exp10
    partials = (lambda out, x: mul(math.log(10.0), out),)


@primitive
class SpecialCbrt(Special):
    """The cube root, of `scipy.special`; derivative ``1 / (3 out**2)``, infinite at 0."""

    name, numpy, singular, masks = "special_cbrt", special.cbrt, True, True
    partials = (Over(lambda out, x: mul(3.0, square(out))),)


@primitive
class Cosm1(Special):
    """``cos(x) - 1``."""

    name, numpy = "cosm1", special.cosm1
    partials = (lambda out, x: neg(sin(x)),)


@primitive
class Powm1(Special):
    """``x**y - 1``."""

    name, numpy, singular, masks = "powm1", special.powm1, True, True
    partials = (
        lambda out, x, y: mask_mul(y, quiet_power(x, sub(y, 1.0))),
        lambda out, x, y: mask_mul(quiet_power(x, y), xlogy(1.0, x)),
    )


@primitive
class Huber(Special):
    """``r**2 / 2`` within ``delta`` and ``delta (|r| - delta/2)`` beyond."""

    numpy = special.huber
    partials = (
        lambda out, delta, r: _excess(delta, r),
        lambda out, delta, r: minimum(maximum(r, neg(delta)), delta),
    )


def _excess(delta: Any, r: Any) -> Any:
    """``max(|r| - delta, 0)``."""
    beyond = sub(mul(sign(r), r), delta)
    return mul(0.5, add(beyond, mul(sign(beyond), beyond)))


@primitive
class PseudoHuber(Special):
    """``delta**2 (sqrt(1 + (r/delta)**2) - 1)``."""

    numpy = special.pseudo_huber
    partials = (
        lambda out, delta, r: _pseudo_huber_by_delta(delta, r),
        lambda out, delta, r: mul(delta, cosine(r, delta)),
    )


def _pseudo_huber_by_delta(delta: Any, r: Any) -> Any:
    """``(q - delta)**2 / q`` with ``q = hypot(delta, r)``, by ``r**2 / (q + delta)``."""
    q = hypot(delta, r)
    excess = mul(r, quiet_div(r, add(q, delta)))
    return mul(excess, quiet_div(excess, q))


hyp0f1, hyp1f1, hyp2f1 = Hyp0f1(), Hyp1f1(), Hyp2f1()
ellipk, ellipkm1, ellipe, spence, exprel = Ellipk(), Ellipkm1(), Ellipe(), Spence(), Exprel()
boxcox, boxcox1p, inv_boxcox, inv_boxcox1p = Boxcox(), Boxcox1p(), InvBoxcox(), InvBoxcox1p()
dawsn, wofz, wrightomega, owens_t, rgamma = Dawsn(), Wofz(), Wrightomega(), OwensT(), Rgamma()
dawsn_slope, rgamma_slope = DawsnSlope(), RgammaSlope()
ellipk_slope, spence_slope = EllipkSlope(), SpenceSlope()
struve, modstruve = Struve(), Modstruve()
log1p_of, expm1, exp2, exp10 = SpecialLog1p(), SpecialExpm1(), SpecialExp2(), Exp10()
cbrt, cosm1, powm1, huber, pseudo_huber = SpecialCbrt(), Cosm1(), Powm1(), Huber(), PseudoHuber()
