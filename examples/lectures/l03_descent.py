"""L3 and L4: gradient descent that arrives, one that creeps, and one that flies apart.

The last ends in nan, and `debug.nans` says where that began: not in the subtraction that makes the
first nan, but an operation earlier, where an exponential overflows.

    python examples/lectures/l03_descent.py
"""

import numpy as np
from lecture import close, example, folder, save, shows

from funcgrad import debug, explain, grad
from funcgrad.errors import NanError

descent = example("gradient_descent")
valley, descend = descent.valley, descent.descend


def train(p):
    for _ in range(100):
        p = p - 0.01 * grad(valley)(p)
    return p


def main(argv=None):
    out = folder(argv, __doc__)
    with np.errstate(over="ignore", invalid="ignore"):
        runs = {
            "bowl, rate 0.1": descend(descent.bowl, (1.0, 1.0, 1.0), 0.1, 100),
            "valley, rate 0.001": descend(valley, (1.0, 1.0), 0.001, 100),
            "valley, rate 0.01": descend(valley, (1.0, 1.0), 0.01, 100),
        }
    (small, costs), (creep, creep_costs), (flown, _) = runs.values()
    close(small[-1], 0.25)
    close(costs[-1], 2.25)
    print("bowl:  ", shows(small[-1], "0.25", "0.25", "0.25"), "value", shows(costs[-1], "2.25"))
    at, value = shows(creep[-1], "0.18348", "0.28415"), shows(creep_costs[-1], "1.37996")
    print("valley:", at, "value", value)
    assert np.isnan(flown[-1]).all()

    try:
        with np.errstate(over="ignore", invalid="ignore"):
            debug.nans(train)(np.array([1.0, 1.0]))
    except NanError as error:
        print(error)
        assert "is nan, made by sub of float64[2] from -inf" in str(error)
        assert "it began with inf, made by exp of float64[] 1081.387758176052" in str(error)
        assert "when it ran for the 3rd time" in str(error)

    descent.draw(runs, out / "l03_descent.png")
    save(explain(valley, (1.0, 1.0)), out / "l04_valley.svg")


if __name__ == "__main__":
    main()
