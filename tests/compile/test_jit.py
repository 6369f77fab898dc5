"""jit: what is cached and when, what is static, who owns results, how errors read."""

import copy
import functools
import inspect
import pickle
import threading
import traceback
import warnings
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import pytest

import funcgrad
from funcgrad import grad, jit, jvp, linearize, make_jaxpr, tree, value_and_grad, vmap
from funcgrad.compile import jit as jit_module
from funcgrad.compile import stages
from funcgrad.compile.passes.pipeline import optimise
from funcgrad.errors import (
    ArgumentError,
    ConcretizationError,
    DtypeError,
    LeakedTracerError,
    OutOfBoundsError,
)

Pair = namedtuple("Pair", ["first", "second"])


class Colour(Enum):
    RED = 1
    BLUE = 2


@dataclass
class Params:
    w: np.ndarray
    b: float
    name: str = field(default="layer", metadata={"static": True})


class Counted:
    """A function and how often it was traced."""

    def __init__(self, f):
        functools.update_wrapper(self, f)
        self.f, self.traces = f, 0

    def __call__(self, *args, **kwargs):
        self.traces += 1
        return self.f(*args, **kwargs)


@jit
def decorated(x):
    """Twice x."""
    return 2.0 * x


@jit(static_argnames="n")
def powered(x, n):
    return x**n


def plain(x):
    return 3.0 * x


wrapped_elsewhere = jit(plain)


