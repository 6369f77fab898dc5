"""Gradients of solutions of differential equations: exact, cheap, and loud where they fail."""

import math
import re

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import funcgrad.scipy.ode as ode
from funcgrad import custom_vjp, grad, hessian, hvp, jacfwd, jacrev, jit, jvp, value_and_grad, vmap
from funcgrad.control.program.derive import first_like
from funcgrad.core.ir import make_aval
from funcgrad.core.record import trace
from funcgrad.errors import ArgumentError, ConvergenceError, DtypeError, ShapeError
from funcgrad.scipy.collocation import Radau
from funcgrad.scipy.explicit import StiffError, pulled_steps, recorded_steps
from funcgrad.scipy.integrate import odeint, odeint_fixed, solve_ivp
from funcgrad.scipy.plan import Plan
from funcgrad.scipy.rates import Rates, Reads
from funcgrad.scipy.tableau import explicit_method
from funcgrad.testing import check_grads, check_transforms

METHODS = ["RK23", "RK45", "DOP853", "LSODA", "Radau", "BDF"]
EXPLICIT = ["RK23", "RK45", "DOP853"]


def lotka_volterra(t, y, a, b, c, d):
    return [a * y[0] - b * y[0] * y[1], -c * y[1] + d * y[0] * y[1]]


def swapped(y, t, *p):
    return lotka_volterra(t, y, *p)


P = np.array([1.0, 0.1, 1.5, 0.075])
TIGHT = {"rtol": 1e-9, "atol": 1e-11}


def prey(p, y0=(10.0, 5.0), n=10, method="RK45", **options):
    """A loss of a Lotka-Volterra solution that is read at ``n`` times."""
    times = np.linspace(0.0, 8.0, n)
    options = {"rtol": 1e-6, **options}
    args = tuple(p[i] for i in range(4))
    if method == "odeint":
        y = odeint(swapped, y0, times, args=args, **options).T
    else:
        y = solve_ivp(lotka_volterra, (0.0, 8.0), y0, method, times, args=args, **options).y
    return np.sum(y**2) / n


def central(f, x):
    """Central differences of a scalar function, of fourth order."""
    x = np.asarray(x, float)
    steps = np.diag(1e-3 * np.maximum(np.abs(x), 1e-2))
    return np.array(
        [
            (8 * (f(x + e) - f(x - e)) - f(x + 2 * e) + f(x - 2 * e)) / (12 * np.sum(e))
            for e in steps
        ]
    )


# What it costs


class Counted:
    """Counts evaluations of a rate and of its derivatives, in those of the rate."""

    def __init__(self, monkeypatch):
        self.value = self.push = self.pull = 0
        genuine = ode.pulled_back

        def pulled_back(plan, rates, *rest):
            def count(name, f):
                def counted(*args):
                    setattr(self, name, getattr(self, name) + 1)
                    return f(*args)

                return counted

            names = ("value", "push", "pull")
            rates = rates._replace(**{n: count(n, getattr(rates, n)) for n in names}, few=None)
            return genuine(plan, rates, *rest)

        monkeypatch.setattr(ode, "pulled_back", pulled_back)

    def total(self):
        # A tangent costs as much again as its value, a cotangent twice as much.
        return self.value + 2 * self.push + 3 * self.pull


@pytest.mark.parametrize("method", ["RK23", "RK45", "DOP853", "LSODA", "odeint"])
def test_a_gradient_costs_few_solutions_however_many_times_are_read(method, monkeypatch):
    spent = []
    for n in (2, 10, 40, 160):
        counted = Counted(monkeypatch)
        grad(lambda p, n=n: prey(p, n=n, method=method))(P)
        spent.append(counted)
        monkeypatch.undo()
    if method == "odeint":
        times = np.linspace(0.0, 8.0, 2)
        _, info = scipy.integrate.odeint(
            swapped, [10.0, 5.0], times, tuple(P), rtol=1e-6, full_output=True
        )
        forward = int(info["nfe"][-1])
    else:
        found = scipy.integrate.solve_ivp(
            lotka_volterra, (0.0, 8.0), [10.0, 5.0], method, args=tuple(P), rtol=1e-6
        )
        forward = found.nfev
    for counted in spent:
        # The solution itself is one forward solve.
        assert forward + counted.total() <= 12 * forward
        # The steps do not depend on what is read.
        assert counted.push == spent[0].push
    assert spent[-1].pull <= 1.5 * spent[0].pull
    assert spent[-1].total() <= 1.5 * spent[0].total()


