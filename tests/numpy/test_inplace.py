"""``h += b`` on traced arrays: NumPy's answer, or an error where another name would miss it."""

import copy
import warnings

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import grad, jit, jvp, make_jaxpr, vjp, vmap
from funcgrad.core.trace import Tracer
from funcgrad.errors import (
    ConcretizationError,
    DtypeError,
    LeakedTracerError,
    ShapeError,
    TracerAssignmentError,
)
from funcgrad.numpy.dispatch import IMPLEMENTED
from funcgrad.numpy.modules import load_all

X = np.array([0.5, -1.25, 2.0])

TRANSFORMS = {
    "vjp": lambda f: lambda *args: vjp(f, *args)[0],
    "jvp": lambda f: lambda *args: jvp(f, args, args)[0],
    "vmap": lambda f: lambda *args: vmap(f)(*[np.stack([a, a]) for a in args])[0],
    "jit": jit,
    "jit of vjp": lambda f: jit(lambda *args: vjp(f, *args)[0]),
    "vjp of vmap": lambda f: lambda *args: vjp(vmap(f), *[a[None] for a in args])[0][0],
}


@pytest.fixture(params=TRANSFORMS)
def transform(request):
    return TRANSFORMS[request.param]


def layers(x, b):
    h = np.tanh(x)
    h += b
    h *= x
    h -= 0.5
    h /= 1 + x * x
    h **= 2
    h //= 0.25
    h %= 3.0
    h = h + x
    h *= h
    return h


def test_same_answer(transform):
    np.testing.assert_allclose(transform(layers)(X, X[::-1]), layers(X, X[::-1]), rtol=1e-15)


def test_gradient():
    def loss(x):
        h = 2 * x
        h += x * x
        h *= x
        return np.sum(h)

    np.testing.assert_allclose(grad(loss)(X), 4 * X + 3 * X**2, rtol=1e-15)
    np.testing.assert_allclose(jvp(loss, (X,), (X,))[1], np.sum(X * (4 * X + 3 * X**2)), rtol=1e-15)
    np.testing.assert_allclose(jit(grad(loss))(X), 4 * X + 3 * X**2, rtol=1e-15)


def test_matmul_in_place(transform):
    w = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 0.5], [3.0, 0.25, 1.0]])

    def f(x):
        h = x * 1.0
        h @= w
        return h

    np.testing.assert_array_equal(transform(f)(w.T.copy()), w.T @ w)


OPERATORS = ["+=", "-=", "*=", "/=", "//=", "%=", "**=", "&=", "|=", "^=", "<<=", ">>="]
DTYPES = [np.bool_, np.int8, np.uint16, np.int64, np.float16, np.float32, np.float64, np.complex64]
RIGHTS = [*[dtype(2) for dtype in DTYPES], True, 3, 0.5, 1j]


@pytest.mark.parametrize("operator", OPERATORS)
def test_dtypes_as_numpy(operator):
    scope = {}
    exec(f"def update(x, y):\n    h = x[:]\n    h {operator} y\n    return h", scope)
    update = scope["update"]
    refused = 0
    for dtype in DTYPES:
        x = np.array([1, 5, 2]).astype(dtype)
        for right in RIGHTS:
            for y in [right] + ([np.array([right] * 3)] if isinstance(right, np.generic) else []):
                try:
                    expected = update(x.copy(), y)
                except TypeError:
                    refused += 1
                    with pytest.raises(TypeError):
                        jit(lambda x, y=y: update(x, y))(x)
                    with pytest.raises(TypeError):
                        vmap(lambda x, y=y: update(x, y))(x[None])
                    continue
                found = jit(lambda x, y=y: update(x, y))(x)
                assert found.dtype == expected.dtype == x.dtype, (x, operator, y)
                np.testing.assert_array_equal(found, expected, err_msg=f"{x!r} {operator} {y!r}")
    assert refused > 5


def test_dtype_of_the_left_operand_is_kept_under_grad():
    def loss(x, y):
        h = x * np.float32(2)
        h += y
        assert h.dtype == np.float32
        return np.sum(h * h)

    x, y = X.astype(np.float32), X
    gx, gy = grad(loss, (0, 1))(x, y)
    assert gx.dtype == np.float32 and gy.dtype == np.float64
    np.testing.assert_allclose(gx, 4 * (2 * x + y), rtol=1e-6)
    np.testing.assert_allclose(gy, 2 * (2 * x + y), rtol=1e-6)


