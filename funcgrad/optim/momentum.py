"""Stochastic gradient descent, with momentum, and Adagrad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from .base import (
    NO_RATE,
    Number,
    Optimizer,
    Rate,
    check_in,
    check_positive,
    descent,
    maker,
    scheduled_value,
)
from .leaves import cast, full, zeros

__all__ = ["AdagradState", "SgdState", "adagrad", "scale_by_rss", "sgd", "trace"]


class SgdState(NamedTuple):
    """The state of `sgd` and `trace`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that the next update will use, ``np.float64``; None for `trace`.
        velocity: ``b`` of the formulas; None without momentum.
        scheduled: What the next update will use of the hyperparameters that are schedules, by name;
            each is an attribute too (``state.momentum``). None where there are none.
    """

    step: Any
    learning_rate: Any
    velocity: Any
    scheduled: Any = None

    __getattr__ = scheduled_value


@maker
def sgd(learning_rate: Rate, momentum: Number | None = None, nesterov: bool = False) -> Optimizer:
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
        momentum: mu, at least 0 and less than 1, or a function to one; None for none.
        nesterov: Whether to look ahead along the velocity.

    Returns:
        An `Optimizer` with the state `SgdState`.

    Raises:
        ArgumentError: A hyperparameter is out of range, or nesterov is asked for without momentum.

    >>> from funcgrad import optim
    >>> opt = optim.sgd(0.1)
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> params, state = opt.step(params, {"w": np.array([3.0, 3.0])}, opt.init(params))
    >>> params["w"]
    array([0.7, 1.7])
    >>> state.step, state.learning_rate
    (np.int64(1), np.float64(0.1))
    """
    if not callable(momentum):
        momentum = momentum or None
    check_in("sgd", 0, 1, momentum=momentum or 0.0)
    if nesterov and momentum is None:
        raise ArgumentError(
            "sgd: nesterov=True needs a momentum, got 0", "Pass momentum=0.9 for example."
        )
    return _momentum("sgd", momentum, nesterov, learning_rate)


@maker
def trace(decay: Number, nesterov: bool = False) -> Optimizer:
    """The velocity of `sgd` with momentum, as a part of a `chain`: ``b = decay * b + g``.

    Args:
        decay: At least 0 and less than 1, or a function to one.
        nesterov: Whether to give ``g + decay * b`` in the place of ``b``.

    Returns:
        An `Optimizer` with the state `SgdState`.

    >>> from funcgrad import optim
    >>> opt = optim.chain(optim.trace(0.9), optim.scale_by_learning_rate(0.1))
    >>> state = opt.init(1.0)
    >>> [float(opt.update(1.0, state)[0]) for _ in range(1)]
    [-0.1]
    """
    check_in("trace", 0, 1, decay=decay)
    return _momentum("trace", decay, nesterov, NO_RATE)


def _momentum(called: str, momentum: Number | None, nesterov: bool, rate: Rate) -> Optimizer:
    def rule(down: Any, t: Any, mu: Any = None) -> Callable[..., Sequence[Any]]:
        def plain(g: Any, p: Any) -> tuple[Any]:
            return (cast(down, g.dtype) * g,)

        def with_velocity(g: Any, p: Any, b: Any) -> tuple[Any, Any]:
            factor = mu if type(mu) is float else cast(mu, g.dtype)
            b = factor * b + g
            return cast(down, g.dtype) * (g + factor * b if nesterov else b), b

        return plain if mu is None else with_velocity

    hyper: dict[str, Number] = {} if momentum is None else {"mu": momentum}
    none = momentum is None
    slots = {"velocity": (lambda params: None) if none else zeros}
    return descent(called, SgdState, hyper, rule, slots, rate=rate)


class AdagradState(NamedTuple):
    """The state of `adagrad`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that the next update will use, ``np.float64``.
        total: The sum of the squares of the gradients.
        scheduled: As in `SgdState`.
    """

    step: Any
    learning_rate: Any
    total: Any
    scheduled: Any = None

    __getattr__ = scheduled_value


@maker
def adagrad(
    learning_rate: Rate, initial_accumulator_value: float = 0.1, eps: Number = 1e-7
) -> Optimizer:
    """Adagrad: each coordinate divided by the root of the sum of its squared gradients.

    With the gradient g and the learning rate r::

        s = s + g**2
        p = p - r * g / sqrt(s + eps)

    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization" (JMLR 12, 2011), figure 1 with a diagonal matrix.

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        initial_accumulator_value: s before the first update, at least 0.
        eps: Positive.

    Returns:
        An `Optimizer` with the state `AdagradState`.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.adagrad(0.1, 0.0)
    >>> opt.update(np.array([5.0, -0.1]), opt.init(np.zeros(2)))[0]
    array([-0.1      ,  0.0999995])
    """
    return _adagrad("adagrad", initial_accumulator_value, eps, learning_rate)


@maker
def scale_by_rss(initial_accumulator_value: float = 0.1, eps: Number = 1e-7) -> Optimizer:
    """The direction of `adagrad`, without the learning rate: a part of a `chain`."""
    return _adagrad("scale_by_rss", initial_accumulator_value, eps, NO_RATE)


def _adagrad(called: str, initial: float, eps: Number, rate: Rate) -> Optimizer:
    check_in(called, 0, np.inf, initial_accumulator_value=initial)
    check_positive(called, eps=eps)

    def rule(down: Any, t: Any, eps: Any) -> Callable[..., Sequence[Any]]:
        def leaf(g: Any, p: Any, s: Any) -> tuple[Any, Any]:
            s = s + g * g
            # Where nothing was summed the gradient is 0, and so is the quotient.
            return cast(down, g.dtype) * (g / np.sqrt(s + cast(eps, g.dtype))), s

        return leaf

    slots = {"total": lambda params: full(params, initial)}
    return descent(called, AdagradState, {"eps": eps}, rule, slots, rate=rate)
