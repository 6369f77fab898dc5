"""NumPy's triangles and diagonals of a tracer."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import ShapeError
from ..ops import shape as ops
from ..ops.linear import shape_of
from ..ops.select import select
from .arguments import axis_of, broadcast_operand, of_rank, operand
from .create import tri
from .dispatch import implements, refuse
from .inplace import views
from .shapes import moveaxis, ravel

__all__ = [
    "diag",
    "diagflat",
    "diagonal",
    "trace",
    "tril",
    "triu",
]


@implements(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    """``numpy.tril``."""
    return _triangle(m, lambda rows, columns: tri(rows, columns, k, bool))


@implements(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """``numpy.triu``."""
    return _triangle(m, lambda rows, columns: ~tri(rows, columns, k - 1, bool))


def _triangle(m: Any, mask: Any) -> Any:
    x = operand(m)
    lengths = shape_of(x)
    if len(lengths) == 1:
        x = broadcast_operand("tril", x, (lengths[0], lengths[0]))
        lengths = (lengths[0], lengths[0])
    x = of_rank("tril", x, 2)
    return select(mask(*lengths[-2:]), x, aval_of(x).dtype.type(0))


@implements(np.diagonal)
@views
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """``numpy.diagonal``."""
    x = of_rank("diagonal", a, 2)
    rank = len(shape_of(x))
    first, second = axis_of(axis1, rank), axis_of(axis2, rank)
    if first == second:
        raise ShapeError("diagonal: axis1 and axis2 are the same", "Give two different axes.")
    x = moveaxis(x, (first, second), (-2, -1))
    return ops.Diagonal(operator.index(offset))(x)


@implements(np.trace)
def trace(
    a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    """``numpy.trace``."""
    refuse("trace", out=out)
    return np.sum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """``numpy.diag``."""
    x = operand(v)
    lengths = shape_of(x)
    if len(lengths) == 1:
        n = lengths[0] + abs(k)
        return ops.DiagonalOf(operator.index(k), n, n)(x)
    if len(lengths) != 2:
        raise ShapeError(f"diag: got {aval_of(x)}", "Give a vector or a matrix.")
    return diagonal(x, k)


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    """``numpy.diagflat``."""
    return diag(ravel(operand(v)), k)
