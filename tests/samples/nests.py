"""Nests of control flow and rules, each as funcgrad writes it and as plain Python does.

`nests` draws functions ``(x, p) -> y`` of arrays of shape ``(3,)``, made of the combinators below.
Every combinator gives two functions: `Nest.made` calls funcgrad's scan, cond, custom_vjp, ...;
`Nest.plain` does the same by ``for``, ``if``, ``while`` and the bare functions: it is the oracle.
"""

import numpy as np
from hypothesis import strategies as st

import funcgrad as fg

from .nest import LEAVES, Nest
from .nested_rules import closed, idle, linear_rule


def scanned(draw, g):
    steps, reverse = draw(st.integers(0, 4)), draw(st.booleans())
    options = draw(st.sampled_from([{}, {"unroll": 2}, {"checkpoint": "sqrt"}]))
    bodies = {"scan": lambda f: f, "scan of checkpoint": fg.checkpoint}
    name = draw(st.sampled_from(list(bodies)))
    xs = np.linspace(-1.0, 1.0, steps)

    def made(x, p):
        def body(carry, t):
            y = g.made(carry * 0.6 + t, p)
            return y, (y.sum(), y * 2)

        last, (sums, ys) = fg.scan(bodies[name](body), x, xs * p[0], reverse=reverse, **options)
        return np.tanh(last + sums.sum() * 0.1 + ys.sum(0) * 0.1)

    def plain(x, p):
        sums, ys = 0.0, np.zeros(3)
        for t in xs[::-1] if reverse else xs:
            x = g.plain(x * 0.6 + t * p[0], p)
            sums, ys = sums + x.sum(), ys + x * 2
        return np.tanh(x + sums * 0.1 + ys * 0.1)

    return g.within(name, made, plain)


def fori(draw, g):
    count = draw(st.integers(0, 3))
    known = draw(st.booleans())

    def steps(x):
        return count if known else np.floor(np.abs(x[1]) * 2).astype(int) + 1

    def made(x, p):
        return fg.fori_loop(0, steps(x), lambda i, y: g.made(y + i * 0.1, p), x)

    def plain(x, p):
        for i in range(int(steps(x))):
            x = g.plain(x + i * 0.1, p)
        return x

    return g.within("fori_loop", made, plain)


def while_(draw, g):
    by_value = draw(st.booleans())

    def going(i, x, p):
        return (i < 5) & (np.sum(x**2) < 2.5) if by_value else i < np.floor(np.abs(p[2]) * 3)

    def made(x, p):
        i, y = fg.while_loop(
            lambda s: going(*s, p), lambda s: (s[0] + 1, g.made(s[1], p) * 1.1 + 0.2), (0, x)
        )
        return y + 0.01 * i

    def plain(x, p):
        i = 0
        while going(i, x, p):
            i, x = i + 1, g.plain(x, p) * 1.1 + 0.2
        return x + 0.01 * i

    return g.within("while_loop", made, plain)


def mapped(draw, g):
    size = draw(st.sampled_from([None, 2]))

    def made(x, p):
        return fg.map(lambda s: g.made(x * s, p), x, batch_size=size).sum(0) * 0.5

    return g.within("map", made, lambda x, p: sum(g.plain(x * s, p) for s in x) * 0.5)


def associative(draw, g):
    def made(x, p):
        y = g.made(x, p)
        a, b = fg.associative_scan(
            lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), (np.tanh(y) * 0.5, y)
        )
        return a + b

    def plain(x, p):
        y = g.plain(x, p)
        a, b = [np.tanh(y[0]) * 0.5], [y[0]]
        for v in y[1:]:
            a, b = [*a, a[-1] * np.tanh(v) * 0.5], [*b, b[-1] * np.tanh(v) * 0.5 + v]
        return np.stack([s + t for s, t in zip(a, b, strict=True)])

    return g.within("associative_scan", made, plain)


def branch(draw, g, h):
    at = draw(st.sampled_from([-0.3, 0.1, 0.7]))

    def made(x, p):
        return fg.cond(x.sum() > at, g.made, lambda x, p: h.made(x, p) + p, x * 0.9, p)

    def plain(x, p):
        return g.plain(x * 0.9, p) if x.sum() > at else h.plain(x * 0.9, p) + p

    return both("cond", g, h, made, plain)


def switched(draw, g, h):
    def which(x):
        return np.minimum(np.floor(np.abs(x[0]) * 2), 2).astype(int)

    def made(x, p):
        return fg.switch(which(x), [g.made, h.made, lambda x, p: x * p], x, p)

    def plain(x, p):
        return [g.plain, h.plain, lambda x, p: x * p][which(x)](x, p)

    return both("switch", g, h, made, plain)


