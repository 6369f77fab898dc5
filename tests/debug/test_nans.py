"""debug.nans: which operation made the nan in a result, of what, in which line and run."""

import re

import numpy as np
import pytest

from funcgrad import (
    checkpoint,
    cond,
    custom_jvp,
    custom_vjp,
    debug,
    fori_loop,
    grad,
    jit,
    random,
    scan,
    value_and_grad,
    vmap,
    while_loop,
)
from funcgrad.errors import ArgumentError, NanError


def line_of(f, text):
    """The number of the line of ``f`` that holds ``text``."""
    import inspect

    lines, first = inspect.getsourcelines(f)
    return first + next(i for i, line in enumerate(lines) if text in line)


def message(f, *args):
    with np.errstate(all="ignore"), pytest.raises(NanError) as caught:
        debug.nans(f)(*args)
    return caught.value.what


# L4 of the lectures: with a step of 0.01 the descent diverges.


def valley(p):
    x, y = p
    return 2 * x**2 + y**2 + np.exp(4 * x * y)


def descend(p):
    g = grad(valley)(p)
    return p[0] - 0.01 * g[0], p[1] - 0.01 * g[1]


def first_step_with_nan():
    p = (1.0, 1.0)
    for step in range(1, 101):
        with np.errstate(all="ignore"):
            x, y = p
            e = np.exp(4 * x * y)
            p = x - 0.01 * (4 * x + 4 * y * e), y - 0.01 * (2 * y + 4 * x * e)
        if np.isnan(p).any():
            return step
    raise AssertionError


def train(p):
    for _ in range(100):
        p = descend(p)
    return p


@pytest.mark.parametrize(
    "f",
    [
        train,
        jit(train),
        lambda p: fori_loop(0, 100, lambda i, p: descend(p), p),
        jit(lambda p: fori_loop(0, 100, lambda i, p: descend(p), p)),
        lambda p: scan(lambda p, _: (jit(descend)(p), None), p, None, 100)[0],
        lambda p: while_loop(lambda c: c[0] < 100, lambda c: (c[0] + 1, descend(c[1])), (0, p))[1],
    ],
)
def test_l4_names_the_first_step_the_equation_and_the_line(f):
    text = message(f, (1.0, 1.0))
    step = first_step_with_nan()
    line = line_of(descend, "return")
    where = f"at test_nans.py:{line} in descend when it ran for the {step}th time"
    assert "at [0] is nan, made by sub of float64[] -inf and float64[] -inf, " + where in text


def test_values_and_gradients_pass_through():
    def f(x):
        return {"y": np.sum(np.sin(x) * x), "n": 3, "s": "text"}

    x = np.array([0.3, -0.7])
    assert debug.nans(f)(x) == f(x)
    g = value_and_grad(lambda x: f(x)["y"])
    for h in (debug.nans(g), debug.nans(jit(g)), value_and_grad(debug.nans(lambda x: f(x)["y"]))):
        value, gradient = h(x)
        np.testing.assert_array_equal(value, g(x)[0])
        np.testing.assert_array_equal(gradient, g(x)[1])
    rows = np.stack([x, x + 1])
    np.testing.assert_array_equal(vmap(debug.nans(np.sin))(rows), np.sin(rows))
    np.testing.assert_array_equal(debug.nans(vmap(grad(np.sin)))(x), np.cos(x))
    result = debug.nans(lambda x: x)(x)
    assert result is not x and not np.shares_memory(result, x)


def test_what_is_masked_does_not_count():
    def f(x):
        return np.sum(np.where(x > 0, np.log(x), 0.0))

    x = np.array([-1.0, 2.0])
    with np.errstate(invalid="ignore"):
        assert debug.nans(f)(x) == np.log(2.0)
        for g in (grad(f), jit(grad(f)), grad(jit(f))):
            np.testing.assert_array_equal(debug.nans(g)(x), [0.0, 0.5])

    def later(x):
        masked = np.where(x > 0, np.log(x), 0.0)
        return np.arccos(x * 2) + masked

    assert "made by arccos of float64[] -2.0" in message(later, -1.0)


def test_the_line_of_a_derivative_is_that_of_the_function():
    def f(x):
        y = np.exp(x)
        return 1.0 / y + x

    with np.errstate(over="ignore"):
        assert debug.nans(f)(1000.0) == 1000.0
    for g in (grad(f), jit(grad(f)), grad(jit(f))):
        assert f"at test_nans.py:{line_of(f, 'exp')} in f" in message(g, 1000.0)


