"""L1: one chain of functions, with the derivative of each written on its edge.

``log(1 + u * exp(-w * x))`` is four functions, one inside the other: alpha multiplies, beta is the
exponential, gamma adds, delta is the logarithm. Its derivative is the product of theirs.

    python examples/lectures/l01_chain.py
"""

import numpy as np
from lecture import by_name, close, folder, save, shows

from funcgrad import explain, grad, value_and_grad


def f(w, u, x):
    alpha = -w * x
    beta = np.exp(alpha)
    gamma = 1 + u * beta
    delta = np.log(gamma)
    return delta


def main(argv=None):
    out = folder(argv, __doc__)
    value, (dw, du) = value_and_grad(f, argnums=(0, 1))(1.0, 1.0, 1.0)
    print("value ", shows(value, "0.31326"))
    print("dw, du", shows((dw, du), "-0.26894", "0.26894"))

    # The local derivatives, by w, alpha, beta and gamma; their product is the derivative by w.
    alpha, beta, gamma = -1.0, np.exp(-1.0), 1 + np.exp(-1.0)
    local = [
        grad(lambda w: -w * 1.0)(1.0),
        grad(np.exp)(alpha),
        grad(lambda beta: 1 + 1.0 * beta)(beta),
        grad(np.log)(gamma),
    ]
    print("locals", shows([*local, 1 / gamma], "-1.0", "0.3679", "1.0", "0.7311", "0.7311"))
    close(np.prod(local), dw)
    print("step  ", shows(1.0 + 0.001 * dw, "0.9997"))

    explained = explain(f, 1.0, 1.0, 1.0, argnums=(0, 1))
    print(explained.table())
    derivatives = by_name(explained)
    close([derivatives["beta"], derivatives["alpha"]], [1 / gamma, beta / gamma])
    save(explained, out / "l01_chain.svg")


if __name__ == "__main__":
    main()
