"""NumPy's ufuncs without derivative by name: rounding, comparisons, logic, bits."""

from __future__ import annotations

import numpy as np

from ..ops import discrete as ops
from .ufuncs import declare

__all__ = [
    "bitwise_and",
    "bitwise_count",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "ceil",
    "equal",
    "floor",
    "gcd",
    "greater",
    "greater_equal",
    "invert",
    "isfinite",
    "isinf",
    "isnan",
    "lcm",
    "left_shift",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
    "right_shift",
    "rint",
    "signbit",
    "trunc",
]

# Rounding
floor = declare(np.floor, ops.floor)
ceil = declare(np.ceil, ops.ceil)
trunc = declare(np.trunc, ops.trunc)
rint = declare(np.rint, ops.rint)

# Comparisons and logic
equal = declare(np.equal, ops.equal)
not_equal = declare(np.not_equal, ops.not_equal)
greater = declare(np.greater, ops.greater)
greater_equal = declare(np.greater_equal, ops.greater_equal)
less = declare(np.less, ops.less)
less_equal = declare(np.less_equal, ops.less_equal)
logical_and = declare(np.logical_and, ops.logical_and)
logical_or = declare(np.logical_or, ops.logical_or)
logical_xor = declare(np.logical_xor, ops.logical_xor)
logical_not = declare(np.logical_not, ops.logical_not)
isfinite = declare(np.isfinite, ops.isfinite)
isinf = declare(np.isinf, ops.isinf)
isnan = declare(np.isnan, ops.isnan)
signbit = declare(np.signbit, ops.signbit)

# Integers
bitwise_and = declare(np.bitwise_and, ops.bitwise_and)
bitwise_or = declare(np.bitwise_or, ops.bitwise_or)
bitwise_xor = declare(np.bitwise_xor, ops.bitwise_xor)
invert = bitwise_not = bitwise_invert = declare(np.invert, ops.invert)
left_shift = bitwise_left_shift = declare(np.left_shift, ops.left_shift)
right_shift = bitwise_right_shift = declare(np.right_shift, ops.right_shift)
bitwise_count = declare(np.bitwise_count, ops.bitwise_count)
gcd = declare(np.gcd, ops.gcd)
lcm = declare(np.lcm, ops.lcm)
