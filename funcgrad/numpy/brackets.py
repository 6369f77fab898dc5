"""Floor 6: ``r_`` and ``c_``, which join what stands between brackets, for tracers too.

NumPy's own make arrays of what they get; these hand what is not traced on to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import NotTraceableError
from ..ops.linear import reshape, shape_of
from .arguments import cast, is_weak, operand
from .create import arange, linspace
from .dispatch import has_tracer
from .promote import promote_types
from .shapes import transpose

__all__ = ["c_", "r_"]


class Brackets:
    """``r_`` or ``c_``: slices, numbers and arrays between brackets, joined along an axis.

    Args:
        name: The name in NumPy.
    """

    __slots__ = ("_name", "_plain")

    def __init__(self, name: str) -> None:
        self._name = name
        self._plain: Any = getattr(np, name)

    def __repr__(self) -> str:
        return f"funcgrad.numpy.{self._name}"

    def __reduce__(self) -> str:
        return self._name

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: Any) -> Any:
        items = key if isinstance(key, tuple) else (key,)
        if not any(map(_is_traced, items)):
            return self._plain[key]
        plain = self._plain
        axis, ndmin, first = plain.axis, plain.ndmin, plain.trans1d
        if isinstance(items[0], str):
            axis, ndmin, first = self._directive(items[0], axis, ndmin, first)
            items = items[1:]
        parts = [_part(item, ndmin, first) for item in items]
        dtype = promote_types(*parts)
        return np.concatenate([_at_least(cast(part, dtype), ndmin) for part in parts], axis)

    def _directive(self, text: str, axis: int, ndmin: int, first: int) -> tuple[int, int, int]:
        """The axis to join along, the least number of axes, and where those of an array begin."""
        if text in ("r", "c"):
            raise NotTraceableError(
                f"numpy.{self._name}: {text!r} asks for a numpy.matrix, which cannot be traced",
                f"Leave it away: funcgrad.numpy.{self._name}['0,2', x, y] gives an array.",
            )
        try:
            given = [int(part) for part in text.split(",")]
        except ValueError:
            raise ValueError(f"unknown special directive {text!r}") from None
        axis, ndmin, first = (*given, *(axis, ndmin, first)[len(given) :])[:3]
        return axis, ndmin, first


def _is_traced(item: Any) -> bool:
    if isinstance(item, slice):
        return has_tracer([item.start, item.stop, item.step])
    return has_tracer(item)


def _part(item: Any, ndmin: int, first: int) -> Any:
    """One of what stands between the brackets, an array, or a number that gives way in promotion.

    Raises:
        ValueError: A directive that does not come first.
    """
    if isinstance(item, str):
        raise ValueError("special directives must be the first entry.")
    if isinstance(item, slice):
        start = 0 if item.start is None else item.start
        step = 1 if item.step is None else item.step
        if isinstance(step, complex | np.complexfloating):
            item = linspace(start, item.stop, int(abs(step)))
        else:
            item = arange(start, item.stop, step)
    elif is_weak(item):
        return item
    x = operand(item)
    rank = len(shape_of(x))
    if first == -1 or rank >= ndmin or isinstance(item, np.generic):
        return x
    begin = first + ndmin - rank + 1 if first < 0 else first
    added = ndmin - rank
    x = _at_least(x, ndmin)
    positions = list(range(ndmin))
    return transpose(x, positions[:begin] + positions[added:] + positions[begin:added])


def _at_least(x: Any, ndmin: int) -> Any:
    shape = shape_of(x)
    return reshape(x, (1,) * (ndmin - len(shape)) + shape) if len(shape) < ndmin else x


r_ = Brackets("r_")
c_ = Brackets("c_")
