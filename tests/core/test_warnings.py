"""NumPy's floating-point warnings name the user's line, under every transform, as in a plain call.

The programs are run as the file ``train.py`` in a module of their own, whose registry remembers
which of its lines have warned.
"""

import contextvars
import sys
import threading
import traceback
import types
import warnings

import numpy as np
import pytest

import funcgrad
from funcgrad import _stack, errors, grad, jit

LINES = """
def f(x):
    a = np.log(x)
    b = np.log(x - 5.0)
    return np.sum(a * b)

def steps(x):
    def body(c, _):
        c = np.sqrt(c)
        return c, np.log(c - 9.0)
    return np.sum(scan(body, x, None, length=3)[1])

def turns(x):
    return np.sum(while_loop(
        lambda c: np.isfinite(np.sum(c)),
        lambda c: np.log(c),
        x,
    ))

def slopes(x):
    y = 1.0 / x
    return np.sum(y)

def either(x):
    return cond(
        x[0] < 0.0,
        lambda x: np.sum(np.log(x)),
        lambda x: np.sum(x),
        x,
    )
"""
NEGATIVE = np.array([-1.0, -2.0])
SMALL = np.array([1e-200, 0.5])


def module(text=LINES, **names):
    """The globals of a module with a text."""
    made = types.ModuleType("train")
    made.__file__ = "train.py"
    sys.modules["train"] = made
    space = vars(made)
    functions = ("grad", "jit", "scan", "cond", "while_loop", "vmap", "jvp")
    space.update({n: getattr(funcgrad, n) for n in functions}, np=np, **names)
    exec(compile(text, "train.py", "exec"), space)
    return space


@pytest.fixture(autouse=True)
def no_module():
    yield
    sys.modules.pop("train", None)


def warned(call):
    """The lines of train.py that warn, once each; a warning anywhere else fails."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        call()
    assert {w.filename for w in found} <= {"train.py"}, [(w.filename, w.lineno) for w in found]
    assert {w.category for w in found} <= {RuntimeWarning}
    return [w.lineno for w in found]


def in_order(call):
    return sorted(set(warned(call)))


FORWARD = {
    "plainly": lambda f: f,
    "grad": grad,
    "value_and_grad": funcgrad.value_and_grad,
    "jacfwd": funcgrad.jacfwd,
    "jacobian": funcgrad.jacobian,
    "hessian": funcgrad.hessian,
    "hvp": lambda f: lambda x: funcgrad.hvp(f, (x,), (x,)),
    "jvp": lambda f: lambda x: funcgrad.jvp(f, (x,), (x,)),
    "vjp": lambda f: lambda x: funcgrad.vjp(f, x),
    "linearize": lambda f: lambda x: funcgrad.linearize(f, x),
    "vmap": lambda f: lambda x: funcgrad.vmap(f)(np.stack([x, x])),
    "jit": jit,
    "jit, called twice": lambda f: (lambda g: lambda x: (g(x), g(x)))(jit(f)),
    "jit of value_and_grad": lambda f: jit(funcgrad.value_and_grad(f)),
    "grad of jit": lambda f: grad(jit(f)),
    "checkpoint": funcgrad.checkpoint,
    "grad of checkpoint": lambda f: grad(funcgrad.checkpoint(f)),
    "custom_jvp": lambda f: funcgrad.custom_jvp(f),
    "vmap of grad": lambda f: lambda x: funcgrad.vmap(grad(f))(np.stack([x, x])),
    "lowered": lambda f: lambda x: jit(f).lower(x).compile()(x),
    "a pytree": lambda f: lambda x: jit(lambda p: f(p["x"]))({"x": x}),
}


@pytest.mark.parametrize("transform", FORWARD)
def test_each_line_warns(transform):
    space = module()
    transformed = FORWARD[transform](space["f"])
    assert in_order(lambda: transformed(NEGATIVE)) == [3, 4]


@pytest.mark.parametrize("transform", FORWARD)
@pytest.mark.parametrize(
    ("function", "point", "lines"),
    [("steps", NEGATIVE, {9}), ("turns", NEGATIVE, {16}), ("either", NEGATIVE, {27})],
)
def test_lines_of_control_flow(transform, function, point, lines):
    transformed = FORWARD[transform](module()[function])
    assert set(warned(lambda: transformed(point))) >= lines


@pytest.mark.parametrize(
    "transform",
    [
        grad,
        lambda f: jit(grad(f)),
        lambda f: grad(jit(f)),
        lambda f: lambda x: funcgrad.vjp(f, x)[1](1.0),
        lambda f: lambda x: funcgrad.linearize(f, x)[1](x),
        lambda f: lambda x: funcgrad.jvp(f, (x,), (x,)),
        lambda f: grad(funcgrad.checkpoint(f)),
    ],
)
def test_a_derivative_warns_at_the_line_that_it_is_of(transform):
    space = module()
    assert set(warned(lambda: transform(space["slopes"])(SMALL))) == {21}


def test_a_line_warns_once_by_the_registry_of_its_module():
    space = module()
    for made in (grad(space["f"]), jit(space["f"])):
        space.pop("__warningregistry__", None)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("default")
            for _ in range(3):
                made(NEGATIVE)
        assert [w.lineno for w in found] == [3, 4]
        assert len(space["__warningregistry__"]) == 3  # two lines, and the filters' version


def test_filters_by_module():
    space = module()
    for made in (space["f"], grad(space["f"]), jit(space["f"])):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            warnings.filterwarnings("ignore", module="train")
            made(NEGATIVE)
        assert found == []


def test_the_text_is_numpys():
    messages = []
    for made in (module()["f"], grad(module()["f"]), jit(module()["f"])):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            made(np.array([-1.0, 0.0]))
        messages.append([str(w.message) for w in found])
    assert messages[0] == messages[1] == messages[2]
    assert messages[0][:2] == [
        "divide by zero encountered in log",
        "invalid value encountered in log",
    ]


def test_as_an_error_it_ends_at_the_users_line():
    space = module()
    for made in (grad(space["f"]), jit(space["f"])):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(RuntimeWarning) as caught:
                made(NEGATIVE)
        frames = traceback.extract_tb(caught.value.__traceback__)
        assert not any(f.filename.startswith(errors.PACKAGE) for f in frames)


STATES = {
    "ignore": ({"all": "ignore"}, None),
    "raise": ({"all": "raise"}, FloatingPointError),
    "some": ({"invalid": "raise"}, FloatingPointError),
}


@pytest.mark.parametrize("transform", FORWARD)
@pytest.mark.parametrize("state", STATES)
def test_the_users_errstate_wins(transform, state):
    modes, error = STATES[state]
    made = FORWARD[transform](module()["f"])
    with np.errstate(**modes):
        before = np.geterr(), np.geterrcall()
        if error is None:
            assert warned(lambda: made(NEGATIVE)) == []
        else:
            with pytest.raises(error):
                made(NEGATIVE)
        assert (np.geterr(), np.geterrcall()) == before


def test_errstate_inside_the_function():
    text = """
