"""L10: a network with the hinge loss, on real data, its gradient checked by differences.

``s = W2 @ max(0, W1 @ x)``, the loss ``sum_{j != y} max(0, s_j - s_y + 1)`` of each sample, and
``lambda * (R(W1) + R(W2))`` with ``R(W) = sum(W**2)``.

    python examples/lectures/l10_svm.py
"""

import numpy as np
from lecture import close, folder, save
from sklearn.datasets import load_iris

from funcgrad import explain, jit, nn, testing, tree, value_and_grad

DECAY = 1e-3
hinge = jit(nn.hinge)  # one box of the picture


def data():
    """150 irises: four measures each, centred and scaled, and a 1 for the bias; three species."""
    X, y = load_iris(return_X_y=True)
    return np.column_stack([(X - X.mean(0)) / X.std(0), np.ones(len(X))]), y


def scores(params, X):
    return np.maximum(0, X @ params["W1"].T) @ params["W2"].T


def loss(params, X, y):
    regulariser = np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2)
    return hinge(scores(params, X), y) + DECAY * regulariser


def by_the_formula(params, X, y):
    """The same loss, sample by sample as the lecture writes it."""
    total = 0.0
    for x, label in zip(X, y, strict=True):
        s = params["W2"] @ np.maximum(0, params["W1"] @ x)
        total += sum(max(0, s[j] - s[label] + 1) for j in range(len(s)) if j != label)
    return total / len(X) + DECAY * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))


def main(argv=None):
    out = folder(argv, __doc__)
    rng = np.random.default_rng(0)
    X, y = data()
    params = {"W1": rng.standard_normal((8, 5)), "W2": rng.standard_normal((3, 8))}
    close(loss(params, X, y), by_the_formula(params, X, y))
    testing.check_grads(lambda p: loss(p, X[:20], y[:20]), (params,), order=1, modes=("rev",))

    step = jit(value_and_grad(loss))
    losses = []
    for _ in range(2000):
        value, gradient = step(params, X, y)
        params = tree.map(lambda p, g: p - 0.1 * g, params, gradient)
        losses.append(value)
    right = np.mean(np.argmax(scores(params, X), axis=1) == y)
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}, accuracy {right:.4f}")
    assert losses[-1] < 0.1 * losses[0]
    assert right > 0.96
    save(explain(loss, params, X, y, argnums=0), out / "l10_svm.svg")


if __name__ == "__main__":
    main()
