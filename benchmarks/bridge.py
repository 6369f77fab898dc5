"""What the bridge costs beside programs that are written for JAX by hand.

``python -m benchmarks.bridge`` prints it. All times are of the processor, of
all threads, and taken in turns in one process: so what else the machine does counts for both.
"""

import itertools
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

import funcgrad as fg
from funcgrad import lax
from funcgrad.bridge import to_jax

rng = np.random.default_rng(0)


def mlp(np):
    """The loss of a network of three layers, written with ``np``."""

    def loss(params, x, labels):
        for layer in params[:-1]:
            x = np.tanh(x @ layer["w"] + layer["b"])
        z = x @ params[-1]["w"] + params[-1]["b"]
        z = z - np.max(z, axis=1, keepdims=True)
        z = z[np.arange(len(labels)), labels] - np.log(np.sum(np.exp(z), axis=1))
        return -np.mean(z)

    return loss


def rnn(np, scan):
    """The loss of a recurrent network, written with ``np`` and ``scan``."""

    def loss(params, xs):
        def step(h, x):
            h = np.tanh(params["w"] @ h + params["u"] @ x)
            return h, np.sum(h)

        return np.sum(scan(step, np.zeros(64), xs)[1] ** 2)

    return loss


SIZES = [2, 64, 64, 3]
MLP_ARGS = (
    [
        {"w": rng.normal(size=(a, b)) / np.sqrt(a), "b": np.zeros(b)}
        for a, b in itertools.pairwise(SIZES)
    ],
    rng.normal(size=(300, 2)),
    rng.integers(0, 3, 300),
)
RNN_ARGS = (
    {"w": rng.normal(size=(64, 64)) * 0.1, "u": rng.normal(size=(64, 16))},
    rng.normal(size=(100, 16)),
)
CASES = {
    "mlp": (fg.value_and_grad(mlp(np)), jax.value_and_grad(mlp(jnp)), MLP_ARGS),
    "rnn": (
        fg.value_and_grad(rnn(np, lax.scan)),
        jax.value_and_grad(rnn(jnp, jax.lax.scan)),
        RNN_ARGS,
    ),
}


def seconds(f, *args, times=1):
    """The processor's time of some calls."""
    start = time.process_time()
    for _ in range(times):
        jax.block_until_ready(f(*args))
    return time.process_time() - start


def first_calls(case, rounds=5):
    """Ratios of first calls, tracing and compilation, of the bridge to JAX by hand."""
    ours, theirs, args = CASES[case]
    ratios = []
    for _ in range(rounds):
        jax.clear_caches()
        a = seconds(jax.jit(to_jax(lambda *args: ours(*args))), *args)
        jax.clear_caches()
        b = seconds(jax.jit(lambda *args: theirs(*args)), *args)
        ratios.append(a / b)
    return ratios


def calls(case, rounds=15, times=40):
    """Ratios of later calls, of the bridge to JAX by hand."""
    ours, theirs, args = CASES[case]
    args = jax.tree.map(jnp.array, args)
    a, b = jax.jit(to_jax(ours)), jax.jit(theirs)
    seconds(a, *args, times=10), seconds(b, *args, times=10)
    return [seconds(a, *args, times=times) / seconds(b, *args, times=times) for _ in range(rounds)]


def overheads(rounds=15, times=500):
    """Microseconds of a call of ``jit(f, backend="jax")`` beyond one of `jax.jit`."""
    x = np.ones(8)
    a, b = fg.jit(lambda x: np.tanh(x) * 2.0, backend="jax"), jax.jit(lambda x: jnp.tanh(x) * 2.0)
    seconds(a, x, times=50), seconds(b, x, times=50)
    return [
        (seconds(a, x, times=times) - seconds(b, x, times=times)) / times * 1e6
        for _ in range(rounds)
    ]


def show(name, found, bar):
    print(f"{name:32} median {statistics.median(found):6.2f}  least {min(found):6.2f}  bar {bar}")


def main():
    with jax.enable_x64(True):
        for case in CASES:
            show(f"{case}: a call, to hand-written", calls(case), 1.1)
            show(f"{case}: the first call", first_calls(case), 1.6)
        show("jit(backend='jax'), microseconds", overheads(), 60)


if __name__ == "__main__":
    main()
