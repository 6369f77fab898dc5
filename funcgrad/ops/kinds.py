"""The kinds a primitive can be, and the arithmetic that their rules are written with.

A kind states the cost of broadcasting, batching and both derivative modes once. An `Elementwise`
primitive declares its `partials`; the kind multiplies them with tangents and cotangents and sums a
cotangent back to the operand's shape.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.ir import Aval, Shape, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import Tracer, aval_of
from ..errors import DtypeError, ShapeError
from .kernels import elementwise as kernels
from .linear import Linear, broadcast_to, reshape, shape_of, sum_to

__all__ = [
    "Discrete",
    "Elementwise",
    "Linear",
    "Over",
    "add",
    "div",
    "mask_mul",
    "mul",
    "neg",
    "quiet_div",
]

_PYTHON = frozenset({float, int, bool, complex})


class Over:
    """A partial derivative ``1 / q``, declared by ``q`` so that a cotangent is divided by it."""

    __slots__ = ("divisor",)

    def __init__(self, divisor: Callable[..., Any]) -> None:
        self.divisor = divisor


class Elementwise(Primitive):
    """Works element by element and broadcasts its operands as NumPy's ufuncs do.

    Attributes:
        partials: For each operand the partial derivative: a function of ``(out, *operands)``, an
            `Over`, a number, or None where it is zero everywhere.
        symbol: The Python operator that the source shows, where there is one.
        weak: True where weak operands give a weak result: for what Python's operators do.
        result: The dtype of the result: None for the operands', the name of a dtype, or ``"real"``
            for that of a complex one's parts.
        untyped: How many leading operands are exempt from having the dtype of the others.
        typed: True where what computes it does not let Python's numbers give way to the others.
        mixed: True where integers of both signs meet, as in comparisons.
        singular: True where a partial is infinite at a finite point; products with it are masked,
            and so are those below it (declare ``masks`` too).
    """

    partials: Any = ()
    symbol: ClassVar[str | None] = None
    weak: bool = False
    result: ClassVar[str | None] = None
    untyped: ClassVar[int] = 0
    typed: ClassVar[bool] = False
    mixed: ClassVar[bool] = False
    singular: bool = False
    passes_mask = True

    def source(self, *operands: str) -> str:
        if self.symbol is None:
            return super().source(*operands)
        if len(operands) == 1:
            return f"{self.symbol}{operands[0]}"
        return f" {self.symbol} ".join(operands)

    def adapt(self, args: Sequence[Any]) -> Sequence[Any]:
        start = self.untyped
        for a in args[start:]:
            if type(a) in _PYTHON:
                break
        else:
            return args
        avals = [aval_of(a) for a in args[start:] if type(a) not in _PYTHON]
        strong = [a.dtype for a in avals if not a.weak]
        if strong:
            scalar: Any = strong[0].type
        elif avals:
            scalar = type(avals[0].dtype.type(0).item())
        else:
            return args
        kept = [scalar(a) if type(a) in _PYTHON else a for a in args[start:]]
        return [*args[:start], *kept]

    def aval(self, *avals: Aval) -> Aval:
        first = avals[self.untyped]
        if self.result is None and (self.weak or not first.weak):
            for a in avals:
                if a is not first:
                    break
            else:
                return first
        dtype = first.dtype
        weak = self.weak and all(a.weak for a in avals)
        for a in avals[self.untyped :]:
            if a.dtype != dtype and not (self.mixed and {dtype.kind, a.dtype.kind} == {"i", "u"}):
                raise DtypeError(
                    f"{self.name}: the operands' dtypes differ: {', '.join(map(str, avals))}",
                    "Bind the numpy function instead of the primitive; it promotes by NEP 50.",
                )
        if self.result == "real":
            dtype = dtype.type(0).real.dtype if dtype.kind == "c" else dtype
        elif self.result is not None:
            dtype = np.dtype(self.result)
        return make_aval(broadcast_shapes(self.name, *[a.shape for a in avals]), dtype, weak)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        masked = masked or self.singular
        cts: list[Any] = []
        for x, want, partial in zip(operands, wanted, self.partials, strict=True):
            if not want or partial is None:
                cts.append(None)
                continue
            g = _product(ct, partial, out, operands, masked)
            shape = shape_of(x)
            cts.append(g if shape_of(g) == shape else sum_to(g, shape))
        return cts

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        total = None
        for t, partial in zip(tangents, self.partials, strict=True):
            if t is not None and partial is not None:
                g = _product(t, partial, out, operands, self.singular)
                total = g if total is None else add(total, g)
        return total if total is None else broadcast_to(total, shape_of(out))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*align(batched, operands))


def align(batched: Sequence[bool], operands: Sequence[Any]) -> list[Any]:
    """Reshape batched operands of lower rank, so that leading batch axes meet when broadcast."""
    ranks = [len(shape_of(x)) - b for x, b in zip(operands, batched, strict=True)]
    most = max(ranks)
    aligned = []
    for x, b, rank in zip(operands, batched, ranks, strict=True):
        if b and rank < most:
            shape = shape_of(x)
            x = reshape(x, (shape[0], *(1,) * (most - rank), *shape[1:]))
        aligned.append(x)
    return aligned


def _product(ct: Any, partial: Any, out: Any, operands: Sequence[Any], masked: bool) -> Any:
    if type(partial) is int:
        return ct if partial == 1 else neg(ct)
    if type(partial) is float:
        return mul(ct, partial)
    if type(partial) is Over:
        q = partial.divisor(out, *operands)
        return mask_mul(ct, quiet_div(1.0, q)) if masked else div(ct, q)
    p = partial(out, *operands)
    return mask_mul(ct, p) if masked else mul(ct, p)


def common_shape(shapes: Sequence[Shape]) -> Shape | None:
    """The shape that ``shapes`` broadcast to; None where they do not."""
    widest = shapes[0]
    for shape in shapes[1:]:
        if shape == widest or not shape:
            continue
        if not widest:
            widest = shape
            continue
        try:
            widest = np.broadcast_shapes(widest, shape)
        except ValueError:
            return None
    return widest


def broadcast_shapes(name: str, *shapes: Shape) -> Shape:
    """The shape that ``shapes`` broadcast to.

    Raises:
        ShapeError: Where they do not.
    """
    found = common_shape(shapes)
    if found is None:
        raise ShapeError(
            f"{name}: shapes {', '.join(map(str, shapes))} do not broadcast",
            "Reshape or transpose one of them; x[:, None] adds an axis.",
        )
    return found


class DiscreteRule(Primitive):
    """No derivative passes."""

    discrete = True
    saves = False

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return None

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return [None] * len(operands)


class Discrete(DiscreteRule, Elementwise):
    """An elementwise primitive through which no derivative passes."""


@primitive
class Add(Elementwise):
    """``x + y``."""

    numpy, symbol, weak, saves = np.add, "+", True, False
    run = staticmethod(operator.add)
    partials = (1, 1)


@primitive
class Neg(Elementwise):
    """``-x``."""

    numpy, symbol, weak, saves = np.negative, "-", True, False
    run = staticmethod(operator.neg)
    partials = (-1,)


@primitive
class Mul(Elementwise):
    """``x * y``."""

    numpy, symbol, weak = np.multiply, "*", True
    run = staticmethod(operator.mul)
    partials = (lambda out, x, y: y, lambda out, x, y: x)


@primitive
class Div(Elementwise):
    """``x / y``; division by zero gives NumPy's inf and nan, for Python floats too."""

    numpy, symbol, weak = np.true_divide, "/", True
    run = staticmethod(kernels.divide)
    partials = (Over(lambda out, x, y: y), lambda out, x, y: neg(div(out, y)))


@primitive
class QuietDiv(Elementwise):
    """``x / y`` without a warning where ``y`` is 0.

    For derivatives that are infinite at a finite point, where the function itself warns or is
    finite.
    """

    numpy, weak, singular, masks = kernels.quiet_divide, True, True, True
    partials = (Over(lambda out, x, y: y), lambda out, x, y: neg(quiet_div(out, y)))


@primitive
class MaskMul(Elementwise):
    """``ct * p``, equal to 0 where either factor is exactly 0, whatever the other is.

    Bilinear: each partial is the other factor, and its products are masked again, so that second
    derivatives stay masked. (A ``where(ct == 0, 0, ct * p)`` would lose them.)
    """

    numpy, weak, singular, masks = kernels.mask_mul, True, True, True
    partials = (lambda out, ct, p: p, lambda out, ct, p: ct)


add, neg, mul, div = Add(), Neg(), Mul(), Div()
quiet_div, mask_mul = QuietDiv(), MaskMul()


def is_tracer(x: Any) -> bool:
    """Whether ``x`` is a tracer of any frame."""
    return isinstance(x, Tracer)
