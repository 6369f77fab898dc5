"""SciPy's gamma function and its family: beta, incomplete integrals, their inverses.

Derivatives are closed forms (DLMF: https://dlmf.nist.gov), but for those of an incomplete integral
in its parameters, which are integrals over a tail (`GammaSlope`, `BetaSlope`), and that of zeta in
its first argument, which raises.
"""

from __future__ import annotations

import math
from typing import Any

from scipy import special

from ...core.primitive import primitive
from ..arithmetic import sub
from ..discrete import isinf
from ..exponential import exp
from ..kernels import random as kernels
from ..kernels import tail as tail_kernels
from ..kinds import Elementwise, add, mask_mul, mul, neg, quiet_div
from ..linear import make
from ..random import Polygamma, gamma_slope
from ..select import select
from .base import Special, no_derivative, xlog1py, xlogy

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


@primitive
class DigammaStep(Elementwise):
    """``digamma(x + b) - digamma(x)``, also where the two are large and near to each other."""

    numpy, singular, masks = tail_kernels.digamma_step, True, True
    partials = (
        lambda out, x, b: sub(zeta(2.0, add(x, b)), zeta(2.0, x)),
        lambda out, x, b: zeta(2.0, add(x, b)),
    )


digamma_step = DigammaStep()


def _excess(x: Any, y: Any) -> Any:
    """``digamma(x) - digamma(y)``."""
    return sub(digamma(x), digamma(y))


@primitive
class Beta(Special):
    """The beta function ``gamma(a) gamma(b) / gamma(a + b)`` (DLMF 5.12.1)."""

    numpy, singular, masks = special.beta, True, True
    partials = (
        lambda out, a, b: neg(mul(out, digamma_step(a, b))),
        lambda out, a, b: neg(mul(out, digamma_step(b, a))),
    )


@primitive
class Betaln(Special):
    """``log(|beta(a, b)|)``."""

    numpy, singular, masks = special.betaln, True, True
    partials = (
        lambda out, a, b: neg(digamma_step(a, b)),
        lambda out, a, b: neg(digamma_step(b, a)),
    )


@primitive
class Binom(Special):
    """The binomial coefficient ``gamma(n + 1) / (gamma(k + 1) gamma(n - k + 1))``."""

    numpy, singular, masks = special.binom, True, True
    partials = (
        lambda out, n, k: mul(out, digamma_step(add(sub(n, k), 1.0), k)),
        lambda out, n, k: mul(out, _excess(add(sub(n, k), 1.0), add(k, 1.0))),
    )


@primitive
class Poch(Special):
    """Pochhammer's symbol ``gamma(z + m) / gamma(z)`` (DLMF 5.2.5)."""

    numpy, singular, masks = special.poch, True, True
    partials = (
        lambda out, z, m: mul(out, digamma_step(z, m)),
        lambda out, z, m: mul(out, digamma(add(z, m))),
    )


def _gamma_log_density(a: Any, x: Any) -> Any:
    """The logarithm of ``x**(a-1) exp(-x) / gamma(a)``."""
    return sub(sub(xlogy(sub(a, 1.0), x), x), gammaln(a))


def _log(x: Any) -> Any:
    """The logarithm, -inf at 0 without a warning."""
    return xlogy(1.0, x)


def _gamma_by_shape(a: Any, x: Any) -> Any:
    """The derivative of gammainc by ``a``, 0 at 0 and at infinity."""
    x = select(isinf(x), 0.0, x)
    log_x = _log(x)
    density = exp(sub(sub(xlogy(a, x), x), gammaln(a)))
    return mask_mul(density, gamma_slope(1)(a, log_x))


@primitive
class Gammainc(Special):
    """The lower incomplete gamma integral, normalised (DLMF 8.2.4); derivative its integrand."""

    numpy, singular, masks = special.gammainc, True, True
    partials = (
        lambda out, a, x: _gamma_by_shape(a, x),
        lambda out, a, x: exp(_gamma_log_density(a, x)),
    )


@primitive
class Gammaincc(Special):
    """The upper incomplete gamma integral, normalised (DLMF 8.2.4)."""

    numpy, singular, masks = special.gammaincc, True, True
    partials = (
        lambda out, a, x: neg(_gamma_by_shape(a, x)),
        lambda out, a, x: neg(exp(_gamma_log_density(a, x))),
    )


def _gamma_quantile_by_shape(a: Any, x: Any) -> Any:
    """How a quantile ``x`` moves with the shape: ``-(dP/da) / p``."""
    return neg(mask_mul(x, gamma_slope(1)(a, _log(x))))


@primitive
class Gammaincinv(Special):
    """The inverse of gammainc in its second argument."""

    numpy, singular, masks = special.gammaincinv, True, True
    partials = (
        lambda out, a, y: _gamma_quantile_by_shape(a, out),
        lambda out, a, y: exp(neg(_gamma_log_density(a, out))),
    )


@primitive
class Gammainccinv(Special):
    """The inverse of gammaincc in its second argument."""

    numpy, singular, masks = special.gammainccinv, True, True
    partials = (
        lambda out, a, y: _gamma_quantile_by_shape(a, out),
        lambda out, a, y: neg(exp(neg(_gamma_log_density(a, out)))),
    )


def _beta_log_density(a: Any, b: Any, x: Any) -> Any:
    """The logarithm of ``x**(a-1) (1-x)**(b-1) / beta(a, b)``."""
    powers = add(xlogy(sub(a, 1.0), x), xlog1py(sub(b, 1.0), neg(x)))
    return sub(powers, betaln(a, b))


