"""`CustomJvp`, a function with a forward-mode rule as an equation of a program.

The function and its rule are programs; what they close over is an operand. Reverse mode is that of
the rule in its tangents, where they are zero: the rule is linear in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.ir import Aval, Equation, Jaxpr
from ...core.primitive import primitive
from ...core.record import run, trace
from ...core.source_info import SourceInfo, name_of, place_of
from ...core.trace import apply, aval_of
from ...errors import StructureError
from ...ops.convert import convert
from ...ops.linear import zeros
from ...transforms.vjp import vjp
from ...transforms.vmap import repeat
from ..program.call import Call
from ..program.dependence import depends, mark
from ..program.derive import batch_avals, cache, vmap_program
from .arguments import Result
from .batching import batch_run
from .closures import closure_error, refuse
from .recursion import Functions, returns_to, stage_rule
from .tracing import (
    Lazily,
    Tracing,
    agreeing,
    trace_part,
    with_programs,
)

__all__ = ["CustomJvp", "PushProgram", "check_independent", "stage", "with_bodies"]


class PushProgram:
    """A rule.

    Attributes:
        program: Of constants, captured values, operands and tangents of the operands that have
            them, to results and tangents.
        constants: The values of its first inputs.
        given: For which results there are tangents.
        above: The functions whose rules are being transposed where this one is, see `transposable`.
    """

    __slots__ = ("_transposable", "above", "constants", "given", "program")

    def __init__(
        self,
        program: tuple[Jaxpr, list[Any]],
        given: Sequence[bool],
        above: Functions = (),
    ) -> None:
        self.program, self.constants = program
        self.given = list(given)
        self.above = above
        self._transposable: Jaxpr | None = None

    def with_forward(self, f: Callable[[Jaxpr], Jaxpr]) -> PushProgram:
        """The same with ``f`` of the program."""
        return PushProgram((f(self.program), self.constants), self.given, self.above)

    def within(self, above: Functions) -> PushProgram:
        """The same within the rules of other functions."""
        more = [f for f in above if all(f is not other for other in self.above)]
        return PushProgram((self.program, self.constants), self.given, (*more, *self.above))

    def transposable(self, function: Callable[..., Any], tangents: int) -> Jaxpr:
        """The program for reverse mode in its last inputs, the ``tangents``; see `with_bodies`."""
        if self._transposable is None:
            rest = len(self.program.inputs) - tangents
            on = [*[False] * rest, *[True] * tangents]
            self._transposable = with_bodies(self.program, on, (*self.above, function))
        return self._transposable

    def part_results(self, found: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Results and tangents, None for zeros, from the program's results."""
        count = len(self.given)
        rest = iter(found[count:])
        return list(found[:count]), [next(rest) if some else None for some in self.given]


