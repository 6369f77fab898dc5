"""NumPy's trigonometric and hyperbolic functions by name."""

from __future__ import annotations

import numpy as np

from ..ops import trigonometric as ops
from .ufuncs import declare

__all__ = [
    "acos",
    "acosh",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "degrees",
    "hypot",
    "rad2deg",
    "radians",
    "sin",
    "sinh",
    "tan",
    "tanh",
]

sin = declare(np.sin, ops.sin)
cos = declare(np.cos, ops.cos)
tan = declare(np.tan, ops.tan)
arcsin = asin = declare(np.arcsin, ops.arcsin)
arccos = acos = declare(np.arccos, ops.arccos)
arctan = atan = declare(np.arctan, ops.arctan)
arctan2 = atan2 = declare(np.arctan2, ops.arctan2)
hypot = declare(np.hypot, ops.hypot)
sinh = declare(np.sinh, ops.sinh)
cosh = declare(np.cosh, ops.cosh)
tanh = declare(np.tanh, ops.tanh)
arcsinh = asinh = declare(np.arcsinh, ops.arcsinh)
arccosh = acosh = declare(np.arccosh, ops.arccosh)
arctanh = atanh = declare(np.arctanh, ops.arctanh)
degrees = declare(np.degrees, ops.degrees)
rad2deg = declare(np.rad2deg, ops.degrees)
radians = declare(np.radians, ops.radians)
deg2rad = declare(np.deg2rad, ops.radians)
