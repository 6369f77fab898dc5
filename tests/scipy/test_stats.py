"""Distributions: SciPy's numbers, right derivatives, tails, supports, invalid parameters."""

import numpy as np
import pytest
import scipy.stats as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from funcgrad import grad, jit, jvp, vmap
from funcgrad.errors import ArgumentError, DtypeError, ShapeError
from funcgrad.scipy import stats as ours
from funcgrad.testing import check_grads, check_transforms

Q = np.array([1e-12, 0.02, 0.3, 0.5, 0.81, 0.999])
CONTINUOUS = {
    "norm": (),
    "lognorm": (0.7,),
    "t": (3.5,),
    "cauchy": (),
    "laplace": (),
    "logistic": (),
    "gamma": (2.3,),
    "chi2": (4.5,),
    "expon": (),
    "uniform": (),
    "beta": (2.2, 1.4),
    "pareto": (2.4,),
    "gumbel_r": (),
    "gumbel_l": (),
    "weibull_min": (1.7,),
    "halfnorm": (),
    "rayleigh": (),
    "invgamma": (2.6,),
    "f": (5.5, 7.2),
}
DISCRETE = {
    "poisson": (3.7,),
    "bernoulli": (0.3,),
    "binom": (9, 0.35),
    "geom": (0.25,),
    "nbinom": (3.5, 0.4),
}
PDF = ["pdf", "logpdf"]
CDF = ["cdf", "logcdf", "sf", "logsf"]


# Where SciPy's numbers are less exact, by way of 1 - cdf or by its search for a quantile: those are
# left out, and tested against closed forms and in 40 digits below.
INEXACT = {("pareto", "logcdf"), ("halfnorm", "logsf"), ("f", "isf")}


def both(name, method):
    return getattr(getattr(ours, name), method), getattr(getattr(theirs, name), method)


def points(name):
    """Points inside of the support for a location of 0.3 and a scale of 1.7, away from kinks."""
    return getattr(theirs, name).ppf([0.1, 0.35, 0.6, 0.9], *CONTINUOUS[name], 0.3, 1.7)


@pytest.mark.parametrize("method", [*PDF, *CDF])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_scipys_numbers(name, method):
    mine, genuine = both(name, method)
    shapes = CONTINUOUS[name]
    x = np.concatenate([getattr(theirs, name).ppf(Q, *shapes), [-3.1, 0.0, 0.25, 1.0, 2.5, 40.0]])
    x = x[1:-1] if (name, method) in INEXACT else x
    for args in (shapes, (*shapes, 0.3), (*shapes, 0.3, 1.7)):
        with np.errstate(divide="ignore"):  # theirs takes logarithms of 0
            expected = genuine(x, *args)
        # theirs computes logarithms of tail probabilities by way of 1 - cdf for some: absolute too.
        np.testing.assert_allclose(mine(x, *args), expected, rtol=2e-12, atol=2e-13)
        np.testing.assert_allclose(
            jit(lambda x, a=args: mine(x, *a))(x), mine(x, *args), rtol=1e-14
        )
    loc, scale = np.array([[0.3], [-0.2]]), np.array([[1.7], [0.4]])
    with np.errstate(divide="ignore"):
        expected = genuine(x, *shapes, loc=loc, scale=scale)
    np.testing.assert_allclose(
        mine(x, *shapes, loc=loc, scale=scale), expected, rtol=2e-12, atol=2e-13
    )


