"""Initialisers: variances within their statistical error, bounds, orthogonality, fans, errors."""

import math
import re

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal

from funcgrad import errors, jit, nn, random, vmap

init = nn.initializers
KEY = random.key(12)

# name: what the variance is, of fan in and fan out
VARIANCES = {
    "glorot": lambda i, o: 2 / (i + o),
    "xavier": lambda i, o: 2 / (i + o),
    "he": lambda i, o: 2 / i,
    "kaiming": lambda i, o: 2 / i,
    "lecun": lambda i, o: 1 / i,
}
# shape, axes, fan in, fan out
SHAPES = [
    ((300, 200), {}, 300, 200),
    ((200, 300), {"in_axis": 1, "out_axis": 0}, 300, 200),
    ((3, 3, 50, 100), {}, 450, 900),
    ((100, 50, 3, 3), {"in_axis": 1, "out_axis": 0}, 450, 900),
    ((4, 100, 150), {"batch_axis": 0}, 100, 150),
    ((5, 20, 20, 30), {"in_axis": (1, 2), "out_axis": -1}, 2000, 150),
]


def assert_variance(x, variance, kurtosis):
    """Mean and variance of ``x`` within five standard errors, for a given fourth moment."""
    n = x.size
    assert abs(x.mean()) < 5 * math.sqrt(variance / n)
    assert abs(x.var() / variance - 1) < 5 * math.sqrt((kurtosis - 1) / n)


@pytest.mark.parametrize("name", VARIANCES)
@pytest.mark.parametrize("shape, axes, fan_in, fan_out", SHAPES)
def test_variances(name, shape, axes, fan_in, fan_out):
    variance = VARIANCES[name](fan_in, fan_out)
    x = getattr(init, f"{name}_uniform")(**axes)(KEY, shape)
    assert x.shape == shape and x.dtype == np.float64
    assert_variance(x, variance, 9 / 5)
    assert math.sqrt(3 * variance) * (1 - 1e-3) < np.abs(x).max() <= math.sqrt(3 * variance)
    cut = scipy.stats.truncnorm(-2, 2)
    x = getattr(init, f"{name}_normal")(**axes)(KEY, shape)
    assert_variance(x, variance, cut.moment(4) / cut.var() ** 2)
    assert np.abs(x).max() <= 2 * math.sqrt(variance / cut.var())
    assert scipy.stats.kstest(x.ravel() * math.sqrt(cut.var() / variance), cut.cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    "mode, n", [("fan_in", 450), ("fan_out", 900), ("fan_avg", 675), ("fan_geo_avg", 450 * 2**0.5)]
)
@pytest.mark.parametrize("distribution, kurtosis", [("uniform", 1.8), ("normal", 3.0)])
def test_variance_scaling(mode, n, distribution, kurtosis):
    x = init.variance_scaling(0.7, mode, distribution)(KEY, (3, 3, 50, 100))
    assert_variance(x, 0.7 / n, kurtosis)


def test_plain_ones():
    shape = (400, 300)
    assert_array_equal(init.zeros(None, shape), np.zeros(shape))
    assert_array_equal(init.ones(None, shape, np.float32), np.ones(shape, np.float32))
    assert_array_equal(init.constant(0.5)(None, shape), np.full(shape, 0.5))
    assert_variance(init.normal(0.3)(KEY, shape), 0.09, 3.0)
    u = init.uniform(2.0)(KEY, shape)
    assert u.min() >= 0 and u.max() < 2
    assert_variance(u - 1, 1 / 3, 9 / 5)
    cut = scipy.stats.truncnorm(-1, 2)
    x = init.truncated_normal(0.5, lower=-1.0, upper=2.0)(KEY, shape)
    assert x.min() >= -0.5 and x.max() <= 1.0
    assert scipy.stats.kstest(x.ravel() / 0.5, cut.cdf).pvalue > 1e-4


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (3, 3, 4, 8), (1, 1)])
@pytest.mark.parametrize("column_axis", [-1, 0, 1])
def test_orthogonal(shape, column_axis):
    x = init.orthogonal(2.0, column_axis)(KEY, shape)
    assert x.shape == shape
    matrix = np.moveaxis(x, column_axis, -1).reshape(-1, shape[column_axis]) / 2
    rows, columns = matrix.shape
    product = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    assert_allclose(product, np.eye(min(rows, columns)), atol=1e-13)


