"""custom_root, custom_linear_solve, fixed_point: closed forms and numerical differences."""

import numpy as np
import pytest
from samples import implicit
from samples.laws import check_sample

import funcgrad as fg
from funcgrad import fori_loop, grad, hessian, jacfwd, jacobian, jit, jvp, vmap, while_loop
from funcgrad.control.implicit.custom_root import custom_linear_solve, custom_root
from funcgrad.control.implicit.fixed_point import fixed_point
from funcgrad.core.check import check
from funcgrad.errors import ConvergenceError, MissingRuleError
from funcgrad.testing import check_chains, check_grads


@pytest.mark.parametrize("index", range(len(implicit.SAMPLES)))
def test_samples(index):
    check_sample(implicit.SAMPLES[index])


def newton_until(f, x):
    """Newton's method of as many steps as it takes."""
    return while_loop(lambda x: np.abs(f(x)) > 1e-12, lambda x: x - f(x) / grad(f)(x), x)


def root_by(tangent_solve):
    return lambda a: custom_root(lambda x: x * x - a, 1.0, newton_until, tangent_solve)


def halved(g, y):
    """A tangent_solve that is an iteration of its own: for ``g(t) = 2 x t`` near ``x = 3``."""
    return fori_loop(0, 40, lambda i, t: t - (g(t) - y) / 5.0, y)


@pytest.mark.parametrize(
    "tangent_solve", [None, lambda g, y: y / g(1.0), halved], ids=["dense", "divide", "iterate"]
)
def test_square_root_has_all_derivatives(tangent_solve):
    sqrt = root_by(tangent_solve)
    x = 9.0
    exact = [x**0.5, 0.5 * x**-0.5, -0.25 * x**-1.5, 0.375 * x**-2.5]
    reverse, forward = sqrt, sqrt
    for order in range(4):
        np.testing.assert_allclose(reverse(x), exact[order], rtol=1e-11)
        np.testing.assert_allclose(forward(x), exact[order], rtol=1e-11)
        reverse = grad(reverse)
        forward = lambda x, f=forward: jvp(f, (x,), (1.0,))[1]  # noqa: E731


@pytest.mark.parametrize("tangent_solve", [None, lambda g, y: y / g(1.0)], ids=["dense", "divide"])
def test_chains_of_transforms(tangent_solve):
    x = 4.0
    exact = [x**0.5, 0.5 * x**-0.5, -0.25 * x**-1.5, 0.375 * x**-2.5]
    check_chains(root_by(tangent_solve), x, length=3, exact=exact, rtol=1e-10)


def test_fixed_point_has_the_closed_derivative():
    a, x = 0.8, fixed_point(lambda x: 0.8 * np.cos(x), 0.5)
    assert abs(x - 0.8 * np.cos(x)) < 1e-12
    slope = -a * np.sin(x)
    found = grad(lambda a: fixed_point(lambda x, a: a * np.cos(x), 0.5, a))(a)
    np.testing.assert_allclose(found, np.cos(x) / (1 - slope), rtol=1e-11)
    # The same by the same formula, differentiated once more by hand.
    dx = np.cos(x) / (1 - slope)
    second = (
        -np.sin(x) * dx * (1 + a * np.sin(x)) - np.cos(x) * (np.sin(x) + a * np.cos(x) * dx)
    ) / (1 + a * np.sin(x)) ** 2
    for transform in (lambda f: grad(grad(f)), hessian, lambda f: jacfwd(jacfwd(f))):
        g = transform(lambda a: fixed_point(lambda x, a: a * np.cos(x), 0.5, a))
        np.testing.assert_allclose(g(a), second, rtol=1e-10)


def test_small_cotangents_are_as_exact_as_large_ones():
    f = lambda a: fixed_point(lambda x, a: 0.9 * x + a, 0.0, a)  # noqa: E731
    np.testing.assert_allclose(grad(lambda a: 1e-20 * f(a))(2.0), 1e-19, rtol=1e-9)
    np.testing.assert_allclose(jvp(f, (2.0,), (1e-20,))[1], 1e-19, rtol=1e-9)


