"""W6: the gradient of a long chain of scalar operations, ``x = x*a; x = x + b; ...``.

With respect to x, a and b together, so that every operation of the chain and of its backward pass
is needed: were a and b constants, the gradient would not depend on x, and a compiler would be
right to reduce the whole chain to one number. n counts the operations of the chain.

How long JAX compiles depends on that choice: the sums of many terms that are the gradients in a and
b make its compiler's time grow with the square of n or more. So the first call is also timed for
value and gradient in x alone, a and b still being arguments; that needs every operation too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import FIRST_CALL, Bar, Case, Extent, Key, Results, Workload
from benchmarks.measure import Contestant, leaves
from benchmarks.peers import load_jax

POINT = (1.0, 0.9999, 0.01)
ARGUMENTS = (0, 1, 2)
NEAR_LINEAR = 15.0
COMPILE_LIMIT_SECONDS = 1200.0


def chain(n: int) -> Callable[[Any, Any, Any], Any]:
    """``n`` operations, multiplications by a and additions of b in turn."""

    def f(x: Any, a: Any, b: Any) -> Any:
        for _ in range(n // 2):
            x = x * a
            x = x + b
        return x

    return f


def by_hand(n: int) -> Sequence[Contestant]:
    def gradient(x: float, a: float, b: float) -> tuple[float, float, float]:
        operands = []
        for _ in range(n // 2):
            operands.append(x)
            x = x * a + b
        dx, da, db = 1.0, 0.0, 0.0
        for operand in reversed(operands):
            db += dx
            da += dx * operand
            dx *= a
        return dx, da, db

    return [Contestant("Python loop", lambda _: gradient(*POINT))]


def eager_funcgrad(n: int) -> Sequence[Contestant]:
    from funcgrad import grad

    gradient = grad(chain(n), argnums=ARGUMENTS)
    return [Contestant("funcgrad", lambda _: gradient(*POINT))]


def eager_torch(n: int) -> Sequence[Contestant]:
    import torch

    f = chain(n)

    def gradient(_: Any) -> Any:
        args = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in POINT]
        return torch.autograd.grad(f(*args), args)

    return [Contestant("torch", gradient)]


def eager_autograd(n: int) -> Sequence[Contestant]:
    import autograd

    gradient = autograd.grad(chain(n), ARGUMENTS)
    return [Contestant("autograd", lambda _: gradient(*POINT))]


def jitted_funcgrad(n: int) -> Sequence[Contestant]:
    from funcgrad import grad, jit

    compiled = jit(grad(chain(n), argnums=ARGUMENTS))
    return [Contestant("funcgrad.jit", lambda _: compiled(*POINT), compiled=True)]


def _wait_for_last(result: Any) -> Any:
    result[-1].block_until_ready()
    return result


def jitted_jax(n: int) -> Sequence[Contestant]:
    jax = load_jax()
    compiled = jax.jit(jax.grad(chain(n), argnums=ARGUMENTS))

    return [Contestant("jax.jit", lambda _: _wait_for_last(compiled(*POINT)), compiled=True)]


def jitted_funcgrad_in_x(n: int) -> Sequence[Contestant]:
    from funcgrad import jit, value_and_grad

    compiled = jit(value_and_grad(chain(n)))
    return [Contestant("funcgrad.jit", lambda _: compiled(*POINT), compiled=True)]


def jitted_jax_in_x(n: int) -> Sequence[Contestant]:
    jax = load_jax()
    compiled = jax.jit(jax.value_and_grad(chain(n)))
    return [Contestant("jax.jit", lambda _: _wait_for_last(compiled(*POINT)), compiled=True)]


def traced_funcgrad(n: int) -> Sequence[Contestant]:
    from funcgrad import grad, make_jaxpr
    from funcgrad.core.record import run

    def trace(_: Any) -> Any:
        return make_jaxpr(grad(chain(n), argnums=ARGUMENTS))(*POINT)

    def evaluate(program: Any) -> list[np.ndarray]:
        return leaves(run(program, POINT))

    return [Contestant("funcgrad.make_jaxpr", trace, read=evaluate)]


def traced_jax(n: int) -> Sequence[Contestant]:
    jax = load_jax()
    from jax.extend.core import jaxpr_as_fun

    def trace(_: Any) -> Any:
        return jax.make_jaxpr(jax.grad(chain(n), argnums=ARGUMENTS))(*POINT)

    def evaluate(program: Any) -> list[np.ndarray]:
        return leaves(jaxpr_as_fun(program)(*POINT))

    return [Contestant("jax.make_jaxpr", trace, read=evaluate)]


def eager_case(n: int) -> Case:
    return Case(
        f"W6 un-jitted n={n}",
        {
            "by hand": lambda: by_hand(n),
            "funcgrad": lambda: eager_funcgrad(n),
            "torch": lambda: eager_torch(n),
            "autograd": lambda: eager_autograd(n),
        },
        first_call=False,
    )


def jitted_case(n: int) -> Case:
    return Case(
        f"W6 jitted n={n}",
        {
            "by hand": lambda: by_hand(n),
            "funcgrad": lambda: jitted_funcgrad(n),
            "jax": lambda: jitted_jax(n),
        },
    )


def compile_case(n: int, *, against_jax: bool, processes: int | None = None) -> Case:
    """First calls only: JAX's at these sizes takes up to minutes."""
    sides: dict[str, Callable[[], Sequence[Contestant]]] = {
        "funcgrad": lambda: jitted_funcgrad(n),
    }
    if against_jax:
        sides["jax"] = lambda: jitted_jax(n)
    return Case(
        f"W6 compile n={n}",
        sides,
        calls=False,
        processes=processes,
        limit_seconds=COMPILE_LIMIT_SECONDS,
        peers_may_fail=True,
    )


