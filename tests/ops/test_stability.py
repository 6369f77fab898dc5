"""Values and slopes from denormal to huge numbers, beside poles and where functions saturate.

`ROWS` has functions with their derivatives as mpmath computes them. Each is computed in both modes
and both precisions, and the error is at most `BOUND` rounding units of the result and of what a
rounding unit of the argument makes of it (its condition); below that, two of the least normal
number. Values are checked where they are funcgrad's own, as those of `nn` are.
"""

import re

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sp

import funcgrad.scipy.special as fs
from funcgrad import grad, jacfwd, jacrev, jit, jvp, nn

BOUND = 128
DIGITS = 50

SIZES = [5e-324, 1e-310, 1e-200, 1e-40, 1e-30, 1e-10, 1e-3, 0.1, 0.5, 0.9, 0.999, 1 - 1e-8, 1.0]
SIZES += [1 + 1e-8, 1.5, 3.0, 8.0, 10.0, 20.0, 30.0, 50.0, 88.0, 300.0, 700.0, 1e3, 1e8, 1e15]
SIZES += [1e30, 1e100, 1e155, 1e200, 1e300]
EVERYWHERE = sorted([-x for x in SIZES] + [0.0] + SIZES)
POSITIVE = SIZES
SOME = [1e-10, 1e-3, 0.5, 1.5, 8.0, 20.0, 50.0, 300.0, 1e3, 1e8]  # where mpmath is slow


def within(low, high, points=EVERYWHERE):
    return [x for x in points if low <= x <= high]


def away_from_poles(low, high):
    return [x for x in within(low, high) if x > 0 or x != int(x)]


UNIT = within(-1 + 1e-9, 1 - 1e-9)
num = mp.mpf
pi, root = mp.pi, mp.sqrt


def sig(x):
    return 1 / (1 + mp.exp(-x))


def sig_slope(x):
    return 1 / ((1 + mp.exp(x)) * (1 + mp.exp(-x)))


def soft(x):
    return mp.log1p(mp.exp(x)) if x < 50 else x + mp.log1p(mp.exp(-x))


def phi(x):
    return mp.erfc(-x / root(2)) / 2


def bell(x):
    return mp.exp(-x * x / 2) / root(2 * pi)


def half_of(f, v, x, sign):
    """``(f(v - 1, x) + sign f(v + 1, x)) / 2``."""
    return (f(v - 1, x) + sign * f(v + 1, x)) / 2


def ie(v, x):
    return mp.exp(-abs(x)) * mp.besseli(v, x)


def ke(v, x):
    return mp.exp(x) * mp.besselk(v, x)


def mish_slope(x):
    t = mp.tanh(soft(x))
    return t + x * (1 - t * t) * sig(x)


def gelu_slope(x):
    c = 2 * root(2 / pi)
    u = c * (x + num("0.044715") * x**3)
    return sig(u) + x * sig_slope(u) * c * (1 + 3 * num("0.044715") * x * x)


def ellipk_slope(m):
    return (mp.ellipe(m) - (1 - m) * mp.ellipk(m)) / (2 * m * (1 - m))


SCALE, ALPHA = num("1.0507009873554804934"), num("1.6732632423543772848")  # of selu


def pair(x):
    return np.stack([x, x * 0])


