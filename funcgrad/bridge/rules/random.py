"""Random words: Philox4x64-10 in uint64, the bits of `funcgrad.ops.kernels.random`."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ..replay import formula

__all__: list[str] = []

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_FACTORS = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_STEPS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)


def multiply_high(factor: Any, c: Any) -> Any:
    """The high word of a product of two words, from the products of their halves."""
    middle = (c >> _HALF) * (factor & _LOW) + ((c & _LOW) * (factor & _LOW) >> _HALF)
    other = (c & _LOW) * (factor >> _HALF) + (middle & _LOW)
    return (c >> _HALF) * (factor >> _HALF) + (middle >> _HALF) + (other >> _HALF)


@formula("random_bits")
def random_bits(p: Any, key: Any, data: Any) -> Any:
    """The first words for each key."""
    blocks = -(-p.size // 4)
    shape = jnp.broadcast_shapes(key.shape[:-1], data.shape)
    full = (*shape, blocks)
    key = jnp.asarray(key)
    a, b = (jnp.broadcast_to(key[..., i, None], full) for i in range(2))
    c0 = jnp.broadcast_to(jnp.arange(1, blocks + 1, dtype=np.uint64), full)
    c2 = jnp.broadcast_to(jnp.asarray(data, np.uint64)[..., None], full)
    c1, c3 = jnp.zeros_like(c0), jnp.full_like(c0, p.use)
    for step in range(10):
        if step:
            a, b = a + _STEPS[0], b + _STEPS[1]
        h0, h2 = multiply_high(_FACTORS[0], c0), multiply_high(_FACTORS[1], c2)
        c0, c1, c2, c3 = h2 ^ c1 ^ a, c2 * _FACTORS[1], h0 ^ c3 ^ b, c0 * _FACTORS[0]
    words = jnp.stack([c0, c1, c2, c3], -1)
    return words.reshape((*shape, 4 * blocks))[..., : p.size]
