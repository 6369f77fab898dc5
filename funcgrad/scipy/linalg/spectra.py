"""Eigenvalues and eigenvectors, of one matrix and of pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg as genuine

from ...control.callbacks.pure_callback import ShapeDtypeStruct, pure_callback
from ...core.trace import aval_of
from ...ops import matrix_functions as ops
from ...ops.matrices import adjoint, from_triangle
from .base import refuse_parameters, square, where_traced
from .factorings import cholesky
from .systems import solve_triangular

__all__ = ["eig", "eigh", "eigvals", "eigvalsh", "schur"]

_WHOLE = "Leave it away; what of the eigenvalues is wanted can be sliced from them all."


@where_traced(genuine.eigh)
def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Any:
    """``scipy.linalg.eigh``: ``a v = w v``, or ``a v = w b v`` for a pair, one triangle of each.

    A pair is the problem of ``L^-1 a L^-H`` where ``b = L L^H``, and its vectors have
    ``v^H b v = 1``. Derivatives are `numpy.linalg.eigh`'s, those where eigenvalues coincide too:
    see docs/decompositions.md.

    Raises:
        ArgumentError: For a ``subset_by_...``, a ``driver`` and another ``type`` than 1.
        ShapeError: For matrices that are not square.
        numpy.linalg.LinAlgError: Where ``b`` is not positive definite.

    >>> import numpy as np
    >>> from funcgrad import grad
    >>> grad(lambda b: eigh(np.diag([2.0, 3.0]), b, eigvals_only=True)[0])(np.eye(2))
    array([[-2.,  0.],
           [ 0.,  0.]])
    """
    _require_all("eigh", type, subset_by_index, subset_by_value, driver)
    if eigvals_only:
        return eigvalsh(a, b, lower=lower)
    if b is None:
        return ops.EighOfSciPy(bool(lower))(square("eigh", a))
    x, factor = _reduce("eigh", a, b, lower)
    w, v = np.linalg.eigh(x)
    return w, solve_triangular(factor, v, "C", lower=True)


def _require_all(name: str, type: Any, by_index: Any, by_value: Any, driver: Any) -> None:
    """Raise for what picks some of the eigenvalues, another problem or a driver."""
    refuse_parameters(
        name,
        _WHOLE,
        subset_by_index=(by_index, None),
        subset_by_value=(by_value, None),
        driver=(driver, None),
    )
    refuse_parameters(name, "Use type=1.", type=(type, 1))


def _reduce(name: str, a: Any, b: Any, lower: bool) -> tuple[Any, Any]:
    """``L^-1 a L^-H`` and ``L``, where ``b = L L^H``."""
    x, y = square(name, a), square(name, b)
    whole = from_triangle(x, bool(lower))
    factor = cholesky(y, lower=True) if lower else adjoint(cholesky(y))
    half = solve_triangular(factor, whole, lower=True)
    x = adjoint(solve_triangular(factor, adjoint(half), lower=True))
    return 0.5 * (x + adjoint(x)), factor


@where_traced(genuine.eigvalsh)
def eigvalsh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Any:
    """``scipy.linalg.eigvalsh``, of one matrix or of a pair; see `eigh`.

    Raises:
        ArgumentError: For a ``subset_by_...``, a ``driver`` and another ``type`` than 1.
        numpy.linalg.LinAlgError: Where ``b`` is not positive definite.
    """
    _require_all("eigvalsh", type, subset_by_index, subset_by_value, driver)
    if b is None:
        return np.linalg.eigvalsh(square("eigvalsh", a), "L" if lower else "U")
    return np.linalg.eigvalsh(_reduce("eigvalsh", a, b, lower)[0])


@where_traced(genuine.eig)
def eig(
    a: Any,
    b: Any = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """``scipy.linalg.eig`` of one matrix, with its right vectors, which are complex always.

    SciPy's vectors are real where all eigenvalues of a real matrix are.

    Raises:
        ArgumentError: For a pair, left vectors, and homogeneous eigenvalues.
    """
    advice = "A pair is eig(solve(b, a)); left vectors are the right ones of a^H."
    refuse_parameters(
        "eig",
        advice,
        b=(None if b is None else "...", None),
        left=(bool(left), False),
        homogeneous_eigvals=(bool(homogeneous_eigvals), False),
    )
    if not right:
        return eigvals(a)
    return tuple(np.linalg.eig(square("eig", a)))


@where_traced(genuine.eigvals)
def eigvals(
    a: Any,
    b: Any = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """``scipy.linalg.eigvals``, of one matrix or of a pair with a regular ``b``.

    Raises:
        ArgumentError: For homogeneous eigenvalues.
        numpy.linalg.LinAlgError: For a singular ``b``.
    """
    refuse_parameters(
        "eigvals", "Leave it away.", homogeneous_eigvals=(bool(homogeneous_eigvals), False)
    )
    x = square("eigvals", a)
    if b is not None:
        x = np.linalg.solve(square("eigvals", b), x)
    return np.linalg.eigvals(x)


@where_traced(genuine.schur)
def schur(
    a: Any,
    output: str = "real",
    lwork: Any = None,
    overwrite_a: bool = False,
    sort: Any = None,
    check_finite: bool = True,
) -> tuple[Any, Any]:
    """``scipy.linalg.schur``, by SciPy in a callback; there is no derivative.

    Raises:
        ArgumentError: For ``sort``.
        MissingRuleError: Where a derivative is asked for.
    """
    refuse_parameters("schur", "Sort by eigenvalues after the transform.", sort=(sort, None))
    x = square("schur", a)
    dtype = np.dtype(aval_of(x).dtype)
    if output in ("complex", "c"):
        dtype = np.result_type(dtype, np.complex64)
    form = ShapeDtypeStruct(aval_of(x).shape, dtype)
    return pure_callback(_SchurForm(output, bool(check_finite)), (form, form), x)


class _SchurForm:
    """SciPy's ``schur`` of each matrix of a stack."""

    def __init__(self, output: str, check: bool) -> None:
        self.output, self.check = output, check

    def __call__(self, x: Any) -> tuple[Any, Any]:
        kind = np.result_type(x, np.complex64) if self.output[:1] == "c" else x.dtype
        t, q = np.empty(x.shape, kind), np.empty(x.shape, kind)
        for i in np.ndindex(x.shape[:-2]):
            found: Any = genuine.schur(x[i], self.output, check_finite=self.check)
            t[i], q[i] = found
        return t, q
