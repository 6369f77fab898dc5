"""`funcgrad.tree`: round trips, key order, every kind of container, exact error texts."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import sys
import threading
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field
from enum import Enum
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funcgrad import tree
from funcgrad.errors import ArgumentError, DtypeError, ShapeError, StructureError
from funcgrad.tree import Attribute, Item


def says(caught: Any) -> str:
    """The text of an error without the line of the test, which its last line names."""
    *lines, last = str(caught.value).split("\n")
    place, _, link = last.partition("See ")
    assert re.fullmatch(r"At test_tree\.py:\d+ in .*\. ", place), place
    return "\n".join([*lines, f"See {link}"])


class Point(NamedTuple):
    x: Any
    y: Any


Bare = namedtuple("Bare", [])


class Named(Enum):
    ONE = 1


class Text(str, Enum):  # noqa: UP042
    W = "w"


@dataclass
class Layer:
    w: Any
    b: Any


@dataclass(frozen=True, slots=True)
class Frozen:
    w: Any
    name: str = field(default="f", metadata={"static": True})


@dataclass
class Guarded:
    """Refuses all but floats, and is made with a keyword that is no field."""

    scale: InitVar[float]
    w: Any
    cached: Any = field(init=False)
    late: Any = field(init=False)
    kind: ClassVar[str] = "guarded"

    def __post_init__(self, scale: float) -> None:
        if not isinstance(self.w, float):
            raise TypeError("w must be a float")
        self.cached = scale * self.w


@dataclass(eq=False)
class Empty:
    pass


@dataclass
class Onto(dict):  # type: ignore[type-arg]
    w: int = 0


class Interval:
    def __init__(self, low: Any, high: Any, unit: Any = None) -> None:
        self.low, self.high, self.unit = low, high, unit


class Closed(Interval):
    pass


class Table:
    def __init__(self, columns: dict[str, Any]) -> None:
        self.columns = columns


class Params(dict):  # type: ignore[type-arg]
    pass


class Unknown:
    pass


tree.register(
    Interval,
    lambda x: ((x.low, x.high), x.unit),
    lambda unit, children: Interval(*children, unit),
    keys=("low", "high"),
)
tree.register(
    Table,
    lambda x: (x.columns.values(), tuple(x.columns)),
    lambda names, children: Table(dict(zip(names, children, strict=True))),
    keys=lambda names: names,
)


def same(x: Any, y: Any) -> bool:
    """Equal to the last detail: classes, key order and the classes of keys, identity of leaves."""
    if type(x) is not type(y):
        return False
    if isinstance(x, dict):
        keys = [(type(k), k) for k in x] == [(type(k), k) for k in y]
        factories = getattr(x, "default_factory", None) is getattr(y, "default_factory", None)
        return keys and factories and all(same(x[k], y[k]) for k in x)
    if isinstance(x, (list, tuple)):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, (Layer, Interval)):
        return same(vars(x), vars(y))
    if isinstance(x, Frozen):
        return same((x.w, x.name), (y.w, y.name))
    return x is y


def children_of(x: Layer | Interval | Frozen) -> tuple[Any, ...]:
    if isinstance(x, Frozen):
        return (x.w,)
    return (x.w, x.b) if isinstance(x, Layer) else (x.low, x.high)


def naive_leaves(x: Any) -> Iterator[Any]:
    """The leaves by the words of the documentation, for the containers of `trees`."""
    if type(x) in (dict, defaultdict):
        for key in sorted(x):
            yield from naive_leaves(x[key])
    elif isinstance(x, OrderedDict):
        for value in x.values():
            yield from naive_leaves(value)
    elif isinstance(x, (list, tuple)):
        for child in x:
            yield from naive_leaves(child)
    elif isinstance(x, (Layer, Interval, Frozen)):
        for child in children_of(x):
            yield from naive_leaves(child)
    elif x is not None:
        yield x


def containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    words = st.dictionaries(st.text("abc", max_size=2), children, max_size=4)
    numbers = st.dictionaries(st.integers(-3, 3) | st.booleans(), children, max_size=3)
    return st.one_of(
        st.lists(children, max_size=4),
        st.lists(children, max_size=4).map(tuple),
        words,
        numbers,
        words.map(OrderedDict),
        words.map(lambda d: defaultdict(list, d)),
        st.builds(Point, children, children),
        st.builds(Layer, children, children),
        st.builds(Frozen, children, st.sampled_from(["f", "g"])),
        st.builds(Interval, children, children, st.sampled_from([None, 1, 1.0, True])),
    )


leaf = st.builds(Unknown) | st.floats() | st.text(max_size=3)
trees = st.recursive(leaf | st.none(), containers, max_leaves=20)


@given(trees)
def test_round_trip(x: Any) -> None:
    leaves, treedef = tree.flatten(x)
    assert treedef.num_leaves == len(leaves)
    assert all(a is b for a, b in zip(leaves, naive_leaves(x), strict=True))
    assert same(tree.unflatten(treedef, leaves), x)
    assert same(tree.map(lambda leaf: leaf, x), x)
    again, treedef_again = tree.flatten(tree.unflatten(treedef, range(len(leaves))))
    assert again == list(range(len(leaves)))
    assert treedef_again is treedef


@given(trees)
def test_treedef_pickles_to_itself(x: Any) -> None:
    treedef = tree.structure(x)
    assert pickle.loads(pickle.dumps(treedef)) is treedef
    assert copy.deepcopy(treedef) is treedef


def canonical(x: Any) -> Any:
    """A structure by the words of the documentation, for the containers of `trees`."""
    if type(x) in (dict, defaultdict):
        items = tuple((key, canonical(x[key])) for key in sorted(x))
        return type(x), getattr(x, "default_factory", None), items
    if isinstance(x, OrderedDict):
        return OrderedDict, tuple((key, canonical(value)) for key, value in x.items())
    if isinstance(x, (list, tuple)):
        return type(x), tuple(map(canonical, x))
    if isinstance(x, (Layer, Interval, Frozen)):
        static = x.unit if isinstance(x, Interval) else getattr(x, "name", None)
        return type(x), type(static), static, tuple(map(canonical, children_of(x)))
    return None if x is None else "*"


def reversed_dicts(x: Any) -> Any:
    """``x`` with every dict in reverse order."""
    if type(x) in (dict, defaultdict):
        items = [(key, reversed_dicts(value)) for key, value in reversed(x.items())]
        return defaultdict(x.default_factory, items) if isinstance(x, defaultdict) else dict(items)
    if isinstance(x, OrderedDict):
        return OrderedDict((key, reversed_dicts(value)) for key, value in x.items())
    if type(x) in (list, tuple):
        return type(x)(map(reversed_dicts, x))
    if isinstance(x, Point):
        return Point(*map(reversed_dicts, x))
    if isinstance(x, (Layer, Interval, Frozen)):
        rest = [x.unit] if isinstance(x, Interval) else [x.name] if isinstance(x, Frozen) else []
        return type(x)(*map(reversed_dicts, children_of(x)), *rest)
    return x


@given(trees, trees)
def test_equality_and_hash(x: Any, y: Any) -> None:
    for one, other in ((x, y), (x, reversed_dicts(x)), ([x, y], [reversed_dicts(x), y])):
        a, b = tree.structure(one), tree.structure(other)
        equal = canonical(one) == canonical(other)
        assert (a == b) is equal
        assert (a != b) is not equal
        assert not equal or hash(a) == hash(b)
    assert tree.leaves(x) == tree.leaves(reversed_dicts(x)) or any(v != v for v in tree.leaves(x))
    assert tree.structure(x) != repr(tree.structure(x))


@given(trees)
def test_every_tree_is_its_own_prefix(x: Any) -> None:
    leaves, treedef = tree.flatten(x)
    found = tree.flatten_up_to(treedef, x, "test")
    assert all(a is b for a, b in zip(found, leaves, strict=True))
    found = tree.flatten_prefix(tree.map(lambda leaf: 7, x), x, "test")
    assert found == [7] * len(leaves)
    assert tree.flatten_prefix(None, x, "test") == [None] * len(leaves)


@given(trees)
def test_paths_lead_to_the_leaves(x: Any) -> None:
    pairs, treedef = tree.flatten_with_path(x)
    assert treedef is tree.structure(x)
    for path, leaf in pairs:
        here = x
        for step in path:
            here = here[step.key] if isinstance(step, Item) else getattr(here, step.key)
        assert here is leaf
        assert eval("x" + tree.path_string(path), {"x": x}) is leaf
    assert len({path for path, _ in pairs}) == len(pairs)


@given(trees, st.data())
def test_map_passes_whole_subtrees(x: Any, data: st.DataObject) -> None:
    """Whatever stands at a leaf of the first tree arrives whole."""
    leaves, treedef = tree.flatten(x)
    others = data.draw(st.lists(trees, min_size=len(leaves), max_size=len(leaves)))
    deeper = tree.unflatten(treedef, others)
    got: list[Any] = []
    tree.map(lambda a, b: got.append((a, b)), x, deeper)
    assert len(got) == len(leaves)
    assert all(a is c and b is d for (a, b), c, d in zip(got, leaves, others, strict=True))


def test_key_order() -> None:
    x, y = {"b": 1, "a": 2}, {"a": 2, "b": 1}
    assert tree.leaves(x) == tree.leaves(y) == [2, 1]
    one, other = tree.structure(x), tree.structure(y)
    assert one == other
    assert hash(one) == hash(other)
    assert one is not other
    assert list(tree.unflatten(one, [2, 1])) == ["b", "a"]
    assert list(tree.unflatten(other, [2, 1])) == ["a", "b"]
    # also below another container, where structures are found by the identity of the children
    assert tree.structure([x]) == tree.structure([y])
    assert list(tree.map(float, [x])[0]) == ["b", "a"]
    assert list(tree.map(float, [y])[0]) == ["a", "b"]
    assert tree.map(lambda a, b: (a, b), x, y) == {"b": (1, 1), "a": (2, 2)}
    assert OrderedDict(x) != OrderedDict(y)
    assert tree.structure(OrderedDict(x)) != tree.structure(OrderedDict(y))


def test_keys_that_are_equal_keep_their_class() -> None:
    for one, two in (({1: 5}, {True: 5}), ({"w": 5}, {Text.W: 5}), ({(1,): 5}, {(1.0,): 5})):
        for x in (one, two, one):
            assert same(tree.map(lambda leaf: leaf, x), x)
        assert tree.structure(one) == tree.structure(two)


def test_keys_without_an_order() -> None:
    mixed, other = {"b": 1, 2: 3, "a": 4, 1: 5}, {1: 5, "a": 4, 2: 3, "b": 1}
    assert tree.leaves(mixed) == tree.leaves(other) == [5, 3, 4, 1]  # int before str
    assert tree.structure(mixed) == tree.structure(other)
    unordered = {1j: "first", 0j: "second"}
    assert tree.leaves(unordered) == ["first", "second"]
    assert same(tree.map(lambda leaf: leaf, unordered), unordered)


def test_none_and_empty_containers() -> None:
    assert tree.flatten(None) == ([], tree.structure(None))
    assert tree.structure(None) != tree.structure(())
    assert tree.structure([]) != tree.structure(())
    x = {"a": None, "b": [], "c": (), "d": {}, "e": Bare(), "f": OrderedDict()}
    assert tree.leaves(x) == []
    assert same(tree.map(float, x), x)
    assert isinstance(tree.map(float, Empty()), Empty)


def test_repr() -> None:
    x = {"w": [1, (2,), ()], "b": None, "c": Point(1, {}), "d": Layer(1, 2), "e": Frozen(1)}
    assert repr(tree.structure(x)) == (
        "{'b': None, 'c': Point(x=*, y={}), 'd': Layer(w=*, b=*), 'e': Frozen(w=*, name='f'),"
        " 'w': [*, (*,), ()]}"
    )
    y = [OrderedDict(b=1, a=2), defaultdict(list, a=1), Interval(1, 2), Interval(1, 2, "cm"), 3]
    assert repr(tree.structure(y)) == (
        "[OrderedDict({'b': *, 'a': *}), defaultdict[list]({'a': *}), Interval(*, *),"
        " Interval(*, *; 'cm'), *]"
    )
    assert repr(tree.structure(1.0)) == "*"


def test_dataclasses() -> None:
    x = Layer(1.0, [2.0, 3.0])
    assert tree.map(lambda v: 2 * v, x) == Layer(2.0, [4.0, 6.0])
    y = tree.map(lambda v: 2 * v, Frozen(1.0, "g"))
    assert y == Frozen(2.0, "g")
    assert tree.path_string(tree.flatten_with_path([x])[0][2][0]) == "[0].b[1]"


def test_dataclass_is_made_without_post_init() -> None:
    x = Guarded(2.0, 3.0)
    assert tree.leaves(x) == [3.0, 6.0]
    y = tree.map(str, x)
    assert (y.w, y.cached) == ("3.0", "6.0")
    assert not hasattr(y, "late")
    assert repr(tree.structure(x)) == "Guarded(w=*, cached=*)"
    x.late = 1.0
    assert tree.leaves(x) == [3.0, 6.0, 1.0]
    assert tree.map(str, x).late == "1.0"
    assert tree.structure(x) != tree.structure(y)


def test_static_fields_belong_to_the_structure() -> None:
    assert tree.structure(Frozen(1, "a")) != tree.structure(Frozen(1, "b"))
    assert tree.structure(Frozen(1, "a")) is tree.structure(Frozen(2, "a"))
    alike: list[Any] = [1, 1.0, True, 1 + 0j, (1,), (True,), frozenset([1]), frozenset([1.0])]
    alike += [0.0, -0.0, float("nan"), np.float64(1.0)]
    structures = [tree.structure(Frozen(1, value)) for value in alike]
    assert len(set(structures)) == len(alike)
    assert [tree.structure(Frozen(2, value)) for value in alike] == structures
    for treedef, value in zip(structures, alike, strict=True):
        assert repr(tree.unflatten(treedef, [1]).name) == repr(value)


def test_static_data_must_be_hashable() -> None:
    for static in ([1], (1, [2])):
        with pytest.raises(StructureError) as caught:
            tree.flatten({"a": Frozen(1, static)})  # type: ignore[arg-type]
        assert says(caught) == (
            "tree.flatten: the static data of a Frozen is not hashable:"
            f" (('w',), (('name', {static!r}),)).\n"
            "Make it hashable (a tuple for a list); an array belongs among the children.\n"
            "See help(funcgrad.errors.StructureError)"
        )


def test_leaves_that_look_like_containers() -> None:
    array = np.ones(2)
    for x in (Named.ONE, Text.W, Onto(), "text", array, {1, 2}, Layer, np.float64(1.0), Unknown()):
        leaves, treedef = tree.flatten(x)
        assert leaves[0] is x
        assert treedef is tree.LEAF


def test_unregistered_subclasses_raise() -> None:
    with pytest.raises(StructureError) as caught:
        tree.flatten([1, Params(a=1)])
    assert says(caught) == (
        "tree.flatten: Params is a subclass of dict, and how to make a Params from its children is"
        " not known.\nCall tree.register for it, or pass a dict instead.\n"
        "See help(funcgrad.errors.StructureError)"
    )
    with pytest.raises(StructureError, match="Closed is a subclass of Interval"):
        tree.flatten(Closed(1, 2))
    assert tree.leaves([1, Params(a=1)], is_leaf=lambda x: isinstance(x, Params)) == [1, {"a": 1}]


def test_is_leaf() -> None:
    x = {"a": (1, 2), "b": [(3, 4), None]}
    leaves, treedef = tree.flatten(x, is_leaf=lambda t: isinstance(t, tuple))
    assert leaves == [(1, 2), (3, 4)]
    assert repr(treedef) == "{'a': *, 'b': [*, None]}"
    assert tree.map(sum, x, is_leaf=lambda t: isinstance(t, tuple)) == {"a": 3, "b": [7, None]}
    assert tree.structure([1, 2], lambda t: True) is tree.LEAF
    assert tree.structure([1, 2], lambda t: t == 1) is tree.structure([3, 4])


def test_map_with_path() -> None:
    params = {"layers": [Layer(1.0, 2.0)], "scale": 3.0}
    masks = tree.map_with_path(lambda path, leaf: path[-1] != Attribute("b"), params)
    assert masks == {"layers": [Layer(True, False)], "scale": True}
    text = tree.map_with_path(lambda p, x, y: f"{tree.path_string(p)}={x}+{y}", {"a": 1}, {"a": 2})
    assert text == {"a": "['a']=1+2"}


def test_registered_classes() -> None:
    x = {"t": Table({"p": 1, "q": 2}), "i": Interval(3, 4, "cm")}
    leaves, treedef = tree.flatten(x)
    assert leaves == [3, 4, 1, 2]
    assert [tree.path_string(path) for path in treedef.paths()] == [
        "['i'].low",
        "['i'].high",
        "['t']['p']",
        "['t']['q']",
    ]
    again = tree.map(float, x)
    assert (again["i"].low, again["i"].high, again["i"].unit) == (3.0, 4.0, "cm")
    assert again["t"].columns == {"p": 1.0, "q": 2.0}


def registered(flatten: Any, unflatten: Any, **how: Any) -> Any:
    class Local:
        pass

    tree.register(Local, flatten, unflatten, **how)
    return Local


def text_of(error: type[Exception], call: Any) -> str:
    with pytest.raises(error) as caught:
        call()
    return says(caught)


def test_register_errors() -> None:
    for cls in (Interval, dict, list, type(None)):
        assert text_of(ArgumentError, lambda cls=cls: tree.register(cls, len, len)) == (
            f"tree.register: {cls.__name__} is a container already.\n"
            "Register a class once, where it is defined.\nSee help(funcgrad.errors.ArgumentError)"
        )
    assert text_of(ArgumentError, lambda: tree.register(3, len, len)) == (  # type: ignore[type-var]
        "tree.register: expected a class, got 3.\nPass the class itself.\n"
        "See help(funcgrad.errors.ArgumentError)"
    )
    assert text_of(ArgumentError, lambda: tree.register(Unknown, None, 3)) == (  # type: ignore[arg-type]
        "tree.register: expected two functions for Unknown, got None and 3.\n"
        "Write tree.register(cls, flatten, unflatten).\nSee help(funcgrad.errors.ArgumentError)"
    )
    assert tree.structure(Unknown()) is tree.LEAF


@pytest.mark.parametrize("returned", [[1], 5, (1, 2, 3), (5, None)])
def test_wrong_return_of_flatten(returned: Any) -> None:
    cls = registered(lambda x: returned, lambda aux, children: None)
    assert text_of(ArgumentError, lambda: tree.flatten(cls())) == (
        f"tree.flatten: the flatten function registered for registered.<locals>.Local returned"
        f" {returned!r}.\n"
        "Return a pair: an iterable of the children, and hashable aux data (or None).\n"
        "See help(funcgrad.errors.ArgumentError)"
    )


def test_wrong_return_of_unflatten_and_keys() -> None:
    cls = registered(lambda x: ([1], None), lambda aux, children: children, keys=("a", "b"))
    assert text_of(ArgumentError, lambda: tree.map(float, cls())) == (
        "tree.unflatten: the unflatten function registered for registered.<locals>.Local returned"
        " a tuple.\n"
        "Return a registered.<locals>.Local; it is called as unflatten(aux, children).\n"
        "See help(funcgrad.errors.ArgumentError)"
    )
    assert text_of(ArgumentError, lambda: tree.flatten_with_path(cls())) == (
        "tree.register: keys gave 2 for the 1 children of a registered.<locals>.Local.\n"
        "Give one key per child.\nSee help(funcgrad.errors.ArgumentError)"
    )


def test_class_that_was_a_leaf_before_it_was_registered() -> None:
    class Late:
        pass

    assert tree.structure(Late()) is tree.LEAF
    tree.register(Late, lambda x: ((1, 2), None), lambda aux, children: Late())
    assert tree.leaves(Late()) == [1, 2]


def test_unpickling_where_the_class_is_not_registered() -> None:
    data = pickle.dumps(tree.structure(Interval(1, 2)), protocol=0).replace(b"Interval", b"Unknown")
    assert text_of(StructureError, lambda: pickle.loads(data)) == (
        "unpickling a TreeDef: Unknown is not registered in this process.\n"
        "Import the module that calls tree.register for it first.\n"
        "See help(funcgrad.errors.StructureError)"
    )


MISMATCHES: list[tuple[Any, Any, str, str]] = [
    # the first tree, the second, the sentence's end, the fix
    (
        {"w": (1, 2)},
        {"w": [1, 2]},
        "a list of 2 at ['w'], where tree 1 has a tuple of 2",
        "Write a tuple of 2 there.",
    ),
    (
        [Layer(1, [1])],
        [Layer(1, [1, 2])],
        "a list of 2 at [0].b, where tree 1 has a list of 1",
        "Write a list of 1 there.",
    ),
    (
        {"a": 1, "b": 2},
        {"a": 1, "c": 2, "d": 3},
        "a dict with keys 'a', 'c', 'd' at the root, where tree 1 has a dict with keys 'a', 'b'",
        "Add the key 'b' and drop the keys 'c', 'd' there.",
    ),
    (
        {"a": 1},
        {},
        "an empty dict at the root, where tree 1 has a dict with key 'a'",
        "Add the key 'a' there.",
    ),
    (
        [[1], [None]],
        [[1], [2]],
        "a leaf of type int at [1][0], where tree 1 has None",
        "Write None there.",
    ),
    (
        (1, {"f": [2]}),
        (1, {"f": None}),
        "None at [1]['f'], where tree 1 has a list of 1",
        "Write a list of 1 there.",
    ),
    (
        Frozen(1, "a"),
        Frozen(1, "b"),
        "a Frozen with name='b' at the root, where tree 1 has a Frozen with name='a'",
        "Write a Frozen with name='a' there.",
    ),
    (
        {"p": Point(1, 2)},
        {"p": (1, 2)},
        "a tuple of 2 at ['p'], where tree 1 has a Point",
        "Write a Point there.",
    ),
    (
        Interval(1, 2),
        Interval(1, 2, "cm"),
        "an Interval of 2 with 'cm' at the root, where tree 1 has an Interval of 2",
        "Write an Interval of 2 there.",
    ),
    (
        OrderedDict(a=1, b=2),
        OrderedDict(b=1, a=2),
        "an OrderedDict with keys 'b', 'a' at the root, where tree 1 has an OrderedDict with keys"
        " 'a', 'b'",
        "Write an OrderedDict with keys 'a', 'b' there.",
    ),
    (
        defaultdict(list, a=1),
        {"a": 1},
        "a dict with key 'a' at the root, where tree 1 has a defaultdict[list] with key 'a'",
        "Write a defaultdict[list] with key 'a' there.",
    ),
    (
        dict.fromkeys(range(10)),
        [1],
        "a list of 1 at the root, where tree 1 has a dict with keys 0, 1, 2, 3, 4, 5, 6, 7"
        " and 2 more",
        "Write a dict with keys 0, 1, 2, 3, 4, 5, 6, 7 and 2 more there.",
    ),
]


@pytest.mark.parametrize(("x", "y", "text", "fix"), MISMATCHES)
def test_map_mismatch(x: Any, y: Any, text: str, fix: str) -> None:
    expected = f"tree.map: tree 3 has {text}.\n{fix}\nSee help(funcgrad.errors.StructureError)"
    assert text_of(StructureError, lambda: tree.map(lambda *leaf: 0, x, x, y)) == expected
    renamed = expected.replace("map:", "map_with_path:")
    assert text_of(StructureError, lambda: tree.map_with_path(lambda *p: 0, x, x, y)) == renamed


def test_guarded_mismatch_names_the_unset_field() -> None:
    x, y = Guarded(1.0, 2.0), Guarded(1.0, 2.0)
    y.late = 3.0
    assert text_of(StructureError, lambda: tree.map(lambda *leaf: 0, y, x)) == (
        "tree.map: tree 2 has a Guarded without late at the root, where tree 1 has a Guarded.\n"
        "Write a Guarded there.\nSee help(funcgrad.errors.StructureError)"
    )


def test_map_passes_none_and_containers() -> None:
    grads = {"w": 1.0, "n": None, "deep": [1, {"x": 2}]}
    got = tree.map(lambda p, g: g, {"w": 0, "n": 0, "deep": 0}, grads)
    assert got == grads


def test_prefix() -> None:
    args = (np.ones(3), {"w": [1.0, 2.0], "b": None}, Layer(1, 2))
    spread = tree.flatten_prefix
    assert spread(0, args, "f") == [0] * 5
    assert spread((0, None, 1), args, "f") == [0, None, None, 1, 1]
    assert spread((0, {"w": 1, "b": 5}, Layer(2, None)), args, "f") == [0, 1, 1, 2, None]
    assert spread((0, {"b": None, "w": [1, 2]}, 3), tree.structure(args), "f") == [0, 1, 2, 3, 3]
    assert spread(None, 1.0, "f") == [None]
    assert spread(0, (), "f") == []


@pytest.mark.parametrize(
    ("prefix", "text", "fix"),
    [
        (
            (0, 0),
            "a tuple of 2 at the root, where the arguments have a tuple of 3",
            "Write a tuple of 3 there, or one value for all of it.",
        ),
        (
            [0, 0, 0],
            "a list of 3 at the root, where the arguments have a tuple of 3",
            "Write a tuple of 3 there, or one value for all of it.",
        ),
        (
            ((0,), 0, 0),
            "a tuple of 1 at [0], where the arguments have a leaf",
            "Write one value there.",
        ),
        (
            (0, {"w": (0, 1), "b": None}, 0),
            "a tuple of 2 at [1]['w'], where the arguments have a list of 2",
            "Write a list of 2 there, or one value for all of it.",
        ),
        (
            (0, {"w": 0}, 0),
            "a dict with key 'w' at [1], where the arguments have a dict with keys 'b', 'w'",
            "Add the key 'b' there, or one value for all of it.",
        ),
        (
            (0, {"w": 0, "b": [0]}, 0),
            "a list of 1 at [1]['b'], where the arguments have None",
            "Write None there, or one value for all of it.",
        ),
        (
            (0, 0, Layer(0, {"x": 0})),
            "a dict with key 'x' at [2].b, where the arguments have a leaf",
            "Write one value there.",
        ),
    ],
)
def test_prefix_mismatch(prefix: Any, text: str, fix: str) -> None:
    args = (np.ones(3), {"w": [1.0, 2.0], "b": None}, Layer(1, 2))
    expected = f"vmap: in_axes has {text}.\n{fix}\nSee help(funcgrad.errors.StructureError)"
    expected = expected.replace("the arguments have", "the argument tuple has")
    for full in (args, tree.structure(args)):
        call = lambda full=full: tree.flatten_prefix(  # noqa: E731
            prefix, full, "vmap: in_axes", "the argument tuple"
        )
        assert text_of(StructureError, call) == expected


def test_unflatten_counts() -> None:
    treedef = tree.structure({"a": 1, "b": [2]})
    assert text_of(StructureError, lambda: tree.unflatten(treedef, [1])) == (
        "tree.unflatten: {'a': *, 'b': [*]} has 2 leaves, got 1.\n"
        "Give one per leaf, in the order of flatten.\nSee help(funcgrad.errors.StructureError)"
    )
    big = tree.structure(list(range(100)))
    assert text_of(StructureError, lambda: tree.unflatten(big, iter([]))).startswith(
        "tree.unflatten: a list of 100 has 100 leaves, got 0."
    )
    assert text_of(StructureError, lambda: tree.unflatten(tree.LEAF, [1, 2])).startswith(
        "tree.unflatten: * has 1 leaf, got 2."
    )
    given_leaves = [1, 2]
    assert tree.unflatten(tree.structure([0, 0]), given_leaves) is not given_leaves


def test_cycles() -> None:
    x: list[Any] = [1]
    x.append(x)
    y: dict[str, Any] = {"a": 1.0}
    y["m"] = (1, {"in": y})
    end = (
        ".\nBreak the cycle, or stop at that node with is_leaf.\n"
        "See help(funcgrad.errors.StructureError)"
    )
    assert text_of(StructureError, lambda: tree.flatten(x)) == (
        "tree.flatten: the list at the root contains itself, at [1]" + end
    )
    shared = [5]
    expected = "tree.flatten: the dict at [2][0] contains itself, at [2][0]['m'][1]['in']" + end
    assert text_of(StructureError, lambda: tree.flatten([shared, shared, [y]])) == expected
    never = lambda t: False  # noqa: E731
    assert text_of(StructureError, lambda: tree.flatten([shared, shared, [y]], never)) == expected
    stop = lambda t: isinstance(t, dict) and "in" in t  # noqa: E731
    assert tree.leaves(y, stop) == [1.0, 1, y["m"][1]]


def test_depth() -> None:
    shared = {"w": 1}
    assert tree.leaves([shared, shared, (), ()]) == [1, 1]
    deep: Any = 1.0
    for _ in range(500):
        deep = [deep]
    assert tree.leaves(tree.map(lambda v, w: v + w, deep, deep)) == [2.0]
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(RecursionError):
        tree.flatten(deep)
    while isinstance(deep, list):
        deep = deep.pop()  # level by level: the interpreter frees a nested list recursively
    cls = registered(lambda x: ([type(x)()], None), lambda aux, children: None)
    with pytest.raises(RecursionError):  # new children for ever, none of them met before
        tree.flatten(cls())


def test_structures_are_dropped_and_caches_bounded() -> None:
    from funcgrad.tree import treedef as _treedef

    gc.collect()
    before = len(_treedef._TREEDEFS)
    for n in range(3 * _treedef.CACHE_SIZE):
        tree.structure(Frozen([n], f"name {n}"))
        tree.structure({f"key {n}": [(n,), None]})
    gc.collect()
    # Per loop: the shapes of Frozen and dict, each in one cache of CACHE_SIZE, and a graft on each.
    assert len(_treedef._TREEDEFS) - before <= 4 * _treedef.CACHE_SIZE + 100


def test_many_classes_keep_their_structure() -> None:
    from funcgrad.tree import treedef as _treedef

    kept = tree.structure(Layer(1, [2]))
    for _ in range(_treedef.CACHE_SIZE + 10):
        tree.flatten(type("Leaf", (), {})())
    assert tree.structure(Layer(1, [2])) is kept
    assert tree.structure({"a": Interval(1, 2)}).num_leaves == 2


def test_threads_agree_on_one_structure() -> None:
    found: list[list[tree.TreeDef]] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        names = [f"thread {i}" for i in range(1000)]
        found.append([tree.structure([{name: (1, [2])}, Frozen(1, name)]) for name in names])

    threads = [threading.Thread(target=work) for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(found) == 4
    for structures in zip(*found, strict=True):
        assert len({id(treedef) for treedef in structures}) == 1


class Traced:
    """A stand-in for a tracer: NumPy's functions reach it, conversions to an array do not."""

    def __init__(self, value: np.ndarray[Any, Any]) -> None:
        self.value, self.shape, self.dtype = value, value.shape, value.dtype

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        assert func in (np.ravel, np.reshape, np.concatenate, np.real)
        inner = lambda x: x.value if isinstance(x, Traced) else x  # noqa: E731
        first = [inner(x) for x in args[0]] if isinstance(args[0], list) else inner(args[0])
        return Traced(np.asarray(func(first, *args[1:], **kwargs)))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("coerced")

    def astype(self, dtype: Any) -> Traced:
        return Traced(self.value.astype(dtype))

    def __getitem__(self, index: Any) -> Traced:
        return Traced(np.asarray(self.value[index]))


