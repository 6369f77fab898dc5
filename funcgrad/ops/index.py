"""Indexing and its transposes. Basic and advanced indexing are one primitive.

``x[index]`` is linear in ``x``; its transpose puts a cotangent back into zeros: `Scatter` where no
place repeats, else `ScatterAdd`. `IndexSet` and `IndexAdd` are the functional forms of
``x[index] = y`` and ``x[index] += y``. Negative and out-of-range indices mean what they mean in
NumPy, also where the indices are traced, because each of these runs NumPy's own indexing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.ir import Aval, Shape, make_aval
from ..core.plain import plain
from ..core.primitive import Primitive, primitive
from ..core.trace import aval_of
from ..errors import ShapeError
from .kernels import index as index_kernels
from .layout import (
    OPERAND,
    Index,
    distinct,
    fill,
    hash_of,
    layout,
    out_of_bounds,
    takes_all,
    text_of,
)
from .linear import Linear, Transpose, broadcast_to, everywhere, reshape, shape_of, sum_to
from .select import select

__all__ = [
    "GetItem",
    "GetMasked",
    "IndexAdd",
    "IndexSet",
    "LastWrites",
    "Scatter",
    "ScatterAdd",
    "ScatterOnto",
    "ScatterSum",
    "Update",
    "scatter_to",
]


class _Indexed(Linear):
    """What primitives with the field ``index`` share."""

    index: Index
    # The arrays in the index are read by the transposes.
    saves = True

    def __hash__(self) -> int:
        return hash((type(self), hash_of(self.index), self.parameters()[1:]))

    def __str__(self) -> str:
        return f"{self.name}[{text_of(self.index)}]"


def _constant(index: Index, arrays: Sequence[str]) -> str:
    """``index`` as an argument in source."""
    comma = "," if len(index) == 1 else ""
    return f"np.s_[{text_of(index, arrays)}{comma}]"


@primitive
class GetItem(_Indexed):
    """``x[index]``; further operands are the integers and arrays of integers in the index."""

    index: Index

    def __init__(self, index: Index) -> None:
        self.index = plain(index)

    def source(self, *operands: str) -> str:
        x, *arrays = operands
        return f"{x}[{text_of(self.index, arrays)}]"

    def run(self, x: Any, *arrays: Any) -> Any:
        try:
            return x[fill(self.index, arrays) if arrays else self.index]
        except IndexError as error:
            raise out_of_bounds(error) from None

    def aval(self, x: Aval, *arrays: Aval) -> Aval:
        shape, _, _ = layout(self.index, x.shape, [a.shape for a in arrays])
        return make_aval(shape, x.dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, *arrays = operands
        ct_x = scatter_to(ct, self.index, shape_of(x), arrays)
        return ct_x, *[None for _ in arrays]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        x, *arrays = operands
        to = _Batched(self.index, size, batched[1:], arrays, shape_of(x)[batched[0] :], batched[0])
        return to.bring(type(self)(to.index)(x, *to.arrays))


@primitive
class GetMasked(GetItem):
    """`GetItem` with the places of a boolean mask: a choice, below which cotangents are masked."""

    masks = True


@primitive
class Scatter(_Indexed):
    """Zeros of ``shape`` with ``y`` at ``index``, which means no place twice."""

    index: Index
    shape: Shape
    numpy = index_kernels.scatter

    def __init__(self, index: Index, shape: Shape) -> None:
        self.index = plain(index)
        self.shape = plain(shape)

    def source(self, *operands: str) -> str:
        y, *arrays = operands
        return f"{self.numpy.__name__}({y}, {_constant(self.index, arrays)}, {self.shape})"

    def run(self, y: Any, *arrays: Any) -> Any:
        try:
            return type(self).numpy(y, fill(self.index, arrays), self.shape)
        except IndexError as error:
            raise out_of_bounds(error) from None

    def aval(self, y: Aval, *arrays: Aval) -> Aval:
        return make_aval(self.shape, y.dtype)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        arrays = operands[1:]
        return GetItem(self.index)(ct, *arrays), *[None for _ in arrays]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        y, *arrays = operands
        to = _Batched(self.index, size, batched[1:], arrays, self.shape, True)
        if not batched[0]:
            y = broadcast_to(y, (size, *shape_of(y)))
        return type(self)(to.index, (size, *self.shape))(to.send(y), *to.arrays)


@primitive
class ScatterAdd(Scatter):
    """Zeros of ``shape`` with ``y`` added at ``index``, where places may repeat."""

    numpy = index_kernels.scatter_add
    run = Scatter.run


_EXACT = "Parts have exactly the type of what their index takes; broadcast or convert them before."


def _check_part(name: str, index: Index, whole: Aval, part: Aval, arrays: Sequence[Aval]) -> None:
    """Raise where ``part`` is not of the type of ``whole[index]``, to which it is added."""
    shape, _, _ = layout(index, whole.shape, [a.shape for a in arrays])
    if part.shape != shape or part.dtype != whole.dtype:
        raise ShapeError(f"{name}: {part} is added to a part of {whole} of shape {shape}", _EXACT)


@primitive
class ScatterSum(Linear):
    """Parts added one after another, each at an index without arrays, to zeros or to a base.

    It stands for a sum of `Scatter`, which `funcgrad.compile` finds: the cotangents of ``x[0]``,
    ``x[1:]`` and so on meet in one array.

    Attributes:
        indices: Where each part belongs.
        shape: The shape of the sum.
        dtype: Its dtype, and that of every operand.
        based: Whether the first operand is what they are added to.
    """

    indices: tuple[Index, ...]
    shape: Shape
    dtype: np.dtype[Any]
    based: bool

    def __hash__(self) -> int:
        return hash((*map(hash_of, self.indices), self.shape, self.dtype, self.based))

    def __str__(self) -> str:
        return f"{self.name}[{'; '.join(map(text_of, self.indices))}]"

    def source(self, *operands: str) -> str:
        zeros = f"np.zeros({self.shape}, np.{self.dtype.name})"
        start = f"{operands[0]} + 0.0" if self.based else zeros
        parts = zip(operands[self.based :], self.indices, strict=True)
        return f"add_at({', '.join([start, *[f'({y}, {_constant(i, ())})' for y, i in parts]])})"

    def run(self, *operands: Any) -> Any:
        # A sum with zeros elsewhere: -0.0 becomes 0.0 there.
        start = operands[0] + 0.0 if self.based else np.zeros(self.shape, self.dtype)
        return index_kernels.add_at(start, *zip(operands[self.based :], self.indices, strict=True))

    def aval(self, *avals: Aval) -> Aval:
        whole = make_aval(self.shape, self.dtype)
        for index, part in zip(self.indices, avals[self.based :], strict=True):
            _check_part(self.name, index, whole, part, ())
        if self.based and avals[0] != whole:
            raise ShapeError(f"{self.name}: {avals[0]} in the place of {whole}", _EXACT)
        return whole

    def transpose(self, ct: Any, *operands: Any) -> Any:
        parts = [GetItem(index)(ct) for index in self.indices]
        return (ct, *parts) if self.based else tuple(parts)

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        indices = tuple([(slice(None), *index) for index in self.indices])
        whole = type(self)(indices, (size, *self.shape), self.dtype, self.based)
        return whole(*everywhere(size, batched, operands))


class Update(_Indexed):
    """``index`` of ``x`` changed by ``y``, which broadcasts to what ``x[index]`` is.

    Attributes:
        in_place: What does it to ``x`` itself, where nobody else reads that any more.
    """

    in_place: ClassVar[Callable[..., Any]]

    def source(self, *operands: str) -> str:
        return self._call(self.numpy, *operands)

    def source_in_place(self, *operands: str) -> str:
        """The text that changes ``x`` itself."""
        return self._call(type(self).in_place, *operands)

    def _call(self, function: Callable[..., Any], x: str, y: str, *arrays: str) -> str:
        return f"{function.__name__}({x}, {y}, {_constant(self.index, arrays)})"

    def run(self, x: Any, y: Any, *arrays: Any) -> Any:
        try:
            return type(self).numpy(x, y, fill(self.index, arrays))
        except IndexError as error:
            raise out_of_bounds(error) from None

    def aval(self, x: Aval, y: Aval, *arrays: Aval) -> Aval:
        shape, _, _ = layout(self.index, x.shape, [a.shape for a in arrays])
        if y.shape not in ((), shape):
            try:
                fits = np.broadcast_shapes(y.shape, shape) == shape
            except ValueError:
                fits = False
            if not fits:
                raise ShapeError(
                    f"{self.name}: {y} does not broadcast to the indexed part, of shape {shape}",
                    "Give a value with the shape of x[index], or one that broadcasts to it.",
                )
        return x

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        x, y, *arrays = operands
        if not batched[0]:
            x = broadcast_to(x, (size, *shape_of(x)))
        shape = shape_of(x)[1:]
        to = _Batched(self.index, size, batched[2:], arrays, shape, True)
        if batched[1]:
            missing = len(to.result) - len(shape_of(y)) + 1
            y = reshape(y, (size, *(1,) * missing, *shape_of(y)[1:]))
        if shape_of(y):
            y = to.send(broadcast_to(y, (size, *to.result)))
        return type(self)(to.index)(x, y, *to.arrays)


@primitive
class IndexSet(Update):
    """A copy of ``x`` with ``y`` at ``index``; where a place repeats, the last value stays."""

    index: Index
    numpy = index_kernels.index_set
    in_place = index_kernels.put_at
    run = Update.run

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        x, y, *arrays = operands
        ct_x = ct_y = None
        if wanted[1]:
            ct_y = GetItem(self.index)(ct, *arrays)
            if not distinct(arrays):
                last = LastWrites(self.index, shape_of(x))(*arrays)
                ct_y = select(last, ct_y, 0.0)
            ct_y = sum_to(ct_y, shape_of(y))
        if wanted[0]:  # last, so that it can be done to the cotangent itself
            ct_x = self(ct, aval_of(ct).dtype.type(0), *arrays)
        return ct_x, ct_y, *[None for _ in arrays]


@primitive
class IndexAdd(Update):
    """A copy of ``x`` with ``y`` added at ``index``; to a place that repeats, each time."""

    index: Index
    numpy = index_kernels.index_add
    in_place = index_kernels.add_in
    run = Update.run

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        _, y, *arrays = operands
        ct_y = sum_to(GetItem(self.index)(ct, *arrays), shape_of(y)) if wanted[1] else None
        return ct, ct_y, *[None for _ in arrays]


@primitive
class ScatterOnto(IndexAdd):
    """``x`` plus what is scattered, ``x + Scatter(index, shape)(y)``: no place is meant twice."""

    numpy = index_kernels.scatter_onto
    in_place = index_kernels.scatter_in
    run = Update.run

    def aval(self, x: Aval, y: Aval, *arrays: Aval) -> Aval:
        _check_part(self.name, self.index, x, y, arrays)
        return x


@primitive
class LastWrites(Primitive):
    """Which elements of ``y`` in ``z[index] = y`` are not overwritten by a later one."""

    index: Index
    shape: Shape
    numpy = index_kernels.last_writes
    discrete = True
    saves = False
    __hash__ = _Indexed.__hash__
    __str__ = _Indexed.__str__

    def source(self, *operands: str) -> str:
        return f"last_writes({_constant(self.index, operands)}, {self.shape})"

    def run(self, *arrays: Any) -> Any:
        return index_kernels.last_writes(fill(self.index, arrays), self.shape)

    def aval(self, *arrays: Aval) -> Aval:
        shape, _, _ = layout(self.index, self.shape, [a.shape for a in arrays])
        return make_aval(shape, np.dtype(np.bool_))

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return None

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        return [None for _ in operands]

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        to = _Batched(self.index, size, batched, operands, self.shape, True)
        return to.bring(LastWrites(to.index, (size, *self.shape))(*to.arrays))


def scatter_to(ct: Any, index: Index, shape: Shape, arrays: Sequence[Any]) -> Any:
    """The transpose of `GetItem`: zeros of ``shape`` with ``ct`` added at ``index``.

    Args:
        ct: Of the shape of what ``index`` gives.
        index: The index.
        shape: The shape of what it indexes.
        arrays: Its operands.
    """
    if not arrays and takes_all(index):
        return reshape(ct, shape)
    kind = Scatter if distinct(arrays) else ScatterAdd
    return kind(index, shape)(ct, *arrays)


class _Batched:
    """An index for a whole batch, and the way of dimensions between one example and the batch.

    Args:
        index: The index of one example.
        size: The length of the batch.
        batched: Which of ``arrays`` have a leading batch axis.
        arrays: The operands in the index.
        shape: The shape of one example of what is indexed.
        lead: Whether what is indexed has a leading batch axis.

    Attributes:
        index: The index of the batch.
        arrays: Its operands.
        result: The shape of what one example gives.
    """

    __slots__ = ("_axes", "_back", "arrays", "index", "result")

    def __init__(
        self,
        index: Index,
        size: int,
        batched: Sequence[bool],
        arrays: Sequence[Any],
        shape: Shape,
        lead: bool,
    ) -> None:
        shapes = [shape_of(a)[b:] for a, b in zip(arrays, batched, strict=True)]
        self.result, at, rank = layout(index, shape, shapes)
        self._axes: tuple[int, ...] | None = None
        if not any(batched):
            self.index, self.arrays = ((slice(None), *index) if lead else index), arrays
            if lead and rank:
                # Operands that stand apart put their dimensions before the batch.
                _, now, _ = layout(self.index, (size, *shape), shapes)
                if now == 0:
                    rest = range(rank + 1, len(self.result) + 1)
                    self._order([*range(1, rank + 1), 0, *rest])
            return
        taken = [
            reshape(a, (size, *(1,) * (rank - len(s)), *s)) if b else a
            for a, b, s in zip(arrays, batched, shapes, strict=True)
        ]
        if lead:
            taken.insert(0, np.arange(size).reshape((size, *(1,) * rank)))
            index, shape = (OPERAND, *index), (size, *shape)
        self.index, self.arrays = index, taken
        _, now, _ = layout(index, shape, [shape_of(a) for a in taken])
        # By where they belong: the batch, dimensions before the operands', theirs, those behind.
        others = [i + 1 for i in range(len(self.result)) if not at <= i < at + rank]
        own = range(at + 1, at + 1 + rank)
        self._order([*others[:now], 0, *own, *others[now:]])

    def _order(self, raw: Sequence[int]) -> None:
        """``raw`` names the axes in the order NumPy gives them, by where they belong."""
        axes = sorted(range(len(raw)), key=raw.__getitem__)
        if axes != list(range(len(raw))):
            self._axes = tuple(axes)
            self._back = tuple(raw)

    def bring(self, result: Any) -> Any:
        """What NumPy gives for the batch, with the batch first and the rest as in one example."""
        return result if self._axes is None else Transpose(self._axes)(result)

    def send(self, y: Any) -> Any:
        """The inverse of `bring`."""
        return y if self._axes is None else Transpose(self._back)(y)