@primitive
class CustomJvp(Call):
    """``jaxpr`` at the operands, whose derivative is that of ``rule``.

    Operands: constants of ``jaxpr``, what the function and its rule close over, the operands, of
    which those in ``moving`` have tangents.
    """

    rule: Lazily
    trim = None  # type: ignore[assignment]  # the rule has the operands of the function
    function: Callable[..., Any]
    constants: int
    captured: int
    moving: tuple[bool, ...]
    mentions = ("function",)

    def __str__(self) -> str:
        return f"custom_jvp {name_of(self.function)}"

    @property
    def masks(self) -> bool:  # type: ignore[override]
        return False

    def _closed_over(self, x: Any) -> Any:
        return closure_error("custom_jvp", place_of(self.function), aval_of(x))

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and as residuals the tape of the rule in its tangents."""
        rule: PushProgram = self.rule.get()
        start = self.constants + self.captured
        program = rule.transposable(self.function, sum(self.moving))

        def tangent_map(*ts: Any) -> list[Any]:
            args = [*rule.constants, *values[self.constants :], *ts]
            results, pushed = rule.part_results(run(program, args))
            return [*results, *pushed]

        own = zip(values[start:], self.moving, strict=True)
        at_zero = [zeros(aval_of(x).strong()) for x, on in own if on]
        with np.errstate(all="ignore"):  # the rule is linear: its tangents at 0 are of no interest
            found, tape = vjp(tangent_map, at_zero)
        return tuple(found[: len(rule.given)]), tape

    def backward(
        self,
        ct: Sequence[Any],
        out: Sequence[Any],
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Any,
    ) -> list[Any]:
        """The cotangents of the operands, None for zeros."""
        start = self.constants + self.captured
        some = next(c for c in ct if c is not None)
        pulled: list[Any] = [
            refuse(self._closed_over(operands[i]), operands[i], some) if wanted[i] else None
            for i in range(start)
        ]
        found = iter(residuals.pullback([*[None] * len(ct), *ct], masked=masked))
        return [*pulled, *[next(found) if on else None for on in self.moving]]

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        start = self.constants + self.captured
        for x, t in zip(values[:start], tangents, strict=False):
            if t is not None:
                raise self._closed_over(x)
        rule: PushProgram = self.rule.get()
        own = zip(values[start:], tangents[start:], self.moving, strict=True)
        ts = [
            zeros(aval_of(x).strong()) if t is None else convert(t, aval_of(x).dtype)
            for x, t, on in own
            if on
        ]
        args = [*rule.constants, *values[self.constants :], *ts]
        results, pushed = rule.part_results(apply(Call(rule.program), args, source_info))
        return tuple(results), pushed

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        flags = tuple(batched)
        program, constants, rule = cache(
            self, ("vmap", size, flags), lambda: self._map_rule(size, flags)
        )
        count = len(constants) + self.constants
        call = CustomJvp(program, rule, self.function, count, self.captured, self.moving)
        return apply(call, [*constants, *operands], None)

    def _map_rule(self, size: int, flags: tuple[bool, ...]) -> tuple[Jaxpr, list[Any], Lazily]:
        program, constants = vmap_program(self.jaxpr, size, flags)
        own = flags[self.constants + self.captured :]
        moved = [b for b, on in zip(own, self.moving, strict=True) if on]
        rest = [*flags[self.constants :], *moved]
        return program, constants, Lazily(lambda: map_rule(self.rule.get(), size, rest))


def map_rule(rule: PushProgram, size: int, batched: Sequence[bool]) -> PushProgram:
    """The rule for a batch; ``batched`` says which inputs are, without the constants."""
    constants = rule.constants
    flags = [*[False] * len(constants), *batched]

    def push(*args: Any) -> list[Any]:
        found, out = batch_run(rule.program, size, [*constants, *args], flags)
        return [v if b else repeat(v, size) for v, b in zip(found, out, strict=True)]

    avals = batch_avals(rule.program, size, flags, ())[len(constants) :]
    program = trace(push, avals, name=f"vmap of {rule.program.name}")
    return PushProgram(program, rule.given, rule.above)


def with_bodies(jaxpr: Jaxpr, on: Sequence[bool], functions: Functions) -> Jaxpr:
    """A rule's program for its transpose: functions that it applies to tangents by their bodies.

    A linear function's rule applies the function itself to the tangent. It says what the tangent
    is, and nothing about the transpose: reverse mode by the rule would ask for reverse mode by the
    rule. So a function is transposed through its body within its own rule, and within the rules
    that this one calls.

    Args:
        jaxpr: The program.
        on: Which inputs are tangents, or depend on them.
        functions: Those whose rules are being transposed.
    """
    found = {v for v, marked in zip(jaxpr.inputs, on, strict=True) if marked}
    equations: list[Equation] = []
    for eqn in jaxpr.equations:
        flags = mark(eqn, found)
        made = _with_bodies(eqn.primitive, flags, functions) if any(flags) else eqn.primitive
        if made is not eqn.primitive:
            eqn = Equation(made, eqn.inputs, eqn.outputs, eqn.source_info)
        equations.append(eqn)
    if all(old is new for old, new in zip(jaxpr.equations, equations, strict=True)):
        return jaxpr
    return Jaxpr(jaxpr.inputs, equations, jaxpr.outputs, jaxpr.captured, jaxpr.name)


def _with_bodies(primitive: Any, flags: list[bool], functions: Functions) -> Any:
    if isinstance(primitive, CustomJvp):
        if returns_to(primitive.function, functions):
            return Call(with_bodies(primitive.jaxpr, flags, functions))
        jaxpr, rule, *rest = primitive.parameters()
        return CustomJvp(jaxpr, rule.then(lambda made: made.within(functions)), *rest)
    programs = dict(primitive.body_flags(flags))
    made = {p: with_bodies(p, inputs, functions) for p, inputs in programs.items()}
    if all(old is new for old, new in made.items()):
        return primitive
    return with_programs(primitive, lambda p: made.get(p, p))


def stage(
    rule: Any, values: Sequence[Any], avals: Sequence[Aval | None]
) -> tuple[CustomJvp, list[Any]]:
    """A rule as an equation.

    Args:
        rule: The rule, on flat operands.
        values: The operands.
        avals: Their types where they are inputs of the program, None where they are constants.

    Returns:
        The primitive, and what the function and its rule close over: its first operands.
    """
    tracing = Tracing(values, avals)
    moving = tracing.own([not exact for exact in rule.exact])

    def push(result: Result, out_avals: Sequence[Aval]) -> Any:
        pushed, given = trace_push(rule, tracing, moving, result, out_avals)
        return [pushed], given

    staged = stage_rule(rule, tracing, push, PushProgram)
    call = CustomJvp(
        staged.program, staged.lazy, rule.function, staged.constants, staged.count, tuple(moving)
    )
    return call, rule.below(staged.captured)


def trace_push(
    rule: Any,
    tracing: Tracing,
    moving: Sequence[bool],
    result: Result,
    out_avals: Sequence[Aval],
) -> tuple[tuple[Jaxpr, list[Any]], list[bool]]:
    """The program of a rule, with what it captured, and which tangents it gives."""
    given: list[bool] = []
    inputs = tracing.inputs
    count = len(inputs)

    def push(*args: Any) -> list[Any]:
        each = iter(args[count:])
        own = iter([next(each) if on else None for on in moving])
        tangents = [None if aval is None else next(own) for aval in tracing.avals]
        found, pushed = rule.push(tracing.full(args[:count]), tangents)
        given[:] = [t is not None for t in pushed]
        found = agreeing(found, rule, result, out_avals)
        return [*found, *[t for t in pushed if t is not None]]

    avals = [aval.strong() for aval, on in zip(inputs, moving, strict=True) if on]
    program, captured = trace_part(push, [*inputs, *avals], rule)
    check_independent(program, len(avals), len(given), rule)
    return (program, captured), given


def check_independent(program: Jaxpr, tangents: int, results: int, rule: Any) -> None:
    """Raise where one of the first results depends on the last inputs, the tangents."""
    rest = len(program.inputs) - tangents
    if any(depends(program, [*[False] * rest, *[True] * tangents])[:results]):
        raise StructureError(
            f"{rule.what}: in the rule of {place_of(rule.function)} the result depends on the "
            "tangents",
            "Return (out, tangent): out is the function's result.",
        )
