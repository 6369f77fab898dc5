"""Permutations and choices from an array, whose elements keep their gradients."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import numpy as fnp
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, ShapeError
from ..numpy.arguments import axis_of, cast, operand
from ..ops.linear import shape_of
from .arguments import Array, Shape, count, lengths, refuse_mode
from .continuous import gumbel, half_open
from .discrete import randint
from .keys import bits

__all__ = ["choice", "permutation"]


def permutation(key: Array, x: Array, axis: int = 0, independent: bool = False) -> Array:
    """``x`` in random order along ``axis``: that in which random words are sorted.

    Args:
        key: A key.
        x: An array, or an integer for ``arange(x)``.
        axis: The axis to permute.
        independent: Whether each lane along the axis has an order of its own.

    >>> permutation(np.array([0, 0], np.uint64), 5)
    array([0, 2, 1, 4, 3])
    """
    x = _array("permutation", x)
    axis = axis_of(axis, len(shape_of(x)))
    shape = shape_of(x)
    if independent:
        return np.take_along_axis(x, np.argsort(bits(key, shape), axis=axis, kind="stable"), axis)
    order = np.argsort(bits(key, (shape[axis],)), kind="stable")
    return fnp.take(x, order, axis)


def _array(called: str, x: Array) -> Any:
    if isinstance(x, Tracer) or np.ndim(x):
        return operand(x)
    if not isinstance(x, int | np.integer | np.ndarray) or np.asarray(x).dtype.kind not in "iu":
        raise DtypeError(
            f"random.{called}: expected an array, or an integer n for numpy.arange(n), got a "
            f"{type(x).__name__}",
            f"Write random.{called}(key, x).",
        )
    return np.arange(operator.index(x))


def choice(
    key: Array,
    a: Array,
    shape: Shape = (),
    replace: bool = True,
    p: Array | None = None,
    axis: int = 0,
    mode: Any = None,
) -> Array:
    """Elements of ``a`` along ``axis``.

    Args:
        key: A key.
        a: An array, or an integer for ``arange(a)``.
        shape: The shape of the choice, which stands in place of the axis.
        replace: Whether an element may be chosen twice.
        p: Probabilities, one an element; uniform by default. They need not sum to 1.
        axis: The axis to choose along.
        mode: None; there is no need of JAX's.

    Raises:
        ShapeError: ``p`` has another length, or more elements are asked for than there are.
        ArgumentError: Known probabilities are negative, or not positive often enough.
    """
    refuse_mode("choice", mode)
    a = _array("choice", a)
    axis = axis_of(axis, len(shape_of(a)))
    sizes, n = lengths("choice", shape), shape_of(a)[axis]
    wanted = count(sizes)
    if (not n and wanted) or (not replace and wanted > n):
        raise ShapeError(
            f"random.choice: {wanted} elements of {n}, replace={replace}",
            "Choose fewer, or replace=True.",
        )
    if p is None:
        if replace:
            index = randint(key, sizes, 0, n) if n else np.zeros(sizes, int)
        else:
            order = np.argsort(bits(key, (n,)), kind="stable")
            index = order[:wanted].reshape(sizes)
        return fnp.take(a, index, axis)
    weights = _weights(p, n, 1 if replace else wanted)
    if replace:
        total: Any = np.cumsum(weights)
        u: Any = half_open("choice", key, sizes, np.dtype(np.float64)) * total[-1]
        if isinstance(u, Tracer) or isinstance(total, Tracer):
            index = np.sum(cast(total <= np.expand_dims(u, -1), np.int64), axis=-1)
        else:
            index = np.searchsorted(total, u, side="right")
        index = np.minimum(index, n - 1)
    else:
        some = weights > 0
        logits = np.where(some, np.log(np.where(some, weights, 1.0)), -np.inf)
        noisy = logits + gumbel(key, (n,))
        index = np.argsort(-noisy, kind="stable")[:wanted].reshape(sizes)
    return fnp.take(a, index, axis)


def _weights(p: Array, n: int, positive: int) -> Any:
    """Probabilities as float64, checked where they are known."""
    weights = cast(operand(p), np.float64)
    if shape_of(weights) != (n,):
        raise ShapeError(
            f"random.choice: p has shape {shape_of(weights)}, and there are {n} elements",
            "Give one probability for each element along the axis.",
        )
    if not isinstance(weights, Tracer) and not (
        np.all(weights >= 0) and np.all(np.isfinite(weights)) and np.sum(weights > 0) >= positive
    ):
        raise ArgumentError(
            f"random.choice: p must be finite, not negative, and positive for at least {positive}, "
            f"got {aval_of(weights)} with {np.sum(weights > 0)} positive",
            "Give probabilities.",
        )
    return weights
