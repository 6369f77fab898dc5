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
    z = np.zeros(shape, np.asarray(y).dtype)
    if np.size(y) * 4 >= z.size and any(type(part) is slice for part in index):
        # Adding whole rows is slow in np.add.at, adding to places of the flat array is fast.
        places = np.arange(z.size).reshape(shape)[index]
        np.add.at(z.reshape(-1), places.reshape(-1), np.reshape(y, -1))
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
        np.add.at(z, index, y)
    else:
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
