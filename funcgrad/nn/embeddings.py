"""Embedding: rows of a table."""

from __future__ import annotations

import numpy as np

from ..errors import DtypeError, OutOfBoundsError, ShapeError
from ..numpy import at
from .checks import Array, as_array, is_traced

__all__ = ["embedding"]


def embedding(table: Array, indices: Array) -> Array:
    """The rows of ``table`` that ``indices`` name.

    The gradient with respect to the table adds up the cotangents of each row.

    Args:
        table: Shape ``(rows, *features)``.
        indices: Integers of any shape, from ``-rows`` to ``rows - 1``, as NumPy's.

    Returns:
        Shape ``indices.shape + features``, in the table's dtype.

    Raises:
        OutOfBoundsError: There is no such row, also where the indices are traced.
        DtypeError: The indices are no integers.
        ShapeError: The table is a scalar.

    >>> embedding(np.array([[1.0, 2.0], [3.0, 4.0]]), [1, 1, 0])
    array([[3., 4.],
           [3., 4.],
           [1., 2.]])
    """
    table, indices = as_array("embedding", table), as_array("embedding", indices)
    if not table.shape:
        raise ShapeError("embedding: got a scalar for the table", "Give (rows, *features).")
    if indices.dtype.kind not in "iu":
        raise DtypeError(
            f"embedding: indices are integers, got {indices.dtype}",
            "Write indices.astype(int).",
        )
    if not is_traced(indices):
        indices = np.asarray(indices)
        rows = table.shape[0]
        wrong = indices[(indices < -rows) | (indices >= rows)]
        if wrong.size:
            raise OutOfBoundsError(
                f"embedding: index {wrong[0]} is not one of the {rows} rows of the table",
                f"Indices run from 0 to {rows - 1}; a table has a row for each of them."
                if rows
                else "The table has no rows.",
            )
    return at(table)[indices].get()
