"""Promotion. Operands as NumPy 2 would convert them (NEP 50), written as equations.

Primitives are strict: operands have one dtype. Here stands which dtype that is, by asking the ufunc
itself, and the conversions that bring the operands there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval
from ..core.trace import Tracer, apply, aval_of
from ..errors import DtypeError
from ..ops.convert import Convert, convert
from ..ops.discrete import BitwiseAnd, BitwiseOr, BitwiseXor, Comparison
from .dispatch import name_of

__all__ = ["apply_ufunc", "comparable", "loop_dtypes", "promote_types", "promoted_for", "strong"]

_PYTHON_TYPES: dict[str, Any] = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
_LOOPS: dict[Any, tuple[np.dtype[Any], ...]] = {}
_LOOPS_MOST = 4096


def loop_dtypes(
    ufunc: np.ufunc, avals: Sequence[Aval], dtype: Any = None, casting: str = "same_kind"
) -> tuple[np.dtype[Any], ...]:
    """The input dtypes of the loop that ``ufunc`` runs for operands of these types.

    Args:
        ufunc: The ufunc.
        avals: The types of its operands.
        dtype: The ufunc's argument of the name.
        casting: The ufunc's argument of the name.

    Raises:
        DtypeError: NumPy has no loop for them.
    """
    if dtype is not None:
        dtype = np.dtype(dtype)
    key = (ufunc, dtype, casting, *[(a.dtype, a.weak) for a in avals])
    found = _LOOPS.get(key)
    if found is None:
        asked = [
            _PYTHON_TYPES[a.dtype.kind] if a.weak and a.dtype.kind != "b" else a.dtype
            for a in avals
        ]
        if all(isinstance(a, type) for a in asked):
            asked = [a.dtype for a in avals]
        signed: dict[str, Any] = {}
        if dtype is not None:
            signed["signature"] = (*(None,) * ufunc.nin, *(dtype,) * ufunc.nout)
        if len(_LOOPS) >= _LOOPS_MOST:
            _LOOPS.clear()
        try:
            resolved = ufunc.resolve_dtypes(
                (*asked, *(None,) * ufunc.nout),  # type: ignore[arg-type]
                casting=casting,  # type: ignore[arg-type]
                **signed,
            )
        except TypeError as error:
            as_dtype = "" if dtype is None else f" with dtype={dtype}"
            raise DtypeError(
                f"{name_of(ufunc)} does not take {', '.join(map(str, avals))}{as_dtype}",
                "Convert the operands, as in x.astype(float) or x > 0.",
            ) from error
        found = _LOOPS[key] = resolved[: ufunc.nin]
    return found


def promoted_for(
    ufunc: np.ufunc, args: Sequence[Any], dtype: Any = None, casting: str = "same_kind"
) -> list[Any]:
    """Operands as the loop that ``ufunc`` runs for them takes them; none is weak."""
    avals = [aval_of(a) for a in args]
    found: list[Any] = []
    for a, aval, to in zip(args, avals, loop_dtypes(ufunc, avals, dtype, casting), strict=True):
        if aval.weak and not isinstance(a, Tracer):
            found.append(to.type(a))
        else:
            found.append(convert(a, to))
    return found


def apply_ufunc(primitive: Any, ufunc: np.ufunc, args: Sequence[Any]) -> Any:
    """Bind ``primitive``, which a Python operator stands for, to operands that it promotes.

    Args:
        primitive: Elementwise. Weak operands give a weak result, as Python's numbers give Python's.
        ufunc: The ufunc whose promotion counts where an operand is not weak.
        args: Arrays, scalars and tracers.
    """
    avals = [aval_of(a) for a in args]
    if all(a.weak for a in avals):
        return apply(primitive, _weak_operands(primitive, ufunc, args, avals), None)
    if isinstance(primitive, Comparison):
        args = comparable(args)
        avals = [aval_of(a) for a in args]
    operands: list[Any] = []
    for a, aval, dtype in zip(args, avals, loop_dtypes(ufunc, avals), strict=True):
        if aval.weak and not isinstance(a, Tracer):
            operands.append(dtype.type(a))
        else:
            operands.append(convert(a, dtype) if aval.dtype != dtype else a)
    return apply(primitive, operands, None)


def comparable(args: Sequence[Any]) -> list[Any]:
    """Operands of a comparison, where Python integers need not fit the other operand's dtype.

    One that does not fit, or may not as it is traced, is taken as an int64; one beyond that as an
    infinity, which compares with every integer as it does.
    """
    kinds = [aval_of(a).dtype for a in args if not aval_of(a).weak]
    if not kinds or kinds[0].kind not in "iu":
        return list(args)
    limits = np.iinfo(kinds[0])
    return [_fit(a, limits) if aval_of(a).weak else a for a in args]


def _fit(x: Any, limits: Any) -> Any:
    if isinstance(x, Tracer):
        return strong(x)
    if type(x) is not int or limits.min <= x <= limits.max:
        return x
    return np.int64(x) if -(2**63) <= x < 2**63 else np.float64(math.copysign(math.inf, x))


def _weak_operands(
    primitive: Any, ufunc: np.ufunc, args: Sequence[Any], avals: Sequence[Aval]
) -> list[Any]:
    """Operands of Python's arithmetic on Python scalars, one of them traced."""
    kind = max((a.dtype.kind for a in avals), key="bifc".index)
    if kind == "b" and not isinstance(primitive, _KEEP_BOOL):
        kind = "i"
    if primitive.name == "div" and kind == "i":
        kind = "f"
    scalar = _PYTHON_TYPES[kind]
    wanted = aval_of(scalar(0))
    loop_dtypes(ufunc, [wanted] * len(args))
    return [
        (Convert(wanted.dtype, True)(a) if aval.dtype != wanted.dtype else a)
        if isinstance(a, Tracer)
        else scalar(a)
        for a, aval in zip(args, avals, strict=True)
    ]


_KEEP_BOOL = (BitwiseAnd, BitwiseOr, BitwiseXor, Comparison)


def promote_types(*args: Any) -> np.dtype[Any]:
    """The dtype that NumPy gives several operands together, as `numpy.result_type`."""
    avals = [aval_of(a) for a in args]
    asked: list[Any] = [_PYTHON_TYPES[a.dtype.kind](0) if a.weak else a.dtype for a in avals]
    return np.result_type(*asked)


def strong(x: Any) -> Any:
    """``x`` as an array function sees it: a weak tracer becomes strong."""
    aval = aval_of(x)
    return convert(x, aval.dtype) if aval.weak else x
