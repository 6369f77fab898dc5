"""Schedules: Optax's numbers, step by step; printed, pickled, traced, differentiated; bad input."""

import pickle

import numpy as np
import pytest

from funcgrad import grad, jit, optim, vmap
from funcgrad.errors import ArgumentError

CYCLES = [
    {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 3, "decay_steps": 20},
    {"init_value": 0.1, "peak_value": 0.5, "warmup_steps": 5, "decay_steps": 30, "end_value": 0.1},
    {"init_value": 0.1, "peak_value": 0.4, "warmup_steps": 2, "decay_steps": 25, "exponent": 2.0},
]
CALLS = [
    ("constant_schedule", (0.3,), {}),
    ("linear_schedule", (0.0, 1.0, 40), {}),
    ("linear_schedule", (1.0, 0.2, 30), {"transition_begin": 10}),
    ("polynomial_schedule", (1.0, 0.1, 3, 50), {}),
    ("polynomial_schedule", (0.1, 1.0, 0.5, 50, 20), {}),
    ("exponential_decay", (1.0, 10, 0.7), {}),
    ("exponential_decay", (1.0, 10, 0.7, 15, True), {}),
    ("exponential_decay", (1.0, 10, 0.7), {"end_value": 0.2}),
    ("exponential_decay", (0.1, 10, 1.5), {"end_value": 2.0, "transition_begin": 5}),
    ("cosine_decay_schedule", (1.0, 60), {}),
    ("cosine_decay_schedule", (0.5, 60, 0.1, 1.5), {}),
    ("warmup_constant_schedule", (0.1, 1.0, 30), {}),
    ("warmup_cosine_decay_schedule", (0.0, 1.0, 20, 80), {}),
    ("warmup_cosine_decay_schedule", (0.1, 1.0, 20, 80, 0.05, 2.0), {}),
    ("warmup_exponential_decay_schedule", (0.0, 1.0, 20, 15, 0.5), {}),
    ("warmup_exponential_decay_schedule", (0.1, 1.0, 20, 15, 0.5, 10, True, 0.2), {}),
    ("piecewise_constant_schedule", (1.0, {30: 0.1, 60: 0.5}), {}),
    ("piecewise_constant_schedule", (1.0,), {}),
    ("piecewise_interpolate_schedule", ("linear", 0.5, {30: 2.0, 60: 0.1}), {}),
    ("piecewise_interpolate_schedule", ("cosine", 0.5, {30: 2.0, 60: 0.1}), {}),
    ("linear_onecycle_schedule", (90, 1.0), {}),
    ("linear_onecycle_schedule", (90, 0.5, 0.2, 0.7, 10.0, 100.0), {}),
    ("cosine_onecycle_schedule", (90, 1.0), {}),
    ("cosine_onecycle_schedule", (90, 0.5, 0.4, 10.0, 100.0), {}),
    ("sgdr_schedule", (CYCLES,), {}),
]
IDS = [f"{name}{i}" for i, (name, _, _) in enumerate(CALLS)]


@pytest.mark.peers
@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_optax_has_the_same_numbers(call):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    name, args, kwargs = call
    with jax.enable_x64(True):
        theirs = getattr(optax, name)(*args, **kwargs)
        expected = [float(theirs(step)) for step in range(100)]
    ours = getattr(optim, name)(*args, **kwargs)
    np.testing.assert_allclose([float(ours(step)) for step in range(100)], expected, rtol=1e-6)


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_traced_steps_have_the_same_values(call):
    name, args, kwargs = call
    schedule = getattr(optim, name)(*args, **kwargs)
    steps = np.arange(100)
    expected = [float(schedule(step)) for step in steps]
    np.testing.assert_allclose(
        vmap(lambda step: schedule(step) + 0.0 * step)(steps), expected, rtol=1e-15
    )
    np.testing.assert_allclose([jit(schedule)(step) for step in steps[::9]], expected[::9])
    assert all(np.ndim(schedule(step)) == 0 for step in (0, np.int64(3)))


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_they_print_as_their_call_and_pickle(call):
    name, args, kwargs = call
    schedule = getattr(optim, name)(*args, **kwargs)
    again = eval(repr(schedule), vars(optim))
    pickled = pickle.loads(pickle.dumps(schedule))
    for other in (again, pickled):
        assert repr(other) == repr(schedule)
        assert [float(other(step)) for step in (0, 7, 99)] == [
            float(schedule(step)) for step in (0, 7, 99)
        ]


def test_joined_schedules_count_from_their_beginning():
    joined = optim.join_schedules([lambda s: s * 1.0, lambda s: 100.0 + s, lambda s: -s], [3, 5])
    assert [float(joined(step)) for step in range(7)] == [0.0, 1.0, 2.0, 100.0, 101.0, -0.0, -1.0]


def test_the_rate_may_be_differentiated():
    assert grad(lambda a: optim.linear_schedule(a, 0.0, 10)(5))(1.0) == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.linear_schedule(1.0, 0.0, 0), "transition_steps must be a whole number"),
        (lambda: optim.linear_schedule(1.0, 0.0, 2.5), "transition_steps must be a whole number"),
        (lambda: optim.linear_schedule(-1.0, 0.0, 2), "init_value must be at least 0"),
        (lambda: optim.polynomial_schedule(1.0, 0.0, 0, 2), "power must be positive"),
        (lambda: optim.exponential_decay(1.0, 0.9, 10), "transition_steps must be a whole number"),
        (lambda: optim.exponential_decay(1.0, 10, 0.0), "decay_rate must be positive"),
        (lambda: optim.warmup_cosine_decay_schedule(0.0, 1.0, 10, 10), "decay_steps must be"),
        (lambda: optim.join_schedules([], []), "0 schedules"),
        (lambda: optim.join_schedules([lambda s: s, 0.1], [3]), "0.1 among them"),
        (lambda: optim.join_schedules([abs, abs, abs], [5, 3]), "do not rise"),
        (lambda: optim.piecewise_constant_schedule(1.0, {0: 0.5}), "boundary must be"),
        (lambda: optim.piecewise_constant_schedule(1.0, {3: -0.5}), "scale must be at least 0"),
        (lambda: optim.piecewise_interpolate_schedule("cubic", 1.0, {3: 0.5}), "'cubic'"),
        (lambda: optim.linear_onecycle_schedule(2, 1.0), "do not rise"),
        (lambda: optim.cosine_onecycle_schedule(100, 0.0), "peak_value must be positive"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
