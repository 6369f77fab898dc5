"""Indexing and functional updates: NumPy's meaning under every transform."""

import pickle
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.index import SAMPLES
from samples.laws import check_sample

import funcgrad.numpy as fnp
from funcgrad import grad, jit, jvp, make_jaxpr, value_and_grad, vjp, vmap
from funcgrad.core.check import check
from funcgrad.core.record import run, trace
from funcgrad.core.trace import aval_of
from funcgrad.errors import (
    ConcretizationError,
    DtypeError,
    IndexDtypeError,
    NotTraceableError,
    OutOfBoundsError,
    ShapeError,
    TracerAssignmentError,
)
from funcgrad.numpy import at
from funcgrad.ops.index import GetItem
from funcgrad.ops.layout import OPERAND
from funcgrad.testing import check_grads

X = np.linspace(-1.3, 2.1, 24).reshape(2, 3, 4)


def recorded(f, *args):
    """``f`` traced without values, checked, and run; the result and the program."""
    program, captured = trace(lambda *xs: [f(*xs)], [aval_of(a) for a in args])
    (result,) = run(check(program), [*captured, *args])
    assert aval_of(result) == program.out_avals[0]
    return result


def same(actual, expected):
    assert aval_of(actual).strong() == aval_of(expected).strong()
    np.testing.assert_array_equal(actual, expected)


@st.composite
def keys(draw, shape, traced=False):
    """A key for arrays of ``shape``, and an equal one with integer arrays as operands."""
    broadcast = draw(st.sampled_from([(3,), (2, 3), (1,), ()]))
    parts, axis = [], 0
    kinds = ["slice", "int", "array", "none", "ellipsis"]
    kinds += [] if traced else ["mask", "list", "bool"]
    while axis < len(shape):
        kind = draw(st.sampled_from(kinds))
        n = shape[axis]
        if kind == "slice":
            bound = st.none() | st.integers(-n - 1, n + 1)
            step = st.sampled_from([None, 1, 2, -1, -2])
            parts.append(slice(draw(bound), draw(bound), draw(step)))
            axis += 1
        elif kind == "int":
            parts.append(draw(st.integers(-n, n - 1)))
            axis += 1
        elif kind in ("array", "list"):
            own = [draw(st.sampled_from([1, m])) for m in broadcast]
            own = tuple(own[draw(st.integers(0, len(own))) :])
            size = int(np.prod(own))
            values = draw(st.lists(st.integers(-n, n - 1), min_size=size, max_size=size))
            array = np.array(values, dtype=int).reshape(own)
            parts.append(array.tolist() if kind == "list" else array[()])
            axis += 1
        elif kind == "mask" and broadcast == (3,):
            rank = draw(st.integers(1, len(shape) - axis))
            sides = shape[axis : axis + rank]
            size = int(np.prod(sides))
            chosen = draw(st.sets(st.integers(0, size - 1), min_size=min(3, size)))
            chosen = sorted(chosen)[:3] if size >= 3 else sorted(chosen)[:1]
            mask = np.zeros(size, dtype=bool)
            mask[chosen] = True
            parts.append(mask.reshape(sides))
            axis += rank
        elif kind == "none" and sum(p is None for p in parts) < 2:
            parts.append(None)
        elif kind == "bool" and True not in [p for p in parts if isinstance(p, bool)]:
            parts.append(True)
        elif kind == "ellipsis" and not any(p is Ellipsis for p in parts):
            parts.append(Ellipsis)
            axis += draw(st.integers(0, len(shape) - axis))
    key = tuple(parts)
    return key[0] if len(key) == 1 and draw(st.booleans()) else key


SHAPES = st.lists(st.integers(2, 4), min_size=1, max_size=3).map(tuple)
SHAPES_AND_KEYS = SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), keys(shape)))
SHAPES_AND_TRACED_KEYS = SHAPES.flatmap(
    lambda shape: st.tuples(st.just(shape), keys(shape, traced=True))
)


