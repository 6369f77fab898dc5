"""Continuous variates as formulas of uniform ones, so that parameters have gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..numpy.arguments import cast
from ..ops.linear import reshape
from ..ops.random import normal_cdf, normal_quantile
from .arguments import Array, Shape, count, floating, lengths, parameters, refuse_mode
from .keys import split, words

__all__ = [
    "cauchy",
    "double_sided_maxwell",
    "exponential",
    "gumbel",
    "laplace",
    "logistic",
    "lognormal",
    "maxwell",
    "normal",
    "open_uniform",
    "pareto",
    "rayleigh",
    "triangular",
    "truncated_normal",
    "uniform",
    "wald",
    "weibull_min",
]


def half_open(called: str, key: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Multiples of the dtype's precision in ``[0, 1)``."""
    digits = np.finfo(dtype).nmant + 1
    drawn = words(called, key, count(shape), dtype.itemsize) >> 8 * dtype.itemsize - digits
    return reshape(cast(drawn, dtype) * dtype.type(0.5**digits), shape)


def open_uniform(called: str, key: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The middles of equal parts of ``(0, 1)``; neither end occurs."""
    digits = np.finfo(dtype).nmant
    drawn = words(called, key, count(shape), dtype.itemsize) >> 8 * dtype.itemsize - digits
    return reshape((cast(drawn, dtype) + dtype.type(0.5)) * dtype.type(0.5**digits), shape)


def working(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype to compute in: float16 has too few digits for a tail."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def _from_open(called: str, key: Array, shape: Shape, dtype: Any) -> tuple[Array, np.dtype[Any]]:
    found = floating(called, dtype)
    return open_uniform(called, key, lengths(called, shape), working(found)), found


def uniform(
    key: Array, shape: Shape = (), dtype: Any = float, minval: Array = 0.0, maxval: Array = 1.0
) -> Array:
    """Uniform on ``[minval, maxval)``: ``minval + u * (maxval - minval)``.

    With the default bounds and dtype the numbers are those of
    ``numpy.random.Generator(numpy.random.Philox(key=seed)).random(shape)``; other bounds may be met
    by rounding.

    Args:
        key: A key.
        shape: The shape of the result.
        dtype: float16, float32 or float64.
        minval: Broadcasts to the shape; may be traced and differentiated.
        maxval: The same.

    >>> uniform(np.array([0, 0], np.uint64), (2,))
    array([0.01154675, 0.2415492 ])
    """
    found, sizes = floating("uniform", dtype), lengths("uniform", shape)
    u = half_open("uniform", key, sizes, found)
    if type(minval) is float and type(maxval) is float and (minval, maxval) == (0.0, 1.0):
        return u
    _, (low, high) = parameters("uniform", sizes, found, minval, maxval)
    return low + u * (high - low)


def normal(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Standard normal variates, by Box and Muller's transform of pairs of uniform ones.

    ``sqrt(-2 log(u)) cos(2 pi v)`` and ``sqrt(-2 log(u)) sin(2 pi v)``. For another mean and
    deviation write ``mean + sigma * normal(key)``, whose gradients follow.

    Args:
        key: A key.
        shape: The shape of the result.
        dtype: A floating or complex dtype; complex variates have variance 1, half in each part.
    """
    sizes = lengths("normal", shape)
    if np.dtype(dtype).kind == "c":
        both = normal(key, (2, *sizes), np.dtype(dtype).type(0).real.dtype) * 0.5**0.5
        return cast(both[0] + 1j * both[1], dtype)
    found = floating("normal", dtype)
    size = count(sizes)
    pairs = -(-size // 2)
    u = open_uniform("normal", key, (2 * pairs,), working(found))
    radius, angle = np.sqrt(-2.0 * np.log(u[:pairs])), 2.0 * np.pi * u[pairs:]
    z = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:size]
    return cast(reshape(z, sizes), found)


def exponential(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Exponential variates of mean 1: ``-log(1 - u)``."""
    u, found = _from_open("exponential", key, shape, dtype)
    return cast(-np.log1p(-u), found)


def gumbel(key: Array, shape: Shape = (), dtype: Any = float, *, mode: Any = None) -> Array:
    """Gumbel variates: ``-log(-log(u))``."""
    refuse_mode("gumbel", mode)
    u, found = _from_open("gumbel", key, shape, dtype)
    return cast(-np.log(-np.log(u)), found)


def laplace(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Laplace variates of mean 0 and scale 1: ``-sign(v) log(1 - |v|)`` with ``v`` in (-1, 1)."""
    u, found = _from_open("laplace", key, shape, dtype)
    v = 2.0 * u - 1.0
    return cast(-np.sign(v) * np.log1p(-np.abs(v)), found)


def logistic(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Logistic variates: ``log(u / (1 - u))``."""
    u, found = _from_open("logistic", key, shape, dtype)
    return cast(np.log(u) - np.log1p(-u), found)


def cauchy(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Cauchy variates: ``tan(pi (u - 1/2))``."""
    u, found = _from_open("cauchy", key, shape, dtype)
    return cast(np.tan(np.pi * (u - 0.5)), found)


def maxwell(key: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Maxwell variates: the length of a vector of three standard normal variates."""
    z = normal(key, (*lengths("maxwell", shape), 3), dtype)
    return np.sqrt(np.sum(z * z, axis=-1))


def double_sided_maxwell(
    key: Array, loc: Array, scale: Array, shape: Shape = (), dtype: Any = float
) -> Array:
    """``loc + scale * m`` with a Maxwell variate ``m`` of either sign."""
    sizes, (loc, scale) = _broadcast_parameters("double_sided_maxwell", shape, dtype, loc, scale)
    first, second = split(key)
    u = half_open("double_sided_maxwell", second, sizes, np.dtype(np.float64))
    z = maxwell(first, sizes, dtype)
    return loc + scale * np.where(u < 0.5, -z, z)


def _broadcast_parameters(
    called: str, shape: Shape, dtype: Any, *values: Array
) -> tuple[Any, list[Any]]:
    """Parameters broadcast to ``shape``, or together where it is None or ()."""
    empty = shape is None or shape == () or shape == []
    return parameters(called, None if empty else shape, floating(called, dtype), *values)


def lognormal(key: Array, sigma: Array = 1.0, shape: Shape = None, dtype: Any = float) -> Array:
    """``exp(sigma * z)`` with a standard normal ``z``."""
    sizes, (sigma,) = parameters("lognormal", shape, floating("lognormal", dtype), sigma)
    return np.exp(sigma * normal(key, sizes, dtype))


def pareto(key: Array, b: Array, shape: Shape = None, dtype: Any = float) -> Array:
    """Pareto variates of least value 1: ``exp(e / b)`` with an exponential ``e``."""
    sizes, (b,) = parameters("pareto", shape, floating("pareto", dtype), b)
    return np.exp(exponential(key, sizes, dtype) / b)


def rayleigh(key: Array, scale: Array, shape: Shape = None, dtype: Any = float) -> Array:
    """``scale * sqrt(2 e)`` with an exponential ``e``."""
    sizes, (scale,) = parameters("rayleigh", shape, floating("rayleigh", dtype), scale)
    return scale * np.sqrt(2.0 * exponential(key, sizes, dtype))


def weibull_min(
    key: Array, scale: Array, concentration: Array, shape: Shape = (), dtype: Any = float
) -> Array:
    """``scale * e**(1 / concentration)`` with an exponential ``e``."""
    sizes, (scale, power) = _broadcast_parameters("weibull_min", shape, dtype, scale, concentration)
    return scale * exponential(key, sizes, dtype) ** (1.0 / power)


def triangular(
    key: Array, left: Array, mode: Array, right: Array, shape: Shape = None, dtype: Any = float
) -> Array:
    """Variates of the triangle over ``left``, ``mode``, ``right``, by its inverse distribution."""
    found = floating("triangular", dtype)
    sizes, (left, mode, right) = parameters("triangular", shape, found, left, mode, right)
    u = open_uniform("triangular", key, sizes, found)
    whole = right - left
    below = u * whole < mode - left
    # Each root has a positive argument on its own side alone.
    rise = np.where(below, u * whole * (mode - left), 1.0)
    fall = np.where(below, 1.0, (1.0 - u) * whole * (right - mode))
    return np.where(below, left + np.sqrt(rise), right - np.sqrt(fall))


def wald(key: Array, mean: Array, shape: Shape = None, dtype: Any = float) -> Array:
    """Wald (inverse Gaussian) variates of scale 1 (Michael, Schucany and Haas, 1976)."""
    found = floating("wald", dtype)
    sizes, (mean,) = parameters("wald", shape, found, mean)
    first, second = split(key)
    z, u = normal(first, sizes, found), half_open("wald", second, sizes, found)
    y = mean * z * z
    # mean + mean / 2 (y - sqrt(4 y + y**2)), without its cancellation.
    root = mean * (1.0 - 2.0 * y / (y + np.sqrt(y * (4.0 + y))))
    return np.where(u * (mean + root) <= mean, root, mean * mean / root)


def truncated_normal(
    key: Array, lower: Array, upper: Array, shape: Shape = None, dtype: Any = float
) -> Array:
    """Standard normal variates between ``lower`` and ``upper``, by the inverse distribution.

    Precise in both tails, up to 37 deviations from 0; differentiable in the bounds.

    Args:
        key: A key.
        lower: The lower bound, or -inf.
        upper: The upper bound, or inf; above ``lower``.
        shape: The shape of the result; by default that of the bounds together.
        dtype: float16, float32 or float64.
    """
    found = floating("truncated_normal", dtype)
    sizes, (lower, upper) = parameters("truncated_normal", shape, working(found), lower, upper)
    u = open_uniform("truncated_normal", key, sizes, working(found))
    # In the upper tail probabilities differ from 1 by less than the precision: mirror it.
    mirror = lower > 0
    low, high = np.where(mirror, -upper, lower), np.where(mirror, -lower, upper)
    below = normal_cdf(low)
    z = normal_quantile(below + u * (normal_cdf(high) - below))
    z = np.clip(z, low, high)
    return cast(np.where(mirror, -z, z), found)
