"""W12: what a call costs: plain ``np.`` on traced values, and the gradient of one matrix product.

The first cases write one function of many small calls twice, with plain NumPy, which reaches
funcgrad by NumPy's protocols, and with ``funcgrad.numpy``; both sides of the bar are funcgrad's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.cases import Bar, Case, Extent, Key, Workload
from benchmarks.measure import Contestant

GRADIENT, BATCH, PROGRAM = "W12 calls under grad", "W12 calls under vmap", "W12 calls traced"
DOT, DENSE = "W12 gradient of np.dot", "W12 gradient of sin(np.dot)"
SIZE = 100


def calls(m: ModuleType | Any, count: int = 20) -> Callable[[Any], Any]:
    """A function of many calls of the namespace ``m``, of all kinds."""

    def f(x: Any) -> Any:
        total = 0.0
        for _ in range(count):
            y = m.sin(x)
            z = m.add(x, y)
            rows = m.reshape(m.concatenate([x, z]), (2, 3))
            w = m.where(x > 1, x, m.maximum(y, 0.0))
            total = total + m.sum(m.mean(rows, axis=0)) + m.dot(w, z)
            x = m.clip(m.stack([x, y])[0], 0.5, 2.0)
        return total

    return f


def with_funcgrad(transform: str) -> Sequence[Contestant]:
    import funcgrad
    import funcgrad.numpy

    x = np.array([0.5, 1.0, 1.5])

    def run(f: Callable[[Any], Any], _: Any) -> Any:
        if transform == "grad":
            return funcgrad.grad(f)(x)
        if transform == "vmap":
            return funcgrad.vmap(f)(np.stack([x, x]))
        return len(funcgrad.make_jaxpr(f)(x).equations)

    return [
        Contestant("plain numpy", partial(run, calls(np))),
        Contestant("funcgrad.numpy", partial(run, calls(funcgrad.numpy))),
    ]


def operands(size: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((size, size)), rng.standard_normal((size, size))


def loss(m: ModuleType | Any, b: Any, dense: bool) -> Callable[[Any], Any]:
    """A number made from a product; its cotangent is one number repeated, or ``dense``."""
    if dense:
        return lambda a: m.sum(m.sin(m.dot(a, b)))
    return lambda a: m.sum(m.dot(a, b))


def dot_by_hand(size: int, dense: bool) -> Sequence[Contestant]:
    a, b = operands(size)

    def gradient(_: Any) -> Any:
        product = np.dot(a, b)
        np.sum(np.sin(product) if dense else product)
        return np.dot(np.cos(product) if dense else np.ones((size, size)), b.T)

    return [Contestant("NumPy", gradient)]


def dot_with_funcgrad(size: int, dense: bool) -> Sequence[Contestant]:
    from funcgrad import grad

    a, b = operands(size)
    gradient = grad(loss(np, b, dense))
    return [Contestant("funcgrad", lambda _: gradient(a))]


def dot_with_autograd(size: int, dense: bool) -> Sequence[Contestant]:
    import autograd
    import autograd.numpy as anp

    a, b = operands(size)
    gradient = autograd.grad(loss(anp, b, dense))
    return [Contestant("autograd", lambda _: gradient(a))]


def calls_case(name: str, transform: str) -> Case:
    return Case(name, {"funcgrad": lambda: with_funcgrad(transform)})


def dot_case(name: str = DOT, size: int = SIZE, dense: bool = False) -> Case:
    return Case(
        name,
        {
            "by hand": lambda: dot_by_hand(size, dense),
            "funcgrad": lambda: dot_with_funcgrad(size, dense),
            "autograd": lambda: dot_with_autograd(size, dense),
        },
    )


def workload(extent: Extent) -> Workload:
    transforms = {GRADIENT: "grad", BATCH: "vmap", PROGRAM: "trace"}
    dots = (dot_case(), dot_case(DENSE, dense=True))
    return Workload(
        "W12",
        "plain np. calls on traced values; the gradient of one matrix product",
        (*[calls_case(name, transform) for name, transform in transforms.items()], *dots),
        (
            *[
                Bar(
                    f"{name}: numpy / funcgrad.numpy",
                    ((Key(name, "plain numpy"), Key(name, "funcgrad.numpy")),),
                    1.2,
                )
                for name in transforms
            ],
            *[
                Bar(
                    f"{case.name}: un-jitted / autograd",
                    ((Key(case.name, "funcgrad"), Key(case.name, "autograd")),),
                    1.0,
                )
                for case in dots
            ],
        ),
    )