class TestResults:
    @pytest.mark.parametrize(
        "x",
        [
            2.0,
            2,
            1 + 2j,
            np.float64(2.0),
            np.float32(2.0),
            np.int8(2),
            np.array(2.0),
            np.array([1.0, 2.0]),
            np.array([1.0, 2.0], np.float32),
            np.array([1, 2], np.uint8),
            np.array([True, False]),
            np.zeros((0, 3)),
            np.arange(6.0).reshape(2, 3).T,
            np.arange(6.0)[::-2],
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("call", range(2), ids=["first call", "second call"])
    def test_value_shape_dtype_and_type(self, x, call):
        f = lambda x: {"sum": x + x, "same": x, "product": [x * x]}  # noqa: E731
        compiled = jit(f)
        for _ in range(call + 1):
            result = compiled(x)
        expected = tree.map(np.asarray, f(x))
        for a, e in zip(tree.leaves(result), tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(a, e, strict=True)
            assert isinstance(a, np.ndarray if e.ndim else np.generic)

    def test_python_numbers_mix_as_numpy_mixes_them(self):
        f = lambda x, y: (x * y, x + 1, y * 2)  # noqa: E731
        x = np.float32(1.5)
        for y in (2, 2.5, np.float64(2.5), True):
            for a, e in zip(jit(f)(x, y), f(x, y), strict=True):
                assert a == e
                assert a.dtype == np.asarray(e).dtype

    def test_constants_and_other_leaves_come_back(self):
        f = jit(lambda x: ("name", None, 1.5, True, x, Colour.RED, np.arange(3)))
        for _ in range(2):
            name, nothing, number, truth, x, colour, array = f(2.0)
            assert (name, nothing, colour) == ("name", None, Colour.RED)
            assert type(number) is np.float64
            assert type(truth) is np.bool_
            assert x == 2.0
            np.testing.assert_array_equal(array, np.arange(3))

    def test_structures_of_results(self):
        @dataclass
        class Local:
            x: float
            y: float

        def f(x):
            return {
                "z": (x, [x]),
                "a": Pair(x, Local(x, 2 * x)),
                "o": OrderedDict(b=x, a=x),
                1: (),
            }

        for _ in range(2):
            result = jit(f)(2.0)
            assert tree.structure(result) is tree.structure(f(2.0))
            assert result["a"].second.y == 4.0

    def test_order_of_keys_is_that_of_the_call(self):
        f = jit(lambda d: list(d))
        for keys in (["a", "b"], ["b", "a"], ["a", "b"]):
            assert f(dict.fromkeys(keys, 1.0)) == keys

    @pytest.mark.parametrize("backend", ["run", "numpy"])
    def test_backends_agree(self, backend):
        f = value_and_grad(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0) * np.exp(x)))
        x = np.array([0.0, 1.0, 2.0])
        with np.errstate(divide="ignore"):
            value, slope = jit(f, backend=backend)(x)
            np.testing.assert_allclose(value, f(x)[0], rtol=1e-14)
            np.testing.assert_allclose(slope, f(x)[1], rtol=1e-14)


class TestForms:
    def test_decorators(self):
        assert decorated(2.0) == 4.0
        assert powered(3.0, 2) == powered(3.0, n=2) == 9.0
        assert jit(plain)(2.0) == 6.0
        assert jit(donate_argnames="x")(plain)(2.0) == 6.0
        assert jit(plain, donate_argnums=0, inline=True)(2.0) == 6.0

    def test_metadata(self):
        assert decorated.__name__ == "decorated"
        assert decorated.__doc__ == "Twice x."
        assert decorated.__wrapped__(3) == 6
        assert str(inspect.signature(powered)) == "(x, n)"
        assert repr(decorated) == "jit(decorated)"
        assert isinstance(decorated, jit_module.Jitted)

    def test_pickled_by_reference_where_the_module_knows_it(self):
        assert pickle.loads(pickle.dumps(decorated)) is decorated
        again = pickle.loads(pickle.dumps(wrapped_elsewhere))
        assert again is not wrapped_elsewhere
        assert again(2.0) == 6.0
        again = pickle.loads(pickle.dumps(jit(plain, static_argnames="x")))
        assert again("ab"[0:0] or 2) == 6.0
        assert again.cache_info().misses == 1
        assert copy.deepcopy(decorated) is decorated

    def test_local_functions_do_not_pickle(self):
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pickle.dumps(jit(lambda x: x))

    def test_needs_a_function(self):
        with pytest.raises(ArgumentError) as error:
            jit(3.0)
        assert error.value.what == "jit: expected a function, got float"

    def test_unknown_backend(self):
        with pytest.raises(ArgumentError, match="there is no backend 'fortran'"):
            jit(plain, backend="fortran")

    def test_lower_compile_source(self):
        lowered = decorated.lower(np.ones(3))
        assert "mul 2.0 a" in str(lowered.jaxpr) == lowered.as_text() == repr(lowered)
        compiled = lowered.compile()
        np.testing.assert_array_equal(compiled(np.ones(3)), [2.0, 2.0, 2.0])
        assert "2.0 * x" in compiled.source() == decorated.source(np.ones(3))
        with pytest.raises(ArgumentError, match=r"compiled for \(f64\[3\]\) and called with"):
            compiled(np.ones(4))

    def test_lowering_for_the_interpreter_shows_the_program(self):
        assert "mul 2.0 a" in jit(lambda x: 2.0 * x, backend="run").source(1.0)


class TestCache:
    def test_traces_once_a_signature(self):
        f = Counted(lambda x, y: x + y)
        compiled = jit(f)
        calls = [
            (1.0, 2.0),
            (np.float64(1.0), 2.0),
            (np.float32(1.0), 2.0),
            (1, 2.0),
            (np.ones(3), 2.0),
            (np.ones(4), 2.0),
            (np.ones(3), np.ones((2, 1))),
            (np.ones(3, np.float32), 2.0),
        ]
        for _ in range(3):
            for args in calls:
                np.testing.assert_array_equal(compiled(*args), f.f(*args))
        assert f.traces == len(calls)
        assert compiled.cache_info() == (len(calls), 256, len(calls))
        compiled.clear_cache()
        assert compiled.cache_info() == (0, 256, 0)
        compiled(1.0, 2.0)
        assert f.traces == len(calls) + 1

    def test_zero_dimensional_arrays_and_numpy_scalars_are_one_type(self):
        f = Counted(lambda x: x * 2)
        compiled = jit(f)
        for x in (np.float32(1.5), np.array(1.5, np.float32), np.array(1.5, ">f4")):
            result = compiled(x)
            assert type(result) is np.float32
            assert result == 3.0
        assert f.traces == 1

    def test_structures(self):
        f = Counted(lambda p: sum(tree.leaves(p)))
        compiled = jit(f)
        trees = [
            {"a": 1.0, "b": 2.0},
            {"b": 1.0, "a": 2.0},
            {"a": 1.0, "c": 2.0},
            {"a": 1.0, "b": {"c": 2.0}},
            [1.0, 2.0],
            (1.0, 2.0),
            (1.0, 2.0, None),
            Pair(1.0, 2.0),
            Params(1.0, 2.0),
            Params(1.0, 2.0, name="other"),
            OrderedDict(a=1.0, b=2.0),
            defaultdict(float, a=1.0, b=2.0),
            defaultdict(int, a=1.0, b=2.0),
            {1: 1.0, 2: 2.0},
            {True: 1.0, 2: 2.0},
        ]
        for _ in range(3):
            for p in trees:
                assert compiled(p) == 3.0
        assert f.traces == len(trees)

    def test_a_dataclass_with_a_field_that_is_not_set(self):
        compiled = jit(lambda p: p.w * 2.0)
        complete, partial = Params(1.0, 2.0), Params(1.0, 2.0)
        del partial.b
        for _ in range(2):
            assert compiled(complete) == compiled(partial) == 2.0
        assert compiled.cache_info().misses == 2

    def test_registered_containers(self):
        class Box:
            def __init__(self, x):
                self.x = x

        tree.register(Box, lambda b: ((b.x,), None), lambda _, children: Box(*children))
        f = Counted(lambda b: Box(b.x * 2))
        compiled = jit(f)
        for _ in range(3):
            assert compiled(Box(2.0)).x == 4.0
        assert f.traces == 1

    def test_the_number_of_programs_is_bounded(self, monkeypatch):
        monkeypatch.setattr(jit_module, "_PROGRAMS_MOST", 3)
        f = Counted(lambda x: x + 1.0)
        compiled = jit(f)
        for n in range(1, 8):
            compiled(np.zeros(n))
        assert compiled.cache_info().currsize == 3
        assert f.traces == 7
        for n in range(1, 8):
            np.testing.assert_array_equal(compiled(np.zeros(n)), np.ones(n))

    def test_captured_arrays_are_as_they_were_when_traced(self):
        table = np.array([1.0, 2.0])
        scale = [3.0]
        f = jit(lambda x: x * table * scale[0])
        np.testing.assert_array_equal(f(1.0), [3.0, 6.0])
        table[:] = 0.0
        scale[0] = 0.0
        np.testing.assert_array_equal(f(1.0), [3.0, 6.0])
        np.testing.assert_array_equal(f(np.float64(1.0)), [0.0, 0.0])

    def test_threads(self):
        f = jit(lambda x: np.sum(np.sin(x) * x))
        failures = []

        def work(seed):
            rng = np.random.default_rng(seed)
            for n in [*range(1, 30)] * 3:
                x = rng.standard_normal(n)
                if not np.isclose(f(x), np.sum(np.sin(x) * x), rtol=1e-12):
                    failures.append(n)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert failures == []


class TestStatic:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (["add", "mul"], [5.0, 6.0]),
            ([True, False], [5.0, 6.0]),
            ([None, "x"], [5.0, 6.0]),
            ([Colour.RED, Colour.BLUE], [5.0, 6.0]),
            ([np.dtype("f4"), np.dtype("f8")], [5.0, 6.0]),
            ([np.float32, np.float64], [5.0, 6.0]),
            ([np.add, np.multiply], [5.0, 6.0]),
            ([len, max], [5.0, 6.0]),
            ([frozenset({1}), frozenset({2})], [5.0, 6.0]),
        ],
        ids=repr,
    )
    def test_by_themselves(self, values, expected):
        def f(x, y, how):
            return x + y if how == values[0] else x * y

        counted = Counted(f)
        compiled = jit(counted)
        for _ in range(3):
            assert [compiled(2.0, 3.0, how) for how in values] == expected
            assert [compiled(2.0, 3.0, how=how) for how in values] == expected
        assert counted.traces == 4

    def test_declared(self):
        def f(x, n, *, shape=(1,)):
            for _ in range(n):
                x = x * 2.0
            return x * np.ones(shape)

        counted = Counted(f)
        compiled = jit(counted, static_argnums=1, static_argnames="shape")
        for _ in range(2):
            assert compiled(1.0, 3, shape=(2, 2)).tolist() == [[8.0, 8.0], [8.0, 8.0]]
            assert compiled(1.0, n=3, shape=(2, 2)).shape == (2, 2)
            assert compiled(shape=(2, 2), x=1.0, n=3).shape == (2, 2)
            assert compiled(1.0, 2).tolist() == [4.0]
        assert counted.traces == 4

    def test_negative_numbers_count_from_the_end(self):
        compiled = jit(lambda x, y, n: x * y**n, static_argnums=-1)
        assert compiled(2.0, 3.0, 2) == 18.0
        assert compiled.lower(2.0, 3.0, 2).jaxpr.in_avals == [
            *make_jaxpr(lambda x, y: x * y)(2.0, 3.0).in_avals
        ]

    def test_true_one_and_one_point_zero_differ(self):
        @jit(static_argnums=1)
        def f(x, n):
            return {bool: x + 1, int: x + 2, float: x + 3}[type(n)]

        assert [f(0.0, n) for n in (1, True, 1.0, 1, True)] == [2, 1, 3, 2, 1]

    def test_signs_of_zero_and_nan_among_static_values(self):
        f = Counted(lambda x, c: np.copysign(x, c))
        compiled = jit(f, static_argnames="c")
        assert [compiled(1.0, c) for c in (0.0, -0.0, 0.0)] == [1.0, -1.0, 1.0]
        compiled(1.0, float("nan"))
        compiled(1.0, float("nan"))
        assert f.traces == 3

    def test_defaults_are_values(self):
        def f(x, n=3):
            assert type(n) is int or x is None
            return x * n

        assert jit(f)(2.0) == 6.0

    def test_unhashable(self):
        with pytest.raises(ArgumentError) as error:
            jit(lambda x, n: x, static_argnames="n")(1.0, n=[1])
        assert str(error.value) == (
            "jit: the static argument 'n' is a list, which is not hashable.\n"
            "Pass a hashable value, such as a tuple for a list, or let it be traced.\n"
            f"At test_jit.py:{inspect.currentframe().f_lineno - 4} in test_unhashable. "
            "See help(funcgrad.errors.ArgumentError)"
        )

    def test_leaves_that_are_nothing(self):
        class Loose:
            __hash__ = None

        with pytest.raises(ArgumentError, match="neither an array, nor a pytree, nor hashable"):
            jit(lambda p: 1.0)({"a": [Loose()]})

        class Foreign:
            def __array__(self, dtype=None, copy=None):
                return np.ones(3)

        with pytest.raises(ArgumentError, match=r"Convert it with numpy.asarray"):
            jit(lambda p: 1.0)(Foreign())

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"static_argnums": 5}, "has 2 positional parameters"),
            ({"static_argnums": "x"}, "static_argnums must be ints"),
            ({"static_argnames": ["z"]}, "has no such parameter"),
            ({"static_argnames": [0]}, "static_argnames must be strs"),
        ],
    )
    def test_options_that_do_not_fit(self, options, text):
        with pytest.raises(ArgumentError, match=text):
            jit(lambda x, y: x, **options)

    def test_traced_value_for_a_static_argument(self):
        f = jit(lambda x, n: x * n, static_argnames="n")
        with pytest.raises(ArgumentError, match="the static argument 1 is a traced value"):
            grad(lambda n: f(1.0, n))(2.0)

    def test_fresh_lambdas_warn_once(self):
        compiled = jit(lambda f, x: f(x))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(12):
                compiled(lambda x: x + 1.0, 2.0)
            here = inspect.currentframe().f_lineno - 1
        assert [w.lineno for w in caught] == [here]
        assert "was traced 9 times" in str(caught[0].message)

    def test_different_functions_do_not_warn(self):
        compiled = jit(lambda f, x: f(x))
        functions = [np.sin, np.cos, np.exp, np.tanh, np.log, np.sqrt, np.abs, np.square, np.cosh]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for f in [*functions, np.sinh, np.log1p]:
                compiled(f, 2.0)


