"""What programs raise outside of `jit`: the library's error, at the user's line.

A program is interpreted or compiled (`core/backend`), and stands in a call, a loop, a branch, a
checkpoint; derivatives and batches have programs of their own.
"""

import numpy as np
import pytest

from funcgrad import (
    associative_scan,
    checkpoint,
    cond,
    custom_root,
    fixed_point,
    fori_loop,
    grad,
    hessian,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    linearize,
    map,
    pure_callback,
    scan,
    switch,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)
from funcgrad.core import backend
from funcgrad.errors import OutOfBoundsError


def element(x, i):
    y = x * 2.0
    return y[i] ** 2


LINE = element.__code__.co_firstlineno + 2

# Each runs f(x, i), a number, in a program whose operands are x and i.
PROGRAMS = {
    "call": lambda f: jit(f),
    "inline": lambda f: jit(f, inline=True),
    "calls in calls": lambda f: jit(lambda x, i: jit(f)(x, i) + 1.0),
    "checkpoint": lambda f: checkpoint(f),
    "scan": lambda f: lambda x, i: scan(lambda c, _: (f(x, i), None), x[0], None, length=2)[0],
    "scan over": lambda f: lambda x, i: scan(lambda c, j: (c + f(x, j), None), x[0], i * ONES)[0],
    "fori_loop": lambda f: lambda x, i: fori_loop(0, 2, lambda k, c: c + f(x, i), x[0]),
    "while_loop": lambda f: (
        lambda x, i: while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, f(x, i)), (0, x[0]))[1]
    ),
    "map": lambda f: lambda x, i: np.sum(map(lambda k: f(x, i) + k, np.arange(2.0))),
    "cond": lambda f: lambda x, i: cond(i > 0, lambda: f(x, i), lambda: x[0]),
    "switch": lambda f: lambda x, i: switch(i % 2, [lambda: f(x, i), lambda: f(x, i) + 1.0]),
    "lanes": lambda f: (
        lambda x, i: np.sum(
            vmap(lambda k: cond(k > 0.0, lambda: f(x, i), lambda: x[0]))(np.arange(2.0))
        )
    ),
    "while lanes": lambda f: (
        lambda x, i: np.sum(
            vmap(lambda k: while_loop(lambda c: c < k, lambda c: c + 1.0 + 0.0 * f(x, i), 0.0))(
                np.arange(2.0)
            )
        )
    ),
    "loops in loops": lambda f: (
        lambda x, i: fori_loop(0, 2, lambda _, c: PROGRAMS["scan"](f)(x, i) + c, x[0])
    ),
}
ONES = np.ones(2, np.int64)
TRANSFORMS = {
    "grad": lambda f: grad(f),
    "value_and_grad": lambda f: value_and_grad(f),
    "jvp": lambda f: lambda x, i: jvp(lambda x: f(x, i), (x,), (x,)),
    "vjp": lambda f: lambda x, i: vjp(lambda x: f(x, i), x),
    "linearize": lambda f: lambda x, i: linearize(lambda x: f(x, i), x),
    "jacobian": lambda f: jacobian(f),
    "jacfwd": lambda f: jacfwd(f),
    "jacrev": lambda f: jacrev(f),
    "hessian": lambda f: hessian(f),
    "vmap": lambda f: lambda x, i: vmap(f, in_axes=(0, None))(np.stack([x, x]), i),
    "jit": lambda f: jit(f),
    "jit of grad": lambda f: jit(grad(f)),
    "grad of jit": lambda f: grad(jit(f)),
}


@pytest.fixture(params=["interpreted", "compiled"])
def how(request, monkeypatch):
    if request.param == "interpreted":
        monkeypatch.setattr(backend, "_PREFERRED", "run")
        monkeypatch.setattr(backend._Interpreted, "left", 10**9)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_an_index_out_of_bounds(program, transform, how):
    f = TRANSFORMS[transform](PROGRAMS[program](element))
    x = np.arange(3.0)
    f(x, np.int64(2))
    with pytest.raises(OutOfBoundsError) as error:
        f(x, np.int64(3))
    assert error.value.where == f"test_program_errors.py:{LINE} in element"
    assert "is out of bounds for axis" in error.value.what
    assert "numpy.clip" in error.value.fix


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("program", ["call", "checkpoint", "scan", "while_loop", "cond"])
def test_an_error_of_numpys_has_the_line_in_a_note(program, transform, how):
    def negative(x, i):
        return np.linalg.cholesky(x[0] * np.eye(2))[0, 0]

    f = TRANSFORMS[transform](PROGRAMS[program](negative))
    f(np.ones(3), np.int64(2))
    with pytest.raises(np.linalg.LinAlgError) as error:
        f(-np.ones(3), np.int64(2))
    line = negative.__code__.co_firstlineno + 1
    frames = []
    tb = error.value.__traceback__
    while tb is not None:
        frames.append((tb.tb_frame.f_code.co_name, tb.tb_lineno))
        tb = tb.tb_next
    # Once: as a frame where it runs as Python, else as a note.
    notes = getattr(error.value, "__notes__", [])
    assert len(notes) == (("negative", line) not in frames)
    for note in notes:
        assert note.endswith(f", for test_program_errors.py:{line} in negative.")


def test_errors_of_the_users_own_code_stay_as_they_are(how):
    def fails(x):
        raise IndexError("mine")

    def f(x):
        return scan(lambda c, _: (pure_callback(fails, x, c), None), x, None, length=2)[0]

    for call in (f, jit(f), lambda x: vmap(f)(np.stack([x, x]))):
        with pytest.raises(IndexError) as error:
            call(np.ones(2))
        assert type(error.value) is IndexError
        assert error.value.args == ("mine",)


@pytest.mark.parametrize(
    "solve",
    [
        lambda f, x: fixed_point(lambda a, y: y / 2.0 + 0.0 * f(a, np.int64(7)), x, x[0]),
        lambda f, x: custom_root(
            lambda y: y - x[0] + 0.0 * f(x, np.int64(7)),
            x[0],
            lambda g, y: y - g(y),
            lambda g, y: y / g(1.0),
        ),
        lambda f, x: associative_scan(lambda a, b: a + b + 0.0 * f(x, np.int64(7)), x),
    ],
)
def test_solvers(solve):
    with pytest.raises(OutOfBoundsError) as error:
        grad(lambda x: np.sum(solve(element, x)))(np.arange(3.0))
    assert error.value.where == f"test_program_errors.py:{LINE} in element"
