"""Right derivatives over NumPy, by the table of calls: against differences, mode against mode.

At generic points, away from kinks: tangents agree with central differences, cotangents with
tangents, and so do the derivatives of the gradient, under `jit` too.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples.calls import ROWS
from samples.drawn_calls import calls, ident

from funcgrad import grad, jit, jvp, tree, vjp

PHASED = {"linalg.eig", "linalg.eigh", "linalg.svd"}
"""Complex vectors come with a free phase, whose motion is LAPACK's in differences."""
CASES = [
    (name, row)
    for row in ROWS
    for name in row.names.split()
    if {"f", "c"} & set(row.kinds) and name != "linalg.eig"
]
STEP = 1e-6


def generic(rng, x):
    """Numbers of the shape of ``x``, complex where they were, far from each other and from 0.

    Their fifth decimal keeps them from where `round` to three decimals jumps.
    """
    values = rng.permutation(np.arange(x.size) - x.size // 3) * 0.7 + rng.uniform(0.05, 0.6, x.size)
    values = np.round(values, 4) + 2.3e-5
    if x.dtype.kind == "c":
        values = values + 1j * rng.normal(size=x.size)
    return values.reshape(x.shape)[()]


def direction(rng, x):
    t = rng.normal(size=np.shape(x))
    return (t + 1j * rng.normal(size=np.shape(x)) if np.iscomplexobj(x) else t)[()]


def inner(xs, ys):
    """The real part of the sum of products: what a cotangent makes of a tangent."""
    return sum(np.real(np.sum(x * y)) for x, y in zip(xs, ys, strict=True))


def inexact(result):
    return [x for x in tree.leaves(result) if np.asarray(x).dtype.kind in "fc"]


def moved(f, point, tangents):
    """The motion of ``f`` by central differences."""
    ahead = f(*[x + STEP * t for x, t in zip(point, tangents, strict=True)])
    behind = f(*[x - STEP * t for x, t in zip(point, tangents, strict=True)])
    return [(a - b) / (2 * STEP) for a, b in zip(inexact(ahead), inexact(behind), strict=True)]


def close(actual, expected, loose):
    for a, e in zip(actual, expected, strict=True):
        size = np.abs(e).max(initial=1.0)
        np.testing.assert_allclose(a, e, rtol=loose, atol=loose * size)


def check_derivatives(name, row, f, args, seed):
    rng = np.random.default_rng(seed)
    point = [generic(rng, np.asarray(x)) for x in args]
    if name in PHASED and any(map(np.iscomplexobj, point)):
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Warnings are those of NumPy, which are tested elsewhere.
        warnings.simplefilter("ignore")
        try:
            found = tree.leaves(f(*point))
        except Exception:
            return  # what it raises is tested with the other calls
        if not all(np.asarray(x).dtype in ("?", "i8", "u8", "f8", "c16") for x in found):
            return
        if not inexact(found) or not all(np.isfinite(x).all() for x in found):
            return
        tangents = [direction(rng, x) for x in point]
        _, pushed = jvp(f, tuple(point), tuple(tangents))
        motion = moved(f, point, tangents)
        pushed = [x for x in inexact(pushed) if x is not None]
        close(pushed, motion, 2e-4)
        cts = [direction(rng, x) for x in inexact(found)]

        def weighed(*xs):
            return inner(cts, [x for x in tree.leaves(f(*xs)) if x.dtype.kind in "fc"])

        def slopes(*xs):
            return grad(weighed, tuple(range(len(xs))))(*xs)

        slope = slopes(*point)
        np.testing.assert_allclose(inner(slope, tangents), inner(cts, pushed), rtol=1e-7, atol=1e-7)
        if not all(np.isfinite(x).all() for x in slope):
            return
        second = jvp(slopes, tuple(point), tuple(tangents))[1]
        close(second, moved(slopes, point, tangents), 3e-3)
        others = [direction(rng, x) for x in point]
        twice = vjp(slopes, *point)[1](tuple(others))
        size = 1 + sum(np.abs(x).sum() for x in second)
        np.testing.assert_allclose(
            inner(twice, tangents) / size, inner(others, second) / size, rtol=1e-6, atol=1e-6
        )
        if row.abstract:
            close(jit(slopes)(*point), slope, 1e-8)


SEEDS = st.integers(0, 10**6)


@pytest.mark.parametrize("case", CASES, ids=ident)
@settings(max_examples=3)
@given(data=st.data(), seed=SEEDS)
def test_derivatives_of_calls(case, data, seed):
    f, args = data.draw(calls(*case))
    check_derivatives(*case, f, args, seed)


@pytest.mark.fuzz
@pytest.mark.parametrize("case", CASES, ids=ident)
@settings(max_examples=20)
@given(data=st.data(), seed=SEEDS)
def test_derivatives_of_calls_fuzz(case, data, seed):
    f, args = data.draw(calls(*case))
    check_derivatives(*case, f, args, seed)
