"""SciPy's special functions: error functions, the logistic family, information terms.

The modules of this folder are the only ones of `ops` that need SciPy, and load where a traced value
first meets one of its functions. Derivatives are closed forms; DLMF stands for the NIST Digital
Library of Mathematical Functions, https://dlmf.nist.gov.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ...core.primitive import primitive
from ...errors import MissingRuleError
from ..arithmetic import square, sub
from ..exponential import difference, exp
from ..kernels import tail as tail_kernels
from ..kinds import Discrete, Elementwise, Over, add, mask_mul, mul, neg, quiet_div

__all__ = [
    "Special",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfi",
    "erfinv",
    "exp1",
    "expi",
    "expit",
    "gammasgn",
    "kl_div",
    "log_expit",
    "log_ndtr",
    "logit",
    "ndtr",
    "ndtri",
    "ndtri_exp",
    "no_derivative",
    "rel_entr",
    "xlog1py",
    "xlogy",
]

_TWO_BY_ROOT_PI = 2.0 / math.sqrt(math.pi)
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


class Special(Elementwise):
    """A ufunc of `scipy.special`; source calls it by that name.

    SciPy takes a Python float among float32 arrays for a float64: it gets one of their dtype.
    """

    typed = True

    def __init_subclass__(cls) -> None:
        numpy = cls.__dict__.get("numpy")
        if isinstance(numpy, np.ufunc) and "run" not in cls.__dict__:
            cls.run = lambda self, *operands: numpy(*self.adapt(operands))

    @property
    def ufunc(self) -> Any:
        """The ufunc, which promotes the operands."""
        return self.numpy

    def source(self, *operands: str) -> str:
        return f"special.{self.numpy.__name__}({', '.join(operands)})"


def no_derivative(name: str, operand: str) -> Callable[..., Any]:
    """A partial derivative without closed form: it raises where it is asked for.

    Args:
        name: The function.
        operand: The operand's name, as SciPy's documentation has it.
    """

    def partial(*values: Any) -> Any:
        raise MissingRuleError(
            f"scipy.special.{name}: its derivative with respect to {operand} has no closed form",
            f"Hold {operand} constant: give numbers, or funcgrad.stop_gradient({operand}).",
        )

    return partial


@primitive
class Erf(Special):
    """The error function; derivative ``2/sqrt(pi) exp(-x**2)`` (DLMF 7.2.1)."""

    numpy = special.erf
    partials = (lambda out, x: mul(_TWO_BY_ROOT_PI, exp(neg(square(x)))),)


@primitive
class Erfc(Special):
    """``1 - erf(x)`` (DLMF 7.2.2)."""

    numpy = special.erfc
    partials = (lambda out, x: mul(-_TWO_BY_ROOT_PI, exp(neg(square(x)))),)


@primitive
class Erfcx(Special):
    """``exp(x**2) erfc(x)``; derivative ``2 x erfcx(x) - 2/sqrt(pi)`` (product rule, DLMF 7.2.2).

    The difference cancels for large x, where `ErfcxSlope` has a series; that for the derivative
    after it cancels still, to a relative error of ``x**2`` rounding units.
    """

    numpy = special.erfcx
    partials = (lambda out, x: erfcx_slope(x),)


@primitive
class ErfcxSlope(Elementwise):
    """The derivative of erfcx; its own is ``2 erfcx(x) + 2 x erfcx'(x)``."""

    numpy = tail_kernels.erfcx_slope
    partials = (lambda out, x: mul(2.0, add(erfcx(x), mul(x, out))),)


@primitive
class Erfi(Special):
    """``-i erf(i x)``; derivative ``2/sqrt(pi) exp(x**2)``."""

    numpy = special.erfi
    partials = (lambda out, x: mul(_TWO_BY_ROOT_PI, exp(square(x))),)


@primitive
class Erfinv(Special):
    """The inverse of erf (DLMF 7.17.1); derivative ``sqrt(pi)/2 exp(out**2)``, infinite at +-1."""

    numpy, singular, masks = special.erfinv, True, True
    partials = (lambda out, x: mul(1.0 / _TWO_BY_ROOT_PI, exp(square(out))),)


@primitive
class Erfcinv(Special):
    """The inverse of erfc; derivative ``-sqrt(pi)/2 exp(out**2)``, infinite at 0 and 2."""

    numpy, singular, masks = special.erfcinv, True, True
    partials = (lambda out, x: mul(-1.0 / _TWO_BY_ROOT_PI, exp(square(out))),)


@primitive
class Ndtr(Special):
    """The cumulative normal distribution; derivative its density."""

    numpy = special.ndtr
    partials = (lambda out, x: mul(1.0 / _ROOT_TWO_PI, exp(mul(-0.5, square(x)))),)


@primitive
class LogNdtr(Special):
    """The logarithm of ndtr; derivative density by ndtr, ``sqrt(2/pi) / erfcx(-x/sqrt(2))``.

    So written it neither underflows nor cancels, for any x; it grows as ``-x``.
    """

    numpy = special.log_ndtr
    partials = (lambda out, x: quiet_div(math.sqrt(2.0 / math.pi), erfcx(mul(-math.sqrt(0.5), x))),)


