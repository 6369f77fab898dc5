"""Whether something is traced that SciPy is about to call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import tree
from ..core.trace import Tracer
from ..errors import ArgumentError
from ..numpy.dispatch import has_tracer

__all__ = ["Watched", "holds_tracer", "require_plain"]


class Watched:
    """A function as SciPy calls it, that takes note of traced values among its results.

    Attributes:
        seen: Whether there was one. From then on the function is not called, and gives zeros.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        self.seen = False
        self._f = f

    def __call__(self, *args: Any) -> Any:
        if not self.seen:
            found = self._f(*args)
            if not _is_traced_argument(found):
                return found
            self.seen = True
        return np.zeros_like(next((a for a in args if np.ndim(a)), 0.0))


def _is_traced_argument(found: Any) -> bool:
    if not isinstance(found, np.ndarray):
        return has_tracer(found)
    return found.dtype == object and any(isinstance(x, Tracer) for x in found.flat)


def holds_tracer(*values: Any) -> bool:
    """Whether a tracer is among the leaves of ``values``."""
    return any(isinstance(leaf, Tracer) for leaf in tree.leaves(values))


def require_plain(what: str, options: Mapping[str, Any]) -> None:
    """Raise where an option is traced.

    Raises:
        ArgumentError: Naming it.
    """
    for name, value in options.items():
        if holds_tracer(value):
            raise ArgumentError(
                f"{what}: {name} is a traced value, and is not differentiated",
                "Pass a plain number.",
            )
