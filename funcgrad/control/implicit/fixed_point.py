"""`fixed_point`, values that a function leaves as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import tree
from ...core.ir import Aval
from ...core.primitive import primitive
from ...core.source_info import place_of
from ...core.trace import aval_of
from ...errors import ArgumentError, ConvergenceError, entry
from ...ops.arithmetic import sub
from ...ops.kinds import add, neg
from ...ops.linear import Linear, broadcast_to
from ..flow.loops import _name_like as named
from ..flow.loops import while_loop
from .implicit import LinearMap, Point
from .problem import Unknown, require_functions, solve_with

__all__ = ["fixed_point"]


@entry
def fixed_point(
    f: Callable[..., Any],
    x0: Any,
    *args: Any,
    tol: float | None = None,
    maxiter: int = 10_000,
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
) -> Any:
    """``x`` with ``x == f(x, *args)``, by iteration from ``x0``.

    The derivative with respect to ``args``, and to all else that ``f`` closes over, is that of the
    fixed point, ``dx = (1 - df/dx)^-1 df/dargs dargs``, and needs no memory for the steps
    (Christianson, Reverse accumulation and attractive fixed points, 1994). Its linear equation is
    solved by iterating with the derivative of ``f``, which contracts where ``f`` does.

    Args:
        f: A function of the unknown and ``args`` that returns a pytree like the unknown.
        x0: Where to start, a pytree of floats; not differentiated.
        *args: Pytrees.
        tol: When to stop: no element changes by more than ``tol * max(1, |x|)``. By default
            ``eps ** 0.75`` of the dtype, 1.8e-12 in float64.
        maxiter: The most iterations.
        tangent_solve: As in `custom_root`, for ``g(t) = df(t) - t``; by default the iteration.

    Returns:
        The fixed point.

    Raises:
        ConvergenceError: Where ``maxiter`` iterations were not enough, or values are nan or inf.
        DtypeError: Where a leaf of the unknown is no float.
        ShapeError, StructureError: Where ``f`` returns another type than the unknown's.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> fixed_point(np.cos, 1.0).round(9)
    np.float64(0.739085133)
    >>> grad(lambda a: fixed_point(lambda x, a: 0.5 * x + a, 0.0, a))(3.0).round(9)
    np.float64(2.0)
    """
    what = "fixed_point"
    require_functions(what, f=f)
    if type(maxiter) is not int or maxiter < 1:
        raise ArgumentError(
            f"{what}: maxiter must be a positive int, got {maxiter!r}", "Leave it out."
        )
    where = place_of(f)

    def iterate(x: Any) -> Any:
        return f(x, *args)

    unknown = Unknown(named(iterate, f), x0, what)
    step = unknown.flat
    unknown.subtract_argument()

    def find(x: Any) -> Any:
        return tree.unflatten(
            unknown.treedef, iterate_to_tolerance(step, tree.leaves(x), tol, maxiter, where, 1.0)
        )

    if tangent_solve is not None:
        require_functions(what, tangent_solve=tangent_solve)
    solver = Neumann(tol, maxiter, where) if tangent_solve is None else tangent_solve
    return solve_with(unknown, named(find, f), False, solver, what)


class Neumann:
    """Linear equations of `fixed_point`: ``(J - 1) t = y`` by iterating ``t = J t - y``."""

    def __init__(self, tol: float | None, maxiter: int, where: str) -> None:
        self._tol, self._maxiter, self._where = tol, maxiter, where

    def solve(self, point: Point, y: Sequence[Any]) -> Sequence[Any]:
        return self._iterated(point.map(), y)

    def solve_transposed(self, point: Point, ct: Sequence[Any]) -> Sequence[Any]:
        return self._iterated(point.transpose(), ct)

    def _iterated(self, a: LinearMap, y: Sequence[Any]) -> list[Any]:
        def affine(t: list[Any]) -> list[Any]:
            return [sub(add(v, x), w) for v, x, w in zip(a(t), t, y, strict=True)]

        unknown = Unknown(affine, [neg(v) for v in y], "fixed_point")
        step = unknown.flat
        unknown.subtract_argument()
        tol, maxiter, where = self._tol, self._maxiter, f"the derivative of {self._where}"

        def find(t: list[Any]) -> list[Any]:
            # As exact as the right side is large, however small that is.
            scale = maximum_of([np.max(np.abs(w), initial=0.0) for w in y])
            return iterate_to_tolerance(step, t, tol, maxiter, where, scale)

        return solve_with(unknown, find, False, self, "fixed_point")


def iterate_to_tolerance(
    step: Callable[..., list[Any]],
    x: Sequence[Any],
    tol: float | None,
    maxiter: int,
    where: str,
    scale: Any,
) -> list[Any]:
    """``x = step(*x)`` until nothing changes by more than ``tol * max(scale, |x|)``."""
    tolerances = [_tolerance(aval_of(v)) if tol is None else tol for v in x]

    def going(carry: Any) -> Any:
        _, near, finite, count = carry
        return np.logical_and(np.logical_and(finite, np.logical_not(near)), count < maxiter)

    def body(carry: Any) -> Any:
        old, _, _, count = carry
        new = step(*old)
        finite = every([np.all(np.isfinite(a)) for a in new])
        close = [
            np.all(np.abs(a - b) <= bound * np.maximum(np.abs(a), scale))
            for a, b, bound in zip(new, old, tolerances, strict=True)
        ]
        return new, np.logical_and(finite, every(close)), finite, count + 1

    found, near, _, _ = while_loop(going, body, (list(x), np.bool_(False), np.bool_(True), 0))
    ensure = Ensure(
        f"fixed_point: {where} did not converge in {maxiter} iterations, or went to inf or nan",
        "Start nearer, damp the iteration (x + 0.5 * (f(x) - x)), or raise maxiter or tol.",
    )
    return [ensure(found[0], near), *found[1:]]


def _tolerance(aval: Aval) -> float:
    return float(np.finfo(aval.dtype).eps) ** 0.75


def every(conditions: Sequence[Any]) -> Any:
    """Whether all of several booleans are true."""
    found = conditions[0]
    for c in conditions[1:]:
        found = np.logical_and(found, c)
    return found


def maximum_of(values: Sequence[Any]) -> Any:
    """The largest of several scalars."""
    most = values[0]
    for v in values[1:]:
        most = np.maximum(most, v)
    return most


@primitive
class Ensure(Linear):
    """The first operand, where the second is true; else it raises `ConvergenceError`."""

    what: str
    fix: str

    def __str__(self) -> str:
        return self.name

    def aval(self, x: Aval, ok: Aval) -> Aval:
        return x

    def run(self, x: Any, ok: Any) -> Any:
        if not np.all(ok):
            raise ConvergenceError(self.what, self.fix)
        return x

    def transpose(self, ct: Any, x: Any, ok: Any) -> Any:
        return ct, None

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        x, ok = operands
        if not batched[0]:
            x = broadcast_to(x, (size, *aval_of(x).shape))
        return self(x, ok)
