"""Every registered primitive has samples, and those that hold programs keep the laws.

The families' own tests walk their samples; here stands the walk over the registry.
"""

import itertools

import numpy as np
import pytest
from samples import control, custom, every_primitive, every_sample
from samples.laws import check_sample

from funcgrad import grad, jit, jvp
from funcgrad.core.ir import make_aval
from funcgrad.core.residuals import StepResiduals, StepResidualsAval
from funcgrad.ops.kinds import Elementwise
from funcgrad.ops.steps import AddSteps, FoldSteps, RepeatSteps, SumSteps, plus

# Operands and results are tapes, not arrays: tested below.
OF_TAPES = {"add_steps", "fold_steps", "repeat_steps", "sum_steps"}

# Without a forward mode, or without any derivative: test_custom.py and test_callback.py.
OF_USERS = {"custom_vjp", "opaque", "pure_callback", "refuse"}

# What SciPy runs: test_optimize.py and test_integrate.py.
OF_SCIPY = {"scipy_search", "ode_adjoint", "ode_trajectory", "quadrature"}

# Under the vmap that they name they become sums and the like: test_collectives.py.
OF_AXES = {"all_gather", "pmax", "pmean", "pmin", "psum", "psum_scatter"}


def test_every_primitive_has_samples():
    sampled = {sample.primitive for sample in every_sample()}
    assert every_primitive().keys() - OF_TAPES - OF_AXES - OF_USERS - OF_SCIPY == sampled


def test_weak_primitives_of_python_numbers_give_python_numbers():
    """A NumPy scalar in the place of one would be strong, and carry its dtype into derivatives."""
    walked = set()
    for name, kind in every_primitive().items():
        if not issubclass(kind, Elementwise) or not kind.weak or kind.fields:
            continue
        count = 1 if kind.symbol in ("~",) or name in ("neg", "abs") else 2
        # Python deprecates ~True from 3.12 on.
        numbers = (2, 2.5, 2j) if kind.symbol == "~" else (True, 2, 2.5, 2j)
        for operands in itertools.product(numbers, repeat=count):
            try:
                value = kind().run(*operands)
            except TypeError:  # Python has no such operation
                continue
            assert type(value) in (bool, int, float, complex), (name, operands)
            walked.add(name)
    assert {"add", "div", "quiet_div", "mask_mul", "remainder", "left_shift"} <= walked


MASKED = {
    "x / 3": lambda x: x / 3,
    "x / True": lambda x: x / True,
    "3 / x": lambda x: 3 / x,
    "x**3 / 3": lambda x: x**3 / 3,
    "2**x / 2": lambda x: 2**x / 2,
    "where(x == 0, 1, x / 3)": lambda x: np.where(x == 0, 1, x / 3),
    "(x * 2 - 1) / 3": lambda x: (x * 2 - 1) / 3,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("name", MASKED)
def test_python_numbers_in_masked_products(name, dtype):
    """Below a square root, and of a choice, where cotangents are masked."""
    f, x = MASKED[name], np.array([0.5, 1.5, 2.5], dtype)

    def root(x):
        return np.sqrt(np.abs(np.sum(f(x))))

    slope, real = grad(root)(x), np.zeros(0, dtype).real.dtype
    half = 0.5 / root(x)
    one = grad(lambda x: np.real(np.sum(f(x))))(x)
    assert slope.dtype == jit(grad(root))(x).dtype == dtype
    np.testing.assert_allclose(slope, half * one, rtol=1e-5 if real == np.float32 else 1e-12)
    np.testing.assert_allclose(jit(grad(root))(x), slope, rtol=1e-5)
    for forward in (root, jit(root)):
        assert jvp(forward, (x,), (x,))[1].dtype == real


SAMPLES = [*control.SAMPLES, *custom.SAMPLES]


@pytest.mark.parametrize("index", range(len(SAMPLES)))
def test_samples_of_control(index):
    check_sample(SAMPLES[index])


def steps(shape, seed, lanes=()):
    rng = np.random.default_rng(seed)
    aval = StepResidualsAval(make_aval(shape, np.dtype(np.float64)), lanes)
    masks = [rng.random(lanes) > 0.5 for _ in range(2)] if lanes else ()
    return StepResiduals([rng.normal(size=shape) for _ in range(2)], aval, masks)


@pytest.mark.parametrize(
    "primitive, shape",
    [
        (FoldSteps((2, 3), (6,)), (2, 3, 4)),
        (FoldSteps((6,), (3, 2)), (6, 4)),
        (RepeatSteps(3, 0), (2, 4)),
        (RepeatSteps(3, 1), (2, 4)),
        (SumSteps(0), (3, 2)),
        (SumSteps(1), (3, 2)),
    ],
    ids=str,
)
def test_linear_maps_of_tapes(primitive, shape):
    t = steps(shape, 0)
    out = primitive.run(t)
    assert out.aval == primitive.aval(t.aval)
    assert all(e.shape == out.aval.entry.shape for e in out.entries)
    ct = steps(out.aval.entry.shape, 1)
    back = primitive.transpose(ct, t)
    assert back.aval == t.aval
    forward = sum(np.sum(a * b) for a, b in zip(ct.entries, out.entries, strict=True))
    backward = sum(np.sum(a * b) for a, b in zip(back.entries, t.entries, strict=True))
    np.testing.assert_allclose(forward, backward, rtol=1e-12)


def test_masks_follow_their_lanes():
    tape = steps((2, 3, 4), 0, lanes=(2, 3))
    folded = FoldSteps((2, 3), (6,)).run(tape)
    assert folded.aval.ragged == (6,)
    np.testing.assert_array_equal(folded.masks[1], tape.masks[1].reshape(6))
    repeated = RepeatSteps(5, 0).run(tape)
    assert repeated.aval.ragged == (5, 2, 3)
    np.testing.assert_array_equal(repeated.masks[0][3], tape.masks[0])


def test_a_tape_of_zeros_gives_way():
    tape = steps((2,), 0)
    nothing = StepResiduals(None, tape.aval)
    assert (tape + nothing) is tape and (nothing + tape) is tape
    assert plus(tape, nothing) is tape and AddSteps().aval(tape.aval, tape.aval) == tape.aval
    assert AddSteps().transpose(tape, tape, tape) == (tape, tape)
    np.testing.assert_array_equal(nothing[7], np.zeros(2))
