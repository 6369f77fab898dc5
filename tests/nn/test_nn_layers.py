"""Normalisation, dropout, embedding, attention: formulas in NumPy, laws, dtypes, bad input."""

import re

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from samples.laws import check_vmap

from funcgrad import errors, grad, hessian, jit, nn, random, value_and_grad, vjp, vmap
from funcgrad.testing import check_grads, check_transforms


def wave(*shape):
    return np.sin(np.arange(float(np.prod(shape))) * 0.7 + 0.2).reshape(shape)


def says(caught):
    what, fix, place = str(caught.value).split("\n")
    assert re.fullmatch(
        r"At test_nn_layers\.py:\d+ in .*\. See help\(funcgrad\.errors\.\w+\)", place
    )
    return f"{what}\n{fix}"


# normalisation


def normal_form(x, axes, epsilon):
    x = x.astype(np.longdouble)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize("axis", [-1, 0, (0, 2), (1, -1), None])
def test_layer_norm(axis):
    x = wave(3, 4, 5)
    axes = tuple(range(3)) if axis is None else axis
    want = normal_form(x, axes, 1e-3)
    assert_allclose(nn.standardize(x, axis, 1e-3), want, rtol=1e-13, atol=1e-14)
    assert_allclose(nn.layer_norm(x, axis=axis, epsilon=1e-3), want, rtol=1e-13, atol=1e-14)
    kept = np.atleast_1d(axes) % 3
    scale, bias = wave(*x.shape)[tuple(slice(None) if i in kept else 0 for i in range(3))], 0.5
    bias = scale[::-1] + bias
    spread = tuple(slice(None) if i in kept else None for i in range(3))
    found = nn.layer_norm(x, scale, bias, axis=axis, epsilon=1e-3)
    assert_allclose(found, want * scale[spread] + bias[spread], rtol=1e-12, atol=1e-13)

    def f(x, scale, bias):
        return nn.layer_norm(x, scale, bias, axis=axis)

    check_grads(f, (x, scale, bias), order=2)
    check_transforms(f, (x, scale, bias))


