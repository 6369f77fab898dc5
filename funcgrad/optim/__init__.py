"""Optimizers as pairs of pure functions over pytrees of parameters.

An `Optimizer` is ``(init, update)``. Nothing is mutated and nothing has to be emptied: the state
goes in and comes out, as the parameters do::

    state = optimizer.init(params)
    updates, state = optimizer.update(grads, state, params)
    params = apply_updates(params, updates)

A state is a NamedTuple of named fields; ``state.step`` counts the updates made, and
``state.learning_rate`` is the rate that the next one will use.
"""

from __future__ import annotations

from ..core.lazy import attach as _attach

__getattr__, __dir__ = _attach(globals())
