"""docs/numpy-coverage.md is what the library does."""

import numpy as np
import pytest
from samples.numpy_names import DIFFERENTIABLE, DISCRETE, ROWS, coverage

import funcgrad.numpy as fnp
from funcgrad import jvp, make_jaxpr, tree, vjp
from funcgrad.core.trace import Tracer, aval_of
from funcgrad.errors import FuncgradError

PLAIN = {"broadcast_shapes", "info", "isscalar", "iterable", "mintypecode", "typename"}
"""Functions that say of a traced value what is right."""
OUTSIDE = PLAIN | {"asmatrix", "bmat", "row_stack"}
REFUSED = [
    n
    for n, row in ROWS.items()
    if row.kind in (coverage.EAGER, coverage.UNPLANNED)
    and n not in OUTSIDE
    and not row.reason.startswith("settings")
]

V = np.array([0.3, 0.7, 0.45])
M = np.array([[2.0, 0.3, 0.1], [0.4, 1.5, 0.2], [0.15, 0.25, 1.2]])
S = M @ M.T
X = np.stack([M, M.T + 0.5])
PLACES = np.array([2, 0, 1])
ARGS = [
    (V,),
    (M,),
    (V, M),
    (V, 1.5 * V[::-1]),
    (M, M.T),
    (X,),
    (1.3,),
    (PLACES,),
    (PLACES, PLACES),
    (V, 1),
    (X, 1),
]
"""Arguments that are tried in turn, until NumPy takes some."""

ALONE = {
    "acosh": lambda np, x: np.acosh(x + 1),
    "angle": lambda np, x: np.angle(x + 1j),
    "apply_along_axis": lambda np, x: np.apply_along_axis(lambda v: v * v, 0, x),
    "apply_over_axes": lambda np, x: np.apply_over_axes(np.sum, x, [0]),
    "arccosh": lambda np, x: np.arccosh(x + 1),
    "argpartition": lambda np, x: np.argpartition(x, 1),
    "array": lambda np, x: fnp.array(x),
    "array_split": lambda np, x: np.array_split(x, 2),
    "asanyarray": lambda np, x: fnp.asanyarray(x),
    "asarray": lambda np, x: fnp.asarray(x),
    "ascontiguousarray": lambda np, x: fnp.ascontiguousarray(x),
    "astype": lambda np, x: np.astype(x, np.float32),
    "unpackbits": lambda np, x: np.unpackbits(x.astype(np.uint8)),
    "bincount": lambda np, x: np.bincount([0, 1, 1], weights=x[0]),
    "broadcast_to": lambda np, x: np.broadcast_to(x, (2, 3, 3)),
    "can_cast": lambda np, x: np.can_cast(x.dtype, int),
    "choose": lambda np, x: np.choose([0, 1, 1], [x[0], x[1]]),
    "clip": lambda np, x: np.clip(x, 0.0, 9.0),
    "concat": lambda np, x: np.concat([x, x]),
    "concatenate": lambda np, x: np.concatenate([x, x]),
    "corrcoef": lambda np, x: np.corrcoef(x),
    "cumulative_prod": lambda np, x: np.cumulative_prod(x, axis=0),
    "cumulative_sum": lambda np, x: np.cumulative_sum(x, axis=0),
    "delete": lambda np, x: np.delete(x, 0),
    "digitize": lambda np, x: np.digitize(x, [0.0, 1.0]),
    "einsum": lambda np, x: np.einsum("ij,ij->i", x, x),
    "einsum_path": lambda np, x: np.einsum_path("ij,jk->ik", x, x)[1],
    "fft.irfftn": lambda np, x: np.fft.irfftn(x, axes=(0, 1)),
    "fill_diagonal": lambda np, x: fnp.fill_diagonal(x, 1.0, inplace=False),
    "full": lambda np, x: fnp.full((2, 3), x[0]),
    "full_like": lambda np, x: np.full_like(x, x[0, 0]),
    "geomspace": lambda np, x: np.geomspace(x[0], x[1], 4),
    "hsplit": lambda np, x: np.hsplit(x, 3),
    "imag": lambda np, x: np.imag(x * 1j),
    "insert": lambda np, x: np.insert(x, 0, 1.0),
    "interp": lambda np, x: np.interp(x, [0.0, 3.0], [1.0, 2.0]),
    "ldexp": lambda np, x: np.ldexp(x, 2),
    "isfortran": lambda np, x: fnp.isfortran(x),
    "ix_": lambda np, x: np.ix_(PLACES, PLACES),
    "linalg.cholesky": lambda np, x: np.linalg.cholesky(x @ x.T),
    "linalg.cond": lambda np, x: np.linalg.cond(x),
    "linalg.multi_dot": lambda np, x: np.linalg.multi_dot([x, x, x]),
    "linalg.tensorinv": lambda np, x: np.linalg.tensorinv(x, ind=1),
    "linalg.tensorsolve": lambda np, x: np.linalg.tensorsolve(x, x[0]),
    "linspace": lambda np, x: np.linspace(x[0], x[1], 4),
    "moveaxis": lambda np, x: np.moveaxis(x, 0, 1),
    "nan_to_num": lambda np, x: np.nan_to_num(x),
    "pad": lambda np, x: np.pad(x, 1),
    "partition": lambda np, x: np.partition(x, 1),
    "percentile": lambda np, x: np.percentile(x, 40),
    "piecewise": lambda np, x: np.piecewise(x, [x > 1], [np.log, np.exp]),
    "polyfit": lambda np, x: np.polyfit(x[0], x[1], 1),
    "put": lambda np, x: fnp.put(x, [0], 1.0, inplace=False),
    "put_along_axis": lambda np, x: fnp.put_along_axis(x, PLACES[None], 1.0, 0, inplace=False),
    "ravel_multi_index": lambda np, x: np.ravel_multi_index((PLACES, PLACES), (3, 3)),
    "repeat": lambda np, x: np.repeat(x, 2),
    "reshape": lambda np, x: np.reshape(x, 9),
    "resize": lambda np, x: np.resize(x, 4),
    "roll": lambda np, x: np.roll(x, 1),
    "select": lambda np, x: np.select([x > 1], [x * x], x),
    "split": lambda np, x: np.split(x, 3),
    "swapaxes": lambda np, x: np.swapaxes(x, 0, 1),
    "take": lambda np, x: np.take(x, 1),
    "take_along_axis": lambda np, x: np.take_along_axis(x, PLACES[None], 0),
    "tile": lambda np, x: np.tile(x, 2),
    "unravel_index": lambda np, x: np.unravel_index(PLACES, (3, 3)),
    "where": lambda np, x: np.where(x > 1, x, 0.0),
}
"""Calls of functions that need arguments of their own, of the matrix ``M``."""