def _joint(a: Any, b: Any, k: int) -> Any:
    return make(Polygamma, k)(add(a, b))


def _beta_cumulants(a: Any, b: Any, x: Any, i: int, j: int) -> dict[tuple[int, int], Any]:
    """The derivatives of the logarithm of the density up to ``i`` by ``a`` and ``j`` by ``b``."""
    found: dict[tuple[int, int], Any] = {}
    for k in range(i + 1):
        for m in range(j + 1):
            if k + m:
                total = _joint(a, b, k + m - 1)
                if not m:
                    total = sub(total, make(Polygamma, k - 1)(a))
                if not k:
                    total = sub(total, make(Polygamma, m - 1)(b))
                found[k, m] = total
    if i:
        found[1, 0] = add(_log(x), found[1, 0])
    if j:
        found[0, 1] = add(xlog1py(1.0, neg(x)), found[0, 1])
    return found


def _beta_moment(kappa: dict[tuple[int, int], Any], i: int, j: int) -> Any:
    """`kernels.mixed_moments` on tracers."""
    if not i and not j:
        return 1.0
    u, w = (i - 1, j) if i else (i, j - 1)
    total = None
    for k in range(u + 1):
        for m in range(w + 1):
            step = kappa[k + 1, m] if i else kappa[k, m + 1]
            ways = float(math.comb(u, k) * math.comb(w, m))
            part = mul(step, mul(ways, _beta_moment(kappa, u - k, w - m)))
            total = part if total is None else add(total, part)
    return total


@primitive
class BetaSlope(Elementwise):
    """``S = d^(i+j) betainc / da^i db^j / (x (1 - x) p)`` with the density ``p``.

    ``dS/da`` is that of the next order less ``S dlog(p)/da``, likewise for ``b``; and
    ``dS/dx = p^(i,j) / p / (x (1 - x)) - S (a / x - b / (1 - x))``.
    """

    i: int
    j: int
    numpy = kernels.beta_slope
    singular, masks = True, True

    @property
    def partials(self) -> Any:  # type: ignore[override]
        return (self._by_a, self._by_b, self._by_x)

    def _by_a(self, out: Any, a: Any, b: Any, x: Any) -> Any:
        first = _beta_cumulants(a, b, x, 1, 0)[1, 0]
        return sub(BetaSlope(self.i + 1, self.j)(a, b, x), mul(first, out))

    def _by_b(self, out: Any, a: Any, b: Any, x: Any) -> Any:
        first = _beta_cumulants(a, b, x, 0, 1)[0, 1]
        return sub(BetaSlope(self.i, self.j + 1)(a, b, x), mul(first, out))

    def _by_x(self, out: Any, a: Any, b: Any, x: Any) -> Any:
        i, j = self.i, self.j
        relative = _beta_moment(_beta_cumulants(a, b, x, i, j), i, j)
        rest = sub(1.0, x)
        growth = sub(quiet_div(a, x), quiet_div(b, rest))
        return sub(quiet_div(relative, mul(x, rest)), mul(out, growth))


def _beta_by_shape(a: Any, b: Any, x: Any, i: int, j: int) -> Any:
    """The derivative of betainc by ``a`` or by ``b``, 0 at both ends."""
    logs = add(_log(x), xlog1py(1.0, neg(x)))
    return mask_mul(exp(add(_beta_log_density(a, b, x), logs)), BetaSlope(i, j)(a, b, x))


@primitive
class Betainc(Special):
    """The incomplete beta integral, normalised (DLMF 8.17.2); derivative its integrand."""

    numpy, singular, masks = special.betainc, True, True
    partials = (
        lambda out, a, b, x: _beta_by_shape(a, b, x, 1, 0),
        lambda out, a, b, x: _beta_by_shape(a, b, x, 0, 1),
        lambda out, a, b, x: exp(_beta_log_density(a, b, x)),
    )


@primitive
class Betaincc(Special):
    """``1 - betainc(a, b, x)``."""

    numpy, singular, masks = special.betaincc, True, True
    partials = (
        lambda out, a, b, x: neg(_beta_by_shape(a, b, x, 1, 0)),
        lambda out, a, b, x: neg(_beta_by_shape(a, b, x, 0, 1)),
        lambda out, a, b, x: neg(exp(_beta_log_density(a, b, x))),
    )


def _beta_quantile_by_shape(a: Any, b: Any, x: Any, i: int, j: int) -> Any:
    """How a quantile ``x`` moves with a shape."""
    return neg(mask_mul(mul(x, sub(1.0, x)), BetaSlope(i, j)(a, b, x)))


@primitive
class Betaincinv(Special):
    """The inverse of betainc in its third argument."""

    numpy, singular, masks = special.betaincinv, True, True
    partials = (
        lambda out, a, b, y: _beta_quantile_by_shape(a, b, out, 1, 0),
        lambda out, a, b, y: _beta_quantile_by_shape(a, b, out, 0, 1),
        lambda out, a, b, y: exp(neg(_beta_log_density(a, b, out))),
    )


gamma, gammaln, loggamma, digamma, zeta = Gamma(), Gammaln(), Loggamma(), Digamma(), Zeta()
beta, betaln, binom, poch = Beta(), Betaln(), Binom(), Poch()
gammainc, gammaincc = Gammainc(), Gammaincc()
gammaincinv, gammainccinv = Gammaincinv(), Gammainccinv()
betainc, betaincc, betaincinv = Betainc(), Betaincc(), Betaincinv()
