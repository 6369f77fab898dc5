"""W11: whole training loops in ``fori_loop``, against the same steps called from Python.

The steps are those of W2 and W3; a loop must add no more than a tenth to their sum. Both sides of
the bar are funcgrad's: jitted steps called one by one, and one jitted loop over them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import w2_neuron, w3_spiral
from benchmarks.cases import Bar, Case, Extent, Key, Workload
from benchmarks.measure import Contestant
from benchmarks.peers import load_jax

NEURON, SPIRAL = "W11 neuron, 1000 steps", "W11 spiral, 50 steps"


def loops(
    jit: Callable[..., Any], fori_loop: Callable[..., Any], step: Callable[[Any], Any], count: int
) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """``count`` steps called from Python, and in one compiled loop."""
    one = jit(step)

    def called(params: Any) -> Any:
        for _ in range(count):
            params = one(params)
        return params

    return called, jit(lambda params: fori_loop(0, count, lambda i, p: step(p), params))


def neuron_with_funcgrad(count: int) -> Sequence[Contestant]:
    from funcgrad import fori_loop, grad, jit

    loss = w2_neuron.neuron_loss(np, w2_neuron.X, w2_neuron.Y)
    called, looped = loops(jit, fori_loop, w2_neuron.descend(grad, loss), count)
    return [
        Contestant("funcgrad.jit, steps", lambda _: called(w2_neuron.start())),
        Contestant("funcgrad.jit, fori_loop", lambda _: looped(w2_neuron.start()), compiled=True),
    ]


def neuron_with_jax(count: int) -> Sequence[Contestant]:
    jax = load_jax()
    jnp = jax.numpy
    loss = w2_neuron.neuron_loss(jnp, jnp.asarray(w2_neuron.X), jnp.asarray(w2_neuron.Y))
    step = w2_neuron.descend(jax.grad, loss)
    _, looped = loops(jax.jit, jax.lax.fori_loop, step, count)
    first = tuple(jnp.asarray(p) for p in w2_neuron.start())
    return [
        Contestant(
            "jax.jit, fori_loop", lambda _: jax.block_until_ready(looped(first)), compiled=True
        )
    ]


def spiral_with_funcgrad(data: Any, count: int) -> Sequence[Contestant]:
    from funcgrad import fori_loop, grad, jit, nn

    x, labels, first = data

    def loss(params: Any) -> Any:
        w1, b1, w2, b2 = params
        return nn.cross_entropy(nn.relu(x @ w1 + b1) @ w2 + b2, labels)

    def step(params: Any) -> Any:
        gradients = grad(loss)(params)
        return [p - w3_spiral.RATE * g for p, g in zip(params, gradients, strict=True)]

    called, looped = loops(jit, fori_loop, step, count)
    return [
        Contestant("funcgrad.jit, steps", lambda _: called(first)),
        Contestant("funcgrad.jit, fori_loop", lambda _: looped(first), compiled=True),
    ]


def neuron_case(name: str = NEURON, count: int = 1000) -> Case:
    return Case(
        name,
        {
            "funcgrad": lambda: neuron_with_funcgrad(count),
            "jax": lambda: neuron_with_jax(count),
        },
    )


def spiral_case(name: str = SPIRAL, points: int = 100, count: int = 50) -> Case:
    data = w3_spiral.spiral(points, 100)
    return Case(name, {"funcgrad": lambda: spiral_with_funcgrad(data, count)})


def workload(extent: Extent) -> Workload:
    def bar(case: str) -> Bar:
        ours = Key(case, "funcgrad.jit, fori_loop"), Key(case, "funcgrad.jit, steps")
        return Bar(f"{case}: loop / its steps", (ours,), 1.1)

    return Workload(
        "W11",
        "training loops of W2 and W3 in fori_loop",
        (neuron_case(), spiral_case()),
        (bar(NEURON), bar(SPIRAL)),
    )