def test_memory_and_steps_are_not_differentiated():
    """The derivative does not depend on how the solution was found."""

    def bisect(f, _):
        def body(_, ends):
            low, high = ends
            middle = (low + high) / 2
            below = f(middle) < 0
            return np.where(below, middle, low), np.where(below, high, middle)

        return fori_loop(0, 60, body, (0.0, 10.0))[0]

    f = lambda a: custom_root(lambda x: x**3 + x - a, 1.0, bisect)  # noqa: E731
    x = f(3.0)
    np.testing.assert_allclose(grad(f)(3.0), 1 / (3 * x * x + 1), rtol=1e-12)
    np.testing.assert_allclose(jit(grad(f))(3.0), 1 / (3 * x * x + 1), rtol=1e-12)


def test_a_guess_has_no_derivative():
    f = lambda a, guess: custom_root(lambda x: x * x - a, guess, newton_until)  # noqa: E731
    assert grad(f, (0, 1))(4.0, 3.0) == (pytest.approx(0.25), 0.0)
    assert grad(lambda a: f(a, a))(4.0) == pytest.approx(0.25)


def test_solvers_may_close_over_what_is_differentiated():
    """Both see the values that belong to the order of derivative at hand."""

    def f(a):
        return custom_root(
            lambda x: x * x - a,
            1.0,
            lambda f, x: newton_until(f, x) + 0.0 * a,
            lambda g, y: y / (2.0 * np.sqrt(a)),
        )

    x = 9.0
    np.testing.assert_allclose(grad(f)(x), 0.5 * x**-0.5)
    np.testing.assert_allclose(grad(grad(f))(x), -0.25 * x**-1.5)
    np.testing.assert_allclose(jvp(grad(f), (x,), (1.0,))[1], -0.25 * x**-1.5)
    np.testing.assert_allclose(jit(grad(grad(grad(f))))(x), 0.375 * x**-2.5)


def test_pytrees_and_aux():
    def newton(f, x):
        def step(_, x):
            flat, back = fg.tree.ravel(x)
            values = lambda v: fg.tree.ravel(f(back(v)))[0]  # noqa: E731
            return back(flat - np.linalg.solve(jacobian(values)(flat), values(flat)))

        return fori_loop(0, 20, step, x), {"steps": 20, "norm": 0.5, "name": "newton"}

    def solve(t):
        return custom_root(
            lambda x: {"a": x["a"] ** 3 + x["b"] * x["a"] - t["p"], "b": x["b"] - t["q"]},
            {"a": np.ones(2), "b": 1.0},
            newton,
            has_aux=True,
        )

    t = {"p": np.array([1.0, 2.0]), "q": 0.3}
    x, aux = solve(t)
    assert aux == {"steps": 20, "norm": 0.5, "name": "newton"}
    np.testing.assert_allclose(x["a"] ** 3 + 0.3 * x["a"], t["p"], rtol=1e-14)
    check_grads(lambda t: solve(t)[0], (t,), order=2)
    np.testing.assert_allclose(jacobian(lambda t: solve(t)[0]["b"])(t)["q"], 1.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda z: custom_root(
            lambda x: x * x - z,
            1.0 + 0j,
            lambda f, x: fori_loop(0, 10, lambda i, x: x - f(x) / (2 * x), x),
        ),
        lambda z: custom_root(
            lambda x: x + 0.3 * np.conj(x) * x - z,
            1.0 + 0j,
            lambda f, x: fori_loop(0, 60, lambda i, x: x - 0.5 * f(x), x),
        ),
        lambda z: fixed_point(lambda x: z - 0.3 * np.conj(x) * x, 0.1 + 0j),
    ],
    ids=["holomorphic", "conjugate", "fixed point"],
)
def test_complex_unknowns(f):
    check_grads(f, (0.5 + 0.4j,), order=2)


