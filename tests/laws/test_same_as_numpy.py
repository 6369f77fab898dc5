"""Programs on which NumPy and a transform once differed: value, dtype, shape, type, ownership.

Each is minimal and named after what was wrong. Equality is to the bit.
"""

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import grad, jit, jvp, stop_gradient, tree, vjp, vmap
from funcgrad.core.trace import Tracer, aval_of
from funcgrad.errors import DtypeError, LeakedTracerError

F4 = np.array([1.5, -0.25, 3.0], np.float32)
F2 = F4.astype(np.float16)
I4 = np.array([1, -2, 3], np.int32)
U1 = np.array([1, 200, 3], np.uint8)
B = np.array([True, False, True])
BIG = np.array([0.5, -1.5, 2.25], ">f8")
TIES = np.array([2, 6, 1, 3, 1, 6, 6, 1, 2, 2, 1, 6, 3, 3, 1, 2, 6, 6])


def inexact(x):
    return aval_of(x).inexact


def answers(f, args):
    """What each transform gives for ``f(*args)``."""
    places = [i for i, a in enumerate(args) if inexact(a)]
    yield "jit", jit(f)(*args)
    if places:

        def of_inexact(*xs):
            return f(*[xs[places.index(i)] if i in places else a for i, a in enumerate(args)])

        given = [args[i] for i in places]
        ones = tuple([np.ones(np.shape(x), aval_of(x).dtype)[()] for x in given])
        yield "vjp", vjp(of_inexact, *given)[0]
        yield "jvp", jvp(of_inexact, tuple(given), ones)[0]
        yield "jit of vjp", jit(lambda *xs: vjp(of_inexact, *xs)[0])(*given)
    if not any(type(a) in (bool, int, float, complex) for a in args):
        batch = [np.stack([np.asarray(a)] * 2) for a in args]
        yield "vmap", tree.map(lambda leaf: leaf[1], vmap(f)(*batch))


def same_bits(found, expected):
    assert not (isinstance(found, np.ndarray) and not found.ndim), "an array of no axes"
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)
    if found.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


SAME = {
    "a Python float is a float64 to dot": (lambda x: np.dot(x, 2.0), F4),
    "to inner": (lambda x: np.inner(2.0, x), F4),
    "to outer": (lambda x: np.outer(2.0, x), F2),
    "to kron": (lambda x: np.kron(x, 2.0), F4),
    "to tensordot": (lambda x: np.tensordot(x, 2.0, 0), F4),
    "to einsum": (lambda x: np.einsum("i,->i", x, 2.0), F4),
    "to stack": (lambda x: np.stack([x[0], 2.0]), F4),
    "to hstack": (lambda x: np.hstack([x, 2.0]), F4),
    "to vstack": (lambda x: np.vstack([x[0], 2.0]), F4),
    "an int is an int64 to dot": (lambda x: np.dot(x, 2**40), I4),
    "where takes the array's dtype for a traced float": (
        lambda x, s: np.where(x > 0, x, s),
        F2,
        1.5,
    ),
    "clip too": (lambda x, s: np.clip(x, s, None), F2, 0.5),
    "select too": (lambda x, s: np.select([x > 0], [x], s), F4, 0.5),
    "where wraps what is too large": (lambda x: np.where(B, x, 300), U1),
    "where wraps what is negative": (lambda x: np.where(B, x, -3), U1),
    "select wraps": (lambda x: np.select([B], [x], 2**40), I4),
    "choose wraps": (lambda x: np.choose([0, 1, 0], [x, 2**40]), I4),
    "initial takes the array's dtype": (lambda x: np.max(x, initial=3.5), I4),
    "initial of booleans": (lambda x: np.min(x, initial=2), B),
    "einsum does not widen": (lambda x: np.einsum("ij,j->i", x, np.array([True])), I4[:, None]),
    "einsum of one operand does not widen": (lambda x: np.einsum("i->", x), U1),
    "einsum over an axis of length 0": (
        lambda x: np.einsum("i,i", x, np.zeros(0)),
        np.array([np.nan]),
    ),
    "an index that leaves no axis": (lambda x: x[..., 0], F4),
    "an index that leaves no axis of two": (lambda x: x[..., 0, 0], F4[:, None]),
    "the order of ties": (np.argsort, TIES),
    "the order of ties along an axis": (lambda x: np.argsort(x, axis=0), np.stack([TIES] * 20)),
    "the stable order of ties": (lambda x: np.argsort(x, kind="stable"), TIES),
    "x ** inf": (lambda x: x ** float("inf"), F4),
    "x ** nan of a scalar": (lambda x: x ** float("nan"), np.float32(1.5)),
    "power with inf": (lambda x: np.power(x, np.float64("-inf")), F4.astype(float)),
    "padding with nan": (lambda x: np.pad(x, 1, constant_values=float("nan")), F4),
    "padding with inf, complex": (lambda x: np.pad(x, 1, constant_values=-np.inf), F4 + 1j),
    "maximum of big-endian arrays": (lambda x: np.maximum(x, BIG[::-1]), BIG),
    "the real part of a Python float": (lambda x, s: s.real * x, F4, 0.5),
    "np.real of a Python float": (lambda x, s: np.real(s) * x, F4, 0.5),
    "the imaginary part of a Python float": (lambda x, s: x + s.imag, F4, 0.5),
    "the real part of a Python complex": (lambda x, s: s.real * x, F4, 0.5 + 2j),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SAME)
