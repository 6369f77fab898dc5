"""Pytrees, the nested containers in which parameters, gradients and arguments travel.

A pytree is a leaf, or a container of pytrees. `flatten` takes one apart into the list of its leaves
and a `TreeDef`, its structure; `unflatten` puts it together again. Containers are

- ``dict`` and ``defaultdict`` (leaves in the order of the sorted keys; keys of several classes are
  sorted by class, keys without an order stay as they come), ``OrderedDict`` (leaves in its own
  order), ``list``, ``tuple``, every ``NamedTuple``, and ``None``, a container without leaves;
- every instance of a dataclass, without registration. A field declared with
  ``dataclasses.field(metadata={"static": True})`` belongs to the structure and must be hashable;
  a field that is not set stays unset; attributes that are no fields are dropped. `unflatten` sets
  the fields directly and calls neither ``__init__`` nor ``__post_init__``: a check written for
  numbers would fail on the tracers that a transform puts in their place;
- the classes given to `register`.

All else is a leaf, also an ``Enum`` and a dataclass derived from a built-in such as ``dict``. An
instance of a subclass of a container that none of these rules covers (``class Params(dict)``)
raises: as a leaf it would be a constant, and its gradient None, without a word.

Structures are interned: ``structure(a) is structure(b)`` where they agree to the last detail, key
order included; ``==`` leaves the key order of a ``dict`` aside. Key order matters to a function
that loops over a dict, so a cache of traced programs compares with ``is``.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, cast

from funcgrad._publish import absent
from funcgrad.errors import ArgumentError, entry
from funcgrad.tree.containers import KINDS, RegisteredKind
from funcgrad.tree.flattening import DEEP, IsLeaf, T, flatten, too_deep, unflatten
from funcgrad.tree.mismatch import match, spread_prefix
from funcgrad.tree.treedef import LEAF, Attribute, Entry, Item, Path, TreeDef
from funcgrad.tree.vectors import ravel

__all__ = [
    "LEAF",
    "Attribute",
    "Item",
    "Path",
    "TreeDef",
    "flatten",
    "flatten_prefix",
    "flatten_up_to",
    "flatten_with_path",
    "leaves",
    "map",
    "map_with_path",
    "path_string",
    "ravel",
    "register",
    "structure",
    "unflatten",
]


@entry
def leaves(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves of a pytree, as in `flatten`.

    Example:
        >>> leaves({"w": [1.0, 2.0], "b": 0.5, "frozen": None})
        [0.5, 1.0, 2.0]
    """
    return flatten(tree, is_leaf)[0]


@entry
def structure(tree: Any, is_leaf: IsLeaf = None) -> TreeDef:
    """The structure of a pytree, as in `flatten`.

    Example:
        >>> structure({"b": 1, "a": 2}) == structure({"a": 3, "b": 4})
        True
    """
    return flatten(tree, is_leaf)[1]


@entry
def map(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None) -> Any:
    """Apply a function to every leaf.

    Args:
        f: Called as ``f(leaf, *others)``, with one more argument for each tree in ``rest``.
        tree: Any pytree.
        *rest: Pytrees that have the structure of ``tree`` or go deeper: whatever stands in the
            place of a leaf of ``tree``, a container or None too, is passed on whole.
        is_leaf: As in `flatten`, for ``tree``.

    Returns:
        A pytree of the results, with the structure of ``tree``.

    Raises:
        StructureError: A tree in ``rest`` does not fit; the message names the key path.

    Example:
        >>> map(lambda p, g: p if g is None else p - g, {"w": 3.0, "n": 5}, {"w": 1.0, "n": None})
        {'w': 2.0, 'n': 5}
    """
    _require_function("tree.map", f)
    found, treedef = flatten(tree, is_leaf)
    others = _others("tree.map", treedef, rest)
    return unflatten(treedef, builtins.map(f, found, *others))


