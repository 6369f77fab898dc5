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
import math
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar, cast

import numpy as np

from funcgrad.errors import (
    ArgumentError,
    DepthError,
    DtypeError,
    ShapeError,
    StructureError,
    absent,
    entries,
    entry,
    trim,
)
from funcgrad.tree.containers import KINDS, RegisteredKind
from funcgrad.tree.mismatch import at, describe, match, spread_prefix
from funcgrad.tree.treedef import LEAF, Attribute, Entry, Item, Path, TreeDef

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

_DEEP = 100
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
            if _depth_without_cycle(tree, is_leaf) <= _DEEP:
                raise error  # who called is near the limit
            raise _too_deep("flatten") from None
        except Exception as wrong:
            trim(wrong)
            raise
    except Exception as error:
        trim(error)
        raise
    return found, treedef


def _too_deep(name: str) -> DepthError:
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
        >>> unflatten(structure({"w": [1.0, 2.0], "b": 0.5}), "abc")
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
            if treedef.depth() <= _DEEP:
                raise
            raise _too_deep("unflatten") from None
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
        if treedef.depth() <= _DEEP:
            raise
        raise _too_deep(what) from None
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


@entries
class _Unravel(Generic[T]):
    """The inverse of `ravel`, for the structure, shapes and dtypes of one tree."""

    def __init__(
        self, treedef: TreeDef, specs: list[tuple[tuple[int, ...], np.dtype[Any]]]
    ) -> None:
        self.treedef, self.specs = treedef, specs
        self.size = sum(math.prod(shape) for shape, _ in specs)

    def __call__(self, flat: Any) -> T:
        if not _is_foreign(flat):
            flat = np.asarray(flat)
        shape = tuple(flat.shape)
        if shape != (self.size,):
            raise ShapeError(
                f"tree.unravel: the vector must have shape ({self.size},), got {shape}",
                "Pass a vector as ravel returns it.",
            )
        found: list[Any] = []
        start = 0
        for shape, dtype in self.specs:
            stop = start + math.prod(shape)
            part = np.reshape(flat[start:stop], shape) if shape else flat[start]
            found.append(_cast(part, dtype, "tree.unravel", self.treedef, len(found)))
            start = stop
        return unflatten(self.treedef, found)


@entry
def ravel(tree: T) -> tuple[Any, Callable[[Any], T]]:
    """Join all leaves into one vector.

    Args:
        tree: A pytree whose leaves are numbers or arrays of any shape, tracers among them.

    Returns:
        The 1-D array of all entries, leaf after leaf, each in row-major order, with the dtype of
        NumPy's promotion (a Python number counts as NumPy's array of it); and the function
        ``unravel`` that makes the pytree from such a vector, with the shapes and dtypes of
        ``tree`` and scalars as NumPy scalars. ``unravel`` raises ShapeError for a vector of another
        size. Neither result shares memory with an argument.

    Raises:
        DtypeError: A leaf is not a number or an array of numbers. Both functions raise it also
            where a concrete leaf would change by more than rounding between floating-point types:
            an integer from 2.5, a real number from a complex one.

    Example:
        >>> flat, unravel = ravel({"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": 0.5})
        >>> flat
        array([0.5, 1. , 2. , 3. , 4. ])
        >>> unravel(2 * flat)["w"]
        array([[2., 4.],
               [6., 8.]])
    """
    found, treedef = flatten(tree)
    arrays = [x if _is_foreign(x) else np.asarray(x) for x in found]
    for i, x in enumerate(arrays):
        if x.dtype.kind not in "biufc":
            raise DtypeError(
                f"tree.ravel: the leaf {at(treedef.paths()[i])} has type"
                f" {type(found[i]).__name__} and dtype {x.dtype}",
                "Keep what is not a number out of the tree, or in a static field of a dataclass.",
            )
    dtype = np.result_type(*(x.dtype for x in arrays)) if arrays else np.dtype(np.float64)
    parts = [np.ravel(_cast(x, dtype, "tree.ravel", treedef, i)) for i, x in enumerate(arrays)]
    flat = np.concatenate(parts) if parts else np.zeros(0)
    unravel: _Unravel[T] = _Unravel(treedef, [(tuple(x.shape), x.dtype) for x in arrays])
    return flat, unravel


def _is_foreign(x: Any) -> bool:
    """Whether ``x`` is a tracer, or another array that NumPy's functions know how to handle."""
    return hasattr(x, "dtype") and not isinstance(x, (np.ndarray, np.generic))


def _cast(x: Any, dtype: np.dtype[Any], name: str, treedef: TreeDef, leaf: int) -> Any:
    """A copy of ``x`` in ``dtype``; nothing but rounding between floats may change its value."""
    part: Any = np.real(x) if x.dtype.kind == "c" and dtype.kind != "c" else x
    if _is_foreign(x):
        return part.astype(dtype)
    kept = part is x or not np.any(np.imag(x))
    with np.errstate(invalid="ignore"):  # nan or inf to an integer: reported below
        result = part.astype(dtype)
        if part.dtype != dtype and not {part.dtype.kind, dtype.kind} <= {"f", "c"}:
            kept = kept and np.array_equal(np.real(result).astype(part.dtype), part)
    if not kept:
        raise DtypeError(
            f"{name}: the leaf {at(treedef.paths()[leaf])} would not keep its value when"
            f" converted from {x.dtype} to {dtype}",
            "Keep what must not become another kind of number out of the tree.",
        )
    return result


@entry
def __getattr__(name: str) -> Any:
    raise absent(__name__, name, __all__)
