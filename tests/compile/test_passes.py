"""The passes: each does what it says, and none changes a bit of a result."""

import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from funcgrad import check, grad, jit, make_jaxpr, tree, value_and_grad, vjp
from funcgrad.compile.passes.pipeline import dead_code, inline_calls, optimise
from funcgrad.control.program.call import Call
from funcgrad.core.ir import Equation, Jaxpr, Literal, Var, make_aval
from funcgrad.core.record import run
from funcgrad.numpy import at
from funcgrad.ops.index import Scatter
from funcgrad.ops.kinds import add, mul

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, 1e-300, 1e300, np.inf, -np.inf, np.nan]

UNARY = {
    "-{}": lambda x: -x,
    "abs({})": abs,
    "np.exp({})": np.exp,
    "np.log({})": np.log,
    "np.sin({})": np.sin,
    "np.sqrt({})": np.sqrt,
    "np.tanh({})": np.tanh,
    "np.square({})": np.square,
    "{} ** 2": lambda x: x**2,
    "{} ** -1": lambda x: x**-1,
}
BINARY = {
    "{} + {}": lambda x, y: x + y,
    "{} - {}": lambda x, y: x - y,
    "{} * {}": lambda x, y: x * y,
    "{} / {}": lambda x, y: x / y,
    "np.maximum({}, {})": np.maximum,
    "np.where({0} > 0, {1}, {0})": lambda x, y: np.where(x > 0, y, x),
    "np.where({0} == {1}, -{0}, 1.0)": lambda x, y: np.where(x == y, -x, 1.0),
}


@st.composite
def elementwise_programs(draw):
    """A function of x and y by random operations, on numbers that rewrites could mistreat."""
    steps = draw(
        st.lists(
            st.one_of(
                st.tuples(st.sampled_from(list(UNARY)), st.integers(0, 99)),
                st.tuples(st.sampled_from(list(BINARY)), st.integers(0, 99), st.integers(0, 99)),
                st.tuples(st.just("number"), st.sampled_from(SPECIAL[:7])),
            ),
            min_size=2,
            max_size=14,
        )
    )

    def program(x, y):
        known = [x, y]
        for name, *operands in steps:
            if name == "number":
                known.append(operands[0])
                continue
            # The latest values come first, so that long chains are likely.
            values = [known[-1 - i % len(known)] for i in operands]
            if all(isinstance(v, float) and not isinstance(v, np.floating) for v in values):
                values[0] = known[0]
            known.append((UNARY.get(name) or BINARY[name])(*values))
        return [v for v in known if not isinstance(v, float) or isinstance(v, np.floating)]

    program.steps = steps
    return program


