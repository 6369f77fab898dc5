"""The ufuncs of `scipy.special` on tracers.

NumPy's protocol for ufuncs (NEP 13) brings them here as it brings NumPy's. This module loads where
a traced value first meets one of them, which means that SciPy is there. It is none of
`funcgrad.numpy`'s; by name the functions stand in `funcgrad.scipy.special`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.trace import apply
from ..ops.special import base, bessel, elliptic, gamma, integrals, student
from .promote import promoted_for
from .ufuncs import HANDLERS

__all__: list[str] = []


def _handler(ufunc: np.ufunc, primitive: base.Special) -> Callable[..., Any]:
    def handler(*args: Any, **options: Any) -> Any:
        return apply(primitive, promoted_for(ufunc, args, **options), None)

    return handler


for _module in (base, gamma, student, bessel, elliptic):
    for _found in vars(_module).values():
        if isinstance(_found, base.Special):
            HANDLERS[_found.ufunc] = _handler(_found.ufunc, _found)


def _pair(ufunc: np.ufunc, primitives: Sequence[Any]) -> Callable[..., Any]:
    def handler(*args: Any, **options: Any) -> Any:
        operands = promoted_for(ufunc, args, **options)
        return tuple([apply(primitive, operands, None) for primitive in primitives])

    return handler


for _ufunc, _parts in integrals.PAIRS.items():
    HANDLERS[_ufunc] = _pair(_ufunc, _parts)
