"""L22: the layers of the textbook, and what they do with numbers as large as 1000.

Add, Multiply, ReLU, Sigmoid, Affine, and softmax with cross-entropy, whose gradient is ``y - t``.

    python examples/lectures/l22_layers.py
"""

import numpy as np
from lecture import close, folder, save

from funcgrad import explain, grad, jit, nn, value_and_grad, vjp, vmap

softmax_with_loss = jit(nn.cross_entropy)  # one box of the picture


def two_layers(X, W1, b1, W2, b2, labels):
    affine1 = X @ W1 + b1
    hidden = nn.relu(affine1)
    affine2 = hidden @ W2 + b2
    return softmax_with_loss(affine2, labels)


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

    shapes = (3, 6), (6,), (6, 4), (4,)
    params = [rng.standard_normal(shape) for shape in shapes]
    explained = explain(two_layers, X, *params, labels, argnums=(1, 2, 3, 4))
    save(explained, out / "l22_layers.svg")


if __name__ == "__main__":
    main()