def array(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@given(SHAPES_AND_KEYS)
def test_any_key_under_every_transform(case):
    shape, key = case
    x, t = array(shape, 0), array(shape, 1)
    expected = np.asarray(x[key])[()]
    ct = array(expected.shape, 2)[()]
    scattered = np.zeros(shape)
    np.add.at(scattered, key, ct)

    def f(x):
        return x[key]

    value, pullback = vjp(f, x)
    same(value, expected)
    (cotangent,) = pullback(ct)
    np.testing.assert_allclose(cotangent, scattered, rtol=1e-12, atol=1e-13)
    value, tangent = jvp(f, (x,), (t,))
    same(value, expected)
    same(tangent, np.asarray(t[key])[()])
    same(recorded(f, x), expected)
    same(vmap(f)(np.stack([x, t])), np.stack([x[key], t[key]]))
    # The gradient of a batch is the batch of gradients.
    same(
        vmap(lambda x: vjp(f, x)[1](ct)[0])(np.stack([x, t])),
        np.stack([cotangent, cotangent]),
    )


@given(SHAPES_AND_TRACED_KEYS, st.lists(st.booleans(), min_size=8, max_size=8))
def test_traced_indices_batched_or_not(case, flags):
    """Integers and arrays as traced operands: recorded, and vmap against the loop."""
    shape, key = case
    key = key if isinstance(key, tuple) else (key,)
    x = array(shape)
    template = [OPERAND if isinstance(p, np.ndarray | np.integer) else p for p in key]
    operands = [p for p in key if isinstance(p, np.ndarray | np.integer)]

    def f(x, *indices):
        rest = iter(indices)
        return fnp.at(x)[tuple(next(rest) if p is OPERAND else p for p in template)].get()

    same(recorded(f, x, *operands), np.asarray(x[key])[()])

    batched = [flags[0], *flags[1 : 1 + len(operands)]]
    if not any(batched):
        return
    rolled = [np.stack([np.roll(p, k) for k in range(3)]) for p in operands]
    args = [np.stack([x, x + 1, x + 2]), *rolled]
    args = [a if b else p for a, b, p in zip(args, batched, [x, *operands], strict=True)]
    loop = [f(*[a[k] if b else a for a, b in zip(args, batched, strict=True)]) for k in range(3)]
    mapped = vmap(f, in_axes=tuple(0 if b else None for b in batched))
    same(mapped(*args), np.stack(loop))

    ct = array(loop[0].shape, 1)

    def gradient(x, *indices):
        return vjp(lambda x: f(x, *indices), x)[1](ct)[0]

    loop = [
        gradient(*[a[k] if b else a for a, b in zip(args, batched, strict=True)]) for k in range(3)
    ]
    mapped = vmap(gradient, in_axes=tuple(0 if b else None for b in batched))
    np.testing.assert_allclose(mapped(*args), np.stack(loop), rtol=1e-12, atol=1e-13)


@given(SHAPES_AND_KEYS, st.sampled_from(["set", "add", "subtract", "multiply", "max"]))
def test_updates_are_numpys(case, name):
    shape, key = case
    x = array(shape)
    y = array(np.asarray(x[key]).shape, 1)[()]
    expected = x.copy()
    if name == "set":
        expected[key] = y
    else:
        ufunc = {"max": np.maximum}.get(name) or getattr(np, name)
        ufunc.at(expected, key, y)

    def f(x, y):
        return getattr(fnp.at(x)[key], name)(y)

    before = x.copy()
    same(f(x, y), expected)
    same(x, before)
    same(value_and_grad(lambda x: (np.sum(f(x, y)), f(x, y)), has_aux=True)(x)[0][1], expected)
    same(recorded(f, x, y), expected)
    same(
        vmap(f)(np.stack([x, x + 1]), np.stack([y, y])),
        np.stack([expected, f(x + 1, y)]),
    )
    # Inner product: <ct, J t> = <J' ct, t>, and J against differences where there is no kink.
    ct, tx, ty = array(shape, 2), array(shape, 3), array(np.shape(y), 4)[()]
    _, tangent = jvp(f, (x, y), (tx, ty))
    cx, cy = vjp(f, x, y)[1](ct)
    np.testing.assert_allclose(
        np.sum(ct * tangent), np.sum(cx * tx) + np.sum(cy * ty), rtol=1e-10, atol=1e-10
    )
    h = 1e-6
    difference = (f(x + h * tx, y + h * ty) - f(x - h * tx, y - h * ty)) / (2 * h)
    np.testing.assert_allclose(tangent, difference, rtol=1e-6, atol=1e-6)


def test_updates_under_vmap_with_batched_indices():
    x, y = array((3, 5)), array((3, 4), 1)
    i = np.array([[0, 1, 1, -1], [4, 4, 4, 4], [0, 1, 2, 3]])
    for name in ("set", "add"):
        loop = [getattr(fnp.at(a)[k], name)(b) for a, k, b in zip(x, i, y, strict=True)]
        mapped = vmap(lambda x, i, y: getattr(fnp.at(x)[i], name)(y))  # noqa: B023
        same(mapped(x, i, y), np.stack(loop))
        once = vmap(lambda i: getattr(fnp.at(x[0])[i], name)(y[0]))  # noqa: B023
        same(once(i), np.stack([getattr(fnp.at(x[0])[k], name)(y[0]) for k in i]))


def test_the_last_of_repeated_places_gets_the_gradient():
    i = np.array([1, 1, 0, 1])
    for f in (
        lambda y: np.sum(fnp.at(np.zeros(3))[i].set(y) * np.array([10.0, 20.0, 30.0])),
        lambda y: vmap(lambda i: np.sum(fnp.at(np.zeros(3))[i].set(y) * np.array([10.0, 20, 30])))(
            i[None]
        )[0],
    ):
        same(grad(f)(np.ones(4)), np.array([0.0, 0.0, 10.0, 20.0]))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[1:, ::-2] * x[:-1, ::-2],
        lambda x: x[:, [[0, 2], [2, 2]], 1] ** 2,
        lambda x: np.sin(x[x > 0.1]),
        lambda x: fnp.at(x)[0, :, [1, 1]].add(x[1, :, 0] ** 2),
        lambda x: fnp.at(x)[:, 1].set(x[:, 0] * x[:, 2]),
        lambda x: fnp.at(x)[[0, 0]].multiply(x[[1, 0]]),
        lambda x: fnp.at(x)[1].power(2.0),
        lambda x: fnp.at(x)[1].apply(np.sin),
        lambda x: fnp.at(x)[..., 0].divide(3.0 + x[..., 1]),
        lambda x: fnp.at(x)[[1, 1, 0]].min(x[[0, 1, 1]] - 0.3),
        lambda x: [row * column for row, column in zip(x[0], x[1], strict=True)],
        lambda x: fnp.put_along_axis(x[0], x[0].argmax(0)[None], x[1, :1] ** 2, 0, inplace=False),
        lambda x: fnp.fill_diagonal(x[0], x[1, 0, :2] ** 2, inplace=False),
        lambda x: fnp.put(x, [0, 5, 5], x[0, 0, :2] ** 2, inplace=False),
        lambda x: np.take_along_axis(x, np.argsort(x, axis=1), axis=1) ** 2,
        lambda x: np.unique(x)[:5] ** 2,
        lambda x: np.compress([True, False, True], x, axis=1) ** 2,
        lambda x: np.extract(x > 0, x) ** 2,
        lambda x: np.choose([0, 2, 1, 0], [x[0, 0], x[0, 1] ** 2, 3.0]),
        lambda x: np.select([x > 1, x > 0], [x**2, x**3], 1.5 * x),
    ],
)
def test_derivatives_in_both_modes_and_second_order(f):
    check_grads(f, (X,), order=2)


