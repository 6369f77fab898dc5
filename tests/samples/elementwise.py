"""Uses of the elementwise primitives, of conversion, and of choices."""

import operator

import numpy as np

from funcgrad import stop_gradient
from funcgrad.ops import arithmetic, complex, exponential, kinds, select, trigonometric
from funcgrad.ops.convert import Convert

from . import Sample

X = np.array([[0.3, -1.7, 2.2], [-0.45, 0.8, 1.35]])
Y = np.array([1.4, -0.6, 0.75])
P = np.abs(X) + 0.2  # positive
U = X / 3  # within (-1, 1)
S = np.float64(0.7)
E = np.zeros((0, 3))
Z = np.array([0.6 + 0.8j, -1.2 + 0.5j, 0.3 - 1.1j])
W = np.array([[1.5 - 0.4j], [0.2 + 0.9j]])
N = np.array([[6, -4, 9], [0, 15, -7]])
M = np.array([3, 2, 5])
B = np.array([True, False, True])

FLOATS = [X, Y, S, E]
BOTH = [(X, Y), (Y, X), (S, X), (X, X[:, :1]), (Z, W), (S, S), (E, Y)]
REAL = BOTH[:4] + BOTH[5:]
EXPONENTS = [0, 1, 2, 3, -1, -2, 0.5, 1.5, -0.5]


def _unary(function, *arguments):
    return [Sample(function.__name__, function, (x,)) for x in arguments]


def _binary(name, function, pairs):
    return [Sample(name, function, pair) for pair in pairs]


def _logistic_slope(x):
    return exponential.logistic_slope(exponential.logistic(x), x)


def _powers():
    for n in EXPONENTS:
        yield Sample("scalar_pow", lambda x, n=n: x**n, (P,))
        yield Sample("scalar_pow", lambda x, n=n: np.power(x, n), (S,))
        yield Sample("scalar_pow", lambda x, n=n: x**n, (Z,))
    yield Sample("scalar_pow", lambda x: x**2j, (P,))
    yield Sample("scalar_pow", lambda x: x ** np.float64(2.5), (P,))
    yield Sample("scalar_pow", lambda x: x**3, (X,))
    yield Sample("scalar_pow", lambda x: x**2, (N,))
    for pair in [(P, Y), (S, X), (P, X[:, :1]), (np.float64(1.2), S), (Z, W)]:
        yield Sample("pow", operator.pow, pair)
        yield Sample("power", np.power, pair)
        yield Sample("float_power", np.float_power, pair)
        yield Sample("quiet_power", arithmetic.quiet_power, pair)
    yield Sample("pow", lambda y: 2.0**y, (X,))
    yield Sample("pow", lambda y: 2**y, (M,))
    yield Sample("pow", operator.pow, (N, M))
    yield Sample("power", lambda y: np.power(P, y), (np.array([3.0, 1.0, 2.0]),))
    yield Sample("log_or_zero", arithmetic.log_or_zero, (P,))


