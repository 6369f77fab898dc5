"""NumPy's functions that make arrays, taking traced values where that means something."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.overwritten import share
from ..core.trace import Tracer, aval_of
from ..errors import DtypeError
from ..ops.linear import broadcast_to, move_axis, reshape, shape_of
from .arguments import broadcast_operand, cast, operand, operands
from .dispatch import IMPLEMENTED, has_tracer, implements, refuse
from .inplace import copy_tracer
from .orders import lies_in, require_order

__all__ = [
    "arange",
    "array",
    "asanyarray",
    "asarray",
    "ascontiguousarray",
    "copy",
    "eye",
    "full",
    "linspace",
    "logspace",
    "tri",
]

Array = Any


def _make(x: Any, dtype: Any, ndmin: int = 0) -> Any:
    x = operand(x) if dtype is None else cast(operand(x), numeric(dtype))
    shape = shape_of(x)
    return reshape(x, ((1,) * (ndmin - len(shape)) + shape)) if len(shape) < ndmin else x


def laid(x: Any, out: Any, order: Any) -> Any:
    """``out``, made of ``x``, under a new name where NumPy would copy it, as far as is known.

    The new name has no place in memory that is known, and may share it with the old one.
    """
    if out is not x or lies_in(x, order):
        return out
    laid = copy_tracer(out)
    share(out, laid)
    return laid


def numeric(dtype: Any) -> np.dtype[Any]:
    """``dtype`` as a `numpy.dtype` of numbers.

    Raises:
        DtypeError: It is none.
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "biufc":
        raise DtypeError(
            f"funcgrad: a traced value cannot become dtype {dtype}",
            "Use a boolean, integer, floating or complex dtype.",
        )
    return dtype


@implements(np.array)
def array(
    object: Array,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    ndmax: int = 0,
    like: Any = None,
) -> Array:
    """An array of numbers, arrays and traced values in nested lists.

    Raises:
        ShapeError: The parts differ in shape.
        DtypeError: A dtype that is not numeric.
    """
    refuse("array", ndmax=ndmax or None)
    out = _make(object, dtype, ndmin)
    return copy_tracer(out) if out is object and copy else laid(object, out, order)


@implements(np.asarray)
def asarray(
    a: Array,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    copy: Any = None,
    like: Any = None,
) -> Array:
    """See `array`; a traced value stays as it is."""
    return laid(a, _make(a, dtype), order)


@implements(np.asanyarray)
def asanyarray(
    a: Array,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    copy: Any = None,
    like: Any = None,
) -> Array:
    """See `asarray`."""
    return laid(a, _make(a, dtype), order)


@implements(np.ascontiguousarray)
def ascontiguousarray(a: Array, dtype: Any = None, *, like: Any = None) -> Array:
    """See `asarray`; of one dimension at least."""
    return laid(a, _make(a, dtype, 1), "C")


@implements(np.copy)
def copy(a: Array, order: Any = "K", subok: bool = False) -> Array:
    """The value under a new name, which an operator in place does not reach."""
    require_order(order)
    return copy_tracer(_make(a, None))


