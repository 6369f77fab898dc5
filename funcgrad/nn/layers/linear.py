"""Linear maps, convolutions, tables, and the perceptron that is made of linear maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from ... import random
from ...errors import ArgumentError, ShapeError
from .. import initializers
from ..activations import relu
from ..checks import Array, lengths
from ..convolution import conv
from ..embeddings import embedding
from .base import Layer, check_last, count, layer, parameter_dtype, static

__all__ = ["MLP", "Conv", "Embedding", "Linear"]

Initializer = initializers.Initializer


@layer
class Linear(Layer):
    """``x @ kernel + bias``.

    Attributes:
        kernel: Shape ``(inputs, outputs)``.
        bias: Shape ``(outputs,)``, or None.

    >>> layer = Linear.init(random.key(0), 3, 2)
    >>> layer
    Linear(kernel=float64[3,2], bias=float64[2])
    >>> layer(np.ones((5, 3))).shape
    (5, 2)
    """

    kernel: Array
    bias: Array | None = None

    @classmethod
    def init(
        cls,
        key: Array,
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        kernel_init: Initializer | None = None,
        bias_init: Initializer = initializers.zeros,
        dtype: Any = float,
    ) -> Self:
        """A layer with new parameters.

        Args:
            key: A key.
            inputs: The length of the last axis of what goes in.
            outputs: That of what comes out.
            bias: Whether there is one.
            kernel_init: The initialiser of the kernel; ``lecun_normal()`` where None.
            bias_init: The initialiser of the bias.
            dtype: The dtype of the parameters, real or complex.

        Raises:
            ArgumentError: A number of features is no integer of at least 1.
            DtypeError: The dtype is none of parameters.
        """
        shape = count("Linear", "inputs", inputs), count("Linear", "outputs", outputs)
        dtype = parameter_dtype("Linear", dtype)
        first, second = random.split(key)
        kernel = (kernel_init or initializers.lecun_normal())(first, shape, dtype)
        return cls(kernel, bias_init(second, shape[1:], dtype) if bias else None)

    def __call__(self, x: Array) -> Array:
        """``x @ kernel + bias`` for ``x`` of shape ``(..., inputs)``.

        Raises:
            ShapeError: The last axis of ``x`` has another length.
        """
        y = np.matmul(check_last("Linear", x, self.kernel, 2), self.kernel)
        return y if self.bias is None else y + self.bias


@layer
class Conv(Layer):
    """`nn.conv` with parameters of its own: channels last, in one or more spatial dimensions.

    Attributes:
        kernel: Shape ``(*window, inputs / groups, outputs)``.
        bias: Shape ``(outputs,)``, or None.
        strides: As in `nn.conv`, as the following.
        padding: See there.
        dilation: See there.
        groups: See there.

    >>> layer = Conv.init(random.key(0), 3, 8, (3, 3), strides=2)
    >>> layer(np.ones((1, 8, 8, 3))).shape
    (1, 4, 4, 8)
    """

    kernel: Array
    bias: Array | None = None
    strides: Any = static(default=1)
    padding: Any = static(default="SAME")
    dilation: Any = static(default=1)
    groups: int = static(default=1)

    @classmethod
    def init(
        cls,
        key: Array,
        inputs: int,
        outputs: int,
        window: int | Sequence[int],
        *,
        strides: int | Sequence[int] = 1,
        padding: Any = "SAME",
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        kernel_init: Initializer | None = None,
        bias_init: Initializer = initializers.zeros,
        dtype: Any = float,
    ) -> Self:
        """A layer with new parameters.

        Args:
            key: A key.
            inputs: The number of channels that go in.
            outputs: The number that come out.
            window: The lengths of the window, one for each spatial axis; a number for signals.
            strides: As in `nn.conv`, as the following.
            padding: See there.
            dilation: See there.
            groups: See there.
            bias: Whether there is one.
            kernel_init: The initialiser of the kernel; ``lecun_normal()`` where None.
            bias_init: The initialiser of the bias.
            dtype: The dtype of the parameters.

        Raises:
            ArgumentError: A number is no integer of at least 1.
            ShapeError: The groups do not divide inputs and outputs.
        """
        inputs, outputs = count("Conv", "inputs", inputs), count("Conv", "outputs", outputs)
        groups, window = count("Conv", "groups", groups), lengths("nn.Conv", "window", window)
        if inputs % groups or outputs % groups:
            raise ShapeError(
                f"nn.Conv: {groups} groups do not divide {inputs} inputs and {outputs} outputs",
                "Give a divisor of both.",
            )
        dtype = parameter_dtype("Conv", dtype)
        first, second = random.split(key)
        shape = (*window, inputs // groups, outputs)
        return cls(
            (kernel_init or initializers.lecun_normal())(first, shape, dtype),
            bias_init(second, (outputs,), dtype) if bias else None,
            _frozen(strides),
            _frozen(padding),
            _frozen(dilation),
            groups,
        )

    def __call__(self, x: Array) -> Array:
        """`nn.conv` of ``x`` of shape ``(batch, *spatial, inputs)``; errors as there."""
        return conv(
            x,
            self.kernel,
            self.bias,
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )


def _frozen(x: Any) -> Any:
    """Lists and arrays of numbers as tuples, which a structure can hold."""
    return (
        tuple([_frozen(part) for part in x])
        if isinstance(x, Sequence | np.ndarray) and (not isinstance(x, str))
        else x
    )


@layer
class Embedding(Layer):
    """A row of a table for each index.

    Attributes:
        table: Shape ``(rows, features)``.

    >>> Embedding.init(random.key(0), 10, 4)(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    table: Array

    @classmethod
    def init(
        cls,
        key: Array,
        rows: int,
        features: int,
        *,
        table_init: Initializer | None = None,
        dtype: Any = float,
    ) -> Self:
        """A table with new rows.

        Args:
            key: A key.
            rows: The number of things that have a row.
            features: The length of a row.
            table_init: The initialiser; normal of variance ``1 / features`` where None.
            dtype: The dtype of the table.

        Raises:
            ArgumentError: A number is no integer of at least 1.
        """
        shape = count("Embedding", "rows", rows), count("Embedding", "features", features)
        make = table_init or initializers.normal(shape[1] ** -0.5)
        return cls(make(key, shape, parameter_dtype("Embedding", dtype)))

    def __call__(self, indices: Array) -> Array:
        """The rows for integers of any shape; errors as in `nn.embedding`."""
        return embedding(self.table, indices)

    def attend(self, x: Array) -> Array:
        """Scores of all rows, ``x @ table.T``: the last layer of a language model that shares it.

        Args:
            x: Shape ``(..., features)``.

        Raises:
            ShapeError: The last axis has another length.
        """
        return np.matmul(check_last("Embedding", x, self.table, 2, 1), np.transpose(self.table))


@layer
class MLP(Layer):
    """Linear layers with an activation between each two.

    Attributes:
        layers: The linear layers.
        activation: A function of an array, part of the structure.

    >>> MLP.init(random.key(0), (784, 128, 10))(np.ones((32, 784))).shape
    (32, 10)
    """

    layers: tuple[Linear, ...]
    activation: Callable[[Array], Array] = static(default=relu)

    @classmethod
    def init(
        cls,
        key: Array,
        sizes: Sequence[int],
        *,
        activation: Callable[[Array], Array] = relu,
        bias: bool = True,
        kernel_init: Initializer | None = None,
        dtype: Any = float,
    ) -> Self:
        """A perceptron with new parameters.

        Args:
            key: A key.
            sizes: The numbers of features: of what goes in, of each hidden layer, and of what
                comes out.
            activation: What stands between the layers; none follows the last.
            bias: Whether the layers have biases.
            kernel_init: The initialiser of the kernels; ``lecun_normal()`` where None.
            dtype: The dtype of the parameters.

        Raises:
            ArgumentError: There are fewer than two sizes, or one is no integer of at least 1.
        """
        if not isinstance(sizes, Sequence | np.ndarray) or len(sizes) < 2:
            raise ArgumentError(
                f"nn.MLP: sizes are those of what goes in, is hidden, and comes out, got {sizes!r}",
                "Write nn.MLP.init(key, (784, 128, 10)).",
            )
        keys = random.split(key, len(sizes) - 1)
        return cls(
            tuple(
                [
                    Linear.init(k, n, m, bias=bias, kernel_init=kernel_init, dtype=dtype)
                    for k, n, m in zip(keys, sizes[:-1], sizes[1:])
                ]
            ),
            activation,
        )

    def __call__(self, x: Array) -> Array:
        """The result for ``x`` of shape ``(..., sizes[0])``.

        Raises:
            ShapeError: The last axis has another length.
        """
        *hidden, last = self.layers
        for each in hidden:
            x = self.activation(each(x))
        return last(x)