@pytest.mark.parametrize("method", ["ppf", "isf"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_quantiles(name, method):
    mine, genuine = both(name, method)
    q = np.concatenate([Q[(name, method) in INEXACT :], [0.0, 1.0, -0.1, 1.1, np.nan]])
    args = (*CONTINUOUS[name], 0.3, 1.7)
    np.testing.assert_allclose(mine(q, *args), genuine(q, *args), rtol=2e-12)
    check_grads(lambda q: mine(q, *args), (np.array([0.1, 0.35, 0.6, 0.9]),), order=2)
    check_transforms(lambda q: mine(q, *args), (Q,))


@pytest.mark.parametrize("method", [*PDF, *CDF])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_derivatives(name, method):
    mine, _ = both(name, method)
    shapes = CONTINUOUS[name]
    x = points(name)
    check_grads(lambda x, loc, scale: mine(x, *shapes, loc, scale), (x, 0.3, 1.7), order=2)
    check_transforms(lambda x, loc, scale: mine(x, *shapes, loc, scale), (x, 0.3, 1.7))
    if shapes:
        check_grads(lambda *shapes: mine(x, *shapes, 0.3, 1.7), shapes, order=2)


@pytest.mark.parametrize("method", ["pmf", "logpmf", *CDF])
@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name, method):
    mine, genuine = both(name, method)
    shapes = DISCRETE[name]
    k = np.array([-1.0, 0.0, 1.0, 2.0, 2.5, 5.0, 9.0, 12.0, np.nan])
    for args in (shapes, (*shapes, 1)):
        with np.errstate(divide="ignore"):
            expected = genuine(k, *args)
        np.testing.assert_allclose(mine(k, *args), expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(mine(k[1:4].astype(int), *args), expected[1:4], rtol=1e-12)
        assert mine(1, *args) == mine(k, *args)[2]
    held, p = shapes[:-1], shapes[-1]
    p = np.array([p, 0.9 * p, 0.5])
    k = np.array([[-1.0], [1.0], [2.5], [0.0]])
    k = k[np.isfinite(mine(k, *held, p)).all(axis=1)]
    check_grads(lambda p: mine(k, *held, p), (p,), order=2)
    check_transforms(lambda p: mine(k, *held, p), (p,))
    check_transforms(lambda k: mine(k, *held, p), (k,))


def test_counts_as_parameters():
    check_grads(lambda k, n, p: np.exp(ours.binom._logpmf(k, n, p)), (2.3, 7.6, 0.3), order=2)
    assert grad(lambda n: ours.binom.logpmf(3, n, 0.3))(7.0) != 0
    check_grads(lambda n, p: ours.binom._cdf(3.0, n, p), (7.3, 0.3), order=2)
    assert grad(lambda k: ours.poisson.cdf(k, 3.0))(2.0) == 0.0


@pytest.mark.parametrize("name", [n for n in CONTINUOUS if CONTINUOUS[n]])
@pytest.mark.parametrize("method", ["ppf", "isf"])
def test_quantiles_move_with_the_parameters(name, method):
    mine, _ = both(name, method)
    q = np.array([0.1, 0.35, 0.6, 0.9])
    check_grads(lambda *shapes: mine(q, *shapes, 0.3, 1.7), CONTINUOUS[name], order=2)


@pytest.mark.parametrize("name", [*CONTINUOUS, *DISCRETE])
def test_invalid_parameters_are_nan(name):
    shapes = {**CONTINUOUS, **DISCRETE}[name]
    methods = CDF + (PDF if name in CONTINUOUS else ["pmf", "logpmf"])
    wrong = [(-1.0, *shapes[1:]), (np.nan, *shapes[1:])] if shapes else []
    if name in CONTINUOUS:
        wrong = [*((*w, 0.0, 1.0) for w in wrong), (*shapes, 0.0, -1.0), (*shapes, 0.0, 0.0)]
    for method in methods:
        mine, genuine = both(name, method)
        for args in wrong:
            for x in (-1.0, 0.5, 2.0):
                assert np.isnan(mine(x, *args)), (method, args, x)
                assert np.isnan(jit(mine)(x, *map(float, args)))
                if name in CONTINUOUS:  # theirs has 0 for logarithms of discrete ones
                    with np.errstate(all="ignore"):
                        assert np.isnan(genuine(x, *args)), (method, args, x)
        assert np.isnan(mine(np.nan, *shapes))


def test_the_tails_are_stable():
    far = np.array([-1e3, -60.0, -38.0])
    exact = [-500007.8266, -1805.0136, -726.5572]
    np.testing.assert_allclose(ours.norm.logcdf(far), theirs.norm.logcdf(far), rtol=1e-13)
    np.testing.assert_allclose(ours.norm.logcdf(far), exact, rtol=1e-6)
    # The derivative is density by probability: x's magnitude and 1/x more (Mills' ratio).
    slopes = vmap(grad(ours.norm.logcdf))(far)
    np.testing.assert_allclose(slopes, -far - 1 / far * (1 - 2 / far**2), rtol=1e-6)
    second = vmap(grad(grad(ours.norm.logcdf)))(far)
    np.testing.assert_allclose(second, -1 + 1 / far**2, rtol=1e-5)
    for name, value in [("logistic", -800.0), ("laplace", -800.0 - np.log(2.0))]:
        mine = getattr(ours, name)
        assert mine.logcdf(-800.0) == pytest.approx(value, rel=1e-15)
        assert grad(mine.logcdf)(-800.0) == 1.0
        assert grad(mine.logsf)(800.0) == -1.0
    assert ours.expon.logcdf(1e-300) == pytest.approx(-690.7755278982137, rel=1e-14)
    assert grad(ours.t.logpdf)(1e8, 3.0) == pytest.approx(-4e-8, rel=1e-14)
    assert ours.t.logpdf(0.7, 1e12) == pytest.approx(theirs.norm.logpdf(0.7), rel=1e-11)
    assert ours.cauchy.cdf(-1e20) == pytest.approx(1e-20 / np.pi, rel=1e-14)


def test_outside_of_the_support():
    for name, x in [("gamma", -1.0), ("beta", 1.5), ("expon", -0.5), ("lognorm", 0.0)]:
        shapes = CONTINUOUS[name]
        for method, value in [("pdf", 0.0), ("logpdf", -np.inf)]:
            mine, _ = both(name, method)
            assert mine(x, *shapes) == value
            assert grad(mine)(x, *shapes) == 0.0
            if shapes:
                assert grad(mine, argnums=1)(x, *shapes) == 0.0
    total = grad(lambda a: np.sum(ours.gamma.pdf(np.array([-1.0, 2.0]), a)))(1.5)
    assert total == grad(lambda a: ours.gamma.pdf(2.0, a))(1.5)
    assert ours.gamma.logpdf(0.0, 1.0) == 0.0
    assert ours.gamma.logpdf(np.inf, 2.0) == -np.inf and ours.gamma.cdf(np.inf, 2.0) == 1.0


def test_maximum_likelihood_gradients_vanish_at_the_optimum():
    x = np.random.default_rng(0).normal(2.0, 3.0, 50)
    f = jit(grad(lambda m, s: np.sum(ours.norm.logpdf(x, m, s)), argnums=(0, 1)))
    np.testing.assert_allclose(f(x.mean(), x.std()), [0.0, 0.0], atol=1e-12)
    k = np.array([2, 5, 3, 0])
    rate = grad(lambda mu: np.sum(ours.poisson.logpmf(k, mu)))
    np.testing.assert_allclose(rate(2.5), 0.0, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.05, 50), st.floats(0.05, 50), st.floats(0.01, 0.99), st.floats(-5, 5),
    st.floats(0.1, 10),
)  # fmt: skip
def test_any_parameters(a, b, q, loc, scale):
    for name in CONTINUOUS:
        args = (*(a, b)[: len(CONTINUOUS[name])], loc, scale)
        x = getattr(theirs, name).ppf(q, *args)
        if not np.isfinite(x) or (x - loc) / scale in (0.0, 1.0):
            continue
        for method in ("logpdf", "cdf"):
            mine, genuine = both(name, method)
            np.testing.assert_allclose(mine(x, *args), genuine(x, *args), rtol=1e-11, atol=1e-12)
        density = getattr(theirs, name).pdf(x, *args)
        slope = jvp(lambda x, n=name, a=args: getattr(ours, n).cdf(x, *a), (x,), (1.0,))[1]
        np.testing.assert_allclose(slope, density, rtol=1e-10)


ALPHA = np.array([0.8, 2.5, 1.7])
SIMPLEX = np.array([[0.2, 0.5], [0.3, 0.1], [0.5, 0.4]])


def test_dirichlet():
    for method in ("pdf", "logpdf"):
        mine, genuine = both("dirichlet", method)
        for x in (SIMPLEX, SIMPLEX[:, 0], SIMPLEX[:2], SIMPLEX[:2, 0]):
            np.testing.assert_allclose(mine(x, ALPHA), genuine(x, ALPHA), rtol=1e-13)
            check_transforms(mine, (x, ALPHA))
        check_grads(mine, (SIMPLEX[:2], ALPHA), order=2)
        check_grads(lambda a, mine=mine: mine(SIMPLEX, a), (ALPHA,), order=2)
        for x, alpha in [(SIMPLEX + 0.1, ALPHA), (-SIMPLEX, ALPHA), (SIMPLEX, -ALPHA)]:
            for function in (mine, genuine):
                with pytest.raises(ValueError):
                    function(x, alpha)
        with pytest.raises(ShapeError, match="got x of shape"):
            mine(np.ones(5) / 5, ALPHA)


def _covariance(a):
    return a @ a.T + 2 * np.eye(len(a))


X3 = np.random.default_rng(1).normal(size=(4, 2, 3))
A3 = np.random.default_rng(2).normal(size=(3, 3))
MEAN = np.array([0.3, -0.2, 1.1])


def test_multivariate_normal():
    for method in ("pdf", "logpdf"):
        mine, genuine = both("multivariate_normal", method)
        cov = _covariance(A3)
        cases = [
            (X3, MEAN, cov),
            (X3[0, 0], MEAN, cov),
            (X3, MEAN, 2.5),
            (X3, MEAN, np.array([0.5, 1.0, 2.0])),
            (X3, None, cov),
            (X3[0, :, 0], 0.3, 2.0),
            (0.7,),
            (X3[..., :1], 0.1, 0.5),
        ]
        for case in cases:
            found, expected = mine(*case), genuine(*case)
            assert np.shape(found) == np.shape(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-12)

        def factored(x, m, a, mine=mine):
            return mine(x, m, _covariance(a))

        check_grads(factored, (X3, MEAN, A3), order=2)
        check_transforms(factored, (X3, MEAN, A3))
        with pytest.raises(np.linalg.LinAlgError):
            mine(X3, MEAN, -cov)
        with pytest.raises(ShapeError, match="a covariance of shape"):
            mine(X3, MEAN, np.eye(2))
        with pytest.raises(ShapeError, match="got x of shape"):
            mine(X3[..., :2], MEAN, cov)
        np.testing.assert_allclose(mine(X3, MEAN, cov, True), genuine(X3, MEAN, cov), rtol=1e-12)


FLAT = np.outer([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) + np.outer([0.0, 1.0, 1.0], [0.0, 1.0, 1.0])


def test_a_normal_distribution_with_a_singular_covariance():
    points = np.array([[1.0, 3.0, 4.0], [2.0, 4.0, 6.0], [1.0, 0.0, 0.0]])
    mine, genuine = both("multivariate_normal", "logpdf")
    expected = genuine(points, None, FLAT, True)
    assert expected[2] == -np.inf
    for f in (mine, jit(mine, static_argnums=3)):
        np.testing.assert_allclose(f(points, None, FLAT, True), expected, rtol=1e-12)
    with pytest.raises(np.linalg.LinAlgError):
        mine(points, None, FLAT)
    with pytest.raises(ValueError, match="semidefinite"):
        mine(points, None, -FLAT, True)
    factor, weights = A3[:, :2], np.array([0.3, -0.8])

    def within(factor, weights):
        return mine(factor @ weights, np.zeros(3), factor @ factor.T, True)

    check_grads(within, (factor, weights), order=1)
    check_grads(lambda x, a: mine(x, MEAN, _covariance(a), True), (X3, A3), order=2)


def test_the_entropy_of_normal_vectors():
    mine, genuine = both("multivariate_normal", "entropy")
    for case in [(MEAN, _covariance(A3)), (None, 2.0), (MEAN, np.array([0.5, 1.0, 2.0])), (0.3,)]:
        assert np.allclose(mine(*case), genuine(*case), rtol=1e-13)
    assert np.isclose(mine(None, FLAT), genuine(None, FLAT), rtol=1e-13)
    check_grads(lambda a: mine(None, _covariance(a)), (A3,), order=2)
    check_grads(lambda a: mine(None, a @ a.T), (A3[:, :2],), order=1)
    check_transforms(lambda a: mine(MEAN, _covariance(a)), (A3,))


def test_arguments_as_scipys():
    assert ours.norm.pdf(0.5, scale=2.0, loc=1.0) == ours.norm.pdf(0.5, 1.0, 2.0)
    assert ours.gamma.pdf(0.5, a=2.0) == ours.gamma.pdf(0.5, 2.0)
    for args, kwds, text in [
        ((0.5,), {}, "misses a"),
        ((0.5, 1.0), {"a": 2.0}, "multiple values for argument 'a'"),
        ((0.5, 1.0), {"mu": 2.0}, "unexpected keyword argument 'mu'"),
        ((0.5, 1.0, 0.0, 1.0, 3.0), {}, "at most 3 parameters, got 4"),
    ]:
        with pytest.raises(TypeError, match=text):
            ours.gamma.pdf(*args, **kwds)
        with pytest.raises(TypeError):
            theirs.gamma.pdf(*args, **kwds)
    with pytest.raises(DtypeError, match=r"scipy.stats: got complex128\[\]"):
        ours.norm.pdf(1j)
    assert repr(ours.norm) == "<funcgrad.scipy.stats.norm>"


def test_dtypes():
    for x in (1, True, np.float32(0.5), np.float16(0.5), np.array([1, 2]), [1.0, 2.0]):
        found, expected = ours.norm.logpdf(x), theirs.norm.logpdf(x)
        assert found.dtype == expected.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    slope = grad(lambda x: ours.norm.logpdf(x))(np.float32(0.5))
    assert slope.dtype == np.float32 and slope == -0.5


def test_multinomial():
    x, p = (
        np.array([[1.0, 2.0, 3.0], [6.0, 0.0, 0.0], [1.0, 1.0, 1.0], [-1.0, 3.0, 4.0]]),
        [0.2, 0.3, 0.5],
    )
    expected = theirs.multinomial.logpmf(x, 6, p)
    np.testing.assert_allclose(ours.multinomial.logpmf(x, 6, p), expected, rtol=1e-13)
    np.testing.assert_allclose(ours.multinomial.pmf(x, 6, p), np.exp(expected), rtol=1e-13)
    np.testing.assert_allclose(
        jit(lambda p: ours.multinomial.logpmf(x, 6, p))(np.array(p)), expected
    )
    check_grads(lambda p: ours.multinomial.logpmf(x[0], 6, p), (p,), order=2)
    assert np.isnan(ours.multinomial.logpmf(x[0], 6, [0.9, 0.9, -0.8]))
    assert np.isnan(ours.multinomial.logpmf(x[0], -1, p))
    with pytest.raises(ShapeError, match="one count and one probability"):
        ours.multinomial.logpmf(x, 6, [0.5, 0.5])


def test_the_normal_cdf_of_vectors_is_scipys_alone():
    value = ours.multivariate_normal.cdf([0.1, 0.2], np.zeros(2), np.eye(2))
    np.testing.assert_allclose(value, np.prod(theirs.norm.cdf([0.1, 0.2])), rtol=1e-4)
    with pytest.raises(ArgumentError, match="SciPy integrates with random points"):
        grad(lambda m: ours.multivariate_normal.cdf([0.1, 0.2], m))(np.zeros(2))
