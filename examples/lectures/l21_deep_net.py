"""L21: algorithms 6.3 and 6.4: a deep net forward and backward, with a regulariser.

Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5.4. The gradient by what goes into
each layer, ``g`` of the algorithm, has a name here.

    python examples/lectures/l21_deep_net.py
"""

import itertools

import numpy as np
from lecture import close, folder, save

from funcgrad import explain, grad, jit, name, tree

SIZES, DECAY = [4, 6, 5, 2], 0.1


def cost(params, x, y):
    h = x
    for k, (W, b) in enumerate(params):
        h = np.tanh(name(b + W @ h, f"g{k}"))
    regulariser = sum(np.sum(W**2) for W, _ in params)
    return 0.5 * np.sum((h - y) ** 2) + DECAY * regulariser


def by_algorithm_6_4(params, x, y):
    """The gradients of the parameters, and of what goes into each activation, from the last."""
    hidden = [x]
    for W, b in params:
        hidden.append(np.tanh(b + W @ hidden[-1]))
    g = hidden[-1] - y
    grads, inputs = [], []
    for (W, _), below, above in zip(params[::-1], hidden[-2::-1], hidden[:0:-1], strict=True):
        g = g * (1 - above**2)
        inputs.insert(0, g)
        grads.insert(0, (np.outer(g, below) + DECAY * 2 * W, g))
        g = W.T @ g
    return grads, inputs


def main(argv=None):
    out = folder(argv, __doc__)
    rng = np.random.default_rng(21)
    params = [
        (rng.standard_normal((m, n)), rng.standard_normal(m)) for n, m in itertools.pairwise(SIZES)
    ]
    x, y = rng.standard_normal(4), rng.standard_normal(2)
    grads, inputs = by_algorithm_6_4(params, x, y)
    tree.map(close, grad(cost)(params, x, y), grads)
    tree.map(close, jit(grad(cost))(params, x, y), grads)
    explained = explain(cost, params, x, y)
    for k, g in enumerate(inputs):
        close(explained.gradients[f"g{k}"], g)
        print(f"g{k}: norm {np.linalg.norm(g):.4f}")
    save(explained, out / "l21_deep_net.svg")


if __name__ == "__main__":
    main()
