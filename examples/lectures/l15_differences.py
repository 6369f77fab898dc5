"""L15: derivatives by differences, forward and central, beside ours, and the error of each step.

A long step cuts off the series; a short one loses the digits in which two nearly equal numbers
differ. The forward difference is best near the root of the machine's precision, the central one
near its cube root, and neither comes near the derivative by the chain rule.

    python examples/lectures/l15_differences.py
"""

import matplotlib.pyplot as plt
import numpy as np
from lecture import close, folder, save

from funcgrad import grad, nn, testing


def f(x):
    return np.exp(x) * np.sin(x)


def forward(f, x, h):
    return (f(x + h) - f(x)) / h


def central(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


def main(argv=None):
    out = folder(argv, __doc__)
    x = 1.0
    exact = np.e * (np.sin(1) + np.cos(1))
    ours = grad(f)(x)
    steps = 10.0 ** np.arange(-16.0, 0.5, 0.5)
    errors = {
        rule.__name__: np.array([abs(rule(f, x, h) - exact) for h in steps])
        for rule in (forward, central)
    }
    print("   step   forward   central      ours")
    for i in range(2, len(steps), 4):
        row = f"{errors['forward'][i]:9.1e} {errors['central'][i]:9.1e}"
        print(f"{steps[i]:7.0e} {row} {abs(ours - exact):9.1e}")

    # The first terms of the series: f'' h / 2, and f''' h**2 / 6.
    second, third = 2 * np.e * np.cos(1), 2 * np.e * (np.cos(1) - np.sin(1))
    for h in (1e-2, 1e-3):
        close((forward(f, x, h) - exact) / (h * second / 2), 1, 2 * h)
        close((central(f, x, h) - exact) / (h**2 * third / 6), 1, 2 * h)
    best = {name: steps[np.argmin(error)] for name, error in errors.items()}
    assert 1e-9 <= best["forward"] <= 1e-7
    assert 1e-6 <= best["central"] <= 1e-4
    assert abs(ours - exact) < 1e-15 < errors["central"].min()
    testing.check_grads(f, (x,), order=2, modes=("fwd", "rev"))

    p, y = np.array([1.0, 2.0, 5.0]), np.array([2.0, 4.0, 1.0])
    close([nn.mse(p, y), nn.rmse(p, y), nn.mae(p, y)], [7.0, np.sqrt(7.0), 7 / 3])
    close(grad(nn.rmse)(p, y), (p - y) / (3 * np.sqrt(7)))
    close(grad(nn.mae)(p, y), np.sign(p - y) / 3)

    figure, axis = plt.subplots(figsize=(7, 4.5), layout="constrained")
    axis.loglog(steps, errors["forward"], ".-", color="#D55E00", label="forward difference")
    axis.loglog(steps, errors["central"], ".-", color="#0072B2", label="central difference")
    axis.axhline(max(abs(ours - exact), 1e-16), color="#009E73", label="grad")
    axis.set(xlabel="step h", ylabel="error", title="Derivative of exp(x) sin(x) at 1")
    axis.grid(alpha=0.25)
    axis.legend(frameon=False)
    save(figure, out / "l15_differences.png")


if __name__ == "__main__":
    main()
