"""Which function of SciPy's asked a tracer for its value, and what to write instead.

SciPy's functions convert their arguments to arrays, which a tracer refuses; ufuncs of
`scipy.special` alone reach their counterparts by NumPy's protocol. The counterparts stand on a
higher floor: here are their names, for errors.
"""

from __future__ import annotations

import sys
from types import FrameType

from ..errors import PACKAGE

__all__ = ["COUNTERPARTS", "counterpart_name", "scipys_function"]

COUNTERPARTS = {
    "integrate": "cumulative_simpson cumulative_trapezoid odeint quad simpson solve_ivp trapezoid",
    "linalg": "block_diag cho_factor cho_solve cholesky circulant coshm cosm det eig eigh "
    "eigvals eigvalsh expm expm_frechet hankel inv khatri_rao logm lstsq lu lu_factor "
    "lu_solve norm pinv polar qr schur sinhm sinm solve solve_banded solve_continuous_lyapunov "
    "solve_discrete_lyapunov solve_lyapunov solve_sylvester solve_triangular sqrtm svd "
    "svdvals tanhm tanm toeplitz",
    "ndimage": "map_coordinates",
    "optimize": "minimize root",
    "signal": "convolve correlate",
    "special": "comb factorial lambertw log_softmax logsumexp multigammaln perm polygamma softmax "
    "softplus zeta",
    "stats": "bernoulli beta binom cauchy chi2 dirichlet expon f gamma geom gumbel_l gumbel_r "
    "halfnorm invgamma laplace logistic lognorm multinomial multivariate_normal "
    "nbinom norm pareto poisson rayleigh t uniform weibull_min",
}
"""The names in `funcgrad.scipy` that are no ufuncs."""


def scipys_function() -> str:
    """The public function of SciPy's that the user's line called and that is running, or ""."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    found = ""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not module.startswith(("scipy.", "numpy.")):
            break
        found = _public_name(frame, module) or found
        frame = frame.f_back
    return found


def _public_name(frame: FrameType, module: str) -> str:
    """``"scipy.stats.norm.logpdf"`` for a frame of a public function or method, or ""."""
    name = frame.f_code.co_name
    wrapped = frame.f_locals.get("f") if name == "wrapper" else None
    if wrapped is not None:
        module, name = str(getattr(wrapped, "__module__", "")), getattr(wrapped, "__name__", "")
    root, _, rest = module.partition(".")
    home = rest.partition(".")[0]
    public = sys.modules.get(f"scipy.{home}")
    if root != "scipy" or public is None or name.startswith("_"):
        return ""
    owner = frame.f_locals.get("self")
    if owner is None:
        return f"scipy.{home}.{name}" if callable(getattr(public, name, None)) else ""
    kind = getattr(owner, "dist", owner)
    distribution = type(kind).__name__.removesuffix("_gen").removesuffix("_frozen")
    return f"scipy.{home}.{distribution}.{name}" if hasattr(public, distribution) else ""


def counterpart_name(name: str) -> str:
    """The counterpart of a function of SciPy's, ``""`` where there is none."""
    _, home, function, *_ = name.split(".")
    return f"funcgrad.{name}" if function in COUNTERPARTS.get(home, "").split() else ""
