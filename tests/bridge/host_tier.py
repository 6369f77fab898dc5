"""What runs on the host, for JAX has no operation that gives the same. The list may only shrink."""

# fmt: off
HOST = {
    "beta", "beta_slope", "betaincc", "betaincinv", "betaln", "binom", "binomial", "boxcox",
    "boxcox1p", "cofactors", "cosine_integral", "cosm1", "dawsn_slope", "digamma_step",
    "ellipe", "ellipk", "ellipk_slope", "ellipkm1", "erf", "erfc", "erfcinv", "erfcx",
    "erfcx_slope", "erfi", "exp1", "expi", "exprel", "fresnel_cosine", "fresnel_sine",
    "gamma_slope", "gammainccinv", "gammaincinv", "hyp0f1", "hyp1f1", "hyp2f1",
    "hyperbolic_cosine_integral", "hyperbolic_sine_integral", "inv_boxcox", "inv_boxcox1p",
    "iv", "ive", "j0", "j1", "jv", "k0", "k0e", "k1", "k1e", "kv", "kve", "lambertw",
    "limit_inv", "log_gamma", "loggamma", "logm", "modstruve", "ndtri_exp", "owens_t", "poch",
    "poisson", "powm1", "rgamma", "rgamma_slope", "scaled_bessel_slope", "sine_integral",
    "solve_banded", "solve_sylvester", "spence_slope", "sqrtm", "stdtr", "stdtrit", "struve",
    "student_by_df", "student_slope", "wofz", "wrightomega", "y0", "y1", "yn", "yv", "zeta",
}
