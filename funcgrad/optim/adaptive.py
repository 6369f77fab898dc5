"""Adam, AdamW and Nadam.

Everything in Adam's step that depends on the step number alone is folded into two scalars, which
leaves ten passes over a parameter (the addition in `apply_updates` included): multiply and add for
the first moment; multiply, square and add for the second; root, add, divide, multiply, add.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .base import (
    NO_RATE,
    Number,
    Optimizer,
    Rate,
    check_in,
    check_positive,
    descent,
    maker,
    scheduled_value,
)
from .leaves import cast, zeros

__all__ = ["AdamState", "adam", "adamw", "nadam", "nadamw", "scale_by_adam"]


class AdamState(NamedTuple):
    """The state of `adam` and its kin.

    Where b1 and b2 are numbers the moments are kept as discounted sums: Kingma and Ba's are
    ``(1 - b1) * m`` and ``(1 - b2) * v``. The constant factors go where they cost nothing, into the
    step's scalars. Where one of them is a schedule, its moment is kept as they write it.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that the next update will use, ``np.float64``; None where it gives
            the direction alone (`scale_by_adam`).
        m: ``sum_i b1**(t - i) * g_i``.
        v: ``sum_i b2**(t - i) * g_i**2``; of `adamax` the discounted maximum of ``abs(g_i)``.
        scheduled: What the next update will use of the hyperparameters that are schedules, by name;
            each is an attribute too (``state.b1``). None where there are none.
    """

    step: Any
    learning_rate: Any
    m: Any
    v: Any
    scheduled: Any = None

    __getattr__ = scheduled_value


@maker
def adam(
    learning_rate: Rate = 1e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    eps_root: Number = 0.0,
    *,
    nesterov: bool = False,
) -> Optimizer:
    """Adam, algorithm 1 of Kingma and Ba, "Adam: a method for stochastic optimization" (ICLR 2015).

    With the gradient g and the learning rate r, step t = 1, 2, ... is::

        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        p = p - r * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t) + eps_root) + eps)

    computed, with ``c = sqrt((1 - b2) / (1 - b2**t))``, as::

        m = b1 * m + g
        v = b2 * v + g**2
        p = p - r * (1 - b1) / ((1 - b1**t) * c) * m / (sqrt(v + eps_root / c**2) + eps / c)

    which is the same in exact arithmetic, for every t and eps.

    Args:
        learning_rate: A number, or a function from the number of updates made to one. So may be all
            other hyperparameters.
        b1: The decay of the first moment, at least 0 and less than 1.
        b2: The decay of the second moment, at least 0 and less than 1.
        eps: Positive.
        eps_root: At least 0. Above 0 the update has a derivative where the gradient is 0, which a
            gradient through the training takes.
        nesterov: Whether to look ahead, as `nadam` does.

    Returns:
        An `Optimizer` with the state `AdamState`.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.adam(0.01)
    >>> np.round(opt.update(np.array([5.0, -0.001]), opt.init(np.zeros(2)))[0], 4)
    array([-0.01,  0.01])
    """
    return _adam("adam", learning_rate, b1, b2, eps, eps_root, nesterov)


@maker
def adamw(
    learning_rate: Rate = 1e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    eps_root: Number = 0.0,
    weight_decay: Number = 1e-4,
    mask: Any = None,
    *,
    nesterov: bool = False,
) -> Optimizer:
    """`adam` with decoupled weight decay.

    The step of `adam`, with ``- r * weight_decay * p`` besides, which unlike a penalty in the cost
    is not divided by the gradient's scale: Loshchilov and Hutter, "Decoupled weight decay
    regularization" (ICLR 2019), with their schedule multiplier in the learning rate r.

    Args:
        learning_rate: As for `adam`.
        b1: As for `adam`.
        b2: As for `adam`.
        eps: As for `adam`.
        eps_root: As for `adam`.
        weight_decay: At least 0. The default is Optax's.
        mask: Which parameters decay: a pytree of bools, or a function from the parameters to one;
            by default all.
        nesterov: As for `adam`.

    Returns:
        An `Optimizer` with the state `AdamState`; ``update`` needs the parameters.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.adamw(0.1, weight_decay=0.5)
    >>> opt.update(np.array([0.0]), opt.init(np.ones(1)), np.ones(1))[0]
    array([-0.05])
    """
    options = b1, b2, eps, eps_root, nesterov
    return _adam("adamw", learning_rate, *options, weight_decay=weight_decay, mask=mask)


@maker
def nadam(
    learning_rate: Rate = 1e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    eps_root: Number = 0.0,
) -> Optimizer:
    """Nadam: `adam` with Nesterov's look ahead in the first moment.

    In the place of ``m / (1 - b1**t)`` stands
    ``b1 * m / (1 - b1**(t + 1)) + (1 - b1) * g / (1 - b1**t)``: Dozat, "Incorporating Nesterov
    momentum into Adam" (ICLR workshop 2016), algorithm 2 with a constant b1.

    Args:
        learning_rate: As for `adam`.
        b1: As for `adam`.
        b2: As for `adam`.
        eps: As for `adam`.
        eps_root: As for `adam`.

    Returns:
        An `Optimizer` with the state `AdamState`.

    >>> from funcgrad import optim
    >>> opt = optim.nadam(0.01)
    >>> np.round(opt.update(np.array([5.0]), opt.init(np.zeros(1)))[0], 5)
    array([-0.01474])
    """
    return _adam("nadam", learning_rate, b1, b2, eps, eps_root, True)


@maker
def nadamw(
    learning_rate: Rate = 1e-3,
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    eps_root: Number = 0.0,
    weight_decay: Number = 1e-4,
    mask: Any = None,
) -> Optimizer:
    """`nadam` with the decoupled weight decay of `adamw`; its arguments are those of the two."""
    options = b1, b2, eps, eps_root, True
    return _adam("nadamw", learning_rate, *options, weight_decay=weight_decay, mask=mask)


@maker
def scale_by_adam(
    b1: Number = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    eps_root: Number = 0.0,
    *,
    nesterov: bool = False,
) -> Optimizer:
    """The direction of `adam`, without the learning rate: a part of a `chain`."""
    return _adam("scale_by_adam", NO_RATE, b1, b2, eps, eps_root, nesterov)


def moments(b1: Any, b2: Any) -> tuple[Callable[[Any, Any, Any], tuple[Any, Any]], Any, Any]:
    """How the moments go on: ``(m, v, what to multiply m by, v by)``, without bias correction."""
    sum1, sum2 = type(b1) is float, type(b2) is float

    def step(g: Any, m: Any, v: Any) -> tuple[Any, Any]:
        dtype = g.dtype
        m = cast(b1, dtype) * m + (g if sum1 else cast(1 - b1, dtype) * g)
        v = cast(b2, dtype) * v + (g * g if sum2 else cast(1 - b2, dtype) * (g * g))
        return m, v

    return step, (1 - b1 if sum1 else 1.0), (1 - b2 if sum2 else 1.0)


def _adam(
    called: str,
    rate: Rate,
    b1: Number,
    b2: Number,
    eps: Number,
    eps_root: Number,
    nesterov: bool,
    weight_decay: Number | None = None,
    mask: Any = None,
) -> Optimizer:
    hyper = checked(called, b1, b2, eps, eps_root)
    if weight_decay is not None:
        check_in(called, 0, np.inf, weight_decay=weight_decay)
        hyper["weight_decay"] = weight_decay

    def rule(
        down: Any, t: Any, b1: Any, b2: Any, eps: Any, eps_root: Any, weight_decay: Any = None
    ) -> Callable[..., Sequence[Any]]:
        step, k1, k2 = moments(b1, b2)
        c = np.sqrt(k2 / (1 - b2**t))
        first = down * k1 / ((1 - b1**t) * c)
        ahead = down * k1 * b1 / ((1 - b1 ** (t + 1)) * c)
        now = down * (1 - b1) / ((1 - b1**t) * c)
        floor, root = eps / c, eps_root / (c * c)
        plain_root = type(eps_root) is float and not eps_root

        def leaf(g: Any, p: Any, m: Any, v: Any, decays: bool = True) -> tuple[Any, Any, Any]:
            dtype = g.dtype
            m, v = step(g, m, v)
            within = v if plain_root else v + cast(root, dtype)
            below = np.sqrt(within) + cast(floor, dtype)
            if nesterov:
                u = (cast(ahead, dtype) * m + cast(now, dtype) * g) / below
            else:
                u = cast(first, dtype) * (m / below)
            if weight_decay is not None and decays:
                u = u + cast(down * weight_decay, dtype) * cast(p, dtype)
            return u, m, v

        return leaf

    needs = weight_decay is not None
    slots = {"m": zeros, "v": zeros}
    return descent(called, AdamState, hyper, rule, slots, rate=rate, needs_params=needs, mask=mask)


def checked(
    called: str, b1: Number, b2: Number, eps: Number, eps_root: Number
) -> dict[str, Number]:
    check_in(called, 0, 1, b1=b1, b2=b2)
    check_positive(called, eps=eps)
    check_in(called, 0, np.inf, eps_root=eps_root)
    number = lambda x: float(x) if type(x) in (int, float) else x  # noqa: E731
    return {"b1": number(b1), "b2": number(b2), "eps": number(eps), "eps_root": number(eps_root)}
