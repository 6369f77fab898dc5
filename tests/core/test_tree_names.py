"""The names of `jax.tree_util` and Equinox's: trees folded, turned, edited; classes registered."""

import dataclasses
import functools
import pickle
from collections import namedtuple

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import errors, flatten_util, grad, jit, tree, tree_util, vmap
from funcgrad.tree import DictKey, GetAttrKey, Item, SequenceKey

Pair = namedtuple("Pair", ["left", "right"])
TREE = {"w": [1.0, (2.0, 3.0)], "b": Pair(4.0, None)}


@dataclasses.dataclass
class Model:
    w: object
    act: object
    name: str = "model"
    inner: object = None


def test_array_is_what_programs_compute_with():
    for x in (np.ones(3), np.float32(1.0), np.bool_(True), np.int8(1)):
        assert isinstance(x, fg.Array) and tree.is_array(x)
    for x in (1.0, 1, True, [1.0], "x", None, np.str_("x")):
        assert not isinstance(x, fg.Array) and not tree.is_array(x)
    seen = []

    def f(x):
        seen.append(isinstance(x, fg.Array) and tree.is_inexact_array(x))
        return x * x

    for transform in (grad, jit, lambda f: lambda x: vmap(f)(np.full(2, x))):
        transform(f)(1.0)
    assert seen == [True] * 3

    @functools.singledispatch
    def kind(x):
        return "other"

    kind.register(fg.Array)(lambda x: "array")
    assert (kind(np.ones(2)), kind(1.0)) == ("array", "other")
    with pytest.raises(errors.ArgumentError, match=r"numpy\.array"):
        fg.Array([1.0])
    assert pickle.loads(pickle.dumps(fg.Array)) is fg.Array
    assert isinstance(2, fg.typing.ArrayLike.__args__) and not isinstance(
        [2], fg.typing.ArrayLike.__args__
    )


def test_tree_util_has_the_functions_of_tree():
    for name in ("map", "leaves", "structure", "transpose", "all", "reduce"):
        assert getattr(tree_util, f"tree_{name}") is getattr(tree, name)
    assert tree_util.Partial is tree.Partial
    assert flatten_util.ravel_pytree is tree.ravel
    flat, unravel = flatten_util.ravel_pytree({"a": np.ones(2), "b": 3.0})
    assert flat.tolist() == [1.0, 1.0, 3.0] and unravel(flat)["b"] == 3.0
    with pytest.raises(AttributeError, match="tree_map"):
        _ = tree_util.tree_mapp


def test_folds():
    assert tree.reduce(lambda x, y: x + y, TREE) == 10.0
    assert tree.reduce(lambda x, y: x + y, {}, 5.0) == 5.0
    assert tree.reduce_associative(max, TREE) == 4.0
    assert tree.reduce_associative(max, [], identity=0) == 0
    assert tree.all({"a": True}) and not tree.all({"a": [True, 0]}) and tree.all(None)
    for call in (tree.reduce, tree.reduce_associative):
        with pytest.raises(errors.ArgumentError, match="no leaves"):
            call(max, {})


@pytest.mark.parametrize("inner", [True, False])
def test_transpose(inner):
    given = [{"a": 1, "b": (2, 3)}, {"a": 4, "b": (5, 6)}]
    outer, treedef = tree.structure([0, 0]), tree.structure({"a": 0, "b": (0, 0)})
    found = tree.transpose(outer, treedef, given) if inner else tree.transpose(
        outer, None, [{"a": 1}, {"a": 4}]
    )  # fmt: skip
    assert found == ({"a": [1, 4], "b": ([2, 5], [3, 6])} if inner else {"a": [1, 4]})
    with pytest.raises(errors.StructureError, match=r"\[1\] has a dict with key 'c'"):
        tree.transpose(outer, tree.structure({"a": 0}), [{"a": 1}, {"c": 1}])
    with pytest.raises(errors.ArgumentError, match=r"tree\.structure"):
        tree.transpose([0, 0], treedef, given)


