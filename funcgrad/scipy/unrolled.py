"""The stages of a Runge-Kutta step as straight lines of Python, for states of few numbers.

Arithmetic of Python's floats is many times faster than that of arrays of two or three. The text
depends on the method's table and on the numbers of components alone, so it is compiled once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from .tableau import Tableau

__all__ = ["FEW", "backward_stages", "forward_stages", "further_stages"]

FEW = 4
"""How many components a state may have."""


def _sum(start: str, factor: str, terms: list[tuple[float, str]]) -> str:
    """The text of ``start + factor * sum``; terms with weight 0 are left out."""
    products = [f"{weight!r} * {name}" for weight, name in terms if weight]
    return f"{start} + {factor} * ({' + '.join(products)})" if products else start


def _compiled(lines: list[str], name: str) -> Callable[..., Any]:
    space: dict[str, Any] = {}
    exec(compile("\n".join(lines), f"<{name} of funcgrad.scipy>", "exec"), space)
    return space[name]


@lru_cache(maxsize=64)
def forward_stages(table: Tableau, d: int) -> Callable[..., Any]:
    """``(push, p, t, h, z, k)`` gives the state at the end of the step and the rates of all stages.

    ``push(*p, t, *z)`` gives the rate, ``k`` is the first.
    """

    def names(letter: str) -> str:
        return ", ".join(f"{letter}_{j}" for j in range(d))

    lines = ["def forward_stages(push, p, t, h, z, k):"]
    lines.append(f" {names('z')} = z")
    lines.append(f" {names('k0')} = k")
    weights = table.a.tolist()
    for i, c in enumerate(table.c.tolist()):
        if not i:
            continue
        for j in range(d):
            terms = [(weights[i][m], f"k{m}_{j}") for m in range(i)]
            lines.append(f" e_{j} = {_sum(f'z_{j}', 'h', terms)}")
        lines.append(f" {names(f'k{i}')} = push(*p, t + {c!r} * h, {names('e')})")
    stages = ", ".join(names(f"k{i}") for i in range(len(weights)))
    lines.append(f" return ({names('e')},), ({stages},)")
    return _compiled(lines, "forward_stages")


@lru_cache(maxsize=64)
def further_stages(table: Tableau, d: int) -> Callable[..., Any]:
    """``(value, p, t, h, y, k)`` gives the rates of the stages of dense output.

    ``value(*p, t, *y)`` gives the rate, ``k`` the rates of the other stages, all their numbers.
    """
    count = len(table.c)
    known = ", ".join(f"k{i}_{j}" for i in range(count) for j in range(d))
    lines = ["def further_stages(value, p, t, h, y, k):"]
    lines.append(f" {', '.join(f'y_{j}' for j in range(d))}, = y")
    lines.append(f" {known}, = k")
    rows = zip(table.more_c.tolist(), table.more_a.tolist(), strict=True)
    new: list[str] = []
    for i, (c, weights) in enumerate(rows, count):
        states = [
            _sum(f"y_{j}", "h", [(weights[m], f"k{m}_{j}") for m in range(i)]) for j in range(d)
        ]
        found = ", ".join(f"k{i}_{j}" for j in range(d))
        lines.append(f" {found}, = value(*p, t + {c!r} * h, {', '.join(states)})")
        new.append(found)
    lines.append(f" return ({', '.join(new)},)")
    return _compiled(lines, "further_stages")


@lru_cache(maxsize=64)
def backward_stages(table: Tableau, d: int, used: int) -> Callable[..., Any]:
    """``(pull, p, t, h, y, k)`` gives the sum of ``(df/dy)^T k`` and a list for each stage.

    ``y`` and ``k`` are the states and the cotangents of ``used`` stages, all their numbers in turn;
    ``pull(*p, t, *y, *k)`` gives ``(df/dy)^T k`` and what goes into the lists.
    """
    lines = ["def backward_stages(pull, p, t, h, y, k):"]
    for letter in "yk":
        all_names = ", ".join(f"{letter}{i}_{j}" for i in range(used) for j in range(d))
        lines.append(f" {all_names}, = {letter}")
    weights, times = table.full().tolist(), [*table.c.tolist(), *table.more_c.tolist()]
    for i in reversed(range(used)):
        y = ", ".join(f"y{i}_{j}" for j in range(d))
        k = [
            _sum(f"k{i}_{j}", "h", [(weights[m][i], f"m{m}_{j}") for m in range(i + 1, used)])
            for j in range(d)
        ]
        found = ", ".join(f"m{i}_{j}" for j in range(d))
        call = f"pull(*p, t + {times[i]!r} * h, {y}, {', '.join(k)})"
        lines.append(f" {found}, *f{i} = {call}")
    sums = [" + ".join(f"m{i}_{j}" for i in range(used)) for j in range(d)]
    lists = ", ".join(f"f{i}" for i in range(used))
    lines.append(f" return ({', '.join(sums)},), ({lists},)")
    return _compiled(lines, "backward_stages")
