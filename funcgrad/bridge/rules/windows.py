"""Windows: convolutions by `conv_general_dilated`, pooling by a gather and its transpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...core.ir import Equation
from ..replay import Replay, formula, rule

__all__: list[str] = []


def convolved(replay: Replay, p: Any) -> Callable[[Any, Any], Any]:
    """The convolution of images and kernels as a function."""
    return lambda x, w: lax.conv_general_dilated(
        x,
        w,
        p.strides,
        "VALID",
        rhs_dilation=p.dilation,
        feature_group_count=p.groups,
        precision=replay.options.precision,
    )


@rule("convolution")
def convolution(replay: Replay, eqn: Equation, x: Any, w: Any) -> Any:
    """A convolution."""
    return convolved(replay, eqn.primitive)(x, w)


@rule("convolution_input")
def convolution_input(replay: Replay, eqn: Equation, y: Any, w: Any) -> Any:
    """Its transpose by the images."""
    p = eqn.primitive
    x = jax.ShapeDtypeStruct((y.shape[0], p.groups * w.shape[1], *p.shape), y.dtype)
    return jax.linear_transpose(lambda x: convolved(replay, p)(x, w), x)(y)[0]


@rule("convolution_kernel")
def convolution_kernel(replay: Replay, eqn: Equation, x: Any, y: Any) -> Any:
    """Its transpose by the kernels."""
    p = eqn.primitive
    w = jax.ShapeDtypeStruct((y.shape[1], x.shape[1] // p.groups, *p.window), x.dtype)
    return jax.linear_transpose(lambda w: convolved(replay, p)(x, w), w)(y)[0]


def windows_of(p: Any, x: Any) -> Any:
    """The windows: first axes, then the window's, then the places."""
    rank = len(p.window)
    lead, index = x.ndim - rank, []
    for i, (n, k, s, d) in enumerate(
        zip(x.shape[lead:], p.window, p.strides, p.dilation, strict=True)
    ):
        count = max(0, (n - (k - 1) * d - 1) // s + 1)
        shape = [1] * (2 * rank)
        shape[i], shape[rank + i] = k, count
        index.append((d * np.arange(k)[:, None] + s * np.arange(count)).reshape(shape))
    return jnp.asarray(x)[(..., *index)]


@formula("windows")
def windows(p: Any, x: Any) -> Any:
    """The windows."""
    return windows_of(p, x)


@formula("overlap_add")
def overlap_add(p: Any, y: Any) -> Any:
    """Each window added where it stood."""
    lead = y.shape[: y.ndim - 2 * len(p.window)]
    x = jax.ShapeDtypeStruct((*lead, *p.shape), y.dtype)
    return jax.linear_transpose(lambda x: windows_of(p, x), x)(y)[0]


def _declare_fold(name: str, reduce: Callable[..., Any], identity: Callable[[Any], Any]) -> None:
    @formula(name)
    def fold(p: Any, x: Any) -> Any:
        lead = (1,) * (x.ndim - len(p.window))
        return lax.reduce_window(
            x,
            identity(x.dtype),
            reduce,
            (*lead, *p.window),
            (*lead, *p.strides),
            "VALID",
            window_dilation=(*lead, *p.dilation),
        )


def _least(dtype: np.dtype[Any]) -> Any:
    return np.asarray(-np.inf if dtype.kind == "f" else np.iinfo(dtype).min, dtype)


def _most(dtype: np.dtype[Any]) -> Any:
    return np.asarray(np.inf if dtype.kind == "f" else np.iinfo(dtype).max, dtype)


_declare_fold("window_sum", lax.add, lambda dtype: np.zeros((), dtype))
_declare_fold("window_max", lax.max, _least)
_declare_fold("window_min", lax.min, _most)


@formula("window_attained")
def window_attained(p: Any, x: Any, out: Any) -> Any:
    """Where windows equal an element for each; a nan equals a nan."""
    view, rank = windows_of(p, x), len(p.window)
    lead = out.ndim - rank
    at = out.reshape((*out.shape[:lead], *[1] * rank, *out.shape[lead:]))
    return (view == at) | ((view != view) & (at != at))
