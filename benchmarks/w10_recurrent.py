"""W10: the gradient of a tanh RNN, hidden 64, batch 32, 200 steps, float32, by ``scan``.

The same cell and loss on both sides; only the loop is the library's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import CALL, FIRST_CALL, Bar, Case, Extent, Key, Workload
from benchmarks.measure import Contestant
from benchmarks.peers import load_jax

NAME = "W10 RNN gradient"
Data = tuple[list[np.ndarray], np.ndarray, np.ndarray]


def rnn_loss(np_like: Any, scan: Callable[..., Any]) -> Callable[..., Any]:
    """The mean squared state as a function of ``((w, u, b), x, h)``."""

    def loss(params: Any, x: Any, h: Any) -> Any:
        w, u, b = params

        def step(h: Any, x: Any) -> tuple[Any, Any]:
            h = np_like.tanh(h @ w + x @ u + b)
            return h, h

        return np_like.mean(scan(step, h, x)[1] ** 2)

    return loss


def network(hidden: int, batch: int, steps: int) -> Data:
    rng = np.random.default_rng(0)
    weights = [
        (0.1 * rng.standard_normal((hidden, hidden))).astype(np.float32),
        (0.1 * rng.standard_normal((hidden, hidden))).astype(np.float32),
        np.zeros(hidden, np.float32),
    ]
    x = rng.standard_normal((steps, batch, hidden)).astype(np.float32)
    return weights, x, np.zeros((batch, hidden), np.float32)


def with_funcgrad(data: Data) -> Sequence[Contestant]:
    from funcgrad import grad, jit, scan

    compiled = jit(grad(rnn_loss(np, scan)))
    return [Contestant("funcgrad.jit", lambda _: compiled(*data), compiled=True)]


def with_jax(data: Data) -> Sequence[Contestant]:
    jax = load_jax()
    args = jax.tree.map(jax.numpy.asarray, data)
    compiled = jax.jit(jax.grad(rnn_loss(jax.numpy, jax.lax.scan)))
    return [Contestant("jax.jit", lambda _: jax.block_until_ready(compiled(*args)), compiled=True)]


def case(name: str = NAME, hidden: int = 64, batch: int = 32, steps: int = 200) -> Case:
    data = network(hidden, batch, steps)
    return Case(
        name,
        {"funcgrad": lambda: with_funcgrad(data), "jax": lambda: with_jax(data)},
        rtol=1e-3,
        atol=1e-5,
    )


def workload(extent: Extent) -> Workload:
    def against(quantity: str) -> tuple[tuple[Key, Key], ...]:
        return ((Key(NAME, "funcgrad.jit", quantity), Key(NAME, "jax.jit", quantity)),)

    return Workload(
        "W10",
        "gradient of a tanh RNN by scan, hidden 64, batch 32, 200 steps, float32",
        (case(),),
        (
            Bar("jitted gradient / jax.jit of lax.scan", against(CALL), 1.5),
            Bar("its first call / jax.jit's", against(FIRST_CALL), 0.3),
        ),
    )
