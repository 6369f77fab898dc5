"""Schedules, functions from the number of updates made to a learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from .base import check_in, check_positive

Schedule: TypeAlias = Callable[[Any], Any]


def constant(value: float) -> Schedule:
    """The same rate at every step.

    >>> constant(0.1)(7)
    0.1
    """
    check_in("constant", 0, np.inf, value=value)
    return lambda step: value


def exponential_decay(
    initial: float, rate: float, steps: float = 1, staircase: bool = False
) -> Schedule:
    """``initial * rate**(step / steps)``: a factor of ``rate`` every ``steps`` updates.

    Args:
        initial: The rate at step 0, at least 0.
        rate: The factor, positive.
        steps: Positive.
        staircase: Whether the exponent is rounded down, so that the rate falls in stairs.

    Returns:
        A schedule.

    >>> exponential_decay(1.0, 0.5, steps=10)(np.int64(20))
    np.float64(0.25)
    """
    check_in("exponential_decay", 0, np.inf, initial=initial)
    check_positive("exponential_decay", rate=rate, steps=steps)

    def schedule(step: Any) -> Any:
        exponent = step / steps
        return initial * np.power(rate, np.floor(exponent) if staircase else exponent)

    return schedule


def cosine(initial: float, steps: float, final: float = 0.0) -> Schedule:
    """Half a cosine wave from ``initial`` at step 0 to ``final`` at ``steps``, and constant after.

    ``final + (initial - final) * (1 + cos(pi * min(step, steps) / steps)) / 2``: Loshchilov and
    Hutter, "SGDR: stochastic gradient descent with warm restarts" (ICLR 2017), without restarts.

    Args:
        initial: At least 0.
        steps: Positive.
        final: At least 0.

    Returns:
        A schedule.

    >>> [float(cosine(1.0, 10)(step)) for step in (0, 5, 10, 20)]
    [1.0, 0.5, 0.0, 0.0]
    """
    check_in("cosine", 0, np.inf, initial=initial, final=final)
    check_positive("cosine", steps=steps)

    def schedule(step: Any) -> Any:
        return final + (initial - final) * (
            0.5 + 0.5 * np.cos(math.pi * np.minimum(step / steps, 1.0))
        )

    return schedule
