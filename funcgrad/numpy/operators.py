"""Python's operators on tracers, installed on `Tracer` at import.

Operands whose dtypes agree go straight to the primitive; the others are promoted as the ufunc of
the operator would. Between Python scalars an operator means what it means in Python.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.trace import ScalarTracer, Tracer, apply, aval_of
from ..errors import ArgumentError, DtypeError, entry, trim
from ..ops import arithmetic, discrete
from ..ops.arithmetic import pow_, scalar_pow
from ..ops.complex import absolute
from ..ops.convert import Convert, convert
from ..ops.discrete import floor_divide
from ..ops.kinds import add, div, mul, neg
from ..tree.treedef import a
from .arguments import array_like, operand
from .inplace import copy_tracer
from .promote import apply_ufunc, loop_dtypes

__all__ = ["install", "raise_to"]

_ARRAYS = frozenset({np.ndarray, *[np.dtype(c).type for c in "?bBhHiIlLqQefdgFDG"]})
_TRACERS = frozenset({Tracer, ScalarTracer})
_PYTHON = (bool, int, float, complex)


def _binary(
    primitive: Any, ufunc: np.ufunc, kinds: str
) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """The operator and its reflection; operands of one dtype of ``kinds`` need no promotion."""
    with_float = "".join(k for k in kinds if k in "fc")
    equality = primitive in (discrete.equal, discrete.not_equal)
    ordered = isinstance(primitive, discrete.Comparison) and not equality

    def forward(self: Any, other: Any) -> Any:
        try:
            kind = type(other)
            dtype = self.aval.dtype
            if kind is ScalarTracer or kind is Tracer:
                if other.aval.dtype is dtype and dtype.kind in kinds:
                    frame = self.frame
                    if frame is other.frame and not frame.closed:
                        return frame.process(primitive, (self, other), None)
                    return apply(primitive, (self, other), None)
            elif kind is float or kind is int:
                if dtype.kind in with_float and not self.frame.closed:
                    return self.frame.process(primitive, (self, other), None)
            elif kind in _ARRAYS and other.dtype is dtype and dtype.kind in kinds:
                return apply(primitive, (self, other), None)
            other = _other(primitive, other, equality)
            if other is NotImplemented:
                return other
            if ordered:
                _require_order(primitive, self, other)
            return apply_ufunc(primitive, ufunc, (self, other))
        except Exception as error:
            trim(error)
            raise

    def reflected(self: Any, other: Any) -> Any:
        try:
            kind = type(other)
            if (
                (kind is float or kind is int)
                and self.aval.dtype.kind in with_float
                and not self.frame.closed
            ):
                return self.frame.process(primitive, (other, self), None)
            other = _other(primitive, other, equality)
            if other is NotImplemented:
                return other
            return apply_ufunc(primitive, ufunc, (other, self))
        except Exception as error:
            trim(error)
            raise

    return forward, reflected


def _require_order(primitive: Any, x: Any, y: Any) -> None:
    """Raise for Python's numbers where one is complex: NumPy's complex numbers have an order.

    Raises:
        DtypeError: As Python's TypeError.
    """
    avals = aval_of(x), aval_of(y)
    if all(aval.weak for aval in avals) and any(aval.dtype.kind == "c" for aval in avals):
        raise DtypeError(
            f"{primitive.name}: Python's complex numbers have no order",
            "Compare x.real, x.imag or abs(x); NumPy's have one, by real part first.",
        )


def _other(primitive: Any, value: Any, equality: bool = False) -> Any:
    """The other operand as an array, scalar or tracer; NotImplemented for foreign objects.

    Raises:
        DtypeError: For text, None and containers that are no array (unless ``equality``).
    """
    if isinstance(value, Tracer | np.ndarray | np.generic) or type(value) in _PYTHON:
        return value
    if isinstance(value, _PYTHON):
        return +value  # of a subclass, as an IntEnum is
    if isinstance(value, list | tuple):
        return operand(value)
    if not equality and (value is None or isinstance(value, str | bytes | dict | set | frozenset)):
        raise DtypeError(
            f"{primitive.name}: the other operand is {a(type(value).__name__)}, not an array or a "
            "number",
            "Pass arrays, NumPy scalars or Python numbers.",
        )
    return NotImplemented if equality else array_like(primitive.name, value)


def _unary(primitive: Any, ufunc: np.ufunc, kinds: str) -> Callable[[Any], Any]:
    def operator(self: Any) -> Any:
        try:
            if self.aval.dtype.kind in kinds and not self.frame.closed:
                return self.frame.process(primitive, (self,), None)
            return apply_ufunc(primitive, ufunc, (self,))
        except Exception as error:
            trim(error)
            raise

    return operator


def raise_to(x: Any, exponent: Any, by_operator: bool) -> Any:
    """``x`` to the power of a Python or NumPy scalar.

    Args:
        x: A tracer.
        exponent: The scalar.
        by_operator: True for ``x ** exponent``, False for ``np.power(x, exponent)``.
    """
    aval, other = x.aval, aval_of(exponent)
    if by_operator and aval.weak and other.weak:
        kinds = {aval.dtype.kind, other.dtype.kind}
        kind = max(kinds | {"i"}, key="bifc".index)
        if other.dtype.kind == "b":
            exponent = int(exponent)
        if kind == "i" and exponent < 0:
            kind = "f"
        dtype = np.dtype({"i": np.int64, "f": np.float64, "c": np.complex128}[kind])
        return scalar_pow(exponent, True)(x if aval.dtype == dtype else Convert(dtype, True)(x))
    dtypes = loop_dtypes(np.power, (aval, other))
    if aval.dtype.kind == "b" and by_operator and other.weak:
        # The square of a boolean array is an int8, which the ufunc would not say.
        one = np.ones((min(aval.size, 1),) if aval.shape else (), np.bool_)[()]
        dtypes = ((one**exponent).dtype, dtypes[1])
    typed = dtypes[1].type(exponent)
    if dtypes[0].kind in "iu" and aval.size:
        np.power(dtypes[0].type(1), typed)  # NumPy's own error for a negative exponent
    if not (by_operator and other.weak):
        exponent = typed
    return scalar_pow(exponent, by_operator)(convert(x, dtypes[0]))


def _pow(self: Any, other: Any, modulus: Any = None) -> Any:
    kind = type(other)
    if (kind is int or kind is float) and modulus is None and self.aval.dtype.kind in "fc":
        return apply(scalar_pow(other, True), (self,), None)
    if modulus is not None:
        raise ArgumentError(
            "pow: got a modulus, which traced values do not take", "Write (x ** y) % modulus."
        )
    other = _other(pow_, other)
    if other is NotImplemented:
        return other
    if not isinstance(other, Tracer) and np.ndim(other) == 0:
        return raise_to(self, other[()] if isinstance(other, np.ndarray) else other, True)
    return apply_ufunc(pow_, np.power, (self, other))


def _rpow(self: Any, other: Any) -> Any:
    other = _other(pow_, other)
    return other if other is NotImplemented else apply_ufunc(pow_, np.power, (other, self))


def _matmul(self: Any, other: Any) -> Any:
    from . import products as products  # puts its own methods in the place of these

    return type(self).__matmul__(self, other)


def _rmatmul(self: Any, other: Any) -> Any:
    from . import products as products

    return type(self).__rmatmul__(self, other)


def _pos(self: Any) -> Any:
    if self.aval.dtype.kind != "b":
        return copy_tracer(self)
    if self.aval.weak:
        return Convert(np.dtype(np.int64), True)(self)
    loop_dtypes(np.positive, (self.aval,))
    return self


def _divmod(self: Any, other: Any) -> Any:
    other = _other(floor_divide, other)
    return other if other is NotImplemented else (self // other, self % other)


def _rdivmod(self: Any, other: Any) -> Any:
    other = _other(floor_divide, other)
    return other if other is NotImplemented else (other // self, other % self)


def _round(self: Any, decimals: Any = None) -> Any:
    if decimals is None:
        return round(self.frame.concrete(self, "round"))
    if self.aval.shape:
        raise TypeError("type numpy.ndarray doesn't define __round__ method")
    if self.aval.weak and self.aval.dtype.kind == "c":
        raise TypeError("type complex doesn't define __round__ method")
    return discrete.Round(decimals.__index__())(self)


def _to_int(function: Callable[[Any], int]) -> Callable[[Any], int]:
    def method(self: Any) -> int:
        return function(self.frame.concrete(self, f"math.{function.__name__}"))

    return method


def install() -> None:
    """Install the operators on `Tracer`."""
    for name, primitive, ufunc, kinds in [
        ("add", add, np.add, "iufc"),
        ("sub", arithmetic.sub, np.subtract, "iufc"),
        ("mul", mul, np.multiply, "iufc"),
        ("truediv", div, np.true_divide, "fc"),
        ("floordiv", floor_divide, np.floor_divide, "iuf"),
        ("mod", arithmetic.remainder, np.remainder, "iuf"),
        ("and", discrete.bitwise_and, np.bitwise_and, "biu"),
        ("or", discrete.bitwise_or, np.bitwise_or, "biu"),
        ("xor", discrete.bitwise_xor, np.bitwise_xor, "biu"),
        ("lshift", discrete.left_shift, np.left_shift, "iu"),
        ("rshift", discrete.right_shift, np.right_shift, "iu"),
    ]:
        forward, reflected = _binary(primitive, ufunc, kinds)
        setattr(Tracer, f"__{name}__", forward)
        setattr(Tracer, f"__r{name}__", reflected)
    for name, primitive, ufunc in [
        ("gt", discrete.greater, np.greater),
        ("ge", discrete.greater_equal, np.greater_equal),
        ("lt", discrete.less, np.less),
        ("le", discrete.less_equal, np.less_equal),
        ("eq", discrete.equal, np.equal),
        ("ne", discrete.not_equal, np.not_equal),
    ]:
        kinds = "biufc" if name in ("eq", "ne") else "biuf"
        setattr(Tracer, f"__{name}__", _binary(primitive, ufunc, kinds)[0])
    functions: dict[str, Callable[..., Any]] = {
        "__neg__": _unary(neg, np.negative, "iufc"),
        "__abs__": _unary(absolute, np.absolute, "iufc"),
        "__invert__": _unary(discrete.invert, np.invert, "iu"),
        "__matmul__": _matmul,
        "__rmatmul__": _rmatmul,
        "__pos__": _pos,
        "__pow__": _pow,
        "__rpow__": _rpow,
        "__divmod__": _divmod,
        "__rdivmod__": _rdivmod,
        "__round__": _round,
        "__trunc__": _to_int(math.trunc),
        "__floor__": _to_int(math.floor),
        "__ceil__": _to_int(math.ceil),
    }
    for name, function in functions.items():
        own = name in ("__neg__", "__abs__", "__invert__")  # these trim their errors themselves
        setattr(Tracer, name, function if own else entry(function))
