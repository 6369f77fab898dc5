"""funcgrad.scipy.integrate: SciPy's own results, closed forms of the derivatives, every order."""

import pickle

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from funcgrad import custom_jvp, grad, hessian, jacobian, jit, jvp, linearize, stop_gradient, vmap
from funcgrad.errors import (
    ArgumentError,
    ConcretizationError,
    ConvergenceError,
    DtypeError,
    ShapeError,
)
from funcgrad.scipy.integrate import (
    cumulative_simpson,
    cumulative_trapezoid,
    odeint,
    quad,
    simpson,
    solve_ivp,
    trapezoid,
)
from funcgrad.testing import check_grads, check_transforms

TIGHT = {"rtol": 1e-10, "atol": 1e-12}
TIMES = np.array([0.2, 0.7, 1.0])
WEIGHTS = np.array([1.0, 2.0, 3.0])
EXPLICIT = ["RK45", "DOP853", "RK23"]
IMPLICIT = ["Radau", "BDF", "LSODA"]


def decay(t, y, k):
    return -k * y


def solution(k, y0, t1, method="DOP853", **options):
    """A weighted sum of an exponential; ``t1`` stretches the times."""
    options = {**TIGHT, **options}
    found = solve_ivp(
        decay, (0.0, 1.5), y0 * np.ones(1), method, t_eval=TIMES * t1, args=(k,), **options
    )
    return np.sum(WEIGHTS * found.y[0])


def exact(k, y0, t1):
    return np.sum(WEIGHTS * y0 * np.exp(-k * TIMES * t1))


POINT = (2.0, 1.5, 1.1)


@pytest.mark.parametrize("method", [*EXPLICIT, *IMPLICIT])
def test_every_method(method):
    tolerance = {"rtol": 1e-6, "atol": 1e-9} if method in ("RK23", "BDF") else TIGHT

    def f(*p):
        return solution(*p, method, **tolerance)

    for found, expected in zip(
        grad(f, argnums=(0, 1, 2))(*POINT), grad(exact, argnums=(0, 1, 2))(*POINT), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4 if tolerance != TIGHT else 1e-8)
    direction = (0.3, -1.0, 0.7)
    np.testing.assert_allclose(
        jvp(f, POINT, direction)[1],
        jvp(exact, POINT, direction)[1],
        rtol=1e-4 if tolerance != TIGHT else 1e-8,
    )


@pytest.mark.parametrize("method", [*EXPLICIT, *IMPLICIT])
@pytest.mark.parametrize("t_eval", [None, [0.0, 0.3, 2.0], [1.7, 0.4]])
def test_the_solution_is_scipys(method, t_eval):
    span = (2.0, 0.0) if t_eval == [1.7, 0.4] else (0.0, 2.0)

    def pendulum(t, y, k):
        return [y[1], -k * np.sin(y[0])]

    args = (span, [1.0, 0.3], method, t_eval)
    theirs = scipy.integrate.solve_ivp(pendulum, *args, args=(1.7,))
    ours = solve_ivp(pendulum, *args, args=(1.7,))
    seen = {}

    def traced(k):
        found = solve_ivp(pendulum, *args, args=(k,))
        seen.update({name: stop_gradient(found[name]) for name in found if name != "message"})
        seen["message"] = found.message
        return found.y[0, -1]

    grad(traced)(1.7)
    for name in ("t", "y", "nfev", "njev", "nlu", "status", "success"):
        assert type(ours[name]) is type(seen[name])
        np.testing.assert_array_equal(ours[name], theirs[name])
        np.testing.assert_allclose(seen[name], theirs[name], rtol=1e-14)
    assert ours.message == theirs.message == seen["message"]
    assert set(ours) - {"sol", "t_events", "y_events"} == set(seen)


