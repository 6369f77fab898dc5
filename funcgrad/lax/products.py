"""Products of arrays over any axes, as `jax.lax` calls them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import ArgumentError, ShapeError
from ..numpy.arguments import cast, operand
from ..ops.linear import shape_of

__all__ = ["batch_matmul", "dot", "dot_general"]

Array = Any


def dot(
    lhs: Array,
    rhs: Array,
    *,
    dimension_numbers: Any = None,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """The product of vectors and matrices.

    Args:
        lhs: A vector or matrix.
        rhs: A vector or matrix.
        dimension_numbers: As in `dot_general`; given, the operands may have any number of axes.
        precision: Without meaning: every product is as exact as NumPy's.
        preferred_element_type: The dtype of the result; where it is wider the products are taken
            and added up in it.

    Raises:
        ShapeError: The lengths differ, or an operand is neither a vector nor a matrix.

    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    np.float64(11.0)
    """
    x, y = operand(lhs), operand(rhs)
    if dimension_numbers is not None:
        return dot_general(x, y, dimension_numbers, precision, preferred_element_type)
    a, b = shape_of(x), shape_of(y)
    if len(a) not in (1, 2) or len(b) not in (1, 2) or a[-1] != b[0]:
        raise ShapeError(
            f"dot: got {aval_of(x)} and {aval_of(y)}",
            "Give vectors and matrices whose inner lengths agree, or use dot_general.",
        )
    return _typed(np.dot, x, y, preferred_element_type)


def _typed(product: Any, x: Any, y: Any, dtype: Any) -> Any:
    if dtype is None:
        return product(x, y)
    dtype = np.dtype(dtype)
    common = np.result_type(aval_of(x).dtype, aval_of(y).dtype)
    work = np.result_type(common, dtype)
    if work.kind == dtype.kind:
        return cast(product(cast(x, work), cast(y, work)), dtype)
    return product(x, y).astype(dtype)


def batch_matmul(lhs: Array, rhs: Array, precision: Any = None) -> Array:
    """`numpy.matmul` of two stacks of matrices of one shape.

    >>> batch_matmul(np.ones((5, 2, 3)), np.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    x, y = operand(lhs), operand(rhs)
    a, b = shape_of(x), shape_of(y)
    if len(a) < 2 or len(a) != len(b) or a[:-2] != b[:-2]:
        raise ShapeError(
            f"batch_matmul: got {aval_of(x)} and {aval_of(y)}",
            "Give two stacks of matrices of one shape; numpy.matmul broadcasts.",
        )
    return np.matmul(x, y)


def dot_general(
    lhs: Array,
    rhs: Array,
    dimension_numbers: tuple[
        tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]
    ],
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Array:
    """The sum of products over some axes of two arrays, for each index of others.

    Args:
        lhs: An array.
        rhs: An array.
        dimension_numbers: ``((lhs_contracting, rhs_contracting), (lhs_batch, rhs_batch))``:
            pairs of axes over which products are summed, and of axes that go along with each other.
        precision: Without meaning.
        preferred_element_type: As in `dot`.

    Returns:
        An array whose axes are those of the batch, then the others of ``lhs``, those of ``rhs``.

    Raises:
        ShapeError: The lengths of a pair differ, or an axis is not there or stands there twice.

    >>> x, y = np.ones((5, 2, 3)), np.ones((3, 5, 4))
    >>> dot_general(x, y, (((2,), (0,)), ((0,), (1,)))).shape
    (5, 2, 4)
    """
    x, y = operand(lhs), operand(rhs)
    try:
        (lc, rc), (lb, rb) = dimension_numbers
        lc, rc, lb, rb = (tuple(map(int, axes)) for axes in (lc, rc, lb, rb))
    except (TypeError, ValueError):
        raise ArgumentError(
            f"dot_general: got dimension_numbers={dimension_numbers!r}",
            "Write (((2,), (0,)), ((0,), (1,))): pairs of contracting, pairs of batch axes.",
        ) from None
    shapes = shape_of(x), shape_of(y)
    for shape, axes in zip(shapes, ((*lc, *lb), (*rc, *rb)), strict=True):
        if len(set(axes)) < len(axes) or any(not 0 <= i < len(shape) for i in axes):
            raise ShapeError(
                f"dot_general: axes {axes} of an array of shape {shape}",
                "Name axes from 0 that are there, each once.",
            )
    pairs = [(*zip(lc, rc, strict=False),), (*zip(lb, rb, strict=False),)]
    lengths = [(shapes[0][i], shapes[1][j]) for each in pairs for i, j in each]
    if len(lc) != len(rc) or len(lb) != len(rb) or any(m != n for m, n in lengths):
        raise ShapeError(
            f"dot_general: dimension_numbers={dimension_numbers!r} of {aval_of(x)} and "
            f"{aval_of(y)}",
            "Pair axes of one length.",
        )
    batch = tuple([shapes[0][i] for i in lb])
    inner = math.prod([shapes[0][i] for i in lc])
    left = [i for i in range(len(shapes[0])) if i not in (*lc, *lb)]
    right = [i for i in range(len(shapes[1])) if i not in (*rc, *rb)]
    rows, columns = [shapes[0][i] for i in left], [shapes[1][i] for i in right]
    a = np.reshape(np.transpose(x, (*lb, *left, *lc)), (*batch, math.prod(rows), inner))
    b = np.reshape(np.transpose(y, (*rb, *rc, *right)), (*batch, inner, math.prod(columns)))
    found = _typed(np.matmul, a, b, preferred_element_type)
    return np.reshape(found, (*batch, *rows, *columns))[()]
