"""Flat code: one evaluation and its way back as NumPy, a line an operation.

The lectures' form of backpropagation: forward lines under the user's own names, then ``grad_``
lines in reverse, one for each contribution to a derivative. What a line computes is what the
evaluation computed, in the same order, so that the numbers are the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..compile.source.backend import kernels_text
from ..core.plain import one_line
from ..core.source_info import SourceInfo, line_of
from ..core.trace import Tracer
from ..ops.convert import Convert
from .evaluation import GraphFrame, Scope
from .flat_names import Space, array_text_of
from .flat_rules import Helpers, operation_text, pull_texts
from .recording import Record
from .sweep import Contributions
from .variables import code_line

__all__ = ["Evaluation", "flat_source"]

_Line: TypeAlias = tuple[str, SourceInfo | None]
"""A line, and the user's place that it comes from."""
_COMMENTS_AT = 44
"""The column in which comments start, at most."""
_COMMENT_MOST = 56
"""Longer lines of the user's are told by their place alone."""
_SPECIAL = re.compile(r"\bspecial\.")
_WRITTEN = (Tracer, np.ndarray, np.generic, int, float, complex)
"""What results are told."""


class Evaluation(NamedTuple):
    """What is kept of an evaluation to write it down.

    Attributes:
        title: The function's name.
        frame: What was recorded.
        flow: What flowed back.
        inputs: The arguments.
        wanted: Those that the result was differentiated by.
        result: What was differentiated; None where nothing was.
        reason: Why there are no gradients.
        error: What the function raised.
    """

    title: str
    frame: GraphFrame
    flow: Contributions
    inputs: Sequence[Tracer]
    wanted: Sequence[Tracer]
    results: Sequence[tuple[str, Any]]
    reason: str
    error: Exception | None


def flat_source(evaluation: Evaluation) -> str:
    """The text of an evaluation, which runs with NumPy alone.

    Raises:
        ArgumentError: An operation runs Python code of the user's, which has no text in NumPy.
    """
    return _Writer(evaluation).text()


