"""Functional transformations of NumPy programs: differentiate, vectorise, compile.

The public names, re-exported; no logic. All but `numpy`, which gives traced values their operators,
loads when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import numpy as numpy

if TYPE_CHECKING:
    from . import errors as errors
    from . import lax as lax
    from . import nn as nn
    from . import optim as optim
    from . import testing as testing
    from . import tree as tree
    from .api.gradient import grad, hvp, jvp, linearize, value_and_grad, vjp
    from .api.jacobian import hessian, jacfwd, jacobian, jacrev
    from .api.mapping import vmap
    from .api.program import make_jaxpr, stop_gradient
    from .compile.jit import jit
    from .control.checkpoint import checkpoint, checkpoint_name
    from .control.checkpoint import checkpoint as remat
    from .control.cond import cond, select, switch
    from .control.loops import fori_loop, map, scan, while_loop
    from .core.ir import Jaxpr, check

__version__ = "0.1.0"

__all__ = [
    "Jaxpr",
    "check",
    "checkpoint",
    "checkpoint_name",
    "cond",
    "errors",
    "fori_loop",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "lax",
    "linearize",
    "make_jaxpr",
    "map",
    "nn",
    "numpy",
    "optim",
    "remat",
    "scan",
    "select",
    "stop_gradient",
    "switch",
    "testing",
    "tree",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]

# Where the names live that load when first asked for; None for modules.
_LAZY = {
    "Jaxpr": "core.ir",
    "check": "core.ir",
    "checkpoint": "control.checkpoint",
    "checkpoint_name": "control.checkpoint",
    "cond": "control.cond",
    "errors": None,
    "fori_loop": "control.loops",
    "grad": "api.gradient",
    "hessian": "api.jacobian",
    "hvp": "api.gradient",
    "jacfwd": "api.jacobian",
    "jacobian": "api.jacobian",
    "jacrev": "api.jacobian",
    "jit": "compile.jit",
    "jvp": "api.gradient",
    "lax": None,
    "linearize": "api.gradient",
    "make_jaxpr": "api.program",
    "map": "control.loops",
    "nn": None,
    "optim": None,
    "remat": "control.checkpoint",
    "scan": "control.loops",
    "select": "control.cond",
    "stop_gradient": "api.program",
    "switch": "control.cond",
    "testing": None,
    "tree": None,
    "value_and_grad": "api.gradient",
    "vjp": "api.gradient",
    "vmap": "api.mapping",
    "while_loop": "control.loops",
}
_ALIASES = {"remat": "checkpoint"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'funcgrad' has no attribute {name!r}")
    home = _LAZY[name]
    module = importlib.import_module(f".{home or name}", __name__)
    value = module if home is None else getattr(module, _ALIASES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