@pytest.mark.parametrize("wrap", [lambda f: f, jit, checkpoint, vmap])
def test_operands_are_shown(wrap):
    def f(x):
        return x / x

    x = np.array([0.0, 1.0, 4.0])
    text = message(wrap(f), x)
    assert "made by div of float64[3] from 0.0 to 4.0 and float64[3] from 0.0 to 4.0" in text


def test_a_nan_that_was_there_before():
    assert message(lambda p: {"a": [p["w"] * 2]}, {"w": np.array([1.0, np.nan])}).endswith(
        "at ['a'][0] is nan, from argument 0['w']"
    )
    bad = np.array([np.nan])

    def f(x):
        return x + bad  # what is closed over has no origin but the operation

    assert "made by add" in message(f, np.ones(1))


def test_loops_and_branches_are_looked_into():
    def f(x):
        def body(c, t):
            return c, cond(t > 2, lambda t: np.log(2.0 - t), lambda t: t, t)

        return scan(body, x, np.arange(5.0))[1]

    for g in (f, jit(f), lambda x: vmap(f)(np.ones(2) * x)):
        text = message(g, 1.0)
        assert "log" in text or "batched_cond" in text
    assert re.search(r"made by log of float64\[\] -1.0", message(f, 1.0))


def test_functions_with_rules():
    @custom_vjp
    def f(x):
        return np.log(x)

    f.defvjp(lambda x: (np.log(x), x), lambda x, ct: (ct * (x - x) / (x - x),))

    @custom_jvp
    def g(x):
        return np.log(x)

    g.defjvp(lambda p, t: (g(p[0]), t[0] * 0.0 / (p[0] - p[0])))
    for h in (f, g):
        assert debug.nans(h)(2.0) == np.log(2.0)
        assert "made by log of float64[] -2.0" in message(h, -2.0)
        assert "made by log of float64[] -2.0" in message(jit(h), -2.0)
        text = message(grad(h), 2.0)
        assert "made by" in text and "0.0" in text
    # The rule also holds where an older transform looks through.
    f.defvjp(lambda x: (np.log(x), x), lambda x, ct: (10.0 * ct,))
    assert grad(debug.nans(f))(2.0) == 10.0
    np.testing.assert_array_equal(vmap(grad(debug.nans(f)))(np.ones(2)), [10.0, 10.0])
    np.testing.assert_array_equal(
        grad(lambda x: np.sum(vmap(debug.nans(f))(x)))(np.ones(2)), [10.0] * 2
    )


def test_rules_under_a_transform_that_looks_on():
    @custom_vjp
    def noisy(key, x):
        return x * random.normal(key)

    noisy.defvjp(
        lambda key, x: (noisy(key, x), key), lambda key, ct: (None, 10.0 * ct * random.normal(key))
    )
    key = random.key(3)
    expected = 10.0 * random.normal(key)
    assert grad(random.checked(lambda x: noisy(key, x)))(2.0) == expected
    checked = random.checked(lambda key, x: noisy(key, x))
    assert checked(key, 2.0) == 2.0 * random.normal(key)


def test_python_control_flow_and_conversions():
    def f(x):
        if x > 0 and float(x) < 3 and np.isfinite(x):
            return np.asarray(x) * 2.0 + x
        return x

    assert debug.nans(f)(2.0) == 6.0


def test_it_stands_outside_of_jit():
    with pytest.raises(ArgumentError, match=r"Write debug.nans\(jit\(f\)\)"):
        jit(debug.nans(np.sin))(1.0)
    with pytest.raises(ArgumentError, match="expected a function"):
        debug.nans(1.0)


def whole(f, *args):
    with np.errstate(all="ignore"), pytest.raises(NanError) as caught:
        debug.nans(f)(*args)
    return str(caught.value)


@pytest.mark.parametrize("wrap", [lambda f: f, jit, checkpoint])
def test_an_inf_that_an_operation_makes(wrap):
    def f(x):
        return 2.0 * np.exp(x)

    line = line_of(f, "exp")
    made = f"is inf, made by exp of float64[] 1000.0, at test_nans.py:{line} in f"
    assert made in message(wrap(f), 1000.0)
    assert f"inf  mul, at test_nans.py:{line} in f" in whole(wrap(f), 1000.0)


def test_an_inf_that_was_given_is_no_fault_until_a_nan_is_made_of_it():
    bound = np.array([np.inf, 1.0])
    assert debug.nans(np.max)(bound) == np.inf
    masked = debug.nans(lambda x: np.where(x > 0, x, -np.inf))
    assert masked(np.array([-1.0, 2.0])).tolist() == [-np.inf, 2.0]
    text = message(lambda x: x - x[0], bound)
    assert "made by sub" in text
    assert "it began with inf, from argument 0" in text
    closed = message(lambda x: np.where(x > 0, x, -np.inf) - -np.inf, -1.0)
    assert "it began with inf, from a constant of select" in closed


