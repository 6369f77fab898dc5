"""`numpy.errstate` in compiled programs, whose floats are silent under the default state alone."""

import contextvars
import operator
import threading
import warnings

import numpy as np
import pytest

from funcgrad import _stack, fori_loop, grad, jit, scan, vmap, while_loop
from funcgrad.compile.source import errstate

BIG, TINY, INF = 1e300, 1e-300, np.inf

# Function of a scalar, where, what NumPy tells of.
CASES = {
    "x * x": (lambda x: x * x, BIG, "overflow"),
    "x + x": (lambda x: x + x, 1.7e308, "overflow"),
    "x**2": (lambda x: x**2, BIG, "overflow"),
    "x**3.5": (lambda x: x**3.5, BIG, "overflow"),
    "np.square": (np.square, BIG, "overflow"),
    "x / 1e-300": (lambda x: x / 3e-300, BIG, "overflow"),
    "x - x": (lambda x: x - x, INF, "invalid value"),
    "x * 0": (lambda x: x * 0.0, INF, "invalid value"),
    "x / x": (lambda x: x / x, INF, "invalid value"),
    "np.sqrt": (np.sqrt, -1.0, "invalid value"),
    "tiny * tiny": (lambda x: x * x, TINY, "underflow"),
    "tiny / big": (lambda x: x / 3e300, TINY, "underflow"),
    "1 / x": (lambda x: 1 / x, 0.0, "divide by zero"),
}


class Told:
    """A handler of NumPy's errors that keeps what it is told."""

    def __init__(self):
        self.kinds = []

    def __call__(self, kind, flag):
        self.kinds.append(kind)


@pytest.mark.parametrize("name", CASES)
def test_scalars(name):
    f, x, what = CASES[name]
    x, compiled = np.float64(x), jit(f)
    with np.errstate(all="ignore"):
        expected = f(x)
        np.testing.assert_array_equal(compiled(x), expected)
    for again in (compiled, jit(f)):  # compiled before, and under the state
        with np.errstate(all="raise"), pytest.raises(FloatingPointError, match=what):
            again(x)
        with np.errstate(all="warn"), pytest.warns(RuntimeWarning, match=what):
            np.testing.assert_array_equal(again(x), expected)
        told = Told()
        with np.errstate(all="call", call=told):
            again(x)
        assert any(what in kind for kind in told.kinds)
    with np.errstate(all="raise"):  # an ordinary number
        assert compiled(np.float64(1.5)) == f(np.float64(1.5))


@pytest.mark.parametrize("name", ["x * x", "x - x", "tiny * tiny"])
def test_under_the_default_floats_are_silent(name):
    f, x, _ = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = jit(f)(np.float64(x))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(value, f(np.float64(x)))


LOOPS = {
    "scan": lambda x: scan(lambda c, _: (c * c, c), x, None, length=3)[0],
    "fori_loop": lambda x: fori_loop(0, 3, lambda i, c: c * c, x),
    "while_loop": lambda x: while_loop(lambda c: c < 1e308, lambda c: c * c, x),
    "vmap": lambda x: vmap(lambda y: y * y)(np.stack([x, x]))[0],
}


@pytest.mark.parametrize("name", LOOPS)
def test_loops(name):
    f = LOOPS[name]
    for g in (f, jit(f)):
        for x in (BIG, np.float64(BIG)):
            if name == "vmap" or g is not f or isinstance(x, np.float64):
                with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="overflow"):
                    g(x)
                with np.errstate(all="ignore"):
                    assert g(x) == INF


def test_a_long_loop_that_is_not_jitted():
    """Interpreted first and compiled when it has cost enough."""

    def f(x):
        return scan(lambda c, _: (c * 1.5, None), x, None, length=30_000)[0]

    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        f(np.float64(1.0))
    with np.errstate(all="ignore"):
        assert f(np.float64(1.0)) == INF


def test_gradients():
    def f(x):
        return np.sqrt(x) * 1e300 * x

    for slope in (grad(f), jit(grad(f))):
        with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
            slope(np.float64(BIG))


def test_masked_products_of_numbers():
    slope = grad(lambda x: np.where(x > 0, x * x, 0.0) * 1e200)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        slope(np.float64(1e200))


def test_states_are_told_apart():
    f, x = jit(operator.mul), np.float64(BIG)
    with np.errstate(over="raise", under="ignore", invalid="ignore"):
        with pytest.raises(FloatingPointError):
            f(x, x)
        with np.errstate(over="ignore"):
            assert f(x, x) == INF
        with pytest.raises(FloatingPointError):
            f(x, x)
    assert f(x, x) == INF
    old = np.seterr(over="raise")
    try:
        with pytest.raises(FloatingPointError):
            f(x, x)
        found = []
        thread = threading.Thread(target=lambda: found.append(f(x, x)))
        thread.start()
        thread.join()
        assert found == [INF]  # another thread has a state of its own
    finally:
        np.seterr(**old)
    with warnings.catch_warnings():  # another object that says the same
        warnings.simplefilter("error")
        assert errstate.state() is not errstate.usual and f(x, x) == INF


def test_the_text_does_not_show_the_question():
    text = jit(lambda x: x * 2.0).source(1.5)
    assert "_usual" not in text and text.count("def ") == 1
    space = {}
    exec(text, space)
    assert space["f"](1.5) == (3.0,)


def test_tracebacks_name_the_line(tmp_path):
    with np.errstate(all="raise"), pytest.raises(FloatingPointError) as caught:
        jit(lambda x: x * x)(np.float64(BIG))
    assert "test_errstate.py" in "".join(caught.value.__notes__)


def test_a_numpy_that_keeps_its_state_elsewhere(monkeypatch):
    # Then no state is found, and programs stay as they are by default.
    monkeypatch.setattr(_stack.contextvars, "copy_context", lambda: contextvars.Context())
    variable, reporting = _stack._state()
    with np.errstate(all="raise"):
        assert variable.get() is None and variable.get() is not reporting
