"""`minimize` by methods that converge: L-BFGS, and those of SciPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..api.gradient import value_and_grad
from ..api.transformed import require_function
from ..core.trace import Tracer
from ..errors import ArgumentError, MissingExtraError
from .quasi_newton import lbfgs
from .result import MinimizeResult, checked

__all__ = ["by_method"]

_OWN = ("lbfgs",)
_WITHOUT_GRADIENT = frozenset({"nelder-mead", "powell", "cobyla", "cobyqa"})
_NAMES = (
    *("Nelder-Mead", "Powell", "CG", "BFGS", "L-BFGS-B", "TNC", "COBYLA", "COBYQA", "SLSQP"),
    "trust-constr",
)


def by_method(
    cost: Callable[..., Any],
    params: Any,
    args: Sequence[Any],
    method: str | None,
    bounds: tuple[Any, Any] | None,
    tol: float | None,
    options: dict[str, Any],
    jit: bool,
    callback: Callable[[int, Any, Any], object] | None,
    throw: bool,
) -> MinimizeResult:
    """The minimum, by a method; the arguments are those of `minimize`."""
    require_function(cost, "minimize")
    if method is None:
        method = "lbfgs" if bounds is None and callback is None else "L-BFGS-B"
    if method in _OWN:
        if bounds is not None or callback is not None:
            raise ArgumentError(
                "minimize: the method 'lbfgs' takes no bounds and no callback",
                "Leave the method out, for SciPy's L-BFGS-B, or use optim.projected_gradient.",
            )
        if tol is not None:
            options.setdefault("gtol", tol)
        return lbfgs(cost, params, args, throw=throw, **options)
    known = {name.lower(): name for name in _NAMES}
    if not isinstance(method, str) or method.lower() not in known:
        raise ArgumentError(
            f"minimize: there is no method {method!r}",
            f"Use one of 'lbfgs', {', '.join(map(repr, _NAMES))}.",
        )
    return _scipys(
        cost, params, args, known[method.lower()], bounds, tol, options, jit, callback, throw
    )


def _scipys(
    cost: Callable[..., Any],
    params: Any,
    args: Sequence[Any],
    method: str,
    bounds: tuple[Any, Any] | None,
    tol: float | None,
    options: dict[str, Any],
    compiled: bool,
    callback: Callable[[int, Any, Any], object] | None,
    throw: bool,
) -> MinimizeResult:
    from ..compile.jit import jit

    try:
        from ..scipy.plain import minimize
    except ImportError as error:
        raise MissingExtraError(
            f"minimize: the method {method!r} is SciPy's, which is not installed",
            "Install it: pip install 'funcgrad[scipy]'; or use the method 'lbfgs'.",
        ) from error
    if any(isinstance(leaf, Tracer) for leaf in tree.leaves((params, args))):
        raise ArgumentError(
            f"minimize: the method {method!r} searches on plain values, and got traced ones",
            "Inside of a transform use the method 'lbfgs', or funcgrad.scipy.optimize.minimize.",
        )
    start, unravel = tree.ravel(tree.map(lambda p: p * 1.0, params))
    wrap = jit if compiled else lambda f: f
    both = wrap(value_and_grad(lambda x, args: cost(unravel(x), *args)))
    calls = 0

    def function(x: Any) -> tuple[float, Any]:
        nonlocal calls
        calls += 1
        value, gradient = both(x.astype(start.dtype), tuple(args))
        return float(value), np.asarray(gradient, np.float64)

    gradient = method.lower() not in _WITHOUT_GRADIENT
    seen = _Callback(callback, unravel, function)
    found = minimize(
        function if gradient else lambda x: function(x)[0],
        start.astype(np.float64),
        method=method,
        jac=True if gradient else None,
        bounds=_bounds(bounds, params),
        tol=tol,
        options=options or None,
        callback=seen if callback is not None else None,
    )
    value, slope = function(np.asarray(found.x))
    result = MinimizeResult(
        unravel(np.asarray(found.x).astype(start.dtype)),
        np.float64(value),
        unravel(slope.astype(start.dtype)),
        np.bool_(found.success),
        np.int64(getattr(found, "status", 0)),
        np.int64(getattr(found, "nit", 0)),
        np.int64(calls),
    )
    return checked("minimize", result, throw)


class _Callback:
    def __init__(self, callback: Any, unravel: Any, function: Any) -> None:
        self._callback, self._unravel, self._function = callback, unravel, function
        self._count = 0

    def __call__(self, x: Any, *rest: Any) -> None:
        self._count += 1
        self._callback(self._count, self._function(x)[0], self._unravel(x))


def _bounds(bounds: tuple[Any, Any] | None, params: Any) -> list[tuple[float, float]] | None:
    """SciPy's pairs, one an element, from the bounds of a pytree."""
    if bounds is None:
        return None
    if not isinstance(bounds, tuple) or len(bounds) != 2:
        raise ArgumentError(
            f"minimize: bounds must be a pair (lower, upper), got {type(bounds).__name__}",
            "Write bounds=(0.0, np.inf), or a pair of pytrees like the parameters.",
        )
    leaves, treedef = tree.flatten(params)
    sides: list[Any] = []
    for name, side in zip(("lower", "upper"), bounds, strict=True):
        given = tree.flatten_prefix(side, treedef, f"minimize: the {name} bound", "params")
        parts = [
            np.ravel(np.broadcast_to(np.asarray(b, np.float64), np.shape(p)))
            for b, p in zip(given, leaves, strict=True)
        ]
        sides.append(np.concatenate(parts) if parts else np.zeros(0))
    lower, upper = sides
    if np.any(lower > upper):
        raise ArgumentError("minimize: a lower bound is above its upper bound", "Exchange the two.")
    return list(zip(lower.tolist(), upper.tolist(), strict=True))
