"""`funcgrad.optim` against the formulas of the papers, written out in NumPy, and PyTorch."""

import copy
import dataclasses
import math
import pickle
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from funcgrad import errors, grad, jit, optim, tree, value_and_grad
from funcgrad.numpy import at

RNG = np.random.default_rng(0)
PARAMS = {"w": RNG.normal(size=(3, 2)), "layers": [RNG.normal(size=4), np.float64(0.5)]}
GRADS = [tree.map(lambda p: RNG.normal(size=np.shape(p)) * 3, PARAMS) for _ in range(6)]


def says(caught):
    """The text of an error, and that its last line names the line of the test."""
    *lines, place = str(caught.value).split("\n")
    assert re.fullmatch(
        r"At test_optim\.py:\d+ in .*\. See help\(funcgrad\.errors\.\w+\)", place
    ), place
    return "\n".join([*lines, place[place.index("See help") :]])


def run(opt, params, grads):
    """The parameters after each update, and the last state."""
    state, seen = opt.init(params), []
    for g in grads:
        updates, state = opt.update(g, state, params)
        params = optim.apply_updates(params, updates)
        seen.append(params)
    return seen, state


# --- the formulas of the papers, for one array


def sgd_formula(p, grads, rate, mu=0.0, nesterov=False):
    """Sutskever et al. (2013), equations 1 to 4: the velocity holds the rate."""
    v = 0.0
    for g in grads:
        v = mu * v - rate * g
        p = p + (mu * v - rate * g if nesterov else v)
        yield p


def rmsprop_formula(p, grads, rate, decay=0.9, eps=1e-8, mu=0.0, centered=False):
    square = mean = b = 0.0
    for g in grads:
        square = decay * square + (1 - decay) * g**2
        mean = decay * mean + (1 - decay) * g
        b = mu * b + g / (np.sqrt(square - centered * mean**2) + eps)
        p = p - rate * b
        yield p


