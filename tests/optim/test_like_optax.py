"""Optimizers and their parts against Optax, 100 steps each: `pytest -m peers`."""

import numpy as np
import pytest

from funcgrad import grad, jit, optim, tree

RNG = np.random.default_rng(3)
PARAMS = {
    "w": RNG.normal(size=(3, 4)),
    "layers": [RNG.normal(size=(4, 3)), RNG.normal(size=4)],
    "b": RNG.normal(size=()),
}
SCALES = {"w": 1.0, "layers": [0.1, 10.0], "b": 3.0}


def cost(params):
    terms = tree.map(lambda s, p: np.sum(s * p**2 + np.sin(3.0 * p)), SCALES, params)
    return sum(tree.leaves(terms))


def rate(step):
    return 0.05 / (1.0 + 0.1 * step)


MASK = {"w": True, "layers": [True, False], "b": False}
CALLS = {
    "sgd": ("sgd", (0.01,), {}),
    "sgd, momentum": ("sgd", (0.01, 0.9), {}),
    "sgd, nesterov": ("sgd", (0.01, 0.9, True), {}),
    "sgd, schedule": ("sgd", (rate, 0.9), {}),
    "adagrad": ("adagrad", (0.1,), {}),
    "adagrad, from 0": ("adagrad", (0.1, 0.0, 1e-3), {}),
    "rmsprop": ("rmsprop", (0.01,), {}),
    "rmsprop, momentum": ("rmsprop", (0.01, 0.8, 1e-3), {"momentum": 0.7, "centered": True}),
    "rmsprop, outside": ("rmsprop", (0.01,), {"eps_in_sqrt": False, "bias_correction": True}),
    "rmsprop, nesterov": (
        "rmsprop",
        (0.01,),
        {"momentum": 0.9, "nesterov": True, "initial_scale": 1.0},
    ),
    "adam": ("adam", (0.05,), {}),
    "adam, all": ("adam", (rate, 0.8, 0.95, 1e-3, 1e-4), {}),
    "adam, nesterov": ("adam", (0.05,), {"nesterov": True}),
    "adamw": ("adamw", (0.05,), {}),
    "adamw, mask": ("adamw", (0.05,), {"weight_decay": 0.3, "mask": MASK}),
    "nadam": ("nadam", (0.05,), {}),
    "nadamw": ("nadamw", (0.05,), {"weight_decay": 0.1}),
    "radam": ("radam", (0.05,), {}),
    "radam, fast": ("radam", (0.05, 0.9, 0.9), {}),
    "adamax": ("adamax", (0.05,), {}),
    "lamb": ("lamb", (0.05,), {}),
    "lamb, mask": ("lamb", (0.05,), {"weight_decay": 0.1, "mask": MASK}),
    "lion": ("lion", (0.01,), {}),
    "lion, mask": ("lion", (rate, 0.8, 0.9), {"weight_decay": 0.1, "mask": MASK}),
    "muon": ("contrib.muon", (0.05,), {}),
    "muon, decay": ("contrib.muon", (rate,), {"weight_decay": 0.1, "nesterov": False}),
    "prodigy": ("contrib.prodigy", (), {}),
    "prodigy, all": (
        "contrib.prodigy",
        (0.5, (0.8, 0.99)),
        {"weight_decay": 0.1, "safeguard_warmup": True, "estim_lr0": 1e-3},
    ),
    "schedule_free_sgd": ("contrib.schedule_free_sgd", (0.05,), {}),
    "schedule_free_sgd, warmup": (
        "contrib.schedule_free_sgd",
        (0.05, 10),
        {"weight_decay": 0.1},
    ),
    "schedule_free_adamw": ("contrib.schedule_free_adamw", (0.05, 10), {"weight_decay": 0.1}),
    "scale": ("scale", (-0.01,), {}),
    "identity": ("identity", (), {}),
    "set_to_zero": ("set_to_zero", (), {}),
    "clip": ("clip", (0.5,), {}),
    "clip_by_global_norm": ("clip_by_global_norm", (1.0,), {}),
    "add_decayed_weights": ("add_decayed_weights", (0.1, MASK), {}),
    "scale_by_learning_rate": ("scale_by_learning_rate", (rate,), {}),
    "scale_by_schedule": ("scale_by_schedule", (rate,), {}),
    "trace": ("trace", (0.9,), {"nesterov": True}),
    "ema": ("ema", (0.9,), {}),
    "ema, biased": ("ema", (0.9, False), {}),
    "scale_by_adam": ("scale_by_adam", (), {}),
    "scale_by_adamax": ("scale_by_adamax", (), {}),
    "scale_by_radam": ("scale_by_radam", (), {}),
    "scale_by_lion": ("scale_by_lion", (), {}),
    "scale_by_rms": ("scale_by_rms", (), {}),
    "scale_by_stddev": ("scale_by_stddev", (), {"initial_scale": 1.0}),
    "scale_by_rss": ("scale_by_rss", (), {}),
}
WRAPPED = {
    "chain": lambda o: o.chain(o.clip_by_global_norm(1.0), o.adam(0.05)),
    "masked": lambda o: o.chain(o.masked(o.scale(3.0), MASK), o.sgd(0.01)),
    "multi_transform": lambda o: o.multi_transform(
        {"a": o.adam(0.05), "b": o.sgd(0.01), "none": o.set_to_zero()},
        {"w": "a", "layers": ["b", "none"], "b": "a"},
    ),
    "partition, function": lambda o: o.partition(
        {True: o.adam(0.05), False: o.lion(0.01)}, lambda params: MASK
    ),
    "MultiSteps": lambda o: _pair(o.MultiSteps(o.adam(0.05), 3)),
    "apply_if_finite": lambda o: o.apply_if_finite(o.adam(0.05), 2),
    "inject_hyperparams": lambda o: o.inject_hyperparams(o.adam)(learning_rate=rate, b1=0.8),
    "a scheduled b1": lambda o: o.inject_hyperparams(o.scale_by_adam)(
        b1=lambda step: 0.9 - 0.2 / (1.0 + step)
    ),
}


