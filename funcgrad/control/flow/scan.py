"""`Scan`, a program run once a step, carrying values on and stacking others, and its batched form.

Operands are constants, the carry, and what each step reads; results the last carry and what each
step gave. With ``length=None`` what steps read and give are step residuals (`StepResiduals`) in
place of stacked arrays: that is the backward pass of a `while` loop, of as many steps as the loop
took. Every rule is stated once for both: a scan's derivatives and batches are scans. `BatchedScan`
is the scan over step residuals whose steps not every element of a batch took, the backward pass of
`BatchedWhile`: an element that did not take a step keeps its carry, gives zeros, and is fed the
operands of an element that took it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.backend import compile_once, own_results
from ...core.ir import Aval, Equation, Jaxpr
from ...core.primitive import Primitive, primitive
from ...core.residuals import StepResiduals, StepResidualsAval, length_of
from ...core.source_info import SourceInfo
from ...core.trace import apply, aval_of
from ...ops.linear import move_axis
from ...transforms.vmap import repeat, unmapped
from ..callbacks.host import call_for_elements
from ..program.dependence import carry_flags, depends
from ..program.derive import StepResidualTypes, cache, vmap_program
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
from .batching import (
    align_mask,
    batch_result_avals,
    feed,
    only,
    shared_totals,
)
from .loop_body import LoopBody, carried_tangents, regroup

__all__ = ["BatchedScan", "Scan"]


def stack_aval(aval: Aval, length: int | None) -> Aval:
    """The type of one value a step, for all steps."""
    if length is None or isinstance(aval, StepResidualsAval):
        return StepResidualsAval(aval.strong())
    return aval.batch(length)


@primitive
class Scan(Primitive):
    """``for each step: carry, y = body(*constants, *carry, *x)``.

    Operands: ``(*constants, *carry, *xs)``; results: ``(*carry, *ys)``.
    """

    body: Jaxpr
    constants: int
    carried: int
    length: int | None
    reverse: bool
    multiple = True
    passes_mask = True
    loops = True

    def __str__(self) -> str:
        direction = ", reverse=True" if self.reverse else ""
        return f"scan[length={self.length}{direction}]"

    @property
    def loop(self) -> LoopBody:
        """The body, from which others are made."""
        make = lambda: LoopBody(self.body, self.constants, self.carried, self.length)  # noqa: E731
        return cache(self, "loop", make)

    def split_operands(self, operands: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """The constants, the carry, and what the steps read."""
        a, b = self.constants, self.constants + self.carried
        return list(operands[:a]), list(operands[a:b]), list(operands[b:])

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        given = self.body.out_avals
        ys = [stack_aval(aval, self.length) for aval in given[self.carried :]]
        return (*given[: self.carried], *ys)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        constants, carry, xs = self.split_operands(operands)
        step = compile_once(self.body, owned=False)
        count = self.length if self.length is not None else length_of(xs)
        avals = self.body.out_avals[self.carried :]
        in_steps = [self.length is None or isinstance(aval, StepResidualsAval) for aval in avals]
        ys: list[Any] = [
            [None] * count if step_residual else np.empty((count, *aval.shape), aval.dtype)
            for aval, step_residual in zip(avals, in_steps, strict=True)
        ]
        for t in reversed(range(count)) if self.reverse else range(count):
            found = step(*constants, *carry, *[x[t] for x in xs])
            carry = list(found[: self.carried])
            for y, value in zip(ys, found[self.carried :], strict=True):
                y[t] = value
        steps = [
            StepResiduals(y, StepResidualsAval(aval.strong())) if step_residual else y
            for y, aval, step_residual in zip(ys, avals, in_steps, strict=True)
        ]
        return (*own_results(carry, operands), *steps)

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and the residuals of all steps for `backward`."""
        body, captured, _ = self.loop.forward()
        constants, carry, xs = self.split_operands(values)
        scan = Scan(body, len(captured) + self.constants, self.carried, self.length, self.reverse)
        found = apply(scan, [*captured, *constants, *carry, *xs], source_info)
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
        carried = self.carried
        there = tuple([c is not None for c in ct[carried:]])
        plan = self.loop.backward(wanted, masked, there)
        constants, _, xs = self.split_operands(operands)
        carry, sums = plan.start(self.loop, ct, constants)
        args = [*plan.captured, *constants, *carry, *sums, *[xs[i] for i in plan.read]]
        args += [*residuals, *[c for c in ct[carried:] if c is not None]]
        count = len(plan.captured) + self.constants
        scan = Scan(plan.body, count, len(carry) + len(sums), self.length, not self.reverse)
        return plan.finish(self.loop, apply(scan, args, None))

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        active = tuple([t is not None for t in tangents])
        body, captured, carry_on, ys_on = self.loop.with_tangents(active)
        constants, carry, xs = self.split_operands(values)
        tc, th, tx = self.split_operands(tangents)
        full = carried_tangents(carry, th, carry_on)
        tcs, txs = [t for t in tc if t is not None], [t for t in tx if t is not None]
        args = [*captured, *constants, *tcs, *carry, *full, *xs, *txs]
        count = len(captured) + len(constants) + len(tcs)
        scan = Scan(body, count, len(carry) + len(full), self.length, self.reverse)
        return regroup(apply(scan, args, source_info), carry_on, ys_on)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        flags = tuple(batched)
        kinds = self.loop.entry_residual_types([aval_of(x) for x in operands])
        body, captured, carry_on, ys_on = self.loop.mapped(size, flags, kinds)
        constants, carry, xs = self.split_operands(operands)
        _, hb, xb = self.split_operands(batched)
        step_residuals = [aval_of(x) for x, b in zip(xs, xb, strict=True) if b]
        if any(
            isinstance(step_residual, StepResidualsAval) and step_residual.ragged
            for step_residual in step_residuals
        ):
            return self._vmap_ragged(size, batched, operands)
        carry = [
            repeat(h, size) if on and not b else h
            for h, on, b in zip(carry, carry_on, hb, strict=True)
        ]
        xs = [
            move_axis(x, 0, 1) if b and not isinstance(aval_of(x), StepResidualsAval) else x
            for x, b in zip(xs, xb, strict=True)
        ]
        count = len(captured) + self.constants
        scan = Scan(body, count, self.carried, self.length, self.reverse)
        found = apply(scan, [*captured, *constants, *carry, *xs], None)
        results: list[Any] = []
        for i, (value, on) in enumerate(zip(found, [*carry_on, *ys_on], strict=True)):
            if not on:
                value = unmapped(value, size)
            elif i >= self.carried and not isinstance(aval_of(value), StepResidualsAval):
                value = move_axis(value, 1, 0)
            results.append(value)
        return tuple(results)

    def _vmap_ragged(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """The scan over step residuals whose steps not every element took."""
        constants, carry, xs = self.split_operands(operands)
        cb, hb, xb = self.split_operands(batched)
        carry = [h if b else repeat(h, size) for h, b in zip(carry, hb, strict=True)]
        xs = [x if b else repeat(x, size) for x, b in zip(xs, xb, strict=True)]
        return apply(BatchedScan(self, size, tuple(cb)), [*constants, *carry, *xs], None)

    def interpret(self, operands: Sequence[Any], by: Interpreter) -> list[Any]:
        constants, carry, xs = self.split_operands(operands)
        count = self.length if self.length is not None else length_of([by.value(x) for x in xs])
        steps: list[list[Any]] = [[None] * count for _ in self.body.outputs[self.carried :]]
        for t in reversed(range(count)) if self.reverse else range(count):
            found = by.run(self.body, [*constants, *carry, *[by.entry(x, t) for x in xs]])
            carry = found[: self.carried]
            for step, value in zip(steps, found[self.carried :], strict=True):
                step[t] = value
        avals = self.aval()[self.carried :]
        return [*carry, *[by.collect(step, a) for step, a in zip(steps, avals, strict=True)]]

    def body_flags(self, flags: Sequence[bool]) -> list[tuple[Jaxpr, list[bool]]]:
        constants, carry, xs = self.split_operands(flags)
        return [(self.body, [*constants, *carry_flags(self.body, constants, carry, xs), *xs])]

    def depends(self, flags: Sequence[bool], count: int) -> list[bool]:
        ((body, inputs),) = self.body_flags(flags)
        last = self.constants + self.carried
        return [*inputs[self.constants : last], *depends(body, inputs)[self.carried :]]

    def trim(self, eqn: Equation, program: Liveness) -> Equation | None:
        found = self.trim_with_flags(eqn, program)
        return None if found is None else found[0]

    def trim_with_flags(
        self, eqn: Equation, program: Liveness
    ) -> tuple[Equation, list[bool]] | None:
        """The trimmed equation of this scan, and which of the operands that it had are left."""
        body = program.simplify(self.body)
        if body is None:
            return None
        body, results = keep_read_results(body, eqn.outputs, self.carried, program)
        read = read_carry(body, results, self.constants, [False] * self.carried, program)
        body = without_carry(body, self.constants, read)
        body = program.simplify(body) or body
        results = [*where_kept(read, results), *results[self.carried :]]
        first_x = self.constants + self.carried
        inputs = [
            *eqn.inputs[: self.constants],
            *where_kept(read, eqn.inputs[self.constants :]),
            *eqn.inputs[first_x:],
        ]
        carried = sum(read)
        first_x = self.constants + carried
        keep = [r or self.constants <= i < first_x for i, r in enumerate(reads(body))]
        if self.length is None:
            # A step residual says how many steps there are; where none does for sure, one does.
            step_residuals = range(first_x, len(keep))
            sure = [i for i in step_residuals if program.counts(inputs[i])]
            if not any(keep[i] for i in sure):
                for i in sure[-1:] or step_residuals:
                    keep[i] = True
        operands = where_kept(keep, inputs)
        constants = sum(keep[: self.constants])
        body = with_inputs(body, keep, constants)
        trimmed = Scan(body, constants, carried, self.length, self.reverse)
        return Equation(trimmed, operands, results, eqn.source_info), keep


@primitive
class BatchedScan(BatchedLoop):
    """A scan over step residuals of ``size`` elements; ``batched`` says which constants are."""

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        body, _ = self.map_body(self.loop.loop.entry_residual_types(avals))
        return batch_result_avals(body.out_avals, self.loop.carried, self.size)

    def map_body(self, step_residuals: StepResidualTypes) -> tuple[Jaxpr, list[Any]]:
        """The body for all elements, and what it captured."""
        flags = [*self.batched, *[True] * (len(self.loop.body.inputs) - len(self.batched))]
        make = lambda: vmap_program(self.loop.body, self.size, flags, step_residuals)  # noqa: E731
        return cache(self, ("body", step_residuals), make)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        scan = self.loop
        constants, carry, xs = scan.split_operands(operands)
        flags = [*self.batched, *[True] * (len(carry) + len(xs))]
        program, captured = self.map_body(
            scan.loop.entry_residual_types([aval_of(x) for x in operands])
        )
        step = compile_once(program, owned=False)
        carried = scan.carried
        masks = next(x.masks for x in xs if x.entries is not None)
        kinds = [StepResidualsAval(a.strong(), (self.size,)) for a in program.out_avals[carried:]]
        ys: list[list[Any]] = [[None] * len(masks) for _ in kinds]
        order = range(len(masks))
        for t in reversed(order) if scan.reverse else order:
            took = masks[t]
            args = [*captured, *feed(took, [*constants, *carry, *[x[t] for x in xs]], flags)]
            found = call_for_elements(took, program, step, args)
            carry = [
                np.where(align_mask(took, new), new, old)
                for new, old in zip(found[:carried], carry, strict=True)
            ]
            for y, value in zip(ys, found[carried:], strict=True):
                y[t] = only(took, value)
        steps = [StepResiduals(y, a, masks) for y, a in zip(ys, kinds, strict=True)]
        return (*own_results(carry, operands), *steps)

    def _batch_loop(
        self, scan: Scan, captured: Sequence[Any], flags: Sequence[bool]
    ) -> BatchedScan:
        return BatchedScan(scan, self.size, (*[False] * len(captured), *self.batched, *flags))

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results, and the residuals of all steps for `backward`."""
        scan = self.loop
        body, captured, _ = scan.loop.forward()
        derived = Scan(body, len(captured) + scan.constants, scan.carried, None, scan.reverse)
        found = apply(self._batch_loop(derived, captured, ()), [*captured, *values], source_info)
        count = len(scan.body.outputs)
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
        scan = self.loop
        there = tuple([c is not None for c in ct[scan.carried :]])
        plan = scan.loop.backward(wanted, masked, there)
        constants, _, xs = scan.split_operands(operands)
        carry, sums = plan.start(scan.loop, ct, constants, self.size)
        step_residuals = [c for c in ct[scan.carried :] if c is not None]
        args = [*plan.captured, *constants, *carry, *sums]
        args += [*[xs[i] for i in plan.read], *residuals, *step_residuals]
        count = len(plan.captured) + scan.constants
        back = Scan(plan.body, count, len(carry) + len(sums), None, not scan.reverse)
        pulled = plan.finish(
            scan.loop, apply(self._batch_loop(back, plan.captured, ()), args, None)
        )
        return shared_totals(pulled, self.batched)

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        scan = self.loop
        active = tuple([t is not None for t in tangents])
        body, captured, carry_on, ys_on = scan.loop.with_tangents(active)
        constants, carry, xs = scan.split_operands(values)
        tc, th, tx = scan.split_operands(tangents)
        full = carried_tangents(carry, th, carry_on)
        tcs, txs = [t for t in tc if t is not None], [t for t in tx if t is not None]
        moved = [f for f, t in zip(self.batched, tc, strict=True) if t is not None]
        args = [*captured, *constants, *tcs, *carry, *full, *xs, *txs]
        count = len(captured) + len(constants) + len(tcs)
        pushed = Scan(body, count, len(carry) + len(full), None, scan.reverse)
        found = apply(self._batch_loop(pushed, captured, moved), args, source_info)
        return regroup(found, carry_on, ys_on)
