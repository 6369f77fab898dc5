"""The numpy backend. A program becomes the text of a Python function, and the function.

The text runs by itself: it needs NumPy and the captured arrays that are too large to be written
out. Where float64 scalars are computed in Python's floats there is a second version of the
function, in NumPy's scalars throughout, which the first calls where Python raises, and where the
caller asked NumPy to tell of overflow or nan (a line that the text does not show; see `errstate`).
"""

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
import math
import re
import textwrap
import weakref
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import Any, cast

import numpy as np

from ..._stack import LINE_FINDER, pointed
from ...control.callbacks.host import in_host
from ...control.flow.cond import check_index
from ...core.backend import EXPLAIN, Executable, locate, note_line, register
from ...core.ir import Jaxpr
from ...core.plain import one_line
from ...core.record import uncollected
from ...core.source_info import SourceInfo, line_in_file, line_of
from ...core.trace import aval_of
from ...errors import COMPILED, FuncgradError, OutOfBoundsError
from ...ops.convert import too_large
from ...ops.layout import out_of_bounds
from . import errstate
from .control_flow import LOWERED, residuals_are_lists
from .expressions import PROFILE, Guard, Line, array_constant, is_number
from .naming import KERNELS, identifier
from .writer import Lowerings, Writer

__all__ = ["NumpyBackend", "NumpyProgram", "kernels_text"]

_LOWERINGS = Lowerings(LOWERED, residuals_are_lists)
_COUNT = itertools.count(1)
_WRITTEN_OUT = 64
"""Constants up to this many elements are part of the text."""
_SPECIAL = re.compile(r"\bspecial\.")
"""Functions of SciPy's, which is imported where they are called and not before."""
_CALL = re.compile(r"\b(?!(?:sqrt|float|abs)\()[A-Za-z_][\w.]*\(")
"""A call that may have NumPy warn."""
_FORGOTTEN: list[str] = []
"""Files of programs that are gone. A program may go at any time, also while `linecache` walks over
its entries: so the next one that comes lets go of the text."""
_COMMENTS_AT = 64
"""The column in which comments start, at most."""


