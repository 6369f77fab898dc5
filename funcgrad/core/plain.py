"""What users hand over, as plain built-in objects and as text that is safe to write out.

Programs outlive the call that traced them, and their parts become source that is executed. So an
`enum.IntEnum` in a shape, a `str` with a ``__repr__`` of its own, or a file name with a newline
must not get that far: here they are taken for the int, the str, the one line that they stand for.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["AS_THEY_ARE", "key_text", "name_text", "one_line", "plain", "plain_shape"]

NUMPY_SCALARS = frozenset([np.dtype(code).type for code in "?bBhHiIlLqQefdgFDG"])
"""NumPy's own classes of numbers, whose ``repr`` is NumPy's."""

_BUILT_IN = {int, float, complex, str, bool, bytes, type(None), type(Ellipsis)}
AS_THEY_ARE = NUMPY_SCALARS | _BUILT_IN
"""The classes of values that are plain already, and whose ``repr`` is their source."""


def plain(value: Any) -> Any:
    """``value`` without classes of the user's: the number or text that an instance of one holds.

    Tuples and slices are gone through. What is no number, text, tuple, slice or dtype is returned
    as it is, and `funcgrad.core.primitive.literal` writes no text for it.

    >>> from enum import IntEnum
    >>> plain((4, IntEnum("E", "one two").two))
    (4, 2)
    """
    if type(value) is tuple:
        for part in value:
            cls = type(part)
            if cls in AS_THEY_ARE:
                continue
            if cls is not slice or not (
                type(part.start) in AS_THEY_ARE
                and type(part.stop) in AS_THEY_ARE
                and type(part.step) in AS_THEY_ARE
            ):
                return tuple([_plain(part) for part in value])
        return value
    return _plain(value)


def _plain(value: Any) -> Any:
    cls = type(value)
    if cls in AS_THEY_ARE:
        return value
    if cls is tuple:
        return plain(value)
    if cls is slice:
        return slice(_plain(value.start), _plain(value.stop), _plain(value.step))
    # The methods of the built-in classes, because a subclass may have its own.
    if isinstance(value, np.generic):
        base = next((base for base in cls.__mro__ if base in NUMPY_SCALARS), None)
        if base is not None:
            return np.array(value, dtype=base)[()]
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, complex):
        return complex.__complex__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, np.dtype) and value.metadata is not None:
        return np.dtype(value.type)
    return value


def plain_shape(shape: Iterable[Any]) -> tuple[int, ...]:
    """``shape`` in ints of Python's own."""
    return tuple(
        [
            int.__index__(n) if isinstance(n, int) else int.__index__(operator.index(n))
            for n in shape
        ]
    )


def name_text(name: Any, otherwise: str = "f") -> str:
    """A name that an object gives itself, where it is text: a ``__name__`` may be anything."""
    return str.__str__(name) if isinstance(name, str) else otherwise


def key_text(key: Any) -> str:
    """A key of a container in a name: text and numbers as they are, another one by its class."""
    if isinstance(key, int):
        return int.__repr__(key)
    return name_text(key, type(key).__name__)


def one_line(text: str) -> str:
    r"""``text`` in one line of printable characters, for comments and messages: others escaped.

    >>> print(one_line("a\nb"))
    a\nb
    """
    text = str.__str__(text)
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else repr(c)[1:-1] for c in text])
