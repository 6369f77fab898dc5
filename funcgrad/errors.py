"""Every exception class, and the one way in which their messages are built.

Every error is a `FuncgradError` and the built-in that fits it, so that an ``except ValueError``
written for NumPy keeps working. A message says what was called and what it got, then what to write
instead, then the user's line and where to read more; `trim` drops funcgrad's own frames from the
traceback on the way out.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any, ParamSpec, TypeVar

from ._stack import COMPILED as COMPILED
from ._stack import DEFAULT, ENTRY, PACKAGE, POINTS, STATE, pointing, users_line
from ._stack import LIBRARIES as LIBRARIES

__all__ = [
    "ArgumentError",
    "CapturedArrayError",
    "ConcretizationError",
    "ConvergenceError",
    "DepthError",
    "DtypeError",
    "FileFormatError",
    "FuncgradError",
    "GradientCutError",
    "IndexDtypeError",
    "IntegerOverflowError",
    "InvalidJaxprError",
    "KeyReuseError",
    "LeakedTracerError",
    "MissingExtraError",
    "MissingRuleError",
    "NanError",
    "NotTraceableError",
    "OutOfBoundsError",
    "ShapeError",
    "StructureError",
    "TracerAssignmentError",
    "UnknownAttributeError",
]

DOCUMENTATION = ""
"""Where ``docs`` is published, as in pyproject.toml; "" for nowhere."""
_FULL = "FUNCGRAD_FULL_TRACEBACK"
_SHAPE = re.compile(r"expected a sequence of integers or a single integer, got '\w+\*?\[")
"""NumPy's text for a tracer as a shape; it drops the error that the tracer raised."""
_NO_SHAPE = (
    "This is a traced number, and a shape needs its value. Make the argument static "
    "(static_argnames), or take the length from x.shape. "
    "See help(funcgrad.errors.ConcretizationError)"
)
_FAULTS = (AttributeError, LookupError, NameError, AssertionError, RecursionError)
PASSING: set[CodeType] = set()
"""Code that does nothing but call NumPy, whose faults are not funcgrad's."""

ROOT = __name__.partition(".")[0]

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
R = TypeVar("R")


class FuncgradError(Exception):
    """The base of every error that funcgrad raises.

    Args:
        what: What was called and what it got, one sentence, no newline.
        fix: What to write instead.
        where: The user's line, as ``"train.py:12 in loss"``; by default the innermost one on the
            stack, ``""`` for none.

    Attributes:
        what: As given.
        fix: As given.
        where: As given, or found.
        anchor: The heading of ``docs/errors.md`` that tells the long story.
        home: The class whose ``help`` tells the short one.

    Each class says what it means and what to write instead: ``help(funcgrad.errors.ShapeError)``.
    The user's line is that of the innermost frame that belongs to no installed library.
    """

    anchor = "errors"
    home = "FuncgradError"

    def __init_subclass__(cls) -> None:
        if "anchor" in vars(cls) and "home" not in vars(cls):
            cls.home = cls.__name__

    def __init__(self, what: str, fix: str = "", *, where: str | None = None) -> None:
        self.fix = fix
        self.where = users_line() if where is None else where
        self.says(what)

    def says(self, what: str) -> None:
        """Make ``what`` the first line."""
        self.what = what
        lines = [f"{what}."] + ([self.fix] if self.fix else [])
        where = f"At {self.where}. " if self.where else ""
        page = f" or {DOCUMENTATION}/errors#{self.anchor}" if DOCUMENTATION else ""
        see = f"See help(funcgrad.errors.{self.home}){page}"
        self.args = ("\n".join([*lines, f"{where}{see}"]),)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.fix, self.where)


def _rebuild(cls: type[FuncgradError], what: str, fix: str, where: str) -> FuncgradError:
    return cls(what, fix, where=where)


class ArgumentError(FuncgradError, TypeError):
    """A function was called with arguments or options that it cannot use.

    The commonest one is to transform a value in place of a function: ``grad(f(x))`` for
    ``grad(f)(x)``. An argument that a derivative is to be taken of is named by ``argnums``, counted
    from 0, or by ``argnames``. ``help`` of the function says what it takes.
    """

    anchor = "arguments"


class ShapeError(FuncgradError, ValueError):
    """Shapes that do not fit together, or a shape that the function does not take.

    A gradient is that of one number: where the function returns an array, sum it, take one element,
    ``vmap`` the gradient of a function of one example, or use ``jacobian``. A loop's carry keeps
    its shape from step to step. ``x[:, None]`` adds an axis where arrays are to broadcast.
    """

    anchor = "shapes"


class DtypeError(FuncgradError, TypeError):
    """A dtype, or a kind of value, that the function does not take.

    Integers have no derivative: write ``2.0`` or ``x.astype(float)``. Arrays of objects are no
    numbers. A loop's carry keeps its dtype from step to step, and branches return one dtype.
    An index is an integer, a boolean mask or a slice (`IndexDtypeError`, an IndexError too).
    """

    anchor = "dtypes"


