"""What is made from functions pickles as functions do; programs and linear functions pickle too."""

import copy
import functools
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import (
    check,
    checkpoint,
    checkpoint_name,
    checkpoint_policies,
    cond,
    custom_gradient,
    custom_jvp,
    custom_vjp,
    grad,
    hessian,
    jacobian,
    jit,
    jvp,
    linearize,
    make_jaxpr,
    pure_callback,
    random,
    scan,
    value_and_grad,
    vectorize,
    vjp,
    vmap,
    while_loop,
)
from funcgrad.core.record import run
from funcgrad.errors import ArgumentError

ROOT = Path(__file__).resolve().parents[2]
DECORATORS = {
    "jit": jit,
    "jit with options": jit(static_argnames="n"),
    "grad": grad,
    "value_and_grad": value_and_grad,
    "jacobian": jacobian,
    "hessian": hessian,
    "vmap": vmap,
    "vectorize": vectorize,
    "checkpoint": checkpoint,
    "checkpoint with options": checkpoint(policy=checkpoint_policies.dots_saveable),
    "custom_vjp": custom_vjp,
    "custom_jvp": custom_jvp,
    "custom_gradient": custom_gradient,
    "random.checked": random.checked,
    "make_jaxpr": make_jaxpr,
    "grad of jit": lambda f: grad(jit(f)),
}


def plain(x, n=2):
    return x**n


def square(x):
    return x * x


for _i, _name in enumerate(DECORATORS):
    # Decorated, under its own name.
    exec(f"def decorated_{_i}(x, n=2):\n    return x**n\n")
    globals()[f"decorated_{_i}"] = DECORATORS[_name](globals()[f"decorated_{_i}"])


@custom_vjp
def halved(x):
    return x / 2.0


def halved_forward(x):
    return x / 2.0, None


def halved_backward(_, ct):
    return (ct / 4.0,)


halved.defvjp(halved_forward, halved_backward)


@dataclass
class Model:
    w: float

    @jit
    def __call__(self, x):
        return self.w * x

    @grad
    def slope(self):
        return self.w**2

    class Inner:
        @staticmethod
        @jit
        def twice(x):
            return 2.0 * x


@jit(static_argnames="n")
def power(x, n):
    return x * power(x, n - 1) if n else 1.0


@pytest.mark.parametrize("i", range(len(DECORATORS)), ids=list(DECORATORS))
@pytest.mark.parametrize("module", [pickle, cloudpickle], ids=lambda m: m.__name__)
@pytest.mark.parametrize("protocol", [2, 5])
def test_what_a_module_knows_is_pickled_by_name(i, module, protocol):
    f = globals()[f"decorated_{i}"]
    text = module.dumps(f, protocol=protocol)
    assert module.loads(text) is f
    assert len(text) < 300
    assert copy.copy(f) is copy.deepcopy(f) is f


@pytest.mark.parametrize("name", [name for name in DECORATORS if "custom" not in name])
def test_what_no_module_knows_is_pickled_by_what_made_it(name):
    f = DECORATORS[name](plain)
    x = np.ones(3) if name == "vmap" else 3.0
    for again in (
        pickle.loads(pickle.dumps(f)),
        cloudpickle.loads(cloudpickle.dumps(f)),
        copy.copy(f),
        copy.deepcopy(f),
    ):
        assert again is not f
        assert type(again).__name__ == type(f).__name__
        if name not in ("hessian", "grad of jit"):  # which hold what was transformed before
            assert again.__wrapped__ is plain
            assert repr(again) == repr(f)
        assert str(again(x)) == str(f(x))


def test_local_functions_by_value():
    def local(x):
        return x * scale

    scale = 3.0
    for decorator in (jit, grad, checkpoint, vmap, lambda f: jit(grad(f))):
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pickle.dumps(decorator(local))
    for decorator in (jit, checkpoint):
        assert cloudpickle.loads(cloudpickle.dumps(decorator(local)))(2.0) == 6.0
    assert cloudpickle.loads(cloudpickle.dumps(jit(grad(local))))(2.0) == 3.0


def test_custom_rules_by_value():
    @custom_vjp
    def local(x):
        return x / 2.0

    local.defvjp(halved_forward, halved_backward)
    again = cloudpickle.loads(cloudpickle.dumps(local))
    assert again is not local
    assert again(3.0) == 1.5
    assert grad(again)(3.0) == 0.25
    assert copy.copy(local) is local  # as of a plain function
    assert grad(copy.deepcopy(local))(3.0) == 0.25
    assert grad(pickle.loads(pickle.dumps(halved)))(3.0) == 0.25


