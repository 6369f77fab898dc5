"""W3: one full-batch training step on the spiral: 300 points, 2-100-3 ReLU, softmax cross-entropy.

float64, step size 1.0, loss and new parameters from one compiled function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Bar, Case, Extent, Key, Workload
from benchmarks.measure import Contestant
from benchmarks.peers import load_jax

NAME = "W3 spiral step"
RATE = 1.0
CLASSES = 3

Data = tuple[np.ndarray, np.ndarray, list[np.ndarray]]


def spiral(points: int = 100, hidden: int = 100) -> Data:
    """The points, their labels and the first parameters ``[W1, b1, W2, b2]``."""
    rng = np.random.default_rng(0)
    x = np.empty((CLASSES * points, 2))
    for j in range(CLASSES):
        r = np.linspace(0.0, 1.0, points)
        t = np.linspace(4.0 * j, 4.0 * (j + 1), points) + 0.2 * rng.standard_normal(points)
        x[j * points : (j + 1) * points] = np.stack([r * np.sin(t), r * np.cos(t)], axis=1)
    labels = np.repeat(np.arange(CLASSES), points)
    params = [
        0.01 * rng.standard_normal((2, hidden)),
        np.zeros(hidden),
        0.01 * rng.standard_normal((hidden, CLASSES)),
        np.zeros(CLASSES),
    ]
    return x, labels, params


def by_hand(data: Data) -> Sequence[Contestant]:
    x, labels, first = data
    rows = np.arange(len(labels))
    hidden = first[0].shape[1]
    h = np.empty((len(x), hidden))
    dh = np.empty_like(h)
    z = np.empty((len(x), CLASSES))

    def start() -> Any:
        return 0.0, [p.copy() for p in first]

    def step(state: Any) -> Any:
        params = state[1]
        w1, b1, w2, b2 = params
        np.matmul(x, w1, out=h)
        np.add(h, b1, out=h)
        np.maximum(h, 0.0, out=h)
        np.matmul(h, w2, out=z)
        np.add(z, b2, out=z)
        np.subtract(z, z.max(axis=1, keepdims=True), out=z)
        picked = z[rows, labels]
        np.exp(z, out=z)
        total = z.sum(axis=1, keepdims=True)
        loss = np.mean(np.log(total[:, 0]) - picked)
        np.divide(z, total, out=z)
        z[rows, labels] -= 1.0
        np.multiply(z, 1.0 / len(labels), out=z)
        np.matmul(z, w2.T, out=dh)
        np.multiply(dh, h > 0.0, out=dh)
        gradients = (x.T @ dh, dh.sum(axis=0), h.T @ z, z.sum(axis=0))
        for p, g in zip(params, gradients, strict=True):
            np.multiply(g, RATE, out=g)
            np.subtract(p, g, out=p)
        return loss, params

    return [Contestant("NumPy in place", step, start)]


def with_funcgrad(data: Data) -> Sequence[Contestant]:
    from funcgrad import jit, nn, value_and_grad

    x, labels, first = data

    def loss(params: Any) -> Any:
        w1, b1, w2, b2 = params
        return nn.cross_entropy(nn.relu(x @ w1 + b1) @ w2 + b2, labels)

    @jit
    def update(params: Any) -> Any:
        value, gradients = value_and_grad(loss)(params)
        return value, [p - RATE * g for p, g in zip(params, gradients, strict=True)]

    return [
        Contestant(
            "funcgrad.jit", lambda state: update(state[1]), lambda: (None, first), compiled=True
        )
    ]


def with_jax(data: Data) -> Sequence[Contestant]:
    jax = load_jax()
    jnp = jax.numpy
    x, labels = jnp.asarray(data[0]), jnp.asarray(data[1])

    def loss(params: Any) -> Any:
        w1, b1, w2, b2 = params
        logits = jax.nn.relu(x @ w1 + b1) @ w2 + b2
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
        return -jnp.mean(picked)

    @jax.jit
    def update(params: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(params)
        return value, [p - RATE * g for p, g in zip(params, gradients, strict=True)]

    def start() -> Any:
        return None, jax.block_until_ready([jnp.asarray(p) for p in data[2]])

    return [
        Contestant(
            "jax.jit",
            lambda state: update(state[1]),
            start,
            jax.block_until_ready,
            compiled=True,
        )
    ]


def with_torch(data: Data) -> Sequence[Contestant]:
    import torch

    x, labels = torch.from_numpy(data[0]), torch.from_numpy(data[1])

    def start() -> Any:
        return None, [torch.tensor(p, requires_grad=True) for p in data[2]]

    def step(state: Any) -> Any:
        params = state[1]
        w1, b1, w2, b2 = params
        loss = torch.nn.functional.cross_entropy(torch.relu(x @ w1 + b1) @ w2 + b2, labels)
        gradients = torch.autograd.grad(loss, params)
        with torch.no_grad():
            for p, g in zip(params, gradients, strict=True):
                p.sub_(g, alpha=RATE)
        return loss, params

    return [Contestant("torch", step, start)]


def case(name: str = NAME, points: int = 100, hidden: int = 100) -> Case:
    data = spiral(points, hidden)
    return Case(
        name,
        {
            "by hand": lambda: by_hand(data),
            "funcgrad": lambda: with_funcgrad(data),
            "jax": lambda: with_jax(data),
            "torch": lambda: with_torch(data),
        },
        steps=3,
    )


def workload(extent: Extent) -> Workload:
    return Workload(
        "W3",
        "one full-batch step on the spiral, 300 points, 2-100-3, float64",
        (case(),),
        (
            Bar(
                "jitted step / jax.jit step",
                ((Key(NAME, "funcgrad.jit"), Key(NAME, "jax.jit")),),
                1.35,
            ),
        ),
    )