def test_dtype_that_does_not_fit(transform):
    def f(x):
        h = (x > 0) * np.ones(3, np.int64) if not isinstance(x, Tracer) else (x > 0).astype(int)
        h /= 2
        return h

    with pytest.raises(TypeError):
        f(X)
    with pytest.raises(TypeError):
        transform(f)(X)


def test_text_of_a_dtype_that_does_not_fit():
    def f(x):
        x /= 2
        return x

    with pytest.raises(DtypeError) as info:
        jit(f)(np.arange(3))
    assert info.value.what == ("x /= y: the result, float64[3], is not cast into x, int64[3]")
    assert info.value.fix == "Write x = x / y, which makes a new array."


def test_shape_that_does_not_fit(transform):
    def f(x):
        h = x * 1.0
        h += np.ones((2, 3))
        return h

    with pytest.raises(ValueError):
        f(X)
    with pytest.raises(ShapeError, match="does not fit into x"):
        transform(f)(X)


def alias(h):
    y = h
    y += 1
    return h * y


def alias_after(h):
    y = h
    h += 1
    return np.sin(y)


def alias_returned(h):
    y = h
    h += 1
    return y


def alias_in_a_tuple(h):
    held = {"h": h}
    h += 1
    return (held["h"], h)


def slice_of(h):
    y = h[1:]
    y += 1
    return h * 1.0


def of_a_slice(h):
    y = h[1:]
    h += 1
    return y * 1.0


def slices_of_one(h):
    a, b = h[1:], h[:-1]
    a += 1
    return b * 1.0


def slice_of_a_slice(h):
    y = h[1:]
    z = y[::-1]
    h += 1
    return z * 1.0


def reshaped(h):
    y = h.reshape(3, 1)
    y *= 2
    return h * 1.0


def transposed(h):
    m = h[:, None] * h
    y = m.T
    m += 1
    return y * 1.0


def rows(h):
    m = h[:, None] * h
    for row in m:
        row += 1
    return m * 1.0


def compared(h):
    y = h
    h += 1
    return h * (y > 0)


def subscript(h):
    y = h
    h += 1
    return y[0] * h


def as_second_operand(h):
    y = h
    h += 1
    return h + y


def in_a_list(h):
    y = h
    h += 1
    return np.concatenate([h, y])


ALIASES = [
    *(alias, alias_after, alias_returned, alias_in_a_tuple, slice_of, of_a_slice, slices_of_one),
    *(slice_of_a_slice, reshaped, transposed, rows, compared, subscript, as_second_operand),
    in_a_list,
]


@pytest.mark.parametrize("f", ALIASES)
def test_other_names_raise(f, transform):
    with pytest.raises(TracerAssignmentError, match="was updated in place"):
        transform(lambda x: f(x * 1.0))(X)


def test_text():
    with pytest.raises(TracerAssignmentError) as info:
        grad(lambda x: np.sum(alias(2 * x)))(X)
    line = alias.__code__.co_firstlineno + 2
    assert info.value.what == (
        "x += y: a traced array, float64[3], was updated in place at "
        f"test_inplace.py:{line} in alias, and another name, or a view, refers to what it was"
    )
    assert info.value.fix == (
        "Write x = x + y, which leaves the old array as it was; or use the updated array, or make "
        "a copy of the old one first: y = x.copy()."
    )


def copies(h):
    a, b, c, d = h.copy(), +h, h.flatten(), h.astype(float)
    e, f, g = copy.copy(h), copy.deepcopy(h), h[[0, 1, 2]]
    a += 1
    b += 2
    c -= 1
    d -= 2
    e *= 2
    f *= 3
    g /= 2
    a *= h
    h *= 3
    return a + b + c + d + e + f + g + h


def test_copies_are_other_arrays(transform):
    expected = copies(X * 1.0)
    np.testing.assert_allclose(transform(lambda x: copies(x * 1.0))(X), expected, rtol=1e-15)


def test_copies_by_funcgrad_numpy(transform):
    def f(x):
        y, z = fnp.array(x), np.copy(x)
        y += 1
        z -= 1
        return x * y * z

    np.testing.assert_allclose(transform(f)(X), X * (X + 1) * (X - 1), rtol=1e-15)


