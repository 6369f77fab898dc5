"""The NumPy of single operations in flat code: what they compute, and what they hand back.

A backward rule is traced with the operation's types and written as one expression. Where an
operation has programs or rules of its own, it becomes a function that stands before the flat lines.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from ..compile.source.backend import NumpyProgram
from ..compile.source.expressions import adapts, array_text, literal_text
from ..compile.source.naming import identifier
from ..compile.stages import build
from ..core.backend import backend_named
from ..core.ir import Atom, Equation, Jaxpr, Literal, Var
from ..core.record import run, trace
from ..core.residuals import StepResidualsAval
from ..core.source_info import line_of
from ..core.trace import Tracer, apply, aval_of
from ..errors import ArgumentError
from ..ops.kinds import MaskMul, QuietDiv, div, mul
from ..transforms.vjp import vjp
from .flat_names import Space, binds, is_number
from .recording import Record, pull
from .sweep import Contributions, Pull

__all__ = ["Helpers", "operation_text", "pull_texts"]

T = TypeVar("T")

_LONG = 60
"""Expressions up to this length become part of others."""

_STATED: dict[str, tuple[str, ...]] = {
    "sqrt": ("{ct} * (0.5 / {y})",),
    "logistic": ("{ct} * (1 - {y}) * {y}", "{ct} * ((1 - {y}) * {y})"),
    "tanh": ("{ct} * (1 - {y} * {y})",),
}
"""What textbooks write for a contribution; taken where it gives the same number to the last bit.

The rules of the library are right where these lose digits: ``1 - y`` for a ``y`` close to 1.
"""


def _part(text: str) -> str:
    """An expression as an operand of any other."""
    return text if text.isidentifier() or binds(text) else f"({text})"


def _tidy(text: str) -> str:
    """An expression without the brackets that it does not need."""
    return ast.unparse(ast.parse(text, mode="eval")) if "(" in text and len(text) < 500 else text


def _atom(space: Space, x: Any, value: Any) -> Atom:
    """What stands for an operand in an equation."""
    if isinstance(x, Tracer):
        return space.variable(x)
    if not is_number(value):
        return Var(aval_of(value))
    return Literal(value[()] if isinstance(value, np.ndarray) else value, aval_of(value))


def operation_text(space: Space, record: Record) -> str:
    """What an operation computes."""
    primitive = record.primitive
    atoms = [_atom(space, a, v) for a, v in zip(record.args, record.values, strict=True)]
    eqn = Equation(primitive, atoms, [space.variable(x) for x in record.outs], None)
    operands = _operands(space, record)
    texts = [
        literal_text(a, adapts(eqn, k)) if isinstance(a, Literal) else operands[k]
        for k, a in enumerate(atoms)
    ]
    if primitive.forward is None and not any(True for _ in primitive.bodies()):
        try:
            return _tidy(array_text(eqn, [_part(t) for t in texts]))
        except NotImplementedError:
            pass  # it has no text, and becomes a function below
    given = _Given(record)

    def forward(*xs: Any) -> Sequence[Any]:
        return _results(primitive, given.operands(xs))

    call = _helper(space, record, _called(primitive), forward, given.avals, given.chosen(texts))
    return call if primitive.multiple else f"{call}[0]"


def _operands(space: Space, record: Record) -> list[str]:
    """The texts of operands, those of arrays as they were then."""
    pairs = zip(record.args, record.values, strict=True)
    return [space.name_of(a) if isinstance(a, Tracer) else space.constant(v) for a, v in pairs]


class _Given:
    """The operands of an operation, of which numbers that are known are no arguments."""

    def __init__(self, record: Record) -> None:
        pairs = [*zip(record.args, record.values, strict=True)]
        self._plain = [
            None if isinstance(a, Tracer) or not is_number(v) else (v,) for a, v in pairs
        ]
        self.avals = [
            (a.aval if isinstance(a, Tracer) else aval_of(v))
            for (a, v), plain in zip(pairs, self._plain, strict=True)
            if plain is None
        ]

    def operands(self, xs: Iterable[Any]) -> list[Any]:
        """All operands, for values of those that are no known numbers."""
        each = iter(xs)
        return [next(each) if plain is None else plain[0] for plain in self._plain]

    def chosen(self, each: Sequence[T]) -> list[T]:
        """What belongs to those that are no known numbers."""
        return [x for x, plain in zip(each, self._plain, strict=True) if plain is None]


def pull_texts(
    space: Space,
    record: Record,
    pulled: Pull,
    cts: Sequence[str | None],
    flow: Contributions,
) -> tuple[list[str], list[str]]:
    """What an operation hands back.

    Args:
        space: The names.
        record: The operation.
        pulled: How its rule was called.
        cts: The names of the cotangents of its results; None for zeros.
        flow: What flowed back.

    Returns:
        Lines, and for each operand an expression.
    """
    primitive = record.primitive
    stated = _stated(space, record, cts, flow)
    if stated is not None:
        return [], [stated]
    given = _Given(record)
    results = [x.aval for x in record.outs]
    ct_avals = [aval.strong() for aval, ct in zip(results, cts, strict=True) if ct is not None]
    handed: list[bool] = []

    def backward(*args: Any) -> list[Any]:
        each = iter(args)
        chosen = [None if ct is None else next(each) for ct in cts]
        outs = [next(each) for _ in results]
        operands = given.operands(each)
        found = _pull(record, chosen, outs, operands, pulled)
        handed[:] = [g is not None and w for g, w in zip(found, pulled.wanted, strict=True)]
        return [g for g, h in zip(found, handed, strict=True) if h]

    avals = [*ct_avals, *results, *given.avals]
    operands = _operands(space, record)
    texts = [ct for ct in cts if ct is not None]
    texts += [space.name_of(x) for x in record.outs]
    texts += given.chosen(operands)
    jaxpr, captured = trace(backward, avals, name=f"{_called(primitive)}_backward")
    values = [flow.total[id(x)] for x, ct in zip(record.outs, cts, strict=True) if ct is not None]
    values += [x.value for x in record.outs]
    values += given.chosen(record.values)
    handed_on = [flow.parts.get((id(record), k)) for k, h in enumerate(handed) if h]
    jaxpr = _without_masks(jaxpr, [*captured, *values], handed_on)
    lines: list[str] = []
    found = _expressions(space, jaxpr, [*map(space.constant, captured), *texts], lines)
    if found is None:
        lines, name = [], f"{_called(primitive)}_backward"
        call = _helper(space, record, name, backward, avals, texts)
        found = [space.claim("t") for _ in jaxpr.outputs]
        lines.append(f"{', '.join(found)}{',' * (len(found) == 1)} = {call}")
    each = iter(found)
    return lines, [next(each) if h else "" for h in handed]


def _called(primitive: Any) -> str:
    """The name of a primitive, or of the user's function that it calls."""
    return str(primitive).partition("[")[0].split(" ")[-1]


