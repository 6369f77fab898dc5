"""Parts of chains: scaling, clipping, decay, averages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from .base import (
    Number,
    Optimizer,
    Rate,
    check_in,
    check_positive,
    check_rate,
    check_state,
    maker,
    need_params,
    next_rate,
    rate_at,
    value_at,
)
from .leaves import cast, float_dtype, map_leaves, mask_of, working_dtype, zeros

__all__ = [
    "ClipState",
    "EmaState",
    "NoState",
    "ScaleState",
    "add_decayed_weights",
    "clip",
    "clip_by_global_norm",
    "ema",
    "global_norm",
    "identity",
    "incremental_update",
    "scale",
    "scale_by_learning_rate",
    "scale_by_schedule",
    "set_to_zero",
]


class NoState(NamedTuple):
    """The state of a part that has nothing to remember."""


class ScaleState(NamedTuple):
    """The state of `scale_by_learning_rate` and `scale_by_schedule`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: What the next update will be scaled by, without the sign, ``np.float64``.
    """

    step: Any
    learning_rate: Any


def _stateless(called: str, rule: Callable[[Any, Any], Any], needs_params: bool = False) -> Any:
    """The pair of a part without a state: ``rule(g, p)`` gives the update of a leaf."""

    def init(params: Any) -> NoState:
        return NoState()

    def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, NoState]:
        check_state(called, state, NoState)
        if params is None:
            if needs_params:
                raise need_params(called)
            params = grads
        one = lambda g, p: (rule(g, p),)  # noqa: E731
        return map_leaves(called, "gradient", one, grads, params)[0], state

    return Optimizer(init, update)


@maker
def identity() -> Optimizer:
    """The gradient itself: for the parts of `multi_transform` that do nothing.

    >>> opt = identity()
    >>> opt.update(np.array([1.0]), opt.init(np.zeros(1)))[0]
    array([1.])
    """
    return _stateless("identity", lambda g, p: g)


@maker
def set_to_zero() -> Optimizer:
    """Updates of 0: what it is given stays as it is.

    >>> opt = set_to_zero()
    >>> opt.update(np.array([1.0]), opt.init(np.zeros(1)))[0]
    array([0.])
    """
    return _stateless(
        "set_to_zero",
        lambda g, p: np.zeros(np.shape(g), g.dtype) if np.ndim(g) else g.dtype.type(0),
    )


@maker
def scale(step_size: float) -> Optimizer:
    """Every update times a number, which may be negative: ``scale(-0.1)`` descends.

    >>> opt = scale(-0.5)
    >>> opt.update(np.array([1.0]), opt.init(np.zeros(1)))[0]
    array([-0.5])
    """
    factor = value_at("scale", "step_size", step_size, 0)
    return _stateless("scale", lambda g, p: cast(factor, g.dtype) * g)


@maker
def scale_by_learning_rate(learning_rate: Rate, *, flip_sign: bool = True) -> Optimizer:
    """Every update times minus the learning rate: the last part of a `chain` that descends.

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        flip_sign: Whether to take minus it.

    Returns:
        An `Optimizer` with the state `ScaleState`.

    >>> opt = scale_by_learning_rate(0.1)
    >>> opt.update(np.array([1.0]), opt.init(np.zeros(1)))[0]
    array([-0.1])
    """
    called = "scale_by_learning_rate"
    check_rate(called, learning_rate)

    def init(params: Any) -> ScaleState:
        step = np.int64(0)
        return ScaleState(step, rate_at(called, learning_rate, step))

    def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, ScaleState]:
        check_state(called, state, ScaleState)
        factor = -state.learning_rate if flip_sign else state.learning_rate
        one = lambda g, p: (cast(factor, g.dtype) * g,)  # noqa: E731
        params = grads if params is None else params
        step = state.step + 1
        after = ScaleState(step, next_rate(called, learning_rate, state, step))
        return map_leaves(called, "gradient", one, grads, params)[0], after

    return Optimizer(init, update)


@maker
def scale_by_schedule(step_size_fn: Callable[[Any], Any]) -> Optimizer:
    """Every update times what a schedule gives, which may be negative.

    Args:
        step_size_fn: A function of the number of updates made.

    Returns:
        An `Optimizer` with the state `ScaleState`.

    >>> opt = scale_by_schedule(lambda step: -1.0 / (step + 1))
    >>> opt.update(np.array([1.0]), opt.init(np.zeros(1)))[0]
    array([-1.])
    """
    called = "scale_by_schedule"

    def init(params: Any) -> ScaleState:
        return ScaleState(np.int64(0), value_at(called, "step_size_fn", step_size_fn, np.int64(0)))

    def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, ScaleState]:
        check_state(called, state, ScaleState)
        factor, step = state.learning_rate, state.step + 1
        one = lambda g, p: (cast(factor, g.dtype) * g,)  # noqa: E731
        params = grads if params is None else params
        after = ScaleState(step, value_at(called, "step_size_fn", step_size_fn, step))
        return map_leaves(called, "gradient", one, grads, params)[0], after

    return Optimizer(init, update)


@maker
def clip(max_delta: float) -> Optimizer:
    """Every element of the gradient cut to ``[-max_delta, max_delta]``.

    >>> opt = clip(1.0)
    >>> opt.update(np.array([3.0, -0.5]), opt.init(np.zeros(2)))[0]
    array([ 1. , -0.5])
    """
    check_positive("clip", max_delta=max_delta)
    return _stateless(
        "clip", lambda g, p: np.clip(g, cast(-max_delta, g.dtype), cast(max_delta, g.dtype))
    )


@maker
def add_decayed_weights(weight_decay: Number = 0.0, mask: Any = None) -> Optimizer:
    """``g + weight_decay * p``: a part of a `chain`, before the learning rate.

    Args:
        weight_decay: A number, or a function from the number of updates made to one.
        mask: Which parameters decay: a pytree of bools, or a function from the parameters to one.

    Returns:
        An `Optimizer` with the state `ScaleState`; ``update`` needs the parameters.

    >>> opt = add_decayed_weights(0.1)
    >>> opt.update(np.array([1.0]), opt.init(np.ones(1)), np.ones(1))[0]
    array([1.1])
    """
    called = "add_decayed_weights"
    check_in(called, 0, np.inf, weight_decay=weight_decay)

    def init(params: Any) -> ScaleState:
        return ScaleState(np.int64(0), None)

    def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, ScaleState]:
        check_state(called, state, ScaleState)
        if params is None:
            raise need_params(called)
        factor = value_at(called, "weight_decay", weight_decay, state.step)

        def one(g: Any, p: Any, decays: bool = True) -> tuple[Any]:
            return (g + cast(factor, g.dtype) * cast(p, g.dtype) if decays else g,)

        decays = mask_of(called, mask, params)
        (updates,) = map_leaves(called, "gradient", one, grads, params, decays=decays)
        return updates, ScaleState(state.step + 1, None)

    return Optimizer(init, update)


def global_norm(updates: Any) -> Any:
    """The Euclidean norm of all elements of a pytree together; 0 of none.

    Sums are made in float64.

    >>> float(global_norm({"w": np.array([3.0]), "b": 4.0}))
    5.0
    """
    total = np.float64(0.0)
    for g in tree.leaves(updates):
        g = cast(g, working_dtype(float_dtype(g) or np.dtype(np.float64)))
        total = total + cast(np.sum(g * g), np.float64)
    return np.sqrt(total)


class ClipState(NamedTuple):
    """The state of `clip_by_global_norm`.

    Attributes:
        norm: The norm of the gradient of the latest update, before clipping; 0 before the first.
    """

    norm: Any


@maker
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

    def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, ClipState]:
        check_state("clip_by_global_norm", state, ClipState)
        norm = global_norm(grads)
        scale = max_norm / np.maximum(norm, max_norm)
        one = lambda g, p: (cast(scale, g.dtype) * g,)  # noqa: E731
        params = grads if params is None else params
        (updates,) = map_leaves("clip_by_global_norm", "gradient", one, grads, params)
        return updates, ClipState(norm)

    return Optimizer(init, update)


class EmaState(NamedTuple):
    """The state of `ema`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        mean: The discounted sum, without correction.
    """

    step: Any
    mean: Any


@maker
def ema(decay: float, debias: bool = True) -> Optimizer:
    """The exponential moving average of what comes: of gradients, or of parameters.

    ``mean = decay * mean + (1 - decay) * x``, given as ``mean / (1 - decay**t)`` with debias.

    Args:
        decay: At least 0 and less than 1.
        debias: Whether to correct for the start at 0.

    Returns:
        An `Optimizer` with the state `EmaState`, whose update is the average.

    >>> average = ema(0.9)
    >>> average.update(np.array([2.0]), average.init(np.zeros(1)))[0]
    array([2.])
    """
    check_in("ema", 0, 1, decay=decay)

    def init(params: Any) -> EmaState:
        return EmaState(np.int64(0), zeros(params))

    def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, EmaState]:
        check_state("ema", state, EmaState)
        step = state.step + 1
        factor = 1.0 / (1.0 - decay**step) if debias else 1.0

        def one(g: Any, p: Any, mean: Any) -> tuple[Any, Any]:
            dtype = g.dtype
            mean = cast(decay, dtype) * mean + cast(1 - decay, dtype) * g
            return (cast(factor, dtype) * mean if debias else mean), mean

        params = grads if params is None else params
        updates, mean = map_leaves("ema", "gradient", one, grads, params, state.mean)
        return updates, EmaState(step, mean)

    return Optimizer(init, update)


def incremental_update(new_tensors: Any, old_tensors: Any, step_size: Any) -> Any:
    """``step_size * new + (1 - step_size) * old``, leaf by leaf: target networks, averages.

    Args:
        new_tensors: A pytree.
        old_tensors: A pytree of the same structure.
        step_size: Between 0 and 1.

    Returns:
        A new pytree, with the dtypes of ``old_tensors``.

    >>> incremental_update({"w": 1.0}, {"w": 0.0}, 0.25)
    {'w': np.float64(0.25)}
    """

    def one(new: Any, old: Any) -> tuple[Any]:
        part = cast(step_size, new.dtype)
        return (part * new + (cast(1.0, new.dtype) - part) * cast(old, new.dtype),)

    return map_leaves("incremental_update", "new value", one, new_tensors, old_tensors)[0]
