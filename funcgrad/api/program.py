"""Programs as objects: make_jaxpr; and stop_gradient, which only programs can see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .. import tree
from ..control.program.draws import Draws
from ..core.ir import Jaxpr
from ..core.record import trace
from ..core.source_info import name_of
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, entry
from ..ops.name import Name
from ..ops.select import StopGradient
from .transformed import Transformed, require_function

__all__ = ["make_jaxpr", "name", "stop_gradient"]

T = TypeVar("T")

_STOP = StopGradient()


@entry
def make_jaxpr(f: Callable[..., Any]) -> Callable[..., Jaxpr]:
    """The function that gives the program of ``f`` for arguments of given types.

    Args:
        f: A function of pytrees. Arrays and numbers are traced by type; other leaves (strings,
            None, callables) are taken as they are.

    Returns:
        A function of the same arguments, whose result is the `Jaxpr`; print it.

    Raises:
        ConcretizationError: Where ``f`` needs a value (a Python branch on a traced number).

    >>> print(make_jaxpr(lambda x: 2.0 * x + 1.0)(3.0))  # doctest: +ELLIPSIS
    <lambda>(a: f64*[]):
        b: f64*[] = mul 2.0 a  # ...
        c: f64*[] = add b 1.0  # ...
        return c
    """
    require_function(f, "make_jaxpr")
    warned = False

    def call(*args: Any, **kwargs: Any) -> Jaxpr:
        nonlocal warned
        leaves, treedef = tree.flatten((args, kwargs))
        traced = [i for i, leaf in enumerate(leaves) if _is_number(leaf)]

        def flat(*tracers: Any) -> list[Any]:
            given = list(leaves)
            for i, tracer in zip(traced, tracers, strict=True):
                given[i] = tracer
            new_args, new_kwargs = tree.unflatten(treedef, given)
            return [leaf for leaf in tree.leaves(f(*new_args, **new_kwargs)) if _is_number(leaf)]

        avals = [aval_of(leaves[i]) for i in traced]
        name = name_of(f)
        draws = None if warned else Draws(f, "make_jaxpr")
        jaxpr, _ = trace(flat, avals, name=name, what="make_jaxpr")
        warned = warned or (draws is not None and draws.warn())
        return jaxpr

    return Transformed(call, make_jaxpr, f, {})


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, (Tracer, np.ndarray, np.generic, int, float, complex))


def stop_gradient(x: T) -> T:
    """``x`` as a constant: the same value, through which no derivative passes.

    Arrays are copied, so that writing into the result changes nothing else.

    Args:
        x: A pytree.

    Raises:
        ArgumentError: For a function, through whose results derivatives would still pass.

    >>> from funcgrad import grad
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    np.float64(3.0)
    """
    if callable(x) and tree.structure(x) is tree.LEAF:
        raise ArgumentError(
            f"stop_gradient: expected values, got a function, {getattr(x, '__name__', x)!r}",
            "Write stop_gradient(f(x)): its result is what counts as a constant.",
        )

    def stopped(leaf: Any) -> Any:
        if isinstance(leaf, Tracer):
            return _STOP(leaf)
        return leaf.copy() if type(leaf) is np.ndarray else leaf

    return tree.map(stopped, x)


def name(x: T, name: str) -> T:
    """``x``, under a name.

    `explain` gives the gradient by a named value (``explain(f, x).gradients["hidden"]``), and
    policies of `checkpoint` choose by name what is kept. Compiled programs lose the name, so that
    it costs nothing; where nothing is traced ``x`` comes back as it is.

    Args:
        x: A pytree.
        name: The name.

    Raises:
        ArgumentError: Where the name is no string.

    >>> import numpy as np
    >>> from funcgrad import explain
    >>> def f(x):
    ...     h = name(np.sin(x), "hidden")
    ...     return h * h
    >>> bool(explain(f, 2.0).gradients["hidden"] == 2.0 * np.sin(2.0))
    True
    """
    if not isinstance(name, str):
        raise ArgumentError(
            f"name: expected a string, got {type(name).__name__}",
            'Write name(x, "hidden"): the value, then its name.',
        )
    mark = Name(str(name))
    return tree.map(lambda leaf: mark(leaf) if isinstance(leaf, Tracer) else leaf, x)