def selected(draw, g, h):
    def made(x, p):
        return fg.select(x > 0, g.made(x, p), h.made(x, p))

    return both("select", g, h, made, lambda x, p: np.where(x > 0, g.plain(x, p), h.plain(x, p)))


def chained(draw, g, h):
    return both(
        "both", g, h, lambda x, p: h.made(g.made(x, p), p), lambda x, p: h.plain(g.plain(x, p), p)
    )


def both(name, g, h, made, plain):
    return Nest(
        f"{name}({g.text}, {h.text})", made, plain, g.forward and h.forward, g.again and h.again
    )


def checkpointed(draw, g):
    policy = draw(st.sampled_from([None, fg.checkpoint_policies.save_only_these_names("doubled")]))
    made = fg.checkpoint(
        lambda x, p: g.made(fg.checkpoint_name(x * 2, "doubled"), p), policy=policy
    )
    return g.within("checkpoint", made, lambda x, p: g.plain(x * 2, p))


def custom_vjp(draw, g):
    @fg.custom_vjp
    def f(x, p):
        return g.made(x, p)

    def forward(x, p):
        return g.made(x, p), (x, p)

    def backward(residuals, ct):
        return fg.vjp(g.made, *residuals)[1](ct)

    f.defvjp(forward, backward)
    return g.within("custom_vjp", f, g.plain, forward=False)


def custom_gradient(draw, g):
    @fg.custom_gradient
    def f(x, p):
        return fg.vjp(g.made, x, p)

    return g.within("custom_gradient", f, g.plain, forward=False)


def custom_jvp(draw, g):
    if not g.forward:
        return g

    @fg.custom_jvp
    def f(x, p):
        return g.made(x, p)

    @f.defjvp
    def rule(primals, tangents):
        return fg.jvp(g.made, primals, tangents)

    return g.within("custom_jvp", f, g.plain)


def callback(draw, g):
    shape = fg.ShapeDtypeStruct((3,), float)

    def made(x, p):
        return fg.pure_callback(
            np.sin, shape, g.made(x, p), vjp=lambda args, out, ct: (ct * np.cos(args[0]),)
        )

    return g.within(
        "pure_callback", made, lambda x, p: np.sin(g.plain(x, p)), forward=False, again=False
    )


def printed(draw, g):
    def made(x, p):
        fg.debug.callback(lambda x: None, x)
        return g.made(x, p)

    return g.within("debug.callback", made, g.plain)


def fixed(draw, g):
    def step(y, a):
        return 0.2 * np.tanh(y + a) + 0.1 * a

    def plain(x, p):
        a = y = g.plain(x, p)
        for _ in range(24):
            y = step(y, a)
        return y

    return g.within(
        "fixed_point",
        lambda x, p: fg.fixed_point(step, np.zeros(3), g.made(x, p), tol=1e-14),
        plain,
    )


def rooted(draw, g):
    def newton(f, y):
        return fg.fori_loop(0, 40, lambda i, y: y - 0.7 * f(y), y)

    def made(x, p):
        a = g.made(x, p)
        return fg.custom_root(
            lambda y: y + 0.3 * np.tanh(y) - a,
            np.zeros(3),
            newton,
            lambda linear, b: np.linalg.solve(fg.jacfwd(linear)(np.zeros(3)), b),
        )

    def plain(x, p):
        a = y = g.plain(x, p)
        for _ in range(40):
            y = y - 0.7 * (y + 0.3 * np.tanh(y) - a)
        return y

    return g.within("custom_root", made, plain)


def solved(draw, g):
    def made(x, p):
        scale = 2 + np.tanh(p)
        return fg.custom_linear_solve(
            lambda y: scale * y, g.made(x, p), lambda f, b: b / f(np.ones(3)), symmetric=True
        )

    return g.within("custom_linear_solve", made, lambda x, p: g.plain(x, p) / (2 + np.tanh(p)))


def transposed(draw, g):
    def made(x, p):
        linear = fg.linear_transpose(lambda y: y * np.sin(p) + np.roll(y, 1), x)
        return linear(g.made(x, p))[0]

    def plain(x, p):
        y = g.plain(x, p)
        return y * np.sin(p) + np.roll(y, -1)

    return g.within("linear_transpose", made, plain)


def collective(draw, g):
    total = draw(st.sampled_from([fg.psum, fg.pmean]))
    share = 1.0 if total is fg.psum else 1 / 3

    def made(x, p):
        def element(s):
            y = g.made(x * s, p)
            return np.tanh(y - total(y, "lanes") * 0.3)

        return fg.vmap(element, axis_name="lanes")(x).sum(0) * 0.4

    def plain(x, p):
        ys = [g.plain(x * s, p) for s in x]
        return sum(np.tanh(y - sum(ys) * share * 0.3) for y in ys) * 0.4

    return g.within(total.__name__, made, plain)