def test_orthogonal_matrices_are_uniform():
    # Of the uniform distribution every entry has mean 0 and variance 1 / n, the trace variance 1.
    draws = vmap(lambda key: init.orthogonal()(key, (4, 4)))(random.split(KEY, 4000))
    assert np.abs(draws.mean(0)).max() < 5 * 0.5 / math.sqrt(4000)
    assert np.abs(draws.var(0) * 4 - 1).max() < 5 * math.sqrt(1.0 / 4000)
    traces = np.trace(draws, axis1=1, axis2=2)
    assert abs(traces.mean()) < 5 / math.sqrt(4000)
    assert abs(traces.var() - 1) < 5 * math.sqrt(2 / 4000)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated_normal"])
def test_complex_draws(distribution, dtype):
    z = init.variance_scaling(0.7, "fan_in", distribution)(KEY, (3, 3, 50, 100), dtype)
    assert z.dtype == dtype
    square = np.abs(z.ravel().astype(complex)) ** 2 / (0.7 / 450)
    error = 5 / math.sqrt(square.size)
    assert abs(square.mean() - 1) < error * square.std()
    for power in (1, 2):  # no direction is preferred
        assert abs(np.mean((z / np.abs(z)) ** power)) < error
    within = 1 - math.exp(-4)
    of = {
        "uniform": scipy.stats.uniform(0, 2).cdf,
        "normal": scipy.stats.expon.cdf,
        "truncated_normal": lambda s: (
            scipy.stats.expon.cdf(s * (1 - 4 * math.exp(-4) / within)) / within
        ),
    }
    assert scipy.stats.kstest(square, of[distribution]).pvalue > 1e-4
    if distribution == "normal":
        assert_variance(z.real.astype(float), 0.35 / 450, 3.0)


def test_the_square_of_a_cut_complex_number_has_the_mean_that_is_divided_by():
    square = scipy.stats.truncexpon(4)
    x = init.variance_scaling(1.0, "fan_in", "truncated_normal")(KEY, (1, 9999), complex)
    assert np.abs(x).max() <= 2 / math.sqrt(square.mean())


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 8)])
def test_unitary(shape):
    x = init.orthogonal(2.0)(KEY, shape, complex).reshape(-1, shape[-1]) / 2
    product = x.conj().T @ x if x.shape[0] >= x.shape[1] else x @ x.conj().T
    assert_allclose(product, np.eye(min(x.shape)), atol=1e-13)


def test_unitary_matrices_are_uniform():
    # Of the uniform distribution on U(n) the trace has mean 0 and E|trace|**2 = 1, for n >= 2 also
    # E trace**2 = 0 (Diaconis and Shahshahani 1994).
    draws = vmap(lambda key: init.orthogonal(dtype=complex)(key, (3, 3)))(random.split(KEY, 4000))
    traces = np.trace(draws, axis1=1, axis2=2)
    bound = 5 / math.sqrt(4000)
    assert abs(traces.mean()) < bound and abs(np.mean(traces**2)) < bound * math.sqrt(2)
    assert abs(np.mean(np.abs(traces) ** 2) - 1) < bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("window", [(3,), (5, 3), (4, 4), (1, 1), (3, 3, 3)])
