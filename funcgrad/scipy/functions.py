"""The function that SciPy is to call, traced, and the derivatives that go with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy.optimize import Bounds

from .. import tree
from ..api.leaves import type_of
from ..control.implicit.implicit import linearize_at
from ..control.implicit.linear_solvers import Ravel
from ..control.program.trace_body import is_python_number
from ..core.ir import Jaxpr, make_aval
from ..core.record import run, trace
from ..core.source_info import name_of, place_of
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, ShapeError, StructureError
from ..numpy.create import asarray
from ..ops.convert import convert
from ..ops.linear import reshape, transpose, zeros
from ..ops.select import select
from ..transforms.jvp import jvp
from ..transforms.vjp import vjp
from ..tree.treedef import a
from .search import FLOAT

__all__ = [
    "Objective",
    "Program",
    "fit_vector",
    "hessian_product",
    "jacobian",
    "limits",
    "matrix",
    "scalar_value",
    "value_and_gradient",
    "vector",
    "within_bounds",
]

Program: TypeAlias = tuple[Jaxpr, list[Any]]
"""A program of the unknown, and the values that it captured, which come first."""


class Objective:
    """A function that SciPy is to call, and where it starts.

    Attributes:
        args: The further arguments.
        x0: Where to start: float64, one-dimensional.
        aval: Its type.
    """

    def __init__(
        self, fun: Callable[..., Any], x0: Any, args: Any, is_pair: bool, what: str
    ) -> None:
        self.args = args if isinstance(args, tuple) else (args,)
        self.what, self.source = what, place_of(fun)
        self._fun, self._is_pair = fun, is_pair
        x0 = _as_vector(x0, what)
        aval = aval_of(x0)
        if aval.dtype.kind == "c":
            raise DtypeError(
                f"{what}: x0 is {aval}, and SciPy searches among real numbers",
                "Take real and imaginary parts as unknowns, or use funcgrad.custom_root.",
            )
        if len(aval.shape) > 1:
            raise ShapeError(
                f"{what}: x0 has shape {aval.shape}",
                "Give a vector, x0.ravel(), and reshape it in the function.",
            )
        x0 = convert(x0, FLOAT)
        self.x0 = x0 if aval.shape else reshape(x0, (1,))
        self.aval = make_aval(aval_of(self.x0).shape, FLOAT)

    def value(self, x: Any) -> Any:
        """What the function gives; without the derivative where it gives a pair."""
        return self._pair(x)[0] if self._is_pair else self._fun(x, *self.args)

    def second(self, x: Any) -> Any:
        """The derivative, where the function gives a pair."""
        return self._pair(x)[1]

    def _pair(self, x: Any) -> Any:
        found = self._fun(x, *self.args)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise StructureError(
                f"{self.what}: with jac=True {self.source} must return a pair (value, derivative)",
                "Return both, or leave jac out.",
            )
        return found

    def program(self, f: Callable[..., Sequence[Any]], name: str, count: int = 1) -> Program:
        """Trace a function of the unknown."""
        if name == "value":
            name = name_of(self._fun)
        return trace(f, [self.aval] * count, name=name, what=self.what)


def _as_vector(x0: Any, what: str) -> Any:
    """``x0`` as an array of numbers.

    Raises:
        DtypeError: It is no number and no array of numbers.
    """
    try:
        x0 = asarray(x0)
        aval_of(x0)
    except (DtypeError, ValueError):
        raise DtypeError(
            f"{what}: x0 is {type_of(x0)}, and no vector of numbers",
            "Start from a number or a vector, as in numpy.zeros(3).",
        ) from None
    return x0


def vector(found: Any, given: Objective) -> Any:
    """The values of a vector function as one float64 vector of the unknown's length."""
    leaves = tree.leaves(found)
    for leaf in leaves:
        _require_real(leaf, given)
    flat = [np.reshape(convert(leaf, FLOAT), (-1,)) for leaf in leaves]
    values = np.concatenate(flat) if len(flat) != 1 else flat[0]
    n, m = given.aval.shape[0], aval_of(values).shape[0]
    if n != m:
        raise ShapeError(
            f"{given.what}: x0 has {n} unknowns, and {given.source} returns {m} values",
            "Return as many equations as there are unknowns.",
        )
    return values