# A name: a function, its derivative, points; and its value where that is funcgrad's own.
ROWS = {
    "exp": (np.exp, mp.exp, EVERYWHERE),
    "exp2": (np.exp2, lambda x: mp.log(2) * num(2) ** x, EVERYWHERE),
    "expm1": (np.expm1, mp.exp, EVERYWHERE),
    "log": (np.log, lambda x: 1 / x, POSITIVE),
    "log2": (np.log2, lambda x: 1 / (x * mp.log(2)), POSITIVE),
    "log10": (np.log10, lambda x: 1 / (x * mp.log(10)), POSITIVE),
    "log1p": (np.log1p, lambda x: 1 / (1 + x), within(-1 + 1e-9, 1e301)),
    "sqrt": (np.sqrt, lambda x: 1 / (2 * root(x)), POSITIVE),
    "cbrt": (np.cbrt, lambda x: 1 / (3 * mp.cbrt(abs(x)) ** 2), [x for x in EVERYWHERE if x]),
    "square": (np.square, lambda x: 2 * x, EVERYWHERE),
    "reciprocal": (np.reciprocal, lambda x: -1 / (x * x), POSITIVE),
    "x ** 3": (lambda x: x**3, lambda x: 3 * x * x, EVERYWHERE),
    "x ** 2.5": (lambda x: x**2.5, lambda x: 2.5 * x ** num(1.5), POSITIVE),
    "x ** 0.25": (lambda x: x**0.25, lambda x: x ** num(-0.75) / 4, POSITIVE),
    "x ** -1.5": (lambda x: x**-1.5, lambda x: -1.5 * x ** num(-2.5), POSITIVE),
    "x ** -2": (lambda x: x**-2, lambda x: -2 / x**3, POSITIVE),
    "power": (lambda x: np.power(x, x * 0 + 2.5), lambda x: 2.5 * x ** num(1.5), POSITIVE),
    "1.5 ** x": (lambda x: 1.5**x, lambda x: mp.log(num(1.5)) * num(1.5) ** x, EVERYWHERE),
    "sin": (np.sin, mp.cos, EVERYWHERE),
    "cos": (np.cos, lambda x: -mp.sin(x), EVERYWHERE),
    "tan": (np.tan, lambda x: 1 / mp.cos(x) ** 2, EVERYWHERE),
    "arcsin": (np.arcsin, lambda x: 1 / root((1 - x) * (1 + x)), UNIT),
    "arccos": (np.arccos, lambda x: -1 / root((1 - x) * (1 + x)), UNIT),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x), EVERYWHERE),
    "sinh": (np.sinh, mp.cosh, EVERYWHERE),
    "cosh": (np.cosh, mp.sinh, EVERYWHERE),
    "tanh": (np.tanh, lambda x: mp.sech(x) ** 2, EVERYWHERE),
    "arcsinh": (np.arcsinh, lambda x: 1 / root(1 + x * x), EVERYWHERE),
    "arccosh": (np.arccosh, lambda x: 1 / root((x - 1) * (x + 1)), within(1 + 1e-9, 1e301)),
    "arctanh": (np.arctanh, lambda x: 1 / ((1 - x) * (1 + x)), UNIT),
    "sinc": (
        np.sinc,
        lambda x: (mp.cos(pi * x) - mp.sinc(pi * x)) / x,
        within(1e-3, 1e3),
    ),
    "abs": (np.abs, mp.sign, EVERYWHERE),
    "hypot": (lambda x: np.hypot(x, x * 0 + 1), lambda x: x / root(x * x + 1), EVERYWHERE),
    "hypot of both": (lambda x: np.hypot(x, -x), lambda x: mp.sign(x) * root(2), EVERYWHERE),
    "abs of complex": (
        lambda x: np.abs(x + 1j * x),
        lambda x: mp.sign(x) * root(2),
        EVERYWHERE,
    ),
    "arctan2 by y": (
        lambda x: np.arctan2(x, x * 0 + 1),
        lambda x: 1 / (1 + x * x),
        EVERYWHERE,
    ),
    "arctan2 by x": (
        lambda x: np.arctan2(x * 0 + 1, x),
        lambda x: -1 / (1 + x * x),
        EVERYWHERE,
    ),
    "logaddexp": (lambda x: np.logaddexp(x, x * 0), sig, EVERYWHERE),
    "logaddexp2": (
        lambda x: np.logaddexp2(x, x * 0),
        lambda x: sig(x * mp.log(2)),
        EVERYWHERE,
    ),
    "norm": (
        lambda x: np.linalg.norm(np.stack([x, -x])),
        lambda x: mp.sign(x) * root(2),
        EVERYWHERE,
    ),
    "norm of rows": (
        lambda x: np.linalg.norm(np.stack([x, -x])[None], axis=1)[0],
        lambda x: mp.sign(x) * root(2),
        EVERYWHERE,
    ),
    "norm of complex": (
        lambda x: np.linalg.norm(np.stack([x + 1j * x, x - 1j * x])),
        lambda x: 2 * mp.sign(x),
        EVERYWHERE,
    ),
    "norm of order 3": (
        lambda x: np.linalg.norm(np.stack([x, x]), 3),
        lambda x: mp.sign(x) * mp.cbrt(2),
        EVERYWHERE,
    ),
    "sigmoid": (nn.sigmoid, sig_slope, EVERYWHERE, sig),
    "elu": (
        nn.elu,
        lambda x: mp.exp(min(x, 0)),
        EVERYWHERE,
        lambda x: x if x > 0 else mp.expm1(x),
    ),
    "celu": (
        lambda x: nn.celu(x, 2.0),
        lambda x: mp.exp(min(x, 0) / 2),
        EVERYWHERE,
        lambda x: x if x > 0 else 2 * mp.expm1(x / 2),
    ),
    "selu": (
        nn.selu,
        lambda x: SCALE if x > 0 else SCALE * ALPHA * mp.exp(x),
        EVERYWHERE,
        lambda x: SCALE * x if x > 0 else SCALE * ALPHA * mp.expm1(x),
    ),
    "leaky_relu": (nn.leaky_relu, lambda x: 1 if x > 0 else num(0.01), EVERYWHERE),
    "silu": (nn.silu, lambda x: sig(x) + x * sig_slope(x), EVERYWHERE, lambda x: x * sig(x)),
    "softplus": (nn.softplus, sig, EVERYWHERE, soft),
    "log_sigmoid": (nn.log_sigmoid, lambda x: sig(-x), EVERYWHERE, lambda x: -soft(-x)),
    "mish": (nn.mish, mish_slope, within(-700, 1e15), lambda x: x * mp.tanh(soft(x))),
    "soft_sign": (
        nn.soft_sign,
        lambda x: 1 / (1 + abs(x)) ** 2,
        EVERYWHERE,
        lambda x: x / (1 + abs(x)),
    ),
    "squareplus": (
        nn.squareplus,
        lambda x: (1 + x / root(x * x + 4)) / 2,
        within(-1e15, 1e15),
        lambda x: (x + root(x * x + 4)) / 2,
    ),
    "gelu": (
        nn.gelu,
        gelu_slope,
        within(-10, 1e8),
        lambda x: x * sig(2 * root(2 / pi) * (x + num("0.044715") * x**3)),
    ),
    "gelu, exact": (
        lambda x: nn.gelu(x, False),
        lambda x: phi(x) + x * bell(x),
        within(-1e3, 1e3),
        lambda x: x * phi(x),
    ),
    "tanh of nn": (nn.tanh, lambda x: mp.sech(x) ** 2, EVERYWHERE, mp.tanh),
    "softmax": (lambda x: nn.softmax(pair(x))[0], sig_slope, EVERYWHERE, sig),
    "log_softmax": (
        lambda x: nn.log_softmax(pair(x))[0],
        lambda x: sig(-x),
        EVERYWHERE,
        lambda x: -soft(-x),
    ),
    "log_softmax of the other": (
        lambda x: nn.log_softmax(pair(x))[1],
        lambda x: -sig(x),
        EVERYWHERE,
        lambda x: -soft(x),
    ),
    "logsumexp": (lambda x: nn.logsumexp(pair(x)), sig, EVERYWHERE, soft),
    "cross_entropy": (
        lambda x: nn.cross_entropy(pair(x)[None], [0]),
        lambda x: -sig(-x),
        EVERYWHERE,
        lambda x: soft(-x),
    ),
    "cross_entropy of probabilities": (
        lambda x: nn.cross_entropy(pair(x)[None], np.array([[1.0, 0.0]], x.dtype)),
        lambda x: -sig(-x),
        EVERYWHERE,
        lambda x: soft(-x),
    ),
    "binary_cross_entropy of 1": (
        lambda x: nn.binary_cross_entropy(np.stack([x]), [1]),
        lambda x: -sig(-x),
        EVERYWHERE,
        lambda x: soft(-x),
    ),
    "binary_cross_entropy of 0": (
        lambda x: nn.binary_cross_entropy(np.stack([x]), [0]),
        sig,
        EVERYWHERE,
        soft,
    ),
    "erf": (sp.erf, lambda x: 2 / root(pi) * mp.exp(-x * x), EVERYWHERE),
    "erfc": (sp.erfc, lambda x: -2 / root(pi) * mp.exp(-x * x), EVERYWHERE),
    "erfcx": (
        sp.erfcx,
        lambda x: 2 * x * mp.exp(x * x) * mp.erfc(x) - 2 / root(pi),
        within(-20, 1e3),
    ),
    "erfi": (sp.erfi, lambda x: 2 / root(pi) * mp.exp(x * x), within(-20, 20)),
    "erfinv": (
        sp.erfinv,
        lambda x: root(pi) / 2 * mp.exp(mp.erfinv(x) ** 2),
        within(-0.999, 0.999),
    ),
    "erfcinv": (
        sp.erfcinv,
        lambda x: -root(pi) / 2 * mp.exp(mp.erfinv(1 - x) ** 2),
        within(1e-10, 1.5),
    ),
    "ndtr": (sp.ndtr, bell, EVERYWHERE),
    "log_ndtr": (sp.log_ndtr, lambda x: bell(x) / phi(x), within(-1e3, 30)),
    "ndtri": (
        sp.ndtri,
        lambda p: 1 / bell(root(2) * mp.erfinv(2 * p - 1)),
        within(1e-10, 0.999),
    ),
    "expit": (sp.expit, sig_slope, EVERYWHERE),
    "log_expit": (sp.log_expit, lambda x: sig(-x), EVERYWHERE),
    "logit": (sp.logit, lambda x: 1 / (x * (1 - x)), within(1e-300, 1 - 1e-9)),
    "xlogy by x": (lambda x: sp.xlogy(x, 3.0), lambda x: mp.log(3), EVERYWHERE),
    "xlogy by y": (lambda y: sp.xlogy(3.0, y), lambda y: 3 / y, POSITIVE),
    "xlog1py": (lambda y: sp.xlog1py(3.0, y), lambda y: 3 / (1 + y), within(-0.999, 1e301)),
    "entr": (sp.entr, lambda x: -mp.log(x) - 1, POSITIVE),
    "rel_entr by x": (lambda x: sp.rel_entr(x, 2.0), lambda x: mp.log(x / 2) + 1, POSITIVE),
    "rel_entr by y": (lambda y: sp.rel_entr(2.0, y), lambda y: -2 / y, POSITIVE),
    "kl_div by x": (lambda x: sp.kl_div(x, 2.0), lambda x: mp.log(x / 2), POSITIVE),
    "kl_div by y": (lambda y: sp.kl_div(2.0, y), lambda y: 1 - 2 / y, POSITIVE),
    "exp1": (sp.exp1, lambda x: -mp.exp(-x) / x, within(5e-324, 1e3)),
    "expi": (sp.expi, lambda x: mp.exp(x) / x, [x for x in within(-700, 700) if x]),
    "gamma": (sp.gamma, lambda x: mp.gamma(x) * mp.digamma(x), away_from_poles(-50, 150)),
    "gammaln": (sp.gammaln, mp.digamma, away_from_poles(-50, 1e300)),
    "loggamma": (sp.loggamma, mp.digamma, within(1e-200, 1e300)),
    "digamma": (sp.digamma, lambda x: mp.psi(1, x), away_from_poles(-50, 1e300)),
    "rgamma": (sp.rgamma, lambda x: mp.diff(mp.rgamma, x), within(-10, 20)),
    "beta": (
        lambda x: sp.beta(x, 2.5),
        lambda x: mp.beta(x, 2.5) * (mp.digamma(x) - mp.digamma(x + 2.5)),
        within(1e-200, 100),
    ),
    "betaln": (
        lambda x: sp.betaln(x, 2.5),
        lambda x: mp.digamma(x) - mp.digamma(x + 2.5),
        within(1e-200, 1e15),
    ),
    "binom": (
        lambda x: sp.binom(x, 2.5),
        lambda x: mp.binomial(x, 2.5) * (mp.digamma(x + 1) - mp.digamma(x - 1.5)),
        within(3, 100),
    ),
    "poch": (
        lambda x: sp.poch(x, 2.5),
        lambda x: mp.rf(x, 2.5) * (mp.digamma(x + 2.5) - mp.digamma(x)),
        within(1e-30, 30),
    ),
    "zeta": (lambda x: fs.zeta(3.0, x), lambda x: -3 * mp.zeta(4, x), within(1e-40, 1e30)),
    "polygamma": (lambda x: fs.polygamma(2, x), lambda x: mp.psi(3, x), within(1e-30, 1e30)),
    "gammainc": (
        lambda x: sp.gammainc(2.5, x),
        lambda x: x ** num(1.5) * mp.exp(-x) / mp.gamma(2.5),
        within(1e-200, 1e3),
    ),
    "gammaincc": (
        lambda x: sp.gammaincc(2.5, x),
        lambda x: -(x ** num(1.5)) * mp.exp(-x) / mp.gamma(2.5),
        within(1e-200, 1e3),
    ),
    "betainc": (
        lambda x: sp.betainc(2.5, 1.5, x),
        lambda x: x ** num(1.5) * root(1 - x) / mp.beta(2.5, 1.5),
        within(1e-30, 1 - 1e-9),
    ),
    "stdtr": (
        lambda t: sp.stdtr(3.5, t),
        lambda t: (
            mp.gamma(2.25) / root(3.5 * pi) / mp.gamma(1.75) * (1 + t * t / 3.5) ** num(-2.25)
        ),
        within(-1e30, 1e30),
    ),
    "j0": (sp.j0, lambda x: -mp.besselj(1, x), within(-1e3, 1e3)),
    "j1": (sp.j1, lambda x: half_of(mp.besselj, 1, x, -1), within(-1e3, 1e3)),
    "jv": (lambda x: sp.jv(2.5, x), lambda x: half_of(mp.besselj, 2.5, x, -1), within(1e-10, 1e3)),
    "y0": (sp.y0, lambda x: -mp.bessely(1, x), within(1e-10, 1e3, SOME)),
    "y1": (sp.y1, lambda x: half_of(mp.bessely, 1, x, -1), within(1e-10, 1e3, SOME)),
    "yn": (lambda x: fs.yn(3, x), lambda x: half_of(mp.bessely, 3, x, -1), within(1e-10, 100)),
    "yv": (lambda x: sp.yv(2.5, x), lambda x: half_of(mp.bessely, 2.5, x, -1), within(1e-10, 1e3)),
    "i0": (sp.i0, lambda x: mp.besseli(1, x), within(-700, 700)),
    "i1": (sp.i1, lambda x: half_of(mp.besseli, 1, x, 1), within(-700, 700)),
    "iv": (lambda x: sp.iv(2.5, x), lambda x: half_of(mp.besseli, 2.5, x, 1), within(1e-10, 300)),
    "i0e": (sp.i0e, lambda x: ie(1, x) - ie(0, x), within(1e-200, 1e8)),
    "i0e of negative": (sp.i0e, lambda x: ie(0, x) - ie(1, -x), within(-1e8, -1e-200)),
    "i1e": (sp.i1e, lambda x: half_of(ie, 1, x, 1) - ie(1, x), within(1e-200, 1e8)),
    "ive": (
        lambda x: sp.ive(2.5, x),
        lambda x: half_of(ie, 2.5, x, 1) - ie(2.5, x),
        within(1e-10, 1e8),
    ),
    "k0": (sp.k0, lambda x: -mp.besselk(1, x), within(1e-10, 600, SOME)),
    "k1": (sp.k1, lambda x: -half_of(mp.besselk, 1, x, 1), within(1e-10, 600, SOME)),
    "kv": (
        lambda x: sp.kv(2.5, x),
        lambda x: -half_of(mp.besselk, 2.5, x, 1),
        within(1e-10, 600, SOME),
    ),
    "k0e": (sp.k0e, lambda x: ke(0, x) - ke(1, x), within(1e-10, 1e8, SOME)),
    "k1e": (sp.k1e, lambda x: ke(1, x) - half_of(ke, 1, x, 1), within(1e-10, 1e8, SOME)),
    "kve": (
        lambda x: sp.kve(2.5, x),
        lambda x: ke(2.5, x) - half_of(ke, 2.5, x, 1),
        within(1e-10, 1e8, SOME),
    ),
    "boxcox": (lambda x: sp.boxcox(x, 0.5), lambda x: 1 / root(x), POSITIVE),
    "boxcox1p": (lambda x: sp.boxcox1p(x, 0.5), lambda x: 1 / root(1 + x), POSITIVE),
    "inv_boxcox": (lambda x: sp.inv_boxcox(x, 0.5), lambda x: 1 + x / 2, within(-1.5, 1e15)),
    "inv_boxcox1p": (lambda x: sp.inv_boxcox1p(x, 0.5), lambda x: 1 + x / 2, within(-1.5, 1e15)),
    "dawsn": (
        sp.dawsn,
        lambda x: 1 - root(pi) * x * mp.exp(-x * x) * mp.erfi(x),
        within(-300, 300),
    ),
    "ellipk": (sp.ellipk, ellipk_slope, [x for x in within(-1e15, 1 - 1e-9) if abs(x) > 1e-20]),
    "ellipkm1": (
        sp.ellipkm1,
        lambda p: -ellipk_slope(1 - p),
        [x for x in within(1e-20, 1e15) if x != 1],
    ),
    "ellipe": (
        sp.ellipe,
        lambda m: (mp.ellipe(m) - mp.ellipk(m)) / (2 * m),
        [x for x in within(-1e8, 0.999) if abs(x) > 1e-20],
    ),
    "spence": (
        sp.spence,
        lambda z: mp.log(z) / (1 - z) if z != 1 else num(-1),
        POSITIVE,
    ),
    "exprel": (
        sp.exprel,
        lambda x: (x * mp.exp(x) - mp.expm1(x)) / x**2,
        [x for x in within(-1e8, 700) if abs(x) > 1e-20],
    ),
    "exp10": (sp.exp10, lambda x: mp.log(10) * num(10) ** x, EVERYWHERE),
    "expm1 of scipy": (sp.expm1, mp.exp, EVERYWHERE),
    "log1p of scipy": (sp.log1p, lambda x: 1 / (1 + x), within(-1 + 1e-9, 1e301)),
    "exp2 of scipy": (sp.exp2, lambda x: mp.log(2) * num(2) ** x, EVERYWHERE),
    "cbrt of scipy": (
        sp.cbrt,
        lambda x: 1 / (3 * mp.cbrt(abs(x)) ** 2),
        [x for x in EVERYWHERE if x],
    ),
    "cosm1": (sp.cosm1, lambda x: -mp.sin(x), within(-1e3, 1e3)),
    "powm1 by x": (lambda x: sp.powm1(x, 2.5), lambda x: 2.5 * x ** num(1.5), POSITIVE),
    "powm1 by y": (
        lambda y: sp.powm1(0.5, y),
        lambda y: num(0.5) ** y * mp.log(num(0.5)),
        EVERYWHERE,
    ),
    "huber": (
        lambda r: sp.huber(2.0, r),
        lambda r: max(min(r, num(2)), num(-2)),
        EVERYWHERE,
    ),
    "huber by delta": (lambda d: sp.huber(d, 2.0), lambda d: max(2 - d, num(0)), POSITIVE),
    "pseudo_huber": (
        lambda r: sp.pseudo_huber(2.0, r),
        lambda r: r / root(1 + (r / 2) ** 2),
        EVERYWHERE,
    ),
    "pseudo_huber by delta": (
        lambda d: sp.pseudo_huber(d, 2.0),
        lambda d: (root(d * d + 4) - d) ** 2 / root(d * d + 4),
        within(1e-40, 1e15),
    ),
    "wrightomega": (
        sp.wrightomega,
        lambda z: (lambda w: w / (1 + w))(mp.lambertw(mp.exp(z)).real),
        within(-300, 1e3),
    ),
    "owens_t by h": (
        lambda h: sp.owens_t(h, 0.75),
        lambda h: -bell(h) / 2 * mp.erf(num(0.75) * h / root(2)),
        within(-30, 30),
    ),
    "owens_t by a": (
        lambda a: sp.owens_t(0.75, a),
        lambda a: mp.exp(-num(0.5625) * (1 + a * a) / 2) / (1 + a * a) / (2 * pi),
        within(-50, 50),
    ),
    "hyp0f1": (lambda x: sp.hyp0f1(1.5, x), lambda x: mp.hyp0f1(2.5, x) / 1.5, within(-300, 1e3)),
    "hyp1f1": (
        lambda x: sp.hyp1f1(0.5, 1.5, x),
        lambda x: mp.hyp1f1(1.5, 2.5, x) / 3,
        within(-50, 50),
    ),
    "hyp2f1": (
        lambda x: sp.hyp2f1(0.5, 0.75, 1.5, x),
        lambda x: mp.hyp2f1(1.5, 1.75, 2.5, x) / 4,
        within(-50, 0.9),
    ),
    "sici, sine": (lambda x: fs.sici(x)[0], mp.sinc, within(-1e3, 1e3)),
    "sici, cosine": (lambda x: fs.sici(x)[1], lambda x: mp.cos(x) / x, within(1e-200, 1e3)),
    "shichi, sine": (lambda x: fs.shichi(x)[0], lambda x: mp.sinh(x) / x, within(1e-200, 700)),
    "shichi, cosine": (lambda x: fs.shichi(x)[1], lambda x: mp.cosh(x) / x, within(1e-200, 700)),
    "fresnel, sine": (lambda x: fs.fresnel(x)[0], lambda x: mp.sin(pi * x * x / 2), within(-8, 8)),
    "fresnel, cosine": (
        lambda x: fs.fresnel(x)[1],
        lambda x: mp.cos(pi * x * x / 2),
        within(-8, 8),
    ),
    "lambertw": (
        lambda x: np.real(fs.lambertw(x)),
        lambda x: (lambda w: 1 / ((1 + w) * mp.exp(w)))(mp.lambertw(x).real),
        within(-0.1, 1e100),
    ),
    "softplus of scipy": (fs.softplus, sig, EVERYWHERE),
    "logsumexp of scipy": (lambda x: fs.logsumexp(pair(x)), sig, EVERYWHERE),
    "logsumexp with weights": (
        lambda x: fs.logsumexp(pair(x), b=np.array([1.0, 3.0], x.dtype)),
        lambda x: 1 / (1 + 3 * mp.exp(-x)),
        EVERYWHERE,
    ),
    "softmax of scipy": (lambda x: fs.softmax(pair(x))[0], sig_slope, EVERYWHERE),
    "log_softmax of scipy": (lambda x: fs.log_softmax(pair(x))[0], lambda x: sig(-x), EVERYWHERE),
}