class TestMethods:
    def test_of_an_ordinary_class(self):
        class Model:
            def __init__(self, scale):
                self.scale = scale

            @jit
            def __call__(self, x):
                return self.scale * x

            @jit(static_argnums=0)
            def twice(self, x):
                """Twice."""
                return 2 * self.scale * x

        two, three = Model(2.0), Model(3.0)
        for model in (two, three):
            with pytest.raises(ArgumentError, match=r"a Model, whose attributes \(scale\) may"):
                model(5.0)
        for _ in range(2):
            assert two.twice(5.0) == Model.twice(two, 5.0) == 20.0
            assert three.twice(5.0) == 30.0
        assert Model.twice.cache_info().misses == 2
        assert two.twice.__doc__ == "Twice."
        assert "mul" in str(two.twice.lower(1.0))
        assert "return" in two.twice.source(1.0)
        assert grad(two.twice)(1.0) == 4.0

    def test_of_a_dataclass_the_instance_is_traced(self):
        @dataclass
        class Model:
            scale: float

            @jit
            def __call__(self, x):
                return self.scale * x

        model = Model(2.0)
        assert model(5.0) == 10.0
        model.scale = 3.0
        assert model(5.0) == 15.0
        assert Model.__call__.cache_info().misses == 1
        assert grad(lambda m: m(5.0))(model).scale == 5.0

    def test_static_and_class_methods(self):
        class Model:
            @staticmethod
            @jit
            def double(x):
                return 2.0 * x

            @classmethod
            def make(cls, x):
                return jit(cls.double)(x)

        assert Model.double(2.0) == Model().double(2.0) == Model.make(2.0) == 4.0


