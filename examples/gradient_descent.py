"""Gradient descent on two small costs: it arrives, it is on its way, it flies apart.

The first cost is a bowl, and 100 steps end at its bottom. The second has a saddle at the origin and
walls like ``exp(4xy)``: small steps creep down to the saddle, steps ten times as large leap across
the valley, further each time, until the numbers overflow.

    python examples/gradient_descent.py
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from funcgrad import jit, value_and_grad


def bowl(p):
    x, y, z = p
    return (x + y + z) ** 2 + (x - 1) ** 2 + (y - 1) ** 2 + (z - 1) ** 2


def valley(p):
    x, y = p
    return 2 * x**2 + y**2 + np.exp(4 * x * y)


def descend(cost, start, rate, steps):
    """Every point of the way, the start among them, and the cost at each."""
    cost_and_slope = jit(value_and_grad(cost))
    p = np.array(start)
    path, costs = [], []
    for _ in range(steps):
        value, slope = cost_and_slope(p)
        path.append(p)
        costs.append(value)
        p = p - rate * slope
    return np.array([*path, p]), np.array([*costs, cost(p)])


def report(name, path, costs):
    print(f"\n{name}")
    for i in dict.fromkeys([0, 1, 2, 3, 4, 10, 50, len(costs) - 1]):
        if i < len(costs):
            point = ", ".join(f"{value:.5f}" for value in path[i])
            print(f"  step {i:3}   ({point})   cost {costs[i]:.5f}")


def label(axis, text, point, offset, **style):
    axis.annotate(text, point, offset, textcoords="offset points", ha="center", **style)


def arrow(axis, start, end, color, bend=0.0, gap=0):
    style = {"arrowstyle": "->", "color": color, "linewidth": 1.6, "shrinkA": gap, "shrinkB": gap}
    axis.annotate("", end, start, arrowprops=style | {"connectionstyle": f"arc3,rad={bend}"})


def draw(runs, path):
    """The valley from above with both ways through it, and the cost of each step."""
    colors = dict(zip(runs, ("#009E73", "#0072B2", "#D55E00"), strict=True))
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")

    side = np.linspace(-1.6, 1.6, 300)
    heights = np.log10(valley(np.meshgrid(side, side)))
    left.contourf(side, side, heights, levels=24, cmap="Greys", alpha=0.5)
    left.contour(side, side, heights, levels=24, colors="#888888", linewidths=0.4)
    left.plot(0, 0, "x", color="#333333", markersize=9, markeredgewidth=2)
    label(left, "saddle", (0, 0), (-30, -14))
    small, blue = runs["valley, rate 0.001"][0], colors["valley, rate 0.001"]
    left.plot(*small.T, ".-", color=blue)
    label(left, f"step {len(small) - 1}", small[-1], (24, -16), color=blue)
    large, red = runs["valley, rate 0.01"][0], colors["valley, rate 0.01"]
    left.plot(*large[:2].T, "o", color=red)
    arrow(left, large[0], large[1], red, bend=0.3, gap=5)
    arrow(left, large[1], (1.45, 1.58), red, bend=0.3, gap=5)
    label(left, "start", large[0], (-4, 10))
    label(left, "step 1", large[1], (0, -18), color=red)
    label(left, "step 2: at (16, 17)", (0.85, 1.4), (0, 0), color=red)
    left.set(title="The valley: 2x² + y² + exp(4xy)", xlabel="x", ylabel="y", aspect="equal")
    left.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))

    top = 2e3
    for name, (_, costs) in runs.items():
        finite = costs[np.isfinite(costs)]
        right.semilogy(finite, color=colors[name], label=name)
        if len(finite) < len(costs):
            end = (len(finite), top)
            arrow(right, (len(finite) - 1, finite[-1]), end, colors[name])
            label(right, f"infinite at step {len(finite)}", end, (64, -16), color=colors[name])
    right.set(title="Cost", xlabel="step", ylabel="cost", ylim=(1, top))
    right.grid(alpha=0.25)
    right.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"\npicture: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Gradient descent on two small costs.")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder of the picture")
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args(argv)

    runs = {
        "bowl, rate 0.1": descend(bowl, (1.0, 1.0, 1.0), 0.1, options.steps),
        "valley, rate 0.001": descend(valley, (1.0, 1.0), 0.001, options.steps),
    }
    with np.errstate(over="ignore", invalid="ignore"):  # the third run is meant to overflow
        runs["valley, rate 0.01"] = descend(valley, (1.0, 1.0), 0.01, options.steps)
    for name, (path, costs) in runs.items():
        report(name, path, costs)
    draw(runs, options.out / "gradient_descent.png")
    return runs


if __name__ == "__main__":
    main()
