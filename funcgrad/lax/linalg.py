"""`jax.lax.linalg`: decompositions and triangular systems under its names."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._publish import publish_all
from ..core.trace import aval_of
from ..errors import ArgumentError, ShapeError
from ..numpy.arguments import operand, promote
from ..ops.linear import shape_of

__all__ = [
    "cholesky",
    "eig",
    "eigh",
    "lu",
    "qr",
    "schur",
    "svd",
    "triangular_solve",
    "tridiagonal_solve",
]

Array = Any


def _square(name: str, x: Any) -> Any:
    """Square matrices of floats, stacked or not."""
    x = operand(x)
    aval = aval_of(x)
    if aval.ndim < 2 or aval.shape[-1] != aval.shape[-2]:
        raise ShapeError(f"lax.linalg.{name}: got {aval}", "Give square matrices, (..., n, n).")
    return x if aval.inexact else x.astype(np.float64)


def _symmetrized(x: Any, symmetrize: bool) -> Any:
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2 if symmetrize else x


def cholesky(x: Array, *, symmetrize_input: bool = True) -> Array:
    """The lower triangle ``L`` of ``x = L L^H``: `numpy.linalg.cholesky`.

    Args:
        x: Hermitian positive definite matrices, ``(..., n, n)``.
        symmetrize_input: Whether the mean of ``x`` and ``x^H`` is factored, so that derivatives are
            symmetric; otherwise the lower triangle alone counts.

    Raises:
        numpy.linalg.LinAlgError: A matrix is not positive definite. (JAX gives nan.)

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 2.0]]))
    array([[2., 0.],
           [1., 1.]])
    """
    return np.linalg.cholesky(_symmetrized(_square("cholesky", x), symmetrize_input))


def eigh(
    x: Array,
    *,
    lower: bool = True,
    symmetrize_input: bool = True,
    sort_eigenvalues: bool = True,
) -> tuple[Array, Array]:
    """The eigenvectors and eigenvalues of Hermitian matrices, in this order.

    Args:
        x: Matrices ``(..., n, n)``.
        lower: Whether the lower triangle counts, where ``x`` is not symmetrised.
        symmetrize_input: As in `cholesky`.
        sort_eigenvalues: Without meaning: they always grow.

    Returns:
        ``(v, w)`` with ``x @ v == v * w``. `numpy.linalg.eigh` gives ``w`` first.

    >>> eigh(np.array([[2.0, 0.0], [0.0, 1.0]]))[1]
    array([1., 2.])
    """
    matrix = _symmetrized(_square("eigh", x), symmetrize_input)
    w, v = np.linalg.eigh(matrix, "L" if lower else "U")
    return v, w


def eig(
    x: Array,
    *,
    compute_left_eigenvectors: bool = True,
    compute_right_eigenvectors: bool = True,
) -> list[Array]:
    """Eigenvalues and eigenvectors of square matrices.

    Args:
        x: Matrices ``(..., n, n)``.
        compute_left_eigenvectors: Whether to return the left ones.
        compute_right_eigenvectors: Whether to return the right ones.

    Returns:
        ``[w, vl, vr]``, without what was not asked for. The vectors are the columns, of length 1;
        ``vl^H x = w vl^H``.

    >>> eig(np.diag([1.0, 2.0]), compute_left_eigenvectors=False)[0].real
    array([1., 2.])
    """
    x = _square("eig", x)
    w, right = np.linalg.eig(x)
    w, right = w.astype(np.result_type(w, np.complex64)), right.astype(np.result_type(w, 1j))
    found = [w]
    if compute_left_eigenvectors:
        # The rows of the inverse are left vectors, up to their lengths.
        left = np.conj(np.swapaxes(np.linalg.inv(right), -1, -2))
        found.append(left / np.linalg.norm(left, axis=-2, keepdims=True))
    return [*found, right] if compute_right_eigenvectors else found


def lu(x: Array) -> tuple[Array, Array, Array]:
    """The LU factors of square matrices with partial pivoting.

    Args:
        x: Matrices ``(..., n, n)``.

    Returns:
        ``L - 1`` below the diagonal and ``U`` in one array; LAPACK's pivots; and the permutation
        ``p`` with ``x[p] == L @ U``. Both have int32.

    Raises:
        ShapeError: They are not square.

    >>> factors, _, p = lu(np.array([[1.0, 2.0], [4.0, 4.0]]))
    >>> factors, p
    (array([[4.  , 4.  ],
           [0.25, 1.  ]]), array([1, 0], dtype=int32))
    """
    from ..ops import matrix_functions as matrices

    p, lower, upper = matrices.lu(_square("lu", x))
    return np.tril(lower, -1) + upper, matrices.pivots(p), np.argmax(p, axis=-2).astype(np.int32)


def qr(x: Array, *, full_matrices: bool = True) -> tuple[Array, Array]:
    """``x = q r``: `numpy.linalg.qr`, complete by default.

    >>> qr(np.ones((3, 1)))[0].shape, qr(np.ones((3, 1)), full_matrices=False)[0].shape
    ((3, 3), (3, 1))
    """
    q, r = np.linalg.qr(operand(x), "complete" if full_matrices else "reduced")
    return q, r


def svd(x: Array, *, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """``x = u s vh``: `numpy.linalg.svd`.

    >>> svd(np.diag([2.0, 1.0]), compute_uv=False)
    array([2., 1.])
    """
    found = np.linalg.svd(operand(x), full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


def schur(
    x: Array,
    *,
    compute_schur_vectors: bool = True,
    sort_eig_vals: bool = False,
) -> tuple[Array, Array | None]:
    """``x = q t q^H`` with unitary ``q`` and (block) triangular ``t``; without derivative.

    Args:
        x: Matrices ``(..., n, n)``. Real ones have the real form, with 2 by 2 blocks for pairs of
            complex eigenvalues.
        compute_schur_vectors: Whether to return ``q``; None in its place otherwise.
        sort_eig_vals: Is not implemented, as in JAX.

    Returns:
        ``(t, q)``.

    Raises:
        MissingRuleError: It is differentiated.
        MissingExtraError: SciPy is not installed.

    >>> t, q = schur(np.array([[1.0, 2.0], [0.0, 3.0]]))
    >>> np.allclose(q @ t @ q.T, [[1.0, 2.0], [0.0, 3.0]])
    True
    """
    from ..scipy.linalg import schur as of_scipy

    if sort_eig_vals:
        raise ArgumentError("lax.linalg.schur: cannot sort eigenvalues", "Leave it out.")
    x = _square("schur", x)
    kind = "complex" if aval_of(x).dtype.kind == "c" else "real"
    t, q = of_scipy(x, kind)
    return t, q if compute_schur_vectors else None


def triangular_solve(
    a: Array,
    b: Array,
    *,
    left_side: bool = False,
    lower: bool = False,
    transpose_a: bool = False,
    conjugate_a: bool = False,
    unit_diagonal: bool = False,
) -> Array:
    """``x`` with ``op(a) x = b``, or with ``x op(a) = b``, for triangular matrices.

    Args:
        a: Matrices ``(..., n, n)``, of which one triangle counts.
        b: The right side, ``(..., n, k)`` with ``left_side``, else ``(..., k, n)``; or a vector.
        left_side: Whether ``op(a)`` stands on the left.
        lower: Whether the lower triangle of ``a`` counts.
        transpose_a: Whether ``op`` transposes.
        conjugate_a: Whether ``op`` takes the complex conjugate.
        unit_diagonal: Whether the diagonal is taken to be 1.

    Returns:
        An array of b's shape.

    Raises:
        ShapeError: They do not fit.
        numpy.linalg.LinAlgError: A number on the diagonal is 0. (JAX gives inf or nan.)

    >>> a = np.array([[2.0, 0.0], [1.0, 4.0]])
    >>> triangular_solve(a, np.array([2.0, 9.0]), left_side=True, lower=True)
    array([1., 2.])
    """
    from ..ops.matrix_functions import SolveTriangular

    x, y = promote([_square("triangular_solve", a), operand(b)])
    vector = len(shape_of(y)) == 1
    if not shape_of(y):
        raise ShapeError(
            f"lax.linalg.triangular_solve: got {aval_of(y)} as right side", "Give a vector."
        )
    if conjugate_a:
        x = np.conj(x)
    y = np.reshape(y, (-1, 1) if left_side else (1, -1)) if vector else y
    if not left_side:  # x a = b is a^T x^T = b^T
        y, transpose_a = np.swapaxes(y, -1, -2), not transpose_a
    if transpose_a:
        x, lower = np.swapaxes(x, -1, -2), not lower
    if shape_of(x)[:-2] != shape_of(y)[:-2] or shape_of(x)[-1] != shape_of(y)[-2]:
        raise ShapeError(
            f"lax.linalg.triangular_solve: got {aval_of(operand(a))} and {aval_of(operand(b))}",
            "Give as many matrices as right sides, of matching sizes.",
        )
    found = SolveTriangular(bool(lower), bool(unit_diagonal), False)(x, y)
    found = found if left_side else np.swapaxes(found, -1, -2)
    return np.reshape(found, -1) if vector else found


def tridiagonal_solve(dl: Array, d: Array, du: Array, b: Array) -> Array:
    """``x`` with ``a x = b``, for matrices that have three diagonals.

    Args:
        dl: The diagonal below, ``(..., n)``: ``dl[i] = a[i, i - 1]``; ``dl[0]`` does not count.
        d: The main diagonal, ``(..., n)``.
        du: The diagonal above: ``du[i] = a[i, i + 1]``; the last does not count.
        b: The right sides, ``(..., n, k)``.

    Returns:
        An array of b's shape.

    Raises:
        ShapeError: They do not fit.
        numpy.linalg.LinAlgError: A matrix is singular.
        MissingExtraError: SciPy is not installed.

    >>> tridiagonal_solve(
    ...     np.array([0.0, 1.0]),
    ...     np.array([2.0, 2.0]),
    ...     np.array([1.0, 0.0]),
    ...     np.array([[3.0], [3.0]]),
    ... )
    array([[1.],
           [1.]])
    """
    from ..ops.banded import SolveBanded

    below, main, above, right = promote([operand(v) for v in (dl, d, du, b)])
    shape = shape_of(main)
    if (
        not shape
        or {shape_of(below), shape_of(above)} != {shape}
        or len(shape_of(right)) != len(shape) + 1
        or shape_of(right)[:-1] != shape
    ):
        shown = ", ".join([str(aval_of(v)) for v in (below, main, above, right)])
        raise ShapeError(
            f"lax.linalg.tridiagonal_solve: got {shown}",
            "Give three arrays (..., n) and right sides (..., n, k).",
        )
    if not aval_of(main).inexact:
        below, main, above, right = (v.astype(np.float64) for v in (below, main, above, right))
    rows = [np.roll(above, 1, -1), main, np.roll(below, -1, -1)]
    return SolveBanded(1, 1, False)(np.stack(rows, axis=-2), right)


publish_all(globals())
