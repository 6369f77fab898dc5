"""funcgrad.scipy.optimize: SciPy's own results, closed forms of the derivatives, both modes."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.optimize

import funcgrad as fg
from funcgrad import grad, hessian, jacfwd, jacobian, jit, jvp, make_jaxpr, vmap
from funcgrad.errors import MissingRuleError
from funcgrad.scipy.optimize import minimize, root
from funcgrad.testing import check_grads, check_transforms

P = {"r": 2.0, "s": 1.5}
START = [1.0, 1.0]


def circle(x, p):
    return [x[0] ** 2 + x[1] ** 2 - p["r"], x[0] - x[1] * p["s"]]


def circle_jacobian(x, p):
    return np.stack([2 * x, np.stack([1.0, -p["s"]])])


def meeting(p):
    """Where line and circle meet."""
    y = np.sqrt(p["r"] / (1 + p["s"] ** 2))
    return np.stack([p["s"] * y, y])


ROOTS = ["hybr", "lm", "broyden1", "broyden2", "krylov", "df-sane"]


@pytest.mark.parametrize("method", ROOTS)
def test_root_is_scipys(method):
    jac = {"jac": circle_jacobian} if method in ("hybr", "lm") else {}
    ours = root(circle, START, args=(P,), method=method)
    theirs = scipy.optimize.root(circle, START, args=(P,), method=method, **jac)
    assert ours.success
    for name in ("x", "fun", "success", "nfev", "njev", "nit", "status"):
        if name in ours and name in theirs:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-12, atol=1e-12)
    assert ours.message == theirs.message
    compiled = jit(lambda p: root(circle, START, args=(p,), method=method))(P)
    assert compiled.message == ours.message and compiled.nfev == ours.nfev
    np.testing.assert_array_equal(compiled.x, ours.x)
    np.testing.assert_allclose(compiled.x, meeting(P), rtol=1e-6)
    exact = jacobian(meeting)(P)
    found = jacobian(lambda p: root(circle, START, args=p, method=method, tol=1e-13).x)(P)
    for name in exact:
        np.testing.assert_allclose(found[name], exact[name], rtol=1e-5)


def quartic(x, a):
    return np.sum((x - a) ** 2) + np.sum(x) ** 2 + np.sum(x**4)


def quartic_gradient(x, a):
    return 2 * (x - a) + 2 * np.sum(x) + 4 * x**3


def quartic_hessian(x, a):
    return 2 * np.eye(2) + 2.0 + np.diag(12 * x**2)


def quartic_sensitivity(x):
    return np.linalg.solve(quartic_hessian(x, None), 2 * np.eye(2))


A = np.array([1.0, 4.0])
X = np.array([0.0, 1.0])  # the minimum: the gradient is 0 there
WITH_GRADIENT = ["CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "SLSQP", "trust-constr"]
WITH_HESSIAN = ["dogleg", "trust-ncg", "trust-exact", "trust-krylov"]
WITHOUT = ["Nelder-Mead", "Powell", "COBYLA", "COBYQA"]


@pytest.mark.parametrize("method", [*WITH_GRADIENT, *WITH_HESSIAN, *WITHOUT])
def test_minimize_is_scipys(method):
    derivatives = {}
    if method not in WITHOUT:
        derivatives["jac"] = quartic_gradient
    if method in ("Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"):
        derivatives["hessp"] = lambda x, p, a: quartic_hessian(x, a) @ p
    elif method in WITH_HESSIAN:
        derivatives["hess"] = quartic_hessian
    ours = minimize(quartic, np.zeros(2), args=(A,), method=method)
    theirs = scipy.optimize.minimize(quartic, np.zeros(2), args=(A,), method=method, **derivatives)
    assert ours.success == theirs.success and ours.status == theirs.status
    assert ours.message == theirs.message
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-7)
    np.testing.assert_allclose(ours.x, X, atol=1e-3)
    np.testing.assert_allclose(ours.fun, theirs.fun, rtol=1e-12)
    for name in ("nit", "nfev", "njev", "nhev"):
        assert getattr(ours, name) == theirs.get(name), name
    if ours.jac is not None:
        np.testing.assert_allclose(ours.jac, theirs.jac, atol=1e-6)
    solve = lambda a: minimize(quartic, np.zeros(2), args=(a,), method=method)  # noqa: E731
    for transform in (jacobian, jacfwd, lambda f: jit(jacobian(f)), lambda f: jacobian(jit(f))):
        found = transform(lambda a: solve(a).x)(A)
        np.testing.assert_allclose(found, quartic_sensitivity(ours.x), rtol=1e-10, atol=1e-12)
    slope = -2 * (ours.x - A) + quartic_sensitivity(ours.x) @ quartic_gradient(ours.x, A)
    np.testing.assert_allclose(grad(lambda a: solve(a).fun)(A), slope, rtol=1e-10)


def test_derivatives_of_every_order():
    options = {"gtol": 1e-13}
    solve = lambda a: minimize(  # noqa: E731
        quartic, np.zeros(2), args=(a,), method="trust-exact", options=options
    )
    check_grads(lambda a: solve(a).x, (A,), order=2)
    check_grads(lambda a: solve(a).fun, (A,), order=3)
    check_transforms(lambda a: solve(a).x, (A,))
    check_transforms(lambda a: solve(a).fun, (A,))
    solve_root = lambda p: root(circle, START, args=(p,), tol=1e-14).x  # noqa: E731
    check_grads(solve_root, (P,), order=2)
    check_transforms(solve_root, (P,))
    expected = hessian(lambda r: np.sum(meeting({**P, "r": r})))(2.0)
    found = hessian(lambda r: np.sum(solve_root({**P, "r": r})))(2.0)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_batches():
    batch = np.stack([A, A + 1.0, A * 2.0])
    solve = lambda a: minimize(quartic, np.zeros(2), args=(a,))  # noqa: E731
    together = vmap(solve)(batch)
    assert together.x.shape == (3, 2) and together.success.all()
    for i in range(3):
        alone = solve(batch[i])
        np.testing.assert_array_equal(together.x[i], alone.x)
        assert together.nit[i] == alone.nit
        assert together.message[i] == alone.message
    gradients = vmap(grad(lambda a: solve(a).x[0]))(batch)
    for i in range(3):
        np.testing.assert_allclose(gradients[i], quartic_sensitivity(together.x[i])[0], rtol=1e-9)
    total = grad(lambda b: np.sum(vmap(lambda a: solve(a).x[0])(b)))(batch)
    np.testing.assert_allclose(total, gradients, rtol=1e-12)
    nested = jit(vmap(vmap(lambda a: solve(a).x)))(batch.reshape(3, 1, 2))
    np.testing.assert_array_equal(nested[:, 0], together.x)
    started = vmap(lambda x0: minimize(quartic, x0, args=(A,)).x)(
        np.array([[0.0, 0.0], [3.0, -1.0]])
    )
    np.testing.assert_allclose(started, np.stack([X, X]), atol=1e-5)
    empty = vmap(lambda a: solve(a).x)(np.zeros((0, 2)))
    assert empty.shape == (0, 2)


def test_what_the_function_closes_over_is_differentiated():
    def fitted(scale):
        weight = np.sin(scale)
        return minimize(lambda x: np.sum((x - weight) ** 2 * scale), np.zeros(2)).x

    check_grads(fitted, (0.7,), order=2)
    np.testing.assert_allclose(jacobian(fitted)(0.7), np.cos(0.7) * np.ones(2), rtol=1e-6)


def test_ridge_regression_and_the_gradient_of_its_penalty():
    """Bilevel: the derivative of a validation loss by the penalty, against the closed form."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    xv, yv = rng.normal(size=(10, 3)), rng.normal(size=10)

    def inner(w, log_penalty):
        return np.mean((x @ w - y) ** 2) + np.exp(log_penalty) * np.sum(w**2)

    def outer(log_penalty):
        w = minimize(inner, np.zeros(3), args=(log_penalty,), method="trust-exact").x
        return np.mean((xv @ w - yv) ** 2)

    def closed(log_penalty):
        w = np.linalg.solve(x.T @ x / 20 + np.exp(log_penalty) * np.eye(3), x.T @ y / 20)
        return np.mean((xv @ w - yv) ** 2)

    for transform in (lambda f: f, grad, lambda f: jit(grad(f)), lambda f: grad(grad(f))):
        np.testing.assert_allclose(transform(outer)(-1.0), transform(closed)(-1.0), rtol=1e-8)


