"""Scaled dot-product attention (Vaswani et al. 2017)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..api.program import stop_gradient
from ..errors import ArgumentError, DtypeError, ShapeError
from .checks import Array, as_array, as_float

__all__ = ["dot_product_attention"]


def dot_product_attention(
    query: Array,
    key: Array,
    value: Array,
    bias: Array | None = None,
    mask: Array | None = None,
    *,
    scale: Array | None = None,
    is_causal: bool = False,
    query_seq_lengths: Array | None = None,
    key_value_seq_lengths: Array | None = None,
    local_window_size: int | tuple[int, int] | None = None,
) -> Array:
    """``softmax(scale * query @ key.T + bias) @ value`` for each head.

    The softmax is taken less its maximum, so that no score is too large. A score that is masked, by
    ``mask``, by causality, by lengths, by the window or by a bias of -inf, has weight 0. A query
    that may look at no key gives 0, with gradient 0 (JAX gives the mean of all values there).

    Args:
        query: Shape ``(B, T, N, H)``, or ``(T, N, H)``: batch, positions, heads, features.
        key: Shape ``(B, S, K, H)``, or ``(S, K, H)``. K divides N: as many queries' heads share a
            head of keys and values (grouped queries; multi-query where K is 1).
        value: The shape of the keys, but the features may be others.
        bias: Added to the scores; broadcasts to ``(B, N, T, S)``.
        mask: True where a query may look; broadcasts to ``(B, N, T, S)``.
        scale: Of the scores; ``1 / sqrt(H)`` where None.
        is_causal: Whether query ``t`` looks at keys ``s <= t`` only.
        query_seq_lengths: How many queries of each example there are, shape ``(B,)``; the others
            give 0.
        key_value_seq_lengths: How many keys of each example there are, shape ``(B,)``.
        local_window_size: Query ``t`` looks at keys from ``t - left`` to ``t + right``; a number
            stands for both.

    Returns:
        Shape ``(B, T, N, features of the values)``, or without B, in the dtype that NumPy gives
        query, key and value together. float16 is computed in float32.

    Raises:
        ShapeError: The shapes do not fit; the message names the axes.
        DtypeError: The mask is not boolean, or lengths are no integers.

    >>> x = np.array([[[1.0]], [[2.0]]])
    >>> dot_product_attention(x, x, x, is_causal=True).ravel().round(4)
    array([1.    , 1.8808])
    """
    called = "dot_product_attention"
    q, k, v = [as_float(called, x) for x in (query, key, value)]
    dtype = np.result_type(q.dtype, k.dtype, v.dtype)
    single = len(q.shape) == 3
    _check_ranks(called, q, k, v)
    if single:
        q, k, v = q[None], k[None], v[None]
    batch, queries, heads, features = q.shape
    keys, shared = k.shape[1:3]
    wide = np.dtype(np.float32) if dtype == np.float16 else dtype
    q, k, v = [x.astype(wide) for x in (q, k, v)]
    grouped = np.reshape(q, (batch, queries, shared, heads // max(shared, 1), features))
    factor = (1.0 / math.sqrt(features) if features else 1.0) if scale is None else scale
    scores = np.einsum("btkgh,bskh->bkgts", grouped, k)
    scores = np.reshape(scores, (batch, heads, queries, keys)) * factor
    whole = (batch, heads, queries, keys)
    if bias is not None:
        added = _fitting(called, "bias", as_float(called, bias), whole)
        scores = scores + added.astype(wide)
    seen = _visible(
        called,
        whole,
        mask,
        is_causal,
        query_seq_lengths,
        key_value_seq_lengths,
        local_window_size,
    )
    weights = np.reshape(
        _weights(scores, seen), (batch, shared, heads // max(shared, 1), queries, keys)
    )
    out = np.einsum("bkgts,bskh->btkgh", weights, v)
    out = np.reshape(out, (batch, queries, heads, v.shape[-1])).astype(dtype)
    return out[0] if single else out


def _weights(scores: Any, seen: Any) -> Any:
    """The softmax along the last axis of the scores that are seen, 0 for the others."""
    if seen is not None:
        scores = np.where(seen, scores, scores.dtype.type(-math.inf))
    if math.prod(scores.shape) == 0:
        return np.exp(scores)
    top = np.max(stop_gradient(scores), axis=-1, keepdims=True)
    # Where nothing is seen the maximum is -inf, and -inf - -inf would be nan.
    e = np.exp(scores - np.where(top == -math.inf, scores.dtype.type(0), top))
    total = np.sum(e, axis=-1, keepdims=True)
    return e / (total + (total == 0))


def _check_ranks(called: str, q: Any, k: Any, v: Any) -> None:
    shapes = f"query {q.shape}, key {k.shape} and value {v.shape}"
    if len(q.shape) not in (3, 4) or len(k.shape) != len(q.shape) or len(v.shape) != len(q.shape):
        raise ShapeError(
            f"{called}: got {shapes}",
            "Give (batch, positions, heads, features), or all three without the batch.",
        )
    for name, axis, (left, a), (right, b) in (
        ("batch", -4, ("query", q), ("key", k)),
        ("batch", -4, ("key", k), ("value", v)),
        ("positions", -3, ("key", k), ("value", v)),
        ("heads", -2, ("key", k), ("value", v)),
        ("features", -1, ("query", q), ("key", k)),
    ):
        if len(a.shape) >= -axis and a.shape[axis] != b.shape[axis]:
            raise ShapeError(
                f"{called}: {left} and {right} differ in {name} (axis {axis}): got {shapes}",
                "Both have the same number.",
            )
    if (q.shape[-2] % k.shape[-2]) if k.shape[-2] else q.shape[-2]:
        raise ShapeError(
            f"{called}: {q.shape[-2]} heads of queries do not share {k.shape[-2]} heads of keys "
            f"evenly: got {shapes}",
            "The heads of the keys (axis -2) divide those of the queries.",
        )


def _fitting(called: str, name: str, x: Any, whole: tuple[int, ...]) -> Any:
    shape = x.shape
    lead = len(whole) - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, whole[lead:], strict=True)):
        raise ShapeError(
            f"{called}: a {name} of shape {shape} does not broadcast to {whole}",
            "That is (batch, heads of queries, queries, keys).",
        )
    return x


def _visible(
    called: str,
    whole: tuple[int, ...],
    mask: Any,
    causal: bool,
    query_lengths: Any,
    key_lengths: Any,
    window: Any,
) -> Any:
    """Where a query may look at a key, broadcasting to ``whole``; None for everywhere."""
    batch, _, queries, keys = whole
    t, s = np.arange(queries)[:, None], np.arange(keys)
    found: list[Any] = []
    if mask is not None:
        mask = as_array(called, mask)
        if mask.dtype != np.bool_:
            raise DtypeError(
                f"{called}: a mask is boolean, True where a query may look, got {mask.dtype}",
                "Write mask.astype(bool), or pass scores to add as bias.",
            )
        found.append(_fitting(called, "mask", mask, whole))
    if causal:
        found.append(t >= s)
    if window is not None:
        left, right = (window, window) if isinstance(window, int) else window
        if left < 0 or right < 0:
            raise ArgumentError(
                f"{called}: got local_window_size={window}", "Give numbers of keys, 0 or more."
            )
        found.append((s >= t - left) & (s <= t + right))
    for name, lengths, positions in (
        ("query_seq_lengths", query_lengths, t),
        ("key_value_seq_lengths", key_lengths, s),
    ):
        if lengths is None:
            continue
        lengths = as_array(called, lengths)
        if lengths.dtype.kind not in "iu":
            raise DtypeError(
                f"{called}: {name} are integers, got {lengths.dtype}", "Write x.astype(int)."
            )
        if lengths.shape != (batch,):
            raise ShapeError(
                f"{called}: {name} have shape {(batch,)}, a number for each example, got "
                f"{lengths.shape}",
                "Give a vector.",
            )
        found.append(positions < np.reshape(lengths, (batch, 1, 1, 1)))
    seen = None
    for part in found:
        seen = part if seen is None else seen & part
    return seen
