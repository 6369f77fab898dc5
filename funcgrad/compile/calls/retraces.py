"""Why a function was traced again: in what calls differ, and what to write instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ... import tree
from ...core.ir import Aval
from ...tree import TreeDef
from ...tree.mismatch import describe
from .signature import Signature, parameter_names

__all__ = ["Program", "Retraces", "advice", "retraces"]

_MOST = {"functions": 8, "shapes": 31}
"""How many programs may differ in one thing alone before a warning says so."""


def advice(signature: Signature, kept: Iterable[Signature], warned: set[str]) -> list[str]:
    """What to say of a call that is traced because it differs from those that programs are kept of.

    Args:
        signature: The call.
        kept: The calls that programs are kept of.
        warned: The causes of which something was said before; grows.

    Returns:
        The warnings, which go on from "f was traced".
    """
    kept, found = list(kept), []
    for cause, most in _MOST.items():
        if cause in warned or len(kept) < most:
            continue
        kin = [other for other in kept if signature.differs_in(other, cause)]
        if len(kin) >= most:
            warned.add(cause)
            found.append(f"{len(kin) + 1} times for {_text(cause, signature, kin)}")
    return found


def _text(cause: str, signature: Signature, kin: Sequence[Signature]) -> str:
    each = [list(signature.differences(other)) for other in kin]
    counts = Counter([difference.label for differences in each for difference in differences])
    most = max(counts.values())
    labels = [label for label, count in counts.items() if count == most]
    named = ", ".join(labels[:3]) + (", ..." if len(labels) > 3 else "")
    if cause == "functions":
        return (
            f"functions of the same text as {named}. A lambda or nested function is a new object "
            "each time it is made: make it once, outside the loop."
        )
    those = [d for differences in each for d in differences if d.label == labels[0]]
    shown = list(dict.fromkeys([*[d.other for d in those], those[-1].own]))
    return (
        f"other shapes of {named}: {', '.join(shown[-3:])}, ... Every new shape is traced and "
        "compiled: pad to a few lengths and mask, cut the data into parts of one length, or call "
        "the function without jit."
    )


class Program(NamedTuple):
    """One program of a jitted function, and why it was traced.

    Attributes:
        number: Its number, from 1, in the order in which the programs were traced.
        arguments: What it was traced for: ``("x: float64[3]", "n: 3")``.
        nearest: The number of the earlier program that differs least; None for the first.
        differences: In what: ``("x: float64[3] -> float64[4]",)``.
    """

    number: int
    arguments: tuple[str, ...]
    nearest: int | None
    differences: tuple[str, ...]

    def __str__(self) -> str:
        if self.nearest is None:
            return f"{self.number}. {', '.join(self.arguments) or 'no arguments'}"
        after = f" (to {self.nearest})" if self.nearest != self.number - 1 else ""
        return f"{self.number}. {'; '.join(self.differences)}{after}"


class Retraces(NamedTuple):
    """The programs that a jitted function keeps, and why each was traced.

    Attributes:
        function: The function.
        programs: In the order in which they were traced.
        dropped: How many traces there were whose programs are not kept any more: those of functions
            that closed over values of a transform that has returned, and the oldest ones where
            there are too many.
    """

    function: str
    programs: tuple[Program, ...]
    dropped: int

    def __str__(self) -> str:
        count = len(self.programs)
        lines = [f"{self.function}: {count} program{'' if count == 1 else 's'}"]
        lines += map(str, self.programs)
        if self.dropped:
            s = "" if self.dropped == 1 else "s"
            lines.append(f"and {self.dropped} trace{s} of which no program is kept")
        return "\n".join(lines)

    __repr__ = __str__


def retraces(
    f: Callable[..., Any], name: str, signatures: Sequence[Signature], traces: int
) -> Retraces:
    """The programs of a jitted function, each beside the one before that differs least.

    Args:
        f: The function that was compiled.
        name: How it is called in what is printed.
        signatures: What its programs were traced for, oldest first.
        traces: How often it was traced.
    """
    names = parameter_names(f)
    programs: list[Program] = []
    for number, signature in enumerate(signatures, 1):
        best: tuple[int, tuple[str, ...]] | None = None
        for before in range(number - 1, 0, -1):
            found = tuple(_differences(signature, signatures[before - 1], names))
            if best is None or len(found) < len(best[1]):
                best = before, found
        nearest, differences = (None, ()) if best is None else best
        programs.append(Program(number, tuple(_arguments(signature, names)), nearest, differences))
    return Retraces(name, tuple(programs), max(0, traces - len(programs)))


def _arguments(signature: Signature, names: Sequence[str]) -> Iterator[str]:
    for position in range(signature.count):
        yield f"{_name(signature, position, names)}: {_shown(signature, position)}"


def _differences(own: Signature, other: Signature, names: Sequence[str]) -> Iterator[str]:
    mine, theirs = _positions(own, names), _positions(other, names)
    if own.treedef is not other.treedef:
        for label, before, now in _structures(own.treedef, other.treedef, own, names):
            was = _shown(other, theirs[label]) if label in theirs else before
            yield f"{label}: {was} -> {_shown(own, mine[label]) if label in mine else now}"
    if list(own.statics) != list(other.statics):
        before, now = (", ".join(map(str, s.statics)) or "none" for s in (other, own))
        yield f"static arguments: {before} -> {now}"
    for label, position in mine.items():
        at = theirs.get(label)
        if at is not None and own.part(position) != other.part(at):
            before, now = _shown(other, at), _shown(own, position)
            yield f"{label}: {before} -> {f'another {now}' if before == now else now}"


def _positions(signature: Signature, names: Sequence[str]) -> dict[str, int]:
    return {_name(signature, position, names): position for position in range(signature.count)}


def _structures(
    own: TreeDef, other: TreeDef, signature: Signature, names: Sequence[str]
) -> Iterator[tuple[str, Any, Any]]:
    """Where two structures of ``(args, kwargs)`` part: what, as it was, as it is."""
    (args, kwargs), (other_args, other_kwargs) = own.children, other.children
    if len(args.children) != len(other_args.children):
        before, now = len(other_args.children), len(args.children)
        yield "positional arguments", before, now
    if kwargs.key != other_kwargs.key:
        before, now = (", ".join(map(str, k.key[1])) or "none" for k in (other_kwargs, kwargs))
        yield "arguments by name", before, now
    for i, (a, b) in enumerate(zip(args.children, other_args.children, strict=False)):
        yield from _parting(a, b, signature.slot_name(i, names))
    if kwargs.key == other_kwargs.key:
        for key, a, b in zip(kwargs.key[1], kwargs.children, other_kwargs.children, strict=True):
            yield from _parting(a, b, str(key))


def _parting(own: TreeDef, other: TreeDef, label: str) -> Iterator[tuple[str, str, str]]:
    pairs = [(own, other, label)]
    while pairs:
        a, b, at = pairs.pop()
        if a is b:
            continue
        if a.kind is not b.kind or a.key != b.key or len(a.children) != len(b.children):
            yield at, describe(b), describe(a)
            continue
        assert a.kind is not None
        entries = a.kind.entries(a)
        inner = zip(a.children, b.children, entries, strict=True)
        pairs += reversed([(x, y, f"{at}{entry}") for x, y, entry in inner])


def _name(signature: Signature, position: int, names: Sequence[str]) -> str:
    """The argument at a position as Python writes it: ``params['w']``."""
    slot, path = signature.slot(position)
    if isinstance(slot, int):
        slot = names[slot] if slot < len(names) else f"argument {slot}"
    return f"{slot}{tree.path_string(path)}"


def _shown(signature: Signature, position: int) -> str:
    part = signature.part(position)
    if isinstance(part, Aval) and part.weak:
        return f"a Python {type(part.dtype.type(0).item()).__name__}"
    return signature.shown(position)
