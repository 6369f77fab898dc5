"""`map`: a function of each element along the leading axes, one after another or in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import tree
from ...core.trace import aval_of
from ...errors import ArgumentError
from ...ops.linear import reshape
from ...transforms.vmap import vmap
from ..program.trace_body import (
    Operands,
    called,
    require_callable,
)
from .loops import _length, _name_like, _scan

__all__ = ["map"]


def map(f: Callable[[Any], Any], xs: Any, *, batch_size: int | None = None) -> Any:
    """``f`` of each slice along the first axis of ``xs``, one after the other, stacked.

    Args:
        f: A function of one slice.
        xs: A pytree of arrays with one first axis.
        batch_size: How many slices to take at a time, by `vmap`.

    Returns:
        The stacked results.

    Raises:
        ShapeError: Where leaves of ``xs`` differ in length.
        ArgumentError: Where ``batch_size`` is no positive int.

    >>> import numpy as np
    >>> map(lambda x: x * x, np.array([1.0, 2.0, 3.0]), batch_size=2)
    array([1., 4., 9.])
    """
    require_callable(f, "map")
    over = Operands(xs)
    count = _length("map", over, None)
    step = _name_like(lambda carry, x: (carry, called("map", f, x)), f)
    if batch_size is None:
        return _scan("map", step, None, xs, count, False, 1, None)[1]
    if type(batch_size) is not int or batch_size < 1:
        raise ArgumentError(
            f"map: batch_size must be a positive int, got {batch_size!r}", "Leave it out."
        )
    return _map_in_batches(f, over, count, batch_size)


def _map_in_batches(f: Callable[..., Any], over: Operands, count: int, size: int) -> Any:
    steps = count // size
    whole = steps * size

    def block(_: Any, values: Any) -> tuple[Any, Any]:
        return None, _map_at_once(f, Operands(values), size)

    blocks = over.rebuild(
        [reshape(x[:whole], (steps, size, *aval_of(x).shape[1:])) for x in over.values]
    )
    _, found = _scan("map", _name_like(block, f), None, blocks, steps, False, 1, None)
    found = tree.map(lambda y: reshape(y, (whole, *aval_of(y).shape[2:])), found)
    if whole == count:
        return found
    left = over.rebuild([x[whole:] for x in over.values])
    rest = _map_at_once(f, Operands(left), count - whole)
    return tree.map(lambda a, b: np.concatenate([a, b]), found, rest)


def _map_at_once(f: Callable[..., Any], over: Operands, size: int) -> Any:
    treedef: Any = None

    def flat(*values: Any) -> list[Any]:
        nonlocal treedef
        leaves, treedef = tree.flatten(f(over.rebuild(values)))
        return leaves

    found = vmap(flat, size, over.values, [True] * len(over.values))
    return tree.unflatten(treedef, found)
