"""Functional updates. ``at(x)[i].set(y)`` is ``x[i] = y`` that returns the new array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .._publish import entries
from ..core.trace import Tracer, apply, aval_of
from ..errors import (
    ArgumentError,
    DtypeError,
    NotTraceableError,
    TracerAssignmentError,
    UnknownAttributeError,
    entry,
)
from ..ops.convert import convert
from ..ops.index import IndexAdd, IndexSet
from ..ops.layout import distinct, fill, layout
from ..ops.linear import broadcast_to, reshape, shape_of
from .arguments import operand
from .getitem import Key, resolve, take_resolved
from .modes import bounded, filler, mode_name
from .promote import promote_types, strong

__all__ = ["at"]

Array = Any


def at(x: Array) -> At:
    """Functional updates of an array: ``at(x)[i].set(y)``.

    Works on plain arrays and on traced values alike, so that a function that uses it runs plainly
    as it does under `jit` and `grad`. A traced value has it as ``x.at`` too, as JAX's arrays have;
    a plain NumPy array has no such attribute, and a function with ``x.at[i]`` in it raises an
    AttributeError when it is called without a transform.

    Args:
        x: An array of any shape.

    Returns:
        An object to be indexed with any NumPy index; see `AtIndex` for what follows.

    >>> at(np.zeros(3))[1:].set([5.0, 6.0])
    array([0., 5., 6.])
    """
    return At(x if isinstance(x, Tracer) else np.asarray(x))


class At:
    """``x.at``, to be indexed."""

    __slots__ = ("_x",)

    def __init__(self, x: Array) -> None:
        self._x = strong(x)

    def __getitem__(self, key: Any) -> AtIndex:
        return AtIndex(self._x, key)

    @entry
    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        raise TracerAssignmentError(
            "at(x)[i] = y: nothing is written in place",
            "Write x = at(x)[i].set(y), and x = at(x)[i].add(y) for x[i] += y.",
        )

    @entry
    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnknownAttributeError(
            f"at(x).{name}: at(x) is to be indexed", f"Write at(x)[i].{name}(...)."
        )


@entries
class AtIndex:
    """``at(x)[key]``. Every method returns a new array of the shape and dtype of ``x``.

    Where places in the key repeat, `set` leaves the last value, as an assignment in NumPy, and the
    others apply each value in turn, as ``ufunc.at``. The derivative is that of what is computed.

    A boolean mask without value (under jit, vmap) is taken where ``y`` has no axis for the places
    it chooses.
    """

    __slots__ = ("_key", "_x")
    name = "at(x)[i]"

    def __init__(self, x: Array, key: Any) -> None:
        self._x, self._key = x, key

    def get(
        self,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
        fill_value: Any = None,
    ) -> Array:
        """``x[key]``.

        Args:
            indices_are_sorted: Without meaning here, as in JAX's other methods of this kind.
            unique_indices: Without meaning here.
            mode: ``"clip"`` takes the nearest place for an index out of bounds, ``"fill"`` gives
                ``fill_value`` there; without it they raise.
            fill_value: By default nan, of integers the smallest, of unsigned ones the largest.

        Raises:
            OutOfBoundsError: An index is outside ``x``, and no mode is given.

        >>> at(np.array([1.0, 2.0]))[[0, 5]].get(mode="fill", fill_value=0.0)
        array([1., 0.])
        """
        mode = self._mode("get", mode)
        if mode is None:
            return take_resolved(self._x, resolve(shape_of(self._x), self._key))
        within = bounded("at(x)[i].get", shape_of(self._x), self._key, mode)
        found = take_resolved(self._x, resolve(shape_of(self._x), within.key))
        if within.inside is None:
            return found
        return np.where(within.inside, found, filler(aval_of(self._x).dtype, fill_value))

    def set(
        self,
        y: Array,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        """``x[key] = y``.

        Args:
            y: Broadcasts to ``x[key]``; converted to the dtype of ``x``.
            indices_are_sorted: Without meaning here.
            unique_indices: Without meaning here.
            mode: ``"clip"`` takes the nearest place for an index out of bounds, ``"drop"`` leaves
                it out; without it they raise.

        Raises:
            DtypeError: A traced ``y`` would lose its gradient or its imaginary part.
            OutOfBoundsError: An index is outside ``x``, and no mode is given.
        """
        mode = self._mode("set", mode)
        if mode is not None:
            return self._within("set", mode, lambda place: place.set(y))
        y = _value(y)
        if _is_traced_mask(self._key):
            return _where(self._x, self._key, y, _as_dtype_of(self._x, y))
        return self._apply(IndexSet, y)

    def add(
        self,
        y: Array,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        """``x[key] += y``; the same to ``np.add.at`` where places repeat. Keywords as for `set`."""
        mode = self._mode("add", mode)
        if mode is not None:
            return self._within("add", mode, lambda place: place.add(y))
        y = _value(y)
        if _is_traced_mask(self._key):
            return self._in_turn(np.add, y, True)
        _check_kind(self._x, y)
        return self._apply(IndexAdd, y)

    def subtract(
        self,
        y: Array,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        """``x[key] -= y``; the same to ``np.subtract.at`` where places repeat."""
        mode = self._mode("subtract", mode)
        if mode is not None:
            return self._within("subtract", mode, lambda place: place.subtract(y))
        y = _value(y)
        if _is_traced_mask(self._key) or aval_of(self._x).dtype.kind not in "ifc":
            return self._in_turn(np.subtract, y, False)
        _check_kind(self._x, y)
        return self._apply(IndexAdd, -_as_dtype_of(self._x, y))

    def multiply(
        self,
        y: Array,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        """``x[key] *= y``; the same to ``np.multiply.at`` where places repeat.

        Args:
            y: Broadcasts to ``x[key]``.
            indices_are_sorted: Without meaning here.
            unique_indices: A promise that no place repeats, which is needed for traced index
                arrays.
            mode: As for `set`.

        Raises:
            NotTraceableError: Places may repeat and have no values.
        """
        return self._in_turn(np.multiply, y, unique_indices, mode)

    def divide(
        self,
        y: Array,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        """``x[key] /= y``; see `multiply`."""
        return self._in_turn(np.true_divide, y, unique_indices, mode)

    def power(
        self,
        y: Array,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        """``x[key] **= y``; see `multiply`."""
        return self._in_turn(np.power, y, unique_indices, mode)

    def min(
        self,
        y: Array,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        """``x[key] = minimum(x[key], y)``; see `multiply`."""
        return self._in_turn(np.minimum, y, unique_indices, mode)

    def max(
        self,
        y: Array,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        """``x[key] = maximum(x[key], y)``; see `multiply`."""
        return self._in_turn(np.maximum, y, unique_indices, mode)

    def apply(
        self,
        f: Callable[[Array], Array],
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
    ) -> Array:
        """``x[key] = f(x[key])``, once for every time that a place occurs in the key."""
        return self._in_turn(lambda old, _: f(old), 0, unique_indices, mode)

    def _mode(self, method: str, mode: Any) -> str | None:
        name = mode_name(f"at(x)[i].{method}", mode)
        return None if _is_traced_mask(self._key) else name

    def _within(self, method: str, mode: str, update: Callable[[AtIndex], Array]) -> Array:
        """An update by indices brought inside, or of an array with one element more, cut off."""
        x, shape = self._x, shape_of(self._x)
        what = f"at(x)[i].{method}"
        if mode == "clip":
            return update(AtIndex(x, bounded(what, shape, self._key, mode).key))
        within = bounded(what, shape, self._key, mode, beyond=True)
        around = [(0, 1 if axis in within.axes else 0) for axis in range(len(shape))]
        wide = np.pad(x, around, constant_values=1)
        return update(AtIndex(wide, within.key))[tuple([slice(n) for n in shape])]

    def _apply(self, primitive: Any, y: Any) -> Any:
        """One of the two primitives, with ``y`` as it takes it."""
        x = self._x
        key = resolve(shape_of(x), self._key)
        y = _fitting(_as_dtype_of(x, y), key)
        new = apply(primitive(key.parts), (reshape(x, key.shape), y, *key.arrays), None)
        return reshape(new, shape_of(x))

    def _in_turn(
        self, op: Callable[[Any, Any], Any], y: Any, unique: bool, mode: Any = None
    ) -> Any:
        mode = self._mode(getattr(op, "__name__", "apply"), mode)
        if mode is not None:
            return self._within("update", mode, lambda place: place._in_turn(op, y, unique))
        x = self._x
        y = _value(y)
        if _is_traced_mask(self._key):
            return _where(x, self._key, y, _as_dtype_of(x, _combine(op, x, y)))
        key = resolve(shape_of(x), self._key)
        if unique or distinct(key.arrays):
            old = take_resolved(x, key)
            return AtIndex(x, self._key).set(_combine(op, old, y))
        if any(isinstance(a, Tracer) for a in key.arrays):
            raise NotTraceableError(
                "at: places in a traced index array may repeat, and the values are applied in turn",
                "Pass unique_indices=True where they do not, use add(), or make the index array "
                "before the transform.",
            )
        size = int(np.prod(key.shape))
        positions = np.arange(size).reshape(key.shape)[fill(key.parts, key.arrays)]
        y = reshape(broadcast_to(_fitting(y, key), positions.shape), (positions.size,))
        flat = reshape(x, (size,))
        for turn in _turns(positions.reshape(-1)):
            chosen = positions.reshape(-1)[turn]
            old = At(flat)[chosen].get()
            flat = At(flat)[chosen].set(_combine(op, old, At(y)[turn].get()))
        return reshape(flat, shape_of(x))


def _combine(op: Callable[[Any, Any], Any], old: Any, y: Any) -> Any:
    """``op(old, y)``, of a dtype that ``old`` takes as in NumPy's ``old *= y``."""
    new = op(old, y)
    _check_kind(old, new)
    return new


