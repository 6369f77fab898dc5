"""Arguments that no one thinks of: keywords named as ours, names that are no names, deep nests."""

import ast
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import funcgrad
from funcgrad import (
    associative_scan,
    checkpoint,
    cond,
    custom_gradient,
    custom_jvp,
    custom_vjp,
    debug,
    fixed_point,
    fori_loop,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    linear_transpose,
    linearize,
    make_jaxpr,
    map,
    pure_callback,
    random,
    scan,
    stop_gradient,
    switch,
    tree,
    value_and_grad,
    value_and_jacfwd,
    value_and_jacobian,
    value_and_jacrev,
    vectorize,
    vjp,
    vmap,
    while_loop,
)
from funcgrad.errors import DepthError, DtypeError, FuncgradError

PACKAGE = Path(funcgrad.__file__).parent

KEYWORDS = [
    *("self", "cls", "f", "fun", "x", "args", "kwargs", "name", "call", "entry", "miss", "program"),
    *("operands", "frame", "what", "fmt", "callback", "result_shape_dtypes", "error", "bound_0"),
]


def doubled(name):
    def f(**kwargs):
        return kwargs[name] * 2.0

    return f


def parameter(name):
    scope = {}
    exec(f"def f({name}): return {name} * 2.0", scope)
    return scope["f"]


def custom(decorator, name):
    f = decorator(parameter(name))
    if decorator is custom_vjp:
        f.defvjp(lambda x: (x * 2.0, None), lambda _, ct: (ct * 2.0,))
    else:
        f.defjvp(lambda primals, tangents: (primals[0] * 2.0, tangents[0] * 2.0))
    return f


def printed(name):
    debug.print("{" + name + "}", **{name: 1.0})
    return 6.0


def called_back(name):
    found = []
    debug.callback(lambda **kwargs: found.append(kwargs[name]), **{name: 6.0})
    return found[0]


# Each calls something with a keyword of the name.
CALLS = {
    "jit": lambda name: [jit(doubled(name))(**{name: 3.0}) for _ in range(2)][1],
    "jit of a parameter": lambda name: jit(parameter(name))(**{name: 3.0}),
    "static": lambda name: jit(parameter(name), static_argnames=name)(**{name: 3}),
    "lower": lambda name: jit(doubled(name)).lower(**{name: 3.0}).compile()(**{name: 3.0}),
    "source": lambda name: "return" in jit(doubled(name)).source(**{name: 3.0}) and 6.0,
    "value_and_grad": lambda name: value_and_grad(doubled(name), argnames=name)(**{name: 3.0})[0],
    "vmap": lambda name: vmap(doubled(name))(**{name: np.full(2, 3.0)})[0],
    "make_jaxpr": lambda name: len(make_jaxpr(doubled(name))(**{name: 3.0}).equations) and 6.0,
    "checkpoint": lambda name: checkpoint(doubled(name))(**{name: 3.0}),
    "vectorize": lambda name: vectorize(lambda x, **k: x * k[name])(2.0, **{name: 3.0}),
    "custom_vjp": lambda name: custom(custom_vjp, name)(**{name: 3.0}),
    "grad of custom_vjp": lambda name: (
        3.0 * grad(lambda x: custom(custom_vjp, name)(**{name: x}))(1.0)
    ),
    "nondiff": lambda name: 6.0 + len(custom(custom_vjp, name).nondiff(**{name: 3.0})),
    "custom_jvp": lambda name: custom(custom_jvp, name)(**{name: 3.0}),
    "custom_gradient": lambda name: custom_gradient(
        lambda **kwargs: (kwargs[name] * 2.0, lambda ct: (ct * 2.0,))
    )(**{name: 3.0}),
    "debug.print": printed,
    "debug.callback": called_back,
    "debug.nans": lambda name: debug.nans(doubled(name))(**{name: 3.0}),
    "pure_callback": lambda name: pure_callback(doubled(name), np.float64(0.0), **{name: 3.0}),
    "random.checked": lambda name: random.checked(doubled(name))(**{name: 3.0}),
    **{
        transform.__name__: lambda name, transform=transform: (
            3.0 * float(transform(doubled(name), argnames=name)(**{name: 3.0}))
        )
        for transform in (grad, jacobian, jacfwd, jacrev)
    },
    **{
        transform.__name__: lambda name, transform=transform: transform(
            doubled(name), argnames=name
        )(**{name: 3.0})[0]
        for transform in (value_and_jacobian, value_and_jacfwd, value_and_jacrev)
    },
    "hessian": lambda name: 6.0 + hessian(doubled(name), argnames=name)(**{name: 3.0}),
}


