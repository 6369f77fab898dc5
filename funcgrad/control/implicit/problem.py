"""What an equation is solved for, and the step from a user's solver to `Implicit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import tree
from ...core.ir import Aval, Jaxpr
from ...core.record import run, trace
from ...core.source_info import name_of, place_of
from ...core.trace import apply, aval_of
from ...errors import ArgumentError, DtypeError, StructureError
from ...ops.arithmetic import sub
from ...tree.treedef import a
from ..program.trace_body import (
    Body,
    convert_outputs,
    is_python_number,
    join,
    scalar,
    share_programs,
    to_aval,
    trace_body,
    unlike,
)
from .implicit import Implicit, LinearSolver, linearize_at
from .linear_solvers import Given, on_tree, solution

__all__ = ["Unknown", "require_functions", "results", "search", "solve_with", "tangent_program"]


class Unknown:
    """What an equation is solved for, and the function of it.

    Attributes:
        treedef: Its structure.
        avals: The types of its leaves.
        values: Where the search starts.
        jaxpr: The function's program; what it captured comes first.
        captured: The captured values.
    """

    def __init__(self, f: Callable[[Any], Any], guess: Any, what: str) -> None:
        leaves, self.treedef = tree.flatten(guess)
        paths = [tree.path_string(p) for p in self.treedef.paths()]
        for x, path in zip(leaves, paths, strict=True):
            if not is_python_number(x):
                raise DtypeError(
                    f"{what}: the unknown{path} is {a(type(x).__name__)}, not an array of floats",
                    "Close over what is not solved for.",
                )
        if not leaves:
            raise ArgumentError(f"{what}: the unknown has no leaves", "Pass arrays of floats.")
        self.avals = [aval_of(x) for x in leaves]
        while True:
            body = trace_body(f, self.avals, lambda vs: (self.rebuild(vs),), what)
            self._same_structure(body, f, what)
            joined: list[Aval] = []
            for path, aval, out in zip(paths, self.avals, body.jaxpr.out_avals, strict=True):
                both = join(aval, out)
                if both is None or (both != aval and not aval.weak):
                    raise unlike(
                        aval,
                        out,
                        f"{what}: the unknown{path} is {aval} and {place_of(f)} returns {out}",
                        "Return the shape and dtype of the unknown.",
                    )
                joined.append(both.strong())
            if joined == self.avals:
                break
            self.avals = joined
        for aval, path in zip(self.avals, paths, strict=True):
            if not aval.inexact:
                raise DtypeError(
                    f"{what}: the unknown{path} is {aval}, and must be a float",
                    "Start from a float, as in 1.0 or x.astype(float).",
                )
        convert_outputs(body, self.avals)
        self.jaxpr, self.captured = body.jaxpr, body.captured
        self.values = [to_aval(x, aval) for x, aval in zip(leaves, self.avals, strict=True)]

    def _same_structure(self, body: Body, f: Callable[..., Any], what: str) -> None:
        if body.treedef != self.treedef or len(body.numbers) != len(body.leaves):
            raise StructureError(
                f"{what}: the unknown is {self.treedef} and {place_of(f)} returns {body.treedef}",
                "Return the structure of the unknown.",
            )

    def rebuild(self, values: Sequence[Any]) -> Any:
        """The unknown as a pytree."""
        return tree.unflatten(self.treedef, values)

    @property
    def flat(self) -> Callable[..., list[Any]]:
        """The function, of flat values."""
        jaxpr, captured = self.jaxpr, self.captured
        return lambda *x: run(jaxpr, [*captured, *x])

    def function(self, x: Any) -> Any:
        """The function, as it was given; traced once."""
        leaves = tree.flatten_up_to(self.treedef, x, "solve: the argument of f", "the unknown")
        values = [to_aval(v, aval) for v, aval in zip(leaves, self.avals, strict=True)]
        return self.rebuild(self.flat(*values))

    def subtract_argument(self) -> None:
        """From the function ``f(x)`` to ``f(x) - x``."""
        jaxpr, count = self.jaxpr, len(self.captured)

        def difference(*args: Any) -> list[Any]:
            return [sub(a, b) for a, b in zip(run(jaxpr, args), args[count:], strict=True)]

        self.jaxpr, extra = trace(difference, jaxpr.in_avals, name=jaxpr.name)
        self.jaxpr.captured = count
        assert not extra


def search(unknown: Unknown, find: Callable[[Any], Any], has_aux: bool, what: str) -> Body:
    """The program of ``find``, which gives the leaves of the unknown and then all else.

    Args:
        unknown: The unknown.
        find: A function of a pytree like the unknown.
        has_aux: Whether it returns a pair of the solution and something else.
        what: The name for errors.
    """

    def checked(x: Any) -> Any:
        found, aux = find(x), None
        if has_aux:
            if not isinstance(found, tuple) or len(found) != 2:
                raise StructureError(
                    f"{what}: with has_aux=True {place_of(find)} must return a pair (x, aux)",
                    "Return (x, aux), or leave has_aux out.",
                )
            found, aux = found
        return solution(found, unknown.treedef, unknown.avals, what, find), aux

    checked.__name__ = name_of(find)
    return trace_body(checked, unknown.avals, lambda vs: (unknown.rebuild(vs),), what)


def solve_with(
    unknown: Unknown,
    find: Callable[[Any], Any],
    has_aux: bool,
    solver: LinearSolver | Callable[..., Any],
    what: str,
) -> Any:
    """The unknown that ``find`` finds, from where the search starts.

    Args:
        unknown: The unknown and its equation.
        find: The search, a function of where it starts.
        has_aux: Whether it returns a pair of the solution and something else.
        solver: How the derivative's linear equations are solved; a function is ``tangent_solve``.
        what: The name for errors.
    """
    body = search(unknown, find, has_aux, what)
    programs, captures = [unknown.jaxpr, body.jaxpr], [unknown.captured, body.captured]
    if callable(solver):
        tangent, captured = tangent_program(
            unknown.flat, unknown.treedef, unknown.avals, solver, what
        )
        programs, captures = [*programs, tangent], [*captures, captured]
    programs, shared = share_programs(programs, captures)
    chosen = Given(programs[2]) if callable(solver) else solver
    count = len(unknown.avals)
    implicit = Implicit(programs[1], programs[0], len(shared), count, chosen, ())
    out = apply(implicit, [*shared, *unknown.values], None)
    return results(unknown, body, out, has_aux)


def results(unknown: Unknown, body: Body, out: Sequence[Any], has_aux: bool) -> Any:
    """What the user gets, from the results of the program of a `search`."""
    found, aux = body.rebuild([scalar(x) for x in out])
    root = unknown.rebuild(found)
    return (root, aux) if has_aux else root


def tangent_program(
    f: Callable[..., list[Any]],
    treedef: tree.TreeDef,
    avals: Sequence[Aval],
    tangent_solve: Callable[..., Any],
    what: str,
) -> tuple[Jaxpr, list[Any]]:
    """``tangent_solve`` as a program of the solution and the right side, and what it captured.

    Args:
        f: The equation's function, of flat values.
        treedef: The structure of the unknown.
        avals: The types of its leaves.
        tangent_solve: The user's function of a linear map and a right side.
        what: The name for errors.
    """
    count = len(avals)

    def flat(*values: Any) -> list[Any]:
        g = on_tree(linearize_at(f, values[:count]), treedef, avals)
        found = tangent_solve(g, tree.unflatten(treedef, values[count:]))
        return solution(found, treedef, avals, what, tangent_solve)

    return trace(flat, [*avals, *avals], name=name_of(tangent_solve), what=what)


def require_functions(what: str, **functions: Any) -> None:
    """Raise `ArgumentError` for the first of the named ``functions`` that cannot be called."""
    for name, f in functions.items():
        if not callable(f):
            raise ArgumentError(
                f"{what}: {name} must be a function, got {type(f).__name__}",
                f"Pass the function itself, as in {what}(..., {name}, ...).",
            )
