"""L2: a function of three variables, and the slide whose derivative belongs to another one.

The slide shows ``(2x+y+3z)^2 + (x+3y+4z)^2 * log(x^2+y^2+z^2)`` and, below, the derivative of the
function with ``- log(...)`` in place of ``* log(...)``.

    python examples/lectures/l02_three_variables.py
"""

import numpy as np
from lecture import close, folder, save, shows

from funcgrad import explain, jit, value_and_grad


def product(x, y, z):
    squares = (2 * x + y + 3 * z) ** 2, (x + 3 * y + 4 * z) ** 2
    return squares[0] + squares[1] * np.log(x**2 + y**2 + z**2)


def difference(x, y, z):
    squares = (2 * x + y + 3 * z) ** 2, (x + 3 * y + 4 * z) ** 2
    return squares[0] + squares[1] - np.log(x**2 + y**2 + z**2)


def main(argv=None):
    out = folder(argv, __doc__)
    at = 1.0, 1.0, 1.0
    for f, value, gradient in (
        (product, "106.31119", ("84.24446", "107.40006", "148.97785")),
        (difference, "98.90139", ("39.33333", "59.33333", "99.33333")),
    ):
        derivative = value_and_grad(f, argnums=(0, 1, 2))
        got = derivative(*at)
        print(f"{f.__name__:>10}: {shows(got[0], value)}; gradient {shows(got[1], *gradient)}")
        close(np.hstack(jit(derivative)(*at)), np.hstack(got))
    x, y, z = at
    slide = 10 * x + 10 * y + 20 * z - 2 * x / (x**2 + y**2 + z**2)
    close(got[1][0], slide)
    print(f"the derivative on the slide, {slide:.5f}, is that of the difference")
    save(explain(product, *at, argnums=(0, 1, 2)), out / "l02_three_variables.svg")


if __name__ == "__main__":
    main()
