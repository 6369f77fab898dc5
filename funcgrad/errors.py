"""Floor 0: every exception class, and the one way in which their messages are built.

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
from types import CodeType, FunctionType, TracebackType
from typing import Any, ParamSpec, TypeVar

from ._stack import ENTRY, PACKAGE, POINTS, STATE, pointing, users_line
from ._stack import LIBRARIES as LIBRARIES

__all__ = [
    "ArgumentError",
    "CapturedArrayError",
    "ConcretizationError",
    "ConvergenceError",
    "DtypeError",
    "FuncgradError",
    "GradientCutError",
    "IndexDtypeError",
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

_FULL = "FUNCGRAD_FULL_TRACEBACK"
_SHAPE = re.compile(r"expected a sequence of integers or a single integer, got '\w+\*?\[")
"""NumPy's text for a tracer as a shape; it drops the error that the tracer raised."""
_NO_SHAPE = (
    "This is a traced number, and a shape needs its value. Make the argument static "
    "(static_argnames), or take the length from x.shape. See docs/errors.md#concretization"
)
_FAULTS = (AttributeError, LookupError, NameError, AssertionError, RecursionError)
PASSING: set[CodeType] = set()
"""Code that does nothing but call NumPy, whose faults are not funcgrad's."""

_ROOT = __name__.partition(".")[0]
_TOP = (["api"], ["control"], ["compile"], ["core"])
"""Rooms whose functions users find in the package itself."""

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")


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
    """

    anchor = "errors"

    def __init__(self, what: str, fix: str = "", *, where: str | None = None) -> None:
        self.fix = fix
        self.where = users_line() if where is None else where
        self.says(what)

    def says(self, what: str) -> None:
        """Make ``what`` the first line."""
        self.what = what
        lines = [f"{what}."] + ([self.fix] if self.fix else [])
        place = f"At {self.where}. " if self.where else ""
        self.args = ("\n".join([*lines, f"{place}See docs/errors.md#{self.anchor}"]),)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.fix, self.where)


def _rebuild(cls: type[FuncgradError], what: str, fix: str, where: str) -> FuncgradError:
    return cls(what, fix, where=where)


class ArgumentError(FuncgradError, TypeError):
    """A transform or function was called with arguments it cannot use."""

    anchor = "arguments"


class ShapeError(FuncgradError, ValueError):
    """Shapes that do not fit together, or a shape that the function does not take."""

    anchor = "shapes"


class DtypeError(FuncgradError, TypeError):
    """A dtype that the function does not take."""

    anchor = "dtypes"


class IndexDtypeError(DtypeError, IndexError):
    """An index that is neither an integer, a boolean nor a slice."""


class StructureError(FuncgradError, ValueError):
    """Two pytrees that should have one structure differ; the message names the key path."""

    anchor = "structure"


class ConcretizationError(FuncgradError, TypeError):
    """Python needed the value of a tracer that stands for no value yet (jit, vmap, loop bodies)."""

    anchor = "concretization"


class GradientCutError(FuncgradError, TypeError):
    """A conversion would have cut the gradient in silence."""

    anchor = "gradient-cut"


class LeakedTracerError(FuncgradError, RuntimeError):
    """A tracer was used after the transform that made it had returned."""

    anchor = "leaked-tracer"


class TracerAssignmentError(FuncgradError, TypeError):
    """An assignment into a tracer, or of a tracer into an array."""

    anchor = "assignment"


class OutOfBoundsError(FuncgradError, IndexError):
    """An index outside the array, concrete or traced."""

    anchor = "out-of-bounds"


class MissingRuleError(FuncgradError, NotImplementedError):
    """A primitive has no rule for the transform that reached it."""

    anchor = "missing-rule"


class MissingExtraError(FuncgradError, ImportError):
    """A part of funcgrad needs a library that is not installed."""

    anchor = "missing-extra"


class NotTraceableError(FuncgradError, TypeError):
    """A NumPy function, or one of its arguments, that has no traced counterpart."""

    anchor = "not-traceable"


class UnknownAttributeError(FuncgradError, AttributeError):
    """An attribute of an array that a tracer does not have."""

    anchor = "not-traceable"


class CapturedArrayError(FuncgradError, RuntimeError):
    """A captured array was overwritten between the forward and the backward pass."""

    anchor = "captured-array"


class ConvergenceError(FuncgradError, RuntimeError):
    """An iteration ended without having reached what it was to find."""

    anchor = "convergence"


class KeyReuseError(FuncgradError, ValueError):
    """`random.checked` found a key that was used twice."""

    anchor = "key-reuse"


class NanError(FuncgradError, FloatingPointError):
    """`debug.nans` found a result that is not a number."""

    anchor = "nan"


class InvalidJaxprError(FuncgradError, ValueError):
    """`check` found a program that is not well formed; a bug in a rule or a transform."""

    anchor = "invalid-jaxpr"


def trim(error: E) -> E:
    """Drop the frames of funcgrad's own files from the traceback of ``error`` and of its causes.

    NumPy's error for a tracer as a shape gets a note that says what to write.

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
            if type(e) is TypeError and _SHAPE.match(str(e)) and not hasattr(e, "__notes__"):
                e.add_note(_NO_SHAPE)
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
        state = STATE.get(None)
        token = None if state is POINTS else STATE.set(POINTS) if state is None else pointing(state)
        try:
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

                error.says(name_of(call, args) + error.what.removeprefix(_NAMELESS))
            trim(error)
            raise
        finally:
            if token is not None:
                STATE.reset(token)

    call.__entry__ = True  # type: ignore[attr-defined]
    return call


