"""Decompositions: NumPy's answer and errors under every transform, derivatives, coincidences."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.decompose import SAMPLES, SPIRAL, B, C, M, R, S, V, W, X, projectors, symmetric
from samples.laws import check_sample

import funcgrad.numpy as fnp
from funcgrad import grad, hessian, jit, jvp, make_jaxpr, value_and_grad, vjp, vmap
from funcgrad.core.trace import aval_of
from funcgrad.errors import NotTraceableError
from funcgrad.testing import check_grads, check_transforms, numerical_jvp

names = [f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]
LINALG = np.linalg.LinAlgError


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_samples(sample):
    check_sample(sample)


# Values, shapes, dtypes, errors

F = M.astype(np.float32)
N = np.array([[2, 1, 0], [1, 3, -1], [0, -1, 1]])
Z = np.zeros((0, 3))
T = np.cos(np.arange(36.0) ** 2).reshape(2, 3, 6)
CALLS = {
    "qr float32": (lambda x: tuple(np.linalg.qr(x)), (F,)),
    "qr ints": (lambda x: tuple(np.linalg.qr(x, mode="complete")), (N[:, :2],)),
    "qr names": (lambda x: np.linalg.qr(x).R, (X,)),
    "qr empty": (lambda x: tuple(np.linalg.qr(x, "complete")), (Z.T,)),
    "svd float32": (lambda x: tuple(np.linalg.svd(x)), (F,)),
    "svd ints": (lambda x: tuple(np.linalg.svd(x, False)), (N,)),
    "svd names": (lambda x: np.linalg.svd(x).S, (X,)),
    "svd empty": (lambda x: tuple(np.linalg.svd(x, False)), (Z,)),
    "svd full empty": (lambda x: tuple(np.linalg.svd(x)), (Z,)),
    "svd of a stack of none": (lambda x: tuple(np.linalg.svd(x)), (X[:0],)),
    "svd complex64": (lambda x: np.linalg.svdvals(x), (W.astype(np.complex64),)),
    "svd hermitian": (lambda x: tuple(np.linalg.svd(x, hermitian=True)), (symmetric(R),)),
    "svdvals hermitian": (lambda x: np.linalg.svd(x, True, False, True), (symmetric(C),)),
    "eigh float32": (lambda x: tuple(np.linalg.eigh(x)), (F[:, :3],)),
    "eigh ints": (lambda x: tuple(np.linalg.eigh(x)), (N,)),
    "eigh names": (lambda x: np.linalg.eigh(x, UPLO="u").eigenvalues, (symmetric(C),)),
    "eigh empty": (lambda x: tuple(np.linalg.eigh(x)), (np.zeros((2, 0, 0)),)),
    "eigvalsh complex64": (lambda x: np.linalg.eigvalsh(x), (C.astype(np.complex64),)),
    "eig float32": (lambda x: tuple(np.linalg.eig(x)), (SPIRAL.astype(np.float32),)),
    "eig complex64": (lambda x: tuple(np.linalg.eig(x)), (C.astype(np.complex64),)),
    "eigvals": (lambda x: np.linalg.eigvals(x), (np.stack([SPIRAL, SPIRAL.T]),)),
    "pinv float32": (lambda x: np.linalg.pinv(x), (F,)),
    "pinv ints": (lambda x: np.linalg.pinv(x, rtol=1e-9), (N[:, :2],)),
    "pinv of a short rank": (lambda x: np.linalg.pinv(x, 1e-10), (np.outer(V, V[:3]),)),
    "pinv hermitian": (lambda x: np.linalg.pinv(x, hermitian=True), (symmetric(C),)),
    "lstsq": (lambda a, b: np.linalg.lstsq(a, b, 1e-9), (X[0].T, B)),
    "lstsq float32": (lambda a, b: np.linalg.lstsq(a, b), (F.T, V.astype(np.float32))),
    "lstsq dtypes": (lambda a, b: np.linalg.lstsq(a, b), (F, V[:3])),
    "lstsq underdetermined": (lambda a, b: np.linalg.lstsq(a, b), (W, V[:3])),
    "lstsq of the machine's": (lambda a, b: np.linalg.lstsq(a, b, rcond=-1), (M.T, V)),
    "matrix_rank": (lambda x: np.linalg.matrix_rank(x), (np.outer(V, V),)),
    "matrix_rank stack": (lambda x: np.linalg.matrix_rank(x, rtol=0.3), (X,)),
    "matrix_rank tol": (lambda x: np.linalg.matrix_rank(x, np.array([0.1, 2.0])), (X,)),
    "matrix_rank hermitian": (lambda x: np.linalg.matrix_rank(x, hermitian=True), (C,)),
    "cond inf": (lambda x: np.linalg.cond(x, np.inf), (R,)),
    "cond -1": (lambda x: np.linalg.cond(x, -1), (S,)),
    "cond fro": (lambda x: np.linalg.cond(x, "fro"), (C,)),
    "cond nuc": (lambda x: np.linalg.cond(x, "nuc"), (R,)),
    "cond float32": (lambda x: np.linalg.cond(x), (F,)),
    "cond of zeros": (lambda x: np.linalg.cond(x), (np.zeros((2, 2)),)),
    "cond singular": (lambda x: np.linalg.cond(x), (np.diag([1.0, 0.0]),)),
    "cond 1 singular": (lambda x: np.linalg.cond(x, 1), (np.stack([np.eye(2), np.zeros((2, 2))]),)),
    "cond inf singular": (lambda x: np.linalg.cond(x, np.inf), (np.diag([1.0, 0.0]),)),
    "norm 2": (lambda x: np.linalg.norm(x, 2), (M,)),
    "norm nuc": (lambda x: np.linalg.norm(x, "nuc", axis=(0, 2), keepdims=True), (X,)),
    "norm -2": (lambda x: np.linalg.norm(x, -2, axis=(1, -1)), (X,)),
    "tensorinv": (lambda x: np.linalg.tensorinv(x, ind=1), (T[0].reshape(6, 3, 1)[:3],)),
    "tensorinv 2": (lambda x: np.linalg.tensorinv(x), (T.reshape(2, 3, 3, 2),)),
    "tensorsolve": (lambda a, b: np.linalg.tensorsolve(a, b), (T, M[:2, :3])),
    "tensorsolve axes": (
        lambda a, b: np.linalg.tensorsolve(a, b, axes=(0, 1)), (T.reshape(2, 3, 3, 2), T[0, :, :2])
    ),
    "slogdet complex64": (lambda x: tuple(np.linalg.slogdet(x)), (C.astype(np.complex64),)),
}  # fmt: skip
UNDIFFERENTIATED = ("empty", "none", "short", "lstsq", "rank", "zeros", "singular")


def everything(out):
    return out if isinstance(out, tuple) else (out,)


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    f, args = CALLS[name]
    single = any(np.asarray(a).dtype.char in "fF" for a in args)
    with np.errstate(all="ignore"):
        check_transforms(f, args, rtol=2e-4 if single else 1e-10)
    if single or any(word in name for word in UNDIFFERENTIATED):
        return
    if all(aval_of(out).inexact for out in (*args, *everything(f(*args)))):
        check_grads(lambda *xs: [invariant(y) for y in everything(f(*xs))], args, order=1)


def invariant(y):
    """Something of a result that does not depend on the phases of its columns."""
    return abs(y) if y.dtype.kind == "c" else y


WRONG = {
    "qr mode": lambda x: np.linalg.qr(x, "other"),
    "qr vector": lambda x: np.linalg.qr(x[0]),
    "svd vector": lambda x: np.linalg.svd(x[0]),
    "svd hermitian": lambda x: np.linalg.svd(x, hermitian=True),
    "svdvals scalar": lambda x: np.linalg.svdvals(x[0, 0]),
    "svd float16": lambda x: np.linalg.svd(x.astype(np.float16)),
    "eigh": lambda x: np.linalg.eigh(x),
    "eigh letter": lambda x: np.linalg.eigh(x[:, :3], UPLO="X"),
    "eigvalsh": lambda x: np.linalg.eigvalsh(x),
    "eig": lambda x: np.linalg.eig(x),
    "eigvals": lambda x: np.linalg.eigvals(x[0]),
    "eigh float16": lambda x: np.linalg.eigh(x[:, :3].astype(np.float16)),
    "pinv both": lambda x: np.linalg.pinv(x, 1e-3, rtol=1e-4),
    "pinv vector": lambda x: np.linalg.pinv(x[0]),
    "lstsq rows": lambda x: np.linalg.lstsq(x, np.ones(4)),
    "lstsq stack": lambda x: np.linalg.lstsq(x[None], np.ones(3)),
    "matrix_rank both": lambda x: np.linalg.matrix_rank(x, 1e-3, rtol=1e-4),
    "cond shape": lambda x: np.linalg.cond(x, 1),
    "cond empty": lambda x: np.linalg.cond(x[:0]),
    "norm order": lambda x: np.linalg.norm(x, "two"),
    "tensorinv": lambda x: np.linalg.tensorinv(x, 1),
    "tensorinv ind": lambda x: np.linalg.tensorinv(x, 0),
    "tensorsolve": lambda x: np.linalg.tensorsolve(x, np.ones(3)),
    "cholesky": lambda x: np.linalg.cholesky(x),
    "cholesky indefinite": lambda x: np.linalg.cholesky(x[:, :3] * 1j),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_are_those_of_numpy(name):
    f = WRONG[name]
    with pytest.raises((ValueError, TypeError)) as theirs:
        f(M)
    for call in (lambda: vjp(f, M), lambda: jit(f)(M)):
        with pytest.raises(theirs.type):
            call()


def test_what_cannot_be_traced_says_so():
    with pytest.raises(NotTraceableError, match="mode='raw'"):
        make_jaxpr(lambda x: np.linalg.qr(x, "raw"))(M)
    with pytest.raises(NotTraceableError, match="rcond="):
        make_jaxpr(lambda x: np.linalg.pinv(x, x[0, 0]))(M)


def test_results_have_numpys_names():
    for name in ("qr", "svd", "eigh", "eig"):
        kinds = []
        jit(lambda x: kinds.append(type(getattr(np.linalg, name)(x))) or x)(S)  # noqa: B023
        assert kinds == [type(getattr(np.linalg, name)(S))]


def test_eig_of_a_traced_matrix_is_complex():
    x = symmetric(S)
    w, v = jit(lambda x: tuple(np.linalg.eig(x)))(x)
    assert w.dtype == v.dtype == np.complex128
    np.testing.assert_array_equal(w, np.linalg.eig(x)[0])
    assert jit(lambda x: np.linalg.eigvals(x))(x.astype("f")).dtype == np.complex64
    check_grads(lambda x: np.real(np.linalg.eig(x).eigenvectors), (x,), order=2)


@given(
    st.sampled_from(["qr", "complete", "svd", "full", "svdvals", "pinv", "eigh", "eigvalsh"]),
    st.lists(st.integers(0, 3), min_size=2, max_size=3),
    st.sampled_from("fdFD"),
    st.integers(0, 9),
)
def test_any_shape(name, shape, dtype, seed):
    rng = np.random.default_rng(seed)
    if name.startswith("eig"):
        shape[-1] = shape[-2]
    x = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype("D")
    x = (x if dtype in "FD" else x.real).astype(dtype)
    options = {
        "complete": ("qr", ("complete",)),
        "full": ("svd", (True,)),
        "svd": ("svd", (False,)),
    }
    function, given_ = options.get(name, (name, ()))

    def f(x):
        return _call(function, x, given_)

    expected = f(x)
    for found in (jit(f, backend="run")(x), jit(f)(x)):
        for y, z in zip(found, expected, strict=True):
            assert aval_of(y) == aval_of(z)
            np.testing.assert_array_equal(y, z)
    t = rng.normal(size=shape).astype(dtype)
    outs, moved = jvp(f, (x,), (t,))
    cts = tuple([rng.normal(size=y.shape).astype(y.dtype) for y in outs])
    _, pullback, *_ = vjp(f, x)
    (g,) = pullback(cts)
    assert aval_of(g) == aval_of(x)
    assert all(aval_of(y) == aval_of(z) for y, z in zip(moved, outs, strict=True))
    if x.dtype.char in "dD":
        left = sum(np.sum(c * y).real for c, y in zip(cts, moved))
        size = sum(np.sum(abs(c * y)) for c, y in zip(cts, moved)) + np.sum(abs(g * t))
        np.testing.assert_allclose(np.sum(g * t).real, left, atol=1e-11 * (1 + size))


def _call(function, x, options):
    out = getattr(np.linalg, function)(x, *options)
    return tuple(out) if isinstance(out, tuple) else (out,)


# Closed forms


def test_closed_forms():
    x = symmetric(S) + 3 * np.eye(3)
    below = 2 * np.tril(np.linalg.inv(x), -1) + np.diag(np.diag(np.linalg.inv(x)))
    g = grad(lambda x: np.sum(np.log(np.linalg.eigvalsh(x))))(x)
    np.testing.assert_allclose(g, below, rtol=1e-12)
    u, _, vh = np.linalg.svd(M, full_matrices=False)
    nuclear = grad(lambda x: np.linalg.norm(x, "nuc"))(M)
    np.testing.assert_allclose(nuclear, u @ vh, rtol=1e-12)
    spectral = grad(lambda x: np.linalg.norm(x, 2))(M)
    np.testing.assert_allclose(spectral, np.outer(u[:, 0], vh[0]), rtol=1e-12)
    # |det| is the product of R's diagonal, so d log|det| is the inverse transposed.
    g = grad(lambda x: np.sum(np.log(np.abs(np.diag(np.linalg.qr(x).R)))))(S)
    np.testing.assert_allclose(g, np.linalg.inv(S).T, rtol=1e-11)
    # The sum of squares of all singular values is that of all elements: Hessian 2.
    h = hessian(lambda x: np.sum(np.linalg.svdvals(x) ** 2))(M).reshape(12, 12)
    np.testing.assert_allclose(h, 2 * np.eye(12), atol=1e-11)
    # tr(A^3) by eigenvalues of a matrix that is not symmetric: gradient 3 (A^2)^T.
    g = grad(lambda x: np.real(np.sum(np.linalg.eigvals(x) ** 3)))(SPIRAL)
    np.testing.assert_allclose(g, 3 * (SPIRAL @ SPIRAL).T, rtol=1e-11, atol=1e-11)


def test_a_rank_that_is_short():
    # pinv(u v^T) is v u^T / (|u|^2 |v|^2), and its rank stays 1 as u and v move.
    def f(u, v):
        return np.linalg.pinv(np.outer(u, v), 1e-10)

    def closed(u, v):
        return np.outer(v, u) / ((u @ u) * (v @ v))

    args, directions = (V, M[0, :3]), (M[0], M[1, :3])
    np.testing.assert_allclose(
        jvp(f, args, directions)[1], jvp(closed, args, directions)[1], rtol=1e-12, atol=1e-14
    )
    check_grads(f, args, order=2)
    check_grads(lambda u, v, b: np.linalg.lstsq(np.outer(u, v), b, 1e-10)[0], (*args, B), order=2)


def test_least_squares_are_a_projection():
    x, y = X[0].T, V

    def residual(b):
        return np.linalg.lstsq(x, b)[1][0]

    rest = y - x @ np.linalg.lstsq(x, y)[0]
    np.testing.assert_allclose(grad(residual)(y), 2 * rest, rtol=1e-11)


# Values that coincide


def rotated(*values):
    """A symmetric matrix with these eigenvalues, equal ones equal up to rounding."""
    q = np.linalg.qr(np.cos(np.arange(len(values) ** 2) ** 2.0).reshape(len(values), -1)).Q
    return symmetric((q * values) @ q.T) / 2


@pytest.mark.parametrize("x", [np.eye(3), rotated(2.0, 2.0, -1.0), rotated(1.0, 1.0, 1.0)])
def test_functions_of_eigenvalues_that_coincide(x):
    def f(x):
        return np.sum(np.exp(np.linalg.eigh(symmetric(x) / 2).eigenvalues))

    def values(x):
        return np.sum(np.exp(np.linalg.eigvalsh(symmetric(x) / 2)))

    w, v = np.linalg.eigh(x)
    for g in (grad(f)(x), grad(values)(x), jit(grad(f))(x)):
        np.testing.assert_allclose(g, (v * np.exp(w)) @ v.T, rtol=1e-13, atol=1e-13)


def test_projectors_on_whole_eigenspaces():
    def f(x):
        v = np.linalg.eigh(symmetric(x) / 2).eigenvectors[:, 1:3]
        return v @ v.T

    check_grads(f, (rotated(-1.0, 2.0, 2.0, 5.0),), order=1)

    def g(x):
        u = np.linalg.svd(x).U[:, :2]
        return u @ u.T

    check_grads(g, (rotated(2.0, 2.0, 1.0, 0.5)[:, ::-1] * 1.0,), order=1)


def test_what_is_lost_between_equal_eigenvalues():
    # As docs/decompositions.md says: V diag(w) V^T is the matrix, of which the diagonal remains.
    def f(x):
        w, v = np.linalg.eigh(x)
        return (v * w) @ v.T

    t = np.array([[1.0, 2.0], [2.0, 5.0]])
    np.testing.assert_allclose(jvp(f, (np.diag([1.0, 3.0]),), (t,))[1], t, rtol=1e-14)
    np.testing.assert_allclose(jvp(f, (np.eye(2),), (t,))[1], np.diag([1.0, 5.0]), rtol=1e-14)


@pytest.mark.parametrize("x", [np.eye(3), S @ S.T, np.eye(3)[:, :2], 2j * np.eye(3)[:2]])
def test_the_polar_factor_where_singular_values_coincide(x):
    def f(x):
        u, _, vh = np.linalg.svd(x, full_matrices=False)
        return u @ vh

    check_grads(f, (x,), order=1)


def test_singular_values_at_zero_are_corners():
    for order in (2, "nuc", -2):
        g = grad(lambda x: np.linalg.norm(x, order))(np.zeros((2, 3)))  # noqa: B023
        np.testing.assert_array_equal(g, np.zeros((2, 3)))
    x = np.outer([1.0, 2.0], [2.0, 1.0])
    np.testing.assert_allclose(grad(lambda x: np.linalg.norm(x, "nuc"))(x), x / 5, rtol=1e-12)
    with np.errstate(divide="ignore"):
        assert grad(lambda x: np.linalg.norm(x, -2))(np.diag([1.0, 0.0]))[1, 1] == 0


def test_ties_of_the_spectral_norm_share():
    g = grad(lambda x: np.linalg.norm(x, 2))(np.eye(2))
    np.testing.assert_allclose(g, np.eye(2) / 2, rtol=1e-15)


def test_coincidence_raises_where_division_by_zero_is_to():
    def f(x):
        return np.linalg.eigh(x).eigenvectors[0, 0]

    def g(x):
        return np.linalg.svd(x).U[0, 0]

    for function in (f, g):
        assert np.isfinite(grad(function)(np.eye(3))).all()
        for derivative in (grad(function), jit(grad(function))):
            with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="coincide"):
                derivative(np.eye(3))
        with np.errstate(divide="raise"):
            grad(function)(symmetric(S))
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="value is 0"):
        grad(lambda x: np.linalg.svd(x, False).U[0, 0])(np.diag([2.0, 1.0, 0.0])[:, 1:] * 1.0)


def test_nan_stays_nan():
    x = np.array([[1.0, np.nan], [np.nan, 2.0]])
    with np.errstate(invalid="ignore"):
        found = grad(lambda x: np.sum(np.linalg.eigvalsh(x)))(x)
    assert np.isnan(found[0, 0])


# Transforms


def test_second_derivatives_of_invariants():
    def entropy(x):
        p = np.linalg.eigvalsh(x @ x.T)
        return np.sum(p * np.log(p))

    h = hessian(entropy)(M).reshape(12, 12)
    np.testing.assert_allclose(h, h.T, atol=1e-10)
    for i in range(3):
        t = np.eye(12)[4 * i].reshape(3, 4)
        expected = numerical_jvp(grad(entropy), (M,), (t,))
        np.testing.assert_allclose(h[4 * i].reshape(3, 4), expected, rtol=1e-6, atol=1e-6)


def test_a_batch_is_a_stack():
    program = make_jaxpr(vmap(vmap(grad(lambda x: np.sum(np.linalg.eigvalsh(x) ** 2)))))(
        np.stack([R, R + 1])
    )
    assert [e.primitive.name for e in program.equations].count("eigh") <= 1
    assert [e.primitive.name for e in program.equations].count("eigvalsh") == 1
    batch = np.stack([symmetric(S), symmetric(S.T @ S)])
    found = vmap(grad(lambda x: np.sum(projectors(np.linalg.eigh(x)[1])[0] * M[:, :3])))(batch)
    for x, g in zip(batch, found, strict=True):
        one = grad(lambda x: np.sum(projectors(np.linalg.eigh(x)[1])[0] * M[:, :3]))(x)
        np.testing.assert_allclose(g, one, rtol=1e-12, atol=1e-13)


def test_errors_of_lapack_come_from_the_users_line():
    def f(x):
        try:
            return np.sum(np.linalg.cholesky(x))
        except LINALG:
            return np.sum(np.linalg.eigvalsh(x))

    value, g = value_and_grad(f)(np.diag([-1.0, 2.0]))
    assert value == 1.0
    np.testing.assert_array_equal(g, np.eye(2))
    with pytest.raises(LINALG, match="Singular"):
        grad(lambda x: np.linalg.qr(x).Q[0, 0])(np.zeros((2, 2)))


def test_the_namespace_has_them():
    assert fnp.linalg.svd(M)[1].shape == (3,)
    assert fnp.linalg.eigh(np.eye(2)) is not None
    found = grad(lambda x: fnp.linalg.cond([[x, 0.0], [0.0, 1.0]]))(3.0)
    np.testing.assert_allclose(found, 1.0, rtol=1e-14)


def test_residuals_of_a_short_rank():
    short, full, b = np.ones((4, 2)), np.eye(4, 2) + 1.0, np.arange(8.0).reshape(4, 2)

    def residuals(a):
        return np.linalg.lstsq(a, b)[1]

    for transform in (
        lambda f: lambda a: vjp(f, a)[0],
        jit,
        lambda f: lambda a: vmap(f)(a[None])[0],
    ):
        np.testing.assert_allclose(transform(residuals)(full), residuals(full), rtol=1e-12)
    assert vjp(residuals, short)[0].shape == residuals(short).shape == (0,)
    # Without a value the rank cannot decide the shape.
    np.testing.assert_array_equal(jit(residuals)(short), [np.nan, np.nan])
    np.testing.assert_array_equal(vmap(residuals)(np.stack([short]))[0], [np.nan, np.nan])


@pytest.mark.parametrize("shape", [(2000, 3), (3, 2000)])
@pytest.mark.parametrize("function", [np.linalg.pinv, lambda a: np.linalg.lstsq(a, a[:, 0])[0]])
def test_no_square_of_the_long_side_is_built(function, shape):
    a = np.random.default_rng(0).normal(size=shape)
    derivatives = [
        lambda: jvp(function, (a,), (a,))[1],
        lambda: grad(lambda a: np.sum(function(a) ** 2))(a),
        lambda: jvp(grad(lambda a: np.sum(function(a) ** 2)), (a,), (a,))[1],
    ]
    for derivative in derivatives:
        derivative()
        tracemalloc.start()
        derivative()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 100 * a.nbytes < a.nbytes * max(shape) // 3
