"""The arguments of random functions: keys, shapes, dtypes, parameters."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, FuncgradError, ShapeError
from ..numpy.arguments import broadcast_shapes, cast, operand
from ..ops.linear import broadcast_to, shape_of
from ..ops.random import DRAW, random_bits
from ..tree.treedef import a
from .checked import watch

__all__ = [
    "Array",
    "Shape",
    "broadcasts",
    "count",
    "draw",
    "floating",
    "integral",
    "lengths",
    "parameters",
    "refuse_mode",
    "take_key",
]

Array: TypeAlias = Any
"""An array, a NumPy or Python scalar, a nested sequence of numbers, or a tracer."""

Shape: TypeAlias = int | Sequence[int] | None


def take_key(called: str, key: Any) -> Any:
    """``key``, once it is known to be one.

    Raises:
        DtypeError: It is no array of uint64.
        ShapeError: It is none of two words.
    """
    kind = type(key).__name__
    if not isinstance(key, Tracer | np.ndarray) or aval_of(key).dtype != np.uint64:
        given = f"{aval_of(key)}" if isinstance(key, Tracer | np.ndarray) else f"{a(kind)}"
        raise DtypeError(
            f"random.{called}: a key is an array of two uint64, got {given}",
            "Make one with random.key(0); the key is the first argument.",
        )
    if shape_of(key) != (2,):
        raise ShapeError(
            f"random.{called}: expected one key, an array of two uint64, got {aval_of(key)}",
            f"Map over keys: vmap(lambda key: random.{called}(key, ...))(keys).",
        )
    return watch(key)


def draw(called: str, key: Any, size: int, use: int = DRAW, data: Any = None) -> Any:
    """``size`` words from ``key``."""
    return random_bits(take_key(called, key), size, use, data)


def lengths(called: str, shape: Shape) -> tuple[int, ...]:
    """``shape`` as a tuple.

    Raises:
        ArgumentError: It is not made of integers.
        ShapeError: A length is negative.
    """
    try:
        each: Any = shape if isinstance(shape, Sequence | np.ndarray) else (shape,)
        found = tuple([operator.index(n) for n in each])
    except FuncgradError:  # a traced length says what to do
        raise
    except TypeError:
        shown = repr(shape) if isinstance(shape, float | Sequence) else a(type(shape).__name__)
        raise ArgumentError(
            f"random.{called}: a shape is made of integers, got {shown}",
            f"Write random.{called}(key, ..., shape=(3, 4)).",
        ) from None
    if any(n < 0 for n in found):
        raise ShapeError(
            f"random.{called}: a shape has no negative lengths, got {shape}", "Give shape=(3, 4)."
        )
    return found


def dtype_of(called: str, dtype: Any) -> np.dtype[Any]:
    """``dtype`` as a dtype.

    Raises:
        DtypeError: It is none; a parameter that should have been named, perhaps.
    """
    try:
        return np.dtype(dtype)
    except TypeError:
        shown = repr(dtype) if isinstance(dtype, int | float | str) else a(type(dtype).__name__)
        raise DtypeError(
            f"random.{called}: expected a dtype, got {shown}",
            f"The order of the arguments is that of help(random.{called}); name those behind the "
            "shape.",
        ) from None


def floating(called: str, dtype: Any) -> np.dtype[Any]:
    """``dtype`` as one of float16, float32 and float64.

    Raises:
        DtypeError: It is another.
    """
    found = dtype_of(called, dtype)
    if found.char not in "efd":
        raise DtypeError(
            f"random.{called}: dtype must be float16, float32 or float64, got {found}",
            "Draw in one of them and convert.",
        )
    return found


def integral(called: str, dtype: Any) -> np.dtype[Any]:
    """``dtype`` as one of whole numbers.

    Raises:
        DtypeError: It is another.
    """
    found = dtype_of(called, dtype)
    if found.kind not in "iu":
        raise DtypeError(
            f"random.{called}: dtype must be one of integers, got {found}", "Leave it out."
        )
    return found


def parameters(
    called: str, shape: Shape, dtype: Any, *values: Array
) -> tuple[tuple[int, ...], list[Any]]:
    """Parameters in ``dtype``, broadcast to ``shape``, or together where it is None.

    Raises:
        ShapeError: They do not broadcast to it.
        DtypeError: A parameter is complex.
    """
    found: list[Any] = []
    for value in values:
        x = operand(value)
        if aval_of(x).dtype.kind == "c":
            raise DtypeError(
                f"random.{called}: a parameter must be real, got {aval_of(x)}",
                "Take its real part.",
            )
        found.append(cast(x, dtype))
    together = broadcast_shapes(f"random.{called}", *[shape_of(x) for x in found])
    wanted = together if shape is None else lengths(called, shape)
    if not broadcasts(together, wanted):
        raise ShapeError(
            f"random.{called}: parameters of shape {together} do not broadcast to shape {wanted}",
            "The shape is that of the whole result; leave it out for that of the parameters.",
        )
    return wanted, [broadcast_to(x, wanted) for x in found]


def broadcasts(given: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether an array of one shape can be broadcast to another."""
    lead = len(wanted) - len(given)
    return lead >= 0 and all(n in (1, m) for n, m in zip(given, wanted[lead:], strict=True))


def count(shape: Sequence[int]) -> int:
    """How many elements an array of that shape has."""
    return math.prod(shape)


def refuse_mode(called: str, mode: Any) -> None:
    """Raise for JAX's ``mode``, which there is no need of: the full precision is always used."""
    if mode not in (None, "high", "highest"):
        raise ArgumentError(
            f"random.{called}: mode={mode!r} is not known",
            "Leave it out; every draw has the full precision of its dtype.",
        )
