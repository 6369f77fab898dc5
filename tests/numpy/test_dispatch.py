"""NumPy's dispatch to funcgrad, the public namespace, and the attributes of tracers."""

import inspect
import pickle

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import grad, jvp, make_jaxpr, stop_gradient, vjp, vmap
from funcgrad.core.trace import Tracer
from funcgrad.errors import (
    ArgumentError,
    NotTraceableError,
    TracerAssignmentError,
    UnknownAttributeError,
)
from funcgrad.numpy.advice import ADVICE
from funcgrad.numpy.dispatch import IMPLEMENTED, implements, name_of, nearest_name
from funcgrad.numpy.modules import load_all

V = np.array([0.5, 2.0, 1.25])
X = np.linspace(-1.3, 2.1, 24).reshape(2, 3, 4)
load_all()
FUNCTIONS = {
    name: f
    for name, f in ((name, getattr(fnp, name)) for name in dir(fnp))
    if callable(f) and getattr(f, "__module__", "").startswith("funcgrad.numpy") and name[0] != "_"
}
LINALG = {
    name: f
    for name, f in vars(fnp.linalg).items()
    if callable(f) and hasattr(f, "__wrapped__") and hasattr(np.linalg, name)
}


def seen(call, x=V):
    """What ``call`` gives for a tracer under grad."""
    found = []
    vjp(lambda x: found.append(call(x)) or np.sum(x), x)
    return found[0]


# The functions of the namespace


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_public_functions_are_numpys_where_nothing_is_traced(name):
    if name in ("at", "arange", "eye", "tri"):  # ours alone; NumPy's takes no tracer
        return
    public, genuine = FUNCTIONS[name], getattr(np, name)
    if name in ("sort", "argsort"):  # `descending` of the array API standard beside NumPy's own
        names = list(signature(public).parameters)
        assert names == [*dict.fromkeys([*signature(genuine).parameters, "descending"])]
    elif name not in ("put", "put_along_axis", "fill_diagonal"):
        assert public.__wrapped__ is getattr(np, public.__name__)
        assert signature(public) == signature(genuine)
    if genuine.__doc__:
        assert public.__doc__ is not None
    assert pickle.loads(pickle.dumps(public)) is public
    assert IMPLEMENTED[genuine] is not public or name.startswith(("put", "fill", "sort", "argsort"))


def signature(function):
    try:
        return inspect.signature(function)
    except ValueError:  # some of NumPy's compiled functions have none
        return None


