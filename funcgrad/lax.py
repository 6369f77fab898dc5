"""Control flow, dynamic slices and convolutions as JAX's users know them, by name."""

from __future__ import annotations

from .core.lazy import attach as _attach

__getattr__, __dir__ = _attach(globals())
