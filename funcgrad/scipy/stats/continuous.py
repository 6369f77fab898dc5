"""Continuous distributions, as formulas for the standard distribution on its support."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from scipy import special

from .base import Continuous, log, where

__all__ = [
    "beta",
    "cauchy",
    "chi2",
    "expon",
    "gamma",
    "laplace",
    "logistic",
    "lognorm",
    "norm",
    "t",
    "uniform",
]

_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_LOG_TWO = math.log(2.0)


class Normal(Continuous):
    """The normal distribution.

    >>> norm.cdf(1.0, loc=1.0, scale=2.0)
    np.float64(0.5)
    """

    name = "norm"

    def _logpdf(self, y: Any) -> Any:
        return -0.5 * y * y - _LOG_ROOT_TWO_PI

    def _cdf(self, y: Any) -> Any:
        return special.ndtr(y)

    def _logcdf(self, y: Any) -> Any:
        return special.log_ndtr(y)

    def _sf(self, y: Any) -> Any:
        return special.ndtr(-y)

    def _logsf(self, y: Any) -> Any:
        return special.log_ndtr(-y)

    def _ppf(self, q: Any) -> Any:
        return special.ndtri(q)

    def _isf(self, q: Any) -> Any:
        return -special.ndtri(q)


class LogNormal(Continuous):
    """The distribution of ``exp(s z)`` for a standard normal ``z``."""

    name, shapes, low, includes_low = "lognorm", ("s",), 0.0, False

    def _logpdf(self, y: Any, s: Any) -> Any:
        z = np.log(y)
        return -0.5 * (z / s) ** 2 - z - np.log(s) - _LOG_ROOT_TWO_PI

    def _cdf(self, y: Any, s: Any) -> Any:
        return special.ndtr(np.log(y) / s)

    def _logcdf(self, y: Any, s: Any) -> Any:
        return special.log_ndtr(np.log(y) / s)

    def _sf(self, y: Any, s: Any) -> Any:
        return special.ndtr(-np.log(y) / s)

    def _logsf(self, y: Any, s: Any) -> Any:
        return special.log_ndtr(-np.log(y) / s)

    def _ppf(self, q: Any, s: Any) -> Any:
        return np.exp(s * special.ndtri(q))

    def _isf(self, q: Any, s: Any) -> Any:
        return np.exp(-s * special.ndtri(q))


class StudentT(Continuous):
    """Student's t distribution with ``df`` degrees of freedom."""

    name, shapes = "t", ("df",)

    def _logpdf(self, y: Any, df: Any) -> Any:
        tail = 0.5 * (df + 1) * np.log1p(y * y / df)
        return -tail - special.betaln(0.5 * df, 0.5) - 0.5 * np.log(df)

    def _cdf(self, y: Any, df: Any) -> Any:
        return special.stdtr(df, y)

    def _sf(self, y: Any, df: Any) -> Any:
        return special.stdtr(df, -y)

    def _ppf(self, q: Any, df: Any) -> Any:
        return special.stdtrit(df, q)

    def _isf(self, q: Any, df: Any) -> Any:
        return -special.stdtrit(df, q)


class Cauchy(Continuous):
    """The Cauchy distribution, Student's t with one degree of freedom."""

    name = "cauchy"

    def _logpdf(self, y: Any) -> Any:
        return -np.log1p(y * y) - math.log(math.pi)

    def _cdf(self, y: Any) -> Any:
        return np.arctan2(1.0, -y) / np.pi

    def _sf(self, y: Any) -> Any:
        return np.arctan2(1.0, y) / np.pi

    def _ppf(self, q: Any) -> Any:
        return -self._isf(q)

    def _isf(self, q: Any) -> Any:
        # The cotangent of pi q, written so that it is precise at both ends and 0 in the middle.
        return where(
            q < 0.25,
            1.0 / np.tan(np.pi * where(q < 0.25, q, 0.25)),
            np.tan(np.pi * (0.5 - where(q < 0.25, 0.25, q))),
        )


class Laplace(Continuous):
    """The Laplace distribution; the derivative of its density at the kink in 0 is 0."""

    name = "laplace"

    def _logpdf(self, y: Any) -> Any:
        return -np.abs(y) - _LOG_TWO

    def _cdf(self, y: Any) -> Any:
        below = 0.5 * np.exp(where(y > 0, 0.0, y))
        return where(y > 0, 1.0 - 0.5 * np.exp(-where(y > 0, y, 0.0)), below)

    def _logcdf(self, y: Any) -> Any:
        above = np.log1p(-0.5 * np.exp(-where(y > 0, y, 0.0)))
        return where(y > 0, above, y - _LOG_TWO)

    def _sf(self, y: Any) -> Any:
        return self._cdf(-y)

    def _logsf(self, y: Any) -> Any:
        return self._logcdf(-y)

    def _ppf(self, q: Any) -> Any:
        return where(q > 0.5, -log(2.0 * (1.0 - q)), log(2.0 * q))

    def _isf(self, q: Any) -> Any:
        return -self._ppf(q)


