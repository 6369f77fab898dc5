"""Elementwise functions of `jax.lax` that are not functions of NumPy's under another name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..control.custom.custom_jvp import custom_jvp
from ..core.trace import aval_of
from ..errors import ArgumentError, DtypeError, ShapeError
from ..nn.checks import as_array
from ..numpy.arguments import cast, is_weak, promote
from ..ops.linear import shape_of
from .options import RoundingMethod

__all__ = [
    "clamp",
    "complex",
    "convert_element_type",
    "div",
    "integer_pow",
    "is_finite",
    "reciprocal",
    "reduce_precision",
    "rem",
    "round",
    "rsqrt",
    "select_n",
    "shift_right_logical",
]

Array = Any


def _pair(called: str, x: Array, y: Array) -> list[Any]:
    """Two operands of one dtype; a Python scalar takes that of the other."""
    arrays = [as_array(called, v) for v in (x, y)]
    if is_weak(x) == is_weak(y):
        return promote(arrays)
    return promote([v if is_weak(v) else a for v, a in zip((x, y), arrays, strict=True)])


def div(x: Array, y: Array) -> Array:
    """``x / y``; of integers the quotient rounded towards zero, as C does and NumPy does not.

    >>> div(np.array([7, -7]), 2)
    array([ 3, -3])
    >>> div(1.0, 4.0)
    np.float64(0.25)
    """
    x, y = _pair("div", x, y)
    if aval_of(x).inexact:
        return np.true_divide(x, y)
    return np.floor_divide(x - np.fmod(x, y), y)


def rem(x: Array, y: Array) -> Array:
    """The remainder of `div`, which has the sign of ``x``: `numpy.fmod`.

    >>> rem(np.array([7, -7]), 2)
    array([ 1, -1])
    """
    return np.fmod(*_pair("rem", x, y))


def reciprocal(x: Array) -> Array:
    """``1 / x``, of integers in float64.

    >>> reciprocal(np.array([2.0, 4.0]))
    array([0.5 , 0.25])
    """
    x = as_array("reciprocal", x)
    return np.reciprocal(x if aval_of(x).inexact else cast(x, np.dtype(np.float64)))


def rsqrt(x: Array) -> Array:
    """``1 / sqrt(x)``.

    >>> rsqrt(np.array([4.0, 16.0]))
    array([0.5 , 0.25])
    """
    return np.reciprocal(np.sqrt(as_array("rsqrt", x)))


def integer_pow(x: Array, y: int) -> Array:
    """``x ** y`` for a Python integer ``y``.

    Raises:
        DtypeError: ``y`` is no integer.

    >>> integer_pow(3.0, -2)
    np.float64(0.1111111111111111)
    """
    if type(y) is not int:
        raise DtypeError(
            f"integer_pow: the exponent must be a Python integer, got {type(y).__name__}",
            "Write lax.pow(x, y) for others.",
        )
    return np.power(as_array("integer_pow", x), y)


def is_finite(x: Array) -> Array:
    """Whether each element is neither infinite nor nan: `numpy.isfinite`.

    >>> is_finite(np.array([1.0, np.inf]))
    array([ True, False])
    """
    return np.isfinite(as_array("is_finite", x))


def clamp(min: Array, x: Array, max: Array) -> Array:
    """``x`` between two bounds: `numpy.clip` with its arguments in the order of the numbers.

    Args:
        min: The lower bound, a scalar or of x's shape.
        x: An array.
        max: The upper bound, a scalar or of x's shape.

    Raises:
        ShapeError: A bound is neither a scalar nor of x's shape.

    >>> clamp(0.0, np.array([-1.0, 0.5, 2.0]), 1.0)
    array([0. , 0.5, 1. ])
    """
    shape = np.shape(x)
    for name, bound in (("min", min), ("max", max)):
        if np.shape(bound) not in ((), shape):
            raise ShapeError(
                f"clamp: {name} has shape {np.shape(bound)}, and x has {shape}",
                "Give a scalar or bounds of x's shape; numpy.clip broadcasts.",
            )
    return np.clip(x, min, max)


def complex(x: Array, y: Array) -> Array:
    """``x + 1j * y``, from two real arrays.

    >>> complex(np.float64(1.0), np.float64(2.0))
    np.complex128(1+2j)
    """
    x, y = _pair("complex", x, y)
    kind = aval_of(x).dtype
    if kind.kind != "f":
        raise DtypeError(
            f"complex: expected two real floats, got {kind}", "Convert with x.astype(float)."
        )
    return x + cast(np.asarray(1j)[()], np.result_type(kind, np.complex64)) * y


def convert_element_type(operand: Array, new_dtype: Any) -> Array:
    """``operand`` in another dtype, real parts of complex numbers where that is real.

    >>> convert_element_type(np.array([1.5, 2.5]), np.int32)
    array([1, 2], dtype=int32)
    """
    x, dtype = as_array("convert_element_type", operand), np.dtype(new_dtype)
    if aval_of(x).dtype.kind == "c" and dtype.kind not in "cb":
        x = np.real(x)
    return x.astype(dtype)


def round(x: Array, rounding_method: Any = RoundingMethod.AWAY_FROM_ZERO) -> Array:
    """The nearest whole number, as a float; halves away from zero unless told otherwise.

    Args:
        x: Floats.
        rounding_method: `RoundingMethod.AWAY_FROM_ZERO`, or ``TO_NEAREST_EVEN`` for `numpy.rint`.

    Raises:
        ArgumentError: For another method.

    >>> round(np.array([0.5, 1.5, -2.5])), round(2.5, RoundingMethod.TO_NEAREST_EVEN)
    (array([ 1.,  2., -3.]), np.float64(2.0))
    """
    if rounding_method not in (*RoundingMethod, 0, 1):
        raise ArgumentError(
            f"round: got rounding_method={rounding_method!r}",
            "Write lax.RoundingMethod.AWAY_FROM_ZERO or lax.RoundingMethod.TO_NEAREST_EVEN.",
        )
    x = as_array("round", x)
    if RoundingMethod(rounding_method) is RoundingMethod.TO_NEAREST_EVEN:
        return np.rint(x)
    down = np.trunc(x)
    # `x - down` is exact, which `x + 0.5` is not.
    return np.copysign(down + np.where(np.abs(x - down) >= 0.5, np.sign(x), np.zeros_like(x)), x)


def select_n(which: Array, *cases: Array) -> Array:
    """From several arrays of one type the elements that ``which`` numbers.

    Args:
        which: Integers, or booleans for two cases (the first where False); of the cases' shape or a
            scalar.
        *cases: Arrays of one shape and dtype.

    Raises:
        ArgumentError: There is no case, or more than two for booleans.
        ShapeError: The shapes differ.
        DtypeError: The dtypes differ, or ``which`` has neither integers nor booleans.
        OutOfBoundsError: A number names no case. (JAX does something undefined there.)

    >>> select_n(np.array([True, False]), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([3., 2.])
    """
    which = as_array("select_n", which)
    kind = aval_of(which).dtype.kind
    if not cases or (kind == "b" and len(cases) > 2):
        raise ArgumentError(
            f"select_n: got {len(cases)} cases for {aval_of(which)}",
            "Give two for booleans, one or more for integers.",
        )
    arrays = [as_array("select_n", case) for case in cases]
    if kind not in "biu" or len({aval_of(x).dtype for x in arrays}) > 1:
        shown = ", ".join([str(aval_of(x)) for x in arrays])
        raise DtypeError(
            f"select_n: got {aval_of(which)} to choose among {shown}",
            "Number cases of one dtype with integers or booleans.",
        )
    shape = shape_of(arrays[0])
    if any(shape_of(x) != shape for x in arrays) or shape_of(which) not in ((), shape):
        shown = ", ".join([str(shape_of(x)) for x in arrays])
        raise ShapeError(
            f"select_n: got shapes {shown} to choose among by {shape_of(which)}",
            "Give cases of one shape; numpy.where and numpy.choose broadcast.",
        )
    if len(arrays) == 1:
        return arrays[0]
    if kind == "b":
        return np.where(which, arrays[1], arrays[0])
    return np.choose(which, arrays)


def shift_right_logical(x: Array, y: Array) -> Array:
    """``x >> y`` with zeros from the left, also of negative integers.

    >>> shift_right_logical(np.int8(-2), np.int8(1))
    np.int8(127)
    """
    x, y = _pair("shift_right_logical", x, y)
    dtype = aval_of(x).dtype
    if dtype.kind not in "iu":
        raise DtypeError(f"shift_right_logical: expected integers, got {dtype}", "Convert them.")
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.right_shift(x.astype(unsigned), y.astype(unsigned)).astype(dtype)


def reduce_precision(operand: Array, exponent_bits: int, mantissa_bits: int) -> Array:
    """Floats rounded to those with fewer bits, halves to even; they keep their dtype.

    What is too large becomes infinite, what is smaller than the smallest normal number zero. The
    derivative is that of the identity.

    Args:
        operand: Floats.
        exponent_bits: Those of the format, 1 to the dtype's own: 5 for float16, 8 for bfloat16.
        mantissa_bits: Those of the format, without the leading one: 10 for float16, 7 for bfloat16.

    Raises:
        ArgumentError: There is no such format.
        DtypeError: The operand has no floats.

    >>> reduce_precision(np.float64(1.2345678), 5, 10) == np.float16(1.2345678)
    np.True_
    """
    x = as_array("reduce_precision", operand)
    dtype = aval_of(x).dtype
    if dtype.kind != "f":
        raise DtypeError(f"reduce_precision: expected floats, got {dtype}", "Convert them first.")
    for name, bits, least in (
        ("exponent_bits", exponent_bits, 1),
        ("mantissa_bits", mantissa_bits, 0),
    ):
        if type(bits) is not int or bits < least:
            raise ArgumentError(
                f"reduce_precision: {name} must be a Python integer >= {least}, got {bits!r}",
                "Write lax.reduce_precision(x, 5, 10) for float16's numbers.",
            )
    return _reduced(x, exponent_bits, mantissa_bits)


@custom_jvp
def _reduced(x: Array, exponent_bits: int, mantissa_bits: int) -> Array:
    dtype = aval_of(x).dtype
    own, one = np.finfo(dtype), dtype.type(1)
    if mantissa_bits < own.nmant:
        mantissa, exponent = np.frexp(x)
        grid = np.ldexp(one, mantissa_bits + 1)
        x = np.ldexp(np.rint(mantissa * grid) / grid, exponent)
    if exponent_bits < own.nexp:
        largest = 2 ** (exponent_bits - 1) - 1
        above, below = np.ldexp(one, largest + 1), np.ldexp(one, 1 - largest)
        x = np.where(np.abs(x) >= above, np.copysign(dtype.type(np.inf), x), x)
        x = np.where(np.abs(x) < below, np.copysign(dtype.type(0), x), x)
    return x


@_reduced.defjvp
def _reduced_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    x, *bits = primals
    return _reduced(x, *bits), tangents[0]
