"""The arguments of NumPy's functions: array-likes, axes, dtypes, flags."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.refusal import SPARSE
from ..core.trace import Tracer, aval_of
from ..errors import DtypeError, ShapeError
from ..ops.convert import convert
from ..ops.kinds import broadcast_shapes
from ..ops.linear import broadcast_to, reshape, shape_of
from .dispatch import has_tracer
from .promote import promote_types, strong

__all__ = [
    "array_like",
    "axes_of",
    "axis_of",
    "broadcast_operand",
    "broadcast_shapes",
    "cast",
    "flag",
    "foreign",
    "is_given",
    "is_sparse",
    "is_weak",
    "of_rank",
    "operand",
    "operands",
    "promote",
]


_ARRAYS = (np.ndarray, np.generic)
_SEQUENCES = (list, tuple)
_NUMBERS = frozenset({bool, int, float, complex})


def is_given(value: Any) -> bool:
    """Whether an optional argument was given."""
    return value is not None and value is not np._NoValue


def flag(value: Any) -> bool:
    """``keepdims`` and its like, which are off where not given."""
    return bool(is_given(value) and value)


def operand(x: Any) -> Any:
    """An array-like as an array, a scalar or a tracer; lists with tracers in them are stacked."""
    if isinstance(x, Tracer):
        return strong(x) if x.aval.weak else x
    if isinstance(x, _ARRAYS):
        return x
    if isinstance(x, _SEQUENCES) and has_tracer(x):
        from ..ops.unstack import Stack

        return Stack(0)(*operands(x))
    array = np.asarray(x)[()]
    if not isinstance(array, _ARRAYS):
        raise foreign("funcgrad", x)
    return array


def foreign(name: str, x: Any) -> DtypeError:
    """The error for an object that NumPy makes no array of, or whose own library must not lose it.

    Args:
        name: What got it, for errors.
        x: The object.
    """
    kind = type(x)
    library = kind.__module__.partition(".")[0]
    full = kind.__name__ if library == "builtins" else f"{library}.{kind.__name__}"
    if is_sparse(x):
        full, fix = f"scipy.sparse.{kind.__name__}", SPARSE + "."
    elif hasattr(kind, "__array__"):
        fix = "Convert it before the transform, with numpy.asarray(x) or x.detach().numpy()."
    else:
        fix = "Pass arrays, NumPy scalars or Python numbers."
    return DtypeError(f"{name}: a {full} is not an array or a number that can be traced", fix)


def is_sparse(x: Any) -> bool:
    """Whether ``x`` is a matrix or an array of `scipy.sparse`."""
    return type(x).__module__.startswith("scipy.sparse")


def array_like(name: str, x: Any) -> Any:
    """The other operand of an operator, of a class that is not NumPy's: as NumPy's would take it.

    Returns:
        An array of what gives one and has no operators of its own; else NotImplemented, so that
        Python asks the other class.

    Raises:
        DtypeError: A matrix of scipy.sparse or a tensor of torch, whose operators would take the
            value of the tracer.
    """
    kind = type(x)
    if is_sparse(x) or hasattr(kind, "__torch_function__"):
        raise foreign(name, x)
    if hasattr(kind, "__array__") and not hasattr(kind, "__array_ufunc__"):
        return NotImplemented if hasattr(kind, "__radd__") else operand(x)
    return NotImplemented


def operands(xs: Sequence[Any], *, weak: bool = False) -> list[Any]:
    """Several array-likes, converted to the dtype that NumPy gives them together.

    Args:
        xs: Arrays, numbers, tracers, lists of them.
        weak: Whether Python scalars among them give way to the others. NumPy's functions that make
            arrays of their arguments first, which most do, take a Python float as a float64. Those
            that do not (where, select) take the dtype of the others for it, and wrap what is too
            large.
    """
    arrays = [operand(x) for x in xs]
    if weak and any(map(is_weak, xs)):
        common = promote_types(*[x if is_weak(x) else y for x, y in zip(xs, arrays, strict=True)])
        return [cast(x, common) for x in arrays]
    return promote(arrays)


def is_weak(x: Any) -> bool:
    """Whether ``x`` is a Python scalar, or stands for one."""
    return type(x) in _NUMBERS or (isinstance(x, Tracer) and x.aval.weak)


def promote(xs: Sequence[Any]) -> list[Any]:
    """Operands converted to their common dtype; Python scalars give way to the others."""
    dtypes = [
        x.aval.dtype if isinstance(x, Tracer) else x.dtype for x in xs if type(x) not in _NUMBERS
    ]
    if len(dtypes) < len(xs) or dtypes.count(dtypes[0]) < len(xs):
        common = promote_types(*xs)
        return [cast(x, common) for x in xs]
    return list(xs)


def cast(x: Any, dtype: Any) -> Any:
    """``x`` converted to ``dtype``, or as it is where ``dtype`` is None; never weak."""
    if dtype is None:
        return strong(x)
    dtype = np.dtype(dtype)
    return convert(x, dtype if dtype.isnative else dtype.newbyteorder("="))


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """``axis`` of a reduction as a sorted tuple of places from 0; None means all.

    Raises:
        numpy.exceptions.AxisError: For an axis that does not exist.
    """
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis + ndim if axis < 0 else axis,)
    if isinstance(axis, Tracer):
        axis = operator.index(axis)
    return tuple(sorted(np.lib.array_utils.normalize_axis_tuple(axis, ndim)))


def axes_to_reduce(axis: Any, ndim: int) -> tuple[int, ...]:
    """`axes_of` for the reductions of ufuncs, which let axis 0 pass for a scalar.

    Raises:
        numpy.exceptions.AxisError: For an axis that does not exist.
    """
    return () if _of_scalar(axis, ndim) else axes_of(axis, ndim)


def _of_scalar(axis: Any, ndim: int) -> bool:
    return ndim == 0 and isinstance(axis, int | np.integer) and axis in (0, -1)


def along(x: Any, axis: Any) -> tuple[Any, int]:
    """The array and its axis; flat without one, and a scalar is a vector of length 1.

    Raises:
        numpy.exceptions.AxisError: For an axis that does not exist.
    """
    if axis is None or _of_scalar(axis, len(shape_of(x))):
        return reshape(x, (aval_of(x).size,)), 0
    return x, axis_of(axis, len(shape_of(x)))


def axis_of(axis: Any, ndim: int) -> int:
    """One axis as a place from 0.

    Raises:
        numpy.exceptions.AxisError: For an axis that does not exist.
    """
    if type(axis) is int and -ndim <= axis < ndim:
        return axis + ndim if axis < 0 else axis
    return np.lib.array_utils.normalize_axis_index(operator.index(axis), ndim)


def of_rank(name: str, m: Any, rank: int) -> Any:
    """``m`` as an array of ``rank`` or more dimensions.

    Raises:
        ShapeError: Where it has fewer.
    """
    x = operand(m)
    if len(shape_of(x)) < rank:
        raise ShapeError(
            f"numpy.{name}: got {aval_of(x)}, of fewer than {rank} dimensions",
            "Reshape it; x[:, None] adds an axis.",
        )
    return x


def broadcast_operand(name: str, x: Any, shape: tuple[int, ...]) -> Any:
    """``x`` broadcast to ``shape``.

    Raises:
        ShapeError: Where it does not broadcast to it.
    """
    if broadcast_shapes(name, shape_of(x), shape) != shape:
        raise ShapeError(
            f"{name}: {aval_of(x)} does not broadcast to shape {shape}",
            "Give a shape that it broadcasts to.",
        )
    return broadcast_to(x, shape)