if hasattr(np, "astype"):  # NumPy 2.1

    @implements(np.astype)
    def astype(x: Array, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
        """``x`` converted to ``dtype``."""
        out = _make(x, dtype)
        return copy_tracer(out) if out is x and copy else out


@implements(np.full)
def full(
    shape: Any,
    fill_value: Array,
    dtype: Any = None,
    order: Any = "C",
    *,
    device: Any = None,
    like: Any = None,
) -> Array:
    """An array filled with ``fill_value``, which may be traced; its gradient is a sum.

    Raises:
        ShapeError: ``fill_value`` does not broadcast to ``shape``.
    """
    lengths = shape if isinstance(shape, (list, tuple)) else (shape,)
    return broadcast_operand("full", _make(fill_value, dtype), tuple(map(operator.index, lengths)))


@implements(np.linspace)
def linspace(
    start: Array,
    stop: Array,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: Any = 0,
    *,
    device: Any = None,
) -> Any:
    """Evenly spaced numbers from ``start`` to ``stop``, differentiable in both.

    ``start + i * (stop - start) / (num - 1)``, and ``stop`` itself at the end.
    """
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    div = num - 1 if endpoint else num
    start, stop = operands([start, stop], weak=True)
    inexact = np.result_type(aval_of(start).dtype, 0.0)
    start, stop = cast(start, inexact), cast(stop, inexact)
    delta = stop - start
    counted = np.arange(num, dtype=inexact).reshape((num, *(1,) * len(shape_of(delta))))
    step = delta / div if div > 0 else np.nan
    y = counted * (step if div > 0 else delta) + start
    if endpoint and num > 1:
        last = broadcast_to(stop, shape_of(delta))
        y = np.concatenate([y[:-1], reshape(last, (1, *shape_of(delta)))])
    if axis != 0:
        y = move_axis(y, 0, range(len(shape_of(y)))[axis])
    if dtype is not None:
        if np.dtype(dtype).kind in "iu":
            y = np.floor(y)
        y = cast(y, numeric(dtype))
    return (y, step) if retstep else y


@implements(np.logspace)
def logspace(
    start: Array,
    stop: Array,
    num: Any = 50,
    endpoint: bool = True,
    base: Array = 10.0,
    dtype: Any = None,
    axis: Any = 0,
) -> Array:
    """``base`` to the powers of `linspace`, differentiable in all three."""
    if shape_of(operand(base)):
        start, stop, base = np.broadcast_arrays(operand(start), operand(stop), operand(base))
        base = np.expand_dims(base, axis)
    y = np.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else cast(y, numeric(dtype))


def arange(*args: Any, **kwargs: Any) -> Any:
    """`numpy.arange`, whose arguments need values: they decide the length.

    Raises:
        GradientCutError: An argument is differentiated; write ``start + step * arange(n)``.
        ConcretizationError: An argument has no value while the function is traced.
    """
    for a in (*args, *kwargs.values()):
        if isinstance(a, Tracer):
            float(a)
    return np.arange(*args, **kwargs)


def tri(N: int, M: int | None = None, k: Any = 0, dtype: Any = float, *, like: Any = None) -> Array:
    """``numpy.tri``, with a diagonal that may be traced.

    >>> from funcgrad import jit
    >>> jit(lambda k: tri(2, 3, k))(1)
    array([[1., 1., 0.],
           [1., 1., 1.]])
    """
    if not has_tracer(k):
        return np.tri(N, M, k, dtype)
    rows, columns = np.arange(N)[:, None], np.arange(N if M is None else M)
    return np.less_equal(columns - rows, _diagonal("tri", k)).astype(np.dtype(dtype))


def eye(
    N: int,
    M: int | None = None,
    k: Any = 0,
    dtype: Any = float,
    order: Any = "C",
    *,
    device: Any = None,
    like: Any = None,
) -> Array:
    """``numpy.eye``, with a diagonal that may be traced.

    >>> from funcgrad import jit
    >>> jit(lambda k: eye(2, 3, k))(1)
    array([[0., 1., 0.],
           [0., 0., 1.]])
    """
    if not has_tracer(k):
        return np.eye(N, M, k, dtype, order)
    rows, columns = np.arange(N)[:, None], np.arange(N if M is None else M)
    return np.equal(columns - rows, _diagonal("eye", k)).astype(np.dtype(dtype))


def _diagonal(name: str, k: Any) -> Any:
    k = operand(k)
    if shape_of(k) or aval_of(k).dtype.kind not in "iu":
        raise DtypeError(
            f"numpy.{name}: k must be an integer, got {aval_of(k)}", "Convert with astype(int)."
        )
    return k


# These take no traced value; `like=tracer` brings them here.
IMPLEMENTED[np.arange] = arange
for _function in (np.zeros, np.ones, np.empty, np.eye, np.identity, np.tri):
    IMPLEMENTED[_function] = _function