def test_a_rate_is_compiled_once_for_the_same_text():
    """A function that is traced again, as un-jitted gradients do, has its derivatives already."""

    def program(f):
        aval = make_aval((), np.dtype(np.float64))
        return first_like(trace(lambda x: [f(x)], [aval], name="f")[0])

    def same(x):
        return np.sin(x) * 3.0

    assert program(same) is program(same)

    def with_number(number):
        return lambda x: x + number

    assert program(with_number(0.0)) is not program(with_number(-0.0))
    assert program(with_number(2.0)) is program(with_number(2.0))
    assert program(with_number(2.0)) is not program(with_number(3.0))
    assert program(lambda x: x**2) is not program(lambda x: x**3)
    for k in (1.0, 2.0, -0.5):

        def loss(y0, k=k):
            return solve_ivp(lambda t, y: -k * y, (0.0, 1.0), y0, t_eval=[1.0], rtol=1e-8).y[0, 0]

        np.testing.assert_allclose(grad(loss)(np.ones(1)), [np.exp(-k)], rtol=1e-6)


# What it is


@pytest.mark.parametrize("method", [*METHODS, "odeint"])
@pytest.mark.parametrize("n", [2, 40])
def test_against_numerical_differentiation(method, n):
    tolerance = {"RK23": 1e-8, "BDF": 1e-9}.get(method, 1e-10)
    tight = {"rtol": tolerance, "atol": tolerance}
    found = grad(lambda p: prey(p, n=n, method=method, **tight))(P)
    expected = central(lambda p: prey(p, n=n, method="DOP853", rtol=1e-12, atol=1e-12), P)
    np.testing.assert_allclose(found, expected, rtol=1e-5 if method in ("RK23", "BDF") else 1e-6)


@pytest.mark.parametrize("method", [*METHODS, "odeint"])
def test_against_a_long_fixed_step_reference(method):
    def reference(p):
        args = tuple(p[i] for i in range(4))
        times = np.linspace(0.0, 8.0, 10)
        y = odeint_fixed(swapped, np.array([10.0, 5.0]), times, args, substeps=200)
        return np.sum(y**2) / 10

    expected = jit(grad(reference))(P)
    rtol = 1e-6
    found = jit(grad(lambda p: prey(p, method=method, rtol=rtol, atol=1e-8)))(P)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize("method", [*METHODS, "odeint"])
def test_logistic_growth(method):
    """``y' = r y (1 - y/K)`` has a closed form, in the parameters and the start."""
    times = np.linspace(0.0, 4.0, 9)
    weights = np.cos(np.arange(9.0))

    def closed(r, k, y0):
        return np.sum(weights * k / (1 + (k / y0 - 1) * np.exp(-r * times)))

    def solved(r, k, y0):
        options = {"rtol": 1e-8, "atol": 1e-10}
        if method == "odeint":
            y = odeint(lambda y, t: r * y * (1 - y / k), y0, times, **options)[:, 0]
        else:

            def rate(t, y):
                return r * y * (1 - y / k)

            y = solve_ivp(rate, (0.0, 4.0), y0 * np.ones(1), method, times, **options).y[0]
        return np.sum(weights * y)

    args = (1.3, 5.0, 0.4)
    rtol = 1e-5
    np.testing.assert_allclose(
        grad(solved, argnums=(0, 1, 2))(*args), grad(closed, argnums=(0, 1, 2))(*args), rtol=rtol
    )
    np.testing.assert_allclose(
        grad(lambda r: grad(solved, argnums=1)(r, *args[1:]))(args[0]),
        grad(lambda r: grad(closed, argnums=1)(r, *args[1:]))(args[0]),
        rtol=1e-4,
    )


