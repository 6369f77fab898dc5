"""What a minimisation gives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.trace import Tracer
from ..errors import ConvergenceError

__all__ = ["MinimizeResult", "Status"]

MESSAGES = (
    "The gradient is small enough.",
    "The value does not change any more.",
    "The steps are used up.",
    "No lower value was found along the direction.",
    "The value or the gradient is not finite.",
)
CONVERGED_GRADIENT, CONVERGED_VALUE, STEPS_USED_UP, NO_DESCENT, NOT_FINITE, RUNNING = range(6)
Status = int


class MinimizeResult(NamedTuple):
    """What `minimize` and `lbfgs` give, a pytree.

    Attributes:
        x: The parameters with the lowest value that was found, as the pytree that they are.
        fun: The value there.
        jac: The gradient there, a pytree like ``x``.
        success: Whether it converged.
        status: Why it ended: 0 the gradient is small, 1 the value does not change, 2 the steps are
            used up, 3 no lower value along the direction, 4 not finite. Other methods have their
            own numbers.
        nit: How many steps were made.
        nfev: How often the function and its gradient were computed.
    """

    x: Any
    fun: Any
    jac: Any
    success: Any
    status: Any
    nit: Any
    nfev: Any

    @property
    def params(self) -> Any:
        """``x``."""
        return self.x

    @property
    def message(self) -> str:
        """The status in words; empty where it is traced."""
        if isinstance(self.status, Tracer) or np.ndim(self.status):
            return ""
        number = int(self.status)
        return MESSAGES[number] if 0 <= number < len(MESSAGES) else f"Status {number}."


def checked(called: str, result: MinimizeResult, throw: bool) -> MinimizeResult:
    """The result; raises for one that did not converge, where that is known and asked for."""
    if not throw or isinstance(result.success, Tracer) or bool(np.all(result.success)):
        return result
    raise ConvergenceError(
        f"{called}: did not converge after {int(result.nit)} steps and {int(result.nfev)} "
        f"evaluations: {result.message} The value is {float(result.fun):.6g}",
        "Start nearer, scale the parameters, or allow more steps; with throw=False the best point "
        "so far is returned.",
    )
