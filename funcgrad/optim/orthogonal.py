"""Muon: momentum made orthogonal, for matrices; Adam for the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import tree
from ..api.leaves import type_of
from ..errors import ArgumentError, ShapeError
from .adaptive import adamw
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
from .combine import partition
from .leaves import cast, float_dtype, zeros

__all__ = ["MuonState", "muon", "orthogonalize", "scale_by_muon"]

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class MuonState(NamedTuple):
    """The state of `scale_by_muon`, and of the matrices of `muon`.

    Attributes:
        step: The number of updates made, ``np.int64``.
        learning_rate: The rate that the next update will use, ``np.float64``.
        m: The running mean of the gradient.
        scheduled: What the next update will use of the hyperparameters that are schedules, by name;
            each is an attribute too. None where there are none.
    """

    step: Any
    learning_rate: Any
    m: Any
    scheduled: Any = None

    __getattr__ = scheduled_value


def orthogonalize(
    x: Any,
    coefficients: Sequence[float] = _COEFFICIENTS,
    steps: int = 5,
    eps: float = 1e-8,
) -> Any:
    """A matrix with the same singular vectors whose singular values are near 1.

    Begins with ``x / (norm(x) + eps)``, and does ``a * x + (b * A + c * A @ A) @ x`` with
    ``A = x @ x.T`` several times: Newton-Schulz iteration, Jordan et al., "Muon: an optimizer for
    hidden layers in neural networks" (2024).

    Args:
        x: A matrix, ``(m, n)``, of floats.
        coefficients: a, b, c.
        steps: How many times.
        eps: For matrices of 0.

    Returns:
        A matrix of the same shape and dtype; with the default coefficients singular values between
        about 0.7 and 1.2.

    Raises:
        ShapeError: ``x`` is no matrix of floats.

    >>> u = orthogonalize(np.array([[3.0, 0.0], [0.0, 0.1]]), steps=10)
    >>> bool(np.all(np.abs(np.linalg.svd(u)[1] - 0.95) < 0.3))
    True
    """
    dtype = float_dtype(x)
    if dtype is None or np.ndim(x) != 2:
        raise ShapeError(
            f"orthogonalize: expected a matrix of floats, got {type_of(x)}",
            "Reshape it: x.reshape(x.shape[0], -1).",
        )
    a, b, c = [cast(k, dtype) for k in coefficients]
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    x = x / (np.sqrt(np.sum(x * x)) + cast(eps, dtype))
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x if wide else x.T


def _flat_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """The matrix that an array is taken for: of a kernel ``(out, in, ...)`` out times the rest."""
    return (shape[0], shape[1]) if len(shape) == 2 else (shape[0], math.prod(shape[1:]))


@maker
def scale_by_muon(
    ns_coeffs: Sequence[float] = _COEFFICIENTS,
    ns_steps: int = 5,
    beta: Number = 0.95,
    eps: float = 1e-8,
    *,
    nesterov: bool = True,
) -> Optimizer:
    """The direction of `muon` for matrices and kernels: a part of a `chain`."""
    return _muon("scale_by_muon", NO_RATE, ns_coeffs, ns_steps, beta, eps, None, nesterov)


@maker
def muon(
    learning_rate: Rate,
    ns_coeffs: Sequence[float] = _COEFFICIENTS,
    ns_steps: int = 5,
    beta: Number = 0.95,
    eps: float = 1e-8,
    weight_decay: Number = 0.0,
    *,
    nesterov: bool = True,
    adam_b1: Number = 0.9,
    adam_b2: Number = 0.999,
    adam_eps_root: Number = 0.0,
    adam_weight_decay: Number = 0.0,
    adam_learning_rate: Rate | None = None,
    matrices: Callable[[str, Any], bool] | None = None,
) -> Optimizer:
    """Muon for matrices, and Adam for vectors and numbers.

    For a matrix with the gradient g, the learning rate r and the momentum beta::

        m = beta * m + (1 - beta) * g
        u = orthogonalize(beta * m / (1 - beta ** (t + 1)) + (1 - beta) * g / (1 - beta**t))
        p = p - r * (sqrt(max(1, columns / rows)) * u + weight_decay * p)

    where without nesterov ``m / (1 - beta**t)`` is made orthogonal. Kernels of more axes are taken
    for matrices of their first axis times all others. Jordan et al., "Muon: an optimizer for hidden
    layers in neural networks" (2024).

    Args:
        learning_rate: A number, or a function from the number of updates made to one.
        ns_coeffs: As for `orthogonalize`.
        ns_steps: As for `orthogonalize`.
        beta: At least 0 and less than 1.
        eps: As for `orthogonalize`, and for Adam.
        weight_decay: Of matrices.
        nesterov: Whether to look ahead, in Adam too.
        adam_b1: As for `adamw`.
        adam_b2: As for `adamw`.
        adam_eps_root: As for `adamw`.
        adam_weight_decay: As for `adamw`.
        adam_learning_rate: By default ``learning_rate``.
        matrices: ``matrices(path, p)`` says whether a parameter with at least 2 axes is taken for a
            matrix, where the path reads ``"layers.0.w"``; by default all are. An embedding is not
            meant to be.

    Returns:
        An `Optimizer` with the state `PartitionState`, of the groups ``"muon"`` and ``"adam"``;
        ``update`` needs the parameters.

    Raises:
        ArgumentError: A hyperparameter is out of range.

    >>> from funcgrad import optim
    >>> opt = optim.muon(0.1)
    >>> params = {"w": np.eye(2), "b": np.zeros(2)}
    >>> grads = {"w": np.array([[5.0, 0.0], [0.0, 5.0]]), "b": np.ones(2)}
    >>> updates, _ = opt.update(grads, opt.init(params), params)
    >>> bool(np.all(np.abs(np.diag(updates["w"]) + 0.1) < 0.04)), np.round(updates["b"], 3)
    (True, array([-0.147, -0.147]))
    """
    options = ns_coeffs, ns_steps, beta, eps, weight_decay, nesterov
    for_matrices = _muon("muon", learning_rate, *options)
    for_rest = adamw(
        learning_rate if adam_learning_rate is None else adam_learning_rate,
        adam_b1,
        adam_b2,
        eps,
        adam_eps_root,
        adam_weight_decay,
        nesterov=nesterov,
    )

    def labels(params: Any) -> Any:
        leaves, treedef = tree.flatten(params)
        found: list[str] = []
        for path, p in zip(treedef.paths(), leaves, strict=True):
            name = ".".join([str(entry.key) for entry in path])
            matrix = np.ndim(p) >= 2 and (matrices is None or matrices(name, p))
            found.append("muon" if matrix else "adam")
        return tree.unflatten(treedef, found)

    return partition({"muon": for_matrices, "adam": for_rest}, labels)


def _muon(
    called: str,
    rate: Rate,
    ns_coeffs: Sequence[float],
    ns_steps: int,
    beta: Number,
    eps: float,
    weight_decay: Number | None,
    nesterov: bool,
) -> Optimizer:
    check_in(called, 0, 1, beta=beta)
    check_positive(called, eps=eps, ns_steps=ns_steps)
    coefficients = tuple(ns_coeffs)
    if len(coefficients) != 3:
        raise ArgumentError(
            f"{called}: ns_coeffs must be three numbers, got {ns_coeffs!r}",
            "Leave it out for (3.4445, -4.7750, 2.0315).",
        )
    hyper: dict[str, Number] = {"beta": beta}
    if weight_decay is not None:
        check_in(called, 0, np.inf, weight_decay=weight_decay)
        hyper["weight_decay"] = weight_decay

    def rule(
        down: Any, t: Any, beta: Any, weight_decay: Any = None
    ) -> Callable[..., Sequence[Any]]:
        ahead, now = beta / (1 - beta ** (t + 1)), (1 - beta) / (1 - beta**t)
        mean = 1 / (1 - beta**t)

        def leaf(g: Any, p: Any, m: Any) -> tuple[Any, Any]:
            shape, dtype = np.shape(g), g.dtype
            if len(shape) < 2:
                raise ArgumentError(
                    f"{called}: a parameter of shape {shape} is no matrix",
                    "Use optim.muon, which leaves such parameters to Adam, or masked(...).",
                )
            m = cast(beta, dtype) * m + cast(1 - beta, dtype) * g
            x = cast(ahead, dtype) * m + cast(now, dtype) * g if nesterov else cast(mean, dtype) * m
            rows, columns = _flat_shape(shape)
            u = orthogonalize(np.reshape(x, (rows, columns)), coefficients, ns_steps, eps)
            if rate is not NO_RATE:
                u = u * cast(math.sqrt(max(1.0, columns / rows)), dtype)
            u = np.reshape(u, shape)
            if weight_decay is not None:
                u = u + cast(weight_decay, dtype) * cast(p, dtype)
            return cast(down, dtype) * u, m

        return leaf

    needs = weight_decay is not None
    return descent(called, MuonState, hyper, rule, {"m": zeros}, rate=rate, needs_params=needs)
