"""Every route by which NumPy or Python would take a value out of a tracer, in one table.

Each route works, or raises our error with what to write instead. NumPy wraps the error of
``a[0] = tracer`` and its like in its own ValueError; then ours is its ``__cause__``.
"""

import array
import builtins
import copy
import functools
import io
import math
import numbers
import operator
import pickle
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import cond, fori_loop, jit, jvp, make_jaxpr, vjp, vmap
from funcgrad.core.record import run, trace
from funcgrad.core.trace import Tracer, aval_of
from funcgrad.errors import (
    ArgumentError,
    ConcretizationError,
    DtypeError,
    FuncgradError,
    GradientCutError,
    IndexDtypeError,
    IntegerOverflowError,
    NotTraceableError,
    TracerAssignmentError,
    UnknownAttributeError,
)

S = 0.75
V = np.array([0.5, 2.0, 1.25])
A = np.array([3.0, 1.0, 2.0])

WORKS = "works"
NUMPYS = "numpy's own error"
SHOWN = "shown"
CUT = (GradientCutError, "stop_gradient")
NO_VALUE = (ConcretizationError, "")
AT = r"\.at\[i\]\.set|at\(x\)\[i\]\.set"
FULL = "numpy.array"


class Route(NamedTuple):
    """A route: what is called with a traced scalar and vector, and what must come of it.

    ``active`` is for grad and jvp, where values are there and are differentiated; ``abstract`` for
    vmap and jit, where they are not. Each is WORKS (NumPy's answer), a class of error and a
    pattern that its text must hold, NUMPYS where NumPy clears our error and raises its own, or
    SHOWN for text that shows a type.
    """

    name: str
    call: Callable[[Any, Any], Any]
    active: Any
    abstract: Any


def stored(target, write):
    """``write(target)``, then the target."""
    write(target)
    return target


def both(name, call, outcome):
    return Route(name, call, outcome, outcome)


def no_place_to_write(name, call):
    return both(name, call, (TracerAssignmentError, ""))


def unsupported(name, call, fix):
    return both(name, call, (NotTraceableError, fix))


def formatted(spec):
    return lambda s, v: format(s, spec)


