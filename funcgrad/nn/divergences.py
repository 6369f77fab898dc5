"""Distances of vectors and of distributions, under Optax's names: one number for each example."""

from __future__ import annotations

import math

import numpy as np

from .checks import Array, Axis, axes_of
from .example_losses import masked_sum, of_one_shape

__all__ = [
    "cosine_distance",
    "cosine_similarity",
    "generalized_kl_divergence",
    "kl_divergence",
    "kl_divergence_with_log_targets",
]


def cosine_similarity(
    predictions: Array,
    targets: Array,
    *,
    epsilon: Array = 0.0,
    axis: Axis = -1,
    where: Array | None = None,
) -> Array:
    """The cosine of the angle between two vectors.

    That of a vector of zeros is 0, with gradient 0; Optax gives nan there.

    Args:
        predictions: Any shape of rank 1 or more.
        targets: The same shape.
        epsilon: The least that the square of a norm counts.
        axis: The axis or axes of the coordinates.
        where: Booleans that broadcast to them; False leaves a coordinate out.

    Returns:
        The shape without ``axis``, from -1 to 1.

    Raises:
        ShapeError: The shapes differ, or ``axis`` does not exist.

    >>> cosine_similarity([1.0, 0.0], [1.0, 1.0]).round(4)
    np.float64(0.7071)
    """
    return _cosine("cosine_similarity", predictions, targets, epsilon, axis, where)


def cosine_distance(
    predictions: Array,
    targets: Array,
    *,
    epsilon: Array = 0.0,
    axis: Axis = -1,
    where: Array | None = None,
) -> Array:
    """``1 - cosine_similarity``: arguments and errors as there."""
    return 1.0 - _cosine("cosine_distance", predictions, targets, epsilon, axis, where)


def _cosine(
    called: str, x: Array, y: Array, epsilon: Array, axis: Axis, where: Array | None
) -> Array:
    x, y = of_one_shape(called, x, y)
    axes = axes_of(called, x, axis)

    def unit(v: Array) -> Array:
        v = v if where is None else np.where(where, v, v.dtype.type(0))
        square = np.maximum(np.sum(v * v, axis=axes, keepdims=True), epsilon)
        return v / np.sqrt(np.where(square == 0, 1.0, square)).astype(v.dtype)

    return np.sum(unit(x) * unit(y), axis=axes)


def kl_divergence(
    log_predictions: Array, targets: Array, axis: Axis = -1, where: Array | None = None
) -> Array:
    """``sum(targets * (log(targets) - log_predictions))`` (Kullback and Leibler 1951).

    A target of 0 counts 0, also where the prediction is 0.

    Args:
        log_predictions: Logarithms of probabilities, any shape of rank 1 or more.
        targets: Probabilities of that shape.
        axis: The axis or axes that are summed over.
        where: Booleans that broadcast to the shape; False leaves an element out.

    Returns:
        The shape without ``axis``.

    Raises:
        ShapeError: The shapes differ, or ``axis`` does not exist.

    >>> kl_divergence(np.log([0.5, 0.5]), [1.0, 0.0])
    np.float64(0.6931471805599453)
    """
    called = "kl_divergence"
    log_p, q = of_one_shape(called, log_predictions, targets)
    return masked_sum(called, _divergence(log_p, q), axis, where)


def _divergence(log_p: Array, q: Array) -> Array:
    some = q != 0
    return q * (np.log(np.where(some, q, 1.0)) - np.where(some, log_p, 0.0))


def kl_divergence_with_log_targets(
    log_predictions: Array, log_targets: Array, axis: Axis = -1, where: Array | None = None
) -> Array:
    """`kl_divergence` of targets that are logarithms too; arguments and errors as there."""
    called = "kl_divergence_with_log_targets"
    log_p, log_q = of_one_shape(called, log_predictions, log_targets)
    some = log_q != -math.inf
    difference = np.where(some, log_q, 0.0) - np.where(some, log_p, 0.0)
    return masked_sum(called, np.exp(log_q) * difference, axis, where)


def generalized_kl_divergence(
    log_predictions: Array, targets: Array, axis: Axis = -1, where: Array | None = None
) -> Array:
    """`kl_divergence` plus ``sum(exp(log_predictions) - targets)``, for what does not sum to 1.

    It is convex in both (Boyd and Vandenberghe 2004, p. 90). Arguments and errors as in
    `kl_divergence`.
    """
    called = "generalized_kl_divergence"
    log_p, q = of_one_shape(called, log_predictions, targets)
    return masked_sum(called, _divergence(log_p, q) + np.exp(log_p) - q, axis, where)
