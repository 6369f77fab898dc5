"""L-BFGS: a quasi-Newton method that needs nothing but the function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..api.gradient import value_and_grad
from ..api.transformed import require_function
from ..control.flow.loops import while_loop
from .base import check_in, check_positive
from .line_search import strong_wolfe
from .result import (
    CONVERGED_GRADIENT,
    CONVERGED_VALUE,
    NO_DESCENT,
    NOT_FINITE,
    RUNNING,
    STEPS_USED_UP,
    MinimizeResult,
    checked,
)

__all__ = ["lbfgs"]


class _State(NamedTuple):
    x: Any
    value: Any
    gradient: Any
    steps: Any  # of the last updates, newest last: (memory, n)
    changes: Any
    curvatures: Any  # 1 / (y.s), 0 for none
    scale: Any
    nit: Any
    nfev: Any
    status: Any


def lbfgs(
    fun: Callable[..., Any],
    params: Any,
    args: Sequence[Any] = (),
    *,
    memory_size: int = 10,
    gtol: float = 1e-5,
    ftol: float = 2.2e-9,
    max_steps: int = 15_000,
    throw: bool = True,
) -> MinimizeResult:
    """The minimum of a function, by the limited-memory BFGS method.

    Two-loop recursion over the last ``memory_size`` steps (Nocedal & Wright, Numerical
    Optimization, 2006, algorithm 7.4, with the scaling of their equation 7.20), and a line search
    for the strong Wolfe conditions. All of it is one loop of a program: ``fun`` is traced once, and
    under `vmap` each start goes its own way.

    Args:
        fun: ``fun(params, *args)`` gives a real scalar.
        params: Where to start, a pytree of real arrays and numbers.
        args: What else ``fun`` takes.
        memory_size: How many steps are remembered.
        gtol: Ends when no element of the gradient is larger.
        ftol: Ends when the value changes by less than this times the larger of its size and 1.
        max_steps: Ends after so many steps, without success.
        throw: Whether to raise where it does not converge. Inside of `jit` and `vmap` nothing is
            raised: look at ``success``.

    Returns:
        A `MinimizeResult`; ``x`` is the best point so far whatever happened.

    Raises:
        ConvergenceError: It did not converge.

    >>> found = lbfgs(lambda p: (p["a"] - 3.0) ** 2 + (p["b"] + 1.0) ** 2, {"a": 0.0, "b": 0.0})
    >>> {k: round(float(v), 6) for k, v in found.x.items()}, bool(found.success)
    ({'a': 3.0, 'b': -1.0}, True)
    """
    require_function(fun, "lbfgs")
    check_positive("lbfgs", memory_size=memory_size)
    check_in("lbfgs", 0, np.inf, gtol=gtol, ftol=ftol, max_steps=max_steps)
    start, unravel = tree.ravel(tree.map(lambda p: p * 1.0, params))
    start = start.astype(np.float64)

    def both(x: Any) -> tuple[Any, Any]:
        value, gradient = value_and_grad(lambda x: fun(unravel(x), *args))(x)
        return value.astype(np.float64), gradient.astype(np.float64)

    found = while_loop(
        lambda s: s.status == RUNNING,
        lambda s: _step(both, s, gtol, ftol, max_steps),
        _begin(both, start, memory_size, gtol),
    )
    success = (found.status == CONVERGED_GRADIENT) | (found.status == CONVERGED_VALUE)
    result = MinimizeResult(
        unravel(found.x),
        found.value,
        unravel(found.gradient),
        success,
        found.status,
        found.nit,
        found.nfev,
    )
    return checked("lbfgs", result, throw)


def _begin(both: Callable[[Any], tuple[Any, Any]], x: Any, memory: int, gtol: float) -> _State:
    value, gradient = both(x)
    n = x.shape[0]
    zero = np.float64(0.0)
    small = np.max(np.abs(gradient), initial=0.0) <= gtol
    finite = np.isfinite(value) & np.all(np.isfinite(gradient))
    status = np.where(finite, np.where(small, CONVERGED_GRADIENT, RUNNING), NOT_FINITE)
    room = np.zeros((memory, n))
    return _State(
        x + zero,
        value + zero,
        gradient + zero,
        room + 0.0 * np.where(np.isfinite(x), x, 0.0),
        room + 0.0 * np.where(np.isfinite(x), x, 0.0),
        np.zeros(memory) + 0.0 * np.where(finite, value, 0.0),
        np.float64(1.0) + 0.0 * np.where(finite, value, 0.0),
        np.int64(0),
        np.int64(1),
        status.astype(np.int64),
    )


def _step(
    both: Callable[[Any], tuple[Any, Any]], s: _State, gtol: float, ftol: float, most: int
) -> _State:
    direction = -_apply_inverse(s)
    slope = np.dot(direction, s.gradient)
    # Rounding may make it no descent: then go down the gradient.
    direction = np.where(slope < 0, direction, -s.gradient)
    norm = np.sqrt(np.dot(s.gradient, s.gradient))
    first = np.where(s.nit == 0, np.minimum(1.0, 1.0 / np.where(norm > 0, norm, 1.0)), 1.0)
    found = strong_wolfe(both, s.x, direction, s.value, s.gradient, first)
    x = np.where(found.success, s.x + found.step * direction, s.x)
    value = np.where(found.success, found.value, s.value)
    gradient = np.where(found.success, found.gradient, s.gradient)
    step, change = x - s.x, gradient - s.gradient
    curvature = np.dot(step, change)
    square = np.dot(change, change)
    kept = curvature > 2.2e-16 * square
    safe = np.where(kept, curvature, 1.0)
    steps = np.where(kept, np.concatenate([s.steps[1:], step[None]]), s.steps)
    changes = np.where(kept, np.concatenate([s.changes[1:], change[None]]), s.changes)
    newest = np.concatenate([s.curvatures[1:], (1.0 / safe)[None]])
    curvatures = np.where(kept, newest, s.curvatures)
    scale = np.where(kept, safe / np.where(square > 0, square, 1.0), s.scale)
    nit = s.nit + 1
    small = np.max(np.abs(gradient), initial=0.0) <= gtol
    size = np.maximum(np.maximum(np.abs(value), np.abs(s.value)), 1.0)
    still = s.value - value <= ftol * size
    status = np.where(nit >= most, STEPS_USED_UP, RUNNING)
    status = np.where(found.success & still, CONVERGED_VALUE, status)
    status = np.where(small, CONVERGED_GRADIENT, status)
    status = np.where(found.success, status, NO_DESCENT)
    nfev = s.nfev + found.evaluations
    return _State(
        x,
        value[()],
        gradient,
        steps,
        changes,
        curvatures,
        scale[()],
        nit,
        nfev,
        status.astype(np.int64)[()],
    )


def _apply_inverse(s: _State) -> Any:
    """The inverse Hessian's estimate times the gradient: Nocedal & Wright, algorithm 7.4."""
    memory = s.curvatures.shape[0]
    q = s.gradient
    alphas: list[Any] = []
    for i in reversed(range(memory)):
        alpha = s.curvatures[i] * np.dot(s.steps[i], q)
        q = q - alpha * s.changes[i]
        alphas.append(alpha)
    r = s.scale * q
    for i in range(memory):
        beta = s.curvatures[i] * np.dot(s.changes[i], r)
        r = r + (alphas[memory - 1 - i] - beta) * s.steps[i]
    return r
