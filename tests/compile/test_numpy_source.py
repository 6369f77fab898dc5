"""The numpy backend: text that runs by itself, buffers used again, Python's floats, blocks."""

import gc
import inspect
import linecache
import re
import time
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funcgrad import (
    checkpoint,
    cond,
    fori_loop,
    grad,
    jit,
    jvp,
    make_jaxpr,
    nn,
    scan,
    switch,
    tree,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)
from funcgrad.compile.source import blocked_loops as loops
from funcgrad.compile.source import fusion as blocks
from funcgrad.compile.source.backend import NumpyProgram
from funcgrad.errors import OutOfBoundsError

RNG = np.random.default_rng(0)


def run_text(text, name, args, constants=()):
    """Run the text of a program in an empty namespace."""
    space = dict(constants)
    exec(compile(text, "<test>", "exec"), space)
    return space[name](*args)


def lecture(x, y, z):
    return (2 * x + y + 3 * z) ** 2 + (x + 3 * y + 4 * z) ** 2 * np.log(x**2 + y**2 + z**2)


def neuron(params, x, y):
    w, b = params["w"], params["b"]
    return np.mean((1.0 / (1.0 + np.exp(-(x @ w + b))) - y) ** 2)


PROGRAMS = {
    "scalars": (grad(lecture, argnums=(0, 1, 2)), (1.0, 2.0, 3.0)),
    "neuron": (
        value_and_grad(neuron),
        ({"w": np.ones(2), "b": 0.5}, RNG.standard_normal((5, 2)), np.ones(5)),
    ),
    "masks": (
        grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0) * np.linalg.norm(x))),
        (np.array([0.0, 1.0, 4.0]),),
    ),
    "indices": (
        lambda x, i: (x[i, 1:], x[::-1], x[..., None], np.take(x, i, axis=0)),
        (np.arange(6.0).reshape(2, 3), np.array([1, 0, -1])),
    ),
    "scatter": (
        grad(lambda x, i: np.sum(x[i] ** 2)),
        (np.arange(5.0), np.array([1, 1, 3])),
    ),
    "dtypes": (
        lambda x, n: (x.astype(np.float64) * n, n // 2, n % 3, x > 0.1, x * 0.1, ~(n > 1)),
        (np.float32([0.5, -1.0]), np.int32(7)),
    ),
    "complex": (
        lambda z: (z * (1 + 2j), np.abs(z), np.exp(1j * z).real, z / 3),
        (np.array([1 + 1j, 2.0]),),
    ),
    "reductions": (
        lambda x: (
            np.max(x, axis=0),
            np.prod(x),
            np.argmax(x),
            np.cumsum(x, axis=1),
            np.sort(x, axis=0),
            np.any(x > 2),
        ),
        (np.arange(6.0).reshape(2, 3),),
    ),
    "network": (
        value_and_grad(
            lambda p, x: nn.cross_entropy(nn.relu(x @ p[0]) @ p[1], np.array([0, 2, 1, 1]))
        ),
        ([RNG.standard_normal((3, 7)), RNG.standard_normal((7, 3))], RNG.standard_normal((4, 3))),
    ),
}


def recurrent(weights, x):
    def step(h, x):
        h = np.tanh(h @ weights[0] + x @ weights[1])
        return h, np.sum(h)

    h, sums = scan(step, np.zeros(3), x)
    return np.sum(h) + np.mean(sums**2)


def jvp_of(f):
    return lambda x: jvp(f, (x,), (1.0,))[1]


def newton(x):
    going = lambda s: abs(s * s - x) > 1e-12 * x  # noqa: E731
    return while_loop(going, lambda s: 0.5 * (s + x / s), x)


def branches(x, y):
    big = cond(x > y, lambda x: x * y, lambda x: x / y, x)
    return fori_loop(0, 3, lambda i, s: cond(s > 1.0, lambda s: s / 2, lambda s: s * 3, s), big)