def compile_in_x_case(n: int) -> Case:
    """First calls of value and gradient in x alone, which JAX compiles in seconds."""
    return Case(
        f"W6 compile in x alone n={n}",
        {"funcgrad": lambda: jitted_funcgrad_in_x(n), "jax": lambda: jitted_jax_in_x(n)},
        calls=False,
    )


def trace_case(n: int) -> Case:
    """Making the program of the gradient, of a new function each time; running it is untimed."""
    return Case(
        f"W6 trace n={n}",
        {"funcgrad": lambda: traced_funcgrad(n), "jax": lambda: traced_jax(n)},
        first_call=False,
    )


def growth(results: Results) -> list[str]:
    """How JAX's first call grows with n, and what that would make at n = 10,000."""
    cases = {
        300: "W6 compile n=300",
        1000: "W6 jitted n=1000",
        3000: "W6 compile n=3000",
        10_000: "W6 compile n=10000",
    }
    timings = {
        n: results[key]
        for n, name in cases.items()
        if (key := Key(name, "jax.jit", FIRST_CALL)) in results
    }
    given_up = [f"W6: JAX at n = {n}: {t.remark}" for n, t in timings.items() if t.at_least]
    times = {n: t.median for n, t in timings.items() if not t.at_least}
    if len(times) < 2 or 10_000 in times:
        return given_up
    n1, n2 = sorted(times)[-2:]
    power = math.log(times[n2] / times[n1]) / math.log(n2 / n1)
    guess = times[n2] * (10_000 / n2) ** power
    return [
        *given_up,
        f"W6: JAX's first call takes {times[n1]:.3g} s at n = {n1} and {times[n2]:.3g} s at "
        f"n = {n2} (it grows as n^{power:.1f}); at n = 10000 that power gives about {guess:.3g} s, "
        f"which was not measured.",
    ]


def workload(extent: Extent) -> Workload:
    cases = [
        eager_case(1000),
        eager_case(10_000),
        jitted_case(1000),
        trace_case(1000 if extent.quick else 10_000),
        compile_case(300, against_jax=True),
        compile_in_x_case(1000),
    ]
    if not extent.quick:
        cases.insert(2, eager_case(100_000))
        cases.append(compile_in_x_case(10_000))
        cases.append(compile_case(100_000, against_jax=False, processes=1))
    if extent.full:
        cases.append(compile_case(3000, against_jax=True, processes=3))
    cases.append(
        compile_case(10_000, against_jax=extent.full, processes=1 if extent.full else None)
    )

    ours = Key("W6 compile n=10000", "funcgrad.jit", FIRST_CALL)
    if extent.full:
        compile_bar = Bar(
            "first call, n=10000 / jax.jit",
            ((ours, Key("W6 compile n=10000", "jax.jit", FIRST_CALL)),),
            0.03,
        )
    else:
        compile_bar = Bar(
            "first call, n=10000 / jax.jit at n=1000",
            ((ours, Key("W6 jitted n=1000", "jax.jit", FIRST_CALL)),),
            0.03,
            lower_bound=True,
        )
    return Workload(
        "W6",
        "gradient of a chain of scalar operations",
        tuple(cases),
        (
            Bar(
                "un-jitted, n=10000 / autograd",
                (
                    (
                        Key("W6 un-jitted n=10000", "funcgrad"),
                        Key("W6 un-jitted n=10000", "autograd"),
                    ),
                ),
                1.0,
            ),
            Bar(
                "un-jitted, n=100000 / itself at n=10000",
                (
                    (
                        Key("W6 un-jitted n=100000", "funcgrad"),
                        Key("W6 un-jitted n=10000", "funcgrad"),
                    ),
                ),
                NEAR_LINEAR,
            ),
            compile_bar,
            Bar(
                "jitted call, n=1000 / jax.jit",
                ((Key("W6 jitted n=1000", "funcgrad.jit"), Key("W6 jitted n=1000", "jax.jit")),),
                8.0,
            ),
        ),
        growth,
    )
