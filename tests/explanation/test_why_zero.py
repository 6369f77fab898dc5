"""why_zero: for each zero gradient what cut it, and where."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import funcgrad
from funcgrad import (
    cond,
    custom_vjp,
    grad,
    jit,
    nn,
    scan,
    stop_gradient,
    tree,
    vmap,
    while_loop,
    why_zero,
)
from funcgrad.errors import ArgumentError, DtypeError, ShapeError


def causes(f, *args, **options):
    """For each argument with zeros: how many, and the cause and number of each cut."""
    found = why_zero(f, *args, **options)
    return {
        z.argument: (z.count, [(cut.cause, count) for cut, count in z.causes]) for z in found.zeros
    }


def only(f, *args):
    """The causes of a gradient of zeros in the first argument."""
    count, found = causes(f, *args)["x"]
    assert all(number == count for _, number in found)
    return [cause for cause, _ in found]


THREE = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("wrap", [lambda f: f, jit])
@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: np.float64(1.0) * 2.0, 1.0, ["unused"]),
        (lambda x: (np.sin(x), np.float64(2.0))[1], 1.0, ["unused"]),
        (lambda x: np.sum(x.astype(int) * 1.0), THREE, ["integer conversion"]),
        (lambda x: funcgrad.numpy.take(THREE, np.argmax(x)) * 1.0, THREE, ["integer conversion"]),
        (lambda x: np.sum((x > 1) * 2.0), THREE, ["comparison"]),
        (lambda x: np.sum(np.where(x > 1, 1.0, 2.0)), THREE, ["comparison"]),
        (lambda x: np.sum(np.round(x)), THREE, ["rounding"]),
        (lambda x: np.floor(x) * 2.0, 1.5, ["rounding"]),
        (lambda x: np.sign(x) * 2.0, 1.5, ["piecewise constant"]),
        (lambda x: stop_gradient(x) * 2.0, 1.5, ["stop_gradient"]),
        (lambda x: np.sum(nn.relu(x - 4.0)), THREE, ["dead relu"]),
        (lambda x: np.sum(nn.sigmoid(x * 1e3)), THREE, ["saturated"]),
        (lambda x: np.tanh(x), 400.0, ["saturated"]),
        (lambda x: np.sum(np.where(x > 9, x, 0.0)), THREE, ["masked branch", "comparison"]),
        (lambda x: np.clip(x, 0.0, 1.0), 4.0, ["masked branch"]),
        (lambda x: np.maximum(x, 9.0), 4.0, ["masked branch"]),
        (lambda x: np.sum(x * 0.0), THREE, ["multiplied by zero"]),
        (lambda x: np.sum(np.zeros((2, 3)) @ x), THREE, ["multiplied by zero"]),
        (lambda x: (x - 2.0) ** 2, 2.0, ["stationary"]),
        (lambda x: x - x, 2.0, ["cancelled"]),
        (lambda x: (lambda h: np.exp(h - h))(np.sin(x)), 2.0, ["cancelled"]),
        (lambda x: np.sum(x - np.mean(x)), np.array([1.0, 2.0]), ["cancelled"]),
        (lambda x: np.sum(x * np.array([1.0, -1.0])), 2.0, ["cancelled"]),
        (lambda x: scan(lambda c, t: (nn.relu(c - t), None), x, THREE)[0], 2.0, ["dead relu"]),
        (
            lambda x: while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, np.floor(c[1])), (0, x))[
                1
            ],
            1.5,
            ["rounding"],
        ),
        (lambda x: np.sum(vmap(lambda v: nn.relu(v - 9.0))(x)), THREE, ["dead relu"]),
        (lambda x: grad(lambda y: 3.0 * y)(x), 1.0, ["unused"]),
    ],
)
def test_each_cause(wrap, f, x, expected):
    assert sorted(only(wrap(f), x)) == sorted(expected)


def test_the_line_is_named():
    def loss(w, b):
        h = nn.relu(w - 3.0)
        return np.sum(h) + np.round(b)

    first = inspect.getsourcelines(loss)[1]
    found = why_zero(loss, np.array([1.0, 4.0]), 0.7)
    assert str(found).splitlines()[1:] == [
        "w: 1 of 2 are 0",
        "    dead relu: the input of relu is not positive, at test_why_zero.py:"
        f"{first + 1} in loss",
        "b: the gradient is 0",
        f"    rounding: round is piecewise constant, at test_why_zero.py:{first + 2} in loss",
    ]
    assert repr(found) == str(found)
    assert found.zeros[0].causes[0][0].line == f"test_why_zero.py:{first + 1} in loss"
    assert "no gradient of" in str(why_zero(lambda x: x * 2.0, 1.0))


def test_the_zeros_of_a_network_by_its_units():
    rng = np.random.default_rng(0)
    params = {"W1": rng.standard_normal((4, 3)), "W2": rng.standard_normal((2, 4))}
    x = np.array([1.0, 2.0, -3.0])

    def net(params):
        return np.sum((params["W2"] @ nn.relu(params["W1"] @ x)) ** 2)

    dead = np.count_nonzero(params["W1"] @ x <= 0)
    assert 0 < dead < 4
    assert causes(net, params) == {
        "params['W1']": (3 * dead, [("dead relu", 3 * dead)]),
        "params['W2']": (2 * dead, [("multiplied by zero", 2 * dead)]),
    }
    # Weights of zero, where all of it is cut, and the dead units a second time.
    got = causes(net, params | {"W2": np.zeros((2, 4))})
    assert got["params['W1']"][0] == 12
    assert ("multiplied by zero", 12) in got["params['W1']"][1]
    assert ("dead relu", 3 * dead) in got["params['W1']"][1]


def test_branches():
    def f(x, y):
        return cond(x > 0, lambda x, y: y * 2.0, lambda x, y: x * 1.0, x, y)

    assert causes(f, 1.0, 2.0) == {"x": (1, [("branch not taken", 1), ("comparison", 1)])}
    assert causes(jit(f), -1.0, 2.0) == {"y": (1, [("branch not taken", 1)])}

    def python(x, y):
        return y * 1.0 if x > 0 else y * 2.0

    assert causes(python, 1.0, 2.0) == {"x": (1, [("comparison", 1)])}
    assert causes(lambda x, y: y * 1.0 if x else y, 1.0, 2.0)["x"][1] == [("comparison", 1)]


def test_elements_that_are_not_used():
    assert causes(lambda x: x[0] * x[2], THREE) == {"x": (1, [("unused", 1)])}
    count, found = causes(lambda x: np.max(x[:2]), THREE)["x"]
    assert (count, sorted(found)) == (2, [("masked branch", 1), ("unused", 1)])


def test_what_a_library_function_does_besides_is_not_told():
    def f(x):
        return nn.cross_entropy(x, 0)

    count, found = causes(f, np.array([1e4, 0.0, 0.0]))["x"]
    assert count == 3
    assert ("saturated", 3) in found
    assert {cause for cause, _ in found} <= {"saturated", "masked branch"}
    # What the user wrote is told, where there is nothing else at its place.
    count, found = causes(lambda x: nn.cross_entropy(stop_gradient(x), 0), THREE)["x"]
    assert ("stop_gradient", 3) in found


def test_rules_of_ones_own():
    @custom_vjp
    def f(x):
        return 2.0 * x

    f.defvjp(lambda x: (2.0 * x, None), lambda _, ct: (0.0 * ct,))
    assert only(lambda x: f(x), 1.0) == ["rule"]
    assert "custom_vjp f" in str(why_zero(lambda x: f(x), 1.0))


def test_a_derivative_of_a_while_loop_is_not_followed():
    def f(x):
        return while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2.0), (0, x))[1]

    assert only(lambda x: grad(f)(x), 1.0) == ["rule"]
    assert "while_loop is not followed" in str(why_zero(lambda x: grad(f)(x), 1.0))


def test_arguments_by_number_and_name():
    def f(a, *rest, scale=1.0):
        return scale * a

    assert causes(f, 1.0, 2.0, 3.0) == {
        "rest[0]": (1, [("unused", 1)]),
        "rest[1]": (1, [("unused", 1)]),
    }
    assert causes(f, 1.0, 2.0, argnums=0) == {}
    assert causes(f, 1.0, scale=0.0) == {"a": (1, [("multiplied by zero", 1)])}
    assert causes(f, {"n": 3, "w": 1.0}["w"], 2) == {}


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="expected a function"):
        why_zero(1.0)
    with pytest.raises(ArgumentError, match="no argument has a float"):
        why_zero(np.sin, 1)
    with pytest.raises(ArgumentError, match="inside of a transform"):
        jit(lambda x: why_zero(np.sin, x))(1.0)
    with pytest.raises(ShapeError, match="must be a scalar"):
        why_zero(np.sin, THREE)
    with pytest.raises(DtypeError, match="must be a float"):
        why_zero(lambda x: 3, 1.0)
    x = THREE.copy()
    why_zero(lambda x: np.sum(np.round(x)), x)
    assert x.tolist() == THREE.tolist()


STEPS = [
    nn.relu,
    np.round,
    stop_gradient,
    np.sin,
    np.exp,
    lambda v: v * np.array([0.0, 1.0, 2.0]),
    lambda v: np.where(v > 0, v, 0.5),
    lambda v: v[::-1],
    lambda v: np.cumsum(v),
    lambda v: np.stack([v, 0.0 * v])[0],
    lambda v: v - np.mean(v),
    lambda v: np.maximum(v, 0.3),
    lambda v: nn.softmax(v),
    lambda v: np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]) @ v,
    lambda v: (v > 0) * v,
    lambda v: np.sort(v),
    lambda v: v * np.max(v),
]


@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6), st.integers(0, 99))
def test_every_zero_has_a_cause(steps, seed):
    x = np.random.default_rng(seed).standard_normal(3)

    def f(x):
        for step in steps:
            x = step(x)
        return np.sum(x * np.array([1.0, 3.0, 7.0]))

    gradient = grad(f)(x)
    found = why_zero(f, x).zeros
    zeros = np.count_nonzero(gradient == 0)
    assert [z.count for z in found] == ([zeros] if zeros else [])
    for entry in found:
        assert entry.causes
        assert sum(count for _, count in entry.causes) >= entry.count
        # A gradient that is cut for no reason that has a place is not used at all.
        for cut, _ in entry.causes:
            assert cut.line or cut.cause in ("unused", "cancelled")


def test_leaves_without_a_gradient_are_left_out():
    params = {"w": 1.0, "name": "a", "steps": 3, "b": 0.0}
    assert list(causes(lambda p: p["w"] * p["steps"], params)) == ["p['b']"]
    assert tree.leaves(params) == [0.0, "a", 3, 1.0]
