"""The measuring room: interleaved rounds, medians, ratios with their spread.

Contestants that are compared are timed in the same rounds. In a round each contestant has one
turn: the machine settles, some calls warm the caches, then a few *batches* of calls are timed and
their median is the contestant's time for that round. What is reported is the median over rounds,
and a ratio is the ratio of two such medians; its spread is the range of the ratios within single
rounds, which is free of drifts that are slower than a round.
"""

from __future__ import annotations

import gc
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Clock = Callable[[], float]


def _nothing() -> None:
    return None


def _ignore(state: Any) -> None:
    return None


def leaves(result: Any) -> list[np.ndarray]:
    """The arrays in nested tuples, lists and dicts (in key order), as NumPy arrays."""
    if result is None:
        return []
    if isinstance(result, Mapping):
        return [leaf for key in sorted(result) for leaf in leaves(result[key])]
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in leaves(part)]
    if hasattr(result, "detach"):
        result = result.detach()
    return [np.asarray(result)]


@dataclass(frozen=True)
class Contestant:
    """One way to do a piece of work.

    Attributes:
        name: unique within its case.
        step: takes the state and gives the next; a plain call ignores what it is given.
        start: makes the first state (untimed).
        finish: waits until a state is computed (timed once a batch, for asynchronous libraries).
        read: the arrays of a state that every contestant must agree on.
        compiled: whether the first call traces and compiles, so that it is worth recording.
    """

    name: str
    step: Callable[[Any], Any]
    start: Callable[[], Any] = _nothing
    finish: Callable[[Any], Any] = _ignore
    read: Callable[[Any], list[np.ndarray]] = leaves
    compiled: bool = False


@dataclass(frozen=True)
class Settings:
    """How long to measure.

    Attributes:
        rounds: turns of each contestant.
        batches: timed batches in a turn; fewer when one call fills a turn by itself.
        batch_seconds: what a batch is calibrated to last.
        settle_seconds: pause before a turn, in which the idle threads of others stop spinning.
        processes: fresh processes for each first call.
        starts: fresh processes for each start-up time.
    """

    rounds: int = 9
    batches: int = 3
    batch_seconds: float = 0.1
    settle_seconds: float = 0.05
    processes: int = 5
    starts: int = 15


QUICK = Settings(
    rounds=3, batches=3, batch_seconds=0.02, settle_seconds=0.02, processes=1, starts=3
)


@dataclass
class Timing:
    """Seconds that one contestant took, one number a round.

    ``at_least`` marks a time that was cut off: the true one is larger, and ``remark`` says why.
    """

    case: str
    contestant: str
    quantity: str
    seconds: list[float] = field(default_factory=list)
    batch: int = 1
    at_least: bool = False
    remark: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


class DisagreementError(AssertionError):
    """Two contestants gave different results: nothing is timed."""


def check(case: str, results: Mapping[str, list[np.ndarray]], rtol: float, atol: float) -> None:
    """Compare every contestant's arrays with the first one's: count, shape, dtype and values.

    Raises:
        DisagreementError: naming the two contestants and the first array that differs.
    """
    items = iter(results.items())
    first, expected = next(items)
    for name, arrays in items:
        if len(arrays) != len(expected):
            raise DisagreementError(
                f"{case}: {name} gives {len(arrays)} arrays, {first} gives {len(expected)}"
            )
        for i, (a, e) in enumerate(zip(arrays, expected, strict=True)):
            if a.shape != e.shape or a.dtype != e.dtype:
                raise DisagreementError(
                    f"{case}: result {i} of {name} is {a.dtype}{list(a.shape)}, "
                    f"of {first} {e.dtype}{list(e.shape)}"
                )
            if not np.allclose(a, e, rtol=rtol, atol=atol):
                worst = np.max(np.abs(a - e))
                raise DisagreementError(
                    f"{case}: result {i} of {name} differs from {first}'s by up to {worst:.3g}"
                )


def run_steps(contestant: Contestant, steps: int) -> list[np.ndarray]:
    """What the contestant has computed after some steps from its start."""
    state = contestant.start()
    for _ in range(steps):
        state = contestant.step(state)
    contestant.finish(state)
    return contestant.read(state)


