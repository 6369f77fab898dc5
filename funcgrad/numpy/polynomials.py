"""NumPy's polynomials of coefficients, the highest power first, for tracers.

Where NumPy drops leading coefficients that are zero, so do these where the coefficients have
values, as they have under `grad`; under `jit` and `vmap` the shape cannot depend on the numbers,
and leading coefficients are kept.
"""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ShapeError
from ..ops.linear import reshape, shape_of
from ..ops.select import stop_gradient
from .arguments import cast, operand, operands
from .dispatch import implements

__all__ = [
    "poly",
    "polyadd",
    "polyder",
    "polydiv",
    "polyfit",
    "polyint",
    "polymul",
    "polysub",
    "polyval",
]

Array = Any


def _coefficients(p: Any) -> Any:
    x = operand(p.coeffs if isinstance(p, np.poly1d) else p)
    return x if shape_of(x) else reshape(x, (1,))


def _vector(name: str, p: Any) -> Any:
    x = _coefficients(p)
    if len(shape_of(x)) > 1:
        raise ShapeError(f"numpy.{name}: got {aval_of(x)}", "Polynomial must be 1d only.")
    return x


def _trim(x: Any) -> Any:
    """``x`` without the leading zeros that it is known to have; one coefficient is left."""
    value = stop_gradient(x)
    if isinstance(value, Tracer):
        return x
    positions = np.flatnonzero(value)
    return x[int(positions[0]) if len(positions) else max(len(value) - 1, 0) :]


@implements(np.polyval)
def polyval(p: Array, x: Array) -> Array:
    """The value at ``x``, differentiable in both, by Horner's scheme."""
    coefficients = operand(p.coeffs if isinstance(p, np.poly1d) else p)
    x = operand(x)
    y: Any = np.zeros(shape_of(x), aval_of(x).dtype)[()]
    for c in coefficients:
        y = y * x + c
    return y


def _sum(a1: Any, a2: Any, combine: Any) -> Any:
    x, y = operands([_coefficients(a1), _coefficients(a2)])
    n, m = shape_of(x)[0], shape_of(y)[0]
    if n < m:
        x = np.concatenate([np.zeros(m - n, aval_of(x).dtype), x])
    elif m < n:
        y = np.concatenate([np.zeros(n - m, aval_of(y).dtype), y])
    return combine(x, y)


@implements(np.polyadd)
def polyadd(a1: Array, a2: Array) -> Array:
    """The coefficients of the sum."""
    return _sum(a1, a2, np.add)


@implements(np.polysub)
def polysub(a1: Array, a2: Array) -> Array:
    """The coefficients of the difference."""
    return _sum(a1, a2, np.subtract)


@implements(np.polymul)
def polymul(a1: Array, a2: Array) -> Array:
    """The coefficients of the product, differentiable in both.

    Raises:
        ShapeError: An argument has more than one dimension.
    """
    x, y = _trim(_vector("polymul", a1)), _trim(_vector("polymul", a2))
    return np.convolve(*operands([x, y]))


@implements(np.polydiv)
def polydiv(u: Array, v: Array) -> tuple[Array, Array]:
    """Quotient and remainder, differentiable in both."""
    u, v = _coefficients(u) + 0.0, _coefficients(v) + 0.0
    u, v = operands([u, v])
    m, n = shape_of(u)[0] - 1, shape_of(v)[0] - 1
    scale = 1.0 / v[0]
    quotient: list[Any] = []
    rest = u
    for _ in range(m - n + 1):
        d = scale * rest[0]
        quotient.append(d)
        # The leading coefficient is 0 by construction, and left out.
        rest = np.concatenate([rest[1 : n + 1] - d * v[1:], rest[n + 1 :]])
    if not quotient:
        return np.zeros(1, aval_of(u).dtype), _without_zeros(rest)
    if not n:
        rest = np.zeros(1, aval_of(u).dtype)
    return np.stack(quotient), _without_zeros(rest)


def _without_zeros(rest: Any) -> Any:
    value = stop_gradient(rest)
    if isinstance(value, Tracer):
        return rest
    start = 0
    while start < len(value) - 1 and np.allclose(value[start], 0, rtol=1e-14):
        start += 1
    return rest[start:]


