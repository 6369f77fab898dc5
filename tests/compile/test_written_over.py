"""Updates that compiled programs do to an array itself: where nobody else reads it, and only there.

Random bodies of loops over two buffers and a number write into them, keep views and whole buffers
for later, change their places, give them out; a compiled loop must give what Python's loop over
copies gives, in value and in gradient, and leave its arguments as they were.
"""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from funcgrad import fori_loop, grad, jit, scan, tree, vjp, vmap, while_loop
from funcgrad.numpy import at

STEPS = {
    "a[i] = s": lambda a, b, s, i, kept: (at(a)[i].set(s), b, s),
    "a[-1] = s": lambda a, b, s, i, kept: (at(a)[-1].set(s), b, s),
    "a[i] += s": lambda a, b, s, i, kept: (at(a)[i].add(s), b, s),
    "a[1:] = b[:-1]": lambda a, b, s, i, kept: (at(a)[1:].set(b[:-1]), b, s),
    "a[1:] = a[:-1]": lambda a, b, s, i, kept: (at(a)[1:].set(a[:-1]), b, s),
    "a[::2] += b[::2]": lambda a, b, s, i, kept: (at(a)[::2].add(b[::2]), b, s),
    "b[[0, 0]] += s": lambda a, b, s, i, kept: (a, at(b)[[0, 0]].add(s), s),
    "a *= b": lambda a, b, s, i, kept: (a * b, b, s),
    "a += a": lambda a, b, s, i, kept: (a + a, b, s),
    "swap": lambda a, b, s, i, kept: (b, a, s),
    "b = a": lambda a, b, s, i, kept: (a, a, s),
    "s = a[i]": lambda a, b, s, i, kept: (a, b, np.sin(a[i])),
    "s = b[0]": lambda a, b, s, i, kept: (a, b, np.cos(b[0])),
    "keep a": lambda a, b, s, i, kept: kept.append(a) or (a, b, s),
    "keep a[1:]": lambda a, b, s, i, kept: kept.append(a[1:]) or (a, b, s),
    "s from what was kept": lambda a, b, s, i, kept: (a, b, np.tanh(kept[-1][-1])),
    "a = what was kept": lambda a, b, s, i, kept: (
        (kept[-1] + 0 * s, b, s) if np.shape(kept[-1]) == np.shape(a) else (a, b, s)
    ),
}

A, B = np.array([0.3, -0.2, 0.5, 0.9]), np.array([-0.6, 0.4, 0.1, 0.7])


def body_of(names, given):
    """One step of the loop: the next carry, and what it gives out."""

    def body(carry, i):
        (a, b, s), kept = carry, [carry[1]]
        for name in names:
            a, b, s = STEPS[name](a, b, s, i, kept)
        out = {"row": a[1:3], "whole": b, "kept": kept[-1], "nothing": s}[given]
        return (0.5 * np.tanh(a) if given == "nothing" else a, b, s), out

    return body


def by_hand(body, carry, count):
    outs = []
    for i in range(count):
        carry, out = body(carry, i)
        outs.append(out)
    return carry, np.stack(outs)


programs = st.tuples(
    st.lists(st.sampled_from(list(STEPS)), min_size=1, max_size=6),
    st.sampled_from(["row", "whole", "kept", "nothing"]),
)


def check(f, expected, args):
    before = [np.array(x) for x in args]
    for actual, e in zip(tree.leaves(f(*args)), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(actual, e, rtol=1e-12, atol=1e-14)
    for x, e in zip(args, before, strict=True):
        np.testing.assert_array_equal(x, e)


@settings(max_examples=150)
@given(programs)
@example((["keep a[1:]", "a[i] = s", "s from what was kept"], "row"))
@example((["a[i] = s", "b = a"], "whole"))
@example((["a[-1] = s", "s from what was kept", "b = a"], "row"))
@example((["a[i] = s", "swap", "a[i] += s"], "kept"))
def test_scans(program):
    body = body_of(*program)

    def looped(a, b, s):
        return scan(body, (a, b, s), np.arange(3))

    def plain(a, b, s):
        return by_hand(body, (a, b, s), 3)

    def total(f):
        return lambda a, b, s: sum(np.sum(np.sin(leaf)) for leaf in tree.leaves(f(a, b, s)))

    args = (A, B, np.float64(0.8))
    check(jit(looped), plain(*args), args)
    check(jit(grad(total(looped), (0, 1, 2))), grad(total(plain), (0, 1, 2))(*args), args)


@settings(max_examples=60)
@given(programs)
@example((["a[i] = s", "s = a[i]"], "nothing"))
def test_whiles(program):
    body = body_of(*program)

    def looped(a, b, s):
        def step(c):
            return c[0] + 1, body(c[1], c[0])[0]

        return while_loop(lambda c: c[0] < 3, step, (0, (a, b, s)))[1]

    def plain(a, b, s):
        return by_hand(body, (a, b, s), 3)[0]

    def pulled(f):
        return lambda a, b, s: vjp(f, a, b, s)[1]((a, b, s))

    args = (A, B, np.float64(0.8))
    check(jit(looped), plain(*args), args)
    check(jit(pulled(looped)), pulled(plain)(*args), args)
    batch = tuple(np.stack([x, 0.5 * x]) for x in args)
    expected = [plain(*[x[k] for x in batch]) for k in range(2)]
    check(jit(vmap(looped)), tree.map(lambda *xs: np.stack(xs), *expected), batch)


def test_a_loop_writes_into_its_buffer():
    def fill(x):
        return fori_loop(0, 3, lambda i, b: b.at[i + 1].set(np.sin(b[i])), x)

    text = jit(fill).source(A)
    assert "put_at(" in text and "index_set(" not in text and "x.copy()" in text
    text = jit(grad(lambda x: np.sum(fill(x)))).source(A)
    assert "index_set(" not in text and "scatter_in(" in text


def test_an_array_that_the_program_made_is_written_over():
    def f(x):
        y = 2 * x
        return y.at[0].set(1.0).at[1:].add(x[1:])

    assert "np.array(" not in jit(f).source(A)
    check(jit(f), np.array([1.0, *(3 * A[1:])]), (A,))


@pytest.mark.parametrize("f", [
    lambda x: x.at[0].set(1.0),
    lambda x: (lambda y: (y.at[0].set(1.0), y))(2 * x),
    lambda x: (lambda y: (y[1:], y.at[2].set(1.0)))(2 * x),
    lambda x: (lambda y: y.at[1:].set(y[:-1]))(2 * x),
    lambda x: (lambda y: y.at[:].add(y))(2 * x),
    lambda x: (lambda y: y.reshape(2, 2).at[0].set(y[2:]))(2 * x),
    lambda x: np.broadcast_to(x[:1], (4,)).at[0].set(5.0),
])  # fmt: skip
def test_what_others_read_is_copied(f):
    args = (A,)
    expected = tree.map(np.asarray, vjp(f, A)[0])
    check(jit(f), expected, args)
