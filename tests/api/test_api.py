"""The transforms as users call them: arguments, pytrees, results, nesting, purity."""

import dataclasses
import pickle
import threading
from typing import NamedTuple

import numpy as np
import pytest

import funcgrad
from funcgrad import (
    errors,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jit,
    jvp,
    linearize,
    make_jaxpr,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)


def product(x, y):
    return x * y + np.sin(x)


def keyword_only(x, *, w, b=0.0):
    return x * w + b


@grad
def decorated(x):
    return x * x


class TestArguments:
    def test_default_is_the_first(self):
        assert grad(product)(1.0, 2.0) == 2.0 + np.cos(1.0)

    def test_tuple_of_numbers(self):
        assert grad(product, (1, 0))(1.0, 2.0) == (1.0, 2.0 + np.cos(1.0))

    def test_negative_number(self):
        assert grad(product, -1)(3.0, 2.0) == 3.0

    def test_keyword_call(self):
        assert grad(product)(x=1.0, y=2.0) == 2.0 + np.cos(1.0)
        assert grad(product, 1)(1.0, y=2.0) == 1.0

    def test_by_name(self):
        assert grad(keyword_only, argnames="w")(3.0, w=2.0) == 3.0
        assert grad(keyword_only, argnames="x")(3.0, w=2.0) == 2.0
        assert grad(keyword_only, argnames=("w", "b"))(3.0, w=2.0, b=1.0) == {"w": 3.0, "b": 1.0}

    def test_numbers_and_names(self):
        assert grad(keyword_only, 0, argnames="w")(3.0, w=2.0) == (2.0, 3.0)

    def test_wrong_number(self):
        with pytest.raises(errors.ArgumentError, match="argnums has 2, and product"):
            grad(product, 2)(1.0, 2.0)

    def test_chosen_twice(self):
        with pytest.raises(errors.ArgumentError, match="chosen twice"):
            grad(product, (0, 0))(1.0, 2.0)

    def test_wrong_name(self):
        with pytest.raises(errors.ArgumentError, match="without the argument 'z'"):
            grad(product, argnames="z")(1.0, 2.0)

    def test_not_a_function(self):
        with pytest.raises(errors.ArgumentError, match="expected a function, got float"):
            grad(2.0)

    def test_method(self):
        class Model:
            def __init__(self, w):
                self.w = w

            @grad
            def no_self(self):
                return self

            def loss(self, x):
                return self.w * x * x

        assert grad(Model(2.0).loss)(3.0) == 12.0


@dataclasses.dataclass
class Layer:
    w: np.ndarray
    b: float
    name: str = "layer"


class Pair(NamedTuple):
    a: float
    b: list


class TestPytrees:
    def test_dict(self):
        g = grad(lambda p: np.sum(p["w"] * 2.0) * p["b"])({"w": np.ones(2), "b": 3.0})
        np.testing.assert_array_equal(g["w"], [6.0, 6.0])
        assert g["b"] == 4.0 and type(g["b"]) is np.float64

    def test_dataclass_without_registration(self):
        layer = Layer(np.array([1.0, 2.0]), 0.5)
        g = grad(lambda m, x: np.sum(m.w * x) + m.b)(layer, np.array([3.0, 4.0]))
        assert isinstance(g, Layer)
        np.testing.assert_array_equal(g.w, [3.0, 4.0])
        assert g.b == 1.0 and g.name is None

    def test_named_tuple_and_other_leaves(self):
        g = grad(lambda p: p.a * p.b[0] * p.b[2])(Pair(2.0, [3.0, "relu", 4, np.arange(2)]))
        assert g == Pair(12.0, [8.0, None, None, None])

    def test_no_float_leaf(self):
        with pytest.raises(errors.DtypeError, match="has no float leaf"):
            grad(lambda p: p["n"] * 1.0)({"n": 1, "s": "x"})

    def test_string(self):
        with pytest.raises(errors.DtypeError, match="is a str"):
            grad(lambda s: 1.0)("w")

    def test_float32_stays(self):
        g = grad(lambda p: np.sum(p["w"] * p["b"]))({"w": np.ones(2, np.float32), "b": 2.0})
        assert g["w"].dtype == np.float32 and g["b"].dtype == np.float64

    def test_complex(self):
        assert grad(lambda z: np.abs(z) ** 2)(3.0 + 4.0j) == pytest.approx(6 - 8j)
        assert grad(lambda z: z * z, holomorphic=True)(1.0 + 2.0j) == 2 + 4j


