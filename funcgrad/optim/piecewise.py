"""Schedules in pieces: constant or interpolated between boundaries, one cycle, restarts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .base import check_in, check_positive
from .schedules import (
    Value,
    check_count,
    check_rising,
    half_wave,
    join_schedules,
    schedule_maker,
    warmup_cosine_decay_schedule,
)

__all__ = [
    "cosine_onecycle_schedule",
    "linear_onecycle_schedule",
    "piecewise_constant_schedule",
    "piecewise_interpolate_schedule",
    "sgdr_schedule",
]


@schedule_maker
def sgdr_schedule(cosine_kwargs: Sequence[Mapping[str, Any]]) -> Value:
    """Stochastic gradient descent with warm restarts: warm-ups and cosine waves in turn.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (ICLR 2017).

    Args:
        cosine_kwargs: For each cycle the arguments of `warmup_cosine_decay_schedule`.

    Returns:
        A schedule.

    >>> cycle = {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 1, "decay_steps": 3}
    >>> [float(round(sgdr_schedule([cycle, cycle])(step), 6)) for step in range(5)]
    [0.0, 1.0, 0.5, 0.0, 1.0]
    """
    cycles = [warmup_cosine_decay_schedule(**kwargs) for kwargs in cosine_kwargs]
    ends = np.cumsum([kwargs["decay_steps"] for kwargs in cosine_kwargs]).tolist()
    return join_schedules(cycles, ends[:-1])


@schedule_maker
def piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Value:
    """Constant in between, and multiplied by a factor at each boundary.

    Args:
        init_value: The value at step 0.
        boundaries_and_scales: From each step to the factor, at least 0, from that step on.

    Returns:
        A schedule.

    Raises:
        ArgumentError: A boundary is no positive whole number, or a factor is negative.

    >>> [float(piecewise_constant_schedule(1.0, {5: 0.1})(step)) for step in (4, 5)]
    [1.0, 0.1]
    """
    called = "piecewise_constant_schedule"
    check_in(called, 0, np.inf, init_value=init_value)
    scales = _sorted_scales(called, boundaries_and_scales)

    def schedule(step: Any) -> Any:
        value: Any = init_value
        for boundary, scale in scales:
            value = value * np.where(step >= boundary, scale, 1.0)
        return value

    return schedule


def _sorted_scales(called: str, given: Mapping[int, float] | None) -> list[tuple[int, float]]:
    scales = sorted((given or {}).items())
    for boundary, scale in scales:
        check_count(called, least=1, boundary=boundary)
        check_in(called, 0, np.inf, scale=scale)
    return scales


@schedule_maker
def piecewise_interpolate_schedule(
    interpolate_type: str,
    init_value: float,
    boundaries_and_scales: Mapping[int, float] | None = None,
) -> Value:
    """From boundary to boundary along lines, or half cosine waves.

    Args:
        interpolate_type: ``"linear"`` or ``"cosine"``.
        init_value: The value at step 0.
        boundaries_and_scales: From each step to the factor by which the value differs from that at
            the boundary before.

    Returns:
        A schedule.

    Raises:
        ArgumentError: An argument is out of range, or the type is another one.

    >>> [float(piecewise_interpolate_schedule("linear", 1.0, {4: 0.5})(s)) for s in (0, 2, 4, 9)]
    [1.0, 0.75, 0.5, 0.5]
    """
    called = "piecewise_interpolate_schedule"
    if interpolate_type not in ("linear", "cosine"):
        raise ArgumentError(
            f"{called}: interpolate_type is {interpolate_type!r}", 'Give "linear" or "cosine".'
        )
    check_in(called, 0, np.inf, init_value=init_value)
    scales = _sorted_scales(called, boundaries_and_scales)
    ends = [0, *[boundary for boundary, _ in scales]]
    values = np.cumprod([init_value, *[scale for _, scale in scales]])

    def schedule(step: Any) -> Any:
        found: Any = values[0]
        for k in range(len(scales)):
            t = np.clip((step - ends[k]) / (ends[k + 1] - ends[k]), 0.0, 1.0)
            part = t if interpolate_type == "linear" else 1 - half_wave(t)
            found = found + (values[k + 1] - values[k]) * part
        return found

    return schedule


@schedule_maker
def linear_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Value:
    """One cycle of three lines: up to ``peak_value``, down to the start, and far below it.

    Smith and Topin, "Super-convergence: very fast training of neural networks using large learning
    rates" (2017).

    Args:
        transition_steps: The length of the cycle, at least 1.
        peak_value: The largest value, positive.
        pct_start: Which part of the cycle goes up.
        pct_final: Where in the cycle the last line begins.
        div_factor: The first value is ``peak_value / div_factor``.
        final_div_factor: The last value is ``peak_value / div_factor / final_div_factor``.

    Returns:
        A schedule.

    Raises:
        ArgumentError: An argument is out of range.

    >>> [round(float(linear_onecycle_schedule(100, 1.0)(step)), 4) for step in (0, 30, 85)]
    [0.04, 1.0, 0.04]
    """
    called = "linear_onecycle_schedule"
    _check_cycle(called, transition_steps, peak_value, div_factor, final_div_factor)
    up, down = int(pct_start * transition_steps), int(pct_final * transition_steps)
    check_rising(called, [0, up, down, transition_steps])
    scales = {up: div_factor, down: 1.0 / div_factor, transition_steps: 1.0 / final_div_factor}
    return piecewise_interpolate_schedule("linear", peak_value / div_factor, scales)


@schedule_maker
def cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Value:
    """One cycle of two half cosine waves: `linear_onecycle_schedule` with smooth turns.

    >>> [round(float(cosine_onecycle_schedule(100, 1.0)(step)), 4) for step in (0, 30, 100)]
    [0.04, 1.0, 0.0]
    """
    called = "cosine_onecycle_schedule"
    _check_cycle(called, transition_steps, peak_value, div_factor, final_div_factor)
    up = int(pct_start * transition_steps)
    check_rising(called, [0, up, transition_steps])
    scales = {up: div_factor, transition_steps: 1.0 / (div_factor * final_div_factor)}
    return piecewise_interpolate_schedule("cosine", peak_value / div_factor, scales)


def _check_cycle(called: str, steps: int, peak: float, div: float, final_div: float) -> None:
    check_count(called, least=1, transition_steps=steps)
    check_positive(called, peak_value=peak, div_factor=div, final_div_factor=final_div)
