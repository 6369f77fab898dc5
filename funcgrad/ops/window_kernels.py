"""Floor 3: the NumPy that convolutions and pooling run; see `funcgrad.ops.kernels`.

Each function uses nothing but ``np`` and others of this file: generated source holds a copy of its
text. The windows are always over the last axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def windows_of(x: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """A read-only view of the windows of ``x``: its first axes, then ``window``, then the places.

    ``view[..., k, p] = x[..., dilation * k + strides * p]`` along each of the last axes.
    """
    rank = len(window)
    lead, steps = x.shape[: x.ndim - rank], x.strides[x.ndim - rank :]
    places = [
        max(0, (n - (k - 1) * d - 1) // s + 1)
        for n, k, s, d in zip(x.shape[x.ndim - rank :], window, strides, dilation)
    ]
    return np.lib.stride_tricks.as_strided(
        x,
        (*lead, *window, *places),
        (
            *x.strides[: x.ndim - rank],
            *[step * d for step, d in zip(steps, dilation)],
            *[step * s for step, s in zip(steps, strides)],
        ),
        writeable=False,
    )


def overlap_add(y: Any, shape: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """The transpose of `windows_of`: each window added to zeros of ``shape`` where it stood."""
    rank = len(window)
    places = y.shape[y.ndim - rank :]
    out = np.zeros((*y.shape[: y.ndim - 2 * rank], *shape), y.dtype)
    if y.size:
        for k in np.ndindex(*window):
            spans = [
                slice(d * i, d * i + s * (n - 1) + 1, s)
                for i, n, s, d in zip(k, places, strides, dilation)
            ]
            out[(..., *spans)] += y[(..., *k, *[slice(None)] * rank)]
    return out


def window_fold(x: Any, combine: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """The elements of each window combined by a ufunc, one axis after the other."""
    lead = x.ndim - len(window)
    out = x
    for axis, (k, s, d) in enumerate(zip(window, strides, dilation), lead):
        count = max(0, (out.shape[axis] - (k - 1) * d - 1) // s + 1)
        parts = [
            out[(*[slice(None)] * axis, slice(d * i, d * i + s * max(count - 1, 0) + 1, s))]
            for i in range(k)
        ]
        if not count:
            parts = [part[(*[slice(None)] * axis, slice(0, 0))] for part in parts]
        out = combine(parts[0], parts[1]) if k > 1 else parts[0]
        for part in parts[2:]:
            combine(out, part, out=out)
    return out.copy() if out.base is not None or out is x else out


def window_sum(x: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """The sum of each window."""
    return window_fold(x, np.add, window, strides, dilation)


def window_max(x: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """The largest element of each window."""
    return window_fold(x, np.maximum, window, strides, dilation)


def window_min(x: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """The smallest element of each window."""
    return window_fold(x, np.minimum, window, strides, dilation)


def window_attained(x: Any, out: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """Where the windows of ``x`` equal ``out``, one element for each; a nan equals a nan."""
    rank = len(window)
    view = windows_of(x, window, strides, dilation)
    at = out.reshape((*out.shape[: out.ndim - rank], *[1] * rank, *out.shape[out.ndim - rank :]))
    if np.not_equal(at, at).any():
        return np.equal(view, at) | np.not_equal(view, view)
    return np.equal(view, at)


def blocks_of(samples: Any, bytes_each: Any) -> Any:
    """Slices of so many samples that the copies of their windows stay in the cache."""
    size = max(1, 262144 // max(1, bytes_each))
    return [slice(i, min(i + size, samples)) for i in range(0, samples, size)]


def convolution(x: Any, w: Any, strides: Any, dilation: Any) -> Any:
    """``y[n, g, o, p] = sum over c and k of x[n, g, c, strides * p + dilation * k] w[g, o, c, k]``.

    The windows of a block of samples are copied to the columns of matrices, and the kernels are the
    rows of another.
    """
    groups, outputs, window = w.shape[0], w.shape[1], w.shape[3:]
    view = windows_of(x, window, strides, dilation)
    places = view.shape[3 + len(window) :]
    y = np.zeros((len(x), groups, outputs, int(np.prod(places))), x.dtype)
    if y.size and w.size:
        rows = w.reshape(groups, outputs, -1)
        for block in blocks_of(len(x), view[0].size * x.itemsize):
            columns = view[block].reshape(-1, groups, rows.shape[2], y.shape[3])
            np.matmul(rows, columns, out=y[block])
    return y.reshape(len(x), groups, outputs, *places)


def convolution_input(y: Any, w: Any, shape: Any, strides: Any, dilation: Any) -> Any:
    """The transpose of `convolution` by ``x``, whose last axes have ``shape``."""
    groups, outputs, channels, window, places = *w.shape[:3], w.shape[3:], y.shape[3:]
    x = np.zeros((len(y), groups, channels, *shape), y.dtype)
    if x.size and y.size and w.size:
        rows = w.reshape(groups, outputs, -1).swapaxes(1, 2)
        columns = y.reshape(len(y), groups, outputs, -1)
        for block in blocks_of(len(y), w[:, 0].size * columns.shape[3] * y.itemsize):
            parts = (rows @ columns[block]).reshape(-1, groups, channels, *window, *places)
            x[block] = overlap_add(parts, shape, window, strides, dilation)
    return x


def convolution_kernel(x: Any, y: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """The transpose of `convolution` by ``w``, whose last axes have the lengths of ``window``."""
    groups, channels, outputs = x.shape[1], x.shape[2], y.shape[2]
    w = np.zeros((groups, outputs, channels * int(np.prod(window))), x.dtype)
    if w.size and x.size and y.size:
        view = windows_of(x, window, strides, dilation)
        for block in blocks_of(len(x), view[0].size * x.itemsize):
            columns = np.moveaxis(view[block], 0, 2 + len(window))
            rows = np.moveaxis(y[block], 0, 2).reshape(groups, outputs, -1)
            w += rows @ columns.reshape(groups, w.shape[2], -1).swapaxes(1, 2)
    return w.reshape(groups, outputs, channels, *window)
