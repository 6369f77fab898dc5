"""Law 7: time near-linear in equations and leaves, from the first call on.

Each program is compiled at a size and at four times that. What is linear takes four times as long,
what is quadratic sixteen.
"""

import gc
import time

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import grad, jit, optim, tree, vmap
from funcgrad.core import record
from funcgrad.errors import StructureError

X = np.array([0.5, 1.0, 1.5])


def sines(x, n):
    for _ in range(n):
        x = np.sin(x * 1.01)
    return np.sum(x)


def branches(x, n):
    for _ in range(n):
        x = fg.cond(x > 0.0, lambda x: np.sin(x), lambda x: x * 2.0, x)
    return x


def loops(x, n):
    for _ in range(n):
        x, _ = fg.scan(lambda c, _: (np.sin(c), None), x, None, length=2)
    return np.sum(x)


def blocks(x, n):
    for _ in range(n):
        x = fg.checkpoint(lambda x: np.sin(x) * 2.0)(x)
    return np.sum(x)


def parts(x, n):
    return sum(x[i] * float(i) for i in range(n))


def windows(x, n):
    return sum(np.sum(x[i : i + 2]) for i in range(n - 1))


def updates(x, n):
    for i in range(n):
        x = fg.numpy.at(x)[i % 3].set(np.sin(x[(i + 1) % 3]))
    return np.sum(x)


def long_arrays(x, n):
    y = x
    for _ in range(n):
        x = np.sin(x * 1.01) + y
        y = y + np.sum(x) * 1e-9
    return np.sum(x)


def calls(x, n):
    inner = jit(lambda x: np.sin(x) * 1.01)
    for _ in range(n):
        x = inner(x)
    return np.sum(x)


def doubled(d):
    return {k: v * 2.0 for k, v in d.items()}


def total(d):
    return sum(np.sum(v * v) for v in d.values())


def carried(d):
    return fg.scan(lambda c, _: (doubled(c), None), d, None, length=2)[0]


def written(d):
    def step(c, _):
        return {k: fg.numpy.at(v)[0].add(1.0) for k, v in c.items()}, None

    return fg.scan(step, d, None, length=2)[0]


def until(d):
    return fg.while_loop(lambda c: np.sum(c[0]) < 9.0, doubled, d)


def either(d):
    return fg.cond(np.sum(d[0]) > 0.0, doubled, lambda d: d, d)


def called_back(d):
    shapes = {k: fg.ShapeDtypeStruct(v.shape, v.dtype) for k, v in d.items()}
    return fg.pure_callback(doubled, shapes, d)


@fg.custom_vjp
def own_rule(d):
    return total(d)


own_rule.defvjp(lambda d: (total(d), d), lambda d, ct: ({k: 2 * ct * v for k, v in d.items()},))

ADAM = optim.adam(1e-3)
# From the number of equations or leaves: a function and its arguments.
DEEP = {
    "a chain": lambda n: (grad(lambda x: sines(x, n)), X),
    "a chain of numbers": lambda n: (grad(lambda x: sines(x, n)), 1.0),
    "a batch of chains": lambda n: (vmap(grad(lambda x: sines(x, n))), X),
    "a second derivative": lambda n: (fg.hessian(lambda x: sines(x, n)), X),
    "a body": lambda n: (lambda x: fg.map(grad(lambda x: sines(x, n)), x), X),
    "branches": lambda n: (grad(lambda x: branches(x, n)), 1.0),
    "loops": lambda n: (grad(lambda x: loops(x, n)), X),
    "checkpoints": lambda n: (grad(lambda x: blocks(x, n)), X),
    "calls": lambda n: (grad(lambda x: calls(x, n)), X),
    "parts": lambda n: (grad(lambda x: parts(x, n)), np.ones(n)),
    "windows": lambda n: (grad(lambda x: windows(x, n)), np.ones(n)),
    "updates": lambda n: (grad(lambda x: updates(x, n)), X),
    "long arrays": lambda n: (lambda x: long_arrays(x, n), np.ones(40_000)),
    "what is stacked": lambda n: (grad(lambda x: np.sum(np.stack([x * i for i in range(n)]))), X),
    "rows": lambda n: (grad(lambda x: sum(row * 2.0 for row in x)), np.ones(n)),
}
WIDE = {
    "tree.map": lambda d: tree.map(lambda x: x * 2.0, d),
    "a gradient": grad(total),
    "an optimizer": lambda d: ADAM.update(d, ADAM.init(d), d),
    "a carry": carried,
    "the gradient of a carry": grad(lambda d: total(carried(d))),
    "a carry that is written to": written,
    "a while": until,
    "the gradient of a while": grad(lambda d: total(until(d))),
    "a branch": either,
    "a batch of branches": vmap(either),
    "a checkpoint": grad(lambda d: total(fg.checkpoint(doubled)(d))),
    "a callback": called_back,
    "a custom rule": grad(own_rule),
    "a call": lambda d: jit(doubled)(jit(doubled)(d)),
    "linearize": lambda d: fg.linearize(total, d)[1](d),
    "ravel": lambda d: tree.ravel(d)[0],
    "associative_scan": lambda d: fg.associative_scan(lambda a, b: {k: a[k] + b[k] for k in a}, d),
}
SIZES = {"branches": 300, "loops": 200, "parts": 1000, "windows": 1000, "rows": 2000}


