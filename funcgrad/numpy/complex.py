"""NumPy's ufuncs by name that treat complex numbers apart: sizes, signs, conjugates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..ops import complex as ops
from ..ops import discrete
from .promote import promoted_for
from .ufuncs import declare

__all__ = [
    "abs",
    "absolute",
    "conj",
    "conjugate",
    "fabs",
    "sign",
]


def _conjugate(x: Any, **options: Any) -> Any:
    (x,) = promoted_for(np.conjugate, (x,), **options)
    return ops.conjugate(x) if aval_of(x).dtype.kind == "c" else x


def _sign(x: Any, **options: Any) -> Any:
    (x,) = promoted_for(np.sign, (x,), **options)
    return ops.unit(x) if aval_of(x).dtype.kind == "c" else discrete.sign(x)


absolute = abs = declare(np.absolute, ops.absolute)
fabs = declare(np.fabs, ops.absolute)
sign = declare(np.sign, _sign)
conjugate = conj = declare(np.conjugate, _conjugate)
