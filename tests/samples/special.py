"""Samples of SciPy's special functions."""

import numpy as np
import scipy.special as special

from funcgrad.ops.special import base as of_error
from funcgrad.ops.special import bessel
from funcgrad.ops.special import elliptic as of_more
from funcgrad.ops.special import gamma as of_gamma
from funcgrad.ops.special import integrals as more
from funcgrad.ops.special.gamma import BetaSlope
from funcgrad.ops.special.student import StudentSlope, student_by_df

from . import Sample

REAL = np.array([[-1.3, 0.4, 2.2], [0.7, -0.2, 1.6]])
UNIT = np.array([0.15, 0.4, 0.85])
POSITIVE = np.array([0.6, 1.7, 3.2])
OTHER = np.array([[1.3], [2.6]])
GREATER = np.array([4.3, 5.1, 6.2])
ORDERS = np.array([1.0, 2.5, 0.5])

PARTS = (
    "sine_integral",
    "cosine_integral",
    "hyperbolic_sine_integral",
    "hyperbolic_cosine_integral",
    "fresnel_sine",
    "fresnel_cosine",
)
NAMES = {"psi": "digamma", **{n: f"special_{n}" for n in ("log1p", "expm1", "exp2", "cbrt")}}


def _of(names, *args):
    for name in names.split():
        yield Sample(NAMES.get(name, name), getattr(special, name), args)


def _held(names, first, *args):
    """Samples with the first operands held constant: a derivative in them has no closed form."""
    for name in names.split():
        function = getattr(special, name)
        yield Sample(
            NAMES.get(name, name), lambda *xs, function=function: function(*first, *xs), args
        )


def _slope(name, function, *arguments):
    """A derivative, which is a primitive of its own."""
    return [Sample(name, function, (x,)) for x in arguments]


SAMPLES = [
    *_of("erf erfc erfcx erfi ndtr log_ndtr expit log_expit j0 j1 i0 i1 i0e i1e", REAL),
    *_of("erf ndtr log_ndtr expit i0", REAL[0, 1]),
    *_of("erf expit psi", np.float64(0.3)),
    *_of("erfinv ndtri logit entr", UNIT),
    *_of("erfcinv", 2 * UNIT),
    *_of("ndtri_exp", -POSITIVE),
    *_of("exp1 expi gamma gammaln loggamma psi gammasgn y0 y1 k0 k1 k0e k1e", POSITIVE),
    *_of("gamma gammaln psi gammasgn", -0.3 - UNIT / 2),
    *_of("xlogy rel_entr kl_div beta betaln poch", POSITIVE, OTHER),
    *_of("xlogy beta", np.float64(1.5), POSITIVE),
    *_of("xlog1py", REAL, POSITIVE),
    *_of("binom", GREATER, OTHER),
    *_of("gammainc gammaincc", OTHER, POSITIVE),
    *_of("gammaincinv gammainccinv stdtrit", OTHER, UNIT),
    *_of("betainc betaincc betaincinv", OTHER, POSITIVE, UNIT),
    *_of("betainc", np.float64(0.7), 1.3, UNIT),
    *_of("stdtr", OTHER, REAL[0]),
    Sample("beta_slope", lambda a, b, x: BetaSlope(1, 0)(a, b, x), (OTHER, POSITIVE, UNIT)),
    Sample("beta_slope", lambda a, b, x: BetaSlope(1, 2)(a, b, x), (OTHER, POSITIVE, UNIT)),
    Sample("student_by_df", student_by_df, (OTHER, REAL[0])),
    Sample("student_slope", lambda df, t: StudentSlope(1)(df, t), (OTHER, REAL[0])),
    Sample("student_slope", lambda df, t: StudentSlope(2)(df, t), (OTHER, REAL[0])),
    *_held("jv yv iv ive kv kve", [ORDERS], POSITIVE),
    *_held("yn", [np.array([2, 0, -1])], POSITIVE),
    *_held("zeta", [np.array([2.0, 3.5, 4.0])], POSITIVE),
    *_of("exprel dawsn wrightomega cosm1 exp10", REAL),
    *_of("ellipk ellipe ellipkm1", UNIT),
    *_of("ellipk ellipe", -POSITIVE),
    *_of("ellipk ellipe", np.array([0.0, 1e-9])),
    *_of("spence rgamma", POSITIVE),
    *_of("exprel", np.array([0.0, 1e-9])),
    *_of("spence", np.array([1.0, 1.0 + 1e-9])),
    *_of("boxcox inv_boxcox boxcox1p inv_boxcox1p", POSITIVE, np.array([[0.0], [0.6], [-0.1]])),
    *_of("owens_t", REAL[0], OTHER),
    *_of("powm1", POSITIVE, OTHER),
    *_of("huber pseudo_huber", OTHER, 2 * REAL[0]),
    *_held("hyp0f1", [OTHER], REAL[0]),
    *_held("hyp1f1", [OTHER, POSITIVE], REAL[0]),
    *_held("hyp2f1", [OTHER, ORDERS, POSITIVE], UNIT - 0.5),
    *_held("struve modstruve", [ORDERS], POSITIVE),
    *_of("wofz wrightomega", np.array([0.4 + 0.2j, 1.3 + 0.1j])),
    *_of("log1p expm1 exp2 cbrt", POSITIVE),
    *_slope("erfcx_slope", of_error.erfcx_slope, REAL, 6 + POSITIVE, 0.3 * REAL + 0.1j),
    *_slope("dawsn_slope", of_more.dawsn_slope, REAL, 6 + POSITIVE, -6 - POSITIVE),
    *_slope("rgamma_slope", of_more.rgamma_slope, REAL, POSITIVE, np.float64(-3.3)),
    *_slope("ellipk_slope", lambda m: of_more.ellipk_slope(m, 1 - m), UNIT, -POSITIVE, UNIT - 0.3),
    *_slope("spence_slope", of_more.spence_slope, POSITIVE, np.array([1.0, 0.9, 30.0])),
    Sample("digamma_step", of_gamma.digamma_step, (OTHER, POSITIVE)),
    Sample("digamma_step", of_gamma.digamma_step, (19 * POSITIVE, OTHER)),
    *_slope(
        "scaled_bessel_slope", lambda x: bessel.scaled_slope_i(1.5, x), POSITIVE, 29 * POSITIVE
    ),
    *_slope("scaled_bessel_slope", lambda x: bessel.scaled_slope_i(1.0, x), REAL),
    *_slope(
        "scaled_bessel_slope", lambda x: bessel.scaled_slope_k(1.5, x), POSITIVE, 29 * POSITIVE
    ),
    *[Sample(name, getattr(more, name), (POSITIVE,)) for name in PARTS],
    Sample("sine_integral", more.sine_integral, (np.array([0.0, -0.3]),)),
    Sample("hyperbolic_sine_integral", more.hyperbolic_sine_integral, (np.array([0.0, -0.3]),)),
    Sample("lambertw", more.Lambertw(0, 1e-8), (np.array([0.4 + 0.2j, 1.3 - 0.1j]),)),
    Sample("lambertw", more.Lambertw(-1, 1e-8), (np.array([-0.2 + 0.2j, 1.3 - 0.1j]),)),
    *_of("erf erfc erfcx erfi", np.array([0.4 + 0.2j, 1.3 - 0.1j])),
]
