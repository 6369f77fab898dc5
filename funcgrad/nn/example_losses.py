"""Losses under Optax's names: one number for each example, nothing averaged.

Shapes that differ are refused, where Optax broadcasts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import ArgumentError, DtypeError, ShapeError
from ..ops.elementwise import relu as relu_primitive
from .activations import log1p_exp_minus_abs
from .bounded import log_sigmoid
from .categorical import log_softmax, logsumexp, softmax
from .checks import Array, Axis, as_array, as_float, axes_of, class_labels, is_traced
from .losses import binary_losses, expected_log, label_losses, of_labels

__all__ = [
    "cross_entropy_of_labels",
    "hinge_loss",
    "huber_loss",
    "l2_loss",
    "log_cosh",
    "perceptron_loss",
    "poly_loss_cross_entropy",
    "sigmoid_binary_cross_entropy",
    "sigmoid_focal_loss",
    "smooth_labels",
    "softmax_cross_entropy",
    "squared_error",
    "triplet_margin_loss",
]


def of_one_shape(called: str, first: Array, second: Array) -> tuple[Array, Array]:
    """Two floating-point values of one shape; integers take the other's dtype."""
    first, second = as_float(called, first), as_array(called, second)
    if first.shape != second.shape:
        raise ShapeError(
            f"{called}: expected two arrays of one shape, got {first.shape} and {second.shape}",
            "Reshape or broadcast one of them: numpy.broadcast_to(targets, predictions.shape).",
        )
    if second.dtype.kind in "biu":
        return first, second.astype(first.dtype)
    return first, as_float(called, second)


def masked_sum(called: str, x: Array, axis: Axis, where: Array | None) -> Array:
    """The sum along ``axis`` of what ``where`` leaves."""
    axes = axes_of(called, x, axis)
    return np.sum(x if where is None else np.where(where, x, x.dtype.type(0)), axis=axes)


def beside(x: Array, where: Array | None, axis: Axis) -> Array | None:
    """A mask with the axes of ``x``; one that has fewer has none of the classes."""
    if where is None or np.ndim(where) == len(x.shape):
        return where
    return np.expand_dims(where, axis if axis is not None else ())


def softmax_cross_entropy(
    logits: Array, labels: Array, axis: Axis = -1, where: Array | None = None
) -> Array:
    """``-sum(labels * log_softmax(logits))`` of each example; `cross_entropy` is the mean.

    A label of 0 at a masked class (a logit of -inf) counts 0.

    Args:
        logits: Any shape of rank 1 or more.
        labels: Probabilities of that shape, as `one_hot` makes them.
        axis: The axis or axes of the classes.
        where: Booleans; False leaves a class out. It broadcasts to the logits, or lacks the axis of
            the classes.

    Returns:
        The shape of the logits without ``axis``.

    Raises:
        ShapeError: The shapes differ, or ``axis`` does not exist.

    >>> softmax_cross_entropy([[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.5, 0.5]])
    array([0.69314718, 0.69314718])
    """
    called = "softmax_cross_entropy"
    logits, labels = of_one_shape(called, logits, labels)
    where = beside(logits, where, axis)
    log_p = log_softmax(logits, axis, where)
    return -masked_sum(called, expected_log(labels, log_p), axis, where)


def cross_entropy_of_labels(
    logits: Array, labels: Array, axis: int | tuple[int, ...] = -1, where: Array | None = None
) -> Array:
    """``-log(softmax(logits)[label])`` of each example; `cross_entropy` is the mean.

    Optax's name of it is ``softmax_cross_entropy_with_integer_labels``, and that is the public one.

    Args:
        logits: Any shape of rank 1 or more.
        labels: Integers of that shape without ``axis``.
        axis: The axis of the classes; of several the classes are counted in their order.
        where: As in `softmax_cross_entropy`.

    Returns:
        The shape of the labels; 0 where ``where`` leaves no class.

    Raises:
        ShapeError: The shapes do not fit, or ``axis`` does not exist.
        DtypeError: The labels are no integers.
        OutOfBoundsError: A label is not a class; traced labels raise where the program runs.

    >>> cross_entropy_of_labels([[0.0, 0.0], [1000.0, -1000.0]], [1, 0])
    array([0.69314718, 0.        ])
    """
    called = "softmax_cross_entropy_with_integer_labels"
    logits = as_float(called, logits)
    axes = axes_of(called, logits, axis)
    if not axes:
        raise ShapeError(f"{called}: got no axis of classes", "Leave axis out for the last.")
    mask = beside(logits, where, axis)
    others = tuple([i for i in range(len(logits.shape)) if i not in axes])
    shape = tuple([logits.shape[i] for i in others])
    classes = math.prod([logits.shape[i] for i in axes])
    labels = class_labels(called, labels, classes)
    if labels.shape != shape:
        raise ShapeError(
            f"{called}: logits of shape {logits.shape} need labels of shape {shape}, got "
            f"{labels.shape}",
            "Labels have the axes of the logits but that of the classes.",
        )
    order, size = (*others, *axes), math.prod(shape)
    rows = np.reshape(np.transpose(logits, order), (size, classes))
    labels = np.reshape(labels, (size,))
    if not size:
        return np.zeros(shape, logits.dtype)
    if mask is None:
        return np.reshape(label_losses(rows, labels), shape)
    seen = np.broadcast_to(mask, logits.shape)
    seen = np.reshape(np.transpose(seen, order), (size, classes))
    loss = logsumexp(rows, axis=1, where=seen) - of_labels(rows, labels)
    return np.reshape(np.where(np.any(seen, axis=1), loss, loss.dtype.type(0)), shape)