class NumpyProgram(Executable):
    """A compiled program.

    Attributes:
        name: The function's name.
        function: The function.
        filename: Where tracebacks say that it stands.
    """

    def __init__(
        self,
        jaxpr: Jaxpr,
        constants: Sequence[Any],
        owned: bool,
        names: Sequence[str] = (),
        weak: Sequence[bool] = (),
    ) -> None:
        self.name = identifier(jaxpr.name.replace("<lambda>", "f"))
        # In angle brackets, as what is no file: coverage, debuggers and others look for none.
        self.filename = f"<{self.name}, {COMPILED} #{next(_COUNT)}>"
        self._floats = weak or [False] * (len(jaxpr.inputs) - len(constants))
        self._owned = owned
        self._names = [identifier(name) for name in names]
        self._jaxpr, self._constants = jaxpr, constants
        # Where Python raises the program runs again: not if somebody would see that it did.
        self._writer = self._write(self.name, not self._jaxpr.foreign)
        self._exact: Writer | None = None
        self._lines = self._first_version()
        self._space: dict[str, Any] = {
            "np": np,
            "sqrt": math.sqrt,
            **KERNELS,
            LINE_FINDER: self._line_at,
        }
        self._space.update(self._bindings(self._writer))
        self._space[EXPLAIN] = self.explain
        self._space.update(_state=errstate.state, _usual=errstate.usual, _asks=errstate.asks)
        self._space[self._exact_name] = self._run_exactly
        super().__init__(self._define(self._lines, self.name, self.filename))
        # Whoever holds the function holds its text, which tracebacks show.
        self.function.program = self  # type: ignore[attr-defined]
        _forget()
        self._show(self._lines, self.filename)

    @property
    def _has_second(self) -> bool:
        return self._writer.may_raise or self._writer.calls_again

    @property
    def _exact_name(self) -> str:
        return f"{self.name}_in_numpy"

    @property
    def _exact_filename(self) -> str:
        return f"{self.filename[:-1]}, in NumPy's numbers>"

    def _write(self, name: str, python: bool, taken: Iterable[str] = ()) -> Writer:
        count = len(self._constants)
        arguments = self._names, self._floats
        return Writer(
            name, self._jaxpr, count, self._owned, python, *arguments, _LOWERINGS, taken=taken
        )

    def _bindings(self, writer: Writer) -> dict[str, Any]:
        return self._arrays(writer) | writer.bound

    def _arrays(self, writer: Writer) -> dict[str, Any]:
        """The constants that a version reads, by name."""
        inputs = self._jaxpr.inputs[: len(self._constants)]
        named = {writer.names[v]: x for v, x in zip(inputs, self._constants, strict=True)}
        return named | writer.extra

    def _define(self, lines: Iterable[Line], name: str, filename: str) -> Any:
        text = "\n".join([line.code for line in lines])
        if _SPECIAL.search(text):
            from scipy import special

            self._space["special"] = special
        exec(compile(text, filename, "exec"), self._space)
        return self._space[name]

    def _show(self, lines: Sequence[Line], filename: str) -> None:
        """Let tracebacks show the text, as long as the program is there."""
        linecache.cache[filename] = (0, None, cast(Any, _Text(lines)), filename)
        weakref.finalize(self, _FORGOTTEN.append, filename).atexit = False

    def _first_version(self) -> list[Line]:
        writer = self._writer
        arguments = _arguments(writer)
        head = [Line(f"def {self.name}({arguments}):")]
        if writer.unflagged or writer.calls_again:
            again = f"return {self._exact_name}({arguments})"
            head.append(Guard(f"    if _state() not in _usual and _asks(): {again}"))
        if not writer.may_raise:
            return [*writer.before, *head, *_indent(writer.body, 4)]
        return [
            *writer.before,
            *head,
            Line("    try:"),
            *_indent(writer.body, 8),
            Line("    except (ArithmeticError, ValueError):"),
            Line("        pass  # where Python raises, NumPy may give inf or nan"),
            Line(f"    return {self._exact_name}({arguments})"),
        ]

    def _second_version(self) -> list[Line]:
        if self._exact is None:
            # Both versions see one set of globals, in which each has names of its own.
            self._exact = self._write(self._exact_name, False, self._writer.globals)
        head = Line(f"def {self._exact_name}({_arguments(self._exact)}):")
        return [*self._exact.before, head, *_indent(self._exact.body, 4)]

    def _run_exactly(self, *args: Any) -> Any:
        lines = self._second_version()
        assert self._exact is not None
        self._space.update(self._bindings(self._exact))
        function = self._define(lines, self._exact_name, self._exact_filename)
        if not self.calls_numpy:  # then nothing around has told NumPy where to warn
            function = self._space[self._exact_name] = pointed(function)
        self._show(lines, self._exact_filename)
        return function(*args)

    @property
    def unwritten(self) -> list[str]:
        """The operations that have no text, and are run by funcgrad."""
        return [str(run.__self__) for run in self._writer.bound.values()]

    def source(self, written_out: int | None = _WRITTEN_OUT) -> str:
        """The text of the whole program.

        Args:
            written_out: Constants up to this many elements are part of it; None for all.
        """
        parts = [_comment(self._lines)]
        if self._has_second:
            parts.append(_comment(self._second_version()))
        body = "\n\n".join(parts)
        head = ["import numpy as np"]
        if re.search(r"\bsqrt\(", body):
            head.insert(0, "from math import sqrt")
        if _SPECIAL.search(body):
            head.append("from scipy import special")
        constants = self._constants_text(written_out)
        bound = [_bound_text(name, run) for name, run in self._writer.bound.items()]
        return "\n\n\n".join(["\n".join(head), *constants, *bound, *kernels_text(body), body])

    def _constants_text(self, written_out: int | None) -> list[str]:
        arrays = self._arrays(self._writer)
        if self._exact is not None:
            arrays |= self._arrays(self._exact)
        lines = []
        for name, x in arrays.items():
            small = written_out is None or np.size(x) <= written_out
            if isinstance(x, np.ndarray) and small:
                lines.append(f"{name} = {array_constant(x)}")
            else:
                lines.append(f"# {name}: a captured array, {aval_of(x)}")
        return ["\n".join(lines)] if lines else []

    def explain(self, error: Exception) -> Exception:
        """An exception that the function raised, with the user's line in a note."""
        source_info = self._place(error)
        if type(error) is IndexError and not in_host(error.__traceback__):
            error = _out_of_bounds(error)
        if isinstance(error, OutOfBoundsError):
            return locate(error, source_info)
        if type(error) is OverflowError and "C long" in str(error):
            return too_large(self.name, source_info or None)
        if source_info and not isinstance(error, FuncgradError):
            note_line(error, f"compiled {self.name}", source_info)
        return error

    @property
    def calls_numpy(self) -> bool:
        """Whether NumPy may have something to warn of; else all is done by Python's floats."""
        equations, quiet = self._jaxpr.equations, self._writer.quiet
        avals = [*self._jaxpr.in_avals, *[v.aval for eqn in equations for v in eqn.outputs]]
        return not all(map(is_number, avals)) or any(
            line.equation is not None and line.equation not in quiet and _CALL.search(line.code)
            for line in self._lines
        )

    def _place(self, error: Exception) -> str:
        """The user's line for the innermost line of this program in a traceback."""
        found = ""
        tb = error.__traceback__
        while tb is not None:
            if tb.tb_frame.f_code.co_filename in (self.filename, self._exact_filename):
                found = line_of(self._place_of(tb.tb_frame, tb.tb_lineno))
            tb = tb.tb_next
        return found

    def _place_of(self, frame: FrameType, number: int) -> SourceInfo | None:
        """The user's place of a line of this program, in one of its versions."""
        first = frame.f_code.co_filename == self.filename
        equation = (self._lines if first else self._second_version())[number - 1].equation
        return None if equation is None else equation.source_info

    def _line_at(self, frame: FrameType) -> tuple[str, int] | None:
        """The user's line that a frame of this program computes, for NumPy's warnings."""
        return line_in_file(self._place_of(frame, frame.f_lineno))


