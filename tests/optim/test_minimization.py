"""L-BFGS, projections and proximal steps, least squares, curves, SciPy's methods over pytrees."""

import numpy as np
import pytest
import scipy.optimize as scipy_optimize

from funcgrad import grad, jit, optim, tree, value_and_grad, vmap
from funcgrad.errors import ArgumentError, ConvergenceError, StructureError


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def beale(p):
    x, y = p["x"], p["y"]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


RNG = np.random.default_rng(0)
DATA, LABELS = RNG.normal(size=(200, 6)), RNG.integers(0, 3, 200)


def logistic(p):
    z = DATA @ p["w"] + p["b"]
    z = z - np.max(z, axis=1, keepdims=True)
    of_labels = np.sum(z * np.eye(3)[LABELS], axis=1)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - of_labels) + 1e-3 * np.sum(p["w"] ** 2)


@pytest.mark.parametrize("n", [2, 5, 20])
def test_lbfgs_finds_rosenbrocks_minimum_in_as_few_evaluations_as_scipy(n):
    start = np.tile([-1.2, 1.0], n)[:n]
    found = optim.lbfgs(rosenbrock, start, ftol=0.0, gtol=1e-6)
    np.testing.assert_allclose(found.x, np.ones(n), rtol=1e-5)
    theirs = scipy_optimize.minimize(
        value_and_grad(rosenbrock), start, jac=True, method="L-BFGS-B", options={"gtol": 1e-6}
    )
    assert found.nfev <= 1.2 * theirs.nfev + 5