DTYPES = ["f2", "f4", "f8", "c8", "c16", ">f8", "i1", "i4", "i8", "u2", "?"]


@st.composite
def array_trees(draw: st.DrawFn, traced: bool = False) -> Any:
    def array() -> Any:
        shape = draw(st.lists(st.integers(0, 3), max_size=3).map(tuple))
        numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape) + draw(st.integers(0, 50))
        value = numbers.astype(draw(st.sampled_from(DTYPES)))
        if value.dtype.kind in "fc":
            value = (value / 4).astype(value.dtype)
        value = value.T if draw(st.booleans()) else value
        if traced and draw(st.booleans()):
            return Traced(value)
        return value if shape or draw(st.booleans()) else value[()]

    return {"a": [array() for _ in range(draw(st.integers(0, 3)))], "b": (array(), None)}


def plain(x: Any) -> np.ndarray[Any, Any]:
    return x.value if isinstance(x, Traced) else np.asarray(x)


@given(array_trees() | array_trees(traced=True))
def test_ravel_round_trip(x: Any) -> None:
    arrays = [plain(leaf) for leaf in tree.leaves(x)]
    flat, unravel = tree.ravel(x)
    expected = np.concatenate([a.ravel() for a in arrays])
    assert plain(flat).dtype == expected.dtype
    np.testing.assert_array_equal(plain(flat), expected)
    again = unravel(flat)
    assert tree.structure(again) is tree.structure(x)
    for got, want in zip(tree.leaves(again), arrays, strict=True):
        assert plain(got).dtype == want.dtype
        np.testing.assert_array_equal(plain(got), want, strict=True)
        if isinstance(got, np.ndarray):
            assert got.flags.writeable
            assert not np.shares_memory(got, plain(flat))
            assert got.base is None or got.base.size == got.size


