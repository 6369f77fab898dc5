"""Programs as objects: make_jaxpr, eval_shape, closure_convert; stop_gradient."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

import numpy as np

from .. import tree
from ..control.callbacks.pure_callback import ShapeDtypeStruct
from ..control.program.draws import Draws
from ..core.ir import Aval, Jaxpr, make_aval
from ..core.record import run, trace
from ..core.source_info import name_of
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, entry
from ..ops.name import Name
from ..ops.select import StopGradient
from .transformed import Transformed, require_function

__all__ = ["closure_convert", "eval_shape", "make_jaxpr", "name", "stop_gradient"]

T = TypeVar("T")

_STOP = StopGradient()


@entry
def make_jaxpr(
    f: Callable[..., Any],
    static_argnums: int | Iterable[int] = (),
    return_shape: bool = False,
) -> Callable[..., Any]:
    """The function that gives the program of ``f`` for arguments of given types.

    Args:
        f: A function of pytrees. Arrays and numbers are traced by type, and so are a
            `ShapeDtypeStruct` and its like; other leaves (strings, None, callables) are taken as
            they are.
        static_argnums: Positions of arguments that are taken as they are, numbers or not.
        return_shape: Whether to return ``(program, shapes)``, with the result of ``f`` as
            `eval_shape` gives it.

    Returns:
        A function of the same arguments, whose result is the `Jaxpr`; print it.

    Raises:
        ArgumentError: Where ``static_argnums`` are no integers.
        ConcretizationError: Where ``f`` needs a value (a Python branch on a traced number).

    >>> print(make_jaxpr(lambda x: 2.0 * x + 1.0)(3.0))  # doctest: +ELLIPSIS
    <lambda>(a: f64*[]):
        b: f64*[] = mul 2.0 a  # ...
        c: f64*[] = add b 1.0  # ...
        return c
    """
    require_function(f, "make_jaxpr")
    numbers = static_argnums if isinstance(static_argnums, Iterable) else (static_argnums,)
    static = tuple(numbers)
    if not all(type(n) is int for n in static):
        raise ArgumentError(
            f"make_jaxpr: static_argnums must be ints, got {static_argnums!r}",
            "Write static_argnums=(1,).",
        )
    warned = False

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal warned
        fixed = {n % len(args) for n in static if -len(args) <= n < len(args)}
        draws = None if warned else Draws(f, "make_jaxpr")
        jaxpr, result, _ = _traced("make_jaxpr", f, args, kwargs, fixed)
        warned = warned or (draws is not None and draws.warn())
        return (jaxpr, result) if return_shape else jaxpr

    options = {"static_argnums": static, "return_shape": return_shape}
    return Transformed(call, make_jaxpr, f, options)


def _traced(
    what: str,
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    fixed: Collection[int] = (),
) -> tuple[Jaxpr, Any, list[Any]]:
    """The program of ``f`` for arguments of these types, its result as types, what it captured."""
    varying = [None if i in fixed else x for i, x in enumerate(args)]
    leaves, treedef = tree.flatten((varying, kwargs))
    avals: list[Aval] = []
    traced: list[int] = []
    for i, leaf in enumerate(leaves):
        aval = _aval_if_typed(leaf)
        if aval is not None:
            traced.append(i)
            avals.append(aval)
    out_leaves: list[Any] = []
    out_treedef: Any = None

    def flat(*tracers: Any) -> list[Any]:
        nonlocal out_leaves, out_treedef
        given = list(leaves)
        for i, tracer in zip(traced, tracers, strict=True):
            given[i] = tracer
        new_args, new_kwargs = tree.unflatten(treedef, given)
        new_args = [args[i] if i in fixed else x for i, x in enumerate(new_args)]
        out_leaves, out_treedef = tree.flatten(f(*new_args, **new_kwargs))
        return [leaf for leaf in out_leaves if _is_number(leaf)]

    jaxpr, captured = trace(flat, avals, name=name_of(f), what=what)
    types = [
        ShapeDtypeStruct(aval_of(leaf).shape, aval_of(leaf).dtype) if _is_number(leaf) else leaf
        for leaf in out_leaves
    ]
    return jaxpr, tree.unflatten(out_treedef, types), captured


def _aval_if_typed(leaf: Any) -> Aval | None:
    """The type of a number, or of what has a shape and a dtype; None for other leaves."""
    if _is_number(leaf):
        return aval_of(leaf)
    shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
    if isinstance(shape, tuple) and isinstance(dtype, np.dtype) and dtype.kind in "biufc":
        return make_aval(shape, dtype.newbyteorder("="))
    return None


@entry
def eval_shape(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """The shapes and dtypes of ``f``'s result, without computing it.

    Args:
        f: A function of pytrees, which is traced.
        *args: Its arguments: arrays, or `ShapeDtypeStruct` and whatever has a shape and a dtype in
            the place of arrays.
        **kwargs: Likewise.

    Returns:
        The result, with a `ShapeDtypeStruct` for each array and number.

    Raises:
        ConcretizationError: Where ``f`` needs a value.

    >>> eval_shape(lambda x, w: {"y": x @ w}, np.ones((2, 3)), ShapeDtypeStruct((3, 4), float))
    {'y': ShapeDtypeStruct(shape=(2, 4), dtype=float64)}
    """
    require_function(f, "eval_shape")
    return _traced("eval_shape", f, args, kwargs)[1]


@entry
def closure_convert(
    fun: Callable[..., Any], *example_args: Any
) -> tuple[Callable[..., Any], list[Any]]:
    """``fun`` with the traced values that it closes over as arguments, for use in custom rules.

    Args:
        fun: A function of pytrees.
        *example_args: Arguments of the types that it will be called with.

    Returns:
        ``(converted, values)``: ``converted(*args, *values)`` is ``fun(*args)``. What ``fun``
        closes over that is not traced stays where it is.

    >>> from funcgrad import grad
    >>> def f(y):
    ...     converted, values = closure_convert(lambda x: x * y, 1.0)
    ...     return converted(3.0, *values)
    >>> grad(f)(2.0)
    np.float64(3.0)
    """
    require_function(fun, "closure_convert")
    structure = tree.structure(example_args)
    jaxpr, result, captured = _traced("closure_convert", fun, example_args, {})
    hoisted = [i for i, value in enumerate(captured) if isinstance(value, Tracer)]
    wanted = [i for i, leaf in enumerate(tree.leaves(example_args)) if _aval_if_typed(leaf)]
    out_leaves, out_treedef = tree.flatten(result)

    def converted(*args: Any) -> Any:
        given, values = args[: len(example_args)], args[len(example_args) :]
        if len(values) != len(hoisted):
            raise ArgumentError(
                f"closure_convert: the converted function takes {len(example_args)} arguments and "
                f"{len(hoisted)} values, got {len(args)} in all",
                "Write converted(*args, *values).",
            )
        held = list(captured)
        for i, value in zip(hoisted, values, strict=True):
            held[i] = value
        leaves = tree.flatten_up_to(structure, given, "closure_convert: args", "example_args")
        found = iter(run(jaxpr, [*held, *[leaves[i] for i in wanted]]))
        return tree.unflatten(
            out_treedef,
            [next(found) if isinstance(x, ShapeDtypeStruct) else x for x in out_leaves],
        )

    return converted, [captured[i] for i in hoisted]


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
