"""Uses of the decompositions of numpy.linalg: as they are where unique, else by invariants."""

import numpy as np

from . import Sample

X = np.sin(np.arange(24.0) ** 2 * 0.9 + 0.3).reshape(2, 3, 4)
M, S = X[0], X[1, :, :3] + 2.0 * np.eye(3)
R = np.stack([S, S[::-1] * 0.5 + np.eye(3)])
C = S + 1j * R[1]
W = M + 1j * np.cos(X[1])
SPIRAL = np.array([[1.0, 2.0, 0.3], [-1.5, 0.5, 0.2], [0.1, 0.7, -1.0]])
B, V = np.cos(np.arange(8.0)).reshape(4, 2), np.array([1.0, -2.0, 0.5, 3.0])


def symmetric(x):
    return x + np.conj(np.swapaxes(x, -1, -2))


def projectors(v):
    """``v_i v_i^H`` for each column: what does not depend on phases."""
    return np.einsum("...ik,...jk->...kij", v, np.conj(v))


def pairs(u, vh):
    """``u_i v_i^H`` for each pair of singular vectors."""
    return np.einsum("...ik,...kj->...kij", u, vh[..., : u.shape[-1], :])


def spectral(x):
    w, v = np.linalg.eigh(symmetric(x))
    return w, projectors(v)


def general(x):
    w, v = np.linalg.eig(x)
    return w, projectors(v)


def singular(x, full=False):
    u, s, vh = np.linalg.svd(x, full_matrices=full)
    k = s.shape[-1]
    return s, pairs(u[..., :k], vh[..., :k, :])


def left_over(x):
    """The projector on the columns that a full decomposition adds."""
    u, s, _ = np.linalg.svd(x)
    rest = u[..., s.shape[-1] :]
    return rest @ np.conj(np.swapaxes(rest, -1, -2))


def right_over(x):
    _, s, vh = np.linalg.svd(x)
    rest = vh[..., s.shape[-1] :, :]
    return np.conj(np.swapaxes(rest, -1, -2)) @ rest


def left_over_of_qr(x):
    q, r = np.linalg.qr(x, "complete")
    rest = q[..., x.shape[-1] :]
    return rest @ np.conj(np.swapaxes(rest, -1, -2)), r


