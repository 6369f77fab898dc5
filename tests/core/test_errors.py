"""Bad input: a clear error, word for word, or the right answer; and never a changed argument.

The files of ``tests/errors`` hold short programs. Each runs as the file ``train.py`` and must raise
the error of the class in its heading, with the text below it.
"""

import os
import pickle
import pydoc
import re
import subprocess
import sys
import tomllib
import traceback
from pathlib import Path

import numpy as np
import pytest

import funcgrad
from funcgrad import (
    errors,
    grad,
    hessian,
    hvp,
    jacfwd,
    jacrev,
    jit,
    jvp,
    linearize,
    make_jaxpr,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)
from funcgrad.core.primitive import REGISTRY, Primitive, primitive

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text()
CLASSES = [
    c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.FuncgradError)
]

BUILT_IN = {
    errors.FuncgradError: Exception,
    errors.ArgumentError: TypeError,
    errors.ShapeError: ValueError,
    errors.DtypeError: TypeError,
    errors.IndexDtypeError: IndexError,
    errors.IntegerOverflowError: OverflowError,
    errors.StructureError: ValueError,
    errors.DepthError: RecursionError,
    errors.ConcretizationError: TypeError,
    errors.GradientCutError: TypeError,
    errors.LeakedTracerError: RuntimeError,
    errors.TracerAssignmentError: TypeError,
    errors.OutOfBoundsError: IndexError,
    errors.MissingRuleError: NotImplementedError,
    errors.NotTraceableError: TypeError,
    errors.UnknownAttributeError: AttributeError,
    errors.CapturedArrayError: RuntimeError,
    errors.ConvergenceError: RuntimeError,
    errors.FileFormatError: ValueError,
    errors.MissingExtraError: ImportError,
    errors.InvalidJaxprError: ValueError,
    errors.KeyReuseError: ValueError,
    errors.NanError: FloatingPointError,
}

# What the programs find without importing it.
NAMES = {
    "np": np,
    "fnp": funcgrad.numpy,
    "grad": grad,
    "value_and_grad": value_and_grad,
    "hessian": hessian,
    "hvp": hvp,
    "jacfwd": jacfwd,
    "jit": jit,
    "jvp": jvp,
    "linearize": linearize,
    "make_jaxpr": make_jaxpr,
    "stop_gradient": stop_gradient,
    "vjp": vjp,
    "vmap": vmap,
    "x3": np.array([1.0, 2.0, 3.0]),
}

CASE = re.compile(
    r"^=== (?P<name>[^\n]*): (?P<cls>\w+)\n(?P<program>.*?)\n---\n(?P<text>.*?)\n*(?=^===|\Z)",
    re.DOTALL | re.MULTILINE,
)
CASES = [
    pytest.param(m["program"], m["cls"], m["text"], id=f"{file.stem}: {m['name']}")
    for file in sorted((ROOT / "tests" / "errors").glob("*.txt"))
    for m in CASE.finditer(file.read_text())
]


def caught(program, **names):
    """The exception that a program raises, run as ``train.py``."""
    try:
        exec(compile(program, "train.py", "exec"), {"__name__": "train", **NAMES, **names})
    except Exception as error:
        return error
    raise AssertionError("the program raised nothing")


def frames(error):
    """The files and lines of a traceback, outermost first, without the test's own."""
    return [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)][1:]


def ours(error):
    """The frames of funcgrad in a traceback."""
    return [(file, line) for file, line in frames(error) if file.startswith(errors.PACKAGE)]


@pytest.mark.parametrize(("program", "cls", "text"), CASES)
def test_error(program, cls, text):
    error = caught(program)
    assert (type(error).__name__, str(error).rstrip()) == (cls, text)
    assert frames(error)[0][0] == "train.py"
    if not isinstance(error, errors.LeakedTracerError):  # raised outside of any transform
        assert ours(error) == []


def test_every_case_is_read():
    text = "".join(file.read_text() for file in (ROOT / "tests" / "errors").glob("*.txt"))
    assert len(CASES) == text.count("===") == text.count("\n---\n") > 100


