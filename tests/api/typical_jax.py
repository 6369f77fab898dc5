"""A program as JAX's users write it; `tests/api/test_typical_jax.py` runs it here and with JAX.

The imports are those of the two libraries, and stand in the test. `RESULTS` is what it computes.
"""

# ruff: noqa: F821, RUF007, RUF059
from functools import partial
from typing import NamedTuple

jax.config.update("jax_enable_x64", True)


class Params(NamedTuple):
    weights: list
    biases: list


class TrainState(NamedTuple):
    params: Params
    opt_state: object
    step: jax.Array


def init_params(rng: jax.Array, sizes) -> Params:
    weights, biases = [], []
    for key, (m, n) in zip(jax.random.split(rng, len(sizes) - 1), zip(sizes[:-1], sizes[1:])):
        weights.append(jax.random.normal(key, (m, n)) / jnp.sqrt(m))
        biases.append(jnp.zeros((n,)))
    return Params(weights, biases)


def fixed_params(sizes) -> Params:
    def fill(m, n):
        return jnp.sin(jnp.arange(m * n, dtype=jnp.float64)).reshape(m, n) / m

    return Params(
        [fill(m, n) for m, n in zip(sizes[:-1], sizes[1:])], [jnp.zeros(n) for n in sizes[1:]]
    )


def predict(params: Params, x: jax.Array) -> jax.Array:
    *hidden, last = zip(params.weights, params.biases)
    for w, b in hidden:
        x = jax.nn.relu(jnp.dot(x, w) + b)
    w, b = last
    return x @ w + b


def loss_fn(params, batch):
    x, y = batch
    logits = jax.vmap(predict, in_axes=(None, 0))(params, x)
    labels = jax.nn.one_hot(y, logits.shape[-1])
    loss = -jnp.mean(jnp.sum(jax.nn.log_softmax(logits) * labels, axis=-1))
    l2 = jax.tree_util.tree_reduce(lambda a, w: a + jnp.sum(w**2), params.weights, 0.0)
    return loss + 1e-4 * l2, {"accuracy": jnp.mean(jnp.argmax(logits, -1) == y)}


tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(learning_rate=1e-2))


@jax.jit
def train_step(state: TrainState, batch):
    (loss, aux), grads = jax.value_and_grad(loss_fn, has_aux=True)(state.params, batch)
    updates, opt_state = tx.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    return TrainState(params, opt_state, state.step + 1), (loss, aux["accuracy"])


inputs = jnp.cos(jnp.arange(64.0 * 3)).reshape(64, 3)
targets = (inputs.sum(axis=1) > 0).astype(jnp.int32)
params = fixed_params([3, 8, 2])
state = TrainState(params, tx.init(params), jnp.asarray(0))
state, (losses, accuracies) = jax.lax.scan(
    lambda s, _: train_step(s, (inputs, targets)), state, None, length=30
)
random_params = init_params(jax.random.PRNGKey(0), [3, 8, 2])
shapes = jax.tree.map(jnp.shape, random_params)


@partial(jax.jit, static_argnames=("num_steps",))
def simulate(x0, num_steps: int, dt=0.05):
    def step(carry, t):
        x, v = carry
        a = -x - 0.1 * v + jnp.where(t < 5, 0.2, 0.0)
        v = v + dt * a
        return (x + dt * v, v), x

    (x, v), xs = jax.lax.scan(step, (x0, jnp.zeros_like(x0)), jnp.arange(num_steps))
    return x, xs


@jax.custom_vjp
def clip_gradient(lo, hi, x):
    return x


clip_gradient.defvjp(
    lambda lo, hi, x: (x, (lo, hi)), lambda res, g: (None, None, jnp.clip(g, res[0], res[1]))
)


@jax.custom_jvp
def log1pexp(x):
    return jnp.log(1.0 + jnp.exp(x))


@log1pexp.defjvp
def log1pexp_jvp(primals, tangents):
    (x,), (dx,) = primals, tangents
    return log1pexp(x), (1 - 1 / (1 + jnp.exp(x))) * dx


@jax.jit
def newton_sqrt(a):
    def cond_fun(val):
        x, i = val
        return (jnp.abs(x * x - a) > 1e-12) & (i < 50)

    def body_fun(val):
        x, i = val
        return 0.5 * (x + a / x), i + 1

    return jax.lax.while_loop(cond_fun, body_fun, (a, 0))[0]


@jax.jit
def histogram(values, edges):
    last = edges.shape[0] - 2
    index = jnp.clip(jnp.searchsorted(edges, values, side="right") - 1, 0, last)
    return jnp.bincount(index, length=last + 1), values.at[index].add(1.0)


