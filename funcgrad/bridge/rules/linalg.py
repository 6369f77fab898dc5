"""Linear algebra. What LAPACK raises is a site: XLA gives nan for it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg as linalg
import numpy as np
from jax import lax

from ...core.ir import Equation
from ..replay import Replay, formula, rule

__all__: list[str] = []


def check_finite(replay: Replay, xs: Any, out: Any, what: str) -> Any:
    """A site, which fails where finite operands gave what is not finite."""

    def bad() -> Any:
        fine = jnp.array(True)
        for x in xs:
            fine = fine & jnp.all(jnp.isfinite(x))
        return fine & ~jnp.all(jnp.isfinite(out))

    replay.check(bad, lambda: np.linalg.LinAlgError(what))
    return out


@rule("solve")
def solve(replay: Replay, eqn: Equation, a: Any, b: Any) -> Any:
    """The solution of linear equations."""
    return check_finite(replay, (a, b), jnp.linalg.solve(a, b), "Singular matrix")


@rule("inv")
def inv(replay: Replay, eqn: Equation, a: Any) -> Any:
    """The inverse."""
    return check_finite(replay, (a,), jnp.linalg.inv(a), "Singular matrix")


@rule("cholesky")
def cholesky(replay: Replay, eqn: Equation, a: Any) -> Any:
    """The factor of a positive definite matrix, of its lower half."""
    found = jnp.linalg.cholesky(a, symmetrize_input=False)
    return check_finite(replay, (a,), found, "Matrix is not positive definite")


@formula("quiet_inv")
def quiet_inv(p: Any, a: Any) -> Any:
    """The inverse, nan where there is none."""
    found = jnp.linalg.inv(a)
    return jnp.where(jnp.all(jnp.isfinite(found), (-2, -1), keepdims=True), found, jnp.nan)


@formula("eigh")
def eigh(p: Any, x: Any) -> Any:
    """Eigenvalues and vectors, of the half of the matrix that is said."""
    return tuple(jnp.linalg.eigh(x, UPLO="L" if p.lower else "U", symmetrize_input=False))


@formula("eigvalsh")
def eigvalsh(p: Any, x: Any) -> Any:
    """Eigenvalues, of the half of the matrix that is said."""
    return jnp.linalg.eigvalsh(x, UPLO="L" if p.lower else "U", symmetrize_input=False)


@formula("eig")
def eig(p: Any, x: Any) -> Any:
    """Eigenvalues and vectors of any square matrix."""
    return tuple(jnp.linalg.eig(x))


@formula("eigvals")
def eigvals(p: Any, x: Any) -> Any:
    """Eigenvalues of any square matrix."""
    return jnp.linalg.eigvals(x)


@formula("qr")
def qr(p: Any, x: Any) -> Any:
    """The factors of Householder's method."""
    return tuple(jnp.linalg.qr(x, mode="complete" if p.complete else "reduced"))


@formula("slogdet")
def slogdet(p: Any, x: Any) -> Any:
    """Sign and logarithm of the determinant."""
    return tuple(jnp.linalg.slogdet(x))


@formula("svd")
def svd(p: Any, x: Any) -> Any:
    """Singular values and vectors."""
    return tuple(jnp.linalg.svd(x, full_matrices=p.full))


@formula("svdvals")
def svdvals(p: Any, x: Any) -> Any:
    """Singular values."""
    return jnp.linalg.svd(x, compute_uv=False)


@formula("lstsq")
def lstsq(p: Any, a: Any, b: Any) -> Any:
    """Least squares, for stacks too."""
    f: Any = lambda a, b: jnp.linalg.lstsq(a, b, rcond=p.rcond)[0]  # noqa: E731
    for _ in range(a.ndim - 2):
        f = jax.vmap(f)
    return f(a, b)


def invert_gaps(w: Any, sums: Any, n: int) -> Any:
    """``1 / sums``, 0 where that is 0 up to the rounding of the largest of ``w``."""
    most = jnp.max(jnp.abs(w), axis=-1, initial=0)
    most = most.reshape((*most.shape, *[1] * (sums.ndim - most.ndim)))
    none = jnp.abs(sums) <= (16 + n) * np.finfo(w.dtype).eps * most
    one = np.ones((), w.dtype)
    return jnp.where(none, np.zeros((), w.dtype), 1 / jnp.where(none, one, sums))


@formula("inverse_gaps")
def inverse_gaps(p: Any, w: Any) -> Any:
    """One over the gaps of each pair."""
    return invert_gaps(w, w[..., None, :] + p.sign * w[..., :, None], w.shape[-1])


@formula("inverses")
def inverses(p: Any, s: Any) -> Any:
    """One over singular values."""
    return invert_gaps(s, s, s.shape[-1])


@formula("expm")
def expm(p: Any, x: Any) -> Any:
    """The exponential of a matrix."""
    return linalg.expm(x)


@rule("solve_triangular")
def solve_triangular(replay: Replay, eqn: Equation, a: Any, b: Any) -> Any:
    """The solution by substitution."""
    p = eqn.primitive
    found = lax.linalg.triangular_solve(a, b, left_side=True, lower=p.lower, unit_diagonal=p.unit)
    if not p.unit:

        def singular() -> Any:
            return jnp.any(jnp.diagonal(a, 0, -2, -1) == 0)

        replay.check(
            singular, lambda: np.linalg.LinAlgError("singular matrix: a diagonal element is 0")
        )
    return found


@formula("lu")
def lu(p: Any, x: Any) -> Any:
    """Permutation, lower and upper factor."""
    f: Any = linalg.lu
    for _ in range(x.ndim - 2):
        f = jax.vmap(f)
    permutation, lower, upper = f(x)
    return jnp.real(permutation), lower, upper


@formula("pivot_order")
def pivot_order(p: Any, pivots: Any) -> Any:
    """The rows in the order of the factors' rows."""
    return lax.linalg.lu_pivots_to_permutation(pivots, pivots.shape[-1]).astype(np.int64)


@formula("pivots")
def pivots(p: Any, permutation: Any) -> Any:
    """Pivots of permutation matrices, as LAPACK has them."""
    n = permutation.shape[-1]
    wanted = jnp.argmax(permutation, axis=-2)
    rows = jnp.broadcast_to(jnp.arange(n), wanted.shape)
    found = []
    for i in range(n):
        j = jnp.argmax(rows == wanted[..., i, None], axis=-1)
        found.append(j)
        moved = rows[..., i, None]
        rows = jnp.where(jnp.arange(n) == j[..., None], moved, rows)
        rows = rows.at[..., i].set(wanted[..., i])
    return jnp.stack(found, axis=-1).astype(np.int32)


@formula("scipy_eigh")
def scipy_eigh(p: Any, x: Any) -> Any:
    """Eigenvalues and vectors, as SciPy calls LAPACK."""
    return tuple(jnp.linalg.eigh(x, UPLO="L" if p.lower else "U", symmetrize_input=False))
