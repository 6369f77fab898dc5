"""Effects in programs: calls of functions for what they do, such as printing.

They happen once each time the program is run, in order, with plain values. Derivatives and backward
passes do not repeat them; a batch has one for each element.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.ir import Aval, Equation, Jaxpr, has_effect
from ...core.primitive import Primitive, primitive
from ...core.record import open_frame
from ...core.source_info import SourceInfo
from ...core.trace import Frame, apply
from ..custom.tracing import with_programs
from ..program.derive import derive
from .host import Batches, Host, each_element, elements_running

__all__ = ["DebugCallback", "perform", "without_effects"]


@primitive
class DebugCallback(Primitive):
    """Calls ``host`` with the operands, for each element of ``batches``; gives nothing."""

    host: Host
    batches: Batches
    multiple = True
    discrete = True
    effect = True
    foreign = True

    def __str__(self) -> str:
        return f"{self.name}[{self.host}]"

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        return ()

    def run(self, *operands: Any) -> tuple[Any, ...]:
        frame = open_frame()
        if frame is not None:
            frame.process(self, operands, None)
            return ()
        elements = elements_running(self.batches)
        for element in each_element(self.batches, operands, elements):
            self.host(element)
        return ()

    def staged(self, frame: Frame, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        """Hands it on to the innermost program that is being recorded, to which it belongs."""
        innermost = open_frame()
        if innermost is None or innermost.level <= frame.level:
            return None
        return innermost.process(self, args, source_info)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        batches = ((size, tuple(batched)), *self.batches)
        return apply(DebugCallback(self.host, batches), operands, None)


def perform(host: Host) -> None:
    """Call ``host`` now, or record that it is called."""
    operands = host.arguments.values
    host.arguments.drop()
    apply(DebugCallback(host, ()), operands, None)


def without_effects(jaxpr: Jaxpr) -> Jaxpr:
    """The program that computes the same and does nothing besides."""
    if not jaxpr.effect:
        return jaxpr
    return derive(jaxpr, "without effects", lambda: _without(jaxpr))


def _without(jaxpr: Jaxpr) -> Jaxpr:
    equations: list[Equation] = []
    for eqn in jaxpr.equations:
        if eqn.primitive.effect:
            continue
        if has_effect(eqn.primitive):
            eqn = Equation(
                with_programs(eqn.primitive, without_effects),
                eqn.inputs,
                eqn.outputs,
                eqn.source_info,
            )
        equations.append(eqn)
    return Jaxpr(jaxpr.inputs, equations, jaxpr.outputs, jaxpr.captured, jaxpr.name)
