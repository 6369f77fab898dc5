"""Discrete distributions, differentiable in their parameters.

Probabilities up to a number are constant between integers and have no derivative in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy import special

from .base import Distribution, Floating, Formula, is_known, log, real, where

__all__ = ["bernoulli", "binom", "geom", "nbinom", "poisson"]


class Discrete(Distribution):
    """A distribution on integers, with a location.

    A subclass states formulas for ``loc=0`` at integers of the support.

    Attributes:
        low: The lowest integer of the support.
    """

    others: ClassVar[Mapping[str, Any]] = {"loc": 0}
    low: ClassVar[int] = 0

    def high(self, *shapes: Any) -> Any:
        """The highest integer of the support."""
        return math.inf

    def _logpmf(self, k: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _cdf(self, k: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _sf(self, k: Any, *shapes: Any) -> Any:
        raise NotImplementedError

    def _logsf(self, k: Any, *shapes: Any) -> Any:
        return log(self._sf(k, *shapes))

    def _pmf(self, k: Any, *shapes: Any) -> Any:
        return np.exp(self._logpmf(k, *shapes))

    def _logcdf(self, k: Any, *shapes: Any) -> Any:
        return log(self._cdf(k, *shapes))

    def pmf(self, k: Floating, *args: Any, **kwds: Any) -> Any:
        """The probability of ``k``.

        Args:
            k: Numbers, any shape.
            *args: The shape parameters, then ``loc=0``; all broadcast.
            **kwds: The same by name.

        Returns:
            Of the broadcast shape; 0 outside of the support and between integers, nan for invalid
            parameters.
        """
        return self._at("pmf", self._pmf, 0.0, k, args, kwds)

    def logpmf(self, k: Floating, *args: Any, **kwds: Any) -> Any:
        """The logarithm of `pmf`, computed without it."""
        return self._at("logpmf", self._logpmf, -np.inf, k, args, kwds)

    def cdf(self, k: Floating, *args: Any, **kwds: Any) -> Any:
        """The probability of values up to ``k``: see `pmf`."""
        return self._up_to("cdf", self._cdf, 0.0, 1.0, k, args, kwds)

    def logcdf(self, k: Floating, *args: Any, **kwds: Any) -> Any:
        """The logarithm of `cdf`."""
        return self._up_to("logcdf", self._logcdf, -np.inf, 0.0, k, args, kwds)

    def sf(self, k: Floating, *args: Any, **kwds: Any) -> Any:
        """The probability of values beyond ``k``, which does not cancel as ``1 - cdf`` does."""
        return self._up_to("sf", self._sf, 1.0, 0.0, k, args, kwds)

    def logsf(self, k: Floating, *args: Any, **kwds: Any) -> Any:
        """The logarithm of `sf`."""
        return self._up_to("logsf", self._logsf, 0.0, -np.inf, k, args, kwds)

    def _at(
        self,
        method: str,
        formula: Formula,
        outside: float,
        k: Any,
        args: Sequence[Any],
        kwds: Mapping[str, Any],
    ) -> Any:
        shapes, loc = self._locate(method, args, kwds)
        k = real(k) - loc
        inside = (k >= self.low) & (k <= self.high(*shapes)) & (k == np.floor(k)) & np.isfinite(k)
        value = formula(where(inside, k, self.low), *shapes)
        missed = where(np.isnan(k), np.nan, outside)
        return where(inside, value, missed)

    def _up_to(
        self,
        method: str,
        formula: Formula,
        below: float,
        above: float,
        k: Any,
        args: Sequence[Any],
        kwds: Mapping[str, Any],
    ) -> Any:
        shapes, loc = self._locate(method, args, kwds)
        k = np.floor(real(k) - loc)
        lower, upper = k < self.low, k >= self.high(*shapes)
        value = formula(where(lower | upper, self.low, k), *shapes)
        return where(lower, below, where(upper, above, value))

    def _locate(
        self, method: str, args: Sequence[Any], kwds: Mapping[str, Any]
    ) -> tuple[list[Any], Any]:
        """Shapes and location, all nan where a shape is invalid."""
        *shapes, loc = self.parameters(method, args, kwds)
        valid = self.valid(*shapes)
        if not is_known(valid):
            *shapes, loc = [where(valid, value, np.nan) for value in (*shapes, loc)]
        return shapes, loc


class Poisson(Discrete):
    """The Poisson distribution of mean ``mu``."""

    name, shapes = "poisson", ("mu",)

    def valid(self, *shapes: Any) -> Any:
        return shapes[0] >= 0

    def _logpmf(self, k: Any, mu: Any) -> Any:
        return special.xlogy(k, mu) - special.gammaln(k + 1.0) - mu

    def _cdf(self, k: Any, mu: Any) -> Any:
        return special.gammaincc(k + 1.0, mu)

    def _sf(self, k: Any, mu: Any) -> Any:
        return special.gammainc(k + 1.0, mu)


def _is_probability(p: Any) -> Any:
    return (p >= 0) & (p <= 1)


class Bernoulli(Discrete):
    """1 with probability ``p``, else 0."""

    name, shapes = "bernoulli", ("p",)

    def high(self, *shapes: Any) -> Any:
        return 1

    def valid(self, *shapes: Any) -> Any:
        return _is_probability(shapes[0])

    def _logpmf(self, k: Any, p: Any) -> Any:
        return special.xlogy(k, p) + special.xlog1py(1.0 - k, -p)

    def _cdf(self, k: Any, p: Any) -> Any:
        return 1.0 - p + 0.0 * k

    def _sf(self, k: Any, p: Any) -> Any:
        return p + 0.0 * k


class Binomial(Discrete):
    """The number of successes in ``n`` independent trials, each of probability ``p``."""

    name, shapes = "binom", ("n", "p")

    def high(self, *shapes: Any) -> Any:
        return shapes[0]

    def valid(self, *shapes: Any) -> Any:
        n, p = shapes
        return (n >= 0) & (n == np.floor(n)) & _is_probability(p)

    def _logpmf(self, k: Any, n: Any, p: Any) -> Any:
        ways = -special.betaln(n - k + 1.0, k + 1.0) - np.log1p(n)
        return ways + special.xlogy(k, p) + special.xlog1py(n - k, -p)

    def _cdf(self, k: Any, n: Any, p: Any) -> Any:
        return special.betaincc(k + 1.0, n - k, p)

    def _sf(self, k: Any, n: Any, p: Any) -> Any:
        return special.betainc(k + 1.0, n - k, p)


class Geometric(Discrete):
    """The number of the first trial that succeeds, each with probability ``p``."""

    name, shapes, low = "geom", ("p",), 1

    def valid(self, *shapes: Any) -> Any:
        return (shapes[0] > 0) & (shapes[0] <= 1)

    def _logpmf(self, k: Any, p: Any) -> Any:
        return special.xlog1py(k - 1.0, -p) + log(p)

    def _cdf(self, k: Any, p: Any) -> Any:
        return -np.expm1(special.xlog1py(k, -p))

    def _sf(self, k: Any, p: Any) -> Any:
        return np.exp(special.xlog1py(k, -p))

    def _logsf(self, k: Any, p: Any) -> Any:
        return special.xlog1py(k, -p)


class NegativeBinomial(Discrete):
    """The number of failures before the ``n``-th success, each trial of probability ``p``."""

    name, shapes = "nbinom", ("n", "p")

    def valid(self, *shapes: Any) -> Any:
        n, p = shapes
        return (n > 0) & (p > 0) & (p <= 1)

    def _logpmf(self, k: Any, n: Any, p: Any) -> Any:
        ways = -special.betaln(n, k + 1.0) - np.log(n + k)
        return ways + special.xlogy(n, p) + special.xlog1py(k, -p)

    def _cdf(self, k: Any, n: Any, p: Any) -> Any:
        return special.betainc(n, k + 1.0, p)

    def _sf(self, k: Any, n: Any, p: Any) -> Any:
        return special.betaincc(n, k + 1.0, p)


poisson, bernoulli, binom, geom = Poisson(), Bernoulli(), Binomial(), Geometric()
nbinom = NegativeBinomial()
