"""How each class of pytree containers comes apart and is put together.

`KINDS` gives the `Kind` of a container for its class, None for the class of a leaf. `funcgrad.tree`
says what is a container and why.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from enum import Enum
from operator import attrgetter, itemgetter
from typing import Any, cast

from funcgrad.errors import ArgumentError, StructureError
from funcgrad.tree.treedef import (
    CACHE_SIZE,
    Attribute,
    DictKey,
    Entry,
    FlattenedIndexKey,
    Join,
    Kind,
    SequenceKey,
    TreeDef,
    a,
    exact,
    remember,
)


def list_keys(keys: Sequence[Any]) -> str:
    """Keys for an error message, at most eight of them."""
    shown = ", ".join(map(repr, keys[:8]))
    return shown if len(keys) <= 8 else f"{shown} and {len(keys) - 8} more"


def _fields(names: Iterable[str], values: Iterable[Any]) -> list[str]:
    return [f"{name}={value}" for name, value in zip(names, values, strict=True)]


def _picker(getter: Callable[..., Any], names: Sequence[Any]) -> Callable[[Any], Sequence[Any]]:
    """``itemgetter`` or ``attrgetter`` of ``names``, giving a tuple for 0 and 1 names too."""
    if len(names) > 1:
        return getter(*names)
    if not names:
        return lambda x: ()
    one = getter(names[0])
    return lambda x: (one(x),)


class Container(Kind):
    """A kind that is in `KINDS`, and is pickled as its class."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return kind_of, (self.cls,)

    def entries(self, treedef: TreeDef) -> Sequence[Entry]:
        return [SequenceKey(i) for i in range(len(treedef.children))]


class SequenceKind(Container):
    """``tuple`` and ``list``."""

    __slots__ = ()

    def split(self, x: Any) -> tuple[Sequence[Any], TreeDef]:
        n = len(x)
        found = self._known.get(n)
        if found is None:
            found = self.shape(None, n)
            remember(self._known, n, found)
        return x, found

    def join(self, data: Any) -> Join:
        return self.cls

    def text(self, treedef: TreeDef, parts: list[str]) -> str:
        inside = ", ".join(parts)
        if self.cls is list:
            return f"[{inside}]"
        return f"({inside},)" if len(parts) == 1 else f"({inside})"

    def describe(self, treedef: TreeDef) -> str:
        return f"{a(self.cls.__name__)} of {len(treedef.children)}"


class NoneKind(Container):
    """``None``, a container without children."""

    __slots__ = ()

    def split(self, x: Any) -> tuple[Sequence[Any], TreeDef]:
        return (), self.shape(None, 0)

    def join(self, data: Any) -> Join:
        return lambda children: None

    def text(self, treedef: TreeDef, parts: list[str]) -> str:
        return "None"

    def describe(self, treedef: TreeDef) -> str:
        return "None"


class MappingKind(Container):
    """``dict``, ``defaultdict``, ``OrderedDict``.

    The data are the default factory (None without one) and the keys in insertion order; the key is
    the default factory and the keys in the order of the children.
    """

    __slots__ = ()

    def split(self, x: Any) -> tuple[Sequence[Any], TreeDef]:
        keys = token = tuple(x)
        for key in keys:
            if type(key) is not str:  # 1 equals True, and a member of a str Enum equals its value
                token = exact(keys)
                break
        factory = None
        if self.cls is defaultdict:
            factory = x.default_factory
            token = (factory, token)
        found = self._known.get(token)
        if found is None:
            shape = self.shape((factory, keys), len(keys))
            found = _picker(itemgetter, shape.key[1]), shape
            remember(self._known, token, found)
        pick, shape = found
        return pick(x), shape

    def key(self, data: Any) -> Hashable:
        factory, keys = data
        return factory, keys if self.cls is OrderedDict else _sort_keys(keys)

    def join(self, data: Any) -> Join:
        factory, keys = data
        _, ordered = cast(Any, self.key(data))
        make: Any = self.cls
        if make is defaultdict:
            make = lambda pairs: defaultdict(factory, pairs)  # noqa: E731
        if keys == ordered:
            return lambda children: make(zip(keys, children))
        position = {key: i for i, key in enumerate(ordered)}
        permute = itemgetter(*(position[key] for key in keys))  # two keys at least: orders differ
        return lambda children: make(zip(keys, permute(children)))

    def entries(self, treedef: TreeDef) -> Sequence[Entry]:
        return [DictKey(key) for key in treedef.key[1]]

    def text(self, treedef: TreeDef, parts: list[str]) -> str:
        factory, keys = treedef.key
        pairs = zip(keys, parts, strict=True)
        inside = "{" + ", ".join(f"{key!r}: {part}" for key, part in pairs) + "}"
        return inside if self.cls is dict else f"{self._name(factory)}({inside})"

    def describe(self, treedef: TreeDef) -> str:
        factory, keys = treedef.key
        name = self._name(factory)
        plural = "" if len(keys) == 1 else "s"
        return f"{a(name)} with key{plural} {list_keys(keys)}" if keys else f"an empty {name}"

    def _name(self, factory: Any) -> str:
        name = self.cls.__name__
        return name if factory is None else f"{name}[{getattr(factory, '__name__', factory)}]"


