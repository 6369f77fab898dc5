"""The "flat" code of an evaluation: NumPy, forward line by line, then backward line by line.

Every value has a line, under the name that the user gave it, and every contribution to a gradient
has one, under that name with ``grad_`` before it. The text runs by itself.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..compile.source.backend import kernels_text
from ..compile.source.expressions import array_constant, number_text
from ..compile.source.naming import Names, identifier
from ..control.program.structured import Interpreter
from ..core.ir import Equation, Jaxpr, Literal, Var
from ..core.record import trace
from ..core.source_info import SourceInfo, line_of
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError
from .evaluation import Contributions, GraphFrame, Scope
from .expressions import equation_text, nest
from .recording import Record, pull
from .variables import code_line

__all__ = ["FlatSource"]

_WRITTEN_OUT = 200
"""Arrays up to this many elements are written as numbers, larger ones as their bytes."""
_ULP_MOST = 2
_COMMENT_MOST = 56
"""Longer lines of the user's are told by their place alone."""
_KNOWN: dict[str, str] = {
    "log": "{ct} / {x}",
    "logistic": "{ct} * (1 - {out}) * {out}",
    "scalar_pow 2": "{ct} * 2 * {x}",
    "sqrt": "{ct} / (2 * {out})",
    "square": "{ct} * 2 * {x}",
    "tanh": "{ct} * (1 - {out} ** 2)",
}
"""Backward lines as lectures write them; taken where they give the same numbers."""