@primitive
class Ndtri(Special):
    """The inverse of ndtr; derivative one by the density there, infinite at 0 and 1."""

    numpy, singular, masks = special.ndtri, True, True
    partials = (lambda out, x: mul(_ROOT_TWO_PI, exp(mul(0.5, square(out)))),)


@primitive
class NdtriExp(Special):
    """``ndtri(exp(x))``; derivative ``exp(x)`` by the density there, infinite at 0."""

    numpy, singular, masks = special.ndtri_exp, True, True
    partials = (lambda out, x: mul(_ROOT_TWO_PI, exp(add(x, mul(0.5, square(out))))),)


@primitive
class Expit(Special):
    """``1 / (1 + exp(-x))``; derivative ``expit(x) expit(-x)``, precise in both tails."""

    numpy = special.expit
    partials = (lambda out, x: mul(out, expit(neg(x))),)


@primitive
class LogExpit(Special):
    """``log(expit(x))``; derivative ``expit(-x)``."""

    numpy = special.log_expit
    partials = (lambda out, x: expit(neg(x)),)


@primitive
class Logit(Special):
    """``log(x / (1 - x))``; derivative ``1 / (x (1 - x))``, infinite at 0 and 1."""

    numpy, singular, masks = special.logit, True, True
    partials = (Over(lambda out, x: mul(x, sub(1.0, x))),)


@primitive
class Xlogy(Special):
    """``x log(y)``, 0 where ``x == 0``; there the derivative by ``y`` is 0 for every ``y``."""

    numpy, singular, masks = special.xlogy, True, True
    partials = (
        lambda out, x, y: xlogy(1.0, y),
        lambda out, x, y: mask_mul(x, quiet_div(1.0, y)),
    )


@primitive
class Xlog1py(Special):
    """``x log(1 + y)``, 0 where ``x == 0``; there the derivative by ``y`` is 0 for every ``y``."""

    numpy, singular, masks = special.xlog1py, True, True
    partials = (
        lambda out, x, y: xlog1py(1.0, y),
        lambda out, x, y: mask_mul(x, quiet_div(1.0, add(y, 1.0))),
    )


@primitive
class Entr(Special):
    """``-x log(x)``, 0 at 0; derivative ``-log(x) - 1``, infinite at 0."""

    numpy, singular, masks = special.entr, True, True
    partials = (lambda out, x: sub(-1.0, xlogy(1.0, x)),)


def _log_ratio(x: Any, y: Any) -> Any:
    """``log(x / y)``, 0 where both are 0; no quotient that overflows."""
    return difference(xlogy(1.0, x), xlogy(1.0, y))


@primitive
class RelEntr(Special):
    """``x log(x / y)``, 0 where ``x == 0 <= y``; derivatives ``log(x / y) + 1`` and ``-x / y``."""

    numpy, singular, masks = special.rel_entr, True, True
    partials = (
        lambda out, x, y: add(_log_ratio(x, y), 1.0),
        lambda out, x, y: neg(mask_mul(x, quiet_div(1.0, y))),
    )


@primitive
class KlDiv(Special):
    """``x log(x / y) - x + y``; derivatives ``log(x / y)`` and ``1 - x / y``."""

    numpy, singular, masks = special.kl_div, True, True
    partials = (
        lambda out, x, y: _log_ratio(x, y),
        lambda out, x, y: sub(1.0, mask_mul(x, quiet_div(1.0, y))),
    )


@primitive
class Exp1(Special):
    """The exponential integral E1; derivative ``-exp(-x) / x`` (DLMF 6.2.1), infinite at 0."""

    numpy, singular, masks = special.exp1, True, True
    partials = (lambda out, x: neg(quiet_div(exp(neg(x)), x)),)


@primitive
class Expi(Special):
    """The exponential integral Ei; derivative ``exp(x) / x`` (DLMF 6.2.5), infinite at 0."""

    numpy, singular, masks = special.expi, True, True
    partials = (lambda out, x: quiet_div(exp(x), x),)


@primitive
class Gammasgn(Special, Discrete):
    """The sign of gamma."""

    numpy = special.gammasgn


erf, erfc, erfcx, erfi, erfinv, erfcinv = Erf(), Erfc(), Erfcx(), Erfi(), Erfinv(), Erfcinv()
ndtr, log_ndtr, ndtri, ndtri_exp = Ndtr(), LogNdtr(), Ndtri(), NdtriExp()
expit, log_expit, logit, erfcx_slope = Expit(), LogExpit(), Logit(), ErfcxSlope()
xlogy, xlog1py, entr, rel_entr, kl_div = Xlogy(), Xlog1py(), Entr(), RelEntr(), KlDiv()
exp1, expi, gammasgn = Exp1(), Expi(), Gammasgn()