def test_lbfgs_on_logistic_regression():
    """The bar: no more evaluations than SciPy's L-BFGS-B times 1.2."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = digits.data / 16.0, np.eye(10)[digits.target]

    def loss(p):
        z = x @ p["w"] + p["b"]
        z = z - np.max(z, axis=1, keepdims=True)
        fit = np.log(np.sum(np.exp(z), axis=1)) - np.sum(z * y, axis=1)
        return np.mean(fit) + 1e-3 * np.sum(p["w"] ** 2)

    start = {"w": np.zeros((64, 10)), "b": np.zeros(10)}
    found = optim.lbfgs(loss, start)
    flat, unravel = tree.ravel(start)
    both = jit(value_and_grad(lambda v: loss(unravel(v))))
    theirs = scipy_optimize.minimize(both, flat, jac=True, method="L-BFGS-B")
    assert found.nfev <= 1.2 * theirs.nfev
    np.testing.assert_allclose(found.fun, theirs.fun, rtol=1e-5)


@pytest.mark.parametrize("method", ["lbfgs", "L-BFGS-B", "BFGS", "CG", "Nelder-Mead", "SLSQP"])
def test_minimize_over_pytrees(method):
    options = {"maxiter": 2000} if method == "Nelder-Mead" else None
    found = optim.minimize(beale, {"x": 1.0, "y": 1.0}, method, options=options)
    np.testing.assert_allclose([found.x["x"], found.x["y"]], [3.0, 0.5], atol=1e-3)
    assert found.success
    assert found.fun < 1e-6
    assert set(found.jac) == {"x", "y"}


def test_minimize_with_bounds_and_callback():
    seen = []
    found = optim.minimize(
        lambda p: np.sum((p["a"] - 3.0) ** 2) + (p["b"] + 2.0) ** 2,
        {"a": np.zeros(2), "b": 0.5},
        bounds=({"a": np.array([-1.0, 4.0]), "b": 0.0}, np.inf),
        callback=lambda k, value, params: seen.append((k, float(value), params["b"])),
    )
    np.testing.assert_allclose(found.x["a"], [3.0, 4.0], atol=1e-6)
    np.testing.assert_allclose(found.x["b"], 0.0, atol=1e-8)
    assert [k for k, _, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] <= seen[0][1]


def test_bad_calls_of_minimize():
    def f(p):
        return np.sum(p["a"] ** 2)

    start = {"a": np.ones(2)}
    with pytest.raises(StructureError, match="minimize: the lower bound"):
        optim.minimize(f, start, bounds=({"b": 0.0}, 1.0))
    with pytest.raises(ArgumentError, match="a lower bound is above its upper bound"):
        optim.minimize(f, start, bounds=(2.0, 1.0))
    with pytest.raises(ArgumentError, match=r"bounds must be a pair"):
        optim.minimize(f, start, bounds=[(0.0, 1.0)])
    with pytest.raises(ArgumentError, match="no method 'newton'"):
        optim.minimize(f, start, method="newton")
    with pytest.raises(ArgumentError, match="takes no bounds and no callback"):
        optim.minimize(f, start, method="lbfgs", bounds=(0.0, 1.0))
    with pytest.raises(ArgumentError, match="Pass one of them"):
        optim.minimize(f, start, optim.sgd(0.1), method="lbfgs")
    with pytest.raises(ArgumentError, match="searches on plain values"):
        jit(lambda s: optim.minimize(f, s, method="BFGS").fun)(start)


def test_what_does_not_converge():
    with pytest.raises(ConvergenceError, match="did not converge after 3 steps"):
        optim.lbfgs(rosenbrock, np.array([-1.2, 1.0]), max_steps=3)
    found = optim.lbfgs(rosenbrock, np.array([-1.2, 1.0]), max_steps=3, throw=False)
    assert not found.success
    assert found.message == "The steps are used up."
    assert found.fun < rosenbrock(np.array([-1.2, 1.0]))
    bad = optim.lbfgs(lambda x: np.sum(x) * np.nan, np.ones(2), throw=False)
    assert bad.message == "The value or the gradient is not finite."
    with np.errstate(over="ignore"):
        down = optim.lbfgs(lambda x: -np.sum(x**2), np.ones(2), throw=False, max_steps=20)
    assert not down.success


def test_many_starts_where_one_fails():
    starts = np.array([[-1.2, 1.0], [np.nan, 0.0], [3.0, -2.0], [0.5, 0.5]])
    found = vmap(lambda x: optim.lbfgs(rosenbrock, x, throw=False, gtol=1e-7, ftol=0.0))(starts)
    np.testing.assert_array_equal(found.success, [True, False, True, True])
    np.testing.assert_allclose(found.x[[0, 2, 3]], np.ones((3, 2)), atol=1e-5)


def test_a_function_is_traced_once_however_many_steps():
    calls = []

    def f(x):
        calls.append(1)
        return rosenbrock(x)

    optim.lbfgs(f, np.array([-1.2, 1.0]))
    few = len(calls)
    optim.lbfgs(f, np.array([-1.2, 1.0]), max_steps=2, throw=False)
    assert len(calls) == 2 * few <= 8
    found = jit(lambda x: optim.lbfgs(rosenbrock, x, throw=False).x)(np.array([-1.2, 1.0]))
    np.testing.assert_allclose(found, np.ones(2), rtol=1e-4)


SETS = {
    "box": (
        lambda x: optim.projection_box(x, -0.2, 0.3),
        lambda x: np.all((x >= -0.2) & (x <= 0.3)),
    ),
    "non-negative": (optim.projection_non_negative, lambda x: np.all(x >= 0)),
    "simplex": (
        optim.projection_simplex,
        lambda x: np.all(x >= -1e-12) and abs(np.sum(x) - 1.0) < 1e-9,
    ),
    "ball": (lambda x: optim.projection_l2_ball(x, 0.7), lambda x: np.sum(x**2) <= 0.49 + 1e-9),
}


@pytest.mark.parametrize("label", SETS)
def test_projections_are_nearest_points(label):
    """x is the projection of y just if (y - x) . (z - x) <= 0 for all z of the set."""
    project, inside = SETS[label]
    rng = np.random.default_rng(1)
    for _ in range(30):
        y = rng.normal(size=4)
        x = project(y)
        assert inside(x)
        for _ in range(20):
            z = project(rng.normal(size=4))
            assert np.dot(y - x, z - x) <= 1e-9
        np.testing.assert_allclose(project(x), x, atol=1e-12)
    nested = project({"a": np.array([3.0, -1.0]), "b": (np.array([0.5]),)})
    assert inside(tree.ravel(nested)[0])


@pytest.mark.parametrize("label", SETS)
def test_projected_gradient_is_slsqps_answer(label):
    project, inside = SETS[label]
    a, b = RNG.normal(size=(8, 4)), RNG.normal(size=8)

    def f(x):
        return np.sum((a @ x - b) ** 2)

    found = optim.projected_gradient(f, np.zeros(4), project)
    assert inside(found.x)
    for _ in range(200):
        other = project(found.x + 0.1 * RNG.normal(size=4))
        assert f(other) >= found.fun - 1e-9


def test_the_lasso_by_proximal_steps():
    a, b, weight = RNG.normal(size=(30, 8)), RNG.normal(size=30), 4.0
    shrink = lambda x, step: np.sign(x) * np.maximum(np.abs(x) - step * weight, 0.0)  # noqa: E731
    x = optim.proximal_gradient(lambda x: 0.5 * np.sum((a @ x - b) ** 2), np.zeros(8), shrink).x
    slope = a.T @ (a @ x - b)
    np.testing.assert_allclose(slope[x != 0], -weight * np.sign(x[x != 0]), atol=1e-4)
    assert np.all(np.abs(slope[x == 0]) <= weight + 1e-4)


T = np.linspace(0.0, 3.0, 40)


def curve(t, a, k, c):
    return a * np.exp(-k * t) + c


@pytest.mark.parametrize("method", ["lm", "gn"])
def test_least_squares_is_scipys(method):
    data = curve(T, 2.5, 1.3, 0.5) + 0.05 * np.random.default_rng(2).normal(size=40)
    found = optim.least_squares(
        lambda p: curve(T, p["a"], p["k"], p["c"]) - data,
        {"a": 2.0, "k": 1.0, "c": 0.0},
        method=method,
    )
    theirs = scipy_optimize.least_squares(lambda x: curve(T, *x) - data, [2.0, 1.0, 0.0])
    np.testing.assert_allclose([found.x["a"], found.x["k"], found.x["c"]], theirs.x, rtol=1e-5)
    np.testing.assert_allclose(found.cost, theirs.cost, rtol=1e-9)
    assert found.jac.shape == (40, 3)
    assert found.optimality < 1e-6
    assert found.success and "satisfied" in found.message


def test_least_squares_from_a_bad_start_and_what_fails():
    found = optim.least_squares(
        lambda x: np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]), np.array([-1.2, 1.0])
    )
    np.testing.assert_allclose(found.x, [1.0, 1.0], rtol=1e-6)
    with pytest.raises(ConvergenceError, match="did not converge after 3 evaluations"):
        optim.least_squares(
            lambda x: np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]),
            np.array([-1.2, 1.0]),
            max_nfev=3,
        )
    bad = optim.least_squares(lambda x: x * np.nan, np.ones(2), throw=False)
    assert bad.message == "The residuals are not finite."
    with pytest.raises(ArgumentError, match="no method 'newton'"):
        optim.least_squares(lambda x: x, np.ones(2), method="newton")


@pytest.mark.parametrize("absolute", [False, True])
def test_curve_fit_is_scipys(absolute):
    sigma = np.linspace(0.05, 0.1, 40)
    data = curve(T, 2.5, 1.3, 0.5) + sigma * np.random.default_rng(3).normal(size=40)
    popt, pcov = optim.curve_fit(curve, T, data, sigma=sigma, absolute_sigma=absolute)
    theirs, covariance = scipy_optimize.curve_fit(
        curve, T, data, sigma=sigma, absolute_sigma=absolute
    )
    np.testing.assert_allclose(popt, theirs, rtol=1e-5)
    np.testing.assert_allclose(pcov, covariance, rtol=1e-3)
    with pytest.raises(ArgumentError, match="cannot be counted"):
        optim.curve_fit(lambda x, *p: p[0] * x, T, data)


def test_many_curves_at_once():
    rates = np.array([0.5, 1.0, 2.0])
    fit = lambda k: optim.curve_fit(  # noqa: E731
        lambda t, a, k: a * np.exp(-k * t), T, 2.0 * np.exp(-k * T), throw=False
    )[0]
    found = vmap(fit)(rates)
    np.testing.assert_allclose(found, np.stack([np.full(3, 2.0), rates], axis=1), rtol=1e-6)


def test_the_best_point_has_the_gradient_that_is_given():
    found = optim.lbfgs(logistic, {"w": np.zeros((6, 3)), "b": np.zeros(3)})
    expected = grad(logistic)(found.x)
    for a, b in zip(tree.leaves(found.jac), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_scipys_own_searches_take_pytrees():
    from funcgrad.scipy import optimize

    found = optimize.minimize(beale, {"x": 1.0, "y": 1.0})
    np.testing.assert_allclose([found.x["x"], found.x["y"]], [3.0, 0.5], atol=1e-4)
    assert set(found.jac) == {"x", "y"}
    bounded = optimize.minimize(
        lambda p, c: np.sum((p["a"] - c) ** 2),
        {"a": np.zeros(2)},
        args=(np.array([2.0, -3.0]),),
        bounds=({"a": -1.0}, {"a": np.array([1.0, 5.0])}),
    )
    np.testing.assert_allclose(bounded.x["a"], [1.0, -1.0])
    root = optimize.root(
        lambda p, a: {"x": p["x"] ** 2 + p["y"] ** 2 - a, "y": p["x"] - p["y"]},
        {"x": 1.0, "y": 1.0},
        args=(2.0,),
    )
    np.testing.assert_allclose([root.x["x"], root.x["y"]], [1.0, 1.0])
    solved = lambda a: optimize.root(  # noqa: E731
        lambda p: {"x": p["x"] ** 2 + p["y"] ** 2 - a, "y": p["x"] - p["y"]}, {"x": 1.0, "y": 1.0}
    ).x["x"]
    np.testing.assert_allclose(grad(solved)(2.0), 0.25)
    seen = []
    optimize.minimize(
        beale,
        {"x": 1.0, "y": 1.0},
        jac=grad(beale),
        callback=lambda p: seen.append(set(p)),
        method="BFGS",
    )
    assert seen and seen[0] == {"x", "y"}
    with pytest.raises(ArgumentError, match="hess is for vectors, and x0 is a pytree"):
        optimize.minimize(beale, {"x": 1.0, "y": 1.0}, hess=lambda p: np.eye(2))
    with pytest.raises(ArgumentError, match=r"a pair \(lower, upper\)"):
        optimize.minimize(beale, {"x": 1.0, "y": 1.0}, bounds=[(0.0, 1.0)] * 2)