class _Text(Sequence[str]):
    """The lines of a program, put together when somebody reads them; what `linecache` keeps."""

    __slots__ = ("_lines", "_text")

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._text: list[str] = []

    def _read(self) -> list[str]:
        if not self._text:
            self._text = _comment(self._lines, hidden=True).splitlines(keepends=True)
        return self._text

    def __len__(self) -> int:
        return len(self._read())

    def __getitem__(self, index: Any) -> Any:
        return self._read()[index]


def _forget() -> None:
    """Let go of the text of programs that are gone; other threads may be at it too."""
    while True:
        try:
            filename = _FORGOTTEN.pop()
        except IndexError:
            return
        linecache.cache.pop(filename, None)


def _out_of_bounds(error: IndexError) -> OutOfBoundsError:
    """The error that the operation raises outside of compiled code."""
    branch = re.fullmatch(r"switch: index (-?\d+) is out of range for (\d+) branches", str(error))
    if branch is None:
        return out_of_bounds(error)
    try:
        check_index(int(branch[1]), int(branch[2]))
    except OutOfBoundsError as found:
        return found
    raise AssertionError(branch)


def _arguments(writer: Writer) -> str:
    return ", ".join([writer.names[v] for v in writer.arguments])


def _indent(lines: Iterable[Line], columns: int) -> list[Line]:
    return [line.indent(columns) for line in lines]


def _comment(lines: Sequence[Line], hidden: bool = False) -> str:
    lines = [line for line in lines if hidden or not isinstance(line, Guard)]
    width = min(max((len(line.code) for line in lines if line.equation), default=0), _COMMENTS_AT)
    shown = [
        f"{line.code:<{width}}  # {line.comment()}" if line.equation else line.code
        for line in lines
    ]
    return "\n".join(shown) + "\n"


def _bound_text(name: str, run: Any) -> str:
    """What stands for the function of a primitive that has no text: the programs that it runs."""
    primitive = run.__self__
    lines = [f"# {name}: {one_line(str(primitive))}, run by funcgrad"]
    for _, jaxpr in primitive.bodies():
        lines += [f"# {one_line(line)}" for line in str(jaxpr).splitlines()]
    return "\n".join(lines)


def kernels_text(body: str) -> list[str]:
    """The functions that ``body`` calls, and those that they call, without annotations."""
    found: dict[str, str] = {}
    pending = [body]
    while pending:
        text = pending.pop()
        for name in sorted(set(re.findall(r"(?<![\w.])(\w+)\(", text)) & KERNELS.keys()):
            if name not in found:
                found[name] = _plain(KERNELS[name])
                pending.append(found[name])
    return [found[name] for name in sorted(found)]


def _plain(function: Any) -> str:
    """The source of a function without annotations, which would need names of their own.

    Where the package is installed without its sources, the import of the function.
    """
    try:
        text = inspect.getsource(function)
    except OSError:
        return f"from {function.__module__} import {function.__name__}"
    module = ast.parse(textwrap.dedent(text))
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(module)


class NumpyBackend:
    """Writes NumPy; compiles every primitive."""

    name = "numpy"
    profile = PROFILE

    def supports(self, primitive: Any) -> bool:
        return True

    @uncollected
    def compile(
        self,
        jaxpr: Jaxpr,
        constants: Sequence[Any] = (),
        *,
        owned: bool = True,
        names: Sequence[str] = (),
        weak: Sequence[bool] = (),
    ) -> Executable:
        return NumpyProgram(jaxpr, constants, owned, names, weak)


register(NumpyBackend())
