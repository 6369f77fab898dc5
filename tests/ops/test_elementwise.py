"""The elementwise primitives: NumPy's bits, right derivatives, the kinks, stability."""

import itertools
import operator
import pickle
import warnings

import numpy as np
import pytest
import scipy.special
from samples import every_primitive
from samples.elementwise import SAMPLES, X, Y, Z
from samples.laws import check_sample

from funcgrad import grad, hessian, jit, jvp, make_jaxpr, stop_gradient, vjp, vmap
from funcgrad.core.check import check
from funcgrad.core.record import run, trace
from funcgrad.core.trace import aval_of
from funcgrad.errors import DtypeError, ShapeError
from funcgrad.ops import arithmetic, kinds
from funcgrad.ops import complex as complex_
from funcgrad.ops.elementwise import logistic, relu
from funcgrad.ops.kernels import elementwise as kernels
from funcgrad.testing import check_grads, check_transforms, derivative
from funcgrad.transforms import jvp as forward
from funcgrad.transforms import vjp as reverse

names = [f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_samples(sample):
    check_sample(sample)


def test_every_primitive_has_a_sample():
    rooms = {"arithmetic", "complex", "convert", "discrete", "exponential", "kinds", "select"}
    rooms |= {"trigonometric"}
    ours = {n for n, p in every_primitive().items() if p.__module__.rpartition(".")[2] in rooms}
    assert ours == ours & {s.primitive for s in SAMPLES}


# Law 1, to the bit: for operands of all dtypes, arrays and scalars, the traced answer is NumPy's.

ARRAYS = {
    "?": np.array([False, True, True]),
    "b": np.array([0, -3, 7], "b"),
    "B": np.array([0, 3, 250], "B"),
    "i": np.array([0, -3, 7], "i"),
    "q": np.array([0, -3, 7], "q"),
    "Q": np.array([0, 3, 7], "Q"),
    "e": np.array([-0.0, 1.7, np.nan], "e"),
    "f": np.array([-2.3, np.inf, 1.1], "f"),
    "d": np.array([-2.3, 0.0, 0.7]),
    "g": np.array([-2.3, 0.0, 0.7], "g"),
    "F": np.array([0.3 - 1j, 2j, -1.5], "F"),
    "D": np.array([0.3 - 1j, 2j, -1.5]),
}
SCALARS = [np.float64(1.7), np.float32(-2.5), np.int8(-2), np.uint8(3), np.True_]
PYTHON = [True, 2, -1, 300, 2.5, -0.5, 0.0, 1j]
OPERANDS = [*ARRAYS.values(), *SCALARS, *PYTHON]
FEWER = [*[ARRAYS[c] for c in "?bBqefdD"], *SCALARS[:3], True, 2, -1, 300, 2.5, 1j]


def bits(value):
    """What must agree: type, dtype, shape and every bit but those of a nan."""
    value = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
    array = np.asarray(value)
    parts = [array.real, array.imag] if array.dtype.kind == "c" else [array]
    numbers = [
        np.where(np.isnan(p), 0, p).tolist()
        + np.isnan(p).tolist()
        + np.signbit(np.where(np.isnan(p), 0, p)).tolist()
        if p.dtype.kind == "f" and p.ndim
        else str(p)
        for p in parts
    ]
    return type(value), array.dtype, array.shape, numbers


def flat(result):
    return list(result) if isinstance(result, tuple) else [result]


def traced_answers(f, args):
    """The answer of each frame that computes one: recorded and run, reverse, forward; in parts."""
    everything = [tuple(range(len(args)))]
    for places in everything if len(args) == 1 else [*everything, (0,), (1,)]:

        def g(*xs, places=places):
            given = list(args)
            for place, x in zip(places, xs, strict=True):
                given[place] = x
            return flat(f(*given))

        values = [args[place] for place in places]
        yield "recorded", places, lambda g=g, values=values: recorded(g, values)
        if all(aval_of(v).inexact for v in values):
            ones = [np.ones(aval_of(v).shape, aval_of(v).dtype)[()] for v in values]
            yield "reverse", places, lambda g=g, values=values: reverse.vjp(g, values)[0]
            yield (
                "forward",
                places,
                lambda g=g, values=values, ones=ones: forward.jvp(g, values, ones)[0],
            )


def recorded(g, values):
    program, captured = trace(g, [aval_of(v) for v in values])
    return run(check(program), [*captured, *values])


ERRORS = (TypeError, ValueError, OverflowError)


def outcome(call):
    """The bits of the answers, or the kind of the error."""
    try:
        return [bits(a) for a in call()]
    except ERRORS:
        return "error"


def assert_same_bits(f, args, excepted=lambda args, places: False):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = outcome(lambda: flat(f(*args)))
        except ZeroDivisionError:
            return
        for route, places, answer in traced_answers(f, args):
            if not excepted(args, places):
                assert outcome(answer) == plain, (route, places, args)


UFUNCS = sorted(
    {u for u in vars(np).values() if isinstance(u, np.ufunc) and u.signature is None},
    key=lambda u: u.__name__,
)
UFUNCS.remove(np.isnat)


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_ufuncs_to_the_bit(ufunc):
    for args in itertools.product(OPERANDS if ufunc.nin == 1 else FEWER, repeat=ufunc.nin):
        assert_same_bits(ufunc, args)


BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "lshift"]
BINARY += ["rshift", "lt", "le", "gt", "ge", "eq", "ne"]