class IndexDtypeError(DtypeError, IndexError):
    """An index that is neither an integer, a boolean nor a slice: write ``i.astype(int)``."""


class IntegerOverflowError(DtypeError, OverflowError):
    """A Python integer that int64 does not hold, as which it is traced."""


class StructureError(FuncgradError, ValueError):
    """Two pytrees that should have one structure differ; the message names the key path.

    Parameters and their gradients, ``in_axes`` and arguments, a loop's carry before and after a
    step, the results of the branches of a ``cond``: each has the same containers with the same
    keys and lengths. ``tree.structure(x)`` shows what something has.
    """

    anchor = "structure"


class DepthError(StructureError, RecursionError):
    """A pytree that is nested deeper than Python's recursion limit lets it be walked."""


class ConcretizationError(FuncgradError, TypeError):
    """Python needed the value of a tracer that stands for no value yet.

    ``jit`` runs a function once, on tracers that stand for any array of a type; so do ``vmap`` and
    the bodies of loops. ``if``, ``while``, ``float``, ``range`` and indexing a plain array need a
    value. Write ``numpy.where`` or ``cond`` for ``if``, ``while_loop`` for ``while``, ``fori_loop``
    or ``scan`` for ``for``; or make the argument static with ``static_argnames``. In ``grad``
    without ``jit`` the values are there.
    """

    anchor = "concretization"


class GradientCutError(FuncgradError, TypeError):
    """A conversion to a plain number or array would have cut the gradient in silence.

    ``float(x)``, ``math.sin(x)`` and functions that know nothing of tracers would go on with a
    constant. Use NumPy's function; where no gradient is wanted write ``stop_gradient(x)``.
    """

    anchor = "gradient-cut"


class LeakedTracerError(FuncgradError, RuntimeError):
    """A tracer was used after the transform that made it had returned.

    It was kept in a global, an attribute, a list or a generator, and stands for nothing any more.
    Return what is to be kept: ``has_aux=True`` is for that.
    """

    anchor = "leaked-tracer"


class TracerAssignmentError(FuncgradError, TypeError):
    """An assignment into a tracer, or of a tracer into an array.

    Traced values never change. For ``x[i] = y`` write ``x = funcgrad.numpy.at(x)[i].set(y)``, for
    ``x[i] += y`` ``.add(y)``, or ``numpy.where``, ``numpy.stack``. ``h += b`` makes a new value
    under the name ``h``; other names of the old one cannot be used any more.
    """

    anchor = "assignment"


class OutOfBoundsError(FuncgradError, IndexError):
    """An index outside the array, concrete or traced, in compiled code too.

    Bring it into range with ``numpy.clip``, or choose something else there with ``numpy.where``.

    Attributes:
        located: Whether a program has given it the line of its operation.
    """

    anchor = "out-of-bounds"
    located = False


class MissingRuleError(FuncgradError, NotImplementedError):
    """An operation has no derivative, or no other rule, for the transform that reached it.

    A primitive of yours needs the rule that the message names. A function with a rule has none for
    what it closes over: pass that as an argument.
    """

    anchor = "missing-rule"


class MissingExtraError(FuncgradError, ImportError):
    """A part of funcgrad needs a library: ``pip install 'funcgrad[scipy]'``, for example."""

    anchor = "missing-extra"


class FileFormatError(FuncgradError, ValueError):
    """`load` was given a file that is cut off, damaged, or not one that `save` wrote.

    Nothing is loaded. `save` replaces a file only when the new one is whole, so a file that is cut
    off was cut elsewhere, in a copy or a download. For arrays of other programs use `numpy.load`.
    """

    anchor = "file-format"


class NotTraceableError(FuncgradError, TypeError):
    """A NumPy function, or one of its arguments, that has no traced counterpart.

    The message names what is near. Where no gradient passes, compute it before the transform. An
    attribute that tracers do not have is an `UnknownAttributeError`, an AttributeError.
    """

    anchor = "not-traceable"


class UnknownAttributeError(FuncgradError, AttributeError):
    """An attribute that a tracer does not have; the message names what is near."""

    anchor = "not-traceable"
    home = "NotTraceableError"


class CapturedArrayError(FuncgradError, RuntimeError):
    """A captured array was overwritten between the forward and the backward pass.

    The backward pass needs it as it was. Write into a copy, or build a new array each time.
    """

    anchor = "captured-array"


class ConvergenceError(FuncgradError, RuntimeError):
    """An iteration ended without having reached what it was to find.

    The derivative of a solution is not that of a step on the way to it, so none is given. Allow
    more steps, start nearer, or ask for less precision.
    """

    anchor = "convergence"


class KeyReuseError(FuncgradError, ValueError):
    """`random.checked` found a key that was used twice.

    It gives the same numbers. Write ``first, second = random.split(key)`` and use each once.
    """

    anchor = "key-reuse"


