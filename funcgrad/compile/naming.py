"""Floor 6: names in generated source: what may be used, what means something there already."""

from __future__ import annotations

import builtins
import itertools
import keyword
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from types import FunctionType, ModuleType
from typing import Any

from ..ops import (
    array_kernels,
    index_kernels,
    kernels,
    linalg_kernels,
    random_kernels,
    scipy_kernels,
    window_kernels,
)
from . import support

__all__ = ["KERNELS", "fresh_names", "identifier"]


def _functions_of(*modules: ModuleType) -> dict[str, Any]:
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    }


KERNELS = _functions_of(
    kernels,
    index_kernels,
    array_kernels,
    linalg_kernels,
    random_kernels,
    scipy_kernels,
    window_kernels,
    support,
)
"""The functions that generated source may call; their text is copied into it."""

_RESERVED = frozenset(
    {
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        *KERNELS,
        *("np", "sqrt", "special"),
        *("i", "part", "v"),  # of loops over blocks
    }
)
_SUFFIXES = ("_all", "_part", "_in_numpy")
"""What generated names end in."""


def identifier(name: str) -> str:
    """``name`` as a name in source; one that means something there gets an underscore."""
    found = re.sub(r"\W+", "_", name).strip("_")
    if not found.isidentifier():
        return "f"
    return f"{found}_" if found in _RESERVED or found.endswith(_SUFFIXES) else found


def fresh_names(others: AbstractSet[str]) -> Iterator[str]:
    """a, b, ..., z, aa, ...: without what is reserved, and without ``others``."""
    for length in itertools.count(1):
        for letters in itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=length):
            name = "".join(letters)
            if name not in _RESERVED and name not in others:
                yield name
