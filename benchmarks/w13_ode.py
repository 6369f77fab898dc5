"""W13: gradients of differential equations: beside the solution, and in a fit.

The equation is Lotka and Volterra's, solved over 10 units of time and read at 2 to 160 times, by
`odeint` at its own tolerances and by `solve_ivp` at 1e-6. A value and its gradient may take as long
as 12 solutions, however many times are read. The fit finds the four parameters from 40 points with
SciPy's L-BFGS-B, from a start that is off by factors of 2 to 5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import CALL, Bar, Case, Extent, Key, Results, Workload
from benchmarks.measure import Contestant, leaves

READS = (2, 10, 40, 160)
METHODS = ("odeint", "RK45")
LIMIT = 12.0
FIT, FIT_LIMIT = "W13 fit", 30.0

TRUE = np.array([1.0, 0.1, 1.5, 0.075])
BAD = np.array([2.0, 0.5, 0.5, 0.02])
START = np.array([10.0, 5.0])


def rate(y: Any, t: Any, a: Any, b: Any, c: Any, d: Any) -> list[Any]:
    prey, predators = y
    return [prey * (a - b * predators), predators * (d * prey - c)]


def swapped(t: Any, y: Any, *p: Any) -> list[Any]:
    return rate(y, t, *p)


def solution(integrate: Any, method: str, times: Any, p: Any) -> Any:
    """The states at the times, shape (2, n)."""
    args = (p[0], p[1], p[2], p[3])
    if method == "odeint":
        return integrate.odeint(rate, START, times, args).T
    span = (times[0], times[-1])
    return integrate.solve_ivp(swapped, span, START, method, times, args=args, rtol=1e-6).y


def loss(integrate: Any, method: str, count: int) -> Callable[[Any], Any]:
    times = np.linspace(0.0, 10.0, count)
    return lambda p: np.sum(solution(integrate, method, times, p) ** 2)


def by_scipy(method: str, count: int) -> Sequence[Contestant]:
    from scipy import integrate

    f = loss(integrate, method, count)
    return [Contestant("SciPy, the solution alone", lambda _: f(TRUE))]


def with_funcgrad(method: str, count: int) -> Sequence[Contestant]:
    from funcgrad import jit, value_and_grad
    from funcgrad.scipy import integrate

    both = value_and_grad(loss(integrate, method, count))
    compiled = jit(both)

    def read(state: Any) -> list[np.ndarray]:
        return leaves(state[0])

    return [
        Contestant("funcgrad", lambda _: both(TRUE), read=read),
        Contestant("funcgrad.jit", lambda _: compiled(TRUE), read=read, compiled=True),
    ]


def misfit(integrate: Any, data: Any) -> Callable[[Any], Any]:
    """The squared distance from the data of a solution with parameters ``exp(logs)``."""
    times = np.linspace(0.0, 15.0, 40)
    return lambda logs: np.mean((solution(integrate, "RK45", times, np.exp(logs)) - data) ** 2)


def points() -> Any:
    from scipy import integrate

    options = {"rtol": 1e-10, "atol": 1e-10}
    times = np.linspace(0.0, 15.0, 40)
    return integrate.solve_ivp(
        swapped, (0.0, 15.0), START, "DOP853", times, args=tuple(TRUE), **options
    ).y


def fit_with_funcgrad() -> Sequence[Contestant]:
    from scipy import optimize

    from funcgrad import jit, value_and_grad
    from funcgrad.scipy import integrate

    both = value_and_grad(misfit(integrate, points()))

    def fitted(f: Any) -> Any:
        found = optimize.minimize(f, np.log(BAD), jac=True, method="L-BFGS-B")
        return np.exp(found.x)

    compiled = jit(both)
    return [
        Contestant("funcgrad", lambda _: fitted(both)),
        Contestant("funcgrad.jit", lambda _: fitted(compiled), compiled=True),
    ]


def name_of(method: str, count: int) -> str:
    return f"W13 {method}, {count} times"


def case(method: str, count: int) -> Case:
    return Case(
        name_of(method, count),
        {
            "by hand": lambda: by_scipy(method, count),
            "funcgrad": lambda: with_funcgrad(method, count),
        },
    )


def fit_case(name: str = FIT) -> Case:
    return Case(name, {"funcgrad": fit_with_funcgrad}, rtol=1e-3, first_call=False)


def remarks(results: Results) -> list[str]:
    """The fit is held against the clock."""
    found = []
    for name in ("funcgrad", "funcgrad.jit"):
        timing = results.get(Key(FIT, name, CALL))
        if timing is not None:
            met = "below" if timing.median < FIT_LIMIT else "ABOVE"
            found.append(f"{FIT}, {name}: {timing.median:.2f} s, {met} the bar of {FIT_LIMIT} s.")
    return found


def workload(extent: Extent) -> Workload:
    def bar(method: str, count: int, name: str) -> Bar:
        case = name_of(method, count)
        pair = Key(case, name), Key(case, "SciPy, the solution alone")
        return Bar(f"{case}: {name} / the solution", (pair,), LIMIT)

    every = [(method, count) for method in METHODS for count in READS]
    return Workload(
        "W13",
        "gradients of differential equations, and a fit",
        (*[case(method, count) for method, count in every], fit_case()),
        tuple([bar(*one, name) for one in every for name in ("funcgrad", "funcgrad.jit")]),
        remarks,
    )
