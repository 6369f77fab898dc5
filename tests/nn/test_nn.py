"""`funcgrad.nn` against SciPy and closed forms: values, dtypes, gradients, +-1000, bad input."""

import math
import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from samples.laws import check_sample
from samples.nn import SAMPLES
from scipy.stats import norm

import funcgrad.scipy.special
from funcgrad import errors, grad, jacfwd, jit, nn, value_and_grad, vmap
from funcgrad.testing import check_grads, check_transforms

EXTREME = np.array([-1000.0, -50.0, -1.0, 0.0, 1.0, 50.0, 1000.0])
POINTS = np.concatenate([EXTREME, np.linspace(-6, 6, 49)])


def says(caught):
    """The text of an error, and that its last line names the line of the test."""
    *lines, place = str(caught.value).split("\n")
    assert re.fullmatch(r"At test_nn\.py:\d+ in .*\. See help\(funcgrad\.errors\.\w+\)", place), (
        place
    )
    return "\n".join([*lines, place[place.index("See help") :]])


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_tanh_slope(x):
    t = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner


def logistic_slope(x):
    return scipy.special.expit(x) * scipy.special.expit(-x)


SELU, ALPHA = 1.0507009873554805, 1.6732632423543772

# activation: its value and its derivative, kinks at 0 by the documented choice
ACTIVATIONS = {
    "step": (lambda x: np.heaviside(x, 0.0), np.zeros_like),
    "sigmoid": (scipy.special.expit, logistic_slope),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: np.heaviside(x, 0.0)),
    "leaky_relu": (
        lambda x: np.maximum(x, 0) + 0.01 * np.minimum(x, 0),
        lambda x: np.where(x > 0, 1.0, 0.01),
    ),
    "elu": (
        lambda x: np.maximum(x, 0) + np.expm1(np.minimum(x, 0)),
        lambda x: np.exp(np.minimum(x, 0)),
    ),
    "gelu": (gelu_tanh, gelu_tanh_slope),
    "silu": (
        lambda x: x * scipy.special.expit(x),
        lambda x: scipy.special.expit(x) + x * logistic_slope(x),
    ),
    "softplus": (lambda x: np.logaddexp(x, 0.0), scipy.special.expit),
    "selu": (
        lambda x: SELU * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0))),
        lambda x: SELU * np.where(x > 0, 1, ALPHA * np.exp(np.minimum(x, 0))),
    ),
    "celu": (
        lambda x: np.maximum(x, 0) + np.expm1(np.minimum(x, 0)),
        lambda x: np.exp(np.minimum(x, 0)),
    ),
    "mish": (
        lambda x: x * np.tanh(np.logaddexp(x, 0.0)),
        lambda x: (
            np.tanh(np.logaddexp(x, 0.0))
            + x * scipy.special.expit(x) * (1 - np.tanh(np.logaddexp(x, 0.0)) ** 2)
        ),
    ),
    "log_sigmoid": (lambda x: -np.logaddexp(-x, 0.0), lambda x: scipy.special.expit(-x)),
    "soft_sign": (lambda x: x / (1 + np.abs(x)), lambda x: (1 + np.abs(x)) ** -2.0),
    "squareplus": (
        lambda x: np.maximum(x, 0) + 2 / (np.hypot(x, 2) + np.abs(x)),
        lambda x: 0.5 + 0.5 * x / np.hypot(x, 2),
    ),
    "hard_tanh": (
        lambda x: np.minimum(np.maximum(x, -1), 1),
        lambda x: 1.0 * ((x >= -1) & (x <= 1)),
    ),
    "relu6": (
        lambda x: np.minimum(np.maximum(x, 0), 6), lambda x: 1.0 * ((x >= 0) & (x <= 6))
    ),
    "hard_sigmoid": (
        lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6,
        lambda x: ((x >= -3) & (x <= 3)) / 6,
    ),
    "hard_silu": (
        lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6,
        lambda x: np.where((x >= -3) & (x <= 3), (2 * x + 3) / 6, 1.0 * (x > 3)),
    ),
}  # fmt: skip

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)


@every_activation
def test_activation_value(name):
    value, _ = ACTIVATIONS[name]
    # gelu and tanh take differences of numbers near 1, in the oracle or in ours: absolute error.
    assert_allclose(getattr(nn, name)(POINTS), value(POINTS), rtol=4e-15, atol=4e-16)


@every_activation
def test_activation_gradient(name):
    _, slope = ACTIVATIONS[name]
    f = getattr(nn, name)
    got = grad(lambda x: np.sum(f(x)))(POINTS)
    assert_allclose(got, slope(POINTS), rtol=1e-13, atol=4e-15)


