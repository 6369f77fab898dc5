"""L20: Goodfellow's algorithms 6.1 and 6.2: the table of all gradients, and what it costs.

Forward, each node is computed from its parents; backward, each edge is gone through once. The table
has the derivative of the last node by every other one, and its cost grows with the edges, while the
number of paths doubles with each step of the chain.

Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5.

    python examples/lectures/l20_table.py
"""

import matplotlib.pyplot as plt
import numpy as np
from lecture import by_name, close, folder, save

from funcgrad import explain, grad, make_jaxpr


def f(u1, u2):
    u3 = u1 * u2
    u4 = np.sin(u1)
    u5 = u3 + u4
    u6 = np.exp(u4)
    u7 = u5 * u6
    return u7


def by_algorithm_6_2(u1, u2):
    """grad_table of the seven nodes: their children's entries times the local derivatives."""
    u3, u4 = u1 * u2, np.sin(u1)
    u5, u6 = u3 + u4, np.exp(u4)
    table = {"u7": 1.0}
    table["u6"] = table["u7"] * u5
    table["u5"] = table["u7"] * u6
    table["u4"] = table["u5"] * 1 + table["u6"] * u6
    table["u3"] = table["u5"] * 1
    table["u2"] = table["u3"] * u1
    table["u1"] = table["u3"] * u2 + table["u4"] * np.cos(u1)
    return table


def chain(x, steps):
    """A graph with two edges a node, so that 2**steps paths lead from x to the end."""
    for _ in range(steps):
        x = np.sin(x) * x
    return x


def edges(f, x):
    return sum(len(equation.inputs) for equation in make_jaxpr(f)(x).equations)


def main(argv=None):
    out = folder(argv, __doc__)
    at = 0.7, -1.2
    explained = explain(f, *at, argnums=(0, 1))
    print(explained.table())
    derivatives = by_name(explained)
    for node, entry in by_algorithm_6_2(*at).items():
        close(derivatives[node], entry)
    save(explained, out / "l20_table.svg")

    lengths = [8, 16, 24, 32]
    forward = [edges(lambda x, n=n: chain(x, n), 0.5) for n in lengths]
    backward = [edges(grad(lambda x, n=n: chain(x, n)), 0.5) for n in lengths]
    for n, ahead, back in zip(lengths, forward, backward, strict=True):
        print(f"{n:3} steps: {ahead:4} edges, {back:4} with the gradient, {2**n:13,} paths")
    assert np.diff(forward).tolist() == [3 * 8] * 3
    assert len(set(np.diff(backward).tolist())) == 1
    assert np.diff(backward)[0] <= 5 * np.diff(forward)[0]

    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    axis.semilogy(lengths, [2**n for n in lengths], "o-", color="#D55E00", label="paths")
    axis.semilogy(lengths, backward, "o-", color="#0072B2", label="edges with the gradient")
    axis.semilogy(lengths, forward, "o-", color="#009E73", label="edges of the function")
    axis.set(xlabel="steps of x = sin(x) * x", title="Cost follows the edges, not the paths")
    axis.grid(alpha=0.25)
    axis.legend(frameon=False)
    save(figure, out / "l20_cost.png")


if __name__ == "__main__":
    main()
