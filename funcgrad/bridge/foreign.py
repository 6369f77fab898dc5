"""Functions of other libraries as differentiable primitives.

A `Foreign` primitive runs a function on NumPy's arrays. Its derivatives and batches are foreign
functions again, made by the other library when they are asked for: so nothing is traced before it
is wanted, and a derivative of a derivative ends where nobody asks for another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from .. import tree
from ..core.ir import Aval
from ..core.primitive import Primitive, primitive
from ..core.source_info import name_of
from ..core.trace import Tracer, apply, aval_of
from ..errors import ArgumentError, MissingRuleError
from ..ops.convert import convert
from ..ops.linear import Sum
from ..tree.treedef import a

__all__ = ["Batches", "Foreign", "ForeignFunction", "Kind", "Known", "flat_function", "restrict"]

Batches = tuple[tuple[int, tuple[bool, ...]], ...]
"""The batches around a call, outermost first: their lengths, and which operands have them."""


class Kind(Protocol):
    """What another library does with functions of flat operands, which return tuples.

    Attributes:
        name: What errors call it.
    """

    name: str

    def avals(self, f: Any, avals: Sequence[Aval]) -> Sequence[Aval]:
        """The types of the results, for operands of these types."""
        ...

    def call(self, f: Any, batches: Batches, operands: Sequence[Any]) -> Sequence[Any]:
        """The results as NumPy's arrays of their own, mapped over batches."""
        ...

    def pullback(self, f: Any, count: int, wanted: Sequence[int], given: Sequence[int]) -> Any:
        """``(*operands, *cotangents)`` to the cotangents of the operands in ``wanted``.

        Args:
            f: The function.
            count: How many operands it takes.
            wanted: The positions of the operands asked for.
            given: The positions of the results that have cotangents.
        """
        ...

    def push(self, f: Any, count: int, moving: Sequence[int], given: Sequence[int]) -> Any:
        """``(*operands, *tangents)`` to the tangents of the results in ``given``."""
        ...


class ForeignFunction:
    """A function of another library; compared by identity.

    Attributes:
        kind: The library.
        f: The function, of flat operands.
        avals: The types of the operands, for one element.
        out_avals: The types of the results.
        order: How often it may still be differentiated.
    """

    def __init__(self, kind: Kind, f: Any, avals: Sequence[Aval], order: int, label: str) -> None:
        self.kind, self.f, self.order, self._label = kind, f, order, label
        self.avals = [aval.strong() for aval in avals]
        self.out_avals = list(kind.avals(f, self.avals))
        self._derived: dict[Any, ForeignFunction] = {}

    def __str__(self) -> str:
        return self._label

    def backward(self, wanted: tuple[int, ...], given: tuple[int, ...]) -> ForeignFunction:
        """The pullback, see `Kind.pullback`."""
        f = lambda: self.kind.pullback(self.f, len(self.avals), wanted, given)  # noqa: E731
        return self._derive(("vjp", wanted, given), f, given)

    def forward(self, moving: tuple[int, ...], given: tuple[int, ...]) -> ForeignFunction:
        """The pushforward, see `Kind.push`."""
        f = lambda: self.kind.push(self.f, len(self.avals), moving, given)  # noqa: E731
        return self._derive(("jvp", moving, given), f, None, moving)

    def _derive(
        self,
        key: Any,
        f: Callable[[], Any],
        given: Sequence[int] | None,
        moving: Sequence[int] = (),
    ) -> ForeignFunction:
        if not self.order:
            raise MissingRuleError(
                f"{self.kind.name}: a derivative of {self._label} is asked for, of an order higher "
                "than it was made for",
                f"Say how often it is differentiated: {self.kind.name}(f, order=2).",
            )
        found = self._derived.get(key)
        if found is None:
            more = [self.avals[i] for i in moving]
            if given is not None:
                more = [self.out_avals[i] for i in given]
            label = f"{key[0]} of {self._label}"
            avals = [*self.avals, *more]
            found = ForeignFunction(self.kind, f(), avals, self.order - 1, label)
            found = self._derived.setdefault(key, found)
        return found


