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

# ruff: noqa: F403, F405

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from funcgrad._publish import absent, publish
from funcgrad.core.lazy import load
from funcgrad.errors import ArgumentError, entry
from funcgrad.tree.flattening import DEEP, IsLeaf, flatten, too_deep, unflatten
from funcgrad.tree.mismatch import match, spread_prefix
from funcgrad.tree.treedef import (
    LEAF,
    Attribute,
    DictKey,
    Entry,
    FlattenedIndexKey,
    GetAttrKey,
    Item,
    Path,
    SequenceKey,
    TreeDef,
)

if TYPE_CHECKING:
    from funcgrad.tree.editing import *
    from funcgrad.tree.folding import *
    from funcgrad.tree.registering import *
    from funcgrad.tree.vectors import *

_MODULES = {
    "editing": "at combine filter is_array is_array_like is_inexact_array is_inexact_array_like "
    "partition",
    "folding": "all all_leaves broadcast flatten_by_path is_tree_node keystr leaves_with_path "
    "prefix_errors reduce reduce_associative static transpose treedef_children treedef_is_leaf "
    "treedef_tuple",
    "registering": "Partial register register_dataclass register_pytree_node "
    "register_pytree_node_class register_pytree_with_keys register_pytree_with_keys_class "
    "register_static",
    "vectors": "ravel",
}
"""The modules that load when one of their names is first asked for."""
_HOME_OF = {name: module for module, names in _MODULES.items() for name in names.split()}

# fmt: off
__all__ = [
    "LEAF", "Attribute", "DictKey", "FlattenedIndexKey", "GetAttrKey", "Item", "Partial",
    "Path", "SequenceKey", "TreeDef", "all", "all_leaves", "at", "broadcast", "combine",
    "filter", "flatten", "flatten_by_path", "flatten_prefix", "flatten_up_to",
    "flatten_with_path", "is_array", "is_array_like", "is_inexact_array",
    "is_inexact_array_like", "is_tree_node", "keystr", "leaves", "leaves_with_path", "map",
    "map_with_path", "partition", "path_string", "prefix_errors", "ravel", "reduce",
    "reduce_associative", "register", "register_dataclass", "register_pytree_node",
    "register_pytree_node_class", "register_pytree_with_keys",
    "register_pytree_with_keys_class", "register_static", "static", "structure", "transpose",
    "treedef_children", "treedef_is_leaf", "treedef_tuple", "unflatten",
]
# fmt: on


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
def map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """`map`, for a function that is told where each leaf stands.

    Args:
        f: Called as ``f(path, leaf, *others)``; see `path_string`.
        tree: As in `map`.
        *rest: As in `map`.
        is_leaf: As in `map`.
        is_leaf_takes_path: Whether ``is_leaf`` is called with the key path before the subtree.

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
    pairs, treedef = flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    others = _others("tree.map_with_path", treedef, rest)
    paths, found = zip(*pairs, strict=True) if pairs else ((), ())
    return unflatten(treedef, builtins.map(f, paths, found, *others))


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
def flatten_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> tuple[list[tuple[Path, Any]], TreeDef]:
    """`flatten`, with the key path of each leaf, and of each subtree for an ``is_leaf`` that asks.

    Example:
        >>> flatten_with_path({"w": [1.0, 2.0]})[0]
        [((Item('w'), Item(0)), 1.0), ((Item('w'), Item(1)), 2.0)]
    """
    if is_leaf is not None and is_leaf_takes_path:
        return __getattr__("flatten_by_path")(tree, is_leaf)
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
def flatten_up_to(
    treedef: TreeDef, tree: Any, what: str = "tree.flatten_up_to: the tree", other: str = "treedef"
) -> list[Any]:
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


TreeDef.flatten_up_to = flatten_up_to


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
def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise absent(__name__, name, __all__)
    space = globals()
    space[name] = getattr(load(f"{__name__}.{home}"), name)
    return publish(space, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