@implements(np.polyder)
def polyder(p: Array, m: int = 1) -> Array:
    """The coefficients of the ``m``-th derivative."""
    m = operator.index(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = operand(p.coeffs if isinstance(p, np.poly1d) else p)
    for _ in range(m):
        p = p[:-1] * np.arange(shape_of(p)[0] - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Array, m: int = 1, k: Array = None) -> Array:
    """The coefficients of an ``m``-fold integral, with the constants ``k``."""
    m = operator.index(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    constants = np.zeros(m) if k is None else _coefficients(k)
    if shape_of(constants)[0] == 1 and m > 1:
        constants = constants[0] * np.ones(m)
    if shape_of(constants)[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = operand(p.coeffs if isinstance(p, np.poly1d) else p)
    for i in range(m):
        p = np.concatenate([p / np.arange(shape_of(p)[0], 0, -1), constants[i : i + 1]])
    return p


@implements(np.poly)
def poly(seq_of_zeros: Array) -> Array:
    """The coefficients of the polynomial with these zeros, or of a matrix's characteristic one.

    That of a real matrix comes from its eigenvalues. Complex zeros give real coefficients where
    they have values and come in conjugate pairs, and complex ones where they have none.

    Raises:
        ShapeError: Neither a vector nor a square matrix.
    """
    zeros = operand(seq_of_zeros)
    shape = shape_of(zeros)
    of_real = len(shape) == 2 and aval_of(zeros).dtype.kind != "c"
    if len(shape) == 2 and shape[0] == shape[1] and shape[0]:
        zeros = np.linalg.eigvals(zeros)
    elif len(shape) == 1:
        kind = aval_of(zeros).dtype
        if kind.kind in "biu" or kind == np.float16:
            zeros = cast(zeros, np.float64)
    else:
        raise ShapeError(
            f"numpy.poly: got {aval_of(zeros)}",
            "Input must be 1d or non-empty square 2d array.",
        )
    count = shape_of(zeros)[0]
    if not count:
        return 1.0
    dtype = aval_of(zeros).dtype
    one = np.ones(1, dtype)
    a: Any = one
    for i in range(count):
        a = np.convolve(a, np.concatenate([one, -zeros[i : i + 1]]))
    if dtype.kind == "c" and of_real:
        return np.real(a)
    roots = stop_gradient(zeros)
    if dtype.kind != "c" or isinstance(roots, Tracer):
        return a
    paired = np.all(np.sort(roots) == np.sort(roots.conjugate()))
    return np.real(a) if paired else a


@implements(np.polyfit)
def polyfit(
    x: Array,
    y: Array,
    deg: Any,
    rcond: Any = None,
    full: bool = False,
    w: Any = None,
    cov: Any = False,
) -> Any:
    """The polynomial of least squares through points, differentiable in ``x``, ``y`` and ``w``.

    The powers of ``x`` are scaled to columns of length 1 and handed to `numpy.linalg.lstsq`.

    Raises:
        TypeError: ``x`` is no vector, or the lengths differ.
        ValueError: A negative degree.
    """
    if not isinstance(deg, int | np.integer):
        raise TypeError("numpy.polyfit: deg must be an int")
    if deg < 0:
        raise ValueError("expected deg >= 0")
    x, y = operand(x) + 0.0, operand(y) + 0.0
    if len(shape_of(x)) != 1 or not shape_of(x)[0]:
        raise TypeError("expected non-empty 1D vector for x")
    if len(shape_of(y)) not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    if shape_of(x)[0] != shape_of(y)[0]:
        raise TypeError("expected x and y to have same length")
    if rcond is None:
        rcond = shape_of(x)[0] * np.finfo(aval_of(x).dtype).eps
    columns, right = np.vander(x, deg + 1), y
    if w is not None:
        w = operand(w) + 0.0
        if len(shape_of(w)) != 1:
            raise TypeError("expected a 1-d array for weights")
        if shape_of(w) != shape_of(y)[:1]:
            raise TypeError("expected w and y to have the same length")
        columns = columns * w[:, None]
        right = right * (w if len(shape_of(y)) == 1 else w[:, None])
    scale = np.sqrt(np.sum(columns * columns, axis=0))
    columns = columns / scale
    c, residuals, rank, singular = np.linalg.lstsq(columns, right, rcond)
    c = np.transpose(np.transpose(c) / scale)
    if not isinstance(rank, Tracer) and rank != deg + 1 and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    if full:
        return c, residuals, rank, singular, rcond
    if not cov:
        return c
    base = np.linalg.inv(np.matmul(np.transpose(columns), columns)) / np.outer(scale, scale)
    if isinstance(cov, str) and cov == "unscaled":
        factor: Any = 1
    else:
        if shape_of(x)[0] <= deg + 1:
            raise ValueError(
                "the number of data points must exceed order to scale the covariance matrix"
            )
        # As NumPy's: the residuals, which are none where the columns are dependent.
        factor = residuals / (shape_of(x)[0] - (deg + 1))
    return c, (base * factor if len(shape_of(y)) == 1 else base[:, :, None] * factor)
