"""Functional transformations of NumPy programs: differentiate, vectorise, compile.

The public names, re-exported; no logic. All but `numpy`, which gives traced values their operators,
loads when first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import numpy as numpy
from .errors import publish as _publish

if TYPE_CHECKING:
    from . import checkpoint_policies as checkpoint_policies
    from . import debug as debug
    from . import errors as errors
    from . import lax as lax
    from . import nn as nn
    from . import optim as optim
    from . import random as random
    from . import scipy as scipy
    from . import testing as testing
    from . import tree as tree
    from .api.collective import (
        all_gather,
        axis_index,
        axis_size,
        pmax,
        pmean,
        pmin,
        psum,
        psum_scatter,
    )
    from .api.gradient import grad, value_and_grad
    from .api.jacobian import (
        hessian,
        jacfwd,
        jacobian,
        jacrev,
        value_and_jacfwd,
        value_and_jacobian,
        value_and_jacrev,
    )
    from .api.mapping import vmap
    from .api.products import hvp, jvp, linearize, vjp
    from .api.program import make_jaxpr, stop_gradient
    from .api.transposition import linear_transpose
    from .api.vectorize import vectorize
    from .compile.jit import jit
    from .control.callbacks.pure_callback import ShapeDtypeStruct, pure_callback
    from .control.checkpoint import checkpoint, checkpoint_name
    from .control.checkpoint import checkpoint as remat
    from .control.custom.custom_gradient import custom_gradient
    from .control.custom.custom_jvp import custom_jvp
    from .control.custom.custom_vjp import custom_vjp
    from .control.flow.associative_scan import associative_scan
    from .control.flow.conditionals import cond, select, switch
    from .control.flow.loops import fori_loop, map, scan, while_loop
    from .control.implicit.custom_root import custom_linear_solve, custom_root
    from .control.implicit.fixed_point import fixed_point
    from .core.ir import Jaxpr, check

__version__ = "0.1.0"

__all__ = [
    "Jaxpr",
    "ShapeDtypeStruct",
    "all_gather",
    "associative_scan",
    "axis_index",
    "axis_size",
    "check",
    "checkpoint",
    "checkpoint_name",
    "checkpoint_policies",
    "cond",
    "custom_gradient",
    "custom_jvp",
    "custom_linear_solve",
    "custom_root",
    "custom_vjp",
    "debug",
    "errors",
    "fixed_point",
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
    "linear_transpose",
    "linearize",
    "make_jaxpr",
    "map",
    "nn",
    "numpy",
    "optim",
    "pmax",
    "pmean",
    "pmin",
    "psum",
    "psum_scatter",
    "pure_callback",
    "random",
    "remat",
    "scan",
    "scipy",
    "select",
    "stop_gradient",
    "switch",
    "testing",
    "tree",
    "value_and_grad",
    "value_and_jacfwd",
    "value_and_jacobian",
    "value_and_jacrev",
    "vectorize",
    "vjp",
    "vmap",
    "while_loop",
]

# Where the names live that load when first asked for; None for modules.
_LAZY = {
    "Jaxpr": "core.ir",
    "ShapeDtypeStruct": "control.callbacks.pure_callback",
    "all_gather": "api.collective",
    "associative_scan": "control.flow.associative_scan",
    "axis_index": "api.collective",
    "axis_size": "api.collective",
    "check": "core.ir",
    "checkpoint": "control.checkpoint",
    "checkpoint_name": "control.checkpoint",
    "checkpoint_policies": None,
    "cond": "control.flow.conditionals",
    "custom_gradient": "control.custom.custom_gradient",
    "custom_jvp": "control.custom.custom_jvp",
    "custom_linear_solve": "control.implicit.custom_root",
    "custom_root": "control.implicit.custom_root",
    "custom_vjp": "control.custom.custom_vjp",
    "debug": None,
    "errors": None,
    "fixed_point": "control.implicit.fixed_point",
    "fori_loop": "control.flow.loops",
    "grad": "api.gradient",
    "hessian": "api.jacobian",
    "hvp": "api.products",
    "jacfwd": "api.jacobian",
    "jacobian": "api.jacobian",
    "jacrev": "api.jacobian",
    "jit": "compile.jit",
    "jvp": "api.products",
    "lax": None,
    "linear_transpose": "api.transposition",
    "linearize": "api.products",
    "make_jaxpr": "api.program",
    "map": "control.flow.loops",
    "nn": None,
    "optim": None,
    "pmax": "api.collective",
    "pmean": "api.collective",
    "pmin": "api.collective",
    "psum": "api.collective",
    "psum_scatter": "api.collective",
    "pure_callback": "control.callbacks.pure_callback",
    "random": None,
    "remat": "control.checkpoint",
    "scan": "control.flow.loops",
    "scipy": None,
    "select": "control.flow.conditionals",
    "stop_gradient": "api.program",
    "switch": "control.flow.conditionals",
    "testing": None,
    "tree": None,
    "value_and_grad": "api.gradient",
    "value_and_jacfwd": "api.jacobian",
    "value_and_jacobian": "api.jacobian",
    "value_and_jacrev": "api.jacobian",
    "vectorize": "api.vectorize",
    "vjp": "api.products",
    "vmap": "api.mapping",
    "while_loop": "control.flow.loops",
}
_ALIASES = {"remat": "checkpoint"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'funcgrad' has no attribute {name!r}")
    home = _LAZY[name]
    module = importlib.import_module(f".{home or name}", __name__)
    value = module if home is None else getattr(module, _ALIASES.get(name, name))
    globals()[name] = value
    return _publish(globals(), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
