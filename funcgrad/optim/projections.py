"""Projections onto sets, and gradient methods that stay in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..api.gradient import value_and_grad
from ..api.transformed import require_function
from ..control.flow.loops import while_loop
from ..errors import ArgumentError
from .base import check_in, check_positive
from .result import (
    CONVERGED_GRADIENT,
    NOT_FINITE,
    RUNNING,
    STEPS_USED_UP,
    MinimizeResult,
    checked,
)

__all__ = [
    "projected_gradient",
    "projection_box",
    "projection_l2_ball",
    "projection_non_negative",
    "projection_simplex",
    "proximal_gradient",
]


def projection_box(pytree: Any, lower: Any, upper: Any) -> Any:
    """The nearest point between two bounds: ``clip(x, lower, upper)``, leaf by leaf.

    Args:
        pytree: A pytree of arrays.
        lower: A number, or a pytree of the same structure; ``-inf`` for none.
        upper: Likewise.

    >>> projection_box(np.array([-1.0, 0.5, 7.0]), 0.0, 1.0)
    array([0. , 0.5, 1. ])
    """
    treedef = tree.structure(pytree)
    lows = tree.flatten_prefix(lower, treedef, "projection_box: the lower bound", "the tree")
    highs = tree.flatten_prefix(upper, treedef, "projection_box: the upper bound", "the tree")
    leaves = [np.clip(x, a, b) for x, a, b in zip(tree.leaves(pytree), lows, highs, strict=True)]
    return tree.unflatten(treedef, leaves)


def projection_non_negative(pytree: Any) -> Any:
    """The nearest point without negative elements.

    >>> projection_non_negative(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return tree.map(lambda x: np.maximum(x, 0.0), pytree)


def projection_simplex(pytree: Any, scale: float = 1.0) -> Any:
    """The nearest point without negative elements whose elements add up to ``scale``.

    All leaves count together. By sorting: Duchi, Shalev-Shwartz, Singer and Chandra, "Efficient
    projections onto the l1-ball for learning in high dimensions" (ICML 2008), figure 1.

    Args:
        pytree: A pytree of arrays.
        scale: Positive.

    >>> projection_simplex(np.array([0.5, 2.0, -1.0]))
    array([0., 1., 0.])
    """
    check_positive("projection_simplex", scale=scale)
    flat, unravel = tree.ravel(pytree)
    ordered = np.sort(flat)[::-1]
    sums = np.cumsum(ordered) - scale
    counts = np.arange(1.0, flat.shape[0] + 1.0)
    count = np.sum(ordered * counts > sums)
    return unravel(np.maximum(flat - np.take(sums, count - 1) / count, 0.0))


def projection_l2_ball(pytree: Any, scale: float = 1.0) -> Any:
    """The nearest point whose Euclidean norm, over all leaves, is at most ``scale``.

    >>> projection_l2_ball(np.array([3.0, 4.0]), 1.0)
    array([0.6, 0.8])
    """
    check_positive("projection_l2_ball", scale=scale)
    total = sum([np.sum(x * x) for x in tree.leaves(pytree)])
    norm = np.sqrt(np.where(total > 0, total, 1.0))
    factor = np.where(total > scale * scale, scale / norm, 1.0)
    return tree.map(lambda x: factor * x, pytree)


def projected_gradient(
    fun: Callable[..., Any],
    params: Any,
    projection: Callable[[Any], Any],
    args: Sequence[Any] = (),
    *,
    tol: float = 1e-6,
    max_steps: int = 5000,
    throw: bool = True,
) -> MinimizeResult:
    """The minimum of a function over a convex set, given by the projection onto it.

    Accelerated, with a step that is found by halving and that grows again: Beck and Teboulle, "A
    fast iterative shrinkage-thresholding algorithm for linear inverse problems" (SIAM J. Imaging
    Sciences 2, 2009), the method with backtracking, begun anew where the value rises.

    Args:
        fun: ``fun(params, *args)`` gives a real scalar.
        params: Where to start, a pytree; it need not lie in the set.
        projection: ``projection(params)`` gives the nearest point of the set, such as
            `projection_simplex`.
        args: What else ``fun`` takes.
        tol: Ends where a step of length 1 would move no element by more.
        max_steps: Ends after so many steps, without success.
        throw: As for `lbfgs`.

    Returns:
        A `MinimizeResult`, whose ``jac`` is the gradient.

    Raises:
        ConvergenceError: It did not converge.

    >>> goal = np.array([0.9, 0.9, -1.0])
    >>> found = projected_gradient(
    ...     lambda x: np.sum((x - goal) ** 2), np.zeros(3), projection_simplex
    ... )
    >>> found.x.round(6)
    array([0.5, 0.5, 0. ])
    """
    require_function(projection, "projected_gradient")
    return _proximal(
        "projected_gradient", fun, params, lambda x, s: projection(x), args, tol, max_steps, throw
    )


def proximal_gradient(
    fun: Callable[..., Any],
    params: Any,
    prox: Callable[[Any, Any], Any],
    args: Sequence[Any] = (),
    *,
    tol: float = 1e-6,
    max_steps: int = 5000,
    throw: bool = True,
) -> MinimizeResult:
    """The minimum of ``fun(p) + g(p)``, where g is given by its proximal operator.

    Args:
        fun: ``fun(params, *args)`` gives a real scalar, smooth.
        params: Where to start, a pytree.
        prox: ``prox(params, step)`` gives ``argmin_q g(q) + norm(q - p)**2 / (2 * step)``; of the
            absolute values it shrinks: ``sign(p) * maximum(abs(p) - step * weight, 0)``.
        args: As for `projected_gradient`.
        tol: As for `projected_gradient`.
        max_steps: As for `projected_gradient`.
        throw: As for `projected_gradient`.

    Returns:
        A `MinimizeResult`; ``fun`` and ``jac`` are of the smooth part.

    Raises:
        ConvergenceError: It did not converge.

    >>> shrink = lambda p, step: np.sign(p) * np.maximum(np.abs(p) - step * 0.5, 0.0)
    >>> proximal_gradient(lambda x: 0.5 * np.sum((x - 2.0) ** 2), np.zeros(1), shrink).x.round(4)
    array([1.5])
    """
    require_function(prox, "proximal_gradient")
    return _proximal("proximal_gradient", fun, params, prox, args, tol, max_steps, throw)


def _proximal(
    called: str,
    fun: Callable[..., Any],
    params: Any,
    prox: Callable[[Any, Any], Any],
    args: Sequence[Any],
    tol: float,
    max_steps: int,
    throw: bool,
) -> MinimizeResult:
    require_function(fun, called)
    check_in(called, 0, np.inf, tol=tol, max_steps=max_steps)
    start, unravel = tree.ravel(tree.map(lambda p: p * 1.0, params))
    start = start.astype(np.float64)

    def both(x: Any) -> tuple[Any, Any]:
        value, gradient = value_and_grad(lambda x: fun(unravel(x), *args))(x)
        return value.astype(np.float64), gradient.astype(np.float64)

    def proximal(x: Any, step: Any) -> Any:
        found, _ = tree.ravel(prox(unravel(x), step))
        if np.shape(found) != np.shape(x):
            raise ArgumentError(
                f"{called}: {x.shape[0]} numbers went in and {np.size(found)} came out of the "
                "projection",
                "Return a pytree of the structure and shapes that came in.",
            )
        return found.astype(np.float64)

    def advance(s: Any) -> Any:
        x, y, momentum, step, nit, nfev, _ = s
        value, gradient = both(y)

        def shorter(t: Any) -> Any:
            _, step, _, count, _ = t
            return attempt(0.5 * step, count)

        def attempt(step: Any, count: Any) -> Any:
            candidate = proximal(y - step * gradient, step)
            move = candidate - y
            there, _ = both(candidate)
            bound = value + np.dot(gradient, move) + np.dot(move, move) / (2.0 * step)
            enough = np.isfinite(there) & (there <= bound + 1e-12 * np.abs(value))
            return candidate, step, there, count + 1, enough

        first = attempt(1.5 * step, nfev + 1)
        candidate, step, there, nfev, _ = while_loop(
            lambda t: ~t[4] & (t[1] > 1e-18), shorter, first
        )
        # Where the value has risen since the last point the momentum begins anew.
        before, _ = both(x)
        risen = there > before
        following = np.where(risen, 1.0, 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum * momentum)))
        ahead = np.where(risen, 0.0, (momentum - 1.0) / following)
        y = candidate + ahead * (candidate - x)
        _, at = both(candidate)
        left = np.max(np.abs(candidate - proximal(candidate - at, np.float64(1.0))), initial=0.0)
        status = np.where(nit + 1 >= max_steps, STEPS_USED_UP, RUNNING)
        status = np.where(left <= tol, CONVERGED_GRADIENT, status)
        status = np.where(np.isfinite(there), status, NOT_FINITE)
        nfev = nfev + 2
        return candidate, y, following[()], step, nit + 1, nfev, status.astype(np.int64)[()]

    first = proximal(start, np.float64(1.0))
    zero = np.int64(0)
    begin = first, first, np.float64(1.0), np.float64(1.0), zero, zero, np.int64(RUNNING)
    x, _, _, _, nit, nfev, status = while_loop(lambda s: s[6] == RUNNING, advance, begin)
    value, gradient = both(x)
    success = status == CONVERGED_GRADIENT
    result = MinimizeResult(unravel(x), value, unravel(gradient), success, status, nit, nfev + 1)
    return checked(called, result, throw)
