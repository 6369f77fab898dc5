"""How a nan or an inf came into a value: what made it, and what handed it on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..core.residuals import StepResiduals
from ..core.source_info import BackwardPlace, SourceInfo, line_of
from ..core.trace import Tracer, aval_of

__all__ = ["Bad", "Step", "Trail", "bad_in", "operands_text", "steps_text"]

Bad = Literal["nan", "inf"]

_HEAD, _TAIL = 5, 3
"""How many operations of a long trail are kept from its start and from its end."""


@dataclass(frozen=True, slots=True)
class Step:
    """An operation whose result holds a nan or an inf.

    Attributes:
        made: What the result holds; ``"nan"`` where it holds both.
        operation: The operation, as programs print it; what was given, such as ``"argument 0"``.
        operands: What the operands were, in words; empty where that was not kept.
        source_info: The user's place.
        run: How often the operation at this place had run.
        loops: In which step of each loop around it, from the outermost, counted from 0.
        given: Whether it is no operation, but an argument or a constant.
        element: Of which element of a batch, where that takes steps of its own; None elsewhere.
    """

    made: Bad
    operation: str
    operands: str = ""
    source_info: SourceInfo | None = None
    run: int = 1
    loops: tuple[int, ...] = ()
    given: bool = False
    element: int | None = None

    @property
    def backward(self) -> bool:
        """Whether it belongs to a backward pass."""
        return isinstance(self.source_info, BackwardPlace)

    @property
    def line(self) -> str:
        """``"train.py:12 in loss"``, or "" where that is not known."""
        return line_of(self.source_info)

    def __str__(self) -> str:
        """``log of float64[] -1.0, at train.py:3 in loss (step 3 of the loop)``."""
        of = f" of {self.operands}" if self.operands else ""
        at = f", at {self.line}" if self.line else ""
        where = ""
        if isinstance(self.source_info, BackwardPlace):
            where = f", in the backward pass of {self.source_info.operation}"
        again = f" when it ran for the {_ordinal(self.run)} time" if self.run > 1 else ""
        counted = ", counted from 0" if self.loops or self.element is not None else ""
        return f"{self.operation}{of}{at}{where}{again}{self._in_loops(counted)}"

    def short(self) -> str:
        """``log, at train.py:3 in loss (step 3 of the loop)``."""
        at = f", at {self.line}" if self.line else ""
        return f"{self.operation}{at}{self._in_loops('')}"

    def _in_loops(self, counted: str) -> str:
        steps = [f"step {step} of the loop" for step in self.loops]
        steps[1:] = [f"{step} in it" for step in steps[1:]]
        if self.element is not None:
            steps.append(f"element {self.element} of the batch")
        return f" ({', '.join(steps)}{counted})" if steps else ""


@dataclass(frozen=True, slots=True)
class Trail:
    """The way of a nan or an inf into a value.

    Attributes:
        first: What made it, of operands without any.
        last: What gave the value; `first` where nothing came between.
        turned: What made the first nan of an inf; None where there was no inf before, or no nan.
        backward: The first operation of a backward pass on the way; None where there is none.
        head: The first few operations.
        tail: The last few of the operations after those.
        count: How many there are in all.
        turned_at: The number of `turned` among them, from 0.
        order: Grows from trail to trail.
    """

    first: Step
    last: Step
    turned: Step | None
    backward: Step | None
    head: tuple[Step, ...]
    tail: tuple[Step, ...]
    count: int
    turned_at: int
    order: int

    @classmethod
    def start(cls, step: Step, order: int) -> Trail:
        """The trail that begins with an operation."""
        return cls(step, step, None, step if step.backward else None, (step,), (), 1, -1, order)

    def then(self, step: Step) -> Trail:
        """The trail that goes on with an operation."""
        head, tail = self.head, self.tail
        if len(head) < _HEAD:
            head = (*head, step)
        else:
            tail = (*tail[-_TAIL + 1 :], step)
        turned, at = self.turned, self.turned_at
        if self.last.made == "inf" and step.made == "nan":
            turned, at = step, self.count
        backward = self.backward or (step if step.backward else None)
        count = self.count + 1
        return Trail(self.first, step, turned, backward, head, tail, count, at, self.order)

    @classmethod
    def of(cls, made: Bad, operands: Iterable[Trail | None]) -> Trail | None:
        """The trail of an operand that a result with ``made`` goes back to; None for none.

        Of several it is the earliest: one with a nan before one with an inf where the result is
        nan, and what an operation made before what was given.
        """
        found = [trail for trail in operands if trail is not None]
        if not found:
            return None
        return min(found, key=lambda t: (t.last.made != made, t.first.given, t.order))

    def middle(self) -> list[tuple[int, Step]]:
        """The operations after the first that are kept, with their numbers on the way."""
        rest = [*enumerate(self.head[1:], 1)]
        start = self.count - len(self.tail)
        if self.turned is not None and len(self.head) <= self.turned_at < start:
            rest.append((self.turned_at, self.turned))
        return [*rest, *enumerate(self.tail, start)]


def steps_text(trail: Trail) -> list[str]:
    """The way from the first operation to the value, a line an operation."""
    lines, number = [f"  {trail.first.made}  {trail.first.short()}"], 0
    for at, step in trail.middle():
        if at > number + 1:
            lines.append(f"  ...  {at - number - 1} more")
        number = at
        first = "  <- the first of the backward pass" if step is trail.backward else ""
        lines.append(f"  {step.made}  {step.short()}{first}")
    return lines


def _ordinal(n: int) -> str:
    if 10 <= n % 100 <= 20:
        return f"{n}th"
    return f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th') }"


def _bottom(value: Any) -> Any:
    while isinstance(value, Tracer):
        value = value.value
    return value


def bad_in(value: Any) -> Bad | None:
    """What a value, or what it stands for in older frames, holds; nan before inf."""
    value = _bottom(value)
    if isinstance(value, StepResiduals):
        kinds = {bad_in(x) for x in value.entries or ()}
        return "nan" if "nan" in kinds else "inf" if "inf" in kinds else None
    if np.isfinite(value).all():
        return None
    return "nan" if np.isnan(value).any() else "inf"


def operands_text(values: Sequence[Any]) -> str:
    """``float64[] -1.0 and float64[3] from 0.0 to 2.0``."""
    return " and ".join([_show(v) for v in values])


def _show(value: Any) -> str:
    aval, value = aval_of(value), _bottom(value)
    if isinstance(value, StepResiduals):
        return str(aval)
    if not np.ndim(value):
        return f"{aval} {value}"
    if not np.size(value) or aval.dtype.kind == "c":
        return str(aval)
    return f"{aval} from {np.min(value)} to {np.max(value)}"