def test_fields():
    found = solve_ivp(decay, (0, 1), [1.0], args=(1.0,), dense_output=True)
    assert found.sol(0.5).shape == (1,) and "sol" in found and "t_events" not in found

    def event(t, y):
        return y[0] - 0.5

    found = solve_ivp(lambda t, y: -y, (0, 1), [1.0], events=event)
    np.testing.assert_allclose(found.t_events[0], np.log(2), rtol=1e-3)
    found = jit(lambda k: solve_ivp(decay, (0, 1), [1.0], t_eval=[1.0], args=(k,)))(1.0)
    again = pickle.loads(pickle.dumps(found))
    assert (
        again.message
        == found.message
        == "The solver successfully reached the end of the " + ("integration interval.")
    )
    assert found.success and found.t.tolist() == [1.0]


def test_second_derivatives():
    def second(f):
        return hessian(lambda p: f(p[0], p[1], p[2]))(np.array(POINT))

    np.testing.assert_allclose(second(solution), second(exact), rtol=1e-6)
    mixed = [
        lambda f: grad(lambda k: jvp(lambda k: f(k, 1.5, 1.0), (k,), (1.0,))[1]),
        lambda f: lambda k: jvp(grad(lambda k: f(k, 1.5, 1.0)), (k,), (1.0,))[1],
        lambda f: grad(lambda t: grad(lambda k: f(k, 1.5, t))(1.3)),
        lambda f: jit(grad(grad(lambda k: f(k, 1.5, 1.0)))),
        lambda f: grad(grad(grad(lambda k: f(k, 1.5, 1.0)))),
    ]
    for d in mixed:
        np.testing.assert_allclose(d(solution)(1.1), d(exact)(1.1), rtol=1e-6)


def test_transforms():
    check_transforms(solution, POINT, rtol=1e-9)
    check_grads(solution, POINT, order=2, rtol=1e-4)
    found = vmap(grad(solution), in_axes=(0, None, 0))(np.array([1.0, 2.0]), 1.5, np.ones(2))
    expected = vmap(grad(exact), in_axes=(0, None, 0))(np.array([1.0, 2.0]), 1.5, np.ones(2))
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    pushed = linearize(solution, *POINT)[1](0.1, 0.0, 0.2)
    np.testing.assert_allclose(pushed, jvp(exact, POINT, (0.1, 0.0, 0.2))[1], rtol=1e-7)


def test_the_solvers_own_steps():
    def last(k, t0, t1):
        found = solve_ivp(decay, (t0, t1), [1.5], args=(k,), **TIGHT)
        return found.y[0, -1] + found.t[-1] ** 2

    def closed(k, t0, t1):
        return 1.5 * np.exp(-k * (t1 - t0)) + t1**2

    args = (2.0, 0.25, 1.0)
    for found, expected in zip(
        grad(last, argnums=(0, 1, 2))(*args), grad(closed, argnums=(0, 1, 2))(*args), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-8)
    np.testing.assert_allclose(
        jvp(last, args, (1.0, 0.5, -0.3))[1], jvp(closed, args, (1.0, 0.5, -0.3))[1], rtol=1e-8
    )

    def second(f):
        return grad(lambda t: grad(f)(2.0, 0.25, t))(1.0)

    np.testing.assert_allclose(second(last), second(closed), rtol=1e-7)

    # Along the way the times stay, and the states move with the parameter.
    def whole(k):
        return np.sum(solve_ivp(decay, (0.0, 1.0), [1.5], args=(k,), **TIGHT).y)

    t = solve_ivp(decay, (0.0, 1.0), [1.5], args=(2.0,), **TIGHT).t
    np.testing.assert_allclose(grad(whole)(2.0), np.sum(-t * 1.5 * np.exp(-2 * t)), rtol=1e-8)
    for transform in (jit(last), vmap(lambda k: last(k, 0.0, 1.0))):
        with pytest.raises(ConcretizationError, match="the solver chooses how many times"):
            transform(*args) if transform is not None and transform.__name__ == "last" else (
                transform(np.ones(2))
            )


