"""Whole programs give on JAX's engine what they give on NumPy's."""

import jax
import pytest
from bridge.compare import assert_same
from bridge.programs import PROGRAMS

import funcgrad as fg
from funcgrad.bridge import to_jax

NAMES = [name for name, _, _ in PROGRAMS]


@pytest.mark.parametrize(("name", "f", "args"), PROGRAMS, ids=NAMES)
def test_in_jax(name, f, args):
    with jax.enable_x64(True):
        assert_same(f(*args), jax.jit(to_jax(f, steps=40))(*args))


@pytest.mark.parametrize(("name", "f", "args"), PROGRAMS, ids=NAMES)
def test_the_backend(name, f, args):
    assert_same(f(*args), fg.jit(f, backend="jax")(*args))
