"""Floor 3: SciPy's gamma function and its family: beta, incomplete integrals, their inverses.

Derivatives are closed forms (DLMF: https://dlmf.nist.gov); those of an incomplete integral in its
parameters have none and raise.
"""

from __future__ import annotations

from typing import Any

from scipy import special

from ..core.primitive import primitive
from .arithmetic import square, sub
from .exponential import exp
from .kinds import add, div, mul, neg
from .special import Special, no_derivative, xlog1py, xlogy

__all__ = [
    "beta",
    "betainc",
    "betaincc",
    "betaincinv",
    "betaln",
    "binom",
    "digamma",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "loggamma",
    "poch",
    "stdtr",
    "stdtrit",
    "zeta",
]


@primitive
class Gamma(Special):
    """The gamma function; derivative ``gamma(x) digamma(x)`` (DLMF 5.2.2); poles at 0, -1, ..."""

    numpy, singular, masks = special.gamma, True, True
    partials = (lambda out, x: mul(out, digamma(x)),)


@primitive
class Gammaln(Special):
    """``log(|gamma(x)|)``; derivative the digamma function (DLMF 5.2.2)."""

    numpy, singular, masks = special.gammaln, True, True
    partials = (lambda out, x: digamma(x),)


@primitive
class Loggamma(Special):
    """The principal branch of the logarithm of gamma; derivative the digamma function."""

    numpy, singular, masks = special.loggamma, True, True
    partials = (lambda out, x: digamma(x),)


@primitive
class Digamma(Special):
    """``gamma'(x) / gamma(x)``; derivative ``zeta(2, x)`` (DLMF 5.15.1)."""

    numpy, singular, masks = special.psi, True, True
    partials = (lambda out, x: zeta(2.0, x),)


@primitive
class Zeta(Special):
    """Hurwitz's ``sum (k + q)**-s``; derivative in ``q`` ``-s zeta(s + 1, q)`` (DLMF 25.11.17)."""

    singular, masks = True, True
    run = staticmethod(special.zeta)
    partials = (
        no_derivative("zeta", "x"),
        lambda out, s, q: neg(mul(s, zeta(add(s, 1.0), q))),
    )

    @property
    def ufunc(self) -> Any:
        return special._ufuncs._zeta  # type: ignore[attr-defined]

    def source(self, *operands: str) -> str:
        return f"special.zeta({', '.join(operands)})"


def _excess(x: Any, y: Any) -> Any:
    """``digamma(x) - digamma(y)``."""
    return sub(digamma(x), digamma(y))


@primitive
class Beta(Special):
    """The beta function ``gamma(a) gamma(b) / gamma(a + b)`` (DLMF 5.12.1)."""

    numpy, singular, masks = special.beta, True, True
    partials = (
        lambda out, a, b: mul(out, _excess(a, add(a, b))),
        lambda out, a, b: mul(out, _excess(b, add(a, b))),
    )


@primitive
class Betaln(Special):
    """``log(|beta(a, b)|)``."""

    numpy, singular, masks = special.betaln, True, True
    partials = (
        lambda out, a, b: _excess(a, add(a, b)),
        lambda out, a, b: _excess(b, add(a, b)),
    )


@primitive
class Binom(Special):
    """The binomial coefficient ``gamma(n + 1) / (gamma(k + 1) gamma(n - k + 1))``."""

    numpy, singular, masks = special.binom, True, True
    partials = (
        lambda out, n, k: mul(out, _excess(add(n, 1.0), add(sub(n, k), 1.0))),
        lambda out, n, k: mul(out, _excess(add(sub(n, k), 1.0), add(k, 1.0))),
    )


@primitive
class Poch(Special):
    """Pochhammer's symbol ``gamma(z + m) / gamma(z)`` (DLMF 5.2.5)."""

    numpy, singular, masks = special.poch, True, True
    partials = (
        lambda out, z, m: mul(out, _excess(add(z, m), z)),
        lambda out, z, m: mul(out, digamma(add(z, m))),
    )


def _gamma_log_density(a: Any, x: Any) -> Any:
    """The logarithm of ``x**(a-1) exp(-x) / gamma(a)``."""
    return sub(sub(xlogy(sub(a, 1.0), x), x), gammaln(a))


