"""Floor 7: derivatives of functions of pytrees: grad, value_and_grad, vjp, jvp, linearize, hvp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from .. import tree
from ..core.trace import Tracer, aval_of, run, trace
from ..errors import ArgumentError, DtypeError, ShapeError, entry, trim
from ..ops.linear import zeros
from ..transforms import vjp as reverse
from .arguments import Choice, pick, replace
from .leaves import (
    Split,
    describe,
    is_inexact,
    kind_of,
    matching,
    own,
    own_tree,
    primal,
    require_inexact,
    split,
    tangents_for,
)
from .transformed import Transformed, require_function

__all__ = ["grad", "hvp", "jvp", "linearize", "value_and_grad", "vjp"]

P = ParamSpec("P")
R = TypeVar("R")


@entry
def value_and_grad(
    f: Callable[P, Any],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[P, tuple[Any, Any]]:
    """The function that gives ``f``'s value and its gradient in one call.

    For a scalar ``f`` the gradient with respect to ``x`` is ``g[i] = df/dx[i]``, computed in
    reverse mode at a small multiple of the cost of ``f`` (Griewank & Walther, Evaluating
    Derivatives, 2008, section 3.3). ``f`` is called once, on values: Python branches, loops and
    exceptions behave as in a plain call. Arguments are never changed.

    Args:
        f: A function whose result is a float scalar, of arrays, numbers and pytrees of them.
        argnums: Which positional arguments to differentiate, counted from 0; an int or a tuple. By
            default the first. The argument may also be passed by keyword: ``grad(f)(x=1.0)``.
        argnames: Which arguments to differentiate, by name, keyword-only ones included.
        has_aux: Whether ``f`` returns a pair of the scalar and a pytree that is not differentiated.
        holomorphic: Whether ``f`` is a holomorphic function of complex arguments. For complex
            arguments and a real result, leave it False: the gradient is then
            ``df/d(re x) - 1j * df/d(im x)``, as in JAX and autograd.

    Returns:
        A function of the same arguments that returns ``(value, gradient)``, with ``has_aux``
        ``((value, aux), gradient)``. The gradient has the structure, shapes and dtypes of the
        chosen argument (a tuple of them for a tuple of argnums, a dict for a tuple of argnames),
        with None at leaves that are not floats.

    Raises:
        ArgumentError: For argnums or argnames that the call does not have.
        DtypeError: Where a chosen argument has no float leaf, or the result is no float.
        ShapeError: Where the result is not a scalar.

    >>> import numpy as np
    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    return _derivative(value_and_grad, f, argnums, argnames, has_aux, holomorphic)


