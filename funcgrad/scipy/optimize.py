"""`root` and `minimize`: SciPy searches, the implicit function theorem differentiates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import tree
from .._publish import publish_all
from ..control.implicit.implicit import Implicit, Point
from ..control.implicit.linear_solvers import Dense, Given
from ..control.implicit.problem import require_functions, tangent_program
from ..control.program.trace_body import scalar, share_programs
from ..core.ir import Aval
from ..core.record import run, trace
from ..core.trace import Tracer, apply
from ..errors import ArgumentError, MissingExtraError, MissingRuleError, entry

try:
    from .functions import (
        Objective,
        Program,
        fit_vector,
        hessian_product,
        jacobian,
        limits,
        matrix,
        scalar_value,
        value_and_gradient,
        vector,
        within_bounds,
    )
    from .result import OptimizeResult
    from .search import Plan, Search
    from .trees import is_tree, over_tree
except ImportError as error:
    if (error.name or "").partition(".")[0] != "scipy":
        raise
    raise MissingExtraError(
        "funcgrad.scipy.optimize needs SciPy, which is not installed",
        "Install it: pip install 'funcgrad[scipy]'.",
    ) from error

__all__ = ["OptimizeResult", "minimize", "root"]

_JACOBIAN = frozenset({"hybr", "lm"})
_ROOTS = _JACOBIAN | {
    "broyden1",
    "broyden2",
    "anderson",
    "linearmixing",
    "diagbroyden",
    "excitingmixing",
    "krylov",
    "df-sane",
}
_PRODUCT = frozenset({"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"})
_MATRIX = frozenset({"dogleg", "trust-exact"})
_HESSIAN = _PRODUCT | _MATRIX
_GRADIENT = _HESSIAN | {"cg", "bfgs", "l-bfgs-b", "tnc", "slsqp"}
_MINIMIZERS = _GRADIENT | {"nelder-mead", "powell", "cobyla", "cobyqa"}


@entry
def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
) -> OptimizeResult:
    """A root of a vector function: `scipy.optimize.root`, with derivatives.

    SciPy searches, with the exact Jacobian where the method takes one. The derivative of ``.x``
    with respect to ``args``, and to all else that ``fun`` closes over, is that of the root,
    ``dx = -(dfun/dx)^-1 dfun/dargs dargs``, whatever the steps were; so it is right only where
    ``.success``. ``fun`` is traced once. Under `vmap` the searches run one after the other.

    Args:
        fun: ``fun(x, *args)`` of a vector gives as many numbers, in an array or a list.
        x0: Where to start, a vector, a number, or a pytree of them; not differentiated. Of a pytree
            ``x`` is one too, and bounds are a pair ``(lower, upper)`` of pytrees.
        args: Further arguments, a tuple of pytrees, or one that is no tuple.
        method: SciPy's name of the method.
        jac: None for the exact Jacobian, a function ``jac(x, *args)``, True where ``fun`` returns a
            pair of value and Jacobian, False for SciPy's differences.
        tol: As in SciPy.
        callback: As in SciPy; called with plain arrays.
        options: As in SciPy.
        tangent_solve: How to solve the derivative's linear equations, as in `custom_root`; by
            default the Jacobian is factored.

    Returns:
        The result, with SciPy's fields ``x``, ``success``, ``status``, ``message``, ``fun``,
        ``nfev`` and, where the method reports them, ``njev`` and ``nit``. It is a pytree.

    Raises:
        ArgumentError: For a method that is none.
        DtypeError, ShapeError: Where ``x0`` is no real vector, or ``fun`` gives another number of
            values.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> f = lambda x, a: [x[0] ** 2 + x[1] ** 2 - a, x[0] - x[1]]
    >>> root(f, [1.0, 1.0], args=(2.0,)).x
    array([1., 1.])
    >>> grad(lambda a: root(f, [1.0, 1.0], args=(a,)).x[0])(2.0).round(6)
    np.float64(0.25)
    """
    what = "root"
    require_functions(what, fun=fun)
    if is_tree(x0):
        refused = {"tangent_solve": tangent_solve}
        keywords: dict[str, Any] = {"args": args, "method": method, "tol": tol, "options": options}
        return over_tree(what, root, fun, x0, jac, None, callback, refused, keywords)
    method = _method(method, _ROOTS, what)
    given = Objective(fun, x0, args, jac is True, what)
    value = given.program(lambda x: [vector(given.value(x), given)], "value")
    functions = {"fun": value}
    if jac is True:
        functions["jac"] = given.program(lambda x: [matrix(given.second(x), given)], "jacobian")
    elif callable(jac):
        functions["jac"] = given.program(lambda x: [matrix(jac(x, *given.args), given)], "jacobian")
    elif jac is None and method in _JACOBIAN:
        functions["jac"] = given.program(lambda x: [jacobian(value, x)], "jacobian")
    elif jac is not None and jac is not False:
        raise ArgumentError(
            f"{what}: jac must be a function, True, False or None, got {jac!r}", "Leave it out."
        )
    keywords = {"tol": tol, "callback": callback, "options": options}
    reported = ["nfev"]
    if method in _JACOBIAN:
        reported += ["njev"] * ("jac" in functions)
    else:
        reported.append("nit")
    plan = Plan(what, method, keywords, reported)
    return _search(given, functions, value, plan, tangent_solve, what)


@entry
def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str | None = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    tangent_solve: Callable[[Callable[[Any], Any], Any], Any] | None = None,
) -> OptimizeResult:
    """A minimum of a scalar function: `scipy.optimize.minimize`, with derivatives.

    SciPy searches, with exact gradients, Hessians and Hessian-vector products where the method
    takes them. The derivative of ``.x`` with respect to ``args``, and to all else that ``fun``
    closes over, is that of the point where the gradient is zero,
    ``dx = -H^-1 d(gradient)/dargs dargs``; ``.fun`` has derivatives too. ``fun`` is traced once.
    Under `vmap` the searches run one after the other.

    Args:
        fun: ``fun(x, *args)`` of a vector gives a number.
        x0: Where to start, a vector, a number, or a pytree of them; not differentiated. Of a pytree
            ``x`` is one too, and bounds are a pair ``(lower, upper)`` of pytrees.
        args: Further arguments, a tuple of pytrees, or one that is no tuple.
        method: SciPy's name of the method; by default BFGS, L-BFGS-B with bounds, SLSQP with
            constraints.
        jac: None for the exact gradient, a function ``jac(x, *args)``, True where ``fun`` returns a
            pair of value and gradient; False or a name of SciPy's for differences.
        hess: None for the exact Hessian, a function ``hess(x, *args)``, or what else SciPy takes.
        hessp: A function ``hessp(x, p, *args)``.
        bounds: As in SciPy, plain numbers. Unknowns that stand on a bound have derivative 0.
        constraints: As in SciPy, functions of plain arrays. Solutions have then no derivatives.
        tol: As in SciPy.
        callback: As in SciPy; called with plain arrays.
        options: As in SciPy.
        tangent_solve: How to solve the derivative's linear equations, as in `custom_root`; by
            default the Hessian is factored.

    Returns:
        The result, with SciPy's fields ``x``, ``success``, ``status``, ``message``, ``fun``,
        ``nfev`` and, where the method reports them, ``jac``, ``njev``, ``nhev``, ``nit``. It is a
        pytree.

    Raises:
        ArgumentError: For a method that is none, or bounds that are traced.
        DtypeError, ShapeError: Where ``x0`` is no real vector, or ``fun`` gives no real scalar.
        MissingRuleError: For the derivative of a solution with constraints.

    >>> import numpy as np
    >>> from funcgrad import jacobian
    >>> f = lambda x, a: np.sum((x - a) ** 2) + np.sum(x) ** 2
    >>> result = minimize(f, np.zeros(2), args=(np.array([1.0, 4.0]),))
    >>> result.success, result.x.round(6)
    (np.True_, array([-0.666667,  2.333333]))
    >>> jacobian(lambda a: minimize(f, np.zeros(2), args=(a,)).x)(np.array([1.0, 4.0])).round(6)
    array([[ 0.666667, -0.333333],
           [-0.333333,  0.666667]])
    """
    what = "minimize"
    require_functions(what, fun=fun)
    if is_tree(x0):
        refused = {"hess": hess, "hessp": hessp, "tangent_solve": tangent_solve}
        refused["constraints"] = constraints or None
        keywords: dict[str, Any] = {"args": args, "method": method, "tol": tol, "options": options}
        return over_tree(what, minimize, fun, x0, jac, bounds, callback, refused, keywords)
    constrained = not isinstance(constraints, (tuple, list)) or bool(constraints)
    if method is None:
        method = "slsqp" if constrained else "bfgs" if bounds is None else "l-bfgs-b"
    method = _method(method, _MINIMIZERS, what)
    given = Objective(fun, x0, args, jac is True, what)
    value = given.program(lambda x: [scalar_value(given.value(x), given)], "value")
    gradient = given.program(lambda x: [value_and_gradient(value, x)[1]], "gradient")
    functions: dict[str, Any] = {"fun": value}
    keywords: dict[str, Any] = {"tol": tol, "callback": callback, "options": options}
    if jac is True:
        functions["jac"] = given.program(lambda x: [fit_vector(given.second(x), given)], "gradient")
    elif callable(jac):
        functions["jac"] = given.program(
            lambda x: [fit_vector(jac(x, *given.args), given)], "gradient"
        )
    elif jac is None and method in _GRADIENT:
        functions["fun_and_jac"] = given.program(lambda x: value_and_gradient(value, x), "gradient")
    elif jac is not None and jac is not False:
        keywords["jac"] = jac
    if callable(hess) and not isinstance(hess, type):
        functions["hess"] = given.program(lambda x: [matrix(hess(x, *given.args), given)], "hess")
    elif hess is not None:
        keywords["hess"] = hess
    if hessp is not None:
        require_functions(what, hessp=hessp)
        functions["hessp"] = given.program(
            lambda x, p: [fit_vector(hessp(x, p, *given.args), given)], "hessp", 2
        )
    elif hess is None and method in _PRODUCT:
        functions["hessp"] = given.program(
            lambda x, p: [hessian_product(gradient, x, p)], "hessp", 2
        )
    elif hess is None and method in _MATRIX:
        functions["hess"] = given.program(lambda x: [jacobian(gradient, x)], "hess")
    residual = gradient
    if bounds is not None:
        low, high = limits(bounds, given)
        keywords["bounds"] = list(zip(low, high, strict=True))
        residual = given.program(lambda x: [within_bounds(gradient, x, low, high)], "gradient")
    solver: Any = tangent_solve
    if constrained:
        keywords["constraints"] = constraints
        solver = Refusing()
    reported = ["nfev"]
    reported += ["jac"] * (method in _GRADIENT - {"trust-constr"})
    reported += ["njev"] * (method in _GRADIENT - {"tnc"}) + ["nhev"] * (method in _HESSIAN)
    reported += ["nit"] * (method != "cobyla")
    plan = Plan(what, method, keywords, reported)
    result = _search(given, functions, residual, plan, solver, what)
    operands = [*value[1], result.x]
    if any(isinstance(v, Tracer) for v in operands):
        result.fun = scalar(run(value[0], operands)[0])
    return result


class Refusing:
    """Solves no equation: for solutions that are not known to have derivatives."""

    def solve(self, point: Point, y: Sequence[Any]) -> Sequence[Any]:
        raise self._error()

    def solve_transposed(self, point: Point, ct: Sequence[Any]) -> Sequence[Any]:
        raise self._error()

    def _error(self) -> MissingRuleError:
        return MissingRuleError(
            "minimize: a solution with constraints has no derivative rule",
            "Put the constraints into the function, as penalties or by a change of variables; "
            "bounds have a rule.",
        )


def _search(
    given: Objective,
    functions: dict[str, Program],
    residual: Program,
    plan: Plan,
    solver: Any,
    what: str,
) -> OptimizeResult:
    """Search, as an equation whose derivative is that of a root of ``residual``."""
    made = [residual, *functions.values()]
    if solver is not None and not isinstance(solver, Refusing):
        require_functions(what, tangent_solve=solver)
        flat = lambda *x: run(residual[0], [*residual[1], *x])  # noqa: E731
        made.append(tangent_program(flat, tree.LEAF, [given.aval], solver, what))
    programs, shared = share_programs([p for p, _ in made], [c for _, c in made])
    count = 1 + len(functions)
    search = Search(tuple(functions), tuple(programs[1:count]), plan)
    avals: list[Aval] = [v.aval for v in programs[0].inputs[: len(shared)]]
    found, _ = trace(lambda *a: apply(search, a, None), [*avals, given.aval], name=str(search))
    chosen = solver if isinstance(solver, Refusing) else Dense()
    if len(programs) > count:
        chosen = Given(programs[count])
    implicit = Implicit(found, programs[0], len(shared), 1, chosen, ())
    x, success, status, fun, code, *rest = apply(implicit, [*shared, given.x0], None)
    more = dict(zip(plan.reported, rest, strict=True))
    return OptimizeResult(x, success, status, fun, code, **more)


def _method(method: Any, known: frozenset[str], what: str) -> str:
    if not isinstance(method, str) or method.lower() not in known:
        raise ArgumentError(
            f"{what}: there is no method {method!r}", f"Use one of {', '.join(sorted(known))}."
        )
    return method.lower()


publish_all(globals())
