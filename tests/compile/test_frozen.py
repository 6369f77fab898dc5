"""What jit freezes: which objects are static or refused, draws while a function is traced."""

# ruff: noqa: NPY002 - the legacy generators are what this is about

import enum
import functools
import gc
import inspect
import io
import itertools
import math
import operator
import random
import re
import sys
import threading
import types
import typing
import warnings
from collections import namedtuple
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest

from funcgrad import ShapeDtypeStruct, checkpoint_policies, grad, jit, make_jaxpr, scan, vmap
from funcgrad.compile import jit as jit_module
from funcgrad.errors import ArgumentError

RNG = np.random.default_rng(5)


class Plain:
    def __init__(self, w=2.0):
        self.w = w

    def method(self, x):
        return self.w * x

    @jit
    def jitted(self, x):
        return self.w * x

    @jit(static_argnums=0)
    def named(self, x):
        return self.w * x

    @classmethod
    def of_class(cls, x):
        return x

    def __call__(self, x):
        return self.w * x


class Slots:
    __slots__ = ("__hidden", "w")

    def __init__(self, **given):
        for name, value in given.items():
            setattr(self, name, value)


class Derived(Slots):
    __slots__ = ()


class Empty:
    kind = "sum"

    @jit
    def jitted(self, x):
        return getattr(self, "w", 2.0) * x


class Equal:
    def __init__(self, w):
        self.w = w

    def __eq__(self, other):
        return isinstance(other, Equal) and self.w == other.w

    def __hash__(self):
        return hash(self.w)


@dataclass
class Mutable:
    w: float

    def method(self, x):
        return self.w * x


@dataclass(frozen=True)
class Frozen:
    w: float

    def method(self, x):
        return self.w * x


class Way(enum.Enum):
    UP = 1

    def __init__(self, value):
        self.attribute = value


class Wrapped:
    def __init__(self, f):
        functools.update_wrapper(self, f)
        self.calls = 0

    def __call__(self, x):
        return self.__wrapped__(x)


def function(x):
    return x


function.attribute = 1.0
Named = namedtuple("Named", "x")

STATIC = [
    function,
    lambda x: x,
    functools.partial(function, 1.0),
    Plain,
    Plain.of_class,
    Plain.method,
    Empty(),
    object(),
    Equal(2.0),
    Frozen(2.0).method,
    Way.UP,
    enum,
    Wrapped(function),
    jit(function),
    grad(function),
    vmap(function),
    jit,
    np.sum,
    np.add,
    np.add.reduce,
    np.linalg.norm,
    np.vectorize(math.sin),
    np.float32,
    np.dtype("f4"),
    np.datetime64("2020-01-01"),
    len,
    "abc".join,
    (3).__add__,
    math.sin,
    int.__add__,
    operator.itemgetter(1),
    re.compile("a"),
    Fraction(1, 2),
    range(3),
    ...,
    b"x",
    typing.Any,
    types.GenericAlias(list, (int,)),
    frozenset({1, "a"}),
    ShapeDtypeStruct((2,), np.float64),
    checkpoint_policies.dots_saveable,
]
CHANGING = {
    "an object": (Plain(), "a Plain, whose attributes (w) may change unseen"),
    "slots": (Slots(w=1.0), "a Slots, whose attributes (w)"),
    "private slots": (Slots(_Slots__hidden=1.0), "a Slots, whose attributes (_Slots__hidden)"),
    "inherited slots": (Derived(w=1.0), "a Derived, whose attributes (w)"),
    "a method": (Plain().method, "a method of a Plain, whose attributes (w) may change unseen"),
    "a jitted method": (Plain().jitted, "a method of a Plain, whose attributes (w)"),
    "a special method": (Plain().__call__, "a method of a Plain, whose attributes (w)"),
    "a dataclass' method": (Mutable(1.0).method, "a method of a Mutable, whose fields"),
    "a dict's method": ({}.get, "a method of a dict, which may change unseen"),
    "an array's method": (np.ones(3).dot, "a method of a ndarray, which may change unseen"),
    "a set of objects": (frozenset({Plain()}), "a Plain, whose attributes (w)"),
    "Generator": (RNG, "a Generator of random numbers, which changes with every draw"),
    "RandomState": (np.random.RandomState(0), "a RandomState of random numbers"),
    "BitGenerator": (np.random.PCG64(0), "a PCG64 of random numbers"),
    "Random": (random.Random(0), "a Random of random numbers"),
    "a global draw": (np.random.normal, "a method of a RandomState of random numbers"),
    "Python's draw": (random.gauss, "a method of a Random of random numbers"),
    "a draw": (RNG.normal, "a method of a Generator of random numbers"),
    "a counter": (itertools.count(), "a count, which gives something else each time"),
    "a generator": ((x for x in ()), "a generator, which gives something else each time"),
    "a file": (io.StringIO("a"), "a StringIO, which gives something else each time"),
}