def turn_order(count: int, turn: int) -> list[int]:
    """Who goes when in a round: rotated by one every second round, reversed in the odd ones.

    So nobody always follows the same neighbour or always goes first.
    """
    shift = (turn // 2) % count
    order = [(i + shift) % count for i in range(count)]
    return order[::-1] if turn % 2 else order


def calibrate(timed: Callable[[int], float], seconds: float) -> int:
    """How many calls a batch needs to last about ``seconds``.

    Each count is tried twice and the shorter time believed: an interruption in a single trial
    would make the batches too short to reach a steady pace.

    Args:
        timed: runs that many calls and gives the seconds they took together.
        seconds: the wanted duration of a batch.
    """
    count = 1
    while (elapsed := min(timed(count), timed(count))) < 0.5 * seconds:
        count *= 2
    return max(1, round(count * seconds / elapsed))


class _Lane:
    """A contestant with the state it carries from batch to batch."""

    def __init__(self, contestant: Contestant, clock: Clock) -> None:
        self.contestant = contestant
        self.clock = clock
        self.state = contestant.start()
        self.count = 1

    def timed(self, count: int) -> float:
        """Seconds for ``count`` steps."""
        step, state, clock = self.contestant.step, self.state, self.clock
        begin = clock()
        for _ in itertools.repeat(None, count):
            state = step(state)
        self.contestant.finish(state)
        elapsed = clock() - begin
        self.state = state
        return elapsed

    def turn(self, settings: Settings) -> float:
        """The median seconds per call over the batches of one turn.

        A quarter of a batch warms the caches first; a call that fills a batch warms them itself.
        """
        if self.count > 1:
            self.timed(max(1, self.count // 4))
        budget = settings.batches * settings.batch_seconds
        spent = 0.0
        times: list[float] = []
        while len(times) < settings.batches and (not times or spent < budget):
            elapsed = self.timed(self.count)
            spent += elapsed
            times.append(elapsed / self.count)
        return statistics.median(times)


def measure(
    case: str,
    contestants: Sequence[Contestant],
    settings: Settings,
    *,
    clock: Clock = time.perf_counter,
    sleep: Callable[[float], Any] = time.sleep,
) -> list[Timing]:
    """Time the contestants against each other.

    The garbage collector stays on, since its work is part of what a call costs, but what exists
    before the first round is frozen, so that nobody pays for the size of another's library.
    """
    lanes = [_Lane(contestant, clock) for contestant in contestants]
    for lane in lanes:
        lane.timed(1)
        lane.count = calibrate(lane.timed, settings.batch_seconds)
    timings = [Timing(case, lane.contestant.name, "call", [], lane.count) for lane in lanes]
    gc.collect()
    gc.freeze()
    try:
        for turn in range(settings.rounds):
            for i in turn_order(len(lanes), turn):
                gc.collect()
                sleep(settings.settle_seconds)
                timings[i].seconds.append(lanes[i].turn(settings))
    finally:
        gc.unfreeze()
    return timings


@dataclass(frozen=True)
class Ratio:
    """A ratio of medians with the lowest and the highest ratio within one round."""

    value: float
    low: float
    high: float


def geometric_mean(values: Iterable[float]) -> float:
    """The n-th root of the product of n positive numbers."""
    logs = [math.log(value) for value in values]
    return math.exp(math.fsum(logs) / len(logs))


def ratio(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Ratio:
    """The ratio ours / theirs; of several pairs, the geometric mean of their ratios.

    Args:
        pairs: ``(ours, theirs)``, each the seconds by round; where one has fewer rounds, the
            spread is over the rounds that both have.
    """
    value = geometric_mean(
        statistics.median(ours) / statistics.median(theirs) for ours, theirs in pairs
    )
    rounds = min(len(side) for pair in pairs for side in pair)
    by_round = [
        geometric_mean(ours[r] / theirs[r] for ours, theirs in pairs) for r in range(rounds)
    ]
    return Ratio(value, min(by_round), max(by_round))
