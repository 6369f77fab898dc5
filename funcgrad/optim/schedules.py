"""Schedules: functions from the number of updates made to the value of a hyperparameter."""

from __future__ import annotations

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeAlias

import numpy as np

from ..errors import ArgumentError
from .base import check_in, check_positive

P = ParamSpec("P")
Value: TypeAlias = Callable[[Any], Any]


class Schedule:
    """A function of the step that prints as the call it was made by, and pickles as one.

    >>> linear_schedule(1.0, 0.0, 10)
    linear_schedule(init_value=1.0, end_value=0.0, transition_steps=10)
    """

    __slots__ = ("_arguments", "_at", "_name")

    def __init__(self, name: str, arguments: Mapping[str, Any], at: Value) -> None:
        self._name, self._arguments, self._at = name, dict(arguments), at

    def __call__(self, step: Any) -> Any:
        return self._at(step)

    def __repr__(self) -> str:
        return f"{self._name}({', '.join(f'{k}={v!r}' for k, v in self._arguments.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (self._name, self._arguments)


def _remake(name: str, arguments: Mapping[str, Any]) -> Schedule:
    return _MAKERS[name](**arguments)


_MAKERS: dict[str, Callable[..., Schedule]] = {}


def schedule_maker(make: Callable[P, Value]) -> Callable[P, Schedule]:
    """``make`` as a function whose result knows the call that it was made by."""

    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Schedule:
        given = inspect.signature(make).bind(*args, **kwargs).arguments
        return Schedule(make.__name__, given, make(*args, **kwargs))

    _MAKERS[make.__name__] = made
    return made


def check_count(called: str, *, least: int = 0, **values: Any) -> None:
    """Raise where a number of steps is no integer of at least ``least``."""
    for name, value in values.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < least:
            raise ArgumentError(
                f"{called}: {name} must be a whole number of at least {least}, got {value!r}",
                f"See {called}.",
            )


@schedule_maker
def constant_schedule(value: float) -> Value:
    """The same value at every step.

    >>> constant_schedule(0.1)(7)
    0.1
    """
    check_in("constant_schedule", 0, np.inf, value=value)
    return lambda step: value


@schedule_maker
def constant(value: float) -> Value:
    """`constant_schedule` under a shorter name.

    >>> constant(0.1)(7)
    0.1
    """
    check_in("constant", 0, np.inf, value=value)
    return lambda step: value


@schedule_maker
def polynomial_schedule(
    init_value: float,
    end_value: float,
    power: float,
    transition_steps: int,
    transition_begin: int = 0,
) -> Value:
    """``(init_value - end_value) * (1 - t)**power + end_value``, from one value to another.

    Where ``t = clip((step - transition_begin) / transition_steps, 0, 1)``.

    Args:
        init_value: The value up to step ``transition_begin``.
        end_value: The value ``transition_steps`` later and from then on.
        power: Positive; 1 for a straight line.
        transition_steps: At least 1.
        transition_begin: At least 0.

    Returns:
        A schedule.

    Raises:
        ArgumentError: An argument is out of range.

    >>> float(polynomial_schedule(1.0, 0.0, 2, 10)(5))
    0.25
    """
    called = "polynomial_schedule"
    check_in(called, 0, np.inf, init_value=init_value, end_value=end_value)
    check_positive(called, power=power)
    check_count(called, least=1, transition_steps=transition_steps)
    check_count(called, transition_begin=transition_begin)

    def schedule(step: Any) -> Any:
        t = np.clip(step - transition_begin, 0, transition_steps) / transition_steps
        return (init_value - end_value) * (1 - t) ** power + end_value

    return schedule


@schedule_maker
def linear_schedule(
    init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0
) -> Value:
    """A straight line from ``init_value`` to ``end_value``: `polynomial_schedule` with power 1.

    >>> [float(linear_schedule(1.0, 0.0, 4)(step)) for step in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """
    return polynomial_schedule(init_value, end_value, 1, transition_steps, transition_begin)


