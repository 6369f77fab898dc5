"""`scipy.special` on tracers.

``scipy.special.erf(x)`` reaches the counterpart here through NumPy's protocol for ufuncs (NEP 13),
``funcgrad.scipy.special.erf(x)`` too, and takes lists with tracers in them. SciPy's functions that
are no ufuncs (`logsumexp`, `polygamma`, ...) cannot see tracers: take those from here. Every
function here calls SciPy's own where nothing is traced. Derivatives and their sources stand at the
primitives (`funcgrad.ops.special`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._publish import publish_all
from ..api.program import stop_gradient
from ..core.trace import aval_of
from ..errors import ArgumentError, MissingExtraError
from ..numpy.arguments import cast, operand, operands
from ..numpy.dispatch import has_tracer
from ..numpy.modules import load

try:
    from scipy import special
except ImportError as error:
    raise MissingExtraError(
        "funcgrad.scipy.special needs SciPy, which is not installed",
        "Install it: pip install 'funcgrad[scipy]'.",
    ) from error

from ..ops.exponential import difference
from ..ops.special import gamma as gammas
from ..ops.special import integrals
from ..ops.special.base import xlogy as xlogy_of
from .special_functions import (
    as_taken_by,
    function_of,
    is_complex,
    refuse_options,
    require_real,
    to_floating,
    where_traced,
)

__all__ = [
    "beta",
    "betainc",
    "betaincc",
    "betaincinv",
    "betaln",
    "binom",
    "boxcox",
    "boxcox1p",
    "cbrt",
    "comb",
    "cosm1",
    "dawsn",
    "digamma",
    "ellipe",
    "ellipk",
    "ellipkm1",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfi",
    "erfinv",
    "exp1",
    "exp2",
    "exp10",
    "expi",
    "expit",
    "expm1",
    "exprel",
    "factorial",
    "fresnel",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "gammasgn",
    "huber",
    "hyp0f1",
    "hyp1f1",
    "hyp2f1",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "inv_boxcox",
    "inv_boxcox1p",
    "iv",
    "ive",
    "j0",
    "j1",
    "jn",
    "jv",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kl_div",
    "kv",
    "kve",
    "lambertw",
    "log1p",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "loggamma",
    "logit",
    "logsumexp",
    "modstruve",
    "multigammaln",
    "ndtr",
    "ndtri",
    "ndtri_exp",
    "owens_t",
    "perm",
    "poch",
    "polygamma",
    "powm1",
    "pseudo_huber",
    "psi",
    "rel_entr",
    "rgamma",
    "shichi",
    "sici",
    "softmax",
    "softplus",
    "spence",
    "stdtr",
    "stdtrit",
    "struve",
    "wofz",
    "wrightomega",
    "xlog1py",
    "xlogy",
    "y0",
    "y1",
    "yn",
    "yv",
    "zeta",
]

load("special")


erf = function_of(special.erf)
erfc = function_of(special.erfc)
erfcx = function_of(special.erfcx)
erfi = function_of(special.erfi)
erfinv = function_of(special.erfinv)
erfcinv = function_of(special.erfcinv)
ndtr = function_of(special.ndtr)
log_ndtr = function_of(special.log_ndtr)
ndtri = function_of(special.ndtri)
ndtri_exp = function_of(special.ndtri_exp)
expit = function_of(special.expit)
log_expit = function_of(special.log_expit)
logit = function_of(special.logit)
xlogy = function_of(special.xlogy)
xlog1py = function_of(special.xlog1py)
entr = function_of(special.entr)
rel_entr = function_of(special.rel_entr)
kl_div = function_of(special.kl_div)
exp1 = function_of(special.exp1)
expi = function_of(special.expi)
gammasgn = function_of(special.gammasgn)

gamma = function_of(special.gamma)
gammaln = function_of(special.gammaln)
loggamma = function_of(special.loggamma)
digamma = function_of(special.digamma)
beta = function_of(special.beta)
betaln = function_of(special.betaln)
binom = function_of(special.binom)
poch = function_of(special.poch)
gammainc = function_of(special.gammainc)
gammaincc = function_of(special.gammaincc)
gammaincinv = function_of(special.gammaincinv)
gammainccinv = function_of(special.gammainccinv)
betainc = function_of(special.betainc)
betaincc = function_of(special.betaincc)
betaincinv = function_of(special.betaincinv)
stdtr = function_of(special.stdtr)
stdtrit = function_of(special.stdtrit)

j0 = function_of(special.j0)
j1 = function_of(special.j1)
jv = function_of(special.jv)
y0 = function_of(special.y0)
y1 = function_of(special.y1)
yv = function_of(special.yv)
yn = function_of(special.yn)
i0 = function_of(special.i0)
i1 = function_of(special.i1)
iv = function_of(special.iv)
i0e = function_of(special.i0e)
i1e = function_of(special.i1e)
ive = function_of(special.ive)
k0 = function_of(special.k0)
k1 = function_of(special.k1)
kv = function_of(special.kv)
k0e = function_of(special.k0e)
k1e = function_of(special.k1e)
kve = function_of(special.kve)

boxcox = function_of(special.boxcox)
boxcox1p = function_of(special.boxcox1p)
cbrt = function_of(special.cbrt)
cosm1 = function_of(special.cosm1)
dawsn = function_of(special.dawsn)
ellipe = function_of(special.ellipe)
ellipk = function_of(special.ellipk)
ellipkm1 = function_of(special.ellipkm1)
exp2 = function_of(special.exp2)
exp10 = function_of(special.exp10)
expm1 = function_of(special.expm1)
exprel = function_of(special.exprel)
huber = function_of(special.huber)
hyp0f1 = function_of(special.hyp0f1)
hyp1f1 = function_of(special.hyp1f1)
hyp2f1 = function_of(special.hyp2f1)
inv_boxcox = function_of(special.inv_boxcox)
inv_boxcox1p = function_of(special.inv_boxcox1p)
log1p = function_of(special.log1p)
modstruve = function_of(special.modstruve)
owens_t = function_of(special.owens_t)
powm1 = function_of(special.powm1)
pseudo_huber = function_of(special.pseudo_huber)
rgamma = function_of(special.rgamma)
spence = function_of(special.spence)
struve = function_of(special.struve)
wofz = function_of(special.wofz)
wrightomega = function_of(special.wrightomega)

jn, psi = jv, digamma
_ZETA: np.ufunc = gammas.zeta.ufunc


@where_traced(special.zeta)
def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    """Hurwitz's zeta function on tracers; Riemann's, which ``q=None`` means, is ``q=1``.

    It is differentiable in ``q``; ``x`` is held constant, 1 or more.
    """
    refuse_options("zeta", out=out)
    if q is None:
        return _ZETA(as_taken_by(special._ufuncs._riemann_zeta, x), 1.0)
    return _ZETA(*[v if isinstance(v, (int, float)) else operand(v) for v in (x, q)])


@where_traced(special.polygamma)
def polygamma(n: Any, x: Any) -> Any:
    """The ``n``-th derivative of `digamma` on tracers, ``(-1)**(n+1) n! zeta(n + 1, x)``.

    DLMF 5.15.1; ``n`` is a number or an array of them, held constant. The result is a float64, as
    SciPy's is, unless ``n`` and ``x`` are float32.
    """
    if has_tracer(n):
        raise ArgumentError(
            "scipy.special.polygamma: the order n is traced",
            "Give n as a number; under jit name it in static_argnames.",
        )
    orders, values = np.asarray(n), operand(x)
    factor = (-1.0) ** (orders + 1) * special.gamma(orders + 1.0)
    if aval_of(values).dtype.kind != "f":
        values = cast(values, np.float64)
    values = cast(values, np.result_type(aval_of(values).dtype, factor.dtype))
    if orders.ndim == 0 and orders == 0:
        return special.psi(values)
    higher = factor * _ZETA((orders + 1).astype(factor.dtype)[()], values)
    return higher if np.all(orders > 0) else np.where(orders == 0, special.psi(values), higher)


@where_traced(special.multigammaln)  # type: ignore[attr-defined]
def multigammaln(a: Any, d: int) -> Any:
    """The logarithm of the gamma function of dimension ``d`` on tracers, a float64 as SciPy's."""
    a = operand(a)
    total = np.float64(d * (d - 1) * 0.25 * math.log(math.pi))
    return total + sum([special.gammaln(a - 0.5 * j) for j in range(1, d)], special.gammaln(a))


