"""Lion: the sign of a momentum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .base import NO_RATE, Number, Optimizer, Rate, check_in, descent, maker, scheduled_value
from .leaves import cast, zeros

__all__ = ["LionState", "lion", "scale_by_lion"]


class LionState(NamedTuple):
    """The state of `lion`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that the next update will use, ``np.float64``.
        m: The running mean of the gradient.
        scheduled: What the next update will use of the hyperparameters that are schedules, by name;
            each is an attribute too. None where there are none.
    """

    step: Any
    learning_rate: Any
    m: Any
    scheduled: Any = None

    __getattr__ = scheduled_value


@maker
def lion(
    learning_rate: Rate,
    b1: Number = 0.9,
    b2: Number = 0.99,
    weight_decay: Number = 1e-3,
    mask: Any = None,
) -> Optimizer:
    """Lion: every coordinate moves by the learning rate, in the direction of a momentum.

    With the gradient g and the learning rate r::

        p = p - r * (sign(b1 * m + (1 - b1) * g) + weight_decay * p)
        m = b2 * m + (1 - b2) * g

    Chen et al., "Symbolic discovery of optimization algorithms" (NeurIPS 2023), program 1.

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        b1: How much of the direction is momentum, at least 0 and less than 1.
        b2: The decay of the momentum, at least 0 and less than 1.
        weight_decay: At least 0.
        mask: Which parameters decay: a pytree of bools, or a function from the parameters to one.

    Returns:
        An `Optimizer` with the state `LionState`; ``update`` needs the parameters.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.lion(0.1, weight_decay=0.0)
    >>> opt.update(np.array([7.0, -0.2]), opt.init(np.zeros(2)), np.zeros(2))[0]
    array([-0.1,  0.1])
    """
    return _lion("lion", learning_rate, b1, b2, weight_decay, mask)


@maker
def scale_by_lion(b1: Number = 0.9, b2: Number = 0.99) -> Optimizer:
    """The direction of `lion`, without learning rate and decay: a part of a `chain`."""
    return _lion("scale_by_lion", NO_RATE, b1, b2, None, None)


def _lion(
    called: str,
    rate: Rate,
    b1: Number,
    b2: Number,
    weight_decay: Number | None,
    mask: Any,
) -> Optimizer:
    check_in(called, 0, 1, b1=b1, b2=b2)
    hyper: dict[str, Number] = {"b1": b1, "b2": b2}
    if weight_decay is not None:
        check_in(called, 0, np.inf, weight_decay=weight_decay)
        hyper["weight_decay"] = weight_decay

    def rule(
        down: Any, t: Any, b1: Any, b2: Any, weight_decay: Any = None
    ) -> Callable[..., Sequence[Any]]:
        def leaf(g: Any, p: Any, m: Any, decays: bool = True) -> tuple[Any, Any]:
            dtype = g.dtype
            u = cast(down, dtype) * np.sign(cast(b1, dtype) * m + cast(1 - b1, dtype) * g)
            if weight_decay is not None and decays:
                u = u + cast(down * weight_decay, dtype) * cast(p, dtype)
            return u, cast(b2, dtype) * m + cast(1 - b2, dtype) * g

        return leaf

    needs = weight_decay is not None
    return descent(
        called, LionState, hyper, rule, {"m": zeros}, rate=rate, needs_params=needs, mask=mask
    )
