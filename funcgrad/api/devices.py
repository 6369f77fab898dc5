"""Where arrays are: JAX's functions for that, which are identities on arrays of NumPy's."""

from __future__ import annotations

from typing import Any, TypeVar

from ..errors import ArgumentError

__all__ = ["block_until_ready", "device_get", "device_put"]

T = TypeVar("T")


def device_put(x: T, device: Any = None, *, donate: Any = False, may_alias: Any = None) -> T:
    """``x``: arrays are in the memory of the process, and there is no other place for them.

    Args:
        x: A pytree.
        device: None.
        donate: Without meaning.
        may_alias: Without meaning: nothing is copied.

    Raises:
        ArgumentError: A device is given.

    >>> device_put([1.0, 2.0])
    [1.0, 2.0]
    """
    if device is not None:
        raise ArgumentError(
            f"device_put: got a device, {device!r}, and arrays are in the memory of the process",
            "Leave it out; docs/accelerators.md says how a function runs on another device.",
        )
    return x


def device_get(x: T) -> T:
    """``x``: every array is in the memory of the process.

    >>> device_get(1.0)
    1.0
    """
    return x


def block_until_ready(x: T) -> T:
    """``x``: every function has computed its result when it returns.

    >>> block_until_ready({"a": 1.0})
    {'a': 1.0}
    """
    return x
