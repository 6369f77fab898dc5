"""A classifier of three spiral arms: one hidden layer and plain gradient descent.

300 points in the plane, 100 on each arm, which no straight line can tell apart. A layer of 100
ReLUs and a softmax over three scores learn to, in 10,000 steps of size 1.0 on all points at once.

    python examples/spiral.py
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from tqdm import tqdm

from funcgrad import jit, nn, tree, value_and_grad

POINTS, CLASSES, HIDDEN = 100, 3, 100
COLORS = ["#0072B2", "#E69F00", "#009E73"]


def spiral(rng):
    """The points, shape (300, 2), and the arm that each lies on, shape (300,)."""
    r = np.linspace(0, 1, POINTS)
    arms = []
    for arm in range(CLASSES):
        t = np.linspace(4 * arm, 4 * arm + 4, POINTS) + 0.2 * rng.standard_normal(POINTS)
        arms.append(np.stack([r * np.sin(t), r * np.cos(t)], axis=1))
    return np.concatenate(arms), np.repeat(np.arange(CLASSES), POINTS)


def init(rng):
    return {
        "W1": 0.01 * rng.standard_normal((2, HIDDEN)),
        "b1": np.zeros(HIDDEN),
        "W2": 0.01 * rng.standard_normal((HIDDEN, CLASSES)),
        "b2": np.zeros(CLASSES),
    }


def scores(params, X):
    hidden = nn.relu(X @ params["W1"] + params["b1"])
    return hidden @ params["W2"] + params["b2"]


def loss(params, X, y):
    return nn.cross_entropy(scores(params, X), y)


@jit
def step(params, X, y):
    """One step of gradient descent, of size 1.0: new parameters, and the loss at the old ones."""
    value, grads = value_and_grad(loss)(params, X, y)
    return tree.map(lambda p, g: p - 1.0 * g, params, grads), value


def train(params, X, y, steps):
    bar = tqdm(range(steps), desc="spiral")
    for i in bar:
        params, value = step(params, X, y)
        if i % 1000 == 0:
            bar.write(f"step {i:6,}   loss {value:.6f}")
    return params


def draw(params, X, y, accuracy, path):
    """The points on the left; on the right the regions that the classifier makes of the plane."""
    colors = ListedColormap(COLORS)
    side = np.linspace(-1.25, 1.25, 400)
    grid = np.stack(np.meshgrid(side, side), axis=-1)
    regions = np.argmax(scores(params, grid), axis=-1)

    figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
    axes[0].set_title("Three arms, 100 points each")
    axes[1].set_title(f"What the network learned: {accuracy:.1%} right")
    axes[1].pcolormesh(side, side, regions, cmap=colors, vmin=0, vmax=2, alpha=0.35, linewidth=0)
    for axis in axes:
        axis.scatter(
            *X.T, c=y, cmap=colors, vmin=0, vmax=2, s=28, edgecolors="white", linewidths=0.6
        )
        axis.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", xlabel="x", ylabel="y")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"picture: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Train a classifier of three spiral arms.")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder of the picture")
    parser.add_argument("--steps", type=int, default=10_000)
    options = parser.parse_args(argv)

    rng = np.random.default_rng(0)
    X, y = spiral(rng)
    params = train(init(rng), X, y, options.steps)

    accuracy = np.mean(np.argmax(scores(params, X), axis=1) == y)
    print(f"loss {loss(params, X, y):.6f}, accuracy {accuracy:.4f}")
    draw(params, X, y, accuracy, options.out / "spiral.png")
    return accuracy


if __name__ == "__main__":
    main()
