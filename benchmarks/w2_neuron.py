"""W2: one gradient-descent step of a neuron with two inputs, called from a Python loop.

Twelve samples, ``sigmoid(sum(X*W, 1) + b)``, mean squared error, learning rate 0.01, float64. The
arrays are so small that the price of a call decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Bar, Case, Extent, Key, Workload
from benchmarks.measure import Contestant
from benchmarks.peers import load_jax

NAME = "W2 neuron step"
RATE = 0.01
X = np.array(
    [
        [0.5, 0.9],
        [14, 12],
        [15, 13.6],
        [28, 22.8],
        [11, 8.1],
        [8, 7.1],
        [3, 2.9],
        [-4, 0.1],
        [6, 5.3],
        [13, 12],
        [21, 19.9],
        [-1, 1.5],
    ]
)
Y = 0.01 * np.array([35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4, 29.1])


def neuron_loss(np_like: Any, x: Any, y: Any) -> Callable[[Any], Any]:
    """The mean squared error as a function of ``(W, b)``, over a NumPy-like namespace."""

    def loss(params: Any) -> Any:
        w, b = params
        prediction = 1.0 / (1.0 + np_like.exp(-(np_like.sum(x * w, axis=1) + b)))
        return np_like.mean((prediction - y) ** 2)

    return loss


def descend(grad: Callable[..., Any], loss: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The step ``params -> params - RATE * gradient``."""

    def step(params: Any) -> Any:
        dw, db = grad(loss)(params)
        return params[0] - RATE * dw, params[1] - RATE * db

    return step


def start() -> tuple[np.ndarray, np.float64]:
    return np.ones(2), np.float64(0.0)


def by_hand() -> Sequence[Contestant]:
    size = len(Y)
    p, d, q = np.empty(size), np.empty(size), np.empty(size)
    dw = np.empty(2)
    transposed = np.ascontiguousarray(X.T)

    def step(params: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        w, b = params
        np.dot(X, w, out=p)
        np.add(p, b, out=p)
        np.negative(p, out=p)
        np.exp(p, out=p)
        np.add(p, 1.0, out=p)
        np.divide(1.0, p, out=p)
        np.subtract(p, Y, out=d)
        np.subtract(1.0, p, out=q)
        np.multiply(d, p, out=d)
        np.multiply(d, q, out=d)
        np.multiply(d, RATE * 2.0 / size, out=d)
        np.dot(transposed, d, out=dw)
        np.subtract(w, dw, out=w)
        np.subtract(b, d.sum(), out=b)
        return params

    return [Contestant("NumPy in place", step, lambda: (np.ones(2), np.zeros(())))]


def with_funcgrad() -> Sequence[Contestant]:
    from funcgrad import grad, jit

    loss = neuron_loss(np, X, Y)
    return [
        Contestant("funcgrad", descend(grad, loss), start),
        Contestant("funcgrad.jit", jit(descend(grad, loss)), start, compiled=True),
    ]


def with_jax() -> Sequence[Contestant]:
    jax = load_jax()
    jnp = jax.numpy
    compiled = jax.jit(descend(jax.grad, neuron_loss(jnp, jnp.asarray(X), jnp.asarray(Y))))
    return [
        Contestant(
            "jax.jit",
            compiled,
            lambda: jax.block_until_ready(tuple(jnp.asarray(p) for p in start())),
            jax.block_until_ready,
            compiled=True,
        )
    ]


def with_torch() -> Sequence[Contestant]:
    import torch

    x, y = torch.from_numpy(X), torch.from_numpy(Y)

    def begin() -> Any:
        return tuple(torch.tensor(p, requires_grad=True) for p in start())

    def step(params: Any) -> Any:
        w, b = params
        loss = torch.mean((torch.sigmoid(torch.sum(x * w, dim=1) + b) - y) ** 2)
        dw, db = torch.autograd.grad(loss, params)
        with torch.no_grad():
            w -= RATE * dw
            b -= RATE * db
        return params

    return [Contestant("torch", step, begin)]


def with_autograd() -> Sequence[Contestant]:
    import autograd
    import autograd.numpy as anp

    return [Contestant("autograd", descend(autograd.grad, neuron_loss(anp, X, Y)), start)]


def case() -> Case:
    return Case(
        NAME,
        {
            "by hand": by_hand,
            "funcgrad": with_funcgrad,
            "jax": with_jax,
            "torch": with_torch,
            "autograd": with_autograd,
        },
        steps=5,
    )


def workload(extent: Extent) -> Workload:
    return Workload(
        "W2",
        "one descent step of a neuron, 12 samples, float64",
        (case(),),
        (
            Bar(
                "jitted step / jax.jit step",
                ((Key(NAME, "funcgrad.jit"), Key(NAME, "jax.jit")),),
                1.2,
            ),
        ),
    )
