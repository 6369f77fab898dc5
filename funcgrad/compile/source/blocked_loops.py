"""A run of long elementwise equations as the text of a loop over blocks.

    b = np.empty((1000, 1000), np.float64)
    a_all, b_all = a.reshape(-1), b.reshape(-1)
    c, d, = np.empty((2, 8192), np.float64)
    for i in range(0, 1000000, 8192):
        part = slice(i, i + 8192)
        a_part, b_part = a_all[part], b_all[part]
        np.multiply(a_part, a_part, out=c)
        ...

Masked products are computed as plain ones first. They differ only where a plain one is nan, and nan
spreads to every result that depends on it, so that one look at the smallest element of the last of
them tells whether the second version of the function is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

import numpy as np

from ...core.ir import Equation, Literal, Var
from ...ops.arithmetic import Square, Sub
from ...ops.complex import Abs
from ...ops.kinds import Add, Div, MaskMul, Mul, Neg, QuietDiv
from ...ops.linear import Sum
from ...ops.select import Maximum, Minimum, Relu
from . import expressions as text
from .expressions import Line
from .fusion import Block

__all__ = ["Loop"]

_BLOCK_BYTES = 1 << 16
"""A block of one array; the ten or so that are in use fit a second-level cache."""

_SPREAD_NAN = (Add, Sub, Mul, MaskMul, Div, Neg, Abs, Square, Relu, Maximum, Minimum)
_SPREAD_NAN_BY_UFUNC = frozenset(
    {np.sqrt, np.exp, np.expm1, np.log, np.log1p, np.sin, np.cos, np.tan, np.tanh, np.sinh, np.cosh}
)


def spreads_nan(primitive: Any) -> bool:
    """Whether a result is nan wherever an operand is."""
    return isinstance(primitive, _SPREAD_NAN) or primitive.numpy in _SPREAD_NAN_BY_UFUNC


class Loop:
    """Writes one run.

    Args:
        block: The run.
        names: The names of what is defined before it; those of its results are added.
        fresh: Gives a new name.
        live: Its results that are read later.
        again: The statement that goes on with the second version of the function; None in that
            version itself.
    """

    def __init__(
        self,
        block: Block,
        names: dict[Var, str],
        fresh: Callable[[], str],
        live: Container[Var],
        again: str | None,
    ) -> None:
        self._block, self._names, self._fresh, self._again = block, names, fresh, again
        self._live = [v for eqn in block.equations for v in eqn.outputs if v in live]
        self._size = int(np.prod(block.shape))
        widest = max(v.aval.dtype.itemsize for eqn in block.equations for v in eqn.outputs)
        self._length = _BLOCK_BYTES // widest
        self._inner: dict[Var, str] = {}
        self._free: dict[np.dtype[Any], list[str]] = {}
        self._scratch: dict[np.dtype[Any], list[str]] = {}
        self._checked = _checks(block) if again else set()

    @property
    def calls_again(self) -> bool:
        """Whether it may end in a call of the second version."""
        return bool(self._checked)

    def lines(self) -> list[Line]:
        """The whole of it."""
        equations = self._block.equations
        external = list(dict.fromkeys(self._external()))
        title = f"# {len(equations)} equations, {self._length} of {self._size} elements at a time"
        before = [Line(title)]
        for v in external:
            self._inner[v] = f"{self._names[v]}_part"
        for v in self._live:
            name = self._names[v] = self._fresh()
            made = f"np.empty({v.aval.shape}, np.{v.aval.dtype.name})" if v.aval.shape else "0.0"
            before.append(Line(f"{name} = {made}"))
        arrays = [self._names[v] for v in (*external, *self._live) if v.aval.shape]
        flat = [f"{name}.reshape(-1)" for name in arrays]
        before.append(_assignment([f"{name}_all" for name in arrays], flat))
        body = self._body()
        loop = [Line(f"for i in range(0, {self._size}, {self._length}):")]
        rest = self._size % self._length
        for dtype, scratch in self._scratch.items():
            shape = len(scratch), self._length
            left = ", ".join(scratch)
            before.append(Line(f"{left}, = np.empty({shape}, np.{dtype.name})"))
            if rest:
                cut = ", ".join([f"{name}[:{rest}]" for name in scratch])
                last = f"i == {self._size - rest}"
                loop.append(Line(f"    if {last}: {left}, = {cut},"))
        loop.append(Line(f"    part = slice(i, i + {self._length})"))
        parts = [f"{name}_all[part]" for name in arrays]
        loop.append(_assignment([f"{name}_part" for name in arrays], parts).indent(4))
        loop += [line.indent(4) for line in body]
        if self._checked:
            quiet = 'with np.errstate(invalid="ignore"):'
            again = f"if v != v: {self._again}"
            loop = [Line(quiet), *[line.indent(4) for line in loop], Line(again)]
        names = [f"{name}_{what}" for name in arrays for what in ("all", "part")]
        after = [Line(f"del {', '.join(names)}")]
        for v in self._live:
            if not v.aval.shape and not (self._again and v.aval.dtype == text.FLOAT64):
                after.append(Line(f"{self._names[v]} = np.{v.aval.dtype.name}({self._names[v]})"))
        return [*before, *loop, *after]

    def _external(self) -> Iterable[Var]:
        inside: set[Var] = set()
        for eqn in self._block.equations:
            for a in eqn.inputs:
                if isinstance(a, Var) and a.aval.shape and a not in inside:
                    yield a
            inside.update(eqn.outputs)

    def _body(self) -> list[Line]:
        equations = self._block.equations
        last: dict[Var, int] = {}
        for index, eqn in enumerate(equations):
            for v in (*eqn.inputs, *eqn.outputs):
                if isinstance(v, Var):
                    last[v] = index
        lines: list[Line] = []
        for index, eqn in enumerate(equations):
            operands = [self._operand(eqn, i) for i in range(len(eqn.inputs))]
            dying = [
                v
                for v in dict.fromkeys((*eqn.inputs, *eqn.outputs))
                if isinstance(v, Var) and last[v] == index
            ]
            lines.append(Line(self._statement(eqn, operands, dying), eqn, " ".join(operands)))
            out = eqn.outputs[0]
            if out in self._checked:
                name = self._inner[out]
                lines.append(Line(f"if (v := {name}.min()) != v: break"))
            for v in dying:
                self._release(v)
        return lines

    def _operand(self, eqn: Equation, position: int) -> str:
        a = eqn.inputs[position]
        if isinstance(a, Literal):
            return text.literal_text(a, text.adapts(eqn, position))
        return self._inner[a] if a in self._inner else self._names[a]

    def _statement(self, eqn: Equation, operands: list[str], dying: Sequence[Var]) -> str:
        primitive, out = eqn.primitive, eqn.outputs[0]
        if type(primitive) is Sum:
            return f"{self._names[out]} += float(np.add.reduce({operands[0]}))"
        ufunc = self._ufunc(eqn)
        if ufunc is None:
            right = text.array_text(eqn, operands)
            if out in self._live:
                self._inner[out] = f"{self._names[out]}_part"
                return f"{self._inner[out]}[:] = {right}"
            name = self._inner[out] = self._fresh()
            return f"{name} = {right}"
        name = self._inner[out] = self._target(out, eqn, dying)
        call = f"{text.ufunc_name(ufunc)}({', '.join([*operands, f'out={name}'])})"
        if type(primitive) is QuietDiv:
            return f'with np.errstate(divide="ignore", invalid="ignore", over="ignore"): {call}'
        return call

    def _ufunc(self, eqn: Equation) -> np.ufunc | None:
        if type(eqn.primitive) is MaskMul:
            return np.multiply if self._again else None
        if type(eqn.primitive) is QuietDiv:
            return np.true_divide
        return text.ufunc_of(eqn)

    def _target(self, out: Var, eqn: Equation, dying: Sequence[Var]) -> str:
        if out in self._live:
            return f"{self._names[out]}_part"
        scratch = self._scratch.setdefault(out.aval.dtype, [])
        for v in dying:
            if v is not out and self._inner.get(v) in scratch:
                return self._inner.pop(v)
        free = self._free.get(out.aval.dtype)
        if free:
            return free.pop()
        scratch.append(self._fresh())
        return scratch[-1]

    def _release(self, v: Var) -> None:
        name = self._inner.get(v)
        if name is not None and name in self._scratch.get(v.aval.dtype, ()):
            self._free.setdefault(v.aval.dtype, []).append(name)


def _assignment(left: Sequence[str], right: Sequence[str]) -> Line:
    return Line(f"{', '.join(left)} = {', '.join(right)}")


def _checks(block: Block) -> set[Var]:
    """Results in which every nan of a masked product shows: one a chain, the last of it."""
    reach: dict[Var, Var] = {}
    for eqn in reversed(block.equations):
        out = eqn.outputs[0]
        if type(eqn.primitive) is Sum:
            continue
        reach.setdefault(out, out)
        if spreads_nan(eqn.primitive):
            for a in eqn.inputs:
                if isinstance(a, Var) and a.aval.shape:
                    reach.setdefault(a, reach[out])
    return {reach[eqn.outputs[0]] for eqn in block.equations if type(eqn.primitive) is MaskMul}
