"""L12: two layers by the chain rule, and the errors of each layer, which the textbooks call delta.

The error of a layer is the gradient by what goes into its activation. `name` gives that value a
name, and the explanation has its gradient under it. A function under `jit` is one box of a picture.

    python examples/lectures/l12_layers.py
"""

import numpy as np
from lecture import close, folder, save

from funcgrad import explain, grad, jit, name, nn

X, Y = 2.0, 3.0


def regression(w1, b1, w2, b2):
    return (w2 * (w1 * X + b1) + b2 - Y) ** 2


@jit
def half_square(a, y):
    return 0.5 * np.sum((a - y) ** 2)


def net(W1, b1, W2, b2, x, y):
    z1 = name(W1 @ x + b1, "delta1")
    a1 = nn.sigmoid(z1)
    z2 = name(W2 @ a1 + b2, "delta2")
    a2 = nn.sigmoid(z2)
    return half_square(a2, y)


def main(argv=None):
    out = folder(argv, __doc__)
    w1, b1, w2, b2 = at = 0.7, -0.2, 1.3, 0.4
    error = 2 * (w2 * (w1 * X + b1) + b2 - Y)
    textbook = error * w2 * X, error * w2, error * (w1 * X + b1), error
    close(grad(regression, argnums=(0, 1, 2, 3))(*at), textbook)
    save(explain(regression, *at, argnums=(0, 1, 2, 3)), out / "l12_regression.svg")

    rng = np.random.default_rng(12)
    x, y = rng.standard_normal(4), rng.standard_normal(2)
    W1, b1, W2, b2 = params = [rng.standard_normal(s) for s in ((3, 4), (3,), (2, 3), (2,))]
    numbers = tuple(range(4))
    explained = explain(net, *params, x, y, argnums=numbers)
    dW1, db1, dW2, db2 = grad(net, argnums=numbers)(*params, x, y)

    a1 = 1 / (1 + np.exp(-(W1 @ x + b1)))
    a2 = 1 / (1 + np.exp(-(W2 @ a1 + b2)))
    delta2 = (a2 - y) * a2 * (1 - a2)
    delta1 = (W2.T @ delta2) * a1 * (1 - a1)
    for label, delta, below, dW, db in (
        ("delta2", delta2, a1, dW2, db2),
        ("delta1", delta1, x, dW1, db1),
    ):
        close(explained.gradients[label], delta)
        close(dW, np.outer(delta, below))
        close(db, delta)
        print(label, explained.gradients[label])
    save(explained, out / "l12_deltas.svg")


if __name__ == "__main__":
    main()
