"""NumPy's arrays like a tracer, and grids."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..ops.linear import reshape, shape_of
from .arguments import broadcast_operand, cast, operand
from .dispatch import implements
from .orders import known_array, require_order
from .shapes import broadcast_arrays, ravel

__all__ = [
    "empty_like",
    "full_like",
    "meshgrid",
    "ones_like",
    "zeros_like",
]


def _like(like: Any, make: Any, a: Any, dtype: Any, order: Any, shape: Any, *fill: Any) -> Any:
    """An array like ``a``; where it is not known how that lies in memory, "A" and "K" mean "C".

    Args:
        like: NumPy's function, by which it is made where that lies in no order of its own.
        make: That by which it is made elsewhere.
        a: A tracer.
        dtype: As NumPy's.
        order: As NumPy's.
        shape: As NumPy's.
        *fill: What it is filled with.
    """
    x = operand(a)
    aval = aval_of(x)
    kind = aval.dtype if dtype is None else dtype
    array = known_array(x)
    if array is not None and not array.flags.c_contiguous:
        return like(array, *fill, kind, order, True, shape)
    letter = "F" if require_order(order) == "F" else "C"
    return make(aval.shape if shape is None else shape, *fill, kind, letter)


@implements(np.zeros_like)
def zeros_like(
    a: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """``numpy.zeros_like``: an array, which does not depend on the numbers of ``a``."""
    return _like(np.zeros_like, np.zeros, a, dtype, order, shape)


@implements(np.ones_like)
def ones_like(
    a: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """``numpy.ones_like``: an array, which does not depend on the numbers of ``a``."""
    return _like(np.ones_like, np.ones, a, dtype, order, shape)


@implements(np.empty_like)
def empty_like(
    prototype: Any,
    /,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """``numpy.empty_like``: an array, which does not depend on the numbers of ``prototype``."""
    return _like(np.empty_like, np.empty, prototype, dtype, order, shape)


@implements(np.full_like)
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """``numpy.full_like``; ``fill_value`` may be traced."""
    aval = aval_of(operand(a))
    kind = aval.dtype if dtype is None else np.dtype(dtype)
    lengths = aval.shape if shape is None else shape
    lengths = tuple(lengths) if isinstance(lengths, tuple | list) else (operator.index(lengths),)
    if not isinstance(fill_value, Tracer | list | tuple):
        return _like(np.full_like, np.full, a, kind, order, shape, fill_value)
    return broadcast_operand("full_like", cast(operand(fill_value), kind), lengths)


@implements(np.meshgrid)
def meshgrid(
    *xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Any, ...]:
    """``numpy.meshgrid``."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    arrays = [ravel(operand(x)) for x in xi]
    positions = list(range(len(arrays)))
    if indexing == "xy" and len(arrays) > 1:
        positions[:2] = [1, 0]
    lengths = [shape_of(x)[0] for x in arrays]
    found = [
        reshape(x, tuple([n if i == position else 1 for i in range(len(arrays))]))
        for x, position, n in zip(arrays, positions, lengths, strict=True)
    ]
    return tuple(found) if sparse else broadcast_arrays(*found)