ROUTES = [
    # NumPy makes an array of it.
    Route("np.array(v)", lambda s, v: np.array(v), CUT, NO_VALUE),
    Route(
        "np.array([s, s])",
        lambda s, v: np.array([s, s]),
        (GradientCutError, FULL),
        (ConcretizationError, FULL),
    ),
    Route(
        "np.array([v, v])",
        lambda s, v: np.array([v, v]),
        (GradientCutError, FULL),
        (ConcretizationError, FULL),
    ),
    Route("np.asarray", lambda s, v: np.asarray(v), CUT, NO_VALUE),
    Route("np.asanyarray", lambda s, v: np.asanyarray(v), CUT, NO_VALUE),
    Route("np.ascontiguousarray", lambda s, v: np.ascontiguousarray(v), CUT, NO_VALUE),
    Route("__array__", lambda s, v: v.__array__(), CUT, NO_VALUE),
    Route("np.float64", lambda s, v: np.float64(s), CUT, NO_VALUE),
    Route("np.float32 of a vector", lambda s, v: np.float32(v), CUT, NO_VALUE),
    Route("np.int64", lambda s, v: np.int64(s), CUT, NO_VALUE),
    Route("np.complex128", lambda s, v: np.complex128(s), CUT, NO_VALUE),
    Route("np.full", lambda s, v: np.full(3, s), CUT, NO_VALUE),
    Route("np.fromiter", lambda s, v: np.fromiter([s], float), CUT, NO_VALUE),
    Route("np.arange", lambda s, v: np.arange(s), CUT, NO_VALUE),
    Route("np.r_", lambda s, v: np.r_[s, s], CUT, NO_VALUE),
    Route("np.vectorize", lambda s, v: np.vectorize(lambda t: t)(v), CUT, NO_VALUE),
    both("np.nditer", lambda s, v: list(np.nditer(v)), NUMPYS),
    Route("np.ndenumerate", lambda s, v: list(np.ndenumerate(v)), CUT, NO_VALUE),
    Route("np.broadcast", lambda s, v: np.broadcast(v, A).shape, CUT, NO_VALUE),
    Route("np.poly1d", lambda s, v: np.poly1d([s, 1.0]), CUT, NO_VALUE),
    Route("np.random.normal", lambda s, v: np.random.normal(s, 1.0), CUT, NO_VALUE),  # noqa: NPY002
    Route("Generator.normal", lambda s, v: np.random.default_rng(0).normal(v), CUT, NO_VALUE),
    Route("Generator.choice", lambda s, v: np.random.default_rng(0).choice(v), CUT, NO_VALUE),
    unsupported("np.frompyfunc", lambda s, v: np.frompyfunc(lambda t: t, 1, 1)(v), "vmap|numpy"),
    # Python makes a number of it.
    Route("float", lambda s, v: float(s), CUT, NO_VALUE),
    Route("int", lambda s, v: int(s), CUT, NO_VALUE),
    Route("complex", lambda s, v: complex(s), CUT, NO_VALUE),
    Route(
        "math.sin",
        lambda s, v: math.sin(s),
        (GradientCutError, r"numpy\.sin"),
        (ConcretizationError, r"numpy\.sin"),
    ),
    Route("math.isnan", lambda s, v: math.isnan(s), CUT, NO_VALUE),
    Route("item", lambda s, v: s.item(), CUT, NO_VALUE),
    Route("item(1)", lambda s, v: v.item(1), CUT, NO_VALUE),
    Route("'%f'", lambda s, v: "%f" % s, CUT, NO_VALUE),  # noqa: UP031
    Route("array.array", lambda s, v: array.array("d", [s]), CUT, NO_VALUE),
    Route("range", lambda s, v: range(s), (IndexDtypeError, "stop_gradient"), NO_VALUE),
    Route(
        "operator.index",
        lambda s, v: operator.index(s),
        (IndexDtypeError, "stop_gradient"),
        NO_VALUE,
    ),
    Route("list index", lambda s, v: [1, 2][s], (IndexDtypeError, "stop_gradient"), NO_VALUE),
    both("np.zeros(s)", lambda s, v: np.zeros(s), NUMPYS),
    both("v[s]", lambda s, v: v[s], (IndexDtypeError, "must be an integer")),
    # It is written into an array.
    Route(
        "a[0] = s",
        lambda s, v: stored(np.zeros(3), lambda a: operator.setitem(a, 0, s)),
        (FuncgradError, ""),
        (FuncgradError, ""),
    ),
    Route(
        "a[:] = v",
        lambda s, v: stored(np.zeros(3), lambda a: operator.setitem(a, slice(None), v)),
        (FuncgradError, ""),
        (FuncgradError, ""),
    ),
    Route("a.fill", lambda s, v: np.zeros(3).fill(s), CUT, NO_VALUE),
    Route("a.put", lambda s, v: np.zeros(3).put([0], s), CUT, NO_VALUE),
    both("a.flat[0] = s", lambda s, v: operator.setitem(np.zeros(3).flat, 0, s), NUMPYS),
    Route(
        "np.fill_diagonal(a, s)",
        lambda s, v: np.fill_diagonal(np.eye(2), s),
        (FuncgradError, ""),
        (FuncgradError, ""),
    ),
    both("a += v", lambda s, v: operator.iadd(np.zeros(3), v), (TracerAssignmentError, "")),
    both(
        "np.add(a, v, out=a)",
        lambda s, v: np.add(A, v, out=np.zeros(3)),
        (TracerAssignmentError, ""),
    ),
    both("np.add.at", lambda s, v: np.add.at(np.zeros(3), [0], s), (TracerAssignmentError, "")),
    both("np.sum(v, out=a)", lambda s, v: np.sum(v, out=np.zeros(())), (NotTraceableError, "out=")),
    unsupported("np.copyto", lambda s, v: np.copyto(np.zeros(3), v), AT),
    unsupported(
        "np.full_like(a, s)", lambda s, v: np.full_like(A, s), r"funcgrad\.numpy\.full_like"
    ),
    unsupported("np.place", lambda s, v: np.place(np.zeros(3), A > 1, v), AT),
    unsupported("np.putmask", lambda s, v: np.putmask(np.zeros(3), A > 1, v), AT),
    no_place_to_write("np.put", lambda s, v: np.put(np.zeros(3), [0], s)),
    no_place_to_write(
        "np.put_along_axis", lambda s, v: np.put_along_axis(np.zeros(3), np.array([0]), v, 0)
    ),
    no_place_to_write("np.fill_diagonal(v)", lambda s, v: np.fill_diagonal(v * np.eye(3), 1.0)),
    both("v[0] = 1", lambda s, v: operator.setitem(v, 0, 1.0), (TracerAssignmentError, AT)),
    both("v[0] += 1", lambda s, v: operator.setitem(v, 0, v[0] + 1), (TracerAssignmentError, AT)),
    both("del v[0]", lambda s, v: operator.delitem(v, 0), (TracerAssignmentError, "concatenate")),
    both("v.fill", lambda s, v: v.fill(1.0), (TracerAssignmentError, "full_like")),
    both("v.sort", lambda s, v: v.sort(), (TracerAssignmentError, r"numpy\.sort")),
    both("v.put", lambda s, v: v.put([0], 1.0), (TracerAssignmentError, AT)),
    both("v.resize", lambda s, v: v.resize(2), (TracerAssignmentError, "reshape")),
    both("v.setflags", lambda s, v: v.setflags(write=False), (TracerAssignmentError, "")),
    both(
        "v.shape = 3, 1",
        lambda s, v: setattr(v, "shape", (3, 1)),
        (TracerAssignmentError, "reshape"),
    ),
    both(
        "v.dtype = float",
        lambda s, v: setattr(v, "dtype", float),
        (TracerAssignmentError, "astype"),
    ),
    # It is written to a file or taken apart in bytes.
    unsupported("np.save", lambda s, v: np.save(io.BytesIO(), v), "stop_gradient"),
    unsupported("np.savez", lambda s, v: np.savez(io.BytesIO(), v), "stop_gradient"),
    unsupported("np.savetxt", lambda s, v: np.savetxt(io.StringIO(), v), "stop_gradient"),
    both("pickle", lambda s, v: pickle.dumps(v), (ArgumentError, "Pickle the")),
    both("tobytes", lambda s, v: v.tobytes(), (UnknownAttributeError, "needs a value")),
    both("view", lambda s, v: v.view(int), (UnknownAttributeError, "astype")),
    both("misspelt", lambda s, v: v.summ(), (UnknownAttributeError, "nearest that it has is sum")),
    both("ptp", lambda s, v: v.ptp(), (UnknownAttributeError, r"numpy\.ptp")),
    # NumPy's functions without counterpart.
    unsupported(
        "sliding_window_view", lambda s, v: np.lib.stride_tricks.sliding_window_view(v, 2), ""
    ),
    # Python asks for truth: values are there under grad and jvp.
    Route("bool", lambda s, v: bool(s), WORKS, NO_VALUE),
    Route("if s > 0.5", lambda s, v: 1 if s > 0.5 else 0, WORKS, NO_VALUE),
    Route("max of two", lambda s, v: builtins.max(s, v[1]), WORKS, NO_VALUE),
    Route("max of a vector", lambda s, v: builtins.max(v), WORKS, NO_VALUE),
    Route("sorted", lambda s, v: sorted(v), WORKS, NO_VALUE),
    Route("any", lambda s, v: builtins.any(v), WORKS, NO_VALUE),
    Route("s in list", lambda s, v: s in [2.0, 0.75], WORKS, NO_VALUE),
    Route("number in v", lambda s, v: 1.25 in v, WORKS, NO_VALUE),
    Route("s == 0.75 and s < 1", lambda s, v: s == 0.75 and s < 1, WORKS, NO_VALUE),
    Route("np.array_equal", lambda s, v: bool(np.array_equal(v, V)), WORKS, NO_VALUE),
    Route("np.nonzero", lambda s, v: np.nonzero(v), WORKS, NO_VALUE),
    Route("v[v > 1]", lambda s, v: v[v > 1], WORKS, (ConcretizationError, r"numpy\.where")),
    Route("np.where(v > 1)", lambda s, v: np.where(v > 1), WORKS, NO_VALUE),
    # Text shows values where they are.
    Route("str", lambda s, v: str(v), WORKS, SHOWN),
    Route("f-string", lambda s, v: f"{s:.3f}", WORKS, SHOWN),
    Route("'%s'", lambda s, v: "%s" % s, WORKS, SHOWN),  # noqa: UP031
    Route("np.array_str", lambda s, v: np.array_str(v), WORKS, SHOWN),
    Route("np.array_repr", lambda s, v: np.array_repr(v), WORKS, SHOWN),
    Route("np.array2string", lambda s, v: np.array2string(v, precision=1), WORKS, SHOWN),
    # What needs no value works everywhere.
    both("list", lambda s, v: list(v), WORKS),
    both("unpacking", lambda s, v: (lambda a, b, c: a * b - c)(*v), WORKS),
    both("sum", lambda s, v: builtins.sum(v), WORKS),
    both("reversed", lambda s, v: list(reversed(v)), WORKS),
    both("enumerate", lambda s, v: [i * e for i, e in enumerate(v)], WORKS),
    both("reduce", lambda s, v: functools.reduce(operator.mul, v), WORKS),
    both("tolist", lambda s, v: v.tolist(), WORKS),
    both("len", lambda s, v: len(v), WORKS),
    both("abs", lambda s, v: abs(-v), WORKS),
    both("divmod", lambda s, v: divmod(v, 0.4), WORKS),
    both("copy", lambda s, v: copy.copy(v) * 2, WORKS),
    both("deepcopy", lambda s, v: copy.deepcopy({"v": v})["v"] * 2, WORKS),
    both("np.isscalar(s)", lambda s, v: np.isscalar(s), WORKS),
    both("np.isscalar(v)", lambda s, v: np.isscalar(v), WORKS),
    both("isinstance Number", lambda s, v: isinstance(s, numbers.Number), WORKS),
    both("np.ndim", lambda s, v: (np.ndim(s), np.ndim(v)), WORKS),
    both("np.shape", lambda s, v: (np.shape(s), np.shape(v)), WORKS),
    both("np.size", lambda s, v: (np.size(s), np.size(v)), WORKS),
    both("attributes", lambda s, v: (v.ndim, v.size, v.itemsize, v.nbytes, v.dtype), WORKS),
    both("np.iscomplexobj", lambda s, v: np.iscomplexobj(v), WORKS),
    both("np.isrealobj", lambda s, v: np.isrealobj(v), WORKS),
    both("np.result_type", lambda s, v: np.result_type(v, np.float32), WORKS),
    both("np.can_cast", lambda s, v: np.can_cast(v, np.float32), WORKS),
    both("np.common_type", lambda s, v: np.common_type(v, A), WORKS),
    both("np.shares_memory", lambda s, v: np.shares_memory(v, A), WORKS),
    both("np.linspace", lambda s, v: np.linspace(s, 2.0, 5), WORKS),
    both("np.linspace of vectors", lambda s, v: np.linspace(v, A, 4, False, axis=1), WORKS),
    both("np.logspace", lambda s, v: np.logspace(s, 2.0, 3, base=2.0), WORKS),
    both("np.delete", lambda s, v: np.delete(v, 0), WORKS),
    both("np.copy", lambda s, v: np.copy(v), WORKS),
    both("np.bincount", lambda s, v: np.bincount([0, 2, 2], v), WORKS),
    both("np.full_like(v, s)", lambda s, v: np.full_like(v, s), WORKS),
    both("np.zeros_like", lambda s, v: np.zeros_like(v), WORKS),
    both("np.asarray(like=)", lambda s, v: np.asarray([1.0, 2.0], like=v), WORKS),
    both("np.fromfunction", lambda s, v: np.fromfunction(lambda i: i * s, (3,)), WORKS),
    both("a * v", lambda s, v: A * v, WORKS),
    both("a @ v", lambda s, v: A @ v, WORKS),
    both("np.float64 * s", lambda s, v: np.float64(2) * s, WORKS),
    both("a - s", lambda s, v: A - s, WORKS),
    both("np.add.reduce", lambda s, v: np.add.reduce(v), WORKS),
]


