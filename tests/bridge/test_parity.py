"""Every sample of every primitive gives on JAX's engine what it gives on NumPy's.

Its value and its cotangents, in the program as it is traced and in the one that went through the
passes; and a batch, whose second element lies further out. The replay itself compares the type of
every equation's result with what the program says.
"""

import functools
import warnings

import jax
import numpy as np
import pytest
from bridge.compare import assert_same
from samples import every_sample, pulled

import funcgrad as fg
from funcgrad import tree
from funcgrad.bridge import host, to_jax


SAMPLES = every_sample()

# What runs on the host, for JAX has no operation that gives the same. It may only shrink.
HOST = set(
    """
    beta beta_slope betaincc betaincinv betaln binom binomial boxcox boxcox1p cofactors
    cosine_integral cosm1 dawsn_slope digamma_step ellipe ellipk ellipk_slope ellipkm1
    erf erfc erfcinv erfcx erfcx_slope erfi exp1 expi exprel fresnel_cosine fresnel_sine
    gamma_slope gammainccinv gammaincinv hyp0f1 hyp1f1 hyp2f1
    hyperbolic_cosine_integral hyperbolic_sine_integral inv_boxcox inv_boxcox1p iv ive j0 j1 jv k0 k0e
    k1 k1e kv kve lambertw limit_inv log_gamma loggamma logm modstruve ndtri_exp owens_t
    poch poisson powm1 rgamma rgamma_slope scaled_bessel_slope sine_integral solve_banded
    solve_sylvester spence_slope sqrtm stdtr stdtrit struve student_by_df student_slope wofz
    wrightomega y0 y1 yn yv zeta
    """.split()
)

STEPS = 32


@pytest.fixture(scope="module", autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True)
def on_host(monkeypatch):
    """The primitives that ran on the host."""
    found = set()
    call = host.call_host

    def call_host(replay, eqn, operands):
        found.add(eqn.primitive.name)
        return call(replay, eqn, operands)

    monkeypatch.setattr("funcgrad.bridge.replay.call_host", call_host)
    monkeypatch.setattr("funcgrad.bridge.foreign_jax.call_host", call_host)
    yield found
    assert found <= HOST


def both(sample):
    """The value and the cotangents."""
    pull = pulled(sample.function, sample.args)

    def value_and_cotangents(*args):
        return sample.function(*args), None if pull is None else pull(*args)

    return value_and_cotangents


def plainly(f, args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f(*args)


def ids(sample):
    return sample.primitive


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
def test_the_program_as_traced(sample):
    f = both(sample)
    assert_same(plainly(f, sample.args), to_jax(f, steps=STEPS)(*sample.args))


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
def test_the_program_after_the_passes(sample):
    f = both(sample)
    assert_same(plainly(f, sample.args), fg.jit(f, backend="jax")(*sample.args))


def further(x, scale):
    """A batch of an array and one further out."""
    x = np.asarray(x)
    return np.stack([x, (x * scale).astype(x.dtype)]) if x.dtype.kind in "fc" else np.stack([x, x])


def batch(sample):
    """A function of a batch, its arguments, and its results; the second may be out of bounds."""
    where = [
        any(isinstance(x, np.ndarray) and x.dtype.kind in "fc" for x in tree.leaves(a))
        for a in sample.args
    ]
    if not any(where):
        return None
    f = fg.vmap(sample.function, in_axes=tuple([0 if w else None for w in where]))
    for scale in (1.75, 1.0):
        args = tuple(
            [
                tree.map(functools.partial(further, scale=scale), a) if w else a
                for a, w in zip(sample.args, where, strict=True)
            ]
        )
        try:
            found = plainly(f, args)
        except (ValueError, ArithmeticError, RuntimeError, np.linalg.LinAlgError):
            continue
        return f, args, found
    return None


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
def test_a_batch(sample):
    made = batch(sample)
    if made is None:
        return
    f, args, expected = made
    assert_same(expected, to_jax(f, steps=STEPS)(*args))
