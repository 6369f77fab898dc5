"""`scan`, `while_loop`, `fori_loop` and `map`, as users call them: on pytrees."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import tree
from ...core.ir import Aval, make_aval
from ...core.source_info import name_of, place_of
from ...core.trace import Tracer, apply, aval_of
from ...errors import ArgumentError, DtypeError, ShapeError, StructureError
from ...ops.linear import reshape
from ..checkpoint import checkpoint as rematerialised
from ..program.trace_body import (
    Body,
    Operands,
    called,
    convert_outputs,
    join,
    require_callable,
    scalar,
    to_aval,
    trace_body,
    unlike,
)
from .scan import Scan
from .while_loop import While

__all__ = ["fori_loop", "scan", "while_loop"]


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
    *,
    checkpoint: str | int | None = None,
) -> tuple[Any, Any]:
    """Run ``carry, y = f(carry, x)`` for each ``x`` along the first axis of ``xs``.

    ``f`` is traced once, however long the scan is; in compiled code it is a Python loop over a
    compiled step. The reverse-mode derivative is a scan in the other direction.

    Args:
        f: A function of the carry and one slice of ``xs``, that returns the next carry, of the same
            structure, shapes and dtypes, and a pytree to be stacked.
        init: The first carry.
        xs: A pytree of arrays with one first axis, or None.
        length: The number of steps; needed where ``xs`` is None.
        reverse: Whether to go from the last slice to the first. ``ys`` keeps the order of ``xs``.
        unroll: How many steps one step of the compiled loop takes; True for all of them.
        checkpoint: ``"sqrt"``, or a number of segments: the backward pass keeps the carry at the
            segments' borders only and runs each segment again, so that memory grows with the square
            root of the length (Griewank, Achieving logarithmic growth of temporal and spatial
            complexity, 1992, in its two-level form).

    Returns:
        The last carry and the stacked ``ys``.

    Raises:
        ShapeError: Where the carry changes shape, naming the leaf, or leaves of ``xs`` differ in
            length.
        DtypeError: Where the carry changes dtype.
        StructureError: Where the carry changes structure, or ``f`` returns no pair.

    >>> import numpy as np
    >>> scan(lambda total, x: (total + x, total), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 1., 3.]))
    """
    return _scan("scan", f, init, xs, length, reverse, unroll, checkpoint)


def _scan(
    what: str,
    f: Callable[..., Any],
    init: Any,
    xs: Any,
    length: int | None,
    reverse: bool,
    unroll: int | bool | None,
    segments: str | int | None,
) -> tuple[Any, Any]:
    over = Operands(xs)
    count = _length(what, over, length)
    every = unroll is True
    if every:
        unroll = max(count, 1)
    elif unroll is None or unroll is False:
        unroll = 1
    if type(unroll) is not int or unroll < 1:
        raise ArgumentError(
            f"{what}: unroll must be a positive int or True, got {unroll!r}", "Leave it out."
        )
    if segments is not None:
        return _scan_segments(what, f, init, xs, count, reverse, unroll, segments)
    if unroll > 1 and (count > unroll or every):
        return _scan_unrolled(what, f, init, over, count, reverse, unroll)
    slices = [aval.element() for aval in over.avals]
    _, body, values = _settle(f, init, slices, over.rebuild, what, pair=True)
    carried = len(values)
    primitive = Scan(body.jaxpr, len(body.captured), carried, count, reverse)
    found = apply(primitive, [*body.captured, *values, *over.values], None)
    last, ys = body.rebuild([scalar(x) for x in found])
    return last, ys


def _length(what: str, over: Operands, length: int | None) -> int:
    sizes: dict[int, str] = {}
    if length is not None:
        if type(length) is not int or length < 0:
            raise ArgumentError(
                f"{what}: length must be an int >= 0, got {length!r}", "Give a Python int."
            )
        sizes[length] = "length"
    for aval, path in zip(over.avals, over.paths(), strict=True):
        if not aval.shape:
            raise ShapeError(
                f"{what}: xs{path} is {aval}, which has no axis to {what} over",
                "Close over constants, or put them into the carry of a scan.",
            )
        sizes.setdefault(aval.shape[0], f"xs{path}")
    if len(sizes) > 1:
        found = ", ".join(f"{n} for {name}" for n, name in sizes.items())
        raise ShapeError(
            f"{what}: the lengths differ: {found}", "Scan over leaves of one first axis."
        )
    if not sizes:
        raise ArgumentError(f"{what}: got neither xs nor length", "Pass length=n.")
    return next(iter(sizes))


def _is_pair(body: Body) -> bool:
    found = tree.unflatten(body.treedef, body.leaves)
    return isinstance(found, tuple) and len(found) == 2


def _no_pair(f: Callable[..., Any]) -> StructureError:
    return StructureError(
        f"scan: {place_of(f)} must return a pair (carry, y)",
        "Return (carry, None) where there is nothing to stack.",
    )


def _settle(
    f: Callable[..., Any],
    init: Any,
    extra: Sequence[Aval],
    rebuild_extra: Callable[[Sequence[Any]], Any] | None,
    what: str,
    pair: bool = False,
    counts: bool = False,
) -> tuple[Operands, Body, list[Any]]:
    """Trace a body whose carry has one type from step to step.

    A carry that begins weak (a Python number) takes the type that the body gives it. With ``pair``
    the body returns a pair, whose first is the carry. With ``counts`` the carry is a pair of the
    step and the user's carry.

    Returns:
        The carry's leaves, the body, and the first carry, converted.
    """
    carry = Operands(init)
    avals = list(carry.avals)
    count = len(avals)

    def rebuild(values: Sequence[Any]) -> tuple[Any, ...]:
        first = carry.rebuild(values[:count])
        return (first,) if rebuild_extra is None else (first, rebuild_extra(values[count:]))

    while True:
        body = trace_body(f, [*avals, *extra], rebuild, what)
        if pair and not _is_pair(body):
            raise _no_pair(f)
        found = tree.unflatten(body.treedef, body.leaves)
        if pair:
            found = found[0]
        _same_structure(carry, found, f, what, counts)
        grown = []
        for path, aval, out in zip(carry.paths(), avals, body.jaxpr.out_avals, strict=False):
            joined = join(aval, out)
            if joined is None or (joined != aval and not aval.weak):
                raise unlike(
                    aval,
                    out,
                    f"{what}: the carry{path[3 * counts :]} begins as {aval} and {place_of(f)} "
                    f"returns {out}",
                    "Return the type that it begins with: convert with astype, or start from it."
                    if aval.shape == out.shape
                    else "Return the shape that it begins with; what grows with the steps is "
                    "returned as y by the function of a scan, which stacks it.",
                )
            grown.append(joined)
        if grown == avals:
            break
        avals = grown
    rest = body.jaxpr.out_avals[count:]
    convert_outputs(body, [*avals, *rest])
    return carry, body, [to_aval(v, a) for v, a in zip(carry.values, avals, strict=True)]


def _same_structure(
    carry: Operands, found: Any, f: Callable[..., Any], what: str, counts: bool
) -> None:
    got = Operands(found)
    if got.treedef != carry.treedef or got.traced != carry.traced:
        begins, returns = [t.children[1] if counts else t for t in (carry.treedef, got.treedef)]
        raise StructureError(
            f"{what}: the carry begins as {begins} and {place_of(f)} returns {returns}",
            "Return a carry of the structure that it begins with."
            + (" The function returns nothing." if found is None else ""),
        )


def _scan_segments(
    what: str,
    f: Callable[..., Any],
    init: Any,
    xs: Any,
    count: int,
    reverse: bool,
    unroll: int,
    segments: str | int,
) -> tuple[Any, Any]:
    """A scan of checkpointed scans; what does not fill a segment is scanned after them."""
    if segments == "sqrt":
        pieces = max(1, math.isqrt(count))
    elif type(segments) is int and segments > 0:
        pieces = min(segments, max(count, 1))
    else:
        raise ArgumentError(
            f"{what}: checkpoint must be 'sqrt' or a number of segments, got {segments!r}",
            "Write checkpoint='sqrt'.",
        )
    size = count // pieces
    whole = size * pieces

    def part(start: int, stop: int) -> Any:
        return tree.map(lambda x: x[start:stop], xs)

    def folded(x: Any) -> Any:
        return reshape(x, (pieces, size, *aval_of(x).shape[1:]))

    @rematerialised
    def segment(carry: Any, piece: Any) -> tuple[Any, Any]:
        return _scan(what, f, carry, piece, size, reverse, unroll, None)

    def main(carry: Any) -> tuple[Any, Any]:
        start = count - whole if reverse else 0
        pieced = tree.map(folded, part(start, start + whole))
        carry, ys = _scan(what, segment, carry, pieced, pieces, reverse, 1, None)
        return carry, tree.map(lambda y: reshape(y, (whole, *aval_of(y).shape[2:])), ys)

    def rest(carry: Any) -> tuple[Any, Any]:
        left = part(0, count - whole) if reverse else part(whole, count)
        length = count - whole
        return rematerialised(lambda c, x: _scan(what, f, c, x, length, reverse, unroll, None))(
            carry, left
        )

    if whole == count:
        return main(init)
    carry, ys = main(init)
    carry, more = rest(carry)
    first, second = (more, ys) if reverse else (ys, more)
    return carry, tree.map(lambda a, b: np.concatenate([a, b]), first, second)


def _scan_unrolled(
    what: str,
    f: Callable[..., Any],
    init: Any,
    over: Operands,
    count: int,
    reverse: bool,
    unroll: int,
) -> tuple[Any, Any]:
    """A scan whose step takes ``unroll`` steps; what is left over is scanned singly."""
    steps = count // unroll
    whole = steps * unroll

    def several(carry: Any, block: Any) -> tuple[Any, Any]:
        ys: list[Any] = [None] * unroll
        for i in reversed(range(unroll)) if reverse else range(unroll):
            carry, ys[i] = called(what, f, carry, tree.map(lambda x, i=i: x[i], block))
        return carry, tree.map(lambda *each: np.stack(each), ys[0], *ys[1:])

    start = count - whole if reverse else 0
    blocks = over.rebuild(
        [
            reshape(x[start : start + whole], (steps, unroll, *aval_of(x).shape[1:]))
            for x in over.values
        ]
    )
    left = over.rebuild([x[:start] if reverse else x[whole:] for x in over.values])

    def main(carry: Any) -> tuple[Any, Any]:
        carry, ys = _scan(what, _name_like(several, f), carry, blocks, steps, reverse, 1, None)
        return carry, tree.map(lambda y: reshape(y, (whole, *aval_of(y).shape[2:])), ys)

    carry, ys = main(init)
    if whole == count:
        return carry, ys
    carry, more = _scan(what, f, carry, left, count - whole, reverse, 1, None)
    first, second = (more, ys) if reverse else (ys, more)
    return carry, tree.map(lambda a, b: np.concatenate([a, b]), first, second)


def while_loop(
    cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any
) -> Any:
    """``val = body_fun(val)`` as long as ``cond_fun(val)``, inside `jit` too.

    Differentiable in both modes: reverse mode keeps a step residual that grows with the steps.
    Under `vmap` the loop runs until all elements are done; finished elements are frozen.

    Args:
        cond_fun: A function of the carry that returns a boolean scalar.
        body_fun: A function of the carry that returns the next one, of the same structure, shapes
            and dtypes.
        init_val: The first carry, a pytree.

    Returns:
        The last carry.

    Raises:
        DtypeError: Where the condition is no boolean scalar, or the carry changes dtype.
        ShapeError, StructureError: Where the carry changes, naming the leaf, types and places.

    >>> while_loop(lambda x: x < 100.0, lambda x: x * 2.0, 3.0)
    np.float64(192.0)
    """
    return _while("while_loop", cond_fun, body_fun, init_val)


def _while(
    what: str,
    cond_fun: Callable[..., Any],
    body_fun: Callable[..., Any],
    init: Any,
    counts: bool = False,
) -> Any:
    carry, body, values = _settle(body_fun, init, (), None, what, counts=counts)
    avals = [aval_of(v) for v in values]
    condition = trace_body(cond_fun, avals, lambda vs: (carry.rebuild(vs),), what)
    out = condition.jaxpr.out_avals
    if condition.treedef is not tree.LEAF or not out or out[0].shape or out[0].dtype.kind != "b":
        single = condition.treedef is tree.LEAF and len(out) == 1
        got = str(out[0]) if single else type(condition.rebuild(out)).__name__
        raise DtypeError(
            f"{what}: the condition must be a boolean scalar, got {got} from {place_of(cond_fun)}",
            "Return a comparison such as x > 0; numpy.any(p) or numpy.all(p) reduce an array.",
        )
    loop = While(condition.jaxpr, body.jaxpr, len(condition.captured), len(body.captured))
    found = apply(loop, [*condition.captured, *body.captured, *values], None)
    return carry.rebuild([scalar(x) for x in found])


def fori_loop(
    lower: Any,
    upper: Any,
    body_fun: Callable[[Any, Any], Any],
    init_val: Any,
    *,
    unroll: int | bool | None = None,
) -> Any:
    """``val = body_fun(i, val)`` for ``i`` in ``range(lower, upper)``, inside `jit` too.

    Args:
        lower: An integer scalar.
        upper: An integer scalar. Where both are concrete the loop is a `scan` and the program does
            not grow with it; else a `while_loop`.
        body_fun: A function of the step (int64) and the carry that returns the next carry.
        init_val: The first carry, a pytree.
        unroll: How many steps one step of the compiled loop takes, where both bounds are
            concrete; True for all of them.

    Returns:
        The last carry.

    Raises:
        DtypeError: Where a bound is no integer scalar, or the carry changes dtype.
        ArgumentError: Where ``unroll`` is no positive int, or is given with a traced bound.
        ShapeError, StructureError: Where the carry changes.

    >>> fori_loop(0, 5, lambda i, x: x + i, 0.0)
    np.float64(10.0)
    """
    require_callable(body_fun, "fori_loop")
    for name, bound in (("lower", lower), ("upper", upper)):
        known = isinstance(bound, (Tracer, np.ndarray, np.generic, int))
        aval = aval_of(bound) if known else None
        if aval is None or aval.shape or aval.dtype.kind not in "iu":
            raise DtypeError(
                f"fori_loop: {name} must be an integer scalar, got "
                f"{aval if aval is not None else type(bound).__name__}",
                "Convert it with int(x) or x.astype(int).",
            )
    if isinstance(lower, Tracer) or isinstance(upper, Tracer):
        if unroll not in (None, False) and (unroll is True or unroll != 1):
            raise ArgumentError(
                f"fori_loop: unroll={unroll!r} needs bounds that are not traced",
                "Leave it out.",
            )
        kind = make_aval((), np.dtype(np.int64))
        first, last = to_aval(lower, kind), to_aval(upper, kind)
        body = _name_like(lambda c: (c[0] + 1, called("fori_loop", body_fun, *c)), body_fun)
        start = first, init_val
        return _while("fori_loop", lambda c: c[0] < last, body, start, counts=True)[1]
    steps = np.arange(int(lower), max(int(lower), int(upper)), dtype=np.int64)
    step = _name_like(lambda val, i: (called("fori_loop", body_fun, i, val), None), body_fun)
    return _scan("fori_loop", step, init_val, steps, len(steps), False, unroll, None)[0]


def _name_like(f: Callable[..., Any], like: Callable[..., Any]) -> Callable[..., Any]:
    """``f`` under the name and place of the user's function."""
    f.__name__ = name_of(like)
    f.__wrapped__ = like  # type: ignore[attr-defined]
    return f
