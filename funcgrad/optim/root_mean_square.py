"""RMSprop."""

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

__all__ = ["RmspropState", "rmsprop", "scale_by_rms", "scale_by_stddev"]


class RmspropState(NamedTuple):
    """The state of `rmsprop`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that the next update will use, ``np.float64``.
        v: The running mean of the squared gradient.
        m: The running mean of the gradient; None unless centered.
        velocity: ``b`` of the formulas; None without momentum.
        scheduled: What the next update will use of the hyperparameters that are schedules, by name;
            each is an attribute too. None where there are none.
    """

    step: Any
    learning_rate: Any
    v: Any
    m: Any
    velocity: Any
    scheduled: Any = None

    __getattr__ = scheduled_value


@maker
def rmsprop(
    learning_rate: Rate,
    decay: Number = 0.9,
    eps: Number = 1e-8,
    momentum: Number | None = None,
    centered: bool = False,
    *,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> Optimizer:
    """Gradient descent with each coordinate divided by a running root mean square of its gradient.

    With the gradient g and the learning rate r, each step is::

        v = decay * v + (1 - decay) * g**2
        p = p - r * g / sqrt(v + eps)  # or, where not eps_in_sqrt: / (sqrt(v) + eps)

    Centered, ``v - m**2`` takes the place of v, with ``m = decay * m + (1 - decay) * g``. With
    momentum mu the quotient enters ``b = mu * b + quotient``, and ``p = p - r * b``. With
    bias_correction v and m are divided by ``1 - decay**t``.

    Tieleman and Hinton, "Lecture 6.5 - rmsprop", COURSERA: Neural Networks for Machine Learning
    (2012); the centered form is that of Graves, "Generating sequences with recurrent neural
    networks" (2013). eps stands within the root as in Optax; PyTorch has it outside.

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        decay: At least 0 and less than 1.
        eps: Positive.
        momentum: mu, at least 0 and less than 1; None for none.
        centered: Whether to divide by the standard deviation.
        initial_scale: v before the first update.
        eps_in_sqrt: Whether eps stands within the root.
        nesterov: Whether to look ahead along the velocity.
        bias_correction: Whether to correct the means for their start.

    Returns:
        An `Optimizer` with the state `RmspropState`.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.rmsprop(0.01)
    >>> np.round(opt.update(np.array([5.0, -0.1]), opt.init(np.zeros(2)))[0], 4)
    array([-0.0316,  0.0316])
    """
    options = centered, eps_in_sqrt, nesterov, bias_correction, initial_scale
    return _rmsprop("rmsprop", decay, eps, momentum, *options, learning_rate)


@maker
def scale_by_rms(
    decay: Number = 0.9,
    eps: Number = 1e-8,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> Optimizer:
    """The direction of `rmsprop`, without the learning rate: a part of a `chain`."""
    options = False, eps_in_sqrt, False, bias_correction, initial_scale
    return _rmsprop("scale_by_rms", decay, eps, None, *options, NO_RATE)


@maker
def scale_by_stddev(
    decay: Number = 0.9,
    eps: Number = 1e-8,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    bias_correction: bool = False,
) -> Optimizer:
    """The direction of centered `rmsprop`, without the learning rate: a part of a `chain`."""
    options = True, eps_in_sqrt, False, bias_correction, initial_scale
    return _rmsprop("scale_by_stddev", decay, eps, None, *options, NO_RATE)


def _rmsprop(
    called: str,
    decay: Number,
    eps: Number,
    momentum: Number | None,
    centered: bool,
    eps_in_sqrt: bool,
    nesterov: bool,
    bias_correction: bool,
    initial_scale: float,
    rate: Rate,
) -> Optimizer:
    if not callable(momentum):
        momentum = momentum or None
    check_in(called, 0, 1, decay=decay, momentum=momentum or 0.0)
    check_in(called, 0, np.inf, initial_scale=initial_scale)
    check_positive(called, eps=eps)
    if nesterov and momentum is None:
        raise ArgumentError(
            f"{called}: nesterov=True needs a momentum, got 0", "Pass momentum=0.9 for example."
        )

    def rule(
        down: Any, t: Any, decay: Any, eps: Any, momentum: Any = None
    ) -> Callable[..., Sequence[Any]]:
        correction = 1.0 / (1 - decay**t) if bias_correction else 1.0

        def leaf(g: Any, p: Any, v: Any, *more: Any) -> list[Any]:
            dtype, left = g.dtype, list(more)
            keep, add = cast(decay, dtype), cast(1 - decay, dtype)
            factor = cast(correction, dtype)
            v = keep * v + add * (g * g)
            slots, spread = [v], v * factor if bias_correction else v
            if centered:
                m = keep * left.pop(0) + add * g
                slots.append(m)
                mean = m * factor if bias_correction else m
                # Rounding may leave a variance of 0 below 0.
                spread = np.maximum(spread - mean * mean, cast(0.0, dtype))
            small = cast(eps, dtype)
            root = np.sqrt(spread + small) if eps_in_sqrt else np.sqrt(spread) + small
            direction = g / root
            if momentum is not None:
                mu = cast(momentum, dtype)
                b = mu * left.pop(0) + direction
                slots.append(b)
                direction = direction + mu * b if nesterov else b
            return [cast(down, dtype) * direction, *slots]

        return leaf

    hyper: dict[str, Number] = {"decay": decay, "eps": eps}
    if momentum is not None:
        hyper["momentum"] = momentum
    slots: dict[str, Callable[[Any], Any]] = {
        "v": lambda params: full(params, initial_scale),
        "m": zeros if centered else _nothing,
        "velocity": zeros if momentum is not None else _nothing,
    }
    return descent(called, RmspropState, hyper, rule, slots, rate=rate)


def _nothing(params: Any) -> None:
    return None