def poly_loss_cross_entropy(
    logits: Array,
    labels: Array,
    *,
    epsilon: Array = 2.0,
    axis: Axis = -1,
    where: Array | None = None,
) -> Array:
    """`softmax_cross_entropy` plus ``epsilon * (1 - p)``, ``p`` the probability of the labels.

    Leng et al. 2022, equation 5. Arguments and errors as in `softmax_cross_entropy`; ``epsilon`` is
    the coefficient.
    """
    loss = softmax_cross_entropy(logits, labels, axis, where)
    logits, labels = of_one_shape("poly_loss_cross_entropy", logits, labels)
    where = beside(logits, where, axis)
    missed = labels * (1 - softmax(logits, axis, where))
    return loss + epsilon * masked_sum("poly_loss_cross_entropy", missed, axis, where)


def smooth_labels(
    labels: Array, alpha: Array, *, axis: Axis = -1, where: Array | None = None
) -> Array:
    """``(1 - alpha) * labels + alpha / classes`` (Szegedy et al. 2016, section 7).

    Args:
        labels: Probabilities, as `one_hot` makes them.
        alpha: How much is spread over all classes, from 0 to 1.
        axis: The axis or axes of the classes.
        where: Booleans; False leaves a class out of the count.

    Returns:
        The same shape and dtype.

    Raises:
        DtypeError: The labels are integers.
        ArgumentError: A known ``alpha`` is not from 0 to 1.
        ShapeError: ``axis`` does not exist.

    >>> smooth_labels([0.0, 1.0], 0.1)
    array([0.05, 0.95])
    """
    labels = as_array("smooth_labels", labels)
    if labels.dtype.kind != "f":
        raise DtypeError(
            f"smooth_labels: labels are probabilities, got {labels.dtype}",
            "Write nn.one_hot(labels, num_classes).",
        )
    if not is_traced(alpha) and not np.all((np.asarray(alpha) >= 0) & (np.asarray(alpha) <= 1)):
        raise ArgumentError(f"smooth_labels: alpha is from 0 to 1, got {alpha}", "Write 0.1.")
    axes = axes_of("smooth_labels", labels, axis)
    if where is None:
        count: Any = math.prod([labels.shape[i] for i in axes])
    else:
        count = np.sum(where, axis=axes, keepdims=True)
    return ((1.0 - alpha) * labels + alpha / count).astype(labels.dtype)


def sigmoid_binary_cross_entropy(logits: Array, labels: Array) -> Array:
    """`binary_cross_entropy` of each element, which is the mean of it.

    Args:
        logits: Any shape.
        labels: The same shape, from 0 to 1.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: A concrete label is outside [0, 1].

    >>> sigmoid_binary_cross_entropy([0.0, 1000.0], [1, 0]).round(2)
    array([6.9e-01, 1.0e+03])
    """
    called = "sigmoid_binary_cross_entropy"
    return binary_losses(called, *of_one_shape(called, logits, labels))


def sigmoid_focal_loss(
    logits: Array, labels: Array, *, alpha: Array | None = None, gamma: Array = 2.0
) -> Array:
    """The binary cross-entropy of each element, times ``(1 - p)**gamma`` (Lin et al. 2017).

    ``p`` is the probability of the label, ``1 - p = sigmoid(z) (1 - t) + sigmoid(-z) t``, which is
    raised to a power as the exponential of its logarithm. What is easy counts less (equation 4).

    Args:
        logits: Any shape.
        labels: The same shape, from 0 to 1.
        alpha: The weight of label 1, and ``1 - alpha`` that of label 0 (equation 5); none by
            default.
        gamma: The exponent, not negative.

    Raises:
        ShapeError: The shapes differ.
        ArgumentError: A concrete label is outside [0, 1].
    """
    called = "sigmoid_focal_loss"
    z, t = of_one_shape(called, logits, labels)
    log_missed = np.logaddexp(_log(1 - t) + log_sigmoid(z), _log(t) + log_sigmoid(-z))
    loss = binary_losses(called, z, t) * np.exp(gamma * log_missed)
    return loss if alpha is None else (alpha * t + (1 - alpha) * (1 - t)) * loss


def _log(x: Array) -> Array:
    """The logarithm, -inf at 0 without a warning."""
    return np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), x.dtype.type(-math.inf))


