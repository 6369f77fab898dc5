"""`quad`: SciPy integrates, Leibniz's rule differentiates.

``d/dp integral from a to b of f(x, p) = f(b, p) db/dp - f(a, p) da/dp + integral of df/dp``: the
derivative of an integral is an integral again, so every order is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import integrate as genuine

from ..control.implicit.linear_solvers import Ravel
from ..control.implicit.problem import require_functions
from ..control.program.derive import derive
from ..control.program.trace_body import is_python_number
from ..core.backend import compile_once
from ..core.ir import Aval, Jaxpr, make_aval
from ..core.primitive import Primitive, primitive
from ..core.record import run, trace
from ..core.source_info import name_of, place_of
from ..core.trace import apply, aval_of
from ..errors import ArgumentError, DtypeError, ShapeError, entry
from ..numpy.create import asarray
from ..ops.convert import convert
from ..ops.kinds import add, mul, neg
from ..ops.linear import reshape, zeros
from ..transforms.jvp import jvp
from ..transforms.vjp import vjp
from .search import FLOAT, one_after_another
from .watched import Watched, holds_tracer, require_plain

__all__ = ["Quadrature", "quad"]


@primitive
class Quadrature(Primitive):
    """The integral of ``program(*theta, x)``, a number or a vector, and its error's estimate.

    Operands are ``(*theta, a, b)``.

    Attributes:
        program: The integrand.
        options: SciPy's keyword arguments, a mapping.
    """

    name = "quadrature"
    program: Jaxpr
    options: Any
    multiple = True
    foreign = True

    def __str__(self) -> str:
        return f"{self.name}[{self.program.name}]"

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        return make_aval(self.program.out_avals[0].shape, FLOAT), make_aval((), FLOAT)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        *theta, a, b = operands
        integrand = compile_once(self.program)
        f = lambda x: integrand(*theta, np.float64(x))[0]  # noqa: E731
        shape = self.program.out_avals[0].shape
        if not shape:
            found = genuine.quad(f, float(a), float(b), **self.options)
            return np.float64(found[0]), np.float64(found[1])
        if a == b or not np.prod(shape):
            return np.zeros(shape), np.float64(0.0)
        names = ("epsabs", "epsrel", "limit", "points")
        kept = {name: v for name, v in self.options.items() if name in names and v is not None}
        total, error = genuine.quad_vec(f, float(a), float(b), norm="max", **kept)
        return np.array(total, FLOAT), np.float64(error)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return one_after_another(self, size, batched, operands)

    def _at(self, theta: Sequence[Any], end: Any) -> Any:
        """The integrand at an end, 0 at infinity."""
        finite = np.isfinite(end)
        value = run(self.program, [*theta, np.where(finite, end, 0.0)[()]])[0]
        return np.where(finite, value, 0.0)[()]

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        *theta, a, b = operands
        *moved, t_a, t_b = tangents
        active = [t is not None for t in moved]
        total = None
        if any(active):
            program = derive(self.program, ("tangent", *active), lambda: self._tangent(active))
            ts = [t for t in moved if t is not None]
            total = Quadrature(program, self.options)(*theta, *ts, a, b)[0]
        for end, t, sign in ((b, t_b, 1.0), (a, t_a, -1.0)):
            if t is not None:
                part = mul(self._at(theta, end), mul(t, sign))
                total = part if total is None else add(total, part)
        return [total, None]

    def _tangent(self, active: Sequence[bool]) -> Jaxpr:
        *kinds, x = self.program.in_avals
        count = len(kinds)

        def push(*args: Any) -> list[Any]:
            rest = iter(args[count:-1])
            ts = [next(rest) if a else None for a in active]
            xs = [*args[:count], args[-1]]
            results, pushed = jvp(lambda *v: run(self.program, v), xs, [*ts, None])
            return [zeros(aval_of(results[0])) if pushed[0] is None else pushed[0]]

        moving = [k.strong() for k, a in zip(kinds, active, strict=True) if a]
        program, captured = trace(
            push, [*kinds, *moving, x], name=f"tangent of {self.program.name}"
        )
        assert not captured
        return program

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        *theta, a, b = operands
        c = ct[0]
        if c is None:
            return [None] * len(operands)
        ask = [w and aval_of(x).inexact for w, x in zip(wanted, theta, strict=False)]
        pulled: list[Any] = [None] * len(theta)
        if any(ask):
            program, ravel = derive(self.program, ("pull", *ask), lambda: self._pull(ask))
            # A number comes out of a linear map: the tolerance is then of the integral itself.
            scalar = not aval_of(c).shape
            w = np.float64(1.0) if scalar else c
            found = Quadrature(program, self.options)(*theta, w, a, b)[0]
            each = iter(ravel.back(mul(found, c) if scalar else found))
            pulled = [next(each) if asked else None for asked in ask]
        ends = [
            np.sum(mul(self._at(theta, end), c)) if w else None
            for end, w in zip((a, b), wanted[-2:], strict=True)
        ]
        return [*pulled, None if ends[0] is None else neg(ends[0]), ends[1]]

    def _pull(self, ask: Sequence[bool]) -> tuple[Jaxpr, Ravel]:
        """``(*theta, w, x)`` to the cotangents of what is asked for, as one vector."""
        *kinds, x = self.program.in_avals
        asked = [zeros(k.strong()) for k, a in zip(kinds, ask, strict=True) if a]
        ravel = Ravel(asked, cotangents=True)

        def pull(*args: Any) -> list[Any]:
            *theta, w, point = args

            def at(*chosen: Any) -> list[Any]:
                each = iter(chosen)
                filled = [next(each) if a else v for a, v in zip(ask, theta, strict=True)]
                return run(self.program, [*filled, point])

            _, tape = vjp(at, [v for a, v in zip(ask, theta, strict=True) if a])
            found = tape.pullback([w])
            values = [zero if g is None else g for g, zero in zip(found, asked, strict=True)]
            return [convert(ravel.vector(values), FLOAT)]

        avals = [*kinds, self.program.out_avals[0].strong(), x]
        program, captured = trace(pull, avals, name=f"pullback of {self.program.name}")
        assert not captured
        return program, ravel


@entry
def quad(
    func: Callable[..., Any],
    a: Any,
    b: Any,
    args: Any = (),
    full_output: int = 0,
    epsabs: float = 1.49e-08,
    epsrel: float = 1.49e-08,
    limit: int = 50,
    points: Any = None,
    weight: Any = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: int = 50,
    limlst: int = 50,
    complex_func: bool = False,
) -> Any:
    """The integral of ``func`` from ``a`` to ``b``: `scipy.integrate.quad`, with derivatives.

    Derivatives are taken with respect to the ends, ``args``, and all else that ``func`` closes
    over, by Leibniz's rule. The integrand's derivatives are integrated with the same tolerances.

    Args:
        func: ``func(x, *args)`` of a number gives a real number.
        a: The lower end, or -inf.
        b: The upper end, or inf.
        args: Further arguments, a tuple of pytrees, or one that is no tuple.
        full_output: 0 where something is traced.
        epsabs: Absolute tolerance.
        epsrel: Relative tolerance.
        limit: The greatest number of parts.
        points: Points where the integrand is not smooth; plain numbers.
        weight: None where something is traced: multiply the integrand by the weight.
        wvar: See ``weight``.
        wopts: See ``weight``.
        maxp1: See ``weight``.
        limlst: See ``weight``.
        complex_func: False where something is traced.

    Returns:
        The integral, with derivatives, and an estimate of its absolute error.

    Raises:
        ArgumentError: For what has no derivative, where something is traced.
        DtypeError, ShapeError: Where ``func`` returns no real number.

    >>> from funcgrad import grad
    >>> grad(lambda p: quad(lambda x: np.exp(-p * x), 0.0, np.inf)[0])(2.0).round(6)
    np.float64(-0.25)
    """
    what = "quad"
    require_functions(what, func=func)
    options = {"epsabs": epsabs, "epsrel": epsrel, "limit": limit, "points": points}
    if not holds_tracer(a, b, args):
        watched = Watched(func)
        more = {"weight": weight, "wvar": wvar, "wopts": wopts, "maxp1": maxp1, "limlst": limlst}
        found: Any = genuine.quad(
            watched, a, b, args, full_output, complex_func=complex_func, **options, **more
        )
        if not watched.seen:
            integral, error, *rest = found
            return (np.asarray(integral)[()], np.asarray(error)[()], *rest)
    for name, given in (
        ("full_output", full_output),
        ("weight", weight),
        ("complex_func", complex_func),
    ):
        if given:
            raise ArgumentError(
                f"{what}: {name}={given!r} has no derivative, and something is traced",
                "Write the weight into the integrand; take real and imaginary parts apart.",
            )
    require_plain(what, options)
    extra = args if isinstance(args, tuple) else (args,)

    def integrand(x: Any) -> list[Any]:
        found = func(x, *extra)
        aval = aval_of(found) if is_python_number(found) else None
        if aval is None or aval.dtype.kind == "c":
            got = type(found).__name__ if aval is None else aval
            raise DtypeError(
                f"{what}: {place_of(func)} must return a real number, got {got}",
                "Return one number; integrate the parts of a vector one by one.",
            )
        if aval.size != 1:
            raise ShapeError(
                f"{what}: {place_of(func)} must return a number, got {aval}",
                "Integrate the parts of a vector one by one.",
            )
        return [reshape(convert(found, FLOAT), ())]

    program, captured = trace(integrand, [make_aval((), FLOAT)], name=name_of(func), what=what)
    ends = [reshape(convert(asarray(end), FLOAT), ()) for end in (a, b)]
    return tuple(apply(Quadrature(program, options), [*captured, *ends], None))
