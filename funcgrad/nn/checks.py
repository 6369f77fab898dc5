"""What activations and losses require of their input, and how they take it."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.trace import Tracer
from ..errors import ArgumentError, DtypeError, OutOfBoundsError, ShapeError

Array: TypeAlias = Any
"""An array, a NumPy or Python scalar, a nested sequence of numbers, or a tracer."""

Axis: TypeAlias = int | tuple[int, ...] | None


def is_traced(x: Array) -> bool:
    """Whether ``x`` may have no value yet."""
    return isinstance(x, Tracer)


def as_array(called: str, x: Array) -> Array:
    """``x`` as a tracer, array or NumPy scalar, in native byte order; refuses what is no number."""
    if not is_traced(x) and not isinstance(x, np.ndarray | np.generic):
        x = np.asarray(x)
    if x.dtype.kind not in "biufc":
        raise DtypeError(
            f"{called}: expected numbers, got dtype {x.dtype}",
            "Convert first, for example with x.astype(np.float64).",
        )
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def lengths(called: str, name: str, given: Any) -> tuple[int, ...]:
    """``given``, a length or several, as a tuple.

    Raises:
        ArgumentError: It is neither an integer nor a sequence of integers, or one is negative.
    """
    try:
        each = given if isinstance(given, Sequence | np.ndarray) else (given,)
        found = tuple([operator.index(n) for n in each])
    except TypeError:
        found = (-1,)
    if min(found, default=0) < 0:
        shown = repr(given) if isinstance(given, int | float | Sequence) else type(given).__name__
        raise ArgumentError(
            f"{called}: {name} is made of integers >= 0, got {shown}", f"Write {name}=(3, 4)."
        )
    return found


def as_float(called: str, x: Array) -> Array:
    """``x`` as a floating-point value: floats as they are, integers and booleans as float64."""
    x = as_array(called, x)
    if x.dtype.kind == "f":
        return x
    if x.dtype.kind == "c":
        raise DtypeError(
            f"{called}: expected real numbers, got {x.dtype}",
            "Take x.real, x.imag or abs(x).",
        )
    return x.astype(np.float64)


def pair(called: str, predictions: Array, targets: Array) -> tuple[Array, Array]:
    """Two floating-point values of one shape, not empty; integer targets take the other's dtype."""
    predictions = as_float(called, predictions)
    targets = as_array(called, targets)
    if predictions.shape != targets.shape:
        raise ShapeError(
            f"{called}: expected two arrays of one shape, got {predictions.shape} and "
            f"{targets.shape}",
            "Reshape one of them, for example with predictions.reshape(targets.shape).",
        )
    refuse_empty(called, predictions)
    if targets.dtype.kind in "biu":
        return predictions, targets.astype(predictions.dtype)
    return predictions, as_float(called, targets)


def refuse_empty(called: str, x: Array) -> None:
    """Raise where there is no example to average over."""
    if math.prod(x.shape) == 0:
        raise ShapeError(
            f"{called}: the mean over no examples is undefined, got shape {x.shape}",
            "Skip empty batches.",
        )


def axes_of(called: str, x: Array, axis: Axis) -> tuple[int, ...]:
    """The axes meant by ``axis``, as non-negative integers."""
    rank = len(x.shape)
    if axis is None:
        return tuple(range(rank))
    axes = axis if isinstance(axis, tuple) else (axis,)
    for one in axes:
        if not -rank <= one < rank:
            raise ShapeError(
                f"{called}: axis {one} does not exist in shape {x.shape}",
                f"Pass an axis from {-rank} to {rank - 1}." if rank else "Pass axis=None.",
            )
    return tuple(one % rank for one in axes)


def class_labels(called: str, labels: Array, num_classes: int) -> Array:
    """Class labels as integers that index ``num_classes`` classes, or that raise where they do not.

    Concrete labels are checked here. For traced ones the check is the bound check of the gather
    that they are used in. There -1 would mean the last class; clearing the sign bit puts every
    negative label far out of bounds.
    """
    labels = as_array(called, labels)
    if labels.dtype.kind not in "iu":
        raise DtypeError(
            f"{called}: class labels must be integers, got {labels.dtype}",
            "Write labels.astype(int), or pass class probabilities of the logits' shape."
            if called == "cross_entropy"
            else "Write labels.astype(int).",
        )
    if is_traced(labels):
        return labels.astype(np.int64) & np.iinfo(np.int64).max
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise OutOfBoundsError(
            f"{called}: label {wrong} is not one of {num_classes} classes",
            f"Labels run from 0 to {num_classes - 1}.",
        )
    return labels


def rows(called: str, logits: Array, labels: Array) -> tuple[Array, Array]:
    """Logits as ``(n, classes)`` and labels as ``(n,)``, checked against each other."""
    refuse_empty(called, logits)
    classes = logits.shape[-1]
    labels = class_labels(called, labels, classes)
    if labels.shape != logits.shape[:-1]:
        raise ShapeError(
            f"{called}: scores of shape {logits.shape} need labels of shape {logits.shape[:-1]}, "
            f"got {labels.shape}",
            "The last axis of the scores counts the classes; labels have the axes before it.",
        )
    if len(logits.shape) != 2:
        logits, labels = logits.reshape(-1, classes), labels.reshape(-1)
    return logits, labels


def check_layer(x: Sequence[int], kernel: Sequence[int], groups: int) -> None:
    """Raise where the channels of images and kernel, channels last, do not fit together."""
    (*_, c), (*_, i, o) = x, kernel
    if groups < 1 or o % groups:
        raise ShapeError(
            f"conv: got groups={groups} for {o} features", "Give a divisor of the features."
        )
    if c == i * groups:
        return
    fix = "x is (batch, *spatial, channels), the kernel (*window, channels / groups, features)."
    order = (*range(2, len(kernel)), 1, 0)
    if kernel[1] * groups in (c, x[1]):
        fix += (
            f" If yours is (features, channels, *window), write numpy.transpose(kernel, {order})."
        )
        i = kernel[1]
    if x[1] == i * groups:
        fix += " If yours is (batch, channels, *spatial), write numpy.moveaxis(x, 1, -1)."
    raise ShapeError(
        f"conv: got x of shape {tuple(x)}, whose last axis has {c} channels, and a kernel of shape "
        f"{tuple(kernel)}, which takes {kernel[-2] * groups}"
        + (f" (groups={groups})" if groups != 1 else ""),
        fix,
    )