def _pull(
    record: Record, cts: Sequence[Any], outs: Sequence[Any], operands: Sequence[Any], pulled: Pull
) -> Sequence[Any]:
    """What an operation hands back, by its rule; one that keeps residuals runs again for them."""
    primitive = record.primitive
    if primitive.forward is None:
        stood = Record(primitive, operands, operands, (), None, None)
        return pull(stood, cts, pulled.wanted, pulled.masked, outs)

    def again(*chosen: Any) -> Sequence[Any]:
        each = iter(chosen)
        xs = [next(each) if w else x for w, x in zip(pulled.wanted, operands, strict=True)]
        return _results(primitive, xs)

    _, tape = vjp(again, [x for w, x in zip(pulled.wanted, operands, strict=True) if w])
    found = iter(tape.pullback(cts, masked=pulled.masked))
    return [next(found) if w else None for w in pulled.wanted]


def _results(primitive: Any, operands: Sequence[Any]) -> Sequence[Any]:
    found = apply(primitive.hand_on(operands), operands, None)
    return found if primitive.multiple else (found,)


def _without_masks(jaxpr: Jaxpr, values: Sequence[Any], handed_on: Sequence[Any]) -> Jaxpr:
    """A rule with plain products and quotients for masked ones, where it gives the same numbers."""
    plain = [
        Equation(mul, eqn.inputs, eqn.outputs, eqn.source_info)
        if isinstance(eqn.primitive, MaskMul)
        else Equation(div, eqn.inputs, eqn.outputs, eqn.source_info)
        if isinstance(eqn.primitive, QuietDiv)
        else eqn
        for eqn in jaxpr.equations
    ]
    if all(a is b for a, b in zip(plain, jaxpr.equations, strict=True)):
        return jaxpr
    found = Jaxpr(jaxpr.inputs, plain, jaxpr.outputs, jaxpr.captured, jaxpr.name)
    results = _silently(lambda: run(found, values))
    if results is None:
        return jaxpr
    same = [np.array_equal(x, y) for x, y in zip(results, handed_on, strict=True)]
    return found if all(same) else jaxpr