class TestNesting:
    def f(self, x):
        return np.sin(x) * x**2

    def df(self, x):
        return np.cos(x) * x**2 + 2 * x * np.sin(x)

    def ddf(self, x):
        return -np.sin(x) * x**2 + 4 * x * np.cos(x) + 2 * np.sin(x)

    @pytest.mark.parametrize("x", [0.7, np.float64(0.7)])
    def test_derivatives_of_jitted_functions(self, x):
        f = jit(self.f)
        for g in (grad(f), jit(grad(f)), jit(grad(jit(jit(f)))), lambda x: jvp(f, (x,), (1.0,))[1]):
            assert g(x) == pytest.approx(self.df(x), rel=1e-14)
        for g in (grad(grad(f)), jit(grad(jit(grad(f)))), grad(lambda x: jvp(f, (x,), (1.0,))[1])):
            assert g(x) == pytest.approx(self.ddf(x), rel=1e-14)
        assert linearize(f, x)[1](2.0) == pytest.approx(2 * self.df(x), rel=1e-14)

    def test_batches_of_jitted_functions(self):
        x = np.linspace(0.1, 2.0, 5)
        for g in (vmap(jit(self.f)), jit(vmap(jit(self.f)))):
            np.testing.assert_allclose(g(x), self.f(x), rtol=1e-14)
        np.testing.assert_allclose(vmap(grad(jit(self.f)))(x), self.df(x), rtol=1e-14)
        np.testing.assert_allclose(grad(lambda x: np.sum(vmap(jit(self.f))(x)))(x), self.df(x))
        two = jit(lambda x, w: (w * x, w))
        np.testing.assert_array_equal(vmap(two, in_axes=(0, None))(x, 3.0)[0], 3.0 * x)
        np.testing.assert_array_equal(vmap(two, in_axes=(0, None))(x, 3.0)[1], np.full(5, 3.0))

    def test_a_jitted_function_is_traced_once_for_all_transforms_of_one_type(self):
        f = Counted(self.f)
        compiled = jit(f)
        for x in (1.0, 2.0, 3.0):
            grad(compiled)(x)
            compiled(x)
        assert f.traces == 1

    def test_the_forward_pass_runs_once(self):
        # The forward program holds the sine and the cosine, the backward program reads the latter.
        jaxpr = make_jaxpr(grad(jit(lambda x: np.sin(x))))(1.0)
        forward, backward = [
            [str(eqn.primitive) for eqn in optimise(p)[0].equations]
            for eqn in jaxpr.equations
            for _, p in eqn.primitive.bodies()
        ]
        assert forward == ["sin", "cos"]
        assert backward == ["mul"]

    def test_integer_results_and_unused_arguments(self):
        f = jit(lambda x, n, unused: (x * n, n + 1, np.argmax(x)))
        x = np.array([1.0, 3.0, 2.0])
        g = lambda x, n: np.sum(f(x, n, {"a": x})[0] * f(x, n, 1.0)[1])  # noqa: E731
        np.testing.assert_array_equal(grad(g)(x, 2), [6.0, 6.0, 6.0])

    def test_cotangents_that_enter_masked_stay_masked(self):
        # At 0 the cotangent is exactly 0 and a partial inside infinite.
        inner = jit(lambda x: np.exp(1.0 / x))
        outer = lambda x: np.where(x > 0, inner(x), 0.0)  # noqa: E731
        with np.errstate(all="ignore"):
            assert grad(outer)(0.0) == 0.0
            assert jit(grad(outer))(0.0) == 0.0
            assert grad(outer)(1.0) == pytest.approx(-np.e)

    def test_closing_over_an_outer_tracer(self):
        traces = []

        def outer(x):
            @jit
            def inner(y):
                traces.append(y)
                return x * y

            return inner(2.0) + inner(3.0)

        assert grad(outer)(7.0) == 5.0
        assert len(traces) == 1
        assert jit(outer)(7.0) == 35.0
        assert len(traces) == 2
        np.testing.assert_array_equal(vmap(outer)(np.array([1.0, 2.0])), [5.0, 10.0])

    def test_programs_of_outer_tracers_are_not_kept(self):
        held = {}

        @jit
        def inner(y):
            return held["x"] * y

        def outer(x):
            held["x"] = x
            return inner(2.0)

        assert grad(outer)(7.0) == 2.0
        assert grad(outer)(8.0) == 2.0
        assert jit(outer)(8.0) == 16.0
        held["x"] = 5.0
        assert inner(2.0) == 10.0

    def test_inline(self):
        f = jit(lambda x: np.sin(x) * 2.0, inline=True)
        assert "sin" in [str(eqn.primitive) for eqn in make_jaxpr(f)(1.0).equations]
        assert grad(f)(0.0) == 2.0
        assert str(make_jaxpr(jit(plain))(1.0).equations[0].primitive) == "call plain"