@where_traced(special.logsumexp)
def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """``log(sum(b * exp(a)))`` on tracers, without overflow.

    The gradient in ``a`` is the softmax where ``b`` is not given. Terms of weight 0 count for
    nothing, whatever ``a`` is there.

    Returns:
        The logarithm; nan where the sum is negative. With ``return_sign`` the logarithm of the
        sum's absolute value and its sign.
    """
    from ..nn.categorical import logsumexp as stable

    if b is None and not return_sign and not is_complex(a):
        return stable(to_floating(a), axis, keepdims)
    a, weights = operands([to_floating(a), 1.0 if b is None else b], weak=True)
    a, weights = np.broadcast_arrays(a, weights)
    counted = np.where(stop_gradient(weights) == 0, -np.inf, np.real(stop_gradient(a)))
    top = np.max(counted, axis=axis, keepdims=True)
    top = np.maximum(top, float(np.finfo(aval_of(a).dtype).min))
    # A term of weight 0 keeps its derivative in the weight, unless its exponential overflows.
    most = math.log(float(np.finfo(aval_of(a).dtype).max)) - 1.0
    moved = difference(a, cast(top, aval_of(a).dtype))
    e = np.exp(np.where((weights == 0) & ~(np.real(moved) < most), -np.inf, moved))
    total = np.sum(weights * e, axis=axis, keepdims=keepdims)
    shift = top if keepdims else np.reshape(top, total.shape)
    if not return_sign:
        return _log(total) + shift
    return _log(np.abs(total)) + shift, np.sign(total)


