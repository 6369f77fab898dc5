"""numpy.fft: NumPy's answer and errors under every transform, transposes, closed forms."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.fft import SAMPLES, V, W, X, Z
from samples.laws import check_sample

import funcgrad.numpy as fnp
from funcgrad import grad, hessian, jit, jvp, make_jaxpr, vjp, vmap
from funcgrad.core.trace import aval_of
from funcgrad.errors import DtypeError, NotTraceableError
from funcgrad.testing import check_grads, check_transforms

names = [f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]
ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY = ["fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn"]
REAL = ("rfft", "rfft2", "rfftn", "ihfft")
DTYPES = "?bBhHiIlLefdFD"


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_samples(sample):
    check_sample(sample)


def same(f, *args):
    """Compare a call on tracers with NumPy's: value to the bit, shape and dtype, or the error."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            expected = f(*args)
        except Exception as error:
            with pytest.raises(type(error)):
                jit(f, backend="run")(*args)
            return
    with warnings.catch_warnings(record=True) as told_too:
        warnings.simplefilter("always")
        found = jit(f, backend="run")(*args)
    assert [w.category for w in told] == [w.category for w in told_too]
    assert aval_of(found) == aval_of(expected)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ONE + MANY)
def test_every_dtype(name, dtype):
    x = (np.arange(30).reshape(5, 6) % 7).astype(dtype)
    if dtype in "FD":
        x = x + 1j * x[::-1]
    f = getattr(np.fft, name)
    same(lambda x: f(x), x)
    same(lambda x: f(x[0] if name in ONE else x, norm="ortho"), x)


AXES = st.integers(-3, 3)
LENGTHS = st.integers(-1, 8) | st.none()


@given(
    st.sampled_from(ONE),
    st.sampled_from([X, Z, V, np.zeros((3, 0)), np.float64(2.0)]),
    LENGTHS,
    AXES,
    st.sampled_from([None, "backward", "ortho", "forward", "other"]),
)
def test_arguments_of_one_axis(name, x, n, axis, norm):
    f = getattr(np.fft, name)
    same(lambda x: f(x, n, axis, norm), x)


@given(
    st.sampled_from(MANY),
    st.sampled_from([X, Z, V, np.stack([X, X + 1])]),
    st.none() | st.lists(LENGTHS, min_size=0, max_size=3),
    st.none() | st.lists(AXES, min_size=0, max_size=3),
    st.sampled_from([None, "ortho", "forward", "other"]),
)
def test_arguments_of_many_axes(name, x, s, axes, norm):
    f = getattr(np.fft, name)
    same(lambda x: f(x, s, axes, norm), x)


@pytest.mark.parametrize("axes", [None, 0, -1, (0,), (1, 0), (0, 0), [], 3, (0, 5)])
@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts(name, axes):
    f = getattr(np.fft, name)
    same(lambda x: f(x, axes), X)
    same(lambda x: f(x, axes), np.arange(6))


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_frequencies_of_a_traced_spacing(name, n):
    f = getattr(fnp.fft, name)
    check_transforms(lambda d: f(n, d), (0.25,))
    check_grads(lambda d: f(n, d), (0.25,), order=2)


def test_the_namespace_is_numpys():
    assert [name for name in np.fft.__all__ if not hasattr(fnp.fft, name)] == []
    for name in ONE + MANY:
        np.testing.assert_array_equal(
            getattr(fnp.fft, name)([[1, 2, 4]] * 2), getattr(np.fft, name)([[1, 2, 4]] * 2)
        )

    def f(x):
        return fnp.sum(fnp.abs(fnp.fft.fft([x, 2.0 * x, 1.0])))

    check_grads(f, (0.7,), order=2)


@pytest.mark.parametrize("name", ONE + MANY)
@pytest.mark.parametrize("n", [5, 6])
def test_inner_product_of_the_modes(name, n):
    rng = np.random.default_rng(n)
    f = getattr(np.fft, name)
    call = (lambda x: f(x, n)) if name in ONE else (lambda x: f(x, s=(4, n), axes=(0, 1)))

    def draw(shape, kind):
        real = rng.standard_normal(shape)
        return real + 1j * rng.standard_normal(shape) if kind == "c" else real

    for kind in "f" if name in REAL else "fc":
        x, t = draw((3, 5), kind), draw((3, 5), kind)
        value, tangent = jvp(call, (x,), (t,))
        ct = draw(value.shape, value.dtype.kind)
        (pulled,) = vjp(call, x)[1](ct)
        assert aval_of(pulled) == aval_of(x)
        np.testing.assert_array_equal(tangent, call(t))
        np.testing.assert_allclose(
            np.sum(ct * tangent).real, np.sum(pulled * t).real, rtol=1e-12, atol=1e-12
        )


def test_gradients_in_closed_form():
    # Parseval: sum |fft(x)|^2 = n sum x^2.
    np.testing.assert_allclose(
        grad(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 2))(V), 2 * V.size * V, rtol=1e-13
    )
    np.testing.assert_allclose(
        hessian(lambda x: np.sum(np.abs(np.fft.fft(x, norm="ortho")) ** 2))(V),
        2 * np.eye(V.size),
        atol=1e-13,
    )
    # The convention: d|z|^2 is 2 conj(z).
    np.testing.assert_allclose(
        grad(lambda z: np.sum(np.abs(np.fft.fft(z)) ** 2))(W), 2 * W.size * W.conj(), rtol=1e-13
    )
    # What irfft does not read has no gradient.
    g = vjp(lambda z: np.fft.irfft(z, 4), W)[1](np.array([1.0, 2.0, -1.0, 0.5]))[0]
    assert g[0].imag == g[2].imag == 0 and np.all(g[3:] == 0) and np.all(g[:3] != 0)
    # Circular convolution.
    kernel = np.array([0.5, -1.0, 2.0, 0.0, 0.25, 1.0])
    rows = np.stack([np.roll(kernel, i) for i in range(6)], 1)

    def convolved(x):
        return np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(kernel), 6)

    np.testing.assert_allclose(vjp(convolved, V)[1](V)[0], rows.T @ V, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_gradients_keep_the_dtype(dtype):
    x = V.astype(dtype)
    for f in (np.fft.fft, np.fft.rfft, np.fft.irfft, np.fft.hfft):
        g = grad(lambda x: np.sum(np.abs(f(x))))(x)  # noqa: B023
        assert g.dtype == dtype
        expected = grad(lambda x: np.sum(np.abs(f(x))))(x.astype(float))  # noqa: B023
        np.testing.assert_allclose(g, expected, rtol=0, atol=40 * np.finfo(dtype).eps)


def test_a_program_reads_as_it_was_written():
    program = make_jaxpr(vmap(lambda x: np.fft.rfft(x, 4)))(X)
    assert [eqn.primitive.source("x") for eqn in program.equations] == [
        "np.fft.rfft(x, n=4, axis=1, norm='backward')"
    ]
    back = make_jaxpr(lambda ct: vjp(np.fft.fft, Z)[1](ct))(Z)
    assert [eqn.primitive.name for eqn in back.equations] == ["fft"]


def test_refusals():
    with pytest.raises(DtypeError, match=r"take x\.real"):
        jit(np.fft.rfft)(Z)
    with pytest.raises(NotTraceableError, match="out="):
        jit(lambda x: np.fft.fft(x, out=np.empty(3)))(X)
