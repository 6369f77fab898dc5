"""The flat code: the lecture's lines, and for any program the same numbers with NumPy alone."""

import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from funcgrad import (
    cond,
    custom_vjp,
    explain,
    grad,
    jit,
    name,
    nn,
    scan,
    value_and_grad,
    while_loop,
)
from funcgrad.errors import ArgumentError
from funcgrad.testing import strategies


def flat(w0, x0, w1, x1, w2):
    s0 = w0 * x0
    s1 = w1 * x1
    s2 = s0 + s1
    s3 = s2 + w2
    L = nn.sigmoid(s3)
    return L


AT = 2.0, -1.0, -3.0, -2.0, -3.0
FORWARD = ["s0 = w0 * x0", "s1 = w1 * x1", "s2 = s0 + s1", "s3 = s2 + w2"]
BACKWARD = """
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


def code(text, start, end=None):
    """The lines of one half, without comments."""
    half = text.split(f"# {start}\n")[1]
    half = half.split(f"\n# {end}")[0] if end else half
    lines = [re.sub(r" +#.*", "", line) for line in half.splitlines()]
    return [line for line in lines if line]


def run(explained):
    """What the text computes, with nothing but NumPy."""
    names = {}
    exec(explained.source(), names)
    return names


def ulps(got, expected):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    if not got.size:
        return 0.0
    spacing = np.spacing(np.maximum(np.abs(got), np.abs(expected)))
    with np.errstate(all="ignore"):
        return float(np.max(np.where(same, 0.0, np.abs(got - expected) / spacing)))


def test_the_lecture_line_by_line():
    text = explain(flat, *AT).source()
    assert code(text, "forward", "backward")[:4] == FORWARD
    assert code(text, "forward", "backward")[4].startswith("L = ")
    assert code(text, "backward") == BACKWARD.split("\n")[1:-1]
    assert "# test_flat_source.py:" in text
    assert "L = nn.sigmoid(s3)" in text


def test_it_runs_in_an_empty_file(tmp_path):
    file = tmp_path / "flat.py"
    file.write_text(explain(flat, *AT).source() + "print(repr(float(grad_x1)))\n")
    done = subprocess.run([sys.executable, "-I", file], capture_output=True, text=True, check=True)
    assert float(done.stdout) == grad(flat, argnums=3)(*AT)


def looped(x, w):
    h = name(np.tanh(x @ w), "h")
    c, ys = scan(lambda c, t: (np.sin(c) * t + 0.1, c * t), h[0], h)
    d = while_loop(lambda c: c < 2.0, lambda c: c * 1.5 + 0.3, c * c)
    e = cond(d > 1.0, lambda a: a * 3.0, lambda a: -a, d)
    return jit(lambda z: z**2)(e) + np.sum(ys) + np.max(h)


def shaped(x):
    a = np.concatenate([x[1:], x[:1]], axis=0)
    b = np.transpose(a, (1, 0)).reshape(-1)
    c = np.linalg.solve(np.eye(6) * 3.0 + np.outer(b, b), b)
    return np.sum(np.sort(c) * np.arange(6.0)) + np.linalg.norm(a) + x[0, 1] ** 3


def deep(x):
    y = x
    for _ in range(30):
        y = np.sin(y) + y * 0.1
    return y


def clipped(x):
    return np.sum(np.where(x > 0.0, np.sqrt(np.abs(x)), x**3) * np.maximum(x, 0.2))


def normalised(x, s):
    y = nn.softmax(x * s)
    return np.sum(nn.log_softmax(x) * y) + np.prod(x + 2.0) + np.sum(np.cumsum(x) ** 2)


def losses(x):
    return nn.gelu(x) + nn.softplus(x) + np.log1p(x**2) - np.expm1(-x) * np.arctan2(x, 2.0)


PROGRAMS = {
    "loops": (looped, (np.array([0.3, 0.5, -0.2]), np.linspace(-1, 1, 12).reshape(3, 4))),
    "shapes": (shaped, (np.linspace(-1.0, 2.0, 6).reshape(3, 2),)),
    "a chain": (deep, (0.7,)),
    "branches by element": (clipped, (np.array([-1.5, 0.1, 0.7]),)),
    "softmax": (normalised, (np.array([0.5, -1.0, 2.0]), 1.5)),
    "scalars": (losses, (0.3,)),
    "float32": (clipped, (np.array([-1.5, 0.1, 0.7], np.float32),)),
    "a tail": (nn.sigmoid, (30.0,)),
    "large": (lambda x: np.sum(np.sin(x) * x), (np.linspace(0.0, 1.0, 1000),)),
    "gradients of gradients": (lambda x: grad(lambda y: np.sin(y) ** 3)(x), (0.4,)),
}


@pytest.mark.parametrize("label", PROGRAMS)
def test_it_gives_the_same_numbers(label):
    f, args = PROGRAMS[label]
    found = explain(f, *args)
    names = run(found)
    assert ulps(names["result"], found.value) <= 4
    for argument, gradient in found.gradients.items():
        if argument == "h":
            continue
        got = names[f"grad_{argument}"]
        assert ulps(np.asarray(got, np.asarray(gradient).dtype), gradient) <= 4
    numbers = tuple(range(len(args)))
    value, gradients = value_and_grad(f, argnums=numbers)(*args)
    np.testing.assert_allclose(found.value, value, rtol=1e-6 if label == "float32" else 1e-13)
    for got, expected in zip(found.gradients.values(), gradients, strict=False):
        np.testing.assert_allclose(got, expected, rtol=1e-6 if label == "float32" else 1e-12)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.calls())
def test_random_programs(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = explain(call.program, *call.args)
        names = run(found)
    assert ulps(names["result"], found.value) <= 4
    for argument, gradient in found.gradients.items():
        got = names.get(f"grad_{argument}", np.zeros_like(gradient))
        # Sums that cancel have errors of the size of what was summed.
        np.testing.assert_allclose(got, gradient, rtol=1e-12, atol=1e-14)


def test_names_do_not_collide():
    def f(np_, a, lambda_=2.0):
        grad_a = np.sin(a)
        i = grad_a * np_
        i = i * lambda_
        b = i * i
        return b + grad_a

    names = run(explain(f, 2.0, 0.5, lambda_=3.0))
    by_hand = grad(f, argnums=(0, 1))(2.0, 0.5, lambda_=3.0)
    np.testing.assert_allclose(names["grad_a"], np.sin(0.5))
    np.testing.assert_allclose((names["grad_np"], names["grad_a_2"]), by_hand, rtol=1e-14)


def test_without_gradients_there_is_the_forward_half():
    text = explain(lambda x: x * 2.0, np.ones(3)).source()
    assert "# backward" not in text
    names = {}
    exec(text, names)
    np.testing.assert_array_equal(names["result"], [2.0, 2.0, 2.0])


def test_a_rule_of_the_users_is_written_out():
    @custom_vjp
    def clip_gradient(x):
        return x * 1.0

    clip_gradient.defvjp(lambda x: (x * 1.0, None), lambda _, ct: (np.clip(ct, -0.1, 0.1),))
    found = explain(lambda x: clip_gradient(x * 3.0) * 2.0, 1.5)
    np.testing.assert_allclose(run(found)["grad_x"], found.gradients["x"])
    np.testing.assert_allclose(found.gradients["x"], 0.3)


def test_what_has_no_text_says_so():
    from funcgrad import ShapeDtypeStruct, pure_callback

    found = explain(
        lambda x: pure_callback(lambda a: a, ShapeDtypeStruct((), np.float64), x) * 2.0, 1.0
    )
    assert "has no derivative, and reverse mode asks for it" in found.reason
    with pytest.raises(ArgumentError, match=r"pure_callback.*has no text as NumPy"):
        found.source()
