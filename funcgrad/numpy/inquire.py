"""NumPy's questions about a value: its type, and its text."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..ops.linear import shape_of
from .arguments import operand
from .dispatch import implements
from .orders import is_fortran

__all__ = [
    "array2string",
    "array_equal",
    "array_equiv",
    "array_repr",
    "array_str",
    "can_cast",
    "common_type",
    "iscomplexobj",
    "isfortran",
    "isrealobj",
    "may_share_memory",
    "min_scalar_type",
    "result_type",
    "shares_memory",
]

Array = Any


def _dtypes(values: Any) -> list[Any]:
    """Tracers replaced by what stands for their type: a dtype, or a Python scalar where weak."""
    return [
        v
        if not isinstance(v, Tracer)
        else v.aval.dtype.type(0).item()
        if v.aval.weak
        else v.aval.dtype
        for v in values
    ]


@implements(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The dtype that NumPy's promotion gives."""
    return np.result_type(*_dtypes(arrays_and_dtypes))


@implements(np.can_cast)
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """Whether the dtype of a value casts to another."""
    return np.can_cast(aval_of(from_).dtype if isinstance(from_, Tracer) else from_, to, casting)


@implements(np.min_scalar_type)
def min_scalar_type(a: Array, /) -> np.dtype[Any]:
    """The dtype of a traced value; which smaller one holds it depends on its value."""
    return aval_of(operand(a)).dtype


@implements(np.common_type)
def common_type(*arrays: Array) -> Any:
    """The inexact scalar type common to all."""
    return np.common_type(*[np.empty(0, aval_of(operand(a)).dtype) for a in arrays])


@implements(np.iscomplexobj)
def iscomplexobj(x: Array) -> bool:
    """Whether the dtype is complex."""
    return aval_of(operand(x)).dtype.kind == "c"


@implements(np.isrealobj)
def isrealobj(x: Array) -> bool:
    """Whether the dtype is not complex."""
    return aval_of(operand(x)).dtype.kind != "c"


@implements(np.isfortran)
def isfortran(a: Array) -> bool:
    """``numpy.isfortran``, of an argument of an un-jitted transform.

    Raises:
        NotTraceableError: It is not known how the value lies in memory.
    """
    return is_fortran(a)


@implements(np.shares_memory)
def shares_memory(a: Array, b: Array, /, max_work: int = -1) -> bool:
    """Whether both are one traced value; a traced value shares memory with no array."""
    return a is b


@implements(np.may_share_memory)
def may_share_memory(a: Array, b: Array, /, max_work: int = 0) -> bool:
    """See `shares_memory`."""
    return a is b


@implements(np.array_equal)
def array_equal(a1: Array, a2: Array, equal_nan: bool = False) -> Any:
    """Whether shapes and elements agree."""
    a1, a2 = operand(a1), operand(a2)
    if shape_of(a1) != shape_of(a2):
        return False
    same = np.equal(a1, a2)
    if equal_nan:
        same = np.logical_or(same, np.logical_and(np.not_equal(a1, a1), np.not_equal(a2, a2)))
    return np.all(same)


@implements(np.array_equiv)
def array_equiv(a1: Array, a2: Array) -> Any:
    """Whether shapes broadcast and elements agree."""
    a1, a2 = operand(a1), operand(a2)
    try:
        np.broadcast_shapes(shape_of(a1), shape_of(a2))
    except ValueError:
        return False
    return np.all(np.equal(a1, a2))


def _show(x: Any) -> Any:
    """What a traced value shows when printed: an array, or its type as text."""
    while isinstance(x, Tracer):
        inner = x.frame.show(x)
        if inner is None or shape_of(inner) != x.aval.shape:
            return str(x)
        x = inner
    return np.asarray(x)


@implements(np.array_repr)
def array_repr(
    arr: Array, max_line_width: Any = None, precision: Any = None, suppress_small: Any = None
) -> str:
    """The text of the value, or of its type where it has none."""
    shown = _show(arr)
    if isinstance(shown, str):
        return shown
    return np.array_repr(shown, max_line_width, precision, suppress_small)


@implements(np.array_str)
def array_str(
    a: Array, max_line_width: Any = None, precision: Any = None, suppress_small: Any = None
) -> str:
    """The text of the value, or of its type where it has none."""
    shown = _show(a)
    if isinstance(shown, str):
        return shown
    return np.array_str(shown, max_line_width, precision, suppress_small)


@implements(np.array2string)
def array2string(a: Array, *args: Any, **kwargs: Any) -> str:
    """The text of the value, or of its type where it has none."""
    shown = _show(a)
    return shown if isinstance(shown, str) else np.array2string(shown, *args, **kwargs)
