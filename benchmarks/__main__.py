"""``python -m benchmarks``: run workloads, print the tables, write the JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import peers, report
from benchmarks.cases import (
    Case,
    Extent,
    Key,
    Outcome,
    Programs,
    Results,
    Workload,
    judge,
    run_case,
)
from benchmarks.child import run_first_calls, run_programs
from benchmarks.measure import QUICK, Settings, Timing
from benchmarks.workloads import all_workloads

# The load average per core above which a run is called disturbed.
BUSY = 0.25


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time funcgrad against JAX, PyTorch, HIPS autograd and hand-written NumPy.",
    )
    parser.add_argument("workloads", nargs="*", metavar="W", help="W1 ... W9 (default: all)")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument(
        "--quick", action="store_true", help="few short rounds and no large sizes, to see it run"
    )
    extent.add_argument(
        "--full",
        action="store_true",
        help="also JAX's compilation of the chains of 3,000 and 10,000 operations (minutes)",
    )
    parser.add_argument("--peers", help="names with commas, or none (default: all installed)")
    parser.add_argument("--no-first-calls", action="store_true", help="skip the compile times")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write the numbers there")
    args = parser.parse_args(arguments)
    known = all_workloads(Extent())
    for name in args.workloads:
        if name.upper() not in known:
            parser.error(f"unknown workload {name}; known are {', '.join(known)}")
    try:
        args.peers = peers.choose(args.peers)
    except ValueError as error:
        parser.error(str(error))
    return args


def jobs(
    case: Case | Programs, sides: Sequence[str], settings: Settings, first_calls: bool
) -> list[Callable[[], list[Timing]]]:
    """What gives the times of a case; apart, so that one that fails leaves the other's times."""
    if isinstance(case, Programs):
        return [lambda: run_programs(case, sides, settings)]
    wanted: list[Callable[[], list[Timing]]] = []
    if case.calls:
        wanted.append(lambda: run_case(case, sides, settings))
    if first_calls and case.first_call:
        wanted.append(lambda: run_first_calls(case, sides, settings))
    return wanted


def busy(load: Sequence[float] | None, cores: int | None) -> list[str]:
    """A warning when others were using the machine before the run began."""
    if load is None or cores is None or load[0] <= BUSY * cores:
        return []
    return [
        f"The machine was busy before the run began (load {load[0]:.1f} on {cores} cores): "
        "these numbers decide nothing. Libraries whose idle threads spin suffer most."
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen workloads; 1 if one of them failed, else 0 (a missed bar is no failure)."""
    args = parse(arguments)
    settings = QUICK if args.quick else Settings()
    everything = all_workloads(Extent(args.quick, args.full))
    wanted = [name.upper() for name in args.workloads]
    chosen: list[Workload] = [w for w in everything.values() if not wanted or w.name in wanted]
    sides = (*peers.HOME, *args.peers)
    facts = report.machine_facts()
    facts["load_before"] = report.load_average()
    results: Results = {}
    failures: list[dict[str, str]] = []
    for workload in chosen:
        print(f"{workload.name}: {workload.title}", file=sys.stderr)
        for case in workload.cases:
            begin = time.perf_counter()
            for job in jobs(case, sides, settings, not args.no_first_calls):
                try:
                    timings = job()
                except Exception as error:
                    traceback.print_exc()
                    said = f"{type(error).__name__}: {error}"
                    failures.append({"case": case.name, "error": said})
                    continue
                for timing in timings:
                    results[Key(timing.case, timing.contestant, timing.quantity)] = timing
            elapsed = time.perf_counter() - begin
            print(f"  {case.name} ({elapsed:.1f} s)", file=sys.stderr, flush=True)
    facts["load_after"] = report.load_average()
    outcomes: list[Outcome] = [o for workload in chosen for o in judge(workload, results)]
    notes = busy(facts["load_before"], facts["usable_cores"])
    notes += [note for workload in chosen for note in workload.notes(results)]

    if outcomes:
        print(report.bar_table(outcomes), end="\n\n")
    print(report.time_table(results))
    for note in notes:
        print(f"\n{note}")
    for failure in failures:
        print(f"\nFAILED {failure['case']}: {failure['error']}")
    if args.json is not None:
        data = report.document(facts, settings, results, outcomes, notes, failures)
        args.json.write_text(json.dumps(data, indent=1) + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
