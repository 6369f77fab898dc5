"""What the functions of `funcgrad.scipy.linalg` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ...core.trace import aval_of
from ...errors import ArgumentError, ShapeError
from ...numpy import decompose
from ...numpy.arguments import cast, operand
from ...numpy.dispatch import has_tracer

__all__ = ["floating", "matrices_of", "refuse_parameters", "square", "where_traced"]

P = ParamSpec("P")
R = TypeVar("R")


def where_traced(function: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The decorated function where a tracer is among the arguments, SciPy's elsewhere."""

    def decorate(counterpart: Callable[P, R]) -> Callable[P, R]:
        def public(*args: Any, **kwargs: Any) -> Any:
            traced = any(has_tracer(a) for a in args) or any(map(has_tracer, kwargs.values()))
            return (counterpart if traced else function)(*args, **kwargs)

        public.__name__ = public.__qualname__ = counterpart.__name__
        public.__module__ = counterpart.__module__
        public.__doc__ = f"{counterpart.__doc__}\n\n{function.__doc__}"
        public.__wrapped__ = function  # type: ignore[attr-defined]
        return public

    return decorate


def floating(a: Any) -> Any:
    """An array-like of the dtype that SciPy's LAPACK takes: float32 for integers that fit it."""
    x = operand(a)
    dtype = aval_of(x).dtype
    return x if dtype.char in "fdFD" else cast(x, np.promote_types(dtype, np.float32))


def matrices_of(name: str, a: Any) -> Any:
    """Stacked matrices of such a dtype; see `funcgrad.numpy.decompose.matrices_of`."""
    return decompose.matrices_of(name, floating(a))


def square(name: str, a: Any) -> Any:
    """Square matrices ``(..., n, n)`` of a dtype that LAPACK knows.

    Raises:
        ShapeError: For others.
    """
    x = floating(a)
    aval = aval_of(x)
    if aval.ndim < 2 or aval.shape[-1] != aval.shape[-2]:
        raise ShapeError(
            f"scipy.linalg.{name}: got {aval}, not square matrices", "Give an array (..., n, n)."
        )
    return matrices_of(name, x)


def refuse_parameters(name: str, advice: str, **given: tuple[Any, Any]) -> None:
    """Raise where a parameter has not its default, which is the second of each pair.

    Raises:
        ArgumentError: Naming the first of them.
    """
    for parameter, (value, default) in given.items():
        if value is not default and value != default:
            raise ArgumentError(
                f"scipy.linalg.{name}: {parameter}={value!r}, and something is traced", advice
            )
