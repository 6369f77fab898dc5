"""`to_jax` gives an ordinary JAX function."""

import collections
import dataclasses
import subprocess
import sys
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bridge.compare import assert_same
from bridge.programs import LABELS, MLP, OPTIMIZER, X, adam_step, mlp_loss, newton_root

import funcgrad as fg
from funcgrad import errors, grad, lax, random, value_and_grad, vmap
from funcgrad.bridge import register_pytree, to_jax
from funcgrad.bridge.replay import RULES
from funcgrad.ops.random import random_bits


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def test_a_step_on_four_devices():
    """The data are parted, the parameters everywhere; the losses are those of one device."""
    x, labels = np.tile(X[:24], (4, 1)), np.tile(LABELS[:24], 4)
    params, state = MLP, OPTIMIZER.init(MLP)
    plain, plain_state = params, state
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    parted = jax.NamedSharding(mesh, jax.P("data"))
    xs, ys = jax.device_put((jnp.array(x), jnp.array(labels)), parted)
    step = jax.jit(to_jax(adam_step), donate_argnums=(0, 1))
    params, state = jax.device_put(
        jax.tree.map(jnp.array, (params, state)), jax.NamedSharding(mesh, jax.P())
    )
    first = jax.tree.leaves(params)[0]
    for _ in range(20):
        params, state, loss = step(params, state, xs, ys)
        plain, plain_state, expected = adam_step(plain, plain_state, x, labels)
        assert abs(float(loss) - expected) < 1e-12
    assert first.is_deleted()
    assert len(xs.sharding.device_set) == 4
    assert all(leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(params))


def test_jax_transforms_apply():
    f = to_jax(lambda x: np.sum(np.sin(x) ** 2))
    x = jnp.arange(3.0)
    assert_same(np.sin(2 * np.arange(3.0)), np.asarray(jax.grad(f)(x)))
    assert jax.vmap(f)(jnp.ones((2, 3))).shape == (2,)


def test_sixty_four_bits_that_are_off():
    f = to_jax(lambda x: np.tanh(x) * 2.0)
    with jax.enable_x64(False):
        assert f(np.ones(3, np.float32)).dtype == np.float32
        with pytest.raises(errors.DtypeError, match="switched off"):
            f(np.ones(3))
        with pytest.raises(
            errors.DtypeError, match=r"convert of type float64.*test_outward.py:\d+"
        ):
            to_jax(lambda x: np.sum(x.astype(np.float64)))(np.ones(3, np.float32))
        with pytest.raises(errors.DtypeError, match="two uint64, got uint32"):
            jax.jit(to_jax(lambda k: random.normal(k, (2,))))(random.key(0))
        captured = np.ones(3)
        with pytest.raises(errors.DtypeError, match="switched off"):
            to_jax(lambda x: x.astype(np.float64) * captured)(np.ones(3, np.float32))
        # The backend switches them on for itself.
        assert fg.jit(np.tanh, backend="jax")(np.ones(3)).dtype == np.float64
        assert not jax.config.jax_enable_x64
    assert f(np.ones(3)).dtype == np.float64


def test_captured_arrays_are_arguments_and_copies():
    held = np.arange(100.0)
    f = to_jax(lambda x: x + held)
    x = np.zeros(100)
    assert_same(held.copy(), np.asarray(f(x)))
    held[:] = -1.0
    assert_same(np.arange(100.0), np.asarray(f(x)))
    g = fg.jit(lambda x: x * held, backend="jax")
    assert_same(-np.ones(100), g(np.ones(100)))
    held[:] = 5.0
    assert_same(-np.ones(100), g(np.ones(100)))
    text = _lowered(f, x)
    assert 'dense<"' not in text


def _lowered(f, *args):
    """The text of the program that a function of `to_jax` runs."""
    call = f.__wrapped__
    programs = dict(zip(call.__code__.co_freevars, call.__closure__, strict=True))["programs"]
    ((_, program),) = programs.cell_contents.values()
    return program._compiled.lower(program.arrays(), list(args)).as_text()


class Point(typing.NamedTuple):
    x: object
    y: object


@dataclasses.dataclass(frozen=True)
class Layer:
    w: object
    b: object
    name: str = dataclasses.field(default="dense", metadata={"static": True})


class Pair:
    def __init__(self, a, b):
        self.a, self.b = a, b


fg.tree.register(Pair, lambda p: ((p.a, p.b), None), lambda aux, parts: Pair(*parts))


def test_containers():
    register_pytree(Layer)
    x = np.ones(2)
    tree = {
        "point": Point(x, 2.0),
        "layer": Layer(x, x),
        "more": collections.OrderedDict(b=x, a=None),
        "pair": Pair(x, x * 2),
    }
    double = lambda t: fg.tree.map(lambda x: x * 2.0, t)  # noqa: E731
    for f in (to_jax(double), jax.jit(to_jax(double))):
        found = f(tree)
        assert fg.tree.structure(found) == fg.tree.structure(tree)
        assert found["layer"].name == "dense"
        assert np.asarray(found["layer"].w).tolist() == [2.0, 2.0]
        assert np.asarray(found["pair"].b).tolist() == [4.0, 4.0]
    with pytest.raises(errors.ArgumentError, match="no container"):
        register_pytree(int)


def test_static_arguments():
    f = to_jax(lambda x, how: np.sin(x) if how == "sin" else np.cos(x))
    assert float(f(0.0, "sin")) == 0.0
    assert float(f(0.0, how="cos")) == 1.0


def test_python_numbers_stay_weak():
    f = jax.jit(to_jax(lambda x, s: x * s))
    assert f(jnp.ones(2, jnp.float32), 2.0).dtype == np.float32
    assert to_jax(lambda s: s * 2)(3).dtype == np.int64