def test_delta_orthogonal(window, dtype):
    kernel = init.delta_orthogonal(2.0)(KEY, (*window, 4, 6), dtype)
    assert kernel.dtype == dtype
    middle = kernel[tuple((n - 1) // 2 for n in window)] / 2
    assert_allclose(middle @ middle.conj().T, np.eye(4), atol=1e-6)
    assert np.count_nonzero(kernel) == 24
    turned = init.delta_orthogonal(2.0, -2)(KEY, (*window, 6, 4), dtype)
    assert_array_equal(turned, np.swapaxes(kernel, -1, -2))


def test_a_delta_orthogonal_convolution_keeps_lengths():
    x = random.normal(KEY, (2, 8, 8, 5))
    y = nn.conv(x, init.delta_orthogonal()(KEY, (3, 3, 5, 9)))
    assert_allclose(np.sum(y**2), np.sum(x**2), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "cls", "text"),
    [
        (lambda: init.delta_orthogonal(1.0, 0), errors.ArgumentError, "column_axis is -1 or -2"),
        (lambda: init.delta_orthogonal()(KEY, (4, 5)), errors.ShapeError, r"got shape \(4, 5\)"),
        (lambda: init.delta_orthogonal()(KEY, (3, 5, 4)), errors.ShapeError, "no more inputs than"),
        (lambda: init.delta_orthogonal()(KEY, (3, 4, 5), int), errors.DtypeError, "floating or c"),
    ],
)
def test_delta_orthogonal_refuses(call, cls, text):
    with pytest.raises(cls, match=text):
        call()


EVERY = [
    *[getattr(init, f"{name}_{kind}")() for name in VARIANCES for kind in ("uniform", "normal")],
    init.orthogonal(),
    init.variance_scaling(1.0, "fan_geo_avg", "normal"),
    init.normal(),
    init.uniform(),
    init.truncated_normal(),
    init.constant(1.0),
    init.zeros,
]


@pytest.mark.parametrize("index", range(len(EVERY)))
def test_dtypes_and_transforms(index):
    f = EVERY[index]
    for dtype in (np.float16, np.float32, np.float64):
        assert f(KEY, (3, 4), dtype).dtype == dtype
    assert_allclose(jit(lambda k: f(k, (3, 4)))(KEY), f(KEY, (3, 4)), rtol=1e-14, atol=1e-15)
    keys = random.split(KEY, 2)
    lanes = vmap(lambda k: f(k, (3, 4)), out_axes=0)(keys)
    assert_allclose(lanes, [f(k, (3, 4)) for k in keys], rtol=1e-14, atol=1e-15)


def test_default_dtype():
    assert init.he_normal(dtype=np.float32)(KEY, (2, 2)).dtype == np.float32
    assert init.orthogonal(dtype=np.float32)(KEY, (2, 2)).dtype == np.float32
    assert init.he_normal(dtype=np.float32)(KEY, (2, 2), np.float64).dtype == np.float64


def test_empty_shapes():
    for f in EVERY:
        assert f(KEY, (0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (
            lambda: init.he_normal()(KEY, (3,)),
            errors.ShapeError,
            "variance_scaling: a shape of 1 axes, (3,), has no inputs and outputs.\n"
            "Give (inputs, outputs), or initialise vectors with zeros, ones or normal.",
        ),
        (
            lambda: init.he_normal(in_axis=3)(KEY, (3, 4)),
            errors.ShapeError,
            "variance_scaling: in_axis=3 does not exist in shape (3, 4).\nPass axes from -2 to 1.",
        ),
        (
            lambda: init.variance_scaling(1.0, "fan", "normal"),
            errors.ArgumentError,
            "variance_scaling: got mode='fan'.\n"
            "Give 'fan_in', 'fan_out', 'fan_avg' or 'fan_geo_avg'.",
        ),
        (
            lambda: init.variance_scaling(1.0, "fan_in", "cauchy"),
            errors.ArgumentError,
            "variance_scaling: got distribution='cauchy'.\n"
            "Give 'uniform', 'normal' or 'truncated_normal'.",
        ),
        (
            lambda: init.variance_scaling(0.0, "fan_in", "normal"),
            errors.ArgumentError,
            "variance_scaling: scale is positive, got 0.0.\nUse zeros for zeros.",
        ),
        (
            lambda: init.orthogonal()(KEY, (3,)),
            errors.ShapeError,
            "orthogonal: got shape (3,) and column_axis=-1.\n"
            "Give a shape of two or more axes, one of them of the columns.",
        ),
        (
            lambda: init.orthogonal()(KEY, (3, 3), int),
            errors.DtypeError,
            "orthogonal: dtype is a floating or complex one, got int64.\nLeave it out.",
        ),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error) as caught:
        call()
    what, fix, place = str(caught.value).split("\n")
    assert re.fullmatch(
        r"At test_initializers\.py:\d+ in .*\. See help\(funcgrad\.errors\.\w+\)", place
    )
    assert f"{what}\n{fix}" == text