def test_rms_norm():
    x, scale = wave(3, 4), wave(4)
    want = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * scale
    assert_allclose(nn.rms_norm(x, scale), want, rtol=1e-13)
    check_grads(nn.rms_norm, (x, scale), order=2)
    check_transforms(nn.rms_norm, (x, scale))
    assert_array_equal(grad(lambda x: nn.rms_norm(x).sum())(np.zeros(3)), [1e3] * 3)


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("shape", [(2, 6), (2, 3, 6), (2, 2, 3, 6)])
def test_group_norm(groups, shape):
    x, scale, bias = wave(*shape), wave(6), wave(6) + 1
    parts = x.reshape(2, -1, groups, 6 // groups)
    want = normal_form(parts, (1, 3), 1e-3).reshape(shape) * scale + bias
    found = nn.group_norm(x, groups, scale, bias, epsilon=1e-3)
    assert_allclose(found, want, rtol=1e-12, atol=1e-13)

    def f(x, scale, bias):
        return nn.group_norm(x, groups, scale, bias, epsilon=1e-2)

    check_grads(f, (x, scale, bias), order=2)
    check_transforms(f, (x, scale, bias))
    check_vmap(f, (x, scale, bias))


def test_batch_norm():
    x, scale, bias = wave(4, 3, 2) + 1, wave(2), wave(2) - 1
    before = nn.BatchNormState(np.array([0.5, -0.5]), np.array([2.0, 3.0]))
    y, after = nn.batch_norm(x, before, scale, bias, training=True, momentum=0.75, epsilon=1e-3)
    want = normal_form(x, (0, 1), 1e-3) * scale + bias
    assert_allclose(y, want, rtol=1e-12, atol=1e-13)
    assert_allclose(after.mean, 0.75 * before.mean + 0.25 * x.mean((0, 1)), rtol=1e-14)
    assert_allclose(after.var, 0.75 * before.var + 0.25 * x.var((0, 1)), rtol=1e-14)
    assert_array_equal(before.mean, [0.5, -0.5])  # nothing is changed in place
    y, same = nn.batch_norm(x, after, scale, bias, training=False, epsilon=1e-3)
    want = (x - after.mean) / np.sqrt(after.var + 1e-3) * scale + bias
    assert_allclose(y, want, rtol=1e-13)
    assert_array_equal(same.mean, after.mean)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
@pytest.mark.parametrize("training", [True, False])
def test_laws_of_batch_norm(axis, training):
    x = wave(4, 3, 2)
    features = {-1: (2,), 1: (3,), (1, 2): (3, 2)}[axis]
    state = nn.BatchNormState(wave(*features), 1 + wave(*features) ** 2)

    def f(x, scale, bias):
        return nn.batch_norm(x, state, scale, bias, training=training, axis=axis)[0]

    args = x, wave(*features) + 2, wave(*features)
    check_grads(f, args, order=2)
    check_transforms(f, args)
    check_vmap(f, args)
    check_transforms(lambda x, s: nn.batch_norm(x, s, training=training, axis=axis), (x, state))


def test_no_gradient_flows_through_the_state():
    x, state = wave(4, 2), nn.batch_norm_state(2)

    def remembered(x):
        new = nn.batch_norm(x, state, training=True)[1]
        return np.sum(new.mean) + np.sum(new.var)

    assert_array_equal(grad(remembered)(x), np.zeros_like(x))

    def used(state):
        return np.sum(nn.batch_norm(x, state, training=False)[0] ** 2)

    assert_array_equal(grad(used)(state).mean, np.zeros(2))


def test_training_loop_carries_the_state():
    x = 5 + 2 * wave(64, 3)

    @jit
    def step(state, x):
        return nn.batch_norm(x, state, training=True)[1]

    state = nn.batch_norm_state(3)
    for _ in range(200):
        state = step(state, x)
    assert_allclose(state.mean, x.mean(0), rtol=1e-8)
    assert_allclose(state.var, x.var(0), rtol=1e-8)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_dtypes_of_norms(dtype):
    x = (5 * wave(6, 4)).astype(dtype)
    want = np.float64 if dtype is np.int32 else dtype
    state = nn.batch_norm_state(4, np.float32)
    for f in (
        nn.layer_norm,
        nn.rms_norm,
        nn.standardize,
        lambda x: nn.layer_norm(x, np.ones(4), np.zeros(4)),
        lambda x: nn.group_norm(x, 2),
        lambda x: nn.batch_norm(x, state, training=True)[0],
        lambda x: nn.batch_norm(x, state, np.ones(4), np.ones(4), training=False)[0],
    ):
        assert f(x).dtype == jit(f)(x).dtype == want
        if want is dtype:
            assert grad(lambda x, f=f: f(x).sum())(x).dtype == dtype
    new = nn.batch_norm(x, state, training=True)[1]
    assert new.mean.dtype == new.var.dtype == np.float32


def test_means_of_float16_do_not_overflow():
    x = np.full((1000, 2), 300, np.float16)
    x[::2] += 10
    y = nn.layer_norm(x, axis=0)
    assert_allclose(y[:2], [[1, 1], [-1, -1]], rtol=2e-3)


@pytest.mark.parametrize("offset", [0.0, 1e2, 1e4])
def test_variance_far_from_zero(offset):
    # The data are those that float32 holds; what is left is the error of the computation, of which
    # the most is that of adding up 10,000 squares one after the other: at most n * eps = 1e-3.
    x = (offset + wave(10_000, 3)).astype(np.float32)
    want = normal_form(x, (0,), 1e-5)
    error = np.abs(nn.layer_norm(x, axis=0) - want).max()
    assert error < 2e-4
    y, state = nn.batch_norm(x, nn.batch_norm_state(3), training=True, momentum=0.0)
    assert np.abs(y - want).max() < 2e-4
    assert_allclose(state.var, x.astype(float).var(0), rtol=2e-4)
    assert_allclose(state.mean, x.astype(float).mean(0), rtol=1e-6, atol=1e-6)


def test_constant_input_gives_zero():
    x = np.full((3, 4), 0.1)
    assert_array_equal(nn.layer_norm(x), np.zeros((3, 4)))
    assert np.all(np.isfinite(grad(lambda x: nn.layer_norm(x)[0, 0])(x)))


@pytest.mark.parametrize(
    "call, error, text",
    [
        (
            lambda: nn.layer_norm(np.zeros((2, 3)), np.zeros(2)),
            errors.ShapeError,
            "layer_norm: got scale of shape (2,) for x of shape (2, 3).\n"
            "Give one of shape (3,), or None.",
        ),
        (
            lambda: nn.layer_norm(np.zeros((2, 0))),
            errors.ShapeError,
            "layer_norm: the mean over axis -1 of shape (2, 0) has no elements.\n"
            "Skip empty batches.",
        ),
        (
            lambda: nn.layer_norm(np.zeros((2, 3)), axis=2),
            errors.ShapeError,
            "layer_norm: axis 2 does not exist in shape (2, 3).\nPass an axis from -2 to 1.",
        ),
        (
            lambda: nn.standardize(np.zeros(3), epsilon=-1.0),
            errors.ArgumentError,
            "standardize: epsilon is not negative, got -1.0.\nLeave it out.",
        ),
        (
            lambda: nn.group_norm(np.zeros((2, 5)), 2),
            errors.ShapeError,
            "group_norm: got 2 groups for x of shape (2, 5).\n"
            "x is (batch, *spatial, channels), and the groups divide the channels.",
        ),
        (
            lambda: nn.batch_norm(np.zeros((4, 3)), nn.batch_norm_state(2), training=True),
            errors.ShapeError,
            "batch_norm: got a state of shapes (2,) and (2,) for x of shape (4, 3) with features "
            "of shape (3,).\nStart with batch_norm_state((3,)), and name the features' axis.",
        ),
        (
            lambda: nn.batch_norm(np.zeros((4, 2)), nn.batch_norm_state(2), training=1),
            errors.ArgumentError,
            "batch_norm: training is True or False, got int.\n"
            "Under jit name it in static_argnames, or call jit for either case.",
        ),
        (
            lambda: nn.batch_norm(
                np.zeros((4, 2)), nn.batch_norm_state(2), training=True, momentum=2
            ),
            errors.ArgumentError,
            "batch_norm: momentum is from 0 to 1, got 2.\nLeave it out.",
        ),
        (
            lambda: nn.batch_norm(np.zeros((0, 2)), nn.batch_norm_state(2), training=True),
            errors.ShapeError,
            "batch_norm: the mean over a batch of shape (0, 2) has no elements.\n"
            "Skip empty batches.",
        ),
        (
            lambda: nn.rms_norm(np.zeros((2, 3)) * 1j),
            errors.DtypeError,
            "rms_norm: expected real numbers, got complex128.\nTake x.real, x.imag or abs(x).",
        ),
    ],
)
def test_errors_of_norms(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert says(caught) == text


def test_empty_batches_of_layers():
    assert nn.layer_norm(np.zeros((0, 3))).shape == (0, 3)
    assert nn.group_norm(np.zeros((0, 4)), 2).shape == (0, 4)
    y, _ = nn.batch_norm(np.zeros((0, 2)), nn.batch_norm_state(2), training=False)
    assert y.shape == (0, 2)


# dropout


def test_dropout():
    key, x = random.key(3), 1 + wave(200, 300) ** 2
    y = nn.dropout(key, x, 0.3)
    kept = y != 0
    # Binomial: five standard deviations of the fraction that is kept.
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.21 / x.size)
    assert_allclose(y[kept], x[kept] / 0.7, rtol=1e-15)
    assert_array_equal(nn.dropout(key, x, 0.3), y)
    assert_array_equal(jit(nn.dropout)(key, x, 0.3), y)
    assert np.any(nn.dropout(random.key(4), x, 0.3) != y)
    assert_array_equal(grad(lambda x: nn.dropout(key, x, 0.3).sum())(x), kept / 0.7)
    assert nn.dropout(key, x, deterministic=True) is x


def test_dropout_ends_and_dtypes():
    key = random.key(0)
    for dtype in (np.float16, np.float32, np.float64):
        x = np.full(5, 2, dtype)
        assert_array_equal(nn.dropout(key, x, 0.0), x)
        gone, slope = value_and_grad(lambda x: nn.dropout(key, x, 1.0).sum())(x)
        assert gone == 0 and slope.dtype == dtype and not slope.any()
        assert nn.dropout(key, x, 0.25).dtype == dtype
        traced = jit(nn.dropout)(key, x, 1.0)
        assert traced.dtype == dtype and not traced.any()
    assert nn.dropout(key, np.ones(3, int)).dtype == np.float64


def test_dropout_of_whole_channels_and_lanes():
    x = np.ones((4, 5, 6, 7))
    y = nn.dropout(random.key(1), x, 0.5, broadcast_dims=(1, 2))
    assert np.all(y == y[:, :1, :1])
    assert 0 < np.count_nonzero(y[:, 0, 0]) < 28
    keys = random.split(random.key(2), 3)
    lanes = vmap(lambda k: nn.dropout(k, x[0, 0, 0]))(keys)
    assert_array_equal(lanes, [nn.dropout(k, x[0, 0, 0]) for k in keys])
    check_grads(lambda x: nn.dropout(keys[0], x), (wave(4, 3),), order=2)
    check_transforms(lambda x: nn.dropout(keys[0], x), (wave(4, 3),))


def test_errors_of_dropout():
    with pytest.raises(errors.ArgumentError) as caught:
        nn.dropout(random.key(0), np.ones(3), 1.5)
    assert says(caught) == (
        "dropout: rate is a probability from 0 to 1, got 1.5.\n"
        "It is that of being dropped: nothing is at rate 0."
    )
    with pytest.raises(errors.ArgumentError, match="got nan"):
        nn.dropout(random.key(0), np.ones(3), np.nan)
    with pytest.raises(errors.ShapeError, match="dropout: axis 1 does not exist"):
        nn.dropout(random.key(0), np.ones(3), broadcast_dims=(1,))
    with pytest.raises(errors.DtypeError, match="a key is an array of two uint64"):
        nn.dropout(0, np.ones(3))


# embedding


def test_embedding():
    table, places = wave(5, 3), np.array([[0, 4], [4, -1]])
    assert_array_equal(nn.embedding(table, places), table[places])
    value, pullback = vjp(lambda t: nn.embedding(t, places), table)
    ct = np.cos(value)
    want = np.zeros_like(table)
    np.add.at(want, places, ct)
    assert_allclose(pullback(ct)[0], want, rtol=1e-15)
    check_grads(lambda t: nn.embedding(t, places) ** 2, (table,), order=2)
    check_transforms(lambda t: nn.embedding(t, places), (table,))
    check_transforms(lambda i: nn.embedding(table, i), (places,))
    assert nn.embedding(table.astype(np.float32), 2).dtype == np.float32
    assert nn.embedding(table, np.zeros((0, 2), int)).shape == (0, 2, 3)


@pytest.mark.parametrize("wrong", [5, -6])
def test_rows_that_are_not_there_raise(wrong):
    table, places = wave(5, 3), np.array([0, wrong])
    with pytest.raises(IndexError):
        nn.embedding(table, places)
    for f in (jit(nn.embedding), vmap(nn.embedding, in_axes=(None, 0)), jit(grad(embedded))):
        with pytest.raises(IndexError):
            f(table, places)
    with pytest.raises(errors.DtypeError, match="embedding: indices are integers, got float64"):
        nn.embedding(table, [0.0])
    with pytest.raises(errors.ShapeError, match="got a scalar for the table"):
        nn.embedding(1.0, 0)


def embedded(table, places):
    return np.sum(nn.embedding(table, places))


# attention


def attention(q, k, v, bias=0.0, seen=True, scale=None):
    """The definition, one example, head and query after the other."""
    out = np.zeros((*q.shape[:3], v.shape[-1]))
    (b, t, n, h), s, shared = q.shape, k.shape[1], n_of(k)
    bias, seen = np.broadcast_to(bias, (b, n, t, s)), np.broadcast_to(seen, (b, n, t, s))
    for i, j, head in np.ndindex(b, t, n):
        other = head // (n // shared)
        scores = k[i, :, other] @ q[i, j, head] * (h**-0.5 if scale is None else scale)
        scores = scores + bias[i, head, j]
        rows = np.flatnonzero(seen[i, head, j])
        if rows.size:
            out[i, j, head] = scipy.special.softmax(scores[rows]) @ v[i, rows, other]
    return out


def n_of(x):
    return x.shape[-2]


Q, K, V = wave(2, 4, 6, 3), wave(2, 5, 2, 3) + 0.1, wave(2, 5, 2, 4) - 0.2
T, S = np.arange(4)[:, None], np.arange(5)
MASK = wave(2, 6, 4, 5) > -0.3
MASK[0, 1, 2] = False

ATTENTION = [
    ({}, {}),
    ({"bias": wave(6, 1, 5)}, {"bias": wave(6, 1, 5)}),
    ({"mask": MASK}, {"seen": MASK}),
    ({"is_causal": True, "scale": 0.3}, {"seen": T >= S, "scale": 0.3}),
    ({"local_window_size": (1, 0)}, {"seen": (S >= T - 1) & (S <= T)}),
    ({"local_window_size": 2}, {"seen": abs(S - T) <= 2}),
    (
        {"key_value_seq_lengths": np.array([3, 0]), "mask": MASK},
        {"seen": MASK & (np.array([3, 0])[:, None, None, None] > S)},
    ),
    (
        {"query_seq_lengths": np.array([4, 1]), "is_causal": True},
        {"seen": (T >= S) & (np.array([4, 1])[:, None, None, None] > T)},
    ),
]


@pytest.mark.parametrize("given, meant", ATTENTION)
def test_attention(given, meant):
    def f(q, k, v):
        return nn.dot_product_attention(q, k, v, **given)

    want = attention(Q, K, V, **meant)
    assert_allclose(f(Q, K, V), want, rtol=1e-12, atol=1e-14)
    check_grads(f, (Q, K, V), order=2)
    check_transforms(f, (Q, K, V))
    check_vmap(f, (Q, K, V))
    alone = {name: x for name, x in given.items() if name in ("is_causal", "scale")}
    if alone == given:
        single = nn.dot_product_attention(Q[0], K[0], V[0], **alone)
        assert_allclose(single, want[0], rtol=1e-12, atol=1e-14)


def test_attention_is_invariant_and_stable():
    q, k = 1e3 * Q, 1e3 * K
    found, slope = value_and_grad(lambda q: nn.dot_product_attention(q, k, V).sum())(q)
    assert_allclose(found, attention(q, k, V).sum(), rtol=1e-12)
    assert np.all(np.isfinite(slope))
    shifted = nn.dot_product_attention(Q, K, V, np.full((1, 1, 4, 1), 800.0))
    assert_allclose(shifted, attention(Q, K, V), rtol=1e-11)
    check_grads(lambda b: nn.dot_product_attention(Q, K, V, b), (wave(6, 4, 5),), order=2)


def test_queries_that_see_nothing_give_zero():
    nothing = np.zeros((1, 1, 4, 5), bool)
    for given in ({"mask": nothing}, {"bias": np.full((4, 5), -np.inf)}):

        def f(q, k, v, given=given):
            return nn.dot_product_attention(q, k, v, **given)

        assert_array_equal(f(Q, K, V), np.zeros((2, 4, 6, 4)))
        for slope in grad(lambda *a: f(*a).sum(), argnums=(0, 1, 2))(Q, K, V):
            assert not slope.any()
        curvature = hessian(lambda q: f(q, K, V).sum())(Q)
        assert not curvature.any()
    masked = np.where(MASK, 0.0, -np.inf)
    by_bias = grad(lambda q: nn.dot_product_attention(q, K, V, masked).sum())(Q)
    by_mask = grad(lambda q: nn.dot_product_attention(q, K, V, mask=MASK).sum())(Q)
    assert_allclose(by_bias, by_mask, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_dtypes_of_attention(dtype):
    q, k, v = [x.astype(dtype) for x in (Q, K, V)]
    found = nn.dot_product_attention(q, k, v, wave(4, 5), MASK)
    assert found.dtype == dtype
    want = attention(*[x.astype(float) for x in (q, k, v)], wave(4, 5), MASK)
    assert_allclose(found, want, rtol=3 * np.finfo(dtype).eps, atol=3 * np.finfo(dtype).eps)
    large = nn.dot_product_attention(100 * q, 100 * k, v)  # the scores exceed float16
    assert np.all(np.isfinite(large))
    assert nn.dot_product_attention(q, k, V).dtype == np.float64


def test_attention_to_nothing():
    empty = np.zeros((2, 0, 2, 3)), np.zeros((2, 0, 2, 4))
    assert_array_equal(nn.dot_product_attention(Q, *empty), np.zeros((2, 4, 6, 4)))
    assert nn.dot_product_attention(Q[:0], K[:0], V[:0]).shape == (0, 4, 6, 4)


SHAPES = "got query (2, 4, 6, 3), key {} and value {}."


@pytest.mark.parametrize(
    "args, kwargs, error, text",
    [
        (
            (Q, K[..., :2], V),
            {},
            errors.ShapeError,
            "dot_product_attention: query and key differ in features (axis -1): "
            + SHAPES.format("(2, 5, 2, 2)", "(2, 5, 2, 4)")
            + "\nBoth have the same number.",
        ),
        (
            (Q, K, V[:, :4]),
            {},
            errors.ShapeError,
            "dot_product_attention: key and value differ in positions (axis -3): "
            + SHAPES.format("(2, 5, 2, 3)", "(2, 4, 2, 4)")
            + "\nBoth have the same number.",
        ),
        (
            (Q, wave(2, 5, 4, 3), wave(2, 5, 4, 3)),
            {},
            errors.ShapeError,
            "dot_product_attention: 6 heads of queries do not share 4 heads of keys evenly: "
            + SHAPES.format("(2, 5, 4, 3)", "(2, 5, 4, 3)")
            + "\nThe heads of the keys (axis -2) divide those of the queries.",
        ),
        (
            (Q, K[0], V[0]),
            {},
            errors.ShapeError,
            "dot_product_attention: " + SHAPES.format("(5, 2, 3)", "(5, 2, 4)") + "\n"
            "Give (batch, positions, heads, features), or all three without the batch.",
        ),
        (
            (Q, K, V),
            {"mask": np.ones((4, 5))},
            errors.DtypeError,
            "dot_product_attention: a mask is boolean, True where a query may look, got float64.\n"
            "Write mask.astype(bool), or pass scores to add as bias.",
        ),
        (
            (Q, K, V),
            {"bias": np.ones((5, 4))},
            errors.ShapeError,
            "dot_product_attention: a bias of shape (5, 4) does not broadcast to (2, 6, 4, 5).\n"
            "That is (batch, heads of queries, queries, keys).",
        ),
        (
            (Q, K, V),
            {"query_seq_lengths": np.array([1, 2, 3])},
            errors.ShapeError,
            "dot_product_attention: query_seq_lengths have shape (2,), a number for each example, "
            "got (3,).\nGive a vector.",
        ),
        (
            (Q, K, V),
            {"local_window_size": (-1, 2)},
            errors.ArgumentError,
            "dot_product_attention: got local_window_size=(-1, 2).\n"
            "Give numbers of keys, 0 or more.",
        ),
    ],
)
def test_errors_of_attention(args, kwargs, error, text):
    with pytest.raises(error) as caught:
        nn.dot_product_attention(*args, **kwargs)
    assert says(caught) == text


@pytest.mark.parametrize(
    "f",
    [
        lambda x: nn.conv(x, x[:2]),
        lambda x: nn.max_pool(x, (1,)),
        lambda x: nn.avg_pool(x, (1,)),
        nn.layer_norm,
        nn.softmax,
        lambda x: nn.embedding(x, 0),
        lambda x: nn.dot_product_attention(x, x, x),
    ],
)
def test_bytes_in_another_order(f):
    x = wave(3, 1, 1)
    found = f(x.astype(x.dtype.newbyteorder()))
    assert found.dtype == np.float64 and found.dtype.isnative
    assert_array_equal(found, f(x))


def test_layers_are_found_by_name():
    assert set(nn.__all__) <= set(dir(nn))
    assert all(getattr(nn, name) is not None for name in nn.__all__)
    with pytest.raises(AttributeError, match=r"funcgrad\.nn.*'dense'"):
        _ = nn.dense


def test_conv_says_which_layout_it_takes():
    first = np.ones((2, 3, 8, 8))  # channels first, as PyTorch has it
    last, kernel, torchs = np.moveaxis(first, 1, -1), np.ones((3, 5, 3, 4)), np.ones((4, 3, 5, 5))
    move, turn = "write numpy.moveaxis(x, 1, -1)", "write numpy.transpose(kernel, (2, 3, 1, 0))"
    for x, w, advised in [
        (first, kernel, [move]),
        (first, torchs, [move, turn]),
        (last, torchs, [turn]),
        (last, np.ones((2, 2, 2, 4)), []),
    ]:
        with pytest.raises(errors.ShapeError, match=r"^conv: got x of shape") as caught:
            nn.conv(x, w)
        assert [text for text in (move, turn) if text in str(caught.value)] == advised
    # What is advised works.
    right = nn.conv(np.moveaxis(first, 1, -1), np.transpose(torchs, (2, 3, 1, 0)))
    assert right.shape == (2, 8, 8, 4)
    for wrong in (
        {"strides": (1,)},
        {"padding": ((1, 1),)},
        {"dilation": (1, 1, 1)},
        {"groups": 2},
    ):
        with pytest.raises(errors.ShapeError, match=f"^conv: .*{next(iter(wrong))}"):
            nn.conv(last, kernel, **wrong)