class _Writer:
    def __init__(self, evaluation: Evaluation) -> None:
        self._of = evaluation
        self._records, self._flow = evaluation.frame.records, evaluation.flow
        self._bases: dict[int, str] = {}
        self._label(evaluation.frame.root)
        self._users: dict[int, int] = {}
        for record in self._records:
            for a in record.args:
                if isinstance(a, Tracer):
                    self._users[id(a)] = self._users.get(id(a), 0) + 1
        for _, x in evaluation.results:
            self._users[id(x)] = self._users.get(id(x), 0) + 1
        self._space = Space(self._bases.values())
        self._gradients: dict[int, str] = {}
        self._same: dict[int, Tracer] = {}
        self._begun: set[str] = set()
        self._arguments: set[int] = {id(x) for x in evaluation.inputs}
        self._last: SourceInfo | str | None = ""

    def text(self) -> str:
        """The whole of it."""
        space = self._space
        arguments = [self._argument(x) for x in self._of.inputs]
        forward = ["# forward", *_commented([*self._forward()]), *self._results()]
        backward: list[str] = []
        if not self._of.reason:
            backward = ["# backward", *_commented([*self._backward()])]
        given = [*arguments, *space.constants]
        body = "\n\n".join(["\n".join(part) for part in (given, forward, backward) if part])
        functions = [*kernels_text(body), *Helpers.text(space.helpers.values())]
        head = [f"# {one_line(self._of.title)}: forward, then backward, as NumPy."]
        if "base64." in body:
            head.append("import base64")
        head.append("import numpy as np")
        if any(_SPECIAL.search(part) for part in [body, *functions]):
            head.append("from scipy import special")
        return "\n\n".join(["\n".join(head), *functions, body]) + "\n"

    def _label(self, scope: Scope) -> None:
        """Take note of what the user calls values, those inside of boxes too."""
        for draft in scope.drafts:
            for outs in draft.outs:
                for port, out in enumerate(outs):
                    name = draft.name(port)
                    if name and isinstance(out, Tracer):
                        self._bases.setdefault(id(out), name)
            if draft.inside is not None:
                self._label(draft.inside)

    def _argument(self, tracer: Tracer) -> str:
        name = self._space.name(id(tracer), self._bases.get(id(tracer), "x"))
        value = tracer.value
        if isinstance(value, np.ndarray):
            return f"{name} = {array_text_of(value)}"
        bare = not isinstance(value, np.generic) or type(value) is np.float64
        text = self._space.number(value if not bare else _python_number(value))
        if self._in_numpy and bare and isinstance(value, (float, complex)):
            text = f"np.{np.dtype(type(value)).name}({text})"
        return f"{name} = {text}"

    @property
    def _in_numpy(self) -> bool:
        """Whether numbers have to be NumPy's: Python's raise where these become inf or nan."""
        flow = self._flow
        values = [x.value for record in self._records for x in record.outs]
        return not all(_is_finite(x) for x in (*values, *flow.parts.values(), *flow.total.values()))

    def _forward(self) -> Iterator[_Line]:
        for record in self._records:
            if not record.outs:
                continue
            if self._is_alias(record):
                self._alias(record)
                continue
            for line in self._lines_of(record):
                yield line, record.source_info

    def _is_alias(self, record: Record) -> bool:
        primitive = record.primitive
        if primitive is None or not isinstance(record.args[0], Tracer):
            return False
        if primitive.name == "name":
            return True
        return isinstance(primitive, Convert) and record.args[0].aval.dtype == primitive.dtype

    def _alias(self, record: Record) -> None:
        """A value under another name; its derivative stays apart where both are used."""
        x, out = record.args[0], record.outs[0]
        self._space.names[id(out)] = self._space.name_of(x)
        # Two parts add up to the same in both orders, three may not.
        uses, again = self._users.get(id(x)), self._users.get(id(out))
        if uses == 1 or (uses == 2 and again == 1):
            self._same[id(out)] = x

    def _gradient(self, tracer: Tracer) -> str:
        """What the derivative by a value is called."""
        while id(tracer) in self._same:
            tracer = self._same[id(tracer)]
        found = self._gradients.get(id(tracer))
        if found is None:
            name = self._space.name_of(tracer)
            found = self._gradients[id(tracer)] = self._space.claim(f"grad_{name}")
        return found

    def _lines_of(self, record: Record) -> Iterator[str]:
        space = self._space
        if record.primitive is None:
            (out,) = record.outs
            if record.use == "entry":
                x, step = space.operand(record.args[0]), record.values[0]
                yield f"{self._new(out)} = {x}[{step}]"
            elif record.use == "collect":
                parts = ", ".join([space.operand(x) for x in record.args])
                shape = "" if out.aval.size else f".reshape({out.aval.shape})"
                made = f"np.array([{parts}], np.{out.aval.dtype.name}){shape}"
                yield f"{self._new(out)} = {made}"
            return
        text = operation_text(space, record)
        left = [self._new(out) for out in record.outs]
        comma = "," if record.primitive.multiple and len(left) == 1 else ""
        yield f"{', '.join(left)}{comma} = {text}"

    def _new(self, out: Tracer) -> str:
        return self._space.name(id(out), self._bases.get(id(out), ""))

    def _results(self) -> list[str]:
        """The line that says what the function gave."""
        found = [self._space.operand(x) for _, x in self._of.results if isinstance(x, _WRITTEN)]
        if not found:
            return []
        return [f"result = {found[0] if len(found) == 1 else '(' + ', '.join(found) + ')'}"]

    def _backward(self) -> Iterator[_Line]:
        for x in self._of.inputs:
            if x.aval.inexact:
                self._gradient(x)
        result = self._of.results[0][1]
        plain = result.aval.dtype == np.float64 and not self._in_numpy
        one = "1.0" if plain else f"np.{result.aval.dtype.name}(1.0)"
        yield self._add(result, one), None
        for record in reversed(self._records):
            for line in self._back_through(record):
                yield line, record.source_info
        for x in self._of.wanted:
            name = self._gradient(x)
            if name not in self._begun:
                zeros = f"np.zeros({x.aval.shape}, np.{x.aval.dtype.name})"
                yield f"{name} = {zeros if x.aval.shape else '0.0'}", None

    def _back_through(self, record: Record) -> Iterator[str]:
        if record.primitive is None:
            yield from self._between_steps(record)
            return
        pulled = self._flow.pulls.get(id(record))
        if pulled is None or (self._is_alias(record) and self._is_same(record)):
            return
        cts = [
            self._gradient(out) if given else None
            for out, given in zip(record.outs, pulled.given, strict=True)
        ]
        parts = self._flow.parts
        lines, texts = pull_texts(self._space, record, pulled, cts, self._flow)
        yield from lines
        # What is an argument comes first, as in the lectures.
        found = [(k, a) for k, a in enumerate(record.args) if (id(record), k) in parts]
        for k, a in sorted(found, key=lambda part: id(part[1]) not in self._arguments):
            yield self._add(a, texts[k])

    def _is_same(self, record: Record) -> bool:
        return self._gradient(record.args[0]) == self._gradient(record.outs[0])

    def _add(self, tracer: Tracer, text: str) -> str:
        name = self._gradient(tracer)
        if name in self._begun:
            return f"{name} = {name} + {self._space.within_sum(text)}"
        self._begun.add(name)
        return f"{name} = {text}"

    def _between_steps(self, record: Record) -> Iterator[str]:
        flow = self._flow
        if record.use == "entry" and (id(record), 0) in flow.parts:
            x, step = record.args[0], record.values[0]
            name = self._gradient(x)
            if name not in self._begun:
                self._begun.add(name)
                yield f"{name} = np.zeros({x.aval.shape}, np.{x.aval.dtype.name})"
            elif name not in self._space.owned:
                yield f"{name} = np.array({name})"
            self._space.owned.add(name)
            yield f"{name}[{step}] += {self._gradient(record.outs[0])}"
        elif record.use == "collect":
            for step, x in enumerate(record.args):
                if (id(record), step) in flow.parts:
                    yield self._add(x, f"{self._gradient(record.outs[0])}[{step}]")


def _commented(lines: Sequence[_Line]) -> list[str]:
    """Lines with the user's as comments, told where they change."""
    width = min(max((len(code) for code, _ in lines), default=0), _COMMENTS_AT)
    found: list[str] = []
    last = ""
    for code, place in lines:
        where = line_of(place)
        if not where or where == last:
            found.append(code)
            continue
        last, users = where, one_line(code_line(place))
        told = f": {users}" if users and users != code and len(users) <= _COMMENT_MOST else ""
        found.append(f"{code:<{width}}  # {where}{told}")
    return found


def _python_number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_finite(x: Any) -> bool:
    if isinstance(x, (int, float)):
        return math.isfinite(x)
    if not isinstance(x, (np.ndarray, np.generic, complex)):
        return True
    return bool(np.isfinite(x).all())
