"""Whole Jacobians and Hessians: one mode of differentiation, mapped over a basis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

import numpy as np

from .. import tree
from ..core.ir import Aval
from ..core.trace import aval_of
from ..errors import DtypeError, entry
from ..ops.linear import move_axis, reshape, zeros
from ..transforms import vjp as reverse
from ..transforms import vmap as batch
from .arguments import Choice, pick, replace
from .flat import forward_mode, materialise, pair, rebuild, require_complex
from .leaves import (
    SplitArgument,
    describe,
    is_inexact,
    own_result,
    own_results,
    require_inexact,
    split,
    type_of,
)
from .transformed import Transformed, require_function

__all__ = [
    "hessian",
    "jacfwd",
    "jacobian",
    "jacrev",
    "value_and_jacfwd",
    "value_and_jacobian",
    "value_and_jacrev",
]

P = ParamSpec("P")


@entry
def jacfwd(
    f: Callable[P, Any],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[P, Any]:
    """The Jacobian of ``f``, column by column in forward mode, all columns at once.

    ``J[i, j] = d f(x)[i] / d x[j]``. The cheaper one where there are fewer inputs than outputs.

    Args:
        f: A function of pytrees, with a pytree of float arrays as result.
        argnums: Which positional arguments to differentiate; by default the first.
        argnames: Which arguments to differentiate, by name.
        has_aux: Whether ``f`` returns a pair of the output and a pytree that is not differentiated.
        holomorphic: Whether ``f`` is a holomorphic function of complex arguments.

    Returns:
        A function of the same arguments. Its result has the output's structure; in place of each
        leaf, of shape ``s``, stands the argument's structure, with leaves of shape ``s + x.shape``.
        With ``has_aux``, ``(jacobian, aux)``.

    Raises:
        DtypeError: Where an argument or the output has leaves that are not floats; for complex
            arguments without ``holomorphic``.

    >>> import numpy as np
    >>> jacfwd(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian(jacfwd, f, argnums, argnames, has_aux, holomorphic, "jacfwd")


@entry
def jacrev(
    f: Callable[P, Any],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[P, Any]:
    """The Jacobian of ``f``, row by row in reverse mode, all rows at once.

    ``J[i, j] = d f(x)[i] / d x[j]``. The cheaper one where there are fewer outputs than inputs.

    Args:
        f: A function of pytrees, with a pytree of float arrays as result.
        argnums: Which positional arguments to differentiate; by default the first.
        argnames: Which arguments to differentiate, by name.
        has_aux: Whether ``f`` returns a pair of the output and a pytree that is not differentiated.
        holomorphic: Whether ``f`` is a holomorphic function of complex arguments.

    Returns:
        As `jacfwd`.

    Raises:
        DtypeError: As `jacfwd`.

    >>> import numpy as np
    >>> jacrev(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian(jacrev, f, argnums, argnames, has_aux, holomorphic, "jacrev")


@entry
def jacobian(
    f: Callable[P, Any],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[P, Any]:
    """`jacrev` under the name of what it gives: its arguments, results and errors.

    >>> import numpy as np
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return _jacobian(jacobian, f, argnums, argnames, has_aux, holomorphic, "jacobian")


@entry
def value_and_jacfwd(
    f: Callable[P, Any],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[P, tuple[Any, Any]]:
    """The function that gives ``f``'s value and its Jacobian in one call: `jacfwd` with the value.

    Args:
        f: A function of pytrees, with a pytree of float arrays as result.
        argnums: Which positional arguments to differentiate; by default the first.
        argnames: Which arguments to differentiate, by name.
        has_aux: Whether ``f`` returns a pair of the output and a pytree that is not differentiated.
        holomorphic: Whether ``f`` is a holomorphic function of complex arguments.

    Returns:
        A function of the same arguments that returns ``(value, jacobian)``, with ``has_aux``
        ``((value, aux), jacobian)``. ``f`` runs once.

    Raises:
        DtypeError: As `jacfwd`.

    >>> import numpy as np
    >>> value_and_jacfwd(lambda x: x * x)(np.array([1.0, 2.0]))
    (array([1., 4.]), array([[2., 0.],
           [0., 4.]]))
    """
    choice = (argnums, argnames, has_aux, holomorphic)
    return _jacobian(value_and_jacfwd, f, *choice, "value_and_jacfwd")


@entry
def value_and_jacrev(
    f: Callable[P, Any],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[P, tuple[Any, Any]]:
    """The function that gives ``f``'s value and its Jacobian in one call: `jacrev` with the value.

    Args:
        f: A function of pytrees, with a pytree of float arrays as result.
        argnums: Which positional arguments to differentiate; by default the first.
        argnames: Which arguments to differentiate, by name.
        has_aux: Whether ``f`` returns a pair of the output and a pytree that is not differentiated.
        holomorphic: Whether ``f`` is a holomorphic function of complex arguments.

    Returns:
        A function of the same arguments that returns ``(value, jacobian)``, with ``has_aux``
        ``((value, aux), jacobian)``. ``f`` runs once.

    Raises:
        DtypeError: As `jacfwd`.

    >>> import numpy as np
    >>> value_and_jacrev(lambda x: x * x)(np.array([1.0, 2.0]))
    (array([1., 4.]), array([[2., 0.],
           [0., 4.]]))
    """
    choice = (argnums, argnames, has_aux, holomorphic)
    return _jacobian(value_and_jacrev, f, *choice, "value_and_jacrev")


@entry
def value_and_jacobian(
    f: Callable[P, Any],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[P, tuple[Any, Any]]:
    """`value_and_jacrev` under the name of what it gives: its arguments, results and errors."""
    choice = (argnums, argnames, has_aux, holomorphic)
    return _jacobian(value_and_jacobian, f, *choice, "value_and_jacobian")


@entry
def hessian(
    f: Callable[P, Any],
    argnums: int | tuple[int, ...] | None = None,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[P, Any]:
    """The matrix of second derivatives of ``f``: forward over reverse.

    ``H[i, j] = d2 f / (d x[i] d x[j])``.

    Args:
        f: A function of pytrees, usually with a float scalar as result.
        argnums: Which positional arguments to differentiate; by default the first.
        argnames: Which arguments to differentiate, by name.
        has_aux: Whether ``f`` returns a pair of the output and a pytree that is not differentiated.
        holomorphic: Whether ``f`` is a holomorphic function of complex arguments.

    Returns:
        A function of the same arguments, whose result has the argument's structure in place of each
        of the gradient's leaves. With ``has_aux``, ``(hessian, aux)``.

    Raises:
        DtypeError: As `jacfwd`.

    >>> import numpy as np
    >>> hessian(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    choice = (argnums, argnames, has_aux, holomorphic)
    return _jacobian(jacfwd, _jacobian(jacrev, f, *choice, "hessian"), *choice, "hessian")


def _jacobian(
    transform: Callable[..., Any],
    f: Callable[..., Any],
    argnums: Any,
    argnames: Any,
    has_aux: bool,
    holomorphic: bool,
    what: str,
) -> Any:
    require_function(f, what)
    choice = Choice(f, argnums, argnames, what)
    derive = _forward if transform in (jacfwd, value_and_jacfwd) else _reverse
    with_value = transform in (value_and_jacfwd, value_and_jacrev, value_and_jacobian)

    def call(*args: Any, **kwargs: Any) -> Any:
        positions = choice.find(args, kwargs)
        parts = [split(pick(args, kwargs, p), what, choice.label, p) for p in positions]
        for position, part in zip(positions, parts, strict=True):
            require_inexact(part, what, choice.label(position))
        values = [value for part in parts for value in part.values]
        if holomorphic:
            require_complex(values, what, "argument")
        elif any(aval_of(value).dtype.kind == "c" for value in values):
            raise DtypeError(
                f"{what}: an argument of {describe(f)} is complex, and holomorphic is False",
                "Pass holomorphic=True for a holomorphic function, or differentiate with respect "
                "to real and imaginary parts.",
            )

        def chosen(*given: Any) -> Any:
            new_args, new_kwargs = replace(args, kwargs, positions, list(given))
            return f(*new_args, **new_kwargs)

        outputs, columns, treedef, aux = derive(
            chosen, parts, values, has_aux, what, f, holomorphic
        )
        taken = {id(value) for value in values}
        leaves = [
            choice.arrange(
                [
                    part.gradient([own_result(block, taken) for block in blocks])
                    for part, blocks in zip(parts, _group(parts, row), strict=True)
                ]
            )
            for row in columns
        ]
        result = tree.unflatten(treedef, leaves)
        aux = own_results(aux, taken, lambda leaf: leaf) if has_aux else None
        if with_value:
            value = tree.unflatten(treedef, [own_result(out, taken) for out in outputs])
            return ((value, aux) if has_aux else value), result
        return (result, aux) if has_aux else result

    options = {
        "argnums": argnums,
        "argnames": argnames,
        "has_aux": has_aux,
        "holomorphic": holomorphic,
    }
    return Transformed(call, transform, f, options)


def _group(parts: Sequence[SplitArgument], row: Sequence[Any]) -> list[list[Any]]:
    """The blocks of one output leaf, parted by argument."""
    blocks = iter(row)
    return [[next(blocks) for _ in part.chosen] for part in parts]


def _forward(
    chosen: Callable[..., Any],
    parts: Sequence[SplitArgument],
    values: Sequence[Any],
    has_aux: bool,
    what: str,
    f: Callable[..., Any],
    holomorphic: bool,
) -> tuple[list[Any], list[list[Any]], Any, Any]:
    avals = [aval_of(value).strong() for value in values]
    results: list[Any] = []
    treedef: Any = None
    aux: Any = None

    def push(*tangents: Any) -> Sequence[Any]:
        nonlocal results, treedef, aux
        results, pushed, treedef, aux = forward_mode(chosen, parts, values, tangents, has_aux, what)
        _require_float_output(results, what, f, holomorphic)
        return materialise(results, pushed)

    size = sum(aval.size for aval in avals)
    pushed = batch.vmap(push, size, _basis(avals), [True] * len(avals))
    columns = []
    for out, t in zip(results, pushed, strict=True):
        shape = aval_of(out).shape
        blocks = _cut(move_axis(t, 0, len(shape)), avals, len(shape))
        columns.append([reshape(b, shape + a.shape) for b, a in zip(blocks, avals, strict=True)])
    return results, columns, treedef, aux


def _reverse(
    chosen: Callable[..., Any],
    parts: Sequence[SplitArgument],
    values: Sequence[Any],
    has_aux: bool,
    what: str,
    f: Callable[..., Any],
    holomorphic: bool,
) -> tuple[list[Any], list[list[Any]], Any, Any]:
    treedef: Any = None
    aux: Any = None

    def flat(*tracers: Any) -> Sequence[Any]:
        nonlocal treedef, aux
        result = chosen(*rebuild(parts, tracers))
        if has_aux:
            result, aux = pair(result, what, f)
        leaves, treedef = tree.flatten(result)
        return leaves

    outputs, tape = reverse.vjp(flat, values, what, plain=True)
    _require_float_output(outputs, what, f, holomorphic)
    avals = [aval_of(out).strong() for out in outputs]
    size = sum(aval.size for aval in avals)
    in_avals = [aval_of(value).strong() for value in values]

    def pull(*cts: Any) -> Sequence[Any]:
        pulled = tape.pullback(cts)
        return [
            zeros(aval) if ct is None else ct for ct, aval in zip(pulled, in_avals, strict=True)
        ]

    pulled = batch.vmap(pull, size, _basis(avals), [True] * len(avals))
    cut = [_cut(rows, avals, 0) for rows in pulled]
    columns = [
        [
            reshape(blocks[i], out.shape + aval.shape)
            for blocks, aval in zip(cut, in_avals, strict=True)
        ]
        for i, out in enumerate(avals)
    ]
    aux = tree.map(tape.value, aux) if has_aux else None
    return outputs, columns, treedef, aux


def _require_float_output(
    outputs: Sequence[Any], what: str, f: Callable[..., Any], holomorphic: bool
) -> None:
    for out in outputs:
        if not is_inexact(out):
            raise DtypeError(
                f"{what}: the output must be float arrays, got {type_of(out)} from {describe(f)}",
                "The derivative of integers and booleans is zero; return floats, or use "
                "has_aux=True for them.",
            )
        if not holomorphic and aval_of(out).dtype.kind == "c":
            raise DtypeError(
                f"{what}: the output must be real, got {type_of(out)} from {describe(f)}",
                "Pass holomorphic=True for a holomorphic function, or return real and imaginary "
                "parts.",
            )
    if holomorphic:
        require_complex(outputs, what, "output")


def _basis(avals: Sequence[Aval]) -> list[np.ndarray[Any, Any]]:
    """The standard basis of the space of all leaves: one array ``(size, *shape)`` a leaf."""
    size = sum(aval.size for aval in avals)
    start = 0
    basis = []
    for aval in avals:
        block = np.eye(size, aval.size, -start, dtype=aval.dtype)
        basis.append(block.reshape((size, *aval.shape)))
        start += aval.size
    return basis


def _cut(x: Any, avals: Sequence[Aval], axis: int) -> list[Any]:
    """Cut an axis that runs over all leaves together into one block a leaf."""
    if len(avals) == 1:
        return [x]
    start = 0
    blocks = []
    for aval in avals:
        index = (slice(None),) * axis + (slice(start, start + aval.size),)
        blocks.append(x[index])
        start += aval.size
    return blocks
