"""The ufuncs of `scipy.special` on tracers.

NumPy's protocol for ufuncs (NEP 13) brings them here as it brings NumPy's. This room loads where a
traced value first meets one of them, which means that SciPy is there. It is none of
`funcgrad.numpy`'s; by name the functions stand in `funcgrad.scipy.special`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.trace import apply
from ..ops.special import base as special
from ..ops.special import bessel as special_bessel
from ..ops.special import elliptic as special_more
from ..ops.special import gamma as special_gamma
from ..ops.special import integrals as special_integrals
from .promote import promoted_for
from .ufuncs import HANDLERS

__all__: list[str] = []


def _handler(ufunc: np.ufunc, primitive: special.Special) -> Callable[..., Any]:
    def handler(*args: Any, **options: Any) -> Any:
        return apply(primitive, promoted_for(ufunc, args, **options), None)

    return handler


for _room in (special, special_gamma, special_bessel, special_more):
    for _found in vars(_room).values():
        if isinstance(_found, special.Special):
            HANDLERS[_found.ufunc] = _handler(_found.ufunc, _found)


def _pair(ufunc: np.ufunc, primitives: Sequence[Any]) -> Callable[..., Any]:
    def handler(*args: Any, **options: Any) -> Any:
        operands = promoted_for(ufunc, args, **options)
        return tuple([apply(primitive, operands, None) for primitive in primitives])

    return handler


for _ufunc, _parts in special_integrals.PAIRS.items():
    HANDLERS[_ufunc] = _pair(_ufunc, _parts)
