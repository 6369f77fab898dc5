"""Linear systems: general, triangular, factored, of a structure, and of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg as genuine

from ...core.trace import aval_of
from ...errors import ArgumentError, ShapeError
from ...numpy.arguments import broadcast_operand, broadcast_shapes, operand, operands
from ...ops import matrix_functions as ops
from ...ops.banded import SolveBanded
from ...ops.linear import reshape, shape_of
from ...ops.matrices import adjoint, from_triangle, transpose_matrices
from .base import floating, matrices_of, refuse_parameters, square, where_traced
from .factorings import cho_factor

__all__ = [
    "cho_solve",
    "inv",
    "lstsq",
    "lu_solve",
    "pinv",
    "solve",
    "solve_banded",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_lyapunov",
    "solve_sylvester",
    "solve_triangular",
]


@where_traced(genuine.solve_triangular)
def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """``scipy.linalg.solve_triangular``; the gradient by ``a`` is in the triangle that counts.

    ``a`` is ``(..., n, n)``, ``b`` is ``(n,)`` or ``(..., n, k)``; axes before broadcast.

    Raises:
        ShapeError: Where they do not fit.
        numpy.linalg.LinAlgError: For a zero on the diagonal.
        ValueError: For numbers that are not finite, unless ``check_finite`` is off.
    """
    x, y = operands([square("solve_triangular", a), floating(b)])
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"trans must be 0, 1, 2, 'N', 'T' or 'C', got {trans!r}")
    if trans in (1, "T"):
        x, lower = transpose_matrices(x), not lower
    elif trans in (2, "C"):
        x, lower = adjoint(x), not lower
    return _triangular("solve_triangular", x, y, bool(lower), bool(unit_diagonal), check_finite)


@where_traced(genuine.solve_banded)
def solve_banded(
    l_and_u: tuple[int, int],
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """``scipy.linalg.solve_banded``: ``ab`` has the diagonals of the matrix as rows.

    ``ab`` is ``(..., l + u + 1, n)``, ``b`` is ``(n,)`` or ``(..., n, k)``; axes before broadcast.
    Derivatives are banded systems too. What of ``ab`` is outside of the matrix has gradient 0.

    Raises:
        ShapeError: Where they do not fit.
        numpy.linalg.LinAlgError: For a singular matrix.
        ValueError: For numbers that are not finite, unless ``check_finite`` is off.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> b = np.array([1.0, 2.0, 3.0])
    >>> grad(lambda ab: np.sum(solve_banded((0, 1), ab, b)))(np.array([[0, 1, 1], [2.0, 2, 2]]))
    array([[-0.    , -0.125 , -0.375 ],
           [-0.1875, -0.0625, -0.5625]])
    """
    below, above = [int(count) for count in l_and_u]
    x, y = operands([floating(ab), floating(b)])
    n = shape_of(y)[-1 if len(shape_of(y)) == 1 else -2] if shape_of(y) else None
    if len(shape_of(x)) < 2 or shape_of(x)[-2:] != (below + above + 1, n):
        raise ShapeError(
            f"scipy.linalg.solve_banded: got {aval_of(x)} and {aval_of(y)}, and {below} diagonals "
            f"below and {above} above the main one",
            "Give ab with a row for each diagonal, and a column for each row of b.",
        )
    vector = len(shape_of(y)) == 1
    y = reshape(y, (*shape_of(y), 1)) if vector else y
    lead = broadcast_shapes("solve_banded", shape_of(x)[:-2], shape_of(y)[:-2])
    x = broadcast_operand("solve_banded", x, (*lead, *shape_of(x)[-2:]))
    y = broadcast_operand("solve_banded", y, (*lead, *shape_of(y)[-2:]))
    found = SolveBanded(below, above, bool(check_finite))(x, y)
    return reshape(found, shape_of(found)[:-1]) if vector else found


def _triangular(name: str, x: Any, y: Any, lower: bool, unit: bool, check: bool) -> Any:
    vector = len(shape_of(y)) == 1
    x, y = _fitting(name, x, reshape(y, (*shape_of(y), 1)) if vector else y)
    found = ops.SolveTriangular(lower, unit, bool(check))(x, y)
    return reshape(found, shape_of(found)[:-1]) if vector else found


def _fitting(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Stacks of matrices and of right sides, of one length.

    Raises:
        ShapeError: Where the sizes differ.
    """
    if len(shape_of(y)) < 2 or shape_of(x)[-1] != shape_of(y)[-2]:
        raise ShapeError(
            f"scipy.linalg.{name}: got {aval_of(x)} and {aval_of(y)}",
            "The matrix must have as many rows as the right side.",
        )
    lead = broadcast_shapes(name, shape_of(x)[:-2], shape_of(y)[:-2])
    x = broadcast_operand(name, x, (*lead, *shape_of(x)[-2:]))
    return x, broadcast_operand(name, y, (*lead, *shape_of(y)[-2:]))