class TestOwnership:
    def test_results_share_nothing(self):
        table = np.arange(3.0)

        def f(x, y):
            return {
                "x": x,
                "again": x,
                "view": x.T,
                "row": x[0],
                "flat": np.reshape(x, (-1,)),
                "table": table,
                "table again": table,
                "one": y * 1.0,
                "made": (z := x + 1.0),
                "made again": z,
                "of made": z.T,
                "broadcast": np.broadcast_to(y, (3, 2)),
                "ones": np.ones((2, 2)),
            }

        x, y = np.arange(4.0).reshape(2, 2), np.arange(2.0)
        before = x.copy(), y.copy()
        compiled = jit(f)
        for _ in range(2):
            result = compiled(x, y)
            arrays = [*tree.leaves(result), x, y, table]
            for i, a in enumerate(arrays[:-3]):
                assert a.flags.owndata
                assert a.flags.writeable
                for b in arrays[:i] + arrays[i + 1 :]:
                    assert not np.shares_memory(a, b)
            for a, e in zip(tree.leaves(result), tree.leaves(f(x, y)), strict=True):
                np.testing.assert_array_equal(a, e)
            for a in tree.leaves(result):
                a[...] = -1.0
        np.testing.assert_array_equal(x, before[0])
        np.testing.assert_array_equal(y, before[1])

    def test_constants_are_safe_inside_transforms_too(self):
        f = jit(lambda x: (x * 2.0, np.arange(3.0)))
        for _ in range(2):
            _, table = value_and_grad(f, has_aux=True)(1.0)[0]
            np.testing.assert_array_equal(table, np.arange(3.0))
            table[:] = 7.0

    def test_arguments_are_never_written_to(self):
        f = jit(grad(lambda p: sum(np.sum(np.tanh(a * 2.0 + 1.0) ** 2) for a in p)))
        arrays = [np.random.default_rng(n).standard_normal((n, 100)) for n in (1, 60, 400)]
        for a in arrays:
            a.flags.writeable = False
        for _ in range(2):
            f(arrays)

    def test_donated_arguments_may_be_used_up(self):
        f = jit(lambda state, x: state + x, donate_argnames="state")
        np.testing.assert_array_equal(f(np.ones(3), 1.0), [2.0, 2.0, 2.0])