SAMPLES = [
    Sample("eigh", lambda x: tuple(np.linalg.eigh(symmetric(x))), (S,)),
    Sample("eigh", lambda x: tuple(np.linalg.eigh(x, "U")), (R,)),
    Sample("eigh", spectral, (C,)),
    Sample("eigh", spectral, (np.stack([C, C.T * 1j]),)),
    Sample("eigvalsh", lambda x: np.linalg.eigvalsh(x), (S,)),
    Sample("eigvalsh", lambda x: np.linalg.eigvalsh(x, "u"), (C,)),
    Sample("eigvalsh", lambda x: np.linalg.eigvalsh(x), (R,)),
    Sample("eig", general, (SPIRAL,)),
    Sample("eig", general, (np.stack([SPIRAL, SPIRAL * 0.5 + np.eye(3)]),)),
    Sample("eig", general, (C,)),
    Sample("eigvals", lambda x: np.linalg.eigvals(x), (SPIRAL,)),
    Sample("eigvals", lambda x: np.linalg.eigvals(x), (np.stack([C, C * 2j]),)),
    Sample("inverse_gaps", lambda x: _of_the_rule(x), (S,)),
    Sample("inverses", lambda x: _of_the_other_rule(x), (M,)),
    Sample("svd", lambda x: tuple(np.linalg.svd(x, full_matrices=False)), (M,)),
    Sample("svd", lambda x: tuple(np.linalg.svd(x, full_matrices=False)), (M.T,)),
    Sample("svd", lambda x: tuple(np.linalg.svd(x)), (S,)),
    Sample("svd", lambda x: np.linalg.svd(x).Vh[..., 2:, :], (M[:2, :3],)),
    Sample("svd", lambda x: tuple(np.linalg.svd(x, full_matrices=False)), (R,)),
    Sample("svd", singular, (W,)),
    Sample("svd", lambda x: singular(x, True), (W.T,)),
    Sample("svd", right_over, (M[:2],)),
    Sample("svd", left_over, (X[:, :, :2] + 1j,)),
    Sample("svd", left_over, (W.T[:, :2],)),
    Sample("svdvals", lambda x: np.linalg.svdvals(x), (M,)),
    Sample("svdvals", lambda x: np.linalg.svd(x, compute_uv=False), (X,)),
    Sample("svdvals", lambda x: np.linalg.norm(x, "nuc"), (W,)),
    Sample("svdvals", lambda x: np.linalg.norm(x, 2, axis=(2, 0)), (X,)),
    Sample("svdvals", lambda x: np.linalg.matrix_norm(x, ord=-2, keepdims=True), (R,)),
    Sample("svdvals", lambda x: np.linalg.cond(x), (R,)),
    Sample("svdvals", lambda x: np.linalg.cond(x, -2), (M,)),
    Sample("quiet_inv", lambda x: np.linalg.cond(x, 1), (R,)),
    Sample("quiet_inv", lambda x: np.linalg.cond(x, "fro"), (C,)),
    Sample("qr", lambda x: tuple(np.linalg.qr(x)), (S,)),
    Sample("qr", lambda x: tuple(np.linalg.qr(x)), (M,)),
    Sample("qr", lambda x: tuple(np.linalg.qr(x)), (M.T,)),
    Sample("qr", lambda x: tuple(np.linalg.qr(x)), (W.T,)),
    Sample("qr", lambda x: tuple(np.linalg.qr(x)), (W,)),
    Sample("qr", lambda x: tuple(np.linalg.qr(x)), (np.swapaxes(X, 1, 2),)),
    Sample("qr", lambda x: np.linalg.qr(x, "r"), (R,)),
    Sample("qr", left_over_of_qr, (M.T[:, :2],)),
    Sample("qr", left_over_of_qr, (W.T[:, :2],)),
    Sample("qr", lambda x: tuple(np.linalg.qr(x, "complete")), (M,)),
    Sample("pinv", lambda x: np.linalg.pinv(x), (M,)),
    Sample("pinv", lambda x: np.linalg.pinv(x), (W.T,)),
    Sample("pinv", lambda x: np.linalg.pinv(x, rtol=None), (X,)),
    Sample("pinv", lambda x: np.linalg.pinv(x, 1e-10, True), (C,)),
    Sample("pinv", lambda x: np.linalg.pinv(x @ x[:2].T), (M.T,)),
    Sample("lstsq", lambda a, b: np.linalg.lstsq(a, b)[0], (M.T, B)),
    Sample("lstsq", lambda a, b: np.linalg.lstsq(a, b)[:2], (M.T, V)),
    Sample("lstsq", lambda a, b: np.linalg.lstsq(a, b[:3]), (M, V)),
    Sample("lstsq", lambda a, b: np.linalg.lstsq(a, b, rcond=1e-9)[:2], (W.T, B * 1j)),
    Sample("slogdet", lambda x: tuple(np.linalg.slogdet(x)), (C,)),
    Sample("slogdet", lambda x: tuple(np.linalg.slogdet(x)), (np.stack([C, C.T * 1j]),)),
    Sample("cholesky", lambda x: np.linalg.cholesky(symmetric(x) + 9 * np.eye(3)), (C,)),
    Sample("cholesky", lambda x: np.linalg.cholesky(x + 9 * np.eye(3)), (symmetric(C),)),
    Sample(
        "cholesky", lambda x: np.linalg.cholesky(symmetric(x) + 9 * np.eye(3), upper=True), (C,)
    ),
]


def _of_the_rule(x):
    from funcgrad.ops.eigen import inverse_gaps, inverse_sums

    return inverse_gaps(x), inverse_sums(x * x)


def _of_the_other_rule(x):
    from funcgrad.ops.eigen import inverses

    return inverses(x)
