"""Adam, and AdamW with decoupled weight decay.

Everything in Adam's step that depends on the step number alone is folded into two scalars, which
leaves ten passes over a parameter (the addition in `apply_updates` included): multiply and add for
the first moment; multiply, square and add for the second; root, add, divide, multiply, add.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .base import (
    Optimizer,
    Rate,
    cast,
    check_in,
    check_positive,
    check_rate,
    check_state,
    map_leaves,
    next_rate,
    optimizer,
    rate_at,
    zeros,
)


class AdamState(NamedTuple):
    """The state of `adam` and `adamw`.

    The moments are kept as discounted sums: Kingma and Ba's are ``(1 - b1) * m`` and
    ``(1 - b2) * v``. The constant factors go where they cost nothing, into the step's scalars.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that the next update will use, ``np.float64``.
        m: ``sum_i b1**(t - i) * g_i``.
        v: ``sum_i b2**(t - i) * g_i**2``.
    """

    step: Any
    learning_rate: Any
    m: Any
    v: Any


def adam(
    learning_rate: Rate = 1e-3, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> Optimizer:
    """Adam, algorithm 1 of Kingma and Ba, "Adam: a method for stochastic optimization" (ICLR 2015).

    With the gradient g and the learning rate r, step t = 1, 2, ... is::

        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        p = p - r * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)

    computed, with ``c = sqrt((1 - b2) / (1 - b2**t))``, as::

        m = b1 * m + g
        v = b2 * v + g**2
        p = p - r * (1 - b1) / ((1 - b1**t) * c) * m / (sqrt(v) + eps / c)

    which is the same in exact arithmetic, for every t and eps.

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        b1: The decay of the first moment, at least 0 and less than 1.
        b2: The decay of the second moment, at least 0 and less than 1.
        eps: Positive.

    Returns:
        An `Optimizer` with the state `AdamState`.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.adam(0.01)
    >>> updates, state = opt.update(np.array([5.0, -0.001]), opt.init(np.zeros(2)), np.zeros(2))
    >>> np.round(updates, 4)
    array([-0.01,  0.01])
    """
    return _adam("adam", learning_rate, b1, b2, eps, 0.0)


def adamw(
    learning_rate: Rate = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> Optimizer:
    """`adam` with decoupled weight decay.

    The step of `adam`, with ``- r * weight_decay * p`` besides, which unlike a penalty in the cost
    is not divided by the gradient's scale: Loshchilov and Hutter, "Decoupled weight decay
    regularization" (ICLR 2019), with their schedule multiplier in the learning rate r.

    Args:
        learning_rate: As for `adam`.
        b1: As for `adam`.
        b2: As for `adam`.
        eps: As for `adam`.
        weight_decay: At least 0.

    Returns:
        An `Optimizer` with the state `AdamState`.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.adamw(0.1, weight_decay=0.5)
    >>> updates, state = opt.update(np.array([0.0]), opt.init(np.ones(1)), np.ones(1))
    >>> updates
    array([-0.05])
    """
    check_in("adamw", 0, np.inf, weight_decay=weight_decay)
    return _adam("adamw", learning_rate, b1, b2, eps, weight_decay)


def _adam(
    called: str, learning_rate: Rate, b1: float, b2: float, eps: float, weight_decay: float
) -> Optimizer:
    check_rate(called, learning_rate)
    check_in(called, 0, 1, b1=b1, b2=b2)
    check_positive(called, eps=eps)

    def init(params: Any) -> AdamState:
        step = np.int64(0)
        rate = rate_at(called, learning_rate, step)
        return AdamState(step, rate, zeros(params), zeros(params))

    def update(grads: Any, state: AdamState, params: Any) -> tuple[Any, AdamState]:
        check_state(called, state, AdamState)
        step, rate = state.step + 1, state.learning_rate
        c = np.sqrt((1 - b2) / (1 - b2**step))
        down = -rate * (1 - b1) / ((1 - b1**step) * c)
        floor = eps / c

        def rule(g: Any, p: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
            dtype = g.dtype
            m = b1 * m + g
            v = b2 * v + g * g
            u = cast(down, dtype) * (m / (np.sqrt(v) + cast(floor, dtype)))
            if weight_decay:
                u = u - cast(rate * weight_decay, dtype) * cast(p, dtype)
            return u, m, v

        updates, m, v = map_leaves(called, "gradient", rule, grads, params, state.m, state.v)
        return updates, AdamState(step, next_rate(called, learning_rate, state, step), m, v)

    return optimizer(called, init, update)
