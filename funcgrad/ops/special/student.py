"""Student's distribution: its cumulative function, quantiles, and their derivatives by df."""

from __future__ import annotations

from typing import Any

from scipy import special

from ...core.primitive import primitive
from ..arithmetic import square, sub
from ..exponential import exp
from ..kernels import scipy as scipy_kernels
from ..kinds import Elementwise, add, div, mul, neg
from ..linear import make
from ..random import Polygamma, moment
from .base import Special, xlog1py, xlogy
from .gamma import _excess, betaln

__all__ = ["Stdtr", "Stdtrit", "StudentByDf", "StudentSlope", "stdtr", "stdtrit", "student_by_df"]


def _student_log_density(df: Any, t: Any) -> Any:
    """The logarithm of ``(1 + t**2/df)**(-(df+1)/2) / (sqrt(df) beta(df/2, 1/2))``."""
    half = mul(0.5, df)
    tail = xlog1py(add(half, 0.5), div(square(t), df))
    return neg(add(tail, add(betaln(half, 0.5), mul(0.5, xlogy(1.0, df)))))


def _student_density(df: Any, t: Any) -> Any:
    return exp(_student_log_density(df, t))


@primitive
class StudentSlope(Elementwise):
    """``G = sign(t) d^n I(a, 1/2; x) / da^n`` at ``a = df/2`` and ``x = df / (df + t**2)``.

    For ``t >= 0`` stdtr is ``1 - I / 2``. With the density ``f`` of Student's t and that of the
    beta distribution, ``p``: ``dG/ddf`` is half that of the next order and ``f t/df p^(n)/p``, and
    ``dG/dt = -2 f p^(n)/p``.
    """

    order: int
    numpy = scipy_kernels.student_slope

    @property
    def partials(self) -> Any:  # type: ignore[override]
        return (self._by_df, self._by_t)

    def _relative(self, df: Any, t: Any) -> Any:
        half = mul(0.5, df)
        over, a = add(half, 0.5), [make(Polygamma, k) for k in range(self.order)]
        kappa = [sub(k(over), k(half)) for k in a]
        kappa[0] = sub(kappa[0], xlog1py(1.0, div(square(t), df)))
        return moment(kappa, self.order)

    def _by_df(self, out: Any, df: Any, t: Any) -> Any:
        flow = div(mul(t, _student_density(df, t)), df)
        following = mul(0.5, make(StudentSlope, self.order + 1)(df, t))
        return add(following, mul(flow, self._relative(df, t)))

    def _by_t(self, out: Any, df: Any, t: Any) -> Any:
        return mul(-2.0, mul(_student_density(df, t), self._relative(df, t)))


def _student_growth(df: Any, t: Any) -> Any:
    """``d log(f) / d df`` of the density."""
    half, square_t = mul(0.5, df), square(t)
    whole = add(df, square_t)
    gammas = sub(_excess(add(half, 0.5), half), div(1.0, df))
    tail = sub(div(mul(add(df, 1.0), square_t), mul(df, whole)), xlog1py(1.0, div(square_t, df)))
    return mul(0.5, add(gammas, tail))


@primitive
class StudentByDf(Elementwise):
    """The derivative of stdtr by ``df``: ``-G/4 - t f / (2 df)``, see `StudentSlope`."""

    numpy = scipy_kernels.student_by_df
    partials = (
        lambda out, df, t: _student_twice(df, t),
        lambda out, df, t: mul(_student_density(df, t), _student_growth(df, t)),
    )


def _student_twice(df: Any, t: Any) -> Any:
    """The second derivative of stdtr by ``df``."""
    flow = div(mul(t, _student_density(df, t)), df)
    half = mul(0.5, df)
    first = sub(_excess(add(half, 0.5), half), xlog1py(1.0, div(square(t), df)))
    moved = add(mul(0.5, make(StudentSlope, 2)(df, t)), mul(flow, first))
    last = mul(mul(0.5, flow), sub(_student_growth(df, t), div(1.0, df)))
    return neg(add(mul(0.25, moved), last))


student_by_df = StudentByDf()


@primitive
class Stdtr(Special):
    """The cumulative distribution of Student's t; derivative its density."""

    numpy, singular, masks = special.stdtr, True, True
    partials = (
        lambda out, df, t: student_by_df(df, t),
        lambda out, df, t: exp(_student_log_density(df, t)),
    )


@primitive
class Stdtrit(Special):
    """The inverse of stdtr in its second argument."""

    numpy, singular, masks = special.stdtrit, True, True
    partials = (
        lambda out, df, p: neg(div(student_by_df(df, out), _student_density(df, out))),
        lambda out, df, p: exp(neg(_student_log_density(df, out))),
    )


stdtr, stdtrit = Stdtr(), Stdtrit()
