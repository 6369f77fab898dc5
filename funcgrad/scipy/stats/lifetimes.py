"""Distributions of extremes, lifetimes and ratios, as formulas on their support."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy import special

from .base import Continuous, log, where

__all__ = ["f", "gumbel_l", "gumbel_r", "halfnorm", "invgamma", "pareto", "rayleigh", "weibull_min"]

_LOG_TWO = math.log(2.0)


class Pareto(Continuous):
    """The Pareto distribution of exponent ``b``, from 1 on."""

    name, shapes, middle = "pareto", ("b",), 2.0
    low: ClassVar[float] = 1.0

    def _logpdf(self, y: Any, b: Any) -> Any:
        return np.log(b) - (b + 1.0) * np.log(y)

    def _cdf(self, y: Any, b: Any) -> Any:
        return -np.expm1(-b * np.log(y))

    def _sf(self, y: Any, b: Any) -> Any:
        return np.exp(-b * np.log(y))

    def _logsf(self, y: Any, b: Any) -> Any:
        return -b * np.log(y)

    def _ppf(self, q: Any, b: Any) -> Any:
        return np.exp(-np.log1p(-q) / b)

    def _isf(self, q: Any, b: Any) -> Any:
        return np.exp(-np.log(q) / b)


class RightGumbel(Continuous):
    """The Gumbel distribution of a maximum."""

    name = "gumbel_r"

    def _logpdf(self, y: Any) -> Any:
        return -y - np.exp(-y)

    def _cdf(self, y: Any) -> Any:
        return np.exp(-np.exp(-y))

    def _logcdf(self, y: Any) -> Any:
        return -np.exp(-y)

    def _sf(self, y: Any) -> Any:
        return -np.expm1(-np.exp(-y))

    def _ppf(self, q: Any) -> Any:
        return -np.log(-np.log(q))

    def _isf(self, q: Any) -> Any:
        return -np.log(-np.log1p(-q))


class LeftGumbel(Continuous):
    """The Gumbel distribution of a minimum."""

    name = "gumbel_l"

    def _logpdf(self, y: Any) -> Any:
        return y - np.exp(y)

    def _cdf(self, y: Any) -> Any:
        return -np.expm1(-np.exp(y))

    def _sf(self, y: Any) -> Any:
        return np.exp(-np.exp(y))

    def _logsf(self, y: Any) -> Any:
        return -np.exp(y)

    def _ppf(self, q: Any) -> Any:
        return np.log(-np.log1p(-q))

    def _isf(self, q: Any) -> Any:
        return np.log(-np.log(q))


class Weibull(Continuous):
    """The Weibull distribution of shape ``c``."""

    name, shapes, low = "weibull_min", ("c",), 0.0

    def _logpdf(self, y: Any, c: Any) -> Any:
        return np.log(c) + special.xlogy(c - 1.0, y) - y**c

    def _cdf(self, y: Any, c: Any) -> Any:
        return -np.expm1(-(y**c))

    def _sf(self, y: Any, c: Any) -> Any:
        return np.exp(-(y**c))

    def _logsf(self, y: Any, c: Any) -> Any:
        return -(y**c)

    def _ppf(self, q: Any, c: Any) -> Any:
        return (-np.log1p(-q)) ** (1.0 / c)

    def _isf(self, q: Any, c: Any) -> Any:
        return (-np.log(q)) ** (1.0 / c)


class HalfNormal(Continuous):
    """The absolute value of a standard normal variate."""

    name, low = "halfnorm", 0.0

    def _logpdf(self, y: Any) -> Any:
        return 0.5 * math.log(2.0 / math.pi) - 0.5 * y * y

    def _cdf(self, y: Any) -> Any:
        return special.erf(y / math.sqrt(2.0))

    def _sf(self, y: Any) -> Any:
        return 2.0 * special.ndtr(-y)

    def _logsf(self, y: Any) -> Any:
        return _LOG_TWO + special.log_ndtr(-y)

    def _ppf(self, q: Any) -> Any:
        return math.sqrt(2.0) * special.erfinv(q)

    def _isf(self, q: Any) -> Any:
        return -special.ndtri(0.5 * q)


class Rayleigh(Continuous):
    """The length of a vector of two standard normal variates."""

    name, low = "rayleigh", 0.0

    def _logpdf(self, y: Any) -> Any:
        return log(y) - 0.5 * y * y

    def _cdf(self, y: Any) -> Any:
        return -np.expm1(-0.5 * y * y)

    def _sf(self, y: Any) -> Any:
        return np.exp(-0.5 * y * y)

    def _logsf(self, y: Any) -> Any:
        return -0.5 * y * y

    def _ppf(self, q: Any) -> Any:
        return np.sqrt(-2.0 * np.log1p(-q))

    def _isf(self, q: Any) -> Any:
        return np.sqrt(-2.0 * np.log(q))


class InverseGamma(Continuous):
    """One over a gamma variate of shape ``a``."""

    name, shapes, low, includes_low = "invgamma", ("a",), 0.0, False

    def _logpdf(self, y: Any, a: Any) -> Any:
        return -(a + 1.0) * np.log(y) - special.gammaln(a) - 1.0 / y

    def _cdf(self, y: Any, a: Any) -> Any:
        return special.gammaincc(a, 1.0 / y)

    def _sf(self, y: Any, a: Any) -> Any:
        return special.gammainc(a, 1.0 / y)

    def _ppf(self, q: Any, a: Any) -> Any:
        return 1.0 / special.gammainccinv(a, q)

    def _isf(self, q: Any, a: Any) -> Any:
        return 1.0 / special.gammaincinv(a, q)


class FRatio(Continuous):
    """The ratio of two chi-squared variates, each over its degrees of freedom."""

    name, shapes, low = "f", ("dfn", "dfd"), 0.0

    def _logpdf(self, y: Any, dfn: Any, dfd: Any) -> Any:
        n, m = 0.5 * dfn, 0.5 * dfd
        ratio = dfn / dfd
        powers = n * np.log(ratio) + special.xlogy(n - 1.0, y)
        return powers - (n + m) * np.log1p(ratio * y) - special.betaln(n, m)

    def _cdf(self, y: Any, dfn: Any, dfd: Any) -> Any:
        n, m, far, x = self._of_beta(y, dfn, dfd)
        return where(far, special.betaincc(m, n, x), special.betainc(n, m, x))

    def _sf(self, y: Any, dfn: Any, dfd: Any) -> Any:
        n, m, far, x = self._of_beta(y, dfn, dfd)
        return where(far, special.betainc(m, n, x), special.betaincc(n, m, x))

    def _of_beta(self, y: Any, dfn: Any, dfd: Any) -> tuple[Any, Any, Any, Any]:
        """Half the degrees of freedom, and the beta variate or, if it is less, what it lacks to 1.

        So that neither is the difference of numbers close to each other.
        """
        part = dfn * y
        far = part > dfd
        return 0.5 * dfn, 0.5 * dfd, far, where(far, dfd, part) / (part + dfd)

    def _ppf(self, q: Any, dfn: Any, dfd: Any) -> Any:
        x = special.betaincinv(0.5 * dfn, 0.5 * dfd, q)
        return dfd * x / (dfn * (1.0 - x))

    def _isf(self, q: Any, dfn: Any, dfd: Any) -> Any:
        x = special.betaincinv(0.5 * dfd, 0.5 * dfn, q)
        return dfd * (1.0 - x) / (dfn * x)


pareto, weibull_min, rayleigh = Pareto(), Weibull(), Rayleigh()
gumbel_r, gumbel_l, halfnorm = RightGumbel(), LeftGumbel(), HalfNormal()
invgamma, f = InverseGamma(), FRatio()
