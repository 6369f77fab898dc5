"""SciPy's functions with derivatives; each module here needs SciPy (`funcgrad[scipy]`).

`optimize` has `root` and `minimize`, `special` the special functions, `stats` distributions,
`linalg` functions of matrices, systems and factorings, `signal` convolution. Ufuncs of
`scipy.special` can be called on traced values themselves.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import integrate as integrate
    from . import linalg as linalg
    from . import ndimage as ndimage
    from . import optimize as optimize
    from . import signal as signal
    from . import special as special
    from . import stats as stats

__all__ = ["integrate", "linalg", "ndimage", "optimize", "signal", "special", "stats"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'funcgrad.scipy' has no attribute {name!r}")
    return importlib.import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