def test_methods():
    model = Model(3.0)
    for module in (pickle, cloudpickle):
        assert module.loads(module.dumps(Model.Inner.twice)) is Model.Inner.twice
        assert module.loads(module.dumps(Model.slope)) is Model.slope
        assert module.loads(module.dumps(model))(2.0) == 6.0
        assert module.loads(module.dumps(model.__call__))(2.0) == 6.0


def test_a_function_that_calls_itself():
    assert power(2.0, n=3) == 8.0
    for module in (pickle, cloudpickle):
        assert module.loads(module.dumps(power)) is power

    @jit(static_argnames="n")
    def local(x, n):
        return x * local(x, n - 1) if n else 1.0

    again = cloudpickle.loads(cloudpickle.dumps(local))
    assert again(2.0, n=3) == 8.0
    assert again is not local


SCRIPT = """
import sys
from dataclasses import dataclass
import numpy as np
from funcgrad import checkpoint, custom_jvp, custom_vjp, grad, jit, value_and_grad, vmap

SCALE = 2.0

@jit
def jitted(x):
    return SCALE * x

@grad
def slope(x):
    return SCALE * x * x

@value_and_grad
def both(x):
    return helper(x)

@vmap
def mapped(x):
    return SCALE * x

@custom_vjp
def custom(x):
    return SCALE * x

custom.defvjp(lambda x: (SCALE * x, None), lambda _, ct: (ct * 7.0,))

@custom_jvp
def pushed(x):
    return SCALE * x

pushed.defjvp(lambda primals, tangents: (SCALE * primals[0], 7.0 * tangents[0]))

@checkpoint
def kept(x):
    return SCALE * x

@jit
def helper(x):
    return jitted(x) + kept(x)

@jit
def power(x):
    return x if x.ndim == 0 else power(x[0])

@dataclass
class Model:
    w: float

    @jit
    def __call__(self, x):
        return self.w * jitted(x)

def through(x):
    return grad(custom)(x) + grad(pushed)(x) + Model(3.0)(x)

def check(run):
    assert run(jitted, 3.0) == 6.0
    assert run(slope, 3.0) == 12.0
    assert run(both, 3.0) == (12.0, 4.0)
    assert run(mapped, np.ones(2)).tolist() == [2.0, 2.0]
    assert run(custom, 3.0) == run(pushed, 3.0) == run(kept, 3.0) == 6.0
    assert run(helper, 3.0) == 12.0
    assert run(power, np.ones((2, 2))) == 1.0
    assert run(Model(3.0), 2.0) == 12.0
    assert run(Model(3.0).__call__, 2.0) == 12.0
    assert run(grad(custom), 3.0) == run(jit(grad(pushed)), 3.0) == 7.0
    assert run(through, 2.0) == 26.0
"""
JOBLIB = (
    SCRIPT
    + """
from joblib import Parallel, delayed

if __name__ == "__main__":
    with Parallel(n_jobs=2) as parallel:  # loky, which is the default
        check(lambda f, *args: parallel(delayed(f)(*args) for _ in range(2))[1])
        # And back: results that hold such functions.
        (again,) = parallel(delayed(lambda: jit(jitted))() for _ in range(1))
        assert again(3.0) == 6.0
"""
)
SPAWN = (
    SCRIPT
    + """
import multiprocessing

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        check(lambda f, *args: pool.apply(f, args))
"""
)


@pytest.mark.parametrize("script", [JOBLIB, SPAWN], ids=["joblib", "spawn"])
def test_functions_of_main_in_other_processes(script, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, str(path)], env=environment, check=True, timeout=500)


def callback(x):
    return np.asarray(x) + 1.0


PROGRAMS = {
    "arithmetic": lambda x: np.sum(np.sin(x) * x[0] + np.exp(-x) @ x),
    "indices": lambda x: fnp.take(x, np.array([1, 0]), axis=0) + x[1:],
    "scan": lambda x: scan(lambda c, y: (c * y, c + y), x[0], x)[1],
    "while_loop": lambda x: while_loop(lambda c: c[0] < 5.0, lambda c: c * 2.0, x),
    "cond": lambda x: cond(x[0] > 0, lambda: x, lambda: -x),
    "gradient of a loop": grad(
        lambda x: while_loop(lambda c: c[0] < 5.0, lambda c: c * 2.0, x).sum()
    ),
    "checkpoint": grad(lambda x: checkpoint(lambda x: np.sum(np.sin(x) ** 2))(x)),
    "policy": checkpoint(
        lambda x: np.sum(checkpoint_name(np.sin(x), "a")),
        policy=checkpoint_policies.save_only_these_names("a"),
    ),
    "call": lambda x: jit(square)(x),
    "custom rule": lambda x: np.sum(halved(x)),
    "callback": lambda x: pure_callback(callback, x, x),
    "linear algebra": lambda x: np.linalg.solve(np.outer(x, x) * x + np.diag(x), x),
    "random": lambda x: random.normal(random.key(0), (3,)) * x,
}


