"""Rewriting rules and the types that they assume; `rewrites.Validator` compares every one by value.

It is at work in the other tests too (`conftest.py`).
"""

import warnings

import numpy as np
import pytest
from rewrites import RewriteError, number, same, takes
from samples import every_sample, pulled

from funcgrad import check, grad, jit, make_jaxpr, scan, vjp, vmap
from funcgrad.compile.passes import algebra as rules
from funcgrad.compile.passes import pipeline as passes
from funcgrad.compile.passes.simplify import _computes_alike
from funcgrad.core.ir import Equation, Jaxpr, Literal, Var, make_aval
from funcgrad.core.record import run
from funcgrad.errors import ShapeError
from funcgrad.ops.index import ScatterOnto, ScatterSum
from funcgrad.ops.kinds import Elementwise, quiet_div
from funcgrad.ops.linear import BroadcastTo, Sum

F8 = np.dtype(np.float64)
ROW = np.array([[1.0, 2.0, 3.0]])

PARTS = {
    "ravel(x)[0]": (lambda x: np.sum(x * x) + x.ravel()[0] ** 3, [5.0, 4.0, 6.0]),
    "ravel(x)[1]": (lambda x: np.sum(x * x) + x.ravel()[1] ** 3, [2.0, 16.0, 6.0]),
    "squeeze(x)[:2]": (lambda x: np.sum(x * x) + np.sum(np.squeeze(x)[:2] ** 3), [5.0, 16.0, 6.0]),
    "a matrix product and squeeze(x)[0]": (
        lambda x: np.sum((x @ np.ones((3, 2))) ** 2) + np.squeeze(x)[0] ** 2,
        [26.0, 24.0, 24.0],
    ),
    "x[0, 1] and squeeze(x)[1]": (lambda x: x[0, 1] ** 2 + x.squeeze()[1] ** 2, [0.0, 8.0, 0.0]),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("lead", [1, 2])
def test_parts_of_arrays_with_axes_of_length_one(name, lead):
    f, expected = PARTS[name]
    x = ROW.reshape((1,) * lead + (3,))
    if lead == 2 and "x[0, 1]" in name:
        return
    np.testing.assert_array_equal(jit(grad(f))(x).ravel(), expected)
    np.testing.assert_array_equal(grad(f)(x).ravel(), expected)


def test_parts_in_a_loop_that_is_batched():
    def f(x):
        return np.sum(scan(lambda c, _: (c * c, c[1]), x, None, length=2)[1])

    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    expected = [[0.0, 1 + 2 * b, 0.0] for _, b, _ in x]
    np.testing.assert_array_equal(vmap(grad(f))(x), expected)
    np.testing.assert_array_equal(jit(vmap(grad(f)))(x), expected)


def test_parts_of_another_type_are_refused():
    row, three, one = (make_aval(shape, F8) for shape in ((1, 3), (3,), ()))
    for primitive, avals in (
        (ScatterOnto((0,)), (row, one)),
        (ScatterOnto((0,)), (three, make_aval((), np.dtype(np.float32)))),
        (ScatterSum(((0,), (1,)), (3,), F8, False), (one, three)),
        (ScatterSum(((0,),), (3,), F8, True), (row, one)),
    ):
        with pytest.raises(ShapeError, match="Parts have exactly the type"):
            primitive.aval(*avals)


def programs_of_samples():
    """Every sample and its pullback, traced."""
    for sample in every_sample():
        for f in (sample.function, pulled(sample.function, sample.args)):
            try:
                yield make_jaxpr(f)(*sample.args)
            except Exception:  # no derivative, or one that is for values only
                continue


@pytest.fixture(scope="module")
def programs():
    with np.errstate(all="ignore"):
        return list(programs_of_samples())


def test_every_rule_on_every_sample(programs, rewrites):
    before = rewrites.rewrites
    for program in programs:
        check(passes.optimise(program)[0])
    passes.optimise(make_jaxpr(lambda x: np.where(True, x - 0.0, 2.0 * x))(ROW))
    assert rewrites.rewrites > before + 5000
    names = {rule.__name__ for rule in rules.RULES.values()}
    assert names <= rewrites.rules


def elementwise(programs):
    """The elementwise primitives of programs, with the dtypes of their operands."""
    found = {}
    pending = list(programs)
    while pending:
        for eqn in pending.pop().equations:
            pending.extend([p for _, p in eqn.primitive.bodies()])
            if isinstance(eqn.primitive, Elementwise):
                key = str(eqn.primitive), tuple([a.aval.dtype for a in eqn.inputs])
                found[key] = eqn
    return found.values()


def test_repeated_scalars_are_computed_once_where_that_is_the_same(programs):
    rng, tried = np.random.default_rng(0), 0
    for eqn in elementwise(programs):
        if not _computes_alike(eqn.primitive, eqn.inputs):
            continue
        for _ in range(20):
            avals = [make_aval((), a.aval.dtype) for a in eqn.inputs]
            operands = [number(rng, aval, 0.7) for aval in avals]
            if not takes(eqn.primitive, operands):
                continue
            with np.errstate(all="ignore"):
                one = eqn.primitive.run(*operands)
                several = eqn.primitive.run(*[np.full(5, x) for x in operands])
            assert all(same(x, np.asarray(one)[()]) for x in several), (eqn.primitive, operands)
            tried += 1
    assert tried > 1000


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_sums_of_equal_numbers(dtype):
    """Summed at compile time only where every order of summation gives the same."""

    def both(x, shape, axes):
        aval, scalar = (make_aval(s, np.dtype(dtype)) for s in (shape, ()))
        a, out = Var(aval), Var(Sum(axes).aval(aval))
        equations = [
            Equation(BroadcastTo(shape), [Literal(dtype(x), scalar)], [a]),
            Equation(Sum(axes), [a], [out]),
        ]
        program = Jaxpr([], equations, [out])
        found, constants = passes.optimise(program)
        (actual,), (expected,) = run(found, constants), run(program, [])
        assert same(actual, expected), (x, shape)
        return len(found.equations)

    for x in (0.1, 1 / 3, 0.7, -0.0, 0.25, 3.0, 1e-40, 1e30, np.inf, np.nan):
        for n in (1, 3, 30, 100, 1000):
            both(x, (n,), (0,))
    assert both(-1.0, (0, 3), (0,)) == both(2.5, (4, 3), (1,)) == 1
    assert both(-1.0, (0, 3), (0, 1)) == both(2.5, (4,), (0,)) == 0


def test_long_sums_of_other_precisions_are_not_taken_apart():
    third = (np.arange(40_000) % 7).astype(np.longdouble) / 7

    def f(x):
        return np.sum(x * x + x * x * x)

    assert jit(f)(third) == f(third)
    half = np.repeat(np.array([-100.0, 100.0], np.float16), 20_000)
    with np.errstate(all="ignore"):
        assert jit(lambda x: np.sum(np.abs(x) * np.sign(x) + 0 * x))(half) == np.sum(half)


def test_quiet_divisions_stay_quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(
            jit(lambda x: quiet_div(x, 1e-300))(ROW * 1e300), [[np.inf] * 3]
        )
    assert "quiet_divide" not in jit(lambda x: quiet_div(x, 3.0)).source(ROW)


def test_divisors_near_powers_of_two():
    longdouble = np.longdouble
    divisor = longdouble(2) + longdouble(2) ** -60
    x = np.random.default_rng(0).normal(size=1000).astype(longdouble)
    np.testing.assert_array_equal(jit(lambda x: x / divisor)(x), x / divisor)


@pytest.mark.parametrize("x", [-1.5, 2.0, np.inf, -np.inf, np.nan])
def test_signs_of_zeros_where_nothing_is_kept(x):
    """Of numbers and of arrays alike, whatever the other elements are."""

    def slope(c, x, ct):
        return vjp(lambda x: np.where(c, x, 1.0), x)[1](ct)[0]

    several = np.array([x, -1.0, 1.0])
    for f in (slope, jit(slope)):
        alone = f(False, 0.5, x)
        together = f(np.array([False] * 3), np.ones(3), several)
        assert same(together[0], alone) and same(together[1], np.float64(-0.0))
        assert same(together[2], np.float64(0.0))


def test_the_types_of_results_are_what_primitives_give():
    """Operands that were weak are strong by then: so are booleans that come of them."""

    def f(x, n, z):
        return (x > 0) & (x < n), np.where(x > 0, abs(z), n), x * n, (x > 0) + n, n / 3

    for args in ((0.5, 2, 1j), (np.float64(0.5), 2, 2j), (0.5, np.int64(2), np.complex128(1j))):
        check(passes.optimise(make_jaxpr(f)(*args))[0])
        for actual, expected in zip(jit(f)(*args), f(*args), strict=True):
            np.testing.assert_array_equal(actual, expected)


def test_a_wrong_rule_is_found(monkeypatch):
    def wrong(walk, primitive, inputs, aval):
        return inputs[0] if primitive.exponent == 2 else None

    monkeypatch.setitem(rules.RULES, rules.ScalarPow, wrong)
    with pytest.raises(RewriteError, match=r"scalar_pow(.|\n)* was rewritten to something else"):
        jit(lambda x: x**2)(ROW)
