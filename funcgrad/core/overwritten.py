"""Arrays that were updated in place, so that no other name reads what they were.

NumPy's ``h += b`` changes the array for every name that it has, and for every view of it. A tracer
never changes: the operator gives a new one, and the name on its left is bound to it. The old tracer
and those that share its memory, as NumPy would have it, become `OverwrittenTracer`: any use of them
through another name raises. Nothing else pays for it: what asks a tracer for its frame finds out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn
from weakref import ref

from ..errors import TracerAssignmentError
from .source_info import SourceInfo, line_of
from .trace import Tracer

__all__ = ["OverwrittenTracer", "overwrite", "part", "refuse", "restore", "share"]

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


class Memory:
    """Tracers that share memory in NumPy, as far as is known.

    Attributes:
        members: Weak references to them.
        parent: The memory of which this is a part, where it is known which other parts do not
            overlap with it.
        beside: The parts that do not overlap with this one, itself included.
        partitions: The ways in which this one was taken apart.
    """

    __slots__ = ("beside", "members", "parent", "partitions")

    def __init__(self, parent: Memory | None = None) -> None:
        self.members: list[ref[Tracer]] = []
        self.parent = parent
        self.beside: list[Memory] = []
        self.partitions: list[list[Memory]] = []

    def add(self, tracer: Tracer) -> None:
        """Make ``tracer`` a member."""
        tracer.shared = self
        self.members.append(ref(tracer))
        if _due(self.members):
            self.members = [reference for reference in self.members if reference() is not None]

    def within(self) -> Iterator[Tracer]:
        """The tracers of this memory and of its parts."""
        stack: list[Memory] = [self]
        while stack:
            memory = stack.pop()
            for reference in memory.members:
                tracer = reference()
                if tracer is not None:
                    yield tracer
            for parts in memory.partitions:
                stack.extend(parts)

    def reach(self) -> Iterator[Tracer]:
        """All tracers that a change of this memory changes."""
        yield from self.within()
        part, whole = self, self.parent
        while whole is not None:
            for reference in whole.members:
                tracer = reference()
                if tracer is not None:
                    yield tracer
            for parts in whole.partitions:
                if parts is not part.beside:
                    for other in parts:
                        yield from other.within()
            part, whole = whole, whole.parent


def _due(items: Sequence[Any]) -> bool:
    """Whether a growing list is to be looked through for what is dead."""
    length = len(items)
    return length >= _PRUNED_FIRST and not length & (length - 1)


def _has_memory(tracer: Tracer) -> bool:
    try:
        _shared(tracer)
    except AttributeError:
        return False
    return True


def _memory(tracer: Tracer) -> Memory:
    try:
        return _shared(tracer)
    except AttributeError:
        memory = Memory()
        memory.add(tracer)
        return memory


def share(source: Any, view: Any) -> None:
    """Remember that in NumPy ``view`` would have the memory of ``source``.

    Args:
        source: A tracer, or anything else, of which there is nothing to remember.
        view: What an indexing, a reshape or the like made of it.
    """
    if type(view) is Tracer and type(source) is Tracer and view is not source:
        _memory(source).add(view)


def part(source: Any, views: Sequence[Any]) -> None:
    """Remember that in NumPy ``views`` would be parts of ``source`` that do not overlap."""
    views = [view for view in views if type(view) is Tracer and view is not source]
    if type(source) is not Tracer or not views or _has_memory(views[0]):
        return
    whole = _memory(source)
    if _due(whole.partitions):
        whole.partitions = [
            parts
            for parts in whole.partitions
            if any(next(memory.within(), None) is not None for memory in parts)
        ]
    parts: list[Memory] = []
    for view in views:
        memory = Memory(whole)
        memory.add(view)
        memory.beside = parts
        parts.append(memory)
    whole.partitions.append(parts)


def overwrite(tracer: Tracer, symbol: str, source_info: SourceInfo | None) -> None:
    """Make ``tracer``, and all that share its memory, raise when they are used again.

    Args:
        tracer: The array on the left of an operator that updates in place.
        symbol: The operator, as ``"+="``.
        source_info: The user's line.
    """
    try:
        reached = list(_shared(tracer).reach())
    except AttributeError:
        reached = [tracer]
    why = (symbol, source_info)
    for t in reached:
        if type(t) is Tracer:
            t.frame.note_overwritten(t)
            t.shared = why
            t.__class__ = OverwrittenTracer


def refuse(tracer: Tracer) -> NoReturn:
    """Raise for a tracer that was updated in place and is used nevertheless.

    Raises:
        TracerAssignmentError: Saying where.
    """
    symbol, source_info = _shared(tracer)
    line = line_of(source_info)
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
