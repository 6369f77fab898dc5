"""What a backend is, and the register of them.

A backend turns a jaxpr into a Python callable. `RunBackend`, which interprets, is always there and
is what the others are tested against; `funcgrad.compile` registers the one that writes NumPy. A
process that calls no `jit` does not load it, until it has interpreted for as long as loading takes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import COMPILED, LIBRARIES, ArgumentError, FuncgradError, OutOfBoundsError
from . import lazy
from .ir import Jaxpr, live_equations
from .record import last_reads, run
from .source_info import line_of

__all__ = [
    "EXPLAIN",
    "Backend",
    "BackendInfo",
    "Executable",
    "Profile",
    "RunBackend",
    "backend_named",
    "backends",
    "compile_once",
    "explained",
    "locate",
    "note_line",
    "own_results",
    "register",
]


Program = Callable[..., tuple[Any, ...]]
"""Takes one value for each input that is not bound, gives a tuple of results."""


class Profile(NamedTuple):
    """What pays on a backend: the constants by which the passes decide.

    The defaults are for backends on which each operation costs a microsecond, whatever it does, as
    on NumPy.

    Attributes:
        dot_length: Sums of products up to this length become matrix products.
        element_length: Elements of vectors up to this length are numbers of their own.
        stack_length: Up to this length arithmetic of vectors put together of numbers is done to the
            numbers.
    """

    dot_length: int = 8192
    element_length: int = 8
    stack_length: int = 4


class Executable:
    """A compiled program: takes one value for each input that is not bound, gives a tuple.

    Attributes:
        function: What a caller on the hot path calls in place of the executable.
    """

    def __init__(self, function: Callable[..., tuple[Any, ...]]) -> None:
        self.function = function

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        return self.function(*args)

    @property
    def calls_numpy(self) -> bool:
        """Whether NumPy may have something to warn of."""
        return True

    def source(self) -> str:
        """The text of the program, for a reader; empty where the jaxpr is all there is."""
        return ""

    def located(self, error: Exception) -> Exception:
        """What to raise for an exception of the function's: with the user's line, where known."""
        return explained(error)

    def entry(self, signature: Any, result: Any, constants: Any) -> Callable[..., Any] | None:
        """An entry function of the backend's own for the calls of a jitted function.

        Args:
            signature: What the function was traced for, `funcgrad.compile.signature.Signature`.
            result: The structure of its result.
            constants: Its leaves that are no numbers, by position.

        Returns:
            The function, which passes calls that it does not recognise on to its global ``miss``;
            None to have one generated.
        """
        return None


class Backend(Protocol):
    """What compiles a jaxpr.

    Attributes:
        name: What `jit` is asked for, as in ``jit(f, backend="numpy")``.
        profile: What pays on it; None for one that wants programs as they were traced.
    """

    @property
    def name(self) -> str: ...

    @property
    def profile(self) -> Profile | None: ...

    def supports(self, primitive: Any) -> bool:
        """Whether it can compile programs in which ``primitive`` occurs."""
        ...

    def compile(
        self,
        jaxpr: Jaxpr,
        constants: Sequence[Any] = (),
        *,
        owned: bool = True,
        names: Sequence[str] = (),
        weak: Sequence[bool] = (),
    ) -> Executable:
        """Compile a program, which has gone through the passes by `profile`.

        Args:
            jaxpr: The program.
            constants: The values of its leading inputs, which the result binds. They are never
                written to.
            owned: Whether every array of the result must be its own, writeable and apart from
                arguments, constants and the other results (law 6). Without it results may be views
                of arguments and of one another, but still not of constants.
            names: What the remaining inputs may be called where the result can be read.
            weak: Which of the remaining inputs come as Python's numbers.

        Returns:
            A function of the remaining inputs, in order.
        """
        ...


class RunBackend:
    """The interpreter: `core.record.run`, one equation after the other."""

    name = "run"
    profile = None

    def supports(self, primitive: Any) -> bool:
        return True

    def compile(
        self,
        jaxpr: Jaxpr,
        constants: Sequence[Any] = (),
        *,
        owned: bool = True,
        names: Sequence[str] = (),
        weak: Sequence[bool] = (),
    ) -> Executable:
        # A copy, because programs are cached weakly by the jaxpr, which must then not be held.
        equations = live_equations(jaxpr, jaxpr.outputs)
        program = Jaxpr(jaxpr.inputs, equations, jaxpr.outputs, jaxpr.captured, jaxpr.name)
        bound, dying = list(constants), last_reads(program)

        def interpret(*args: Any) -> tuple[Any, ...]:
            results = run(program, [*bound, *args], dying)
            return tuple(own_results(results, [*bound, *args] if owned else bound))

        return Executable(interpret)


def own_results(results: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """``results``, copied where they share memory with ``others`` or among themselves."""
    kept: list[Any] = []
    seen = [x for x in others if isinstance(x, np.ndarray)]
    for result in results:
        if isinstance(result, np.ndarray):
            if (
                result.base is not None
                or not result.flags.writeable
                or any(np.may_share_memory(result, x) for x in seen)
            ):
                result = np.array(result)
            seen.append(result)
        kept.append(result)
    return kept


EXPLAIN = "__explain__"
"""The global of a compiled function that holds what to raise for its exceptions."""


def explained(error: Exception) -> Exception:
    """What to raise for an exception that left a program, with the user's line of the operation.

    The innermost program on the traceback knows it, be it compiled or interpreted.
    """
    values: dict[str, Any] = {}
    users = False
    tb = error.__traceback__
    while tb is not None:
        frame = tb.tb_frame
        if frame.f_code is run.__code__:
            values, users = frame.f_locals, False
        elif EXPLAIN in frame.f_globals:
            values, users = frame.f_globals, False
        elif not _is_internal(frame.f_code.co_filename):
            users = True
        tb = tb.tb_next
    if not values or (users and isinstance(error, OutOfBoundsError)):
        return error  # the user's code, called from a program, shows its own lines
    if EXPLAIN in values:
        return values[EXPLAIN](error)
    equation = values.get("eqn")
    line = line_of(equation.source_info) if equation is not None else ""
    if isinstance(error, OutOfBoundsError):
        return locate(error, line)
    if line and not isinstance(error, FuncgradError):
        note_line(error, f"program {values['jaxpr'].name}", line)
    return error


def _is_internal(filename: str) -> bool:
    return filename.startswith(LIBRARIES) or COMPILED in filename


def locate(error: OutOfBoundsError, line: str) -> OutOfBoundsError:
    """``error`` at the line of the operation, where no program inside has given it one."""
    if not line or error.located:
        return error
    found = OutOfBoundsError(error.what, error.fix, where=line)
    found.located = True
    return found


def note_line(error: Exception, program: str, line: str) -> None:
    """Tell in a note where the user wrote what raised; once, however many programs it leaves."""
    if not any(note.startswith("In the ") for note in getattr(error, "__notes__", ())):
        error.add_note(f"In the {program}, for {line}.")


class _Interpreted:
    """A program that is interpreted until that has cost what loading a compiler costs.

    Attributes:
        left: How many equations of all programs are interpreted before that.
    """

    __slots__ = ("_jaxpr", "_owned", "_program")
    left = 20_000

    def __init__(self, jaxpr: Jaxpr, owned: bool) -> None:
        # A copy, as in `RunBackend.compile`.
        self._jaxpr: Jaxpr | None = Jaxpr(
            jaxpr.inputs, jaxpr.equations, jaxpr.outputs, jaxpr.captured, jaxpr.name
        )
        self._owned = owned
        self._program = backend_named("run").compile(jaxpr, owned=owned).function

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        jaxpr = self._jaxpr
        if jaxpr is not None:
            _Interpreted.left -= len(jaxpr.equations)
            if _Interpreted.left < 0:
                self._program = _build(jaxpr, self._owned)
                self._jaxpr = None
        return self._program(*args)


def _build(jaxpr: Jaxpr, owned: bool) -> Program:
    # The pipeline stands on a higher floor and is named, not known: where nobody compiles, nothing
    # of it is loaded.
    return lazy.load("funcgrad.compile.stages").build(jaxpr, owned=owned).function


_BACKENDS: dict[str, Backend] = {"run": RunBackend()}
_HOMES = {"numpy": "funcgrad.compile.source.backend", "jax": "funcgrad.bridge.backend"}
"""The modules that register a backend as they load. They stand on a higher floor and are named, not
known: un-jitted programs are interpreted until loading has paid."""
_PREFERRED = os.environ.get("FUNCGRAD_BACKEND") or "numpy"
"""What compiles where no backend is named; read once, so that no program changes while it runs."""

_PROGRAMS: WeakKeyDictionary[Jaxpr, dict[bool, Program]] = WeakKeyDictionary()


def register(backend: Backend) -> None:
    """Add a backend, under its name."""
    _BACKENDS[backend.name] = backend


def backend_named(name: str | None = None) -> Backend:
    """The backend of that name, or the preferred one.

    Raises:
        ArgumentError: Where there is none.
    """
    asked, name = name, _PREFERRED if name is None else name
    if name not in _BACKENDS and name in _HOMES:
        lazy.load(_HOMES[name])
    found = _BACKENDS.get(name)
    if found is None:
        raise ArgumentError(
            f"jit: there is no backend {name!r}"
            + (", which the environment variable FUNCGRAD_BACKEND names" if asked is None else ""),
            f"Use one of {', '.join(map(repr, sorted({*_BACKENDS, *_HOMES})))}, or leave it out.",
        )
    return found


class BackendInfo(NamedTuple):
    """What is known of a backend.

    Attributes:
        name: What `jit` is asked for.
        available: Whether programs can be compiled with it here.
        reason: Why it cannot be used; empty where it can.
    """

    name: str
    available: bool
    reason: str


def backends() -> list[BackendInfo]:
    """The backends that ``jit(f, backend=...)`` knows, the preferred one first.

    >>> backends()[0]
    BackendInfo(name='numpy', available=True, reason='')
    """
    names = sorted({*_BACKENDS, *_HOMES}, key=lambda name: (name != _PREFERRED, name))
    found: list[BackendInfo] = []
    for name in names:
        try:
            backend_named(name)
            found.append(BackendInfo(name, True, ""))
        except ImportError as error:
            found.append(BackendInfo(name, False, str(error)))
    return found


def compile_once(jaxpr: Jaxpr, *, owned: bool = True) -> Program:
    """The program of ``jaxpr``, compiled once as long as ``jaxpr`` is alive."""
    programs = _PROGRAMS.setdefault(jaxpr, {})
    program = programs.get(owned)
    if program is None:
        loaded = _PREFERRED in _BACKENDS
        program = programs[owned] = _build(jaxpr, owned) if loaded else _Interpreted(jaxpr, owned)
    return program