@pytest.mark.parametrize("value", STATIC, ids=lambda value: type(value).__name__)
def test_static_by_themselves(value):
    traced = []

    @jit
    def f(x, how):
        traced.append(how)
        return 2.0 * x

    for _ in range(3):
        assert f(1.0, value) == f(1.0, how=value) == 2.0
    assert len(traced) == 2
    assert traced[0] is value


@pytest.mark.parametrize("case", CHANGING)
def test_what_may_change_is_refused(case):
    value, got = CHANGING[case]
    one = jit(lambda x, how: 2.0 * x)
    with pytest.raises(ArgumentError) as error:
        one(1.0, value)
    assert error.value.what.startswith(f"jit: argument 1 is {got}")
    assert error.value.fix.endswith(
        "; or, to freeze it as it is when the function is traced, name it: "
        "jit(f, static_argnums=1)."
    )
    with pytest.raises(ArgumentError, match=r"jit\(f, static_argnames='how'\)"):
        one(1.0, how=value)
    with pytest.raises(ArgumentError, match=r"pass it as an argument of its own and name it"):
        one(1.0, {"how": [value]})
    with pytest.raises(ArgumentError, match=r"^jit: argument 2\['how'\] is a"):
        jit(lambda n, x, how: x, static_argnums=0)(3, 1.0, {"how": value})
    # Named: frozen on purpose.
    assert jit(lambda x, how: 2.0 * x, static_argnums=1)(1.0, value) == 2.0
    assert jit(lambda x, how: 2.0 * x, static_argnames="how")(1.0, how=value) == 2.0
    # Without jit nothing is frozen, and nothing refused.
    assert grad(lambda x, how: 2.0 * x)(1.0, value) == 2.0


def test_methods_are_not_stale():
    model = Plain(2.0)
    with pytest.raises(ArgumentError, match="Make Plain a dataclass, frozen or not"):
        model.jitted(1.0)
    assert model.named(1.0) == 2.0
    model.w = 3.0
    assert model.named(1.0) == 2.0  # as documented: named, frozen


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_an_object_that_gets_attributes_later(calls):
    empty = Empty()
    for _ in range(calls):
        assert empty.jitted(1.0) == 2.0
    empty.w = 3.0
    with pytest.raises(ArgumentError, match=r"an Empty, whose attributes \(w\)"):
        empty.jitted(1.0)
    del empty.w
    assert empty.jitted(1.0) == 2.0
    one = jit(lambda f, x: getattr(f.__self__, "w", 2.0) * x)
    plain, slots = Empty(), Slots()
    plain.method = types.MethodType(lambda self, x: x, plain).__func__
    del plain.method
    bound = types.MethodType(function, plain)
    for _ in range(calls):
        assert one(bound, 1.0) == 2.0
        assert jit(lambda s, x: x)(slots, 1.0) == 1.0
    plain.w = 3.0
    with pytest.raises(ArgumentError, match="a method of an Empty"):
        one(bound, 1.0)
    unset = jit(lambda s, x: getattr(s, "w", 2.0) * x)
    for _ in range(calls):
        assert unset(slots, 1.0) == 2.0
    slots.w = 3.0
    with pytest.raises(ArgumentError, match="a Slots, whose attributes"):
        unset(slots, 1.0)


def test_bound_jitted_methods_are_equal_as_methods_are():
    one, other = Empty(), Empty()
    assert one.jitted == one.jitted
    assert hash(one.jitted) == hash(one.jitted)
    assert one.jitted != other.jitted
    call = jit(lambda f, x: f(x))
    for _ in range(3):
        assert call(one.jitted, 1.0) == 2.0
    assert call.cache_info().misses == 1


def test_what_stays_stale_is_as_documented():
    class Shared:
        w = 2.0

        @jit
        def f(self, x):
            return self.w * x

    shared, partial = Shared(), functools.partial(Plain.method, Plain(2.0))
    call = jit(lambda f, x: f(x))
    model = Plain(2.0)
    bound = jit(model.method)
    for w in (2.0, 3.0):
        Shared.w = partial.args[0].w = model.w = w
        assert shared.f(1.0) == call(partial, 1.0) == bound(1.0) == 2.0


