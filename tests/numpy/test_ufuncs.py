"""NumPy's ufuncs and operators on traced values: every name, method and argument, or our error."""

import fractions
import inspect
import math
import operator
import pickle

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import grad, jit, jvp, vjp, vmap
from funcgrad.core.trace import Tracer
from funcgrad.errors import (
    ArgumentError,
    ConcretizationError,
    DtypeError,
    GradientCutError,
    LeakedTracerError,
    NotTraceableError,
    ShapeError,
    TracerAssignmentError,
)
from funcgrad.numpy.dispatch import counterpart_of
from funcgrad.testing import check_grads, check_transforms

X = np.array([[0.3, -1.7, 2.2], [-0.45, 0.8, 1.35]])
Y = np.array([1.4, -0.6, 0.75])
N = np.array([[6, -4, 9], [0, 15, -7]])
B = np.array([[True, False, True], [True, True, False]])
Z = np.array([0.6 + 0.8j, -1.2 + 0.5j, 0.3 - 1.1j])
UFUNCS = sorted(
    {n for n, u in vars(np).items() if isinstance(u, np.ufunc) and not u.signature and n != "isnat"}
)


def traced(f, x=Y):
    """Call ``f`` with a tracer for ``x``, for the error it raises."""
    return vjp(lambda x: np.sum(f(x)) * 1.0, x)


def fails(error, f, x=Y):
    """The error that ``f`` raises for a tracer, of exactly that class."""
    with pytest.raises(error) as raised:
        traced(f, x)
    assert type(raised.value) is error
    return raised.value


# The names


@pytest.mark.parametrize("name", UFUNCS)
def test_every_ufunc_is_covered(name):
    ufunc = getattr(np, name)
    assert counterpart_of(ufunc) is not None
    public = getattr(fnp, name)
    assert public.__wrapped__ is ufunc
    assert pickle.loads(pickle.dumps(public)) is public


def test_functions_by_name():
    np.testing.assert_array_equal(fnp.hypot(X, Y), np.hypot(X, Y))
    for f in (fnp.sin, np.sin):
        np.testing.assert_array_equal(grad(lambda x, f=f: np.sum(f(x)))(Y), np.cos(Y))
    assert grad(lambda x: fnp.add(x, 2.0) * fnp.multiply(3.0, x))(1.0) == 12.0
    assert fnp.sin.nin == 1
    assert fnp.add.reduce(Y) == np.add.reduce(Y)
    assert inspect.signature(fnp.sin) == inspect.signature(np.sin)
    buffer = np.empty(3)
    assert fnp.sin(Y, out=buffer) is buffer


def test_lists_with_tracers_are_arrays_to_the_functions_by_name():
    found = grad(lambda x: np.sum(fnp.multiply([x, 2 * x], [3.0, 4.0])))(1.0)
    assert found == 11.0
    assert grad(lambda x: np.sum(fnp.sin([x, [x, x][0]])))(0.0) == 2.0
    assert fails(GradientCutError, lambda x: np.sin([x[0], x[1]])).what.startswith("vjp: ")


def test_lists_and_tuples_beside_tracers():
    assert grad(lambda x: np.sum(x * [1.0, 2.0, 3.0]))(Y).tolist() == [1.0, 2.0, 3.0]
    assert grad(lambda x: np.sum((1.0, 2.0, 3.0) * x))(Y).tolist() == [1.0, 2.0, 3.0]
    assert grad(lambda x: np.sum(np.multiply([1.0, 2.0, 3.0], x)))(Y).tolist() == [1.0, 2.0, 3.0]
    assert grad(lambda x: np.sum([x[0], x[1]] * x[2]))(Y).tolist() == [0.75, 0.75, 1.4 - 0.6]


# Operands that are no tracers


