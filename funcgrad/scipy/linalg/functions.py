"""Functions of matrices: exponential, root, logarithm, trigonometric ones, numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg as genuine

from ...api.program import stop_gradient
from ...core.trace import aval_of
from ...errors import ShapeError
from ...numpy.arguments import cast, operand, operands
from ...numpy.dispatch import has_tracer
from ...ops import matrix_functions as ops
from ...ops.norms import scaled_norm
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
    return ops.expm(_exponent("expm", A))


def _exponent(name: str, A: Any) -> Any:
    """Square matrices as `expm` and `sqrtm` take them: integers, however small, become float64."""
    x = operand(A)
    return square(name, x if aval_of(x).inexact else cast(x, np.float64))


@where_traced(genuine.expm_frechet)
def expm_frechet(
    A: Any, E: Any, method: Any = None, compute_expm: bool = True, check_finite: bool = True
) -> Any:
    """``scipy.linalg.expm_frechet``: the exponential and its derivative in the direction ``E``.

    In double precision, as SciPy's.

    Raises:
        ShapeError: For matrices that are not square or not of one shape.
    """
    x, t = operands([_double(square("expm_frechet", matrix)) for matrix in (A, E)])
    if aval_of(x).shape != aval_of(t).shape:
        raise ShapeError(
            f"scipy.linalg.expm_frechet: got {aval_of(x)} and {aval_of(t)}",
            "The direction has the shape of the matrix.",
        )
    moved = ops.expm.push(x, t)
    return (ops.expm(x), moved) if compute_expm else moved


@where_traced(genuine.sqrtm)
def sqrtm(A: Any, disp: Any = True, blocksize: Any = 64) -> Any:
    """``scipy.linalg.sqrtm`` of square matrices ``(..., n, n)``.

    The derivative solves ``R dR + dR R = dA`` (Higham, Functions of Matrices, 2008). A real matrix
    may have a complex root: SciPy's dtype depends on the numbers. So does the one here where they
    are known, under grad and the like; under jit and vmap give ``A + 0j``.

    Raises:
        ShapeError: For other shapes.
        numpy.linalg.LinAlgError: For a real matrix whose root is complex, under jit and vmap.

    >>> import numpy as np
    >>> from funcgrad import jvp
    >>> jvp(sqrtm, (np.diag([-4.0, 9.0]),), (np.eye(2),))[1].diagonal().round(4)
    array([0.    -0.25j, 0.1667+0.j  ])
    """
    x = _exponent("sqrtm", A)
    dtype, numbers = aval_of(x).dtype, stop_gradient(x)
    if dtype.kind == "f" and not has_tracer(numbers):
        positions = np.ndindex(numbers.shape[:-2])
        if any(np.iscomplexobj(genuine.sqrtm(numbers[position])) for position in positions):
            x = cast(x, np.result_type(dtype, np.complex64))
    return ops.sqrtm(x)


@where_traced(genuine.logm)
def logm(A: Any, disp: Any = True) -> Any:
    """``scipy.linalg.logm`` of square matrices ``(..., n, n)``, in double precision.

    The derivative in the direction T stands in the logarithm of ``[[A, T], [0, A]]`` (Mathias,
    1996).

    Raises:
        ShapeError: For other shapes.
        numpy.linalg.LinAlgError: For a real matrix whose logarithm is complex: its eigenvalues are
            on the branch cut, where derivatives are not safe. ``logm(A + 0j)`` has the value.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> grad(lambda A: np.trace(logm(A)))(np.diag([1.0, 4.0]))
    array([[1.  , 0.  ],
           [0.  , 0.25]])
    """
    x = square("logm", A)
    return ops.logm(_double(x))


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
    x = _exponent(name, A)
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
    x = _exponent(name, A)
    grown, shrunk = ops.expm(x), ops.expm(-x)
    return 0.5 * (grown + shrunk), 0.5 * (grown - shrunk)


@where_traced(genuine.det)
def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """``scipy.linalg.det``, by `numpy.linalg.det`, in double precision as SciPy's.

    Raises:
        ShapeError: For matrices that are not square.
    """
    return np.linalg.det(_double(square("det", a)))


def _double(x: Any) -> Any:
    return cast(x, np.result_type(aval_of(x).dtype, np.float64))


@where_traced(genuine.norm)
def norm(
    a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True
) -> Any:
    """``scipy.linalg.norm``, by `numpy.linalg.norm`; the gradient at 0 is 0.

    The 2-norm of a vector is SciPy's, right also where squares underflow or overflow. That, and
    the norms of a matrix of order 1 and inf, are float64, as SciPy gives Python's numbers.
    """
    x = operand(a)
    aval = aval_of(x)
    if aval.size and aval.dtype.char in "fdFD" and axis is None and not keepdims:
        if aval.ndim == 1 and ord in (None, 2):
            return cast(scaled_norm(x, (0,)), np.float64)
        if aval.ndim == 2 and ord in (1, np.inf):
            return cast(np.linalg.norm(x, ord), np.float64)
    return np.linalg.norm(x, ord, axis, keepdims)