@pytest.mark.parametrize("name", [*BINARY, "divmod"])
def test_binary_operators_to_the_bit(name):
    function = divmod if name == "divmod" else getattr(operator, name)

    def excepted(args, places):
        x, y = args
        if complex in (type(x), type(y)) and np.float64 in (type(x), type(y)):
            return (
                True  # Python's complex takes np.float64 for a float and answers in Python's type
            )
        if name != "pow":
            return False
        base, exponent = np.asarray(x), np.asarray(y)
        if type(x) in (int, float) and type(y) is float and x < 0:
            return True  # complex in Python, nan here
        if type(x) is int and type(y) is int and y < 0:
            return 1 in places  # a float in Python, an error where the exponent has no value
        # NumPy computes some powers another way where the exponent is a Python number.
        return (
            1 in places
            and type(y) in (int, float)
            and (base.dtype.kind == "b" or (base.dtype.kind == "c" and exponent.dtype.kind in "if"))
        )

    for args in itertools.product(FEWER, repeat=2):
        assert_same_bits(function, args, excepted)


@pytest.mark.parametrize("name", ["neg", "pos", "abs", "invert"])
def test_unary_operators_to_the_bit(name):
    for x in OPERANDS:
        assert_same_bits(getattr(operator, name), (x,))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, -1, -2, 0.5, 1.5, -0.5, 2.0, np.float64(2.5)])
def test_powers_to_the_bit(n):
    x = np.random.default_rng(0).uniform(0.01, 30, 1000)
    for base in (x, x.astype(np.float32), x * np.exp(1j * x), x[0], float(x[1])):
        assert_same_bits(lambda x: x**n, (base,))
        assert_same_bits(lambda x: np.power(x, n), (base,))


def test_a_numpy_scalar_to_a_traced_power():
    exponents = np.random.default_rng(0).uniform(-3, 3, 300)
    base = np.float64(1.7)
    for y in exponents:
        assert_same_bits(lambda y: base**y, (y,))
        assert_same_bits(lambda y: np.power(base, y), (y,))
        assert_same_bits(lambda y: 1.7**y, (y,))


@pytest.mark.parametrize("function", [round, lambda x, n: np.round(x, n)])
def test_rounding_to_the_bit(function):
    for x in (2.675, np.float64(2.675), np.float32(1.15), np.int64(25), 25, np.float16(0.25)):
        for n in (-1, 0, 1, 2):
            assert_same_bits(lambda x, n=n: function(x, n), (x,))


