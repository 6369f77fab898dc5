"""Uses of the structural primitives: shapes, axes, joining, padding, diagonals."""

import numpy as np

from . import Sample

X = np.cos(np.arange(24.0) * 1.3 + 0.2).reshape(2, 3, 4)
M = X[1]
V = M[0]
N = np.arange(12).reshape(3, 4)

SAMPLES = [
    Sample("reshape", lambda x: np.reshape(x, (4, -1)), (X,)),
    Sample("reshape", lambda x: np.expand_dims(x, (0, -1)), (M,)),
    Sample("reshape", lambda x: np.squeeze(x), (M[:1],)),
    Sample("reshape", lambda x: np.reshape(x, ()), (M[:1, :1],)),
    Sample("transpose", lambda x: np.transpose(x), (X,)),
    Sample("transpose", lambda x: np.moveaxis(x, (0, 2), (1, 0)), (X,)),
    Sample("transpose", lambda x: np.swapaxes(x, 0, -1), (N,)),
    Sample("broadcast_to", lambda x: np.broadcast_to(x, (2, 3, 4)), (V,)),
    Sample("broadcast_to", lambda x: np.broadcast_to(x, (3, 4)), (M[:, :1],)),
    Sample("broadcast_to", lambda x: np.broadcast_to(x, (2,)), (0.5,)),
    Sample("broadcast_to", lambda x: np.repeat(x, 3, axis=1), (M,)),
    Sample("broadcast_to", lambda x: np.tile(x, (2, 1, 3)), (M,)),
    Sample("flip", lambda x: np.flip(x), (X,)),
    Sample("flip", lambda x: np.flip(x, (0, 2)), (X,)),
    Sample("flip", lambda x: np.fliplr(x), (N,)),
    Sample("concatenate", lambda x, y: np.concatenate([x, y]), (M, M[:1] * 2)),
    Sample("concatenate", lambda x, y, z: np.concatenate((x, y, z), axis=-1), (X, X[..., :1], X)),
    Sample("concatenate", lambda x, y: np.concatenate([x, y], axis=1), (N, N[:, :2])),
    Sample("concatenate", lambda x, y: np.concatenate([x, y], axis=None), (M, V)),
    Sample("concatenate", lambda x: np.roll(x, (1, 2), (0, 1)), (M,)),
    Sample("stack", lambda x, y: np.stack([x, y]), (M, M * 2)),
    Sample("stack", lambda x, y: np.stack([x, y, x], axis=-1), (M, M * 2)),
    Sample("stack", lambda x, y: np.stack([x, y]), (0.25, 0.75)),
    Sample("pad", lambda x: np.pad(x, 1), (M,)),
    Sample("pad", lambda x: np.pad(x, ((0, 2), (1, 0)), constant_values=1.5), (M,)),
    Sample("pad", lambda x: np.pad(x, (2, 0)), (np.arange(3),)),
    Sample("diagonal", lambda x: np.diagonal(x), (M,)),
    Sample("diagonal", lambda x: np.diagonal(x, -1, 2, 0), (X,)),
    Sample("diagonal", lambda x: np.trace(x, 1), (M,)),
    Sample("diagonal_of", lambda x: np.diag(x), (V,)),
    Sample("diagonal_of", lambda x: np.diag(x, -2), (V,)),
    Sample("diagonal_of", lambda x: np.diag(x, 1), (np.arange(3),)),
]