@every_activation
def test_activation_gradient_is_that_of_the_value(name):
    f = getattr(nn, name)
    x = np.array([-3.1, -0.7, 0.4, 2.3])
    h = 1e-5
    assert_allclose(
        grad(lambda x: np.sum(f(x)))(x), (f(x + h) - f(x - h)) / (2 * h), rtol=1e-8, atol=1e-10
    )


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activation_keeps_shape_and_dtype(name, dtype):
    f = getattr(nn, name)
    x = POINTS.astype(dtype).reshape(7, 8)
    before = x.copy()
    out = f(x)
    assert out.shape == x.shape and out.dtype == dtype
    assert not np.shares_memory(out, x) and out.flags.writeable
    assert_allclose(out, ACTIVATIONS[name][0](x), rtol=1e-5, atol=1e-6)
    gradient = grad(lambda x: np.sum(f(x)))(x)
    assert gradient.shape == x.shape and gradient.dtype == dtype
    assert_array_equal(x, before)
    assert f(np.zeros((0, 3), dtype)).shape == (0, 3)
    assert type(f(dtype(0.5))) is dtype


@every_activation
def test_activation_of_numbers_integers_and_booleans(name):
    f = getattr(nn, name)
    assert type(f(2.0)) is np.float64
    assert f(2) == f(2.0) and type(f(2)) is np.float64
    integers = f(np.array([-2, 0, 3], np.int8))
    assert integers.dtype == np.float64
    assert_array_equal(integers, f(np.array([-2.0, 0.0, 3.0])))
    assert_array_equal(f(np.array([True, False])), f(np.array([1.0, 0.0])))
    assert_array_equal(f([1, -1.5]), f(np.array([1, -1.5])))


@every_activation
def test_activation_under_jit_and_vmap(name):
    f = getattr(nn, name)
    x = POINTS.reshape(7, 8)
    assert_allclose(jit(f)(x), f(x), rtol=1e-15)
    assert_allclose(vmap(f)(x), f(x), rtol=1e-15)
    assert type(jit(f)(0.5)) is np.float64


@every_activation
def test_activation_refuses_what_is_not_real(name):
    f = getattr(nn, name)
    with pytest.raises(errors.DtypeError, match=f"{name}: expected real numbers, got complex128"):
        f(1j)
    with pytest.raises(errors.DtypeError, match=f"{name}: expected numbers, got dtype <U1"):
        f("a")


@every_activation
def test_activation_of_nan_is_nan(name):
    assert np.isnan(getattr(nn, name)(np.nan))


@pytest.mark.parametrize(
    "name, low, high",
    [
        ("step", 0, 1),
        ("sigmoid", 0, 1),
        ("tanh", -1, 1),
        ("relu", 0, np.inf),
        ("leaky_relu", -np.inf, np.inf),
        ("elu", -1, np.inf),
        ("softplus", 0, np.inf),
    ],
)
def test_activation_at_infinity(name, low, high):
    assert_array_equal(getattr(nn, name)(np.array([-np.inf, np.inf])), [low, high])


def test_second_derivatives_at_zero():
    """Where a formula is put together from branches, the second derivative shows a wrong seam."""
    second = lambda f: grad(grad(f))(0.0)  # noqa: E731
    assert second(nn.softplus) == 0.25
    assert second(nn.elu) == 1.0  # the branch at 0 is exp(x) - 1
    assert_allclose(second(nn.silu), 0.5, rtol=1e-15)
    assert second(nn.relu) == second(nn.leaky_relu) == second(nn.step) == 0.0
    assert second(lambda z: nn.binary_cross_entropy(z, 1.0)) == 0.25


def test_other_activations_against_jax():
    jax_nn = pytest.importorskip("jax.nn")
    x = np.linspace(-4.2, 7.3, 24).astype(np.float32)
    for name in ACTIVATIONS:
        if hasattr(jax_nn, name):
            assert_allclose(getattr(nn, name)(x), getattr(jax_nn, name)(x), rtol=3e-6, atol=1e-6)
    for call in (
        lambda nn: nn.celu(x, 0.7), lambda nn: nn.squareplus(x, 1.5), lambda nn: nn.glu(x),
        lambda nn: nn.glu(x.reshape(4, 6), 0), lambda nn: nn.hard_swish(x), lambda nn: nn.swish(x),
        lambda nn: nn.softmax(x, where=x > 1), lambda nn: nn.log_softmax(x, where=x > 1),
        lambda nn: nn.logsumexp(x.reshape(4, 6), axis=1, where=x.reshape(4, 6) < 6),
    ):  # fmt: skip
        assert_allclose(call(nn), call(jax_nn), rtol=1e-5, atol=1e-6)


def test_gated_linear_unit():
    x = np.array([3.0, -2.0, 0.3, -0.7])
    assert_allclose(nn.glu(x), x[:2] * scipy.special.expit(x[2:]), rtol=1e-15)
    check_grads(nn.glu, (x,), order=2)
    check_grads(lambda x: nn.glu(x, axis=0), (x.reshape(2, 2),), order=2)
    with pytest.raises(errors.ShapeError, match="odd length 3"):
        nn.glu(x[:3])
    with pytest.raises(errors.ShapeError, match="axis 1 does not exist"):
        nn.glu(x, axis=1)


