"""The NumPy that shapes, scans and contractions run; see `funcgrad.ops.kernels`.

Each function uses nothing but ``np``: generated source holds a copy of its text.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def pad_constant(x: Any, widths: Any, value: Any) -> Any:
    """``x`` with ``widths`` times ``value``, ``(before, after)``, around each axis."""
    shape = tuple([n + before + after for n, (before, after) in zip(x.shape, widths)])
    out = np.full(shape, value, x.dtype) if value else np.zeros(shape, x.dtype)
    out[tuple([slice(before, before + n) for n, (before, _) in zip(x.shape, widths)])] = x
    return out


def diagonal_of(x: Any, offset: Any, rows: Any, columns: Any) -> Any:
    """Zeros of shape ``(..., rows, columns)`` with ``x`` on their diagonals ``offset``."""
    out = np.zeros((*x.shape[:-1], rows, columns), x.dtype)
    i = np.arange(x.shape[-1])
    out[..., i - min(offset, 0), i + max(offset, 0)] = x
    return out


def attained(x: Any, extremum: Any, axes: Any) -> Any:
    """Where ``x`` equals its extremum over ``axes``; a nan equals a nan."""
    extremum = np.reshape(extremum, [1 if i in axes else n for i, n in enumerate(x.shape)])
    if np.not_equal(extremum, extremum).any():
        return np.equal(x, extremum) | np.not_equal(x, x)
    return np.equal(x, extremum)


def deviation(t: Any, s: Any, axes: Any, masked: Any) -> Any:
    """``t - sum(s * t)`` over ``axes``; ``t`` counts from that of an ``s`` that is nearly 1.

    Where ``masked``, an ``s`` of 0 makes a product 0, whatever ``t`` is.
    """
    if s.size and s.max() > 0.9:
        t = t - np.add.reduce(np.where(s > 0.9, t, 0), axes, keepdims=True)
    product = np.where(np.equal(s, 0), 0, t) * s if masked else t * s
    total = np.add.reduce(product, axes, keepdims=True)
    return np.subtract(t, total, out=product)


def balance(c: Any, s: Any, axes: Any) -> Any:
    """``c - s * sum(c)`` over ``axes``, which sums to 0: so it is made where ``s`` is nearly 1."""
    z = s * np.add.reduce(c, axes, keepdims=True)
    np.subtract(c, z, out=z)
    if s.size and s.max() > 0.9:
        most = s > 0.9
        others = np.add.reduce(np.where(most, 0, z), axes, keepdims=True)
        z = np.where(most, -others, z)
    return z


def shares(e: Any, total: Any, axes: Any) -> Any:
    """``e / total`` for the total of ``e`` over ``axes``; infinite ones share a total of inf."""
    with np.errstate(invalid="ignore"):
        s = e / total
        if s.size and s.min() != s.min():
            top = np.isinf(e)
            equal = top / np.add.reduce(top, axes, e.dtype, keepdims=True)
            s = np.where(np.isinf(total), equal, s)
    return s


def excess(s: Any, labels: Any) -> Any:
    """Rows ``s``, which sum to 1, less the rows of the identity that ``labels`` say."""
    z = np.array(s).reshape(-1, s.shape[-1])
    rows, positions = np.arange(len(z)), np.reshape(labels, -1)
    own = z[rows, positions]
    less = own - 1
    if own.size and own.max() > 0.9:
        z[rows, positions] = 0
        less = np.where(own > 0.9, -np.add.reduce(z, 1), less)
    z[rows, positions] = less
    return z.reshape(s.shape)


def log_total(total: Any, e: Any, axes: Any) -> Any:
    """``log(total)``, ``total`` the sum of ``e`` over ``axes``, precise where one 1 is most of it.

    Below 1.5 there is one, and the others sum to what is small.
    """
    value = np.log(total)
    if total.size and total.min() < 1.5:
        rest = np.add.reduce(np.where(e == 1, 0, e), axes, keepdims=True)
        value = np.where((total < 1.5) & (total >= 1), np.log1p(rest), value)
    return value


def linear_recurrence(a: Any, b: Any, axis: Any, reverse: Any) -> Any:
    """``s[i] = a[i] s[i-1] + b[i]`` along ``axis``, from its end where ``reverse``."""
    turn = slice(None, None, -1) if reverse else slice(None)
    factors = np.moveaxis(a, axis, 0)[turn]
    terms = np.moveaxis(b, axis, 0)[turn]
    out = np.empty(b.shape, b.dtype)
    states = np.moveaxis(out, axis, 0)[turn]
    state = np.zeros(terms.shape[1:], b.dtype)[()]
    for i in range(len(terms)):
        state = factors[i] * state + terms[i]
        states[i] = state
    return out


def contract(x: Any, y: Any, spec: str) -> Any:
    """``numpy.einsum(spec, x, y)`` by one batched matrix product, whatever the order of the axes.

    Axes are brought into the order batch, free, contracted and merged; those merges copy where the
    memory does not allow a view.
    """
    operands, out = spec.split("->")
    a, b = operands.split(",")
    batch = [c for c in out if c in a and c in b]
    kept_a = [c for c in a if c in out and c not in b]
    kept_b = [c for c in b if c in out and c not in a]
    summed = [c for c in a if c not in out]
    size = dict(zip(a, x.shape))
    size.update(zip(b, y.shape))

    def length(axes: Any) -> int:
        return int(np.prod([size[c] for c in axes], dtype=int))

    lead = tuple([size[c] for c in batch])
    x = x.transpose([a.index(c) for c in batch + kept_a + summed])
    y = y.transpose([b.index(c) for c in batch + summed + kept_b])
    x = x.reshape((*lead, length(kept_a), length(summed)))
    y = y.reshape((*lead, length(summed), length(kept_b)))
    order = batch + kept_a + kept_b
    product = np.matmul(x, y).reshape([size[c] for c in order])
    return product.transpose([order.index(c) for c in out])


def search_sorted(a: Any, v: Any, side: Any) -> Any:
    """`numpy.searchsorted`; leading axes of ``a`` are axes of ``v`` too, one search for each."""
    if np.ndim(a) == 1:
        return np.searchsorted(a, v, side)
    n = np.shape(a)[-1]
    if not n:
        return np.zeros(np.shape(v), np.intp)
    rows = np.reshape(a, (-1, n))
    parts = np.reshape(v, (len(rows), -1))
    found = np.empty(parts.shape, np.intp)
    for i in range(len(rows)):
        found[i] = np.searchsorted(rows[i], parts[i], side)
    return found.reshape(np.shape(v))


def convolved(x: Any, y: Any) -> Any:
    """The full convolution along the last axis; leading axes, which both have, are kept."""
    if np.ndim(x) == 1:
        return np.convolve(x, y)
    if np.shape(x)[-1] < np.shape(y)[-1]:
        x, y = y, x
    n, m = np.shape(x)[-1], np.shape(y)[-1]
    z = np.zeros((*np.shape(x)[:-1], n + m - 1), np.result_type(x, y))
    for i in range(m):
        z[..., i : i + n] += x * y[..., i : i + 1]
    return z