@primitive
class Gammainc(Special):
    """The lower incomplete gamma integral, normalised (DLMF 8.2.4); derivative its integrand."""

    numpy, singular, masks = special.gammainc, True, True
    partials = (
        no_derivative("gammainc", "a"),
        lambda out, a, x: exp(_gamma_log_density(a, x)),
    )


@primitive
class Gammaincc(Special):
    """The upper incomplete gamma integral, normalised (DLMF 8.2.4)."""

    numpy, singular, masks = special.gammaincc, True, True
    partials = (
        no_derivative("gammaincc", "a"),
        lambda out, a, x: neg(exp(_gamma_log_density(a, x))),
    )


@primitive
class Gammaincinv(Special):
    """The inverse of gammainc in its second argument."""

    numpy, singular, masks = special.gammaincinv, True, True
    partials = (
        no_derivative("gammaincinv", "a"),
        lambda out, a, y: exp(neg(_gamma_log_density(a, out))),
    )


@primitive
class Gammainccinv(Special):
    """The inverse of gammaincc in its second argument."""

    numpy, singular, masks = special.gammainccinv, True, True
    partials = (
        no_derivative("gammainccinv", "a"),
        lambda out, a, y: neg(exp(neg(_gamma_log_density(a, out)))),
    )


def _beta_log_density(a: Any, b: Any, x: Any) -> Any:
    """The logarithm of ``x**(a-1) (1-x)**(b-1) / beta(a, b)``."""
    powers = add(xlogy(sub(a, 1.0), x), xlog1py(sub(b, 1.0), neg(x)))
    return sub(powers, betaln(a, b))


@primitive
class Betainc(Special):
    """The incomplete beta integral, normalised (DLMF 8.17.2); derivative its integrand."""

    numpy, singular, masks = special.betainc, True, True
    partials = (
        no_derivative("betainc", "a"),
        no_derivative("betainc", "b"),
        lambda out, a, b, x: exp(_beta_log_density(a, b, x)),
    )


@primitive
class Betaincc(Special):
    """``1 - betainc(a, b, x)``."""

    numpy, singular, masks = special.betaincc, True, True
    partials = (
        no_derivative("betaincc", "a"),
        no_derivative("betaincc", "b"),
        lambda out, a, b, x: neg(exp(_beta_log_density(a, b, x))),
    )


@primitive
class Betaincinv(Special):
    """The inverse of betainc in its third argument."""

    numpy, singular, masks = special.betaincinv, True, True
    partials = (
        no_derivative("betaincinv", "a"),
        no_derivative("betaincinv", "b"),
        lambda out, a, b, y: exp(neg(_beta_log_density(a, b, out))),
    )


def _student_log_density(df: Any, t: Any) -> Any:
    """The logarithm of ``(1 + t**2/df)**(-(df+1)/2) / (sqrt(df) beta(df/2, 1/2))``."""
    half = mul(0.5, df)
    tail = xlog1py(add(half, 0.5), div(square(t), df))
    return neg(add(tail, add(betaln(half, 0.5), mul(0.5, xlogy(1.0, df)))))


@primitive
class Stdtr(Special):
    """The cumulative distribution of Student's t; derivative its density."""

    numpy, singular, masks = special.stdtr, True, True
    partials = (
        no_derivative("stdtr", "df"),
        lambda out, df, t: exp(_student_log_density(df, t)),
    )


@primitive
class Stdtrit(Special):
    """The inverse of stdtr in its second argument."""

    numpy, singular, masks = special.stdtrit, True, True
    partials = (
        no_derivative("stdtrit", "df"),
        lambda out, df, p: exp(neg(_student_log_density(df, out))),
    )


gamma, gammaln, loggamma, digamma, zeta = Gamma(), Gammaln(), Loggamma(), Digamma(), Zeta()
beta, betaln, binom, poch = Beta(), Betaln(), Binom(), Poch()
gammainc, gammaincc = Gammainc(), Gammaincc()
gammaincinv, gammainccinv = Gammaincinv(), Gammainccinv()
betainc, betaincc, betaincinv = Betainc(), Betaincc(), Betaincinv()
stdtr, stdtrit = Stdtr(), Stdtrit()
