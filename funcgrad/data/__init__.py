"""Data for training: batches of arrays and data sets."""

from __future__ import annotations

from ..core.lazy import attach as _attach

__getattr__, __dir__ = _attach(globals())
