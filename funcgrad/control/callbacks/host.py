"""Python functions of the user's in programs: how they are called with plain values.

`Host` is such a function with the structure of its arguments. The operands of a batch are taken
apart element by element, outermost axis first; `call_for_elements` says which elements of the
innermost batch around it a branch or loop is really for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np

from ...core.ir import Jaxpr
from ...core.source_info import name_of, place_of
from ...core.trace import aval_of
from ..custom.arguments import Arguments, is_array

__all__ = [
    "Batches",
    "Host",
    "call_for_elements",
    "each_element",
    "elements_running",
    "in_host",
    "on_host",
    "plain_result",
]

Batches: TypeAlias = tuple[tuple[int, tuple[bool, ...]], ...]
"""The axes over which a call is mapped, outermost first: their lengths, and which operands have
them."""

_RUNNING: ContextVar[np.ndarray[Any, Any] | None] = ContextVar("funcgrad_running", default=None)


def is_operand(leaf: Any) -> bool:
    """Whether a leaf is a number, and no integer or boolean of Python's."""
    return is_array(leaf) or isinstance(leaf, (float, complex, np.number, np.bool_))


class Host:
    """A function of the user's, and the arguments of one call; compared by identity.

    Attributes:
        function: The function.
        arguments: The arguments. All numbers are operands but Python's integers and booleans, which
            are passed on as they are.
    """

    __slots__ = ("arguments", "function")

    def __init__(self, function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.function = function
        values = [*args, *kwargs.values()]
        labels = [*map(str, range(len(args))), *kwargs]
        extra = range(len(args), len(values))
        self.arguments = Arguments(values, labels, tuple(kwargs), extra, is_operand)

    def __str__(self) -> str:
        return name_of(self.function)

    @property
    def source(self) -> str:
        """The function as errors name it."""
        return place_of(self.function)

    def __call__(self, operands: Sequence[Any]) -> Any:
        """The function's result for plain operands."""
        return self.arguments.call(on_host(self.function), [plain_result(x) for x in operands])


def on_host(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f``, in whose calls `in_host` knows that the user's code runs."""

    def call_on_host(*args: Any, **kwargs: Any) -> Any:
        return f(*args, **kwargs)

    return call_on_host


_CODE = on_host(len).__code__  # type: ignore[attr-defined]


def plain_result(x: Any) -> Any:
    """A value as the user's function gets it: an array of its own, or a NumPy scalar."""
    if isinstance(x, np.ndarray):
        return np.array(x) if x.ndim else x[()]
    return aval_of(x).dtype.type(x) if type(x) in (float, int, bool, complex) else x


def in_host(tb: TracebackType | None) -> bool:
    """Whether a traceback passes through a function of the user's."""
    while tb is not None:
        if tb.tb_frame.f_code is _CODE:
            return True
        tb = tb.tb_next
    return False


def each_element(
    batches: Batches, operands: Sequence[Any], elements: Any = None
) -> Iterator[list[Any]]:
    """The operands of each element of nested batches, in order.

    Args:
        batches: The batches.
        operands: The operands.
        elements: Which elements of the outermost batch to take; all by default.
    """
    if not batches:
        yield list(operands)
        return
    (size, flags), *rest = batches
    for i in range(size):
        if elements is None or elements[i]:
            element = [x[i] if b else x for x, b in zip(operands, flags, strict=True)]
            yield from each_element(tuple(rest), element)


def call_for_elements(
    elements: np.ndarray[Any, Any],
    program: Jaxpr,
    compiled: Callable[..., Any],
    args: Sequence[Any],
) -> Any:
    """The results of a program for a batch, computed for the sake of ``elements`` alone.

    The other elements are computed with operands of one of these, for `BatchedCond` and
    `BatchedWhile` compute whole batches; nobody is to see them, so effects happen for ``elements``.

    Args:
        elements: A boolean for each element.
        program: The program.
        compiled: The same, compiled.
        args: Its operands.
    """
    if not program.effect:
        return compiled(*args)
    outer = _RUNNING.get()
    if outer is not None and len(elements) % len(outer) == 0:
        elements = elements & np.repeat(outer, len(elements) // len(outer))
    try:
        _RUNNING.set(elements)
        return compiled(*args)
    finally:
        _RUNNING.set(outer)


def elements_running(batches: Batches) -> Any:
    """Which elements of the outermost of ``batches`` are for real; None for all."""
    elements = _RUNNING.get()
    return elements if elements is not None and batches and batches[0][0] == len(elements) else None
