"""Values as people read them: numbers in full, arrays by what is in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.residuals import StepResiduals
from ..core.trace import aval_of

__all__ = ["number_text", "short_text", "summary"]

_MINUS, _TIMES, _NORM = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}", "\N{DOUBLE VERTICAL LINE}"

_DIGITS = 4


def number_text(x: Any, digits: int = _DIGITS) -> str:
    """A number with few digits, and a true minus sign in place of the hyphen."""
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    if isinstance(x, (complex, np.complexfloating)):
        sign = "+" if x.imag >= 0 or np.isnan(x.imag) else "\N{MINUS SIGN}"
        return f"{number_text(x.real, digits)}{sign}{number_text(abs(x.imag), digits)}i"
    if isinstance(x, (int, np.integer)):
        return str(int(x)).replace("-", "\N{MINUS SIGN}")
    value = float(x)
    if np.isnan(value):
        return "nan"
    if np.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    return (
        f"{value:.{digits}g}".replace("e-0", "e-")
        .replace("e+0", "e")
        .replace("-", "\N{MINUS SIGN}")
    )


def short_text(x: Any) -> str:
    """What stands at an edge: a number, two or three of them, or an array's shape and norm."""
    if x is None:
        return ""
    if isinstance(x, StepResiduals):
        return "residuals"
    array = np.asarray(x)
    if not array.ndim:
        return number_text(array[()])
    if array.ndim == 1 and 0 < array.size <= 3:
        return f"[{', '.join([number_text(v, 3) for v in array])}]"
    shape = _TIMES.join(map(str, array.shape))
    if array.dtype.kind == "b":
        return f"{shape}: {int(np.count_nonzero(array))} true"
    if not array.size:
        return f"{shape}: empty"
    with np.errstate(all="ignore"):
        norm = number_text(np.linalg.norm(array.ravel()), 3)
    return f"{shape}: {_NORM}{norm}{_NORM}"


def _in_full(x: Any) -> str:
    """A number with as many digits as it takes to tell it from all others of its type."""
    if isinstance(x, np.complexfloating):
        sign = "+" if x.imag >= 0 or np.isnan(x.imag) else _MINUS
        return f"{_in_full(x.real)}{sign}{_in_full(abs(x.imag))}i"
    if not isinstance(x, np.floating) or not np.isfinite(x):
        return number_text(x)
    return str(x).removesuffix(".0").replace("e-0", "e-").replace("e+", "e").replace("-", _MINUS)


def summary(x: Any) -> str:
    """A scalar in full; of an array type, range, norm, and how many elements are 0, nan or inf.

    >>> summary(np.array([0.0, 3.0, -4.0]))
    'float64[3], \N{MINUS SIGN}4 to 3, norm 5, 1 zero'
    """
    if x is None:
        return ""
    if isinstance(x, StepResiduals):
        return str(x.aval)
    array = np.asarray(x)
    if not array.ndim:
        return _in_full(array[()])
    parts = [str(aval_of(array))]
    if array.dtype.kind == "b":
        return f"{parts[0]}, {int(np.count_nonzero(array))} of {array.size} true"
    if not array.size:
        return parts[0]
    with np.errstate(all="ignore"):
        finite = array[np.isfinite(array)]
        if finite.size and array.dtype.kind != "c":
            low, high = number_text(finite.min()), number_text(finite.max())
            parts.append(low if low == high else f"{low} to {high}")
        parts.append(f"norm {number_text(np.linalg.norm(finite.ravel()))}")
    counts = {
        "zero": np.count_nonzero(array == 0),
        "nan": np.count_nonzero(np.isnan(array)),
        "inf": np.count_nonzero(np.isinf(array)),
    }
    parts += [
        f"{count} {what}{'s' if what == 'zero' and count > 1 else ''}"
        for what, count in counts.items()
        if count
    ]
    return ", ".join(parts)