class NanError(FuncgradError, FloatingPointError):
    """`debug.nans` found a nan or an inf in a result; the message says which operation made it.

    Look at its operands with ``debug.print``, or keep them from where it is not defined:
    ``numpy.where(x > 0, numpy.log(numpy.where(x > 0, x, 1.0)), 0.0)``.
    """

    anchor = "nan"


class InvalidJaxprError(FuncgradError, ValueError):
    """`check` found a program that is not well formed; a bug in a rule or a transform."""

    anchor = "invalid-jaxpr"


def trim(error: E) -> E:
    """Drop the frames of funcgrad's own files from the traceback of ``error`` and of its causes.

    Errors of Python's and NumPy's own that newcomers meet get a note that says what to write: for a
    tracer as a shape, for a list where an array is meant, for a misspelt keyword.

    Errors that only a fault of funcgrad's raises (AttributeError, KeyError, ...) keep them where
    they are the innermost. With ``FUNCGRAD_FULL_TRACEBACK`` in the environment nothing is dropped.

    Args:
        error: Changed in place. A bare ``raise`` after it adds no frame of its own (``raise error``
            would), so nothing of funcgrad is left.

    Returns:
        ``error``.
    """
    if _FULL in os.environ:
        return error
    seen: set[int] = set()
    stack: list[BaseException] = [error]
    while stack:
        e = stack.pop()
        if id(e) not in seen:
            seen.add(id(e))
            fault = isinstance(e, _FAULTS) and not isinstance(e, (FuncgradError, ValueError))
            e.__traceback__ = _without_ours(e.__traceback__, fault)
            if type(e) in (TypeError, AttributeError):
                from ._notes import note_on

                note = _NO_SHAPE if _SHAPE.match(str(e)) else note_on(e)
                if note and note not in getattr(e, "__notes__", ()):
                    e.add_note(note)
            stack.extend([c for c in (e.__cause__, e.__context__) if c is not None])
    return error


def _without_ours(tb: TracebackType | None, fault: bool) -> TracebackType | None:
    frames: list[TracebackType] = []
    while tb is not None:
        frames.append(tb)
        tb = tb.tb_next
    last = len(frames)
    while fault and last and _ours(frames[last - 1]):
        if frames[last - 1].tb_frame.f_code in PASSING:
            last = len(frames)
            break
        last -= 1
    kept = [t for i, t in enumerate(frames) if i >= last or not _ours(t)]
    for here, following in zip(kept, [*kept[1:], None], strict=False):
        here.tb_next = following
    return kept[0] if kept else None


def _ours(tb: TracebackType) -> bool:
    file = tb.tb_frame.f_code.co_filename
    return file == ENTRY or file.startswith(PACKAGE)


def entry(f: Callable[P, R]) -> Callable[P, R]:
    """``f`` as a function that users call.

    funcgrad's frames are left out of the errors that leave it, a call that does not fit its
    parameters says what would, and where NumPy warns inside of it the warning has the user's line.
    """

    @functools.wraps(f)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        state = STATE.get()
        try:
            if state is not POINTS:
                STATE.set(POINTS if state is DEFAULT else pointing(state))
            return f(*args, **kwargs)
        except Exception as error:
            if type(error) is TypeError and (better := _miscalled(call, args, error)) is not None:
                try:
                    raise better from None
                except ArgumentError:
                    trim(better)
                    raise
            if isinstance(error, FuncgradError) and error.what.startswith(_NAMELESS):
                from ._keywords import name_of

                error.says(f"{name_of(call, args)}: {error.what.removeprefix(_NAMELESS)}")
            trim(error)
            raise
        finally:
            if state is not POINTS:
                STATE.set(state)

    call.__entry__ = False  # type: ignore[attr-defined]  # True for the one of a public module
    return call


_NAMELESS = f"{ROOT}: "
"""How an error begins that was raised where it is not known which function was called."""
_CALL = re.compile(r"(?:.*\.)?([\w<>]+)\(\) (?:got (an unexpected|multiple)|missing|takes) ")
"""Python's text for a call that does not fit the parameters."""


def _miscalled(f: Any, args: tuple[Any, ...], error: TypeError) -> ArgumentError | None:
    """What to raise where ``f``, or NumPy's or SciPy's function behind it, was called wrongly."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    found = _CALL.match(str(error))
    ours = tb is None or _ours(tb)
    theirs = f.__module__.startswith(ROOT)  # a wrapper has the module of the user's function
    if found is None or not ours or not theirs or found[1] != f.__wrapped__.__name__:
        return None
    from ._keywords import miscalled

    return ArgumentError(*miscalled(f, args, str(error)))


def is_miscall(error: BaseException) -> bool:
    """Whether an error says that a function, called where it was caught, was called wrongly."""
    tb = error.__traceback__
    entered = tb is not None and tb.tb_next is not None
    return type(error) is TypeError and not entered and _CALL.match(str(error)) is not None
