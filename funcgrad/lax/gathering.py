"""`gather` and `scatter` with XLA's dimension numbers.

What they mean is told by XLA's operation semantics (openxla.org/xla/operation_semantics, Gather and
Scatter). Each becomes one index array for each axis of the operand, and an indexing or an update by
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.trace import aval_of
from ..errors import ArgumentError, DtypeError, ShapeError
from ..numpy import at
from ..numpy.arguments import cast
from ..numpy.arguments import operand as as_operand
from ..numpy.modes import mode_name
from ..ops.linear import shape_of
from ..tree.treedef import a
from .options import GatherDimensionNumbers, ScatterDimensionNumbers

__all__ = [
    "gather",
    "scatter",
    "scatter_add",
    "scatter_apply",
    "scatter_max",
    "scatter_min",
    "scatter_mul",
    "scatter_sub",
]

Array = Any


def gather(
    operand: Array,
    start_indices: Array,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Sequence[int],
    *,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    mode: Any = None,
    fill_value: Any = None,
) -> Array:
    """Windows of one size, taken from an array at many places.

    Args:
        operand: An array.
        start_indices: Integers, ``(..., k)``: where each window starts, along ``k`` axes.
        dimension_numbers: Which axes are meant.
        slice_sizes: The lengths of a window along the axes of the operand.
        unique_indices: Without meaning here.
        indices_are_sorted: Without meaning here.
        mode: A `GatherScatterMode` or its name: ``"clip"`` moves windows inside, ``"fill"`` gives
            ``fill_value`` for those that do not lie inside; by default they raise.
        fill_value: With ``"fill"``: nan by default, for integers the smallest number, or the
            largest of unsigned ones.

    Returns:
        The windows, with the batch axes of the indices and the axes of the windows where
        ``dimension_numbers.offset_dims`` puts them.

    Raises:
        ShapeError: The numbers do not fit one another.
        DtypeError: An index is no integer.
        OutOfBoundsError: A window does not lie inside. (JAX moves it inside, or fills.)

    >>> x = np.arange(12.0).reshape(3, 4)
    >>> numbers = GatherDimensionNumbers((1,), (0,), (0,))
    >>> gather(x, np.array([[2], [0]]), numbers, (1, 4))
    array([[ 8.,  9., 10., 11.],
           [ 0.,  1.,  2.,  3.]])
    """
    _require(GatherDimensionNumbers, "gather", dimension_numbers)
    windows = _Windows("gather", operand, start_indices, dimension_numbers, slice_sizes)
    mode = mode_name("gather", mode or dimension_numbers.mode)
    taken = at(windows.x)[windows.places(mode)].get(mode=mode, fill_value=fill_value)
    return _placed(taken, windows.batch, windows.window, dimension_numbers.offset_dims)


def _require(cls: type, called: str, numbers: Any) -> None:
    fields = getattr(cls, "_fields", ())
    if not isinstance(numbers, tuple) or len(numbers) != len(fields):
        raise ArgumentError(
            f"{called}: dimension_numbers must be {a(cls.__name__)}, got {type(numbers).__name__}",
            f"Write {cls.__name__}({', '.join(fields[:3])}).",
        )


def _placed(x: Any, batch: Sequence[int], window: Sequence[int], offsets: Sequence[int]) -> Any:
    """``x`` of axes ``(*batch, *window)``, with those of the window moved to ``offsets``."""
    rank = len(batch) + len(window)
    if len(offsets) != len(window) or sorted({*offsets}) != list(offsets):
        raise ShapeError(
            f"gather: offset_dims={tuple(offsets)} for windows with {len(window)} axes",
            "Name one axis of the result for each, in growing order.",
        )
    return np.moveaxis(x, range(len(batch), rank), offsets)[()]


class _Windows:
    """Windows of an array: from the arguments of `gather` and `scatter` to index arrays.

    Attributes:
        x: The operand.
        batch: The axes of the places.
        window: The lengths of a window, without those of the axes that go.
    """

    def __init__(
        self,
        called: str,
        x: Any,
        indices: Any,
        numbers: GatherDimensionNumbers,
        sizes: Sequence[int],
        shown: Any = None,
    ) -> None:
        self.x, self.indices = as_operand(x), as_operand(indices)
        shape, places = shape_of(self.x), shape_of(self.indices)
        _, gone, starts, batching, of_indices, _ = numbers
        self.sizes, self.numbers = tuple(sizes), numbers
        if aval_of(self.indices).dtype.kind not in "iu":
            raise DtypeError(
                f"{called}: the indices must be integers, got {aval_of(self.indices)}",
                "Convert them with x.astype(int).",
            )
        fits = (
            len(self.sizes) == len(shape)
            and all(0 <= k <= n for k, n in zip(self.sizes, shape, strict=True))
            and places
            and places[-1] == len(starts)
            and all(0 <= i < len(shape) for i in (*gone, *starts, *batching))
            and len({*gone, *batching}) == len(gone) + len(batching)
            and len({*starts, *batching}) == len(starts) + len(batching)
            and all(self.sizes[i] == 1 for i in (*gone, *batching))
            and len(batching) == len(of_indices)
            and all(0 <= j < len(places) - 1 for j in of_indices)
            and all(shape[i] == places[j] for i, j in zip(batching, of_indices, strict=True))
        )
        if not fits:
            raise ShapeError(
                f"{called}: {shown or numbers} with windows of {self.sizes} and indices "
                f"{aval_of(self.indices)} do not fit {aval_of(self.x)}",
                "Give indices (..., k) for k axes, and windows that lie in the array, of length 1 "
                "along the axes that go.",
            )
        self.batch = places[:-1]
        self.kept = [i for i in range(len(shape)) if i not in (*gone, *batching)]
        self.window = tuple([self.sizes[i] for i in self.kept])

    def places(self, mode: str | None) -> tuple[Any, ...]:
        """An index array for each axis, of shape ``(*batch, *window)``.

        With ``"clip"`` windows are moved inside, with ``"fill"`` those that are partly outside are
        moved outside.
        """
        shape = shape_of(self.x)
        _, _, starts, batching, of_indices, _ = self.numbers
        rank = len(self.batch) + len(self.window)
        inside: Any = np.True_
        firsts: dict[int, Any] = {}
        for k, axis in enumerate(starts):
            first, last = self.indices[..., k].astype(np.int64), shape[axis] - self.sizes[axis]
            if mode == "clip":
                first = np.clip(first, 0, last)
            else:
                # A negative start would count from the end.
                inside = inside & (first >= 0) & (first <= last)
                first = np.where(first < 0, first - shape[axis], first)
            firsts[axis] = first
        for axis, j in zip(batching, of_indices, strict=True):
            sizes = [-1 if i == j else 1 for i in range(len(self.batch))]
            firsts[axis] = np.reshape(np.arange(shape[axis]), sizes)
        found: list[Any] = []
        for axis in range(len(shape)):
            first = firsts.get(axis, np.int64(0))
            if mode == "fill":
                first = np.where(inside, first, shape[axis])
            first = np.broadcast_to(first, self.batch)
            place = np.reshape(first, (*self.batch, *(1,) * len(self.window)))
            if axis in self.kept:
                own = len(self.batch) + self.kept.index(axis)
                steps = np.arange(self.sizes[axis])
                place = place + np.reshape(steps, [-1 if i == own else 1 for i in range(rank)])
            found.append(np.broadcast_to(place, (*self.batch, *self.window)))
        return tuple(found)


def _scatter(
    called: str,
    operand_: Any,
    indices: Any,
    given: tuple[int, ...],
    numbers: ScatterDimensionNumbers,
    mode: Any,
) -> tuple[Any, list[int], str | None]:
    """The places that updates of shape ``given`` go to.

    Returns:
        ``at(x)[places]``, the order of the axes of the updates in it, and the mode.
    """
    x = as_operand(operand_)
    shape = shape_of(x)
    _require(ScatterDimensionNumbers, called, numbers)
    axes, gone, starts, batching, of_indices, _ = numbers
    kept = [i for i in range(len(shape)) if i not in (*gone, *batching)]
    if len(kept) != len(axes) or any(not 0 <= i < len(given) for i in axes):
        raise ShapeError(
            f"{called}: update_window_dims={tuple(axes)} of updates {given}, where windows of "
            f"{aval_of(x)} have {len(kept)} axes",
            "Name one axis of the updates for each axis of the operand that is kept.",
        )
    sizes = [1] * len(shape)
    for i, j in zip(kept, axes, strict=True):
        sizes[i] = given[j]
    as_gather = GatherDimensionNumbers(tuple(axes), gone, starts, batching, of_indices)
    windows = _Windows(called, x, indices, as_gather, sizes, numbers)
    order = [*[i for i in range(len(given)) if i not in axes], *axes]
    if tuple([given[i] for i in order]) != (*windows.batch, *windows.window):
        raise ShapeError(
            f"{called}: got updates {given} for places {windows.batch} of windows {windows.window}",
            "Give one window for each place.",
        )
    mode = mode_name(called, mode or numbers.mode)
    return at(x)[windows.places(mode)], order, mode


_ARGUMENTS = """

    Args:
        operand: An array.
        scatter_indices: Integers, ``(..., k)``: where each window starts, along ``k`` axes.
        updates: The windows.
        dimension_numbers: Which axes are meant.
        indices_are_sorted: Without meaning here.
        unique_indices: A promise that no place repeats.
        mode: A `GatherScatterMode` or its name: ``"clip"`` moves windows inside, ``"drop"`` leaves
            out those that do not lie inside; by default they raise.

    Returns:
        A new array, of the operand's shape and dtype.

    Raises:
        ShapeError: The numbers do not fit one another.
        DtypeError: An index is no integer.
        NotTraceableError: Products or extremes at traced places that may repeat.
        OutOfBoundsError: A window does not lie inside. (JAX leaves it out.)
    """


def _public(name: str, method: str, says: str) -> Callable[..., Any]:
    def function(
        operand: Array,
        scatter_indices: Array,
        updates: Array,
        dimension_numbers: ScatterDimensionNumbers,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        y = as_operand(updates)
        place, order, name_of_mode = _scatter(
            name, operand, scatter_indices, shape_of(y), dimension_numbers, mode
        )
        y = cast(np.transpose(y, order), aval_of(as_operand(operand)).dtype)
        update = getattr(place, method)
        return update(y, unique_indices=unique_indices, mode=name_of_mode)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{says}{_ARGUMENTS}"
    return function


scatter = _public(
    "scatter", "set", "Windows written into an array; the last one where places repeat."
)
scatter_add = _public("scatter_add", "add", "Windows added to an array.")
scatter_sub = _public("scatter_sub", "subtract", "Windows subtracted from an array.")
scatter_mul = _public("scatter_mul", "multiply", "The elements at many places times windows.")
scatter_min = _public("scatter_min", "min", "The smaller of the elements there and windows.")
scatter_max = _public("scatter_max", "max", "The larger of the elements there and windows.")


def scatter_apply(
    operand: Array,
    scatter_indices: Array,
    func: Callable[[Array], Array],
    dimension_numbers: ScatterDimensionNumbers,
    *,
    update_shape: Sequence[int] = (),
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: Any = None,
) -> Array:
    """A function applied to the elements of windows, once for every time that a place occurs.

    Args:
        operand: As in `scatter`.
        scatter_indices: As in `scatter`.
        func: An elementwise function.
        dimension_numbers: As in `scatter`.
        update_shape: The shape that updates would have.
        indices_are_sorted: Without meaning here.
        unique_indices: A promise that no place repeats.
        mode: As in `scatter`.

    >>> numbers = ScatterDimensionNumbers((), (0,), (0,))
    >>> scatter_apply(np.ones(3), np.array([[1]]), lambda x: 5 * x, numbers, update_shape=(1,))
    array([1., 5., 1.])
    """
    place, _, name = _scatter(
        "scatter_apply", operand, scatter_indices, tuple(update_shape), dimension_numbers, mode
    )
    return place.apply(func, unique_indices=unique_indices, mode=name)
