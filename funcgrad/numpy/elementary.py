"""NumPy's elementwise functions that are no ufuncs: where, clip, parts, sinc, rounding."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError
from ..ops import elementwise as ops
from ..ops.convert import Convert
from .arguments import cast, is_given, is_weak, operand, operands, promote
from .dispatch import implements, refuse
from .inplace import views
from .promote import promote_types, promoted_for, strong

__all__ = [
    "allclose",
    "angle",
    "around",
    "clip",
    "fix",
    "imag",
    "isclose",
    "iscomplex",
    "isneginf",
    "isposinf",
    "isreal",
    "nan_to_num",
    "real",
    "round",
    "sinc",
    "where",
]


@implements(np.where, more=("size", "fill_value"))
def where(
    condition: Any, x: Any = None, y: Any = None, *, size: int | None = None, fill_value: Any = None
) -> Any:
    """``numpy.where``. The gradient of what is not chosen is 0, though its own were infinite.

    With one argument it is `nonzero`, and takes its ``size`` and ``fill_value``.
    """
    if x is None and y is None:
        if size is not None:
            from .sized import nonzero_sized

            return nonzero_sized("where", operand(condition), size, fill_value)
        return np.nonzero(condition)
    if x is None or y is None:
        raise ArgumentError("where: got one alternative", "Write where(condition, x, y).")
    chosen = operand(condition)
    if aval_of(chosen).dtype.kind != "b":
        chosen = np.not_equal(chosen, 0)
    for number, other in ((x, y), (y, x)):
        if type(number) is int and not is_weak(other):
            dtype = aval_of(operand(other)).dtype
            if dtype.kind in "iu":
                # For a number that the dtype does not hold it raises from NumPy 2.5 on.
                np.where(True, np.zeros((), dtype), number)
    return ops.select(chosen, *operands([x, y], weak=True))


@implements(np.clip)
def clip(
    a: Any,
    a_min: Any = np._NoValue,
    a_max: Any = np._NoValue,
    out: Any = None,
    *,
    min: Any = np._NoValue,
    max: Any = np._NoValue,
    **kwargs: Any,
) -> Any:
    """``numpy.clip``; the gradient by ``a`` is 1 at the bounds too."""
    refuse("clip", out=out, **kwargs)
    if (is_given(a_min) and is_given(min)) or (is_given(a_max) and is_given(max)):
        raise ArgumentError("clip: got a bound twice", "Write clip(x, lower, upper).")
    x = operand(a)
    bounds = [
        b if is_given(b) else c if is_given(c) else None for b, c in ((a_min, min), (a_max, max))
    ]
    lower, upper = (b if b is None or is_weak(b) else operand(b) for b in bounds)
    if aval_of(x).dtype.kind in "iu":
        limits = np.iinfo(aval_of(x).dtype)
        # NumPy's exception to its rule that Python integers must fit.
        lower = None if type(lower) is int and lower <= limits.min else lower
        upper = None if type(upper) is int and upper >= limits.max else upper
    if lower is None and upper is None:
        return promoted_for(np.positive, (x,))[0]
    if lower is None:
        return ops.at_most(*promoted_for(np.minimum, (x, upper)))
    if upper is None:
        return ops.at_least(*promoted_for(np.maximum, (x, lower)))
    dtype = promote_types(x, lower, upper)
    return ops.clip(cast(x, dtype), cast(lower, dtype), cast(upper, dtype))


def _python_part(x: Tracer, part: Any) -> Any:
    """The real or imaginary part of a Python number, which is one itself."""
    kind = x.aval.dtype.kind
    if kind == "c":
        return Convert(np.dtype(np.float64), True)(part(x))
    if part is ops.imag:
        return 0.0 if kind == "f" else 0
    return Convert(np.dtype(np.int64), True)(x) if kind == "b" else x


@implements(np.real)
@views
def real(val: Any) -> Any:
    """``numpy.real``."""
    if isinstance(val, Tracer) and val.aval.weak:
        return _python_part(val, ops.real)
    x = operand(val)
    return ops.real(x) if aval_of(x).dtype.kind == "c" else x


@implements(np.imag)
@views
def imag(val: Any) -> Any:
    """``numpy.imag``; zeros for a real value."""
    if isinstance(val, Tracer) and val.aval.weak:
        return _python_part(val, ops.imag)
    x = operand(val)
    aval = aval_of(x)
    return ops.imag(x) if aval.dtype.kind == "c" else np.zeros(aval.shape, aval.dtype)[()]


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """``numpy.angle``; its gradient at 0 is 0."""
    x = operand(z)
    if aval_of(x).dtype.kind == "c":
        found = ops.arctan2(ops.imag(x), ops.real(x))
    else:
        found = np.arctan2(0, x)
    return found * (180 / math.pi) if deg else found


@implements(np.sinc)
def sinc(x: Any) -> Any:
    """``numpy.sinc``, sin(pi x)/(pi x); every derivative is right at 0."""
    x = operand(x)
    aval = aval_of(x)
    return ops.sinc(x if aval.inexact else cast(x, np.float64))


@implements(np.nan_to_num)
def nan_to_num(
    x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """``numpy.nan_to_num``; the gradient of what is replaced is 0."""
    if not copy:
        refuse("nan_to_num", copy=copy)
    x = operand(x)
    kind = aval_of(x).dtype.kind
    if kind == "c":
        parts = [_finite(part, nan, posinf, neginf) for part in (ops.real(x), ops.imag(x))]
        return ops.make_complex(*parts)
    return _finite(x, nan, posinf, neginf) if kind == "f" else x


def _finite(x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    dtype = aval_of(x).dtype
    limits = np.finfo(dtype)
    found = ops.select(ops.isnan(x), cast(operand(nan), dtype), x)
    above = limits.max if posinf is None else operand(posinf)
    below = limits.min if neginf is None else operand(neginf)
    infinite = dtype.type(np.inf)
    found = ops.select(ops.equal(x, infinite), cast(above, dtype), found)
    return ops.select(ops.equal(x, -infinite), cast(below, dtype), found)


@implements(np.round, np.around)
def round(a: Any, decimals: Any = 0, out: Any = None) -> Any:
    """``numpy.round``; its gradient is 0."""
    refuse("round", out=out)
    x = operand(a)
    positions = operator.index(decimals)
    dtype = np.round(np.zeros(1, aval_of(x).dtype), positions).dtype
    return ops.Round(positions)(cast(x, dtype))


around = round


@implements(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    """``numpy.fix``, the same as ``numpy.trunc``."""
    refuse("fix", out=out)
    return np.trunc(operand(x))


@implements(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Any:
    """``numpy.isposinf``."""
    refuse("isposinf", out=out)
    x = operand(x)
    return np.logical_and(np.isinf(x), np.logical_not(np.signbit(x)))


@implements(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Any:
    """``numpy.isneginf``."""
    refuse("isneginf", out=out)
    x = operand(x)
    return np.logical_and(np.isinf(x), np.signbit(x))


@implements(np.iscomplex)
def iscomplex(x: Any) -> Any:
    """``numpy.iscomplex``: where the imaginary part is not 0."""
    return np.not_equal(imag(x), 0)


@implements(np.isreal)
def isreal(x: Any) -> Any:
    """``numpy.isreal``: where the imaginary part is 0."""
    return np.equal(imag(x), 0)


@implements(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """``numpy.isclose`` with tolerances that are numbers."""
    if isinstance(rtol, Tracer) or isinstance(atol, Tracer) or np.ndim(rtol) or np.ndim(atol):
        raise ArgumentError(
            "isclose: with traced values the tolerances must be numbers",
            "Write abs(a - b) <= atol + rtol * abs(b).",
        )
    x, y = (v if is_weak(v) else operand(v) for v in (a, b))
    x, y = promote([x, y]) if not (aval_of(x).weak and aval_of(y).weak) else (strong(x), strong(y))
    return ops.Isclose(float(rtol), float(atol), bool(equal_nan))(x, y)


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """``numpy.allclose`` with tolerances that are numbers; traced where there is no value yet."""
    answer = np.all(isclose(a, b, rtol, atol, equal_nan))
    return answer if isinstance(answer, Tracer) else bool(answer)
