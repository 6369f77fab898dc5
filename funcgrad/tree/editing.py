"""Parts of pytrees: leaves that are arrays, trees in two halves, trees with a part replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from funcgrad.errors import ArgumentError, StructureError
from funcgrad.tree.arrays import Array
from funcgrad.tree.flattening import IsLeaf, flatten, unflatten
from funcgrad.tree.mismatch import match, spread_prefix

__all__ = [
    "at",
    "combine",
    "filter",
    "is_array",
    "is_array_like",
    "is_inexact_array",
    "is_inexact_array_like",
    "partition",
]


def is_array(x: Any) -> bool:
    """Whether ``x`` is an array, a NumPy scalar or a traced value.

    >>> is_array(np.ones(3)), is_array(np.float64(1.0)), is_array(1.0)
    (True, True, False)
    """
    return isinstance(x, Array)


def is_array_like(x: Any) -> bool:
    """Whether ``x`` is an array, a number of Python's or NumPy's, or a traced value.

    >>> is_array_like(1.0), is_array_like("x")
    (True, False)
    """
    return isinstance(x, (Array, bool, int, float, complex))


def is_inexact_array(x: Any) -> bool:
    """Whether ``x`` is an array (`is_array`) of floats or complex numbers.

    >>> is_inexact_array(np.ones(3)), is_inexact_array(np.arange(3))
    (True, False)
    """
    return isinstance(x, Array) and np.dtype(x.dtype).kind in "fc"


def is_inexact_array_like(x: Any) -> bool:
    """Whether ``x`` is such an array, or a float or complex number of Python's.

    >>> is_inexact_array_like(1.0), is_inexact_array_like(1)
    (True, False)
    """
    return is_inexact_array(x) or isinstance(x, (float, complex))


def _is_none(x: Any) -> bool:
    return x is None


def _wanted(
    called: str, tree: Any, spec: Any, is_leaf: IsLeaf
) -> tuple[list[Any], Any, list[bool]]:
    """The leaves, the structure, and which leaves a specification names."""
    found, treedef = flatten(tree, is_leaf)
    if callable(spec):
        return found, treedef, [bool(spec(leaf)) for leaf in found]
    specs: list[Any] = []
    wrong = spread_prefix(spec, treedef, specs)
    if wrong:
        raise wrong.error(f"{called}: filter_spec", "the tree", prefix=True)
    wanted: list[bool] = []
    for leaf, each in zip(found, specs, strict=True):
        answer = each(leaf) if callable(each) else each
        if not isinstance(answer, (bool, np.bool_)):
            raise ArgumentError(
                f"{called}: filter_spec has {each!r} among its leaves",
                "Give a function of a leaf, a boolean, or a tree of them.",
            )
        wanted.append(bool(answer))
    return found, treedef, wanted


def filter(
    tree: Any,
    filter_spec: Any,
    inverse: bool = False,
    replace: Any = None,
    is_leaf: IsLeaf = None,
) -> Any:
    """The tree with the leaves that a specification does not name replaced.

    Args:
        tree: Any pytree.
        filter_spec: A function of a leaf, such as `is_inexact_array`; or a tree of such functions
            and booleans that has the containers of ``tree`` down to some depth.
        inverse: Whether to keep the others.
        replace: What comes in the place of a leaf that is not kept.
        is_leaf: As in `flatten`.

    Raises:
        StructureError: ``filter_spec`` does not fit; the message names the key path.

    >>> filter({"w": np.array([1.0]), "f": abs}, is_array)
    {'w': array([1.]), 'f': None}
    """
    found, treedef, wanted = _wanted("tree.filter", tree, filter_spec, is_leaf)
    kept = [x if want != inverse else replace for x, want in zip(found, wanted, strict=True)]
    return unflatten(treedef, kept)


def partition(
    tree: Any, filter_spec: Any, replace: Any = None, is_leaf: IsLeaf = None
) -> tuple[Any, Any]:
    """The tree in two: with the leaves that a specification names, and with the others.

    Differentiate by the first, close over the second, and put them together by `combine`: so a
    model with functions and names among its leaves is trained.

    Args:
        tree: Any pytree.
        filter_spec: As in `filter`.
        replace: What comes in the place of a leaf that is in the other half.
        is_leaf: As in `flatten`.

    >>> partition({"w": np.array([1.0]), "f": abs}, is_array)
    ({'w': array([1.]), 'f': None}, {'w': None, 'f': <built-in function abs>})
    """
    found, treedef, wanted = _wanted("tree.partition", tree, filter_spec, is_leaf)
    pairs = list(zip(found, wanted, strict=True))
    return (
        unflatten(treedef, [x if want else replace for x, want in pairs]),
        unflatten(treedef, [replace if want else x for x, want in pairs]),
    )


def combine(*trees: Any, is_leaf: IsLeaf = None) -> Any:
    """Trees of one structure as one: at each place what is not None in the first that has it.

    Args:
        *trees: Pytrees that have None where they have nothing, such as those of `partition`.
        is_leaf: As in `flatten`.

    Raises:
        ArgumentError: No tree is given.
        StructureError: They differ; the message names the key path.

    >>> combine({"w": 1.0, "f": None}, {"w": None, "f": abs})
    {'w': 1.0, 'f': <built-in function abs>}
    """
    if not trees:
        raise ArgumentError("tree.combine: got no tree", "Write tree.combine(first, second).")
    stop = _is_none if is_leaf is None else lambda x: x is None or is_leaf(x)
    first, treedef = flatten(trees[0], stop)
    columns = [first]
    for i, tree in enumerate(trees[1:], start=2):
        found: list[Any] = []
        wrong = match(treedef, tree, found)
        if wrong:
            raise wrong.error(f"tree.combine: tree {i}", "tree 1", prefix=False)
        columns.append(found)
    rows = zip(*columns, strict=True)
    return unflatten(treedef, [next((x for x in row if x is not None), None) for row in rows])


class _Place:
    """Stands for a leaf while a function says which parts of the tree it means."""

    __slots__ = ("leaf",)

    def __init__(self, leaf: Any) -> None:
        self.leaf = leaf


_MISSING: Any = object()


def at(
    where: Callable[[Any], Any],
    tree: Any,
    replace: Any = _MISSING,
    replace_fn: Callable[[Any], Any] | None = None,
    is_leaf: IsLeaf = None,
) -> Any:
    """A copy of a tree with one part, or several, replaced.

    Args:
        where: A function of the tree that returns a part of it, or a tuple or another pytree of
            parts: ``lambda model: model.layers[0].bias``. It is called on a copy whose leaves have
            no value.
        tree: Any pytree.
        replace: What comes there, in the structure of what ``where`` returns.
        replace_fn: In the place of ``replace``, a function of each part.
        is_leaf: As in `flatten`; to reach a part that is None write ``lambda x: x is None``.

    Returns:
        The new tree; its other leaves are those of ``tree`` itself.

    Raises:
        ArgumentError: Neither or both of ``replace`` and ``replace_fn`` are given.
        StructureError: ``where`` returns something that is no part of the tree, or one twice, or
            ``replace`` has another structure.

    >>> at(lambda t: t["w"][1], {"w": [1.0, 2.0], "b": 0.5}, 5.0)
    {'w': [1.0, 5.0], 'b': 0.5}
    >>> at(lambda t: (t["b"], t["w"]), {"w": [1.0, 2.0], "b": 0.5}, replace_fn=str)
    {'w': '[1.0, 2.0]', 'b': '0.5'}
    """
    if (replace is _MISSING) == (replace_fn is None):
        raise ArgumentError(
            f"tree.at: got {'neither' if replace_fn is None else 'both'} replace and replace_fn",
            "Give one of them.",
        )
    if not callable(where):
        raise ArgumentError(
            f"tree.at: expected a function, got {type(where).__name__}",
            "Write tree.at(lambda tree: tree.part, tree, new).",
        )
    found, treedef = flatten(tree, is_leaf)
    copy = unflatten(treedef, map(_Place, found))
    nodes: dict[int, Any] = {}
    counts: dict[int, int] = {}

    def note(x: Any) -> bool:
        nodes[id(x)] = x
        counts[id(x)] = counts.get(id(x), 0) + 1
        return False

    flatten(copy, note)
    parts, meant = flatten(where(copy), lambda x: id(x) in nodes and x is not None)
    for part in parts:
        if id(part) not in nodes:
            raise StructureError(
                f"tree.at: where returned {_said(part)}, which is no part of the tree",
                "Return parts of its argument as they are: lambda tree: tree.part; for a part that "
                "is None pass is_leaf=lambda x: x is None.",
            )
    chosen = [id(part) for part in parts]
    if not parts or len({*chosen}) < len(chosen) or any(counts[i] > 1 for i in chosen):
        what = "the same part twice" if parts else "no part"
        raise StructureError(
            f"tree.at: where returned {what} of the tree",
            "Return different parts; empty tuples cannot be told apart, replace what holds them. "
            "For a part that is None pass is_leaf=lambda x: x is None.",
        )
    if replace_fn is None:
        new = _structured(meant, replace)
    else:
        new = [replace_fn(_restore(part)) for part in parts]
    instead = dict(zip(chosen, new, strict=True))
    pieces, outer = flatten(copy, lambda x: id(x) in instead)
    return unflatten(
        outer,
        [
            instead[id(x)] if id(x) in instead else x.leaf if isinstance(x, _Place) else x
            for x in pieces
        ],
    )


def _said(part: Any) -> str:
    return f"a leaf of type {type(part).__name__}"


def _structured(meant: Any, replace: Any) -> Sequence[Any]:
    found: list[Any] = []
    wrong = match(meant, replace, found)
    if wrong:
        raise wrong.error("tree.at: replace", "the result of where", prefix=False)
    return found


def _restore(part: Any) -> Any:
    """A part of the copy with its leaves."""
    found, treedef = flatten(part)
    return unflatten(treedef, [x.leaf if isinstance(x, _Place) else x for x in found])