def _silently(f: Callable[[], T]) -> T | None:
    """What ``f`` gives; None where NumPy would tell of infinite or undefined numbers."""
    try:
        with np.errstate(all="raise", under="ignore"):
            return f()
    except ArithmeticError:
        return None


def _stated(
    space: Space, record: Record, cts: Sequence[str | None], flow: Contributions
) -> str | None:
    """What textbooks write, where it gives the same numbers."""
    out = record.outs[0]
    part, ct = flow.parts.get((id(record), 0)), flow.total.get(id(out))
    for text in _STATED.get(record.primitive.name, ()):
        code = text.format(ct="ct", y="y")
        found = _silently(lambda code=code: eval(code, {}, {"ct": ct, "y": out.value}))
        if found is not None and part is not None and np.array_equal(found, part):
            return text.format(ct=cts[0], y=space.name_of(out))
    return None


def _expressions(
    space: Space, jaxpr: Jaxpr, texts: Sequence[str], lines: list[str]
) -> list[str] | None:
    """The results of a program as expressions; None where it takes a function.

    Args:
        space: The names.
        jaxpr: The program.
        texts: Those of its inputs.
        lines: Where lines go for what is used more than once.
    """
    if any(eqn.primitive.multiple for eqn in jaxpr.equations):
        return None
    env: dict[Var, str] = dict(zip(jaxpr.inputs, texts, strict=True))
    uses: dict[Var, int] = {}
    for a in [a for eqn in jaxpr.equations for a in eqn.inputs] + list(jaxpr.outputs):
        if isinstance(a, Var):
            uses[a] = uses.get(a, 0) + 1
    for eqn in jaxpr.equations:
        out = eqn.outputs[0]
        if not uses.get(out):
            continue
        operands = [
            literal_text(a, adapts(eqn, k)) if isinstance(a, Literal) else env[a]
            for k, a in enumerate(eqn.inputs)
        ]
        try:
            text = _tidy(array_text(eqn, [_part(t) for t in operands]))
        except NotImplementedError:
            return None
        if (uses[out] > 1 and not text.isidentifier()) or (
            len(text) > _LONG and out not in jaxpr.outputs
        ):
            name = space.claim("t")
            lines.append(f"{name} = {text}")
            text = name
        env[out] = text
    return [literal_text(a, False) if isinstance(a, Literal) else env[a] for a in jaxpr.outputs]


class Helpers:
    """A function that stands before the lines, in a function of its own that keeps its names."""

    def __init__(self, name: str, program: NumpyProgram) -> None:
        self.name = name
        source = program.source(written_out=None)
        made = textwrap.indent(source.rstrip(), "    ")
        self._text = f"def make_{name}():\n{made}\n\n    return {program.name}\n\n\n"
        self._text += f"{name} = make_{name}()"

    @staticmethod
    def text(helpers: Iterable[Helpers]) -> list[str]:
        """The texts of functions."""
        return [helper._text for helper in helpers]


def _helper(
    space: Space,
    record: Record,
    wanted: str,
    f: Any,
    avals: Sequence[Any],
    texts: Sequence[str],
) -> str:
    """A call of a function that stands before the lines."""
    jaxpr, captured = trace(f, avals, name=identifier(wanted))
    if any(isinstance(a, StepResidualsAval) for a in (*jaxpr.in_avals, *jaxpr.out_avals)):
        raise ArgumentError(
            f"explain: {record.primitive.name}, at {line_of(record.source_info)}, hands what each "
            "of its steps kept to another loop, which flat code has no text for",
            "Explain the function itself: explain(f, x) in place of explain(grad(f), x).",
        )
    program = build(jaxpr, captured, backend=backend_named("numpy"))
    assert isinstance(program, NumpyProgram)
    if program.unwritten:
        raise ArgumentError(
            f"explain: {program.unwritten[0]}, at {line_of(record.source_info)}, runs Python code "
            "and has no text as NumPy",
            "Look at it with table() or save(), or take it out of what is explained.",
        )
    name = space.claim(wanted)
    space.helpers[name] = Helpers(name, program)
    return f"{name}({', '.join(texts)})"
