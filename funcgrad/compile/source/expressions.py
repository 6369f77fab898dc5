"""The text of one equation, in NumPy or in the arithmetic of Python's floats.

A float64 scalar is a Python float in generated source, because ``+ - * /`` cost a sixth of what
they cost with NumPy's scalars and round alike. Where Python would raise and NumPy gives inf or nan,
the program is run again by its second version, whose scalars are NumPy's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.backend import Profile
from ...core.ir import Aval, Equation, Literal, Var
from ...core.plain import one_line
from ...core.primitive import literal
from ...core.source_info import line_of
from ...ops.arithmetic import Pow, ScalarPow, Square, Sub
from ...ops.complex import Abs
from ...ops.convert import Convert
from ...ops.discrete import Comparison
from ...ops.exponential import Exp, Exp2, Expm1, Log, Log1p, Log2, Log10, Sqrt
from ...ops.index import ScatterSum
from ...ops.kinds import Add, Div, Elementwise, MaskMul, Mul, Neg, QuietDiv
from ...ops.layout import takes_element
from ...ops.linalg import DotGeneral
from ...ops.linear import Reshape, Transpose
from ...ops.select import Clip, Keep, Select
from ...ops.trigonometric import (
    Arccos,
    Arccosh,
    Arcsin,
    Arcsinh,
    Arctan,
    Arctanh,
    Cos,
    Cosh,
    Sin,
    Sinh,
    Tan,
    Tanh,
)
from ...ops.unstack import Stack

__all__ = [
    "array_constant",
    "array_text",
    "is_flagged",
    "is_float",
    "is_number",
    "literal_text",
    "may_raise",
    "python_text",
    "warning_text",
]

PROFILE = Profile()
"""What pays on NumPy."""

FLOAT64 = np.dtype(np.float64)
_RAISING = re.compile(r"/|%|\*\*|sqrt\(")


class Line:
    """A line of source and the equation that it computes."""

    __slots__ = ("code", "equation", "operands")

    def __init__(self, code: str, equation: Equation | None = None, operands: str = "") -> None:
        self.code, self.equation, self.operands = code, equation, operands

    def indent(self, columns: int) -> Line:
        """The line further to the right."""
        code = " " * columns + self.code if self.code else ""
        return Line(code, self.equation, self.operands)

    def comment(self) -> str:
        """The equation in words of the jaxpr, and the user's line."""
        if self.equation is None:
            return ""
        source_info = line_of(self.equation.source_info)
        shown = one_line(str(self.equation.primitive))
        return f"{shown} {self.operands}" + (f"  {source_info}" if source_info else "")


class Guard(Line):
    """A line that runs and that the text of a program does not show."""

    __slots__ = ()


def is_float(aval: Aval) -> bool:
    """Whether a value is a Python float in the source's first version."""
    return not aval.shape and aval.dtype == FLOAT64 and type(aval) is Aval


def is_number(aval: Aval) -> bool:
    """Whether a value is a number of Python's in the source's first version."""
    return not aval.shape and (aval.weak or aval.dtype.char in "d?")


def may_raise(expression: str) -> bool:
    """Whether Python's numbers may raise here where NumPy's give inf or nan."""
    return _RAISING.search(expression) is not None


def is_flagged(primitive: Any) -> bool:
    """Whether NumPy tells of overflow, underflow or nan where Python's floats say nothing."""
    return isinstance(primitive, (Add, Sub, Mul, Div, MaskMul, Square, ScalarPow, Pow))


def number_text(value: Any) -> str:
    """A number as Python source."""
    if isinstance(value, _WIDE):
        return _wide_text(value)
    if isinstance(value, (complex, np.complexfloating)):
        return f"complex({number_text(value.real)}, {number_text(value.imag)})"
    if value != value:
        return "np.nan"
    if value in (np.inf, -np.inf):
        return "np.inf" if value > 0 else "-np.inf"
    # str of a float32 is the shortest text that rounds to it.
    return str(value)


_WIDE: tuple[Any, ...] = (np.longdouble, np.clongdouble)
"""NumPy's longest floats, which may hold more digits than Python's, whose text would lose them."""


def _wide_text(value: Any) -> str:
    if value.dtype.kind == "c":
        parts = ", ".join([_wide_text(value.real), _wide_text(value.imag)])
        return f"np.array([{parts}]).view(np.clongdouble)[0]"
    return f"np.longdouble({str(value)!r})"


