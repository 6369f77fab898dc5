"""Every optimizer prints, pickles, jits, vmaps, scans, differentiates; none mutates or aliases."""

import copy
import pickle

import numpy as np
import pytest

from funcgrad import grad, jit, optim, scan, tree, vmap
from funcgrad.errors import ArgumentError, DtypeError, StructureError

OPTIMIZERS = {
    "sgd": optim.sgd(0.05),
    "momentum": optim.sgd(0.05, 0.9, nesterov=True),
    "adagrad": optim.adagrad(0.1),
    "rmsprop": optim.rmsprop(0.02, momentum=0.5, centered=True),
    "adam": optim.adam(0.05),
    "adamw": optim.adamw(0.05, weight_decay=0.1, mask=lambda p: tree.map(lambda x: x.ndim > 0, p)),
    "nadam": optim.nadam(0.05),
    "radam": optim.radam(0.05, 0.9, 0.9),
    "adamax": optim.adamax(0.05),
    "lamb": optim.lamb(0.05, weight_decay=0.01),
    "lion": optim.lion(0.01),
    "muon": optim.muon(0.05),
    "schedule-free": optim.schedule_free_adamw(0.05, 3),
    "prodigy": optim.prodigy(estim_lr0=1e-2),
    "clipped": optim.chain(optim.clip_by_global_norm(1.0), optim.clip(0.5), optim.adam(0.05)),
    "groups": optim.partition(
        {"a": optim.adam(0.05), "b": optim.sgd(0.1, 0.9)},
        optim.labels_by_path((r"^w", "a"), default="b"),
    ),
    "frozen": optim.freeze(optim.adam(0.05), "c"),
    "small batches": optim.MultiSteps(optim.adam(0.05), 2),
    "finite": optim.apply_if_finite(optim.adam(0.05), 2),
    "scaled loss": optim.dynamic_loss_scale(optim.adam(0.05), 1.0),
    "a scheduled b1": optim.adam(0.05, b1=optim.linear_schedule(0.5, 0.9, 10)),
    "schedules": optim.adamw(
        optim.cosine_decay_schedule(0.1, 50),
        optim.linear_schedule(0.5, 0.9, 10),
        weight_decay=optim.linear_schedule(0.1, 0.0, 20),
    ),
}
PARAMS = {"w": np.array([[1.0, -2.0, 0.5], [0.3, 0.7, -1.1]]), "b": np.array([0.4, -0.3])}
PARAMS = {**PARAMS, "c": np.float64(0.8)}
every = pytest.mark.parametrize("label", OPTIMIZERS)


def cost(params):
    w, b, c = params["w"], params["b"], params["c"]
    return np.sum((w @ np.array([1.0, 2.0, -1.0]) + b) ** 2) + np.sum(np.sin(w)) + c**2


def train(opt, params, steps, weight=1.0):
    state = opt.init(params)
    for _ in range(steps):
        params, state = opt.step(params, grad(lambda p: weight * cost(p))(params), state)
    return params, state


def flat(x):
    return tree.ravel(tree.map(np.float64, x))[0]


@every
def test_it_prints_as_its_call_and_pickles(label):
    opt = OPTIMIZERS[label]
    text = repr(opt)
    assert text.endswith(")")
    assert "object at" not in text
    if label in ("adamw", "groups"):
        return  # holds a function of this module's
    again = pickle.loads(pickle.dumps(opt))
    assert repr(again) == text
    np.testing.assert_array_equal(flat(train(again, PARAMS, 4)[0]), flat(train(opt, PARAMS, 4)[0]))


def test_what_an_optimizer_prints():
    assert repr(optim.sgd(0.1)) == "sgd(learning_rate=0.1, momentum=None, nesterov=False)"
    chained = optim.chain(optim.clip(1.0), optim.scale(-0.1))
    assert repr(chained) == "chain(clip(max_delta=1.0), scale(step_size=-0.1))"
    schedule = optim.linear_schedule(1.0, 0.0, 10)
    assert f"learning_rate={schedule!r}" in repr(optim.adam(schedule))


@every
def test_states_pickle_and_training_goes_on_from_there(label):
    opt = OPTIMIZERS[label]
    params, state = train(opt, PARAMS, 3)
    params, state = pickle.loads(pickle.dumps((params, state)))
    for _ in range(3):
        params, state = opt.step(params, grad(cost)(params), state)
    np.testing.assert_array_equal(flat(params), flat(train(opt, PARAMS, 6)[0]))


@every
def test_jit_is_the_plain_step(label):
    opt = OPTIMIZERS[label]
    step = jit(lambda p, s: opt.step(p, grad(cost)(p), s))
    params, state = PARAMS, opt.init(PARAMS)
    for _ in range(8):
        params, state = step(params, state)
    expected, plain = train(opt, PARAMS, 8)
    np.testing.assert_allclose(flat(params), flat(expected), rtol=1e-9, atol=1e-12)
    assert step.cache_info().misses <= 2  # Python numbers at first, NumPy's after
    assert tree.structure(state) is tree.structure(plain)


