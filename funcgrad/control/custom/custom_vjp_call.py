"""`CustomVjp`, a function with a reverse-mode rule as an equation of a program.

The function, its forward pass and its backward pass are programs. What they close over, tracers of
older frames included, is an operand. Compilers see a call of the function's program; a derivative
is a call of the other two, which are differentiated and batched like any program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ...core.ir import Aval, Jaxpr
from ...core.primitive import primitive
from ...core.record import trace
from ...core.source_info import SourceInfo, name_of, place_of
from ...core.trace import Tracer, apply, aval_of
from ...errors import MissingRuleError
from ...ops.linear import Sum
from ...transforms.vmap import repeat
from ..program.call import Call
from ..program.derive import (
    Pullback,
    batch_avals,
    cache,
    derive,
    inexact_cotangents,
    residual_types,
    vmap_program,
)
from .arguments import Result
from .batching import batch_run
from .closures import closure_error, refuse
from .recursion import stage_rule
from .tracing import Lazily, Tracing, agreeing, trace_part

__all__ = ["CustomVjp", "Programs", "forward_mode", "stage"]


class Programs:
    """The two passes of a rule.

    Attributes:
        forward: Of constants, captured values and operands, to results and residuals.
        backward: Of constants, captured values, residuals and the cotangents of inexact results,
            to the cotangents of operands.
        forward_constants: The values of its first inputs.
        backward_constants: The values of its first inputs.
        given: For which operands there are cotangents.
    """

    __slots__ = ("backward", "backward_constants", "forward", "forward_constants", "given")

    def __init__(
        self,
        forward: tuple[Jaxpr, list[Any]],
        backward: tuple[Jaxpr, list[Any]],
        given: Sequence[bool],
    ) -> None:
        self.forward, self.forward_constants = forward
        self.backward, self.backward_constants = backward
        self.given = list(given)

    def with_forward(self, f: Callable[[Jaxpr], Jaxpr]) -> Programs:
        """The same with ``f`` of the forward pass."""
        forward = f(self.forward), self.forward_constants
        return Programs(forward, (self.backward, self.backward_constants), self.given)


def forward_mode(what: str, f: Callable[..., Any]) -> MissingRuleError:
    """The error for forward mode through a rule that is for reverse mode alone."""
    return MissingRuleError(
        f"{what}: forward mode (jvp, jacfwd, hessian, hvp) reached {place_of(f)}, whose "
        "rule is for reverse mode alone",
        "Give it a custom_jvp instead, which serves both modes; or use grad, vjp and jacrev.",
    )


@primitive
class CustomVjp(Call):
    """``jaxpr`` at the operands, whose derivative is that of ``rule``.

    Operands: constants of ``jaxpr``, what the function and its rule close over, the operands.
    """

    rule: Lazily
    trim = None  # type: ignore[assignment]  # the rule has the operands of the function
    function: Callable[..., Any]
    what: str
    constants: int
    captured: int
    mentions = ("function",)

    def __str__(self) -> str:
        return f"{self.what} {name_of(self.function)}"

    @property
    def masks(self) -> bool:  # type: ignore[override]
        return False

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and the residuals for `backward`."""
        if not any(aval.inexact for aval in self.jaxpr.out_avals):
            # Nothing comes back through it: there is no cotangent that its rule could be given.
            return apply(self, values, source_info), []
        programs: Programs = self.rule.get()
        args = [*programs.forward_constants, *values[self.constants :]]
        found = apply(Call(programs.forward), args, source_info)
        count = len(self.jaxpr.outputs)
        return tuple(found[:count]), list(found[count:])

    def backward(
        self,
        ct: Sequence[Any],
        out: Sequence[Any],
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Sequence[Any],
    ) -> list[Any]:
        """The cotangents of the wanted operands, None for the others and for zeros."""
        programs: Programs = self.rule.get()
        start = self.constants
        stop = start + self.captured
        asked = tuple(wanted[stop:])
        pullback = Pullback(programs.backward, [], programs.given)
        program, given = derive(
            programs.backward, ("wanted", asked), lambda: pullback.restrict(asked)
        )
        cts = inexact_cotangents(ct, self.jaxpr.out_avals)
        args = [*programs.backward_constants, *operands[start:stop], *residuals, *cts]
        found = iter(apply(Call(program), args, None))
        pulled: list[Any] = [None] * len(operands)
        for i in range(stop):
            if wanted[i]:
                name = place_of(self.function)
                error = closure_error(self.what, name, aval_of(operands[i]))
                pulled[i] = refuse(error, operands[i], cts[0])
        pulled[stop:] = [next(found) if some else None for some in given]
        return pulled

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> NoReturn:
        """Raises: there is no rule for forward mode."""
        raise forward_mode(self.what, self.function)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        flags = tuple(batched)
        program, constants, rule = cache(
            self, ("vmap", size, flags), lambda: self._map_rule(size, flags)
        )
        count = len(constants) + self.constants
        call = CustomVjp(program, rule, self.function, self.what, count, self.captured)
        return apply(call, [*constants, *operands], None)

    def _map_rule(self, size: int, flags: tuple[bool, ...]) -> tuple[Jaxpr, list[Any], Lazily]:
        program, constants = vmap_program(self.jaxpr, size, flags)
        start = self.constants
        captured, own = flags[start : start + self.captured], flags[start + self.captured :]
        count = len(self.jaxpr.outputs)
        return (
            program,
            constants,
            Lazily(lambda: map_programs(self.rule.get(), size, captured, own, count)),
        )


