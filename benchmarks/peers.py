"""The other libraries: which of them are importable, and each imported only when asked for.

A *side* is one library's part of a benchmark: ``"funcgrad"``, ``"by hand"`` (NumPy or plain
Python written by a person), or the name of a peer.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

HOME = ("by hand", "funcgrad")
PEERS = ("jax", "torch", "autograd")


def importable() -> tuple[str, ...]:
    """The peers that are installed here, found without importing them."""
    return tuple(name for name in PEERS if importlib.util.find_spec(name) is not None)


def choose(asked: str | None) -> tuple[str, ...]:
    """The peers to run against.

    Args:
        asked: names separated by commas, ``"none"``, or None for every installed one.

    Raises:
        ValueError: if a name is not a known peer or is not installed.
    """
    found = importable()
    if asked is None:
        return found
    names = tuple(name.strip() for name in asked.split(",") if name.strip() not in ("", "none"))
    for name in names:
        if name not in PEERS:
            raise ValueError(f"unknown peer {name!r}; known are {', '.join(PEERS)}")
        if name not in found:
            raise ValueError(f"{name} is not installed; installed are {', '.join(found) or 'none'}")
    return names


def load_jax() -> ModuleType:
    """``jax`` with 64-bit types enabled.

    Without them JAX computes float64 input in float32. With them float32 arrays stay float32,
    since Python scalars are weakly typed, so one setting serves every workload.
    """
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


def warm_up(side: str) -> None:
    """Compile one trivial function, so that a first call is not charged with starting a backend."""
    if side == "jax":
        load_jax().jit(lambda x: x + 1.0)(1.0).block_until_ready()
    elif side == "funcgrad":
        importlib.import_module("funcgrad").jit(lambda x: x + 1.0)(1.0)
