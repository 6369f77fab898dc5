"""Start-up: what loads later is what the tables say, and the first gradient loads little.

Each table is compared with what the rooms themselves say, in a fresh process where it matters that
a room is not loaded yet.
"""

import ast
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import funcgrad
import funcgrad.numpy as fnp
from funcgrad.core.primitive import Primitive, primitive
from funcgrad.numpy import dispatch, modules

ROOT = Path(__file__).resolve().parents[2]
# Rooms that are namespaces of NumPy's too, such as linalg.
NAMESPACES = {room for room, names in modules.MODULES.items() if names == room}
PRIVATE = {
    name
    for _, name, _ in pkgutil.iter_modules(fnp.__path__)
    if name not in modules.MODULES and name != "plain"
}


def fresh(program):
    """What ``program`` prints in a process of its own, line by line."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def typed_imports(path):
    """The imports under ``TYPE_CHECKING``: for each name its module, None where it is one."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                assert isinstance(statement, ast.ImportFrom) and statement.level == 1
                for alias in statement.names:
                    name = alias.asname or alias.name
                    found[(statement.module, "*") if name == "*" else name] = statement.module
    return found


# The rooms of funcgrad.numpy


@pytest.mark.parametrize("room", sorted(modules.MODULES.keys() - NAMESPACES))
def test_the_table_has_the_names_of_the_room(room):
    listed = set(modules.MODULES[room].split())
    named = set(modules.load(room).__all__)
    assert named - listed == set()
    stale = {n for n in listed - named if getattr(np, n, n) not in dispatch.IMPLEMENTED}
    assert stale <= {"matvec", "unstack", "vecmat"} - vars(np).keys()  # some NumPy 2 lack them
    assert all(modules.MODULE_OF[name] == room for name in listed)


def test_every_counterpart_is_found_before_its_room_is_loaded():
    modules.load_all()
    for name in PRIVATE:
        importlib.import_module(f"funcgrad.numpy.{name}")
    for function in dispatch.IMPLEMENTED:
        name = dispatch.name_of(function).removeprefix("numpy.").partition(".")[0]
        if function.__module__ != __name__:
            assert name in modules.MODULE_OF, dispatch.name_of(function)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process a room, which fork makes cheap")
def test_a_room_registers_what_the_table_says():
    program = """
import os
import numpy as np
from funcgrad.numpy import dispatch, modules
for room, names in modules.MODULES.items():
    if os.fork() == 0:
        module = modules.load(room)
        for name in names.split():
            function = getattr(np, name, None)
            ours = name in getattr(module, "__all__", ()) or name == room
            if not (function in dispatch.IMPLEMENTED or (ours and type(function) in UNDISPATCHED)):
                print(room, name, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, room
"""
    undispatched = "{*map(type, (None, np, np.isfortran, np.r_, np.c_))}"
    assert fresh(program.replace("UNDISPATCHED", undispatched)) == []


def test_type_checkers_see_what_the_table_lists():
    found = typed_imports(Path(fnp.__file__))
    stars = {module for module, star in (k for k in found if isinstance(k, tuple))}
    assert stars == (modules.MODULES.keys() - NAMESPACES) | {"plain"}
    assert {k for k in found if isinstance(k, str)} == NAMESPACES


def test_no_room_hides_a_function():
    # Loading the room would put the module in the function's place.
    assert {
        name for name in {*modules.MODULES, *PRIVATE, "plain"} if hasattr(np, name)
    } == NAMESPACES


def test_the_namespace_is_whole_before_any_room_is_loaded():
    program = """
import funcgrad.numpy as fnp
namespace = {}
exec("from funcgrad.numpy import *", namespace)
for name in dir(fnp):
    assert namespace[name] is getattr(fnp, name), name
print(*(type(getattr(fnp, name)).__name__ + ":" + name for name in dir(fnp)))
"""
    (line,) = fresh(program)
    kinds = dict(reversed(word.split(":")) for word in line.split())
    assert {name for name, kind in kinds.items() if kind == "module"} == NAMESPACES
    assert kinds.keys() >= modules.MODULE_OF.keys() | set(modules.load("plain").__all__)
    with pytest.raises(AttributeError, match="nosuchname"):
        _ = fnp.nosuchname


# The public names


@pytest.mark.parametrize(
    "package",
    [
        funcgrad,
        funcgrad.lax,
        funcgrad.nn,
        funcgrad.scipy,
        funcgrad.tree_util,
        funcgrad.flatten_util,
    ],
)
def test_public_names_load_from_where_type_checkers_look(package):
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text())
    names, own = set(), {}
    for node in stub.body:
        if isinstance(node, ast.ImportFrom):
            (alias,) = node.names
            assert node.level and alias.asname in (alias.name, f"_{alias.name}")
            own[alias.asname] = alias.name
        elif isinstance(node, ast.Assign):
            own[node.targets[0].id] = own[node.value.id]
    for name, original in own.items():
        if name[0] == "_":
            continue
        names.add(name)
        assert getattr(package, name) is not None, original
    assert names == set(package.__all__)
    assert names <= set(dir(package))


