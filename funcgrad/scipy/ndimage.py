"""`scipy.ndimage.map_coordinates` on tracers: arrays read between their elements.

Splines of order 0 to 5, whose coefficients are a linear map of the array, along each axis a matrix
(SciPy's filter of the identity); the value is a sum over the splines that overlap, as SciPy's is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import numpy as fnp
from .._publish import publish_all
from ..api.program import stop_gradient
from ..core.trace import aval_of
from ..errors import ArgumentError, DtypeError, MissingExtraError, ShapeError
from ..numpy.arguments import cast, operand
from .watched import holds_tracer

try:
    from scipy import ndimage
except ImportError as error:
    raise MissingExtraError(
        "funcgrad.scipy.ndimage needs SciPy, which is not installed",
        "Install it: pip install 'funcgrad[scipy]'.",
    ) from error

__all__ = ["map_coordinates"]

_MODES = {
    "reflect": "reflect",
    "grid-mirror": "reflect",
    "constant": "constant",
    "grid-constant": "grid-constant",
    "nearest": "nearest",
    "mirror": "mirror",
    "grid-wrap": "grid-wrap",
    "wrap": "wrap",
}
_PAD = 12
"""By how many elements SciPy pads where a boundary has no exact filter."""

# The pieces of the cardinal B-splines in the distance t >= 0 from their middle, from the inside
# out, each as coefficients of 1, t, t**2, ... (de Boor, A Practical Guide to Splines, 1978).
_PIECES: dict[int, list[list[float]]] = {
    0: [[1.0]],
    1: [[1.0, -1.0]],
    2: [[3 / 4, 0.0, -1.0], [9 / 8, -3 / 2, 1 / 2]],
    3: [[2 / 3, 0.0, -1.0, 1 / 2], [4 / 3, -2.0, 1.0, -1 / 6]],
    4: [
        [115 / 192, 0.0, -5 / 8, 0.0, 1 / 4],
        [55 / 96, 5 / 24, -5 / 4, 5 / 6, -1 / 6],
        [625 / 384, -125 / 48, 25 / 16, -5 / 12, 1 / 24],
    ],
    5: [
        [11 / 20, 0.0, -1 / 2, 0.0, 1 / 4, -1 / 12],
        [17 / 40, 5 / 8, -7 / 4, 5 / 4, -3 / 8, 1 / 24],
        [81 / 40, -27 / 8, 9 / 4, -3 / 4, 1 / 8, -1 / 120],
    ],
}


def map_coordinates(
    input: Any,
    coordinates: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    """Values of an array at coordinates: `scipy.ndimage.map_coordinates`, with derivatives.

    Differentiable in ``input``, in ``cval``, and from order 1 on in ``coordinates``, as often as
    the spline of that order is; at the knots of order 1 the derivative is that to the right.

    Args:
        input: An array of ``r`` axes.
        coordinates: Shape ``(r, ...)``: for each axis where to read.
        output: The dtype of the result, by default that of ``input``.
        order: The order of the spline, 0 to 5.
        mode: What lies beyond the ends: ``"constant"``, ``"grid-constant"``, ``"nearest"``,
            ``"mirror"``, ``"reflect"`` or ``"grid-mirror"``, ``"wrap"``, ``"grid-wrap"``.
        cval: The value beyond the ends, for the constant modes.
        prefilter: False where ``input`` holds the coefficients of the spline already.

    Returns:
        Shape ``coordinates.shape[1:]``.

    Raises:
        DtypeError: Where something is traced, ``input`` or the result are integers: their
            derivative would be 0, for the result is rounded.
        ArgumentError: ``output`` is an array and something is traced.
        ShapeError: The coordinates do not have one row an axis.
        RuntimeError: The order is none, or there is no mode of the name.

    >>> from funcgrad import grad
    >>> image = np.array([[0.0, 1.0], [2.0, 3.0]])
    >>> grad(lambda x: map_coordinates(image, [[x], [0.5]], order=1)[0])(0.25)
    np.float64(2.0)
    """
    if not holds_tracer(input, coordinates, cval):
        return ndimage.map_coordinates(
            np.asarray(input), coordinates, output, order, mode, cval, prefilter
        )
    values, points = operand(input), operand(coordinates)
    dtype = _result(values, output)
    if order not in _PIECES:
        raise RuntimeError("spline order not supported")
    if mode not in _MODES:
        raise RuntimeError("boundary mode not supported")
    if aval_of(points).dtype.kind == "c":
        raise DtypeError("scipy.ndimage.map_coordinates: complex coordinates", "Give real ones.")
    values = cast(values, np.complex128 if aval_of(values).dtype.kind == "c" else np.float64)
    points = cast(points, np.float64)
    rank = values.ndim
    if rank < 1 or points.ndim < 1 or points.shape[0] != rank:
        raise ShapeError(
            f"scipy.ndimage.map_coordinates: got an array of shape {values.shape} and coordinates "
            f"of shape {points.shape}",
            "Give coordinates of shape (r, ...) for an array of r axes.",
        )
    mode, pad = _MODES[mode], 0
    if prefilter and order > 1:
        if mode == "nearest":
            values, pad = np.pad(values, _PAD, mode="edge"), _PAD
        elif mode == "grid-constant":
            values, pad = np.pad(values, _PAD, constant_values=cval), _PAD
        values = _coefficients(values, order, mode)
    shape = points.shape[1:]
    flat = np.reshape(points, (rank, -1)) + pad
    return cast(np.reshape(_interpolate(values, flat, order, mode, cval), shape), dtype)[()]


def _result(values: Any, output: Any) -> np.dtype[Any]:
    own = aval_of(values).dtype
    if isinstance(output, np.ndarray):
        raise ArgumentError(
            "scipy.ndimage.map_coordinates: output= would write to an array, and something is "
            "traced",
            "Leave output= away, or give a dtype.",
        )
    dtype = own if output is None else np.dtype(output)
    if own.kind not in "fc" or dtype.kind not in "fc":
        raise DtypeError(
            f"scipy.ndimage.map_coordinates: the input is {aval_of(values)} and the result "
            f"{dtype}; SciPy rounds it, and its derivative is 0",
            "Convert the input: map_coordinates(input.astype(float), ...).",
        )
    return dtype


def _coefficients(values: Any, order: int, mode: str) -> Any:
    """The coefficients of the spline through ``values``."""
    for axis in range(values.ndim):
        identity = np.eye(values.shape[axis])
        matrix = ndimage.spline_filter1d(identity, order, axis=0, mode=mode)
        values = np.moveaxis(np.moveaxis(values, axis, -1) @ matrix.T, -1, axis)
    return values


def _interpolate(values: Any, points: Any, order: int, mode: str, cval: Any) -> Any:
    """The spline of coefficients ``values`` at ``points`` ``(r, n)``."""
    # Modes whose coefficients SciPy filters as if mirrored are read so.
    edges = "mirror" if mode in ("constant", "wrap") else mode
    outside: Any = False
    positions: list[Any] = []
    weights: list[Any] = []
    for axis, length in enumerate(values.shape):
        x, beyond = points[axis], False
        if mode != "nearest":
            x, beyond = _fold_coordinates(x, length, mode)
        outside = outside | beyond
        held = stop_gradient(x)
        base = np.floor(held) if order % 2 else np.floor(held + 0.5)
        steps = np.arange(order + 1.0)[:, None] - order // 2
        index = base + steps
        weights.append(_weights(x - base, order))
        positions.append(
            index if mode == "grid-constant" else _fold_coordinates(index, length, edges)[0]
        )
    rank = values.ndim
    total: Any = 1.0
    missing: Any = False
    flat: Any = 0
    for axis, length in enumerate(values.shape):
        spread = (*[1] * axis, order + 1, *[1] * (rank - axis - 1), -1)
        position = positions[axis]
        if mode == "grid-constant":
            missing = missing | np.reshape((position < 0) | (position > length - 1), spread)
        index = cast(np.clip(position, 0, length - 1), np.int64)
        flat = flat * length + np.reshape(index, spread)
        total = total * np.reshape(weights[axis], spread)
    read = fnp.take(np.reshape(values, -1), flat)
    if mode == "grid-constant":
        read = np.where(missing, cval, read)
    found = np.sum(total * read, axis=tuple(range(rank)))
    return np.where(outside, cval, found) if mode == "constant" else found


def _weights(x: Any, order: int) -> Any:
    """The splines at distance ``x`` from the place below, or for even orders the nearest."""
    rows: list[Any] = []
    for k in range(order + 1):
        t = x - (k - order // 2)
        # Its sign is known but for the middle spline of an even order, which is even in t.
        distance = t if k <= order // 2 else -t
        inside = abs(order // 2 - k) if order % 2 == 0 or k <= order // 2 else k - order // 2 - 1
        coefficients = _PIECES[order][inside]
        total: Any = coefficients[-1] + 0.0 * x
        for c in reversed(coefficients[:-1]):
            total = total * distance + c
        rows.append(total)
    return np.stack(rows)


def _fold_coordinates(x: Any, length: int, mode: str) -> tuple[Any, Any]:
    """Coordinates within the array, as they are for `mode`, and which are beyond its ends."""
    held = stop_gradient(x)
    low, high = held < 0, held > length - 1
    beyond = low | high
    if mode == "grid-constant":
        return x, False
    if mode == "constant":
        return np.where(beyond, 0.0, x), beyond
    if mode == "nearest":
        return np.clip(x, 0.0, length - 1.0), False
    if length <= 1:
        return 0.0 * x, False
    if mode == "wrap":
        period = length - 1.0
        below = period * (np.floor(-held / period) + 1.0)
        above = -period * np.floor(held / period)
    elif mode == "grid-wrap":
        below = length * (np.trunc((-1.0 - held) / length) + 1.0)
        above = -length * np.floor(held / length)
    else:
        return _reflect_coordinates(x, held, length, mode), False
    return x + np.where(low, below, np.where(high, above, 0.0)), False


def _reflect_coordinates(x: Any, held: Any, length: int, mode: str) -> Any:
    """`_fold_coordinates` for the modes that turn around at the ends."""
    low, high = held < 0, held > length - 1
    period = 2.0 * length - (2.0 if mode == "mirror" else 0.0)
    last = 0.0 if mode == "mirror" else 1.0
    down = period * np.floor(-held / period)
    lower = held + down
    back = lower <= 1.0 - length if mode == "mirror" else lower < -length
    up = -period * np.floor(held / period)
    over = held + up >= length
    sign = np.where((low & ~back) | (high & over), -1.0, 1.0)
    below = np.where(back, down + period, -down - last)
    above = np.where(over, period - up - last, up)
    return sign * x + np.where(low, below, np.where(high, above, 0.0))


publish_all(globals())
