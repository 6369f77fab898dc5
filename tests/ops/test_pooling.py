"""Pooling and reduce_window against loops written out, ties, laws, bad input."""

import itertools
import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from samples.laws import check_sample, check_vmap
from samples.windows import POOLS

import funcgrad.numpy as fnp
from funcgrad import errors, grad, jit, lax, nn, value_and_grad, vjp
from funcgrad.testing import check_grads, check_transforms


def wave(*shape):
    return np.sin(np.arange(float(np.prod(shape))) * 0.7 + 0.2).reshape(shape)


@pytest.mark.parametrize("index", range(len(POOLS)))
def test_samples(index):
    check_sample(POOLS[index])


def by_loops(x, init, reduce, window, strides, pads, spread, dilation):
    """The definition; ``reduce`` takes a list of numbers."""
    apart = [(n - 1) * d + 1 if n else 0 for n, d in zip(x.shape, spread)]
    u = np.full([max(n + low + high, 0) for n, (low, high) in zip(apart, pads)], init, x.dtype)
    for at in np.ndindex(*x.shape):
        place = tuple(k * d + low for k, d, (low, _) in zip(at, spread, pads))
        if all(0 <= p < n for p, n in zip(place, u.shape)):
            u[place] = x[at]
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation)]
    places = [max(0, (n - r) // s + 1) for n, r, s in zip(u.shape, reach, strides)]
    y = np.empty(places, x.dtype)
    for p in np.ndindex(*places):
        y[p] = reduce(
            [
                u[tuple(a * s + e * d for a, s, e, d in zip(p, strides, k, dilation))]
                for k in np.ndindex(*window)
            ]
        )
    return y


@st.composite
def windowed(draw):
    rank = draw(st.integers(1, 3))
    few = st.integers(1, 3)

    def each(numbers):
        return tuple(draw(numbers) for _ in range(rank))

    shape, window, strides = each(st.integers(0, 5)), each(few), each(few)
    spread, dilation = each(st.integers(1, 2)), each(st.integers(1, 2))
    pads = []
    for n, d in zip(shape, spread):
        low = draw(st.integers(-1, 3))
        pads.append((low, draw(st.integers(max(-1, -low - ((n - 1) * d + 1 if n else 0)), 3))))
    return wave(*shape), window, strides, tuple(pads), spread, dilation


@settings(max_examples=120, deadline=None)
@given(windowed())
def test_loops(case):
    x, *rest = case
    for ufunc, reduce, init in (
        (np.add, np.sum, 0.0),
        (np.maximum, np.max, -np.inf),
        (np.minimum, np.min, np.inf),
        (np.multiply, np.prod, 1.0),
    ):
        want = by_loops(x, init, reduce, *rest)
        found = lax.reduce_window(x, init, ufunc, *rest)
        assert found.shape == want.shape and found.dtype == want.dtype
        assert_allclose(found, want, rtol=1e-13, atol=1e-13)
        compiled = jit(lambda x, u=ufunc, i=init: lax.reduce_window(x, i, u, *rest))(x)
        assert_allclose(compiled, want, rtol=1e-13, atol=1e-13)
        # The quick ways are those of any other function that computes the same.
        slow = lax.reduce_window(x, init, lambda a, b, u=ufunc: u(a, b), *rest)
        assert_allclose(slow, found, rtol=1e-13, atol=1e-13)


def test_which_functions_have_a_quick_way():
    x = wave(6)
    for functions, name, init in (
        ((np.add, fnp.add, operator.add), "window_sum", 0.0),
        ((np.maximum, fnp.maximum), "window_max", -np.inf),
        ((np.minimum, fnp.minimum), "window_min", np.inf),
    ):
        for f in functions:
            text = jit(lambda x, f=f, i=init: lax.reduce_window(x, i, f, (2,))).source(x)
            assert f"= {name}(" in text
        text = jit(lambda x, f=f: lax.reduce_window(x, 0.5, f, (2,))).source(x)
        assert f"= {name}(" not in text


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.float16, np.float32])
def test_dtypes(dtype):
    x = (np.arange(12) % 7).astype(dtype).reshape(1, 6, 2)
    for pool, reduce in ((nn.max_pool, np.max), (nn.min_pool, np.min)):
        found = pool(x, (2,), (2,), "SAME")
        assert found.dtype == dtype
        assert_array_equal(found, reduce(x.reshape(1, 3, 2, 2), axis=2))
        around = pool(x, (3,), (3,), [(2, 1)])
        assert_array_equal(around[0, 0], x[0, 0])  # what is outside never wins
    found = nn.avg_pool(x, (2,), (2,))
    assert found.dtype == (dtype if np.dtype(dtype).kind == "f" else np.float64)
    assert_array_equal(found, x.reshape(1, 3, 2, 2).mean(axis=2, dtype=float).astype(found.dtype))


def test_float16_is_summed_in_float32():
    x = np.ones((1, 4096, 1), np.float16)
    assert nn.avg_pool(x, (4096,)) == 1.0  # 2049 is no float16


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["SAME", "VALID", "SAME_LOWER"])
def test_pools_are_windows_over_the_spatial_axes(rank, padding):
    x = wave(2, *(5, 4, 3)[:rank], 2)
    window, strides = (2, 3, 2)[:rank], (1, 2, 1)[:rank]
    pads = lax.padtype_to_pads(x.shape[1:-1], window, strides, padding)
    rest = (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0)), (1,) * x.ndim, (1,) * x.ndim
    total = by_loops(x, 0.0, np.sum, *rest)
    assert_allclose(
        nn.avg_pool(x, window, strides, padding), total / np.prod(window), rtol=1e-13, atol=1e-15
    )
    inside = by_loops(np.ones_like(x), 0.0, np.sum, *rest)
    found = nn.avg_pool(x, window, strides, padding, count_include_pad=False)
    assert_allclose(found, total / inside, rtol=1e-13, atol=1e-15)
    assert_array_equal(
        nn.max_pool(x, window, strides, padding), by_loops(x, -np.inf, np.max, *rest)
    )
    assert_array_equal(
        nn.max_pool(x[0], window, strides, padding), nn.max_pool(x, window, strides, padding)[0]
    )


