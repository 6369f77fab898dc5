"""Keywords of jax.numpy's: sizes, modes, lengths; and functions that need no value for a place."""

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import errors, grad, jit, vmap
from funcgrad.numpy import at
from funcgrad.testing import check_grads

R = np.random.default_rng(1)
X = R.normal(size=(3, 4))
MASKS = [
    X > 0,
    np.zeros((2, 3), bool),
    np.ones((2, 3), bool),
    np.zeros((0, 2), bool),
    np.array([True, False, True]),
]


def padded(x, size, fill):
    x = x[:size]
    return np.concatenate([x, np.broadcast_to(fill, (size - len(x), *x.shape[1:]))])


@pytest.mark.parametrize("size", [0, 1, 3, 20])
@pytest.mark.parametrize("mask", MASKS, ids=lambda m: str(m.shape))
def test_places_of_a_size(mask, size):
    expected = [padded(x, size, 7) for x in np.nonzero(mask)]
    for f in (lambda g: g, jit):
        for call in (
            lambda m: fnp.nonzero(m, size=size, fill_value=7),
            lambda m: fnp.where(m, size=size, fill_value=7),
        ):
            found = f(call)(mask)
            np.testing.assert_array_equal(found, expected)
            assert all(x.dtype == np.int64 for x in found)
        rows = f(lambda m: fnp.argwhere(m, size=size, fill_value=7))(mask)
        np.testing.assert_array_equal(rows, np.stack(expected, -1))
        flat = f(lambda m: fnp.flatnonzero(m, size=size, fill_value=7))(mask)
        np.testing.assert_array_equal(flat, padded(np.flatnonzero(mask), size, 7))


def test_places_of_a_size_under_vmap():
    found = vmap(lambda row: fnp.nonzero(row > 0, size=3, fill_value=-1)[0])(X)
    for row, places in zip(X, found, strict=True):
        np.testing.assert_array_equal(places, padded(np.flatnonzero(row > 0), 3, -1))
    several = fnp.nonzero(X > 9, size=2, fill_value=(5, 6))
    np.testing.assert_array_equal(several, [[5, 5], [6, 6]])
    for wrong in (-1, 2.0, True):
        with pytest.raises(errors.ArgumentError, match="size must be"):
            fnp.nonzero(X, size=wrong)
    with pytest.raises(errors.ShapeError, match="fill_value"):
        fnp.nonzero(X, size=2, fill_value=(1, 2, 3))
    with pytest.raises(errors.ConcretizationError):
        jit(lambda x: fnp.nonzero(x))(X)


UNIQUES = [
    (np.array([3, 1, 3, 2, 1]), None),
    (np.array([[3.0, np.nan], [np.nan, 1.0]]), None),
    (np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]]), 0),
    (np.array([[1, 0, 1], [0, 0, 0], [1, 0, 1]]), 1),
]


@pytest.mark.parametrize("size", [1, 2, 3, 6])
@pytest.mark.parametrize(("x", "axis"), UNIQUES)
def test_distinct_elements_of_a_size(x, axis, size):
    values, first, inverse, counts = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    moved = values if axis is None else np.moveaxis(values, axis, 0)
    expected = padded(moved, size, 9)
    expected = expected if axis is None else np.moveaxis(expected, 0, axis)
    for f in (lambda g: g, jit):
        found = f(lambda x: fnp.unique(x, True, True, True, axis, size=size, fill_value=9))(x)
        np.testing.assert_array_equal(found[0], expected)
        np.testing.assert_array_equal(found[1], padded(first, size, first[0]))
        np.testing.assert_array_equal(found[2].ravel(), inverse.ravel())
        np.testing.assert_array_equal(found[3], padded(counts, size, 0))
    alone = fnp.unique(x, size=size, axis=axis)
    alone = alone if axis is None else np.moveaxis(alone, axis, 0)
    np.testing.assert_array_equal(alone, padded(moved, size, moved[0]))


def test_the_gradient_of_distinct_elements_goes_to_the_first():
    x = np.array([3.0, 1.0, 3.0, 2.0])
    found = grad(lambda x: fnp.unique(x, size=3) @ np.array([1.0, 10.0, 100.0]))(x)
    np.testing.assert_array_equal(found, [100.0, 1.0, 0.0, 10.0])
    with pytest.raises(errors.ShapeError, match="empty"):
        fnp.unique(np.ones(0), size=2)


