"""A frame that finds out where a nan or an inf comes from.

It computes as plain NumPy does and looks at each result. A nan or an inf that comes out of operands
without one is new, and its trail goes with it through the operations after: what is masked on the
way, as by `numpy.where`, is nobody's concern. Programs, branches and loops are run equation by
equation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..control.program.structured import Interpreter
from ..core.ir import Aval, Jaxpr
from ..core.refusal import raise_leaked
from ..core.residuals import StepResiduals
from ..core.source_info import SourceInfo
from ..core.trace import Frame, Tracer, apply, aval_of
from .trail import Bad, Step, Trail, bad_in, operands_text

__all__ = ["NanFrame"]


class NanFrame(Frame):
    """Computes, and keeps for every value that holds a nan or an inf its trail.

    The trail stands in the slot that other frames use for tangents.
    """

    __slots__ = ("_element", "_order", "loops", "runs")

    def __init__(self, element: int | None = None) -> None:
        super().__init__("debug.nans")
        self._element = element
        self.runs: dict[tuple[Any, ...], int] = {}
        self.loops: list[int] = []
        self._order = 0

    def lift(self, value: Any, trail: Trail | None) -> Tracer:
        """The tracer for a value."""
        return self.tracer(value, aval_of(value), None, trail)

    def given(self, value: Any, what: str) -> Tracer:
        """The tracer for an argument or a constant."""
        made = bad_in(value)
        return self.lift(value, None if made is None else self._start(Step(made, what, given=True)))

    def _start(self, step: Step) -> Trail:
        self._order += 1
        return Trail.start(step, self._order)

    def concrete(self, tracer: Tracer, use: str) -> Any:
        if self.closed:
            raise_leaked(self, tracer)
        return tracer.value

    def value(self, x: Any) -> Any:
        """What ``x`` stands for."""
        return x.value if isinstance(x, Tracer) and x.frame is self else x

    def trail(self, x: Any) -> Trail | None:
        """Where the nan or inf in ``x`` comes from; None where there is none."""
        return x.tangent if isinstance(x, Tracer) and x.frame is self else None

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        source_info = self.here(source_info)
        values = [self.value(a) for a in args]
        plain = not any(isinstance(v, Tracer) for v in values)
        if plain and primitive.interpret is not None:
            return tuple(primitive.interpret(args, _Inside(self, primitive.loops)))
        out = apply(primitive.hand_on(values), values, source_info)
        key = source_info, type(primitive)
        run = self.runs[key] = self.runs.get(key, 0) + 1

        def lift(value: Any, number: int) -> Any:
            if not aval_of(value).inexact:
                return value
            made = bad_in(value)
            if made is None:
                return self.lift(value, None)
            loops = tuple(self.loops)
            step = Step(made, str(primitive), "", source_info, run, loops, element=self._element)
            if plain and not any(map(self.trail, args)):
                trail = self._of_element(primitive, values, value, number)
                if trail is not None:
                    return self.lift(value, trail)
            return self.lift(value, self._continue(step, args, values))

        if primitive.multiple:
            return tuple([lift(value, number) for number, value in enumerate(out)])
        return lift(out, 0)

    def _of_element(
        self, primitive: Any, values: Sequence[Any], result: Any, number: int
    ) -> Trail | None:
        """The trail of the first element of a batch whose elements take steps of their own."""
        if primitive.element is None or any(
            isinstance(v, StepResiduals) for v in (*values, result)
        ):
            return None
        element = int(np.argmax(~np.isfinite(result).reshape(len(result), -1).all(axis=1)))
        one, batched = primitive.element(len(values))
        operands = [v[element] if b else v for v, b in zip(values, batched, strict=True)]
        frame = NanFrame(element)
        frame.loops = list(self.loops)
        lifted = [frame.lift(x, None) if aval_of(x).inexact else x for x in operands]
        found = one.interpret(lifted, _Inside(frame, one.loops))
        trail = frame.trail(found[number])
        self._order += 1
        return None if trail is None else replace(trail, order=self._order)

    def _continue(self, step: Step, args: Sequence[Any], values: Sequence[Any]) -> Trail:
        """The trail of a result: that of an operand, which goes on, or a new one."""
        made: Bad = step.made
        trail = Trail.of(made, map(self.trail, args))
        if trail is not None and (made == "inf" or trail.last.made == "nan"):
            return trail.then(step)
        told = replace(step, operands=operands_text(values))
        if trail is not None:
            return trail.then(told)
        if made == "inf" and any(aval_of(v).inexact and bad_in(v) for v in values):
            what = f"a constant of {step.operation}"
            return self._start(replace(step, operation=what, given=True))
        return self._start(told)


class _Inside(Interpreter):
    """Runs the programs of a primitive in a `NanFrame`, with the trails of nans and infs."""

    def __init__(self, frame: NanFrame, loops: bool) -> None:
        self._frame, self._loops = frame, loops
        self._steps: dict[int, int] = {}
        self._entered: int | None = None

    def run(self, jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
        if not self._loops:
            return super().run(jaxpr, args)
        step = self._steps[id(jaxpr)] = self._steps.get(id(jaxpr), -1) + 1
        # A loop over arrays says itself which of their entries it is at; it may go backwards.
        self._frame.loops.append(step if self._entered is None else self._entered)
        try:
            return super().run(jaxpr, args)
        finally:
            self._frame.loops.pop()

    def value(self, x: Any) -> Any:
        return self._frame.value(x)

    def entry(self, x: Any, step: int) -> Any:
        self._entered = step
        value = super().entry(x, step)
        if not aval_of(value).inexact:
            return value
        return self._frame.lift(value, self._frame.trail(x) if bad_in(value) else None)

    def collect(self, entries: Sequence[Any], aval: Aval) -> Any:
        value = super().collect(entries, aval)
        if not aval.inexact:
            return value
        made = bad_in(value)
        trails = map(self._frame.trail, entries)
        return self._frame.lift(value, None if made is None else Trail.of(made, trails))
