"""Floor 8: looking into traced and compiled programs while they run.

`print` and `callback` are effects: they happen once each time their line is reached, in order and
with plain values, wherever it stands: under `jit`, `grad`, `vmap`, in loops and branches.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from .control.effects import perform
from .control.host import Host
from .errors import ArgumentError, trim

__all__ = ["callback", "print"]


class _Anything:
    """Formats as whatever is asked."""

    def __format__(self, spec: str) -> str:
        return ""

    def __getattr__(self, name: str) -> _Anything:
        return self

    def __getitem__(self, key: Any) -> _Anything:
        return self


def print(fmt: str, *args: Any, **kwargs: Any) -> None:
    """Print values when the program runs.

    In a compiled loop it prints at each step, of a branch only the one that is taken prints. Under
    `vmap` it prints once for each element of the batch, one print of the function after the other.
    A derivative prints in its forward pass; its backward pass prints nothing, recomputation in
    `checkpoint` neither.

    Args:
        fmt: A format string, as for `str.format`.
        *args: Values for ``{}``; arrays, numbers, or any other objects.
        **kwargs: Values for ``{name}``.

    Raises:
        ArgumentError: Where the format string asks for values that are not there.

    >>> import numpy as np
    >>> from funcgrad import jit
    >>> @jit
    ... def f(x):
    ...     print("x = {x:.2f}", x=x)
    ...     return 2.0 * x
    >>> f(1.0)
    x = 1.00
    np.float64(2.0)
    """
    try:
        if not isinstance(fmt, str):
            raise ArgumentError(
                f"debug.print: the first argument must be a format string, got "
                f"{type(fmt).__name__}",
                'Write debug.print("{x}", x=x).',
            )
        any_value = _Anything()
        try:
            fmt.format(*[any_value] * len(args), **dict.fromkeys(kwargs, any_value))
        except (LookupError, ValueError) as error:
            raise ArgumentError(
                f"debug.print: the values do not fit the format {fmt!r}: {error}",
                'Write debug.print("{x}", x=x); braces themselves are {{ and }}.',
            ) from None

        def show(*args: Any, **kwargs: Any) -> None:
            sys.stdout.write(fmt.format(*args, **kwargs) + "\n")

        perform(Host(show, args, kwargs))
    except Exception as error:
        trim(error)
        raise


def callback(f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call ``f`` with plain values when the program runs, for what it does.

    As `print`: once each time the line is reached, in order; once for each element of a batch. What
    ``f`` returns is dropped, and an exception that it raises comes out as it is.

    Args:
        f: A function.
        *args: Arguments for it.
        **kwargs: Arguments for it.

    Raises:
        ArgumentError: Where ``f`` is no function.

    >>> from funcgrad import grad
    >>> seen = []
    >>> def f(x):
    ...     callback(seen.append, x * x)
    ...     return x**3
    >>> grad(f)(3.0), seen
    (np.float64(27.0), [np.float64(9.0)])
    """
    try:
        if not callable(f):
            raise ArgumentError(
                f"debug.callback: expected a function, got {type(f).__name__}",
                "Write debug.callback(f, x).",
            )
        perform(Host(f, args, kwargs))
    except Exception as error:
        trim(error)
        raise
