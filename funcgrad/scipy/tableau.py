"""Explicit Runge-Kutta methods as tables: stages, error estimates, dense output.

The coefficients are those of SciPy's classes (Bogacki & Shampine 1989; Dormand & Prince 1980; for
DOP853 Hairer, Norsett & Wanner, "Solving Ordinary Differential Equations I", section II.5).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import integrate

__all__ = ["Tableau", "explicit_method"]


class Tableau:
    """An explicit method; a step is ``y + h sum_i b_i K_i``, ``K_i = f(t + c_i h, Y_i)``.

    The rate at the end of the step, which starts the next one, counts as a stage.

    Attributes:
        a: ``Y_i = y + h sum_j a_ij K_j``; the last row gives the end of the step.
        b: The weights of the step.
        c: The times of the stages.
        errors: Weights of the stages whose sums are estimates of the error.
        order: The error estimate's order and one more: that of the local error that is seen.
        more_a: The rows of the further stages that dense output needs.
        more_c: Their times.
    """

    def __init__(self, method: Any) -> None:
        n = method.n_stages
        self.a = np.zeros((n + 1, n + 1))
        self.a[:n, : min(n, method.A.shape[1])], self.a[n, :n] = method.A[:n, :n], method.B
        self.b, self.c = self.a[n], np.append(method.C[:n], 1.0)
        self.order = method.error_estimator_order + 1
        self._is_dop853 = issubclass(method, integrate.DOP853)
        if self._is_dop853:
            self.errors = np.stack([method.E5, method.E3])
            self.more_a, self.more_c = method.A_EXTRA, method.C_EXTRA
            self._dense = method.D
        else:
            self.errors = method.E[None]
            self.more_a, self.more_c = np.zeros((0, n + 1)), np.zeros(0)
            self._dense = method.P

    def full(self) -> Any:
        """``a`` with the stages of dense output."""
        size = self.more_a.shape[1] if self.more_c.size else len(self.c)
        a = np.zeros((size, size))
        a[: len(self.c), : len(self.c)] = self.a
        a[len(self.c) :] = self.more_a
        return a

    def norm(self, estimates: Any) -> float:
        """The size of an error from its estimates in units of what is tolerated, shape (1, 2, d).

        State and tangent each have one; the larger counts, and nan does. Of DOP853 there are two
        estimates, (2, 2, d), put together as in Hairer's code.
        """
        moduli = np.abs(estimates)
        squares = ((moduli * moduli).sum(axis=-1) / moduli.shape[-1]).tolist()
        if self._is_dop853:
            pairs = [(fifth, fifth + 0.01 * third) for fifth, third in zip(*squares, strict=True)]
            sizes = [fifth / math.sqrt(total) if total else 0.0 for fifth, total in pairs]
        else:
            sizes = [math.sqrt(square) for square in squares[0]]
        state, tangent = sizes
        return tangent if tangent > state or math.isnan(tangent) else state

    def weights(self, x: Any) -> Any:
        """Dense output: ``y(t + x h) = y + h sum_i w_i(x) K_i``, shape ``(len(x), stages)``."""
        x = np.asarray(x)[:, None]
        if not self._is_dop853:
            return x ** np.arange(1, self._dense.shape[1] + 1) @ self._dense.T
        size = self._dense.shape[1]
        first, last, b = np.zeros(size), np.zeros(size), np.zeros(size)
        first[0], last[len(self.c) - 1], b[: len(self.c)] = 1.0, 1.0, self.b
        rows = np.stack([b, first - b, 2 * b - first - last, *self._dense])
        factors = np.where(np.arange(len(rows)) % 2, 1.0 - x, x)
        return np.cumprod(factors, axis=1) @ rows


@lru_cache(maxsize=16)
def explicit_method(method: Any) -> Tableau | None:
    """The table of a method of SciPy's, or None where it is implicit.

    LSODA has Adams' methods of high order where an equation is not stiff; DOP853 stands for them.
    """
    if issubclass(method, integrate.LSODA):
        method = integrate.DOP853
    explicit = (integrate.RK23, integrate.RK45, integrate.DOP853)
    return Tableau(method) if issubclass(method, explicit) else None