def array_constant(x: np.ndarray[Any, Any]) -> str:
    """An array as source that makes it anew, to the bit."""
    dtype = f"np.{x.dtype.name}"
    if not x.size:
        return f"np.zeros({x.shape}, {dtype})"
    plain = x.dtype.kind in "biu" or (x.dtype.kind == "f" and bool(np.isfinite(x).all()))
    wide = x.dtype.type in _WIDE
    listed = str(x.tolist()) if plain and not wide else _nested(x if wide else x.tolist())
    return f"np.array({listed}, {dtype})"


def _nested(values: Any) -> str:
    if isinstance(values, (list, np.ndarray)) and np.ndim(values):
        return f"[{', '.join(map(_nested, values))}]"
    return number_text(values[()] if isinstance(values, np.ndarray) else values)


def literal_text(literal: Literal, adapts: bool) -> str:
    """A literal as source; its type is spelled out unless it ``adapts`` to the other operands."""
    aval, value = literal.aval, literal.value
    text = number_text(value)
    if aval.dtype.type in _WIDE:
        return text
    if adapts or aval.weak or aval.dtype == FLOAT64:
        return text
    return f"np.{aval.dtype.name}({text})"


def adapts(eqn: Equation, position: int) -> bool:
    """Whether a literal among the operands of ``eqn`` takes its dtype from another operand."""
    primitive = eqn.primitive
    if not isinstance(primitive, Elementwise) or position < primitive.untyped:
        return False
    if primitive.typed or (isinstance(primitive, Clip) and position == 0):
        return False  # a Python number to clip is an array of its own
    dtype = eqn.inputs[position].aval.dtype
    for a in eqn.inputs[primitive.untyped :]:
        if isinstance(a, Var) and a.aval.dtype == dtype and not a.aval.weak:
            return True
    return False


_OPERATORS: dict[type, str] = {Add: "+", Sub: "-", Mul: "*", Div: "/"}


def python_text(eqn: Equation, operands: Sequence[str]) -> str | None:
    """The equation in Python's floats, None where it takes NumPy.

    Args:
        eqn: An equation over float64 scalars.
        operands: Their texts.
    """
    primitive = eqn.primitive
    kind = type(primitive)
    symbol = _OPERATORS.get(kind)
    if symbol is not None:
        return f"{operands[0]} {symbol} {operands[1]}"
    if isinstance(primitive, Comparison):
        return f"{operands[0]} {primitive.symbol} {operands[1]}"
    if kind is ScalarPow and primitive.operator:
        if type(primitive.exponent) is int:
            return primitive.source(*operands)
        # Python gives a complex number for a negative base, NumPy nan.
        return f"power({operands[0]}, {literal(primitive.exponent)})"
    if kind is Pow:
        base = eqn.inputs[0]
        positive = isinstance(base, Literal) and base.value > 0
        return primitive.source(*operands) if positive else f"power({', '.join(operands)})"
    if kind is Keep:
        condition = operands[0] if primitive.where else f"not {operands[0]}"
        zero = f"v if (v := {operands[1]} * 0.0) == v else 0.0"
        return f"{operands[1]} if {condition} else {zero}"
    if kind is Convert and eqn.inputs[0].aval.dtype.kind != "c":
        to_float = is_float(eqn.outputs[0].aval)
        return f"float({operands[0]})" if to_float else f"{operands[0]} != 0.0"
    rule = _PYTHON.get(kind)
    return None if rule is None else rule(*operands)


def _mask_mul(x: str, y: str) -> str:
    # Where the product is no nan it is the masked product.
    return f"v if (v := {x} * {y}) == v else mask_mul({x}, {y})"


_PYTHON: dict[type, Callable[..., str]] = {
    Neg: lambda x: f"-{x}",
    Abs: lambda x: f"abs({x})",
    Square: lambda x: f"{x} * {x}",
    Sqrt: lambda x: f"sqrt({x})",
    QuietDiv: lambda x, y: f"{x} / {y}",
    MaskMul: _mask_mul,
    Select: lambda c, x, y: f"{x} if {c} else {y}",
}


