"""Shapes, reductions, contractions, sorting and transforms."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core.ir import Equation
from ..replay import Replay, formula, rule

__all__: list[str] = []


@formula("concatenate")
def concatenate(p: Any, *xs: Any) -> Any:
    """Arrays one after another."""
    return lax.concatenate(xs, p.axis % xs[0].ndim)


@formula("stack")
def stack(p: Any, *xs: Any) -> Any:
    """Arrays along a new axis."""
    return jnp.stack(xs, p.axis)


@formula("unstack")
def unstack(p: Any, x: Any) -> Any:
    """The parts along the first axis."""
    return tuple([x[i] for i in range(x.shape[0])])


@formula("flip")
def flip(p: Any, x: Any) -> Any:
    """Axes from the other end."""
    return lax.rev(x, tuple([axis % x.ndim for axis in p.axes]))


@formula("pad")
def pad(p: Any, x: Any) -> Any:
    """A constant around."""
    value = np.asarray(p.value, x.dtype)
    return lax.pad(x, value, [(before, after, 0) for before, after in p.widths])


@formula("diagonal")
def diagonal(p: Any, x: Any) -> Any:
    """The diagonals of matrices."""
    return jnp.diagonal(x, p.offset, -2, -1)


@formula("diagonal_of")
def diagonal_of(p: Any, x: Any) -> Any:
    """Matrices with these diagonals."""
    i = np.arange(x.shape[-1])
    out = jnp.zeros((*x.shape[:-1], p.rows, p.columns), x.dtype)
    return out.at[..., i - min(p.offset, 0), i + max(p.offset, 0)].set(x)


@formula("attained")
def attained(p: Any, x: Any, extremum: Any) -> Any:
    """Where the extremum over axes is; a nan is one of nans."""
    extremum = jnp.reshape(extremum, [1 if i in p.axes else n for i, n in enumerate(x.shape)])
    return (x == extremum) | ((x != x) & (extremum != extremum))


@rule("dot_general")
def dot_general(replay: Replay, eqn: Equation, x: Any, y: Any) -> Any:
    """A contraction, by `jax.lax.dot_general`."""
    operands, out = eqn.primitive.spec.split("->")
    a, b = operands.split(",")
    if len(set(a)) < len(a) or len(set(b)) < len(b) or set(a) - set(b) - set(out):
        return jnp.einsum(eqn.primitive.spec, x, y, precision=replay.options.precision)
    if set(b) - set(a) - set(out):
        return jnp.einsum(eqn.primitive.spec, x, y, precision=replay.options.precision)
    batch = [c for c in a if c in b and c in out]
    summed = [c for c in a if c in b and c not in out]
    places = [[t.index(c) for c in part] for part in (summed, batch) for t in (a, b)]
    numbers = ((places[0], places[1]), (places[2], places[3]))
    if x.dtype.kind not in "fc":
        return jnp.einsum(eqn.primitive.spec, x, y)
    z = lax.dot_general(x, y, numbers, precision=replay.options.precision)
    order = [*batch, *[c for c in a if c not in b], *[c for c in b if c not in a]]
    axes = [order.index(c) for c in out]
    return z if axes == list(range(len(axes))) else lax.transpose(z, axes)


@formula("cum_sum", "cum_prod")
def accumulate(p: Any, x: Any) -> Any:
    """Running sums or products."""
    f = lax.cumsum if p.name == "cum_sum" else lax.cumprod
    return f(x, p.axis % x.ndim, reverse=p.reverse)


@formula("linear_recurrence")
def linear_recurrence(p: Any, a: Any, b: Any) -> Any:
    """``s[i] = a[i] s[i-1] + b[i]``."""

    def step(state: Any, parts: Any) -> Any:
        state = parts[0] * state + parts[1]
        return state, state

    a, b = jnp.moveaxis(a, p.axis, 0), jnp.moveaxis(b, p.axis, 0)
    start = jnp.zeros(b.shape[1:], b.dtype)
    return jnp.moveaxis(lax.scan(step, start, (a, b), reverse=p.reverse)[1], 0, p.axis)


@formula("argsort")
def argsort(p: Any, x: Any) -> Any:
    """The order of elements along an axis; equal ones stay in theirs."""
    return jnp.argsort(x, axis=p.axis, stable=True).astype(np.int64)


@formula("argmax", "argmin")
def arg_extremum(p: Any, x: Any) -> Any:
    """Where the largest or smallest element is."""
    if x.dtype.kind in "fiu":
        return getattr(lax, p.name)(x, p.axis % x.ndim, np.int64)
    return getattr(jnp, p.name)(x, axis=p.axis).astype(np.int64)


def _over_leading(f: Any, axes: int) -> Any:
    for _ in range(axes):
        f = jax.vmap(f)
    return f


@formula("searchsorted")
def searchsorted(p: Any, a: Any, v: Any) -> Any:
    """Where values belong in sorted ones."""
    f = _over_leading(lambda a, v: jnp.searchsorted(a, v, side=p.side), a.ndim - 1)
    return f(jnp.asarray(a), jnp.asarray(v)).astype(np.int64)


@rule("convolve")
def convolve(replay: Replay, eqn: Equation, x: Any, y: Any) -> Any:
    """The full convolution along the last axis."""
    precision = replay.options.precision
    f = _over_leading(lambda a, b: jnp.convolve(a, b, precision=precision), x.ndim - 1)
    return f(jnp.asarray(x), jnp.asarray(y)).astype(x.dtype)


@formula("fft", "ifft", "rfft", "irfft")
def transform(p: Any, x: Any) -> Any:
    """Fourier transforms along an axis."""
    return getattr(jnp.fft, p.name)(x, n=p.n, axis=p.axis, norm=p.norm)
