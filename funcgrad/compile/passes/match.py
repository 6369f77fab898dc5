"""What is known of an atom while a program is simplified: its number, how it was made."""

from __future__ import annotations

import math
from typing import Any

from ...core.ir import Atom, Equation, Literal, Var

__all__ = ["definition", "is_number", "sole_definition", "value_of"]


def value_of(a: Atom) -> Any:
    """The number that a literal is, None for a variable."""
    return a.value if isinstance(a, Literal) else None


def is_number(a: Atom, number: float) -> bool:
    """Whether an atom is this number, its sign included."""
    if not isinstance(a, Literal) or a.aval.dtype.kind not in "iuf":
        return False
    return bool(a.value == number) and (
        number != 0 or math.copysign(1.0, a.value) == math.copysign(1.0, number)
    )


def definition(walk: Any, a: Atom, kind: type) -> Equation | None:
    """The equation of ``kind`` that defines an atom."""
    eqn = walk.made.get(a) if isinstance(a, Var) else None
    return eqn if eqn is not None and type(eqn.primitive) is kind else None


def sole_definition(walk: Any, a: Atom, kind: type) -> Equation | None:
    """The equation of ``kind`` that defines an atom which is read once."""
    return definition(walk, a, kind) if walk.uses.get(a) == 1 else None
