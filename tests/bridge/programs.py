"""Whole programs, each a name, a function and arguments: what people write, end to end."""

import itertools

import numpy as np

import funcgrad as fg
from funcgrad import (
    checkpoint,
    custom_jvp,
    custom_vjp,
    grad,
    lax,
    nn,
    optim,
    random,
    value_and_grad,
    vmap,
)
from funcgrad.numpy import at

rng = np.random.default_rng(0)


def layers(*sizes, dtype=np.float64):
    return [
        {"w": (rng.normal(size=(a, b)) / np.sqrt(a)).astype(dtype), "b": np.zeros(b, dtype)}
        for a, b in itertools.pairwise(sizes)
    ]


def mlp_loss(params, x, labels):
    for layer in params[:-1]:
        x = np.tanh(x @ layer["w"] + layer["b"])
    z = x @ params[-1]["w"] + params[-1]["b"]
    z = z - np.max(z, axis=1, keepdims=True)
    return -np.mean(z[np.arange(len(labels)), labels] - np.log(np.sum(np.exp(z), axis=1)))


X, LABELS = rng.normal(size=(30, 2)), rng.integers(0, 3, 30)
MLP = layers(2, 16, 16, 3)
OPTIMIZER = optim.adam(1e-2)


def adam_step(params, state, x, labels):
    loss, grads = value_and_grad(mlp_loss)(params, x, labels)
    updates, state = OPTIMIZER.update(grads, state, params)
    return optim.apply_updates(params, updates), state, loss


def cnn_loss(params, images, labels):
    h = nn.relu(nn.conv(images, params["k"], padding="SAME"))
    h = nn.max_pool(h, (2, 2), (2, 2))
    z = h.reshape(len(images), -1) @ params["w"]
    return np.mean(nn.cross_entropy(z, labels))


CNN = {"k": rng.normal(size=(3, 3, 1, 4)), "w": rng.normal(size=(64, 10)) * 0.1}
IMAGES, DIGITS = rng.normal(size=(3, 8, 8, 1)), rng.integers(0, 10, 3)


def rnn_loss(params, xs):
    def step(h, x):
        h = np.tanh(params["w"] @ h + params["u"] @ x)
        return h, np.sum(h)

    return np.sum(lax.scan(step, np.zeros(8), xs)[1] ** 2)


RNN = {"w": rng.normal(size=(8, 8)) * 0.2, "u": rng.normal(size=(8, 4))}
SEQUENCE = rng.normal(size=(12, 4))


def newton_root(a):
    return lax.while_loop(lambda x: np.abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)


def roots_of_roots(a):
    """A loop in a loop, of unknown length both."""

    def body(state):
        x, k = state
        return newton_root(x) + 0.5, k + 1

    return lax.while_loop(lambda s: s[1] < 3, body, (a, 0))[0]


def scanned_roots(xs):
    return np.sum(lax.scan(lambda c, x: (c + newton_root(x + c), c), 0.5, xs)[0])


def branch_with_a_loop(x):
    return lax.cond(x > 1.0, newton_root, lambda x: x * x, x)


def block(params, x):
    """A transformer's block."""
    h = nn.layer_norm(x)
    q, k, v = (np.reshape(h @ params[n], (len(x), 2, -1)) for n in "qkv")
    attended = nn.dot_product_attention(q, k, v)
    x = x + np.reshape(attended, (len(x), -1)) @ params["o"]
    return x + nn.gelu(nn.layer_norm(x) @ params["up"]) @ params["down"]


BLOCK = {
    name: rng.normal(size=shape) * 0.3
    for name, shape in {
        **dict.fromkeys("qkvo", (8, 8)),
        "up": (8, 16),
        "down": (16, 8),
    }.items()
}
TOKENS = rng.normal(size=(5, 8))


@custom_vjp
def clipped(x):
    return x * 2.0


clipped.defvjp(lambda x: (x * 2.0, x), lambda x, ct: (np.clip(ct, -1.0, 1.0) * x,))


@custom_jvp
def log1pexp(x):
    return np.log(1.0 + np.exp(x))


@log1pexp.defjvp
def log1pexp_jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return log1pexp(x), t / (1.0 + np.exp(-x))


def updates(x, i, y):
    return np.sum(at(at(x)[i].set(y))[i].add(x[i]) ** 3)


def symmetric(a):
    return a @ a.T + 4.0 * np.eye(len(a))


A, VECTOR = rng.normal(size=(5, 5)), rng.normal(size=5)


def drawn(key, scale):
    first, second = random.split(key)
    return (
        random.normal(first, (50,)) * scale,
        random.uniform(second, (7,)),
        random.permutation(second, 10),
        random.randint(first, (5,), 0, 100),
        random.categorical(second, np.log(np.array([0.2, 0.3, 0.5]))),
    )


