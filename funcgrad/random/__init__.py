"""Random numbers from explicit keys.

There is no state: a key is an array of two uint64, every draw is a function of its key, and new
keys are made from old ones by `split` and `fold_in`. So a draw is the same number un-jitted,
compiled, mapped and on every backend. The bits are those of ``numpy.random.Philox``.

Names and the order of arguments are those of ``jax.random``; the default dtype is float64.
"""

from .._publish import publish_all
from .checked import checked
from .continuous import (
    cauchy,
    double_sided_maxwell,
    exponential,
    gumbel,
    laplace,
    logistic,
    lognormal,
    maxwell,
    normal,
    pareto,
    rayleigh,
    triangular,
    truncated_normal,
    uniform,
    wald,
    weibull_min,
)
from .discrete import (
    bernoulli,
    binomial,
    categorical,
    geometric,
    multinomial,
    poisson,
    rademacher,
    randint,
)
from .gammas import beta, chisquare, dirichlet, f, gamma, generalized_normal, loggamma, t
from .keys import PRNGKey, bits, fold_in, key, split
from .multivariate import ball, multivariate_normal, orthogonal
from .shuffle import choice, permutation

__all__ = [
    "PRNGKey",
    "ball",
    "bernoulli",
    "beta",
    "binomial",
    "bits",
    "categorical",
    "cauchy",
    "checked",
    "chisquare",
    "choice",
    "dirichlet",
    "double_sided_maxwell",
    "exponential",
    "f",
    "fold_in",
    "gamma",
    "generalized_normal",
    "geometric",
    "gumbel",
    "key",
    "laplace",
    "loggamma",
    "logistic",
    "lognormal",
    "maxwell",
    "multinomial",
    "multivariate_normal",
    "normal",
    "orthogonal",
    "pareto",
    "permutation",
    "poisson",
    "rademacher",
    "randint",
    "rayleigh",
    "split",
    "t",
    "triangular",
    "truncated_normal",
    "uniform",
    "wald",
    "weibull_min",
]

publish_all(globals())
