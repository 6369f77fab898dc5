"""What the batched forms of branches and loops share: operands of idle elements, folded axes.

In a batch not every element takes a branch or a step. An element that does not is fed the operands
of one that does, so that no error, warning or nan arises that a Python loop would not give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.ir import Aval
from ...core.residuals import StepResiduals, StepResidualsAval
from ...core.trace import aval_of
from ...ops.linear import Sum, broadcast_to, reshape, shape_of
from ...ops.steps import FoldSteps, RepeatSteps, SumSteps

__all__ = [
    "align_mask",
    "batch_result_avals",
    "feed",
    "fold",
    "only",
    "shared_totals",
    "total",
    "unfold_batches",
]


def feed(running: Any, operands: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
    """The operands of all elements, with those of a running element in place of the others'."""
    if running.all():
        return list(operands)
    pick = np.where(running, np.arange(len(running)), np.argmax(running))
    return [_pick(x, pick) if b else x for x, b in zip(operands, batched, strict=True)]


def _pick(x: Any, pick: Any) -> Any:
    return x.mapped(lambda e: e[pick], x.aval) if isinstance(x, StepResiduals) else x[pick]


def only(elements: Any, x: Any) -> Any:
    """``x`` in ``elements``, zeros elsewhere; the masks of a step residual stay."""
    if isinstance(x, StepResiduals):
        return x.mapped(lambda e: only(elements, e), x.aval, lambda mask: mask)
    return np.where(align_mask(elements, x), x, np.zeros((), np.asarray(x).dtype))


def fold_batches(x: Any, outer: int, inner: int, has_outer: bool, has_inner: bool) -> Any:
    """``x`` with one axis for the elements of two nested batches, repeated where it lacks one."""
    if isinstance(aval_of(x), StepResidualsAval):
        x = x if has_outer else RepeatSteps(outer, 0)(x)
        x = x if has_inner else RepeatSteps(inner, 1)(x)
        return FoldSteps((outer, inner), (outer * inner,))(x)
    shape = shape_of(x)
    rest = shape[has_outer + has_inner :]
    lead = (outer if has_outer else 1, inner if has_inner else 1)
    full = broadcast_to(reshape(x, (*lead, *rest)), (outer, inner, *rest))
    return reshape(full, (outer * inner, *rest))


def unfold_batches(found: Sequence[Any], outer: int, inner: int) -> tuple[Any, ...]:
    """Results for the elements of two nested batches with an axis for each batch."""
    folded = FoldSteps((outer * inner,), (outer, inner))
    return tuple(
        [
            folded(x)
            if isinstance(aval_of(x), StepResidualsAval)
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
        fold_batches(x, outer, inner, a, b) if a or b else x
        for x, a, b in zip(operands, has_outer, has_inner, strict=True)
    ]
    return folded, flags


def total(x: Any) -> Any:
    """``x`` summed over the elements."""
    return SumSteps(0)(x) if isinstance(aval_of(x), StepResidualsAval) else Sum((0,))(x)


def shared_totals(cts: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
    """Cotangents of a loop's operands, those of constants that all elements share summed up."""
    flags = [*batched, *[True] * (len(cts) - len(batched))]
    return [c if c is None or own else total(c) for c, own in zip(cts, flags, strict=True)]


def batch_result_avals(body: Sequence[Aval], carried: int, size: int) -> tuple[Aval, ...]:
    """The types of a loop's results for a batch of ``size``, from those of its batched body."""
    strong = [aval.strong() for aval in body]
    return (*strong[:carried], *[StepResidualsAval(aval, (size,)) for aval in strong[carried:]])


def align_mask(mask: Any, like: Any) -> Any:
    """The elements' mask with axes to broadcast against ``like``."""
    return mask.reshape(mask.shape + (1,) * (np.ndim(like) - mask.ndim))