PROGRAMS["scan"] = (
    value_and_grad(recurrent),
    ([RNG.standard_normal((3, 3)), RNG.standard_normal((2, 3))], RNG.standard_normal((5, 2))),
)
PROGRAMS["reversed scan"] = (
    lambda x: scan(lambda c, x: (c * 0.5 + x, (c, x * c)), 0.5, x, reverse=True),
    (np.arange(4.0),),
)
PROGRAMS["while"] = (newton, (7.0,))
PROGRAMS["cond"] = (grad(branches), (3.0, 2.0))
PROGRAMS["reversed while"] = (grad(newton), (7.0,))
PROGRAMS["while reversed twice"] = (grad(grad(newton)), (7.0,))
PROGRAMS["while within while, reversed"] = (
    grad(lambda x: while_loop(lambda s: s < 50.0, lambda s: s * newton(x) + newton(s), x)),
    (1.5,),
)
PROGRAMS["while within scan, reversed"] = (
    grad(lambda x: scan(lambda c, y: (newton(c + y), newton(y * x)), x, np.arange(1.0, 4.0))[0]),
    (1.5,),
)
PROGRAMS["while for lanes"] = (vmap(newton), (np.array([2.0, 9.0, 0.5]),))
PROGRAMS["reversed while for lanes"] = (vmap(grad(newton)), (np.array([2.0, 9.0, 1.0]),))
PROGRAMS["while for lanes, reversed twice"] = (
    vmap(grad(grad(newton))),
    (np.array([2.0, 9.0, 1.0]),),
)
PROGRAMS["booleans for lanes, reversed"] = (
    vmap(
        grad(
            lambda x: while_loop(
                lambda s: s[0] < 9.0,
                lambda s: (np.where(s[1], s[0] * 2.0, s[0] * s[0] + 1.0 + x), s[0] > 1.0),
                (x, x > 0.5),
            )[0]
        )
    ),
    (np.array([0.2, 0.7, 3.0]),),
)
PROGRAMS["cond for lanes"] = (
    vmap(grad(branches), in_axes=(0, None)),
    (np.array([3.0, 1.0, 2.0]), 2.0),
)
PROGRAMS["lanes within lanes"] = (
    vmap(lambda m: vmap(lambda x: cond(x > 1.0, newton, lambda x: x * m[0], x))(m)),
    (np.array([[0.5, 4.0], [2.0, 7.0]]),),
)
PROGRAMS["lanes of vectors"] = (
    vmap(lambda x: while_loop(lambda s: np.sum(s) < 9.0, lambda s: s * s + 1.0, x)),
    (np.array([[0.5, 1.5], [2.0, 0.1], [4.0, 7.0]]),),
)
PROGRAMS["checkpoint"] = (
    grad(lambda x: np.sum(checkpoint(lambda x: np.sin(np.exp(x)))(x) ** 2)),
    (np.arange(3.0),),
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_text_runs_by_itself(name):
    f, args = PROGRAMS[name]
    compiled = jit(f)
    expected = tree.leaves(f(*args))
    text = compiled.source(*args)
    assert "run by funcgrad" not in text
    function = re.findall(r"^def (\w+)\(", text, re.M)
    own = [n for n in function if not n.endswith("_in_numpy")][-1]
    for variant in {own, *[n for n in function if n == f"{own}_in_numpy"]}:
        results = run_text(text, variant, tree.leaves(args))
        for a, e in zip(results, expected, strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-15)
    for a, e in zip(tree.leaves(compiled(*args)), expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-15)
        assert a.dtype == np.asarray(e).dtype


def test_each_line_carries_its_equation_and_the_users_line():
    def f(x, table):
        y = x * 2.0
        return np.sin(y) + table

    text = jit(f).source(1.5, np.ones(3))
    line = f.__code__.co_firstlineno
    assert text == (
        "import numpy as np\n\n\n"
        "def f(x, table):\n"
        f"    a = x * 2.0           # mul x 2.0  test_numpy_source.py:{line + 1} in f\n"
        f"    b = float(np.sin(a))  # sin a  test_numpy_source.py:{line + 2} in f\n"
        f"    c = b + table         # add b table  test_numpy_source.py:{line + 2} in f\n"
        "    return (c,)\n"
    )


def test_names_of_arguments():
    def f(params, np, *rest, v, **more):
        return params["w"] + params["b"][0] + np + rest[0] + v + more["sum"]

    text = jit(f).source({"w": 1.0, "b": [2.0]}, 3.0, 4.0, v=5.0, sum=6.0)
    assert "def f(params_b_0, params_w, np_, x2, sum_, v_):" in text
    assert jit(f)({"w": 1.0, "b": [2.0]}, 3.0, 4.0, v=5.0, sum=6.0) == 21.0


def test_control_flow_is_pythons():
    def f(x, y):
        s = while_loop(lambda s: s < 10.0, lambda s: s * x, y)
        return cond(s > 20.0, lambda s: s - 1.0, lambda s: s + 1.0, s)

    text = re.sub(r" +#.*", "", jit(f).source(2.0, 3.0))
    assert text == (
        "import numpy as np\n\n\n"
        "def f(x, y):\n\n"
        "    def condition(a):\n"
        "        b = a < 10.0\n"
        "        return (b,)\n\n"
        "    def step(c, d):\n"
        "        e = d * c\n"
        "        return (e,)\n\n"
        "    g = y\n"
        "    while condition(g)[0]:\n"
        "        g, = step(x, g)\n"
        "    h = g > 20.0\n"
        "    j = np.int64(h)\n\n"
        "    def otherwise(k):\n"
        "        l = k + 1.0\n"
        "        return (l,)\n\n"
        "    def then(m):\n"
        "        n = m - 1.0\n"
        "        return (n,)\n\n"
        "    if j:\n"
        "        o, = then(g)\n"
        "    else:\n"
        "        o, = otherwise(g)\n"
        "    return (np.float64(o),)\n"
    )
    assert jit(f)(2.0, 3.0) == 13.0
    assert jit(f)(9.0, 3.0) == 26.0


def test_a_reversed_while_is_two_loops_and_lists():
    text = re.sub(r" +#.*", "", jit(grad(newton)).source(7.0))
    first = text[text.index("    while condition(") : text.index("    def backward_of_step(")]
    assert re.sub(r"\b[a-z]\b", "v", first) == (
        "    while condition(v, v, v)[0]:\n"
        "            v, v, v = forward_of_step(v, v)\n"
        "            v.append(v)\n"
        "            v.append(v)\n\n    "
    )
    assert re.search(r"for (\w+) in reversed\(range\(len\(\w\)\)\):", text)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: cond(x > 1.0, newton, lambda x: x * x, x),
        lambda x: while_loop(lambda s: s < 50.0, lambda s: s * newton(x) + 5 * newton(s), x),
        lambda x: np.sum(vmap(newton)(x * np.arange(1.0, 4.0))),
        lambda x: np.sum(
            vmap(lambda y: fori_loop(0, 3, lambda i, c: newton(c) * y, y))(x * np.arange(1.0, 4.0))
        ),
        lambda x: np.sum(
            vmap(lambda y: cond(y > x, newton, lambda y: y * x, y))(x * np.arange(1.0, 4.0))
        ),
    ],
)
def test_tapes_that_are_no_lists(f):
    for derivative in (grad(f), grad(grad(f)), grad(jit(f)), jvp_of(grad(f))):
        for x in (0.7, 1.7):
            np.testing.assert_allclose(jit(derivative)(x), derivative(x), rtol=1e-12)


