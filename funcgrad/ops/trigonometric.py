"""Trigonometric and hyperbolic functions, their inverses, angles and sinc."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.primitive import primitive
from ..core.trace import aval_of
from .arithmetic import square, sub
from .exponential import quiet_rsqrt
from .kernels import elementwise as kernels
from .kinds import Elementwise, Over, add, mask_mul, mul, neg, quiet_div

__all__ = [
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cos",
    "cosh",
    "degrees",
    "hypot",
    "radians",
    "sin",
    "sinc",
    "sinh",
    "tan",
    "tanh",
]


@primitive
class Sin(Elementwise):
    """``sin(x)``; derivative ``cos(x)``."""

    numpy = np.sin
    partials = (lambda out, x: cos(x),)


@primitive
class Cos(Elementwise):
    """``cos(x)``; derivative ``-sin(x)``."""

    numpy = np.cos
    partials = (lambda out, x: neg(sin(x)),)


@primitive
class Tan(Elementwise):
    """``tan(x)``; derivative ``1 + tan(x)**2``."""

    numpy = np.tan
    partials = (lambda out, x: add(1.0, mul(out, out)),)


def _one_minus_square(x: Any) -> Any:
    # In factors, each of which is exact near the bound where the other is 2.
    return mul(sub(1.0, x), add(1.0, x))


@primitive
class Arcsin(Elementwise):
    """The inverse sine; derivative ``1/sqrt(1 - x**2)``, infinite at -1 and 1."""

    numpy, singular, masks = np.arcsin, True, True
    partials = (lambda out, x: quiet_rsqrt(_one_minus_square(x)),)


@primitive
class Arccos(Elementwise):
    """The inverse cosine; derivative ``-1/sqrt(1 - x**2)``, infinite at -1 and 1."""

    numpy, singular, masks = np.arccos, True, True
    partials = (lambda out, x: neg(quiet_rsqrt(_one_minus_square(x))),)


@primitive
class Arctan(Elementwise):
    """The inverse tangent; derivative ``1/(1 + x**2)``."""

    numpy = np.arctan
    partials = (Over(lambda out, x: add(1.0, mul(x, x))),)


@primitive
class Sinh(Elementwise):
    """``sinh(x)``; derivative ``cosh(x)``."""

    numpy = np.sinh
    partials = (lambda out, x: cosh(x),)


@primitive
class Cosh(Elementwise):
    """``cosh(x)``; derivative ``sinh(x)``."""

    numpy = np.cosh
    partials = (lambda out, x: sinh(x),)


@primitive
class Tanh(Elementwise):
    """``tanh(x)``; derivative ``1 - tanh(x)**2``."""

    numpy = np.tanh
    partials = (lambda out, x: _tanh_slope(out, x),)


@primitive
class SechSquared(Elementwise):
    """``1 - t**2`` of real ``t = tanh(x)``, as ``((1 + |t|) exp(-|x|))**2``: nothing cancels.

    Derivatives are by ``x``, ``-2 t`` times the slope; ``t`` only spares the work.
    """

    numpy = "np.square((1 + np.abs({0})) * np.exp(-np.abs({1})))"
    partials = (None, lambda out, t, x: mul(mul(-2.0, t), out))


@primitive
class ComplexSechSquared(SechSquared):
    """`SechSquared` of complex numbers."""

    numpy = kernels.complex_sech_squared


def _tanh_slope(t: Any, x: Any) -> Any:
    return (complex_sech_squared if aval_of(x).dtype.kind == "c" else sech_squared)(t, x)


@primitive
class Arcsinh(Elementwise):
    """The inverse hyperbolic sine; derivative ``1/sqrt(1 + x**2)``."""

    numpy = np.arcsinh
    partials = (Over(lambda out, x: cosh(out)),)


@primitive
class Arccosh(Elementwise):
    """The inverse hyperbolic cosine; derivative ``1/sqrt(x**2 - 1)``, infinite at 1."""

    numpy, singular, masks = np.arccosh, True, True
    partials = (lambda out, x: mul(quiet_rsqrt(sub(x, 1.0)), quiet_rsqrt(add(x, 1.0))),)


@primitive
class Arctanh(Elementwise):
    """The inverse hyperbolic tangent; derivative ``1/(1 - x**2)``, infinite at -1 and 1."""

    numpy, singular, masks = np.arctanh, True, True
    partials = (Over(lambda out, x: _one_minus_square(x)),)


@primitive
class Hypot(Elementwise):
    """``sqrt(x**2 + y**2)``; derivatives ``x / out`` and ``y / out``, 0 at the origin."""

    numpy, masks = np.hypot, True
    partials = (lambda out, x, y: cosine(x, y), lambda out, x, y: cosine(y, x))


@primitive
class Cosine(Elementwise):
    """``c = x / hypot(x, y)``, 0 at the origin; with ``s`` for ``y``, it moves by ``s^2 / r``."""

    numpy, masks = kernels.cosine, True
    partials = (
        lambda out, x, y: _over_radius(square(cosine(y, x)), x, y),
        lambda out, x, y: neg(_over_radius(mul(out, cosine(y, x)), x, y)),
    )


def _over_radius(numerator: Any, x: Any, y: Any) -> Any:
    return mask_mul(numerator, quiet_div(1.0, hypot(x, y)))


@primitive
class Arctan2(Elementwise):
    """The angle of the point (x, y); derivatives ``x/r**2`` and ``-y/r**2``, 0 at the origin.

    Divided by ``r`` twice: ``r**2`` overflows and underflows long before the quotient does.
    """

    numpy, masks = np.arctan2, True
    partials = (
        lambda out, y, x: _over_radius(cosine(x, y), x, y),
        lambda out, y, x: neg(_over_radius(cosine(y, x), x, y)),
    )


@primitive
class Degrees(Elementwise):
    """Degrees from radians; derivative ``180/pi``."""

    numpy, saves = np.degrees, False
    partials = (180.0 / math.pi,)


@primitive
class Radians(Elementwise):
    """Radians from degrees; derivative ``pi/180``."""

    numpy, saves = np.radians, False
    partials = (math.pi / 180.0,)


@primitive
class Sinc(Elementwise):
    """``np.sinc(x)``, sin(pi x)/(pi x), 1 at 0; derivative ``pi`` times `SincDerivative` 1."""

    numpy = "np.sinc({0})"
    partials = (lambda out, x: mul(math.pi, sinc_derivative(1)(x)),)


@primitive
class SincDerivative(Elementwise):
    """The derivative of sin(u)/u of a given order, at u = pi * x."""

    order: int
    numpy = kernels.sinc_derivative

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partials = (lambda out, x: mul(math.pi, sinc_derivative(self.order + 1)(x)),)


@lru_cache(64)
def sinc_derivative(order: int) -> SincDerivative:
    """The primitive ``SincDerivative(order)``."""
    return SincDerivative(order)


sin, cos, tan = Sin(), Cos(), Tan()
arcsin, arccos, arctan = Arcsin(), Arccos(), Arctan()
sinh, cosh, tanh = Sinh(), Cosh(), Tanh()
arcsinh, arccosh, arctanh = Arcsinh(), Arccosh(), Arctanh()
hypot, arctan2, cosine = Hypot(), Arctan2(), Cosine()
sech_squared, complex_sech_squared = SechSquared(), ComplexSechSquared()
degrees, radians, sinc = Degrees(), Radians(), Sinc()
