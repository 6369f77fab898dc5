"""What newcomers hand to a traced value: lists, sparse matrices, tensors, misspelt keywords."""

import numpy as np
import pytest
from scipy import sparse

import funcgrad.numpy as fnp
from funcgrad import grad, jit, vmap
from funcgrad.errors import DtypeError, FuncgradError

V = np.arange(1.0, 4.0)


class Tensor:
    """As a torch.Tensor: an array to NumPy, with operators that know nothing of tracers."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        raise TypeError("no implementation found")

    def _other(self, other):
        return NotImplemented

    __add__ = __radd__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = __sub__ = _other


class ArrayLike:
    """An array to NumPy, without operators."""

    def __array__(self, dtype=None, copy=None):
        return np.array([2.0, 3.0, 4.0], dtype)


class Knowing:
    """A class whose operators take whatever there is."""

    def __rmul__(self, other):
        return other * 10.0

    __radd__ = __rmatmul__ = __rmul__

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("nobody asks")


TRANSFORMS = {
    "grad": lambda f: lambda: grad(lambda x: np.sum(f(x)))(V),
    "jit": lambda f: lambda: jit(f)(V),
    "vmap": lambda f: lambda: vmap(f)(np.ones((2, 3))),
}
COMBINED = {
    "x * t": lambda x, t: x * t,
    "t * x": lambda x, t: t * x,
    "x @ t": lambda x, t: x @ t,
    "t @ x": lambda x, t: t @ x,
    "x + t": lambda x, t: x + t,
    "t + x": lambda x, t: t + x,
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", COMBINED)
def test_a_tensor(name, transform):
    t = Tensor(V)
    with pytest.raises(DtypeError, match=r"(?s)test_foreign.Tensor .*Convert it.*numpy.asarray"):
        TRANSFORMS[transform](lambda x: COMBINED[name](x, t))()


MATRICES = [sparse.csr_matrix(2 * np.eye(3)), sparse.csr_array(2 * np.eye(3))]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("matrix", MATRICES, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize(
    "f",
    [
        *COMBINED.values(),
        lambda x, s: s.dot(x),
        lambda x, s: np.dot(s, x),
        lambda x, s: np.add(x, s),
        lambda x, s: np.matmul(s, x),
    ],
)
def test_a_sparse_matrix(f, matrix, transform):
    if f in (COMBINED["t + x"],):
        pytest.skip("SciPy raises its own NotImplementedError first")
    with pytest.raises(FuncgradError, match=r"(?s)scipy.sparse.*S.toarray\(\) @ x.*custom_vjp"):
        TRANSFORMS[transform](lambda x: f(x, matrix))()


def test_what_is_advised_for_sparse_matrices():
    dense = MATRICES[0].toarray()
    np.testing.assert_array_equal(grad(lambda x: np.sum(dense @ x))(V), [2.0, 2.0, 2.0])


def test_other_classes_as_numpy_takes_them():
    for f in (lambda x: x * ArrayLike(), lambda x: x + ArrayLike(), lambda x: x @ ArrayLike()):
        np.testing.assert_array_equal(jit(f)(V), f(V))
    np.testing.assert_array_equal(jit(lambda x: x * Knowing())(V), V * 10)
    np.testing.assert_array_equal(jit(lambda x: x + Knowing())(V), V * 10)


LISTS = {
    "method": lambda x: x.sum(),
    "power": lambda x: np.sum(x**2),
    "product": lambda x: x @ x,
    "scaled": lambda x: x * 2.0,
    "sign": lambda x: -x,
    "sum": lambda x: x + 1,
    "order": lambda x: x > 0,
    "in a dict": lambda x: np.sum({"w": x}["w"] ** 2),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_where_an_array_is_meant(name):
    for transformed in (grad(LISTS[name]), jit(LISTS[name])):
        with pytest.raises((TypeError, AttributeError), match=r"list|sequence") as caught:
            transformed([1.0, 2.0, 3.0])
        assert "Pass numpy.array(x)" in caught.value.__notes__[0]
    with pytest.raises(TypeError) as caught:
        jit(lambda x: [1.0] ** 2)(1.0)
    assert not hasattr(caught.value, "__notes__")


CALLED = {
    "numpy.array": (lambda x: np.array([x[0], x[1]]), "Write funcgrad.numpy.array"),
    "numpy.asarray": (lambda x: np.asarray(x), "Write funcgrad.numpy.asarray"),
    "numpy.full": (lambda x: np.full(3, x[0]), "Write funcgrad.numpy.full"),
    "numpy.dot": (lambda x: np.dot([x[0], x[1]], [1.0, 2.0]), "Write funcgrad.numpy.dot"),
    "numpy.linalg.norm": (
        lambda x: np.linalg.norm([x[0], x[1]]),
        "Write funcgrad.numpy.linalg.norm",
    ),
    "numpy.float32": (lambda x: np.float32(x[0]), "Write x.astype(numpy.float32)"),
    "numpy.int64": (lambda x: np.int64(x[0]), "Write x.astype(numpy.int64)"),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", CALLED)
def test_the_function_that_was_called_is_named(name, transform):
    f, advice = CALLED[name]
    with pytest.raises(FuncgradError) as caught:
        TRANSFORMS[transform](f)()
    what, fix, *_ = str(caught.value).splitlines()
    assert f": {name}() " in what
    assert advice in fix


def test_what_is_advised_works():
    expected = np.array([1.0, 2.0]), 5.0, np.float32(1.0)
    found = (
        jit(lambda x: fnp.array([x[0], x[1]]))(V),
        jit(lambda x: fnp.dot([x[0], x[1]], [1.0, 2.0]))(V),
        jit(lambda x: x[0].astype(np.float32))(V),
    )
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, e)


def test_a_call_over_several_lines():
    def f(x):
        y = x * 2
        return np.array(
            [
                x[0],
                y[1],
            ]
        )

    with pytest.raises(FuncgradError, match=r"jit: numpy.array\(\) needs a value"):
        jit(f)(V)


MISSPELT = {
    "axs": (lambda x: np.sum(x, axs=0), "Write axis=. numpy.sum takes a, axis, dtype"),
    "axes": (lambda x: np.fft.fft(x, axes=0), "Write axis=. numpy.fft.fft takes a, n, axis"),
    "keepdim": (lambda x: np.linalg.norm(x, keepdim=True), "Write keepdims=. numpy.linalg.norm"),
    "whre": (lambda x: np.add(x, x, whre=x > 0), "Write where=. numpy.add takes"),
    "dtyp": (lambda x: np.zeros_like(x, dtyp=int), "Write dtype=. numpy.zeros_like takes"),
    "quite": (lambda x: np.sum(x, quite=0), "numpy.sum takes a, axis"),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_keyword(name, transform):
    f, advice = MISSPELT[name]
    with pytest.raises(TypeError, match=name) as caught:
        TRANSFORMS[transform](f)()
    assert any(note.startswith(advice) for note in caught.value.__notes__)


def test_a_function_of_the_users_own_name():
    def sum(x):
        return x

    with pytest.raises(TypeError) as caught:
        jit(lambda x: sum(x, axs=0))(V)
    assert not hasattr(caught.value, "__notes__")


def test_a_plain_array_has_no_at():
    def f(x):
        return np.arange(3.0).at[0].set(x)

    with pytest.raises(AttributeError, match="no attribute 'at'") as caught:
        jit(f)(1.0)
    assert "funcgrad.numpy.at(x)[i].set(y)" in caught.value.__notes__[0]

    def g(x):
        return fnp.at(x)[0].set(2.0 * x[1])

    np.testing.assert_array_equal(g(V), jit(g)(V))
    np.testing.assert_array_equal(jit(g)(V), jit(lambda x: x.at[0].set(2.0 * x[1]))(V))
