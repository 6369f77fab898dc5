"""NumPy's convolution and correlation of two vectors, for tracers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import ShapeError
from ..ops.linear import reshape, shape_of
from ..ops.search import convolve as full
from ..ops.shape import crop, flip
from .arguments import operands
from .dispatch import implements

__all__ = ["convolve", "correlate"]

Array = Any


def _vectors(name: str, a: Any, v: Any, rank: int = 0) -> list[Any]:
    """Both as vectors of one dtype; a number is one of length 1, where rank 0 is enough."""
    parts = [reshape(x, (1,)) if len(shape_of(x)) == rank == 0 else x for x in operands([a, v])]
    for label, x in zip("av", parts, strict=True):
        if len(shape_of(x)) != 1:
            raise ShapeError(
                f"numpy.{name}: got {aval_of(x)} for {label}",
                "Give vectors; use vmap for rows of a matrix.",
            )
        if not shape_of(x)[0]:
            raise ShapeError(f"numpy.{name}: {label} cannot be empty", "Leave the call out.")
    return parts


def _range(mode: Any, longer: int, shorter: int) -> tuple[int, int]:
    """Which part of the full result a mode keeps, as start and stop."""
    if mode in ("full", "f", 2):
        return 0, longer + shorter - 1
    if mode in ("same", "s", 1):
        start = shorter - 1 - shorter // 2
        return start, start + longer
    if mode in ("valid", "v", 0):
        return shorter - 1, longer
    raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")


@implements(np.convolve)
def convolve(a: Array, v: Array, mode: Any = "full") -> Array:
    """``z[k] = sum_i a[i] v[k - i]``, differentiable in both.

    Raises:
        ShapeError: One of them is empty or no vector.
    """
    a, v = _vectors("convolve", a, v)
    n, m = shape_of(a)[0], shape_of(v)[0]
    start, stop = _range(mode, max(n, m), min(n, m))
    return crop(full(a, v), 0, start, stop)


@implements(np.correlate)
def correlate(a: Array, v: Array, mode: Any = "valid") -> Array:
    """``c[k] = sum_i a[i + k] conj(v[i])``, differentiable in both.

    Raises:
        ShapeError: One of them is empty or no vector.
    """
    a, v = _vectors("correlate", a, v, 1)
    if aval_of(v).dtype.kind == "c":
        v = np.conjugate(v)
    n, m = shape_of(a)[0], shape_of(v)[0]
    start, stop = _range(mode, max(n, m), min(n, m))
    whole = full(a, flip(v, (0,)))
    if n < m:  # NumPy swaps the two and turns the result round.
        start, stop = n + m - 1 - stop, n + m - 1 - start
    return crop(whole, 0, start, stop)
