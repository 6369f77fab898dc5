"""Floor 6: control flow as Python's own: `if`, `for` and `while` over functions defined inside.

Bodies and branches become functions of everything that they read, so that each keeps its lines, its
buffers and its blocks. Results stay as they are between the steps: Python floats stay Python
floats. What is not written here (tapes, lanes of a batch) runs as its primitive runs it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..control.branches import Cond
from ..control.checkpoint import Checkpoint
from ..control.scan_primitive import Scan
from ..control.while_primitive import While
from ..core.ir import Equation, Jaxpr, Var
from ..core.tape import StepsAval
from ..ops.convert import Convert
from .expressions import Line
from .naming import identifier

if TYPE_CHECKING:
    from .writer import Writer

__all__ = ["LOWERED"]


def _has_tapes(*programs: Jaxpr) -> bool:
    return any(isinstance(a, StepsAval) for p in programs for a in (*p.in_avals, *p.out_avals))


class _Text:
    """The lines that one equation becomes."""

    def __init__(self, writer: Writer, eqn: Equation) -> None:
        self._writer, self._eqn = writer, eqn
        self.operands = writer.numpy_operands(eqn)
        self.lines: list[Line] = []

    def define(self, jaxpr: Jaxpr, role: str, elements: int = 0) -> str:
        """Define the function of a program.

        Args:
            jaxpr: The program.
            role: What to call it where it has no name.
            elements: How many of its last arguments are elements of arrays, whose scalars are
                NumPy's.

        Returns:
            The function's name.
        """
        writer = self._writer
        name = wanted = identifier(jaxpr.name.replace("<lambda>", role))
        numbers = itertools.count(2)
        while len(name) < 3 or name in writer.functions:
            name = f"{wanted}_{next(numbers)}"
        writer.functions.add(name)
        count = len(jaxpr.inputs) - elements
        function = writer.function(name, jaxpr, [True] * count + [False] * elements)
        arguments = ", ".join([function.names[v] for v in function.arguments])
        self.lines += [Line(""), Line(f"def {name}({arguments}):")]
        self.lines += [line.indented(4) for line in function.body]
        return name

    def results(self) -> list[str]:
        """The names of the results."""
        return [self._writer.name_of(v) for v in self._eqn.outputs]

    def add(self, code: str, *, shown: bool = False) -> None:
        """Add a line, with the equation as its comment where ``shown``."""
        if self.lines and self.lines[-1].code.startswith("    return"):
            self.lines.append(Line(""))
        if shown:
            self.lines.append(Line(code, self._eqn, " ".join(self.operands)))
        else:
            self.lines.append(Line(code))


def _call(left: Sequence[str], name: str, operands: Sequence[str]) -> str:
    call = f"{name}({', '.join(operands)})"
    return f"{', '.join(left)}{',' * (len(left) == 1)} = {call}" if left else call


def _scan(writer: Writer, eqn: Equation) -> list[Line] | None:
    """``for t in range(length): carry, ys[t] = body(constants, carry, xs[t])``."""
    scan = eqn.primitive
    if scan.length is None or _has_tapes(scan.body):
        return None
    text = _Text(writer, eqn)
    constants, carry, xs = scan.parts(text.operands)
    name = text.define(scan.body, "step", len(xs))
    results = text.results()
    carried, stacked = results[: len(carry)], results[len(carry) :]
    if carry:
        text.add(f"{', '.join(carried)} = {', '.join(carry)}")
    for y, v in zip(stacked, eqn.outputs[len(carry) :], strict=True):
        text.add(f"{y} = np.empty({v.aval.shape}, np.{v.aval.dtype.name})")
    t = writer.fresh()
    steps = f"range({scan.length})"
    text.add(f"for {t} in {f'reversed({steps})' if scan.reverse else steps}:", shown=True)
    left = [*carried, *[f"{y}[{t}]" for y in stacked]]
    text.add("    " + _call(left, name, [*constants, *carried, *[f"{x}[{t}]" for x in xs]]))
    return text.lines


def _while(writer: Writer, eqn: Equation) -> list[Line] | None:
    """``while condition(constants, carry): carry = body(constants, carry)``."""
    loop = eqn.primitive
    if loop.carried != len(loop.body.outputs) or _has_tapes(loop.body, loop.condition):
        return None
    text = _Text(writer, eqn)
    of_condition, of_body, carry = loop.parts(text.operands)
    condition = text.define(loop.condition, "condition")
    body = text.define(loop.body, "step")
    carried = text.results()
    text.add(f"{', '.join(carried)} = {', '.join(carry)}")
    text.add(f"while {condition}({', '.join([*of_condition, *carried])})[0]:", shown=True)
    text.add("    " + _call(carried, body, [*of_body, *carried]))
    return text.lines


def _from_boolean(eqn: Equation) -> bool:
    return type(eqn.primitive) is Convert and eqn.inputs[0].aval.dtype.kind == "b"


def _cond(writer: Writer, eqn: Equation) -> list[Line] | None:
    """``if index: ... else: ...`` where the index was made from a boolean; else a lookup."""
    branches: tuple[Jaxpr, ...] = eqn.primitive.branches
    if _has_tapes(*branches):
        return None
    text = _Text(writer, eqn)
    first, *operands = text.operands
    made = writer.made.get(eqn.inputs[0]) if isinstance(eqn.inputs[0], Var) else None
    if made is None or not _from_boolean(made) or len(branches) != 2:
        names = [text.define(branch, f"branch_{k}") for k, branch in enumerate(branches)]
        chosen = f"one_of(({', '.join(names)},), {first})"
        text.add(_call(text.results(), chosen, operands), shown=True)
        return text.lines
    otherwise = text.define(branches[0], "otherwise")
    then = text.define(branches[1], "then")
    results = text.results()
    text.add(f"if {first}:", shown=True)
    text.add("    " + _call(results, then, operands))
    text.add("else:")
    text.add("    " + _call(results, otherwise, operands))
    return text.lines


def _checkpoint(writer: Writer, eqn: Equation) -> list[Line] | None:
    """A call: what is computed twice must not be computed together."""
    if _has_tapes(eqn.primitive.jaxpr):
        return None
    text = _Text(writer, eqn)
    name = text.define(eqn.primitive.jaxpr, "block")
    text.add(_call(text.results(), name, text.operands), shown=True)
    return text.lines


Lowering = Callable[[Any, Equation], list[Line] | None]

LOWERED: dict[type, Lowering] = {
    Checkpoint: _checkpoint,
    Cond: _cond,
    Scan: _scan,
    While: _while,
}
"""How the equations of control flow are written; None where one has to be run as it is."""