# Out of bounds


@pytest.mark.parametrize("bad", [3, -4, (0, 4), [0, 3], np.array([[-4]]), slice(None, 3)])
def test_an_index_outside_raises(bad):
    if isinstance(bad, slice):
        same(vjp(lambda x: x[bad], X[0])[0], X[0][bad])
        return
    with pytest.raises(IndexError) as numpys:
        X[0][bad]
    for call in (
        lambda: grad(lambda x: np.sum(x[bad]))(X[0]),
        lambda: jvp(lambda x: x[bad], (X[0],), (X[0],)),
        lambda: recorded(lambda x: x[bad], X[0]),
        lambda: vmap(lambda x: x[bad])(X),
        lambda: fnp.at(X[0])[bad].set(0.0),
        lambda: fnp.at(X[0])[bad].add(1.0),
        lambda: grad(lambda y: np.sum(fnp.at(X[0])[bad].set(y)))(1.0),
    ):
        with pytest.raises(OutOfBoundsError, match="is out of bounds for axis"):
            call()
    assert "out of bounds" in str(numpys.value)


@pytest.mark.parametrize("bad", [3, -4])
def test_a_traced_index_outside_raises_where_it_runs(bad):
    program = make_jaxpr(lambda x, i: x[i])(X[0], 0)
    with pytest.raises(OutOfBoundsError, match="out of bounds for axis 0 with size 3"):
        run(program, [X[0], bad])
    with pytest.raises(OutOfBoundsError, match="out of bounds"):
        vmap(lambda i: fnp.take(X[0], i, axis=0))(np.array([0, bad]))
    with pytest.raises(OutOfBoundsError, match="out of bounds"):
        vmap(lambda i: fnp.at(X[0])[i].set(0.0))(np.array([0, bad]))


