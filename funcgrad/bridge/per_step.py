"""What each step of a loop leaves for its backward pass, as arrays of a length that is bound.

`PerStep` is `funcgrad.core.residuals.StepResiduals` for XLA, whose arrays have known shapes:
entries along a first axis, and how many of them there are. An entry may be a `PerStep` itself, of a
loop within a loop; its arrays then have two such axes, and so on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..core.ir import Aval
from ..core.residuals import StepResiduals, StepResidualsAval

__all__ = [
    "PerStep",
    "aligned",
    "fill",
    "from_steps",
    "join_all",
    "put",
    "read",
    "stacked",
    "steps_of",
    "zero_of",
]


@jax.tree_util.register_pytree_node_class
class PerStep:
    """Entries of steps.

    Attributes:
        entries: An array or `PerStep` with a first axis for the steps; None for zeros of whatever
            length is asked.
        count: How many steps there were, None with the entries.
        masks: For each step which elements of a batch took it, None where all did.
    """

    def __init__(self, entries: Any = None, count: Any = None, masks: Any = None) -> None:
        self.entries, self.count, self.masks = entries, count, masks

    def tree_flatten(self) -> tuple[tuple[Any, ...], None]:
        """The parts, for JAX."""
        return (self.entries, self.count, self.masks), None

    @classmethod
    def tree_unflatten(cls, aux: None, parts: Sequence[Any]) -> PerStep:
        """The whole, for JAX."""
        return cls(*parts)

    def map(
        self,
        f: Callable[[Any, int], Any],
        mask: Callable[[Any, int], Any] | None = None,
        depth: int = 1,
    ) -> PerStep:
        """``f(array, number of axes for steps)`` of every array, and ``mask`` of every mask."""
        entries = self.entries
        if entries is None:
            return self
        if isinstance(entries, PerStep):
            entries = entries.map(f, mask, depth + 1)
        else:
            entries = f(entries, depth)
        masks = None if self.masks is None else (mask or f)(self.masks, depth)
        return PerStep(entries, self.count, masks)

    @property
    def bound(self) -> int:
        """How many steps there is room for."""
        return jax.tree.leaves(self.entries)[0].shape[0] if self.counted else 0

    @property
    def counted(self) -> bool:
        """Whether it says how many steps there are."""
        return self.entries is not None


def from_steps(value: StepResiduals) -> PerStep:
    """Residuals that a program captured, of known length."""
    if value.entries is None:
        return PerStep()
    parts = [
        from_steps(e) if isinstance(e, StepResiduals) else jnp.asarray(e) for e in value.entries
    ]
    masks = jnp.asarray(np.array(value.masks)) if value.masks else None
    entries = jax.tree.map(lambda *xs: jnp.stack(xs), *parts)
    return PerStep(entries, np.int32(len(parts)), masks)


def zero_of(aval: Aval) -> Any:
    """Zeros of a type."""
    if isinstance(aval, StepResidualsAval):
        return PerStep()
    return jnp.zeros(aval.shape, aval.dtype)


def read(x: Any, aval: Aval, step: Any) -> Any:
    """What one step reads of stacked values or of residuals of the type ``aval``."""
    if not isinstance(x, PerStep):
        return x[step]
    if x.entries is None:
        return zero_of(aval.entry)  # type: ignore[attr-defined]
    return jax.tree.map(lambda e: e[step], x.entries)


def stacked(like: Any, length: int) -> Any:
    """Zeros for so many values of the type of ``like``."""
    return jax.tree.map(lambda s: jnp.zeros((length, *s.shape), s.dtype), like)


def put(buffers: Any, step: Any, values: Any) -> Any:
    """``buffers`` with the values of one step."""
    return jax.tree.map(lambda b, v: b.at[step].set(v), buffers, values)


def join(one: Any, other: Any) -> Any:
    """The structure that has what either of two results has: those of branches, as types."""
    if not isinstance(one, PerStep):
        return one
    if one.entries is None or other.entries is None:
        return other if one.entries is None else one
    masks = other.masks if one.masks is None else one.masks
    return PerStep(join(one.entries, other.entries), one.count, masks)


def join_all(results: Sequence[Sequence[Any]]) -> list[Any]:
    """For each result of branches the structure that has what any branch has."""
    return [functools.reduce(join, each) for each in zip(*results, strict=True)]


def steps_of(counted: Sequence[PerStep]) -> tuple[Any, int]:
    """How many steps there were, of residuals that say so, and for how many there is room."""
    count = functools.reduce(jnp.maximum, [x.count for x in counted])
    return count, max([x.bound for x in counted])


def fill(x: Any, like: Any) -> Any:
    """A result with zeros where it lacks what the structure ``like`` has."""
    if not isinstance(like, PerStep) or like.entries is None:
        return x
    if x.entries is None:
        return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), like)
    masks = x.masks
    if masks is None and like.masks is not None:
        masks = jnp.zeros(like.masks.shape, like.masks.dtype)
    return PerStep(fill(x.entries, like.entries), x.count, masks)


def aligned(mask: Any, like: Any, depth: int = 0) -> Any:
    """A mask over the elements of a batch, whose axis in ``like`` comes after ``depth`` others."""
    shape = np.shape(mask)
    return jnp.reshape(mask, ((1,) * depth + shape + (1,) * (np.ndim(like) - depth - len(shape))))
