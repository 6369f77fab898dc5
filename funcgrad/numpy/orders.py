"""The order in which NumPy reads the elements of an array, "C", "F", "A" or "K".

"A" and "K" depend on how an array lies in memory. Of a traced value that is known where it is an
argument of an un-jitted transform, as it was given; results of primitives need not lie as NumPy's
would, and a compiled program is not made for one layout.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import NotTraceableError

__all__ = ["is_fortran", "known_array", "known_order", "lies_in", "reading_order", "require_order"]

_NONE = np.empty(0)


def require_order(order: Any) -> str:
    """``order`` as one capital letter; None is "C".

    Raises:
        ValueError: It is no order, as NumPy.
    """
    _NONE.ravel(order=order)
    return "C" if order is None else str(order).upper()


def known_array(x: Any) -> np.ndarray[Any, Any] | None:
    """The array that ``x`` is, lying in memory as in a plain call; None where that is not known.

    Of what was broadcast, whose elements lie on one another, it is taken as not known.
    """
    while isinstance(x, Tracer):
        if x.source_info is not None or not x.frame.plain:
            return None
        x = x.value
    return x if isinstance(x, np.ndarray) and 0 not in x.strides else None


def known_order(name: str, x: Any, order: Any) -> str:
    """What ``order`` means for ``x``: "C", "F", or "K" for the order of neither.

    Args:
        name: The NumPy function, for errors.
        x: An array or a tracer.
        order: As NumPy's.

    Raises:
        NotTraceableError: It depends on where the elements lie in memory, which is not known.
    """
    letter = require_order(order)
    if letter in "CF":
        return letter
    if _one_way(aval_of(x).shape):
        return "C"
    array = known_array(x)
    if array is None:
        raise _unknown(f"{name}: order={letter!r}", x, "Write order='C', which reads row by row")
    if array.flags.fnc:
        return "F"
    return "C" if letter == "A" or array.flags.c_contiguous else "K"


def reading_order(name: str, x: Any, order: Any) -> tuple[int, ...]:
    """The axes of ``x`` in the order in which ``order`` reads them, the slowest first.

    Raises:
        NotTraceableError: As `known_order`.
    """
    letter = known_order(name, x, order)
    axes = tuple(range(len(aval_of(x).shape)))
    if letter == "K":
        strides = known_array(x).strides  # type: ignore[union-attr]
        return tuple(sorted(axes, key=lambda i: -abs(strides[i])))
    return axes[::-1] if letter == "F" else axes


def lies_in(x: Any, order: Any) -> bool:
    """Whether ``x`` is known to lie in memory in ``order``, so that NumPy would not copy it."""
    letter = require_order("K" if order is None else order)
    array = known_array(x)
    if letter in "AK":
        return True
    if array is None:
        return False
    return bool(array.flags.f_contiguous if letter == "F" else array.flags.c_contiguous)


def is_fortran(x: Any) -> bool:
    """Whether ``x`` is contiguous in Fortran's order and not in C's.

    Raises:
        NotTraceableError: That is not known.
    """
    if _one_way(aval_of(x).shape):
        return False
    array = known_array(x)
    if array is None:
        raise _unknown("isfortran", x, "Pass the order, or x.T in its place")
    return bool(array.flags.fnc)


def _one_way(shape: tuple[int, ...]) -> bool:
    """Whether every order reads the elements alike: at most one axis is longer than 1."""
    return 0 in shape or sum([n > 1 for n in shape]) < 2


def _unknown(what: str, x: Any, fix: str) -> NotTraceableError:
    return NotTraceableError(
        f"numpy.{what} depends on how {aval_of(x)} lies in memory, and a traced value has no place "
        "there unless it is an argument of an un-jitted transform",
        f"{fix}, or order='F', column by column.",
    )
