"""Fresh processes: first calls (trace and compile) and whole programs.

As a module that is run, ``python -m benchmarks.child CASE SIDE CONTESTANT`` is the child: it
makes the contestant, lets its library compile one trivial function, times the first call and
prints a line of JSON. The other functions are the parent's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.cases import FIRST_CALL, PROCESS, Case, Extent, Programs
from benchmarks.measure import DisagreementError, Settings, Timing, check, turn_order

try:
    import resource
except ModuleNotFoundError:  # Windows
    resource = None

ROOT = Path(__file__).resolve().parent.parent
SMALL_RESULT = 100


def first_call(case: Case, side: str, name: str) -> dict[str, Any]:
    """Seconds of the contestant's first call in this process, with its result where it is small."""
    peers.warm_up(side)
    contestant = next(c for c in case.sides[side]() if c.name == name)
    state = contestant.start()
    print(json.dumps({"begin": time.time()}), flush=True)
    begin = time.perf_counter()
    state = contestant.step(state)
    contestant.finish(state)
    elapsed = time.perf_counter() - begin
    arrays = contestant.read(state)
    small = sum(array.size for array in arrays) <= SMALL_RESULT
    return {"seconds": elapsed, "result": [a.tolist() for a in arrays] if small else None}


def limit_memory(share: float = 0.5) -> None:
    """Let this process have at most a share of the machine's memory, where the system can do that.

    A compiler that wants more must end itself; the system would end whoever it finds largest.
    """
    if resource is not None:
        size = int(share * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size, hard))


def _first_call_apart(case: Case, side: str, name: str) -> dict[str, Any]:
    """``first_call`` in a fresh process, or ``{"at_least": seconds, "remark": why}``.

    Raises:
        RuntimeError: if the process fails where that is not allowed for.
    """
    command = [sys.executable, "-m", "benchmarks.child", case.name, side, name]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=case.limit_seconds)
    except subprocess.TimeoutExpired:
        return {
            "at_least": case.limit_seconds,
            "remark": f"given up after {case.limit_seconds:g} s",
        }
    ended = time.time()
    lines = done.stdout.decode().splitlines()
    if done.returncode == 0:
        return json.loads(lines[-1])
    complaint = done.stderr.decode(errors="replace")
    if not (case.peers_may_fail and side in peers.PEERS and lines):
        raise RuntimeError(f"{case.name}: the first call of {name} failed:\n{complaint}")
    seconds = ended - json.loads(lines[0])["begin"]
    reason = (complaint.strip().splitlines() or ["no message"])[-1]
    return {
        "at_least": seconds,
        "remark": f"the process died after {seconds:.3g} s (status {done.returncode}: {reason})",
    }


def run_first_calls(case: Case, sides: Sequence[str], settings: Settings) -> list[Timing]:
    """Time the first calls of the compiled contestants, interleaved, each in a fresh process.

    Raises:
        DisagreementError: when two contestants' first results differ.
    """
    rivals = [
        (side, contestant.name)
        for side, make in case.sides.items()
        if side in sides
        for contestant in make()
        if contestant.compiled
    ]
    if not rivals:
        return []
    timings = [Timing(case.name, name, FIRST_CALL) for _, name in rivals]
    results: dict[str, list[np.ndarray]] = {}
    rounds = settings.processes if case.processes is None else case.processes
    for turn in range(rounds):
        for i in turn_order(len(rivals), turn):
            side, name = rivals[i]
            if timings[i].at_least:
                continue
            answer = _first_call_apart(case, side, name)
            if "at_least" in answer:
                timings[i].at_least = True
                timings[i].seconds = [answer["at_least"]]
                timings[i].remark = answer["remark"]
                continue
            timings[i].seconds.append(answer["seconds"])
            if answer["result"] is not None:
                results[name] = [np.asarray(leaf) for leaf in answer["result"]]
    if results:
        check(case.name, results, case.rtol, case.atol)
    return timings


def _run_program(case: str, side: str, source: str) -> tuple[float, str]:
    environment = dict(os.environ)
    # Where it is set, a library that pip has not compiled would be compiled at every start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", source]
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    elapsed = time.perf_counter() - begin
    if done.returncode != 0:
        raise RuntimeError(f"{case}: the program of {side} failed:\n{done.stderr}")
    return elapsed, done.stdout


def run_programs(case: Programs, sides: Sequence[str], settings: Settings) -> list[Timing]:
    """Time whole programs, interleaved; each runs once untimed, which also writes its ``.pyc``.

    Raises:
        DisagreementError: when two programs print different numbers.
    """
    rivals = [(side, source) for side, source in case.sources.items() if side in sides]
    printed: dict[str, list[np.ndarray]] = {}
    for side, source in rivals:
        _, text = _run_program(case.name, side, source)
        try:
            printed[side] = [np.asarray([float(word) for word in text.split()])]
        except ValueError as error:
            raise DisagreementError(f"{case.name}: {side} prints {text!r}") from error
    check(case.name, printed, 1e-9, 0.0)
    timings = [Timing(case.name, side, PROCESS) for side, _ in rivals]
    for turn in range(settings.starts):
        for i in turn_order(len(rivals), turn):
            timings[i].seconds.append(_run_program(case.name, *rivals[i])[0])
    return timings


def _main() -> None:
    from benchmarks.workloads import find_case

    parser = argparse.ArgumentParser(description="Time one first call in this process.")
    parser.add_argument("case")
    parser.add_argument("side")
    parser.add_argument("contestant")
    args = parser.parse_args()
    limit_memory()
    case = find_case(args.case, Extent(full=True))
    print(json.dumps(first_call(case, args.side, args.contestant)))


if __name__ == "__main__":
    _main()