_NAMELESS = _ROOT
"""How an error begins that was raised where it is not known which function was called."""
_CALL = re.compile(r"(?:.*\.)?(\w+)\(\) (?:got (an unexpected|multiple)|missing|takes) ")
"""Python's text for a call that does not fit the parameters."""


def _miscalled(f: Any, args: tuple[Any, ...], error: TypeError) -> ArgumentError | None:
    """What to raise where ``f``, or NumPy's or SciPy's function behind it, was called wrongly."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    found = _CALL.match(str(error))
    ours = tb is None or _ours(tb)
    theirs = f.__module__.startswith(_ROOT)  # a wrapper has the module of the user's function
    if found is None or not ours or not theirs or found[1] != f.__wrapped__.__name__:
        return None
    from ._keywords import miscalled

    return ArgumentError(*miscalled(f, args, str(error)))


_PUBLISHED: dict[Callable[..., Any], Callable[..., Any]] = {}
"""For functions of this package those that users call in their place."""


def publish(namespace: dict[str, Any], name: str) -> Any:
    """Make what a public module has under a name an `entry`, and known under that module's name.

    Functions are replaced where users find them; what funcgrad itself calls stays as it is. Of an
    object, such as a distribution, the public methods of its class become entries.

    Args:
        namespace: The module's globals; changed in place.
        name: A name among them.

    Returns:
        What the module has under that name from now on.
    """
    value = namespace[name]
    if isinstance(value, FunctionType):
        if value.__module__.startswith(_ROOT) and not hasattr(value, "__entry__"):
            found = _PUBLISHED.get(value)
            if found is None:
                found = _PUBLISHED[value] = entry(value)
                room = value.__module__.split(".")[1:2]
                found.__module__ = _ROOT if room in _TOP else namespace["__name__"]
                found.__qualname__ = name
            namespace[name] = found
    elif type(value).__module__.startswith(_ROOT) and not hasattr(value, "__mro__"):
        for cls in type(value).__mro__:
            if cls.__module__.startswith(_ROOT):
                _publish_methods(cls, namespace["__name__"])
    return namespace[name]


def entries(cls: type[C]) -> type[C]:
    """A class whose public methods users call, with each of them an `entry`."""
    _publish_methods(cls, cls.__module__)
    return cls


def publish_all(namespace: dict[str, Any]) -> None:
    """`publish` what a module has of the names in its ``__all__``."""
    for name in namespace["__all__"]:
        if name in namespace:
            publish(namespace, name)


def _publish_methods(cls: type, module: str) -> None:
    for name, method in list(vars(cls).items()):
        public = name == "__call__" or not name.startswith("_")
        if public and isinstance(method, FunctionType) and not hasattr(method, "__entry__"):
            found = entry(method)
            found.__module__ = module
            setattr(cls, name, found)
