"""Vectors of dependent variates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, ShapeError
from ..numpy.arguments import broadcast_shapes, cast, operand
from ..ops.linear import shape_of
from .arguments import Array, Shape, broadcasts, floating, lengths
from .continuous import exponential, normal
from .gammas import generalized_normal
from .keys import split

__all__ = ["ball", "multivariate_normal", "orthogonal"]


def multivariate_normal(
    key: Array,
    mean: Array,
    cov: Array,
    shape: Shape = None,
    dtype: Any = float,
    method: str = "cholesky",
) -> Array:
    """Normal vectors: ``mean + L z`` with ``L L^T = cov`` and standard normal ``z``.

    Args:
        key: A key.
        mean: Shape ``(..., n)``.
        cov: Shape ``(..., n, n)``, symmetric and positive definite.
        shape: The shape of the result without its last axis; by default the leading axes together.
        dtype: float16, float32 or float64.
        method: "cholesky", or "eigh" or "svd", which take semidefinite matrices too, by the
            functions of the name in `numpy.linalg`.

    Returns:
        Shape ``(*shape, n)``; differentiable in ``mean`` and ``cov``.

    Raises:
        ShapeError: The shapes do not fit together.
        numpy.linalg.LinAlgError: ``cov`` is not positive definite, by "cholesky".
    """
    found = floating("multivariate_normal", dtype or float)
    mean, cov = cast(operand(mean), found), cast(operand(cov), found)
    size = shape_of(mean)[-1:]
    if not size or shape_of(cov)[-2:] != size * 2:
        raise ShapeError(
            f"random.multivariate_normal: a mean of shape {shape_of(mean)} and a covariance of "
            f"shape {shape_of(cov)}",
            "The last axis of the mean and the last two of the covariance have one length.",
        )
    lead = broadcast_shapes("random.multivariate_normal", shape_of(mean)[:-1], shape_of(cov)[:-2])
    sizes = lead if shape is None else lengths("multivariate_normal", shape)
    if not broadcasts(lead, sizes):
        raise ShapeError(
            f"random.multivariate_normal: leading axes {lead} do not broadcast to shape {sizes}",
            "The shape is that of the whole result without its last axis.",
        )
    z = normal(key, (*sizes, *size), found)
    factor = _factor(cov, method)
    if len(shape_of(cov)) == 2:
        return mean + z @ factor.T
    return mean + (factor @ z[..., None])[..., 0]


def _factor(cov: Any, method: str) -> Any:
    if method == "cholesky":
        return np.linalg.cholesky(cov)
    if method == "eigh":
        values, vectors = np.linalg.eigh(cov)
        return vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
    if method == "svd":
        left, values, _ = np.linalg.svd(cov)
        return left * np.sqrt(values)[..., None, :]
    raise ArgumentError(
        f"random.multivariate_normal: method {method!r} is not known",
        "Use 'cholesky', 'eigh' or 'svd'.",
    )


def ball(key: Array, d: int, p: float = 2, shape: Shape = (), dtype: Any = float) -> Array:
    """Uniform in the unit ball of the ``p`` norm in ``d`` dimensions.

    ``g / (sum |g|**p + e)**(1 / p)`` with generalised normal ``g`` and an exponential ``e``
    (Barthe, Guedon, Mendelson and Naor, 2005).

    Returns:
        Shape ``(*shape, d)``.
    """
    sizes = lengths("ball", shape)
    first, second = split(key)
    g = generalized_normal(first, np.float64(p), (*sizes, d), dtype)
    e = exponential(second, sizes, dtype)
    norm = (np.sum(np.abs(g) ** p, axis=-1) + e) ** (1.0 / p)
    return g / norm[..., None]


def orthogonal(
    key: Array, n: int, shape: Shape = (), dtype: Any = float, m: int | None = None
) -> Array:
    """Orthogonal matrices, uniform by Haar's measure (Mezzadri, 2007).

    The Q of a QR factoring of normal matrices, its columns with the signs of R's diagonal.

    Args:
        key: A key.
        n: The number of rows.
        shape: How many matrices.
        dtype: A floating or complex dtype; complex matrices are unitary.
        m: The number of columns, by default ``n``. With fewer the columns are orthonormal, with
            more the rows.

    Returns:
        Shape ``(*shape, n, m)``.
    """
    columns = n if m is None else m
    sizes = lengths("orthogonal", shape)
    tall, narrow = lengths("orthogonal", (max(n, columns), min(n, columns)))
    given = np.dtype(dtype)
    # LAPACK has no half precision.
    found = np.dtype(np.float32) if given == np.float16 else given
    q, r = np.linalg.qr(normal(key, (*sizes, tall, narrow), found))
    diagonal = np.diagonal(r, axis1=-2, axis2=-1)
    signs = np.where(diagonal == 0, 1.0, np.sign(diagonal))
    q = q * cast(signs, found)[..., None, :]
    return cast(np.swapaxes(q, -1, -2) if n < columns else q, given)
