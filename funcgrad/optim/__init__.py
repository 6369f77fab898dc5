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
from .rmsprop import RmspropState, rmsprop
from .schedules import constant, cosine, exponential_decay
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
    "cosine",
    "exponential_decay",
    "minimize",
    "rmsprop",
    "sgd",
]

publish_all(globals())