def f(x):
    with np.errstate(invalid="ignore"):
        a = np.log(x)
    with np.errstate(all="warn"):
        return np.sum(a * np.sqrt(x))

def g(x):
    with np.errstate(invalid="raise"):
        return np.sum(np.log(x))
"""
    space = module(text)
    for transform in (grad, lambda f: lambda x: funcgrad.vmap(f)(x[None])):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            transform(space["f"])(NEGATIVE)
        assert len(found) == 1 and "sqrt" in str(found[0].message)
        with pytest.raises(FloatingPointError):
            transform(space["g"])(NEGATIVE)


def test_the_users_handler_is_called():
    seen = []
    for made in (grad(module()["f"]), jit(module()["f"])):
        with np.errstate(invalid="call", call=lambda *what: seen.append(what)):
            made(NEGATIVE)
        assert [kind for kind, _ in seen] == ["invalid value", "invalid value"]
        seen.clear()


def test_a_state_with_some_warnings():
    space = module()
    with np.errstate(divide="ignore"):
        for _ in range(2):
            assert in_order(lambda: grad(space["f"])(NEGATIVE)) == [3, 4]
            assert in_order(lambda: jit(space["f"])(NEGATIVE)) == [3, 4]
    with np.errstate(under="warn"):
        assert in_order(lambda: grad(space["f"])(NEGATIVE)) == [3, 4]


def test_the_state_is_restored():
    def fails(x):
        assert np.geterrcall() is not None
        raise KeyError

    def check(expected):
        before = np.geterr(), np.geterrcall()
        assert _stack.STATE.get() is expected
        grad(lambda x: x * x)(1.0)
        for transform in (grad, jit, funcgrad.vmap):
            with pytest.raises(KeyError):
                transform(fails)(np.ones(3))
        with pytest.raises(errors.ShapeError):
            grad(lambda x: x)(np.ones(3))
        assert (np.geterr(), np.geterrcall()) == before
        assert _stack.STATE.get() is expected

    def check_chosen():
        np.seterr(divide="ignore")
        check(_stack.STATE.get())

    contextvars.Context().run(check, _stack.DEFAULT)  # as in a new thread
    contextvars.Context().run(check_chosen)


def test_threads():
    space = module()
    made = grad(space["f"]), jit(space["f"])
    found = []

    def show(message, category, filename, lineno, *_):
        found.append((filename, lineno))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show

        def work(i):
            for _ in range(20):
                made[i % 2](NEGATIVE)
            assert _stack.STATE.get() is _stack.DEFAULT

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(set(found)) == [("train.py", 3), ("train.py", 4)]
    assert len(found) == 8 * 20 * 2


def test_a_module_that_is_not_on_the_stack(monkeypatch):
    text = "def helper(x):\n    return np.log(x)\n"
    other = types.ModuleType("other")
    other.__file__ = "other.py"
    other.np = np
    exec(compile(text, "other.py", "exec"), vars(other))
    monkeypatch.setitem(sys.modules, "other", other)
    made = jit(lambda x: np.sum(other.helper(x)))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(2):
            made(NEGATIVE)
    assert [(w.filename, w.lineno) for w in found] == [("other.py", 2)]
    assert "__warningregistry__" in vars(other)


def test_a_file_without_a_module():
    space = {"np": np}
    exec(compile("def helper(x):\n    return np.log(x)\n", "<cell 7>", "exec"), space)
    made = jit(space["helper"])
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(2):
            made(NEGATIVE)
    assert [(w.filename, w.lineno) for w in found] == [("<cell 7>", 2)]


def test_public_functions_warn_at_the_users_line():
    text = """