@schedule_maker
def exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Value:
    """``init_value * decay_rate**(t / transition_steps)``, ``t`` steps after ``transition_begin``.

    Args:
        init_value: The value up to step ``transition_begin``, at least 0.
        transition_steps: After how many steps it is multiplied by ``decay_rate``, at least 1.
        decay_rate: Positive.
        transition_begin: At least 0.
        staircase: Whether the exponent is rounded down, so that the value moves in stairs.
        end_value: Where to stop: the least value, or the largest for a rate of at least 1.

    Returns:
        A schedule.

    Raises:
        ArgumentError: An argument is out of range.

    >>> exponential_decay(1.0, 10, 0.5)(np.int64(20))
    np.float64(0.25)
    """
    called = "exponential_decay"
    check_in(called, 0, np.inf, init_value=init_value)
    check_count(called, least=1, transition_steps=transition_steps)
    check_count(called, transition_begin=transition_begin)
    check_positive(called, decay_rate=decay_rate)
    if end_value is not None:
        check_in(called, 0, np.inf, end_value=end_value)

    def schedule(step: Any) -> Any:
        t = np.maximum(step - transition_begin, 0) / transition_steps
        value = init_value * np.power(decay_rate, np.floor(t) if staircase else t)
        if end_value is None:
            return value
        return np.maximum(value, end_value) if decay_rate < 1 else np.minimum(value, end_value)

    return schedule


@schedule_maker
def cosine_decay_schedule(
    init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0
) -> Value:
    """Half a cosine wave from ``init_value`` to ``alpha * init_value``, and constant after.

    ``init_value * ((1 - alpha) * ((1 + cos(pi * t)) / 2)**exponent + alpha)`` with
    ``t = min(step, decay_steps) / decay_steps``: Loshchilov and Hutter, "SGDR: stochastic gradient
    descent with warm restarts" (ICLR 2017), formula 5, without restarts.

    Args:
        init_value: At least 0.
        decay_steps: At least 1.
        alpha: The last value as a part of the first one, at least 0.
        exponent: Positive.

    Returns:
        A schedule.

    Raises:
        ArgumentError: An argument is out of range.

    >>> [float(cosine_decay_schedule(1.0, 10)(step)) for step in (0, 5, 10, 20)]
    [1.0, 0.5, 0.0, 0.0]
    """
    called = "cosine_decay_schedule"
    check_in(called, 0, np.inf, init_value=init_value, alpha=alpha)
    check_count(called, least=1, decay_steps=decay_steps)
    check_positive(called, exponent=exponent)

    def schedule(step: Any) -> Any:
        wave = half_wave(np.minimum(step, decay_steps) / decay_steps) ** exponent
        return init_value * ((1 - alpha) * wave + alpha)

    return schedule


@schedule_maker
def cosine(initial: float, steps: int, final: float = 0.0) -> Value:
    """Half a cosine wave from ``initial`` at step 0 to ``final`` at ``steps``, and constant after.

    `cosine_decay_schedule` with the last value itself.

    >>> [float(cosine(1.0, 10, 0.5)(step)) for step in (0, 10, 20)]
    [1.0, 0.5, 0.5]
    """
    check_in("cosine", 0, np.inf, initial=initial, final=final)
    check_positive("cosine", steps=steps)
    return lambda step: final + (initial - final) * half_wave(np.minimum(step / steps, 1.0))


def half_wave(t: Any) -> Any:
    """Half a cosine wave from 1 to 0 for ``t`` from 0 to 1."""
    return 0.5 + 0.5 * np.cos(math.pi * t)


