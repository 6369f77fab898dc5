"""What a run says: Markdown tables, and JSON with the machine and the versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import CALL, FIRST_CALL, PROCESS, Key, Outcome, Results
from benchmarks.measure import Settings

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "XLA_FLAGS",
    "JAX_PLATFORMS",
)
_LIBRARIES = ("funcgrad", "numpy", "jax", "jaxlib", "torch", "autograd", "scipy")


def seconds_text(seconds: float) -> str:
    """Three significant digits with the unit that keeps them readable.

    >>> seconds_text(0.00001234)
    '12.3 us'
    """
    for scale, unit in _UNITS:
        if seconds >= 0.9995 * scale or unit == "ns":
            break
    number = seconds / scale
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:.{digits}f} {unit}"


def ratio_text(value: float) -> str:
    """Three significant digits, without an exponent (four decimals at most)."""
    steps = ((0.0995, 4), (0.9995, 3), (9.995, 2), (99.95, 1))
    digits = next((digits for below, digits in steps if value < below), 0)
    return f"{value:.{digits}f}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with its columns aligned; a ``|`` in a cell is escaped."""
    table = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in table
    ]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def bar_table(outcomes: Sequence[Outcome]) -> str:
    """One row a bar: the ratio, its spread over the rounds, the limit, whether it is reached."""
    rows = [
        [
            o.workload,
            o.bar.what,
            "-" if o.ratio is None else ratio_text(o.ratio.value),
            "-" if o.ratio is None else f"{ratio_text(o.ratio.low)}-{ratio_text(o.ratio.high)}",
            f"<= {o.bar.limit:g}",
            o.verdict,
        ]
        for o in outcomes
    ]
    return markdown(["", "ours / theirs", "ratio", "spread", "bar", "reached"], rows)


def time_table(results: Results) -> str:
    """One row a contestant: its time, spread, and how it compares with funcgrad's best time."""
    rows: list[list[str]] = []
    cases = list(dict.fromkeys(key.case for key in results))
    for case in cases:
        names = list(dict.fromkeys(key.contestant for key in results if key.case == case))
        ours = [
            timing.median
            for key, timing in results.items()
            if key.case == case
            and key.contestant.startswith("funcgrad")
            and key.quantity != FIRST_CALL
        ]
        for name in names:
            timing = results.get(Key(case, name, CALL)) or results.get(Key(case, name, PROCESS))
            first = results.get(Key(case, name, FIRST_CALL))
            rows.append(
                [
                    case,
                    name,
                    seconds_text(timing.median) if timing else "-",
                    f"{seconds_text(min(timing.seconds))} - {seconds_text(max(timing.seconds))}"
                    if timing
                    else "-",
                    ratio_text(timing.median / min(ours)) if timing and ours else "-",
                    (("> " if first.at_least else "") + seconds_text(first.median))
                    if first
                    else "-",
                ]
            )
    return markdown(["case", "who", "median", "rounds", "/ funcgrad's best", "first call"], rows)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float | None:
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names or "SC_PAGE_SIZE" not in names:
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)


def _usable_cores() -> int | None:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count()


def load_average() -> list[float] | None:
    """The machine's load over 1, 5 and 15 minutes, where the system tells."""
    return list(os.getloadavg()) if hasattr(os, "getloadavg") else None


def _commit() -> str | None:
    """The commit of this checkout, marked when files differ from it; None outside of one."""
    root = Path(__file__).resolve().parent.parent
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def library_versions() -> dict[str, str]:
    """Versions of the libraries that are installed here."""
    found: dict[str, str] = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine_facts() -> dict[str, Any]:
    """What a reader needs to know about the machine and the Python that was measured."""
    build = np.show_config(mode="dicts") or {}
    blas = build.get("Build Dependencies", {}).get("blas", {})
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "commit": _commit(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "usable_cores": _usable_cores(),
        "memory_gib": _memory_gib(),
        "python": sys.version.split()[0],
        "numpy_blas": {key: blas.get(key) for key in ("name", "version")},
        "environment": {v: os.environ[v] for v in _THREAD_VARIABLES if v in os.environ},
        "libraries": library_versions(),
    }


def document(
    facts: dict[str, Any],
    settings: Settings,
    results: Results,
    outcomes: Sequence[Outcome],
    notes: Sequence[str],
    failures: Sequence[dict[str, str]],
) -> dict[str, Any]:
    """Everything of a run as plain data, ready for ``json.dump``."""
    return {
        "machine": facts,
        "settings": asdict(settings),
        "times": [{**asdict(t), "median": t.median} for t in results.values()],
        "bars": [
            {
                "workload": o.workload,
                "what": o.bar.what,
                "limit": o.bar.limit,
                "pairs": [[list(ours), list(theirs)] for ours, theirs in o.bar.pairs],
                "ratio": None if o.ratio is None else asdict(o.ratio),
                "reached": o.verdict,
            }
            for o in outcomes
        ],
        "notes": list(notes),
        "failures": list(failures),
    }
