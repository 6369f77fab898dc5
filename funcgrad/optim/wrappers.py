"""Optimizers around optimizers: small batches, only finite steps, slow weights, plateaus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..control.flow.conditionals import cond
from ..errors import ArgumentError
from .base import Optimizer, check_in, check_positive, check_state, inner_value, maker
from .leaves import cast, float_dtype, map_leaves, working_dtype, zeros

__all__ = [
    "ApplyIfFiniteState",
    "LookaheadParams",
    "LookaheadState",
    "LossScaleState",
    "MultiSteps",
    "MultiStepsState",
    "apply_if_finite",
    "dynamic_loss_scale",
    "lookahead",
]


def _none(grads: Any) -> Any:
    """Updates of 0, in the structure of gradients."""
    return tree.map(lambda g: g if g is None else np.zeros_like(g), grads)


def _finite(grads: Any) -> Any:
    found: Any = np.bool_(True)
    for g in tree.leaves(grads):
        found = found & np.all(np.isfinite(g))
    return found


def _strong(x: Any) -> Any:
    """A pytree whose Python numbers are NumPy's: branches agree on types then."""
    return tree.map(lambda v: np.float64(v) if isinstance(v, float) else v, x)


class MultiStepsState(NamedTuple):
    """The state of `MultiSteps`.

    Attributes:
        mini_step: How many gradients of the current group have come, ``np.int64``.
        step: The number of updates made by the optimizer inside, ``np.int64``.
        inner: Its state.
        mean: The mean of those gradients.
    """

    mini_step: Any
    step: Any
    inner: Any
    mean: Any

    __getattr__ = inner_value


@maker
def MultiSteps(  # noqa: N802  (Optax's name)
    opt: Optimizer, every_k_schedule: int | Callable[[Any], Any]
) -> Optimizer:
    """One update for the mean of k gradients; updates of 0 in between.

    Args:
        opt: The optimizer inside.
        every_k_schedule: k, or a function from the number of updates made to it.

    Returns:
        An `Optimizer` with the state `MultiStepsState`.

    >>> from funcgrad import optim
    >>> opt = optim.MultiSteps(optim.sgd(1.0), 2)
    >>> first, state = opt.update(np.array([1.0]), opt.init(np.zeros(1)))
    >>> first, opt.update(np.array([3.0]), state)[0]
    (array([0.]), array([-2.]))
    """
    if not callable(every_k_schedule) and (
        not isinstance(every_k_schedule, int | np.integer) or every_k_schedule < 1
    ):
        raise ArgumentError(
            f"MultiSteps: every_k_schedule must be a positive int, got {every_k_schedule!r}",
            "Write MultiSteps(adam(1e-3), 4) for one update in four gradients.",
        )

    def init(params: Any) -> MultiStepsState:
        return MultiStepsState(np.int64(0), np.int64(0), opt.init(params), zeros(params))

    def update(
        grads: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, MultiStepsState]:
        check_state("MultiSteps", state, MultiStepsState)
        count = state.mini_step + 1

        def one(g: Any, p: Any, mean: Any) -> tuple[Any, Any]:
            mean = mean + (g - mean) / cast(count, g.dtype)
            return mean, mean

        like = grads if params is None else params
        _, mean = map_leaves("MultiSteps", "gradient", one, grads, like, state.mean)
        k: Any = every_k_schedule
        every = k(state.step) if callable(k) else k

        def emit(mean: Any, inner: Any) -> Any:
            given = tree.map(lambda g, m: None if g is None else cast(m, _dtype(g)), grads, mean)
            updates, inner = opt.update(given, inner, params, **extra)
            return _strong(updates), inner, np.int64(0), state.step + 1, _none(mean)

        def wait(mean: Any, inner: Any) -> Any:
            none = tree.map(lambda g: np.zeros(np.shape(g), _dtype(g))[()], grads)
            return none, inner, count, state.step, mean

        updates, inner, mini, step, mean = cond(count >= every, emit, wait, mean, state.inner)
        return updates, MultiStepsState(mini, step, inner, mean)

    return Optimizer(init, update)


def _dtype(g: Any) -> Any:
    return float_dtype(g) or np.dtype(np.float64)


