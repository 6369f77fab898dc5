"""Functional transformations of NumPy programs: differentiate, vectorise, compile.

The public names, re-exported; no logic. All but `numpy`, which gives traced values their operators,
loads when first asked for.
"""

from __future__ import annotations

from . import numpy as numpy
from .core.lazy import attach as _attach

__version__ = "0.1.0"

__getattr__, __dir__ = _attach(globals())
