"""What a workload consists of: cases, sides, bars; and how a case is run.

A *workload* (W1 to W13) has *cases* (one size and one dtype each) and *bars*: the largest ratio
that is allowed between two of the times that the cases give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.measure import (
    Contestant,
    Ratio,
    Settings,
    Timing,
    check,
    measure,
    ratio,
    run_steps,
)

CALL = "call"
FIRST_CALL = "first call"
PROCESS = "process"

Sides = Mapping[str, Callable[[], Sequence[Contestant]]]


class Key(NamedTuple):
    """Names one time: of which case, of whom, and what was timed."""

    case: str
    contestant: str
    quantity: str = CALL


Results = dict[Key, Timing]


@dataclass(frozen=True)
class Case:
    """Contestants that do the same work at one size.

    Attributes:
        name: unique over all workloads.
        sides: by library, a function that imports it and makes its contestants.
        rtol, atol: how closely the results must agree before anything is timed.
        steps: steps after which the results are compared.
        calls: whether calls are timed (a case can be for first calls alone).
        first_call: whether the first calls of compiled contestants are timed, in fresh processes.
        processes: how many, where it is not the settings' number.
        limit_seconds: when a fresh process is given up; its time is then recorded as "at least".
        peers_may_fail: whether a peer's process that dies (out of memory) counts as given up.
    """

    name: str
    sides: Sides
    rtol: float = 1e-9
    atol: float = 1e-12
    steps: int = 1
    calls: bool = True
    first_call: bool = True
    processes: int | None = None
    limit_seconds: float = 120.0
    peers_may_fail: bool = False


@dataclass(frozen=True)
class Programs:
    """Whole programs, each timed from process start to its end.

    Attributes:
        name: unique over all workloads.
        sources: by side, the text of a program; all print the same numbers.
    """

    name: str
    sources: Mapping[str, str]


@dataclass(frozen=True)
class Bar:
    """The largest ratio allowed between two times (or the geometric mean over several pairs).

    Attributes:
        what: what is compared, in words.
        pairs: ``(ours, theirs)``.
        limit: the largest ratio that reaches the bar.
        lower_bound: whether *theirs* is known to be smaller than what the bar is about, so that
            a ratio above the limit decides nothing.
    """

    what: str
    pairs: tuple[tuple[Key, Key], ...]
    limit: float
    lower_bound: bool = False


def _no_notes(results: Results) -> list[str]:
    return []


@dataclass(frozen=True)
class Workload:
    """One row of the list of workloads: its cases, its bars, and remarks made from its times."""

    name: str
    title: str
    cases: tuple[Case | Programs, ...]
    bars: tuple[Bar, ...] = ()
    notes: Callable[[Results], list[str]] = _no_notes


@dataclass(frozen=True)
class Extent:
    """Which sizes to run: ``quick`` leaves large ones out, ``full`` adds very slow ones."""

    quick: bool = False
    full: bool = False


def contestants(case: Case, sides: Sequence[str]) -> list[Contestant]:
    """The contestants of the wanted sides, in the order in which the case lists its sides."""
    return [c for side, make in case.sides.items() if side in sides for c in make()]


def agree(case: Case, rivals: Sequence[Contestant]) -> dict[str, list[np.ndarray]]:
    """What each contestant computes, after checking that they all agree.

    Raises:
        DisagreementError: when two of them do not.
    """
    results = {rival.name: run_steps(rival, case.steps) for rival in rivals}
    check(case.name, results, case.rtol, case.atol)
    return results


def run_case(case: Case, sides: Sequence[str], settings: Settings) -> list[Timing]:
    """Check the contestants against each other, then time their calls."""
    rivals = contestants(case, sides)
    agree(case, rivals)
    return measure(case.name, rivals, settings)


@dataclass(frozen=True)
class Outcome:
    """A bar with what was measured: ``ratio`` is None where one of its times is missing."""

    workload: str
    bar: Bar
    ratio: Ratio | None
    verdict: str


def judge(workload: Workload, results: Results) -> list[Outcome]:
    """Hold the measured times against the workload's bars.

    The verdict is ``"yes"``, ``"no"``, ``"undecided"`` (the ratio is above the limit, but the
    other side's true time is larger than the one at hand) or ``"not measured"``.
    """
    outcomes: list[Outcome] = []
    for bar in workload.bars:
        if any(key not in results for pair in bar.pairs for key in pair):
            outcomes.append(Outcome(workload.name, bar, None, "not measured"))
            continue
        timings = [(results[ours], results[theirs]) for ours, theirs in bar.pairs]
        reached = ratio([(ours.seconds, theirs.seconds) for ours, theirs in timings])
        if any(ours.at_least for ours, _ in timings):
            verdict = "no" if reached.value > bar.limit else "undecided"
        elif reached.value <= bar.limit:
            verdict = "yes"
        else:
            unsure = bar.lower_bound or any(theirs.at_least for _, theirs in timings)
            verdict = "undecided" if unsure else "no"
        outcomes.append(Outcome(workload.name, bar, reached, verdict))
    return outcomes
