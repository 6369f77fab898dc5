"""Whole numbers and choices; no derivative passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..control.flow.loops import scan
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, ShapeError
from ..numpy.arguments import axis_of, broadcast_shapes, cast, operand
from ..ops.linear import broadcast_to, move_axis, reshape, shape_of
from ..ops.random import binomial as binomial_draws
from ..ops.random import poisson as poisson_draws
from .arguments import (
    Array,
    Shape,
    broadcasts,
    count,
    draw,
    floating,
    integral,
    lengths,
    parameters,
    refuse_mode,
    take_key,
)
from .continuous import gumbel, half_open, open_uniform
from .keys import split

__all__ = [
    "bernoulli",
    "binomial",
    "categorical",
    "geometric",
    "multinomial",
    "poisson",
    "rademacher",
    "randint",
]

_FLOAT = np.dtype(np.float64)


def randint(key: Array, shape: Shape, minval: Array, maxval: Array, dtype: Any = int) -> Array:
    """Whole numbers from ``minval`` to ``maxval - 1``.

    The high word of the product of 64 bits and the number of values: no value is likelier than
    another by more than one part in ``2**64`` over that number.

    Args:
        key: A key.
        shape: The shape of the result.
        minval: The least value; broadcasts to the shape, may be traced.
        maxval: One more than the greatest.
        dtype: An integer dtype that holds them.

    Raises:
        ArgumentError: Bounds that are known hold no number, or do not fit the dtype. Traced bounds
            that hold none give ``minval``.

    >>> randint(np.array([0, 0], np.uint64), (5,), 1, 7)
    array([1, 2, 1, 4, 4])
    """
    sizes, found = lengths("randint", shape), integral("randint", dtype)
    wide = np.dtype(np.uint64 if found == np.uint64 else np.int64)
    low, last = _whole(minval, 0), _whole(maxval, 1)
    known = [np.asarray(x, object) for x in (low, last) if not isinstance(x, Tracer)]
    limits = np.iinfo(found)
    if any(np.any(x < limits.min) or np.any(x > limits.max) for x in known) or (
        len(known) == 2 and np.any(known[0] > known[1])
    ):
        raise ArgumentError(
            f"random.randint: no {found} number is at least minval={minval} and below "
            f"maxval={maxval}",
            "Give minval < maxval, both in the range of the dtype; bits(key) draws of all values.",
        )
    low, last = [_flat("randint", cast(x, wide), sizes) for x in (low, last)]
    word = draw("randint", key, count(sizes))
    start = cast(low, np.uint64)
    values = (cast(last, np.uint64) - start) + np.uint64(1)
    offset = np.where(values == 0, word, _high(word, values))
    result = np.where(last < low, low, cast(start + offset, wide))
    return cast(reshape(result, sizes), found)


def _whole(x: Array, less: int) -> Any:
    """``x - less``, which fits where one more than the greatest value does not."""
    if type(x) is int:
        return x - less
    x = operand(x)
    if aval_of(x).dtype.kind not in "iu":
        raise DtypeError(
            f"random.randint: bounds must be integers, got {aval_of(x)}", "Write int(x)."
        )
    if isinstance(x, Tracer):
        return cast(x, np.uint64 if aval_of(x).dtype == np.uint64 else np.int64) - less
    return np.asarray(x, object) - less


def _flat(called: str, x: Any, shape: tuple[int, ...]) -> Any:
    """``x`` broadcast to ``shape`` and flat: arrays of integers wrap around without a warning."""
    if not broadcasts(shape_of(x), shape):
        raise ShapeError(
            f"random.{called}: parameters of shape {shape_of(x)} do not broadcast to {shape}",
            "The shape is that of the whole result.",
        )
    return reshape(broadcast_to(x, shape), (count(shape),))


def _high(x: Any, y: Any) -> Any:
    """The high word of a product of two words, from the products of their halves."""
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    middle = (x >> half) * (y & low) + (((x & low) * (y & low)) >> half)
    other = (x & low) * (y >> half) + (middle & low)
    return (x >> half) * (y >> half) + (middle >> half) + (other >> half)


def bernoulli(key: Array, p: Array = 0.5, shape: Shape = None, *, mode: Any = None) -> Array:
    """True with probability ``p``: ``uniform(key) < p``."""
    refuse_mode("bernoulli", mode)
    p = operand(p)
    found = aval_of(p).dtype if aval_of(p).dtype.char in "ef" else _FLOAT
    sizes, (p,) = parameters("bernoulli", shape, found, p)
    return half_open("bernoulli", key, sizes, found) < p


def rademacher(key: Array, shape: Shape = (), dtype: Any = int) -> Array:
    """-1 and 1 with equal probabilities."""
    found = np.dtype(dtype)
    if found.kind not in "if":
        raise DtypeError(f"random.rademacher: dtype {found} does not hold -1", "Leave it out.")
    sizes = lengths("rademacher", shape)
    word = draw("rademacher", key, count(sizes))
    return cast(reshape(cast(word >> np.uint64(63), np.int64) * 2 - 1, sizes), found)


def geometric(key: Array, p: Array, shape: Shape = None, dtype: Any = int) -> Array:
    """The number of trials up to the first success of probability ``p``: at least 1.

    ``floor(log(u) / log(1 - p)) + 1``; -1 where ``p`` is not in (0, 1].
    """
    sizes, (p,) = parameters("geometric", shape, _FLOAT, p)
    u = open_uniform("geometric", key, sizes, _FLOAT)
    inside = (p > 0.0) & (p < 1.0)
    trials = np.floor(np.log(u) / np.log1p(-np.where(inside, p, 0.5))) + 1.0
    trials = np.where(inside, np.minimum(trials, 2.0**62), np.where(p == 1.0, 1.0, -1.0))
    return cast(trials, integral("geometric", dtype))


def poisson(key: Array, lam: Array, shape: Shape = None, dtype: Any = int) -> Array:
    """Poisson variates of rate ``lam``; -1 where it is negative or nan.

    Below 10 by inversion, above by transformed rejection (Hoermann, 1993).
    """
    found = integral("poisson", dtype)
    _, (lam,) = parameters("poisson", shape, _FLOAT, lam)
    return cast(poisson_draws(take_key("poisson", key), lam), found)


def binomial(key: Array, n: Array, p: Array, shape: Shape = None, dtype: Any = int) -> Array:
    """The number of successes in ``n`` trials of probability ``p``.

    By inversion where few are expected, else by transformed rejection (Hoermann, 1993).

    Args:
        key: A key.
        n: Whole numbers up to ``2**53``, integers or floats; may be traced.
        p: Probabilities; may be traced.
        shape: The shape of the result; by default that of ``n`` and ``p`` together.
        dtype: An integer dtype.

    Returns:
        -1 where ``n`` is no such number, or ``p`` is not from 0 to 1.
    """
    found = integral("binomial", dtype)
    _, (n, p) = parameters("binomial", shape, _FLOAT, n, p)
    return cast(binomial_draws(take_key("binomial", key), n, p), found)


def multinomial(
    key: Array, n: Array, p: Array, *, shape: Shape = None, dtype: Any = int, unroll: int = 1
) -> Array:
    """How often each class comes in ``n`` draws: a chain of binomial variates.

    Args:
        key: A key.
        n: The numbers of draws, any shape; may be traced.
        p: Probabilities, shape ``(..., k)``; only their ratios count. May be traced.
        shape: The shape of the result; by default ``(..., k)``, the shape of ``n`` and of ``p``
            without its last axis together, and the classes.
        dtype: An integer dtype.
        unroll: How many steps a compiled program takes at once.

    Returns:
        Counts whose last axis sums to ``n``.

    Raises:
        ShapeError: ``p`` is a number, or the shape does not end in the number of classes.

    >>> from funcgrad import random
    >>> random.multinomial(random.key(0), 100, np.array([0.2, 0.3, 0.5])).sum()
    np.int64(100)
    """
    found = integral("multinomial", dtype)
    p = cast(operand(p), _FLOAT)
    if not shape_of(p):
        raise ShapeError(
            "random.multinomial: p must be an array of probabilities, got a number",
            "Write p=np.array([p, 1 - p]), or draw a binomial variate.",
        )
    *lead, classes = shape_of(p)
    n = cast(operand(n), _FLOAT)
    sizes = broadcast_shapes("random.multinomial", shape_of(n), tuple(lead))
    if shape is not None:
        wanted = lengths("multinomial", shape)
        if wanted[-1:] != (classes,) or not broadcasts(sizes, wanted[:-1]):
            raise ShapeError(
                f"random.multinomial: shape {wanted} must end in the {classes} classes, after what "
                f"{sizes} broadcasts to",
                "Put the number of draws in front: shape=(m, *p.shape).",
            )
        sizes = wanted[:-1]
    chances = move_axis(broadcast_to(p, (*sizes, classes)), len(sizes), 0)
    rest = np.flip(np.cumsum(np.flip(chances, 0), 0), 0)
    shares = np.where(rest > 0, chances / np.where(rest > 0, rest, 1.0), 0.0)
    if classes:
        last = np.arange(classes).reshape((classes, *[1] * len(sizes))) == classes - 1
        shares = np.where(last, 1.0, np.minimum(shares, 1.0))

    def step(left: Any, given: Any) -> Any:
        own, share = given
        drawn_now = binomial_draws(own, left, share)
        return left - cast(drawn_now, _FLOAT), drawn_now

    keys = split(take_key("multinomial", key), classes)
    _, counts = scan(step, broadcast_to(n, sizes), (keys, shares), unroll=unroll)
    return cast(move_axis(counts, 0, len(sizes)), found)


def categorical(
    key: Array,
    logits: Array,
    axis: int = -1,
    shape: Shape = None,
    replace: bool = True,
    *,
    mode: Any = None,
) -> Array:
    """Indices with probabilities ``softmax(logits)``: the argmax of ``logits + gumbel``.

    Args:
        key: A key.
        logits: Logarithms of probabilities, up to a constant; -inf is never chosen.
        axis: The axis of the classes.
        shape: The shape of the result; it ends in that of ``logits`` without ``axis``, which is the
            default.
        replace: Whether an index may come twice along the leading axes of ``shape``; without it
            they hold the indices of the largest ``logits + gumbel``, in that order.
        mode: None; there is no need of JAX's.

    Returns:
        int64.

    Raises:
        ShapeError: The shape does not end in that of ``logits``, or asks for more than there are.
    """
    refuse_mode("categorical", mode)
    logits = operand(logits)
    if not shape_of(logits):
        raise ShapeError(
            f"random.categorical: got {aval_of(logits)} for the logits",
            "Give an array with the logits of the classes along its last axis.",
        )
    found = aval_of(logits).dtype
    logits = logits if found.kind == "f" else cast(logits, _FLOAT)
    dtype = floating("categorical", aval_of(logits).dtype)
    logits = move_axis(logits, axis_of(axis, len(shape_of(logits))), len(shape_of(logits)) - 1)
    *lead, classes = shape_of(logits)
    sizes = tuple(lead) if shape is None else lengths("categorical", shape)
    cut = len(sizes) - len(lead)
    if cut < 0 or not broadcasts(lead, sizes[cut:]):
        raise ShapeError(
            f"random.categorical: shape {sizes} must end in {tuple(lead)}, that of the logits "
            "without the axis of the classes",
            "Put the number of draws in front: shape=(n, *logits.shape[:-1]).",
        )
    if replace:
        return np.argmax(logits + gumbel(key, (*sizes, classes), dtype), axis=-1)
    wanted = count(sizes[:cut])
    if wanted > classes:
        raise ShapeError(
            f"random.categorical: {wanted} different indices of {classes} classes",
            "Draw fewer, or replace=True.",
        )
    noisy = logits + gumbel(key, (*sizes[cut:], classes), dtype)
    best = np.argsort(-noisy, axis=-1)[..., :wanted]
    return reshape(move_axis(best, len(sizes) - cut, 0), sizes)
