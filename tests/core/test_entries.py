"""Every function that users call: wrong arguments raise at the user's line, and say what to write.

`publish` makes the functions of the public modules entries: no frame of funcgrad's stands in the
traceback of what they raise. Here every one of them is called wrongly, in many ways.
"""

import importlib
import inspect
import pickle
import sys
import traceback
import types
import warnings

import numpy as np
import pytest

import funcgrad
import funcgrad.numpy as fnp
from funcgrad import (
    _publish,
    checkpoint,
    custom_jvp,
    custom_vjp,
    debug,
    errors,
    grad,
    jit,
    jvp,
    linear_transpose,
    linearize,
    nn,
    optim,
    random,
    tree,
    value_and_grad,
    vjp,
    vmap,
)

MODULES = [
    "funcgrad",
    "funcgrad.checkpoint_policies",
    "funcgrad.data",
    "funcgrad.debug",
    "funcgrad.lax",
    "funcgrad.lax.linalg",
    "funcgrad.nn",
    "funcgrad.nn.initializers",
    "funcgrad.numpy",
    "funcgrad.numpy.fft",
    "funcgrad.numpy.linalg",
    "funcgrad.optim",
    "funcgrad.random",
    "funcgrad.scipy.integrate",
    "funcgrad.scipy.linalg",
    "funcgrad.scipy.ndimage",
    "funcgrad.scipy.optimize",
    "funcgrad.scipy.signal",
    "funcgrad.scipy.special",
    "funcgrad.scipy.stats",
    "funcgrad.testing",
    "funcgrad.tree",
    "funcgrad.tree_util",
    "funcgrad.typing",
    "funcgrad.flatten_util",
]
# What funcgrad makes and users only read.
MADE = {funcgrad.Jaxpr, tree.TreeDef}


class Wrong:
    """No array, no number, no function."""


WRONG = Wrong()


def fails(*_):
    raise ZeroDivisionError


ARGUMENTS = {
    "an object": WRONG,
    "None": None,
    "a str": "x",
    "a dict": {"a": WRONG},
    "nan": float("nan"),
    "a negative int": -1,
    "a complex": 1j,
    "a ragged list": [[1.0], [1.0, 2.0]],
    "an array of objects": np.array([None, WRONG], object),
    "an empty array": np.ones((2, 3, 0)),
    "a function of nothing useful": lambda *_: WRONG,
    "a function that fails": fails,
}


def public_functions(name):
    """The callables of a public module, by the name that users write."""
    module = importlib.import_module(name)
    for each in sorted(set(module.__all__)):
        value = getattr(module, each)
        if isinstance(value, types.ModuleType) or value in MADE if callable(value) else False:
            continue
        if name == "funcgrad.scipy.stats":
            theirs = importlib.import_module("scipy.stats")
            for method in dir(value):
                if not method.startswith("_") and hasattr(getattr(theirs, each), method):
                    found = getattr(value, method)
                    if callable(found):
                        yield f"{each}.{method}", found
        elif callable(value) and (getattr(value, "__module__", None) or "").startswith("funcgrad"):
            yield each, value


def required(f):
    """How many arguments ``f`` must have."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except ValueError:
        return 1
    positional = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    return sum(p.default is p.empty and p.kind in positional for p in parameters)


def raised(f, *args, **kwargs):
    """What a call raises, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            f(*args, **kwargs)
    except Exception as error:
        return error
    return None


