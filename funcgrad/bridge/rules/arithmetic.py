"""The common elementwise operations, by `jax.lax`, which traces them in a third of the time.

`jax.numpy` promotes, which a program of funcgrad's never needs: its operands have one dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core.ir import Equation
from ..replay import RULES, Replay, formula

__all__ = ["spread"]


def spread(xs: Sequence[Any]) -> list[Any]:
    """Operands broadcast to their common shape."""
    shapes = [np.shape(x) for x in xs]
    if all(shape == shapes[0] for shape in shapes):
        return list(xs)
    common = np.broadcast_shapes(*shapes)
    return [
        x
        if shape == common
        else lax.broadcast_in_dim(x, common, range(len(common) - len(shape), len(common)))
        for x, shape in zip(xs, shapes, strict=True)
    ]


def _declare(name: str, fast: Callable[..., Any], kinds: str, slow: Callable[..., Any]) -> None:
    """``fast`` for operands whose kind of dtype is one of ``kinds``, else ``slow``."""

    def evaluate(replay: Replay, eqn: Equation, *xs: Any) -> Any:
        return (fast if xs[0].dtype.kind in kinds else slow)(*spread(xs))

    RULES[name] = evaluate


_FLOATS, _INEXACT, _NUMBERS = "f", "fc", "iufc"

for _name, _fast, _kinds, _slow in (
    ("abs", lax.abs, "if", jnp.abs),
    ("add", lax.add, _NUMBERS, jnp.add),
    ("arctan2", lax.atan2, _FLOATS, jnp.arctan2),
    ("at_least", lax.max, "iuf", jnp.maximum),
    ("at_most", lax.min, "iuf", jnp.minimum),
    ("ceil", lax.ceil, _FLOATS, jnp.ceil),
    ("cos", lax.cos, _INEXACT, jnp.cos),
    ("cosh", lax.cosh, _FLOATS, jnp.cosh),
    ("div", lax.div, _INEXACT, jnp.divide),
    ("exp", lax.exp, _INEXACT, jnp.exp),
    ("expm1", lax.expm1, _FLOATS, jnp.expm1),
    ("floor", lax.floor, _FLOATS, jnp.floor),
    ("log", lax.log, _INEXACT, jnp.log),
    ("log1p", lax.log1p, _FLOATS, jnp.log1p),
    ("logical_and", lax.bitwise_and, "b", jnp.logical_and),
    ("logical_not", lax.bitwise_not, "b", jnp.logical_not),
    ("logical_or", lax.bitwise_or, "b", jnp.logical_or),
    ("maximum", lax.max, "iuf", jnp.maximum),
    ("minimum", lax.min, "iuf", jnp.minimum),
    ("mul", lax.mul, _NUMBERS, jnp.multiply),
    ("neg", lax.neg, _NUMBERS, jnp.negative),
    ("quiet_div", lax.div, _INEXACT, jnp.divide),
    ("sin", lax.sin, _INEXACT, jnp.sin),
    ("sinh", lax.sinh, _FLOATS, jnp.sinh),
    ("sqrt", lax.sqrt, _INEXACT, jnp.sqrt),
    ("square", lax.square, _NUMBERS, jnp.square),
    ("sub", lax.sub, _NUMBERS, jnp.subtract),
    ("tanh", lax.tanh, _FLOATS, jnp.tanh),
):
    _declare(_name, _fast, _kinds, _slow)


def _declare_comparison(name: str, fast: Callable[..., Any], slow: Callable[..., Any]) -> None:
    def compare(replay: Replay, eqn: Equation, x: Any, y: Any) -> Any:
        x, y = spread([x, y])
        if x.dtype != y.dtype:
            # Signed and unsigned: no integer type has both, and NumPy compares the numbers.
            sides = [_halves(x), _halves(y)]
            high, low = zip(*sides, strict=True)
            decided = slow(*high)
            return jnp.where(high[0] == high[1], slow(*low), decided)
        return (fast if x.dtype.kind in "iuf" else slow)(x, y)

    RULES[name] = compare


def _halves(x: Any) -> tuple[Any, Any]:
    """-1 for negative integers, else 0; and the bits, whose order is that of the numbers there."""
    negative = x < 0 if x.dtype.kind == "i" else jnp.zeros(x.shape, np.bool_)
    return -negative.astype(np.int8), x.astype(np.int64).astype(np.uint64) if (
        x.dtype.kind == "i"
    ) else x.astype(np.uint64)


for _name, _fast, _slow in (
    ("equal", lax.eq, jnp.equal),
    ("greater", lax.gt, jnp.greater),
    ("greater_equal", lax.ge, jnp.greater_equal),
    ("less", lax.lt, jnp.less),
    ("less_equal", lax.le, jnp.less_equal),
    ("not_equal", lax.ne, jnp.not_equal),
):
    _declare_comparison(_name, _fast, _slow)


@formula("sum")
def sum_over(p: Any, x: Any) -> Any:
    """The sum over axes, in the dtype of the operand."""
    return jnp.sum(x, axis=p.axes, dtype=x.dtype) if x.dtype.kind == "b" else _total(x, p.axes)


def _total(x: Any, axes: tuple[int, ...]) -> Any:
    # XLA adds half precision in half precision, NumPy in pairs.
    if x.dtype == np.float16:
        return jnp.sum(x, axis=axes, dtype=np.float32).astype(x.dtype)
    return lax.reduce_sum(x, axes)


@formula("convert")
def convert(p: Any, x: Any) -> Any:
    """A conversion of dtype, which cuts complex numbers that become real."""
    if p.dtype.kind in "fiu" and x.dtype.kind == "c":
        x = lax.real(x)
    return lax.convert_element_type(x, p.dtype) if p.dtype.kind != "b" else lax.ne(x, _zeros(x))


def _zeros(x: Any) -> Any:
    return lax.full_like(x, 0)


@formula("broadcast_to")
def broadcast(p: Any, x: Any) -> Any:
    """Broadcasting, by trailing axes."""
    lead = len(p.shape) - x.ndim
    return lax.broadcast_in_dim(x, p.shape, range(lead, len(p.shape)))


@formula("reshape")
def reshape(p: Any, x: Any) -> Any:
    """Another shape of known lengths."""
    return lax.reshape(x, p.shape)


@formula("transpose")
def transpose(p: Any, x: Any) -> Any:
    """Another order of axes."""
    return lax.transpose(x, p.axes)


@formula("stop_gradient", "name")
def hand_on(p: Any, x: Any) -> Any:
    """The operand itself."""
    return x


@formula("opaque")
def first_operand(p: Any, x: Any, hidden: Any) -> Any:
    """The first operand."""
    return x