@pytest.mark.parametrize("bad", [3, -4])
def test_a_traced_index_outside_raises_in_compiled_code(bad):
    for f in (
        lambda x, i: x[i],
        lambda x, i: x.at[i].set(0.0),
        lambda x, i: x.at[i].add(1.0),
        lambda x, i: fnp.take(x, fnp.array([0, i]), axis=0),
        lambda x, i: vmap(lambda k: fnp.at(x)[k + i].get())(np.array([0])),
        grad(lambda x, i: np.sum(x[i] ** 2)),
    ):
        compiled = jit(f)
        with pytest.raises(IndexError, match="out of bounds"):
            compiled(X[0], bad)
        same(compiled(X[0], -1), compiled(X[0], 2))


def test_the_text_of_an_index_outside():
    with pytest.raises(OutOfBoundsError) as raised:
        grad(lambda x: x[3])(np.ones(3))
    assert raised.value.what == ("indexing: index 3 is out of bounds for axis 0 with size 3")
    assert raised.value.fix == (
        "An axis of length n takes indices from -n to n - 1. Bring others into range with "
        "numpy.clip, or choose with numpy.where."
    )


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ((0, 0, 0), "too many indices for array: array is 2-dimensional, but 3 were indexed"),
        ((..., 0, ...), "an index can only have a single ellipsis ('...')"),
        (
            np.array([True, False]),
            "boolean index did not match indexed array along axis 0; size of axis is 3 but size of "
            "corresponding boolean axis is 2",
        ),
        (
            (slice(None), np.array([True, False])),
            "boolean index did not match indexed array along axis 1; size of axis is 4 but size of "
            "corresponding boolean axis is 2",
        ),
    ],
)
def test_keys_that_do_not_fit_say_what_numpy_says(key, text):
    with pytest.raises(IndexError) as numpys:
        X[0][key]
    assert text in str(numpys.value).rstrip(".")
    for call in (lambda: vjp(lambda x: x[key], X[0]), lambda: recorded(lambda x: x[key], X[0])):
        with pytest.raises(OutOfBoundsError) as raised:
            call()
        assert raised.value.what == f"indexing: {text}"