def adam_formula(p, grads, rate, b1=0.9, b2=0.999, eps=1e-8, decay=0.0):
    """Kingma and Ba (2015), algorithm 1; Loshchilov and Hutter (2019), algorithm 2."""
    m = v = 0.0
    for t, g in enumerate(grads, start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        p = p - rate * (m_hat / (np.sqrt(v_hat) + eps) + decay * p)
        yield p


CASES = {
    "sgd": (optim.sgd(0.1), sgd_formula, (0.1,)),
    "momentum": (optim.sgd(0.1, 0.9), sgd_formula, (0.1, 0.9)),
    "nesterov": (optim.sgd(0.1, 0.9, nesterov=True), sgd_formula, (0.1, 0.9, True)),
    "rmsprop": (optim.rmsprop(0.01, eps_in_sqrt=False), rmsprop_formula, (0.01,)),
    "rmsprop, all": (
        optim.rmsprop(0.01, 0.8, 1e-3, 0.7, True, eps_in_sqrt=False),
        rmsprop_formula,
        (0.01, 0.8, 1e-3, 0.7, True),
    ),
    "adam": (optim.adam(0.01), adam_formula, (0.01,)),
    "adam, large eps": (optim.adam(0.1, 0.5, 0.9, 0.3), adam_formula, (0.1, 0.5, 0.9, 0.3)),
    "adam, no memory": (optim.adam(0.1, 0.0, 0.0), adam_formula, (0.1, 0.0, 0.0)),
    "adamw": (
        optim.adamw(0.1, weight_decay=0.2),
        adam_formula,
        (0.1, 0.9, 0.999, 1e-8, 0.2),
    ),
}
every_case = pytest.mark.parametrize("opt, formula, args", CASES.values(), ids=CASES.keys())
every_optimizer = pytest.mark.parametrize("opt", [case[0] for case in CASES.values()], ids=CASES)


@every_case
def test_trajectory(opt, formula, args):
    seen, state = run(opt, PARAMS, GRADS)
    assert state.step == len(GRADS)
    start, _ = tree.flatten(PARAMS)
    for i, p in enumerate(start):
        wanted = formula(p, [tree.leaves(g)[i] for g in GRADS], *args)
        for got, want in zip(seen, wanted, strict=True):
            assert_allclose(tree.leaves(got)[i], want, rtol=1e-13)


@every_case
def test_trajectory_under_jit(opt, formula, args):
    seen, state = run(opt._replace(update=jit(opt.update)), PARAMS, GRADS)
    want, want_state = run(opt, PARAMS, GRADS)
    assert tree.structure(seen) == tree.structure(want)
    for a, b in zip(tree.leaves((seen, state)), tree.leaves((want, want_state)), strict=True):
        assert type(a) is type(b) and a.dtype == b.dtype
        assert_allclose(a, b, rtol=1e-14)


@every_case
def test_float32_stays_float32(opt, formula, args):
    narrow = lambda t: tree.map(np.float32, t)  # noqa: E731
    for update in (opt.update, jit(opt.update)):
        seen, state = run(opt._replace(update=update), narrow(PARAMS), [narrow(g) for g in GRADS])
        assert {x.dtype.name for x in tree.leaves(seen)} == {"float32"}
        slots = tree.leaves(state[2:])
        assert {x.dtype.name for x in slots} <= {"float32"}
        assert type(state.step) is np.int64 and type(state.learning_rate) is np.float64
        wanted = formula(PARAMS["w"], [g["w"] for g in GRADS], *args)
        for got, want in zip(seen, wanted, strict=True):
            assert_allclose(got["w"], want, rtol=2e-5, atol=2e-6)


@every_case
def test_float16_is_computed_in_float32(opt, formula, args):
    p, grads = np.ones(2, np.float16), [np.array([1e-4, 300.0], np.float16)] * 3
    seen, state = run(opt, p, grads)
    assert seen[-1].dtype == np.float16
    assert {x.dtype.name for x in tree.leaves(state[2:])} <= {"float32"}
    *_, want = formula(p.astype(float), [g.astype(float) for g in grads], *args)
    assert_allclose(seen[-1], want, rtol=4e-3)


@every_optimizer
def test_nothing_is_mutated(opt):
    params, grads, state = copy.deepcopy(PARAMS), copy.deepcopy(GRADS[0]), opt.init(PARAMS)
    _, state = opt.update(grads, state, params)
    before = copy.deepcopy((params, grads, state))
    updates, after = opt.update(grads, state, params)
    new = optim.apply_updates(params, updates)
    for a, b in zip(tree.leaves((params, grads, state)), tree.leaves(before), strict=True):
        assert_array_equal(a, b)
    for mine in tree.leaves((updates, after, new)):
        for given in tree.leaves((params, grads, state)):
            if mine.shape:
                assert not np.shares_memory(mine, given) and mine.flags.owndata


@every_optimizer
def test_read_only_and_non_contiguous_input(opt):
    p = np.arange(6.0).reshape(2, 3).T
    g = np.ones((3, 4))[:, ::2]
    p.flags.writeable = g.flags.writeable = False
    seen, _ = run(opt, p, [g, g])
    want, _ = run(opt, p.copy(), [g.copy(), g.copy()])
    assert_array_equal(seen, want)


@every_optimizer
def test_big_endian_parameters(opt):
    seen, _ = run(opt, np.ones(2, ">f8"), [np.ones(2)])
    want, _ = run(opt, np.ones(2), [np.ones(2)])
    assert_array_equal(seen, want)
    assert seen[0].dtype == np.float64


@every_optimizer
def test_python_floats_and_zero_sizes(opt):
    seen, _ = run(opt, {"a": 1.0, "b": np.zeros((0, 3))}, [{"a": 2.0, "b": np.zeros((0, 3))}])
    assert type(seen[0]["a"]) is np.float64 and seen[0]["b"].shape == (0, 3)
    want, _ = run(opt, np.ones(1), [np.full(1, 2.0)])
    assert seen[0]["a"] == want[0][0]


@dataclasses.dataclass
class Model:
    w: np.ndarray
    name: str
    count: int
    frozen: np.ndarray


@every_optimizer
def test_leaves_without_a_gradient_stay(opt):
    model = Model(np.ones(2), "m", 3, np.full(2, 7.0))
    grads = Model(np.ones(2), None, None, None)
    for update in (opt.update, jit(opt.update)):
        seen, _ = run(opt._replace(update=update), model, [grads, grads])
        last = seen[-1]
        assert (last.name, last.count) == ("m", 3)
        assert_array_equal(last.frozen, [7.0, 7.0])
        want, _ = run(opt, np.ones(2), [np.ones(2)] * 2)
        assert_allclose(last.w, want[-1], rtol=1e-15)


@every_optimizer
def test_bad_gradients(opt, request):
    name = request.node.callspec.id.split(",")[0]
    name = {"momentum": "sgd", "nesterov": "sgd"}.get(name, name)
    params = {"w": np.ones(2), "n": np.array([1, 2])}
    state = opt.init(params)
    with pytest.raises(errors.DtypeError) as caught:
        opt.update({"w": np.ones(2), "n": np.ones(2)}, state, params)
    assert says(caught) == (
        f"{name}: the parameter at ['n'] is int64 and its gradient is not None; only real floats "
        "can be trained.\n"
        "Convert it to float before training, or pass the gradient None to keep it as it is.\n"
        "See help(funcgrad.errors.DtypeError)"
    )
    with pytest.raises(errors.ShapeError) as caught:
        opt.update({"w": np.ones(3), "n": None}, state, params)
    assert says(caught) == (
        f"{name}: the parameter at ['w'] has shape (2,) and its gradient (3,).\n"
        "Pass a gradient of the parameter's shape.\n"
        "See help(funcgrad.errors.ShapeError)"
    )
    with pytest.raises(errors.StructureError) as caught:
        opt.update({"v": np.ones(2), "n": None}, state, params)
    assert says(caught) == (
        f"{name}: the gradient has a dict with keys 'n', 'v' at the root, where params has a dict "
        "with keys 'n', 'w'.\n"
        "Add the key 'w' and drop the key 'v' there.\n"
        "See help(funcgrad.errors.StructureError)"
    )
    with pytest.raises(errors.DtypeError, match="is complex, whose gradient is not"):
        opt.update(1j, opt.init(1j), 1j)
    with pytest.raises(
        errors.DtypeError, match="the parameter is int and its gradient is not None"
    ):
        opt.update(1.0, opt.init(1), 1)
    with pytest.raises(errors.DtypeError, match="the parameter is str"):
        opt.update(1.0, opt.init("a"), "a")


def test_a_state_of_other_parameters():
    opt = optim.adam()
    state = opt.init({"w": 1.0})
    with pytest.raises(errors.StructureError, match="adam: the state has a dict with key 'w'"):
        opt.update({"v": 1.0}, state, {"v": 1.0})


def test_apply_updates_bad_input():
    with pytest.raises(errors.StructureError, match=r"apply_updates: the update has .* at \[1\]"):
        optim.apply_updates([1.0, (1.0,)], [1.0, {}])
    with pytest.raises(errors.ShapeError, match=r"the parameter at \[0\] has shape \(2,\)"):
        optim.apply_updates([np.ones(2)], [np.ones((2, 2))])
    with pytest.raises(errors.DtypeError, match="the parameter is int and its update is not None"):
        optim.apply_updates(1, 0.5)


# --- learning rates and schedules


def test_schedule_is_followed():
    rates = [0.1, 0.05, 0.2, 0.0]
    opt = optim.sgd(lambda step: at(np.array(rates))[step].get())
    params = np.array([1.0, 2.0])
    for update in (opt.update, jit(opt.update)):
        state, p = opt.init(params), params
        for rate in rates[:3]:
            assert state.learning_rate == rate
            updates, state = update(np.ones(2), state, p)
            assert_allclose(updates, [-rate, -rate], rtol=1e-15)
            assert type(state.learning_rate) is np.float64
        assert state.learning_rate == rates[3]


@pytest.mark.parametrize("make", [optim.sgd, optim.rmsprop, optim.adam, optim.adamw])
def test_every_optimizer_takes_a_schedule(make):
    opt = make(optim.exponential_decay(0.1, 1, 0.5))
    constants = [make(0.1 * 0.5**k) for k in range(4)]
    state, p, q = opt.init(np.ones(2)), np.ones(2), np.ones(2)
    other = constants[0].init(q)
    g = np.array([1.0, -2.0])
    for k, constant in enumerate(constants):
        updates, state = opt.update(g, state, p)
        p = optim.apply_updates(p, updates)
        other = other._replace(learning_rate=np.float64(0.1 * 0.5**k))
        updates, other = constant.update(g, other, q)
        q = optim.apply_updates(q, updates)
        assert_allclose(p, q, rtol=1e-14)


def test_learning_rate_can_be_set_in_the_state():
    opt = optim.sgd(0.5)
    step = jit(opt.update)
    state = opt.init(1.0)._replace(learning_rate=np.float64(0.125))
    updates, state = step(1.0, state, 1.0)
    assert updates == -0.125 and state.learning_rate == 0.125


def test_learning_rate_can_be_differentiated():
    def after(rate):
        opt = optim.sgd(rate)
        updates, _ = opt.update(np.array([3.0, 4.0]), opt.init(np.zeros(2)), np.zeros(2))
        return np.sum(optim.apply_updates(np.zeros(2), updates))

    assert grad(after)(0.1) == -7.0


def test_schedules():
    steps = [np.int64(k) for k in (0, 1, 5, 10, 25)]
    decay = optim.exponential_decay(0.8, 10, 0.5)
    assert_allclose([decay(k) for k in steps], [0.8 * 0.5 ** (k / 10) for k in steps], rtol=1e-15)
    stairs = optim.exponential_decay(0.8, 10, 0.5, staircase=True)
    assert_allclose([stairs(k) for k in steps], [0.8, 0.8, 0.8, 0.4, 0.2], rtol=1e-15)
    wave = optim.cosine(0.8, 10, final=0.2)
    want = [0.2 + 0.3 * (1 + math.cos(math.pi * min(k, 10) / 10)) for k in steps]
    assert_allclose([wave(k) for k in steps], want, rtol=1e-15)
    for schedule in (decay, stairs, wave):
        assert_allclose([jit(schedule)(k) for k in steps], [schedule(k) for k in steps], rtol=1e-15)
    assert [optim.constant(0.3)(k) for k in steps] == [0.3] * 5


@pytest.mark.parametrize("make", [optim.sgd, optim.rmsprop, optim.adam, optim.adamw])
@pytest.mark.parametrize("rate", [-0.1, math.nan, "0.1", None, 1j, np.ones(2), True + 0j])
def test_bad_learning_rate(make, rate):
    with pytest.raises(errors.ArgumentError) as caught:
        make(rate)
    assert says(caught) == (
        f"{make.__name__}: the learning rate must be a number, not negative, got {rate!r}.\n"
        "Write a number such as 0.1, or a function from the step to one. Updates point downhill: "
        "to maximise, negate the cost.\n"
        "See help(funcgrad.errors.ArgumentError)"
    )
    with pytest.raises(errors.ArgumentError, match="the learning rate must be"):
        make(lambda step: rate).init(1.0)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: optim.sgd(0.1, 1.0), "sgd: momentum must be at least 0 and less than 1, got 1.0"),
        (lambda: optim.sgd(0.1, -0.1), "sgd: momentum must be at least 0 and less than 1"),
        (lambda: optim.sgd(0.1, nesterov=True), "sgd: nesterov=True needs a momentum"),
        (lambda: optim.rmsprop(0.1, 1.5), "rmsprop: decay must be at least 0 and less than 1"),
        (lambda: optim.rmsprop(0.1, eps=0), "rmsprop: eps must be positive, got 0"),
        (lambda: optim.adam(0.1, 1.0), "adam: b1 must be at least 0 and less than 1, got 1.0"),
        (lambda: optim.adam(0.1, b2=math.nan), "adam: b2 must be at least 0 and less than 1"),
        (lambda: optim.adam(0.1, eps=-1), "adam: eps must be positive, got -1"),
        (lambda: optim.adamw(weight_decay=-1), "adamw: weight_decay must be at least 0, got -1"),
        (lambda: optim.clip_by_global_norm(0), "clip_by_global_norm: max_norm must be positive"),
        (lambda: optim.cosine(1.0, 0), "cosine: steps must be positive, got 0"),
        (lambda: optim.constant(-1.0), "constant: value must be at least 0, got -1.0"),
        (
            lambda: optim.exponential_decay(1.0, 1, -1),
            "exponential_decay: decay_rate must be positive",
        ),
        (lambda: optim.chain(), "chain: expected one or more optimizers, got ()"),
        (
            lambda: optim.chain(optim.adam),
            "chain: expected one or more optimizers, got the function adam",
        ),
    ],
)
def test_bad_hyperparameters(make, message):
    with pytest.raises(errors.ArgumentError) as caught:
        make()
    assert says(caught).startswith(message)


