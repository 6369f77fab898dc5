"""A jitted step of Adam beside Optax's, as ``python -m benchmarks.optimizers`` prints it.

One million float32 parameters in 100 leaves. All times are of the processor, of all threads, and
taken in turns in one process: so what else the machine does counts for both. It needs JAX and
Optax.
"""

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

from funcgrad import jit, optim

LEAVES, SIZE, ROUNDS, CALLS = 100, 10_000, 30, 5


def ours(params, grads):
    """A step, and what it begins from."""
    opt = optim.adam(1e-3)
    step = jit(lambda g, s, p: opt.step(p, g, s))
    state = opt.init(params)

    def call():
        return step(grads, state, params)

    return call


def theirs(params, grads):
    """The same of Optax's."""
    opt = optax.adam(1e-3)

    @jax.jit
    def step(g, s, p):
        updates, s = opt.update(g, s, p)
        return optax.apply_updates(p, updates), s

    params, grads = [[jnp.asarray(x) for x in xs] for xs in (params, grads)]
    state = opt.init(params)

    def call():
        return jax.block_until_ready(step(grads, state, params))

    return call


def main():
    """Print the medians and their ratio."""
    rng = np.random.default_rng(0)
    params, grads = (
        [rng.normal(size=SIZE).astype(np.float32) for _ in range(LEAVES)] for _ in range(2)
    )
    contestants = {"funcgrad": ours(params, grads), "optax": theirs(params, grads)}
    times = {name: [] for name in contestants}
    for call in contestants.values():
        call(), call()
    for _ in range(ROUNDS):
        for name, call in contestants.items():
            start = time.process_time()
            for _ in range(CALLS):
                call()
            times[name].append((time.process_time() - start) / CALLS * 1e3)
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.2f} ms")
    print(f"ratio: {medians['funcgrad'] / medians['optax']:.2f} (bar 0.7)")


if __name__ == "__main__":
    main()