def vectorized(draw, g):
    def made(x, p):
        f = fg.vectorize(g.made, signature="(n),(n)->(n)")
        return f(np.stack([x, x * 0.5]), p).sum(0) * 0.5

    return g.within("vectorize", made, lambda x, p: (g.plain(x, p) + g.plain(x * 0.5, p)) * 0.5)


def jitted(draw, g):
    return g.within("jit", fg.jit(g.made), g.plain)


def gradient(draw, g):
    if not g.again:
        return g

    def of(f):
        return lambda x, p: fg.grad(lambda y: np.sum(np.sin(f(y, p))))(x) * 0.3

    return g.within("grad", of(g.made), of(g.plain), again=False)


def pushed(draw, g):
    if not (g.forward and g.again):
        return g

    def of(f):
        return lambda x, p: fg.jvp(lambda y: f(y, p), (x,), (p,))[1] * 0.3

    return g.within("jvp", of(g.made), of(g.plain), again=False)


ONE = [
    *(scanned, fori, while_, mapped, associative, checkpointed, custom_vjp, custom_gradient),
    *(custom_jvp, callback, printed, fixed, rooted, solved, transposed, collective, vectorized),
    *(jitted, gradient, pushed, linear_rule, closed, idle, idle),
]
TWO = [branch, switched, selected, chained]


@st.composite
def nests(draw, depth=2):
    """Combinators in combinators, ``depth`` of them at most."""
    if depth == 0 or draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from(list(LEAVES)))
        return Nest(name, LEAVES[name], LEAVES[name])
    combinator = draw(st.sampled_from([*ONE, *TWO]))
    parts = [draw(nests(depth - 1)) for _ in range(2 if combinator in TWO else 1)]
    return combinator(draw, *parts)


def chosen(*choices):
    """A ``draw`` that makes these choices."""
    rest = iter(choices)
    return lambda strategy: next(rest)


def leaf(name):
    return Nest(name, LEAVES[name], LEAVES[name])


def _loop(part):
    return fori(chosen(0, False), part)


def _scan(part, name="scan", **options):
    return scanned(chosen(4, False, options, name), part)


FOUND = [
    _loop(custom_jvp(None, leaf("dot"))),
    _scan(custom_gradient(None, leaf("tanh")), checkpoint="sqrt"),
    custom_jvp(None, _scan(leaf("dot"))),
    custom_jvp(None, mapped(chosen(2), leaf("sort"))),
    custom_jvp(
        None, branch(chosen(0.1), jitted(None, leaf("dot")), while_(chosen(True), leaf("bump")))
    ),
    custom_jvp(None, checkpointed(chosen(None), leaf("sort"))),
    mapped(chosen(2), _loop(leaf("tanh"))),
    vectorized(None, jitted(None, _loop(vectorized(None, leaf("where"))))),
    vectorized(None, while_(chosen(True), leaf("dot"))),
    _loop(collective(chosen(fg.psum), associative(None, while_(chosen(True), leaf("tanh"))))),
    vectorized(None, _loop(collective(chosen(fg.psum), while_(chosen(True), leaf("sort"))))),
    mapped(chosen(2), branch(chosen(0.1), fori(chosen(2, True), _loop(leaf("tanh"))), leaf("dot"))),
    selected(None, _scan(while_(chosen(True), custom_vjp(None, leaf("tanh")))), leaf("dot")),
    while_(
        chosen(True),
        branch(chosen(0.1), selected(None, leaf("dot"), leaf("tanh")), _loop(leaf("bump"))),
    ),
    gradient(
        None, _scan(custom_gradient(None, while_(chosen(False), leaf("dot"))), "scan of checkpoint")
    ),
    while_(
        chosen(True),
        selected(
            None,
            branch(chosen(0.1), solved(None, leaf("dot")), custom_vjp(None, leaf("tanh"))),
            solved(None, leaf("tanh")),
        ),
    ),
    linear_rule(chosen("matrix", "directly"), leaf("dot")),
    _scan(linear_rule(chosen("scan", "in vmap"), leaf("tanh")), "scan of checkpoint"),
    closed(chosen("custom_jvp", "vmap", True), leaf("tanh")),
    closed(chosen("backward alone", "scan", True), leaf("dot")),
    closed(chosen("itself", "jit", True), jitted(None, leaf("tanh"))),
    closed(chosen("custom_vjp", "value of vjp", True), leaf("dot")),
    custom_gradient(None, closed(chosen("itself", "fori", True), leaf("tanh"))),
    idle(chosen("while never", False), leaf("tanh")),
    idle(chosen("map, constant", True), jitted(None, leaf("dot"))),
]
"""Nests that once gave a wrong answer or an error."""