def test_stiff_equations():
    """The adjoint follows the solution, which is unstable when integrated backwards."""

    def stiff(k, y0):
        def rate(t, y):
            return -1000.0 * (y - k * np.cos(t))

        found = solve_ivp(rate, (0.0, 2.0), y0 * np.ones(1), "Radau", rtol=1e-8, atol=1e-10)
        return found.y[0, -1]

    # y = k (r cos t + sin t) r / (1 + r**2) + c exp(-r t), with r = 1000.
    slope = 1000.0 * (1000.0 * np.cos(2.0) + np.sin(2.0)) / (1 + 1000.0**2)
    np.testing.assert_allclose(grad(stiff)(1.0, 0.3), slope, rtol=1e-6)
    np.testing.assert_allclose(jvp(stiff, (1.0, 0.3), (1.0, 1.0))[1], slope, rtol=1e-6)

    def square(k):
        return stiff(k**2, 0.3)

    np.testing.assert_allclose(grad(grad(square))(1.5), 2 * slope, rtol=1e-5)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("loss", [1e-8, 1e8])
def test_units_do_not_matter(unit, loss):
    """Tolerances are those of the state; cotangents and tangents come in units of their own."""

    def scaled(k):
        found = solve_ivp(
            lambda t, y: [-k * y[0], k * y[0] - y[1]],
            (0.0, 1.0),
            np.array([unit, 0.0]),
            args=(),
            rtol=1e-8,
            atol=1e-10 * unit,
        )
        return loss * found.y[1, -1] / unit

    def closed(k):
        return loss * k * (np.exp(-k) - np.exp(-1.0)) / (1.0 - k)

    np.testing.assert_allclose(grad(scaled)(2.0), grad(closed)(2.0), rtol=1e-6)
    np.testing.assert_allclose(jvp(scaled, (2.0,), (1e-7,))[1], 1e-7 * grad(closed)(2.0), rtol=1e-6)


def test_complex_states():
    def f(w, y0):
        found = solve_ivp(lambda t, y: 1j * w * y, (0.0, 1.0), y0 * np.ones(1), **TIGHT)
        return np.real(found.y[0, -1]) + 2 * np.imag(found.y[0, -1])

    def closed(w, y0):
        return np.real(y0 * np.exp(1j * w)) + 2 * np.imag(y0 * np.exp(1j * w))

    args = (1.3 + 0.2j, 0.7 - 0.4j)
    for found, expected in zip(
        grad(f, argnums=(0, 1))(*args), grad(closed, argnums=(0, 1))(*args), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-8)
    np.testing.assert_allclose(
        jvp(f, args, (0.1j, 1.0 + 0j))[1], jvp(closed, args, (0.1j, 1.0 + 0j))[1], rtol=1e-8
    )


def test_parameters_of_all_kinds():
    """Pytrees, closures, integers, float32."""
    matrix = np.array([[0.0, 1.0], [-1.0, -0.1]])

    def f(p, x):
        def rate(t, y, p, n):
            return p["a"] @ y * n + x * np.sin(t) + p["b"][0]

        return np.sum(solve_ivp(rate, (0, 1), [1.0, 0.0], t_eval=[0.5, 1.0], args=(p, 2)).y)

    p = {"a": matrix, "b": [np.float32(0.5)]}
    gp, _gx = grad(f, argnums=(0, 1))(p, 0.3)
    assert gp["b"][0].dtype == np.float32 and gp["a"].shape == (2, 2)
    compiled = jit(grad(f, argnums=(0, 1)))(p, 0.3)
    np.testing.assert_allclose(compiled[0]["a"], gp["a"], rtol=1e-10)

    def tight(a):
        return f({"a": a, "b": p["b"]}, 0.3)

    step = 1e-4 * np.array([[0.3, -1.0], [0.5, 0.2]])
    difference = (tight(matrix + step) - tight(matrix - step)) / 2
    np.testing.assert_allclose(np.sum(gp["a"] * step), difference, rtol=1e-3)