KEYS = [
    (np.array([0, -1, 5, -9]),),
    (np.array([[0, 5], [2, -4]]), slice(1, 3)),
    (slice(None), np.array([0, 4, -5])),
    (Ellipsis, np.array([0, 4])),
    (np.array([0, 7]), np.array([3, 9])),
    (np.array([0, 7]), None, np.array([3, 9])),
    (1, np.array([0, 4])),
    (7, 0),
    (slice(None), 9),
]


def clipped(x, key):
    """What ``x[key]`` gives with indices brought inside, and which were inside, by a loop."""
    places = np.arange(x.size).reshape(x.shape)
    new, axis = [], 0
    rest = x.ndim - sum(k is not None and k is not Ellipsis for k in key)
    for k in key:
        if k is Ellipsis:
            axis += rest
            new.append(k)
            continue
        if isinstance(k, (int, np.ndarray)):
            n = x.shape[axis]
            k = np.asarray(k)
            k = np.where(k < 0, k + n, k)
            wide = np.array([0 <= i < n for i in k.ravel()]).reshape(k.shape)
            k = np.clip(k, 0, n - 1)
            new.append((k, wide))
        else:
            new.append(k)
        axis += k is not None
    plain = tuple(k[0] if isinstance(k, tuple) else k for k in new)
    found = places[plain]
    ok = np.ones(found.shape, bool)
    # Each element's flag: index an array of flags in the same way, one axis at a time.
    for i, k in enumerate(new):
        if isinstance(k, tuple):
            flagged = [m[0] * 0 if isinstance(m, tuple) else m for m in new]
            base = np.arange(k[0].size).reshape(k[0].shape)
            shape = list(x.shape)
            position = sum(m is not None and m is not Ellipsis for m in new[:i])
            if Ellipsis in [m for m in new[:i] if not isinstance(m, tuple)]:
                position += rest
            shape[position] = k[0].size
            table = np.zeros(shape, int)
            at_axis = [None] * len(shape)
            at_axis[position] = slice(None)
            table = table + np.arange(k[0].size)[tuple(at_axis)]
            flagged[i] = base
            ok &= k[1].ravel()[table[tuple(flagged)]]
    return plain, found, ok


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_reading_out_of_bounds(key):
    plain, _, inside = clipped(X, key)
    for f in (lambda g: g, jit):
        got = f(lambda x: at(x)[key].get(mode="clip"))(X)
        np.testing.assert_array_equal(got, X[plain])
        got = f(lambda x: at(x)[key].get(mode="fill", fill_value=-7.0))(X)
        np.testing.assert_array_equal(got, np.where(inside, X[plain], -7.0))
        got = f(lambda x: at(x)[key].get(mode="fill"))(X)
        np.testing.assert_array_equal(got, np.where(inside, X[plain], np.nan))
    if not inside.all():
        with pytest.raises(IndexError):
            at(X)[key].get()


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("method", ["set", "add", "subtract", "multiply", "min", "max"])
def test_writing_out_of_bounds(key, method):
    _, places, inside = clipped(X, key)
    y = np.arange(1.0, places.size + 1).reshape(places.shape) / 3
    ufunc = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}
    ufunc |= {"min": np.minimum, "max": np.maximum, "set": None}
    for mode in ("drop", "clip"):
        expected = X.copy().ravel()
        there = inside.ravel() if mode == "drop" else np.ones(places.size, bool)
        for p, v in zip(places.ravel()[there], y.ravel()[there], strict=True):
            op = ufunc[method]
            expected[p] = v if op is None else op(expected[p], v)
        got = getattr(at(X)[key], method)(y, mode=mode)
        np.testing.assert_allclose(got, expected.reshape(X.shape))
        got = jit(lambda x, y, mode=mode: getattr(at(x)[key], method)(y, mode=mode))(X, y)
        np.testing.assert_allclose(got, expected.reshape(X.shape))


