"""`scipy.linalg` on tracers: functions of matrices, systems, factorings, structures.

SciPy's own functions cannot see tracers; these are SciPy's where nothing is traced, and have
derivatives where something is. Arguments ``overwrite_a`` and the like are taken and ignored there,
``check_finite`` counts for triangular systems alone.
"""

from __future__ import annotations

from ..._publish import publish_all
from ...errors import MissingExtraError

try:
    from .factorings import cho_factor, cholesky, lu, lu_factor, polar, qr, svd, svdvals
    from .functions import (
        coshm,
        cosm,
        det,
        expm,
        expm_frechet,
        logm,
        norm,
        sinhm,
        sinm,
        sqrtm,
        tanhm,
        tanm,
    )
    from .spectra import eig, eigh, eigvals, eigvalsh, schur
    from .structures import block_diag, circulant, hankel, khatri_rao, toeplitz
    from .systems import (
        cho_solve,
        inv,
        lstsq,
        lu_solve,
        pinv,
        solve,
        solve_banded,
        solve_continuous_lyapunov,
        solve_discrete_lyapunov,
        solve_lyapunov,
        solve_sylvester,
        solve_triangular,
    )
except ImportError as error:
    if (error.name or "").partition(".")[0] != "scipy":
        raise
    raise MissingExtraError(
        "funcgrad.scipy.linalg needs SciPy, which is not installed",
        "Install it: pip install 'funcgrad[scipy]'.",
    ) from error

__all__ = [
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "circulant",
    "coshm",
    "cosm",
    "det",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "expm_frechet",
    "hankel",
    "inv",
    "khatri_rao",
    "logm",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "norm",
    "pinv",
    "polar",
    "qr",
    "schur",
    "sinhm",
    "sinm",
    "solve",
    "solve_banded",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_lyapunov",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
    "svd",
    "svdvals",
    "tanhm",
    "tanm",
    "toeplitz",
]

publish_all(globals())
