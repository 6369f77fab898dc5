"""Convolution and correlation: SciPy's numbers, shapes and dtypes, right derivatives."""

import numpy as np
import pytest
from scipy import signal as theirs

from funcgrad import grad, jit, vmap
from funcgrad.core.record import run, trace
from funcgrad.core.trace import aval_of
from funcgrad.errors import ArgumentError, ShapeError
from funcgrad.scipy import signal as ours
from funcgrad.testing import check_grads

RNG = np.random.default_rng(0)
SHAPES = [
    ((5,), (3,)),
    ((2,), (6,)),
    ((4,), (4,)),
    ((4, 5), (2, 3)),
    ((2, 2), (3, 4)),
    ((3, 4, 2),) * 2,
]


def recorded(f, args):
    program, captured = trace(lambda *xs: [f(*xs)], [aval_of(a) for a in args])
    return run(program, [*captured, *args])[0]


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_convolutions(shapes, name, mode):
    mine, genuine = getattr(ours, name), getattr(theirs, name)
    x, y = (RNG.normal(size=shape) for shape in shapes)
    z = x + 1j * RNG.normal(size=x.shape)
    n, m = (RNG.integers(-5, 5, size=shape) for shape in shapes)
    cases = [(x, y), (z, y), (x, 1j * y), (n, m), (n, y), (x.astype("f"), y.astype("f"))]
    for args in cases:
        expected = genuine(*args, mode)
        assert mine(*args, mode).tobytes() == expected.tobytes()
        found = recorded(lambda a, b: mine(a, b, mode), args)
        assert found.dtype == expected.dtype and found.shape == expected.shape
        tolerance = 1e-5 if expected.dtype == np.float32 else 1e-13
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=10 * tolerance)
    check_grads(lambda a, b: mine(a, b, mode), (x, y), order=2)
    stacked = np.stack([x, 2 * x])
    mapped = vmap(jit(lambda a: mine(a, y, mode)))(stacked)
    looped = np.stack([genuine(x, y, mode), genuine(2 * x, y, mode)])
    np.testing.assert_allclose(mapped, looped, rtol=1e-13, atol=1e-13)


def test_empty_and_of_no_axes():
    assert recorded(ours.convolve, (np.zeros(0), np.ones(3))).shape == (0,)
    assert recorded(ours.convolve, (2.0, 3.0)) == theirs.convolve(2.0, 3.0) == 6.0
    assert grad(lambda x: ours.convolve([x, 1.0], [2.0, 3.0])[1])(5.0) == 3.0


def test_errors():
    x = np.ones((3, 4))
    for args, cls in [
        ((np.ones(3),), ShapeError),
        ((np.ones((4, 3)), "valid"), ShapeError),
        ((x, "circular"), ArgumentError),
        ((x, "full", "slow"), ArgumentError),
    ]:
        with pytest.raises(ValueError):
            theirs.convolve(x, *args)
        with pytest.raises(cls, match=r"^scipy\.signal\.convolve: got"):
            grad(lambda x, a=args: np.sum(ours.convolve(x, *a)))(x)
