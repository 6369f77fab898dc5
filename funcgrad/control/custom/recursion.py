"""Rules that call their own function while they are traced.

The rule of such a call is the very rule that is being traced: there would be no end to tracing it
again, and what it closes over is gone when a derivative asks for it. So the call refers to the
program to come, and is given what that one closes over. What that is, is known when the rule has
been traced once; where it is traced values, the rule is traced again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ...core.ir import Atom, Aval, Equation, Jaxpr, Var
from ...core.source_info import place_of
from ...core.trace import Tracer, aval_of
from ...errors import MissingRuleError
from ..program.trace_body import share_programs
from .tracing import Lazily, Tracing, late, trace_later, trace_part, with_inputs

__all__ = ["Functions", "Knot", "returns_to", "stage_rule", "staging_of", "trace_function"]

Functions: TypeAlias = Sequence[Callable[..., Any]]
Traces: TypeAlias = Callable[[], tuple[Sequence[Sequence[Any]], Any]]
"""Traces a rule; gives what its programs captured, and whatever is made of them."""

_FAMILY = 4
"""A rule may make its function anew where it calls it. From this many functions of one text on,
rules within rules are taken for such a family, which has no end."""


def returns_to(f: Callable[..., Any], functions: Functions) -> bool:
    """Whether ``f``, met within the rules of ``functions``, is one of them or made by them."""
    return any(f is other for other in functions) or _is_family(f, functions)


def _is_family(f: Callable[..., Any], functions: Functions) -> bool:
    code = getattr(f, "__code__", f)
    return sum(getattr(other, "__code__", other) is code for other in functions) >= _FAMILY


class Knot:
    """A rule that is being traced.

    Attributes:
        function: The function whose rule it is.
        shared: The traced values that the rule captures.
        again: For ids of such values, when it was traced last, those of the shared ones.
        met: Whether it calls its function as it is called itself.
        made: What is made of it, once it is traced.
        lazy: The same, for those who refer to it before.
    """

    def __init__(
        self, function: Callable[..., Any], rule: Any = None, tracing: Tracing | None = None
    ) -> None:
        self.function, self._rule, self._tracing = function, rule, tracing
        self.shared: list[Tracer] = []
        self.again: dict[int, int] = {}
        self._held: list[Tracer] = []  # whose ids are keys
        self.met = False
        self.made: Any = None
        self.lazy = Lazily(self._ready)

    def _ready(self) -> Any:
        if self.made is None:
            raise MissingRuleError(
                f"the rule of {place_of(self.function)} asks for a derivative of the function "
                "itself, which is that rule",
                "Write the derivative out.",
            )
        return self.made

    def ties(self, rule: Any, tracing: Tracing) -> bool:
        """Whether another call of the function is the call that is being traced."""
        mine, its = getattr(self._rule, "arguments", None), getattr(rule, "arguments", None)
        if mine is None or its is None or self._tracing is None:
            return False
        return (
            self.function is rule.function
            and mine.treedef == its.treedef
            and mine.operands == its.operands
            and mine.keywords == its.keywords
            and mine.exact == its.exact
            and self._tracing.avals == tracing.avals
            and all(map(_alike, mine.constants, its.constants))
            and all(map(_alike, self._tracing.values, tracing.values))
        )

    def program(self, jaxpr: Jaxpr, values: Sequence[Any]) -> tuple[Jaxpr, list[Any]]:
        """A program of the rule whose captured inputs are constants, and then all that is shared.

        Args:
            jaxpr: The program.
            values: What it captured.

        Returns:
            The program, and its constants.
        """
        count = len(values)
        own: dict[int, Var] = {}
        constants: list[tuple[Var, Any]] = []
        other: dict[Var, Var] = {}
        shared = {id(x) for x in self.shared}
        for var, value in zip(jaxpr.inputs[:count], values, strict=True):
            key = self.again.get(id(value), id(value))
            if key not in shared:
                constants.append((var, value))
            elif key in own:
                other[var] = own[key]
            else:
                own[key] = var
        inputs = [own.get(id(x)) or Var(aval_of(x)) for x in self.shared]
        inputs = [*[var for var, _ in constants], *inputs, *jaxpr.inputs[count:]]
        captured = len(constants) + len(self.shared)
        equations, outputs = jaxpr.equations, jaxpr.outputs
        if other:
            equations = [
                Equation(eqn.primitive, _renamed(eqn.inputs, other), eqn.outputs, eqn.source_info)
                for eqn in equations
            ]
            outputs = _renamed(outputs, other)
        made = Jaxpr(inputs, equations, outputs, captured, jaxpr.name)
        return made, [value for _, value in constants]

    def trace(self, make: Traces) -> Any:
        """What ``make`` made, with `shared` and `again` found out; None where they cannot be."""
        captures, made = self._once(make)
        first = _tracers(captures)
        if not self.met or not first:
            return made
        # What is computed of traced values outside of the programs is another tracer each time.
        captures, _ = self._once(make)
        self.shared = second = _tracers(captures)
        captures, made = self._once(make)
        anew = _without(second, first)
        third = _without(_tracers(captures), second)
        if [x.aval for x in anew] != [x.aval for x in third]:
            return None
        self.again = {id(x): id(y) for x, y in zip(third, anew, strict=True)}
        self._held = third
        return made

    def _once(self, make: Traces) -> tuple[Sequence[Sequence[Any]], Any]:
        with staging_of(self):
            return make()


def _renamed(atoms: Sequence[Atom], names: dict[Var, Var]) -> list[Atom]:
    return [names.get(a, a) if isinstance(a, Var) else a for a in atoms]


def _tracers(captures: Sequence[Sequence[Any]]) -> list[Tracer]:
    """The tracers among what programs captured, each once."""
    found = {id(x): x for values in captures for x in values if isinstance(x, Tracer)}
    return list(found.values())


def _without(tracers: Sequence[Tracer], others: Sequence[Tracer]) -> list[Tracer]:
    known = {id(x) for x in others}
    return [x for x in tracers if id(x) not in known]


def _alike(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    try:
        return bool(a == b)
    except Exception:
        return False


_STAGING: ContextVar[tuple[tuple[Knot, ...], bool]] = ContextVar(
    "funcgrad_staging", default=((), False)
)
"""The rules that are being traced: a forward pass may well call its own function. And whether it is
a function itself that is traced now, whose program is hardly ever differentiated."""


@contextmanager
def staging_of(knot: Knot) -> Generator[None, None, None]:
    """Traces a rule."""
    outer = _STAGING.get()
    try:
        _STAGING.set(((*outer[0], knot), False))
        yield
    finally:
        _STAGING.set(outer)


def attempt_rule(rule: Any, tracing: Tracing, make: Traces) -> tuple[Knot | None, Any]:
    """Trace a rule, if it is to be traced now.

    Args:
        rule: The rule.
        tracing: How it is traced.
        make: Traces the rule; gives what its programs captured, and whatever is made of them.

    Returns:
        The knot of the call, and what ``make`` made; None for that where the call is that of
        another knot, which is given; None for both where the rule is traced when it is asked for.
        That is within the function itself and within its rule, unless it closes over what will be
        gone by then, in calls without end, and where it raises: a rule that cannot be traced
        matters to those alone who differentiate, and they get the error.
    """
    knots, plain = _STAGING.get()
    if not plain:
        for knot in reversed(knots):
            if knot.ties(rule, tracing):
                knot.met = True
                return knot, None
    functions = [knot.function for knot in knots]
    later = plain or any(f is rule.function for f in functions)
    if _is_family(rule.function, functions) or (later and not rule.closed_over):
        return None, None
    knot = Knot(rule.function, rule, tracing)
    try:
        made = knot.trace(make)
    except Exception:
        return None, None
    return (None, None) if made is None else (knot, made)


def trace_function(rule: Any, tracing: Tracing) -> tuple[Jaxpr, list[Any]]:
    """Trace the function itself."""
    staging = knots, plain = _STAGING.get()
    # Within its own rule it is called with tangents, and transposed (`with_bodies`).
    inside = not plain and returns_to(rule.function, [knot.function for knot in knots])
    try:
        _STAGING.set((knots, not inside))
        found = trace_part(lambda *xs: rule.primal(tracing.full(xs)), tracing.inputs, rule)
        rule.captured(found[1])
        return found
    finally:
        _STAGING.set(staging)


class Staged(NamedTuple):
    """A function with a rule as the parts of an equation.

    Attributes:
        program: The function, of what it captured and its operands.
        lazy: The rule's programs, once they are asked for.
        captured: What the program captured: the first operands.
        constants: How many of these are constants of the program alone.
        count: How many of these the rule's programs take too.
    """

    program: Jaxpr
    lazy: Lazily
    captured: list[Any]
    constants: int
    count: int


def stage_rule(
    rule: Any,
    tracing: Tracing,
    trace_parts: Callable[[Any, Sequence[Aval]], tuple[list[Any], Any]],
    bundle: Callable[..., Any],
) -> Staged:
    """Trace a function, and its rule now or when it is asked for.

    Args:
        rule: The rule, on flat operands.
        tracing: How it is traced.
        trace_parts: From the function's result and the types of its leaves to the programs of the
            rule with what they captured, and what they give.
        bundle: Makes of the programs with their constants, and of what they give, the rule's.
    """
    primal = trace_function(rule, tracing)
    result, out_avals = rule.result, primal[0].out_avals

    def attempt() -> Any:
        made = trace_parts(result, out_avals)
        return [captured for _, captured in made[0]], made

    knot, made = attempt_rule(rule, tracing, attempt)
    program, captured = primal[0], list(primal[1])
    constants = 0
    if knot is None:
        kinds = [aval_of(x) for x in captured]

        def ask() -> Any:
            programs, given = trace_parts(result, out_avals)
            return bundle(*[late(jaxpr, held, kinds, rule) for jaxpr, held in programs], given)

        lazy = trace_later(rule, ask)
    elif knot.met:
        # What the function itself captured are constants of its program.
        constants, lazy = len(captured), knot.lazy
        program = with_inputs(program, constants, [x.aval for x in knot.shared])
        captured += knot.shared
        if made is not None:
            programs, given = made
            knot.made = bundle(*[knot.program(*part) for part in programs], given)
    else:
        programs, given = made
        (program, *shared), captured = share_programs(
            [primal[0], *[part[0] for part in programs]],
            [primal[1], *[part[1] for part in programs]],
        )
        eager = bundle(*[(part, []) for part in shared], given)
        lazy = Lazily(lambda: eager)
    rule.result = result
    return Staged(program, lazy, captured, constants, len(captured) - constants)
