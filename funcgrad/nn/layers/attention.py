"""Attention with several heads and parameters of its own."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ... import random
from ...errors import ShapeError
from .. import initializers
from ..attention import dot_product_attention
from ..checks import Array
from .base import Layer, count, layer, static
from .linear import Linear

__all__ = ["MultiHeadAttention"]


@layer
class MultiHeadAttention(Layer):
    """Attention with several heads (Vaswani et al. 2017, section 3.2.2).

    Attributes:
        query: From what looks to the queries of all heads.
        key: From what is looked at to the keys.
        value: From what is looked at to the values.
        out: From the results of all heads to the output.
        heads: The number of heads.
        kv_heads: The number of heads of keys and values, which divides it.

    >>> layer = MultiHeadAttention.init(random.key(0), 16, 4)
    >>> layer(np.ones((2, 5, 16)), is_causal=True).shape
    (2, 5, 16)
    """

    query: Linear
    key: Linear
    value: Linear
    out: Linear
    heads: int = static()
    kv_heads: int = static()

    @classmethod
    def init(
        cls,
        key: Array,
        features: int,
        heads: int,
        *,
        kv_heads: int | None = None,
        context_features: int | None = None,
        bias: bool = True,
        kernel_init: initializers.Initializer | None = None,
        dtype: Any = float,
    ) -> Self:
        """A layer with new parameters.

        Args:
            key: A key.
            features: The number of features that go in and come out; a multiple of the heads.
            heads: The number of heads.
            kv_heads: The number of heads of keys and values, each shared by as many of queries
                (grouped queries; multi-query where it is 1); as many as heads where None.
            context_features: The number of features of what is looked at; ``features`` where None.
            bias: Whether the four linear layers have biases.
            kernel_init: The initialiser of their kernels; ``lecun_normal()`` where None.
            dtype: The dtype of the parameters.

        Raises:
            ArgumentError: A number is no integer of at least 1.
            ShapeError: The heads do not divide the features, or ``kv_heads`` not the heads.
        """
        called = "MultiHeadAttention"
        features, heads = count(called, "features", features), count(called, "heads", heads)
        shared = heads if kv_heads is None else count(called, "kv_heads", kv_heads)
        seen = features if context_features is None else context_features
        if features % heads or heads % shared:
            raise ShapeError(
                f"nn.{called}: got {features} features, {heads} heads and kv_heads={shared}",
                "The heads divide the features, and kv_heads divides the heads.",
            )
        each = features // heads
        sizes = (features, features), (seen, shared * each), (seen, shared * each)
        layers = [
            Linear.init(k, n, m, bias=bias, kernel_init=kernel_init, dtype=dtype)
            for k, (n, m) in zip(random.split(key, 4), (*sizes, (features, features)))
        ]
        return cls(*layers, heads=heads, kv_heads=shared)

    def __call__(
        self,
        x: Array,
        context: Array | None = None,
        *,
        bias: Array | None = None,
        mask: Array | None = None,
        is_causal: bool = False,
        key_value_seq_lengths: Array | None = None,
        local_window_size: int | tuple[int, int] | None = None,
    ) -> Array:
        """What each position sees.

        Args:
            x: What looks, shape ``(batch, positions, features)`` or ``(positions, features)``.
            context: What is looked at, shape ``(batch, others, context_features)`` or without the
                batch; ``x`` itself where None.
            bias: As in `nn.dot_product_attention`, as the following.
            mask: See there.
            is_causal: See there.
            key_value_seq_lengths: See there.
            local_window_size: See there.

        Returns:
            The shape of ``x``.

        Raises:
            ShapeError: The shapes do not fit.
        """
        other = x if context is None else context
        shared = self.kv_heads
        q = _heads(self.query(x), self.heads)
        k, v = _heads(self.key(other), shared), _heads(self.value(other), shared)
        y = dot_product_attention(
            q,
            k,
            v,
            bias,
            mask,
            is_causal=is_causal,
            key_value_seq_lengths=key_value_seq_lengths,
            local_window_size=local_window_size,
        )
        return self.out(np.reshape(y, (*y.shape[:-2], y.shape[-2] * y.shape[-1])))


def _heads(x: Array, heads: int) -> Array:
    return np.reshape(x, (*x.shape[:-1], heads, x.shape[-1] // heads))
