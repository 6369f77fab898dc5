"""custom_vjp, custom_jvp, custom_gradient: the rule is used, everywhere, and only where it may be.

Rules in these tests are marked: they give ten times the true derivative (or another number that the
function itself would never give), so a transform that differentiates the function instead fails.
"""

import copy
import functools
import math
import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest
import scipy.special

from funcgrad import (
    checkpoint,
    cond,
    custom_gradient,
    custom_jvp,
    custom_vjp,
    fori_loop,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jit,
    jvp,
    linearize,
    make_jaxpr,
    psum,
    scan,
    switch,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)
from funcgrad import map as lax_map
from funcgrad.core.check import check
from funcgrad.core.trace import Tracer
from funcgrad.errors import (
    ArgumentError,
    CapturedArrayError,
    DtypeError,
    MissingRuleError,
    ShapeError,
    StructureError,
)
from funcgrad.testing import check_chains, check_grads, check_rule, check_transforms

XS = np.array([0.3, 0.7, 1.1])


# The three ways to state the same rule: of sin(x) * y, times ten in x and times seven in y.


@custom_vjp
def by_vjp(x, y):
    return np.sin(x) * y


by_vjp.defvjp(
    lambda x, y: (np.sin(x) * y, (x, y)),
    lambda res, ct: (10 * ct * np.cos(res[0]) * res[1], 7 * ct * np.sin(res[0])),
)


@custom_jvp
def by_jvp(x, y):
    return np.sin(x) * y


@by_jvp.defjvp
def by_jvp_rule(primals, tangents):
    (x, y), (tx, ty) = primals, tangents
    return by_jvp(x, y), 10 * np.cos(x) * y * tx + 7 * np.sin(x) * ty


@custom_gradient
def by_gradient(x, y):
    s = np.sin(x)
    return s * y, lambda ct: (10 * ct * np.cos(x) * y, 7 * ct * s)


THREE = pytest.mark.parametrize(
    "f", [by_vjp, by_jvp, by_gradient], ids=["custom_vjp", "custom_jvp", "custom_gradient"]
)


def through_scan(f):
    return lambda x, y: scan(lambda c, _: (c + f(x, y), None), 0.0, None, length=1)[0]


def through_scan_carry(f):
    def body(c, _):
        return (c[0], c[1], f(c[0], c[1])), None

    return lambda x, y: scan(body, (x, y, 0.0), None, length=2)[0][2]


def through_while(f):
    def once(c):
        return c[0] + 1, c[1], c[2], f(c[1], c[2])

    return lambda x, y: while_loop(lambda c: c[0] < 2, once, (0, x, y, 0.0))[3]


def through_cond(f):
    return lambda x, y: cond(x > -9.0, f, lambda a, b: a * b, x, y)


def through_switch(f):
    return lambda x, y: switch(1, [lambda a, b: a, f, lambda a, b: b], x, y)


def through_loop(f):
    return lambda x, y: fori_loop(0, 3, lambda i, c: f(x, y), 0.0)


def through_map(f):
    return lambda x, y: np.sum(lax_map(lambda s: f(s * x, y), np.array([1.0])))


def through_vmap(f):
    return lambda x, y: vmap(f)(x * np.ones(2), y * np.ones(2))[0]


def through_vmap_of_one(f):
    return lambda x, y: vmap(f, in_axes=(0, None))(x * np.ones(2), y)[1]


ROUTES = {
    "plain": lambda f: f,
    "jit": jit,
    "checkpoint": checkpoint,
    "scan": through_scan,
    "scan_carry": through_scan_carry,
    "while": through_while,
    "cond": through_cond,
    "switch": through_switch,
    "fori_loop": through_loop,
    "map": through_map,
    "vmap": through_vmap,
    "vmap_of_one": through_vmap_of_one,
    "jit_vmap": lambda f: jit(through_vmap(f)),
    "vmap_jit": lambda f: through_vmap(jit(f)),
    "scan_of_cond": lambda f: through_scan(through_cond(f)),
    "cond_of_checkpoint": lambda f: through_cond(checkpoint(f)),
    "vmap_of_scan": lambda f: through_vmap(through_scan(f)),
    "vmap_of_while": lambda f: through_vmap(through_while(f)),
    "vmap_of_cond": lambda f: through_vmap(through_cond(f)),
    "checkpoint_of_vmap": lambda f: checkpoint(through_vmap(f)),
    "scan_of_jit_vmap": lambda f: through_scan(jit(through_vmap_of_one(f))),
}


@THREE
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("outer", [lambda g: g, jit], ids=["run", "compiled"])
def test_the_rule_is_used_everywhere(f, route, outer):
    x, y = 0.4, 1.7
    through = ROUTES[route](f)
    np.testing.assert_allclose(outer(through)(x, y), math.sin(x) * y, rtol=1e-14)
    value, (gx, gy) = outer(value_and_grad(through, (0, 1)))(x, y)
    np.testing.assert_allclose(value, math.sin(x) * y, rtol=1e-14)
    np.testing.assert_allclose([gx, gy], [10 * math.cos(x) * y, 7 * math.sin(x)], rtol=1e-13)


@pytest.mark.parametrize("route", ROUTES)
def test_custom_jvp_in_forward_mode_everywhere(route):
    x, y = 0.4, 1.7
    through = ROUTES[route](by_jvp)
    for push in (jvp, jit(lambda f, *args: jvp(f, *args), static_argnums=0)):
        out, t = push(through, (x, y), (1.0, 0.5))
        np.testing.assert_allclose(out, math.sin(x) * y, rtol=1e-14)
        expected = 10 * math.cos(x) * y + 0.5 * 7 * math.sin(x)
        np.testing.assert_allclose(t, expected, rtol=1e-13)
    out, linear = linearize(lambda a: through(a, y), x)
    np.testing.assert_allclose(linear(2.0), 20 * math.cos(x) * y, rtol=1e-13)


SECOND = {
    "grad": lambda g: grad(g),
    "jit_grad": lambda g: jit(grad(g)),
    "grad_jit": lambda g: grad(jit(g)),
    "jit_grad_jit": lambda g: jit(grad(jit(g))),
    "vmap_grad": lambda g: lambda x: vmap(grad(g))(x * np.ones(2))[0],
    "jit_vmap_grad": lambda g: lambda x: jit(vmap(grad(g)))(x * np.ones(2))[0],
    "grad_vmap": lambda g: grad(lambda x: vmap(g)(x * np.ones(2))[1]),
    "grad_scan": lambda g: grad(lambda x: scan(lambda c, _: (g(x), None), 0.0, None, 1)[0]),
}