def test_a_dead_view_does_no_harm(transform):
    def f(x):
        h = x * 1.0
        total = np.sum(h[1:]) + np.sum(h.reshape(3, 1))
        h += 1
        y = h[::-1]
        y *= 2
        return y + total

    def plain(x):
        return (x + 1)[::-1] * 2 + np.sum(x[1:]) + np.sum(x)

    np.testing.assert_allclose(transform(f)(X), plain(X), rtol=1e-15)


def test_scalars_are_bound_anew(transform):
    def f(x):
        s = np.sum(x)
        t = s
        s += 1
        s *= x
        return s + t

    np.testing.assert_allclose(transform(f)(X), (np.sum(X) + 1) * X + np.sum(X), rtol=1e-15)


@pytest.mark.parametrize("by", ["grad", "vjp", "jvp"])
def test_aux_of_an_old_name(by):
    def f(x):
        h = x * 1.0
        y = h
        h += 1
        return np.sum(h), (h, y)

    run = {
        "grad": lambda: grad(f, has_aux=True)(X),
        "vjp": lambda: vjp(f, X, has_aux=True),
        "jvp": lambda: jvp(f, (X,), (X,), has_aux=True),
    }[by]
    with pytest.raises(TracerAssignmentError, match="was updated in place"):
        run()


def gates(x):
    h = x * np.ones((4, 3))
    i, f, o = np.split(h, [1, 3])
    i += 1
    f *= i
    o -= f[1:]
    o += i
    return f + o


def named_parts(x):
    a, b, c = x[:, None] * x
    a += b
    c *= a
    b -= 1
    return a + b * c


def split_then_split(x):
    upper, lower = np.vsplit(x * np.ones((4, 3)), 2)
    first, second = upper
    first += second
    lower *= first
    second -= lower[0]
    return second + lower


@pytest.mark.parametrize("f", [gates, named_parts, split_then_split])
def test_parts_that_do_not_overlap(f, transform):
    np.testing.assert_allclose(transform(f)(X), f(X), rtol=1e-14)


def whole_after_a_part(x):
    h = x[:, None] * x
    a, b = np.split(h, [1])
    a += 1
    return h * 1.0, b


def part_after_the_whole(x):
    h = x[:, None] * x
    a, b = np.split(h, [1])
    h += 1
    return a * b


def two_ways_apart(x):
    h = x[:, None] * x
    rows, columns = list(h), np.split(h, 3, axis=1)
    rows[0] += 1
    return columns[0] * 1.0


def part_of_a_part(x):
    h = x[:, None] * x
    upper, _ = np.split(h, [2])
    view = upper[0]
    a, b = upper
    a += 1
    return view * b


def whole_after_a_part_of_a_part(x):
    h = x[:, None] * x
    upper, _ = np.split(h, [2])
    _, b = upper
    b += 1
    return h * 1.0


@pytest.mark.parametrize(
    "f",
    [
        *(whole_after_a_part, part_after_the_whole, two_ways_apart, part_of_a_part),
        whole_after_a_part_of_a_part,
    ],
)
def test_parts_that_overlap(f, transform):
    with pytest.raises(TracerAssignmentError, match="was updated in place"):
        transform(f)(X)


def test_rows_updated_in_place():
    def f(x):
        total = 0.0
        for row in x[:, None] * x:
            row *= row
            total = total + np.sum(row)
        return total

    np.testing.assert_allclose(grad(f)(X), 4 * X * np.sum(X**2), rtol=1e-14)


def test_many_updates_of_one_array(transform):
    def f(x):
        h = x * 1.0
        for i in range(300):
            h += h[::-1] * 0.001
            h *= 0.999 + 1e-6 * i
        return h

    np.testing.assert_allclose(transform(f)(X), f(X), rtol=1e-12)


def test_elements_of_a_traced_array(transform):
    def f(x):
        h = x * 1.0
        h[1] += 1
        return h

    def g(x):
        h = x * 1.0
        h[1:] += 1
        return h

    for function in (f, g):
        with pytest.raises(TracerAssignmentError, match="cannot be written into"):
            transform(function)(X)


