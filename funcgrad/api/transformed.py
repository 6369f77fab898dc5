"""The callable that a transform returns.

It looks like the function it was made from, trims funcgrad's frames from errors, binds as a method,
and pickles: by reference where its module knows it under its own name, else by what made it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from .._stack import POINTS, STATE, pointing
from ..errors import ArgumentError, trim

__all__ = ["Transformed", "require_function"]


class Transformed:
    """A transformed function.

    Attributes:
        __wrapped__: The function it was made from.
    """

    __wrapped__: Callable[..., Any]

    def __init__(
        self,
        call: Callable[..., Any],
        transform: Callable[..., Any],
        f: Callable[..., Any],
        options: dict[str, Any],
    ) -> None:
        functools.update_wrapper(self, f, updated=())
        self._call = call
        self._made_by = (transform, f, options)

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        # As `entry` does it, without a call more.
        state = STATE.get(None)
        token = None if state is POINTS else STATE.set(POINTS) if state is None else pointing(state)
        try:
            return self._call(*args, **kwargs)
        except Exception as error:
            trim(error)
            raise
        finally:
            if token is not None:
                STATE.reset(token)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        transform, f, _ = self._made_by
        return f"{transform.__name__}({getattr(f, '__qualname__', f)})"

    def __reduce__(self) -> Any:
        name = getattr(self, "__qualname__", None)
        found: Any = sys.modules.get(getattr(self, "__module__", None) or "")
        for part in (name or "").split("."):
            found = getattr(found, part, None)
        if name and found is self:
            return name
        transform, f, options = self._made_by
        return _rebuild, (transform, f, options)


def _rebuild(transform: Callable[..., Any], f: Callable[..., Any], options: dict[str, Any]) -> Any:
    return transform(f, **options)


def require_function(f: Any, transform: str) -> None:
    """Check that ``f`` can be called.

    Raises:
        ArgumentError: Saying how the transform is used.
    """
    if not callable(f):
        raise ArgumentError(
            f"{transform}: expected a function, got {type(f).__name__}",
            f"Write {transform}(f)(x): transform the function, then call it.",
        )
