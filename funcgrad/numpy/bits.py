"""NumPy's bits of bytes for tracers: packbits, unpackbits; no derivative passes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import DtypeError
from ..ops.linear import reshape, shape_of
from .arguments import axis_of, operand
from .dispatch import implements
from .index import flat

__all__ = ["packbits", "unpackbits"]

Array = Any


def _weights(bitorder: Any) -> np.ndarray[Any, Any]:
    if bitorder not in ("big", "little"):
        raise ValueError("'order' must be either 'little' or 'big'")
    return 2 ** np.arange(8)[:: -1 if bitorder == "big" else 1]


def _last(name: str, a: Any, axis: Any, kinds: str) -> tuple[Any, int]:
    """The array with the axis last, and where that was."""
    x = operand(a)
    if aval_of(x).dtype.kind not in kinds or (kinds == "u" and aval_of(x).dtype != np.uint8):
        raise DtypeError(
            f"numpy.{name}: expected {'bytes, uint8' if kinds == 'u' else 'integers or booleans'}, "
            f"got {aval_of(x).dtype}",
            "Convert it: x.astype(numpy.uint8).",
        )
    if axis is None or not shape_of(x):
        # NumPy takes a scalar for the one element of a vector, whatever axis is named.
        x = flat(x)
    if axis is None:
        return x, 0
    axis = axis_of(axis, len(shape_of(x)))
    return np.moveaxis(x, axis, -1), axis


@implements(np.packbits)
def packbits(a: Array, axis: Any = None, bitorder: Any = "big") -> Array:
    """Eight elements, zero or not, as the bits of one byte each; the last filled up with zeros."""
    weights = _weights(bitorder)
    x, axis = _last("packbits", a, axis, "biu")
    bits = np.not_equal(x, 0)
    *lead, n = shape_of(bits)
    bits = np.pad(bits, [*[(0, 0)] * len(lead), (0, -n % 8)])
    bits = reshape(bits, (*lead, (n + 7) // 8, 8))
    found = np.sum(bits * weights, axis=-1).astype(np.uint8)
    return np.moveaxis(found, -1, axis)


@implements(np.unpackbits)
def unpackbits(a: Array, axis: Any = None, count: Any = None, bitorder: Any = "big") -> Array:
    """The bits of bytes as bytes 0 and 1; ``count`` of them, all but ``-count`` where negative."""
    weights = _weights(bitorder)
    x, axis = _last("unpackbits", a, axis, "u")
    *lead, n = shape_of(x)
    bits = np.not_equal(np.bitwise_and(x[..., None], weights.astype(np.uint8)), 0)
    bits = reshape(bits.astype(np.uint8), (*lead, 8 * n))
    if count is not None:
        length = operator.index(count)
        keep = length if length >= 0 else max(8 * n + length, 0)
        more = max(keep - 8 * n, 0)
        bits = np.pad(bits[..., :keep], [*[(0, 0)] * len(lead), (0, more)])
    return np.moveaxis(bits, -1, axis)
