"""Floor 6: NumPy's namespace, in which functions take traced values where that means something.

``import funcgrad.numpy as np`` stands for ``import numpy as np`` in functions that are transformed.
What is not named here (`random`, `testing`) is looked up in NumPy.
"""

# ruff: noqa: F403

from __future__ import annotations

from typing import Any

import numpy as _numpy

from . import linalg as linalg
from . import methods as _methods
from .arithmetic import *
from .complex import *
from .contraction import *
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
from .places import *
from .plain import *
from .products import *
from .reduce import *
from .scan import *
from .shapes import *
from .statistics import *
from .trigonometric import *
from .update import *

_methods.install()


def __getattr__(name: str) -> Any:
    return getattr(_numpy, name)