@entry
def grad(
    f: Callable[P, Any],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[P, Any]:
    """The gradient of ``f``: `value_and_grad` without the value.

    Args:
        f: A function whose result is a float scalar, of arrays, numbers and pytrees of them.
        argnums: Which positional arguments to differentiate; by default the first.
        argnames: Which arguments to differentiate, by name.
        has_aux: Whether ``f`` returns a pair of the scalar and a pytree that is not differentiated.
        holomorphic: Whether ``f`` is a holomorphic function of complex arguments.

    Returns:
        A function of the same arguments that returns the gradient, with ``has_aux``
        ``(gradient, aux)``.

    Raises:
        ArgumentError: For argnums or argnames that the call does not have.
        DtypeError: Where a chosen argument has no float leaf, or the result is no float.
        ShapeError: Where the result is not a scalar.

    >>> grad(lambda x, y: x * y + x)(2.0, 3.0)
    np.float64(4.0)
    >>> grad(lambda x, y: x * y, argnums=(0, 1))(2.0, y=3.0)
    (np.float64(3.0), np.float64(2.0))
    """
    return _derivative(grad, f, argnums, argnames, has_aux, holomorphic)


def _derivative(
    transform: Callable[..., Any],
    f: Callable[..., Any],
    argnums: Any,
    argnames: Any,
    has_aux: bool,
    holomorphic: bool,
) -> Any:
    what = transform.__name__
    require_function(f, what)
    choice = Choice(f, argnums, argnames, what)
    with_value = transform is value_and_grad

    def call(*args: Any, **kwargs: Any) -> Any:
        places = choice.find(args, kwargs)
        parts = [split(pick(args, kwargs, p), what, choice.label, p) for p in places]
        values: list[Any] = []
        for place, part in zip(places, parts, strict=True):
            if not part.chosen:
                require_inexact(part, what, choice.label(place))
            values += part.values
        if holomorphic:
            _require_complex(values, what, "argument")
        aux: Any = None

        def flat(*tracers: Any) -> Sequence[Any]:
            nonlocal aux
            given = _rebuild(parts, tracers)
            new_args, new_kwargs = replace(args, kwargs, places, given)
            result = f(*new_args, **new_kwargs)
            if has_aux:
                result, aux = _pair(result, what, f)
            return (result,)

        (value,), tape = reverse.vjp(flat, values, what)
        seed = _seed(value, what, f, holomorphic)
        cts = tape.pullback((seed,), consume=True)
        taken = {id(v) for v in values}
        gradients = _distribute(parts, values, cts, taken)
        result = choice.arrange(gradients)
        if with_value:
            value = own(value, taken)
            if has_aux:
                return (value, own_tree(aux, taken, tape.value)), result
            return value, result
        return (result, own_tree(aux, taken, tape.value)) if has_aux else result

    options = {
        "argnums": argnums,
        "argnames": argnames,
        "has_aux": has_aux,
        "holomorphic": holomorphic,
    }
    return Transformed(call, transform, f, options)


def _rebuild(parts: Sequence[Split], values: Sequence[Any]) -> list[Any]:
    start = 0
    rebuilt = []
    for part in parts:
        stop = start + len(part.chosen)
        rebuilt.append(part.rebuild(values[start:stop]))
        start = stop
    return rebuilt


def _distribute(
    parts: Sequence[Split], values: Sequence[Any], cts: Sequence[Any], taken: set[int]
) -> list[Any]:
    """Cotangents as results, one pytree an argument; zeros where no cotangent arrived."""
    owned = [
        own(zeros(aval_of(x).strong()) if ct is None else ct, taken)
        for x, ct in zip(values, cts, strict=True)
    ]
    start = 0
    gradients = []
    for part in parts:
        stop = start + len(part.chosen)
        gradients.append(part.gradient(owned[start:stop]))
        start = stop
    return gradients


def _pair(result: Any, what: str, f: Callable[..., Any]) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        got = f"a tuple of {len(result)}" if isinstance(result, tuple) else kind_of(result)
        raise ArgumentError(
            f"{what}: with has_aux=True the output must be a pair (output, aux), got {got} from "
            f"{describe(f)}",
            "Return (output, aux), or leave has_aux out.",
        )
    return result


def _seed(value: Any, what: str, f: Callable[..., Any], holomorphic: bool) -> Any:
    """The cotangent 1 of the scalar result, after checking that it is one."""
    if not isinstance(value, (Tracer, np.ndarray, np.generic, float, int, complex)):
        raise ShapeError(
            f"{what}: the output must be a scalar, got {kind_of(value)} from {describe(f)}",
            "Return the scalar: the function returns nothing."
            if value is None
            else "Return the scalar alone, use has_aux=True for further outputs, or use jacobian.",
        )
    aval = aval_of(value)
    if aval.shape:
        raise ShapeError(
            f"{what}: the output must be a scalar, got {kind_of(value)} from {describe(f)}",
            "Sum it, take value[i], or use jacobian.",
        )
    if not aval.inexact:
        raise DtypeError(
            f"{what}: the output must be a float, got {kind_of(value)} from {describe(f)}",
            "The gradient of an integer or boolean is zero; return a float.",
        )
    if holomorphic:
        _require_complex([value], what, "output")
    elif aval.dtype.kind == "c":
        raise DtypeError(
            f"{what}: the output must be real, got {kind_of(value)} from {describe(f)}",
            "Take its real part or abs, or pass holomorphic=True for a holomorphic function.",
        )
    return 1.0 if aval.weak and aval.dtype.kind == "f" else aval.dtype.type(1)


def _require_complex(values: Sequence[Any], what: str, name: str) -> None:
    for value in values:
        if aval_of(value).dtype.kind != "c":
            raise DtypeError(
                f"{what}: with holomorphic=True every {name} must be complex, got {kind_of(value)}",
                "Convert it with x.astype(complex), or leave holomorphic out.",
            )


@entry
def vjp(
    f: Callable[..., Any], *primals: Any, has_aux: bool = False
) -> tuple[Any, Callable[[Any], tuple[Any, ...]]] | tuple[Any, Callable[..., Any], Any]:
    """``f(*primals)`` and its pullback, the vector-Jacobian product.

    The pullback maps a cotangent of the output to cotangents of the primals: for ``y = f(x)`` and
    Jacobian ``J``, ``ct -> ct @ J`` (transpose without conjugate for complex numbers). It can be
    called any number of times.

    Args:
        f: A function of pytrees, with a pytree of arrays as result.
        *primals: Where to differentiate.
        has_aux: Whether ``f`` returns a pair of the output and a pytree that is not differentiated.

    Returns:
        ``(output, pullback)``, with ``has_aux`` ``(output, pullback, aux)``. ``pullback(ct)`` takes
        a pytree like the output and returns a tuple with one cotangent a primal, None at leaves
        that are not floats.

    Raises:
        ArgumentError: Where no primal is given.
        StructureError: Where a cotangent does not have the output's structure.

    >>> y, pullback = vjp(lambda x, z: x * z, 2.0, 3.0)
    >>> y, pullback(1.0)
    (np.float64(6.0), (np.float64(3.0), np.float64(2.0)))
    """
    require_function(f, "vjp")
    if not primals:
        raise ArgumentError("vjp: no primal was given", "Write vjp(f, x, ...).")
    parts = [split(x, "vjp", primal, i) for i, x in enumerate(primals)]
    values = [value for part in parts for value in part.values]
    treedef: Any = None
    aux: Any = None

    def flat(*tracers: Any) -> Sequence[Any]:
        nonlocal treedef, aux
        result = f(*_rebuild(parts, tracers))
        if has_aux:
            result, aux = _pair(result, "vjp", f)
        leaves, treedef = tree.flatten(result)
        return leaves

    outputs, tape = reverse.vjp(flat, values, "vjp")
    # The tape keeps its own arrays for further calls: what is handed out is copied.
    taken = {id(v) for v in (*values, *outputs)}
    avals = [aval_of(out) for out in outputs]
    results = tree.unflatten(treedef, [own(out, taken) for out in outputs])

    def pullback(ct: Any) -> tuple[Any, ...]:
        try:
            given = tree.flatten_up_to(treedef, ct, "vjp: the cotangent", "the output")
            cts = [
                matching(c, aval, "vjp: the cotangent", treedef, i) if aval.inexact else None
                for i, (c, aval) in enumerate(zip(given, avals, strict=True))
            ]
            held = {id(c) for c in cts} | {id(v) for v in values}
            return tuple(_distribute(parts, values, tape.pullback(cts), held))
        except Exception as error:
            trim(error)
            raise

    if has_aux:
        return results, pullback, own_tree(aux, taken, tape.value)
    return results, pullback


@entry
def jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """``f(*primals)`` and its derivative in the direction of ``tangents``.

    For ``y = f(x)`` and Jacobian ``J`` the tangent of the output is ``J @ t``, computed beside the
    value in forward mode.

    Args:
        f: A function of pytrees, with a pytree of arrays as result.
        primals: A tuple or list of arguments.
        tangents: One a primal, of its structure and shapes; at leaves that are not floats, and for
            zeros, None.
        has_aux: Whether ``f`` returns a pair of the output and a pytree that is not differentiated.

    Returns:
        ``(output, tangent)``, with ``has_aux`` ``(output, tangent, aux)``. The tangent of an
        integer or boolean output is None.

    Raises:
        ArgumentError: Where primals and tangents are no sequences of one length.
        StructureError, ShapeError, DtypeError: Where a tangent does not fit its primal.

    >>> import numpy as np
    >>> jvp(np.sin, (0.0,), (2.0,))
    (np.float64(0.0), np.float64(2.0))
    """
    return _jvp(f, primals, tangents, has_aux, "jvp")


def _jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool,
    what: str,
) -> tuple[Any, ...]:
    require_function(f, what)
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise ArgumentError(
                f"{what}: {name} must be a tuple with one entry an argument, got "
                f"{type(given).__name__}",
                f"Write {what}(f, (x,), (t,)).",
            )
    if len(primals) != len(tangents):
        raise ArgumentError(
            f"{what}: got {len(primals)} primals and {len(tangents)} tangents",
            "Give one tangent a primal.",
        )
    parts = [split(x, what, primal, i) for i, x in enumerate(primals)]
    values = [value for part in parts for value in part.values]
    pushed: list[Any] = []
    for i, (part, t) in enumerate(zip(parts, tangents, strict=True)):
        if t is None:
            pushed += [None] * len(part.chosen)
        else:
            require_inexact(part, what, primal(i))
            pushed += tangents_for(part, t, what, f"tangents[{i}]")
    results, out_tangents, treedef, aux = _push(f, parts, values, pushed, has_aux, what)
    # A result without tangent may be an argument or a captured array itself.
    plain = [out for out, t in zip(results, out_tangents, strict=True) if t is None]
    taken = {id(v) for v in (*values, *pushed, *plain)}
    output = tree.unflatten(treedef, [own(out, taken) for out in results])
    tangent = tree.unflatten(treedef, [own(t, taken) for t in _materialised(results, out_tangents)])
    if has_aux:
        return output, tangent, own_tree(aux, taken, lambda leaf: leaf)
    return output, tangent


