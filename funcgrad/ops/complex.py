"""Complex numbers: parts, conjugate, modulus, direction.

Cotangents pair with tangents by ``Re(sum(ct * t))``, without conjugate (DESIGN, law 2): a function
that has a complex derivative multiplies by it, and those here, which have none, follow from the
pairing.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import primitive
from ..core.trace import aval_of
from .convert import convert
from .discrete import sign
from .kernels import elementwise as kernels
from .kinds import Elementwise, mask_mul, mul, neg, quiet_div
from .linear import Linear, shape_of, sum_to, zeros

__all__ = ["absolute", "conjugate", "imag", "make_complex", "real", "times_real", "unit"]


class Part(Linear):
    """Linear over the reals, from complex numbers to real ones."""

    def aval(self, x: Aval) -> Aval:
        return make_aval(x.shape, x.dtype.type(0).real.dtype)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


@primitive
class Real(Part):
    """The real part of a complex ``x``: ``Re(ct * t) = ct * Re(t)`` gives the cotangent ``ct``."""

    numpy = "np.real({0})"

    def transpose(self, ct: Any, x: Any) -> Any:
        return convert(ct, aval_of(x).dtype)


@primitive
class Imag(Part):
    """The imaginary part: ``Im(t) = Re(-1j * t)`` gives the cotangent ``-1j * ct``."""

    numpy = "np.imag({0})"

    def transpose(self, ct: Any, x: Any) -> Any:
        return mul(convert(ct, aval_of(x).dtype), -1j)


@primitive
class Conjugate(Linear):
    """``conj(x)``: ``Re(ct * conj(t)) = Re(conj(ct) * t)`` gives the cotangent ``conj(ct)``."""

    numpy = np.conjugate

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def transpose(self, ct: Any, x: Any) -> Any:
        return conjugate(ct)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


@primitive
class MakeComplex(Elementwise):
    """``x + 1j * y`` for real ``x`` and ``y``, signs of zeros and infinities kept."""

    numpy, saves = kernels.make_complex, False

    def aval(self, *avals: Aval) -> Aval:
        both = super().aval(*avals)
        return make_aval(both.shape, np.result_type(both.dtype, np.complex64))

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        if all(t is None for t in tangents):
            return None
        x, y = [zeros(aval_of(out)).real if t is None else t for t in tangents]
        return make_complex(x, y)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, y = operands
        return sum_to(real(ct), shape_of(x)), sum_to(neg(imag(ct)), shape_of(y))


@primitive
class Abs(Elementwise):
    """``|x|``: derivative ``sign(x)``, 0 at 0.

    For complex ``x`` the tangent is the real part of ``conj(x) / |x| * t``, 0 at 0.
    """

    numpy, weak, result = np.abs, True, "real"
    run = staticmethod(operator.abs)
    partials = (lambda out, x: sign(x),)

    def source(self, *operands: str) -> str:
        return f"abs({operands[0]})"

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        if t is None or aval_of(x).dtype.kind != "c":
            return super().jvp(out, operands, tangents)
        return real(mul(conjugate(direction(x)), t))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (x,) = operands
        if aval_of(x).dtype.kind != "c":
            return super().vjp(ct, out, operands, wanted, masked)
        return (times_real(conjugate(direction(x)), ct),)


@primitive
class Unit(Elementwise):
    """``np.sign`` of a complex ``x``: ``x / |x|``, 0 at 0.

    It turns with ``x``: its tangent is ``1j * s * Im(conj(s) * t) / |x|``, 0 at 0.
    """

    numpy, masks = np.sign, True

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        if t is None:
            return None
        turn = mask_mul(imag(mul(conjugate(out), t)), quiet_div(1.0, absolute(x)))
        return times_real(mul(1j, out), turn)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (x,) = operands
        turn = mask_mul(imag(mul(out, ct)), quiet_div(1.0, absolute(x)))
        return (times_real(mul(1j, conjugate(out)), turn),)


@primitive
class PointDirection(Unit):
    """`Unit`, also where the square of the modulus underflows or overflows."""

    numpy = kernels.point_direction


def times_real(z: Any, r: Any) -> Any:
    """``z * r`` for a complex ``z`` and a real ``r``, 0 where either is exactly 0."""
    return mask_mul(z, convert(r, aval_of(z).dtype))


real, imag, conjugate, make_complex = Real(), Imag(), Conjugate(), MakeComplex()
absolute, unit, direction = Abs(), Unit(), PointDirection()