# Straight lines, steps, gates of two values, and SciPy's inverses and sums whose slopes are
# formulas over the functions above.
WITHOUT_ROW = {
    *("relu", "step", "hard_tanh", "hard_sigmoid", "hard_silu", "hard_swish", "relu6", "glu"),
    *("gammasgn", "jn", "psi", "comb", "factorial", "perm", "multigammaln", "struve", "modstruve"),
    *("betaincc", "betaincinv", "gammaincinv", "gammainccinv", "ndtri_exp", "stdtrit", "wofz"),
}
ACTIVATIONS = {"celu", "elu", "gelu", "glu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh"}
ACTIVATIONS |= {"leaky_relu", "log_sigmoid", "log_softmax", "logsumexp", "mish", "relu", "relu6"}
ACTIVATIONS |= {"selu", "sigmoid", "silu", "soft_sign", "softmax", "softplus", "squareplus", "step"}


def test_every_function_is_here():
    here = {re.split(r"[ ,]", name)[0] for name in ROWS}
    assert set(fs.__all__) | ACTIVATIONS <= here | WITHOUT_ROW


def condition(function, x):
    """What the function moves for a relative move of ``x`` by 1, to first order."""
    h = num(10) ** -25
    with mp.workdps(2 * DIGITS):
        return abs((function(x * (1 + h)) - function(x * (1 - h))) / (2 * h)) if x else num(0)


