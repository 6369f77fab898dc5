"""What networks are made of, as functions: layers, activations, losses, initialisers.

They have no state: parameters, running statistics and keys are arguments, and what changes is
returned. Arrays and tracers take one path. Everything keeps the dtype of its input (float32 in,
float32 out; integers and booleans become float64, as NumPy's own functions make them). Activations
and losses are stable for inputs far outside the range of ``exp``: value and gradient are right at
+-1000 and raise no warning.
"""

from __future__ import annotations

from ..core.lazy import attach as _attach

__getattr__, __dir__ = _attach(globals())
