"""jit(f).retraces(): the programs that are kept, and the exact difference that caused each."""

from dataclasses import dataclass

import numpy as np
import pytest

from funcgrad import grad, jit


def differences(f):
    return [program.differences for program in f.retraces().programs]


def test_a_program_a_line():
    @jit
    def scale(x):
        return 2.0 * x

    assert str(scale.retraces()).endswith("scale): 0 programs")
    for n in (3, 4, 4, 3):
        scale(np.ones(n))
    text = str(scale.retraces())
    assert text.splitlines()[1:] == ["1. x: float64[3]", "2. x: float64[3] -> float64[4]"]
    assert repr(scale.retraces()) == text
    first, second = scale.retraces().programs
    assert (first.number, first.nearest, first.differences) == (1, None, ())
    assert (second.nearest, second.arguments) == (1, ("x: float64[4]",))
    scale.clear_cache()
    assert scale.retraces().programs == ()


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([(1.0,), (1,)], "x: a Python float -> a Python int"),
        ([(1.0,), (np.float64(1),)], "x: a Python float -> float64[]"),
        ([(np.ones(2),), (np.ones(2, np.float32),)], "x: float64[2] -> float32[2]"),
        ([({"w": 1.0},), ({"w": np.ones(2)},)], "x['w']: a Python float -> float64[2]"),
        ([([1.0],), ((1.0,),)], "x: a list of 1 -> a tuple of 1"),
        ([({"w": 1.0},), ({"v": 1.0},)], "x: a dict with key 'w' -> a dict with key 'v'"),
        ([(1.0, "a"), (1.0, "b")], "y: 'a' -> 'b'"),
        ([(1.0, None), (1.0, 2)], "y: None -> a Python int"),
        ([(1.0,), (1.0, 2.0)], "positional arguments: 1 -> 2"),
    ],
)
def test_the_exact_difference(calls, expected):
    f = jit(lambda x, y=None: 0.0)
    for args in calls:
        f(*args)
    assert differences(f) == [(), (expected,)]


def test_several_differences_and_the_nearest_program():
    f = jit(lambda x, y: 0.0)
    f(1.0, np.ones(2))
    f(2, np.ones(3))
    f(1.0, np.ones(4))
    kept = f.retraces().programs
    assert kept[1].differences == (
        "x: a Python float -> a Python int",
        "y: float64[2] -> float64[3]",
    )
    assert (kept[2].nearest, kept[2].differences) == (1, ("y: float64[2] -> float64[4]",))
    assert str(kept[2]) == "3. y: float64[2] -> float64[4] (to 1)"
    # A structure that differs does not hide what else does.
    f(1.0, y={"a": 1.0})
    assert "arguments by name: none -> y" in f.retraces().programs[-1].differences
    f({"a": 1.0}, np.ones((5, 5)))
    assert f.retraces().programs[-1].differences == (
        "x: a Python float -> a dict with key 'a'",
        "y: float64[4] -> float64[5,5]",
    )


def test_static_arguments_and_functions():
    f = jit(lambda n, x, h: h(x) * n, static_argnums=0, static_argnames="h")
    for n in (1, 2):
        f(n, 1.0, h=np.sin)
    assert differences(f) == [(), ("n: 1 -> 2",)]
    g = jit(lambda x, h: h(x))
    for _ in range(2):
        g(1.0, lambda x: x)
    ((), (text,)) = differences(g)
    assert text.startswith("h: <lambda>() at test_retraces.py:")
    assert " -> another <lambda>() at test_retraces.py:" in text


def test_methods():
    @dataclass
    class Model:
        w: np.ndarray

        @jit
        def __call__(self, x):
            return np.sum(self.w * x)

    Model(np.ones(2))(1.0)
    Model(np.ones(3))(1.0)
    assert differences(Model.__call__) == [(), ("self.w: float64[2] -> float64[3]",)]
    assert Model(np.ones(2)).__call__.retraces() == Model.__call__.retraces()


def test_traces_whose_programs_are_gone_are_counted():
    kept = []

    def outer(y):
        if not kept:
            kept.append(jit(lambda x: x * 2.0 * held[0]))
        held[0] = y
        return kept[0](y)

    held = [None]
    for _ in range(3):
        grad(outer)(1.0)
    found = kept[0].retraces()
    assert (len(found.programs), found.dropped) == (1, 2)
    assert str(found).endswith("and 2 traces of which no program is kept")
