"""The methods of NumPy's ufuncs on tracers: reduce, accumulate, outer; at and reduceat.

Sums, products and their like are the NumPy functions of those names. Other associative ufuncs are
reduced in halves and accumulated in doubling steps: a logarithmic number of whole-array operations.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from ..core.trace import aval_of
from ..errors import NotTraceableError, TracerAssignmentError
from ..ops.linear import move_axis, reshape, shape_of
from .arguments import axes_of, axis_of, cast, flag, is_given, operand
from .dispatch import counterpart_of, name_of

__all__ = ["METHODS", "is_temporary", "references"]

_REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
_ACCUMULATIONS: dict[np.ufunc, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}
_ASSOCIATIVE = {
    *(np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp, np.logaddexp2, np.hypot),
    *(np.gcd, np.lcm, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.logical_xor),
    *(np.logical_and, np.logical_or),
}


def _refuse(ufunc: np.ufunc, method: str, fix: str) -> NotTraceableError:
    return NotTraceableError(f"{name_of(ufunc)}.{method} cannot be used with a traced value", fix)


def _without_out(ufunc: np.ufunc, method: str, out: Any) -> None:
    if out is not None and not (isinstance(out, tuple) and out[0] is None):
        raise TracerAssignmentError(
            f"{name_of(ufunc)}.{method}: out= would write a traced value into an array",
            "Leave out= away and use the result.",
        )


def _reduce(
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = np._NoValue,
    where: Any = True,
) -> Any:
    _without_out(ufunc, "reduce", out)
    # What is reduced may be plain, and where= traced: NumPy's own function would come back here.
    function = _REDUCTIONS.get(ufunc) and counterpart_of(_REDUCTIONS[ufunc])
    options: dict[str, Any] = {}
    if is_given(initial):
        options["initial"] = initial
    if where is not True:
        options["where"] = where
    if dtype is not None:
        options["dtype"] = dtype
    takes = ufunc in (np.add, np.multiply) or not options
    extremum = ufunc in (np.maximum, np.minimum) and dtype is None
    if function is not None and (takes or extremum):
        return function(array, axis=axis, keepdims=flag(keepdims), **options)
    options.pop("dtype", None)
    if ufunc not in _ASSOCIATIVE or options:
        raise _refuse(
            ufunc,
            "reduce",
            "Leave initial= and where= away; numpy.where(mask, x, other) fills in for where=."
            if ufunc in _ASSOCIATIVE
            else f"Write it with {name_of(ufunc)} and a sum or product over the others.",
        )
    x = _prepare(ufunc, array, dtype)
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    for along in reversed(axes):
        x = _reduce_halves(ufunc, move_axis(x, along, 0))
    if not axes:
        return x
    kept = tuple([1 if i in axes else n for i, n in enumerate(shape)])
    return reshape(x, kept) if flag(keepdims) else x


def _prepare(ufunc: np.ufunc, array: Any, dtype: Any) -> Any:
    """The array in the dtype that the ufunc reduces it in."""
    x = operand(array)
    to = aval_of(x).dtype if dtype is None else np.dtype(dtype)
    if ufunc in (np.logical_and, np.logical_or, np.logical_xor):
        return x if to.kind == "b" else np.not_equal(x, 0)
    loop = ufunc.resolve_dtypes((to, to, None))
    return cast(x, loop[-1])


def _reduce_halves(ufunc: np.ufunc, x: Any) -> Any:
    """Combine the first axis away, halves with halves."""
    length = shape_of(x)[0]
    if length == 0:
        if ufunc.identity is None:
            raise ValueError(
                f"zero-size array to reduction operation {ufunc.__name__} which has no identity"
            )
        return np.full(shape_of(x)[1:], ufunc.identity, aval_of(x).dtype)[()]
    while length > 1:
        half = length // 2
        combined = ufunc(x[:half], x[half : 2 * half])
        x = np.concatenate([combined, x[2 * half :]]) if length % 2 else combined
        length = half + length % 2
    return x[0]


def _accumulate(
    ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None
) -> Any:
    _without_out(ufunc, "accumulate", out)
    if not shape_of(operand(array)):
        raise TypeError("cannot accumulate on a scalar")
    function = _ACCUMULATIONS.get(ufunc)
    if function is not None:
        return function(array, axis=axis, dtype=dtype)
    if ufunc not in _ASSOCIATIVE:
        raise _refuse(ufunc, "accumulate", "Use a loop, or funcgrad.scan.")
    x = _prepare(ufunc, array, dtype)
    along = axis_of(0 if axis is None and len(shape_of(x)) == 1 else axis, len(shape_of(x)))
    x = move_axis(x, along, 0)
    length = shape_of(x)[0]
    step = 1
    while step < length:
        x = np.concatenate([x[:step], ufunc(x[:-step], x[step:])])
        step *= 2
    return move_axis(x, 0, along)


def _outer(ufunc: np.ufunc, a: Any, b: Any, /, **kwargs: Any) -> Any:
    x, y = operand(a), operand(b)
    shape = (*shape_of(x), *(1,) * len(shape_of(y)))
    return ufunc(reshape(x, shape), y, **kwargs)


def _at(ufunc: np.ufunc, *args: Any) -> NoReturn:
    method = "add" if ufunc is np.add else "set"
    fix = f"Write x = funcgrad.numpy.at(x)[indices].{method}(values)"
    raise TracerAssignmentError(
        f"{name_of(ufunc)}.at would write into an array, and traced values never change",
        fix + ".",
    )


def _reduceat(ufunc: np.ufunc, *args: Any, **kwargs: Any) -> NoReturn:
    fix = "Reduce slices, as in [numpy.sum(x[i:j]) for i, j in zip(starts, ends)]."
    raise _refuse(ufunc, "reduceat", fix)


METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "at": _at,
    "reduceat": _reduceat,
}


class _Probe:
    """Counts, as a traced value would, who refers to the array given as ``out=``."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return references(kwargs["out"])


def references(out: tuple[Any, ...]) -> tuple[int, int]:
    """How many refer to the tuple ``out``, and to the array in it."""
    return sys.getrefcount(out), sys.getrefcount(out[0])


@lru_cache(1)
def _of_temporary() -> tuple[int, int] | None:
    """The references to a temporary given as ``out=``; None where Python does not tell."""
    kept = np.zeros(1)
    temporary: Any = np.negative(_Probe(), out=np.zeros(1))
    return temporary if np.negative(_Probe(), out=kept)[1] > temporary[1] else None  # type: ignore[index]


def is_temporary(count: tuple[int, int]) -> bool:
    """Whether nothing but the running call refers to an array with these `references`."""
    return count == _of_temporary()