class TestInputs:
    @pytest.mark.parametrize(
        "make",
        [
            lambda x: x[::-1],
            lambda x: np.asfortranarray(np.stack([x, x]))[1],
            lambda x: x.astype(">f8"),
            lambda x: np.lib.stride_tricks.as_strided(x, (2, 2), (8, 8)),
            lambda x: np.broadcast_to(x, (2, 3)),
        ],
    )
    def test_layouts(self, make):
        x = make(np.array([1.0, 2.0, 3.0]))
        x = x.view()
        if x.flags.owndata or x.base is not None:
            x.flags.writeable = False
        f = lambda x: (np.sum(x * x), np.exp(x), x + 1.0)  # noqa: E731
        for a, e in zip(jit(f)(x), f(x), strict=True):
            np.testing.assert_array_equal(a, e)
            assert a.dtype.isnative

    def test_memory_maps(self, tmp_path):
        x = np.memmap(tmp_path / "x", np.float64, "w+", shape=(3,))
        x[:] = [1.0, 2.0, 3.0]
        assert type(jit(lambda x: x * 2.0)(x)) is np.ndarray

    def test_subclasses_with_an_arithmetic_of_their_own(self):
        with pytest.raises(DtypeError, match="a subclass of numpy"):
            jit(lambda x: x)(np.ma.masked_array([1.0, 2.0], [True, False]))

    def test_large_integers(self):
        assert jit(lambda n: n * n)(2**31) == 2**62
        with pytest.raises(OverflowError):
            jit(lambda n: n * n)(2**40)


