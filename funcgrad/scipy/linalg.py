"""Floor 6: `scipy.linalg` on tracers: exponential, square root, triangular systems, factorings.

SciPy's own functions cannot see tracers; these are SciPy's where nothing is traced, and have
derivatives where something is. What `numpy.linalg` has (solve, eigh, svd, ...) is taken from there.
Arguments ``overwrite_a`` and the like are taken and ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from .. import numpy as fnp
from ..core.trace import aval_of
from ..errors import ArgumentError, MissingExtraError, NotTraceableError, ShapeError
from ..numpy.arguments import broadcast_shapes, operand, operands, spread
from ..numpy.decompose import floating, matrices_of
from ..numpy.dispatch import has_tracer
from ..ops import matrix_functions as ops
from ..ops import solve as solves
from ..ops.linear import reshape, shape_of
from ..ops.matrices import adjoint, transposed

try:
    from scipy import linalg as genuine
except ImportError as error:
    raise MissingExtraError(
        "funcgrad.scipy.linalg needs SciPy, which is not installed",
        "Install it: pip install 'funcgrad[scipy]'.",
    ) from error

__all__ = [
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "det",
    "eigvalsh",
    "expm",
    "inv",
    "lu",
    "norm",
    "solve",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_lyapunov",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
    "svdvals",
    "toeplitz",
]

P = ParamSpec("P")
R = TypeVar("R")


def _where_traced(function: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The decorated function where a tracer is among the arguments, SciPy's elsewhere."""

    def decorate(counterpart: Callable[P, R]) -> Callable[P, R]:
        def public(*args: Any, **kwargs: Any) -> Any:
            traced = any(has_tracer(a) for a in args) or any(map(has_tracer, kwargs.values()))
            return (counterpart if traced else function)(*args, **kwargs)

        public.__name__ = public.__qualname__ = counterpart.__name__
        public.__module__ = __name__
        public.__doc__ = f"{counterpart.__doc__}\n\n{function.__doc__}"
        public.__wrapped__ = function  # type: ignore[attr-defined]
        return public

    return decorate


def _square(name: str, a: Any) -> Any:
    x = floating(a)
    aval = aval_of(x)
    if aval.ndim < 2 or aval.shape[-1] != aval.shape[-2]:
        raise ShapeError(
            f"scipy.linalg.{name}: got {aval}, not square matrices", "Give an array (..., n, n)."
        )
    return matrices_of(name, x)


