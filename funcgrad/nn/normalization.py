"""Normalisation by the batch, by the layer, by groups, by the root mean square.

Means and variances are found in two passes, the mean of the first taken off as a constant before
the second: the variance of numbers far from 0 keeps its precision, and what the constant leaves of
the mean is found and taken off too, which undoes the rounding of a long sum. float16 is computed in
float32; float32 is added up in float32 as `numpy.mean` does it, so that the relative error of a
variance over ``n`` elements is below ``n`` times the precision, and mostly far below. Every result
has the dtype of its input.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..api.program import stop_gradient
from ..errors import ArgumentError, ShapeError
from .checks import Array, Axis, as_array, as_float, axes_of, is_traced, lengths

__all__ = [
    "BatchNormState",
    "batch_norm",
    "batch_norm_state",
    "group_norm",
    "layer_norm",
    "rms_norm",
    "standardize",
]


def _wide(x: Any) -> Any:
    return x.astype(np.float32) if x.dtype == np.float16 else x


def _center(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """``x`` less its mean over ``axes``, that mean, and the variance."""
    shift = np.mean(stop_gradient(x), axis=axes, keepdims=True)
    rest = x - shift
    left = np.mean(rest, axis=axes, keepdims=True)
    centred = rest - left
    return centred, shift + left, np.mean(centred * centred, axis=axes, keepdims=True)


def _epsilon(called: str, epsilon: Array) -> Array:
    if not is_traced(epsilon) and not epsilon >= 0:
        raise ArgumentError(f"{called}: epsilon is not negative, got {epsilon}", "Leave it out.")
    return epsilon


def _some(called: str, x: Any, axes: tuple[int, ...], what: str) -> None:
    """Raise where there is nothing to take a mean of."""
    if math.prod([x.shape[axis] for axis in axes]) == 0:
        raise ShapeError(
            f"{called}: the mean over {what} of shape {x.shape} has no elements",
            "Skip empty batches.",
        )


def _affine(
    called: str, y: Any, scale: Array | None, bias: Array | None, axes: tuple[int, ...]
) -> Any:
    """``y * scale + bias``, each of which has the lengths of ``axes``."""
    rank = len(y.shape)
    shape = tuple([y.shape[axis] for axis in axes])
    placed = [y.shape[i] if i in axes else 1 for i in range(rank)]
    for name, value in (("scale", scale), ("bias", bias)):
        if value is None:
            continue
        value = as_float(called, value)
        if value.shape != shape:
            raise ShapeError(
                f"{called}: got {name} of shape {value.shape} for x of shape {y.shape}",
                f"Give one of shape {shape}, or None.",
            )
        value = np.reshape(value, placed).astype(y.dtype)
        y = y * value if name == "scale" else y + value
    return y


def standardize(x: Array, axis: Axis = -1, epsilon: float = 1e-5) -> Array:
    """``(x - mean(x)) / sqrt(var(x) + epsilon)`` along ``axis``.

    Args:
        x: Any shape of rank 1 or more.
        axis: The axis or axes that get mean 0 and variance 1; all where None.
        epsilon: Added to the variance; constant input gives 0.

    Returns:
        The same shape and dtype.

    Raises:
        ShapeError: ``axis`` does not exist, or there are no elements along it.

    >>> standardize(np.array([1.0, 3.0]), epsilon=0.0)
    array([-1.,  1.])
    """
    return _layer_norm("standardize", x, None, None, axis, epsilon)


def layer_norm(
    x: Array,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    axis: Axis = -1,
    epsilon: float = 1e-5,
) -> Array:
    """Each example normalised by itself (Ba, Kiros and Hinton 2016).

    Args:
        x: Any shape of rank 1 or more.
        scale: Factors, of the lengths of ``axis``; None for ones.
        bias: Terms of that shape; None for zeros.
        axis: The axis or axes to normalise over.
        epsilon: Added to the variance.

    Returns:
        The same shape and dtype.

    Raises:
        ShapeError: ``axis`` does not exist, there are no elements along it, or ``scale`` or
            ``bias`` has not its shape.

    >>> layer_norm(np.array([[1.0, 3.0]]), np.array([2.0, 2.0]), np.array([0.0, 1.0]), epsilon=0.0)
    array([[-2.,  3.]])
    """
    return _layer_norm("layer_norm", x, scale, bias, axis, epsilon)


def _layer_norm(called: str, x: Any, scale: Any, bias: Any, axis: Axis, epsilon: Array) -> Any:
    x = as_float(called, x)
    axes = axes_of(called, x, axis)
    _some(called, x, axes, f"axis {axis}")
    wide = _wide(x)
    centred, _, variance = _center(wide, axes)
    y = centred / np.sqrt(variance + _epsilon(called, epsilon))
    return _affine(called, y, scale, bias, axes).astype(x.dtype)


def rms_norm(
    x: Array, scale: Array | None = None, *, axis: Axis = -1, epsilon: float = 1e-6
) -> Array:
    """``x / sqrt(mean(x**2) + epsilon)`` along ``axis`` (Zhang and Sennrich 2019).

    Args:
        x: Any shape of rank 1 or more.
        scale: Factors, of the lengths of ``axis``; None for ones.
        axis: The axis or axes to normalise over.
        epsilon: Added to the mean square.

    Returns:
        The same shape and dtype.

    Raises:
        ShapeError: As `layer_norm`.

    >>> rms_norm(np.array([3.0, 4.0]), epsilon=0.0).round(4)
    array([0.8485, 1.1314])
    """
    x = as_float("rms_norm", x)
    axes = axes_of("rms_norm", x, axis)
    _some("rms_norm", x, axes, f"axis {axis}")
    wide = _wide(x)
    square = np.mean(wide * wide, axis=axes, keepdims=True)
    y = wide / np.sqrt(square + _epsilon("rms_norm", epsilon))
    return _affine("rms_norm", y, scale, None, axes).astype(x.dtype)


def group_norm(
    x: Array,
    groups: int,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-5,
) -> Array:
    """Channels normalised in groups, for each example over all its places (Wu and He 2018).

    One group is layer normalisation over places and channels; as many groups as channels are
    instance normalisation.

    Args:
        x: Channels last, ``(batch, *spatial, channels)``.
        groups: How many groups; divides the channels.
        scale: Factors, one for each channel; None for ones.
        bias: Terms, one for each channel; None for zeros.
        epsilon: Added to the variance.

    Returns:
        The same shape and dtype.

    Raises:
        ShapeError: The groups do not divide the channels, or ``scale`` or ``bias`` is no vector of
            their number.

    >>> group_norm(np.array([[1.0, 3.0, 10.0, 20.0]]), 2, epsilon=0.0)
    array([[-1.,  1., -1.,  1.]])
    """
    x = as_float("group_norm", x)
    if len(x.shape) < 2 or groups < 1 or x.shape[-1] % groups:
        raise ShapeError(
            f"group_norm: got {groups} groups for x of shape {x.shape}",
            "x is (batch, *spatial, channels), and the groups divide the channels.",
        )
    rank = len(x.shape)
    wide = _wide(x)
    parts = np.reshape(wide, (*x.shape[:-1], groups, x.shape[-1] // groups))
    axes = (*range(1, rank - 1), rank)
    _some("group_norm", parts, axes, "a group")
    centred, _, variance = _center(parts, axes)
    y = np.reshape(centred / np.sqrt(variance + _epsilon("group_norm", epsilon)), x.shape)
    return _affine("group_norm", y, scale, bias, (rank - 1,)).astype(x.dtype)


class BatchNormState(NamedTuple):
    """What batch normalisation remembers of the batches it has seen.

    Attributes:
        mean: The running mean of each feature.
        var: The running variance of each feature.
    """

    mean: Array
    var: Array


def batch_norm_state(features: int | tuple[int, ...], dtype: Any = float) -> BatchNormState:
    """The state of `batch_norm` before any batch: mean 0 and variance 1.

    >>> batch_norm_state(2)
    BatchNormState(mean=array([0., 0.]), var=array([1., 1.]))
    """
    shape = lengths("batch_norm_state", "features", features)
    return BatchNormState(np.zeros(shape, dtype), np.ones(shape, dtype))


def batch_norm(
    x: Array,
    state: BatchNormState,
    scale: Array | None = None,
    bias: Array | None = None,
    *,
    training: bool,
    axis: Axis = -1,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
) -> tuple[Array, BatchNormState]:
    """Each feature normalised over the batch (Ioffe and Szegedy 2015).

    In training by the mean and the variance (divided by the number of elements) of this batch,
    through which gradients flow; the new state is ``momentum * state + (1 - momentum) * batch``.
    Otherwise by the state, as constants of an affine map, and the state is returned as it is.
    Nothing is changed in place: carry the new state along, next to the parameters. No gradient
    flows through it.

    Args:
        x: Any shape of rank 1 or more, as ``(batch, *spatial, features)``.
        state: From `batch_norm_state`, or from the call before.
        scale: Factors of the features' shape; None for ones.
        bias: Terms of that shape; None for zeros.
        training: Whether to normalise by the batch; a plain bool.
        axis: The axis or axes of the features, those that are not averaged over.
        momentum: The weight of the old state.
        epsilon: Added to the variance.

    Returns:
        ``(y, new_state)``; y has the shape and dtype of ``x``, the state keeps its dtype.

    Raises:
        ShapeError: The state, ``scale`` or ``bias`` does not have the features' shape, or the batch
            is empty in training.
        ArgumentError: ``training`` is no bool, or ``momentum`` is not between 0 and 1.

    >>> y, state = batch_norm(
    ...     np.array([[1.0], [3.0]]), batch_norm_state(1), training=True, epsilon=0.0
    ... )
    >>> y.ravel(), state.mean, state.var
    (array([-1.,  1.]), array([0.2]), array([1.]))
    """
    called = "batch_norm"
    if not isinstance(training, bool | np.bool_):
        raise ArgumentError(
            f"{called}: training is True or False, got {type(training).__name__}",
            "Under jit name it in static_argnames, or call jit for either case.",
        )
    if not is_traced(momentum) and not 0 <= momentum <= 1:
        raise ArgumentError(f"{called}: momentum is from 0 to 1, got {momentum}", "Leave it out.")
    x = as_float(called, x)
    kept = axes_of(called, x, axis)
    averaged = tuple([i for i in range(len(x.shape)) if i not in kept])
    shape = tuple([n for i, n in enumerate(x.shape) if i in kept])
    mean, var = as_array(called, state[0]), as_array(called, state[1])
    if mean.shape != shape or var.shape != shape:
        raise ShapeError(
            f"{called}: got a state of shapes {mean.shape} and {var.shape} for x of shape "
            f"{x.shape} with features of shape {shape}",
            f"Start with batch_norm_state({shape}), and name the features' axis.",
        )
    wide = _wide(x)
    root = _epsilon(called, epsilon)
    if training:
        _some(called, x, averaged, "a batch")
        centred, batch_mean, batch_var = _center(wide, averaged)
        y = centred / np.sqrt(batch_var + root)
        state = BatchNormState(
            _update_average(mean, np.reshape(batch_mean, shape), momentum),
            _update_average(var, np.reshape(batch_var, shape), momentum),
        )
    else:
        placed = [n if i in kept else 1 for i, n in enumerate(x.shape)]
        centre, spread = [
            np.reshape(stop_gradient(part), placed).astype(wide.dtype) for part in (mean, var)
        ]
        y = (wide - centre) / np.sqrt(spread + root)
        state = BatchNormState(mean, var)
    return _affine(called, y, scale, bias, tuple(sorted(kept))).astype(x.dtype), state


def _update_average(old: Any, new: Any, momentum: Array) -> Any:
    old, new = stop_gradient(old), stop_gradient(new)
    return (momentum * old + (1 - momentum) * new).astype(old.dtype)
