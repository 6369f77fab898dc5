"""`cond`, `switch` and `select`, as users call them: on pytrees, with checked branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import tree
from ...core.ir import make_aval
from ...core.record import run
from ...core.source_info import place_of
from ...core.trace import Tracer, apply, aval_of
from ...errors import ArgumentError, DtypeError, ShapeError, StructureError
from ...ops.convert import convert
from ...ops.select import select as select_primitive
from ..program.trace_body import (
    Body,
    Operands,
    convert_outputs,
    is_python_number,
    join,
    scalar,
    share,
    to_aval,
    unlike,
)
from .cond import Cond, check_index
from .untaken import traced_branches

__all__ = ["cond", "select", "switch"]

_MISSING: Any = object()


def cond(
    pred: Any,
    true_fun: Callable[..., Any],
    false_fun: Callable[..., Any],
    *operands: Any,
    operand: Any = _MISSING,
) -> Any:
    """``true_fun(*operands)`` if ``pred`` else ``false_fun(*operands)``, inside `jit` too.

    Both functions are traced, and must return the same types; only the chosen one is run. One that
    raises while it is traced because of plain values (an index out of bounds, a division by zero)
    raises where it is chosen. Under
    `vmap` with a batched ``pred`` each element gets the result of its own branch; a branch that no
    element takes is not run, and elements are never computed with operands of elements that chose
    otherwise.

    Args:
        pred: A boolean scalar.
        true_fun: A function of the operands.
        false_fun: A function of the operands.
        *operands: Pytrees.
        operand: The only one, by this name.

    Returns:
        What the chosen function returns.

    Raises:
        ArgumentError: Where ``operand`` is given beside others.
        DtypeError: Where ``pred`` is no boolean scalar.
        StructureError, ShapeError, DtypeError: Where the branches disagree; naming the leaf, types
            and places.

    >>> cond(True, lambda x: x + 1.0, lambda x: x * 0.0, 2.0)
    np.float64(3.0)
    """
    if operand is not _MISSING:
        if operands:
            raise ArgumentError(
                f"cond: got operand= and {len(operands)} positional operands",
                "Write cond(pred, true_fun, false_fun, *operands).",
            )
        operands = (operand,)
    aval = aval_of(pred) if isinstance(pred, (Tracer, np.ndarray, np.generic, bool)) else None
    if aval is None or aval.shape or aval.dtype.kind != "b":
        raise DtypeError(
            f"cond: the predicate must be a boolean scalar, got "
            f"{aval if aval is not None else type(pred).__name__}",
            "Write a comparison such as x > 0; numpy.any(p) or numpy.all(p) reduce an array.",
        )
    index = convert(pred, np.dtype(np.int64)) if isinstance(pred, Tracer) else int(pred)
    return _choose(index, (false_fun, true_fun), operands, "cond")


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """``branches[index](*operands)``, inside `jit` too.

    As `cond`, with any number of branches. An index out of range raises (JAX clamps it).

    Args:
        index: An integer scalar.
        branches: Functions of the operands.
        *operands: Pytrees.

    Returns:
        What the chosen function returns.

    Raises:
        DtypeError: Where ``index`` is no integer scalar.
        OutOfBoundsError: Where it names no branch.
        StructureError, ShapeError, DtypeError: Where the branches disagree.

    >>> switch(1, [lambda x: x, lambda x: 10.0 * x], 2.0)
    np.float64(20.0)
    """
    if not isinstance(branches, (list, tuple)) or not branches:
        got = "no branches" if isinstance(branches, (list, tuple)) else type(branches).__name__
        raise ArgumentError(
            f"switch: expected a list of functions, got {got}",
            "Write switch(i, [f, g, h], *operands).",
        )
    known = isinstance(index, (Tracer, np.ndarray, np.generic, int))
    aval = aval_of(index) if known else None
    if aval is None or aval.shape or aval.dtype.kind not in "iu":
        raise DtypeError(
            f"switch: the index must be an integer scalar, got "
            f"{aval if aval is not None else type(index).__name__}",
            "Convert it first: x.astype(int).",
        )
    if isinstance(index, Tracer):
        return _choose(convert(index, np.dtype(np.int64)), branches, operands, "switch")
    return _choose(int(index), branches, operands, "switch")


def _choose(
    index: Any, branches: Sequence[Callable[..., Any]], operands: tuple[Any, ...], what: str
) -> Any:
    given = Operands(operands)
    known = None if isinstance(index, Tracer) else index
    bodies = traced_branches(branches, given, what, known)
    # Errors name the branches as they stand in the call.
    turn = -1 if what == "cond" else 1
    _agree(bodies[::turn], branches[::turn], what)
    programs, captured = share(bodies)
    if isinstance(index, Tracer):
        out = apply(Cond(tuple(programs)), [index, *captured, *given.values], None)
        return bodies[0].rebuild(out)
    chosen = check_index(index, len(branches))
    out = run(programs[chosen], [*captured, *given.values])
    return bodies[chosen].rebuild([scalar(x) for x in out])


def _agree(bodies: Sequence[Body], branches: Sequence[Callable[..., Any]], what: str) -> None:
    """Bring the branches' results to one type, or say which leaf differs."""
    first = bodies[0]
    for body, f in zip(bodies[1:], branches[1:], strict=True):
        sources = f"{place_of(branches[0])} and {place_of(f)}"
        if body.treedef != first.treedef or body.numbers != first.numbers:
            raise StructureError(
                f"{what}: the branches return different structures: {first.treedef} and "
                f"{body.treedef} from {sources}",
                "Return the same structure from every branch.",
            )
        paths = first.treedef.paths()
        for i, (a, b) in enumerate(zip(first.leaves, body.leaves, strict=True)):
            if i not in first.numbers and a is not b and a != b:
                raise StructureError(
                    f"{what}: the branches return {a!r} and {b!r} at "
                    f"{tree.path_string(paths[i]) or 'the result'}, from {sources}",
                    "What is no array or number must be the same in every branch.",
                )
    avals = list(first.jaxpr.out_avals)
    for body, f in zip(bodies[1:], branches[1:], strict=True):
        for j, aval in enumerate(body.jaxpr.out_avals):
            joined = join(avals[j], aval)
            if joined is None:
                where = tree.path_string(first.treedef.paths()[first.numbers[j]]) or "the result"
                raise unlike(
                    avals[j],
                    aval,
                    f"{what}: the branches return {avals[j]} and {aval} at {where}, from "
                    f"{place_of(branches[0])} and {place_of(f)}",
                    "Return the same shape and dtype from every branch.",
                )
            avals[j] = joined
    for body in bodies:
        convert_outputs(body, avals)


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """``on_true`` where ``pred``, else ``on_false``, element by element, without broadcasting.

    Args:
        pred: Booleans, of the arrays' shape or a scalar.
        on_true: An array.
        on_false: An array of the same type.

    Raises:
        ShapeError: Where shapes differ; use `numpy.where`, which broadcasts.
        DtypeError: Where dtypes differ, the predicate is not boolean, or one is no array and no
            number.

    >>> import numpy as np
    >>> select(np.array([True, False]), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([1., 4.])
    """
    for given in (pred, on_true, on_false):
        if not is_python_number(given):
            raise DtypeError(
                f"select: expected arrays, got {type(given).__name__}",
                "Give a boolean predicate and two arrays of one type.",
            )
    p, x, y = aval_of(pred), aval_of(on_true), aval_of(on_false)
    joined = join(x, y)
    if p.dtype.kind != "b" or joined is None or p.shape not in ((), x.shape):
        fits = x.shape == y.shape and p.shape in ((), x.shape)
        raise (DtypeError if fits else ShapeError)(
            f"select: got a predicate {p} and cases {x} and {y}",
            "Give a boolean predicate and two arrays of one type, or use numpy.where.",
        )
    strong = make_aval(joined.shape, joined.dtype)
    return select_primitive(pred, to_aval(on_true, strong), to_aval(on_false, strong))