def test_index_arrays_that_do_not_broadcast():
    for call in (
        lambda: recorded(lambda x: x[[0, 1], [0, 1, 2]], X[0]),
        lambda: vjp(lambda x: x[[0, 1], [0, 1, 2]], X[0]),
    ):
        with pytest.raises(IndexError):
            X[0][[0, 1], [0, 1, 2]]
        with pytest.raises((ShapeError, OutOfBoundsError), match=r"could not be broadcast|do not"):
            call()


@pytest.mark.parametrize("bad", [1.5, [0.5], "a", np.array([1j])])
def test_what_is_no_index(bad):
    with pytest.raises(IndexError):
        X[0][bad]
    with pytest.raises(IndexDtypeError) as raised:
        vjp(lambda x: x[bad], X[0])
    assert raised.value.what.startswith(
        "indexing: an index must be an integer, a boolean mask or a slice, got "
    )


def test_a_traced_float_is_no_index():
    with pytest.raises(IndexDtypeError, match="got float64"):
        grad(lambda x: x[x[0]])(np.ones(3))
    with pytest.raises(IndexDtypeError, match="got float64"):
        grad(lambda x: fnp.take(np.ones(3), x))(1.0)


def test_a_mask_without_value_names_where():
    for call in (
        lambda: make_jaxpr(lambda x: x[x > 0])(X),
        lambda: vmap(lambda x: np.sum(x[x > 0]))(X),
    ):
        with pytest.raises(ConcretizationError, match=r"numpy\.where\(mask, x, 0\)") as raised:
            call()
        assert "decides the shape of the result" in raised.value.what


def test_a_mask_without_value_updates():
    expected = np.where(X > 0, 0.0, X)
    same(recorded(lambda x: fnp.at(x)[x > 0].set(0.0), X), expected)
    same(vmap(lambda x: fnp.at(x)[x > 0].set(0.0))(X), expected)
    same(
        recorded(lambda x: fnp.at(x)[x[:, 0, 0] > 0].multiply(np.ones(4) * 2), X),
        np.where(X[:, :1, :1] > 0, X * 2, X),
    )
    with pytest.raises(NotTraceableError, match="how many places the mask chooses"):
        make_jaxpr(lambda x: fnp.at(x)[x > 0].set(np.ones(3)))(X)


def test_masked_branches_are_safe_under_a_mask():
    x = np.array([0.0, 2.0])
    with np.errstate(divide="ignore"):
        same(grad(lambda x: np.sum((1 / x)[x > 0]))(x), np.array([0.0, -0.25]))


# Updates: dtypes and refusals


def test_set_converts_as_an_assignment_does():
    ints = np.arange(3)
    same(fnp.at(ints)[0].set(2.7), np.array([2, 1, 2]))
    same(fnp.at(np.float32([1, 2]))[0].set(0.1), np.array([0.1, 2], dtype=np.float32))
    with pytest.raises(OverflowError):
        fnp.at(np.uint8([1, 2]))[0].set(300)
    with pytest.raises(DtypeError, match="would lose its gradient"):
        grad(lambda y: np.sum(fnp.at(ints)[0].set(y)))(1.0)
    with pytest.raises(DtypeError, match="would lose its imaginary part"):
        vjp(lambda y: fnp.at(np.ones(2))[0].set(y), 1j)
    with pytest.raises(DtypeError, match="cannot be combined"):
        fnp.at(ints)[0].add(0.5)
    with pytest.raises(ShapeError, match="does not broadcast to the indexed part"):
        recorded(lambda x: fnp.at(x)[0].set(np.ones(3)), X)


def test_values_that_may_repeat_and_have_no_value():
    def f(x, i):
        return x.at[i].multiply(2.0)

    with pytest.raises(NotTraceableError, match="may repeat") as raised:
        make_jaxpr(f)(X[0], np.array([0, 1]))
    assert "unique_indices=True" in raised.value.fix
    # One traced integer cannot repeat.
    same(recorded(f, X[0], 1), fnp.at(X[0])[1].multiply(2.0))
    unique = lambda x, i: x.at[i].multiply(2.0, unique_indices=True)  # noqa: E731
    same(recorded(unique, X[0], np.array([0, 2])), fnp.at(X[0])[[0, 2]].multiply(2.0))


