"""Training without a schedule: averages of the iterates in its place."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from .base import Number, Optimizer, Rate, check_in, check_state, maker, need_params, rate_at
from .combine import chain
from .leaves import cast, copies, map_leaves
from .momentum import sgd
from .root_mean_square import scale_by_rms
from .scaling import add_decayed_weights, scale_by_learning_rate
from .schedules import warmup_constant_schedule

__all__ = [
    "ScheduleFreeState",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_eval_params",
    "schedule_free_sgd",
]


class ScheduleFreeState(NamedTuple):
    """The state of `schedule_free`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that weighs the next iterate, ``np.float64``.
        weight_sum: The sum of the weights so far.
        max_lr: The greatest rate so far.
        b1: How the gradient's place is between the two sequences.
        z: The sequence that the optimizer inside moves.
        inner: The state of that optimizer.
    """

    step: Any
    learning_rate: Any
    weight_sum: Any
    max_lr: Any
    b1: Any
    z: Any
    inner: Any


@maker
def schedule_free(
    base_optimizer: Optimizer,
    learning_rate: Rate,
    b1: float = 0.9,
    weight_lr_power: float = 2.0,
) -> Optimizer:
    """An optimizer with averaging in the place of momentum and of a schedule.

    With the optimizer inside moving z by the gradient at y, each step is::

        z' = z + update
        x' = (1 - c) * x + c * z',  c = w / (w_1 + ... + w_t),  w = max_lr**weight_lr_power
        y' = b1 * x' + (1 - b1) * z'

    The parameters that it updates are y; those to evaluate are x, which
    `schedule_free_eval_params` gives. Defazio et al., "The road less scheduled" (NeurIPS 2024),
    equations 3 to 5 and section 4.

    Args:
        base_optimizer: An optimizer without momentum, such as ``sgd(rate)``.
        learning_rate: That optimizer's rate, by which the iterates are weighed.
        b1: Above 0 and less than 1; 0.9 stands for the momentum of others.
        weight_lr_power: The power of the rate in the weights.

    Returns:
        An `Optimizer` with the state `ScheduleFreeState`; ``update`` needs the parameters.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.schedule_free(optim.sgd(0.5), 0.5)
    >>> params, state = opt.step(np.ones(1), np.ones(1), opt.init(np.ones(1)))
    >>> params, optim.schedule_free_eval_params(state, params)
    (array([0.5]), array([0.5]))
    """
    called = "schedule_free"
    check_in(called, 0, 1, b1=b1)
    if not b1:
        raise ArgumentError(f"{called}: b1 must be above 0, got {b1!r}", "Write 0.9, for example.")

    def init(params: Any) -> ScheduleFreeState:
        z = copies(params)
        # Its schedule counts from 1.
        rate = rate_at(called, learning_rate, np.int64(1))
        zero = np.float64(0.0)
        inner = base_optimizer.init(params)
        return ScheduleFreeState(np.int64(0), rate, zero, zero, np.float64(b1), z, inner)

    def update(
        grads: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, ScheduleFreeState]:
        check_state(called, state, ScheduleFreeState)
        if params is None:
            raise need_params(called)
        max_lr = np.maximum(state.max_lr, state.learning_rate)
        weight = max_lr**weight_lr_power
        total = state.weight_sum + weight
        some = total > 0
        share = np.where(some, weight / np.where(some, total, 1.0), 0.0)
        moves, inner = base_optimizer.update(grads, state.inner, params, **extra)

        def one(u: Any, y: Any, z: Any) -> tuple[Any, Any]:
            dtype = u.dtype
            y, z = cast(y, dtype), cast(z, dtype)
            b, c = cast(b1, dtype), cast(share, dtype)
            rest = cast(1 - b1, dtype)
            x = (y - rest * z) / b
            z = z + u
            x = (cast(1.0, dtype) - c) * x + c * z
            return b * x + rest * z - y, z

        updates, z = map_leaves(called, "update", one, moves, params, state.z)
        step = state.step + 1
        rate = rate_at(called, learning_rate, step + 1)
        return updates, ScheduleFreeState(step, rate, total, max_lr, state.b1, z, inner)

    return Optimizer(init, update)


def schedule_free_eval_params(state: ScheduleFreeState, params: Any) -> Any:
    """The averaged parameters x, from the ones that are trained: ``(y - (1 - b1) * z) / b1``.

    Args:
        state: The state of `schedule_free`.
        params: The parameters y that belong to it.
    """
    check_state("schedule_free_eval_params", state, ScheduleFreeState)

    def one(z: Any, y: Any) -> tuple[Any]:
        dtype = z.dtype
        b = cast(state.b1, dtype)
        return ((cast(y, dtype) - (cast(1.0, dtype) - b) * z) / b,)

    called = "schedule_free_eval_params"
    return map_leaves(called, "value", one, state.z, params, keep=True)[0]


def _warmed(learning_rate: Rate, warmup_steps: int | None) -> Rate:
    if warmup_steps is None:
        return learning_rate
    return warmup_constant_schedule(0.0, learning_rate, warmup_steps)  # type: ignore[arg-type]


@maker
def schedule_free_sgd(
    learning_rate: Rate = 1.0,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    weight_decay: Number | None = None,
    weight_lr_power: float = 2.0,
) -> Optimizer:
    """`schedule_free` around `sgd`.

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        warmup_steps: Over how many updates the rate grows from 0.
        b1: As for `schedule_free`.
        weight_decay: As for `add_decayed_weights`; None for none.
        weight_lr_power: As for `schedule_free`.

    Returns:
        An `Optimizer` with the state `ScheduleFreeState`; ``update`` needs the parameters.

    >>> from funcgrad import optim
    >>> opt = optim.schedule_free_sgd(0.5)
    >>> opt.step(np.ones(1), np.ones(1), opt.init(np.ones(1)))[0]
    array([0.5])
    """
    rate = _warmed(learning_rate, warmup_steps)
    inner = sgd(rate)
    if weight_decay is not None:
        inner = chain(add_decayed_weights(weight_decay), inner)
    return schedule_free(inner, rate, b1, weight_lr_power)


@maker
def schedule_free_adamw(
    learning_rate: Rate = 0.0025,
    warmup_steps: int | None = None,
    b1: float = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Number = 0.0,
    weight_lr_power: float = 2.0,
) -> Optimizer:
    """`schedule_free` around `adamw` without its first moment.

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        warmup_steps: Over how many updates the rate grows from 0.
        b1: As for `schedule_free`.
        b2: As for `adamw`.
        eps: As for `adamw`.
        weight_decay: As for `adamw`.
        weight_lr_power: As for `schedule_free`.

    Returns:
        An `Optimizer` with the state `ScheduleFreeState`; ``update`` needs the parameters.

    >>> from funcgrad import optim
    >>> opt = optim.schedule_free_adamw(0.5)
    >>> np.round(opt.step(np.ones(1), np.ones(1), opt.init(np.ones(1)))[0], 6)
    array([0.5])
    """
    rate = _warmed(learning_rate, warmup_steps)
    inner = chain(
        scale_by_rms(b2, eps, eps_in_sqrt=False, bias_correction=True),
        add_decayed_weights(weight_decay),
        scale_by_learning_rate(rate),
    )
    return schedule_free(inner, rate, b1, weight_lr_power)