def test_ravel_of_one_array_is_a_copy_and_scalars_are_numpy_scalars() -> None:
    x = np.ones(3)
    flat, unravel = tree.ravel(x)
    flat[0] = 5.0
    assert x[0] == 1.0
    unravel(flat)[1] = 7.0
    assert flat[1] == 1.0
    for number in (0.5, np.float32(0.5), np.array(0.5), 3, True, 1j):
        again = tree.ravel({"x": number})[1](tree.ravel({"x": number})[0])["x"]
        assert isinstance(again, np.generic)
        assert again == number
        assert again.dtype == np.asarray(number).dtype
    assert tree.ravel([0.1, np.float32(2)])[0].dtype == np.float64


def test_ravel_without_leaves() -> None:
    flat, unravel = tree.ravel({"a": None, "b": []})
    assert flat.shape == (0,)
    assert flat.dtype == np.float64
    assert unravel(flat) == {"a": None, "b": []}
    assert unravel([]) == {"a": None, "b": []}  # as from a solver that returns a list


def test_unravel_pickles_and_takes_other_floats() -> None:
    x = Layer(np.ones((2, 1), np.float32), np.float32(2))
    flat, unravel = tree.ravel(x)
    again = pickle.loads(pickle.dumps(unravel))(flat.astype(np.float64) + 0.1)
    assert again.w.dtype == again.b.dtype == np.float32
    np.testing.assert_array_equal(again.w, np.full((2, 1), np.float32(1.1)))
    np.testing.assert_array_equal(again.b, np.float32(2.1))


