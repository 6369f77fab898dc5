"""`Explanation.source`: flat code that runs with NumPy alone and gives the same numbers."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import funcgrad
from funcgrad import (
    custom_vjp,
    explain,
    grad,
    jit,
    lax,
    named_call,
    nn,
    pure_callback,
    value_and_grad,
)
from funcgrad.errors import ArgumentError
from funcgrad.testing.strategies import calls


def run(source):
    """What the text defines, run where there is nothing but NumPy."""
    space = {"__name__": "flat"}
    exec(compile(source, "<flat>", "exec"), space)
    return space


def assert_ulp(got, want, most=4):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    with np.errstate(invalid="ignore"):
        near = np.abs(got - want) <= most * np.spacing(np.abs(want))
    assert np.all(same | near), (got, want)


def assert_same(f, *args, argnums=None):
    """The flat code of ``f`` gives the numbers of its explanation, which are those of `grad`."""
    numbers = tuple(range(len(args))) if argnums is None else argnums
    explained = explain(f, *args, argnums=numbers)
    space = run(explained.source())
    value, gradients = value_and_grad(f, argnums=numbers)(*args)
    assert_ulp(space["result"], explained.value)
    rough = {"rtol": 1e-3, "atol": 1e-5} if np.asarray(value).itemsize < 8 else {"rtol": 1e-9}
    np.testing.assert_allclose(explained.value, value, **rough)
    for name, gradient in zip(explained.gradients, gradients, strict=False):
        assert_ulp(space[f"grad_{name}"], explained.gradients[name])
        np.testing.assert_allclose(explained.gradients[name], gradient, **{"atol": 1e-9} | rough)
    return space


def flat(w0, x0, w1, x1, w2):
    s0 = w0 * x0
    s1 = w1 * x1
    s2 = s0 + s1
    s3 = s2 + w2
    L = nn.sigmoid(s3)
    return L


AT = 2.0, -1.0, -3.0, -2.0, -3.0

LECTURE = """
s0 = w0 * x0
s1 = w1 * x1
s2 = s0 + s1
s3 = s2 + w2
grad_L = 1.0
grad_s3 = grad_L * (1 - L) * L
grad_w2 = grad_s3
grad_s2 = grad_s3
grad_s0 = grad_s2
grad_s1 = grad_s2
grad_w1 = grad_s1 * x1
grad_x1 = grad_s1 * w1
grad_w0 = grad_s0 * x0
grad_x0 = grad_s0 * w0
"""


def lines_of(source):
    lines = [line.partition("  #")[0].rstrip() for line in source.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "result"))]


class TestLecture:
    def test_l8_has_the_lecture_s_lines_names_and_order(self):
        source = explain(flat, *AT).source()
        lines = lines_of(source)
        start = lines.index("s0 = w0 * x0")
        body = [line for line in lines[start:] if not line.startswith("L = ")]
        assert body == LECTURE.split("\n")[1:-1]
        assert next(line for line in lines if line.startswith("L = ")).endswith("(s3)")

    def test_l8_gives_the_numbers_of_l6(self):
        space = run(explain(flat, *AT).source())
        slope = np.exp(-1) / (1 + np.exp(-1)) ** 2
        found = [space[f"grad_{name}"] for name in ("w0", "x0", "w1", "x1", "w2")]
        np.testing.assert_allclose(found, slope * np.array([-1, 2, -2, -3, 1]), rtol=1e-14)

    def test_the_users_lines_are_comments_and_the_halves_stand_apart(self):
        source = explain(flat, *AT).source()
        forward, backward = source.split("# backward")
        assert "in flat: L = nn.sigmoid(s3)" in forward and "grad_" not in forward
        assert "in flat: s3 = s2 + w2" in backward

    def test_where_1_minus_y_loses_digits_the_library_s_rule_is_written(self):
        space = assert_same(lambda x: nn.sigmoid(x) + np.tanh(x), 20.0)
        assert space["grad_x"] > 0

    def test_it_runs_where_nothing_but_numpy_is(self, tmp_path):
        file = tmp_path / "flat.py"
        file.write_text(explain(flat, *AT).source() + "print(repr(float(grad_w0)))\n")
        done = subprocess.run(
            [sys.executable, "-I", str(file)], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.stderr == ""
        assert float(done.stdout) == grad(flat)(*AT)


def twice(x):
    a = x * x
    x = np.sin(a)
    x = x + a
    return x * 2.0


def steps(w, xs):
    def step(c, x):
        h = np.tanh(w * c + x)
        return h, h * h

    last, squares = lax.scan(step, 0.5, xs)
    return np.sum(squares) + last


def loop(x):
    return lax.while_loop(lambda a: a > 1.03, lambda a: a * 0.7, x)


def branch(x):
    return lax.cond(x > 0.2, np.sin, np.cos, x)


@custom_vjp
def clipped(x):
    return x * x


clipped.defvjp(lambda x: (x * x, x), lambda x, ct: (np.minimum(ct * x, 0.25),))


@jit
def jitted(x, y):
    z = x * y
    return z + np.exp(z)


def in_order(x):
    a = np.sin(x)
    h = funcgrad.name(a, "h")
    return a * 1e16 + a * -1e16 + h


CASES = {
    "a name that is used again": (twice, 0.7),
    "a scan": (steps, 1.2, np.arange(4.0)),
    "a while loop": (loop, 5.0),
    "a branch": (branch, 0.7),
    "a jitted function": (jitted, 0.7, 0.2),
    "a custom rule": (lambda x: clipped(x) * 3.0, 0.7),
    "checkpoint": (lambda x: lax.checkpoint(lambda a: np.cos(a * x))(x), 0.7),
    "a gradient": (grad(lambda x: np.sin(x) * x), 0.7),
    "a gradient of a custom rule": (lambda x: grad(clipped)(x), 0.1),
    "a matrix": (lambda a, b: np.sum(np.linalg.inv(a) @ b), np.eye(2) + 0.1, np.ones((2, 3))),
    "eigenvalues": (
        lambda a: np.sum(np.linalg.eigh(a + a.T)[0] ** 3),
        np.arange(4.0).reshape(2, 2),
    ),
    "parts": (lambda x: x[0] * x[1:].sum() + x[-1], np.arange(3.0) + 0.5),
    "broadcasting": (lambda x, b: np.sum((x + b) ** 2), np.ones((3, 2)), np.arange(2.0)),
    "float32": (lambda x: np.sum(np.exp(x) * 2), np.float32([0.5, 1.5])),
    "a number of float32": (lambda x: np.exp(x) * 2, np.float32(0.5)),
    "a singular point": (
        lambda x: np.where(x > 0, np.sqrt(np.abs(x)), x).sum(),
        np.array([0.0, 4]),
    ),
    "a norm at 0": (lambda x: np.sqrt(np.sum(x * x)) + np.sum(x), np.zeros(2)),
    "a masked root": (lambda x: np.sum(np.where(x > 0, np.sqrt(x) * x, x)), np.array([0.0, 2.0])),
    "a named call": (named_call(lambda x: np.sin(x) * x), 1.5),
    "an unused argument": (lambda x, y: x * 2.0, 1.5, np.ones(2)),
    "an argument as the result": (lambda x: x, 1.5),
    "one value under two names": (lambda x: funcgrad.name(x, "h") * x, 1.5),
    "parts in the order of their sum": (in_order, 1.5),
    "a complex array without axes": (
        lambda x: np.real(x * np.array(1.125 + 0.3j) * np.array(0.7 - 1.1j)) ** 3,
        np.complex128(0.1 - 0.3j),
    ),
    "an empty array": (lambda x: np.sum(x * 2) + 1.0, np.zeros((0, 2))),
    "a table of keywords": (lambda p: p["lambda"] * p["def"][0], {"lambda": 2.0, "def": [3.0]}),
}


@pytest.mark.parametrize("name", CASES)
def test_it_gives_the_numbers_of_the_gradient(name):
    f, *args = CASES[name]
    if name == "a table of keywords":
        space = run(explain(f, *args).source())
        assert (space["grad_p_lambda"], space["grad_p_def_0"]) == (3.0, 2.0)
    else:
        assert_same(f, *args)


@pytest.mark.parametrize("x", [0.0, -1.0, 1000.0])
def test_where_python_s_numbers_would_raise_it_has_numpy_s(x):
    with np.errstate(all="ignore"):
        assert_same(lambda x: np.exp(x) / x + 1.0 / np.sqrt(x), x)


@settings(max_examples=60, deadline=None)
@given(calls(max_steps=7))
def test_random_programs(call):
    with np.errstate(all="ignore"):
        assert_same(call.program, *call.args)


@settings(max_examples=15, deadline=None)
@given(calls(max_steps=4, dtypes=(np.float32, np.complex128)), st.booleans())
def test_random_programs_of_other_types(call, jits):
    with np.errstate(all="ignore"):
        f = jit(call.program) if jits and call.program.abstract else call.program
        assert_same(f, *call.args)


class TestNames:
    def test_a_helper_s_result_has_the_name_it_gets_outside(self):
        def helper(x):
            return np.sin(x) * 2.0

        def f(x):
            h = helper(x)
            return h * h

        assert "\ngrad_h = " in explain(f, 0.5).source()

    def test_names_that_mean_something_in_numpy_s_text_are_not_taken(self):
        def f(np_, grad_x, x):
            keep = np.maximum(x, 0.0)
            sum = keep * grad_x
            return nn.relu(sum) * np_

        space = run(explain(f, 2.0, 3.0, 5.0).source())
        assert space["grad_x_2"] == 6.0 and space["grad_np"] == 15.0

    def test_without_source_there_are_short_names(self):
        space = {"np": np}
        exec(compile("def f(x):\n    y = np.sin(x)\n    return y * y", "<none>", "exec"), space)
        source = explain(space["f"], 0.5).source()
        assert "\na = np.sin(x) " in source


class TestBadInput:
    def test_what_runs_python_code_has_no_text(self):
        def f(x):
            aux = pure_callback(lambda v: np.sin(v), np.float64(0.0), lax.stop_gradient(x))
            return x * aux

        with pytest.raises(ArgumentError, match=r"explain: .*callback.*runs Python code"):
            explain(f, 0.5).source()

    def test_several_results_have_a_forward_half(self):
        source = explain(lambda x: (x * 2.0, np.sin(x)), 0.5).source()
        assert "# backward" not in source
        assert run(source)["result"] == (1.0, np.sin(0.5))

    def test_a_result_that_is_a_constant(self):
        assert run(explain(lambda x: 3.0, 0.5).source())["result"] == 3.0
