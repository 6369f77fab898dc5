"""W1: the gradient of a small scalar function of three Python floats, in one call.

``(2x+y+3z)^2 + (x+3y+4z)^2 * log(x^2+y^2+z^2)`` at (1, 1, 1): all overhead, hardly any arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Bar, Case, Extent, Key, Workload
from benchmarks.measure import Contestant
from benchmarks.peers import load_jax

NAME = "W1 lecture function"


def lecture(log: Callable[[Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """The function, over the ``log`` of some library."""

    def f(x: Any, y: Any, z: Any) -> Any:
        return (2 * x + y + 3 * z) ** 2 + (x + 3 * y + 4 * z) ** 2 * log(x**2 + y**2 + z**2)

    return f


def by_hand() -> Sequence[Contestant]:
    def gradient(x: float, y: float, z: float) -> tuple[float, float, float]:
        a = 2 * x + y + 3 * z
        b = x + 3 * y + 4 * z
        s = x * x + y * y + z * z
        log_s = math.log(s)
        da = 2 * a
        db = 2 * b * log_s
        ds = b * b / s
        return (
            2 * da + db + 2 * x * ds,
            da + 3 * db + 2 * y * ds,
            3 * da + 4 * db + 2 * z * ds,
        )

    return [Contestant("flat Python", lambda _: gradient(1.0, 1.0, 1.0))]


def with_funcgrad() -> Sequence[Contestant]:
    from funcgrad import grad, jit

    gradient = grad(lecture(np.log), argnums=(0, 1, 2))
    compiled = jit(grad(lecture(np.log), argnums=(0, 1, 2)))
    return [
        Contestant("funcgrad", lambda _: gradient(1.0, 1.0, 1.0)),
        Contestant("funcgrad.jit", lambda _: compiled(1.0, 1.0, 1.0), compiled=True),
    ]


def with_jax() -> Sequence[Contestant]:
    jax = load_jax()
    f = lecture(jax.numpy.log)
    gradient = jax.grad(f, argnums=(0, 1, 2))
    compiled = jax.jit(gradient)

    def wait(result: Any) -> Any:
        result[2].block_until_ready()
        return result

    return [
        Contestant("jax", lambda _: jax.block_until_ready(gradient(1.0, 1.0, 1.0))),
        Contestant("jax.jit", lambda _: wait(compiled(1.0, 1.0, 1.0)), compiled=True),
    ]


def with_torch() -> Sequence[Contestant]:
    import torch

    f = lecture(torch.log)

    def gradient(_: Any) -> Any:
        args = [torch.tensor(1.0, dtype=torch.float64, requires_grad=True) for _ in range(3)]
        return torch.autograd.grad(f(*args), args)

    return [Contestant("torch", gradient)]


def with_autograd() -> Sequence[Contestant]:
    import autograd
    import autograd.numpy as anp

    gradient = autograd.grad(lecture(anp.log), (0, 1, 2))
    return [Contestant("autograd", lambda _: gradient(1.0, 1.0, 1.0))]


def case() -> Case:
    return Case(
        NAME,
        {
            "by hand": by_hand,
            "funcgrad": with_funcgrad,
            "jax": with_jax,
            "torch": with_torch,
            "autograd": with_autograd,
        },
    )


def workload(extent: Extent) -> Workload:
    return Workload(
        "W1",
        "gradient of the lecture function at Python floats",
        (case(),),
        (
            Bar(
                "un-jitted / autograd",
                ((Key(NAME, "funcgrad"), Key(NAME, "autograd")),),
                0.5,
            ),
            Bar(
                "jitted / jax.jit",
                ((Key(NAME, "funcgrad.jit"), Key(NAME, "jax.jit")),),
                0.15,
            ),
        ),
    )
