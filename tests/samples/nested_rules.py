"""Combinators of nests: linear rules, rules that close over traced values, idle loops."""

import numpy as np
from hypothesis import strategies as st

import funcgrad as fg

from .nest import MATRIX, SLOPES


def linear_rule(draw, g):
    """A linear function of the part, whose rule applies the function itself to the tangent."""
    if not g.forward:
        return g
    bodies = {
        "matrix": lambda y: MATRIX @ y,
        "scan": lambda y: fg.scan(lambda c, m: (c, m @ c), y, MATRIX)[1],
        "while": lambda y: fg.while_loop(lambda c: c[0] < 1, lambda c: (1, MATRIX @ c[1]), (0, y))[
            1
        ],
    }
    ways = {
        "directly": lambda f, t: f(t),
        "in jit": lambda f, t: fg.jit(f)(t),
        "in scan": lambda f, t: fg.scan(lambda c, _: (f(c), None), t, None, 1)[0],
        "in vmap": lambda f, t: fg.vmap(f)(np.stack([t, 2 * t]))[1] * 0.5,
        "in cond": lambda f, t: fg.cond(t.sum() > 0, f, lambda t: MATRIX @ t, t),
        "by another": None,
    }
    body, way = draw(st.sampled_from(list(bodies))), draw(st.sampled_from(list(ways)))

    @fg.custom_jvp
    def f(y):
        return bodies[body](y)

    @fg.custom_jvp
    def other(y):
        return f(y)

    other.defjvp(lambda ys, ts: (other(*ys), f(*ts)))
    apply = ways[way] or (lambda f, t: other(t))
    f.defjvp(lambda ys, ts: (f(*ys), apply(f, *ts)))
    return g.within(
        f"linear {body}, {way}",
        lambda x, p: f(g.made(x, p)) + p * 0.1,
        lambda x, p: MATRIX @ g.plain(x, p) + p * 0.1,
    )


RULES = ["custom_vjp", "custom_jvp", "custom_gradient", "residuals", "backward alone", "itself"]


def closing(rule, g, s):
    """``g`` of ``x * s``, with a rule; functions and rule close over s."""

    def f(x, p):
        return g.made(x * s, p)

    if rule == "custom_gradient":
        return fg.custom_gradient(lambda x, p: fg.vjp(f, x, p))
    if rule in ("custom_jvp", "itself"):
        made = fg.custom_jvp(f)
        value = made if rule == "itself" else f
        made.defjvp(lambda xs, ts: (value(*xs), fg.jvp(f, xs, ts)[1]))
        return made
    if rule == "backward alone":  # x - stop_gradient(x) is zero, and says nothing of s
        made = fg.custom_vjp(lambda x, p: x * 0)
        made.defvjp(lambda x, p: (x * 0, (x, p)), lambda r, ct: fg.vjp(f, *r)[1](ct))
        return lambda x, p: made(x, p) + fg.stop_gradient(f(x, p))
    made = fg.custom_vjp(f)
    if rule == "residuals":
        made.defvjp(
            lambda x, p: (f(x, p), (x, p, s)),
            lambda r, ct: fg.vjp(lambda x, p: g.made(x * r[2], p), *r[:2])[1](ct),
        )
    else:
        made.defvjp(lambda x, p: (f(x, p), (x, p)), lambda r, ct: fg.vjp(f, *r)[1](ct))
    return made


EACH = {
    "vmap": lambda f, s: fg.vmap(f)(s).sum(0),
    "named vmap": lambda f, s: fg.vmap(f, axis_name="each")(s).sum(0),
    "scan": lambda f, s: fg.scan(lambda c, e: (c + f(e), None), np.zeros(3), s)[0],
    "map": lambda f, s: fg.map(f, s).sum(0),
    "batches": lambda f, s: fg.map(f, s, batch_size=2).sum(0),
    "fori": lambda f, s: fg.fori_loop(
        0, 3, lambda i, c: c + f(fg.numpy.take(s, i, 0)), np.zeros(3)
    ),
    "while": lambda f, s: fg.while_loop(
        lambda c: c[0] < 3,
        lambda c: (c[0] + 1, c[1] + f(fg.numpy.take(s, c[0], 0))),
        (0, np.zeros(3)),
    )[1],
    "jit": lambda f, s: sum(fg.jit(f)(e) for e in s),
    "checkpoint": lambda f, s: sum(fg.checkpoint(f)(e) for e in s),
    "cond": lambda f, s: sum(fg.cond(e > 0, f, lambda e: f(e * 1), e) for e in s),
    "gradient": lambda f, s: sum(fg.jacrev(lambda y, e=e: y * f(e))(1.0) for e in s),
    "value of vjp": lambda f, s: sum(fg.vjp(f, e)[0] for e in s),
}


