"""The host tier: what JAX does not have runs as NumPy, by a callback.

A program with such an equation runs on any device that has callbacks, at the price of a round trip
for each, and cannot be exported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ..core.ir import Equation
from ..errors import MissingRuleError

__all__ = ["call_host"]


def call_host(replay: Any, eqn: Equation, operands: Sequence[Any]) -> Any:
    """The result of an equation, computed by the primitive's NumPy on the host.

    Raises:
        MissingRuleError: The host is refused.
    """
    primitive = eqn.primitive
    if replay.options.host == "refuse":
        where = f", at {replay.line}" if replay.line else ""
        raise MissingRuleError(
            f"{replay.options.what}: JAX has no operation for {primitive.name}{where}, and "
            'host="refuse" keeps it from the host',
            'Leave host="refuse" out, and it runs as NumPy by a callback; or compute it before '
            "and pass it as an argument.",
        )
    replay.host.add(primitive.name)
    avals = [v.aval for v in eqn.outputs]
    shapes = tuple([jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals])

    def call(*args: Any) -> tuple[np.ndarray[Any, Any], ...]:
        try:
            found = primitive.run(*[np.array(x)[()] for x in args])
        except Exception as error:
            replay.raised.append(error)
            raise
        results = found if primitive.multiple else (found,)
        return tuple([np.asarray(x, aval.dtype) for x, aval in zip(results, avals, strict=True)])

    found = jax.pure_callback(call, shapes, *operands, vmap_method="sequential")
    return found if primitive.multiple else found[0]
