"""Uses of funcgrad.scipy.linalg, which is SciPy's where nothing is traced."""

import numpy as np

from funcgrad.scipy import linalg

from . import Sample

X = np.sin(np.arange(24.0) ** 2 * 0.9 + 0.3).reshape(2, 3, 4)
S = X[0, :, :3] + 2.0 * np.eye(3)
R = np.stack([S, X[1, :, :3] * 0.5 + np.eye(3)])
C = S + 1j * R[1]
P = R @ np.swapaxes(R, 1, 2) + np.eye(3)
B, V = X[0], X[1, 0, :3]


def spd(x):
    return x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(3)


def cho_solve(x, b, lower=False):
    return linalg.cho_solve(linalg.cho_factor(spd(x), lower), b)


ABOUT = np.array([[0.0], [4.0], [0.0]])
SAMPLES = [
    Sample("expm", lambda x: linalg.expm(x), (S,)),
    Sample("expm", lambda x: linalg.expm(x), (R,)),
    Sample("expm", lambda x: linalg.expm(x), (C,)),
    Sample("expm", lambda x: linalg.expm(x), (np.eye(3),)),
    Sample("sqrtm", lambda x: linalg.sqrtm(spd(x)), (S,)),
    Sample("sqrtm", lambda x: linalg.sqrtm(spd(x)), (R,)),
    Sample("sqrtm", lambda x: linalg.sqrtm(spd(x) + x / 9), (np.eye(3),)),
    Sample("sqrtm", lambda x: linalg.sqrtm(x), (C + 2 * np.eye(3),)),
    Sample("logm", lambda x: linalg.logm(spd(x)), (R,)),
    Sample("logm", lambda x: linalg.logm(x), (C + 2 * np.eye(3),)),
    Sample("scipy_eigh", lambda x: linalg.eigh(spd(x))[0], (S,)),
    Sample("scipy_eigh", lambda x: linalg.eigh(x, lower=False)[1] ** 2, (P,)),
    Sample("pivots", lambda x: linalg.lu_factor(x), (S[::-1],)),
    Sample("pivot_order", lambda x, b: linalg.lu_solve(linalg.lu_factor(x), b), (S[::-1], B)),
    Sample("solve_sylvester", linalg.solve_sylvester, (S, P[1, :2, :2], B[:, :2])),
    Sample("solve_sylvester", linalg.solve_sylvester, (C, C.T, S + 0j)),
    Sample("solve_triangular", linalg.solve_triangular, (S, V)),
    Sample("solve_triangular", lambda a, b: linalg.solve_triangular(a, b, 0, True), (S, B)),
    Sample("solve_triangular", lambda a, b: linalg.solve_triangular(a, b, "T"), (S, B)),
    Sample("solve_triangular", lambda a, b: linalg.solve_triangular(a, b, 2, True), (C, B + 1j)),
    Sample(
        "solve_triangular",
        lambda a, b: linalg.solve_triangular(a, b, lower=True, unit_diagonal=True),
        (S, V),
    ),
    Sample("solve_triangular", cho_solve, (S, V)),
    Sample("solve_triangular", lambda x, b: cho_solve(x, b, True), (C, B + 0j)),
    Sample("solve_banded", lambda a, b: linalg.solve_banded((1, 1), a + ABOUT, b), (S, V)),
    Sample("solve_banded", lambda a, b: linalg.solve_banded((0, 2), a[::-1], b), (S + 1j, B + 1j)),
    Sample("solve_banded", lambda a, b: linalg.solve_banded((2, 0), a, b), (S, B)),
    Sample("cholesky", lambda x: linalg.cholesky(spd(x)), (C,)),
    Sample("cholesky", lambda x: linalg.cholesky(spd(x), lower=True), (S,)),
    Sample("lu", lambda x: linalg.lu(x)[1:], (S,)),
    Sample("lu", lambda x: linalg.lu(x, permute_l=True), (S[::-1],)),
    Sample("lu", lambda x: linalg.lu(x)[1:], (C[::-1],)),
]
