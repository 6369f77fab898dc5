"""Uses of random bits, of the variates drawn by rejection, and of the normal distribution."""

import numpy as np

from funcgrad.ops.random import (
    FOLD,
    GammaSlope,
    Polygamma,
    binomial,
    log_gamma,
    normal_cdf,
    normal_quantile,
    poisson,
    random_bits,
)

from . import Sample

KEY = np.array([3, 5], np.uint64)
KEYS = np.arange(8, dtype=np.uint64).reshape(4, 2)
A = np.array([[0.02, 0.7, 1.0], [2.5, 12.0, 300.0]])
X = np.array([-8.0, -3.5, -3.0, -0.4, 0.0, 1.3, 4.0])
P = np.array([0.04, 0.074, 0.2, 0.5, 0.93])

BITS = [
    Sample("random_bits", lambda k: random_bits(k, 5), (KEY,)),
    Sample("random_bits", lambda k: random_bits(k, 1), (KEYS,)),
    Sample("random_bits", lambda k, n: random_bits(k, 3, FOLD, n), (KEY, np.uint64(9))),
    Sample("random_bits", lambda k, n: random_bits(k, 2, FOLD, n), (KEYS, KEYS[:, 1])),
    Sample("random_bits", lambda k, n: random_bits(k, 2, FOLD, n), (KEY, KEYS)),
    Sample("random_bits", lambda k: random_bits(k, 0), (KEYS,)),
    Sample("poisson", lambda k, a: poisson(k, a), (KEY, A)),
    Sample("poisson", lambda k, a: poisson(k, a), (KEYS[:2], A)),
    Sample("poisson", lambda k, a: poisson(k, a), (KEYS[:1], A)),
    Sample("binomial", lambda k, n, p: binomial(k, n, p), (KEY, np.floor(A), A / 301)),
    Sample("binomial", lambda k, n, p: binomial(k, n, p), (KEYS[:2], 40 * np.ceil(A), A / 301)),
]
NORMAL = [
    Sample("normal_cdf", lambda x: normal_cdf(x), (X,)),
    Sample("normal_cdf", lambda x: normal_cdf(x), (0.3,)),
    Sample("normal_quantile", lambda p: normal_quantile(p), (P,)),
    Sample("normal_quantile", lambda p: normal_quantile(p), (0.3,)),
]
SLOPES = [
    Sample("polygamma", lambda x: Polygamma(0)(x), (A,)),
    Sample("polygamma", lambda x: Polygamma(2)(x), (A,)),
    Sample("gamma_slope", lambda a, z: GammaSlope(1)(a, z), (A, np.log(A) + 0.2)),
    Sample("gamma_slope", lambda a, z: GammaSlope(2)(a, z), (A[:, 1:], np.log(A[:, 1:]) - 0.3)),
    Sample("gamma_slope", lambda a, z: GammaSlope(1)(a, z), (1.3, 0.4)),
]
# Their derivatives are those of the quantile, not those of the rejection: tested apart.
GAMMA = [
    Sample("log_gamma", lambda k, a: log_gamma(k, a), (KEY, A)),
    Sample("log_gamma", lambda k, a: log_gamma(k, a), (KEY, np.float64(0.5))),
    Sample("log_gamma", lambda k, a: log_gamma(k, a), (KEYS[:2], A)),
]
SAMPLES = [*BITS, *NORMAL, *SLOPES, *GAMMA]
