"""`ScanLanes`, a scan over tapes whose steps not every lane of a batch took.

That is the backward pass of `WhileLanes`. A lane that did not take a step keeps its carry, gives
zeros, and is fed the operands of a lane that took it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.backend import compiled, own
from ...core.ir import Aval, Jaxpr, Place
from ...core.primitive import Primitive, primitive
from ...core.residuals import Steps, StepsAval
from ...core.trace import apply, aval_of
from ...ops.linear import Sum, broadcast_to, reshape, shape_of
from ...ops.steps import FoldSteps, RepeatSteps, SumSteps
from ..callbacks.host import call_lanes
from ..program.derive import Tapes, cached, vmap_program
from .scan import BackwardBody, Scan, carried_tangents, regroup

__all__ = ["ScanLanes", "fed", "fold", "fold_lanes", "unfold_lanes"]


def fed(running: Any, operands: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
    """The operands of all lanes, with those of a running lane in place of the others'."""
    if running.all():
        return list(operands)
    pick = np.where(running, np.arange(len(running)), np.argmax(running))
    return [_picked(x, pick) if b else x for x, b in zip(operands, batched, strict=True)]


def _picked(x: Any, pick: Any) -> Any:
    return x.mapped(lambda e: e[pick], x.aval) if isinstance(x, Steps) else x[pick]


def only(lanes: Any, x: Any) -> Any:
    """``x`` in ``lanes``, zeros elsewhere; the masks of a tape stay."""
    if isinstance(x, Steps):
        return x.mapped(lambda e: only(lanes, e), x.aval, lambda mask: mask)
    return np.where(aligned(lanes, x), x, np.zeros((), np.asarray(x).dtype))


def fold_lanes(x: Any, outer: int, inner: int, has_outer: bool, has_inner: bool) -> Any:
    """``x`` with one axis for the lanes of two nested batches, repeated where it lacks one."""
    if isinstance(aval_of(x), StepsAval):
        x = x if has_outer else RepeatSteps(outer, 0)(x)
        x = x if has_inner else RepeatSteps(inner, 1)(x)
        return FoldSteps((outer, inner), (outer * inner,))(x)
    shape = shape_of(x)
    rest = shape[has_outer + has_inner :]
    lead = (outer if has_outer else 1, inner if has_inner else 1)
    full = broadcast_to(reshape(x, (*lead, *rest)), (outer, inner, *rest))
    return reshape(full, (outer * inner, *rest))


def unfold_lanes(found: Sequence[Any], outer: int, inner: int) -> tuple[Any, ...]:
    """Results for the lanes of two nested batches with an axis for each batch."""
    folded = FoldSteps((outer * inner,), (outer, inner))
    return tuple(
        [
            folded(x)
            if isinstance(aval_of(x), StepsAval)
            else reshape(x, (outer, inner, *shape_of(x)[1:]))
            for x in found
        ]
    )


def fold(
    outer: int,
    inner: int,
    has_outer: Sequence[bool],
    has_inner: Sequence[bool],
    operands: Sequence[Any],
) -> tuple[list[Any], list[bool]]:
    """The operands of two nested batches as those of one, and which of them are batched."""
    flags = [a or b for a, b in zip(has_outer, has_inner, strict=True)]
    folded = [
        fold_lanes(x, outer, inner, a, b) if a or b else x
        for x, a, b in zip(operands, has_outer, has_inner, strict=True)
    ]
    return folded, flags


def total(x: Any) -> Any:
    """``x`` summed over the lanes."""
    return SumSteps(0)(x) if isinstance(aval_of(x), StepsAval) else Sum((0,))(x)


