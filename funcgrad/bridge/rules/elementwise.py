"""Elementwise operations that NumPy's name does not settle: masks, kinks, powers, remainders."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np
from jax import lax

from ..replay import formula
from .arithmetic import spread

__all__: list[str] = []


def zero(x: Any) -> Any:
    """A zero of the dtype of ``x``."""
    return np.zeros((), x.dtype)


@formula("mask_mul")
def mask_mul(p: Any, ct: Any, slope: Any) -> Any:
    """The product, and 0 where either factor is 0 though the other is inf or nan."""
    ct, slope = spread([ct, slope])
    product = ct * slope
    return jnp.where((product != product) & ((ct == 0) | (slope == 0)), zero(product), product)


@formula("difference")
def difference(p: Any, x: Any, y: Any) -> Any:
    """The difference, and 0 of two infinities that are the same."""
    return jnp.where(x == y, zero(x), x - y)


@formula("keep")
def keep(p: Any, condition: Any, x: Any) -> Any:
    """The operand where a condition is as said, else 0 of its sign, as a product has it."""
    condition = condition != 0
    chosen = condition if p.where else ~condition
    if x.dtype.kind == "f":
        return jnp.where(chosen, x, jnp.where(x == x, jnp.copysign(zero(x), x), zero(x)))
    return jnp.where(chosen, x, zero(x))


@formula("share")
def share(p: Any, g: Any, x: Any, y: Any) -> Any:
    """All, nothing or half of ``g``, by which of two is larger."""
    won, lost = x > y, x < y
    if p.nan_loses:
        won, lost = won | jnp.isnan(y), lost | jnp.isnan(x)
    weight = (won.astype(g.dtype) - lost.astype(g.dtype)) * 0.5 + 0.5
    product = g * weight
    return jnp.where((product != product) & (weight == 0), zero(product), product)


@formula("select")
def select(p: Any, condition: Any, x: Any, y: Any) -> Any:
    """A choice for each element."""
    condition, x, y = spread([condition, x, y])
    return lax.select(condition != 0 if condition.dtype.kind != "b" else condition, x, y)


@formula("relu")
def relu(p: Any, x: Any) -> Any:
    """The operand or 0."""
    return jnp.maximum(x, zero(x))


@formula("clip")
def clip(p: Any, x: Any, low: Any, high: Any) -> Any:
    """The operand between two bounds; the upper one where they cross."""
    return jnp.minimum(jnp.maximum(x, low), high)


@formula("unit", "sign")
def sign(p: Any, x: Any) -> Any:
    """The sign, of complex numbers the point on the unit circle."""
    return jnp.sign(x)


@formula("logistic")
def logistic(p: Any, x: Any) -> Any:
    """``1 / (1 + exp(-x))``."""
    return 1 / (1 + jnp.exp(-x))


@formula("logistic_slope")
def logistic_slope(p: Any, s: Any, x: Any) -> Any:
    """``s (1 - s)`` without cancelling."""
    return s / (1 + jnp.exp(x))


@formula("quiet_rsqrt")
def rsqrt(p: Any, x: Any) -> Any:
    """``1 / sqrt(x)``."""
    return 1 / jnp.sqrt(x)


@formula("log_or_zero")
def log_or_zero(p: Any, x: Any) -> Any:
    """The logarithm, and 0 at 0."""
    return jnp.log(jnp.where(x == 0, np.ones((), x.dtype), x))


@formula("make_complex")
def make_complex(p: Any, x: Any, y: Any) -> Any:
    """Real and imaginary part put together."""
    return lax.complex(*spread([x, y]))


@formula("complex_sech_squared")
def complex_sech_squared(p: Any, t: Any, x: Any) -> Any:
    """``1 - tanh(x)**2`` without cancelling."""
    turn = jnp.where(jnp.real(x) < 0, -1, 1).astype(jnp.real(x).dtype)
    return jnp.square((1 + turn * t) * jnp.exp(-turn * x))


@formula("pow", "power", "quiet_power", "float_power")
def power(p: Any, x: Any, y: Any) -> Any:
    """Powers; of integers by repeated multiplication, as NumPy computes them."""
    return jnp.power(*spread([x, y]))


@formula("scalar_pow")
def scalar_power(p: Any, x: Any) -> Any:
    """A power by a number that is known."""
    exponent = p.exponent
    whole = isinstance(exponent, (int, np.integer)) and not isinstance(exponent, bool)
    if whole and abs(exponent) < 64 and (exponent >= 0 or x.dtype.kind in "fc"):
        return lax.integer_pow(x, int(exponent))
    return jnp.power(x, jnp.asarray(exponent, x.dtype))


def _zero_by_zero(f: Any, x: Any, y: Any) -> Any:
    """A quotient or remainder of integers, 0 where it is by 0."""
    one = jnp.where(y == 0, np.ones((), y.dtype), y)
    return jnp.where(y == 0, zero(x), f(x, one))


@formula("floor_divide")
def floor_divide(p: Any, x: Any, y: Any) -> Any:
    """Division rounded down; integers by 0 are 0, as in NumPy."""
    x, y = spread([x, y])
    if x.dtype.kind in "iu":
        return _zero_by_zero(jnp.floor_divide, x, y)
    if x.dtype.kind != "f":
        return jnp.floor_divide(x, y)
    # As NumPy's: of the quotient that the remainder leaves, which is exact.
    quotient = (x - remainder_of(x, y)) / y
    near = jnp.round(quotient)
    whole = jnp.where(near == 0, jnp.copysign(zero(x), x / y), near)
    return jnp.where((y == 0) | ~jnp.isfinite(x / y), x / y, whole)


@formula("remainder")
def remainder(p: Any, x: Any, y: Any) -> Any:
    """The remainder of the sign of the divisor; of integers by 0 it is 0, as in NumPy."""
    x, y = spread([x, y])
    if x.dtype.kind in "iu":
        return _zero_by_zero(jnp.remainder, x, y)
    return remainder_of(x, y)


def remainder_of(x: Any, y: Any) -> Any:
    """The remainder of floats, with the sign of the divisor also where it is 0."""
    rest = lax.rem(x, y)
    moved = jnp.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)
    return jnp.where(moved == 0, jnp.copysign(zero(x), y), moved)


@formula("fmod")
def fmod(p: Any, x: Any, y: Any) -> Any:
    """The remainder of the sign of the dividend; of integers by 0 it is 0, as in NumPy."""
    x, y = spread([x, y])
    if x.dtype.kind in "iu":
        return _zero_by_zero(lax.rem, x, y)
    return lax.rem(x, y)


@formula("frexp_mantissa")
def mantissa(p: Any, x: Any) -> Any:
    """The fraction of a float."""
    return jnp.frexp(x)[0]


@formula("frexp_exponent")
def exponent(p: Any, x: Any) -> Any:
    """The power of two of a float."""
    return jnp.frexp(x)[1].astype(np.int32)


@formula("spacing")
def spacing(p: Any, x: Any) -> Any:
    """The distance to the next float away from 0."""
    size = jnp.abs(x)
    step = jnp.nextafter(size, jnp.full_like(size, jnp.inf)) - size
    return jnp.where(jnp.isfinite(x), jnp.copysign(step, x), jnp.full_like(x, jnp.nan))


@formula("ldexp")
def ldexp(p: Any, x: Any, k: Any) -> Any:
    """A float times a power of two."""
    return jnp.ldexp(x, k).astype(x.dtype)


@formula("sinc_derivative")
def sinc_derivative(p: Any, x: Any) -> Any:
    """The derivative of sin(u)/u at pi x, as `kernels.elementwise.sinc_derivative` computes it."""
    order = p.order
    u = x * np.asarray(np.pi, x.dtype)
    near = jnp.abs(u) <= order + 1
    far = jnp.where(near, jnp.asarray(order + 2, x.dtype), u)
    value = jnp.sin(far) / far
    for n in range(1, order + 1):
        turned = (jnp.sin, jnp.cos)[n % 2](far) * (1, 1, -1, -1)[n % 4]
        value = (turned - n * value) / far
    small = jnp.where(near, u, zero(u))
    lowest = order + order % 2
    term = (-1) ** (lowest // 2) * small ** (lowest - order)
    series = term / (lowest + 1)
    for k in range(lowest + 2, lowest + 2 * order + 32, 2):
        term = -term * small * small / ((k - order) * (k - order - 1))
        series = series + term / (k + 1)
    return jnp.where(near, series, value)


@formula("normal_cdf")
def normal_cdf(p: Any, x: Any) -> Any:
    """The distribution function of the standard normal."""
    return special.ndtr(x)


@formula("normal_quantile")
def normal_quantile(p: Any, x: Any) -> Any:
    """Its inverse."""
    return special.ndtri(x)


@formula("polygamma")
def polygamma(p: Any, x: Any) -> Any:
    """Derivatives of digamma, of positive numbers."""
    if p.order == 0:
        return special.digamma(x)
    return special.polygamma(p.order, x)


@formula("isclose")
def isclose(p: Any, x: Any, y: Any) -> Any:
    """Whether numbers are close."""
    return jnp.isclose(x, y, rtol=p.rtol, atol=p.atol, equal_nan=p.equal_nan)


@formula("round")
def round_to(p: Any, x: Any) -> Any:
    """Rounding; of integers to tens and hundreds by halves to even, as in NumPy."""
    if x.dtype.kind in "iu":
        if p.decimals >= 0:
            return x
        step = 10**-p.decimals
        return (jnp.round(x.astype(np.float64) / step) * step).astype(x.dtype)
    return jnp.round(x, p.decimals)


@formula("special_cbrt", "special_exp2", "special_expm1", "special_log1p")
def as_numpy_has_it(p: Any, x: Any) -> Any:
    """SciPy's functions that NumPy has too."""
    return getattr(jnp, p.name.removeprefix("special_"))(x)


@formula("bitwise_count")
def bitwise_count(p: Any, x: Any) -> Any:
    """How many bits are set, of the absolute value."""
    size = jnp.abs(x) if x.dtype.kind == "i" else x
    return lax.population_count(size).astype(np.uint8)


@formula("label_loss")
def label_loss(p: Any, *xs: Any) -> Any:
    """The logarithm of the sum less the label's term."""
    return xs[2] - xs[3]


@formula("sech_squared")
def sech_squared(p: Any, t: Any, x: Any) -> Any:
    """``1 - tanh(x)**2``: from ``x`` without cancelling, in double precision from ``tanh(x)``.

    There the exponential costs a seventh of a training step, and cancelling leaves an error of
    1e-16; in single precision the slope would be 0 from 9 on.
    """
    if x.dtype == np.float64:
        return (1 - t) * (1 + t)
    y = jnp.exp(-2 * jnp.abs(x))
    return 4 * y / jnp.square(1 + y)