def test_same_answer(name):
    f, *args = SAME[name]
    try:
        expected = f(*args)
    except OverflowError:  # a number that the dtype does not hold, from NumPy 2.5 on
        with pytest.raises(OverflowError):
            jit(f)(*args)
        return
    for transform, found in answers(f, args):
        try:
            same_bits(found, expected)
        except AssertionError as error:
            raise AssertionError(f"{transform}: {error}") from None


CASTS = [float("nan"), float("inf"), -float("inf"), 1e30, -1.5, 300.7, -0.0, 2.0**40]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8, np.uint8, np.uint64, np.bool_])
def test_floats_that_no_integer_holds_convert_as_numpys_scalars(dtype):
    def f(x):
        return (np.float64(1) * x).astype(dtype)

    for value in CASTS:
        same_bits(jit(f)(value), f(value))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.uint64, np.float32, np.float16])
def test_integers_convert_by_way_of_int64(dtype):
    def f(n):
        return np.positive(n).astype(dtype)

    for value in (2**40, -1, 300, 2**53 + 2**29 + 1, -(2**63)):
        same_bits(jit(f)(value), f(value))


def test_an_index_that_leaves_no_axis_is_no_view():
    x = F4.copy()
    f = jit(lambda x: x[..., 0])
    first = f(x)
    x[0] = 7
    assert first == F4[0] and f(x) == 7


RAISE = {
    "rounding an array": (lambda x: round(x, 1), TypeError, F4),
    "rounding a complex number": (lambda s: round(s, 1), TypeError, 1 + 2j),
    "padding integers with inf": (
        lambda x: np.pad(x, 1, constant_values=float("inf")),
        OverflowError,
        I4,
    ),
    "padding integers with nan": (
        lambda x: np.pad(x, 1, constant_values=float("nan")),
        ValueError,
        I4,
    ),
    "an initial value that does not fit": (lambda x: np.max(x, initial=300), OverflowError, U1),
    "a complex initial value": (lambda x, s: np.max(x, initial=s), TypeError, F4, 2 + 1j),
    "a choice that no integer holds": (
        lambda x: np.where(B, x, 2**70),
        (OverflowError, TypeError),
        I4,
    ),
}


@pytest.mark.parametrize("name", RAISE)
def test_raises_as_numpy_does(name):
    f, error, *args = RAISE[name]
    with pytest.raises(error):
        f(*args)
    with pytest.raises(error):
        jit(f)(*args)
    if all(map(inexact, args)):
        with pytest.raises(error):
            vjp(f, *args)
        with pytest.raises(error):
            jvp(f, tuple(args), tuple(args))


def test_the_deviation_of_complex_numbers_has_no_real_dtype():
    # NumPy leaves the imaginary part of the mean out, with a warning.
    with pytest.raises(DtypeError, match="leave out the imaginary part"):
        jit(lambda x: np.std(x, dtype=np.float32))(F4 + 1j)


def test_lists_of_numbers_are_arrays_first():
    def f(s):
        return (fnp if isinstance(s, Tracer) else np).array([s, 2.0])

    for _, found in answers(f, [np.float32(1.5)]):
        same_bits(found, f(np.float32(1.5)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("of_two", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_a_constant_cotangent_of_a_choice_has_the_dtype_of_the_operands(of_two, dtype):
    for other in (0.5, np.nan):
        for x in (F4.astype(dtype), dtype(1.5), dtype(0.5)):
            eager = grad(lambda x, other=other: np.sum(of_two(x, other)))(x)
            compiled = jit(grad(lambda x, other=other: np.sum(of_two(x, other))))(x)
            assert eager.dtype == dtype
            same_bits(compiled, eager)


def test_writing_into_what_stop_gradient_gave_changes_nothing_else():
    x = np.array([0.5, -1.0, 2.0])

    def f(x):
        y = np.exp(x)
        constant = stop_gradient(y)
        constant[...] = 7.0
        return np.sum(y * x)

    expected = np.exp(x) * (1 + x)
    np.testing.assert_allclose(grad(f)(x), expected, rtol=1e-14)
    np.testing.assert_allclose(jvp(f, (x,), (np.ones(3),))[1], np.sum(expected), rtol=1e-14)
    stop_gradient(x)[...] = 0
    assert x[0] == 0.5


def test_accumulating_a_vector_along_no_axis():
    x = np.array([0.5, -1.0, 2.0, 1.0])
    same_bits(jit(lambda x: np.maximum.accumulate(x, axis=None))(x), np.maximum.accumulate(x))


def test_a_python_int_to_a_traced_negative_power_raises():
    # Python gives a float, whose type would depend on the value; this gave the integer 0.
    for f, args in ((lambda n: 2**n, (-3,)), (lambda m, n: m**n, (2, -3))):
        with pytest.raises(ValueError, match="negative integer powers"):
            jit(f)(*args)
    assert jit(lambda n: 2**n)(5) == 32
    with pytest.raises(OverflowError):
        jit(lambda n: 3**n)(50)


@pytest.mark.parametrize("leak_from", [grad, jit])
def test_a_leaked_tracer_is_no_result(leak_from):
    held = []

    def leak(x):
        held.append(2 * x)
        return np.sum(x)

    x = np.array([0.5, 2.0])
    leak_from(leak)(x)
    for use in (
        lambda h: jvp(lambda y: h, (x,), (x,)),
        lambda h: vjp(lambda y: (y, h), x),
        lambda h: jit(lambda y: h)(x),
        lambda h: vmap(lambda y: h)(x),
        lambda h: grad(lambda y: (np.sum(y), h), has_aux=True)(x),
    ):
        with pytest.raises(LeakedTracerError):
            use(held[0])
