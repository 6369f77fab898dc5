"""A frame that finds out where a nan comes from.

It computes as plain NumPy does and looks at each result. A nan that comes out of operands without
one is new, and its origin goes with it through the operations after: what is masked on the way, as
by `numpy.where`, is nobody's concern. Programs, branches and loops are run equation by equation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..control.checkpoint import Checkpoint
from ..control.custom.function import RuleCall
from ..control.flow.cond import Cond, check_index
from ..control.flow.scan import Scan
from ..control.flow.while_loop import While
from ..control.program.call import Call
from ..core.ir import Place, line_of
from ..core.primitive import Primitive
from ..core.refusal import raise_leaked
from ..core.residuals import Steps, StepsAval, length_of
from ..core.trace import Frame, Tracer, apply, aval_of, run

__all__ = ["NanFrame"]


class NanFrame(Frame):
    """Computes, and keeps for every value that holds a nan where that came from.

    The origin stands in the slot that other frames use for tangents.
    """

    __slots__ = ("runs",)

    def __init__(self) -> None:
        super().__init__("debug.nans")
        self.runs: dict[tuple[Any, ...], int] = {}

    def lift(self, value: Any, origin: str | None) -> Tracer:
        """The tracer for a value."""
        return self.tracer(value, aval_of(value), None, origin)

    def concrete(self, tracer: Tracer, use: str) -> Any:
        if self.closed:
            raise_leaked(self, tracer)
        return tracer.value

    def value(self, x: Any) -> Any:
        """What ``x`` stands for."""
        return x.value if isinstance(x, Tracer) and x.frame is self else x

    def origin(self, x: Any) -> str | None:
        """Where the nan in ``x`` comes from; None where there is none."""
        return x.tangent if isinstance(x, Tracer) and x.frame is self else None

    def process(self, primitive: Any, args: Sequence[Any], place: Place | None) -> Any:
        place = self.here(place)
        values = [self.value(a) for a in args]
        plain = not any(isinstance(v, Tracer) for v in values)
        inside = self._inside(primitive, args) if plain else None
        if inside is not None:
            return tuple(inside)
        out = apply(primitive.handed_on(values), values, place)
        origins = [o for o in map(self.origin, args) if o is not None]
        made = _Made(self, primitive, values, place)
        if primitive.multiple:
            return tuple([self._result(value, origins, made) for value in out])
        return self._result(out, origins, made)

    def _result(self, value: Any, origins: Sequence[str], made: _Made) -> Any:
        if not aval_of(value).inexact:
            return value
        if not has_nan(value):
            return self.lift(value, None)
        return self.lift(value, origins[0] if origins else made.text())

    def _inside(self, primitive: Any, args: Sequence[Any]) -> list[Any] | None:
        """The results of a primitive that holds programs, by running them; None for others."""
        if isinstance(primitive, (Call, Checkpoint)):
            return run(primitive.jaxpr, args)
        if isinstance(primitive, Cond):
            chosen = check_index(int(args[0]), len(primitive.branches))
            return run(primitive.branches[chosen], args[1:])
        if isinstance(primitive, Scan):
            return self._scan(primitive, args)
        if isinstance(primitive, While):
            return self._while(primitive, args)
        if isinstance(primitive, RuleCall):
            return primitive.rule.primal(args)
        return None

    def _step(self, x: Any, t: int) -> Any:
        """What a step reads of ``x``."""
        value = self.value(x)[t]
        if not aval_of(value).inexact:
            return value
        return self.lift(value, self.origin(x) if has_nan(value) else None)

    def _scan(self, scan: Scan, args: Sequence[Any]) -> list[Any]:
        constants, carry, xs = scan.parts(args)
        tapes = [self.value(x) for x in xs]
        count = scan.length if scan.length is not None else length_of(tapes)
        steps: list[list[Any]] = [[None] * count for _ in scan.body.outputs[scan.carried :]]
        for t in reversed(range(count)) if scan.reverse else range(count):
            found = run(scan.body, [*constants, *carry, *[self._step(x, t) for x in xs]])
            carry = found[: scan.carried]
            for step, value in zip(steps, found[scan.carried :], strict=True):
                step[t] = value
        avals = scan.aval()[scan.carried :]
        return [*carry, *[self._all(step, a) for step, a in zip(steps, avals, strict=True)]]

    def _while(self, loop: While, args: Sequence[Any]) -> list[Any]:
        c, b, carry = loop.parts(args)
        steps: list[list[Any]] = [[] for _ in loop.body.outputs[loop.carried :]]
        while self.value(run(loop.condition, [*c, *carry])[0]):
            found = run(loop.body, [*b, *carry])
            carry = found[: loop.carried]
            for step, value in zip(steps, found[loop.carried :], strict=True):
                step.append(value)
        avals = loop.aval()[loop.carried :]
        return [*carry, *[self._all(step, a) for step, a in zip(steps, avals, strict=True)]]

    def _all(self, entries: Sequence[Any], aval: Any) -> Any:
        """What the steps gave, stacked or as a tape."""
        values = [self.value(x) for x in entries]
        if isinstance(aval, StepsAval):
            value: Any = Steps(values, aval)
        else:
            value = np.array(values, aval.dtype).reshape(aval.shape)
        if not aval.inexact:
            return value
        return self.lift(value, next((o for o in map(self.origin, entries) if o), None))


class _Made:
    """How an operation made a nan, put into words when it did."""

    __slots__ = ("_count", "_place", "_primitive", "_values")

    def __init__(
        self, frame: NanFrame, primitive: Primitive, values: Sequence[Any], place: Place | None
    ) -> None:
        self._primitive, self._values, self._place = primitive, values, place
        key = place, type(primitive)
        self._count = frame.runs[key] = frame.runs.get(key, 0) + 1

    def text(self) -> str:
        """``log of float64[] -1.0, at train.py:3 in loss``."""
        operands = " and ".join([_shown(v) for v in self._values])
        line = line_of(self._place)
        at = f", at {line}" if line else ""
        again = f" when it ran for the {_ordinal(self._count)} time" if self._count > 1 else ""
        return f"{self._primitive}{f' of {operands}' if operands else ''}{at}{again}"


def _ordinal(n: int) -> str:
    if 10 <= n % 100 <= 20:
        return f"{n}th"
    return f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th') }"


def _bottom(value: Any) -> Any:
    while isinstance(value, Tracer):
        value = value.value
    return value


def has_nan(value: Any) -> bool:
    """Whether a value, or what it stands for in older frames, holds a nan."""
    value = _bottom(value)
    if isinstance(value, Steps):
        return any(has_nan(x) for x in value.entries or ())
    return bool(np.isnan(value).any())


def _shown(value: Any) -> str:
    aval, value = aval_of(value), _bottom(value)
    if isinstance(value, Steps):
        return str(aval)
    if not np.ndim(value):
        return f"{aval} {value}"
    if not np.size(value) or aval.dtype.kind == "c":
        return str(aval)
    return f"{aval} from {np.min(value)} to {np.max(value)}"
