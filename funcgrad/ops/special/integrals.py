"""SciPy's functions that have two results, and Lambert's W.

Each result of `sici`, `shichi` and `fresnel` is a primitive. Derivatives are closed forms (DLMF:
https://dlmf.nist.gov).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from scipy import special

from ...core.primitive import primitive
from ..arithmetic import square
from ..exponential import exp
from ..kinds import Elementwise, add, mul, neg, quiet_div
from ..trigonometric import cos, cosh, sin, sinc
from .elliptic import exprel

__all__ = [
    "PAIRS",
    "Lambertw",
    "cosine_integral",
    "fresnel_cosine",
    "fresnel_sine",
    "hyperbolic_cosine_integral",
    "hyperbolic_sine_integral",
    "sine_integral",
]


class _Part(Elementwise):
    """One of the results of a ufunc of `scipy.special` that has two."""

    function: ClassVar[Any]
    part: ClassVar[int]

    def run(self, x: Any) -> Any:
        return self.function(x)[self.part]

    def source(self, *operands: str) -> str:
        return f"special.{self.function.__name__}({operands[0]})[{self.part}]"


@primitive
class SineIntegral(_Part):
    """The sine integral; derivative ``sin(x)/x`` (DLMF 6.2.9)."""

    name, function, part = "sine_integral", special.sici, 0
    partials = (lambda out, x: sinc(mul(1.0 / math.pi, x)),)


@primitive
class CosineIntegral(_Part):
    """The cosine integral; derivative ``cos(x)/x`` (DLMF 6.2.11), infinite at 0."""

    name, function, part = "cosine_integral", special.sici, 1
    singular, masks = True, True
    partials = (lambda out, x: quiet_div(cos(x), x),)


@primitive
class HyperbolicSineIntegral(_Part):
    """The integral of ``sinh(x)/x`` (DLMF 6.2.15)."""

    name, function, part = "hyperbolic_sine_integral", special.shichi, 0
    partials = (lambda out, x: mul(0.5, add(exprel(x), exprel(neg(x)))),)


@primitive
class HyperbolicCosineIntegral(_Part):
    """That of the hyperbolic cosine; derivative ``cosh(x)/x`` (DLMF 6.2.16)."""

    name, function, part = "hyperbolic_cosine_integral", special.shichi, 1
    singular, masks = True, True
    partials = (lambda out, x: quiet_div(cosh(x), x),)


@primitive
class FresnelSine(_Part):
    """Fresnel's S; derivative ``sin(pi x**2 / 2)`` (DLMF 7.2.8)."""

    name, function, part = "fresnel_sine", special.fresnel, 0
    partials = (lambda out, x: sin(mul(0.5 * math.pi, square(x))),)


@primitive
class FresnelCosine(_Part):
    """Fresnel's C; derivative ``cos(pi x**2 / 2)`` (DLMF 7.2.7)."""

    name, function, part = "fresnel_cosine", special.fresnel, 1
    partials = (lambda out, x: cos(mul(0.5 * math.pi, square(x))),)


@primitive
class Lambertw(Elementwise):
    """The branch ``k`` of the solution of ``w exp(w) = z``; derivative ``exp(-w) / (1 + w)``.

    (DLMF 4.13.4.) Infinite at the branch point ``-1/e``. Operands are complex128.
    """

    k: int
    tol: float
    singular, masks = True, True
    partials = (lambda out, z: quiet_div(exp(neg(out)), add(1.0, out)),)

    def run(self, z: Any) -> Any:
        return special.lambertw(z, self.k, self.tol)

    def source(self, *operands: str) -> str:
        return f"special.lambertw({operands[0]}, {self.k!r}, {self.tol!r})"


sine_integral, cosine_integral = SineIntegral(), CosineIntegral()
hyperbolic_sine_integral = HyperbolicSineIntegral()
hyperbolic_cosine_integral = HyperbolicCosineIntegral()
fresnel_sine, fresnel_cosine = FresnelSine(), FresnelCosine()

PAIRS = {
    special.sici: (sine_integral, cosine_integral),
    special.shichi: (hyperbolic_sine_integral, hyperbolic_cosine_integral),
    special.fresnel: (fresnel_sine, fresnel_cosine),
}
"""The primitives of each result of a ufunc."""