def test_updates_out_of_bounds_at_traced_places():
    places = np.array([1, 9, -1])
    for mode, expected in (("drop", [0.0, 1.0, 0.0, 3.0]), ("clip", [0.0, 1.0, 0.0, 5.0])):
        f = jit(lambda i, mode=mode: at(np.zeros(4))[i].add(np.array([1.0, 2.0, 3.0]), mode=mode))
        np.testing.assert_array_equal(f(places), expected)
    f = jit(lambda i: at(np.ones(4))[i].multiply(5.0, mode="drop", unique_indices=True))
    np.testing.assert_array_equal(f(places), [1.0, 5.0, 1.0, 5.0])
    check_grads(lambda x: at(x)[places].get(mode="fill", fill_value=0.0) ** 2, (np.ones(4),))
    check_grads(lambda x, y: at(x)[places].set(y, mode="drop") ** 2, (np.ones(4), np.ones(3)))
    found = vmap(lambda i: at(np.arange(4.0))[i].get(mode="fill", fill_value=-1.0))(places)
    np.testing.assert_array_equal(found, [1.0, -1.0, 3.0])
    x = np.arange(3.0)
    at(x)[[0, 7]].set(9.0, mode="drop", indices_are_sorted=True, unique_indices=True)
    assert x.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(errors.ArgumentError, match="mode='wrap'"):
        at(X)[0].get(mode="wrap")
    with pytest.raises(errors.ShapeError, match="3 indices"):
        at(X)[0, 0, 0].get(mode="fill")
    with pytest.raises(errors.DtypeError, match="integer"):
        at(X)[0.5].get(mode="fill")
    mask = np.array([True, False, True])
    np.testing.assert_array_equal(at(x)[mask].get(mode="clip"), [0.0, 2.0])
    np.testing.assert_array_equal(
        jit(lambda m: at(x)[m].set(0.0, mode="drop"))(mask), [0.0, 1.0, 0.0]
    )


def test_take_with_a_mode():
    i = np.array([[0, 9, -1, 1]])
    for f in (lambda g: g, jit):
        got = f(lambda x, i: fnp.take_along_axis(x, i, 1, mode="fill", fill_value=0.0))(X[:1], i)
        np.testing.assert_array_equal(got, [[X[0, 0], 0.0, X[0, 3], X[0, 1]]])
        got = f(lambda x, i: fnp.take_along_axis(x, i, 1, mode="clip"))(X[:1], i)
        np.testing.assert_array_equal(got, [[X[0, 0], X[0, 3], X[0, 3], X[0, 1]]])
        got = f(lambda x, i: fnp.take(x, i, axis=0, mode="fill", fill_value=2.0))(X, i[0])
        np.testing.assert_array_equal(got, [X[0], np.full(4, 2.0), X[2], X[1]])
    with pytest.raises(IndexError):
        fnp.take_along_axis(X[:1], i, 1)


def test_bincount_of_a_length():
    x, w = np.array([0, 2, 2]), np.array([0.5, 1.0, 2.0])
    for f in (lambda g: g, jit):
        got = f(lambda x: fnp.bincount(x, length=4))(x)
        np.testing.assert_array_equal(got, np.bincount(x, minlength=4))
        assert got.dtype == np.int64
        got = f(lambda x, w: fnp.bincount(x, w, length=4))(x, w)
        np.testing.assert_array_equal(got, np.bincount(x, w, 4))
        for wrong in (np.array([0, 4]), np.array([-1])):
            with pytest.raises(errors.OutOfBoundsError):
                f(lambda x: fnp.bincount(x, length=4))(wrong)
    with pytest.raises(errors.ArgumentError, match="length"):
        fnp.bincount(x, length=-1)
    with pytest.raises(errors.ShapeError, match="weight"):
        fnp.bincount(x, w[:2], length=4)


@pytest.mark.parametrize("n", [0, 2, 6, 9])
def test_repeat_of_a_length(n):
    x, times = np.array([1.0, 2.0, 3.0]), np.array([1, 0, 5])
    expected = padded(np.repeat(x, times), n, 3.0)
    for f in (lambda g: g, jit):
        got = f(lambda x, t: fnp.repeat(x, t, total_repeat_length=n))(x, times)
        np.testing.assert_array_equal(got, expected)
    rows = fnp.repeat(X, times, axis=0, total_repeat_length=6)
    np.testing.assert_array_equal(rows, np.repeat(X, times, axis=0))


