"""Eigenvalues and eigenvectors, of symmetric (Hermitian) matrices and of general ones.

First-order perturbation theory: with ``m = V^-1 dA V`` the eigenvalues move by the diagonal of
``m`` and the eigenvectors by ``V (F * m)``, where ``F[i, j] = 1 / (w[j] - w[i])`` and 0 on the
diagonal (Giles, Collected matrix derivative results, 2008; Boeddeker, Hanebrink, Drude, Heymann &
Haeb-Umbach, On the computation of complex-valued gradients, 2017).

**Eigenvalues that coincide** up to rounding have ``F = 0``: the term is left out. There single
eigenvectors are not functions of the matrix, the space that they span is. The first derivative
stays finite, and it is right for symmetric functions of the eigenvalues and for projectors on whole
eigenspaces. What depends on the choice of a basis, as one eigenvector does, has no derivative; of
``V g(w) V^T`` the part ``g'(w)`` between eigenvectors of one eigenvalue is lost, and so it is of
second derivatives. ``numpy.errstate(divide="raise")`` raises a FloatingPointError there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import primitive
from ..core.trace import aval_of
from .complex import real
from .convert import convert
from .kernels import linalg as linalg_kernels
from .kinds import add, mul, neg
from .linear import reshape, shape_of
from .matrices import (
    Stacked,
    adjoint,
    columns_times,
    conj,
    diagonal,
    from_triangle,
    is_complex,
    on_diagonal,
    product,
    real_dtype,
    real_of,
    subtract,
    times,
    to_triangle,
)
from .reduce import sum_over
from .solve import solve

__all__ = [
    "Eigh",
    "Eigvalsh",
    "eig",
    "eigvals",
    "inverse_gaps",
    "inverse_sums",
    "inverses",
]


@primitive
class InverseGaps(Stacked):
    """``1 / (w[j] + sign * w[i])`` for each pair, 0 where the divisor is 0 up to rounding."""

    sign: int
    numpy = linalg_kernels.inverse_gaps

    def aval(self, w: Aval) -> Aval:
        return make_aval((*w.shape, w.shape[-1]), w.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        if t is None:
            return None
        shape = shape_of(t)
        n = shape[-1]
        column = mul(reshape(t, (*shape[:-1], n, 1)), float(self.sign))
        return neg(mul(mul(out, out), add(reshape(t, (*shape[:-1], 1, n)), column)))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        g = neg(mul(ct, mul(out, out)))
        rank = len(shape_of(g))
        return (add(sum_over(g, (rank - 2,)), mul(sum_over(g, (rank - 1,)), float(self.sign))),)


@primitive
class Inverses(Stacked):
    """``1 / s`` for each number of stacked vectors, 0 where it is 0 up to rounding."""

    numpy = linalg_kernels.inverses

    def aval(self, s: Aval) -> Aval:
        return s.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        return None if t is None else neg(mul(t, mul(out, out)))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return (neg(mul(ct, mul(out, out))),)


inverse_gaps, inverse_sums, inverses = InverseGaps(-1), InverseGaps(1), Inverses()


@primitive
class Eigh(Stacked):
    """Eigenvalues, ascending, and eigenvectors of symmetric (Hermitian) matrices.

    It reads the lower triangle where ``lower``, else the upper one, and so its gradient is in that
    triangle. Complex eigenvectors have a free phase; their derivative is orthogonal to them.
    """

    lower: bool
    multiple = True

    def run(self, x: Any) -> Any:
        return tuple(np.linalg.eigh(x, "L" if self.lower else "U"))

    def source(self, *operands: str) -> str:
        upper = "" if self.lower else ", 'U'"
        return f"tuple(np.linalg.eigh({operands[0]}{upper}))"

    def aval(self, x: Aval) -> tuple[Aval, Aval]:
        return make_aval(x.shape[:-1], real_dtype(x.dtype)), x.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (w, v), (t,) = out, tangents
        if t is None:
            return None, None
        m = product(product(adjoint(v), from_triangle(t, self.lower)), v)
        return real_of(diagonal(m)), product(v, times(m, inverse_gaps(w)))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (ct_w, ct_v), (w, v) = ct, out
        inner: Any = None
        if ct_v is not None:
            inner = times(product(adjoint(v), conj(ct_v)), inverse_gaps(w))
        if ct_w is not None:
            moved = on_diagonal(convert(ct_w, aval_of(v).dtype))
            inner = moved if inner is None else add(inner, moved)
        z = product(product(v, inner), adjoint(v))
        return (conj(to_triangle(z, self.lower)),)


@primitive
class Eigvalsh(Stacked):
    """Eigenvalues of symmetric (Hermitian) matrices, ascending; see `Eigh`."""

    lower: bool

    def run(self, x: Any) -> Any:
        return np.linalg.eigvalsh(x, "L" if self.lower else "U")

    def source(self, *operands: str) -> str:
        upper = "" if self.lower else ", 'U'"
        return f"np.linalg.eigvalsh({operands[0]}{upper})"

    def aval(self, x: Aval) -> Aval:
        return make_aval(x.shape[:-1], real_dtype(x.dtype))

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        decomposition = Eigh(self.lower)
        if tangents[0] is None:
            return None
        return decomposition.jvp(decomposition(*operands), operands, tangents)[0]

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        decomposition = Eigh(self.lower)
        found = decomposition(*operands)
        return decomposition.vjp((ct, None), found, operands, wanted, masked)


@primitive
class Eig(Stacked):
    """Eigenvalues and eigenvectors of general matrices, both complex.

    Eigenvectors have length 1 and a free phase; their derivative is orthogonal to them. A matrix
    without a basis of eigenvectors has no derivative here.
    """

    numpy = linalg_kernels.complex_eig
    multiple = True

    def aval(self, x: Aval) -> tuple[Aval, Aval]:
        dtype = np.result_type(x.dtype, np.complex64)
        return make_aval(x.shape[:-1], dtype), make_aval(x.shape, dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (w, v), (t,) = out, tangents
        if t is None:
            return None, None
        m = solve(v, product(convert(t, aval_of(v).dtype), v))
        y = product(v, mul(m, inverse_gaps(w)))
        along = diagonal(product(adjoint(v), y))
        return diagonal(m), subtract(y, columns_times(v, along))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (ct_w, ct_v), (w, v) = ct, out
        turned = adjoint(v)
        inner: Any = None
        if ct_v is not None:
            g = conj(ct_v)
            across = subtract(g, columns_times(v, diagonal(product(turned, g))))
            inner = mul(product(turned, across), conj(inverse_gaps(w)))
        if ct_w is not None:
            moved = on_diagonal(conj(ct_w))
            inner = moved if inner is None else add(inner, moved)
        z = conj(solve(turned, product(inner, turned)))
        return (z if is_complex(operands[0]) else real(z),)


@primitive
class Eigvals(Stacked):
    """Eigenvalues of general matrices, complex; see `Eig`."""

    numpy = linalg_kernels.complex_eigvals

    def aval(self, x: Aval) -> Aval:
        return make_aval(x.shape[:-1], np.result_type(x.dtype, np.complex64))

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        return eig.jvp(eig(*operands), operands, tangents)[0]

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return eig.vjp((ct, None), eig(*operands), operands, wanted, masked)


eig, eigvals = Eig(), Eigvals()
