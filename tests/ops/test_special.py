"""SciPy's special functions: SciPy's values and dtypes, right derivatives, limits, tails."""

import pickle
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import scipy.special as special
from hypothesis import given, settings
from hypothesis import strategies as st
from samples.laws import check_sample
from samples.special import SAMPLES

import funcgrad.scipy.special as ours
from funcgrad import grad, hessian, jit, jvp, make_jaxpr, vmap
from funcgrad.core.record import run, trace
from funcgrad.core.trace import aval_of
from funcgrad.errors import ArgumentError, DtypeError, MissingRuleError, NotTraceableError
from funcgrad.numpy.ufuncs import HANDLERS
from funcgrad.testing import check_grads, check_transforms

names = [f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]
UFUNCS = {u for u in vars(special).values() if isinstance(u, np.ufunc) and u in HANDLERS}
UFUNCS = sorted([u for u in UFUNCS if u.nout == 1], key=lambda u: u.__name__)


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_samples(sample):
    check_sample(sample)


@pytest.mark.parametrize("sample", SAMPLES, ids=names)
def test_derivatives_keep_float32(sample):
    if any(np.asarray(a).dtype != np.float64 for a in sample.args):
        return
    args = [np.asarray(a, np.float32)[()] for a in sample.args]

    def total(*xs):
        return np.sum(sample.function(*xs))

    places = tuple(range(len(args)))
    slopes = lambda *xs: sum(np.sum(g) for g in grad(total, places)(*xs))  # noqa: E731
    kind = total(*args).dtype
    for derivative in (grad(total, places), grad(slopes, places)):
        for f in (derivative, jit(derivative)):
            assert [g.dtype for g in f(*args)] == [np.float32] * len(args)
    assert jit(slopes)(*args).dtype == np.float32
    assert jit(total)(*args).dtype == kind


# SciPy's values and dtypes

OPERANDS = [
    np.array([False, True]),
    np.array([1, 3], np.int8),
    np.array([1, 3], np.uint16),
    np.array([2, 1]),
    np.array([0.25, 0.75], np.float16),
    np.array([0.25, np.nan], np.float32),
    np.array([-np.inf, -1.5, -1.0, 0.0, 0.3, 1.0, 7.0, np.inf]),
    np.float32(0.3),
    np.float64(0.3),
    0.3,
    1,
    np.longdouble(0.3),
    np.array([0.3 + 1j]),
]


def recorded(f, args):
    program, captured = trace(lambda *xs: [f(*xs)], [aval_of(a) for a in args])
    return run(program, [*captured, *args])[0]


def outcome(call):
    try:
        value = call()
    except TypeError:
        return "error"
    return type(value), value.dtype, value.shape, repr(value.tolist())


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_ufuncs_to_the_bit(ufunc):
    second = [np.float32(0.6), 0.6, np.array([0.6]), 1]
    if ufunc is special.yn:  # SciPy warns of orders that are no integers
        second = [np.float32(2.0), 2.0, np.array([2]), 1]
    for x in OPERANDS:
        if ufunc.nin > 1 and aval_of(x).dtype.kind == "c":
            continue
        for y in second[: 1 if ufunc.nin == 1 else None]:
            args = (*[y] * (ufunc.nin - 1), x)
            expected = outcome(lambda a=args: ufunc(*a))
            assert outcome(lambda a=args: recorded(ufunc, a)) == expected, args
            assert outcome(lambda a=args: jit(ufunc)(*a)) == expected, args


@pytest.mark.parametrize("ufunc", [special.sici, special.shichi, special.fresnel])
def test_ufuncs_of_two_results(ufunc):
    for x in (POSITIVE, np.float64(0.3), 2, np.array([0.25, 0.75], np.float32)):
        expected = ufunc(x)
        for f in (ufunc, getattr(ours, ufunc.__name__)):
            for found, value in zip(jit(f)(x), expected, strict=True):
                assert found.dtype == value.dtype and found.shape == value.shape
                np.testing.assert_array_equal(found, value)
    check_grads(ufunc, (POSITIVE,), order=2)