class NamedTupleKind(Container):
    """Every ``NamedTuple``, made with ``_make``."""

    __slots__ = ()

    def split(self, x: Any) -> tuple[Sequence[Any], TreeDef]:
        return x, self._known.get(0) or self._known.setdefault(0, self.shape(None, len(x)))

    def join(self, data: Any) -> Join:
        return cast(Any, self.cls)._make

    def entries(self, treedef: TreeDef) -> Sequence[Entry]:
        return [Attribute(name) for name in cast(Any, self.cls)._fields]

    def text(self, treedef: TreeDef, parts: list[str]) -> str:
        return f"{self.cls.__name__}({', '.join(_fields(cast(Any, self.cls)._fields, parts))})"

    def describe(self, treedef: TreeDef) -> str:
        return a(self.cls.__name__)


class DataclassKind(Container):
    """Every dataclass, made without ``__init__`` and ``__post_init__``.

    The data are the names of the fields that are children, and the names and values of the static
    ones; a field that is not set is in neither.
    """

    __slots__ = ("_names", "_pick", "_pick_static", "_static")

    def __init__(self, cls: type) -> None:
        import dataclasses  # here, because it is a millisecond of every program's start

        super().__init__(cls)
        fields = dataclasses.fields(cls)
        self._static = tuple(f.name for f in fields if f.metadata.get("static"))
        self._names = tuple(f.name for f in fields if f.name not in self._static)
        self._pick = _picker(attrgetter, self._names)
        self._pick_static = _picker(attrgetter, self._static)

    def split(self, x: Any) -> tuple[Sequence[Any], TreeDef]:
        try:
            children, values = self._pick(x), self._pick_static(x)
        except AttributeError:
            names = tuple(name for name in self._names if hasattr(x, name))
            static = tuple((name, getattr(x, name)) for name in self._static if hasattr(x, name))
            shape = self.shape((names, static), len(names))
            return [getattr(x, name) for name in names], shape
        token = exact(values) if values else ()
        try:
            found = self._known.get(token)
        except TypeError:
            found = None  # not hashable, which `shape` reports
        if found is None:
            static = tuple(zip(self._static, values, strict=True))
            found = self.shape((self._names, static), len(self._names))
            remember(self._known, token, found)
        return children, found

    def join(self, data: Any) -> Join:
        cls, (names, static) = self.cls, data

        def join(children: Sequence[Any]) -> Any:
            new: Any = object.__new__(cls)
            for name, child in zip(names, children, strict=True):
                object.__setattr__(new, name, child)
            for name, value in static:
                object.__setattr__(new, name, value)
            return new

        return join

    def entries(self, treedef: TreeDef) -> Sequence[Entry]:
        return [Attribute(name) for name in treedef.data[0]]

    def text(self, treedef: TreeDef, parts: list[str]) -> str:
        names, static = treedef.data
        inside = _fields(names, parts) + [f"{name}={value!r}" for name, value in static]
        return f"{self.cls.__name__}({', '.join(inside)})"

    def describe(self, treedef: TreeDef) -> str:
        names, static = treedef.data
        unset = [name for name in self._names if name not in names]
        with_ = ", ".join(f"{name}={value!r}" for name, value in static)
        text = a(self.cls.__name__) + (f" with {with_}" if with_ else "")
        return text + (f" without {', '.join(unset)}" if unset else "")


