"""The decompositions of numpy.linalg for tracers, and what is made of them.

How derivatives are chosen where eigenvalues or singular values coincide stands in `ops.eigen`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import NotTraceableError, ShapeError
from ..ops import eigen, least_squares, singular
from ..ops.kinds import quiet_div
from ..ops.linear import reshape, shape_of, transpose
from ..ops.matrices import adjoint, from_triangle
from ..ops.solve import quiet_inv
from .arguments import cast, flag, operand, operands
from .dispatch import implements

__all__ = [
    "cond",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "lstsq",
    "matrix_rank",
    "pinv",
    "qr",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
]


def floating(x: Any) -> Any:
    """An array-like of floating or complex dtype; integers become float64."""
    x = operand(x)
    return x if aval_of(x).inexact else cast(x, np.float64)


def matrices_of(name: str, a: Any, square: bool = False) -> Any:
    """Stacked matrices of a dtype that LAPACK knows.

    Raises:
        TypeError: For float16, as NumPy.
        numpy.linalg.LinAlgError: For too few dimensions, and where ``square`` for other matrices.
    """
    x = floating(a)
    aval = aval_of(x)
    if aval.dtype.char not in "fdFD":
        raise TypeError(f"array type {aval.dtype} is unsupported in linalg: {name}")
    if aval.ndim < 2:
        raise np.linalg.LinAlgError(
            f"numpy.linalg.{name}: got {aval}, and the array must be at least two-dimensional"
        )
    if square and aval.shape[-1] != aval.shape[-2]:
        raise np.linalg.LinAlgError(
            f"numpy.linalg.{name}: got {aval}, and the last 2 dimensions must be square"
        )
    return x


@lru_cache(8)
def result_type(name: str) -> Any:
    """The named tuple that a function of NumPy's returns, which has no public name."""
    return type(getattr(np.linalg, name)(np.ones((1, 1))))


def _lower(uplo: Any) -> bool:
    letter = str(uplo).upper()
    if letter not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return letter == "L"


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: Any = "L") -> Any:
    """``numpy.linalg.eigh``.

    It reads one triangle of ``a``, as NumPy's does, and the gradient is in that triangle. With
    ``m = V^H da V``, ``dw = diag(m)`` and ``dV = V (F * m)`` where ``F[i, j] = 1 / (w[j] - w[i])``
    (Giles, Collected matrix derivative results, 2008). Terms of eigenvalues that coincide up to
    rounding count as 0, under ``numpy.errstate(divide="raise")`` they raise: see
    docs/decompositions.md.

    Raises:
        numpy.linalg.LinAlgError: For matrices that are not square, and as NumPy.
        FloatingPointError: Where eigenvalues coincide, if division by zero is to raise.
    """
    return result_type("eigh")(*eigen.Eigh(_lower(UPLO))(matrices_of("eigh", a, square=True)))


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: Any = "L") -> Any:
    """``numpy.linalg.eigvalsh``; ``dw = diag(V^H da V)``, see `eigh`."""
    lower = _lower(UPLO)
    return eigen.Eigvalsh(lower)(matrices_of("eigvalsh", a, square=True))


@implements(np.linalg.eig)
def eig(a: Any) -> Any:
    """``numpy.linalg.eig``, complex always: NumPy's dtype depends on the numbers.

    With ``m = V^-1 da V``, ``dw = diag(m)``, and ``dV`` is ``V (F * m)`` with the part along each
    eigenvector taken off, so that they keep length 1 (Boeddeker et al., 2017). Eigenvalues that
    coincide are treated as by `eigh`.
    """
    return result_type("eig")(*eigen.eig(matrices_of("eig", a, square=True)))


