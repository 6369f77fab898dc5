"""Activations, in plain NumPy, so that arrays and tracers take one path.

A slope that depends only on the sign of ``x`` is a constant factor (`by_sign`), not a selection
between branches: its derivative is one multiplication, and an infinite branch cannot spoil it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import MissingExtraError
from ..ops.elementwise import logistic
from ..ops.elementwise import relu as relu_primitive
from .checks import Array, as_float


def step(x: Array) -> Array:
    """The unit step: 1 where ``x > 0``, else 0 (nan stays nan); its derivative is 0 everywhere.

    Args:
        x: Any shape.

    Returns:
        The same shape and dtype.

    >>> step(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 1.])
    """
    return np.maximum(np.sign(as_float("step", x)), 0)


def sigmoid(x: Array) -> Array:
    """The logistic function ``1 / (1 + exp(-x))``, whose derivative is ``s * (1 - s)``.

    Args:
        x: Any shape.

    Returns:
        The same shape and dtype; no overflow for any ``x``.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return logistic(as_float("sigmoid", x))


def tanh(x: Array) -> Array:
    """The hyperbolic tangent, whose derivative is one minus its square; ``np.tanh`` itself.

    >>> tanh(0.0)
    np.float64(0.0)
    """
    return np.tanh(as_float("tanh", x))


def relu(x: Array) -> Array:
    """The rectifier ``max(x, 0)`` with derivative 1 where ``x > 0`` and 0 elsewhere, also at 0.

    It differs from ``np.maximum(x, 0)`` only in the derivative at 0, which is there shared equally.

    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return relu_primitive(as_float("relu", x))


def leaky_relu(x: Array, negative_slope: Array = 0.01) -> Array:
    """``x`` where ``x > 0``, else ``negative_slope * x`` (Maas, Hannun and Ng 2013).

    Args:
        x: Any shape.
        negative_slope: A number, or a value that broadcasts against ``x`` and may be
            differentiated (the PReLU of He et al. 2015).

    Returns:
        The same shape and dtype. The derivative at 0 is ``negative_slope``.

    >>> leaky_relu(np.array([-2.0, 0.0, 3.0]))
    array([-0.02,  0.  ,  3.  ])
    """
    x = as_float("leaky_relu", x)
    if isinstance(negative_slope, (int, float)) and negative_slope == 0:
        return relu_primitive(x)
    return x * by_sign(x, 1, negative_slope)


def elu(x: Array, alpha: Array = 1.0) -> Array:
    """``x`` where ``x > 0``, else ``alpha * (exp(x) - 1)`` (Clevert et al. 2016).

    Args:
        x: Any shape.
        alpha: The negative of the limit at minus infinity.

    Returns:
        The same shape and dtype. The derivative at 0 is ``alpha``.

    >>> elu(np.array([-1000.0, 0.0, 3.0]))
    array([-1.,  0.,  3.])
    """
    x = as_float("elu", x)
    return relu_primitive(x) + alpha * np.expm1(np.where(x > 0, 0.0, x))


def gelu(x: Array, approximate: bool = True) -> Array:
    """The Gaussian error linear unit (Hendrycks and Gimpel 2016).

    In its tanh form ``0.5 * x * (1 + tanh(u))`` with ``u = sqrt(2 / pi) * (x + 0.044715 * x**3)``,
    computed as ``x * sigmoid(2 * u)``, which is the same function and does not cancel for negative
    ``x``. The exact form is ``x * Phi(x)`` with the cumulative normal distribution, which SciPy
    has; they differ by less than 5e-4.

    Args:
        x: Any shape.
        approximate: Whether to take the tanh form.

    Returns:
        The same shape and dtype.

    Raises:
        MissingExtraError: ``approximate`` is False and SciPy is not installed.

    >>> gelu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    x = as_float("gelu", x)
    if not approximate:
        return x * _ndtr(x).astype(x.dtype)
    slope = 2.0 * math.sqrt(2.0 / math.pi)
    return x * logistic(x * (slope + (slope * 0.044715) * (x * x)))


def _ndtr(x: Array) -> Array:
    try:
        from ..scipy.special import ndtr
    except MissingExtraError as error:
        raise MissingExtraError(
            "gelu: the exact form needs the error function, which SciPy has, and SciPy is not "
            "installed",
            "Install it: pip install 'funcgrad[scipy]'. Or write gelu(x), the tanh form, which "
            "differs from it by less than 5e-4.",
        ) from error
    return ndtr(x)


def silu(x: Array) -> Array:
    """``x * sigmoid(x)``, also called swish (Elfwing, Uchibe and Doya 2018).

    >>> silu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    x = as_float("silu", x)
    return x * logistic(x)


def softplus(x: Array) -> Array:
    """``log(1 + exp(x))``, whose derivative is the sigmoid.

    Computed as ``relu(x) + log1p(exp(-|x|))``, where ``|x|`` takes the slope -1 at 0, as it has for
    negative ``x``: there the expression is ``log1p(exp(x))`` itself, so that every derivative is
    right at 0 too.

    Args:
        x: Any shape.

    Returns:
        The same shape and dtype; no overflow, and small results keep their relative precision.

    >>> softplus(np.array([-1000.0, 0.0, 1000.0]))
    array([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """
    x = as_float("softplus", x)
    return relu_primitive(x) + log1p_exp_minus_abs(x)


def log1p_exp_minus_abs(x: Array) -> Array:
    """``log(1 + exp(-|x|))``, the part of `softplus` that is not `relu`."""
    return np.log1p(np.exp(x * by_sign(x, -1, 1)))


def by_sign(x: Array, above: Array, below: Array) -> Array:
    """``above`` where ``x > 0``, else ``below``, in x's dtype: a slope to multiply ``x`` by."""
    dtype = x.dtype
    return np.where(x > 0, in_dtype(above, dtype), in_dtype(below, dtype))


def in_dtype(value: Array, dtype: np.dtype[Any]) -> Array:
    """A Python number in x's dtype; arrays and traced values as they are."""
    return dtype.type(value) if isinstance(value, (int, float)) else value
