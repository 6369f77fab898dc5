"""Searches over pytrees: SciPy sees vectors, the user's functions see what they expect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import tree
from ..errors import ArgumentError
from .result import OptimizeResult

__all__ = ["is_tree", "over_tree"]


def is_tree(x0: Any) -> bool:
    """Whether ``x0`` is a pytree that is no vector: a list of numbers is one."""
    if tree.structure(x0) is tree.LEAF or x0 is None:
        return False
    return not isinstance(x0, (list, tuple)) or hasattr(x0, "_fields")


def over_tree(
    what: str,
    search: Callable[..., OptimizeResult],
    fun: Callable[..., Any],
    x0: Any,
    jac: Any,
    bounds: Any,
    callback: Callable[..., Any] | None,
    refused: dict[str, Any],
    keywords: dict[str, Any],
) -> OptimizeResult:
    """The result of a search over vectors, with ``x`` (and ``jac``, ``fun`` of `root`) as pytrees.

    Args:
        what: The search's name.
        search: ``search(fun, x0, **keywords)``.
        fun: The user's function of a pytree.
        x0: Where to start.
        jac: None, True, or a function that gives the gradient as a pytree.
        bounds: None, or a pair of pytrees or prefixes of them.
        callback: Called with pytrees.
        refused: Arguments that are for vectors alone, and what they are.
        keywords: The other arguments of ``search``.

    Raises:
        ArgumentError: For arguments that are for vectors alone.
    """
    given = [name for name, value in refused.items() if value is not None]
    wrong = "jac" if jac not in (None, True) and (what == "root" or not callable(jac)) else ""
    if given or wrong:
        raise ArgumentError(
            f"{what}: {wrong or given[0]} is for vectors, and x0 is a pytree",
            "Leave it out, for the exact derivatives; or write flat, unravel = "
            f"funcgrad.tree.ravel(x0), then {what}(lambda v: f(unravel(v)), flat, ...).",
        )
    flat, unravel = tree.ravel(x0)

    def of_vector(v: Any, *args: Any) -> Any:
        found = fun(unravel(v), *args)
        if jac is True:
            value, slope = found
            return value, tree.ravel(slope)[0]
        return tree.ravel(found)[0] if what == "root" else found

    if callable(jac):
        own: Callable[..., Any] = jac
        keywords["jac"] = lambda v, *args: tree.ravel(own(unravel(v), *args))[0]
    elif jac is True:
        keywords["jac"] = True
    if bounds is not None:
        keywords["bounds"] = _pairs(what, bounds, x0)
    if callback is not None:
        told: Callable[..., Any] = callback
        keywords["callback"] = lambda v, *rest: told(unravel(v), *rest)
    found = search(of_vector, flat, **keywords)
    found.x = unravel(found.x)
    if what == "root":
        found.fun = unravel(found.fun)
    elif found.jac is not None:
        found.jac = unravel(found.jac)
    return found


def _pairs(what: str, bounds: Any, x0: Any) -> list[tuple[float, float]]:
    if not isinstance(bounds, tuple) or len(bounds) != 2:
        raise ArgumentError(
            f"{what}: the bounds of a pytree are a pair (lower, upper), got "
            f"{type(bounds).__name__}",
            "Write bounds=(0.0, np.inf), or a pair of pytrees like x0.",
        )
    leaves, treedef = tree.flatten(x0)
    sides = []
    for name, side in zip(("lower", "upper"), bounds, strict=True):
        given = tree.flatten_prefix(side, treedef, f"{what}: the {name} bound", "x0")
        parts = [
            np.ravel(np.broadcast_to(np.asarray(b, np.float64), np.shape(p)))
            for b, p in zip(given, leaves, strict=True)
        ]
        sides.append(np.concatenate(parts).tolist())
    return list(zip(*sides, strict=True))
