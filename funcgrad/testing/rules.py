"""Rules that users state, against central differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import tree
from ..api.leaves import is_inexact
from ..api.products import jvp, vjp
from ..control.custom.custom_jvp import CustomJvpFunction
from ..control.custom.function import CustomFunction
from ..errors import ArgumentError
from .gradients import _TOLERANCES, _coarsest, _direction, _inner, numerical_jvp, require_arguments

__all__ = ["check_rule"]


def check_rule(
    f: Any,
    args: Sequence[Any],
    *,
    rtol: float | None = None,
    atol: float | None = None,
    eps: float | None = None,
    seed: int = 0,
) -> None:
    """Compare the rule of a function with central differences of the function itself.

    The function is called plainly, so its rule has no part in what it is compared with: for
    a random direction ``t`` of one argument and a random cotangent ``ct`` of the result, the rule
    of a `custom_jvp` must give ``J t`` and every rule ``<ct, J t>`` in reverse mode, where
    ``<a, b> = Re(sum(a * b))``. The result that the rule gives must be the function's.

    Args:
        f: Made by `custom_vjp`, `custom_jvp` or `custom_gradient`.
        args: A tuple of arguments, away from kinks.
        rtol: Relative tolerance; by default by the coarsest dtype (2e-5 for float64).
        atol: Absolute tolerance; by default ``rtol``.
        eps: The step of the differences.
        seed: For the random directions.

    Raises:
        AssertionError: Saying for which argument the rule is wrong, and by how much.
        ArgumentError: Where ``f`` has no rule to check.

    >>> from funcgrad import custom_vjp
    >>> square = custom_vjp(lambda x: x * x)
    >>> square.defvjp(lambda x: (x * x, x), lambda x, ct: (2.0 * x * ct,))
    >>> check_rule(square, (3.0,))
    """
    if not isinstance(f, CustomFunction):
        raise ArgumentError(
            f"testing.check_rule: expected a function with a rule, got {type(f).__name__}",
            "Pass what custom_vjp, custom_jvp or custom_gradient made; for other functions use "
            "check_grads.",
        )
    require_arguments("testing.check_rule", f, args)
    args = tuple(args)
    rng = np.random.default_rng(seed)
    rtol = _TOLERANCES.get(_coarsest(args), 2e-5) if rtol is None else rtol
    atol = rtol if atol is None else atol

    def floats(*xs: Any) -> list[Any]:
        return [leaf for leaf in tree.leaves(f(*xs)) if is_inexact(leaf)]

    plain = floats(*args)
    out, pullback, *_ = vjp(floats, *args)
    _equal(out, plain, f"check_rule: the result of the rule of {f!r}", rtol, atol)
    ct = _direction(rng, plain)
    cts = pullback(ct)
    nondiff = f.nondiff(*args)
    for i, arg in enumerate(args):
        if i in nondiff or not any(map(is_inexact, tree.leaves(arg))):
            continue
        t = _direction(rng, arg)
        tangents = [_zeros(x) for x in args]
        tangents[i] = t
        expected = numerical_jvp(floats, args, tangents, eps)
        if isinstance(f, CustomJvpFunction):
            what = f"check_rule: the tangent of {f!r} for argument {i}"
            _equal(jvp(floats, args, tangents)[1], expected, what, rtol, atol)
        np.testing.assert_allclose(
            _inner(tree.leaves(cts[i], is_leaf=_is_none), tree.leaves(t, is_leaf=_is_none)),
            _inner(ct, expected),
            rtol=rtol,
            atol=atol,
            err_msg=f"check_rule: <ct, J t> of {f!r} for argument {i}: the rule differs",
        )


def _is_none(x: Any) -> bool:
    return x is None


def _zeros(x: Any) -> Any:
    return tree.map(lambda leaf: np.zeros_like(leaf)[()] if is_inexact(leaf) else None, x)


def _equal(found: Any, expected: Any, what: str, rtol: float, atol: float) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=f"{what} differs")
