"""SciPy's own search, for who computes the gradients himself."""

from __future__ import annotations

from typing import Any

from scipy.optimize import minimize as _minimize

__all__ = ["minimize"]


def minimize(*args: Any, **kwargs: Any) -> Any:
    """`scipy.optimize.minimize`, as it is."""
    return _minimize(*args, **kwargs)