def test_broadcast_and_prefix_errors():
    prefix = {"w": 0, "b": 1}
    assert tree.broadcast(prefix, TREE) == {"w": [0, (0, 0)], "b": Pair(1, None)}
    assert tree.broadcast([None, 1], [5, 6], is_leaf=lambda x: x is None) == [None, 1]
    with pytest.raises(errors.StructureError, match="prefix_tree"):
        tree.broadcast({"w": [0]}, TREE)
    assert tree.prefix_errors(prefix, TREE) == []
    [error] = tree.prefix_errors({"w": [0, (1, 2, 3)], "b": 0}, TREE)
    assert isinstance(error("in_axes"), errors.StructureError)
    assert "in_axes has a tuple of 3 at ['w'][1]" in str(error("in_axes"))


def test_paths():
    pairs = tree.leaves_with_path(TREE)
    assert [tree.keystr(path) for path, _ in pairs] == [
        "['b'].left",
        "['w'][0]",
        "['w'][1][0]",
        "['w'][1][1]",
    ]
    assert tree.keystr(pairs[2][0], simple=True, separator="/") == "w/1/0"
    (first, second), _ = pairs[0]
    assert isinstance(first, DictKey) and isinstance(second, GetAttrKey)
    assert (first.key, second.name, pairs[1][0][1].idx) == ("b", "left", 0)
    assert isinstance(pairs[1][0][1], SequenceKey) and not isinstance(pairs[1][0][1], DictKey)
    assert first == Item("b") and hash(first) == hash(Item("b")) and repr(first) == "Item('b')"
    assert pickle.loads(pickle.dumps(pairs)) == pairs

    def stop(path, x):
        return tree.keystr(path) == "['w'][1]"

    found, treedef = tree.flatten_with_path(TREE, stop, is_leaf_takes_path=True)
    assert [x for _, x in found] == [4.0, 1.0, (2.0, 3.0)]
    assert treedef == tree.structure({"w": [0, 0], "b": Pair(0, None)})
    assert tree.leaves_with_path(TREE, stop, True) == found
    assert tree.map_with_path(
        lambda path, x: len(path), TREE, is_leaf=stop, is_leaf_takes_path=True
    ) == {"w": [2, 2], "b": Pair(2, None)}
    assert tree.map_with_path(lambda path, x: x, {}) == {}


def test_structures():
    treedef = tree.structure(TREE)
    assert tree.treedef_children(treedef) == [tree.structure(TREE["b"]), tree.structure(TREE["w"])]
    assert tree.treedef_tuple([treedef, tree.LEAF]) == tree.structure((TREE, 0))
    assert tree.treedef_is_leaf(tree.structure(1)) and not tree.treedef_is_leaf(treedef)
    assert treedef.unflatten([4.0, 1.0, 2.0, 3.0]) == TREE
    assert tree.structure([0, 0]).flatten_up_to([1, {"a": 2}]) == [1, {"a": 2}]
    assert tree.all_leaves([1, 2.0]) and not tree.all_leaves([1, ()])
    assert tree.is_tree_node(list) and not tree.is_tree_node(np.ndarray)
    with pytest.raises(errors.StructureError, match="treedef"):
        treedef.flatten_up_to([1])
    with pytest.raises(errors.ArgumentError, match=r"tree\.structure"):
        tree.treedef_children([1])


def test_partition_and_combine_are_inverse():
    model = Model([np.ones(2), np.arange(2)], np.tanh, inner=Model(2.0, None))
    params, rest = tree.partition(model, tree.is_inexact_array)
    assert params.w[0] is model.w[0] and params.w[1] is None and params.act is None
    assert rest.w == [None, model.w[1]] and rest.act is np.tanh and rest.inner.w == 2.0
    assert tree.combine(params, rest) == model
    assert tree.combine(rest, params) == model
    assert tree.filter(model, tree.is_array, inverse=True).inner == model.inner
    # A prefix with functions among its leaves.
    half, _ = tree.partition({"a": [1, 2.0], "b": 3}, {"a": tree.is_inexact_array_like, "b": True})
    assert half == {"a": [None, 2.0], "b": 3}
    with pytest.raises(errors.StructureError, match="filter_spec"):
        tree.partition({"a": 1}, {"b": True})
    with pytest.raises(errors.ArgumentError, match="filter_spec has 3"):
        tree.partition({"a": 1}, {"a": 3})
    with pytest.raises(errors.StructureError, match=r"tree\.combine: tree 2"):
        tree.combine([1], [1, 2])
    with pytest.raises(errors.ArgumentError, match="no tree"):
        tree.combine()


