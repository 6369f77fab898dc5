"""Values under names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.ir import Aval
from ..core.primitive import primitive
from .linear import Linear

__all__ = ["Name"]


@primitive
class Name(Linear):
    """The operand, under a name that `explain` and the policies of `checkpoint` see."""

    label: str
    numpy = "{0}"

    def aval(self, x: Aval) -> Aval:
        return x

    def transpose(self, ct: Any, x: Any) -> Any:
        return ct

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)