def same_bits(actual, expected):
    """Equal, zeros with equal signs; one nan is as good as another."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    np.testing.assert_array_equal(actual, expected, strict=True)
    if expected.dtype.kind == "f":
        there = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(actual)[there], np.signbit(expected)[there])


NUMBERS = st.lists(st.sampled_from(SPECIAL), min_size=3, max_size=3).map(np.array)


@settings(max_examples=150)
@given(elementwise_programs(), NUMBERS, NUMBERS)
def test_no_pass_changes_a_bit(program, x, y):
    with np.errstate(all="ignore"):
        expected = program(x, y)
        for values in ((x, y), (np.float64(x[0]), np.float64(y[0])), (x, np.float64(y[0]))):
            jaxpr = make_jaxpr(program)(*values)
            optimised, constants = optimise(jaxpr)
            check(optimised)
            for a, e in zip(run(optimised, [*constants, *values]), program(*values), strict=True):
                same_bits(a, e)
    assert len(expected) == len(jaxpr.outputs)


@settings(max_examples=150)
@given(elementwise_programs(), NUMBERS, NUMBERS)
def test_nor_does_compiling(program, x, y):
    with np.errstate(all="ignore"):
        compiled = jit(program)
        for values in ((x, y), (np.float64(x[0]), np.float64(y[0])), (x, np.float64(y[0]))):
            for a, e in zip(compiled(*values), program(*values), strict=True):
                same_bits(a, e)
        # Python's floats raise where NumPy's do not: theirs is the answer.
        for a, e in zip(
            compiled(float(x[0]), float(y[0])), program(np.float64(x[0]), np.float64(y[0]))
        ):
            same_bits(a, e)


@settings(max_examples=100)
@given(elementwise_programs(), NUMBERS, NUMBERS, NUMBERS)
def test_gradients_keep_their_bits(program, x, y, ct):
    # Through selects and singular points, where cotangents are masked.
    def pulled(x, y, ct):
        out, pullback = vjp(lambda x, y: program(x, y)[-1], x, y)
        return pullback(out * 0 + ct) if np.ndim(out) else pullback(ct[0])

    with np.errstate(all="ignore"):
        for values in ((x, y, ct), (np.float64(x[0]), np.float64(y[0]), ct)):
            for a, e in zip(jit(pulled)(*values), pulled(*values), strict=True):
                same_bits(a, e)


SHORT = {
    "{0}[{k}]": lambda v, w, a, b, k: v[k],
    "{0}[{k} - 3]": lambda v, w, a, b, k: v[k - 3],
    "np.stack([{2}, {0}[{k}], {3}])": lambda v, w, a, b, k: np.stack([a, v[k], b]),
    "sum of its elements": lambda v, w, a, b, k: (lambda x, y, z: x - y * z)(*v),
    "{0} + {1}": lambda v, w, a, b, k: v + w,
    "{0} - {2}": lambda v, w, a, b, k: v - a,
    "{0} * {1}": lambda v, w, a, b, k: v * w,
    "{2} * {0}": lambda v, w, a, b, k: a * v,
    "-{0}": lambda v, w, a, b, k: -v,
    "{0} / 3": lambda v, w, a, b, k: v / 3.0,
    "{0} / {1}": lambda v, w, a, b, k: v / w,
    "{2} + {3}": lambda v, w, a, b, k: a + b,
    "{0}.at[{k}].add({2})": lambda v, w, a, b, k: at(v)[k].add(a),
    "np.exp({0})": lambda v, w, a, b, k: np.exp(v),
}


@st.composite
def short_vector_programs(draw):
    """A function of two vectors of 3, of their elements and of vectors put together of those."""
    three = st.integers(0, 9)
    steps = draw(
        st.lists(
            st.tuples(st.sampled_from(list(SHORT)), three, three, three, three, st.integers(0, 2)),
            min_size=3,
            max_size=14,
        )
    )

    def program(x, y):
        vectors, numbers = [x, y], [x[0], y[2]]
        for name, i, j, k, m, place in steps:
            v, w = [vectors[-1 - n % len(vectors)] for n in (i, j)]
            a, b = [numbers[-1 - n % len(numbers)] for n in (k, m)]
            found = SHORT[name](v, w, a, b, place)
            (vectors if np.ndim(found) else numbers).append(found)
        return vectors[-1], numbers[-1]

    program.steps = steps
    return program


@settings(max_examples=200)
@given(short_vector_programs(), NUMBERS, NUMBERS, NUMBERS)
def test_elements_of_short_vectors_keep_their_bits(program, x, y, ct):
    def pulled(x, y, ct):
        out, pullback = vjp(program, x, y)
        return out, pullback((ct, ct[0]))

    with np.errstate(all="ignore"):
        for f, args in ((program, (x, y)), (pulled, (x, y, ct))):
            expected = tree.leaves(f(*args))
            for backend in ("numpy", "run"):
                found = tree.leaves(jit(f, backend=backend)(*args))
                for actual, e in zip(found, expected, strict=True):
                    same_bits(actual, e)


def test_short_vectors_become_numbers():
    def step(y):
        return y + 0.1 * np.stack([y[1], -y[0]])

    jaxpr, _ = optimise(make_jaxpr(lambda y: step(step(step(y))))(np.ones(2)))
    names = [eqn.primitive.name for eqn in jaxpr.equations]
    assert names.count("stack") == 1
    assert all(not eqn.outputs[0].aval.shape for eqn in jaxpr.equations[:-1])


ZEROS = st.lists(st.sampled_from([-0.0, 0.0, 1.5]), min_size=3, max_size=3).map(np.array)
PLACES = [(0,), (1,), (-1,), (slice(1, None),), (slice(None, None, -2),), (slice(0, 0),), (None, 1)]


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(PLACES), ZEROS, st.booleans()), min_size=1, max_size=4),
    st.one_of(st.none(), ZEROS),
)
@example([((0,), -np.zeros(3), False), ((1,), -np.zeros(3), False)], -np.zeros(3))
def test_sums_of_what_is_scattered_keep_their_bits(parts, base):
    """Parts of one array, added from the left or the right, to another or to the first."""

    def f(base, *several):
        total = base
        for (index, _, before), y in zip(parts, several, strict=True):
            part = Scatter(index, (3,))(y)
            total = part if total is None else part + total if before else total + part
        return total, total[0], total[2]

    args = [base, *[values[index] for index, values, _ in parts]]
    with np.errstate(all="ignore"):
        expected = run(make_jaxpr(f)(*args), [a for a in args if a is not None])
        for backend in ("numpy", "run"):
            for actual, e in zip(jit(f, backend=backend)(*args), expected, strict=True):
                same_bits(actual, e)


def test_cotangents_of_parts_meet_in_one_array():
    def f(x):
        return x[0] * x[1] + x[1] * x[2] + np.sum(x[1:] ** 2)

    jaxpr, _ = optimise(make_jaxpr(grad(f))(np.arange(3.0)))
    names = [eqn.primitive.name for eqn in jaxpr.equations]
    assert names.count("scatter_sum") == 1
    assert "scatter" not in names
    np.testing.assert_array_equal(jit(grad(f))(np.arange(3.0)), [1.0, 4.0, 5.0])


def primitives(f, *args):
    jaxpr = check(optimise(make_jaxpr(f)(*args))[0])
    return [str(eqn.primitive).partition("[")[0] for eqn in jaxpr.equations]


X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (lambda x: x * 1.0, []),
        (lambda x: 1.0 * x, []),
        (lambda x: x / 1.0, []),
        (lambda x: x - 0.0, []),
        (lambda x: x + -0.0, []),
        (lambda x: x + 0.0, ["add"]),
        (lambda x: x * 0.0, ["mul"]),
        (lambda x: 0.0 - x, ["sub"]),
        (lambda x: -(np.negative(x)), []),
        (lambda x: x * -1.0, ["neg"]),
        (lambda x: x + -x, ["sub"]),
        (lambda x: x - -(x * x), ["mul", "add"]),
        (lambda x: -x * -x, ["mul"]),
        (lambda x: x / 4.0, ["mul"]),
        (lambda x: x / 3.0, ["div"]),
        (lambda x: x.T.T, []),
        (lambda x: np.transpose(np.transpose(x, (1, 0)), (1, 0)), []),
        (lambda x: x.reshape(3, 2).reshape(6).reshape(2, 3), []),
        (lambda x: x.reshape(3, 2).reshape(6), ["reshape"]),
        (lambda x: x.T @ x, ["dot_general"]),
        (lambda x: (x @ x.T).T, ["dot_general"]),
        (lambda x: x.astype(np.float64), []),
        (lambda x: x.astype(np.float32).astype(np.float32), ["convert"]),
        (lambda x: x.astype(np.longdouble).astype(np.float64), []),
        (lambda x: x.astype(np.float32).astype(np.float64), ["convert", "convert"]),
        (lambda x: np.broadcast_to(2.0, (2, 3)) * x, ["mul"]),
        (lambda x: np.broadcast_to(x[0], (2, 3)) * x, ["get_item", "mul"]),
        (lambda x: x * np.full((2, 3), 1.0), ["mul"]),
        (lambda x: np.where(True, x, 2.0 * x), []),
        (lambda x: np.sin(x) * np.sin(x), ["sin", "mul"]),
        (lambda x: np.sum(x * x, axis=1), ["mul", "sum"]),
        (lambda x: np.exp(2.0) * x, ["mul"]),
        (lambda x: x * (np.sqrt(4.0) - 1.0), []),
    ],
)
def test_rules(f, left):
    assert primitives(f, X) == left
    np.testing.assert_array_equal(jit(f)(X), f(X))


def test_sums_of_products_become_products_of_matrices():
    w, y = np.arange(3.0), np.arange(2.0)
    assert primitives(lambda x, w: np.sum(x * w, axis=1), X, w) == ["dot_general"]
    assert primitives(lambda x, y: np.sum(y[:, None] * x, axis=0), X, y)[-1] == "dot_general"
    assert primitives(lambda w: np.sum(w * w), w) == ["dot_general"]
    assert "dot_general" not in primitives(lambda x, y: np.sum(x * y[:, None], axis=1), X, y)
    np.testing.assert_allclose(jit(lambda x, w: np.sum(x * w, axis=1))(X, w), X @ w, rtol=1e-15)
    np.testing.assert_allclose(
        jit(lambda x, y: np.sum(y[:, None] * x, axis=0))(X, y), y @ X, rtol=1e-15
    )


def test_captured_arrays_are_computed_with_at_compile_time():
    table = np.arange(6.0).reshape(2, 3)
    jaxpr = make_jaxpr(lambda x: x @ np.exp(table.T))(X)
    assert [str(eqn.primitive) for eqn in jaxpr.equations] == ["dot_general[spec='ij,jk->ik']"]
    traced = make_jaxpr(lambda t, x: x @ np.exp(t.T))(table, X)
    optimised, constants = optimise(traced, [table])
    assert len(optimised.equations) == 1
    np.testing.assert_array_equal(constants[0], np.exp(table.T))
    np.testing.assert_allclose(run(optimised, [*constants, X])[0], X @ np.exp(table.T))


def test_large_results_of_constants_are_not_kept():
    big = np.zeros((1 << 10, 1 << 8))
    optimised, constants = optimise(make_jaxpr(lambda t, x: np.exp(t) * x)(big, 2.0), [big])
    assert [str(eqn.primitive) for eqn in optimised.equations] == ["exp", "mul"]
    assert constants[0] is big


def test_what_raises_in_a_constant_raises_when_it_runs():
    with pytest.raises(IndexError):
        jit(lambda x: x + np.take(np.arange(3.0), 5))(1.0)


def test_dead_equations_go():
    def f(x):
        np.exp(x)
        y = np.sin(x)
        np.cos(y)
        return y

    jaxpr = make_jaxpr(f)(X)
    assert len(jaxpr.equations) == 3
    assert [str(eqn.primitive) for eqn in dead_code(jaxpr).equations] == ["sin"]
    slope = make_jaxpr(grad(lambda x: np.sum(np.exp(x) + np.sin(x))))(X)
    assert "sin" not in [str(eqn.primitive) for eqn in optimise(slope)[0].equations]


def test_calls_are_inlined():
    inner = jit(lambda x, y: (y, x, 1.0))
    two = make_jaxpr(lambda x: inner(*inner(x, 2.0)[:2]))(X)
    inlined = check(inline_calls(two))
    assert not any(list(eqn.primitive.bodies()) for eqn in inlined.equations)
    np.testing.assert_array_equal(run(inlined, [X])[0], X)


def test_calls_are_inlined_however_deep():
    aval = make_aval((), np.dtype(np.float64))
    program = chain(2)
    for _ in range(5000):
        x, y, z = Var(aval), Var(aval), Var(aval)
        equations = [Equation(Call(program), (x,), (y,)), Equation(add, (y, x), (z,))]
        program = Jaxpr([x], equations, [z])
    flat = check(inline_calls(program))
    assert len(flat.equations) == 5002
    assert run(flat, [1.0]) == [run(chain(2), [1.0])[0] + 5000.0]


def chain(n):
    """A program of ``n`` equations, made directly."""
    aval = make_aval((), np.dtype(np.float64))
    x = Var(aval)
    equations, last = [], x
    for i in range(n):
        out = Var(aval)
        literal = Literal(np.float64(1.0 + 1e-9 * i), aval)
        equations.append(Equation((add, mul)[i % 2], (last, literal), (out,)))
        last = out
    return Jaxpr([x], equations, [last])


def test_a_hundred_thousand_equations():
    def seconds(n):
        jaxpr = chain(n)
        start = time.process_time()
        optimised, _ = optimise(jaxpr)
        assert len(optimised.equations) == n
        return time.process_time() - start

    seconds(1000)
    small, large = min(seconds(10_000) for _ in range(3)), seconds(100_000)
    assert large < 40 * small


def test_value_and_gradient_share_what_they_compute():
    f = value_and_grad(lambda x: np.sum(np.tanh(x) * np.exp(-x * x)))
    names = primitives(f, X)
    assert names.count("tanh") == names.count("exp") == 1
