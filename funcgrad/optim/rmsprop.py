"""RMSprop."""

from __future__ import annotations

import math
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


class RmspropState(NamedTuple):
    """The state of `rmsprop`.

    The averages are kept as discounted sums, without their constant factor ``1 - decay``, which
    saves a pass over the parameters at each step.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that the next update will use, ``np.float64``.
        v: ``sum_i decay**(t - i) * g_i**2``.
        m: ``sum_i decay**(t - i) * g_i``; None unless centered.
        velocity: ``b`` of the formulas, times ``sqrt(1 - decay)``; None without momentum.
    """

    step: Any
    learning_rate: Any
    v: Any
    m: Any
    velocity: Any


def rmsprop(
    learning_rate: Rate,
    decay: float = 0.9,
    eps: float = 1e-8,
    momentum: float = 0.0,
    centered: bool = False,
) -> Optimizer:
    """Gradient descent with each coordinate divided by a running root mean square of its gradient.

    With the gradient g and the learning rate r, each step is::

        v = decay * v + (1 - decay) * g**2
        p = p - r * g / (sqrt(v) + eps)

    Centered, ``v - m**2`` takes the place of v, with ``m = decay * m + (1 - decay) * g``. With
    momentum mu the quotient enters ``b = mu * b + g / (sqrt(v) + eps)``, and ``p = p - r * b``.

    Tieleman and Hinton, "Lecture 6.5 - rmsprop", COURSERA: Neural Networks for Machine Learning
    (2012); the centered form is that of Graves, "Generating sequences with recurrent neural
    networks" (2013). eps stands outside of the root, as in PyTorch.

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        decay: At least 0 and less than 1.
        eps: Positive.
        momentum: mu, at least 0 and less than 1.
        centered: Whether to divide by the standard deviation.

    Returns:
        An `Optimizer` with the state `RmspropState`.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.rmsprop(0.01)
    >>> updates, state = opt.update(np.array([5.0, -0.001]), opt.init(np.zeros(2)), np.zeros(2))
    >>> np.round(updates, 4)
    array([-0.0316,  0.0316])
    """
    check_rate("rmsprop", learning_rate)
    check_in("rmsprop", 0, 1, decay=decay, momentum=momentum)
    check_positive("rmsprop", eps=eps)
    root = math.sqrt(1 - decay)

    def init(params: Any) -> RmspropState:
        step = np.int64(0)
        return RmspropState(
            step,
            rate_at("rmsprop", learning_rate, step),
            v=zeros(params),
            m=zeros(params) if centered else None,
            velocity=zeros(params) if momentum else None,
        )

    def update(grads: Any, state: RmspropState, params: Any) -> tuple[Any, RmspropState]:
        check_state("rmsprop", state, RmspropState)
        down = -state.learning_rate / root

        def rule(g: Any, p: Any, v: Any, *more: Any) -> list[Any]:
            """``v`` stands for the average over ``1 - decay``, and so does ``m``."""
            left = list(more)
            v = decay * v + g * g
            spread, slots = v, [v]
            if centered:
                m = decay * left.pop(0) + g
                slots.append(m)
                # Rounding may leave a variance of 0 below 0.
                spread = np.maximum(v - (1 - decay) * (m * m), 0)
            direction = g / (np.sqrt(spread) + eps / root)
            if momentum:
                direction = momentum * left.pop(0) + direction
                slots.append(direction)
            return [cast(down, g.dtype) * direction, *slots]

        optional = [x for x in (state.m, state.velocity) if x is not None]
        updates, v, *rest = map_leaves(
            "rmsprop", "gradient", rule, grads, params, state.v, *optional
        )
        step = state.step + 1
        return updates, RmspropState(
            step,
            next_rate("rmsprop", learning_rate, state, step),
            v,
            m=rest.pop(0) if centered else None,
            velocity=rest.pop(0) if momentum else None,
        )

    return optimizer("rmsprop", init, update)