class ApplyIfFiniteState(NamedTuple):
    """The state of `apply_if_finite`.

    Attributes:
        notfinite_count: How many gradients in a row had a nan or an inf.
        last_finite: Whether the latest had none.
        total_notfinite: How many had.
        inner: The state of the optimizer inside.
    """

    notfinite_count: Any
    last_finite: Any
    total_notfinite: Any
    inner: Any

    __getattr__ = inner_value


@maker
def apply_if_finite(inner: Optimizer, max_consecutive_errors: int) -> Optimizer:
    """An optimizer that leaves out gradients with a nan or an inf.

    Args:
        inner: The optimizer.
        max_consecutive_errors: After so many in a row they are applied, so that the fault shows.

    Returns:
        An `Optimizer` with the state `ApplyIfFiniteState`.

    >>> from funcgrad import optim
    >>> opt = optim.apply_if_finite(optim.sgd(0.1), 3)
    >>> updates, state = opt.update(np.array([np.nan]), opt.init(np.zeros(1)))
    >>> updates, state.total_notfinite
    (array([0.]), np.int64(1))
    """
    check_in("apply_if_finite", 0, np.inf, max_consecutive_errors=max_consecutive_errors)

    def init(params: Any) -> ApplyIfFiniteState:
        return ApplyIfFiniteState(np.int64(0), np.bool_(True), np.int64(0), inner.init(params))

    def update(
        grads: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, ApplyIfFiniteState]:
        check_state("apply_if_finite", state, ApplyIfFiniteState)
        finite = _finite(grads)
        count = np.where(finite, 0, state.notfinite_count + 1)[()]

        def apply(own: Any) -> Any:
            updates, own = inner.update(grads, own, params, **extra)
            return _strong(updates), own

        def leave(own: Any) -> Any:
            return _none(_strong(grads)), own

        updates, own = cond(finite | (count > max_consecutive_errors), apply, leave, state.inner)
        total = state.total_notfinite + (1 - finite.astype(np.int64))
        return updates, ApplyIfFiniteState(count, finite, total, own)

    return Optimizer(init, update)


class LookaheadParams(NamedTuple):
    """The parameters of `lookahead`: gradients are taken at ``fast``, results are ``slow``."""

    fast: Any
    slow: Any

    @classmethod
    def init_synced(cls, params: Any) -> LookaheadParams:
        """Both the same."""
        return cls(params, params)


class LookaheadState(NamedTuple):
    """The state of `lookahead`.

    Attributes:
        inner: The state of the fast optimizer.
        steps_since_sync: The number of updates since both were the same, ``np.int64``.
    """

    inner: Any
    steps_since_sync: Any


@maker
def lookahead(
    fast_optimizer: Optimizer, sync_period: int, slow_step_size: float, reset_state: bool = False
) -> Optimizer:
    """Slow weights that follow fast ones: k steps forward, 1 step back.

    Every ``sync_period`` updates ``slow = slow + slow_step_size * (fast - slow)`` and ``fast``
    begins anew from there. Zhang et al., "Lookahead optimizer: k steps forward, 1 step back"
    (NeurIPS 2019), algorithm 1.

    Args:
        fast_optimizer: The optimizer of the fast weights.
        sync_period: k, at least 1.
        slow_step_size: Between 0 and 1.
        reset_state: Whether the fast optimizer begins anew too.

    Returns:
        An `Optimizer` with the state `LookaheadState`. Its parameters are `LookaheadParams`, its
        gradients those at ``params.fast``.

    >>> from funcgrad import optim
    >>> opt = optim.lookahead(optim.sgd(1.0), 1, 0.5)
    >>> params = optim.LookaheadParams.init_synced(np.array([1.0]))
    >>> opt.step(params, np.array([0.4]), opt.init(params))[0]
    LookaheadParams(fast=array([0.8]), slow=array([0.8]))
    """
    if sync_period < 1:
        raise ArgumentError(
            f"lookahead: sync_period must be at least 1, got {sync_period}", "Write 5, for example."
        )
    check_in("lookahead", 0, np.nextafter(1.0, 2.0), slow_step_size=slow_step_size)

    def init(params: Any) -> LookaheadState:
        fast = params.fast if isinstance(params, LookaheadParams) else params
        return LookaheadState(fast_optimizer.init(fast), np.int64(0))

    def update(
        grads: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, LookaheadState]:
        check_state("lookahead", state, LookaheadState)
        if not isinstance(params, LookaheadParams):
            raise ArgumentError(
                "lookahead: update needs the parameters as LookaheadParams",
                "Begin with params = optim.LookaheadParams.init_synced(params).",
            )
        updates, inner = fast_optimizer.update(grads, state.inner, params.fast, **extra)
        sync = state.steps_since_sync == sync_period - 1

        def one(u: Any, fast: Any, slow: Any) -> tuple[Any, Any]:
            dtype = u.dtype
            fast, slow = cast(fast, dtype), cast(slow, dtype)
            ahead = fast + u - slow
            to_slow = np.where(sync, cast(slow_step_size, dtype) * ahead, np.zeros_like(ahead))
            to_fast = np.where(sync, slow + to_slow - fast, u)
            return to_fast[()], to_slow[()]

        to_fast, to_slow = map_leaves("lookahead", "update", one, updates, params.fast, params.slow)
        if reset_state:
            anew = fast_optimizer.init(params.fast)
            inner = tree.map(lambda now, new: np.where(sync, new, now)[()], inner, anew)
        since = (state.steps_since_sync + 1) % sync_period
        return LookaheadParams(to_fast, to_slow), LookaheadState(inner, since)

    return Optimizer(init, update)