def scalar_value(found: Any, given: Objective) -> Any:
    """The value of a scalar function, float64; also of shape (1,), as SciPy takes it."""
    if isinstance(found, (tuple, list)):
        raise ShapeError(
            f"{given.what}: {given.source} must return a scalar, got {a(type(found).__name__)}",
            "Return the scalar alone; pass jac=True where the gradient goes with it.",
        )
    _require_real(found, given)
    aval = aval_of(found)
    if aval.size != 1:
        raise ShapeError(
            f"{given.what}: {given.source} must return a scalar, got {aval}", "Sum it."
        )
    return reshape(convert(found, FLOAT), ())


def _require_real(found: Any, given: Objective) -> None:
    if not is_python_number(found) or aval_of(found).dtype.kind == "c":
        got = aval_of(found) if is_python_number(found) else type(found).__name__
        raise DtypeError(
            f"{given.what}: {given.source} must return real numbers, got {got}",
            "Return an array or a list of real numbers.",
        )


def fit_vector(found: Any, given: Objective) -> Any:
    """A derivative that the user gives, as a vector."""
    return np.reshape(convert(asarray(found), FLOAT), given.aval.shape)


def matrix(found: Any, given: Objective) -> Any:
    """A matrix of derivatives that the user gives."""
    n = given.aval.shape[0]
    return np.reshape(convert(asarray(found), FLOAT), (n, n))


def value_and_gradient(value: Program, x: Any) -> list[Any]:
    """A function's value and its gradient."""
    program, captured = value
    results, tape = vjp(lambda v: run(program, [*captured, v]), [x])
    (g,) = tape.pullback([FLOAT.type(1.0)])
    return [results[0], zeros(aval_of(x)) if g is None else g]


def jacobian(f: Program, x: Any) -> Any:
    """``J[i, j]``, the derivative of value ``i`` by unknown ``j``."""
    program, captured = f
    columns = Ravel([x]).images(linearize_at(lambda v: run(program, [*captured, v]), [x]))
    return transpose(columns, (1, 0))


def hessian_product(gradient: Program, x: Any, p: Any) -> Any:
    """The Hessian times ``p``."""
    program, captured = gradient
    (t,) = jvp(lambda v: run(program, [*captured, v]), [x], [p])[1]
    return zeros(aval_of(x)) if t is None else t


def limits(bounds: Any, given: Objective) -> tuple[Any, Any]:
    """Lower and upper bounds, one an unknown."""
    n = given.aval.shape[0]
    if any(isinstance(leaf, Tracer) for leaf in _flat(bounds)):
        raise ArgumentError(
            f"{given.what}: bounds are traced values, and are not differentiated",
            "Pass plain numbers.",
        )
    if isinstance(bounds, Bounds):
        low, high = np.broadcast_to(bounds.lb, (n,)), np.broadcast_to(bounds.ub, (n,))
        return low.astype(FLOAT), high.astype(FLOAT)
    pairs = list(bounds)
    if len(pairs) != n:
        raise ShapeError(
            f"{given.what}: got {len(pairs)} pairs of bounds for {n} unknowns",
            "Give (low, high) for each unknown, None for no bound.",
        )
    low = np.array([-np.inf if a is None else a for a, _ in pairs], FLOAT)
    return low, np.array([np.inf if b is None else b for _, b in pairs], FLOAT)


def _flat(bounds: Any) -> list[Any]:
    return [bounds.lb, bounds.ub] if isinstance(bounds, Bounds) else tree.leaves(bounds)


def within_bounds(gradient: Program, x: Any, low: Any, high: Any) -> Any:
    """``x - clip(x - g, low, high)`` with the gradient ``g``, zero at a minimum within bounds.

    That is the gradient, and for an unknown that its gradient presses against a bound the distance
    from it, which is smaller (Facchinei & Pang, Finite-Dimensional Variational Inequalities and
    Complementarity Problems, 2003, section 1.5).
    """
    program, captured = gradient
    (g,) = run(program, [*captured, x])
    below, above = x - low, x - high
    return select(g > below, below, select(g < above, above, g))
