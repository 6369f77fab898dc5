"""Call shapes of JAX's: eval_shape, closure_convert, trace, keywords under its names, config."""

import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import (
    ShapeDtypeStruct,
    cond,
    config,
    errors,
    fori_loop,
    grad,
    jit,
    linearize,
    scan,
    tree,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)

X = np.array([0.5, 1.5])
ROOT = Path(__file__).resolve().parents[2]


def test_eval_shape_computes_nothing():
    calls = []

    def f(params, n, flag="a"):
        calls.append(params["w"])
        return {"y": params["w"] @ X, "n": n, "flag": flag}

    spec = ShapeDtypeStruct((3, 2), np.float32)
    for w in (spec, np.ones((3, 2), np.float32)):
        found = fg.eval_shape(f, {"w": w}, 3, flag="b")
        assert found == {
            "y": ShapeDtypeStruct((3,), float),
            "n": ShapeDtypeStruct((), int),
            "flag": "b",
        }
    assert all(not isinstance(w, np.ndarray) for w in calls)
    assert jit(lambda x: (x @ x, "s")).eval_shape(X) == (ShapeDtypeStruct((), float), "s")
    with pytest.raises(errors.ConcretizationError):
        fg.eval_shape(lambda x: x if x[0] > 0 else -x, X)
    with pytest.raises(errors.ArgumentError, match="expected a function"):
        fg.eval_shape(X, X)


def test_make_jaxpr_takes_static_arguments_and_gives_shapes():
    program, shape = fg.make_jaxpr(lambda x, n: [x] * n, static_argnums=1, return_shape=True)(X, 2)
    assert shape == [ShapeDtypeStruct((2,), float)] * 2
    assert len(program.in_avals) == 1
    one, other = [fg.make_jaxpr(np.sin)(x) for x in (ShapeDtypeStruct((2,), float), X)]
    assert str(one) == str(other)
    again = pickle.loads(pickle.dumps(fg.make_jaxpr(np.sum, return_shape=True)))
    assert again(X)[1] == ShapeDtypeStruct((), float)
    with pytest.raises(errors.ArgumentError, match="static_argnums"):
        fg.make_jaxpr(np.sin, "x")


def test_closure_convert_hoists_what_is_traced():
    plain = np.array([2.0, 3.0])

    def f(y):
        converted, values = fg.closure_convert(lambda x: {"r": np.sum(x * y * plain), "s": "t"}, X)
        assert len(values) == 1
        assert converted(X, *values)["s"] == "t"
        return converted(X, values[0] * 2.0)["r"]

    np.testing.assert_allclose(grad(f)(X), 2.0 * X * plain)
    np.testing.assert_allclose(jit(grad(f))(X), 2.0 * X * plain)
    converted, values = fg.closure_convert(np.sin, X)
    assert values == []
    np.testing.assert_allclose(converted(X), np.sin(X))
    with pytest.raises(errors.ArgumentError, match="1 arguments and 0 values, got 3"):
        converted(X, X, X)


def test_trace_lower_compile():
    f = jit(lambda x: {"y": x * 2.0})
    staged = f.trace(ShapeDtypeStruct((2,), float))
    assert staged.lower() is staged
    assert staged.out_info == {"y": ShapeDtypeStruct((2,), float)}
    np.testing.assert_array_equal(staged.lower().compile()(X)["y"], 2 * X)
    assert f.cache_info().misses == 1

    class Model:
        @jit
        def __call__(self, x):
            return x

        def __hash__(self):
            return 1

        def __eq__(self, other):
            return type(other) is Model

    assert Model().__call__.trace(X).out_info == ShapeDtypeStruct((2,), float)


def test_names_of_arguments():
    assert grad(fun=lambda x: x * x)(3.0) == 6.0
    assert value_and_grad(fun=lambda x: x * x)(3.0) == (9.0, 6.0)
    assert grad(lambda x, y: x * y, [0, 1])(2.0, 3.0) == (3.0, 2.0)
    assert grad(lambda x: (x * x, "aux"), 0, True)(3.0) == (6.0, "aux")
    with pytest.raises(errors.ArgumentError, match="expected a function"):
        grad()
    with pytest.raises(errors.ArgumentError, match="twice"):
        grad(np.sum, fun=np.sum)
    for pred in (True, False):
        assert cond(pred, lambda x: x, lambda x: -x, operand=3.0) == (3.0 if pred else -3.0)
    assert cond(True, lambda x: x is None, lambda x: False, operand=None)
    with pytest.raises(errors.ArgumentError, match="operand="):
        cond(True, lambda x: x, lambda x: x, 1.0, operand=2.0)


