"""Inverse, linear systems, determinants, Cholesky; each of stacks of matrices.

LAPACK by way of `numpy.linalg`; its LinAlgError for singular matrices comes from the user's line.
The rules are those of Giles, Collected matrix derivative results for forward and reverse mode
algorithmic differentiation (2008), written with matrix products and solves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from .complex import imag, real
from .convert import convert
from .kernels import linalg as linalg_kernels
from .kinds import add, mask_mul, mul, neg
from .linear import everywhere, reshape, shape_of
from .matrices import (
    Stacked,
    adjoint,
    conj,
    entries,
    from_triangle,
    is_complex,
    product,
    real_dtype,
    right_sides,
    scale_matrices,
    to_triangle,
    transpose_matrices,
)
from .reduce import sum_over

__all__ = ["cholesky", "det", "inv", "quiet_inv", "slogdet", "solve", "transpose_matrices"]


@primitive
class Inv(Stacked):
    """The inverse: ``d inv(x) = -inv(x) dx inv(x)``."""

    numpy = "np.linalg.inv({0})"

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        return None if t is None else neg(product(product(out, t), out))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        turned = transpose_matrices(out)
        return (neg(product(product(turned, ct), turned)),)


@primitive
class QuietInv(Inv):
    """The inverse, nan for singular matrices; see `Inv`."""

    numpy = linalg_kernels.quiet_inverse


@primitive
class Solve(Primitive):
    """``x`` with ``a x = b``, for stacks of one length: ``dx = solve(a, db - da x)``."""

    numpy = "np.linalg.solve({0}, {1})"

    def aval(self, a: Aval, b: Aval) -> Aval:
        return b.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        a, _ = operands
        ta, tb = tangents
        if ta is not None:
            moved = neg(product(ta, out))
            tb = moved if tb is None else add(tb, moved)
        return None if tb is None else solve(a, tb)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        ct_b = solve(transpose_matrices(operands[0]), ct)
        return (neg(product(ct_b, transpose_matrices(out))) if wanted[0] else None), ct_b

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return right_sides(self, size, batched, operands)


@primitive
class Cofactors(Primitive):
    """The gradient of ``D^k det(x)[t_1, ..., t_k]`` by ``x``: of the determinant, its cofactors.

    Further operands are the directions ``t_i``, in which it is linear, and symmetric. Derivatives
    are others of the kind: by ``x`` in the direction ``t`` with one more, ``t``; and as
    ``sum(ct * cofactors(x, t_1, ...))`` is the next derivative of the determinant, in the
    direction ``ct`` too, so are the cotangents. All of it is polynomial, and right for every rank.
    """

    numpy = linalg_kernels.cofactors

    def aval(self, *avals: Aval) -> Aval:
        return avals[0].strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        x, *directions = operands
        t, *moves = tangents
        found = None if t is None else self(x, *directions, t)
        for i, move in enumerate(moves):
            if move is not None:
                part = self(x, *directions[:i], move, *directions[i + 1 :])
                found = part if found is None else add(found, part)
        return found

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, *directions = operands
        cts = [self(x, *directions, ct) if wanted[0] else None]
        for i in range(len(directions)):
            others = [*directions[:i], ct, *directions[i + 1 :]]
            cts.append(self(x, *others) if wanted[i + 1] else None)
        return cts

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*everywhere(size, batched, operands))


@primitive
class Det(Stacked):
    """The determinant: its gradient is the matrix of cofactors, whatever the rank."""

    numpy = "np.linalg.det({0})"

    def aval(self, x: Aval) -> Aval:
        return make_aval(x.shape[:-2], x.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        return None if t is None else entries(cofactors(x), t)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return (scale_matrices(ct, cofactors(operands[0])),)


@primitive
class LimitInv(Inv):
    """The inverse; where a matrix is singular infinite, and 0 where its cofactors are 0."""

    numpy = linalg_kernels.inverse_or_infinite


@primitive
class Slogdet(Stacked):
    """The sign and the logarithm of the absolute value of the determinant.

    With ``z = tr(inv(x) dx)``, ``d log|det(x)| = Re(z)``. The sign of a real matrix stays as it
    is, that of a complex one turns: ``d sign = i sign Im(z)``. The slope of the logarithm is
    infinite at a singular matrix, as that of ``log`` is at 0.
    """

    numpy = "tuple(np.linalg.slogdet({0}))"
    multiple, masks = True, True

    def aval(self, x: Aval) -> tuple[Aval, Aval]:
        return make_aval(x.shape[:-2], x.dtype), make_aval(x.shape[:-2], real_dtype(x.dtype))

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        if t is None:
            return None, None
        # Masked, as it may be infinite.
        z = sum_over(mask_mul(transpose_matrices(limit_inv(x)), t), _matrix_axes(t))
        if not is_complex(x):
            return None, z
        return mul(mul(1j, out[0]), convert(imag(z), aval_of(z).dtype)), real(z)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (ct_sign, ct_log), (x,) = ct, operands
        z = None if ct_log is None else convert(ct_log, aval_of(x).dtype)
        if ct_sign is not None and is_complex(x):
            # Re(ct i sign Im(z)) is -Im(ct sign) Im(z), and Im(z) is Re(-i z).
            turn = mul(convert(imag(mul(ct_sign, out[0])), aval_of(x).dtype), 1j)
            z = turn if z is None else add(z, turn)
        if z is None:
            return (None,)
        return (mask_mul(reshape(z, (*shape_of(z), 1, 1)), transpose_matrices(limit_inv(x))),)


def _matrix_axes(x: Any) -> tuple[int, int]:
    rank = len(shape_of(x))
    return rank - 2, rank - 1


@primitive
class Cholesky(Stacked):
    """The lower triangular ``l`` with ``l l^H = x``.

    As LAPACK it reads the lower triangle of ``x`` alone, and so its gradient is lower triangular:
    with ``s`` the symmetric (Hermitian) matrix that has that of ``dx``,
    ``dl = l phi(l^-1 s l^-H)``, where ``phi`` takes the lower triangle and halves the diagonal.
    """

    numpy = "np.linalg.cholesky({0})"

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        if t is None:
            return None
        middle = solve(out, adjoint(solve(out, from_triangle(t, True))))
        return product(out, mul(middle, _triangles(t)[1]))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        whole, half = _triangles(ct)
        turned = adjoint(out)
        middle = mul(product(turned, mul(conj(ct), whole)), half)
        g = adjoint(solve(turned, adjoint(solve(turned, middle))))
        return (conj(to_triangle(g, True)),)


def _triangles(x: Any) -> tuple[Any, Any]:
    """Factors that keep the lower triangle: all of it, with half of the diagonal."""
    aval = aval_of(x)
    n = aval.shape[-1]
    whole = np.tri(n, dtype=aval.dtype)
    return whole, (whole + np.tri(n, k=-1, dtype=aval.dtype)) / 2


inv, quiet_inv, solve = Inv(), QuietInv(), Solve()
cofactors, limit_inv = Cofactors(), LimitInv()
det, slogdet, cholesky = Det(), Slogdet(), Cholesky()
