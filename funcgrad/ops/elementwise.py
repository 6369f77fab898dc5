"""Floor 3: arithmetic, exponentials, logarithms, trigonometry: the differentiable ufuncs."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..core.ir import Aval
from ..core.primitive import primitive
from . import kernels
from .kinds import Elementwise, Over, add, div, mask_mul, mul, neg

__all__ = ["add", "div", "exp", "log", "mask_mul", "mul", "neg", "sub"]


@primitive
class Sub(Elementwise):
    """``x - y``."""

    numpy, symbol, weak, saves = np.subtract, "-", True, False
    run = staticmethod(operator.sub)
    partials = (1, -1)


@primitive
class IntegerPow(Elementwise):
    """``x ** exponent`` for a Python integer; derivative ``exponent * x ** (exponent - 1)``."""

    exponent: int
    numpy = "{0} ** {exponent}"
    weak = True
    partials = (lambda out, x: None,)

    def run(self, x: Any) -> Any:
        return kernels.power(x, self.exponent)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        n = self.exponent
        if n == 2:
            self.partials = (lambda out, x: add(x, x),)
        elif n == 1:
            self.partials = (1,)
        elif n == 0:
            self.partials = (None,)
        else:
            self.partials = (lambda out, x: mul(float(n), IntegerPow(n - 1)(x)),)


@primitive
class Exp(Elementwise):
    """``exp(x)``; derivative the result itself."""

    numpy = np.exp
    partials = (lambda out, x: out,)


@primitive
class Log(Elementwise):
    """``log(x)``; derivative ``1/x``, infinite at 0."""

    numpy, singular, masks = np.log, True, True
    partials = (Over(lambda out, x: x),)


@primitive
class Log1p(Elementwise):
    """``log(1 + x)``; derivative ``1/(1 + x)``, infinite at -1."""

    numpy, singular, masks = np.log1p, True, True
    partials = (Over(lambda out, x: add(x, 1.0)),)


@primitive
class Sin(Elementwise):
    """``sin(x)``; derivative ``cos(x)``."""

    numpy = np.sin
    partials = (lambda out, x: cos(x),)


@primitive
class Cos(Elementwise):
    """``cos(x)``; derivative ``-sin(x)``."""

    numpy = np.cos
    partials = (lambda out, x: neg(sin(x)),)


@primitive
class Tanh(Elementwise):
    """``tanh(x)``; derivative ``1 - tanh(x)**2``."""

    numpy = np.tanh
    partials = (lambda out, x: sub(1.0, mul(out, out)),)


@primitive
class Sqrt(Elementwise):
    """``sqrt(x)``; derivative ``1/(2 sqrt(x))``, infinite at 0."""

    numpy, singular, masks = np.sqrt, True, True
    partials = (lambda out, x: div(0.5, out),)


sub, exp, log, log1p, sin, cos, tanh, sqrt = (
    Sub(),
    Exp(),
    Log(),
    Log1p(),
    Sin(),
    Cos(),
    Tanh(),
    Sqrt(),
)
