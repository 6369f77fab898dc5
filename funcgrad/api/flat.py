"""From functions of pytrees, as users write them, to functions of flat values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import tree
from ..core.trace import aval_of
from ..errors import ArgumentError, DtypeError
from ..ops.linear import zeros
from .leaves import SplitArgument, describe, is_inexact, own_result, type_of

__all__ = ["distribute", "forward_mode", "materialise", "pair", "rebuild", "require_complex"]


def rebuild(parts: Sequence[SplitArgument], values: Sequence[Any]) -> list[Any]:
    """The arguments, with ``values`` at the leaves that are differentiated."""
    start = 0
    rebuilt = []
    for part in parts:
        stop = start + len(part.chosen)
        rebuilt.append(part.rebuild(values[start:stop]))
        start = stop
    return rebuilt


def distribute(
    parts: Sequence[SplitArgument], values: Sequence[Any], cts: Sequence[Any], taken: set[int]
) -> list[Any]:
    """Cotangents as results, one pytree an argument; zeros where no cotangent arrived."""
    owned = [
        own_result(zeros(aval_of(x).strong()) if ct is None else ct, taken)
        for x, ct in zip(values, cts, strict=True)
    ]
    start = 0
    gradients = []
    for part in parts:
        stop = start + len(part.chosen)
        gradients.append(part.gradient(owned[start:stop]))
        start = stop
    return gradients


def pair(result: Any, what: str, f: Callable[..., Any]) -> tuple[Any, Any]:
    """``result`` as ``(output, aux)``.

    Raises:
        ArgumentError: It is no pair.
    """
    if not isinstance(result, tuple) or len(result) != 2:
        got = f"a tuple of {len(result)}" if isinstance(result, tuple) else type_of(result)
        raise ArgumentError(
            f"{what}: with has_aux=True the output must be a pair (output, aux), got {got} from "
            f"{describe(f)}",
            "Return (output, aux), or leave has_aux out.",
        )
    return result


def require_complex(values: Sequence[Any], what: str, name: str) -> None:
    """Refuse what is not complex.

    Raises:
        DtypeError: Saying what to write.
    """
    for value in values:
        if aval_of(value).dtype.kind != "c":
            raise DtypeError(
                f"{what}: with holomorphic=True every {name} must be complex, got {type_of(value)}",
                "Convert it with x.astype(complex), or leave holomorphic out.",
            )


def forward_mode(
    f: Callable[..., Any],
    parts: Sequence[SplitArgument],
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
        result = f(*rebuild(parts, tracers))
        aux = None
        if has_aux:
            result, aux = pair(result, what, f)
        leaves, treedef = tree.flatten(result)
        aux_leaves, aux_treedef = tree.flatten(aux)
        count = len(leaves)
        return [*leaves, *aux_leaves]

    from ..transforms import jvp as forward

    outputs, out_tangents = forward.jvp(
        flat, values, tangents, what, linear=what == "linearize", plain=True
    )
    aux = tree.unflatten(aux_treedef, outputs[count:])
    return outputs[:count], out_tangents[:count], treedef, aux


def materialise(values: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """Zeros for zero tangents, None for tangents of integers and booleans."""
    return [
        t if t is not None else zeros(aval_of(x).strong()) if is_inexact(x) else None
        for x, t in zip(values, tangents, strict=True)
    ]