@pytest.mark.parametrize("order", ["big", "little"])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_bits(order, axis):
    x = R.integers(0, 3, size=(10, 11)).astype(np.uint8)
    np.testing.assert_array_equal(
        jit(lambda x: np.packbits(x, axis=axis, bitorder=order))(x), np.packbits(x, axis, order)
    )
    np.testing.assert_array_equal(
        jit(lambda x: np.packbits(x, axis=axis, bitorder=order))(np.True_),
        np.packbits(np.True_, axis, order),
    )
    for count in (None, 5, 200, -3):
        np.testing.assert_array_equal(
            jit(lambda x, c=count: np.unpackbits(x, axis=axis, count=c, bitorder=order))(x),
            np.unpackbits(x, axis, count, order),
        )
    with pytest.raises(errors.DtypeError, match="uint8"):
        jit(np.unpackbits)(np.arange(3))
    with pytest.raises(errors.DtypeError, match="integers or booleans"):
        jit(np.packbits)(X)


def test_histograms_of_points():
    x, w = R.normal(size=(50, 2)), R.uniform(size=50)
    edges = [np.array([-1.0, 0.0, 0.5, 2.0]), np.linspace(-2, 2, 6)]
    for kwargs in (
        {"bins": 4},
        {"bins": [3, 5]},
        {"bins": edges},
        {"bins": 3, "range": [(-1, 1), None]},
        {"bins": 4, "density": True},
        {"bins": 4, "weights": w},
    ):
        expected = np.histogramdd(x, **kwargs)
        found = jit(lambda x, kwargs=kwargs: np.histogramdd(x, **kwargs))(x)
        np.testing.assert_allclose(found[0], expected[0])
        for a, b in zip(found[1], expected[1], strict=True):
            np.testing.assert_allclose(a, b)
        expected = np.histogram2d(x[:, 0], x[:, 1], **kwargs)
        found = jit(lambda x, kwargs=kwargs: np.histogram2d(x[:, 0], x[:, 1], **kwargs))(x)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b)
    check_grads(lambda w: np.histogramdd(x, 3, weights=w)[0] ** 2, (w,))
    with pytest.raises(errors.ShapeError, match="2 coordinates"):
        jit(lambda x: np.histogramdd(x, bins=[3]))(x)
    with pytest.raises(errors.ShapeError, match="same length"):
        jit(lambda x: np.histogram2d(x[:, 0], x[:3, 1]))(x)


def test_insert_at_traced_places():
    for place in (0, 2, 4, -1, -4):
        for axis, values in ((1, 9.0), (1, np.array([7.0, 8.0, 9.0])), (0, X[0] + 1)):
            if axis == 0 and not -3 <= place <= 3:
                continue
            got = jit(lambda i, axis=axis, values=values: np.insert(X, i, values, axis))(place)
            np.testing.assert_array_equal(got, np.insert(X, place, values, axis))
    x = np.arange(5.0)
    for places in ([1], [3, 1], [0, 0, 5], [-1, 2, 2]):
        values = 10.0 + np.arange(len(places))
        got = jit(lambda i, v: np.insert(x, i, v))(np.array(places), values)
        np.testing.assert_array_equal(got, np.insert(x, places, values))
    got = jit(lambda i: np.insert(X, i, np.ones((3, 2)), 1))(np.array([2, 0]))
    np.testing.assert_array_equal(got, np.insert(X, [2, 0], np.ones((3, 2)), 1))
    check_grads(lambda x: jit(lambda x, i: np.insert(x, i, x[0] ** 2))(x, 2), (x + 1,))
    for wrong in (6, -6):
        with pytest.raises(errors.OutOfBoundsError):
            jit(lambda i: np.insert(x, i, 1.0))(wrong)
    with pytest.raises(errors.DtypeError, match="integer"):
        jit(lambda i: np.insert(x, i, 1.0))(1.0)


def test_polynomials_of_matrices():
    m = X[:, :3]
    np.testing.assert_allclose(jit(np.poly)(m), np.poly(m))
    assert jit(np.poly)(m).dtype == np.float64
    check_grads(np.poly, (m @ m.T + np.diag([1.0, 3.0, 9.0]),), order=1)
    zeros = np.array([1 + 1j, 1 - 1j])
    assert grad(lambda z: np.real(np.poly(z))[1], holomorphic=False)(zeros).shape == (2,)
    np.testing.assert_allclose(jit(np.poly)(zeros), np.poly(zeros))


