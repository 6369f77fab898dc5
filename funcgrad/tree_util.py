"""`jax.tree_util` by its names: the functions of `funcgrad.tree` with ``tree_`` before them."""

from __future__ import annotations

from .core.lazy import attach as _attach

__getattr__, __dir__ = _attach(globals())
