"""The program. Abstract values, variables, equations, jaxprs, their printing and `check`.

A `Jaxpr` is a flat list of equations over typed variables in SSA form. Operands of one equation
have one dtype (conversions are equations of their own) and broadcast as NumPy's ufuncs do, so a
jaxpr reads like the NumPy that a person would write.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from .plain import name_text, one_line, plain, plain_shape
from .source_info import SourceInfo, line_at, line_number, line_of

__all__ = [
    "Atom",
    "Aval",
    "Equation",
    "Jaxpr",
    "Literal",
    "Var",
    "has_effect",
    "is_foreign",
    "last_uses",
    "live_equations",
    "make_aval",
]

Shape: TypeAlias = tuple[int, ...]

_SHORT = {"float": "f", "int": "i", "uint": "u", "complex": "c"}
_INTERNED: dict[tuple[Shape, np.dtype[Any], bool], Aval] = {}
_INTERNED_MOST = 8192


class Aval:
    """An abstract value: what is known of an array before its numbers are.

    Attributes:
        shape: The shape.
        dtype: The dtype, in native byte order.
        weak: True for values that come from Python scalars alone; their dtype gives way in
            promotion, as Python scalars do in NumPy 2 (NEP 50).
        size: The number of elements.
    """

    __slots__ = ("_hash", "dtype", "shape", "size", "weak")

    def __init__(self, shape: Shape, dtype: np.dtype[Any], weak: bool = False) -> None:
        self.shape, self.dtype, self.weak = shape, dtype, weak
        self.size = math.prod(shape)
        self._hash = hash((shape, dtype, weak))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def inexact(self) -> bool:
        """True for floating and complex dtypes: those that carry a derivative."""
        return self.dtype.kind in "fc"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Aval):
            return NotImplemented
        return self.shape == other.shape and self.dtype == other.dtype and self.weak == other.weak

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return make_aval, (self.shape, self.dtype, self.weak)

    def element(self) -> Aval:
        """The type of one element of a batch: without the first axis."""
        return make_aval(self.shape[1:], self.dtype)

    def batch(self, size: int) -> Aval:
        """The type of a batch: with a first axis of length ``size``."""
        return make_aval((size, *self.shape), self.dtype)

    def strong(self) -> Aval:
        return make_aval(self.shape, self.dtype) if self.weak else self

    def short(self) -> str:
        """``f64[3,2]``; a star marks a weak one."""
        name = self.dtype.name
        letters = name.rstrip("0123456789")
        short = _SHORT.get(letters, letters) + name[len(letters) :]
        star = "*" if self.weak else ""
        return f"{short}{star}[{','.join(map(str, self.shape))}]"

    def __str__(self) -> str:
        """``float64[3,2]``, as in error messages."""
        return f"{self.dtype.name}[{','.join(map(str, self.shape))}]"

    def __repr__(self) -> str:
        return f"Aval({self.short()})"


def make_aval(shape: Shape, dtype: np.dtype[Any], weak: bool = False) -> Aval:
    """The interned `Aval`; one object a type, so that ``is`` answers most comparisons."""
    found = _INTERNED.get((shape, dtype, weak))
    if found is None:
        if len(_INTERNED) >= _INTERNED_MOST:
            _INTERNED.clear()
        # An enum member would stay here for programs that have never heard of it.
        key = plain_shape(shape), plain(dtype), weak
        found = _INTERNED.setdefault(key, Aval(*key))
    return found


known_aval = _INTERNED.get
"""The `Aval` of a shape, dtype and weakness where it was made before, else None."""


class Var:
    """A variable of a jaxpr; equality is identity."""

    __slots__ = ("aval",)

    def __init__(self, aval: Aval) -> None:
        self.aval = aval

    def __repr__(self) -> str:
        return f"Var({self.aval.short()})"


class Literal:
    """A scalar constant written into an equation.

    Attributes:
        value: A Python scalar where ``aval.weak``, else a NumPy scalar of ``aval.dtype``.
        aval: Its type; always of shape ``()``.
    """

    __slots__ = ("aval", "value")

    def __init__(self, value: Any, aval: Aval) -> None:
        self.value, self.aval = value, aval

    def __repr__(self) -> str:
        return f"Literal({self.value})"


Atom: TypeAlias = Var | Literal


class Equation:
    """``outputs = primitive(inputs)``, and the user's line that asked for it."""

    __slots__ = ("inputs", "outputs", "primitive", "source_info")

    def __init__(
        self,
        primitive: Any,
        inputs: Sequence[Atom],
        outputs: Sequence[Var],
        source_info: SourceInfo | None = None,
    ) -> None:
        self.primitive = primitive
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.source_info = source_info

    def __reduce__(self) -> tuple[Any, ...]:
        source_info = self.source_info
        if source_info is not None:  # code does not pickle
            code = source_info[0]
            source_info = code.co_filename, code.co_name, line_number(source_info)
        return _equation, (self.primitive, self.inputs, self.outputs, source_info)


def _equation(primitive: Any, inputs: Any, outputs: Any, source_info: Any) -> Equation:
    """An equation whose place has no instruction, but the line."""
    return Equation(
        primitive, inputs, outputs, None if source_info is None else line_at(*source_info)
    )


