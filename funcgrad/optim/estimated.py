"""Prodigy: Adam that finds its learning rate."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import tree
from .base import (
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
)
from .leaves import cast, copies, float_dtype, map_leaves, working_dtype, zeros

__all__ = ["ProdigyState", "prodigy"]


class ProdigyState(NamedTuple):
    """The state of `prodigy`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The factor of the estimate that the next update will use, ``np.float64``.
        estimate: The estimated distance to the solution, by which the step is scaled.
        numerator: The weighted sum of ``g @ (start - p)``.
        m: The running mean of the scaled gradient.
        v: That of its square.
        s: The discounted sum of scaled gradients.
        start: The first parameters.
    """

    step: Any
    learning_rate: Any
    estimate: Any
    numerator: Any
    m: Any
    v: Any
    s: Any
    start: Any


@maker
def prodigy(
    learning_rate: Rate = 1.0,
    betas: tuple[float, float] = (0.9, 0.999),
    beta3: float | None = None,
    eps: float = 1e-8,
    estim_lr0: float = 1e-6,
    estim_lr_coef: float = 1.0,
    weight_decay: float = 0.0,
    safeguard_warmup: bool = False,
) -> Optimizer:
    """Adam whose step is scaled by an estimate d of the distance to the solution.

    With ``c = learning_rate * sqrt(1 - b2**t) / (1 - b1**t)``, the gradient g and the start p0::

        m = b1 * m + (1 - b1) * d * g
        v = b2 * v + (1 - b2) * (d * g)**2
        s = b3 * s + d * c * (d * g) / d0
        n = b3 * n + d / d0 * d * c * sum(g * (p0 - p))
        d' = maximum(d, coef * n / sum(abs(s)))
        p = p - d * c * (m / (sqrt(v) + d' * eps) + weight_decay * p)

    Mishchenko and Defazio, "Prodigy: an expeditiously adaptive parameter-free learner" (ICML 2024),
    algorithm 4.

    Args:
        learning_rate: A factor, usually 1 or a schedule around it.
        betas: b1 and b2.
        beta3: b3; by default ``sqrt(b2)``.
        eps: Positive.
        estim_lr0: d0, the first estimate.
        estim_lr_coef: coef.
        weight_decay: At least 0.
        safeguard_warmup: Whether c stays out of s, for schedules that begin at 0.

    Returns:
        An `Optimizer` with the state `ProdigyState`; ``update`` needs the parameters.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt, params = optim.prodigy(), np.array([3.0])
    >>> state = opt.init(params)
    >>> for _ in range(60):
    ...     params, state = opt.step(params, 2.0 * params, state)
    >>> bool(abs(params[0]) < 1.0)
    True
    """
    called = "prodigy"
    check_rate(called, learning_rate)
    b1, b2 = betas
    b3 = np.sqrt(b2) if beta3 is None else beta3
    check_in(called, 0, 1, b1=b1, b2=b2, beta3=b3)
    check_positive(called, eps=eps, estim_lr0=estim_lr0, estim_lr_coef=estim_lr_coef)
    check_in(called, 0, np.inf, weight_decay=weight_decay)

    def init(params: Any) -> ProdigyState:
        start = copies(params)
        rate, zero = rate_at(called, learning_rate, np.int64(0)), np.float64(0.0)
        made = zeros(params), zeros(params), zeros(params), start
        return ProdigyState(np.int64(0), rate, np.float64(estim_lr0), zero, *made)

    def update(
        grads: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, ProdigyState]:
        check_state(called, state, ProdigyState)
        if params is None:
            raise need_params(called)
        step, d = state.step + 1, state.estimate
        c = d * state.learning_rate * np.sqrt(1 - b2**step) / (1 - b1**step)

        def gather(g: Any, p: Any, m: Any, v: Any, s: Any, start: Any) -> tuple[Any, ...]:
            dtype = g.dtype
            scaled = cast(d, dtype) * g
            m = cast(b1, dtype) * m + cast(1 - b1, dtype) * scaled
            v = cast(b2, dtype) * v + cast(1 - b2, dtype) * scaled * scaled
            factor = cast((d if safeguard_warmup else c) / estim_lr0, dtype)
            s = cast(b3, dtype) * s + factor * scaled
            # How far the gradient shows back to the start goes through as an update of its shape.
            return g * (cast(start, dtype) - cast(p, dtype)), m, v, s, start

        slots = state.m, state.v, state.s, state.start
        back, m, v, s, start = map_leaves(called, "gradient", gather, grads, params, *slots)
        numerator = b3 * state.numerator + d / estim_lr0 * c * _total(back)
        denominator = _total(tree.map(np.abs, s))
        some = denominator > 0
        found = estim_lr_coef * numerator / np.where(some, denominator, 1.0)
        estimate = np.maximum(d, np.where(some, found, d))

        def move(g: Any, p: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
            dtype = g.dtype
            down = cast(-c, dtype)
            u = down * m / (np.sqrt(v) + cast(estimate * eps, dtype))
            if weight_decay:
                u = u + down * cast(weight_decay, dtype) * cast(p, dtype)
            return u, m, v

        updates, m, v = map_leaves(called, "gradient", move, grads, params, m, v)
        rate = next_rate(called, learning_rate, state, step)
        return updates, ProdigyState(step, rate, estimate, numerator, m, v, s, start)

    return Optimizer(init, update)


def _total(x: Any) -> Any:
    """The sum of all elements, in float64."""
    total: Any = np.float64(0.0)
    for leaf in tree.leaves(x):
        dtype = working_dtype(float_dtype(leaf) or np.dtype(np.float64))
        total = total + cast(np.sum(cast(leaf, dtype)), np.float64)
    return total
