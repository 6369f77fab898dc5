"""Numpy.linalg for tracers: norms, powers, chains of products, systems of equations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._publish import publish_all
from ..core.trace import aval_of
from ..errors import ShapeError
from ..ops import solve as ops
from ..ops.linear import reshape, shape_of
from ..ops.norms import euclidean_norm, power_norm
from . import matrices, products
from .arguments import (
    axes_of,
    axis_of,
    broadcast_operand,
    broadcast_shapes,
    cast,
    flag,
    of_rank,
    operand,
    operands,
)
from .decompose import (
    cond,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    floating,
    lstsq,
    matrices_of,
    matrix_rank,
    pinv,
    qr,
    result_type,
    svd,
    svdvals,
    tensorinv,
    tensorsolve,
)
from .dispatch import implements, refuse
from .reduce import restore_dims
from .shapes import swapaxes

__all__ = [
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """``numpy.linalg.norm``; the gradient of the 2-norm is the direction of ``x``, and 0 at 0.

    That is right also where squares underflow or overflow, and the norm itself is 0 or inf.
    Of a matrix norm by singular values (2, -2, 'nuc') it is ``U diag(g) V^H``: ties share equally,
    and a singular value of 0 has derivative 0.
    """
    x = floating(x)
    shape = shape_of(x)
    if axis is None:
        if (
            ord is None
            or (ord in ("f", "fro") and len(shape) == 2)
            or (ord == 2 and len(shape) == 1)
        ):
            axes = tuple(range(len(shape)))
            return restore_dims(euclidean_norm(x, axes), shape, axes, keepdims)
        axes = tuple(range(len(shape)))
    else:
        given = axis if isinstance(axis, tuple | list) else (axis,)
        axes = tuple([axis_of(i, len(shape)) for i in given])
        if len(set(axes)) < len(axes):
            raise ShapeError(
                f"numpy.linalg.norm: axis={axis} names an axis twice", "Name each once."
            )
    if len(axes) == 1:
        return restore_dims(_vector_norm(x, ord, axes), shape, axes, keepdims)
    if len(axes) == 2:
        return restore_dims(_matrix_norm(x, ord, *axes), shape, tuple(sorted(axes)), keepdims)
    raise ShapeError(
        f"numpy.linalg.norm: a norm of order {ord} over {len(axes)} axes",
        "Give axis= one axis for vectors or two for matrices.",
    )


def _maximum_or_zero(x: Any, axis: Any) -> Any:
    """The largest of numbers that are not negative; 0 of none."""
    return np.max(x, axis=axis, initial=0)


def _vector_norm(x: Any, ord: Any, axes: tuple[int, ...]) -> Any:
    if ord is None or ord == 2:
        return euclidean_norm(x, axes)
    if ord == np.inf:
        return _maximum_or_zero(np.abs(x), axes)
    if ord == -np.inf:
        return np.min(np.abs(x), axis=axes)
    if ord == 0:
        return np.sum(cast(x != 0, aval_of(x).dtype.type(0).real.dtype), axis=axes)
    if ord == 1:
        return np.sum(np.abs(x), axis=axes)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    return power_norm(x, axes, ord)


def _matrix_norm(x: Any, ord: Any, rows: int, columns: int) -> Any:
    if ord in (None, "f", "fro"):
        return euclidean_norm(x, tuple(sorted((rows, columns))))
    over: dict[Any, Any] = {
        1: (rows, _maximum_or_zero),
        -1: (rows, np.min),
        np.inf: (columns, _maximum_or_zero),
    }
    over[-np.inf] = (columns, np.min)
    if ord in over:
        summed, extremum = over[ord]
        left = columns if summed == rows else rows
        return extremum(np.sum(np.abs(x), axis=summed), axis=left - (left > summed))
    if ord in (2, -2, "nuc"):
        s = svdvals(np.moveaxis(x, (rows, columns), (-2, -1)))
        over_values: Any = {2: _maximum_or_zero, -2: np.min, "nuc": np.sum}[ord]
        return over_values(s, axis=-1)
    raise ValueError("Invalid norm order for matrices.")


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """``numpy.linalg.vector_norm``, of all elements together where axis is None."""
    x = floating(x)
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    return restore_dims(_vector_norm(x, ord, axes), shape, axes, keepdims)


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """``numpy.linalg.matrix_norm``."""
    return norm(operand(x), ord, (-2, -1), keepdims)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any], *, out: Any = None) -> Any:
    """``numpy.linalg.multi_dot``: a product of matrices in the order of fewest multiplications."""
    refuse("linalg.multi_dot", out=out)
    xs = operands(list(arrays))
    if len(xs) < 2:
        raise ValueError("Expecting at least two arrays.")
    first, last = len(shape_of(xs[0])) == 1, len(shape_of(xs[-1])) == 1
    if first:
        xs[0] = reshape(xs[0], (1, *shape_of(xs[0])))
    if last:
        xs[-1] = reshape(xs[-1], (*shape_of(xs[-1]), 1))
    if any(len(shape_of(x)) != 2 for x in xs):
        raise np.linalg.LinAlgError("multi_dot takes matrices, and vectors at its ends")
    product = _chain(xs)
    shape = shape_of(product)
    return reshape(product, shape[first : 1 if last else 2])


def _chain(xs: list[Any]) -> Any:
    """The product of matrices, by the classic table of cheapest splits."""
    n = len(xs)
    sides = [shape_of(xs[0])[0], *[shape_of(x)[1] for x in xs]]
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j], cut[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + sides[i] * sides[k + 1] * sides[j + 1], k)
                for k in range(i, j)
            )
    done: dict[tuple[int, int], Any] = {(i, i): x for i, x in enumerate(xs)}
    stack = [(0, n - 1)]
    while stack:
        i, j = stack[-1]
        parts = (i, cut[i][j]), (cut[i][j] + 1, j)
        missing = [part for part in parts if part not in done]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if i < j:
            done[i, j] = products.matmul(done[parts[0]], done[parts[1]])
    return done[0, n - 1]


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    """``numpy.linalg.matrix_power``, by repeated squaring."""
    x = operand(a)
    shape = shape_of(x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    if not isinstance(n, int | np.integer):
        raise TypeError("exponent must be an integer")
    if n == 0:
        return np.broadcast_to(np.eye(shape[-1], dtype=aval_of(x).dtype), shape).copy()
    if n < 0:
        x, n = inv(x), -n
    result = None
    while n:
        if n % 2:
            result = x if result is None else products.matmul(result, x)
        n //= 2
        if n:
            x = products.matmul(x, x)
    return result


@implements(np.linalg.inv)
def inv(a: Any) -> Any:
    """``numpy.linalg.inv``.

    Raises:
        numpy.linalg.LinAlgError: For a singular matrix, as NumPy.
    """
    return ops.inv(matrices_of("inv", a, square=True))


@implements(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """``numpy.linalg.solve``.

    Raises:
        numpy.linalg.LinAlgError: For a singular matrix, as NumPy.
    """
    x, y = operands([matrices_of("solve", a, square=True), floating(b)])
    vector = len(shape_of(y)) == 1
    if vector:
        y = reshape(y, (*shape_of(y), 1))
    if not shape_of(y) or shape_of(x)[-1] != shape_of(y)[-2]:
        raise ShapeError(
            f"numpy.linalg.solve: got {aval_of(x)} and {aval_of(y)}",
            "The matrix must have as many rows as the right side.",
        )
    lead = broadcast_shapes("solve", shape_of(x)[:-2], shape_of(y)[:-2])
    x = broadcast_operand("solve", x, (*lead, *shape_of(x)[-2:]))
    y = broadcast_operand("solve", y, (*lead, *shape_of(y)[-2:]))
    found = ops.solve(x, y)
    return reshape(found, shape_of(found)[:-1]) if vector else found


@implements(np.linalg.det)
def det(a: Any) -> Any:
    """``numpy.linalg.det``; the gradient is the matrix of cofactors, of singular matrices too."""
    return ops.det(matrices_of("det", a, square=True))


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """``numpy.linalg.slogdet``; the sign of a complex matrix turns, that of a real one does not.

    At a singular matrix the slope of the logarithm is infinite, or 0 by elements without cofactor.
    """
    sign, logabsdet = ops.slogdet(matrices_of("slogdet", a, square=True))
    return result_type("slogdet")(sign, logabsdet)


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """``numpy.linalg.cholesky``.

    It reads one triangle of ``a``, as NumPy's does, and the gradient is in that triangle.

    Raises:
        numpy.linalg.LinAlgError: Where a matrix is not positive definite, as NumPy.
    """
    x = matrices_of("cholesky", a, square=True)
    if flag(upper):
        return ops.transpose_matrices(ops.cholesky(ops.transpose_matrices(x)))
    return ops.cholesky(x)


@implements(np.linalg.trace)
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """``numpy.linalg.trace``, of the last two axes."""
    return matrices.trace(operand(x), offset, -2, -1, dtype)


@implements(np.linalg.diagonal)
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """``numpy.linalg.diagonal``, of the last two axes."""
    return matrices.diagonal(operand(x), offset, -2, -1)


@implements(np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """``numpy.linalg.matrix_transpose``."""
    return swapaxes(of_rank("linalg.matrix_transpose", x, 2), -1, -2)


@implements(np.linalg.matmul)
def matmul(x1: Any, x2: Any, /) -> Any:
    """``numpy.linalg.matmul``."""
    return products.matmul(x1, x2)


@implements(np.linalg.outer)
def outer(x1: Any, x2: Any, /) -> Any:
    """``numpy.linalg.outer``.

    Raises:
        ShapeError: One of them is no vector.
    """
    for x in (x1, x2):
        if len(shape_of(operand(x))) != 1:
            raise ShapeError(
                f"numpy.linalg.outer: got {aval_of(operand(x))}",
                "Give vectors; numpy.outer flattens what it gets.",
            )
    return products.outer(x1, x2)


@implements(np.linalg.cross)
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """``numpy.linalg.cross``, of vectors in space alone.

    Raises:
        ValueError, IndexError: Where NumPy raises them: the axis has not length 3 in both, or there
            is none. Which, and in what words, differs between its versions.
    """
    shapes = [shape_of(operand(x)) for x in (x1, x2)]
    if not all(-len(s) <= axis < len(s) and s[axis] == 3 for s in shapes):
        np.linalg.cross(*[np.broadcast_to(0.0, s) for s in shapes], axis=axis)
    return products.cross(x1, x2, axis=axis)


@implements(np.linalg.tensordot)
def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """``numpy.linalg.tensordot``."""
    return products.tensordot(x1, x2, axes)


@implements(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """``numpy.linalg.vecdot``."""
    return products.vecdot(x1, x2, axis=axis)


def __getattr__(name: str) -> Any:
    return getattr(np.linalg, name)


publish_all(globals())
