"""Slices of a fixed size from traced starts: NumPy's slices, under every transform."""

import numpy as np
import pytest

from funcgrad import fori_loop, grad, jit, lax, make_jaxpr, scan, vmap
from funcgrad.errors import DtypeError, OutOfBoundsError, ShapeError
from funcgrad.testing import check_grads

X = np.sin(np.arange(60.0)).reshape(3, 4, 5)

CALLS = {
    "all axes": (
        lambda x, i, j: lax.dynamic_slice(x, (i, j, 1), (2, 3, 2)), (1, 0), np.s_[1:3, 0:3, 1:3]),
    "axes apart": (
        lambda x, i, j: lax.dynamic_slice(x, (i, 0, j), (1, 4, 3)), (2, 1), np.s_[2:3, 0:4, 1:4]),
    "an array of starts": (
        lambda x, i, j: lax.dynamic_slice(x, lax_stack(i, j), (2, 2, 2)), (1, 2),
        np.s_[1:3, 2:4, 1:3]),
    "from the end": (
        lambda x, i, j: lax.dynamic_slice(x, (i, j, 0), (2, 2, 5)), (-2, -3), np.s_[-2:, -3:-1]),
    "nothing": (
        lambda x, i, j: lax.dynamic_slice(x, (i, j, 0), (0, 1, 5)), (3, 1), np.s_[3:3, 1:2]),
    "one axis": (
        lambda x, i, j: lax.dynamic_slice_in_dim(x, i + j, 2, axis=1), (1, 1), np.s_[:, 2:4]),
    "an index": (
        lambda x, i, j: lax.dynamic_index_in_dim(x, j, axis=-1), (0, 3), np.s_[:, :, 3:4]),
    "an index, axis gone": (
        lambda x, i, j: lax.dynamic_index_in_dim(x, j - i, 1, False), (4, 2), np.s_[:, -2]),
}  # fmt: skip


def lax_stack(i, j):
    return np.stack([i, j, 1]) if hasattr(i, "aval") else np.array([i, j, 1])


@pytest.mark.parametrize("name", CALLS)
def test_slices(name):
    f, starts, place = CALLS[name]
    expected = X[place]
    for found in (f(X, *starts), jit(f)(X, *starts), jit(lambda i, j: f(X, i, j))(*starts)):
        np.testing.assert_array_equal(found, expected, strict=True)
    weights = np.cos(np.arange(float(expected.size))).reshape(expected.shape)
    exact = np.zeros_like(X)
    exact[place] = weights
    for g in (grad(lambda x, *ij: np.sum(weights * f(x, *ij))),):
        np.testing.assert_array_equal(g(X, *starts), exact)
        np.testing.assert_array_equal(jit(g)(X, *starts), exact)
    check_grads(lambda x: f(x, *starts) ** 2, (X,), order=2)
    batch = np.stack([X, 2 * X])
    np.testing.assert_array_equal(vmap(f, in_axes=(0, None, None))(batch, *starts)[1], 2 * expected)
    many = [np.array([i, i]) for i in starts]
    np.testing.assert_array_equal(jit(vmap(f, in_axes=(None, 0, 0)))(X, *many)[1], expected)
    np.testing.assert_array_equal(vmap(f)(batch, *many)[1], 2 * expected)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_updates(axis):
    def f(x, y, i):
        return lax.dynamic_update_slice_in_dim(x, y, i, axis)

    y = np.cos(np.arange(60.0)).reshape(3, 4, 5).take([0, 1], axis)
    expected = X.copy()
    np.moveaxis(expected, axis, 0)[1:3] = np.moveaxis(y, axis, 0)
    before = X.copy()
    for found in (f(X, y, 1), jit(f)(X, y, 1)):
        np.testing.assert_array_equal(found, expected, strict=True)
    np.testing.assert_array_equal(X, before)
    check_grads(lambda x, y: f(x, y, 1) ** 2, (X, y), order=2)
    check_grads(jit(lambda x, y: f(x, y, 1) ** 2), (X, y), order=1)
    found = jit(vmap(f, in_axes=(None, None, 0)))(X, y, np.array([0, 1]))
    np.testing.assert_array_equal(found[1], expected)
    index = jit(lambda x, y, i: lax.dynamic_update_index_in_dim(x, y, i, axis))
    row = y.take(0, axis)
    expected = X.copy()
    np.moveaxis(expected, axis, 0)[2] = row
    np.testing.assert_array_equal(index(X, row, 2), expected)
    np.testing.assert_array_equal(index(X, np.expand_dims(row, axis), -1), np.where(
        np.arange(X.shape[axis]).reshape([-1 if k == axis % 3 else 1 for k in range(3)])
        == X.shape[axis] - 1, np.expand_dims(row, axis), X))  # fmt: skip
    assert jit(f)(X.astype("f"), y, 0).dtype == np.float32


def test_batches_of_data_in_loops():
    data = np.arange(24.0).reshape(12, 2)

    @jit
    def total(d):
        def add(i, s):
            return s + lax.dynamic_slice_in_dim(d, 3 * i, 3)

        return fori_loop(0, 4, add, np.zeros((3, 2)))

    np.testing.assert_array_equal(total(data), data.reshape(4, 3, 2).sum(0))

    def filled(w):
        def step(buffer, i):
            last = lax.dynamic_index_in_dim(buffer, i, keepdims=False)
            return lax.dynamic_update_index_in_dim(buffer, np.sin(w * last), i + 1, 0), last

        return scan(step, np.zeros((6, 2)) + w, np.arange(5))[0]

    check_grads(filled, (0.7,), order=2)
    check_grads(jit(filled), (0.7,), order=1)
    w = np.float64(0.7)
    for found in filled(w):
        np.testing.assert_allclose(found, w, rtol=1e-15)
        w = np.sin(0.7 * w)


@pytest.mark.parametrize("start", [2, -4, 5, -9])
def test_slices_outside_raise(start):
    with pytest.raises(OutOfBoundsError, match="dynamic_slice"):
        lax.dynamic_slice(np.arange(3.0), (start,), (2,))
    with pytest.raises(IndexError):
        jit(lambda i: lax.dynamic_slice(np.arange(3.0), (i,), (2,)))(start)
    with pytest.raises(IndexError):
        jit(lambda i: lax.dynamic_update_slice(np.arange(3.0), np.zeros(2), (i,)))(start)
    with pytest.raises(IndexError):
        vmap(lambda i: lax.dynamic_slice(np.arange(3.0), (i,), (2,)))(np.array([0, start]))


def test_what_does_not_fit():
    with pytest.raises(ShapeError, match="got 1 starts and 2 sizes"):
        lax.dynamic_slice(np.ones((2, 2)), (0,), (1, 1))
    with pytest.raises(ShapeError, match=r"shape \(3, 1\) does not fit"):
        lax.dynamic_slice(np.ones((2, 2)), (0, 0), (3, 1))
    with pytest.raises(DtypeError, match="must be an integer, got float64"):
        make_jaxpr(lambda i: lax.dynamic_slice(np.ones(3), (i,), (2,)))(1.0)
    with pytest.raises(DtypeError, match="must be an integer, got str"):
        lax.dynamic_slice(np.ones(3), ("1",), (2,))
    with pytest.raises(np.exceptions.AxisError):
        lax.dynamic_slice_in_dim(np.ones(3), 0, 1, axis=1)