class TestPage:
    def test_every_anchor_has_its_heading(self):
        headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL), re.M)
        anchors = {heading.lower().replace(" ", "-") for heading in headings}
        assert {cls.anchor for cls in CLASSES} == anchors

    def test_every_class_is_named(self):
        assert [c.__name__ for c in CLASSES if f"`{c.__name__}`" not in PAGE] == []

    def test_help_says_what_to_write(self):
        for cls in CLASSES:
            home = getattr(errors, cls.home)
            assert home.anchor == cls.anchor, "help tells of another page"
            assert str(cls("f: what", "Fix.", where="")).splitlines() == [
                "f: what.",
                "Fix.",
                f"See help(funcgrad.errors.{cls.home})",
            ]
            if cls not in (
                errors.FuncgradError,
                errors.InvalidJaxprError,
                errors.MissingExtraError,
            ):
                assert len(pydoc.render_doc(home).split("\n\n")[1]) > 80
        shown = pydoc.render_doc(errors.ConcretizationError, renderer=pydoc.plaintext)
        assert "numpy.where" in shown and "static_argnames" in shown

    def test_where_the_pages_are_is_said_once(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert project.get("urls", {}).get("Documentation", "") == errors.DOCUMENTATION

    def test_messages_lead_to_the_page_where_there_is_one(self, monkeypatch):
        monkeypatch.setattr(errors, "DOCUMENTATION", "https://example.org/docs")
        text = str(errors.ShapeError("f: what", where="train.py:3 in f"))
        assert text.endswith(
            "At train.py:3 in f. See help(funcgrad.errors.ShapeError) or "
            "https://example.org/docs/errors#shapes"
        )

    def test_every_class_fits_a_built_in(self):
        assert set(BUILT_IN) == set(CLASSES)
        assert [c for c, built_in in BUILT_IN.items() if not issubclass(c, built_in)] == []
        assert sorted(errors.__all__) == sorted(c.__name__ for c in CLASSES)


class TestTraceback:
    def test_ends_at_the_users_line(self):
        error = caught("def f(x):\n    return float(x)\n\ngrad(f)(1.0)")
        assert frames(error) == [("train.py", 4), ("train.py", 2)]

    def test_of_nested_transforms(self):
        error = caught("def f(x):\n    return float(x)\n\njit(vmap(grad(f)))(x3)")
        assert frames(error) == [("train.py", 4), ("train.py", 2)]

    def test_of_the_users_own_exception(self):
        error = caught("def f(x):\n    return {}['w']\n\nvmap(grad(f))(x3)")
        assert type(error) is KeyError
        assert frames(error) == [("train.py", 4), ("train.py", 2)]

    def test_of_numpys_exception(self):
        program = "def f(x):\n    return np.sum(np.linalg.inv(x))\n\ngrad(f)(np.zeros((2, 2)))"
        error = caught(program)
        assert type(error) is np.linalg.LinAlgError
        assert [f for f in frames(error) if f[0] == "train.py"] == [
            ("train.py", 4),
            ("train.py", 2),
        ]
        assert ours(error) == []

    def test_of_a_wrong_call(self):
        transforms = [grad, jit, vmap, value_and_grad, jacrev, make_jaxpr]
        for transform in [*transforms, lambda f: jit(f).lower, lambda f: jit(f).source]:
            error = caught("def f(x):\n    return x\n\ntransform(f)(x3, x3)", transform=transform)
            assert type(error) is TypeError
            assert frames(error) == [("train.py", 4)]

    def test_of_compiled_code(self):
        program = "@jit\ndef f(x, i):\n    return x[i]\n\nf(x3, 0)\nf(x3, 1)\nf(x3, 7)"
        error = caught(program)
        assert isinstance(error, errors.OutOfBoundsError)
        assert frames(error) == [("train.py", 7)]
        assert "At train.py:3 in f." in str(error)

    def test_of_a_new_signature(self):
        error = caught("@jit\ndef f(x):\n    return x.q\n\ntry:\n    f(x3)\nexcept:\n    f(x3[:2])")
        assert frames(error) == [("train.py", 8), ("train.py", 3)]
        program = (
            "@jit\ndef f(x):\n    return x + np.ones(3)\n\nf(x3)\nf(np.ones((3, 1)))\nf(x3[:2])"
        )
        assert frames(caught(program)) == [("train.py", 7), ("train.py", 3)]

    def test_of_a_fault_keeps_the_innermost_frames(self):
        def broken():
            raise KeyError("x")

        error = KeyError()
        try:
            exec(compile("def g(f):\n    f()", errors.PACKAGE + "x.py", "exec"), space := {})
            space["g"](lambda: {}["x"])
        except KeyError as e:
            error = e
        assert len(ours(errors.trim(error))) == 0  # the innermost frame is the lambda's

        try:
            exec(compile("def g():\n    {}['x']", errors.PACKAGE + "x.py", "exec"), space)
            space["g"]()
        except KeyError as e:
            error = e
        assert ours(errors.trim(error)) == [(errors.PACKAGE + "x.py", 2)]

    def test_of_the_cause(self):
        program = "def f(x):\n    a = np.zeros(1)\n    a[0] = x\n    return a[0]\n\ngrad(f)(1.0)"
        error = caught(program)
        assert type(error) is ValueError
        assert str(error) == "setting an array element with a sequence."
        assert str(error.__cause__) == (
            "grad: a[i] = x got a traced float64[], which a plain array a cannot hold.\n"
            "Write a = funcgrad.numpy.at(a)[i].set(x), or build the array with numpy.stack or "
            "numpy.concatenate.\n"
            "At train.py:3 in f. See help(funcgrad.errors.TracerAssignmentError)"
        )
        files = {f.filename for f in traceback.extract_tb(error.__cause__.__traceback__)}
        assert not any(file.startswith(errors.PACKAGE) for file in files)

    def test_in_full(self):
        program = "from funcgrad import grad\ngrad(lambda x: float(x))(1.0)"
        trimmed, full = (
            subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, **extra},
                capture_output=True,
                text=True,
                check=False,
                cwd=ROOT,
            ).stderr
            for extra in ({}, {"FUNCGRAD_FULL_TRACEBACK": "1"})
        )
        assert "GradientCutError" in trimmed and "funcgrad/" not in trimmed.split("Error: ")[0]
        assert "funcgrad/core/trace.py" in full

    def test_backward_pass_names_the_forward_line(self):
        class Refuses(Primitive):
            numpy = "{0} * 2.0"

            def aval(self, x):
                return x

            def vjp(self, ct, out, operands, wanted, masked):
                raise OverflowError("no")

        primitive(Refuses)
        try:
            error = caught("def f(x):\n    return refuses(x)\n\ngrad(f)(1.0)", refuses=Refuses())
        finally:
            del REGISTRY["refuses"]
        assert error.__notes__ == ["While differentiating refuses, at train.py:2 in f."]