_EXPONENT_MOST = 709.0
"""From a little more on e to this power is no number."""
_LARGE = f"{{0}} > {_EXPONENT_MOST}"
_WIDE_ANGLE = "{0} - {0} != 0.0"
_WARNING: dict[type, str] = {
    Exp: _LARGE,
    Exp2: "{0} > 1023.0",
    Expm1: _LARGE,
    Log: "{0} <= 0.0",
    Log2: "{0} <= 0.0",
    Log10: "{0} <= 0.0",
    Log1p: "{0} <= -1.0",
    Sin: _WIDE_ANGLE,
    Cos: _WIDE_ANGLE,
    Tan: _WIDE_ANGLE,
    Arcsin: "abs({0}) > 1.0",
    Arccos: "abs({0}) > 1.0",
    Arctan: "",
    Sinh: f"abs({{0}}) > {_EXPONENT_MOST}",
    Cosh: f"abs({{0}}) > {_EXPONENT_MOST}",
    Tanh: "",
    Arcsinh: "",
    Arccosh: "{0} < 1.0",
    Arctanh: "abs({0}) >= 1.0",
    MaskMul: "",
}
"""Where NumPy's function of a float may warn; "" where it never does."""


def warning_text(eqn: Equation) -> str | None:
    """The condition on its operands under which NumPy may warn as it computes an equation.

    "" where it does under none; None where that is not known.
    """
    condition = _WARNING.get(type(eqn.primitive))
    return condition if all(is_float(a.aval) for a in eqn.inputs) else None


def ufunc_of(eqn: Equation) -> np.ufunc | None:
    """The ufunc that computes an equation, into an array that is there if need be."""
    primitive = eqn.primitive
    if not isinstance(primitive, Elementwise):
        return None
    if type(primitive) is ScalarPow and primitive.operator and primitive.exponent == 2:
        return np.square
    return primitive.numpy if isinstance(primitive.numpy, np.ufunc) else None


def ufunc_name(ufunc: np.ufunc) -> str:
    """A ufunc's name in source: NumPy's, or one of `scipy.special`."""
    module = "np" if getattr(np, ufunc.__name__, None) is ufunc else "special"
    return f"{module}.{ufunc.__name__}"


_PRODUCT = re.compile(r"^(\S+) @ (\S+)$")


def array_text(eqn: Equation, operands: Sequence[str]) -> str:
    """The equation in NumPy, as its primitive states it; methods where those cost less."""
    primitive = eqn.primitive
    kind = type(primitive)
    x = eqn.inputs[0] if eqn.inputs else None
    if isinstance(x, Var) and x.aval.shape:
        if kind is Reshape:
            return f"{operands[0]}.reshape({primitive.shape})" + ("" if primitive.shape else "[()]")
        if kind is Transpose:
            whole = primitive.axes == tuple(reversed(range(len(primitive.axes))))
            return f"{operands[0]}.T" if whole else f"{operands[0]}.transpose({primitive.axes})"
    if kind is Stack and not eqn.inputs[0].aval.shape:
        return f"np.array(({', '.join(operands)},))"
    if kind is ScatterSum and _is_short(primitive):
        n = primitive.shape[0]
        terms = [["0.0"] for _ in range(n)]
        for (source_info,), y in zip(primitive.indices, operands, strict=True):
            terms[source_info % n].append(y)
        return f"np.array(({', '.join([' + '.join(several) for several in terms])},))"
    if kind is Convert:
        converted = _convert(primitive, x, operands[0])
        if converted is not None:
            return converted
    if kind is Pow and eqn.outputs[0].aval.weak:
        return f"power({', '.join(operands)})"  # Python's ints to negative powers are floats
    text: str = primitive.source(*operands)
    if kind is Select and not eqn.outputs[0].aval.shape:
        return f"{text}[()]"  # NumPy's where gives an array of no axes
    if kind is DotGeneral and all(
        isinstance(a, Var) and len(a.aval.shape) <= 2 for a in eqn.inputs
    ):
        # For vectors and matrices dot is matmul at half the price of a call.
        found = _PRODUCT.match(text)
        if found:
            return f"{found[1]}.dot({found[2]})"
    return text


def _is_short(primitive: ScatterSum) -> bool:
    """Whether a sum of parts is a vector of few numbers."""
    numbers = all(map(takes_element, primitive.indices))
    few = len(primitive.shape) == 1 and primitive.shape[0] <= PROFILE.element_length
    return numbers and few and not primitive.based and primitive.dtype == FLOAT64


def _convert(primitive: Any, x: Any, operand: str) -> str | None:
    """A conversion that cuts no imaginary part, as an array's method or a call of the type."""
    if x.aval.dtype.kind == "c" and primitive.dtype.kind != "c":
        return None
    dtype = f"np.{primitive.dtype.name}"
    if x.aval.shape:
        return f"{operand}.astype({dtype})"
    if is_float(x.aval) and primitive.dtype.kind in "iu":
        operand = f"np.float64({operand})"  # Python's int refuses nan, inf and what is too large
    return None if primitive.weak else f"{dtype}({operand})"