def shared_totals(cts: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
    """Cotangents of a loop's operands, those of constants that all lanes share summed up."""
    flags = [*batched, *[True] * (len(cts) - len(batched))]
    return [c if c is None or own else total(c) for c, own in zip(cts, flags, strict=True)]


def lane_avals(body: Sequence[Aval], carried: int, size: int) -> tuple[Aval, ...]:
    """The types of a loop's results for ``size`` lanes, from those of its body for all lanes."""
    strong = [aval.strong() for aval in body]
    return (*strong[:carried], *[StepsAval(aval, (size,)) for aval in strong[carried:]])


@primitive
class ScanLanes(Primitive):
    """A scan over tapes for ``size`` lanes; constants are batched where ``batched`` says so."""

    scan: Scan
    size: int
    batched: tuple[bool, ...]
    multiple = True
    passes_mask = True

    def __str__(self) -> str:
        return f"scan_lanes[size={self.size}]"

    def jaxprs(self) -> Any:
        return self.scan.jaxprs()

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        body, _ = self.mapped_body(self.scan.entry_tapes(avals))
        return lane_avals(body.out_avals, self.scan.carried, self.size)

    def mapped_body(self, tapes: Tapes) -> tuple[Jaxpr, list[Any]]:
        """The body for all lanes, and what it captured."""
        flags = [*self.batched, *[True] * (len(self.scan.body.inputs) - len(self.batched))]
        make = lambda: vmap_program(self.scan.body, self.size, flags, tapes)  # noqa: E731
        return cached(self, ("body", tapes), make)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        scan = self.scan
        constants, carry, xs = scan.parts(operands)
        flags = [*self.batched, *[True] * (len(carry) + len(xs))]
        program, captured = self.mapped_body(scan.entry_tapes([aval_of(x) for x in operands]))
        step = compiled(program, owned=False)
        carried = scan.carried
        masks = next(x.masks for x in xs if x.entries is not None)
        kinds = [StepsAval(a.strong(), (self.size,)) for a in program.out_avals[carried:]]
        ys: list[list[Any]] = [[None] * len(masks) for _ in kinds]
        order = range(len(masks))
        for t in reversed(order) if scan.reverse else order:
            took = masks[t]
            args = [*captured, *fed(took, [*constants, *carry, *[x[t] for x in xs]], flags)]
            found = call_lanes(took, program, step, args)
            carry = [
                np.where(aligned(took, new), new, old)
                for new, old in zip(found[:carried], carry, strict=True)
            ]
            for y, value in zip(ys, found[carried:], strict=True):
                y[t] = only(took, value)
        steps = [Steps(y, a, masks) for y, a in zip(ys, kinds, strict=True)]
        return (*own(carry, operands), *steps)

    def _lanes(self, scan: Scan, captured: Sequence[Any], flags: Sequence[bool]) -> ScanLanes:
        return ScanLanes(scan, self.size, (*[False] * len(captured), *self.batched, *flags))

    def forward(self, values: Sequence[Any], place: Place | None) -> tuple[Any, Any]:
        """The results, and the residuals of all steps for `backward`."""
        scan = self.scan
        body, captured, _ = scan.forward_body()
        derived = Scan(body, len(captured) + scan.constants, scan.carried, None, scan.reverse)
        found = apply(self._lanes(derived, captured, ()), [*captured, *values], place)
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
        scan = self.scan
        there = tuple([c is not None for c in ct[scan.carried :]])
        key = "backward", tuple(wanted), masked, there
        plan = cached(self, key, lambda: BackwardBody(scan, wanted, masked, there))
        constants, _, xs = scan.parts(operands)
        carry, sums = plan.start(scan, ct, constants, self.size)
        tapes = [c for c in ct[scan.carried :] if c is not None]
        args = [*plan.captured, *constants, *carry, *sums]
        args += [*[xs[i] for i in plan.read], *residuals, *tapes]
        count = len(plan.captured) + scan.constants
        back = Scan(plan.body, count, len(carry) + len(sums), None, not scan.reverse)
        pulled = plan.finish(scan, apply(self._lanes(back, plan.captured, ()), args, None))
        return shared_totals(pulled, self.batched)

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], place: Place | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        scan = self.scan
        active = tuple([t is not None for t in tangents])
        body, captured, carry_on, ys_on = cached(
            self, ("jvp", active), lambda: scan.jvp_body(active)
        )
        constants, carry, xs = scan.parts(values)
        tc, th, tx = scan.parts(tangents)
        full = carried_tangents(carry, th, carry_on)
        tcs, txs = [t for t in tc if t is not None], [t for t in tx if t is not None]
        moved = [f for f, t in zip(self.batched, tc, strict=True) if t is not None]
        args = [*captured, *constants, *tcs, *carry, *full, *xs, *txs]
        count = len(captured) + len(constants) + len(tcs)
        pushed = Scan(body, count, len(carry) + len(full), None, scan.reverse)
        found = apply(self._lanes(pushed, captured, moved), args, place)
        return regroup(found, carry_on, ys_on)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        scan = self.scan
        inner = [*self.batched, *[True] * (len(operands) - len(self.batched))]
        folded, flags = fold(size, self.size, batched, inner, operands)
        lanes = ScanLanes(scan, size * self.size, tuple(flags[: len(self.batched)]))
        found = apply(lanes, folded, None)
        return unfold_lanes(found, size, self.size)


Scan.lanes = ScanLanes


def aligned(mask: Any, like: Any) -> Any:
    """The lanes' mask with axes to broadcast against ``like``."""
    return mask.reshape(mask.shape + (1,) * (np.ndim(like) - mask.ndim))
