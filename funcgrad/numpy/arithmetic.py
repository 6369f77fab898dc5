"""NumPy's ufuncs of arithmetic by name: sums, products, powers, remainders, parts."""

from __future__ import annotations

from opcode import opmap
from typing import Any

import numpy as np

from ..core.trace import Tracer, user_source_info
from ..ops import arithmetic as ops
from ..ops import discrete, kinds
from .operators import raise_to
from .promote import promoted_for
from .ufuncs import declare

__all__ = [
    "add",
    "copysign",
    "divide",
    "divmod",
    "float_power",
    "floor_divide",
    "fmod",
    "frexp",
    "heaviside",
    "ldexp",
    "mod",
    "modf",
    "multiply",
    "negative",
    "nextafter",
    "positive",
    "pow",
    "power",
    "reciprocal",
    "remainder",
    "spacing",
    "square",
    "subtract",
    "true_divide",
]


def _divmod(x: Any, y: Any, **options: Any) -> tuple[Any, Any]:
    x, y = promoted_for(np.divmod, (x, y), **options)
    return discrete.floor_divide(x, y), ops.remainder(x, y)


def _modf(x: Any, **options: Any) -> tuple[Any, Any]:
    (x,) = promoted_for(np.modf, (x,), **options)
    return ops.modf_fraction(x), discrete.modf_integer(x)


def _frexp(x: Any, **options: Any) -> tuple[Any, Any]:
    (x,) = promoted_for(np.frexp, (x,), **options)
    return ops.frexp_mantissa(x), discrete.frexp_exponent(x)


def _positive(x: Any, **options: Any) -> Any:
    (x,) = promoted_for(np.positive, (x,), **options)
    return x


def _power(x: Any, y: Any, **options: Any) -> Any:
    if isinstance(x, Tracer) and not isinstance(y, Tracer) and np.ndim(y) == 0 and not options:
        return raise_to(x, y[()] if isinstance(y, np.ndarray) else y, False)
    x, y = promoted_for(np.power, (x, y), **options)
    if isinstance(x, np.generic) and _is_operator():
        return ops.pow_(x, y)
    return ops.power(x, y)


def _is_operator() -> bool:
    """Whether the user wrote ``x ** y``: NumPy's scalars pass it on as ``np.power(x, y)``.

    The two differ by an ulp between scalars, where the operator is the C library's function.
    """
    position = user_source_info()
    return position is not None and position[0].co_code[position[1]] == opmap["BINARY_OP"]


add = declare(np.add, kinds.add)
subtract = declare(np.subtract, ops.sub)
multiply = declare(np.multiply, kinds.mul)
divide = true_divide = declare(np.divide, kinds.div)
negative = declare(np.negative, kinds.neg)
positive = declare(np.positive, _positive)
power = pow = declare(np.power, _power)
float_power = declare(np.float_power, ops.float_power)
floor_divide = declare(np.floor_divide, discrete.floor_divide)
remainder = mod = declare(np.remainder, ops.remainder)
fmod = declare(np.fmod, ops.fmod)
divmod = declare(np.divmod, _divmod)
heaviside = declare(np.heaviside, ops.heaviside)
square = declare(np.square, ops.square)
reciprocal = declare(np.reciprocal, ops.reciprocal)
copysign = declare(np.copysign, ops.copysign)
nextafter = declare(np.nextafter, ops.nextafter)
spacing = declare(np.spacing, discrete.spacing)
modf = declare(np.modf, _modf)
frexp = declare(np.frexp, _frexp)
ldexp = declare(np.ldexp, ops.ldexp)