def test_jacobians_of_the_users():
    def pendulum(t, y, k):
        return [y[1], -k * np.sin(y[0])]

    def slope(t, y, k):
        return np.stack([np.array([0.0, 1.0]), np.stack([-k * np.cos(y[0]), 0.0])])

    args = ((0.0, 2.0), [1.0, 0.3], "Radau", [1.0, 2.0])

    def f(k):
        return solve_ivp(pendulum, *args, args=(k,), jac=slope).y

    np.testing.assert_allclose(
        jit(f)(1.7),
        scipy.integrate.solve_ivp(pendulum, *args, args=(1.7,), jac=slope).y,
        rtol=1e-13,
    )

    def fixed(k):
        return solve_ivp(decay, (0, 1), [1.0], "BDF", [1.0], args=(k,), jac=[[-2.0]]).y

    np.testing.assert_allclose(grad(lambda k: fixed(k)[0, 0])(2.0), -np.exp(-2), rtol=1e-2)

    def tall(t, y):
        return -y

    def g(y0):
        return solve_ivp(tall, (0, 1), y0, t_eval=[1.0], vectorized=True, **TIGHT).y[:, 0]

    np.testing.assert_allclose(jacobian(g)(np.ones(2)), np.exp(-1.0) * np.eye(2), atol=1e-8)


def test_a_solution_that_ends_early():
    """``y' = y**2`` from 1 is infinite at 1."""

    def f(c):
        found = solve_ivp(lambda t, y: c * y**2, (0.0, 2.0), [1.0], t_eval=[0.5, 1.5])
        return found.y, found.success, found.status

    with np.errstate(over="ignore", invalid="ignore"):
        y, success, status = jit(f)(1.0)
        assert not success and status == -1
        np.testing.assert_allclose(y[0, 0], 2.0, rtol=1e-2)
        assert np.isnan(y[0, 1])
        assert np.isnan(grad(lambda c: f(c)[0][0, 1])(1.0))


def test_empty_and_repeated_times():
    def f(k, times):
        return solve_ivp(decay, (0.0, 1.0), [1.0], t_eval=times, args=(k,), **TIGHT).y

    assert jit(lambda k: f(k, np.zeros(0)))(1.0).shape == (1, 0)
    assert grad(lambda k: np.sum(f(k, np.zeros(0))))(1.0) == 0.0

    # At the start the state is y0, and moves with the time at which it is read.
    def start(k, t):
        return np.sum(f(k, t * np.ones(1)))

    np.testing.assert_allclose(grad(start, argnums=(0, 1))(2.0, 0.0), (0.0, -2.0), atol=1e-12)

    def g(y0, t):
        return np.sum(odeint(lambda y, t: -y, y0, [0.0, t, t, 1.0])[1:3])

    np.testing.assert_allclose(
        grad(g, argnums=(0, 1))(1.0, 0.5), (2 * np.exp(-0.5), -2 * np.exp(-0.5)), rtol=1e-6
    )


OSCILLATOR = lambda y, t, k: [y[1], -k * y[0]]  # noqa: E731