def test_parameters_of_activations_have_derivatives():
    x = np.array([-2.3, -0.4, 0.9, 3.1])
    check_grads(nn.celu, (x, 0.7), order=2)
    check_grads(nn.squareplus, (x, 1.7), order=2)
    second = grad(grad(nn.squareplus))(0.0)
    assert_allclose(second, 0.25, rtol=1e-15)


def test_masked_softmax():
    x, mask = np.array([1.0, np.nan, 3.0, np.inf]), np.array([True, False, True, False])
    assert_allclose(nn.softmax(x, where=mask)[[0, 2]], scipy.special.softmax(x[mask]), rtol=1e-15)
    assert_array_equal(nn.softmax(x, where=mask)[[1, 3]], 0.0)
    assert_allclose(nn.logsumexp(x, where=mask), scipy.special.logsumexp(x[mask]), rtol=1e-15)
    assert_array_equal(nn.log_softmax(x, where=mask)[~mask], -np.inf)
    assert_array_equal(grad(lambda x: nn.softmax(x, where=mask)[0])(x)[~mask], 0.0)
    assert_array_equal(grad(lambda x: nn.logsumexp(x, where=mask))(x)[~mask], 0.0)
    assert nn.softmax(np.float32([1, 2]), where=np.array([True, False])).dtype == np.float32
    y = np.array([0.3, -0.4, 1.1])
    check_grads(lambda y: nn.log_softmax(y, where=mask[:3])[::2], (y,), order=2)


def test_a_softmax_of_nothing():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    mask = np.array([[False, False], [True, False]])
    assert_array_equal(nn.softmax(x, where=mask), [[0, 0], [1, 0]])
    assert_array_equal(nn.log_softmax(x, where=mask)[0], [-np.inf, -np.inf])
    assert_array_equal(nn.logsumexp(x, axis=1, where=mask), [-np.inf, 3.0])
    weighted = lambda x: np.sum(nn.softmax(x, where=mask) * [[1.0, 2.0], [3.0, 4.0]])  # noqa: E731
    for gradient in (grad(weighted), jit(grad(weighted)), jacfwd(weighted)):
        assert_array_equal(gradient(x), 0.0)
    for axis in ((), None):
        assert_array_equal(nn.softmax(np.float64(3.0), axis), 1.0)
        assert nn.logsumexp(np.float64(3.0), axis) == 3.0


@pytest.mark.parametrize("logsumexp", [
    nn.logsumexp,
    lambda x: funcgrad.scipy.special.logsumexp(x),
    lambda x: funcgrad.scipy.special.logsumexp(x, b=np.ones(x.shape)),
], ids=["nn", "scipy", "weights"])  # fmt: skip
def test_logsumexp_of_infinite_entries(logsumexp):
    # The limit, in both modes: an infinite entry is all of the sum, or shares it with its equals.
    inf = np.inf
    for x, expected in (
        ([inf, 0.0, 1.0], [1.0, 0.0, 0.0]),
        ([inf, inf, 1.0], [0.5, 0.5, 0.0]),
        ([-inf, 0.0, 0.0], [0.0, 0.5, 0.5]),
        ([-inf, -inf, -inf], [0.0, 0.0, 0.0]),
        ([inf, -inf, 0.0], [1.0, 0.0, 0.0]),
    ):
        x = np.array(x)
        assert value_and_grad(logsumexp)(x)[0] == np.logaddexp.reduce(x)
        for gradient in (grad(logsumexp), jit(grad(logsumexp)), jacfwd(logsumexp)):
            assert_array_equal(gradient(x), expected)
        rows = vmap(grad(logsumexp))(np.stack([x, np.zeros(3)]))
        assert_array_equal(rows[0], expected)


def test_softplus_keeps_small_results():
    x = np.array([-700.0, -100.0, -40.0, -20.0])
    assert_allclose(nn.softplus(x), np.log1p(np.exp(x)), rtol=1e-15)
    assert_allclose(nn.softplus(x), np.exp(x), rtol=2e-9)


def test_leaky_relu_slope():
    x = np.array([-2.0, -0.0, 0.0, 5.0])
    assert_array_equal(nn.leaky_relu(x, 0.5), [-1.0, -0.0, 0.0, 5.0])
    assert_array_equal(nn.leaky_relu(np.array([-np.inf, np.inf]), 0), [0.0, np.inf])
    assert grad(lambda s: np.sum(nn.leaky_relu(x, s)))(0.25) == -2.0
    assert nn.leaky_relu(np.float32(-1), 1).dtype == np.float32


