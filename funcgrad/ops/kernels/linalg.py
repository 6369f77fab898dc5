"""The NumPy that decompositions and their rules run; see `funcgrad.ops.kernels`.

Each function uses nothing but ``np`` and itself: generated source holds a copy of its text.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def inverse_gaps(w: Any, sign: Any) -> Any:
    """``1 / (w[j] + sign * w[i])`` for each pair, 0 where the divisor is 0 up to rounding.

    LAPACK's values are those of a matrix within a few ``eps`` of the given one: nearer values have
    no gap that means anything. Where ``numpy.errstate`` says that division by zero raises, two
    values that coincide do.
    """
    sums = w[..., None, :] + sign * w[..., :, None]
    n = w.shape[-1]
    most = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    zero = np.abs(sums) <= (16 + n) * np.finfo(w.dtype).eps * most
    if np.geterr()["divide"] == "raise" and (zero & ~np.eye(n, dtype=bool)).any():
        raise FloatingPointError("divide by zero: eigenvalues or singular values coincide")
    return np.divide(1, sums, out=np.zeros_like(sums), where=~zero)


def inverses(s: Any) -> Any:
    """``1 / s``, 0 where ``s`` is 0 up to the rounding of the largest of its row."""
    most = np.max(np.abs(s), axis=-1, initial=0)[..., None]
    zero = np.abs(s) <= (16 + s.shape[-1]) * np.finfo(s.dtype).eps * most
    if np.geterr()["divide"] == "raise" and zero.any():
        raise FloatingPointError("divide by zero: a singular value is 0")
    return np.divide(1, s, out=np.zeros_like(s), where=~zero)


def quiet_inverse(x: Any) -> Any:
    """``numpy.linalg.inv``, with nan for the matrices of a stack that are singular."""
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        if x.ndim == 2:
            return np.full(x.shape, np.nan, x.dtype)
        return np.stack([quiet_inverse(part) for part in x])


def complex_eig(x: Any) -> Any:
    """``numpy.linalg.eig``, always complex: NumPy's dtype depends on the numbers."""
    w, v = np.linalg.eig(x)
    dtype = np.result_type(x.dtype, np.complex64)
    return w.astype(dtype), v.astype(dtype)


def complex_eigvals(x: Any) -> Any:
    """``numpy.linalg.eigvals``, always complex."""
    return np.linalg.eigvals(x).astype(np.result_type(x.dtype, np.complex64))


def stacked_lstsq(a: Any, b: Any, rcond: Any) -> Any:
    """The solutions of ``numpy.linalg.lstsq`` for two stacks of matrices of one length."""
    if a.ndim == 2:
        return np.linalg.lstsq(a, b, rcond)[0]
    out = np.empty((*a.shape[:-2], a.shape[-1], b.shape[-1]), b.dtype)
    for place in np.ndindex(a.shape[:-2]):
        out[place] = np.linalg.lstsq(a[place], b[place], rcond)[0]
    return out