def test_the_complex_square_root():
    f = lambda z: custom_root(  # noqa: E731
        lambda x: x * x - z,
        1.0 + 0j,
        lambda f, x: fori_loop(0, 10, lambda i, x: x - f(x) / (2 * x), x),
    )
    assert f(3 + 4j) == pytest.approx(2 + 1j)
    assert grad(f, holomorphic=True)(3 + 4j) == pytest.approx(1 / (2 * (2 + 1j)))


def test_dtypes_follow_the_unknown():
    newton = lambda f, x: fori_loop(0, 8, lambda i, x: x - f(x) / (2 * x), x)  # noqa: E731
    f = lambda a, x: custom_root(lambda x: x * x - a, x, newton)  # noqa: E731
    two = np.float32(2)
    assert type(f(two, np.float32(1))) is np.float32
    assert type(f(two, 1.0)) is np.float32  # a Python number gives way
    assert type(f(2.0, 1)) is np.float64
    assert type(grad(f)(two, np.float32(1))) is np.float32


def conjugate_gradients(matvec, b):
    def going(state):
        return np.logical_and(np.sum(state[1] ** 2) > 1e-30, state[3] < 50)

    def step(state):
        x, r, p, k = state
        image = matvec(p)
        square = np.sum(r * r)
        along = square / np.sum(p * image)
        x, new = x + along * p, r - along * image
        return x, new, new + np.sum(new * new) / square * p, k + 1

    return while_loop(going, step, (0.0 * b, b, b, 0))[0]


def cg_solve(a, b):
    return custom_linear_solve(lambda x: (a + a.T) @ x / 2, b, conjugate_gradients, symmetric=True)


def test_linear_solve_by_conjugate_gradients():
    a, b = implicit.SPD, implicit.B
    np.testing.assert_allclose(cg_solve(a, b), np.linalg.solve(a, b), rtol=1e-12)
    ct = np.array([1.0, -2.0, 0.5])
    ga, gb = grad(lambda a, b: ct @ cg_solve(a, b), (0, 1))(a, b)
    w = np.linalg.solve(a, ct)
    np.testing.assert_allclose(gb, w, rtol=1e-10)
    outer = np.outer(w, np.linalg.solve(a, b))
    np.testing.assert_allclose(ga, -(outer + outer.T) / 2, rtol=1e-10)
    check_grads(cg_solve, (a, b), order=2)


def test_a_zero_right_side():
    """A batch in which one system has nothing to do, and a zero cotangent."""
    a = implicit.SPD
    b = np.stack([np.zeros(3), implicit.B])
    np.testing.assert_allclose(vmap(cg_solve, in_axes=(None, 0))(a, b)[0], np.zeros(3))
    g = grad(lambda b: cg_solve(a, b)[0] * 0.0)(implicit.B)
    np.testing.assert_array_equal(g, np.zeros(3))


def test_batches_in_batches():
    """Some operands batched once, some twice: as the loops."""
    a = np.stack([implicit.SPD, implicit.SPD + np.eye(3)])
    b = implicit.RNG.normal(size=(2, 4, 3))
    f = lambda a, b: np.sum(cg_solve(a, b) ** 2)  # noqa: E731
    twice = lambda f: vmap(vmap(f, in_axes=(None, 0)))  # noqa: E731
    inner = twice(grad(f, (0, 1)))(a, b)
    outer = grad(lambda a, b: np.sum(twice(f)(a, b)), (0, 1))(a, b)
    pushed = jvp(lambda a, b: twice(f)(a, b), (a, b), (a, b))[1]
    for i in range(2):
        for j in range(4):
            ga, gb = grad(f, (0, 1))(a[i], b[i, j])
            np.testing.assert_allclose(inner[0][i, j], ga, rtol=1e-9)
            np.testing.assert_allclose(inner[1][i, j], gb, rtol=1e-9)
            np.testing.assert_allclose(
                pushed[i, j], np.sum(ga * a[i]) + gb @ b[i, j], rtol=1e-9, atol=1e-12
            )
    np.testing.assert_allclose(outer[0], np.sum(inner[0], axis=1), rtol=1e-9)
    np.testing.assert_allclose(outer[1], inner[1], rtol=1e-9)