def test_plain_arrays_updated_with_a_traced_value(transform):
    def whole(x):
        buffer = np.zeros(3)
        buffer += x
        return buffer

    def part(x):
        buffer = np.zeros(3)
        buffer[1:] += x[1:]
        return buffer

    def element(x):
        buffer = np.zeros(3)
        buffer[1] += x[1]
        return buffer

    def counted(x):
        buffer = np.zeros(3, int)
        buffer -= x
        return buffer

    for function in (whole, part, counted):
        with pytest.raises(TracerAssignmentError, match=r"a = a . x"):
            transform(function)(X)
    with pytest.raises((TracerAssignmentError, ValueError)) as info:
        transform(element)(X)
    error = info.value
    assert isinstance(error, TracerAssignmentError) or isinstance(
        error.__cause__, TracerAssignmentError
    )


def test_a_list_and_a_number_on_the_left(transform):
    def f(x):
        parts = [x]
        parts += [x * 2]
        total = 0
        for part in parts:
            total = part + total
        number = 1.5
        number += np.sum(x)
        total += number
        return total

    np.testing.assert_allclose(transform(f)(X), f(X), rtol=1e-15)


def test_arguments_keep_their_values(transform):
    def f(x):
        x += 1
        return x

    before = X.copy()
    np.testing.assert_array_equal(transform(f)(before), X + 1)
    np.testing.assert_array_equal(before, X)


def test_updates_of_an_outer_value_in_an_inner_transform():
    def f(x):
        h = 2 * x

        def inner(y):
            z = y * h
            z += h
            return np.sum(z * z)

        return np.sum(grad(inner)(x) * h)

    def exact(x):  # inner(y) = sum((2x)^2 (y + 1)^2)
        return np.sum(2 * 4 * x**2 * (x + 1) * 2 * x)

    np.testing.assert_allclose(f(X), exact(X), rtol=1e-14)
    np.testing.assert_allclose(grad(f)(X), 16 * (3 * X**2 * (X + 1) + X**3), rtol=1e-14)
    np.testing.assert_allclose(jit(grad(f))(X), grad(f)(X), rtol=1e-14)


def test_a_pullback_after_the_update():
    def f(x):
        h = x * x
        _, pullback = vjp(lambda y: np.sum(y**3), h)
        h += 1
        return np.sum(h) + np.sum(pullback(1.0)[0])

    with pytest.raises(TracerAssignmentError, match="was updated in place"):
        grad(f)(X)


def test_a_leaked_old_array_says_that_it_leaked():
    held = []

    def f(x):
        h = x * 1.0
        held.append(h)
        h += 1
        return np.sum(h)

    grad(f)(X)
    with pytest.raises(LeakedTracerError):
        _ = held[0] + 1


def test_the_program_has_the_operation_and_nothing_else():
    def f(x):
        h = x * 2
        h += x
        return h

    names = [eqn.primitive.name for eqn in make_jaxpr(f)(X).equations]
    assert names == ["mul", "add"]


def _is_view(x, part):
    return isinstance(part, np.ndarray) and part is not x and np.shares_memory(x, part)


def _parts(x):
    return list(x) if isinstance(x, list | tuple) else [x]


VIEWED = np.arange(12.0).reshape(3, 4) + 0.5 + 1j
CALLS = [
    *[(), ((4, 3),), (0,), (0, 1), (2,), ((3, 4),), (-1,), ((2, 3, 4),)],
]


def _views():
    """Each NumPy function that returns a view of its argument, with arguments where it does."""
    load_all()
    found = []
    for function in IMPLEMENTED:
        for rest in CALLS:
            for x in (VIEWED, VIEWED.real.copy()[:3, :3]):
                try:
                    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
                        out = function(x, *rest)
                except Exception:
                    continue
                if any(_is_view(x, part) for part in _parts(out)):
                    found.append((function, x, rest))
    return found


def test_numpys_views_are_known():
    found = _views()
    assert len({function for function, _, _ in found}) > 20
    for function, x, rest in found:
        if isinstance(function, np.ufunc):
            continue

        def f(x, function=function, rest=rest):
            h = x * 1.0
            view = function(h, *rest)
            h += 1
            return [part for part in _parts(view) if isinstance(part, Tracer)][-1] * 1.0

        why = "was updated in place|depends on values"
        with pytest.raises((TracerAssignmentError, ConcretizationError), match=why):
            pytest.fail(f"{function} {rest} {jit(f)(x)}")
