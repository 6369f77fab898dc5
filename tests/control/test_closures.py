"""Rules that close over traced values of frames which are not the one that differentiates.

A function of z with a rule of its own closes over x, a value of a `vmap`, a program, a loop or a
gradient that stands *inside* of the derivative by z. The rule says ten times the derivative: who
differentiates the function instead is found out.
"""

import functools
from dataclasses import dataclass

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import (
    checkpoint,
    custom_gradient,
    custom_jvp,
    custom_vjp,
    grad,
    jit,
    jvp,
    linearize,
    scan,
    stop_gradient,
    vmap,
)
from funcgrad.errors import MissingRuleError

XS = np.array([0.5, -1.0, 2.0])


# How the functions get hold of x


def by_jvp(x):
    f = custom_jvp(lambda z: x * np.sin(z))
    f.defjvp(lambda zs, ts: (x * np.sin(*zs), 10 * x * np.cos(*zs) * ts[0]))
    return f


def by_jvp_of_itself(x):
    f = custom_jvp(lambda z: x * np.sin(z))
    f.defjvp(lambda zs, ts: (f(*zs), 10 * x * np.cos(*zs) * ts[0]))
    return f


def by_vjp(x):
    f = custom_vjp(lambda z: x * np.sin(z))
    f.defvjp(lambda z: (x * np.sin(z), z), lambda z, ct: (10 * x * np.cos(z) * ct,))
    return f


def by_residuals(x):
    f = custom_vjp(lambda z: x * np.sin(z))
    f.defvjp(
        lambda z: (x * np.sin(z), {"x": x, "z": z}),
        lambda r, ct: (10 * r["x"] * np.cos(r["z"]) * ct,),
    )
    return f


def by_backward_alone(x):
    """Nothing of x is seen before the cotangent comes."""
    f = custom_vjp(lambda z: np.sin(z))
    f.defvjp(lambda z: (np.sin(z), z), lambda z, ct: (10 * x * np.cos(z) * ct,))
    return f


def by_gradient(x):
    return custom_gradient(
        lambda z: (x * np.sin(z), lambda ct: 10 * x * np.cos(z) * ct),
    )


def by_partial(x):
    f = custom_vjp(functools.partial(lambda x, z: x * np.sin(z), x))
    f.defvjp(
        functools.partial(lambda x, z: (x * np.sin(z), z), x),
        functools.partial(lambda x, z, ct: (10 * x * np.cos(z) * ct,), x),
    )
    return f


@dataclass
class Model:
    x: object

    def apply(self, z):
        return self.x * np.sin(z)

    def forward(self, z):
        return self.apply(z), z

    def backward(self, z, ct):
        return (10 * self.x * np.cos(z) * ct,)


def by_methods(x):
    model = Model(x)
    f = custom_vjp(model.apply)
    f.defvjp(model.forward, model.backward)
    return f


def by_containers(x):
    held = {"a": [(x,)]}
    f = custom_vjp(lambda z: held["a"][0][0] * np.sin(z))
    f.defvjp(
        lambda z: (held["a"][0][0] * np.sin(z), z),
        lambda z, ct: (10 * held["a"][0][0] * np.cos(z) * ct,),
    )
    return f


def by_defaults(x):
    f = custom_jvp(lambda z: x * np.sin(z))
    f.defjvp(lambda zs, ts, x=x: (f(*zs), 10 * x * np.cos(*zs) * ts[0]))
    return f


@functools.partial(custom_vjp, nondiff_argnums=0)
def applied(f, z):
    return f(z)


applied.defvjp(
    lambda f, z: (f(z), (f, z)),
    lambda r, ct: (None, 10 * grad(r[0])(r[1]) * ct),
)


def by_argument(x):
    """A function among the arguments closes over x."""
    return functools.partial(applied, lambda z: x * np.sin(z))


def by_inner_rule(x):
    inner = by_jvp(x)
    f = custom_jvp(lambda z: inner(z))
    f.defjvp(lambda zs, ts: jvp(inner, zs, ts))
    return f


KINDS = [
    *(by_jvp, by_jvp_of_itself, by_vjp, by_residuals, by_gradient, by_partial, by_methods),
    *(by_containers, by_defaults, by_argument, by_inner_rule, by_backward_alone),
]
BOTH_MODES = [by_jvp, by_jvp_of_itself, by_defaults, by_inner_rule]


# Where x comes from; each is the sum of g(x)(z) for x in XS


def of_each(z, g):
    return sum(g(x)(z) for x in XS)


