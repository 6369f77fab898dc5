"""Products with the Jacobian and the Hessian: vjp, jvp, linearize, hvp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import tree
from ..core.record import trace
from ..core.trace import aval_of
from ..errors import ArgumentError, entry
from ..transforms import vjp as reverse
from .flat import forward_mode, materialise, pair, rebuild
from .gradient import grad
from .leaves import (
    is_inexact,
    own_result,
    own_results,
    primal,
    require_inexact,
    split,
    tangents_for,
)
from .linear import Linear, Pullback
from .transformed import require_function

__all__ = ["hvp", "jvp", "linearize", "vjp"]


@entry
def vjp(
    f: Callable[..., Any], *primals: Any, has_aux: bool = False
) -> tuple[Any, Callable[[Any], tuple[Any, ...]]] | tuple[Any, Callable[..., Any], Any]:
    """``f(*primals)`` and its pullback, the vector-Jacobian product.

    The pullback maps a cotangent of the output to cotangents of the primals: for ``y = f(x)`` and
    Jacobian ``J``, ``ct -> ct @ J`` (transpose without conjugate for complex numbers). In general
    ``<ct, J t> == <pullback(ct), t>`` with ``<a, b> = Re(sum(a * b))``, so that the cotangent of a
    real primal is real, also where the output is complex: ``Re(ct @ J)``. It can be called any
    number of times.

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
        result = f(*rebuild(parts, tracers))
        if has_aux:
            result, aux = pair(result, "vjp", f)
        leaves, treedef = tree.flatten(result)
        return leaves

    outputs, tape = reverse.vjp(flat, values, "vjp", plain=True)
    # The tape keeps its own arrays for further calls: what is handed out is copied.
    taken = {id(v) for v in (*values, *outputs)}
    avals = [aval_of(out) for out in outputs]
    results = tree.unflatten(treedef, [own_result(out, taken) for out in outputs])

    pullback = Pullback(parts, values, treedef, avals, tape.pullback)
    if has_aux:
        return results, pullback, own_results(aux, taken, tape.value)
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
    results, out_tangents, treedef, aux = forward_mode(f, parts, values, pushed, has_aux, what)
    # A result without tangent may be an argument or a captured array itself.
    plain = [out for out, t in zip(results, out_tangents, strict=True) if t is None]
    taken = {id(v) for v in (*values, *pushed, *plain)}
    output = tree.unflatten(treedef, [own_result(out, taken) for out in results])
    tangent = tree.unflatten(
        treedef, [own_result(t, taken) for t in materialise(results, out_tangents)]
    )
    if has_aux:
        return output, tangent, own_results(aux, taken, lambda leaf: leaf)
    return output, tangent


@entry
def linearize(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """``f(*primals)`` and its derivative there as a linear function, for repeated use.

    ``f`` runs once; the linear function is a recorded program of what acts on tangents alone.

    Args:
        f: A function of pytrees, with a pytree of arrays as result.
        *primals: Where to linearize.
        has_aux: Whether ``f`` returns a pair of the output and a pytree that is not differentiated.

    Returns:
        ``(output, linear)``, with ``has_aux`` ``(output, linear, aux)``; ``linear(*tangents)``
        gives what `jvp` gives as tangent.

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
    aux: Any = None

    def tangent_map(*tangents: Any) -> Sequence[Any]:
        nonlocal results, treedef, aux
        results, pushed, treedef, aux = forward_mode(
            f, parts, values, tangents, has_aux, "linearize"
        )
        return [t for t in materialise(results, pushed) if t is not None]

    program, captured = trace(tangent_map, avals, name="linear", what="linearize", effects=False)
    taken = {id(v) for v in (*values, *captured, *results)}
    output = tree.unflatten(treedef, [own_result(out, taken) for out in results])
    exact = [not is_inexact(out) for out in results]

    linear = Linear(parts, program, captured, treedef, exact)
    if has_aux:
        return output, linear, own_results(aux, taken, lambda leaf: leaf)
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