def test_branches_are_handed_what_they_read():
    f = lambda x: fori_loop(0, 4, lambda i, s: cond(s > 1.0, np.sin, lambda s: s * 3, s), x)  # noqa: E731
    text = re.sub(r" +#.*", "", jit(grad(f)).source(1.0))
    # Of a step the gradient reads which branch it took, and the cosine.
    assert re.findall(r"np.empty\(\(4,\), np.(\w+)\)", text) == ["int64", "float64"]
    np.testing.assert_allclose(jit(grad(f))(0.4), grad(f)(0.4), rtol=1e-12)


def test_dead_results_of_branches():
    pair = lambda x: cond(x > 1.0, lambda x: (x, np.exp(x)), lambda x: (-x, x), x)  # noqa: E731
    f = lambda x: pair(x)[0] * 2.0  # noqa: E731
    assert "exp" not in jit(f).source(1.0)
    assert "exp" not in jit(vmap(f)).source(np.ones(2))
    assert jit(f)(3.0) == 6.0
    np.testing.assert_array_equal(jit(vmap(f))(np.array([3.0, -1.0])), [6.0, 2.0])


def test_switch():
    f = jit(lambda i, x: switch(i, [lambda x: x, lambda x: x * x, lambda x: -x], x))
    assert "one_of((branch_0, branch_1, branch_2,), " in f.source(1, 3.0)
    assert [f(i, 3.0) for i in (0, 1, 2)] == [3.0, 9.0, -3.0]
    for i in (-1, 3):
        with pytest.raises(OutOfBoundsError) as plain:
            switch(i, [lambda x: x] * 3, 3.0)
        with pytest.raises(OutOfBoundsError) as compiled:
            f(i, 3.0)
        assert (compiled.value.what, compiled.value.fix) == (plain.value.what, plain.value.fix)
        line = inspect.getsourcelines(test_switch)[1] + 1
        assert compiled.value.where == f"test_numpy_source.py:{line} in <lambda>"


