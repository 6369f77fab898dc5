"""NumPy's reductions for tracers: sums, products, extrema, logic.

Results have NumPy's dtypes; sums and products of small integers are in int64 or uint64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import DtypeError, ShapeError
from ..ops import reduce as ops
from ..ops.elementwise import add, mul
from ..ops.linear import reshape, shape_of
from ..ops.reduce import sum_over
from ..ops.select import select
from ..ops.shape import keep_axes
from .arguments import axes_to_reduce, axis_of, broadcast_shapes, cast, flag, is_given, operand
from .dispatch import implements, refuse

__all__ = [
    "all",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "max",
    "min",
    "prod",
    "ptp",
    "sum",
]


def to_accumulator(x: Any, dtype: np.dtype[Any], asked: Any) -> Any:
    """``x``, of ``dtype``, converted to that in which its elements are added or multiplied.

    The primitives do so for integers in 64 bits; what is ``asked`` of small ones, which wrap round,
    is the same in the end.
    """
    if asked is not None:
        x, dtype = cast(x, asked), np.dtype(asked)
    if dtype.kind in "fc" or dtype.itemsize == 8:
        return x
    return cast(x, np.uint64 if dtype.kind == "u" else np.int64)


def restore_dims(out: Any, shape: tuple[int, ...], axes: tuple[int, ...], keepdims: Any) -> Any:
    """A result with the reduced axes back at length 1 where ``keepdims``."""
    if keepdims is False or not flag(keepdims):
        return out
    return reshape(out, keep_axes(shape, axes))


def apply_where(name: str, where: Any, x: Any, other: Any) -> Any:
    """``x`` where ``where``, else ``other``, a number that does not change the result."""
    if where is True or where is np._NoValue:
        return x
    where = operand(where)
    if aval_of(where).dtype.kind != "b":
        raise DtypeError(
            f"{name}: where= must be boolean, got {aval_of(where)}", "Write where=mask != 0."
        )
    shape = shape_of(x)
    if broadcast_shapes(name, shape, shape_of(where)) != shape:
        raise ShapeError(
            f"{name}: where= has shape {shape_of(where)} and the array {shape}",
            "Give a mask that broadcasts to the array.",
        )
    if not isinstance(other, Tracer):
        other = aval_of(x).dtype.type(other)
    return select(where, x, other)


@implements(np.sum)
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """``numpy.sum``; its gradient is the cotangent, broadcast."""
    if out is not None:
        refuse("sum", out=out)
    a = operand(a)
    aval = aval_of(a)
    x = to_accumulator(a, aval.dtype, dtype)
    axes = axes_to_reduce(axis, aval.ndim)
    result = sum_over(apply_where("sum", where, x, 0), axes)
    if is_given(initial):
        result = add(result, _initial(initial, aval_of(result).dtype))
    result = result if dtype is None else cast(result, dtype)
    return restore_dims(result, aval.shape, axes, keepdims)


@implements(np.prod)
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """``numpy.prod``; its gradient is the product of the other factors, exact at zeros."""
    refuse("prod", out=out)
    a = operand(a)
    aval = aval_of(a)
    x = to_accumulator(a, aval.dtype, dtype)
    axes = axes_to_reduce(axis, aval.ndim)
    result = ops.prod_over(apply_where("prod", where, x, 1), axes)
    if is_given(initial):
        result = mul(result, _initial(initial, aval_of(result).dtype))
    result = result if dtype is None else cast(result, dtype)
    return restore_dims(result, aval.shape, axes, keepdims)


def _initial(initial: Any, dtype: np.dtype[Any]) -> Any:
    """Where a reduction starts, in the dtype in which it is computed.

    Raises:
        DtypeError: It is complex and the dtype is not.
    """
    if dtype.kind != "c" and aval_of(initial).dtype.kind == "c":
        raise DtypeError(
            f"reduction: initial={aval_of(initial)} does not fit {dtype}",
            "Convert the array first, as in x.astype(complex).",
        )
    return cast(initial if isinstance(initial, Tracer) else np.array(initial, dtype)[()], dtype)


def _extremum(
    name: str, over: Any, of_two: Any, a: Any, axis: Any, keepdims: Any, initial: Any, where: Any
) -> Any:
    x = operand(a)
    shape = shape_of(x)
    axes = axes_to_reduce(axis, len(shape))
    masked = where is not True and where is not np._NoValue
    if is_given(initial):
        initial = _initial(initial, aval_of(x).dtype)
        if masked:
            x = apply_where(name, where, x, initial)
        size = 1
        for i in axes:
            size *= shape[i]
        if size:
            result = of_two(over(x, axes), initial)
        else:
            result = np.broadcast_to(initial, [n for i, n in enumerate(shape) if i not in axes])
    elif masked:
        raise ShapeError(
            f"numpy.{name}: an extremum has no identity, so where= needs initial=",
            f"Give initial=, as in numpy.{name}(x, where=mask, initial=-numpy.inf).",
        )
    else:
        for i in axes:
            if not shape[i]:
                raise ShapeError(
                    f"numpy.{name}: {aval_of(x)} has no extremum along axis {i}, of length 0",
                    "Give initial=, or leave the call out for an empty array.",
                )
        result = over(x, axes)
    return restore_dims(result, shape, axes, keepdims)


@implements(np.max, np.amax)
def max(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """``numpy.max``; the elements that attain it share its gradient equally."""
    refuse("max", out=out)
    return _extremum("max", ops.max_over, np.maximum, a, axis, keepdims, initial, where)


@implements(np.min, np.amin)
def min(
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """``numpy.min``; the elements that attain it share its gradient equally."""
    refuse("min", out=out)
    return _extremum("min", ops.min_over, np.minimum, a, axis, keepdims, initial, where)


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """``numpy.ptp``, the largest less the smallest."""
    refuse("ptp", out=out)
    a = operand(a)
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


def _place(name: str, find: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    x = operand(a)
    shape = shape_of(x)
    if axis is None:
        found = find(reshape(x, (aval_of(x).size,)), 0)
        return reshape(found, (1,) * len(shape)) if flag(keepdims) else found
    if not shape and axis in (0, -1):
        return find(reshape(x, (1,)), 0)
    position = axis_of(axis, len(shape))
    return restore_dims(find(x, position), shape, (position,), keepdims)


@implements(np.argmax)
def argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """``numpy.argmax``; no derivative passes."""
    refuse("argmax", out=out)
    return _place("argmax", ops.argmax, a, axis, keepdims)


@implements(np.argmin)
def argmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
    """``numpy.argmin``; no derivative passes."""
    refuse("argmin", out=out)
    return _place("argmin", ops.argmin, a, axis, keepdims)


@implements(np.any)
def any(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    """``numpy.any``; no derivative passes."""
    refuse("any", out=out)
    x = operand(a)
    axes = axes_to_reduce(axis, len(shape_of(x)))
    result = ops.any_over(apply_where("any", where, x, 0), axes)
    return restore_dims(result, shape_of(x), axes, keepdims)


@implements(np.all)
def all(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Any:
    """``numpy.all``; no derivative passes."""
    refuse("all", out=out)
    x = operand(a)
    axes = axes_to_reduce(axis, len(shape_of(x)))
    result = ops.all_over(apply_where("all", where, x, 1), axes)
    return restore_dims(result, shape_of(x), axes, keepdims)


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """``numpy.count_nonzero``; no derivative passes."""
    return sum(operand(a) != 0, axis, np.intp, keepdims=keepdims)