class Jaxpr:
    """A pure program: inputs, equations in order, outputs.

    Attributes:
        inputs: The variables it is called with; the first ``captured`` of them stand for what the
            traced function closed over, the rest for its arguments.
        equations: In order of execution.
        outputs: Variables or literals.
        captured: How many of the inputs were captured.
        name: The traced function's name.
    """

    __slots__ = (
        "__weakref__",
        "_effect",
        "_foreign",
        "captured",
        "equations",
        "inputs",
        "name",
        "outputs",
    )

    def __init__(
        self,
        inputs: Sequence[Var],
        equations: Sequence[Equation],
        outputs: Sequence[Atom],
        captured: int = 0,
        name: str = "f",
    ) -> None:
        self.inputs = list(inputs)
        self.equations = list(equations)
        self.outputs = list(outputs)
        self.captured = captured
        self.name = name if type(name) is str else name_text(name)
        self._effect: bool | None = None
        self._foreign: bool | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Jaxpr, (self.inputs, self.equations, self.outputs, self.captured, self.name)

    @property
    def effect(self) -> bool:
        """Whether an equation has an effect, in nested programs too."""
        if self._effect is None:
            self._effect = any(has_effect(eqn.primitive) for eqn in self.equations)
        return self._effect

    @property
    def foreign(self) -> bool:
        """Whether an equation runs Python code of the user's, in nested programs too."""
        if self._foreign is None:
            self._foreign = any(is_foreign(eqn.primitive) for eqn in self.equations)
        return self._foreign

    @property
    def in_avals(self) -> list[Aval]:
        return [v.aval for v in self.inputs]

    @property
    def out_avals(self) -> list[Aval]:
        return [v.aval for v in self.outputs]

    def __str__(self) -> str:
        return "\n".join(_lines(self, ""))

    def __repr__(self) -> str:
        return str(self)


def has_effect(primitive: Any) -> bool:
    """Whether running ``primitive``, or a program that it holds, is seen outside."""
    return primitive.effect or (
        primitive.multiple and any(jaxpr.effect for _, jaxpr in primitive.bodies())
    )


def is_foreign(primitive: Any) -> bool:
    """Whether ``primitive``, or a program that it holds, runs Python code of the user's."""
    return primitive.foreign or (
        primitive.multiple and any(jaxpr.foreign for _, jaxpr in primitive.bodies())
    )


def live_equations(jaxpr: Jaxpr, outputs: Iterable[Atom]) -> list[Equation]:
    """The equations of ``jaxpr`` that ``outputs`` need, and those that have an effect."""
    live = {a for a in outputs if isinstance(a, Var)}
    kept: list[Equation] = []
    for eqn in reversed(jaxpr.equations):
        if live.isdisjoint(eqn.outputs) and not has_effect(eqn.primitive):
            continue
        kept.append(eqn)
        for a in eqn.inputs:
            if isinstance(a, Var):
                live.add(a)
    kept.reverse()
    return kept


def last_uses(reads: Sequence[Iterable[Atom]], outputs: Sequence[Atom]) -> list[list[Var]]:
    """For each step what it is the last to read; what is returned is never among it.

    Args:
        reads: What each step reads and defines.
        outputs: What is returned.
    """
    last: dict[Var, int] = {}
    for index, atoms in enumerate(reads):
        for a in atoms:
            if isinstance(a, Var):
                last[a] = index
    for a in outputs:
        if isinstance(a, Var):
            last.pop(a, None)
    dying: list[list[Var]] = [[] for _ in reads]
    for var, index in last.items():
        dying[index].append(var)
    return dying


def names(jaxpr: Jaxpr) -> dict[Var, str]:
    """A short name for every variable, in order of appearance: a, b, ..., z, aa, ..."""
    fresh = _alphabet()
    named: dict[Var, str] = {}
    for var in jaxpr.inputs:
        named[var] = next(fresh)
    for eqn in jaxpr.equations:
        for var in eqn.outputs:
            named[var] = next(fresh)
    return named


def _alphabet() -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    keywords = {"as", "if", "in", "is", "or", "np", "def", "del", "for", "not", "and", "try"}
    for length in itertools.count(1):
        for combination in itertools.product(letters, repeat=length):
            word = "".join(combination)
            if word not in keywords:
                yield word


def _lines(jaxpr: Jaxpr, indent: str) -> list[str]:
    named = names(jaxpr)

    def atom(a: Atom) -> str:
        return named[a] if isinstance(a, Var) else literal_text(a)

    def typed(v: Var) -> str:
        return f"{named[v]}: {v.aval.short()}"

    name = one_line(jaxpr.name)
    head = f"{indent}{name}({', '.join(map(typed, jaxpr.inputs[jaxpr.captured :]))})"
    if jaxpr.captured:
        head += f" closing over ({', '.join(map(typed, jaxpr.inputs[: jaxpr.captured]))})"
    body: list[tuple[str, str, list[Jaxpr]]] = []
    for eqn in jaxpr.equations:
        left = ", ".join(map(typed, eqn.outputs))
        right = " ".join([one_line(str(eqn.primitive)), *map(atom, eqn.inputs)])
        prefix = f"{left} = " if left else ""
        body.append(
            (
                prefix + right,
                line_of(eqn.source_info),
                [jaxpr for _, jaxpr in eqn.primitive.bodies()],
            )
        )
    width = min(max((len(text) for text, _, _ in body), default=0), 60)
    lines = [head + ":"]
    for text, source_info, inner in body:
        comment = f"  # {source_info}" if source_info else ""
        lines.append(f"{indent}    {text:<{width}}{comment}".rstrip())
        for program in inner:
            lines.extend(_lines(program, indent + "        "))
    lines.append(f"{indent}    return {', '.join(map(atom, jaxpr.outputs)) or 'None'}")
    return lines


def literal_text(literal: Literal) -> str:
    """The literal as it is printed in a jaxpr: ``2.0``, ``True``, ``(1+2j)``."""
    value = literal.value
    return repr(value.item() if isinstance(value, np.generic) else value)