def test_derivatives_that_the_user_gives():
    both = lambda x, a: (quartic(x, a), quartic_gradient(x, a))  # noqa: E731
    expected = minimize(quartic, np.zeros(2), args=(A,)).x
    for f, jac in (
        (both, True),
        (quartic, quartic_gradient),
        (quartic, False),
        (quartic, "3-point"),
    ):
        found = minimize(f, np.zeros(2), args=(A,), jac=jac)
        np.testing.assert_allclose(found.x, expected, atol=1e-6)
        sensitivity = jacobian(lambda a, f=f, jac=jac: minimize(f, np.zeros(2), a, jac=jac).x)(A)
        np.testing.assert_allclose(sensitivity, quartic_sensitivity(found.x), rtol=1e-8)
    newton = {"method": "Newton-CG"}
    for more in (
        {"hess": quartic_hessian},
        {"hessp": lambda x, p, a: quartic_hessian(x, a) @ p},
        {"hess": "2-point"},
    ):
        found = minimize(quartic, np.zeros(2), args=(A,), **newton, **more)
        np.testing.assert_allclose(found.x, X, atol=1e-5)
    pair = lambda x, p: (circle(x, p), circle_jacobian(x, p))  # noqa: E731
    for f, jac in ((pair, True), (circle, circle_jacobian), (circle, False)):
        found = root(f, START, args=(P,), jac=jac)
        np.testing.assert_allclose(found.x, meeting(P), rtol=1e-9)
        assert (found.njev is None) == (jac is False)
    solve = lambda mv, b: np.linalg.solve(jacfwd(mv)(b), b)  # noqa: E731
    found = jacobian(lambda a: minimize(quartic, np.zeros(2), a, tangent_solve=solve).x)(A)
    np.testing.assert_allclose(found, quartic_sensitivity(X), atol=1e-6)


