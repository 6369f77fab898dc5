"""The recipes of docs/clusters.md with two local workers each, as files of their own."""

import itertools
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_docs import blocks

ROOT = Path(__file__).resolve().parents[2]
FOUND = blocks(ROOT / "docs" / "clusters.md")
FILES = {m[1]: body for _, _, body in FOUND if (m := re.match(r"# (\w+\.py)\n", body))}
PRINTED = {
    m[1]: text
    for (_, _, body), (info, _, text) in itertools.pairwise(FOUND)
    if info == "text" and (m := re.match(r"# (\w+\.py)\n", body))
}


def launcher():
    """What starts two processes that know of each other, None where MPI is not installed."""
    beside = Path(sys.executable).parent
    return shutil.which("mpiexec", path=os.pathsep.join([str(beside), os.environ["PATH"]]))


@pytest.mark.parametrize(
    ("file", "library"),
    [("with_mpi.py", "mpi4py"), ("with_dask.py", "distributed"), ("with_ray.py", "ray")],
)
def test_a_recipe(file, library, tmp_path):
    if find_spec(library) is None:
        pytest.skip(f"needs {library}")
    command = [sys.executable, file]
    if library == "mpi4py":
        if launcher() is None:
            pytest.skip("needs mpiexec")
        command = [launcher(), "-n", "2", *command]
    for name, body in FILES.items():
        (tmp_path / name).write_text(body)
    environment = {
        **{k: v for k, v in os.environ.items() if k != "XLA_FLAGS"},
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == PRINTED[file].strip()
