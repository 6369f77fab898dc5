"""Derivatives of SciPy's functions where the closed form is a difference that cancels.

Each function uses nothing but ``np``, itself and `scipy.special`: generated source holds a copy of
its text. Far out the asymptotic series is summed to the terms that count, or to its least one.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def double_factorials(x: Any, sign: Any) -> Any:
    """``sum_k sign**k (2k - 1)!! / (2 x**2)**k`` from 1 on, for ``|x| > 7``."""
    step = sign / (2 * x * x)
    term, total = 1, 0
    for k in range(1, 25):
        term = term * (2 * k - 1) * step
        total = total + term
    return total


def erfcx_slope(x: Any) -> Any:
    """``2 x erfcx(x) - 2 / sqrt(pi)``, the derivative of erfcx; DLMF 7.12.1."""
    from scipy.special import erfcx

    x = np.asarray(x)
    root = x.dtype.type(np.sqrt(np.pi))
    with np.errstate(over="ignore"):
        near = 2 * x * erfcx(x) - 2 / root
    if x.dtype.kind == "c":
        return near[()]
    far = x > 7
    return np.where(far, 2 / root * double_factorials(np.where(far, x, x.dtype.type(8)), -1), near)[
        ()
    ]


def dawsn_slope(x: Any) -> Any:
    """``1 - 2 x dawsn(x)``, the derivative of Dawson's integral; DLMF 7.12.1."""
    from scipy.special import dawsn

    x = np.asarray(x)
    if x.dtype.kind == "c":
        return (1 - 2 * x * dawsn(x))[()]
    far = np.abs(x) > 7
    near = np.where(far, x.dtype.type(0), x)
    series = double_factorials(np.where(far, x, x.dtype.type(8)), 1)
    return np.where(far, -series, 1 - 2 * near * dawsn(near))[()]


def scaled_bessel_slope(v: Any, x: Any, kind: Any) -> Any:
    """The derivative of ``ive(v, x)`` or ``kve(v, x)`` by ``x``.

    By the functions of the orders beside ``v``; for ``x`` beyond 30 and ``2 v**2`` by Hankel's
    series ``sqrt(c / x) sum_k (-+1)**k a_k(v) / x**k`` (DLMF 10.40.1, 10.40.2), term by term.
    """
    from scipy.special import ive, kve

    dtype = np.result_type(v, x)
    if dtype.kind == "c":  # kve alone has a derivative there
        return kve(v, x) - (kve(v - 1, x) + kve(v + 1, x)) / 2
    v, x = np.broadcast_arrays(np.asarray(v, dtype), np.asarray(x, dtype))
    size = np.abs(x)
    far = (size > 30) & (size > 2 * v * v)
    at = np.where(far, size, 64).astype(dtype)
    function, sign, factor = (ive, -1, 0.5 / np.pi) if kind == "i" else (kve, 1, 0.5 * np.pi)
    term, total = np.ones_like(at), np.full_like(at, -0.5)
    for k in range(1, 30):
        term = term * (sign * (4 * v * v - (2 * k - 1) ** 2) / (8 * k)) / at
        total = total - (k + 0.5) * term
    series = (np.sqrt(factor / at) * total / at).astype(dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = (function(v - 1, x) + function(v + 1, x)) / 2
        near = mean - np.sign(x) * function(v, x) if kind == "i" else function(v, x) - mean
    # Of negative x, which are there for integer orders alone: ive(v, -x) = (-1)**v ive(v, x).
    turned = np.where(x < 0, -np.cos(np.pi * v), 1) * series
    return np.where(far, turned, near).astype(dtype)[()]


def digamma_step(x: Any, b: Any) -> Any:
    """``digamma(x + b) - digamma(x)``, of positive numbers without cancelling.

    By the asymptotic series (DLMF 5.11.2) at ``x + 20``, and 20 steps of the recurrence back.
    """
    from scipy.special import psi

    dtype = np.result_type(x, b)
    x, b = np.broadcast_arrays(np.asarray(x, dtype), np.asarray(b, dtype))
    positive = (x > 0) & (b > -0.5 * x)
    start, move = [np.where(positive, part, dtype.type(1)) for part in (x, b)]
    with np.errstate(over="ignore", invalid="ignore"):
        value = move / start / (start + move)
        for k in range(1, 20):
            value = value + move / (start + k) / (start + k + move)
        low = start + 20
        high = low + move
        value = value + np.log1p(move / low) + move / low / high / 2
        for k, c in enumerate((1 / 12, -1 / 120, 1 / 252, -1 / 240)):
            value = value + c * (low ** (-2 - 2 * k) - high ** (-2 - 2 * k))
        found = np.where(positive, value, psi(x + b) - psi(x))
    return found.astype(dtype)[()]


def rgamma_slope(x: Any) -> Any:
    """The derivative of ``1 / gamma(x)``, which is finite at the poles of gamma.

    Near them by ``1 / gamma(x) = x / gamma(x + 1)``, as often as leads to positive numbers.
    """
    from scipy.special import psi, rgamma

    x = np.asarray(x)
    if x.dtype.kind == "c":
        return (-rgamma(x) * psi(x))[()]
    steps = np.where((x < 0.5) & (x > -60), np.ceil(0.5 - x), x.dtype.type(0))
    y = x + steps
    value, slope = rgamma(y), -rgamma(y) * psi(y)
    for k in range(int(np.max(steps, initial=0)), 0, -1):
        due = steps >= k
        factor = np.where(due, x + (k - 1), x.dtype.type(1))
        slope = np.where(due, value, 0) + factor * slope
        value = factor * value
    return slope.astype(x.dtype)[()]


def ellipk_slope(m: Any, p: Any) -> Any:
    """The derivative of ellipk by ``m``; ``p`` is ``1 - m``, given as precise as it is known."""
    from scipy.special import ellipe, ellipkm1, hyp2f1

    m, p = np.asarray(m), np.asarray(p)
    near = np.abs(m) < 0.5
    one, far = m.dtype.type(1), ~near
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        whole = ellipe(m) - p * ellipkm1(p)
        value = whole / (2 * np.where(far, m, one)) / p
    series = np.pi / 8 * hyp2f1(1.5, 1.5, 2.0, np.where(near, m, 0 * one))
    return np.where(near, series, value).astype(m.dtype)[()]


def spence_slope(z: Any) -> Any:
    """``-log(z) / (z - 1)``, -1 at 1."""
    z = np.asarray(z)
    move = z - 1
    near = np.abs(move) < 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(near, np.log1p(np.where(near, move, 0)), np.log(z))
        return np.where(move == 0, z.dtype.type(-1), -log / move)[()]