def drawing_helper(x):
    return x * RNG.normal()


@dataclass
class Holder:
    rng: object = field(default_factory=lambda: np.random.default_rng(1))


def draws_of_cells():
    rng, holder, listed = np.random.default_rng(0), Holder(), {"all": [random.Random(1)]}
    own = Plain()
    own.rng = np.random.RandomState(3)

    def nested(x):
        return (lambda: x * rng.normal())()

    return {
        "numpy.random": lambda x: x * np.random.normal(),
        # The second number of a pair changes nothing but `has_gauss`.
        "numpy.random's second": lambda x: x * np.random.standard_normal(),
        "random": lambda x: x + random.random(),
        "random's gauss": lambda x: x + random.gauss(0.0, 1.0),
        "the generator RNG": drawing_helper,
        "the generator RNG of a helper": lambda x: drawing_helper(x),
        "the generator rng": nested,
        "the generator holder.rng": lambda x: x + holder.rng.random(),
        "the generator listed": lambda x: x + listed["all"][0].random(),
        "the generator RNG of a module": lambda x: x + sys.modules[__name__].RNG.normal(),
        "the generator RNG of a gradient": lambda x: grad(drawing_helper)(x),
        "the generator RNG of a program": lambda x: jit(drawing_helper)(x),
        "the generator RNG of a loop": lambda x: scan(
            lambda c, _: (drawing_helper(c), None), x, None, length=2
        )[0],
        "the generator RNG of a partial": functools.partial(lambda f, x: f(x), drawing_helper),
        "the generator rng of a default": lambda x, rng=rng: x + rng.normal(),
        "the generator own.rng": own_draw(own),
    }


def own_draw(own):
    return lambda x: x + own.rng.normal()


@pytest.mark.parametrize("case", draws_of_cells())
@pytest.mark.parametrize("transform", [jit, make_jaxpr], ids=["jit", "make_jaxpr"])
def test_draws_while_traced_warn_once(case, transform):
    f = draws_of_cells()[case]
    traced = transform(f)
    if "second" in case:
        np.random.seed(0)
        np.random.standard_normal()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first = traced(1.0)
        here = inspect.currentframe().f_lineno - 1
        traced(np.float32(1.0))
        again = traced(1.0)
    if transform is jit:
        assert first == again
    (warning,) = caught
    assert (warning.filename, warning.lineno) == (__file__, here)
    text = str(warning.message)
    name = case.partition(" of a ")[0].partition("'s")[0]
    assert f"drew from {name} while it was traced" in text
    assert text.startswith(f"{transform.__name__}: ")
    assert "funcgrad.random" in text
    assert "docs/what-jit-freezes.md" in text


def test_the_outermost_trace_warns():
    inner = jit(drawing_helper)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        jit(lambda x: inner(x) + inner(2.0))(1.0)
    assert [str(w.message).partition(" drew")[0].partition(" at")[0] for w in caught] == [
        "jit: <lambda>()"
    ]


def test_no_draw_no_warning():
    cases = [
        lambda x: x * 2.0,
        lambda x: RNG and x,
        lambda x: np.random.default_rng(0).normal() * x,
        lambda x: np.random and random and x,
        jit(lambda x: x),
    ]
    for f in cases:
        jit(f)(1.0)
        make_jaxpr(f)(1.0)


def test_draws_between_calls_are_no_draws_of_the_function():
    f = jit(lambda x: RNG and x + 1.0)
    for n in range(1, 4):
        RNG.normal()
        np.random.normal()
        np.testing.assert_array_equal(f(np.zeros(n)), np.ones(n))


def test_the_search_for_generators_ends():
    endless = {}
    endless["self"] = [endless, endless]
    many = [[k] for k in range(1000)]
    cell: list = []
    cell.append(lambda x: cell and x)
    del_later = types.SimpleNamespace(endless=endless, many=many, cell=cell)
    assert jit(lambda x: del_later and x * 2.0)(1.0) == 2.0

    def unset():
        return later

    assert jit(lambda x: unset and x * 2.0)(1.0) == 2.0
    later = 1


def counted(f, *calls):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for args, kwargs in calls:
            f(*args, **kwargs)
    return [str(w.message) for w in caught]


