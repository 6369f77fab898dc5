"""The NumPy that scatters and functional updates run; see `funcgrad.ops.kernels`.

Each function uses nothing but ``np`` and those here: generated source holds a copy of their text.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def scatter(y: Any, index: Any, shape: Any) -> Any:
    """Zeros of ``shape`` with ``y`` at ``index``, which means no place twice."""
    z = np.zeros(shape, np.asarray(y).dtype)
    z[index] = y
    return z if z.ndim else z[()]


def scatter_add(y: Any, index: Any, shape: Any) -> Any:
    """Zeros of ``shape`` with ``y`` added at ``index``, where places may repeat."""
    return add_repeated(np.zeros(shape, np.asarray(y).dtype), y, index)


def add_repeated(z: Any, y: Any, index: Any) -> Any:
    """``z`` after ``numpy.add.at(z, index, y)``, in the same order of additions.

    That is fast for vectors alone. Where the index takes whole rows or columns it is done to each
    of a few vectors, or to many as one flat vector.
    """
    positions = max([part.size for part in index if type(part) is np.ndarray], default=1)
    few = positions < 64 and np.size(y) < 64
    if few or z.ndim == np.ndim(y) == 1 or not z.flags.c_contiguous or not z.size:
        np.add.at(z, index, y)
        return z
    parts, spare = [], z.ndim - sum(part is not None and part is not ... for part in index)
    for part in index if any(part is ... for part in index) else (*index, ...):
        parts += [slice(None)] * spare if part is ... else [part]
    axes = [i for i, part in enumerate(parts) if type(part) is not slice]
    first, last = axes[0], axes[-1] + 1
    together = len(axes) == last - first and not any(part is None for part in parts)
    whole = all(part == slice(None) for part in parts if type(part) is slice)
    before, after = [int(np.prod(part)) for part in (z.shape[:first], z.shape[last:])]
    if together and whole and positions >= 64 and (before == 1 or before * after <= 32):
        rows: Any = parts[first]
        if len(axes) > 1:
            rows, step = np.zeros((), np.intp), 1
            for axis in range(last - 1, first - 1, -1):
                n = z.shape[axis]
                along = np.arange(0, n * step, step).reshape((1,) * axis + (n,))
                rows, step = rows + along[(0,) * axis + (parts[axis],)], step * n
        shape = z.shape[:first] + rows.shape + z.shape[last:]
        y = (y if np.shape(y) == shape else np.broadcast_to(y, shape)).reshape(before, -1, after)
        rows = rows.reshape(-1).astype(np.intp, copy=False)
        if before * after > 32:
            positions = np.arange(0, z.size, after)[rows][:, None] + np.arange(after)
            np.add.at(z.reshape(-1), positions.reshape(-1), y.reshape(-1))
        else:
            vectors = z.reshape(before, -1, after)
            for i, j in np.ndindex(before, after):
                np.add.at(vectors[i, :, j], rows, y[i, :, j])
    elif np.size(y) * 4 >= z.size and not whole:
        positions = np.arange(z.size).reshape(z.shape)[index]
        values = np.broadcast_to(y, positions.shape).reshape(-1)
        np.add.at(z.reshape(-1), positions.reshape(-1), values)
    else:
        np.add.at(z, index, y)
    return z


def add_at(z: Any, *parts: Any) -> Any:
    """``z``, a new array, after each part was added at its index."""
    for y, index in parts:
        z[index] += y
    return z


def index_set(x: Any, y: Any, index: Any) -> Any:
    """A copy of ``x`` with ``y`` at ``index``."""
    z = np.array(x)
    z[index] = y
    return z if z.ndim else z[()]


def index_add(x: Any, y: Any, index: Any) -> Any:
    """A copy of ``x`` with ``y`` added at ``index``; to a place that repeats, each time."""
    z = add_in(np.array(x), y, index)
    return z if z.ndim else z[()]


def put_at(z: Any, y: Any, index: Any) -> Any:
    """``z``, which nobody else reads, after ``z[index] = y``."""
    z[index] = y
    return z


def add_in(z: Any, y: Any, index: Any) -> Any:
    """``z``, which nobody else reads, with ``y`` added at ``index``, each time a place repeats."""
    if any(type(part) is np.ndarray for part in index):
        return add_repeated(z, y, index)
    z[index] += y
    return z


def scatter_onto(x: Any, y: Any, index: Any) -> Any:
    """``x`` plus zeros with ``y`` at ``index``, which means no place twice; -0.0 becomes 0.0."""
    part, z = x[index] + y, x + 0.0
    z[index] = part
    return z


def scatter_in(z: Any, y: Any, index: Any) -> Any:
    """``z``, which nobody else reads, after zeros with ``y`` at ``index`` were added."""
    part = z[index] + y
    z += 0.0
    z[index] = part
    return z


def last_writes(index: Any, shape: Any) -> Any:
    """Which elements of ``y`` in ``z[index] = y`` are not overwritten by a later one."""
    z = np.zeros(shape, np.intp)
    order = np.arange(z[index].size).reshape(z[index].shape)
    z[index] = order
    return z[index] == order