@entry
def map_with_path(f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None) -> Any:
    """`map`, for a function that is told where each leaf stands.

    Args:
        f: Called as ``f(path, leaf, *others)``; see `path_string`.
        tree: As in `map`.
        *rest: As in `map`.
        is_leaf: As in `map`.

    Returns:
        A pytree of the results, with the structure of ``tree``.

    Raises:
        StructureError: A tree in ``rest`` does not fit; the message names the key path.

    Example:
        >>> decay = lambda path, w: 0.0 if path[-1].key == "b" else 0.1
        >>> map_with_path(decay, [{"w": 1.0, "b": 2.0}])
        [{'w': 0.1, 'b': 0.0}]
    """
    _require_function("tree.map_with_path", f)
    found, treedef = flatten(tree, is_leaf)
    others = _others("tree.map_with_path", treedef, rest)
    return unflatten(treedef, builtins.map(f, treedef.paths(), found, *others))


def _require_function(name: str, f: Any) -> None:
    if not callable(f):
        raise ArgumentError(
            f"{name}: expected a function, got {type(f).__name__}",
            f"Write {name}(f, tree): the function comes first.",
        )


def _others(name: str, treedef: TreeDef, rest: Sequence[Any]) -> list[list[Any]]:
    trees = enumerate(rest, start=2)
    return [flatten_up_to(treedef, tree, f"{name}: tree {i}", "tree 1") for i, tree in trees]


@entry
def flatten_with_path(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[tuple[Path, Any]], TreeDef]:
    """`flatten`, with the key path of each leaf.

    Example:
        >>> flatten_with_path({"w": [1.0, 2.0]})[0]
        [((Item('w'), Item(0)), 1.0), ((Item('w'), Item(1)), 2.0)]
    """
    found, treedef = flatten(tree, is_leaf)
    return list(zip(treedef.paths(), found, strict=True)), treedef


@entry
def path_string(path: Iterable[Entry]) -> str:
    """A key path as Python writes it; empty for the root.

    Example:
        >>> path_string((Item("w"), Item(0), Attribute("bias")))
        "['w'][0].bias"
    """
    return "".join(builtins.map(str, path))


@entry
def flatten_up_to(treedef: TreeDef, tree: Any, what: str, other: str = "the tree") -> list[Any]:
    """What stands in a tree at each leaf of a structure.

    Args:
        treedef: A structure.
        tree: A pytree of that structure, or one that goes deeper; where ``treedef`` has a leaf
            anything may stand, a container or None too.
        what: The tree in the words of an error message, such as ``"vjp: the cotangent"``.
        other: Likewise, what ``treedef`` was taken from.

    Returns:
        ``treedef.num_leaves`` subtrees.

    Raises:
        StructureError: It does not fit; the message names the key path.

    Example:
        >>> flatten_up_to(structure({"w": 1.0, "b": 2.0}), {"w": [3.0], "b": None}, "f: x")
        [None, [3.0]]
        >>> flatten_up_to(structure({"w": (1.0, 2.0)}), {"w": 3.0}, "vjp: ct", "f(x)")
        Traceback (most recent call last):
        funcgrad.errors.StructureError: vjp: ct has a leaf of type float at ['w'], where f(x) has \
a tuple of 2.
        Write a tuple of 2 there.
        See help(funcgrad.errors.StructureError)
    """
    if not isinstance(treedef, TreeDef):
        raise ArgumentError(
            f"tree.flatten_up_to: expected a structure, got {type(treedef).__name__}",
            "Write tree.flatten_up_to(tree.structure(x), y, what).",
        )
    return _fitted(match, treedef, tree, treedef, what, other)


def _fitted(
    fit: Callable[..., Any], first: Any, second: Any, treedef: TreeDef, what: str, other: str
) -> list[Any]:
    """What ``fit``, which is `match` or `spread_prefix`, collects."""
    found: list[Any] = []
    try:
        wrong = fit(first, second, found)
    except RecursionError:
        if treedef.depth() <= DEEP:
            raise
        raise too_deep(what) from None
    if wrong:
        raise wrong.error(what, other, prefix=fit is spread_prefix)
    return found


