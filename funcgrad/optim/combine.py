"""Optimizers made of optimizers, and clipping, which is one of the parts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import ArgumentError
from .base import (
    Optimizer,
    cast,
    check_positive,
    check_state,
    float_dtype,
    map_leaves,
    optimizer,
    shown,
    working_dtype,
)


class ClipState(NamedTuple):
    """The state of `clip_by_global_norm`.

    Attributes:
        norm: The norm of the gradient of the latest update, before clipping; 0 before the first.
    """

    norm: Any


def clip_by_global_norm(max_norm: float) -> Optimizer:
    """Scale the whole gradient by ``min(1, max_norm / norm)``, where norm is over all leaves.

    It stands before an optimizer in a `chain`: Pascanu, Mikolov and Bengio, "On the difficulty of
    training recurrent neural networks" (ICML 2013).

    Args:
        max_norm: Positive.

    Returns:
        An `Optimizer` whose updates are the clipped gradients, with the state `ClipState`.

    Raises:
        ArgumentError: ``max_norm`` is not positive.

    >>> clip = clip_by_global_norm(1.0)
    >>> params = [np.zeros(1), 0.0]
    >>> clip.update([np.array([3.0]), 4.0], clip.init(params), params)
    ([array([0.6]), np.float64(0.8)], ClipState(norm=np.float64(5.0)))
    """
    check_positive("clip_by_global_norm", max_norm=max_norm)

    def init(params: Any) -> ClipState:
        return ClipState(np.float64(0.0))

    def update(grads: Any, state: ClipState, params: Any) -> tuple[Any, ClipState]:
        check_state("clip_by_global_norm", state, ClipState)
        total = np.float64(0.0)
        for g in tree.leaves(grads):
            g = cast(g, working_dtype(float_dtype(g) or np.dtype(np.float64)))
            total = total + cast(np.sum(g * g), np.float64)
        norm = np.sqrt(total)
        scale = max_norm / np.maximum(norm, max_norm)

        def rule(g: Any, p: Any) -> tuple[Any]:
            return (cast(scale, g.dtype) * g,)

        (updates,) = map_leaves("clip_by_global_norm", "gradient", rule, grads, params)
        return updates, ClipState(norm)

    return optimizer("clip_by_global_norm", init, update)


class ChainState(NamedTuple):
    """The state of a `chain`.

    Attributes:
        states: The states of its parts, in order.
    """

    states: tuple[Any, ...]

    @property
    def step(self) -> Any:
        """The number of updates made, of the first part that counts them."""
        return self._first("step")

    @property
    def learning_rate(self) -> Any:
        """The rate that the next update will use, of the first part that has one."""
        return self._first("learning_rate")

    def _first(self, name: str) -> Any:
        for state in self.states:
            if hasattr(state, name):
                return getattr(state, name)
        raise AttributeError(f"no part of this chain has a {name}")


def chain(*optimizers: Optimizer) -> Optimizer:
    """Optimizers one after the other: each takes the updates of the one before as its gradient.

    Args:
        *optimizers: At least one. The last is usually one that descends, such as `adam`; the others
            change the gradient, such as `clip_by_global_norm`.

    Returns:
        An `Optimizer` with the state `ChainState`.

    Raises:
        ArgumentError: There is no optimizer, or an argument is not one.

    >>> from funcgrad import optim
    >>> opt = optim.chain(optim.clip_by_global_norm(1.0), optim.sgd(0.1))
    >>> updates, state = opt.update(np.array([30.0, 40.0]), opt.init(np.zeros(2)), np.zeros(2))
    >>> updates, state.learning_rate
    (array([-0.06, -0.08]), np.float64(0.1))
    """
    wrong = [one for one in optimizers if not isinstance(one, Optimizer)]
    if not optimizers or wrong:
        raise ArgumentError(
            f"chain: expected one or more optimizers, got {shown(wrong[0]) if wrong else '()'}",
            "Write chain(clip_by_global_norm(1.0), adam(1e-3)) for example.",
        )

    def init(params: Any) -> ChainState:
        return ChainState(tuple(one.init(params) for one in optimizers))

    def update(grads: Any, state: ChainState, params: Any) -> tuple[Any, ChainState]:
        check_state("chain", state, ChainState)
        states: list[Any] = []
        for one, own in zip(optimizers, state.states, strict=True):
            grads, own = one.update(grads, own, params)
            states.append(own)
        return grads, ChainState(tuple(states))

    return optimizer("chain", init, update)
