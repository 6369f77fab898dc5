"""W8: the gradient of each example's loss (vmap of grad), 64-64-1 tanh network, batch 256, float32.

The result for the first layer alone is 256 matrices of 64 x 64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Case, Extent, Workload
from benchmarks.measure import Contestant
from benchmarks.peers import load_jax

NAME = "W8 per-example gradients"

Data = tuple[list[np.ndarray], np.ndarray, np.ndarray]


def network(width: int, batch: int) -> Data:
    """Parameters ``[W1, b1, w2, b2]``, inputs and targets."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    params = [
        normal(width, width) / np.float32(np.sqrt(width)),
        normal(width),
        normal(width, 1) / np.float32(np.sqrt(width)),
        normal(1),
    ]
    return params, normal(batch, width), normal(batch)


def example_loss(np_like: Any) -> Callable[[Any, Any, Any], Any]:
    """The squared error of one example, over a NumPy-like namespace."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = params
        prediction = np_like.tanh(x @ w1 + b1) @ w2 + b2
        return np_like.sum((prediction - y) ** 2)

    return loss


def by_hand(data: Data) -> Sequence[Contestant]:
    (w1, b1, w2, b2), x, y = data

    def gradients(_: Any) -> list[np.ndarray]:
        h = np.tanh(x @ w1 + b1)
        d = 2 * ((h @ w2 + b2) - y[:, None])
        dh = (1 - h * h) * (d * w2[:, 0])
        return [x[:, :, None] * dh[:, None, :], dh, (h * d)[:, :, None], d]

    return [Contestant("NumPy", gradients)]


def with_funcgrad(data: Data) -> Sequence[Contestant]:
    from funcgrad import grad, jit, vmap

    eager = vmap(grad(example_loss(np)), in_axes=(None, 0, 0))
    compiled = jit(vmap(grad(example_loss(np)), in_axes=(None, 0, 0)))
    return [
        Contestant("funcgrad", lambda _: eager(*data)),
        Contestant("funcgrad.jit", lambda _: compiled(*data), compiled=True),
    ]


def with_jax(data: Data) -> Sequence[Contestant]:
    jax = load_jax()
    args = jax.tree.map(jax.numpy.asarray, data)
    compiled = jax.jit(jax.vmap(jax.grad(example_loss(jax.numpy)), in_axes=(None, 0, 0)))
    return [Contestant("jax.jit", lambda _: jax.block_until_ready(compiled(*args)), compiled=True)]


def with_torch(data: Data) -> Sequence[Contestant]:
    import torch

    params, x, y = data
    args = ([torch.from_numpy(p) for p in params], torch.from_numpy(x), torch.from_numpy(y))
    gradients = torch.func.vmap(torch.func.grad(example_loss(torch)), in_dims=(None, 0, 0))
    return [Contestant("torch.func", lambda _: gradients(*args))]


def case(name: str = NAME, width: int = 64, batch: int = 256) -> Case:
    data = network(width, batch)
    return Case(
        name,
        {
            "by hand": lambda: by_hand(data),
            "funcgrad": lambda: with_funcgrad(data),
            "jax": lambda: with_jax(data),
            "torch": lambda: with_torch(data),
        },
        rtol=1e-4,
        atol=1e-4,
    )


def workload(extent: Extent) -> Workload:
    return Workload(
        "W8", "per-example gradients of a 64-64-1 network, batch 256, float32", (case(),)
    )
