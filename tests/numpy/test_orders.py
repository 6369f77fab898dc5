"""order="A" and "K" of traced values: NumPy's answer where it is known, else an error."""

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import grad, jit, jvp, linearize, vjp, vmap
from funcgrad.errors import NotTraceableError, TracerAssignmentError

BASE = np.arange(24.0).reshape(2, 3, 4)
WIDE = np.arange(192.0).reshape(4, 6, 8)
LAYOUTS = {
    "C": BASE,
    "F": np.asfortranarray(BASE),
    "turned": BASE.transpose(1, 2, 0),
    "C with gaps": WIDE[::2, ::2, ::2],
    "F with gaps": np.asfortranarray(WIDE)[::2, ::2, ::2],
    "turned with gaps": WIDE.transpose(2, 0, 1)[::2, ::2, ::2],
    "from the end": BASE[::-1],
    "turned from the end": BASE[:, ::-1].T,
    "broadcast": np.broadcast_to(BASE[0], (2, 3, 4)),
    "broadcast inside": np.broadcast_to(BASE[:, :1], (2, 3, 4)),
    "big-endian F": np.asfortranarray(BASE).astype(">f8"),
    "big-endian F with gaps": np.asfortranarray(WIDE.astype(">f8"))[::2, ::2, ::2],
    "vector": np.arange(4.0),
    "column": np.arange(4.0)[:, None],
    "none": np.zeros((0, 3), order="F"),
    "large F": np.asfortranarray(np.arange(150_000.0).reshape(300, 500)),
    "large F with gaps": np.asfortranarray(np.arange(600_000.0).reshape(600, 1000))[::2, ::2],
}
CALLS = {
    "ravel": lambda x, o: np.ravel(x, o),
    "method ravel": lambda x, o: x.ravel(order=o),
    "flatten": lambda x, o: x.flatten(o),
    "reshape": lambda x, o: np.reshape(x, (-1, 2), order=o),
    "method reshape": lambda x, o: x.reshape(2, -1, order=o),
    "copy, ravel": lambda x, o: x.copy(o).ravel("K"),
    "copy, flatten": lambda x, o: np.copy(x, o).flatten("A"),
    "astype, ravel": lambda x, o: x.astype(float, order=o, copy=False).ravel("A"),
    "asarray, ravel": lambda x, o: fnp.asarray(x, order=o).ravel("A"),
    "asanyarray, ravel": lambda x, o: fnp.asanyarray(x, order=o).ravel("K"),
    "array, ravel": lambda x, o: fnp.array(x, order=o, copy=None).ravel("K"),
    "ascontiguousarray, ravel": lambda x, _: fnp.ascontiguousarray(x).ravel("K"),
    "turned, ravel": lambda x, o: x.T.ravel(o),
    "product, ravel": lambda x, o: (x * 2).ravel(o),
    "pad, ravel": lambda x, o: np.pad(x, 1).ravel(o),
    "take, ravel": lambda x, o: np.take(x, [0], -1).ravel(o),
    "isfortran": lambda x, _: float(fnp.isfortran(x)),
    "tolist": lambda x, _: fnp.array(x[:2].T[:2].tolist()),
}
TRANSFORMS = {
    "vjp": lambda f, x: vjp(f, x)[0],
    "jvp": lambda f, x: jvp(f, (x,), (np.ones(x.shape),))[0],
    "linearize": lambda f, x: linearize(f, x)[0],
    "nested": lambda f, x: vjp(lambda x: vjp(f, x)[0], x)[0],
    "jit": lambda f, x: jit(f)(x),
    "jit of vjp": lambda f, x: jit(lambda x: vjp(f, x)[0])(x),
}


def outcome(run):
    try:
        return run()
    except Exception as error:
        return error


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("call", CALLS)
def test_numpys_answer_or_an_error(call, transform):
    for layout, x in LAYOUTS.items():
        for order in [*"CFAKcfak", None, "X"]:
            expected = outcome(lambda: CALLS[call](x, order))  # noqa: B023
            found = outcome(lambda: TRANSFORMS[transform](lambda x: CALLS[call](x, order), x))  # noqa: B023
            if isinstance(found, NotTraceableError):
                continue
            at = f"order={order!r} of {layout}: {found!r}, where NumPy gives {expected!r}"
            if isinstance(expected, Exception):
                assert type(found) is type(expected), at
            else:
                assert not isinstance(found, Exception), at
                np.testing.assert_array_equal(found, expected, at)


@pytest.mark.parametrize("transform", ["vjp", "jvp", "linearize", "nested"])
@pytest.mark.parametrize("layout", ["C", "F", "vector", "column", "none", "large F"])
def test_an_argument_lies_as_it_was_given(layout, transform):
    x = LAYOUTS[layout]
    for order in "CFAK":
        for call in ("ravel", "flatten", "reshape", "isfortran"):
            if order == "K" and call == "reshape":
                continue
            found = TRANSFORMS[transform](lambda x: CALLS[call](x, order), x)  # noqa: B023
            np.testing.assert_array_equal(found, CALLS[call](x, order))


@pytest.mark.parametrize("order", "AK")
@pytest.mark.parametrize("transform", [jit, vmap], ids=["jit", "vmap"])
def test_without_a_place_in_memory(transform, order):
    x = np.asfortranarray(BASE)
    with pytest.raises(NotTraceableError, match=rf"(?s)ravel: order='{order}'.*Write order='C'"):
        transform(lambda x: np.ravel(x, order))(x)
    with pytest.raises(NotTraceableError, match="isfortran"):
        transform(lambda x: fnp.isfortran(x) * x)(x)
    one = np.arange(3.0)[:, None, None]
    np.testing.assert_array_equal(jit(lambda x: x.ravel(order))(one), np.arange(3.0))


def test_the_gradient_is_in_the_argument():
    x, w = np.asfortranarray(BASE), np.arange(24.0)
    found = grad(lambda x: np.ravel(x, "K") @ (w * np.ravel(x, "A")))(x)
    np.testing.assert_array_equal(found, 2 * x * w.reshape(x.shape, order="F"))


@pytest.mark.parametrize(
    "make", [np.zeros_like, np.ones_like, lambda x, **o: np.full_like(x, 2, **o)]
)
@pytest.mark.parametrize("layout", ["C", "F", "vector", "large F"])
def test_arrays_like_an_argument_lie_as_it_does(layout, make):
    x, found = LAYOUTS[layout], {}

    def f(x):
        for order in "CFAK":
            found[order] = [make(x, order=order), make(x, order=order, shape=(2, 3), dtype=int)]
        return x

    vjp(f, x)
    for order, (like, other) in found.items():
        expected = make(x, order=order), make(x, order=order, shape=(2, 3), dtype=int)
        for a, e in zip((like, other), expected, strict=True):
            np.testing.assert_array_equal(a, e)
            assert (a.strides, a.dtype) == (e.strides, e.dtype)


def test_an_order_that_is_none():
    for f in (
        lambda x: np.ravel(x, "X"),
        lambda x: x.copy("X"),
        lambda x: x.astype(float, "X", copy=False),
        lambda x: np.zeros_like(x, order="X"),
        lambda x: fnp.asarray(x, order="X"),
        lambda x: x.reshape(-1, order="K"),
    ):
        with pytest.raises(ValueError, match="order"):
            jit(f)(BASE)


def test_what_may_be_a_view_is_not_written_over():
    def f(x):
        y = fnp.asarray(x, order="F")
        y += 1.0
        return x.sum() + y.sum()

    with pytest.raises(TracerAssignmentError):
        jit(f)(BASE)