def test_every_ufunc_is_listed():
    assert {u.__name__ for u in UFUNCS} - {"_zeta"} <= {*ours.__all__, "psi"}
    assert len(UFUNCS) > 50
    for name in ours.__all__:
        assert getattr(ours, name).__module__ == "funcgrad.scipy.special"
        assert pickle.loads(pickle.dumps(getattr(ours, name))) is getattr(ours, name)


def test_the_functions_take_lists_with_traced_values():
    assert grad(lambda x: ours.erf([x, 0.0]).sum())(0.3) == grad(special.erf)(0.3)
    assert ours.erf([0.3, 0.1]).tolist() == special.erf([0.3, 0.1]).tolist()
    assert ours.polygamma(1, [0.3, 0.1]).tolist() == special.polygamma(1, [0.3, 0.1]).tolist()


# Functions of SciPy's that are no ufuncs

A = np.array([[0.3, -1.2, 2.5], [1.1, 0.4, -0.7]])
B = np.array([[0.5, 1.5, 0.0], [2.0, 1.0, 0.3]])
POSITIVE = np.array([1.6, 2.7, 3.2])
FUNCTIONS = {
    "zeta": (lambda s, x: s.zeta(3.0, x), (POSITIVE,)),
    "polygamma": (lambda s, x: s.polygamma(2, x), (POSITIVE,)),
    "polygamma of order 0": (lambda s, x: s.polygamma(0, x), (POSITIVE,)),
    "polygamma of orders": (lambda s, x: s.polygamma([0, 1, 3], x), (POSITIVE,)),
    "polygamma of a negative": (lambda s, x: s.polygamma(1, x), (-POSITIVE,)),
    "multigammaln": (lambda s, x: s.multigammaln(x, 3), (POSITIVE,)),
    "logsumexp": (lambda s, x: s.logsumexp(x), (A,)),
    "logsumexp, axis": (lambda s, x: s.logsumexp(x, axis=1, keepdims=True), (A,)),
    "logsumexp, weights": (lambda s, x, b: s.logsumexp(x, axis=0, b=b), (A, B)),
    "logsumexp, constant weights": (lambda s, x: s.logsumexp(x, axis=0, b=B), (A,)),
    "softmax": (lambda s, x: s.softmax(x), (A,)),
    "softmax, axis": (lambda s, x: s.softmax(x, axis=0), (A,)),
    "log_softmax": (lambda s, x: s.log_softmax(x, axis=-1), (A,)),
    "factorial": (lambda s, x: s.factorial(x), (POSITIVE,)),
    "comb": (lambda s, n, k: s.comb(n, k), (POSITIVE + 4, POSITIVE)),
    "comb, repetition": (lambda s, n, k: s.comb(n, k, repetition=True), (POSITIVE, POSITIVE / 2)),
    "perm": (lambda s, n, k: s.perm(n, k), (POSITIVE + 4, POSITIVE)),
    "sici": (lambda s, x: s.sici(x)[0] + s.sici(x)[1], (POSITIVE,)),
    "shichi": (lambda s, x: s.shichi(x)[0] - s.shichi(x)[1], (POSITIVE,)),
    "fresnel": (lambda s, x: s.fresnel(x)[0] - s.fresnel(x)[1], (POSITIVE,)),
    "lambertw": (lambda s, x: s.lambertw(x).real, (POSITIVE,)),
    "lambertw of a branch": (lambda s, x: s.lambertw(x, -1).imag, (POSITIVE,)),
    "softplus": (lambda s, x: s.log1p(np.exp(x)) if s is special else s.softplus(x), (A,)),
}


