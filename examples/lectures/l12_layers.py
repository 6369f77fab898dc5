"""L12: two layers by the chain rule, and the errors of each layer, which the textbooks call delta.

The error of a layer is the gradient by what goes into its activation. `name` gives that value a
name, and the explanation has its gradient under it.

    python examples/lectures/l12_layers.py
"""

import numpy as np
from lecture import close, folder, save

from funcgrad import explain, grad, name, nn

X, Y = 2.0, 3.0


def regression(w1, b1, w2, b2):
    return (w2 * (w1 * X + b1) + b2 - Y) ** 2


def net(params, x, y):
    z1 = name(params["W1"] @ x + params["b1"], "delta1")
    a1 = nn.sigmoid(z1)
    z2 = name(params["W2"] @ a1 + params["b2"], "delta2")
    a2 = nn.sigmoid(z2)
    return 0.5 * np.sum((a2 - y) ** 2)


def main(argv=None):
    out = folder(argv, __doc__)
    w1, b1, w2, b2 = at = 0.7, -0.2, 1.3, 0.4
    error = 2 * (w2 * (w1 * X + b1) + b2 - Y)
    textbook = error * w2 * X, error * w2, error * (w1 * X + b1), error
    close(grad(regression, argnums=(0, 1, 2, 3))(*at), textbook)
    save(explain(regression, *at, argnums=(0, 1, 2, 3)), out / "l12_regression.svg")

    rng = np.random.default_rng(12)
    x, y = rng.standard_normal(4), rng.standard_normal(2)
    params = {
        "W1": rng.standard_normal((3, 4)),
        "b1": rng.standard_normal(3),
        "W2": rng.standard_normal((2, 3)),
        "b2": rng.standard_normal(2),
    }
    explained = explain(net, params, x, y)
    grads = grad(net)(params, x, y)

    a1 = 1 / (1 + np.exp(-(params["W1"] @ x + params["b1"])))
    a2 = 1 / (1 + np.exp(-(params["W2"] @ a1 + params["b2"])))
    delta2 = (a2 - y) * a2 * (1 - a2)
    delta1 = (params["W2"].T @ delta2) * a1 * (1 - a1)
    for label, delta, below, W, b in (
        ("delta2", delta2, a1, "W2", "b2"),
        ("delta1", delta1, x, "W1", "b1"),
    ):
        close(explained.gradients[label], delta)
        close(grads[W], np.outer(delta, below))
        close(grads[b], delta)
        print(label, explained.gradients[label])
    save(explained, out / "l12_deltas.svg")


if __name__ == "__main__":
    main()
