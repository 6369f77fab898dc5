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
from bridge.host_tier import HOST
from samples import every_sample, pulled

import funcgrad as fg
from funcgrad import tree
from funcgrad.bridge import host, to_jax

SAMPLES = every_sample()

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
def test_the_program_as_traced(sample):
    """With the batch, in one program: compiling two takes twice as long."""
    f, made = both(sample), batch(sample)
    if made is None:
        assert_same(plainly(f, sample.args), to_jax(f, steps=STEPS)(*sample.args))
        return
    batched, batch_args, expected = made

    def all_of_it(args, batch_args):
        return f(*args), batched(*batch_args)

    found = to_jax(all_of_it, steps=STEPS)(sample.args, batch_args)
    assert_same((plainly(f, sample.args), expected), found)


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
def test_the_program_after_the_passes(sample):
    f = both(sample)
    assert_same(plainly(f, sample.args), fg.jit(f, backend="jax")(*sample.args))
