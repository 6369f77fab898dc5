"""Functions of matrices: exponential, root, logarithm, trigonometric ones, numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg as genuine

from ...core.trace import aval_of
from ...errors import ShapeError
from ...numpy.arguments import cast, operands
from ...ops import matrix_functions as ops
from .base import square, where_traced

__all__ = [
    "coshm",
    "cosm",
    "det",
    "expm",
    "expm_frechet",
    "logm",
    "norm",
    "sinhm",
    "sinm",
    "sqrtm",
    "tanhm",
    "tanm",
]


@where_traced(genuine.expm)
def expm(A: Any) -> Any:
    """``scipy.linalg.expm`` of square matrices ``(..., n, n)``.

    The derivative in the direction T stands in the exponential of ``[[A, T], [0, A]]`` (Mathias,
    1996); eigenvalues that coincide do no harm.

    Raises:
        ShapeError: For other shapes.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> grad(lambda A: np.trace(expm(A)))(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return ops.expm(square("expm", A))


@where_traced(genuine.expm_frechet)
def expm_frechet(
    A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True
) -> Any:
    """``scipy.linalg.expm_frechet``: the exponential and its derivative in the direction ``E``.

    Raises:
        ShapeError: For matrices that are not square or not of one shape.
    """
    x, t = operands([square("expm_frechet", A), square("expm_frechet", E)])
    if aval_of(x).shape != aval_of(t).shape:
        raise ShapeError(
            f"scipy.linalg.expm_frechet: got {aval_of(x)} and {aval_of(t)}",
            "The direction has the shape of the matrix.",
        )
    moved = ops.expm.moved(x, t)
    return (ops.expm(x), moved) if compute_expm else moved


@where_traced(genuine.sqrtm)
def sqrtm(A: Any, disp: Any = True, blocksize: Any = 64) -> Any:
    """``scipy.linalg.sqrtm`` of square matrices ``(..., n, n)``, of the dtype of ``A``.

    The derivative solves ``R dR + dR R = dA`` (Higham, Functions of Matrices, 2008).

    Raises:
        ShapeError: For other shapes.
        numpy.linalg.LinAlgError: For a real matrix whose root is complex: SciPy's dtype depends on
            the numbers. ``sqrtm(A + 0j)`` has it.
    """
    return ops.sqrtm(square("sqrtm", A))


@where_traced(genuine.logm)
def logm(A: Any, disp: Any = True) -> Any:
    """``scipy.linalg.logm`` of square matrices ``(..., n, n)``, in double precision.

    The derivative in the direction T stands in the logarithm of ``[[A, T], [0, A]]`` (Mathias,
    1996).

    Raises:
        ShapeError: For other shapes.
        numpy.linalg.LinAlgError: For a real matrix whose logarithm is complex: SciPy's dtype
            depends on the numbers. ``logm(A + 0j)`` has it.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> grad(lambda A: np.trace(logm(A)))(np.diag([1.0, 4.0]))
    array([[1.  , 0.  ],
           [0.  , 0.25]])
    """
    x = square("logm", A)
    return ops.logm(cast(x, np.result_type(aval_of(x).dtype, np.float64)))


@where_traced(genuine.cosm)
def cosm(A: Any) -> Any:
    """``scipy.linalg.cosm``, by exponentials."""
    return _cos_and_sin("cosm", A)[0]


@where_traced(genuine.sinm)
def sinm(A: Any) -> Any:
    """``scipy.linalg.sinm``, by exponentials."""
    return _cos_and_sin("sinm", A)[1]


@where_traced(genuine.tanm)
def tanm(A: Any) -> Any:
    """``scipy.linalg.tanm``: the solution ``X`` of ``cosm(A) X = sinm(A)``."""
    return np.linalg.solve(*_cos_and_sin("tanm", A))


def _cos_and_sin(name: str, A: Any) -> tuple[Any, Any]:
    x = square(name, A)
    turned = ops.expm(1j * x)
    if aval_of(x).dtype.kind != "c":
        return np.real(turned), np.imag(turned)
    back = ops.expm(-1j * x)
    return 0.5 * (turned + back), -0.5j * (turned - back)


@where_traced(genuine.coshm)
def coshm(A: Any) -> Any:
    """``scipy.linalg.coshm``, by exponentials."""
    return _cosh_and_sinh("coshm", A)[0]


@where_traced(genuine.sinhm)
def sinhm(A: Any) -> Any:
    """``scipy.linalg.sinhm``, by exponentials."""
    return _cosh_and_sinh("sinhm", A)[1]


@where_traced(genuine.tanhm)
def tanhm(A: Any) -> Any:
    """``scipy.linalg.tanhm``: the solution ``X`` of ``coshm(A) X = sinhm(A)``."""
    return np.linalg.solve(*_cosh_and_sinh("tanhm", A))


def _cosh_and_sinh(name: str, A: Any) -> tuple[Any, Any]:
    x = square(name, A)
    grown, shrunk = ops.expm(x), ops.expm(-x)
    return 0.5 * (grown + shrunk), 0.5 * (grown - shrunk)


@where_traced(genuine.det)
def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """``scipy.linalg.det``, by `numpy.linalg.det`.

    Raises:
        ShapeError: For matrices that are not square.
    """
    return np.linalg.det(square("det", a))


@where_traced(genuine.norm)
def norm(
    a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Any:
    """``scipy.linalg.norm``, by `numpy.linalg.norm`; 0 at 0."""
    return np.linalg.norm(a, ord, axis, keepdims)
