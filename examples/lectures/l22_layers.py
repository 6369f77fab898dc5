"""L22: the layers of the textbook, and what they do with numbers as large as 1000.

Add, Multiply, ReLU, Sigmoid, Affine, and softmax with cross-entropy, whose gradient is ``y - t``.

    python examples/lectures/l22_layers.py
"""

import numpy as np
from lecture import close, folder, save

from funcgrad import explain, grad, nn, value_and_grad, vjp, vmap


def two_layers(params, X, labels):
    hidden = nn.relu(X @ params["W1"] + params["b1"])
    return nn.cross_entropy(hidden @ params["W2"] + params["b2"], labels)


def main(argv=None):
    out = folder(argv, __doc__)
    rng = np.random.default_rng(22)
    X, W, b, dY = (rng.standard_normal(s) for s in ((5, 3), (3, 4), (4,), (5, 4)))
    _, pull = vjp(lambda X, W, b: X @ W + b, X, W, b)
    for got, textbook in zip(pull(dY), (dY @ W.T, X.T @ dY, dY.sum(0)), strict=True):
        close(got, textbook)

    x, dx = rng.standard_normal((2, 7))
    s = nn.sigmoid(x)
    close(vjp(nn.relu, x)[1](dx)[0], np.where(x > 0, dx, 0))
    close(vjp(nn.sigmoid, x)[1](dx)[0], dx * s * (1 - s))
    close(vjp(np.multiply, x, X.ravel()[:7])[1](dx), (dx * X.ravel()[:7], dx * x))
    assert [d.tolist() for d in vjp(np.add, x, x)[1](dx)] == [dx.tolist()] * 2

    scores, labels = rng.standard_normal((5, 4)), np.array([0, 3, 1, 1, 2])
    softmax = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    value, gradient = value_and_grad(nn.cross_entropy)(scores, labels)
    close(value, -np.mean(np.log(softmax[np.arange(5), labels])))
    close(gradient, (softmax - np.eye(4)[labels]) / 5)
    print("softmax with cross-entropy: the gradient is (y - t) / n")

    large = np.array([-1000.0, 0.0, 1000.0])
    assert nn.sigmoid(large).tolist() == [0.0, 0.5, 1.0]
    assert vmap(grad(nn.sigmoid))(large).tolist() == [0.0, 0.25, 0.0]
    assert nn.softmax(large).tolist() == [0.0, 0.0, 1.0]
    value, gradient = value_and_grad(nn.cross_entropy)(large[None], np.array([0]))
    assert (value, gradient.tolist()) == (2000.0, [[-1.0, 0.0, 1.0]])
    print("at 1000: sigmoid", nn.sigmoid(large), "softmax", nn.softmax(large))

    params = {"W1": rng.standard_normal((3, 6)), "b1": np.zeros(6)}
    params |= {"W2": rng.standard_normal((6, 4)), "b2": np.zeros(4)}
    save(explain(two_layers, params, X, labels), out / "l22_layers.svg")


if __name__ == "__main__":
    main()