@pytest.mark.parametrize("name", KEYWORDS)
@pytest.mark.parametrize("what", CALLS)
def test_a_keyword_of_any_name(what, name, capsys):
    if what == "vectorize" and name == "x":
        return  # the function's own parameter
    if what == "pure_callback":
        args = np.float64(0.0)
        assert pure_callback(doubled(name), args, **{name: 3.0}) == 6.0
        return
    assert CALLS[what](name) == 6.0


def test_a_method_by_keyword():
    @dataclass
    class Model:
        w: float

        @jit
        def f(self, x):
            return self.w * x

    assert Model.f(self=Model(2.0), x=3.0) == 6.0


def test_what_hands_on_keywords_takes_its_own_arguments_by_position():
    # Whoever passes `**kwargs` to the user's function must not take a name from it.
    own = {"check_in", "check_positive", "require_functions", "jit"}
    for folder in ("api", "compile", "control", "core"):
        for path in (PACKAGE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef) and node.args.kwarg and node.args.vararg:
                    named = [a.arg for a in node.args.args]
                    assert node.name == "__init__" or not named, f"{path.name}:{node.name}"
                    assert node.name not in own


class Named:
    def __init__(self, name):
        self.__name__ = name

    def __call__(self, *args):
        return args[0] * 2.0


class Text(str):
    __slots__ = ()

    def __str__(self):
        raise AssertionError("not asked")


class Everything:
    """Has every attribute."""

    def __getattr__(self, name):
        if name.startswith("__") and name[2:-2] not in ("name", "code", "wrapped", "qualname"):
            raise AttributeError(name)
        return 7

    def __call__(self, *args):
        return args[0] * 2.0