def test_a_dataclass_with_functions_in_it_trains():
    model = Model(np.array([0.5, -0.3]), np.tanh, "net", Model(np.float64(0.1), None))
    x, y = np.array([1.0, 2.0]), 0.7

    def loss(params, rest):
        m = tree.combine(params, rest)
        return (m.act(m.w @ x) + m.inner.w - y) ** 2

    params, rest = tree.partition(model, tree.is_inexact_array)
    step = jit(lambda p: tree.map(lambda w, g: w - 0.1 * g, p, grad(loss)(p, rest)))
    before = loss(params, rest)
    for _ in range(100):
        params = step(params)
    assert loss(params, rest) < 1e-6 < before
    assert tree.combine(params, rest).act is np.tanh
    # Without a partition the functions have gradient None.
    g = grad(lambda m: loss(m, m))(model)
    assert g.act is None and g.w.shape == (2,)


def test_at_replaces_parts():
    model = Model([np.ones(2), 3.0], np.tanh, inner=Model(2.0, None))
    new = tree.at(lambda m: m.inner.w, model, 5.0)
    assert new.inner.w == 5.0 and new.w[0] is model.w[0] and model.inner.w == 2.0
    new = tree.at(lambda m: (m.w[1], m.act), model, (4.0, np.sin))
    assert new.w[1] == 4.0 and new.act is np.sin
    assert tree.at(lambda m: m.w, model, replace_fn=len).w == 2
    assert tree.at(lambda m: m.inner, model, "x").inner == "x"
    new = tree.at(lambda m: m.inner.act, model, np.cos, is_leaf=lambda x: x is None)
    assert new.inner.act is np.cos
    assert tree.at(lambda t: t, (1, 2), 7) == 7
    assert grad(lambda w: np.sum(tree.at(lambda m: m.inner.w, model, w).inner.w ** 2))(3.0) == 6.0
    for where, match in [
        (lambda m: m.inner.act, "no part"),
        (lambda m: 3.0, "no part of the tree"),
        (lambda m: (m.w, m.w), "twice"),
    ]:
        with pytest.raises(errors.StructureError, match=match):
            tree.at(where, model, replace_fn=str)
    with pytest.raises(errors.StructureError, match="twice"):
        tree.at(lambda t: t["a"], {"a": (), "b": ()}, 1)  # Python has one empty tuple
    with pytest.raises(errors.StructureError, match="replace has"):
        tree.at(lambda m: (m.w, m.act), model, [1, 2])
    for given in ({}, {"replace": 1, "replace_fn": str}):
        with pytest.raises(errors.ArgumentError, match="replace_fn"):
            tree.at(lambda m: m.w, model, **given)


def test_partial_is_a_pytree():
    f = tree.Partial(np.clip, a_min=0.0, a_max=2.0)
    leaves, treedef = tree.flatten(f)
    assert leaves == [2.0, 0.0] and tree.unflatten(treedef, leaves)(3.0) == 2.0
    assert jit(lambda f, x: f(x))(f, 3.0) == 2.0
    g = grad(lambda f: f(3.0))(tree.Partial(lambda a, x: a * x, 5.0))
    assert g.args == (3.0,)
    assert [tree.keystr(p) for p, _ in tree.leaves_with_path(f)] == [
        ".keywords['a_max']",
        ".keywords['a_min']",
    ]


