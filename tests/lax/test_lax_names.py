"""Functions of `funcgrad.lax`: JAX's values, the same under jit, and derivatives that are right."""

import numpy as np
import pytest

from funcgrad import errors, grad, jit, lax, vmap
from funcgrad import numpy as fnp
from funcgrad.testing import check_grads

R = np.random.default_rng(0)
X = R.normal(size=(3, 4))
Y = R.normal(size=(3, 4))
I = np.array([7, -7, 5, -3])  # noqa: E741
V = np.array([0.5, -1.5, 2.5, 0.3])
HALVES = np.array([0.5, 1.5, -2.5, -0.4, 0.49999999999999994])
P = X @ X.T + 3.0 * np.eye(3)
T = np.tril(R.normal(size=(3, 3))) + 3.0 * np.eye(3)
B = R.normal(size=(3, 2))

# Name, how it is called with a namespace, and the arrays that it may be differentiated by.
CALLS = [
    ("div", lambda lax, x, y: lax.div(x, y), (X, Y + 3.0)),
    ("div of integers", lambda lax, x: lax.div(x, 2 * (x // x)), (I,)),
    ("rem", lambda lax, x: lax.rem(x, 2 * (x // x)), (I,)),
    ("reciprocal", lambda lax, x: lax.reciprocal(x), (X,)),
    ("rsqrt", lambda lax, x: lax.rsqrt(x), (np.abs(X) + 0.1,)),
    ("integer_pow", lambda lax, x: lax.integer_pow(x, -3), (X,)),
    ("is_finite", lambda lax, x: lax.is_finite(x), (np.array([1.0, np.inf, np.nan]),)),
    ("clamp", lambda lax, x: lax.clamp(-0.5, x, 0.5), (X,)),
    ("complex", lambda lax, x, y: lax.complex(x, y), (X, Y)),
    ("convert", lambda lax, x: lax.convert_element_type(x, np.float32), (X,)),
    ("round", lambda lax, x: lax.round(x), (HALVES,)),
    ("round to even", lambda lax, x: lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN), (V,)),
    ("select_n", lambda lax, x, y: lax.select_n(x > 0, x, y), (X, Y)),
    ("shift_right_logical", lambda lax, x: lax.shift_right_logical(x, 1 + 0 * x), (I,)),
    ("reduce_precision", lambda lax, x: lax.reduce_precision(x, 5, 10), (X * 1e3,)),
    ("reduce_precision to inf", lambda lax, x: lax.reduce_precision(x, 5, 3), (X * 1e5,)),
    ("reduce_precision to 0", lambda lax, x: lax.reduce_precision(x, 4, 30), (X * 1e-3,)),
    ("pow", lambda lax, x, y: lax.pow(x, y), (np.abs(X) + 0.1, Y)),
    ("max", lambda lax, x, y: lax.max(x, y), (X, Y)),
    ("atan2", lambda lax, x, y: lax.atan2(x, y), (X, Y)),
    ("logistic", lambda lax, x: lax.logistic(x), (X,)),
    ("erf_inv", lambda lax, x: lax.erf_inv(x), (np.tanh(X),)),
    ("argmax", lambda lax, x: lax.argmax(x, 1, np.int32), (X,)),
    ("cumsum", lambda lax, x: lax.cumsum(x, 1, True), (X,)),
    ("cumprod", lambda lax, x: lax.cumprod(x, 0), (X,)),
    ("cummax", lambda lax, x: lax.cummax(x, 1), (X,)),
    ("cummin", lambda lax, x: lax.cummin(x, 1, reverse=True), (X,)),
    ("cumlogsumexp", lambda lax, x: lax.cumlogsumexp(x, 1), (X,)),
    ("reduce_sum", lambda lax, x: lax.reduce_sum(x, (0,)), (X,)),
    ("reduce_max", lambda lax, x: lax.reduce_max(x, (0, 1)), (X,)),
    ("reduce_prod", lambda lax, x: lax.reduce_prod(x, (1,)), (X,)),
    ("reduce_or", lambda lax, x: lax.reduce_or(x > 0, (1,)), (X,)),
    ("reduce_xor", lambda lax, x: lax.reduce_xor(x, (0,)), (I,)),
    ("reduce", lambda lax, x: lax.reduce(x, 1.0, lambda a, b: a * b, (0,)), (X,)),
    ("sort", lambda lax, x: lax.sort(x, dimension=0), (X,)),
    ("sort two", lambda lax, x, y: lax.sort((x > 0, x, y), num_keys=2), (X, Y)),
    ("sort_key_val", lambda lax, x, y: lax.sort_key_val(x, y), (X, Y)),
    ("top_k", lambda lax, x: lax.top_k(x, 2)[0], (X,)),
    ("broadcast", lambda lax, x: lax.broadcast(x, (2,)), (X,)),
    ("broadcast_in_dim", lambda lax, x: lax.broadcast_in_dim(x, (3, 2, 4), (0, 2)), (X,)),
    ("broadcasted_iota", lambda lax, x: lax.broadcasted_iota(np.int64, (2, 3), 0), (X,)),
    ("collapse", lambda lax, x: lax.collapse(x, 0, 2), (X,)),
    ("concatenate", lambda lax, x, y: lax.concatenate([x, y], 1), (X, Y)),
    ("expand_dims", lambda lax, x: lax.expand_dims(x, (0, 2)), (X,)),
    ("full_like", lambda lax, x: lax.full_like(x, 2), (X,)),
    ("slice", lambda lax, x: lax.slice(x, (0, 1), (3, 4), (2, 1)), (X,)),
    ("slice_in_dim", lambda lax, x: lax.slice_in_dim(x, 1, 4, 2, axis=1), (X,)),
    ("index_in_dim", lambda lax, x: lax.index_in_dim(x, 1, 1), (X,)),
    ("pad", lambda lax, x: lax.pad(x, 0.0, [(1, -1, 2), (-2, 3, 1)]), (X,)),
    ("rev", lambda lax, x: lax.rev(x, (1,)), (X,)),
    ("split", lambda lax, x: lax.split(x, (1, 3), 1), (X,)),
    ("squeeze", lambda lax, x: lax.squeeze(x[None], (0,)), (X,)),
    ("transpose", lambda lax, x: lax.transpose(x, (1, 0)), (X,)),
    ("dot", lambda lax, x: lax.dot(x, x.T), (X,)),
    ("dot wider", lambda lax, x: lax.dot(x, x.T, preferred_element_type=np.float64),
     (X.astype(np.float32),)),
    ("dot_general", lambda lax, x, y: lax.dot_general(x, y, (((2,), (1,)), ((0,), (2,)))),
     (R.normal(size=(2, 3, 4)), R.normal(size=(5, 4, 2)))),
    ("batch_matmul", lambda lax, x: lax.batch_matmul(x[None], x.T[None]), (X,)),
    ("triangular_solve", lambda lax, a, b: lax.linalg.triangular_solve(
        a, b, left_side=True, lower=True), (T, B)),
    ("triangular_solve right", lambda lax, a, b: lax.linalg.triangular_solve(
        a, b.T, lower=True, transpose_a=True, unit_diagonal=True), (T, B)),
    ("tridiagonal_solve", lambda lax, d, b: lax.linalg.tridiagonal_solve(
        0 * d + 1, d, 0 * d - 2.0, b), (np.array([4.0, 5.0, 6.0]), B)),
    ("cholesky", lambda lax, x: lax.linalg.cholesky(x), (P,)),
    ("eigh", lambda lax, x: lax.linalg.eigh(x)[1], (P,)),
    ("qr", lambda lax, x: abs(lax.linalg.qr(x, full_matrices=False)[1]), (P,)),
    ("svd", lambda lax, x: lax.linalg.svd(x, compute_uv=False), (P,)),
    ("lu", lambda lax, x: lax.linalg.lu(x), (P[::-1],)),
]  # fmt: skip


def numbers(tree):
    return tree if isinstance(tree, (tuple, list)) else (tree,)


@pytest.mark.peers
@pytest.mark.parametrize(("call", "args"), [pytest.param(*c[1:], id=c[0]) for c in CALLS])
def test_the_value_is_that_of_jax(call, args):
    import jax

    with jax.enable_x64(True):
        theirs = call(jax.lax, *map(jax.numpy.asarray, args))
    ours = call(lax, *args)
    for a, b in zip(numbers(ours), numbers(theirs), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-6 if a.dtype == "f4" else 1e-12)


@pytest.mark.parametrize(("call", "args"), [pytest.param(*c[1:], id=c[0]) for c in CALLS])
def test_jit_gives_the_plain_value(call, args):
    plain, compiled = call(lax, *args), jit(lambda *xs: call(lax, *xs))(*args)
    for a, b in zip(numbers(plain), numbers(compiled), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6 if a.dtype == "f4" else 1e-13)


STEPS = ("round", "reduce_precision", "to inf", "to 0", "convert", "is_finite", "argmax", "iota")
SMOOTH = [
    c
    for c in CALLS
    if all(x.dtype == float for x in c[2])
    and not any(word in c[0] for word in (*STEPS, "full_like", "sort two", "reduce_or"))
]


@pytest.mark.parametrize(("call", "args"), [pytest.param(*c[1:], id=c[0]) for c in SMOOTH])
def test_the_derivative_is_the_numerical_one(call, args):
    check_grads(lambda *xs: sum(np.sum(np.real(y) ** 2) for y in numbers(call(lax, *xs))), args)


GATHERS = [
    (lax.GatherDimensionNumbers((1,), (0,), (0,)), (1, 4), np.array([[2], [0], [5]])),
    (lax.GatherDimensionNumbers((0, 1), (), (0, 1)), (2, 2), np.array([1, 1])),
    (lax.GatherDimensionNumbers((0,), (1,), (1,)), (3, 1), np.array([[0], [3]])),
    (
        lax.GatherDimensionNumbers((1,), (), (1,), (0,), (0,)),
        (1, 2),
        np.array([[0], [1], [3]]),
    ),
]


@pytest.mark.peers
@pytest.mark.parametrize("mode", ["clip", "fill"])
@pytest.mark.parametrize("which", range(len(GATHERS)))
def test_gather_and_scatter_are_those_of_jax(which, mode):
    import jax

    numbers, sizes, indices = GATHERS[which]
    offsets, gone, starts, batching, of_indices, _ = numbers
    with jax.enable_x64(True):
        theirs = jax.lax.GatherDimensionNumbers(offsets, gone, starts, batching, of_indices)
        expected = jax.lax.gather(X, indices, theirs, sizes, mode=mode, fill_value=-1.0)
    found = lax.gather(X, indices, numbers, sizes, mode=mode, fill_value=-1.0)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        jit(lambda x, i: lax.gather(x, i, numbers, sizes, mode=mode, fill_value=-1.0))(X, indices),
        expected,
    )
    updates = np.arange(1.0, found.size + 1.0).reshape(found.shape) / 7
    places = lax.ScatterDimensionNumbers(offsets, gone, starts, batching, of_indices)
    for name in ("scatter_add", "scatter_sub", "scatter_mul", "scatter_min", "scatter_max"):
        with jax.enable_x64(True):
            there = jax.lax.ScatterDimensionNumbers(offsets, gone, starts, batching, of_indices)
            expected = getattr(jax.lax, name)(X, indices, updates, there, mode=mode)
        here = getattr(lax, name)
        np.testing.assert_allclose(here(X, indices, updates, places, mode=mode), expected)
    found = jit(lambda x, i, u: lax.scatter_add(x, i, u, places, mode=mode))(X, indices, updates)
    with jax.enable_x64(True):
        expected = jax.lax.scatter_add(X, indices, updates, there, mode=mode)
    np.testing.assert_allclose(found, expected)


def test_numbers_by_other_means():
    x, y = np.array([7, -7, 6, -6, 0]), np.array([2, 2, -4, -4, 3])
    assert lax.div(x, y).tolist() == [int(a / b) for a, b in zip(x, y, strict=True)]
    assert lax.rem(x, y).tolist() == [int(np.fmod(a, b)) for a, b in zip(x, y, strict=True)]
    a, b = R.normal(size=(2, 5, 3, 4)), R.normal(size=(4, 6, 2, 3))
    found = lax.dot_general(a, b, (((3, 2), (0, 3)), ((0,), (2,))))
    np.testing.assert_allclose(found, np.einsum("bijk,klbj->bil", a, b))
    for lower in (True, False):
        triangle = T if lower else T.T
        for transpose_a in (True, False):
            for unit in (True, False):
                matrix = triangle - unit * np.diag(np.diag(T) - 1)
                matrix = matrix.T if transpose_a else matrix
                options = {"lower": lower, "transpose_a": transpose_a, "unit_diagonal": unit}
                left = lax.linalg.triangular_solve(triangle, B, left_side=True, **options)
                np.testing.assert_allclose(matrix @ left, B)
                right = lax.linalg.triangular_solve(triangle, B.T, **options)
                np.testing.assert_allclose(right @ matrix, B.T)
                vector = lax.linalg.triangular_solve(triangle, B[:, 0], **options)
                np.testing.assert_allclose(vector @ matrix, B[:, 0])
    z = T + 1j * np.tril(R.normal(size=(3, 3)))
    found = lax.linalg.triangular_solve(
        z, B, left_side=True, lower=True, transpose_a=True, conjugate_a=True
    )
    np.testing.assert_allclose(z.conj().T @ found, B)
    d = np.array([4.0, 5.0, 6.0])
    found = lax.linalg.tridiagonal_solve(np.array([9.0, 1.0, 2.0]), d, np.array([3.0, 1.5, 9.0]), B)
    dense = np.diag(d) + np.diag([1.0, 2.0], -1) + np.diag([3.0, 1.5], 1)
    np.testing.assert_allclose(dense @ found, B)
    padded = lax.pad(np.array([1.0, 2.0, 3.0]), -1.0, [(1, -2, 1)])
    assert padded.tolist() == [-1.0, 1.0, -1.0, 2.0]
    assert lax.round(np.array([0.5, -0.5, 2.5])).tolist() == [1.0, -1.0, 3.0]


def test_gather_is_indexing():
    numbers, sizes, _ = GATHERS[0]
    indices = np.array([[2], [0], [2]])
    np.testing.assert_array_equal(lax.gather(X, indices, numbers, sizes), X[[2, 0, 2]])
    check_grads(lambda x: np.sum(lax.gather(x, indices, numbers, sizes) ** 2), (X,))
    with pytest.raises(errors.OutOfBoundsError):
        lax.gather(X, np.array([[3]]), numbers, sizes)
    with pytest.raises(errors.OutOfBoundsError):  # a window is not counted from the end
        jit(lambda i: lax.gather(X, i, numbers, sizes))(np.array([[-1]]))
    with pytest.raises(errors.ShapeError, match="do not fit"):
        lax.gather(X, indices, numbers, (2, 4))
    with pytest.raises(errors.ArgumentError, match="mode="):
        lax.gather(X, indices, numbers, sizes, mode="wrap")


def test_scatter_drops_whole_windows_and_nothing_else():
    numbers = lax.ScatterDimensionNumbers((0,), (), (0,))
    x, windows = np.zeros(4), np.array([[1.0, 3.0], [2.0, 4.0]])
    # The second window lies half outside; where it would begin, the first has written.
    for places in ([[2], [3]], [[3], [2]], [[2], [-1]]):
        found = lax.scatter(x, np.array(places), windows, numbers, mode="drop")
        kept = windows[:, places.index([2])]
        np.testing.assert_array_equal(found, [0.0, 0.0, *kept])
    found = lax.scatter(x, np.array([[0], [9]]), windows, numbers, mode="drop", unique_indices=True)
    np.testing.assert_array_equal(found, [1.0, 2.0, 0.0, 0.0])


IDS = np.array([2, 0, 2, 4])
SEGMENTS = {"segment_sum": 0.0, "segment_prod": 1.0, "segment_max": -np.inf, "segment_min": np.inf}
OPS = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


@pytest.mark.parametrize("name", SEGMENTS)
def test_segments_are_those_of_a_loop(name):
    data = R.normal(size=(4, 3))
    expected = np.full((5, 3), SEGMENTS[name])
    for i, row in zip(IDS, data, strict=True):
        expected[i] = OPS[name[8:]](expected[i], row)
    f = getattr(lax, name)
    np.testing.assert_allclose(f(data, IDS), expected)
    np.testing.assert_allclose(jit(lambda x, i: f(x, i, 5))(data, IDS), expected)
    np.testing.assert_allclose(f(data, IDS, 3, mode="drop"), expected[:3])
    both = vmap(lambda i: f(data, i, 5))(np.stack([IDS, IDS]))
    np.testing.assert_allclose(both, [expected, expected])
    kept = np.isfinite(expected[:, 0])
    check_grads(lambda x: np.sum(f(x, IDS)[kept] ** 2), (data,))
    for wrong in (np.array([0, 1, 2, 5]), np.array([0, 1, 2, -1])):
        with pytest.raises(errors.OutOfBoundsError):
            f(data, wrong, 5)
        with pytest.raises(errors.OutOfBoundsError):
            jit(lambda i: f(data, i, 5))(wrong)
    with pytest.raises(errors.ConcretizationError, match="num_segments"):
        jit(lambda i: f(data, i))(IDS)
    with pytest.raises(errors.DtypeError, match="integers"):
        f(data, IDS / 1.0)
    with pytest.raises(errors.ShapeError, match="segment_ids"):
        f(data, np.arange(5))


def test_segments_of_nothing():
    assert lax.segment_sum(np.ones((0, 2)), np.zeros(0, int), 3).tolist() == [[0.0, 0.0]] * 3
    assert lax.segment_max(np.ones(0), np.zeros(0, int), 1).tolist() == [-np.inf]
    assert lax.segment_sum(np.ones(2), np.array([0, 1]), 0, mode="drop").shape == (0,)


def test_reduce_takes_pytrees():
    def later(a, b):  # the larger, and where it stands
        first = a[0] >= b[0]
        return np.where(first, a[0], b[0]), np.where(first, a[1], b[1])

    places = np.broadcast_to(np.arange(4.0), (3, 4))
    value, place = lax.reduce((X, places), (-np.inf, 0.0), later, (1,))
    np.testing.assert_array_equal(value, X.max(1))
    np.testing.assert_array_equal(place, X.argmax(1))
    assert lax.reduce(np.ones((0, 2)), 5.0, lambda a, b: a + b, (0,)).tolist() == [5.0, 5.0]
    with pytest.raises(errors.ShapeError):
        lax.reduce(X, np.ones(2), lambda a, b: a + b, (0,))


def test_top_k_gives_the_gradient_to_what_it_takes():
    x = np.array([1.0, 4.0, 4.0, 2.0])
    values, places = lax.top_k(x, 2)
    assert (values.tolist(), places.tolist()) == ([4.0, 4.0], [1, 2])
    assert lax.top_k(x, np.int64(1))[1].tolist() == [1]
    assert grad(lambda x: lax.top_k(x, 3)[0] @ np.array([1.0, 2.0, 3.0]))(x).tolist() == [
        0,
        1,
        2,
        3,
    ]
    with pytest.raises(errors.ShapeError, match="k=5"):
        lax.top_k(x, 5)


def test_reduce_precision_rounds_as_numpy_converts():
    x = np.concatenate([R.normal(size=1000) * 10.0 ** R.integers(-4, 5, 1000), [0.0, -0.0, np.inf]])
    expected = x.astype(np.float16).astype(np.float64)
    least = float(np.finfo(np.float16).tiny)
    expected = np.where(np.abs(expected) < least, np.copysign(0.0, x), expected)
    with np.errstate(all="ignore"):
        found = lax.reduce_precision(x, 5, 10)
    near = np.abs(np.abs(x) - least) > least / 1000
    np.testing.assert_array_equal(found[near], expected[near])
    assert grad(lambda x: lax.reduce_precision(x, 5, 10))(1.2345) == 1.0
    with pytest.raises(errors.ArgumentError, match="mantissa_bits"):
        lax.reduce_precision(x, 5, 1.5)


def test_factorings():
    t, q = lax.linalg.schur(P @ np.diag([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(q @ t @ q.T, P @ np.diag([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(
        jit(lax.linalg.schur)(np.stack([P, P]))[0][1], lax.linalg.schur(P)[0]
    )
    with pytest.raises(errors.MissingRuleError):
        grad(lambda x: lax.linalg.schur(x)[0][0, 0])(P)
    w, left, right = lax.linalg.eig(T + B @ B.T)
    np.testing.assert_allclose((T + B @ B.T) @ right, right * w)
    np.testing.assert_allclose(left.conj().T @ (T + B @ B.T), w[:, None] * left.conj().T)
    factors, _, p = lax.linalg.lu(T[::-1])
    lower, upper = np.tril(factors, -1) + np.eye(3), np.triu(factors)
    np.testing.assert_allclose(T[::-1][p], lower @ upper)


def test_aliases_are_the_functions_they_stand_for():
    assert lax.add is fnp.add
    assert lax.neg is fnp.negative
    assert lax.div(np.float32(3.0), 2.0).dtype == np.float32
    assert lax.rem(2, np.int8(3)).dtype == np.int8
    assert jit(lambda x: lax.mul(lax.sin(x), lax.exp(x)))(X).shape == X.shape


def test_wrong_arguments_say_what_to_write():
    for call, error, match in [
        (lambda: lax.clamp(X, 1.0, X), errors.ShapeError, "clips|broadcasts"),
        (lambda: lax.select_n(X, X, X), errors.DtypeError, "select_n"),
        (lambda: lax.select_n(X > 0, X, X, X), errors.ArgumentError, "two for booleans"),
        (lambda: lax.integer_pow(X, 2.0), errors.DtypeError, "lax.pow"),
        (lambda: lax.cumsum(1.0), errors.ShapeError, "scalar"),
        (lambda: lax.reduce_sum(X, 0), errors.ArgumentError, "sequence of axes"),
        (lambda: lax.reduce_and(X, (0,)), errors.DtypeError, "booleans or integers"),
        (lambda: lax.sort((X, X[0])), errors.ShapeError, "one shape"),
        (lambda: lax.slice(X, (0, 0), (4, 4)), IndexError, "length 3"),
        (lambda: lax.pad(X, 0.0, [(1, 1)]), errors.ShapeError, "interior"),
        (lambda: lax.dot(X, X), errors.ShapeError, "inner lengths"),
        (lambda: lax.dot_general(X, X, 1), errors.ArgumentError, "contracting"),
        (lambda: lax.dot_general(X, X, (((0,), (1,)), ((), ()))), errors.ShapeError, "one length"),
        (lambda: lax.broadcast_in_dim(X, (3, 4), (1, 0)), errors.ShapeError, "growing order"),
        (lambda: lax.linalg.triangular_solve(T, X[:2]), errors.ShapeError, "matching sizes"),
        (lambda: lax.linalg.cholesky(X), errors.ShapeError, "square"),
        (lambda: lax.linalg.cholesky(-P), np.linalg.LinAlgError, "positive definite"),
        (lambda: lax.nosuch, AttributeError, "nosuch"),
        (lambda: lax.gather(X, I, None, (1, 4)), errors.ArgumentError, "GatherDimensionNumbers"),
        (lambda: lax.scatter(X, I, X, (1, 2)), errors.ArgumentError, "ScatterDimensionNumbers"),
        (
            lambda: lax.scatter(X, I, X, lax.ScatterDimensionNumbers((1,), (0,), (0,))),
            errors.ShapeError,
            "ScatterDimensionNumbers",
        ),
        (lambda: lax.reduce(X, 0.0, lambda a, b: (a, b), (0,)), errors.StructureError, "scalar"),
        (lambda: lax.reduce(X, 0.0, lambda a, b: X, (0,)), errors.ShapeError, "scalars"),
        (lambda: lax.segment_sum(X, I[:3] * 0, -1), errors.ArgumentError, "num_segments"),
    ]:
        with pytest.raises(error, match=match):
            call()
