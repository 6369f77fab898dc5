"""The user's function of a differential equation, traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..control.program.derive import first_like
from ..control.program.trace_body import is_python_number, share_programs
from ..core.ir import Aval, make_aval
from ..core.record import trace
from ..core.source_info import name_of, place_of
from ..core.trace import apply, aval_of
from ..errors import DtypeError, ShapeError
from ..numpy.create import asarray
from ..ops.convert import convert
from ..ops.linear import reshape
from .ode import Trajectory
from .plan import Plan
from .search import FLOAT

__all__ = ["Equation", "as_state"]


class Equation:
    """``y' = fun(t, y)``, traced.

    Args:
        what: The public function, for errors.
        fun: The rate.
        y0: The state at the start.
        jac: Its Jacobian, a function or a matrix, or None.
        vectorized: Whether ``fun`` takes states as columns.

    Attributes:
        shared: What the programs captured.
        program: The rate, ``(*shared, t, y)``.
        jacobian: Its Jacobian or None.
        y0: The state, float64 or complex128.
    """

    def __init__(
        self, what: str, fun: Callable[..., Any], y0: Any, jac: Any, vectorized: bool
    ) -> None:
        y0 = asarray(y0)
        aval = aval_of(y0)
        if aval.ndim != 1:
            raise ShapeError(
                f"{what}: y0 is {aval}, and must have one axis", "Give the state as a vector."
            )
        self.y0 = convert(y0, np.dtype(np.complex128) if aval.dtype.kind == "c" else FLOAT)
        self._state = aval_of(self.y0).strong()
        avals = [make_aval((), FLOAT), self._state]

        def rate(t: Any, y: Any) -> list[Any]:
            y = reshape(y, (*self._state.shape, 1)) if vectorized else y
            return [as_state(fun(t, y), self._state, what, place_of(fun))]

        made = [trace(rate, avals, name=name_of(fun), what=what)]
        if callable(jac):
            made.append(trace(lambda t, y: [self._matrix(jac(t, y))], avals, name="jacobian"))
        elif jac is not None:
            made.append(trace(lambda t, y: [self._matrix(jac)], avals, name="jacobian"))
        programs, self.shared = share_programs([p for p, _ in made], [c for _, c in made])
        self.program, *rest = [first_like(program) for program in programs]
        self.jacobian = rest[0] if rest else None

    def _matrix(self, found: Any) -> Any:
        n = self._state.shape[0]
        return reshape(convert(asarray(found), self._state.dtype), (n, n))

    def solve(self, plan: Plan, span: Any, times: Any) -> tuple[Any, ...]:
        """The results of a `Trajectory`."""
        trajectory = Trajectory(self.program, self.jacobian, plan)
        return apply(trajectory, [*self.shared, span, times, self.y0], None)


def as_state(found: Any, state: Aval, what: str, source: str) -> Any:
    """What a user's function returns, as a state.

    Raises:
        ShapeError, DtypeError: Where it is none; ``what`` and ``source`` say who returned it.
    """
    if not is_python_number(found) and not isinstance(found, (list, tuple)):
        raise DtypeError(
            f"{what}: {source} must return numbers, got {type(found).__name__}",
            "Return an array or a list, one number for each component of the state.",
        )
    found = asarray(found)
    aval = aval_of(found)
    if aval.dtype.kind == "c" and state.dtype.kind != "c":
        raise DtypeError(
            f"{what}: {source} returns {aval}, and the state is {state}",
            "Start from a complex state: y0 = np.asarray(y0, complex).",
        )
    if aval.size != state.size:
        raise ShapeError(
            f"{what}: {source} returns {aval}, and the state is {state}",
            "Return one number for each component of the state.",
        )
    return reshape(convert(found, state.dtype), state.shape)