def test_registered_classes():
    @tree.register_pytree_node_class
    class Box:
        def __init__(self, x, tag):
            self.x, self.tag = x, tag

        def tree_flatten(self):
            return (self.x,), self.tag

        @classmethod
        def tree_unflatten(cls, aux, children):
            return cls(*children, aux)

    assert grad(lambda b: b.x**2)(Box(3.0, "t")).x == 6.0
    assert [tree.keystr(p) for p, _ in tree.leaves_with_path(Box(1.0, "t"))] == ["[0]"]

    @tree.register_pytree_with_keys_class
    class Keyed(Box):
        def tree_flatten_with_keys(self):
            return ((GetAttrKey("x"), self.x),), self.tag

    assert [tree.keystr(p) for p, _ in tree.leaves_with_path(Keyed(1.0, "t"))] == [".x"]
    assert tree.map(str, Keyed(1.0, "t")).tag == "t"
    assert tree.structure(Keyed(1.0, "t")) != tree.structure(Keyed(1.0, "u"))
    assert tree.structure(Keyed(1.0, "t")) is tree.structure(Keyed(2.0, "t"))
    assert tree.structure(Keyed(1.0, -1)) != tree.structure(Keyed(1.0, -2))  # of one hash

    class Plain(Box):
        pass

    tree.register_pytree_node(Plain, lambda p: ([p.x], None), lambda _, c: Plain(c[0], 0))
    assert tree.leaves(Plain(2.0, 1)) == [2.0]

    @tree.register_static
    class Config(str):
        __slots__ = ()

    assert tree.leaves([Config("a"), 1]) == [1]
    assert tree.map(str, [Config("a"), 1])[0] == "a"

    @functools.partial(tree.register_dataclass, data_fields=["x"], meta_fields=["n"])
    @dataclasses.dataclass
    class Data:
        x: float
        n: int

    assert tree.leaves(Data(1.0, 3)) == [1.0]
    assert jit(lambda d: d.x * d.n)(Data(2.0, 3)) == 6.0
    assert tree.register_dataclass(Model) is Model

    @dataclasses.dataclass
    class Bad:
        x: float
        y: float

    for call, match in [
        (lambda: tree.register_dataclass(Bad, ["x"], []), "'y' are in none"),
        (lambda: tree.register_dataclass(Bad, ["x"]), "go together"),
        (lambda: tree.register_dataclass(Wrong), "no dataclass"),
        (lambda: tree.register_pytree_node_class(Wrong), "tree_flatten"),
        (lambda: tree.register_pytree_with_keys(Wrong, None, None), "two functions"),
        (lambda: tree.register_static(Config), "container already"),
    ]:
        with pytest.raises(errors.ArgumentError, match=match):
            call()


class Wrong:
    pass


def test_the_tables_agree():
    import ast
    from pathlib import Path

    found = {
        node.module.rpartition(".")[2]
        for node in ast.walk(ast.parse(Path(tree.__file__).read_text()))
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    }
    assert found == set(tree._MODULES)
    for module, names in tree._MODULES.items():
        assert set(names.split()) == set(fg.core.lazy.load(f"funcgrad.tree.{module}").__all__)
    assert set(tree._HOME_OF) < set(tree.__all__) and len(tree.__all__) == len(set(tree.__all__))


@pytest.mark.peers
def test_the_same_as_jax():
    import jax

    spread = [{"a": 1, "b": (2, 3)}, {"a": 4, "b": (5, 6)}]
    outer, inner = jax.tree.structure([0, 0]), jax.tree.structure({"a": 0, "b": (0, 0)})
    assert jax.tree.transpose(outer, inner, spread) == tree.transpose(
        tree.structure([0, 0]), tree.structure({"a": 0, "b": (0, 0)}), spread
    )
    ours, theirs = tree.leaves_with_path(TREE), jax.tree.leaves_with_path(TREE)
    assert [(tree.keystr(p), x) for p, x in ours] == [
        (jax.tree_util.keystr(p), x) for p, x in theirs
    ]
    for (p, _), (q, _) in zip(ours, theirs, strict=True):
        assert [type(k).__name__.replace("Attribute", "GetAttrKey") for k in p] == [
            type(k).__name__ for k in q
        ]
        assert tree.keystr(p, simple=True, separator="/") == jax.tree_util.keystr(
            q, simple=True, separator="/"
        )
    assert jax.tree.broadcast({"w": 0, "b": 1}, TREE) == tree.broadcast({"w": 0, "b": 1}, TREE)
