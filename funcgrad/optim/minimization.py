"""One call that minimises a cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..api.gradient import _derivative, value_and_grad
from ..api.transformed import require_function
from ..errors import ArgumentError
from .base import Optimizer, shown
from .leaves import apply_updates


def minimize(
    cost: Callable[..., Any],
    params: Any,
    optimizer: Optimizer | str | None = None,
    steps: int = 100,
    *,
    args: Sequence[Any] = (),
    method: str | None = None,
    bounds: tuple[Any, Any] | None = None,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    jit: bool = True,
    callback: Callable[[int, Any, Any], object] | None = None,
    throw: bool = True,
) -> Any:
    """Minimise a cost, in one call: by steps of an optimizer, or by a method that converges.

    Args:
        cost: ``cost(params, *args)`` gives a real scalar.
        params: A pytree of starting parameters; it is not changed.
        optimizer: Such as ``optim.adam(0.01)``; None, or a name, for a method.
        steps: How many updates an optimizer makes.
        args: What else ``cost`` takes, the data for example.
        method: ``"lbfgs"``, which is the default without an optimizer (with bounds SciPy's
            ``"L-BFGS-B"``), or the name of a method of `scipy.optimize.minimize`.
        bounds: ``(lower, upper)``: numbers, or pytrees of the structure of ``params`` or a prefix
            of it; ``-inf`` and ``inf`` for none. For the methods that take bounds.
        tol: The tolerance of the method.
        options: Further options of the method, under its own names.
        jit: Whether to compile the step of an optimizer, and what a method calls. A cost that
            branches in Python on values needs False.
        callback: Called as ``callback(k, cost, params)`` after k updates, of an optimizer for
            k = 0, 1, ..., ``steps``.
        throw: Whether to raise where a method does not converge.

    Returns:
        With an optimizer ``(params, history)``: the last parameters, and an array of
        ``steps + 1`` costs, of which entry k is the cost after k updates. A cost that diverges
        stays there, as inf or nan. With a method a `MinimizeResult`.

    Raises:
        ArgumentError: ``optimizer``, ``steps`` or ``bounds`` is not what is said here.
        ConvergenceError: A method did not converge.
        MissingExtraError: A method of SciPy's, and SciPy is not installed.

    >>> from funcgrad import optim
    >>> params, history = optim.minimize(lambda x: (x - 3.0) ** 2, 0.0, optim.sgd(0.25), steps=20)
    >>> params.round(4), history[:3]
    (np.float64(3.0), array([9.    , 2.25  , 0.5625]))
    >>> found = optim.minimize(lambda p: (p["x"] - 3.0) ** 2, {"x": 0.0})
    >>> {k: round(float(v), 6) for k, v in found.x.items()}
    {'x': 3.0}
    """
    if isinstance(optimizer, str):
        method, optimizer = optimizer, None
    if optimizer is None or method is not None:
        if isinstance(optimizer, Optimizer):
            raise ArgumentError(
                f"minimize: got the optimizer {optimizer!r} and the method {method!r}",
                "Pass one of them.",
            )
        from .methods import by_method

        return by_method(
            cost, params, args, method, bounds, tol, dict(options or {}), jit, callback, throw
        )
    # Only this function needs the compiler; the optimizers are useful without it.
    from ..compile.jit import jit as compiled

    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(
            f"minimize: expected an optimizer, got {shown(optimizer)}",
            "Pass one such as optim.sgd(0.1).",
        )
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
        raise ArgumentError(
            f"minimize: steps must be an integer, not negative, got {steps!r}",
            "Pass the number of updates to make.",
        )

    require_function(cost, "minimize")
    differentiated = _derivative(value_and_grad, cost, None, None, False, False, "minimize")

    def step(params: Any, state: Any, args: Sequence[Any]) -> tuple[Any, Any, Any]:
        value, grads = differentiated(params, *args)
        updates, state = optimizer.update(grads, state, params)
        return value, apply_updates(params, updates), state

    take = compiled(step) if jit else step
    state = optimizer.init(params)
    history = np.empty(steps + 1)
    for k in range(steps):
        value, following, state = take(params, state, args)
        history[k] = value
        if callback is not None:
            callback(k, value, params)
        params = following
    # The step gives the cost before its update; this last update is made for its cost alone.
    history[steps] = value = take(params, state, args)[0]
    if callback is not None:
        callback(int(steps), value, params)
    return params, history
