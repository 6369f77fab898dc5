"""Control flow and rules within each other: the answers and derivatives of plain Python loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples.nests import FOUND, nests

from funcgrad import grad, hessian, jacrev, jit, jvp, linearize, vmap

LANES = 4


def same(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-8)


def scalar(f):
    return lambda x, p: np.sum(np.sin(f(x, p)))


def points(seed):
    """One point, and one for each lane."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=3) for _ in range(2)], [rng.normal(size=(LANES, 3)) for _ in range(2)]


def check_values(nest, seed):
    (x, p), (xs, ps) = points(seed)
    expected = nest.plain(x, p)
    same(nest.made(x, p), expected)
    same(jit(nest.made)(x, p), expected)
    lanes = np.stack([nest.plain(a, b) for a, b in zip(xs, ps, strict=True)])
    same(vmap(nest.made)(xs, ps), lanes)
    same(jit(vmap(nest.made))(xs, ps), lanes)
    same(vmap(jit(nest.made))(xs, ps), lanes)
    some = np.stack([nest.plain(a, p) for a in xs])
    same(vmap(nest.made, in_axes=(0, None))(xs, p), some)


def check_gradients(nest, seed):
    (x, p), (xs, ps) = points(seed)
    made, plain = scalar(nest.made), scalar(nest.plain)
    expected = grad(plain, (0, 1))(x, p)
    for transform in (
        lambda f: grad(f, (0, 1)),
        lambda f: jit(grad(f, (0, 1))),
        lambda f: grad(jit(f), (0, 1)),
    ):
        for found, wanted in zip(transform(made)(x, p), expected, strict=True):
            same(found, wanted)
    lanes = np.stack([grad(plain)(a, b) for a, b in zip(xs, ps, strict=True)])
    same(vmap(grad(made))(xs, ps), lanes)
    same(jit(vmap(grad(made)))(xs, ps), lanes)
    same(grad(lambda xs: np.sum(vmap(made)(xs, ps)))(xs), lanes)
    shared = sum(grad(plain, 1)(a, p) for a in xs)
    same(grad(lambda p: np.sum(vmap(made, in_axes=(0, None))(xs, p)))(p), shared)


def check_tangents(nest, seed):
    if not nest.forward:
        return
    (x, p), (xs, ps) = points(seed)
    made, plain = scalar(nest.made), scalar(nest.plain)

    def pushed(x, p):
        return jvp(made, (x, p), (p, x))[1]

    def expected(x, p):
        by_x, by_p = grad(plain, (0, 1))(x, p)
        return by_x @ p + by_p @ x

    same(pushed(x, p), expected(x, p))
    same(jit(pushed)(x, p), expected(x, p))
    same(linearize(made, x, p)[1](p, x), expected(x, p))
    lanes = [expected(a, b) for a, b in zip(xs, ps, strict=True)]
    same(vmap(pushed)(xs, ps), lanes)
    same(jit(vmap(pushed))(xs, ps), lanes)


def check_hessians(nest, seed):
    if not nest.again:
        return
    (x, p), _ = points(seed)
    made, plain = scalar(nest.made), scalar(nest.plain)

    def rows(f):
        return np.stack([grad(lambda x, e=e: grad(f)(x, p) @ e)(x) for e in np.eye(3)])

    expected = rows(plain)
    same(rows(made), expected)
    same(jacrev(grad(made))(x, p), expected)
    same(jit(jacrev(grad(made)))(x, p), expected)
    same(jacrev(grad(jit(made)))(x, p), expected)
    if nest.forward:
        same(hessian(made)(x, p), expected)
        same(jit(hessian(made))(x, p), expected)


CHECKS = [check_values, check_gradients, check_tangents, check_hessians]
SEEDS = st.integers(0, 10**6)


@pytest.mark.parametrize("nest", FOUND, ids=lambda nest: nest.text)
@pytest.mark.parametrize("check", CHECKS)
def test_nests_that_were_found(check, nest):
    for seed in range(4):
        check(nest, seed)


@pytest.mark.parametrize("check", CHECKS)
@settings(max_examples=25)
@given(nest=nests(), seed=SEEDS)
def test_nests(check, nest, seed):
    check(nest, seed)


@pytest.mark.fuzz
@pytest.mark.parametrize("check", CHECKS)
@settings(max_examples=60)
@given(nest=nests(depth=3), seed=SEEDS)
def test_nests_fuzz(check, nest, seed):
    check(nest, seed)
