"""Reductions, running reductions and sorting, as `jax.lax` calls them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..api.mapping import vmap
from ..core.trace import aval_of
from ..errors import ArgumentError, DtypeError, ShapeError, StructureError
from ..numpy.arguments import axis_of, cast, operand
from ..numpy.scan import argsort as stable_argsort
from ..ops.linear import shape_of

__all__ = [
    "argmax",
    "argmin",
    "cumlogsumexp",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "reduce",
    "reduce_and",
    "reduce_max",
    "reduce_min",
    "reduce_or",
    "reduce_prod",
    "reduce_sum",
    "reduce_xor",
    "sort",
    "sort_key_val",
    "top_k",
]

Array = Any


def argmax(operand: Array, axis: int, index_dtype: Any = np.int64) -> Array:
    """`numpy.argmax` along one axis, in a given dtype.

    >>> argmax(np.array([1.0, 3.0, 2.0]), 0, np.int32)
    np.int32(1)
    """
    return np.argmax(operand, axis).astype(index_dtype)


def argmin(operand: Array, axis: int, index_dtype: Any = np.int64) -> Array:
    """`numpy.argmin` along one axis, in a given dtype.

    >>> argmin(np.array([1.0, 3.0, 2.0]), 0, np.int32)
    np.int32(0)
    """
    return np.argmin(operand, axis).astype(index_dtype)


def _reducer(name: str, ufunc: np.ufunc, bits: bool = False) -> Callable[..., Array]:
    def reduce_(operand: Array, axes: Sequence[int]) -> Array:
        x = _array(name, operand)
        dtype = aval_of(x).dtype
        if bits and dtype.kind not in "biu":
            raise DtypeError(
                f"{name}: expected booleans or integers, got {dtype}", "Write x > 0, or convert."
            )
        try:
            each = tuple(axes)
        except TypeError:
            raise ArgumentError(
                f"{name}: axes must be a sequence of axes, got {axes!r}",
                f"Write {name}(x, (0,)).",
            ) from None
        # JAX's keep the dtype, also of small integers, whose sums NumPy widens.
        found = ufunc.reduce(x, axis=tuple([axis_of(i, len(shape_of(x))) for i in each]))
        return cast(found, dtype)

    what = f"numpy.{ufunc.__name__}"
    reduce_.__name__ = reduce_.__qualname__ = name
    reduce_.__doc__ = f"""`{what}` of the elements along several axes, in their dtype.

    Args:
        operand: An array.
        axes: A sequence of axes.

    Raises:
        ArgumentError: The axes are no sequence.
        DtypeError: The elements are none that it takes.
    """
    return reduce_


reduce_sum = _reducer("reduce_sum", np.add)
reduce_prod = _reducer("reduce_prod", np.multiply)
reduce_max = _reducer("reduce_max", np.maximum)
reduce_min = _reducer("reduce_min", np.minimum)
reduce_and = _reducer("reduce_and", np.bitwise_and, True)
reduce_or = _reducer("reduce_or", np.bitwise_or, True)
reduce_xor = _reducer("reduce_xor", np.bitwise_xor, True)


def _array(called: str, x: Any) -> Any:
    x = operand(x)
    aval_of(x)  # which refuses what is no number
    if not shape_of(x) and called.startswith("cum"):
        raise ShapeError(f"{called}: got a scalar, {aval_of(x)}", "Give an array with an axis.")
    return x


def _running(name: str, along: Callable[[Any, int], Any], what: str) -> Callable[..., Array]:
    def running(operand: Array, axis: int = 0, reverse: bool = False) -> Array:
        x = _array(name, operand)
        axis = axis_of(axis, len(shape_of(x)))
        if not reverse:
            return along(x, axis)
        return np.flip(along(np.flip(x, axis), axis), axis)

    running.__name__ = running.__qualname__ = name
    running.__doc__ = f"""Running {what} along an axis.

    Args:
        operand: An array.
        axis: Which axis.
        reverse: Whether to go from the last element to the first.

    Returns:
        An array of the operand's shape and dtype.

    Raises:
        ShapeError: The operand is a scalar.
    """
    return running


cumsum = _running("cumsum", lambda x, i: cast(np.cumsum(x, i), aval_of(x).dtype), "sums")
cumprod = _running("cumprod", lambda x, i: cast(np.cumprod(x, i), aval_of(x).dtype), "products")
cummax = _running("cummax", lambda x, i: np.maximum.accumulate(x, i), "maxima")
cummin = _running("cummin", lambda x, i: np.minimum.accumulate(x, i), "minima")
cumlogsumexp = _running(
    "cumlogsumexp", lambda x, i: np.logaddexp.accumulate(x, i), "log(sum(exp(x)))"
)


def reduce(
    operands: Any,
    init_values: Any,
    computation: Callable[[Any, Any], Any],
    dimensions: Sequence[int],
) -> Any:
    """Arrays reduced along some axes by any associative function of two scalars.

    Pairs are combined, then pairs of these: ``log2(n)`` vectorised steps for ``n`` elements.

    Args:
        operands: An array, or a pytree of arrays of one shape.
        init_values: The neutral element of ``computation``, of the structure of ``operands``.
        computation: An associative function of two pytrees of scalars.
        dimensions: The axes that go.

    Returns:
        A pytree like ``operands``, without these axes.

    Raises:
        StructureError: ``init_values``, or what ``computation`` returns, is no such pytree.
        ShapeError: The shapes differ, or an axis is not there.

    >>> reduce(np.arange(1.0, 5.0), 1.0, lambda a, b: a * b, (0,))
    np.float64(24.0)
    """
    leaves, treedef = tree.flatten(operands)
    arrays = [_array("reduce", x) for x in leaves]
    starts = [
        cast(_array("reduce", start), aval_of(x).dtype)
        for start, x in zip(
            tree.flatten_up_to(treedef, init_values, "reduce: init_values", "operands"),
            arrays,
            strict=True,
        )
    ]
    shapes = {shape_of(x) for x in arrays}
    if len(shapes) != 1 or any(shape_of(start) for start in starts):
        raise ShapeError(
            f"reduce: got operands of shapes {', '.join(map(str, shapes)) or 'none'}, and initial "
            f"values of shapes {', '.join([str(shape_of(start)) for start in starts]) or 'none'}",
            "Give operands of one shape, and a scalar for each.",
        )
    (shape,) = shapes
    try:
        axes = [axis_of(i, len(shape)) for i in dimensions]
    except TypeError:
        raise ArgumentError(
            f"reduce: dimensions must be a sequence of axes, got {dimensions!r}", "Write (0,)."
        ) from None
    kept = [i for i in range(len(shape)) if i not in axes]
    rest = tuple([shape[i] for i in kept])
    size = math.prod([shape[i] for i in axes])
    rows = [np.reshape(np.transpose(x, (*axes, *kept)), (size, math.prod(rest))) for x in arrays]

    def combine(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
        result = computation(tree.unflatten(treedef, a), tree.unflatten(treedef, b))
        found = tree.flatten_up_to(treedef, result, "reduce: the computation's result", "operands")
        shown = [tree.structure(x) for x in found]
        if any(structure is not tree.LEAF for structure in shown):
            raise StructureError(
                f"reduce: the computation returned {tree.structure(result)} for operands {treedef}",
                "Return one scalar for each operand.",
            )
        values = [_array("reduce", x) for x in found]
        if any(shape_of(x) for x in values):
            raise ShapeError(
                f"reduce: the computation returned {', '.join([str(aval_of(x)) for x in values])}",
                "Return scalars: it is called with one element of each operand.",
            )
        return [cast(x, aval_of(y).dtype) for x, y in zip(values, a, strict=True)]

    along = vmap(combine)
    both = vmap(along)
    while size > 1:
        half = size // 2
        done = both([x[:half] for x in rows], [x[half : 2 * half] for x in rows])
        rows = [
            np.concatenate([x, y[2 * half :]]) if size % 2 else x
            for x, y in zip(done, rows, strict=True)
        ]
        size -= half
    first = [np.broadcast_to(start, math.prod(rest)) for start in starts]
    if size:
        first = along(first, [x[0] for x in rows]) if math.prod(rest) else first
    return tree.unflatten(treedef, [np.reshape(x, rest)[()] for x in first])


def sort(operand: Any, dimension: int = -1, is_stable: bool = True, num_keys: int = 1) -> Any:
    """Sort an array, or several by the first of them.

    Args:
        operand: An array; or a tuple of arrays of one shape, the first ``num_keys`` of which say
            the order, the first of all before the others, and which are all put into it.
        dimension: The axis.
        is_stable: Without meaning: equal elements always keep their order.
        num_keys: How many arrays of a tuple are keys.

    Returns:
        The sorted array, or the tuple of arrays.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: There are not that many keys.

    >>> sort((np.array([3, 1, 2]), np.array([0.0, 1.0, 2.0])))
    (array([1, 2, 3]), array([1., 2., 0.]))
    """
    if not isinstance(operand, (tuple, list)):
        return np.sort(_array("sort", operand), dimension, kind="stable")
    arrays = [_array("sort", x) for x in operand]
    if type(num_keys) is not int or not 1 <= num_keys <= len(arrays):
        raise ArgumentError(
            f"sort: got num_keys={num_keys!r} for {len(arrays)} arrays",
            "Give a number from 1 to that of the arrays.",
        )
    if len({shape_of(x) for x in arrays}) > 1:
        shown = ", ".join([str(shape_of(x)) for x in arrays])
        raise ShapeError(f"sort: the arrays have shapes {shown}", "Give arrays of one shape.")
    axis = axis_of(dimension, len(shape_of(arrays[0])))
    if num_keys == 1:
        order = stable_argsort(arrays[0], axis, stable=True)
    else:
        order = np.lexsort(tuple(arrays[num_keys - 1 :: -1]), axis=axis)
    return tuple([np.take_along_axis(x, order, axis) for x in arrays])


def sort_key_val(
    keys: Array, values: Array, dimension: int = -1, is_stable: bool = True
) -> tuple[Array, Array]:
    """Sort keys, and put values into the same order.

    Args:
        keys: An array.
        values: An array of its shape.
        dimension: The axis.
        is_stable: Without meaning: equal keys always keep their order.

    >>> sort_key_val(np.array([3, 1, 2]), np.array([0.0, 1.0, 2.0]))
    (array([1, 2, 3]), array([1., 2., 0.]))
    """
    return sort((keys, values), dimension, is_stable, 1)


def top_k(operand: Array, k: int, *, axis: int = -1) -> tuple[Array, Array]:
    """The ``k`` largest elements along an axis, largest first, and their indices.

    Of equal elements the first comes first. Gradients go to the elements that were taken.

    Args:
        operand: An array.
        k: How many; not traced.
        axis: Which axis.

    Returns:
        The elements, and their indices (int64; JAX has int32).

    Raises:
        ShapeError: The operand is a scalar, or ``k`` is negative or larger than the axis.

    >>> top_k(np.array([2.0, 5.0, 3.0, 5.0]), 3)
    (array([5., 5., 3.]), array([1, 3, 2]))
    """
    x = _array("top_k", operand)
    rank = len(shape_of(x))
    length = shape_of(x)[axis_of(axis, rank)] if rank else 0
    k = int(k) if isinstance(k, np.integer) else k
    if not rank or type(k) is not int or not 0 <= k <= length:
        raise ShapeError(
            f"top_k: got k={k!r} for an axis of length {length} of {aval_of(x)}",
            "Give a Python integer from 0 to the length of the axis.",
        )
    order = stable_argsort(x, axis, stable=True, descending=True)
    chosen = [slice(None)] * rank
    chosen[axis_of(axis, rank)] = slice(k)
    order = order[tuple(chosen)]
    return np.take_along_axis(x, order, axis), order