def test_integers_where_they_are_allowed():
    value, found = value_and_grad(lambda x, n: x**2 * n, (0, 1), allow_int=True)(3.0, 2)
    assert (value, found) == (18.0, (12.0, None))
    assert grad(lambda n: 2.0, allow_int=True)(3) is None
    assert grad(lambda t: t["x"] * t["n"], allow_int=True)({"x": 2.0, "n": 3}) == {
        "x": 3,
        "n": None,
    }
    assert pickle.loads(pickle.dumps(grad(np.sqrt, allow_int=True)))(3) is None
    with pytest.raises(errors.DtypeError, match=r"Write 3\.0"):
        grad(lambda n: n * 1.0)(3)


@pytest.mark.parametrize("reverse", [False, True])
def test_scans_that_are_unrolled(reverse):
    def step(carry, x):
        return carry * x, carry

    x = np.array([0.5, 2.0, 3.0])
    for unroll in (True, False):
        for f in (scan, jit(scan, static_argnums=(0,), static_argnames=("unroll", "reverse"))):
            last, ys = f(step, 1.5, x, unroll=unroll, reverse=reverse)
            expected = scan(step, 1.5, x, reverse=reverse)
            assert last == expected[0]
            np.testing.assert_array_equal(ys, expected[1])
    program = str(fg.make_jaxpr(lambda c: scan(step, c, x, unroll=True, reverse=reverse)[0])(1.0))
    assert program.count("mul") == 3
    assert scan(step, 1.5, x[:0], unroll=True)[0] == 1.5
    assert fori_loop(0, 4, lambda i, c: c + i, 0.0, unroll=True) == 6.0
    assert jit(lambda n: fori_loop(0, n, lambda i, c: c + i, 0.0, unroll=None))(4) == 6.0
    with pytest.raises(errors.ArgumentError, match="not traced"):
        jit(lambda n: fori_loop(0, n, lambda i, c: c + i, 0.0, unroll=True))(4)
    with pytest.raises(errors.ArgumentError, match="unroll"):
        scan(step, 1.5, x, unroll=0)


@pytest.mark.parametrize("transform", [lambda f: f, jit])
@pytest.mark.parametrize(
    "loop",
    [
        lambda x: fori_loop(0, 3, lambda i, c: (c[0] + 1, c[1] * x), (0.0, x)),
        lambda x: while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x), (0.0, x)),
        lambda x: scan(lambda c, _: ((c[0] + 1, c[1] * x), None), (0.0, x), length=3)[0],
        lambda x: scan(
            lambda d, _: (
                scan(lambda c, _: ((c[0] + 1, c[1] * x), None), d, length=1)[0],
                None,
            ),
            (0.0, x),
            length=3,
        )[0],
    ],
)
def test_what_a_loop_carries_unmapped_stays_so(loop, transform):
    count, power = transform(vmap(loop, out_axes=(None, 0)))(X)
    assert count == 3.0
    np.testing.assert_allclose(power, X**4)
    # Further on it is one value, also for Python.
    if transform is not jit:
        assert vmap(lambda x: x * (2.0 if loop(x)[0] > 2 else 1.0))(X).tolist() == [1.0, 3.0]
    np.testing.assert_allclose(vmap(loop)(X)[0], [3.0, 3.0])
    slope = vmap(grad(lambda x: loop(x)[0] * loop(x)[1]))(X)
    np.testing.assert_allclose(slope, 3 * 4 * X**3)
    slope = grad(lambda x: np.sum(vmap(lambda y: loop(y)[0] * loop(y)[1])(x)))(X)
    np.testing.assert_allclose(slope, 3 * 4 * X**3)


