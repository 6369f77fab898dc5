"""A convolutional network that reads handwritten digits: batch normalisation, dropout, keys.

Two convolutions with batch normalisation and pooling, dropout, and a linear layer, on the 1,797
real digits of 8 x 8 grey pixels that scikit-learn ships. Training changes parameters, running
statistics and the state of Adam: they go into every step and come out anew. The random numbers of
a step come from a key that is made from the number of the step.

    python examples/convnet.py
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from funcgrad import jit, nn, optim, random, value_and_grad

CHANNELS, BATCH, DROPPED = (16, 32), 64, 0.25
optimizer = optim.adam(3e-3)


def data():
    """Images of numbers in [0, 1], shape (n, 8, 8, 1), and digits: to train, and to test."""
    images, digits = load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 8, 8, 1).astype(np.float32)
    return train_test_split(images, digits, test_size=0.2, random_state=0, stratify=digits)


def init(key):
    """Parameters and the state of the normalisations, in float32."""
    keys = random.split(key, 3)
    he, orthogonal = nn.initializers.he_normal(), nn.initializers.orthogonal()
    params, state, inputs = {}, {}, 1
    for i, outputs in enumerate(CHANNELS):
        params[f"conv{i}"] = {
            "kernel": he(keys[i], (3, 3, inputs, outputs), np.float32),
            "scale": np.ones(outputs, np.float32),
            "bias": np.zeros(outputs, np.float32),
        }
        state[f"conv{i}"] = nn.batch_norm_state(outputs, np.float32)
        inputs = outputs
    params["out"] = {
        "W": orthogonal(keys[2], (2 * 2 * inputs, 10), np.float32),
        "b": np.zeros(10, np.float32),
    }
    return params, state


def scores(params, state, X, key=None):
    """The scores of the ten digits, and the new state; a key says that this is training."""
    training = key is not None
    new_state = {}
    for name, p in params.items():
        if name == "out":
            break
        X = nn.conv(X, p["kernel"])
        X, new_state[name] = nn.batch_norm(X, state[name], p["scale"], p["bias"], training=training)
        X = nn.max_pool(nn.relu(X), (2, 2), (2, 2))
    X = X.reshape(len(X), -1)
    if training:
        X = nn.dropout(key, X, DROPPED)
    return X @ params["out"]["W"] + params["out"]["b"], new_state


def loss(params, state, X, y, key):
    z, state = scores(params, state, X, key)
    return nn.cross_entropy(z, y), state


@jit
def step(params, state, adam, X, y, key, i):
    """One step of Adam on one batch: everything that it changes goes in, and comes out anew."""
    (value, state), grads = value_and_grad(loss, has_aux=True)(
        params, state, X, y, random.fold_in(key, i)
    )
    updates, adam = optimizer.update(grads, adam, params)
    return optim.apply_updates(params, updates), state, adam, value


@jit
def predict(params, state, X):
    """The digit of the highest score, with the running statistics and without dropout."""
    return np.argmax(scores(params, state, X)[0], axis=1)


def train(params, state, X, y, steps, key, X_test, y_test):
    """Trained parameters and state, the loss of each batch, and now and then the accuracy."""
    adam = optimizer.init(params)
    losses, accuracies = [], []
    rng = np.random.default_rng(0)
    order = np.empty(0, int)
    bar = tqdm(range(steps), desc="convnet")
    for i in bar:
        if len(order) < BATCH:
            order = rng.permutation(len(X))
        chosen, order = order[:BATCH], order[BATCH:]
        params, state, adam, value = step(params, state, adam, X[chosen], y[chosen], key, i)
        losses.append(value)
        if i % 20 == 0 or i == steps - 1:
            accuracies.append((i, np.mean(predict(params, state, X_test) == y_test)))
            bar.set_postfix(loss=f"{value:.4f}", accuracy=f"{accuracies[-1][1]:.4f}")
    return params, state, losses, accuracies


def draw(losses, accuracies, params, state, X, path):
    """The losses and the accuracy, the kernels of the first layer, and what they see of a digit."""
    figure = plt.figure(figsize=(15, 4.8), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=[1.3, 1, 1], wspace=0.05)

    axis = left.subplots()
    axis.semilogy(losses, color="#0072B2", alpha=0.5, linewidth=1)
    axis.set(title="Loss of a batch, and misread test digits", xlabel="step", ylabel="loss")
    axis.grid(alpha=0.25)
    twin = axis.twinx()
    at, right_ones = zip(*accuracies, strict=True)
    twin.plot(at, 100 * (1 - np.array(right_ones)), color="#D55E00", linewidth=2)
    twin.set(ylabel="misread, %", ylim=(0, 20))

    first = params["conv0"]
    middle.suptitle("Kernels of the first layer")
    for i, axis in enumerate(middle.subplots(4, 4).flat):
        axis.set_axis_off()
        axis.imshow(first["kernel"][:, :, 0, i], cmap="RdBu", vmin=-1, vmax=1)

    seen = nn.conv(X[:1], first["kernel"])
    seen, _ = nn.batch_norm(seen, state["conv0"], first["scale"], first["bias"], training=False)
    right.suptitle("What they see of one digit")
    for i, axis in enumerate(right.subplots(4, 4).flat):
        axis.set_axis_off()
        axis.imshow(nn.relu(seen)[0, :, :, i], cmap="gray_r")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"picture: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Train a convolutional network on digits.")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder of the picture")
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args(argv)

    init_key, key = random.split(random.key(0))
    X, X_test, y, y_test = data()
    params, state = init(init_key)
    params, state, losses, accuracies = train(
        params, state, X, y, options.steps, key, X_test, y_test
    )

    accuracy = np.mean(predict(params, state, X_test) == y_test)
    print(f"{len(X):,} digits trained on, {len(X_test)} tested: accuracy {accuracy:.4f}")
    draw(losses, accuracies, params, state, X_test, options.out / "convnet.png")
    return accuracy


if __name__ == "__main__":
    main()