def test_in_place_functions_say_what_to_write():
    for name, args in (
        ("put_along_axis", (np.array([[0]]), 1.0, 0)),
        ("put", ([0], 1.0)),
        ("fill_diagonal", (1.0,)),
    ):
        with pytest.raises(TracerAssignmentError, match="inplace=False"):
            grad(lambda x: getattr(np, name)(x, *args))(np.ones((1, 1)))  # noqa: B023
        plain = np.ones((1, 1)) * 3
        assert getattr(fnp, name)(plain, *args) is None
        assert plain[0, 0] == 1.0
        unchanged = np.ones((1, 1)) * 3
        same(getattr(fnp, name)(unchanged, *args, inplace=False), plain)
        assert unchanged[0, 0] == 3.0


# NumPy's indexing functions


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("take", (X, [2, 0, -1])),
        ("take", (X, [[2, 0], [-1, 5]], 2, None, "wrap")),
        ("take", (X, 7, 1, None, "clip")),
        ("take", (X, np.int64(1), -1)),
        ("take_along_axis", (X, np.array([[[1, 0, 0, 1]]]), 0)),
        ("take_along_axis", (X, np.array([3, 1]), None)),
        ("choose", (np.array([[0], [1]]), [X[0, 0], X[1, 0]])),
        ("choose", (np.array([5, -1]), [X[0, 0, :2], X[1, 0, :2]], None, "wrap")),
        ("extract", (X > 0, X)),
        ("compress", ([True, False, True], X, 1)),
        ("select", ([X > 1, X > 0], [X, 2 * X], 5)),
        ("select", ([X > 1], [1], 0.5)),
        ("put_along_axis", (X, np.array([[[1, 0, 0, 1]]]), 2.0, 0)),
        ("put", (X, [0, -1, 2], [1.0, 2.0])),
        ("fill_diagonal", (np.ones((5, 2)), [3.0, 4.0], True)),
        ("unique", (np.array([3.0, 1.0, 3.0]), True, True, True)),
        ("unique", (np.array([[3.0, 1.0], [3.0, 1.0]]), False, False, False, 0)),
        ("nonzero", (np.maximum(X, 0),)),
        ("flatnonzero", (np.maximum(X, 0),)),
        ("argwhere", (np.maximum(X, 0),)),
        ("searchsorted", (np.sort(X[0, 0]), X[1, 1])),
    ],
)
def test_indexing_functions_are_numpys(name, args):
    plain = getattr(np, name)
    options = {}
    if name in ("put", "put_along_axis", "fill_diagonal"):
        options = {"inplace": False}
        expected = np.array(args[0])
        plain(expected, *args[1:])
    else:
        expected = plain(*args)
    floats = [k for k, a in enumerate(args) if isinstance(a, np.ndarray) and a.dtype == np.float64]

    def f(*xs):
        given = list(args)
        for k, x in zip(floats, xs, strict=True):
            given[k] = x
        return getattr(fnp, name)(*given, **options)

    got = []
    primals = [args[k] for k in floats]
    if floats:
        jvp(lambda *xs: got.append(plain_of(f(*xs))) or xs[0], primals, primals)
    got.append(f(*primals))
    for result in got:
        if isinstance(expected, tuple):
            for a, e in zip(result, expected, strict=True):
                np.testing.assert_array_equal(a, e)
        else:
            same(result, expected)