ODD = [Named(3), Named(None), Named(b"x"), Named(["x"]), Named("two words"), Named(Text("f"))]
USES = {
    "grad": lambda f: 3.0 * grad(f)(3.0),
    "jit": lambda f: jit(f)(3.0),
    "static": lambda f: jit(f, static_argnums=1)(3.0, 1),
    "repr": lambda f: len(repr(jit(f)) + repr(grad(f)) + str(make_jaxpr(f)(1.0))) and 6.0,
    "source": lambda f: len(jit(f).source(1.0)) and 6.0,
    "vmap": lambda f: vmap(f)(np.full(2, 3.0))[0],
    "jacobian": lambda f: 3.0 * jacobian(f)(3.0),
    "hessian": lambda f: 6.0 + hessian(f)(3.0),
    "linearize": lambda f: linearize(f, 1.0)[1](3.0),
    "linear_transpose": lambda f: linear_transpose(f, 1.0)(3.0)[0],
    "checkpoint": lambda f: checkpoint(f)(3.0),
    "scan": lambda f: scan(lambda c, _: (f(c), None), 3.0, None, length=1)[0],
    "scan itself": lambda f: map(f, np.full(1, 3.0))[0],
    "while_loop": lambda f: while_loop(lambda c: c < 6.0, f, 3.0),
    "fori_loop": lambda f: fori_loop(0, 1, lambda _, c: f(c), 3.0),
    "cond": lambda f: cond(True, f, f, 3.0),
    "switch": lambda f: switch(0, [f, f], 3.0),
    "traced cond": lambda f: jit(lambda x: cond(x > 0, f, f, x))(3.0),
    "custom_gradient": lambda f: custom_gradient(lambda x: (f(x), lambda ct: (ct,)))(3.0),
    "pure_callback": lambda f: pure_callback(f, np.float64(0.0), 3.0),
    "nans": lambda f: debug.nans(f)(3.0),
    "checked": lambda f: random.checked(f)(3.0),
    "vectorize": lambda f: vectorize(lambda x: f(x))(3.0),
    "fixed_point": lambda f: fixed_point(lambda x, a: f(a) + 0.0 * x, 0.0, 3.0),
    "associative_scan": lambda f: associative_scan(lambda a, b: a + b, np.full(2, 3.0))[1],
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("f", [*ODD, Everything()], ids=lambda f: repr(vars(f)))
def test_names_that_are_no_names(f, use):
    assert USES[use](f) == 6.0


@pytest.mark.parametrize("f", ODD, ids=lambda f: repr(vars(f)))
def test_errors_about_what_has_no_name(f):
    for call in (
        lambda: grad(f)("x"),
        lambda: grad(f)(3),
        lambda: grad(f)(np.ones(2)),
        lambda: jit(f, static_argnames="absent"),
        lambda: vmap(f)(1.0),
        lambda: cond(True, f, 3, 1.0),
    ):
        with pytest.raises(FuncgradError):
            call()


NUMBERLESS = [
    np.timedelta64(3, "D"),
    np.datetime64("2020-01-01"),
    np.str_("a"),
    np.bytes_(b"a"),
    np.void(b"a"),
    np.array([1], "m8[D]"),
    np.array("a"),
    np.array([None]),
    np.zeros((), [("a", float)]),
    object(),
    b"x",
]
TAKES = {
    "grad": lambda v: grad(lambda x: x)(v),
    "value_and_grad": lambda v: value_and_grad(lambda x: x)(v),
    "jvp": lambda v: jvp(lambda x: x, (v,), (v,)),
    "jacobian": lambda v: jacobian(lambda x: x)(v),
    "jacfwd": lambda v: jacfwd(lambda x: x)(v),
    "hessian": lambda v: hessian(lambda x: x)(v),
    "hvp": lambda v: hvp(lambda x: x, (v,), (v,)),
    "vmap": lambda v: vmap(lambda x: x)(v),
    "a result of grad": lambda v: grad(lambda x: v)(1.0),
    "a cotangent": lambda v: vjp(lambda x: x, 1.0)[1](v),
    "a tangent": lambda v: jvp(lambda x: x, (1.0,), (v,)),
    "a product": lambda v: grad(lambda x: np.sum(x * np.asarray(v)))(1.0),
}


@pytest.mark.parametrize("take", TAKES)
@pytest.mark.parametrize("value", NUMBERLESS, ids=lambda value: type(value).__name__)
def test_what_is_no_number(value, take):
    with pytest.raises(FuncgradError):
        TAKES[take](value)


def test_a_duration_is_no_integer():
    with pytest.raises(DtypeError, match=r"argument 0 of <lambda>.* is a timedelta64") as error:
        grad(lambda x: x)(np.timedelta64(3, "D"))
    assert error.value.fix == "Convert it first: x.astype(float)."
    assert grad(lambda x: x * x)(np.timedelta64(3, "D").astype(float)) == 6.0
    with pytest.raises(DtypeError, match="a timedelta64 is not an array or a number") as error:
        fori_loop(0, np.timedelta64(3, "D"), lambda i, c: c, 1.0)
    assert "numpy.timedelta64(1, 's')" in error.value.fix
    # The same class' other members: a gradient leaves them alone.
    kept = {"x": 1.0, "t": np.timedelta64(3, "D")}
    assert grad(lambda p: p["x"] * 2.0)(kept) == {"x": 2.0, "t": None}


def nested(depth, wrap, leaf=1.0):
    for _ in range(depth):
        leaf = wrap(leaf)
    return leaf


WRAPS = {
    "list": lambda x: [x],
    "pair": lambda x: (1.0, x),
    "dict": lambda x: {"a": x},
    "unsorted": lambda x: {"b": x, "a": 2.0},
}
WALKS = {
    "flatten": lambda p: tree.unflatten(tree.structure(p), tree.leaves(p)),
    "map": lambda p: tree.map(lambda x: x * 1.0, p),
    "map of two": lambda p: tree.map(lambda x, _: x, p, p),
    "paths": lambda p: tree.unflatten(
        tree.structure(p), [leaf for _, leaf in tree.flatten_with_path(p)[0]]
    ),
    "ravel": lambda p: tree.ravel(p)[1](tree.ravel(p)[0]),
    "pickle": lambda p: tree.unflatten(
        pickle.loads(pickle.dumps(tree.structure(p))), tree.leaves(p)
    ),
    "prefix": lambda p: tree.unflatten(tree.structure(p), tree.flatten_prefix(p, p, "f")),
    "jit": lambda p: [jit(lambda p: p)(p) for _ in range(2)][1],
    "lower": lambda p: jit(lambda p: p).lower(p).compile()(p),
    "grad": lambda p: tree.map(
        lambda g, x: g + x - 1.0, grad(lambda p: sum(tree.leaves(p)) * 1.0)(p), p
    ),
    "vjp": lambda p: vjp(lambda p: p, p)[1](p)[0],
    "jvp": lambda p: jvp(lambda p: p, (p,), (p,))[1],
    "linearize": lambda p: linearize(lambda p: p, p)[1](p),
    "vmap": lambda p: tree.map(
        lambda x: x[0], vmap(lambda p: p)(tree.map(lambda x: np.full(2, x), p))
    ),
    "scan": lambda p: scan(lambda c, _: (c, None), p, None, length=2)[0],
    "cond": lambda p: cond(True, lambda p: p, lambda p: p, p),
    "stop_gradient": stop_gradient,
    "checkpoint": lambda p: checkpoint(lambda p: p)(p),
}


@pytest.mark.parametrize("depth", [100, 500, 800])
@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("walk", WALKS)
def test_deep_nests(walk, wrap, depth):
    p = nested(depth, WRAPS[wrap])
    found = WALKS[walk](p)
    assert tree.structure(found) is tree.structure(p)
    assert tree.leaves(found) == tree.leaves(p)


@pytest.mark.parametrize("depth", [500, 5000])
def test_structures_of_deep_nests(depth):
    node = tree.structure([1.0])
    found = node
    for _ in range(depth - 1):
        found = node.graft([found])
    assert repr(found) == "[" * depth + "*" + "]" * depth
    assert tree.path_string(found.paths()[0]) == "[0]" * depth
    assert pickle.loads(pickle.dumps(found)) is found
    assert found.depth() == depth
    one, other = tree.structure({"a": 1, "b": 2}), tree.structure({"b": 1, "a": 2})
    for _ in range(depth):
        one, other = node.graft([one]), node.graft([other])
    assert one == other
    assert one is not other
    assert one != found
    if depth > 1000:
        with pytest.raises(DepthError) as error:
            tree.unflatten(tree.structure([1.0, 2.0]).graft([found, found]), [1.0, 2.0])
        assert error.value.what == (
            "unflatten: the tree is nested deeper than Python's recursion limit allows"
        )


@pytest.mark.parametrize("walk", WALKS)
def test_deeper_than_python_allows(walk):
    with pytest.raises(DepthError) as error:
        WALKS[walk](nested(3000, WRAPS["list"]))
    assert "is nested deeper than Python's recursion limit allows" in error.value.what
    assert "sys.setrecursionlimit" in error.value.fix


def test_recursion_that_is_not_the_trees_stays_what_it_is():
    def endless(x):
        return endless(tree.map(lambda y: y, [x]))

    with pytest.raises(RecursionError):
        endless(1.0)

    def shallow(n):
        return tree.flatten([[1.0]]) and shallow(n + 1)

    with pytest.raises(RecursionError):
        shallow(0)
