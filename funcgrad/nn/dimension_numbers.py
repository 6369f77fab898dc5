"""Which axis of images, kernels and results is which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from ..errors import ShapeError

__all__ = [
    "ConvDimensionNumbers",
    "DimensionNumbers",
    "channels_last",
    "conv_dimension_numbers",
]


class ConvDimensionNumbers(NamedTuple):
    """Where the axes of a convolution stand.

    Attributes:
        lhs_spec: The places of the batch, the channels and the spatial axes in the images.
        rhs_spec: Those of the outgoing channels, the incoming ones and the spatial axes in the
            kernels.
        out_spec: Those of the batch, the channels and the spatial axes in the result.
    """

    lhs_spec: tuple[int, ...]
    rhs_spec: tuple[int, ...]
    out_spec: tuple[int, ...]


DimensionNumbers: TypeAlias = ConvDimensionNumbers | Sequence[str] | None
_SPATIAL = "DHW"


def conv_dimension_numbers(
    lhs_shape: Sequence[int], rhs_shape: Sequence[int], dimension_numbers: DimensionNumbers
) -> ConvDimensionNumbers:
    """Where the axes stand, from three words such as ``("NHWC", "HWIO", "NHWC")``.

    Args:
        lhs_shape: The shape of the images; for its rank.
        rhs_shape: The shape of the kernels.
        dimension_numbers: Three words, with N and C in the first and the last, O and I in the
            second, and the same letters for the spatial axes in all; their order in the second is
            that of strides and paddings. None stands for channels first: ``("NCHW", "OIHW",
            "NCHW")`` and its like of other ranks. The result of this function is handed on.

    Raises:
        ShapeError: The words do not fit the shapes or one another.

    >>> conv_dimension_numbers((1, 8, 8, 3), (3, 3, 3, 4), ("NHWC", "HWIO", "NHWC")).lhs_spec
    (0, 3, 1, 2)
    """
    rank = len(lhs_shape)
    if rank != len(rhs_shape) or rank < 2:
        raise ShapeError(
            f"conv_dimension_numbers: got images of shape {tuple(lhs_shape)} and kernels of shape "
            f"{tuple(rhs_shape)}",
            "Both have the same number of axes: two, and one for each spatial dimension.",
        )
    if isinstance(dimension_numbers, ConvDimensionNumbers):
        return dimension_numbers
    if dimension_numbers is None:
        order = tuple(range(rank))
        return ConvDimensionNumbers(order, order, order)
    words = tuple(dimension_numbers)
    wanted = ({"N", "C"}, {"O", "I"}, {"N", "C"})
    spatial = [set(word) - two for word, two in zip(words, wanted, strict=False)]
    if (
        len(words) != 3
        or any(len(word) != rank or len(set(word)) != rank for word in words)
        or any(not two <= set(word) for word, two in zip(words, wanted, strict=True))
        or spatial.count(spatial[0]) != 3
    ):
        letters = _SPATIAL[3 - (rank - 2) :] if rank <= 5 else "..."
        raise ShapeError(
            f"conv_dimension_numbers: dimension_numbers={dimension_numbers!r} do not describe "
            f"arrays of {rank} axes",
            f"Write three words of {rank} different letters, as in "
            f"('N{letters}C', '{letters}IO', 'N{letters}C').",
        )
    inner = [letter for letter in words[1] if letter not in "OI"]
    positions = [
        tuple([word.index(letter) for letter in (*pair, *inner)])
        for word, pair in zip(words, ("NC", "OI", "NC"), strict=True)
    ]
    return ConvDimensionNumbers(*positions)


def channels_last(rank: int) -> tuple[str, str, str]:
    """The words for channels last, with ``rank`` spatial axes."""
    letters = _SPATIAL[3 - rank :] if rank <= 3 else "abdefgh"[:rank]
    return f"N{letters}C", f"{letters}IO", f"N{letters}C"
