"""Floor 3: the few numerical functions that primitives run and that NumPy does not have.

Each uses nothing but ``np``: the numpy backend copies their text into the source it generates, so
that this source runs by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def divide(x: Any, y: Any) -> Any:
    """``x / y``, with NumPy's inf and nan where Python's floats would raise."""
    try:
        return x / y
    except ZeroDivisionError:
        return np.true_divide(x, y).item()


def mask_mul(ct: Any, p: Any) -> Any:
    """``ct * p``, and 0 where either factor is exactly 0 though the other is inf or nan."""
    if isinstance(ct, float) and isinstance(p, float):
        value = float(ct) * float(p)
        if value != value and (ct == 0 or p == 0):
            value = 0.0
        return value if type(ct) is float and type(p) is float else np.float64(value)
    with np.errstate(invalid="ignore"):
        product = np.multiply(ct, p)
        spoiled = product != product
        if spoiled.any():
            product = np.where(spoiled & (np.equal(ct, 0) | np.equal(p, 0)), 0, product)[()]
    return product


def power(x: Any, y: Any) -> Any:
    """``x ** y``, with NumPy's inf and nan where Python's numbers would raise or turn complex."""
    try:
        value = x**y
    except (ZeroDivisionError, OverflowError):
        with np.errstate(all="ignore"):
            return np.power(float(x), float(y)).item()
    return np.nan if type(value) is complex and type(x) is not complex else value


def convert(x: Any, dtype: Any, weak: bool) -> Any:
    """``x`` as ``dtype``, a Python scalar if ``weak``; a complex one that becomes real is cut."""
    if np.dtype(dtype).kind != "c" and isinstance(x, (complex, np.complexfloating)):
        x = x.real
    if isinstance(x, np.ndarray):
        return (x.real if x.dtype.kind == "c" and np.dtype(dtype).kind != "c" else x).astype(dtype)
    value = np.dtype(dtype).type(x)
    return value.item() if weak else value
