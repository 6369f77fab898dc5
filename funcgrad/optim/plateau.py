"""Smaller steps where the loss gets no better."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..errors import ArgumentError
from .base import Optimizer, check_in, check_positive, check_state, maker
from .leaves import cast, map_leaves

__all__ = ["PlateauState", "reduce_on_plateau"]


class PlateauState(NamedTuple):
    """The state of `reduce_on_plateau`.

    Attributes:
        scale: What the updates are multiplied by, ``np.float64``.
        best_value: The least value so far.
        plateau_count: How many values in a row were no improvement.
        cooldown_count: How many values will still not count.
        count: How many values the current mean is of.
        avg_value: That mean.
    """

    scale: Any
    best_value: Any
    plateau_count: Any
    cooldown_count: Any
    count: Any
    avg_value: Any


@maker
def reduce_on_plateau(
    factor: float = 0.1,
    patience: int = 10,
    rtol: float = 1e-4,
    atol: float = 0.0,
    cooldown: int = 0,
    accumulation_size: int = 1,
    min_scale: float = 0.0,
) -> Optimizer:
    """Updates times a scale that gets smaller where the loss does not: the end of a `chain`.

    ``update`` takes the loss as ``value=``. Once the mean of ``accumulation_size`` values has been
    no better than ``(1 - rtol) * best - atol`` for ``patience`` times, the scale is multiplied by
    ``factor``.

    Args:
        factor: Positive and less than 1.
        patience: How many values without an improvement are let pass.
        rtol: How much better a value must be, relative to the best.
        atol: And absolutely.
        cooldown: How many values do not count after a reduction.
        accumulation_size: How many values make one.
        min_scale: The least scale.

    Returns:
        An `Optimizer` with the state `PlateauState`.

    >>> from funcgrad import optim
    >>> opt = optim.chain(optim.sgd(1.0), optim.reduce_on_plateau(0.5, patience=1))
    >>> state = opt.init(1.0)
    >>> for _ in range(3):
    ...     updates, state = opt.update(1.0, state, 1.0, value=7.0)
    >>> float(updates)
    -0.25
    """
    check_in("reduce_on_plateau", 0, 1, factor=factor)
    check_in("reduce_on_plateau", 0, np.inf, rtol=rtol, atol=atol, min_scale=min_scale)
    check_positive("reduce_on_plateau", patience=patience, accumulation_size=accumulation_size)

    def init(params: Any) -> PlateauState:
        zero = np.int64(0)
        return PlateauState(np.float64(1.0), np.float64(np.inf), zero, zero, zero, np.float64(0.0))

    def update(
        grads: Any, state: Any, params: Any = None, *, value: Any = None, **extra: Any
    ) -> tuple[Any, PlateauState]:
        check_state("reduce_on_plateau", state, PlateauState)
        if value is None:
            raise ArgumentError(
                "reduce_on_plateau: update needs the loss",
                "Write opt.update(grads, state, params, value=loss), or opt.step(params, grads, "
                "state, value=loss).",
            )
        count = state.count + 1
        mean = (state.count * state.avg_value + cast(value, np.float64)) / count
        whole = count == accumulation_size
        better = mean < (1 - rtol) * state.best_value - atol
        bad = np.where(better, 0, state.plateau_count + 1)
        cooling = state.cooldown_count > 0
        reached = (bad == patience) & ~cooling
        scale = np.where(reached, np.maximum(state.scale * factor, min_scale), state.scale)
        after = PlateauState(
            scale[()],
            np.where(better, mean, state.best_value)[()],
            np.where(cooling | reached, 0, bad)[()],
            np.where(cooling, state.cooldown_count - 1, np.where(reached, cooldown, 0))[()],
            np.int64(0),
            np.float64(0.0),
        )
        before = state._replace(count=count, avg_value=mean)
        state = tree.map(lambda a, b: np.where(whole, a, b)[()], after, before)
        one = lambda g, p: (cast(state.scale, g.dtype) * g,)  # noqa: E731
        like = grads if params is None else params
        return map_leaves("reduce_on_plateau", "update", one, grads, like)[0], state

    return Optimizer(init, update)
