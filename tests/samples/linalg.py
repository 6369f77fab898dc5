"""Uses of dot_general by way of NumPy's products."""

import numpy as np

from funcgrad.ops.solve import cofactors, limit_inv

from . import Sample

X = np.sin(np.arange(24.0) * 0.9 + 0.3).reshape(2, 3, 4)
Y = np.cos(np.arange(40.0) * 1.1).reshape(2, 4, 5)
M, W = X[0], Y[1]
V, U = M[1], M[:, 2]
C = M + 1j * X[1]
N = np.arange(12).reshape(3, 4)


SAMPLES = [
    Sample("dot_general", lambda x, y: np.matmul(x, y), (M, W)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (V, W)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (M, V)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (V, V * 2)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (X, W)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (M, Y)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (X, Y)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (X, V)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (V, Y)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (X[:, None], Y[:1])),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (C, C.T)),
    Sample("dot_general", lambda x, y: np.matmul(x, y), (N, N.T)),
    Sample("dot_general", lambda x, y: np.dot(x, y), (X, Y)),
    Sample("dot_general", lambda x, y: np.inner(x, y), (X, M)),
    Sample("dot_general", lambda x, y: np.outer(x, y), (V, U)),
    Sample("dot_general", lambda x, y: np.vdot(x, y), (C, C * 1j)),
    Sample("dot_general", lambda x, y: np.vecdot(x, y), (C, C[0])),
    Sample("dot_general", lambda x, y: np.tensordot(x, y, ((2, 0), (1, 0))), (X, Y)),
    Sample("dot_general", lambda x, y: np.tensordot(x, y, 3), (X, X * 2)),
    Sample("dot_general", lambda x, y: np.einsum("bij,bjk->bik", x, y), (X, Y)),
    Sample("dot_general", lambda x, y: np.einsum("bij,bij->b", x, x * y), (X, X + 1)),
    Sample("dot_general", lambda x, y: np.einsum("bij,ckj->ikcb", x, y), (X, X + 1)),
    Sample("dot_general", lambda x, y: np.einsum("hij,hkj->hik", x, y), (X, X + 1)),
    Sample("dot_general", lambda x, y, z: np.einsum("ij,jk,ik", x, y, z), (M, W, M @ W)),
]

S = M[:, :3] + 2.0 * np.eye(3)
R = np.stack([S, S[::-1] * 0.5 + np.eye(3)])
SHORT = np.outer(S[0], S[1]) + np.outer(S[1], S[2])  # of rank 2


def spd(x):
    return x @ np.swapaxes(x, -1, -2) + np.eye(3)


P = spd(R)

SAMPLES += [
    Sample("inv", lambda x: np.linalg.inv(x), (S,)),
    Sample("inv", lambda x: np.linalg.inv(x), (R,)),
    Sample("inv", lambda x: np.linalg.inv(x), (S + 1j * R[1],)),
    Sample("inv", lambda x: np.linalg.matrix_power(x, -3), (S,)),
    Sample("solve", lambda x, y: np.linalg.solve(x, y), (S, U)),
    Sample("solve", lambda x, y: np.linalg.solve(x, y), (S, M)),
    Sample("solve", lambda x, y: np.linalg.solve(x, y), (R, M)),
    Sample("solve", lambda x, y: np.linalg.solve(x, y), (S, X)),
    Sample("det", lambda x: np.linalg.det(x), (S,)),
    Sample("det", lambda x: np.linalg.det(x), (R,)),
    Sample("cofactors", cofactors, (R,)),
    Sample("cofactors", cofactors, (SHORT,)),
    Sample("cofactors", lambda x, t: cofactors(x, t), (SHORT, S)),
    Sample("cofactors", lambda x, t: cofactors(x, t, t), (S, SHORT)),
    Sample("limit_inv", limit_inv, (S,)),
    Sample("slogdet", lambda x: np.linalg.slogdet(x)[1], (S,)),
    Sample("slogdet", lambda x: tuple(np.linalg.slogdet(x)), (R,)),
    Sample("cholesky", lambda x: np.linalg.cholesky(spd(x)), (S,)),
    Sample("cholesky", lambda x: np.linalg.cholesky(spd(x), upper=True), (R,)),
]