def closed(draw, g):
    """A rule that closes over what is inside of the frame of its operands, or beside it."""
    rule, place = draw(st.sampled_from(RULES)), draw(st.sampled_from(list(EACH)))
    traced = draw(st.booleans())
    by_forward = rule in ("custom_jvp", "itself")
    if by_forward and not g.forward:
        return g

    def elements(x):
        return np.tanh(fg.stop_gradient(x)) if traced else SLOPES

    def made(x, p):
        return EACH[place](lambda s: closing(rule, g, s)(x, p), elements(x)) * 0.3

    def plain(x, p):
        return sum(g.plain(x * s, p) for s in elements(x)) * 0.3

    # Of the forward pass that says nothing there is nothing to differentiate again.
    again = g.again and rule != "backward alone"
    return g.within(f"{rule} closing over {place}", made, plain, forward=by_forward, again=again)


IDLE = {
    "while never": lambda x, p, g: fg.while_loop(lambda c: False, lambda c: c, x),
    "while never, works": lambda x, p, g: fg.while_loop(lambda c: False, lambda c: c * p, x),
    "while by another": lambda x, p, g: fg.while_loop(
        lambda c: p.sum() > 1e9, lambda c: g(c, p), x
    ),
    "while counts": lambda x, p, g: fg.while_loop(
        lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1]), (0, x)
    )[1],
    "while without carry": lambda x, p, g: (fg.while_loop(lambda c: False, lambda c: c, ()), x)[1],
    "while, unused": lambda x, p, g: fg.while_loop(
        lambda c: c[0] < 2, lambda c: (c[0] + 1, g(c[1], p), c[2]), (0, p, x)
    )[2],
    "while swaps": lambda x, p, g: fg.while_loop(
        lambda c: c[0] < 2, lambda c: (c[0] + 1, c[2], c[1]), (0, x, p)
    )[1],
    "scan, no steps": lambda x, p, g: fg.scan(lambda c, _: (g(c, p), c), x, length=0)[0],
    "scan, no elements": lambda x, p, g: fg.scan(lambda c, e: (g(c, e), c), x, np.zeros((0, 3)))[0],
    "scan, same": lambda x, p, g: fg.scan(lambda c, _: (c, None), x, length=3)[0],
    "scan, no carry": lambda x, p, g: fg.scan(lambda c, e: (c, e), None, x)[1],
    "scan, y the carry": lambda x, p, g: fg.scan(lambda c, _: (g(c, p), c), x, length=1)[1][0],
    "scan, constants": lambda x, p, g: x * fg.scan(lambda c, e: (c, 1.0), None, x)[1],
    "scan, unused": lambda x, p, g: fg.scan(lambda c, e: (g(c, p), e), p, x)[1],
    "scan, None": lambda x, p, g: fg.scan(lambda c, e: ((None, c[1]), None), (None, x), x)[0][1],
    "fori, no steps": lambda x, p, g: fg.fori_loop(3, 1, lambda i, c: g(c, p), x),
    "fori, traced, no steps": lambda x, p, g: fg.fori_loop(
        0, (x[0] * 0).astype(int), lambda i, c: g(c, p), x
    ),
    "map, same": lambda x, p, g: fg.map(lambda e: e, x),
    "map, constant": lambda x, p, g: x * fg.map(lambda e: 1.0, x),
    "map of another": lambda x, p, g: fg.map(lambda e: x, p)[0],
    "map, nothing": lambda x, p, g: x + fg.map(lambda e: g(x, p), np.zeros((0, 2))).sum(0),
    "cond, operand": lambda x, p, g: fg.cond(p.sum() > 0, lambda x: x, lambda x: x, x),
    "cond, None": lambda x, p, g: (fg.cond(p.sum() > 0, lambda: None, lambda: None), x)[1],
    "cond, constants": lambda x, p, g: x * fg.cond(p.sum() > 0, lambda: 1.0, lambda: 1.0),
    "cond, never": lambda x, p, g: fg.cond(p.sum() > 1e9, g, lambda x, p: x, x, p),
    "cond, swapped": lambda x, p, g: fg.cond(
        p.sum() > 0, lambda a, b: (a, b), lambda a, b: (a, g(b, b)), x, p
    )[0],
    "switch of one": lambda x, p, g: fg.switch((p[0] * 0).astype(int), [lambda x: x], x),
    "checkpoint of nothing": lambda x, p, g: fg.checkpoint(lambda x: x)(x),
    "checkpoint, unused": lambda x, p, g: fg.checkpoint(lambda x, p: (x, g(p, p)))(x, p)[0],
    "jit of nothing": lambda x, p, g: fg.jit(lambda x: x)(x),
    "vmap of nothing": lambda x, p, g: fg.vmap(lambda e: e)(x),
    "associative of one": lambda x, p, g: fg.associative_scan(lambda a, b: g(a, b), x[None])[0],
}


def idle(draw, g):
    """A loop or a branch through which its operand comes as it is."""
    name, before = draw(st.sampled_from(list(IDLE))), draw(st.booleans())

    def made(x, p):
        if before:
            return g.made(IDLE[name](x, p, g.made), p)
        return IDLE[name](g.made(x, p), p, g.made)

    return g.within(name, made, g.plain)
