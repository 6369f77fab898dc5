"""Comparisons, logic, rounding, integer arithmetic: no derivative, or zero everywhere."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.primitive import primitive
from .kernels import elementwise as kernels
from .kinds import Discrete

__all__ = [
    "bitwise_and",
    "bitwise_count",
    "bitwise_or",
    "bitwise_xor",
    "ceil",
    "equal",
    "floor",
    "floor_divide",
    "frexp_exponent",
    "gcd",
    "greater",
    "greater_equal",
    "invert",
    "isfinite",
    "isinf",
    "isnan",
    "lcm",
    "left_shift",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "modf_integer",
    "not_equal",
    "right_shift",
    "rint",
    "sign",
    "signbit",
    "spacing",
    "trunc",
]


class Comparison(Discrete):
    """``bool`` from two operands of one dtype, or from integers of both signs."""

    result, weak, mixed = "bool", True, True


@primitive
class Greater(Comparison):
    """``x > y``."""

    numpy, symbol = np.greater, ">"
    run = staticmethod(operator.gt)


@primitive
class GreaterEqual(Comparison):
    """``x >= y``."""

    numpy, symbol = np.greater_equal, ">="
    run = staticmethod(operator.ge)


@primitive
class Less(Comparison):
    """``x < y``."""

    numpy, symbol = np.less, "<"
    run = staticmethod(operator.lt)


@primitive
class LessEqual(Comparison):
    """``x <= y``."""

    numpy, symbol = np.less_equal, "<="
    run = staticmethod(operator.le)


@primitive
class Equal(Comparison):
    """``x == y``."""

    numpy, symbol = np.equal, "=="
    run = staticmethod(operator.eq)


@primitive
class NotEqual(Comparison):
    """``x != y``."""

    numpy, symbol = np.not_equal, "!="
    run = staticmethod(operator.ne)


class Predicate(Discrete):
    """``bool`` by NumPy's function of the name; strong."""

    result = "bool"


@primitive
class LogicalAnd(Predicate):
    """True where both operands are not 0."""

    numpy = np.logical_and


@primitive
class LogicalOr(Predicate):
    """True where an operand is not 0."""

    numpy = np.logical_or


@primitive
class LogicalXor(Predicate):
    """True where exactly one operand is not 0."""

    numpy = np.logical_xor


@primitive
class LogicalNot(Predicate):
    """True where ``x`` is 0."""

    numpy = np.logical_not


@primitive
class Isfinite(Predicate):
    """True where ``x`` is neither infinite nor nan."""

    numpy = np.isfinite


@primitive
class Isinf(Predicate):
    """True where ``x`` is infinite."""

    numpy = np.isinf


@primitive
class Isnan(Predicate):
    """True where ``x`` is nan."""

    numpy = np.isnan


@primitive
class Signbit(Predicate):
    """True where the sign of ``x`` is negative, of -0.0 too."""

    numpy = np.signbit


@primitive
class Isclose(Predicate):
    """``|x - y| <= atol + rtol * |y|``, as `numpy.isclose`."""

    rtol: float
    atol: float
    equal_nan: bool
    numpy = "np.isclose({0}, {1}, {rtol}, {atol}, {equal_nan})"


@primitive
class BitwiseAnd(Discrete):
    """``x & y``."""

    numpy, symbol, weak = np.bitwise_and, "&", True
    run = staticmethod(operator.and_)


@primitive
class BitwiseOr(Discrete):
    """``x | y``."""

    numpy, symbol, weak = np.bitwise_or, "|", True
    run = staticmethod(operator.or_)


@primitive
class BitwiseXor(Discrete):
    """``x ^ y``."""

    numpy, symbol, weak = np.bitwise_xor, "^", True
    run = staticmethod(operator.xor)


@primitive
class Invert(Discrete):
    """``~x``."""

    numpy, symbol, weak = np.invert, "~", True
    run = staticmethod(operator.invert)


@primitive
class LeftShift(Discrete):
    """``x << y``."""

    numpy, symbol, weak = np.left_shift, "<<", True
    run = staticmethod(operator.lshift)


@primitive
class RightShift(Discrete):
    """``x >> y``."""

    numpy, symbol, weak = np.right_shift, ">>", True
    run = staticmethod(operator.rshift)


@primitive
class BitwiseCount(Discrete):
    """The number of 1s in the binary form of ``|x|``."""

    numpy, result = np.bitwise_count, "uint8"


@primitive
class Gcd(Discrete):
    """The greatest common divisor."""

    numpy = np.gcd


@primitive
class Lcm(Discrete):
    """The least common multiple."""

    numpy = np.lcm


@primitive
class FloorDivide(Discrete):
    """``x // y``; a step function, so its derivative is 0."""

    numpy, symbol, weak = np.floor_divide, "//", True
    run = staticmethod(kernels.floor_divide)


@primitive
class Floor(Discrete):
    """The largest integer that is not above ``x``."""

    numpy = np.floor


@primitive
class Ceil(Discrete):
    """The smallest integer that is not below ``x``."""

    numpy = np.ceil


@primitive
class Trunc(Discrete):
    """``x`` without its fraction."""

    numpy = np.trunc


@primitive
class Rint(Discrete):
    """The nearest integer, the even one of two."""

    numpy = np.rint


@primitive
class Round(Discrete):
    """``x`` to a number of decimals; Python's numbers as Python rounds them."""

    decimals: int
    weak = True
    numpy = "np.round({0}, {decimals})"

    def run(self, x: Any) -> Any:
        python = type(x) in (float, int)
        return round(x, self.decimals) if python else np.round(x, self.decimals)


@primitive
class Sign(Discrete):
    """-1, 0 or 1 of a real ``x``; its derivative is 0, at 0 too."""

    numpy = np.sign


@primitive
class Spacing(Discrete):
    """The distance from ``x`` to the next number away from 0."""

    numpy = np.spacing


@primitive
class ModfInteger(Discrete):
    """The integer part of `numpy.modf`."""

    numpy = "np.modf({0})[1]"


@primitive
class FrexpExponent(Discrete):
    """The exponent of `numpy.frexp`."""

    numpy, result = "np.frexp({0})[1]", "intc"


greater, greater_equal, less, less_equal = Greater(), GreaterEqual(), Less(), LessEqual()
equal, not_equal = Equal(), NotEqual()
logical_and, logical_or = LogicalAnd(), LogicalOr()
logical_xor, logical_not = LogicalXor(), LogicalNot()
isfinite, isinf, isnan, signbit = Isfinite(), Isinf(), Isnan(), Signbit()
bitwise_and, bitwise_or, bitwise_xor = BitwiseAnd(), BitwiseOr(), BitwiseXor()
invert, left_shift, right_shift = Invert(), LeftShift(), RightShift()
bitwise_count, gcd, lcm = BitwiseCount(), Gcd(), Lcm()
floor_divide, floor, ceil, trunc, rint = FloorDivide(), Floor(), Ceil(), Trunc(), Rint()
sign, spacing, modf_integer, frexp_exponent = Sign(), Spacing(), ModfInteger(), FrexpExponent()
