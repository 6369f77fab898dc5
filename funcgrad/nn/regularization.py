"""Dropout, whose randomness is a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..api.leaves import type_of
from ..errors import ArgumentError, DtypeError
from ..random import bernoulli
from .checks import Array, as_float, axes_of, is_traced

__all__ = ["dropout"]


def dropout(
    key: Array,
    x: Array,
    rate: Array = 0.5,
    *,
    broadcast_dims: Sequence[int] = (),
    deterministic: bool = False,
) -> Array:
    """Elements set to 0 at random, the others divided by ``1 - rate`` (Srivastava et al. 2014).

    The expectation is ``x``. The same key drops the same elements; a new one, from
    `funcgrad.random.split` or ``fold_in``, belongs to every layer and every step.

    Args:
        key: A key of `funcgrad.random`; not read where ``deterministic``.
        x: Any shape.
        rate: The probability of being dropped, from 0 to 1.
        broadcast_dims: Axes along which elements are dropped or kept together; the spatial axes
            drop whole channels.
        deterministic: Whether to return ``x`` as it is, as when a model is used and not trained.

    Returns:
        The same shape and dtype.

    Raises:
        DtypeError: ``key`` is none.
        ArgumentError: ``rate`` is not between 0 and 1.
        ShapeError: An axis in ``broadcast_dims`` does not exist.

    >>> from funcgrad import random
    >>> dropout(random.key(0), np.ones(6), 0.5)
    array([2., 2., 2., 0., 0., 2.])
    """
    if not deterministic and not _is_key(key):
        raise DtypeError(
            f"dropout: a key is an array of two uint64, got {type_of(key)}",
            "It is the first argument: dropout(key, x, rate), with a new one for each call.",
        )
    x = as_float("dropout", x)
    if not is_traced(rate) and (np.ndim(rate) or not 0 <= rate <= 1):
        got = type_of(rate) if np.ndim(rate) else rate
        raise ArgumentError(
            f"dropout: rate is a probability from 0 to 1, got {got}",
            "It is that of being dropped: nothing is at rate 0.",
        )
    if deterministic:
        return x
    together = axes_of("dropout", x, tuple(broadcast_dims))
    shape = [1 if i in together else n for i, n in enumerate(x.shape)]
    kept = 1.0 - rate
    drawn: Any = bernoulli(key, kept, shape)
    if not is_traced(kept):
        # At rate 1 nothing is kept, and any factor will do.
        return np.where(drawn, x * x.dtype.type(1.0 / kept if kept else 1.0), x.dtype.type(0))
    factor = np.where(drawn, 1.0 / np.where(kept > 0.0, kept, 1.0), 0.0)
    return (x * factor).astype(x.dtype)


def _is_key(key: Array) -> bool:
    return getattr(key, "dtype", None) == np.uint64 and key.shape == (2,)
