"""Functions of JAX's and PyTorch's in funcgrad's programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bridge.compare import assert_same

import funcgrad as fg
from funcgrad import errors, grad, hessian, jacfwd, jacrev, jit, jvp, value_and_grad, vmap
from funcgrad.bridge import from_jax, to_jax
from funcgrad.testing import check_grads

torch = pytest.importorskip("torch")
from funcgrad.bridge import from_torch  # noqa: E402

# Of PyTorch's own, where its forward mode loads.
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")

rng = np.random.default_rng(0)
X, W = rng.normal(size=(5, 3)), rng.normal(size=(3, 4))


def plain(x, w):
    return np.sum(np.tanh(x @ w), -1)


MAKE = {
    "jax": lambda order: from_jax(lambda x, w: jnp.tanh(x @ w).sum(-1), order=order),
    "torch": lambda order: from_torch(lambda x, w: torch.tanh(x @ w).sum(-1), order=order),
}


@pytest.fixture(params=MAKE)
def make(request):
    return MAKE[request.param]


def losses(g):
    return (lambda x, w: np.sum(g(x, w) ** 2)), (lambda x, w: np.sum(plain(x, w) ** 2))


def test_values_and_gradients(make):
    f, expected = losses(make(1))
    both = value_and_grad(expected, argnums=(0, 1))(X, W)
    assert_same(both, value_and_grad(f, argnums=(0, 1))(X, W))
    assert_same(both, jit(value_and_grad(f, argnums=(0, 1)))(X, W))
    assert_same(both, jit(value_and_grad(f, argnums=(0, 1)), backend="jax")(X, W))


def test_forward_mode(make):
    f, expected = losses(make(1))
    assert_same(jvp(expected, (X, W), (X, W)), jvp(f, (X, W), (X, W)))
    assert_same(jacfwd(expected, argnums=1)(X, W), jacfwd(f, argnums=1)(X, W))


def test_batches(make):
    f, expected = losses(make(1))
    xs = np.stack([X, 2 * X, -X])
    for transform in (lambda f: f, lambda f: grad(f, argnums=(0, 1))):
        g, e = (vmap(transform(h), in_axes=(0, None)) for h in (f, expected))
        assert_same(e(xs, W), g(xs, W))
    outer = vmap(vmap(expected, in_axes=(0, None)), in_axes=(None, 0))
    assert_same(
        outer(xs, np.stack([W, W + 1])),
        vmap(vmap(f, in_axes=(0, None)), in_axes=(None, 0))(xs, np.stack([W, W + 1])),
    )
    total = lambda w: np.sum(vmap(make(1), in_axes=(0, None))(xs, w) ** 2)  # noqa: E731
    assert_same(
        grad(lambda w: np.sum(vmap(plain, in_axes=(0, None))(xs, w) ** 2))(W), grad(total)(W)
    )


def test_orders(make):
    f, expected = losses(make(2))
    assert_same(hessian(expected)(X, W), hessian(f)(X, W))
    assert_same(hessian(expected)(X, W), jacrev(grad(f))(X, W))
    check_grads(lambda w: f(X, w), (W,), order=2)
    with pytest.raises(errors.MissingRuleError, match="order=2"):
        hessian(losses(make(1))[0])(X, W)
    with pytest.raises(errors.MissingRuleError, match="order=2"):
        grad(losses(make(0))[0])(X, W)


def test_in_loops_and_branches(make):
    f = make(1)
    looped = lambda x: fg.scan(lambda c, w: (c + f(x, w), None), np.zeros(5), np.stack([W, W]))[0]  # noqa: E731
    assert_same(2 * plain(X, W), looped(X))
    assert_same(
        grad(lambda x: np.sum(2 * plain(x, W)))(X), jit(grad(lambda x: np.sum(looped(x))))(X)
    )


def test_to_jax_takes_jax_functions_in_line():
    f, expected = losses(MAKE["jax"](1))
    with jax.enable_x64(True):
        g = to_jax(vmap(grad(f), in_axes=(0, None)), host="refuse")
        xs = np.stack([X, 2 * X])
        assert "callback" not in str(jax.make_jaxpr(g)(xs, W))
        assert_same(
            vmap(grad(expected), in_axes=(0, None))(xs, W), jax.tree.map(np.asarray, g(xs, W))
        )
        with pytest.raises(errors.MissingRuleError, match="host"):
            to_jax(losses(MAKE["torch"](1))[0], host="refuse")(X, W)


def test_pytrees_and_static_arguments():
    f = from_jax(
        lambda p, how, scale=1.0: {"y": p["a"] * scale, "n": p["i"] + 1} if how == "on" else p
    )
    found = f({"a": np.ones(2), "i": 3}, "on", scale=2.0)
    assert_same({"y": np.full(2, 2.0), "n": np.int64(4)}, found)
    assert_same(
        np.full(2, 6.0),
        grad(lambda a: np.sum(f({"a": a, "i": 3}, "on", scale=6.0)["y"]))(np.ones(2)),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128, np.int64])
def test_dtypes_stay(make, dtype):
    x = np.ones((2, 3), dtype)
    for f in (from_jax(lambda x: x * x), from_torch(lambda x: x * x)):
        assert f(x).dtype == dtype
        with jax.enable_x64(False):
            assert f(x).dtype == dtype


def test_results_are_the_callers_own():
    x = np.ones(64)
    for f in (from_jax(lambda x: x), from_torch(lambda x: x), from_torch(lambda x: x.mul_(2.0))):
        y = f(x)
        assert y.flags.writeable
        assert not np.shares_memory(x, y)
        assert x.sum() == 64


def test_a_module():
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    module.double()
    f = from_torch(module)
    loss = lambda params, x: np.sum(f(params, x) ** 2)  # noqa: E731
    value, grads = value_and_grad(loss)(f.params, X)
    tensor = (module(torch.from_numpy(X.copy())) ** 2).sum()
    tensor.backward()
    assert abs(value - tensor.item()) < 1e-12
    for name, p in module.named_parameters():
        assert_same(p.grad.numpy(), grads[name])
    per_example = vmap(grad(loss), in_axes=(None, 0))(f.params, X)
    assert_same(grads["0.weight"], per_example["0.weight"].sum(0))
    with pytest.raises(errors.ArgumentError, match="its parameters"):
        f(X)


BAD = [
    (lambda: from_jax(3), errors.ArgumentError, "expected a function"),
    (lambda: from_torch(3), errors.ArgumentError, "expected a function"),
    (lambda: from_jax(jnp.sin, order=-1), errors.ArgumentError, "order=-1"),
    (
        lambda: from_jax(jnp.sin)({1, 2}),
        errors.ArgumentError,
        "argument 0 is a set",
    ),
    (lambda: from_jax(lambda x: x.astype(jnp.bfloat16))(X), errors.DtypeError, "bfloat16"),
    (lambda: from_torch(lambda x: x.bfloat16())(X), errors.DtypeError, "bfloat16"),
    (lambda: from_torch(lambda x: 3)(X), errors.DtypeError, "returned a int"),
    (lambda: from_torch(torch.sin)(np.ones(2, np.uint16)), errors.DtypeError, "uint16"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_input(number):
    call, kind, text = BAD[number]
    with pytest.raises(kind, match=text):
        call()
