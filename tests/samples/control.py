"""Samples of the primitives that hold programs."""

import numpy as np

import funcgrad as fg
from funcgrad import grad, jit, vmap
from funcgrad.checkpoint_policies import dots_saveable

from . import Sample

RNG = np.random.default_rng(5)
X = RNG.normal(size=3)
STEPS = RNG.normal(size=(4, 3))
ROOTS = np.array([2.0, 3.5, 30.0])


def branch(x, y):
    return fg.cond(y > 0, lambda x: np.sin(x) * x, lambda x: x**3, x)


def recurrence(w, h, xs):
    return fg.scan(lambda h, x: (np.tanh(w * h + x), h * x), h, xs)


def newton(a):
    return fg.while_loop(lambda s: np.abs(s * s - a) > 1e-9 * a, lambda s: 0.5 * (s + a / s), a)


def of_lanes(f):
    """``f`` of every element: written out, so that a plain call is a loop."""
    return lambda *xs: vmap(f)(*xs)


SAMPLES = [
    Sample("call", jit(lambda x, y: np.sin(x) * y), (X, 2.0)),
    Sample("cond", branch, (np.float64(1.5), np.float64(0.5))),
    Sample("cond", branch, (np.float64(1.5), np.float64(-0.5))),
    Sample("batched_cond", of_lanes(branch), (X, np.array([1.0, -1.0, 0.5]))),
    Sample("scan", recurrence, (X, X * 0.5, STEPS)),
    Sample("scan", lambda w: fg.fori_loop(0, 3, lambda i, s: s * w + i, w), (0.75,)),
    Sample("while", newton, (2.0,)),
    Sample("while", lambda a: grad(newton)(a), (2.0,)),
    Sample("batched_while", of_lanes(newton), (ROOTS,)),
    Sample("batched_scan", of_lanes(grad(newton)), (ROOTS,)),
    Sample("checkpoint", fg.checkpoint(lambda x: np.sin(np.sin(x))), (X,)),
    Sample("checkpoint", fg.checkpoint(lambda x: np.sin(x @ x) * x, policy=dots_saveable), (X,)),
    Sample("name", lambda x: fg.checkpoint_name(np.sin(x), "a") * 2.0, (X,)),
]
