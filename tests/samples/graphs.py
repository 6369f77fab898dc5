"""Random programs for pictures: many nodes, several paths, of a given size."""

import random

import numpy as np

UNARY = (np.sin, np.cos, np.tanh, np.exp, lambda x: x * 0.5, lambda x: x**2)
BINARY = (
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: x - y,
    lambda x, y: x / (2.0 + y * y),
    np.maximum,
)


def random_function(seed, operations=30, inputs=4):
    """A function of so many numbers that does so many operations, each on earlier values."""
    rng = random.Random(seed)
    steps = []
    for k in range(operations):
        count = inputs + k
        # What was made lately is used more often, as in programs.
        pick = lambda count=count: max(0, count - 1 - int(rng.expovariate(0.25)))  # noqa: E731
        if rng.random() < 0.45:
            steps.append((rng.choice(UNARY), (pick(),)))
        else:
            steps.append((rng.choice(BINARY), (pick(), pick())))

    def f(*args):
        values = list(args)
        used = set()
        for operation, positions in steps:
            values.append(operation(*[values[p] for p in positions]))
            used.update(positions)
        left = [v for k, v in enumerate(values) if k not in used]
        total = left[0]
        for v in left[1:]:
            total = total + v
        return total

    return f, tuple(rng.uniform(-1.0, 1.0) for _ in range(inputs))
