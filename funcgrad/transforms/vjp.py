"""Reverse mode. A frame that computes and keeps a tape, and the pullback that walks it.

`TapeFrame` runs every operation at once on the values its tracers stand for, so a traced function
behaves as a plain call: exceptions, warnings, Python control flow. It keeps one entry an operation.
`Tape.pullback` reads the entries backwards and calls each primitive's ``vjp`` rule. Where values
are tracers of an older frame, the rules record there: nesting, compiling and batching need nothing
else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .._stack import LINE_FINDERS
from ..core.overwritten import refuse, restore
from ..core.refusal import user_source_info
from ..core.source_info import BackwardPlace, SourceInfo, line_of, located
from ..core.trace import ActiveFrame, Frame, Tracer, apply, aval_of, belongs
from ..errors import CapturedArrayError
from ..ops.linear import zeros
from ..ops.steps import plus

__all__ = ["Tape", "TapeFrame", "vjp"]

_COPIED = 1 << 20
"""Captured arrays up to this many bytes are copied, larger ones are watched."""


class TapeFrame(ActiveFrame):
    """Computes, and keeps what a backward pass needs.

    Only values that carry a derivative are traced: integer and boolean results, and what passed
    `stop_gradient`, come out as plain values. So every tracer of this frame is *active*.
    """

    __slots__ = ("nested", "stale", "tape", "watched")

    def __init__(self, what: str = "grad") -> None:
        super().__init__(what)
        self.nested = False
        self.tape: list[tuple[Any, Sequence[Any], Sequence[Any], Any, Any]] = []
        self.watched: list[tuple[np.ndarray[Any, Any], bytes, SourceInfo | None]] = []
        self.stale: list[Tracer] = []

    def input(self, value: Any) -> Tracer:
        """The tracer for an argument; the array is kept as it is now."""
        if not isinstance(value, np.ndarray):
            return self.tracer(value, aval_of(value))
        kept = self.keep(value)
        return self.tracer(kept, aval_of(kept), copied_place(value, kept))

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        source_info = self.here(source_info)
        values: list[Any] = []
        nested = False
        for a in args:
            if isinstance(a, Tracer):
                if a.frame is self:
                    a = a.value
                    nested = nested or isinstance(a, Tracer)
                else:
                    nested = True
            elif isinstance(a, np.ndarray) and primitive.saves:
                a = self.keep(a, source_info)
            values.append(a)
        if nested:
            self.nested = True
        residuals = None
        if primitive.forward is not None:
            out, residuals = primitive.forward(values, source_info)
        elif nested:
            out = apply(primitive, values, source_info)
        else:
            out = primitive.run(*values)
        if primitive.multiple:
            outs = tuple([self._active(value, source_info) for value in out])
            self.tape.append((primitive, args, values, outs, residuals))
            return outs
        if primitive.discrete:
            return out
        tracer = self.tracer(out, aval_of(out), source_info)
        self.tape.append((primitive, args, values, tracer, residuals))
        return tracer

    def _active(self, value: Any, source_info: SourceInfo | None) -> Any:
        aval = aval_of(value)
        return self.tracer(value, aval, source_info) if aval.inexact else value

    def note_overwritten(self, tracer: Tracer) -> None:
        # The tape compares frames when it is walked: until then the tracer has lost its own.
        self.stale.append(tracer)

    def keep(
        self, array: np.ndarray[Any, Any], source_info: SourceInfo | None = None
    ) -> np.ndarray[Any, Any]:
        """The array as it is now: a copy, or for a large one the array and its fingerprint."""
        if array.nbytes <= _COPIED:
            return np.array(array, dtype=aval_of(array).dtype)
        self.watched.append((array, fingerprint(array), source_info))
        return array

    def check_watched(self) -> None:
        """Raise where a large captured array was overwritten since it was used.

        Raises:
            CapturedArrayError: Saying so.
        """
        for array, before, source_info in self.watched:
            if fingerprint(array) != before:
                line = line_of(source_info)
                raise CapturedArrayError(
                    f"{self.what}: an array, {aval_of(array)}, was overwritten after "
                    f"{line or 'the function'} used it and before its gradient was taken",
                    "Write into a copy, or build a new array each time.",
                )


def copied_place(array: np.ndarray[Any, Any], copy: Any) -> SourceInfo | None:
    """The place of an argument of which ``copy`` is kept: only without one it lies as ``array``.

    A copy of an array with gaps in memory has none.
    """
    return None if copy is array or array.ndim < 2 or array.flags.forc else user_source_info()


def fingerprint(array: np.ndarray[Any, Any]) -> bytes:
    """The bytes of a sample of about 256 elements: what overwriting a buffer changes."""
    flat = array.reshape(-1) if array.flags.c_contiguous else array[(0,) * (array.ndim - 1)]
    return flat[:: max(1, flat.size // 256)].tobytes()


class Tape:
    """The finished tape of one call: its pullback, once or several times."""

    __slots__ = ("_entries", "_frame", "_inputs", "_outputs", "_stale")

    def __init__(self, frame: TapeFrame, inputs: Sequence[Tracer], outputs: Sequence[Any]) -> None:
        self._frame = frame
        self._entries = frame.tape
        self._inputs = inputs
        self._outputs = outputs
        frame.tape = []
        frame.closed = True
        self._stale = frame.stale
        for tracer in self._stale:
            restore(tracer)
        frame.stale = []

    def value(self, x: Any) -> Any:
        """What ``x``, a further result of the function, stands for.

        Raises:
            TracerAssignmentError: It was updated in place under another name.
            LeakedTracerError: It is a tracer of a transform that has returned.
        """
        if not belongs(x, self._frame):
            return x
        if any(x is tracer for tracer in self._stale):
            refuse(x)
        return x.value

    def pullback(
        self, cts: Sequence[Any], *, consume: bool = False, masked: bool = False
    ) -> list[Any]:
        """The cotangents of the inputs for cotangents of the outputs.

        Args:
            cts: One an output, None for zero.
            masked: Whether products with ``cts`` are masked (DESIGN, law 5).
            consume: Let go of each entry when it is done with; the tape can then not be used again.

        Returns:
            One an input, None for zero.
        """
        frame = self._frame
        frame.check_watched()
        found: dict[int, Any] = {}
        descends: set[int] = set()
        for out, ct in zip(self._outputs, cts, strict=True):
            if ct is not None and isinstance(out, Tracer) and out.frame is frame:
                known = found.get(id(out))
                found[id(out)] = ct if known is None else plus(known, ct)
                if masked:
                    descends.add(id(out))
        outer: list[Frame] = []
        entries = self._entries
        try:
            for primitive, args, values, out, residuals in _backwards(entries, consume):
                if primitive.multiple:
                    ct: Any = tuple(
                        [found.pop(id(o), None) if isinstance(o, Tracer) else None for o in out]
                    )
                    if all(c is None for c in ct):
                        continue
                    source_info = next((o.source_info for o in out if isinstance(o, Tracer)), None)
                    mask = any(id(o) in descends for o in out)
                    result: Any = tuple([o.value if belongs(o, frame) else o for o in out])
                    some = next(c for c in ct if c is not None)
                else:
                    ct = some = found.pop(id(out), None)
                    if ct is None:
                        continue
                    source_info, result = out.source_info, out.value
                    mask = bool(descends) and id(out) in descends
                if source_info is not None and (frame.nested or isinstance(some, Tracer)):
                    # What the rule records stands for this equation's derivative: show its line.
                    place = BackwardPlace(source_info)
                    place.operation = primitive.name
                    for x in (some, *values):
                        if isinstance(x, Tracer):
                            if x.frame.source_info is None:
                                outer.append(x.frame)
                            x.frame.source_info = place
                wanted = [isinstance(a, Tracer) and a.frame is frame for a in args]
                try:
                    if residuals is None:
                        pulled = primitive.vjp(ct, result, values, wanted, mask)
                    else:
                        pulled = primitive.backward(ct, result, values, wanted, mask, residuals)
                except Exception as error:
                    if source_info is not None:
                        error.add_note(
                            f"While differentiating {primitive}, at {line_of(source_info)}."
                        )
                    raise
                for a, want, g in zip(args, wanted, pulled, strict=True):
                    if not want or g is None:
                        continue
                    key = id(a)
                    known = found.get(key)
                    found[key] = g if known is None else plus(known, g)
                    if (mask and primitive.passes_mask) or primitive.masks:
                        descends.add(key)
        finally:
            for older in outer:
                older.source_info = None
        return [found.get(id(tracer)) for tracer in self._inputs]


LINE_FINDERS[Tape.pullback.__code__] = located("source_info")


def _backwards(entries: list[Any], consume: bool) -> Iterator[Any]:
    # Consumed entries are popped, so that their arrays are freed on the way down.
    if not consume:
        yield from reversed(entries)
        return
    while entries:
        yield entries.pop()


def vjp(
    f: Callable[..., Sequence[Any]],
    values: Sequence[Any],
    what: str = "vjp",
    *,
    plain: bool = False,
) -> tuple[list[Any], Tape]:
    """Run ``f``, a function of flat inexact values with a flat sequence as result, on a tape.

    Args:
        f: The function.
        values: Its arguments.
        what: The transform's name, for errors.
        plain: Whether they are the user's own, and lie in memory as in a plain call.

    Returns:
        The results' values, and the tape.
    """
    frame = TapeFrame(what)
    frame.plain = plain
    try:
        inputs = [frame.input(value) for value in values]
        outputs = list(f(*inputs))
        results = [out.value if belongs(out, frame) else out for out in outputs]
        return results, Tape(frame, inputs, outputs)
    finally:
        frame.closed = True
        frame.tape = []


def instantiate(ct: Any, value: Any) -> Any:
    """``ct``, or zeros of the type of ``value`` where it is None."""
    return zeros(aval_of(value)) if ct is None else ct