@pytest.mark.parametrize("wrong", [np.ones(2), np.ones(4), np.ones((3, 1)), np.float64(1), [1, 2]])
def test_unravel_wrong_shape(wrong: Any) -> None:
    _, unravel = tree.ravel({"a": np.ones(2), "b": 1.0})
    assert text_of(ShapeError, lambda: unravel(wrong)) == (
        f"tree.unravel: the vector must have shape (3,), got {np.shape(wrong)}.\n"
        "Pass a vector as ravel returns it.\nSee help(funcgrad.errors.ShapeError)"
    )


@pytest.mark.parametrize(
    ("leaf", "text"),
    [
        ("relu", "type str and dtype <U4"),
        (np.array([None]), "type ndarray and dtype object"),
        (Unknown(), "type Unknown and dtype object"),
        (np.datetime64(1, "D"), "type datetime64 and dtype datetime64[D]"),
    ],
)
def test_ravel_refuses_what_is_not_a_number(leaf: Any, text: str) -> None:
    assert text_of(DtypeError, lambda: tree.ravel({"w": 1.0, "x": [leaf]})) == (
        f"tree.ravel: the leaf at ['x'][0] has {text}.\n"
        "Keep what is not a number out of the tree, or in a static field of a dataclass.\n"
        "See help(funcgrad.errors.DtypeError)"
    )


