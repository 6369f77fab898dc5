"""The names in flat code, its numbers and its arrays."""

from __future__ import annotations

import ast
import base64
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..compile.source.expressions import array_constant, literal_text
from ..compile.source.naming import Names, identifier
from ..core.ir import Literal, Var
from ..core.residuals import StepResiduals
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError

__all__ = ["Space", "array_text_of", "binds", "is_number"]

_WRITTEN_OUT = 200
"""Arrays up to this many elements are written as numbers, larger ones as their bytes."""
_PLAIN = frozenset({"i", "v", "part"})
"""Names that mean something in loops over blocks, which flat code has none of."""


class Space:
    """The names of a text, and what stands before its lines.

    Args:
        kept: Names of the user's, which nothing else gets.

    Attributes:
        names: By the id of a value.
        constants: The lines that define arrays which the function closes over.
        helpers: Functions, by what they were made for.
        owned: Names of arrays that nothing else is a name of.
    """

    def __init__(self, kept: Iterable[str]) -> None:
        self.names: dict[int, str] = {}
        self.constants: list[str] = []
        self.helpers: dict[str, Any] = {}
        self.owned: set[str] = set()
        self._names = Names(["base64", "result"])
        self._kept = frozenset(map(identifier, kept))
        self._known: dict[Any, str] = {}
        self._variables: dict[int, Var] = {}

    def name(self, key: int, wanted: str) -> str:
        """A name for a value: the one that is wanted, or a short one that nobody will want."""
        if wanted:
            found = self.claim(wanted)
        else:
            while (found := self._names.fresh()) in self._kept:
                pass
        self.names[key] = found
        return found

    def claim(self, wanted: str) -> str:
        """A name that nothing has."""
        stem = wanted if wanted in _PLAIN else identifier(wanted)
        name, number = stem, 2
        while not self._names.claim(name):
            name = f"{stem}_{number}"
            number += 1
        return name

    def name_of(self, tracer: Any) -> str:
        """The name of a value."""
        found = self.names.get(id(tracer))
        if found is None:
            found = self.names[id(tracer)] = self.constant(tracer.value)
        return found

    def number(self, value: Any) -> str:
        """A number as text."""
        return literal_text(Literal(value, aval_of(value)), False)

    def constant(self, value: Any) -> str:
        """The text of a plain value: a number, or the name of an array."""
        if isinstance(value, StepResiduals):
            raise ArgumentError(
                "explain: a loop hands what it kept for its way back to another, which flat code "
                "has no text for",
                "Explain the function itself: explain(f, x) in place of explain(grad(f), x).",
            )
        if is_number(value):
            return self.number(value[()] if isinstance(value, np.ndarray) else value)
        key = value.dtype, value.shape, value.tobytes()
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self.claim("const")
            self.constants.append(f"{found} = {array_text_of(value)}")
        return found

    def operand(self, x: Any) -> str:
        """The text of an operand."""
        return self.name_of(x) if isinstance(x, Tracer) else self.constant(x)

    def variable(self, x: Tracer) -> Var:
        """What stands for a value in an equation."""
        found = self._variables.get(id(x))
        if found is None:
            found = self._variables[id(x)] = Var(x.aval)
        return found

    @staticmethod
    def within_sum(text: str) -> str:
        """A text as the second operand of a sum."""
        return text if binds(text, ast.Mult, ast.Div, ast.MatMult, ast.Pow) else f"({text})"


def is_number(x: Any) -> bool:
    """Whether a plain value is written as a number.

    So are arrays without axes, but for complex ones, whose products NumPy rounds in another way.
    """
    return not isinstance(x, np.ndarray) or not (x.ndim or x.dtype.kind == "c")


def array_text_of(x: np.ndarray[Any, Any]) -> str:
    """An array as source, to the bit: its numbers, or where there are many its bytes."""
    if is_number(x):
        return literal_text(Literal(x[()], aval_of(x)), False)
    if x.size <= _WRITTEN_OUT:
        return array_constant(x)
    raw = base64.b64encode(np.ascontiguousarray(x).tobytes()).decode()
    dtype = f"np.{x.dtype.name}"
    return f'np.frombuffer(base64.b64decode("{raw}"), {dtype}).reshape({x.shape}).copy()'


def binds(text: str, *operators: type[ast.operator]) -> bool:
    """Whether an expression holds together beside others: none of an operator but of some."""
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, operators)
    return not isinstance(
        node, (ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Lambda, ast.NamedExpr)
    )
