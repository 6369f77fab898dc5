"""W5: value and gradient of a long elementwise expression with a sum at its end.

``sum(tanh(x*w)*exp(-x*x) + log1p(x*x)*sin(x))`` with respect to x, for n from 1e3 to 1e7.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Bar, Case, Extent, Key, Workload
from benchmarks.measure import Contestant, leaves
from benchmarks.peers import load_jax

DTYPES = ("float32", "float64")
BLOCK = 8192
GEOMETRIC_LIMIT = {"float32": 0.8, "float64": 1.1}
SINGLE_LIMIT = {"float32": 1.2, "float64": 1.5}
TOLERANCE = {"float32": (1e-4, 2e-6), "float64": (1e-10, 1e-13)}

Data = tuple[np.ndarray, np.ndarray]


def name_of(n: int, dtype: str) -> str:
    """The case's name, with n as a power of ten where it is one."""
    power = len(str(n)) - 1
    return f"W5 {dtype} n={f'1e{power}' if n == 10**power else n}"


def arrays(n: int, dtype: str) -> Data:
    rng = np.random.default_rng(0)
    return rng.standard_normal(n).astype(dtype), rng.standard_normal(n).astype(dtype)


def expression(np_like: Any) -> Callable[[Any, Any], Any]:
    """The function, over a NumPy-like namespace."""

    def f(x: Any, w: Any) -> Any:
        return np_like.sum(
            np_like.tanh(x * w) * np_like.exp(-x * x) + np_like.log1p(x * x) * np_like.sin(x)
        )

    return f


def _mean_and_gradient(result: Any) -> list[np.ndarray]:
    """The sum is compared per element: its rounding error grows with n, its size hardly does."""
    value, gradient = leaves(result)
    return [value / value.dtype.type(gradient.size), gradient]


def by_hand(data: Data) -> Sequence[Contestant]:
    x_all, w_all = data

    def value_and_gradient(_: Any) -> Any:
        gradient = np.empty_like(x_all)
        total = 0.0
        for begin in range(0, x_all.size, BLOCK):
            x, w = x_all[begin : begin + BLOCK], w_all[begin : begin + BLOCK]
            tanh, square, sin = np.tanh(x * w), x * x, np.sin(x)
            bell, log = np.exp(-square), np.log1p(square)
            total += float(np.sum(tanh * bell + log * sin))
            two_x = x + x
            gradient[begin : begin + BLOCK] = (
                bell * (w * (1 - tanh * tanh) - two_x * tanh)
                + two_x * sin / (1 + square)
                + log * np.cos(x)
            )
        return x_all.dtype.type(total), gradient

    return [Contestant("NumPy in blocks", value_and_gradient, read=_mean_and_gradient)]


def with_funcgrad(data: Data) -> Sequence[Contestant]:
    from funcgrad import jit, value_and_grad

    x, w = data
    gradient = value_and_grad(expression(np))
    compiled = jit(value_and_grad(expression(np)))
    return [
        Contestant("funcgrad", lambda _: gradient(x, w), read=_mean_and_gradient),
        Contestant(
            "funcgrad.jit", lambda _: compiled(x, w), read=_mean_and_gradient, compiled=True
        ),
    ]


def with_jax(data: Data) -> Sequence[Contestant]:
    jax = load_jax()
    x, w = (jax.numpy.asarray(a) for a in data)
    compiled = jax.jit(jax.value_and_grad(expression(jax.numpy)))

    def step(_: Any) -> Any:
        result = compiled(x, w)
        result[1].block_until_ready()
        return result

    return [Contestant("jax.jit", step, read=_mean_and_gradient, compiled=True)]


def with_torch(data: Data) -> Sequence[Contestant]:
    import torch

    x, w = torch.tensor(data[0], requires_grad=True), torch.tensor(data[1])
    f = expression(torch)

    def step(_: Any) -> Any:
        value = f(x, w)
        return value, torch.autograd.grad(value, x)[0]

    return [Contestant("torch", step, read=_mean_and_gradient)]


def case(n: int, dtype: str) -> Case:
    made: list[Data] = []

    def data() -> Data:
        if not made:
            made.append(arrays(n, dtype))
        return made[0]

    rtol, atol = TOLERANCE[dtype]
    return Case(
        name_of(n, dtype),
        {
            "by hand": lambda: by_hand(data()),
            "funcgrad": lambda: with_funcgrad(data()),
            "jax": lambda: with_jax(data()),
            "torch": lambda: with_torch(data()),
        },
        rtol=rtol,
        atol=atol,
        first_call=n == 1000,
    )


def _pair(n: int, dtype: str) -> tuple[Key, Key]:
    return Key(name_of(n, dtype), "funcgrad.jit"), Key(name_of(n, dtype), "jax.jit")


def workload(extent: Extent) -> Workload:
    sizes = [10**3, 10**4, 10**5] if extent.quick else [10**k for k in range(3, 8)]
    barred = [10**5, 10**6, 10**7]
    bars: list[Bar] = []
    for dtype in DTYPES:
        pairs = tuple(_pair(n, dtype) for n in barred)
        bars.append(
            Bar(
                f"{dtype}, geometric mean of 1e5, 1e6, 1e7 / jax.jit",
                pairs,
                GEOMETRIC_LIMIT[dtype],
            )
        )
        for pair in pairs:
            bars.append(Bar(f"{pair[0].case[3:]} / jax.jit", (pair,), SINGLE_LIMIT[dtype]))
    return Workload(
        "W5",
        "value and gradient of a sum of elementwise functions",
        tuple(case(n, dtype) for dtype in DTYPES for n in sizes),
        tuple(bars),
    )