@entry
def flatten_prefix(prefix: Any, tree: Any, what: str, other: str = "the tree") -> list[Any]:
    """Spread a prefix of a pytree, such as the ``in_axes`` of vmap, over the leaves of the tree.

    Args:
        prefix: A pytree that has the containers of ``tree`` down to some depth. Each of its leaves
            stands for all leaves of the subtree in its place. None is a leaf of the prefix.
        tree: A pytree, or the structure of one.
        what: The prefix in the words of an error message, such as ``"vmap: in_axes"``.
        other: Likewise, the tree.

    Returns:
        One leaf of ``prefix`` for each leaf of ``tree``.

    Raises:
        StructureError: It does not fit; the message names the key path.

    Example:
        >>> flatten_prefix((0, None), ([1.0, 2.0], {"w": 3.0}), "vmap: in_axes")
        [0, 0, None]
        >>> flatten_prefix((0, {"b": 0}), ([1.0, 2.0], {"w": 3.0}), "vmap: in_axes", "x")
        Traceback (most recent call last):
        funcgrad.errors.StructureError: vmap: in_axes has a dict with key 'b' at [1], where x has \
a dict with key 'w'.
        Add the key 'w' and drop the key 'b' there, or one value for all of it.
        See help(funcgrad.errors.StructureError)
    """
    treedef = tree if isinstance(tree, TreeDef) else structure(tree)
    return _fitted(spread_prefix, prefix, treedef, treedef, what, other)


@entry
def register(
    cls: type[T],
    flatten: Callable[[T], tuple[Iterable[Any], Hashable]],
    unflatten: Callable[[Any, tuple[Any, ...]], T],
    *,
    keys: Sequence[str] | Callable[[Any], Iterable[Hashable]] | None = None,
) -> None:
    """Make a class a container of pytrees. A subclass needs a call of its own.

    Args:
        cls: The class.
        flatten: ``flatten(x)`` gives the children of an instance and hashable aux data, which
            belong to the structure.
        unflatten: ``unflatten(aux, children)`` makes the instance again. The children may be
            anything, tracers among them: do not convert or check them.
        keys: How key paths name the children: attribute names (``.low``), or a function from the
            aux data to the keys (``['low']``); by position (``[0]``) if left out.

    Raises:
        ArgumentError: The class is a container already, or an argument is not what is said here.

    Example:
        >>> class Interval:
        ...     def __init__(self, low, high):
        ...         self.low, self.high = low, high
        >>> register(
        ...     Interval,
        ...     lambda x: ((x.low, x.high), None),
        ...     lambda aux, children: Interval(*children),
        ...     keys=("low", "high"),
        ... )
        >>> map(lambda x: 2 * x, Interval(1.0, 3.0)).high
        6.0
    """
    if not isinstance(cast(object, cls), type):
        raise ArgumentError(
            f"tree.register: expected a class, got {cls!r}", "Pass the class itself."
        )
    if cls in KINDS.fixed:
        raise ArgumentError(
            f"tree.register: {cls.__qualname__} is a container already",
            "Register a class once, where it is defined.",
        )
    if not callable(flatten) or not callable(unflatten):
        raise ArgumentError(
            f"tree.register: expected two functions for {cls.__qualname__}, got {flatten!r} and"
            f" {unflatten!r}",
            "Write tree.register(cls, flatten, unflatten).",
        )
    names = keys if keys is None or callable(keys) else tuple(keys)
    # In this order, for who is interrupted in between calls it again.
    KINDS[cls] = RegisteredKind(cls, flatten, unflatten, names)
    KINDS.fixed.add(cls)


@entry
def __getattr__(name: str) -> Any:
    raise absent(__name__, name, __all__)