@every
def test_scan_is_the_loop(label):
    opt = OPTIMIZERS[label]

    def body(carry, _):
        params, state = carry
        return opt.step(params, grad(cost)(params), state), None

    (params, _), _ = scan(body, (PARAMS, opt.init(PARAMS)), None, length=6)
    np.testing.assert_allclose(flat(params), flat(train(opt, PARAMS, 6)[0]), rtol=1e-9, atol=1e-12)


@every
def test_vmap_trains_each_model_by_itself(label):
    opt = OPTIMIZERS[label]
    shifts = np.linspace(-0.5, 0.5, 5)
    many = tree.map(lambda p: np.stack([p + s for s in shifts]), PARAMS)

    def step(params, state):
        return opt.step(params, grad(cost)(params), state)

    params, state = many, vmap(opt.init)(many)
    for _ in range(4):
        params, state = vmap(step)(params, state)
    for k, shift in enumerate(shifts):
        expected = train(opt, tree.map(lambda p, s=shift: p + s, PARAMS), 4)[0]
        found = tree.map(lambda p, k=k: p[k], params)
        np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("label", [k for k in OPTIMIZERS if k not in ("lion", "finite")])
def test_hypergradients_through_100_steps_are_numerical(label):
    """By a weight of the loss.

    Muon's iteration doubles what differs in each step until a difference quotient has no digit
    left: 30 steps of it. The centred variance of RMSprop is rounding once it has converged, which a
    wide difference quotient averages out.
    """
    opt = OPTIMIZERS[label]
    length = 30 if label == "muon" else 100

    @jit
    def after(weight):
        def body(carry, _):
            params, state = carry
            g = grad(lambda p: cost(p) + weight * np.sum(p["w"] ** 2))(params)
            return opt.step(params, g, state), None

        (params, _), _ = scan(body, (PARAMS, opt.init(PARAMS)), None, length=length)
        return np.sum(params["w"] * np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.2]]))

    h = 1e-4 if label == "rmsprop" else 1e-5
    numerical = (after(0.3 + h) - after(0.3 - h)) / (2 * h)
    np.testing.assert_allclose(grad(after)(0.3), numerical, rtol=2e-3, atol=2e-5)


@every
def test_nothing_is_mutated_and_nothing_shared(label):
    opt = OPTIMIZERS[label]
    params, grads = copy.deepcopy(PARAMS), grad(cost)(PARAMS)
    state = opt.init(params)
    before = copy.deepcopy((params, grads, state))
    updates, after = opt.update(grads, state, params)
    for a, b in zip(tree.leaves((params, grads, state)), tree.leaves(before), strict=True):
        np.testing.assert_array_equal(a, b)
    given = [x for x in tree.leaves((params, grads, state)) if isinstance(x, np.ndarray) and x.ndim]
    for out in tree.leaves((updates, after)):
        if isinstance(out, np.ndarray) and out.ndim and label not in ("prodigy", "small batches"):
            assert not any(np.may_share_memory(out, x) for x in given), out


@every
def test_zero_gradients_in_float16_are_never_nan(label):
    opt = OPTIMIZERS[label]
    params = tree.map(lambda p: np.asarray(p, np.float16)[()], PARAMS)
    state = opt.init(params)
    for scale in (0.0, 1e-7, 0.0, 6e4):
        grads = tree.map(lambda p, s=scale: np.full(np.shape(p), s, np.float16)[()], params)
        params, state = opt.step(params, grads, state)
    assert all(np.all(np.isfinite(p)) for p in tree.leaves(params))
    assert all(p.dtype == np.float16 for p in tree.leaves(params))
    for x in tree.leaves(state):
        dtype = np.asarray(x).dtype
        assert dtype.kind in "ib" or dtype.itemsize >= 4


@every
def test_a_state_of_other_parameters_is_refused_with_its_path(label):
    opt = OPTIMIZERS[label]
    other = {**PARAMS, "w": np.ones((4, 5))}
    state = opt.init(other)
    try:
        opt.update(grad(cost)(PARAMS), state, PARAMS)
    except (StructureError, ArgumentError) as error:
        assert "w" in str(error)
    else:
        assert all(np.shape(x) != (4, 5) for x in tree.leaves(state))


def test_a_state_of_another_optimizer_is_refused():
    with pytest.raises(ArgumentError, match="update got an AdamState in the place of its SgdState"):
        optim.sgd(0.1).update(1.0, optim.adam(0.1).init(1.0))
    two = optim.chain(optim.clip(1.0), optim.sgd(0.1))
    three = optim.chain(optim.clip(1.0), optim.sgd(0.1), optim.scale(2.0))
    with pytest.raises(ArgumentError, match="of a chain of 2, and this one has 3"):
        three.update(1.0, two.init(1.0))