def _pair(opt):
    return opt.gradient_transformation() if hasattr(opt, "gradient_transformation") else opt


def ours(opt, grads, params=PARAMS):
    state, seen = opt.init(params), []
    step = jit(lambda g, s, p: opt.update(g, s, p))
    for g in grads:
        updates, state = step(g, state, params)
        params = optim.apply_updates(params, updates)
        seen.append(tree.ravel(params)[0])
    return np.array(seen), state


def theirs(jax, opt, grads):
    import optax

    with jax.enable_x64(True):
        params = jax.tree.map(jax.numpy.asarray, PARAMS)
        state, seen = opt.init(params), []
        update = jax.jit(opt.update)
        for g in grads:
            updates, state = update(jax.tree.map(jax.numpy.asarray, g), state, params)
            params = optax.apply_updates(params, updates)
            leaves = jax.tree.leaves(params)
            seen.append(np.concatenate([np.ravel(np.asarray(x)) for x in leaves]))
    return np.array(seen)


def gradients(count=100):
    params, found = PARAMS, []
    for k in range(count):
        found.append(grad(cost)(params))
        params = tree.map(lambda p, g, k=k: p - 0.02 * g + 0.01 * np.cos(k), params, found[-1])
    return found


def resolve(module, name):
    for part in name.split("."):
        module = getattr(module, part)
    return module


@pytest.mark.peers
@pytest.mark.parametrize("label", CALLS)
def test_optax_has_the_same_numbers(label):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    name, args, kwargs = CALLS[label]
    with jax.enable_x64(True):
        peer = resolve(optax, name)(*args, **kwargs)
    opt = getattr(optim, name.rpartition(".")[2])(*args, **kwargs)
    grads = gradients()
    # Optax's warm-ups compute in float32.
    atol = 2e-7 if "warmup" in label or name.endswith("free_adamw") else 1e-9
    expected = theirs(jax, peer, grads)
    np.testing.assert_allclose(ours(opt, grads)[0], expected, rtol=1e-6, atol=atol)


@pytest.mark.peers
@pytest.mark.parametrize("label", WRAPPED)
def test_optax_has_the_same_numbers_in_wrappers(label):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    grads = gradients()
    if label == "apply_if_finite":
        for k in (3, 4, 20, 50, 51, 52, 53):
            grads[k] = tree.map(lambda g: g * np.nan, grads[k])
        grads = grads[:52]
    with jax.enable_x64(True):
        peer = WRAPPED[label](optax)
        expected = theirs(jax, peer, grads)
    found = ours(WRAPPED[label](optim), grads)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.peers
def test_lookahead_and_plateau_are_optaxs():
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    grads, values = gradients(60), np.abs(np.sin(np.arange(60.0) / 7)) + 1.0
    start = np.array([1.0, -2.0])
    with jax.enable_x64(True):
        peer = optax.lookahead(optax.sgd(0.1), 4, 0.3)
        params = optax.LookaheadParams.init_synced(jax.numpy.asarray(start))
        state, expected = peer.init(params), []
        for g in grads:
            updates, state = peer.update(jax.numpy.asarray(g["layers"][1][:2]), state, params)
            params = optax.apply_updates(params, updates)
            expected.append(np.asarray(params.slow))
    opt = optim.lookahead(optim.sgd(0.1), 4, 0.3)
    params = optim.LookaheadParams.init_synced(start)
    state, found = opt.init(params), []
    for g in grads:
        params, state = opt.step(params, g["layers"][1][:2], state)
        found.append(params.slow)
    np.testing.assert_allclose(found, expected, rtol=1e-12)

    options = {"factor": 0.5, "patience": 3, "cooldown": 2, "accumulation_size": 2}
    with jax.enable_x64(True):
        peer = optax.contrib.reduce_on_plateau(**options)
        state, expected = peer.init(1.0), []
        for value in values:
            updates, state = peer.update(jax.numpy.asarray(1.0), state, value=value)
            expected.append(float(updates))
    opt = optim.reduce_on_plateau(**options)
    state, found = opt.init(1.0), []
    for value in values:
        updates, state = opt.update(1.0, state, value=value)
        found.append(float(updates))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.peers
def test_global_norm_and_incremental_update_are_optaxs():
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    with jax.enable_x64(True):
        np.testing.assert_allclose(optim.global_norm(PARAMS), optax.tree.norm(PARAMS))
        old = tree.map(np.cos, PARAMS)
        expected = optax.incremental_update(PARAMS, old, 0.3)
    found = optim.incremental_update(PARAMS, old, 0.3)
    for a, b in zip(tree.leaves(found), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, np.asarray(b))
