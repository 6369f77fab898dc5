"""Softmax and its family, and one-hot vectors.

What is computed on the way, less the maximum, passes through `stop_gradient`: derivatives are those
of the last step by the argument itself (`funcgrad.ops.softmax`), and nothing else is kept for them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..api.program import stop_gradient
from ..errors import ArgumentError
from ..numpy import at
from ..ops.softmax import log_normalised, log_sum_exp, log_total, normalised
from .checks import Array, Axis, as_float, axes_of, class_labels, is_traced


def exponentials(x: Array, axes: tuple[int, ...], where: Array | None) -> tuple[Array, ...]:
    """``x`` with its masked entries at -inf, ``exp`` of ``x`` less its maximum, that difference.

    The two spare `normalised` and its kin the work, and carry no derivative.
    """
    x = _masked(x, where)
    held = stop_gradient(x)
    top = np.max(held, axis=axes, keepdims=True)
    if where is not None:  # where nothing is left the maximum is -inf, and -inf less that nan
        top = np.maximum(top, float(np.finfo(x.dtype).min))
    shifted = held - top
    return x, np.exp(shifted), shifted


def _beside(where: Array | None) -> Array | None:
    return None if where is None else np.expand_dims(where, -1)


def _masked(x: Array, where: Array | None) -> Array:
    return x if where is None else np.where(where, x, x.dtype.type(-math.inf))


def softmax(x: Array, axis: Axis = -1, where: Array | None = None) -> Array:
    """``exp(x) / sum(exp(x))`` along ``axis``.

    Args:
        x: Any shape of rank 1 or more (any rank with ``axis=None``). An entry of -inf is masked:
            its probability is 0. Where all entries are -inf, or one is +inf, the result is nan.
        axis: The axis or axes that sum to one; all where None.
        where: Booleans that broadcast against ``x``: False masks an entry, whatever it is. Where
            all that it leaves is -inf, or nothing, the result is 0, with gradient 0.

    Returns:
        The same shape and dtype.

    Raises:
        ShapeError: ``axis`` does not exist.

    >>> softmax(np.array([1000.0, 1000.0, -np.inf]))
    array([0.5, 0.5, 0. ])
    """
    x = as_float("softmax", x)
    axes = axes_of("softmax", x, axis)
    if math.prod(x.shape) == 0:
        return np.exp(x)
    if not axes:
        return softmax(x[..., None], -1, _beside(where))[..., 0]
    x, e, _ = exponentials(x, axes, where)
    total = np.sum(e, axis=axes, keepdims=True)
    return normalised(x, e, total if where is None else total + (total == 0), axes)


def log_softmax(x: Array, axis: Axis = -1, where: Array | None = None) -> Array:
    """``x - log(sum(exp(x)))`` along ``axis``, the logarithm of `softmax` without its underflow.

    Args:
        x: As for `softmax`.
        axis: As for `softmax`.
        where: As for `softmax`.

    Returns:
        The same shape and dtype; -inf at masked entries.

    Raises:
        ShapeError: ``axis`` does not exist.

    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    x = as_float("log_softmax", x)
    axes = axes_of("log_softmax", x, axis)
    if math.prod(x.shape) == 0:
        return np.exp(x)
    if not axes:
        return log_softmax(x[..., None], -1, _beside(where))[..., 0]
    x, e, shifted = exponentials(x, axes, where)
    total = np.sum(e, axis=axes, keepdims=True)
    if where is not None:
        total = total + (total == 0)
    return log_normalised(x, shifted, log_total(total, e, axes), e, total, axes)


def logsumexp(
    x: Array, axis: Axis = None, keepdims: bool = False, where: Array | None = None
) -> Array:
    """``log(sum(exp(x)))`` over ``axis``, whose gradient is `softmax`.

    Args:
        x: Any shape.
        axis: The axis or axes to sum over; all where None.
        keepdims: Whether the summed axes stay, with length 1.
        where: Booleans that broadcast against ``x``: False leaves an entry out.

    Returns:
        The reduced shape, the same dtype. It is -inf over nothing and over entries that are all
        -inf (with gradient 0), and +inf where entries are +inf, which share the gradient.

    Raises:
        ShapeError: ``axis`` does not exist.

    >>> logsumexp(np.array([1000.0, 1000.0]))
    np.float64(1000.6931471805599)
    >>> logsumexp(np.array([-np.inf, -np.inf]))
    np.float64(-inf)
    """
    x = _masked(as_float("logsumexp", x), where)
    axes = axes_of("logsumexp", x, axis)
    if math.prod(x.shape) == 0:
        return np.sum(x, axis=axes, keepdims=keepdims) - math.inf
    if not axes:
        return logsumexp(x[..., None], -1)
    limits, held = np.finfo(x.dtype), stop_gradient(x)
    top = np.max(held, axis=axes, keepdims=True)
    # inf - inf would be nan: a finite shift leaves +-inf entries what they are.
    e = np.exp(held - np.minimum(np.maximum(top, float(limits.min)), float(limits.max)))
    total = np.sum(e, axis=axes, keepdims=True)
    # The largest entry contributes 1, so that 0 means that all are -inf: log(1) + top is their sum.
    total = total + (total == 0)
    found = log_sum_exp(x, log_total(total, e, axes), top, e, total, axes)
    return found if keepdims else np.squeeze(found, axis=axes)[()]


def one_hot(labels: Array, num_classes: int, dtype: Any = np.float64) -> Array:
    """Rows of the identity: 1 at the label, 0 elsewhere.

    Args:
        labels: Integers from 0 to ``num_classes - 1``, any shape.
        num_classes: The length of the new last axis.
        dtype: Of the result.

    Returns:
        Shape ``labels.shape + (num_classes,)``.

    Raises:
        DtypeError: Labels are not integers.
        OutOfBoundsError: A label is not a class; traced labels raise where the program runs.

    >>> one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    if not isinstance(num_classes, int | np.integer) or num_classes < 1:
        raise ArgumentError(
            f"one_hot: num_classes must be positive, got {num_classes!r}",
            "Pass the number of classes, labels.max() + 1 where every class occurs.",
        )
    labels = class_labels("one_hot", labels, num_classes)
    if is_traced(labels):
        labels = at(np.arange(num_classes))[labels].get()  # raises for a label that is no class
    return indicator(labels, num_classes, dtype)


def indicator(labels: Array, num_classes: int, dtype: Any) -> Array:
    """`one_hot` of labels that have been checked."""
    return (np.expand_dims(labels, -1) == np.arange(num_classes)).astype(dtype)