def test_python_numbers_stay_python_numbers_between_operators():
    for f, args, kind in [
        (lambda x, y: x / y, (6, 3), float),
        (lambda x, y: x // y, (7, 2), int),
        (lambda x, y: x + y, (True, True), int),
        (lambda x, y: x**y, (2, 10), int),
        (lambda x, y: x & y, (True, False), bool),
        (lambda x, y: x < y, (1, 2.5), bool),
        (lambda x, y: x << y, (True, 3), int),
        (lambda x, y: -x * y, (True, 2.5), float),
        (lambda x, y: abs(x) + ~y, (True, 1), int),
        (lambda x, y: x**-2 + y, (2, 1), float),
    ]:
        program, captured = trace(lambda *xs, f=f: [f(*xs)], [aval_of(a) for a in args])
        (found,) = run(check(program), [*captured, *args])
        assert found == f(*args)
        assert type(found) is kind is type(f(*args))


def test_an_integer_to_a_traced_negative_power_raises():
    with pytest.raises(ValueError, match="Integers to negative integer powers are not allowed"):
        recorded(lambda x, y: [x**y], [2, -1])


# Law 5: the kinks.

KINKS = [
    ("abs at 0", abs, 0.0, 0.0),
    ("sign", np.sign, 0.0, 0.0),
    ("relu at 0", relu, 0.0, 0.0),
    ("relu above", relu, 1e-30, 1.0),
    ("maximum, tie", lambda x: np.maximum(x, 0.0), 0.0, 0.5),
    ("minimum, tie", lambda x: np.minimum(x, 0.0), 0.0, 0.5),
    ("fmax, tie", lambda x: np.fmax(x, 0.0), 0.0, 0.5),
    ("fmin, tie", lambda x: np.fmin(x, 0.0), 0.0, 0.5),
    ("maximum with itself", lambda x: np.maximum(x, x), 2.0, 1.0),
    ("maximum with a nan", lambda x: np.maximum(x, np.nan), 1.0, 0.5),
    ("fmax with a nan", lambda x: np.fmax(x, np.nan), 1.0, 1.0),
    ("fmax of a nan", lambda x: np.fmax(x, 1.0), np.nan, 0.0),
    ("fmin with a nan", lambda x: np.fmin(np.nan, x), 1.0, 1.0),
    ("clip at the lower bound", lambda x: np.clip(x, 0.0, 1.0), 0.0, 1.0),
    ("clip at the upper bound", lambda x: np.clip(x, 0.0, 1.0), 1.0, 1.0),
    ("clip below", lambda x: np.clip(x, 0.0, 1.0), -1.0, 0.0),
    ("clip above", lambda x: np.clip(x, 0.0, 1.0), 2.0, 0.0),
    ("clip at its only bound", lambda x: np.clip(x, 1.0, None), 1.0, 1.0),
    ("clip at its only upper bound", lambda x: np.clip(x, None, 1.0), 1.0, 1.0),
    ("a traced lower bound", lambda b: np.clip(-1.0, b, 1.0), 0.0, 1.0),
    ("a traced lower bound, met", lambda b: np.clip(0.0, b, 1.0), 0.0, 0.0),
    ("a traced upper bound", lambda b: np.clip(2.0, 0.0, b), 1.0, 1.0),
    ("crossed bounds, upper", lambda b: np.clip(0.5, 2.0, b), 1.0, 1.0),
    ("crossed bounds, lower", lambda b: np.clip(0.5, b, 1.0), 2.0, 0.0),
    ("sqrt at 0", np.sqrt, 0.0, np.inf),
    ("sqrt of a square", lambda x: np.sqrt(x * x), 0.0, 0.0),
    ("fractional power at 0", lambda x: x**0.3, 0.0, np.inf),
    ("fractional power of a square", lambda x: (x * x) ** 0.5, 0.0, 0.0),
    ("square at 0", lambda x: x**2, 0.0, 0.0),
    ("first power at 0", lambda x: x**1, 0.0, 1.0),
    ("zeroth power at 0", lambda x: x**0, 0.0, 0.0),
    ("x to a number, at 0", lambda x: np.power(x, np.array([2.0]))[0], 0.0, 0.0),
    ("x to 1, at 0", lambda x: np.power(x, np.array([1.0]))[0], 0.0, 1.0),
    ("x to 0, at 0", lambda x: np.power(x, np.array([0.0]))[0], 0.0, 0.0),
    ("0 to a positive power", lambda y: 0.0**y, 2.0, 0.0),
    ("0 to the 0", lambda y: 0.0**y, 0.0, 0.0),
    ("negative base", lambda x: x ** np.array([3.0])[0], -2.0, 12.0),
    ("negative base, general", lambda x: np.sum(x ** np.array([3.0])), -2.0, 12.0),
    ("cbrt of a cube", lambda x: np.cbrt(x * x * x), 0.0, 0.0),
    ("hypot at the origin", lambda x: np.hypot(x, x), 0.0, 0.0),
    ("arctan2 at the origin", lambda x: np.arctan2(x, x), 0.0, 0.0),
    ("arctan2 on the axis", lambda y: np.arctan2(y, 0.0), 0.0, 0.0),
    ("copysign at 0", lambda x: np.copysign(x, -1.0), 0.0, 0.0),
    ("floor", np.floor, 2.0, 0.0),
    ("remainder", lambda x: x % 1.0, 2.0, 1.0),
    ("sinc at 0", np.sinc, 0.0, 0.0),
    ("equal infinities", lambda x: np.logaddexp(x, -np.inf), -np.inf, 0.5),
    ("where of equal branches", lambda x: np.where(x > 0, x, 2 * x), 0.0, 2.0),
]


@pytest.mark.parametrize("name, f, x, expected", KINKS, ids=[k[0] for k in KINKS])
def test_kinks(name, f, x, expected):
    for point in (x, np.float64(x), np.float32(x)):
        assert grad(f)(point) == expected
        assert jvp(f, (point,), (type(point)(1.0),))[1] == expected
        assert jit(grad(f))(point) == expected
    if np.ndim(f(x)) == 0:
        row = np.array([x, x])
        np.testing.assert_array_equal(vmap(grad(f))(row), [expected, expected])


SINGULAR = [
    (np.log, 0.0),
    (np.log2, 0.0),
    (np.log10, 0.0),
    (np.log1p, -1.0),
    (np.sqrt, 0.0),
    (np.cbrt, 0.0),
    (np.reciprocal, 0.0),
    (lambda x: 1 / x, 0.0),
    (lambda x: x**-1, 0.0),
    (lambda x: x**-0.5, 0.0),
    (lambda x: x**0.5, 0.0),
    (lambda x: x**0.3, 0.0),
    (lambda x: x ** np.full(1, 0.3)[0], 0.0),
    (lambda x: np.power(x, np.array(0.5)), 0.0),
    (np.arcsin, 1.0),
    (np.arccos, -1.0),
    (np.arccosh, 1.0),
    (np.arctanh, 1.0),
    (lambda x: np.log(np.sqrt(x)), 0.0),
    (lambda x: np.tanh(np.log(x * x) * 2 + 1), 0.0),
    (lambda x: np.exp(1 / x), 0.0),
    (lambda x: np.hypot(x, x), 0.0),
    (lambda x: np.arctan2(x, x), 0.0),
    (lambda x: np.log(x) ** 2, 0.0),
    (lambda x: x % x, 0.0),
]


@pytest.mark.parametrize("f, x", SINGULAR)
def test_masked_branches_are_safe(f, x):
    def masked(point):
        # The plain call warns here too; its derivatives must not.
        with np.errstate(all="ignore"):
            return np.where(point == x, 3.0 * point, f(point))

    for point in (x, np.float64(x), np.float32(x)):
        assert grad(masked)(point) == 3.0
        assert grad(grad(masked))(point) == 0.0
        assert jvp(masked, (point,), (type(point)(1.0),))[1] == 3.0
        assert derivative(grad(masked))(point) == 0.0
    row = np.array([x, x + 0.25 if x < 1 else x])
    with np.errstate(all="ignore"):
        assert vmap(grad(masked))(row)[0] == 3.0
        assert grad(lambda row: np.sum(masked(row)))(row)[0] == 3.0


def test_norm_at_0():
    zero = np.zeros(3)
    assert grad(lambda x: np.sqrt(np.sum(x * x)))(zero).tolist() == [0, 0, 0]
    assert grad(lambda x: np.sum(x**2) ** 0.5)(zero).tolist() == [0, 0, 0]


def test_ties_share_in_arrays():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    gx, gy = grad(lambda x, y: np.sum(np.maximum(x, y)), argnums=(0, 1))(x, y)
    assert gx.tolist() == [0.0, 0.5, 1.0]
    assert gy.tolist() == [1.0, 0.5, 0.0]


def test_power_by_its_exponent():
    x, y = np.array([0.0, 0.0, 2.0, 0.0]), np.array([2.0, 0.0, 3.0, 0.5])
    found = grad(lambda y: np.sum(x**y))(y)
    np.testing.assert_array_equal(found, [0.0, 0.0, 8.0 * np.log(2.0), 0.0])
    np.testing.assert_allclose(grad(lambda x: 2**x)(3.0), 8.0 * np.log(2.0), rtol=1e-15)
    assert grad(lambda x: 2**x)(np.float32(3.0)).dtype == np.float32


# Stability.


def test_logistic_is_stable():
    x = np.array([-1000.0, -745.0, -700.0, -40.0, -1.0, 0.0, 1.0, 40.0, 700.0, 1000.0])
    exact = 1 / (1 + np.exp(-x.astype(np.longdouble)))
    np.testing.assert_allclose(logistic(x), exact.astype(np.float64), rtol=4e-16, atol=2.3e-308)
    f = x[3:8].astype(np.float32)
    np.testing.assert_allclose(logistic(f), scipy.special.expit(f), rtol=3e-7)
    assert logistic(x.astype(np.float16)).dtype == np.float16
    for value in x:
        np.testing.assert_allclose(
            grad(logistic)(value), scipy.special.expit(value) * scipy.special.expit(-value),
            rtol=1e-14, atol=1e-16,
        )  # fmt: skip
    assert np.isnan(logistic(np.nan))
    check_grads(logistic, (np.array([-3.0, 0.0, 2.0]),), order=3)


def test_logaddexp_is_stable():
    f = grad(np.logaddexp, argnums=(0, 1))
    assert f(1000.0, -1000.0) == (1.0, 0.0)
    assert f(-1000.0, -1000.0) == (0.5, 0.5)
    assert f(np.inf, 0.0) == (1.0, 0.0)
    assert f(np.inf, np.inf) == (0.5, 0.5)
    assert f(-np.inf, -np.inf) == (0.5, 0.5)
    np.testing.assert_allclose(f(0.0, 700.0), (np.exp(-700.0), 1.0), rtol=1e-13)
    np.testing.assert_allclose(hessian(np.logaddexp)(1.0, 1.0), 0.25)


def test_derivatives_do_not_overflow():
    for f in (np.tanh, logistic, np.arctan, np.arcsinh, relu, np.cbrt):
        for x in (-1000.0, 1000.0):
            assert np.isfinite(grad(f)(x))
    gx, gy = grad(np.hypot, argnums=(0, 1))(3e200, 4e200)
    np.testing.assert_allclose([gx, gy], [0.6, 0.8], rtol=1e-15)
    gy, gx = grad(np.arctan2, argnums=(0, 1))(3e-200, 4e-200)
    np.testing.assert_allclose([gy, gx], [4 / 25e-200, -3 / 25e-200], rtol=1e-14)


def test_sinc_near_0():
    x = np.concatenate([[0.0], np.logspace(-12, 1.5, 60)])
    u = np.pi * x
    first = np.vectorize(grad(np.sinc))(x)
    np.testing.assert_allclose(first, -np.pi * scipy.special.spherical_jn(1, u), atol=1e-15, rtol=0)
    np.testing.assert_allclose(
        first[:30], -np.pi * scipy.special.spherical_jn(1, u[:30]), rtol=1e-13
    )
    second = np.vectorize(grad(grad(np.sinc)))(x)
    expected = -(np.pi**2) * scipy.special.spherical_jn(1, u, derivative=True)
    np.testing.assert_allclose(second, expected, rtol=1e-12, atol=2e-14)
    fourth = grad(grad(grad(grad(np.sinc))))(0.0)
    np.testing.assert_allclose(fourth, np.pi**4 / 5, rtol=1e-14)
    assert grad(np.sinc)(np.float32(0.5)).dtype == np.float32


def test_expm1_and_log1p_are_precise():
    assert grad(np.expm1)(1e-20) == 1.0
    assert grad(np.log1p)(1e-20) == 1.0


# Complex numbers: <a, b> = Re(sum(a * b)), without conjugate.


def pulled(f, z, ct):
    return vjp(f, z)[1](ct)[0]


def test_gradients_of_real_functions_of_complex_numbers():
    z = 3 + 4j
    assert grad(lambda z: np.abs(z) ** 2)(z) == pytest.approx(6 - 8j)
    assert grad(lambda z: np.real(z * np.conjugate(z)))(z) == 6 - 8j
    assert grad(np.real)(z) == 1
    assert grad(np.imag)(z) == -1j
    assert grad(np.abs)(z) == pytest.approx((3 - 4j) / 5)
    assert grad(np.angle)(z) == pytest.approx((-4 - 3j) / 25)
    assert pulled(np.conjugate, z, 1 + 2j) == 1 - 2j
    assert pulled(np.exp, z, 1j) == 1j * np.exp(z)


def test_complex_zero():
    for f in (np.abs, np.angle, lambda z: np.real(np.sign(z)), lambda z: np.abs(z) ** 2):
        assert grad(f)(0j) == 0


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_dtypes(dtype):
    z = Z.astype(dtype)
    real = z.real.dtype
    for f in (np.abs, np.real, np.imag, np.angle):
        out, pullback = vjp(f, z)
        assert out.dtype == real
        assert pullback(np.ones(3, real))[0].dtype == dtype
    check_transforms(lambda z: np.sin(z) * np.conj(z) / (1 + np.abs(z)), (z,))


def test_a_real_operand_of_a_complex_product_gets_a_real_gradient():
    found = grad(lambda x: np.abs(x * (1 + 2j)) ** 2)(3.0)
    assert found == pytest.approx(30.0)
    assert type(found) is np.float64
    found = grad(lambda x: np.sum(np.real(x * Z)))(X[0])
    np.testing.assert_array_equal(found, Z.real)


# Dtypes of derivatives.


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_derivatives_keep_the_dtype(dtype):
    x = np.array([0.25, 0.5, 0.75], dtype)
    for f in (
        *(np.exp, np.exp2, np.log2, np.log10, np.sqrt, np.cbrt, np.tanh, np.arcsin, np.arctanh),
        *(np.sinc, np.degrees, logistic, relu, abs, np.reciprocal, np.square, np.log1p),
        *(lambda x: x**3, lambda x: x**-1.5, lambda x: 2.0**x, lambda x: np.power(x, 0.5)),
        *(lambda x: np.hypot(x, 1.0), lambda x: np.arctan2(1.0, x), lambda x: np.logaddexp(x, 0)),
        *(lambda x: np.clip(x, 0.3, None), lambda x: np.where(x > 0.3, x, 0.0), lambda x: x % 0.3),
        *(lambda x: np.maximum(x, 0.3), lambda x: np.heaviside(x, 0.5) * x, lambda x: 1 - 2 * x),
        *(lambda x: np.ldexp(x, 2), lambda x: np.frexp(x)[0], lambda x: np.copysign(x, -1.0)),
    ):
        assert grad(lambda x, f=f: np.sum(f(x)))(x).dtype == dtype
        assert jvp(f, (x,), (np.ones_like(x),))[1].dtype == dtype
        assert grad(f)(x[0]).dtype == dtype


# Small functions.


def test_mask_mul():
    values = [0.0, -0.0, 1.5, -2.0, np.inf, -np.inf, np.nan]
    for x, y in itertools.product(values, repeat=2):
        expected = 0.0 if x == 0 or y == 0 else np.float64(x) * np.float64(y)
        arrays = kernels.mask_mul(np.array([x, 2.0]), np.array([y, 3.0]))
        assert arrays[1] == 6.0
        for found in (kernels.mask_mul(x, y), kernels.mask_mul(np.float64(x), y), arrays[0]):
            np.testing.assert_array_equal(found, expected)
    assert type(kernels.mask_mul(2.0, 3.0)) is float
    assert type(kernels.mask_mul(np.float64(2.0), 3.0)) is np.float64
    assert kernels.mask_mul(np.zeros((0, 2)), np.inf).shape == (0, 2)
    assert kernels.mask_mul(0j, complex(np.inf, 0)) == 0


def test_share():
    x = np.array([1.0, 2.0, 2.0, np.nan, 1.0, np.nan, np.inf])
    y = np.array([2.0, 1.0, 2.0, 1.0, np.nan, np.nan, np.inf])
    for nan_loses, expected in [
        (False, [0, 3, 1.5, 1.5, 1.5, 1.5, 1.5]),
        (True, [0, 3, 1.5, 0, 3, 1.5, 1.5]),
    ]:
        g = np.full(7, 3.0)
        np.testing.assert_array_equal(kernels.share(g, x, y, nan_loses), expected)
        for gi, xi, yi, e in zip(g, x, y, expected, strict=True):
            assert kernels.share(gi, xi, yi, nan_loses) == e
    assert kernels.share(np.float32(2), np.float32(1), np.float32(2), False).dtype == np.float32
    found = kernels.share(np.array([np.inf, np.nan, np.inf]), x[:3], y[:3], False)
    np.testing.assert_array_equal(found, [0.0, np.nan, np.inf])


def test_keep():
    x = np.array([1.5, np.inf, np.nan, -2.0, -np.inf, np.nan])
    mask = np.array([True, True, True, False, False, False])
    np.testing.assert_array_equal(kernels.keep(mask, x, True), [1.5, np.inf, np.nan, 0, 0, 0])
    np.testing.assert_array_equal(kernels.keep(mask, x, False), [0, 0, 0, -2.0, -np.inf, np.nan])
    for dtype in "efdgFD":
        for where in (True, False):
            value = np.dtype(dtype).type(2.5)
            scalar = kernels.keep(np.True_, value, where)
            assert scalar == kernels.keep(mask[:1], np.full(1, value), where)[0] == 2.5 * where
            assert scalar.dtype == kernels.keep(mask, value, where).dtype == dtype
    assert kernels.keep(mask[:0], x[:0], True).shape == (0,)
    assert type(kernels.keep(True, 2.0, False)) is float


def test_mask_mul_is_bilinear():
    """Its second derivatives stay masked: a `where` on the cotangent would lose them."""
    x = np.array([0.0, 1.0, np.inf])
    y = np.array([np.inf, 2.0, 0.0])
    tangent = jvp(kinds.mask_mul, (x, y), (np.ones(3), np.zeros(3)))[1]
    np.testing.assert_array_equal(tangent, [np.inf, 2.0, 0.0])


def test_scalar_powers_are_equal_only_with_their_types():
    assert arithmetic.ScalarPow(2, True) == arithmetic.ScalarPow(2, True)
    assert arithmetic.ScalarPow(2, True) != arithmetic.ScalarPow(2.0, True)
    assert arithmetic.ScalarPow(2, True) != arithmetic.ScalarPow(2, False)


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_primitives_pickle_and_print(sample):
    program, _ = trace(lambda *xs: flat(sample.function(*xs)), [aval_of(a) for a in sample.args])
    for eqn in program.equations:
        assert pickle.loads(pickle.dumps(eqn.primitive)) == eqn.primitive
        assert str(eqn.primitive).startswith(eqn.primitive.name)


def test_sources_read_as_numpy():
    def f(x, y):
        return np.where(x > y, x**2 / y, abs(-x)) % 3.0

    assert str(make_jaxpr(f)(1.0, 2.0)).splitlines()[1].startswith("    c: bool*[] = greater a b")
    assert arithmetic.ScalarPow(2, True).source("x") == "x ** 2"
    assert arithmetic.ScalarPow(2, True).source("-1.0") == "(-1.0) ** 2"
    assert arithmetic.ScalarPow(0.5, False).source("x") == "np.power(x, 0.5)"
    assert arithmetic.pow_.source("-2.0", "y") == "(-2.0) ** y"
    assert complex_.absolute.source("x") == "abs(x)"


def test_shapes_and_dtypes_must_fit():
    with pytest.raises(ShapeError, match=r"add: shapes \(2, 3\), \(2,\) do not broadcast"):
        recorded(lambda x, y: [x + y], [X, Y[:2]])
    with pytest.raises(DtypeError, match="the operands' dtypes differ"):
        recorded(lambda x, y: [kinds.add(x, y)], [X, X.astype(np.float32)])
    with pytest.raises(DtypeError, match="ldexp"):
        recorded(lambda x, y: [arithmetic.ldexp(x, y)], [X, X])


def test_stop_gradient():
    assert grad(lambda x: x * stop_gradient(x))(3.0) == 3.0
    assert jvp(lambda x: stop_gradient(x), (3.0,), (1.0,)) == (3.0, 0.0)


def test_infinite_cotangents_do_not_leak_through_choices():
    f = lambda x: np.sqrt(relu(x))  # noqa: E731
    assert grad(f)(-1.0) == 0.0
    assert grad(lambda x: np.log(np.maximum(x, 1.0)))(0.5) == 0.0
    assert grad(lambda x: np.sqrt(np.clip(x, 0.0, 1.0)))(-1.0) == 0.0
