"""Classes that become containers of pytrees: `register`, and the ways in which JAX names it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar, cast

from funcgrad.errors import ArgumentError
from funcgrad.tree.containers import KINDS, RegisteredKind
from funcgrad.tree.flattening import T

__all__ = [
    "Partial",
    "register",
    "register_dataclass",
    "register_pytree_node",
    "register_pytree_node_class",
    "register_pytree_with_keys",
    "register_pytree_with_keys_class",
    "register_static",
]

C = TypeVar("C", bound=type)


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
        >>> from funcgrad.tree import map
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


class _Keyed:
    """Aux data beside the keys that a flatten function gave; compared as a pair."""

    __slots__ = ("aux", "keys")

    def __init__(self, aux: Any, keys: tuple[Any, ...]) -> None:
        self.aux, self.keys = aux, keys

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and (self.aux, self.keys) == (other.aux, other.keys)

    def __hash__(self) -> int:
        return hash((self.aux, self.keys))

    def __repr__(self) -> str:
        return repr(self.aux)


def register_pytree_with_keys(
    nodetype: type[T],
    flatten_with_keys: Callable[[T], tuple[Iterable[tuple[Hashable, Any]], Hashable]],
    unflatten_func: Callable[[Any, Any], T],
    flatten_func: Callable[[T], tuple[Iterable[Any], Hashable]] | None = None,
) -> None:
    """`register`, with a function that gives the key of each child beside it.

    Args:
        nodetype: The class.
        flatten_with_keys: ``flatten_with_keys(x)`` gives pairs of a key and a child, and hashable
            aux data. Keys are `DictKey` and its kin, or what stands in brackets.
        unflatten_func: As ``unflatten`` of `register`.
        flatten_func: Without meaning: there is no faster way.

    Raises:
        ArgumentError: As `register`.
    """

    def split(x: T) -> tuple[list[Any], _Keyed]:
        pairs, aux = flatten_with_keys(x)
        pairs = list(pairs)
        return [child for _, child in pairs], _Keyed(aux, tuple([key for key, _ in pairs]))

    def join(data: _Keyed, children: Any) -> T:
        return unflatten_func(data.aux, children)

    if not callable(flatten_with_keys) or not callable(unflatten_func):
        raise ArgumentError(
            f"tree.register_pytree_with_keys: expected two functions, got {flatten_with_keys!r} "
            f"and {unflatten_func!r}",
            "Write register_pytree_with_keys(cls, flatten_with_keys, unflatten).",
        )
    register(nodetype, split, join, keys=lambda data: data.keys)


def register_pytree_node(
    nodetype: type[T],
    flatten_func: Callable[[T], tuple[Iterable[Any], Hashable]],
    unflatten_func: Callable[[Any, Any], T],
    flatten_with_keys_func: Any = None,
) -> None:
    """`register` as JAX names it.

    Args:
        nodetype: The class.
        flatten_func: As ``flatten`` of `register`.
        unflatten_func: As ``unflatten`` of `register`.
        flatten_with_keys_func: As in `register_pytree_with_keys`.

    Raises:
        ArgumentError: As `register`.
    """
    if flatten_with_keys_func is None:
        register(nodetype, flatten_func, unflatten_func)
    else:
        register_pytree_with_keys(nodetype, flatten_with_keys_func, unflatten_func)


def _methods(called: str, cls: Any, *names: str) -> list[Any]:
    found = [getattr(cls, name, None) for name in names]
    if not isinstance(cls, type) or not all(map(callable, found)):
        raise ArgumentError(
            f"tree.{called}: {cls!r} is no class with the methods {' and '.join(names)}",
            f"Write @tree_util.{called} above a class that has both.",
        )
    return found


def register_pytree_node_class(cls: C) -> C:
    """`register` for a class with methods ``tree_flatten`` and ``tree_unflatten``; a decorator.

    Args:
        cls: A class. ``x.tree_flatten()`` gives the children and aux data, the class method
            ``tree_unflatten(aux, children)`` the instance.

    Returns:
        The class.
    """
    flatten, _ = _methods("register_pytree_node_class", cls, "tree_flatten", "tree_unflatten")
    register(cls, flatten, cast(Any, cls).tree_unflatten)
    return cls


def register_pytree_with_keys_class(cls: C) -> C:
    """The same for ``tree_flatten_with_keys``, as in `register_pytree_with_keys`; a decorator."""
    names = "tree_flatten_with_keys", "tree_unflatten"
    flatten, _ = _methods("register_pytree_with_keys_class", cls, *names)
    register_pytree_with_keys(cls, flatten, cast(Any, cls).tree_unflatten)
    return cls


def register_dataclass(
    nodetype: C,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
    drop_fields: Sequence[str] = (),
) -> C:
    """Say which fields of a class are children, and which belong to the structure.

    A dataclass needs no registration here; without lists of fields this does nothing but give it
    back. With them any class with these attributes is registered.

    Args:
        nodetype: The class.
        data_fields: The attributes that are children.
        meta_fields: Those that belong to the structure, which must be hashable.
        drop_fields: Those of a dataclass that are neither, and that copies do not have.

    Returns:
        The class.

    Raises:
        ArgumentError: One list is given without the other, or they leave out a field.
    """
    fields = getattr(nodetype, "__dataclass_fields__", None)
    if data_fields is None and meta_fields is None:
        if fields is None:
            raise ArgumentError(
                f"tree.register_dataclass: {nodetype!r} is no dataclass",
                "Give data_fields and meta_fields, or write @dataclass above it.",
            )
        return nodetype
    if data_fields is None or meta_fields is None:
        raise ArgumentError(
            "tree.register_dataclass: data_fields and meta_fields go together", "Give both."
        )
    data, meta = tuple(data_fields), tuple(meta_fields)
    named = {*data, *meta, *drop_fields}
    known = named if fields is None else {n for n, f in fields.items() if f.init}
    if len(named) < len(data) + len(meta) + len(drop_fields) or not known <= named:
        missing = ", ".join(map(repr, sorted(known - named)))
        what = (
            f"the fields {missing} are in none of the lists" if missing else "one is in two lists"
        )
        raise ArgumentError(
            f"tree.register_dataclass: {nodetype.__qualname__}: {what}", "Name each field once."
        )

    def split(x: Any) -> tuple[list[Any], tuple[Any, ...]]:
        return [getattr(x, name) for name in data], tuple([getattr(x, name) for name in meta])

    def join(aux: tuple[Any, ...], children: Any) -> Any:
        new: Any = object.__new__(nodetype)
        for names, values in ((data, children), (meta, aux)):
            for name, value in zip(names, values, strict=True):
                object.__setattr__(new, name, value)
        return new

    register(nodetype, split, join, keys=data)
    return nodetype


def register_static(cls: C) -> C:
    """Make the instances of a class containers without leaves, which belong to the structure.

    Args:
        cls: A class with ``__hash__`` and ``__eq__``.

    Returns:
        The class.

    Raises:
        ArgumentError: As `register`.
    """
    register(cls, lambda x: ((), x), lambda aux, children: aux)
    return cls


class Partial(functools.partial[Any]):
    """`functools.partial` as a pytree: its arguments are children, the function is not.

    >>> from funcgrad.tree import map
    >>> map(lambda x: 10 * x, Partial(pow, 2))(3)
    8000
    """


def _split(x: Partial) -> tuple[Any, Any]:
    return (x.args, x.keywords), x.func


def _join(function: Any, children: Any) -> Partial:
    args, keywords = children
    new: Any = Partial(function)
    new.__setstate__((function, tuple(args), dict(keywords), {}))
    return new


register(Partial, _split, _join, keys=("args", "keywords"))