@pytest.mark.parametrize("package", [funcgrad, funcgrad.nn, funcgrad.scipy])
def test_no_module_hides_a_function(package):
    # Loading the module would put it in the function's place.
    modules_there = {name for _, name, _ in pkgutil.iter_modules(package.__path__)}
    functions = {n for n in package.__all__ if not inspect.ismodule(getattr(package, n))}
    assert modules_there & functions == set()


def test_an_unknown_public_name():
    with pytest.raises(AttributeError, match="module 'funcgrad' has no attribute 'graf'"):
        _ = funcgrad.graf


# What loads


def test_the_first_gradient_is_light():
    from benchmarks.w9_start import SOURCES

    program = SOURCES["funcgrad"] + "\nimport sys\nprint(*sys.modules)"
    gradient, loaded = fresh(program)
    assert len(gradient.split()) == 3
    ours = {m for m in loaded.split() if m.partition(".")[0] == "funcgrad"}
    assert {m for m in ours if m.rpartition(".")[2] in modules.MODULES and ".numpy." in m} == {
        "funcgrad.numpy.exponential"
    }
    assert not {m for m in ours if m.split(".")[1:2] in (["compile"], ["control"], ["nn"])}
    assert ours.isdisjoint({"funcgrad.transforms.jvp", "funcgrad.transforms.vmap"})
    lines = {m: len(source_of(m).read_text().splitlines()) for m in ours}
    assert sum(lines.values()) <= 8900, lines


def source_of(module):
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_long_loops_load_the_compiler():
    program = """
import sys
import numpy as np
from funcgrad import fori_loop, grad

def f(x, steps):
    return np.sum(fori_loop(0, steps, lambda i, x: np.sin(x) + 0.1 * x, x))

x = np.ones(3)
few = grad(f)(x, 10)
print("funcgrad.compile" in sys.modules)
many = grad(f)(x, 10_000)
print("funcgrad.compile" in sys.modules)
print(np.array_equal(few, grad(f)(x, 10)), np.array_equal(many, grad(f)(x, 10_000)))
"""
    assert fresh(program) == ["False", "True", "True True"]


def test_a_room_that_was_interrupted_loads_again():
    program = """
import sys
import numpy as np
import funcgrad
import funcgrad.ops.trigonometric
del sys.modules["funcgrad.ops.trigonometric"]  # as the import system does when loading fails
print(funcgrad.grad(np.sin)(0.0))
"""
    assert fresh(program) == ["1.0"]


def test_two_primitives_of_one_name():
    class Another(Primitive):
        name = "add"

    with pytest.raises(ValueError, match="a primitive 'add' is declared already"):
        primitive(Another)


METHODS = {
    "x[0]": lambda x: x[0],
    "x[1:]": lambda x: x[1:],
    "x @ x": lambda x: x @ x,
    "[1.0, 2.0, 3.0] @ x": lambda x: np.dot([1.0, 2.0, 3.0], x),
    "len(x) * x": lambda x: 3 * x,
    "abs(x)": abs,
    "sum(x)": sum,
    "x.at[0].set(2.0)": lambda x: np.array([2.0, *x[1:]]),
    "x.astype(int)": lambda x: x.astype(int),
    "[*x][2]": lambda x: x[2],
    "2.0 in x": lambda x: 2.0 in x,
    "x.T": lambda x: x,
    "np.stack([x, x])": lambda x: np.stack([x, x]),
    "np.linalg.norm(x)": np.linalg.norm,
    "np.add.reduce(x)": np.sum,
    "divmod(x, 2.0)[0]": lambda x: x // 2.0,
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process a method, which fork makes cheap")
def test_methods_load_what_they_need():
    program = f"""
import os
import numpy as np
from funcgrad import value_and_grad
X = np.array([0.5, -1.5, 4.0])
for text in {list(METHODS)!r}:
    if os.fork() == 0:
        seen = []
        def f(x):
            value = eval(text, {{"np": np, "x": x}})
            seen.append(getattr(value, "value", value))
            return np.multiply(x, 1.0)[0]
        value_and_grad(f)(X)
        print(np.asarray(seen[0], float).tolist(), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, text
"""
    x = np.array([0.5, -1.5, 4.0])
    for line, (text, f) in zip(fresh(program), METHODS.items(), strict=True):
        np.testing.assert_allclose(ast.literal_eval(line), np.asarray(f(x), float), err_msg=text)