def index_out_of_range(x, i):
    y = x * 2.0
    return y[i]


class TestErrors:
    def test_out_of_range_index(self):
        f = jit(index_out_of_range)
        assert f(np.arange(3.0), np.int64(-1)) == 4.0
        for _ in range(2):
            with pytest.raises(OutOfBoundsError) as error:
                f(np.arange(3.0), np.int64(3))
            line = index_out_of_range.__code__.co_firstlineno + 2
            assert error.value.where == f"test_jit.py:{line} in index_out_of_range"

    def test_exceptions_of_numpy_name_the_line_and_show_the_source(self):
        def f(x):
            return np.linalg.cholesky(x)

        with pytest.raises(np.linalg.LinAlgError) as error:
            jit(f)(-np.eye(2))
        line = f.__code__.co_firstlineno + 1
        assert error.value.__notes__ == [f"In the compiled f, for test_jit.py:{line} in f."]
        text = "".join(traceback.format_exception(error.value))
        assert "cholesky" in text.partition("compiled by funcgrad")[2]
        assert "funcgrad/compile" not in text

    def test_exceptions_of_the_function_itself(self):
        def f(x):
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            jit(f)(1.0)

    def test_values_that_are_not_there(self):
        with pytest.raises(ConcretizationError):
            jit(lambda x: 1.0 if x > 0 else 2.0)(1.0)

    def test_leaks(self):
        leaked = []
        jit(leaked.append)(1.0)
        with pytest.raises(LeakedTracerError):
            leaked[0] + 1.0

    def test_a_failed_trace_leaves_nothing_behind(self):
        state = {"fail": True}

        @jit
        def f(x):
            if state["fail"]:
                raise ValueError("not yet")
            return x * 2.0

        for _ in range(2):
            with pytest.raises(ValueError, match="not yet"):
                f(1.0)
        state["fail"] = False
        assert f(1.0) == 2.0

    def test_wrong_number_of_arguments(self):
        assert decorated(1.0) == 2.0
        with pytest.raises(TypeError, match="positional argument"):
            decorated(1.0, 2.0)
        with pytest.raises(TypeError, match="unexpected keyword"):
            decorated(y=2.0)


def test_public_name():
    assert funcgrad.jit is jit_module.jit


def test_a_long_program_is_compiled_when_it_is_called_again(monkeypatch):
    monkeypatch.setattr(stages, "_LONG", 10)

    def f(p):
        x = p["x"]
        for _ in range(20):
            x = np.sin(x) * 0.9
        return {"y": x, "name": "f"}

    g = jit(f)
    p = {"x": np.linspace(-1.0, 1.0, 7)}
    first = g(p)
    (traced,) = g._programs.values()
    assert traced._program is None
    second = g(p)
    assert traced._program is not None
    assert g.cache_info().misses == 1
    third = g(p)
    for found in (second, third):
        assert found["name"] == first["name"] == "f"
        np.testing.assert_array_equal(found["y"], first["y"], strict=True)
    with pytest.raises(OutOfBoundsError, match=r"test_jit\.py"):
        jit(lambda x, i: f({"x": x[i]})["y"])(np.arange(3.0), 5)


@pytest.mark.parametrize("look", ["source", "lower"])
def test_what_was_looked_at_before_the_first_call_gets_an_entry(look):
    f = jit(lambda x: np.sin(x))
    getattr(f, look)(1.0)
    assert f(1.0) == np.sin(1.0)
    assert "compiled by funcgrad" in type(f).__call__.__code__.co_filename
