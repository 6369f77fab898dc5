"""NumPy's namespace, in which functions take traced values where that means something.

``import funcgrad.numpy as np`` stands for ``import numpy as np`` in functions that are transformed.
What is not named here (`random`, `testing`) is looked up in NumPy. What a tracer must have from the
start loads at once; NumPy's functions load module by module (`modules`) when first used.
"""

# ruff: noqa: F403

from __future__ import annotations

import sys as _sys
from typing import TYPE_CHECKING, Any

import numpy as _numpy

from .._publish import publish as _publish
from . import inplace as _inplace
from . import methods as _methods
from . import operators as _operators
from . import ufuncs as ufuncs  # installs NumPy's protocol for ufuncs, as `dispatch` the other one
from .modules import MODULE_OF as _MODULE_OF
from .modules import load as _load

if TYPE_CHECKING:
    from . import fft as fft
    from . import linalg as linalg
    from .applying import *
    from .arithmetic import *
    from .assembly import *
    from .bits import *
    from .brackets import *
    from .calculus import *
    from .complex import *
    from .contraction import *
    from .convolution import *
    from .counting import *
    from .covariance import *
    from .create import *
    from .discrete import *
    from .elementary import *
    from .exponential import *
    from .extrema import *
    from .index import *
    from .inquire import *
    from .join import *
    from .like import *
    from .matrices import *
    from .nans import *
    from .ordering import *
    from .padding import *
    from .plain import *
    from .polynomials import *
    from .products import *
    from .quantiles import *
    from .reduce import *
    from .scan import *
    from .searching import *
    from .shapes import *
    from .statistics import *
    from .trigonometric import *
    from .update import *

_operators.install()
_inplace.install_in_place()
_methods.install(namespace=_sys.modules[__name__])


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    home = _MODULE_OF.get(name)
    if home is None:
        return getattr(_numpy, name)
    module = _load(home)
    if name == home:
        return module
    value = getattr(module, name, None)
    if name not in module.__all__ and getattr(value, "__module__", None) != module.__name__:
        value = getattr(_numpy, name)
        own = getattr(value, "__name__", name)
        if own in module.__all__:  # another name of a function there, as concat is concatenate
            value = getattr(module, own)
    globals()[name] = value
    return _publish(globals(), name)


def __dir__() -> list[str]:
    return sorted({*_MODULE_OF, *_load("plain").__all__})
