"""Nonlinear least squares, and fitting curves by it, with SciPy's names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..api.jacobian import jacfwd
from ..api.transformed import require_function
from ..control.flow.loops import while_loop
from ..core.trace import Tracer
from ..errors import ArgumentError, ConvergenceError, ShapeError
from .base import check_in

__all__ = ["LeastSquaresResult", "curve_fit", "least_squares"]

_MESSAGES = (
    "The maximum number of function evaluations is exceeded.",
    "`gtol` termination condition is satisfied.",
    "`ftol` termination condition is satisfied.",
    "`xtol` termination condition is satisfied.",
)
_RUNNING, _NOT_FINITE = 9, -1


class LeastSquaresResult(NamedTuple):
    """What `least_squares` gives, with SciPy's fields; a pytree.

    Attributes:
        x: The parameters, as the pytree that they are.
        cost: Half the sum of the squares of the residuals.
        fun: The residuals.
        jac: Their Jacobian by the elements of ``x`` in a row, ``(m, n)``.
        grad: The gradient of the cost, ``(n,)``.
        optimality: The largest element of it.
        nfev: How often the residuals were computed.
        njev: How often the Jacobian was.
        status: 1 gtol, 2 ftol, 3 xtol, 0 too many evaluations, -1 not finite.
        success: Whether it converged.
    """

    x: Any
    cost: Any
    fun: Any
    jac: Any
    grad: Any
    optimality: Any
    nfev: Any
    njev: Any
    status: Any
    success: Any

    @property
    def message(self) -> str:
        """The status in words; empty where it is traced."""
        if isinstance(self.status, Tracer) or np.ndim(self.status):
            return ""
        number = int(self.status)
        return _MESSAGES[number] if number >= 0 else "The residuals are not finite."


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    *,
    method: str = "lm",
    ftol: float = 1e-8,
    xtol: float = 1e-8,
    gtol: float = 1e-8,
    max_nfev: int | None = None,
    throw: bool = True,
) -> LeastSquaresResult:
    """The parameters for which the sum of the squares of residuals is least.

    Levenberg-Marquardt, with the damping of Nielsen ("Damping parameter in Marquardt's method",
    IMM-REP-1999-05, equation 2.21) and Marquardt's scaling by the diagonal; or Gauss-Newton, which
    is the same without damping. The Jacobian is exact. All of it is one loop of a program.

    Args:
        fun: ``fun(x, *args)`` gives an array of residuals.
        x0: Where to start, a pytree.
        args: What else ``fun`` takes.
        method: ``"lm"``, or ``"gn"`` for Gauss-Newton.
        ftol: Ends where a step lowers the cost by less than this part of it.
        xtol: Ends where a step is shorter than this part of the parameters.
        gtol: Ends where no element of the gradient is larger.
        max_nfev: Ends after so many evaluations; by default 100 times the number of parameters.
        throw: Whether to raise where it does not converge.

    Returns:
        A `LeastSquaresResult`.

    Raises:
        ConvergenceError: It did not converge.
        ShapeError: There are no residuals.

    >>> t = np.linspace(0.0, 1.0, 20)
    >>> data = 2.0 * np.exp(-3.0 * t)
    >>> found = least_squares(lambda p: p["a"] * np.exp(-p["k"] * t) - data, {"a": 1.0, "k": 1.0})
    >>> {k: round(float(v), 6) for k, v in found.x.items()}
    {'a': 2.0, 'k': 3.0}
    """
    called = "least_squares"
    require_function(fun, called)
    if method not in ("lm", "gn"):
        raise ArgumentError(
            f"{called}: there is no method {method!r}", 'Use "lm" or "gn" (Gauss-Newton).'
        )
    check_in(called, 0, np.inf, ftol=ftol, xtol=xtol, gtol=gtol)
    start, unravel = tree.ravel(tree.map(lambda p: p * 1.0, x0))
    start = start.astype(np.float64)
    n = start.shape[0]
    most = 100 * max(n, 1) if max_nfev is None else max_nfev
    damped = method == "lm"

    def residuals(x: Any) -> Any:
        return np.ravel(fun(unravel(x), *args)).astype(np.float64)

    def at(x: Any) -> tuple[Any, Any]:
        return residuals(x), jacfwd(residuals)(x)

    def going_on(s: Any) -> Any:
        return s[7] == _RUNNING

    def step(s: Any) -> Any:
        x, r, jac, damping, factor, nfev, njev, _ = s
        gradient, normal = jac.T @ r, jac.T @ jac
        diagonal = np.diag(normal)
        floor = 1e-12 * np.maximum(np.max(diagonal, initial=0.0), 1e-300)
        scale = np.maximum(diagonal, floor)
        added = damping * scale if damped else 1e-14 * scale
        move = -np.linalg.solve(normal + np.diag(added), gradient)
        tried = x + move
        there = residuals(tried)
        cost, new = 0.5 * np.dot(r, r), 0.5 * np.dot(there, there)
        predicted = 0.5 * np.dot(move, added * move - gradient)
        finite = np.isfinite(new)
        actual = np.where(finite, cost - np.where(finite, new, 0.0), -1.0)
        gain = actual / np.where(predicted > 0, predicted, 1.0)
        # What rounding leaves of a step that is right to the last digit counts as taken.
        taken = (actual >= 0) & finite if damped else finite
        x = np.where(taken, tried, x)
        _, anew = at(x)
        r = np.where(taken, there, r)
        shrunk = damping * np.maximum(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3)
        damping = np.where(taken, np.maximum(shrunk, 1e-15), damping * factor)
        factor = np.where(taken, 2.0, factor * 2.0)
        slope = np.max(np.abs(anew.T @ r), initial=0.0)
        short = np.sqrt(np.dot(move, move)) <= xtol * (xtol + np.sqrt(np.dot(x, x)))
        little = taken & (np.abs(actual) <= ftol * cost) & (predicted <= ftol * cost)
        nfev = nfev + 1
        status = np.where(nfev >= most, 0, _RUNNING)
        status = np.where(short, 3, status)
        status = np.where(little, 2, status)
        status = np.where(slope <= gtol, 1, status).astype(np.int64)[()]
        return x, r, anew, damping[()], factor[()], nfev, njev + 1, status

    r, jac = at(start)
    if not r.shape[0]:
        raise ShapeError(f"{called}: the function gives no residuals", "Return at least one.")
    good = np.all(np.isfinite(r)) & np.all(np.isfinite(jac))
    small = np.max(np.abs(jac.T @ r), initial=0.0) <= gtol
    status = np.where(good, np.where(small, 1, _RUNNING), _NOT_FINITE).astype(np.int64)[()]
    one = np.int64(1)
    begin = start, r, jac, np.float64(1e-3), np.float64(2.0), one, one, status
    x, r, jac, _, _, nfev, njev, status = while_loop(going_on, step, begin)
    gradient = jac.T @ r
    result = LeastSquaresResult(
        unravel(x),
        0.5 * np.dot(r, r),
        r,
        jac,
        gradient,
        np.max(np.abs(gradient), initial=0.0),
        nfev,
        njev,
        status,
        status > 0,
    )
    if throw and not isinstance(result.success, Tracer) and not np.all(result.success):
        raise ConvergenceError(
            f"{called}: did not converge after {int(nfev)} evaluations: {result.message}",
            "Start nearer, scale the parameters, or allow more evaluations; with throw=False the "
            "last point is returned.",
        )
    return result


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    **options: Any,
) -> tuple[Any, Any]:
    """The parameters with which a curve goes best through points: `scipy.optimize.curve_fit`.

    Args:
        f: ``f(xdata, *params)`` gives the curve at ``xdata``.
        xdata: Where the points are.
        ydata: Their values.
        p0: Where to start, a sequence of numbers; by default ones.
        sigma: The uncertainties of ``ydata``, by which the residuals are divided.
        absolute_sigma: Whether they are absolute; else ``pcov`` is scaled by the residuals.
        **options: Further arguments of `least_squares`.

    Returns:
        ``(popt, pcov)``: the parameters, ``(n,)``, and their estimated covariance, ``(n, n)``.

    Raises:
        ConvergenceError: It did not converge.
        ArgumentError: ``p0`` is not given, and the parameters of ``f`` cannot be counted.

    >>> x = np.linspace(0.0, 4.0, 30)
    >>> popt, pcov = curve_fit(lambda x, a, k: a * np.exp(-k * x), x, 2.5 * np.exp(-1.3 * x))
    >>> popt.round(6)
    array([2.5, 1.3])
    """
    require_function(f, "curve_fit")
    if p0 is None:
        p0 = np.ones(_parameter_count(f))
    start = np.asarray(p0, np.float64) if not isinstance(p0, Tracer) else p0

    def residuals(p: Any) -> Any:
        difference = f(xdata, *[p[i] for i in range(np.shape(start)[0])]) - ydata
        return difference if sigma is None else difference / sigma

    found = least_squares(residuals, start, **options)
    m, n = found.jac.shape
    inverse = np.linalg.pinv(found.jac.T @ found.jac)
    if not absolute_sigma:
        scale = 2.0 * found.cost / (m - n) if m > n else np.inf
        inverse = inverse * scale
    return found.x, inverse


def _parameter_count(f: Callable[..., Any]) -> int:
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) < 2 or any(p.kind not in plain for p in parameters):
        raise ArgumentError(
            "curve_fit: the parameters of the function cannot be counted",
            "Pass p0=, with a number for each.",
        )
    return len(parameters) - 1
