"""Norms and the softmax family, precise at the ends as their kernels are."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..replay import formula
from .arithmetic import spread
from .elementwise import zero

__all__: list[str] = []


def sum_kept(x: Any, axes: Any) -> Any:
    """The sum over axes, which stay with length 1."""
    return jnp.sum(x, axis=tuple(axes), keepdims=True, dtype=x.dtype)


@formula("deviation")
def deviation(p: Any, t: Any, s: Any) -> Any:
    """``t - sum(s t)``, where ``t`` counts from that of an ``s`` that is nearly 1."""
    t = t - sum_kept(jnp.where(s > 0.9, t, zero(t)), p.axes)
    product = (jnp.where(s == 0, zero(t), t) if p.masked else t) * s
    return t - sum_kept(product, p.axes)


@formula("balance")
def balance(p: Any, c: Any, s: Any) -> Any:
    """``c - s sum(c)``, which sums to 0: so it is made where ``s`` is nearly 1."""
    z = c - s * sum_kept(c, p.axes)
    most = s > 0.9
    return jnp.where(most, -sum_kept(jnp.where(most, zero(z), z), p.axes), z)


@formula("shares")
def shares(p: Any, *xs: Any) -> Any:
    """Parts of a total; infinite ones share a total of inf."""
    e, total = xs[1], xs[2]
    s = e / total
    infinite = jnp.isinf(e).astype(e.dtype)
    return jnp.where(jnp.isinf(total) & (s != s), infinite / sum_kept(infinite, p.axes), s)


@formula("excess")
def excess(p: Any, s: Any, labels: Any) -> Any:
    """Rows that sum to 1, less the rows of the identity that labels say."""
    count = s.shape[-1]
    places = jnp.reshape(labels, s.shape[:-1])
    own = (places % count)[..., None] == np.arange(count)
    mine = jnp.sum(jnp.where(own, s, zero(s)), axis=-1, keepdims=True)
    others = jnp.sum(jnp.where(own, zero(s), s), axis=-1, keepdims=True)
    return jnp.where(own, jnp.where(mine > 0.9, -others, mine - 1), s)


@formula("log_total")
def log_total(p: Any, total: Any, e: Any) -> Any:
    """The logarithm of a sum, precise where one 1 is most of it."""
    rest = sum_kept(jnp.where(e == 1, zero(e), e), p.axes)
    return jnp.where((total < 1.5) & (total >= 1), jnp.log1p(rest), jnp.log(total))


def rescale(x: Any, axes: Any) -> tuple[Any, Any]:
    """A multiple of real ``x`` whose squares neither vanish nor overflow, and its norm, kept."""
    axes, limits = tuple(axes), np.finfo(x.dtype)
    n = jnp.sqrt(sum_kept(x * x, axes))
    fine = (n > np.sqrt(limits.tiny) / limits.eps) & (n < limits.max)
    top = jnp.max(jnp.abs(x), axis=axes, keepdims=True, initial=0)
    moved = jnp.where(jnp.isinf(top), jnp.where(jnp.isinf(x), jnp.sign(x), x * 0), x)
    exponent = jnp.where(fine, 0, jnp.frexp(top)[1])
    moved = jnp.ldexp(moved, -exponent).astype(x.dtype)
    length = jnp.sqrt(sum_kept(moved * moved, axes))
    length = jnp.where(length == 0, np.ones((), x.dtype), length)
    return jnp.where(fine, x, moved), jnp.where(fine, n, length)


@formula("norm")
def norm(p: Any, x: Any) -> Any:
    """``sqrt(sum(|x|**2))``."""
    squares = jnp.real(x) ** 2 + jnp.imag(x) ** 2 if x.dtype.kind == "c" else x * x
    return jnp.sqrt(jnp.sum(squares, axis=tuple(p.axes)))


@formula("scaled_norm")
def scaled_norm(p: Any, x: Any) -> Any:
    """The same, also where squares underflow or overflow."""
    axes = tuple([axis % x.ndim for axis in p.axes])
    if x.dtype.kind == "c":
        x, axes = jnp.stack([jnp.real(x), jnp.imag(x)]), (0, *[axis + 1 for axis in axes])
    y, n = rescale(x, axes)
    top = jnp.max(jnp.abs(x), axis=axes, initial=0)
    most = jnp.max(jnp.abs(y), axis=axes, initial=0)
    n = jnp.where(most == 0, most, jnp.reshape(n, most.shape))
    exponent = jnp.frexp(top)[1] - jnp.frexp(most)[1]
    return jnp.where(jnp.isinf(top), top, jnp.ldexp(n, exponent).astype(x.dtype))


def direct(x: Any, axes: Any) -> Any:
    """``x / |x|`` over axes, 0 at 0."""
    if x.dtype.kind == "c":
        parts = jnp.stack([jnp.real(x), jnp.imag(x)])
        y, n = rescale(parts, (0, *[axis + 1 for axis in axes]))
        return lax.complex(*(y / n))
    y, n = rescale(x, axes)
    return y / n


@formula("direction")
def direction(p: Any, x: Any, n: Any) -> Any:
    """``x / |x|`` over axes, 0 at 0."""
    return direct(x, [axis % x.ndim for axis in p.axes])


@formula("point_direction")
def point_direction(p: Any, x: Any) -> Any:
    """``x / |x|`` of complex numbers, 0 at 0."""
    return direct(x, ())


@formula("cosine")
def cosine(p: Any, x: Any, y: Any) -> Any:
    """``x / hypot(x, y)``, 0 at the origin."""
    parts, n = rescale(jnp.stack(spread([x, y])), (0,))
    return parts[0] / n[0]