# --- combinations


def test_clip_by_global_norm():
    grads = {"a": np.array([3.0, 0.0]), "b": np.float64(4.0), "n": None}
    params = {"a": np.zeros(2), "b": 0.0, "n": 3}
    for limit, scale in ((1.0, 0.2), (5.0, 1.0), (100.0, 1.0)):
        opt = optim.clip_by_global_norm(limit)
        for update in (opt.update, jit(opt.update)):
            clipped, state = update(grads, opt.init(params), params)
            assert_allclose(clipped["a"], [3 * scale, 0.0], rtol=1e-15)
            assert_allclose(clipped["b"], 4 * scale, rtol=1e-15)
            assert clipped["n"] is None and state.norm == 5.0
    opt = optim.clip_by_global_norm(1.0)
    zero, state = opt.update(np.zeros(2), opt.init(1.0), np.zeros(2))
    assert_array_equal(zero, [0.0, 0.0])
    big, state = opt.update(np.full(2, 1000, np.float16), opt.init(1.0), np.zeros(2, np.float16))
    assert big.dtype == np.float16
    assert_allclose(big, [math.sqrt(0.5)] * 2, rtol=1e-3)


def test_chain():
    opt = optim.chain(optim.clip_by_global_norm(1.0), optim.adam(0.1))
    params, grads = np.array([1.0, 2.0]), [np.array([30.0, 40.0]), np.array([0.3, 0.4])]
    seen, state = run(opt, params, grads)
    clipped = [np.array([0.6, 0.8]), np.array([0.3, 0.4])]
    for got, want in zip(seen, adam_formula(params, clipped, 0.1), strict=True):
        assert_allclose(got, want, rtol=1e-14)
    assert (state.step, state.learning_rate) == (2, 0.1)
    jitted, _ = run(opt._replace(update=jit(opt.update)), params, grads)
    assert_allclose(jitted, seen, rtol=1e-14)
    with pytest.raises(AttributeError, match="no part of this chain has a learning_rate"):
        _ = optim.chain(optim.clip_by_global_norm(1.0)).init(1.0).learning_rate


