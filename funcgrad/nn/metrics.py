"""What is told of a classifier beside its loss: accuracy, and what is taken for what."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..numpy import at
from .checks import Array, as_array, class_labels, rows

__all__ = ["accuracy", "confusion_matrix"]


def accuracy(predictions: Array, labels: Array, k: int = 1) -> Array:
    """The share of examples whose label is the prediction, or among the ``k`` highest scores.

    Of equal scores the first counts as the highest, as for `numpy.argmax`. Scores that are nan are
    no prediction. There is no gradient: it is 0.

    Args:
        predictions: Scores of shape ``(..., classes)``, or integer classes of the labels' shape.
        labels: Integers of shape ``(...)``.
        k: How many guesses a row of scores has.

    Returns:
        A float64 from 0 to 1.

    Raises:
        ShapeError: The shapes do not fit, or there are no examples.
        DtypeError: The labels are no integers.
        OutOfBoundsError: A label is not a class of the scores.
        ArgumentError: ``k`` is no number of classes, or not 1 for predictions that are classes.

    >>> accuracy([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    np.float64(0.5)
    """
    predictions, labels = as_array("accuracy", predictions), as_array("accuracy", labels)
    if predictions.shape == labels.shape and predictions.dtype.kind in "biu":
        if not predictions.size or k != 1:
            raise ArgumentError(
                f"accuracy: got k={k} for {predictions.size} predicted classes",
                "Give scores of shape (..., classes) for k > 1, and skip empty batches.",
            )
        return np.mean(predictions == labels, dtype=np.float64)
    if not predictions.shape:
        raise ShapeError(
            "accuracy: expected scores of shape (..., classes), got a scalar",
            "Pass one score for each class.",
        )
    scores, labels = rows("accuracy", predictions, labels)
    classes = scores.shape[1]
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= classes:
        raise ArgumentError(f"accuracy: k is from 1 to {classes}, got {k!r}", "Leave it out.")
    column = np.expand_dims(labels, 1)
    own = np.take_along_axis(scores, column, 1)
    ahead = (scores > own) | ((scores == own) & (np.arange(classes) < column))
    right = (np.sum(ahead, axis=1) < k) & ~np.any(np.isnan(scores), axis=1)
    return np.mean(right, dtype=np.float64)


def confusion_matrix(predictions: Array, labels: Array, num_classes: int | None = None) -> Array:
    """How often each class is taken for each: ``[i, j]`` counts examples of class i taken for j.

    Args:
        predictions: Integer classes, or scores of shape ``(..., classes)``, of which the highest
            counts.
        labels: Integers of shape ``(...)``.
        num_classes: The number of classes; only scores tell it by themselves.

    Returns:
        int64, shape ``(classes, classes)``; the sum is the number of examples.

    Raises:
        ShapeError: The shapes do not fit.
        DtypeError: The labels are no integers.
        OutOfBoundsError: A label or a prediction is not a class.
        ArgumentError: The number of classes is not known.

    >>> confusion_matrix([0, 1, 1], [0, 0, 1], 2)
    array([[1, 1],
           [0, 1]])
    """
    called = "confusion_matrix"
    predictions, labels = as_array(called, predictions), as_array(called, labels)
    if len(predictions.shape) == len(labels.shape) + 1:
        classes: Any = predictions.shape[-1] if num_classes is None else num_classes
        predictions = np.argmax(predictions, axis=-1)
    else:
        classes = num_classes
    try:
        size = operator.index(classes)
    except TypeError:
        size = 0
    if size < 1:
        raise ArgumentError(
            f"{called}: num_classes is an integer >= 1, got {classes!r}",
            "Write confusion_matrix(predictions, labels, 10).",
        )
    if predictions.shape != labels.shape:
        raise ShapeError(
            f"{called}: expected predictions and labels of one shape, got {predictions.shape} and "
            f"{labels.shape}",
            "Or give scores, with one more axis.",
        )
    found = class_labels(called, predictions, size), class_labels(called, labels, size)
    taken, true = [np.reshape(x, (-1,)) for x in found]
    return at(np.zeros((size, size), np.int64))[true, taken].add(1)
