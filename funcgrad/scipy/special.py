"""`scipy.special` on tracers.

``scipy.special.erf(x)`` reaches the counterpart here through NumPy's protocol for ufuncs (NEP 13),
``funcgrad.scipy.special.erf(x)`` too, and takes lists with tracers in them. SciPy's functions that
are no ufuncs (`logsumexp`, `polygamma`, ...) cannot see tracers: take those from here. Every
function here calls SciPy's own where nothing is traced. Derivatives and their sources stand at the
primitives (`funcgrad.ops.special`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..api.program import stop_gradient
from ..core.trace import aval_of
from ..errors import ArgumentError, MissingExtraError, publish_all
from ..numpy.arguments import cast, operand, operands
from ..numpy.dispatch import has_tracer
from ..numpy.modules import load
from ..numpy.ufuncs import public_ufunc

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

P = ParamSpec("P")
R = TypeVar("R")


def _function(ufunc: np.ufunc) -> Callable[..., Any]:
    """The function of a ufunc's name."""
    function = public_ufunc(ufunc)
    function.__module__ = __name__
    return function


def _where_traced(genuine: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The decorated function where a tracer is among the arguments, SciPy's ``genuine`` elsewhere.

    The counterpart has SciPy's parameters under SciPy's names.
    """

    def decorate(counterpart: Callable[P, R]) -> Callable[P, R]:
        def public(*args: Any, **kwargs: Any) -> Any:
            traced = any(has_tracer(a) for a in args) or any(map(has_tracer, kwargs.values()))
            return (counterpart if traced else genuine)(*args, **kwargs)

        public.__name__ = public.__qualname__ = counterpart.__name__
        public.__module__ = __name__
        public.__doc__ = f"{counterpart.__doc__}\n\n{genuine.__doc__}"
        public.__wrapped__ = genuine  # type: ignore[attr-defined]
        return public

    return decorate


erf = _function(special.erf)
erfc = _function(special.erfc)
erfcx = _function(special.erfcx)
erfi = _function(special.erfi)
erfinv = _function(special.erfinv)
erfcinv = _function(special.erfcinv)
ndtr = _function(special.ndtr)
log_ndtr = _function(special.log_ndtr)
ndtri = _function(special.ndtri)
ndtri_exp = _function(special.ndtri_exp)
expit = _function(special.expit)
log_expit = _function(special.log_expit)
logit = _function(special.logit)
xlogy = _function(special.xlogy)
xlog1py = _function(special.xlog1py)
entr = _function(special.entr)
rel_entr = _function(special.rel_entr)
kl_div = _function(special.kl_div)
exp1 = _function(special.exp1)
expi = _function(special.expi)
gammasgn = _function(special.gammasgn)

gamma = _function(special.gamma)
gammaln = _function(special.gammaln)
loggamma = _function(special.loggamma)
digamma = _function(special.digamma)
beta = _function(special.beta)
betaln = _function(special.betaln)
binom = _function(special.binom)
poch = _function(special.poch)
gammainc = _function(special.gammainc)
gammaincc = _function(special.gammaincc)
gammaincinv = _function(special.gammaincinv)
gammainccinv = _function(special.gammainccinv)
betainc = _function(special.betainc)
betaincc = _function(special.betaincc)
betaincinv = _function(special.betaincinv)
stdtr = _function(special.stdtr)
stdtrit = _function(special.stdtrit)

j0 = _function(special.j0)
j1 = _function(special.j1)
jv = _function(special.jv)
y0 = _function(special.y0)
y1 = _function(special.y1)
yv = _function(special.yv)
yn = _function(special.yn)
i0 = _function(special.i0)
i1 = _function(special.i1)
iv = _function(special.iv)
i0e = _function(special.i0e)
i1e = _function(special.i1e)
ive = _function(special.ive)
k0 = _function(special.k0)
k1 = _function(special.k1)
kv = _function(special.kv)
k0e = _function(special.k0e)
k1e = _function(special.k1e)
kve = _function(special.kve)

boxcox = _function(special.boxcox)
boxcox1p = _function(special.boxcox1p)
cbrt = _function(special.cbrt)
cosm1 = _function(special.cosm1)
dawsn = _function(special.dawsn)
ellipe = _function(special.ellipe)
ellipk = _function(special.ellipk)
ellipkm1 = _function(special.ellipkm1)
exp2 = _function(special.exp2)
exp10 = _function(special.exp10)
expm1 = _function(special.expm1)
exprel = _function(special.exprel)
huber = _function(special.huber)
hyp0f1 = _function(special.hyp0f1)
hyp1f1 = _function(special.hyp1f1)
hyp2f1 = _function(special.hyp2f1)
inv_boxcox = _function(special.inv_boxcox)
inv_boxcox1p = _function(special.inv_boxcox1p)
log1p = _function(special.log1p)
modstruve = _function(special.modstruve)
owens_t = _function(special.owens_t)
powm1 = _function(special.powm1)
pseudo_huber = _function(special.pseudo_huber)
rgamma = _function(special.rgamma)
spence = _function(special.spence)
struve = _function(special.struve)
wofz = _function(special.wofz)
wrightomega = _function(special.wrightomega)

jn, psi = jv, digamma
_ZETA: np.ufunc = gammas.zeta.ufunc


@_where_traced(special.zeta)
def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    """Hurwitz's zeta function on tracers; Riemann's, which ``q=None`` means, is ``q=1``.

    It is differentiable in ``q``; ``x`` is held constant, 1 or more.
    """
    _refuse("zeta", out=out)
    if q is None:
        return _ZETA(_as_taken_by(special._ufuncs._riemann_zeta, x), 1.0)
    return _ZETA(*[v if isinstance(v, (int, float)) else operand(v) for v in (x, q)])


def _as_taken_by(ufunc: np.ufunc, x: Any) -> Any:
    """``x`` in the dtype of the loop that a ufunc of one operand runs for it."""
    x = operand(x)
    return cast(x, ufunc.resolve_dtypes((aval_of(x).dtype, *[None] * ufunc.nout))[0])


@_where_traced(special.polygamma)
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


@_where_traced(special.multigammaln)  # type: ignore[attr-defined]
def multigammaln(a: Any, d: int) -> Any:
    """The logarithm of the gamma function of dimension ``d`` on tracers, a float64 as SciPy's."""
    a = operand(a)
    total = np.float64(d * (d - 1) * 0.25 * math.log(math.pi))
    return total + sum([special.gammaln(a - 0.5 * j) for j in range(1, d)], special.gammaln(a))


@_where_traced(special.logsumexp)
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

    if b is None and not return_sign and not _is_complex(a):
        return stable(_floating(a), axis, keepdims)
    a, weights = operands([_floating(a), 1.0 if b is None else b], weak=True)
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


@_where_traced(special.softmax)
def softmax(x: Any, axis: Any = None) -> Any:
    """``exp(x) / sum(exp(x))`` on tracers, without overflow."""
    from ..nn.categorical import softmax as stable

    return stable(_as_taken_by(np.exp, x), axis)


@_where_traced(special.log_softmax)
def log_softmax(x: Any, axis: Any = None) -> Any:
    """The logarithm of `softmax` on tracers, without its underflow."""
    from ..nn.categorical import log_softmax as stable

    return stable(_as_taken_by(np.exp, x), axis)


@_where_traced(special.factorial)
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """``gamma(n + 1)`` on tracers, 0 where ``n`` is negative; of arrays a float64, as SciPy's."""
    _refuse("factorial", exact=exact or None, extend=None if extend == "zero" else extend)
    n = _floating(n)
    found = np.where(n < 0, 0.0, special.gamma(np.where(n < 0, 0.0, n) + 1))
    return cast(found, np.float64) if aval_of(n).shape else found


@_where_traced(special.comb)
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """The binomial coefficient on tracers, 0 unless ``0 <= k <= N``."""
    _refuse("comb", exact=exact or None)
    n, k = np.broadcast_arrays(*operands([N, k]))
    if repetition:
        n = n + k - 1
    inside = (k <= n) & (n >= 0) & (k >= 0)
    return np.where(inside, special.binom(np.where(inside, n, 1.0), np.where(inside, k, 1.0)), 0.0)


def _real(ufunc: np.ufunc, x: Any) -> Any:
    """``x``, real, in the dtype of the loop that ``ufunc`` runs for it."""
    x = _as_taken_by(ufunc, x)
    if aval_of(x).dtype.kind == "c":
        raise ArgumentError(
            f"scipy.special.{ufunc.__name__}: a traced complex argument, {aval_of(x)}",
            "Give a real one.",
        )
    return x


@_where_traced(special.sici)
def sici(x: Any) -> tuple[Any, Any]:
    """The sine and the cosine integral on tracers, of real numbers."""
    x = _real(special.sici, x)
    return integrals.sine_integral(x), integrals.cosine_integral(x)


@_where_traced(special.shichi)
def shichi(x: Any) -> tuple[Any, Any]:
    """The hyperbolic sine and cosine integral on tracers, of real numbers."""
    x = _real(special.shichi, x)
    return integrals.hyperbolic_sine_integral(x), integrals.hyperbolic_cosine_integral(x)


@_where_traced(special.fresnel)
def fresnel(z: Any) -> tuple[Any, Any]:
    """Fresnel's integrals S and C on tracers, of real numbers."""
    z = _real(special.fresnel, z)
    return integrals.fresnel_sine(z), integrals.fresnel_cosine(z)


@_where_traced(special.lambertw)
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


@_where_traced(special.perm)
def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """The number of ways to take ``k`` of ``N`` in order on tracers, 0 unless ``0 <= k <= N``."""
    _refuse("perm", exact=exact or None)
    n, k = np.broadcast_arrays(*operands([N, k]))
    inside = (k <= n) & (n >= 0) & (k >= 0)
    return np.where(
        inside, special.poch(np.where(inside, n - k + 1, 1.0), np.where(inside, k, 1.0)), 0.0
    )


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))`` without overflow; derivative ``expit(x)``."""
    return -special.log_expit(-_floating(x))


def _is_complex(x: Any) -> bool:
    return aval_of(operand(x)).dtype.kind == "c"


def _floating(x: Any) -> Any:
    """``x`` as an array or tracer of floating dtype; integers become float64."""
    x = operand(x)
    dtype = aval_of(x).dtype
    return x if dtype.kind in "fc" else cast(x, np.float64)


def _refuse(name: str, **given: Any) -> None:
    """Raise where a parameter that a counterpart does not take was given."""
    for parameter, value in given.items():
        if value is not None:
            raise ArgumentError(
                f"scipy.special.{name}: {parameter}={value!r} cannot be used with a traced value",
                f"Leave {parameter}= away.",
            )


publish_all(globals())