def relu_step(params, x, y):
    for layer in params[:-1]:
        x = nn.relu(x @ layer["w"] + layer["b"])
    z = x @ params[-1]["w"] + params[-1]["b"]
    return np.mean(nn.cross_entropy(z, y))


PROGRAMS = [
    ("mlp", value_and_grad(mlp_loss), (MLP, X, LABELS)),
    (
        "mlp float32",
        value_and_grad(relu_step),
        (layers(4, 8, 3, dtype=np.float32), rng.normal(size=(6, 4)).astype(np.float32), LABELS[:6]),
    ),
    ("adam", adam_step, (MLP, OPTIMIZER.init(MLP), X, LABELS)),
    ("cnn", value_and_grad(cnn_loss), (CNN, IMAGES, DIGITS)),
    ("rnn", value_and_grad(rnn_loss), (RNN, SEQUENCE)),
    ("transformer", value_and_grad(lambda p, x: np.sum(block(p, x) ** 2)), (BLOCK, TOKENS)),
    ("while", newton_root, (2.0,)),
    ("reverse while", value_and_grad(newton_root), (2.0,)),
    (
        "reverse while in a batch",
        vmap(value_and_grad(newton_root)),
        (np.array([2.0, 3.0, 50.0, 1e4]),),
    ),
    ("reverse while in a while", value_and_grad(roots_of_roots), (7.0,)),
    ("the same in a batch", vmap(value_and_grad(roots_of_roots)), (np.array([7.0, 70.0, 2.0]),)),
    ("reverse while in a scan", value_and_grad(scanned_roots), (np.array([2.0, 30.0, 4.0]),)),
    (
        "reverse while in a branch",
        vmap(value_and_grad(branch_with_a_loop)),
        (np.array([0.5, 3.0, 9.0]),),
    ),
    ("one branch with a loop", value_and_grad(branch_with_a_loop), (0.5,)),
    ("second order of while", grad(grad(newton_root)), (2.0,)),
    (
        "branches in a batch",
        vmap(grad(lambda x: lax.cond(x > 0, lambda x: np.log(x) * x, lambda x: x**2, x))),
        (np.array([1.0, -2.0, 3.0]),),
    ),
    (
        "switch",
        vmap(lambda i, x: lax.switch(i, [np.sin, np.cos, lambda x: x], x)),
        (np.array([2, 0, 1]), np.array([1.0, 2.0, 3.0])),
    ),
    (
        "solve",
        value_and_grad(lambda a, b: np.sum(np.linalg.solve(symmetric(a), b) ** 2)),
        (A, VECTOR),
    ),
    ("cholesky", value_and_grad(lambda a: np.sum(np.linalg.cholesky(symmetric(a)) ** 3)), (A,)),
    (
        "eigh",
        value_and_grad(
            lambda a: (
                np.sum(np.linalg.eigh(symmetric(a))[0][:3] ** 2)
                + np.sum(np.linalg.eigh(symmetric(a))[1][:, 0] ** 4)
            )
        ),
        (A,),
    ),
    ("rfft", value_and_grad(lambda x: np.sum(np.abs(np.fft.rfft(x)) ** 3)), (rng.normal(size=16),)),
    (
        "updates",
        value_and_grad(updates),
        (rng.normal(size=9), np.array([3, 1, 3, -1]), rng.normal(size=4)),
    ),
    (
        "checkpoint",
        value_and_grad(lambda x: np.sum(checkpoint(lambda x: np.sin(np.exp(x) * x))(x))),
        (VECTOR,),
    ),
    ("custom_vjp", value_and_grad(lambda x: np.sum(clipped(x) ** 2)), (VECTOR,)),
    ("custom_jvp", fg.hessian(lambda x: np.sum(log1pexp(x) * x)), (VECTOR,)),
    (
        "fixed point",
        value_and_grad(lambda a: fg.fixed_point(lambda x, a: np.cos(x * a), 0.5, a)),
        (0.8,),
    ),
    ("random", drawn, (random.key(3), 2.0)),
    ("hessian", fg.hessian(lambda x: np.sum(np.prod(x) * np.sin(x))), (VECTOR,)),
    (
        "jacfwd of a scan",
        fg.jacfwd(lambda x: lax.scan(lambda c, x: (c * x, np.sin(c)), 1.0, x)[1]),
        (VECTOR,),
    ),
    (
        "associative scan",
        value_and_grad(lambda x: np.sum(lax.associative_scan(np.multiply, x) ** 2)),
        (VECTOR,),
    ),
]