@pytest.mark.parametrize("f, args", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions(f, args):
    expected = f(special, *args)
    found = recorded(lambda *xs: f(ours, *xs), args)
    assert found.dtype == np.asarray(expected).dtype and found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(f(ours, *args), expected, rtol=1e-14, atol=1e-15)
    check_grads(lambda *xs: f(ours, *xs), args, order=2)
    check_transforms(lambda *xs: f(ours, *xs), args, rtol=1e-13)


def test_logsumexp_with_signs():
    signs = B - 1.0
    found = recorded(lambda a: ours.logsumexp(a, b=signs, return_sign=True, axis=1)[0], (A,))
    sign = recorded(lambda a: ours.logsumexp(a, b=signs, return_sign=True, axis=1)[1], (A,))
    expected = special.logsumexp(A, b=signs, return_sign=True, axis=1)
    np.testing.assert_allclose(found, expected[0], rtol=1e-14)
    np.testing.assert_array_equal(sign, expected[1])
    check_grads(lambda a, b: ours.logsumexp(a, 1, b, False, True)[0], (A, signs), order=2)
    assert grad(lambda a: ours.logsumexp([0.0, a], b=[1.0, 0.0]))(2000.0) == 0.0
    assert recorded(lambda a: ours.logsumexp([0.0, a], b=[1.0, 0.0]), (np.inf,)) == 0.0
    nothing = np.full(2, -np.inf)
    assert recorded(lambda a: ours.logsumexp(a, b=np.ones(2)), (nothing,)) == -np.inf


def test_outside_of_counts():
    assert recorded(ours.comb, (3.0, 5.0)) == recorded(ours.comb, (-3.0, 1.0)) == 0.0
    assert recorded(ours.factorial, (-2.0,)) == special.factorial(-2.0) == 0.0
    assert grad(ours.comb)(3.0, 5.0) == grad(ours.factorial)(-2.0) == 0.0
    for call in (
        lambda x: ours.comb(x, 2, exact=True),
        lambda x: ours.factorial(x, exact=True),
        lambda x: ours.factorial(x, extend="complex"),
    ):
        with pytest.raises(ArgumentError, match=r"=.* cannot be used with a traced value"):
            grad(call)(3.0)
    with pytest.raises(ArgumentError, match="the order n is traced"):
        jit(ours.polygamma)(1, 2.0)


# Kinks, limits, tails

POINTS = [
    ("erfinv at 1", special.erfinv, 1.0, np.inf),
    ("ndtri at 0", special.ndtri, 0.0, np.inf),
    ("logit at 0", special.logit, 0.0, np.inf),
    ("entr at 0", special.entr, 0.0, np.inf),
    ("xlogy in x at 0", lambda x: special.xlogy(x, 2.0), 0.0, np.log(2.0)),
    ("xlogy in y, x = 0", lambda y: special.xlogy(0.0, y), 2.0, 0.0),
    ("xlogy in y at 0, x = 0", lambda y: special.xlogy(0.0, y), 0.0, 0.0),
    ("xlogy in y at 0", lambda y: special.xlogy(2.0, y), 0.0, np.inf),
    ("xlog1py in y at -1, x = 0", lambda y: special.xlog1py(0.0, y), -1.0, 0.0),
    ("rel_entr in y, both 0", lambda y: special.rel_entr(0.0, y), 0.0, 0.0),
    ("rel_entr at equal", lambda x: special.rel_entr(x, 0.3), 0.3, 1.0),
    ("kl_div both 0", lambda x: special.kl_div(x, 0.0), 0.0, 0.0),
    ("kl_div at equal", lambda x: special.kl_div(x, 0.3), 0.3, 0.0),
    ("i0e at its kink", special.i0e, 0.0, 0.0),
    ("i1 at 0", special.i1, 0.0, 0.5),
    ("j1 at 0", special.j1, 0.0, 0.5),
    ("expit, lower tail", special.expit, -700.0, np.exp(-700.0)),
    ("expit, upper tail", special.expit, 700.0, np.exp(-700.0)),
    ("log_expit, lower tail", special.log_expit, -1000.0, 1.0),
    ("log_ndtr, upper tail", special.log_ndtr, 40.0, 0.0),
    ("gammasgn", special.gammasgn, 1.5, 0.0),
    ("where of gammaln", lambda x: np.where(x > 0, special.gammaln(x), x), 0.0, 1.0),
    ("where of digamma", lambda x: np.where(x > 0, special.psi(x), x), -2.0, 1.0),
    ("where of erfinv", lambda x: np.where(x < 1, special.erfinv(x), x), 1.0, 1.0),
    ("where of k0", lambda x: np.where(x > 0, special.k0(x), x), 0.0, 1.0),
    ("where of zeta", lambda x: np.where(x > 0, special.zeta(2.0, x), x), 0.0, 1.0),
    ("where of entr", lambda x: np.where(x > 0, special.entr(x), x), 0.0, 1.0),
]


@pytest.mark.parametrize("name, f, x, expected", POINTS, ids=[p[0] for p in POINTS])
def test_points(name, f, x, expected):
    assert grad(f)(x) == pytest.approx(expected, rel=1e-14, abs=1e-300)
    assert jvp(f, (x,), (1.0,))[1] == pytest.approx(expected, rel=1e-14, abs=1e-300)
    assert jit(grad(f))(x) == pytest.approx(expected, rel=1e-14, abs=1e-300)


def test_entropy_of_a_distribution_with_zeros():
    # A logit of -inf is a probability of 0; its entropy is 0 and no nan reaches the others.
    def entropy(x):
        return np.sum(special.entr(ours.softmax(x)))

    x = np.array([0.3, -np.inf, 1.2])
    slope = grad(entropy)(x)
    np.testing.assert_allclose(slope[[0, 2]], grad(entropy)(x[[0, 2]]), rtol=1e-12)
    assert slope[1] == 0.0
    assert np.isfinite(hessian(entropy)(x)[0]).all()


def test_log_ndtr_far_out():
    x = np.array([-30.0, -100.0, -1e4])
    slope = vmap(grad(special.log_ndtr))(x)
    # Mills' ratio: x's magnitude times 1 + 1/x**2 - 2/x**4 ...
    series = -x * (1 + 1 / x**2 - 2 / x**4 + 10 / x**6 - 74 / x**8)
    np.testing.assert_allclose(slope, series, rtol=1e-11)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.02, 60), st.floats(0.02, 60), st.floats(0.01, 0.99))
