"""Optimizers as pairs of pure functions over pytrees of parameters.

An `Optimizer` is ``(init, update)``. Nothing is mutated and nothing has to be emptied: the state
goes in and comes out, as the parameters do::

    state = optimizer.init(params)
    updates, state = optimizer.update(grads, state, params)
    params = apply_updates(params, updates)

A state is a NamedTuple of named fields; ``state.step`` counts the updates made, and
``state.learning_rate`` is the rate that the next one will use.
"""

from .._publish import publish_all
from .adam import AdamState, adam, adamw
from .base import Optimizer, apply_updates
from .combine import ChainState, ClipState, chain, clip_by_global_norm
from .minimize import minimize
from .piecewise import (
    cosine_onecycle_schedule,
    linear_onecycle_schedule,
    piecewise_constant_schedule,
    piecewise_interpolate_schedule,
    sgdr_schedule,
)
from .rmsprop import RmspropState, rmsprop
from .schedules import (
    constant,
    constant_schedule,
    cosine,
    cosine_decay_schedule,
    exponential_decay,
    join_schedules,
    linear_schedule,
    polynomial_schedule,
    warmup_constant_schedule,
    warmup_cosine_decay_schedule,
    warmup_exponential_decay_schedule,
)
from .sgd import SgdState, sgd

__all__ = [
    "AdamState",
    "ChainState",
    "ClipState",
    "Optimizer",
    "RmspropState",
    "SgdState",
    "adam",
    "adamw",
    "apply_updates",
    "chain",
    "clip_by_global_norm",
    "constant",
    "constant_schedule",
    "cosine",
    "cosine_decay_schedule",
    "cosine_onecycle_schedule",
    "exponential_decay",
    "join_schedules",
    "linear_onecycle_schedule",
    "linear_schedule",
    "minimize",
    "piecewise_constant_schedule",
    "piecewise_interpolate_schedule",
    "polynomial_schedule",
    "rmsprop",
    "sgd",
    "sgdr_schedule",
    "warmup_constant_schedule",
    "warmup_cosine_decay_schedule",
    "warmup_exponential_decay_schedule",
]

publish_all(globals())
