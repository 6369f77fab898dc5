"""Derivatives against central differences, recursively in order and mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..api.leaves import is_inexact
from ..api.products import jvp, vjp
from ..core.trace import aval_of
from ..errors import ArgumentError

__all__ = ["check_grads", "derivative", "numerical_jvp"]

_TOLERANCES = {np.float16: 2e-1, np.float32: 4e-2, np.float64: 2e-5}


def derivative(f: Callable[..., Any]) -> Callable[..., Any]:
    """The derivative of a function of one float, in forward mode.

    Args:
        f: A function of one scalar (or array, differentiated in the direction of ones).

    Returns:
        ``x -> jvp(f, (x,), (1,))[1]``.

    >>> derivative(lambda x: x**3)(2.0)
    np.float64(12.0)
    """

    def differentiated(x: Any) -> Any:
        return jvp(f, (x,), (_ones(x),))[1]

    return differentiated


def require_arguments(called: str, f: Any, args: Any) -> None:
    """Check that ``f`` is a function and ``args`` a tuple or list of its arguments.

    Raises:
        ArgumentError: Saying how it is called.
    """
    if not callable(f):
        raise ArgumentError(
            f"{called}: expected a function, got {type(f).__name__}",
            f"Write {called}(f, (x,)).",
        )
    if not isinstance(args, (tuple, list)):
        raise ArgumentError(
            f"{called}: expected a tuple of arguments, got {type(args).__name__}",
            f"Write {called}(f, (x,)) for a function of one argument.",
        )


def _ones(x: Any) -> Any:
    aval = aval_of(x)
    return np.ones(aval.shape, aval.dtype)[()]


def numerical_jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    eps: float | None = None,
) -> Any:
    """The derivative of ``f`` in the direction of ``tangents`` by central differences.

    ``(f(x + eps*t) - f(x - eps*t)) / (2 eps)``, with an error of order ``eps**2``.

    Args:
        f: A function of pytrees, with a pytree of arrays as result.
        primals: A tuple of arguments.
        tangents: One a primal, None at leaves that are not floats.
        eps: The step; by default the cube root of the dtype's resolution.

    Returns:
        A pytree like the output, None at leaves that are not floats.

    >>> float(numerical_jvp(lambda x: x * x, (3.0,), (1.0,)).round(6))
    6.0
    """
    require_arguments("testing.numerical_jvp", f, primals)
    step = float(np.finfo(_coarsest(primals)).eps) ** (1 / 3) if eps is None else eps
    above, below = (f(*_move(primals, tangents, move)) for move in (step, -step))

    def difference(a: Any, b: Any) -> Any:
        return (np.asarray(a) - np.asarray(b)) / (2 * step) if is_inexact(a) else None

    return tree.map(difference, above, below)


def _coarsest(*trees: Any) -> Any:
    kinds = [aval_of(leaf).dtype for leaf in tree.leaves(trees) if is_inexact(leaf)]
    real = [k.type(0).real.dtype.type for k in kinds]
    return min(real, key=lambda k: np.finfo(k).precision, default=np.float64)


def _move(primals: Sequence[Any], tangents: Sequence[Any], step: float) -> Any:
    def move(x: Any, t: Any) -> Any:
        if t is None:
            return x
        moved = np.asarray(x) + np.asarray(step * np.asarray(t)).astype(np.asarray(x).dtype)
        return moved[()] if not isinstance(x, (float, complex)) else type(x)(moved)

    return tree.map(move, tuple(primals), tuple(tangents))


def _direction(rng: np.random.Generator, like: Any) -> Any:
    """A random direction for a pytree; None at leaves that are not floats."""

    def draw(leaf: Any) -> Any:
        if not is_inexact(leaf):
            return None
        aval = aval_of(leaf)
        t = rng.uniform(0.5, 1.5, aval.shape) * rng.choice([-1.0, 1.0], aval.shape)
        if aval.dtype.kind == "c":
            t = t + 1j * rng.uniform(-1.0, 1.0, aval.shape)
        return np.asarray(t, dtype=aval.dtype)[()]

    return tree.map(draw, like)


def _inner(a: Any, b: Any) -> float:
    """``Re(sum(a * b))`` over two lists of leaves; None counts as zero."""
    total = 0.0
    for x, y in zip(a, b, strict=True):
        if x is not None and y is not None:
            total += float(np.real(np.sum(np.asarray(x).astype(complex) * np.asarray(y))))
    return total


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    rtol: float | None = None,
    atol: float | None = None,
    eps: float | None = None,
    seed: int = 0,
) -> None:
    """Compare ``f``'s derivatives with central differences, in random directions.

    Forward mode is compared with `numerical_jvp`, reverse mode by the inner product
    ``<ct, J t> == <ct J, t>`` with it, where ``<a, b> = Re(sum(a * b))``. The derivatives are then
    differentiated themselves, in all combinations of the modes, up to ``order``.

    Args:
        f: A function of pytrees, with a pytree of arrays as result.
        args: A tuple of arguments, away from kinks.
        order: Up to which order.
        modes: ``"fwd"``, ``"rev"`` or both.
        rtol: Relative tolerance; by default by the coarsest dtype (2e-5 for float64).
        atol: Absolute tolerance; by default ``rtol``.
        eps: The step of the differences.
        seed: For the random directions.

    Raises:
        AssertionError: Saying which derivative differs, and by how much.
        ArgumentError: For unknown modes.

    >>> import numpy as np
    >>> check_grads(lambda x, y: np.sin(x) * y, (0.5, 2.0), order=2)
    """
    if not set(modes) <= {"fwd", "rev"} or order < 1:
        raise ArgumentError(
            f"check_grads: modes {tuple(modes)} and order {order}",
            'modes are "fwd" and "rev", order is at least 1.',
        )
    require_arguments("testing.check_grads", f, args)
    rng = np.random.default_rng(seed)
    if rtol is None:
        rtol = _TOLERANCES.get(_coarsest(args), 2e-5)
    _check(f, tuple(args), order, modes, rtol, rtol if atol is None else atol, eps, rng, "f")


def _check(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    order: int,
    modes: Sequence[str],
    rtol: float,
    atol: float,
    eps: float | None,
    rng: np.random.Generator,
    name: str,
) -> None:
    tangents = _direction(rng, args)
    expected = numerical_jvp(f, args, tangents, eps)
    expected_leaves, treedef = tree.flatten(expected, is_leaf=_is_none)
    if "fwd" in modes:
        pushed = tree.flatten_up_to(treedef, jvp(f, args, tangents)[1], "check_grads")
        for i, (t, n) in enumerate(zip(pushed, expected_leaves, strict=True)):
            if n is not None:
                _close(t, n, rtol, atol, f"the jvp of {name}, output leaf {i}")
    ct: Any = None
    if "rev" in modes:
        out, pullback, *_ = vjp(f, *args)
        ct = _direction(rng, out)
        cts = pullback(ct)
        _close(
            _inner(*_pair(cts, tangents)),
            _inner(tree.flatten_up_to(treedef, ct, "check_grads"), expected_leaves),
            rtol,
            atol,
            f"the inner product <ct, J t> of the vjp of {name}",
        )
    if order > 1:
        if "fwd" in modes:
            _check(
                lambda *xs: _floats(jvp(f, xs, tangents)[1]),
                args, order - 1, modes, rtol, atol, eps, rng, f"jvp({name})",
            )  # fmt: skip
        if "rev" in modes:
            _check(
                lambda *xs: _floats(vjp(f, *xs)[1](ct)),
                args, order - 1, modes, rtol, atol, eps, rng, f"vjp({name})",
            )  # fmt: skip


def _is_none(x: Any) -> bool:
    return x is None


def _floats(result: Any) -> list[Any]:
    return tree.leaves(result)


def _pair(a: Any, b: Any) -> tuple[list[Any], list[Any]]:
    return tree.leaves(a, is_leaf=_is_none), tree.leaves(b, is_leaf=_is_none)


def _close(actual: Any, expected: Any, rtol: float, atol: float, what: str) -> None:
    actual = np.asarray(0.0 if actual is None else actual)
    np.testing.assert_allclose(
        actual, expected, rtol=rtol, atol=atol, err_msg=f"check_grads: {what} differs", strict=False
    )