def test_inverses_have_inverse_slopes(a, b, p):
    pairs = [
        (lambda x: special.gammainc(a, x), lambda q: special.gammaincinv(a, q)),
        (lambda x: special.gammaincc(a, x), lambda q: special.gammainccinv(a, q)),
        (lambda x: special.betainc(a, b, x), lambda q: special.betaincinv(a, b, q)),
        (lambda x: special.stdtr(a, x), lambda q: special.stdtrit(a, q)),
        (special.ndtr, special.ndtri),
        (special.erf, special.erfinv),
        (special.erfc, special.erfcinv),
        (special.expit, special.logit),
    ]
    for forward, back in pairs:
        x = back(p)
        if 1e-200 < abs(x) < 1 - 1e-9 or 1 + 1e-9 < abs(x) < 1e100:
            slopes = grad(forward)(x) * grad(back)(p)
            np.testing.assert_allclose(slopes, 1.0, rtol=1e-7)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_recurrences_of_derivatives(x, y):
    # gamma(x + 1) = x gamma(x), differentiated, in its logarithm and in beta's.
    step = grad(lambda x: special.gammaln(x + 1) - special.gammaln(x))(x)
    np.testing.assert_allclose(step, 1 / x, rtol=1e-9, atol=1e-12)
    trigamma = grad(special.psi)
    np.testing.assert_allclose(trigamma(x) - trigamma(x + 1), 1 / x**2, rtol=1e-9, atol=1e-12)
    total = grad(special.betaln, argnums=(0, 1))(x, y)
    with mpmath.workdps(40):
        whole = mpmath.psi(0, mpmath.mpf(x) + y)
        expected = [float(mpmath.psi(0, part) - whole) for part in (x, y)]
    np.testing.assert_allclose(total, expected, rtol=1e-14)


