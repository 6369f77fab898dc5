"""The structure of a pytree, and the protocol by which containers come apart.

`funcgrad.tree` is the public face. A `Kind` (see `funcgrad._containers`) splits a container into
its children and its *shape*, the structure that it would have if all children were leaves;
`TreeDef.graft` puts the structures of the children in their place. Structures are interned: a known
one costs a lookup in a dict, and no object is made.
"""

from __future__ import annotations

import os
from _thread import RLock  # what threading.RLock is, without the millisecond that it costs
from collections.abc import Callable, Hashable, Sequence
from typing import Any
from weakref import WeakValueDictionary

from funcgrad.errors import StructureError

Join = Callable[[Sequence[Any]], Any]

# How many entries each of the strong caches in front of the weak table of structures holds.
CACHE_SIZE = 1024


class Entry:
    """One step of a key path."""

    __slots__ = ("key",)
    shown = "Entry"

    def __init__(self, key: Any) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and (other.shown, other.key) == (self.shown, self.key)

    def __hash__(self) -> int:
        return hash((self.shown, self.key))

    def __repr__(self) -> str:
        return f"{self.shown}({self.key!r})"


class Item(Entry):
    """The step to ``x[key]``: a key of a dict, or a position in a list or tuple."""

    __slots__ = ()
    shown = "Item"

    def __str__(self) -> str:
        return f"[{self.key!r}]"


class DictKey(Item):
    """The step to the value of a key of a dict."""

    __slots__ = ()


class SequenceKey(Item):
    """The step to a position in a list or tuple."""

    __slots__ = ()
    idx = Entry.key


class FlattenedIndexKey(Item):
    """The step to a child, by its number, of a class that was registered without keys."""

    __slots__ = ()


class Attribute(Entry):
    """The step to ``x.key``: a field of a NamedTuple or dataclass."""

    __slots__ = ()
    shown = "Attribute"
    name = Entry.key

    def __str__(self) -> str:
        return f".{self.key}"


GetAttrKey = Attribute

Path = tuple[Entry, ...]


