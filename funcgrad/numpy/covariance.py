"""NumPy's covariances and correlations for tracers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import DtypeError, ShapeError
from ..ops.linear import reshape, shape_of
from .arguments import cast, operand
from .dispatch import implements

__all__ = ["corrcoef", "cov"]

Array = Any


def _observations(name: str, m: Any, y: Any, rowvar: Any, dtype: Any) -> Any:
    """Both arguments as one matrix, a row for each variable."""
    parts = [operand(x) for x in (m, y) if x is not None]
    for x in parts:
        if len(shape_of(x)) > 2:
            raise ShapeError(
                f"numpy.{name}: got {aval_of(x)}, which has more than 2 dimensions",
                "Give a matrix; use vmap for a stack of them.",
            )
    if dtype is None:
        dtype = np.result_type(*[aval_of(x).dtype for x in parts], np.float64)
    rows = []
    for i, x in enumerate(parts):
        flat = len(shape_of(x)) < 2
        x = cast(x, dtype)
        x = reshape(x, (1, aval_of(x).size)) if flat else x
        turned = not rowvar and shape_of(x)[0] != 1 if i else not rowvar and not flat
        rows.append(np.transpose(x) if turned else x)
    return np.concatenate(rows, axis=0) if len(rows) > 1 else rows[0]


def _weights(label: str, given: Any, observations: int) -> Any:
    w = operand(given)
    if label == "fweights" and not isinstance(w, Tracer) and np.any(w != np.around(w)):
        raise TypeError("fweights must be integer")
    if len(shape_of(w)) > 1:
        raise RuntimeError(f"cannot handle multidimensional {label}")
    if shape_of(w)[0] != observations:
        raise RuntimeError(f"incompatible numbers of samples and {label}")
    if not isinstance(w, Tracer) and np.any(w < 0):
        raise ValueError(f"{label} cannot be negative")
    return cast(w, np.float64)


@implements(np.cov)
def cov(
    m: Array,
    y: Array = None,
    rowvar: Any = True,
    bias: Any = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Array:
    """The matrix of covariances of variables, one a row, differentiable in them and the weights.

    Raises:
        ShapeError: More than two dimensions.
    """
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    x = _observations("cov", m, y, rowvar, dtype)
    variables, observations = shape_of(x)
    if not variables:
        return np.zeros((0, 0))
    if not aval_of(x).inexact:
        raise DtypeError(
            f"numpy.cov: got dtype={aval_of(x).dtype}, into which deviations from means do not fit",
            "Leave dtype= away, or give a floating or complex one.",
        )
    if ddof is None:
        ddof = 0 if bias else 1
    w: Any = None
    own: Any = None
    if fweights is not None:
        w = _weights("fweights", fweights, observations)
    if aweights is not None:
        own = _weights("aweights", aweights, observations)
        w = own if w is None else w * own
    if w is None:
        total: Any = observations
        mean = np.mean(x, axis=1)
        freedom: Any = observations - ddof
    else:
        total = np.sum(w)
        mean = np.sum(x * w, axis=1) / total
        if not ddof:
            freedom = total
        elif aweights is None:
            freedom = total - ddof
        else:
            freedom = total - ddof * np.sum(w * own) / total
    if not isinstance(freedom, Tracer) and freedom <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
        freedom = 0.0
    d = x - mean[:, None]
    weighted = d if w is None else d * w
    other = np.conjugate(weighted) if aval_of(x).dtype.kind == "c" else weighted
    kind = aval_of(other).dtype
    c = np.dot(d, np.transpose(other)) * np.true_divide(1, freedom)
    return np.squeeze(cast(c, np.result_type(aval_of(d).dtype, kind)))


@implements(np.corrcoef)
def corrcoef(x: Array, y: Array = None, rowvar: Any = True, *, dtype: Any = None) -> Array:
    """The matrix of correlations: `cov`, divided by the standard deviations of both variables."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not shape_of(c):
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    c = c / deviation[:, None] / deviation[None, :]
    if aval_of(c).dtype.kind == "c":
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)
