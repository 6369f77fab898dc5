"""`While`, a loop of unknown length, with derivatives in both modes, and `BatchedWhile`.

The body may give values beside the carry; these make step residuals (`StepResiduals`), one entry a
step. The forward pass of reverse mode is a loop whose body also gives what the backward pass reads,
and the backward pass is a `Scan` over those step residuals. `BatchedWhile` is the loop for a batch
whose elements take different numbers of steps: finished elements are frozen, and fed the operands
of a running element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.backend import compile_once, own_results
from ...core.ir import Aval, Equation, Jaxpr
from ...core.primitive import Primitive, primitive
from ...core.record import run, trace
from ...core.residuals import StepResiduals, StepResidualsAval
from ...core.source_info import SourceInfo
from ...core.trace import apply
from ...transforms.vmap import repeat, unmapped
from ..callbacks.host import call_for_elements
from ..program.collectives import refuse_collectives
from ..program.dependence import carry_flags, depends
from ..program.derive import cache, map_program, residual_types, step_residual_types, vmap_program
from ..program.structured import Interpreter
from ..program.trim import (
    Liveness,
    keep_read_results,
    read_carry,
    reads,
    where_kept,
    with_inputs,
    without_carry,
)
from .batched_loop import BatchedLoop
from .batching import align_mask, batch_result_avals, feed, shared_totals
from .loop_body import BackwardBody, LoopBody, carried_tangents, regroup
from .scan import BatchedScan, Scan

__all__ = ["BatchedWhile", "While"]


@primitive
class While(Primitive):
    """``while condition(*c, *carry): carry, y = body(*b, *carry)``.

    Operands: ``(*c, *b, *carry)``; results: the last carry, and a step residual for each ``y``.
    """

    condition: Jaxpr
    body: Jaxpr
    condition_constants: int
    body_constants: int
    multiple = True
    passes_mask = True
    loops = True

    def __str__(self) -> str:
        return "while"

    @property
    def carried(self) -> int:
        return len(self.body.inputs) - self.body_constants

    @property
    def loop(self) -> LoopBody:
        """The body, from which others are made."""
        make = lambda: LoopBody(self.body, self.body_constants, self.carried, None)  # noqa: E731
        return cache(self, "loop", make)

    def split_operands(self, operands: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """The condition's constants, the body's, and the carry."""
        a, b = self.condition_constants, self.condition_constants + self.body_constants
        return list(operands[:a]), list(operands[a:b]), list(operands[b:])

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        given = self.body.out_avals
        step_residuals = [StepResidualsAval(aval.strong()) for aval in given[self.carried :]]
        return (*given[: self.carried], *step_residuals)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        c, b, carry = self.split_operands(operands)
        going, step = (
            compile_once(self.condition, owned=False),
            compile_once(self.body, owned=False),
        )
        kinds = self.body.out_avals[self.carried :]
        step_residuals: list[list[Any]] = [[] for _ in kinds]
        while going(*c, *carry)[0]:
            found = step(*b, *carry)
            carry = list(found[: self.carried])
            for step_residual, value in zip(step_residuals, found[self.carried :], strict=True):
                step_residual.append(value)
        steps = [
            StepResiduals(t, StepResidualsAval(a.strong()))
            for t, a in zip(step_residuals, kinds, strict=True)
        ]
        return (*own_results(carry, operands), *steps)

    def with_residuals(self) -> tuple[While, list[Any]]:
        """The loop that also gives what its backward pass reads, and what its body captured."""
        return cache(self, "residuals", self._with_residuals)

    def _with_residuals(self) -> tuple[While, list[Any]]:
        forward, captured, _ = self.loop.forward()

        def counted(*args: Any) -> list[Any]:
            # The last step residual has nothing to say but how many steps there were.
            return [*run(forward, args), True]

        body, extra = trace(counted, forward.in_avals, name=forward.name)
        count = len(captured) + self.body_constants
        return While(self.condition, body, self.condition_constants, count), [*extra, *captured]

    def backward_body(
        self, ct: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> BackwardBody:
        """The backward body for the cotangents that there are."""
        there = tuple([c is not None for c in ct[self.carried :]])
        return self.loop.backward(wanted[self.condition_constants :], masked, there, counted=True)

    def with_tangents(
        self, active: tuple[bool, ...]
    ) -> tuple[While, list[Any], list[bool], list[bool]]:
        """The loop with tangents: the carry's beside it, those of step residuals behind them.

        Returns:
            The loop, what its body captured, which of the carry and which of the step residuals
            have tangents.
        """
        return cache(self, ("jvp", active), lambda: self._with_tangents(active))

    def _with_tangents(
        self, active: tuple[bool, ...]
    ) -> tuple[While, list[Any], list[bool], list[bool]]:
        body, captured, carry_on, ys_on = self.loop.with_tangents(
            active[self.condition_constants :]
        )
        primal = len(self.condition.inputs)
        carry_avals = self.condition.in_avals[self.condition_constants :]
        moving = [a.strong() for a, on in zip(carry_avals, carry_on, strict=True) if on]
        condition, extra = trace(
            lambda *args: run(self.condition, args[:primal]),
            [*self.condition.in_avals, *moving],
            name=self.condition.name,
        )
        assert not extra
        count = len(body.inputs) - len(carry_on) - len(moving)
        return (
            While(condition, body, self.condition_constants, count),
            captured,
            carry_on,
            ys_on,
        )

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and the step residuals for `backward`."""
        loop, captured = self.with_residuals()
        c, b, carry = self.split_operands(values)
        found = apply(loop, [*c, *captured, *b, *carry], source_info)
        count = len(self.body.outputs)
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
        plan = self.backward_body(ct, wanted, masked)
        _, b, _ = self.split_operands(operands)
        carry, sums = plan.start(self.loop, ct, b)
        step_residuals = [c for c in ct[self.carried :] if c is not None]
        scan = Scan(plan.body, len(plan.captured) + len(b), len(carry) + len(sums), None, True)
        args = [*plan.captured, *b, *carry, *sums, *residuals[:-1], *step_residuals, residuals[-1]]
        pulled = plan.finish(self.loop, apply(scan, args, None))
        return [*[None] * self.condition_constants, *pulled]

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        loop, captured, carry_on, ys_on = self.with_tangents(
            tuple([t is not None for t in tangents])
        )
        c, b, carry = self.split_operands(values)
        _, tb, th = self.split_operands(tangents)
        full = carried_tangents(carry, th, carry_on)
        args = [*c, *captured, *b, *[t for t in tb if t is not None], *carry, *full]
        return regroup(apply(loop, args, source_info), carry_on, ys_on)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        c, b, carry = self.split_operands(operands)
        cb, bb, hb = self.split_operands(batched)
        flags = (*bb, *hb)
        step_residuals = step_residual_types([*b, *carry])
        body, captured, carry_on, ys_on = self.loop.mapped(size, flags, step_residuals)
        condition, extra, (differs,) = map_program(self.condition, size, [*cb, *carry_on])
        if differs:
            refuse_collectives(
                [self.condition, self.body],
                "a while_loop that takes another number of steps for each element of the batch",
                "Make the condition the same for all elements, as in pmax(error, name) > tol.",
            )
            carry = [h if on else repeat(h, size) for h, on in zip(carry, hb, strict=True)]
            loop = BatchedWhile(self, size, (*cb, *bb))
            return apply(loop, [*c, *b, *carry], None)
        carry = [
            repeat(h, size) if on and not was else h
            for h, on, was in zip(carry, carry_on, hb, strict=True)
        ]
        loop = While(condition, body, len(extra) + len(c), len(captured) + len(b))
        found = apply(loop, [*extra, *c, *captured, *b, *carry], None)
        return tuple(
            [
                value if on else unmapped(value, size)
                for value, on in zip(found, [*carry_on, *ys_on], strict=True)
            ]
        )

    def interpret(self, operands: Sequence[Any], by: Interpreter) -> list[Any]:
        c, b, carry = self.split_operands(operands)
        steps: list[list[Any]] = [[] for _ in self.body.outputs[self.carried :]]
        while by.value(by.run(self.condition, [*c, *carry])[0]):
            found = by.run(self.body, [*b, *carry])
            carry = found[: self.carried]
            for step, value in zip(steps, found[self.carried :], strict=True):
                step.append(value)
        avals = self.aval()[self.carried :]
        return [*carry, *[by.collect(step, a) for step, a in zip(steps, avals, strict=True)]]

    def body_flags(self, flags: Sequence[bool]) -> list[tuple[Jaxpr, list[bool]]]:
        asked, held, carry = self.split_operands(flags)
        carry = carry_flags(self.body, held, carry, [])
        return [(self.body, [*held, *carry]), (self.condition, [*asked, *carry])]

    def depends(self, flags: Sequence[bool], count: int) -> list[bool]:
        (body, inputs), (condition, asked) = self.body_flags(flags)
        if any(depends(condition, asked)):
            return [True] * count
        return [*inputs[self.body_constants :], *depends(body, inputs)[self.carried :]]

    def trim(self, eqn: Equation, program: Liveness) -> Equation | None:
        found = self.trim_with_flags(eqn, program)
        return None if found is None else found[0]

    def trim_with_flags(
        self, eqn: Equation, program: Liveness
    ) -> tuple[Equation, list[bool]] | None:
        """The trimmed equation of this loop, and which of the constants that it had are left."""
        body, condition = program.simplify(self.body), program.simplify(self.condition)
        if body is None or condition is None:
            return None
        asked, held = self.condition_constants, self.body_constants
        body, results = keep_read_results(body, eqn.outputs, self.carried, program)
        carry = read_carry(body, results, held, reads(condition)[asked:], program)
        body = without_carry(body, held, carry)
        body = program.simplify(body) or body
        results = [*where_kept(carry, results), *results[self.carried :]]
        in_condition, in_body = reads(condition)[:asked], reads(body)[:held]
        condition = with_inputs(condition, [*in_condition, *carry], sum(in_condition))
        body = with_inputs(body, [*in_body, *[True] * sum(carry)], sum(in_body))
        operands = where_kept([*in_condition, *in_body, *carry], eqn.inputs)
        trimmed = While(condition, body, sum(in_condition), sum(in_body))
        return Equation(trimmed, operands, results, eqn.source_info), [*in_condition, *in_body]