@THREE
@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("route", ["plain", "jit", "scan", "cond", "vmap", "checkpoint", "while"])
def test_second_order_is_the_derivative_of_the_rule(f, second, route):
    found = SECOND[second](grad(lambda x: ROUTES[route](f)(x, 2.0)))(0.4)
    np.testing.assert_allclose(found, -10 * math.sin(0.4) * 2.0, rtol=1e-12)


# True rules, so that everything can be compared with numerical derivatives.


@custom_jvp
def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


@logistic.defjvp
def logistic_rule(primals, tangents):
    (x,), (t,) = primals, tangents
    y = logistic(x)
    return y, y * (1.0 - y) * t


@custom_vjp
def log_cosh(x):
    return np.log(np.cosh(x))


log_cosh.defvjp(lambda x: (log_cosh(x), x), lambda x, ct: (np.tanh(x) * ct,))


def test_custom_jvp_has_derivatives_of_any_order_in_all_chains():
    check_grads(logistic, (0.3,), order=4)
    check_grads(lambda x: jit(vmap(logistic))(x), (XS,), order=3)
    y = 1 / (1 + math.exp(-0.3))
    d1 = y * (1 - y)
    exact = [y, d1, d1 * (1 - 2 * y), d1 * (1 - 6 * y + 6 * y * y)]
    check_chains(logistic, 0.3, exact=exact)


def test_transforms_give_the_plain_value():
    check_transforms(by_jvp, (0.3, 0.7))
    check_transforms(by_jvp, (XS, XS))
    check_transforms(by_jvp, (XS.astype(np.float32), np.float32(2)))
    for f in (by_vjp, by_gradient):
        for args in ((0.3, 0.7), (XS, XS), (XS.astype(np.float32), XS.astype(np.float32))):
            plain = f(*args)
            for g in (
                jit(f),
                lambda *xs, f=f: vjp(f, *xs)[0],
                lambda *xs, f=f: vjp(jit(f), *xs)[0],
            ):
                found = g(*args)
                assert np.asarray(found).dtype == np.asarray(plain).dtype
                np.testing.assert_array_max_ulp(found, np.asarray(plain), 4)


def test_reverse_mode_to_any_order_where_the_forward_pass_calls_the_function_itself():
    for f in (log_cosh, jit(log_cosh), vmap(log_cosh), jit(vmap(log_cosh))):
        check_grads(f, (XS,), order=3, modes=("rev",))
    np.testing.assert_allclose(grad(grad(log_cosh))(0.5), 1 / math.cosh(0.5) ** 2, rtol=1e-14)
    np.testing.assert_allclose(
        jit(grad(grad(grad(log_cosh))))(0.5),
        -2 * math.tanh(0.5) / math.cosh(0.5) ** 2,
        rtol=1e-13,
    )