def numpys(name):
    value = np
    for part in name.split("."):
        value = getattr(value, part)
    return value


def inexact(value):
    return aval_of(value).inexact


def sample(name):
    """A call of the function that NumPy takes, and its arguments."""
    if name in ALONE:
        return (lambda x: ALONE[name](np, x)), (M,)
    function = numpys(name)
    for args in ARGS:
        try:
            with np.errstate(all="ignore"):
                function(*args)
        except (TypeError, ValueError, IndexError, np.linalg.LinAlgError):
            continue
        return function, args
    raise AssertionError(f"give {name} a sample")


def _floats(found):
    arrays = (Tracer, np.ndarray, np.generic, float)
    return [leaf for leaf in tree.leaves(found) if isinstance(leaf, arrays) and inexact(leaf)]


def gradient(name):
    """The largest number in the gradients of a sample by its floating arguments."""
    function, args = sample(name)
    places = [i for i, a in enumerate(args) if inexact(a)]
    if not places:
        return 0.0 if not _floats(function(*args)) else np.nan

    def f(*floats):
        given = list(args)
        for i, x in zip(places, floats, strict=True):
            given[i] = x
        return _floats(function(*given))

    floats = [args[i] for i in places]
    found, pullback = vjp(f, *floats)
    weights = [
        np.cos(np.arange(aval_of(leaf).size)).reshape(aval_of(leaf).shape).astype(leaf.dtype)[()]
        for leaf in found
    ]
    back = pullback(weights)
    back = back if isinstance(back, tuple) else (back,)
    tangents = [np.ones(np.shape(x))[()] for x in floats]
    forward = jvp(f, tuple(floats), tuple(tangents))[1]
    across = sum(
        np.real(np.sum(w * t)) for w, t in zip(weights, forward, strict=True) if t is not None
    )
    along = sum(np.sum(c) for c in back if c is not None)
    np.testing.assert_allclose(across, along, rtol=1e-7, atol=1e-9)
    return max([np.abs(c).max(initial=0) for c in back if c is not None], default=0.0)


def test_the_page_is_up_to_date():
    text = coverage.PAGE.read_text()
    version = f"functions of NumPy {'.'.join(np.__version__.split('.')[:2])},"
    if version not in text:
        pytest.skip("the page is of another NumPy")
    assert text == coverage.page(), "run python docs/make_coverage.py"


def test_the_target():
    assert len(DIFFERENTIABLE) + len(DISCRETE) >= 330


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_differentiable(name):
    assert gradient(name) > 0


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # NumPy 2.5
@pytest.mark.parametrize("name", DISCRETE)
def test_no_derivative(name):
    assert gradient(name) == 0


@pytest.mark.filterwarnings("ignore:Cannot convert ndarray safely:DeprecationWarning")  # NumPy 2.5
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    function = numpys(name)
    for args in ((V,), (M,), (1.3,), (V, V)):
        try:
            with np.errstate(all="ignore"):
                function(*[np.array(a) for a in args])
        except (TypeError, ValueError, AttributeError, OSError):
            continue
        break
    else:
        return  # takes no numbers at all
    with pytest.raises((FuncgradError, TypeError, AttributeError)):
        make_jaxpr(lambda *xs: function(*xs) and xs[0])(*args)