PLACES = {
    "vmap": lambda g, z: vmap(lambda x: g(x)(z))(XS).sum(),
    "jit": lambda g, z: sum(jit(lambda x: g(x)(z))(x) for x in XS),
    "vmap of jit": lambda g, z: vmap(jit(lambda x: g(x)(z)))(XS).sum(),
    "jit of vmap": lambda g, z: jit(lambda xs: vmap(lambda x: g(x)(z))(xs).sum())(XS),
    "vmap of vmap": lambda g, z: (
        vmap(lambda y: vmap(lambda x: g(x + y)(z))(XS).sum())(np.zeros(2)).sum() / 2
    ),
    "vmap of vmap, outer": lambda g, z: (
        vmap(lambda x: vmap(lambda y: g(x)(z) + y)(np.zeros(2)).sum())(XS).sum() / 2
    ),
    "vmap with a name": lambda g, z: vmap(lambda x: g(x)(z), axis_name="i")(XS).sum(),
    "scan": lambda g, z: scan(lambda c, x: (c + g(x)(z), None), 0.0, XS)[0],
    "scan of checkpoint": lambda g, z: scan(checkpoint(lambda c, x: (c + g(x)(z), None)), 0.0, XS)[
        0
    ],
    "scan in segments": lambda g, z: scan(
        lambda c, x: (c + g(x)(z), None), 0.0, XS, checkpoint="sqrt"
    )[0],
    "scan unrolled": lambda g, z: scan(lambda c, x: (c + g(x)(z), None), 0.0, XS, unroll=2)[0],
    "scan, outputs": lambda g, z: scan(lambda c, x: (c, g(x)(z)), None, XS)[1].sum(),
    "fori": lambda g, z: fg.fori_loop(
        0, 3, lambda i, c: c + g(fg.numpy.take(XS, i, axis=0))(z), 0.0
    ),
    "while": lambda g, z: fg.while_loop(
        lambda c: c[0] < 3,
        lambda c: (c[0] + 1, c[1] + g(fg.numpy.take(XS, c[0], axis=0))(z)),
        (0, 0.0),
    )[1],
    "map": lambda g, z: fg.map(lambda x: g(x)(z), XS).sum(),
    "map in batches": lambda g, z: fg.map(lambda x: g(x)(z), XS, batch_size=2).sum(),
    "cond": lambda g, z: sum(
        fg.cond(x > 0, lambda x: g(x)(z), lambda x: g(x)(z), np.float64(x)) for x in XS
    ),
    "switch": lambda g, z: sum(
        fg.switch(k, [lambda x: g(x)(z)] * 3, np.float64(x)) for k, x in enumerate(XS)
    ),
    "checkpoint": lambda g, z: sum(checkpoint(lambda x: g(x)(z))(x) for x in XS),
    "scan in vmap": lambda g, z: (
        vmap(lambda y: scan(lambda c, x: (c + g(x + y)(z), None), 0.0, XS)[0])(np.zeros(2)).sum()
        / 2
    ),
    "vmap in scan": lambda g, z: (
        scan(lambda c, y: (c + vmap(lambda x: g(x + y)(z))(XS).sum(), None), 0.0, np.zeros(2))[0]
        / 2
    ),
    "vmap, closing from without": lambda g, z: (
        vmap(lambda x: scan(lambda c, _: (c + g(x)(z), None), 0.0, None, 2)[0])(XS).sum() / 2
    ),
    "aux of a gradient": lambda g, z: sum(
        fg.value_and_grad(lambda x: (x * x, g(x)(z)), has_aux=True)(x)[0][1] for x in XS
    ),
    "value of vjp": lambda g, z: sum(fg.vjp(lambda x: g(x)(z), x)[0] for x in XS),
    "value of jvp": lambda g, z: sum(
        jvp(lambda x: g(stop_gradient(x))(z), (x,), (1.0,))[0] for x in XS
    ),
    "gradient by another": lambda g, z: sum(grad(lambda y, x: y * g(x)(z))(1.0, x) for x in XS),
    "vmap of a gradient by another": lambda g, z: vmap(lambda x: grad(lambda y: y * g(x)(z))(1.0))(
        XS
    ).sum(),
    "vectorize": lambda g, z: fg.vectorize(lambda x: g(x)(z))(XS).sum(),
}
# What stands for z
DERIVATIVES = {
    "grad": grad,
    "jit of grad": lambda h: jit(grad(h)),
    "grad of jit": lambda h: grad(jit(h)),
    "grad of checkpoint": lambda h: grad(checkpoint(h)),
    "vmap of grad": lambda h: lambda z: vmap(grad(h))(np.stack([z, z]))[1],
    "grad of vmap": lambda h: lambda z: grad(lambda zs: vmap(h)(zs).sum())(np.stack([z, z]))[1],
    "jit of grad of vmap": lambda h: jit(
        lambda z: grad(lambda zs: vmap(h)(zs).sum())(np.stack([z, z]))[1]
    ),
    "vjp": lambda h: lambda z: fg.vjp(h, z)[1](1.0)[0],
    "linearize": lambda h: lambda z: linearize(h, z)[1](1.0),
    "jvp": lambda h: lambda z: jvp(h, (z,), (1.0,))[1],
    "jit of jvp": lambda h: jit(lambda z: jvp(h, (z,), (1.0,))[1]),
    "grad in scan": lambda h: lambda z: scan(lambda c, _: (c, grad(h)(c)), z, None, 1)[1][0],
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_first_derivatives(place, kind):
    h = functools.partial(PLACES[place], kind)
    z = np.float64(0.7)
    values = [h(z), jit(h)(z), vmap(h)(np.stack([z, z]))[1]]
    total = 3.0 if kind is by_backward_alone else XS.sum()
    np.testing.assert_allclose(values, total * np.sin(z), rtol=1e-12)
    for name, derivative in DERIVATIVES.items():
        if "jvp" in name and kind not in BOTH_MODES:
            continue
        np.testing.assert_allclose(
            derivative(h)(z), 10 * XS.sum() * np.cos(z), rtol=1e-12, err_msg=name
        )


@pytest.mark.parametrize(
    "kind",
    [by_jvp, by_jvp_of_itself, by_vjp, by_gradient, by_argument],
    ids=lambda kind: kind.__name__,
)
@pytest.mark.parametrize("place", PLACES)
def test_second_derivatives(place, kind):
    h = functools.partial(PLACES[place], kind)
    z = np.float64(0.7)
    for outer, inner in (("grad", "grad"), ("jit of grad", "grad"), ("grad", "grad of jit")):
        second = DERIVATIVES[outer](DERIVATIVES[inner](h))
        np.testing.assert_allclose(second(z), -10 * XS.sum() * np.sin(z), rtol=1e-12)
    if kind in BOTH_MODES:
        for outer in ("jvp", "linearize", "jit of jvp"):
            second = DERIVATIVES[outer](grad(h))
            np.testing.assert_allclose(second(z), -10 * XS.sum() * np.sin(z), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "derivative",
    [
        lambda g: grad(lambda z: grad(lambda x: g(x)(z))(2.0))(0.7),
        lambda g: jit(grad(lambda z: grad(lambda x: g(x)(z))(2.0)))(0.7),
        lambda g: grad(lambda z: jvp(lambda x: g(x)(z), (2.0,), (1.0,))[1])(0.7),
        lambda g: grad(lambda z: vmap(grad(lambda x: g(x)(z)))(XS).sum())(0.7),
        lambda g: grad(lambda x: g(x)(x))(0.7),
        lambda g: grad(lambda x: g(x)(2 * x))(0.7),
        lambda g: vmap(lambda z: grad(lambda x: g(x)(z))(2.0))(XS),
    ],
)
def test_a_derivative_by_what_is_closed_over_raises(kind, derivative):
    if kind is by_backward_alone:
        return  # whose result does not depend on it
    with pytest.raises(MissingRuleError, match="closes over a traced value") as caught:
        derivative(kind)
    assert "as an argument" in str(caught.value)


def test_what_is_reached_but_not_used_is_no_part_of_the_function():
    def f(params, z):
        g = custom_vjp(lambda z: z * params["n"])
        g.defvjp(lambda z: (z * params["n"], None), lambda _, ct: (ct * params["n"],))
        return g(z) * params["w"]

    for h in (grad(lambda w: f({"w": w, "n": 2}, w)), jit(grad(lambda w: f({"w": w, "n": 2}, w)))):
        np.testing.assert_allclose(h(3.0), 12.0)


def test_an_inner_rule_sees_plain_values_where_nothing_inner_is_closed_over():
    seen = []
    f = custom_vjp(lambda z: z * z)
    f.defvjp(lambda z: (z * z, z), lambda z, ct: (seen.append(float(z)) or 2 * z * ct,))
    h = lambda z: vmap(lambda x: f(z) * x)(XS).sum()  # noqa: E731
    np.testing.assert_allclose(grad(h)(3.0), 6.0 * XS.sum())
    assert seen == [3.0]
