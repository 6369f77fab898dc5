"""Products of arrays and numpy.linalg: NumPy's answer under every transform, right derivatives."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.laws import check_sample, check_vmap
from samples.linalg import SAMPLES, C, M, N, P, R, S, U, V, W, X, Y

from funcgrad import grad, hessian, jacfwd, jit, jvp, make_jaxpr, value_and_grad, vjp, vmap
from funcgrad.core.ir import make_aval
from funcgrad.errors import NotTraceableError, ShapeError
from funcgrad.ops.linalg import dot_general
from funcgrad.testing import check_grads, check_transforms

names = [f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]
F = M.astype(np.float32)


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_samples(sample):
    check_sample(sample)


# The primitive


@st.composite
def contractions(draw):
    """A spec with axes of every kind in any order, and operands."""
    letters = draw(st.lists(st.sampled_from("abcdefg"), min_size=0, max_size=5, unique=True))
    kinds = [draw(st.sampled_from(["batch", "left", "right", "sum"])) for _ in letters]
    sizes = {c: draw(st.integers(0, 3)) for c in letters}
    by = {k: [c for c, kind in zip(letters, kinds) if kind in k.split()] for k in (
        "batch left sum", "batch right sum", "batch left right")}  # fmt: skip
    x, y, out = ["".join(draw(st.permutations(part))) for part in by.values()]
    rng = np.random.default_rng(draw(st.integers(0, 5)))
    arrays = [rng.standard_normal([sizes[c] for c in term])[()] for term in (x, y)]
    return f"{x},{y}->{out}", *arrays


@given(contractions())
def test_any_contraction(case):
    spec, x, y = case
    primitive = dot_general(spec)
    expected = np.einsum(spec, x, y)
    value = primitive(x, y)
    np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-13, strict=False)
    assert np.ndim(value) or isinstance(value, np.generic)
    assert primitive.aval(make_aval(np.shape(x), x.dtype), make_aval(np.shape(y), y.dtype)) == (
        make_aval(np.shape(expected), x.dtype)
    )
    ct = np.cos(np.arange(np.size(expected), dtype=float)).reshape(np.shape(expected))[()]
    left, right = spec.split("->")[0].split(",")
    out = spec.split("->")[1]
    cx, cy = primitive.vjp(ct, value, (x, y), (True, True), False)
    np.testing.assert_allclose(cx, np.einsum(f"{out},{right}->{left}", ct, y), atol=1e-13)
    np.testing.assert_allclose(cy, np.einsum(f"{left},{out}->{right}", x, ct), atol=1e-13)
    masked = primitive.vjp(ct, value, (x, y), (True, True), True)
    np.testing.assert_allclose(masked[0], cx, atol=1e-13)
    np.testing.assert_allclose(masked[1], cy, atol=1e-13)
    assert primitive.vjp(ct, value, (x, y), (True, False), False)[1] is None
    check_vmap(primitive, (x, y))


@pytest.mark.parametrize(
    ("spec", "source"),
    [
        ("ij,jk->ik", "x @ y"),
        ("ik,jk->ij", "x @ y.T"),
        ("ji,jk->ik", "x.T @ y"),
        ("ij,jk->ki", "y.T @ x.T"),
        ("i,i->", "x @ y"),
        ("ij,j->i", "x @ y"),
        ("ji,j->i", "y @ x"),
        ("i,ij->j", "x @ y"),
        ("i,ji->j", "y @ x"),
        ("i,j->ij", "x[:, None] * y"),
        ("bij,bjk->bik", "x @ y"),
        ("bij,bkj->bik", "x @ y.mT"),
        ("bi,bi->b", "np.einsum('ij,ij->i', x, y)"),
        ("bi,bj->bij", "x[:, :, None] * y[:, None, :]"),
        ("bi,ij->bj", "x @ y"),
        ("bij,bj->bi", "(x @ y[..., None])[..., 0]"),
        ("bi,bij->bj", "(x[..., None, :] @ y)[..., 0, :]"),
        ("bij,jk->bik", "np.tensordot(x, y, ((2,), (0,)))"),
        ("bij,bik->jk", "np.tensordot(x, y, ((0, 1), (0, 1)))"),
    ],
)
def test_the_numpy_that_it_runs(spec, source):
    assert dot_general(spec).source("x", "y") == source


def test_one_object_for_one_meaning():
    assert dot_general("ab,bc->ac") is dot_general("ij,jk->ik")
    with pytest.raises(ValueError):
        dot_general("ij,jk->il")


def test_gradients_of_a_layer_are_matrix_products():
    def loss(w, b, x):
        return np.sum(np.tanh(x @ w + b))

    x, w, b = M, W, np.ones(5)
    program = make_jaxpr(lambda w, b, x: grad(loss, argnums=(0, 1))(w, b, x))(w, b, x)
    dots = [e.primitive.source("x", "y") for e in program.equations if "dot" in str(e.primitive)]
    assert dots == ["x @ y", "x.T @ y"]
    assert not [e for e in program.equations if e.primitive.name == "transpose"]


def test_only_wanted_gradients_are_computed():
    program = make_jaxpr(lambda x: grad(lambda w: np.sum((x @ w) ** 2))(W))(M)
    assert [str(e.primitive) for e in program.equations].count("dot_general[spec='ij,ik->jk']") == 1
    assert "'ij,kj->ik'" not in str(program)


def test_a_batch_is_folded_into_the_rows_of_an_unbatched_product():
    program = make_jaxpr(vmap(lambda x: x @ W))(M)
    assert [e.primitive.source("x", "w") for e in program.equations] == ["x @ w"]
    program = make_jaxpr(vmap(grad(lambda x: np.sum(np.sin(x @ W)))))(M)
    assert "broadcast_to" not in str(program.equations[-1])


def test_masks_pass_a_product_without_sum():
    def f(x):
        return np.sqrt(x @ x)

    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(grad(f)(np.zeros(3)), np.zeros(3))


# The functions

Q = np.broadcast_to(M, (2, 3, 4))
CALLS = {
    "matmul dtypes": (lambda x, y: np.matmul(x, y), (F, W)),
    "matmul ints and floats": (lambda x, y: np.matmul(x, y), (N, W)),
    "matmul bools": (lambda x, y: np.matmul(x, y), (N > 4, (N > 6).T)),
    "matmul float16": (lambda x, y: np.matmul(x, y), (M.astype(np.float16), W.astype(np.float16))),
    "operator": (lambda x, y: x @ y, (M, W)),
    "operator with an array": (lambda x: M @ x @ np.ones(5), (W,)),
    "operator with a list": (lambda x: x @ [1.0, 2.0, 3.0, 4.0], (M,)),
    "matmul broadcast": (lambda x, y: x @ y, (X[:, None], Y[None])),
    "matmul broadcast ones": (lambda x, y: x @ y, (X[:1, None], Y[:1])),
    "matmul stack of vectors": (lambda x, y: x @ y, (Y[:, None], W[:, :5].T)),
    "matmul empty": (lambda x, y: x @ y, (np.zeros((3, 0)), np.zeros((0, 2)))),
    "matmul no rows": (lambda x, y: x @ y, (np.zeros((2, 0, 4)), W)),
    "dot": (lambda x, y: np.dot(x, y), (M, W)),
    "dot vectors": (lambda x, y: np.dot(x, y), (V, V * 2)),
    "dot scalar": (lambda x, y: np.dot(x, y), (M, 2.5)),
    "dot scalars": (lambda x, y: np.dot(x, y), (1.5, 2.5)),
    "dot method": (lambda x, y: x.dot(y), (X, V)),
    "inner": (lambda x, y: np.inner(x, y), (M, V)),
    "inner scalar": (lambda x, y: np.inner(x, y), (M, 2.0)),
    "outer": (lambda x, y: np.outer(x, y), (M, U)),
    "outer scalars": (lambda x, y: np.outer(x, y), (2.0, U)),
    "vdot": (lambda x, y: np.vdot(x, y), (M, X[1])),
    "vdot complex": (lambda x, y: np.vdot(x, y), (C, M)),
    "vecdot": (lambda x, y: np.vecdot(x, y), (X, M)),
    "vecdot axis": (lambda x, y: np.vecdot(x, y, axis=0), (M, M + 1)),
    "tensordot": (lambda x, y: np.tensordot(x, y), (X, X[0, :, :, None] * np.ones(2))),
    "tensordot 0": (lambda x, y: np.tensordot(x, y, axes=0), (M, V)),
    "tensordot axes": (lambda x, y: np.tensordot(x, y, axes=([2, -2], [1, 0])), (X, X[1])),
    "tensordot int axes": (lambda x, y: np.tensordot(x, y, axes=(1, 0)), (M, W)),
    "kron": (lambda x, y: np.kron(x, y), (M, W)),
    "kron ranks": (lambda x, y: np.kron(x, y), (V, M)),
    "kron scalar": (lambda x, y: np.kron(x, y), (2.0, M)),
    "cross": (lambda x, y: np.cross(x, y), (U, U[::-1])),
    "cross broadcast": (lambda x, y: np.cross(x, y), (S, U)),
    "cross axes": (lambda x, y: np.cross(x, y, axisa=0, axisb=1, axisc=0), (M, X[1].T)),
    "einsum trace": (lambda x: np.einsum("ii", x), (S,)),
    "einsum diagonal": (lambda x: np.einsum("bii->ib", x), (R,)),
    "einsum transpose": (lambda x: np.einsum("ijk->kij", x), (X,)),
    "einsum implicit": (lambda x: np.einsum("ba", x), (M,)),
    "einsum sum": (lambda x: np.einsum("ijk->j", x), (X,)),
    "einsum nothing": (lambda x: np.einsum("ij->ij", x), (M,)),
    "einsum outer": (lambda x, y: np.einsum("i,j->ji", x, y), (U, V)),
    "einsum alone": (lambda x, y: np.einsum("ij,k->k", x, y), (M, U)),
    "einsum hadamard": (lambda x, y: np.einsum("ij,ij->ij", x, y), (M, M + 1)),
    "einsum scalar": (lambda x, y: np.einsum(",ij->j", x, y), (2.0, M)),
    "einsum ellipsis": (lambda x, y: np.einsum("...ij,...jk->...ik", x, y), (X[:, None], Y)),
    "einsum ellipsis last": (lambda x, y: np.einsum("i...,i...", x, y), (X, Y[:, :3, :1])),
    "einsum ellipsis ranks": (lambda x, y: np.einsum("...i,...i", x, y), (X, V)),
    "einsum broadcast": (lambda x, y: np.einsum("ij,ij->i", x, y), (M, M[:1])),
    "einsum sublists": (lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]), (M, W)),
    "einsum sublists implicit": (lambda x, y: np.einsum(x, [2, 0], y, [0, 1]), (M, W)),
    "einsum three": (lambda x, y, z: np.einsum("ij,jk,k->i", x, y, z), (M, W, W[0])),
    "einsum four": (lambda x, y: np.einsum("ij,jk,lk,il->ij", x, y, y, x @ W @ W.T), (M, W)),
    "einsum optimal": (
        lambda x, y, z: np.einsum("ij,jk,kl->il", x, y, z, optimize="optimal"), (M, W, W.T)),
    "einsum path": (
        lambda x, y, z: np.einsum(
            "ij,jk,kl->il", x, y, z, optimize=["einsum_path", (1, 2), (0, 1)]), (M, W, W.T)),
    "einsum dtype": (lambda x, y: np.einsum("ij,jk", x, y, dtype=np.float64), (F, W)),
    "einsum ints": (lambda x, y: np.einsum("ij,kj->ik", x, y), (N, N)),
    "einsum bools": (lambda x, y: np.einsum("ij,kj->ik", x, y), (N > 5, N > 5)),
    "einsum spaces": (lambda x, y: np.einsum("i j, j k -> i k", x, y), (M, W)),
    "norm": (lambda x: np.linalg.norm(x), (X,)),
    "norm of ints": (lambda x: np.linalg.norm(x), (N,)),
    "norm float32": (lambda x: np.linalg.norm(x, axis=1), (F,)),
    "norm keepdims": (lambda x: np.linalg.norm(x, keepdims=True), (M,)),
    "norm axis": (lambda x: np.linalg.norm(x, axis=-1, keepdims=True), (X,)),
    "norm complex": (lambda x: np.linalg.norm(x), (C,)),
    "norm complex axis": (lambda x: np.linalg.norm(x, axis=0), (C,)),
    "norm fro": (lambda x: np.linalg.norm(x, "fro", axis=(2, 0)), (X,)),
    "norm of zero axes": (lambda x: np.linalg.norm(x), (-2.5,)),
    "vector_norm": (lambda x: np.linalg.vector_norm(x), (M,)),
    "vector_norm axes": (lambda x: np.linalg.vector_norm(x, axis=(0, 2), ord=3), (X,)),
    "matrix_norm": (lambda x: np.linalg.matrix_norm(x, ord=1), (X,)),
    "multi_dot": (lambda x, y, z: np.linalg.multi_dot([x, y, z]), (M, W, W.T)),
    "multi_dot vectors": (lambda x, y, z: np.linalg.multi_dot([z, x, y]), (M, V, U)),
    "multi_dot four": (
        lambda x, y: np.linalg.multi_dot([x, y, y.T, x.T, np.ones((3, 7))]), (M, W)),
    "multi_dot two": (lambda x, y: np.linalg.multi_dot([x, y]), (M, V)),
    "matrix_power": (lambda x: np.linalg.matrix_power(x, 5), (R,)),
    "matrix_power 1": (lambda x: np.linalg.matrix_power(x, 1), (S,)),
    "matrix_power of ints": (lambda x: np.linalg.matrix_power(x, 3), (N[:, :3],)),
    "inv float32": (lambda x: np.linalg.inv(x), (S.astype(np.float32),)),
    "inv of ints": (lambda x: np.linalg.inv(x), (np.array([[2, 1], [1, 3]]),)),
    "solve dtypes": (lambda x, y: np.linalg.solve(x, y), (S.astype(np.float32), U)),
    "solve broadcast": (lambda x, y: np.linalg.solve(x, y), (R[:, None], X[None])),
    "solve of a stack for a vector": (lambda x, y: np.linalg.solve(x, y), (R, U)),
    "solve complex": (lambda x, y: np.linalg.solve(x, y), (S + 1j * R[1], M)),
    "det complex": (lambda x: np.linalg.det(x), (S + 1j * R[1],)),
    "slogdet names": (lambda x: np.linalg.slogdet(x).logabsdet, (R,)),
    "cholesky": (lambda x: np.linalg.cholesky(x), (P[0],)),
    "linalg trace": (lambda x: np.linalg.trace(x, offset=1), (X,)),
    "linalg diagonal": (lambda x: np.linalg.diagonal(x), (X,)),
    "linalg matmul": (lambda x, y: np.linalg.matmul(x, y), (M, W)),
    "linalg outer": (lambda x, y: np.linalg.outer(x, y), (U, V)),
    "linalg cross": (lambda x, y: np.linalg.cross(x, y, axis=0), (M, M + 1)),
    "linalg tensordot": (lambda x, y: np.linalg.tensordot(x, y, axes=1), (M, W)),
    "linalg vecdot": (lambda x, y: np.linalg.vecdot(x, y), (M, V)),
    "linalg matrix_transpose": (lambda x: np.linalg.matrix_transpose(x), (X,)),
}  # fmt: skip
for order in (None, 1, 2, 3, 2.5, -1, 0, np.inf, -np.inf):
    CALLS[f"norm of vectors, order {order}"] = (
        lambda x, order=order: np.linalg.norm(x, order, axis=1), (X,))  # fmt: skip
for order in (None, "fro", 1, -1, np.inf, -np.inf):
    CALLS[f"norm of matrices, order {order}"] = (
        lambda x, order=order: np.linalg.norm(x, order, (0, 2), keepdims=True), (X,))  # fmt: skip
if hasattr(np, "matvec"):
    CALLS["matvec"] = (lambda x, y: np.matvec(x, y), (X, V))
    CALLS["vecmat"] = (lambda x, y: np.vecmat(x, y), (C[0], Y))


def everything(out):
    return out if isinstance(out, tuple) else (out,)


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    f, args = CALLS[name]
    single = any(np.asarray(a).dtype in (np.float16, np.float32) for a in args)
    half = any(np.asarray(a).dtype == np.float16 for a in args)
    check_transforms(f, args, rtol=5e-3 if half else 1e-5 if single else 1e-12)
    if all(np.asarray(a).dtype.kind in "fc" for a in (*args, *everything(f(*args)))):
        check_grads(f, args, order=1)


def test_norms_at_zero_have_gradient_zero():
    with np.errstate(divide="ignore"):
        for norm in (
            np.linalg.norm,
            lambda x: np.linalg.norm(x, 2),
            lambda x: np.sum(np.linalg.norm(x[None], axis=1)),
            lambda x: np.linalg.norm(x[None], "fro"),
            lambda x: np.linalg.norm(x, 1),
            lambda x: np.linalg.norm(x, np.inf),
            lambda x: np.sqrt(np.sum(x * x)),
        ):
            np.testing.assert_array_equal(grad(norm)(np.zeros(3)), np.zeros(3))
    rows = np.array([[3.0, 4.0], [0.0, 0.0]])
    with np.errstate(divide="ignore"):
        g = grad(lambda x: np.sum(np.linalg.norm(x, axis=1)))(rows)
    np.testing.assert_allclose(g, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-15)


def test_second_derivatives():
    # x^T A x has the Hessian A + A^T, and |x| has (1 - x x^T / |x|^2) / |x|.
    x = np.array([1.0, 2.0, -2.0])
    np.testing.assert_allclose(hessian(lambda x: x @ S @ x)(x), S + S.T, rtol=1e-14)
    np.testing.assert_allclose(
        hessian(np.linalg.norm)(x), (np.eye(3) - np.outer(x, x) / 9) / 3, rtol=1e-14, atol=1e-16
    )


def test_closed_forms():
    inverse = np.linalg.inv(S)
    np.testing.assert_allclose(grad(np.linalg.det)(S), np.linalg.det(S) * inverse.T, rtol=1e-13)
    np.testing.assert_allclose(grad(lambda x: np.linalg.slogdet(x)[1])(S), inverse.T, rtol=1e-13)
    # log det(A) = 2 sum(log(diag(cholesky(A)))), read from the lower triangle of A alone.
    a = P[0]
    g = grad(lambda a: 2 * np.sum(np.log(np.diag(np.linalg.cholesky(a)))))(a)
    inverse = np.linalg.inv(a)
    np.testing.assert_allclose(g, 2 * np.tril(inverse, -1) + np.diag(np.diag(inverse)), rtol=1e-11)
    assert grad(lambda z: np.real(np.vdot(z, z)))(np.array([3 + 4j]))[0] == 6 - 8j


def test_the_gradient_of_a_batch_is_the_batch_of_gradients():
    def loss(w, x):
        return np.sum(np.tanh(x @ w) @ w.T)

    g = vmap(grad(loss), in_axes=(None, 0))(W, M)
    loop = np.stack([grad(loss)(W, row) for row in M])
    np.testing.assert_allclose(g, loop, rtol=1e-13)
    both = vmap(vmap(grad(loss), in_axes=(None, 0)), in_axes=(0, None))(np.stack([W, W + 1]), M)
    assert both.shape == (2, 3, 4, 5)
    np.testing.assert_allclose(both[0], loop, rtol=1e-13)
    check_grads(lambda w: loss(w, M), (W,), order=2)


def test_exceptions_come_from_the_users_line():
    def f(x):
        try:
            return np.sum(np.linalg.inv(x))
        except np.linalg.LinAlgError:
            return np.sum(x) * 2.0

    assert value_and_grad(f)(np.zeros((2, 2)))[0] == 0.0
    np.testing.assert_array_equal(grad(f)(np.zeros((2, 2))), np.full((2, 2), 2.0))
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        jvp(np.linalg.inv, (np.zeros((2, 2)),), (np.eye(2),))
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        jvp(np.linalg.cholesky, (-np.eye(2),), (np.eye(2),))


LINALG = np.linalg.LinAlgError
ERRORS = {
    "matmul": (lambda x: x @ x, ShapeError, "float64[3,4] and float64[3,4] do not fit: axis 1"),
    "matmul batch": (
        lambda x: np.ones((2, 3, 3)) @ (x * np.ones((5, 1, 1))), ShapeError, "(2,), (5,)"),
    "matmul vector": (lambda x: x @ np.ones(3), ShapeError, "axis 1 of the first and axis 0"),
    "matmul axes": (
        lambda x: np.matmul(x, x.T, axes=[(0, 1)] * 3), NotTraceableError, "numpy.matmul: axes="),
    "matmul scalar": (lambda x: np.matmul(x, 2.0), ShapeError, "a scalar is no matrix"),
    "dot": (lambda x: np.dot(x, x), ShapeError, "numpy.dot"),
    "dot out": (lambda x: np.dot(x, x.T, out=np.zeros((3, 3))), NotTraceableError, "out="),
    "inner": (lambda x: np.inner(x, np.ones(3)), ShapeError, "numpy.inner"),
    "vdot": (lambda x: np.vdot(x, np.ones(3)), ShapeError, "numpy.vdot"),
    "tensordot": (lambda x: np.tensordot(x, x, ([0], [1])), ShapeError, "numpy.tensordot"),
    "tensordot axes": (lambda x: np.tensordot(x, x, ([0, 1], [1])), ShapeError, "axes="),
    "cross": (lambda x: np.cross(x, x), ShapeError, "3 components"),
    "einsum terms": (lambda x: np.einsum("ij,jk", x), ShapeError, "2 terms for 1 operands"),
    "einsum rank": (lambda x: np.einsum("ijk", x), ShapeError, "'ijk' for an operand of 2 axes"),
    "einsum lengths": (lambda x: np.einsum("ij,ik->jk", x, x.T), ShapeError, "lengths 3 and 4"),
    "einsum result": (lambda x: np.einsum("ij->k", x), ShapeError, "an axis of the result"),
    "einsum twice": (lambda x: np.einsum("ij->ii", x), ShapeError, "an axis of the result"),
    "einsum letters": (lambda x: np.einsum("i1", x), ShapeError, "only letters"),
    "einsum diagonal": (lambda x: np.einsum("ii", x), ShapeError, "differ in length"),
    "einsum out": (lambda x: np.einsum("ij->j", x, out=np.zeros(4)), NotTraceableError, "out="),
    "norm axes": (lambda x: np.linalg.norm(x[None], 1), ShapeError, "over 3 axes"),
    "norm order": (lambda x: np.linalg.norm(x, 3), ValueError, "Invalid norm order"),
    "norm string": (lambda x: np.linalg.norm(x[0], "fro", axis=0), ValueError, "Invalid norm"),
    "inv": (lambda x: np.linalg.inv(x), LINALG, "must be square"),
    "det": (lambda x: np.linalg.det(x[0]), LINALG, "at least two-dimensional"),
    "solve": (lambda x: np.linalg.solve(x[:, :3], np.ones(4)), ShapeError, "as many rows"),
    "matrix_power": (lambda x: np.linalg.matrix_power(x, 2), LINALG, "must be square"),
    "qr": (lambda x: np.linalg.qr(x, "raw"), NotTraceableError, "numpy.linalg.qr: mode='raw'"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("transform", [make_jaxpr, lambda f: lambda x: vjp(f, x)], ids=["", "vjp"])
def test_errors(name, transform):
    f, kind, text = ERRORS[name]
    with pytest.raises(kind) as caught:
        transform(f)(M)
    assert text in str(caught.value)


def test_arguments_keep_their_types():
    x = np.asfortranarray(M)
    big = M.astype(">f8")
    frozen = M.copy()
    frozen.flags.writeable = False
    for a in (x, big, frozen, M[::-1, ::-1], Q[0]):
        value, pullback = vjp(lambda a: a @ W, a)
        np.testing.assert_allclose(value, np.asarray(a, float) @ W, rtol=1e-13)
        (g,) = everything(pullback(np.ones((3, 5))))
        np.testing.assert_allclose(g, np.ones((3, 5)) @ W.T, rtol=1e-13)
        assert g.dtype == np.float64 and g.dtype.isnative


@pytest.mark.parametrize("spec", ["ij,jk->ik", "bij,bjk->bik", "bij,jk->bik", "ij,bkj->bik"])
def test_products_whose_cotangents_repeat_rows(spec):
    left, right = spec.split("->")[0].split(",")
    rng = np.random.default_rng(0)
    size = {"b": 8, "i": 12, "j": 5, "k": 12}
    x, y = (
        rng.standard_normal([size[c] for c in left]),
        rng.standard_normal([size[c] for c in right]),
    )
    scale = rng.standard_normal(12)
    for weights in (1.0, scale, scale[:, None]):
        f = lambda x, y, w=weights: np.sum(np.einsum(spec, x, y) * w)  # noqa: E731
        out = np.broadcast_to(weights, [size[c] for c in spec.split("->")[1]])
        letters = spec.split("->")[1]
        gx, gy = grad(f, (0, 1))(x, y)
        np.testing.assert_allclose(gx, np.einsum(f"{letters},{right}->{left}", out, y), rtol=1e-12)
        np.testing.assert_allclose(gy, np.einsum(f"{left},{letters}->{right}", x, out), rtol=1e-12)
        assert gx.flags.writeable and gy.flags.writeable


def test_cross_products_of_the_plane():
    for x, y in [(U[:2], W[0, :2]), (U[:2], U[::-1]), (U, W[0, :2]), (M[:, :2], U[:2])]:
        if np.lib.NumpyVersion(np.__version__) >= "2.5.0":  # which has them no more
            with pytest.raises(ValueError, match="3-dimensional vectors"):
                grad(lambda x, y=y: np.sum(np.cross(x, y)))(x)
            continue
        with pytest.warns(DeprecationWarning, match="2-dimensional vectors"):
            check_transforms(lambda x, y: np.cross(x, y), (x, y))


def of_rank(n, rank, dtype, seed=0):
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(2, 2, n, rank))
    turned = 1j if np.dtype(dtype).kind == "c" else 0
    return ((left[0] + turned * left[1]) @ (right[0] + turned * right[1]).T).astype(dtype)


def minor(a, rows, columns):
    """The determinant, expanded by its first row, of what is left without rows and columns."""
    a = np.delete(np.delete(a, rows, 0), columns, 1)
    if not len(a):
        return 1.0
    return sum((-1) ** j * a[0, j] * minor(a, [0], [j]) for j in range(len(a)))


def cofactor_matrix(a):
    n = range(len(a))
    return np.array([[(-1) ** (i + j) * minor(a, [i], [j]) for j in n] for i in n])


def second_derivatives(a):
    found = np.zeros(a.shape * 2, a.dtype)
    for i, j, k, m in itertools.product(range(len(a)), repeat=4):
        if i != k and j != m:
            sign = (-1) ** (i + j + k + m + (k > i) + (m > j))
            found[i, j, k, m] = sign * minor(a, [i, k], [j, m])
    return found


RANKS = [(n, rank) for n in (1, 2, 3, 4) for rank in range(n + 1)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.complex64])
@pytest.mark.parametrize("n, rank", RANKS)
def test_the_determinant_is_a_polynomial(n, rank, dtype):
    # The gradient is the matrix of cofactors, expanded by minors here, whatever the rank.
    a = of_rank(n, rank, dtype)
    tolerance = 64 * np.finfo(dtype).eps * max(1, np.abs(a).max()) ** n

    def gradient(a):
        return vjp(np.linalg.det, a)[1](a.dtype.type(1))[0]

    expected = cofactor_matrix(a)
    moves = np.eye(n * n, dtype=dtype).reshape(n * n, n, n)
    forward = np.array([jvp(np.linalg.det, (a,), (t,))[1] for t in moves]).reshape(n, n)
    batch = vmap(gradient)(np.stack([a, a + np.eye(n, dtype=dtype)]))[0]
    for found in (gradient(a), jit(gradient)(a), forward, batch):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    second = np.stack([jvp(gradient, (a,), (t,))[1] for t in moves])
    np.testing.assert_allclose(
        second.reshape(n, n, n, n), second_derivatives(a), rtol=0, atol=tolerance
    )
    if np.dtype(dtype).kind == "f":
        for found in (hessian(np.linalg.det)(a), jit(hessian(np.linalg.det))(a)):
            np.testing.assert_allclose(found, second_derivatives(a), rtol=0, atol=tolerance)


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_higher_derivatives_of_the_determinant(rank):
    check_grads(np.linalg.det, (of_rank(3, rank, np.float64),), order=3)


def test_determinants_of_nearly_singular_matrices():
    # Singular values from 1 to 1e-20, in bases of their own: small to the largest cofactor.
    for values in ([1, 1e-9, 1e-20], [1, 1e-5, 1e-12], [1, 1, 1e-17]):
        u, _, v = np.linalg.svd(of_rank(3, 3, np.float64, 5))
        s = np.array(values)
        a = (u * s) @ v
        cofactors = np.linalg.det(u) * np.linalg.det(v) * (u * s[[1, 2, 0]] * s[[2, 0, 1]]) @ v
        found = grad(np.linalg.det)(a)
        np.testing.assert_allclose(found, cofactors, rtol=0, atol=1e-6 * np.abs(cofactors).max())


def test_slogdet_of_a_singular_matrix():
    # As that of log at 0 its slope is infinite, and 0 where the determinant does not move.
    a = np.array([[1.0, 2.0], [2.0, 4.0]])
    logarithm = lambda a: np.linalg.slogdet(a)[1]  # noqa: E731
    for f in (grad(logarithm), jit(grad(logarithm)), jacfwd(logarithm)):
        np.testing.assert_array_equal(f(a), np.inf * np.array([[1, -1], [-1, 1]]))
        np.testing.assert_array_equal(f(np.diag([0.0, 2.0])), [[np.inf, 0], [0, 0]])
    assert logarithm(a) == -np.inf
    chosen = grad(lambda a: np.where(a[0, 0] > 5, np.linalg.slogdet(a)[1], a[0, 1]))(a)
    np.testing.assert_array_equal(chosen, [[0, 1], [0, 0]])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_the_determinant_of_what_is_no_number():
    assert np.isnan(grad(np.linalg.det)(np.full((2, 2), np.nan))).all()