class RegisteredKind(Container):
    """A class given to ``tree.register``. The data are the aux data."""

    __slots__ = ("_flatten", "_keys", "_unflatten")

    def __init__(self, cls: type, flatten: Any, unflatten: Any, keys: Any) -> None:
        super().__init__(cls)
        self._flatten, self._unflatten, self._keys = flatten, unflatten, keys

    def split(self, x: Any) -> tuple[Sequence[Any], TreeDef]:
        result = self._flatten(x)
        try:
            children, aux = result
            children = tuple(children)
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"tree.flatten: the flatten function registered for {self.cls.__qualname__}"
                f" returned {result!r}",
                "Return a pair: an iterable of the children, and hashable aux data (or None).",
            ) from error
        return children, self.shape(aux, len(children))

    def join(self, data: Any) -> Join:
        def join(children: Sequence[Any]) -> Any:
            new = self._unflatten(data, tuple(children))
            if type(new) is not self.cls:
                raise ArgumentError(
                    f"tree.unflatten: the unflatten function registered for {self.cls.__qualname__}"
                    f" returned {a(type(new).__qualname__)}",
                    f"Return {a(self.cls.__qualname__)}; it is called as unflatten(aux, children).",
                )
            return new

        return join

    def entries(self, treedef: TreeDef) -> Sequence[Entry]:
        if self._keys is None:
            return [FlattenedIndexKey(i) for i in range(len(treedef.children))]
        by_function = callable(self._keys)
        keys = self._keys(treedef.data) if by_function else self._keys
        step = DictKey if by_function else Attribute
        found = [key if isinstance(key, Entry) else step(key) for key in keys]
        if len(found) != len(treedef.children):
            raise ArgumentError(
                f"tree.register: keys gave {len(found)} for the {len(treedef.children)} children of"
                f" {a(self.cls.__qualname__)}",
                "Give one key per child.",
            )
        return found

    def text(self, treedef: TreeDef, parts: list[str]) -> str:
        aux = "" if treedef.data is None else f"; {treedef.data!r}"
        return f"{self.cls.__name__}({', '.join(parts)}{aux})"

    def describe(self, treedef: TreeDef) -> str:
        aux = "" if treedef.data is None else f" with {treedef.data!r}"
        return f"{a(self.cls.__name__)} of {len(treedef.children)}{aux}"


def _sort_keys(keys: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sorted; keys of several classes by class; keys without an order as they come."""

    def by_class(key: Any) -> tuple[str, str, Any]:
        return type(key).__module__, type(key).__qualname__, key

    for order in (None, by_class):
        try:
            return tuple(sorted(keys, key=order))
        except TypeError:
            continue
    return keys


class Kinds(dict[type, "Kind | None"]):
    """The kind of each class that was met, None for the classes of leaves.

    Attributes:
        fixed: The classes whose kind is given, not found: built-in and registered ones.
    """

    def __init__(self) -> None:
        super().__init__({cls: SequenceKind(cls) for cls in (list, tuple)})
        self.update({cls: MappingKind(cls) for cls in (dict, OrderedDict, defaultdict)})
        self[type(None)] = NoneKind(type(None))
        self.fixed = set(self)

    def __missing__(self, cls: type) -> Kind | None:
        kind = self._find(cls)
        if len(self) - len(self.fixed) >= CACHE_SIZE:
            for met in {*list(self)} - self.fixed:
                self.pop(met, None)
        self[cls] = kind
        return kind

    def _find(self, cls: type[Any]) -> Kind | None:
        if issubclass(cls, Enum):
            return None
        if hasattr(cls, "__dataclass_fields__"):
            try:
                object.__new__(cls)
            except TypeError:  # derived from a built-in, such as dict, that has its own __new__
                return None
            return DataclassKind(cls)
        if issubclass(cls, tuple) and hasattr(cls, "_fields") and hasattr(cls, "_make"):
            return NamedTupleKind(cls)
        for base in cls.__mro__:
            if base in self.fixed:
                raise StructureError(
                    f"tree.flatten: {cls.__qualname__} is a subclass of {base.__qualname__}, and"
                    f" how to make {a(cls.__qualname__)} from its children is not known",
                    f"Call tree.register for it, or pass {a(base.__qualname__)} instead.",
                )
        return None


KINDS = Kinds()


def kind_of(cls: type) -> Kind:
    """The kind of a class of containers; how a pickled one is found again."""
    kind = KINDS[cls]
    if kind is None:
        raise StructureError(
            f"unpickling a TreeDef: {cls.__qualname__} is not registered in this process",
            "Import the module that calls tree.register for it first.",
        )
    return kind