def test_arrays_and_numpy_scalars_on_the_left():
    for f in (
        lambda x: X * x,
        lambda x: np.float64(2.0) * x,
        lambda x: np.float64(2.0) ** np.abs(x),
        lambda x: np.float32(2.0) / (x + 3.0),
        lambda x: np.int64(3) - x,
        lambda x: np.float64(2.5) % (x + 3.0),
        lambda x: np.array(2.0) + x,
        lambda x: divmod(np.float64(2.5), x)[1],
    ):
        check_transforms(f, (Y,))
        check_grads(f, (Y,))
    check_transforms(lambda x: np.float64(0.5) > x, (Y,))
    check_transforms(lambda x: x == X, (Y,))


def test_big_endian_and_read_only_operands():
    big = Y.astype(">f8")
    locked = Y.copy()
    locked.flags.writeable = False
    found = grad(lambda x: np.sum(x * big + np.multiply(locked, x)))(Y)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, 2 * Y)


class Length:
    """A foreign class with operators of its own."""

    __array_ufunc__ = None

    def __radd__(self, other):
        return "radd"

    def __rpow__(self, other):
        return "rpow"

    def __gt__(self, other):
        return "gt"


class Unit:
    """A foreign class with NumPy's protocol."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return ufunc.__name__


def test_foreign_operands_answer_themselves():
    seen = []
    traced(lambda x: seen.append([x + Length(), x ** Length(), x < Length()]) or x)
    assert seen == [["radd", "rpow", "gt"]]
    traced(lambda x: seen.append(np.add(x, Unit())) or x)
    assert seen[-1] == "add"
    with pytest.raises(TypeError, match="unsupported operand"):
        traced(lambda x: x + fractions.Fraction(1, 2))


@pytest.mark.parametrize("other", ["text", b"text", None, {}, set()])
def test_operands_that_are_no_numbers(other):
    name = type(other).__name__
    for f in (lambda x: x + other, lambda x: x**other, lambda x: other - x):
        error = fails(DtypeError, f)
        assert error.what.endswith(f"the other operand is a {name}, not an array or a number")
        assert error.fix == "Pass arrays, NumPy scalars or Python numbers."
    seen = []
    traced(lambda x: seen.append((x == other, x != other)) or x)
    assert seen == [(False, True)]


def test_ufuncs_of_what_is_no_number():
    assert "a str_ is not" in fails(DtypeError, lambda x: np.add(x, "text")).what
    assert "object" in fails(DtypeError, lambda x: x * np.array([None] * 3)).what


def test_no_loop():
    error = fails(DtypeError, lambda x: x & 1)
    assert error.what == "numpy.bitwise_and does not take float64[3], int64[]"
    assert error.fix == "Convert the operands, as in x.astype(float) or x > 0."
    assert "numpy.cbrt does not take complex128[3]" in fails(DtypeError, np.cbrt, Z).what
    with pytest.raises(DtypeError, match=r"numpy\.subtract does not take bool"):
        jit(lambda x: x - x)(B)


# Conversions that would cut


def test_conversions_to_int_raise():
    for f, name in [
        (math.floor, "math.floor"),
        (math.ceil, "math.ceil"),
        (math.trunc, "math.trunc"),
        (round, "round"),
    ]:
        assert f"{name}()" in fails(GradientCutError, f, 1.5).what
        with pytest.raises(ConcretizationError, match=name):
            jit(f)(1.5)
        with pytest.raises(ConcretizationError, match=name):
            vmap(f)(Y)
    assert grad(lambda x: round(x, 1) + x)(1.26) == 1.0
    with pytest.raises(TypeError):
        traced(lambda x: round(x, 1))


def test_pow_with_a_modulus():
    error = fails(ArgumentError, lambda x: pow(x, 2, 3))
    assert error.what == "pow: got a modulus, which traced values do not take"
    assert error.fix == "Write (x ** y) % modulus."


def test_a_leaked_tracer_raises_in_operators_too():
    kept = []
    traced(lambda x: kept.append(x) or x)
    for f in (lambda x: x + 1.0, lambda x: -x, lambda x: 1.0 / x, np.sin, lambda x: x**2, abs):
        with pytest.raises(LeakedTracerError):
            f(kept[0])


def test_augmented_assignment_rebinds():
    def f(x):
        y = x
        y += 1.0
        y *= x
        y **= 2
        return y, x

    assert f(3.0) == vjp(f, 3.0)[0]
    assert grad(lambda x: f(x)[0])(3.0) == 2 * 12 * 7


# out= and where=


def test_out_raises():
    error = fails(TracerAssignmentError, lambda x: np.sin(x, out=np.zeros(3)))
    assert error.what == "numpy.sin: out= would write a traced value into an array"
    assert (
        error.fix == "Use the result, y = numpy.sin(...); for an array a, write a = a + x, not "
        "a += x."
    )

    def adds(x):
        a = np.zeros(3)
        a += x
        return a

    assert "numpy.add: out=" in fails(TracerAssignmentError, adds).what
    fails(TracerAssignmentError, lambda x: np.add(Y, Y, out=x))
    fails(TracerAssignmentError, lambda x: np.add(x, 1.0, x))
    fails(TracerAssignmentError, lambda x: np.modf(x, out=(np.zeros(3), np.zeros(3)))[0])
    fails(TracerAssignmentError, lambda x: np.add.reduce(x, out=np.zeros(())))
    fails(TracerAssignmentError, lambda x: np.multiply.accumulate(x, out=np.zeros(3)))
    assert np.all(grad(lambda x: np.sum(np.sin(x, out=None)))(Y) == np.cos(Y))


def test_where_with_a_temporary_out():
    def f(x):
        y = np.log(x, out=np.full(3, 7.0), where=x > 0)
        return y + np.divide(1.0, x, out=np.zeros_like(x), where=[True, False, True])

    for point in (Y, np.array([1.0, 0.0, -2.0])):
        check_transforms(f, (point,))
    gradient = grad(lambda x: np.sum(f(x)))(np.array([2.0, 0.0, -2.0]))
    assert gradient.tolist() == [0.25, 0.0, -0.25]
    check_transforms(lambda m: np.add(Y, 1.0, out=np.zeros(3), where=m), (Y > 0,))
    narrow = np.zeros(3, np.float32)
    check_transforms(lambda x: np.sin(x, out=narrow.copy(), where=x > 0), (Y,))
    check_transforms(lambda x: np.arctanh(x, out=np.zeros(2), where=x < 1), (np.array([0.5, 1.0]),))


def test_where_with_an_out_that_could_be_read_raises():
    buffer = np.zeros(3)

    def f(x):
        np.log(x, out=buffer, where=x > 0)
        return buffer

    assert "out= would write" in fails(TracerAssignmentError, f).what
    local = lambda x, kept: np.log(x, out=kept, where=x > 0)  # noqa: E731
    fails(TracerAssignmentError, lambda x: local(x, buffer))
    fails(TracerAssignmentError, lambda x: np.log(x, out=(buffer,), where=x > 0))
    assert buffer.tolist() == [0, 0, 0]


def test_where_alone_raises():
    error = fails(NotTraceableError, lambda x: np.log(x, where=x > 0))
    assert error.what == "numpy.log: where= without out= leaves elements unset"
    assert error.fix == (
        "Write numpy.where(mask, numpy.log(...), other), whose gradient is finite where the mask "
        "is False, or give out=numpy.zeros(shape)."
    )
    with pytest.raises(TypeError, match="where= must be boolean"):
        traced(lambda x: np.sin(x, out=np.zeros(3), where=x))
    with pytest.raises(TypeError, match="cannot cast"):
        traced(lambda x: np.sin(x, out=np.zeros(3, int), where=B[0]))
    fails(ShapeError, lambda x: np.sin(x, out=np.zeros(1), where=B))


def test_dtype_and_casting():
    check_transforms(lambda x: np.sin(x, dtype=np.float32), (Y,))
    check_transforms(lambda x: np.add(x, 1, dtype=np.float64), (N,))
    check_transforms(lambda x: np.sqrt(x, dtype="complex128"), (Y,))
    check_transforms(lambda x: np.multiply(x, 2.0, casting="no"), (Y,))
    check_transforms(lambda x: np.power(x, 2, dtype=np.float64), (N,))
    check_transforms(lambda x: np.add(x, Y, dtype=int, casting="unsafe"), (Y,))
    check_transforms(lambda x: np.sin(x, order="C", subok=False), (Y,))
    for f in (
        lambda x: np.add(x, x, dtype=int),
        lambda x: np.add(x, 1, casting="no", dtype=np.float32),
    ):
        with pytest.raises(TypeError):
            f(Y)
        assert "numpy.add does not take" in fails(DtypeError, f).what
    assert "with dtype=int64" in fails(DtypeError, lambda x: np.add(x, x, dtype=int)).what
    assert "signature=" in fails(NotTraceableError, lambda x: np.sin(x, signature="d->d")).what


# Methods


REDUCED = [
    *[(np.add, X), (np.multiply, X), (np.maximum, X), (np.minimum, X), (np.add, N)],
    *[(np.logical_and, B), (np.logical_or, N), (np.logical_xor, B), (np.logaddexp, X)],
    *[(np.logaddexp2, X), (np.hypot, X), (np.fmax, X), (np.fmin, X), (np.gcd, N), (np.lcm, N)],
    *[(np.bitwise_and, N), (np.bitwise_or, N), (np.bitwise_xor, N), (np.add, Z), (np.add, B)],
]


@pytest.mark.parametrize("ufunc, x", REDUCED, ids=lambda v: getattr(v, "__name__", None))
def test_reduce(ufunc, x):
    axes = [0, -1] if x.ndim == 1 else [0, 1, -1, (0, 1), None]
    if ufunc is np.lcm:  # which NumPy does not reduce over several axes
        axes = axes[:3]
    for axis in axes:
        check_transforms(lambda x, axis=axis: ufunc.reduce(x, axis=axis), (x,), rtol=1e-14)
        check_transforms(
            lambda x, axis=axis: ufunc.reduce(x, axis, keepdims=True), (x,), rtol=1e-14
        )
    check_transforms(lambda x: ufunc.reduce(x), (x,), rtol=1e-14)
    if x.dtype.kind == "f":
        check_grads(ufunc.reduce, (x,))


def test_reduce_with_where_and_initial():
    check_transforms(lambda x: np.add.reduce(x, axis=1, where=B, initial=2.0), (X,))
    check_transforms(lambda x: np.multiply.reduce(x, where=B), (X,))
    check_transforms(lambda x: np.maximum.reduce(x, axis=None, initial=0.5, where=B), (X,))
    check_transforms(lambda x: np.add.reduce(x, dtype=np.float32), (X,))
    check_transforms(lambda x: np.add.reduce(x, axis=()), (X,))
    for length in (0, 1, 2, 7):
        check_transforms(lambda x: np.logaddexp.reduce(x), (X.ravel()[:length],), rtol=1e-14)
    with pytest.raises(ValueError, match="zero-size array to reduction operation fmax"):
        traced(np.fmax.reduce, np.zeros(0))


def test_logaddexp_reduce_is_logsumexp():
    x = np.array([1000.0, 999.0, -1000.0])
    e = np.exp(x - 1000.0)
    np.testing.assert_allclose(grad(np.logaddexp.reduce)(x), e / e.sum(), rtol=1e-14)


ACCUMULATED = [
    *[(np.add, X), (np.multiply, X), (np.maximum, X), (np.minimum, X), (np.logaddexp, X)],
    *[(np.fmax, X), (np.bitwise_or, N), (np.add, N), (np.logical_and, B)],
]


@pytest.mark.parametrize("ufunc, x", ACCUMULATED, ids=lambda v: getattr(v, "__name__", None))
def test_accumulate(ufunc, x):
    check_transforms(lambda x: ufunc.accumulate(x), (x,), rtol=1e-14)
    check_transforms(lambda x: ufunc.accumulate(x, axis=1), (x,), rtol=1e-14)
    if x.dtype.kind == "f":
        check_grads(lambda x: ufunc.accumulate(x, axis=-1), (x,))


def test_outer():
    for ufunc in (np.add, np.multiply, np.power, np.arctan2):
        check_transforms(ufunc.outer, (np.abs(X), Y))
        check_transforms(lambda x, ufunc=ufunc: ufunc.outer([1.0, 2.0], x), (np.float64(2.0),))
    check_grads(np.subtract.outer, (X, Y))


def test_methods_without_counterpart_say_what_to_write():
    error = fails(TracerAssignmentError, lambda x: np.add.at(np.zeros(3), [0], x))
    assert error.what == ("numpy.add.at would write into an array, and traced values never change")
    assert error.fix == ("Write x = funcgrad.numpy.at(x)[indices].add(values).")
    error = fails(TracerAssignmentError, lambda x: np.negative.at(x, [0]))
    assert error.fix == "Write x = funcgrad.numpy.at(x)[indices].set(values)."
    error = fails(NotTraceableError, lambda x: np.add.reduceat(x, [0, 1]))
    assert error.fix == "Reduce slices, as in [numpy.sum(x[i:j]) for i, j in zip(starts, ends)]."
    assert "numpy.subtract.reduce" in fails(NotTraceableError, np.subtract.reduce).what
    assert "numpy.subtract.accumulate" in fails(NotTraceableError, np.subtract.accumulate).what
    assert "where=" in fails(NotTraceableError, lambda x: np.hypot.reduce(x, where=B[0])).fix


def test_ufuncs_of_a_user_have_no_counterpart():
    ours = np.frompyfunc(lambda a, b: a + b, 2, 1)
    assert "has no counterpart" in fails(NotTraceableError, lambda x: ours(x, 1.0)).what


# Functions with several results


def test_several_results():
    for f in (
        lambda x: divmod(x, 0.7),
        lambda x: np.divmod(x, Y),
        np.modf,
        np.frexp,
        lambda x: divmod(2.5, x),
        lambda x: np.divmod(2, x),
    ):
        check_transforms(f, (X,))
    check_transforms(lambda x, y: divmod(x, y), (N, np.array([3, 2, -5])))
    check_grads(lambda x: np.modf(x)[0] * np.frexp(x)[0] + divmod(x, 0.7)[1], (X,))


# Elementwise functions that are no ufuncs


ELEMENTARY = [
    lambda x: np.where(x > 0, x, 0),
    lambda x: np.where(x, x, np.float32(1)),
    lambda x: np.where([True, False, True], 1, x),
    lambda x: np.where(True, x, 2),
    lambda x: np.clip(x, -1, 1),
    lambda x: np.clip(x, None, 1),
    lambda x: np.clip(x, -1, None),
    lambda x: np.clip(x, min=0),
    lambda x: np.clip(x, max=0),
    lambda x: np.clip(x, None, None),
    lambda x: np.clip(x, [0, 1, 2], 1.5),
    lambda x: np.clip(x, -300, 300),
    lambda x: np.clip(1.5, x, x + 1),
    lambda x: x.clip(0, 1),
    np.real,
    np.imag,
    np.sinc,
    lambda x: np.round(x),
    lambda x: np.round(x, 1),
    lambda x: np.around(x, -1),
    lambda x: x.round(2),
    np.fix,
    np.nan_to_num,
    lambda x: np.nan_to_num(x, nan=2, posinf=3, neginf=x[0] if x.ndim else 1.0),
    np.iscomplex,
    np.isreal,
    lambda x: np.isclose(x, 0.75),
    lambda x: np.isclose(0.75, x, rtol=0.1, atol=0, equal_nan=True),
    lambda x: np.isclose(x, x * (1 + 1e-9)),
]


@pytest.mark.parametrize("i", range(len(ELEMENTARY)))
@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # NumPy 2.5
def test_elementary_functions(i):
    f = ELEMENTARY[i]
    special = np.array([np.nan, np.inf, -np.inf])
    with np.errstate(invalid="ignore"):
        for x in (Y, Y.astype(np.float32), N[0], N[0].astype("i1"), Y[0], B[0], special):
            try:
                f(x)
            except TypeError:
                with pytest.raises(TypeError):
                    traced(f, x)
                continue
            check_transforms(f, (x,))


@pytest.mark.parametrize("f", [np.isposinf, np.isneginf, np.angle, np.signbit])
def test_elementary_functions_of_floats(f):
    for x in (Y, np.float32(-1.5), np.array([np.nan, np.inf, -np.inf, -0.0])):
        check_transforms(f, (x,))
    check_transforms(lambda z: np.angle(z, deg=True), (Z,))


def test_elementary_functions_of_complex_numbers():
    for f in (np.real, np.imag, np.nan_to_num, np.sinc, np.iscomplex, np.isreal, np.sign, np.round):
        check_transforms(f, (Z,))
    check_transforms(np.nan_to_num, (np.array([complex(np.inf, np.nan), complex(-0.0, -np.inf)]),))
    check_transforms(lambda z: np.where(np.real(z) > 0, z, 1), (Z,))


def test_where_with_one_argument_and_with_two():
    np.testing.assert_array_equal(vmap(lambda x: x[np.where([True, False, True])])(X), X[:, [0, 2]])
    assert fails(ArgumentError, lambda x: np.where(x > 0, x, None)).what == (
        "where: got one alternative"
    )


def test_bad_arguments_of_elementary_functions():
    assert "out=" in fails(NotTraceableError, lambda x: np.clip(x, 0, 1, out=np.zeros(3))).what
    fails(NotTraceableError, lambda x: np.round(x, out=np.zeros(3)))
    assert fails(ArgumentError, lambda x: np.clip(x, 0, 1, min=2)).what == "clip: got a bound twice"
    assert "tolerances" in fails(ArgumentError, lambda x: np.isclose(x, 1.0, rtol=Y)).what
    with pytest.raises(OverflowError):
        jit(lambda x: np.clip(x, 300, None))(np.array([1, 2], np.int8))


def test_allclose():
    assert grad(lambda x: x * np.allclose(x, 2.0))(2.0) == 1.0
    assert jit(lambda x: np.allclose(x, Y))(Y)


# Speed: these are paths that the hot ones must not leave.


def test_operators_add_one_equation_where_dtypes_agree():
    from funcgrad import make_jaxpr

    x32 = Y.astype(np.float32)
    for f, args in [
        (lambda x: x * 2.0, (Y,)),
        (lambda x: 2 * x, (x32,)),
        (lambda x, y: x + y, (Y, Y)),
        (lambda x: np.sin(x), (x32,)),
        (lambda x: np.multiply(x, 2), (x32,)),
        (lambda x: x**2, (Y,)),
        (lambda x: x > 0, (N,)),
        (lambda x: -x, (N,)),
    ]:
        assert len(str(make_jaxpr(f)(*args)).splitlines()) == 3, make_jaxpr(f)(*args)


def test_tracer_operators_are_installed():
    for name in ("add", "radd", "pow", "rpow", "lt", "invert", "divmod", "rdivmod", "array_ufunc"):
        assert hasattr(Tracer, f"__{name}__")
    assert jvp(operator.neg, (2.0,), (1.0,)) == (-2.0, -1.0)
    assert fnp.sin.__name__ == "sin"
