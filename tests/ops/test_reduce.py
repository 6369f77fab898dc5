"""Reductions, scans and sorting: NumPy's answer under every transform, right derivatives."""

import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.laws import check_sample
from samples.reduce import SAMPLES, B, C, M, N, V, X, Z

from funcgrad import grad, hessian, jvp, make_jaxpr, vjp, vmap
from funcgrad.errors import DtypeError, NotTraceableError, ShapeError
from funcgrad.testing import check_grads, check_transforms

H = M.astype(np.float16)
F = M.astype(np.float32)
W = np.array([[1.0, np.nan, -2.0, 0.5], [np.nan, 3.0, 0.0, 2.0], [4.0, 1.0, 2.0, np.nan]])
E0 = np.zeros((0, 3))

names = [f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_samples(sample):
    check_sample(sample)


REDUCTIONS = [np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.ptp, np.any, np.all]
KINDS = ["float64", "float32", "float16", "int64", "int8", "uint16", "bool", "complex64"]
ARRAYS = {kind: (C if "complex" in kind else N).astype(kind) for kind in KINDS}
ARRAYS |= {"float64": M, "float32": F, "float16": H, "complex128": C}


@pytest.mark.parametrize("dtype", ARRAYS)
@pytest.mark.parametrize("reduce", REDUCTIONS, ids=lambda f: f.__name__)
def test_reductions_of_every_dtype_and_axis(reduce, dtype):
    if (reduce, dtype) == (np.ptp, "bool"):
        pytest.skip("NumPy does not subtract booleans")
    x = ARRAYS[dtype]
    rtol = {"float16": 2e-3, "float32": 1e-6, "complex64": 1e-6}.get(dtype)
    for axis, keepdims in itertools.product([None, 0, -1, (0, 1), (-1,), ()], [False, True]):
        if reduce is np.ptp and isinstance(axis, tuple):
            continue
        f = partial(reduce, axis=axis, keepdims=keepdims)
        check_transforms(f, (x,), rtol=rtol)


CALLS = {
    "sum where": (lambda x, m: np.sum(x, axis=0, where=m), (M, B)),
    "sum initial": (lambda x: np.sum(x, initial=3), (M,)),
    "sum initial traced": (lambda x, y: np.sum(x, axis=1, initial=y), (M, 0.5)),
    "sum dtype": (lambda x: np.sum(x, dtype=np.float32), (N,)),
    "sum dtype complex": (lambda x: np.sum(x, axis=0, dtype=complex), (M,)),
    "sum list": (lambda x, y: np.sum(x + [y, 1.0][0]), (M, 0.5)),
    "sum scalar": (lambda x: np.sum(x), (2.5,)),
    "sum of a bool": (lambda x: np.sum(x), (True,)),
    "sum empty": (lambda x: np.sum(x, axis=0), (E0,)),
    "prod where": (lambda x: np.prod(x, axis=1, where=B[:, :1]), (M,)),
    "prod empty": (lambda x: np.prod(x), (E0,)),
    "prod dtype": (lambda x: np.prod(x, axis=0, dtype=float), (N,)),
    "mean where": (lambda x: np.mean(x, axis=0, where=B), (M,)),
    "mean where keep": (lambda x: np.mean(x, where=B, keepdims=True), (M,)),
    "mean dtype": (lambda x: np.mean(x, axis=1, dtype=np.float32), (N,)),
    "mean scalar": (lambda x: np.mean(x), (3,)),
    "var ddof": (lambda x: np.var(x, axis=0, ddof=1), (M,)),
    "var correction": (lambda x: np.var(x, correction=1, keepdims=True), (M,)),
    "var where": (lambda x: np.var(x, axis=1, where=N > 1, ddof=1), (M,)),
    "var mean": (lambda x: np.var(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)), (M,)),
    "std where": (lambda x: np.std(x, axis=0, where=N > 3, keepdims=True), (C,)),
    "max initial": (lambda x: np.max(x, axis=0, initial=0.25), (M,)),
    "max where": (lambda x: np.max(x, axis=0, where=B, initial=-9), (M,)),
    "max initial of empty": (lambda x: np.max(x, axis=0, initial=1.0), (E0,)),
    "max over no axis": (lambda x: np.max(x, axis=()), (E0,)),
    "max empty result": (lambda x: np.max(x, axis=1), (E0,)),
    "min initial": (lambda x: np.min(x, initial=-3), (N,)),
    "min where": (lambda x: np.min(x, where=B, initial=1.0, keepdims=True), (F,)),
    "argmax keepdims": (lambda x: np.argmax(x, keepdims=True), (M,)),
    "argmax scalar": (lambda x: np.argmax(x, axis=0), (1.5,)),
    "argmin nan": (lambda x: np.argmin(x, axis=1), (W,)),
    "any where": (lambda x: np.any(x, axis=0, where=~B), (B,)),
    "all where": (lambda x: np.all(x, where=B, keepdims=True), (N,)),
    "count_nonzero": (lambda x: np.count_nonzero(x, axis=0, keepdims=True), (Z,)),
    "average": (lambda x: np.average(x, axis=0), (M,)),
    "average of ints": (lambda x: np.average(x, axis=1, weights=[1, 2, 3, 4]), (N,)),
    "average weights": (lambda x, w: np.average(x, weights=w), (M, X[1])),
    "average returned": (lambda x: np.average(x, 1, np.arange(1.0, 5), returned=True), (M,)),
    "average two axes": (lambda x, w: np.average(x, (2, 0), w, keepdims=True), (X, X[:, 0].T)),
    "median": (lambda x: np.median(x), (M,)),
    "median odd": (lambda x: np.median(x, axis=0), (M,)),
    "median axes": (lambda x: np.median(x, axis=(0, 2), keepdims=True), (X,)),
    "median nan": (lambda x: np.median(x, axis=0), (W,)),
    "median of ints": (lambda x: np.median(x, axis=1), (N,)),
    "cumsum": (lambda x: np.cumsum(x, axis=0), (C,)),
    "cumsum small ints": (lambda x: np.cumsum(x, axis=-1), (N.astype(np.uint8),)),
    "cumsum scalar": (lambda x: np.cumsum(x), (2.0,)),
    "cumsum dtype": (lambda x: np.cumsum(x, dtype=np.float32), (N,)),
    "cumsum empty": (lambda x: np.cumsum(x, axis=0), (E0,)),
    "cumprod": (lambda x: np.cumprod(x, axis=1), (F,)),
    "cumprod empty": (lambda x: np.cumprod(x, axis=1), (np.zeros((2, 0)),)),
    "cumprod flat": (lambda x: np.cumprod(x), (N[:2] % 5 + 1,)),
    "diff": (lambda x: np.diff(x), (M,)),
    "diff twice": (lambda x: np.diff(x, 2, axis=0), (X,)),
    "diff none": (lambda x: np.diff(x, 0), (M,)),
    "diff too often": (lambda x: np.diff(x, 5), (M,)),
    "diff edges": (lambda x, y: np.diff(x, axis=0, prepend=y, append=x[:2]), (M, 0.5)),
    "diff of booleans": (lambda x: np.diff(x), (B,)),
    "nansum": (lambda x: np.nansum(x, axis=0), (W,)),
    "nansum of ints": (lambda x: np.nansum(x, axis=0), (N,)),
    "nanprod": (lambda x: np.nanprod(x, axis=1, keepdims=True), (W,)),
    "nanmean": (lambda x: np.nanmean(x, axis=1), (W,)),
    "nanmean where": (lambda x: np.nanmean(x, where=N > 2), (W,)),
    "nanmax": (lambda x: np.nanmax(x, axis=0), (W,)),
    "nanmin": (lambda x: np.nanmin(x), (W,)),
    "nanmin initial": (lambda x: np.nanmin(x, axis=1, initial=0.75), (W,)),
    "nanvar": (lambda x: np.nanvar(x, axis=1, ddof=1), (W,)),
    "nanstd": (lambda x: np.nanstd(x, axis=0, keepdims=True), (W,)),
    "sort flat": (lambda x: np.sort(x, axis=None), (N,)),
    "sort nan": (lambda x: np.sort(x, axis=0), (W,)),
    "argsort flat": (lambda x: np.argsort(x, axis=None, kind="stable"), (N,)),
}  # fmt: skip
if hasattr(np, "cumulative_sum"):
    CALLS |= {
        "cumulative_sum": (lambda x: np.cumulative_sum(x, axis=0, include_initial=True), (M,)),
        "cumulative_prod": (lambda x: np.cumulative_prod(x, include_initial=True), (V,)),
    }


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    f, args = CALLS[name]
    check_transforms(f, args)
    floats = any(np.asarray(a).dtype.kind in "fc" for a in args)
    floats &= all(np.asarray(out).dtype.kind in "fc" for out in _all(f(*args)))
    if floats and not any(np.isnan(np.asarray(a)).any() for a in args):
        check_grads(f, args, order=1, rtol=1e-2 if args[0] is F else None)


