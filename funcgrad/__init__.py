"""Functional transformations of NumPy programs: differentiate, vectorise, compile.

The public names, re-exported; no logic. What start-up can do without (`jit`, `nn`, `optim`,
`testing`) loads when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import errors as errors
from . import numpy as numpy
from . import tree as tree
from .api import (
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    make_jaxpr,
    stop_gradient,
    value_and_grad,
    vjp,
    vmap,
)
from .core.ir import Jaxpr, check

if TYPE_CHECKING:
    from . import nn as nn
    from . import optim as optim
    from . import testing as testing
    from .compile.jit import jit

__version__ = "0.1.0"

__all__ = [
    "Jaxpr",
    "check",
    "errors",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "linearize",
    "make_jaxpr",
    "nn",
    "numpy",
    "optim",
    "stop_gradient",
    "testing",
    "tree",
    "value_and_grad",
    "vjp",
    "vmap",
]

_LAZY = {"nn": None, "optim": None, "testing": None, "jit": "compile.jit"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'funcgrad' has no attribute {name!r}")
    home = _LAZY[name]
    module = importlib.import_module(f".{home or name}", __name__)
    value = module if home is None else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
