"""The Python Array API standard: its names, parameters and attributes; `descending` order."""

import inspect
from functools import partial

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import grad, jit, jvp, tree, vjp, vmap

V = np.array([0.3, 0.7, 0.45])
M = np.array([[2.0, 0.3, 0.1], [0.4, 1.5, 0.2], [0.15, 0.25, 1.2]])

CONSTANTS = "e inf nan newaxis pi"
DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128"
)
FUNCTIONS = {
    "creation": (
        "arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones "
        "ones_like tril triu zeros zeros_like"
    ),
    "data types": "astype broadcast_arrays broadcast_to can_cast finfo iinfo isdtype result_type",
    "elementwise": (
        "abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift "
        "bitwise_invert bitwise_or bitwise_right_shift bitwise_xor ceil clip conj copysign cos "
        "cosh divide equal exp expm1 floor floor_divide greater greater_equal hypot imag isfinite "
        "isinf isnan less less_equal log log1p log2 log10 logaddexp logical_and logical_not "
        "logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive "
        "pow real reciprocal remainder round sign signbit sin sinh square sqrt subtract tan tanh "
        "trunc"
    ),
    "indexing": "take take_along_axis",
    "inspection": "__array_namespace_info__",
    "linear algebra": "matmul matrix_transpose tensordot vecdot",
    "manipulation": (
        "broadcast_arrays broadcast_to concat expand_dims flip moveaxis permute_dims repeat "
        "reshape roll squeeze stack tile unstack"
    ),
    "searching": "argmax argmin count_nonzero nonzero searchsorted where",
    "sets": "unique_all unique_counts unique_inverse unique_values",
    "sorting": "argsort sort",
    "statistics": "cumulative_prod cumulative_sum max mean min prod std sum var",
    "utilities": "all any diff",
}
LINALG = (
    "cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank "
    "matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm"
)
FFT = "fft fftfreq fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn rfft rfftfreq rfftn"
NAMES = [
    *f"{CONSTANTS} {DTYPES} {' '.join(FUNCTIONS.values())}".split(),
    *[f"linalg.{name}" for name in LINALG.split()],
    *[f"fft.{name}" for name in FFT.split()],
]


@pytest.mark.parametrize("name", NAMES)
def test_the_names_of_the_standard_are_there(name):
    genuine, ours = np, fnp
    for part in name.split("."):
        if not hasattr(genuine, part):
            pytest.skip(f"NumPy {np.__version__} has no {name}")
        genuine, ours = getattr(genuine, part), getattr(ours, part)
    assert type(ours) is type(genuine) or callable(ours)


@pytest.mark.parametrize("under", ["vjp", "jvp", "jit"])
def test_programs_in_terms_of_the_namespace(under):
    def f(x):
        xp = x.__array_namespace__(api_version="2024.12")
        y = xp.concat([xp.asarray(x), xp.pow(x, 2)])
        z = xp.linalg.vector_norm(xp.permute_dims(y, (1, 0)), axis=1)
        return xp.astype(xp.sum(z * xp.acos(xp.full_like(z, 0.5))), xp.float32)

    expected = np.float32(
        np.sum(np.linalg.norm(np.concatenate([M, M**2]), axis=0) * np.arccos(0.5))
    )
    if under == "vjp":
        found, pullback = vjp(f, M)
        (ct,) = tree.leaves(pullback(np.float32(1.0)))
        assert np.all(ct > 0)
    elif under == "jvp":
        found, _ = jvp(f, (M,), (M,))
    else:
        found = jit(f)(M)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.asarray(found).dtype == np.float32


def test_the_version_of_the_standard():
    found = []
    vjp(lambda x: found.append(x.__array_namespace__()) or np.sum(x), V)
    assert found == [fnp]
    assert fnp.__array_api_version__ in ("2022.12", "2023.12", "2024.12", "2025.12")


def _bound(ours, standard):
    """Whether a call with every parameter of the standard's signature suits ours, else why not."""
    several, named = [], {}
    for p in inspect.signature(standard).parameters.values():
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty:
            several.append(0)
        elif p.kind == p.POSITIONAL_ONLY:
            several.append(p.default)
        elif p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD):
            named[p.name] = p.default
    try:
        inspect.signature(ours).bind(*several, **named)
    except TypeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("room", ["", "linalg", "fft"])
def test_the_parameters_of_the_standard(room):
    strict = pytest.importorskip("array_api_strict")
    standard, ours = (getattr(m, room) if room else m for m in (strict, fnp))
    wrong = {}
    for name in standard.__all__:
        function = getattr(standard, name)
        if not inspect.isfunction(function) or name.endswith("_flags"):
            continue
        if not hasattr(getattr(np, room) if room else np, name):
            continue  # this NumPy is older than the standard
        if why := _bound(getattr(ours, name), function):
            wrong[name] = why
    assert wrong == {}


def test_the_array_of_the_standard():
    strict = pytest.importorskip("array_api_strict")
    names = {name for name in dir(strict.asarray([1.0])) if name[:1] != "_" or name[:2] == "__"}
    # Memory of a traced value cannot be shared: there is none.
    names -= {"__buffer__", "__dlpack__", "__dlpack_device__"}
    seen = []
    vjp(lambda x: seen.append([n for n in names if not hasattr(type(x), n)]) or np.sum(x), V)
    vjp(lambda x: seen.append([n for n in names if not hasattr(type(x), n)]) or x, 1.0)
    assert seen == [[], []]


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_descending_order(axis, dtype):
    strict = pytest.importorskip("array_api_strict")
    x = np.array([[3, 1, 3, 2], [0, 5, 1, 5], [3, 1, 0, 2]], dtype)
    sorts = [(strict.sort, fnp.sort), (strict.argsort, fnp.argsort)]
    for standard, ours in sorts:
        expected = np.asarray(
            standard(strict.asarray(x), axis=axis, descending=True, stable=True)._array
        )
        call = partial(ours, axis=axis, descending=True, stable=True)
        for found in (call(x), jit(call)(x), jit(call, backend="run")(x), call(x.tolist())):
            np.testing.assert_array_equal(found, expected)
        rows = vmap(call)(np.stack([x, x[::-1]])) if axis >= 0 else None
        if rows is not None:
            np.testing.assert_array_equal(rows[1], call(x[::-1]))
    np.testing.assert_array_equal(fnp.sort(x, None, descending=True), np.sort(x, None)[::-1])
    flat = fnp.argsort(x, None, descending=True, stable=True)
    np.testing.assert_array_equal(x.ravel()[flat], np.sort(x, None)[::-1])
    if dtype == "float64":
        weights = np.arange(12.0).reshape(3, 4)
        g = grad(lambda x: np.sum(weights * fnp.sort(x, axis, descending=True)))(x)
        places = fnp.argsort(x, axis, descending=True)
        expected = np.zeros((3, 4))
        np.put_along_axis(expected, places, weights, axis)
        np.testing.assert_array_equal(np.sort(g, None), np.sort(expected, None))
    with pytest.raises(np.exceptions.AxisError):
        jit(lambda x: fnp.sort(x, 2, descending=True))(x)


def test_devices():
    seen = []
    vjp(lambda x: seen.append(x.to_device("cpu") is x) or np.sum(x), V)
    assert seen == [True]
    with pytest.raises(ValueError, match="gpu"):
        jit(lambda x: x.to_device("gpu"))(V)