def box(x, a):
    return np.sum((x - a) ** 2 * np.array([1.0, 2.0, 3.0])) + x[0] * x[1] * x[2]


@pytest.mark.parametrize(
    "method", ["L-BFGS-B", "TNC", "SLSQP", "Nelder-Mead", "Powell", "trust-constr", "COBYQA"]
)
def test_bounds_that_are_met_hold_their_unknowns(method):
    """With ``x[2]`` held at 0.3 what is left is linear: ``(I D + 0.3 [[0,1],[1,0]]) x = D a``."""

    def solve(a):
        return minimize(
            box,
            np.array([0.5, 0.5, 0.2]),
            args=(a,),
            method=method,
            bounds=[(0, 1), (None, 2), (0.1, 0.3)],
            tol=1e-10,
        ).x

    a = np.array([0.4, 0.8, 5.0])
    d = np.diag([2.0, 4.0])
    free = np.linalg.solve(d + 0.3 * np.array([[0.0, 1.0], [1.0, 0.0]]), d)
    x = solve(a)
    np.testing.assert_allclose(x, [*(free @ a[:2]), 0.3], atol=1e-5)
    # The place is near the minimum, and the derivative is taken at the place.
    free = np.linalg.solve(d + x[2] * np.array([[0.0, 1.0], [1.0, 0.0]]), d)
    expected = np.zeros((3, 3))
    expected[:2, :2] = free
    np.testing.assert_allclose(jacobian(solve)(a), expected, atol=1e-10)
    np.testing.assert_allclose(jit(jacfwd(solve))(a), expected, atol=1e-10)


def test_bounds_objects():
    bounds = scipy.optimize.Bounds(0.0, [0.5, 5.0])
    ours = minimize(quartic, np.zeros(2), args=(A,), bounds=bounds)
    theirs = scipy.optimize.minimize(
        quartic, np.zeros(2), args=(A,), bounds=bounds, jac=quartic_gradient
    )
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-9)
    assert ours.message == theirs.message