def plain_of(result):
    """The values of a result that may hold tracers whose frames have values."""
    if isinstance(result, list | tuple):
        return type(result)(plain_of(r) for r in result)
    while isinstance(result, Tracer):
        result = result.value
    return result


def under_grad(f):
    seen = []
    vjp(lambda s, v: seen.append(plain_of(f(s, v))) or s, S, V)
    return seen[0]


def under_jvp(f):
    seen = []
    jvp(lambda s, v: seen.append(plain_of(f(s, v))) or s, (S, V), (1.0, V))
    return seen[0]


def under_vmap(f):
    seen = []
    vmap(lambda s, v: seen.append(f(s, v)) or s)(np.array([S, S]), np.stack([V, V]))
    first = lambda r: r.value[0] if isinstance(r, Tracer) else r  # noqa: E731
    return each(first, seen[0])


def under_jit(f):
    """What has no tracer in it as it is; the rest recorded and run."""
    seen = []

    def flat(s, v):
        seen.append(f(s, v))
        return [r for r in leaves(seen[0]) if isinstance(r, Tracer)]

    program, captured = trace(flat, [aval_of(S), aval_of(V)])
    values = iter(run(program, [*captured, S, V]))
    return each(lambda r: next(values) if isinstance(r, Tracer) else r, seen[0])


