"""Floor 7: `linear_transpose`, the transpose of a linear function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.ir import Aval, Jaxpr, Place, Var, line_of, make_aval
from ..core.trace import Tracer, aval_of, run, trace
from ..errors import ArgumentError, DtypeError, entry, trim
from ..ops.linear import zeros
from ..transforms import vjp as reverse
from .leaves import describe, kind_of, matching, own
from .transformed import require_function

__all__ = ["linear_transpose"]


@entry
def linear_transpose(f: Callable[..., Any], *primals: Any) -> Callable[[Any], tuple[Any, ...]]:
    """The transpose of ``f``, a function that is linear in all its arguments.

    For ``f(x) = A @ x`` it is ``ct -> A.T @ ct``, without conjugate for complex numbers. `vjp`
    gives the same for a linear function and needs the values of arguments; this needs their types
    alone, and raises where ``f`` is not linear. ``f`` is traced, and only the transposed program is
    kept.

    Args:
        f: A function of pytrees of floats, with a pytree of floats as result.
        *primals: One an argument: arrays, or objects with a shape and a dtype. Values are not read.

    Returns:
        A function of a pytree like the output, that returns a tuple with one pytree an argument.

    Raises:
        ArgumentError: Where no primal is given, or ``f`` is not linear: naming the line whose value
            its derivative needs.
        DtypeError: Where an argument or the output is not a float.

    >>> import numpy as np
    >>> transposed = linear_transpose(lambda x: np.cumsum(x), np.zeros(3))
    >>> transposed(np.array([1.0, 10.0, 100.0]))
    (array([111., 110., 100.]),)
    """
    require_function(f, "linear_transpose")
    if not primals:
        raise ArgumentError(
            "linear_transpose: no primal was given", "Write linear_transpose(f, x, ...)."
        )
    leaves, treedef = tree.flatten(primals)
    avals = [_aval(leaf, treedef, i) for i, leaf in enumerate(leaves)]
    out_treedef: Any = None
    transposed: tuple[Jaxpr, list[Any], list[bool]] | None = None

    def flat(*values: Any) -> Sequence[Any]:
        nonlocal out_treedef
        out, out_treedef = tree.flatten(f(*tree.unflatten(treedef, values)))
        return out

    def forward(*inputs: Any) -> list[Any]:
        nonlocal transposed
        results, tape = reverse.vjp(flat, inputs, "linear_transpose")
        for result in results:
            if not _is_float(result):
                raise DtypeError(
                    f"linear_transpose: the output must be float arrays, got {kind_of(result)} "
                    f"from {describe(f)}",
                    "Return floats alone.",
                )
        frame = inputs[0].frame if inputs else None
        transposed = _transposed(tape, results)
        for var, value in zip(transposed[0].inputs, transposed[1], strict=False):
            if isinstance(value, Tracer) and value.frame is frame:
                raise _not_linear(f, transposed[0], var)
        return results

    program, captured = trace(forward, avals, name="linear", what="linear_transpose")
    _require_zero_at_zero(program, captured, avals, f)
    assert transposed is not None
    pullback, held, given = transposed
    out_avals = [aval.strong() for aval in program.out_avals]

    def transpose(ct: Any) -> tuple[Any, ...]:
        try:
            name = "linear_transpose: the cotangent"
            cts = tree.flatten_up_to(out_treedef, ct, name, "the output")
            values = [
                matching(c, aval, name, out_treedef, i)
                for i, (c, aval) in enumerate(zip(cts, out_avals, strict=True))
            ]
            values = [zeros(a) if c is None else c for c, a in zip(values, out_avals, strict=True)]
            found = iter(run(pullback, [*held, *values]))
            taken = {id(x) for x in (*values, *held)}
            pulled = [
                own(next(found) if some else zeros(aval), taken)
                for some, aval in zip(given, avals, strict=True)
            ]
            return tree.unflatten(treedef, pulled)
        except Exception as error:
            trim(error)
            raise

    return transpose


def _is_float(x: Any) -> bool:
    return isinstance(x, (Tracer, np.ndarray, np.generic, float, complex)) and aval_of(x).inexact


def _aval(leaf: Any, treedef: tree.TreeDef, i: int) -> Aval:
    shape, dtype = getattr(leaf, "shape", None), getattr(leaf, "dtype", None)
    if isinstance(leaf, (Tracer, np.ndarray, np.generic, int, float, complex)):
        aval = aval_of(leaf).strong()
    elif shape is not None and dtype is not None:
        aval = make_aval(tuple(shape), np.dtype(dtype))
    else:
        aval = None
    if aval is None or not aval.inexact:
        argument, *path = treedef.paths()[i]
        raise DtypeError(
            f"linear_transpose: primal {argument.key}{tree.path_string(path)} is "
            f"{kind_of(leaf) if aval is None else aval}, in which no function is linear",
            "Give floats, and close over what the function is not linear in.",
        )
    return aval


def _transposed(tape: reverse.Tape, results: Sequence[Any]) -> tuple[Jaxpr, list[Any], list[bool]]:
    """The pullback's program, what it captured, and which cotangents it gives."""
    given: list[bool] = []

    def pullback(*cts: Any) -> list[Any]:
        pulled = tape.pullback(cts)
        given.extend([g is not None for g in pulled])
        return [g for g in pulled if g is not None]

    avals = [aval_of(result).strong() for result in results]
    program, captured = trace(pullback, avals, name="transposed", what="linear_transpose")
    return program, captured, given


def _not_linear(f: Callable[..., Any], pullback: Jaxpr, var: Var) -> ArgumentError:
    """The error where the pullback reads ``var``, which depends on the arguments' values."""
    reads = (eqn.place for eqn in pullback.equations if var in eqn.inputs)
    at = line_of(next(reads, None))
    return ArgumentError(
        f"linear_transpose: {describe(f)} is not linear: its derivative"
        f"{f', at {at},' if at else ''} depends on the argument's value",
        "Close over what it is not linear in, or use vjp, which takes any function.",
    )


def _require_zero_at_zero(
    program: Jaxpr, captured: Sequence[Any], avals: Sequence[Aval], f: Callable[..., Any]
) -> None:
    """Raise for an affine function; its derivative is a linear one's."""
    if any(isinstance(x, Tracer) for x in captured):
        return
    with np.errstate(all="ignore"):
        results = run(program, [*captured, *[zeros(aval) for aval in avals]])
    for result, out in zip(results, program.outputs, strict=True):
        # A nan is inf * 0 of an infinite coefficient.
        if isinstance(result, Tracer) or not np.any((result != 0) & (result == result)):
            continue
        place: Place | None = next(
            (eqn.place for eqn in program.equations if out in eqn.outputs), None
        )
        at = line_of(place)
        raise ArgumentError(
            f"linear_transpose: {describe(f)} is not linear: at zero its result"
            f"{f', computed at {at},' if at else ''} is not zero",
            "Leave the constant term out, or use vjp, which takes any function.",
        )