def test_reverse_mode_needs_a_transposed_solver():
    def f(a, b):
        return np.sum(custom_linear_solve(lambda x: a @ x, b, lambda mv, b: np.linalg.solve(a, b)))

    a, b = implicit.SPD, implicit.B
    assert np.isfinite(jvp(f, (a, b), (a, b))[1])
    for g in (f, jit(f)):
        with pytest.raises(MissingRuleError) as caught:
            grad(g)(a, b)
        assert str(caught.value).startswith(
            "custom_linear_solve: <lambda>() has no transpose_solve, which reverse mode needs.\n"
            "Pass transpose_solve, or symmetric=True where matvec is symmetric.\n"
        )
    # Nobody asks for the derivative of the solution: nothing is missing.
    assert grad(lambda c: jit(lambda c: c * f(a, b))(c))(2.0) == pytest.approx(f(a, b))


def test_what_matvec_counts_does_not_matter():
    """A linear map made by a loop of a length that is data."""
    a = np.eye(3) + 0.1

    def f(n, b):
        matvec = lambda x: fori_loop(0, n, lambda i, x: a @ x, x)  # noqa: E731
        return custom_linear_solve(
            matvec,
            b,
            lambda mv, b: np.linalg.solve(jacobian(mv)(b), b),
            lambda vm, b: np.linalg.solve(jacobian(vm)(b), b),
        )

    b = np.arange(3.0)
    expected = np.linalg.solve(a @ a, np.eye(3))
    np.testing.assert_allclose(jit(f)(2, b), expected @ b, rtol=1e-12)
    np.testing.assert_allclose(jit(jacobian(f, 1))(2, b), expected, rtol=1e-12)


def test_programs_are_well_formed():
    check(fg.make_jaxpr(grad(lambda a: implicit.square_root(a)))(3.0))
    check(fg.make_jaxpr(vmap(hessian(implicit.square_root)))(np.array([1.0, 2.0])))
    text = str(fg.make_jaxpr(implicit.square_root)(3.0))
    assert "solution of <lambda>" in text


def test_results_are_owned():
    x = np.ones(3)
    found = custom_root(lambda x: x - 1.0, x, lambda f, x: x)
    assert not np.may_share_memory(found, x)
    found[:] = 5.0
    np.testing.assert_array_equal(x, np.ones(3))