def leaves(result):
    return (
        [leaf for r in result for leaf in leaves(r)]
        if isinstance(result, list | tuple)
        else [result]
    )


def each(f, result):
    return (
        type(result)(each(f, r) for r in result) if isinstance(result, list | tuple) else f(result)
    )


FRAMES = {"grad": under_grad, "jvp": under_jvp, "vmap": under_vmap, "jit": under_jit}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("route", ROUTES, ids=[r.name for r in ROUTES])
def test_route(route, frame):
    outcome = route.active if frame in ("grad", "jvp") else route.abstract
    if outcome == SHOWN:
        assert "f64" in FRAMES[frame](route.call)
        return
    if outcome == NUMPYS:
        with pytest.raises((TypeError, ValueError)) as raised:
            FRAMES[frame](route.call)
        assert not isinstance(raised.value, FuncgradError)
        return
    if outcome == WORKS:
        expected = route.call(S, V)
        same(FRAMES[frame](route.call), expected)
        return
    kind, fix = outcome
    with pytest.raises(Exception) as raised:
        FRAMES[frame](route.call)
    error = raised.value
    if not isinstance(error, FuncgradError):
        # NumPy's or Python's words, with ours as the reason.
        assert isinstance(error, ValueError | TypeError), error
        error = error.__cause__ or error.__context__
    assert isinstance(error, kind), error
    assert error.fix, "no advice"
    assert re.search(fix, str(error)), error


