"""The Euclidean norm over axes, whose derivative is the direction ``x / |x|``.

The norm is NumPy's, the root of a sum of squares, which is 0 or inf where those underflow or
overflow. The direction is that of ``x`` all the same: it is computed of a multiple of ``x``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from .arithmetic import scalar_pow
from .complex import absolute, direction, times_real
from .convert import convert
from .discrete import equal, sign
from .kernels import elementwise as kernels
from .kinds import add, div, mask_mul, neg, quiet_div
from .linear import broadcast_to, everywhere, make, shape_of
from .matrices import conj, real_of
from .reduce import Reduction, expand, max_over, sum_over
from .select import select, stop_gradient

__all__ = ["euclidean_norm", "power_norm", "scaled_norm"]


def _along(d: Any, t: Any, axes: tuple[int, ...]) -> Any:
    """The real part of ``sum(conj(d) * t)`` over ``axes``."""
    return sum_over(real_of(mask_mul(conj(d), t)), axes)


@primitive
class Norm(Reduction):
    """``sqrt(sum(|x|**2))`` over ``axes``; its tangent is that of ``x`` along the direction."""

    axes: tuple[int, ...]
    numpy, masks = kernels.euclidean_norm, True

    def aval(self, x: Aval) -> Aval:
        return make_aval(super().aval(x).shape, x.dtype.type(0).real.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        return None if t is None else _along(make(Direction, self.axes)(x, out), t, self.axes)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (x,) = operands
        d = conj(make(Direction, self.axes)(x, out))
        return (times_real(d, expand(ct, shape_of(x), self.axes)),)


@primitive
class ScaledNorm(Norm):
    """`Norm`, also where squares underflow or overflow: what the direction's tangent is over."""

    numpy = kernels.euclidean_norm_of_scaled


@primitive
class Direction(Primitive):
    """``d = x / |x|`` over ``axes``, 0 at 0; its tangent ``(t - d Re(sum(conj(d) t))) / |x|``.

    The second operand is the `Norm` of ``x``: it only spares the work, derivatives are by ``x``.
    """

    axes: tuple[int, ...]
    numpy, masks = kernels.direction, True

    def aval(self, x: Aval, norm: Aval) -> Aval:
        return x.strong()

    def _across(self, t: Any, d: Any, x: Any) -> Any:
        """``t`` without what it has along ``d``, over ``|x|``."""
        shape = shape_of(x)
        part = broadcast_to(expand(_along(d, t, self.axes), shape, self.axes), shape)
        rest = add(t, neg(times_real(d, part)))
        inverse = quiet_div(1.0, expand(make(ScaledNorm, self.axes)(x), shape, self.axes))
        return mask_mul(rest, convert(inverse, aval_of(x).dtype))

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x, _), (t, _) = operands, tangents
        return None if t is None else self._across(t, out, x)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return self._across(ct, conj(out), operands[0]), None

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        axes = tuple([axis + 1 for axis in self.axes])
        return make(Direction, axes)(*everywhere(size, batched, operands))


@primitive
class PowerNorm(Reduction):
    """``sum(|x|**ord, axes)**(1/ord)``; its slopes are those of a multiple of ``x`` near 1.

    With ``y`` that multiple they are ``sign(y) |y|**(ord - 1) / sum(|y|**ord)**(1 - 1/ord)``.
    """

    axes: tuple[int, ...]
    ord: Any
    numpy, masks = "np.add.reduce(np.abs({0}) ** {ord}, axis={axes}) ** (1.0 / {ord})", True

    def aval(self, x: Aval) -> Aval:
        return make_aval(super().aval(x).shape, x.dtype.type(0).real.dtype)

    def _slopes(self, x: Any) -> Any:
        shape, size = shape_of(x), absolute(x)
        if 0 in shape:
            return x  # no slopes
        top = stop_gradient(max_over(size, self.axes))
        top = expand(select(equal(top, 0), 1.0, top), shape, self.axes)
        y = div(size, top)
        total = expand(sum_over(scalar_pow(self.ord, False)(y), self.axes), shape, self.axes)
        powers = scalar_pow(self.ord - 1, False)(y)
        share = quiet_div(powers, scalar_pow(1 - 1 / self.ord, False)(total))
        if aval_of(x).dtype.kind == "c":
            return times_real(conj(direction(x)), share)
        return mask_mul(sign(x), share)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        if t is None:
            return None
        return sum_over(real_of(mask_mul(self._slopes(x), t)), self.axes)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (x,) = operands
        g = expand(ct, shape_of(x), self.axes)
        return (times_real(self._slopes(x), g),)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return PowerNorm(tuple([axis + 1 for axis in self.axes]), self.ord)(*operands)


def power_norm(x: Any, axes: tuple[int, ...], ord: Any) -> Any:
    """`PowerNorm` of order ``ord``."""
    return PowerNorm(axes, ord)(x)


def euclidean_norm(x: Any, axes: tuple[int, ...]) -> Any:
    """`Norm` of floating-point numbers, real; without axes the absolute value."""
    return make(Norm, axes)(x) if axes else absolute(x)


def scaled_norm(x: Any, axes: tuple[int, ...]) -> Any:
    """`ScaledNorm`."""
    return make(ScaledNorm, axes)(x)