def _all(out):
    return out if isinstance(out, tuple) else (out,)


SHAPES = st.lists(st.integers(0, 3), min_size=0, max_size=4).map(tuple)


@given(SHAPES, st.data())
def test_sums_of_any_shape_and_axes(shape, data):
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1)) if shape else st.just(set()))
    axes = tuple(a - len(shape) * data.draw(st.booleans()) for a in axes)
    x = np.random.default_rng(0).standard_normal(shape)
    for f in (partial(np.sum, axis=axes), partial(np.prod, axis=axes)):
        expected = f(x)
        value, pullback = vjp(f, x)
        np.testing.assert_array_equal(value, expected, strict=False)
        (cotangent,) = _all(pullback(np.ones_like(expected)[()]))
        assert np.shape(cotangent) == shape
        t = np.random.default_rng(1).standard_normal(shape)
        tangent = jvp(f, (x,), (t,))[1]
        np.testing.assert_allclose(np.sum(tangent), np.sum(cotangent * t), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "x", [[2.0, 3.0, 4.0], [2.0, 0.0, 4.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0], [5.0], []]
)
def test_product_derivatives_are_exact_at_zeros(x):
    x = np.array(x)
    n = len(x)
    others = [np.prod(np.delete(x, i)) for i in range(n)]
    np.testing.assert_array_equal(grad(np.prod)(x), others)
    two = [[0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(n)] for i in range(n)]
    if n:
        np.testing.assert_array_equal(hessian(np.prod)(x), two)