def same(actual, expected):
    if isinstance(expected, list | tuple):
        assert type(actual) is type(expected)
        assert len(actual) == len(expected)
        for a, e in zip(actual, expected, strict=True):
            same(a, e)
    elif isinstance(expected, np.ndarray | np.inexact | float):
        assert np.shape(actual) == np.shape(expected)
        assert np.asarray(actual).dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(actual, expected, rtol=1e-15)
    else:
        assert actual == expected


# Traced integers where Python or NumPy wants one.


@pytest.mark.parametrize(
    ("name", "call", "fix"),
    [
        ("list", lambda i: [1, 2][i], r"numpy\.take"),
        ("array", lambda i: A[i], r"numpy\.take|at\(x\)\[i\]"),
        ("array of indices", lambda i: A[np.stack([i, i])], r"numpy\.take|at\(x\)\[i\]"),
        ("range", lambda i: range(i), r"numpy\.take|static|known"),
        ("slice", lambda i: fnp.at(A)[:i].get(), r"numpy\.take|static|known"),
    ],
)
def test_a_traced_integer_has_no_value(name, call, fix):
    for trial in (
        lambda: make_jaxpr(call)(1),
        lambda: vmap(call)(np.array([0, 1])),
    ):
        with pytest.raises(FuncgradError, match=fix):
            trial()


def test_what_is_advised_for_a_traced_index_works():
    for f in (lambda i: fnp.take(A, i, axis=0), lambda i: fnp.at(A)[i].get()):
        np.testing.assert_array_equal(vmap(f)(np.array([2, 0, -1])), A[[2, 0, -1]])


# funcgrad.numpy makes arrays of traced values.


