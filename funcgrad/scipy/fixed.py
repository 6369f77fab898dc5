"""`odeint_fixed`, Runge-Kutta steps of fixed length as a loop of the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..control.flow.loops import scan
from ..control.implicit.problem import require_functions
from ..core.source_info import place_of
from ..core.trace import aval_of
from ..errors import ArgumentError, ShapeError, entry
from ..numpy.create import asarray
from ..ops.convert import convert
from ..ops.linear import reshape
from ..ops.shape import Concatenate, crop
from .equation import as_state
from .search import FLOAT

__all__ = ["odeint_fixed"]

# Rows of stages, then the weights of the step. Times of stages are the sums of the rows.
_METHODS: dict[str, tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]] = {
    "euler": (((),), (1.0,)),
    "midpoint": (((), (0.5,)), (0.0, 1.0)),
    "rk4": (((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
}


@entry
def odeint_fixed(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    args: Any = (),
    tfirst: bool = False,
    *,
    method: str = "rk4",
    substeps: int = 1,
) -> Any:
    """The solution of ``y' = func(y, t)``, ``y(t[0]) = y0``, by steps of fixed length.

    Between two times there are ``substeps`` equal steps of an explicit Runge-Kutta method; for
    ``"rk4"`` the error falls with the fourth power of their length (Kutta 1901). Nothing estimates
    it: try twice as many. The steps are an ordinary `scan`: every transform works on them, a batch
    runs in one loop, and gradients are exact derivatives of the numbers that are computed, so
    they agree with difference quotients to rounding.

    Args:
        func: ``func(y, t, *args)``, with ``tfirst`` ``func(t, y, *args)``, gives the rate.
        y0: The state at the first time: an array of any shape, real or complex.
        t: Times, increasing or decreasing, shape (n,).
        args: Further arguments, a tuple of pytrees.
        tfirst: Whether the time is the first argument of ``func``.
        method: ``"rk4"``, ``"midpoint"`` or ``"euler"``, of order 4, 2 and 1.
        substeps: How many steps there are between two times.

    Returns:
        The states, shape ``(n, *y0.shape)``, float64 or complex128; the first is ``y0``.

    Raises:
        ArgumentError: For an unknown method, and ``substeps`` below 1.
        ShapeError, DtypeError: Where ``func`` returns no state, and ``t`` is no vector.

    >>> from funcgrad import grad
    >>> odeint_fixed(lambda y, t: -y, 1.0, [0.0, 1.0], substeps=8).round(6)
    array([1.     , 0.36788])
    >>> end = lambda k: odeint_fixed(lambda y, t: -k * y, 1.0, [0.0, 1.0], substeps=8)[1]
    >>> grad(end)(1.0).round(6)
    np.float64(-0.367876)
    """
    what = "odeint_fixed"
    require_functions(what, func=func)
    if method not in _METHODS:
        raise ArgumentError(
            f"{what}: there is no method {method!r}",
            f"Use one of {', '.join(map(repr, _METHODS))}.",
        )
    if not isinstance(substeps, (int, np.integer)) or substeps < 1:
        raise ArgumentError(f"{what}: substeps={substeps!r}", "Pass a positive int.")
    extra = args if isinstance(args, tuple) else (args,)
    y0, times = asarray(y0), convert(asarray(t), FLOAT)
    state = aval_of(y0)
    y0 = convert(y0, np.dtype(np.complex128) if state.dtype.kind == "c" else FLOAT)
    state = aval_of(y0)
    if aval_of(times).ndim != 1 or not aval_of(times).size:
        raise ShapeError(f"{what}: t is {aval_of(times)}", "Give a vector of times.")
    n = aval_of(times).shape[0]
    rows, weights = _METHODS[method]

    def rate(y: Any, t: Any) -> Any:
        found = func(t, y, *extra) if tfirst else func(y, t, *extra)
        return as_state(found, state, what, place_of(func))

    def step(carry: Any, _: Any) -> tuple[Any, None]:
        t, h, y = carry
        stages: list[Any] = []
        for row in rows:
            at = _moved(y, h, row, stages)
            stages.append(rate(at, t + sum(row) * h if row else t))
        return (t + h, h, _moved(y, h, weights, stages)), None

    def interval(y: Any, ends: Any) -> tuple[Any, Any]:
        t, end = ends
        (_, _, y), _ = scan(step, (t, (end - t) / substeps, y), None, length=int(substeps))
        return y, y

    _, states = scan(interval, y0, (crop(times, 0, 0, n - 1), crop(times, 0, 1, n)))
    return Concatenate(0)(reshape(y0, (1, *state.shape)), states)


def _moved(y: Any, h: Any, weights: tuple[float, ...], stages: list[Any]) -> Any:
    """``y`` moved by the weighted mean of the stages."""
    for weight, stage in zip(weights, stages, strict=True):
        y = y + (weight * h) * stage if weight else y
    return y
