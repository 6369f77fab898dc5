"""Distributions of `scipy.stats`, differentiable in the value and in every parameter.

Each distribution has SciPy's methods with SciPy's parameters, for arrays and for tracers, and
SciPy's numbers: densities and probabilities of continuous distributions (`continuous`,
`lifetimes`), of discrete ones (`discrete`) and of vectors (`multivariate`). Results are float64, as
SciPy's are.
"""

from __future__ import annotations

from ..._publish import publish_all
from ...errors import MissingExtraError

try:
    from .continuous import (
        beta,
        cauchy,
        chi2,
        expon,
        gamma,
        laplace,
        logistic,
        lognorm,
        norm,
        t,
        uniform,
    )
    from .discrete import bernoulli, binom, geom, nbinom, poisson
    from .lifetimes import (
        f,
        gumbel_l,
        gumbel_r,
        halfnorm,
        invgamma,
        pareto,
        rayleigh,
        weibull_min,
    )
    from .multivariate import dirichlet, multinomial, multivariate_normal
except ImportError as error:
    if (error.name or "").partition(".")[0] != "scipy":
        raise
    raise MissingExtraError(
        "funcgrad.scipy.stats needs SciPy, which is not installed",
        "Install it: pip install 'funcgrad[scipy]'.",
    ) from error

__all__ = [
    "bernoulli",
    "beta",
    "binom",
    "cauchy",
    "chi2",
    "dirichlet",
    "expon",
    "f",
    "gamma",
    "geom",
    "gumbel_l",
    "gumbel_r",
    "halfnorm",
    "invgamma",
    "laplace",
    "logistic",
    "lognorm",
    "multinomial",
    "multivariate_normal",
    "nbinom",
    "norm",
    "pareto",
    "poisson",
    "rayleigh",
    "t",
    "uniform",
    "weibull_min",
]

publish_all(globals())
