"""Fitting a tree to a structure, and the error that says where it does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from funcgrad.errors import StructureError
from funcgrad.tree.containers import KINDS, MappingKind, list_keys
from funcgrad.tree.treedef import LEAF, Entry, TreeDef


def at(path: Sequence[Entry]) -> str:
    """A key path in the words of an error message."""
    return f"at {''.join(map(str, path))}" if path else "at the root"


def describe(treedef: TreeDef) -> str:
    """The root of a structure in the words of an error message."""
    return "a leaf" if treedef.kind is None else treedef.kind.describe(treedef)


def _keys_fix(got: TreeDef, expected: TreeDef) -> str:
    """Which keys to add and to drop, where two dicts differ in nothing else."""
    if not isinstance(got.kind, MappingKind) or not isinstance(expected.kind, MappingKind):
        return ""
    (factory, have), (wanted_factory, want) = got.key, expected.key
    if got.kind.cls is not expected.kind.cls or factory != wanted_factory:
        return ""
    missing, extra = [k for k in want if k not in have], [k for k in have if k not in want]
    steps = [
        f"{verb} the key{'' if len(keys) == 1 else 's'} {list_keys(keys)}"
        for verb, keys in (("add", missing), ("drop", extra))
        if keys
    ]
    text = " and ".join(steps)
    return f"{text[:1].upper()}{text[1:]} there" if text else ""


class Mismatch:
    """The place where a tree does not fit a structure; ``path`` grows from there to the root."""

    def __init__(self, got: Any, expected: TreeDef) -> None:
        self.got, self.expected = got, expected
        self.path: list[Entry] = []

    def under(self, treedef: TreeDef, child: int) -> Mismatch:
        assert treedef.kind is not None
        self.path.insert(0, treedef.kind.entries(treedef)[child])
        return self

    def error(self, what: str, other: str, *, prefix: bool) -> StructureError:
        kind = KINDS[type(self.got)]
        shape = LEAF if kind is None else kind.split(self.got)[1]
        got = f"a leaf of type {type(self.got).__name__}" if kind is None else describe(shape)
        expected = describe(self.expected)
        fix = _keys_fix(shape, self.expected) or f"Write {expected} there"
        if prefix:
            whole = f"{fix}, or one value for all of it"
            fix = "Write one value there" if self.expected is LEAF else whole
        text = f"{what} has {got} {at(self.path)}, where {other} has {expected}"
        return StructureError(text, f"{fix}.")


def _fit(tree: Any, treedef: TreeDef) -> Sequence[Any] | None:
    """The children of ``tree``, or None if it is not the container at the root of ``treedef``."""
    kind = treedef.kind
    if kind is None or type(tree) is not kind.cls:
        return None
    children, shape = kind.split(tree)
    same = shape.key == treedef.key and len(children) == len(treedef.children)
    return children if same else None


def match(treedef: TreeDef, tree: Any, found: list[Any]) -> Mismatch | None:
    """Collect what stands in ``tree`` at each leaf of ``treedef``."""
    if treedef is LEAF:
        found.append(tree)
        return None
    children = _fit(tree, treedef)
    if children is None:
        return Mismatch(tree, treedef)
    if treedef.flat:
        found += children
        return None
    for i, child in enumerate(treedef.children):
        if wrong := match(child, children[i], found):
            return wrong.under(treedef, i)
    return None


def spread_prefix(prefix: Any, treedef: TreeDef, found: list[Any]) -> Mismatch | None:
    """Collect, for each leaf of ``treedef``, the leaf of ``prefix`` that stands at or above it."""
    if prefix is None or KINDS[type(prefix)] is None:
        found += [prefix] * treedef.num_leaves
        return None
    children = _fit(prefix, treedef)
    if children is None:
        return Mismatch(prefix, treedef)
    for i, child in enumerate(treedef.children):
        if wrong := spread_prefix(children[i], child, found):
            return wrong.under(treedef, i)
    return None