def test_third_derivative_of_a_product_at_zeros():
    x = np.array([0.0, 0.0, 0.0, 3.0])

    def along(i):
        return lambda f: lambda x: grad(f)(x)[i]

    f = np.prod
    for i in (0, 1, 2):
        f = along(i)(f)
    assert f(x) == 3.0


@pytest.mark.parametrize("axis", [0, 1])
def test_cumprod_derivatives_at_zeros(axis):
    def by_hand(x):
        rows = []
        total = 1.0
        for i in range(x.shape[axis]):
            total = total * (x[i] if axis == 0 else x[:, i])
            rows.append(total)
        return np.stack(rows, axis)

    ct = np.cos(np.arange(12.0)).reshape(3, 4)

    def loss(f):
        return lambda x: np.sum(f(x) * ct)

    expected = grad(loss(by_hand))(Z)
    got = grad(loss(lambda x: np.cumprod(x, axis=axis)))(Z)
    np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-14)
    assert np.isfinite(got).all()
    np.testing.assert_allclose(
        hessian(loss(lambda x: np.cumprod(x, axis=axis)))(Z),
        hessian(loss(by_hand))(Z),
        rtol=1e-13,
        atol=1e-13,
    )


@pytest.mark.parametrize("f", [np.max, np.min, np.amax])
def test_ties_share_equally(f):
    sign = 1.0 if f is not np.min else -1.0
    x = sign * np.array([1.0, 3.0, 3.0, 2.0, 3.0])
    np.testing.assert_array_equal(grad(f)(x), np.array([0, 1, 1, 0, 1]) / 3)
    assert jvp(f, (x,), (np.arange(5.0),))[1] == (1 + 2 + 4) / 3
    m = np.array([[1.0, 1.0], [0.0, 1.0]])
    np.testing.assert_array_equal(
        grad(lambda m: np.sum(np.max(m, axis=0) * [2.0, 3.0]))(m), [[2.0, 1.5], [0.0, 1.5]]
    )


def test_a_nan_is_the_extremum():
    x = np.array([1.0, np.nan, 3.0, np.nan])
    np.testing.assert_array_equal(grad(np.max)(x), [0.0, 0.5, 0.0, 0.5])
    m = np.array([[1.0, np.nan], [2.0, 5.0]])
    np.testing.assert_array_equal(
        grad(lambda m: np.sum(np.max(m, axis=1)))(m), [[0.0, 1.0], [0.0, 1.0]]
    )
    value, _ = vjp(lambda m: np.max(m, axis=1), m)
    np.testing.assert_array_equal(value, [np.nan, 5.0])


def test_the_gradient_of_an_extremum_stays_finite():
    # 0 * inf would be nan where an element that is not the maximum has an infinite slope.
    with np.errstate(divide="ignore"):
        g = grad(lambda x: np.max(np.sqrt(x)))(np.array([0.0, 4.0]))
    np.testing.assert_array_equal(g, [0.0, 0.25])


def test_std_of_equal_elements_has_gradient_zero():
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(grad(np.std)(np.full(3, 2.5)), np.zeros(3))