class FlatSource:
    """Writes the flat code.

    Args:
        frame: What was recorded.
        flow: What flows back; empty where there are no gradients.
        seeds: The results that are differentiated, with their cotangents.
        inputs: The tracers of the arguments, with their names.
        wanted: The ids of those that are differentiated.
        results: The function's results, tracers or plain values.
        title: What it is the code of.
    """

    def __init__(
        self,
        frame: GraphFrame,
        flow: Contributions,
        seeds: Sequence[tuple[Tracer, Any]],
        inputs: Sequence[tuple[Tracer, str]],
        results: Sequence[Any],
        title: str,
    ) -> None:
        self._frame, self._flow, self._seeds = frame, flow, seeds
        self._inputs, self._results, self._title = inputs, results, title
        self._names = Names(["np", "base64", "result"])
        self._users = dict(_user_names(frame.root))
        labels = [*self._users.values(), *[label for _, label in inputs]]
        self._reserved = {identifier(label) for label in labels}
        self._same: dict[int, Tracer] = {}
        self._named: dict[int, str] = {}
        self._constants: dict[tuple[Any, ...], tuple[str, Any]] = {}
        self._grads: dict[int, str] = {}
        self._steps: dict[int, str] = {}
        self._lines: list[tuple[str, SourceInfo | None]] = []

    def text(self) -> str:
        """The whole of it."""
        for tracer, label in self._inputs:
            self._named[id(tracer)] = self._new(label)
        names = list(self._named.values())
        for record in self._frame.records:
            self._forward(record)
        forward, self._lines = self._lines, []
        returned = [self._name(x) for x in self._results]
        for tracer, ct in self._seeds:
            grad = self._grad(tracer)
            self._grads[id(self._origin(tracer))] = grad
            self._line(f"{grad} = {number_text(ct)}", None)
        if self._seeds:
            for record in reversed(self._frame.records):
                self._backward(record)
            self._finish_inputs()
        backward = self._lines
        head = [f"# {self._title}: forward, then backward, as NumPy.", "import numpy as np"]
        given = [
            f"{name} = {_value_text(tracer.value)}"
            for name, (tracer, _) in zip(names, self._inputs, strict=True)
        ]
        given += [f"{name} = {_value_text(x)}" for name, x in self._constants.values()]
        body = [*_commented(forward), *([f"result = {_tuple(returned)}"] if returned else [])]
        parts = ["\n".join(given), "# forward\n" + "\n".join(body)]
        if backward:
            parts.append("# backward\n" + "\n".join(_commented(backward)))
        whole = "\n\n".join(parts)
        if "base64." in whole:
            head.insert(1, "import base64")
        if re.search(r"\bspecial\.", whole):
            head.append("from scipy import special")
        if re.search(r"\bsqrt\(", re.sub(r"np\.sqrt\(", "", whole)):
            head.append("from math import sqrt")
        kernels = kernels_text(whole)
        return "\n\n".join(["\n".join(head), *kernels, whole]) + "\n"

    def _new(self, label: str) -> str:
        name = identifier(label)
        return name if self._names.claim(name) else self._names.like(name)

    def _origin(self, x: Any) -> Any:
        """The value itself, where ``x`` is it under a name, or with another type."""
        while id(x) in self._same:
            x = self._same[id(x)]
        return x

    def _name(self, x: Any) -> str:
        """The name of a value; of a plain array that of a constant, of a number its text."""
        x = self._origin(x)
        if isinstance(x, Tracer):
            return self._named[id(x)]
        if isinstance(x, np.ndarray):
            key = x.shape, x.dtype.str, x.tobytes()
            known = self._constants.get(key)
            if known is None:
                known = self._constants[key] = self._names.like("const"), x
            return known[0]
        return _value_text(x)

    def _result(self, out: Tracer) -> str:
        """A name for a new value."""
        user = self._users.get(id(out))
        name = self._named[id(out)] = self._new(user) if user else self._fresh()
        return name

    def _fresh(self) -> str:
        """A short name that nothing has, and that nothing of the user's will want."""
        while (name := self._names.fresh()) in self._reserved:
            pass
        return name

    def _grad(self, x: Tracer) -> str:
        return self._grads.get(id(x)) or self._new(f"grad_{self._name(x)}")

    def _line(self, code: str, place: SourceInfo | None) -> None:
        self._lines.append((code, place))

    def _forward(self, record: Record) -> None:
        primitive, place = record.primitive, record.source_info
        if primitive is None:
            if record.use == "entry":
                (out,) = record.outs
                of = self._name(record.args[0])
                self._line(f"{self._result(out)} = {of}[{record.values[0]}]", place)
            elif record.use == "collect":
                (out,) = record.outs
                parts = ", ".join([self._name(x) for x in record.args])
                dtype = f"np.{out.aval.dtype.name}"
                shape = out.aval.shape
                code = f"np.array([{parts}], {dtype}).reshape({shape})"
                self._line(f"{self._result(out)} = {code}", place)
            return
        first = record.args[0] if record.args else None
        if _is_same(record) and isinstance(first, Tracer):
            self._same[id(record.outs[0])] = first
            return
        atoms, names = self._atoms(record)
        outs = [Var(out.aval) for out in record.outs]
        try:
            code = equation_text(Equation(primitive, atoms, outs, place), names.__getitem__)
        except (NotImplementedError, ArgumentError):
            self._forward_inlined(record)
            return
        left = ", ".join([self._result(out) for out in record.outs])
        self._line(f"{left}{',' * (primitive.multiple and len(outs) == 1)} = {code}", place)

    def _forward_inlined(self, record: Record) -> None:
        """An operation that has no text of its own as the program that it runs."""
        primitive = record.primitive
        if primitive.interpret is None:
            raise ArgumentError(
                f"explain: {primitive}, at {line_of(record.source_info)}, has no text as NumPy",
                "Look at it with table() or save(), or take it out of what is explained.",
            )
        avals = [aval_of(x) for x in record.values]
        jaxpr, captured = trace(
            lambda *xs: list(primitive.interpret(xs, Interpreter())), avals, what="explain"
        )
        given = [self._name(self._operand(record, k)) for k in range(len(record.args))]
        nested = self._nest(jaxpr, captured, given)
        for name, code in nested.lines:
            self._line(f"{name} = {code}", record.source_info)
        for out, code in zip(record.outs, nested.results, strict=True):
            self._line(f"{self._result(out)} = {code}", record.source_info)

    def _operand(self, record: Record, k: int) -> Any:
        """An operand: a value of the evaluation, or a plain one as it was then."""
        arg = record.args[k]
        return arg if isinstance(arg, Tracer) else record.values[k]

    def _atoms(self, record: Record) -> tuple[list[Any], dict[Var, str]]:
        atoms: list[Any] = []
        names: dict[Var, str] = {}
        for k, (arg, value) in enumerate(zip(record.args, record.values, strict=True)):
            if isinstance(arg, Tracer) or isinstance(value, np.ndarray):
                var = Var(aval_of(value))
                names[var] = self._name(self._operand(record, k))
                atoms.append(var)
            else:
                atoms.append(Literal(value, aval_of(value)))
        return atoms, names

    def _nest(self, jaxpr: Jaxpr, captured: Sequence[Any], given: Sequence[str]) -> Any:
        by_var = dict(zip(jaxpr.inputs[len(captured) :], given, strict=True))

        def name_of(var: Var, constant: Any) -> str:
            if constant is not None:
                return self._name(constant)
            return by_var.get(var) or self._fresh()

        return nest(jaxpr, captured, name_of)

    def _backward(self, record: Record) -> None:
        parts = self._flow.parts
        if record.primitive is None:
            self._backward_between(record)
            return
        if _is_same(record) and isinstance(record.args[0], Tracer):
            return
        wanted = [(id(record), k) in parts for k in range(len(record.args))]
        if not any(wanted):
            return
        for out in record.outs:
            self._settle(out)
        codes = self._contributions(record, wanted)
        inputs = {id(tracer) for tracer, _ in self._inputs}
        order = sorted(codes, key=lambda k: (id(self._origin(record.args[k])) not in inputs, k))
        for k in order:
            self._accumulate(record.args[k], codes[k], record.source_info)

    def _accumulate(self, x: Any, code: str, place: SourceInfo | None) -> None:
        origin = self._origin(x)
        known = self._grads.get(id(origin))
        if known is None:
            name = self._grads[id(origin)] = self._grad(origin)
            self._line(f"{name} = {code}", place)
        else:
            self._line(f"{known} = {known} + {code}", place)

    def _contributions(self, record: Record, wanted: Sequence[bool]) -> dict[int, str]:
        """The expressions of what an operation hands to its operands."""
        found = self._as_lectures_write(record, wanted)
        if found:
            return found
        cts = [self._flow.total.get(id(out)) for out in record.outs]
        flowing = [i for i, ct in enumerate(cts) if ct is not None and record.outs[i].aval.inexact]
        positions = [k for k, want in enumerate(wanted) if want]
        count, outs = len(flowing), len(record.outs)
        pairs = zip(record.args, record.values, strict=True)
        named = [
            k
            for k, (a, v) in enumerate(pairs)
            if isinstance(a, Tracer) or isinstance(v, np.ndarray)
        ]

        def rule(*given: Any) -> list[Any]:
            ct: list[Any] = [None] * outs
            for i, value in zip(flowing, given[:count], strict=True):
                ct[i] = value
            results, operands = given[count : count + outs], list(record.values)
            for k, value in zip(named, given[count + outs :], strict=True):
                operands[k] = value
            stood = Record(
                record.primitive,
                record.args,
                operands,
                tuple([_Standing(x) for x in results]),  # type: ignore[arg-type]
                record.residuals,
                record.source_info,
            )
            pulled = pull(stood, ct, wanted, False)
            return [pulled[k] for k in positions]

        values = [cts[i] for i in flowing]
        values += [out.value for out in record.outs]
        values += [record.values[k] for k in named]
        jaxpr, captured = trace(rule, [aval_of(x) for x in values], what="explain")
        names = [self._grad(self._origin(record.outs[i])) for i in flowing]
        names += [self._name(out) for out in record.outs]
        names += [self._name(self._operand(record, k)) for k in named]
        nested = self._nest(jaxpr, captured, names)
        for name, code in nested.lines:
            self._line(f"{name} = {code}", record.source_info)
        return dict(zip(positions, nested.results, strict=True))

    def _as_lectures_write(self, record: Record, wanted: Sequence[bool]) -> dict[int, str]:
        primitive = record.primitive
        power = f" {primitive.exponent}" if primitive.name == "scalar_pow" else ""
        known = _KNOWN.get(primitive.name + power)
        if known is None or not wanted[0] or not isinstance(record.args[0], Tracer):
            return {}
        (out,) = record.outs
        ct = self._flow.total[id(out)]
        exact = np.asarray(self._flow.parts[id(record), 0])
        (x,) = record.values
        with np.errstate(all="ignore"):
            code = known.format(ct="ct", out="out", x="x")
            found = np.asarray(eval(code, {"ct": ct, "out": out.value, "x": x}))
        if found.shape != exact.shape or found.dtype != exact.dtype:
            return {}
        distance = np.abs(found - exact)
        if not np.all((distance <= _ULP_MOST * np.spacing(np.abs(exact))) | (found == exact)):
            return {}
        grad = self._grad(self._origin(out))
        return {0: known.format(ct=grad, out=self._name(out), x=self._name(record.args[0]))}

    def _backward_between(self, record: Record) -> None:
        """What flows between a loop and one of its steps."""
        parts = self._flow.parts
        if record.use == "entry" and (id(record), 0) in parts:
            x, (out,) = self._origin(record.args[0]), record.outs
            self._settle(out)
            steps = self._steps.get(id(x))
            if steps is None:
                steps = self._steps[id(x)] = self._new(f"grad_{self._name(x)}_steps")
                self._line(f"{steps} = np.zeros({x.aval.shape}, np.{x.aval.dtype.name})", None)
            grad = self._grad(self._origin(out))
            self._line(f"{steps}[{record.values[0]}] += {grad}", None)
        elif record.use == "collect":
            self._settle(record.outs[0])
            for step, x in enumerate(record.args):
                if (id(record), step) in parts:
                    grad = self._grad(self._origin(record.outs[0]))
                    self._accumulate(x, f"{grad}[{step}]", None)

    def _settle(self, x: Any) -> None:
        """Add what came from the steps of loops to a gradient that is complete."""
        origin = self._origin(x)
        steps = self._steps.pop(id(origin), None)
        if steps is None:
            return
        known = self._grads.get(id(origin))
        name = self._grads[id(origin)] = self._grad(origin)
        self._line(f"{name} = {steps}" + (f" + {known}" if known else ""), None)

    def _finish_inputs(self) -> None:
        for tracer, _ in self._inputs:
            self._settle(tracer)


