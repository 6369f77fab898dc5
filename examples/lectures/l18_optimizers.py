"""L18 and L19: why there is nothing to empty, and optimizers with one call that minimises.

In PyTorch a backward pass *adds* to ``weights.grad``, which the loop has to empty before the next.
Here a gradient is what a function returns: no place keeps the last one.

    python examples/lectures/l18_optimizers.py
"""

import matplotlib.pyplot as plt
import numpy as np
from lecture import close, folder, save, shows

from funcgrad import explain, optim, value_and_grad


def output(weights):
    return np.sum(3 * weights)


def cost(params):
    return (params["a"] - 3.0) ** 2 + 10 * (params["b"] + 1.0) ** 2


def three_steps():
    """The outputs of three steps of SGD; each gradient is 3, and none adds to another."""
    weights, opt = np.ones(4), optim.sgd(0.1)
    state, outputs = opt.init(weights), []
    for _ in range(3):
        value, gradient = value_and_grad(output)(weights)
        close(gradient, np.full(4, 3.0))
        outputs.append(value)
        updates, state = opt.update(gradient, state, weights)
        weights = optim.apply_updates(weights, updates)
    return [*outputs, output(weights)]


def main(argv=None):
    out = folder(argv, __doc__)
    print("outputs", shows(three_steps(), "12.0", "8.4", "4.8", "1.2"))
    # What comes of a gradient that is not emptied: 3, then 6, then 9.
    kept, weights, seen = np.zeros(4), np.ones(4), []
    for _ in range(3):
        seen.append(output(weights))
        kept += value_and_grad(output)(weights)[1]
        weights -= 0.1 * kept
    print("without emptying", shows([*seen, output(weights)], "12.0", "8.4", "1.2", "-9.6"))
    save(explain(output, np.ones(4)), out / "l18_nothing_to_empty.svg")

    # TensorFlow: GradientDescentOptimizer(0.04).minimize(cost), run 400 times. Here one call.
    start, ways = {"a": 0.0, "b": 0.0}, {}
    for label, opt, steps in (
        ("SGD", optim.sgd(0.04), 400),
        ("RMSprop", optim.rmsprop(0.01), 2000),
    ):
        params, ways[label] = optim.minimize(cost, start, opt, steps=steps)
        assert ways[label][0] == 19.0
        close((params["a"], params["b"]), (3.0, -1.0), 1e-2)
    assert start == {"a": 0.0, "b": 0.0}

    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    for label, history in ways.items():
        axis.loglog(np.arange(1, len(history) + 1), history, label=label)
    axis.set(xlabel="step", ylabel="cost", title="(a - 3)² + 10 (b + 1)²", ylim=(1e-9, 1e2))
    axis.grid(alpha=0.25)
    axis.legend(frameon=False)
    save(figure, out / "l19_optimizers.png")


if __name__ == "__main__":
    main()
