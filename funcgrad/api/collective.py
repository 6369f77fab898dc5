"""Collectives over pytrees: sums, means, extrema across the elements of a named axis."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from .. import tree
from ..core.axes import Axis, axis_named
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, DtypeError, ShapeError, entry
from ..ops.collective import AllGather, PMax, PMean, PMin, PSum, PSumScatter
from ..ops.convert import convert
from ..ops.linear import move_axis, reshape
from ..tree.treedef import a

__all__ = [
    "all_gather",
    "axis_index",
    "axis_size",
    "pmax",
    "pmean",
    "pmin",
    "psum",
    "psum_scatter",
]

AxisName = Hashable | Sequence[Hashable]


@entry
def psum(x: Any, axis_name: AxisName) -> Any:
    """The sum of ``x`` over a mapped axis, the same for each of its elements.

    ``vmap(lambda x: psum(x, "i"), axis_name="i")(xs)[k] == numpy.sum(xs, axis=0)``, with NumPy's
    dtype. A value that does not differ along the axis is counted once an element, so
    ``psum(1, "i")`` is the length of the axis.

    Derivatives are those of all elements' results by all elements' values. Where each element takes
    the gradient of its own result (`grad` inside of `vmap`), that is the gradient of the sum of all
    results: ``vmap(grad(lambda x: psum(x, "i")), axis_name="i")(xs)`` is the length of the axis.

    Args:
        x: A pytree of arrays and numbers.
        axis_name: The name given to `vmap`, or a tuple of names.

    Returns:
        A pytree like ``x``.

    Raises:
        ArgumentError: Where no open mapped axis has the name.

    >>> import numpy as np
    >>> from funcgrad import vmap
    >>> vmap(lambda x: x / psum(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
    array([0.25, 0.75])
    """
    return _over(x, axis_name, "psum", _sum)


@entry
def pmean(x: Any, axis_name: AxisName) -> Any:
    """The mean of ``x`` over a mapped axis, the same for each of its elements.

    Args:
        x: A pytree of arrays and numbers; integers become floats.
        axis_name: The name given to `vmap`, or a tuple of names.

    Returns:
        A pytree like ``x``.

    Raises:
        ArgumentError: Where no open mapped axis has the name.

    >>> import numpy as np
    >>> from funcgrad import vmap
    >>> vmap(lambda x: x - pmean(x, "i"), axis_name="i")(np.array([1.0, 3.0]))
    array([-1.,  1.])
    """
    return _over(x, axis_name, "pmean", _mean)


@entry
def pmax(x: Any, axis_name: AxisName) -> Any:
    """The largest ``x`` along a mapped axis, the same for each of its elements.

    Elements that attain it share the cotangent equally, as with `numpy.max`.

    Args:
        x: A pytree of arrays and numbers.
        axis_name: The name given to `vmap`, or a tuple of names.

    Returns:
        A pytree like ``x``.

    Raises:
        ArgumentError: Where no open mapped axis has the name.

    >>> import numpy as np
    >>> from funcgrad import vmap
    >>> vmap(lambda x: x / pmax(abs(x), "i"), axis_name="i")(np.array([1.0, -4.0]))
    array([ 0.25, -1.  ])
    """
    return _over(x, axis_name, "pmax", lambda leaf, axis: _reduce(_PMAX, leaf, axis))


@entry
def pmin(x: Any, axis_name: AxisName) -> Any:
    """The smallest ``x`` along a mapped axis, the same for each of its elements.

    Args:
        x: A pytree of arrays and numbers.
        axis_name: The name given to `vmap`, or a tuple of names.

    Returns:
        A pytree like ``x``.

    Raises:
        ArgumentError: Where no open mapped axis has the name.

    >>> import numpy as np
    >>> from funcgrad import vmap
    >>> vmap(lambda x: x - pmin(x, "i"), axis_name="i")(np.array([3.0, 5.0]))
    array([0., 2.])
    """
    return _over(x, axis_name, "pmin", lambda leaf, axis: _reduce(_PMIN, leaf, axis))


@entry
def all_gather(x: Any, axis_name: Hashable, *, axis: int = 0, tiled: bool = False) -> Any:
    """The values of all elements of a mapped axis, for each of them.

    Args:
        x: A pytree of arrays and numbers.
        axis_name: The name given to `vmap`.
        axis: Where the mapped axis goes in the result.
        tiled: Whether the values are concatenated along an axis that they have, instead of stacked
            along a new one.

    Returns:
        A pytree like ``x``.

    Raises:
        ArgumentError: Where no open mapped axis has the name.
        ShapeError: Where a leaf has no such axis.

    >>> import numpy as np
    >>> from funcgrad import vmap
    >>> vmap(lambda x: x - all_gather(x, "i"), axis_name="i")(np.array([1.0, 4.0]))
    array([[ 0., -3.],
           [ 3.,  0.]])
    """
    found = axis_named(axis_name, "all_gather")
    gather = AllGather(found.size)

    def one(leaf: Any) -> Any:
        shape = aval_of(leaf).shape
        position = _axis("all_gather", leaf, axis, not tiled)
        moved = move_axis(gather(leaf, found.index), 0, position)
        if not tiled:
            return moved
        return reshape(
            moved, (*shape[:position], found.size * shape[position], *shape[position + 1 :])
        )

    return tree.map(one, x)


@entry
def psum_scatter(
    x: Any, axis_name: Hashable, *, scatter_dimension: int = 0, tiled: bool = False
) -> Any:
    """`psum`, of which each element of the mapped axis gets its own part.

    The transpose of `all_gather`.

    Args:
        x: A pytree of arrays, whose axis ``scatter_dimension`` has the length of the mapped axis,
            or where ``tiled`` a multiple of it.
        axis_name: The name given to `vmap`.
        scatter_dimension: The axis that is distributed.
        tiled: Whether each element gets a stretch of that axis, instead of one place without it.

    Returns:
        A pytree like ``x``.

    Raises:
        ArgumentError: Where no open mapped axis has the name.
        ShapeError: Where a leaf has no such axis, or it has another length.

    >>> import numpy as np
    >>> from funcgrad import vmap
    >>> vmap(lambda x: psum_scatter(x, "i"), axis_name="i")(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    found = axis_named(axis_name, "psum_scatter")
    size = found.size
    scatter = PSumScatter(size)

    def one(leaf: Any) -> Any:
        position = _axis("psum_scatter", leaf, scatter_dimension, False)
        shape = aval_of(leaf).shape
        length = shape[position]
        if length % size if tiled else length != size:
            raise ShapeError(
                f"psum_scatter: axis {position} of {aval_of(leaf)} has length {length}, and the "
                f"mapped axis {axis_name!r} has {size}",
                "Give it a multiple of that length." if tiled else "Give it that length.",
            )
        if tiled:
            leaf = reshape(leaf, (*shape[:position], size, length // size, *shape[position + 1 :]))
        return scatter(move_axis(_to_accumulator(leaf), position, 0), found.index)

    return tree.map(one, x)


@entry
def axis_index(axis_name: Hashable) -> Any:
    """The place of each element along a mapped axis, an int64.

    Args:
        axis_name: The name given to `vmap`.

    Raises:
        ArgumentError: Where no open mapped axis has the name.

    >>> from funcgrad import vmap
    >>> vmap(lambda: axis_index("i"), axis_size=3, axis_name="i")()
    array([0, 1, 2])
    """
    return axis_named(axis_name, "axis_index").index


@entry
def axis_size(axis_name: AxisName) -> int:
    """The length of a mapped axis, a Python int.

    Args:
        axis_name: The name given to `vmap`, or a tuple of names for the product of their lengths.

    Raises:
        ArgumentError: Where no open mapped axis has the name.

    >>> import numpy as np
    >>> from funcgrad import vmap
    >>> vmap(lambda x: x * axis_size("i"), axis_name="i")(np.array([1.0, 3.0]))
    array([2., 6.])
    """
    size = 1
    for axis in _axes(axis_name, "axis_size"):
        size *= axis.size
    return size


_PSUM, _PMEAN, _PMAX, _PMIN = PSum(), PMean(), PMax(), PMin()


def _axes(names: AxisName, what: str) -> list[Axis]:
    if isinstance(names, (tuple, list)):
        return [axis_named(name, what) for name in names]
    if not isinstance(names, Hashable):
        raise ArgumentError(
            f"{what}: axis_name must be a name or a tuple of names, got {names!r}",
            f"Write {what}(x, 'batch').",
        )
    return [axis_named(names, what)]


def _over(x: Any, names: AxisName, what: str, reduce: Callable[[Any, Axis], Any]) -> Any:
    axes = _axes(names, what)
    leaves, treedef = tree.flatten(x)
    found: list[Any] = []
    for i, leaf in enumerate(leaves):
        if not isinstance(leaf, (Tracer, np.ndarray, np.generic, int, float, complex)):
            path = tree.path_string(treedef.paths()[i])
            raise DtypeError(
                f"{what}: the operand{path} is {a(type(leaf).__name__)}, not an array or a number",
                "Leave it out, or convert it with numpy.asarray.",
            )
        for axis in axes:
            leaf = reduce(leaf, axis)
        found.append(leaf)
    return tree.unflatten(treedef, found)


def _reduce(collective: Any, leaf: Any, axis: Axis) -> Any:
    # A Python number differs along no axis, and stays one.
    return collective(leaf, axis.index) if not isinstance(leaf, (int, float, complex)) else leaf


def _to_accumulator(leaf: Any) -> Any:
    """``leaf`` in the dtype in which NumPy sums it."""
    dtype = aval_of(leaf).dtype
    if dtype.kind in "fc" or dtype.itemsize == 8:
        return leaf
    return convert(leaf, np.dtype(np.uint64 if dtype.kind == "u" else np.int64))


def _sum(leaf: Any, axis: Axis) -> Any:
    if isinstance(leaf, (int, float, complex)) and not isinstance(leaf, np.generic):
        return leaf * axis.size
    return _PSUM(_to_accumulator(leaf), axis.index)


def _mean(leaf: Any, axis: Axis) -> Any:
    aval = aval_of(leaf)
    if not aval.inexact:
        leaf = float(leaf) if isinstance(leaf, int) else convert(leaf, np.dtype(np.float64))
    return _reduce(_PMEAN, leaf, axis)


def _axis(what: str, leaf: Any, axis: int, new: bool) -> int:
    rank = len(aval_of(leaf).shape) + new
    if type(axis) is not int or not -rank <= axis < rank:
        raise ShapeError(
            f"{what}: axis {axis!r} is none of {aval_of(leaf)}"
            + (" with the mapped axis" if new else ""),
            f"Give an axis from {-rank} to {rank - 1}." if rank else "Give it an axis first.",
        )
    return axis % rank
