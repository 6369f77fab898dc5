"""Tracing. Tracers, frames, `bind` (all the dispatch there is), `trace` and `run`.

A **frame** belongs to one call of one transform; a **tracer** stands for a value inside it. `bind`
looks at its arguments: no tracer among them, compute now with NumPy; else hand the operation to the
newest frame among them. A frame works on the *values* of its tracers, which may be tracers of older
frames: that is how transforms nest. The only global is a counter.

This file holds the frame that records a program (`AbstractFrame`); those that differentiate and
batch live on floor 4 and obey the same protocol (`Frame`).
"""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Sequence
from typing import Any, NoReturn, ParamSpec, TypeVar

import numpy as np

from ..errors import (
    ArgumentError,
    DtypeError,
    GradientCutError,
    IndexDtypeError,
)
from ..tree.arrays import Array
from ..tree.treedef import a as article
from .ir import Aval, known_aval, make_aval
from .refusal import no_value, raise_leaked, user_source_info
from .residuals import StepResiduals
from .source_info import SourceInfo

__all__ = [
    "Frame",
    "Tracer",
    "apply",
    "aval_of",
    "belongs",
    "bind",
]

P = ParamSpec("P")
R = TypeVar("R")

_LEVELS = itertools.count(1)


class Tracer:
    """What a traced function sees in place of an array.

    Operators, indexing and the NumPy protocols are installed by `funcgrad.numpy.operators`.

    Attributes:
        frame: The frame it belongs to.
        value: What it stands for in that frame: an array or scalar, a tracer of an older frame, or
            None in an abstract frame.
        aval: Its type, as the traced function sees it.
        source_info: The user's line that made it.
        tangent: Its tangent, in forward mode only.
        shared: What shares its memory in NumPy, where it has a view or is one (`note_overwritten`).
    """

    __slots__ = ("__weakref__", "aval", "frame", "shared", "source_info", "tangent", "value")

    shared: Any

    def __init__(
        self,
        frame: Frame,
        value: Any,
        aval: Aval,
        source_info: SourceInfo | None,
        tangent: Any = None,
    ) -> None:
        self.frame = frame
        self.value = value
        self.aval = aval
        self.source_info = source_info
        self.tangent = tangent

    def __bool__(self) -> bool:
        return bool(self.frame.concrete(self, "bool"))

    def __float__(self) -> float:
        return float(self.frame.concrete(self, "float"))

    def __int__(self) -> int:
        return int(self.frame.concrete(self, "int"))

    def __complex__(self) -> complex:
        return complex(self.frame.concrete(self, "complex"))

    def __index__(self) -> int:
        return int(self.frame.concrete(self, "index").__index__())

    def __hash__(self) -> int:
        return hash(self.frame.concrete(self, "hash"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.frame.concrete(self, "numpy.asarray"), dtype=dtype)

    def __str__(self) -> str:
        return self.frame.text(self)

    def __repr__(self) -> str:
        return self.frame.text(self)

    def __format__(self, spec: str) -> str:
        shown = self.frame.show(self)
        return format(shown, spec) if shown is not None else self.frame.text(self)

    def __reduce__(self) -> NoReturn:
        raise ArgumentError(
            f"pickle: got a tracer, {self.aval}, which lives only inside its transform",
            "Pickle the transform's result, or the arrays that go in.",
        )


Array.register(Tracer)  # type: ignore[attr-defined]


class ScalarTracer(Tracer):
    """A tracer of shape ``()``; a number to `numpy.isscalar` and ``isinstance(x, Number)``."""

    __slots__ = ()


numbers.Number.register(ScalarTracer)


class Frame:
    """The protocol of a frame: one call of one transform.

    Attributes:
        what: The transform's name, for errors.
        level: Grows from frame to frame; operations go to the newest frame among the operands.
        closed: True once the transform has returned; its tracers have leaked if used again.
        source_info: Where non-None, the place given to what is recorded (a backward pass sets it to
            the line of the forward equation that it differentiates). plain: Whether the arguments,
            tracers without a place, lie in memory as the user's arrays.
    """

    __slots__ = ("closed", "level", "plain", "source_info", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self.level = next(_LEVELS)
        self.closed = False
        self.source_info: SourceInfo | None = None
        self.plain = False

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        """Apply ``primitive`` to ``args``, at least one of which is a tracer of this frame."""
        raise NotImplementedError

    def concrete(self, tracer: Tracer, use: str) -> Any:
        """The value of ``tracer`` for ``use``, or the error that says what to write instead."""
        raise NotImplementedError

    def note_overwritten(self, tracer: Tracer) -> None:
        """Take note that ``tracer`` was updated in place, and cannot be asked for its frame now."""

    def show(self, tracer: Tracer) -> Any:
        """What printing ``tracer`` shows; None where there is no value to show."""
        return tracer.value

    def text(self, tracer: Tracer) -> str:
        shown = self.show(tracer)
        return tracer.aval.short() if shown is None else str(shown)

    def tracer(
        self, value: Any, aval: Aval, source_info: SourceInfo | None = None, tangent: Any = None
    ) -> Tracer:
        """A new tracer of this frame."""
        return (Tracer if aval.shape else ScalarTracer)(self, value, aval, source_info, tangent)

    def here(self, source_info: SourceInfo | None) -> SourceInfo | None:
        """The place of an operation: as given, as set on the frame, or the user's line."""
        if self.closed:
            raise_leaked(self)
        return source_info or self.source_info or user_source_info()


class ActiveFrame(Frame):
    """A frame whose tracers carry derivatives of values that are there."""

    __slots__ = ()

    def concrete(self, tracer: Tracer, use: str) -> Any:
        if self.closed:
            raise_leaked(self, tracer)
        if use == "bool":
            return tracer.value
        if use == "index":
            raise IndexDtypeError(
                f"{self.what}: an index, a range and a repeat count are integers, got a traced "
                f"{tracer.aval}",
                "Write int(stop_gradient(x)), or pass the integer as an argument of its own.",
            )
        plain = {
            "numpy.asarray": "stop_gradient(x)",
            "item": "stop_gradient(x).item()",
            "hash": "stop_gradient(x)",
        }.get(use, f"{use}(stop_gradient(x))")
        raise no_value(
            self,
            tracer,
            use,
            GradientCutError,
            f"of a value that is being differentiated, {tracer.aval}, would cut its gradient",
            f"; where no gradient is wanted, write {plain}",
        )


_PYTHON = {
    float: make_aval((), np.dtype(np.float64), True),
    int: make_aval((), np.dtype(np.int64), True),
    bool: make_aval((), np.dtype(np.bool_), True),
    complex: make_aval((), np.dtype(np.complex128), True),
}
_SCALAR_AVALS: dict[type, Aval] = dict(_PYTHON)
for _name in "?bBhHiIlLqQefdgFDG":
    _SCALAR_AVALS[np.dtype(_name).type] = make_aval((), np.dtype(_name))


def aval_of(value: Any) -> Aval:
    """The type of a value: array, NumPy scalar, Python scalar (weak) or tracer.

    Raises:
        DtypeError: For anything else: arrays of objects, and subclasses of arrays, whose arithmetic
            is not an array's (masked arrays, matrices).
    """
    kind = type(value)
    if kind is np.ndarray:
        found = known_aval((value.shape, value.dtype, False))
        if found is not None:
            return found
    elif isinstance(value, Tracer):
        return value.aval
    found = _SCALAR_AVALS.get(kind)
    if found is not None:
        return found
    if isinstance(value, np.ndarray):
        dtype = value.dtype
        if type(value) is not np.ndarray and type(value) is not np.memmap:
            cls = type(value)
            raise DtypeError(
                f"funcgrad: a {cls.__module__}.{cls.__name__}, a subclass of numpy.ndarray, cannot "
                "be traced",
                "Convert it to a plain array first: numpy.asarray(x), or x.filled(0) if masked.",
            )
        if dtype.kind in "biufc":
            return make_aval(value.shape, dtype if dtype.isnative else dtype.newbyteorder("="))
        raise DtypeError(
            f"funcgrad: an array of dtype {dtype} cannot be traced",
            "Convert it to a numeric dtype first, as in x.astype(float).",
        )
    if isinstance(value, StepResiduals):
        return value.aval
    fix = "Pass arrays, NumPy scalars or Python numbers."
    if isinstance(value, np.timedelta64):
        fix = "Convert it to a number first, as in x / numpy.timedelta64(1, 's')."
    elif hasattr(value, "__array__") and not isinstance(value, np.generic):
        fix = "Convert it with numpy.asarray(x)."
    what = f"{article(type(value).__name__)} is not an array or a number"
    raise DtypeError(f"funcgrad: {what}", fix)


def belongs(out: Any, frame: Frame) -> bool:
    """Whether ``out``, a result of a traced function, is a tracer of ``frame``.

    Raises:
        LeakedTracerError: It is a tracer of a transform that has returned.
    """
    if not isinstance(out, Tracer):
        return False
    if out.frame is frame:
        return True
    if out.frame.closed:
        raise_leaked(out.frame, out)
    return False


def bind(primitive: Any, *args: Any) -> Any:
    """Apply ``primitive`` to values and tracers: compute, or hand it to the newest frame."""
    return apply(primitive, args, None)


def apply(primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
    """`bind` with the operands as a sequence and, where it is known, the user's line."""
    frame = None
    for a in args:
        if isinstance(a, Tracer) and (frame is None or a.frame.level > frame.level):
            frame = a.frame
            if frame.closed:
                raise_leaked(frame, a)
    if frame is None:
        return primitive.run(*args)
    return frame.process(primitive, args, source_info)