def test_scans_keep_what_is_read():
    def loss(w, x):
        return np.sum(scan(lambda h, x: (np.tanh(h @ w + x), x[0]), np.zeros(3), x)[0])

    args = RNG.standard_normal((3, 3)), RNG.standard_normal((6, 3))
    text = jit(grad(loss)).source(*args)
    # Of a step the gradient reads its state before, and the derivative of tanh after it.
    assert len(re.findall(r"np.empty\(\(6, 3\)", text)) == 2
    np.testing.assert_allclose(jit(grad(loss))(*args), grad(loss)(*args), rtol=1e-12)


@pytest.mark.parametrize("x", [0.0, -0.0, 1e200, -1.0, 2.0])
def test_where_pythons_floats_raise_inside_loops(x):
    def f(x):
        s = fori_loop(0, 3, lambda i, s: 1.0 / (s * s), x)
        t = while_loop(lambda t: t[1] < 3, lambda t: (np.sqrt(t[0]) - 1.0, t[1] + 1), (x, 0))[0]
        return s, cond(x > 0.5, lambda x: x**3, lambda x: x**-1, x), t

    def plain(x):
        s = t = x
        for _ in range(3):
            s, t = 1.0 / (s * s), np.sqrt(t) - 1.0
        return s, x**3 if x > 0.5 else x**-1, t

    with np.errstate(all="ignore"):
        for a, e in zip(jit(f)(x), plain(np.float64(x)), strict=True):
            np.testing.assert_array_equal(a, e)


def test_small_captured_arrays_are_written_out_and_large_ones_named():
    small, large = np.array([1.0, 2.0]), np.arange(100.0)
    f = jit(lambda x: (x * small, x + large))
    text = f.source(2.0)
    assert "a = np.array([1.0, 2.0], np.float64)" in text
    assert "# b: a captured array, float64[100]" in text
    results = run_text(text, "f", [2.0], {"b": large})
    np.testing.assert_array_equal(results[1], 2.0 + large)


@pytest.mark.parametrize(
    ("dtype", "number"),
    [(np.float32, 0.1), (np.float16, 0.1), (np.longdouble, np.longdouble("0.1")), (np.int8, 7)],
)
def test_literals_keep_their_value_and_dtype(dtype, number):
    x = np.array([1, 2, 3], dtype)
    constant = dtype(number)
    f = lambda x: (x * constant, np.where(x > 1, constant, dtype(1)), constant * dtype(2))  # noqa: E731
    for a, e in zip(jit(f)(x), f(x), strict=True):
        np.testing.assert_array_equal(a, e, strict=True)


