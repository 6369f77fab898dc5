"""Collectives over named axes of vmap, against NumPy on the whole batch."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import cond, grad, jit, jvp, make_jaxpr, scan, vjp, vmap, while_loop
from funcgrad.api.collective import (
    all_gather,
    axis_index,
    axis_size,
    pmax,
    pmean,
    pmin,
    psum,
    psum_scatter,
)
from funcgrad.control.implicit.custom_root import custom_root
from funcgrad.core.check import check
from funcgrad.errors import ArgumentError, LeakedTracerError
from funcgrad.testing import check_grads

X = np.array([1.0, 2.0, 4.0])
M = np.random.default_rng(3).normal(size=(3, 4))


def named(f, **kwargs):
    return vmap(f, axis_name="i", **kwargs)


def repeated(x, n=3):
    return np.broadcast_to(x, (n, *np.shape(x)))


OPERATIONS = {
    "psum": (psum, lambda x: repeated(np.sum(x, axis=0))),
    "pmean": (pmean, lambda x: repeated(np.mean(x, axis=0))),
    "pmax": (pmax, lambda x: repeated(np.max(x, axis=0))),
    "pmin": (pmin, lambda x: repeated(np.min(x, axis=0))),
    "all_gather": (all_gather, lambda x: repeated(x)),
    "all_gather at 1": (
        lambda x, name: all_gather(x, name, axis=-1),
        lambda x: repeated(np.moveaxis(x, 0, -1)),
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    "x", [X, M, X.astype(np.float32), np.arange(3, dtype=np.int32), M + 1j * M]
)
def test_is_numpy_on_the_whole_batch(name, x):
    operation, whole = OPERATIONS[name]
    found = named(lambda x: operation(x, "i"))(x)
    expected = whole(x)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-6 if x.dtype == np.float32 else 1e-14)
    assert found.flags.writeable and found.flags.owndata


@pytest.mark.parametrize("name", OPERATIONS)
def test_derivatives_are_those_of_the_whole_batch(name):
    """The map from all elements' values to all elements' results, differentiated as one."""
    operation, whole = OPERATIONS[name]
    f = named(lambda x: np.sin(x) * np.sum(operation(x**3, "i") * 0.3))

    def g(x):
        return np.sin(x) * np.sum((whole(x**3) * 0.3).reshape(3, -1), axis=1)

    check_grads(f, (X,), order=2)
    ct = np.array([1.0, -0.5, 2.0])
    np.testing.assert_allclose(vjp(f, X)[1](ct)[0], vjp(g, X)[1](ct)[0], rtol=1e-12)
    np.testing.assert_allclose(jvp(f, (X,), (ct,))[1], jvp(g, (X,), (ct,))[1], rtol=1e-12)


@pytest.mark.parametrize("name", OPERATIONS)
def test_gradient_inside_is_that_of_the_sum_of_all_results(name):
    operation, whole = OPERATIONS[name]
    f = lambda x: np.sin(x) * np.sum(operation(x**3, "i"))  # noqa: E731
    total = grad(lambda x: np.sum(np.sin(x) * np.sum(whole(x**3).reshape(3, -1), axis=1)))(X)
    for inside in (grad(f), jit(grad(f)), grad(jit(f)), jit(grad(jit(f)))):
        np.testing.assert_allclose(named(inside)(X), total, rtol=1e-12)
        np.testing.assert_allclose(jit(named(inside))(X), total, rtol=1e-12)


def test_programs_of_collectives_are_sums():
    program = make_jaxpr(named(jit(lambda x: x / psum(x, "i"))))(X)
    check(program)
    assert "psum" not in str(program)
    assert "sum[axes=(0,)]" in str(program)


def test_ties_and_nan_share():
    tied = np.array([1.0, 3.0, 3.0])
    np.testing.assert_allclose(named(grad(lambda x: pmax(x, "i")))(tied), [0.0, 1.5, 1.5])
    np.testing.assert_allclose(named(grad(lambda x: pmin(x, "i")))(-tied), [0.0, 1.5, 1.5])
    assert np.isnan(named(lambda x: pmax(x, "i"))(np.array([1.0, np.nan, 2.0]))).all()


def test_a_value_that_all_elements_share():
    def f(x):
        return (
            psum(1, "i"),
            psum(2.5, "i"),
            psum(np.float32(2.5), "i"),
            psum(np.array([1, 2], np.int8), "i"),
            psum(True, "i"),
            pmean(3, "i"),
            pmax(3, "i"),
            pmin(np.array([3.0]), "i"),
            all_gather(np.float64(3.0), "i"),
            axis_size("i"),
        )

    found = named(f, out_axes=None)(X)
    plain = (
        3,
        7.5,
        np.float32(7.5),
        np.array([3, 6]),
        3,
        3.0,
        3,
        np.array([3.0]),
        np.ones(3) * 3,
        3,
    )
    for a, b in zip(found, plain, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
    seen = []
    named(lambda x: (seen.append(type(psum(1, "i"))), x)[1])(X)
    assert seen == [int]


def test_what_is_shared_is_not_batched():
    np.testing.assert_array_equal(named(lambda x: psum(x, "i"), out_axes=None)(X), 7.0)
    taken = []
    named(lambda x: taken.append(bool(psum(x, "i") > 3.0)) or x)(X)
    assert taken == [True]


def test_closed_over_parameters():
    """Data parallelism: the gradient of a mean loss, element by element and averaged."""
    rng = np.random.default_rng(1)
    x, y, w = rng.normal(size=(8, 3)), rng.normal(size=8), rng.normal(size=3)
    loss = lambda w, x, y: (x @ w - y) ** 2  # noqa: E731
    whole = grad(lambda w: np.mean(vmap(loss, in_axes=(None, 0, 0))(w, x, y)))(w)
    each = vmap(lambda x, y: pmean(grad(loss)(w, x, y), "batch"), axis_name="batch", out_axes=None)(
        x, y
    )
    np.testing.assert_allclose(each, whole, rtol=1e-12)


def test_normalisation_over_a_batch():
    """Batch normalisation as a function of one example."""

    def one(x, scale):
        mean = pmean(x, "batch")
        variance = pmean((x - mean) ** 2, "batch")
        return scale * (x - mean) / np.sqrt(variance + 1e-5)

    def whole(x, scale):
        return scale * (x - np.mean(x, 0)) / np.sqrt(np.var(x, 0) + 1e-5)

    mapped = vmap(one, in_axes=(0, None), axis_name="batch")
    np.testing.assert_allclose(mapped(M, 2.0), whole(M, 2.0), rtol=1e-12)
    loss = lambda f: lambda x, s: np.sum(np.sin(f(x, s)) * M)  # noqa: E731
    expected = grad(loss(whole), (0, 1))(M, 2.0)
    for f in (mapped, jit(mapped)):
        for a, b in zip(grad(loss(f), (0, 1))(M, 2.0), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_nested_names():
    x = np.arange(6.0).reshape(2, 3) + 1.0

    def f(x):
        return psum(x, "i") - psum(x, "j") * pmean(x, ("i", "j")) + axis_index("i") * 10

    found = vmap(vmap(f, axis_name="j"), axis_name="i")(x)
    expected = x.sum(0) - x.sum(1, keepdims=True) * x.mean() + np.array([[0.0], [10.0]])
    np.testing.assert_allclose(found, expected)
    assert vmap(vmap(lambda x: axis_size(("i", "j")), axis_name="j"), axis_name="i")(x)[0, 0] == 6
    gathered = vmap(vmap(lambda x: all_gather(x, "i"), axis_name="j"), axis_name="i")(x)
    np.testing.assert_array_equal(gathered, np.broadcast_to(x.T, (2, 3, 2)))


def test_the_inner_of_two_axes_of_one_name():
    x = np.arange(6.0).reshape(2, 3)
    f = named(named(lambda x: psum(x, "i")))
    np.testing.assert_allclose(f(x), np.broadcast_to(x.sum(1, keepdims=True), (2, 3)))
    # One jitted function, traced under both.
    g = jit(lambda x: x + 0.0 * psum(x, "i") + psum(1, "i"))
    both = named(lambda row: named(g)(row) + 0.0 * g(row[0]))
    np.testing.assert_allclose(both(x), x + 3)
    np.testing.assert_allclose(named(lambda row: g(row) + 0.0 * named(g)(row))(x), x + 2)


def test_a_compiled_function_belongs_to_no_axis():
    g = jit(lambda c: c / psum(1, "i"))
    np.testing.assert_allclose(named(lambda x: x * g(6.0))(np.ones(3)), 2.0 * np.ones(3))
    np.testing.assert_allclose(named(lambda x: x * g(6.0))(np.ones(2)), 3.0 * np.ones(2))
    with pytest.raises(ArgumentError, match="no mapped axis is named 'i' here; open are: none"):
        g(6.0)
    f = jit(lambda x: x - pmean(x, "i"))
    for n in (2, 3, 2):
        x = np.arange(float(n))
        np.testing.assert_allclose(named(f)(x), x - x.mean())


def test_in_loops_and_branches():
    def recurrence(x):
        return scan(lambda c, _: (np.tanh(c + psum(c, "i")), pmax(c, "i")), x, None, length=3)

    def whole(x):
        ys = []
        for _ in range(3):
            ys.append(np.max(x))
            x = np.tanh(x + np.sum(x))
        return x, ys

    last, ys = named(recurrence)(X / 10)
    expected, maxima = whole(X / 10)
    np.testing.assert_allclose(last, expected)
    np.testing.assert_allclose(ys, repeated(maxima))
    inside = named(grad(lambda x: recurrence(x)[0]))(X / 10)
    np.testing.assert_allclose(inside, grad(lambda x: np.sum(whole(x)[0]))(X / 10))

    def until(x):
        return while_loop(lambda c: pmax(c, "i") < 100.0, lambda c: c * 2 + psum(c, "i"), x)

    x = X.copy()
    while x.max() < 100.0:
        x = x * 2 + x.sum()
    np.testing.assert_allclose(named(until)(X), x)
    np.testing.assert_allclose(jit(named(until))(X), x)
    # c -> 2 c + sum(c) adds 2 + 3 to every derivative of the sum of all results.
    np.testing.assert_allclose(named(grad(until))(X), 5.0**3 * np.ones(3))

    f = lambda x: cond(psum(x, "i") > 3.0, lambda x: psum(x, "i"), lambda x: x, x)  # noqa: E731
    np.testing.assert_allclose(named(f)(X), 7.0 * np.ones(3))
    np.testing.assert_allclose(named(f)(X / 7), X / 7)
    np.testing.assert_allclose(named(fg.checkpoint(f))(X), 7.0 * np.ones(3))


def test_scatter_is_the_transpose_of_gather():
    rows = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(named(lambda x: psum_scatter(x, "i"))(rows), rows.sum(0))
    tiles = np.arange(18.0).reshape(3, 6)
    found = named(lambda x: psum_scatter(x, "i", tiled=True))(tiles)
    np.testing.assert_array_equal(found, tiles.sum(0).reshape(3, 2))
    np.testing.assert_array_equal(
        named(lambda x: all_gather(x, "i", tiled=True))(M), repeated(M.reshape(-1))
    )
    f = named(lambda x: psum_scatter(np.sin(x), "i") * x[0])
    check_grads(f, (rows,), order=2)
    both = vmap(f)(np.stack([rows, rows + 1]))
    np.testing.assert_allclose(both[1], f(rows + 1))


def test_index():
    np.testing.assert_array_equal(
        vmap(lambda: axis_index("i"), axis_size=3, axis_name="i")(), np.arange(3)
    )
    f = jit(lambda x: x * axis_index("i"))
    np.testing.assert_array_equal(named(f)(X), X * np.arange(3))
    np.testing.assert_array_equal(named(grad(f))(X), np.arange(3.0))


def test_an_axis_of_no_elements():
    assert named(lambda x: psum(x, "i"))(np.zeros((0, 2))).shape == (0, 2)


def messages():
    def batched_branch(x):
        return cond(x > 3, lambda x: psum(x, "i"), lambda x: x, x)

    def uneven_loop(x):
        return while_loop(lambda c: c < 9.0, lambda c: c + psum(c, "i"), x)

    def equation(x):
        return custom_root(lambda y: y - psum(y, "i") - x, 0.0, lambda f, y: y)

    one = "test_collectives.py:"
    line = lambda f: f.__code__.co_firstlineno + 1  # noqa: E731
    yield (
        lambda: psum(1.0, "i"),
        "psum: no mapped axis is named 'i' here; open are: none.\n"
        "Name it where it is mapped: vmap(f, axis_name='i').\n",
    )
    yield (
        lambda: named(lambda x: vmap(lambda y: pmean(y, "k"), axis_name="j")(x))(M),
        "pmean: no mapped axis is named 'k' here; open are: 'i', 'j'.\n"
        "Name it where it is mapped: vmap(f, axis_name='k').\n",
    )
    yield (
        lambda: vmap(lambda x: x, axis_name=("i", "j")),
        "vmap: axis_name must be one hashable name, got ('i', 'j').\nWrite axis_name='batch'.\n",
    )
    yield (
        lambda: named(lambda x: psum(x, ["i", {}]))(X),
        "psum: no mapped axis is named {} here; open are: 'i'.\n",
    )
    yield (
        lambda: named(lambda x: psum({"a": x, "b": "text"}, "i"))(X),
        "psum: the operand['b'] is a str, not an array or a number.\n"
        "Leave it out, or convert it with numpy.asarray.\n",
    )
    yield (
        lambda: named(lambda x: all_gather(x, "i", axis=2))(X),
        "all_gather: axis 2 is none of float64[] with the mapped axis.\n"
        "Give an axis from -1 to 0.\n",
    )
    yield (
        lambda: named(lambda x: psum_scatter(x, "i"))(M),
        "psum_scatter: axis 0 of float64[4] has length 4, and the mapped axis 'i' has 3.\n"
        "Give it that length.\n",
    )
    yield (
        lambda: named(batched_branch)(X),
        f"psum: a collective, at {one}{line(batched_branch)} in <lambda>, in a branch of cond or "
        "switch that not every element of the batch takes.\n"
        "Compute it before the cond and close over it, or make the predicate the same for all "
        "elements, with psum or pmax.\n",
    )
    yield (
        lambda: named(uneven_loop)(X),
        f"psum: a collective, at {one}{line(uneven_loop)} in <lambda>, in a while_loop that takes "
        "another number of steps for each element of the batch.\n"
        "Make the condition the same for all elements, as in pmax(error, name) > tol.\n",
    )
    yield (
        lambda: named(equation)(X),
        f"psum: a collective, at {one}{line(equation)} in <lambda>, in an equation that is solved "
        "for each element of the batch by itself.\n"
        "Compute it before and close over it, or solve for all elements at once, with the batch as "
        "an axis of the unknown.\n",
    )


MESSAGES = list(messages())


@pytest.mark.parametrize("index", range(len(MESSAGES)))
def test_errors(index):
    call, expected = MESSAGES[index]
    with pytest.raises(fg.errors.FuncgradError) as caught:
        call()
    assert str(caught.value).startswith(expected), str(caught.value)


def test_an_index_leaks_like_any_tracer():
    kept = []
    named(lambda x: kept.append(axis_index("i")) or x)(X)
    with pytest.raises(LeakedTracerError):
        kept[0] + 1


def test_names_close_with_an_exception():
    with pytest.raises(ZeroDivisionError):
        named(lambda x: 1 / 0)(X)
    with pytest.raises(ArgumentError, match="open are: none"):
        psum(1.0, "i")