class TestClass:
    def test_pickles(self):
        error = caught("grad(2.0)")
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is errors.ArgumentError
        assert (str(again), again.what, again.fix, again.where) == (
            str(error),
            "grad: expected a function, got float",
            "Write grad(f)(x): transform the function, then call it.",
            "train.py:1 in <module>",
        )

    def test_without_fix_and_place(self):
        assert (
            str(errors.ShapeError("f: no", where=""))
            == "f: no.\nSee help(funcgrad.errors.ShapeError)"
        )

    def test_line_of_a_prompt_is_not_named(self):
        space = {"error": errors.ShapeError}
        exec(compile("e = error('f: no', 'Do.')", "<stdin>", "exec"), space)
        assert str(space["e"]) == "f: no.\nDo.\nSee help(funcgrad.errors.ShapeError)"


def sines(x):
    return np.sum(np.sin(x) * x)


def elements(x):
    return np.sin(x) * x


BASE = np.array([[0.5, -1.25, 2.0, 0.0], [1.5, 3.0, -0.75, 1.0]])


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = {
    "contiguous": lambda: BASE.copy(),
    "Fortran order": lambda: np.asfortranarray(BASE),
    "every second": lambda: np.repeat(BASE, 2, axis=1)[:, ::2],
    "reversed": lambda: BASE[::-1, ::-1].copy()[::-1, ::-1],
    "transposed": lambda: BASE.T.copy().T,
    "read-only": lambda: read_only(BASE),
    "big-endian": lambda: BASE.astype(">f8"),
    "unaligned": lambda: np.frombuffer(b"\0" + BASE.tobytes(), np.float64, offset=1).reshape(2, 4),
    "broadcast": lambda: np.broadcast_to(BASE[0], (2, 4)),
    "nan and infinity": lambda: np.array([[np.nan, np.inf], [-np.inf, -0.0]]),
    "subnormal and huge": lambda: np.array([[5e-324, 1e-310], [1e300, -1e300]]),
    "no elements": lambda: np.zeros((0, 4)),
    "no elements, mapped axis of 3": lambda: np.zeros((3, 0)),
    "one element": lambda: np.array([[2.0]]),
    "single": lambda: BASE.astype(np.float32),
    "half, big-endian": lambda: BASE.astype(">f2"),
    "memory map": lambda: np.asarray(BASE).view(np.memmap),
}

