"""What the tests of the bridge share: they need JAX, see four devices, and are marked `bridge`."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# Before anything imports JAX, which reads it once.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=4")

collect_ignore_glob = [] if find_spec("jax") else ["test_*.py"]


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.bridge)
