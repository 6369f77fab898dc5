"""Gamma variates and what is made of them.

They are drawn by rejection, and differentiated by implicit reparameterisation: the variate moves
with its parameter so that its quantile stays (`funcgrad.ops.random.LogGamma`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..nn.categorical import softmax
from ..numpy.arguments import cast, operand
from ..ops.linear import shape_of
from ..ops.random import log_gamma
from .arguments import Array, Shape, floating, lengths, parameters, take_key
from .continuous import half_open, normal, working
from .keys import split

__all__ = ["beta", "chisquare", "dirichlet", "f", "gamma", "generalized_normal", "loggamma", "t"]


def loggamma(key: Array, a: Array, shape: Shape = None, dtype: Any = float) -> Array:
    """The logarithm of `gamma`, which is finite where that underflows, as for small ``a``."""
    found = floating("loggamma", dtype)
    _, (a,) = parameters("loggamma", shape, working(found), a)
    return cast(log_gamma(take_key("loggamma", key), a), found)


def gamma(key: Array, a: Array, shape: Shape = None, dtype: Any = float) -> Array:
    """Gamma variates of shape parameter ``a`` and scale 1.

    Args:
        key: A key.
        a: The shape parameter, not negative (nan gives nan); differentiable.
        shape: The shape of the result; by default that of ``a``.
        dtype: float16, float32 or float64.

    >>> from funcgrad import grad
    >>> float(grad(lambda a: gamma(np.array([0, 0], np.uint64), a))(2.0).round(6))
    1.384742
    """
    found = floating("gamma", dtype)
    return cast(np.exp(loggamma(key, a, shape, working(found))), found)


def beta(key: Array, a: Array, b: Array, shape: Shape = None, dtype: Any = float) -> Array:
    """Beta variates: ``x / (x + y)`` with gamma variates ``x`` and ``y``, by their logarithms."""
    found = floating("beta", dtype)
    sizes, (a, b) = parameters("beta", shape, working(found), a, b)
    first, second = split(key)
    x, y = loggamma(first, a, sizes, working(found)), loggamma(second, b, sizes, working(found))
    return cast(np.exp(x - np.logaddexp(x, y)), found)


def dirichlet(key: Array, alpha: Array, shape: Shape = None, dtype: Any = float) -> Array:
    """Dirichlet variates: gamma variates over their sum, by the softmax of their logarithms.

    Args:
        key: A key.
        alpha: Concentrations, shape ``(..., n)``.
        shape: The shape of the result without its last axis; by default that of ``alpha``.
        dtype: float16, float32 or float64.

    Returns:
        Shape ``(*shape, n)``; the last axis sums to 1.

    Raises:
        ShapeError: ``alpha`` is a number.
    """
    found = floating("dirichlet", dtype)
    alpha = operand(alpha)
    if not shape_of(alpha):
        raise ShapeError(
            "random.dirichlet: alpha must be an array of concentrations, got a number",
            "Write alpha=np.full(n, a).",
        )
    *lead, n = shape_of(alpha)
    sizes = tuple(lead) if shape is None else lengths("dirichlet", shape)
    x = loggamma(key, alpha, (*sizes, n), working(found))
    return cast(softmax(x, axis=-1), found)


def chisquare(key: Array, df: Array, shape: Shape = None, dtype: Any = float) -> Array:
    """Chi-square variates of ``df`` degrees of freedom: ``2 gamma(df / 2)``."""
    found = floating("chisquare", dtype)
    sizes, (df,) = parameters("chisquare", shape, found, df)
    return 2.0 * gamma(key, 0.5 * df, sizes, found)


def t(key: Array, df: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Student's t variates of ``df`` degrees: ``z sqrt(df / 2) / sqrt(gamma(df / 2))``."""
    found = floating("t", dtype)
    empty = shape is None or shape == () or shape == []
    sizes, (df,) = parameters("t", None if empty else shape, working(found), df)
    first, second = split(key)
    x = loggamma(second, 0.5 * df, sizes, working(found))
    return cast(normal(first, sizes, working(found)) * np.sqrt(0.5 * df) * np.exp(-0.5 * x), found)


def f(key: Array, dfnum: Array, dfden: Array, shape: Shape = None, dtype: Any = float) -> Array:
    """F variates: the ratio of two chi-square variates, each over its degrees of freedom."""
    found = floating("f", dtype)
    sizes, (n, d) = parameters("f", shape, working(found), dfnum, dfden)
    first, second = split(key)
    x = loggamma(first, 0.5 * n, sizes, working(found))
    y = loggamma(second, 0.5 * d, sizes, working(found))
    return cast(np.exp(x - y) * (d / n), found)


def generalized_normal(key: Array, p: Array, shape: Shape = (), dtype: Any = float) -> Array:
    """Variates of density proportional to ``exp(-|x|**p)``: ``gamma(1 / p)**(1 / p)``, signed."""
    found = floating("generalized_normal", dtype)
    empty = shape is None or shape == () or shape == []
    given = None if empty else shape
    sizes, (p,) = parameters("generalized_normal", given, working(found), p)
    first, second = split(key)
    x = np.exp(loggamma(first, 1.0 / p, sizes, working(found)) / p)
    u = half_open("generalized_normal", second, sizes, np.dtype(np.float64))
    return cast(np.where(u < 0.5, -x, x), found)