TRANSFORMS = {
    "grad": lambda x: grad(sines)(x),
    "value_and_grad": lambda x: value_and_grad(sines)(x),
    "vjp": lambda x: [(p := vjp(elements, x))[0], p[1](np.ones(x.shape))],
    "jvp": lambda x: jvp(elements, (x,), (np.ones(x.shape),)),
    "linearize": lambda x: [(p := linearize(elements, x))[0], p[1](np.ones(x.shape))],
    "jacfwd": lambda x: jacfwd(elements)(x),
    "jacrev": lambda x: jacrev(elements)(x),
    "hessian": lambda x: hessian(sines)(x),
    "hvp": lambda x: hvp(sines, (x,), (np.ones(x.shape),)),
    "jit": lambda x: jit(elements)(x),
    "jit of grad": lambda x: jit(grad(sines))(x),
    "grad of jit": lambda x: grad(jit(sines))(x),
    "vmap": lambda x: vmap(elements)(x) if len(x) else x.astype(x.dtype.newbyteorder("=")),
    "vmap of grad": lambda x: vmap(grad(sines), in_axes=1)(x) if x.shape[1] else x.T[:0],
    "identity": lambda x: (
        [jit(lambda x: x)(x), vmap(lambda x: x, in_axes=1)(x)] if x.shape[1] else []
    ),
}


def derivative(x):
    return np.cos(x) * x + np.sin(x)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, transform):
    x = LAYOUTS[layout]()
    plain = np.array(x, dtype=x.dtype.newbyteorder("="), order="C", subok=False)
    before = x.tobytes(), x.flags.writeable, x.dtype.str
    run = TRANSFORMS[transform]
    results = funcgrad.tree.leaves(run(x))
    assert (x.tobytes(), x.flags.writeable, x.dtype.str) == before
    for result, expected in zip(results, funcgrad.tree.leaves(run(plain)), strict=True):
        # A sum in another order of memory differs in its last bits, as NumPy's does.
        rtol = 4 * np.finfo(plain.dtype).eps
        np.testing.assert_allclose(result, expected, rtol=rtol, atol=0)
        assert result.dtype == expected.dtype == plain.dtype and result.dtype.isnative
        if isinstance(result, np.ndarray):
            assert type(result) is np.ndarray
            assert result.flags.writeable and not np.may_share_memory(result, x)
    if transform == "grad":
        rtol = 4 * np.finfo(plain.dtype).eps
        np.testing.assert_allclose(results[0], derivative(plain), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("x", [2.0, np.float64(2.0), np.array(2.0), np.array(2.0).astype(">f8")])
@pytest.mark.parametrize("transform", ["grad", "jit of grad", "grad of jit", "jacfwd", "jacrev"])
def test_zero_dimensional(x, transform):
    g = TRANSFORMS[transform](x)
    assert type(g) is np.float64
    assert g == pytest.approx(derivative(2.0), rel=1e-15)


def test_nan_flows():
    x = np.array([1.0, np.nan, 2.0])
    for g in (grad(sines)(x), jit(grad(sines))(x), vmap(grad(elements))(x)):
        np.testing.assert_array_equal(np.isnan(g), [False, True, False])
        np.testing.assert_allclose(g[[0, 2]], derivative(x[[0, 2]]))


def test_no_elements():
    x = np.zeros((0, 3))
    value, g = value_and_grad(lambda x: np.sum(np.mean(x, axis=1)) + np.prod(x))(x)
    assert value == 1.0 and g.shape == (0, 3) and g.dtype == np.float64
    assert jacrev(lambda x: np.sum(x, axis=0))(x).shape == (3, 0, 3)
    assert hessian(sines)(np.zeros(0)).shape == (0, 0)


def test_leaves_that_are_not_floats_pass_through():
    params = {"w": 2.0, "names": np.array(["a", "b"]), "mask": np.array([True]), "f": np.sin}
    g = grad(lambda p: p["f"](p["w"]) * len(p["names"]))(params)
    assert g == {"w": 2 * np.cos(2.0), "names": None, "mask": None, "f": None}


@pytest.mark.parametrize("make", [np.zeros, np.ones, np.empty, funcgrad.numpy.zeros])
@pytest.mark.parametrize("transform", [jit, vmap])
def test_a_traced_number_as_a_shape_is_explained(make, transform):
    argument = np.array([3.0, 3.0]) if transform is vmap else 3.0
    with pytest.raises(TypeError, match="expected a sequence of integers") as caught:
        transform(lambda n: make(n).sum())(argument)
    assert "static_argnames" in "".join(caught.value.__notes__)
    with pytest.raises(TypeError) as caught:
        jit(lambda x: x * make("name"))(1.0)
    assert not hasattr(caught.value, "__notes__")
