"""Floor 6: what makes a tracer behave as an array: operators, indexing, methods, NumPy's protocols.

Installed on `Tracer` at import; floor 2 knows nothing of NumPy's namespace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.trace import ScalarTracer, Tracer, apply
from ..ops import discrete, elementwise
from .promote import apply_ufunc

_ARRAYS = frozenset({np.ndarray, *[np.dtype(c).type for c in "?bBhHiIlLqQefdgFDG"]})
_TRACERS = frozenset({Tracer, ScalarTracer})


def _binary(primitive: Any, ufunc: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The operator and its reflection, with a short way where dtypes agree already."""
    same = primitive.name not in {"div"}

    def direct(x: Any, other: Any) -> bool | None:
        kind = type(other)
        dtype = x.aval.dtype
        if kind in _TRACERS:
            agrees = other.aval.dtype is dtype
        elif kind is float:
            agrees = dtype.kind in "fc"
        elif kind is int:
            return dtype.kind in "fc"
        elif kind in _ARRAYS:
            agrees = other.dtype is dtype
        elif kind is bool or kind is complex or isinstance(other, np.ndarray):
            agrees = False
        else:
            return None
        return agrees and (same or dtype.kind in "fc")

    def forward(self: Any, other: Any) -> Any:
        short = direct(self, other)
        if short:
            return apply(primitive, (self, other), None)
        if short is None:
            return NotImplemented
        return apply_ufunc(primitive, ufunc, (self, other), True)

    def reflected(self: Any, other: Any) -> Any:
        short = direct(self, other)
        if short:
            return apply(primitive, (other, self), None)
        if short is None:
            return NotImplemented
        return apply_ufunc(primitive, ufunc, (other, self), True)

    return forward, reflected


def install() -> None:
    """Install the operators on `Tracer`."""
    for name, primitive, ufunc in [
        ("add", elementwise.add, np.add),
        ("sub", elementwise.sub, np.subtract),
        ("mul", elementwise.mul, np.multiply),
        ("truediv", elementwise.div, np.true_divide),
    ]:
        forward, reflected = _binary(primitive, ufunc)
        setattr(Tracer, f"__{name}__", forward)
        setattr(Tracer, f"__r{name}__", reflected)
    for name, primitive, ufunc in [
        ("gt", discrete.greater, np.greater),
        ("lt", discrete.less, np.less),
        ("eq", discrete.equal, np.equal),
    ]:
        setattr(Tracer, f"__{name}__", _binary(primitive, ufunc)[0])


def _pow(self: Any, other: Any) -> Any:
    if type(other) is int and self.aval.inexact:
        return elementwise.IntegerPow(other)(self)
    return NotImplemented


def _neg(self: Any) -> Any:
    return elementwise.neg(self)


UFUNCS: dict[np.ufunc, Any] = {
    np.log: elementwise.log,
    np.exp: elementwise.exp,
    np.tanh: elementwise.tanh,
    np.sin: elementwise.sin,
    np.log1p: elementwise.log1p,
    np.multiply: elementwise.mul,
    np.add: elementwise.add,
    np.subtract: elementwise.sub,
}


def _array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    return apply_ufunc(UFUNCS[ufunc], ufunc, inputs, False)


install()
Tracer.__pow__ = _pow
Tracer.__neg__ = _neg
Tracer.__array_ufunc__ = _array_ufunc
Tracer.shape = property(lambda self: self.aval.shape)
Tracer.dtype = property(lambda self: self.aval.dtype)
