"""The kin of Adam: RAdam, AdaMax, LAMB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .adaptive import AdamState, checked, moments
from .base import NO_RATE, Number, Optimizer, Rate, check_in, descent, maker
from .leaves import cast, zeros

__all__ = ["adamax", "lamb", "radam", "scale_by_adamax", "scale_by_radam"]


@maker
def radam(
    learning_rate: Rate = 1e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    eps_root: Number = 0.0,
    threshold: float = 5.0,
) -> Optimizer:
    """Rectified Adam: `adam` whose first steps, while the second moment is unsure, are plain.

    With ``rho = rho_max - 2 * t * b2**t / (1 - b2**t)`` and ``rho_max = 2 / (1 - b2) - 1`` the
    step is that of `adam` times the root of::

        (rho - 4) * (rho - 2) * rho_max / ((rho_max - 4) * (rho_max - 2) * rho)

    where rho is at least ``threshold``, and ``p - r * m / (1 - b1**t)`` before. Liu et al., "On the
    variance of the adaptive learning rate and beyond" (ICLR 2020), algorithm 2.

    Args:
        learning_rate: As for `adam`.
        b1: As for `adam`.
        b2: As for `adam`.
        eps: As for `adam`.
        eps_root: As for `adam`.
        threshold: From which rho on the step is adaptive.

    Returns:
        An `Optimizer` with the state `AdamState`.

    >>> from funcgrad import optim
    >>> opt = optim.radam(0.01)
    >>> opt.update(np.array([5.0]), opt.init(np.zeros(1)))[0]
    array([-0.05])
    """
    return _radam("radam", learning_rate, b1, b2, eps, eps_root, threshold)


@maker
def scale_by_radam(
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    eps_root: Number = 0.0,
    threshold: float = 5.0,
) -> Optimizer:
    """The direction of `radam`, without the learning rate: a part of a `chain`."""
    return _radam("scale_by_radam", NO_RATE, b1, b2, eps, eps_root, threshold)


def _radam(
    called: str,
    rate: Rate,
    b1: Number,
    b2: Number,
    eps: Number,
    eps_root: Number,
    threshold: float,
) -> Optimizer:
    hyper = checked(called, b1, b2, eps, eps_root)

    def rule(
        down: Any, t: Any, b1: Any, b2: Any, eps: Any, eps_root: Any
    ) -> Callable[..., Sequence[Any]]:
        step, k1, k2 = moments(b1, b2)
        most = 2 / (1 - b2) - 1
        rho = most - 2 * t * b2**t / (1 - b2**t)
        adaptive = rho >= threshold
        safe = np.where(adaptive, rho, 5.0)
        factor = (safe - 4) * (safe - 2) * most / ((most - 4) * (most - 2) * safe)
        mean, square = k1 / (1 - b1**t), k2 / (1 - b2**t)
        rectified = np.sqrt(np.maximum(factor, 0.0))

        def leaf(g: Any, p: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
            dtype = g.dtype
            m, v = step(g, m, v)
            first = cast(down * mean, dtype) * m
            root = np.sqrt(cast(square, dtype) * v + cast(eps_root, dtype)) + cast(eps, dtype)
            u = np.where(adaptive, cast(rectified, dtype) * (first / root), first)
            return u if np.ndim(u) else u[()], m, v

        return leaf

    slots = {"m": zeros, "v": zeros}
    return descent(called, AdamState, hyper, rule, slots, rate=rate)


@maker
def adamax(
    learning_rate: Rate = 2e-3, b1: Number = 0.9, b2: Number = 0.999, eps: Number = 1e-8
) -> Optimizer:
    """AdaMax: `adam` with a discounted maximum in the place of the root mean square.

    With the gradient g and the learning rate r, step t = 1, 2, ... is::

        m = b1 * m + (1 - b1) * g
        v = maximum(b2 * v, abs(g) + eps)
        p = p - r / (1 - b1**t) * m / v

    Kingma and Ba (ICLR 2015), algorithm 2; eps is Optax's, for gradients that begin with 0.

    Args:
        learning_rate: As for `adam`.
        b1: As for `adam`.
        b2: As for `adam`.
        eps: Positive.

    Returns:
        An `Optimizer` with the state `AdamState`.

    >>> from funcgrad import optim
    >>> opt = optim.adamax(0.01)
    >>> np.round(opt.update(np.array([5.0, -0.1]), opt.init(np.zeros(2)))[0], 4)
    array([-0.01,  0.01])
    """
    return _adamax("adamax", learning_rate, b1, b2, eps)


@maker
def scale_by_adamax(b1: Number = 0.9, b2: Number = 0.999, eps: Number = 1e-8) -> Optimizer:
    """The direction of `adamax`, without the learning rate: a part of a `chain`."""
    return _adamax("scale_by_adamax", NO_RATE, b1, b2, eps)


def _adamax(called: str, rate: Rate, b1: Number, b2: Number, eps: Number) -> Optimizer:
    hyper = checked(called, b1, b2, eps, 0.0)
    del hyper["eps_root"]

    def rule(down: Any, t: Any, b1: Any, b2: Any, eps: Any) -> Callable[..., Sequence[Any]]:
        k1 = 1 - b1 if type(b1) is float else 1.0
        factor = down * k1 / (1 - b1**t)

        def leaf(g: Any, p: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
            dtype = g.dtype
            m = cast(b1, dtype) * m + (g if type(b1) is float else cast(1 - b1, dtype) * g)
            v = np.maximum(cast(b2, dtype) * v, np.abs(g) + cast(eps, dtype))
            return cast(factor, dtype) * (m / v), m, v

        return leaf

    slots = {"m": zeros, "v": zeros}
    return descent(called, AdamState, hyper, rule, slots, rate=rate)


@maker
def lamb(
    learning_rate: Rate,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-6,
    eps_root: Number = 0.0,
    weight_decay: Number = 0.0,
    mask: Any = None,
) -> Optimizer:
    """LAMB: the step of `adamw`, made as long for each parameter array as that is.

    With the direction ``u = m_hat / (sqrt(v_hat) + eps) + weight_decay * p`` of `adamw` the step is
    ``p - r * norm(p) / norm(u) * u``, where the ratio is 1 if one of the norms is 0. You et al.,
    "Large batch optimization for deep learning: training BERT in 76 minutes" (ICLR 2020),
    algorithm 2.

    Args:
        learning_rate: As for `adam`.
        b1: As for `adam`.
        b2: As for `adam`.
        eps: As for `adam`.
        eps_root: As for `adam`.
        weight_decay: At least 0.
        mask: As for `adamw`.

    Returns:
        An `Optimizer` with the state `AdamState`; ``update`` needs the parameters.

    >>> from funcgrad import optim
    >>> opt = optim.lamb(0.1)
    >>> np.round(opt.update(np.array([7.0]), opt.init(np.array([3.0])), np.array([3.0]))[0], 4)
    array([-0.3])
    """
    hyper = checked("lamb", b1, b2, eps, eps_root)
    check_in("lamb", 0, np.inf, weight_decay=weight_decay)
    hyper["weight_decay"] = weight_decay

    def rule(
        down: Any, t: Any, b1: Any, b2: Any, eps: Any, eps_root: Any, weight_decay: Any
    ) -> Callable[..., Sequence[Any]]:
        step, k1, k2 = moments(b1, b2)
        mean, square = k1 / (1 - b1**t), k2 / (1 - b2**t)

        def leaf(g: Any, p: Any, m: Any, v: Any, decays: bool = True) -> tuple[Any, Any, Any]:
            dtype = g.dtype
            m, v = step(g, m, v)
            root = np.sqrt(cast(square, dtype) * v + cast(eps_root, dtype)) + cast(eps, dtype)
            p = cast(p, dtype)
            u = cast(mean, dtype) * m / root
            if decays:
                u = u + cast(weight_decay, dtype) * p
            return cast(down, dtype) * (trust_ratio(p, u) * u), m, v

        return leaf

    slots = {"m": zeros, "v": zeros}
    return descent(
        "lamb", AdamState, hyper, rule, slots, rate=learning_rate, needs_params=True, mask=mask
    )


def trust_ratio(p: Any, u: Any) -> Any:
    """``norm(p) / norm(u)``, and 1 where one of them is 0."""
    length, of_step = np.sqrt(np.sum(p * p)), np.sqrt(np.sum(u * u))
    nothing = (length == 0) | (of_step == 0)
    ratio = length / np.where(nothing, np.ones_like(of_step), of_step)
    return np.where(nothing, np.ones_like(ratio), ratio)[()]
