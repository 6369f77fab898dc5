"""`named_call`: a function as one box of what it is part of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .. import tree
from ..control.program.call import Call
from ..control.program.trace_body import Operands, name_of, scalar, trace_body
from ..core.trace import Tracer, apply
from ..errors import ArgumentError, entry
from .transformed import Transformed, require_function

__all__ = ["named_call"]


@entry
def named_call(f: Callable[..., Any] | None = None, *, name: str | None = None) -> Any:
    """``f``, whose calls are one operation with a name in programs and in what `explain` shows.

    Traced, ``f`` becomes a program of its own, as a function under `jit` does: it cannot branch in
    Python on values. Compiled programs have its operations in the place of the call, so that it
    costs nothing. Where nothing is traced ``f`` is called as it is.

    Args:
        f: A function of pytrees; None to use it as a decorator with a name.
        name: What it is called; by default by its own name.

    Returns:
        A function of the same arguments.

    Raises:
        ArgumentError: Where ``f`` is no function, or the name is no string.

    >>> import numpy as np
    >>> from funcgrad import explain
    >>> @named_call(name="layer")
    ... def f(w, x):
    ...     return np.tanh(w * x)
    >>> [node.symbol for node in explain(lambda w: f(w, 2.0), 0.5).graph.nodes]
    ['w', '', 'layer', 'output']
    """
    if name is not None and not isinstance(name, str):
        raise ArgumentError(
            f"named_call: expected a string as name, got {type(name).__name__}",
            'Write named_call(f, name="layer").',
        )
    if f is None:
        return functools.partial(named_call, name=name)
    require_function(f, "named_call")

    def call(*args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(leaf, Tracer) for leaf in tree.leaves((args, kwargs))):
            return f(*args, **kwargs)
        given = Operands((args, kwargs), flags=False)

        def rebuild(values: Sequence[Any]) -> tuple[Any, ...]:
            return (given.rebuild(values),)

        def inner(both: Any) -> Any:
            return f(*both[0], **both[1])

        inner.__name__ = name or name_of(f)
        body = trace_body(inner, given.avals, rebuild, "named_call")
        found = apply(Call(body.jaxpr), [*body.captured, *given.values], None)
        return body.rebuild([scalar(x) for x in found])

    return Transformed(call, named_call, f, {"name": name})
