"""The algebra that `simplify` knows, one function for each primitive.

A rule gets the walk, the primitive, its operands and the type of its result. It gives None where it
has nothing to say, the atom that stands for the result, or another primitive with its operands.
Only what changes no bit of any result is here, inf, nan and the signs of zeros included: ``x * 1``
goes, ``x * 0`` and ``x + 0`` stay.

Of types: the operands of elementwise primitives have one dtype, and broadcast, so that an operand's
shape need not be the result's. `simplify` takes what a rule gives only if its type is that of the
result, so a rule for ``x * 1`` may give ``x``. A rule whose *value* is right for some types only
says which, and checks that itself: what it gives has the right type by its own account.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.ir import Atom, Aval, Equation, Literal, Var, make_aval
from ...ops.arithmetic import ScalarPow, Sub, sub
from ...ops.convert import Convert
from ...ops.index import GetItem
from ...ops.kinds import Add, Div, MaskMul, Mul, Neg, QuietDiv, add, div, mul, neg
from ...ops.linalg import DotGeneral, dot_general
from ...ops.linear import BroadcastTo, Reshape, Sum, Transpose
from ...ops.name import Name
from ...ops.select import Select, StopGradient
from .match import definition, is_number, value_of
from .slices import Found, get_item, scatters

__all__ = ["RULES", "is_broadcast"]

Rule = Callable[[Any, Any, Sequence[Atom], Aval], Found]

_MOVED_SIGNS = 4
"""A negation with up to this many readers is moved out of their products."""


def is_broadcast(eqn: Equation) -> bool:
    """Whether an equation only repeats its operand as ufuncs do with theirs."""
    if type(eqn.primitive) is BroadcastTo:
        return True
    if type(eqn.primitive) is not Reshape:
        return False
    given, shape = eqn.inputs[0].aval.shape, eqn.primitive.shape
    lead = len(shape) - len(given)
    return lead >= 0 and shape[lead:] == given


def _negate(walk: Any, a: Atom) -> Atom | None:
    eqn = definition(walk, a, Neg)
    return eqn.inputs[0] if eqn else None


def _add(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """``x + -0.0``, ``x + -y``, sums of parts.

    The first for floats alone: an integer -0 is 0, and a complex one has two signs. The second for
    all that can be negated. Parts have rules of their own.
    """
    x, y = inputs
    if is_number(y, -0.0) and aval.inexact:
        return x
    if is_number(x, -0.0) and aval.inexact:
        return y
    minus = _negate(walk, y)
    if minus is not None:
        return sub, (x, minus)
    minus = _negate(walk, x)
    if minus is not None:
        return sub, (y, minus)
    return scatters(walk, x, y, aval) or scatters(walk, y, x, aval)


def _sub(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """``x - 0``, for real numbers, and ``x - -y``."""
    x, y = inputs
    if is_number(y, 0.0):
        return x
    minus = _negate(walk, y)
    return None if minus is None else (add, (x, minus))


def _neg(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """``--x``."""
    return _negate(walk, inputs[0])


def _mul(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """``x * 1`` for real numbers; ``x * -1`` and signs that move for floats.

    Products of complex numbers round otherwise where signs move, and integers may have none.
    """
    x, y = inputs
    for a, b in ((x, y), (y, x)):
        if is_number(a, 1):
            return b
        if is_number(a, -1) and aval.dtype.kind == "f":
            return neg, (b,)
    if aval.dtype.kind != "f":
        return None
    minus_x, minus_y = _negate(walk, x), _negate(walk, y)
    if minus_x is not None and minus_y is not None:
        return mul, (minus_x, minus_y)
    if minus_x is not None and isinstance(y, Literal):
        return mul, (minus_x, Literal(-y.value, y.aval))
    if minus_y is not None and isinstance(x, Literal):
        return mul, (Literal(-x.value, x.aval), minus_y)
    # The sign moves out, to where it meets another or a sum.
    if minus_x is not None and walk.uses.get(x, 0) <= _MOVED_SIGNS:
        return neg, (walk.emit(mul, (minus_x, y)),)
    if minus_y is not None and walk.uses.get(y, 0) <= _MOVED_SIGNS:
        return neg, (walk.emit(mul, (x, minus_y)),)
    return None


def _mask_mul(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """A plain product where a factor is neither 0 nor inf nor nan, and masks nothing."""
    for a in inputs:
        value = value_of(a)
        if value is not None and value != 0 and np.isfinite(value):
            return mul, inputs
    return None


def _div(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """``x / 1`` for real numbers, ``x / 2**k`` and signs for floats."""
    x, y = inputs
    if is_number(y, 1):
        return x
    if aval.dtype.kind != "f":
        return None
    value = value_of(y)
    if value is not None and math.isfinite(value) and value != 0:
        # By a power of two: its reciprocal is exact, and both round the same number.
        fraction, exponent = np.frexp(value)
        if abs(fraction) == 0.5 and abs(exponent) < 100 and np.finfo(aval.dtype).maxexp > 100:
            return mul, (x, Literal(type(value)(1.0 / value), y.aval))
        if type(primitive) is QuietDiv and abs(value) >= 1:  # which cannot overflow
            return div, inputs
    minus_x, minus_y = _negate(walk, x), _negate(walk, y)
    if minus_x is not None and minus_y is not None:
        return primitive, (minus_x, minus_y)
    return None


def _scalar_pow(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """``x ** 1`` of real numbers."""
    return inputs[0] if primitive.exponent == 1 and aval.dtype.kind in "iuf" else None


def _transpose(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """Transposes of nothing, of transposes, of repeated scalars and of matrix products.

    None looks at numbers, so that any dtype will do.
    """
    (x,) = inputs
    axes = primitive.axes
    if axes == tuple(range(len(axes))):
        return x
    inner = definition(walk, x, Transpose)
    if inner:
        return Transpose(tuple([inner.primitive.axes[i] for i in axes])), inner.inputs
    inner = definition(walk, x, BroadcastTo)
    if inner and inner.inputs[0].aval.shape == ():
        return BroadcastTo(aval.shape), inner.inputs
    inner = definition(walk, x, DotGeneral)
    if inner and walk.uses.get(x) == 1:
        operands, out = inner.primitive.spec.split("->")
        return dot_general(f"{operands}->{''.join([out[i] for i in axes])}"), inner.inputs
    return None


def _reshape(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """To the shape that is there; of reshapes and of repeated scalars. Of any dtype."""
    (x,) = inputs
    if x.aval.shape == primitive.shape:
        return x
    inner = definition(walk, x, Reshape)
    if inner:
        return primitive, inner.inputs
    inner = definition(walk, x, BroadcastTo)
    if inner and inner.inputs[0].aval.shape == ():
        return BroadcastTo(primitive.shape), inner.inputs
    return None


def _broadcast_to(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """To the shape that is there; of what was broadcast before. Of any dtype."""
    (x,) = inputs
    if x.aval.shape == primitive.shape:
        return x
    inner = walk.made.get(x) if isinstance(x, Var) else None
    return (primitive, inner.inputs) if inner is not None and is_broadcast(inner) else None


def _convert(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """To the type that is there; of a conversion that lost nothing.

    That is to a dtype of the same kind that holds all numbers of the one before, both strong, since
    Python's numbers are checked and rounded otherwise when they are converted.
    """
    (x,) = inputs
    if x.aval == aval:
        return x
    inner = definition(walk, x, Convert)
    if inner:
        source, middle = inner.inputs[0].aval, x.aval
        wider = middle.dtype.kind == source.dtype.kind and np.can_cast(source.dtype, middle.dtype)
        # A Python int is not converted as an int64 is: it is checked, and rounds by way of float64.
        python = source.weak and source.dtype.kind != "f"
        if wider and not middle.weak and not python:
            return primitive, inner.inputs
    return None


def _stop_gradient(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """Of any type: nothing is differentiated any more."""
    return inputs[0]


def _select(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """Of one thing, or by a condition that is known: the result, if it has the whole shape."""
    condition, x, y = inputs
    if x is y:
        return x
    value = value_of(condition)
    return None if value is None else x if value else y


def _sum(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """Of nothing, of equal numbers and of products.

    Equal numbers are floats (see `_total`). Products become matrix products in the dtypes that BLAS
    has; both factors have the dtype of the product.
    """
    (x,) = inputs
    if not primitive.axes:
        return x
    inner = definition(walk, x, BroadcastTo)
    if inner:
        total = _total(value_of(inner.inputs[0]), x.aval.size // max(aval.size, 1), aval)
        if total is not None:
            return BroadcastTo(aval.shape), (Literal(total, make_aval((), aval.dtype)),)
    inner = definition(walk, x, Mul)
    if inner and walk.uses.get(x) == 1 and aval.dtype.char in "fdFD":  # what BLAS has
        return _contraction(walk, primitive.axes, inner.inputs, x.aval.shape)
    return None


def _total(value: Any, count: int, aval: Aval) -> Any:
    """The sum of equal numbers, where it is exact in any order: of small multiples of a power of 2.

    None else. A sum of negative zeros is 0.0, as one of nothing is.
    """
    if value is None or aval.dtype.kind != "f" or aval.dtype.itemsize < 4:
        return None
    if not math.isfinite(value) or float(value) != value:
        return None
    numerator, _ = float(value).as_integer_ratio()
    if abs(numerator) * count >= 1 << 23 or not 1e-30 < abs(value or 1) < 1e30:
        return None
    return aval.dtype.type(value * count + 0.0)


def _contraction(
    walk: Any, axes: tuple[int, ...], factors: Sequence[Atom], shape: tuple[int, ...]
) -> Found:
    """A sum of products as a product of vectors, or of a vector and a matrix.

    Args:
        walk: The walk.
        axes: The axes of the sum.
        factors: Of the product's dtype. They may broadcast: then one lacks the axis that is kept.
        shape: The product's shape.
    """
    length = math.prod([shape[axis] for axis in axes])
    if not 1 < length <= walk.profile.dot_length or any(not f.aval.shape for f in factors):
        return None
    if len(axes) == len(shape) and all(f.aval.shape == shape for f in factors):
        flat = [walk.emit(Reshape((length,)), (f,)) for f in factors]
        return dot_general("i,i->"), flat
    if len(shape) != 2 or len(axes) != 1:
        return None
    labels: list[str] = []
    for f in factors:
        padded = (1,) * (2 - len(f.aval.shape)) + f.aval.shape
        labels.append("".join([c for c, n in zip("ij", padded, strict=True) if n != 1]))
    summed, kept = "ij"[axes[0]], "ij"[1 - axes[0]]
    if sorted(labels) != sorted([summed, "ij"]):
        return None
    operands = [
        walk.emit(Reshape(tuple([shape["ij".index(c)] for c in label])), (f,))
        for f, label in zip(factors, labels, strict=True)
    ]
    return dot_general(f"{','.join(labels)}->{kept}"), operands


def _dot_general(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """Transposed operands are read in another order. Of any dtype."""
    operands, out = primitive.spec.split("->")
    labels = operands.split(",")
    found = list(inputs)
    for i, a in enumerate(inputs):
        inner = definition(walk, a, Transpose)
        if inner:
            # Axis k of the operand was axis axes[k] of what it was made from.
            before = [""] * len(labels[i])
            for letter, axis in zip(labels[i], inner.primitive.axes, strict=True):
                before[axis] = letter
            labels[i] = "".join(before)
            found[i] = inner.inputs[0]
    if found == list(inputs):
        return None
    return dot_general(f"{','.join(labels)}->{out}"), found


def _name(walk: Any, primitive: Any, inputs: Sequence[Atom], aval: Aval) -> Found:
    """A name is for who looks at the program before it is compiled. Of any type."""
    return inputs[0]


RULES: dict[type, Rule] = {
    Add: _add,
    BroadcastTo: _broadcast_to,
    Convert: _convert,
    Div: _div,
    DotGeneral: _dot_general,
    GetItem: get_item,
    ScalarPow: _scalar_pow,
    MaskMul: _mask_mul,
    Mul: _mul,
    Name: _name,
    Neg: _neg,
    QuietDiv: _div,
    Reshape: _reshape,
    Select: _select,
    StopGradient: _stop_gradient,
    Sub: _sub,
    Sum: _sum,
    Transpose: _transpose,
}
