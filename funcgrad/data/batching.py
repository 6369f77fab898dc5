"""Batches, in an order that a key decides: of arrays, or of the examples of a data set."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import random
from .. import tree as trees
from .._publish import entries
from ..core.trace import Tracer
from ..errors import ArgumentError, ConcretizationError, ShapeError, StructureError
from ..tree.treedef import TreeDef, a
from .prefetching import prefetch

__all__ = ["Batches", "batches"]


def batches(
    arrays: Any,
    size: int,
    key: Any = None,
    epochs: int | None = 1,
    drop_last: bool = False,
    *,
    start: int = 0,
    prefetch: int = 0,
) -> Batches:
    """Batches of a pytree of arrays, or of a data set.

    Epoch ``e`` has the examples in the order ``random.permutation(random.fold_in(key, e), n)``,
    each once. Batches are a function of the arguments alone: whoever loops again gets them again,
    and ``start`` goes on where a run was stopped.

    Args:
        arrays: A pytree of arrays whose first axes are of one length, that of the examples; or an
            object with ``len`` and ``[i]`` that is no array, as PyTorch's data sets are, whose
            examples are pytrees of one structure, which are stacked.
        size: The number of examples in a batch.
        key: A key of `funcgrad.random`, which shuffles; None for the order that they have.
        epochs: How often all examples are used; None for ever.
        drop_last: Whether to leave out the last batch of an epoch where it is smaller. A compiled
            function is compiled once more for it.
        start: How many batches to pass over, without making them.
        prefetch: How many batches a thread makes ahead of the loop; 0 for no thread. It pays where
            examples are read or decoded, not where arrays are at hand.

    Returns:
        A `Batches`: something to loop over, with a ``len``, as progress bars want it.

    Raises:
        ShapeError: The lengths differ, or there are no examples, or none fills a batch.
        ArgumentError: ``size``, ``epochs``, ``start`` or ``prefetch`` is no such number.
        StructureError: While looping: two examples of a data set have different structures.
        ConcretizationError: An array is traced.

    >>> data = {"x": np.arange(5.0), "y": np.arange(5)}
    >>> [batch["y"].tolist() for batch in batches(data, 2)]
    [[0, 1], [2, 3], [4]]
    >>> [batch["y"].tolist() for batch in batches(data, 2, random.key(0), drop_last=True)]
    [[1, 4], [2, 3]]
    """
    size, start = _number("size", size, 1), _number("start", start, 0)
    ahead = _number("prefetch", prefetch, 0)
    epochs = None if epochs is None else _number("epochs", epochs, 1)
    source: Any = _DataSet(arrays) if _is_data_set(arrays) else _Arrays(arrays)
    if key is not None:
        random.fold_in(key, 0)  # a key that is none is refused here, not in the loop
        key = np.array(key)
    found = Batches(
        source,
        key,
        size=size,
        epochs=epochs,
        drop_last=bool(drop_last),
        start=start,
        prefetch=ahead,
    )
    if not found.per_epoch:
        raise ShapeError(
            f"batches: {source.length} examples fill no batch of {size}"
            if source.length
            else "batches: there are no examples",
            "Give more examples, a smaller size, or drop_last=False.",
        )
    return found


@entries
class Batches:
    """Something to loop over, any number of times. Made by `batches`.

    Attributes:
        per_epoch: The number of batches in an epoch.
    """

    def __init__(
        self,
        source: Any,
        key: Any,
        *,
        size: int,
        epochs: int | None,
        drop_last: bool,
        start: int,
        prefetch: int,
    ) -> None:
        self._source, self._key = source, key
        self._size, self._epochs, self._start = size, epochs, start
        self._prefetch = prefetch
        whole, rest = divmod(source.length, size)
        self.per_epoch: int = whole + (rest > 0 and not drop_last)

    def __len__(self) -> int:
        if self._epochs is None:
            raise TypeError("batches without end (epochs=None) have no len")
        return max(self._epochs * self.per_epoch - self._start, 0)

    def __iter__(self) -> Iterator[Any]:
        made = self._make()
        return prefetch(made, self._prefetch) if self._prefetch else made

    def __repr__(self) -> str:
        many = "endless" if self._epochs is None else len(self)
        return f"<{many} batches of {self._size} from {self._source.length} examples>"

    def _make(self) -> Iterator[Any]:
        first, skipped = divmod(self._start, self.per_epoch)
        epochs = itertools.count(first) if self._epochs is None else range(first, self._epochs)
        for epoch in epochs:
            order = self._order(epoch)
            for batch in range(skipped, self.per_epoch):
                yield self._source.take(order[batch * self._size : (batch + 1) * self._size])
            skipped = 0

    def _order(self, epoch: int) -> Any:
        n = self._source.length
        if self._key is None:
            return np.arange(n)
        return random.permutation(random.fold_in(self._key, epoch), n)


class _Arrays:
    """A pytree of arrays with one first length."""

    def __init__(self, arrays: Any) -> None:
        leaves, self._treedef = trees.flatten(arrays)
        names = [trees.path_string(path) or "the root" for path in self._treedef.paths()]
        self._leaves = [_array(x, name) for x, name in zip(leaves, names)]
        if not self._leaves:
            raise ShapeError(
                "batches: there are no arrays in the tree", "Give batches({'x': x, 'y': y}, 32)."
            )
        self.length: int = self._leaves[0].shape[0]
        for x, name in zip(self._leaves, names):
            if len(x) != self.length:
                raise ShapeError(
                    f"batches: {len(x)} examples at {name}, and {self.length} at {names[0]}",
                    "The first axis of every array counts the examples.",
                )

    def take(self, index: Any) -> Any:
        return trees.unflatten(self._treedef, [x[index] for x in self._leaves])


def _array(x: Any, name: str) -> Any:
    if isinstance(x, Tracer):
        raise ConcretizationError(
            f"batches: the array at {name} is traced",
            "Loop outside of the transform; inside of it use random.permutation and scan.",
        )
    if not isinstance(x, np.ndarray):
        x = np.asarray(x)
    if not x.ndim or x.dtype == object:
        what = "a scalar" if not x.ndim else "an array of objects"
        raise ShapeError(
            f"batches: {what} at {name}, where an array of examples is meant",
            "Write numpy.array(...) for a list: a list is a pytree, whose elements are the arrays.",
        )
    return x


def _is_data_set(x: Any) -> bool:
    """Whether it has examples by index, and is neither a container of pytrees nor an array."""
    plain = hasattr(x, "__getitem__") and hasattr(x, "__len__")
    array = hasattr(x, "__array__")
    return plain and not array and trees.structure(x) is trees.LEAF and not isinstance(x, str)


class _DataSet:
    """What PyTorch calls a map-style data set; ``__getitems__`` is its protocol for several."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self.length: int = len(data)

    def take(self, index: Any) -> Any:
        positions: list[int] = index.tolist()
        several: Any = getattr(self._data, "__getitems__", None)
        examples: Any = several(positions) if several else [self._data[i] for i in positions]
        treedef: TreeDef = trees.structure(examples[0])
        rows = [
            trees.flatten_up_to(
                treedef, example, f"batches: example {i}", f"example {positions[0]}"
            )
            for i, example in zip(positions, examples)
        ]
        paths = treedef.paths()
        return trees.unflatten(
            treedef,
            [_stack(column, trees.path_string(path)) for column, path in zip(zip(*rows), paths)],
        )


def _stack(column: Sequence[Any], name: str) -> Any:
    parts = [np.asarray(x) for x in column]
    shapes = {x.shape for x in parts}
    if len(shapes) > 1:
        one, two, *_ = sorted(shapes)
        raise ShapeError(
            f"batches: examples of shapes {one} and {two}" + (f" at {name}" if name else ""),
            "Pad or crop them to one shape in the data set.",
        )
    if parts[0].dtype == object:
        raise StructureError(
            f"batches: examples are no numbers, but {a(type(column[0]).__name__)}",
            "Let the data set give arrays and numbers.",
        )
    return np.stack(parts)


def _number(name: str, value: Any, least: int) -> int:
    try:
        found = operator.index(value)
    except TypeError:
        found = least - 1
    if found < least or isinstance(value, bool):
        raise ArgumentError(
            f"batches: {name} is an integer >= {least}, got {value!r}",
            f"Write batches(arrays, size, ..., {name}={max(least, 1)})."
            if name != "size"
            else "Write batches(arrays, 32).",
        )
    return found
