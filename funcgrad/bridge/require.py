"""Errors that say which extra is missing."""

from __future__ import annotations

from importlib.util import find_spec

from ..errors import MissingExtraError

__all__ = ["jax", "torch"]


def jax(what: str) -> None:
    """Raise where JAX is not installed.

    Raises:
        MissingExtraError: It is not.
    """
    if find_spec("jax") is None:
        raise MissingExtraError(
            f"{what} needs JAX, which is not installed", "Install it: pip install 'funcgrad[jax]'."
        )


def torch(what: str) -> None:
    """Raise where PyTorch is not installed.

    Raises:
        MissingExtraError: It is not.
    """
    if find_spec("torch") is None:
        raise MissingExtraError(
            f"{what} needs PyTorch, which is not installed",
            "Install it: pip install 'funcgrad[torch]'.",
        )