@pytest.mark.parametrize("module", [pickle, cloudpickle], ids=lambda m: m.__name__)
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name, module):
    x = np.array([0.5, 1.0, 2.0])
    jaxpr = make_jaxpr(PROGRAMS[name])(x)
    again = module.loads(module.dumps(jaxpr))
    check(again)
    assert str(again) == str(jaxpr)
    inputs = [] if not jaxpr.captured else [np.zeros(v.shape, v.dtype) for v in jaxpr.in_avals[:-1]]
    for a, b in zip(run(jaxpr, [*inputs, x]), run(again, [*inputs, x]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_programs_of_many_equations():
    def f(x):
        for _ in range(5000):
            x = x * 0.5 + 1.0
        return x

    jaxpr = make_jaxpr(f)(1.0)
    assert str(pickle.loads(pickle.dumps(jaxpr))) == str(jaxpr)


@pytest.mark.parametrize(
    "policy",
    [
        checkpoint_policies.nothing_saveable,
        checkpoint_policies.everything_saveable,
        checkpoint_policies.dots_saveable,
        checkpoint_policies.save_only_these_names("a", "b"),
        checkpoint_policies.save_from_both_policies(
            checkpoint_policies.dots_saveable, checkpoint_policies.save_only_these_names("a")
        ),
    ],
)
def test_policies(policy):
    again = pickle.loads(pickle.dumps(policy))
    assert again == policy
    f = checkpoint(plain, policy=policy)
    assert grad(pickle.loads(pickle.dumps(f)))(3.0) == 6.0
    equations = make_jaxpr(lambda x: checkpoint_name(x @ x, "a") + np.sin(x))(np.ones(2)).equations
    assert [again(eqn) for eqn in equations] == [policy(eqn) for eqn in equations]


def loss(p, x):
    return {"y": np.tanh(p["w"] @ x) * p["b"], "n": np.argmax(x), "z": x[0] * 2.0}


def test_linear_functions_and_pullbacks():
    rng = np.random.default_rng(0)
    p = {"w": rng.standard_normal((2, 3)), "b": 2.0, "name": "layer"}
    x = rng.standard_normal(3)
    tp = {"w": rng.standard_normal((2, 3)), "b": 0.5, "name": None}
    _, linear = linearize(loss, p, x)
    out, pullback = vjp(loss, p, x)
    ct = {"y": rng.standard_normal(2), "n": None, "z": 3.0}
    for module in (pickle, cloudpickle):
        for again in (module.loads(module.dumps(linear)), copy.deepcopy(linear)):
            expected, found = linear(tp, x), again(tp, x)
            assert found["n"] is None
            np.testing.assert_array_equal(found["y"], expected["y"])
            np.testing.assert_allclose(found["y"], jvp(loss, (p, x), (tp, x))[1]["y"], rtol=1e-14)
        again = module.loads(module.dumps(pullback))
        again = module.loads(module.dumps(again))
        for cotangent in (ct, {**ct, "z": None}):
            (ep, ex), (fp, fx) = pullback(cotangent), again(cotangent)
            np.testing.assert_allclose(fp["w"], ep["w"], rtol=1e-15)
            np.testing.assert_allclose(fx, ex, rtol=1e-15)
            assert fp["b"] == pytest.approx(ep["b"], rel=1e-15)
            assert fp["name"] is None
    assert out["z"] == 2.0 * x[0]
    # A linear function may be batched and differentiated after it has come back.
    again = pickle.loads(pickle.dumps(linear))
    batch = np.stack([x, 2 * x])
    np.testing.assert_allclose(
        vmap(lambda t: again(None, t)["y"])(batch)[1], linear(None, 2 * x)["y"], rtol=1e-14
    )


def test_what_does_not_pickle_says_why():
    def inside(x):
        with pytest.raises(ArgumentError, match=r"a tracer, .* which lives only"):
            pickle.dumps(linearize(lambda y: x * y, 1.0)[1])
        with pytest.raises(ArgumentError, match=r"a tracer, .* which lives only"):
            pickle.dumps(vjp(lambda y: x * y, 1.0)[1])
        return x

    grad(inside)(1.0)
    jit(inside)(1.0)


def test_partials():
    f = functools.partial(jit(plain, static_argnames="n"), n=3)
    assert pickle.loads(pickle.dumps(f))(2.0) == 8.0