def seconds(f, args):
    compiled = jit(f)
    gc.collect()
    start = time.process_time()
    compiled(*args)
    return time.process_time() - start


def check_near_linear(make, n):
    """Four times the size takes less than ten times as long; the machine may be busy at times."""
    seconds(*make(20))
    ratios = []
    for _ in range(4):
        ratios.append(seconds(*make(4 * n)) / seconds(*make(n)))
        if ratios[-1] < 8:
            return
    raise AssertionError(ratios)


@pytest.mark.parametrize("name", DEEP)
def test_long_programs(name):
    def make(n):
        f, *args = DEEP[name](n)
        return f, args

    check_near_linear(make, SIZES.get(name, 200))


@pytest.mark.parametrize("name", WIDE)
def test_many_leaves(name):
    def make(n):
        return WIDE[name], [{i: np.ones((2, 2)) for i in range(n)}]

    check_near_linear(make, 250)


# Python's search for cycles goes through all objects again and again while they become more.


def collections():
    return [stats["collections"] for stats in gc.get_stats()]


@pytest.mark.parametrize("make", [DEEP["a chain"], DEEP["loops"]], ids=["a chain", "loops"])
def test_cycles_are_not_looked_for_meanwhile(make):
    f, x = make(1000)
    gc.collect()
    before = collections()
    jit(f)(x)
    # A few where one program is traced and the next is not yet.
    assert sum(collections()) - sum(before) < 30
    assert gc.isenabled()


def test_whether_python_looks_for_cycles_stays_as_it_was():
    def wrong(x):
        raise ZeroDivisionError

    for on in (True, False):
        (gc.enable if on else gc.disable)()
        try:
            assert jit(lambda x: x * 2.0)(3.0) == 6.0
            with pytest.raises(ZeroDivisionError):
                jit(wrong)(3.0)
            assert gc.isenabled() is on
        finally:
            gc.enable()


def test_threads_that_meet_leave_it_on(monkeypatch):
    """Another thread turns it on again after this one has found it off."""

    def found_off():
        gc.enable()
        return False

    gc.disable()
    try:
        monkeypatch.setattr(record.gc, "isenabled", found_off)
        assert jit(lambda x: x * 2.0)(3.0) == 6.0
        monkeypatch.undo()
        assert gc.isenabled()
    finally:
        gc.enable()


# Calls of many leaves are recognised as a whole.

N = 1200


def leaves(n=N, dtype=float):
    return {f"w{i}": np.full(2, i, dtype) for i in range(n)}