def test_solutions_without_derivatives_say_so():
    equal = {"type": "eq", "fun": lambda x: x[0] - x[1]}
    solve = lambda a: minimize(quartic, np.zeros(2), args=(a,), constraints=equal)  # noqa: E731
    found = solve(A)
    assert abs(found.x[0] - found.x[1]) < 1e-9 and found.success
    for f in (lambda a: solve(a).x[0], jit(lambda a: solve(a).x[0])):
        for transform in (grad, lambda f: lambda a: jvp(f, (a,), (a,))):
            with pytest.raises(MissingRuleError) as caught:
                transform(f)(A)
            assert str(caught.value).startswith(
                "minimize: a solution with constraints has no derivative rule.\nPut the "
                "constraints into the function, as penalties or by a change of variables; bounds "
                "have a rule.\n"
            )


def test_a_search_that_fails_says_so():
    found = minimize(quartic, np.zeros(2), args=(A,), options={"maxiter": 1})
    assert not found.success and found.status == 1
    assert found.message == "Maximum number of iterations has been exceeded."
    nowhere = root(lambda x: x**2 + 1.0, [3.0])
    assert not nowhere.success


def test_one_unknown():
    found = root(lambda x, a: x * x - a, 1.0, args=(2.0,))
    assert found.x.shape == (1,)
    np.testing.assert_allclose(found.x, np.sqrt([2.0]))
    np.testing.assert_allclose(grad(lambda a: root(lambda x: x * x - a, 1.0).x[0])(2.0), 8**-0.5)
    assert minimize(lambda x: (x[0] - 1.0) ** 2, 0).x == pytest.approx([1.0])


def test_single_precision_parameters():
    """SciPy searches in double precision; gradients keep their argument's type."""
    a = A.astype(np.float32)
    found = minimize(quartic, np.zeros(2, np.float32), args=(a,))
    assert found.x.dtype == np.float64
    assert grad(lambda a: minimize(quartic, np.zeros(2), a).x[0])(a).dtype == np.float32


def test_the_function_is_called_compiled():
    calls = []

    def f(x, a):
        calls.append(1)
        return quartic(x, a)

    found = minimize(f, np.zeros(2), args=(A,))
    assert found.nfev > 5 and len(calls) == 1


def test_callbacks_see_plain_arrays():
    seen = []
    minimize(quartic, np.zeros(2), args=(A,), callback=lambda x: seen.append(np.array(x)))
    assert len(seen) > 3 and all(type(x) is np.ndarray for x in seen)
    np.testing.assert_allclose(seen[-1], X, atol=1e-5)


def test_exceptions_of_the_search_come_out():
    def stop(x):
        raise KeyError("enough")

    for f in (
        lambda: minimize(quartic, np.zeros(2), args=(A,), callback=stop),
        jit(lambda: minimize(quartic, np.zeros(2), args=(A,), callback=stop).x),
    ):
        with pytest.raises(KeyError, match="enough"):
            f()
    assert minimize(quartic, np.zeros(2), args=(A,)).success


def test_results_are_pytrees_and_mappings():
    found = minimize(quartic, np.zeros(2), args=(A,))
    assert found["x"] is found.x and "nhev" not in found and "nit" in found
    assert len(found) == len(list(found)) == 9
    with pytest.raises(KeyError):
        found["nhev"]
    doubled = fg.tree.map(lambda leaf: leaf, found)
    assert doubled.message == found.message
    restored = pickle.loads(pickle.dumps(found))
    assert restored.message == found.message
    np.testing.assert_array_equal(restored.x, found.x)
    lines = repr(found).splitlines()
    assert lines[0] == " message: Optimization terminated successfully."
    assert lines[1].startswith("       x: array([")


def test_programs_show_the_search():
    text = str(make_jaxpr(lambda a: minimize(quartic, np.zeros(2), args=(a,)).x)(A))
    assert "solution of gradient" in text and "scipy minimize bfgs" in text