@pytest.mark.parametrize(
    ("x", "change", "key", "dtypes"),
    [
        ({"n": 3, "w": 0.5}, 0.25, "n", ("float64", "int64")),
        ({"n": 3, "w": 0.5}, np.nan, "n", ("float64", "int64")),
        ({"n": np.int8(3), "w": 0.5}, 200, "n", ("float64", "int8")),
        ({"n": True, "w": 0.5}, 1, "n", ("float64", "bool")),
        ({"w": 0.5, "z": 1j}, 1j, "w", ("complex128", "float64")),
        ({"n": 3, "z": 1j}, 0.5, "n", ("complex128", "int64")),
    ],
)
def test_unravel_keeps_values(x: Any, change: Any, key: str, dtypes: tuple[str, str]) -> None:
    flat, unravel = tree.ravel(x)
    assert unravel(flat) == x
    assert text_of(DtypeError, lambda: unravel(flat + change)) == (
        f"tree.unravel: the leaf at ['{key}'] would not keep its value when converted from"
        f" {dtypes[0]} to {dtypes[1]}.\n"
        "Keep what must not become another kind of number out of the tree.\n"
        "See help(funcgrad.errors.DtypeError)"
    )


def test_ravel_keeps_values() -> None:
    assert text_of(DtypeError, lambda: tree.ravel({"n": 2**53 + 1, "w": 0.5})).startswith(
        "tree.ravel: the leaf at ['n'] would not keep its value when converted from int64 to"
        " float64."
    )
    assert tree.ravel([2**53 + 1, 1])[0].tolist() == [2**53 + 1, 1]
    # A real leaf of a complex vector may round, but not lose an imaginary part.
    _, unravel = tree.ravel([np.float32(1), 1j])
    assert unravel(np.array([0.1, 1j]))[0] == np.float32(0.1)
    assert np.isnan(unravel(np.array([np.nan, 1j]))[0])


def test_entries() -> None:
    assert Item("w") == Item("w")
    assert Item("w") != Attribute("w")
    assert len({Item(0), Item(0), Attribute("w")}) == 2
    assert repr((Item("w"), Attribute("b"))) == "(Item('w'), Attribute('b'))"
    assert pickle.loads(pickle.dumps(Item("w"))) == Item("w")
    assert tree.path_string(()) == ""
