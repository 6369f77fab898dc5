"""A frame that finds out where a nan comes from.

It computes as plain NumPy does and looks at each result. A nan that comes out of operands without
one is new, and its origin goes with it through the operations after: what is masked on the way, as
by `numpy.where`, is nobody's concern. Programs, branches and loops are run equation by equation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..control.program.structured import Interpreter
from ..core.ir import Aval
from ..core.primitive import Primitive
from ..core.refusal import raise_leaked
from ..core.residuals import StepResiduals
from ..core.source_info import SourceInfo, line_of
from ..core.trace import Frame, Tracer, apply, aval_of

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

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        source_info = self.here(source_info)
        values = [self.value(a) for a in args]
        plain = not any(isinstance(v, Tracer) for v in values)
        if plain and primitive.interpret is not None:
            return tuple(primitive.interpret(args, _Inside(self)))
        out = apply(primitive.hand_on(values), values, source_info)
        origins = [o for o in map(self.origin, args) if o is not None]
        made = _Made(self, primitive, values, source_info)
        if primitive.multiple:
            return tuple([self._result(value, origins, made) for value in out])
        return self._result(out, origins, made)

    def _result(self, value: Any, origins: Sequence[str], made: _Made) -> Any:
        if not aval_of(value).inexact:
            return value
        if not has_nan(value):
            return self.lift(value, None)
        return self.lift(value, origins[0] if origins else made.text())


class _Inside(Interpreter):
    """Runs the programs of a primitive in a `NanFrame`, with the origins of nans."""

    def __init__(self, frame: NanFrame) -> None:
        self._frame = frame

    def value(self, x: Any) -> Any:
        return self._frame.value(x)

    def entry(self, x: Any, step: int) -> Any:
        value = super().entry(x, step)
        if not aval_of(value).inexact:
            return value
        return self._frame.lift(value, self._frame.origin(x) if has_nan(value) else None)

    def collect(self, entries: Sequence[Any], aval: Aval) -> Any:
        value = super().collect(entries, aval)
        if not aval.inexact:
            return value
        origins = [o for o in map(self._frame.origin, entries) if o]
        return self._frame.lift(value, origins[0] if origins else None)


class _Made:
    """How an operation made a nan, put into words when it did."""

    __slots__ = ("_count", "_place", "_primitive", "_values")

    def __init__(
        self,
        frame: NanFrame,
        primitive: Primitive,
        values: Sequence[Any],
        source_info: SourceInfo | None,
    ) -> None:
        self._primitive, self._values, self._place = primitive, values, source_info
        key = source_info, type(primitive)
        self._count = frame.runs[key] = frame.runs.get(key, 0) + 1

    def text(self) -> str:
        """``log of float64[] -1.0, at train.py:3 in loss``."""
        operands = " and ".join([_show(v) for v in self._values])
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
    if isinstance(value, StepResiduals):
        return any(has_nan(x) for x in value.entries or ())
    return bool(np.isnan(value).any())


def _show(value: Any) -> str:
    aval, value = aval_of(value), _bottom(value)
    if isinstance(value, StepResiduals):
        return str(aval)
    if not np.ndim(value):
        return f"{aval} {value}"
    if not np.size(value) or aval.dtype.kind == "c":
        return str(aval)
    return f"{aval} from {np.min(value)} to {np.max(value)}"
