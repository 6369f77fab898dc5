"""funcgrad.scipy.ndimage: SciPy's values between and beyond the elements, right derivatives."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from funcgrad import grad, jit, vmap
from funcgrad.core.record import run, trace
from funcgrad.core.trace import aval_of
from funcgrad.errors import ArgumentError, DtypeError, ShapeError
from funcgrad.scipy.ndimage import map_coordinates
from funcgrad.testing import check_grads, check_transforms

MODES = [
    "reflect",
    "grid-mirror",
    "constant",
    "grid-constant",
    "nearest",
    "mirror",
    "grid-wrap",
    "wrap",
]
LINE = np.array([0.3, -1.2, 2.5, 0.7, 1.9])
IMAGE = np.random.default_rng(0).normal(size=(4, 5))


def recorded(f, *args):
    program, captured = trace(lambda *xs: [f(*xs)], [aval_of(a) for a in args])
    return run(program, [*captured, *args])[0]


@pytest.mark.parametrize("order", range(6))
@pytest.mark.parametrize("mode", MODES)
def test_scipys_values(order, mode):
    x = np.concatenate([np.linspace(-23.3, 27.1, 400), np.arange(-12.0, 17.0), [-0.5, 3.5, 4.5]])
    for prefilter in (True, False):
        for line in (LINE, LINE[:1], LINE[:2]):
            options = {"order": order, "mode": mode, "cval": 0.7, "prefilter": prefilter}
            points = x[None]
            if order == 0:
                # Halves are rounded as the sum of a coordinate and 0.5 is.
                points = points[:, np.abs(points[0] % 1 - 0.5) > 1e-9]
            expected = scipy.ndimage.map_coordinates(line, points, **options)
            np.testing.assert_array_equal(map_coordinates(line, points, **options), expected)
            found = recorded(lambda a, p, o=options: map_coordinates(a, p, **o), line, points)
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)
    points = np.stack([x[:60] / 3, x[:60][::-1] / 2])
    expected = scipy.ndimage.map_coordinates(IMAGE, points, order=order, mode=mode)
    found = jit(lambda a, p: map_coordinates(a, p, order=order, mode=mode))(IMAGE, points)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("order", range(6))
@pytest.mark.parametrize("mode", MODES)
def test_derivatives(order, mode):
    points = np.array([[-1.3, 0.4, 1.7, 3.2, 5.4], [0.2, -0.7, 2.6, 3.7, 6.3]])
    f = lambda a, p, c: map_coordinates(a, p, order=order, mode=mode, cval=c)  # noqa: E731
    # A spline of order n has n - 1 smooth derivatives, and these points are off its knots.
    check_grads(f, (IMAGE, points, 0.3), order=2)
    check_transforms(f, (IMAGE, points, 0.3), rtol=1e-11)
    if order == 0:
        assert np.all(grad(lambda p: np.sum(f(IMAGE, p, 0.0)))(points) == 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.sampled_from(MODES), st.integers(0, 10**6))
def test_three_axes(order, mode, seed):
    rng = np.random.default_rng(seed)
    a, points = rng.normal(size=(3, 2, 4)), rng.uniform(-4, 8, size=(3, 2, 3))
    expected = scipy.ndimage.map_coordinates(a, points, order=order, mode=mode)
    found = recorded(lambda a, p: map_coordinates(a, p, order=order, mode=mode), a, points)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


def test_dtypes():
    single = IMAGE.astype(np.float32)
    points = np.array([[0.4, 1.7], [0.2, 2.6]])
    found = recorded(lambda a: map_coordinates(a, points), single)
    expected = scipy.ndimage.map_coordinates(single, points)
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    found = recorded(lambda a: map_coordinates(a, points, np.float64), single)
    assert found.dtype == np.float64
    both = IMAGE + 1j * IMAGE[::-1]
    found = recorded(lambda a: map_coordinates(a, points), both)
    np.testing.assert_allclose(found, scipy.ndimage.map_coordinates(both, points), rtol=1e-12)
    shifts = np.array([0.0, 0.5])
    rows = vmap(lambda s: map_coordinates(IMAGE, points + s))(shifts)
    np.testing.assert_array_equal(rows[0], vmap(lambda s: map_coordinates(IMAGE, points + s))(
        shifts[:1]
    )[0])  # fmt: skip


def test_what_is_refused():
    whole = np.arange(6).reshape(2, 3)
    with pytest.raises(DtypeError, match="SciPy rounds it, and its derivative is 0"):
        grad(lambda x: map_coordinates(whole, [[x], [0.5]])[0])(0.5)
    with pytest.raises(ArgumentError, match="output= would write"):
        grad(lambda x: map_coordinates(IMAGE, [[x], [0.5]], output=np.zeros(1))[0])(0.5)
    with pytest.raises(ShapeError, match=r"coordinates of shape \(1, 1\)"):
        grad(lambda x: map_coordinates(IMAGE, [[x]])[0])(0.5)
    for options in ({"order": 6}, {"mode": "none"}):
        for call in (lambda x, o=options: map_coordinates(IMAGE, [[x], [0.5]], **o)[0],):
            with pytest.raises(RuntimeError):
                call(0.5)
            with pytest.raises(RuntimeError):
                grad(call)(0.5)
