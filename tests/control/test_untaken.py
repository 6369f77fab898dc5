"""Branches that raise because of a value raise where they are taken, and only there."""

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import cond, grad, jit, make_jaxpr, switch, vmap
from funcgrad.errors import IndexDtypeError, OutOfBoundsError, ShapeError

A = np.arange(3.0)
BRANCHES = {
    "take": (lambda x: fnp.take(A, 5, axis=0) * x, IndexError),
    "index": (lambda x: A[5] * x, IndexError),
    "traced": (lambda x: (A * x)[5], OutOfBoundsError),
    "division": (lambda x: x * (1 // len([])), ZeroDivisionError),
    "inverse": (lambda x: np.linalg.inv(np.zeros((2, 2)))[0, 0] * x, np.linalg.LinAlgError),
}


@pytest.mark.parametrize("name", BRANCHES)
def test_a_branch_raises_where_it_is_taken(name):
    f, kind = BRANCHES[name]

    def chosen(p, x):
        return cond(p, f, lambda x: 2.0 * x, x)

    lanes, xs = np.array([False, False]), np.array([3.0, 3.0])
    for call, expected in {chosen: 6.0, grad(chosen, argnums=1): 2.0}.items():
        assert call(False, 3.0) == expected == jit(call)(False, 3.0)
        np.testing.assert_array_equal(vmap(call)(lanes, xs), [expected, expected])
        np.testing.assert_array_equal(jit(vmap(call))(lanes, xs), [expected, expected])
        for run in (call, jit(call)):
            with pytest.raises(kind):
                run(True, 3.0)
        for run in (vmap(call), jit(vmap(call))):
            with pytest.raises(kind):
                run(np.array([False, True]), xs)


@pytest.mark.parametrize("name", BRANCHES)
def test_switch(name):
    f, kind = BRANCHES[name]
    assert switch(2, [f, f, lambda x: x], 3.0) == 3.0
    assert jit(lambda i: switch(i, [lambda x: x, f, f], 3.0))(0) == 3.0
    for call in (jit(lambda i: switch(i, [f, f], 3.0)), lambda i: switch(i, [lambda x: x, f], 3.0)):
        with pytest.raises(kind):
            call(1)


def test_the_error_is_there_again():
    call = jit(lambda p: cond(p, lambda: A[5], lambda: 0.0))
    for _ in range(2):
        with pytest.raises(IndexError, match="index 5 is out of bounds for axis 0 with size 3"):
            call(True)
        assert call(False) == 0.0
    assert len(make_jaxpr(lambda p: cond(p, lambda: A[5], lambda: 0.0))(True).equations) == 2


def test_a_branch_that_fits_no_value_raises_at_once():
    with pytest.raises(ShapeError):
        cond(False, lambda x: x @ np.ones(4), lambda x: x @ np.ones(3), np.ones(3))
    with pytest.raises(IndexDtypeError):
        cond(False, lambda x: x[0.5], lambda x: x[0], np.ones(3))