@primitive
class BatchedWhile(BatchedLoop):
    """`While` for ``size`` elements; the carry is batched, constants where ``batched`` says so."""

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        step_residuals = residual_types(avals)
        return batch_result_avals(
            self.map_body(step_residuals)[0].out_avals, self.loop.carried, self.size
        )

    def run(self, *operands: Any) -> tuple[Any, ...]:
        loop = self.loop
        c, b, carry = loop.split_operands(operands)
        _, bb, _ = loop.split_operands(self.batched)
        condition, held = self.map_condition()
        body, kept = self.map_body(step_residual_types(operands))
        going, step = compile_once(condition, owned=False), compile_once(body, owned=False)
        carried = loop.carried
        step_residuals: list[list[Any]] = [[] for _ in loop.body.out_avals[carried:]]
        masks: list[Any] = []
        running = np.ones(self.size, np.bool_)
        while True:
            args = [*held, *c, *carry]
            running = running & call_for_elements(running, condition, going, args)[0]
            if not running.any():
                break
            operands_fed = feed(running, [*b, *carry], [*bb, *[True] * carried])
            found = call_for_elements(running, body, step, [*kept, *operands_fed])
            carry = [
                np.where(align_mask(running, new), new, old)
                for new, old in zip(found[:carried], carry, strict=True)
            ]
            masks.append(running)
            for step_residual, value in zip(step_residuals, found[carried:], strict=True):
                step_residual.append(value)
        kinds = [StepResidualsAval(a.strong(), (self.size,)) for a in body.out_avals[carried:]]
        steps = [StepResiduals(t, a, masks) for t, a in zip(step_residuals, kinds, strict=True)]
        return (*own_results(carry, operands), *steps)

    def map_condition(self) -> tuple[Jaxpr, list[Any]]:
        """The condition for all elements, and what it captured."""
        loop = self.loop
        flags = [*loop.split_operands(self.batched)[0], *[True] * loop.carried]
        return cache(self, "condition", lambda: vmap_program(loop.condition, self.size, flags))

    def map_body(self, step_residuals: Sequence[Any]) -> tuple[Jaxpr, list[Any]]:
        """The body for all elements, and what it captured."""
        _, bb, _ = self.loop.split_operands(self.batched)
        flags = [*bb, *[True] * self.loop.carried]
        kinds = tuple(step_residuals[self.loop.condition_constants :])
        make = lambda: vmap_program(self.loop.body, self.size, flags, kinds)  # noqa: E731
        return cache(self, ("body", kinds), make)

    def _batch_loop(
        self, loop: While, captured: Sequence[Any], flags: Sequence[bool]
    ) -> BatchedWhile:
        """The elements of a loop derived from this one, whose body captured more constants."""
        cb, bb, _ = self.loop.split_operands(self.batched)
        return BatchedWhile(loop, self.size, (*cb, *[False] * len(captured), *bb, *flags))

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and the step residuals for `backward`."""
        loop, captured = self.loop.with_residuals()
        c, b, carry = self.loop.split_operands(values)
        found = apply(
            self._batch_loop(loop, captured, ()), [*c, *captured, *b, *carry], source_info
        )
        count = len(self.loop.body.outputs)
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
        loop = self.loop
        plan = loop.backward_body(ct, wanted, masked)
        _, b, _ = loop.split_operands(operands)
        _, bb, _ = loop.split_operands(self.batched)
        carry, sums = plan.start(loop.loop, ct, b, self.size)
        step_residuals = [c for c in ct[loop.carried :] if c is not None]
        scan = Scan(plan.body, len(plan.captured) + len(b), len(carry) + len(sums), None, True)
        batched = BatchedScan(scan, self.size, (*[False] * len(plan.captured), *bb))
        args = [*plan.captured, *b, *carry, *sums, *residuals[:-1], *step_residuals, residuals[-1]]
        pulled = plan.finish(loop.loop, apply(batched, args, None))
        summed = shared_totals(pulled, bb)
        return [*[None] * loop.condition_constants, *summed]

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        active = tuple([t is not None for t in tangents])
        loop, captured, carry_on, ys_on = self.loop.with_tangents(active)
        c, b, carry = self.loop.split_operands(values)
        _, tb, th = self.loop.split_operands(tangents)
        _, bb, _ = self.loop.split_operands(self.batched)
        full = carried_tangents(carry, th, carry_on)
        moved = [f for f, t in zip(bb, tb, strict=True) if t is not None]
        args = [*c, *captured, *b, *[t for t in tb if t is not None], *carry, *full]
        found = apply(self._batch_loop(loop, captured, moved), args, source_info)
        return regroup(found, carry_on, ys_on)
