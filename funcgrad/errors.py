"""Floor 0: every exception class, and the one way in which their messages are built.

Every error is a `FuncgradError` and the built-in that fits it, so that ``except ValueError`` written
for NumPy keeps working. A message says what was called and what it got, then what to write instead,
then where to read more; `trim` drops funcgrad's own frames from the traceback on the way out.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import TypeVar

__all__ = [
    "ArgumentError",
    "CapturedArrayError",
    "ConcretizationError",
    "DtypeError",
    "FuncgradError",
    "GradientCutError",
    "IndexDtypeError",
    "InvalidJaxprError",
    "LeakedTracerError",
    "MissingRuleError",
    "NotTraceableError",
    "OutOfBoundsError",
    "ShapeError",
    "StructureError",
    "TracerAssignmentError",
    "UnknownAttributeError",
]

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep

E = TypeVar("E", bound=BaseException)


class FuncgradError(Exception):
    """The base of every error that funcgrad raises.

    Args:
        what: What was called and what it got, one sentence, no newline.
        fix: What to write instead.
        where: The user's line, as ``"loss() at train.py:12"``; left out when None.

    Attributes:
        what: As given.
        fix: As given.
        where: As given.
        anchor: The heading of ``docs/errors.md`` that tells the long story.
    """

    anchor = "errors"

    def __init__(self, what: str, fix: str = "", *, where: str | None = None) -> None:
        self.what, self.fix, self.where = what, fix, where
        place = f" ({where})" if where else ""
        lines = [f"{what}{place}."] + ([fix] if fix else [])
        super().__init__("\n".join([*lines, f"See docs/errors.md#{self.anchor}"]))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.fix, self.where)


def _rebuild(cls: type[FuncgradError], what: str, fix: str, where: str | None) -> FuncgradError:
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


class NotTraceableError(FuncgradError, TypeError):
    """A NumPy function, or one of its arguments, that has no traced counterpart."""

    anchor = "not-traceable"


class UnknownAttributeError(FuncgradError, AttributeError):
    """An attribute of an array that a tracer does not have."""

    anchor = "not-traceable"


class CapturedArrayError(FuncgradError, RuntimeError):
    """A captured array was overwritten between the forward and the backward pass."""

    anchor = "captured-array"


class InvalidJaxprError(FuncgradError, ValueError):
    """`check` found a program that is not well formed; a bug in a rule or a transform."""

    anchor = "invalid-jaxpr"


def trim(error: E) -> E:
    """Drop the frames of funcgrad's own files from ``error``'s traceback, and return it."""
    kept: list[TracebackType] = []
    tb = error.__traceback__
    while tb is not None:
        if not tb.tb_frame.f_code.co_filename.startswith(PACKAGE):
            kept.append(tb)
        tb = tb.tb_next
    for here, following in zip(kept, [*kept[1:], None], strict=False):
        here.tb_next = following
    error.__traceback__ = kept[0] if kept else None
    return error