def test_an_equilibrium_network_trains():
    """L12's network, its hidden layer replaced by the fixed point of one: loss goes down."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    params = {"w": 0.1 * rng.normal(size=(3, 3)), "v": rng.normal(size=3)}

    def loss(p, x, y):
        z = vmap(lambda x: fixed_point(lambda z, w: np.tanh(w @ z + x), np.zeros(3), p["w"]))(x)
        return np.mean((z @ p["v"] - y) ** 2)

    step = jit(fg.value_and_grad(loss))
    losses = []
    for _ in range(30):
        value, g = step(params, x, y)
        losses.append(float(value))
        params = fg.tree.map(lambda p, g: p - 0.1 * g, params, g)
    assert losses[-1] < 0.7 * losses[0]
    check_grads(lambda p: loss(p, x, y), (params,), order=1)


def identity(f, x):
    return x


ERRORS = [
    (
        lambda: custom_root(lambda x: (x, x), 1.0, identity),
        "custom_root: the unknown is * and <lambda>() at test_implicit.py:{line} returns (*, *).\n"
        "Return the structure of the unknown.\n",
    ),
    (
        lambda: custom_root(lambda x: np.ones(3) * x, 1.0, identity),
        "custom_root: the unknown is float64[] and <lambda>() at test_implicit.py:{line} returns "
        "float64[3].\nReturn the shape and dtype of the unknown.\n",
    ),
    (
        lambda: custom_root(lambda x: x, 1.0, lambda f, x: (x, x)),
        "custom_root: <lambda>() at test_implicit.py:{line} returns (*, *), and the unknown is *.\n"
        "Return the structure of the unknown.\n",
    ),
    (
        lambda: custom_root(lambda x: x, 1.0, lambda f, x: x * np.ones(3)),
        "custom_root: <lambda>() at test_implicit.py:{line} returns float64[3], and the unknown is "
        "float64[].\nReturn the type of the unknown.\n",
    ),
    (
        lambda: custom_root(lambda x: x, 1.0, identity, has_aux=True),
        "custom_root: with has_aux=True identity() at test_implicit.py:{identity} must return a "
        "pair (x, aux).\nReturn (x, aux), or leave has_aux out.\n",
    ),
    (
        lambda: custom_root(lambda x: x, 1, identity),
        "custom_root: the unknown is int64[], and must be a float.\n"
        "Start from a float, as in 1.0 or x.astype(float).\n",
    ),
    (
        lambda: custom_root(lambda x: x, {"a": "text"}, identity),
        "custom_root: the unknown['a'] is a str, not an array of floats.\n"
        "Close over what is not solved for.\n",
    ),
    (
        lambda: custom_root(lambda x: x, 1.0, 3.0),
        "custom_root: solve must be a function, got float.\n"
        "Pass the function itself, as in custom_root(..., solve, ...).\n",
    ),
    (
        lambda: custom_linear_solve(lambda x: (x, x), 1.0, identity),
        "custom_linear_solve: the unknown is * and <lambda>() at test_implicit.py:{line} returns "
        "(*, *).\nReturn the structure of the unknown.\n",
    ),
    (
        lambda: fixed_point(lambda x: x, 1.0, maxiter=0.5),
        "fixed_point: maxiter must be a positive int, got 0.5.\nLeave it out.\n",
    ),
    (
        lambda: fixed_point(lambda x: -x, 1.0, maxiter=10),
        "fixed_point: <lambda>() at test_implicit.py:{line} did not converge in 10 iterations, or "
        "went to inf or nan.\nStart nearer, damp the iteration (x + 0.5 * (f(x) - x)), or raise "
        "maxiter or tol.\n",
    ),
]


@pytest.mark.parametrize("index", range(len(ERRORS)))
def test_errors(index):
    call, expected = ERRORS[index]
    with pytest.raises(fg.errors.FuncgradError) as caught:
        call()
    line = call.__code__.co_firstlineno
    text = str(caught.value)
    expected = expected.format(line=line, identity=identity.__code__.co_firstlineno)
    assert text.startswith(expected), text


@pytest.mark.parametrize("f", [lambda x: 2.0 * x + 1.0, lambda x: x / 0.0, lambda x: -x])
def test_iterations_that_do_not_converge(f):
    run = lambda: fixed_point(f, 1.0, maxiter=2000)  # noqa: E731
    with np.errstate(all="ignore"):
        for g in (run, jit(run)):
            with pytest.raises(ConvergenceError):
                g()


def test_one_lane_that_does_not_converge():
    f = lambda a: fixed_point(lambda x: a * x + 1.0, 0.0, maxiter=500)  # noqa: E731
    np.testing.assert_allclose(vmap(f)(np.array([0.5, 0.2])), [2.0, 1.25])
    with pytest.raises(ConvergenceError):
        vmap(f)(np.array([0.5, -1.0]))


def test_a_singular_jacobian_raises():
    with pytest.raises(np.linalg.LinAlgError):
        grad(lambda a: custom_root(lambda x: x * x * a, 1.0, lambda f, x: 0.0 * x))(1.0)
