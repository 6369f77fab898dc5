"""What may be asked of primitives that hold programs.

A primitive that holds programs says with which role (`Primitive.bodies`), how they are run equation
by equation (`Primitive.interpret`), what its results depend on (`Primitive.depends`), and what is
left of it where some results are unread (`Primitive.trim`). Who walks over programs asks for these
and names no type, so that a new primitive is one class in one file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.ir import Aval, Jaxpr
from ...core.record import run
from ...core.residuals import StepResiduals, StepResidualsAval

__all__ = ["Interpreter"]


class Interpreter:
    """How programs are run by one who looks on; this one does not look.

    `Primitive.interpret` is written with these methods alone, so that who looks on may keep what it
    knows of a value beside it.
    """

    def run(self, jaxpr: Jaxpr, args: Sequence[Any]) -> list[Any]:
        """The results of a program."""
        return run(jaxpr, args)

    def value(self, x: Any) -> Any:
        """The plain value of an operand or result."""
        return x

    def entry(self, x: Any, step: int) -> Any:
        """What one step of a loop reads of ``x``."""
        return self.value(x)[step]

    def collect(self, entries: Sequence[Any], aval: Aval) -> Any:
        """What the steps of a loop gave, as one value: stacked, or as per-step residuals."""
        values = [self.value(x) for x in entries]
        if isinstance(aval, StepResidualsAval):
            return StepResiduals(values, aval)
        return np.array(values, aval.dtype).reshape(aval.shape)
