"""Indexing, scatters and functional updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...core.ir import Equation, Shape
from ...ops.layout import OPERAND, Index, fill, out_of_bounds
from ..replay import Replay, formula, rule

__all__: list[str] = []


def fill_index(index: Index, arrays: Sequence[Any]) -> Index:
    """An index with its operands; a literal stands as a number."""
    return tuple([int(i) if isinstance(i, np.ndarray) else i for i in fill(index, arrays)])


def check_index(replay: Replay, index: Index, shape: Shape, arrays: Sequence[Any]) -> None:
    """A site for each operand of an index, which fails where one is out of bounds."""
    if replay.checks is None:
        return
    rest, axis = iter(arrays), 0
    spared = len(shape) - sum([i is not None and i is not Ellipsis for i in index])
    for part in index:
        if part is Ellipsis:
            axis += spared
        elif part is not None:
            if part is OPERAND:
                _check_operand(replay, next(rest), axis, shape[axis])
            axis += 1


def _check_operand(replay: Replay, i: Any, axis: int, n: int) -> None:
    if not i.size:
        return
    unsigned = i.dtype.kind == "u"

    def bad() -> Any:
        return jnp.any(i >= n) if unsigned else jnp.any((i < -n) | (i >= n))

    replay.check(
        bad,
        lambda: out_of_bounds(f"an index is out of bounds for axis {axis} with size {n}"),
    )


@rule("get_item", "get_masked")
def get_item(replay: Replay, eqn: Equation, x: Any, *arrays: Any) -> Any:
    """``x[index]``."""
    index = eqn.primitive.index
    check_index(replay, index, x.shape, arrays)
    return jnp.asarray(x)[fill_index(index, arrays)]


@rule("scatter")
def scatter(replay: Replay, eqn: Equation, y: Any, *arrays: Any) -> Any:
    """Zeros with ``y`` at places that do not repeat."""
    p = eqn.primitive
    check_index(replay, p.index, p.shape, arrays)
    return jnp.zeros(p.shape, y.dtype).at[fill_index(p.index, arrays)].set(y)


@rule("scatter_add")
def scatter_add(replay: Replay, eqn: Equation, y: Any, *arrays: Any) -> Any:
    """Zeros with ``y`` added at places that may repeat."""
    p = eqn.primitive
    check_index(replay, p.index, p.shape, arrays)
    return jnp.zeros(p.shape, y.dtype).at[fill_index(p.index, arrays)].add(y)


@rule("index_add")
def index_add(replay: Replay, eqn: Equation, x: Any, y: Any, *arrays: Any) -> Any:
    """``x`` with ``y`` added at an index."""
    index = eqn.primitive.index
    check_index(replay, index, x.shape, arrays)
    return jnp.asarray(x).at[fill_index(index, arrays)].add(y)


@rule("scatter_onto")
def scatter_onto(replay: Replay, eqn: Equation, x: Any, y: Any, *arrays: Any) -> Any:
    """``x`` plus zeros with ``y`` at an index; -0.0 becomes 0.0."""
    index = eqn.primitive.index
    check_index(replay, index, x.shape, arrays)
    x = jnp.asarray(x)
    at = fill_index(index, arrays)
    part = x[at] + y
    return (x + np.zeros((), x.dtype)).at[at].set(part)


@formula("scatter_sum")
def scatter_sum(p: Any, *ys: Any) -> Any:
    """Parts added in turn, each at an index, to zeros or to the first operand."""
    z = ys[0] + np.zeros((), p.dtype) if p.based else jnp.zeros(p.shape, p.dtype)
    for index, y in zip(p.indices, ys[p.based :], strict=True):
        z = jnp.asarray(z).at[index].add(y)
    return z


def last_writer(index: Index, shape: Shape) -> tuple[Any, Any]:
    """For each place the number of the last element that is written there, -1 for none.

    XLA leaves open which of two writes to one place stays: the maximum of their numbers does not.

    Returns:
        That, and the numbers of the elements, in the shape that the index gives.
    """
    size = int(np.prod(shape, dtype=int))
    like = jax.eval_shape(lambda z: z[index], jax.ShapeDtypeStruct(shape, np.dtype(np.bool_)))
    kind = np.int32 if max(size, like.size) < 2**31 else np.int64
    order = jnp.arange(like.size, dtype=kind).reshape(like.shape)
    return jnp.full(shape, -1, kind).at[index].max(order), order


@rule("index_set")
def index_set(replay: Replay, eqn: Equation, x: Any, y: Any, *arrays: Any) -> Any:
    """``x`` with ``y`` at an index; where a place repeats, the last value stays."""
    index = eqn.primitive.index
    check_index(replay, index, x.shape, arrays)
    x = jnp.asarray(x)
    at = fill_index(index, arrays)
    if all(a.size == 1 for a in arrays):
        return x.at[at].set(y)
    winner, order = last_writer(at, x.shape)
    flat = jnp.broadcast_to(y, order.shape).reshape(-1)
    if not flat.size:
        return x
    return jnp.where(winner >= 0, flat[jnp.maximum(winner, 0)], x)


@formula("last_writes")
def last_writes(p: Any, *arrays: Any) -> Any:
    """Which elements of a write are not overwritten by a later one."""
    index = fill_index(p.index, arrays)
    winner, order = last_writer(index, p.shape)
    return winner[index] == order


@formula("permute")
def permute(p: Any, x: Any, order: Any) -> Any:
    """Elements along an axis in another order."""
    return jnp.take_along_axis(x, order, p.axis)
