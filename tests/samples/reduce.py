"""Uses of the reductions, the scans and the sort."""

import numpy as np

from funcgrad.ops import norms, reduce, scan, sort
from funcgrad.ops.linear import make

from . import Sample

X = np.sin(np.arange(24.0) * 1.7 + 0.4).reshape(2, 3, 4) * 1.5
M = X[1]
V = M[0]
Z = np.array([[0.5, 0.0, -1.25, 2.0], [0.0, 3.0, 0.0, -0.5], [1.0, 2.0, 3.0, 4.0]])
C = M + 1j * X[0]
N = np.arange(12).reshape(3, 4) * 5 % 11
B = N % 3 > 0


def _direction(x, axes):
    return make(norms.Direction, axes)(x, make(norms.Norm, axes)(x))


SAMPLES = [
    Sample("sum", lambda x: np.sum(x), (X,)),
    Sample("sum", lambda x: np.sum(x, axis=(0, -1)), (X,)),
    Sample("sum", lambda x: np.sum(x, axis=1, keepdims=True), (C,)),
    Sample("sum", lambda x: np.sum(x, axis=0), (N.astype(np.int8),)),
    Sample("sum", lambda x: np.sum(x, initial=2.5, where=B), (M,)),
    Sample("prod", lambda x: np.prod(x), (M,)),
    Sample("prod", lambda x: np.prod(x, axis=1), (Z,)),
    Sample("prod", lambda x: np.prod(x, axis=(0, 2)), (X,)),
    Sample("prod", lambda x: np.prod(x, axis=0, keepdims=True), (C,)),
    Sample("prod", lambda x: np.prod(x, initial=2.0, where=B), (Z,)),
    Sample("norm", np.linalg.norm, (M,)),
    Sample("norm", np.linalg.norm, (C,)),
    Sample("norm", lambda x: np.linalg.norm(x, axis=1), (X,)),
    Sample("norm", lambda x: np.linalg.norm(x, axis=(0, 2), keepdims=True), (X,)),
    Sample("norm", lambda x: np.linalg.norm(x, axis=0), (C,)),
    Sample("power_norm", lambda x: np.linalg.norm(x, 3), (V,)),
    Sample("power_norm", lambda x: np.linalg.norm(x, 1.5, axis=1), (X,)),
    Sample("power_norm", lambda x: np.linalg.norm(x, -2.5, axis=0, keepdims=True), (M,)),
    Sample("power_norm", lambda x: np.linalg.norm(x, 3, axis=0), (C,)),
    *[Sample("scaled_norm", make(norms.ScaledNorm, (1,)), (x,)) for x in (M, C)],
    *[Sample("direction", lambda x: _direction(x, (0, 1)), (x,)) for x in (M, C)],
    *[Sample("direction", lambda x: _direction(x, (2,)), (x,)) for x in (X, V.reshape(1, 1, 4))],
    Sample("max", lambda x: np.max(x), (X,)),
    Sample("max", lambda x: np.max(x, axis=(0, 2)), (X,)),
    Sample("max", lambda x: np.max(x, axis=1, keepdims=True), (M,)),
    Sample("max", lambda x: np.max(x, axis=0), (N,)),
    Sample("min", lambda x: np.min(x, axis=-1), (X,)),
    Sample("min", lambda x: np.amin(x), (M,)),
    Sample("attained", lambda x, y: make(reduce.Attained, (0,))(x, y), (M, M.max(0))),
    Sample("any", lambda x: np.any(x, axis=0), (B,)),
    Sample("any", lambda x: np.any(x), (Z,)),
    Sample("all", lambda x: np.all(x, axis=(0, 1), keepdims=True), (B,)),
    Sample("all", lambda x: np.all(x, axis=1), (N,)),
    Sample("argmax", lambda x: np.argmax(x), (M,)),
    Sample("argmax", lambda x: np.argmax(x, axis=1, keepdims=True), (X,)),
    Sample("argmin", lambda x: np.argmin(x, axis=-2), (X,)),
    Sample("argmin", lambda x: np.argmin(x, axis=0), (B,)),
    Sample("cum_sum", lambda x: np.cumsum(x), (M,)),
    Sample("cum_sum", lambda x: np.cumsum(x, axis=1), (X,)),
    Sample("cum_sum", lambda x: scan.cumsum(x, 0, True), (M,)),
    Sample("cum_sum", lambda x: np.cumsum(x, axis=0), (B,)),
    Sample("cum_prod", lambda x: np.cumprod(x), (V,)),
    Sample("cum_prod", lambda x: np.cumprod(x, axis=1), (Z,)),
    Sample("cum_prod", lambda x: scan.cumprod(x, 0, True), (Z,)),
    Sample("cum_prod", lambda x: np.cumprod(x, axis=0), (N,)),
    Sample("linear_recurrence", lambda a, b: scan.recurrence(a, b, 0, False), (Z, M)),
    Sample("linear_recurrence", lambda a, b: scan.recurrence(a, b, 1, True), (Z, M)),
    Sample("linear_recurrence", lambda a, b: scan.recurrence(a, b, 0, False), (V, Z[0])),
    Sample("sort", lambda x: np.sort(x), (X,)),
    Sample("sort", lambda x: np.sort(x, axis=0), (M,)),
    Sample("sort", lambda x: np.sort(x, axis=None), (M,)),
    Sample("argsort", lambda x: np.argsort(x, axis=0), (M,)),
    Sample("argsort", lambda x: np.argsort(x, stable=True), (N,)),
    Sample("permute", lambda x, i: sort.permute(x, i, 0), (M, np.argsort(Z + M, axis=0))),
    Sample("permute", lambda x, i: sort.permute(x, i, 1), (M, np.argsort(M, axis=1))),
]