def f(x):
    a = softmax(x)
    return softmax(x * 2.0)
"""
    space = module(text, softmax=funcgrad.nn.softmax)
    assert warned(lambda: space["f"](np.array([np.inf, 1.0]))) == [3, 4]


POINTS = (
    -np.inf,
    -1000.0,
    -1.5,
    -1.0,
    -0.5,
    -0.0,
    1e-320,
    0.5,
    1.0,
    1.5,
    709.5,
    1e4,
    np.inf,
    np.nan,
)
OF_A_NUMBER = (
    *("1.0 / {}", "{} / {}", "{} % 1.0", "{} ** -0.5", "np.reciprocal({})", "np.sqrt({})"),
    *("np.exp({})", "np.exp2({})", "np.expm1({})", "np.log({})", "np.log2({})", "np.log10({})"),
    *("np.log1p({})", "np.sin({})", "np.cos({})", "np.tan({})", "np.arcsin({})", "np.arccos({})"),
    *("np.arctan({})", "np.sinh({})", "np.cosh({})", "np.tanh({})", "np.arcsinh({})"),
    *("np.arccosh({})", "np.arctanh({})", "np.cbrt({})", "np.hypot({}, 1.0)", "np.abs({})"),
)


@pytest.mark.parametrize("under", ["ignore", "warn"])
@pytest.mark.parametrize("function", OF_A_NUMBER)
def test_programs_of_numbers_alone_warn_as_numpy_does(function, under):
    """They run in Python's floats, and tell NumPy of the user's line only where it may warn."""
    text = f"def f(x):\n    return {function.replace('{}', 'x')}\n"
    for point in map(np.float64, POINTS):
        silent = not function.startswith("np.")  # Python's floats are, of overflow and nan
        found = []
        for transform in (lambda f: f, jit):
            f = transform(module(text)["f"])
            with np.errstate(all="ignore"):
                f(np.float64(1.25))  # the calls after it go through an entry function
            with warnings.catch_warnings(record=True) as caught, np.errstate(under=under):
                warnings.simplefilter("always")
                f(point)
            for w in caught:
                assert (w.filename, w.lineno) == ("train.py", 2), str(w.message)
            found.append({str(w.message).split(" encountered")[0] for w in caught})
        plain, compiled = found
        assert compiled == plain or (silent and compiled <= plain), (point, plain, compiled)


def test_an_entry_of_numbers_leaves_numpys_state_alone():
    f = jit(grad(lambda x, y: np.exp(x) * np.sin(y) / (1.0 + np.log(x) * y)))
    f(1.0, 2.0)
    entry = type(f).__call__
    assert "STATE" not in entry.__code__.co_names
