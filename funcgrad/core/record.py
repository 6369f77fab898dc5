"""Recording: the frame whose tracers are variables of a program, `trace` and `run`."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from .._stack import LINE_FINDERS
from ..errors import (
    ConcretizationError,
)
from .ir import Atom, Aval, Equation, Jaxpr, Literal, Var, last_uses
from .refusal import no_value, raise_leaked
from .residuals import StepResiduals
from .source_info import SourceInfo, located
from .trace import Frame, P, R, Tracer, apply, aval_of

__all__ = ["AbstractFrame", "last_reads", "open_frame", "run", "trace", "uncollected"]


class AbstractFrame(Frame):
    """Records a program over bare types: for `jit`, `make_jaxpr`, bodies of loops."""

    __slots__ = ("_constants", "_variables", "captures", "equations", "inputs")

    def __init__(self, what: str = "jit") -> None:
        super().__init__(what)
        self.equations: list[Equation] = []
        self.inputs: list[Var] = []
        self.captures: list[tuple[Var, Any]] = []
        self._variables: dict[int, tuple[Var, Tracer]] = {}
        self._constants: dict[int, tuple[Var, Any, Any]] = {}

    def input(self, aval: Aval) -> Tracer:
        """A tracer for a new input of the program."""
        var = Var(aval)
        self.inputs.append(var)
        return self._tracer_of(var, None)

    def _tracer_of(self, var: Var, source_info: SourceInfo | None) -> Tracer:
        tracer = self.tracer(None, var.aval, source_info)
        self._variables[id(tracer)] = (var, tracer)
        return tracer

    def process(self, primitive: Any, args: Sequence[Any], source_info: SourceInfo | None) -> Any:
        source_info = self.here(source_info)
        if primitive.staged is not None:
            out = primitive.staged(self, args, source_info)
            if out is not None:
                return out
        atoms = [self.atom(a) for a in primitive.adapt(args)]
        given = primitive.aval(*[a.aval for a in atoms])
        multiple = primitive.multiple
        outputs = [Var(aval) for aval in (given if multiple else (given,))]
        self.equations.append(Equation(primitive, atoms, outputs, source_info))
        tracers = [self._tracer_of(var, source_info) for var in outputs]
        return tuple(tracers) if multiple else tracers[0]

    def atom(self, value: Any) -> Atom:
        """The variable or literal for an operand; captures what belongs to no frame or an older."""
        if isinstance(value, Tracer):
            found = self._variables.get(id(value))
            if found is not None:
                return found[0]
            if value.frame.closed or value.frame.level > self.level or value.frame is self:
                raise_leaked(value.frame, value)
            return self._capture(value, value.aval, value)
        if isinstance(value, np.ndarray) and value.ndim:
            known = self._constants.get(id(value))
            if known is not None and _same(known[1], value):
                return known[0]
            aval = aval_of(value)
            snapshot = _snapshot(value, aval.dtype)
            return self._capture(value, aval, snapshot)
        aval = aval_of(value)
        if isinstance(value, StepResiduals):
            return self._capture(value, aval, value)
        return Literal(value[()] if isinstance(value, np.ndarray) else value, aval)

    def _capture(self, key: Any, aval: Aval, value: Any) -> Var:
        var = Var(aval)
        self.captures.append((var, value))
        if isinstance(key, Tracer):
            self._variables[id(key)] = (var, key)
        else:
            # Holding the original keeps its id from coming to mean another array.
            self._constants[id(key)] = (var, value, key)
        return var

    def concrete(self, tracer: Tracer, use: str) -> Any:
        if self.closed:
            raise_leaked(self, tracer)
        raise no_value(
            self,
            tracer,
            use,
            ConcretizationError,
            f"needs a value, and a traced {tracer.aval} has none yet",
        )

    def finish(self, outputs: Sequence[Any], name: str) -> tuple[Jaxpr, list[Any]]:
        """Close the frame: the program, and the values that it captured."""
        for out in outputs:
            if isinstance(out, Tracer):
                _ = out.frame  # raises for one that was updated in place under another name
        atoms = [self.atom(out) for out in outputs]
        captured = [var for var, _ in self.captures]
        jaxpr = Jaxpr([*captured, *self.inputs], self.equations, atoms, len(captured), name)
        values = [value for _, value in self.captures]
        self.close()
        return jaxpr, values

    def close(self) -> None:
        self.closed = True
        self._variables, self._constants, self.captures = {}, {}, []


def _snapshot(array: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """A copy; what was broadcast stays so, for a gradient's first cotangent is as large as data."""
    if 0 not in array.strides:
        return np.array(array, dtype=dtype)
    once = array[tuple([slice(None) if step else slice(1) for step in array.strides])]
    return np.broadcast_to(np.array(once, dtype=dtype), array.shape)


