"""What every test shares: Hypothesis draws the same examples on every run.

``HYPOTHESIS_PROFILE=explore python -m pytest`` draws new ones, to find what the fixed ones miss.
"""

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from rewrites import Validator

settings.register_profile(
    "fixed",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("fixed"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# Their subject is time, which the checks take, or how often a pass runs, which they add to.
COUNTED = ("test_benchmarks", "test_pipeline", "test_startup")


@pytest.fixture(scope="module", autouse=True)
def rewrites(request):
    """Compare every rewrite of the compiler, by value, with what it rewrites."""
    if request.module.__name__.endswith(COUNTED):
        yield None
        return
    with Validator().installed() as validator:
        yield validator


EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture
def example(monkeypatch):
    """Load a file of examples/ by name; pictures are drawn without a screen."""
    monkeypatch.setenv("MPLBACKEND", "Agg")

    def load(name):
        spec = importlib.util.spec_from_file_location(f"examples.{name}", EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
