"""SciPy's functions with derivatives; each module here needs SciPy (`funcgrad[scipy]`).

`optimize` has `root` and `minimize`, `special` the special functions, `stats` distributions,
`linalg` functions of matrices, systems and factorings, `signal` convolution. Ufuncs of
`scipy.special` can be called on traced values themselves.
"""

from __future__ import annotations

from ..core.lazy import attach as _attach

__getattr__, __dir__ = _attach(globals())
