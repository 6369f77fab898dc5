"""One call that minimises a cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..api.gradient import _derivative, value_and_grad
from ..api.transformed import require_function
from ..errors import ArgumentError
from .base import Optimizer, shown
from .leaves import apply_updates

P = TypeVar("P")


def minimize(
    cost: Callable[..., Any],
    params: P,
    optimizer: Optimizer,
    steps: int = 100,
    *,
    args: Sequence[Any] = (),
    jit: bool = True,
    callback: Callable[[int, Any, P], object] | None = None,
) -> tuple[P, NDArray[np.float64]]:
    """Take ``steps`` steps of an optimizer down a cost.

    Args:
        cost: ``cost(params, *args)`` gives a real scalar.
        params: A pytree of starting parameters; it is not changed.
        optimizer: Such as ``optim.adam(0.01)``.
        steps: How many updates to make.
        args: What else ``cost`` takes, the data for example.
        jit: Whether to compile the step. A cost that branches in Python on values needs False.
        callback: Called as ``callback(k, cost, params)`` after k updates, k = 0, 1, ..., ``steps``.

    Returns:
        ``(params, history)``: the last parameters, and an array of ``steps + 1`` costs, of which
        entry k is the cost after k updates. A cost that diverges stays there, as inf or nan.

    Raises:
        ArgumentError: ``optimizer`` or ``steps`` is not what is said here.

    >>> from funcgrad import optim
    >>> params, history = optim.minimize(lambda x: (x - 3.0) ** 2, 0.0, optim.sgd(0.25), steps=20)
    >>> params.round(4), history[:3]
    (np.float64(3.0), array([9.    , 2.25  , 0.5625]))
    """
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

    def step(params: P, state: Any, args: Sequence[Any]) -> tuple[Any, P, Any]:
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
