"""What arguments of transformed functions are annotated with: `Array`, `ArrayLike`, `DTypeLike`.

`Array` is a class, for isinstance too. The others are for annotations only.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .tree.arrays import Array

__all__ = ["Array", "ArrayLike", "DTypeLike"]

ArrayLike: TypeAlias = Array | np.number | np.bool_ | bool | int | float | complex
"""An array, a traced value, or a number; sequences are none, as in JAX."""

DTypeLike: TypeAlias = npt.DTypeLike
"""What `numpy.dtype` makes a dtype of."""
