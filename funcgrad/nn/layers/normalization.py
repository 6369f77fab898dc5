"""Normalisation with parameters of its own, and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from ...errors import ArgumentError, DtypeError
from .. import normalization
from ..checks import Array, as_array, lengths
from ..normalization import BatchNormState
from ..regularization import dropout
from .base import Layer, layer, parameter_dtype, static

__all__ = ["BatchNorm", "Dropout", "LayerNorm", "RMSNorm"]


def _axes(parameter: Array) -> tuple[int, ...]:
    """The last axes, as many as the parameter has."""
    return tuple(range(-len(np.shape(parameter)), 0))


def _features(called: str, features: int | Sequence[int]) -> tuple[int, ...]:
    found = lengths(f"nn.{called}", "features", features)
    if not found or 0 in found:
        raise ArgumentError(
            f"nn.{called}: features is a length of at least 1, or several, got {features!r}",
            f"The key comes first: nn.{called}.init(key, 64).",
        )
    return found


@layer
class LayerNorm(Layer):
    """`nn.layer_norm` over the last axes.

    Attributes:
        scale: Factors, of the shape of those axes.
        bias: Terms of that shape, or None.
        epsilon: Added to the variance.

    >>> LayerNorm.init(None, 2)(np.array([[1.0, 3.0]])).round(3)
    array([[-1.,  1.]])
    """

    scale: Array
    bias: Array | None = None
    epsilon: float = static(default=1e-5)

    @classmethod
    def init(
        cls,
        key: Array,
        features: int | Sequence[int],
        *,
        bias: bool = True,
        epsilon: float = 1e-5,
        dtype: Any = float,
    ) -> Self:
        """A layer with scale 1 and bias 0; the key is not read.

        Args:
            key: A key, or None.
            features: The length of the last axis, or the lengths of the last axes.
            bias: Whether there is one.
            epsilon: Added to the variance.
            dtype: The dtype of the parameters.

        Raises:
            ArgumentError: The features are no lengths.
        """
        shape, dtype = _features("LayerNorm", features), parameter_dtype("LayerNorm", dtype)
        return cls(np.ones(shape, dtype), np.zeros(shape, dtype) if bias else None, epsilon)

    def __call__(self, x: Array) -> Array:
        """`nn.layer_norm` of ``x`` of shape ``(..., *features)``; errors as there."""
        return normalization.layer_norm(
            x, self.scale, self.bias, axis=_axes(self.scale), epsilon=self.epsilon
        )


@layer
class RMSNorm(Layer):
    """`nn.rms_norm` over the last axes.

    Attributes:
        scale: Factors, of the shape of those axes.
        epsilon: Added to the mean square.
    """

    scale: Array
    epsilon: float = static(default=1e-6)

    @classmethod
    def init(
        cls,
        key: Array,
        features: int | Sequence[int],
        *,
        epsilon: float = 1e-6,
        dtype: Any = float,
    ) -> Self:
        """A layer with scale 1; the key is not read. Arguments and errors as of `LayerNorm`."""
        dtype = parameter_dtype("RMSNorm", dtype)
        return cls(np.ones(_features("RMSNorm", features), dtype), epsilon)

    def __call__(self, x: Array) -> Array:
        """`nn.rms_norm` of ``x`` of shape ``(..., *features)``; errors as there."""
        return normalization.rms_norm(x, self.scale, axis=_axes(self.scale), epsilon=self.epsilon)


@layer
class BatchNorm(Layer):
    """`nn.batch_norm` of the last axis. Its running statistics go in and come out.

    Attributes:
        scale: Factors, one for each feature.
        bias: Terms, one for each feature, or None.
        momentum: The weight of the old statistics.
        epsilon: Added to the variance.

    >>> layer = BatchNorm.init(None, 1)
    >>> y, state = layer(np.array([[1.0], [3.0]]), layer.initial_state(), training=True)
    >>> y.ravel().round(3), state.mean
    (array([-1.,  1.]), array([0.2]))
    """

    scale: Array
    bias: Array | None = None
    momentum: float = static(default=0.9)
    epsilon: float = static(default=1e-5)

    @classmethod
    def init(
        cls,
        key: Array,
        features: int,
        *,
        bias: bool = True,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        dtype: Any = float,
    ) -> Self:
        """A layer with scale 1 and bias 0; the key is not read.

        Args:
            key: A key, or None.
            features: The length of the last axis.
            bias: Whether there is one.
            momentum: The weight of the old statistics.
            epsilon: Added to the variance.
            dtype: The dtype of the parameters and of the statistics.

        Raises:
            ArgumentError: The number of features is none.
        """
        shape, dtype = _features("BatchNorm", features), parameter_dtype("BatchNorm", dtype)
        terms = np.zeros(shape, dtype) if bias else None
        return cls(np.ones(shape, dtype), terms, momentum, epsilon)

    @property
    def stateful(self) -> bool:
        return True

    def initial_state(self) -> BatchNormState:
        """The statistics before any batch: mean 0 and variance 1."""
        dtype = as_array("nn.BatchNorm", self.scale).dtype
        return normalization.batch_norm_state(np.shape(self.scale), dtype)

    def __call__(
        self, x: Array, state: BatchNormState, *, training: bool
    ) -> tuple[Array, BatchNormState]:
        """`nn.batch_norm` of ``x`` of shape ``(batch, *spatial, features)``; errors as there.

        Returns:
            ``(y, new_state)``.
        """
        return normalization.batch_norm(
            x,
            state,
            self.scale,
            self.bias,
            training=training,
            axis=_axes(self.scale),
            momentum=self.momentum,
            epsilon=self.epsilon,
        )

    def apply(self, x: Array, state: Any, training: bool | None, key: Any) -> tuple[Array, Any]:
        return self(x, state, training=say_training("BatchNorm", training))


@layer
class Dropout(Layer):
    """`nn.dropout` with a rate of its own. It has no parameters.

    Attributes:
        rate: The probability of being dropped, part of the structure.
        broadcast_dims: Axes along which elements are dropped or kept together.

    >>> from funcgrad import random
    >>> Dropout(0.5)(np.ones(6), training=True, key=random.key(0))
    array([2., 2., 2., 0., 0., 2.])
    """

    rate: float = static(default=0.5)
    broadcast_dims: tuple[int, ...] = static(default=())

    @classmethod
    def init(cls, key: Array, rate: float = 0.5, *, broadcast_dims: Sequence[int] = ()) -> Self:
        """The layer; the key is not read.

        Args:
            key: A key, or None.
            rate: The probability of being dropped, from 0 to 1.
            broadcast_dims: Axes along which elements are dropped or kept together.

        Raises:
            ArgumentError: ``rate`` is not between 0 and 1.
        """
        if not isinstance(rate, int | float | np.number) or not 0 <= rate <= 1:
            raise ArgumentError(
                f"nn.Dropout: rate is a probability from 0 to 1, got {rate!r}",
                "It is that of being dropped: nothing is at rate 0.",
            )
        return cls(float(rate), tuple(broadcast_dims))

    def __call__(self, x: Array, *, training: bool, key: Array = None) -> Array:
        """`nn.dropout` in training, else ``x`` as it is.

        Args:
            x: Any shape.
            training: Whether to drop; a plain bool.
            key: A key, a new one for each step; only read in training.

        Raises:
            DtypeError: In training there is no key.
            ArgumentError: ``training`` is no bool.
        """
        training = say_training("Dropout", training)
        if training and key is None:
            raise DtypeError(
                "nn.Dropout: in training a key is needed, and none was given",
                "Write model(x, training=True, key=key), with a new key for each step.",
            )
        kept = tuple(self.broadcast_dims)
        return dropout(key, x, self.rate, broadcast_dims=kept, deterministic=not training)

    def apply(self, x: Array, state: Any, training: bool | None, key: Any) -> tuple[Array, Any]:
        return self(x, training=say_training("Dropout", training), key=key), state


def say_training(called: str, training: Any) -> bool:
    """``training`` as a bool.

    Raises:
        ArgumentError: It was left out, or is traced.
    """
    if not isinstance(training, bool | np.bool_):
        got = "it was left out" if training is None else f"got {type(training).__name__}"
        raise ArgumentError(
            f"nn.{called}: training is True or False, and {got}",
            "Write training=True where the parameters are trained, training=False where they are "
            "used; under jit name it in static_argnames.",
        )
    return bool(training)