class TestResults:
    def test_unused_argument(self):
        g = grad(lambda x, y: y * 2.0)(np.ones(2), 1.0)
        np.testing.assert_array_equal(g, [0.0, 0.0])

    def test_aux(self):
        (value, aux), g = value_and_grad(lambda x: (x * x, {"twice": 2 * x}), has_aux=True)(3.0)
        assert (value, aux["twice"], g) == (9.0, 6.0, 6.0)
        g, aux = grad(lambda x: (x * x, x > 0), has_aux=True)(3.0)
        assert g == 6.0 and aux

    def test_aux_is_no_pair(self):
        with pytest.raises(errors.ArgumentError, match="must be a pair"):
            grad(lambda x: x, has_aux=True)(1.0)

    def test_results_are_owned(self):
        x, y = np.ones(3), np.full(3, 2.0)
        value, pullback = vjp(lambda x, y: (x + y, x, y), x, y)
        gx, gy = pullback((x, x, x))
        arrays = [x, y, *value, gx, gy]
        for i, a in enumerate(arrays):
            assert a.flags.writeable
            for b in arrays[:i]:
                assert not np.may_share_memory(a, b)

    def test_results_can_be_overwritten_between_pullbacks(self):
        out, pullback = vjp(np.exp, np.zeros(2))
        out[:] = 7.0
        np.testing.assert_array_equal(pullback(np.ones(2))[0], [1.0, 1.0])

    def test_arguments_are_kept_as_they_were(self):
        x = np.ones(2)
        _, pullback = vjp(lambda x: x * x, x)
        x[:] = 5.0
        np.testing.assert_array_equal(pullback(np.ones(2))[0], [2.0, 2.0])

    def test_non_scalar(self):
        with pytest.raises(errors.ShapeError, match=r"must be a scalar, got float64\[2\]"):
            grad(lambda x: x * 2.0)(np.ones(2))

    def test_integer_output(self):
        with pytest.raises(errors.DtypeError, match="must be a float, got a bool"):
            grad(lambda x: x > 0)(1.0)

    def test_integer_argument(self):
        with pytest.raises(errors.DtypeError, match=r"Write 3\.0, or float"):
            grad(lambda x: x * x)(3)

    def test_pickle(self):
        assert pickle.loads(pickle.dumps(decorated)) is decorated
        again = pickle.loads(pickle.dumps(grad(keyword_only, argnames="w")))
        assert again(3.0, w=1.0) == 3.0

    def test_looks_like_the_function(self):
        assert grad(product).__name__ == "product"