@schedule_maker
def join_schedules(schedules: Sequence[Value], boundaries: Sequence[int]) -> Value:
    """Schedules one after the other, each of which counts from where it begins.

    Args:
        schedules: Functions of the step, at least one.
        boundaries: At which steps the second one begins, the third, ...: rising.

    Returns:
        A schedule.

    Raises:
        ArgumentError: There is not one boundary between two schedules, or they do not rise.

    >>> join = join_schedules([constant_schedule(1.0), linear_schedule(1.0, 0.0, 10)], [5])
    >>> [float(join(step)) for step in (4, 5, 10)]
    [1.0, 1.0, 0.5]
    """
    called = "join_schedules"
    wrong = [one for one in schedules if not callable(one)]
    if not schedules or wrong or len(boundaries) != len(schedules) - 1:
        raise ArgumentError(
            f"{called}: got {len(schedules)} schedules"
            f"{f', {wrong[0]!r} among them,' if wrong else ''} and {len(boundaries)} boundaries",
            "Give functions of the step, and one boundary less than there are of them.",
        )
    for boundary in boundaries:
        check_count(called, boundaries=boundary)
    check_rising(called, boundaries)

    def schedule(step: Any) -> Any:
        value = schedules[0](step)
        for boundary, following in zip(boundaries, schedules[1:], strict=True):
            value = np.where(step < boundary, value, following(step - boundary))
        return value[()] if isinstance(value, np.ndarray) else value

    return schedule


def check_rising(called: str, boundaries: Iterable[Any]) -> None:
    """Raise where the boundaries do not rise."""
    boundaries = list(boundaries)
    if any(a >= b for a, b in itertools.pairwise(boundaries)):
        raise ArgumentError(
            f"{called}: the boundaries {boundaries} do not rise", "Give them in rising order."
        )


@schedule_maker
def warmup_constant_schedule(init_value: float, peak_value: float, warmup_steps: int) -> Value:
    """A line from ``init_value`` to ``peak_value``, which stays.

    >>> [float(warmup_constant_schedule(0.0, 1.0, 4)(step)) for step in (0, 2, 4, 9)]
    [0.0, 0.5, 1.0, 1.0]
    """
    return linear_schedule(init_value, peak_value, warmup_steps)


@schedule_maker
def warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Value:
    """A line up to ``peak_value``, then half a cosine wave down to ``end_value``.

    Args:
        init_value: The value at step 0.
        peak_value: The value after ``warmup_steps``.
        warmup_steps: At least 1.
        decay_steps: The number of steps of both parts together, more than ``warmup_steps``.
        end_value: The value from ``decay_steps`` on.
        exponent: As for `cosine_decay_schedule`.

    Returns:
        A schedule.

    Raises:
        ArgumentError: An argument is out of range.

    >>> warmup = warmup_cosine_decay_schedule(0.0, 1.0, 10, 30)
    >>> [float(warmup(step)) for step in (0, 5, 10, 20, 30)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    called = "warmup_cosine_decay_schedule"
    check_in(called, 0, np.inf, init_value=init_value, peak_value=peak_value, end_value=end_value)
    check_count(called, least=1, warmup_steps=warmup_steps)
    check_count(called, least=warmup_steps + 1, decay_steps=decay_steps)
    alpha = end_value / peak_value if peak_value else 0.0
    rise = linear_schedule(init_value, peak_value, warmup_steps)
    fall = cosine_decay_schedule(peak_value, decay_steps - warmup_steps, alpha, exponent)
    return join_schedules([rise, fall], [warmup_steps])


@schedule_maker
def warmup_exponential_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Value:
    """A line up to ``peak_value``, then `exponential_decay` from there.

    >>> warmup = warmup_exponential_decay_schedule(0.0, 1.0, 10, 10, 0.5)
    >>> [float(warmup(step)) for step in (0, 5, 10, 20)]
    [0.0, 0.5, 1.0, 0.5]
    """
    rise = linear_schedule(init_value, peak_value, warmup_steps)
    fall = exponential_decay(
        peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value
    )
    return join_schedules([rise, fall], [warmup_steps])