class TreeDef:
    """The structure of a pytree: its containers, with ``*`` where a leaf stands.

    Made by ``tree.flatten`` and ``tree.structure`` only. Hashable and picklable; ``==`` leaves the
    key order of a ``dict`` aside, ``is`` does not.

    Attributes:
        num_leaves: The number of leaves.

    The other attributes are for funcgrad itself: ``kind`` (None for a leaf), ``data`` (what the
    kind needs beside the children), ``key`` (the data as ``==`` sees them), ``exact`` (the data to
    the last detail), ``join`` (from the children to the container), ``children``, and ``flat``
    (there are only leaves among the children).

    Example:
        >>> from funcgrad.tree import structure
        >>> structure({"w": [1.0, 2.0], "b": 0.5})
        {'b': *, 'w': [*, *]}
    """

    # `funcgrad.tree.flattening` and `funcgrad.tree` set them: JAX's names for two functions there.
    unflatten: Any
    flatten_up_to: Any

    __slots__ = (
        "__weakref__",
        "_grafts",
        "_hash",
        "children",
        "data",
        "exact",
        "flat",
        "join",
        "key",
        "kind",
        "num_leaves",
    )

    def __init__(
        self,
        kind: Kind | None,
        data: Any,
        key: Any,
        exact: Hashable,
        join: Join,
        children: tuple[TreeDef, ...],
    ) -> None:
        self.kind, self.data, self.key, self.exact, self.join = kind, data, key, exact, join
        self.children = children
        self.flat = kind is not None and all(child is LEAF for child in children)
        self.num_leaves: int = sum(child.num_leaves for child in children) if kind else 1
        self._grafts: dict[tuple[int, ...], TreeDef] = {}
        self._hash = hash((kind and kind.cls, key, tuple(hash(child) for child in children)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, TreeDef):
            return NotImplemented
        pending: list[tuple[TreeDef, TreeDef]] = [(self, other)]
        while pending:
            one, two = pending.pop()
            if one is two:
                continue
            if one._hash != two._hash or one.kind is None or two.kind is None:
                return False
            same = one.kind.cls is two.kind.cls and one.key == two.key
            if not same or len(one.children) != len(two.children):
                return False
            pending += zip(one.children, two.children, strict=True)
        return True

    def __repr__(self) -> str:
        texts: list[str] = []
        for node in self._nodes():
            kind, start = node.kind, len(texts) - len(node.children)
            texts[start:] = ["*" if kind is None else kind.text(node, texts[start:])]
        return texts[0]

    def __reduce__(self) -> str | tuple[Any, ...]:
        if self.kind is None:
            return "LEAF"
        nodes = [(node.kind, node.data, len(node.children)) for node in self._nodes()]
        return _unpickle, (nodes,)

    def _nodes(self) -> list[TreeDef]:
        """The structures in this one, children before what holds them; without recursion."""
        found: list[TreeDef] = []
        pending: list[TreeDef] = [self]
        while pending:
            node = pending.pop()
            found.append(node)
            pending += node.children
        found.reverse()
        return found

    def paths(self) -> list[Path]:
        """The key path of every leaf, in the order of the leaves.

        Example:
            >>> from funcgrad.tree import path_string, structure
            >>> [path_string(path) for path in structure({"w": [1.0, 2.0], "b": 0.5}).paths()]
            ["['b']", "['w'][0]", "['w'][1]"]
        """
        found: list[Path] = []
        pending: list[tuple[TreeDef, Path]] = [(self, ())]
        while pending:
            node, path = pending.pop()
            if node.kind is None:
                found.append(path)
                continue
            pairs = [*zip(node.kind.entries(node), node.children, strict=True)]
            pending += [(child, (*path, entry)) for entry, child in reversed(pairs)]
        return found

    def depth(self) -> int:
        """How deep it is nested: 0 for a leaf."""
        level, found = [self], 0
        while True:
            level = [child for node in level for child in node.children if child is not LEAF]
            if not level:
                return found + (self.kind is not None)
            found += 1

    def graft(self, children: Sequence[TreeDef]) -> TreeDef:
        """This structure, whose children are all leaves, with ``children`` in their place."""
        # By id, because == leaves key orders aside. An id stays taken while its entry is there,
        # because the entry's value holds the children.
        ids = tuple(map(id, children))
        found = self._grafts.get(ids)
        if found is None:
            found = self
            if any(child is not LEAF for child in children):
                parts = (self.kind, self.data, self.key, self.exact, self.join)
                found = _intern(TreeDef(*parts, tuple(children)))
            remember(self._grafts, ids, found)
        return found


LEAF = TreeDef(None, None, None, None, lambda children: children[0], ())

_TREEDEFS: WeakValueDictionary[tuple[Any, ...], TreeDef] = WeakValueDictionary()

_shared_lock = RLock()  # reentrant: a collection inside it may run code that flattens


def lock() -> RLock:
    """The one lock of the package, for a few operations on a table or a counter.

    A child process that is forked while another thread holds it has a new one: who would let go of
    the old one is not there.
    """
    return _shared_lock


def _renew_lock() -> None:
    global _shared_lock
    _shared_lock = RLock()


if hasattr(os, "register_at_fork"):  # where there is fork
    os.register_at_fork(after_in_child=_renew_lock)


def _intern(made: TreeDef) -> TreeDef:
    """The one `TreeDef` that agrees with ``made`` to the last detail."""
    assert made.kind is not None
    token = (made.kind.cls, made.exact, tuple(map(id, made.children)))
    with lock():
        return _TREEDEFS.setdefault(token, made)


def _unpickle(nodes: list[tuple[Kind | None, Any, int]]) -> TreeDef:
    made: list[TreeDef] = []
    for kind, data, count in nodes:
        start = len(made) - count
        made[start:] = [LEAF if kind is None else kind.shape(data, count).graft(made[start:])]
    return made[0]


def remember(cache: dict[Any, Any], key: Any, value: Any) -> None:
    """Store in a bounded cache."""
    if len(cache) >= CACHE_SIZE:
        cache.clear()
    cache[key] = value


def exact(value: Any) -> Hashable:
    """``value`` as a key that tells 1, 1.0 and True apart, and 0.0 and -0.0."""
    cls: type = type(value)
    if cls is str or cls is int or cls is bool:
        return (cls, value)
    if cls is tuple:
        return (cls, *map(exact, value))
    if cls is frozenset:
        return (cls, frozenset(map(exact, value)))
    if isinstance(value, float):
        return (cls, value.hex())
    return (cls, repr(value) if cls is complex else value)


def a(name: str) -> str:
    """``name`` with its indefinite article."""
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


class Kind:
    """How one class of containers comes apart and is put together."""

    __slots__ = ("_known", "_shapes", "cls")

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self._shapes: dict[Hashable, TreeDef] = {}
        self._known: dict[Any, Any] = {}  # what `split` finds without asking for the exact data

    def split(self, x: Any) -> tuple[Sequence[Any], TreeDef]:
        """The children of ``x``, and the structure it has if they are all leaves."""
        raise NotImplementedError

    def join(self, data: Any) -> Join:
        """The function from the children to the container."""
        raise NotImplementedError

    def key(self, data: Any) -> Hashable:
        """``data`` as the comparison of structures sees them."""
        return exact(data)

    def entries(self, treedef: TreeDef) -> Sequence[Entry]:
        """The step of a key path to each child."""
        raise NotImplementedError

    def text(self, treedef: TreeDef, parts: list[str]) -> str:
        """How the structure prints, given its printed children."""
        raise NotImplementedError

    def describe(self, treedef: TreeDef) -> str:
        """The container in the words of an error message."""
        raise NotImplementedError

    def shape(self, data: Any, n: int) -> TreeDef:
        """The structure whose ``n`` children are leaves."""
        try:
            token = (exact(data), n)
            found = self._shapes.get(token)
        except TypeError as error:
            raise StructureError(
                f"tree.flatten: the static data of {a(self.cls.__qualname__)} is not hashable:"
                f" {data!r}",
                "Make it hashable (a tuple for a list); an array belongs among the children.",
            ) from error
        if found is None:
            found = _intern(
                TreeDef(self, data, self.key(data), token, self.join(data), (LEAF,) * n)
            )
            remember(self._shapes, token, found)
        return found
