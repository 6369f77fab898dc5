"""NumPy's scans and sorting for tracers, and differences of neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import ShapeError
from ..ops import scan as ops
from ..ops import sort as order_ops
from ..ops.linear import reshape, shape_of
from .arguments import along, axis_of, cast, is_given, operand
from .dispatch import has_tracer, implements, refuse, register
from .reduce import to_accumulator

__all__ = [
    "argsort",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "diff",
    "sort",
]


def _along(scan: Any, a: Any, axis: Any, dtype: Any) -> Any:
    x = operand(a)
    x = to_accumulator(x, aval_of(x).dtype, dtype)
    if axis is None or not shape_of(x):
        x = reshape(x, (aval_of(x).size,))
        axis = axis or 0
    found = scan(x, axis_of(axis, len(shape_of(x))))
    return found if dtype is None else cast(found, dtype)


@implements(np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``numpy.cumsum``; its gradient is the cumulative sum of the cotangent from the end."""
    refuse("cumsum", out=out)
    return _along(ops.cumsum, a, axis, dtype)


@implements(np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """``numpy.cumprod``; its gradient is exact at zeros."""
    refuse("cumprod", out=out)
    return _along(ops.cumprod, a, axis, dtype)


def _cumulative(name: str, scan: Any, x: Any, axis: Any, dtype: Any, first: Any) -> Any:
    x = operand(x)
    x = x if shape_of(x) else reshape(x, (1,))
    shape = shape_of(x)
    if axis is None:
        if len(shape) > 1:
            raise ShapeError(
                f"numpy.{name}: axis= must be given for an array of {len(shape)} dimensions",
                "Write axis=0 for the first.",
            )
        axis = 0
    found = _along(scan, x, axis, dtype)
    if first is None:
        return found
    position = axis_of(axis, len(shape))
    start = np.full((*shape[:position], 1, *shape[position + 1 :]), first, aval_of(found).dtype)
    return np.concatenate([start, found], position)


if hasattr(np, "cumulative_sum"):

    @implements(np.cumulative_sum)
    def cumulative_sum(
        x: Any,
        /,
        *,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        include_initial: bool = False,
    ) -> Any:
        """``numpy.cumulative_sum``."""
        refuse("cumulative_sum", out=out)
        first = 0 if include_initial else None
        return _cumulative("cumulative_sum", ops.cumsum, x, axis, dtype, first)

    @implements(np.cumulative_prod)
    def cumulative_prod(
        x: Any,
        /,
        *,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        include_initial: bool = False,
    ) -> Any:
        """``numpy.cumulative_prod``."""
        refuse("cumulative_prod", out=out)
        first = 1 if include_initial else None
        return _cumulative("cumulative_prod", ops.cumprod, x, axis, dtype, first)


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: Any = -1, prepend: Any = None, append: Any = None) -> Any:
    """``numpy.diff``: differences of neighbours along ``axis``, ``n`` times."""
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    x = operand(a)
    if n == 0:
        return x
    shape = shape_of(x)
    if not shape:
        raise ValueError("diff requires input that is at least one dimensional")
    position = axis_of(axis, len(shape))
    edges = [_edge(part, shape, position) for part in (prepend, append)]
    parts = [part for part in (edges[0], x, edges[1]) if part is not None]
    if len(parts) > 1:
        x = np.concatenate(parts, position)
    lead = (slice(None),) * position
    for _ in range(n):
        later, earlier = x[(*lead, slice(1, None))], x[(*lead, slice(None, -1))]
        # Booleans differ where they are not equal.
        x = later != earlier if aval_of(x).dtype.kind == "b" else later - earlier
    return x


def _edge(part: Any, shape: tuple[int, ...], axis: int) -> Any:
    """What stands before or after the first difference; a number stands in every row."""
    if not is_given(part):
        return None
    part = operand(part)
    if shape_of(part):
        return part
    return np.broadcast_to(part, (*shape[:axis], 1, *shape[axis + 1 :]))


@register(np.sort)
def sort(
    a: Any,
    axis: Any = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
    descending: bool = False,
) -> Any:
    """``numpy.sort``, and ``descending`` of the array API standard, which NumPy does not have yet.

    Each element's gradient is that of its place. Ties keep their order.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> sort(np.array([2.0, 5.0, 3.0]), descending=True)
    array([5., 3., 2.])
    >>> grad(lambda x: sort(x, descending=True) @ np.arange(3.0))(np.array([2.0, 5.0, 3.0]))
    array([2., 0., 1.])
    """
    if has_tracer(a):
        refuse("sort", order=order)
        x = operand(a)
        if axis is None:
            x, axis = reshape(x, (aval_of(x).size,)), 0
        found = order_ops.sort(x, axis_of(axis, len(shape_of(x))))
    else:
        found = np.sort(a, axis, kind, order, stable=stable)
    return np.flip(found, -1 if axis is None else axis) if descending else found


@register(np.argsort)
def argsort(
    a: Any,
    axis: Any = -1,
    kind: Any = None,
    order: Any = None,
    *,
    stable: Any = None,
    descending: bool = False,
) -> Any:
    """``numpy.argsort``, and ``descending`` of the array API standard; no derivative passes.

    >>> import numpy as np
    >>> argsort(np.array([2.0, 5.0, 5.0, 3.0]), descending=True, stable=True)
    array([1, 2, 3, 0])
    """
    if descending:
        # Sorted from the end and read from the end, equal elements stay in order.
        x = operand(a)
        x, position = (np.reshape(x, -1), 0) if axis is None else (x, axis)
        found = np.flip(
            argsort(np.flip(x, position), position, kind, order, stable=stable), position
        )
        return np.shape(x)[position] - 1 - found
    if not has_tracer(a):
        return np.argsort(a, axis, kind, order, stable=stable)
    if stable is not None and kind is not None:
        raise ValueError("`kind` and `stable` parameters can't be provided at the same time.")
    by = "stable" if stable else kind or "quicksort"
    refuse("argsort", order=order)
    return order_ops.argsort(*along(operand(a), axis), by)