@pytest.mark.parametrize(
    "f",
    [
        lambda x: nn.max_pool(x, (2, 2), (2, 2)),
        lambda x: nn.max_pool(x, (3, 2), None, "SAME") ** 2,
        lambda x: nn.min_pool(x, (2, 3), (1, 2), [(1, 0), (0, 1)]),
        lambda x: nn.avg_pool(x, (2, 2), (2, 1), "SAME", False) ** 2,
        lambda x: lax.reduce_window(x, 1.0, np.multiply, (1, 2, 2, 1)),
        lambda x: lax.reduce_window(x, -np.inf, np.logaddexp, (1, 2, 2, 1), None, "SAME"),
        lambda x: lax.reduce_window(x, 0.0, np.add, (1, 2, 2, 2), None, "VALID", (1, 2, 1, 1)),
    ],
)
def test_laws(f):
    x = wave(2, 4, 5, 2)
    check_grads(f, (x,), order=2)
    check_transforms(f, (x,))
    check_vmap(f, (x,))


def test_a_traced_start():
    def f(x, start):
        return lax.reduce_window(x, start, np.maximum, (2,), None, [(1, 0)])

    assert_array_equal(jit(f)(wave(4), -5.0), f(wave(4), -5.0))
    check_grads(f, (wave(4), 0.3), order=1)


def test_ties_share():
    assert_array_equal(
        grad(lambda x: nn.max_pool(x, (2, 2), (2, 2)).sum())(np.zeros((1, 2, 2, 1))).ravel(),
        [0.25] * 4,
    )
    x = np.array([1.0, 1.0, 0.0, 1.0]).reshape(1, 2, 2, 1)
    third = grad(lambda x: nn.max_pool(x, (2, 2)).sum())(x).ravel()
    assert_allclose(third, [1 / 3, 1 / 3, 0, 1 / 3], rtol=1e-15)


def test_nan_wins_and_infinity_gives_no_nan():
    x = np.array([1.0, np.nan, 0.0, 2.0]).reshape(1, 4, 1)
    value, slope = value_and_grad(lambda x: nn.max_pool(x, (2,), (2,)).sum())(x)
    assert np.isnan(value)
    assert_array_equal(slope.ravel(), [0, 1, 0, 1])
    x = np.array([1.0, np.inf, -np.inf, -np.inf]).reshape(1, 4, 1)
    _, pullback = vjp(lambda x: nn.max_pool(x, (2,), (2,)), x)
    assert_array_equal(pullback(np.ones((1, 2, 1)))[0].ravel(), [0, 1, 0.5, 0.5])


def test_nothing_in_nothing_out():
    assert nn.max_pool(np.zeros((0, 4, 3)), (2,)).shape == (0, 3, 3)
    assert nn.max_pool(np.zeros((2, 1, 3)), (2,)).shape == (2, 0, 3)
    assert grad(lambda x: nn.avg_pool(x, (2,)).sum())(np.zeros((2, 1, 3))).shape == (2, 1, 3)


def test_jax_has_the_same_windows():
    jax = pytest.importorskip("jax")
    x = wave(5, 4).astype(np.float32)
    for (f, g, init), padding in itertools.product(
        [
            (np.add, jax.lax.add, 0.0),
            (np.maximum, jax.lax.max, -np.inf),
            (np.multiply, jax.lax.mul, 1.0),
        ],
        ["SAME", "VALID", [(1, 2), (0, 1)]],
    ):
        rest = (2, 3), (2, 1), padding, None, (2, 1)
        want = jax.lax.reduce_window(x, np.float32(init), g, *rest)
        assert_allclose(lax.reduce_window(x, init, f, *rest), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda x: nn.max_pool(x, (2, 2, 2)),
            r"max_pool: got float64\[1,4,4\] for windows of shape \(2, 2, 2\)",
        ),
        (lambda x: nn.max_pool(x, (0,)), r"max_pool: window_shape has a positive number for each"),
        (lambda x: nn.avg_pool(x, (2,), 2), r"avg_pool: strides has a number for each of 1 axes"),
        (
            lambda x: nn.min_pool(x, (2,), None, [(0, 0), (0, 0)]),
            "min_pool: padding has a pair of numbers for each of 1 axes",
        ),
        (
            lambda x: lax.reduce_window(x, 0.0, np.add, (2,)),
            "reduce_window: window_dimensions has a positive number for each of 3 axes",
        ),
        (
            lambda x: lax.reduce_window(x, x, np.add, (1, 1, 1)),
            r"reduce_window: got float64\[1,4,4\] to reduce and float64\[1,4,4\] as init_value",
        ),
        (
            lambda x: lax.reduce_window(1.0, 0.0, np.add, ()),
            r"reduce_window: got float64\[\] to reduce",
        ),
    ],
)
def test_errors(call, text):
    x = np.zeros((1, 4, 4))
    with pytest.raises(errors.ShapeError, match=text):
        call(x)
    with pytest.raises(errors.ShapeError):
        jit(call)(x)
