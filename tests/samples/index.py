"""Uses of the indexing primitives."""

import numpy as np

from funcgrad.numpy import at
from funcgrad.ops.index import (
    GetItem,
    IndexAdd,
    IndexSet,
    LastWrites,
    Scatter,
    ScatterAdd,
    ScatterOnto,
    ScatterSum,
)
from funcgrad.ops.layout import OPERAND
from funcgrad.ops.unstack import unstack

from . import Sample

X = np.linspace(-1.3, 2.1, 24).reshape(2, 3, 4)
M = X[0]
I = np.array([0, 2, -1, 2])  # noqa: E741
J = np.array([[1], [-2]])
ALL, F = slice(None), np.dtype(np.float64)

SAMPLES = [
    Sample("get_item", lambda x: x[1], (X,)),
    Sample("get_item", lambda x: x[-1, 2, 3], (X,)),
    Sample("get_item", lambda x: x[:, ::-2, None, 1:], (X,)),
    Sample("get_item", lambda x: x[..., 0], (X,)),
    Sample("get_item", lambda x: x[:0], (X,)),
    Sample("get_item", lambda x: x[[0, 2, 2]], (M,)),
    Sample("get_item", lambda x: x[np.arange(3), [1, 0, 3]], (M,)),
    Sample("get_item", lambda x: x[:, [[0, 2], [1, 1]], 1:], (X,)),
    Sample("get_item", lambda x: x[0, :, [1, 1, -1]], (X,)),
    Sample("get_masked", lambda x: x[np.array([[True, False, True, False]] * 3)], (M,)),
    Sample("get_masked", lambda x: x[:, np.array([True, False, True])], (X,)),
    Sample("get_item", lambda x, i: GetItem((OPERAND,))(x, i), (M, I[:3])),
    Sample("get_item", lambda x, i: GetItem((ALL, OPERAND))(x, i), (X, I)),
    Sample("get_item", lambda x, i, j: GetItem((OPERAND, ALL, OPERAND))(x, i, j), (X, I % 2, J)),
    Sample("get_item", lambda x, i: GetItem((0, ..., OPERAND))(x, i), (X, np.int64(-2))),
    Sample("scatter", lambda y: Scatter((slice(None, None, -2), 1), (5, 3))(y), (M[0, :3],)),
    Sample(
        "scatter", lambda y, i: Scatter((ALL, OPERAND), (3, 5))(y, i), (M, np.array([0, 4, 2, -4]))
    ),
    Sample("scatter_add", lambda y, i: ScatterAdd((OPERAND,), (5,))(y, i), (M[0], I)),
    Sample("scatter_add", lambda y, i: ScatterAdd((ALL, OPERAND), (3, 5))(y, i), (M, I)),
    Sample("scatter_add", lambda y, i: ScatterAdd((OPERAND, ALL, 1), (4, 3, 2))(y, i), (X[0].T, I)),
    Sample(
        "scatter_sum",
        lambda x, y: ScatterSum(((0,), (ALL, 1), (1, None)), (3, 4), F, False)(x, y, x[None]),
        (M[0], M[:, 1]),
    ),
    Sample(
        "scatter_sum",
        lambda z, x, y: ScatterSum(((..., 1), (2, slice(1, 3))), (3, 4), F, True)(z, x, y),
        (M, M[:, 0], M[0, :2]),
    ),
    Sample("scatter_sum", lambda x: ScatterSum(((-1,), (1,)), (3,), F, False)(x, x), (1.3,)),
    Sample("scatter_onto", lambda x, y: ScatterOnto((1, slice(1, 3)))(x, y), (M, M[0, :2])),
    Sample(
        "scatter_onto", lambda x, y, i: ScatterOnto((OPERAND, ALL))(x, y, i), (M, X[1, :2], I[:2])
    ),
    Sample("index_set", lambda x, y: at(x)[1, ::2].set(y), (M, M[2, 1:3])),
    Sample("index_set", lambda x, y: at(x)[:, [0, 2, 2]].set(y), (M, M[0, :3])),
    Sample("index_set", lambda x, y, i: IndexSet((OPERAND,))(x, y, i), (M[0], M[1], I)),
    Sample("index_set", lambda x, y, i: IndexSet((OPERAND, ALL))(x, y, i), (M, 0.5, np.int64(1))),
    Sample("index_add", lambda x, y: at(x)[1:, -1].add(y), (M, M[:2, 1])),
    Sample("index_add", lambda x, y: at(x)[:, [0, 2, 2]].add(y), (M, M[0, :3])),
    Sample("index_add", lambda x, y, i: IndexAdd((OPERAND,))(x, y, i), (M[0], M[1], I)),
    Sample("last_writes", lambda i: LastWrites((OPERAND,), (5,))(i), (I,)),
    Sample(
        "last_writes", lambda i, j: LastWrites((OPERAND, ALL, OPERAND), (4, 2, 4))(i, j), (I, J)
    ),
    Sample("unstack", lambda x: unstack(x), (M,)),
    Sample("unstack", lambda x: unstack(x), (M[0],)),
]
