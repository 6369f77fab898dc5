"""How functions of scipy.special are defined for traced values: by ufunc, or by formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..core.trace import aval_of
from ..errors import ArgumentError
from ..numpy.arguments import cast, operand
from ..numpy.dispatch import has_tracer
from ..numpy.ufuncs import public_ufunc

__all__ = [
    "as_taken_by",
    "function_of",
    "is_complex",
    "refuse_options",
    "require_real",
    "to_floating",
    "where_traced",
]


P = ParamSpec("P")

R = TypeVar("R")
_PUBLIC = "funcgrad.scipy.special"


def function_of(ufunc: np.ufunc) -> Callable[..., Any]:
    """The function of a ufunc's name."""
    function = public_ufunc(ufunc)
    function.__module__ = _PUBLIC
    return function


def where_traced(genuine: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The decorated function where a tracer is among the arguments, SciPy's ``genuine`` elsewhere.

    The counterpart has SciPy's parameters under SciPy's names.
    """

    def decorate(counterpart: Callable[P, R]) -> Callable[P, R]:
        def public(*args: Any, **kwargs: Any) -> Any:
            traced = any(has_tracer(a) for a in args) or any(map(has_tracer, kwargs.values()))
            return (counterpart if traced else genuine)(*args, **kwargs)

        public.__name__ = public.__qualname__ = counterpart.__name__
        public.__module__ = _PUBLIC
        public.__doc__ = f"{counterpart.__doc__}\n\n{genuine.__doc__}"
        public.__wrapped__ = genuine  # type: ignore[attr-defined]
        return public

    return decorate


def as_taken_by(ufunc: np.ufunc, x: Any) -> Any:
    """``x`` in the dtype of the loop that a ufunc of one operand runs for it."""
    x = operand(x)
    return cast(x, ufunc.resolve_dtypes((aval_of(x).dtype, *[None] * ufunc.nout))[0])


def require_real(ufunc: np.ufunc, x: Any) -> Any:
    """``x``, real, in the dtype of the loop that ``ufunc`` runs for it."""
    x = as_taken_by(ufunc, x)
    if aval_of(x).dtype.kind == "c":
        raise ArgumentError(
            f"scipy.special.{ufunc.__name__}: a traced complex argument, {aval_of(x)}",
            "Give a real one.",
        )
    return x


def is_complex(x: Any) -> bool:
    """Whether a number or array is complex."""
    return aval_of(operand(x)).dtype.kind == "c"


def to_floating(x: Any) -> Any:
    """``x`` as an array or tracer of floating dtype; integers become float64."""
    x = operand(x)
    dtype = aval_of(x).dtype
    return x if dtype.kind in "fc" else cast(x, np.float64)


def refuse_options(name: str, **given: Any) -> None:
    """Raise where a parameter that a counterpart does not take was given."""
    for parameter, value in given.items():
        if value is not None:
            raise ArgumentError(
                f"scipy.special.{name}: {parameter}={value!r} cannot be used with a traced value",
                f"Leave {parameter}= away.",
            )
