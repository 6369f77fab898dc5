"""Random bits from keys, and the variates that no formula makes of uniform ones.

A key is two unsigned words; operands are arrays of keys, ``(..., 2)``. What is drawn is a function
of the key, so these are primitives like any other: a program that holds one may be run, batched and
compiled, and gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, Shape, make_aval
from ..core.primitive import Primitive, primitive
from ..errors import DtypeError, ShapeError
from .arithmetic import sub
from .exponential import exp
from .kernels import random as kernels
from .kinds import DiscreteRule, Elementwise, Over, add, broadcast_shapes, mask_mul, mul, neg
from .linear import broadcast_to, make, reshape, shape_of

__all__ = [
    "DRAW",
    "FOLD",
    "SPLIT",
    "Binomial",
    "GammaSlope",
    "LogGamma",
    "Poisson",
    "Polygamma",
    "RandomBits",
    "binomial",
    "gamma_slope",
    "log_gamma",
    "moment",
    "normal_cdf",
    "normal_quantile",
    "poisson",
    "random_bits",
]

DRAW, SPLIT, FOLD = 0, 1, 2
"""What the words of `RandomBits` are for; 3, 4 and 5 are gamma, Poisson, binomial variates."""

_WORD = np.dtype(np.uint64)


def _keys(name: str, key: Aval) -> Shape:
    """The axes of an array of keys.

    Raises:
        DtypeError: It is no array of words.
        ShapeError: Its last axis is not 2.
    """
    if key.dtype != _WORD:
        raise DtypeError(
            f"{name}: a key is an array of two uint64, got {key}", "Make one with random.key(0)."
        )
    if not key.shape or key.shape[-1] != 2:
        raise ShapeError(
            f"{name}: a key is an array of two uint64, got {key}", "Make one with random.key(0)."
        )
    return key.shape[:-1]


@primitive
class RandomBits(DiscreteRule):
    """``size`` words for each key, which ``data``, a word for each key too, selects.

    They are ``numpy.random.Philox(key=key, counter=[0, 0, data, use]).random_raw(size)``.
    """

    size: int
    use: int

    def run(self, key: Any, data: Any) -> Any:
        return kernels.philox_words(key, data, self.size, self.use)

    def source(self, *operands: str) -> str:
        return f"philox_words({', '.join(operands)}, {self.size}, {self.use})"

    def aval(self, key: Aval, data: Aval) -> Aval:
        lead = broadcast_shapes(self.name, _keys(self.name, key), data.shape)
        return make_aval((*lead, self.size), _WORD)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        # Leading axes of keys and of data broadcast; those of a batch stand before them all.
        key, data = operands
        ranks = len(shape_of(key)) - 1 - batched[0], len(shape_of(data)) - batched[1]
        if batched[0]:
            key = _add_axes(key, max(ranks) - ranks[0])
        if batched[1]:
            data = _add_axes(data, max(ranks) - ranks[1])
        return self(key, data)


def _add_axes(x: Any, count: int) -> Any:
    """``x`` with ``count`` axes of length 1 behind its first."""
    shape = shape_of(x)
    return reshape(x, (shape[0], *(1,) * count, *shape[1:]))


class _Variates(Primitive):
    """A variate for each element of parameters ``(lead..., rest...)``, by keys ``(lead..., 2)``.

    Axes of ``lead`` may have length 1 for the keys.
    """

    saves = True

    def _check(self, key: Aval, parameter: Aval) -> Shape:
        lead = _keys(self.name, key)
        given = parameter.shape[: len(lead)]
        if len(given) < len(lead) or any(
            k not in (1, n) for k, n in zip(lead, given, strict=False)
        ):
            raise ShapeError(
                f"{self.name}: the keys {key} do not fit {parameter}",
                "Give one key for each leading element.",
            )
        return parameter.shape

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        key, *parameters = operands
        if not batched[0]:
            key = reshape(key, (1, *shape_of(key)))
        spread = [
            x if b else broadcast_to(x, (size, *shape_of(x)))
            for x, b in zip(parameters, batched[1:], strict=True)
        ]
        return self(key, *spread)


@primitive
class LogGamma(_Variates):
    """Logarithms of gamma variates of shape parameters ``a``, for they cannot vanish.

    Derivative by implicit reparameterisation (Figurnov, Mohamed and Mnih, 2018): the variate moves
    with ``a`` so that its quantile stays, ``d log(z) / da = -(dP/da) / (z p)`` with the
    distribution function ``P`` and the density ``p``.
    """

    numpy = kernels.log_gamma_draws

    def aval(self, key: Aval, a: Aval) -> Aval:
        return make_aval(self._check(key, a), a.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        t = tangents[1]
        return None if t is None else neg(mul(t, gamma_slope(1)(operands[1], out)))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        slope = neg(gamma_slope(1)(operands[1], out))
        return None, mask_mul(ct, slope) if masked else mul(ct, slope)


@primitive
class Polygamma(Elementwise):
    """The ``order``-th derivative of the digamma function, for positive numbers."""

    order: int
    numpy = kernels.polygamma

    @property
    def partials(self) -> Any:  # type: ignore[override]
        return (lambda out, x: make(Polygamma, self.order + 1)(x),)


def moment(cumulants: Sequence[Any], order: int) -> Any:
    """`kernels.moments_of` on tracers, for ``order`` from 1 on."""
    found: list[Any] = [1.0]
    for n in range(order):
        total = None
        for k in range(n + 1):
            ways = float(math.comb(n, k))
            part = mul(cumulants[k], mul(ways, found[n - k]))
            total = part if total is None else add(total, part)
        found.append(total)
    return found[order]


@primitive
class GammaSlope(Elementwise):
    """``S = d^n P(a, z) / da^n / (z p)``, of ``a`` and ``log(z)``; see `LogGamma`.

    With ``u = d log(p) / da = log(z) - digamma(a)``: ``dS/da`` is that of the next order less
    ``u S``; and ``dS/dlog(z) = p^(n) / p - (a - z) S``.
    """

    order: int
    numpy = kernels.gamma_slope

    @property
    def partials(self) -> Any:  # type: ignore[override]
        return (self._by_a, self._by_log_z)

    def _center(self, a: Any, log_z: Any) -> Any:
        return sub(log_z, make(Polygamma, 0)(a))

    def _by_a(self, out: Any, a: Any, log_z: Any) -> Any:
        return sub(gamma_slope(self.order + 1)(a, log_z), mul(self._center(a, log_z), out))

    def _by_log_z(self, out: Any, a: Any, log_z: Any) -> Any:
        rest = [neg(make(Polygamma, k)(a)) for k in range(1, self.order)]
        relative = moment([self._center(a, log_z), *rest], self.order)
        return sub(relative, mul(sub(a, exp(log_z)), out))


def gamma_slope(order: int) -> GammaSlope:
    """`GammaSlope` of an order from 1 on."""
    return make(GammaSlope, order)


@primitive
class Poisson(_Variates, DiscreteRule):
    """Poisson variates as int64, of the given rates; -1 where a rate is negative, nan or 2**62."""

    numpy = kernels.poisson_draws

    def aval(self, key: Aval, rate: Aval) -> Aval:
        return make_aval(self._check(key, rate), np.dtype(np.int64))


@primitive
class Binomial(_Variates, DiscreteRule):
    """Binomial variates as int64, of ``n`` trials of probability ``p``; -1 where those are none."""

    numpy = kernels.binomial_draws

    def aval(self, key: Aval, n: Aval, p: Aval) -> Aval:
        if n.shape != p.shape:
            raise ShapeError(
                f"{self.name}: {n} trials of probability {p}", "Give them in one shape."
            )
        return make_aval(self._check(key, n), np.dtype(np.int64))


def _density(x: Any) -> Any:
    return mul(exp(mul(mul(x, x), -0.5)), 1.0 / np.sqrt(2.0 * np.pi).item())


@primitive
class NormalCdf(Elementwise):
    """The probability that a standard normal variate is below ``x``; derivative its density."""

    numpy, partials = kernels.normal_cdf, (lambda out, x: _density(x),)


@primitive
class NormalQuantile(Elementwise):
    """The inverse of `NormalCdf`; derivative one over the density at the result."""

    numpy, partials = kernels.normal_quantile, (Over(lambda out, p: _density(out)),)


def random_bits(key: Any, size: int, use: int = DRAW, data: Any = None) -> Any:
    """`RandomBits`; without ``data`` it is 0."""
    return RandomBits(size, use)(key, np.uint64(0) if data is None else data)


log_gamma, poisson, binomial = LogGamma(), Poisson(), Binomial()
normal_cdf, normal_quantile = NormalCdf(), NormalQuantile()
