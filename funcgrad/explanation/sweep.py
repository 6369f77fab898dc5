"""The way back over an evaluation: the cotangent of every value, and what each use contributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.ir import Aval
from ..core.source_info import line_of
from ..core.trace import Tracer
from ..ops.steps import plus
from .recording import Record, RecordingFrame, pull

__all__ = ["Contributions", "Pull", "active_values", "sweep_back"]


class Pull(NamedTuple):
    """How the backward rule of an operation was called.

    Attributes:
        given: For which results there was a cotangent.
        wanted: For which operands one was asked.
        masked: Whether products are masked (DESIGN, law 5).
    """

    given: Sequence[bool]
    wanted: Sequence[bool]
    masked: bool


class Contributions:
    """What flows back over one evaluation.

    Attributes:
        total: The cotangent of each tracer, by id.
        parts: What each operand of each record contributes, by the ids of the two.
        pulls: How the rule of each record was called, by its id.
    """

    def __init__(self) -> None:
        self.total: dict[int, Any] = {}
        self.parts: dict[tuple[int, int], Any] = {}
        self.pulls: dict[int, Pull] = {}


def sweep_back(
    frame: RecordingFrame, seeds: Sequence[tuple[Tracer, Any]], active: Callable[[Tracer], bool]
) -> Contributions:
    """The cotangents of every value.

    Args:
        frame: What was recorded.
        seeds: Results, with their cotangents.
        active: Whether a value depends on what is differentiated.
    """
    found = Contributions()
    masked: set[int] = set()
    total = found.total
    for tracer, ct in seeds:
        _add(total, tracer, ct)
    for record in reversed(frame.records):
        if not record.outs or all(id(out) not in total for out in record.outs):
            continue
        cts = [_take(total, out) for out in record.outs]
        if record.primitive is None:
            _between_steps(record, cts[0], found, active)
            continue
        wanted = [isinstance(a, Tracer) and a.aval.inexact and active(a) for a in record.args]
        if record.primitive.discrete or not any(wanted):
            continue
        mask = any(id(out) in masked for out in record.outs)
        floats = [c if o.aval.inexact else None for c, o in zip(cts, record.outs, strict=True)]
        found.pulls[id(record)] = Pull([c is not None for c in floats], wanted, mask)
        try:
            pulled = pull(record, floats, wanted, mask)
        except Exception as error:
            error.add_note(
                f"While differentiating {record.primitive}, at {line_of(record.source_info)}."
            )
            raise
        for k, (a, want, g) in enumerate(zip(record.args, wanted, pulled, strict=True)):
            if not want or g is None:
                continue
            found.parts[id(record), k] = g
            _add(total, a, g)
            if (mask and record.primitive.passes_mask) or record.primitive.masks:
                masked.add(id(a))
    for key, ct in total.items():
        if isinstance(ct, _Entries):
            total[key] = ct.whole()
    return found


class _Entries:
    """The cotangent of what a loop reads step by step, as far as it is known."""

    __slots__ = ("aval", "rest", "steps")

    def __init__(self, aval: Aval, rest: Any) -> None:
        self.steps: dict[int, Any] = {}
        self.aval, self.rest = aval, rest

    def whole(self) -> Any:
        """The cotangent as one value."""
        whole = np.zeros(self.aval.shape, self.aval.dtype)
        for step, part in self.steps.items():
            whole[step] += part
        return whole if self.rest is None else plus(whole, self.rest)


def _add(total: dict[int, Any], tracer: Any, ct: Any) -> None:
    known = total.get(id(tracer))
    if isinstance(known, _Entries):
        known.rest = ct if known.rest is None else plus(known.rest, ct)
    else:
        total[id(tracer)] = ct if known is None else plus(known, ct)


def _take(total: dict[int, Any], tracer: Tracer) -> Any:
    """The cotangent of a value to which nothing more is added."""
    ct = total.get(id(tracer))
    if isinstance(ct, _Entries):
        ct = total[id(tracer)] = ct.whole()
    return ct


def _between_steps(
    record: Record, ct: Any, found: Contributions, active: Callable[[Tracer], bool]
) -> None:
    """What flows between a loop and one of its steps."""
    total = found.total
    if record.use == "entry":
        (x,), (step,) = record.args, record.values
        if not active(x) or ct is None:
            return
        known = total.get(id(x))
        if not isinstance(known, _Entries):
            known = total[id(x)] = _Entries(x.aval, known)
        found.parts[id(record), 0] = ct
        part = known.steps.get(step)
        known.steps[step] = ct if part is None else plus(part, ct)
    elif record.use == "collect":
        for step, x in enumerate(record.args):
            if isinstance(x, Tracer) and x.aval.inexact and active(x):
                found.parts[id(record), step] = ct[step]
                _add(total, x, ct[step])


def active_values(frame: RecordingFrame, inputs: Sequence[Tracer]) -> set[int]:
    """The ids of the values that depend on ``inputs`` in a way that has a derivative."""
    active = {id(x) for x in inputs}
    for record in frame.records:
        if record.primitive is not None and record.primitive.discrete:
            continue
        if any(isinstance(a, Tracer) and id(a) in active for a in record.args):
            active.update(id(out) for out in record.outs if out.aval.inexact)
    return active