def test_names_do_not_run_out():
    def f(x):
        values = [x]
        for i in range(800):
            values.append(values[i] * 1.001 + values[i // 2])
        return sum(values)

    half = np.float64(0.5)  # sums of Python's floats are compensated from Python 3.12 on
    assert jit(f)(half) == f(half)
    np.testing.assert_array_equal(jit(f)(np.ones(3)), f(np.ones(3)))


class TestPythonsFloats:
    """Scalars are Python floats; where those raise, the answer is still NumPy's."""

    @pytest.mark.parametrize(
        ("f", "args"),
        [
            (lambda x, y: x / y, (1.0, 0.0)),
            (lambda x, y: x / y, (-1.0, 0.0)),
            (lambda x, y: x / y, (0.0, 0.0)),
            (lambda x, y: x / y, (1.0, -0.0)),
            (lambda x, y: (x**3) * y, (1e200, 1.0)),
            (lambda x, y: x**-2 + y, (0.0, 1.0)),
            (lambda x, y: np.sqrt(x) + y, (-1.0, 1.0)),
            (lambda x, y: np.exp(x) * y, (1000.0, 1.0)),
            (lambda x, y: x**0.5 * y, (-1.0, 1.0)),
            (lambda x, y: x % y, (1.0, 0.0)),
            (lambda x, y: x // y, (1.0, 0.0)),
            (lambda x, y: np.where(x > y, x / y, 1.0), (1.0, 0.0)),
            (lambda x, y: np.arctan2(x, y) * abs(x), (np.inf, -np.inf)),
            (grad(lambda x, y: np.sqrt(x) * y), (0.0, 1.0)),
            (grad(lambda x, y: np.sqrt(x * x) * y), (0.0, 1.0)),
            (grad(lambda x, y: np.log(x) * y), (0.0, 0.0)),
        ],
    )
    def test_where_they_raise(self, f, args):
        strong = [np.float64(a) for a in args]
        with np.errstate(all="ignore"):
            expected = f(*strong)
            for given_args in (args, strong, args):
                result = jit(f)(*given_args)
                assert type(result) is np.float64
                np.testing.assert_array_equal(result, expected)
                if expected == 0:
                    assert np.signbit(result) == np.signbit(expected)

    def test_a_program_recovers(self):
        f = jit(lambda x: 1.0 / x)
        with np.errstate(divide="ignore"):
            assert [f(x) for x in (2.0, 0.0, 4.0, -0.0)] == [0.5, np.inf, 0.25, -np.inf]
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            f(0.0)

    def test_errors_are_raised_once(self):
        def f(x, table, i):
            return (1.0 / x) * table[i]

        with pytest.raises(IndexError):
            jit(f)(1.0, np.arange(3.0), np.int64(7))
        with np.errstate(divide="ignore"), pytest.raises(IndexError) as error:
            jit(f)(0.0, np.arange(3.0), np.int64(7))
        assert error.value.__context__ is None or error.value.__suppress_context__

    def test_scalars_among_arrays(self):
        def f(x, rate):
            scale = 1.0 / (1.0 + rate * rate)
            total = np.sum(x) * scale
            return x * scale - total, total > 0.5, -total

        text = jit(f).source(np.ones(3), 0.5)
        assert "float(np.add.reduce" in text
        for a, e in zip(jit(f)(np.arange(3.0), 0.5), f(np.arange(3.0), 0.5), strict=True):
            np.testing.assert_array_equal(a, e, strict=True)
            assert type(a) is type(e)

    def test_booleans(self):
        def f(x, y):
            p, q = x > y, x == y
            return p & q, ~p, p | q, np.where(p, x, y), p.astype(float) + 1, np.logical_not(p)

        two = np.float64(2.0)
        for args in ((np.float64(1.0), two), (np.float32(2.0), np.float32(1.0)), (two, np.ones(3))):
            for a, e in zip(jit(f)(*args), f(*args), strict=True):
                np.testing.assert_array_equal(a, e, strict=True)
                assert isinstance(a, np.ndarray if a.ndim else np.generic)

    def test_single_precision_is_not_python(self):
        f = lambda x: x * x * x / (x + 1)  # noqa: E731
        x = np.float32(0.1)
        result = jit(f)(x)
        assert type(result) is np.float32
        assert result == f(x)
        assert "float(" not in jit(f).source(x)


class TestBuffers:
    def test_dead_buffers_are_used_again(self):
        def f(x):
            for _ in range(10):
                x = np.sin(x) + np.cos(x) * 0.5
            return x

        x = RNG.standard_normal(10_000)
        text = jit(f).source(x)
        assert text.count("out=") >= 37
        np.testing.assert_array_equal(jit(f)(x), f(x))

    def test_memory_in_use(self):
        def f(x):
            for _ in range(50):
                x = np.sin(x) + np.cos(x) * x
            return x[:10]

        x = RNG.standard_normal((3, 10_000))
        compiled = jit(f)
        expected = compiled(x)
        tracemalloc.start()
        try:
            result = compiled(x)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        np.testing.assert_array_equal(result, expected)
        assert peak < 5 * x.nbytes

    def test_views_of_a_buffer_keep_it(self):
        def f(x):
            a = np.exp(x)
            row, flat, turned = a[0], a.reshape(-1), a.T
            b = a * 2.0
            c = np.sin(b) + row
            return np.sum(flat * flat) + np.sum(turned @ c)

        x = RNG.standard_normal((60, 60))
        np.testing.assert_allclose(jit(f)(x), f(x), rtol=1e-12)
        np.testing.assert_allclose(jit(grad(f))(x), grad(f)(x), rtol=1e-12, atol=1e-10)

    def test_arguments_and_constants_are_no_buffers(self):
        table = RNG.standard_normal(5000)
        kept = table.copy()
        f = jit(lambda x, y: (np.exp(x + table), np.exp(table * y), x.T * 2.0, y))
        x, y = RNG.standard_normal(5000), RNG.standard_normal(5000)
        x.flags.writeable = y.flags.writeable = False
        first = f(x, y)
        for a in first:
            a[:] = 0.0
        np.testing.assert_array_equal(f(x, y)[0], np.exp(x + kept))

    @settings(max_examples=60)
    @given(st.data())
    def test_random_programs_of_views_and_operations(self, data):
        operations = [
            lambda a: a * 1.5,
            lambda a: a.T,
            lambda a: a[::-1],
            lambda a: a.reshape(-1).reshape(a.shape),
            np.sin,
            lambda a: np.broadcast_to(a[:1], a.shape),
            lambda a: a.T.reshape(a.shape),
            lambda a: -a,
        ]
        steps = data.draw(
            st.lists(st.tuples(st.integers(0, 7), st.integers(0, 5), st.integers(0, 5)), max_size=9)
        )

        def f(x):
            known = [x]
            for which, i, j in steps:
                a = operations[which](known[-1 - i % len(known)])
                known.append(a + known[-1 - j % len(known)] if j % 2 else a)
            return known

        x = np.arange(900.0).reshape(30, 30) / 900
        kept = x.copy()
        for a, e in zip(jit(f)(x), f(x), strict=True):
            np.testing.assert_array_equal(a, e)
        np.testing.assert_array_equal(x, kept)


@pytest.fixture
def tiny_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "_ELEMENTS_LEAST", 8)
    monkeypatch.setattr(loops, "_BLOCK_BYTES", 64)


def long_elementwise(x, w):
    return np.sum(np.tanh(x * w) * np.exp(-x * x) + np.log1p(x * x) * np.sin(x))


@pytest.mark.usefixtures("tiny_blocks")
class TestBlocks:
    @pytest.mark.parametrize("shape", [(8,), (16,), (19,), (3, 7), (2, 3, 4)])
    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_values_and_gradients(self, shape, dtype):
        x = RNG.standard_normal(shape).astype(dtype)
        w = RNG.standard_normal(shape).astype(dtype)
        f = value_and_grad(long_elementwise, argnums=(0, 1))
        compiled = jit(f)
        assert "elements at a time" in compiled.source(x, w)
        value, slopes = compiled(x, w)
        expected, expected_slopes = f(x, w)
        assert value.dtype == dtype
        np.testing.assert_allclose(value, expected, rtol=1e-5 if dtype is np.float32 else 1e-14)
        for a, e in zip(slopes, expected_slopes, strict=True):
            np.testing.assert_array_equal(a, e, strict=True)

    @pytest.mark.parametrize(
        "make", [lambda x: x.T, lambda x: x[:, ::2], lambda x: np.broadcast_to(x[:1], (9, 8))]
    )
    def test_layouts(self, make):
        x = make(np.arange(40.0).reshape(5, 8))
        f = lambda x: np.exp(-x) * x + np.sin(x)  # noqa: E731
        np.testing.assert_array_equal(jit(f)(x), f(x))

    def test_booleans_and_selects(self):
        def f(x, y):
            up = (x > y) & (x > 0)
            return np.where(up, x * y, -x), up, np.maximum(x, y) * 2.0, ~up

        x, y = RNG.standard_normal((2, 21))
        assert "elements at a time" in jit(f).source(x, y)
        for a, e in zip(jit(f)(x, y), f(x, y), strict=True):
            np.testing.assert_array_equal(a, e, strict=True)

    def test_integers_and_scalars(self):
        def f(n, k, x):
            m = n * k + 3
            return m * m - n, x * 2.0 + x / k, np.sum(x * x * x)

        args = np.arange(-10, 10), np.int64(3), RNG.standard_normal(20)
        for a, e in zip(jit(f)(*args), f(*args), strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-14, strict=True)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0])
    @pytest.mark.parametrize("at", [0, 10, 18])
    def test_masked_products_at_special_values(self, bad, at):
        # Plain products would be nan where masked ones are 0.
        def f(x):
            safe = np.where(x > 0, np.log(x) * np.sqrt(x), 0.0)
            return np.sum(safe * np.exp(x) + np.log1p(x * x) * np.sin(x))

        x = np.linspace(0.1, 2.0, 19)
        x[at] = bad
        with np.errstate(all="ignore"):
            compiled = jit(grad(f))
            assert "return f_in_numpy(x)" in compiled.source(x)
            np.testing.assert_array_equal(compiled(x), grad(f)(x))

    def test_no_warning_where_the_plain_call_gives_none(self):
        f = grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x) * np.exp(x) * 2.0, 0.0)))
        x = np.linspace(0.0, 2.0, 19)
        np.testing.assert_array_equal(jit(f)(x), f(x))

    def test_runs_that_wait_for_one_another(self):
        # Two runs over one shape with a product between, and a third that both feed.
        def f(x, w):
            a = np.sin(x) * 2.0 + x
            b = np.tanh(a @ w) * a + 1.0
            c = np.cos(x) * 3.0 - b
            total = np.sum(c * b + a)
            d = c * total + np.exp(-a * a)
            return d, np.sum(d), b * d

        x, w = RNG.standard_normal((2, 5, 5))
        for a, e in zip(jit(f)(x, w), f(x, w), strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-12)
        g = grad(lambda x, w: sum(np.sum(r) for r in f(x, w)))
        np.testing.assert_allclose(jit(g)(x, w), g(x, w), rtol=1e-11)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_random_programs(self, data):
        unary = [np.sin, np.negative, np.exp, lambda a: a.T, lambda a: a * np.sum(a)]
        unary += [lambda a: a @ a, lambda a: np.where(a > 0, a, 0.0), np.tanh]
        binary = [np.add, np.multiply, np.subtract, np.maximum, lambda a, b: a @ b]
        index = st.integers(0, 30)
        steps = data.draw(
            st.lists(st.tuples(st.booleans(), index, index, index), min_size=3, max_size=14)
        )

        def f(x):
            known = [x]
            for one, which, i, j in steps:
                a, b = known[-1 - i % len(known)], known[-1 - j % len(known)]
                made = unary[which % 8](a) if one else binary[which % 5](a, b)
                known.append(np.tanh(made))
            return known[1:]

        x = RNG.standard_normal((3, 3))
        for a, e in zip(jit(f)(x), f(x), strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-11, atol=1e-13)
        g = lambda x: vjp(f, x)[1]([np.ones((3, 3))] * len(steps))  # noqa: E731
        np.testing.assert_allclose(jit(g)(x)[0], g(x)[0], rtol=1e-9, atol=1e-11)

    def test_arguments_named_as_generated_names_are(self):
        def f(a, a_all, a_part, v, i, part, f_in_numpy):
            return np.exp(a) * a_all + a_part * v - np.sin(i) * part + f_in_numpy * a

        args = [RNG.standard_normal(20) for _ in range(7)]
        np.testing.assert_array_equal(jit(f)(*args), f(*args))

    def test_blocks_inside_loops(self):
        def f(x):
            def step(i, x):
                return np.where(x > 0, np.sqrt(x) * np.exp(-x), 0.0) + 0.1 * np.sin(x)

            return np.sum(fori_loop(0, 3, step, x))

        for x in (np.linspace(0.1, 2.0, 19), np.linspace(0.0, 2.0, 19)):
            assert "elements at a time" in jit(grad(f)).source(x)
            np.testing.assert_array_equal(jit(grad(f))(x), grad(f)(x))

    def test_results_are_owned(self):
        f = jit(lambda x: (np.exp(x) * x + 1.0, (np.sin(x) * x - x).T))
        x = np.arange(16.0).reshape(4, 4)
        for a in f(x):
            assert a.flags.owndata
            assert a.flags.writeable
            assert not np.shares_memory(a, x)


