"""Functions of matrices and triangular systems, by SciPy: exponential, root, LU.

The derivatives of the exponential and of the logarithm are blocks of those of a larger matrix
(Mathias, A chain rule for matrix functions and applications, 1996); that of the root solves a
Sylvester equation (Higham, Functions of Matrices, 2008). All are exact where eigenvalues coincide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from .convert import convert
from .eigen import Eigh
from .index import GetItem
from .kernels import scipy as scipy_kernels
from .kinds import DiscreteRule, add, mul, neg
from .linear import everywhere, shape_of, zeros
from .matrices import (
    Stacked,
    adjoint,
    conj,
    gradient,
    product,
    real_dtype,
    right_sides,
    subtract,
    transpose_matrices,
)
from .shape import Concatenate

__all__ = [
    "EighOfSciPy",
    "SolveTriangular",
    "expm",
    "logm",
    "lu",
    "pivot_order",
    "pivots",
    "solve_sylvester",
    "sqrtm",
]


class ByBlocks(Stacked):
    """A function of square matrices whose derivative stands in its value at a larger matrix.

    The derivative ``L(x, t)`` in the direction ``t`` stands in ``f([[x, t], [0, x]])``, above the
    diagonal; its transpose is ``L(x^T, ct)``.
    """

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def push(self, x: Any, t: Any) -> Any:
        """The derivative at ``x`` in the direction ``t``."""
        shape = shape_of(x)
        n, rank = shape[-1], len(shape)
        above = Concatenate(rank - 1)(x, t)
        below = Concatenate(rank - 1)(zeros(aval_of(x)), x)
        whole = self(Concatenate(rank - 2)(above, below))
        return GetItem((Ellipsis, slice(None, n), slice(n, None)))(whole)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        return None if t is None else self.push(x, t)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return (self.push(transpose_matrices(operands[0]), ct),)


@primitive
class Expm(ByBlocks):
    """The exponential of square matrices."""

    numpy = scipy_kernels.matrix_exponential


@primitive
class Logm(ByBlocks):
    """The principal logarithm of square matrices in double precision."""

    numpy = scipy_kernels.matrix_logarithm


@primitive
class Sqrtm(Stacked):
    """The principal square root ``r`` of square matrices: ``r dr + dr r = dx``."""

    numpy = scipy_kernels.matrix_root

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        return None if t is None else solve_sylvester(out, out, t)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        turned = transpose_matrices(out)
        return (solve_sylvester(turned, turned, ct),)


@primitive
class SolveSylvester(Primitive):
    """``x`` with ``a x + x b = q``, for stacks of one length."""

    numpy = scipy_kernels.sylvester

    def aval(self, a: Aval, b: Aval, q: Aval) -> Aval:
        return q.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        a, b, _ = operands
        ta, tb, t = tangents
        if ta is not None:
            moved = product(ta, out)
            t = neg(moved) if t is None else subtract(t, moved)
        if tb is not None:
            moved = product(out, tb)
            t = neg(moved) if t is None else subtract(t, moved)
        return None if t is None else solve_sylvester(a, b, t)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        a, b, _ = operands
        ct_q = solve_sylvester(transpose_matrices(a), transpose_matrices(b), ct)
        turned = transpose_matrices(out)
        ct_a = neg(product(ct_q, turned)) if wanted[0] else None
        ct_b = neg(product(turned, ct_q)) if wanted[1] else None
        return ct_a, ct_b, ct_q

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*everywhere(size, batched, operands))


@primitive
class SolveTriangular(Primitive):
    """``x`` with ``a x = b`` where of ``a`` one triangle counts, for stacks of one length.

    Attributes:
        lower: Whether it is the lower one.
        unit: Whether its diagonal counts as ones.
        check: Whether numbers that are not finite raise a ValueError, as SciPy has it.
    """

    lower: bool
    unit: bool
    check: bool
    numpy = scipy_kernels.triangular_solution

    def aval(self, a: Aval, b: Aval) -> Aval:
        return b.strong()

    def _triangle(self, x: Any) -> Any:
        aval = aval_of(x)
        mask = np.tri(aval.shape[-1], k=-1 if self.unit else 0, dtype=aval.dtype)
        return mul(x, mask if self.lower else mask.T)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (a, _), (ta, tb) = operands, tangents
        if ta is not None:
            moved = neg(product(self._triangle(ta), out))
            tb = moved if tb is None else add(tb, moved)
        return None if tb is None else SolveTriangular(self.lower, self.unit, False)(a, tb)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        turned = SolveTriangular(not self.lower, self.unit, False)
        ct_b = turned(transpose_matrices(operands[0]), ct)
        ct_a = self._triangle(neg(product(ct_b, transpose_matrices(out)))) if wanted[0] else None
        return ct_a, ct_b

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return right_sides(self, size, batched, operands)


_by_lower, _by_unit_lower = SolveTriangular(True, False, False), SolveTriangular(True, True, False)
_by_upper, _by_unit_upper = (
    SolveTriangular(False, False, False),
    SolveTriangular(False, True, False),
)


@primitive
class Lu(Stacked):
    """``(P, L, U)`` with ``P L U = x`` for square matrices; the permutation does not move.

    With ``m = L^-1 P^T dx U^-1``, ``dL`` is L times what of ``m`` is below the diagonal and ``dU``
    the rest of it times U.
    """

    numpy = scipy_kernels.lu_factors
    multiple = True

    def aval(self, x: Aval) -> tuple[Aval, Aval, Aval]:
        same = x.strong()
        return make_aval(x.shape, real_dtype(x.dtype)), same, same

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (p, lower, u), (t,) = out, tangents
        if t is None:
            return None, None, None
        left = _by_unit_lower(lower, product(transpose_matrices(_like(p, t)), t))
        m = adjoint(_by_lower(adjoint(u), adjoint(left)))
        below, rest = _parts(m)
        return None, product(lower, mul(m, below)), product(mul(m, rest), u)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        _, ct_l, ct_u = ct
        p, lower, u = out
        if ct_l is None and ct_u is None:
            return (None,)
        below, rest = _parts(lower)
        from_l = mul(product(adjoint(lower), gradient(ct_l, lower)), below)
        from_u = mul(product(gradient(ct_u, u), adjoint(u)), rest)
        left = _by_unit_upper(adjoint(lower), add(from_l, from_u))
        z = adjoint(_by_upper(u, adjoint(left)))
        return (conj(product(_like(p, z), z)),)


def _like(p: Any, x: Any) -> Any:
    """Real ``p`` in the dtype of ``x``."""
    return convert(p, aval_of(x).dtype)


def _parts(x: Any) -> tuple[Any, Any]:
    """Factors that keep what is below the diagonal, and the rest."""
    aval = aval_of(x)
    below = np.tri(aval.shape[-1], k=-1, dtype=aval.dtype)
    return below, 1 - below


@primitive
class Pivots(DiscreteRule, Stacked):
    """LAPACK's pivots of permutation matrices ``(..., n, n)``: the row that row i changed with."""

    numpy = scipy_kernels.pivots_of

    def aval(self, p: Aval) -> Aval:
        return make_aval(p.shape[:-1], np.dtype(np.int32))


@primitive
class PivotOrder(DiscreteRule, Stacked):
    """The order of the rows that LAPACK's pivots ``(..., n)`` lead to."""

    numpy = scipy_kernels.order_of_pivots

    def aval(self, pivots: Aval) -> Aval:
        return make_aval(pivots.shape, np.dtype(np.intp))


@primitive
class EighOfSciPy(Eigh):
    """`Eigh` by SciPy's own choice of LAPACK's drivers, whose vectors have other signs."""

    name = "scipy_eigh"

    def run(self, x: Any) -> Any:
        return scipy_kernels.symmetric_eigen(x, self.lower)

    def source(self, *operands: str) -> str:
        return f"symmetric_eigen({operands[0]}, {self.lower})"


expm, logm, sqrtm, solve_sylvester, lu = Expm(), Logm(), Sqrtm(), SolveSylvester(), Lu()
pivots, pivot_order = Pivots(), PivotOrder()