class LossScaleState(NamedTuple):
    """The state of `dynamic_loss_scale`.

    Attributes:
        scale: What the loss is to be multiplied by before it is differentiated, ``np.float64``.
        good: How many gradients in a row were finite.
        inner: The state of the optimizer inside.
    """

    scale: Any
    good: Any
    inner: Any

    __getattr__ = inner_value


@maker
def dynamic_loss_scale(
    inner: Optimizer, initial_scale: float = 2.0**15, period: int = 2000, factor: float = 2.0
) -> Optimizer:
    """Training in float16: gradients of a loss that was made larger, so that they are not 0.

    Differentiate ``state.scale * loss``. The gradients are divided by the scale in at least
    float32; where one is not finite the update is 0 and the scale is divided by ``factor``; after
    ``period`` finite ones it is multiplied by it. Micikevicius et al., "Mixed precision training"
    (ICLR 2018), section 3.2.

    Args:
        inner: The optimizer.
        initial_scale: The first scale, positive.
        period: After how many finite gradients it grows.
        factor: By how much.

    Returns:
        An `Optimizer` with the state `LossScaleState`.

    >>> from funcgrad import optim
    >>> opt = optim.dynamic_loss_scale(optim.sgd(1.0), 4.0)
    >>> updates, state = opt.update(np.array([8.0]), opt.init(np.zeros(1)))
    >>> updates, opt.update(np.array([np.inf]), state)[1].scale
    (array([-2.]), np.float64(2.0))
    """
    check_positive("dynamic_loss_scale", initial_scale=initial_scale, period=period, factor=factor)

    def init(params: Any) -> LossScaleState:
        return LossScaleState(np.float64(initial_scale), np.int64(0), inner.init(params))

    def update(
        grads: Any, state: Any, params: Any = None, **extra: Any
    ) -> tuple[Any, LossScaleState]:
        check_state("dynamic_loss_scale", state, LossScaleState)
        finite = _finite(grads)

        def unscaled(g: Any) -> Any:
            dtype = working_dtype(_dtype(g))
            return cast(g, dtype) / cast(state.scale, dtype)

        given = tree.map(unscaled, grads)
        like = grads if params is None else params

        def apply(own: Any) -> Any:
            updates, own = inner.update(given, own, like, **extra)
            return _strong(updates), own

        def leave(own: Any) -> Any:
            none = tree.map(lambda g, p: np.zeros(np.shape(g), _dtype(p))[()], given, like)
            return none, own

        updates, own = cond(finite, apply, leave, state.inner)
        good = np.where(finite, state.good + 1, 0)
        grown = good >= period
        scale = np.where(finite, np.where(grown, state.scale * factor, state.scale), 1.0)
        scale = np.where(finite, scale, np.maximum(state.scale / factor, 1.0))
        return updates, LossScaleState(scale[()], np.where(grown, 0, good)[()], own)

    return Optimizer(init, update)