def test_blocks_at_full_size():
    n = 100_003
    for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-4)):
        x = RNG.standard_normal(n).astype(dtype)
        w = RNG.standard_normal(n).astype(dtype)
        f = value_and_grad(long_elementwise)
        value, slope = jit(f)(x, w)
        expected, expected_slope = f(x, w)
        np.testing.assert_allclose(value, expected, rtol=rtol)
        np.testing.assert_array_equal(slope, expected_slope, strict=True)


def test_sums_in_blocks_are_precise():
    # NumPy sums in pairs; block sums are added up in double precision.
    x = RNG.random(3_000_000).astype(np.float32)
    f = lambda x: np.sum(np.sqrt(x) * x + x)  # noqa: E731
    exact = np.sum(np.sqrt(x.astype(np.float64)) * x + x, dtype=np.float64)
    assert "elements at a time" in jit(f).source(x)
    assert jit(f)(x) == pytest.approx(exact, rel=1e-6)


def test_long_programs():
    def chain(n):
        def f(x, a, b):
            for _ in range(n // 2):
                x = x * a
                x = x + b
            return x

        return f

    def seconds(n):
        gc.collect()
        gc.disable()  # its cost is that of whatever else the process holds
        try:
            start = time.process_time()
            compiled = jit(grad(chain(n), argnums=(0, 1, 2)))
            result = compiled(1.0, 0.9999, 0.01)
            spent = time.process_time() - start
        finally:
            gc.enable()
        assert result[0] == pytest.approx(0.9999 ** (n // 2), rel=1e-9)
        return spent

    seconds(100)
    small, large = seconds(3_000), seconds(30_000)
    assert large < 40 * small


@pytest.mark.parametrize("read", [True, False])
def test_tracebacks_find_the_text_and_let_go_of_it(read):
    jaxpr = make_jaxpr(lambda x: np.linalg.cholesky(x))(np.eye(2))
    program = NumpyProgram(jaxpr, [], True)
    name, gone = program.filename, weakref.ref(program)
    if read:
        assert "cholesky" in linecache.getline(name, 2)
    assert name in linecache.cache
    del program
    gc.collect()
    assert gone() is None
    assert name in linecache.cache  # which may be walked over just now
    other = NumpyProgram(jaxpr, [], True)
    assert name not in linecache.cache and other.filename in linecache.cache


def test_programs_may_go_while_a_traceback_is_made():
    jaxpr = make_jaxpr(lambda x: np.linalg.cholesky(x))(np.eye(2))
    program = [NumpyProgram(jaxpr, [], True)]
    names = list(linecache.cache)
    assert program.pop().filename in names
    gc.collect()
    for name in names:
        assert linecache.cache[name]


def test_programs_are_let_go_of():
    f = jit(lambda x: np.sin(x) * 2.0)
    f(1.0)
    traced = next(iter(f._programs.values()))
    held = [weakref.ref(x) for x in (f, traced, traced.jaxpr, traced.program)]
    grad(f)(1.0)
    del f, traced
    gc.collect()
    assert [x() for x in held] == [None] * 4


@pytest.mark.parametrize("x", [0.5, -0.5, 0.0, -0.0, 3.7, np.nan])
@pytest.mark.parametrize("over", ["bool", "int64", "float32", "float64"])
@pytest.mark.parametrize("to", ["bool", "int64", "float64"])
def test_chains_of_conversions_of_scalars(x, over, to):
    if np.isnan(x) and "int64" in (over, to):
        return  # undefined in C

    def chain(x):
        return ((x * 1.0).astype(over).astype(to) * 1, np.where((x * 1.0).astype(over), 2.0, 3.0))

    found, expected = jit(chain)(np.float64(x)), chain(np.float64(x))
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