def test_the_host_is_refused():
    def f(x):
        return fg.scipy.special.j0(x)

    with pytest.raises(errors.MissingRuleError, match=r"j0, at test_outward.py:\d+ in f"):
        to_jax(f, host="refuse")(1.0)
    assert abs(float(to_jax(f)(1.0)) - 0.7651976865579666) < 1e-15


def test_the_host_cannot_be_exported():
    f = jax.jit(to_jax(lambda x: fg.scipy.special.j0(x)))
    with pytest.raises(NotImplementedError):
        jax.export.export(f, platforms=["cpu", "cuda"])(jnp.ones(2))


def test_export_runs_without_funcgrad(tmp_path):
    exported = jax.export.export(jax.jit(to_jax(value_and_grad(mlp_loss))))
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), x.dtype), (MLP, X, LABELS))
    (tmp_path / "step.bin").write_bytes(exported(*shapes).serialize())
    np.savez(tmp_path / "leaves.npz", *jax.tree.leaves((MLP, X, LABELS)))
    program = f"""
import sys
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
run = jax.export.deserialize(bytearray(open({str(tmp_path / "step.bin")!r}, "rb").read()))
leaves = list(np.load({str(tmp_path / "leaves.npz")!r}).values())
args, _ = jax.tree.unflatten(run.in_tree, leaves)
print(float(run.call(*args)[0]))
assert "funcgrad" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert abs(float(done.stdout) - mlp_loss(MLP, X, LABELS)) < 1e-12


BAD = [
    (lambda: to_jax(3.0), errors.ArgumentError, "expected a function"),
    (lambda: to_jax(np.sin, steps=0), errors.ArgumentError, "steps=0"),
    (lambda: to_jax(np.sin, steps=2.5), errors.ArgumentError, "steps=2.5"),
    (lambda: to_jax(np.sin, host="no"), errors.ArgumentError, "host='no'"),
    (lambda: to_jax(np.sin, precision="best"), errors.ArgumentError, "precision='best'"),
    (lambda: to_jax(np.sin)(jnp.ones(2, jnp.bfloat16)), errors.DtypeError, "bfloat16"),
    (lambda: to_jax(np.sin)(jax.random.key(0)), errors.DtypeError, "NumPy does not have"),
    (lambda: to_jax(np.sin)(np.array(["a"])), errors.DtypeError, "to_jax: argument 0"),
    (lambda: grad(to_jax(np.sin))(1.0), errors.ArgumentError, r"to_jax\(grad\(f\)\)"),
    (
        lambda: grad(lambda x: to_jax(lambda y: x * y)(jnp.ones(())))(1.0),
        errors.ArgumentError,
        "closes over",
    ),
    (lambda: to_jax(grad(newton_root))(2.0), errors.ArgumentError, r"steps=100.*"),
    (lambda: fg.jit(np.sin, backend="jax")(jnp.ones(2)), errors.ArgumentError, "numpy.asarray"),
    (lambda: grad(np.sin)(jnp.ones(())), errors.FuncgradError, "numpy.asarray|array"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_input(number):
    call, kind, text = BAD[number]
    with pytest.raises(kind, match=text):
        call()


@pytest.mark.parametrize(
    "f", [lambda x: x * jnp.ones(2), lambda x: jnp.ones(2) @ x, lambda x: jnp.sin(x)]
)
def test_arrays_and_functions_of_jax_within(f):
    for call in (to_jax(f), fg.jit(f), grad(f)):
        with pytest.raises(TypeError) as caught:
            call(np.ones(2))
        assert "numpy.asarray(x) for an array" in "".join(caught.value.__notes__)


def test_the_line_of_a_loop_without_a_bound():
    with pytest.raises(errors.ArgumentError, match=r"at programs.py:\d+ in newton_root"):
        to_jax(vmap(grad(newton_root)))(np.array([2.0, 3.0]))


def test_precision_reaches_the_program():
    f = lambda x: x @ x  # noqa: E731
    x = np.ones((2, 2), np.float32)
    assert "HIGHEST" in str(jax.make_jaxpr(to_jax(f))(x))
    assert "HIGHEST" not in str(jax.make_jaxpr(to_jax(f, precision="default"))(x))


def test_a_result_of_another_type_than_the_program_says_raises(monkeypatch):
    monkeypatch.setitem(RULES, "tanh", lambda replay, eqn, x: jnp.tanh(x).astype(np.float32))
    with pytest.raises(errors.InvalidJaxprError, match=r"tanh gave float32\[2\].*float64\[2\]"):
        to_jax(np.tanh)(np.ones(2))


def test_random_words_are_equal_to_the_bit():
    draw = lambda key: random_bits(key, 11)  # noqa: E731
    keys = random.split(random.key(5), 3)
    assert_same(draw(keys), np.asarray(to_jax(draw)(keys)))
    uniform = lambda key: random.uniform(key, (9,))  # noqa: E731
    assert np.array_equal(uniform(keys[0]), np.asarray(to_jax(uniform)(keys[0])))


def test_vectors_and_slices_stay_whole():
    """Elements of short vectors are numbers of their own on NumPy, and not here."""

    def f(x):
        return lax.scan(lambda c, _: (c + x[:3] * 2.0, None), np.zeros(3), None, length=4)[0]

    from funcgrad.bridge.backend import JaxBackend
    from funcgrad.compile.passes.pipeline import optimise

    jaxpr = fg.make_jaxpr(lambda x: np.sum((x[0] * x[1] + x[2]) * x))(np.ones(3))
    kept, _ = optimise(jaxpr, profile=JaxBackend.profile)
    assert not any(eqn.primitive.name == "stack" for eqn in kept.equations)
    assert_same(f(np.arange(3.0)), fg.jit(f, backend="jax")(np.arange(3.0)))
