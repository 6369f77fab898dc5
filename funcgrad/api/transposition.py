"""`linear_transpose`, the transpose of a linear function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..compile.passes.pipeline import dead_code, inline_calls
from ..core.ir import Aval, Jaxpr, Var, make_aval
from ..core.record import run, trace
from ..core.source_info import SourceInfo, line_of
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, entry
from ..ops.linear import zeros
from ..transforms import vjp as reverse
from .leaves import describe, matching, own_result, type_of
from .transformed import require_function

__all__ = ["linear_transpose"]


@entry
def linear_transpose(f: Callable[..., Any], *primals: Any) -> Callable[[Any], tuple[Any, ...]]:
    """The transpose of ``f``, a function that is linear in all its arguments.

    For ``f(x) = A @ x`` it is ``ct -> A.T @ ct``, without conjugate for complex numbers. In general
    it is the one function with ``<ct, f(t)> == <transposed(ct), t>`` for all ``ct`` and ``t``,
    where ``<a, b> = Re(sum(a * b))``: a real argument has a real cotangent, also where the result
    is complex, as ``ct -> Re(A.T @ ct)`` for a complex ``A``. Linear means over the real numbers:
    `numpy.real` and `numpy.conj` are. `vjp` gives the same for a linear function and needs the
    values of arguments; this needs their types alone, and raises where ``f`` is not linear. ``f``
    is traced, and only the transposed program is kept.

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
    >>> turned = linear_transpose(lambda x: 1j * x, 0.0)  # <ct, i t> = Re(i ct) t
    >>> turned(1.0 + 2.0j)
    (np.float64(-2.0),)
    """
    require_function(f, "linear_transpose")
    if not primals:
        raise ArgumentError(
            "linear_transpose: no primal was given", "Write linear_transpose(f, x, ...)."
        )
    leaves, treedef = tree.flatten(primals)
    avals = [_aval(leaf, treedef, i) for i, leaf in enumerate(leaves)]
    out_treedef: Any = None
    made: list[_Pullback] = []

    def flat(*values: Any) -> Sequence[Any]:
        nonlocal out_treedef
        out, out_treedef = tree.flatten(f(*tree.unflatten(treedef, values)))
        return out

    def forward(*inputs: Any) -> list[Any]:
        results, tape = reverse.vjp(flat, inputs, "linear_transpose")
        for result in results:
            if not _is_float(result):
                raise DtypeError(
                    f"linear_transpose: the output must be float arrays, got {type_of(result)} "
                    f"from {describe(f)}",
                    "Return floats alone.",
                )
        made.append(_Pullback(tape, results, inputs))
        return [*results, *made[0].read_values()]

    program, captured = trace(forward, avals, name="linear", what="linear_transpose")
    (pullback,) = made
    out_avals, given = pullback.avals, pullback.given
    _require_linear(pullback, program, captured, avals, f)

    @entry
    def transpose(ct: Any) -> tuple[Any, ...]:
        name = "linear_transpose: the cotangent"
        cts = tree.flatten_up_to(out_treedef, ct, name, "the output")
        values = [
            matching(c, aval, name, out_treedef, i)
            for i, (c, aval) in enumerate(zip(cts, out_avals, strict=True))
        ]
        values = [zeros(a) if c is None else c for c, a in zip(values, out_avals, strict=True)]
        found = iter(pullback.pull(values))
        taken = {id(x) for x in (*values, *pullback.captured)}
        pulled = [
            own_result(next(found) if some else zeros(aval), taken)
            for some, aval in zip(given, avals, strict=True)
        ]
        return tree.unflatten(treedef, pulled)

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
            f"{type_of(leaf) if aval is None else aval}, in which no function is linear",
            "Give floats, and close over what the function is not linear in.",
        )
    return aval


class _Pullback:
    """The pullback of a traced function, a program.

    Attributes:
        program: The program, ``(*captured, *ct) -> cotangents``.
        captured: The values of its first inputs.
        primal: The positions of those that depend on the function's arguments, and are read.
        given: For which arguments it gives cotangents.
        avals: The types of the function's results.
    """

    def __init__(self, tape: reverse.Tape, results: Sequence[Any], inputs: Sequence[Any]) -> None:
        self.given: list[bool] = []
        self.avals = [aval_of(result).strong() for result in results]

        def pullback(*cts: Any) -> list[Any]:
            pulled = tape.pullback(cts)
            self.given.extend([g is not None for g in pulled])
            return [g for g in pulled if g is not None]

        program, captured = trace(pullback, self.avals, name="transposed", what="linear_transpose")
        # A call takes all that its program might read for any operand: look into it.
        self.program = dead_code(inline_calls(program))
        atoms = [a for eqn in self.program.equations for a in eqn.inputs]
        read = {a for a in (*atoms, *self.program.outputs) if isinstance(a, Var)}
        self.captured: list[Any] = []
        self.primal: list[int] = []
        for i, (var, value) in enumerate(zip(program.inputs, captured, strict=False)):
            depends = isinstance(value, Tracer) and any(value.frame is x.frame for x in inputs)
            self.captured.append(None if depends else value)
            if depends and var in read:
                self.primal.append(i)
        self._values = [captured[i] for i in self.primal]

    def read_values(self) -> list[Any]:
        """The values that depend on the arguments, as the trace of the function has them."""
        values, self._values = self._values, []
        return values

    def bind(self, primals: Sequence[Any]) -> None:
        """State the values that depend on the arguments."""
        for i, value in zip(self.primal, primals, strict=True):
            self.captured[i] = value

    def pull(self, cts: Sequence[Any]) -> list[Any]:
        """The cotangents that there are."""
        return run(self.program, [*self.captured, *cts])


def _require_linear(
    pullback: _Pullback,
    program: Jaxpr,
    captured: Sequence[Any],
    avals: Sequence[Aval],
    f: Callable[..., Any],
) -> None:
    """Raise where the pullback depends on the arguments, or the function is not 0 at 0.

    A loop keeps for its pullback what *some* operand's cotangent needs. So where values are kept
    the pullback is taken at several places: for a linear function it is the same everywhere.
    """
    if any(isinstance(x, Tracer) for x in captured):
        if pullback.primal:
            raise _not_linear(f, pullback)
        return
    count = len(pullback.avals)
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        at_zero = run(program, [*captured, *[zeros(aval) for aval in avals]])
        if pullback.primal:
            ct = [_random(rng, aval, 1.0) for aval in pullback.avals]
            positions = [
                run(program, [*captured, *[_random(rng, aval, scale) for aval in avals]])
                for scale in (1.0, 1.0, 1e3)
            ]
            pulled = []
            for values in (*positions, at_zero):
                pullback.bind(values[count:])
                pulled.append(pullback.pull(ct))
            for other in pulled[:-1]:
                for a, b in zip(other, pulled[-1], strict=True):
                    if not np.array_equal(a, b, equal_nan=True):
                        raise _not_linear(f, pullback)
    for result, out in zip(at_zero[:count], program.outputs, strict=False):
        # A nan is inf * 0 of an infinite coefficient.
        if not np.any((result != 0) & (result == result)):
            continue
        source_info: SourceInfo | None = next(
            (eqn.source_info for eqn in program.equations if out in eqn.outputs), None
        )
        at = line_of(source_info)
        raise ArgumentError(
            f"linear_transpose: {describe(f)} is not linear: at zero its result"
            f"{f', computed at {at},' if at else ''} is not zero",
            "Leave the constant term out, or use vjp, which takes any function.",
        )


def _random(rng: np.random.Generator, aval: Aval, scale: float) -> Any:
    values = rng.normal(scale=scale, size=aval.shape)
    if aval.dtype.kind == "c":
        values = values + 1j * rng.normal(scale=scale, size=aval.shape)
    return np.asarray(values).astype(aval.dtype)[()]


def _not_linear(f: Callable[..., Any], pullback: _Pullback) -> ArgumentError:
    """The error where the pullback reads what depends on the arguments."""
    var = pullback.program.inputs[pullback.primal[0]]
    reads = (eqn.source_info for eqn in pullback.program.equations if var in eqn.inputs)
    at = line_of(next(reads, None))
    return ArgumentError(
        f"linear_transpose: {describe(f)} is not linear: its derivative"
        f"{f', at {at},' if at else ''} depends on the argument's value",
        "Close over what it is not linear in, or use vjp, which takes any function.",
    )
