"""L5, L7 and L11: how gradients go through a plus, a product, a copy and a maximum.

A plus hands its gradient on to both sides; a product swaps the factors; a value that is used twice
gets the sum of what comes back; a maximum sends everything to the larger side. In
``(a + b) * (b + 1)`` the b is used twice: its derivative is the sum over both paths.

    python examples/lectures/l05_patterns.py
"""

import numpy as np
from lecture import folder, save, side_by_side

from funcgrad import explain, grad


def product_of_a_sum(x, y, z):
    q = x + y
    return q * z


def add_distributes(x, y):
    return x + y


def mul_swaps(x, y):
    return x * y


def copy_adds(x):
    return 2 * x + 5 * x


def max_routes(x, y):
    return np.maximum(x, y)


PATTERNS = {
    add_distributes: ((3.0, 7.0), (1.0, 1.0)),
    mul_swaps: ((3.0, 7.0), (7.0, 3.0)),
    copy_adds: ((3.0,), (7.0,)),
    max_routes: ((4.0, 2.0), (1.0, 0.0)),
}


def apart(a, b, d):
    return (a + b) * d


def shared(a, b):
    return (a + b) * (b + 1)


def main(argv=None):
    out = folder(argv, __doc__)
    at = -2.0, 5.0, -4.0
    assert grad(product_of_a_sum, argnums=(0, 1, 2))(*at) == (-4.0, -4.0, 3.0)
    save(explain(product_of_a_sum, *at, argnums=(0, 1, 2)), out / "l05_product_of_a_sum.svg")

    explained = []
    for pattern, (values, gradient) in PATTERNS.items():
        numbers = tuple(range(len(values)))
        got = grad(pattern, argnums=numbers)(*values)
        assert got == gradient
        print(f"{pattern.__name__}{values}: {tuple(map(float, got))}")
        explained.append(explain(pattern, *values, argnums=numbers))
    side_by_side(explained, out / "l07_patterns.svg")

    da, db = grad(shared, argnums=(0, 1))(2.0, 1.0)
    ea, eb, ed = grad(apart, argnums=(0, 1, 2))(2.0, 1.0, 2.0)
    assert (da, db) == (2.0, 5.0) == (ea, eb + ed)
    print(f"de/db = {eb} by a + b, and {ed} by b + 1: {db}")
    save(explain(shared, 2.0, 1.0, argnums=(0, 1)), out / "l11_sum_over_paths.svg")


if __name__ == "__main__":
    main()