def _errors(called: str, predictions: Array, targets: Array | None) -> Array:
    if targets is None:
        return as_float(called, predictions)
    predictions, targets = of_one_shape(called, predictions, targets)
    return predictions - targets


def squared_error(predictions: Array, targets: Array | None = None) -> Array:
    """``(predictions - targets)**2``; `mse` is the mean.

    Args:
        predictions: Any shape.
        targets: The same shape; zeros where None, as in the following.

    Raises:
        ShapeError: The shapes differ.
    """
    error = _errors("squared_error", predictions, targets)
    return error * error


def l2_loss(predictions: Array, targets: Array | None = None) -> Array:
    """``(predictions - targets)**2 / 2``: arguments and errors as in `squared_error`.

    >>> l2_loss([1.0, 3.0], [1.0, 1.0])
    array([0., 2.])
    """
    error = _errors("l2_loss", predictions, targets)
    return 0.5 * error * error


def huber_loss(predictions: Array, targets: Array | None = None, *, delta: Array = 1.0) -> Array:
    """``e**2 / 2`` up to ``|e| = delta``, then ``delta * (|e| - delta / 2)`` (Huber 1964).

    Args:
        predictions: Any shape.
        targets: The same shape; zeros where None.
        delta: Where the parabola becomes a line.

    Raises:
        ShapeError: The shapes differ.

    >>> huber_loss([0.5, 3.0])
    array([0.125, 2.5  ])
    """
    size = np.abs(_errors("huber_loss", predictions, targets))
    near = np.minimum(size, delta)
    return (0.5 * near * near + delta * (size - near)).astype(size.dtype)


def log_cosh(predictions: Array, targets: Array | None = None) -> Array:
    """``log(cosh(predictions - targets))``, near ``e**2 / 2`` and far ``|e| - log(2)``.

    Below 1 it is ``log1p(sinh(e)**2) / 2``, which keeps the relative precision of small errors.

    Args:
        predictions: Any shape.
        targets: The same shape; zeros where None.

    Raises:
        ShapeError: The shapes differ.

    >>> log_cosh([0.0, 1000.0])
    array([  0.        , 999.30685282])
    """
    error = _errors("log_cosh", predictions, targets)
    small = np.abs(error) < 1
    sinh = np.sinh(np.where(small, error, 0.0))
    far = np.where(small, 1.0, error)
    beyond = np.abs(far) + log1p_exp_minus_abs(2 * far) - math.log(2)
    return np.where(small, 0.5 * np.log1p(sinh * sinh), beyond).astype(error.dtype)


def hinge_loss(predictor_outputs: Array, targets: Array) -> Array:
    """``max(0, 1 - targets * outputs)`` of each element; `hinge` is another, of several classes.

    Args:
        predictor_outputs: Any shape.
        targets: The same shape, -1 or 1.

    Raises:
        ShapeError: The shapes differ.

    >>> hinge_loss([0.5, -2.0], [1, -1])
    array([0.5, 0. ])
    """
    outputs, targets = of_one_shape("hinge_loss", predictor_outputs, targets)
    return relu_primitive(1 - outputs * targets)


def perceptron_loss(predictor_outputs: Array, targets: Array) -> Array:
    """``max(0, -targets * outputs)`` (Rosenblatt 1958): arguments and errors as in `hinge_loss`."""
    outputs, targets = of_one_shape("perceptron_loss", predictor_outputs, targets)
    return relu_primitive(-outputs * targets)


def triplet_margin_loss(
    anchors: Array,
    positives: Array,
    negatives: Array,
    axis: int = -1,
    norm_degree: Array = 2,
    margin: Array = 1.0,
    eps: Array = 1e-6,
) -> Array:
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` (Schroff et al. 2015, eq. 2).

    The distance is ``(sum(|a - b|**degree) + eps)**(1 / degree)``.

    Args:
        anchors: Any shape of rank 1 or more.
        positives: The same shape: what is to be near.
        negatives: The same shape: what is to be far.
        axis: The axis of the coordinates.
        norm_degree: The degree of the distance.
        margin: By how much farther the negative is to be.
        eps: Keeps the derivative finite where two are equal.

    Returns:
        The shape without ``axis``.

    Raises:
        ShapeError: The shapes differ, or ``axis`` does not exist.

    >>> triplet_margin_loss([[0.0, 0.0]], [[0.1, 0.1]], [[1.0, 0.0]]).round(4)
    array([0.1414])
    """
    called = "triplet_margin_loss"
    anchors, positives = of_one_shape(called, anchors, positives)
    anchors, negatives = of_one_shape(called, anchors, negatives)
    axes = axes_of(called, anchors, axis)

    def distance(other: Array) -> Array:
        total = np.sum(np.abs(anchors - other) ** norm_degree, axis=axes)
        return (total + eps) ** (1 / norm_degree)

    return relu_primitive(distance(positives) - distance(negatives) + margin).astype(anchors.dtype)