# Errors


def test_errors():
    with pytest.raises(NotTraceableError, match=r"^scipy\.special\.airy has no counterpart"):
        grad(special.airy)(0.3)
    with pytest.raises(DtypeError, match=r"^scipy\.special\.erf does not take float128"):
        grad(special.erf)(np.longdouble(0.3))
    with pytest.raises(MissingRuleError, match="jv: its derivative with respect to v has no clo"):
        grad(special.jv)(1.5, 2.0)
    with pytest.raises(MissingRuleError, match=r"funcgrad.stop_gradient\(x\)"):
        jvp(ours.zeta, (1.5, 2.0), (1.0, 1.0))
    with pytest.raises(TypeError, match=r"scipy\.special\.erf: out= would write"):
        grad(lambda x: special.erf(x, out=np.zeros(())))(0.3)
    with pytest.raises(NotTraceableError, match=r"scipy\.special\.erf: where= without out="):
        grad(lambda x: special.erf(x, where=True & np.array([True]))[0])(np.ones(1))


def high_precision(f, args, orders):
    """A partial derivative in 60 digits."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        args = [mpmath.mpf(float(x)) for x in args]
        chosen = [i for i, n in enumerate(orders) if n]

        def of(*moved):
            full = list(args)
            for i, x in zip(chosen, moved, strict=True):
                full[i] = x
            return f(mpmath, *full)

        point, n = tuple(args[i] for i in chosen), tuple(orders[i] for i in chosen)
        return float(mpmath.diff(of, point if len(n) > 1 else point[0], n if len(n) > 1 else n[0]))


def student(mp, df, t):
    tail = mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + t**2), regularized=True) / 2
    return tail if t < 0 else 1 - tail


INCOMPLETE = {
    "gammainc": (
        special.gammainc,
        lambda mp, a, x: mp.gammainc(a, 0, x, regularized=True),
        [(a, x * a) for a in (0.01, 0.5, 3.3, 40.0) for x in (1e-6, 0.3, 0.95, 1.1, 2.5)],
        [(1, 0), (2, 0), (1, 1)],
    ),
    "gammaincc": (
        special.gammaincc,
        lambda mp, a, x: mp.gammainc(a, x, mp.inf, regularized=True),
        [(0.5, 1e-3), (2.2, 30.0), (50.0, 55.0)],
        [(1, 0), (2, 0)],
    ),
    "betainc": (
        special.betainc,
        lambda mp, a, b, x: mp.betainc(a, b, 0, x, regularized=True),
        [
            (a, b, x)
            for a, b in ((0.5, 0.5), (2.2, 1.4), (0.1, 3.0), (30.0, 20.0), (5.0, 0.2))
            for x in (1e-4, 0.1, 0.45, 0.7, 0.98)
        ],
        [(1, 0, 0), (0, 1, 0), (2, 0, 0), (1, 1, 0), (0, 1, 1)],
    ),
    "stdtr": (
        special.stdtr,
        student,
        [(df, t) for df in (0.3, 2.5, 40.0) for t in (-30.0, -1.2, 1e-5, 0.2, 3.0, -500.0)],
        [(1, 0), (2, 0), (1, 1)],
    ),
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_derivatives_by_parameters(name):
    """Against 60 digits: first derivatives to 1e-11 of themselves, second ones to 1e-10."""
    f, exact, points, every = INCOMPLETE[name]
    for args in points:
        for orders in every:
            derived = f
            for i, n in enumerate(orders):
                for _ in range(n):
                    derived = grad(derived, argnums=i)
            expected = high_precision(exact, args, orders)
            found = derived(*map(np.float64, args))
            # Where a second derivative changes its sign, its parts are what counts.
            scale = abs(grad(f, argnums=next(i for i, n in enumerate(orders) if n))(*args))
            tolerance = 1e-11 if sum(orders) == 1 else 1e-10
            assert abs(found - expected) <= tolerance * max(abs(expected), scale), (args, orders)


def test_students_cdf_with_many_degrees_of_freedom():
    for df in (99.0, 101.0, 1e3, 1e5, 1e8):
        for t in (-9.0, -1.51, -1.49, 1e-3, 0.7, 1.4, 3.0):
            expected = high_precision(student, (df, t), (1, 0))
            np.testing.assert_allclose(grad(special.stdtr)(df, t), expected, rtol=1e-10)


def test_parameters_at_the_ends_of_the_support():
    assert grad(special.gammainc)(1.5, 0.0) == 0.0
    assert grad(special.gammainc)(1.5, np.inf) == 0.0
    assert grad(special.betainc)(1.5, 2.0, 0.0) == 0.0
    assert grad(special.betainc)(1.5, 2.0, 1.0) == 0.0
    assert grad(special.stdtr)(3.0, 0.0) == 0.0
    assert grad(special.stdtr)(3.0, np.inf) == 0.0

    def density(df):
        return special.gamma((df + 1) / 2) / special.gamma(df / 2) / np.sqrt(df * np.pi)

    mixed = grad(grad(special.stdtr), argnums=1)(3.0, 0.0)
    np.testing.assert_allclose(mixed, grad(density)(3.0), rtol=1e-12)


def test_the_source_runs_by_itself():
    @jit
    def f(x, big):
        return np.sum(special.erf(big) * special.zeta(2.0, big)) + special.psi(x) * special.i0e(x)

    x, big = 0.7, np.linspace(1.0, 3.0, 30000)
    source = f.source(x, big)
    head = source.splitlines()[:2]
    assert head == ["import numpy as np", "from scipy import special"]
    assert "special.erf(" in source and "special.psi(" in source
    space = {}
    exec(source, space)
    (found,) = space["f"](x, big)
    assert found == f(x, big)
    assert "scipy" not in jit(np.sin).source(0.3)
    assert "xlogy" in str(make_jaxpr(special.xlogy)(0.3, 0.4))


FRESH = """
import sys
import numpy as np
import funcgrad
import funcgrad.scipy
funcgrad.jit(funcgrad.grad(np.sin))(0.3)
print(any(name.partition(".")[0] == "scipy" for name in sys.modules))
import scipy.special
print("funcgrad.scipy.special" in sys.modules)
print(funcgrad.grad(lambda x: scipy.special.zeta(2.0, x))(1.0) < 0)
print(funcgrad.grad(scipy.special.erf)(0.0) == 2 / np.sqrt(np.pi))
"""

MISSING = """
import sys
sys.modules["scipy"] = None  # as if it were not installed
import funcgrad.scipy
for name in ("special", "stats"):
    try:
        getattr(funcgrad.scipy, name)
    except ImportError as error:
        print(type(error).__name__, *str(error).split("\\n")[:2], sep="\\n")
"""


@pytest.mark.parametrize(
    "program, expected",
    [
        (FRESH, ["False", "False", "True", "True"]),
        (
            MISSING,
            [
                line
                for name in ("special", "stats")
                for line in (
                    "MissingExtraError",
                    f"funcgrad.scipy.{name} needs SciPy, which is not installed.",
                    "Install it: pip install 'funcgrad[scipy]'.",
                )
            ],
        ),
    ],
    ids=["first use", "not installed"],
)
def test_in_a_process_of_its_own(program, expected):
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.splitlines() == expected, done.stderr
