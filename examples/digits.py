"""A classifier of handwritten digits: minibatches and Adam.

scikit-learn ships 1,797 real digits of 8 x 8 grey pixels. Four fifths train a network of one hidden
layer, batch by batch; the rest tell how well it reads digits that it has never seen.

    python examples/digits.py
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from funcgrad import jit, nn, optim, value_and_grad

HIDDEN, BATCH = 128, 64
optimizer = optim.adam(1e-3)


def data():
    """Images of numbers in [0, 1], shape (n, 64), and digits, shape (n,): to train, and to test."""
    images, digits = load_digits(return_X_y=True)
    return train_test_split(images / 16, digits, test_size=0.2, random_state=0, stratify=digits)


def batches(rng, X, y):
    """Batches without end: shuffle all, hand out, shuffle anew."""
    while True:
        order = rng.permutation(len(X))
        for start in range(0, len(X) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            yield X[chosen], y[chosen]


def init(rng):
    return {
        "W1": rng.standard_normal((64, HIDDEN)) * np.sqrt(2 / 64),
        "b1": np.zeros(HIDDEN),
        "W2": rng.standard_normal((HIDDEN, 10)) * np.sqrt(1 / HIDDEN),
        "b2": np.zeros(10),
    }


def scores(params, X):
    hidden = nn.relu(X @ params["W1"] + params["b1"])
    return hidden @ params["W2"] + params["b2"]


def loss(params, X, y):
    return nn.cross_entropy(scores(params, X), y)


@jit
def step(params, state, X, y):
    """One step of Adam on one batch: everything that it changes goes in, and comes out anew."""
    value, grads = value_and_grad(loss)(params, X, y)
    updates, state = optimizer.update(grads, state, params)
    return optim.apply_updates(params, updates), state, value


def train(params, loader, steps, X_test, y_test):
    """The trained parameters, the loss of each batch, and now and then the loss on the test set."""
    state = optimizer.init(params)
    losses, test_losses = [], []
    bar = tqdm(range(steps), desc="digits")
    for i in bar:
        params, state, value = step(params, state, *next(loader))
        losses.append(value)
        if i % 20 == 0 or i == steps - 1:
            test_losses.append((i, loss(params, X_test, y_test)))
            bar.set_postfix(loss=f"{value:.4f}", test=f"{test_losses[-1][1]:.4f}")
    return params, losses, test_losses


def draw(losses, test_losses, X, y, predicted, path):
    """The losses, the test digits that were misread with some that were not, the confusions."""
    wrong, right = np.flatnonzero(predicted != y), np.flatnonzero(predicted == y)
    shown = np.concatenate([wrong, right])[:30]

    figure = plt.figure(figsize=(15, 4.8), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=[1.05, 1, 1.05])

    axis = left.subplots()
    axis.semilogy(losses, color="#0072B2", alpha=0.35, linewidth=1, label="batch")
    axis.semilogy(*zip(*test_losses, strict=True), color="#D55E00", linewidth=2, label="test set")
    axis.set(title="Loss", xlabel="step", ylabel="cross-entropy")
    axis.grid(alpha=0.25)
    axis.legend(frameon=False)

    middle.suptitle(f"Test digits: {len(wrong)} of {len(y)} misread")
    for axis in middle.subplots(5, 6).flat:
        axis.set_axis_off()
    for axis, i in zip(middle.axes, shown, strict=False):
        axis.imshow(X[i].reshape(8, 8), cmap="gray_r")
        good = predicted[i] == y[i]
        title = f"{predicted[i]}" if good else f"{predicted[i]}, not {y[i]}"
        axis.set_title(title, fontsize=10, color="#333333" if good else "#D55E00", pad=2)

    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (y, predicted), 1)
    axis = right.subplots()
    axis.imshow(confusion, cmap="Blues", vmax=1.3 * confusion.max())
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            color = "#D55E00" if row != column else "white"
            axis.text(column, row, count, ha="center", va="center", color=color, fontsize=9)
    axis.set(title="Confusion", xlabel="read as", ylabel="is", xticks=range(10), yticks=range(10))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"picture: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Train a classifier of handwritten digits.")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder of the picture")
    parser.add_argument("--steps", type=int, default=1_000)
    options = parser.parse_args(argv)

    rng = np.random.default_rng(0)
    X, X_test, y, y_test = data()
    params, losses, test_losses = train(
        init(rng), batches(rng, X, y), options.steps, X_test, y_test
    )

    predicted = np.argmax(scores(params, X_test), axis=1)
    accuracy = np.mean(predicted == y_test)
    print(f"{len(X):,} digits trained on, {len(X_test)} tested: accuracy {accuracy:.4f}")
    draw(losses, test_losses, X_test, y_test, predicted, options.out / "digits.png")
    return accuracy


if __name__ == "__main__":
    main()
