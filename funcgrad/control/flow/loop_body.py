"""Bodies of loops made from a loop's body: forward and backward, with tangents, for a batch.

A body takes constants, the carry and what a step reads, and gives the next carry and what the step
leaves. `Scan` and `While` run such bodies and state their rules with what is made here, so that a
loop's derivatives and batches are loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from ...core.ir import Aval, Jaxpr, make_aval
from ...core.record import run, trace
from ...core.residuals import StepResidualsAval
from ...core.trace import aval_of
from ...ops.convert import convert
from ...ops.linear import zeros
from ...ops.steps import plus
from ...transforms.vmap import repeat
from ..program.derive import (
    StepResidualTypes,
    cache,
    derive,
    inexact_cotangents,
    jvp_program,
    map_program,
    residual_types,
    split_of,
)

__all__ = ["BackwardBody", "LoopBody", "carried_tangents", "regroup"]

T = TypeVar("T")


class LoopBody:
    """``(*constants, *carry, *xs) -> (*carry, *ys)``, one step of a loop.

    Attributes:
        program: The program of one step.
        constants: How many constants it takes.
        carried: How many values it carries on.
        length: How many steps there are; None where ``xs`` and ``ys`` are per-step residuals.
    """

    def __init__(self, program: Jaxpr, constants: int, carried: int, length: int | None) -> None:
        self.program, self.constants, self.carried = program, constants, carried
        self.length = length

    def split_operands(self, operands: Sequence[T]) -> tuple[list[T], list[T], list[T]]:
        """The constants, the carry, and what the steps read."""
        a, b = self.constants, self.constants + self.carried
        return list(operands[:a]), list(operands[a:b]), list(operands[b:])

    def forward(self) -> tuple[Jaxpr, list[Any], list[int]]:
        """The forward body, what it captured, and which of its values it saves.

        A value is numbered among the body's inputs first, then the forward program's outputs.
        """
        return cache(self, "forward", self._forward)

    def _forward(self) -> tuple[Jaxpr, list[Any], list[int]]:
        split = split_of(self.program)
        inputs = len(self.program.inputs)
        numbers = [i if of_input else inputs + i for of_input, i in split.residuals]
        read_again = range(self.constants + self.carried, inputs)
        saved = [i for i in dict.fromkeys(numbers) if i >= self.constants and i not in read_again]
        count = len(self.program.outputs)

        def body(*args: Any) -> list[Any]:
            found = run(split.forward, [*split.captured, *args])
            values = [*args, *found]
            return [*found[:count], *[values[i] for i in saved]]

        jaxpr, captured = trace(body, self.program.in_avals, name=split.forward.name)
        return jaxpr, captured, saved

    def _jvp_program(self, flags: tuple[bool, ...]) -> tuple[Jaxpr, list[Any], list[bool]]:
        return derive(self.program, ("jvp", flags), lambda: jvp_program(self.program, flags))

    def with_tangents(
        self, active: tuple[bool, ...]
    ) -> tuple[Jaxpr, list[Any], list[bool], list[bool]]:
        """The body with tangents, of the carry beside the carry, of the rest behind the rest.

        Args:
            active: Which operands have tangents.

        Returns:
            The body, what it captured, which of the carry and which of ``ys`` have tangents.
        """
        return cache(self, ("jvp", active), lambda: self._with_tangents(active))

    def _with_tangents(
        self, active: tuple[bool, ...]
    ) -> tuple[Jaxpr, list[Any], list[bool], list[bool]]:
        cs, hs, xs = self.split_operands(active)
        carried = self.carried
        while True:
            flags = (*cs, *hs, *xs)
            program, captured, given = self._jvp_program(flags)
            grown = [a or b for a, b in zip(hs, given[:carried], strict=True)]
            if grown == hs:
                break
            hs = grown
        avals = self.program.in_avals
        ca, ha, xa = self.split_operands(avals)

        def on(kinds: Sequence[Aval], flags: Sequence[bool]) -> list[Aval]:
            return [a.strong() for a, f in zip(kinds, flags, strict=True) if f]

        def body(*args: Any) -> list[Any]:
            rest = iter(args)
            c, tc = [next(rest) for _ in cs], [next(rest) for f in cs if f]
            h, th = [next(rest) for _ in hs], [next(rest) for f in hs if f]
            x, tx = [next(rest) for _ in xs], [next(rest) for f in xs if f]
            found = run(program, [*captured, *c, *h, *x, *tc, *th, *tx])
            values, ts = found[: len(given)], iter(found[len(given) :])
            tangents = [next(ts) if g else None for g in given]
            moved = [
                zeros(a.strong()) if t is None else t
                for t, a, f in zip(tangents[:carried], ha, hs, strict=True)
                if f
            ]
            pushed = [t for t in tangents[carried:] if t is not None]
            return [*values[:carried], *moved, *values[carried:], *pushed]

        kinds = [*ca, *on(ca, cs), *ha, *on(ha, hs), *xa, *on(xa, xs)]
        jaxpr, extra = trace(body, kinds, name=program.name)
        return jaxpr, extra, hs, list(given[carried:])

    def entry_residual_types(self, avals: Sequence[Aval]) -> StepResidualTypes:
        """The types of the body's operands that are step residuals, for operands of these types."""
        constants, carry, xs = self.split_operands(avals)
        entries = [a.entry if isinstance(a, StepResidualsAval) else a for a in xs]
        return residual_types([*constants, *carry, *entries])

    def mapped(
        self, size: int, flags: tuple[bool, ...], step_residuals: StepResidualTypes
    ) -> tuple[Jaxpr, list[Any], list[bool], list[bool]]:
        """The body for a batch.

        Args:
            size: The length of the batch.
            flags: Which operands are batched.
            step_residuals: The types of those that are per-step residuals.

        Returns:
            The body, what it captured, which of the carry and which of ``ys`` are batched.
        """
        return cache(
            self,
            ("vmap", size, flags, step_residuals),
            lambda: self._mapped(size, flags, step_residuals),
        )

    def _mapped(
        self, size: int, flags: tuple[bool, ...], step_residuals: StepResidualTypes
    ) -> tuple[Jaxpr, list[Any], list[bool], list[bool]]:
        cs, hs, xs = self.split_operands(flags)
        carried = self.carried
        while True:
            program, captured, out = map_program(
                self.program, size, [*cs, *hs, *xs], step_residuals
            )
            grown = [a or b for a, b in zip(hs, out[:carried], strict=True)]
            if grown == hs:
                break
            hs = grown
        # A step residual is batched as a whole: an entry that is not is repeated in the body.
        step_residual = [
            self.length is None or isinstance(a, StepResidualsAval) for a in self.program.out_avals
        ]
        full = [*hs, *[b or t for b, t in zip(out[carried:], step_residual[carried:], strict=True)]]
        if full == out:
            return program, captured, hs, full[carried:]

        def body(*args: Any) -> list[Any]:
            found = run(program, [*captured, *args])
            return [
                repeat(x, size) if want and not have else x
                for x, want, have in zip(found, full, out, strict=True)
            ]

        avals = program.in_avals[len(captured) :]
        jaxpr, extra = trace(body, avals, name=program.name)
        return jaxpr, extra, hs, full[carried:]

    def backward(
        self, wanted: Sequence[bool], masked: bool, there: Sequence[bool], counted: bool = False
    ) -> BackwardBody:
        """The `BackwardBody` for these arguments, made once."""
        key = "backward", tuple(wanted), masked, tuple(there), counted
        return cache(self, key, lambda: BackwardBody(self, wanted, masked, there, counted))