def _turns(positions: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Indices into ``positions``: where each value stands first, where second, and so on."""
    order = np.argsort(positions, kind="stable")
    ordered = positions[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: positions.size])
    lengths = np.diff(np.append(starts, positions.size))
    turn = np.empty(positions.size, np.intp)
    turn[order] = np.arange(positions.size) - np.repeat(starts, lengths)
    return [np.flatnonzero(turn == k) for k in range(int(lengths.max(initial=0)))]


def _value(y: Any) -> Any:
    return operand(y) if isinstance(y, (list, tuple)) else y


def _check_kind(x: Any, y: Any) -> None:
    dtype = promote_types(x, y)
    if not np.can_cast(dtype, aval_of(x).dtype, "same_kind"):
        raise DtypeError(
            f"at: {aval_of(y)} cannot be combined into an array of {aval_of(x).dtype}",
            f"Convert the array first: at(x.astype({dtype}))[i].",
        )


def _as_dtype_of(x: Any, y: Any) -> Any:
    """``y`` as NumPy's assignment into ``x`` would convert it."""
    dtype = aval_of(x).dtype
    if not isinstance(y, Tracer):
        if isinstance(y, np.ndarray):
            return y.astype(dtype)[()]
        return dtype.type(y)
    lost = "biufc".index(aval_of(y).dtype.kind) > "biufc".index(dtype.kind)
    if lost and aval_of(y).inexact:
        raise DtypeError(
            f"at: a traced {aval_of(y)} put into an array of {dtype} would lose its gradient"
            if dtype.kind != "f"
            else f"at: a traced {aval_of(y)} put into an array of {dtype} would lose its "
            "imaginary part",
            f"Convert the array first: at(x.astype({aval_of(y).dtype}))[i].",
        )
    return convert(y, dtype)


def _fitting(y: Any, key: Key) -> Any:
    """``y`` without the leading axes of length 1 that NumPy's assignment passes over."""
    given = shape_of(y)
    if len(given) < 2:
        return y
    target, _, _ = layout(key.parts, key.shape, [shape_of(a) for a in key.arrays])
    while len(given) > len(target) and given[0] == 1:
        given = given[1:]
    return reshape(y, given)


def _is_traced_mask(key: Any) -> bool:
    return isinstance(key, Tracer) and key.aval.dtype.kind == "b"


def _where(x: Any, mask: Any, y: Any, new: Any) -> Any:
    """The update where a mask has no value: chosen element by element."""
    rest = len(shape_of(x)) - len(shape_of(mask))
    if len(shape_of(y)) > rest:
        raise NotTraceableError(
            f"at: under a mask without value, {aval_of(y)} would be laid out by how many places "
            "the mask chooses",
            "Give a scalar, or write numpy.where(mask, y, x) with y of the shape of x.",
        )
    return np.where(reshape(mask, (*shape_of(mask), *(1,) * rest)), new, x)


def _no_value(symbol: str, method: str) -> Callable[..., NoReturn]:
    @entry
    def operator(self: AtIndex, *other: Any) -> NoReturn:
        raise ArgumentError(
            f"at(x)[i] {symbol} y: at(x)[i] is a place, not a value",
            f"Write at(x)[i].{method}(y) for a new array, or at(x)[i].get() for the value.",
        )

    return operator


for _symbol, _name, _instead in (
    ("+", "add", "add"),
    ("-", "sub", "subtract"),
    ("*", "mul", "multiply"),
    ("/", "truediv", "divide"),
    ("**", "pow", "power"),
):
    for _prefix in ("", "r"):
        setattr(AtIndex, f"__{_prefix}{_name}__", _no_value(_symbol, _instead))