def test_what_was_made_comes_before_what_was_given():
    text = message(lambda given, x: given + np.log(x - x), np.inf, 1.0)
    assert "it began with inf, made by log of float64[] 0.0" in text
    # The earliest of two, whatever the order of the operands.
    text = message(lambda x: (lambda a, b: b - a)(np.exp(x), np.exp(x + 1.0)), 1000.0)
    assert "it began with inf, made by exp of float64[] 1000.0" in text


@pytest.mark.parametrize("wrap", [lambda f: f, jit])
def test_l4_is_told_the_overflow_and_the_way_from_there(wrap):
    text = whole(wrap(train), (1.0, 1.0))
    line, step = line_of(valley, "exp"), line_of(descend, "return")
    began = "it began with inf, made by exp of float64[] 1081.387758176052, at test_nans.py"
    assert f"{began}:{line} in valley when it ran for the 3rd time" in text
    way = text.split("Its way to the result:\n")[1].splitlines()
    assert way[0] == f"  inf  exp, at test_nans.py:{line} in valley"
    assert (
        way[1] == f"  inf  mul, at test_nans.py:{line} in valley  <- the first of the backward pass"
    )
    assert f"  nan  sub, at test_nans.py:{step} in descend" in way
    assert re.fullmatch(r"  \.\.\.  \d+ more", way[5])


@pytest.mark.parametrize("wrap", [lambda f: f, jit])
def test_the_first_backward_operation(wrap):
    def f(x):
        y = x * 2.0
        return np.sqrt(y)

    text = message(wrap(grad(f)), 0.0)
    assert f"at test_nans.py:{line_of(f, 'sqrt')} in f, in the backward pass of sqrt" in text
    assert "is inf, made by quiet_div of float64[] 0.5 and float64[] 0.0" in text
    assert "backward pass" not in message(wrap(lambda x: np.log(f(x) * 0.0)), 1.0)


def test_the_step_of_a_loop():
    def grow(x):
        def body(c, _):
            c = c * 1e60
            return c, np.sin(c)

        return scan(body, x, None, 10)[1]

    text = message(grow, 1.0)
    assert text.count("(step 5 of the loop, counted from 0)") == 2
    assert "made by sin of float64[] inf" in text

    def nested(x):
        def outer(i, c):
            return fori_loop(0, 3, lambda j, c: c * np.where(i == 2, 1e200, 1.0), c)

        return fori_loop(0, 5, outer, x)

    assert "(step 2 of the loop, step 1 of the loop in it, counted from 0)" in message(nested, 1.0)

    def back(x):
        # Backwards the cotangent grows by 1e60 a step, from the last of 8 steps to the first.
        return scan(lambda c, k: (c * k, None), x, np.full(8, 1e60))[0]

    assert "(step 2 of the loop, counted from 0)" in message(grad(back), 1e-200)
    assert "(step 5 of the loop, counted from 0)" in message(back, 1e-20)


def test_a_long_way_keeps_its_ends():
    def f(x):
        x = np.exp(x)
        for _ in range(500):
            x = x + 1.0
        x = x - x
        for _ in range(500):
            x = x * 1.0
        return x

    way = whole(f, 1000.0).split("Its way to the result:\n")[1].splitlines()[:-2]
    assert [line.split()[0] for line in way] == [*["inf"] * 5, "...", "nan", "...", *["nan"] * 3]
    assert [int(line.split()[1]) for line in way if "more" in line] == [496, 497]


def test_batches_whose_elements_take_steps_of_their_own():
    def f(x):
        return while_loop(lambda c: c < 1e300, lambda c: c * np.where(c > 1e100, 1e250, 1e50), x)

    text = message(lambda x: vmap(f)(x), np.array([1e300, 1e20, 1e300]))
    assert "made by mul of float64[] 1.0000000000000001e+120 and float64[] 1e+250, at" in text
    assert "(step 2 of the loop, element 1 of the batch, counted from 0)" in text

    def g(x):
        return cond(x > 0, lambda x: np.log(x - 1.0), np.sin, x)

    text = message(jit(vmap(g)), np.array([-1.0, 3.0, 0.5]))
    assert "made by log of float64[] -0.5" in text
    assert "(element 2 of the batch, counted from 0)" in text