@pytest.mark.parametrize("order", ["C", "F"])
def test_indices_of_flat_arrays(order):
    dims = (3, 4, 2)
    places = np.array([0, 5, 23])
    index = np.unravel_index(places, dims, order)
    got = jit(lambda p: np.unravel_index(p, dims, order))(places)
    np.testing.assert_array_equal(got, index)
    got = jit(lambda *i: np.ravel_multi_index(i, dims, order=order))(*index)
    np.testing.assert_array_equal(got, places)
    wild = (np.array([-1, 5]), np.array([9, -3]), np.array([0, 1]))
    for mode in ("clip", "wrap", ("clip", "wrap", "raise")):
        got = jit(lambda *i, mode=mode: np.ravel_multi_index(i, dims, mode, order))(*wild)
        np.testing.assert_array_equal(got, np.ravel_multi_index(wild, dims, mode, order))
    for wrong in ((np.array([3]), 0, 0), (np.array([-1]), 0, 0)):
        with pytest.raises(errors.OutOfBoundsError):
            jit(lambda i, wrong=wrong: np.ravel_multi_index((i, *wrong[1:]), dims, order=order))(
                wrong[0]
            )
    for wrong in (24, -1):
        with pytest.raises(errors.OutOfBoundsError):
            jit(lambda p: np.unravel_index(p, dims, order))(wrong)
    with pytest.raises(errors.ShapeError, match="one for each"):
        jit(lambda i: np.ravel_multi_index((i,), dims))(1)


def test_triangles_with_traced_diagonals():
    for k in (-2, 0, 1, 7):
        for name in ("tri", "eye"):
            for args in ((3,), (3, 4)):
                got = jit(lambda k, n=name, a=args: getattr(fnp, n)(*a, k=k))(k)
                np.testing.assert_array_equal(got, getattr(np, name)(*args, k=k))
            assert getattr(fnp, name)(3, 4, k).dtype == float
        for name in ("tril", "triu"):
            got = jit(lambda x, k, n=name: getattr(np, n)(x, k))(X, k)
            np.testing.assert_array_equal(got, getattr(np, name)(X, k))
    assert jit(lambda k: fnp.eye(2, k=k, dtype=np.int8))(0).dtype == np.int8
    with pytest.raises(errors.DtypeError, match="k must be an integer"):
        jit(lambda k: fnp.tri(3, k=k))(1.0)


@pytest.mark.peers
def test_sizes_and_modes_are_those_of_jax():
    import jax
    import jax.numpy as jnp

    x, i = np.array([3, 1, 3, 2, 0, 0]), np.array([0, 7, -1, -9])
    with jax.enable_x64(True):
        for size in (2, 8):
            for kwargs in ({}, {"fill_value": 5}):
                for ours, theirs in (
                    (fnp.nonzero(x, size=size, **kwargs), jnp.nonzero(x, size=size, **kwargs)),
                    (fnp.argwhere(x, size=size, **kwargs), jnp.argwhere(x, size=size, **kwargs)),
                    (
                        fnp.unique(x, True, True, True, size=size, **kwargs),
                        jnp.unique(x, True, True, True, size=size, **kwargs),
                    ),
                ):
                    for a, b in zip(ours, theirs, strict=True):
                        np.testing.assert_array_equal(a, b)
        y = jnp.arange(4.0)
        for mode in ("clip", "fill"):
            got = at(np.arange(4.0))[i].get(mode=mode)
            np.testing.assert_array_equal(got, y.at[i].get(mode=mode))
        for mode in ("clip", "drop"):
            got = at(np.arange(4.0))[i].add(np.arange(4.0), mode=mode)
            np.testing.assert_array_equal(got, y.at[i].add(np.arange(4.0), mode=mode))
        t = np.array([1, 0, 2])
        for n in (2, 3, 6):
            got = fnp.repeat(t, t, total_repeat_length=n)
            np.testing.assert_array_equal(got, jnp.repeat(t, t, total_repeat_length=n))
