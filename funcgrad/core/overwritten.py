"""Floor 2: arrays that were updated in place, so that no other name reads what they were.

NumPy's ``h += b`` changes the array for every name that it has, and for every view of it. A tracer
never changes: the operator gives a new one, and the name on its left is bound to it. The old tracer
and those that share its memory, as NumPy would have it, become `OverwrittenTracer`: any use of them
through another name raises. Nothing else pays for it: what asks a tracer for its frame finds out.
"""

from __future__ import annotations

from typing import Any, NoReturn
from weakref import ref

from ..errors import TracerAssignmentError
from .ir import Place, line_of
from .trace import Tracer

__all__ = ["OverwrittenTracer", "overwrite", "refuse", "restore", "share"]

# Read through its slot: an attribute that a tracer does not have means advice to the user.
_shared: Any = Tracer.__dict__["shared"].__get__
_PRUNED_FIRST = 64


class OverwrittenTracer(Tracer):
    """A tracer of an array that was updated in place through another name."""

    __slots__ = ()

    @property
    def frame(self) -> Any:  # type: ignore[override]
        """Raises: any use of a tracer asks for its frame.

        Raises:
            TracerAssignmentError: Saying where the array was updated.
        """
        refuse(self)

    def __repr__(self) -> str:
        return f"{self.aval.short()}, overwritten"


def share(source: Any, view: Any) -> None:
    """Remember that in NumPy ``view`` would have the memory of ``source``.

    Args:
        source: A tracer, or anything else, of which there is nothing to remember.
        view: What an indexing, a reshape or the like made of it.
    """
    if type(view) is not Tracer or type(source) is not Tracer or view is source:
        return
    try:
        group = _shared(source)
    except AttributeError:
        group = source.shared = [ref(source)]
    view.shared = group
    group.append(ref(view))
    length = len(group)
    if length >= _PRUNED_FIRST and not length & (length - 1):
        group[:] = [reference for reference in group if reference() is not None]


def overwrite(tracer: Tracer, symbol: str, place: Place | None) -> None:
    """Make ``tracer``, and all that share its memory, raise when they are used again.

    Args:
        tracer: The array on the left of an operator that updates in place.
        symbol: The operator, as ``"+="``.
        place: The user's line.
    """
    try:
        group = [reference() for reference in _shared(tracer)]
    except AttributeError:
        group = [tracer]
    why = (symbol, place)
    for t in group:
        if type(t) is Tracer:
            t.frame.overwritten(t)
            t.shared = why
            t.__class__ = OverwrittenTracer


def refuse(tracer: Tracer) -> NoReturn:
    """Raise for a tracer that was updated in place and is used nevertheless.

    Raises:
        TracerAssignmentError: Saying where.
    """
    symbol, place = _shared(tracer)
    line = line_of(place)
    raise TracerAssignmentError(
        f"x {symbol} y: a traced array, {tracer.aval}, was updated in place"
        + (f" at {line}" if line else "")
        + ", and another name, or a view, refers to what it was",
        f"Write x = x {symbol[:-1]} y, which leaves the old array as it was; or use the updated "
        "array, or make a copy of the old one first: y = x.copy().",
    )


def restore(tracer: Tracer) -> None:
    """Undo `overwrite` when the frame is closed: who uses ``tracer`` now is told that it leaked."""
    tracer.__class__ = Tracer
