"""What nests are made of: functions written twice, and those at the bottom."""

from typing import Any, NamedTuple

import numpy as np


class Nest(NamedTuple):
    """A function, twice.

    Attributes:
        text: What it is made of.
        made: By funcgrad's control flow and rules.
        plain: By Python's.
        forward: Whether forward mode reaches no rule that is for reverse mode alone.
        again: Whether it has second derivatives.
    """

    text: str
    made: Any
    plain: Any
    forward: bool = True
    again: bool = True

    def within(self, name, made, plain, **changes):
        """A combinator of this one part."""
        return self._replace(text=f"{name}({self.text})", made=made, plain=plain, **changes)


SLOPES = np.array([0.4, -1.3, 0.8])
MATRIX = np.array([[0.3, -0.5, 0.2], [0.7, 0.1, -0.4], [-0.2, 0.6, 0.3]])
LEAVES = {
    "tanh": lambda x, p: np.tanh(x * SLOPES + p),
    "dot": lambda x, p: np.sin(MATRIX @ x) + p[0] * 0.3,
    "bump": lambda x, p: x * np.exp(-x * x * (0.2 + p * p)),
    "cumsum": lambda x, p: np.sin(np.cumsum(x)) * 0.4 + np.cos(p),
    "root": lambda x, p: np.sqrt(1 + np.sin(x) ** 2) - p.sum() * 0.1,
    "sort": lambda x, p: np.tanh(np.sort(x) * 0.7 + SLOPES * p),
    "where": lambda x, p: np.where(x > 0, np.sin(x), np.cos(p * x)),
    "reversed": lambda x, p: np.tanh(x[::-1] * 0.5 + x[0] * p[1]),
}