def ours(error):
    """The frames of funcgrad in a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    return [(f.filename, f.lineno) for f in frames if f.filename.startswith(errors.PACKAGE)]


def check(error, what):
    assert error is None or ours(error) == [], f"{what}: {error!r}"
    if isinstance(error, errors.FuncgradError):
        text = str(error).splitlines()
        assert len(text) in (2, 3) and error.fix, f"{what}: says no fix: {error}"


@pytest.mark.parametrize("module", MODULES)
def test_wrong_arguments(module, capsys):
    count = 0
    for name, f in public_functions(module):
        n = max(required(f), 1)
        for given, wrong in ARGUMENTS.items():
            check(raised(f, *(wrong,) * n), f"{name} of {given}")
        check(raised(f), f"{name}()")
        check(raised(f, *(WRONG,) * n, no_such_parameter=1), f"{name}(no_such_parameter=1)")
        count += 1
    single = "funcgrad.scipy.ndimage", "funcgrad.typing", "funcgrad.flatten_util"
    assert count >= (1 if module in single else 2)


def test_every_public_module_is_walked():
    found = set()
    for name in MODULES:
        module = importlib.import_module(name)
        for each in module.__all__:
            value = getattr(module, each)
            if isinstance(value, types.ModuleType) and value.__name__.startswith("funcgrad"):
                found.add(value.__name__)
    others = "bridge", "errors", "extend", "numpy", "scipy"  # the first needs other libraries
    assert found <= {*MODULES, *(f"funcgrad.{m}" for m in others)}
    assert {f"funcgrad.scipy.{m}" for m in funcgrad.scipy.__all__} <= {*MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_known_where_they_are_found(module):
    for name, f in public_functions(module):
        if isinstance(f, types.FunctionType) and "." not in name:
            assert pickle.loads(pickle.dumps(f)) is f
            assert not any(part.startswith("_") for part in f.__module__.split("."))


# Functions that public functions return, and what is wrong with the call.
def optimizer_calls():
    params, state = {"w": np.ones(2)}, optim.adam().init({"w": np.ones(2)})
    for opt in (
        optim.adam(),
        optim.sgd(0.1, 0.9),
        optim.rmsprop(0.1),
        optim.clip_by_global_norm(1.0),
    ):
        yield lambda opt=opt: opt.update(params, params, params)
        yield lambda opt=opt: opt.update(params)
    yield lambda: optim.adam().update({"v": np.ones(2)}, state, params)
    yield lambda: optim.adam().update({"w": np.ones(3)}, state, params)
    yield lambda: optim.chain(optim.adam()).update(params, state, params)


def transformed_calls():
    x = np.ones(3)

    @custom_jvp
    def ruled(x):
        return x

    ruled.defjvp(lambda primals, tangents: None)

    @custom_vjp
    def backed(x):
        return x

    backed.defvjp(lambda x: (x, None), lambda res, ct: (ct, ct))
    yield from (
        lambda: grad(lambda x: x)(x),
        lambda: value_and_grad(lambda x: x)(),
        lambda: jit(lambda x: x)(WRONG, x),
        lambda: jit(lambda x: x).lower(x, x),
        lambda: jit(lambda x: x).lower(x).compile()(1),
        lambda: vmap(lambda x: x)(1.0),
        lambda: vjp(lambda x: x, x)[1](1.0),
        lambda: vjp(lambda x: x, x)[1](),
        lambda: linearize(lambda x: x, x)[1]("x"),
        lambda: linearize(lambda x: x, x)[1](),
        lambda: linear_transpose(lambda x: 2.0 * x, x)("x"),
        lambda: checkpoint(lambda x: x)(WRONG, 1),
        lambda: grad(checkpoint(lambda x: x * x, policy=lambda eqn: "yes"))(1.0),
        lambda: jvp(ruled, (1.0,), (1.0,)),
        lambda: ruled(1.0, 2.0),
        lambda: backed(),
        lambda: ruled.defjvp(1),
        lambda: ruled.defjvps(1, 2),
        lambda: ruled.defjvp(),
        lambda: backed.defvjp(1, 2),
        lambda: backed.defvjp(),
        lambda: custom_vjp(np.sum, nondiff_argnums=7)(1.0),
        lambda: custom_jvp(lambda x: x, nondiff_argnames="z")(1.0),
        lambda: grad(custom_vjp(lambda x: x))(1.0),
        lambda: grad(custom_jvp(lambda x: x))(1.0),
        lambda: grad(funcgrad.custom_gradient(lambda x: x))(1.0),
        lambda: funcgrad.pure_callback(lambda x: "x", 1.0, np.float64(1.0)),
        lambda: funcgrad.pure_callback(lambda x: x, funcgrad.ShapeDtypeStruct((2,), float), 1.0),
        lambda: grad(backed)(1.0),
        lambda: funcgrad.vectorize(lambda x: x, signature="(n)->(n)")(1.0),
        lambda: tree.ravel({"w": x})[1](np.ones(2)),
        lambda: random.checked(lambda: random.normal(1))(),
        lambda: debug.nans(lambda x: x * np.nan)(1.0),
        lambda: nn.initializers.he_normal()(1, (2, 2)),
        lambda: nn.initializers.he_normal()(random.key(0), "x"),
        lambda: nn.initializers.orthogonal()(random.key(0), 3),
        lambda: nn.initializers.constant(1.0)(None, -1),
        lambda: fnp.at(x)[5].get(),
        lambda: fnp.at(x)["a"].set(1.0),
        lambda: fnp.at(x)[0].set(),
        lambda: fnp.at(x)[0].set(1j),
        lambda: fnp.at(x)[:2].set(x),
    )


@pytest.mark.parametrize("calls", [optimizer_calls, transformed_calls])
def test_functions_that_are_returned(calls):
    for i, call in enumerate(calls()):
        error = raised(call)
        assert error is not None, f"call {i} raised nothing"
        check(error, f"call {i}")


# Everything that can be done with a value after its transform has returned.
LEAKS = [
    *("x + 1.0", "x + x", "1.0 - x", "-x", "abs(x)", "x @ x", "x @ np.ones(3)", "x ** 2", "2 ** x"),
    *("x > 0", "x == 1", "x // 2", "x % 2", "divmod(x, 2)", "x += 1", "x[0]", "x[:1]", "x.T"),
    *("x.real", "x.flat", "x.sum()", "x.reshape(-1)", "x.astype(int)", "x.foo", "x.at[0].set(1.0)"),
    *("float(x)", "int(x)", "bool(x)", "complex(x)", "hash(x)", "np.asarray(x)", "x.copy()"),
    *("np.sin(x)", "np.add(x, 1)", "np.multiply.reduce(x)", "np.sum(x)", "np.stack([x, x])"),
    *("np.linalg.norm(x)", "fnp.sin(x)", "fnp.sum(x)", "nn.relu(x)", "jit(np.sin)(x)"),
    *("grad(np.sum)(x)", "vmap(np.sin)(x)", "optim.adam().init(x)", "fnp.where(x > 0, x, 1)"),
    *("tree.map(lambda leaf: 2.0 * leaf, [x])", "tree.ravel(x)", "x[0] = 1.0", "list(x)"),
]


@pytest.mark.parametrize("of", ["a vector", "a number", "jit"])
def test_leaked_tracers(of):
    kept = []

    def keep(x):
        kept.append(x)
        return np.sum(x)

    (jit if of == "jit" else grad)(keep)(2.0 if of == "a number" else np.ones(3))
    leaked = 0
    for use in LEAKS:
        space = {**globals(), "x": kept[0]}
        error = raised(exec, compile(use, "train.py", "exec"), space)
        if error is not None:
            check(error, use)
            leaked += isinstance(error, errors.LeakedTracerError)
    assert leaked > 30


def test_in_full(monkeypatch):
    monkeypatch.setenv("FUNCGRAD_FULL_TRACEBACK", "1")
    assert ours(raised(nn.relu, WRONG)) != []


KEYWORDS = [
    (lambda: grad(np.sum, argnum=0), "grad", "argnum", "argnums"),
    (lambda: value_and_grad(np.sum, has_auxiliary=True), "value_and_grad", None, "has_aux"),
    (lambda: vmap(np.sum, in_axis=0), "vmap", None, "in_axes"),
    (lambda: jit(np.sum, static_argnum=0), "jit", None, "static_argnums"),
    (lambda: jit(np.sum, static_args=0), "jit", None, "static_argnums"),
    (lambda: funcgrad.jacobian(np.sum, argnum=0), "jacobian", None, "argnums"),
    (lambda: funcgrad.scan(np.sum, carry=0.0), "scan", None, "init"),
    (lambda: funcgrad.scan(np.sum, 0.0, len=3), "scan", None, "length"),
    (lambda: funcgrad.fori_loop(0, 3, body=np.sum), "fori_loop", None, "body_fun"),
    (lambda: funcgrad.while_loop(cond=np.sum), "while_loop", None, "cond_fun"),
    (lambda: optim.adam(lr=0.1), "optim.adam", None, "learning_rate"),
    (lambda: optim.adam(beta1=0.1), "optim.adam", None, "b1"),
    (lambda: optim.adam(epsilon=0.1), "optim.adam", None, "eps"),
    (lambda: optim.sgd(0.1, momentun=0.9), "optim.sgd", None, "momentum"),
    (lambda: optim.adamw(wd=0.1), "optim.adamw", None, "weight_decay"),
    (lambda: nn.softmax(np.ones(3), dim=0), "nn.softmax", None, "axis"),
    (lambda: nn.conv(np.ones(3), np.ones(3), stride=2), "nn.conv", None, "strides"),
    (lambda: nn.dropout(np.ones(3), p=0.5), "nn.dropout", None, "rate"),
    (lambda: nn.layer_norm(np.ones(3), eps=1e-3), "nn.layer_norm", None, "epsilon"),
    (lambda: random.normal(random.key(0), size=(3,)), "random.normal", None, "shape"),
    (lambda: random.normal(seed=0), "random.normal", None, "key"),
    (lambda: funcgrad.scipy.linalg.solve(np.eye(2), np.ones(2), assume="pos"), None, None, None),
    (lambda: funcgrad.scipy.special.logsumexp(np.ones(2), keepdim=True), None, None, "keepdims"),
    (lambda: funcgrad.scipy.optimize.minimize(np.sum, init=0.0), None, None, "x0"),
]


@pytest.mark.parametrize("i", range(len(KEYWORDS)))
def test_misspelt_keywords(i):
    call, called, got, meant = KEYWORDS[i]
    error = raised(call)
    assert isinstance(error, errors.ArgumentError) and isinstance(error, TypeError)
    first, second = str(error).splitlines()[:2]
    assert "got an unexpected keyword argument" in first and (got or "") in first
    if called is not None:
        assert first.startswith(f"{called}: ")
    if meant is not None:
        assert second.startswith(f"Write {meant}=. It takes "), second
    assert ours(error) == []


def test_a_call_without_arguments_says_what_it_takes():
    error = raised(nn.conv)
    assert str(error).splitlines()[:2] == [
        "nn.conv: missing 2 required positional arguments: 'x' and 'kernel'.",
        "It takes x, kernel, bias=, strides=, padding=, dilation=, groups=.",
    ]
    # The user's own function called wrongly stays a plain call of it.
    error = raised(grad(lambda x, y: x), 1.0)
    assert type(error) is TypeError and "missing 1 required positional argument: 'y'" in str(error)


def test_wrappers_are_made_once_and_do_not_pile_up():
    assert funcgrad.lax.scan is funcgrad.scan and funcgrad.scan.__module__ == "funcgrad"

    def use():
        grad(lambda x: x)(1.0)
        optim.adam()
        nn.initializers.he_normal()

    use()  # modules that load late make theirs now
    before = len(_publish._PUBLISHED)
    for _ in range(3):
        use()
    assert len(_publish._PUBLISHED) == before
    assert sys.getrefcount(nn.relu) < 20
