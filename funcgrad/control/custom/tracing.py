"""Functions with rules of their own as programs: how they are traced, and when.

A rule is traced together with its function, so that what it closes over, tracers of older frames
included, becomes an operand of the equation that stands for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.ir import Aval, Jaxpr, Var
from ...core.primitive import Primitive
from ...core.record import trace
from ...core.source_info import name_of, place_of
from ...core.trace import Tracer, aval_of
from ...errors import LeakedTracerError, StructureError
from ..program.trace_body import join, to_aval, unlike
from .arguments import Result
from .closures import closure_error, leak_error

__all__ = [
    "Lazily",
    "Tracing",
    "agreeing",
    "late",
    "trace_later",
    "trace_part",
    "with_inputs",
    "with_programs",
]


class Lazily:
    """Something that is made when it is first asked for; compared by identity."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make: Callable[[], Any] | None = make
        self._made: Any = None

    def get(self) -> Any:
        """It."""
        make = self._make  # which another thread may take away
        if make is not None:
            self._made = make()
            self._make = None
        return self._made

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.get(),)

    def then(self, f: Callable[[Any], Any]) -> Lazily:
        """What ``f`` makes of it, when that is asked for."""
        return Lazily(lambda: f(self.get()))


def _made(value: Any) -> Lazily:
    return Lazily(lambda: value)


def with_programs(value: Any, f: Callable[[Jaxpr], Jaxpr]) -> Any:
    """A primitive, or a field of one, with ``f`` of each program that it holds."""
    if isinstance(value, Jaxpr):
        return f(value)
    if isinstance(value, tuple):
        return tuple([with_programs(x, f) for x in value])
    if isinstance(value, Lazily):
        return value.then(lambda made: made.with_forward(f))
    if isinstance(value, Primitive):
        return type(value)(*[with_programs(x, f) for x in value.parameters()])
    return value


class Tracing:
    """How a rule is traced: which operands are inputs of its programs, and the others' values."""

    __slots__ = ("avals", "values")

    def __init__(self, values: Sequence[Any], avals: Sequence[Aval | None]) -> None:
        # Arrays that are passed beside traced values are constants, as they are now.
        self.values = [
            None if aval is not None else np.array(x) if isinstance(x, np.ndarray) else x
            for x, aval in zip(values, avals, strict=True)
        ]
        self.avals = list(avals)

    @property
    def inputs(self) -> list[Aval]:
        return [aval for aval in self.avals if aval is not None]

    def full(self, inputs: Sequence[Any]) -> list[Any]:
        """All operands."""
        each = iter(inputs)
        return [
            x if aval is None else next(each)
            for x, aval in zip(self.values, self.avals, strict=True)
        ]

    def own(self, entries: Sequence[Any]) -> list[Any]:
        """Of one entry an operand, those of the inputs."""
        return [e for e, aval in zip(entries, self.avals, strict=True) if aval is not None]


def trace_part(
    f: Callable[..., Sequence[Any]], avals: Sequence[Aval], rule: Any
) -> tuple[Jaxpr, list[Any]]:
    """Trace a part of a rule."""
    return trace(f, avals, name=name_of(rule.function), what=rule.what)


def trace_later(rule: Any, make: Callable[[], Any]) -> Lazily:
    """What ``make`` gives, which traces ``rule``, when it is asked for.

    Raises:
        MissingRuleError: When it is asked for, where it closes over tracers that are no more.
    """

    def ask() -> Any:
        try:
            return make()
        except LeakedTracerError as error:
            raise leak_error(rule.what, place_of(rule.function)) from error

    return Lazily(ask)


def agreeing(
    found: Sequence[Any], rule: Any, result: Result, out_avals: Sequence[Aval]
) -> list[Any]:
    """The results of the forward pass, in the types of the function's own.

    Raises:
        StructureError, ShapeError, DtypeError: Where they differ.
    """
    other = rule.result
    pair, part = ("tangent", "rule") if rule.what == "custom_jvp" else ("residuals", "forward pass")
    whose = f"{rule.what}: the {part} of {place_of(rule.function)}"
    fix = f"Return the function's result, and with it the {pair}: (out, {pair})."
    if other.treedef != result.treedef or other.numbers != result.numbers:
        raise StructureError(
            f"{whose} returns {other.treedef} and the function {result.treedef}",
            fix,
        )
    converted: list[Any] = []
    for i, (x, aval) in enumerate(zip(found, out_avals, strict=True)):
        given = aval_of(x)
        if given.strong() != aval.strong() and join(given, aval) != aval:
            raise unlike(
                given,
                aval,
                f"{whose} returns {given} for {result.label(i)}, and the function {aval}",
                fix,
            )
        converted.append(to_aval(x, aval))
    return converted


def late(
    jaxpr: Jaxpr, values: Sequence[Any], captured: Sequence[Aval], rule: Any
) -> tuple[Jaxpr, list[Any]]:
    """A program that was traced when it was asked for, and its constants.

    Args:
        jaxpr: The program.
        values: What it captured: constants.
        captured: The types of what the function itself captured, which become inputs after the
            constants; the program does not read them.
        rule: The rule.

    Raises:
        MissingRuleError: Where it captured tracers: they can be operands no more.
    """
    for x in values:
        if isinstance(x, Tracer):
            raise closure_error(rule.what, place_of(rule.function), x.aval)
    return with_inputs(jaxpr, len(values), captured), list(values)


def with_inputs(jaxpr: Jaxpr, count: int, avals: Sequence[Aval]) -> Jaxpr:
    """The program with further inputs, which it does not read, after the first ``count``."""
    more = [Var(aval) for aval in avals]
    inputs = [*jaxpr.inputs[:count], *more, *jaxpr.inputs[count:]]
    return Jaxpr(inputs, jaxpr.equations, jaxpr.outputs, count + len(more), jaxpr.name)
