"""Choices. where, maximum, clip, relu: the cotangents that leave them are masked.

A choice hands its cotangent on to the operand that it took. It selects, it does not multiply: what
was not taken gets an exact 0, whatever the cotangent is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from .discrete import greater, greater_equal, less, less_equal, logical_and, logical_or
from .kernels import elementwise as kernels
from .kinds import Elementwise, add, broadcast_shapes, neg
from .linear import broadcast_to, shape_of, sum_to

__all__ = [
    "at_least",
    "at_most",
    "clip",
    "fmax",
    "fmin",
    "keep",
    "keep_not",
    "maximum",
    "minimum",
    "relu",
    "select",
    "share",
    "share_of_number",
    "stop_gradient",
]


@primitive
class Select(Elementwise):
    """``x`` where ``condition``, else ``y``; linear in ``x`` and ``y``."""

    numpy, untyped, masks = np.where, 1, True

    def source(self, *operands: str) -> str:
        return f"np.where({', '.join(operands)})"

    def aval(self, condition: Aval, x: Aval, y: Aval) -> Aval:
        shape = broadcast_shapes("where", condition.shape, x.shape, y.shape)
        return make_aval(shape, super().aval(condition, x, y).dtype)

    def run(self, condition: Any, x: Any, y: Any) -> Any:
        if type(x) is type(y) and isinstance(x, np.generic) and not np.ndim(condition):
            return x if condition else y
        return np.where(condition, x, y)[()]

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        c = operands[0]
        _, tx, ty = tangents
        if ty is None:
            total = None if tx is None else keep(c, tx)
        else:
            total = keep_not(c, ty) if tx is None else select(c, tx, ty)
        return total if total is None else broadcast_to(total, shape_of(out))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        c, x, y = operands
        cx = sum_to(keep(c, ct), shape_of(x)) if wanted[1] else None
        cy = sum_to(keep_not(c, ct), shape_of(y)) if wanted[2] else None
        return None, cx, cy


@primitive
class Keep(Elementwise):
    """``x`` where ``condition`` is ``where``, else 0; linear in ``x``."""

    where: bool
    numpy, untyped, masks = kernels.keep, 1, True

    def aval(self, condition: Aval, x: Aval) -> Aval:
        return make_aval(broadcast_shapes("where", condition.shape, x.shape), x.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        t = tangents[1]
        return None if t is None else broadcast_to(self(operands[0], t), shape_of(out))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        c, x = operands
        return None, sum_to(self(c, ct), shape_of(x))


class Choice(Elementwise):
    """Takes one of its operands, element by element.

    Attributes:
        taken: For each operand a function of ``(g, *operands)`` that gives ``g``, a tangent or
            cotangent, where the operand is taken and 0 elsewhere; None for operands without
            derivative.
    """

    taken: Any = ()
    masks = True

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        total = None
        for t, taken in zip(tangents, self.taken, strict=True):
            if t is not None:
                g = taken(t, *operands)
                total = g if total is None else add(total, g)
        return total if total is None else broadcast_to(total, shape_of(out))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return [
            sum_to(taken(ct, *operands), shape_of(x)) if want else None
            for x, want, taken in zip(operands, wanted, self.taken, strict=True)
        ]


@primitive
class Share(Elementwise):
    """What of ``g`` belongs to ``x`` in ``maximum(x, y)``: all, nothing, or half in a tie.

    Attributes:
        nan_loses: True for ``fmax(x, y)``, where a nan gives way to a number; else a pair with a
            nan is a tie.
    """

    nan_loses: bool
    numpy, masks = kernels.share, True

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        _, x, y = operands
        t = tangents[0]
        return None if t is None else broadcast_to(self(t, x, y), shape_of(out))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        g, x, y = operands
        return sum_to(self(ct, x, y), shape_of(g)), None, None


@primitive
class Maximum(Choice):
    """The larger of ``x`` and ``y``; ties, and pairs with a nan, share the derivative equally."""

    numpy = np.maximum
    taken = (lambda g, x, y: share(g, x, y), lambda g, x, y: share(g, y, x))


@primitive
class Minimum(Choice):
    """The smaller of ``x`` and ``y``; ties, and pairs with a nan, share the derivative equally."""

    numpy = np.minimum
    taken = (lambda g, x, y: share(g, y, x), lambda g, x, y: share(g, x, y))


@primitive
class Fmax(Choice):
    """The larger of ``x`` and ``y``, or the one that is not nan; ties share equally."""

    numpy = np.fmax
    taken = (lambda g, x, y: share_of_number(g, x, y), lambda g, x, y: share_of_number(g, y, x))


@primitive
class Fmin(Choice):
    """The smaller of ``x`` and ``y``, or the one that is not nan; ties share equally."""

    numpy = np.fmin
    taken = (
        lambda g, x, y: share_of_number(g, neg(x), neg(y)),
        lambda g, x, y: share_of_number(g, neg(y), neg(x)),
    )


@primitive
class Relu(Choice):
    """``maximum(x, 0)`` with derivative 0 at 0."""

    numpy = "np.maximum({0}, 0)"
    taken = (lambda g, x: keep(greater(x, 0), g),)


@primitive
class AtLeast(Choice):
    """``clip(x, lower, None)``: derivative 1 by ``x`` at the bound and above it."""

    numpy = np.maximum
    taken = (
        lambda g, x, lower: keep(greater_equal(x, lower), g),
        lambda g, x, lower: keep(less(x, lower), g),
    )


@primitive
class AtMost(Choice):
    """``clip(x, None, upper)``: derivative 1 by ``x`` at the bound and below it."""

    numpy = np.minimum
    taken = (
        lambda g, x, upper: keep(less_equal(x, upper), g),
        lambda g, x, upper: keep(greater(x, upper), g),
    )


@primitive
class Clip(Choice):
    """``minimum(maximum(x, lower), upper)``: derivative 1 by ``x`` at both bounds and between.

    Where it is beyond a bound, that bound has the derivative; the upper one where they cross.
    """

    numpy = "np.clip({0}, {1}, {2})"
    taken = (
        lambda g, x, lower, upper: keep(
            logical_and(greater_equal(x, lower), less_equal(x, upper)), g
        ),
        lambda g, x, lower, upper: keep(logical_and(less(x, lower), less_equal(lower, upper)), g),
        lambda g, x, lower, upper: keep(
            logical_or(greater(x, upper), logical_and(less(x, lower), greater(lower, upper))), g
        ),
    )


@primitive
class StopGradient(Primitive):
    """``x``, through which no derivative passes."""

    numpy = "{0}"
    discrete = True
    saves = False

    def run(self, x: Any) -> Any:
        # What comes out is the user's to write into; a tape may hold ``x``.
        return np.array(x) if isinstance(x, np.ndarray) else x

    def aval(self, x: Aval) -> Aval:
        return x

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return None

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return (None,)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


select, keep, keep_not = Select(), Keep(True), Keep(False)
share, share_of_number = Share(False), Share(True)
relu, stop_gradient = Relu(), StopGradient()
maximum, minimum, fmax, fmin = Maximum(), Minimum(), Fmax(), Fmin()
at_least, at_most, clip = AtLeast(), AtMost(), Clip()