@pytest.mark.parametrize(
    ("genuine", "counterpart"),
    [pytest.param(g, c, id=name_of(g)) for g, c in IMPLEMENTED.items()],
)
def test_counterparts_have_numpys_parameters(genuine, counterpart):
    theirs, ours = signature(genuine), signature(counterpart)
    if theirs is None or isinstance(genuine, np.ufunc) or genuine is counterpart:
        return
    names = {p.name for p in ours.parameters.values()}
    anything = {p.kind for p in ours.parameters.values()} & {
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    }
    if anything:
        return
    positional = inspect.Parameter.POSITIONAL_ONLY
    missing = [
        p.name
        for p in theirs.parameters.values()
        if p.name not in names and p.kind is not positional and p.name != "like"
    ]
    assert missing == []
    # Positional arguments stand in NumPy's order.
    kinds = (positional, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    order = [p.name for p in theirs.parameters.values() if p.kind in kinds]
    own = [p.name for p in ours.parameters.values() if p.kind in kinds]
    shared = [n for n in order if n in own]
    assert [n for n in own if n in order][: len(shared)] == shared


def test_the_namespace_is_a_drop_in():
    missing = [name for name in dir(np) if not name.startswith("_") and not hasattr(fnp, name)]
    missing += [name for name in np.linalg.__all__ if not hasattr(fnp.linalg, name)]
    assert missing == []
    assert fnp.nan != fnp.nan
    assert fnp.pi == np.pi
    assert fnp.float32 is np.float32
    assert fnp.zeros is np.zeros
    assert fnp.random is np.random
    with pytest.raises(AttributeError):
        fnp.no_such_name  # noqa: B018
    np.testing.assert_array_equal(fnp.sum([[1, 2], [3, 4]], axis=0), [4, 6])
    assert fnp.linspace(0, 1, 3).tolist() == [0.0, 0.5, 1.0]


def test_lists_with_tracers_are_arrays_to_the_namespace():
    def f(x):
        return fnp.sum([x[0], 2.0 * x[1], 1]) + fnp.max((x[0], x[2])) + fnp.sin([x[0], x[1]])[0]

    expected = np.array([1 + np.cos(0.5), 2.0, 1.0])
    np.testing.assert_allclose(grad(f)(V), expected, rtol=1e-15)


def test_numpys_functions_and_ours_are_one_under_a_transform():
    for name in ("sum", "mean", "max", "sin", "exp", "transpose", "take", "where"):
        args = {"take": ([0, 1],), "where": ()}.get(name, ())
        call = (
            (lambda m: lambda x: m.where(x > 1, x, 0.0))
            if name == "where"
            else (
                lambda m: lambda x: getattr(m, name)(x, *args)  # noqa: B023
            )
        )
        assert (
            str(make_jaxpr(call(np))(V)).split("#")[0]
            == str(make_jaxpr(call(fnp))(V)).split("#")[0]
        )


def test_implements_returns_a_function_that_pickles_by_reference():
    assert pickle.loads(pickle.dumps(fnp.take)) is fnp.take
    assert fnp.take.__module__ == "funcgrad.numpy"
    assert "either may be traced" in fnp.take.__doc__
    assert "Take elements from an array along an axis" in fnp.take.__doc__


def test_a_counterpart_is_called_for_a_tracer_anywhere_in_the_arguments():
    calls = []

    def genuine(*args, **kwargs):
        return "numpy's"

    @implements(genuine)
    def counterpart(*args, **kwargs):
        calls.append((args, kwargs))
        return "ours"

    try:
        assert counterpart(1, [2.0], k=V) == "numpy's"

        def f(x):
            assert counterpart(x) == counterpart([[1, (x,)]]) == counterpart(1, k=x) == "ours"
            assert counterpart(1, k=[x[0]]) == "ours"
            return np.sum(x)

        grad(f)(V)
        assert len(calls) == 4
    finally:
        del IMPLEMENTED[genuine]


def test_foreign_arrays_may_take_over():
    class Foreign:
        def __array_function__(self, func, types, args, kwargs):
            return "foreign"

    # busday_count has no counterpart: the other array's protocol is asked.
    assert seen(lambda x: np.busday_count(x, Foreign())) == "foreign"


# What has no counterpart


def test_the_text_for_a_function_without_counterpart():
    with pytest.raises(NotTraceableError) as raised:
        grad(lambda x: np.roots(x))(V)
    assert raised.value.what == "numpy.roots has no counterpart that can be traced"
    assert raised.value.fix == (
        "Iterate Newton's method on the polynomial from numpy.roots(stop_gradient(c))."
    )


def test_the_nearest_name():
    assert nearest_name("numpy.nansum2") == "numpy.nansum"
    assert nearest_name("numpy.zzz") is None
    with pytest.raises(
        NotTraceableError, match=r"nearest that can be traced is numpy\.linalg\.inv"
    ):

        def invv(x):
            raise AssertionError

        invv.__module__ = "numpy.linalg"
        Tracer.__array_function__(None, invv, (), (), {})


@pytest.mark.parametrize("name", sorted(ADVICE))
def test_advice_is_for_functions_that_numpy_has_and_we_have_not(name):
    function = np
    for part in name.split("."):
        function = getattr(function, part, None)
    if function is None:
        pytest.skip(f"this NumPy has no {name}")
    assert function not in IMPLEMENTED


def test_every_function_that_numpy_dispatches_is_covered_or_has_advice():
    dispatched = type(np.sum)
    silent = [
        name
        for name in dir(np)
        if isinstance(getattr(np, name), dispatched)
        and getattr(np, name) not in IMPLEMENTED
        and name not in ADVICE
    ]
    # Text and dates: no numbers that anybody differentiates.
    assert set(silent) <= {"busday_count", "busday_offset", "datetime_as_string", "is_busday"}


def test_advice_is_right():
    def root(c):  # Newton's method from where it is known to converge
        start = stop_gradient(c)
        x = np.roots(start)[0]
        for _ in range(2):
            x = x - np.polyval(c, x) / np.polyval(np.polyder(start), x)
        return x

    # The root 2 of x**2 - 3 x + 2 moves by -x**k / (2 x - 3) with the coefficient of x**k.
    g = grad(root)(np.array([1.0, -3.0, 2.0]))
    np.testing.assert_allclose(g, [-4.0, -2.0, -1.0], rtol=1e-12)


def test_out_and_other_parameters_are_refused():
    with pytest.raises(NotTraceableError) as raised:
        grad(lambda x: np.take(x, 0, out=np.zeros(())))(V)
    assert raised.value.what == "numpy.take: out= cannot be used with a traced value"
    assert raised.value.fix == (
        "Leave out= away and use the result: a traced value cannot be written into."
    )


# Attributes and methods of tracers


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sum(),
        lambda x: x.sum(axis=0, keepdims=True),
        lambda x: x.mean(1),
        lambda x: x.prod(-1),
        lambda x: x.max(axis=(0, 2)),
        lambda x: x.min(),
        lambda x: x.std(0, ddof=1),
        lambda x: x.var(),
        lambda x: x.argmax(1),
        lambda x: x.argmin(),
        lambda x: (x > 0).any(1),
        lambda x: (x > 0).all(),
        lambda x: x.cumsum(1),
        lambda x: x.cumprod(2),
        lambda x: x.round(1),
        lambda x: x.repeat(2, 1),
        lambda x: x.take([0, 1], 2),
        lambda x: x.swapaxes(0, 2),
        lambda x: x[:1].squeeze(),
        lambda x: x[0].diagonal(1),
        lambda x: x[0].trace(),
        lambda x: x[0].dot(x[1].T),
        lambda x: x.argsort(2),
        lambda x: x.reshape(4, 6),
        lambda x: x.reshape((4, -1)),
        lambda x: x.reshape(-1),
        lambda x: x.transpose(),
        lambda x: x.transpose(2, 0, 1),
        lambda x: x.transpose((2, 0, 1)),
        lambda x: x.T,
        lambda x: x.mT,
        lambda x: x.flatten(),
        lambda x: x.ravel(),
        lambda x: x.copy(),
        lambda x: x.astype(np.float32),
        lambda x: x.astype(int),
        lambda x: x.clip(0, 1),
        lambda x: x.clip(max=1),
        lambda x: x.conj(),
        lambda x: x.conjugate(),
        lambda x: x.real,
        lambda x: x.imag,
        lambda x: x.flat[3],
        lambda x: x.compress([True, False], axis=0),
        lambda x: x.shape,
        lambda x: x.ndim,
        lambda x: x.size,
        lambda x: x.dtype,
        lambda x: x.itemsize,
        lambda x: x.nbytes,
        lambda x: len(x),
    ],
)
def test_methods_are_those_of_arrays(call):
    expected = call(X)
    value = seen(call, X)
    if isinstance(expected, np.ndarray | np.generic):
        shown = value.value if isinstance(value, Tracer) else value
        assert shown.dtype == expected.dtype
        assert shown.shape == expected.shape
        np.testing.assert_allclose(shown, expected, rtol=1e-14)
    else:
        assert value == expected