def _log(x: Any) -> Any:
    """The logarithm, -inf at 0 without a warning; its slope there is masked."""
    return cast(xlogy_of(1.0, x), aval_of(x).dtype)


@where_traced(special.softmax)
def softmax(x: Any, axis: Any = None) -> Any:
    """``exp(x) / sum(exp(x))`` on tracers, without overflow."""
    from ..nn.categorical import softmax as stable

    return stable(as_taken_by(np.exp, x), axis)


@where_traced(special.log_softmax)
def log_softmax(x: Any, axis: Any = None) -> Any:
    """The logarithm of `softmax` on tracers, without its underflow."""
    from ..nn.categorical import log_softmax as stable

    return stable(as_taken_by(np.exp, x), axis)


@where_traced(special.factorial)
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """``gamma(n + 1)`` on tracers, 0 where ``n`` is negative; of arrays a float64, as SciPy's."""
    refuse_options("factorial", exact=exact or None, extend=None if extend == "zero" else extend)
    n = to_floating(n)
    found = np.where(n < 0, 0.0, special.gamma(np.where(n < 0, 0.0, n) + 1))
    return cast(found, np.float64) if aval_of(n).shape else found


@where_traced(special.comb)
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """The binomial coefficient on tracers, 0 unless ``0 <= k <= N``."""
    refuse_options("comb", exact=exact or None)
    n, k = np.broadcast_arrays(*operands([N, k]))
    if repetition:
        n = n + k - 1
    inside = (k <= n) & (n >= 0) & (k >= 0)
    return np.where(inside, special.binom(np.where(inside, n, 1.0), np.where(inside, k, 1.0)), 0.0)


@where_traced(special.sici)
def sici(x: Any) -> tuple[Any, Any]:
    """The sine and the cosine integral on tracers, of real numbers."""
    x = require_real(special.sici, x)
    return integrals.sine_integral(x), integrals.cosine_integral(x)


@where_traced(special.shichi)
def shichi(x: Any) -> tuple[Any, Any]:
    """The hyperbolic sine and cosine integral on tracers, of real numbers."""
    x = require_real(special.shichi, x)
    return integrals.hyperbolic_sine_integral(x), integrals.hyperbolic_cosine_integral(x)


@where_traced(special.fresnel)
def fresnel(z: Any) -> tuple[Any, Any]:
    """Fresnel's integrals S and C on tracers, of real numbers."""
    z = require_real(special.fresnel, z)
    return integrals.fresnel_sine(z), integrals.fresnel_cosine(z)


@where_traced(special.lambertw)
def lambertw(z: Any, k: int = 0, tol: float = 1e-8) -> Any:
    """Lambert's W on tracers: complex, as SciPy's is; a real one is ``lambertw(x).real``.

    ``k``, the branch, is a number.
    """
    if has_tracer(k):
        raise ArgumentError(
            "scipy.special.lambertw: the branch k is traced",
            "Give k as a number; under jit name it in static_argnames.",
        )
    return integrals.Lambertw(int(k), float(tol))(cast(operand(z), np.complex128))


@where_traced(special.perm)
def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """The number of ways to take ``k`` of ``N`` in order on tracers, 0 unless ``0 <= k <= N``."""
    refuse_options("perm", exact=exact or None)
    n, k = np.broadcast_arrays(*operands([N, k]))
    inside = (k <= n) & (n >= 0) & (k >= 0)
    return np.where(
        inside, special.poch(np.where(inside, n - k + 1, 1.0), np.where(inside, k, 1.0)), 0.0
    )


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))`` without overflow; derivative ``expit(x)``."""
    return -special.log_expit(-to_floating(x))


publish_all(globals())
