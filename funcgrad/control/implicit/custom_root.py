"""`custom_root` and `custom_linear_solve`: solutions that the user finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...core.ir import Jaxpr, Var, live_equations
from ...core.record import run, trace
from ...core.trace import apply, aval_of
from ...errors import MissingRuleError, entry
from ...ops.arithmetic import sub
from ...ops.linear import zeros
from ..flow.loops import _name_like as named
from ..program.derive import derive
from ..program.trace_body import Body, share_programs
from .implicit import Implicit, Point, pullback_at
from .linear_solvers import Dense, on_tree
from .problem import Unknown, require_functions, results, search, solve_with

__all__ = ["custom_linear_solve", "custom_root"]


@entry
def custom_root(
    f: Callable[[Any], Any],
    initial_guess: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
    has_aux: bool = False,
) -> Any:
    """A root of ``f``, found by ``solve`` and differentiated by the implicit function theorem.

    The derivative is taken with respect to all that ``f`` closes over. For ``f(x, theta) = 0`` it
    is ``dx = -(df/dx)^-1 df/dtheta dtheta``, whatever the steps of ``solve`` were; they are not
    differentiated, and neither is the guess.

    Args:
        f: A function of the unknown, a pytree of floats, that returns one of the same structure and
            shapes; zero at the root.
        initial_guess: Where to start; it gives the unknown its type.
        solve: ``solve(f, initial_guess)`` gives the root. It is traced: a loop that runs until it
            has converged is a `while_loop`.
        tangent_solve: ``tangent_solve(g, y)`` gives ``t`` with ``g(t) == y`` for the linear
            function ``g``, the derivative of ``f`` at the root. In reverse mode it is transposed,
            as a linear function of ``y``. For a scalar unknown ``lambda g, y: y / g(1.0)``; by
            default the Jacobian is built and factored, which takes memory for its ``n**2`` entries.
        has_aux: Whether ``solve`` returns a pair of the root and a pytree that is not
            differentiated.

    Returns:
        The root, with ``has_aux`` ``(root, aux)``.

    Raises:
        DtypeError: Where a leaf of the unknown is no float.
        ShapeError, StructureError: Where ``f`` or ``solve`` returns another type than the
            unknown's.
        numpy.linalg.LinAlgError: In the derivative, where the Jacobian at the root is singular.

    >>> from funcgrad import fori_loop, grad
    >>> def newton(f, x):
    ...     return fori_loop(0, 8, lambda i, x: x - f(x) / grad(f)(x), x)
    >>> def sqrt(a):
    ...     return custom_root(lambda x: x * x - a, 1.0, newton)
    >>> sqrt(9.0), grad(sqrt)(9.0), grad(grad(sqrt))(9.0)
    (np.float64(3.0), np.float64(0.16666666666666666), np.float64(-0.009259259259259259))
    """
    what = "custom_root"
    require_functions(what, solve=solve)
    unknown = Unknown(f, initial_guess, what)
    if tangent_solve is not None:
        require_functions(what, tangent_solve=tangent_solve)

    def find(guess: Any) -> Any:
        return solve(unknown.function, guess)

    return solve_with(unknown, named(find, solve), has_aux, tangent_solve or Dense(), what)


@entry
def custom_linear_solve(
    matvec: Callable[[Any], Any],
    b: Any,
    solve: Callable[[Callable[[Any], Any], Any], Any],
    transpose_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """``x`` with ``matvec(x) == b``, found by ``solve``, with derivatives that are solves again.

    With ``A x = b``: ``dx = A^-1 (db - dA x)``, and in reverse ``ct_b = A^-T ct``,
    ``ct_A = -ct_b x^T``. The steps of ``solve`` are not differentiated, so it may iterate.

    Args:
        matvec: A linear function of pytrees of floats; what it closes over is differentiated.
        b: The right side, of the structure and shapes of the result.
        solve: ``solve(matvec, b)`` gives ``x``.
        transpose_solve: ``transpose_solve(vecmat, b)`` solves with the transpose of ``matvec``, for
            reverse mode.
        symmetric: Whether ``matvec`` is symmetric: then ``solve`` is also ``transpose_solve``.
        has_aux: Whether the solvers return pairs of the solution and a pytree that is not
            differentiated.

    Returns:
        The solution, with ``has_aux`` ``(x, aux)``.

    Raises:
        DtypeError: Where a leaf of ``b`` is no float.
        ShapeError, StructureError: Where ``matvec`` or ``solve`` returns another type than ``b``.
        MissingRuleError: In reverse mode, without ``transpose_solve`` and not ``symmetric``.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> d = np.array([2.0, 4.0])
    >>> f = lambda d, b: custom_linear_solve(
    ...     lambda x: d * x, b, lambda mv, b: b / mv(1.0 + 0.0 * b)
    ... )
    >>> f(d, np.array([1.0, 2.0]))
    array([0.5, 0.5])
    """
    what = "custom_linear_solve"
    require_functions(what, matvec=matvec, solve=solve)
    if transpose_solve is not None:
        require_functions(what, transpose_solve=transpose_solve)
    if symmetric:
        transpose_solve = solve
    unknown = Unknown(matvec, b, what)
    bodies = [_search(unknown, solve, unknown.function, has_aux, what)]
    if transpose_solve is not None:
        turned, extra = transpose_program(unknown.jaxpr)
        captured = [*extra, *unknown.captured]
        vecmat = on_tree(lambda ct: run(turned, [*captured, *ct]), unknown.treedef, unknown.avals)
        bodies.append(_search(unknown, transpose_solve, vecmat, has_aux, what))
    programs, shared = share_programs(
        [unknown.jaxpr, *[body.jaxpr for body in bodies]],
        [unknown.captured, *[body.captured for body in bodies]],
    )
    system = Linear(programs[0], programs[1], programs[2] if len(programs) > 2 else None)
    return results(unknown, bodies[0], system.bind(shared, unknown.values), has_aux)


def _search(
    unknown: Unknown,
    solve: Callable[..., Any],
    matvec: Callable[[Any], Any],
    has_aux: bool,
    what: str,
) -> Body:
    def find(side: Any) -> Any:
        return solve(matvec, side)

    return search(unknown, named(find, solve), has_aux, what)


class Linear:
    """A system of linear equations: programs of shared parameters and one vector.

    Args:
        matvec: ``(*shared, *x) -> y``.
        solve: ``(*shared, *y) -> (*x, *others)``.
        transpose_solve: The same for the transpose of ``matvec``, or None.
    """

    def __init__(self, matvec: Jaxpr, solve: Jaxpr, transpose_solve: Jaxpr | None) -> None:
        self._matvec, self._solve, self._transpose_solve = matvec, solve, transpose_solve
        self._shared = matvec.captured
        self._unknowns = len(matvec.inputs) - matvec.captured

    def bind(self, shared: Sequence[Any], side: Sequence[Any]) -> Sequence[Any]:
        """The results of ``solve``, differentiated as the solution for the right ``side``."""
        residual = derive(self._matvec, "residual", self._residual)
        n = self._unknowns
        implicit = Implicit(self._solve, residual, self._shared + n, n, self, ())
        return apply(implicit, [*shared, *side], None)

    def _residual(self) -> Jaxpr:
        count, n = self._shared, self._unknowns

        def residual(*args: Any) -> list[Any]:
            found = run(self._matvec, [*args[:count], *args[count + n :]])
            return [sub(y, b) for y, b in zip(found, args[count : count + n], strict=True)]

        avals = self._matvec.in_avals
        return trace(residual, [*avals, *avals[count:]], name=self._matvec.name)[0]

    def solve(self, point: Point, y: Sequence[Any]) -> Sequence[Any]:
        return self.bind(point.theta[: self._shared], y)[: self._unknowns]

    def solve_transposed(self, point: Point, ct: Sequence[Any]) -> Sequence[Any]:
        if self._transpose_solve is None:
            raise MissingRuleError(
                f"custom_linear_solve: {self._solve.name}() has no transpose_solve, which reverse "
                "mode needs",
                "Pass transpose_solve, or symmetric=True where matvec is symmetric.",
            )
        turned, extra = transpose_program(self._matvec)
        solvers = [widen(p, extra) for p in (self._transpose_solve, self._solve)]
        shared = [*extra, *point.theta[: self._shared]]
        return Linear(turned, *solvers).bind(shared, ct)[: self._unknowns]


def widen(program: Jaxpr, values: Sequence[Any]) -> Jaxpr:
    """``program`` with further captured inputs, first, which it does not read."""
    more = [Var(aval_of(x)) for x in values]
    inputs, captured = [*more, *program.inputs], program.captured + len(more)
    return Jaxpr(inputs, program.equations, program.outputs, captured, program.name)


def transpose_program(matvec: Jaxpr) -> tuple[Jaxpr, list[Any]]:
    """The transpose of a linear program, and what it captured.

    Returns:
        ``(*captured, *captured of matvec, *ct) -> x``, and the values of the first.
    """
    return derive(matvec, "pullback_at", lambda: _transpose_program(matvec))


def _transpose_program(matvec: Jaxpr) -> tuple[Jaxpr, list[Any]]:
    count = matvec.captured
    n = len(matvec.inputs) - count

    def pull(*args: Any) -> list[Any]:
        shared, x, cts = args[:count], args[count : count + n], args[count + n :]
        return pullback_at(lambda *v: run(matvec, [*shared, *v]), x)(cts)

    avals = matvec.in_avals
    whole, extra = trace(pull, [*avals, *avals[count:]], name=f"transpose of {matvec.name}")
    first = len(extra) + count
    equations = live_equations(whole, whole.outputs)
    read = {a for eqn in equations for a in eqn.inputs}
    inputs = [*whole.inputs[:first], *whole.inputs[first + n :]]
    if read.isdisjoint(whole.inputs[first : first + n]):
        return Jaxpr(inputs, equations, whole.outputs, first, whole.name), extra
    # It counts the steps of a loop, say: of a linear map they are those at zero.
    nowhere = [zeros(aval) for aval in avals[count:]]
    program, more = trace(
        lambda *args: run(whole, [*args[:first], *nowhere, *args[first:]]),
        [v.aval for v in inputs],
        name=whole.name,
    )
    program.captured = len(more) + first
    return program, [*more, *extra]
