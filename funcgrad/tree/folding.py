"""Pytrees turned, folded and compared: what `jax.tree` has beside maps."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from funcgrad.errors import ArgumentError, StructureError
from funcgrad.tree.containers import KINDS
from funcgrad.tree.flattening import IsLeaf, flatten, too_deep, unflatten
from funcgrad.tree.mismatch import match, spread_prefix
from funcgrad.tree.treedef import LEAF, Entry, Path, TreeDef

__all__ = [
    "all",
    "all_leaves",
    "broadcast",
    "flatten_by_path",
    "is_tree_node",
    "keystr",
    "leaves_with_path",
    "prefix_errors",
    "reduce",
    "reduce_associative",
    "static",
    "transpose",
    "treedef_children",
    "treedef_is_leaf",
    "treedef_tuple",
]

_MISSING: Any = object()
_every = all


def all(tree: Any, is_leaf: IsLeaf = None) -> bool:
    """Whether every leaf is true.

    >>> all({"a": True, "b": [1, 0]})
    False
    """
    return _every(flatten(tree, is_leaf)[0])


def reduce(
    function: Callable[[Any, Any], Any],
    tree: Any,
    initializer: Any = _MISSING,
    is_leaf: IsLeaf = None,
) -> Any:
    """`functools.reduce` over the leaves, in their order.

    Raises:
        ArgumentError: There is no leaf and no ``initializer``.

    >>> reduce(lambda total, x: total + x, {"a": 1.0, "b": [2.0, 3.0]})
    6.0
    """
    found, _ = flatten(tree, is_leaf)
    if initializer is not _MISSING:
        return functools.reduce(function, found, initializer)
    if not found:
        raise ArgumentError("tree.reduce: the tree has no leaves", "Pass an initializer.")
    return functools.reduce(function, found)


def reduce_associative(
    operation: Callable[[Any, Any], Any],
    tree: Any,
    *,
    identity: Any = _MISSING,
    is_leaf: IsLeaf = None,
) -> Any:
    """`reduce` by pairs and pairs of these, for an associative function.

    Raises:
        ArgumentError: There is no leaf and no ``identity``.

    >>> reduce_associative(lambda x, y: f"({x}{y})", list("abcd"))
    '((ab)(cd))'
    """
    found, _ = flatten(tree, is_leaf)
    if not found:
        if identity is _MISSING:
            raise ArgumentError(
                "tree.reduce_associative: the tree has no leaves", "Pass identity=."
            )
        return identity
    while len(found) > 1:
        pairs = zip(found[::2], found[1::2], strict=False)
        found = [*[operation(x, y) for x, y in pairs], *found[len(found) // 2 * 2 :]]
    return found[0]


def transpose(outer_treedef: TreeDef, inner_treedef: TreeDef | None, tree: Any) -> Any:
    """A tree of trees turned inside out: a list of dicts becomes a dict of lists.

    Args:
        outer_treedef: The structure of the tree.
        inner_treedef: That of the trees that stand in it; by default that of the first.
        tree: A pytree of the structure of ``outer_treedef`` with such trees in it.

    Raises:
        StructureError: It does not fit; the message names the key path.

    >>> from funcgrad.tree import structure
    >>> transpose(structure([0, 0]), structure({"a": 0}), [{"a": 1.0}, {"a": 2.0}])
    {'a': [1.0, 2.0]}
    """
    for name, given in (("outer_treedef", outer_treedef), ("inner_treedef", inner_treedef)):
        if not isinstance(given, TreeDef) and (name == "outer_treedef" or given is not None):
            raise ArgumentError(
                f"tree.transpose: {name} must be a structure, got {type(given).__name__}",
                "Write tree.transpose(tree.structure(outer), tree.structure(inner), x).",
            )
    inner: list[Any] = []
    wrong = match(outer_treedef, tree, inner)
    if wrong:
        raise wrong.error("tree.transpose: the tree", "outer_treedef", prefix=False)
    if inner_treedef is None:
        inner_treedef = flatten(inner[0])[1] if inner else LEAF
    rows: list[list[Any]] = []
    for path, each in zip(outer_treedef.paths(), inner, strict=True):
        row: list[Any] = []
        wrong = match(inner_treedef, each, row)
        if wrong:
            what = f"tree.transpose: the tree{''.join(map(str, path))}"
            raise wrong.error(what, "inner_treedef", prefix=False)
        rows.append(row)
    columns = zip(*rows, strict=True) if rows else [()] * inner_treedef.num_leaves
    return unflatten(inner_treedef, [unflatten(outer_treedef, column) for column in columns])


def broadcast(prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None) -> Any:
    """Each leaf of a prefix of a tree at all the leaves that it stands for.

    Args:
        prefix_tree: A pytree that has the containers of ``full_tree`` down to some depth.
        full_tree: Any pytree.
        is_leaf: As in `flatten`, for ``prefix_tree``.

    Raises:
        StructureError: It does not fit; the message names the key path.

    >>> broadcast({"a": 0, "b": 1}, {"a": [5.0, 6.0], "b": 7.0})
    {'a': [0, 0], 'b': 1}
    """
    values, prefix = flatten(prefix_tree, is_leaf)
    parts: list[Any] = []
    wrong = match(prefix, full_tree, parts)
    if wrong:
        raise wrong.error("tree.broadcast: full_tree", "prefix_tree", prefix=False)
    spread = [
        unflatten(treedef, [value] * treedef.num_leaves)
        for value, treedef in zip(values, [flatten(part)[1] for part in parts], strict=True)
    ]
    return unflatten(prefix, spread)


def flatten_by_path(
    tree: Any, is_leaf: Callable[[Path, Any], bool]
) -> tuple[list[tuple[Path, Any]], TreeDef]:
    """`flatten_with_path` for an ``is_leaf`` that is told where each subtree stands.

    Args:
        tree: Any pytree.
        is_leaf: Called with the key path of every subtree and the subtree, the whole tree first.
    """
    found: list[tuple[Path, Any]] = []
    try:
        return found, _walk(tree, (), is_leaf, found)
    except RecursionError:
        raise too_deep("flatten_with_path") from None


def _walk(tree: Any, path: Path, is_leaf: Any, found: list[tuple[Path, Any]]) -> TreeDef:
    kind = None if is_leaf(path, tree) else KINDS[type(tree)]
    if kind is None:
        found.append((path, tree))
        return LEAF
    children, shape = kind.split(tree)
    steps = kind.entries(shape)
    return shape.graft(
        [
            _walk(child, (*path, step), is_leaf, found)
            for step, child in zip(steps, children, strict=True)
        ]
    )


def leaves_with_path(
    tree: Any, is_leaf: Callable[..., bool] | None = None, is_leaf_takes_path: bool = False
) -> list[tuple[Path, Any]]:
    """The leaves of a pytree, each with its key path.

    >>> leaves_with_path({"w": [1.0, 2.0]})
    [((Item('w'), Item(0)), 1.0), ((Item('w'), Item(1)), 2.0)]
    """
    if is_leaf is not None and is_leaf_takes_path:
        return flatten_by_path(tree, is_leaf)[0]
    found, treedef = flatten(tree, is_leaf)
    return list(zip(treedef.paths(), found, strict=True))


def keystr(keys: Iterable[Entry], *, simple: bool = False, separator: str = "") -> str:
    """A key path as text.

    Args:
        keys: A key path.
        simple: Whether to write the keys alone, without brackets and dots.
        separator: What stands between two of them.

    >>> ((path, _),) = leaves_with_path({"w": [1.0]})
    >>> keystr(path), keystr(path, simple=True, separator="/")
    ("['w'][0]", 'w/0')
    """
    return separator.join([str(step.key) if simple else str(step) for step in keys])


def prefix_errors(
    prefix_tree: Any, full_tree: Any, is_leaf: IsLeaf = None
) -> list[Callable[[str], StructureError]]:
    """Why a tree is no prefix of another.

    Args:
        prefix_tree: A pytree.
        full_tree: Another one.
        is_leaf: As in `flatten`, for ``prefix_tree``.

    Returns:
        Nothing where it is one; else a function of a name for the prefix, that gives the error with
        the first key path where it does not fit.

    >>> [error] = prefix_errors({"a": 0}, {"b": 1.0})
    >>> str(error("in_axes")).splitlines()[0]
    "in_axes has a dict with key 'a' at the root, where the tree has a dict with key 'b'."
    """
    values, prefix = flatten(prefix_tree, is_leaf)
    wrong = spread_prefix(unflatten(prefix, [object()] * len(values)), flatten(full_tree)[1], [])
    if wrong is None:
        return []
    return [lambda name: wrong.error(name, "the tree", prefix=True)]


def all_leaves(iterable: Iterable[Any], is_leaf: IsLeaf = None) -> bool:
    """Whether everything in a sequence is a leaf.

    >>> all_leaves([1.0, 2.0]), all_leaves([[1.0], 2.0])
    (True, False)
    """
    return _every(KINDS[type(x)] is None or (is_leaf is not None and is_leaf(x)) for x in iterable)


def is_tree_node(typ: type) -> bool:
    """Whether the instances of a class are containers.

    >>> is_tree_node(dict), is_tree_node(float)
    (True, False)
    """
    if not isinstance(typ, type):
        raise ArgumentError(f"tree.is_tree_node: expected a class, got {typ!r}", "Pass type(x).")
    return KINDS[typ] is not None


def static(**kwargs: Any) -> Any:
    """`dataclasses.field` of a dataclass' field that belongs to the structure.

    Args:
        **kwargs: As for `dataclasses.field`.

    >>> import dataclasses
    >>> from funcgrad.tree import leaves
    >>> @dataclasses.dataclass
    ... class Layer:
    ...     w: float
    ...     name: str = static(default="layer")
    >>> leaves(Layer(2.0))
    [2.0]
    """
    import dataclasses

    return dataclasses.field(metadata={**kwargs.pop("metadata", {}), "static": True}, **kwargs)


def treedef_children(treedef: TreeDef) -> list[TreeDef]:
    """The structures in the root of a structure.

    >>> from funcgrad.tree import structure
    >>> treedef_children(structure([1.0, {"a": 2.0}]))
    [*, {'a': *}]
    """
    _require(treedef, "treedef_children")
    return list(treedef.children)


def treedef_is_leaf(treedef: TreeDef) -> bool:
    """Whether a structure is that of a leaf.

    >>> treedef_is_leaf(LEAF)
    True
    """
    _require(treedef, "treedef_is_leaf")
    return treedef.kind is None


def treedef_tuple(treedefs: Sequence[TreeDef]) -> TreeDef:
    """The structure of a tuple of trees, from theirs.

    >>> treedef_tuple([LEAF, LEAF])
    (*, *)
    """
    given = tuple(treedefs)
    for treedef in given:
        _require(treedef, "treedef_tuple")
    return flatten((None,) * len(given), lambda x: x is None)[1].graft(given)


def _require(treedef: Any, called: str) -> None:
    if not isinstance(treedef, TreeDef):
        raise ArgumentError(
            f"tree.{called}: expected a structure, got {type(treedef).__name__}",
            "Pass tree.structure(x).",
        )
