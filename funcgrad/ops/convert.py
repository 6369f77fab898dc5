"""Conversion between dtypes, an equation of its own in every program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval, make_aval
from ..core.primitive import primitive
from ..core.trace import aval_of
from ..errors import IntegerOverflowError
from .kernels import elementwise as kernels
from .linear import Linear

__all__ = ["Convert", "convert", "too_large"]


def too_large(what: str, where: str | None = None) -> IntegerOverflowError:
    """The error for a Python integer beyond int64, of which NumPy makes a uint64 or an object."""
    return IntegerOverflowError(
        f"{what}: got a Python integer outside the range of int64, as which it is traced",
        "Pass numpy.uint64(n) or float(n), or make the argument static (static_argnames).",
        where=where,
    )


@primitive
class Convert(Linear):
    """``x`` as ``dtype``; no derivative passes to or from integers and booleans.

    Weak for conversions between Python scalars: then the result is a Python scalar.
    """

    dtype: np.dtype[Any]
    weak: bool
    numpy = kernels.convert

    @property
    def discrete(self) -> bool:
        return self.dtype.kind not in "fc"

    def source(self, *operands: str) -> str:
        return f"convert({operands[0]}, np.{self.dtype.name}, {self.weak})"

    def aval(self, x: Aval) -> Aval:
        return make_aval(x.shape, self.dtype, self.weak)

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (t,) = tangents
        return None if t is None or self.discrete else self(t)

    def transpose(self, ct: Any, x: Any) -> Any:
        aval = aval_of(x)
        return convert(ct, aval.dtype) if aval.inexact else None

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


def convert(x: Any, dtype: np.dtype[Any]) -> Any:
    """`Convert`, or ``x`` itself where it has the dtype (and is strong)."""
    aval = aval_of(x)
    return x if aval.dtype == dtype and not aval.weak else Convert(dtype, False)(x)
