"""Exponentials, logarithms, roots, and the logistic function."""

from __future__ import annotations

import math

import numpy as np

from ..core.primitive import primitive
from .arithmetic import sub
from .kernels import elementwise as kernels
from .kinds import Elementwise, Over, add, mask_mul, mul, quiet_div

__all__ = [
    "cbrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logistic",
    "quiet_rsqrt",
    "sqrt",
]

_LN2, _LN10 = math.log(2.0), math.log(10.0)


@primitive
class Exp(Elementwise):
    """``exp(x)``; derivative the result itself."""

    numpy = np.exp
    partials = (lambda out, x: out,)


@primitive
class Exp2(Elementwise):
    """``2**x``; derivative ``ln(2)`` times the result."""

    numpy = np.exp2
    partials = (lambda out, x: mul(out, _LN2),)


@primitive
class Expm1(Elementwise):
    """``exp(x) - 1``; derivative ``exp(x)``, which the result plus 1 is not where that cancels."""

    numpy = np.expm1
    partials = (lambda out, x: exp(x),)


@primitive
class Log(Elementwise):
    """``log(x)``; derivative ``1/x``, infinite at 0."""

    numpy, singular, masks = np.log, True, True
    partials = (Over(lambda out, x: x),)


@primitive
class Log2(Elementwise):
    """The logarithm to base 2; derivative ``1/(x ln(2))``, infinite at 0."""

    numpy, singular, masks = np.log2, True, True
    partials = (Over(lambda out, x: mul(x, _LN2)),)


@primitive
class Log10(Elementwise):
    """The logarithm to base 10; derivative ``1/(x ln(10))``, infinite at 0."""

    numpy, singular, masks = np.log10, True, True
    partials = (Over(lambda out, x: mul(x, _LN10)),)


@primitive
class Log1p(Elementwise):
    """``log(1 + x)``; derivative ``1/(1 + x)``, infinite at -1."""

    numpy, singular, masks = np.log1p, True, True
    partials = (Over(lambda out, x: add(x, 1.0)),)


@primitive
class Sqrt(Elementwise):
    """The square root; derivative ``1/(2 sqrt(x))``, infinite at 0."""

    numpy, singular, masks = np.sqrt, True, True
    partials = (lambda out, x: quiet_div(0.5, out),)


@primitive
class QuietRsqrt(Elementwise):
    """``1/sqrt(x)`` without warnings, for derivatives infinite at a finite point."""

    numpy, singular, masks = kernels.quiet_rsqrt, True, True
    partials = (lambda out, x: mul(-0.5, mul(out, mul(out, out))),)


@primitive
class Cbrt(Elementwise):
    """The cube root; derivative ``1/(3 cbrt(x)**2)``, infinite at 0."""

    numpy, singular, masks = np.cbrt, True, True
    partials = (Over(lambda out, x: mul(3.0, mask_mul(out, out))),)


@primitive
class Logaddexp(Elementwise):
    """``log(exp(x) + exp(y))``; derivatives ``logistic(x - y)`` and ``logistic(y - x)``."""

    numpy = np.logaddexp
    partials = (
        lambda out, x, y: logistic(difference(x, y)),
        lambda out, x, y: logistic(difference(y, x)),
    )


@primitive
class Logaddexp2(Elementwise):
    """``log2(2**x + 2**y)``; derivatives as of `Logaddexp`, of ``ln(2)`` times the operands."""

    numpy = np.logaddexp2
    partials = (
        lambda out, x, y: logistic(mul(difference(x, y), _LN2)),
        lambda out, x, y: logistic(mul(difference(y, x), _LN2)),
    )


@primitive
class Difference(Elementwise):
    """``x - y``, and 0 where both are the same infinity: there logaddexp's operands share."""

    numpy, saves = kernels.difference, False
    partials = (1, -1)


@primitive
class Logistic(Elementwise):
    """``1 / (1 + exp(-x))`` for real ``x``; derivative ``s (1 - s)`` of the result ``s``."""

    numpy = kernels.logistic
    partials = (lambda out, x: logistic_slope(out, x),)


@primitive
class LogisticSlope(Elementwise):
    """``s (1 - s)`` of ``s = logistic(x)``; ``s`` only spares the work, derivatives are by ``x``.

    That of the slope is the slope times ``1 - 2 s``.
    """

    numpy = kernels.logistic_slope
    partials = (None, lambda out, s, x: mul(out, sub(1.0, mul(2.0, s))))


exp, exp2, expm1 = Exp(), Exp2(), Expm1()
log, log2, log10, log1p = Log(), Log2(), Log10(), Log1p()
sqrt, cbrt, quiet_rsqrt = Sqrt(), Cbrt(), QuietRsqrt()
logaddexp, logaddexp2, difference = Logaddexp(), Logaddexp2(), Difference()
logistic, logistic_slope = Logistic(), LogisticSlope()
