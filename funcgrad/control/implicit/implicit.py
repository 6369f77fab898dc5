"""`Implicit`, values that solve an equation, differentiated by that equation.

``x`` solves ``r(theta, x) = 0``. However it was found, the implicit function theorem gives its
derivative: with ``A = dr/dx`` at the solution,

    ``A dx = -dr/dtheta dtheta``,    and in reverse    ``ct_theta = -(dr/dtheta)^T A^-T ct``.

(Griewank & Walther, Evaluating Derivatives, 2008, section 15.) The rules here are written with the
solution itself, as the frame around gives it, and not with a copy cut off from its derivative: so
the derivative of a derivative sees how ``x`` moves, and every order is right. (The shorter way,
one Newton step from ``stop_gradient(x)``, is right in the first order alone.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ...core.backend import compile_once, own_results
from ...core.ir import Aval, Jaxpr
from ...core.primitive import Primitive, primitive
from ...core.record import run, trace
from ...core.source_info import SourceInfo
from ...core.trace import apply, aval_of
from ...errors import MissingRuleError
from ...ops.convert import convert
from ...ops.kinds import neg
from ...ops.linear import Sum, zeros
from ...transforms.jvp import jvp
from ...transforms.vjp import vjp
from ...transforms.vmap import vmap
from ..custom.closures import refuse
from ..program.collectives import refuse_collectives
from ..program.derive import cache, vmap_program

__all__ = ["Implicit", "LinearMap", "LinearSolver", "Point", "linearize_at", "pullback_at"]

LinearMap = Callable[[Sequence[Any]], list[Any]]
"""A linear function of flat values."""


class Point:
    """Where the derivative of an equation is taken.

    Attributes:
        theta: The parameters.
        x: The solution.
    """

    __slots__ = ("_residual", "theta", "x")

    def __init__(self, residual: Jaxpr, theta: Sequence[Any], x: Sequence[Any]) -> None:
        self._residual, self.theta, self.x = residual, theta, x

    def map(self) -> LinearMap:
        """``A``, the derivative of the residual by the unknown."""
        return linearize_at(lambda *v: run(self._residual, [*self.theta, *v]), self.x)

    def transpose(self) -> LinearMap:
        """The transpose of ``A``."""
        return pullback_at(lambda *v: run(self._residual, [*self.theta, *v]), self.x)


class LinearSolver(Protocol):
    """Solves the linear equations of the derivatives; flat values in and out.

    A function of the user's has been traced before: what it closes over are values of the frame
    that asks for the derivative, and its program takes them from ``point.theta`` instead.
    """

    def solve(self, point: Point, y: Sequence[Any]) -> Sequence[Any]:
        """``t`` with ``A t = y``, for tangents."""
        ...

    def solve_transposed(self, point: Point, ct: Sequence[Any]) -> Sequence[Any]:
        """``w`` with ``A^T w = ct``, for cotangents.

        Raises:
            MissingRuleError: Where it has no way to.
        """
        ...


def linearize_at(f: Callable[..., Sequence[Any]], x: Sequence[Any]) -> LinearMap:
    """The derivative of ``f`` at ``x``, a program of what acts on tangents alone."""
    avals = [aval_of(v).strong() for v in x]

    def push(*tangents: Any) -> list[Any]:
        results, pushed = jvp(f, x, tangents)
        return [
            zeros(aval_of(out).strong()) if t is None else t
            for out, t in zip(results, pushed, strict=True)
        ]

    program, captured = trace(push, avals, name="linear", effects=False)
    return lambda ts: run(program, [*captured, *ts])


def pullback_at(f: Callable[..., Sequence[Any]], x: Sequence[Any]) -> LinearMap:
    """The pullback of ``f`` at ``x``."""
    _, tape = vjp(f, x)
    avals = [aval_of(v).strong() for v in x]

    def pull(cts: Sequence[Any]) -> list[Any]:
        pulled = tape.pullback(cts)
        return [zeros(a) if c is None else c for c, a in zip(pulled, avals, strict=True)]

    return pull


@primitive
class Implicit(Primitive):
    """What ``program`` finds, differentiated as a root of ``residual``.

    Operands are ``parameters``, on which both programs depend and with respect to which there is a
    derivative, and what ``program`` begins with. Its first ``unknowns`` results are the solution;
    the others have no derivative.

    Attributes:
        program: ``(*parameters, *begin) -> (*x, *others)``.
        residual: ``(*parameters, *x) -> r``, of the types of ``x``.
        inputs: How many parameters there are.
        unknowns: How many of them there are.
        solver: How the derivatives' linear equations are solved.
        batches: For each batch around it, from the inside out, its length and which operands have
        it.
    """

    program: Jaxpr
    residual: Jaxpr
    inputs: int
    unknowns: int
    solver: Any
    batches: tuple[tuple[int, tuple[bool, ...]], ...]
    multiple = True

    def __str__(self) -> str:
        return f"solution of {self.residual.name}"

    def map_program(self) -> tuple[Jaxpr, list[Any]]:
        """The program for all elements, and what it captured."""
        return cache(self, "mapped", self._map_program)

    def _map_program(self) -> tuple[Jaxpr, list[Any]]:
        program, captured = self.program, []
        for size, flags in self.batches:
            program, more = vmap_program(program, size, [*[False] * len(captured), *flags])
            captured = [*more, *captured]
        return program, captured

    def run(self, *operands: Any) -> tuple[Any, ...]:
        program, captured = self.map_program()
        found = compile_once(program, owned=False)(*captured, *operands)
        return tuple(own_results(found, operands))

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        found = self.program.out_avals
        for size, _ in self.batches:
            found = [aval.strong().batch(size) for aval in found]
        return tuple(found)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        refuse_collectives(
            [self.program, self.residual],
            "an equation that is solved for each element of the batch by itself",
            "Compute it before and close over it, or solve for all elements at once, with the "
            "batch as an axis of the unknown.",
        )
        batches = (*self.batches, (size, tuple(batched)))
        fields = self.program, self.residual, self.inputs, self.unknowns, self.solver
        return apply(Implicit(*fields, batches), operands, None)

    def _each(
        self,
        f: Callable[..., list[Any]],
        args: Sequence[Any],
        batches: Callable[[Sequence[bool]], Sequence[bool]],
        finish: Callable[[list[Any], Sequence[bool]], list[Any]],
    ) -> list[Any]:
        """``f`` in each element.

        Args:
            f: A function of flat values for one element.
            args: Its arguments for all elements.
            batches: From which operands have a batch to which of ``args`` have it.
            finish: What to do with the results of a batch, given which operands have it.
        """
        for size, flags in self.batches:
            f = _level(f, size, list(batches(flags)), finish, flags)
        return f(*args)

    def forward(self, values: Sequence[Any], source_info: SourceInfo | None) -> tuple[Any, Any]:
        """The results; `backward` needs nothing else."""
        return apply(self, values, source_info), ()

    def jvp_forward(
        self, values: Sequence[Any], tangents: Sequence[Any], source_info: SourceInfo | None
    ) -> tuple[Any, list[Any]]:
        """The results and their tangents, None for zeros."""
        out = apply(self, values, source_info)
        count, n = self.inputs, self.unknowns
        on = [t is not None for t in tangents[:count]]
        if not any(on):
            return out, [None] * len(out)

        def tangent(*args: Any) -> list[Any]:
            theta, x, ts = args[:count], args[count : count + n], iter(args[count + n :])
            moving = [next(ts) if f else None for f in on]
            results, pushed = jvp(lambda *p: run(self.residual, [*p, *x]), theta, moving)
            y = [
                zeros(aval_of(r).strong()) if t is None else neg(t)
                for r, t in zip(results, pushed, strict=True)
            ]
            return list(self.solver.solve(Point(self.residual, theta, x), y))

        def batches(flags: Sequence[bool]) -> list[bool]:
            moved = [f for f, o in zip(flags, on, strict=False) if o]
            return [*flags[:count], *[True] * n, *moved]

        given = zip(values[:count], tangents, strict=False)
        ts = [convert(t, aval_of(p).dtype) for p, t in given if t is not None]
        args = [*values[:count], *out[:n], *ts]
        pushed = self._each(tangent, args, batches, lambda found, flags: found)
        return out, [*pushed, *[None] * (len(out) - n)]

    def backward(
        self,
        ct: Sequence[Any],
        out: Sequence[Any],
        operands: Sequence[Any],
        wanted: Sequence[bool],
        masked: bool,
        residuals: Any,
    ) -> list[Any]:
        """The cotangents of the wanted operands, None for the others and for zeros."""
        count, n = self.inputs, self.unknowns
        ask = [w and aval_of(p).inexact for w, p in zip(wanted, operands[:count], strict=False)]
        none: list[Any] = [None] * len(operands)
        if not any(ask) or all(c is None for c in ct[:n]):
            return none
        given = ask

        def cotangents(*args: Any) -> list[Any]:
            nonlocal given
            theta, x, cts = args[:count], args[count : count + n], args[count + n :]

            def at(*asked: Any) -> list[Any]:
                each = iter(asked)
                chosen = [next(each) if a else p for a, p in zip(ask, theta, strict=True)]
                return run(self.residual, [*chosen, *x])

            w = self.solver.solve_transposed(Point(self.residual, theta, x), cts)
            _, tape = vjp(at, [p for a, p in zip(ask, theta, strict=True) if a])
            pulled = iter(tape.pullback([neg(v) for v in w], masked=masked))
            found = [next(pulled) if a else None for a in ask]
            given = [c is not None for c in found]
            return [c for c in found if c is not None]

        def batches(flags: Sequence[bool]) -> list[bool]:
            return [*flags[:count], *[True] * (2 * n)]

        def summed(found: list[Any], flags: Sequence[bool]) -> list[Any]:
            shared = [not f for f, g in zip(flags, given, strict=False) if g]
            return [Sum((0,))(c) if s else c for c, s in zip(found, shared, strict=True)]

        cts = [
            zeros(aval_of(x).strong()) if c is None else convert(c, aval_of(x).dtype)
            for c, x in zip(ct[:n], out[:n], strict=True)
        ]
        try:
            found = iter(
                self._each(cotangents, [*operands[:count], *out[:n], *cts], batches, summed)
            )
        except MissingRuleError as error:
            missing = [
                refuse(error, p, cts[0]) if a else None
                for p, a in zip(operands[:count], ask, strict=False)
            ]
            return [*missing, *none[count:]]
        return [*[next(found) if g else None for g in given], *none[count:]]


def _level(
    f: Callable[..., list[Any]],
    size: int,
    batched: Sequence[bool],
    finish: Callable[[list[Any], Sequence[bool]], list[Any]],
    flags: Sequence[bool],
) -> Callable[..., list[Any]]:
    return lambda *args: finish(vmap(f, size, args, batched), flags)
