"""Rules that apply functions with rules to tangents and cotangents, as linear functions' do."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import (
    checkpoint,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    jit,
    jvp,
    linearize,
    scan,
    vmap,
)
from funcgrad.errors import FuncgradError


def double(x):
    return 2 * x


def by(f, tangent_of):
    """``f`` with the rule whose tangent is ``tangent_of(f, x, t)``."""
    made = custom_jvp(f)
    made.defjvp(lambda xs, ts: (made(*xs), tangent_of(made, *xs, *ts)))
    return made


def looped(f, t):
    return scan(lambda c, _: (f(c) * 0.5, None), t, None, 3)[0] * 2


def counted(f, t):
    return fg.while_loop(lambda c: c[0] < 1, lambda c: (c[0] + 1, f(c[1])), (0, t))[1]


def mutual():
    f, g = custom_jvp(double), custom_jvp(lambda x: 3 * x)
    f.defjvp(lambda xs, ts: (f(*xs), g(*ts) * 2 / 3))
    g.defjvp(lambda xs, ts: (g(*xs), f(*ts) * 3 / 2))
    return f


def three():
    f = custom_jvp(double)
    g = custom_jvp(lambda x: 1.5 * f(x))
    h = custom_jvp(lambda x: g(x) * 2 / 3)
    f.defjvp(lambda xs, ts: (f(*xs), h(*ts)))
    g.defjvp(lambda xs, ts: (g(*xs), 1.5 * f(*ts)))
    h.defjvp(lambda xs, ts: (h(*xs), f(*ts) + g(*ts) - 1.5 * h(*ts)))
    return f


def family(a):
    """Its rule makes the function anew, without end."""
    f = custom_jvp(lambda x: a * x)
    f.defjvp(lambda xs, ts: (f(*xs), family(a)(*ts)))
    return f


def descending(n):
    f = custom_jvp(double)
    f.defjvp(lambda xs, ts: (f(*xs), descending(n - 1)(*ts) if n else 2 * ts[0]))
    return f


product = by(lambda x, y: x * y, lambda f, x, y, s, t: f(x, t) + f(s, y))
itself = by(double, lambda f, x, t: f(t))

FUNCTIONS = {
    "itself": itself,
    "twice": by(double, lambda f, x, t: f(f(t)) / 2),
    "beside": by(double, lambda f, x, t: (f(t) + 2 * t) / 2),
    "in scan": by(double, lambda f, x, t: looped(f, t)),
    "in while": by(double, lambda f, x, t: counted(f, t)),
    "in cond": by(double, lambda f, x, t: fg.cond(x.sum() > 0, f, double, t)),
    "in switch": by(double, lambda f, x, t: fg.switch(0, [f, double], t)),
    "in jit": by(double, lambda f, x, t: jit(f)(t)),
    "in checkpoint": by(double, lambda f, x, t: checkpoint(f)(t)),
    "in vmap": by(double, lambda f, x, t: vmap(f)(np.stack([t, t]))[1]),
    "in vjp": by(double, lambda f, x, t: fg.vjp(double, x)[1](f(t))[0] * 0.5),
    "in jvp": by(double, lambda f, x, t: jvp(double, (x,), (f(t),))[1] * 0.5),
    "in fori": by(double, lambda f, x, t: fg.fori_loop(0, 2, lambda i, c: f(c) * 0.5, t) * 2),
    "through another": by(lambda x: itself(x), lambda f, x, t: f(t)),
    "of another": by(double, lambda f, x, t: itself(t)),
    "mutual": mutual(),
    "three": three(),
    "family": family(2.0),
    "descending": descending(2),
    "bilinear": lambda x: product(x, 2.0),
    "bilinear, other way": lambda x: product(2.0, product(x, 1.0)),
    "closing over arrays": by(lambda x: np.full(3, 2.0).sum() / 3 * x, lambda f, x, t: f(t)),
}
FIRST = {
    "grad": lambda f: grad(f),
    "jit of grad": lambda f: jit(grad(f)),
    "grad of jit": lambda f: grad(jit(f)),
    "grad of checkpoint": lambda f: grad(checkpoint(f)),
    "jit of grad of checkpoint": lambda f: jit(grad(checkpoint(f))),
    "linearize": lambda f: lambda x: linearize(f, x)[1](1.0),
    "linearize of jit": lambda f: lambda x: linearize(jit(f), x)[1](1.0),
    "jvp": lambda f: lambda x: jvp(f, (x,), (1.0,))[1],
    "jit of jvp": lambda f: jit(lambda x: jvp(f, (x,), (1.0,))[1]),
    "vmap of grad": lambda f: lambda x: vmap(grad(f))(np.stack([x, x]))[1],
    "grad of vmap": lambda f: lambda x: grad(lambda y: vmap(f)(y).sum())(np.stack([x, x]))[1],
    "jit of grad of vmap": lambda f: jit(
        lambda x: grad(lambda y: vmap(f)(y).sum())(np.stack([x, x]))[1]
    ),
    "grad of vmap of jit": lambda f: (
        lambda x: grad(lambda y: vmap(jit(f))(y).sum())(np.stack([x, x]))[1]
    ),
    "grad of scan": lambda f: grad(lambda x: scan(lambda c, _: (c, f(c)), x, None, 1)[1].sum()),
    "grad of cond": lambda f: grad(lambda x: fg.cond(x > 0, f, lambda x: -x, x)),
}


@pytest.mark.parametrize("outer", FIRST)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_derivatives(name, outer):
    f = FUNCTIONS[name]
    derivative = FIRST[outer](lambda x: f(x) ** 3)
    np.testing.assert_allclose(derivative(np.float64(1.5)), 24 * 1.5**2, rtol=1e-12)


SECOND = {
    "grad of grad": (FIRST["grad"], FIRST["grad"]),
    "forward over reverse": (FIRST["jvp"], FIRST["grad"]),
    "reverse over forward": (FIRST["grad"], FIRST["jvp"]),
    "forward over forward": (FIRST["jvp"], FIRST["jvp"]),
    "in one program": (FIRST["jit of grad"], FIRST["grad"]),
    "forward over forward of a program": (FIRST["jvp"], FIRST["jit of jvp"]),
    "of a program": (FIRST["grad of jit"], FIRST["grad of jit"]),
    "of linearize": (FIRST["linearize"], FIRST["grad"]),
    "of batches": (FIRST["grad of vmap"], FIRST["vmap of grad"]),
}


@pytest.mark.parametrize("outer", SECOND)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives(name, outer):
    f = FUNCTIONS[name]
    second, first = SECOND[outer]
    derivative = second(first(lambda x: f(x) ** 3))
    np.testing.assert_allclose(derivative(np.float64(1.5)), 48 * 1.5, rtol=1e-12)


def test_transposes_and_hessians():
    for f in FUNCTIONS.values():
        np.testing.assert_allclose(fg.linear_transpose(f, np.float64(1.0))(3.0)[0], 6.0, rtol=1e-14)
        np.testing.assert_allclose(
            hessian(lambda x, f=f: f(x) ** 3)(np.float64(1.5)), 72.0, rtol=1e-12
        )


def test_the_rule_is_used_where_it_is_not_transposed():
    # Rules that say ten times the slope: only where tangents are carried back is it the body's.
    f = by(double, lambda f, x, t: 10 * f(t))
    assert grad(f)(1.0) == jit(grad(f))(1.0) == grad(jit(f))(1.0) == 20.0
    assert jvp(f, (1.0,), (1.0,))[1] == 20.0
    g = by(lambda x: f(x), lambda _, x, t: f(t))  # of another's rule nothing is left out
    assert grad(g)(1.0) == jit(grad(g))(1.0) == grad(jit(g))(1.0) == 20.0


def test_a_body_without_derivative_serves_forward_mode():
    shape = fg.ShapeDtypeStruct((), float)
    f = by(lambda x: fg.pure_callback(double, shape, x), lambda f, x, t: f(t))
    assert jvp(f, (1.0,), (1.0,))[1] == 2.0
    with pytest.raises(FuncgradError, match="pure_callback"):
        grad(f)(1.0)


def test_backward_passes_that_apply_their_function():
    f = custom_vjp(double)
    f.defvjp(lambda x: (f(x), None), lambda _, ct: (f(ct),))
    for outer in FIRST:
        if "jvp" not in outer:
            derivative = FIRST[outer](lambda x: f(x) ** 3)
            np.testing.assert_allclose(derivative(np.float64(1.5)), 54.0, rtol=1e-12)
    for second, first in (SECOND[k] for k in SECOND if "forward" not in k):
        derivative = second(first(lambda x: f(x) ** 3))
        np.testing.assert_allclose(derivative(np.float64(1.5)), 72.0, rtol=1e-12)
