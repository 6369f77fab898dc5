"""funcgrad.scipy.linalg: SciPy's answer under every transform, derivatives, errors."""

import numpy as np
import pytest
from samples.laws import check_sample
from samples.matrix_functions import SAMPLES, B, C, P, R, S, V, spd

from funcgrad import grad, hessian, jit, jvp, make_jaxpr, vjp, vmap
from funcgrad.core.trace import aval_of
from funcgrad.errors import ArgumentError, NotTraceableError, ShapeError
from funcgrad.scipy import linalg
from funcgrad.testing import check_grads

scipy_linalg = pytest.importorskip("scipy.linalg")
names = [f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_samples(sample):
    check_sample(sample)


CALLS = {
    "expm float32": (lambda x: linalg.expm(x), (S.astype("f"),)),
    "expm ints": (lambda x: linalg.expm(x), (np.arange(4).reshape(2, 2),)),
    "sqrtm float32": (lambda x: linalg.sqrtm(x), (P[0].astype("f"),)),
    "solve_triangular ints": (linalg.solve_triangular, (np.array([[2, 1], [5, 4]]), V[:2])),
    "solve_triangular dtypes": (linalg.solve_triangular, (S.astype("f"), B)),
    "cho_solve": (
        lambda a, b: linalg.cho_solve(linalg.cho_factor(a, lower=True), b), (spd(S), V)),
    "lu": (lambda x: linalg.lu(x), (S[::-1],)),
    "lu indices": (lambda x: linalg.lu(x, p_indices=True), (C[[1, 2, 0]],)),
    "lu float32": (lambda x: linalg.lu(x), (S.astype("f"),)),
}  # fmt: skip


def leaves(out):
    return out if isinstance(out, tuple) else (out,)


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    f, args = CALLS[name]
    single = any(np.asarray(a).dtype.char == "f" for a in args)
    for transformed in (jit(f, backend="run"), jit(f), lambda *xs: vjp(f, *xs)[0]):
        for found, expected in zip(leaves(transformed(*args)), leaves(f(*args)), strict=True):
            assert aval_of(found) == aval_of(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-5 if single else 1e-13)


def test_nothing_traced_is_scipys():
    np.testing.assert_array_equal(linalg.expm(S), scipy_linalg.expm(S))
    assert linalg.expm.__wrapped__ is scipy_linalg.expm
    assert linalg.sqrtm(-np.eye(2)).dtype == np.complex128


def test_closed_forms():
    # tr(exp A) has the gradient exp(A)^T, at the identity too, where eigenvalues coincide.
    for x in (S, np.eye(3), np.array([[0.0, 1.0], [0.0, 0.0]])):
        g = grad(lambda x: np.trace(linalg.expm(x)))(x)
        np.testing.assert_allclose(g, scipy_linalg.expm(x).T, rtol=1e-12, atol=1e-14)
    t = R[1]
    moved = jvp(linalg.expm, (S,), (t,))[1]
    np.testing.assert_allclose(moved, scipy_linalg.expm_frechet(S, t)[1], rtol=1e-11)
    np.testing.assert_allclose(jvp(linalg.sqrtm, (np.eye(3),), (t,))[1], t / 2, rtol=1e-13)
    check_grads(linalg.sqrtm, (np.eye(3),), order=2)
    # The root's trace at the identity: d2 tr(sqrt(1 + t)) = -tr(t t) / 4.
    h = hessian(lambda x: np.trace(linalg.sqrtm(x)))(np.eye(2))
    expected = -np.einsum("il,jk->ijkl", np.eye(2), np.eye(2)) / 4
    np.testing.assert_allclose(h, expected, rtol=1e-12, atol=1e-14)
    g = grad(lambda x: np.sum(np.log(np.abs(np.diag(linalg.lu(x)[2])))))(S)
    np.testing.assert_allclose(g, np.linalg.inv(S).T, rtol=1e-12)


def test_gradients_are_in_the_triangle_that_counts():
    g = grad(lambda a: np.sum(linalg.solve_triangular(a, V)))(S)
    assert np.all(g[np.tril_indices(3, -1)] == 0)
    g = grad(lambda a: np.sum(linalg.solve_triangular(a, V, lower=True, unit_diagonal=True)))(S)
    assert np.all(np.triu(g) == 0) and np.all(g[np.tril_indices(3, -1)] != 0)


def test_stacks():
    stack, right = np.stack([S, S.T]), np.stack([B, B + 1])
    found = jit(linalg.solve_triangular)(stack, right)
    for a, b, x in zip(stack, right, found, strict=True):
        np.testing.assert_allclose(x, scipy_linalg.solve_triangular(a, b), rtol=1e-13)
    check_grads(lambda a, b: linalg.solve_triangular(a, b, lower=True), (stack, B), order=1)
    _, lower, upper = jit(lambda x: linalg.lu(x))(stack)
    for x, left, r in zip(stack, lower, upper, strict=True):
        np.testing.assert_array_equal(left, scipy_linalg.lu(x)[1])
        np.testing.assert_array_equal(r, scipy_linalg.lu(x)[2])


LINALG = np.linalg.LinAlgError
ERRORS = {
    "expm": (lambda x: linalg.expm(x), ShapeError, "scipy.linalg.expm: got float64[3,4]"),
    "sqrtm": (lambda x: linalg.sqrtm(x[0]), ShapeError, "square"),
    "lu": (lambda x: linalg.lu(x), NotTraceableError, "only square"),
    "solve_triangular": (
        lambda x: linalg.solve_triangular(x[:, :3], np.ones(4)), ShapeError, "as many rows"),
    "trans": (lambda x: linalg.solve_triangular(x[:, :3], x, trans="X"), ValueError, "trans"),
    "solve_sylvester": (
        lambda x: linalg.solve_sylvester(x[:, :3], np.eye(2), x), ShapeError, "the rows of a"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    f, kind, text = ERRORS[name]
    with pytest.raises(kind) as caught:
        make_jaxpr(f)(B)
    assert text in str(caught.value)


def test_errors_of_lapack():
    with pytest.raises(LINALG, match="singular"):
        grad(lambda a: np.sum(linalg.solve_triangular(a, V)))(np.zeros((3, 3)))
    with pytest.raises(LINALG, match="positive definite"):
        vjp(linalg.cholesky, -np.eye(2))
    with pytest.raises(LINALG, match="complex root"):
        jit(linalg.sqrtm)(-np.eye(2))
    with pytest.raises(ValueError, match="infs or NaNs"):
        vjp(linalg.solve_triangular, np.eye(2), np.array([1.0, np.nan]))
    assert np.isnan(vjp(lambda b: linalg.solve_triangular(
        np.eye(2), b, check_finite=False), np.array([1.0, np.nan]))[0][1])  # fmt: skip


M = np.array([[1.3, 0.2, -0.4], [0.1, 0.9, 0.3], [0.5, -0.2, 1.1]])
W = np.array([0.3, -1.2, 0.7])
SPD = M @ M.T + np.eye(3)
CPX = M + 0.3j * M[::-1]
WRAPPED = {
    "solve_banded": (lambda la, a, b: la.solve_banded((1, 1), a + 4 * np.ones((3, 1)), b), (M, W)),
    "solve_banded, columns": (lambda la, a, b: la.solve_banded((2, 0), a, b), (M, M)),
    "solve": (lambda la, a, b: la.solve(a, b), (M, W)),
    "solve transposed": (lambda la, a, b: la.solve(a, b, transposed=True), (M, M[:, :2])),
    **{
        f"solve {kind}": (
            lambda la, a, b, kind=kind: la.solve(a, b, assume_a=kind), (M + 2 * np.eye(3), M))
        for kind in ("gen", "sym", "upper triangular", "lower triangular", "diagonal")
    },
    "solve pos": (lambda la, a, b: la.solve(a, b, assume_a="pos"), (SPD, W)),
    "solve pos lower": (lambda la, a, b: la.solve(a, b, True, assume_a="pos"), (SPD, M)),
    "solve sym lower": (lambda la, a, b: la.solve(a, b, True, assume_a="sym"), (SPD + M, W)),
    "solve her": (
        lambda la, a, b: la.solve(a, b, assume_a="her"), (CPX + 3 * np.eye(3), W + 0j)),
    "solve diagonal vector": (lambda la, a, b: la.solve(a, b, assume_a="diagonal"), (M, W)),
    "solve triangular transposed": (
        lambda la, a, b: la.solve(a, b, assume_a="upper triangular", transposed=True), (M, W)),
    "inv": (lambda la, a: la.inv(a), (M,)),
    "pinv": (lambda la, a: la.pinv(a), (M[:, :2],)),
    "pinv of a short rank": (lambda la, a: la.pinv(a @ a.T, rtol=1e-8), (M[:, :2],)),
    "pinv's rank": (lambda la, a: la.pinv(a, return_rank=True)[0], (M[:2],)),
    "lstsq": (lambda la, a, b: la.lstsq(a, b)[0], (M[:, :2], W)),
    "lstsq residuals": (lambda la, a, b: la.lstsq(a, b)[1], (M[:, :2], W)),
    "lstsq residuals of columns": (lambda la, a, b: la.lstsq(a, b)[1], (M[:, :2], M)),
    "lu_factor": (lambda la, a: la.lu_factor(a)[0], (M[[1, 2, 0]],)),
    **{
        f"lu_solve {t}": (
            lambda la, a, b, t=t: la.lu_solve(la.lu_factor(a), b, t), (C[[1, 2, 0]], B + 1j))
        for t in (0, 1, 2)
    },
    "lu_solve of a vector": (lambda la, a, b: la.lu_solve(la.lu_factor(a), b), (M[::-1], W)),
    "lu_solve of given factors": (
        lambda la, b: la.lu_solve(scipy_linalg.lu_factor(M[::-1]), b), (W,)),
    **{
        f"qr {mode} {i}": (lambda la, a, m=mode, i=i: la.qr(a, mode=m)[i], (M[:, :k],))
        for mode, i, k in (("full", 1, 3), ("economic", 0, 2), ("economic", 1, 2), ("r", 0, 2))
    },
    "svd values": (lambda la, a: la.svd(a)[1], (M,)),
    "svd without vectors": (lambda la, a: la.svd(a, compute_uv=False), (M[:, :2],)),
    **{
        f"svd vectors {i}": (lambda la, a, i=i: la.svd(a, full_matrices=False)[i], (M[:, :2],))
        for i in (0, 2)
    },
    **{
        f"polar {side} {i}": (lambda la, a, s=side, i=i: la.polar(a, s)[i], (x,))
        for side, i, x in (
            ("right", 0, M), ("right", 1, M[:2]), ("left", 1, M[:, :2]), ("left", 0, CPX))
    },
    "eigh values": (lambda la, a: la.eigh(a)[0], (SPD,)),
    "eigh vectors": (lambda la, a: la.eigh(a)[1] ** 2, (SPD,)),  # evr's signs jump
    "eigh upper": (lambda la, a: la.eigh(a, lower=False)[1] ** 2, (SPD + M,)),
    "eigh of a pair": (lambda la, a, b: la.eigh(a, b)[0], (M + M.T, SPD)),
    "eigh vectors of a pair": (lambda la, a, b: la.eigh(a, b)[1], (M + M.T, SPD)),
    "eigh only values": (lambda la, a: la.eigh(a, eigvals_only=True), (SPD,)),
    "eigvals": (lambda la, a: la.eigvals(a), (M,)),
    "eigvals of a pair": (lambda la, a, b: la.eigvals(a, b), (M, SPD)),
    "eig": (lambda la, a: la.eig(a)[0], (CPX,)),
    "eig vectors": (lambda la, a: np.abs(la.eig(a)[1]), (CPX,)),
    "logm": (lambda la, a: la.logm(a), (SPD + 0.1 * M,)),
    "logm complex": (lambda la, a: la.logm(a), (CPX + 2 * np.eye(3),)),
    "logm of the identity": (lambda la, a: la.logm(a), (np.eye(3),)),
    "expm_frechet": (lambda la, a, t: la.expm_frechet(a, t)[1], (M, SPD)),
    "expm_frechet alone": (lambda la, a, t: la.expm_frechet(a, t, compute_expm=False), (M, SPD)),
    **{
        f"{name} {kind}": (lambda la, a, name=name: getattr(la, name)(a), (x,))
        for name in ("cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm")
        for kind, x in (("real", 0.5 * M), ("complex", 0.5 * CPX))
    },
    "circulant": (lambda la, c: la.circulant(c), (W,)),
    "hankel": (lambda la, c, r: la.hankel(c, r), (W, np.arange(4.0))),
    "hankel of a column": (lambda la, c: la.hankel(c), (W,)),
    "khatri_rao": (lambda la, a, b: la.khatri_rao(a, b), (M, CPX[:2])),
    "det": (lambda la, a: la.det(a), (M,)),
    "norm": (lambda la, a: la.norm(a), (M,)),
    "norm of rows": (lambda la, a: la.norm(a, 1, axis=1), (M,)),
    "svdvals": (lambda la, a: la.svdvals(a), (M[:, :2],)),
    "eigvalsh": (lambda la, a: la.eigvalsh(a @ a.T), (M,)),
    "eigvalsh upper": (lambda la, a: la.eigvalsh(a @ a.T, lower=False), (M,)),
    "eigvalsh of a pair": (lambda la, a, b: la.eigvalsh(a @ a.T, b @ b.T), (M, M[::-1] + 1)),
    "eigvalsh of an upper pair": (
        lambda la, a, b: la.eigvalsh(a @ a.T, b @ b.T, lower=False), (M, M[::-1] + 1)),
    "solve_continuous_lyapunov": (lambda la, a, q: la.solve_continuous_lyapunov(a, q), (M, SPD)),
    "solve_lyapunov": (lambda la, a, q: la.solve_lyapunov(a, q), (CPX, CPX.T)),
    "solve_discrete_lyapunov": (
        lambda la, a, q: la.solve_discrete_lyapunov(a, q), (0.4 * M, SPD)),
    "solve_discrete_lyapunov complex": (
        lambda la, a, q: la.solve_discrete_lyapunov(a, q), (0.4 * CPX, CPX)),
    "block_diag": (lambda la, a, b, c: la.block_diag(a, b, c), (M, W, 2.0)),
    "toeplitz": (lambda la, c, r: la.toeplitz(c, r), (W, np.arange(4.0))),
    "toeplitz symmetric": (lambda la, c: la.toeplitz(c), (W,)),
    "toeplitz hermitian": (lambda la, c: la.toeplitz(c), (CPX[0],)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRAPPED)
def test_what_numpy_has_too(name):
    f, args = WRAPPED[name]
    expected = f(scipy_linalg, *args)
    np.testing.assert_array_equal(f(linalg, *args), expected)
    found = jit(lambda *xs: f(linalg, *xs))(*args)
    assert np.asarray(found).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    check_grads(lambda *xs: f(linalg, *xs), args, order=2)
    batch = [np.stack([np.asarray(a), 1.1 * np.asarray(a)]) for a in args]
    rows = vmap(lambda *xs: f(linalg, *xs))(*batch)
    np.testing.assert_allclose(rows[0], expected, rtol=1e-12, atol=1e-13)


def test_what_these_refuse():
    with pytest.raises(ArgumentError, match="assume_a='banded'"):
        grad(lambda a: linalg.solve(a, W, assume_a="banded")[0])(SPD)
    with pytest.raises(ArgumentError, match="inv: assume_a='banded'"):
        grad(lambda a: linalg.inv(a, assume_a="banded")[0, 0])(SPD)
    with pytest.raises(ArgumentError, match="subset_by_index"):
        grad(lambda a: linalg.eigh(a, subset_by_index=[0, 1])[0][0])(SPD)
    with pytest.raises(ArgumentError, match="driver='evd'"):
        grad(lambda a: linalg.eigvalsh(a, driver="evd")[0])(SPD)
    with pytest.raises(ArgumentError, match="left=True"):
        grad(lambda a: np.abs(linalg.eig(a, left=True)[1][0, 0]))(SPD)
    with pytest.raises(ArgumentError, match="pivoting=True"):
        grad(lambda a: linalg.qr(a, pivoting=True)[0][0, 0])(SPD)
    with pytest.raises(ArgumentError, match="mode='raw'"):
        grad(lambda a: linalg.qr(a, mode="raw")[1][0, 0])(SPD)
    with pytest.raises(ValueError, match="Mode"):
        grad(lambda a: linalg.qr(a, mode="reduced")[1][0, 0])(SPD)
    with pytest.raises(ArgumentError, match="lapack_driver='gesvd'"):
        grad(lambda a: linalg.svd(a, lapack_driver="gesvd")[1][0])(SPD)
    with pytest.raises(ArgumentError, match="atol"):
        grad(lambda a: linalg.pinv(a, atol=1e-3)[0, 0])(SPD)
    with pytest.raises(ValueError, match="side"):
        grad(lambda a: linalg.polar(a, "up")[0][0, 0])(SPD)
    with pytest.raises(ValueError, match="trans"):
        grad(lambda a: linalg.lu_solve(linalg.lu_factor(a), W, 3)[0])(SPD)
    with pytest.raises(ShapeError, match="as many rows"):
        grad(lambda a: linalg.lu_solve(linalg.lu_factor(a), W[:2])[0])(SPD)
    with pytest.raises(ShapeError, match="khatri_rao"):
        grad(lambda a: linalg.khatri_rao(a, W)[0, 0])(M)
    with pytest.raises(ShapeError, match="expm_frechet"):
        grad(lambda a: linalg.expm_frechet(a, np.eye(2))[0][0, 0])(M)
    with pytest.raises(np.linalg.LinAlgError, match="complex logarithm"):
        grad(lambda a: linalg.logm(a)[0, 0])(-np.eye(2))
    with pytest.raises(NotTraceableError, match="lu_factor"):
        grad(lambda a: linalg.lu_factor(a)[0][0, 0])(M[:2])
    with pytest.raises(ArgumentError, match="type=2"):
        grad(lambda a: linalg.eigvalsh(a, SPD, type=2)[0])(SPD)
    with pytest.raises(ShapeError, match="block_diag"):
        grad(lambda a: linalg.block_diag(a, W)[0, 0])(np.ones((2, 2, 2)))
    with pytest.raises(ShapeError, match="toeplitz"):
        grad(lambda a: linalg.toeplitz(a)[0, 0])(M)
    with pytest.raises(ShapeError, match="inv"):
        grad(lambda a: linalg.inv(a)[0, 0])(M[:2])


def test_pivots():
    stack = np.stack([M[[1, 2, 0]], M[[2, 0, 1]], np.eye(3)])
    for found in (jit(linalg.lu_factor)(stack), jit(vmap(linalg.lu_factor))(stack)):
        assert found[1].dtype == np.int32
        for a, factors, piv in zip(stack, *found, strict=True):
            expected = scipy_linalg.lu_factor(a)
            np.testing.assert_array_equal(piv, expected[1])
            np.testing.assert_allclose(factors, expected[0], rtol=1e-14)
    right = np.stack([W, W + 1, W - 2])
    solved = jit(vmap(lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b)))(stack, right)
    np.testing.assert_allclose(np.einsum("bij,bj->bi", stack, solved), right, rtol=1e-13)


def test_signs_of_eigenvectors_are_scipys():
    stack = np.stack([SPD, SPD[::-1, ::-1], SPD + np.diag([1.0, 5.0, 2.0])])
    for a in stack:
        for found in (jit(linalg.eigh)(a), vjp(linalg.eigh, a)[0]):
            np.testing.assert_array_equal(found[1], scipy_linalg.eigh(a)[1])
    _, vectors = jit(vmap(lambda a: linalg.eigh(a)))(stack)
    np.testing.assert_array_equal(vectors[2], scipy_linalg.eigh(stack[2])[1])


def test_rank_and_singular_values():
    _, rank, s = jit(lambda a: linalg.lstsq(a, W)[1:])(M[:, :2])
    expected = scipy_linalg.lstsq(M[:, :2], W)
    assert rank == expected[2]
    np.testing.assert_allclose(s, expected[3], rtol=1e-14)
    assert jit(lambda a: linalg.pinv(a @ a.T, rtol=1e-9, return_rank=True)[1])(M[:, :2]) == 2


def test_polar_where_singular_values_coincide():
    # At the identity the orthogonal factor moves by the direction's antisymmetric part.
    t = np.array([[0.2, 1.3], [-0.4, 0.7]])
    moved = jvp(lambda a: linalg.polar(a)[0], (np.eye(2),), (t,))[1]
    np.testing.assert_allclose(moved, 0.5 * (t - t.T), rtol=1e-13, atol=1e-14)
    moved = jvp(lambda a: linalg.polar(a)[1], (np.eye(2),), (t,))[1]
    np.testing.assert_allclose(moved, 0.5 * (t + t.T), rtol=1e-13, atol=1e-14)


def test_gradients_of_structures_are_in_what_counts():
    counts = {"pos": np.triu, "upper triangular": np.triu, "lower triangular": np.tril,
              "diagonal": lambda x: x * np.eye(3), "sym": np.triu}  # fmt: skip
    for kind, part in counts.items():
        g = grad(lambda a, kind=kind: np.sum(linalg.solve(a, W, assume_a=kind)))(SPD)
        np.testing.assert_array_equal(g, part(g))
    g = grad(lambda a: np.sum(linalg.inv(a, assume_a="pos", lower=True)))(SPD)
    np.testing.assert_array_equal(g, np.tril(g))
    found = jit(lambda a: linalg.inv(a, assume_a="sym"))(SPD + np.tril(M, -1))
    np.testing.assert_allclose(found, scipy_linalg.inv(SPD), rtol=1e-12)


NEGATIVE = np.array([[-4.0, 1.0, 0.5], [0.3, 9.0, -0.2], [0.1, 0.4, -1.5]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_real_matrix_with_a_complex_root(dtype):
    # SciPy's answer and dtype, where the numbers are known.
    a = NEGATIVE.astype(dtype)
    value, tangent = jvp(linalg.sqrtm, (a,), (np.eye(3, dtype=dtype),))
    expected = linalg.sqrtm(a)
    assert expected.dtype.kind == "c"
    tolerance = 64 * np.finfo(dtype).eps
    np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance)
    assert value.dtype == tangent.dtype == expected.dtype
    if dtype is np.float64:
        check_grads(linalg.sqrtm, (a,), order=2)
        gradient = grad(lambda a: np.sum(np.abs(linalg.sqrtm(a))))(a)
        assert gradient.dtype == np.float64


def test_banded_systems_in_stacks():
    ab = np.stack([SPD, SPD[::-1] + 3 * np.eye(3)[::-1]])
    found = vmap(lambda a: linalg.solve_banded((1, 1), a, W))(ab)
    expected = [linalg.solve_banded((1, 1), a, W) for a in ab]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    right = jit(lambda ab, b: linalg.solve_banded((1, 1), ab, b))(ab, M)
    for one, a in zip(right, ab, strict=True):
        np.testing.assert_allclose(one, linalg.solve_banded((1, 1), a, M), rtol=1e-13)
    with pytest.raises(ShapeError, match="a row for each diagonal"):
        jit(lambda a: linalg.solve_banded((1, 0), a, W))(M)
    outside = grad(lambda a: np.sum(linalg.solve_banded((1, 1), a, W)))(SPD)
    assert outside[0, 0] == outside[2, 2] == 0.0
