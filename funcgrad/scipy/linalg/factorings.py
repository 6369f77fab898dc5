"""Factorings: Cholesky, LU, QR, singular values, polar."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg as genuine

from ...core.trace import aval_of
from ...errors import NotTraceableError
from ...ops import matrix_functions as ops
from ...ops import solve as solves
from ...ops.matrices import adjoint, transpose_matrices
from .base import floating, matrices_of, refuse_parameters, square, where_traced

__all__ = ["cho_factor", "cholesky", "lu", "lu_factor", "polar", "qr", "svd", "svdvals"]


@where_traced(genuine.cholesky)
def cholesky(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """``scipy.linalg.cholesky``; upper triangular by default, and the gradient is in that triangle.

    Raises:
        ShapeError: For matrices that are not square.
        numpy.linalg.LinAlgError: Where a matrix is not positive definite.
    """
    x = square("cholesky", a)
    return (
        solves.cholesky(x) if lower else transpose_matrices(solves.cholesky(transpose_matrices(x)))
    )


@where_traced(genuine.cho_factor)
def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Any, bool]:
    """``scipy.linalg.cho_factor``; the triangle in which SciPy leaves anything is 0."""
    return cholesky(a, lower), bool(lower)


def _lu(name: str, a: Any) -> tuple[Any, Any, Any]:
    """The factors ``P``, ``L`` and ``U``.

    Raises:
        NotTraceableError: For matrices that are not square.
    """
    x = floating(a)
    aval = aval_of(x)
    if aval.ndim < 2 or aval.shape[-1] != aval.shape[-2]:
        raise NotTraceableError(
            f"scipy.linalg.{name}: got {aval}; only square matrices can be traced",
            "Factor the square part, and solve for the rest with solve_triangular.",
        )
    return ops.lu(matrices_of(name, x))


@where_traced(genuine.lu)
def lu(
    a: Any,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
    p_indices: bool = False,
) -> Any:
    """``scipy.linalg.lu`` of square matrices; the permutation carries no gradient.

    Raises:
        NotTraceableError: For matrices that are not square.
        numpy.linalg.LinAlgError: By a derivative, for a singular matrix.
    """
    p, lower, upper = _lu("lu", a)
    if permute_l:
        return np.matmul(p.astype(aval_of(lower).dtype), lower), upper
    if p_indices:
        return np.argmax(p, axis=-1).astype(np.int32), lower, upper
    return p, lower, upper


@where_traced(genuine.lu_factor)
def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Any, Any]:
    """``scipy.linalg.lu_factor`` of square matrices: both factors in one, and LAPACK's pivots.

    `lu_solve` takes them. The pivots are int32 and carry no gradient.

    Raises:
        NotTraceableError: For matrices that are not square.
        numpy.linalg.LinAlgError: By a derivative, for a singular matrix.
    """
    p, lower, upper = _lu("lu_factor", a)
    return np.tril(lower, -1) + upper, ops.pivots(p)


@where_traced(genuine.qr)
def qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    """``scipy.linalg.qr`` with mode "full", "economic" or "r", by `numpy.linalg.qr`.

    The columns of Q that "full" adds are any basis of what is left.

    Raises:
        ArgumentError: For ``pivoting``, and mode "raw", which is LAPACK's own storage.
        ValueError: For a mode that does not exist.
        numpy.linalg.LinAlgError: By a derivative, where the first columns are dependent.
    """
    if mode not in ("full", "economic", "r", "raw"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    refuse_parameters("qr", "Order the columns of a before.", pivoting=(bool(pivoting), False))
    if mode == "raw":
        refuse_parameters("qr", "Use mode='full' or mode='economic'.", mode=(mode, "full"))
    q, r = np.linalg.qr(matrices_of("qr", a), "reduced" if mode == "economic" else "complete")
    return (r,) if mode == "r" else (q, r)


@where_traced(genuine.svd)
def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """``scipy.linalg.svd``, by `numpy.linalg.svd`.

    Raises:
        ArgumentError: For another ``lapack_driver``.
        numpy.linalg.LinAlgError: As NumPy.
    """
    refuse_parameters("svd", "Leave it away.", lapack_driver=(lapack_driver, "gesdd"))
    found = np.linalg.svd(matrices_of("svd", a), bool(full_matrices), bool(compute_uv))
    return tuple(found) if compute_uv else found


@where_traced(genuine.svdvals)
def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """``scipy.linalg.svdvals``, by `numpy.linalg.svd`."""
    return np.linalg.svd(floating(a), compute_uv=False)


@where_traced(genuine.polar)
def polar(a: Any, side: str = "right") -> tuple[Any, Any]:
    """``scipy.linalg.polar``: ``a = u p``, or ``a = p u`` for the left ``side``.

    From the singular value decomposition, ``u = U Vh``; right where singular values coincide, of
    a matrix of full rank.

    Raises:
        ValueError: For a side that does not exist.

    >>> import numpy as np
    >>> from funcgrad import jvp
    >>> turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> jvp(lambda a: polar(a)[0], (np.eye(2),), (turn,))[1]
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")
    x = matrices_of("polar", a)
    left, _, right = np.linalg.svd(x, full_matrices=False)
    u = np.matmul(left, right)
    p = np.matmul(adjoint(u), x) if side == "right" else np.matmul(x, adjoint(u))
    return u, 0.5 * (p + adjoint(p))
