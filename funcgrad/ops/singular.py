"""The singular value decomposition, reduced and full; singular values alone.

With ``A = U S V^H`` and ``P = U^H dA V`` the motions ``dU = U X``, ``dV = V Y`` have skew-Hermitian
``X`` and ``Y`` with ``P = dS + X S - S Y`` (Townsend, Differentiating the singular value
decomposition, 2016). Taking sum and difference of that with its adjoint,

    ``X + Y = (P + P^H) / (s[j] - s[i])``,   ``X - Y = (P - P^H) / (s[j] + s[i])``

element by element, which divides by no square and so loses no digits where singular values are
small. Of a pair of phases that complex singular vectors share, each moves by half.

**Singular values that coincide** up to rounding have 0 in place of ``1 / (s[j] - s[i])``, and those
that are 0 have 0 in place of ``1 / s``, as in `eigen`: finite, and right for functions of the
singular values together, of their spaces, and of ``U V^H``; not for bases of one space. A singular
value at 0, a corner like that of ``|x|``, has derivative 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.ir import Aval, make_aval
from ..core.primitive import primitive
from ..core.trace import aval_of
from .convert import convert
from .discrete import not_equal
from .eigen import inverse_gaps, inverse_sums, inverses
from .index import GetItem
from .kinds import add, mul
from .linear import shape_of
from .matrices import (
    Stacked,
    adjoint,
    columns_times,
    conj,
    diagonal,
    gradient,
    on_diagonal,
    product,
    real_dtype,
    real_of,
    subtract,
    times,
)
from .shape import Concatenate

__all__ = ["Svd", "svdvals"]


def first(x: Any, k: int) -> Any:
    """The first ``k`` columns of each matrix of a stack; ``x`` itself where it has no more."""
    if shape_of(x)[-1] == k:
        return x
    return GetItem((Ellipsis, slice(None, k)))(x)


def after(x: Any, k: int) -> Any:
    """The columns of each matrix of a stack after the first ``k``."""
    return GetItem((Ellipsis, slice(k, None)))(x)


def beside(x: Any, y: Any) -> Any:
    """The columns of ``x`` and after them those of ``y``."""
    return Concatenate(len(shape_of(x)) - 1)(x, y)


def outside(x: Any, basis: Any) -> Any:
    """The columns of ``x`` without their parts in the space of orthonormal columns."""
    return subtract(x, product(basis, product(adjoint(basis), x)))


def _moves(t: Any, s: Any) -> Any:
    """``t``, a motion of singular values, with 0 for those that are 0."""
    return mul(t, convert(not_equal(inverses(s), 0), aval_of(s).dtype))


@primitive
class Svd(Stacked):
    """``(U, s, V^H)``; U and V square where ``full``, else with as many columns as ``s`` is long.

    The columns that ``full`` adds are any basis of what is left; of their motion the derivative has
    what keeps them orthogonal to the others.
    """

    full: bool
    numpy = "tuple(np.linalg.svd({0}, full_matrices={full}))"
    multiple = True

    def aval(self, x: Aval) -> tuple[Aval, Aval, Aval]:
        *lead, m, n = x.shape
        k = min(m, n)
        rows, columns = (m, n) if self.full else (k, k)
        return (
            make_aval((*lead, m, rows), x.dtype),
            make_aval((*lead, k), real_dtype(x.dtype)),
            make_aval((*lead, columns, n), x.dtype),
        )

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        if t is None:
            return None, None, None
        u_all, s, vh_all = out
        v_all = adjoint(vh_all)
        k = shape_of(s)[-1]
        u, v = first(u_all, k), first(v_all, k)
        tv, tu = product(t, v), product(adjoint(t), u)
        p = product(adjoint(u), tv)
        ph = adjoint(p)
        both = times(add(p, ph), inverse_gaps(s))
        apart = times(subtract(p, ph), inverse_sums(s))
        inverse = inverses(s)
        du = product(u, mul(add(both, apart), 0.5))
        dv = product(v, mul(subtract(both, apart), 0.5))
        if shape_of(u)[-2] > k:
            du = add(du, columns_times(outside(tv, u), inverse))
        if shape_of(v)[-2] > k:
            dv = add(dv, columns_times(outside(tu, v), inverse))
        if shape_of(u_all)[-1] > k:
            du = beside(du, _rest(u, after(u_all, k), tv, inverse))
        if shape_of(v_all)[-1] > k:
            dv = beside(dv, _rest(v, after(v_all, k), tu, inverse))
        return du, _moves(real_of(diagonal(p)), s), adjoint(dv)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        ct_u, ct_s, ct_vh = ct
        u_all, s, vh_all = out
        v_all = adjoint(vh_all)
        k = shape_of(s)[-1]
        u, v = first(u_all, k), first(v_all, k)
        vh = adjoint(v)
        dtype = aval_of(u).dtype
        inner = None if ct_s is None else on_diagonal(convert(_moves(ct_s, s), dtype))
        if ct_u is None and ct_vh is None:
            return (conj(product(product(u, inner), vh)),)
        gu_all, gv_all = gradient(ct_u, u_all), adjoint(gradient(ct_vh, vh_all))
        gu, gv = first(gu_all, k), first(gv_all, k)
        a, b = product(adjoint(u), gu), product(vh, gv)
        y = times(add(a, b), inverse_gaps(s))
        z = times(subtract(a, b), inverse_sums(s))
        turned = mul(add(add(y, adjoint(y)), subtract(z, adjoint(z))), 0.5)
        inner = turned if inner is None else add(inner, turned)
        found = product(product(u, inner), vh)
        inverse = inverses(s)
        right, left = None, None
        if shape_of(u)[-2] > k:
            right = outside(gu, u)
        if shape_of(u_all)[-1] > k:
            rest = product(after(u_all, k), product(adjoint(after(gu_all, k)), u))
            right = subtract(right, rest)
        if shape_of(v)[-2] > k:
            left = outside(gv, v)
        if shape_of(v_all)[-1] > k:
            rest = product(after(v_all, k), product(adjoint(after(gv_all, k)), v))
            left = subtract(left, rest)
        if right is not None:
            found = add(found, product(columns_times(right, inverse), vh))
        if left is not None:
            found = add(found, product(u, adjoint(columns_times(left, inverse))))
        return (conj(found),)


def _rest(u: Any, rest: Any, tv: Any, inverse: Any) -> Any:
    """The motion of the other columns of U: ``-U (U2^H dA V / s)^H``."""
    p = columns_times(product(adjoint(rest), tv), inverse)
    return mul(product(u, adjoint(p)), -1.0)


@primitive
class Svdvals(Stacked):
    """Singular values, descending; see `Svd`."""

    numpy = "np.linalg.svd({0}, compute_uv=False)"

    def aval(self, x: Aval) -> Aval:
        return make_aval((*x.shape[:-2], min(x.shape[-2:])), real_dtype(x.dtype))

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        if t is None:
            return None
        u, s, vh = Svd(False)(*operands)
        p = product(product(adjoint(u), t), adjoint(vh))
        return _moves(real_of(diagonal(p)), s)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        found = Svd(False)(*operands)
        return Svd(False).vjp((None, ct, None), found, operands, wanted, masked)


svdvals = Svdvals()
