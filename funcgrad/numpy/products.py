"""NumPy's products of arrays for tracers: matmul, dot, tensordot and their kin.

Each is one `DotGeneral`, whose gradients are again matrix products without needless copies.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.trace import Tracer, apply, aval_of
from ..errors import ShapeError, entry
from ..ops.kinds import mul
from ..ops.linalg import DotGeneral, dot_general
from ..ops.linear import reshape, shape_of
from .arguments import array_like, axis_of, broadcast_operand, broadcast_shapes, is_given, operands
from .dispatch import implements, refuse
from .shapes import moveaxis

__all__ = [
    "cross",
    "dot",
    "inner",
    "kron",
    "matmul",
    "outer",
    "tensordot",
    "vdot",
    "vecdot",
]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_DIRECT = (Tracer, np.ndarray)
_OTHERS = (Tracer, np.ndarray, np.generic, list, tuple, float, int, complex)

_PLAIN = {(1, 1): "i,i->", (2, 1): "ij,j->i", (1, 2): "i,ij->j", (2, 2): "ij,jk->ik"}


def _pair(x: Any, y: Any) -> tuple[Any, Any]:
    """Two operands in one dtype; nothing is done where they are fine as they are."""
    if isinstance(x, _DIRECT) and isinstance(y, _DIRECT):
        a, b = aval_of(x), aval_of(y)
        if a.dtype is b.dtype and not a.weak and not b.weak:
            return x, y
    x, y = operands([x, y])
    return x, y


def _unfit(name: str, x: Any, y: Any, i: int, j: int) -> ShapeError:
    return ShapeError(
        f"numpy.{name}: {aval_of(x)} and {aval_of(y)} do not fit: axis {i} of the first and axis "
        f"{j} of the second are summed together and differ in length",
        "Transpose or reshape one of them, as in x @ w.T.",
    )


@implements(np.matmul)
def matmul(x1: Any, x2: Any, /, out: Any = None, **options: Any) -> Any:
    """``numpy.matmul`` and the operator ``@``.

    With result ``z`` and cotangent ``ct``, the gradients of ``x @ w`` are ``ct @ w.T`` and
    ``x.T @ ct``. Leading axes broadcast; those that one operand alone has are folded into its rows,
    so that the product is one matrix product.
    """
    if out is not None or options:
        refuse("matmul", out=out, **options)
    return _product(x1, x2)


def _product(x1: Any, x2: Any) -> Any:
    x, y = _pair(x1, x2)
    a, b = shape_of(x), shape_of(y)
    if not a or not b:
        raise ShapeError(
            f"numpy.matmul: got {aval_of(x)} and {aval_of(y)}, and a scalar is no matrix",
            "Write x * y for a product with a scalar.",
        )
    j = len(b) - 2 if len(b) > 1 else 0
    if a[-1] != b[j]:
        raise _unfit("matmul", x, y, len(a) - 1, j)
    spec = _PLAIN.get((len(a), len(b)))
    if spec is not None:
        return apply(dot_general(spec), (x, y), None)
    return _stacks("matmul", x, y, 2 if len(a) > 1 else 1, 2 if len(b) > 1 else 1)


def _stacks(name: str, x: Any, y: Any, core_x: int, core_y: int) -> Any:
    """A product of the last one or two axes; the ones before broadcast."""
    a, b = shape_of(x), shape_of(y)
    lead_a, lead_b = a[: len(a) - core_x], b[: len(b) - core_y]
    lead = broadcast_shapes(name, lead_a, lead_b)
    batch = _LETTERS[: len(lead)]
    k, m, n = _LETTERS[len(lead) : len(lead) + 3]
    core = {1: (k, k), 2: (m + k, k + n)}
    x, labels_x = _narrow(x, lead_a, lead, batch)
    y, labels_y = _narrow(y, lead_b, lead, batch)
    out = batch + (m if core_x == 2 else "") + (n if core_y == 2 else "")
    absent = [i for i, c in enumerate(batch) if c not in labels_x + labels_y]
    wanted = "".join([c for i, c in enumerate(out) if i not in absent])
    product = dot_general(f"{labels_x}{core[core_x][0]},{labels_y}{core[core_y][1]}->{wanted}")(
        x, y
    )
    if not absent:
        return product
    lengths = list(shape_of(product))
    for i in absent:
        lengths.insert(i, 1)
    return reshape(product, tuple(lengths))


def _narrow(x: Any, own: tuple[int, ...], lead: tuple[int, ...], batch: str) -> tuple[Any, str]:
    """``x`` without leading axes of length 1, and the letters of those that are left."""
    names = batch[len(lead) - len(own) :]
    kept = [i for i, n in enumerate(own) if n != 1]
    labels = "".join([names[i] for i in kept])
    if len(kept) < len(own):
        x = reshape(x, (*[own[i] for i in kept], *shape_of(x)[len(own) :]))
    return x, labels


@implements(np.vecdot)
def vecdot(x1: Any, x2: Any, /, out: Any = None, *, axis: int = -1, **options: Any) -> Any:
    """``numpy.vecdot``: ``sum(conj(x1) * x2)`` along ``axis``, the other axes broadcast."""
    refuse("vecdot", out=out, **options)
    x, y = operands([x1, x2])
    if not shape_of(x) or not shape_of(y):
        raise ShapeError(
            f"numpy.vecdot: got {aval_of(x)} and {aval_of(y)}, and a scalar is no vector",
            "Write x * y for a product with a scalar.",
        )
    if axis != -1:
        x, y = moveaxis(x, axis, -1), moveaxis(y, axis, -1)
    if shape_of(x)[-1] != shape_of(y)[-1]:
        raise _unfit("vecdot", x, y, len(shape_of(x)) - 1, len(shape_of(y)) - 1)
    return _stacks("vecdot", _conjugate(x), y, 1, 1)


def _conjugate(x: Any) -> Any:
    return np.conjugate(x) if aval_of(x).dtype.kind == "c" else x


def _vector_and_matrix(name: str, x: Any, y: Any, matrix_first: bool) -> Any:
    x, y = operands([x, y])
    a, b = shape_of(x), shape_of(y)
    if len(a) < 1 + matrix_first or len(b) < 2 - matrix_first:
        raise ShapeError(
            f"numpy.{name}: got {aval_of(x)} and {aval_of(y)}",
            "Give a matrix and a vector, or stacks of them.",
        )
    i, j = len(a) - 1, len(b) - (1 if matrix_first else 2)
    if a[i] != b[j]:
        raise _unfit(name, x, y, i, j)
    if matrix_first:
        return _stacks(name, x, y, 2, 1)
    return _stacks(name, _conjugate(x), y, 1, 2)


if hasattr(np, "matvec"):

    @implements(np.matvec)
    def matvec(x1: Any, x2: Any, /, out: Any = None, **options: Any) -> Any:
        """``numpy.matvec``."""
        refuse("matvec", out=out, **options)
        return _vector_and_matrix("matvec", x1, x2, True)

    @implements(np.vecmat)
    def vecmat(x1: Any, x2: Any, /, out: Any = None, **options: Any) -> Any:
        """``numpy.vecmat``, which conjugates the vector."""
        refuse("vecmat", out=out, **options)
        return _vector_and_matrix("vecmat", x1, x2, False)


def _contraction(name: str, x: Any, y: Any, axes_x: Sequence[int], axes_y: Sequence[int]) -> Any:
    """Sum over pairs of axes; the axes that are left follow each other."""
    a, b = shape_of(x), shape_of(y)
    for i, j in zip(axes_x, axes_y, strict=True):
        if a[i] != b[j]:
            raise _unfit(name, x, y, i, j)
    return _contracting(len(a), len(b), tuple(axes_x), tuple(axes_y))(x, y)


@lru_cache(256)
def _contracting(
    rank_x: int, rank_y: int, axes_x: tuple[int, ...], axes_y: tuple[int, ...]
) -> DotGeneral:
    """The product that sums over pairs of axes."""
    labels_x = list(_LETTERS[:rank_x])
    labels_y = list(_LETTERS[rank_x : rank_x + rank_y])
    for i, j in zip(axes_x, axes_y, strict=True):
        labels_y[j] = labels_x[i]
    out = [c for i, c in enumerate(labels_x) if i not in axes_x]
    out += [c for j, c in enumerate(labels_y) if j not in axes_y]
    return dot_general(f"{''.join(labels_x)},{''.join(labels_y)}->{''.join(out)}")


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """``numpy.dot``: sums over the last axis of ``a`` and the last but one of ``b``."""
    refuse("dot", out=out)
    x, y = _pair(a, b)
    rank_x, rank_y = len(shape_of(x)), len(shape_of(y))
    if not rank_x or not rank_y:
        return mul(x, y)
    return _contraction("dot", x, y, [rank_x - 1], [max(rank_y - 2, 0)])


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """``numpy.inner``: sums over the last axes."""
    x, y = operands([a, b])
    rank_x, rank_y = len(shape_of(x)), len(shape_of(y))
    if not rank_x or not rank_y:
        return mul(x, y)
    return _contraction("inner", x, y, [rank_x - 1], [rank_y - 1])


def _flat(x: Any) -> Any:
    return reshape(x, (aval_of(x).size,))


@implements(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """``numpy.outer``."""
    refuse("outer", out=out)
    x, y = operands([a, b])
    return dot_general("i,j->ij")(_flat(x), _flat(y))


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """``numpy.vdot``: ``sum(conj(a) * b)`` over all elements."""
    x, y = operands([a, b])
    x, y = _flat(x), _flat(y)
    if shape_of(x) != shape_of(y):
        raise _unfit("vdot", x, y, 0, 0)
    return dot_general("i,i->")(_conjugate(x), y)


@implements(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """``numpy.tensordot``."""
    x, y = operands([a, b])
    rank_x, rank_y = len(shape_of(x)), len(shape_of(y))
    if not isinstance(axes, list | tuple) and np.ndim(axes) == 0:
        count = operator.index(axes)
        axes_x: Any = list(range(rank_x - count, rank_x))
        axes_y: Any = list(range(count))
    else:
        axes_x, axes_y = [
            list(part) if isinstance(part, list | tuple | np.ndarray) else [part] for part in axes
        ]
    normal_x = [axis_of(axis, rank_x) for axis in axes_x]
    normal_y = [axis_of(axis, rank_y) for axis in axes_y]
    if len(normal_x) != len(normal_y) or any(len({*n}) < len(n) for n in (normal_x, normal_y)):
        raise ShapeError(
            f"numpy.tensordot: axes={axes} do not fit {aval_of(x)} and {aval_of(y)}",
            "Give as many axes of one as of the other, each once.",
        )
    return _contraction("tensordot", x, y, normal_x, normal_y)


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    """``numpy.kron``."""
    x, y = operands([a, b])
    m, n = shape_of(x), shape_of(y)
    rank = max(len(m), len(n))
    m, n = (1,) * (rank - len(m)) + m, (1,) * (rank - len(n)) + n
    x = reshape(x, tuple([length for k in m for length in (k, 1)]))
    y = reshape(y, tuple([length for k in n for length in (1, k)]))
    return reshape(mul(x, y), tuple([i * j for i, j in zip(m, n, strict=True)]))


@implements(np.cross)
def cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    """``numpy.cross``; of two vectors of the plane it is a number, as long as NumPy has that."""
    if is_given(axis):
        axisa = axisb = axisc = axis
    x, y = operands([a, b])
    x = moveaxis(x, axis_of(axisa, len(shape_of(x))), -1)
    y = moveaxis(y, axis_of(axisb, len(shape_of(y))), -1)
    sizes = shape_of(x)[-1], shape_of(y)[-1]
    if not {2, 3}.issuperset(sizes):
        raise ShapeError(
            f"numpy.cross: got {aval_of(x)} and {aval_of(y)}, and only vectors of 3 components "
            "have a cross product",
            "Pad vectors of the plane with a zero.",
        )
    if 2 in sizes:
        np.cross(
            np.zeros(sizes[0]), np.zeros(sizes[1])
        )  # NumPy's own warning, or its error one day
        if sizes == (2, 2):
            return x[..., 0] * y[..., 1] - x[..., 1] * y[..., 0]
        x, y = [_in_space(v) for v in (x, y)]
    together = broadcast_shapes("cross", shape_of(x), shape_of(y))
    x, y = broadcast_operand("cross", x, together), broadcast_operand("cross", y, together)
    turn, back = (..., [1, 2, 0]), (..., [2, 0, 1])
    z = x[turn] * y[back] - x[back] * y[turn]
    return moveaxis(z, -1, axis_of(axisc, len(together)))


def _in_space(x: Any) -> Any:
    """Vectors of the plane with a third component 0."""
    if shape_of(x)[-1] == 3:
        return x
    return np.concatenate([x, np.zeros((*shape_of(x)[:-1], 1), aval_of(x).dtype)], -1)


def _matmul(self: Any, other: Any) -> Any:
    other = other if isinstance(other, _OTHERS) else array_like("matmul", other)
    return other if other is NotImplemented else _product(self, other)


def _rmatmul(self: Any, other: Any) -> Any:
    other = other if isinstance(other, _OTHERS) else array_like("matmul", other)
    return other if other is NotImplemented else _product(other, self)


Tracer.__matmul__ = entry(_matmul)  # type: ignore[attr-defined]
Tracer.__rmatmul__ = entry(_rmatmul)  # type: ignore[attr-defined]
