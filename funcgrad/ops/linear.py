"""The linear kind, and the four structural primitives that other rules are written with.

Sum, broadcast_to, reshape and transpose stand together because each is the transpose of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.ir import Aval, Shape, make_aval
from ..core.primitive import Primitive, primitive
from ..core.residuals import zeros_of
from ..core.trace import aval_of
from ..errors import ShapeError

__all__ = [
    "BroadcastTo",
    "Linear",
    "Reshape",
    "Sum",
    "Transpose",
    "broadcast_to",
    "everywhere",
    "make",
    "move_axis",
    "reshape",
    "shape_of",
    "sum_to",
    "transpose",
    "zeros",
]


@lru_cache(4096)
def make(cls: Any, field: Any) -> Any:
    """The primitive ``cls(field)``; one object, as making one costs more than calling it."""
    return cls(field)


def shape_of(x: Any) -> Shape:
    """The shape of an array, a tracer or a scalar."""
    return x.aval.shape if hasattr(x, "aval") else getattr(x, "shape", ())


def zeros(aval: Aval) -> Any:
    """Zeros of a type: a NumPy scalar, or what takes no memory: a read-only array, a tape."""
    return zeros_of(aval)


class Linear(Primitive):
    """Linear in its inexact operands: a tangent goes through the primitive itself.

    Operands of integer or boolean dtype (indices) carry no tangent. A subclass states
    `transpose`, which is reverse mode.
    """

    saves = False
    passes_mask = True

    def transpose(self, ct: Any, *operands: Any) -> Any:
        """The cotangent of the operand (a tuple for several); operands are read for shape only."""
        raise self._missing("transpose")

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        if len(operands) == 1:
            return None if tangents[0] is None else self(tangents[0])
        if all(t is None for t in tangents):
            return None
        mixed = []
        for x, t in zip(operands, tangents, strict=True):
            aval = aval_of(x)
            mixed.append(t if t is not None else zeros(aval) if aval.inexact else x)
        return self(*mixed)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        cts = self.transpose(ct, *operands)
        return cts if isinstance(cts, tuple) else (cts,)


@primitive
class Sum(Linear):
    """Sum over ``axes``, which are dropped: ``y = sum_i x[i]``."""

    axes: tuple[int, ...]
    numpy = "np.add.reduce({0}, axis={axes})"

    def aval(self, x: Aval) -> Aval:
        return make_aval(_without(x.shape, self.axes), x.dtype)

    def transpose(self, ct: Any, x: Any) -> Any:
        shape = shape_of(x)
        if len(self.axes) == len(shape):
            return broadcast_to(ct, shape)
        kept = tuple([1 if i in self.axes else n for i, n in enumerate(shape)])
        return broadcast_to(reshape(ct, kept), shape)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return make(Sum, tuple([axis + 1 for axis in self.axes]))(*operands)


@primitive
class BroadcastTo(Linear):
    """Repeat along new leading axes and axes of length 1, to ``shape``."""

    shape: tuple[int, ...]
    numpy = "np.broadcast_to({0}, {shape})"

    def run(self, x: Any) -> Any:
        array = x if isinstance(x, np.ndarray) else np.asarray(x)
        shape, own = self.shape, array.shape
        lead = len(shape) - len(own)
        if not array.flags.c_contiguous or not _fits(own, shape[lead:]):
            return np.broadcast_to(array, shape)
        # The same view at a third of the cost.
        strides = [0 if n == 1 else step for n, step in zip(own, array.strides, strict=True)]
        view = np.ndarray(shape, array.dtype, array, 0, (*(0,) * lead, *strides))
        view.flags.writeable = False
        return view

    def aval(self, x: Aval) -> Aval:
        return make_aval(self.shape, x.dtype)

    def transpose(self, ct: Any, x: Any) -> Any:
        return sum_to(ct, shape_of(x))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        (x,) = operands
        inner = shape_of(x)[1:]
        lead = (1,) * (len(self.shape) - len(inner))
        return broadcast_to(reshape(x, (size, *lead, *inner)), (size, *self.shape))


@primitive
class Reshape(Linear):
    """The same numbers in C order under another shape."""

    shape: tuple[int, ...]
    numpy = "np.reshape({0}, {shape})"

    def run(self, x: Any) -> Any:
        out = x.reshape(self.shape) if isinstance(x, np.ndarray) else np.reshape(x, self.shape)
        return out if self.shape else out[()]

    def source(self, *operands: str) -> str:
        return super().source(*operands) + ("" if self.shape else "[()]")

    def aval(self, x: Aval) -> Aval:
        if make_aval(self.shape, x.dtype).size != x.size:
            raise ShapeError(
                f"reshape: cannot reshape {x} into shape {self.shape}",
                "Give a shape with the same number of elements.",
            )
        return make_aval(self.shape, x.dtype)

    def transpose(self, ct: Any, x: Any) -> Any:
        return reshape(ct, shape_of(x))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return reshape(operands[0], (size, *self.shape))


@primitive
class Transpose(Linear):
    """Permute the axes: axis ``i`` of the result is axis ``axes[i]`` of the operand."""

    axes: tuple[int, ...]
    numpy = "np.transpose({0}, {axes})"

    def aval(self, x: Aval) -> Aval:
        return make_aval(tuple([x.shape[axis] for axis in self.axes]), x.dtype)

    def transpose(self, ct: Any, x: Any) -> Any:
        inverse = sorted(range(len(self.axes)), key=self.axes.__getitem__)
        return transpose(ct, tuple(inverse))

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return transpose(operands[0], (0, *[axis + 1 for axis in self.axes]))


def _fits(own: Shape, shape: Shape) -> bool:
    """Whether ``own`` broadcasts to ``shape``, of its rank and without axes of length 0."""
    return (
        len(own) == len(shape)
        and all(n == m or n == 1 for n, m in zip(own, shape))
        and 0 not in shape
    )


def _without(shape: Shape, axes: Sequence[int]) -> Shape:
    return tuple([n for i, n in enumerate(shape) if i not in axes])


def reshape(x: Any, shape: Shape) -> Any:
    """`Reshape`, or ``x`` itself where it has the shape."""
    return x if shape_of(x) == shape else make(Reshape, shape)(x)


def broadcast_to(x: Any, shape: Shape) -> Any:
    """`BroadcastTo`, or ``x`` itself where it has the shape."""
    return x if shape_of(x) == shape else make(BroadcastTo, shape)(x)


def move_axis(x: Any, source: int, destination: int) -> Any:
    """`Transpose` that moves one axis, or ``x`` itself where there is nothing to move."""
    if source == destination:
        return x
    axes = [axis for axis in range(len(shape_of(x))) if axis != source]
    axes.insert(destination, source)
    return make(Transpose, tuple(axes))(x)


def transpose(x: Any, axes: tuple[int, ...]) -> Any:
    """`Transpose`, or ``x`` itself where the axes are in order."""
    return x if axes == tuple(range(len(axes))) else make(Transpose, axes)(x)


def everywhere(size: int, batched: Sequence[bool], operands: Sequence[Any]) -> list[Any]:
    """The operands, all with a leading batch axis."""
    return [
        x if is_batched else broadcast_to(x, (size, *shape_of(x)))
        for x, is_batched in zip(operands, batched, strict=True)
    ]


def sum_to(x: Any, shape: Shape) -> Any:
    """Sum ``x`` over the axes along which ``shape`` was broadcast to get its shape."""
    given = shape_of(x)
    if given == shape:
        return x
    lead = len(given) - len(shape)
    axes = [i for i, n in enumerate(given) if i < lead or (n != 1 and shape[i - lead] == 1)]
    return reshape(make(Sum, tuple(axes))(x) if axes else x, shape)
