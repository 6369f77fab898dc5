"""Loops and branches that hardly do anything: empty bodies, no carry, no steps, unused operands."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import grad, hessian, jacrev, jit, jvp, linearize, vmap
from funcgrad.core.record import run

STEPS = [0, 1, 2]


def never(c):
    return False


def same(c):
    return c


def below(n):
    return lambda c: c[0] < n


PROGRAMS = {
    # while: the condition reads nothing or something else, the body does nothing
    "while never, same": (lambda x: fg.while_loop(never, same, x), lambda x: x),
    "while never, pair": (lambda x: fg.while_loop(never, same, (x, x))[1], lambda x: x),
    "while never, works": (lambda x: fg.while_loop(never, lambda c: c * x, x), lambda x: x),
    "while never, no carry": (lambda x: (fg.while_loop(never, same, ()), x)[1], lambda x: x),
    "while never, None": (lambda x: (fg.while_loop(never, same, None), x)[1], lambda x: x),
    "while never, None in": (lambda x: fg.while_loop(never, same, (None, x))[1], lambda x: x),
    "while never, constant": (
        lambda x: fg.while_loop(never, lambda c: np.ones_like(c), x),
        lambda x: x,
    ),
    "while closes over": (
        lambda x: fg.while_loop(lambda c: x.sum() > 1e9, same, x * 2),
        lambda x: x * 2,
    ),
    "while counts": (
        lambda x: fg.while_loop(below(2), lambda c: (c[0] + 1, c[1]), (0, x))[1],
        lambda x: x,
    ),
    "while counts alone": (
        lambda x: x * fg.while_loop(lambda i: i < 3, lambda i: i + 1, 0),
        lambda x: x * 3,
    ),
    "while replaces": (
        lambda x: fg.while_loop(below(2), lambda c: (c[0] + 1, x * x), (0, x))[1],
        lambda x: x * x,
    ),
    "while ends constant": (
        lambda x: fg.while_loop(below(2), lambda c: (c[0] + 1, np.ones(3)), (0, x))[1] + 0 * x,
        lambda x: np.ones(3) + 0 * x,
    ),
    "while swaps": (
        lambda x: fg.while_loop(below(3), lambda c: (c[0] + 1, c[2], c[1]), (0, x, x * x))[1],
        lambda x: x * x,
    ),
    "while unused": (
        lambda x: fg.while_loop(below(3), lambda c: (c[0] + 1, c[1] * x, c[2]), (0, x, x))[2],
        lambda x: x,
    ),
    "while in while": (
        lambda x: fg.while_loop(never, lambda c: fg.while_loop(never, same, c), x),
        lambda x: x,
    ),
    "while in while, twice": (
        lambda x: fg.while_loop(
            below(2), lambda c: (c[0] + 1, fg.while_loop(never, same, c[1])), (0, x)
        )[1],
        lambda x: x,
    ),
    # scan and its kin
    "scan, no carry, no xs": (
        lambda x: fg.scan(lambda c, _: (c, x), None, length=2)[1].sum(0),
        lambda x: 2 * x,
    ),
    "scan, empty carry": (
        lambda x: fg.scan(lambda c, _: (c, x * x), (), length=1)[1][0],
        lambda x: x * x,
    ),
    "scan, nothing at all": (
        lambda x: (fg.scan(lambda c, _: (c, None), None, length=3), x)[1],
        lambda x: x,
    ),
    "scan, same carry": (lambda x: fg.scan(lambda c, _: (c, None), x, length=3)[0], lambda x: x),
    "scan, y is x": (lambda x: fg.scan(lambda c, s: (c, s), 0.0, x)[1], lambda x: x),
    "scan, y is the carry": (
        lambda x: fg.scan(lambda c, s: (s, c), x[0], x)[1],
        lambda x: np.stack([x[0], *[x[i] for i in range(2)]]),
    ),
    "scan, y a constant": (
        lambda x: fg.scan(lambda c, s: (c, 1.0), x, x)[1] * x,
        lambda x: x * np.ones(3),
    ),
    "scan, unused carry": (
        lambda x: fg.scan(lambda c, s: (c + s, s * s), 0.0, x)[1],
        lambda x: x * x,
    ),
    "scan, unused ys": (
        lambda x: x * fg.scan(lambda c, s: (c + s, s * s), 0.0, x)[0],
        lambda x: x * x.sum(),
    ),
    "scan, checkpoint of nothing": (
        lambda x: fg.scan(lambda c, _: (c, None), x, length=4, checkpoint="sqrt")[0],
        lambda x: x,
    ),
    "scan of scan, no steps": (
        lambda x: fg.scan(
            lambda c, _: (fg.scan(lambda d, _: (d * x, None), c, length=0)[0], None), x, length=2
        )[0],
        lambda x: x,
    ),
    "fori, backwards": (lambda x: fg.fori_loop(5, 2, lambda i, c: c * x, x), lambda x: x),
    "fori, same": (lambda x: fg.fori_loop(0, 3, lambda i, c: c, x), lambda x: x),
    "fori, of the index": (
        lambda x: x * fg.fori_loop(0, 3, lambda i, c: i * 1.0, 0.0),
        lambda x: x * 2,
    ),
    "map, same": (lambda x: fg.map(lambda s: s, x), lambda x: x),
    "map, a constant": (lambda x: fg.map(lambda s: 2.0, x) * x, lambda x: 2.0 * np.ones(3) * x),
    "map in batches, same": (lambda x: fg.map(lambda s: s, x, batch_size=2), lambda x: x),
    "map in batches, closes over": (
        lambda x: fg.map(lambda s: x[0], np.zeros(3), batch_size=2),
        lambda x: np.stack([x[0]] * 3),
    ),
    "associative, one": (
        lambda x: fg.associative_scan(lambda a, b: a * b, x[:1])[0] * x,
        lambda x: x[0] * x,
    ),
    # branches
    "cond, operand": (lambda x: fg.cond(True, same, same, x), lambda x: x),
    "cond, traced, operand": (lambda x: fg.cond(x.sum() > 0, same, same, x), lambda x: x),
    "cond, no operands": (
        lambda x: fg.cond(x.sum() > 0, lambda: x, lambda: x * x),
        lambda x: x if x.sum() > 0 else x * x,
    ),
    "cond, constants": (
        lambda x: x * fg.cond(x.sum() > 0, lambda: 1.0, lambda: 2.0),
        lambda x: x * (1.0 if x.sum() > 0 else 2.0),
    ),
    "cond, None": (
        lambda x: (fg.cond(x.sum() > 0, lambda: None, lambda: None), x)[1],
        lambda x: x,
    ),
    "cond, swapped": (
        lambda x: fg.cond(x.sum() > 0, lambda a, b: (a, b), lambda a, b: (b, a), x, x * x)[0],
        lambda x: x if x.sum() > 0 else x * x,
    ),
    "cond, unused": (
        lambda x: fg.cond(x.sum() > 0, lambda a, b: (a, b), lambda a, b: (a * b, b), x, x * x)[1],
        lambda x: x * x,
    ),
    "switch of one": (lambda x: fg.switch(0, [same], x), lambda x: x),
    "switch of one, traced": (
        lambda x: fg.switch((x.sum() * 0).astype(int), [lambda x: x * x], x),
        lambda x: x * x,
    ),
    # wrappers
    "checkpoint of nothing": (fg.checkpoint(same), lambda x: x),
    "checkpoint of a constant": (lambda x: fg.checkpoint(lambda x: 2.0)(x) * x, lambda x: 2.0 * x),
    "checkpoint of while": (
        fg.checkpoint(lambda x: fg.while_loop(never, same, x)),
        lambda x: x,
    ),
    "jit of nothing": (jit(same), lambda x: x),
    "jit of a constant": (lambda x: jit(lambda x: 2.0)(x) * x, lambda x: 2.0 * x),
    "vmap of while": (lambda x: vmap(lambda s: fg.while_loop(never, same, s))(x), lambda x: x),
    "vmap of counted while": (
        lambda x: vmap(
            lambda s: fg.while_loop(lambda c: c[0] < s, lambda c: (c[0] + 1, c[1]), (0, s))[1]
        )(x),
        lambda x: x,
    ),
    "vmap of while without steps": (
        lambda x: vmap(lambda s: fg.while_loop(lambda c: s > 1e9, same, ()) or s)(x),
        lambda x: x,
    ),
}
for n in STEPS:
    PROGRAMS[f"scan, {n} steps"] = (
        lambda x, n=n: fg.scan(lambda c, s: (c * x + s, c.sum()), x, np.ones((n, 3)))[0],
        lambda x, n=n: [x, x * x + 1, (x * x + 1) * x + 1][n],
    )
    PROGRAMS[f"scan, {n} steps, ys"] = (
        lambda x, n=n: fg.scan(lambda c, _: (c * x, c), x, length=n)[1].sum(0) + x,
        lambda x, n=n: [x, x + x, x + x * x + x][n],
    )
    PROGRAMS[f"scan, {n} steps, over x"] = (
        lambda x, n=n: fg.scan(lambda c, s: (c + s * s, s), 0.0 * x[0], x[:n])[0] * x,
        lambda x, n=n: (x[:n] ** 2).sum() * x,
    )
    PROGRAMS[f"scan, {n} steps, unrolled"] = (
        lambda x, n=n: fg.scan(lambda c, _: (c * x, None), x, length=n, unroll=2)[0],
        lambda x, n=n: x ** (n + 1),
    )
    PROGRAMS[f"scan, {n} steps, segments"] = (
        lambda x, n=n: fg.scan(lambda c, _: (c * x, None), x, length=n, checkpoint="sqrt")[0],
        lambda x, n=n: x ** (n + 1),
    )
    PROGRAMS[f"map, {n} slices"] = (
        lambda x, n=n: fg.map(lambda s: s * x, x[:n]).sum(0) + x,
        lambda x, n=n: x[:n].sum() * x + x,
    )
    PROGRAMS[f"map, {n} slices, in batches"] = (
        lambda x, n=n: fg.map(lambda s: s * x, x[:n], batch_size=2).sum(0) + x,
        lambda x, n=n: x[:n].sum() * x + x,
    )
    PROGRAMS[f"fori, {n} steps"] = (
        lambda x, n=n: fg.fori_loop(0, n, lambda i, c: c * x, x),
        lambda x, n=n: x ** (n + 1),
    )
    PROGRAMS[f"fori, {n} steps, traced"] = (
        lambda x, n=n: fg.fori_loop(0, (x.sum() * 0).astype(int) + n, lambda i, c: c * x, x),
        lambda x, n=n: x ** (n + 1),
    )
    PROGRAMS[f"while, {n} steps"] = (
        lambda x, n=n: fg.while_loop(below(n), lambda c: (c[0] + 1, c[1] * x), (0, x))[1],
        lambda x, n=n: x ** (n + 1),
    )


def weighted(f):
    return lambda x: np.sum(np.sin(f(x)))


def agree(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)


POINTS = np.array([[0.7, -0.4, 1.2], [-0.3, -0.9, 0.2]])
WRAPPED = {"plain": lambda f: f, "jit": jit, "checkpoint": fg.checkpoint}


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_and_first_derivatives(name):
    made, plain = PROGRAMS[name]
    for wrap in WRAPPED.values():
        f = wrap(made)
        compiled, gradient = jit(f), jit(grad(weighted(f)))
        for x in POINTS:
            agree(f(x), plain(x))
            agree(compiled(x), plain(x))
            agree(gradient(x), grad(weighted(plain))(x))
        expected = grad(weighted(plain))(x)
        agree(grad(weighted(f))(x), expected)
        agree(jvp(weighted(f), (x,), (x,))[1], expected @ x)
        agree(linearize(weighted(f), x)[1](x), expected @ x)


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_derivatives(name):
    made, plain = PROGRAMS[name]
    x = POINTS[0]
    expected = jacrev(grad(weighted(plain)))(x)
    agree(jacrev(grad(weighted(made)))(x), expected)
    agree(hessian(weighted(jit(made)))(x), expected)
    agree(jit(hessian(weighted(made)))(x), expected)


@pytest.mark.parametrize("name", PROGRAMS)
def test_batches(name):
    made, plain = PROGRAMS[name]
    values = np.stack([plain(x) for x in POINTS])
    slopes = np.stack([grad(weighted(plain))(x) for x in POINTS])
    agree(vmap(made)(POINTS), values)
    agree(jit(vmap(jit(made)))(POINTS), values)
    agree(vmap(grad(weighted(made)))(POINTS), slopes)
    agree(jit(vmap(grad(weighted(jit(made)))))(POINTS), slopes)
    agree(grad(lambda xs: np.sum(vmap(weighted(made))(xs)))(POINTS), slopes)
    agree(jit(grad(lambda xs: np.sum(vmap(weighted(made))(xs))))(POINTS), slopes)


def test_a_branch_for_a_batch_of_nothing():
    f = vmap(lambda p, x: fg.cond(p > 0, lambda x: (x, 2.0 * x), lambda x: (-x, x), x))
    for g in (f, jit(f), lambda p, x: run(fg.make_jaxpr(f)(p, x), [p, x])):
        for out in g(np.zeros(0), np.zeros(0)):
            assert out.shape == (0,) and out.dtype == np.float64
