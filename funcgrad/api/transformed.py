"""The callable that a transform returns.

It looks like the function it was made from, trims funcgrad's frames from errors, binds as a method,
and pickles: by reference where its module knows it under its own name, else by what made it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .._stack import DEFAULT, POINTS, STATE, pointing
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
        state = STATE.get()
        try:
            if state is not POINTS:
                STATE.set(POINTS if state is DEFAULT else pointing(state))
            return self._call(*args, **kwargs)
        except Exception as error:
            trim(error)
            raise
        finally:
            if state is not POINTS:
                STATE.set(state)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        transform, f, _ = self._made_by
        return f"{transform.__name__}({getattr(f, '__qualname__', f)})"

    def _parts(self) -> Any:
        return self._made_by

    def _fill(self, parts: Any) -> None:
        transform, f, options = parts
        vars(self).update(vars(transform(f, **options)))

    # As `core.portable.Portable`, which loads when something is pickled.
    @property
    def by_name(self) -> Any:
        from ..core.portable import by_name

        return by_name(self)

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        from ..core.portable import reduced

        return reduced(self, protocol)

    def __setstate__(self, state: Any) -> None:
        from ..core.portable import restore

        restore(self, state)


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
