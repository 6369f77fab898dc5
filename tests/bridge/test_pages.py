"""The pages about other engines, each in a process of its own: JAX is told once of its devices."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_docs import NEEDS

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("page", [page for page in NEEDS if NEEDS[page]])
def test_page(page, tmp_path):
    missing = [name for name in NEEDS[page] if find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    program = f"""
import os, sys, warnings
from pathlib import Path
sys.path[:0] = [{str(TESTS)!r}, {str(TESTS.parent)!r}]
import pytest
import test_docs
os.chdir({str(tmp_path)!r})
warnings.simplefilter("ignore", DeprecationWarning)  # of the libraries' own
test_docs.run_page(Path({str(TESTS.parent / "docs" / page)!r}))
"""
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
