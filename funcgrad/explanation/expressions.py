"""Programs of a few equations as nested NumPy expressions, as a person would write them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ..compile.passes.pipeline import optimise
from ..compile.source import expressions as text
from ..core.ir import Atom, Equation, Jaxpr, Literal, Var

__all__ = ["Nested", "equation_text", "nest"]

_DEPTH_MOST = 5
"""How deep expressions are nested before a line of its own is made."""


class Nested:
    """What `nest` gives: lines that come first, and one expression a result."""

    __slots__ = ("lines", "results")

    def __init__(self, lines: list[tuple[str, str]], results: list[str]) -> None:
        self.lines, self.results = lines, results


def equation_text(eqn: Equation, name_of: Callable[[Var], str]) -> str:
    """The NumPy of one equation.

    Raises:
        NotImplementedError: Where its primitive states none.
    """
    operands = [
        name_of(a) if isinstance(a, Var) else text.literal_text(a, text.adapts(eqn, i))
        for i, a in enumerate(eqn.inputs)
    ]
    return text.array_text(eqn, operands)


def nest(
    jaxpr: Jaxpr, constants: Sequence[object], name_of: Callable[[Var, object], str]
) -> Nested:
    """A program as expressions.

    A result that is read once stands where it is read; one that is read several times, or by a
    text that has it several times, gets a line of its own.

    Args:
        jaxpr: The program.
        constants: The values of its leading inputs.
        name_of: The name for an input, given its constant where it is one, or for a new line.
    """
    before = dict(zip(jaxpr.inputs[len(constants) :], range(len(jaxpr.inputs)), strict=False))
    program, known = optimise(jaxpr, constants, weak=False)
    names: dict[Var, str] = {}
    for var, value in zip(program.inputs, known, strict=False):
        names[var] = name_of(var, value)
    for var, old in zip(program.inputs[len(known) :], before, strict=True):
        names[var] = name_of(old, None)
    uses: dict[Var, int] = {}
    for atoms in [*[eqn.inputs for eqn in program.equations], program.outputs]:
        for a in atoms:
            if isinstance(a, Var):
                uses[a] = uses.get(a, 0) + 1
    trees: dict[Var, tuple[ast.expr, int]] = {v: (_parse(n), 0) for v, n in names.items()}
    lines: list[tuple[str, str]] = []
    for eqn in program.equations:
        if eqn.primitive.multiple:
            outs = [name_of(v, None) for v in eqn.outputs]
            plain = {a: ast.unparse(trees[a][0]) for a in eqn.inputs if isinstance(a, Var)}
            lines.append((f"{', '.join(outs)},", equation_text(eqn, plain.__getitem__)))
            trees.update({v: (_parse(n), 0) for v, n in zip(eqn.outputs, outs, strict=True)})
            continue
        (out,) = eqn.outputs
        tree, depth = _nested(eqn, trees)
        if depth > _DEPTH_MOST or (uses.get(out, 0) > 1 and depth):
            line = name_of(out, None)
            lines.append((line, ast.unparse(tree)))
            tree, depth = _parse(line), 0
        trees[out] = tree, depth
    return Nested(lines, [_result(a, trees) for a in program.outputs])


def _result(a: Atom, trees: dict[Var, tuple[ast.expr, int]]) -> str:
    return text.literal_text(a, False) if isinstance(a, Literal) else ast.unparse(trees[a][0])


def _nested(eqn: Equation, trees: dict[Var, tuple[ast.expr, int]]) -> tuple[ast.expr, int]:
    """An equation's expression with those of its operands in it."""
    marks = {a: f"operand_{i}_" for i, a in enumerate(eqn.inputs) if isinstance(a, Var)}
    template = _parse(equation_text(eqn, marks.__getitem__))
    by_mark = {mark: trees[a][0] for a, mark in marks.items()}
    depth = 1 + max([trees[a][1] for a in marks], default=0)
    return _Substitute(by_mark).visit(template), depth


class _Substitute(ast.NodeTransformer):
    def __init__(self, by_mark: dict[str, ast.expr]) -> None:
        self._by_mark = by_mark

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._by_mark.get(node.id, node)


def _parse(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
