"""Initialisers: functions of ``(key, shape, dtype)`` that give the first parameters.

Those for layers keep the variance of what passes through. With the number of inputs that an output
is a sum of (fan in), and of outputs that an input goes to (fan out):

| name | variance | for | source |
|---|---|---|---|
| ``lecun`` | ``1 / fan_in`` | linear layers, tanh, selu | LeCun, Bottou, Orr, Müller 1998 |
| ``glorot``, ``xavier`` | ``2 / (fan_in + fan_out)`` | both directions | Glorot, Bengio 2010 |
| ``he``, ``kaiming`` | ``2 / fan_in`` | rectifiers | He, Zhang, Ren, Sun 2015 |
| ``orthogonal`` | lengths and angles stay | deep and recurrent | Saxe, McClelland, Ganguli 2014 |
| ``delta_orthogonal`` | so of a convolution | deep convolutional | Xiao et al. 2018 |

They draw complex numbers where the dtype is complex.

A kernel is ``(*window, inputs, outputs)``, as `funcgrad.nn.conv` and a matrix in ``x @ W`` have it;
for another order give ``in_axis`` and ``out_axis``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import random
from .._publish import publish_all
from ..api.leaves import type_of
from ..errors import ArgumentError, DtypeError, ShapeError, entry
from ..numpy import at
from . import draws
from .checks import Array, lengths

__all__ = [
    "Initializer",
    "constant",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Initializer: TypeAlias = Callable[..., Array]
"""Called as ``init(key, shape, dtype=float)``."""

Axes: TypeAlias = int | Sequence[int]


def zeros(key: Array, shape: Sequence[int], dtype: Any = float) -> Array:
    """Zeros; the key is not read.

    >>> zeros(None, (2,))
    array([0., 0.])
    """
    return np.zeros(lengths("zeros", "shape", shape), dtype)


def ones(key: Array, shape: Sequence[int], dtype: Any = float) -> Array:
    """Ones; the key is not read."""
    return np.ones(lengths("ones", "shape", shape), dtype)


def constant(value: Array, dtype: Any = float) -> Initializer:
    """An initialiser that repeats ``value``.

    >>> constant(2.0)(None, (2,))
    array([2., 2.])
    """
    default = dtype

    @entry
    def init(key: Array, shape: Sequence[int], dtype: Any = default) -> Array:
        return np.full(lengths("constant", "shape", shape), value, dtype)

    return init


def uniform(scale: float = 1e-2, dtype: Any = float) -> Initializer:
    """An initialiser with uniform numbers from 0 to ``scale``."""
    default = dtype

    @entry
    def init(key: Array, shape: Sequence[int], dtype: Any = default) -> Array:
        return draws.scale(random.uniform(key, shape, dtype), scale)

    return init


def normal(stddev: float = 1e-2, dtype: Any = float) -> Initializer:
    """An initialiser with normal numbers of mean 0 and deviation ``stddev``.

    Complex ones are circular: real and imaginary part are independent, each of half the variance.
    """
    default = dtype

    @entry
    def init(key: Array, shape: Sequence[int], dtype: Any = default) -> Array:
        return draws.normal(key, shape, dtype, stddev)

    return init


def truncated_normal(
    stddev: float = 1e-2, dtype: Any = float, lower: float = -2.0, upper: float = 2.0
) -> Initializer:
    """An initialiser with normal numbers times ``stddev``, cut off at ``lower`` and ``upper``.

    The cut makes the deviation less than ``stddev``: 0.88 of it for the default bounds.
    """
    default = dtype

    @entry
    def init(key: Array, shape: Sequence[int], dtype: Any = default) -> Array:
        return draws.scale(random.truncated_normal(key, lower, upper, shape, dtype), stddev)

    return init


def variance_scaling(
    scale: float,
    mode: str,
    distribution: str,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    dtype: Any = float,
) -> Initializer:
    """An initialiser of mean 0 and variance ``scale / n``, of which the named ones are cases.

    Args:
        scale: A positive number.
        mode: What ``n`` is: ``"fan_in"``, ``"fan_out"``, their mean ``"fan_avg"``, or their
            geometric mean ``"fan_geo_avg"``. The fan in is the product of the lengths of all axes
            but ``out_axis`` and ``batch_axis``, the fan out that of all but ``in_axis`` and
            ``batch_axis``.
        distribution: ``"uniform"`` on ``sqrt(3 scale / n)`` to both sides of 0, ``"normal"``, or
            ``"truncated_normal"``, cut off at two deviations of the uncut one, with the right
            variance after the cut. In a complex dtype the distributions are those of the plane, on
            a disc in place of an interval, with ``E |z|**2`` the variance.
        in_axis: The axis or axes of the inputs.
        out_axis: The axis or axes of the outputs.
        batch_axis: Axes of kernels that do not meet: neither inputs nor outputs.
        dtype: The default dtype of the initialiser.

    Raises:
        ArgumentError: ``mode`` or ``distribution`` is none of these, or ``scale`` is not positive.
        ShapeError: When called: the shape has not these axes, or a fan is 0.

    >>> init = variance_scaling(1.0, "fan_in", "uniform")
    >>> W = init(random.key(0), (300, 10))
    >>> bool(np.abs(W).max() <= 0.1)
    True
    """
    if mode not in ("fan_in", "fan_out", "fan_avg", "fan_geo_avg"):
        raise ArgumentError(
            f"variance_scaling: got mode={mode!r}",
            "Give 'fan_in', 'fan_out', 'fan_avg' or 'fan_geo_avg'.",
        )
    for name, axes in (("in_axis", in_axis), ("out_axis", out_axis), ("batch_axis", batch_axis)):
        each: Any = axes if isinstance(axes, tuple | list) else [axes]
        if not all(isinstance(axis, int | np.integer) for axis in each):
            raise ArgumentError(
                f"variance_scaling: {name} is an axis, or several, got {type_of(axes)}",
                "An initialiser is made first and called then: he_normal()(key, shape).",
            )
    if distribution not in ("uniform", "normal", "truncated_normal"):
        raise ArgumentError(
            f"variance_scaling: got distribution={distribution!r}",
            "Give 'uniform', 'normal' or 'truncated_normal'.",
        )
    drawn = {
        "uniform": draws.uniform_around,
        "normal": draws.normal,
        "truncated_normal": draws.truncated,
    }[distribution]
    if not isinstance(scale, int | float | np.number) or not scale > 0:
        raise ArgumentError(
            f"variance_scaling: scale is positive, got {scale!r}", "Use zeros for zeros."
        )
    default = dtype

    @entry
    def init(key: Array, shape: Sequence[int], dtype: Any = default) -> Array:
        fan_in, fan_out = _fans(
            lengths("variance_scaling", "shape", shape), in_axis, out_axis, batch_axis
        )
        n = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": math.sqrt(fan_in * fan_out),
        }[mode]
        return drawn(key, shape, dtype, math.sqrt(scale / n) if n else 0.0)

    return init


def _fans(
    shape: tuple[int, ...], in_axis: Axes, out_axis: Axes, batch_axis: Axes
) -> tuple[float, float]:
    if len(shape) < 2:
        raise ShapeError(
            f"variance_scaling: a shape of {len(shape)} axes, {shape}, has no inputs and outputs",
            "Give (inputs, outputs), or initialise vectors with zeros, ones or normal.",
        )
    inputs, outputs, batch = [
        _product(shape, axes, name)
        for axes, name in (
            (in_axis, "in_axis"),
            (out_axis, "out_axis"),
            (batch_axis, "batch_axis"),
        )
    ]
    whole = math.prod(shape)
    if not whole:
        return 0.0, 0.0
    window = whole / (inputs * outputs * batch)
    return inputs * window, outputs * window


def _product(shape: tuple[int, ...], axes: Axes, name: str) -> int:
    rank = len(shape)
    chosen = (axes,) if isinstance(axes, int) else tuple(axes)
    for axis in chosen:
        if not -rank <= axis < rank:
            raise ShapeError(
                f"variance_scaling: {name}={axes} does not exist in shape {shape}",
                f"Pass axes from {-rank} to {rank - 1}.",
            )
    return math.prod([shape[axis] for axis in chosen])


def glorot_uniform(
    in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = float
) -> Initializer:
    """Uniform, of variance ``2 / (fan_in + fan_out)`` (Glorot and Bengio 2010).

    >>> glorot_uniform()(random.key(0), (3, 2)).shape
    (3, 2)
    """
    return variance_scaling(1.0, "fan_avg", "uniform", in_axis, out_axis, batch_axis, dtype)


def glorot_normal(
    in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = float
) -> Initializer:
    """Truncated normal, of variance ``2 / (fan_in + fan_out)`` (Glorot and Bengio 2010)."""
    return variance_scaling(
        1.0, "fan_avg", "truncated_normal", in_axis, out_axis, batch_axis, dtype
    )


def lecun_uniform(
    in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = float
) -> Initializer:
    """Uniform, of variance ``1 / fan_in`` (LeCun et al. 1998)."""
    return variance_scaling(1.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


def lecun_normal(
    in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = float
) -> Initializer:
    """Truncated normal, of variance ``1 / fan_in`` (LeCun et al. 1998)."""
    return variance_scaling(1.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


def he_uniform(
    in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = float
) -> Initializer:
    """Uniform, of variance ``2 / fan_in`` (He et al. 2015)."""
    return variance_scaling(2.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype)


def he_normal(
    in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = float
) -> Initializer:
    """Truncated normal, of variance ``2 / fan_in`` (He et al. 2015)."""
    return variance_scaling(2.0, "fan_in", "truncated_normal", in_axis, out_axis, batch_axis, dtype)


xavier_uniform, xavier_normal = glorot_uniform, glorot_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal


def orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = float) -> Initializer:
    """An initialiser with orthogonal matrices, uniformly distributed (Saxe et al. 2014).

    In a complex dtype they are unitary.

    The Q of the QR decomposition of a normal matrix, with the signs that make the diagonal of R
    positive (Mezzadri 2007). The axes but ``column_axis`` are taken together as rows; a matrix that
    is not square has orthonormal rows or columns, whichever are fewer.

    Args:
        scale: A factor.
        column_axis: The axis of the columns.
        dtype: The default dtype of the initialiser.

    Raises:
        ShapeError: When called with a shape of fewer than two axes.

    >>> Q = orthogonal()(random.key(0), (4, 3))
    >>> np.allclose(Q.T @ Q, np.eye(3))
    True
    """
    default = dtype

    @entry
    def init(key: Array, shape: Sequence[int], dtype: Any = default) -> Array:
        found = np.dtype(dtype)
        if found.kind not in "fc":
            raise DtypeError(
                f"orthogonal: dtype is a floating or complex one, got {found}", "Leave it out."
            )
        shape = lengths("orthogonal", "shape", shape)
        rank = len(shape)
        if rank < 2 or not -rank <= column_axis < rank:
            raise ShapeError(
                f"orthogonal: got shape {tuple(shape)} and column_axis={column_axis}",
                "Give a shape of two or more axes, one of them of the columns.",
            )
        columns = shape[column_axis]
        others = [n for i, n in enumerate(shape) if i != column_axis % rank]
        q = draws.orthonormal(key, math.prod(others), columns, found)
        placed = np.moveaxis(np.reshape(q, (*others, columns)), -1, column_axis)
        return (placed * scale).astype(found)

    return init


def delta_orthogonal(scale: float = 1.0, column_axis: int = -1, dtype: Any = float) -> Initializer:
    """An initialiser of kernels that are orthogonal in the middle of the window, and 0 elsewhere.

    Convolution with stride 1 then keeps lengths, whatever the window (Xiao et al. 2018, section
    4.2, algorithm 1), and networks of thousands of layers train.

    Args:
        scale: A factor.
        column_axis: The axis of the outputs, -1 or -2 for kernels in which it is the last but one.
        dtype: The dtype of the initialiser, real or complex.

    Raises:
        ArgumentError: ``column_axis`` is another.
        ShapeError: When called: the shape has fewer than three axes, or more inputs than outputs.

    >>> kernel = delta_orthogonal()(random.key(0), (3, 3, 4, 8))
    >>> np.allclose(kernel[1, 1] @ kernel[1, 1].T, np.eye(4))
    True
    """
    default = dtype
    if column_axis not in (-1, -2):
        raise ArgumentError(
            f"delta_orthogonal: column_axis is -1 or -2, got {column_axis!r}",
            "Kernels are (*window, inputs, outputs).",
        )

    @entry
    def init(key: Array, shape: Sequence[int], dtype: Any = default) -> Array:
        found = np.dtype(dtype)
        if found.kind not in "fc":
            raise DtypeError(
                f"delta_orthogonal: dtype is a floating or complex one, got {found}",
                "Leave it out.",
            )
        shape = lengths("delta_orthogonal", "shape", shape)
        window, pair = shape[:-2], shape[-2:]
        inputs, outputs = pair if column_axis == -1 else pair[::-1]
        if not window or inputs > outputs:
            raise ShapeError(
                f"delta_orthogonal: got shape {shape}",
                "Give (*window, inputs, outputs), with no more inputs than outputs.",
            )
        matrix = (draws.orthonormal(key, inputs, outputs, found) * scale).astype(found)
        matrix = matrix if column_axis == -1 else matrix.T
        middle = tuple([(n - 1) // 2 for n in window])
        if 0 in window:
            return np.zeros(shape, found)
        return at(np.zeros(shape, found))[middle].set(matrix)

    return init


publish_all(globals())
