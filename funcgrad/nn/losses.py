"""Losses, each a mean over all examples; those under Optax's names are in `example_losses`.

They refuse shapes that differ, because ``(n, 1) - (n,)`` broadcasts to ``(n, n)`` in silence, and
refuse to average over nothing.
"""

from __future__ import annotations

import math

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..numpy import at
from ..ops.elementwise import relu as relu_primitive
from ..ops.softmax import label_loss, log_total
from .activations import log1p_exp_minus_abs
from .categorical import exponentials, indicator, log_softmax
from .checks import Array, as_array, as_float, is_traced, pair, refuse_empty, rows


def mse(predictions: Array, targets: Array) -> Array:
    """The mean squared error ``mean((predictions - targets)**2)``.

    Args:
        predictions: Any shape, not empty.
        targets: The same shape; integers take the dtype of the predictions.

    Returns:
        A scalar.

    Raises:
        ShapeError: The shapes differ, or there is nothing to average.

    >>> mse([1.0, 2.0], [1.0, 4.0])
    np.float64(2.0)
    """
    predictions, targets = pair("mse", predictions, targets)
    error = predictions - targets
    return np.mean(error * error)


def rmse(predictions: Array, targets: Array) -> Array:
    """The root of `mse`; arguments and errors as there. Its gradient is 0 where the error is 0.

    >>> rmse([1.0, 2.0], [1.0, 4.0])
    np.float64(1.4142135623730951)
    """
    predictions, targets = pair("rmse", predictions, targets)
    error = predictions - targets
    return np.sqrt(np.mean(error * error))


def mae(predictions: Array, targets: Array) -> Array:
    """The mean absolute error ``mean(abs(predictions - targets))``; arguments and errors as `mse`.

    >>> mae([1.0, 2.0], [1.0, 4.0])
    np.float64(1.0)
    """
    predictions, targets = pair("mae", predictions, targets)
    return np.mean(np.abs(predictions - targets))


def cross_entropy(logits: Array, labels: Array) -> Array:
    """The mean softmax cross-entropy ``-log(softmax(logits)[label])`` over the examples.

    With probability targets ``t`` it is the mean of ``-sum(t * log_softmax(logits))``, where a
    target of 0 at a masked class counts 0. The gradient with respect to the logits is
    ``(softmax(logits) - t) / n``, with ``t`` one-hot for labels.

    Args:
        logits: Shape ``(..., classes)``; -inf masks a class.
        labels: Integers of shape ``(...)``, or floating-point probabilities of the logits' shape.

    Returns:
        A scalar of the logits' dtype.

    Raises:
        ShapeError: The shapes do not fit, or there are no examples or no classes.
        DtypeError: Labels that are neither integers nor floating-point probabilities.
        OutOfBoundsError: A label is not a class; traced labels raise where the program runs.

    >>> cross_entropy(np.array([[0.0, 0.0], [1000.0, -1000.0]]), [1, 0])
    np.float64(0.34657359027997264)
    """
    logits = class_scores("cross_entropy", logits)
    labels = as_array("cross_entropy", labels)
    if labels.dtype.kind == "f" and labels.shape == logits.shape:
        return _soft_cross_entropy(logits, labels)
    return np.mean(label_losses(*rows("cross_entropy", logits, labels)))


def label_losses(logits: Array, labels: Array) -> Array:
    """The softmax cross-entropy of each row of ``(n, classes)`` with its label."""
    logits, e, shifted = exponentials(logits, (1,), None)
    total = np.sum(e, axis=1, keepdims=True)
    log, picked = np.squeeze(log_total(total, e, (1,)), axis=1), of_labels(shifted, labels)
    return label_loss(logits, labels, log, picked, e, total)


def class_scores(called: str, logits: Array) -> Array:
    """``logits`` as floats, with an axis of classes."""
    logits = as_float(called, logits)
    if not logits.shape:
        raise ShapeError(
            f"{called}: expected scores of shape (..., classes), got a scalar",
            "Pass one score for each class.",
        )
    return logits


def of_labels(scores: Array, labels: Array) -> Array:
    """The score of each row's label; `at`, because either may be traced without the other."""
    return at(scores)[np.arange(labels.shape[0]), labels].get()


def _soft_cross_entropy(logits: Array, targets: Array) -> Array:
    refuse_empty("cross_entropy", logits)
    return np.mean(-np.sum(expected_log(targets, log_softmax(logits)), axis=-1))


def expected_log(targets: Array, log_p: Array) -> Array:
    """``targets * log_p``, 0 where the target is 0 and the class masked."""
    return targets * np.where((targets == 0) & (log_p == -math.inf), 0.0, log_p)


def binary_cross_entropy(logits: Array, targets: Array) -> Array:
    """The mean of ``-t * log(p) - (1 - t) * log(1 - p)`` with ``p = sigmoid(logits)``.

    Computed as ``relu(z) - z * t + log1p(exp(-|z|))`` (see `softplus`), which neither overflows nor
    loses the small losses of confident answers. Its gradient is ``(sigmoid(logits) - t) / n``,
    computed without that difference where it would cancel.

    Args:
        logits: Any shape, not empty.
        targets: The same shape, from 0 to 1; integers and booleans take the dtype of the logits.

    Returns:
        A scalar.

    Raises:
        ShapeError: The shapes differ, or there is nothing to average.
        ArgumentError: A concrete target is outside [0, 1].

    >>> binary_cross_entropy(np.array([0.0, 1000.0, -1000.0]), [1, 1, 0])
    np.float64(0.23104906018664842)
    """
    return np.mean(
        binary_losses("binary_cross_entropy", *pair("binary_cross_entropy", logits, targets))
    )


def binary_losses(called: str, logits: Array, targets: Array) -> Array:
    """The binary cross-entropy of each element."""
    if not is_traced(targets) and ((targets < 0) | (targets > 1)).any():
        raise ArgumentError(
            f"{called}: targets are probabilities from 0 to 1, got values from "
            f"{targets.min()} to {targets.max()}",
            "For labels -1 and 1 write (labels + 1) / 2.",
        )
    slope = np.where(logits > 0, 1 - targets, -targets)
    return logits * slope + log1p_exp_minus_abs(logits)


def hinge(scores: Array, labels: Array) -> Array:
    """The multi-class hinge loss ``sum_{j != y} max(0, s_j - s_y + 1)`` (Weston and Watkins 1999).

    Args:
        scores: Shape ``(..., classes)``.
        labels: Integers of shape ``(...)``.

    Returns:
        The mean over the examples, a scalar of the scores' dtype. At a kink (a margin of exactly 0)
        the derivative is that of `relu`, 0.

    Raises:
        ShapeError: The shapes do not fit, or there are no examples or no classes.
        DtypeError: Labels are not integers.
        OutOfBoundsError: A label is not a class; traced labels raise where the program runs.

    >>> hinge(np.array([[3.0, 5.0, -1.5]]), [0])
    np.float64(3.0)
    """
    scores, labels = rows("hinge", class_scores("hinge", scores), labels)
    # At the true class the margin is 0, so that relu drops it without a mask.
    margin = 1 - indicator(labels, scores.shape[-1], scores.dtype)
    margins = relu_primitive(scores - np.expand_dims(of_labels(scores, labels), -1) + margin)
    return np.mean(np.sum(margins, axis=-1))
