"""`Array`, the class of all that a program computes with, for annotations and isinstance."""

from __future__ import annotations

from abc import ABCMeta
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from funcgrad.errors import ArgumentError, entry

__all__ = ["Array"]

if TYPE_CHECKING:
    from numpy import ndarray as Array  # noqa: N812
else:

    class Array(metaclass=ABCMeta):  # noqa: B024
        """Arrays, NumPy scalars and traced values: what ``isinstance(x, funcgrad.Array)`` is for.

        Python's numbers are none, and nothing is made by calling it. To type checkers it is
        `numpy.ndarray`.

        >>> (
        ...     isinstance(np.ones(3), Array),
        ...     isinstance(np.float64(1.0), Array),
        ...     isinstance(1.0, Array),
        ... )
        (True, True, False)
        """

        @entry
        def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
            raise ArgumentError(
                "Array: it is for annotations and isinstance, and makes no array",
                "Write numpy.array(x) or funcgrad.numpy.array(x).",
            )

    for _kind in (np.ndarray, np.number, np.bool_):  # `core.trace` adds traced values
        Array.register(_kind)