def plain_of(result):
    """The values of a result that may hold tracers of forward mode."""
    if isinstance(result, tuple):
        return tuple(plain_of(r) for r in result)
    return getattr(result, "value", result)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("take", (X, np.array([2, 0, -1]))),
        ("take", (X, np.array([[2, 0], [-1, 5]]), 2, None, "wrap")),
        ("take_along_axis", (X, np.array([[[1, 0, 0, 1]]]), 0)),
        ("choose", (np.array([[0], [1]]), [X[0, 0], X[1, 0]])),
        ("ix_", (np.array([0, 2]), np.array([1]))),
    ],
)
def test_traced_indices_in_functions(name, args):
    """Every integer array traced and the rest plain: NumPy's answer where the program runs."""
    integers = [k for k, a in enumerate(args) if getattr(a, "dtype", None) == np.int64]

    def f(*indices):
        given = list(args)
        for k, i in zip(integers, indices, strict=True):
            given[k] = i
        result = getattr(fnp, name)(*given)
        return result[0] + result[1] if isinstance(result, tuple) else result

    expected = getattr(np, name)(*args)
    expected = expected[0] + expected[1] if isinstance(expected, tuple) else expected
    same(recorded(f, *[args[k] for k in integers]), expected)


def test_negative_choices_raise():
    choices = [np.ones(2), np.zeros(2)]
    with pytest.raises(ValueError, match="invalid entry in choice array"):
        np.choose([-1, 0], choices)
    with pytest.raises(OutOfBoundsError, match="invalid entry in choice array"):
        vjp(lambda c: np.choose([-1, 0], [c, c]), choices[0])
    with pytest.raises(OutOfBoundsError):
        recorded(lambda i: fnp.choose(i, choices), np.array([-1, 0]))


def test_shape_deciding_functions_need_values():
    for name in ("nonzero", "flatnonzero", "argwhere", "unique"):
        with pytest.raises(ConcretizationError, match=f"numpy.{name}: its result depends"):
            make_jaxpr(getattr(np, name))(X)


def test_cross_entropy_row_pick_is_one_assignment():
    """The hot path: one element a row goes back without accumulation."""
    labels = np.array([1, 0, 3])

    def loss(z):
        return np.sum(z[np.arange(3), labels] ** 2) / 2

    program = str(make_jaxpr(grad(loss))(X[0]))
    assert "scatter[_, _]" in program
    assert "scatter_add" not in program
    expected = np.zeros((3, 4))
    expected[np.arange(3), labels] = X[0][np.arange(3), labels]
    same(grad(loss)(X[0]), expected)
    # With repeated places it accumulates.
    assert "scatter_add" in str(make_jaxpr(grad(lambda z: np.sum(z[[0, 0]] ** 2)))(X[0]))


def test_programs_read_as_numpy():
    text = str(make_jaxpr(lambda x, i: x[1:, ::2][i, None])(X[0], 0))
    assert "get_item[1:, ::2] a" in text
    assert "get_item[_, None] c b" in text


def test_primitives_with_slices_hash_compare_and_pickle():
    a, b = GetItem((slice(1, None), OPERAND, ...)), GetItem((slice(1, None), OPERAND, ...))
    assert a == b
    assert hash(a) == hash(b)
    assert a != GetItem((slice(2, None), OPERAND, ...))
    restored = pickle.loads(pickle.dumps(a))
    assert restored == a
    assert restored.index[1] is OPERAND


def test_a_reused_index_buffer_does_not_change_the_gradient():
    def f(x):
        rows = np.array([0, 1])
        picked = x[rows]
        rows[:] = 2
        return np.sum(picked)

    same(grad(f)(np.ones(3)), np.array([1.0, 1.0, 0.0]))


def test_zero_sized():
    empty = np.zeros((0, 3))
    same(grad(lambda x: np.sum(x[:, 1]))(empty), empty)
    same(grad(lambda x: np.sum(x[[]]))(np.ones(3)), np.zeros(3))
    same(grad(lambda x: np.sum(x[np.zeros(3, dtype=bool)]))(np.ones(3)), np.zeros(3))
    assert list(empty) == []
    same(grad(lambda x: np.sum(x) + sum(1.0 for _ in x))(empty), empty)