def check(found, function, x, dtype):
    """Assert that a number found is that of a function of mpmath's, within the bound."""
    limits = np.finfo(dtype)
    assert np.ndim(found) == 0 and found.dtype in (dtype, np.float64)
    try:
        exact = mp.re(function(x))
    except (ZeroDivisionError, ValueError):
        return  # a pole
    if abs(exact) > num(float(limits.max)) * (1 - num(2) ** -8):
        assert np.isinf(found) or abs(found) > 0.99 * limits.max
        return
    assert np.isfinite(found), (found, exact)
    error, eps = abs(num(float(found)) - exact), num(float(limits.eps))
    allowed = BOUND * eps * abs(exact) + 2 * num(float(limits.tiny))
    if error > allowed:
        allowed += BOUND * eps * condition(lambda y: mp.re(function(y)), x)
    assert error <= allowed, f"{found} for {mp.nstr(exact, 17)} at {mp.nstr(x, 17)}"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", ROWS)
def test_row(name, dtype):
    function, slope, points, *value = ROWS[name]
    compiled = jit(grad(function))
    with mp.workdps(DIGITS):
        for point in points:
            x = dtype(point)
            if not np.isfinite(x) or (point and not x):
                continue
            exact = num(float(x))
            if value:
                check(function(x), *value, exact, dtype)
            forward = jvp(function, (x,), (dtype(1),))[1]
            for found in (forward, grad(function)(x), compiled(x)):
                check(found, slope, exact, dtype)


def test_softmax_of_many():
    # Slopes by the largest and by the others, to the relative precision of each.
    x = np.array([35.0, 0.0, -1.0, 2.5])
    with mp.workdps(DIGITS):
        e = [mp.exp(num(float(v))) for v in x]
        s = [v / sum(e) for v in e]
        exact = [[float(s[i] * ((i == j) - s[j])) for j in range(4)] for i in range(4)]
        logs = [[float((i == j) - s[j]) for j in range(4)] for i in range(4)]
    for jacobian in (jacrev, jacfwd):
        np.testing.assert_allclose(jacobian(nn.softmax)(x), exact, rtol=1e-14)
        np.testing.assert_allclose(jacobian(nn.log_softmax)(x), logs, rtol=1e-14)
    for label in range(4):
        loss = lambda x, label=label: nn.cross_entropy(x, np.array(label))  # noqa: E731
        np.testing.assert_allclose(grad(loss)(x), -np.array(logs[label]), rtol=1e-14)