@pytest.mark.parametrize("method", [*METHODS, "odeint"])
def test_a_result_moves_with_its_time_as_the_rate_says(method):
    times = np.linspace(0.0, 3.0, 7)

    def read(t):
        if method == "odeint":
            return odeint(swapped, [10.0, 5.0], t, args=tuple(P), rtol=1e-8)[:, 0]
        return solve_ivp(
            lotka_volterra, (0.0, 3.0), [10.0, 5.0], method, t, args=tuple(P), rtol=1e-8
        ).y[0]

    y = scipy.integrate.solve_ivp(
        lotka_volterra, (0.0, 3.0), [10.0, 5.0], "DOP853", times, args=tuple(P), rtol=1e-10
    ).y
    rates = [lotka_volterra(t, y[:, i], *P)[0] for i, t in enumerate(times)]
    expected = np.diag(rates)
    if method == "odeint":
        # The first time is where the solution starts: later results move against it.
        expected[0, 0] = 0.0
        np.testing.assert_allclose(
            jacrev(read)(times)[:, 1:], expected[:, 1:], rtol=1e-4, atol=1e-6
        )
        np.testing.assert_allclose(jacfwd(read)(times), jacrev(read)(times), rtol=1e-4, atol=1e-4)
    else:
        np.testing.assert_allclose(jacrev(read)(times), expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(jacfwd(read)(times), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_at_an_equilibrium(method):
    """Steps that suit a state that does not move are too long for its derivatives."""

    def end(y0, a):
        found = solve_ivp(
            lambda t, y: -y + a * np.sin(20 * t), (0.0, 30.0), y0 * np.ones(1), method, [30.0]
        )
        return found.y[0, 0]

    by_y0, by_a = grad(end, argnums=(0, 1))(0.0, 0.0)
    # y = a (sin 20 t - 20 cos 20 t) / 401 + c exp(-t)
    exact = (np.sin(600.0) - 20 * np.cos(600.0)) / 401
    assert abs(by_y0) < 1e-4
    np.testing.assert_allclose(by_a, exact, atol=1e-3)
    np.testing.assert_allclose(grad(lambda a: end(0.0, a))(0.0), exact, rtol=0.01)


def robertson(t, y, k):
    r1, r2, r3 = k[0] * y[0], k[1] * y[1] ** 2, k[2] * y[1] * y[2]
    return [-r1 + r3, r1 - r2 - r3, r2]


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA", "odeint"])
def test_robertsons_reaction(method):
    """Rates that differ by nine orders of magnitude."""
    k = np.array([0.04, 3e7, 1e4])
    times = np.array([0.0, 1.0, 10.0, 40.0])

    def loss(k, method=method, rtol=1e-7):
        start = np.array([1.0, 0.0, 0.0])
        options = {"rtol": rtol, "atol": 1e-11}
        if method == "odeint":
            y = odeint(lambda y, t: robertson(t, y, k), start, times, **options).T
        else:

            def rate(t, y):
                return robertson(t, y, k)

            y = solve_ivp(rate, (0.0, 40.0), start, method, times, **options).y
        return np.sum(y[0] ** 2) + 1e4 * np.sum(y[1])

    found = jit(grad(loss))(k)
    exact = [
        jvp(lambda k: loss(k, "Radau", 1e-9), (k,), (e,))[1] for e in np.eye(3)
    ]  # by the sensitivity equation
    np.testing.assert_allclose(found, exact, rtol=1e-4)


def test_a_stiff_oscillator():
    """Van der Pol's: LSODA changes its method on the way, and so does the gradient."""

    def loss(mu, method):
        found = solve_ivp(
            lambda t, y: [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]],
            (0.0, 300.0),
            [2.0, 0.0],
            method,
            np.linspace(10.0, 300.0, 20),
            rtol=1e-8,
            atol=1e-10,
        )
        return np.sum(found.y[0])

    expected = (loss(500.05, "Radau") - loss(499.95, "Radau")) / 0.1
    for method in ("Radau", "LSODA", "BDF"):
        np.testing.assert_allclose(grad(loss)(500.0, method), expected, rtol=1e-4)


@pytest.mark.parametrize("method", [*METHODS, "odeint"])
def test_modes_and_orders(method):
    options = {"rtol": 1e-8 if method != "RK23" else 1e-6, "atol": 1e-9}

    def f(p):
        return prey(p, method=method, n=5, **options)

    direction = np.array([0.3, -0.1, 0.2, 0.05])
    g = jit(grad(f))(P)
    np.testing.assert_allclose(grad(f)(P), g, rtol=1e-12)
    value, again = value_and_grad(f)(P)
    np.testing.assert_allclose(value, f(P), rtol=1e-12)
    np.testing.assert_allclose(again, g, rtol=1e-12)
    np.testing.assert_allclose(jvp(f, (P,), (direction,))[1], g @ direction, rtol=1e-4)
    if method in ("Radau", "BDF"):
        return  # costly: the other methods share the code
    products = hvp(f, (P,), (direction,))
    expected = (grad(f)(P + 1e-4 * direction) - grad(f)(P - 1e-4 * direction)) / 2e-4
    np.testing.assert_allclose(products, expected, rtol=1e-3)
    np.testing.assert_allclose(hessian(f)(P) @ direction, expected, rtol=1e-3)


def test_a_batch_of_starts():
    starts = np.array([[10.0, 5.0], [8.0, 3.0], [1.0, 0.5]])

    def f(y0):
        return prey(P, y0, n=4, rtol=1e-8)

    expected = np.stack([grad(f)(y0) for y0 in starts])
    np.testing.assert_allclose(vmap(grad(f))(starts), expected, rtol=1e-10)
    np.testing.assert_allclose(jit(vmap(grad(f)))(starts), expected, rtol=1e-10)
    np.testing.assert_allclose(grad(lambda s: np.sum(vmap(f)(s)))(starts), expected, rtol=1e-10)


def test_backwards_in_time_and_complex():
    def f(w, y0, method, t1):
        found = solve_ivp(
            lambda t, y: [1j * w * y[0] + y[1], -0.5 * np.conj(y[1])],
            (0.0, t1),
            y0,
            method,
            [0.3 * t1, t1],
            rtol=1e-9,
            atol=1e-11,
        )
        return np.sum(np.real(found.y)) + 2 * np.sum(np.imag(found.y[0]))

    y0, direction = np.array([0.7 - 0.4j, 0.2 + 1j]), np.array([0.3 + 0.1j, -1j])
    for method in ("RK45", "BDF"):
        for t1 in (1.5, -1.5):
            by_w, by_y0 = grad(f, argnums=(0, 1))(1.3 + 0.2j, y0, method, t1)
            pushed = jvp(
                lambda w, y, m=method, t=t1: f(w, y, m, t), (1.3 + 0.2j, y0), (0.5j, direction)
            )[1]
            paired = np.real(by_w * 0.5j + np.sum(by_y0 * direction))
            np.testing.assert_allclose(paired, pushed, rtol=1e-5)


def test_rates_of_nothing():
    """Rates that do not depend on the state, on a parameter, or on anything."""
    assert grad(lambda y: solve_ivp(lambda t, y: np.ones(1), (0, 1), y).y[0, -1])(np.ones(1)) == 1
    ones = lambda y0: solve_ivp(lambda t, y: np.ones(1), (0, 1), y0 * np.ones(1)).y[0, -1]  # noqa: E731
    assert jvp(ones, (1.0,), (1.0,))[1] == 1.0
    found = grad(
        lambda a: solve_ivp(lambda t, y: a * np.cos(t) + 0 * y, (0, 1), np.zeros(1)).y[0, -1]
    )
    np.testing.assert_allclose(found(2.0), np.sin(1.0), rtol=1e-3)
    empty = grad(lambda k: np.sum(solve_ivp(lambda t, y: k * y, (0, 1), [], t_eval=[1.0]).y))
    assert empty(1.0) == 0.0


def test_neither_size_of_state_nor_of_parameters_matters():
    """States of one to six components (some in numbers, some in arrays), large parameters."""
    rng = np.random.default_rng(3)
    for d in range(1, 7):
        w, y0 = rng.normal(size=(d, d)), rng.normal(size=d)

        def f(w, y0):
            found = solve_ivp(lambda t, y: np.tanh(w @ y), (0, 1), y0, t_eval=[0.5, 1.0], **TIGHT)
            return np.sum(found.y)

        gw, gy = jit(grad(f, argnums=(0, 1)))(w, y0)
        dw, dy = rng.normal(size=(d, d)), rng.normal(size=d)
        pushed = jvp(f, (w, y0), (dw, dy))[1]
        np.testing.assert_allclose(np.sum(gw * dw) + gy @ dy, pushed, rtol=1e-5, atol=1e-7)
    step = 1e-6
    difference = (f(w + step * dw, y0 + step * dy) - f(w - step * dw, y0 - step * dy)) / (2 * step)
    np.testing.assert_allclose(pushed, difference, rtol=1e-4, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(METHODS), st.integers(1, 7))
def test_random_systems_in_both_modes(seed, method, d):
    """``<ct, jvp(t)> == <vjp(ct), t>``, forwards and backwards in time, read at any times."""
    rng = np.random.default_rng(seed)
    w, b, y0 = rng.normal(size=(d, d)), rng.normal(size=d), rng.normal(size=d)
    n, end = int(rng.integers(1, 30)), float(rng.uniform(0.1, 6.0))
    sign = 1.0 if rng.random() < 0.7 else -1.0
    times, v = sign * np.sort(rng.uniform(0.0, end, n)), rng.normal(size=(d, n))

    def f(w, b, y0):
        def rate(t, y):
            return np.tanh(w @ y) + b * np.sin(t) - 0.2 * y

        options = {"rtol": 1e-6 if method in ("RK23", "BDF") else 1e-7, "atol": 1e-9}
        return np.sum(v * solve_ivp(rate, (0.0, sign * end), y0, method, times, **options).y)

    point = (w, b, y0)
    direction = tuple(rng.normal(size=x.shape) for x in point)
    pulled = grad(f, argnums=(0, 1, 2))(*point)
    parts = [np.sum(g * t) for g, t in zip(pulled, direction, strict=True)]
    size = sum(np.sum(np.abs(g * t)) for g, t in zip(pulled, direction, strict=True))
    assert abs(sum(parts) - jvp(f, point, direction)[1]) <= 5e-5 * size


# The parts: the transpose of a step is exact


def linear_rates(a, theta):
    """``y' = theta A(t) y``: rate, derivatives, and the derivative by theta."""

    def matrix(t):
        return a * (1 + 0.3 * np.sin(t))

    def value(t, y):
        return theta * matrix(t) @ y

    def push(t, z):
        y, s = np.split(z, 2)
        return np.concatenate([value(t, y), value(t, s) + matrix(t) @ y])

    def pull(t, y, k):
        return theta * matrix(t).T @ k, (matrix(t) @ y) @ k

    return Rates(value, push, pull, lambda ts, ys: None, np.ones(len(a)))


@pytest.mark.parametrize("method", EXPLICIT)
@pytest.mark.parametrize("kept", [True, False])
def test_the_pass_back_is_the_transpose_of_the_steps(method, kept, monkeypatch):
    """Even for steps that are far too long: derivative and solution are discretised alike."""
    rng = np.random.default_rng(0)
    a, y0 = rng.normal(size=(3, 3)), rng.normal(size=3)
    solver = getattr(scipy.integrate, method)
    table = explicit_method(solver)
    rates = linear_rates(a, 0.8)
    if not kept:
        monkeypatch.setattr("funcgrad.scipy.explicit._KEPT", 0)
    plan = Plan("solve_ivp", method, 0.1, 0.1, {}, most=1000)
    steps = recorded_steps(plan, table, rates, 0.0, 3.0, y0, False)
    times = np.array([0.0, 0.1, 1.2, 1.3, steps[-1].t, 2.9, 3.0])
    v = rng.normal(size=(3, len(times)))

    def loss(theta, y0):
        """The same steps, by SciPy's own code, with its dense output."""
        f = lambda t, y: theta * (a * (1 + 0.3 * np.sin(t))) @ y  # noqa: E731
        total, y = v[:, 0] @ y0, y0
        for step in steps:
            run = solver(f, step.t, y, 1e9, rtol=1e3, atol=1e9, first_step=step.h, max_step=step.h)
            run.step()
            sol = run.dense_output()
            inside = (times > step.t) & (times <= step.t + step.h)
            total += np.sum(sol(times[inside]) * v[:, inside])
            y = run.y
        return total

    totals = [0.0]
    found = pulled_steps(table, rates, steps, Reads(0.0, times, v), totals)
    expected = central(lambda p: loss(p[0], p[1:]), [0.8, *y0])
    np.testing.assert_allclose([totals[0], *found], expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("method", EXPLICIT)
def test_tables_are_those_of_scipy(method):
    table = explicit_method(getattr(scipy.integrate, method))
    np.testing.assert_allclose(table.full().sum(axis=1), [*table.c, *table.more_c], atol=1e-14)
    x = np.array([0.0, 0.3, 1.0])
    weights = table.weights(x)
    np.testing.assert_allclose(weights.sum(axis=1), x, atol=1e-13)
    np.testing.assert_allclose(weights[-1, : len(table.b)], table.b, atol=1e-13)


@pytest.mark.parametrize("count", [3, 5])
def test_radaus_coefficients(count):
    method = Radau(count)
    # Quadrature of polynomials of degree 2n - 2, which is what the order 2n - 1 means.
    for power in range(2 * count - 1):
        np.testing.assert_allclose(method.a[-1] @ method.c**power, 1 / (power + 1), rtol=1e-12)
    np.testing.assert_allclose(method.a.sum(axis=1), method.c, rtol=1e-12)
    np.testing.assert_allclose(method.start @ method.c**1, 0.0, atol=1e-12)
    if count == 3:
        root = math.sqrt(6.0)
        np.testing.assert_allclose(method.c, [(4 - root) / 10, (4 + root) / 10, 1], rtol=1e-12)
        # 1 / gamma is the real eigenvalue in Hairer's code.
        np.testing.assert_allclose(1 / method.gamma, 3 + 3 ** (2 / 3) - 3 ** (1 / 3), rtol=1e-12)


def test_stiffness_is_seen():
    table = explicit_method(scipy.integrate.LSODA)
    plan = Plan("solve_ivp", "LSODA", 1e-6, 1e-6, {}, most=100_000)
    stiff = Rates(
        lambda t, y: -1e4 * (y - np.cos(t)),
        lambda t, z: np.array([-1e4 * (z[0] - np.cos(t)), -1e4 * z[1]]),
        lambda t, y, k: (-1e4 * k,),
        lambda ts, ys: None,
        np.ones(1),
    )
    with pytest.raises(StiffError):
        recorded_steps(plan, table, stiff, 0.0, 10.0, np.ones(1), True)
    mild = linear_rates(-np.eye(2), 1.0)
    assert recorded_steps(plan, table, mild, 0.0, 3.0, np.ones(2), True)


# Where it fails


def test_too_many_steps():
    message = "solve_ivp: after max_steps=20 steps the solver is at t=.*, for lotka_volterra"
    with pytest.raises(ConvergenceError, match=message):
        grad(lambda p: prey(p, max_steps=20))(P)
    with pytest.raises(ConvergenceError, match=message):
        prey(P, max_steps=20)
    with pytest.raises(ConvergenceError, match="max_steps=20"):
        jvp(lambda p: prey(p, max_steps=20), (P,), (P,))
    with pytest.raises(ConvergenceError, match=r"odeint: after max_steps=5 steps .* for swapped"):
        grad(lambda p: prey(p, method="odeint", max_steps=5))(P)
    with pytest.raises(ConvergenceError, match=r"(?s)max_steps=3 .*pass a larger max_steps"):
        grad(lambda p: prey(p, method="Radau", max_steps=3))(P)
    assert prey(P, max_steps=1000) == prey(P)
    np.testing.assert_allclose(grad(lambda p: prey(p, max_steps=1000))(P), grad(prey)(P), rtol=0)
    for wrong in (0, -1, 2.5, "many"):
        with pytest.raises(ArgumentError, match="max_steps must be a positive int"):
            prey(P, max_steps=wrong)
        with pytest.raises(ArgumentError, match="max_steps must be a positive int"):
            grad(lambda p, w=wrong: prey(p, method="odeint", max_steps=w))(P)
    with pytest.raises(ArgumentError, match="there is no method 'RK99'"):
        grad(lambda p: prey(p, method="RK99"))(P)


def test_a_derivative_that_becomes_infinite():
    """``y' = -sqrt(y)`` ends at 0, where the derivative of its rate is infinite."""

    def drained(y0):
        rate = lambda t, y: -np.sqrt(np.maximum(y, 0.0))  # noqa: E731
        return solve_ivp(rate, (0.0, 3.0), y0 * np.ones(1), t_eval=[1.0, 3.0], rtol=1e-6).y[0]

    # y = (sqrt(y0) - t/2)**2 until it is 0.
    np.testing.assert_allclose(grad(lambda y: drained(y)[0])(1.0), 0.5, rtol=1e-5)
    # It is passed over, and what comes after no longer depends on the start.
    assert abs(grad(lambda y: drained(y)[1])(1.0)) < 1e-4


@pytest.mark.parametrize("method", ["RK45", "DOP853", "LSODA", "Radau"])
@pytest.mark.parametrize("d", [2, 6])
def test_rates_with_a_rule_for_reverse_mode_alone(method, d):
    @custom_vjp
    def pulled(y, k):
        return -k * y

    pulled.defvjp(
        lambda y, k: (-k * y, (y, k)), lambda kept, ct: (-kept[1] * ct, -np.sum(kept[0] * ct))
    )

    def f(k, y0):
        found = solve_ivp(lambda t, y: pulled(y, k), (0, 1), y0, method, [0.5, 1.0], **TIGHT)
        return np.sum(found.y)

    y0 = np.arange(1.0, d + 1)
    by_k, by_y0 = grad(f, argnums=(0, 1))(2.0, y0)
    np.testing.assert_allclose(by_y0, np.full(d, np.exp(-1.0) + np.exp(-2.0)), rtol=1e-6)
    slope = -np.sum(y0) * (0.5 * np.exp(-1.0) + np.exp(-2.0))
    np.testing.assert_allclose(by_k, slope, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_never_silently_not_a_number(method):
    """A finite solution whose derivative is not a number raises, and says where."""

    @custom_vjp
    def broken(y):
        return -y

    broken.defvjp(lambda y: (-y, None), lambda _, ct: (np.nan * ct,))

    def f(y0):
        return solve_ivp(lambda t, y: broken(y), (0, 1), y0 * np.ones(1), method, [1.0]).y[0, 0]

    message = r"solve_ivp: the adjoint equation has a rate that is not finite, at t=0, for <lambda>"
    with pytest.raises(ConvergenceError, match=message):
        grad(f)(1.0)
    with pytest.raises(ConvergenceError, match=message):
        jit(grad(f))(1.0)


def test_parameters_for_which_a_solver_never_ends():
    """What a line search may try. SciPy's LSODA creeps towards a pole for ever."""
    exploding, stiff = np.array([50.0, -5.0, 1.0, 3.0]), np.array([-3.0, 1e3, -2.0, 1e3])
    with np.errstate(all="ignore"):
        for p, method in ((exploding, "LSODA"), (stiff, "RK45")):
            loss = lambda p, m=method: prey(p, method=m, max_steps=5000)  # noqa: E731
            for f in (grad(loss), jit(grad(loss))):
                with pytest.raises(ConvergenceError, match=r"after max_steps=5000 steps"):
                    f(p)
        # Where SciPy gives up and says so the states are nan, and so is the gradient.
        assert np.isnan(prey_at_end(exploding))
        assert np.isnan(grad(prey_at_end)(exploding)).all()


def prey_at_end(p):
    """A state that is not reached is nan where something is traced."""
    return jit(lambda p: prey(p, n=4))(p)


def test_there_is_a_limit_without_asking(monkeypatch):
    monkeypatch.setattr("funcgrad.scipy.integrate.MOST_STEPS", 30)
    with pytest.raises(ConvergenceError, match=r"after max_steps=30 steps"):
        grad(prey)(P)
    prey(P)


# A fit


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("method", ["RK45", "odeint"])
def test_a_fit_converges(method, compiled):
    """40 points, rtol 1e-6, L-BFGS-B from a bad start."""
    times = np.linspace(0.0, 15.0, 40)
    start = np.array([10.0, 5.0])
    data = scipy.integrate.solve_ivp(
        lotka_volterra, (0.0, 15.0), start, "DOP853", times, args=tuple(P), rtol=1e-10, atol=1e-10
    ).y

    def loss(logs):
        p = np.exp(logs)
        args = (p[0], p[1], p[2], p[3])
        if method == "odeint":
            y = odeint(swapped, start, times, args, rtol=1e-6, atol=1e-6).T
        else:
            y = solve_ivp(lotka_volterra, (0.0, 15.0), start, method, times, args=args, rtol=1e-6).y
        return np.mean((y - data) ** 2)

    both = jit(value_and_grad(loss)) if compiled else value_and_grad(loss)
    found = minimize(both, np.log([2.0, 0.5, 0.5, 0.02]), jac=True, method="L-BFGS-B")
    assert found.success and found.nfev < 100
    np.testing.assert_allclose(np.exp(found.x), P, rtol=1e-3)


# Steps of fixed length


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_fixed_steps_have_their_order(method, order):
    def error(substeps):
        found = odeint_fixed(
            lambda y, t: -y * np.cos(t), 1.0, [0.0, 1.0, 2.5], method=method, substeps=substeps
        )
        return np.max(np.abs(found - np.exp(-np.sin([0.0, 1.0, 2.5]))))

    rate = np.log2(error(40) / error(80))
    assert abs(rate - order) < 0.15


@pytest.mark.parametrize("method", ["euler", "midpoint", "rk4"])
def test_fixed_steps_have_exact_derivatives(method):
    times = np.array([0.0, 0.4, 1.0, 1.1])

    def f(y0, t, k):
        rate = lambda y, t, k: np.stack([y[1], -k * np.sin(y[0]) + np.cos(t)])  # noqa: E731
        return odeint_fixed(rate, y0, t, (k,), method=method, substeps=3)

    args = (np.array([1.0, 0.3]), times, 1.7)
    check_grads(f, args, order=2)
    check_transforms(f, args)
    batch = vmap(f, in_axes=(0, None, None))(np.array([[1.0, 0.3], [0.2, 0.0]]), times, 1.7)
    np.testing.assert_allclose(batch[0], f(*args), rtol=1e-13)
    np.testing.assert_allclose(jit(f)(*args), f(*args), rtol=1e-13)


def test_fixed_steps_take_states_of_any_shape():
    k = np.array([[0.0, 1.0], [-1.0, 0.0]])
    found = odeint_fixed(lambda t, y: k @ y, np.eye(2), [0.0, np.pi / 2], tfirst=True, substeps=64)
    assert found.shape == (2, 2, 2)
    np.testing.assert_allclose(found[1], k, atol=1e-6)
    turned = odeint_fixed(lambda y, t: 1j * y, 1.0 + 0j, [0.0, -np.pi], substeps=64)
    assert turned.dtype == np.complex128
    np.testing.assert_allclose(turned, [1.0, -1.0], atol=1e-6)
    single = odeint_fixed(lambda y, t: -y, np.float32(2.0), [0.5])
    assert single.tolist() == [2.0] and single.dtype == np.float64
    many = odeint_fixed(lambda y, t: [y[1], -y[0]], [1, 0], np.linspace(0, 1, 5))
    assert many.shape == (5, 2)
    np.testing.assert_allclose(many[-1], [np.cos(1.0), -np.sin(1.0)], atol=1e-4)


def test_what_fixed_steps_refuse():
    def decay(y, t):
        return -y

    with pytest.raises(ArgumentError, match="there is no method 'rk5'"):
        odeint_fixed(decay, 1.0, [0.0, 1.0], method="rk5")
    for wrong in (0, -2, 1.5):
        with pytest.raises(ArgumentError, match="substeps"):
            odeint_fixed(decay, 1.0, [0.0, 1.0], substeps=wrong)
    with pytest.raises(ShapeError, match="Give a vector of times"):
        odeint_fixed(decay, 1.0, 1.0)
    with pytest.raises(ShapeError, match=re.escape("odeint_fixed: <lambda>() at")):
        odeint_fixed(lambda y, t: [y, y], 1.0, [0.0, 1.0])
    with pytest.raises(DtypeError, match="Start from a complex state"):
        odeint_fixed(lambda y, t: 1j * y, 1.0, [0.0, 1.0])
    with pytest.raises(DtypeError, match="must return numbers"):
        odeint_fixed(lambda y, t: None, 1.0, [0.0, 1.0])