def test_odeint():
    times = np.linspace(0.0, 2.0, 7)
    theirs = scipy.integrate.odeint(OSCILLATOR, [1.0, 0.5], times, args=(2.0,))
    np.testing.assert_array_equal(odeint(OSCILLATOR, [1.0, 0.5], times, args=(2.0,)), theirs)

    def f(y0, t, k):
        return odeint(OSCILLATOR, y0, t, args=(k,))

    found = jit(f)(np.array([1.0, 0.5]), times, 2.0)
    np.testing.assert_allclose(found, theirs, rtol=1e-12)

    def closed(y0, t, k):
        w, s = np.sqrt(k), t - t[0]
        return y0[0] * np.cos(w * s) + y0[1] / w * np.sin(w * s)

    args = (np.array([1.0, 0.5]), times, 2.0)
    weights = np.arange(7.0)
    for i in range(3):
        mine = grad(lambda *a: np.sum(weights * f(*a)[:, 0]), argnums=i)(*args)
        np.testing.assert_allclose(
            mine, grad(lambda *a: np.sum(weights * closed(*a)), argnums=i)(*args), atol=1e-6
        )

    def slope(y, t, k):
        return np.stack([np.array([0.0, 1.0]), np.stack([-k, 0.0])])

    for options in (
        {"Dfun": slope},
        {"Dfun": lambda *a: slope(*a).T, "col_deriv": True},
        {"hmax": 0.1},
    ):
        theirs = scipy.integrate.odeint(OSCILLATOR, [1.0, 0.5], times, (2.0,), **options)
        mine = jit(lambda k, o=options: odeint(OSCILLATOR, [1.0, 0.5], times, (k,), **o))(2.0)
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)

    def swapped(t, y):
        return -y

    def h(y0):
        return odeint(swapped, y0, [0.0, 1.0], tfirst=True)[-1, 0]

    np.testing.assert_allclose(grad(h)(2.0), np.exp(-1.0), rtol=1e-6)
    np.testing.assert_allclose(hessian(lambda k: f([1.0, 0.0], times, k)[-1, 0])(2.0), hessian(
        lambda k: closed([1.0, 0.0], times, k)[-1]
    )(2.0), rtol=1e-5)  # fmt: skip


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="dense_output=True has no derivative"):
        grad(lambda k: solve_ivp(decay, (0, 1), [1.0], args=(k,), dense_output=True).y[0, -1])(1.0)

    def event(t, y, k):
        return y[0] - 0.5

    with pytest.raises(ArgumentError, match="events has no derivative"):
        grad(lambda k: solve_ivp(decay, (0, 1), [1.0], args=(k,), events=event).y[0, -1])(1.0)
    with pytest.raises(ArgumentError, match="rtol is a traced value"):
        grad(lambda k: solve_ivp(decay, (0, 1), [1.0], args=(k,), rtol=k).y[0, -1])(1.0)
    with pytest.raises(ArgumentError, match="args must be a tuple"):
        grad(lambda k: solve_ivp(decay, (0, 1), [1.0], args=k).y[0, -1])(1.0)
    with pytest.raises(ShapeError, match="must have one axis"):
        grad(lambda y: solve_ivp(decay, (0, 1), y, args=(1.0,)).y[0, -1])(1.0)
    with pytest.raises(ShapeError, match="and the state is"):
        grad(lambda y: solve_ivp(lambda t, y: [y[0], y[0]], (0, 1), y).y[0, -1])(np.ones(1))
    with pytest.raises(DtypeError, match="Start from a complex state"):
        grad(lambda y: solve_ivp(lambda t, y: 1j * y, (0, 1), y).y[0, -1])(np.ones(1))
    with pytest.raises(ValueError, match="not within `t_span`"):
        grad(lambda y: solve_ivp(lambda t, y: -y, (0, 1), y, t_eval=[2.0]).y[0, -1])(np.ones(1))
    with pytest.raises(ConcretizationError):

        def rate(t, y):
            return -y if y[0] > 0.5 else -2 * y

        grad(lambda y: solve_ivp(rate, (0, 1), y).y[0, -1])(np.ones(1))
    with pytest.raises(ArgumentError, match="full_output=True"):
        grad(lambda y: odeint(lambda y, t: -y, y, [0, 1], full_output=True)[0][1, 0])(1.0)
    with pytest.raises(ArgumentError, match="weight='cos' has no derivative"):
        grad(lambda k: quad(lambda x: k * x, 0, 1, weight="cos", wvar=1.0)[0])(1.0)


def test_an_adjoint_that_fails():
    # The rate is smooth along the solution y = 0; its derivative there is not a number.
    rate = custom_jvp(lambda y: 0.0 * y)
    rate.defjvp(lambda primals, tangents: (0.0 * primals[0], np.nan * tangents[0]))
    with pytest.raises(ConvergenceError, match="the adjoint equation has a rate"):
        grad(lambda y0: solve_ivp(lambda t, y: rate(y), (0.0, 1.0), y0).y[0, -1])(np.zeros(1))

    def f(y0):
        return solve_ivp(lambda t, y: rate(y), (0.0, 1.0), y0 * np.ones(1)).y[0, -1]

    with pytest.raises(ConvergenceError, match="the sensitivity equation has a rate that is not"):
        jvp(f, (0.0,), (1.0,))
    assert np.isnan(grad(lambda k: np.nan * solution(k, 1.0, 1.0))(1.0))


# Quadrature