@_where_traced(genuine.expm)
def expm(A: Any) -> Any:
    """``scipy.linalg.expm`` of square matrices ``(..., n, n)``.

    The derivative in the direction T stands in the exponential of ``[[A, T], [0, A]]`` (Mathias,
    1996); eigenvalues that coincide do no harm.

    Raises:
        ShapeError: For other shapes.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> grad(lambda A: np.trace(expm(A)))(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return ops.expm(_square("expm", A))


@_where_traced(genuine.sqrtm)
def sqrtm(A: Any, disp: Any = True, blocksize: Any = 64) -> Any:
    """``scipy.linalg.sqrtm`` of square matrices ``(..., n, n)``, of the dtype of ``A``.

    The derivative solves ``R dR + dR R = dA`` (Higham, Functions of Matrices, 2008).

    Raises:
        ShapeError: For other shapes.
        numpy.linalg.LinAlgError: For a real matrix whose root is complex: SciPy's dtype depends on
            the numbers. ``sqrtm(A + 0j)`` has it.
    """
    return ops.sqrtm(_square("sqrtm", A))


@_where_traced(genuine.solve_sylvester)
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """``scipy.linalg.solve_sylvester``: ``x`` with ``a x + x b = q``, stacks of one length.

    ``a dx + dx b = dq - da x - x db``.

    Raises:
        ShapeError: Where ``q`` has not the rows of ``a`` and the columns of ``b``.
    """
    x, y, z = operands([_square("solve_sylvester", a), _square("solve_sylvester", b), floating(q)])
    lead, m, n = shape_of(x)[:-2], shape_of(x)[-1], shape_of(y)[-1]
    if shape_of(y)[:-2] != lead or shape_of(z) != (*lead, m, n):
        raise ShapeError(
            f"scipy.linalg.solve_sylvester: got {aval_of(x)}, {aval_of(y)} and {aval_of(z)}",
            "q has the rows of a and the columns of b.",
        )
    return ops.solve_sylvester(x, y, z)


@_where_traced(genuine.solve_triangular)
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
    x, y = operands([_square("solve_triangular", a), floating(b)])
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"trans must be 0, 1, 2, 'N', 'T' or 'C', got {trans!r}")
    if trans in (1, "T"):
        x, lower = transposed(x), not lower
    elif trans in (2, "C"):
        x, lower = adjoint(x), not lower
    return _triangular("solve_triangular", x, y, bool(lower), bool(unit_diagonal), check_finite)


def _triangular(name: str, x: Any, y: Any, lower: bool, unit: bool, check: bool) -> Any:
    vector = len(shape_of(y)) == 1
    if vector:
        y = reshape(y, (*shape_of(y), 1))
    if len(shape_of(y)) < 2 or shape_of(x)[-1] != shape_of(y)[-2]:
        raise ShapeError(
            f"scipy.linalg.{name}: got {aval_of(x)} and {aval_of(y)}",
            "The matrix must have as many rows as the right side.",
        )
    lead = broadcast_shapes(name, shape_of(x)[:-2], shape_of(y)[:-2])
    x = spread(name, x, (*lead, *shape_of(x)[-2:]))
    y = spread(name, y, (*lead, *shape_of(y)[-2:]))
    found = ops.SolveTriangular(lower, unit, bool(check))(x, y)
    return reshape(found, shape_of(found)[:-1]) if vector else found


@_where_traced(genuine.cholesky)
def cholesky(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """``scipy.linalg.cholesky``; upper triangular by default, and the gradient is in that triangle.

    Raises:
        numpy.linalg.LinAlgError: Where a matrix is not positive definite.
    """
    x = _square("cholesky", a)
    return solves.cholesky(x) if lower else transposed(solves.cholesky(transposed(x)))


@_where_traced(genuine.cho_factor)
def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Any, bool]:
    """``scipy.linalg.cho_factor``; the triangle in which SciPy leaves anything is 0."""
    return cholesky(a, lower), bool(lower)


@_where_traced(genuine.cho_solve)
def cho_solve(
    c_and_lower: tuple[Any, bool], b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """``scipy.linalg.cho_solve``, by two triangular systems."""
    c, lower = c_and_lower
    x, y = operands([_square("cho_solve", c), floating(b)])
    first, second = (x, adjoint(x)) if lower else (adjoint(x), x)
    half = _triangular("cho_solve", first, y, True, False, check_finite)
    return _triangular("cho_solve", second, half, False, False, check_finite)


@_where_traced(genuine.lu)
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
    x = floating(a)
    aval = aval_of(x)
    if aval.ndim < 2 or aval.shape[-1] != aval.shape[-2]:
        raise NotTraceableError(
            f"scipy.linalg.lu: got {aval}; only square matrices can be traced",
            "Factor the square part, and solve for the rest with solve_triangular.",
        )
    p, lower, upper = ops.lu(matrices_of("lu", x))
    if permute_l:
        return np.matmul(p.astype(aval.dtype), lower), upper
    if p_indices:
        return np.argmax(p, axis=-1).astype(np.int32), lower, upper
    return p, lower, upper


@_where_traced(genuine.solve)
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
    """``scipy.linalg.solve`` of general matrices, by `numpy.linalg.solve`.

    Raises:
        ArgumentError: ``assume_a`` names a structure, of which SciPy reads a part alone.
        ShapeError: Where the shapes do not fit.
        numpy.linalg.LinAlgError: For a singular matrix.
    """
    if assume_a not in (None, "gen", "general"):
        raise ArgumentError(
            f"scipy.linalg.solve: assume_a={assume_a!r}, and something is traced",
            "Leave it away; cho_solve and solve_triangular are for matrices of a structure.",
        )
    x = _square("solve", a)
    return np.linalg.solve(np.swapaxes(x, -1, -2) if transposed else x, floating(b))


@_where_traced(genuine.inv)
def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True, **options: Any) -> Any:
    """``scipy.linalg.inv``, by `numpy.linalg.inv`.

    Raises:
        ShapeError: For matrices that are not square.
        numpy.linalg.LinAlgError: For a singular matrix.
    """
    return np.linalg.inv(_square("inv", a))


@_where_traced(genuine.det)
def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """``scipy.linalg.det``, by `numpy.linalg.det`.

    Raises:
        ShapeError: For matrices that are not square.
    """
    return np.linalg.det(_square("det", a))


@_where_traced(genuine.norm)
def norm(
    a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Any:
    """``scipy.linalg.norm``, by `numpy.linalg.norm`; 0 at 0."""
    return np.linalg.norm(a, ord, axis, keepdims)


@_where_traced(genuine.svdvals)
def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """``scipy.linalg.svdvals``, by `numpy.linalg.svd`."""
    return np.linalg.svd(floating(a), compute_uv=False)


@_where_traced(genuine.eigvalsh)
def eigvalsh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
) -> Any:
    """``scipy.linalg.eigvalsh``; for a pair ``(a, b)`` those of ``L^-1 a L^-H``, ``b = L L^H``.

    Raises:
        ArgumentError: For another ``type`` than 1.
        numpy.linalg.LinAlgError: Where ``b`` is not positive definite.
    """
    if type != 1:
        raise ArgumentError(
            f"scipy.linalg.eigvalsh: type={type}, and something is traced", "Use type=1."
        )
    x = _square("eigvalsh", a)
    if b is not None:
        y = _square("eigvalsh", b)
        triangle = np.tril(x) if lower else np.triu(x)
        strict = np.tril(x, -1) if lower else np.triu(x, 1)
        whole = triangle + np.conj(np.swapaxes(strict, -1, -2))
        factor = cholesky(y, lower=True) if lower else adjoint(cholesky(y))
        half = solve_triangular(factor, whole, lower=True)
        x = adjoint(solve_triangular(factor, adjoint(half), lower=True))
        x = 0.5 * (x + adjoint(x))
    return np.linalg.eigvalsh(x, "L" if lower else "U")


@_where_traced(genuine.solve_continuous_lyapunov)
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """``scipy.linalg.solve_continuous_lyapunov``: ``x`` with ``a x + x a^H = q``."""
    x = _square("solve_continuous_lyapunov", a)
    return solve_sylvester(x, adjoint(x), q)


solve_lyapunov = solve_continuous_lyapunov


@_where_traced(genuine.solve_discrete_lyapunov)
def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    """``scipy.linalg.solve_discrete_lyapunov``: ``x`` with ``a x a^H - x + q = 0``.

    By one linear system of ``n**2`` unknowns, whatever the method.
    """
    x, y = operands([_square("solve_discrete_lyapunov", a), floating(q)])
    n = shape_of(x)[-1]
    if len(shape_of(x)) != 2 or shape_of(y) != (n, n):
        raise ShapeError(
            f"scipy.linalg.solve_discrete_lyapunov: got {aval_of(x)} and {aval_of(y)}",
            "Give two matrices (n, n).",
        )
    system = np.eye(n * n) - np.kron(x, np.conj(x))
    return np.reshape(np.linalg.solve(system, np.reshape(y, -1)), (n, n))


@_where_traced(genuine.block_diag)
def block_diag(*arrs: Any) -> Any:
    """``scipy.linalg.block_diag`` of matrices; vectors are rows.

    Raises:
        ShapeError: For arrays of more than two axes.
    """
    blocks = [np.atleast_2d(operand(a)) for a in arrs]
    if any(len(shape_of(x)) > 2 for x in blocks):
        raise ShapeError(
            "scipy.linalg.block_diag: got an array of more than two axes", "Map over the others."
        )
    rows = []
    for i, x in enumerate(blocks):
        zeros = [np.zeros((shape_of(x)[0], shape_of(y)[1])) for y in blocks]
        rows.append(np.concatenate([*zeros[:i], x, *zeros[i + 1 :]], axis=1))
    return np.concatenate(rows, axis=0)


@_where_traced(genuine.toeplitz)
def toeplitz(c: Any, r: Any = None) -> Any:
    """``scipy.linalg.toeplitz`` of a first column and a first row, vectors.

    Raises:
        ShapeError: They are no vectors.
    """
    column = operand(c)
    row = np.conj(column) if r is None else operand(r)
    if len(shape_of(column)) != 1 or len(shape_of(row)) != 1:
        raise ShapeError(
            f"scipy.linalg.toeplitz: got {aval_of(column)} and {aval_of(row)}", "Give vectors."
        )
    values = np.concatenate([np.flip(column), row[1:]])
    n, m = shape_of(column)[0], shape_of(row)[0]
    places = np.arange(n - 1, -1, -1)[:, None] + np.arange(m)
    return fnp.take(values, places)
