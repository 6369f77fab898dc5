"""One neuron learns to read two sensors.

Twelve samples of two sensors, and what they should give. The neuron is ``sigmoid(w . x + b)``; as a
sigmoid lies between 0 and 1, it is taught a hundredth of the target. 20,000 epochs at learning rate
0.01, from ``w = (1, 1)`` and ``b = 0``.

    python examples/neuron.py
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

from funcgrad import jit, nn, value_and_grad

X = np.array(
    [
        [0.5, 0.9],
        [14.0, 12.0],
        [15.0, 13.6],
        [28.0, 22.8],
        [11.0, 8.1],
        [8.0, 7.1],
        [3.0, 2.9],
        [-4.0, 0.1],
        [6.0, 5.3],
        [13.0, 12.0],
        [21.0, 19.9],
        [-1.0, 1.5],
    ]
)
y = np.array([35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4, 29.1])


def predict(W, b):
    return nn.sigmoid(np.sum(X * W, axis=1) + b)


def loss(W, b):
    return nn.mse(predict(W, b), 0.01 * y)


@jit
def step(W, b):
    """One step of gradient descent: the new weights and bias, and the loss at the old ones."""
    value, (dW, db) = value_and_grad(loss, argnums=(0, 1))(W, b)
    return W - 0.01 * dW, b - 0.01 * db, value


def train(W, b, epochs):
    losses = []
    bar = tqdm(range(epochs), desc="neuron")
    for epoch in bar:
        W, b, value = step(W, b)
        losses.append(value)
        if epoch % 2000 == 0:
            bar.write(f"epoch {epoch:6,}   loss {value:.8f}")
    return W, b, losses


def draw(W, b, losses, path):
    """The loss, and what the neuron says about each sample beside what it should say."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    left.semilogy(losses, color="#0072B2")
    left.set(title="Loss", xlabel="epoch", ylabel="mean squared error")
    left.locator_params(axis="x", nbins=5)
    left.grid(alpha=0.25)

    rows = np.argsort(y)
    right.plot(y[rows], "o", color="#333333", markersize=9, fillstyle="none", label="target")
    right.plot(100 * predict(W, b)[rows], "o", color="#D55E00", markersize=5, label="neuron")
    right.vlines(range(len(y)), y[rows], 100 * predict(W, b)[rows], color="#D55E00", alpha=0.5)
    right.set(title="Twelve samples", xlabel="sample, by target", ylabel="value", xticks=[])
    right.grid(alpha=0.25, axis="y")
    right.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"picture: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Train one neuron on twelve samples.")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder of the picture")
    parser.add_argument("--steps", type=int, default=20_000, help="epochs")
    options = parser.parse_args(argv)

    W, b = np.ones(2), 0.0
    print("first prediction:", " ".join(f"{p:.4f}" for p in predict(W, b)))
    print(f"first loss: {loss(W, b):.5f}, or {nn.mse(predict(W, b), y):.4f} against y itself")
    W, b, losses = train(W, b, options.steps)
    print(f"W {W[0]:.5f} {W[1]:.5f}, b {b:.5f}, loss {loss(W, b):.8f}")
    draw(W, b, losses, options.out / "neuron.png")
    return loss(W, b)


if __name__ == "__main__":
    main()
