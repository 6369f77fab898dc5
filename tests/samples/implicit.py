"""Samples of values that solve equations."""

import numpy as np

from funcgrad import fori_loop, grad
from funcgrad.control.implicit.custom_root import custom_linear_solve, custom_root
from funcgrad.control.implicit.fixed_point import Ensure, fixed_point

from . import Sample

RNG = np.random.default_rng(11)
M = RNG.normal(size=(3, 3))
SPD = M @ M.T + 3.0 * np.eye(3)
B = RNG.normal(size=3)
W = 0.2 * RNG.normal(size=(3, 3))


def newton(f, x):
    return fori_loop(0, 10, lambda i, x: x - f(x) / grad(f)(x), x)


def square_root(a):
    return custom_root(lambda x: x * x - a, 1.0, newton)


def cube_root(a):
    return custom_root(lambda x: x**3 - a, 1.0, newton, lambda g, y: y / g(1.0))


def symmetric(a, b):
    return custom_linear_solve(
        lambda x: (a @ x + x @ a) / 2,
        b,
        lambda _, b: np.linalg.solve((a + a.T) / 2, b),
        symmetric=True,
    )


def general(a, b):
    return custom_linear_solve(
        lambda x: {"x": a @ x["x"]},
        {"x": b},
        lambda matvec, b: {"x": np.linalg.solve(a, b["x"])},
        lambda vecmat, b: {"x": np.linalg.solve(a.T, b["x"])},
    )["x"]


def equilibrium(w, b):
    return fixed_point(lambda z, w, b: np.tanh(w @ z + b), np.zeros(3), w, b)


SAMPLES = [
    Sample("implicit", square_root, (3.0,)),
    Sample("implicit", cube_root, (3.0,)),
    Sample("implicit", symmetric, (SPD, B)),
    Sample("implicit", general, (SPD + M, B)),
    Sample("implicit", equilibrium, (W, B)),
    Sample("ensure", lambda x: Ensure("it is", "it was")(x, np.all(x < 9.0)), (B,)),
]
