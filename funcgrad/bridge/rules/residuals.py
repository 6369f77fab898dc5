"""The shape operations on residuals of loops, for loops within batches within batches."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ..per_step import PerStep
from ..replay import formula

__all__ = ["add"]


def add(a: PerStep, b: PerStep) -> PerStep:
    """Residuals of one loop added entry by entry."""
    if a.entries is None or b.entries is None:
        return b if a.entries is None else a
    masks = a.masks
    if b.masks is not None:
        masks = b.masks if masks is None else masks | b.masks
    if isinstance(a.entries, PerStep):
        entries: Any = add(a.entries, b.entries)
    else:
        entries = jax.tree.map(jnp.add, a.entries, b.entries)
    return PerStep(entries, jnp.maximum(a.count, b.count), masks)


@formula("add_steps")
def add_steps(p: Any, a: PerStep, b: PerStep) -> PerStep:
    """The sum."""
    return add(a, b)


@formula("sum_steps")
def sum_steps(p: Any, x: PerStep) -> PerStep:
    """Every entry summed over an axis, along which masks are the same."""
    return x.map(
        lambda e, depth: jnp.sum(e, axis=p.axis + depth, dtype=e.dtype),
        lambda mask, depth: jnp.take(mask, 0, axis=p.axis + depth),
    )


@formula("repeat_steps")
def repeat_steps(p: Any, x: PerStep) -> PerStep:
    """Every entry repeated along a new axis."""

    def repeat(e: Any, depth: int) -> Any:
        axis = p.axis + depth
        shape = (*e.shape[:axis], p.size, *e.shape[axis:])
        return jnp.broadcast_to(jnp.expand_dims(e, axis), shape)

    return x.map(repeat)


@formula("fold_steps")
def fold_steps(p: Any, x: PerStep) -> PerStep:
    """The leading axes of every entry reshaped."""

    def fold(e: Any, depth: int) -> Any:
        return e.reshape((*e.shape[:depth], *p.new, *e.shape[depth + len(p.old) :]))

    return x.map(fold)
