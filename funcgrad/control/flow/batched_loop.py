"""What batched loops share: what is asked of them, the loop of one element answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.ir import Equation, Jaxpr
from ...core.primitive import Primitive
from ...core.trace import apply
from ..program.trim import Liveness, where_kept
from .batching import fold, unfold_batches

__all__ = ["BatchedLoop"]


class BatchedLoop(Primitive):
    """A loop whose steps not every element of a batch takes.

    Attributes:
        loop: The loop of one element.
        size: The number of elements.
        batched: Which constants are batched; all other operands are.
    """

    loop: Any
    size: int
    batched: tuple[bool, ...]
    fields = ("loop", "size", "batched")
    multiple = True
    passes_mask = True
    loops = True

    def __str__(self) -> str:
        return f"{self.name}[size={self.size}]"

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        inner = [*self.batched, *[True] * (len(operands) - len(self.batched))]
        folded, flags = fold(size, self.size, batched, inner, operands)
        both = type(self)(self.loop, size * self.size, tuple(flags[: len(self.batched)]))
        return unfold_batches(apply(both, folded, None), size, self.size)

    def element(self, count: int) -> tuple[Primitive, Sequence[bool]]:
        return self.loop, [*self.batched, *[True] * (count - len(self.batched))]

    def body_flags(self, flags: Sequence[bool]) -> list[tuple[Jaxpr, list[bool]]]:
        return self.loop.body_flags(flags)

    def depends(self, flags: Sequence[bool], count: int) -> list[bool]:
        return self.loop.depends(flags, count)

    def trim(self, eqn: Equation, program: Liveness) -> Equation | None:
        found = self.loop.trim_with_flags(eqn, program)
        if found is None:
            return None
        one, keep = found
        trimmed = type(self)(one.primitive, self.size, tuple(where_kept(keep, self.batched)))
        return Equation(trimmed, one.inputs, one.outputs, one.source_info)