def test_pullbacks_are_pytrees():
    def f(x, d):
        return np.sin(x) * d["a"]

    args = X, {"a": np.array([2.0, 3.0]), "n": 3}
    expected = vjp(f, *args)[1](np.ones(2))
    out, pullback = jit(lambda *args: vjp(f, *args))(*args)
    np.testing.assert_allclose(out, f(*args))
    for found in (
        pullback(np.ones(2)),
        jit(lambda p, ct: p(ct))(pullback, np.ones(2)),
        pickle.loads(pickle.dumps(pullback))(np.ones(2)),
        tree.map(lambda x: x, pullback)(np.ones(2)),
        tree.map(lambda x: x, vjp(f, *args)[1])(np.ones(2)),
    ):
        np.testing.assert_allclose(found[0], expected[0])
        np.testing.assert_allclose(found[1]["a"], expected[1]["a"])
        assert found[1]["n"] is None
    # Another call gives another pullback, of the same program.
    _, other = jit(lambda *args: vjp(f, *args))(2 * X, args[1])
    np.testing.assert_allclose(other(np.ones(2))[0], vjp(f, 2 * X, args[1])[1](np.ones(2))[0])
    linear = jit(lambda x: linearize(np.sin, x)[1])(X)
    np.testing.assert_allclose(linear(np.ones(2)), np.cos(X))
    np.testing.assert_allclose(tree.map(lambda x: 2 * x, linear)(np.ones(2)), 2 * np.cos(X))
    pullbacks = vmap(lambda x: vjp(np.sin, x)[1])(X)
    np.testing.assert_allclose(vmap(lambda p: p(1.0)[0])(pullbacks), np.cos(X))
    # Arrays that go in are not what comes out.
    kept = [x for x in tree.leaves(pullback) if isinstance(x, np.ndarray)]
    assert not any(np.shares_memory(x, y) for x in kept for y in (X, args[1]["a"]))


def test_devices():
    x = {"a": X}
    assert fg.device_put(x) is x and fg.device_get(x) is x and fg.block_until_ready(x) is x
    assert grad(lambda x: fg.device_put(x) ** 2)(3.0) == 6.0
    with pytest.raises(errors.ArgumentError, match=r"accelerators\.md"):
        fg.device_put(x, "gpu")


def test_config_says_what_has_no_meaning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config.update("jax_enable_x64", True)
        config.update("jax_platform_name", "cpu")
        config.jax_debug_nans = False
    assert config.jax_enable_x64 and config.enable_x64 and not config.jax_disable_jit
    with pytest.warns(UserWarning, match="'jax_compilation_cache_dir' has no meaning"):
        config.update("jax_compilation_cache_dir", "x")
    for name, value, match in [
        ("jax_enable_x64", False, "float32"),
        ("jax_debug_nans", True, r"debug\.nans"),
        ("jax_disable_jit", True, 'backend="run"'),
        ("jax_platform_name", "gpu", r"accelerators\.md"),
        ("jax_nosuch", 1, "no setting"),
    ]:
        with pytest.raises(errors.ArgumentError, match=match):
            config.update(name, value)
        with pytest.raises(errors.ArgumentError, match=match):
            setattr(config, name, value)
    with pytest.raises(AttributeError, match="nosuch"):
        _ = config.nosuch
    assert pickle.loads(pickle.dumps(config)) is config


@pytest.mark.peers
def test_config_knows_all_settings_of_jax():
    import jax

    from funcgrad.api import settings

    theirs = {name.removeprefix("jax_") for name in jax.config.values if name.startswith("jax_")}
    for name in theirs - set(settings._ALWAYS) - set(settings._MEANINGLESS):
        with pytest.raises(errors.ArgumentError):
            config.update(name, None)


def run(program, **environment):
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_the_environment_names_a_backend():
    program = """
import numpy as np
from funcgrad import backends, grad, jit
calls = []
def f(x):
    calls.append(x)
    return np.sin(x) * x
print(backends()[0].name, jit(grad(f))(2.0) == grad(f)(2.0), repr(jit(f).source(2.0))[:5])
"""
    assert run(program, FUNCGRAD_BACKEND="run").stdout.split()[:2] == ["run", "True"]
    assert run(program, FUNCGRAD_BACKEND="").stdout.split()[:2] == ["numpy", "True"]
    wrong = run(program, FUNCGRAD_BACKEND="nosuch").stderr
    assert "FUNCGRAD_BACKEND" in wrong and "'numpy'" in wrong
    assert jit(np.sin, backend="run")(2.0) == np.sin(2.0)