class Logistic(Continuous):
    """The logistic distribution."""

    name = "logistic"

    def _logpdf(self, y: Any) -> Any:
        return special.log_expit(y) + special.log_expit(-y)

    def _cdf(self, y: Any) -> Any:
        return special.expit(y)

    def _logcdf(self, y: Any) -> Any:
        return special.log_expit(y)

    def _sf(self, y: Any) -> Any:
        return special.expit(-y)

    def _logsf(self, y: Any) -> Any:
        return special.log_expit(-y)

    def _ppf(self, q: Any) -> Any:
        return special.logit(q)

    def _isf(self, q: Any) -> Any:
        return -special.logit(q)


class Gamma(Continuous):
    """The gamma distribution of shape ``a``."""

    name, shapes, low = "gamma", ("a",), 0.0

    def _logpdf(self, y: Any, a: Any) -> Any:
        return special.xlogy(a - 1.0, y) - y - special.gammaln(a)

    def _cdf(self, y: Any, a: Any) -> Any:
        return special.gammainc(a, y)

    def _sf(self, y: Any, a: Any) -> Any:
        return special.gammaincc(a, y)

    def _ppf(self, q: Any, a: Any) -> Any:
        return special.gammaincinv(a, q)

    def _isf(self, q: Any, a: Any) -> Any:
        return special.gammainccinv(a, q)


class ChiSquared(Continuous):
    """The distribution of a sum of ``df`` squared standard normals: gamma, shape ``df / 2``."""

    name, shapes, low = "chi2", ("df",), 0.0

    def _logpdf(self, y: Any, df: Any) -> Any:
        half = 0.5 * df
        return special.xlogy(half - 1.0, y) - 0.5 * y - special.gammaln(half) - half * _LOG_TWO

    def _cdf(self, y: Any, df: Any) -> Any:
        return special.gammainc(0.5 * df, 0.5 * y)

    def _sf(self, y: Any, df: Any) -> Any:
        return special.gammaincc(0.5 * df, 0.5 * y)

    def _ppf(self, q: Any, df: Any) -> Any:
        return 2.0 * special.gammaincinv(0.5 * df, q)

    def _isf(self, q: Any, df: Any) -> Any:
        return 2.0 * special.gammainccinv(0.5 * df, q)


class Exponential(Continuous):
    """The exponential distribution."""

    name, low = "expon", 0.0

    def _logpdf(self, y: Any) -> Any:
        return -y

    def _cdf(self, y: Any) -> Any:
        return -np.expm1(-y)

    def _logcdf(self, y: Any) -> Any:
        far = y > _LOG_TWO
        near = log(-np.expm1(-where(far, 1.0, y)))
        return where(far, np.log1p(-np.exp(-where(far, y, 1.0))), near)

    def _sf(self, y: Any) -> Any:
        return np.exp(-y)

    def _logsf(self, y: Any) -> Any:
        return -y

    def _ppf(self, q: Any) -> Any:
        return -np.log1p(-q)

    def _isf(self, q: Any) -> Any:
        return -log(q)


class Uniform(Continuous):
    """The uniform distribution from ``loc`` to ``loc + scale``."""

    name, low, middle = "uniform", 0.0, 0.5
    high: ClassVar[float] = 1.0

    def _logpdf(self, y: Any) -> Any:
        return 0.0 * y

    def _cdf(self, y: Any) -> Any:
        return y

    def _sf(self, y: Any) -> Any:
        return 1.0 - y

    def _ppf(self, q: Any) -> Any:
        return q

    def _isf(self, q: Any) -> Any:
        return 1.0 - q


class Beta(Continuous):
    """The beta distribution."""

    name, shapes, low, middle = "beta", ("a", "b"), 0.0, 0.5
    high: ClassVar[float] = 1.0

    def _logpdf(self, y: Any, a: Any, b: Any) -> Any:
        powers = special.xlog1py(b - 1.0, -y) + special.xlogy(a - 1.0, y)
        return powers - special.betaln(a, b)

    def _cdf(self, y: Any, a: Any, b: Any) -> Any:
        return special.betainc(a, b, y)

    def _sf(self, y: Any, a: Any, b: Any) -> Any:
        return special.betaincc(a, b, y)

    def _ppf(self, q: Any, a: Any, b: Any) -> Any:
        return special.betaincinv(a, b, q)

    def _isf(self, q: Any, a: Any, b: Any) -> Any:
        return 1.0 - special.betaincinv(b, a, q)


norm, lognorm, t, cauchy = Normal(), LogNormal(), StudentT(), Cauchy()
laplace, logistic = Laplace(), Logistic()
gamma, chi2, expon = Gamma(), ChiSquared(), Exponential()
uniform, beta = Uniform(), Beta()
