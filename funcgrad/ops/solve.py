"""Floor 3: inverse, linear systems, determinants, Cholesky; each of stacks of matrices.

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
from .kinds import add, mul, neg
from .linalg import dot_general
from .linear import everywhere, reshape, shape_of, transpose

__all__ = ["cholesky", "det", "inv", "slogdet", "solve", "transposed"]

_BATCH = "abcdefghopqrstuvwxyz"


def transposed(x: Any) -> Any:
    """Each matrix of a stack transposed."""
    rank = len(shape_of(x))
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def product(x: Any, y: Any) -> Any:
    """The matrix products of two stacks of one length."""
    lead = _BATCH[: len(shape_of(x)) - 2]
    return dot_general(f"{lead}ij,{lead}jk->{lead}ik")(x, y)


def _entries(x: Any, y: Any) -> Any:
    """``sum_ij x[i, j] y[i, j]`` for each pair of matrices of two stacks."""
    lead = _BATCH[: len(shape_of(x)) - 2]
    return dot_general(f"{lead}ij,{lead}ij->{lead}")(x, y)


def _scaled(factor: Any, x: Any) -> Any:
    """Each matrix of a stack times a number of its own."""
    return mul(reshape(factor, (*shape_of(factor), 1, 1)), x)


class Stacked(Primitive):
    """Of matrices in the last two axes; axes before them are a stack, a batch one more of them."""

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


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
        turned = transposed(out)
        return (neg(product(product(turned, ct), turned)),)


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
        ct_b = solve(transposed(operands[0]), ct)
        return (neg(product(ct_b, transposed(out))) if wanted[0] else None), ct_b

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        a, b = operands
        if batched[0]:
            return solve(*everywhere(size, batched, operands))
        # One matrix, many right sides: they become columns, and it is factored once.
        rank = len(shape_of(b))
        columns = transpose(b, (*range(1, rank), 0))
        shape = shape_of(columns)
        merged = reshape(columns, (*shape[:-2], shape[-2] * size))
        return transpose(reshape(solve(a, merged), shape), (rank - 1, *range(rank - 1)))


@primitive
class Det(Stacked):
    """The determinant: ``d det(x) = det(x) tr(inv(x) dx)``, for regular matrices."""

    numpy = "np.linalg.det({0})"

    def aval(self, x: Aval) -> Aval:
        return make_aval(x.shape[:-2], x.dtype)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        return None if t is None else mul(out, _entries(transposed(inv(x)), t))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return (_scaled(mul(ct, out), transposed(inv(operands[0]))),)


@primitive
class Slogdet(Stacked):
    """The sign and the logarithm of the absolute value of the determinant of real matrices.

    ``d log|det(x)| = tr(inv(x) dx)``; the sign does not change.
    """

    numpy = "tuple(np.linalg.slogdet({0}))"
    multiple = True

    def aval(self, x: Aval) -> tuple[Aval, Aval]:
        out = make_aval(x.shape[:-2], x.dtype)
        return out, out

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (t,) = operands, tangents
        return None, None if t is None else _entries(transposed(inv(x)), t)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        _, ct_log = ct
        return (None if ct_log is None else _scaled(ct_log, transposed(inv(operands[0]))),)


@primitive
class Cholesky(Stacked):
    """The lower triangular ``l`` with ``l l^T = x``, of real matrices.

    As LAPACK it reads the lower triangle of ``x`` alone, and so its gradient is lower triangular:
    with ``s`` the symmetric matrix that has that of ``dx``, ``dl = l phi(l^-1 s l^-T)``, where
    ``phi`` takes the lower triangle and halves the diagonal.
    """

    numpy = "np.linalg.cholesky({0})"

    def aval(self, x: Aval) -> Aval:
        return x.strong()

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        if t is None:
            return None
        whole, below, half = _triangles(t)
        s = add(mul(t, whole), transposed(mul(t, below)))
        middle = solve(out, transposed(solve(out, s)))
        return product(out, mul(middle, half))

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        whole, below, half = _triangles(ct)
        turned = transposed(out)
        middle = mul(product(turned, mul(ct, whole)), half)
        g = transposed(solve(turned, transposed(solve(turned, middle))))
        return (add(mul(g, whole), mul(transposed(g), below)),)


def _triangles(x: Any) -> tuple[Any, Any, Any]:
    """Factors that keep the lower triangle: all of it, without the diagonal, with half of it."""
    aval = aval_of(x)
    n = aval.shape[-1]
    whole = np.tri(n, dtype=aval.dtype)
    below = np.tri(n, k=-1, dtype=aval.dtype)
    return whole, below, (whole + below) / 2


inv, solve, det, slogdet, cholesky = Inv(), Solve(), Det(), Slogdet(), Cholesky()
