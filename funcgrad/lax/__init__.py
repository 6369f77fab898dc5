"""`jax.lax` by its names: control flow, elementwise functions, reductions, slices, convolutions.

Most are functions of other modules under another name. Where JAX promotes no dtypes these do, as
NumPy; and an index out of bounds raises, where no mode is given.
"""

from __future__ import annotations

from ..core.lazy import attach as _attach

__getattr__, __dir__ = _attach(globals())
