"""Floor 6: promotion. Operands as NumPy 2 would convert them (NEP 50), written as equations.

Primitives are strict: operands have one dtype. Here stands which dtype that is, by asking the ufunc
itself, and the conversions that bring the operands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.ir import Aval
from ..core.trace import Tracer, apply, aval_of
from ..ops.convert import Convert, convert

__all__ = ["apply_ufunc", "loop_dtypes", "promote_types", "strong"]

_PYTHON_TYPES = {"b": bool, "i": int, "u": int, "f": float, "c": complex}
_LOOPS: dict[Any, tuple[np.dtype[Any], ...]] = {}
_LOOPS_MOST = 4096


def loop_dtypes(ufunc: np.ufunc, avals: Sequence[Aval]) -> tuple[np.dtype[Any], ...]:
    """The input dtypes of the loop that ``ufunc`` runs for operands of these types.

    Raises:
        TypeError: NumPy's own, where it has no loop for them.
    """
    key = (ufunc, *[(a.dtype, a.weak) for a in avals])
    found = _LOOPS.get(key)
    if found is None:
        asked = [
            _PYTHON_TYPES[a.dtype.kind] if a.weak and a.dtype.kind != "b" else a.dtype
            for a in avals
        ]
        if all(isinstance(a, type) for a in asked):
            asked = [a.dtype for a in avals]
        if len(_LOOPS) >= _LOOPS_MOST:
            _LOOPS.clear()
        resolved = ufunc.resolve_dtypes((*asked, *(None,) * ufunc.nout))  # type: ignore[arg-type]
        found = _LOOPS[key] = resolved[: ufunc.nin]
    return found


def apply_ufunc(primitive: Any, ufunc: np.ufunc, args: Sequence[Any], python: bool) -> Any:
    """Bind ``primitive``, which computes ``ufunc``, to operands converted to one dtype.

    Args:
        primitive: Elementwise.
        ufunc: The ufunc whose promotion counts.
        args: Arrays, scalars and tracers.
        python: True for Python's operators, where weak operands give a weak result; False for the
            ufunc called by name, whose result is strong.
    """
    avals = [aval_of(a) for a in args]
    if python and all(a.weak for a in avals):
        return apply(primitive, _weak_operands(primitive, args, avals), None)
    dtypes = loop_dtypes(ufunc, avals)
    operands = []
    for a, aval, dtype in zip(args, avals, dtypes, strict=True):
        if aval.weak and not isinstance(a, Tracer):
            operands.append(dtype.type(a))
        elif aval.dtype != dtype or (aval.weak and primitive.weak and not python):
            operands.append(convert(a, dtype))
        else:
            operands.append(a)
    return apply(primitive, operands, None)


def _weak_operands(primitive: Any, args: Sequence[Any], avals: Sequence[Aval]) -> list[Any]:
    """Operands of Python's arithmetic on Python scalars, one of them traced."""
    order = "bifc"
    kind = max((a.dtype.kind for a in avals), key=order.index)
    if kind == "b" and not primitive.discrete:
        kind = "i"
    if primitive.name == "div" and kind == "i":
        kind = "f"
    scalar = _PYTHON_TYPES[kind]
    dtype = aval_of(scalar(0)).dtype
    return [
        (Convert(dtype, True)(a) if aval.dtype != dtype else a)
        if isinstance(a, Tracer)
        else scalar(a)
        for a, aval in zip(args, avals, strict=True)
    ]


def promote_types(*args: Any) -> np.dtype[Any]:
    """The dtype that NumPy gives several operands together, as `numpy.result_type`."""
    avals = [aval_of(a) for a in args]
    asked: list[Any] = [_PYTHON_TYPES[a.dtype.kind](0) if a.weak else a.dtype for a in avals]
    return np.result_type(*asked)


def strong(x: Any) -> Any:
    """``x`` as an array function sees it: a weak tracer becomes strong."""
    aval = aval_of(x)
    return convert(x, aval.dtype) if aval.weak else x