def _arithmetic():
    yield from _binary("add", operator.add, BOTH)
    yield from _binary("sub", operator.sub, BOTH)
    yield from _binary("mul", operator.mul, BOTH)
    yield from _binary("div", operator.truediv, BOTH[:-1])
    yield from _binary("add", np.add, [(N, M), (X, M), (B, B), (np.float32(1.5), Y)])
    yield from _binary("sub", lambda x, y: 2.0 - x + y, [(X, Y)])
    yield from _binary("div", lambda x, y: 1 / x / y, [(X, Y), (N + 0.5, M)])
    yield from [Sample("neg", operator.neg, (x,)) for x in (*FLOATS, Z, N)]
    yield from [Sample("abs", abs, (x,)) for x in (X, S, E, Z, N)]
    yield Sample("abs", np.fabs, (X,))
    yield from _unary(np.square, *FLOATS, Z, N)
    yield from _unary(np.reciprocal, X, S, Z)
    yield from _binary("remainder", operator.mod, [(X, Y), (S, X), (N, M), (X, S)])
    yield from _binary("remainder", lambda x, y: divmod(x, y)[1], [(X, Y)])
    yield from _binary("floor_divide", operator.floordiv, [(X, Y), (S, X), (N, M)])
    yield from _binary("fmod", np.fmod, [(X, Y), (S, X), (N, M)])
    yield from _binary("copysign", np.copysign, [*REAL, (N, M)])
    yield from _binary("heaviside", np.heaviside, REAL)
    yield from _binary("nextafter", np.nextafter, REAL[:-1])
    yield from _binary("ldexp", np.ldexp, [(X, M), (S, N), (X, np.int32(-3))])
    yield from _binary("quiet_div", kinds.quiet_div, BOTH[:-1])
    yield from _binary("mask_mul", kinds.mask_mul, BOTH)
    yield Sample("modf_fraction", lambda x: np.modf(x)[0], (X,))
    yield Sample("modf_integer", lambda x: np.modf(x)[1], (X,))
    yield Sample("frexp_mantissa", lambda x: np.frexp(x)[0], (X,))
    yield Sample("frexp_exponent", lambda x: np.frexp(x)[1], (X,))


def _complex():
    yield Sample("real", np.real, (Z,))
    yield Sample("imag", np.imag, (W,))
    yield Sample("arctan2", np.angle, (Z,))
    yield Sample("arctan2", lambda z: np.angle(z, deg=True), (W,))
    yield Sample("conjugate", np.conjugate, (Z,))
    yield Sample("unit", np.sign, (Z,))
    yield from [Sample("point_direction", complex.direction, (z,)) for z in (Z, W, Z[0])]
    yield from _binary("make_complex", complex.make_complex, [(X, Y), (S, X), (S, S)])
    yield Sample("make_complex", np.nan_to_num, (Z,))
    yield Sample("convert", lambda x: Convert(np.dtype(np.complex128), False)(x), (X,))
    yield Sample("convert", lambda z: Convert(np.dtype(np.float64), False)(z), (Z,))
    yield Sample("convert", lambda x: x + 0j, (X,))
    yield Sample("convert", lambda x: Convert(np.dtype(np.int64), False)(x), (X,))


def _exponential():
    for function in (np.exp, np.exp2, np.expm1):
        yield from _unary(function, *FLOATS, Z)
    for function in (np.log, np.log2, np.log10, np.sqrt):
        yield from _unary(function, P, S, Z)
    yield from _unary(np.log1p, U, S, Z)
    yield from _unary(np.cbrt, X, S)
    yield Sample("quiet_rsqrt", exponential.quiet_rsqrt, (P,))
    yield from _binary("logaddexp", np.logaddexp, [*REAL, (N, M)])
    yield from _binary("logaddexp2", np.logaddexp2, REAL)
    yield from _binary("difference", exponential.difference, REAL)
    yield from [Sample("logistic", exponential.logistic, (x,)) for x in FLOATS]
    for x in (X, S, 9 * X, np.float64(4.0)):
        yield Sample("logistic_slope", _logistic_slope, (x,))


def _trigonometric():
    for function in (np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh):
        yield from _unary(function, *FLOATS, Z)
    for function in (np.arcsin, np.arccos, np.arctan, np.arcsinh, np.arctanh):
        yield from _unary(function, U, S, Z)
    yield from _unary(np.arccosh, P + 1, Z)
    for name, arguments in (
        ("sech_squared", (X, S, 9 * X, np.float64(-4.0))),
        ("complex_sech_squared", (Z, 4 * Z, Z[1])),
    ):
        slope = getattr(trigonometric, name)
        for x in arguments:
            yield Sample(name, lambda x, slope=slope: slope(np.tanh(x), x), (x,))
    yield from _binary("hypot", np.hypot, REAL)
    yield from _binary("cosine", trigonometric.cosine, REAL)
    yield from _binary("arctan2", np.arctan2, REAL)
    yield from _unary(np.degrees, X, S)
    yield from _unary(np.radians, X, S)
    yield from _unary(np.sinc, np.append(X, 0.0), S, N, Z)
    for order in (1, 2, 3):
        derivative = trigonometric.sinc_derivative(order)
        for x in (np.append(X, 0.0), S):
            yield Sample("sinc_derivative", derivative, (x,))


