"""r_ and c_, and what takes a traced number where NumPy takes a plain one: roll, repeat, pinv."""

import pickle

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import grad, jit, vmap
from funcgrad.errors import ConcretizationError, IndexDtypeError, NotTraceableError
from funcgrad.testing import check_grads, check_transforms

V = np.arange(1.0, 4.0)
M = np.arange(6.0).reshape(2, 3) + 1
CALLS = {
    "r_": (lambda n, x: n.r_[x, 1, 2:5, x * x, [1, 2]], V),
    "r_ float32": (lambda n, x: n.r_[x, 1.5, x], V.astype(np.float32)),
    "r_ float32 and float64": (lambda n, x: n.r_[x, np.float64(1.5), x], V.astype(np.float32)),
    "r_ numbers": (lambda n, x: n.r_[x, x, 2], 1.5),
    "r_ complex step": (lambda n, x: n.r_[x:3:5j, x], 1.0),
    "r_ axis": (lambda n, x: n.r_["1", x, x], M),
    "c_": (lambda n, x: n.c_[x, x * 2], V),
    "c_ ranks": (lambda n, x: n.c_[x, np.ones(2), x], M[:, :2]),
    "c_ numbers": (lambda n, x: n.c_[x[:, None].T, 0, 0, x[None]], V),
    **{
        f"r_ {text}": (lambda n, x, text=text: n.r_[text, x, x], V)
        for text in (
            *("0", "-1", "0,2", "1,2", "0,2,0", "0,2,1", "1,2,0", "0,3,-1", "0,3,0", "0,3,1"),
            *("0,3,2", "0,3,-2", "-1,3,1"),
        )
    },
}


@pytest.mark.parametrize("name", CALLS)
def test_brackets(name):
    f, x = CALLS[name]
    expected = f(np, x)
    found = f(fnp, x)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    check_transforms(lambda x: f(fnp, x), (x,))
    if np.asarray(x).dtype == float:
        check_grads(lambda x: f(fnp, x) ** 2, (x,), order=2)


def test_brackets_refuse():
    with pytest.raises(NotTraceableError, match=r"numpy.matrix"):
        jit(lambda x: fnp.r_["r", x])(V)
    with pytest.raises(ConcretizationError):
        jit(lambda x: fnp.r_[x:3])(1)
    for key in ("zz", "0,2,x"):
        with pytest.raises(ValueError, match="directive"):
            jit(lambda x: fnp.r_[key, x])(V)  # noqa: B023
    with pytest.raises(ValueError, match="first entry"):
        jit(lambda x: fnp.r_[x, "0"])(V)
    assert pickle.loads(pickle.dumps(fnp.c_)) is fnp.c_


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1), (1, 1)])
@pytest.mark.parametrize("shift", [0, 1, -2, 7, np.uint8(1), np.array([1, -1]), [2, 1]])
def test_a_traced_shift(shift, axis):
    if np.ndim(shift) and isinstance(axis, int):
        axis = (axis, axis)
    expected = np.roll(M, shift, axis)
    for x in (M, M.astype(np.float32), M[:0]):
        found = jit(lambda x, s: np.roll(x, s, axis))(x, np.asarray(shift)[()])
        np.testing.assert_array_equal(found, np.roll(x, shift, axis))
    assert fnp.roll is not None
    np.testing.assert_array_equal(jit(lambda s: fnp.roll(M, s, axis))(shift), expected)
    w = np.arange(6.0).reshape(2, 3)
    back = grad(lambda x: np.sum(jit(lambda x, s: np.roll(x, s, axis))(x, shift) * w))(M)
    np.testing.assert_array_equal(np.roll(back, shift, axis), w)


def test_a_shift_of_each_lane():
    found = vmap(lambda x, s: np.roll(x, s))(M, np.array([1, 2]))
    np.testing.assert_array_equal(found, [np.roll(M[0], 1), np.roll(M[1], 2)])
    with pytest.raises(IndexDtypeError, match="shift must be an integer"):
        jit(np.roll)(V, 1.0)


def test_what_decides_a_shape_or_a_rank_has_no_value():
    with pytest.raises(ConcretizationError, match=r"(?s)repeats= decides the shape.*static"):
        jit(lambda x, n: np.repeat(x, n))(V, 2)
    counts = np.array([1, 0, 2])
    advised = jit(lambda x, n: x[np.searchsorted(np.cumsum(n), fnp.arange(3), "right")])(V, counts)
    np.testing.assert_array_equal(advised, np.repeat(V, counts))
    with pytest.raises(NotTraceableError, match=r"(?s)pinv: rcond= decides the rank.*static"):
        jit(lambda x, r: np.linalg.pinv(x, r))(M, 0.1)


def test_where_by_keyword():
    found = jit(lambda x: fnp.where(x > 1, x=x, y=0.0))(V)
    np.testing.assert_array_equal(found, np.where(V > 1, V, 0.0))


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 1, 2), (2, 1)])
@pytest.mark.parametrize("at", [1, [1], [0, 2]])
def test_insert_takes_values_of_more_axes(shape, at):
    x, values = np.arange(3.0), np.full(shape, 7.0)
    try:
        expected = np.insert(x, at, values)
    except ValueError:
        with pytest.raises(ValueError):
            jit(lambda x: np.insert(x, at, values))(x)
    else:
        np.testing.assert_array_equal(jit(lambda x: np.insert(x, at, values))(x), expected)