def _same(snapshot: np.ndarray[Any, Any], value: Any) -> bool:
    """True where the array still holds the bytes that were copied."""
    return (
        isinstance(value, np.ndarray)
        and snapshot.shape == value.shape
        and snapshot.dtype == value.dtype
        and snapshot.tobytes() == value.tobytes()
    )


_OPEN: ContextVar[tuple[AbstractFrame, ...]] = ContextVar("funcgrad_open_frames", default=())


def open_frame() -> AbstractFrame | None:
    """The innermost frame that is recording; for effects alone (DESIGN, law 8).

    A print belongs to the program in which it is written, whatever values it shows.
    """
    frames = _OPEN.get()
    return frames[-1] if frames else None


def uncollected(f: Callable[P, R]) -> Callable[P, R]:
    """``f``, during which Python looks for no cycles among objects.

    A program of 100,000 equations is a million objects, all of which live. Python would go through
    them again and again while they become more, and take longer for that than for all else.
    """

    @functools.wraps(f)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        # Threads may meet here: who found it on turns it off and on again, nobody else does. One
        # that found it off, and turned it off after another had turned it on, would leave it off.
        on = gc.isenabled()
        try:
            if on:
                gc.disable()
            return f(*args, **kwargs)
        finally:
            if on:
                gc.enable()

    return wrapper


@uncollected
def trace(
    f: Callable[..., Sequence[Any]],
    avals: Sequence[Aval],
    *,
    name: str = "f",
    what: str = "jit",
    effects: bool = True,
) -> tuple[Jaxpr, list[Any]]:
    """Trace ``f``, a function of flat values returning a flat sequence, into a program.

    Args:
        f: Called once, with one tracer for each of ``avals``.
        avals: The types of the arguments.
        name: The name that the program prints with.
        what: The transform's name, for errors.
        effects: Whether effects of ``f`` belong to the program; else they happen while ``f`` is
            traced, as it computes values too.

    Returns:
        The jaxpr, and the values it captured: snapshots of arrays, tracers of older frames. They
        are its first inputs.
    """
    frame = AbstractFrame(what)
    outer = _OPEN.get()
    try:
        # Set within, and back by what it was: an interrupt may come as soon as it is set.
        if effects:
            _OPEN.set((*outer, frame))
        return frame.finish(f(*[frame.input(aval) for aval in avals]), name)
    finally:
        if effects:
            _OPEN.set(outer)
        frame.closed = True
        frame.close()


def run(
    jaxpr: Jaxpr, args: Sequence[Any], dying: Sequence[Sequence[Var]] | None = None
) -> list[Any]:
    """Evaluate ``jaxpr``, one equation after the other; given tracers, it records.

    Args:
        jaxpr: The program.
        args: One value or tracer for each of its inputs, captured ones first.
        dying: `last_reads` of the program, for one who runs it more than once.
    """
    env: dict[Var, Any] = dict(zip(jaxpr.inputs, args, strict=True))
    for eqn, dead in zip(jaxpr.equations, dying or last_reads(jaxpr), strict=True):
        operands = [a.value if isinstance(a, Literal) else env[a] for a in eqn.inputs]
        out = apply(eqn.primitive, operands, eqn.source_info)
        if eqn.primitive.multiple:
            env.update(zip(eqn.outputs, out, strict=True))
        else:
            env[eqn.outputs[0]] = out
        for var in dead:
            del env[var]
    return [a.value if isinstance(a, Literal) else env[a] for a in jaxpr.outputs]


LINE_FINDERS[run.__code__] = located("eqn")


def last_reads(jaxpr: Jaxpr) -> list[list[Var]]:
    """Which variables each equation is the last to read, so that `run` can let go of them."""
    return last_uses([(*eqn.inputs, *eqn.outputs) for eqn in jaxpr.equations], jaxpr.outputs)