def _choices():
    for name in ("maximum", "minimum", "fmax", "fmin"):
        pairs = [(X, Y), (Y, X), (S, X), (X, Y[:2, None]), (S, S + 1), (E, Y), (N, M)]
        yield from _binary(name, getattr(np, name), pairs)
    for function in (select.share, select.share_of_number):
        triples = [(X, Y, X[:, :1] + 0.1), (S, X, X - 0.5), (S, S, S + 1)]
        yield from _binary("share", function, triples)
    for function in (select.keep, select.keep_not):
        yield from _binary("keep", function, [(B, X), (B, S), (X > 0, Y), (np.True_, S)])
    yield from [Sample("relu", select.relu, (x,)) for x in (*FLOATS, N)]
    yield Sample("at_least", lambda x, low: np.clip(x, low, None), (X, Y))
    yield Sample("at_most", lambda x, high: np.clip(x, None, high), (X, S))
    yield from [
        Sample("clip", np.clip, triple)
        for triple in [(X, Y - 2, Y), (X, Y, Y - 0.5), (S, X, X + 0.3), (N, M - 4, M)]
    ]
    yield Sample("clip", lambda x: np.clip(x, -0.5, 1.0), (X,))
    yield Sample("select", np.where, (B, X, Y))
    yield Sample("select", lambda x, y: np.where(x > y, x * y, 0.0), (X, Y))
    yield Sample("select", lambda x: np.where(x, 1.0, x), (X,))
    yield Sample("select", np.where, (B, Z, S))
    yield Sample("select", np.nan_to_num, (X,))
    yield Sample("stop_gradient", lambda x: stop_gradient(x > 0) * x, (X,))


def _discrete():
    for name in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"):
        function = getattr(np, name)
        yield from _binary(name, function, [(X, Y), (S, X), (N, M), (Z, W), (N, M.astype("u8"))])
    for name in ("logical_and", "logical_or", "logical_xor"):
        yield from _binary(name, getattr(np, name), [(N, M), (B, X), (B, B)])
    yield from _unary(np.logical_not, X, N, B)
    yield from _unary(np.isfinite, X, Z)
    yield from _unary(np.isinf, X, S)
    yield from _unary(np.isnan, X, Z)
    yield from _unary(np.signbit, X, S)
    yield Sample("isclose", np.isclose, (X, Y))
    yield Sample("isclose", lambda x: np.isclose(x, 0.3, atol=1e-3), (X,))
    for name in ("and", "or", "xor"):
        function = getattr(operator, f"__{name}__")
        yield from _binary(f"bitwise_{name}", function, [(N, M), (B, B), (M[0], N)])
    yield from _unary(np.invert, N, B)
    yield from _binary("left_shift", operator.lshift, [(N, M)])
    yield from _binary("right_shift", operator.rshift, [(N, M)])
    yield from _unary(np.bitwise_count, N)
    yield from _binary("gcd", np.gcd, [(N, M)])
    yield from _binary("lcm", np.lcm, [(N, M)])
    for function in (np.floor, np.ceil, np.trunc, np.rint, np.sign, np.spacing):
        yield from _unary(function, X, S)
    yield Sample("sign", np.sign, (N,))
    yield Sample("round", lambda x: np.round(x, 1), (X + 0.01,))
    yield Sample("round", lambda x: round(x, 2), (S,))
    yield Sample("round", lambda x: np.round(x, -1), (N,))


SAMPLES = [
    *_powers(),
    *_arithmetic(),
    *_complex(),
    *_exponential(),
    *_trigonometric(),
    *_choices(),
    *_discrete(),
]
