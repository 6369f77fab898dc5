"""Arithmetic beyond the four operations of `kinds`: powers, remainders, parts."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import literal, primitive
from ..core.trace import aval_of
from ..errors import DtypeError
from .convert import convert
from .discrete import equal, frexp_exponent, rint, sign
from .kernels import elementwise as kernels
from .kinds import (
    Elementwise,
    Over,
    add,
    broadcast_shapes,
    mask_mul,
    mul,
    neg,
    quiet_div,
)
from .linear import broadcast_to, shape_of, sum_to

__all__ = [
    "ScalarPow",
    "copysign",
    "float_power",
    "fmod",
    "frexp_mantissa",
    "heaviside",
    "ldexp",
    "modf_fraction",
    "nextafter",
    "pow_",
    "power",
    "reciprocal",
    "remainder",
    "scalar_pow",
    "square",
    "sub",
]


@primitive
class Sub(Elementwise):
    """``x - y``."""

    numpy, symbol, weak, saves = np.subtract, "-", True, False
    run = staticmethod(operator.sub)
    partials = (1, -1)


@primitive
class Square(Elementwise):
    """``np.square(x)``; derivative ``2 x``."""

    numpy = np.square
    partials = (lambda out, x: add(x, x),)


@primitive
class Reciprocal(Elementwise):
    """``np.reciprocal(x)``; derivative ``-1 / x**2``, infinite at 0."""

    numpy, singular, masks = np.reciprocal, True, True
    partials = (lambda out, x: neg(mul(out, out)),)


@primitive
class ScalarPow(Elementwise):
    """``x ** exponent`` for an exponent that is a Python or NumPy scalar.

    The derivative is ``exponent * x ** (exponent - 1)``, infinite at 0 for fractional exponents
    below 1 and for negative ones. NumPy computes ``x ** c`` and ``np.power(x, c)`` alike to the bit
    for real arrays, but not for scalars nor for complex numbers: hence the second field.

    Attributes:
        exponent: The exponent.
        operator: True for ``x ** exponent``, False for ``np.power(x, exponent)``.
    """

    exponent: Any
    operator: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partials = (self._partial(),)
        self.weak = self.operator
        c = self.exponent
        self.singular = isinstance(c, (complex, np.complexfloating)) or (c < 1 and c != 0)
        self.masks = self.singular  # type: ignore[misc]

    def __eq__(self, other: object) -> bool:
        # 2 and 2.0 are equal, but not all of what NumPy computes with them.
        return self is other or (
            type(other) is ScalarPow
            and type(self.exponent) is type(other.exponent)
            and self.parameters() == other.parameters()
        )

    def __hash__(self) -> int:
        return hash((ScalarPow, self.parameters()))

    def run(self, x: Any) -> Any:
        return (kernels.power if self.operator else np.power)(x, self.exponent)

    def source(self, *operands: str) -> str:
        (x,) = operands
        if not self.operator:
            return f"np.power({x}, {literal(self.exponent)})"
        base = f"({x})" if x.startswith("-") else x
        return f"{base} ** {literal(self.exponent)}"

    def _partial(self) -> Any:
        c = self.exponent
        if c == 0:
            return None
        if c == 1:
            return 1
        if c == 2:
            return lambda out, x: add(x, x)
        if c == 0.5:
            return lambda out, x: quiet_div(0.5, out)
        if isinstance(c, (complex, np.complexfloating)) or c < 0:
            return lambda out, x: mul(c, quiet_div(out, x))
        if c < 1:
            return lambda out, x: quiet_div(c, scalar_pow(1 - c, self.operator)(x))
        return lambda out, x: mul(c, scalar_pow(c - 1, self.operator)(x))


@lru_cache(256, typed=True)
def scalar_pow(exponent: Any, by_operator: bool) -> ScalarPow:
    """The primitive ``ScalarPow(exponent, by_operator)``."""
    return ScalarPow(exponent, by_operator)


class GeneralPower(Elementwise):
    """``x ** y`` for arrays or traced values on both sides.

    The derivative by ``x`` is ``y * x ** (y - 1)``, 0 where ``y`` is 0. The derivative by ``y`` is
    ``x ** y * log(x)``, and 0 where ``x`` is 0: its limit for positive ``y``. For negative ``x`` it
    is nan, while that by ``x`` is right where ``y`` is an integer.
    """

    singular, masks = True, True
    partials = (
        lambda out, x, y: mask_mul(y, quiet_power(x, sub(y, 1))),
        lambda out, x, y: mask_mul(out, log_or_zero(x)),
    )


@primitive
class Pow(GeneralPower):
    """``x ** y``."""

    numpy, weak = kernels.power, True

    def source(self, *operands: str) -> str:
        x, y = operands
        return f"({x}) ** {y}" if x.startswith("-") else f"{x} ** {y}"


@primitive
class Power(GeneralPower):
    """``np.power(x, y)``, which differs from ``x ** y`` by an ulp for scalars."""

    numpy = np.power


@primitive
class FloatPower(GeneralPower):
    """``np.float_power(x, y)``."""

    numpy = np.float_power


@primitive
class QuietPower(GeneralPower):
    """``np.power(x, y)`` without warnings, for derivatives infinite at a finite point."""

    numpy = kernels.quiet_power


@primitive
class LogOrZero(Elementwise):
    """``log(x)``, and 0 at 0; derivative ``1/x``."""

    numpy, singular, masks = kernels.log_or_zero, True, True
    partials = (Over(lambda out, x: x),)


def _whole(x: Any, y: Any) -> Any:
    """The quotient of a multiple of ``y``, without the warning of a division by 0."""
    return rint(quiet_div(x, y))


@primitive
class Remainder(Elementwise):
    """``x % y``, ``x - y * floor(x / y)``: derivatives 1 and ``-floor(x / y)``."""

    numpy, symbol, weak = np.remainder, "%", True
    run = staticmethod(kernels.remainder)
    partials = (1, lambda out, x, y: _whole(sub(out, x), y))


@primitive
class Fmod(Elementwise):
    """``np.fmod(x, y)``, ``x - y * trunc(x / y)``: derivatives 1 and ``-trunc(x / y)``."""

    numpy = np.fmod
    partials = (1, lambda out, x, y: _whole(sub(out, x), y))


@primitive
class Copysign(Elementwise):
    """``|x|`` with the sign of ``y``: derivative ``sign(x) sign(y)``, 0 at 0; by ``y`` 0."""

    numpy = np.copysign
    partials = (lambda out, x, y: mul(sign(x), copysign(1.0, y)), None)


@primitive
class Heaviside(Elementwise):
    """0, ``y`` or 1 where ``x`` is below, at or above 0: derivative 0; by ``y`` 1 at 0."""

    numpy = np.heaviside
    partials = (None, lambda out, x, y: convert(equal(x, 0), aval_of(out).dtype))


@primitive
class Nextafter(Elementwise):
    """The number next to ``x`` on the side of ``y``: derivative 1 by ``x``, 0 by ``y``."""

    numpy, saves = np.nextafter, False
    partials = (1, None)


@primitive
class ModfFraction(Elementwise):
    """The fractional part of `numpy.modf`: derivative 1."""

    numpy, saves = "np.modf({0})[0]", False
    partials = (1,)


@primitive
class FrexpMantissa(Elementwise):
    """The mantissa of `numpy.frexp`, ``x * 2**-e``: derivative ``2**-e``."""

    numpy = "np.frexp({0})[0]"
    partials = (lambda out, x: ldexp(convert(1.0, aval_of(out).dtype), neg(frexp_exponent(x))),)


@primitive
class Ldexp(Elementwise):
    """``x * 2**e`` for integers ``e``: derivative ``2**e`` by ``x``."""

    numpy = np.ldexp

    def aval(self, x: Aval, e: Aval) -> Aval:
        if e.dtype.kind != "i":
            raise DtypeError(
                f"ldexp: the exponent must be an integer, got {e}",
                "Write x * 2.0**e for one that is not.",
            )
        return make_aval(broadcast_shapes(self.name, x.shape, e.shape), x.dtype)

    def adapt(self, args: Sequence[Any]) -> Sequence[Any]:
        return args

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        t, e = tangents[0], operands[1]
        return None if t is None else broadcast_to(ldexp(t, e), shape_of(out))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, e = operands
        return sum_to(ldexp(ct, e), shape_of(x)), None


sub, square, reciprocal = Sub(), Square(), Reciprocal()
pow_, power, float_power = Pow(), Power(), FloatPower()
quiet_power, log_or_zero = QuietPower(), LogOrZero()
remainder, fmod = Remainder(), Fmod()
copysign, heaviside, nextafter = Copysign(), Heaviside(), Nextafter()
modf_fraction, frexp_mantissa, ldexp = ModfFraction(), FrexpMantissa(), Ldexp()
