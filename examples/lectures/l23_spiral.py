"""L23: three arms of a spiral, told apart by one hidden layer, and a film of how it learns.

100 points an arm, 100 ReLUs, softmax with cross-entropy, 10,000 steps of size 1.0.

    python examples/lectures/l23_spiral.py
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from lecture import close, example
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.colors import ListedColormap

spiral = example("spiral")
SIDE = np.linspace(-1.25, 1.25, 100)
FRAMES = (0, 50, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 4500, 7000, 10_000)


def film(X, y, kept, path):
    """The regions after each of the steps that were kept."""
    colors = ListedColormap(spiral.COLORS)
    grid = np.stack(np.meshgrid(SIDE, SIDE), axis=-1)
    figure, axis = plt.subplots(figsize=(3.6, 3.9), layout="constrained")
    mesh = axis.pcolormesh(
        SIDE, SIDE, np.zeros(grid.shape[:2]), cmap=colors, vmin=0, vmax=2, alpha=0.35
    )
    axis.scatter(*X.T, c=y, cmap=colors, vmin=0, vmax=2, s=12, edgecolors="white", linewidths=0.4)
    axis.set(aspect="equal", xticks=[], yticks=[])

    def frame(i):
        step, params = kept[i]
        mesh.set_array(np.argmax(spiral.scores(params, grid), axis=-1))
        right = np.mean(np.argmax(spiral.scores(params, X), axis=1) == y)
        axis.set_title(f"step {step:,}: {right:.1%} right")

    order = [*range(len(kept)), *[len(kept) - 1] * 3]
    FuncAnimation(figure, frame, frames=order).save(path, PillowWriter(fps=2), dpi=80)
    plt.close(figure)
    print(f"picture: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Train on the spiral, and film it.")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder of the pictures")
    parser.add_argument("--steps", type=int, default=10_000)
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(0)
    X, y = spiral.spiral(rng)
    params = spiral.init(rng)
    close(spiral.loss(params, X, y), np.log(3), 1e-3)
    kept = []
    for i in range(options.steps + 1):
        if i in FRAMES:
            kept.append((i, params))
        params, value = spiral.step(params, X, y)
        if i % 1000 == 0:
            print(f"step {i:6,}   loss {value:.6f}")
    accuracy = np.mean(np.argmax(spiral.scores(params, X), axis=1) == y)
    if options.steps == 10_000:
        assert accuracy > 0.97
    spiral.draw(params, X, y, accuracy, options.out / "l23_spiral.png")
    film(X, y, kept, options.out / "l23_spiral.gif")
    return accuracy


if __name__ == "__main__":
    main()
