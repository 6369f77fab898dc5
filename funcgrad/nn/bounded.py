"""More activations: gates, bounded ones, self-normalising ones, smooth rectifiers.

Each is one formula over the others. At corners they choose as those do (docs/kinks.md): `relu` has
slope 0 at 0, a bound of `numpy.clip` has slope 1.
"""

from __future__ import annotations

import numpy as np

from ..core.primitive import primitive
from ..errors import ShapeError
from ..ops.elementwise import absolute, add, logistic, quiet_div, square
from ..ops.elementwise import relu as relu_primitive
from ..ops.kinds import Elementwise
from .activations import by_sign, elu, in_dtype, softplus
from .checks import Array, as_float, axes_of

_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


@primitive
class SoftSign(Elementwise):
    """``x / (1 + |x|)``; derivative ``1 / (1 + |x|)**2``, which its quotient's rule cancels to."""

    numpy = "{0} / (1 + np.abs({0}))"
    partials = (lambda out, x: square(quiet_div(1.0, add(1.0, absolute(x)))),)


soft_sign_of = SoftSign()


def celu(x: Array, alpha: Array = 1.0) -> Array:
    """``x`` where ``x > 0``, else ``alpha * (exp(x / alpha) - 1)`` (Barron 2017).

    Args:
        x: Any shape.
        alpha: The negative of the limit at minus infinity; the slope at 0 is 1 for each.

    Returns:
        The same shape and dtype.

    >>> celu(np.array([-1000.0, 0.0, 3.0]), 2.0)
    array([-2.,  0.,  3.])
    """
    x = as_float("celu", x)
    return relu_primitive(x) + alpha * np.expm1(np.where(x > 0, 0.0, x) / alpha)


def selu(x: Array) -> Array:
    """A multiple of `elu` that keeps mean 0 and variance 1 (Klambauer et al. 2017).

    >>> selu(np.array([-1000.0, 0.0, 1.0]))
    array([-1.75809934,  0.        ,  1.05070099])
    """
    return _SELU_SCALE * elu(as_float("selu", x), _SELU_ALPHA)


def mish(x: Array) -> Array:
    """``x * tanh(softplus(x))`` (Misra 2019).

    >>> mish(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    x = as_float("mish", x)
    return x * np.tanh(softplus(x))


def log_sigmoid(x: Array) -> Array:
    """``log(sigmoid(x))``, which is ``-softplus(-x)`` and does not underflow.

    >>> log_sigmoid(np.array([-1000.0, 0.0]))
    array([-1.00000000e+03, -6.93147181e-01])
    """
    return -softplus(-as_float("log_sigmoid", x))


def soft_sign(x: Array) -> Array:
    """``x / (1 + |x|)``, between -1 and 1 (Turian, Bergstra and Bengio 2009).

    >>> soft_sign(np.array([-3.0, 0.0, 1.0]))
    array([-0.75,  0.  ,  0.5 ])
    """
    return soft_sign_of(as_float("soft_sign", x))


def squareplus(x: Array, b: Array = 4.0) -> Array:
    """``(x + sqrt(x**2 + b)) / 2``, a rectifier without exponentials (Barron 2021).

    Computed as ``relu(x) + b / 2 / (sqrt(x**2 + b) + |x|)``, which does not cancel for negative
    ``x``; ``|x|`` takes the slope -1 at 0, where the derivative is 1/2.

    Args:
        x: Any shape.
        b: How smooth it is at 0, where its value is ``sqrt(b) / 2``; positive.

    Returns:
        The same shape and dtype.

    >>> squareplus(np.array([-1e8, 0.0, 1e8]))
    array([1.e-08, 1.e+00, 1.e+08])
    """
    x = as_float("squareplus", x)
    b, size = in_dtype(b, x.dtype), x * by_sign(x, 1, -1)
    return relu_primitive(x) + 0.5 * b / (np.hypot(x, np.sqrt(b)) + size)


def hard_tanh(x: Array) -> Array:
    """``x`` cut off at -1 and 1, with slope 1 there.

    >>> hard_tanh(np.array([-3.0, 0.5, 3.0]))
    array([-1. ,  0.5,  1. ])
    """
    return np.clip(as_float("hard_tanh", x), -1.0, 1.0)


def relu6(x: Array) -> Array:
    """``min(max(x, 0), 6)`` (Krizhevsky 2010), with slope 1 at both bounds, as `numpy.clip`.

    >>> relu6(np.array([-3.0, 0.5, 7.0]))
    array([0. , 0.5, 6. ])
    """
    return np.clip(as_float("relu6", x), 0.0, 6.0)


def hard_sigmoid(x: Array) -> Array:
    """``relu6(x + 3) / 6``, a sigmoid of straight lines (Howard et al. 2019).

    >>> hard_sigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return relu6(as_float("hard_sigmoid", x) + 3.0) / 6.0


def hard_silu(x: Array) -> Array:
    """``x * hard_sigmoid(x)``, also called hard swish (Howard et al. 2019).

    >>> hard_silu(np.array([-4.0, 1.5, 4.0]))
    array([-0.   ,  1.125,  4.   ])
    """
    x = as_float("hard_silu", x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


def glu(x: Array, axis: int = -1) -> Array:
    """The first half of ``x`` times the sigmoid of the second (Dauphin et al. 2017).

    Args:
        x: Any shape of rank 1 or more.
        axis: The axis that is halved, of even length.

    Returns:
        ``x``'s shape with the axis half as long, the same dtype.

    Raises:
        ShapeError: There is no such axis, or its length is odd.

    >>> glu(np.array([3.0, -2.0, 0.0, 1000.0]))
    array([ 1.5, -2. ])
    """
    x = as_float("glu", x)
    (position,) = axes_of("glu", x, axis)
    length = x.shape[position]
    if length % 2:
        raise ShapeError(
            f"glu: axis {axis} of shape {x.shape} has odd length {length}",
            "The second half of the axis gates the first one.",
        )
    lead, half = (slice(None),) * position, length // 2
    return x[(*lead, slice(None, half))] * logistic(x[(*lead, slice(half, None))])