@pytest.mark.parametrize(
    "f",
    [
        lambda s, v: fnp.array([s, 2 * s]),
        lambda s, v: fnp.array([[s, 1.0], [v[0], 2]]),
        lambda s, v: fnp.array([v, A]),
        lambda s, v: fnp.array(s, ndmin=2),
        lambda s, v: fnp.asarray(v, dtype=np.float32),
        lambda s, v: fnp.asanyarray([s]),
        lambda s, v: fnp.ascontiguousarray(s),
        lambda s, v: fnp.full((2, 3), v),
        lambda s, v: fnp.full(2, s, dtype=np.float32),
        lambda s, v: fnp.full_like(A, s),
        lambda s, v: fnp.full([], s),
    ],
)
@pytest.mark.parametrize("frame", FRAMES)
def test_creation_from_traced_values(f, frame):
    same(FRAMES[frame](f), f(S, V))


def test_creation_refuses():
    with pytest.raises(DtypeError, match="cannot become dtype object"):
        under_grad(lambda s, v: fnp.asarray(v, dtype=object))
    with pytest.raises(GradientCutError):
        under_grad(lambda s, v: fnp.arange(s))


def test_the_one_silent_route_is_numpys():
    """For two lists `numpy.array_equal` takes any exception for "not equal"; ours looks inside."""
    assert under_grad(lambda s, v: np.array_equal([s], [S])) is False
    assert under_grad(lambda s, v: bool(fnp.array_equal([s], [S]))) is True


def test_complex_numbers_of_pythons_have_no_order():
    for compare in (lambda x, y: x > y, lambda x, y: x <= y, lambda x, y: y < x):
        for args in ((0j, 1), (2.0, 1j), (1j, 1j)):
            with pytest.raises(TypeError):
                compare(*args)
            with pytest.raises(TypeError, match="have no order"):
                jit(compare)(*args)
        assert jit(compare)(np.complex128(2j), 1) == compare(np.complex128(2j), 1)
    assert jit(lambda x: x == 1)(1 + 0j)


def test_linalg_cross_is_of_vectors_in_space():
    x, y = np.ones((2, 3)), np.ones((2, 2))
    for call in (lambda x, y: np.linalg.cross(x, y), lambda x, y: np.linalg.cross(y, y)):
        with pytest.raises(ValueError, match="3-dimensional vectors"):
            call(x, y)
        with pytest.raises(ValueError, match="3-dimensional vectors"):
            jit(call)(x, y)


@pytest.mark.parametrize("n", [2**63, 2**70, -(2**63) - 1])
def test_integers_that_int64_does_not_hold(n):
    called = jit(lambda x: x + np.arange(2))
    called(1)  # traced: the integer meets the program that is there
    for call in (
        called,
        jit(lambda x: np.add(x, 1)),
        lambda n: cond(True, lambda x: x, lambda x: x, n),
        lambda n: fori_loop(0, 1, lambda i, x: x, n),
    ):
        with pytest.raises(IntegerOverflowError, match=r"outside the range of int64.*\n.*uint64"):
            call(n)
        with pytest.raises(OverflowError):
            call(n)
    # Where it becomes a float at once, as in Python, and of the dtype that it is given, it is fine.
    assert jit(lambda x: x * 2.0)(n) == n * 2.0
    assert jit(lambda x: np.add(x, 1))(np.uint64(2**63)) == np.uint64(2**63 + 1)


PYTHONS = {
    "real": lambda x: x.real,
    "imag": lambda x: x.imag,
    "conjugate": lambda x: x.conjugate(),
    "abs": abs,
    "neg": operator.neg,
    "pos": operator.pos,
    "square": lambda x: x**2,
    "half": lambda x: x / 2,
}


@pytest.mark.parametrize("x", [True, 3, 2.5, 1.5 - 2j])
@pytest.mark.parametrize("name", PYTHONS)
def test_what_pythons_numbers_give_gives_way_to_float32(name, x):
    def f(x):
        return PYTHONS[name](x) * np.float32(2)

    expected = f(x)
    transforms = [jit(f)]
    if not isinstance(x, int):
        transforms += [lambda x: vjp(f, x)[0], lambda x: jvp(f, (x,), (x,))[0]]
    for transformed in transforms:
        found = transformed(x)
        assert type(found) is type(expected) and found == expected