def test_methods_that_need_values_have_them_under_grad():
    assert [a.tolist() for a in seen(lambda x: x.nonzero())] == [[0, 1, 2]]
    assert seen(lambda x: x.argsort()).tolist() == [0, 2, 1]
    assert seen(lambda x: (x > 1).tolist()) == [False, True, True]


def test_properties_cannot_be_assigned():
    for name in ("shape", "dtype", "T", "real", "imag", "flat", "size", "ndim"):
        with pytest.raises(TracerAssignmentError, match=f"x.{name} = ...: a traced value"):
            grad(lambda x: setattr(x, name, V))(V)  # noqa: B023


def test_attributes_that_do_not_exist():
    with pytest.raises(UnknownAttributeError) as raised:
        grad(lambda x: x.strides)(V)
    assert raised.value.what == "a traced value, float64[3], has no attribute 'strides'"
    assert raised.value.fix == "A traced value has no memory of its own."
    with pytest.raises(AttributeError, match=r"There is the function numpy\.exp\(x\)"):
        grad(lambda x: x.exp())(V)
    assert seen(lambda x: hasattr(x, "no_such_attribute")) is False
    assert seen(lambda x: getattr(x, "__array_interface__", 3)) == 3
    with pytest.raises(AttributeError):
        grad(lambda x: setattr(x, "no_such_attribute", 1))(V)


def test_scalars_are_not_sequences():
    for call in (len, iter, lambda s: s[0]):
        with pytest.raises((TypeError, IndexError)):
            grad(lambda s: call(s))(1.0)  # noqa: B023
        with pytest.raises((TypeError, IndexError)):
            call(np.float64(1.0))


def test_item_of_more_than_one():
    with pytest.raises(ArgumentError, match="can only convert an array of size 1"):
        grad(lambda x: x.item())(V)


def test_the_array_api_namespace():
    assert seen(lambda x: x.__array_namespace__()) is fnp
    assert seen(lambda x: x.device) == V.device


def test_unpacking_costs_one_equation_and_one_stack():
    program = make_jaxpr(grad(lambda x: sum(e * e for e in x)))(V)
    names = [eqn.primitive.name for eqn in program.equations]
    assert names.count("unstack") == 1
    assert names.count("stack") == 1
    assert "scatter" not in names
    np.testing.assert_allclose(grad(lambda x: sum(e * e for e in x))(V), 2 * V)
    tangent = jvp(lambda x: sum(e * e for e in x), (V,), (V,))[1]
    np.testing.assert_allclose(tangent, 2 * V @ V, rtol=1e-15)
    rows = vmap(lambda x: [a * b for a, b in zip(x, x[::-1], strict=True)])(np.stack([V, V + 1]))
    np.testing.assert_allclose(rows[0], [V[0] * V[2], (V[0] + 1) * (V[2] + 1)])
