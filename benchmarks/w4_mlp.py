"""W4: one Adam step of a 784-512-256-10 ReLU network on a batch of 128, float32.

Loss, gradient and the whole of Adam in one compiled function. Loss is softmax cross-entropy;
Adam has its usual constants (step 0.001, decays 0.9 and 0.999, epsilon 1e-8, bias correction).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Bar, Case, Extent, Key, Workload
from benchmarks.measure import Contestant, leaves
from benchmarks.peers import load_jax

NAME = "W4 MLP Adam step"
RATE, DECAY1, DECAY2, EPSILON = 1e-3, 0.9, 0.999, 1e-8

# A fifth of a step: Adam's first step is RATE * g / (|g| + EPSILON), so a gradient of EPSILON's
# size carries its rounding error (about 1e-9 in float32) into the parameters magnified by 1e5.
AGREEMENT = 0.2 * RATE

Layer = tuple[np.ndarray, np.ndarray]
Data = tuple[np.ndarray, np.ndarray, list[Layer]]


def network(sizes: Sequence[int] = (784, 512, 256, 10), batch: int = 128) -> Data:
    """A batch of inputs, its labels, and a list of ``(W, b)``."""
    rng = np.random.default_rng(0)
    layers = [
        (
            (rng.standard_normal((a, b)) * np.sqrt(2.0 / a)).astype(np.float32),
            np.zeros(b, np.float32),
        )
        for a, b in itertools.pairwise(sizes)
    ]
    x = rng.random((batch, sizes[0]), dtype=np.float32)
    return x, rng.integers(0, sizes[-1], batch), layers


def _loss_and_params(state: Any) -> list[np.ndarray]:
    return leaves((state["loss"], state["params"]))


def by_hand(data: Data) -> Sequence[Contestant]:
    x, labels, first = data
    rows = np.arange(len(labels))
    activations = [np.empty((len(x), b.size), np.float32) for _, b in first]
    errors = [np.empty_like(a) for a in activations]
    gradients = [(np.empty_like(w), np.empty_like(b)) for w, b in first]
    scratch = [(np.empty_like(w), np.empty_like(b)) for w, b in first]

    def start() -> Any:
        return {
            "params": [(w.copy(), b.copy()) for w, b in first],
            "m": [(np.zeros_like(w), np.zeros_like(b)) for w, b in first],
            "v": [(np.zeros_like(w), np.zeros_like(b)) for w, b in first],
            "count": 0,
            "loss": np.float32(0.0),
        }

    def loss_and_gradient(params: list[Layer]) -> np.float32:
        last = len(params) - 1
        below = x
        for i, (w, b) in enumerate(params):
            h = activations[i]
            np.matmul(below, w, out=h)
            np.add(h, b, out=h)
            if i < last:
                np.maximum(h, 0.0, out=h)
            below = h
        z, dz = activations[last], errors[last]
        np.subtract(z, z.max(axis=1, keepdims=True), out=z)
        np.exp(z, out=dz)
        total = dz.sum(axis=1, keepdims=True)
        loss = np.mean(np.log(total[:, 0]) - z[rows, labels])
        np.divide(dz, total, out=dz)
        dz[rows, labels] -= 1.0
        np.multiply(dz, np.float32(1.0 / len(labels)), out=dz)
        for i in range(last, -1, -1):
            below = activations[i - 1] if i else x
            np.matmul(below.T, errors[i], out=gradients[i][0])
            np.sum(errors[i], axis=0, out=gradients[i][1])
            if i:
                np.matmul(errors[i], params[i][0].T, out=errors[i - 1])
                np.multiply(errors[i - 1], below > 0.0, out=errors[i - 1])
        return loss

    def adam(p: Any, m: Any, v: Any, g: Any, s: Any, rate: float, unbias: float) -> None:
        np.multiply(m, DECAY1, out=m)
        np.multiply(g, 1.0 - DECAY1, out=s)
        np.add(m, s, out=m)
        np.multiply(v, DECAY2, out=v)
        np.multiply(g, g, out=g)
        np.multiply(g, 1.0 - DECAY2, out=g)
        np.add(v, g, out=v)
        np.multiply(v, unbias, out=s)
        np.sqrt(s, out=s)
        np.add(s, EPSILON, out=s)
        np.divide(m, s, out=s)
        np.multiply(s, rate, out=s)
        np.subtract(p, s, out=p)

    def step(state: Any) -> Any:
        state["loss"] = loss_and_gradient(state["params"])
        state["count"] += 1
        rate = RATE / (1.0 - DECAY1 ** state["count"])
        unbias = 1.0 / (1.0 - DECAY2 ** state["count"])
        groups = zip(state["params"], state["m"], state["v"], gradients, scratch, strict=True)
        for group in groups:
            for p, m, v, g, s in zip(*group, strict=True):
                adam(p, m, v, g, s, rate, unbias)
        return state

    return [Contestant("NumPy in place", step, start, read=_loss_and_params)]


def with_funcgrad(data: Data) -> Sequence[Contestant]:
    from funcgrad import jit, nn, optim, value_and_grad

    x, labels, first = data
    adam = optim.adam(RATE)

    def loss(params: Any, x: Any, labels: Any) -> Any:
        for w, b in params[:-1]:
            x = nn.relu(x @ w + b)
        w, b = params[-1]
        return nn.cross_entropy(x @ w + b, labels)

    @jit
    def update(params: Any, moments: Any, x: Any, labels: Any) -> Any:
        value, gradients = value_and_grad(loss)(params, x, labels)
        updates, moments = adam.update(gradients, moments, params)
        return optim.apply_updates(params, updates), moments, value

    def step(state: Any) -> Any:
        params, moments, value = update(state["params"], state["moments"], x, labels)
        return {"params": params, "moments": moments, "loss": value}

    def start() -> Any:
        return {"params": first, "moments": adam.init(first), "loss": None}

    return [Contestant("funcgrad.jit", step, start, read=_loss_and_params, compiled=True)]


def with_jax(data: Data) -> Sequence[Contestant]:
    jax = load_jax()
    jnp = jax.numpy
    tree_map = jax.tree.map
    x, labels = jnp.asarray(data[0]), jnp.asarray(data[1])

    def loss(params: Any, x: Any, labels: Any) -> Any:
        for w, b in params[:-1]:
            x = jax.nn.relu(x @ w + b)
        w, b = params[-1]
        log_p = jax.nn.log_softmax(x @ w + b)
        return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))

    def update(params: Any, m: Any, v: Any, count: Any, x: Any, labels: Any) -> Any:
        value, g = jax.value_and_grad(loss)(params, x, labels)
        count = count + 1
        m = tree_map(lambda m, g: DECAY1 * m + (1.0 - DECAY1) * g, m, g)
        v = tree_map(lambda v, g: DECAY2 * v + (1.0 - DECAY2) * g * g, v, g)
        unbias1 = 1.0 - jnp.float32(DECAY1) ** count
        unbias2 = 1.0 - jnp.float32(DECAY2) ** count
        params = tree_map(
            lambda p, m, v: p - RATE * (m / unbias1) / (jnp.sqrt(v / unbias2) + EPSILON),
            params,
            m,
            v,
        )
        return params, m, v, count, value

    def contestant(name: str, compiled: Any) -> Contestant:
        def step(state: Any) -> Any:
            params, m, v, count, value = compiled(
                state["params"], state["m"], state["v"], state["count"], x, labels
            )
            return {"params": params, "m": m, "v": v, "count": count, "loss": value}

        def start() -> Any:
            first = [(jnp.array(w), jnp.array(b)) for w, b in data[2]]
            state = {
                "params": first,
                "m": tree_map(jnp.zeros_like, first),
                "v": tree_map(jnp.zeros_like, first),
                "count": jnp.int32(0),
                "loss": jnp.float32(0.0),
            }
            return jax.block_until_ready(state)

        return Contestant(name, step, start, jax.block_until_ready, _loss_and_params, compiled=True)

    return [
        contestant("jax.jit", jax.jit(update)),
        contestant("jax.jit donating", jax.jit(update, donate_argnums=(0, 1, 2, 3))),
    ]


def with_torch(data: Data) -> Sequence[Contestant]:
    import torch

    x, labels = torch.from_numpy(data[0]), torch.from_numpy(data[1])

    def start() -> Any:
        params = [tuple(torch.tensor(p, requires_grad=True) for p in layer) for layer in data[2]]
        flat = [p for layer in params for p in layer]
        adam = torch.optim.Adam(flat, RATE, (DECAY1, DECAY2), EPSILON)
        return {"params": params, "adam": adam, "loss": None}

    def step(state: Any) -> Any:
        h = x
        for w, b in state["params"][:-1]:
            h = torch.relu(h @ w + b)
        w, b = state["params"][-1]
        loss = torch.nn.functional.cross_entropy(h @ w + b, labels)
        state["adam"].zero_grad()
        loss.backward()
        state["adam"].step()
        state["loss"] = loss
        return state

    return [Contestant("torch", step, start, read=_loss_and_params)]


def case(name: str = NAME, sizes: Sequence[int] = (784, 512, 256, 10), batch: int = 128) -> Case:
    data = network(sizes, batch)
    return Case(
        name,
        {
            "by hand": lambda: by_hand(data),
            "funcgrad": lambda: with_funcgrad(data),
            "jax": lambda: with_jax(data),
            "torch": lambda: with_torch(data),
        },
        rtol=1e-4,
        atol=AGREEMENT,
    )


def workload(extent: Extent) -> Workload:
    return Workload(
        "W4",
        "one Adam step of a 784-512-256-10 network, batch 128, float32",
        (case(),),
        (
            Bar(
                "jitted step / jax.jit step",
                ((Key(NAME, "funcgrad.jit"), Key(NAME, "jax.jit")),),
                1.35,
            ),
        ),
    )
