"""`np` as templates see it: JAX's, and the ufuncs under NumPy's and SciPy's names.

A name that matches is not a function that matches: `jax.scipy.special.hyp2f1` gives 1e82 in the
derivative of spence. So a function of SciPy's is one of `SPECIAL`, which the tests compare value by
value, or it runs on the host. (Of those that are not: `beta` and `betaln` have 7 digits in double
precision, `exp1` and `expi` do not return at some points, `poch` gives nan for inf.)
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np

__all__ = ["NAMESPACE", "SPECIAL", "ufunc_named"]


class _Ufunc:
    """A ufunc with its reduction."""

    def __init__(self, function: Any, reduce: Callable[..., Any]) -> None:
        self._function, self.reduce = function, reduce

    def __call__(self, *operands: Any) -> Any:
        return self._function(*operands)


class _Namespace(SimpleNamespace):
    """What is set, and else `jax.numpy`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)


NAMESPACE = _Namespace(
    add=_Ufunc(jnp.add, lambda x, axis: jnp.sum(x, axis=axis, dtype=x.dtype)),
    multiply=_Ufunc(jnp.multiply, lambda x, axis: jnp.prod(x, axis=axis, dtype=x.dtype)),
    maximum=_Ufunc(jnp.maximum, lambda x, axis: jnp.max(x, axis=axis)),
    minimum=_Ufunc(jnp.minimum, lambda x, axis: jnp.min(x, axis=axis)),
    logical_and=_Ufunc(jnp.logical_and, lambda x, axis: jnp.all(x, axis=axis)),
    logical_or=_Ufunc(jnp.logical_or, lambda x, axis: jnp.any(x, axis=axis)),
)
"""`jax.numpy`, and the reductions of ufuncs."""


def _or_one(x: Any) -> Any:
    """What to divide by: 1 in the place of 0."""
    return jnp.where(x == 0, jnp.ones((), x.dtype), x)


SPECIAL: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(special, name)
        for name in (
            "betainc",
            "dawsn",
            "entr",
            "erf",
            "erfc",
            "erfinv",
            "expit",
            "gamma",
            "gammainc",
            "gammaincc",
            "gammaln",
            "gammasgn",
            "i0",
            "i0e",
            "i1",
            "i1e",
            "kl_div",
            "logit",
            "ndtr",
            "ndtri",
            "rel_entr",
            "spence",
            "xlog1py",
            "xlogy",
        )
    },
    # JAX's own loses all digits in the right tail.
    "log_ndtr": lambda x: jnp.where(x > 1, jnp.log1p(-special.ndtr(-x)), special.log_ndtr(x)),
    "psi": lambda x: jnp.where(x == 0, -jnp.copysign(jnp.inf, x), special.digamma(x)),
    "log_expit": jax.nn.log_sigmoid,
    "exp10": lambda x: jnp.power(jnp.asarray(10, x.dtype), x),
    "huber": lambda d, r: jnp.where(
        d < 0,
        jnp.inf,
        jnp.where(jnp.abs(r) <= d, 0.5 * r * r, d * (jnp.abs(r) - 0.5 * d)),
    ).astype(jnp.result_type(d, r)),
    "pseudo_huber": lambda d, r: jnp.where(
        d < 0,
        jnp.inf,
        jnp.where(d == 0, 0, r * r / (1 + jnp.hypot(jnp.ones((), r.dtype), r / _or_one(d)))),
    ).astype(jnp.result_type(d, r)),
}
"""SciPy's real functions that JAX has, proved by the tests; by SciPy's names."""


def ufunc_named(name: str, dtype: np.dtype[Any]) -> Callable[..., Any] | None:
    """The function for operands of ``dtype``, None where there is none that is right."""
    found = SPECIAL.get(name)
    if found is not None:
        return found if dtype.kind == "f" else None
    return getattr(jnp, name, None)
