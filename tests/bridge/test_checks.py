"""What NumPy raises comes out of XLA as funcgrad's error, with the user's line; the first one."""

import warnings

import jax
import numpy as np
import pytest

import funcgrad as fg
from funcgrad import errors, grad, lax, vmap
from funcgrad.bridge import to_jax
from funcgrad.numpy import at

X = np.arange(4.0)
FAR = np.array([1, 7])


def newton(a):
    return lax.while_loop(lambda x: np.abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)


def picked_in_a_scan(x, i):
    return lax.scan(lambda c, k: (c + x[k], c), 0.0, i)[0]


def picked_in_a_while(x, i):
    def body(state):
        total, k = state
        return total + x[i + k], k + 1

    return lax.while_loop(lambda state: state[1] < 3, body, (0.0, 0))


def picked_in_a_branch(x, i):
    return lax.cond(i > 5, lambda i: x[i], lambda i: 0.0, i)


SITES = [
    ("get", lambda x, i: x[i], (X, FAR), errors.OutOfBoundsError),
    ("negative", lambda x, i: x[i], (X, -FAR), errors.OutOfBoundsError),
    ("unsigned", lambda x, i: x[i], (X, FAR.astype(np.uint8)), errors.OutOfBoundsError),
    ("set", lambda x, i: at(x)[i].set(1.0), (X, FAR), errors.OutOfBoundsError),
    ("add", lambda x, i: at(x)[i].add(1.0), (X, FAR), errors.OutOfBoundsError),
    ("gradient", lambda x, i: grad(lambda x: np.sum(x[i]))(x), (X, FAR), errors.OutOfBoundsError),
    ("in a scan", picked_in_a_scan, (X, FAR), errors.OutOfBoundsError),
    ("in a while", picked_in_a_while, (X, 2), errors.OutOfBoundsError),
    ("in a branch", picked_in_a_branch, (X, 7), errors.OutOfBoundsError),
    (
        "in a branch of a batch",
        vmap(picked_in_a_branch, in_axes=(None, 0)),
        (X, np.array([1, 9])),
        errors.OutOfBoundsError,
    ),
    (
        "in a while of a batch",
        vmap(picked_in_a_while, in_axes=(None, 0)),
        (X, np.array([0, 3])),
        errors.OutOfBoundsError,
    ),
    (
        "switch",
        lambda i: lax.switch(i, [np.sin, np.cos, np.tan], 1.0),
        (4,),
        errors.OutOfBoundsError,
    ),
    ("solve", np.linalg.solve, (np.ones((2, 2)), np.ones(2)), np.linalg.LinAlgError),
    ("inv", np.linalg.inv, (np.zeros((2, 2)),), np.linalg.LinAlgError),
    ("cholesky", np.linalg.cholesky, (-np.eye(2),), np.linalg.LinAlgError),
    (
        "fixed point",
        lambda a: fg.fixed_point(lambda x, a: x * a + 1.0, 1.0, a, maxiter=20),
        (2.0,),
        errors.ConvergenceError,
    ),
]
IDS = [name for name, *_ in SITES]


@pytest.mark.parametrize(("name", "f", "args", "kind"), SITES, ids=IDS)
def test_a_site(name, f, args, kind):
    with pytest.raises(kind), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fg.jit(f)(*args)
    with pytest.raises(kind) as caught:
        fg.jit(f, backend="jax")(*args)
    text = str(caught.value) + "".join(getattr(caught.value, "__notes__", ()))
    assert "test_checks.py:" in text


@pytest.mark.parametrize(("name", "f", "args", "kind"), SITES, ids=IDS)
def test_a_failure_of_to_jax(name, f, args, kind):
    with jax.enable_x64(True):
        failure, _ = jax.jit(to_jax(f, checks=True))(*args)
        assert int(failure.code) > 0
        assert isinstance(failure.error(), kind)
        with pytest.raises(kind):
            failure.throw()


def test_nothing_fails():
    with jax.enable_x64(True):
        failure, y = to_jax(lambda x, i: x[i], checks=True)(X, np.array([1, -4]))
        failure.throw()
        assert failure.error() is None
        assert np.asarray(y).tolist() == [1.0, 0.0]
        failure, _ = to_jax(np.sin, checks=True)(X)
        failure.throw()


def test_the_first_failure_comes_out():
    def two(x, i):
        first = x[i]
        return first + np.linalg.inv(np.zeros((2, 2)) * first)[0]

    with pytest.raises(errors.OutOfBoundsError):
        fg.jit(two, backend="jax")(X, 9)
    with pytest.raises(np.linalg.LinAlgError):
        fg.jit(two, backend="jax")(X, 3)


def test_a_loop_ends_where_its_step_fails():
    def f(x, i):
        return lax.while_loop(lambda s: s < 100.0, lambda s: s * x[i], 1.0)

    with pytest.raises(errors.OutOfBoundsError):
        fg.jit(f, backend="jax")(np.ones(2), 5)


def test_more_steps_than_the_bound():
    slow = lambda a: lax.while_loop(lambda x: x < a, lambda x: x + 0.25 * a / a, 0.0 * a)  # noqa: E731
    with jax.enable_x64(True):
        failure, _ = to_jax(grad(slow), checks=True, steps=5)(3.0)
        with pytest.raises(errors.ConvergenceError, match="more than 5 steps"):
            failure.throw()
    # The backend makes more room.
    assert fg.jit(grad(slow), backend="jax")(30.0) == grad(slow)(30.0)


def test_an_exception_on_the_host_is_itself():
    f = fg.jit(fg.scipy.linalg.logm, backend="jax")
    with pytest.raises(np.linalg.LinAlgError, match="complex logarithm"):
        f(np.diag([-1.0, 2.0]))


def test_a_derivative_that_does_not_exist():
    def f(x):
        @fg.custom_vjp
        def inner(y):
            return x * y

        inner.defvjp(lambda y: (x * y, y), lambda y, ct: (ct,))
        return inner(2.0)

    with pytest.raises(errors.MissingRuleError):
        fg.jit(grad(f), backend="jax")(3.0)


def test_prints_come_in_order(capfd):
    def f(x):
        fg.debug.print("x is {}", x)
        return lax.fori_loop(0, 2, lambda i, c: (fg.debug.print("step {}", i), c + x)[1], 0.0)

    assert fg.jit(f, backend="jax")(2.0) == 4.0
    assert capfd.readouterr().out.splitlines() == ["x is 2.0", "step 0", "step 1"]