@jax.jit
def game_of_life(board, steps):
    def neighbours(b):
        return sum(jnp.roll(b, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) - b

    return jax.lax.fori_loop(
        0,
        steps,
        lambda i, b: ((neighbours(b) == 3) | ((b == 1) & (neighbours(b) == 2))).astype(b.dtype),
        board,
    )


@jax.checkpoint
def block(x, w):
    return jnp.tanh(x @ w)


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def attention(q, k, v, mask=None):
    scores = jnp.einsum("qd,kd->qk", q, k) / jnp.sqrt(q.shape[-1])
    if mask is not None:
        scores = jnp.where(mask, scores, -jnp.inf)
    return jax.nn.softmax(scores, axis=-1) @ v


@partial(jax.jit, static_argnums=(1,))
def moving_average(x, window):
    return jax.vmap(lambda i: jax.lax.dynamic_slice(x, (i,), (window,)).mean())(jnp.arange(8))


def normalise(x):
    return x - jax.lax.pmean(x, axis_name="batch")


@jax.jit
def update(array, mask, value):
    array = array.at[0].set(value)
    array = array.at[1:3].multiply(2.0)
    array = array.at[jnp.array([3, 9])].add(1.0, mode="drop")
    return jax.lax.select(mask, array, -array), array.at[9].get(mode="fill", fill_value=0.0)


x = jnp.linspace(-1.0, 1.0, 5)
w = jnp.sin(jnp.arange(25.0)).reshape(5, 5)
top, where_top = jax.lax.top_k(x, 2)
order, ranks = jax.lax.sort_key_val(-x, jnp.arange(5))
value, pullback = jax.vjp(jnp.sin, x)
flat, unravel = jax.flatten_util.ravel_pytree(state.params)
leaves_with_path, _ = jax.tree_util.tree_flatten_with_path({"a": {"b": x}, "c": [w, None]})
spec = jax.eval_shape(predict, params, jax.ShapeDtypeStruct((3,), jnp.float64))
RESULTS = {
    "losses": losses,
    "accuracies": accuracies,
    "step": state.step,
    "shapes": shapes,
    "simulate": simulate(jnp.array([1.0, 2.0]), num_steps=20),
    "simulate gradient": jax.grad(lambda x0: simulate(x0, num_steps=20)[0].sum())(jnp.ones(2)),
    "clipped": jax.grad(lambda x: clip_gradient(-1.0, 1.0, x * 5.0))(3.0),
    "log1pexp": (jax.grad(log1pexp)(100.0), jax.vmap(jax.grad(jax.grad(log1pexp)))(x)),
    "newton": newton_sqrt(2.0),
    "histogram": histogram(x, jnp.array([-1.0, -0.4, 0.4, 1.0])),
    "life": game_of_life(jnp.eye(6, dtype=jnp.int32) + jnp.eye(6, k=1, dtype=jnp.int32), 4),
    "checkpoint": jax.grad(lambda w: block(block(x, w), w).sum())(w),
    "hessian": jax.hessian(rosenbrock)(x),
    "jacobian": jax.jacfwd(jax.jacrev(rosenbrock))(x),
    "hvp": jax.jvp(jax.grad(rosenbrock), (x,), (jnp.ones_like(x),))[1],
    "attention": attention(w, w, w, mask=jnp.tril(jnp.ones((5, 5), dtype=bool))),
    "moving average": moving_average(jnp.arange(10.0), 3),
    "normalised": jax.vmap(normalise, axis_name="batch")(x),
    "updated": update(x, jnp.array([True, False, True, False, True]), 7.0),
    "top": (top, where_top, order, ranks),
    "pullback": pullback(jnp.ones_like(x)),
    "cumulative": jax.lax.associative_scan(jnp.multiply, x + 2.0),
    "cond": jax.lax.cond(x.sum() > 1, lambda x: x + 1, lambda x: x - 1, x),
    "switch": jax.lax.switch(1, [lambda x: x, lambda x: 2 * x], x),
    "logsumexp": jax.scipy.special.logsumexp(w, axis=1),
    "flat": (flat.shape, unravel(flat).weights[0].shape),
    "paths": [jax.tree_util.keystr(path) for path, _ in leaves_with_path],
    "spec": (spec.shape, str(spec.dtype)),
    "segments": jax.lax.reduce_max(w, (0,)),
    "stopped": jax.grad(lambda x: jnp.sum(x * jax.lax.stop_gradient(x)))(x),
    "isinstance": (isinstance(x, jax.Array), isinstance(3.0, jax.Array)),
    "unique": jax.jit(lambda x: jnp.unique(x, size=3, fill_value=-1))(jnp.array([2, 1, 2])),
    "ready": jax.block_until_ready(jax.device_put(jnp.ones(2))),
}