class TestPython:
    def test_branches_and_loops_on_values(self):
        def f(x):
            while x < 10.0:
                x = x * 2.0 if x > 1.0 else x + 1.0
            return x

        assert grad(f)(3.0) == 4.0

    def test_exceptions_pass(self):
        def f(x):
            if x > 0:
                raise KeyError("mine")
            return x

        with pytest.raises(KeyError, match="mine"):
            grad(f)(1.0)

    def test_print_shows_the_value(self):
        seen = []
        grad(lambda x: (seen.append(f"{x} {x:.2f} {x!r}"), x * x)[1])(1.5)
        assert seen == ["1.5 1.50 1.5"]

    def test_leak(self):
        kept = []
        grad(lambda x: (kept.append(x * 2.0), x)[1])(1.0)
        with pytest.raises(errors.LeakedTracerError, match=r"it was made at test_api\.py"):
            kept[0] + 1.0

    def test_reused_buffer(self):
        def f(x):
            buffer = np.zeros(2)
            total = 0.0
            for k in range(3):
                buffer[:] = k
                total = total + np.sum(x * buffer)
            return total

        np.testing.assert_array_equal(grad(f)(np.ones(2)), [3.0, 3.0])

    def test_large_buffer_overwritten_raises(self):
        big = np.ones(300_000)

        def f(x):
            y = x * big
            big[:] = 2.0
            return np.sum(y)

        with pytest.raises(errors.CapturedArrayError, match="was overwritten"):
            grad(f)(2.0)

    def test_threads(self):
        found = {}

        def work(k):
            found[k] = [grad(grad(lambda x: x**3 * k))(2.0) for _ in range(50)]

        threads = [threading.Thread(target=work, args=(float(k),)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert found == {float(k): [12.0 * k] * 50 for k in range(4)}


class TestJacobians:
    X = np.array([1.0, 2.0, 3.0])

    @pytest.mark.parametrize("jac", [jacfwd, jacrev, jacobian])
    def test_matrix(self, jac):
        a = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        np.testing.assert_allclose(jac(lambda x: np.sum(a * x * x, axis=1))(self.X), 2 * a * self.X)

    @pytest.mark.parametrize("jac", [jacfwd, jacrev])
    def test_pytrees(self, jac):
        j = jac(lambda p: {"s": np.sum(p["a"]) * p["b"], "v": p["a"] * 2.0})(
            {"a": self.X, "b": 2.0}
        )
        np.testing.assert_allclose(j["s"]["a"], [2.0, 2.0, 2.0])
        np.testing.assert_allclose(j["s"]["b"], 6.0)
        np.testing.assert_allclose(j["v"]["a"], 2 * np.eye(3))
        np.testing.assert_allclose(j["v"]["b"], np.zeros(3))

    def test_hessian(self):
        h = hessian(lambda x: np.sum(x**3) + x[0] * x[1])(self.X)
        expected = np.diag(6 * self.X)
        expected[0, 1] = expected[1, 0] = 1.0
        np.testing.assert_allclose(h, expected)

    def test_hvp(self):
        f = lambda x: np.sum(x**3) + x[0] * x[1]  # noqa: E731
        v = np.array([1.0, -1.0, 2.0])
        np.testing.assert_allclose(hvp(f, (self.X,), (v,)), hessian(f)(self.X) @ v)

    def test_linearize(self):
        _, linear = linearize(lambda x: np.sin(x) * x, self.X)
        for t in (np.ones(3), np.array([1.0, 0.0, -2.0])):
            np.testing.assert_allclose(linear(t), (np.cos(self.X) * self.X + np.sin(self.X)) * t)

    @pytest.mark.parametrize("compiled", [False, True])
    def test_linearize_with_aux(self, compiled):
        def f(x, y):
            return {"out": np.sin(x) * y}, {"parts": (x * y, x), "steps": 3, "name": "f"}

        def both(x, y, t):
            out, linear, aux = linearize(f, x, y, has_aux=True)
            aux.pop("name")
            return out, linear(t, None), aux

        x, y, t = self.X, 2.0 * self.X, np.ones_like(self.X)
        out, tangent, aux = (jit(both) if compiled else both)(x, y, t)
        np.testing.assert_allclose(out["out"], np.sin(x) * y, rtol=1e-15)
        np.testing.assert_allclose(tangent["out"], np.cos(x) * y, rtol=1e-15)
        np.testing.assert_array_equal(aux["parts"][0], x * y)
        assert aux["steps"] == 3 and aux["parts"][1] is not x

    def test_linearize_takes_none_for_zero(self):
        _, linear = linearize(lambda p, x: p["a"] * x, {"a": 2.0}, 3.0)
        assert (linear(None, 1.0), linear({"a": 1.0}, None), linear(None, None)) == (2.0, 3.0, 0.0)

    def test_integer_output(self):
        with pytest.raises(errors.DtypeError, match="must be float arrays"):
            jacfwd(lambda x: x > 0)(self.X)


class TestVmap:
    def test_axes(self):
        a = np.arange(6.0).reshape(2, 3)
        np.testing.assert_array_equal(vmap(np.sum)(a), a.sum(1))
        np.testing.assert_array_equal(vmap(np.sum, in_axes=1)(a), a.sum(0))
        np.testing.assert_array_equal(vmap(lambda x: x * 2, in_axes=1, out_axes=1)(a), a * 2)

    def test_pytree_prefix(self):
        f = lambda p, x: p["w"] * x + p["b"]  # noqa: E731
        out = vmap(f, in_axes=({"w": 0, "b": None}, None))({"w": np.arange(3.0), "b": 1.0}, 2.0)
        np.testing.assert_array_equal(out, [1.0, 3.0, 5.0])

    def test_nested(self):
        a, b = np.arange(3.0), np.arange(4.0)
        out = vmap(lambda x: vmap(lambda y: x * y + x)(b))(a)
        np.testing.assert_array_equal(out, a[:, None] * b + a[:, None])

    def test_unbatched_output(self):
        out = vmap(lambda x: (x, 2.0), out_axes=(0, None))(np.arange(3.0))
        np.testing.assert_array_equal(out[0], np.arange(3.0))
        assert out[1] == 2.0

    def test_lengths_differ(self):
        with pytest.raises(errors.ShapeError, match="differ in length: 3 for"):
            vmap(product)(np.arange(3.0), np.arange(4.0))

    def test_nothing_mapped(self):
        with pytest.raises(errors.ArgumentError, match="nothing is mapped"):
            vmap(product, in_axes=(None, None))(1.0, 2.0)

    def test_scalar_argument(self):
        with pytest.raises(errors.ShapeError, match=r"has shape \(\), and no axis 0"):
            vmap(product)(np.arange(3.0), 2.0)

    def test_prefix_mismatch(self):
        with pytest.raises(errors.StructureError):
            vmap(lambda p: p["w"], in_axes=({"w": 0, "v": 0},))({"w": np.arange(3.0)})

    def test_branch_raises(self):
        with pytest.raises(errors.ConcretizationError, match=r"numpy\.where"):
            vmap(lambda x: x if x > 0 else -x)(np.arange(3.0))


class TestOthers:
    def test_jvp_structure(self):
        with pytest.raises(errors.ArgumentError, match="primals must be a tuple"):
            jvp(np.sin, 1.0, 1.0)
        with pytest.raises(errors.ShapeError, match=r"tangents\[0\] has type float64\[2\]"):
            jvp(np.sin, (1.0,), (np.ones(2),))

    def test_stop_gradient(self):
        assert grad(lambda x: x * stop_gradient(x * x))(3.0) == 9.0

    def test_make_jaxpr_prints_types(self):
        text = str(make_jaxpr(lambda x, a: np.sum(x * a))(np.ones((2, 3), np.float32), 2.0))
        assert "f32[2,3]" in text and "test_api.py" in text

    def test_second_order_over_captured(self):
        a = np.array([1.0, 2.0])
        f = lambda x: np.sum(x**2 * a)  # noqa: E731
        np.testing.assert_array_equal(grad(lambda x: np.sum(grad(f)(x)))(np.ones(2)), 2 * a)

    def test_no_confusion_of_perturbations(self):
        # Siskind & Pearlmutter, Nesting forward-mode AD in a functional framework, 2008.
        d = funcgrad.testing.derivative
        assert d(lambda x: x * d(lambda y: x + y)(1.0))(1.0) == 1.0
        assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(1.0) == 1.0
