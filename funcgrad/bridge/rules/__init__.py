"""How each family of primitives is evaluated with JAX; importing it declares all rules."""

from . import (
    arithmetic,
    batched,
    control,
    elementwise,
    index,
    linalg,
    norms,
    random,
    residuals,
    shapes,
    windows,
)

__all__ = [
    "arithmetic",
    "batched",
    "control",
    "elementwise",
    "index",
    "linalg",
    "norms",
    "random",
    "residuals",
    "shapes",
    "windows",
]