def test_elu_alpha():
    assert_allclose(nn.elu(-1.0, 2.0), 2 * math.expm1(-1), rtol=1e-15)
    assert grad(lambda x: nn.elu(x, 2.0))(0.0) == 2.0
    assert_allclose(grad(lambda a: nn.elu(-1.0, a))(1.0), math.expm1(-1), rtol=1e-15)


def test_gelu_is_near_its_exact_form():
    x = np.linspace(-6, 6, 2001)
    exact = nn.gelu(x, approximate=False)
    assert_allclose(exact, x * norm.cdf(x), rtol=1e-14)
    assert np.abs(nn.gelu(x) - exact).max() < 5e-4
    slope = vmap(grad(lambda x: nn.gelu(x, approximate=False)))(x)
    assert_allclose(slope, norm.cdf(x) + x * norm.pdf(x), rtol=1e-13, atol=1e-16)
    for dtype in (np.float16, np.float32):
        assert nn.gelu(x.astype(dtype), approximate=False).dtype == dtype


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = None  # as if it were not installed
from funcgrad import nn
try:
    nn.gelu(1.0, approximate=False)
except ImportError as error:
    print(*str(error).split("\\n")[:2], sep="\\n")
"""


def test_exact_gelu_without_scipy():
    command = [sys.executable, "-c", WITHOUT_SCIPY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "gelu: the exact form needs the error function, which SciPy has, and SciPy is not "
        "installed.\n"
        "Install it: pip install 'funcgrad[scipy]'. Or write gelu(x), the tanh form, which differs "
        "from it by less than 5e-4.\n"
    )


# --- softmax and its family

LOGITS = {
    "random": np.random.default_rng(0).normal(size=(5, 4)) * 3,
    "extreme": np.array([[1000.0, -1000.0, 0.0], [-1000.0, -1000.0, -1000.0]]),
    "equal": np.full((3, 4), 7.0),
    "masked": np.array([[0.0, -np.inf, 1.0], [-np.inf, -5.0, 1000.0]]),
    "one class": np.array([[3.0], [-1000.0]]),
}

every_logits = pytest.mark.parametrize("z", LOGITS.values(), ids=LOGITS.keys())
every_axis = pytest.mark.parametrize("axis", [-1, 0, None, (0, 1)], ids=str)


@every_logits
@every_axis
def test_softmax_family_value(z, axis):
    assert_allclose(nn.softmax(z, axis), scipy.special.softmax(z, axis), rtol=1e-14)
    assert_allclose(nn.log_softmax(z, axis), scipy.special.log_softmax(z, axis), rtol=1e-14)


@every_logits
@every_axis
@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp_value(z, axis, keepdims):
    got = nn.logsumexp(z, axis, keepdims)
    want = scipy.special.logsumexp(z, axis, keepdims=keepdims)
    assert_allclose(got, want, rtol=1e-14)
    assert np.shape(got) == np.shape(want) and got.dtype == want.dtype


@every_logits
def test_softmax_family_gradients(z):
    p = scipy.special.softmax(z, axis=-1)
    ct = np.random.default_rng(1).normal(size=z.shape)
    assert_allclose(
        grad(lambda z: np.sum(ct * nn.softmax(z)))(z),
        p * (ct - np.sum(ct * p, axis=-1, keepdims=True)),
        rtol=1e-12,
        atol=1e-15,
    )
    assert_allclose(grad(lambda z: np.sum(nn.logsumexp(z, axis=-1)))(z), p, rtol=1e-14)
    masked = np.isneginf(z)
    finite = np.where(masked, 0, ct)
    assert_allclose(
        grad(lambda z: np.sum(ct * np.where(masked, 0, nn.log_softmax(z))))(z),
        finite - p * np.sum(finite, axis=-1, keepdims=True),
        rtol=1e-12,
        atol=1e-15,
    )


def test_softmax_family_hessian():
    """The subtracted maximum is taken as a constant; in second order too this must not show."""
    z = np.array([0.3, -0.2, 0.9])
    p = scipy.special.softmax(z)
    for i in range(3):
        row = grad(lambda z, i=i: grad(nn.logsumexp)(z)[i])(z)
        assert_allclose(row, p * ((np.arange(3) == i) - p[i]), rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_family_dtype(dtype):
    z = LOGITS["random"].astype(dtype)
    for f in (nn.softmax, nn.log_softmax, nn.logsumexp):
        assert f(z).dtype == dtype
        assert grad(lambda z, f=f: np.sum(f(z)))(z).dtype == dtype
        assert jit(f)(z).dtype == dtype
        assert_allclose(jit(f)(z), f(z), rtol=1e-6)
        assert f(np.array([1, 2])).dtype == np.float64


def test_softmax_family_under_vmap():
    z = LOGITS["random"]
    assert_allclose(vmap(nn.softmax)(z), nn.softmax(z), rtol=1e-15)
    assert_allclose(vmap(nn.logsumexp)(z), nn.logsumexp(z, axis=1), rtol=1e-15)


def test_logsumexp_at_infinity_and_over_nothing():
    inf = np.inf
    z = np.array([[-inf, -inf], [inf, 0.0], [inf, -inf], [inf, inf]])
    assert_array_equal(nn.logsumexp(z, axis=1), [-inf, inf, inf, inf])
    assert_array_equal(grad(nn.logsumexp)(np.array([-inf, -inf])), [0.0, 0.0])
    assert nn.logsumexp(np.zeros(0)) == -inf and type(nn.logsumexp(np.zeros(0))) is np.float64
    assert_array_equal(nn.logsumexp(np.zeros((2, 0), np.float32), axis=1), [-inf, -inf])
    assert nn.logsumexp(np.zeros((2, 0), np.float32), axis=1).dtype == np.float32
    assert nn.logsumexp(np.zeros((0, 2)), axis=1, keepdims=True).shape == (0, 1)
    assert grad(nn.logsumexp)(np.zeros(0)).shape == (0,)
    assert np.isnan(nn.logsumexp(np.array([np.nan, 0.0])))


def test_softmax_of_zero_size_and_zero_dimensions():
    for f in (nn.softmax, nn.log_softmax):
        assert f(np.zeros((0, 3))).shape == (0, 3)
        assert f(np.zeros((3, 0), np.float32)).dtype == np.float32
    assert nn.softmax(5.0, axis=None) == 1.0
    assert nn.log_softmax(5.0, axis=None) == 0.0
    assert nn.logsumexp(5.0) == 5.0 and type(nn.logsumexp(5.0)) is np.float64
    assert grad(nn.logsumexp)(5.0) == 1.0


@pytest.mark.parametrize("f", [nn.softmax, nn.log_softmax, nn.logsumexp])
def test_softmax_family_refuses_a_missing_axis(f):
    with pytest.raises(errors.ShapeError) as caught:
        f(np.zeros((2, 3)), axis=2)
    assert says(caught) == (
        f"{f.__name__}: axis 2 does not exist in shape (2, 3).\n"
        "Pass an axis from -2 to 1.\n"
        "See help(funcgrad.errors.ShapeError)"
    )
    with pytest.raises(errors.ShapeError, match=r"Pass axis=None\."):
        f(1.0, axis=-1)


# --- one-hot


def test_one_hot():
    labels = np.array([[0, 3], [2, 2]])
    assert_array_equal(nn.one_hot(labels, 4), np.eye(4)[labels])
    assert nn.one_hot(labels, 4).dtype == np.float64
    assert nn.one_hot(labels.astype(np.uint8), 4, np.float32).dtype == np.float32
    assert_array_equal(nn.one_hot(1, 3), [0.0, 1.0, 0.0])
    assert nn.one_hot(np.zeros(0, int), 3).shape == (0, 3)
    assert_array_equal(jit(lambda labels: nn.one_hot(labels, 4))(labels), np.eye(4)[labels])
    assert_array_equal(vmap(lambda labels: nn.one_hot(labels, 4))(labels), np.eye(4)[labels])


def test_one_hot_bad_input():
    with pytest.raises(errors.OutOfBoundsError) as caught:
        nn.one_hot([0, 3], 3)
    assert says(caught) == (
        "one_hot: label 3 is not one of 3 classes.\n"
        "Labels run from 0 to 2.\n"
        "See help(funcgrad.errors.OutOfBoundsError)"
    )
    with pytest.raises(IndexError, match="label -1"):
        nn.one_hot([0, -1], 3)
    with pytest.raises(errors.DtypeError, match="class labels must be integers, got float64"):
        nn.one_hot([0.0], 3)
    with pytest.raises(errors.ArgumentError, match="num_classes must be positive, got 0"):
        nn.one_hot([0], 0)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64])
@pytest.mark.parametrize("wrong", [4, -1])
def test_traced_labels_raise(wrong, dtype):
    if wrong < 0 and dtype is np.uint8:
        wrong = 255
    z, good, bad = LOGITS["random"], np.array([0, 1, 2, 3, 0], dtype), np.zeros(5, dtype)
    bad[2] = wrong
    for loss in (nn.cross_entropy, nn.hinge, lambda z, y: np.sum(nn.one_hot(y, z.shape[1]))):
        compiled = jit(loss)
        assert_allclose(compiled(z, good), loss(z, good), rtol=1e-15)
        with pytest.raises(IndexError):
            compiled(z, bad)
        with pytest.raises(IndexError):
            vmap(lambda y, loss=loss: loss(z, y))(np.stack([good, bad]))


# --- losses


def cross_entropy_oracle(z, y):
    return -scipy.special.log_softmax(z, axis=-1)[np.arange(len(y)), y].mean()


LABELS = {
    "random": np.array([0, 3, 1, 1, 2]),
    "extreme": np.array([0, 2]),
    "equal": np.array([0, 1, 3]),
    "masked": np.array([0, 2]),
    "one class": np.array([0, 0]),
}

every_batch = pytest.mark.parametrize(
    "z, y", [(LOGITS[name], LABELS[name]) for name in LOGITS], ids=LOGITS.keys()
)


@every_batch
def test_cross_entropy(z, y):
    value, gradient = value_and_grad(nn.cross_entropy)(z, y)
    assert_allclose(value, cross_entropy_oracle(z, y), rtol=1e-13, atol=1e-16)
    want = (scipy.special.softmax(z, axis=-1) - np.eye(z.shape[1])[y]) / len(y)
    assert_allclose(gradient, want, rtol=1e-13, atol=1e-16)
    assert_allclose(nn.cross_entropy(z, y), value, rtol=1e-15)
    value, gradient = jit(value_and_grad(nn.cross_entropy))(z, y)
    assert_allclose(value, cross_entropy_oracle(z, y), rtol=1e-13, atol=1e-16)
    assert_allclose(gradient, want, rtol=1e-13, atol=1e-16)


@every_batch
def test_cross_entropy_of_probabilities(z, y):
    one_hot = np.eye(z.shape[1])[y]
    assert_allclose(nn.cross_entropy(z, one_hot), cross_entropy_oracle(z, y), rtol=1e-13)
    want = (scipy.special.softmax(z, axis=-1) - one_hot) / len(y)
    assert_allclose(grad(nn.cross_entropy)(z, one_hot), want, rtol=1e-13, atol=1e-16)


def test_cross_entropy_of_soft_targets():
    z = LOGITS["random"]
    t = scipy.special.softmax(np.random.default_rng(2).normal(size=z.shape), axis=-1)
    log_p = scipy.special.log_softmax(z, axis=-1)
    assert_allclose(nn.cross_entropy(z, t), -(t * log_p).sum(axis=-1).mean(), rtol=1e-14)
    by_logits, by_targets = grad(nn.cross_entropy, argnums=(0, 1))(z, t)
    assert_allclose(by_logits, (np.exp(log_p) - t) / len(z), rtol=1e-12, atol=1e-16)
    assert_allclose(by_targets, -log_p / len(z), rtol=1e-13)


def test_cross_entropy_of_a_masked_target_is_infinite():
    z = np.array([[0.0, -np.inf]])
    assert nn.cross_entropy(z, [1]) == np.inf
    assert_allclose(grad(nn.cross_entropy)(z, [1]), [[1.0, -1.0]])


def test_cross_entropy_ranks():
    z, y = LOGITS["random"], LABELS["random"]
    assert_allclose(nn.cross_entropy(z[0], y[0]), cross_entropy_oracle(z[:1], y[:1]), rtol=1e-14)
    assert type(nn.cross_entropy(z[0], 0)) is np.float64
    stacked = np.stack([z, 2 * z])
    labels = np.stack([y, y])
    want = (cross_entropy_oracle(z, y) + cross_entropy_oracle(2 * z, y)) / 2
    assert_allclose(nn.cross_entropy(stacked, labels), want, rtol=1e-14)
    assert grad(nn.cross_entropy)(stacked, labels).shape == stacked.shape
    each = vmap(nn.cross_entropy)(z, y)
    assert_allclose(each.mean(), cross_entropy_oracle(z, y), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_keep_dtype(dtype):
    z = LOGITS["random"].astype(dtype)
    t = np.zeros_like(z)
    y = LABELS["random"]
    for loss, target in [
        (nn.cross_entropy, y),
        (nn.cross_entropy, scipy.special.softmax(z, axis=-1).astype(dtype)),
        (nn.hinge, y),
        (nn.mse, t),
        (nn.rmse, t),
        (nn.mae, t),
        (nn.binary_cross_entropy, t),
        (nn.binary_cross_entropy, t.astype(int)),
        (nn.mse, t.astype(int)),
    ]:
        value, gradient = value_and_grad(loss)(z, target)
        assert type(value) is dtype and gradient.dtype == dtype
        assert type(loss(z, target)) is dtype
        value, gradient = jit(value_and_grad(loss))(z, target)
        assert type(value) is dtype and gradient.dtype == dtype


def test_cross_entropy_bad_input():
    z = np.zeros((2, 3))
    with pytest.raises(errors.DtypeError) as caught:
        nn.cross_entropy(z, [0.0, 1.0])
    assert says(caught) == (
        "cross_entropy: class labels must be integers, got float64.\n"
        "Write labels.astype(int), or pass class probabilities of the logits' shape.\n"
        "See help(funcgrad.errors.DtypeError)"
    )
    with pytest.raises(errors.ShapeError) as caught:
        nn.cross_entropy(z, [0, 1, 2])
    assert says(caught) == (
        "cross_entropy: scores of shape (2, 3) need labels of shape (2,), got (3,).\n"
        "The last axis of the scores counts the classes; labels have the axes before it.\n"
        "See help(funcgrad.errors.ShapeError)"
    )
    with pytest.raises(errors.OutOfBoundsError, match="label 3 is not one of 3 classes"):
        nn.cross_entropy(z, [0, 3])
    with pytest.raises(errors.OutOfBoundsError, match="label -1 is not one of 3 classes"):
        nn.cross_entropy(z, [0, -1])
    with pytest.raises(errors.DtypeError, match="must be integers, got bool"):
        nn.cross_entropy(z, [True, False])
    with pytest.raises(errors.ShapeError, match="got a scalar"):
        nn.cross_entropy(1.0, 0)
    with pytest.raises(errors.ShapeError, match=r"no examples is undefined, got shape \(0, 3\)"):
        nn.cross_entropy(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(errors.ShapeError, match=r"got shape \(0, 3\)"):
        nn.cross_entropy(np.zeros((0, 3)), np.zeros((0, 3)))
    with pytest.raises(errors.ShapeError):
        nn.cross_entropy(np.zeros((2, 0)), [0, 0])
    with pytest.raises(errors.DtypeError):
        nn.cross_entropy(z.astype(complex), [0, 0])


def regression_losses():
    rng = np.random.default_rng(3)
    p, t = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    d = p - t
    root = math.sqrt(np.square(d).mean())
    yield nn.mse, p, t, np.square(d).mean(), 2 * d / d.size
    yield nn.rmse, p, t, root, d / d.size / root
    yield nn.mae, p, t, np.abs(d).mean(), np.sign(d) / d.size


@pytest.mark.parametrize("loss, p, t, value, gradient", list(regression_losses()))
def test_regression_losses(loss, p, t, value, gradient):
    assert_allclose(loss(p, t), value, rtol=1e-15)
    by_p, by_t = grad(loss, argnums=(0, 1))(p, t)
    assert_allclose(by_p, gradient, rtol=1e-14)
    assert_allclose(by_t, -gradient, rtol=1e-14)
    assert loss(3.0, 3.0) == 0.0
    assert_array_equal(grad(loss)(t, t), np.zeros_like(t))  # the kinks: sqrt and abs at 0
    assert loss(np.array([1, 200], np.uint8), np.array([200, 1], np.uint8)) == (
        199.0**2 if loss is nn.mse else 199.0
    )


@pytest.mark.parametrize("loss", [nn.mse, nn.rmse, nn.mae, nn.binary_cross_entropy])
def test_losses_refuse_shapes_that_would_broadcast(loss):
    with pytest.raises(errors.ShapeError) as caught:
        loss(np.zeros((3, 1)), np.zeros(3))
    assert says(caught) == (
        f"{loss.__name__}: expected two arrays of one shape, got (3, 1) and (3,).\n"
        "Reshape one of them, for example with predictions.reshape(targets.shape).\n"
        "See help(funcgrad.errors.ShapeError)"
    )
    with pytest.raises(errors.ShapeError) as caught:
        loss(np.zeros(0), np.zeros(0))
    assert says(caught) == (
        f"{loss.__name__}: the mean over no examples is undefined, got shape (0,).\n"
        "Skip empty batches.\n"
        "See help(funcgrad.errors.ShapeError)"
    )


def test_binary_cross_entropy():
    z = np.concatenate([EXTREME, EXTREME, np.linspace(-5, 5, 6)])
    t = np.concatenate([np.zeros(7), np.ones(7), np.linspace(0, 1, 6)])
    want = np.mean(t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z))
    value, gradient = value_and_grad(nn.binary_cross_entropy)(z, t)
    assert_allclose(value, want, rtol=1e-15)
    assert_allclose(gradient, (scipy.special.expit(z) - t) / z.size, rtol=1e-13, atol=1e-17)
    assert_allclose(grad(nn.binary_cross_entropy, argnums=1)(z, t), -z / z.size, rtol=1e-15)
    # A confident right answer has a small loss, not none.
    assert_allclose(nn.binary_cross_entropy(np.array([50.0]), [1]), math.exp(-50), rtol=1e-15)
    assert_allclose(nn.binary_cross_entropy(np.array([-50.0]), [False]), math.exp(-50), rtol=1e-15)


def test_binary_cross_entropy_refuses_targets_that_are_no_probabilities():
    with pytest.raises(errors.ArgumentError) as caught:
        nn.binary_cross_entropy(np.zeros(2), [-1, 1])
    assert says(caught) == (
        "binary_cross_entropy: targets are probabilities from 0 to 1, "
        "got values from -1.0 to 1.0.\n"
        "For labels -1 and 1 write (labels + 1) / 2.\n"
        "See help(funcgrad.errors.ArgumentError)"
    )


def hinge_oracle(s, y):
    """Value and gradient by the definition, one example and one class at a time."""
    total, gradient = 0.0, np.zeros_like(s)
    for i, true in enumerate(y):
        for j in range(s.shape[1]):
            if j != true and s[i, j] - s[i, true] + 1 > 0:
                total += s[i, j] - s[i, true] + 1
                gradient[i, j] += 1
                gradient[i, true] -= 1
    return total / len(y), gradient / len(y)


@every_batch
def test_hinge(z, y):
    value, gradient = value_and_grad(nn.hinge)(z, y)
    want, want_gradient = hinge_oracle(z, y)
    assert_allclose(value, want, rtol=1e-14)
    assert_allclose(gradient, want_gradient, rtol=1e-14, atol=1e-16)
    assert_allclose(jit(nn.hinge)(z, y), want, rtol=1e-14)


def test_hinge_at_its_kink_and_for_one_example():
    scores = np.array([2.0, 1.0, -3.0])
    assert nn.hinge(scores, 0) == 0.0
    assert_array_equal(grad(nn.hinge)(scores, 0), np.zeros(3))
    assert nn.hinge(scores, 1) == 2.0
    with pytest.raises(errors.ShapeError, match="hinge: scores of shape"):
        nn.hinge(scores, [0])


# --- the laws, for everything


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.primitive)
def test_primitive(sample):
    check_sample(sample)


Z = np.random.default_rng(5).normal(size=(3, 4))
SOFT = scipy.special.softmax(Z[::-1], axis=-1)


@pytest.mark.parametrize(
    "f, args",
    [
        *[(getattr(nn, name), (Z,)) for name in ACTIVATIONS if name != "step"],
        (nn.softmax, (Z,)),
        (lambda z: nn.softmax(z, axis=0), (Z,)),
        (nn.log_softmax, (Z,)),
        (nn.logsumexp, (Z,)),
        (lambda z: nn.logsumexp(z, axis=1), (Z,)),
        (lambda z: nn.logsumexp(z, axis=0, keepdims=True), (Z,)),
        (lambda z: nn.cross_entropy(z, [0, 3, 1]), (Z,)),
        (nn.cross_entropy, (Z, SOFT)),
        (nn.binary_cross_entropy, (Z, SOFT)),
        (lambda z: nn.hinge(z, [0, 3, 1]), (Z,)),
        (nn.mse, (Z, SOFT)),
        (nn.rmse, (Z, SOFT)),
        (nn.mae, (Z, SOFT)),
    ],
)
def test_laws(f, args):
    check_grads(f, args, order=2)
    check_transforms(f, args)


# --- lectures


def test_lecture_neuron_sigmoid_as_one_node():
    """L6: the sigmoid neuron with the sigmoid as one gate."""

    def neuron(w0, x0, w1, x1, w2):
        return nn.sigmoid(w0 * x0 + w1 * x1 + w2)

    value, gradient = value_and_grad(neuron, argnums=(0, 1, 2, 3, 4))(2.0, -1.0, -3.0, -2.0, -3.0)
    assert_allclose(value, 0.73106, atol=5e-6)
    assert_allclose(gradient, (-0.19661, 0.39322, -0.39322, -0.58984, 0.19661), atol=5e-6)


def test_lecture_svm_gradients():
    """L10: a linear SVM with a hidden layer and a regulariser, against numerical gradients."""
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(6, 5)), np.array([0, 1, 2, 2, 1, 0])
    params = {"W1": rng.normal(size=(5, 7)), "W2": rng.normal(size=(7, 3))}

    def loss(params):
        scores = nn.relu(X @ params["W1"]) @ params["W2"]
        return nn.hinge(scores, y) + 0.1 * sum(np.sum(W**2) for W in params.values())

    gradient = grad(loss)(params)
    h = 1e-6
    for name, W in params.items():
        for index in np.ndindex(W.shape):
            step = np.zeros_like(W)
            step[index] = h
            up, down = loss({**params, name: W + step}), loss({**params, name: W - step})
            assert_allclose(gradient[name][index], (up - down) / (2 * h), rtol=1e-6, atol=1e-8)


def test_lecture_layers():
    """L22: sigmoid without overflow, softmax with cross-entropy of gradient ``y - t``."""
    assert grad(nn.sigmoid)(1000.0) == grad(nn.sigmoid)(-1000.0) == 0.0
    scores, t = np.array([[0.3, 2.9, 4.0]]), np.array([[0.0, 0.0, 1.0]])
    assert_allclose(nn.softmax(scores), [[0.01821127, 0.24519181, 0.73659691]], atol=1e-8)
    assert_allclose(
        grad(nn.cross_entropy)(scores, t), scipy.special.softmax(scores) - t, rtol=1e-14
    )
    assert_allclose(nn.softmax(np.array([1010.0, 1000.0, 990.0])).sum(), 1.0, rtol=1e-15)