def test_hessians():
    def f(x):
        return np.sum(logistic(x) * x)

    plain = hessian(lambda x: np.sum(x / (1.0 + np.exp(-x))))(XS)
    for h in (hessian(f), jacfwd(jacrev(f)), jacrev(jacrev(f)), jacfwd(jacfwd(f)), jit(hessian(f))):
        np.testing.assert_allclose(h(XS), plain, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(hvp(f, (XS,), (XS,)), plain @ XS, rtol=1e-12)


def test_per_example_gradients():
    w = np.array([0.5, -1.0, 2.0])
    rows = np.arange(12.0).reshape(4, 3) / 10

    def loss(w, row):
        return logistic(np.dot(w, row)) + by_vjp(row[0], w[1])

    s = 1 / (1 + np.exp(-(rows @ w)))
    expected = (s * (1 - s))[:, None] * rows
    expected[:, 1] += 7 * np.sin(rows[:, 0])
    for g in (
        vmap(grad(loss), in_axes=(None, 0)),
        jit(vmap(grad(loss), in_axes=(None, 0))),
        vmap(jit(grad(loss)), in_axes=(None, 0)),
        vmap(grad(jit(loss)), in_axes=(None, 0)),
    ):
        np.testing.assert_allclose(g(w, rows), expected, rtol=1e-13)


def test_the_cotangent_of_an_operand_that_is_not_mapped_is_summed():
    for f in (by_vjp, by_gradient, by_jvp, jit(by_vjp)):

        def total(x, y, f=f):
            return np.sum(vmap(f, in_axes=(0, None))(x, y))

        for g in (grad(total, (0, 1)), jit(grad(total, (0, 1))), grad(jit(total), (0, 1))):
            gx, gy = g(XS, 2.0)
            np.testing.assert_allclose(gx, 20 * np.cos(XS), rtol=1e-14)
            np.testing.assert_allclose(gy, 7 * np.sum(np.sin(XS)), rtol=1e-14)


def test_nested_batches():
    def total(x, y):
        return np.sum(vmap(vmap(by_vjp, (None, 0)), (0, None))(x, y))

    for g in (grad(total, (0, 1)), jit(grad(total, (0, 1))), grad(jit(total), (0, 1))):
        gx, gy = g(XS, XS)
        np.testing.assert_allclose(gx, 10 * np.cos(XS) * np.sum(XS), rtol=1e-13)
        np.testing.assert_allclose(gy, 7 * np.sum(np.sin(XS)) * np.ones(3), rtol=1e-13)
    np.testing.assert_allclose(
        jacrev(vmap(by_vjp))(XS, XS), np.diag(10 * np.cos(XS) * XS), rtol=1e-14
    )
    np.testing.assert_allclose(
        jacfwd(vmap(by_jvp))(XS, XS), np.diag(10 * np.cos(XS) * XS), rtol=1e-14
    )


# What rules see


def test_an_uncompiled_gradient_runs_the_rule_on_plain_values():
    seen = []

    @custom_vjp
    def f(x, n):
        return x**n

    def fwd(x, n):
        seen.append((type(x), type(n)))
        if x.sum() > 0:  # Python control flow on the values
            return x**n, {"x": x, "n": n, "kind": "power"}
        return x**n, None

    def bwd(res, ct):
        seen.append((type(res["x"]), res["kind"], type(ct)))
        return ct * res["n"] * res["x"] ** (res["n"] - 1), None

    f.defvjp(fwd, bwd)
    gradient = grad(lambda x: np.sum(f(x, 3)))(XS)
    np.testing.assert_allclose(gradient, 3 * XS**2, rtol=1e-15)
    assert seen == [(np.ndarray, int), (np.ndarray, "power", np.ndarray)]


def test_a_rule_may_call_scipy():
    @custom_vjp
    def gamma(x):
        return scipy.special.gamma(x)

    gamma.defvjp(
        lambda x: (scipy.special.gamma(x), x),
        lambda x, ct: (ct * scipy.special.gamma(x) * scipy.special.digamma(x),),
    )
    expected = scipy.special.gamma(XS) * scipy.special.digamma(XS)
    np.testing.assert_allclose(grad(lambda x: np.sum(gamma(x)))(XS), expected, rtol=1e-15)


def test_rules_can_write_to_nothing_that_others_read():
    @custom_vjp
    def f(x):
        return 2.0 * x

    def bwd(x, ct):
        ct *= 2.0
        return (ct,)

    f.defvjp(lambda x: (2.0 * x, x), bwd)
    with pytest.raises(ValueError, match="read-only"):
        grad(lambda x: np.sum(f(x) + x))(XS)

    def fwd(x):
        x += 1.0
        return 2.0 * x, x

    f.defvjp(fwd, lambda x, ct: (2.0 * ct,))
    with pytest.raises(ValueError, match="read-only"):
        grad(lambda x: np.sum(f(x)))(XS)


def test_residuals_are_kept_as_they_were():
    buffer = np.array([1.0, 2.0, 3.0])

    @custom_vjp
    def scale(x):
        return x * buffer

    scale.defvjp(lambda x: (x * buffer, buffer), lambda b, ct: (ct * b,))

    def loss(x):
        buffer[:] = [1.0, 2.0, 3.0]
        y = scale(x)
        buffer[:] = 100.0
        return np.sum(y)

    np.testing.assert_allclose(grad(loss)(XS), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(jit(grad(loss))(XS), [1.0, 2.0, 3.0])
    np.testing.assert_allclose(grad(jit(loss))(XS), [1.0, 2.0, 3.0])
    large = np.ones(200_000)

    @custom_vjp
    def scaled(x):
        return x * large

    scaled.defvjp(lambda x: (x * large, large), lambda b, ct: (np.sum(ct * b),))

    def overwritten(x):
        y = scaled(x)
        large[:] = 2.0
        return np.sum(y)

    with pytest.raises(CapturedArrayError, match="overwritten"):
        grad(overwritten)(3.0)


def test_residuals_may_be_anything():
    @dataclass
    class Saved:
        x: object
        axis: int = field(metadata={"static": True})

    @custom_vjp
    def total(x, axis):
        return np.sum(x, axis)

    def bwd(res, ct):
        saved, name, shape = res
        assert name == "shape"
        return np.broadcast_to(np.expand_dims(ct, saved.axis), shape) * 10.0, None

    total.defvjp(lambda x, axis: (np.sum(x, axis), (Saved(x, axis), "shape", np.shape(x))), bwd)
    x = np.arange(6.0).reshape(2, 3)
    for f in (total, jit(total, static_argnums=1)):

        def loss(x, f=f):
            return np.sum(f(x, 1) * np.array([1.0, 2.0]))

        for g in (grad(loss), jit(grad(loss))):
            np.testing.assert_array_equal(g(x), [[10.0] * 3, [20.0] * 3])


# Arguments and results


def test_trees_in_and_out():
    @custom_vjp
    def layer(params, x):
        h = params["w"] @ x + params["b"]
        return {"out": np.tanh(h), "size": len(x), "name": "tanh"}

    def fwd(params, x):
        out = layer(params, x)
        return out, (params, x, out["out"])

    def bwd(res, ct):
        params, x, y = res
        assert set(ct) == {"out", "size", "name"} and ct["size"] is None and ct["name"] is None
        d = ct["out"] * (1 - y * y)
        return {"w": np.outer(d, x), "b": d}, params["w"].T @ d

    layer.defvjp(fwd, bwd)
    params = {"w": np.arange(6.0).reshape(2, 3) / 10, "b": np.array([0.1, -0.2])}

    def loss(params, x):
        out = layer(params, x)
        assert out["size"] == 3 and out["name"] == "tanh"
        return np.sum(out["out"])

    for g in (loss, jit(loss), checkpoint(loss)):
        check_grads(g, (params, XS), order=2, modes=("rev",))
    check_rule(layer, (params, XS))


def test_integers_among_results_stay_python_numbers():
    @custom_vjp
    def f(x):
        return x * 2.0, 3

    f.defvjp(lambda x: ((x * 2.0, 3), None), lambda _, ct: (2.0 * ct[0],))

    def loss(x):
        y, n = f(x)
        return np.sum(y * n)

    x = np.ones(2, np.float32)
    assert value_and_grad(loss)(x)[0].dtype == np.float32  # 3 is weak, as in a plain call
    assert jit(grad(loss))(x).dtype == np.float32


def test_defaults_keywords_and_methods():
    calls = []

    class Scale:
        def __init__(self, factor):
            self.factor = factor

        @custom_vjp
        def apply(self, x, /, power=2, *rest, shift=0.0, **options):
            return self.factor * x**power + shift

        def forward(self, x, power, *rest, shift, **options):
            calls.append((power, rest, shift, options))
            return self.factor * x**power + shift, (x, power)

        def backward(self, ct):  # called with the residuals
            x, power = self
            extra = [None] * (len(calls[-1][1]) + 1 + len(calls[-1][3]))
            return (None, ct * 100.0 * x ** (power - 1), None, *extra)

        apply.defvjp(forward, backward)

    s = Scale(3.0)
    assert s.apply(2.0) == 12.0
    np.testing.assert_allclose(grad(s.apply)(2.0), 200.0)
    assert calls[-1] == (2, (), 0.0, {})
    np.testing.assert_allclose(grad(s.apply)(2.0, 3), 400.0)
    np.testing.assert_allclose(grad(lambda x: s.apply(x, 3, "a", shift=1.0, mode="b"))(2.0), 400.0)
    assert calls[-1] == (3, ("a",), 1.0, {"mode": "b"})
    np.testing.assert_allclose(jit(grad(lambda x: s.apply(x, 3, "a", shift=1.0)))(2.0), 400.0)
    with pytest.raises(TypeError, match="missing 1 required positional"):
        s.apply()

    @custom_vjp
    def f(x, *, y):
        return x * y

    f.defvjp(lambda x, *, y: (x * y, None), lambda _, ct: (5.0 * ct, 6.0 * ct))
    assert grad(lambda x, y: f(x, y=y), (0, 1))(1.0, 2.0) == (5.0, 6.0)
    assert grad(lambda x, y: f(y=y, x=x), (0, 1))(1.0, 2.0) == (5.0, 6.0)


@pytest.mark.parametrize("options", [{"nondiff_argnames": ("g", "n")}, {"nondiff_argnums": (0, 2)}])
def test_nondiff_arguments_keep_their_place(options):
    @custom_vjp(**options)
    def repeated(g, x, n):
        for _ in range(n):
            x = g(x)
        return x

    def fwd(g, x, n):
        assert callable(g) and type(n) is int
        return repeated(g, x, n), (x, n)

    def bwd(res, ct):
        _, n = res
        return None, 100.0 * n * ct, None

    repeated.defvjp(fwd, bwd)
    for f in (repeated, lambda g, x, n: jit(lambda x: repeated(g, x, n))(x)):
        assert f(np.sin, 0.5, 2) == np.sin(np.sin(0.5))
        assert grad(f, 1)(np.sin, 0.5, 2) == 200.0
        assert jit(grad(f, 1), static_argnums=(0, 2))(np.sin, 0.5, 2) == 200.0

    @custom_jvp(**options)
    def again(g, x, n):
        return n * g(x)

    @again.defjvp
    def _(primals, tangents):
        g, x, n = primals
        assert tangents[0] is None and tangents[2] is None
        return n * g(x), 100.0 * n * tangents[1]

    assert jvp(lambda x: again(np.sin, x, 2), (0.5,), (1.0,))[1] == 200.0
    assert jit(grad(lambda x: again(np.sin, x, 2)))(0.5) == 200.0


def test_no_derivative_passes_through_a_nondiff_argument_that_is_traced():
    @custom_vjp(nondiff_argnames="scale")
    def f(x, scale):
        return x * scale

    f.defvjp(lambda x, scale: (x * scale, scale), lambda scale, ct: (ct * scale, None))
    for g in (f, jit(f)):
        assert grad(lambda x, g=g: g(x, x))(3.0) == 3.0
        np.testing.assert_array_equal(vmap(grad(g, (0, 1)))(XS, XS), [XS, np.zeros(3)])


def test_dtypes_of_gradients_are_those_of_the_arguments():
    x = XS.astype(np.float32)
    for f in (by_vjp, by_jvp, by_gradient):

        def total(x, f=f):
            return np.sum(f(x, np.float32(2)))

        for g in (grad(total), jit(grad(total))):
            assert g(x).dtype == np.float32
    double = custom_vjp(lambda x: x * 2)
    double.defvjp(lambda x: (x * 2, None), lambda _, ct: (np.float64(2) * ct.astype(np.float64),))
    assert grad(lambda x: np.sum(double(x)))(x).dtype == np.float32
    z = XS + 1j
    square = custom_jvp(lambda x: x * x)
    square.defjvp(lambda p, t: (p[0] * p[0], 2 * p[0] * t[0]))
    np.testing.assert_allclose(
        grad(lambda x: np.sum(square(x)), holomorphic=True)(z), 2 * z, rtol=1e-15
    )


def test_none_stands_for_zeros():
    @custom_vjp
    def f(p, x, y):
        return p["a"] * x + p["b"][0] * y

    f.defvjp(
        lambda p, x, y: (f(p, x, y), (p, x, y)),
        lambda res, ct: ({"a": ct * res[1], "b": None}, None, ct),
    )
    p = {"a": 2.0, "b": [3.0]}
    for g in (grad(f, (0, 1, 2)), jit(grad(f, (0, 1, 2))), grad(jit(f), (0, 1, 2))):
        gp, gx, gy = g(p, 5.0, 7.0)
        assert gp == {"a": 5.0, "b": [0.0]} and gx == 0.0 and gy == 1.0

    flat = custom_jvp(lambda x: (x, np.floor(x), 7))
    flat.defjvp(lambda p, t: (flat(p[0]), (t[0], None, None)))
    for push in (jvp, jit(lambda f, *args: jvp(f, *args), static_argnums=0)):
        out, t = push(flat, (2.5,), (1.0,))
        assert out == (2.5, 2.0, 7) and t == (1.0, 0.0, None)
    assert grad(lambda x: flat(x)[1])(2.5) == 0.0


def test_defjvps():
    @custom_jvp
    def f(x, n, y):
        return x * y * n

    f.defjvps(lambda t, out, x, n, y: 10 * y * n * t, None, lambda t, out, x, n, y: out * t)
    out, t = jvp(lambda x, y: f(x, 2, y), (3.0, 5.0), (1.0, 0.5))
    assert (out, t) == (30.0, 10 * 10.0 + 15.0)
    assert jit(grad(lambda x, y: f(x, 2, y), (0, 1)))(3.0, 5.0) == (100.0, 30.0)
    f.defjvps(None, None)
    with pytest.raises(ArgumentError, match="got 2 rules for the 3 arguments"):
        grad(lambda x: f(x, 2, 1.0))(1.0)


# Closures


def closing(kind, a):
    """A function of x that closes over a; ``rule`` gives a, as the true derivative does."""
    if kind == "custom_vjp":
        f = custom_vjp(lambda x: a * x)
        f.defvjp(lambda x: (a * x, None), lambda _, ct: (10 * ct * a,))
    elif kind == "custom_jvp":
        f = custom_jvp(lambda x: a * x)
        f.defjvp(lambda p, t: (a * p[0], 10 * a * t[0]))
    else:
        f = custom_gradient(lambda x: (a * x, lambda ct: (10 * ct * a,)))
    return f


KINDS = pytest.mark.parametrize("kind", ["custom_vjp", "custom_jvp", "custom_gradient"])


@KINDS
def test_closures_over_traced_values(kind):
    def f(x, a):
        return closing(kind, a)(x)

    for g in (
        grad(f),
        jit(grad(f)),
        grad(jit(f)),
        jit(grad(jit(f))),
        grad(lambda x, a: cond(x > 0, lambda x: f(x, a), lambda x: x, x)),
        jit(grad(lambda x, a: scan(lambda c, b: (f(c, b), None), x, a * np.ones(1))[0])),
        grad(checkpoint(f)),
    ):
        assert g(2.0, 3.0) == 30.0
    for g in (
        vmap(grad(f)),
        grad(lambda x, a: np.sum(vmap(f)(x, a))),
        jit(grad(lambda x, a: np.sum(vmap(f)(x, a)))),
        grad(jit(lambda x, a: np.sum(vmap(f)(x, a)))),
        grad(lambda x, a: np.sum(vmap(jit(f))(x, a))),
        vmap(jit(grad(f))),
    ):
        np.testing.assert_allclose(g(XS, XS + 1), 10 * (XS + 1), rtol=1e-15)
    np.testing.assert_allclose(vmap(f)(XS, XS + 1), XS * (XS + 1), rtol=1e-15)
    # An inner gradient in x, the outer one in what the rule closes over there.
    for g in (grad(lambda a: grad(f)(2.0, a)), jit(grad(lambda a: grad(f)(2.0, a)))):
        assert g(3.0) == 10.0


@KINDS
@pytest.mark.parametrize(
    "derivative",
    [
        lambda f: grad(f, 1)(2.0, 3.0),
        lambda f: grad(f, (0, 1))(2.0, 3.0),
        lambda f: grad(jit(f), 1)(2.0, 3.0),
        lambda f: jit(grad(f, 1))(2.0, 3.0),
        lambda f: jit(grad(jit(f), 1))(2.0, 3.0),
        lambda f: grad(lambda a: f(2.0, a))(3.0),
        lambda f: grad(jit(lambda a: f(2.0, a)))(3.0),
        lambda f: grad(lambda x, a: cond(x > 0, lambda x: f(x, a), lambda x: x, x), 1)(2.0, 3.0),
        lambda f: grad(lambda a: np.sum(vmap(f, (0, None))(XS, a)))(3.0),
        lambda f: jit(grad(lambda a: np.sum(vmap(f, (0, None))(XS, a))))(3.0),
        lambda f: grad(lambda a: np.sum(vmap(f)(XS, a)))(XS),
        lambda f: grad(checkpoint(f), 1)(2.0, 3.0),
        lambda f: grad(lambda a: scan(lambda c, _: (f(c, a), None), 1.0, None, 2)[0])(3.0),
    ],
)
def test_the_derivative_in_what_the_rule_closes_over_raises(kind, derivative):
    with pytest.raises(MissingRuleError, match="closes over a traced value") as caught:
        derivative(lambda x, a: closing(kind, a)(x))
    assert "as an argument" in str(caught.value)


@pytest.mark.parametrize("wrap", [lambda f: f, jit, checkpoint])
def test_what_only_the_result_depends_on_is_found_too(wrap):
    def shifted(x, a):
        f = custom_vjp(lambda x: x + a)
        f.defvjp(lambda x: (x + a, None), lambda _, ct: (ct,))
        return f(x)

    assert grad(wrap(shifted))(2.0, 3.0) == 1.0
    for argnums in (1, (0, 1)):
        with pytest.raises(MissingRuleError, match="closes over a traced value"):
            grad(wrap(shifted), argnums)(2.0, 3.0)


def test_what_is_not_differentiated_may_be_closed_over():
    def loss(x, a):
        return closing("custom_vjp", a)(x) * a  # a itself is differentiated only by hand

    assert grad(jit(loss), 0)(2.0, 3.0) == 90.0  # jit splits in all its inputs
    assert grad(checkpoint(loss), 0)(2.0, 3.0) == 90.0
    _, pullback = vjp(jit(lambda x: loss(x, 3.0)), 2.0)
    assert pullback(1.0) == (90.0,)


def test_forward_mode_over_a_reverse_rule_says_what_to_write():
    for f in (by_vjp, jit(by_vjp), checkpoint(by_vjp), through_scan(by_vjp), by_gradient):
        for derivative in (
            lambda f: jvp(f, (0.3, 0.4), (1.0, 1.0)),
            lambda f: jacfwd(f)(0.3, 0.4),
            lambda f: jit(jacfwd(f))(0.3, 0.4),
        ):
            with pytest.raises(MissingRuleError, match=r"forward mode.*reverse mode alone") as e:
                derivative(f)
            assert "custom_jvp" in str(e.value)
    # The linear map of linearize is the transpose of the pullback.
    for f in (by_vjp, jit(by_vjp), through_scan(by_vjp), by_gradient, through_vmap(by_vjp)):
        _, linear = linearize(f, 0.3, 0.4)
        expected = 20 * math.cos(0.3) * 0.4 + 21 * math.sin(0.3)
        np.testing.assert_allclose(linear(2.0, 3.0), expected, rtol=1e-14)
    # Forward over reverse needs no forward mode of the function itself.
    np.testing.assert_allclose(
        hvp(lambda x: by_vjp(x, 2.0), (0.4,), (1.0,)), -20 * math.sin(0.4), rtol=1e-14
    )


# Programs


def test_the_rule_is_traced_with_the_function_or_when_it_is_needed():
    count = []

    @custom_vjp
    def f(x):
        return x * 2.0

    def fwd(x):
        count.append("fwd")
        return f(x), None

    def bwd(_, ct):
        raise NotImplementedError("no backward pass here")

    f.defvjp(fwd, bwd)
    assert jit(f)(3.0) == 6.0  # a rule that raises matters to nobody here
    with pytest.raises(NotImplementedError, match="no backward pass"):
        grad(jit(f))(3.0)
    with pytest.raises(NotImplementedError, match="no backward pass"):
        jit(grad(f))(3.0)
    assert jit(f)(3.0) == 6.0


def vjp_of(f):
    def pulled(*args):
        out, pullback = vjp(f, *args)
        return pullback(out)

    return pulled


def test_programs_are_well_formed_and_print():
    for f in (by_vjp, by_jvp, by_gradient):
        for g in (f, grad(f), grad(jit(f)), vjp_of(f), vjp_of(jit(f))):
            check(make_jaxpr(g)(0.3, 0.4))
        for g in (vmap(f), vmap(jit(f)), vmap(grad(f)), vjp_of(vmap(f)), vjp_of(vmap(jit(f)))):
            check(make_jaxpr(g)(XS, XS))
    assert "custom_vjp by_vjp" in str(make_jaxpr(by_vjp)(0.3, 0.4))
    source = jit(by_vjp).source(0.3, 0.4)
    assert "np.sin" in source and "custom" not in source.split("#")[0].replace("custom_vjp", "")


def test_a_leaked_tracer_is_found():
    leaked = []
    f = custom_vjp(lambda x: x * 2.0)

    def fwd(x):
        leaked.append(x)
        return x * 2.0, None

    f.defvjp(fwd, lambda _, ct: (2.0 * ct,))
    jit(grad(f))(1.0)
    assert isinstance(leaked[-1], Tracer)
    with pytest.raises(RuntimeError, match="had returned"):
        leaked[-1] + 1.0


# Masks (law 5)


def test_a_masked_branch_with_a_rule_for_forward_mode_is_safe():
    safe_log = custom_jvp(lambda x: np.log(np.where(x > 0, x, 1.0)))

    @safe_log.defjvp
    def _(primals, tangents):
        (x,), (t,) = primals, tangents
        return safe_log(x), t / x

    x = np.array([0.0, 2.0])
    for g in (
        grad(lambda x: np.sum(np.where(x > 0, safe_log(x), 0.0))),
        jit(grad(lambda x: np.sum(np.where(x > 0, safe_log(x), 0.0)))),
        grad(jit(lambda x: np.sum(np.where(x > 0, safe_log(x), 0.0)))),
    ):
        np.testing.assert_allclose(g(x), [0.0, 0.5])


# Errors


def raising(rule, error, match, args=(XS, XS)):
    f = custom_vjp(lambda x, y: x * y)
    f.defvjp(lambda x, y: (x * y, (x, y)), rule)
    for g in (grad(lambda *a: np.sum(f(*a)), (0, 1)), jit(grad(lambda *a: np.sum(f(*a)), (0, 1)))):
        with pytest.raises(error, match=match) as caught:
            g(*args)
    return str(caught.value)


def test_mistakes_in_what_a_backward_pass_returns():
    raising(lambda r, ct: ct, StructureError, r"one for each argument \(x, y\), and returned no")
    raising(lambda r, ct: (ct,), StructureError, r"2 entries.*returned 1 of them")
    text = raising(
        lambda r, ct: (np.sum(ct), ct), ShapeError, r"returned float64\[\] for argument x"
    )
    assert "which is float64[3]" in text and "(3,)" in text
    raising(
        lambda r, ct: (ct, ct * 1j), DtypeError, r"complex128\[3\] for argument y.*float64\[3\]"
    )
    raising(
        lambda r, ct: (ct, np.ones(3, int)), DtypeError, r"int64\[3\] for argument y.*float64\[3\]"
    )
    raising(lambda r, ct: (ct, {"a": ct}), DtypeError, r"returned a dict for argument y")
    raising(lambda r, ct: (ct, "zero"), DtypeError, "a str for argument y")

    f = custom_vjp(lambda p, n: p["w"] * n)
    f.defvjp(lambda p, n: (p["w"] * n, None), lambda r, ct: ({"w": ct[:2], "b": None}, None))
    with pytest.raises(ShapeError, match=r"float64\[2\] for argument p\['w'\], which is float64"):
        grad(lambda p: np.sum(f(p, 2)))({"w": XS, "b": 1.0})
    f.defvjp(lambda p, n: (p["w"] * n, None), lambda r, ct: ({"w": ct}, None))
    with pytest.raises(StructureError, match="Add the key 'b'"):
        grad(lambda p: np.sum(f(p, 2)))({"w": XS, "b": 1.0})
    f.defvjp(lambda p, n: (p["w"] * n, None), lambda r, ct: ({"w": ct, "b": None}, ct))
    with pytest.raises(DtypeError, match="gradient for argument n, which is of type int"):
        grad(lambda p: np.sum(f(p, 2)))({"w": XS, "b": 1.0})
    with pytest.raises(DtypeError, match=r"argument n, which is int64\[3\] and carries no"):
        grad(lambda p: np.sum(f(p, np.arange(3))))({"w": XS, "b": 1.0})

    h = custom_vjp(lambda x, y: x * y, nondiff_argnames="y")
    h.defvjp(lambda x, y: (x * y, None), lambda r, ct: (ct, ct))
    with pytest.raises(DtypeError, match="argument y, which is a nondiff argument"):
        grad(lambda x: np.sum(h(x, XS)))(XS)


def test_mistakes_in_a_forward_pass():
    f = custom_vjp(lambda x: x * 2.0)
    f.defvjp(lambda x: x * 2.0, lambda r, ct: (ct,))
    for g in (grad(f), jit(grad(f)), grad(jit(f))):
        with pytest.raises(StructureError, match=r"must return a pair \(out, residuals\)"):
            g(1.0)
    f.defvjp(lambda x: (x * np.ones(2), None), lambda r, ct: (ct,))
    with pytest.raises(ShapeError, match=r"float64\[2\] for the result, and the function float64"):
        grad(jit(f))(1.0)
    f.defvjp(lambda x: ({"a": x}, None), lambda r, ct: (ct,))
    with pytest.raises(StructureError, match=r"returns \{'a': \*\} and the function \*"):
        grad(jit(f))(1.0)


def test_mistakes_in_a_forward_mode_rule():
    f = custom_jvp(lambda x: {"a": x * 2.0, "n": 1})
    for rule, error, match in (
        (lambda p, t: f(p[0]), StructureError, r"must return a pair \(out, tangent\)"),
        (lambda p, t: (f(p[0]), {"a": t[0]}), StructureError, "Add the key 'n'"),
        (
            lambda p, t: (f(p[0]), {"a": np.sum(t[0]), "n": None}),
            ShapeError,
            r"float64\[\] for the result\['a'\], which is float64\[3\]",
        ),
        (lambda p, t: (f(p[0]), {"a": t[0], "n": 1.0}), DtypeError, r"\['n'\].*no derivative"),
        (lambda p, t: (f(p[0] + t[0]), {"a": t[0], "n": None}), StructureError, "depends on the"),
    ):
        f.defjvp(rule)
        with pytest.raises(error, match=match):
            grad(lambda x: np.sum(f(x)["a"]))(XS)


@pytest.mark.parametrize("differentiate", [grad, lambda f: jit(grad(f)), lambda f: grad(jit(f))])
@pytest.mark.parametrize(
    "mixed",
    [
        lambda x, t: scan(lambda c, _: ((c[0] * 2.0 + c[1], c[1]), None), (x, t), length=3)[0],
        lambda x, t: while_loop(lambda c: c[1] < 9.0, lambda c: (c[0] * 2.0, c[1] + 1.0), (x, t)),
        lambda x, t: cond(t > 0.0, lambda x, t: (x, t), lambda x, t: (x * 2.0, t), x, t),
        lambda x, t: jit(lambda x, t: (x + t, t))(x, t),
        lambda x, t: checkpoint(lambda x, t: (x + t, t))(x, t),
    ],
    ids=["scan", "while", "cond", "jit", "checkpoint"],
)
def test_a_result_that_depends_on_the_tangents_is_found_in_loops(mixed, differentiate):
    f = custom_jvp(lambda x: x * 2.0)
    f.defjvp(lambda primals, tangents: mixed(primals[0], tangents[0]))
    with pytest.raises(StructureError, match="the result depends on the tangents"):
        differentiate(f)(1.5)


def test_functions_without_a_rule():
    for made, match in ((custom_vjp, "defvjp"), (custom_jvp, "defjvp")):
        f = made(lambda x: x * 2.0)
        assert f(2.0) == 4.0 and jit(f)(2.0) == 4.0
        for g in (grad(f), grad(jit(f)), jit(grad(f))):
            with pytest.raises(ArgumentError, match="has no rule yet") as caught:
                g(1.0)
            assert match in str(caught.value)
    with pytest.raises(ArgumentError, match="bwd must be a function, got NoneType"):
        custom_vjp(lambda x: x).defvjp(lambda x: x, None)
    with pytest.raises(ArgumentError, match="expected a function"):
        custom_jvp(lambda x: x).defjvp(3)
    with pytest.raises(ArgumentError, match="expected a function, got int"):
        custom_vjp(3)
    with pytest.raises(ArgumentError, match=r"has no argument.*'z'.*are x"):
        custom_vjp(lambda x: x, nondiff_argnames="z")
    with pytest.raises(ArgumentError, match="has no argument 1"):
        custom_jvp(lambda x: x, nondiff_argnums=(1,))
    with pytest.raises(ArgumentError, match="second part of the result must be a function"):
        custom_gradient(lambda x: (x, x))(1.0)


def test_an_exception_in_a_rule_leaves_nothing_broken():
    f = custom_vjp(lambda x: x * 2.0)
    ok = [False]

    def bwd(_, ct):
        if not ok[0]:
            raise ZeroDivisionError("mine")
        return (2.0 * ct,)

    f.defvjp(lambda x: (x * 2.0, None), bwd)
    for g, x in (
        (grad(f), 1.0),
        (jit(grad(f)), 1.0),
        (grad(jit(f)), 1.0),
        (vmap(grad(f)), XS),
        (grad(lambda x: np.sum(vmap(f)(x))), XS),
    ):
        ok[0] = False
        with pytest.raises(ZeroDivisionError, match="mine"):
            g(x)
        ok[0] = True
        np.testing.assert_array_equal(g(x), 2.0 * np.ones(np.shape(x)))


def test_functions_with_rules_look_like_functions():
    assert by_vjp.__name__ == "by_vjp" and by_vjp.__wrapped__(0.0, 1.0) == 0.0
    assert repr(by_jvp) == "custom_jvp(by_jvp)"
    assert pickle.loads(pickle.dumps(by_vjp)) is by_vjp


def ten_times(made, f, slopes):
    """``f`` with a rule: ten times the partial derivatives ``slopes``."""
    if made is custom_gradient:
        return custom_gradient(
            lambda *xs: (f(*xs), lambda ct: tuple(10 * ct * s(*xs) for s in slopes))
        )
    g = made(f)
    if made is custom_vjp:
        g.defvjp(lambda *xs: (f(*xs), xs), lambda xs, ct: tuple(10 * ct * s(*xs) for s in slopes))
    else:
        g.defjvp(
            lambda xs, ts: (
                g(*xs),
                sum(10 * s(*xs) * t for s, t in zip(slopes, ts, strict=True)),
            )
        )
    return g


class Scaling:
    """A callable object; its attribute is no argument."""

    def __init__(self, a):
        self.a = a

    def __call__(self, x):
        return self.a * x

    def method(self, x):
        return self.a * x


def scaled(x, a):
    return a * x


CALLABLES = {
    "ufunc": (np.sin, [np.cos]),
    "ufunc of two": (np.multiply, [lambda x, y: y, lambda x, y: x]),
    "ufunc without derivative": (np.floor, [lambda x: 1.0]),
    "ufunc of SciPy's": (scipy.special.expit, [lambda x: x * 0 + 2.0]),
    "partial by name": (functools.partial(scaled, a=2.0), [lambda x: 2.0]),
    "partial by position": (functools.partial(scaled, 2.0), [lambda a: 2.0]),
    "partial of partial": (
        functools.partial(functools.partial(lambda x, y, a: a * x * y, a=2.0), 3.0),
        [lambda y: 6.0],
    ),
    "partial of a ufunc": (functools.partial(np.multiply, 2.0), [lambda x: 2.0]),
    "partial of a jitted function": (functools.partial(jit(scaled), a=2.0), [lambda x: 2.0]),
    "jitted": (jit(scaled), [lambda x, a: a, lambda x, a: x]),
    "object": (Scaling(2.0), [lambda x: 2.0]),
    "method": (Scaling(2.0).method, [lambda x: 2.0]),
    "builtin": (abs, [lambda x: np.sign(x)]),
    "function with a rule": (ten_times(custom_vjp, scaled, [scaled, scaled]), [scaled, scaled]),
}


@pytest.mark.parametrize("made", [custom_vjp, custom_jvp, custom_gradient])
@pytest.mark.parametrize("name", CALLABLES)
def test_whatever_is_callable_may_have_a_rule(name, made):
    f, slopes = CALLABLES[name]
    g = ten_times(made, f, slopes)
    args = (0.3, 0.7)[: len(slopes)]
    which = tuple(range(len(slopes)))
    expected = [10 * s(*args) for s in slopes]
    close = functools.partial(np.testing.assert_allclose, rtol=1e-15)
    close(g(*args), f(*args))
    close(jit(g)(*args), f(*args))
    for h in (grad(g, which), jit(grad(g, which)), grad(jit(g), which), grad(checkpoint(g), which)):
        close(h(*args), expected)
    many = [np.array([x, x]) for x in args]
    for h in (vmap(grad(g, which)), jit(vmap(grad(g, which)))):
        close(h(*many), [[x, x] for x in expected])
    loss = lambda *xs: np.sum(vmap(g)(*xs))  # noqa: E731
    close(grad(loss, which)(*many), [[x, x] for x in expected])


def test_what_a_partial_has_bound_is_no_argument():
    f = custom_vjp(functools.partial(lambda x, *, a, b=1.0: a * b * x, a=2.0))
    f.defvjp(lambda x, *, b: (2.0 * b * x, b), lambda b, ct: (20.0 * b * ct, None))
    assert f(3.0) == 6.0 and f(3.0, b=2.0) == 12.0
    assert grad(lambda x: f(x, b=2.0))(3.0) == 40.0
    with pytest.raises(TypeError, match="unexpected keyword argument 'a'"):
        f(3.0, a=4.0)


@pytest.mark.parametrize("made", [custom_vjp, custom_jvp, custom_gradient])
def test_copies_are_the_function_itself_as_those_of_functions_are(made):
    f = ten_times(made, lambda x: 2.0 * x, [lambda x: 2.0])
    for g in (copy.copy(f), copy.deepcopy(f), copy.deepcopy({"f": [f]})["f"][0]):
        assert g is f
        assert grad(g)(1.0) == jit(grad(g))(1.0) == 20.0
    with pytest.raises((pickle.PicklingError, AttributeError), match="local"):
        pickle.dumps(f)


@pytest.mark.parametrize("made", [custom_vjp, custom_jvp, custom_gradient])
def test_functions_without_a_result(made):
    seen = []

    def f(x):
        seen.append(x)

    if made is custom_gradient:
        g = custom_gradient(lambda x: (f(x), lambda ct: (None,)))
    else:
        g = made(f)
        if made is custom_vjp:
            g.defvjp(lambda x: (f(x), None), lambda _, ct: (2.0 * ct,))  # never called
        else:
            g.defjvp(lambda xs, ts: (f(*xs), None))

    def watched(x):
        assert g(x) is None
        return x * x

    close = functools.partial(np.testing.assert_allclose, rtol=1e-15)
    assert g(2.0) is None and jit(g)(2.0) is None and vmap(g)(XS) is None
    for h in (grad(watched), jit(grad(watched)), grad(jit(watched)), grad(checkpoint(watched))):
        close(h(3.0), 6.0)
    close(vmap(grad(watched))(XS), 2 * XS)
    close(jit(vmap(grad(watched)))(XS), 2 * XS)
    close(grad(lambda xs: np.sum(vmap(watched)(xs)))(XS), 2 * XS)
    loop = lambda x: scan(lambda c, _: (watched(c), g(c)), x, None, 2)[0]  # noqa: E731
    for h in (grad(loop), jit(grad(loop)), grad(jit(loop))):
        close(h(1.5), 4 * 1.5**3)
    assert vjp(g, 2.0)[1](None) == (0.0,)
    assert seen


# The lectures: L9, the modular API of a gate


@custom_vjp
def multiply(x, y):
    return x * y


def multiply_forward(x, y):
    return x * y, (x, y)


def multiply_backward(saved, ct):
    x, y = saved
    return y * ct, x * ct


multiply.defvjp(multiply_forward, multiply_backward)


def test_l9_a_multiply_gate():
    z, pullback = vjp(multiply, -3.0, 4.0)
    assert z == -12.0 and pullback(2.0) == (8.0, -6.0)
    assert grad(multiply, (0, 1))(-3.0, 4.0) == (4.0, -3.0)
    assert jit(grad(multiply, (0, 1)))(-3.0, 4.0) == (4.0, -3.0)
    check_rule(multiply, (-3.0, 4.0))
    # L5, (x + y) * z with this gate.
    assert grad(lambda x, y, z: multiply(x + y, z), (0, 1, 2))(-2.0, 5.0, -4.0) == (-4.0, -4.0, 3.0)


def test_check_rule_finds_wrong_rules():
    check_rule(logistic, (XS,))
    check_rule(log_cosh, (XS,))
    with pytest.raises(AssertionError, match="argument 0"):
        check_rule(by_vjp, (0.3, 0.4))
    with pytest.raises(AssertionError, match="tangent of custom_jvp"):
        check_rule(by_jvp, (0.3, 0.4))
    wrong = custom_vjp(lambda x, y: x * y)
    wrong.defvjp(lambda x, y: (x * y, (x, y)), lambda r, ct: (ct * r[1], ct * r[1]))
    with pytest.raises(AssertionError, match="argument 1"):
        check_rule(wrong, (0.3, 0.4))
    other = custom_vjp(lambda x: x * 2.0)
    other.defvjp(lambda x: (x * 3.0, None), lambda r, ct: (2.0 * ct,))
    with pytest.raises(AssertionError, match="the result of the rule"):
        check_rule(other, (0.3,))
    with pytest.raises(ArgumentError, match="a function with a rule"):
        check_rule(np.sin, (0.3,))


# Nested rules, and collectives


@THREE
def test_rules_within_rules_close_over_traced_values(f):
    recursive = False

    def outer(x, a):
        @custom_vjp
        def inner(y):
            return a * y * y

        inner.defvjp(lambda y: (a * y * y, y), lambda y, ct: (ct * a * 2 * y,))

        @custom_vjp
        def mid(x):
            return inner(x) + f(x, 1.0)

        def fwd(x):
            return mid(x) if recursive else inner(x) + f(x, 1.0), x

        mid.defvjp(fwd, lambda x, ct: (ct * 3 * inner(x),))
        return mid(x)

    assert grad(outer)(2.0, 3.0) == 36.0
    for g in (
        grad(grad(outer)),
        jit(grad(grad(outer))),
        grad(jit(grad(outer))),
        grad(grad(jit(outer))),
        grad(jit(grad(jit(outer)))),
    ):
        assert g(2.0, 3.0) == 36.0
    # A forward pass that calls its own function: its rule is that which is being traced.
    recursive = True
    assert grad(grad(outer))(2.0, 3.0) == jit(grad(grad(outer)))(2.0, 3.0) == 36.0
    assert grad(jit(outer))(2.0, 3.0) == 36.0
    assert grad(grad(jit(outer)))(2.0, 3.0) == 36.0


def mean_of(x):
    return x / psum(x, "i")


def test_collectives_in_rules():
    by_reverse, by_forward = custom_vjp(mean_of), custom_jvp(mean_of)
    by_reverse.defvjp(lambda x: (mean_of(x), None), lambda _, ct: (10 * ct + psum(ct, "i"),))
    by_forward.defjvp(lambda p, t: (by_forward(p[0]), 10 * t[0] + psum(t[0], "i")))
    x = np.array([1.0, 2.0, 3.0])
    for f in (by_reverse, by_forward):
        for g in (f, jit(f)):
            mapped = vmap(g, axis_name="i")
            np.testing.assert_allclose(mapped(x), x / 6, rtol=1e-15)
            np.testing.assert_allclose(jit(mapped)(x), x / 6, rtol=1e-15)

            def loss(x, mapped=mapped):
                return np.sum(mapped(x) * x)

            # By the product rule: what the rule gives for the cotangent x, and x / sum(x).
            for h in (grad(loss), jit(grad(loss)), grad(jit(loss))):
                np.testing.assert_allclose(h(x), 10 * x + 6 + x / 6, rtol=1e-14)