def map_programs(
    programs: Programs, size: int, captured: Sequence[bool], own: Sequence[bool], count: int
) -> Programs:
    """The passes for a batch.

    Args:
        programs: Those of one element.
        size: The length of the batch.
        captured: Which captured values are batched.
        own: Which operands are.
        count: How many results there are.
    """
    kept: list[bool] = []
    first, second = programs.forward_constants, programs.backward_constants
    flags = [*[False] * len(first), *captured, *own]

    def forward(*args: Any) -> list[Any]:
        found, out = batch_run(programs.forward, size, [*first, *args], flags)
        kept[:] = out[count:]
        results = [v if b else repeat(v, size) for v, b in zip(found[:count], out, strict=False)]
        return [*results, *found[count:]]

    avals = batch_avals(programs.forward, size, flags, ())[len(first) :]
    name = f"vmap of {programs.forward.name}"
    forward_program = trace(forward, avals, name=name)
    rest = len(programs.backward.inputs) - len(second) - len(captured) - len(kept)
    back_flags = [*[False] * len(second), *captured, *kept, *[True] * rest]

    def backward(*args: Any) -> list[Any]:
        found, out = batch_run(programs.backward, size, [*second, *args], back_flags)
        whole = [v if b else repeat(v, size) for v, b in zip(found, out, strict=True)]
        batched = [b for b, g in zip(own, programs.given, strict=True) if g]
        return [c if b else Sum((0,))(c) for c, b in zip(whole, batched, strict=True)]

    before = len(second) + len(captured)
    step_residuals = residual_types(forward_program[0].out_avals[count:])
    kinds = [*[None] * before, *step_residuals, *[None] * rest]
    avals = batch_avals(programs.backward, size, back_flags, kinds)[len(second) :]
    name = f"vmap of {programs.backward.name}"
    return Programs(forward_program, trace(backward, avals, name=name), programs.given)


def stage(
    rule: Any, values: Sequence[Any], avals: Sequence[Aval | None]
) -> tuple[CustomVjp, list[Any]]:
    """A rule as an equation.

    Args:
        rule: The rule, on flat operands.
        values: The operands.
        avals: Their types where they are inputs of the program, None where they are constants.

    Returns:
        The primitive, and what the function and its rule close over: its first operands.
    """
    tracing = Tracing(values, avals)

    def passes(result: Result, out_avals: Sequence[Aval]) -> Any:
        forward, backward, given = trace_passes(rule, tracing, result, out_avals)
        return [forward, backward], given

    staged = stage_rule(rule, tracing, passes, Programs)
    call = CustomVjp(
        staged.program, staged.lazy, rule.function, rule.what, staged.constants, staged.count
    )
    return call, rule.below(staged.captured)


def trace_passes(
    rule: Any, tracing: Tracing, result: Result, out_avals: Sequence[Aval]
) -> tuple[tuple[Jaxpr, list[Any]], tuple[Jaxpr, list[Any]], list[bool]]:
    """The forward and the backward program, with what they captured, and the cotangents given."""
    context: Any = None
    leaves: list[Any] = []
    saved: list[int] = []
    given: list[bool] = []

    def forward(*xs: Any) -> list[Any]:
        nonlocal context, leaves, saved
        found, leaves, context = rule.forward(tracing.full(xs), True)
        found = agreeing(found, rule, result, out_avals)
        saved = [i for i, x in enumerate(leaves) if isinstance(x, Tracer)]
        return [*found, *[leaves[i] for i in saved]]

    def backward(*args: Any) -> list[Any]:
        each = iter(args)
        held = list(leaves)
        for i in saved:
            held[i] = next(each)
        cts = [next(each) if aval.inexact else None for aval in out_avals]
        found = tracing.own(rule.backward(context, held, cts))
        given[:] = [c is not None for c in found]
        return [c for c in found if c is not None]

    forward_program = trace_part(forward, tracing.inputs, rule)
    avals = forward_program[0].out_avals[len(out_avals) :]
    avals = [*avals, *[aval.strong() for aval in out_avals if aval.inexact]]
    backward_program = trace_part(backward, avals, rule)
    return forward_program, backward_program, given
