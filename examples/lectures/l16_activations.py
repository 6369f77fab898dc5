"""L16: six activation functions and their derivatives.

python examples/lectures/l16_activations.py
"""

import matplotlib.pyplot as plt
import numpy as np
from lecture import close, folder, save

from funcgrad import grad, nn, vmap

ACTIVATIONS = {
    "step": (nn.step, lambda x: 1.0 * (x > 0), lambda x: 0 * x),
    "sigmoid": (nn.sigmoid, lambda x: 1 / (1 + np.exp(-x)), lambda x: 1 / (2 + 2 * np.cosh(x))),
    "tanh": (nn.tanh, lambda x: 1 - 2 / (np.exp(2 * x) + 1), lambda x: np.cosh(x) ** -2),
    "ReLU": (nn.relu, lambda x: x * (x > 0), lambda x: 1.0 * (x > 0)),
    "LeakyReLU": (
        nn.leaky_relu,
        lambda x: x * np.where(x > 0, 1, 0.01),
        lambda x: np.where(x > 0, 1, 0.01),
    ),
    "ELU": (
        nn.elu,
        lambda x: np.where(x > 0, x, np.exp(x) - 1),
        lambda x: np.where(x > 0, 1, np.exp(x)),
    ),
}


def main(argv=None):
    out = folder(argv, __doc__)
    x = np.linspace(-4, 4, 400)  # without 0, where some of them have a kink
    figure, axes = plt.subplots(2, 3, figsize=(10, 5.6), layout="constrained", sharex=True)
    for axis, (title, (f, value, derivative)) in zip(axes.flat, ACTIVATIONS.items(), strict=True):
        slopes = vmap(grad(f))(x)
        close(f(x), value(x))
        close(slopes, derivative(x))
        axis.plot(x, f(x), color="#0072B2", linewidth=2, label="function")
        axis.plot(x, slopes, color="#D55E00", linestyle="--", label="derivative")
        axis.set(title=title)
        axis.grid(alpha=0.25)
    axes.flat[0].legend(frameon=False)
    print(f"{len(ACTIVATIONS)} activations agree with their formulas at {len(x)} points")
    save(figure, out / "l16_activations.png")


if __name__ == "__main__":
    main()
