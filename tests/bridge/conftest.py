"""What the tests of the bridge share: they need JAX, see four devices, and are marked `bridge`."""

import os
from importlib.util import find_spec

import pytest

NEEDED = {"jax": "funcgrad[jax]", "torch": "funcgrad[torch]"}

# Before anything imports JAX, which reads it once.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=4")

collect_ignore = (
    []
    if find_spec("jax")
    else [
        "test_backend.py",
        "test_checks.py",
        "test_foreign_functions.py",
        "test_outward.py",
        "test_parity.py",
        "test_programs.py",
        "test_special_functions.py",
    ]
)


def pytest_collection_modifyitems(items):
    for item in items:
        if "bridge" in item.path.parts:
            item.add_marker(pytest.mark.bridge)