@every_optimizer
def test_state_pickles(opt):
    _, state = run(opt, PARAMS, GRADS[:2])
    again = pickle.loads(pickle.dumps(state))
    assert type(again) is type(state)
    for a, b in zip(tree.leaves(again), tree.leaves(state), strict=True):
        assert_array_equal(a, b)


# --- PyTorch as a second oracle


@pytest.mark.parametrize(
    "opt, name, options",
    [
        (optim.sgd(0.1), "SGD", {"lr": 0.1}),
        (optim.sgd(0.1, 0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
        (
            optim.sgd(0.1, 0.9, nesterov=True),
            "SGD",
            {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        ),
        (optim.rmsprop(0.01, 0.99, eps_in_sqrt=False), "RMSprop", {"lr": 0.01}),
        (
            optim.rmsprop(0.01, 0.9, 1e-4, 0.5, centered=True, eps_in_sqrt=False),
            "RMSprop",
            {"lr": 0.01, "alpha": 0.9, "eps": 1e-4, "momentum": 0.5, "centered": True},
        ),
        (optim.adam(0.01), "Adam", {"lr": 0.01}),
        (
            optim.adam(0.1, 0.8, 0.95, 1e-2),
            "Adam",
            {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-2},
        ),
        (
            optim.adamw(0.05, weight_decay=0.1),
            "AdamW",
            {"lr": 0.05, "weight_decay": 0.1},
        ),
    ],
)
def test_trajectory_of_pytorch(opt, name, options):
    torch = pytest.importorskip("torch")
    start = PARAMS["w"]
    theirs = torch.tensor(start, requires_grad=True)
    their_opt = getattr(torch.optim, name)([theirs], **options)
    ours, state = start, opt.init(start)
    for grads in GRADS * 5:
        theirs.grad = torch.tensor(grads["w"])
        their_opt.step()
        updates, state = opt.update(grads["w"], state, ours)
        ours = optim.apply_updates(ours, updates)
        assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12, atol=1e-14)


# --- lectures, and one call that minimises


def train(f, start, rate, steps):
    opt = optim.sgd(rate)
    state, params = opt.init(start), start

    @jit
    def step(params, state):
        updates, state = opt.update(grad(f)(params), state, params)
        return optim.apply_updates(params, updates), state

    for _ in range(steps):
        params, state = step(params, state)
    return params


def test_lecture_descent_of_a_quadratic():
    """L3."""

    def f(p):
        x, y, z = p
        return (x + y + z) ** 2 + (x - 1) ** 2 + (y - 1) ** 2 + (z - 1) ** 2

    params = train(f, (1.0, 1.0, 1.0), 0.1, 100)
    assert_allclose(params, (0.25, 0.25, 0.25), rtol=1e-9)
    assert_allclose(f(params), 2.25, rtol=1e-12)
    params, history = optim.minimize(f, (1.0, 1.0, 1.0), optim.sgd(0.1), steps=100)
    assert_allclose(params, (0.25, 0.25, 0.25), rtol=1e-9)
    assert history.shape == (101,) and history[0] == 9.0
    assert_allclose(history[-1], 2.25, rtol=1e-12)


def test_lecture_descent_that_can_diverge():
    """L4."""

    def f(p):
        x, y = p
        return 2 * x**2 + y**2 + np.exp(4 * x * y)

    params = train(f, (1.0, 1.0), 0.001, 100)
    assert_allclose(params, (0.18348, 0.28415), atol=5e-6)
    assert_allclose(f(params), 1.37996, atol=5e-6)
    with np.errstate(all="ignore"):
        params = train(f, (1.0, 1.0), 0.01, 100)
    assert np.isnan(params).all()


def test_lecture_nothing_to_empty():
    """L18: gradients are values; the second call knows nothing of the first."""
    opt = optim.sgd(0.1)
    weights, outputs = np.ones(4), []
    state = opt.init(weights)
    for _ in range(3):
        output, gradient = value_and_grad(lambda w: np.sum(3 * w))(weights)
        assert_array_equal(gradient, [3.0] * 4)
        outputs.append(output)
        updates, state = opt.update(gradient, state, weights)
        weights = optim.apply_updates(weights, updates)
    assert_allclose(outputs, [12, 8.4, 4.8], rtol=1e-14)
    assert_allclose(np.sum(3 * weights), 1.2, rtol=1e-13)


@pytest.mark.parametrize(
    "opt, steps",
    [
        (optim.sgd(0.1), 300),
        (optim.sgd(0.01, 0.9, nesterov=True), 300),
        (optim.rmsprop(optim.exponential_decay(0.1, 1, 0.98)), 600),
        (optim.adam(optim.cosine(0.3, 600)), 600),
        (optim.chain(optim.clip_by_global_norm(1.0), optim.sgd(0.02)), 600),
    ],
)
@pytest.mark.parametrize("compiled", [True, False])
def test_lecture_minimize(opt, steps, compiled):
    """L19: every optimizer finds the least-squares solution."""
    rng = np.random.default_rng(7)
    X, noise = rng.normal(size=(30, 3)), rng.normal(size=30)
    y = X @ np.array([1.0, -2.0, 0.5]) + 3.0 + 0.1 * noise

    def cost(params, X, y):
        return np.mean((X @ params["w"] + params["b"] - y) ** 2)

    start = {"w": np.zeros(3), "b": 0.0}
    calls = []
    params, history = optim.minimize(
        cost,
        start,
        opt,
        steps if compiled else 30,
        args=(X, y),
        jit=compiled,
        callback=lambda k, value, params: calls.append((k, value, cost(params, X, y))),
    )
    assert_array_equal(start["w"], np.zeros(3))
    assert len(calls) == len(history) == (steps if compiled else 30) + 1
    for k, value, again in calls:
        assert_allclose([value, again], history[k], rtol=1e-12)
    assert history[-1] < history[0]
    if compiled:
        want = np.linalg.lstsq(np.column_stack([X, np.ones(30)]), y, rcond=None)[0]
        assert_allclose([*params["w"], params["b"]], want, atol=2e-3)


def test_minimize_takes_python_branches_without_jit():
    def cost(x):
        return x**2 if x > 1 else x - 0.25 + x**2 / 4

    params, history = optim.minimize(cost, 3.0, optim.sgd(0.25), steps=2, jit=False)
    assert_allclose(history, [9.0, 2.25, 0.640625], rtol=1e-15)
    assert_allclose(params, 0.75, rtol=1e-15)


def test_minimize_zero_steps_and_bad_input():
    params, history = optim.minimize(lambda x: x * x, 3.0, optim.sgd(0.1), steps=0)
    assert params == 3.0 and history.tolist() == [9.0]
    with pytest.raises(errors.ArgumentError) as caught:
        optim.minimize(lambda x: x, 1.0, optim.sgd)
    assert says(caught).startswith("minimize: expected an optimizer, got the function sgd")
    for steps in (-1, 2.0, True):
        with pytest.raises(errors.ArgumentError, match="steps must be an integer, not negative"):
            optim.minimize(lambda x: x, 1.0, optim.sgd(0.1), steps=steps)


@pytest.mark.parametrize(
    "opt",
    [
        optim.sgd(0.1),
        optim.rmsprop(0.1),
        optim.adamw(),
        optim.clip_by_global_norm(1.0),
        optim.chain(optim.clip_by_global_norm(1.0), optim.adam()),
    ],
)
def test_arguments_of_update_in_another_order(opt):
    params = {"w": np.ones(3)}
    state = opt.init(params)
    with pytest.raises(
        errors.ArgumentError, match=r"update got a dict in the place of its \w+State"
    ):
        opt.update(state, params, params)
