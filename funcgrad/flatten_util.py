"""`jax.flatten_util` by its name: `ravel_pytree` is `funcgrad.tree.ravel`."""

from __future__ import annotations

from .core.lazy import attach as _attach

__getattr__, __dir__ = _attach(globals())