def messages():
    def at(f):
        return f"{f.__name__}() at test_optimize.py:{f.__code__.co_firstlineno}"

    vector = lambda x: x  # noqa: E731
    yield (
        lambda: root(1, START),
        (
            "root: fun must be a function, got int.\n"
            "Pass the function itself, as in root(..., fun, ...).\n"
        ),
    )
    yield (
        lambda: root(circle, START, P, "newton"),
        (
            "root: there is no method 'newton'.\nUse one of anderson, broyden1, broyden2, df-sane, "
            "diagbroyden, excitingmixing, hybr, krylov, linearmixing, lm.\n"
        ),
    )
    yield (
        lambda: root(circle, [1.0, 1.0, 2.0], P),
        (
            f"root: x0 has 3 unknowns, and {at(circle)} returns 2 values.\n"
            "Return as many equations as there are unknowns.\n"
        ),
    )
    yield (
        lambda: root(circle, np.ones((2, 2)), P),
        (
            "root: x0 has shape (2, 2).\n"
            "Give a vector, x0.ravel(), and reshape it in the function.\n"
        ),
    )
    yield (
        lambda: root(circle, 1j, P),
        (
            "root: x0 is complex128[], and SciPy searches among real numbers.\n"
            "Take real and imaginary parts as unknowns, or use funcgrad.custom_root.\n"
        ),
    )
    yield (
        lambda: root(circle, START, P, jac=3),
        ("root: jac must be a function, True, False or None, got 3.\nLeave it out.\n"),
    )
    yield (
        lambda: minimize(vector, np.zeros(2)),
        (f"minimize: {at(vector)} must return a scalar, got float64[2].\nSum it.\n"),
    )
    pair = lambda x: (x, x)  # noqa: E731
    yield (
        lambda: minimize(pair, np.zeros(2)),
        (
            f"minimize: {at(pair)} must return a scalar, got a tuple.\n"
            "Return the scalar alone; pass jac=True where the gradient goes with it.\n"
        ),
    )
    text = lambda x: "text"  # noqa: E731
    yield (
        lambda: minimize(text, np.zeros(2)),
        (
            f"minimize: {at(text)} must return real numbers, got str.\n"
            "Return an array or a list of real numbers.\n"
        ),
    )
    yield (
        lambda: minimize(quartic, np.zeros(2), A, jac=True),
        (
            f"minimize: with jac=True {at(quartic)} must return a pair (value, derivative).\n"
            "Return both, or leave jac out.\n"
        ),
    )
    yield (
        lambda: minimize(quartic, np.zeros(2), A, bounds=[(0, 1)]),
        (
            "minimize: got 1 pairs of bounds for 2 unknowns.\n"
            "Give (low, high) for each unknown, None for no bound.\n"
        ),
    )
    yield (
        lambda: grad(lambda b: minimize(quartic, np.zeros(2), A, bounds=[(0, b)] * 2).fun)(1.0),
        ("minimize: bounds are traced values, and are not differentiated.\nPass plain numbers.\n"),
    )


MESSAGES = list(messages())


@pytest.mark.parametrize("index", range(len(MESSAGES)))
def test_errors(index):
    call, expected = MESSAGES[index]
    with pytest.raises(fg.errors.FuncgradError) as caught:
        call()
    assert str(caught.value).startswith(expected), str(caught.value)


def test_without_scipy():
    program = """
import sys
for name in ("scipy", "scipy.optimize"):
    sys.modules[name] = None
import funcgrad
import funcgrad.scipy
try:
    funcgrad.scipy.optimize
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(
        "funcgrad.scipy.optimize needs SciPy, which is not installed.\n"
        "Install it: pip install 'funcgrad[scipy]'.\n"
    )


def test_a_pytree_to_start_from():
    found = minimize(
        lambda p: np.sum((p["w"] - 2.0) ** 2) + p["b"] ** 2, {"w": np.ones(2), "b": 1.0}
    )
    np.testing.assert_allclose(found.x["w"], [2.0, 2.0], rtol=1e-6)
    # By hand it is the same.
    flat, unravel = fg.tree.ravel({"w": np.ones(2), "b": 0.5})
    found = minimize(lambda v: np.sum((unravel(v)["w"] - 2.0) ** 2), flat)
    np.testing.assert_allclose(unravel(found.x)["w"], [2.0, 2.0], rtol=1e-6)
    for wrong in ("x", None, object()):
        with pytest.raises(fg.errors.DtypeError, match=r"^minimize: x0 is"):
            minimize(np.sum, wrong)