class _Standing:
    """Stands for a result, where a rule is traced."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _is_same(record: Record) -> bool:
    """Whether an operation hands its operand on: under a name, or with a weak type made strong."""
    name = record.primitive.name
    if name == "convert":
        return record.primitive.dtype == aval_of(record.values[0]).dtype
    return name == "name" and hasattr(record.primitive, "label")


def _user_names(scope: Scope) -> Iterator[tuple[int, str]]:
    """The names that users gave to results, by the id of the tracer."""
    for draft in scope.drafts:
        if draft.inside is not None:
            yield from _user_names(draft.inside)
        for outs in draft.outs if draft.kind != "input" else []:
            for port, out in enumerate(outs):
                name = draft.given.get(port) or draft.names.get(port)
                if name:
                    yield id(out), name


def _value_text(x: Any) -> str:
    """A value as source, to the bit."""
    if isinstance(x, np.ndarray) and x.ndim:
        if x.size <= _WRITTEN_OUT:
            return array_constant(x)
        raw = base64.b64encode(np.ascontiguousarray(x).tobytes()).decode()
        dtype = f"np.{x.dtype.name}"
        return f'np.frombuffer(base64.b64decode("{raw}"), {dtype}).reshape({x.shape}).copy()'
    if isinstance(x, np.ndarray):
        x = x[()]
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    if isinstance(x, (int, float, complex)) and not isinstance(x, np.generic):
        kind = "np.float64" if isinstance(x, float) else ""
        return f"{kind}({number_text(x)})" if kind else number_text(x)
    return f"np.{x.dtype.name}({number_text(x)})"


def _tuple(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _commented(lines: Sequence[tuple[str, SourceInfo | None]]) -> list[str]:
    """Lines with the user's lines as comments, told where they change."""
    width = min(max((len(code) for code, _ in lines), default=0), 44)
    found: list[str] = []
    last: object = None
    for code, place in lines:
        where = line_of(place)
        comment = ""
        if where and where != last:
            users = code_line(place)
            told = users and users != code and len(users) <= _COMMENT_MOST
            comment = f"  # {where}" + (f": {users}" if told else "")
        last = where or last
        found.append(f"{code:<{width}}{comment}" if comment else code)
    return found
