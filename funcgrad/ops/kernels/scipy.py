"""What matrix functions and distributions take from SciPy; see `funcgrad.ops.kernels`.

Each function uses nothing but ``np`` and what it imports: generated source holds a copy of its
text. SciPy loads when one is called. Stacks are looped over: SciPy's own support of them is younger
than the SciPy that funcgrad asks for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .random import beta_slope


def matrix_exponential(x: Any) -> Any:
    """``scipy.linalg.expm`` of each matrix of a stack."""
    from scipy.linalg import expm

    return expm(x)


def matrix_root(x: Any) -> Any:
    """``scipy.linalg.sqrtm`` of each matrix of a stack, of the dtype of ``x``."""
    from scipy.linalg import sqrtm

    return each_matrix(sqrtm, x, "root")


def matrix_logarithm(x: Any) -> Any:
    """``scipy.linalg.logm`` of each matrix of a stack, of the dtype of ``x``, a double one."""
    from scipy.linalg import logm

    return each_matrix(logm, x, "logarithm")


def each_matrix(function: Any, x: Any, result: Any) -> Any:
    """A function of each matrix of a stack, whose results have the dtype of ``x``."""
    out = np.empty(x.shape, x.dtype)
    for position in np.ndindex(x.shape[:-2]):
        found = function(x[position])
        if np.iscomplexobj(found) and not np.iscomplexobj(x):
            raise np.linalg.LinAlgError(
                f"{function.__name__}: a real matrix has a complex {result}, give it as a complex "
                "one"
            )
        out[position] = found
    return out


def sylvester(a: Any, b: Any, q: Any) -> Any:
    """``scipy.linalg.solve_sylvester`` for stacks of one length."""
    from scipy.linalg import solve_sylvester

    out = np.empty(q.shape, q.dtype)
    for position in np.ndindex(q.shape[:-2]):
        out[position] = solve_sylvester(a[position], b[position], q[position])
    return out


def triangular_solution(a: Any, b: Any, lower: Any, unit: Any, check: Any) -> Any:
    """``scipy.linalg.solve_triangular`` for stacks of one length."""
    from scipy.linalg import solve_triangular

    out = np.empty(b.shape, b.dtype)
    for position in np.ndindex(b.shape[:-2]):
        out[position] = solve_triangular(
            a[position], b[position], lower=lower, unit_diagonal=unit, check_finite=check
        )
    return out


def banded_solution(ab: Any, b: Any, below: Any, above: Any, check: Any) -> Any:
    """``scipy.linalg.solve_banded`` for stacks of one length."""
    from scipy.linalg import solve_banded

    out = np.empty(b.shape, b.dtype)
    for position in np.ndindex(b.shape[:-2]):
        out[position] = solve_banded((below, above), ab[position], b[position], check_finite=check)
    return out


def lu_factors(x: Any) -> Any:
    """``scipy.linalg.lu`` of each square matrix of a stack: permutations, lower, upper."""
    from scipy.linalg import lu

    out = [np.empty(x.shape, kind) for kind in (x.real.dtype, x.dtype, x.dtype)]
    for position in np.ndindex(x.shape[:-2]):
        for factor, found in zip(out, lu(x[position], check_finite=False)):
            factor[position] = found
    return tuple(out)


def pivots_of(p: Any) -> Any:
    """Pivots of permutation matrices P with ``P L U = x``, as LAPACK's getrf has them."""
    out = np.empty(p.shape[:-1], np.int32)
    for position in np.ndindex(p.shape[:-2]):
        rows = list(range(p.shape[-1]))
        for i, row in enumerate(np.argmax(p[position], axis=0)):
            j = rows.index(row)
            rows[i], rows[j] = rows[j], rows[i]
            out[(*position, i)] = j
    return out


def order_of_pivots(pivots: Any) -> Any:
    """The rows of x in the order of the rows of ``L U``."""
    out = np.empty(pivots.shape, np.intp)
    for position in np.ndindex(pivots.shape[:-1]):
        rows = list(range(pivots.shape[-1]))
        for i, j in enumerate(pivots[position]):
            rows[i], rows[j] = rows[j], rows[i]
        out[position] = rows
    return out


