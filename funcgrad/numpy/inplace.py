"""``h += b`` and its like on tracers, and which of NumPy's functions return views.

An operator in place keeps the shape and the dtype of its left operand, as NumPy's does, and binds
the name on its left to a new value. In NumPy the other names of the array, its views and what it is
a view of would change too; here they raise when they are used (`funcgrad.core.overwritten`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..core.overwritten import overwrite, part, share
from ..core.refusal import user_source_info
from ..core.trace import ScalarTracer, Tracer, aval_of
from ..errors import DtypeError, ShapeError, trim
from ..ops.convert import Convert, convert

__all__ = ["copy_tracer", "install_in_place", "views"]

P = ParamSpec("P")
R = TypeVar("R")

_OPERATORS = {
    "add": "+=",
    "sub": "-=",
    "mul": "*=",
    "truediv": "/=",
    "floordiv": "//=",
    "mod": "%=",
    "pow": "**=",
    "matmul": "@=",
    "and": "&=",
    "or": "|=",
    "xor": "^=",
    "lshift": "<<=",
    "rshift": ">>=",
}


def copy_tracer(x: Any) -> Any:
    """``x`` under a new name: what happens to one in place leaves the other as it is."""
    return Convert(x.aval.dtype, False)(x) if type(x) is Tracer else x


def views(counterpart: Callable[P, R]) -> Callable[P, R]:
    """Declare the counterpart of a NumPy function that returns a view, or several.

    Views of several arguments are as many as the arguments.
    """

    @functools.wraps(counterpart)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        out = counterpart(*args, **kwargs)
        if args and type(args[0]) is Tracer and type(out) is Tracer:
            share(args[0], out)
            return out
        sources = [a for a in (*args, *kwargs.values()) if type(a) is Tracer]
        if type(out) is list or type(out) is tuple:
            if len(sources) == 1:
                sizes = [aval_of(view).size for view in out]
                if sum(sizes) == aval_of(sources[0]).size:
                    part(sources[0], out)
                    return out
            each = args if len(args) == len(out) else sources[:1] * len(out)
            for source, view in zip(each, out, strict=False):
                share(source, view)
        elif sources:
            share(sources[0], out)
        return out

    return call


def _in_place(name: str, symbol: str) -> Callable[[Any, Any], Any]:
    operator = getattr(Tracer, f"__{name}__")

    def method(self: Any, other: Any) -> Any:
        try:
            out = operator(self, other)
            if out is NotImplemented:
                return out
            if type(out) is not Tracer or out.aval is not self.aval:
                out = _as_left(self, out, symbol)
            overwrite(self, symbol, out.source_info if type(out) is Tracer else user_source_info())
            return out
        except Exception as error:
            trim(error)
            raise

    return method


def _as_left(x: Any, out: Any, symbol: str) -> Any:
    """The result of ``x symbol y`` as ``x`` can hold it.

    Raises:
        ShapeError: It has another shape.
        DtypeError: It has a dtype that is not cast to that of ``x`` without being asked.
    """
    own, found = x.aval, aval_of(out)
    instead = f"Write x = x {symbol[:-1]} y, which makes a new array."
    if found.shape != own.shape:
        raise ShapeError(f"x {symbol} y: the result, {found}, does not fit into x, {own}", instead)
    if not np.can_cast(found.dtype, own.dtype, "same_kind"):
        raise DtypeError(f"x {symbol} y: the result, {found}, is not cast into x, {own}", instead)
    return convert(out, own.dtype)


def install_in_place() -> None:
    """Give `Tracer` the operators; a scalar's name is bound anew, as NumPy's scalars are."""
    for name, symbol in _OPERATORS.items():
        setattr(Tracer, f"__i{name}__", _in_place(name, symbol))
        setattr(ScalarTracer, f"__i{name}__", getattr(Tracer, f"__{name}__"))
