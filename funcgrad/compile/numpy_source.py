"""Floor 6: the numpy backend. A jaxpr becomes a Python function, one line an equation."""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.backend import Program, register
from ..core.ir import Atom, Jaxpr, Literal, Var, line_of, literal_text, names
from ..ops import kernels
from .passes import optimise

__all__ = ["NumpyBackend", "NumpyProgram"]

_NUMBERS = itertools.count(1)


class NumpyProgram:
    """A program as Python source, and the function that the source defines.

    Attributes:
        source: The text of the function.
        function: The function.
    """

    def __init__(self, jaxpr: Jaxpr, constants: Sequence[Any], owned: bool) -> None:
        writer = _Writer(jaxpr, constants, owned)
        self.source = writer.text()
        self.filename = f"<funcgrad {jaxpr.name} #{next(_NUMBERS)}>"
        code = compile(self.source, self.filename, "exec")
        space: dict[str, Any] = {"np": np, **vars(kernels), **writer.bound}
        exec(code, space)
        self.function = space[writer.name]
        linecache.cache[self.filename] = (
            len(self.source),
            None,
            self.source.splitlines(keepends=True),
            self.filename,
        )

    def __del__(self) -> None:
        linecache.cache.pop(getattr(self, "filename", ""), None)


class _Writer:
    def __init__(self, jaxpr: Jaxpr, constants: Sequence[Any], owned: bool) -> None:
        self.jaxpr, self.owned = jaxpr, owned
        self.name = "".join(c if c.isidentifier() else "_" for c in jaxpr.name) or "f"
        self.named = names(jaxpr)
        self.bound: dict[str, Any] = {}
        for var, value in zip(jaxpr.inputs, constants, strict=False):
            self.bound[self.named[var]] = value
        self.arguments = [self.named[v] for v in jaxpr.inputs[len(constants) :]]

    def atom(self, a: Atom) -> str:
        return self.named[a] if isinstance(a, Var) else self.literal(a)

    def literal(self, a: Literal) -> str:
        text = literal_text(a).replace("inf", "np.inf").replace("nan", "np.nan")
        return text if a.aval.weak else f"np.{a.aval.dtype.name}({text})"

    def text(self) -> str:
        lines = [f"def {self.name}({', '.join(self.arguments)}):"]
        for eqn in self.jaxpr.equations:
            out = ", ".join([self.named[v] for v in eqn.outputs])
            right = self.expression(eqn.primitive, [self.atom(a) for a in eqn.inputs])
            text = " ".join([str(eqn.primitive), *map(self.atom, eqn.inputs)])
            lines.append(f"    {out} = {right}  # {text}  {line_of(eqn.place)}")
        lines.append(f"    return ({''.join([self.result(a) + ', ' for a in self.jaxpr.outputs])})")
        return "\n".join(lines) + "\n"

    def expression(self, primitive: Any, operands: list[str]) -> str:
        run = f"p{len(self.bound)}"
        self.bound[run] = primitive.run
        return f"{run}({', '.join(operands)})"

    def result(self, a: Atom) -> str:
        if not self.owned:
            return self.atom(a)
        if a.aval.shape:
            return f"np.array({self.atom(a)})"
        return self.atom(a) if a.aval.weak else f"np.{a.aval.dtype.name}({self.atom(a)})"


class NumpyBackend:
    """Writes straight-line NumPy."""

    name = "numpy"

    def supports(self, primitive: Any) -> bool:
        return True

    def compile(
        self, jaxpr: Jaxpr, constants: Sequence[Any] = (), *, owned: bool = True
    ) -> Program:
        return NumpyProgram(optimise(jaxpr), constants, owned).function


register(NumpyBackend(), prefer=True)
