"""Distributions of vectors: Dirichlet, multinomial and normal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from ...api.program import stop_gradient
from ...errors import ArgumentError, ShapeError
from ...numpy.dispatch import has_tracer
from .base import Floating, real, where

__all__ = ["dirichlet", "multinomial", "multivariate_normal"]


class Dirichlet:
    """The Dirichlet distribution on the simplex."""

    def logpdf(self, x: Floating, alpha: Floating) -> Any:
        """The logarithm of the density, ``sum((alpha - 1) log(x)) - log(beta(alpha))``.

        Args:
            x: Shape ``(K,)`` or ``(K, N)``, columns that sum to 1; with ``K - 1`` rows the last
                entry is what is missing to 1.
            alpha: Shape ``(K,)``, positive.

        Returns:
            Shape ``()`` or ``(N,)``.

        Raises:
            ShapeError: The shapes do not fit.
            ValueError: ``alpha`` is not positive or ``x`` is not on the simplex; traced values are
                not looked at.
        """
        x, alpha = real(x), real(alpha)
        if (
            alpha.ndim != 1
            or x.ndim not in (1, 2)
            or x.shape[0] not in (len(alpha), len(alpha) - 1)
        ):
            raise ShapeError(
                f"scipy.stats.dirichlet: got x of shape {x.shape} and alpha of shape {alpha.shape}",
                "Give alpha of shape (K,) and x of shape (K,) or (K, N), one column a point.",
            )
        if x.shape[0] < len(alpha):
            x = np.concatenate([x, 1.0 - np.sum(x, axis=0, keepdims=True)])
        if not has_tracer(alpha) and np.min(alpha) <= 0:
            raise ValueError("All parameters must be greater than 0")
        if not has_tracer(x):
            _check_simplex(x)
        log_beta = np.sum(special.gammaln(alpha)) - special.gammaln(np.sum(alpha))
        return np.sum(special.xlogy(alpha - 1.0, x.T), axis=-1) - log_beta

    def pdf(self, x: Floating, alpha: Floating) -> Any:
        """The density: see `logpdf`."""
        return np.exp(self.logpdf(x, alpha))

    def __repr__(self) -> str:
        return "<funcgrad.scipy.stats.dirichlet>"


def _check_simplex(x: Any) -> None:
    if np.min(x) < 0 or np.max(x) > 1:
        raise ValueError("Each entry in 'x' must be greater than or equal to zero, and at most 1.")
    if np.any(np.abs(np.sum(x, axis=0) - 1.0) > 1e-9):
        raise ValueError("The input vector 'x' must lie within the normal simplex.")


class Multinomial:
    """How often each of ``k`` classes comes in ``n`` draws."""

    def logpmf(self, x: Floating, n: Floating, p: Floating) -> Any:
        """The logarithm of the probability of ``x``.

        Args:
            x: Counts, shape ``(..., k)``.
            n: The number of draws; broadcasts with the leading axes.
            p: Probabilities, shape ``(..., k)``. The last is, as in SciPy, what the others leave
                of 1, and has no derivative of its own.

        Returns:
            Of the leading axes together; -inf where ``x`` are no counts that sum to ``n``, nan for
            invalid parameters.

        Raises:
            ShapeError: The last axes differ.
        """
        x, n, p = real(x), real(n), real(p)
        if not (x.ndim and p.ndim) or x.shape[-1] != p.shape[-1]:
            raise ShapeError(
                f"scipy.stats.multinomial: got x of shape {x.shape} and p of shape {p.shape}",
                "Give one count and one probability for each class, along the last axis.",
            )
        rest = 1.0 - np.sum(p[..., :-1], axis=-1, keepdims=True)
        p = np.concatenate([p[..., :-1], rest], axis=-1)
        counts = np.all((x >= 0) & (x == np.floor(x)), axis=-1) & (np.sum(x, axis=-1) == n)
        valid = np.all((p >= 0) & (p <= 1), axis=-1) & (n >= 0) & (n == np.floor(n))
        x = where(counts[..., None], x, 0.0)
        ways = special.gammaln(n + 1.0) - np.sum(special.gammaln(x + 1.0), axis=-1)
        value = where(counts, ways + np.sum(special.xlogy(x, p), axis=-1), -np.inf)
        return where(valid, value, np.nan)

    def pmf(self, x: Floating, n: Floating, p: Floating) -> Any:
        """The probability: see `logpmf`."""
        return np.exp(self.logpmf(x, n, p))

    def __repr__(self) -> str:
        return "<funcgrad.scipy.stats.multinomial>"


class MultivariateNormal:
    """The normal distribution of vectors."""

    def logpdf(
        self,
        x: Floating,
        mean: Floating | None = None,
        cov: Floating = 1,
        allow_singular: bool = False,
    ) -> Any:
        """The logarithm of the density, by the Cholesky factor of the covariance.

        Args:
            x: Shape ``(..., d)``; for ``d == 1`` numbers of any shape but vectors of length 1.
            mean: Shape ``(d,)`` or a number; zeros by default.
            cov: Shape ``(d, d)``, symmetric and positive definite; a vector stands for a diagonal
                matrix, a number for a multiple of the identity.
            allow_singular: Whether the covariance may be singular. Then the density is that on the
                space of its eigenvectors of eigenvalues above 1e6 rounding units of the largest,
                and -inf outside; derivatives hold while their number stays.

        Returns:
            Shape ``(...)``.

        Raises:
            ShapeError: The shapes do not fit.
            numpy.linalg.LinAlgError: The covariance is not positive definite, unless
                ``allow_singular``.
        """
        center, cov = _moments(mean, cov)
        dim = center.shape[0]
        points = real(x)
        if points.ndim == 0:
            points = points[None]
        elif points.ndim == 1 and dim == 1:
            points = points[:, None]
        if points.shape[-1] != dim:
            raise ShapeError(
                f"scipy.stats.multivariate_normal: got x of shape {points.shape}, dimension {dim}",
                "Give x of shape (..., d) for a mean of shape (d,).",
            )
        if allow_singular:
            return np.squeeze(_on_its_space(points - center, cov))[()]
        factor = np.linalg.cholesky(cov)
        deviations = np.reshape(points - center, (-1, dim)).T
        whitened = np.linalg.solve(factor, deviations)
        total = np.reshape(np.sum(whitened * whitened, axis=0), points.shape[:-1])
        log_root_det = np.sum(np.log(np.diagonal(factor)))
        value = -0.5 * total - log_root_det - 0.5 * dim * _LOG_TWO_PI
        return np.squeeze(value)[()]

    def entropy(self, mean: Floating | None = None, cov: Floating = 1) -> Any:
        """The entropy, ``(rank (log(2 pi) + 1) + log(pdet(cov))) / 2``.

        Args:
            mean: As in `logpdf`; it counts for the dimension alone.
            cov: As in `logpdf`, and may be singular, as SciPy has it.

        Returns:
            A number.

        Raises:
            ShapeError: The shapes do not fit.

        >>> multivariate_normal.entropy(cov=np.diag([1.0, 4.0])).round(4)
        np.float64(3.531)
        """
        values, counted, _ = _spectrum(_moments(mean, cov)[1])
        return 0.5 * (np.sum(counted) * (_LOG_TWO_PI + 1.0) + np.sum(np.log(values)))

    def pdf(
        self,
        x: Floating,
        mean: Floating | None = None,
        cov: Floating = 1,
        allow_singular: bool = False,
    ) -> Any:
        """The density: see `logpdf`."""
        return np.exp(self.logpdf(x, mean, cov, allow_singular))

    def cdf(
        self,
        x: Floating,
        mean: Floating | None = None,
        cov: Floating = 1,
        allow_singular: bool = False,
        **options: Any,
    ) -> Any:
        """SciPy's probability of values up to ``x``, of plain values alone.

        SciPy integrates with random points, and gives another number each time.

        Args:
            x: As in `logpdf`.
            mean: As in `logpdf`.
            cov: As in `logpdf`.
            allow_singular: As in SciPy.
            **options: SciPy's ``maxpts``, ``abseps``, ``releps``, ``lower_limit``, ``rng``.

        Raises:
            ArgumentError: Something is traced.
        """
        if any(has_tracer(value) for value in (x, mean, cov)):
            raise ArgumentError(
                "scipy.stats.multivariate_normal.cdf: SciPy integrates with random points, which "
                "has no derivative, and something is traced",
                "For independent components multiply the cdf of norm.",
            )
        return stats.multivariate_normal.cdf(x, mean, cov, allow_singular, **options)

    def __repr__(self) -> str:
        return "<funcgrad.scipy.stats.multivariate_normal>"


_LOG_TWO_PI = math.log(2.0 * math.pi)


def _spectrum(cov: Any) -> tuple[Any, Any, Any]:
    """The eigenvalues of a covariance, which of them count, its vectors; 1 for those that do not.

    Raises:
        ValueError: For a known matrix with a negative eigenvalue.
    """
    values, vectors = np.linalg.eigh(cov)
    known = stop_gradient(values)
    least = 1e6 * np.finfo(values.dtype).eps * np.max(np.abs(known))
    if not has_tracer(known) and np.min(known) < -least:
        raise ValueError("The input matrix must be symmetric positive semidefinite.")
    counted = known > least
    return np.where(counted, values, 1.0), counted, vectors


def _on_its_space(deviations: Any, cov: Any) -> Any:
    """The logarithm of the density of a normal distribution with a singular covariance."""
    values, counted, vectors = _spectrum(cov)
    parts = deviations @ vectors
    total = np.sum(np.where(counted, parts * parts / values, 0.0), axis=-1)
    value = -0.5 * (np.sum(counted) * _LOG_TWO_PI + np.sum(np.log(values)) + total)
    outside = np.where(counted, 0.0, stop_gradient(parts))
    # SciPy's bound, 1e9 rounding units of the largest eigenvalue.
    bound = 1e9 * np.finfo(values.dtype).eps * np.max(np.abs(stop_gradient(values)))
    inside = np.sqrt(np.sum(outside * outside, axis=-1)) < bound
    return where(inside | np.all(counted), value, -np.inf)


def _moments(mean: Any, cov: Any) -> tuple[Any, Any]:
    """Mean and covariance as a vector and a matrix."""
    cov = real(cov)
    if mean is None:
        mean = np.zeros(cov.shape[:1] or (1,))
    mean = real(mean)
    if mean.ndim == 0:
        mean = np.reshape(mean, (1,))
    dim = mean.shape[0]
    if cov.ndim == 0:
        cov = cov * np.eye(dim)
    elif cov.ndim == 1:
        cov = np.eye(dim) * cov if cov.shape == (dim,) else cov
    if mean.ndim != 1 or cov.shape != (dim, dim):
        raise ShapeError(
            f"scipy.stats.multivariate_normal: got a mean of shape {mean.shape} and a covariance "
            f"of shape {cov.shape}",
            "Give a mean of shape (d,) and a covariance of shape (d, d).",
        )
    return mean, cov


dirichlet, multinomial, multivariate_normal = Dirichlet(), Multinomial(), MultivariateNormal()
