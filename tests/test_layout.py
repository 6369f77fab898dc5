"""The house stands as drawn: floors, no circles, and an import that costs little.

A module imports only from its own floor or a lower one, and no two modules import each other in a
circle, whether an import stands at module level, in a function or under ``TYPE_CHECKING``. Within
`control` and `compile` each folder imports only from those before it. The floors are those of
``docs/design.md``.
"""

import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "funcgrad"

# The longest prefix that fits decides. Whole numbers are floors, what follows the point the order
# of the folders within one.
FLOORS = {
    "funcgrad.errors": 0,
    "funcgrad.tree": 0,
    "funcgrad._keywords": 0,
    "funcgrad._notes": 0,
    "funcgrad._stack": 0,
    "funcgrad._publish": 0,
    "funcgrad.core.lazy": 0,
    "funcgrad.core.check": 1,
    "funcgrad.core.ir": 1,
    "funcgrad.core.plain": 1,
    "funcgrad.core.source_info": 1,
    "funcgrad.core": 2,
    "funcgrad.ops": 3,
    "funcgrad.transforms": 4,
    "funcgrad.checkpoint_policies": 5,
    "funcgrad.control": 5,
    "funcgrad.control.program": 5.1,
    "funcgrad.control.static_arguments": 5.1,
    "funcgrad.control.custom": 5.2,
    "funcgrad.control.callbacks": 5.3,
    "funcgrad.control.checkpoint": 5.4,
    "funcgrad.control.flow": 5.5,
    "funcgrad.control.implicit": 5.6,
    "funcgrad.numpy": 6,
    "funcgrad.compile": 6,
    "funcgrad.compile.passes": 6.1,
    "funcgrad.compile.source": 6.2,
    "funcgrad.compile.signature": 6.3,
    "funcgrad.compile.dispatch": 6.4,
    "funcgrad.compile.stages": 6.5,
    "funcgrad.compile.jit": 6.6,
    "funcgrad.api": 7,
    "funcgrad.bridge": 8,
    "funcgrad.data": 8,
    "funcgrad.debug": 8,
    "funcgrad.explanation": 8,
    "funcgrad.extend": 8,
    "funcgrad.lax": 8,
    "funcgrad.nn": 8,
    "funcgrad.optim": 8,
    "funcgrad.random": 8,
    "funcgrad.scipy": 8,
    "funcgrad.storage": 8,
    "funcgrad.testing": 8,
    "funcgrad.tree_util": 8,
    "funcgrad.flatten_util": 8,
    "funcgrad.typing": 8,
    "funcgrad": 9,
}

LINES_MOST = 450

# Where modules are imported by a name in a table or a string.
LOADER = "funcgrad.core.lazy"

# What a package may import besides the standard library and NumPy.
THIRD_PARTY = {
    "typing_extensions": ("funcgrad",),
    # Optional: rooms that load where a function of SciPy is first used.
    "scipy": (
        "funcgrad.scipy",
        "funcgrad.ops.special",
        "funcgrad.ops.special.bessel",
        "funcgrad.ops.special.gamma",
        "funcgrad.ops.special.integrals",
        "funcgrad.ops.special.elliptic",
        "funcgrad.ops.kernels.scipy",
        "funcgrad.ops.kernels.tail",
        "funcgrad.compile.source.backend",
    ),
    "hypothesis": ("funcgrad.testing",),
    "matplotlib": ("funcgrad.explanation",),
    "jax": ("funcgrad.bridge",),
    "torch": ("funcgrad.bridge",),
    "safetensors": ("funcgrad.storage",),
    "llvmlite": ("funcgrad.compile.llvm",),
}

# `import funcgrad` beyond `import numpy` may load the standard library but for these, which cost
# milliseconds each, and nothing else.
HEAVY = {
    "argparse",
    "asyncio",
    "concurrent",
    "dataclasses",
    "email",
    "http",
    "importlib.metadata",
    "importlib.resources",
    "json",
    "logging",
    "multiprocessing",
    "pathlib",
    "pdb",
    "random",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "traceback",
    "unittest",
    "urllib",
}


@dataclass(frozen=True)
class Import:
    """One import: which module stands in which line, and whether importing the file runs it."""

    target: str
    line: int
    at_import: bool


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(name, source, is_package, modules):
    """Every import of a module's source, resolved to the module that it reaches."""
    found = []

    def resolve(node):
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        base = node.module or ""
        if node.level:
            above = name.split(".")[: len(name.split(".")) - node.level + is_package]
            base = ".".join([*above, base] if base else above)
        # `from funcgrad.core import ir` reaches a submodule, `from funcgrad import grad` a name.
        return [
            f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base
            for alias in node.names
        ]

    def walk(node, at_import):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                found.extend(Import(target, child.lineno, at_import) for target in resolve(child))
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                walk(child, False)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                for statement in child.body:
                    walk(ast.Module([statement], []), False)
                for statement in child.orelse:
                    walk(ast.Module([statement], []), at_import)
            else:
                walk(child, at_import)

    walk(ast.parse(source), True)
    return found


IMPORTS = {
    name: imports_of(name, path.read_text(), path.name == "__init__.py", FILES)
    for name, path in FILES.items()
}


def longest_prefix(name, prefixes):
    fitting = [p for p in prefixes if name == p or name.startswith(p + ".")]
    return max(fitting, key=len, default=None)


def floor(name):
    prefix = longest_prefix(name, FLOORS)
    if prefix is None or (prefix == "funcgrad" and name != "funcgrad"):
        return None
    return FLOORS[prefix]


