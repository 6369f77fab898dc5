"""QR, pseudo-inverses, least squares.

QR by Walter & Lehmann (Algorithmic differentiation of linear algebra functions with application in
optimum experimental design, 2010) and Roberts & Roberts (QR and LQ decomposition matrix
backpropagation algorithms, 2020); pseudo-inverses by Golub & Pereyra (The differentiation of
pseudo-inverses and nonlinear least squares problems whose variables separate, 1973), which hold as
long as the rank stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from .index import GetItem
from .kernels import linalg as linalg_kernels
from .kinds import add, mul, neg
from .linear import shape_of
from .matrices import Stacked, adjoint, chained, conj, gradient, product, right_sides, subtract
from .shape import pad
from .singular import after, beside, first, outside
from .solve import solve

__all__ = ["Lstsq", "Pinv", "Qr"]


def _below(x: Any) -> Any:
    """Factors that keep what is below the diagonal, and half of the diagonal."""
    aval = aval_of(x)
    n = aval.shape[-1]
    return (np.tri(n, dtype=aval.dtype) + np.tri(n, k=-1, dtype=aval.dtype)) / 2


def _skew(x: Any) -> Any:
    """``x - x^H``."""
    return subtract(x, adjoint(x))


@primitive
class Qr(Stacked):
    """``(Q, R)``; Q square where ``complete``, else with ``min(m, n)`` columns.

    The first ``min(m, n)`` columns must be independent. With ``C = Q^H dA R^-1`` for those, Q
    turns by the skew-Hermitian matrix that has the lower triangle of ``C``. The columns that
    ``complete`` adds are any basis of what is left; of their motion the derivative has what keeps
    them orthogonal to the others.
    """

    complete: bool
    multiple = True

    def run(self, x: Any) -> Any:
        return tuple(np.linalg.qr(x, "complete" if self.complete else "reduced"))

    def source(self, *operands: str) -> str:
        mode = ", 'complete'" if self.complete else ""
        return f"tuple(np.linalg.qr({operands[0]}{mode}))"

    def aval(self, x: Aval) -> tuple[Aval, Aval]:
        *lead, m, n = x.shape
        k = m if self.complete else min(m, n)
        return make_aval((*lead, m, k), x.dtype), make_aval((*lead, k, n), x.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        if t is None:
            return None, None
        q_all, r_all = out
        k = min(shape_of(operands[0])[-2:])
        q, r = first(q_all, k), _rows(r_all, k)
        qh = adjoint(q)
        w = adjoint(solve(adjoint(first(r, k)), adjoint(first(t, k))))
        c = product(qh, w)
        turn = _skew(mul(c, _below(c)))
        dr = subtract(product(qh, t), product(turn, r))
        dq = add(product(q, turn), subtract(w, product(q, c)))
        if shape_of(q_all)[-1] > k:
            p = product(adjoint(after(q_all, k)), w)
            dq = beside(dq, neg(product(q, adjoint(p))))
            dr = pad(dr, _extra(dr, shape_of(r_all)[-2] - k))
        return dq, dr

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        q_all, r_all = out
        m, n = shape_of(operands[0])[-2:]
        k = min(m, n)
        q, r = first(q_all, k), _rows(r_all, k)
        gq_all, gr = gradient(ct[0], q_all), _rows(gradient(ct[1], r_all), k)
        gq = first(gq_all, k)
        turned = subtract(product(adjoint(q), gq), product(gr, adjoint(r)))
        gc = mul(_skew(turned), _below(turned))
        gw = add(outside(gq, q), product(q, gc))
        if shape_of(q_all)[-1] > k:
            rest = product(adjoint(after(gq_all, k)), q)
            gw = subtract(gw, product(after(q_all, k), rest))
        found = adjoint(solve(first(r, k), adjoint(gw)))
        if n > k:
            lead = ((0, 0),) * (len(shape_of(found)) - 1)
            found = pad(found, (*lead, (0, n - k)))
        return (conj(add(found, product(q, gr))),)


def _rows(x: Any, k: int) -> Any:
    """The first ``k`` rows of each matrix of a stack."""
    return x if shape_of(x)[-2] == k else GetItem((Ellipsis, slice(None, k), slice(None)))(x)


def _extra(x: Any, rows: int) -> tuple[tuple[int, int], ...]:
    """The widths that put ``rows`` more rows below each matrix."""
    return (*((0, 0),) * (len(shape_of(x)) - 2), (0, rows), (0, 0))


@primitive
class Pinv(Stacked):
    """The pseudo-inverse; singular values up to ``rcond`` times the largest count as 0.

    ``dP = -P dA P + P P^H dA^H (1 - A P) + (1 - P A) dA^H P^H P``.
    """

    rcond: Any
    numpy = "np.linalg.pinv({0}, {rcond})"

    def aval(self, x: Aval) -> Aval:
        return make_aval((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (a,), (t,) = operands, tangents
        if t is None:
            return None
        ph, th = adjoint(out), adjoint(t)
        left, right = chained(out, ph, th), chained(th, ph, out)
        inner = chained(out, t, out)
        sides = add(chained(left, a, out), chained(out, a, right))
        return subtract(add(left, right), add(inner, sides))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        (a,) = operands
        g, ph = conj(ct), adjoint(out)
        gh = adjoint(g)
        left, right = chained(gh, out, ph), chained(ph, out, gh)
        inner = chained(ph, g, ph)
        sides = add(chained(a, out, left), chained(right, out, a))
        return (conj(subtract(add(left, right), add(inner, sides))),)


@primitive
class Lstsq(Primitive):
    """The shortest ``x`` that makes ``|a x - b|`` least, for stacks of matrices of one length.

    It is ``pinv(a) b``, and so are its derivatives. ``rcond`` as in `Pinv`.
    """

    rcond: Any
    numpy = linalg_kernels.stacked_lstsq

    def aval(self, a: Aval, b: Aval) -> Aval:
        return make_aval((*b.shape[:-2], a.shape[-1], b.shape[-1]), b.dtype)

    def _inverse(self, a: Any) -> Any:
        m, n = shape_of(a)[-2:]
        eps = np.finfo(aval_of(a).dtype).eps
        return Pinv(float(eps) * max(m, n) if self.rcond is None else self.rcond)(a)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (a, b), (ta, tb) = operands, tangents
        if ta is None and tb is None:
            return None
        p = self._inverse(a)
        found = None if tb is None else product(p, tb)
        if ta is not None:
            ph, th = adjoint(p), adjoint(ta)
            rest = subtract(b, product(a, out))
            back = product(th, product(ph, out))
            moved = subtract(product(ph, product(th, rest)), product(ta, out))
            own = add(product(p, subtract(moved, product(a, back))), back)
            found = own if found is None else add(found, own)
        return found

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        a, b = operands
        g = conj(ct)
        p = self._inverse(a)
        ph = adjoint(p)
        gb = product(ph, g)
        ga: Any = None
        if wanted[0]:
            rest = subtract(b, product(a, out))
            free = subtract(g, product(adjoint(a), gb))
            ga = product(rest, adjoint(product(p, gb)))
            ga = add(ga, product(product(ph, out), adjoint(free)))
            ga = conj(subtract(ga, product(gb, adjoint(out))))
        return ga, conj(gb)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return right_sides(self, size, batched, operands)