def test_quad():
    def f(p, a, b):
        return quad(lambda x: np.sin(p * x) + p, a, b)[0]

    def closed(p, a, b):
        return (np.cos(p * a) - np.cos(p * b)) / p + p * (b - a)

    args = (1.3, 0.2, 2.0)
    assert quad(np.sin, 0, 1) == scipy.integrate.quad(np.sin, 0, 1)
    assert len(quad(np.sin, 0, 1, full_output=1)) == 3
    np.testing.assert_allclose(jit(f)(*args), closed(*args), rtol=1e-12)
    check_grads(f, args, order=2)
    check_transforms(f, args)

    def second(f):
        return hessian(lambda p: f(p[0], p[1], p[2]))(np.array(args))

    np.testing.assert_allclose(second(f), second(closed), rtol=1e-9)

    def third(f):
        return grad(grad(grad(f)))(*args)

    np.testing.assert_allclose(third(f), third(closed), rtol=1e-8)


def test_quad_to_infinity_with_many_parameters():
    def f(p):
        return quad(
            lambda x, p: p["c"] @ np.stack([1.0, x]) * np.exp(-p["k"] * x), 0, np.inf, (p,)
        )[0]

    def closed(p):
        return p["c"][0] / p["k"] + p["c"][1] / p["k"] ** 2

    p = {"c": np.array([0.3, -1.2]), "k": 1.7}
    for found, expected in zip(
        (grad(f)(p)["c"], grad(f)(p)["k"], jit(grad(f))(p)["k"]),
        (grad(closed)(p)["c"], grad(closed)(p)["k"], grad(closed)(p)["k"]),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9)

    def g(b):
        return quad(lambda x: np.exp(-x), 0.0, b)[0]

    assert grad(g)(np.inf) == 0.0
    np.testing.assert_allclose(vmap(grad(g))(np.array([0.5, 2.0])), np.exp([-0.5, -2.0]))

    def kink(k):
        return quad(lambda x: np.abs(x - k), 0.0, 1.0, points=[0.3])[0]

    np.testing.assert_allclose(grad(kink)(0.3), 2 * 0.3 - 1, rtol=1e-7)


Y = np.random.default_rng(0).normal(size=(3, 6))
X = np.cumsum(np.random.default_rng(1).random(6) + 0.2)


@pytest.mark.parametrize(
    "name", ["trapezoid", "simpson", "cumulative_trapezoid", "cumulative_simpson"]
)
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_samples(name, axis, n):
    ours = {
        "trapezoid": trapezoid,
        "simpson": simpson,
        "cumulative_trapezoid": cumulative_trapezoid,
        "cumulative_simpson": cumulative_simpson,
    }[name]
    theirs = getattr(scipy.integrate, name)
    y = Y[:, :n] if axis else Y[:, :n].T
    for options in ({"x": X[:n]}, {"dx": 0.3}, {}):
        expected = theirs(y, axis=axis, **options)
        np.testing.assert_array_equal(ours(y, axis=axis, **options), expected)
        found = jit(lambda y, o=options: ours(y, axis=axis, **o))(y)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)

    def f(y, x):
        return ours(y, x=x, axis=axis)

    check_grads(f, (y, X[:n]), order=2)
    check_transforms(f, (y, X[:n]), rtol=1e-11)
    if name.startswith("cumulative"):
        found = jit(lambda y: ours(y, axis=axis, initial=0))(y)
        np.testing.assert_allclose(found, theirs(y, axis=axis, initial=0), rtol=1e-12, atol=1e-14)
        assert np.moveaxis(found, axis, 0)[0].tolist() == [0.0] * 3


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3), st.floats(0.3, 2.0), st.booleans())
def test_linear_systems(n, t1, backwards):
    """``y = exp(A t) y0``: against the matrix exponential, forwards and backwards in time."""
    from funcgrad.scipy.linalg import expm

    rng = np.random.default_rng(n)
    a, y0, w = rng.normal(size=(n, n)), rng.normal(size=n), rng.normal(size=n)
    end = -t1 if backwards else t1

    def f(a, y0, end):
        times = np.stack([0.5 * end, end])
        found = solve_ivp(lambda t, y: a @ y, np.stack([0.0, end]), y0, "DOP853", times, **TIGHT)
        return np.sum(w @ found.y)

    def closed(a, y0, end):
        return w @ (expm(a * end) @ y0 + expm(a * 0.5 * end) @ y0)

    found, expected = (grad(h, argnums=(0, 1, 2))(a, y0, end) for h in (f, closed))
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-7)