@pytest.mark.parametrize(
    "sample", SAMPLES, ids=[f"{s.primitive}-{i}" for i, s in enumerate(SAMPLES)]
)
def test_samples(sample):
    check_sample(sample)


P, Q = (np.random.default_rng(k).integers(-6, 6, 400) for k in (1, 2))
REPEATED = {
    "vector": ((6,), (P,)),
    "rows": ((6, 3), (P,)),
    "wide rows": ((6, 40), (P,)),
    "rows of matrices": ((6, 2, 3), (P.reshape(20, 20), ...)),
    "elements": ((6, 6), (P, Q)),
    "two axes of three": ((6, 6, 4), (P, Q, slice(None))),
    "an integer and an axis": ((5, 6, 2), (3, P)),
    "broadcast": ((6, 6), (P[:, None], Q[:3])),
    "the last axis": ((4, 6), (slice(None), P)),
    "the last axis of three": ((2, 3, 6), (..., P)),
    "a middle axis": ((2, 6, 3), (slice(None), P)),
    "two axes of four": ((2, 6, 6, 3), (slice(None), P, Q)),
    "many vectors": ((50, 6), (slice(None), P)),
    "a new axis": ((6, 3), (None, P)),
    "apart": ((6, 3, 6), (P, slice(None), Q)),
    "small integers": ((6, 3), (P.astype(np.int8),)),
    "nothing in a row": ((6, 0), (P,)),
    "few": ((6, 3), (P[:5],)),
    "backwards": ((6, 3), (P, slice(None, None, -1))),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int64])
@pytest.mark.parametrize("shape, key", REPEATED.values(), ids=REPEATED)
def test_places_that_repeat_are_added_to_in_the_order_of_add_at(shape, key, dtype):
    values = np.random.default_rng(3).normal(size=np.zeros(shape)[key].shape) * 9
    values = values.astype(dtype)
    start = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    expected = start.copy()
    np.add.at(expected, key, values)
    found = at(start)[key].add(values)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == dtype
    for order in (start, np.asfortranarray(start)):
        np.testing.assert_array_equal(jit(lambda x, v: at(x)[key].add(v))(order, values), expected)
    numbers = start.copy()
    np.add.at(numbers, key, dtype(2))
    np.testing.assert_array_equal(at(start)[key].add(dtype(2)), numbers)
    if dtype != np.int64:
        expected = np.zeros(shape, dtype)
        np.add.at(expected, key, values)
        pulled = vjp(lambda x: x[key], start)[1](values)[0]
        np.testing.assert_array_equal(pulled, expected)


def test_an_index_outside_raises_where_many_places_are_added_to():
    for shape, key in REPEATED.values():
        arrays = [k for k, part in enumerate(key) if isinstance(part, np.ndarray)]
        wrong = list(key)
        wrong[arrays[-1]] = np.array(key[arrays[-1]])
        wrong[arrays[-1]].reshape(-1)[-1] = 7
        with pytest.raises(OutOfBoundsError, match="index 7 is out of bounds for axis"):
            at(np.zeros(shape))[tuple(wrong)].add(1.0)


def test_the_gradient_of_a_gather_takes_no_time_a_row():
    # np.add.at takes 5 times as long for rows as for as many numbers; beside it, in turns.
    rows = np.random.default_rng(0).integers(0, 300, 8000)
    values = np.random.default_rng(1).normal(size=(8000, 8))
    table = np.zeros((300, 8))
    gradient = jit(grad(lambda t, v: np.sum(t[rows] * v)))

    def by_hand():
        return np.stack([np.bincount(rows, values[:, j], 300) for j in range(8)], axis=1)

    np.testing.assert_allclose(gradient(table, values), by_hand(), rtol=1e-12)
    ratios = []
    for _ in range(7):
        times = []
        for call in (lambda: gradient(table, values), by_hand):
            start = time.perf_counter()
            for _ in range(5):
                call()
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    assert min(ratios) < 2.0