class TestWide:
    def test_the_second_call_traces_nothing(self):
        traced = []
        f = jit(lambda d, x: traced.append(0) or (doubled(d), x * 2.0))
        for k in range(3):
            given = {name: x + k for name, x in leaves().items()}
            out, y = f(given, 1.5)
            np.testing.assert_array_equal(
                np.stack(list(out.values())), 2 * np.stack([*given.values()])
            )
            assert y == 3.0 and list(out) == list(given)
        assert len(traced) == 1

    @pytest.mark.parametrize(
        "change",
        [
            lambda d: {**d, "w7": d["w7"].astype(np.float32)},
            lambda d: {**d, "w7": d["w7"].astype(">f8")},
            lambda d: {**d, "w7": np.ones(3)},
            lambda d: {**d, "w7": 1.0},
            lambda d: {**d, "w7": np.float64(1.0)},
            lambda d: {**d, "w7": np.array(2.0)},
            lambda d: {**d, "w7": 3},
            lambda d: {**d, "w7": True},
            lambda d: {**d, "w7": np.True_},
            lambda d: {**d, "w7": [d["w7"]]},
            lambda d: {**d, "w7": None},
            lambda d: {**d, "w7": "text"},
            lambda d: dict(reversed(d.items())),
            lambda d: {k: d[k] for k in list(d)[1:]},
            lambda d: {**d, "more": d["w7"]},
        ],
    )
    def test_what_differs_is_traced_anew(self, change):
        def f(d, **kw):
            return [list(d), {k: v for k, v in d.items() if v is None or isinstance(v, str)}], [
                v * 2 for v in tree.leaves(d) if not isinstance(v, str)
            ]

        compiled = jit(f)
        first, other = leaves(), change(leaves())
        for args in (first, other, first, other):
            found, expected = compiled(args), f(args)
            assert found[0] == expected[0]
            for x, y in zip(found[1], expected[1], strict=True):
                np.testing.assert_array_equal(x, y)
                assert np.asarray(x).dtype == np.asarray(y).dtype.newbyteorder("=")

    def test_static_leaves(self):
        first, second = (lambda x: x * 2.0), (lambda x: x * 3.0)
        f = jit(lambda d, how, flag, word: ([how(v) for v in d.values()], flag, word, how))
        for how, flag, word in [
            (first, True, "a"),
            (second, True, "a"),
            (first, False, "a"),
            (first, True, "b"),
            (first, True, "".join(["a"])),
        ] * 2:
            out, *rest = f(leaves(), how, flag, word)
            np.testing.assert_array_equal(out[3], how(np.full(2, 3.0)))
            assert rest == [flag, word, how]
        assert f.cache_info().misses == 4

    def test_keywords(self):
        f = jit(lambda **kw: (list(kw), sum(kw.values())))
        given = leaves()
        turned = dict(reversed(given.items()))
        for args in (given, turned, given, turned):
            names, out = f(**args)
            assert names == list(args) and out[0] == N * (N - 1) / 2

    def test_static_arguments(self):
        f = jit(lambda d, n: [v * n for v in d.values()], static_argnums=1)
        for n in (2, 3, 2):
            assert f(leaves(), n)[5][0] == 5.0 * n

    def test_many_results(self):
        f = jit(lambda x: [x * float(i) for i in range(N)])
        for k in (1.0, 2.0):
            np.testing.assert_array_equal(np.stack(f(k * X))[7], 7 * k * X)

    def test_errors(self):
        f = jit(lambda d, i: d["w0"][i] + d["w7"])
        f(leaves(), 0)
        with pytest.raises(IndexError, match="out of bounds") as caught:
            f(leaves(), 5)
        assert "test_scale.py" in str(caught.value)
        assert len(caught.traceback) <= 3
        cyclic = leaves()
        cyclic["w0"] = [cyclic]
        with pytest.raises(StructureError, match="contains itself"):
            f(cyclic, 0)
        with pytest.raises(TypeError):
            f(leaves())

    def test_results_are_the_callers_own(self):
        f = jit(lambda d: d)
        given = leaves()
        f(given)
        out = f(given)
        assert not any(np.may_share_memory(out[k], given[k]) for k in given)


def test_functions_that_stand_before_the_programs():
    # More than Python compiles quickly inside of one.
    def f(x, k):
        for i in range(100):
            x = fg.cond(x > i / 50, lambda x: 1.0 / (x - 1.5), lambda x: x * 0.5 + 1.0, x)
        return x * k

    compiled = jit(f)
    for x in (0.3, 1.5, 2.0):
        with np.errstate(all="ignore"):
            assert compiled(x, 2.0) == f(np.float64(x), 2.0)
    text = compiled.source(0.3, 2.0)
    heads = [line for line in text.splitlines() if line.startswith("def ")]
    assert len(heads) > 100 and len(set(heads)) == len(heads)
    space = {}
    exec(text, space)
    assert space["f"](0.3, 2.0)[0] == compiled(0.3, 2.0)
