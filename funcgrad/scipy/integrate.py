"""`scipy.integrate` with derivatives: `solve_ivp`, `odeint`, `quad`, sums over samples.

Where nothing is traced these are SciPy's own functions. What a function closes over cannot be seen
before it is called; so SciPy calls it first, and where a traced value comes out it is traced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._publish import publish_all
from ..control.implicit.problem import require_functions
from ..core.source_info import name_of, place_of
from ..core.trace import aval_of
from ..errors import ArgumentError, DtypeError, MissingExtraError, ShapeError, entry
from ..numpy.create import asarray
from ..ops.convert import convert
from ..ops.linear import reshape, transpose
from ..ops.shape import Concatenate, crop

try:
    from scipy import integrate as genuine

    from .equation import Equation
    from .fixed import odeint_fixed
    from .plan import MOST_STEPS, Plan, limited
    from .quadrature import quad
    from .result import OdeResult, code_of
    from .sampled import cumulative_simpson, cumulative_trapezoid, simpson, trapezoid
    from .search import FLOAT
    from .watched import Watched, holds_tracer, require_plain
except ImportError as error:
    if (error.name or "").partition(".")[0] != "scipy":
        raise
    raise MissingExtraError(
        "funcgrad.scipy.integrate needs SciPy, which is not installed",
        "Install it: pip install 'funcgrad[scipy]'.",
    ) from error

__all__ = [
    "OdeResult",
    "cumulative_simpson",
    "cumulative_trapezoid",
    "odeint",
    "odeint_fixed",
    "quad",
    "simpson",
    "solve_ivp",
    "trapezoid",
]


@entry
def solve_ivp(
    fun: Callable[..., Any],
    t_span: Sequence[Any],
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    *,
    max_steps: int | None = None,
    **options: Any,
) -> OdeResult:
    """The solution of ``y' = fun(t, y)``, ``y(t_span[0]) = y0``: `scipy.integrate.solve_ivp`.

    SciPy solves; the derivatives of ``.y`` with respect to ``y0``, ``t_span``, ``t_eval``, ``args``
    and all else that ``fun`` closes over are those of the exact solution, as exact as ``rtol`` and
    ``atol`` make it: in forward mode by the sensitivity equation, in reverse mode by the adjoint
    equation, as one pass back over the steps of a solution that is solved with a derivative beside
    it, however many times are read (see docs/scipy.md). They differ by the tolerances from the
    difference quotient of two solutions. Derivatives have derivatives. ``fun`` is traced: it must
    not branch in Python on ``t`` or ``y``. Under `vmap` the solutions run one after the other.
    `odeint_fixed` takes steps of fixed length, and has the exact derivative of what it computes.

    Args:
        fun: ``fun(t, y, *args)`` of a number and a vector gives a vector or a list.
        t_span: Start and end.
        y0: The state at the start, a vector, real or complex.
        method: SciPy's: ``"RK45"``, ``"RK23"``, ``"DOP853"``, ``"Radau"``, ``"BDF"``, ``"LSODA"``.
        t_eval: The times of the result. Without it they are the solver's steps, known in plain
            calls and under `grad` and `jvp` alone; ``jit`` and ``vmap`` need it. Between the ends
            these steps are held constant.
        dense_output: False where something is traced.
        events: None where something is traced.
        vectorized: As in SciPy.
        args: Further arguments of ``fun``, a tuple of pytrees.
        max_steps: How many steps there may be, to the solution and to each derivative. Without it
            100,000 where something is traced; any number where nothing is.
        **options: SciPy's ``rtol``, ``atol``, ``max_step``, ``first_step``, ``min_step``, ``jac``,
            ``jac_sparsity``, ``lband``, ``uband``; plain, but for what ``jac`` computes.

    Returns:
        The result, with SciPy's fields ``t``, ``y``, ``success``, ``status``, ``message``,
        ``nfev``, ``njev``, ``nlu`` (and ``sol``, ``t_events``, ``y_events`` where nothing is
        traced). It is a pytree. Of a solution that fails, the states that were not reached are nan
        where ``t_eval`` is given and something is traced.

    Raises:
        ArgumentError: For events, a dense output, or traced options.
        ShapeError, DtypeError: Where ``fun`` returns no state.
        ConcretizationError: Without ``t_eval`` under ``jit`` or ``vmap``, and where ``fun``
            branches on a value.
        ConvergenceError: More than ``max_steps`` steps, or a derivative that cannot be solved for
            or is not finite.

    >>> from funcgrad import grad
    >>> decay = lambda t, y, k: -k * y
    >>> end = lambda k: solve_ivp(decay, (0.0, 1.0), [1.0], args=(k,), rtol=1e-9).y[0, -1]
    >>> end(2.0).round(6), grad(end)(2.0).round(6)
    (np.float64(0.135335), np.float64(-0.135335))
    """
    what = "solve_ivp"
    require_functions(what, fun=fun)
    most, source = _most(what, max_steps), place_of(fun)
    if not holds_tracer(t_span, y0, t_eval, args):
        watched = Watched(fun)
        solver = method
        if max_steps is not None:
            solver = limited(Plan(what, method, None, None, {}, most=most, source=source))
        found: Any = genuine.solve_ivp(
            watched, t_span, y0, solver, t_eval, dense_output, events, vectorized, args, **options
        )
        if not watched.seen:
            names = ("sol", "t_events", "y_events")
            counts = {name: np.int64(found[name]) for name in ("nfev", "njev", "nlu", "status")}
            return OdeResult(
                t=found.t,
                y=found.y,
                message_code=np.int64(code_of(found.message)),
                success=np.bool_(found.success),
                **counts,
                **{name: found[name] for name in names},
            )
    if dense_output or events is not None:
        given = "dense_output=True" if dense_output else "events"
        fix = "Give the times that you want: t_eval=[...]."
        if not dense_output:
            fix = (
                "Find the event with stop_gradient around what is traced, then integrate to its "
                "time; the derivative of the time is that of a root: see docs/scipy.md."
            )
        raise ArgumentError(f"{what}: {given} has no derivative, and something is traced", fix)
    extra: Any = () if args is None else args
    if not isinstance(extra, (tuple, list)):
        raise ArgumentError(
            f"{what}: args must be a tuple, got {type(args).__name__}", "Write args=(a,)."
        )
    extra = tuple(extra)
    jac = options.pop("jac", None)
    if isinstance(jac, str):
        raise ArgumentError(f"{what}: jac={jac!r} is not known", "Leave it out.")
    plain_jac = (lambda t, y: jac(t, y, *extra)) if callable(jac) and extra else jac
    bound = _bound(fun, extra)
    equation = Equation(what, bound, y0, plain_jac, vectorized)
    span = convert(asarray(list(t_span)), FLOAT)
    if aval_of(span).shape != (2,):
        raise ShapeError(f"{what}: t_span is {aval_of(span)}", "Give two numbers: (t0, t1).")
    rtol, atol = options.pop("rtol", 1e-3), options.pop("atol", 1e-6)
    require_plain(what, {"rtol": rtol, "atol": atol, **options})
    plan = Plan(what, method, rtol, atol, options, t_eval is None, most, what, source)
    if t_eval is None:
        y, status, nfev, njev, nlu, code, times = equation.solve(plan, span, np.zeros(0))
    else:
        times = convert(asarray(t_eval), FLOAT)
        if aval_of(times).ndim != 1:
            raise ShapeError(f"{what}: t_eval is {aval_of(times)}", "Give a vector of times.")
        y, status, nfev, njev, nlu, code = equation.solve(plan, span, times)
    return OdeResult(times, y, nfev, njev, nlu, status, code, status >= 0)


def _most(what: str, max_steps: Any) -> int:
    """The limit, as an int."""
    if max_steps is None:
        return MOST_STEPS
    if holds_tracer(max_steps) or not isinstance(max_steps, (int, np.integer)) or max_steps < 1:
        raise ArgumentError(
            f"{what}: max_steps must be a positive int, got {max_steps!r}",
            "Pass how many steps there may be, or leave it out.",
        )
    return int(max_steps)


def _bound(fun: Callable[..., Any], extra: tuple[Any, ...]) -> Callable[..., Any]:
    if not extra:
        return fun

    def bound(t: Any, y: Any) -> Any:
        return fun(t, y, *extra)

    bound.__name__, bound.__wrapped__ = name_of(fun), fun  # type: ignore[attr-defined]
    return bound


@entry
def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    args: Any = (),
    Dfun: Callable[..., Any] | None = None,
    col_deriv: bool = False,
    full_output: bool = False,
    ml: int | None = None,
    mu: int | None = None,
    rtol: float | None = None,
    atol: Any = None,
    tcrit: Any = None,
    h0: float = 0.0,
    hmax: float = 0.0,
    hmin: float = 0.0,
    ixpr: int = 0,
    mxstep: int = 0,
    mxhnil: int = 0,
    mxordn: int = 12,
    mxords: int = 5,
    printmessg: int = 0,
    tfirst: bool = False,
    *,
    max_steps: int | None = None,
) -> Any:
    """The solution of ``y' = func(y, t)``, ``y(t[0]) = y0``: `scipy.integrate.odeint`.

    LSODA solves. Derivatives are those of `solve_ivp` with ``method="LSODA"`` and the tolerances
    given (by default 1.49e-8 each): the adjoint and the sensitivity equation.

    Args:
        func: ``func(y, t, *args)``, with ``tfirst`` ``func(t, y, *args)``, gives the rate.
        y0: The state at the first time, a vector or a number, real.
        t: Times, increasing or decreasing; the first is that of ``y0``.
        args: Further arguments, a tuple of pytrees.
        Dfun: The Jacobian of ``func``, with its arguments.
        col_deriv: Whether ``Dfun`` gives derivatives down columns.
        full_output: False where something is traced.
        ml: As in SciPy, and so are all that follow.
        mu: See ``ml``.
        rtol: Relative tolerance.
        atol: Absolute tolerance.
        tcrit: See ``ml``.
        h0: See ``ml``.
        hmax: See ``ml``.
        hmin: See ``ml``.
        ixpr: See ``ml``.
        mxstep: See ``ml``.
        mxhnil: See ``ml``.
        mxordn: See ``ml``.
        mxords: See ``ml``.
        printmessg: See ``ml``.
        tfirst: Whether the time is the first argument of ``func``.
        max_steps: How many steps may be taken to solve for derivatives, by default 100,000; those
            of the solution itself are limited by ``mxstep``.

    Returns:
        The states, shape ``(len(t), d)``.

    Raises:
        ArgumentError: ``full_output`` where something is traced.
        ConvergenceError: As `solve_ivp`.
        ShapeError, DtypeError: Where ``func`` returns no state, or ``y0`` is complex.

    >>> from funcgrad import grad
    >>> odeint(lambda y, t: -y, [1.0], [0.0, 1.0]).round(6)
    array([[1.      ],
           [0.367879]])
    >>> grad(lambda y0: odeint(lambda y, t: -y, y0, [0.0, 1.0])[1, 0])(2.0).round(6)
    np.float64(0.367879)
    """
    what = "odeint"
    require_functions(what, func=func)
    most = _most(what, max_steps)
    more: dict[str, Any] = {
        "ml": ml,
        "mu": mu,
        "tcrit": tcrit,
        "h0": h0,
        "hmax": hmax,
        "hmin": hmin,
        "ixpr": ixpr,
        "mxstep": mxstep,
        "mxhnil": mxhnil,
        "mxordn": mxordn,
        "mxords": mxords,
        "printmessg": printmessg,
    }
    if not holds_tracer(y0, t, args):
        watched = Watched(func)
        found = genuine.odeint(
            watched,
            y0,
            t,
            args,
            Dfun,
            col_deriv,
            full_output,
            rtol=rtol,
            atol=atol,
            tfirst=tfirst,
            **more,
        )
        if not watched.seen:
            return found
    if full_output:
        raise ArgumentError(
            f"{what}: full_output=True, and something is traced", "Leave it out, or use solve_ivp."
        )
    extra = args if isinstance(args, tuple) else (args,)
    require_plain(what, {"rtol": rtol, "atol": atol, **more})

    def rate(t: Any, y: Any) -> Any:
        return func(t, y, *extra) if tfirst else func(y, t, *extra)

    rate.__name__, rate.__wrapped__ = name_of(func), func  # type: ignore[attr-defined]

    def slope(t: Any, y: Any) -> Any:
        assert Dfun is not None
        found = asarray(Dfun(t, y, *extra) if tfirst else Dfun(y, t, *extra))
        return transpose(found, (1, 0)) if col_deriv else found

    y0, times = asarray(y0), convert(asarray(t), FLOAT)
    y0 = y0 if aval_of(y0).shape else reshape(y0, (1,))
    if aval_of(y0).dtype.kind == "c":
        raise DtypeError(f"{what}: y0 is {aval_of(y0)}", "Use solve_ivp, which takes it.")
    if aval_of(times).ndim != 1 or not aval_of(times).size:
        raise ShapeError(f"{what}: t is {aval_of(times)}", "Give a vector of times.")
    equation = Equation(what, rate, y0, None if Dfun is None else slope, False)
    n = aval_of(times).shape[0]
    span = Concatenate(0)(crop(times, 0, 0, 1), crop(times, 0, n - 1, n))
    tolerance = 1.49012e-8
    options: dict[str, Any] = {k: v for k, v in more.items() if v is not None}
    plan = Plan(
        "odeint",
        "LSODA",
        tolerance if rtol is None else rtol,
        tolerance if atol is None else atol,
        options,
        most=most,
        what=what,
        source=place_of(func),
    )
    return transpose(equation.solve(plan, span, times)[0], (1, 0))


publish_all(globals())