def test_integer_leaves_are_refused_with_their_path():
    params = {"n": np.array([1, 2]), "w": np.ones(2)}
    opt = optim.adam(0.1)
    with pytest.raises(DtypeError, match=r"the parameter at \['n'\] is int64"):
        opt.update({"n": np.array([1, 1]), "w": np.ones(2)}, opt.init(params), params)


def test_parameters_may_be_left_out_where_they_are_not_needed():
    g = {"w": np.ones(2)}
    for opt in (optim.adam(0.1), optim.sgd(0.1, 0.9), optim.chain(optim.clip(1.0), optim.sgd(1.0))):
        with_them = opt.update(g, opt.init(g), g)[0]
        np.testing.assert_array_equal(opt.update(g, opt.init(g))[0]["w"], with_them["w"])
    for opt in (optim.adamw(0.1), optim.lamb(0.1), optim.lion(0.1), optim.prodigy()):
        with pytest.raises(ArgumentError, match="update needs the parameters"):
            opt.update(g, opt.init(g))


def test_hyperparameters_that_are_schedules():
    opt = optim.chain(
        optim.clip(1.0), optim.adam(optim.linear_schedule(1.0, 0.0, 4), b2=lambda t: 0.9)
    )
    state = opt.init(1.0)
    rates, seconds = [], []
    for _ in range(3):
        rates.append(float(state.learning_rate))
        seconds.append(float(state.b2))
        _, state = opt.update(1.0, state)
    assert rates == [1.0, 0.75, 0.5]
    assert seconds == [0.9] * 3
    with pytest.raises(ArgumentError, match="the schedule of b1 does not take one argument"):
        optim.adam(0.1, b1=lambda: 0.9).init(1.0)
    with pytest.raises(ArgumentError, match="adam: b1 must be a number, got 'high'"):
        optim.adam(0.1, b1=lambda t: "high").init(1.0)
    with pytest.raises(AttributeError, match="AdamState has no b3"):
        _ = opt.init(1.0).states[1].b3


def test_a_constant_schedule_is_the_constant():
    a = train(optim.adamw(0.05, 0.8, 0.95, 1e-6, 1e-6, 0.1), PARAMS, 20)[0]
    one = lambda x: lambda step: x  # noqa: E731
    b = train(
        optim.adamw(one(0.05), one(0.8), one(0.95), one(1e-6), one(1e-6), one(0.1)), PARAMS, 20
    )[0]
    np.testing.assert_allclose(flat(a), flat(b), rtol=1e-11)


def test_groups_and_masks_that_do_not_fit():
    groups = {"a": optim.sgd(0.1)}
    with pytest.raises(ArgumentError, match="the label 'z' has no optimizer"):
        optim.partition(groups, {"w": "a", "b": "z", "c": "a"}).init(PARAMS)
    with pytest.raises(ArgumentError, match="no rule fits the parameter b"):
        optim.partition(groups, optim.labels_by_path((r"^w", "a"))).init(PARAMS)
    with pytest.raises(StructureError, match="masked: the mask"):
        optim.masked(optim.sgd(0.1), {"w": True}).init(PARAMS)
    with pytest.raises(StructureError, match="True or False at each leaf"):
        optim.masked(optim.sgd(0.1), {"w": 1.0, "b": True, "c": True}).init(PARAMS)


def test_nan_gradients_are_left_out_and_counted():
    opt = optim.apply_if_finite(optim.sgd(0.1), 2)
    params, state = np.ones(2), opt.init(np.ones(2))
    params, state = opt.step(params, np.array([1.0, np.nan]), state)
    np.testing.assert_array_equal(params, np.ones(2))
    assert (int(state.notfinite_count), bool(state.last_finite)) == (1, False)
    params, state = opt.step(params, np.ones(2), state)
    np.testing.assert_allclose(params, 0.9 * np.ones(2))
    for _ in range(3):
        params, state = opt.step(params, np.array([1.0, np.inf]), state)
    assert not np.all(np.isfinite(params))


def test_tracebacks_show_none_of_the_library():
    opt = optim.adam(0.1)
    with pytest.raises(ArgumentError) as caught:
        opt.update(1.0, 3.0)
    assert all("funcgrad/optim" not in str(entry.path) for entry in caught.traceback)


def test_loss_scaling_trains_where_float16_gradients_are_0():
    data = np.linspace(0.0, 1.0, 8).astype(np.float16)

    def loss(w):
        return np.mean((data * w - data) ** 2) * np.float16(1e-6)

    w = np.float16(3.0)
    assert grad(loss)(w) == 0 or abs(grad(loss)(w)) < 1e-5
    opt = optim.dynamic_loss_scale(optim.adam(0.05), 2.0**14)
    state = opt.init(w)
    for _ in range(200):
        scale = np.float32(state.scale)
        g = grad(lambda w, s=scale: loss(w).astype(np.float32) * s)(w)
        w, state = opt.step(w, np.float16(g), state)
    assert abs(float(w) - 1.0) < 0.2
