"""Generated code stands in no file, shows its text, and an installation without sources works."""

import compileall
import inspect
import linecache
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest

import funcgrad.numpy as fnp
from funcgrad import grad, jit, scan

PACKAGE = Path(__file__).resolve().parents[2] / "funcgrad"


def files_of(f, *args):
    """The file names of all code that a call runs and that is not a file."""
    found = set()

    def profile(frame, event, _):
        if event == "call":
            found.add(frame.f_code.co_filename)

    old = sys.getprofile()
    sys.setprofile(profile)
    try:
        f(*args)
    finally:
        sys.setprofile(old)
    return {name for name in found if not os.path.exists(name)}


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (jit(lambda x: x * 2.0), 1.0),
        (jit(lambda x: np.sqrt(x) / x), 0.0),  # runs again in NumPy's numbers
        (jit(grad(lambda x: np.sum(np.linalg.norm(x) * x))), np.ones(3)),
        (grad(lambda x: scan(lambda c, _: (c * x, None), x, None, length=3)[0]), 2.0),
        (grad(lambda x: np.sum(np.matmul(x, x) + np.einsum("ij,ij->i", x, x))), np.ones((2, 2))),
    ],
)
def test_file_names_of_generated_code_are_in_angle_brackets(f, x):
    with np.errstate(all="ignore"):
        f(x)
        names = files_of(f, x)
    assert names or not isinstance(f, type(jit(abs)))
    for name in names:
        assert name.startswith("<"), name
        assert name.endswith(">"), name
        assert "\n" not in name


def test_a_program_shows_its_text():
    f = jit(lambda x: np.linalg.cholesky(x) * 2.0)
    with pytest.raises(np.linalg.LinAlgError) as error:
        f(-np.eye(2))
    assert "linalg.cholesky(x)" in "".join(traceback.format_exception(error.value))
    (program,) = [t.program.function for t in f._programs.values()]
    assert inspect.getsource(program).startswith("def f(x):\n")
    linecache.checkcache()
    name = program.__code__.co_filename
    assert linecache.getline(name, 1) == "def f(x):\n"
    assert "cholesky" in linecache.getlines(name)[1]
    del program, f, error
    jit(lambda x: x)(1.0)
    jit(lambda x: x)(1.0)


def test_the_version_in_numpys_numbers_shows_its_text():
    def divides(x):
        y = 1.0 / x
        return np.linalg.cholesky((x - 1.0) * np.eye(2))[0, 0] + y

    f = jit(divides)
    with np.errstate(all="ignore"), pytest.raises(np.linalg.LinAlgError) as error:
        f(0.0)
    shown = "".join(traceback.format_exception(error.value))
    assert ", in NumPy's numbers>" in shown
    assert "linalg.cholesky(" in shown.partition("in NumPy's numbers>")[2]


COVERED = """
import numpy as np
from funcgrad import grad, jit, scan

np.seterr(all="ignore")
f = jit(grad(lambda x: np.sum(np.linalg.norm(x) * x / x)))
for _ in range(2):
    f(np.zeros(3))
    jit(lambda x: 1.0 / x)(0.0)
    grad(lambda x: scan(lambda c, _: (c * x, None), x, None, length=3)[0])(2.0)
"""


def test_coverage_reports_on_programs_that_use_jit(tmp_path):
    script = tmp_path / "covered.py"
    script.write_text(COVERED)
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    for command in (["run", "--branch", str(script)], ["report"]):
        done = subprocess.run(
            [sys.executable, "-m", "coverage", *command],
            env=environment,
            cwd=tmp_path,
            check=False,
            timeout=300,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "funcgrad #" not in done.stdout + done.stderr
    assert "covered.py" in done.stdout


SOURCELESS = """
import numpy as np
import funcgrad
import funcgrad.numpy as fnp
from funcgrad import grad, jit
from funcgrad.errors import FuncgradError

assert funcgrad.__file__.endswith(".pyc")

def loss(x, i):
    y = x * 2.0
    return fnp.sum(fnp.take(y, i, axis=0))

def fails(f, *args):
    try:
        f(*args)
    except FuncgradError as error:
        assert error.where.endswith("in loss") or error.where.endswith("in <lambda>"), error
        tb, files = error.__traceback__, set()
        while tb is not None:
            files.add(tb.tb_frame.f_code.co_filename)
            tb = tb.tb_next
        assert files == {__file__}, files
    else:
        raise AssertionError(f)

x = np.arange(1.0, 4.0)
fails(jit(loss), x, np.array([7]))
fails(grad(loss), x, np.array([7]))
fails(jit(lambda x: 1.0 if x > 0 else 2.0), 1.0)
fails(grad(lambda x: float(x)), 1.0)

def uses_kernels(x):
    return np.sum(fnp.take(x, np.argsort(x)[1:], axis=0) * np.logaddexp(x, 0.0)[1:]) + np.std(x)

f = jit(grad(uses_kernels))
text = f.source(x)
assert "from funcgrad.ops." in text, text
scope = {}
exec(text, scope)
np.testing.assert_array_equal(scope["uses_kernels"](x)[0], f(x))
assert "sourceless.py" in text
"""


def test_an_installation_without_sources(tmp_path):
    copy = tmp_path / "build" / "funcgrad"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert compileall.compile_dir(copy, quiet=1, legacy=True)
    for path in copy.rglob("*.py"):
        path.unlink()
    installed = tmp_path / "installed"
    installed.mkdir()
    shutil.move(copy, installed / "funcgrad")
    script = tmp_path / "sourceless.py"
    script.write_text(SOURCELESS)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    subprocess.run([sys.executable, str(script)], env=environment, check=True, timeout=300)


def test_kernels_are_copied_where_there_are_sources():
    f = jit(grad(lambda x: np.sum(fnp.take(x, np.argsort(x)[1:], axis=0) ** 2)))
    assert "from funcgrad" not in f.source(np.ones(3))