def carried_tangents(
    carry: Sequence[Any], tangents: Sequence[Any], moving: Sequence[bool]
) -> list[Any]:
    """The first tangents of the carry that moves, zeros where there are none."""
    return [
        zeros(aval_of(h).strong()) if t is None else convert(t, aval_of(h).dtype)
        for h, t, on in zip(carry, tangents, moving, strict=True)
        if on
    ]


def regroup(
    found: Sequence[Any], carry_on: Sequence[bool], ys_on: Sequence[bool]
) -> tuple[tuple[Any, ...], list[Any]]:
    """Results and tangents, parted, from ``(*carry, *its tangents, *ys, *their tangents)``."""
    carried = len(carry_on)
    last, rest = found[:carried], iter(found[carried:])
    last_t = [next(rest) if on else None for on in carry_on]
    ys = [next(rest) for _ in ys_on]
    ys_t = [next(rest) if on else None for on in ys_on]
    return (*last, *ys), [*last_t, *ys_t]


class BackwardBody:
    """The backward body of a loop, for what is wanted and which cotangents there are.

    Attributes:
        body: Its program.
        captured: The values of its first constants.
        summed: The constants whose cotangents are summed up over the steps.
        read: Which of the loop's own ``xs`` it reads again.
        given: For which of the loop's ``xs`` it gives cotangents.

    Args:
        loop: The loop's body.
        wanted: For which operands cotangents are asked.
        masked: Whether products with cotangents are masked.
        there: For which of the loop's ``ys`` there are cotangents.
        counted: Whether the backward scan reads a last step residual that only counts the steps.
    """

    __slots__ = ("body", "captured", "given", "read", "summed")

    def __init__(
        self,
        loop: LoopBody,
        wanted: Sequence[bool],
        masked: bool,
        there: Sequence[bool],
        counted: bool = False,
    ) -> None:
        body, constants, carried = loop.program, loop.constants, loop.carried
        split = split_of(body)
        avals = body.in_avals
        inputs, first = len(avals), constants + carried
        ask = [
            aval.inexact and (constants <= i < first or wanted[i]) for i, aval in enumerate(avals)
        ]
        pullback = split.pullbacks[masked]
        program, has = pullback.restrict(ask)
        _, _, saved = loop.forward()
        numbers = [i if of_input else inputs + i for of_input, i in split.residuals]
        self.summed = [i for i in range(constants) if has[i]]
        self.given = [i - first for i in range(first, inputs) if has[i]]
        self.read = sorted({i - first for i in numbers if first <= i < inputs})
        if loop.length is None and not self.read and inputs > first:
            # A step residual says how many steps there are.
            self.read = [0]
        out_avals = body.out_avals
        inexact = [a.inexact for a in out_avals[:carried]]
        moving = [a.strong() for a, f in zip(out_avals[:carried], inexact, strict=True) if f]
        ys = list(out_avals[carried:])
        y_cts = [a.strong() for a, t in zip(ys, there, strict=True) if t]
        sums = [avals[i].strong() for i in self.summed]
        known = avals + split.forward.out_avals
        saved_avals = [known[i].strong() for i in saved]

        def backward(*args: Any) -> list[Any]:
            rest = iter(args)
            held = dict(enumerate([next(rest) for _ in range(constants)]))
            moved = [next(rest) for _ in moving]
            totals = [next(rest) for _ in sums]
            held.update({first + i: next(rest) for i in self.read})
            held.update({i: next(rest) for i in saved})
            given_cts = iter([next(rest) for _ in y_cts])
            cts = [
                *moved,
                *[
                    next(given_cts) if t else zeros(a.strong())
                    for a, t in zip(ys, there, strict=True)
                    if a.inexact
                ],
            ]
            residuals = [held[i] for i in numbers]
            bound = [residuals[x] if is_residual else x for is_residual, x in pullback.captured]
            found = iter(run(program, [*bound, *cts]))
            pulled = {i: next(found) for i in range(inputs) if has[i]}
            carry = [
                pulled[i] if has[i] else zeros(avals[i].strong())
                for i, moves in zip(range(constants, first), inexact, strict=True)
                if moves
            ]
            added = [plus(t, pulled[i]) for t, i in zip(totals, self.summed, strict=True)]
            return [*carry, *added, *[pulled[first + i] for i in self.given]]

        kinds = [*avals[:constants], *moving, *sums, *[avals[first + i] for i in self.read]]
        kinds += [*saved_avals, *y_cts, *[make_aval((), np.dtype(np.bool_))] * counted]
        self.body, self.captured = trace(backward, kinds, name=program.name)

    def start(
        self, loop: LoopBody, ct: Sequence[Any], constants: Sequence[Any], size: int | None = None
    ) -> tuple[list[Any], list[Any]]:
        """The carry to begin with: cotangents of the last carry, sums of zeros for constants.

        Args:
            loop: The body that is differentiated.
            ct: The cotangents of its results.
            constants: Its constants.
            size: For elements of a batch, how many there are.
        """
        carry = inexact_cotangents(ct[: loop.carried], loop.program.out_avals[: loop.carried], size)
        avals = [loop.program.in_avals[i].strong() for i in self.summed]
        return carry, [zeros(aval if size is None else aval.batch(size)) for aval in avals]

    def finish(self, loop: LoopBody, found: Sequence[Any]) -> list[Any]:
        """The backward scan's results as cotangents of the loop's operands, None for zeros."""
        pulled: list[Any] = [None] * len(loop.program.inputs)
        inexact = [i for i, a in enumerate(loop.program.out_avals[: loop.carried]) if a.inexact]
        positions = [loop.constants + i for i in inexact] + self.summed
        positions += [loop.constants + loop.carried + i for i in self.given]
        for position, c in zip(positions, found, strict=True):
            pulled[position] = c
        return pulled
