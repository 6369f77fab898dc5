"""Matrices of a structure, from vectors and blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg as genuine

from ... import numpy as fnp
from ...core.trace import aval_of
from ...errors import ShapeError
from ...numpy.arguments import operand, operands
from ...ops.linear import shape_of
from ...ops.matrices import conj
from .base import where_traced

__all__ = ["block_diag", "circulant", "hankel", "khatri_rao", "toeplitz"]


@where_traced(genuine.block_diag)
def block_diag(*arrs: Any) -> Any:
    """``scipy.linalg.block_diag`` of matrices; vectors are rows.

    Raises:
        ShapeError: For arrays of more than two axes.
    """
    blocks = [np.atleast_2d(x) for x in operands(list(arrs))]
    if any(len(shape_of(x)) > 2 for x in blocks):
        raise ShapeError(
            "scipy.linalg.block_diag: got an array of more than two axes", "Map over the others."
        )
    rows = []
    for i, x in enumerate(blocks):
        rows_of_x, dtype = shape_of(x)[0], aval_of(x).dtype
        zeros = [np.zeros((rows_of_x, shape_of(y)[1]), dtype) for y in blocks]
        rows.append(np.concatenate([*zeros[:i], x, *zeros[i + 1 :]], axis=1))
    return np.concatenate(rows, axis=0)


def _vectors(name: str, *several: Any) -> list[Any]:
    """Each of them with one axis.

    Raises:
        ShapeError: For other arrays.
    """
    found = [operand(x) for x in several]
    if any(len(shape_of(x)) != 1 for x in found):
        avals = " and ".join([str(aval_of(x)) for x in found])
        raise ShapeError(f"scipy.linalg.{name}: got {avals}", "Give vectors.")
    return found


@where_traced(genuine.toeplitz)
def toeplitz(c: Any, r: Any = None) -> Any:
    """``scipy.linalg.toeplitz`` of a first column and a first row, vectors.

    Raises:
        ShapeError: They are no vectors.
    """
    column, row = _vectors("toeplitz", c, conj(operand(c)) if r is None else r)
    values = np.concatenate([np.flip(column), row[1:]])
    n, m = shape_of(column)[0], shape_of(row)[0]
    return fnp.take(values, np.arange(n - 1, -1, -1)[:, None] + np.arange(m))


@where_traced(genuine.hankel)
def hankel(c: Any, r: Any = None) -> Any:
    """``scipy.linalg.hankel`` of a first column and a last row, vectors; without a row, zeros.

    Raises:
        ShapeError: They are no vectors.
    """
    column, row = _vectors("hankel", c, np.zeros_like(operand(c)) if r is None else r)
    values = np.concatenate([column, row[1:]])
    n, m = shape_of(column)[0], shape_of(row)[0]
    return fnp.take(values, np.arange(n)[:, None] + np.arange(m))


@where_traced(genuine.circulant)
def circulant(c: Any) -> Any:
    """``scipy.linalg.circulant`` of a first column, or of each of a stack ``(..., n)``.

    Raises:
        ShapeError: For a single number.
    """
    column = operand(c)
    if not shape_of(column):
        raise ShapeError(f"scipy.linalg.circulant: got {aval_of(column)}", "Give a vector.")
    n = shape_of(column)[-1]
    positions = (np.arange(n)[:, None] - np.arange(n)) % max(n, 1)
    return fnp.take(column, positions, axis=-1)


@where_traced(genuine.khatri_rao)
def khatri_rao(a: Any, b: Any) -> Any:
    """``scipy.linalg.khatri_rao``: Kronecker products, of each column of ``a`` with that of ``b``.

    Raises:
        ShapeError: They are no matrices of as many columns.
    """
    x, y = operands([a, b])
    first, second = shape_of(x), shape_of(y)
    if len(first) != 2 or len(second) != 2 or first[1] != second[1]:
        raise ShapeError(
            f"scipy.linalg.khatri_rao: got {aval_of(x)} and {aval_of(y)}",
            "Give two matrices with as many columns.",
        )
    return np.reshape(x[:, None, :] * y[None, :, :], (first[0] * second[0], first[1]))
