"""Looking into traced and compiled programs while they run.

`print` and `callback` are effects: they happen once each time their line is reached, in order and
with plain values, wherever it stands: under `jit`, `grad`, `vmap`, in loops and branches. `nans` is
a transform: it finds where a nan or an inf comes from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from .. import tree
from .._publish import publish_all
from ..api.leaves import describe, is_inexact, own_results
from ..api.transformed import Transformed, require_function
from ..control.callbacks.debug import perform
from ..control.callbacks.host import Host
from ..control.custom.batching import is_abstract
from ..errors import ArgumentError, NanError, entry
from .nans import NanFrame
from .trail import Trail, steps_text

__all__ = ["callback", "nans", "print"]

P = ParamSpec("P")
R = TypeVar("R")


class _Anything:
    """Formats as whatever is asked."""

    def __format__(self, spec: str) -> str:
        return ""

    def __getattr__(self, name: str) -> _Anything:
        return self

    def __getitem__(self, key: Any) -> _Anything:
        return self


def print(fmt: str, /, *args: Any, **kwargs: Any) -> None:
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
    if not isinstance(fmt, str):
        raise ArgumentError(
            f"debug.print: the first argument must be a format string, got {type(fmt).__name__}",
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


def callback(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
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
    if not callable(f):
        raise ArgumentError(
            f"debug.callback: expected a function, got {type(f).__name__}",
            "Write debug.callback(f, x).",
        )
    perform(Host(f, args, kwargs))


@entry
def nans(f: Callable[P, R]) -> Callable[P, R]:
    """``f``, which raises where its result holds a nan or an inf, and says where that comes from.

    ``f`` is run operation by operation, programs that `jit` compiled and loops included. The first
    operation that makes a nan or an inf of finite numbers is the origin of all that come of it. One
    that does not reach the result, because it is masked on the way, does not count; nor does an inf
    of an argument or of a constant, such as a bound, until a nan is made of it.

    Args:
        f: A function of pytrees. To look into a derivative, differentiate first:
            ``nans(grad(f))`` names the line of ``f`` whose derivative is nan, and the first
            operation of the backward pass that it went through.

    Returns:
        A function of the same arguments with the same results.

    Raises:
        NanError: Naming the operation that made the nan, its operands, the line, how often it had
            run, and in which step of a loop; the inf that it came from, if any; and the way from
            there to the result.
        ArgumentError: It is called while `jit` traces.

    >>> import numpy as np
    >>> with np.errstate(invalid="ignore"):
    ...     nans(lambda x: np.log(x) * 2.0)(-1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    funcgrad.errors.NanError: debug.nans: the result of <lambda>() ... is nan, made by log of \
float64[] -1.0, at ...
    """
    require_function(f, "debug.nans")
    function: Callable[..., Any] = f

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.flatten((args, kwargs))
        if any(map(is_abstract, leaves)):
            raise ArgumentError(
                "debug.nans: values are looked at, and while jit traces there are none",
                "Write debug.nans(jit(f)) in place of jit(debug.nans(f)).",
            )
        frame = NanFrame()
        lifted: list[Any] = []
        for leaf, (_, argument, *path) in zip(leaves, treedef.paths(), strict=True):
            if is_inexact(leaf):
                what = f"argument {argument.key!r}{tree.path_string(path)}"
                leaf = frame.given(leaf, what)
            lifted.append(leaf)
        try:
            given, named = tree.unflatten(treedef, lifted)
            result = function(*given, **named)
        finally:
            frame.closed = True
        found, shape = tree.flatten(result)
        for i, leaf in enumerate(found):
            trail = frame.trail(leaf)
            if trail is not None and not (trail.first.given and trail.last.made == "inf"):
                path = tree.path_string(shape.paths()[i])
                at = f" at {path}" if path else ""
                raise _found(f"debug.nans: the result of {describe(f)}{at}", trail)
        return own_results(result, {id(leaf) for leaf in leaves}, frame.value)

    return Transformed(call, nans, f, {})


def _found(where: str, trail: Trail) -> NanError:
    """The error for a value that holds a nan or an inf."""
    first, turned = trail.first, trail.turned
    made = "from" if first.given else "made by"
    what = f"{where} is {trail.last.made}, {made} {first}"
    if turned is not None:
        what = f"{where} is nan, made by {turned}; it began with inf, {made} {first}"
    back = trail.backward
    if back is not None and back is not first and back is not turned:
        what += f"; the first of the backward pass that it went through is {back.short()}"
    fix = (
        "Look at the operands there with debug.print, or keep them from where the operation is "
        "not defined, as numpy.where does."
    )
    if trail.count > 1:
        fix = "\n".join(["Its way to the result:", *steps_text(trail), fix])
    return NanError(what, fix)


publish_all(globals())
