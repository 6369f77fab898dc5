"""Between pytrees and their leaves: `flatten`, `unflatten`, and how deep a tree may be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from funcgrad.errors import (
    ArgumentError,
    DepthError,
    StructureError,
    trim,
)
from funcgrad.tree.containers import KINDS
from funcgrad.tree.mismatch import at, describe
from funcgrad.tree.treedef import LEAF, Entry, TreeDef

__all__ = ["IsLeaf", "T", "flatten", "unflatten"]


DEEP = 100

"""Trees that are nested deeper than this may be why Python's recursion limit is reached."""

T = TypeVar("T")

IsLeaf = Callable[[Any], bool] | None


def _walk(tree: Any, found: list[Any]) -> TreeDef:
    kind = KINDS[type(tree)]
    if kind is None:
        found.append(tree)
        return LEAF
    children, shape = kind.split(tree)
    for child in children:
        if KINDS[type(child)] is not None:
            break
    else:
        found += children
        return shape
    treedefs: list[TreeDef] = []
    for child in children:  # a comprehension would be a second frame per level
        treedefs.append(_walk(child, found))
    return shape.graft(treedefs)


def _walk_until(tree: Any, found: list[Any], is_leaf: Callable[[Any], bool]) -> TreeDef:
    kind = None if is_leaf(tree) else KINDS[type(tree)]
    if kind is None:
        found.append(tree)
        return LEAF
    children, shape = kind.split(tree)
    treedefs: list[TreeDef] = []
    for child in children:
        treedefs.append(_walk_until(child, found, is_leaf))
    return shape.graft(treedefs)


def flatten(tree: Any, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeDef]:
    """Take a pytree apart.

    Args:
        tree: Any pytree.
        is_leaf: Called with every subtree, the whole tree first; where it gives True the subtree
            is a leaf.

    Returns:
        The leaves, depth first, and the structure.

    Raises:
        StructureError: The tree contains itself, or holds static data that cannot be hashed, or an
            instance of a subclass of a container that is not registered.
        DepthError: It is nested deeper than Python's recursion limit allows.

    Example:
        >>> flatten({"w": [1.0, 2.0], "b": 0.5})
        ([0.5, 1.0, 2.0], {'b': *, 'w': [*, *]})
        >>> flatten([1.0, None], is_leaf=lambda x: x is None)
        ([1.0, None], [*, *])
    """
    found: list[Any] = []
    try:
        treedef = _walk(tree, found) if is_leaf is None else _walk_until(tree, found, is_leaf)
    except RecursionError as error:
        try:
            if _depth_without_cycle(tree, is_leaf) <= DEEP:
                raise error  # who called is near the limit
            raise too_deep("flatten") from None
        except Exception as wrong:
            trim(wrong)
            raise
    except Exception as error:
        trim(error)
        raise
    return found, treedef


def too_deep(name: str) -> DepthError:
    return DepthError(
        f"{name}: the tree is nested deeper than Python's recursion limit allows",
        "Put its parts into one list in place of a chain, or call sys.setrecursionlimit.",
    )


def _depth_without_cycle(tree: Any, is_leaf: IsLeaf) -> int:
    """How deep ``tree`` is nested, as far as it is walked; raises if it contains itself."""

    def inside(x: Any) -> Iterator[tuple[Entry, Any]]:
        kind = None if is_leaf is not None and is_leaf(x) else KINDS[type(x)]
        if kind is None:
            return iter(())
        children, shape = kind.split(x)
        return iter(list(zip(kind.entries(shape), children, strict=True)))

    # The nodes from the root down, each with the step that led to it and what is left of it.
    chain: list[tuple[Any, Any, Iterator[tuple[Entry, Any]]]] = [(tree, None, inside(tree))]
    deepest = 0
    # A class whose flatten function makes new children for ever has no cycle to be found.
    while chain and len(chain) <= 2 * sys.getrecursionlimit():
        entry, child = next(chain[-1][2], (None, None))
        if entry is None:
            chain.pop()
            continue
        for depth, (node, _, _) in enumerate(chain):
            if node is child:
                path = [step for _, step, _ in chain[1:]]
                raise StructureError(
                    f"tree.flatten: the {type(child).__name__} {at(path[:depth])} contains itself,"
                    f" {at([*path, entry])}",
                    "Break the cycle, or stop at that node with is_leaf.",
                )
        chain.append((child, entry, inside(child)))
        deepest = max(deepest, len(chain))
    return deepest


def unflatten(treedef: TreeDef, leaves: Iterable[Any]) -> Any:
    """Put a pytree together: the inverse of `flatten`.

    Args:
        treedef: A structure.
        leaves: ``treedef.num_leaves`` leaves, of any type.

    Returns:
        The pytree; its dicts have the key order of the tree that ``treedef`` was taken from.

    Raises:
        StructureError: Too few or too many leaves.

    Example:
        >>> unflatten(flatten({"w": [1.0, 2.0], "b": 0.5})[1], "abc")
        {'w': ['b', 'c'], 'b': 'a'}
    """
    try:
        given = list(leaves)
        if not isinstance(treedef, TreeDef) or len(given) != treedef.num_leaves:
            raise _miscounted(treedef, len(given))
        if treedef.flat or treedef is LEAF:
            return treedef.join(given)
        try:
            return _build(treedef, given, 0)
        except RecursionError:
            if treedef.depth() <= DEEP:
                raise
            raise too_deep("unflatten") from None
    except Exception as error:
        trim(error)
        raise


def _miscounted(treedef: Any, count: int) -> Exception:
    if not isinstance(treedef, TreeDef):
        return ArgumentError(
            f"tree.unflatten: expected a structure and leaves, got {type(treedef).__name__}",
            "Write tree.unflatten(treedef, leaves), with what tree.flatten returned.",
        )
    text, n = repr(treedef), treedef.num_leaves
    return StructureError(
        f"tree.unflatten: {text if len(text) <= 80 else describe(treedef)} has"
        f" {n} {'leaf' if n == 1 else 'leaves'}, got {count}",
        "Give one per leaf, in the order of flatten.",
    )


def _build(treedef: TreeDef, leaves: list[Any], start: int) -> Any:
    children: list[Any] = []
    for child in treedef.children:
        stop = start + child.num_leaves
        if child is LEAF:
            children.append(leaves[start])
        elif child.flat:
            children.append(child.join(leaves[start:stop]))
        else:
            children.append(_build(child, leaves, start))
        start = stop
    return treedef.join(children)


TreeDef.unflatten = unflatten