def test_nans_left_out_have_gradient_zero():
    np.testing.assert_array_equal(
        grad(lambda x: np.nansum(x * x))(np.array([1.0, np.nan, 3.0])), [2.0, 0.0, 6.0]
    )
    np.testing.assert_array_equal(grad(np.nanmax)(np.array([1.0, np.nan, 3.0])), [0.0, 0.0, 1.0])


def test_argmax_and_comparisons_carry_no_derivative():
    def f(x):
        return x[np.argmax(x)] * np.count_nonzero(x > 0.5) * np.any(x > 0)

    np.testing.assert_array_equal(grad(f)(np.array([0.25, 2.0, 0.75])), [0.0, 2.0, 0.0])


def test_sort_of_ties_is_stable():
    ct = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(
        grad(lambda x: np.sum(np.sort(x) * ct))(np.array([2.0, 1.0, 2.0])), [2.0, 1.0, 3.0]
    )


def test_programs_read_as_numpy():
    def text(f, *args):
        return [str(e.primitive) for e in make_jaxpr(f)(*args).equations]

    assert text(lambda x: np.sum(x), X) == ["sum[axes=(0,1,2)]"]
    assert text(lambda x: np.sum(x, axis=1, keepdims=True), M) == [
        "sum[axes=(1,)]", "reshape[shape=(3,1)]",
    ]  # fmt: skip
    assert text(lambda x: np.mean(x, axis=0), M) == ["sum[axes=(0,)]", "div"]
    assert text(lambda x: np.max(x), M) == ["max[axes=(0,1)]"]
    assert text(lambda x: np.cumsum(x, axis=1), M) == ["cum_sum[axis=1, reverse=False]"]


ERRORS = {
    "axis": (lambda x: np.sum(x, axis=2), np.exceptions.AxisError, "axis 2 is out of bounds"),
    "negative axis": (lambda x: np.max(x, axis=-3), np.exceptions.AxisError, "axis -3 is out"),
    "twice": (lambda x: np.prod(x, axis=(0, -2)), ValueError, "repeated axis"),
    "out": (lambda x: np.sum(x, out=np.zeros(())), NotTraceableError, "numpy.sum: out="),
    "max where": (lambda x: np.max(x, where=B), ShapeError, "where= needs initial="),
    "where": (lambda x: np.sum(x, where=np.ones((2, 3, 4), bool)), ShapeError, "where= has shape"),
    "where dtype": (lambda x: np.sum(x, where=N), DtypeError, "where= must be boolean"),
    "ddof": (lambda x: np.var(x, ddof=1, correction=1), ValueError, "simultaneously"),
    "weights": (lambda x: np.average(x, 0, [1.0, 2.0]), ShapeError, "numpy.average: weights"),
    "sort order": (lambda x: np.sort(x, order="a"), NotTraceableError, "numpy.sort: order="),
    "cumsum out": (lambda x: np.cumsum(x, out=np.zeros(12)), NotTraceableError, "cumsum: out="),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("transform", [make_jaxpr, lambda f: lambda x: vjp(f, x)], ids=["", "vjp"])
def test_errors(name, transform):
    f, kind, text = ERRORS[name]
    with pytest.raises(kind) as caught:
        transform(f)(M)
    assert text in str(caught.value)


@pytest.mark.parametrize("f", [np.max, np.min, lambda x: np.argmax(x, axis=0)])
def test_extrema_of_nothing(f):
    with pytest.raises(ValueError):
        f(E0)
    for transform in (make_jaxpr, lambda f: lambda x: vjp(f, x)):
        with pytest.raises(ValueError) as caught:
            transform(f)(E0)
        assert "length 0" in str(caught.value) or "empty" in str(caught.value)


def test_warnings_of_empty_means():
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"), np.errstate(invalid="ignore"):
        value, _ = vjp(lambda x: np.mean(x, axis=0), E0)
    assert np.isnan(value).all()
    with pytest.warns(RuntimeWarning, match="Degrees of freedom"), np.errstate(all="ignore"):
        vjp(lambda x: np.var(x, ddof=3), np.ones(2))


def test_nested_transforms():
    def f(x):
        return np.sum(np.prod(x, axis=0) * np.cumsum(np.max(x, axis=1))[0])

    batch = np.stack([Z, M, Z * 0.5])
    loop = np.stack([grad(f)(x) for x in batch])
    np.testing.assert_allclose(vmap(grad(f))(batch), loop, rtol=1e-13, atol=1e-14)
    check_grads(f, (M,), order=2)
