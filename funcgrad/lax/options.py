"""What `jax.lax` lets programs choose: names of modes, roundings and precisions."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

__all__ = [
    "GatherDimensionNumbers",
    "GatherScatterMode",
    "Precision",
    "RoundingMethod",
    "ScatterDimensionNumbers",
]


class Precision(Enum):
    """How exact products are asked to be; without meaning here, where all are as exact as NumPy."""

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2


class RoundingMethod(Enum):
    """Where `round` puts halves: away from zero, as C does, or to the even neighbour, as NumPy."""

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


class GatherScatterMode(Enum):
    """What `gather` and `scatter` do with windows that do not lie in the array.

    Where no mode is given they raise, as every index out of bounds does here.
    """

    CLIP = "clip"
    FILL_OR_DROP = "fill"
    PROMISE_IN_BOUNDS = "promise_in_bounds"


class GatherDimensionNumbers(NamedTuple):
    """Which axes mean what in `gather`.

    Attributes:
        offset_dims: The axes of the result that run over a window.
        collapsed_slice_dims: The axes of the operand along which windows have length 1 and that the
            result does not have.
        start_index_map: For each entry of an index vector the axis of the operand that it is for.
        operand_batching_dims: Axes of the operand that go along with the indices' batch axes.
        start_indices_batching_dims: These axes of the indices.
        mode: As `gather` takes it.
    """

    offset_dims: tuple[int, ...]
    collapsed_slice_dims: tuple[int, ...]
    start_index_map: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    start_indices_batching_dims: tuple[int, ...] = ()
    mode: Any = None


class ScatterDimensionNumbers(NamedTuple):
    """Which axes mean what in `scatter`.

    Attributes:
        update_window_dims: The axes of the updates that run over a window.
        inserted_window_dims: The axes of the operand along which windows have length 1 and that the
            updates do not have.
        scatter_dims_to_operand_dims: For each entry of an index vector the axis of the operand that
            it is for.
        operand_batching_dims: Axes of the operand that go along with the indices' batch axes.
        scatter_indices_batching_dims: These axes of the indices.
        mode: As `scatter` takes it.
    """

    update_window_dims: tuple[int, ...]
    inserted_window_dims: tuple[int, ...]
    scatter_dims_to_operand_dims: tuple[int, ...]
    operand_batching_dims: tuple[int, ...] = ()
    scatter_indices_batching_dims: tuple[int, ...] = ()
    mode: Any = None
