"""NumPy's exponentials, logarithms and roots by name."""

from __future__ import annotations

import numpy as np

from ..ops import exponential as ops
from .ufuncs import declare

__all__ = [
    "cbrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "sqrt",
]

exp = declare(np.exp, ops.exp)
exp2 = declare(np.exp2, ops.exp2)
expm1 = declare(np.expm1, ops.expm1)
log = declare(np.log, ops.log)
log2 = declare(np.log2, ops.log2)
log10 = declare(np.log10, ops.log10)
log1p = declare(np.log1p, ops.log1p)
logaddexp = declare(np.logaddexp, ops.logaddexp)
logaddexp2 = declare(np.logaddexp2, ops.logaddexp2)
sqrt = declare(np.sqrt, ops.sqrt)
cbrt = declare(np.cbrt, ops.cbrt)