@where_traced(genuine.cho_solve)
def cho_solve(
    c_and_lower: tuple[Any, bool], b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """``scipy.linalg.cho_solve``, by two triangular systems."""
    c, lower = c_and_lower
    x, y = operands([square("cho_solve", c), floating(b)])
    first, second = (x, adjoint(x)) if lower else (adjoint(x), x)
    half = _triangular("cho_solve", first, y, True, False, check_finite)
    return _triangular("cho_solve", second, half, False, False, check_finite)


@where_traced(genuine.lu_solve)
def lu_solve(
    lu_and_piv: tuple[Any, Any],
    b: Any,
    trans: int = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """``scipy.linalg.lu_solve`` with the factors of `lu_factor`, by two triangular systems.

    Raises:
        ShapeError: Where the factors and the right side do not fit.
        ValueError: For ``trans`` that is not 0, 1 or 2.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> from funcgrad.scipy.linalg import lu_factor
    >>> A, b = np.array([[0.0, 2.0], [4.0, 1.0]]), np.array([2.0, 5.0])
    >>> grad(lambda b: np.sum(lu_solve(lu_factor(A), b)))(b)
    array([0.375, 0.25 ])
    """
    if trans not in (0, 1, 2):
        raise ValueError(f"trans must be 0, 1 or 2, got {trans!r}")
    factors, piv = lu_and_piv
    x, y = operands([square("lu_solve", factors), floating(b)])
    if len(shape_of(y)) == 1:
        found = lu_solve(lu_and_piv, reshape(y, (*shape_of(y), 1)), trans)
        return reshape(found, shape_of(found)[:-1])
    x, y = _fitting("lu_solve", x, y)
    order = np.broadcast_to(ops.pivot_order(operand(piv)), shape_of(x)[:-1])[..., None]
    if trans == 0:
        half = _triangular("lu_solve", x, np.take_along_axis(y, order, -2), True, True, False)
        return _triangular("lu_solve", x, half, False, False, False)
    turned = transpose_matrices(x) if trans == 1 else adjoint(x)
    half = _triangular("lu_solve", turned, y, True, False, False)
    found = _triangular("lu_solve", turned, half, False, True, False)
    return np.take_along_axis(found, np.argsort(order, axis=-2), -2)


_STRUCTURES = {
    "general": "gen",
    "symmetric": "sym",
    "hermitian": "her",
    "positive definite": "pos",
    "upper triangular": "upper",
    "lower triangular": "lower",
    **{name: name for name in ("gen", "sym", "her", "pos", "diagonal")},
}


def _structure(name: str, assume_a: Any) -> str:
    """What of the matrix counts.

    Raises:
        ArgumentError: For a structure that has no rule here.
    """
    if assume_a is None:
        return "gen"
    if assume_a not in _STRUCTURES:
        raise ArgumentError(
            f"scipy.linalg.{name}: assume_a={assume_a!r}, and something is traced",
            f"It is one of {', '.join(map(repr, _STRUCTURES))}.",
        )
    return _STRUCTURES[assume_a]


@where_traced(genuine.solve)
def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    """``scipy.linalg.solve``; the gradient by ``a`` is in the part that ``assume_a`` lets count.

    Positive definite systems go by Cholesky's factors, triangular ones by substitution, others by
    `numpy.linalg.solve`. Without ``assume_a`` the matrix is general, whatever SciPy finds in it.

    Raises:
        ArgumentError: For a banded or tridiagonal structure.
        ShapeError: Where the shapes do not fit.
        numpy.linalg.LinAlgError: For a singular matrix, and one that is not positive definite.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> K, y = np.array([[2.0, 0.0], [1.0, 2.0]]), np.array([1.0, 1.0])
    >>> grad(lambda K: y @ solve(K, y, lower=True, assume_a="pos"))(K)
    array([[-0.11111111,  0.        ],
           [-0.22222222, -0.11111111]])
    """
    kind = _structure("solve", assume_a)
    x, y = square("solve", a), floating(b)
    if kind == "pos":
        return cho_solve(cho_factor(x, lower), y)
    if kind in ("upper", "lower"):
        return solve_triangular(x, y, "T" if transposed else 0, lower=kind == "lower")
    if kind == "diagonal":
        d = np.diagonal(x, axis1=-2, axis2=-1)
        return y / (d if len(shape_of(y)) == 1 else d[..., None])
    whole = _whole(x, kind, bool(lower))
    return np.linalg.solve(np.swapaxes(whole, -1, -2) if transposed else whole, y)


def _whole(x: Any, kind: str, lower: bool) -> Any:
    """The matrix of which one triangle counts, if it is symmetric or Hermitian."""
    if kind == "her":
        return from_triangle(x, lower)
    if kind == "sym":
        strict = np.tril(x, -1) if lower else np.triu(x, 1)
        return (np.tril(x) if lower else np.triu(x)) + np.swapaxes(strict, -1, -2)
    return x


@where_traced(genuine.inv)
def inv(
    a: Any,
    overwrite_a: bool = False,
    check_finite: bool = True,
    *,
    assume_a: str | None = None,
    lower: bool = False,
) -> Any:
    """``scipy.linalg.inv``, by `numpy.linalg.inv`; ``assume_a`` as in `solve`.

    Raises:
        ArgumentError: For a structure that `solve` does not take.
        ShapeError: For matrices that are not square.
        numpy.linalg.LinAlgError: For a singular matrix.
    """
    x, kind = square("inv", a), _structure("inv", assume_a)
    if kind in ("gen", "sym", "her"):
        return np.linalg.inv(_whole(x, kind, bool(lower)))
    aval = aval_of(x)
    unit = np.broadcast_to(np.eye(aval.shape[-1], dtype=aval.dtype), aval.shape)
    return solve(x, unit, lower, assume_a=assume_a)


@where_traced(genuine.pinv)
def pinv(
    a: Any,
    *,
    atol: Any = None,
    rtol: Any = None,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    """``scipy.linalg.pinv``, by `numpy.linalg.pinv`; derivatives hold while the rank stays.

    Raises:
        ArgumentError: For ``atol``: the rank is found relative to the largest singular value.
        numpy.linalg.LinAlgError: As NumPy.
    """
    refuse_parameters("pinv", "Use rtol=.", atol=(atol, None))
    x = matrices_of("pinv", a)
    if rtol is None:
        rtol = max(shape_of(x)[-2:]) * float(np.finfo(aval_of(x).dtype).eps)
    found = np.linalg.pinv(x, rtol)
    return (found, np.linalg.matrix_rank(x, rtol=rtol)) if return_rank else found


@where_traced(genuine.lstsq)
def lstsq(
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: Any = None,
) -> tuple[Any, Any, Any, Any]:
    """``scipy.linalg.lstsq``: solution, residuals, rank, singular values, by `numpy.linalg.lstsq`.

    Residuals are there where ``a`` has more rows than columns and full rank; under `jit` and `vmap`
    they are nan where the rank is short. The rank carries no gradient.

    Raises:
        numpy.linalg.LinAlgError: Where the shapes do not fit.
    """
    x = matrices_of("lstsq", a)
    if cond is None:
        cond = float(np.finfo(aval_of(x).dtype).eps)
    found, residuals, rank, s = np.linalg.lstsq(x, floating(b), cond)
    if len(shape_of(found)) == 1 and shape_of(residuals) == (1,):
        residuals = residuals[0]
    return found, residuals, rank, s


@where_traced(genuine.solve_sylvester)
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """``scipy.linalg.solve_sylvester``: ``x`` with ``a x + x b = q``, stacks of one length.

    ``a dx + dx b = dq - da x - x db``.

    Raises:
        ShapeError: Where ``q`` has not the rows of ``a`` and the columns of ``b``.
    """
    x, y, z = operands([square("solve_sylvester", a), square("solve_sylvester", b), floating(q)])
    lead, m, n = shape_of(x)[:-2], shape_of(x)[-1], shape_of(y)[-1]
    if shape_of(y)[:-2] != lead or shape_of(z) != (*lead, m, n):
        raise ShapeError(
            f"scipy.linalg.solve_sylvester: got {aval_of(x)}, {aval_of(y)} and {aval_of(z)}",
            "q has the rows of a and the columns of b.",
        )
    return ops.solve_sylvester(x, y, z)


@where_traced(genuine.solve_continuous_lyapunov)
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """``scipy.linalg.solve_continuous_lyapunov``: ``x`` with ``a x + x a^H = q``."""
    x = square("solve_continuous_lyapunov", a)
    return solve_sylvester(x, adjoint(x), q)


solve_lyapunov = solve_continuous_lyapunov


@where_traced(genuine.solve_discrete_lyapunov)
def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    """``scipy.linalg.solve_discrete_lyapunov``: ``x`` with ``a x a^H - x + q = 0``.

    By one linear system of ``n**2`` unknowns, whatever the method.
    """
    x, y = operands([square("solve_discrete_lyapunov", a), floating(q)])
    n = shape_of(x)[-1]
    if len(shape_of(x)) != 2 or shape_of(y) != (n, n):
        raise ShapeError(
            f"scipy.linalg.solve_discrete_lyapunov: got {aval_of(x)} and {aval_of(y)}",
            "Give two matrices (n, n).",
        )
    system = np.eye(n * n) - np.kron(x, np.conj(x))
    return np.reshape(np.linalg.solve(system, np.reshape(y, -1)), (n, n))