def _push(
    f: Callable[..., Any],
    parts: Sequence[Split],
    values: Sequence[Any],
    tangents: Sequence[Any],
    has_aux: bool,
    what: str,
) -> tuple[list[Any], list[Any], Any, Any]:
    """Forward mode over pytrees: results, their tangents, the result's structure, aux."""
    treedef: Any = None
    aux_treedef: Any = None
    count = 0

    def flat(*tracers: Any) -> Sequence[Any]:
        nonlocal treedef, aux_treedef, count
        result = f(*_rebuild(parts, tracers))
        aux = None
        if has_aux:
            result, aux = _pair(result, what, f)
        leaves, treedef = tree.flatten(result)
        aux_leaves, aux_treedef = tree.flatten(aux)
        count = len(leaves)
        return [*leaves, *aux_leaves]

    from ..transforms import jvp as forward

    outputs, out_tangents = forward.jvp(flat, values, tangents, what, linear=what == "linearize")
    aux = tree.unflatten(aux_treedef, outputs[count:])
    return outputs[:count], out_tangents[:count], treedef, aux


def _materialised(values: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """Zeros for zero tangents, None for tangents of integers and booleans."""
    return [
        t if t is not None else zeros(aval_of(x).strong()) if is_inexact(x) else None
        for x, t in zip(values, tangents, strict=True)
    ]


@entry
def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """``f(*primals)`` and its derivative there as a linear function, for repeated use.

    ``f`` runs once; the linear function is a recorded program of what acts on tangents alone.

    Args:
        f: A function of pytrees, with a pytree of arrays as result.
        *primals: Where to linearize.

    Returns:
        ``(output, linear)``; ``linear(*tangents)`` gives what `jvp` gives as tangent.

    Raises:
        ArgumentError: Where no primal is given.

    >>> import numpy as np
    >>> y, linear = linearize(np.sin, 0.0)
    >>> linear(1.0), linear(2.0)
    (np.float64(1.0), np.float64(2.0))
    """
    require_function(f, "linearize")
    if not primals:
        raise ArgumentError("linearize: no primal was given", "Write linearize(f, x, ...).")
    parts = [split(x, "linearize", primal, i) for i, x in enumerate(primals)]
    values = [value for part in parts for value in part.values]
    avals = [aval_of(value).strong() for value in values]
    results: list[Any] = []
    treedef: Any = None

    def tangent_map(*tangents: Any) -> Sequence[Any]:
        nonlocal results, treedef
        results, pushed, treedef, _ = _push(f, parts, values, tangents, False, "linearize")
        return [t for t in _materialised(results, pushed) if t is not None]

    program, captured = trace(tangent_map, avals, name="linear", what="linearize", effects=False)
    taken = {id(v) for v in (*values, *captured, *results)}
    output = tree.unflatten(treedef, [own(out, taken) for out in results])
    exact = [not is_inexact(out) for out in results]

    def linear(*tangents: Any) -> Any:
        try:
            if len(tangents) != len(parts):
                raise ArgumentError(
                    f"linearize: the linear function takes {len(parts)} tangents, got "
                    f"{len(tangents)}",
                    "Give one tangent a primal.",
                )
            given: list[Any] = []
            for i, (part, t) in enumerate(zip(parts, tangents, strict=True)):
                pieces: list[Any] = [None] * len(part.chosen)
                if t is not None:
                    require_inexact(part, "linearize", primal(i))
                    pieces = tangents_for(part, t, "linearize", f"tangent {i}")
                for value, piece in zip(part.values, pieces, strict=True):
                    given.append(zeros(aval_of(value).strong()) if piece is None else piece)
            held = {id(v) for v in (*given, *captured)}
            pushed = iter(run(program, [*captured, *given]))
            leaves = [None if e else own(next(pushed), held) for e in exact]
            return tree.unflatten(treedef, leaves)
        except Exception as error:
            trim(error)
            raise

    return output, linear


@entry
def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The product of ``f``'s Hessian with ``tangents``, forward over reverse.

    ``H @ t`` is the derivative of the gradient in the direction of ``t`` (Pearlmutter, Fast exact
    multiplication by the Hessian, 1994), at a small multiple of the cost of ``f``.

    Args:
        f: A function whose result is a float scalar.
        primals: A tuple or list of arguments, all of which are differentiated.
        tangents: One a primal, of its structure and shapes.

    Returns:
        For one primal a pytree of its structure, for several a tuple of them.

    Raises:
        ArgumentError, StructureError, ShapeError, DtypeError: As `jvp` and `grad`.

    >>> import numpy as np
    >>> hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    array([ 6., 12.])
    """
    require_function(f, "hvp")
    several = isinstance(primals, (tuple, list)) and len(primals) != 1
    gradient = grad(f, tuple(range(len(primals))) if several else 0)
    return _jvp(gradient, primals, tangents, False, "hvp")[1]
