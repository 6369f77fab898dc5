"""`Search`, one run of a solver of SciPy's, as a primitive.

It holds the programs of the functions that SciPy is to call, so it runs inside of compiled programs
too. It has no derivatives: `root` and `minimize` put it into an `Implicit`, which has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import optimize

from ..control.flow.scan import Scan
from ..control.program.collectives import refuse_collectives
from ..core.backend import compile_once
from ..core.ir import Aval, Jaxpr, make_aval
from ..core.primitive import Primitive, primitive
from ..core.record import trace
from ..core.trace import apply, aval_of
from .result import code_of

__all__ = ["FLOAT", "INTEGER", "Plan", "Search", "one_after_another"]

FLOAT = np.dtype(np.float64)
INTEGER = np.dtype(np.int64)

Functions = Mapping[str, Callable[..., Any]]


class Plan:
    """What SciPy is asked to do.

    Attributes:
        solver: ``"root"`` or ``"minimize"``.
        method: The method, in lower case.
        options: SciPy's other keyword arguments, as they are.
        reported: Which of ``jac``, ``nfev``, ``njev``, ``nhev``, ``nit`` the method reports.
    """

    def __init__(
        self, solver: str, method: str, options: dict[str, Any], reported: Sequence[str]
    ) -> None:
        self.solver, self.method, self.options = solver, method, options
        self.reported = tuple(reported)

    def avals(self, n: int) -> list[Aval]:
        """The types of the results for ``n`` unknowns."""
        vector, number = make_aval((n,), FLOAT), make_aval((), INTEGER)
        fun = vector if self.solver == "root" else make_aval((), FLOAT)
        fixed = [vector, make_aval((), np.dtype(np.bool_)), number, fun, number]
        return fixed + [vector if name == "jac" else number for name in self.reported]

    def run(self, functions: Functions, x0: Any) -> list[Any]:
        """Let SciPy search from ``x0``.

        Args:
            functions: By SciPy's argument names: ``fun``, ``jac``, ``hess``, ``hessp``, or
                ``fun_and_jac`` for a function that gives both.
            x0: Where to start.
        """
        named = dict(functions)
        keywords = dict(self.options)
        both = named.pop("fun_and_jac", None)
        fun = named.pop("fun")
        if both is not None:
            fun, keywords["jac"] = both, True
        keywords.update(named)
        solve = optimize.root if self.solver == "root" else optimize.minimize
        found: Any = solve(fun, np.array(x0), method=self.method, **keywords)
        values: dict[str, Any] = dict(found)
        shape = np.shape(x0)
        results = [
            np.array(found.x, FLOAT).reshape(shape),
            np.bool_(found.success),
            INTEGER.type(values.get("status", 0)),
            np.array(found.fun, FLOAT).reshape(shape if self.solver == "root" else ())[()],
            INTEGER.type(code_of(str(found.message))),
        ]
        for name in self.reported:
            if name == "jac":
                results.append(np.array(values[name], FLOAT).reshape(shape))
            else:
                results.append(INTEGER.type(values.get(name, -1)))
        return results


@primitive
class Search(Primitive):
    """A run of ``plan``; operands ``(*shared, x0)``.

    Attributes:
        names: SciPy's names of the functions.
        programs: The functions, ``(*shared, x, ...)``.
        plan: What SciPy is to do.
    """

    name = "scipy_search"
    names: tuple[str, ...]
    programs: tuple[Jaxpr, ...]
    plan: Any
    multiple = True
    foreign = True

    def __str__(self) -> str:
        return f"scipy {self.plan.solver} {self.plan.method}"

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        return tuple(self.plan.avals(avals[-1].shape[0]))

    def run(self, *operands: Any) -> tuple[Any, ...]:
        *shared, x0 = operands
        functions = {
            name: _call_as_scipy(compile_once(program), shared, name)
            for name, program in zip(self.names, self.programs, strict=True)
        }
        return tuple(self.plan.run(functions, x0))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return one_after_another(self, size, batched, operands)


def one_after_another(
    given: Primitive, size: int, batched: Sequence[bool], operands: Sequence[Any]
) -> Any:
    """A primitive for each element of a batch: each search takes steps of its own."""
    refuse_collectives(
        [jaxpr for _, jaxpr in given.bodies()],
        "a function that SciPy calls for each element of the batch by itself",
        "Compute it before and close over it.",
    )
    order = sorted(range(len(operands)), key=lambda i: batched[i])
    values = [operands[i] for i in order]
    count = sum(not b for b in batched)
    kinds = [aval_of(x).strong() for x in values]
    avals = [a.element() if batched[i] else a for i, a in zip(order, kinds, strict=True)]

    def one(*args: Any) -> Sequence[Any]:
        return apply(given, [args[order.index(i)] for i in range(len(order))], None)

    body, captured = trace(one, avals, name=str(given))
    assert not captured
    return apply(Scan(body, count, 0, size, False), values, None)


def _call_as_scipy(
    program: Callable[..., Any], shared: Sequence[Any], name: str
) -> Callable[..., Any]:
    """A program as SciPy calls it."""
    if name == "fun_and_jac":
        return lambda x: program(*shared, x)
    return lambda *x: program(*shared, *x)[0]