def circles(edges):
    """The strongly connected components of more than one node (Tarjan, without recursion)."""
    index, low, on_stack, stack, found = {}, {}, set(), [], []
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, children = work[-1]
            for child in children:
                if child not in index:
                    index[child] = low[child] = len(index)
                    stack.append(child)
                    on_stack.add(child)
                    work.append((child, iter(edges[child])))
                    break
                if child in on_stack:
                    low[node] = min(low[node], index[child])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == index[node]:
                    component = stack[stack.index(node) :]
                    del stack[stack.index(node) :]
                    on_stack.difference_update(component)
                    if len(component) > 1 or node in edges[node]:
                        found.append(sorted(component))
    return found


def test_every_module_has_a_floor():
    assert [name for name in FILES if floor(name) is None] == []


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for path in FILES.values()}
    assert [str(f) for f in sorted(folders) if not (f / "__init__.py").exists()] == []


def test_imports_go_down():
    upward = [
        f"{FILES[name].relative_to(ROOT)}:{i.line} (floor {floor(name)}) imports {i.target} "
        f"(floor {floor(i.target)})"
        for name, imports in IMPORTS.items()
        for i in imports
        if longest_prefix(i.target, ["funcgrad"])
        and None not in (floor(name), floor(i.target))
        and floor(i.target) > floor(name)
    ]
    assert upward == []


def test_no_circle_of_imports():
    edges = {
        name: sorted({i.target for i in imports if i.target in FILES} - {name})
        for name, imports in IMPORTS.items()
    }
    assert circles(edges) == []


def test_nothing_else_imports_by_a_string():
    asking = {
        name
        for name, path in FILES.items()
        if re.search(r"import_module|__import__|exec\(.*\bimport\b", path.read_text())
    }
    assert asking == {LOADER}


def test_files_stay_small():
    lines = {name: len(path.read_text().splitlines()) for name, path in FILES.items()}
    assert {name: n for name, n in lines.items() if n > LINES_MOST} == {}


def test_a_public_name_is_written_once():
    for stub in PACKAGE.rglob("*.pyi"):
        names = [line.split()[-1] for line in stub.read_text().splitlines() if " as " in line]
        assert len(names) == len(set(names))
        module = ast.parse(stub.with_suffix(".py").read_text())
        bound = {
            alias.asname or alias.name
            for node in ast.walk(module)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        # `numpy` gives traced values their operators, and loads with the package.
        assert bound & set(names) <= {"numpy"}, stub


def test_third_party_imports_are_the_declared_ones():
    undeclared = []
    for name, imports in IMPORTS.items():
        for i in imports:
            top = i.target.partition(".")[0]
            if top in ("funcgrad", "numpy") or top in sys.stdlib_module_names:
                continue
            if longest_prefix(name, THIRD_PARTY.get(top, ())) is None:
                undeclared.append(f"{FILES[name].relative_to(ROOT)}:{i.line} imports {i.target}")
    assert undeclared == []


def test_every_file_says_what_it_is():
    silent = [
        name for name, path in FILES.items() if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_import_is_light():
    program = """
import sys
import numpy
before = set(sys.modules)
import funcgrad
print(*sorted(set(sys.modules) - before), sep="\\n")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = done.stdout.split()
    assert "funcgrad" in loaded
    foreign = [
        m
        for m in loaded
        if m.partition(".")[0] not in ("funcgrad", "numpy")
        and m.partition(".")[0] not in sys.stdlib_module_names
    ]
    heavy = [m for m in loaded if longest_prefix(m, HEAVY)]
    assert (foreign, heavy) == ([], [])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import funcgrad.tree", [("funcgrad.tree", True)]),
        (
            "from funcgrad.core import ir, Var",
            [("funcgrad.core.ir", True), ("funcgrad.core", True)],
        ),
        ("from . import tree", [("funcgrad.tree", True)]),
        ("from .core.ir import Var", [("funcgrad.core.ir", True)]),
        ("def f():\n    from funcgrad import tree", [("funcgrad.tree", False)]),
        ("try:\n    import scipy\nexcept ImportError:\n    pass", [("scipy", True)]),
        ("class A:\n    import math", [("math", True)]),
        (
            "if TYPE_CHECKING:\n    import math\nelse:\n    import ast",
            [("math", False), ("ast", True)],
        ),
    ],
)
def test_the_reader_of_imports(source, expected):
    modules = {"funcgrad", "funcgrad.tree", "funcgrad.core", "funcgrad.core.ir"}
    found = imports_of("funcgrad.api", source, False, modules)
    assert [(i.target, i.at_import) for i in found] == expected


def test_the_reader_resolves_relative_imports_of_a_package():
    modules = {"funcgrad", "funcgrad.core", "funcgrad.core.ir", "funcgrad.tree"}
    found = imports_of("funcgrad.core", "from .ir import Var\nfrom .. import tree", True, modules)
    assert [i.target for i in found] == ["funcgrad.core.ir", "funcgrad.tree"]


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({"a": ["b"], "b": ["c"], "c": []}, []),
        ({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}, [["a", "b", "c"]]),
        ({"a": ["a"]}, [["a"]]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
        ({"a": ["b"], "b": ["a", "c"], "c": ["d"], "d": ["c"]}, [["c", "d"], ["a", "b"]]),
    ],
)
def test_the_finder_of_circles(edges, expected):
    assert circles(edges) == expected
