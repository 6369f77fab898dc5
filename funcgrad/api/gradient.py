"""Gradients of functions of pytrees: grad and value_and_grad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, ShapeError, entry
from ..transforms import vjp as reverse
from .arguments import Choice, pick, replace
from .flat import distribute, pair, rebuild, require_complex
from .leaves import describe, own_result, own_results, require_inexact, split, type_of
from .transformed import Transformed, require_function

__all__ = ["grad", "value_and_grad"]

P = ParamSpec("P")
R = TypeVar("R")


@entry
def value_and_grad(
    f: Callable[P, Any] | None = None,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | tuple[str, ...] | None = None,
    fun: Callable[P, Any] | None = None,
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
        allow_int: Whether a chosen argument may have no float leaf at all; its gradient is None.
        fun: ``f``, under JAX's name for it.

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
    return _derivative(
        value_and_grad, _one(f, fun), argnums, argnames, has_aux, holomorphic, None, allow_int
    )


@entry
def grad(
    f: Callable[P, Any] | None = None,
    argnums: int | Sequence[int] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
    allow_int: bool = False,
    *,
    argnames: str | tuple[str, ...] | None = None,
    fun: Callable[P, Any] | None = None,
) -> Callable[P, Any]:
    """The gradient of ``f``: `value_and_grad` without the value.

    Args:
        f: A function whose result is a float scalar, of arrays, numbers and pytrees of them.
        argnums: Which positional arguments to differentiate; by default the first.
        argnames: Which arguments to differentiate, by name.
        has_aux: Whether ``f`` returns a pair of the scalar and a pytree that is not differentiated.
        holomorphic: Whether ``f`` is a holomorphic function of complex arguments.
        allow_int: Whether a chosen argument may have no float leaf at all; its gradient is None.
        fun: ``f``, under JAX's name for it.

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
    return _derivative(grad, _one(f, fun), argnums, argnames, has_aux, holomorphic, None, allow_int)


def _one(f: Any, fun: Any) -> Any:
    """The function, under whichever name it was given."""
    if f is not None and fun is not None:
        raise ArgumentError("grad: got a function twice, as f and as fun", "Give it once.")
    return fun if f is None else f


def _derivative(
    transform: Callable[..., Any],
    f: Callable[..., Any],
    argnums: Any,
    argnames: Any,
    has_aux: bool,
    holomorphic: bool,
    called: str | None = None,
    allow_int: bool = False,
) -> Any:
    what = called or transform.__name__
    require_function(f, what)
    choice = Choice(f, argnums, argnames, what)
    with_value = transform is value_and_grad

    def call(*args: Any, **kwargs: Any) -> Any:
        positions = choice.find(args, kwargs)
        parts = [split(pick(args, kwargs, p), what, choice.label, p) for p in positions]
        values: list[Any] = []
        for position, part in zip(positions, parts, strict=True):
            if not part.chosen and not allow_int:
                require_inexact(part, what, choice.label(position))
            values += part.values
        if holomorphic:
            require_complex(values, what, "argument")
        aux: Any = None

        def flat(*tracers: Any) -> Sequence[Any]:
            nonlocal aux
            given = rebuild(parts, tracers)
            new_args, new_kwargs = replace(args, kwargs, positions, given)
            result = f(*new_args, **new_kwargs)
            if has_aux:
                result, aux = pair(result, what, f)
            return (result,)

        (value,), tape = reverse.vjp(flat, values, what, plain=True)
        seed = _seed(value, what, f, holomorphic)
        cts = tape.pullback((seed,), consume=True)
        taken = {id(v) for v in values}
        gradients = distribute(parts, values, cts, taken)
        result = choice.arrange(gradients)
        if with_value:
            value = own_result(value, taken)
            if has_aux:
                return (value, own_results(aux, taken, tape.value)), result
            return value, result
        return (result, own_results(aux, taken, tape.value)) if has_aux else result

    options = {
        "argnums": argnums,
        "argnames": argnames,
        "has_aux": has_aux,
        "holomorphic": holomorphic,
        "allow_int": allow_int,
    }
    return Transformed(call, transform, f, options)


def _seed(value: Any, what: str, f: Callable[..., Any], holomorphic: bool) -> Any:
    """The cotangent 1 of the scalar result, after checking that it is one."""
    if not isinstance(value, (Tracer, np.ndarray, np.generic, float, int, complex)):
        raise ShapeError(
            f"{what}: the output must be a scalar, got {type_of(value)} from {describe(f)}",
            "Return the scalar: the function returns nothing."
            if value is None
            else "Return the scalar alone, use has_aux=True for further outputs, or use jacobian.",
        )
    aval = aval_of(value)
    if aval.shape:
        raise ShapeError(
            f"{what}: the output must be a scalar, got {type_of(value)} from {describe(f)}",
            "Sum it, take value[i], or use jacobian.",
        )
    if not aval.inexact:
        raise DtypeError(
            f"{what}: the output must be a float, got {type_of(value)} from {describe(f)}",
            "The gradient of an integer or boolean is zero; return a float.",
        )
    if holomorphic:
        require_complex([value], what, "output")
    elif aval.dtype.kind == "c":
        raise DtypeError(
            f"{what}: the output must be real, got {type_of(value)} from {describe(f)}",
            "Take its real part or abs, or pass holomorphic=True for a holomorphic function.",
        )
    return 1.0 if aval.weak and aval.dtype.kind == "f" else aval.dtype.type(1)
