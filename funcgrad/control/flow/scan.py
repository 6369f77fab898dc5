"""`Scan`, a program run once a step, carrying values on and stacking others.

Operands are constants, the carry, and what each step reads; results the last carry and what each
step gave. With ``length=None`` what steps read and give are tapes (`Steps`) in place of stacked
arrays: that is the backward pass of a `while` loop, of as many steps as the loop took. Every rule
is stated once for both: a scan's derivatives and batches are scans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ...core.backend import compiled, own
from ...core.ir import Aval, Jaxpr, Place, make_aval
from ...core.primitive import Primitive, primitive
from ...core.residuals import Steps, StepsAval, length_of
from ...core.trace import apply, aval_of, run, trace
from ...ops.convert import convert
from ...ops.linear import move_axis, zeros
from ...ops.steps import plus
from ...transforms.vmap import repeat
from ..program.derive import Tapes, cached, derived, jvp_program, mapped_program, split_of

__all__ = ["Scan", "stacked_aval"]


def stacked_aval(aval: Aval, length: int | None) -> Aval:
    """The type of one value a step, for all steps."""
    if length is None or isinstance(aval, StepsAval):
        return StepsAval(aval.strong())
    return aval.batch(length)


def rearranged(
    f: Callable[..., Sequence[Any]], avals: Sequence[Aval], name: str
) -> tuple[Jaxpr, list[Any]]:
    """Trace a body made from another body."""
    return trace(f, avals, name=name)


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
    lanes: ClassVar[type[Primitive]]
    """The primitive for lanes that took different steps; `scan_lanes` sets it."""
    passes_mask = True

    def __str__(self) -> str:
        direction = ", reverse=True" if self.reverse else ""
        return f"scan[length={self.length}{direction}]"

    def parts(self, operands: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """The constants, the carry, and what the steps read."""
        a, b = self.constants, self.constants + self.carried
        return list(operands[:a]), list(operands[a:b]), list(operands[b:])

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        given = self.body.out_avals
        ys = [stacked_aval(aval, self.length) for aval in given[self.carried :]]
        return (*given[: self.carried], *ys)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        constants, carry, xs = self.parts(operands)
        step = compiled(self.body, owned=False)
        count = self.length if self.length is not None else length_of(xs)
        avals = self.body.out_avals[self.carried :]
        taped = [self.length is None or isinstance(aval, StepsAval) for aval in avals]
        ys: list[Any] = [
            [None] * count if tape else np.empty((count, *aval.shape), aval.dtype)
            for aval, tape in zip(avals, taped, strict=True)
        ]
        for t in reversed(range(count)) if self.reverse else range(count):
            found = step(*constants, *carry, *[x[t] for x in xs])
            carry = list(found[: self.carried])
            for y, value in zip(ys, found[self.carried :], strict=True):
                y[t] = value
        steps = [
            Steps(y, StepsAval(aval.strong())) if tape else y
            for y, aval, tape in zip(ys, avals, taped, strict=True)
        ]
        return (*own(carry, operands), *steps)

    def forward(self, values: Sequence[Any], place: Place | None) -> tuple[Any, Any]:
        """The results, and the residuals of all steps for `backward`."""
        body, captured, _ = self.forward_body()
        constants, carry, xs = self.parts(values)
        scan = Scan(body, len(captured) + self.constants, self.carried, self.length, self.reverse)
        found = apply(scan, [*captured, *constants, *carry, *xs], place)
        count = len(self.body.outputs)
        return tuple(found[:count]), list(found[count:])

    def forward_body(self) -> tuple[Jaxpr, list[Any], list[int]]:
        """The forward body, what it captured, and which of its values it saves.

        A value is numbered among the body's inputs first, then the forward program's outputs.
        """
        return cached(self, "forward", self._make_forward_body)

    def _make_forward_body(self) -> tuple[Jaxpr, list[Any], list[int]]:
        split = split_of(self.body)
        inputs = len(self.body.inputs)
        numbers = [i if of_input else inputs + i for of_input, i in split.residuals]
        read_again = range(self.constants + self.carried, inputs)
        saved = [i for i in dict.fromkeys(numbers) if i >= self.constants and i not in read_again]
        count = len(self.body.outputs)

        def body(*args: Any) -> list[Any]:
            found = run(split.forward, [*split.captured, *args])
            values = [*args, *found]
            return [*found[:count], *[values[i] for i in saved]]

        jaxpr, captured = rearranged(body, self.body.in_avals, split.forward.name)
        return jaxpr, captured, saved

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
        key = "backward", tuple(wanted), masked, there
        plan = cached(self, key, lambda: BackwardBody(self, wanted, masked, there))
        constants, _, xs = self.parts(operands)
        carry, sums = plan.start(self, ct, constants)
        args = [*plan.captured, *constants, *carry, *sums, *[xs[i] for i in plan.read]]
        args += [*residuals, *[c for c in ct[carried:] if c is not None]]
        count = len(plan.captured) + self.constants
        scan = Scan(plan.body, count, len(carry) + len(sums), self.length, not self.reverse)
        return plan.finish(self, apply(scan, args, None))

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], place: Place | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        active = tuple([t is not None for t in tangents])
        body, captured, carry_on, ys_on = cached(
            self, ("jvp", active), lambda: self.jvp_body(active)
        )
        constants, carry, xs = self.parts(values)
        tc, th, tx = self.parts(tangents)
        full = carried_tangents(carry, th, carry_on)
        tcs, txs = [t for t in tc if t is not None], [t for t in tx if t is not None]
        args = [*captured, *constants, *tcs, *carry, *full, *xs, *txs]
        count = len(captured) + len(constants) + len(tcs)
        scan = Scan(body, count, len(carry) + len(full), self.length, self.reverse)
        return regroup(apply(scan, args, place), carry_on, ys_on)

    def _jvp_program(self, flags: tuple[bool, ...]) -> tuple[Jaxpr, list[Any], list[bool]]:
        return derived(self.body, ("jvp", flags), lambda: jvp_program(self.body, flags))

    def jvp_body(self, active: tuple[bool, ...]) -> tuple[Jaxpr, list[Any], list[bool], list[bool]]:
        cs, hs, xs = self.parts(active)
        carried = self.carried
        while True:
            flags = (*cs, *hs, *xs)
            program, captured, given = self._jvp_program(flags)
            grown = [a or b for a, b in zip(hs, given[:carried], strict=True)]
            if grown == hs:
                break
            hs = grown
        avals = self.body.in_avals
        ca, ha, xa = self.parts(avals)

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
        jaxpr, extra = rearranged(body, kinds, program.name)
        return jaxpr, extra, hs, list(given[carried:])

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        flags = tuple(batched)
        kinds = self.entry_tapes([aval_of(x) for x in operands])
        body, captured, carry_on, ys_on = cached(
            self, ("vmap", size, flags, kinds), lambda: self.mapped_body(size, flags, kinds)
        )
        constants, carry, xs = self.parts(operands)
        _, hb, xb = self.parts(batched)
        tapes = [aval_of(x) for x, b in zip(xs, xb, strict=True) if b]
        if any(isinstance(tape, StepsAval) and tape.lanes for tape in tapes):
            return self._vmap_lanes(size, batched, operands)
        carry = [
            repeat(h, size) if on and not b else h
            for h, on, b in zip(carry, carry_on, hb, strict=True)
        ]
        xs = [
            move_axis(x, 0, 1) if b and not isinstance(aval_of(x), StepsAval) else x
            for x, b in zip(xs, xb, strict=True)
        ]
        count = len(captured) + self.constants
        scan = Scan(body, count, self.carried, self.length, self.reverse)
        found = apply(scan, [*captured, *constants, *carry, *xs], None)
        results: list[Any] = []
        for i, (value, on) in enumerate(zip(found, [*carry_on, *ys_on], strict=True)):
            if not on:
                value = repeat(value, size)
            elif i >= self.carried and not isinstance(aval_of(value), StepsAval):
                value = move_axis(value, 1, 0)
            results.append(value)
        return tuple(results)

    def _vmap_lanes(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """The scan over tapes whose steps not every lane took."""
        constants, carry, xs = self.parts(operands)
        cb, hb, xb = self.parts(batched)
        carry = [h if b else repeat(h, size) for h, b in zip(carry, hb, strict=True)]
        xs = [x if b else repeat(x, size) for x, b in zip(xs, xb, strict=True)]
        return apply(self.lanes(self, size, tuple(cb)), [*constants, *carry, *xs], None)

    def entry_tapes(self, avals: Sequence[Aval]) -> Tapes:
        """The types of the body's operands that are tapes, for operands of these types."""
        constants, carry, xs = self.parts(avals)
        entries = [a.entry if isinstance(a, StepsAval) else None for a in xs]
        return tuple(
            [a if isinstance(a, StepsAval) else None for a in (*constants, *carry, *entries)]
        )

    def mapped_body(
        self, size: int, flags: tuple[bool, ...], tapes: Tapes
    ) -> tuple[Jaxpr, list[Any], list[bool], list[bool]]:
        cs, hs, xs = self.parts(flags)
        carried = self.carried
        while True:
            program, captured, out = mapped_program(self.body, size, [*cs, *hs, *xs], tapes)
            grown = [a or b for a, b in zip(hs, out[:carried], strict=True)]
            if grown == hs:
                break
            hs = grown
        # A tape is batched as a whole: an entry that is not is repeated in the body.
        tape = [self.length is None or isinstance(a, StepsAval) for a in self.body.out_avals]
        full = [*hs, *[b or t for b, t in zip(out[carried:], tape[carried:], strict=True)]]
        if full == out:
            return program, captured, hs, full[carried:]

        def body(*args: Any) -> list[Any]:
            found = run(program, [*captured, *args])
            return [
                repeat(x, size) if want and not have else x
                for x, want, have in zip(found, full, out, strict=True)
            ]

        avals = program.in_avals[len(captured) :]
        jaxpr, extra = rearranged(body, avals, program.name)
        return jaxpr, extra, hs, full[carried:]


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
    """The backward body of a scan, for what is wanted and which cotangents there are.

    Attributes:
        body: Its program.
        captured: The values of its first constants.
        summed: The constants whose cotangents are summed up over the steps.
        read: Which of the scan's own ``xs`` it reads again.
        given: For which of the scan's ``xs`` it gives cotangents.

    Args:
        scan: The scan.
        wanted: For which operands cotangents are asked.
        masked: Whether products with cotangents are masked.
        there: For which of the scan's ``ys`` there are cotangents.
        counted: Whether the backward scan reads a last tape that only counts the steps.
    """

    __slots__ = ("body", "captured", "given", "read", "summed")

    def __init__(
        self,
        scan: Scan,
        wanted: Sequence[bool],
        masked: bool,
        there: Sequence[bool],
        counted: bool = False,
    ) -> None:
        body, constants, carried = scan.body, scan.constants, scan.carried
        split = split_of(body)
        avals = body.in_avals
        inputs, first = len(avals), constants + carried
        ask = [
            aval.inexact and (constants <= i < first or wanted[i]) for i, aval in enumerate(avals)
        ]
        pullback = split.pullbacks[masked]
        program, has = pullback.restricted(ask)
        _, _, saved = scan.forward_body()
        numbers = [i if of_input else inputs + i for of_input, i in split.residuals]
        self.summed = [i for i in range(constants) if has[i]]
        self.given = [i - first for i in range(first, inputs) if has[i]]
        self.read = sorted({i - first for i in numbers if first <= i < inputs})
        if scan.length is None and not self.read and inputs > first:
            # A tape says how many steps there are.
            self.read = [0]
        out_avals = body.out_avals
        inexact = [a.inexact for a in out_avals[:carried]]
        moving = [a.strong() for a, f in zip(out_avals[:carried], inexact, strict=True) if f]
        ys = list(out_avals[carried:])
        y_cts = [a.strong() for a, t in zip(ys, there, strict=True) if t]
        sums = [avals[i].strong() for i in self.summed]
        saved_avals = [(avals + split.forward.out_avals)[i].strong() for i in saved]

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
        self.body, self.captured = rearranged(backward, kinds, program.name)

    def start(
        self, scan: Scan, ct: Sequence[Any], constants: Sequence[Any], size: int | None = None
    ) -> tuple[list[Any], list[Any]]:
        """The carry to begin with: cotangents of the last carry, sums of zeros for constants.

        Args:
            scan: The scan that is differentiated.
            ct: The cotangents of its results.
            constants: Its constants.
            size: For lanes of a batch, how many there are.
        """

        def lanes(aval: Aval) -> Aval:
            return aval.strong() if size is None else aval.strong().batch(size)

        carry = [
            zeros(lanes(aval)) if c is None else convert(c, aval.dtype)
            for c, aval in zip(ct, scan.body.out_avals[: scan.carried], strict=False)
            if aval.inexact
        ]
        return carry, [zeros(lanes(scan.body.in_avals[i])) for i in self.summed]

    def finish(self, scan: Scan, found: Sequence[Any]) -> list[Any]:
        """The backward scan's results as cotangents of the scan's operands, None for zeros."""
        pulled: list[Any] = [None] * len(scan.body.inputs)
        inexact = [i for i, a in enumerate(scan.body.out_avals[: scan.carried]) if a.inexact]
        places = [scan.constants + i for i in inexact] + self.summed
        places += [scan.constants + scan.carried + i for i in self.given]
        for place, c in zip(places, found, strict=True):
            pulled[place] = c
        return pulled
