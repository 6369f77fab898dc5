"""What the rules of linear algebra say with stacks of matrices: products, triangles.

Cotangents pair with tangents by ``Re(sum(ct * t))``. The rules of decompositions conjugate them
first, which makes textbook gradients of them, and conjugate the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.primitive import Primitive
from ..core.trace import aval_of
from .complex import conjugate, imag, make_complex, real
from .convert import convert
from .kinds import add, mul, neg
from .linalg import dot_general
from .linear import everywhere, reshape, shape_of, transpose, zeros
from .shape import Diagonal, DiagonalOf

__all__ = [
    "Stacked",
    "adjoint",
    "columns_times",
    "conj",
    "diagonal",
    "entries",
    "from_triangle",
    "gradient",
    "is_complex",
    "on_diagonal",
    "product",
    "real_dtype",
    "real_of",
    "right_sides",
    "scale_matrices",
    "subtract",
    "times",
    "to_triangle",
    "transpose_matrices",
]

_BATCH = "abcdefghopqrstuvwxyz"
_DIAGONAL = Diagonal(0)


class Stacked(Primitive):
    """Of matrices in the last two axes; axes before them are a stack, a batch one more of them."""

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*operands)


def right_sides(
    primitive: Primitive, size: int, batched: Sequence[bool], operands: Sequence[Any]
) -> Any:
    """The `vmap` of what takes a matrix and right sides as columns, for stacks of one length.

    One matrix and a batch of right sides: those become columns, and it is factored once.
    """
    a, b = operands
    if batched[0]:
        return primitive(*everywhere(size, batched, operands))
    rank = len(shape_of(b))
    columns = transpose(b, (*range(1, rank), 0))
    *lead, many, _ = shape_of(columns)
    found = primitive(a, reshape(columns, (*lead, many * size)))
    parted = reshape(found, (*shape_of(found)[:-1], many, size))
    return transpose(parted, (rank - 1, *range(rank - 1)))


def transpose_matrices(x: Any) -> Any:
    """Each matrix of a stack transposed."""
    rank = len(shape_of(x))
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def product(x: Any, y: Any) -> Any:
    """The matrix products of two stacks of one length."""
    lead = _BATCH[: len(shape_of(x)) - 2]
    return dot_general(f"{lead}ij,{lead}jk->{lead}ik")(x, y)


def chained(x: Any, y: Any, z: Any) -> Any:
    """The products ``x y z`` in the order that takes fewer multiplications."""
    (p, q), (r, s) = shape_of(x)[-2:], shape_of(z)[-2:]
    if p * r * (q + s) <= q * s * (r + p):
        return product(product(x, y), z)
    return product(x, product(y, z))


def entries(x: Any, y: Any) -> Any:
    """``sum_ij x[i, j] y[i, j]`` for each pair of matrices of two stacks."""
    lead = _BATCH[: len(shape_of(x)) - 2]
    return dot_general(f"{lead}ij,{lead}ij->{lead}")(x, y)


def scale_matrices(factor: Any, x: Any) -> Any:
    """Each matrix of a stack times a number of its own."""
    return mul(reshape(factor, (*shape_of(factor), 1, 1)), x)


def is_complex(x: Any) -> bool:
    """Whether ``x`` has complex numbers."""
    return aval_of(x).dtype.kind == "c"


def conj(x: Any) -> Any:
    """The conjugate; real ones as they are."""
    return conjugate(x) if is_complex(x) else x


def real_of(x: Any) -> Any:
    """The real part; real ones as they are."""
    return real(x) if is_complex(x) else x


def adjoint(x: Any) -> Any:
    """The conjugate transpose of each matrix of a stack."""
    return conj(transpose_matrices(x))


def diagonal(x: Any) -> Any:
    """The diagonal of each square matrix of a stack."""
    return _DIAGONAL(x)


def on_diagonal(x: Any) -> Any:
    """Matrices with the vectors of a stack as diagonals."""
    n = shape_of(x)[-1]
    return DiagonalOf(0, n, n)(x)


def columns_times(x: Any, v: Any) -> Any:
    """The columns of each matrix of a stack times the numbers of a vector."""
    shape = shape_of(v)
    return mul(x, convert(reshape(v, (*shape[:-1], 1, shape[-1])), aval_of(x).dtype))


def times(x: Any, real_factor: Any) -> Any:
    """``x`` times a real array of its shape."""
    return mul(x, convert(real_factor, aval_of(x).dtype))


def subtract(x: Any, y: Any) -> Any:
    """``x - y``."""
    return add(x, neg(y))


def real_diagonal(x: Any) -> Any:
    """``x`` with the imaginary part of its diagonal dropped."""
    if not is_complex(x):
        return x
    aval = aval_of(x)
    n = aval.shape[-1]
    eye = np.eye(n, dtype=real_dtype(aval.dtype))
    return make_complex(real(x), mul(imag(x), 1 - eye))


def real_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the parts of a complex dtype; a real one as it is."""
    return dtype.type(0).real.dtype


def from_triangle(x: Any, lower: bool) -> Any:
    """The symmetric (Hermitian) matrices that have the lower (or upper) triangles of ``x``."""
    whole, strict = _masks(x, lower)
    return real_diagonal(add(mul(x, whole), adjoint(mul(x, strict))))


def to_triangle(z: Any, lower: bool) -> Any:
    """The gradient by the triangle, from that by the matrices of `from_triangle`; its adjoint."""
    whole, strict = _masks(z, lower)
    return real_diagonal(add(mul(z, whole), mul(adjoint(z), strict)))


def _masks(x: Any, lower: bool) -> tuple[Any, Any]:
    aval = aval_of(x)
    n = aval.shape[-1]
    whole, strict = np.tri(n, dtype=aval.dtype), np.tri(n, k=-1, dtype=aval.dtype)
    return (whole, strict) if lower else (whole.T, strict.T)


def gradient(ct: Any, value: Any) -> Any:
    """The textbook gradient that a cotangent of ``value`` is; zeros where there is none."""
    return zeros(aval_of(value)) if ct is None else conj(ct)
