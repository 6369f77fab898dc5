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
import sys
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

import numpy as np

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

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_SITE = os.path.dirname(os.path.dirname(os.path.abspath(np.__file__))) + os.sep
LIBRARIES = (PACKAGE, *(os.path.join(_SITE, name) + os.sep for name in ("numpy", "scipy")))
_COMPILED = "compiled by funcgrad"
ENTRY = f"<entry of a function {_COMPILED}>"
"""What stands for a file in the code that recognises the calls of a jitted function."""
_FULL = "FUNCGRAD_FULL_TRACEBACK"
_SHAPE = re.compile(r"expected a sequence of integers or a single integer, got '\w+\*?\[")
"""NumPy's text for a tracer as a shape; it drops the error that the tracer raised."""
_NO_SHAPE = (
    "This is a traced number, and a shape needs its value. Make the argument static "
    "(static_argnames), or take the length from x.shape. See docs/errors.md#concretization"
)
_FAULTS = (AttributeError, LookupError, NameError, AssertionError, RecursionError)

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
    """

    anchor = "errors"

    def __init__(self, what: str, fix: str = "", *, where: str | None = None) -> None:
        self.what, self.fix = what, fix
        self.where = users_line() if where is None else where
        lines = [f"{what}."] + ([fix] if fix else [])
        place = f"At {self.where}. " if self.where else ""
        super().__init__("\n".join([*lines, f"{place}See docs/errors.md#{self.anchor}"]))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.fix, self.where)


def _rebuild(cls: type[FuncgradError], what: str, fix: str, where: str) -> FuncgradError:
    return cls(what, fix, where=where)


def users_line() -> str:
    """The innermost line on the stack that no installed library has; "" if it is in no file."""
    frame = sys._getframe(1)
    found = None
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(LIBRARIES) and _COMPILED not in file:
            if not file.startswith(_SITE):
                found = frame
                break
            found = found or frame
        frame = frame.f_back
    if found is None or found.f_code.co_filename.startswith("<"):
        return ""
    code = found.f_code
    return f"{os.path.basename(code.co_filename)}:{found.f_lineno} in {code.co_name}"


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
        last -= 1
    kept = [t for i, t in enumerate(frames) if i >= last or not _ours(t)]
    for here, following in zip(kept, [*kept[1:], None], strict=False):
        here.tb_next = following
    return kept[0] if kept else None


def _ours(tb: TracebackType) -> bool:
    file = tb.tb_frame.f_code.co_filename
    return file == ENTRY or file.startswith(PACKAGE)


def entry(f: Callable[P, R]) -> Callable[P, R]:
    """``f``, a public function, with funcgrad's frames left out of the errors that leave it."""

    @functools.wraps(f)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return f(*args, **kwargs)
        except Exception as error:
            trim(error)
            raise

    return call