@primitive
class Foreign(Primitive):
    """The results of a function of another library, mapped over ``batches``."""

    function: Any
    batches: Batches
    multiple = True
    foreign = True

    def __str__(self) -> str:
        return f"{self.name}[{self.function}]"

    def aval(self, *avals: Aval) -> tuple[Aval, ...]:
        found: list[Aval] = list(self.function.out_avals)
        for size, _ in reversed(self.batches):
            found = [aval.batch(size) for aval in found]
        return tuple(found)

    def run(self, *operands: Any) -> tuple[Any, ...]:
        function: ForeignFunction = self.function
        found = function.kind.call(function.f, self.batches, operands)
        return tuple([x[()] if not x.ndim else x for x in found])

    def vmap(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        batches = ((size, tuple(batched)), *self.batches)
        return apply(Foreign(self.function, batches), operands, None)

    def vjp(
        self, ct: Any, out: Any, operands: Sequence[Any], wanted: Sequence[bool], masked: bool
    ) -> Sequence[Any]:
        function: ForeignFunction = self.function
        asked = tuple(
            [
                i
                for i, (a, w) in enumerate(zip(function.avals, wanted, strict=True))
                if w and a.inexact
            ]
        )
        given = tuple([i for i, c in enumerate(ct) if c is not None])
        pulled: list[Any] = [None] * len(operands)
        if not asked or not given:
            return pulled
        back = function.backward(asked, given)
        batches = tuple([(n, (*flags, *[True] * len(given))) for n, flags in self.batches])
        cts = [convert(ct[i], function.out_avals[i].dtype) for i in given]
        found = apply(Foreign(back, batches), [*operands, *cts], None)
        for i, c in zip(asked, found, strict=True):
            # One cotangent for each element; those of an operand that they share add up.
            axes = [k for k, (_, flags) in enumerate(self.batches) if not flags[i]]
            pulled[i] = Sum(tuple(axes))(c) if axes else c
        return pulled

    def jvp(self, out: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        function: ForeignFunction = self.function
        moving = tuple([i for i, t in enumerate(tangents) if t is not None])
        given = tuple([i for i, a in enumerate(function.out_avals) if a.inexact])
        ts = [convert(tangents[i], function.avals[i].dtype) for i in moving]
        batches = tuple([(n, (*flags, *[flags[i] for i in moving])) for n, flags in self.batches])
        found = apply(Foreign(function.forward(moving, given), batches), [*operands, *ts], None)
        each = dict(zip(given, found, strict=True))
        return [each.get(i) for i in range(len(function.out_avals))]


class Known:
    """What a function is called with, and the flat functions made for it so far."""

    def __init__(self, kind: Kind, f: Any, order: int) -> None:
        if not callable(f):
            raise ArgumentError(
                f"{kind.name}: expected a function, got {type(f).__name__}",
                f"Write {kind.name}(f)(x).",
            )
        if type(order) is not int or order < 0:
            raise ArgumentError(
                f"{kind.name}: got order={order!r}",
                "Write how often it may be differentiated, an integer from 0 on.",
            )
        self.kind, self.f, self.order = kind, f, order
        self._functions: dict[Any, tuple[ForeignFunction, Any]] = {}

    def __call__(self, flatten: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """The result at these arguments."""
        leaves, treedef = tree.flatten((args, kwargs))
        numbers = [i for i, x in enumerate(leaves) if is_number(x)]
        operands = [leaves[i] for i in numbers]
        avals = [aval_of(x).strong() for x in operands]
        rest = tuple([(i, x) for i, x in enumerate(leaves) if i not in set(numbers)])
        key = treedef, tuple(avals), tuple([(i, type(x), x) for i, x in rest])
        try:
            found = self._functions.get(key)
        except TypeError:
            i = next(i for i, x in rest if not _hashable(x))
            _, place, *path = treedef.paths()[i]
            raise ArgumentError(
                f"{self.kind.name}: argument {place.key!r}{tree.path_string(path)} is "
                f"{a(type(leaves[i]).__name__)}, which is neither one of NumPy's arrays, nor a "
                "number, nor hashable",
                "Pass NumPy's arrays, numbers, and pytrees of them.",
            ) from None
        if found is None:
            flat, structure = flatten(self.f, treedef, dict(rest), numbers)
            label = name_of(self.f)
            function = ForeignFunction(self.kind, flat, avals, self.order, label)
            found = self._functions[key] = function, structure
        function, structure = found
        given = [
            convert(x, a.dtype) if aval_of(x).weak else x
            for x, a in zip(operands, avals, strict=True)
        ]
        results = apply(Foreign(function, ()), given, None)
        return tree.unflatten(structure[0], list(results))


def flat_function(
    f: Any,
    treedef: Any,
    rest: dict[int, Any],
    numbers: Sequence[int],
    finish: Callable[[Any], Any],
) -> tuple[Callable[..., tuple[Any, ...]], list[Any]]:
    """``f`` as a function of flat operands that returns a tuple.

    Args:
        f: The function.
        treedef: The structure of its arguments.
        rest: By position the leaves that are no operands.
        numbers: The positions of the operands.
        finish: Applied to each leaf of the result.

    Returns:
        That, and a list whose element is the result's structure once it was called.
    """
    structure: list[Any] = [None]

    def flat(*operands: Any) -> tuple[Any, ...]:
        leaves = {**rest, **dict(zip(numbers, operands, strict=True))}
        args, kwargs = tree.unflatten(treedef, [leaves[i] for i in range(len(leaves))])
        found, structure[0] = tree.flatten(f(*args, **kwargs))
        return tuple([finish(x) for x in found])

    return flat, structure


def restrict(
    f: Callable[..., Any], operands: Sequence[Any], moving: Sequence[int], given: Sequence[int]
) -> Callable[..., tuple[Any, ...]]:
    """The results in ``given`` as a function of the operands in ``moving``, the others fixed."""

    def part(*moved: Any) -> tuple[Any, ...]:
        args = list(operands)
        for i, x in zip(moving, moved, strict=True):
            args[i] = x
        found = f(*args)
        return tuple([found[i] for i in given])

    return part


def _hashable(x: Any) -> bool:
    try:
        hash(x)
    except TypeError:
        return False
    return True


def is_number(x: Any) -> bool:
    """Whether an argument is an operand: an array or a number, and no boolean of Python's."""
    return isinstance(x, (np.ndarray, np.generic, float, int, complex, Tracer)) and not isinstance(
        x, bool
    )