def symmetric_eigen(x: Any, lower: Any) -> Any:
    """``scipy.linalg.eigh`` of each matrix of a stack."""
    from scipy.linalg import eigh

    w, v = np.empty(x.shape[:-1], x.real.dtype), np.empty(x.shape, x.dtype)
    for position in np.ndindex(x.shape[:-2]):
        w[position], v[position] = eigh(x[position], lower=lower, check_finite=False)
    return w, v


def student_slope(df: Any, t: Any, order: Any) -> Any:
    """``sign(t)`` times a derivative of betainc by its first argument at ``df/2``, ``1/2``.

    At ``x = df / (df + t**2)``, or on the other side of 1 - x, which is the smaller one to know.
    """
    from scipy.special import betaln

    dtype = np.result_type(df, t)
    df, t = np.broadcast_arrays(np.asarray(df, np.float64), np.asarray(t, np.float64))
    with np.errstate(all="ignore"):
        half, ratio = 0.5 * df, t * t / df
        log_x = -np.log1p(ratio)
        log_rest = -np.log1p(1 / ratio)
        density = np.exp(half * log_x + 0.5 * log_rest - betaln(half, 0.5))
        far = ratio > 1
        straight = beta_slope(half, 0.5, 1 / (1 + np.where(far, ratio, 1.0)), order, 0)
        turned = -beta_slope(0.5, half, np.where(far, 0.5, ratio / (1 + ratio)), 0, order)
        found = np.sign(t) * density * np.where(far, straight, turned)
    return np.where(t == 0, 0.0, found).astype(dtype)[()]


def student_by_df(df: Any, t: Any) -> Any:
    """The derivative of stdtr by ``df``.

    ``-G/4 - t f / (2 df)`` of `student_slope` ``G`` and the density ``f``, which cancel for large
    ``df``: from 100 on the integral of the density's derivative, from 0 to ``t``, or where ``t`` is
    beyond 1.5 over the tail.
    """
    from scipy.special import betaln

    dtype = np.result_type(df, t)
    df, t = np.broadcast_arrays(np.asarray(df, np.float64), np.asarray(t, np.float64))
    nodes, weights = np.polynomial.legendre.leggauss(40)
    with np.errstate(all="ignore"):
        logs = betaln(0.5 * df, 0.5) + 0.5 * np.log(df)
        density = np.exp(-0.5 * (df + 1) * np.log1p(t * t / df) - logs)
        few = -0.25 * student_slope(df, t, 1) - 0.5 * t * density / df
        # digamma((df + 1) / 2) - digamma(df / 2) - 1 / df, by its asymptotic series.
        r = 1 / (df * df)
        gammas = r * (0.5 - r * (0.25 - r * (0.5 - r * 17 / 8)))
        size, inner, outer = np.abs(t), np.zeros(t.shape), np.zeros(t.shape)
        edge, width = np.minimum(size, 1.5), 1 / np.maximum(size * size, 1.0)
        steps = [(0.5 * edge * (1 + x), 0.5 * edge * w, True) for x, w in zip(nodes, weights)]
        for k in np.arange(-4.0, 5.6, 0.0625):
            v = width * np.exp(k - np.exp(-k))
            steps.append((size * (1 + v), 0.0625 * size * v * (1 + np.exp(-k)), False))
        for position, weight, inside in steps:
            q = position * position / df
            small = np.where(q < 0.01, q, 0.0)
            series = np.zeros(t.shape)
            for n in range(9, 1, -1):
                series = (-1.0) ** (n + 1) * (n - 1) / n + small * series
            direct = np.where(q < 0.01, small * small * series, q / (1 + q) - np.log1p(q))
            growth = 0.5 * (gammas + direct + q / ((1 + q) * df))
            part = weight * growth * np.exp(-0.5 * (df + 1) * np.log1p(q) - logs)
            if inside:
                inner = inner + part
            else:
                outer = outer + part
        many = np.sign(t) * np.where(size < 1.5, inner, -outer)
        found = np.where(df < 100, few, many)
    return np.where(np.isinf(t) | (t == 0), 0.0, found).astype(dtype)[()]
