"""The structure of a pytree as JSON: which containers it has, with what keys.

Classes stand in it by name alone, so that a file makes no class and calls nothing. The records of a
tree come in preorder, None for a leaf; so neither writing nor reading recurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import StructureError
from ..tree import Attribute, Item, path_string
from ..tree.containers import MappingKind, list_keys
from ..tree.mismatch import at
from ..tree.treedef import Entry, TreeDef, a

__all__ = ["compare", "decode", "encode", "fill", "records_of"]

Record = dict[str, Any] | None
"""A container: ``kind``, ``class``, ``entries`` (the steps to its children), ``static``.

None is a leaf.
"""

_BUILTIN = ("NoneType", "OrderedDict", "defaultdict", "dict", "list", "tuple")


def encode(value: Any) -> Any:
    """A key, a number, a string or a tuple of them as JSON, exactly.

    Raises:
        TypeError: It is something else.
    """
    cls: type = type(value)
    if value is None or cls in (str, bool, int):
        return value
    if cls is float:
        return {"float": value.hex()}
    if cls is complex:
        return {"complex": [value.real.hex(), value.imag.hex()]}
    if cls is tuple:
        return {"tuple": [encode(part) for part in value]}
    if cls is Attribute:
        return {"attribute": value.key}
    raise TypeError(f"{a(cls.__name__)} has no form in JSON")


def decode(value: Any) -> Any:
    """What `encode` was given."""
    if not isinstance(value, dict):
        return value
    [(form, inside)] = value.items()
    if form == "float":
        return float.fromhex(inside)
    if form == "complex":
        return complex(*map(float.fromhex, inside))
    if form == "tuple":
        return tuple([decode(part) for part in inside])
    if form == "attribute":
        return Attribute(inside)
    raise ValueError(form)


def records_of(called: str, treedef: TreeDef) -> list[Record]:
    """The records of a structure.

    Raises:
        StructureError: The key of a dict is no number, string or tuple of them.
    """
    found: list[Record] = []
    pending: list[tuple[TreeDef, tuple[Entry, ...]]] = [(treedef, ())]
    while pending:
        node, path = pending.pop()
        if node.kind is None:
            found.append(None)
            continue
        entries = node.kind.entries(node)
        name = node.kind.cls.__name__
        try:
            steps = [encode(e if type(e) is Attribute else e.key) for e in entries]
        except TypeError as error:
            raise StructureError(
                f"{called}: a key of {a(name)} {at(path)} is no string or number: {error}",
                "Name what is in it by strings.",
            ) from None
        builtin = node.kind.cls.__module__ in ("builtins", "collections") and name in _BUILTIN
        record: dict[str, Any] = {
            "kind": name if builtin else "class",
            "class": name,
            "entries": steps,
        }
        if not builtin:
            record["static"] = _static(node.data)
        elif not isinstance(node.kind, MappingKind):
            record["entries"] = len(steps)
        found.append(record)
        children = [(child, (*path, e)) for child, e in zip(node.children, entries, strict=True)]
        pending += reversed(children)
    return found


def _static(data: Any) -> Any:
    """The static data of a class as JSON, or "" where they are no plain values."""
    try:
        return encode(data)
    except TypeError:
        return ""


def _entries(record: dict[str, Any]) -> list[Entry]:
    given = record["entries"]
    if isinstance(given, int):
        return [Item(i) for i in range(given)]
    keys = [decode(step) for step in given]
    return [key if isinstance(key, Attribute) else Item(key) for key in keys]


def fill(records: Sequence[Record], values: Sequence[Any]) -> Any:
    """Lists and dicts of the given leaves: lists for lists and tuples, dicts for all else."""
    left, made = list(values), list[Any]()
    for record in reversed(records):
        if record is None:
            made.append(left.pop())
            continue
        entries = _entries(record)
        children = [made.pop() for _ in entries]
        if record["kind"] == "NoneType":
            made.append(None)
        elif isinstance(record["entries"], int) or _are_positions(record, entries):
            made.append(children)
        else:
            made.append({e.key: child for e, child in zip(entries, children)})
    [whole] = made
    if left:
        raise ValueError("more leaves than places")
    return whole


def _are_positions(record: dict[str, Any], entries: Sequence[Entry]) -> bool:
    """Whether a registered class names its children by position."""
    return record["kind"] == "class" and entries == [Item(i) for i in range(len(entries))]


class _Node:
    """A container of a file or of ``like``, or a leaf: ``leaf`` is its number, else -1."""

    def __init__(self, record: Record, leaf: int, children: list[_Node]) -> None:
        self.record, self.leaf, self.children = record, leaf, children
        self.entries = [] if record is None else _entries(record)

    def describe(self) -> str:
        if self.record is None:
            return "a leaf"
        name, kind = self.record["class"], self.record["kind"]
        if kind == "NoneType":
            return "None"
        if kind in ("list", "tuple"):
            return f"{a(name)} of {len(self.children)}"
        keys = [e.key for e in self.entries]
        what = "key" if kind != "class" else "field" if self._by_name() else "child"
        plural = {"child": "children"}.get(what, f"{what}s") if len(keys) != 1 else what
        shown = list_keys(keys) if kind != "class" else ", ".join(map(str, keys))
        text = f"{a(name)} with {plural} {shown}" if keys else f"{a(name)} without children"
        static = self.record.get("static")
        return f"{text} and static data {_shown(static)}" if static else text

    def _by_name(self) -> bool:
        return all(isinstance(e, Attribute) for e in self.entries)


def _shown(static: Any) -> str:
    data = decode(static)
    if type(data) is tuple and len(data) == 2 and type(data[1]) is tuple:  # of a dataclass
        return ", ".join([f"{name}={value!r}" for name, value in data[1]]) or "none"
    return repr(data)


def _tree_of(records: Sequence[Record]) -> _Node:
    number, made = sum(record is None for record in records), list[_Node]()
    for record in reversed(records):
        if record is None:
            number -= 1
            made.append(_Node(None, number, []))
            continue
        node = _Node(record, -1, [])
        node.children = [made.pop() for _ in node.entries]
        made.append(node)
    [whole] = made
    return whole


def compare(called: str, saved: Sequence[Record], wanted: Sequence[Record]) -> list[int]:
    """For each leaf of ``wanted`` the number of the leaf of ``saved`` in its place.

    Raises:
        StructureError: The two differ; the message names the key path.
    """
    found: list[int] = []
    pending: list[tuple[_Node, _Node, tuple[Entry, ...]]] = [
        (_tree_of(saved), _tree_of(wanted), ())
    ]
    while pending:
        ours, theirs, path = pending.pop()
        if ours.record is None and theirs.record is None:
            found.append(ours.leaf)
            continue
        child = dict(zip(ours.entries, ours.children))
        if not _agree(ours, theirs):
            raise StructureError(
                f"{called}: the file has {ours.describe()} {at(path)}, where like has "
                f"{theirs.describe()}",
                "Give a like of the structure that was saved, or leave it out for dicts and lists.",
            )
        pending += reversed(
            [(child[e], node, (*path, e)) for e, node in zip(theirs.entries, theirs.children)]
        )
    return found


def _agree(ours: _Node, theirs: _Node) -> bool:
    if ours.record is None or theirs.record is None:
        return False
    for field in ("kind", "class"):
        if ours.record[field] != theirs.record[field]:
            return False
    one, two = ours.record.get("static"), theirs.record.get("static")
    if one and two and one != two:
        return False
    if ours.record["kind"] == "OrderedDict":
        return ours.entries == theirs.entries
    return len(ours.entries) == len(theirs.entries) and set(ours.entries) == set(theirs.entries)


def names_of(treedef: TreeDef) -> list[str]:
    """A name for each leaf, as ``layers.0.kernel``, no two alike."""
    found: list[str] = []
    taken: set[str] = set()
    for path in treedef.paths():
        plain = ".".join([str(e.key).replace("/", "_") for e in path]) or "value"
        name, count = plain, 1
        while name in taken:
            count += 1
            name = f"{plain}#{count}"
        taken.add(name)
        found.append(name)
    return found


def paths_of(treedef: TreeDef) -> list[str]:
    """Where each leaf stands, for messages."""
    return [path_string(path) or "the root" for path in treedef.paths()]