class TestRetraces:
    def test_shapes_warn_once_and_name_the_argument(self):
        f = jit(lambda x, y: np.sum(x) * y)
        messages = counted(f, *[((np.zeros(n), 2.0), {}) for n in range(80)])
        assert [m.partition(". ")[0] for m in messages] == [
            "jit: jit(TestRetraces.test_shapes_warn_once_and_name_the_argument.<locals>.<lambda>) "
            "was traced 32 times for other shapes of argument 0: "
            "float64[29], float64[30], float64[31], .."
        ]

    @pytest.mark.parametrize(
        ("call", "named"),
        [
            (lambda n: (({"w": np.zeros(n), "b": 1.0},), {}), "argument 0['w']: float64[29],"),
            (lambda n: ((np.zeros(2),), {"q": np.zeros((n, 2))}), "argument 'q': float64[29,2],"),
            (lambda n: ((np.zeros(n), np.ones(n)), {}), "argument 0, argument 1: float64[29],"),
            # It changes more often than the other.
            (lambda n: ((np.zeros(n // 8), np.ones(n)), {}), "argument 1: float64[29],"),
        ],
    )
    def test_which_argument(self, call, named):
        f = jit(lambda *args, **kwargs: 1.0)
        (message,) = counted(f, *map(call, range(32)))
        assert f"other shapes of {named}" in message

    def test_fewer_do_not_warn_and_clearing_begins_anew(self):
        f = jit(lambda x: x)
        calls = [((np.zeros(n),), {}) for n in range(31)]
        assert counted(f, *calls, *calls) == []
        f.clear_cache()
        assert counted(f, *calls) == []
        assert len(counted(f, ((np.zeros(40),), {}))) == 1

    def test_where_shapes_are_not_the_cause(self):
        f = jit(lambda x, n: x, static_argnums=1)
        assert counted(f, *[((1.0, n), {}) for n in range(100)]) == []
        calls = [((np.zeros(k), n), {}) for n in range(5) for k in range(20)]
        assert counted(f, *calls) == []

    def test_functions_of_one_text(self):
        f = jit(lambda g, x: g(x))
        calls = [((lambda x: x, 2.0), {}) for _ in range(30)]
        (message,) = counted(f, *calls)
        assert "was traced 9 times for functions of the same text as argument 0." in message
        declared = jit(lambda x, g: g(x), static_argnames="g")
        (message,) = counted(declared, *[((2.0,), {"g": lambda x: x}) for _ in range(30)])
        assert "functions of the same text as argument 'g'." in message

    def test_programs_that_were_dropped_are_no_functions_of_one_text(self, monkeypatch):
        # 0.1.0 counted by ids of structures that were gone, and calls of the same signature.
        monkeypatch.setattr(jit_module, "_PROGRAMS_MOST", 4)
        f = jit(lambda tree, x: x)
        calls = [(({f"k{n % 6}": "static"}, 2.0), {}) for n in range(120)]
        assert counted(f, *calls) == []
        f = jit(lambda tree, x: x)
        for n in range(60):
            assert counted(f, (({f"k{n}": "static", "g": function}, 2.0), {})) == []
            gc.collect()

    def test_nothing_grows_with_the_number_of_traces(self):
        f = jit(lambda x: x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for n in range(600):
                f(np.zeros(n))
        held = [len(x) for x in vars(f).values() if hasattr(x, "__len__")]
        assert max(held) <= 256

    def test_a_compiled_program_says_what_differs(self):
        f = jit(lambda x, n, how=None: x * n, static_argnames="n")
        compiled = f.lower(2.0, n=3).compile()
        for call, text in [
            (lambda: compiled(np.ones(2), n=3), "argument 0 is float64[2] and was float64[]"),
            (lambda: compiled(2.0, n=4), "argument 'n' is 4 and was 3"),
            (lambda: compiled([2.0], n=3), "the structure of the arguments is (([*],), {}) and "),
        ]:
            with pytest.raises(ArgumentError) as error:
                call()
            assert text in error.value.what


def test_another_thread_may_warn_falsely():
    # As documented: it cannot be told apart.
    go, done = threading.Event(), threading.Event()

    def draw():
        go.wait()
        np.random.normal()
        done.set()

    thread = threading.Thread(target=draw)
    thread.start()

    def f(x):
        go.set()
        done.wait()
        return x

    with pytest.warns(UserWarning, match=r"drew from numpy\.random"):
        jit(f)(1.0)
    thread.join()
