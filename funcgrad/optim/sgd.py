"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from .base import (
    Optimizer,
    Rate,
    cast,
    check_in,
    check_rate,
    check_state,
    map_leaves,
    next_rate,
    optimizer,
    rate_at,
    zeros,
)


class SgdState(NamedTuple):
    """The state of `sgd`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that the next update will use, ``np.float64``.
        velocity: ``b`` of the formulas; None without momentum.
    """

    step: Any
    learning_rate: Any
    velocity: Any


def sgd(learning_rate: Rate, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Stochastic gradient descent.

    With the gradient g, the learning rate r and the momentum mu, each step is::

        b = mu * b + g
        p = p - r * b  # plain, with mu = 0: p - r * g
        p = p - r * (g + mu * b)  # nesterov

    This is the momentum of Polyak (1964) and the accelerated gradient of Nesterov (1983) as
    Sutskever, Martens, Dahl and Hinton write them, "On the importance of initialization and
    momentum in deep learning" (ICML 2013), but with the rate outside of the velocity, so that a
    change of the rate acts at once; for a constant rate both are the same.

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        momentum: mu, at least 0 and less than 1.
        nesterov: Whether to look ahead along the velocity.

    Returns:
        An `Optimizer` with the state `SgdState`.

    Raises:
        ArgumentError: A hyperparameter is out of range, or nesterov is asked for without momentum.

    >>> from funcgrad import optim
    >>> opt = optim.sgd(0.1)
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> updates, state = opt.update({"w": np.array([3.0, 3.0])}, opt.init(params), params)
    >>> optim.apply_updates(params, updates)["w"]
    array([0.7, 1.7])
    >>> state.step, state.learning_rate
    (np.int64(1), np.float64(0.1))
    """
    check_rate("sgd", learning_rate)
    check_in("sgd", 0, 1, momentum=momentum)
    if nesterov and not momentum:
        raise ArgumentError(
            "sgd: nesterov=True needs a momentum, got 0", "Pass momentum=0.9 for example."
        )

    def init(params: Any) -> SgdState:
        step = np.int64(0)
        velocity = zeros(params) if momentum else None
        return SgdState(step, rate_at("sgd", learning_rate, step), velocity)

    def update(grads: Any, state: SgdState, params: Any) -> tuple[Any, SgdState]:
        check_state("sgd", state, SgdState)
        step, velocity = state.step + 1, state.velocity
        down = -state.learning_rate

        def plain(g: Any, p: Any) -> tuple[Any]:
            return (cast(down, g.dtype) * g,)

        def with_velocity(g: Any, p: Any, b: Any) -> tuple[Any, Any]:
            b = momentum * b + g
            return cast(down, g.dtype) * (g + momentum * b if nesterov else b), b

        if momentum:
            updates, velocity = map_leaves(
                "sgd", "gradient", with_velocity, grads, params, velocity
            )
        else:
            (updates,) = map_leaves("sgd", "gradient", plain, grads, params)
        return updates, SgdState(step, next_rate("sgd", learning_rate, state, step), velocity)

    return optimizer("sgd", init, update)
