"""Keys, new keys from old ones, and bits.

The two words of a key are the key of Philox4x64-10; the four words of its counter count blocks and
keep apart what the bits are for (`funcgrad.ops.kernels.random`). So ``key(seed)`` is the key of
``numpy.random.Philox(key=seed)``, and `bits` gives the words of its ``random_raw``.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, OutOfBoundsError
from ..numpy.arguments import cast, operand
from ..ops.linear import reshape, shape_of
from ..ops.random import FOLD, SPLIT
from ..tree.treedef import a
from .arguments import Array, Shape, count, draw, integral, lengths
from .checked import watch

__all__ = ["PRNGKey", "bits", "fold_in", "key", "split"]

_WORD = (1 << 64) - 1


def _word(called: str, x: Any, most: int) -> Any:
    """An integer as a Python int below ``most``, or as a traced word.

    Raises:
        DtypeError: It is no integer.
        OutOfBoundsError: It does not fit.
    """
    x = operand(x) if isinstance(x, Tracer | np.ndarray) else x
    if isinstance(x, Tracer):
        if aval_of(x).dtype.kind in "iu" and shape_of(x) == ():
            return cast(x, np.uint64)
        found = f"{aval_of(x)}"
    else:
        try:
            value = operator.index(x)
        except TypeError:
            found = a(type(x).__name__)
        else:
            if not -(1 << 63) <= value < most:
                raise OutOfBoundsError(
                    f"random.{called}: {value} does not fit",
                    f"Give an integer from {-(1 << 63)} to {most - 1}.",
                )
            return value if value >= 0 else value & _WORD
    raise DtypeError(f"random.{called}: expected an integer, got {found}", "Write int(x).")


def key(seed: Any) -> Array:
    """A key from an integer: that of ``numpy.random.Philox(key=seed)``.

    Args:
        seed: From 0 to ``2**128 - 1``, low word first, or negative, which counts from ``2**64``. It
            may be traced, an integer of up to 64 bits.

    Returns:
        uint64, shape ``(2,)``.

    Raises:
        DtypeError: The seed is no integer.
        OutOfBoundsError: The seed does not fit.

    >>> key(7)
    array([7, 0], dtype=uint64)
    """
    word = _word("key", seed, 1 << 128)
    if isinstance(word, Tracer):
        return np.stack([word, np.uint64(0)])
    return watch(np.array([word & _WORD, word >> 64], np.uint64))


PRNGKey = key


def split(key: Array, num: Shape = 2) -> Array:
    """New keys from one, which is used up by it.

    Args:
        key: A key.
        num: How many, or the shape of an array of keys.

    Returns:
        uint64, shape ``(num, 2)``. Key ``i`` does not depend on ``num``.

    >>> import funcgrad.random as random
    >>> first, second = random.split(random.key(0))
    >>> float(random.uniform(first)) == float(random.uniform(second))
    False
    """
    shape = lengths("split", num)
    return reshape(draw("split", key, 2 * count(shape), SPLIT), (*shape, 2))


def fold_in(key: Array, data: Any) -> Array:
    """A new key from a key and a number: the step of a loop, the index of an example.

    Other than `split` it leaves the key for other numbers to be folded in.

    Args:
        key: A key.
        data: An integer of up to 64 bits, which may be traced.

    Returns:
        uint64, shape ``(2,)``.

    Raises:
        DtypeError: ``data`` is no integer.
        OutOfBoundsError: ``data`` does not fit.
    """
    word = _word("fold_in", data, 1 << 64)
    return draw("fold_in", key, 2, FOLD, word if isinstance(word, Tracer) else np.uint64(word))


def bits(key: Array, shape: Shape = (), dtype: Any = np.uint64) -> Array:
    """Uniform bits: the words of ``numpy.random.Philox(key=seed).random_raw``.

    Args:
        key: A key.
        shape: The shape of the result.
        dtype: An unsigned dtype; narrower ones are the parts of words, the low part first.

    Returns:
        That shape and dtype.

    Raises:
        ArgumentError: A signed dtype.

    >>> bits(key(0), (2,)) == np.random.Philox(key=0).random_raw(2)
    array([ True,  True])
    """
    sizes, found = lengths("bits", shape), integral("bits", dtype)
    if found.kind != "u":
        raise ArgumentError(
            f"random.bits: dtype must be unsigned, got {found}", "Use randint for signed integers."
        )
    return reshape(words("bits", key, count(sizes), found.itemsize), sizes)


def words(called: str, key: Array, size: int, width: int) -> Array:
    """``size`` unsigned integers of ``width`` bytes."""
    parts = 8 // width
    found = draw(called, key, -(-size // parts))
    if parts == 1:
        return found
    shifts = np.arange(0, 64, 8 * width, dtype=np.uint64)
    narrow = cast(found[:, None] >> shifts, np.dtype(f"u{width}"))
    return reshape(narrow, (shape_of(found)[0] * parts,))[:size]
