"""W7: the Hessian of the 100-dimensional Rosenbrock function, float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Case, Extent, Workload
from benchmarks.measure import Contestant
from benchmarks.peers import load_jax

NAME = "W7 Rosenbrock Hessian"


def rosenbrock(x: Any) -> Any:
    """``sum(100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2)``."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def by_hand(x: np.ndarray) -> Sequence[Contestant]:
    n = x.size
    here, above = np.arange(n - 1), np.arange(1, n)

    def hessian(_: Any) -> np.ndarray:
        out = np.zeros((n, n))
        out[here, here] = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
        out[above, above] += 200.0
        out[here, above] = out[above, here] = -400.0 * x[:-1]
        return out

    return [Contestant("closed form", hessian)]


def with_funcgrad(x: np.ndarray) -> Sequence[Contestant]:
    from funcgrad import hessian, jit

    eager, compiled = hessian(rosenbrock), jit(hessian(rosenbrock))
    return [
        Contestant("funcgrad", lambda _: eager(x)),
        Contestant("funcgrad.jit", lambda _: compiled(x), compiled=True),
    ]


def with_jax(x: np.ndarray) -> Sequence[Contestant]:
    jax = load_jax()
    point = jax.numpy.asarray(x)
    compiled = jax.jit(jax.hessian(rosenbrock))
    return [Contestant("jax.jit", lambda _: compiled(point).block_until_ready(), compiled=True)]


def with_torch(x: np.ndarray) -> Sequence[Contestant]:
    import torch

    point = torch.from_numpy(x)
    hessian = torch.func.hessian(rosenbrock)
    return [Contestant("torch.func", lambda _: hessian(point))]


def with_autograd(x: np.ndarray) -> Sequence[Contestant]:
    import autograd
    import autograd.numpy as anp

    def f(x: Any) -> Any:
        return anp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    hessian = autograd.hessian(f)
    return [Contestant("autograd", lambda _: hessian(x))]


def case(name: str = NAME, n: int = 100) -> Case:
    x = np.random.default_rng(0).standard_normal(n)
    return Case(
        name,
        {
            "by hand": lambda: by_hand(x),
            "funcgrad": lambda: with_funcgrad(x),
            "jax": lambda: with_jax(x),
            "torch": lambda: with_torch(x),
            "autograd": lambda: with_autograd(x),
        },
        rtol=1e-10,
        atol=1e-10,
    )


def workload(extent: Extent) -> Workload:
    return Workload("W7", "Hessian of the 100-dimensional Rosenbrock function", (case(),))