@implements(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """``numpy.linalg.eigvals``, complex always; see `eig`."""
    return eigen.eigvals(matrices_of("eigvals", a, square=True))


@implements(np.linalg.svd)
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    """``numpy.linalg.svd``.

    Derivatives after Townsend, Differentiating the singular value decomposition, 2016. Terms of
    singular values that coincide up to rounding count as 0, and so do those of a singular value
    that is 0; under ``numpy.errstate(divide="raise")`` they raise: see docs/decompositions.md.

    Raises:
        numpy.linalg.LinAlgError: As NumPy.
        FloatingPointError: Where singular values coincide, if division by zero is to raise.
    """
    x = matrices_of("svd", a, square=flag(hermitian))
    if flag(hermitian):
        return _svd_by_eigh(x, compute_uv)
    if not compute_uv:
        return singular.svdvals(x)
    return result_type("svd")(*singular.Svd(bool(full_matrices))(x))


def _svd_by_eigh(x: Any, compute_uv: bool) -> Any:
    """The decomposition of Hermitian matrices: the eigenvalues' signs go to the right vectors."""
    if not compute_uv:
        return np.sort(np.abs(eigvalsh(x)), axis=-1)[..., ::-1]
    w, v = eigh(x)
    s = np.abs(w)
    order = np.argsort(s, axis=-1)[..., ::-1]
    signs = np.sign(np.take_along_axis(w, order, axis=-1))
    u = np.take_along_axis(v, order[..., None, :], axis=-1)
    vh = adjoint(u * signs[..., None, :])
    return result_type("svd")(u, np.take_along_axis(s, order, axis=-1), vh)


@implements(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """``numpy.linalg.svdvals``; ``ds = Re(diag(U^H dx V))``, 0 for a singular value that is 0."""
    return singular.svdvals(matrices_of("svdvals", x))


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """``numpy.linalg.qr`` with mode "reduced", "complete" or "r".

    Derivatives after Walter & Lehmann, 2010; the first ``min(m, n)`` columns must be independent.
    The columns of Q that "complete" adds are any basis of what is left.

    Raises:
        NotTraceableError: For mode "raw", which is LAPACK's own storage, and deprecated ones.
        numpy.linalg.LinAlgError: By a derivative, where those columns are dependent.
    """
    if mode not in ("reduced", "complete", "r"):
        if mode not in ("raw", "full", "f", "economic", "e"):
            raise ValueError(f"Unrecognized mode '{mode}'")
        raise NotTraceableError(
            f"numpy.linalg.qr: mode={mode!r} gives LAPACK's own storage or is deprecated, and "
            "cannot be traced",
            "Use mode='reduced' or 'complete', or call it with stop_gradient(a).",
        )
    x = matrices_of("qr", a)
    q, r = least_squares.Qr(mode == "complete")(x)
    return r if mode == "r" else result_type("qr")(q, r)


def _static(name: str, parameter: str, value: Any) -> float:
    if isinstance(value, Tracer) or np.ndim(value):
        raise NotTraceableError(
            f"numpy.linalg.{name}: {parameter}= decides the rank and must be one plain number, got "
            f"{aval_of(operand(value))}",
            "Give a Python float, or make the argument static (static_argnames); where it is being "
            "differentiated, write stop_gradient(x): a rank carries no gradient.",
        )
    return float(value)


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """``numpy.linalg.pinv``.

    Derivatives after Golub & Pereyra, 1973, which hold while the rank stays as it is. ``rcond`` and
    ``rtol`` are numbers that are not traced.
    """
    x = matrices_of("pinv", a, square=flag(hermitian))
    if rcond is None:
        if rtol is np._NoValue:
            rcond = 1e-15
        elif rtol is None:
            aval = aval_of(x)
            rcond = max(aval.shape[-2:]) * float(np.finfo(aval.dtype).eps)
        else:
            rcond = _static("pinv", "rtol", rtol)
    elif rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if flag(hermitian):
        x = from_triangle(x, True)
    return least_squares.Pinv(_static("pinv", "rcond", rcond))(x)


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """``numpy.linalg.lstsq``; the solution has the derivatives of ``pinv(a) @ b``.

    Residuals have one element a column of ``b`` where ``a`` has more rows than columns and full
    rank, and none elsewhere. Under `jit` and `vmap`, where a shape cannot depend on the rank, they
    are nan where it is short. The rank carries no gradient.
    """
    x, y = operands([matrices_of("lstsq", a), floating(b)])
    vector = len(shape_of(y)) == 1
    if vector:
        y = reshape(y, (*shape_of(y), 1))
    if len(shape_of(x)) != 2 or len(shape_of(y)) != 2:
        raise np.linalg.LinAlgError("numpy.linalg.lstsq: arrays must be two-dimensional")
    m, n = shape_of(x)
    if shape_of(y)[0] != m:
        raise np.linalg.LinAlgError("Incompatible dimensions")
    relative = None if rcond is None else _static("lstsq", "rcond", rcond)
    found = least_squares.Lstsq(relative)(x, y)
    s = singular.svdvals(x)
    if relative is None:
        relative = max(m, n) * float(np.finfo(aval_of(x).dtype).eps)
    elif relative < 0:
        relative = float(np.finfo(aval_of(x).dtype).eps)
    rank = np.int32(0)
    if min(m, n):
        rank = np.count_nonzero(s > relative * s[0]).astype(np.int32)
    left = y - x @ found
    squares = np.sum(np.real(left) ** 2 + np.imag(left) ** 2, axis=0)
    if m <= n:
        residuals = squares[:0]
    elif isinstance(rank, Tracer):
        residuals = np.where(rank == n, squares, aval_of(squares).dtype.type(np.nan))
    else:
        residuals = squares if rank == n else squares[:0]
    return (reshape(found, (n,)) if vector else found), residuals, rank, s


@implements(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """``numpy.linalg.matrix_rank``, an integer, which carries no gradient."""
    if tol is not None and rtol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    x = operand(A)
    if len(shape_of(x)) < 2:
        return np.any(x != 0).astype(np.int64)
    x = matrices_of("matrix_rank", x, square=flag(hermitian))
    s = svd(x, compute_uv=False, hermitian=hermitian)
    if tol is None:
        if rtol is None:
            aval = aval_of(x)
            rtol = max(aval.shape[-2:]) * float(np.finfo(aval.dtype).eps)
        tol = np.max(s, axis=-1, keepdims=True) * np.asarray(rtol)[..., None]
    else:
        tol = np.asarray(tol)[..., None]
    return np.count_nonzero(s > tol, axis=-1)


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """``numpy.linalg.cond``, inf for a singular matrix, where it has no derivative."""
    a = matrices_of("cond", x)
    if 0 in shape_of(a):
        raise np.linalg.LinAlgError("cond is not defined on empty arrays")
    if p in (None, 2, -2):
        s = singular.svdvals(a)
        largest, smallest = s[..., 0], s[..., -1]
        if p == -2:
            largest, smallest = smallest, largest
        found = quiet_div(largest, smallest)
    else:
        a = matrices_of("cond", a, square=True)
        inverse = quiet_inv(a)
        found = np.linalg.norm(a, p, (-2, -1)) * np.linalg.norm(inverse, p, (-2, -1))
    lost = np.isnan(found) & ~np.any(np.isnan(a), axis=(-2, -1))
    return np.where(lost, np.inf, found).astype(aval_of(found).dtype)


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """``numpy.linalg.tensorinv``, by the inverse of a matrix.

    Raises:
        numpy.linalg.LinAlgError: Where the first ``ind`` axes and the others do not make a square.
    """
    x = operand(a)
    ind = operator.index(ind)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    rows, columns = shape_of(x)[:ind], shape_of(x)[ind:]
    matrix = reshape(x, (math.prod(rows), math.prod(columns)))
    return reshape(np.linalg.inv(matrix), (*columns, *rows))


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Any:
    """``numpy.linalg.tensorsolve``, by the solution of a linear system.

    Raises:
        numpy.linalg.LinAlgError: Where the axes of ``b`` and the others do not make a square.
    """
    x, y = operands([a, b])
    rank = len(shape_of(x))
    if axes is not None:
        moved = [operator.index(k) for k in axes]
        if not {*moved} <= {*range(rank)} or len({*moved}) < len(moved):
            raise ShapeError(
                f"numpy.linalg.tensorsolve: axes={tuple(moved)} are not axes of {aval_of(x)}",
                f"Name each once; NumPy counts them from 0 to {rank - 1} here.",
            )
        x = transpose(x, (*[k for k in range(rank) if k not in moved], *moved))
    unknown = shape_of(x)[len(shape_of(y)) :]
    rows, columns = aval_of(y).size, math.prod(unknown)
    if aval_of(x).size != columns * columns:
        raise np.linalg.LinAlgError(
            f"numpy.linalg.tensorsolve: got {aval_of(x)} and {aval_of(y)}, and the axes of a that "
            "b does not have must make as many elements as b has"
        )
    if rows != columns:
        raise ShapeError(
            f"numpy.linalg.tensorsolve: got {aval_of(x)} and {aval_of(y)}",
            "The first axes of a must be those of b.",
        )
    found = np.linalg.solve(reshape(x, (columns, columns)), reshape(y, (rows,)))
    return reshape(found, unknown)
