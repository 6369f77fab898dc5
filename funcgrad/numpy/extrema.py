"""NumPy's ufuncs by name that choose the larger or the smaller."""

from __future__ import annotations

import numpy as np

from ..ops import select as ops
from .ufuncs import declare

__all__ = [
    "fmax",
    "fmin",
    "maximum",
    "minimum",
]

maximum = declare(np.maximum, ops.maximum)
minimum = declare(np.minimum, ops.minimum)
fmax = declare(np.fmax, ops.fmax)
fmin = declare(np.fmin, ops.fmin)
