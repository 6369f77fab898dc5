"""The NumPy that convolutions and pooling run; see `funcgrad.ops.kernels`.

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
    positions = [
        max(0, (n - (k - 1) * d - 1) // s + 1)
        for n, k, s, d in zip(x.shape[x.ndim - rank :], window, strides, dilation)
    ]
    return np.lib.stride_tricks.as_strided(
        x,
        (*lead, *window, *positions),
        (
            *x.strides[: x.ndim - rank],
            *[step * d for step, d in zip(steps, dilation)],
            *[step * s for step, s in zip(steps, strides)],
        ),
        writeable=False,
    )


def overlap_add(y: Any, shape: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """The transpose of `windows_of`: each window added to zeros of ``shape`` where it stood."""
    out = np.zeros((*y.shape[: y.ndim - 2 * len(window)], *shape), y.dtype)
    add_windows(out, y, window, strides, dilation)
    return out


def add_windows(out: Any, y: Any, window: Any, strides: Any, dilation: Any) -> None:
    """Add each window of ``y`` to ``out`` where it stands."""
    rank = len(window)
    positions = y.shape[y.ndim - rank :]
    for k in np.ndindex(*window) if y.size else ():
        spans = [
            slice(d * i, d * i + s * (n - 1) + 1, s)
            for i, n, s, d in zip(k, positions, strides, dilation)
        ]
        part = out[(..., *spans)]
        np.add(part, y[(..., *k, *[slice(None)] * rank)], out=part)


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


def convolution(x: Any, w: Any, strides: Any, dilation: Any, groups: Any) -> Any:
    """``y[n, o, p] = sum over c and k of x[n, c, strides * p + dilation * k] w[o, c, k]``.

    The channels of ``x`` and the kernels are in as many groups. The windows of a block of images
    are copied to the columns of a matrix for each group, and its kernels are the rows of another.
    """
    samples, outputs, window = len(x), len(w), w.shape[2:]
    view = windows_of(x, window, strides, dilation)
    positions = view.shape[2 + len(window) :]
    y = np.zeros((samples, outputs, *positions), x.dtype)
    if y.size and w.size:
        rows = w.reshape(groups, outputs // groups, -1)
        result = y.reshape(samples, groups, outputs // groups, -1)
        blocks = blocks_of(samples, view[0].size * x.itemsize)
        columns = np.empty((blocks[0].stop, *view.shape[1:]), x.dtype)
        matrices = columns.reshape(len(columns), groups, rows.shape[2], -1)
        for block in blocks:
            n = block.stop - block.start
            columns[:n] = view[block]
            np.matmul(rows, matrices[:n], out=result[block])
    return y


def convolution_input(y: Any, w: Any, shape: Any, strides: Any, dilation: Any, groups: Any) -> Any:
    """The transpose of `convolution` by ``x``, whose last axes have ``shape``."""
    samples, outputs, channels, window, positions = len(y), *w.shape[:2], w.shape[2:], y.shape[2:]
    x = np.zeros((samples, groups * channels, *shape), y.dtype)
    if x.size and y.size and w.size:
        # With zeros to the ends of the rows, a window's shift is one shift of all its image; but
        # zeros times infinities would be no zeros.
        level = len(shape) > 1 and max(strides) == 1 and bool(np.isfinite(w).all())
        broad = (positions[0], *shape[1:]) if level else positions
        rows = w.reshape(groups, outputs // groups, -1).swapaxes(1, 2)
        blocks = blocks_of(samples, rows.shape[1] * groups * int(np.prod(broad)) * y.itemsize)
        most = blocks[0].stop
        given = np.zeros((most, outputs, *broad), y.dtype)
        inner = given[(..., *[slice(n) for n in positions])]
        factors = given.reshape(most, groups, outputs // groups, -1)
        columns = np.empty((most, groups * channels, *window, *broad), y.dtype)
        matrices = columns.reshape(most, groups, rows.shape[1], -1)
        flat = x.reshape(samples, groups * channels, -1)
        for block in blocks:
            n = block.stop - block.start
            inner[:n] = y[block]
            np.matmul(rows, factors[:n], out=matrices[:n])
            if level:
                add_images(flat[block], columns[:n], shape, window, dilation)
            else:
                add_windows(x[block], columns[:n], window, strides, dilation)
    return x


def add_images(flat: Any, y: Any, shape: Any, window: Any, dilation: Any) -> None:
    """`add_windows` at strides of 1 to images as rows, from parts that are as wide as those."""
    parts = y.reshape(*y.shape[: 2 + len(window)], -1)
    for k in np.ndindex(*window):
        start = 0
        for i, d, n in zip(k, dilation, shape):
            start = start * n + d * i
        part = flat[..., start : start + parts.shape[-1]]
        np.add(part, parts[(..., *k, slice(part.shape[-1]))], out=part)


def convolution_kernel(
    x: Any, y: Any, window: Any, strides: Any, dilation: Any, groups: Any
) -> Any:
    """The transpose of `convolution` by ``w``, whose last axes have the lengths of ``window``."""
    samples, channels, outputs = len(x), x.shape[1] // groups, y.shape[1]
    w = np.zeros((outputs, channels, *window), x.dtype)
    if w.size and x.size and y.size:
        view = np.moveaxis(windows_of(x, window, strides, dilation), 0, 1 + len(window))
        given = np.moveaxis(y, 0, 1)
        total = np.zeros((groups, channels * int(np.prod(window)), outputs // groups), x.dtype)
        blocks = blocks_of(samples, view.size // samples * x.itemsize)
        space = np.empty(view.size // samples * blocks[0].stop, x.dtype)
        for block in blocks:
            part = view[(*[slice(None)] * (1 + len(window)), block)]
            columns = space[: part.size].reshape(part.shape)
            columns[...] = part
            rows = given[:, block].reshape(groups, outputs // groups, -1)
            total += columns.reshape(groups, total.shape[1], -1) @ rows.swapaxes(1, 2)
        w.reshape(groups, outputs // groups, -1)[...] = total.swapaxes(1, 2)
    return w
